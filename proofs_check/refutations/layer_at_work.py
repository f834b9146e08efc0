"""One layer of a stack as the climb sees it: its letters as affine maps, its state, and the lower layers' states.

The letters are words that bring the lower layers back to (nearly) where they were, so on this layer each acts as one
fixed affine map. The maps are taken from runs of the network in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...models.layer import Layer
from ...models.network import DCDNetwork, LayerTrace
from .affine_maps import Affine, layer_maps, sequence_map
from .evidence import PIECE, plain_states
from .letters import Letters
from .long_words import PowerWord
from .question import Question


@dataclass(frozen=True, eq=False)
class Level:
    """Words that leave the lower layers where `prefix` put them, and their products.

    Arguments:
        prefix: a word over tokens, run first.
        words: the letters, as words over tokens.
        products: their elements, shape (n,).
        resets: whether they do so by contraction alone, so that no error is carried from one letter to the next.
    """

    prefix: PowerWord
    words: tuple[PowerWord, ...]
    products: NDArray[np.intp]
    resets: bool

    @classmethod
    def of_tokens(cls, alphabet: NDArray[np.integer]) -> Level:
        """The first layer's letters: the tokens."""
        return cls(PowerWord(), tuple(PowerWord(i) for i in range(len(alphabet))), alphabet.astype(np.intp), True)

    @property
    def tokens(self) -> int:
        """The length of the prefix and all letters together."""
        return self.prefix.length + sum(word.length for word in self.words)


@dataclass(frozen=True, eq=False)
class Lower:
    """The layers lower than the one at work: their states between letters, each (1, channels), and how far from them
    they may be.

    `exact`: that distance is proved for words of any length, and changes none of their hard decisions. Then the letters
    act on the layer at work as exactly the maps computed, and long words may be composed in closed form. It holds where
    every lower layer is contracting: the suffix of a letter takes every state within `drift` of the base state to one
    within `drift` again, and the decisions along each letter have margins that a state off by `drift` does not cross,
    as every multiplier has modulus ≤ 1.
    """

    states: tuple[NDArray[np.complex128], ...]
    drift: float
    exact: bool


@dataclass(frozen=True, eq=False)
class LayerAtWork:
    """What the climb knows of the layer that it has come to.

    Arguments:
        place: the layer, counted from 1.
        level: the letters as words over tokens, and the prefix.
        letters: the letters as this layer sees them.
        start: the layer's state after the prefix, shape (channels,).
        lower: the lower layers.
    """

    place: int
    level: Level
    letters: Letters
    start: NDArray[np.complex128]
    lower: Lower

    def spelled(self, word: PowerWord) -> PowerWord:
        """A word over letters as a word over tokens, the prefix first."""
        return PowerWord.of(self.level.prefix, self.letters.spelled(word))

    def length(self, word: PowerWord) -> int:
        """The tokens of a word over letters, the prefix included."""
        return self.level.prefix.length + self.letters.spelled(word).length


def layer_at_work(question: Question, level: Level, i: int) -> LayerAtWork:
    """Layer i (from 0) after the prefix of a level; runs the prefix and every letter once.

    Arguments:
        level: the letters, which bring all layers lower than i back.
    """
    network, group = question.network, question.group
    if i == 0:
        start = plain_states(network.initial_state(1))[0][0]
        letters = Letters(group, level.words, level.products, token_maps(network))
        return LayerAtWork(1, level, letters, start, Lower((), 0.0, True))
    state = _run(network, level.prefix)
    base = plain_states(list(state))
    found = [_map_along(network, word, state, i) for word in level.words]
    maps_of, tolerated, ends = zip(*found, strict=True)
    drift = max(float(np.abs(end[j] - base[j]).max()) for end in ends for j in range(i))
    drift = 2 * drift + 1e-12
    letters = Letters(group, level.words, level.products, Affine.stack(list(maps_of)))
    lower = Lower(tuple(h for h in base[:i]), drift, level.resets and drift < min(tolerated))
    return LayerAtWork(i + 1, level, letters, base[i][0], lower)


def token_maps(network: DCDNetwork) -> Affine:
    """The maps that the first layer makes of the tokens, (m, channels)."""
    embedding, layer = network.embedding.weight, network.layers[0]
    raw = layer.raw(embedding.new_empty((len(embedding), 0)), torch.arange(len(embedding)), embedding)
    return layer_maps(layer, raw)


def _run(network: DCDNetwork, word: PowerWord) -> Any:
    """The state of all layers after a word, from the initial state."""
    tokens, state = word.tokens(), network.initial_state(1)
    for begin in range(0, len(tokens), PIECE):
        _, state = network(torch.from_numpy(tokens[None, begin : begin + PIECE]), state, return_state=True)
    return state


def _map_along(
    network: DCDNetwork, word: PowerWord, state: Any, i: int
) -> tuple[Affine, float, list[NDArray[np.complex128]]]:
    """The map that a word makes on layer i, the lower layers starting from `state`; how far their states may be off
    all along the word without changing one of their hard decisions (-1 for other activations); and their states
    after it."""
    tokens, layers = word.tokens(), list(network.layers)
    total = Affine.identity(layers[i].specification.channels)
    tolerated = math.inf
    for begin in range(0, len(tokens), PIECE):
        piece = torch.from_numpy(tokens[None, begin : begin + PIECE])
        trace = network.trace(piece, state)
        _, state = network(piece, state, return_state=True)
        raw = layers[i].raw(trace[i].lower, piece, network.embedding.weight)
        total = total.then(sequence_map(layer_maps(layers[i], raw)[0]))
        for layer, seen in zip(layers[:i], trace, strict=False):
            tolerated = min(tolerated, _tolerated(layer, seen))
    return total, tolerated, plain_states(list(state))


def _tolerated(layer: Layer, seen: LayerTrace) -> float:
    """How far each channel of a layer may be off without changing a hard decision of its readout; -1 for other
    activations."""
    if layer.specification.activation != "hard":
        return -1.0
    h = seen.states
    parts = [h.real, h.imag] if h.is_complex() else [h]
    scores = layer.psi(torch.cat([seen.lower, *parts], -1))
    weight = layer.psi.weight[:, layer.width :].abs().sum(dim=1)
    tolerated = math.inf
    begin = 0
    for size in layer.specification.groups or (layer.specification.readout,):
        if size > 1:
            top = scores[..., begin : begin + size].topk(2, dim=-1).values
            reach = 2 * float(weight[begin : begin + size].max())
            tolerated = min(tolerated, float((top[..., 0] - top[..., 1]).min()) / max(reach, 1e-300))
        begin += size
    return tolerated
