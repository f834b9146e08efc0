"""A cascade as relative phases of Mamba-3 layers, and up to which length it is proved right.

A Mamba-3 layer turns keys and queries by an angle that tokens add to, and its state shrinks. What a first token has
written is read by queries that have been turned further: so a channel modulo n is the angle since then, and each of its
heads says on which side of a line through the origin it is, by the sign of what it reads. Neither the angle at the
start nor the size of the state matters, only the relative phase; and the first token may come again, as a reset.

*Angles.* A token adds π·tanh(a)·Δ. mamba_ssm's kernel rounds a to bfloat16, whatever the dtype of the model, and takes
tanh from an approximation (relative error 2⁻¹¹). A step between 0 and the largest would so be off by a fixed amount and
add up: with them C4 went wrong after 226 tokens. So there is none: Δ is a constant of the channel, a is 0 or so far out
that tanh is ±1, and every token leaves a channel where it is or moves it by one unit in either direction. An element
that moves it by more is *spelt* with several tokens, its letters. Layer i moves while all layers below rest: its first
move may come with the last of theirs, since it reads them after the token.

*The bound* (`horizon`). With u the unit roundoff of float32 and E = `ELEMENTARY` for softplus and exp, in units of u,
one token adds to the angle an error of at most

    π·Δ·(d + E + 4)·u       for two products, and Δ: d from its stored argument and softplus
    + 64·π·Δ·u              for the sums in chunks of 64 tokens, in any order (63 additions of at most 64·π·Δ), and
    + 8·π·u                 for the reduction modulo 2π, once a token or once a chunk, and 2π itself
    + 2·u                   because two entries of the state shrink by one factor, each rounded

Once, at the reading, there come: (8192·Δ + 280)·π·u, what the chunks of the first token and of the present one have not
passed on; `READING` for keys, queries and state in bfloat16 (3·2⁻⁹ in mamba_ssm's kernel) and for its sine and cosine
(2⁻²⁰); and (2E + 16)·u. The plain recurrence has less of all this, so that the horizon holds for both.

A sign is right while the error is less than π/n; 1/16 of that is kept, so that what is read is at least sin(π/16n) of
the state, which is WRITTEN·Δ·exp(-T·λ) or more, λ = A·Δ and its rounding. While that is above `LEAST`, the norm makes
±1 of it to within 5·10⁻¹² and its rounding. By induction on the token, and from layer to layer, all signs are right up
to the horizon.

*Assumed:* tanh(a) is exactly ±1 for 16 ≤ |a| ≤ 48, and 0 for a = 0. Correctly rounded functions and torch's are so; of
a GPU's `tanh.approx` the manual says it of ±∞ alone, and its error bound allows one step less, with which C2 would go
wrong after 1,020 tokens. `tests/owners` looks at it where there is a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...common.brief import Brief
from ..weights import Weights

CHUNK = 64
"""Tokens that mamba_ssm's kernel adds up at a time."""

READING = 2.0**-6
"""Bound on the angle by which bfloat16 keys, queries and states are off when they are read, and sine and cosine."""

ELEMENTARY = 8
"""Assumed bound on the error of elementary functions, in units of u; torch's stay below 4 (a test measures them)."""

A_FLOOR = 1e-4
"""The least decay of Mamba-3, its default."""

SATURATED = 32.0
"""tanh(32) is 1 in float32 and float64, and so it is with an error of a half; a number of bfloat16."""

WRITTEN, LEAST = 2.0**56, 2.0**10
"""What the first token writes, and what must be left of it: squares of both are far from the ends of float32."""

QUIET = 2.0**-38
"""The relative change of a norm with what stands beside the constant: 4,096 squares of 32 at most, to 2⁶⁰; the constant
is made so large for it."""

KEPT = 1 / 16
"""The share of a margin that is kept for reading."""

UNITS = {"float32": (2.0**-24, 2.0**-24), "bfloat16": (2.0**-24, 2.0**-8)}
"""By the dtype of the weights: unit roundoff of the recurrence and its own parameters, and of the projections. In
float16 `WRITTEN` is infinite; in float64 the weights are those of float32."""


