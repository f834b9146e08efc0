"""A cascade as relative phases of Mamba-3 layers, and up to which length it is proved right.

A Mamba-3 layer turns keys and queries by an angle that tokens add to, and its state shrinks. What a first token has
written is read by queries that have been turned further: so a channel modulo n is the angle since then, and each of its
heads says on which side of a line through the origin it is, by the sign of what it reads. Neither the angle at the
start nor the size of the state matters, only the relative phase; and the first token may come again, as a reset.

*Angles.* A token adds π·tanh(a)·Δ. Δ is a constant of the channel, so chosen that the channel's largest step is
π·Δ, where tanh is saturated: then a may be far off. Steps between 0 and the largest one need an a whose error counts;
with n ≤ 3 there are none.

*The bound* (`horizon`). With u the unit roundoff of the recurrence, p that of the projections and E = `ELEMENTARY` for
softplus, tanh, exp, sine, cosine and the root of the norms, in units of u, one token adds to the angle an error of at
most

    π·Δ·(s + d + E + 4)·u   for tanh, two products, and Δ: d from its stored argument and softplus
    + 8π·u                  for the sum, the reduction modulo 2π, and 2π itself
    + 2·u                   because two entries of the state shrink by one factor, each rounded

where s·u = e/2 for a relative error e < 1/10 of a (max |a·tanh'(a)| < 0.448), 0 where no step is between. In layer 1 a
weight and an output of the projection are rounded, and the norm: e is at most 2p + (E + 8)·u. With C channels in the
layers below e is at most 6p + (4C + 3)·(E + 10 + 2C)·u: three weights and three outputs are rounded; and the gate
between is a sum of 2C signs, a token and a constant, 4C + 3 in all, each a rounded norm.

A sign is right while the error is less than π/n; 1/16 of that is kept, so that what is read is at least sin(π/16n) of
the state, which is WRITTEN·exp(-T·λ) or more, λ = A·Δ and its rounding. While that is above `LEAST`, the norm makes ±1
of it to within 5·10⁻¹² and its rounding. By induction on the token, and from layer to layer, all signs are right up to
the horizon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...common.brief import Brief
from ..weights import Weights

ELEMENTARY = 8
"""Assumed bound on the error of elementary functions, in units of u; torch's stay below 4 (a test measures them)."""

A_FLOOR = 1e-4
"""The least decay of Mamba-3, its default."""

SATURATED = 32.0
"""tanh(32) is 1 in float32 and float64, and so it is with an error of a half."""

WRITTEN, LEAST = 2.0**56, 2.0**10
"""What the first token writes, and what must be left of it: squares of both are far from the ends of float32."""

QUIET = 2.0**-38
"""The relative change of a norm with what stands beside the constant: 4,096 squares of 32 at most, to 2⁶⁰."""

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
        largest: the largest centred residue that is added, in absolute value; at least 1.
        between: whether other residues are added too, besides 0.
    """

    modulus: int
    largest: int
    between: bool

    @property
    def step(self) -> float:
        """Δ: half of 2π·Δ is the largest step."""
        return 2 * self.largest / self.modulus

    def raw(self, residue: int) -> float:
        """a with π·tanh(a)·Δ = 2π·residue/n."""
        share = centred(residue, self.modulus) / self.largest
        return math.copysign(SATURATED, share) if abs(share) == 1 else math.atanh(share)

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

    @property
    def channels(self) -> tuple[tuple[Channel, ...], ...]:
        """For each layer its channels."""
        found = []
        for layer in self.weights.layers:
            own = []
            for j, n in enumerate(layer.moduli):
                steps = {abs(centred(int(r), n)) for r in layer.increments[:, j]} - {0}
                own.append(Channel(n, max(steps, default=1), len(steps) > 1))
            found.append(tuple(own))
        return tuple(found)

    def horizon(self, dtype: str) -> int:
        """The largest number of elements since the start or a reset for which every answer is proved right; 0 where
        nothing is proved."""
        u, p = UNITS[dtype]
        count = sum(len(layer) for layer in self.channels)
        if 8 * count * p >= 1:  # the sums of signs, in gates and answers
            return 0
        above, found = 0, []
        for layer in self.channels:
            error = 2 * p + (ELEMENTARY + 8) * u + QUIET
            if above:
                error = 6 * p + (4 * above + 3) * (ELEMENTARY + 10 + 2 * above) * u + QUIET
            usable = [channel for channel in layer if error < 0.1 or not channel.between]
            found += [_channel_horizon(channel, error, u) for channel in usable] + [0] * (len(layer) - len(usable))
            above += len(layer)
        return min(found)

    def describe(self) -> str:
        """The horizons by dtype, for people."""
        parts = [f"{dtype} {self.horizon(dtype):,}" for dtype in UNITS]
        return ", ".join(parts)


def _channel_horizon(channel: Channel, error: float, u: float) -> int:
    n, step = channel.modulus, channel.step
    argument = softplus_inverse(step)
    of_step = abs(argument) * -math.expm1(-step) / step + ELEMENTARY  # sigmoid(argument) = 1 - exp(-Δ)
    between = error / (2 * u) if channel.between else 0.0
    added = math.pi * step * (between + of_step + ELEMENTARY + 4) * u + 8 * math.pi * u + 2 * u
    margin = math.pi / n
    by_angle = ((1 - KEPT) * margin - (2 * ELEMENTARY + 16) * u) / (added * (1 + 2.0**-20))
    decay = A_FLOOR * step * (1 + 2.0**-10) + (ELEMENTARY + 2) * u
    by_size = (math.log(WRITTEN / LEAST) + math.log(math.sin(KEPT * margin)) - 0.1) / decay
    return max(0, math.floor(min(by_angle, by_size)))


def softplus_inverse(value: float) -> float:
    """x with log(1 + exp(x)) = value > 0."""
    return value + math.log(-math.expm1(-value))
