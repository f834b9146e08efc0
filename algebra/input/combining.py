"""Groups made of others: products, extensions, automorphism groups; named as they are written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ...common.errors import InputError
from ...common.wording import describe_order, short
from ..arithmetic.permutations import MAX_DEGREE, point_orbits
from ..groups.group import TABLE_LIMIT, Group
from ..groups.permutation_group import PermutationGroup


def bracketed(name: str) -> str:
    """A name as a factor of a larger one."""
    return f"({name})" if re.search(r"[x:.]|wr|\do", name) else name


SMALLER = "e.g. C2xC4, S3wrC2 or C7:C3"
MAX_GENERATOR_POINTS = 1 << 19
"""Most points of all generators of a product together."""


def _checked(name: str, generators: int, degree: int, order_digits: float) -> None:
    if degree > MAX_DEGREE:
        raise InputError(f"{short(name)} acts on {degree:,} points, at most {MAX_DEGREE:,} can be handled, {SMALLER}")
    if generators * degree > MAX_GENERATOR_POINTS:
        raise InputError(
            f"{short(name)} has {generators:,} generators on {degree:,} points; at most {MAX_GENERATOR_POINTS:,} "
            f"points of all generators together can be handled, {SMALLER}"
        )
    if order_digits > 10**5:
        raise InputError(
            f"{short(name)} has an order of about {order_digits:.0f} digits, too large to handle, {SMALLER}"
        )


def small(order: int, number: int) -> PermutationGroup:
    """`SmallGroup(order, number)` from the catalogue."""
    from ..groups.catalogue import small_group

    return PermutationGroup.from_listed(small_group(order, number))


def direct(factors: Sequence[PermutationGroup]) -> PermutationGroup:
    """The direct product of two or more groups, acting on the points of the first, then those of the second, …"""
    from ..groups.products import direct_product

    first, *others = factors
    names = [first.name if ":" not in first.name else bracketed(first.name), *(bracketed(b.name) for b in others)]
    name = "x".join(names)
    count, degree = (sum(factor.permutations.shape[axis] for factor in factors) for axis in (0, 1))
    _checked(name, count, degree, sum(math.log10(factor.order) for factor in factors))
    permutations = direct_product(*(factor.permutations for factor in factors))
    return PermutationGroup(name, permutations, math.prod(factor.order for factor in factors))


def wreath(a: PermutationGroup, b: PermutationGroup) -> PermutationGroup:
    """A ≀ B in its natural imprimitive action: one copy of A's points for each point of B."""
    from ..groups.products import wreath_product

    name = f"{bracketed(a.name) if not re.fullmatch(r'[^x:]*', a.name) else a.name}wr{bracketed(b.name)}"
    if a.degree * b.degree > MAX_DEGREE:
        _checked(name, 0, a.degree * b.degree, 0)
    count = len(a.permutations) * len(point_orbits(b.permutations)) + len(b.permutations)
    _checked(name, count, a.degree * b.degree, b.degree * math.log10(a.order) + math.log10(b.order))
    return PermutationGroup(name, wreath_product(a.permutations, b.permutations), a.order**b.degree * b.order)


def central(a: PermutationGroup, b: PermutationGroup) -> PermutationGroup:
    """A∘B, the central product with the largest subgroups that the centres share made one."""
    from ..groups.products import central_product

    name = f"{bracketed(a.name)}o{bracketed(b.name)}"
    _checked(name, 0, a.degree + b.degree, math.log10(a.order) + math.log10(b.order))
    return PermutationGroup.from_listed(central_product(a.listed(), b.listed(), name))


def over(a: PermutationGroup, holomorphic: bool = False) -> PermutationGroup:
    """Aut(A), or Hol(A) = A:Aut(A)."""
    from ..groups.isomorphism import TooManyMapsError
    from ..groups.products import ACTIONS_LIMIT, automorphism_group, holomorph

    name = f"{'Hol' if holomorphic else 'Aut'}({a.name})"
    if a.order > TABLE_LIMIT:
        raise InputError(f"{name}: automorphisms are sought up to order {TABLE_LIMIT:,}, e.g. Hol(C7)")
    try:
        return PermutationGroup.from_listed((holomorph if holomorphic else automorphism_group)(a.listed()))
    except TooManyMapsError:
        raise InputError(
            f"{name}: {a.name} has more than {ACTIONS_LIMIT:,} automorphisms; wanted fewer, e.g. Hol(C7)"
        ) from None


def not_split(a: PermutationGroup, b: PermutationGroup) -> PermutationGroup:
    """A.B, an extension of A by B that does not split, where only one group is one."""
    from ..groups.extensions import not_split_extension

    return PermutationGroup.from_listed(not_split_extension(a, b, f"{bracketed(a.name)}.{bracketed(b.name)}"))


def semidirect(a: PermutationGroup, b: PermutationGroup) -> PermutationGroup:
    """A:B, where only one group fits that is not A × B."""
    from ..groups import products

    name = f"{bracketed(a.name)}:{bracketed(b.name)}"
    if a.order * b.order > products.SEMIDIRECT_LIMIT:
        raise InputError(
            f"{name} has order {describe_order(a.order * b.order)}; "
            f"semidirect products are searched up to {products.SEMIDIRECT_LIMIT}; give permutations that generate it, "
            "e.g. '(1,2,3), (1,2)'"
        )
    group = products.semidirect(a.listed(), b.listed())
    return PermutationGroup.from_listed(Group(group.elements, group.generators, name))
