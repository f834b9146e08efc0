"""A faithful action of a group on few points, found without any claim that there is none on fewer."""

from __future__ import annotations

import numpy as np

from ...algebra.arithmetic.permutations import Permutations, smallest_dtype
from ...algebra.groups.group import Group, Subgroup
from ...algebra.representations.classes import conjugacy_classes

ENOUGH = 12
"""An action on this many points or fewer is taken as it is."""

SEARCHED_ORDER = 256
"""Groups of larger order keep the action they have: the search would take more than some seconds."""

RESTARTS = 6
"""How many greedy searches for a large subgroup are made for each choice."""


def small_action(group: Group) -> Permutations:
    """A faithful action on points 0 … degree - 1 that moves all of them: shape (order, degree).

    The group's own action, without the points that nothing moves; or, where that is on more than `ENOUGH` points, one
    on the cosets of some subgroups if they are fewer. A union of coset actions is faithful if every minimal normal
    subgroup is left out by one of the subgroups; each is made large greedily.
    """
    moved = (group.elements != group.elements[0]).any(axis=0)
    own = _relabelled(group.elements[:, moved])
    if own.shape[1] <= ENOUGH or group.order > SEARCHED_ORDER:
        return own
    chosen: list[Subgroup] = []
    left = _minimal_normal_subgroups(group)
    generator = np.random.default_rng(0)
    while left:
        best = max(
            (_avoiding(group, left[0], generator) for _ in range(RESTARTS)),
            key=lambda subgroup: sum(not normal <= subgroup for normal in left) * subgroup.order,
        )
        chosen.append(best)
        left = [normal for normal in left if normal <= best]
    degree = sum(group.order // subgroup.order for subgroup in chosen)
    if degree >= own.shape[1]:
        return own
    return _on_cosets(group, chosen)


def _relabelled(points: Permutations) -> Permutations:
    """Permutations of the points of row 0, which is increasing, as permutations of 0 … degree - 1."""
    return np.searchsorted(points[0], points).astype(smallest_dtype(max(points.shape[1], 1)))


def _minimal_normal_subgroups(group: Group) -> list[Subgroup]:
    """Every minimal normal subgroup: the minimal ones among the normal closures of elements of prime order."""
    classes = conjugacy_classes(group)
    closures: list[Subgroup] = []
    for x, order in zip(classes.representatives, classes.orders, strict=True):
        if order > 1 and all(order % d for d in range(2, int(order**0.5) + 1)):
            closure = group.whole.normal_closure([int(x)])
            if not any(np.array_equal(closure.mask, other.mask) for other in closures):
                closures.append(closure)
    return [a for a in closures if not any(b is not a and b <= a and b.order < a.order for b in closures)]


def _avoiding(group: Group, normal: Subgroup, generator: np.random.Generator) -> Subgroup:
    """A subgroup that does not contain a normal one, and that no element can be added to."""
    found = group.trivial_subgroup
    for x in generator.permutation(group.order):
        if x not in found:
            larger = found.extended([int(x)])
            if not normal <= larger:
                found = larger
    return found


def _on_cosets(group: Group, subgroups: list[Subgroup]) -> Permutations:
    """The action by right multiplication on the right cosets of some subgroups, side by side."""
    everything = np.arange(group.order)
    columns, offset = [], 0
    for subgroup in subgroups:
        least = group.multiply(subgroup.members[:, None], everything[None, :]).min(axis=0)  # names the coset Hx
        names, representatives = np.unique(least, return_index=True)
        for x in representatives:
            columns.append(offset + np.searchsorted(names, least[group.multiply(int(x), everything)]))
        offset += len(names)
    return np.stack(columns, axis=1).astype(smallest_dtype(offset))


def base_points(action: Permutations) -> list[int]:
    """Points whose images tell all elements apart: greedily the one that splits them most."""
    count, degree = action.shape
    names = np.zeros(count, dtype=np.int64)
    base: list[int] = []
    while len(np.unique(names)) < count:
        splits = [len(np.unique(names * degree + action[:, point])) for point in range(degree)]
        point = int(np.argmax(splits))
        base.append(point)
        names = np.unique(names * degree + action[:, point], return_inverse=True)[1]
    return base
