"""Weights in the layouts of four models of the `fla` library (flash-linear-attention): one delta-rule layer each.

`deltaproduct` has several Householder factors a token, so that every element of the alphabet is one token. The others
have one factor, and elements are spelt: `gated-deltanet`, `delta-net`, whose layers cannot forget, and `kda`, whose
decay, one for each coordinate of the keys, is left at 1. All four need `allow_neg_eigval`, which their configurations
have as False by default. Names and shapes are those of fla's modules (docs/architectures.md quotes the lines);
`models.references.fla` runs them on a CPU by the plain recurrence, and tests/owners by fla itself under Triton's
interpreter. The keys pass through SiLU there too, so that the number of factors is that of the exact spelling by
transpositions and not the least that `inspect` prints, which takes irrational keys of both signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from .delta_layer import LARGE, UNKNOWN, Array, Behaviour, DeltaLayer, delta_layer, margins
from .language_model import CONVOLUTION, Architecture, language_model, last_tap, spelt_model
from .reflections import Letter, Reflections

_MERGES = "A token that merges some states and keeps others apart: a head forgets all of its state or nothing. "
_NO_FLOAT32 = (
    "float32 in fla's chunked operator, which refuses it (fla 0.6.0; texts of up to 64 tokens go another way): with "
    "`attn_mode` `fused_recurrent` and without gradients it runs in float32 too."
)
_SPELT = "More than one factor a token (an element is spelt with several tokens)."

CANNOT = {
    "deltaproduct": (
        f"{_MERGES}Irrational representations with fewer factors: keys pass through SiLU and cannot have large entries "
        f"of both signs. {_NO_FLOAT32}"
    ),
    "gated-deltanet": _MERGES + _SPELT,
    "delta-net": (
        "A token that merges states, beyond resets, which take one token for each row of the state: there is no decay. "
        f"{_SPELT} {_NO_FLOAT32}"
    ),
    "kda": (
        "A token that merges some states and keeps others apart, beyond resets, which take one token for each row of "
        "the state: the decay, one for each coordinate of the keys, is left at 1. " + _SPELT
    ),
}
"""What each of these targets cannot hold."""


def delta_product(machine: Reflections, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a `GatedDeltaProductForCausalLM`, by name.

    Arguments:
        machine: the group, spelt.
        resets: whether there are words `=x` too, which set the product to the element x.

    Raises:
        InputError: the group is too large.
    """
    factors = max(machine.longest, 1)
    first = _pieces(machine.start(), factors)
    spelt = [machine.spell(x) for x in machine.alphabet]
    questions = machine.questions
    behaviours: list[Behaviour] = [
        UNKNOWN, *first, (Letter(),), *spelt, *((letter,) for letter in questions.values())
    ]  # fmt: skip
    layer = delta_layer(machine, behaviours, factors)
    inner = [f"<{i}>" for i in range(len(behaviours) - 1)]
    idle, start = len(first), inner[: len(first)]
    after = idle + 1 + len(spelt)
    spellings = {name: [token] for name, token in zip(machine.letter_names, inner[idle + 1 : after], strict=True)}
    if resets:
        spellings |= {f"={name}": [*start, *word] for name, word in spellings.items()}
    spellings |= {name: [token] for name, token in zip(questions, inner[after:], strict=True)}
    architecture = _architecture("GatedDeltaProductForCausalLM", "deltaproduct", _delta_product, chunked(machine))
    return language_model(architecture, machine, layer, inner, idle, spellings, start, resets)


