"""Direct, wreath and semidirect products.

The first two take and return generators, arrays of shape (count, degree), because their products may be too large to
list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import Permutations, point_orbits, restricted, smallest_dtype
from .group import TABLE_LIMIT, Group, Indices, Subgroup
from .identify import small_group_id
from .isomorphism import (
    TooManyMapsError,
    UndecidedError,
    automorphisms,
    conjugacy_classes,
    few_generators,
    fingerprint,
    homomorphisms,
    isomorphism,
)
from .permutation_group import generated_group

SEMIDIRECT_LIMIT = 2000
"""Largest order for which all semidirect products are sought."""

ACTIONS_LIMIT = 50_000
"""Most automorphisms of A, and most actions of B on A, that are looked through."""


def direct_product(*factors: Permutations) -> Permutations:
    """Generators of A × B × … on the points of A, then those of B, …: (r, m), (s, n), … to (r + s + …, m + n + …)."""
    count, degree = (sum(factor.shape[axis] for factor in factors) for axis in (0, 1))
    product = np.tile(np.arange(degree, dtype=smallest_dtype(degree)), (count, 1))
    row = column = 0
    for factor in factors:
        r, m = factor.shape
        product[row : row + r, column : column + m] = factor.astype(product.dtype) + product.dtype.type(column)
        row, column = row + r, column + m
    return product


def wreath_product(a: Permutations, b: Permutations) -> Permutations:
    """Generators of A ≀ B in the imprimitive action, as GAP's `WreathProduct(A, B)`.

    Shapes (r, m) and (s, n) to (count, m·n).
    For each point j of B there is a block of points j·m … j·m + m-1 on which a copy of A acts; B permutes the blocks.
    One copy for each orbit of B is enough, so there are r generators for each orbit, and then s.
    """
    (r, m), (s, n) = a.shape, b.shape
    dtype = smallest_dtype(m * n)
    points = np.arange(m * n, dtype=dtype).reshape(n, m)
    blocks = [int(orbit[0]) for orbit in point_orbits(b)]
    product = np.tile(points, (r * len(blocks) + s, 1, 1))
    for position, j in enumerate(blocks):
        product[position * r : (position + 1) * r, j] = points[j][a]
    product[r * len(blocks) :] = points[b]
    return product.reshape(len(product), m * n)


def semidirect_products(A: Group, B: Group) -> list[Group]:
    """All semidirect products A:B, pairwise not isomorphic, without A × B; possibly none.

    Every action is a homomorphism B → Aut(A). They are listed up to conjugation in Aut(A), and isomorphic products
    are then left out. The product acts on the elements of A, A by right multiplication and B by automorphisms; where
    B does not act faithfully, also on the points of B. So C7:C3 has degree 7.

    Raises:
        InputError: the order is above `SEMIDIRECT_LIMIT`, there are more than `ACTIONS_LIMIT` automorphisms or
            actions, or two of the products could not be told apart in time.
    """
    if A.order * B.order > SEMIDIRECT_LIMIT:
        raise InputError(
            f"{_name(A, B)} has order {A.order * B.order}; semidirect products are sought up to {SEMIDIRECT_LIMIT}; "
            "give permutations that generate it, e.g. '(1,2,3), (1,2)'"
        )
    candidates = [_product(A, B, action) for action in _actions(A, B)]
    factors = (G.elements[list(G.generators)] for G in (A, B))
    direct = generated_group(direct_product(*factors), A.order * B.order, f"{A.name}x{B.name}")
    return _without_isomorphic([direct, *candidates])[1:]


def semidirect(A: Group, B: Group) -> Group:
    """The semidirect product A:B that is not A × B, where there is just one.

    Raises:
        InputError: there is none or more than one, or see `semidirect_products`.
    """
    found = semidirect_products(A, B)
    if len(found) == 1:
        return found[0]
    name = _name(A, B)
    if not found:
        raise InputError(f"the only {name} is the direct product: write {_bracketed(A)}x{_bracketed(B)}")
    ids = [small_group_id(group) for group in found]
    if ids[0] is None:
        what = f"any of {len(found)} groups of order {found[0].order}"
        raise InputError(f"{name} could mean {what}; give permutations, e.g. (1,2,3),(1,2)")
    names = [f"SmallGroup({order},{number})" for order, number in sorted(i for i in ids if i)]
    if len(names) > 10:
        choices, last = ", ".join(names[:9]), f"{len(names) - 9} more"
        raise InputError(f"{name} could mean {choices} or {last}; write one of these")
    raise InputError(f"{name} could mean {', '.join(names[:-1])} or {names[-1]}; write one of these")


def _bracketed(G: Group) -> str:
    return f"({G.name})" if any(sign in G.name for sign in ("x", ":", "wr")) else G.name


def _name(A: Group, B: Group) -> str:
    return f"{_bracketed(A)}:{_bracketed(B)}"


def _actions(A: Group, B: Group) -> Iterator[NDArray]:
    """The nontrivial homomorphisms B → Aut(A), one of each orbit of Aut(A) × Aut(B).

    Each as the automorphism, an index map of A, to which each element of B goes: shape (B.order, A.order).
    """
    if B.order == 1:
        return
    listed = automorphisms(A, ACTIONS_LIMIT)
    group = _with_generators(Group(listed, (), f"Aut({A.name})"))
    classes = conjugacy_classes(group)
    generators = list(few_generators(B))
    candidates = [np.flatnonzero(B.element_orders[g] % group.element_orders == 0) for g in generators]
    # Up to conjugation the first generator goes to the representative of a class.
    candidates[0] = np.intersect1d(candidates[0], classes.labels)
    found = homomorphisms(B, generators, group, candidates, ACTIONS_LIMIT).astype(np.intp)
    images = found[:, generators]
    position = {row.tobytes(): i for i, row in enumerate(images)}
    maps: list[dict[int, int]] = []
    for first in np.unique(images[:, 0]):
        same = np.flatnonzero(images[:, 0] == first)
        for c in _centraliser(group, int(first)):
            conjugates = _conjugated(group, images[same], np.full((len(same), 1), c))
            maps.append({int(i): position[row.tobytes()] for i, row in zip(same, conjugates, strict=True)})
    for automorphism in _generating_automorphisms(B):
        moved = found[:, automorphism[generators]]
        conjugates = _conjugated(group, moved, group.inverses[classes.conjugators[moved[:, :1]]])
        maps.append({i: position[row.tobytes()] for i, row in enumerate(conjugates)})
    seen = (images == 0).all(axis=1).tolist()  # the trivial action gives A × B
    for start in range(len(images)):
        if seen[start]:
            continue
        yield listed[found[start]]
        seen[start] = True
        queue = [start]
        for i in queue:  # grows while it is walked
            for onto in maps:
                j = onto.get(i, i)
                if not seen[j]:
                    seen[j] = True
                    queue.append(j)


def _with_generators(group: Group) -> Group:
    return Group(group.elements, group.subgroup(range(1, group.order)).generators, group.name)


def _conjugated(group: Group, elements: Indices, by: Indices) -> Indices:
    return group.multiply(group.multiply(group.inverses[by], elements), by)


def _centraliser(group: Group, element: int) -> tuple[int, ...]:
    """Generators of an element's centraliser."""
    everything = np.arange(group.order)
    return group.subgroup(
        np.flatnonzero(group.multiply(everything, element) == group.multiply(element, everything))
    ).generators


