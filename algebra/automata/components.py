"""Strongly connected components (Tarjan 1972), by one text: compiled where numba is there and the graph is large."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPILED_FROM, COMPILED_FROM_LOADED = 20_000, 2_000
"""Edges from which on numba is worth its import, and is worth being asked where it is imported already."""


def components(edges: NDArray[np.int32], plain: bool = False) -> NDArray[np.int32]:
    """The strongly connected component of every node, numbered in the order in which they are completed: what a
    component leads to has a smaller number.

    Arguments:
        edges: shape (nodes, out-degree); an edge to -1 is none.
        plain: not compiled, whatever is installed.
    """
    count = len(edges)
    least = COMPILED_FROM_LOADED if "numba" in sys.modules else COMPILED_FROM
    if not plain and edges.size >= least and importlib.util.find_spec("numba"):
        found = np.full(count, -1, dtype=np.int32)
        work = [np.full(count, -1, dtype=np.int32), *(np.zeros(count + 1, dtype=np.int32) for _ in range(4))]
        _compiled()(np.ascontiguousarray(edges, dtype=np.int32), found, *work)
        return found
    lists = [[-1] * count, *([0] * (count + 1) for _ in range(4))]
    numbers = [-1] * count
    _tarjan(edges.tolist(), numbers, *lists)
    return np.array(numbers, dtype=np.int32)


@cache
def _compiled() -> Callable[..., None]:
    from numba import njit

    return njit(cache=True)(_tarjan)


def _tarjan(edges: Any, component: Any, met: Any, low: Any, place: Any, stack: Any, path: Any) -> None:
    """Fill in `component`. `met` says when a node was met, `low` the earliest node on the stack that it reaches,
    `place` its next edge; `stack` holds nodes without a component yet, `path` those being searched."""
    clock, number, height = 0, 0, 0
    for root in range(len(met)):
        if met[root] >= 0:
            continue
        path[0] = root
        depth = 1
        met[root] = low[root] = clock
        clock += 1
        stack[height] = root
        height += 1
        while depth > 0:
            here = path[depth - 1]
            if place[here] < len(edges[here]):
                there = edges[here][place[here]]
                place[here] += 1
                if there < 0:
                    continue
                if met[there] < 0:
                    met[there] = low[there] = clock
                    clock += 1
                    stack[height] = there
                    height += 1
                    path[depth] = there
                    depth += 1
                elif component[there] < 0 and met[there] < low[here]:
                    low[here] = met[there]
                continue
            depth -= 1
            if low[here] == met[here]:
                while True:
                    height -= 1
                    member = stack[height]
                    component[member] = number
                    if member == here:
                        break
                number += 1
            if depth > 0 and low[here] < low[path[depth - 1]]:
                low[path[depth - 1]] = low[here]