def gated_deltanet(machine: Reflections, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a `GatedDeltaNetForCausalLM`: `language_model.spelt_model` for this class."""
    architecture = _architecture("GatedDeltaNetForCausalLM", "gated-deltanet", _gated_deltanet)
    return spelt_model(architecture, machine, resets)


def delta_net(machine: Reflections, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a `DeltaNetForCausalLM`: `language_model.spelt_model` for this class."""
    architecture = _architecture("DeltaNetForCausalLM", "delta-net", _delta_net, chunked(machine))
    return spelt_model(architecture, machine, resets, gated=False)


def kda(machine: Reflections, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a `KDAForCausalLM`: `language_model.spelt_model` for this class."""
    return spelt_model(_architecture("KDAForCausalLM", "kda", _kda), machine, resets, gated=False)


def chunked(machine: Reflections) -> str | None:
    """The dtype in which fla's chunked delta rule and delta product take the weights and the answers are proved:
    bfloat16, else float16; None where neither is, so that float32 has to go by `fused_recurrent`."""
    proved = margins(machine)
    return next((dtype for dtype in ("bfloat16", "float16") if proved[dtype]), None)


def _pieces(letters: Sequence[Letter], size: int) -> list[tuple[Letter, ...]]:
    return [tuple(letters[i : i + size]) for i in range(0, len(letters), size)]


def _architecture(title: str, name: str, own: Any, dtype: str | None = "float32") -> Architecture:
    return Architecture(
        title,
        CANNOT[name],
        lambda layer, vocabulary: _common(title, dtype, layer, vocabulary) | own(layer),
        partial(_arrays, name),
        "fla.models",
    )


def _common(title: str, dtype: str | None, layer: DeltaLayer, vocabulary: int) -> dict[str, Any]:
    return {
        "architectures": [title],
        "dtype": dtype or "float32",
        "attn_mode": "chunk" if dtype else "fused_recurrent",
        "vocab_size": vocabulary,
        "hidden_size": layer.hidden,
        "num_hidden_layers": 1,
        "num_heads": layer.heads,
        "allow_neg_eigval": True,
        "use_short_conv": True,
        "conv_size": CONVOLUTION,
        "hidden_ratio": None,
        "intermediate_size": 1,
        "hidden_act": "swish",
        "norm_eps": 1e-6,
        "attn": None,
        "tie_word_embeddings": False,
        "use_cache": True,
        "pad_token_id": 1,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _delta_product(layer: DeltaLayer) -> dict[str, Any]:
    return {
        "model_type": "gated_deltaproduct",
        "head_dim": layer.key,
        "expand_v": layer.value / layer.key,
        "num_householder": layer.factors,
        "use_forget_gate": True,
        "use_output_gate": True,
    }


def _gated_deltanet(layer: DeltaLayer) -> dict[str, Any]:
    sizes = {"head_dim": layer.key, "expand_v": layer.value / layer.key}
    return {"model_type": "gated_deltanet", **sizes, "use_gate": True}


def _delta_net(layer: DeltaLayer) -> dict[str, Any]:
    parts = (("expand_k", layer.key), ("expand_v", layer.value))
    sizes = {name: layer.heads * size / layer.hidden for name, size in parts}
    norms = {"qk_norm": "l2", "qk_activation": "silu"}
    return {"model_type": "delta_net", **sizes, **norms, "use_gate": True, "use_beta": True}


def _kda(layer: DeltaLayer) -> dict[str, Any]:
    sizes = {"head_dim": layer.key, "expand_v": layer.value / layer.key}
    return {"model_type": "kda", **sizes, "safe_gate": False, "lower_bound": None}


def _arrays(name: str, layer: DeltaLayer, embedding: Array, head: Array) -> dict[str, Array]:
    ones = np.ones(layer.hidden, np.float32)
    attn = {f"{part}_proj.weight": layer.arrays[part] for part in "qkvbo"}
    attn["o_norm.weight"] = np.ones(layer.value, np.float32)
    attn |= {f"{part}_conv1d.weight": last_tap(len(layer.arrays[part])) for part in "qkv"}
    if name == "kda":  # the output gate is a sigmoid with a bias, not a SiLU; gate and decay are of low rank
        attn["o_norm.weight"] *= LARGE
        gates = layer.arrays["g"].reshape(layer.heads, layer.value, layer.hidden)
        asked = not gates.all()  # the same in every head, and shut but where it is asked for
        attn |= {
            "f_proj.0.weight": np.zeros((layer.value, layer.hidden), np.float32),
            "f_proj.1.weight": np.zeros((layer.heads * layer.key, layer.value), np.float32),
            "g_proj.0.weight": gates[0] * np.float32(asked),
            "g_proj.1.weight": np.tile(2 * np.eye(layer.value, dtype=np.float32) * asked, (layer.heads, 1)),
            "g_proj.1.bias": np.full(layer.heads * layer.value, -LARGE if asked else LARGE, np.float32),
            "A_log": np.zeros(layer.heads, np.float32),
            "dt_bias": np.full(layer.heads * layer.key, -LARGE, np.float32),
        }
    else:
        attn["g_proj.weight"] = layer.arrays["g"]
    if name in ("deltaproduct", "gated-deltanet"):
        attn |= {"a_proj.weight": layer.arrays["a"]} | {key: layer.arrays[key] for key in ("A_log", "dt_bias")}
    return {
        "model.embeddings.weight": embedding,
        "model.layers.0.attn_norm.weight": ones,
        **{f"model.layers.0.attn.{key}": array for key, array in attn.items()},
        "model.layers.0.mlp_norm.weight": ones,
        "model.layers.0.mlp.gate_proj.weight": np.zeros((1, layer.hidden), np.float32),
        "model.layers.0.mlp.up_proj.weight": np.zeros((1, layer.hidden), np.float32),
        "model.layers.0.mlp.down_proj.weight": np.zeros((layer.hidden, 1), np.float32),
        "model.norm.weight": ones,
        "lm_head.weight": head,
    }
