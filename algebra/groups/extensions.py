"""Extensions A.B that do not split, looked for in the catalogue: names such as C2.A4, as decompositions are printed."""

from __future__ import annotations

import numpy as np

from ...common.errors import InputError
from .catalogue import LARGEST_ORDER, number_of_groups, small_group
from .group import Group, Subgroup
from .identify import small_group_id
from .isomorphism import TooManyMapsError, homomorphisms
from .isomorphism import few_generators as rare_generators
from .normal_subgroups import normal_subgroups
from .permutation_group import PermutationGroup
from .products import quotient

MOST_MAPS = 200_000
"""Most homomorphisms of a subgroup of the factor that are listed on the way."""

MOST_GROUPS = 300
"""Most groups of one order that are looked through."""


def not_split_extension(a: PermutationGroup, b: PermutationGroup, name: str) -> Group:
    """The group G with a normal subgroup N ≅ A without a complement, G/N ≅ B, where there is one such group.

    Raises:
        InputError: there is none, or more than one, or too many groups would have to be looked through.
    """
    order = a.order * b.order
    if order > LARGEST_ORDER:
        raise InputError(
            f"{name} has order {order:,}; extensions that do not split are sought up to {LARGEST_ORDER}; "
            "give permutations that generate it, e.g. '(1,2,3), (1,2)'"
        )
    if number_of_groups(order) > MOST_GROUPS:
        raise InputError(
            f"{name}: there are {number_of_groups(order):,} groups of order {order}, at most {MOST_GROUPS} are "
            f"looked through; write which, e.g. SmallGroup({order},1)"
        )
    below, above = small_group_id(a.listed()), small_group_id(b.listed())
    found = []
    for number in range(1, number_of_groups(order) + 1):
        group = small_group(order, number)
        if any(
            normal.order == a.order
            and small_group_id(normal.as_group()) == below
            and small_group_id(quotient(group, normal, name)[0]) == above
            and not has_complement(group, normal)
            for normal in normal_subgroups(group)
        ):
            found.append(number)
    if len(found) == 1:
        group = small_group(order, found[0])
        return group.noted(f"{name} is SmallGroup({order},{found[0]}), the only one", name=name)
    if not found:
        raise InputError(f"there is no {name}: every such extension splits; write {name.replace('.', ':')}")
    names = [f"SmallGroup({order},{number})" for number in found]
    shown = (
        f"{', '.join(names[:-1])} or {names[-1]}"
        if len(names) < 9
        else f"{', '.join(names[:8])} or {len(names) - 8} more"
    )
    raise InputError(f"{name} could mean {shown}; write one of these")


def has_complement(group: Group, normal: Subgroup) -> bool:
    """Whether a normal subgroup N has a complement: whether G → G/N has a section."""
    factor, coset = quotient(group, normal, group.name)
    if factor.order == 1:
        return True
    generators = list(rare_generators(factor))
    candidates = [np.flatnonzero(coset == g) for g in generators]
    try:
        return len(homomorphisms(factor, generators, group, candidates, MOST_MAPS)) > 0
    except TooManyMapsError:
        raise InputError(f"{group.name}: too many maps to decide whether it splits; write SmallGroup(n,i)") from None