@dataclass(frozen=True)
class Channel:
    """One channel of a layer.

    Arguments:
        modulus: n.
        unit: the residue by which a token moves it, in either direction; at least 1.
    """

    modulus: int
    unit: int = 1

    @property
    def step(self) -> float:
        """Δ: half of 2π·Δ is a move."""
        return 2 * self.unit / self.modulus

    @property
    def lines(self) -> int:
        """How many lines through the origin part the residues: one for two opposite boundaries."""
        return self.modulus // 2 if self.modulus % 2 == 0 else self.modulus

    def sector(self, residue: int) -> NDArray[np.int64]:
        """Weights of the lines' signs, shape (lines,): they sum to 2 in the sector of a residue, to at most 0 in any
        other. Line b is positive from (2b - 1)/2n turns on, for half a turn."""
        found = np.zeros(self.lines, dtype=np.int64)
        for boundary, sign in ((residue, 1), ((residue + 1) % self.modulus, -1)):
            opposite = boundary >= self.lines
            found[boundary - self.lines * opposite] += -sign if opposite else sign
        return found


def centred(residue: int, n: int) -> int:
    """The representative of a residue in (-n/2, n/2]."""
    return residue - n if 2 * residue > n else residue


@dataclass(frozen=True, eq=False, repr=False)
class Moves(Brief):
    """What the letters do in one layer.

    Arguments:
        gates: shape (units, lower channels + 1): the lower residues (-1: not read) and the letter at which a unit is
            on.
        moves: shape (units, channels): 1, -1 or 0, in units of the channel.
    """

    gates: NDArray[np.int64]
    moves: NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class PhaseMachine(Brief):
    """A solvable group as the relative phases of some layers.

    Arguments:
        group: the group.
        alphabet: the elements that may be read.
        weights: of its cascade.
    """

    group: Group
    alphabet: tuple[int, ...]
    weights: Weights

    @cached_property
    def channels(self) -> tuple[tuple[Channel, ...], ...]:
        """For each layer its channels."""
        found = []
        for layer in self.weights.layers:
            steps = [[abs(centred(int(r), n)) for r in layer.increments[:, j]] for j, n in enumerate(layer.moduli)]
            found.append(tuple(Channel(n, math.gcd(*s) or 1) for n, s in zip(layer.moduli, steps, strict=True)))
        return tuple(found)

    @cached_property
    def _moves(self) -> tuple[NDArray[np.int64], ...]:
        """For each layer what its gates add, in units of the channels, towards 0 the short way round."""
        found = []
        for layer, channels in zip(self.weights.layers, self.channels, strict=True):
            rows = [
                [centred(int(r), c.modulus) // c.unit for r, c in zip(row, channels, strict=True)]
                for row in layer.increments
            ]
            found.append(np.array(rows, dtype=np.int64).reshape(len(layer.gates), len(channels)))
        return tuple(found)

    @cached_property
    def _spelt(self) -> tuple[tuple[tuple[int, ...], ...], tuple[Moves, ...]]:
        letters: dict[tuple[bytes, ...], int] = {}
        rows: list[list[tuple[NDArray[np.int64], int, NDArray[np.int64]]]] = [[] for _ in self.channels]
        words = []
        for token in range(len(self.alphabet)):
            word, last = [], 0
            own = []
            for layer, moves in zip(self.weights.layers, self._moves, strict=True):
                met = layer.gates[:, -1] == token
                first, longest = last, int(abs(moves[met]).max(initial=0))
                last = first + max(longest, 1) - 1
                own.append((layer.gates[met, :-1], moves[met], first))
            for j in range(last + 1):
                parts = []
                for lower, moves, first in own:
                    now = np.sign(moves) * (abs(moves) > j - first) if j >= first else np.zeros_like(moves)
                    on = now.any(axis=1)
                    parts.append((lower[on], now[on]))
                key = tuple(array.astype(np.int64).tobytes() for part in parts for array in part)
                if key not in letters:
                    letters[key] = len(letters)
                    for i, (lower, now) in enumerate(parts):
                        rows[i] += [(below, letters[key], move) for below, move in zip(lower, now, strict=True)]
                word.append(letters[key])
            words.append(tuple(word))
        found = []
        for layer, channels, own_rows in zip(self.weights.layers, self.channels, rows, strict=True):
            gates = np.array([[*below, letter] for below, letter, _ in own_rows], dtype=np.int64)
            moved = np.array([move for _, _, move in own_rows], dtype=np.int64)
            found.append(Moves(gates.reshape(-1, layer.gates.shape[1]), moved.reshape(-1, len(channels))))
        return tuple(words), tuple(found)

    @property
    def words(self) -> tuple[tuple[int, ...], ...]:
        """For each element of the alphabet its letters."""
        return self._spelt[0]

    @property
    def layers(self) -> tuple[Moves, ...]:
        """What the letters do, layer by layer."""
        return self._spelt[1]

    @property
    def letters(self) -> int:
        """How many letters there are."""
        return 1 + max(letter for word in self.words for letter in word)

    @property
    def longest(self) -> int:
        """The most letters that an element takes."""
        return max(len(word) for word in self.words)

    def horizon(self, dtype: str) -> int:
        """The largest number of elements since the start or a reset for which every answer is proved right; 0 where
        nothing is proved."""
        u, p = UNITS[dtype]
        flat = [channel for layer in self.channels for channel in layer]
        if 8 * len(flat) * p >= 1:  # the sums of signs, in gates and answers
            return 0
        return min(_channel_horizon(channel, u) for channel in flat) // self.longest

    def describe(self) -> str:
        """The horizons by dtype, for people."""
        parts = [f"{dtype} {self.horizon(dtype):,}" for dtype in UNITS]
        return ", ".join(parts)


def phase_fault(machine: PhaseMachine) -> str | None:
    """What the spelling does wrong, or None: from every state every element is spelt, and the residues compared with
    what the gates of the whole element say. Both are functions of the state and the element, so words of every length
    follow."""
    moduli = machine.weights.moduli
    whole = [(layer.gates, layer.increments) for layer in machine.weights.layers]
    pairs = zip(machine.layers, machine.channels, strict=True)
    parts = [(layer.gates, layer.moves * np.array([c.unit for c in channels])) for layer, channels in pairs]
    states = machine.weights.residues
    for token, word in enumerate(machine.words):
        spelt = states
        for letter in word:
            spelt = _step(parts, moduli, spelt, letter)
        if not np.array_equal(_step(whole, moduli, states, token), spelt):
            return f"element {machine.alphabet[token]} is spelt wrongly"
    return None


def _step(
    layers: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    moduli: Sequence[int],
    states: NDArray[np.int64],
    token: int,
) -> NDArray[np.int64]:
    """The residues (states, channels) after a token; each layer, gates and what they add, reads those below after
    it."""
    found = states.copy()
    place = 0
    for gates, added in layers:
        own, width = gates[:, -1] == token, added.shape[1]
        lower = gates[own, None, :-1]
        met = ((lower == found[:, :place]) | (lower < 0)).all(axis=-1)
        turned = found[:, place : place + width] + met.T.astype(np.int64) @ added[own]
        found[:, place : place + width] = turned % np.array(moduli[place : place + width])
        place += width
    return found


def _channel_horizon(channel: Channel, u: float) -> int:
    """In letters."""
    n, step = channel.modulus, channel.step
    argument = softplus_inverse(step)
    of_step = abs(argument) * -math.expm1(-step) / step + ELEMENTARY  # sigmoid(argument) = 1 - exp(-Δ)
    added = math.pi * step * (of_step + ELEMENTARY + 4 + CHUNK) * u + 8 * math.pi * u + 2 * u
    once = (2 * CHUNK**2 * step + 280) * math.pi * u + READING + (2 * ELEMENTARY + 16) * u
    margin = math.pi / n
    by_angle = ((1 - KEPT) * margin - once) / (added * (1 + 2.0**-20))
    decay = A_FLOOR * step * (1 + 2.0**-10) + (ELEMENTARY + 2) * u
    by_size = (math.log(WRITTEN * step / LEAST) + math.log(math.sin(KEPT * margin)) - 0.7) / decay
    return max(0, math.floor(min(by_angle, by_size)))


def softplus_inverse(value: float) -> float:
    """x with log(1 + exp(x)) = value > 0."""
    return value + math.log(-math.expm1(-value))
