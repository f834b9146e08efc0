"""What a refutation shows, and how it is confirmed: by running the network, or by composing exact maps at high
precision.

Distances of states are the largest |Δh| over channels, absolute: the readout takes h through fixed weights W, so that
an absolute distance δ moves no score by more than √2·δ·‖W‖ (row sums), whatever the size of h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...algebra.tracked import products
from ...common.brief import Brief
from ...models.network import DCDNetwork
from ...models.recurrences import UnitState
from .affine_maps import Affine
from .long_words import PowerWord

PIECE = 1 << 14
"""Tokens run at a time."""


@dataclass(frozen=True, repr=False)
class PairEvidence(Brief):
    """Two words of one length with different products that the model cannot tell apart.

    Arguments:
        words: over tokens.
        products: element indices.
        distances: for every layer, the largest |Δh| over channels after the last token.
        answers: the model's two answers (float64), and `answers_in_own_dtype` those in the model's own precision (None
            if not run).
        logits: both rows of logits.
        same_readouts: whether all layers' readouts agree to within epsilon.
        confirmed: "run" (the network ran both words) or "closed form" (maps composed at high precision).
    """

    words: tuple[PowerWord, PowerWord]
    products: tuple[int, int]
    distances: tuple[float, ...]
    answers: tuple[int, int]
    answers_in_own_dtype: tuple[int, int] | None
    logits: tuple[tuple[float, ...], tuple[float, ...]]
    same_readouts: bool
    confirmed: str

    @property
    def distance(self) -> float:
        """The largest distance of any layer."""
        return max(self.distances)

    def as_json(self) -> dict[str, Any]:
        return {
            "words": [str(word) for word in self.words],
            "length": self.words[0].length,
            "products": list(self.products),
            "state_distances": list(self.distances),
            "answers": list(self.answers),
            "answers_in_own_dtype": self.answers_in_own_dtype and list(self.answers_in_own_dtype),
            "logits": [list(row) for row in self.logits],
            "same_readouts": self.same_readouts,
            "confirmed": self.confirmed,
        }


@dataclass(frozen=True, repr=False)
class DivergenceEvidence(Brief):
    """A word along whose powers a layer's state grows.

    Arguments:
        prefix, word: p and w over tokens; the words are p wⁿ.
        layer: counted from 1. channel: counted from 0.
        growth: pairs (n, |h| after p wⁿ).
        unbounded: whether w acts on that channel as a pure translation, so that |h| grows for ever along w; else it is
            one of a family
            P Qⁿ whose bound rises without limit.
        confirmed: "run" or "closed form".
    """

    prefix: PowerWord
    word: PowerWord
    layer: int
    channel: int
    growth: tuple[tuple[int, float], ...]
    unbounded: bool
    confirmed: str

    def as_json(self) -> dict[str, Any]:
        return {
            "prefix": str(self.prefix),
            "word": str(self.word),
            "word_length": self.word.length,
            "layer": self.layer,
            "channel": self.channel,
            "growth": [list(entry) for entry in self.growth],
            "unbounded_along_the_word": self.unbounded,
            "confirmed": self.confirmed,
        }


@dataclass(frozen=True, repr=False)
class FailingWord(Brief):
    """A word on which the model's last answer is wrong."""

    word: PowerWord
    product: int
    answer: int

    def as_json(self) -> dict[str, Any]:
        return {"word": str(self.word), "length": self.word.length, "product": self.product, "answer": self.answer}


def in_float64(network: DCDNetwork) -> DCDNetwork:
    """The same weights in a float64 network: the machine that refutations are about."""
    return network.converted("float64")


def plain_states(state: list[Any]) -> list[NDArray[np.complex128]]:
    """h of every layer from what a network carries, complex128 (batch, channels)."""
    return [
        (part.value if isinstance(part, UnitState) else part).detach().numpy().astype(np.complex128) for part in state
    ]


