"""Weights for `OlmoHybridForCausalLM` of the `transformers` library: a checkpoint that tracks a group.

The class is that of a released 7B model: Gated DeltaNet layers with β ∈ [0, 2], and attention. One DeltaNet layer
carries the group (`constructions.targets.delta_layer`); the attention layer, of which the configuration wants at
least one, and both feed-forward blocks are zero. One Householder factor a token means one reflection a token, so an
element of the group becomes several tokens of input; after its last token the most likely next token is the name of
the product so far.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .delta_layer import Array, DeltaLayer
from .language_model import CONVOLUTION, Architecture, last_tap, spelt_model
from .reflections import Reflections

ATTENTION_DIMENSION = 8
"""Of the one head of the attention layer that does nothing."""

CANNOT = (
    "More than one factor a token (an element is spelt with several tokens); and a token whose map merges some states "
    "and keeps others apart: a head forgets all of its state or nothing."
)
"""What this target cannot hold, for the card and the command."""


def olmo_hybrid(machine: Reflections, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a checkpoint, by name: `language_model.spelt_model` for this class."""
    return spelt_model(ARCHITECTURE, machine, resets)


def _config(layer: DeltaLayer, vocabulary: int) -> dict[str, Any]:
    return {
        "architectures": ["OlmoHybridForCausalLM"],
        "model_type": "olmo_hybrid",
        "dtype": "float32",
        "vocab_size": vocabulary,
        "hidden_size": layer.hidden,
        "intermediate_size": 1,
        "num_hidden_layers": 2,
        "layer_types": ["linear_attention", "full_attention"],
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": ATTENTION_DIMENSION,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 1 << 20,
        "linear_num_key_heads": layer.heads,
        "linear_num_value_heads": layer.heads,
        "linear_key_head_dim": layer.key,
        "linear_value_head_dim": layer.value,
        "linear_conv_kernel_dim": CONVOLUTION,
        "linear_allow_neg_eigval": True,
        "rope_parameters": None,
        "tie_word_embeddings": False,
        "use_cache": True,
        "pad_token_id": 1,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _arrays(layer: DeltaLayer, embedding: Array, head: Array) -> dict[str, Array]:
    hidden = layer.hidden
    ones, zeros = np.ones(hidden, np.float32), np.zeros
    mixed = layer.heads * (2 * layer.key + layer.value)
    width = ATTENTION_DIMENSION
    delta = {f"linear_attn.{name}_proj.weight": layer.arrays[name] for name in "qkvabgo"} | {
        "linear_attn.A_log": layer.arrays["A_log"],
        "linear_attn.dt_bias": layer.arrays["dt_bias"],
        "linear_attn.conv1d.weight": last_tap(mixed),
        "linear_attn.o_norm.weight": np.ones(layer.value, np.float32),
        "input_layernorm.weight": ones,
        "post_attention_layernorm.weight": ones,
    }
    attention = {
        **{f"self_attn.{name}_proj.weight": zeros((width, hidden), np.float32) for name in "qkv"},
        "self_attn.o_proj.weight": zeros((hidden, width), np.float32),
        "self_attn.q_norm.weight": np.ones(width, np.float32),
        "self_attn.k_norm.weight": np.ones(width, np.float32),
        "post_attention_layernorm.weight": ones,
        "post_feedforward_layernorm.weight": ones,
    }
    nothing = {
        "mlp.gate_proj.weight": zeros((1, hidden), np.float32),
        "mlp.up_proj.weight": zeros((1, hidden), np.float32),
        "mlp.down_proj.weight": zeros((hidden, 1), np.float32),
    }
    arrays = {"model.embed_tokens.weight": embedding, "model.norm.weight": ones, "lm_head.weight": head}
    for i, part in enumerate((delta, attention)):
        arrays |= {f"model.layers.{i}.{name}": array for name, array in (part | nothing).items()}
    return arrays


ARCHITECTURE = Architecture("OlmoHybridForCausalLM", CANNOT, _config, _arrays)
