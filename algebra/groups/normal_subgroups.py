"""All normal subgroups of a listed group."""

from __future__ import annotations

import numpy as np

from ...common.errors import InputError
from .group import Group, Subgroup
from .isomorphism import conjugacy_classes

MAX_NORMAL_SUBGROUPS = 500
"""More normal subgroups than this are not listed (C2^5 has 374, C2^6 has 2,825)."""


def normal_subgroups(group: Group) -> list[Subgroup]:
    """All normal subgroups, the largest first: the normal closures of elements, and all joins of them.

    Raises:
        InputError: there are more than `MAX_NORMAL_SUBGROUPS`.
    """
    closures: dict[bytes, Subgroup] = {}
    for representative in np.flatnonzero(conjugacy_classes(group).labels == np.arange(group.order)).tolist():
        closure = group.whole.normal_closure([representative])
        closures.setdefault(closure.mask.tobytes(), closure)
    found = {group.trivial_subgroup.mask.tobytes(): group.trivial_subgroup}
    waiting = [group.trivial_subgroup]
    while waiting:
        subgroup = waiting.pop()
        for closure in closures.values():
            if closure <= subgroup:
                continue
            join = subgroup.extended(closure.generators)
            key = join.mask.tobytes()
            if key not in found:
                found[key] = join
                waiting.append(join)
                if len(found) > MAX_NORMAL_SUBGROUPS:
                    raise InputError(
                        f"{group.name} has more than {MAX_NORMAL_SUBGROUPS} normal subgroups: they are not listed; "
                        "`inspect` without --pareto, and `compile` without --optimise, take a shortest series"
                    )
    return sorted(found.values(), key=lambda subgroup: (-subgroup.order, subgroup.members.tolist()))


def chief_series(group: Group) -> list[Subgroup]:
    """A chief series, the group first: normal subgroups with none between two that follow each other.

    >>> from subnormal.algebra.groups.named_groups import symmetric
    >>> [term.order for term in chief_series(symmetric(4).listed())]
    [24, 12, 4, 1]
    """
    representatives = np.flatnonzero(conjugacy_classes(group).labels == np.arange(group.order)).tolist()
    closures = [group.whole.normal_closure([x]) for x in representatives]
    found = [group.trivial_subgroup]
    while found[0].order < group.order:
        above = (found[0].extended(one.generators) for one in closures if not one <= found[0])
        found.insert(0, min(above, key=lambda one: one.order))
    return found
