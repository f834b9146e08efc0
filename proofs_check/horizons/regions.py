"""Where the channels of a network can be, for each state of a machine, and what linear forms of them can be there.

A channel with |a| = 1 is h = exp(2πi(g + e))·r: a fixed phase g for each state of the machine (the gauge), an angle e
in an arc, and a remainder r in a disc. A *form* is a number Re(Σ_j c_j h_j) + [low, high] with complex coefficients
c. Forms are kept as long as what is made of them is linear, so that what two numbers have in common cancels in their
difference.

Everything is in float64, rounded outwards by `OWN` relative to the sizes that were added up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Integers = NDArray[np.int64]

OWN = 1e-12
"""What our own sums in float64 are off by, at most, relative to the sum of the sizes of their terms."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Where channels can be in each state; all arrays (states, channels).

    Arguments:
        centre: exp(2πi·g) times the middle of the disc of remainders.
        low, high: the arc, in turns, low ≤ high; whole where it is a turn or more.
        radius: of the disc of remainders, with whatever h is off by besides.
    """

    centre: Complexes
    low: Floats
    high: Floats
    radius: Floats

    @property
    def size(self) -> Floats:
        """A bound on |h|."""
        return (np.abs(self.centre) + self.radius) * (1 + OWN)

    def beside(self, other: Regions) -> Regions:
        """These channels and then the other ones."""
        pairs = [(self.centre, other.centre), (self.low, other.low), (self.high, other.high)]
        centre, low, high = (np.concatenate(pair, axis=1) for pair in pairs)
        return Regions(centre, low, high, np.concatenate([self.radius, other.radius], axis=1))

    @classmethod
    def none(cls, states: int) -> Regions:
        """No channel."""
        empty = np.zeros((states, 0))
        return cls(empty.astype(np.complex128), empty, empty, empty)


@dataclass(frozen=True, eq=False)
class Forms:
    """Numbers Re(Σ_j coefficients_j·h_j) + [low, high].

    Arguments:
        coefficients: shape (cases, units, channels).
        low, high: shape (cases, units).
    """

    coefficients: Complexes
    low: Floats
    high: Floats

    def __getitem__(self, cases: NDArray[np.int64]) -> Forms:
        return Forms(self.coefficients[cases], self.low[cases], self.high[cases])

    def padded(self, channels: int) -> Forms:
        """The same with coefficients 0 for more channels, so many in all."""
        more = channels - self.coefficients.shape[2]
        return Forms(np.pad(self.coefficients, ((0, 0), (0, 0), (0, more))), self.low, self.high)

    def beside(self, other: Forms) -> Forms:
        """These units and then the other ones, of the same cases and channels."""
        return Forms(
            np.concatenate([self.coefficients, other.coefficients], axis=1),
            np.concatenate([self.low, other.low], axis=1),
            np.concatenate([self.high, other.high], axis=1),
        )

    def widened(self, by: Floats) -> Forms:
        """The same, off by at most so much: (cases, units)."""
        return Forms(self.coefficients, self.low - by, self.high + by)

    def mapped(self, weight: Floats, bias: Floats) -> Forms:
        """weight · forms + bias, weight (outputs, units) or (cases, outputs, units)."""
        coefficients = np.matmul(weight.astype(np.complex128), self.coefficients)
        low, high = interval_product(weight, self.low, self.high)
        size = np.matmul(np.abs(weight), np.maximum(np.abs(self.low), np.abs(self.high))[..., None])[..., 0]
        own = OWN * (size + np.abs(bias))
        return Forms(coefficients, low + bias - own, high + bias + own)

    def bounds(self, regions: Regions, state: Integers) -> tuple[Floats, Floats]:
        """The least and greatest values (cases, units) of each case in its state of the machine."""
        used = np.flatnonzero(self.coefficients.any(axis=(0, 1)))
        if not len(used):
            return self.low, self.high
        c = self.coefficients[:, :, used]
        at = np.ix_(state, used)
        turned = c * regions.centre[at][:, None]
        size = np.abs(turned)
        angle = np.angle(turned) / (2 * np.pi)
        first, last = regions.low[at][:, None], regions.high[at][:, None]
        greatest = (size * largest_cosine(angle + first, angle + last)).sum(axis=2)
        least = -(size * largest_cosine(angle + first + 0.5, angle + last + 0.5)).sum(axis=2)
        around = (np.abs(c) * regions.radius[at][:, None]).sum(axis=2) + OWN * size.sum(axis=2)
        around = around * (1 + OWN) + OWN * np.maximum(np.abs(self.low), np.abs(self.high))
        return self.low + least - around, self.high + greatest + around


def interval_product(weight: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """weight · [low, high] (cases, outputs) for a weight (outputs, units) or (cases, outputs, units); not rounded."""
    middle, half = (low + high) / 2, (high - low) / 2
    centre = np.matmul(weight, middle[..., None])[..., 0]
    around = np.matmul(np.abs(weight), half[..., None])[..., 0] if half.any() else 0.0
    return centre - around, centre + around


def largest_cosine(first: Floats, last: Floats) -> Floats:
    """The largest cos(2πx) for first ≤ x ≤ last, turns; within 1e-14 of it from above."""
    slack = 1e-13 * (1 + np.abs(first) + np.abs(last))
    contains = np.floor(last + slack) >= np.ceil(first - slack)
    ends = np.maximum(np.cos(2 * np.pi * first), np.cos(2 * np.pi * last))
    return np.where(contains, 1.0, np.minimum(ends + 1e-13 + 7 * slack, 1.0))


def scaled(forms: Forms, state: Integers, regions: Regions, function: str) -> Forms:
    """An activation, element by element, of forms: the chord's slope times the form, and what is left.

    What is left is enclosed by its values at 33 points and half the largest curvature: between two neighbours a
    function with |f''| ≤ M is within step²·M/8 of its chord.
    """
    low, high = forms.bounds(regions, state)
    if function == "identity":
        return forms
    f, curvature = _CURVED[function]
    points = low[..., None] + (high - low)[..., None] * np.linspace(0, 1, 33)
    values = f(points)
    width = high - low
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(width > 1e-6, (values[..., -1] - values[..., 0]) / width, 0.0)
    left = values - slope[..., None] * points
    if function == "relu":  # convex: largest at an end, least at 0 or at an end
        inside = (low < 0) & (high > 0)
        least = np.minimum(left[..., [0, -1]].min(axis=-1), np.where(inside, 0.0, np.inf))
        greatest = left[..., [0, -1]].max(axis=-1)
    else:
        between = (width / 32) ** 2 / 8 * curvature
        least, greatest = left.min(axis=-1) - between, left.max(axis=-1) + between
    own = OWN * (1 + np.abs(low) + np.abs(high)) * (1 + np.abs(slope))
    moved = Forms(
        forms.coefficients * slope[..., None],
        np.where(slope > 0, slope * forms.low, slope * forms.high) + least - own,
        np.where(slope > 0, slope * forms.high, slope * forms.low) + greatest + own,
    )
    return moved


def _gelu(x: Floats) -> Floats:
    from math import erf

    return x * 0.5 * (1 + np.vectorize(erf, otypes=[np.float64])(x / np.sqrt(2)))


def _silu(x: Floats) -> Floats:
    return x * 0.5 * (1 + np.tanh(x / 2))


_CURVED: dict[str, tuple[Callable[[Floats], Floats], float]] = {
    "relu": (lambda x: np.maximum(x, 0.0), 0.0),
    "tanh": (np.tanh, 0.77),
    "gelu": (_gelu, 0.80),
    "silu": (_silu, 0.51),
}
"""Activations with a bound on the size of their second derivative."""