@torch.no_grad()
def run_words(
    network: DCDNetwork, words: NDArray[np.int64]
) -> tuple[list[NDArray[np.complex128]], torch.Tensor, list[Any]]:
    """Run words (batch, length) from the start: the states after the last token, the last logits, and the carried
    state."""
    state = network.initial_state(len(words))
    logits = torch.empty(0)
    for begin in range(0, words.shape[1], PIECE):
        logits, state = network(torch.from_numpy(words[:, begin : begin + PIECE]), state, return_state=True)
    return plain_states(state), logits[:, -1], state


@torch.no_grad()
def read_states(network: DCDNetwork, states: list[NDArray[np.complex128]]) -> tuple[torch.Tensor, torch.Tensor]:
    """(readouts of all layers, logits) for given states of every layer, each (batch, channels)."""
    complex_states = (layer.transition.complex_state for layer in network.layers)
    given = [torch.from_numpy(h if own else h.real.copy()) for h, own in zip(states, complex_states, strict=True)]
    readouts = network.readouts(given)
    return readouts, network.decide(readouts)


def pair_by_running(
    network: DCDNetwork,
    own: DCDNetwork,
    group: Group,
    alphabet: NDArray[np.integer],
    words: tuple[PowerWord, PowerWord],
    epsilon: float,
) -> PairEvidence:
    """Run both words and compare."""
    tokens = np.stack([word.tokens() for word in words])
    states, logits, _ = run_words(network, tokens)
    readouts, _ = read_states(network, states)
    answers = logits.argmax(-1).tolist()
    own_answers = answers if own is network else run_words(own, tokens)[1].argmax(-1).tolist()
    return PairEvidence(
        words,
        (words[0].product(group, alphabet), words[1].product(group, alphabet)),
        tuple(float(np.abs(h[0] - h[1]).max()) for h in states),
        (answers[0], answers[1]),
        (own_answers[0], own_answers[1]),
        (tuple(logits[0].tolist()), tuple(logits[1].tolist())),
        bool((readouts[0] - readouts[1]).abs().max() <= epsilon * 10),
        "run",
    )


def pair_in_closed_form(
    network: DCDNetwork,
    group: Group,
    alphabet: NDArray[np.integer],
    words: tuple[PowerWord, PowerWord],
    pair: tuple[PowerWord, PowerWord],
    maps: Affine,
    start: NDArray[np.complex128],
    lower: Sequence[NDArray[np.complex128]],
    drift: float,
    epsilon: float,
) -> PairEvidence:
    """The same for words of any length, from exact states of the last layer.

    Arguments:
        words: over tokens; `pair`: the same, without the prefix, over the letters whose `maps` (letters, channels) act
            on the last layer.
        start: the last layer's state after the prefix; `lower`: the other layers' states between letters, off by at
            most `drift`.
    """
    first, second, distance = exact_states(pair, maps, start)
    states = [*(np.repeat(h, 2, axis=0) for h in lower), np.array([first, second])]
    readouts, logits = read_states(network, states)
    answers = logits.argmax(-1).tolist()
    return PairEvidence(
        words,
        (words[0].product(group, alphabet), words[1].product(group, alphabet)),
        (*(2 * drift for _ in lower), distance),
        (answers[0], answers[1]),
        None,
        (tuple(logits[0].tolist()), tuple(logits[1].tolist())),
        bool((readouts[0] - readouts[1]).abs().max() <= epsilon * 10),
        "closed form",
    )