def _generating_automorphisms(B: Group) -> NDArray:
    """Automorphisms that generate Aut(B), as index maps; none, which only costs time later, if Aut(B) is too large."""
    try:
        listed = automorphisms(B, ACTIONS_LIMIT)
    except TooManyMapsError:
        return np.empty((0, B.order), dtype=np.intp)
    return listed[list(_with_generators(Group(listed, (), f"Aut({B.name})")).generators)]


def _product(A: Group, B: Group, action: NDArray) -> Group:
    """A:B for an action, shape (B.order, A.order)."""
    faithful = np.count_nonzero((action == np.arange(A.order)).all(axis=1)) == 1
    degree = A.order if faithful else A.order + B.degree
    permutations = np.tile(np.arange(degree, dtype=smallest_dtype(degree)), (len(A.generators) + len(B.generators), 1))
    from_a, from_b = permutations[: len(A.generators)], permutations[len(A.generators) :]
    from_a[:, : A.order] = A.multiply(np.arange(A.order), np.array(A.generators, dtype=np.intp)[:, None])
    from_b[:, : A.order] = action[list(B.generators)]
    if not faithful:
        from_b[:, A.order :] = B.elements[list(B.generators)].astype(permutations.dtype) + permutations.dtype.type(
            A.order
        )
    return generated_group(permutations, A.order * B.order, _name(A, B))


def _without_isomorphic(groups: list[Group]) -> list[Group]:
    """The groups, each isomorphism type once, in their order."""
    kept: dict[object, list[Group]] = {}
    chosen = []
    for group in groups:
        key: object = small_group_id(group)
        known = key is not None
        if key is None:
            key = fingerprint(group)
        same = kept.setdefault(key, [])
        try:
            if (known and same) or any(isomorphism(group, other) is not None for other in same):
                continue
        except UndecidedError:
            raise InputError(
                f"{group.name}: two of these products could not be told apart; give permutations, e.g. (1,2,3),(1,2)"
            ) from None
        same.append(group)
        chosen.append(group)
    return chosen


