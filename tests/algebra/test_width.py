"""Layers with widths: against all subnormal series, written out from all subgroups, for every group of order ≤ 31."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import log

import numpy as np
import pytest

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.depth.series import given_series
from subnormal.algebra.depth.width import least_widths, widths_answer
from subnormal.algebra.groups.catalogue import number_of_groups, small_group
from tests.cases import group

AUSSM, SIGNS, MAMBA = FAMILIES["aussm"], FAMILIES["negative-mamba"], FAMILIES["mamba"]
QUARTERS = replace(AUSSM, name="quarters", title="Quarters", exponent=4, reason="for the tests alone")


class ByHand:
    """All subgroups of a group, as bit masks, and which of them one layer leaves under which: from the table alone."""

    def __init__(self, listed):
        self.table, self.n = listed.table.astype(int).tolist(), listed.order
        self.inverse = [row.index(0) for row in self.table]
        self.one, self.whole = 1, 2**self.n - 1
        cyclic = {self.generated([x]) for x in range(self.n)}
        self.subgroups = {1}
        new = {1}
        while new:
            new = {self.generated([*self.members(s), *self.members(c)]) for s in new for c in cyclic} - self.subgroups
            self.subgroups |= new
        self.factors = {
            upper: {lower: self.factor(upper, lower) for lower in self.subgroups if lower & ~upper == 0}
            for upper in self.subgroups
        }

    def members(self, mask):
        return [x for x in range(self.n) if mask >> x & 1]

    def generated(self, elements):
        found = {0}
        waiting = [0]
        for x in waiting:
            for g in elements:
                y = self.table[x][g]
                if y not in found:
                    found.add(y)
                    waiting.append(y)
        return sum(1 << x for x in found)

    def factor(self, upper, lower):
        """(exponent, rank) of upper/lower where it is an abelian group, else None."""
        t, inv = self.table, self.inverse
        members, below = self.members(upper), set(self.members(lower))
        if any(t[t[inv[x]][h]][x] not in below for x in members for h in below):
            return None
        if any(t[t[inv[x]][inv[y]]][t[x][y]] not in below for x in members for y in members):
            return None
        exponent = 1
        while any(self.power(x, exponent) not in below for x in members):
            exponent += 1
        size = len(members) // len(below)
        primes = [p for p in range(2, size + 1) if size % p == 0 and all(p % q for q in range(2, p))]
        killed = {p: sum(self.power(x, p) in below for x in members) // len(below) for p in primes}
        return exponent, max((round(log(count, p)) for p, count in killed.items()), default=0)

    def power(self, x, k):
        y = 0
        for _ in range(k):
            y = self.table[y][x]
        return y

    def under(self, uppers, exponent, width):
        """Every subgroup that a layer can leave under some of these."""
        return {
            lower
            for upper in uppers
            for lower, factor in self.factors[upper].items()
            if factor and factor[1] <= width and (exponent == 0 or exponent % factor[0] == 0)
        }

    def tracks(self, layers):
        reached = {self.whole}
        for exponent, width in layers:
            reached = self.under(reached, exponent, width)
        return 1 in reached


def vectors(families):
    """All stacks of up to three layers with all widths up to 4: no abelian section here has a greater rank."""
    for depth in (1, 2, 3):
        for stack in product(families, repeat=depth):
            for widths in product(range(1, 5), repeat=depth):
                yield stack, widths


def agrees(order, families):
    """Every answer for every group of an order is that of the search by hand, and a series that is given is one."""
    for number in range(1, number_of_groups(order) + 1):
        listed = small_group(order, number)
        by_hand = ByHand(listed)
        for stack, widths in vectors(families):
            found = widths_answer(listed, stack, widths)
            layers = [(family.exponent, width) for family, width in zip(stack, widths, strict=True)]
            assert found.tracks == by_hand.tracks(layers), (listed.name, layers)
            if found.tracks:
                masks = [sum(1 << x for x in member.members.tolist()) for member in found.series.subgroups]
                assert (masks[0], masks[-1], len(masks)) == (by_hand.whole, 1, len(stack) + 1)
                for upper, lower, (exponent, width) in zip(masks, masks[1:], layers, strict=False):
                    assert lower in by_hand.under({upper}, exponent, width)
            else:
                assert found.reason


@pytest.mark.parametrize("order", [n for n in range(2, 32) if n != 16])
def test_every_answer_is_that_of_all_series(order):
    agrees(order, (AUSSM, SIGNS) if order < 24 else (AUSSM,))


@pytest.mark.slow
@pytest.mark.parametrize("order", range(2, 32))
def test_every_answer_is_that_of_all_series_in_mixed_stacks(order):
    agrees(order, (AUSSM, SIGNS, QUARTERS, MAMBA) if order < 24 else (AUSSM, SIGNS, QUARTERS))


@pytest.mark.parametrize("family", [AUSSM, SIGNS], ids=["aussm", "negative-mamba"])
@pytest.mark.parametrize("name", ["C6", "C2xC4", "D4", "Q8", "S3", "A4", "S4", "C2^3", "Heis(3)", "SL(2,3)", "S3xS3"])
def test_the_least_widths_are_all_that_are_least(name, family):
    listed = group(name)
    by_hand = ByHand(listed)
    for depth in (1, 2, 3):
        can = [w for w in product(range(5), repeat=depth) if by_hand.tracks([(family.exponent, x) for x in w])]
        least = {v for v in can if not any(w != v and all(map(int.__le__, w, v)) for w in can)}
        assert set(least_widths(listed, family, depth)) == least


@pytest.mark.parametrize(
    ("name", "family", "widths", "orders"),
    [
        ("C2xC2", AUSSM, (1,), None),
        ("C2xC2", AUSSM, (2,), (4, 1)),
        ("S4", AUSSM, (1, 1, 1), None),
        ("S4", AUSSM, (1, 1, 2), (24, 12, 4, 1)),
        ("S4", AUSSM, (1, 1, 1, 1), (24, 12, 4, 2, 1)),
        ("S4", AUSSM, (9, 9, 1), None),
        ("Heis(3)", AUSSM, (1, 1), None),
        ("Heis(3)", AUSSM, (1, 2), (27, 9, 1)),
        ("Heis(3)", AUSSM, (1, 1, 1), (27, 9, 3, 1)),
        ("D4", SIGNS, (1, 1), None),
        ("D4", SIGNS, (1, 2), (8, 4, 1)),
        ("D4", SIGNS, (1, 1, 1), (8, 4, 2, 1)),
        ("D4", AUSSM, (1, 1), (8, 4, 1)),
        ("A5", AUSSM, (9, 9, 9), None),
        ("C2^9", AUSSM, (4, 4), None),
        ("C2^9", AUSSM, (4, 5), (512, 32, 1)),
    ],
)
def test_known_values(name, family, widths, orders):
    found = widths_answer(group(name), [family] * len(widths), widths)
    assert (found.series and found.series.orders) == orders
    if orders:  # what was found is a series by the older check too
        given_series(group(name), found.series.subgroups[1:], family)


def test_the_corners_of_a_square_need_less_than_the_group():
    """D4 on four points: the stabiliser of a corner has order 2, and two layers of one sign come down to it."""
    corners = group("D4")
    stabiliser = corners.subgroup(np.flatnonzero(corners.elements[:, 0] == 0))
    found = widths_answer(corners, [SIGNS, SIGNS], (1, 1), stabiliser)
    assert found.tracks
    assert found.series.subgroups[-1].order == 2
    assert found.series.subgroups[-1] <= stabiliser
    assert not widths_answer(corners, [SIGNS, SIGNS], (1, 1)).tracks
    assert not widths_answer(corners, [SIGNS], (2,), stabiliser).tracks
    assert not widths_answer(corners, [SIGNS], (1,), stabiliser).tracks


@pytest.mark.parametrize("name", ["D4", "S4", "A4", "S3xS3", "F20", "C2xC4", "C2xC2xC2"])
def test_stabilisers_are_reached_as_by_hand(name):
    listed = group(name)
    by_hand = ByHand(listed)
    stabiliser = listed.subgroup(np.flatnonzero(listed.elements[:, 0] == 0))
    fixes = sum(1 << x for x in stabiliser.members.tolist())
    for stack, widths in vectors((AUSSM, SIGNS)):
        reached = {by_hand.whole}
        for family, width in zip(stack, widths, strict=True):
            reached = by_hand.under(reached, family.exponent, width)
        wanted = any(mask & ~fixes == 0 for mask in reached)
        assert widths_answer(listed, stack, widths, stabiliser).tracks == wanted, (stack, widths)
