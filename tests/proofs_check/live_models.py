"""Tiny models of every class of transformers that keeps a state, alive: what they keep moves what they answer.

A fresh random model can forget at once; then a test of padding, pieces or caches on it tests nothing.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

VOCABULARY = 24
SHARED: dict[str, Any] = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2, "pad_token_id": None}
SHARED |= {"bos_token_id": None, "eos_token_id": None}
ATTENTION: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 8}
LAYERS: dict[str, Any] = {"layer_types": ["linear_attention", "full_attention"]}
DELTA: dict[str, Any] = {"linear_num_key_heads": 2, "linear_num_value_heads": 4}
DELTA |= {"linear_key_head_dim": 4, "linear_value_head_dim": 4}
FEW: dict[str, Any] = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8}
EXPERTS: dict[str, Any] = FEW | {"shared_expert_intermediate_size": 8, "head_dim": 8}
LATENT: dict[str, Any] = {"kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4}
HYBRID: dict[str, Any] = ATTENTION | {"mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 4, "mamba_n_groups": 1}
INDEXER: dict[str, Any] = {"indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 8}
INDEXER |= {"indexer_budget": 16, "indexer_compress_ratio": 4, "hc_count": 2, "hc_lowrank": 4}
GLM: dict[str, Any] = {"n_routed_experts": 2, "q_lora_rank": 8, "index_head_dim": 8, "index_n_heads": 2}
GLM |= {"index_topk": 16, "index_kpool": 4, "hc_mult": 2, "mlp_layer_types": ["dense", "dense"]}
GLM |= {"layer_types": ["linear_attention", "indexed_attention"], "linear_head_dim": 4, "linear_num_heads": 2}
WINDOWS: dict[str, Any] = {"layer_types": ["hybrid_sliding", "hybrid"], "head_dim": 8, "d_rel": 4, "rel_extent": 16}
WINDOWS |= {"swa_num_attention_heads": 2, "swa_num_key_value_heads": 2, "swa_head_dim": 8, "n_routed_experts": 2}
TWICE = ["linear_attention", "hybrid"] * 2
EXPERTS_OF_TWO: dict[str, Any] = {"num_local_experts": 2, "num_experts_per_tok": 1}

MODELS: dict[str, dict[str, Any]] = {
    "olmo_hybrid": ATTENTION | LAYERS | DELTA | {"linear_num_key_heads": 4},
    "qwen3_next": ATTENTION | LAYERS | DELTA | EXPERTS,
    "qwen3_5_text": ATTENTION | LAYERS | DELTA | {"head_dim": 8},
    "qwen3_5_moe_text": ATTENTION | LAYERS | DELTA | EXPERTS,
    "qwen4_exp_text": ATTENTION
    | DELTA
    | EXPERTS
    | INDEXER
    | {"layer_types": ["linear_attention", "indexed_attention"]},
    "lara_mini": ATTENTION | LAYERS | DELTA | EXPERTS,
    "kimi_linear": ATTENTION | LAYERS | FEW | LATENT | {"linear_head_dim": 4, "linear_num_heads": 2},
    "glm5_next_text": ATTENTION | FEW | LATENT | GLM | {"qk_rope_head_dim": 0},
    "bailing_hybrid": ATTENTION
    | LAYERS
    | FEW
    | LATENT
    | {"head_dim": 4, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 2, "num_mtp_layers": 0},
    "mamba": {"state_size": 4},
    "falcon_mamba": {"state_size": 4},
    "mamba2": {"state_size": 4, "num_heads": 4, "head_dim": 8, "n_groups": 1},
    "bamba": HYBRID | {"attn_layer_indices": [1]},
    "granitemoehybrid": HYBRID | LAYERS | EXPERTS_OF_TWO | {"shared_intermediate_size": 8},
    "falcon_h1": HYBRID | {"mamba_d_ssm": 32, "head_dim": 8},
    "jamba": ATTENTION | FEW | {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 4},
    "zamba": ATTENTION
    | {"num_hidden_layers": 4, "layers_block_type": TWICE, "n_mamba_heads": 2, "mamba_d_state": 4, "mamba_dt_rank": 2},
    "zamba2": ATTENTION
    | {"num_hidden_layers": 4, "layers_block_type": TWICE, "n_mamba_heads": 4, "mamba_d_state": 4, "adapter_rank": 4},
    "nemotron_h": ATTENTION
    | {"layers_block_type": LAYERS["layer_types"], "ssm_state_size": 4, "mamba_num_heads": 4, "mamba_head_dim": 8}
    | {"n_groups": 1, "head_dim": 8},
    "minimax": ATTENTION
    | EXPERTS_OF_TWO
    | {"layer_types": ["full_attention", "linear_attention"], "head_dim": 8, "block_size": 4},
    "minimax, lightning first": ATTENTION | LAYERS | EXPERTS_OF_TWO | {"head_dim": 8, "block_size": 4},
    "recurrent_gemma": ATTENTION | {"num_hidden_layers": 3, "lru_width": 16, "attention_window_size": 16},
    "rwkv": {"attention_hidden_size": 16, "intermediate_size": 16, "context_length": 64},
    "xlstm": {"num_heads": 2, "hidden_size": 128, "num_blocks": 2},
    "lfm2": ATTENTION | {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": ATTENTION | FEW | {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "lfm3": ATTENTION | {"layer_types": ["conv", "full_attention"], "head_dim": 8},
    "zaya": ATTENTION | FEW | {"head_dim": 8, "router_hidden_size": 8, "num_attention_heads": 4},
    "inkling_text": ATTENTION | FEW | WINDOWS | {"n_shared_experts": 1, "mlp_layer_types": ["dense", "dense"]},
    "inkling2_text": ATTENTION | FEW | WINDOWS | {"n_layers_per_attn_res_block": 1, "unpadded_vocab_size": VOCABULARY},
}
"""By `model_type`, or with a word on the configuration behind a comma."""


def installed(name: str) -> bool:
    """Whether the installed transformers has the class."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return name.split(",")[0] in CONFIG_MAPPING_NAMES


