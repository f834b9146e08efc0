"""How fla's and mamba_ssm's classes are run without losing their state, measured on tiny models that are alive.

    python use.py NAME … >> ../data/use_of_owners.jsonl

Run in the owners' environment, on a CPU; nothing of this project is imported; a class takes minutes under Triton's
interpreter, most of them for texts of 70 tokens, which `LONG=0` leaves out. For each name of `MODELS` the answer has
the largest relative error, against the whole text at once, of: the text in two pieces, in pieces cut beside the
boundaries of fla's kernels, token by token, and padded on the left; or the error as text. And the dtype of the state
with weights in bfloat16, and how much the answer changes when the state is put to zero: what forgets tests nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("TRITON_INTERPRET", "1")
warnings.filterwarnings("ignore")

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

interpreter = importlib.import_module("interpreter")  # beside this file
stand_ins = importlib.import_module("stand_ins")

VOCABULARY = 24
SHARED: dict[str, Any] = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "hidden_ratio": 1}
SHARED |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "fuse_cross_entropy": False}
HEADS: dict[str, Any] = {"num_heads": 2, "head_dim": 16}
MAMBA: dict[str, Any] = {"state_size": 16, "expand": 2}

MODELS: dict[str, dict[str, Any]] = {
    "gated_deltanet": HEADS | {"expand_v": 1.0},
    "gated_deltaproduct": HEADS | {"expand_v": 1.0, "num_householder": 2},
    "delta_net": {"num_heads": 2},
    "kda": HEADS,
    "precond_gated_deltanet": HEADS | {"expand_v": 1.0},
    "precond_kda": HEADS,
    "comba": HEADS | {"expand_v": 1.0},
    "mom": HEADS | {"expand_v": 1.0, "num_memories": 2, "topk": 1},
    "mesa_net": HEADS,
    "gla": {"num_heads": 2, "expand_k": 1.0, "gate_low_rank_dim": 16},
    "gsa": {"num_heads": 2, "num_slots": 16},
    "raven": {"num_heads": 2, "num_slots": 16, "topk": 4},
    "hgrn": {},
    "hgrn2": {"num_heads": 2, "expand_ratio": 16},
    "rodimus": {"expand_ratio": 16, "input_gate_low_rank": 16, "block_type": "rodimus"}
    | {"residual_in_fp32": False},  # without its attention; with it, the class asks for another such flag
    "rwkv6": {"num_heads": 2, "expand_k": 1.0, "proj_low_rank_dim": 8, "gate_low_rank_dim": 8},
    "rwkv7": {
        "head_dim": 16,
        "decay_low_rank_dim": 8,
        "gate_low_rank_dim": 8,
        "a_low_rank_dim": 8,
        "v_low_rank_dim": 8,
    },
    "retnet": {"num_heads": 2},
    "lightnet": {"num_heads": 2, "expand_ratio": 16, "gate_low_rank_dim": 16},
    "abc": {"num_heads": 2, "num_slots": 16, "expand_k": 1.0, "exapnd_k": 1.0},
    "linear_attn": {"num_heads": 2},
    "samba": MAMBA | {"attn": {"layers": [], "num_heads": 2}},  # its attention wants a package that wants a GPU
    "yoco": {
        "num_self_decoder_layers": 1,
        "self_decoder_attn": {"type": "gated_deltanet", "num_heads": 2, "head_dim": 16, "expand_v": 1.0},
        "cross_decoder_attn": {"num_heads": 2, "num_kv_heads": 2},
    },
    "log_linear_mamba2": MAMBA | {"head_dim": 16, "num_heads": 4, "n_groups": 1, "chunk_size": 64},
    "path_attn": {"num_heads": 2, "num_kv_heads": 2},
    "mamba": MAMBA | {"norm_eps": 1e-5},
    "mamba2": MAMBA | {"head_dim": 16, "num_heads": 4, "n_groups": 1, "norm_eps": 1e-5},
    "mamba3": MAMBA | {"head_dim": 16, "num_heads": 4, "n_groups": 1},
    "cyclic_flow_attention": HEADS | {"num_slots": 8},
    "Mamba1": {},
    "Mamba2": {"headdim": 16, "use_mem_eff_path": False},
    "Mamba3": {"headdim": 16, "is_mimo": False, "chunk_size": 64},
}
"""fla's by `model_type`; mamba_ssm's by the name of the layer, with its `ssm_cfg`."""
OF_MAMBA_SSM = ("Mamba1", "Mamba2", "Mamba3")
ONLY_WITH_A_MASK = ("path_attn",)
"""What has a cache only where a mask is passed, be it of ones, and takes a mask only where there is a cache."""

ROUNDED = {"mamba3": "bfloat16", "Mamba3": "bfloat16", "mesa_net": "float16"}
"""Whose kernel of whole texts rounds to it, whatever the dtype of the weights, and whose step does not."""

SHORT, LONG = 12, 70
"""Tokens: fla has other kernels from 65 on."""


def alive(model: Any) -> Any:
    """States that last a while, and gates that leave the middle."""
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.rsplit(".", 1)[-1] == "A_log":
                parameter.uniform_(-3, 0)
            elif parameter.dim() > 1 and not parameter.any():  # as RWKV-7's output is made: nothing would come out
                parameter.normal_(0, 0.3)
            elif parameter.dim() > 1:
                parameter.mul_(5)
    return model.eval()


def texts(length: int) -> Tensor:
    return torch.randint(3, VOCABULARY, (2, length), generator=torch.Generator().manual_seed(1))


class OfFla:
    """A class of fla's, by its configuration."""

    def __init__(self, name: str, dtype: torch.dtype) -> None:
        if name == "mamba3":  # before fla looks for mamba_ssm's kernels
            stand_ins.selective_scan()
            stand_ins.step()
        import fla.models  # noqa: F401
        import transformers

        transformers.utils.logging.set_verbosity_error()
        if name == "mamba3":
            stand_ins.mamba3_of_fla()
        interpreter.loops("fla", "mamba_ssm")
        torch.manual_seed(0)
        if name in ("mamba", "mamba2"):  # transformers has such names too
            module = importlib.import_module(f"fla.models.{name}")
            title = name.capitalize()
            config = getattr(module, f"{title}Config")(**SHARED | MODELS[name])
            model = getattr(module, f"{title}ForCausalLM")(config)
        else:
            config = transformers.AutoConfig.for_model(name, **SHARED | MODELS[name])
            model = transformers.AutoModelForCausalLM.from_config(config)
        assert type(model).__module__.startswith("fla."), type(model)
        self.model = alive(model).to(dtype)
        self.masked = name in ONLY_WITH_A_MASK

    def whole(self, ids: Tensor, **options: Any) -> Tensor:
        return self.model(ids, use_cache=self.masked and bool(options), **options).logits.float()

    def read(self, ids: Tensor, cuts: list[int], mask: Tensor | None = None, forget: int = 0) -> tuple[Tensor, Any]:
        """In pieces cut at `cuts`; before the piece that begins at `forget` the state is put to zero."""
        cache, found = None, []
        mask = torch.ones_like(ids) if mask is None and self.masked else mask
        for start, stop in zip([0, *cuts], [*cuts, ids.shape[1]], strict=True):
            if forget and start == forget:
                for state in _tensors(_recurrent(cache)):
                    state.zero_()
            seen = {} if mask is None else {"attention_mask": mask[:, :stop]}
            output = self.model(ids[:, start:stop], past_key_values=cache, use_cache=True, **seen)
            cache = output.past_key_values
            found.append(output.logits.float())
        return torch.cat(found, 1), cache