def exact_states(
    words: tuple[PowerWord, PowerWord], maps: Affine, start: NDArray[np.complex128]
) -> tuple[list[complex], list[complex], float]:
    """The states after two words and their largest distance, composed with mpmath at 40 digits more than the length
    has.

    Phases are integers mod 2⁶⁴ throughout, log|a| and b the given floats taken as exact: what is computed is the
    real-number machine with these multipliers and shifts, not an estimate of it.
    """
    import mpmath

    context = mpmath.mp.clone()
    context.dps = 40 + len(str(words[0].length))
    channels = len(start)
    two_pi = 2 * context.pi

    Value = tuple[Any, int, Any]  # log|a|, phase, b
    ends: list[list[Any]] = []
    for word in words:
        ends.append([])
        for j in range(channels):

            def multiplier(value: Value) -> Any:
                return context.exp(value[0]) * context.expj(two_pi * value[1] / 2**64)

            def token(i: int, j: int = j) -> Value:
                shift = maps.shift[i, j]
                return (
                    context.mpf(float(maps.log_modulus[i, j])),
                    int(maps.phase[i, j]),
                    context.mpc(shift.real, shift.imag),
                )

            def join(a: Value, b: Value) -> Value:
                return a[0] + b[0], (a[1] + b[1]) % 2**64, multiplier(b) * a[2] + b[2]

            def power(a: Value, n: int) -> Value:
                total = (a[0] * n, a[1] * n % 2**64, context.mpf(0))
                one = multiplier(a)
                if one == 1:
                    return total[0], total[1], a[2] * n
                return total[0], total[1], a[2] * (multiplier(total) - 1) / (one - 1)

            value = word.fold(token, join, power, (context.mpf(0), 0, context.mpc(0)))
            ends[-1].append(multiplier(value) * context.mpc(start[j].real, start[j].imag) + value[2])
    distance = max((abs(a - b) for a, b in zip(*ends, strict=True)), default=0)
    return [complex(x) for x in ends[0]], [complex(x) for x in ends[1]], float(distance)


@torch.no_grad()
def growth_by_running(
    network: DCDNetwork, prefix: PowerWord, word: PowerWord, layer: int, channel: int, exponents: list[int]
) -> tuple[tuple[int, float], ...]:
    """|h| of one channel after p wⁿ for each exponent n, by running the network; `layer` counted from 1."""
    state = network.initial_state(1)
    for piece in np.array_split(prefix.tokens(), max(1, prefix.length // PIECE)):
        if len(piece):
            _, state = network(torch.from_numpy(piece)[None], state, return_state=True)
    letters = word.tokens()
    done, growth = 0, []
    together = max(1, PIECE // len(letters))
    for n in exponents:
        while done < n:
            times = min(together, n - done)
            stream = np.tile(letters, times)
            for begin in range(0, len(stream), PIECE):
                _, state = network(torch.from_numpy(stream[None, begin : begin + PIECE]), state, return_state=True)
            done += times
        growth.append((n, float(np.abs(plain_states(list(state))[layer - 1][0, channel]))))
    return tuple(growth)


@torch.no_grad()
def find_failing_word(
    network: DCDNetwork,
    group: Group,
    alphabet: NDArray[np.integer],
    also: tuple[PowerWord, ...] = (),
    seed: int = 0,
    length: int = 256,
) -> FailingWord | None:
    """A word on which the model's answer is wrong: the shortest prefix of short, random or given words.

    All words of one and two tokens, then 64 random words of `length`, then the words of `also`, each up to its first
    10⁶ tokens.
    """
    m = len(alphabet)
    two = np.stack([np.repeat(np.arange(m), m), np.tile(np.arange(m), m)], axis=1)[: 1 << 14]
    random = np.random.default_rng(seed).integers(m, size=(64, length))
    given = [word.tokens()[None] for word in also if word.length <= 10**6]
    for batch in (two, random, *given):
        found, _ = network.predict(torch.from_numpy(batch.astype(np.int64)))
        expected = np.stack([products(group, alphabet[row]) for row in batch])
        wrong = found.numpy() != expected
        if wrong.any():
            first = np.where(wrong.any(axis=1), wrong.argmax(axis=1), wrong.shape[1])
            row = int(np.argmin(first))
            end = int(first[row])
            return FailingWord(
                PowerWord.of(*batch[row, : end + 1].tolist()), int(expected[row, end]), int(found[row, end])
            )
    return None