def made(name: str, held: bool = True, **other: Any) -> Any:
    """A model whose gates leave the middle. With `held`, steps of time are small in classes that limit them or that
    forget at once. `other` fields go before those of `MODELS`."""
    import transformers

    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(name.split(",")[0], **SHARED | MODELS[name] | other)
    causal = type(config) in transformers.AutoModelForCausalLM._model_mapping
    model = (transformers.AutoModelForCausalLM if causal else transformers.AutoModel).from_config(config)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            last = key.rsplit(".", 1)[-1]
            if last == "A_log":
                parameter.uniform_(-3, 0)
            elif held and last in ("dt_bias", "dt_proj_bias") and name in ("zamba", "zamba2", "nemotron_h"):
                parameter.uniform_(-9, -3)  # below the floor of the latter two
            elif last == "dt_proj_weight":
                pass
            elif last == "recurrent_param":
                parameter.uniform_(-4, -1)
            elif parameter.dim() > 1:
                parameter.mul_(20)
    return model.eval()


CACHES = ("cache", "cache_params", "past_key_values", "state")
"""The arguments by which models take what they keep, the newest name first."""


def answers(output: Any) -> Tensor:
    """Logits, or the last layer where a class has no head."""
    return (output.logits if hasattr(output, "logits") else output.last_hidden_state).detach()


class Reader:
    """A model, read piece after piece."""

    def __init__(self, model: Any, positions: bool = False) -> None:
        self.model, self.at, self.cache = model, 0, None
        accepted = inspect.signature(model.forward).parameters
        self.name = next(name for name in CACHES if name in accepted)
        self.positions = positions and "position_ids" in accepted
        if model.config.model_type == "recurrent_gemma":  # it returns none
            from transformers import DynamicCache

            self.cache = DynamicCache(config=model.config)

    @torch.no_grad()
    def read(self, ids: Tensor, **options: Any) -> Tensor:
        if self.positions and "position_ids" not in options:
            options["position_ids"] = torch.arange(self.at, self.at + ids.shape[1])[None].expand(len(ids), -1)
        if self.cache is not None:
            options[self.name] = self.cache
        output = self.model(ids, use_cache=True, **options)
        if self.cache is None:
            given = (getattr(output, name, None) for name in CACHES)
            self.cache = next((cache for cache in given if cache is not None), None)
        self.at += ids.shape[1]
        return answers(output)


def states(model: Any, cache: Any) -> dict[int, Tensor]:
    """The recurrent states by layer, as they are kept: writing into them changes what the model goes on from."""
    kind = model.config.model_type
    if kind == "recurrent_gemma":
        blocks = [layer.temporal_block for layer in model.base_model.layers]
        return {i: block.rg_lru.recurrent_states for i, block in enumerate(blocks) if hasattr(block, "rg_lru")}
    if kind == "rwkv":
        return {i: cache[2][:, :, i] for i in range(model.config.num_hidden_layers)}
    if kind == "xlstm":
        return {i: cache.rnn_state[i][0] for i in range(len(model.base_model.blocks))}
    if kind == "minimax":
        return {i: state for i, state in enumerate(cache.linear_cache) if isinstance(state, Tensor)}
    kept = {i: getattr(layer, "recurrent_states", None) for i, layer in enumerate(cache.layers)}
    return {i: state[0] for i, state in kept.items() if isinstance(state, dict) and state[0] is not None}
