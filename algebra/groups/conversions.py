"""Groups as other programs have them: SymPy's objects, graphs of networkx, texts of GAP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...common.errors import InputError
from ...common.packages import named_packages
from ..arithmetic.permutations import Permutations, cycles

if TYPE_CHECKING:
    from .group import Group

MAX_NODES = 20_000
"""Of a Cayley graph."""


def to_gap(permutations: Permutations) -> str:
    """GAP's text of the group that permutations generate, e.g. `Group((1,2,3),(1,2))`."""
    return f"Group({','.join(map(cycles, permutations)) or '()'})"


def to_sympy(permutations: Permutations) -> Any:
    """SymPy's `PermutationGroup` of the permutations, points from 0 as here.

    Raises:
        MissingPackageError: SymPy is not installed.
    """
    with named_packages():
        from sympy.combinatorics import Permutation, PermutationGroup
    rows = permutations.tolist() or [list(range(permutations.shape[1]))]
    return PermutationGroup([Permutation(row) for row in rows])


def cayley_graph(group: Group) -> Any:
    """The Cayley graph as a `networkx.MultiDiGraph`: an edge from x to x·g for every generator g, with the cycles of g
    as its label. Nodes are element numbers, `element` their cycles, and the identity is the start.

    Raises:
        InputError: the group is too large.
        MissingPackageError: networkx is not installed.
    """
    if group.order > MAX_NODES:
        raise InputError(
            f"{group.name} has order {group.order:,}; Cayley graphs have at most {MAX_NODES:,} nodes, e.g. of S6"
        )
    with named_packages():
        import networkx
    graph = networkx.MultiDiGraph(name=group.name, start=0)
    everything = np.arange(group.order)
    for number, element in enumerate(group.elements):
        graph.add_node(number, element=cycles(element))
    for generator in group.generators:
        label = cycles(group.elements[generator])
        targets = group.multiply(everything, generator).tolist()
        graph.add_edges_from((x, y, {"label": label}) for x, y in zip(everything.tolist(), targets, strict=True))
    return graph
