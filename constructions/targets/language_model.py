"""The files of a language model around one delta-rule layer: what the checkpoints for other libraries share.

Tokens are the unknown one, padding, the inner ones that the layer reads, one behaviour each, and the names of the
elements, or of points, which are answers; a name that is read does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..artifact import json_text, tensor_bytes
from .card import model_card
from .delta_layer import KNOWN, UNKNOWN, Array, Behaviour, DeltaLayer, delta_layer
from .reflections import Letter, Reflections
from .tokenizer import tokenizer_files

CONVOLUTION = 4
"""Width of the short convolutions, both libraries' default; only the last tap is not zero."""


@dataclass(frozen=True)
class Architecture:
    """How a library wants its models.

    Arguments:
        title: the class that runs it.
        cannot: what cannot be written into it, for the card.
        config: layer and size of the vocabulary → `config.json`.
        arrays: layer, embedding and head, each (vocabulary, hidden) → the weights by name.
        package: what brings the class to transformers, where it has none of its own.
    """

    title: str
    cannot: str
    config: Callable[[DeltaLayer, int], dict[str, Any]]
    arrays: Callable[[DeltaLayer, Array, Array], dict[str, Array]]
    package: str = ""


def language_model(
    architecture: Architecture,
    machine: Reflections,
    layer: DeltaLayer,
    inner: Sequence[str],
    idle: int,
    spellings: Mapping[str, Sequence[str]],
    start: Sequence[str],
    resets: bool,
) -> dict[str, bytes | str]:
    """The files of a checkpoint, by name.

    Arguments:
        architecture: of the library.
        machine: the group, spelt.
        layer: behaves as the unknown token, then as each inner one.
        inner: names of the inner tokens.
        idle: the number of an inner token that does nothing.
        spellings: for each word that may stand in a text the inner tokens it becomes.
        start: inner tokens that are put before every text.
        resets: whether there are words `=x` among the spellings, for the card.
    """
    names = machine.answer_names
    padding = np.zeros((1, layer.hidden), np.float32)
    unknown, read = layer.embedding[:1], layer.embedding[1:]
    embedding = np.concatenate([unknown, padding, read, np.repeat(read[idle][None], len(names), axis=0)])
    silent = np.zeros((1 + len(inner), layer.hidden), np.float32)
    head = np.concatenate([layer.doubt[None], silent, layer.readout])
    files: dict[str, bytes | str] = {
        "config.json": json_text(architecture.config(layer, len(embedding))),
        "generation_config.json": json_text({"do_sample": False, "max_new_tokens": 1, "pad_token_id": 1}),
        "model.safetensors": tensor_bytes(architecture.arrays(layer, embedding, head)),
        "README.md": model_card(machine, architecture.title, architecture.cannot, resets, architecture.package),
    }
    for name, content in tokenizer_files(inner, names, spellings, start).items():
        files[name] = json_text(content)
    return files


def spelt_model(
    architecture: Architecture, machine: Reflections, resets: bool = False, gated: bool = True
) -> dict[str, bytes | str]:
    """The files of a checkpoint whose tokens are letters, one reflection each: an element is spelt with several.

    Arguments:
        architecture: of the library.
        machine: the group, spelt.
        resets: whether there are words `=x` too, which set the product to the element x.
        gated: whether its layer can forget.

    Raises:
        InputError: the group is too large.
    """
    start: list[Behaviour] = [*([] if gated else [KNOWN]), *((letter,) for letter in machine.start(gated))]
    questions = machine.questions
    behaviours: list[Behaviour] = [
        *start, (Letter(),), *((Letter(swap=swap),) for swap in machine.swaps),
        *((letter,) for letter in questions.values()),
    ]  # fmt: skip
    inner = [f"<{i}>" for i in range(len(behaviours))]
    tokens = dict(zip(behaviours, inner, strict=True))
    layer = delta_layer(machine, [UNKNOWN, *behaviours], 1, gated)
    idle, first = len(start), inner[: len(start)]
    spellings = {
        name: [tokens[(letter,)] for letter in machine.spell(x)]
        for name, x in zip(machine.letter_names, machine.alphabet, strict=True)
    }
    if resets:
        nothing = [inner[idle]]
        spellings |= {f"={name}": [*first, *(word if word != nothing else [])] for name, word in spellings.items()}
    spellings |= {name: [tokens[(letter,)]] for name, letter in questions.items()}
    return language_model(architecture, machine, layer, inner, idle, spellings, first, resets)


def last_tap(channels: int) -> Array:
    """The weights (channels, 1, width) of a convolution that passes on the current token alone."""
    found = np.zeros((channels, 1, CONVOLUTION), np.float32)
    found[:, 0, -1] = 1
    return found
