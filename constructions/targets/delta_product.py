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
from numpy.typing import NDArray

from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.constructions.artifact import json_text, tensor_bytes
from subnormal.constructions.targets.card import model_card
from subnormal.constructions.targets.delta_layer import UNKNOWN, Behaviour, DeltaLayer, delta_layer
from subnormal.constructions.targets.reflections import Letter, ReflectionMachine
from subnormal.constructions.targets.tokenizer import tokenizer_files

CONVOLUTION = 4
"""Width of the short convolutions, the library's default; only the last tap is not zero."""

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
    start = _pieces(machine.start(), factors)
    names = [cycles(row) for row in machine.group.elements]
    behaviours: list[Behaviour] = [UNKNOWN, *start, (Letter(),), *(machine.spell(x) for x in machine.alphabet)]
    layer = delta_layer(machine, behaviours, factors)
    inner = [f"<{i}>" for i in range(len(behaviours) - 1)]
    first, readable = inner[: len(start)], inner[1 + len(start) :]
    tokens = {names[x]: token for x, token in zip(machine.alphabet, readable, strict=True)}
    spellings: dict[str, Sequence[str]] = {name: [token] for name, token in tokens.items()}
    if resets:
        spellings |= {f"={name}": [*first, token] for name, token in tokens.items()}
    idle = layer.embedding[1 + len(start)]
    embedding = np.concatenate(
        [
            np.stack([layer.embedding[0], np.zeros(layer.hidden, np.float32)]),
            layer.embedding[1:],
            np.repeat(idle[None], len(names), axis=0),  # a name that is read does nothing
        ]
    )
    head = np.concatenate([layer.doubt[None], np.zeros((1 + len(inner), layer.hidden), np.float32), layer.readout])
    files: dict[str, bytes | str] = {
        "config.json": json_text(_config(layer, len(embedding))),
        "generation_config.json": json_text({"do_sample": False, "max_new_tokens": 1, "pad_token_id": 1}),
        "model.safetensors": tensor_bytes(_arrays(layer, embedding, head)),
        "README.md": model_card(machine, "GatedDeltaProductForCausalLM", CANNOT, resets),
    }
    for name, content in tokenizer_files(inner, names, spellings, first).items():
        files[name] = json_text(content)
    return files


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


def _arrays(
    layer: DeltaLayer, embedding: NDArray[np.float32], head: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    ones = np.ones(layer.hidden, np.float32)
    attn = {f"{name}_proj.weight": layer.arrays[name] for name in "qkvabgo"} | {
        "A_log": layer.arrays["A_log"],
        "dt_bias": layer.arrays["dt_bias"],
        "o_norm.weight": np.ones(layer.value, np.float32),
    }
    for name in "qkv":
        convolution = np.zeros((len(layer.arrays[name]), 1, CONVOLUTION), np.float32)
        convolution[:, 0, -1] = 1
        attn[f"{name}_conv1d.weight"] = convolution
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
