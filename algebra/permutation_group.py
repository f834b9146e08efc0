"""A permutation group known by generators and order: what a name or expression stands for before its elements are
listed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from algebra.errors import InputError
from algebra.group import Group
from algebra.permutations import Permutations

LISTING_LIMIT = 2_000_000
"""Groups of larger order are never listed."""

LISTING_BYTES = 2**30
"""Nor are groups whose element list would take more than this."""


def describe_order(order: int) -> str:
    """An order for people: all digits up to 10^15, then its magnitude."""
    return (
        f"{order:,}"
        if order < 10**15
        else f"about 10^{math.log10(order):.1f}"
        if order < 10**300
        else f"about 10^{(order.bit_length() - 1) * math.log10(2):.0f}"
    )


@dataclass(frozen=True, eq=False)
class PermutationGroup:
    """A permutation group by generators.

    Arguments:
        name: the canonical form of what the user typed.
        permutations: generators, shape (count, degree); the trivial group has none.
        order: exact.
        given: the listed group, where it was given as a list (catalogue, Cayley table).
    """

    name: str
    permutations: Permutations
    order: int
    given: Group | None = field(default=None, repr=False)

    @property
    def degree(self) -> int:
        return self.permutations.shape[1]

    @property
    def is_listable(self) -> bool:
        return self.order <= LISTING_LIMIT and self.order * self.degree * self.permutations.itemsize <= LISTING_BYTES

    def listed(self) -> Group:
        """The group with all its elements.

        Raises:
            InputError: it has more elements than can be listed.
        """
        if self.given is not None:
            return self.given
        if not self.is_listable:
            raise InputError(
                f"{self.name} has order {describe_order(self.order)} on {self.degree} points: too large to list "
                f"(at most {LISTING_LIMIT:,} elements and {LISTING_BYTES >> 20} MiB)"
            )
        elements = list_elements(self.permutations, self.order)
        group = Group(elements, (), self.name)
        nontrivial = [p for p in self.permutations if (p != np.arange(self.degree)).any()]
        generators = dict.fromkeys(int(group.index_of(p[None])[0]) for p in nontrivial)
        return Group(elements, group.subgroup(generators).generators, self.name)


def list_elements(generators: Permutations, order: int) -> Permutations:
    """All elements of a permutation group of known order, rows in lexicographic order; shape (order, degree).

    Dimino's algorithm with whole cosets: the first generator's cyclic group, then cosets of what is there already.
    Membership is decided by the images of all points, packed into one bytes object per row.
    """
    degree = generators.shape[1]
    elements = np.arange(degree, dtype=generators.dtype)[None]
    known = {elements[0].tobytes()}
    used: list[Permutations] = []
    for new in generators:
        if new.tobytes() in known:
            continue
        used.append(new)
        subgroup = elements
        representatives = [elements[0]]
        parts = [subgroup]
        for representative in representatives:  # grows while it is walked
            for generator in used:
                candidate = generator[representative]
                if candidate.tobytes() not in known:
                    coset = candidate[subgroup]
                    known.update(row.tobytes() for row in coset)
                    parts.append(coset)
                    representatives.append(candidate)
        elements = np.concatenate(parts)
    if len(elements) != order:
        raise AssertionError(f"{len(elements)} elements listed, {order} expected")
    return elements[np.lexsort(elements.T[::-1])]