class OfMambaSsm:
    """A language model of mamba_ssm's, with one kind of layers."""

    def __init__(self, name: str, dtype: torch.dtype) -> None:
        stand_ins.selective_scan()
        stand_ins.step()
        from mamba_ssm.models import mixer_seq_simple
        from mamba_ssm.models.config_mamba import MambaConfig
        from mamba_ssm.modules import mamba_simple
        from mamba_ssm.ops import selective_scan_interface

        interpreter.loops("mamba_ssm")
        layer = name
        if name == "Mamba3" and not hasattr(mixer_seq_simple, "Mamba3"):
            mixer_seq_simple.Mamba2 = importlib.import_module("mamba_ssm.modules.mamba3").Mamba3
            layer = "Mamba2"
        if name == "Mamba1":  # its kernel is CUDA alone: its own reference stands for it
            mamba_simple.selective_scan_fn = selective_scan_interface.selective_scan_ref
        torch.manual_seed(0)
        settings = MODELS[name] | {"layer": layer, "d_state": 16}
        config = MambaConfig(32, 0, 2, VOCABULARY, settings, fused_add_norm=False, pad_vocab_size_multiple=8)
        model = alive(mixer_seq_simple.MambaLMHeadModel(config, dtype=dtype))
        for block in model.backbone.layers:
            if name == "Mamba1":
                block.mixer.use_fast_path = False
        self.model = model

    def whole(self, ids: Tensor, **options: Any) -> Tensor:
        if options:
            raise TypeError("its models take no mask")
        return self.model(ids).logits.float()

    def read(self, ids: Tensor, cuts: list[int], mask: Tensor | None = None, forget: int = 0) -> tuple[Tensor, Any]:
        if mask is not None:
            raise TypeError("its models take no mask")
        from mamba_ssm.utils.generation import InferenceParams

        cache = InferenceParams(max_seqlen=ids.shape[1], max_batch_size=len(ids))
        found = []
        for start, stop in zip([0, *cuts], [*cuts, ids.shape[1]], strict=True):
            if forget and start == forget:
                for state in _tensors(_recurrent(cache)):
                    state.zero_()
            cache.seqlen_offset = start
            output = self.model(ids[:, start:stop], inference_params=cache)
            found.append(output.logits.float())
        return torch.cat(found, 1), cache


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [found for part in value for found in _tensors(part)] if isinstance(value, list | tuple) else []


