"""Proof that a factored cascade tracks its group, in work that grows with its tables and not with the group.

**Tracks.** Wanted: decode(0) = 1, and decode(step(s, x)) = decode(s)·x for every state s and token x; by induction
every word of every length is then tracked. There are far too many states, but an equation between permutations is one
equation for each point p, decode(step(s, x))(p) = x(decode(s)(p)), and few residues of s occur in that one:

* decode(s)(p) is the image of p under the powers of the lifts, one after the other. A lift that fixes every point where
  the image may be by then has no say. What is left, over all residues, are the *movers* of p
  (`FactoredCascade.movers`).
* decode(step(s, x))(p) depends on the movers' residues after the step, hence on theirs before it and on those that the
  movers' tables read, hence on nothing but the movers and what they read.

So for every point the equation is checked for all values of those residues and all tokens, whatever the other residues
are: that is every state. In an iterated wreath product of k copies of A on d points each the residues that matter for
a point are those of k copies of A, one for each level: |A|^k cases for each of d^k points, where the group's order is
|A|^((d^k - 1)/(d - 1)). For S4 ≀ S4 ≀ S4 that is 24³ = 13,824 cases for each of 64 points, not 9.6·10²⁸.

Nothing is taken from the compiler: not the blocks, not the series, not that the lifts are any subgroup's. decode(0) = 1
because 0-th powers are the identity.

**No fewer layers.** V_0 = G, V_i = [V_{i-1}, V_{i-1}]·V_{i-1}^m (m the family's exponent) are characteristic subgroups
of G. A straight-line program builds an element from the tokens, and keeps for each line a level l so that its value
lies in V_l: a token has level 0, a product the lesser one of its factors, a conjugate that of its base, a commutator
one more than the lesser of its two, an m-th power one more than its base. A value other than 1 at level l shows that
V_l ≠ 1, so that l layers cannot track G (Theorem 2 of "The Expressive Limits of Diagonal SSMs for State-Tracking",
ICLR 2026; for m = 2 its form in docs/mathematics.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import Permutations, invert
from ...algebra.depth.families import FAMILIES
from ...common.errors import InputError
from .cascade import FactoredCascade

MAX_CASES = 1 << 24
"""Most values of the residues that matter for one point; beyond, the proof is refused."""

MAX_EQUATIONS = 1 << 31
"""Most equations that are checked; beyond, the proof is refused."""

BLOCK = 1 << 18
"""Values of the residues that are gone through at a time."""

Line = tuple[str, int, int]
"""A line of a straight-line program: `token` x, `product` a b, `conjugate` a b (b⁻¹·a·b), `commutator` a b
(a⁻¹·b⁻¹·a·b) or `power` a; operands are numbers of earlier lines, unused ones 0."""


def _groups_of_points(cascade: FactoredCascade) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """The points that depend on the same channels, those channels first: movers and all that they read, ascending."""
    closures: list[set[int]] = []
    for position, channel in enumerate(cascade.channels):
        closures.append({position}.union(*(closures[read] for read in channel.reads)))
    groups: dict[tuple[int, ...], list[int]] = {}
    for p, movers in enumerate(cascade.movers):
        needed: set[int] = set().union(*(closures[position] for position in movers))
        groups.setdefault(tuple(sorted(needed)), []).append(p)
    yield from groups.items()


def cases(cascade: FactoredCascade) -> int:
    """How many equations the proof checks: values of the residues that matter, times tokens, for each point."""
    total = 0
    for needed, points in _groups_of_points(cascade):
        total += math.prod(cascade.channels[position].modulus for position in needed) * len(points)
    return total * len(cascade.alphabet)


def factored_fault(cascade: FactoredCascade) -> str | None:
    """Why the cascade does not track its group on words of every length; None if it does.

    Raises:
        InputError: for some point too many residues matter.
    """
    fault = _malformed(cascade)
    if fault:
        return fault
    equations = cases(cascade)
    if equations > MAX_EQUATIONS:
        raise InputError(f"{cascade.name}: {equations:,} equations between points; the proof takes {MAX_EQUATIONS:,}")
    for needed, points in _groups_of_points(cascade):
        count = math.prod(cascade.channels[position].modulus for position in needed)
        if count > MAX_CASES:
            raise InputError(
                f"{cascade.name}: the image of point {points[0] + 1} depends on {len(needed)} channels with {count:,} "
                f"states; the proof takes at most {MAX_CASES:,}; `verify` runs it on long words"
            )
        for start in range(0, count, BLOCK):
            fault = _fault_at(cascade, needed, points, np.arange(start, min(start + BLOCK, count)))
            if fault:
                return fault
    return None


def _malformed(cascade: FactoredCascade) -> str | None:
    degree, m = cascade.degree, len(cascade.alphabet)
    rows = [*cascade.alphabet, *(channel.lift for channel in cascade.channels)]
    if any(len(row) != degree or not np.array_equal(np.sort(row), np.arange(degree)) for row in rows):
        return f"a token or a lift is not a permutation of {degree} points"
    for position, channel in enumerate(cascade.channels):
        where = f"channel {position + 1}"
        if channel.modulus < 2 or list(channel.reads) != sorted({r for r in channel.reads if 0 <= r < position}):
            return f"{where} has modulus {channel.modulus} and reads {list(channel.reads)}"
        if channel.layer != 1 + max((cascade.channels[read].layer for read in channel.reads), default=0):
            return f"{where} is on layer {channel.layer}, which does not follow from what it reads"
        rows_read = math.prod(cascade.channels[read].modulus for read in channel.reads)
        if channel.increments.shape != (rows_read, m):
            return f"{where} has increments of shape {channel.increments.shape}, wanted {(rows_read, m)}"
        if channel.increments.min() < 0 or channel.increments.max() >= channel.modulus:
            return f"{where} adds something outside 0 … {channel.modulus - 1}"
    return None


def _fault_at(
    cascade: FactoredCascade, needed: Sequence[int], points: Sequence[int], numbers: NDArray[np.intp]
) -> str | None:
    """Checks all points that depend on the channels `needed`, for some values of their residues, by number in mixed
    radix, and all tokens."""
    channels = cascade.channels
    before: dict[int, NDArray[np.intp]] = {}
    place = 1
    for position in reversed(needed):
        before[position] = numbers // place % channels[position].modulus
        place *= channels[position].modulus
    rows: dict[int, NDArray[np.intp]] = {}
    for position in needed:
        row = np.zeros(len(numbers), dtype=np.intp)
        for read in channels[position].reads:
            row = row * channels[read].modulus + before[read]
        rows[position] = row
    images = [_images(cascade, p, before) for p in points]
    for x, token in enumerate(cascade.alphabet):
        after = {
            position: (before[position] + channels[position].increments[rows[position], x]) % channels[position].modulus
            for position in needed
        }
        for p, image in zip(points, images, strict=True):
            wrong = np.flatnonzero(_images(cascade, p, after) != token[image])
            if len(wrong):
                residues = ", ".join(f"{position + 1}: {before[position][wrong[0]]}" for position in needed)
                return f"token {x} takes point {p + 1} to the wrong place where the channels hold {{{residues}}}"
    return None


def _images(cascade: FactoredCascade, p: int, residues: dict[int, NDArray[np.intp]]) -> NDArray[np.integer]:
    image: NDArray[np.integer] = np.array(p)
    for position in reversed(cascade.movers[p]):
        image = cascade.channels[position].powers[residues[position], image]
    return np.broadcast_to(image, len(next(iter(residues.values()))) if residues else 1)


def evaluate(lines: Sequence[Line], alphabet: Permutations, exponent: int) -> tuple[Permutations, int]:
    """The value of a straight-line program's last line, and a level l for which it lies in V_l.

    Raises:
        InputError: a line is not one of the five kinds, or names a token or line that there is not.
    """
    values: list[Permutations] = []
    levels: list[int] = []
    for kind, a, b in lines:
        if kind == "token" and 0 <= a < len(alphabet):
            values.append(alphabet[a])
            levels.append(0)
            continue
        known = 0 <= a < len(values) and 0 <= b < len(values)
        if (
            not known
            or kind not in ("product", "conjugate", "commutator", "power")
            or (kind == "power" and exponent < 2)
        ):
            raise InputError(
                f"line {len(values)} is {kind!r} {a} {b}; wanted e.g. token 0, or commutator of earlier lines"
            )
        p, q = values[a], values[b]
        if kind == "product":
            values.append(q[p])
            levels.append(min(levels[a], levels[b]))
        elif kind == "conjugate":
            values.append(q[p[invert(q)]])
            levels.append(levels[a])
        elif kind == "commutator":
            values.append(q[p[invert(q)[invert(p)]]])
            levels.append(min(levels[a], levels[b]) + 1)
        else:
            value = p
            for _ in range(exponent - 1):
                value = p[value]
            values.append(value)
            levels.append(levels[a] + 1)
    if not values:
        raise InputError("an empty straight-line program; wanted at least one line, e.g. token 0")
    return values[-1], levels[-1]


def needed_layers(cascade: FactoredCascade, lines: Sequence[Line]) -> int:
    """How many layers a straight-line program shows to be needed: l + 1 for a value other than 1 in V_l, else 0."""
    value, level = evaluate(lines, cascade.alphabet, FAMILIES[cascade.family].exponent)
    return level + 1 if (value != np.arange(cascade.degree)).any() else 0
