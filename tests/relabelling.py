"""The same group under other names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.groups.group import Group


def relabelled(group: Group, seed: int) -> tuple[Group, NDArray[np.intp]]:
    """A copy with its elements numbered anew at random, 0 staying the identity, and the new index of each old one."""
    new = np.concatenate([[0], 1 + np.random.default_rng(seed).permutation(group.order - 1)])
    table = np.empty((group.order, group.order), dtype=np.intp)
    table[np.ix_(new, new)] = new[group.table.astype(np.intp)]
    return Group.from_table(table, f"{group.name} relabelled", tuple(int(new[g]) for g in group.generators)), new