def _recurrent(cache: Any) -> list[Any]:
    """What layers keep beside windows of a convolution, and beside keys and values of attention."""
    if hasattr(cache, "key_value_memory_dict"):
        return [list(states[1:]) for states in cache.key_value_memory_dict.values()]
    found = []
    for layer in getattr(cache, "layers", cache):
        state = getattr(layer, "state", layer)
        if isinstance(state, dict):
            kept = state.get("recurrent_state")
            found.append(state.get("attn_state") if kept is None else kept)  # PaTH's keys are its states
        elif isinstance(state, SimpleNamespace):
            found.append(vars(state).get("recurrent_state"))
    return found


@torch.no_grad()
def measured(name: str) -> dict[str, Any]:
    """The row of one class."""
    make = OfMambaSsm if name in OF_MAMBA_SSM else OfFla
    row: dict[str, Any] = {"rounds to": ROUNDED[name]} if name in ROUNDED else {}

    def record(key: str, work: Any) -> None:
        try:
            row[key] = work()
        except Exception as refusal:  # the answer: what the class says
            row[key] = f"{type(refusal).__name__}: {' '.join(str(refusal).split())[:160]}"

    def error(found: Tensor, wanted: Tensor) -> float:
        return float(f"{float((found - wanted).abs().max() / wanted.abs().max()):.3g}")

    def long_dtype() -> torch.dtype:
        """Chunks of DeltaNet and DeltaProduct refuse float32; then tolerance is wider."""
        try:
            make(name, torch.float32).whole(texts(LONG)[:, :65])
        except AssertionError:
            return torch.bfloat16
        return torch.float32

    try:
        model = make(name, torch.float32)
    except Exception as refusal:  # packages that it wants and a CPU cannot have
        return {"largest logit": f"{type(refusal).__name__}: {' '.join(str(refusal).split())[:160]}"}
    short = texts(SHORT)
    whole: dict[str, Tensor] = {}

    def at_once() -> float:
        whole["short"] = model.whole(short)
        return float(whole["short"].abs().max())

    record("largest logit", at_once)
    if "short" not in whole:
        return row
    ones = torch.ones_like(short)
    record("pieces", lambda: error(model.read(short, [5])[0], whole["short"]))
    record("token by token", lambda: error(model.read(short, list(range(1, SHORT)))[0], whole["short"]))
    record("prompt, then tokens", lambda: error(model.read(short, list(range(7, SHORT)))[0], whole["short"]))
    pad = torch.cat([torch.zeros(2, 3, dtype=short.dtype), short], 1)
    mask = torch.cat([torch.zeros_like(ones)[:, :3], ones], 1)
    record("left padding", lambda: error(model.whole(pad, attention_mask=mask)[:, 3:], whole["short"]))
    record(
        "left padding, then tokens",
        lambda: error(model.read(pad, list(range(10, SHORT + 3)), mask)[0][:, 3:], whole["short"]),
    )
    mixed, mixed_mask = pad.clone(), mask.clone()
    mixed[0, :3], mixed_mask[0] = short[0, :3], 1
    record(
        "one of two padded",
        lambda: error(model.whole(mixed, attention_mask=mixed_mask)[1:, 3:], whole["short"][1:]),
    )
    record(
        "one of two padded, then tokens",
        lambda: error(model.read(mixed, list(range(10, SHORT + 3)), mixed_mask)[0][1:, 3:], whole["short"][1:]),
    )
    record(
        "forgotten",
        lambda: error(model.read(short, list(range(7, SHORT)), forget=7)[0][:, 7:], whole["short"][:, 7:]),
    )

    def kinds() -> list[str]:
        narrow = make(name, torch.bfloat16)
        _, cache = narrow.read(short[:, :9], [7, 8])
        return sorted({str(state.dtype).removeprefix("torch.") for state in _tensors(_recurrent(cache))})

    record("state", kinds)
    if os.environ.get("LONG", "1") == "1":
        ids = texts(LONG)[:1]

        def long() -> dict[str, Any]:
            dtype = long_dtype()
            own = make(name, dtype)
            wanted = own.whole(ids)
            found: dict[str, Any] = {"dtype": str(dtype).removeprefix("torch.")}
            for cut in (64, 66):
                found[f"cut at {cut}"] = error(own.read(ids, [cut])[0], wanted)
            found["then tokens"] = error(own.read(ids, list(range(66, LONG)))[0], wanted)
            return found

        record("long", long)
    return row


def main() -> None:
    """The names given, or all."""
    answer, sys.stdout = sys.stdout, sys.stderr
    interpreter.install()
    for name in sys.argv[1:] or MODELS:
        row = measured(name)
        answer.write(json.dumps({"name": name, **row}) + "\n")
        answer.flush()


if __name__ == "__main__":
    main()
