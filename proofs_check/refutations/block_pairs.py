"""Two words with different products that end in one state of one layer of blocks, from its weights.

A token acts on block j by one affine map h -> A h + b. Two ways lead to a pair, and the network then runs both words:

* *A word that shrinks.* Where all blocks of a word s have spectral radius below 1, a·sⁿ and b·sⁿ end in one state to
  within ε, for tokens a ≠ b and some n; their products differ whatever s is.
* *A small orbit.* Words are extended level by level, states that coincide are one, and two of a level that coincide
  with different products are a pair: what a layer of finitely many states comes to, whose labels are of a group that it
  does not carry.

What grows along every word, or turns without end and never shrinks, is not found by either; the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...models.families import Blocks
from ...models.network import DCDNetwork
from .evidence import PairEvidence, pair_by_running
from .long_words import PowerWord
from .question import Question

Numbers = NDArray[np.float64]

CANDIDATES, LONGEST_SUFFIX = 600, 8
"""Words that are tried as s, and how long they are."""

STATES, LEVELS = 1 << 15, 48
"""States of a level that are kept, and levels."""


@dataclass(frozen=True, eq=False)
class BlockMaps:
    """What each token does.

    Arguments:
        matrices: shape (tokens, blocks, n, n), real: n = m, or 2m of complex blocks.
        shifts: shape (tokens, blocks, n).
        start: shape (blocks, n), the state before the first token.
    """

    matrices: Numbers
    shifts: Numbers
    start: Numbers

    @staticmethod
    @torch.no_grad()
    def of(network: DCDNetwork) -> BlockMaps:
        """The maps of a network of one layer of blocks, in float64."""
        (layer,) = network.layers
        transition = layer.transition
        assert isinstance(transition, Blocks)
        tokens = torch.arange(network.alphabet_size)
        raw = layer.raw(torch.zeros((len(tokens), 0), dtype=torch.float64), tokens, network.embedding.weight)
        matrices, shifts = transition.maps(raw)
        state = transition.start(layer.initial_state, 1)
        assert isinstance(state, torch.Tensor)
        start = transition.real(state)[0]
        return BlockMaps(
            matrices.movedim(-1, 1).numpy().copy(), shifts.movedim(-1, 1).numpy().copy(), start.movedim(-1, 0).numpy()
        )

    def after(self, states: Numbers, token: int) -> Numbers:
        """States (count, blocks, n) after a token."""
        return np.asarray(np.einsum("rij,crj->cri", self.matrices[token], states) + self.shifts[token])

    def linear(self, word: NDArray[np.integer]) -> Numbers:
        """The linear parts of a word, (blocks, n, n)."""
        found = self.matrices[word[0]]
        for token in word[1:]:
            found = self.matrices[token] @ found
        return found


def block_pair(question: Question) -> tuple[PairEvidence | None, str]:
    """A pair for a network of one layer of blocks, confirmed by running it; else None, and what stood in the way."""
    if len(question.network.layers) > 1:
        return None, "words are computed from the weights of one layer of blocks alone"
    maps = BlockMaps.of(question.network)
    found, problem = _by_shrinking(question, maps)
    if found is None:
        found = _by_orbit(question, maps)
    return found, problem if found is None else ""


def _by_shrinking(question: Question, maps: BlockMaps) -> tuple[PairEvidence | None, str]:
    tokens = len(maps.matrices)
    generator = np.random.default_rng(0)
    words = [np.array([token]) for token in range(tokens)]
    words += [generator.integers(tokens, size=2 + i % (LONGEST_SUFFIX - 1)) for i in range(CANDIDATES)]
    rates = [_radius(maps.linear(word)) ** (1 / len(word)) for word in words]
    best = int(np.argmin(rates))
    if not rates[best] < 1:
        return None, "no word was found that shrinks every block, and no two words of one orbit coincide"
    suffix, linear = words[best], maps.linear(words[best])
    heads = maps.start[None]
    after = np.stack([maps.after(heads, token)[0] for token in range(tokens)])
    first = int(np.argmax(question.alphabet != question.alphabet[0]))
    if question.alphabet[first] == question.alphabet[0]:
        return None, "all tokens stand for one element"
    difference = (after[0] - after[first])[..., None]
    repeats, power = 1, linear
    while not np.abs(power @ difference).max() <= question.epsilon / 8:
        repeats, power = 2 * repeats, power @ power
        if repeats * len(suffix) > question.budget.run_tokens:
            return None, f"a pair of words of over {repeats * len(suffix):,} tokens is too long to run"
    tail = PowerWord.of(*suffix.tolist()).power(repeats)
    pair = PowerWord.of(0, tail), PowerWord.of(first, tail)
    return _confirmed(question, pair), "two words whose states meet in exact arithmetic stay apart when they are run"


def _radius(linear: Numbers) -> float:
    """The largest absolute value of an eigenvalue of any block; infinite where a number is none."""
    return float(np.abs(np.linalg.eigvals(linear)).max()) if np.isfinite(linear).all() else np.inf


def _confirmed(question: Question, words: tuple[PowerWord, PowerWord]) -> PairEvidence | None:
    """The pair, if the network ends both words in one state with one answer, and their products differ."""
    found = pair_by_running(question.network, question.own, question.group, question.alphabet, words, question.epsilon)
    fits = found.distance <= question.epsilon and found.answers[0] == found.answers[1]
    return found if fits and found.products[0] != found.products[1] else None


def _by_orbit(question: Question, maps: BlockMaps) -> PairEvidence | None:
    tokens, group = len(maps.matrices), question.group
    states, labels = maps.start[None], np.zeros(1, dtype=np.int64)
    levels: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # of each state the one before, and the token
    generator = np.random.default_rng(0)
    while len(levels) < LEVELS:
        images = np.concatenate([maps.after(states, token) for token in range(tokens)])
        products = np.concatenate([group.multiply(labels, int(x)) for x in question.alphabet])
        before, by = np.tile(np.arange(len(states)), tokens), np.repeat(np.arange(tokens), len(states))
        fits = np.abs(images).max(axis=(1, 2)) < question.budget.growth  # False where a number is none
        images, products, before, by = images[fits], products[fits], before[fits], by[fits]
        if not len(images):
            return None
        order = np.argsort(images.reshape(len(images), -1) @ _weights(images[0].size), kind="stable")
        near = np.abs(np.diff(images[order], axis=0)).max(axis=(1, 2)) <= question.epsilon / 2
        levels.append((before, by))
        for i in np.flatnonzero(near & (np.diff(products[order]) != 0))[:8].tolist():
            words = tuple(_word(levels, int(order[i + j])) for j in (0, 1))
            if (found := _confirmed(question, (words[0], words[1]))) is not None:
                return found
        kept = order[np.flatnonzero(~np.concatenate([[False], near]))]
        if len(kept) > STATES // tokens:
            kept = generator.choice(kept, max(1, STATES // tokens), replace=False)
        states, labels, levels[-1] = images[kept], products[kept], (before[kept], by[kept])
    return None


def _weights(count: int) -> Numbers:
    return np.random.default_rng(0).normal(size=count)


def _word(levels: list[tuple[NDArray[np.int64], NDArray[np.int64]]], place: int) -> PowerWord:
    """The tokens that lead to a state of the last level."""
    word: list[int] = []
    for before, by in reversed(levels):
        word.insert(0, int(by[place]))
        place = int(before[place])
    return PowerWord.of(*word)
