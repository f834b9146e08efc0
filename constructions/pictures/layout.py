"""Where the tokens stand around a circle of phases: plane geometry, in inches from the centre of the circle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DOT = 0.14
"""Diameter of a dot."""

PITCH = 0.155
"""Distance between the centres of neighbouring dots."""

CLEARANCE = 0.16
"""From the circle to the centre of the nearest dot."""

SHADE = 0.02
"""By which the shading behind the dots of one phase reaches beyond them."""

LABEL_HEIGHT = 0.17
LABEL_PITCH = 0.195
"""Height of a label, and the distance between two of a stack."""

AIR = 0.86
"""Share of the room between two phases in use that their tokens may fill."""


def widest_sector(n: int) -> float:
    """Turns that the tokens of one phase take up at most: they are to read as one, however far away the next is."""
    return 0.3 if n <= 3 else max(0.14, AIR / n)


DISTINCT_PHASES = 64
"""Up to this modulus every phase has room for a dot of its own on the circle of the largest radius."""

LARGEST_RADIUS = DISTINCT_PHASES * PITCH / (2 * math.pi) - CLEARANCE


@dataclass(frozen=True)
class Mark:
    """One token: the centre and size of its dot or label."""

    token: int
    x: float
    y: float
    width: float = DOT
    height: float = DOT


@dataclass(frozen=True)
class Sector:
    """The region that the tokens of one phase take up: angles in turns."""

    start: float
    end: float
    inner: float
    outer: float


@dataclass(frozen=True)
class CircleLayout:
    """One circle with its tokens.

    Arguments:
        radius: of the circle.
        marks: one for each token.
        sectors: shading behind marks that share a phase; empty for labels.
        crowded: whether some labels overlap.
    """

    radius: float
    marks: tuple[Mark, ...]
    sectors: tuple[Sector, ...] = ()
    crowded: bool = False

    @property
    def half_width(self) -> float:
        return max(self.radius, *(abs(mark.x) + mark.width / 2 for mark in self.marks))

    @property
    def half_height(self) -> float:
        return max(self.radius, *(abs(mark.y) + mark.height / 2 for mark in self.marks))


def dot_radius(n: int) -> float:
    """A radius at which n phases have room for a dot each outside and, up to twelve of them, for their names inside."""
    least = 0.36 if n <= 3 else 0.44 + 0.035 * (min(n, 12) - 3)
    return max(least, min(LARGEST_RADIUS, n * PITCH / (2 * math.pi) - CLEARANCE))


def dots(residues: Sequence[int], n: int, radius: float) -> CircleLayout:
    """Dots outside the circle: those of one phase in rows across the ray of that phase, filled from the circle outward.

    Arguments:
        residues: of each token, 0 … n-1.
        n: the modulus.
        radius: of the circle.
    """
    if n > DISTINCT_PHASES:
        return CircleLayout(radius, _crowded_dots(residues, n, radius))
    marks: list[Mark] = []
    sectors: list[Sector] = []
    found = _by_residue(residues)
    for residue, tokens in found.items():
        gap = min((min((residue - other) % n, (other - residue) % n) for other in found if other != residue), default=n)
        share = min(widest_sector(n), AIR * gap / n)  # turns
        rows = _rows(len(tokens), radius + CLEARANCE, share)
        spread = max(count * PITCH / distance for distance, count in rows)  # radians, the same for every row
        spots = sorted(((place + 0.5) / count - 0.5, distance) for distance, count in rows for place in range(count))
        for token, (place, distance) in zip(tokens, spots, strict=True):  # clockwise: their order shows across the rows
            angle = 2 * math.pi * residue / n - place * spread
            marks.append(Mark(token, distance * math.cos(angle), distance * math.sin(angle)))
        if len(tokens) > 1:
            half = (spread / 2 + SHADE / rows[0][0]) / (2 * math.pi)
            inner, outer = rows[0][0] - DOT / 2 - SHADE, rows[-1][0] + DOT / 2 + SHADE
            sectors.append(Sector(residue / n - half, residue / n + half, inner, outer))
    return CircleLayout(radius, tuple(marks), tuple(sectors))


def _rows(count: int, nearest: float, share: float) -> list[tuple[float, int]]:
    """Rows for `count` dots in a sector of so many turns: the distance of each from the centre, and how many it has."""
    distances, capacities = [nearest], [max(1, int((2 * math.pi * nearest * share + 1e-6) / PITCH))]
    while sum(capacities) < count:
        distances.append(distances[-1] + PITCH)
        capacities.append(max(1, int((2 * math.pi * distances[-1] * share + 1e-6) / PITCH)))
    filled: list[int] = []
    for i, capacity in enumerate(capacities):  # in proportion to the room in each row, so that the outline is a sector
        left = count - sum(filled)
        wanted = round(left * capacity / sum(capacities[i:]))
        filled.append(min(capacity, max(wanted, left - sum(capacities[i + 1 :]))))
    return [(distance, found) for distance, found in zip(distances, filled, strict=True) if found]


def _crowded_dots(residues: Sequence[int], n: int, radius: float) -> tuple[Mark, ...]:
    """Each dot on the ray of its phase, as near the circle as the dots before it allow."""
    marks: list[Mark] = []
    for token, residue in sorted(enumerate(residues), key=lambda pair: pair[1]):
        angle, distance = 2 * math.pi * residue / n, radius + CLEARANCE
        x, y = distance * math.cos(angle), distance * math.sin(angle)
        while any(math.hypot(mark.x - x, mark.y - y) < PITCH - 1e-6 for mark in marks):
            distance += PITCH / 4
            x, y = distance * math.cos(angle), distance * math.sin(angle)
        marks.append(Mark(token, x, y))
    return tuple(marks)


def labels(residues: Sequence[int], n: int, radius: float, widths: Sequence[float]) -> CircleLayout:
    """A stack of labels outside the circle for each phase.

    Arguments:
        residues: of each token, 0 … n-1.
        n: the modulus.
        radius: of the circle.
        widths: of each token's label.
    """
    marks: list[Mark] = []
    boxes: list[tuple[float, float, float, float]] = []  # centre, then half sizes
    crowded = False
    for residue, tokens in _by_residue(residues).items():
        across, along = math.cos(2 * math.pi * residue / n), math.sin(2 * math.pi * residue / n)
        width, height = max(widths[token] for token in tokens), len(tokens) * LABEL_PITCH
        distance = radius + 0.1
        while True:  # the stack leans away from the circle: its side, its corner or its end faces the tick
            x, y = distance * across + width * across / 2, distance * along + height * along / 2
            nearest = math.hypot(max(0.0, abs(x) - width / 2), max(0.0, abs(y) - height / 2))
            if nearest >= radius + 0.08:
                break
            distance += 0.02
        crowded |= any(abs(x - u) < width / 2 + a and abs(y - v) < height / 2 + b for u, v, a, b in boxes)
        boxes.append((x, y, width / 2, height / 2))
        for place, token in enumerate(tokens):
            marks.append(Mark(token, x, y + ((len(tokens) - 1) / 2 - place) * LABEL_PITCH, width, LABEL_HEIGHT))
    return CircleLayout(radius, tuple(marks), crowded=crowded)


def _by_residue(residues: Sequence[int]) -> dict[int, list[int]]:
    """The tokens that have each residue."""
    found: dict[int, list[int]] = {}
    for token, residue in enumerate(residues):
        found.setdefault(residue, []).append(token)
    return dict(sorted(found.items()))


def tick_step(n: int, most: int) -> int:
    """The least divisor of n that leaves at most `most` of its multiples below n."""
    return next(step for step in range(1, n + 1) if n % step == 0 and n // step <= most)
