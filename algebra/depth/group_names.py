"""The names of small groups, by our own identification."""

from __future__ import annotations

import math
from functools import cache

from ...common.errors import InputError
from ..arithmetic.abelian_invariants import abelian_name
from ..groups.group import Group
from ..groups.identify import small_group_id
from ..groups.named_groups import FAMILIES, FUNCTIONS
from .abelian import abelian_factor

MATRIX_GROUPS = (("SL", 2, 3), ("GL", 2, 3), ("SL", 2, 5))
"""Those of at most 255 elements that have no other short name."""


def group_name(group: Group) -> str:
    """The name of a listed group up to isomorphism, by our own identification: `C2xC4`, `S3`, `A5`, else
    `SmallGroup(n,i)`; beyond the catalogue its order, or S_n and A_n where the degree shows them."""
    if group.is_abelian:
        return abelian_name(abelian_factor(group.whole, group.trivial_subgroup).moduli)
    number = small_group_id(group)
    if number is not None:
        return _familiar(group.order).get(number, f"SmallGroup({number[0]},{number[1]})")
    factorial = math.factorial(min(group.degree, 12))
    if group.degree <= 12 and group.order in (factorial, factorial // 2):
        return f"{'S' if group.order == factorial else 'A'}{group.degree}"
    return f"a group of order {group.order:,}"


@cache
def _familiar(order: int) -> dict[tuple[int, int], str]:
    """The groups of an order that have a short name, by their number in the catalogue."""
    wanted = {6: ("S", 3), 24: ("S", 4), 120: ("S", 5), 12: ("A", 4), 60: ("A", 5), 8: ("Q", 8)}
    names = [("F", order), ("Dic", order // 4), ("D", order // 2), wanted.get(order, ("D", order // 2))]
    found: dict[tuple[int, int], str] = {}
    for letter, n in names:
        try:
            group = FAMILIES[letter](n).listed()
        except InputError:  # no such group
            continue
        number = small_group_id(group)
        if number is not None and group.order == order:
            found[number] = f"{letter}{n}"
    for letter, degree, q in MATRIX_GROUPS:
        group = FUNCTIONS[letter][1](degree, q).listed()
        number = small_group_id(group) if group.order == order else None
        if number is not None:
            found.setdefault(number, f"{letter}({degree},{q})")
    return found
