"""Channels of modulus 1 over all states of a machine: arcs of phases and polygons of remainders (see `boxes`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layers import LayerProof, Raw, UncertainError
from .machines import Grouping, Walked
from .regions import OWN, Regions, largest_cosine
from .walks import walk

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DIRECTIONS = 8
"""In which the remainders are bounded."""

MOST_ROUNDINGS = 0.01
"""Running sums are followed while tokens times u stays below this."""


@dataclass(frozen=True, eq=False)
class HeldPhases:
    """Where one layer's channels can be after the last token.

    Arguments:
        arcs: shape (states, 2·channels): the largest e, then the largest -e, turns.
        remainders: shape (states, driven·DIRECTIONS): the largest Re(conj(d)·r) in each direction, without rounding.
        largest: shape (channels,): a bound on every |r| so far.
    """

    arcs: Floats
    remainders: Floats
    largest: Floats


class UnitChannels:
    """The channels of one layer with |a| = 1.

    Arguments:
        layer: its parameters.
        walked: the machine.
    """

    def __init__(self, layer: LayerProof, walked: Walked) -> None:
        self.layer, self.walked = layer, walked
        self.states, self.precision = walked.states, layer.precision
        self.gauge = np.zeros((walked.states, layer.channels), dtype=np.int64)

    @property
    def columns(self) -> int:
        """Sums that are bounded in each state."""
        return 2 * self.layer.channels + DIRECTIONS * len(self.layer.driven)

    def start(self) -> HeldPhases:
        """Before the first token: state 0, where every phase is 0."""
        layer = self.layer
        arcs = np.full((self.states, 2 * layer.channels), -np.inf)
        arcs[0] = 0.0
        remainders = np.full((self.states, len(layer.driven) * DIRECTIONS), -np.inf)
        seen = np.real(np.conj(_directions()) * layer.start[layer.driven][:, None]).ravel()
        remainders[0] = seen + OWN * np.abs(seen)
        return HeldPhases(arcs, remainders, np.abs(layer.start) * (1 + OWN))

    def fix_gauge(self, raw: Raw, of: Integers) -> Regions:
        """Take g as the phase after the word that the tree leads along to each state; where the channels are then.

        Any g would do for a proof; this one keeps e small.
        """
        layer = self.layer
        fixed, _ = layer.turns(raw)
        b, _ = layer.drive(raw)
        some = np.zeros(self.states, dtype=np.int64)
        some[of] = np.arange(len(of))
        gauge = np.zeros_like(self.gauge)
        remainder = np.broadcast_to(layer.start, gauge.shape).copy()
        for source, token, target in self.walked.tree:
            gauge[target] = gauge[source] + fixed[some[target], token]
            remainder[target] = remainder[source]
            back = np.exp(-2j * np.pi * (gauge[target, layer.driven].astype(np.float64) * 2.0**-64))
            remainder[target, layer.driven] += back * b[some[target], token]
        self.gauge = gauge
        zero = np.zeros(gauge.shape)
        return Regions(self._points() * remainder, zero, zero, zero)

    def _points(self) -> NDArray[np.complex128]:
        found: NDArray[np.complex128] = np.exp(2j * np.pi * (self.gauge.astype(np.float64) * 2.0**-64))
        return found

    def deviations(self, raw: Raw, of: Integers) -> Floats:
        """The largest |e| that one token adds to each channel, turns; near 0 where the machine explains the channel."""
        both = self.phase_weights(raw, Grouping(of, self.states)).max(axis=(0, 1))
        found: Floats = np.maximum(both[: self.layer.channels], both[self.layer.channels :])
        return found

    def pushes(self, raw: Raw, of: Integers, chosen: NDArray[np.bool_]) -> Floats:
        """What each edge does to the chosen channels, in every way that is bounded: (states, tokens, ways)."""
        hull_of, layer = Grouping(of, self.states), self.layer
        found = [self.phase_weights(raw, hull_of)[..., np.tile(chosen, 2)]]
        if len(layer.driven):
            still = np.zeros((self.states, layer.channels))
            drive = self.drive_weights(raw, hull_of, still, still)
            drive = drive.reshape(*drive.shape[:2], len(layer.driven), -1)[:, :, chosen[layer.driven]]
            found.append(drive.reshape(*drive.shape[:2], -1))
        return np.concatenate(found, axis=2)

    def grow(
        self, now: HeldPhases, raw: Raw, of: Integers, tokens: int, total: int
    ) -> tuple[HeldPhases, Regions, bool]:
        """The channels after so many tokens, where they can be during them, and whether that holds for ever.

        Arguments:
            raw: φ's outputs of each case.
            of: the state of each case.
            tokens, total: of this block, and in all.

        Raises:
            UncertainError: sums of b may have been rounded too often.
        """
        layer = self.layer
        hull_of = Grouping(of, self.states)
        arcs = walk(now.arcs, self.phase_weights(raw, hull_of), self.walked.before, tokens)
        count = layer.channels
        upper, lower = arcs.hull[:, :count], -arcs.hull[:, count:]
        centre = np.broadcast_to(layer.start, (self.states, count)).copy()
        radius, largest, remainders = np.zeros((self.states, count)), now.largest.copy(), now.remainders
        if len(layer.driven):
            weights = self.drive_weights(raw, hull_of, upper, lower)
            sums = walk(now.remainders, weights, self.walked.before, tokens)
            remainders, own = sums.end, layer.driven
            centre[:, own], radius[:, own] = _discs(sums.hull.reshape(self.states, -1, DIRECTIONS))
            reached = np.isfinite(upper).all(axis=1)
            largest[own] = np.maximum(largest[own], (np.abs(centre) + radius)[np.ix_(reached, own)].max(axis=0))
            roundings = total * self.precision.unit
            if roundings > MOST_ROUNDINGS:
                raise UncertainError("sums of b may have been rounded too often")
            radius[:, own] += 2.2 * roundings * largest[own]
            largest[own] *= 1 + 2.2 * roundings
        radius += largest * self._circle_error()
        regions = Regions(centre * self._points(), lower, upper, radius + OWN * np.abs(centre))
        held = HeldPhases(arcs.end, remainders, now.largest if not len(layer.driven) else largest)
        return held, regions, bool(arcs.settled.all()) and not len(layer.driven)

    def _circle_error(self) -> float:
        """How far exp(2πi·phase) and a product with it are off, relative to the other factor's size."""
        return 1.5 * self.precision.elementary() + 8 * self.precision.unit

    def phase_weights(self, raw: Raw, hull_of: Grouping) -> Floats:
        """What each edge adds to e and to -e at most, (states after it, tokens, 2·channels), turns."""
        gauge, of = self.gauge, hull_of.of
        fixed, spread = self.layer.turns(raw)
        moved = (fixed + gauge[self.walked.before[of]] - gauge[of][:, None]).astype(np.float64) * 2.0**-64
        off = np.abs(moved) * 2.0**-52 + spread
        return np.concatenate([hull_of(moved + off), hull_of(off - moved)], axis=2)

    def drive_weights(self, raw: Raw, hull_of: Grouping, upper: Floats, lower: Floats) -> Floats:
        """What each edge adds to Re(conj(d)·r) at most, (states after it, tokens, driven·DIRECTIONS).

        It adds conj(P)·b to r, P = exp(2πi(g + e)) after the token, lower ≤ e ≤ upper (states, channels).
        """
        layer = self.layer
        b, around = layer.drive(raw)
        at = (hull_of.of[:, None], layer.driven)
        last, first = (np.where(np.isfinite(part[at]), part[at], 0.0)[:, None, :, None] for part in (upper, lower))
        angle = np.angle(b) / (2 * np.pi) - self.gauge[at][:, None].astype(np.float64) * 2.0**-64
        size = np.abs(b)
        off = around + size * (self._circle_error() + OWN)
        turned = angle[..., None] - np.arange(DIRECTIONS) / DIRECTIONS
        added = size[..., None] * largest_cosine(turned - last, turned - first) + off[..., None]
        return hull_of(added.reshape(*b.shape[:2], -1))


def _directions() -> NDArray[np.complex128]:
    found: NDArray[np.complex128] = np.exp(2j * np.pi * np.arange(DIRECTIONS) / DIRECTIONS)
    return found


def _discs(bounds: Floats) -> tuple[NDArray[np.complex128], Floats]:
    """Discs around the polygons {z: Re(conj(d)·z) ≤ bound}: bounds (…, DIRECTIONS) to middles and radii; 0 where a
    state has not been reached."""
    bounds = np.where(np.isfinite(bounds), bounds, 0.0)
    quarter = DIRECTIONS // 4
    middle = (bounds[..., 0] - bounds[..., 2 * quarter]) / 2 + 0.5j * (bounds[..., quarter] - bounds[..., 3 * quarter])
    apart = bounds - np.real(np.conj(_directions()) * middle[..., None])
    radius = apart.max(axis=-1) / np.cos(np.pi / DIRECTIONS)
    return middle, radius * (1 + OWN) + OWN * (np.abs(middle) + np.abs(bounds).max(axis=-1))