# ------------------------------------------------------------------ automorphisms, holomorphs, quotients


def automorphism_group(A: Group) -> Group:
    """Aut(A) on the elements of A, without the fixed ones.

    Raises:
        InputError: A has more than `ACTIONS_LIMIT` automorphisms, or is too large for them to be sought.
    """
    listed = automorphisms(A, ACTIONS_LIMIT)
    moved = np.flatnonzero((listed != np.arange(A.order)).any(axis=0))
    if not len(moved):
        return Group(np.zeros((1, 1), dtype=np.uint8), (), f"Aut({A.name})")
    rows = restricted(listed, moved).astype(smallest_dtype(len(moved)))
    return _with_generators(Group(rows, (), f"Aut({A.name})"))


def holomorph(A: Group) -> Group:
    """Hol(A) = A:Aut(A) on the elements of A.

    Raises:
        InputError: as for `automorphism_group`; or the order is above `ACTIONS_LIMIT`.
    """
    name = f"Hol({A.name})"
    listed = automorphisms(A, ACTIONS_LIMIT)
    if len(listed) * A.order > ACTIONS_LIMIT * 10:
        raise InputError(
            f"{name} has order {len(listed) * A.order:,}; at most {ACTIONS_LIMIT * 10:,} are listed, e.g. Hol(C7)"
        )
    own = _with_generators(Group(listed, (), name))
    shifts = A.multiply(np.arange(A.order), np.array(A.generators, dtype=np.intp)[:, None])
    permutations = np.concatenate([shifts.astype(listed.dtype), listed[list(own.generators)]])
    return generated_group(permutations.astype(smallest_dtype(A.order)), len(listed) * A.order, name)


def quotient(G: Group, normal: Subgroup, name: str) -> tuple[Group, Indices]:
    """G/N by a normal subgroup, acting on itself, and the number of each element's coset: shape (order,)."""
    least = G.multiply(np.arange(G.order)[:, None], normal.members).min(axis=1)
    representatives, coset = np.unique(least, return_inverse=True)
    products = coset[G.multiply(representatives[:, None], representatives)]
    generators = dict.fromkeys(int(coset[g]) for g in G.generators if coset[g])
    return Group.from_table(products, name, list(generators)), coset


def centre(G: Group) -> Subgroup:
    """The elements that commute with all."""
    everything = np.arange(G.order)
    commute = [G.multiply(everything, g) == G.multiply(g, everything) for g in G.generators]
    return G.subgroup(np.flatnonzero(np.logical_and.reduce(commute)) if commute else [])


def central_product(A: Group, B: Group, name: str | None = None) -> Group:
    """A∘B: A × B with the largest subgroups that the cyclic centres share made one.

    Raises:
        InputError: a centre is not cyclic or the centres share nothing, so that which product is meant is not clear;
            or different ways to make them one give different groups.
    """
    name = name or f"{_bracketed(A)}o{_bracketed(B)}"
    found = []
    for group in (A, B):
        own = centre(group)
        orders = group.element_orders[own.members]
        if own.order not in orders:
            raise InputError(f"{name}: the centre of {group.name} is not cyclic; wanted groups such as in C4oD4")
        found.append((own.order, int(own.members[np.flatnonzero(orders == own.order)[0]])))
    (m, a), (n, b) = found
    shared = math.gcd(m, n)
    if shared == 1:
        raise InputError(f"{name}: centres of order {m} and {n} share nothing; the direct product is {A.name}x{B.name}")
    if A.order * B.order > TABLE_LIMIT * 2:
        raise InputError(
            f"{name}: {A.name}x{B.name} has order {A.order * B.order:,}; at most {TABLE_LIMIT * 2:,} are "
            "taken: wanted a smaller one"
        )
    factors = [group.elements[list(group.generators)] for group in (A, B)]
    whole = generated_group(direct_product(*factors), A.order * B.order, name)
    results = []
    for k in (k for k in range(1, shared + 1) if math.gcd(k, shared) == 1):
        x, y = A.power(a, m // shared), B.power(b, -k * (n // shared))
        results.append(quotient(whole, whole.subgroup([_pair(whole, A, B, x, y)]), name)[0])
    if len(_without_isomorphic(results)) > 1:
        raise InputError(f"{name} could mean several groups; give permutations, e.g. (1,2,3),(1,2)")
    return results[0]


def _pair(whole: Group, A: Group, B: Group, x: int, y: int) -> int:
    """The element (x, y) of a direct product."""
    row = np.concatenate([A.elements[x].astype(np.intp), B.elements[y].astype(np.intp) + A.degree])
    return int(whole.index_of(row[None])[0])
