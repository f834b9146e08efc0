"""Polycyclic presentations: what a solvable group is, in a line.

Generators g_1 … g_r with relative orders p_1 … p_r; g_i^{p_i} is a word in g_{i+1} … g_r, and so is g_i⁻¹·g_j·g_i for
j > i. Every element is g_1^{e_1} ⋯ g_r^{e_r} in exactly one way, 0 ≤ e_i < p_i (Holt, Eick and O'Brien, Handbook of
Computational Group Theory, 2005, chapter 8). For a group that the catalogue holds, the presentation is the catalogue's
own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np

from ...common.errors import InputError
from ..groups.catalogue import LARGEST_ORDER, number_of_groups, presentation_of, small_group
from ..groups.group import Group
from ..groups.identify import small_group_id
from ..groups.isomorphism import isomorphism
from .families import CIRCLE
from .series import shortest_series

LARGEST = 20_000
"""Of larger groups no presentation is sought."""

Exponents = tuple[int, ...]
"""Exponents of g_1 … g_r."""


@dataclass(frozen=True)
class Presentation:
    """A polycyclic presentation of a listed group.

    Arguments:
        generators: the elements g_1 … g_r.
        relative_orders: p_1 … p_r.
        powers: the word of g_i^{p_i} for each i.
        conjugates: the word of g_i⁻¹·g_j·g_i for (i, j) = (1, 2), (1, 3), …, (2, 3), ….
    """

    generators: tuple[int, ...]
    relative_orders: tuple[int, ...]
    powers: tuple[Exponents, ...]
    conjugates: tuple[Exponents, ...]

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def relations(self) -> tuple[tuple[int, ...], tuple[Exponents, ...], tuple[Exponents, ...]]:
        """All but the elements; a group is given by these up to isomorphism."""
        return self.relative_orders, self.powers, self.conjugates


def presentation(group: Group) -> Presentation | None:
    """A presentation of a group; None where it is trivial, not solvable, or too large."""
    if group.order == 1 or group.order > LARGEST:
        return None
    series = shortest_series(group, CIRCLE)
    if not series.is_complete:
        return None
    steps = _of_catalogue(group) if group.order <= LARGEST_ORDER else None
    return _from_elements(group, steps or _prime_steps(group, [term.generators for term in series.subgroups[:-1]]))


def _of_catalogue(group: Group) -> list[tuple[int, int]] | None:
    """The generators of the catalogue's presentation and their relative orders, carried over by an isomorphism; None
    where none is found in time."""
    identity = small_group_id(group)
    assert identity is not None
    orders = presentation_of(*identity)
    if orders is None:
        return None
    known = small_group(*identity)
    if np.array_equal(known.elements, group.elements):  # it was read from there
        return [(math.prod(orders[i + 1 :]), p) for i, p in enumerate(orders)]
    try:
        images = isomorphism(known, group, seconds=2.0)
    except InputError:
        return None
    if images is None:
        return None
    return [(int(images[math.prod(orders[i + 1 :])]), p) for i, p in enumerate(orders)]


def _prime_steps(group: Group, terms: list[tuple[int, ...]]) -> list[tuple[int, int]]:
    """Generators and relative orders of a series with factors of prime order, through the terms of the derived
    series."""
    steps: list[tuple[int, int]] = []
    current = group.trivial_subgroup
    for generators in reversed(terms):
        for generator in generators:
            while generator not in current:
                order = next(k for k in range(2, group.order + 1) if group.power(generator, k) in current)
                p = next(p for p in range(2, order + 1) if order % p == 0)
                element = group.power(generator, order // p)
                steps.insert(0, (element, p))
                current = current.extended([element])
    return steps


def _from_elements(group: Group, steps: list[tuple[int, int]]) -> Presentation:
    """The relations that these elements satisfy."""
    words: dict[int, Exponents] = {0: (0,) * len(steps)}
    for i in reversed(range(len(steps))):
        element, p = steps[i]
        larger = dict(words)
        power = 0
        for exponent in range(1, p):
            power = group.times(power, element)
            larger |= {group.times(power, rest): (*word[:i], exponent, *word[i + 1 :]) for rest, word in words.items()}
        words = larger
    generators = tuple(element for element, _ in steps)
    pairs = [(i, j) for i in range(len(steps)) for j in range(i + 1, len(steps))]
    return Presentation(
        generators,
        tuple(p for _, p in steps),
        tuple(words[group.power(element, p)] for element, p in steps),
        tuple(words[group.conjugate(generators[j], generators[i])] for i, j in pairs),
    )


def catalogue_number(stated: Mapping[str, Any]) -> tuple[int, int] | None:
    """(order, number) of the group of the catalogue that has just these relations; None where there is none.

    Arguments:
        stated: a presentation as in a certificate, of the right shape.
    """
    order = math.prod(stated["relative_orders"])
    if order > LARGEST_ORDER:
        return None
    powers, conjugates = (tuple(tuple(word) for word in stated[key]) for key in ("powers", "conjugates"))
    relations = (tuple(stated["relative_orders"]), powers, conjugates)
    for number in range(1, number_of_groups(order) + 1):
        same = presentation_of(order, number) == relations[0]
        if same and _catalogue_presentation(order, number).relations == relations:
            return order, number
    return None


@lru_cache(maxsize=256)
def _catalogue_presentation(order: int, number: int) -> Presentation:
    orders = presentation_of(order, number)
    assert orders is not None
    return _from_elements(small_group(order, number), [(math.prod(orders[i + 1 :]), p) for i, p in enumerate(orders)])
