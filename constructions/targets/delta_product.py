"""Weights in the layout of `GatedDeltaProductForCausalLM` of the `fla` library (flash-linear-attention).

One layer, several Householder factors a token, so that every element of the alphabet is one token. Names and shapes are
those of fla's modules (docs/architectures.md quotes the lines); `models.references.delta_product` runs them on a CPU
by the plain recurrence. The keys pass through SiLU there too, so that the number of factors is that of the exact
spelling by transpositions and not the least that `inspect` prints, which takes irrational keys of both signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...algebra.arithmetic.permutations import cycles
from .delta_layer import UNKNOWN, Array, Behaviour, DeltaLayer, delta_layer
from .language_model import CONVOLUTION, Architecture, language_model, last_tap
from .reflections import Letter, ReflectionMachine

CANNOT = (
    "A token that merges some states and keeps others apart: a head forgets all of its state or nothing. "
    "Irrational representations with fewer factors: keys pass through SiLU and cannot have large entries of both signs."
)
"""What this target cannot hold."""


def delta_product(machine: ReflectionMachine, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a checkpoint, by name.

    Arguments:
        machine: the group, spelt.
        resets: whether there are words `=x` too, which set the product to the element x.

    Raises:
        InputError: the group is too large.
    """
    factors = max(machine.longest, 1)
    first = _pieces(machine.start(), factors)
    behaviours: list[Behaviour] = [UNKNOWN, *first, (Letter(),), *(machine.spell(x) for x in machine.alphabet)]
    layer = delta_layer(machine, behaviours, factors)
    inner = [f"<{i}>" for i in range(len(behaviours) - 1)]
    idle, start = len(first), inner[: len(first)]
    elements = zip(machine.alphabet, inner[idle + 1 :], strict=True)
    spellings = {cycles(machine.group.elements[x]): [token] for x, token in elements}
    if resets:
        spellings |= {f"={name}": [*start, *word] for name, word in spellings.items()}
    return language_model(ARCHITECTURE, machine, layer, inner, idle, spellings, start, resets)


def _pieces(letters: Sequence[Letter], size: int) -> list[tuple[Letter, ...]]:
    return [tuple(letters[i : i + size]) for i in range(0, len(letters), size)]


def _config(layer: DeltaLayer, vocabulary: int) -> dict[str, Any]:
    return {
        "architectures": ["GatedDeltaProductForCausalLM"],
        "model_type": "gated_deltaproduct",
        "dtype": "float32",
        "attn_mode": "chunk",
        "vocab_size": vocabulary,
        "hidden_size": layer.hidden,
        "num_hidden_layers": 1,
        "num_heads": layer.heads,
        "head_dim": layer.key,
        "expand_v": layer.value / layer.key,
        "num_householder": layer.factors,
        "allow_neg_eigval": True,
        "use_forget_gate": True,
        "use_output_gate": True,
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


def _arrays(layer: DeltaLayer, embedding: Array, head: Array) -> dict[str, Array]:
    ones = np.ones(layer.hidden, np.float32)
    attn = {f"{name}_proj.weight": layer.arrays[name] for name in "qkvabgo"} | {
        "A_log": layer.arrays["A_log"],
        "dt_bias": layer.arrays["dt_bias"],
        "o_norm.weight": np.ones(layer.value, np.float32),
    }
    attn |= {f"{name}_conv1d.weight": last_tap(len(layer.arrays[name])) for name in "qkv"}
    return {
        "model.embeddings.weight": embedding,
        "model.layers.0.attn_norm.weight": ones,
        **{f"model.layers.0.attn.{name}": array for name, array in attn.items()},
        "model.layers.0.mlp_norm.weight": ones,
        "model.layers.0.mlp.gate_proj.weight": np.zeros((1, layer.hidden), np.float32),
        "model.layers.0.mlp.up_proj.weight": np.zeros((1, layer.hidden), np.float32),
        "model.layers.0.mlp.down_proj.weight": np.zeros((layer.hidden, 1), np.float32),
        "model.norm.weight": ones,
        "lm_head.weight": head,
    }


ARCHITECTURE = Architecture("GatedDeltaProductForCausalLM", CANNOT, _config, _arrays)
