"""Real channels h ← a·h + b, |a| ≤ 1 but for rounding, over all states of a machine: an interval for each state.

In each state q the channel is written h = s(q)·v, s the sign that the spanning tree of the machine leads to, so that
for a channel that the machine explains every token multiplies v by nearly 1. Up to `DIRECT` tokens intervals are
followed token by token. For more, a channel whose intervals are carried into themselves stays in them for ever; for the
others v' - v = (a - 1)·v + b is bounded over a range that is guessed; its sums, bounded by `walks`, must lie in it.

Rounding: whatever blocks a scan works in, it makes for each token one product and one sum of states, one product of
multipliers, and one product and one sum that bring a block's beginning in; every partial result is at most 2.2 times
the largest |h|. As |a| ≤ 1 + 130u these errors hardly grow later (by e^0.13 at `MOST_ROUNDINGS`), so 12·T·u times the
largest |h| is enough; nothing is off where all a are ±1 and all b are 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layers import LayerProof, Raw, UncertainError
from .machines import Grouping, Walked
from .regions import OWN, Regions
from .walks import DIRECT, walk

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_ROUNDINGS = 0.001
"""Channels are followed while tokens times u stays below this."""


@dataclass(frozen=True, eq=False)
class HeldValues:
    """Where one layer's channels can be after the last token.

    Arguments:
        low, high: shape (states, channels): v; low above high in a state that has not been reached.
        largest: shape (channels,): a bound on every |h| so far.
    """

    low: Floats
    high: Floats
    largest: Floats


# Laid out as `UnitChannels`: a walk takes either. What they have in common is the order of steps, not a line of sums.
class RealChannels:
    """The channels of one layer with real multipliers.

    Arguments:
        layer: its parameters.
        walked: the machine.
    """

    def __init__(self, layer: LayerProof, walked: Walked) -> None:
        self.layer, self.walked = layer, walked
        self.states, self.precision = walked.states, layer.precision
        self.sign = np.ones((walked.states, layer.channels))

    @property
    def columns(self) -> int:
        """Sums that are bounded in each state."""
        return 4 * self.layer.channels

    def start(self) -> HeldValues:
        """Before the first token: state 0."""
        shape = (self.states, self.layer.channels)
        low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
        low[0] = high[0] = self.layer.start.real
        return HeldValues(low, high, np.abs(low[0]))

    def fix_gauge(self, raw: Raw, of: Integers) -> Regions:
        """Take s as the sign of the product of a along the tree; where the channels are after its words."""
        (low, high), (least, most) = self.layer.multipliers(raw), self.layer.additions(raw)
        a, b = (low + high) / 2, (least + most) / 2
        some = np.zeros(self.states, dtype=np.int64)
        some[of] = np.arange(len(of))
        value = np.broadcast_to(self.layer.start.real, self.sign.shape).copy()
        for source, token, target in self.walked.tree:
            case = some[target]
            self.sign[target] = self.sign[source] * np.where(a[case, token] < 0, -1.0, 1.0)
            value[target] = a[case, token] * value[source] + b[case, token]
        zero = np.zeros(value.shape)
        return Regions(value.astype(np.complex128), zero, zero, zero)

    def deviations(self, raw: Raw, of: Integers) -> Floats:
        """How far the factors of v are from 1 at most, (channels,)."""
        low, high, _, _ = self._edges(raw, Grouping(of, self.states))
        found: Floats = np.maximum(np.abs(low - 1), np.abs(high - 1)).max(axis=(0, 1))
        return found

    def pushes(self, raw: Raw, of: Integers, chosen: NDArray[np.bool_]) -> Floats:
        """How each edge shrinks the chosen channels and moves them either way: (states, tokens, ways)."""
        low, _, least, most = self._edges(raw, Grouping(of, self.states))
        shrinking = -np.log(np.maximum(low, 1e-6))
        return np.concatenate([part[..., chosen] for part in (shrinking, most, -least)], axis=2)

    def grow(
        self, now: HeldValues, raw: Raw, of: Integers, tokens: int, total: int
    ) -> tuple[HeldValues, Regions, bool]:
        """The channels after so many tokens, where they can be during them, and whether that holds for ever.

        Arguments:
            raw: φ's outputs of each case.
            of: the state of each case.
            tokens, total: of this block, and in all.

        Raises:
            UncertainError: too many roundings, or no range was found that contains what comes out of it.
        """
        edges = self._edges(raw, Grouping(of, self.states))
        low, high = now.low, now.high
        lowest, highest = np.full_like(low, np.inf), np.full_like(high, -np.inf)
        for _ in range(min(tokens, DIRECT)):
            earlier = low, high
            low, high = self._step(low, high, edges)
            lowest, highest = np.minimum(lowest, low), np.maximum(highest, high)
        kept: NDArray[np.bool_] = np.zeros(self.layer.channels, dtype=bool)
        if tokens > DIRECT:
            width = 0.01 * (highest - lowest)
            outer = lowest - width, highest + width
            inner = self._step(*outer, edges)
            kept = np.asarray(((inner[0] >= outer[0]) & (inner[1] <= outer[1])).all(axis=0))
            ranged = self._ranged(low, high, (lowest, highest), earlier, edges, tokens - DIRECT, kept)
            low, high = (np.where(kept, one, two) for one, two in zip(outer, ranged[:2], strict=True))
            lowest, highest = (np.where(kept, one, two) for one, two in zip(outer, ranged[2:], strict=True))
        reached: NDArray[np.bool_] = np.asarray((lowest <= highest).all(axis=1))
        size = np.maximum(np.abs(lowest), np.abs(highest))[reached].max(axis=0)
        exact = (np.abs(edges[0]) == 1) & (edges[0] == edges[1]) & (edges[2] == 0) & (edges[3] == 0)
        still = exact.all(axis=(0, 1))
        roundings = total * self.precision.unit
        if roundings > MOST_ROUNDINGS and not still.all():
            raise UncertainError(f"states of layer {self.layer.i + 1} may have been rounded too often")
        off = np.where(still, 0.0, 12 * roundings) * np.maximum(now.largest, size)
        largest = np.maximum(now.largest, size) + off
        shown = reached[:, None]
        middle = np.where(shown, (lowest + highest) / 2, 0.0)
        radius = np.where(shown, (highest - lowest) / 2, 0.0) + off + OWN * np.abs(middle)
        arc = np.where(shown, 0.0, np.inf) * np.ones_like(low)
        regions = Regions((self.sign * middle).astype(np.complex128), arc, arc, radius)
        return HeldValues(low, high, largest), regions, bool((kept & still).all())

    def _edges(self, raw: Raw, hull_of: Grouping) -> tuple[Floats, Floats, Floats, Floats]:
        """The least and greatest factors of v, and what is added to it, for each edge: (states after it, tokens,
        channels)."""
        (low, high), (least, most) = self.layer.multipliers(raw), self.layer.additions(raw)
        after = self.sign[hull_of.of][:, None]
        turned = after * self.sign[self.walked.before[hull_of.of]]
        low, high = np.where(turned > 0, low, -high), np.where(turned > 0, high, -low)
        least, most = np.where(after > 0, least, -most), np.where(after > 0, most, -least)
        return -hull_of(-low), hull_of(high), -hull_of(-least), hull_of(most)

    def _step(self, low: Floats, high: Floats, edges: tuple[Floats, Floats, Floats, Floats]) -> tuple[Floats, Floats]:
        """One token: v ← a·v + b."""
        least_a, most_a, least_b, most_b = edges
        first, last = low[self.walked.before], high[self.walked.before]
        reached = first <= last
        first, last = np.where(reached, first, 0.0), np.where(reached, last, 0.0)
        ways = np.stack([least_a * first, least_a * last, most_a * first, most_a * last])
        exact = (np.abs(least_a) == 1) & (least_a == most_a) & (least_b == 0) & (most_b == 0)
        own = np.where(exact, 0.0, OWN * (np.abs(ways).max(axis=0) + np.maximum(np.abs(least_b), np.abs(most_b))))
        following = ways.min(axis=0) + least_b - own, ways.max(axis=0) + most_b + own
        return (
            np.where(reached, following[0], np.inf).min(axis=1),
            np.where(reached, following[1], -np.inf).max(axis=1),
        )

    def _ranged(
        self,
        low: Floats,
        high: Floats,
        hull: tuple[Floats, Floats],
        earlier: tuple[Floats, Floats],
        edges: tuple[Floats, Floats, Floats, Floats],
        tokens: int,
        kept: NDArray[np.bool_],
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Bounds after so many tokens more and on the way, from a range that holds what comes out of it.

        Arguments:
            low, high, hull, earlier: now, so far, and one token ago.
            kept: channels that need no such bounds.
        """
        slope = np.maximum((high - earlier[1]).max(axis=0), (earlier[0] - low).max(axis=0))
        room = 1.5 * np.maximum(slope, 0.0) * tokens + 0.05 * (hull[1] - hull[0]).max(axis=0) + 1e-6
        least_v, most_v = hull[0] - room, hull[1] + room
        first, last = least_v[self.walked.before], most_v[self.walked.before]
        ways = np.stack([(a - 1) * v for a in edges[:2] for v in (first, last)])
        own = OWN * (1 + np.abs(ways).max(axis=0))
        weights = np.concatenate([ways.max(axis=0) + edges[3] + own, -(ways.min(axis=0) + edges[2] - own)], axis=2)
        sums = walk(np.concatenate([high, -low], axis=1), weights, self.walked.before, tokens)
        count = self.layer.channels
        highest = np.maximum(hull[1], sums.hull[:, :count])
        lowest = np.minimum(hull[0], -sums.hull[:, count:])
        inside = ((lowest >= least_v) & (highest <= most_v)).all(axis=0)
        if not (inside | kept).all():
            raise UncertainError(f"channel {int((~(inside | kept)).argmax()) + 1} of layer {self.layer.i + 1} drifts")
        return -sums.end[:, count:], sums.end[:, :count], lowest, highest
