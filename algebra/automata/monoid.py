"""The transition monoid of an automaton: its elements, Green's relations, and its maximal subgroups.

An element is what a word does to the states. Two elements are R-equivalent when each is the other times something on
the right, L-equivalent on the left, J-equivalent on both sides, H-equivalent when R- and L-equivalent. In a finite
monoid J = D, and the H-class of an idempotent is a group; those of one J-class are isomorphic (Howie, *Fundamentals of
Semigroup Theory*, chapter 2). They are the maximal subgroups. The monoid is aperiodic when all of them are trivial.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import smallest_dtype
from ..groups.group import Group
from .automaton import Automaton

MAX_ELEMENTS = 60_000
"""Monoids with more elements are not listed."""


@dataclass(frozen=True, eq=False)
class MaximalSubgroup:
    """The group of one regular J-class.

    Arguments:
        group: it, acting on the image of its idempotent, points in the order of `points`.
        points: the states in that image.
        elements: for each element of the group, its number in the monoid.
    """

    group: Group
    points: tuple[int, ...]
    elements: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class TransitionMonoid:
    """The transition monoid of an automaton, listed.

    Arguments:
        automaton: whose letters generate it.
        elements: shape (order, states): element s leads state q to `elements[s, q]`; element 0 is the identity.
        right: shape (order, letters): s times a letter.
        origin: for each element the shorter element and the letter whose product it was found as; (-1, -1) for 0.
    """

    automaton: Automaton
    elements: NDArray[np.unsignedinteger]
    right: NDArray[np.int32]
    origin: NDArray[np.int32]

    @classmethod
    def of(cls, automaton: Automaton, limit: int = MAX_ELEMENTS) -> TransitionMonoid:
        """List the monoid, shortest words first.

        Raises:
            InputError: it has more elements than the limit.
        """
        dtype = smallest_dtype(automaton.count)
        columns = automaton.table.T.astype(dtype)
        found = [np.arange(automaton.count, dtype=dtype)]
        number = {found[0].tobytes(): 0}
        right: list[list[int]] = []
        origin = [(-1, -1)]
        for s, element in enumerate(found):  # grows while it is walked
            row = []
            for x in range(automaton.width):
                image = columns[x][element]
                key = image.tobytes()
                t = number.get(key)
                if t is None:
                    t = number[key] = len(found)
                    if t == limit:
                        raise InputError(
                            f"{automaton.name}: its transition monoid has more than {limit:,} elements; "
                            "only smaller ones are listed"
                        )
                    found.append(image)
                    origin.append((s, x))
                row.append(t)
            right.append(row)
        return cls(automaton, np.array(found), np.array(right, dtype=np.int32), np.array(origin, dtype=np.int32))

    @property
    def order(self) -> int:
        return len(self.elements)

    @cached_property
    def _number(self) -> dict[bytes, int]:
        return {element.tobytes(): i for i, element in enumerate(self.elements)}

    def number_of(self, element: NDArray[np.integer]) -> int:
        """The number of an element given by its images, shape (states,)."""
        return self._number[element.astype(self.elements.dtype).tobytes()]

    def product(self, s: int, t: int) -> int:
        """s·t: first s, then t."""
        return self.number_of(self.elements[t][self.elements[s]])

    def word(self, s: int) -> tuple[int, ...]:
        """A shortest word that acts as s does."""
        letters = []
        while s:
            s, x = (int(i) for i in self.origin[s])
            letters.append(x)
        return tuple(reversed(letters))

    @cached_property
    def left(self) -> NDArray[np.int32]:
        """Shape (order, letters): a letter times s."""
        columns = [self.elements[:, self.automaton.table[:, x]] for x in range(self.automaton.width)]
        rows = [[self._number[image.tobytes()] for image in np.ascontiguousarray(column)] for column in columns]
        return np.array(rows, dtype=np.int32).T

    @cached_property
    def r_classes(self) -> NDArray[np.int32]:
        """For each element the number of its R-class."""
        return _components(self.right)

    @cached_property
    def l_classes(self) -> NDArray[np.int32]:
        """For each element the number of its L-class."""
        return _components(self.left)

    @cached_property
    def j_classes(self) -> NDArray[np.int32]:
        """For each element the number of its J-class."""
        return _components(np.concatenate([self.right, self.left], axis=1))

    @cached_property
    def idempotents(self) -> NDArray[np.intp]:
        """The elements e with e·e = e."""
        squares = np.take_along_axis(self.elements, self.elements.astype(np.intp), axis=1)
        return np.flatnonzero((squares == self.elements).all(axis=1))

    @cached_property
    def maximal_subgroups(self) -> tuple[MaximalSubgroup, ...]:
        """One for each regular J-class, trivial ones left out, in the order in which words reach their idempotents."""
        found, seen = [], set()
        pair = self.r_classes.astype(np.int64) * (int(self.l_classes.max()) + 1) + self.l_classes
        for e in self.idempotents.tolist():
            if self.j_classes[e] in seen:
                continue
            seen.add(int(self.j_classes[e]))
            members = np.flatnonzero(pair == pair[e])
            if len(members) > 1:
                found.append(self._group(e, members))
        return tuple(found)

    def _group(self, e: int, members: NDArray[np.intp]) -> MaximalSubgroup:
        points = np.unique(self.elements[e])
        place = np.zeros(self.automaton.count, dtype=smallest_dtype(len(points)))
        place[points] = np.arange(len(points))
        rows = place[self.elements[members][:, points]]
        order = np.lexsort(rows.T[::-1])
        elements = np.ascontiguousarray(rows[order])
        whole = Group(elements, (), "")
        named = Group(elements, whole.subgroup(range(1, len(elements))).generators, "")
        return MaximalSubgroup(named, tuple(points.tolist()), members[order])

    @property
    def is_aperiodic(self) -> bool:
        """Whether every subgroup is trivial."""
        return not self.maximal_subgroups

    @property
    def is_group(self) -> bool:
        return self.automaton.is_permutation

    @property
    def is_r_trivial(self) -> bool:
        return _all_single(self.r_classes)

    @property
    def is_l_trivial(self) -> bool:
        return _all_single(self.l_classes)

    @property
    def is_j_trivial(self) -> bool:
        return _all_single(self.j_classes)

    @property
    def group_exponent(self) -> int:
        """The least common multiple of the orders of all elements of subgroups; 1 for an aperiodic monoid."""
        return int(np.lcm.reduce([1, *(int(n) for own in self.maximal_subgroups for n in own.group.element_orders)]))


def _components(edges: NDArray[np.int32]) -> NDArray[np.int32]:
    """The strongly connected component of every node, numbered from 0; edges: shape (nodes, out-degree)."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(edges)))
    for target in edges.T.tolist():
        graph.add_edges_from(enumerate(target))
    found = np.empty(len(edges), dtype=np.int32)
    for number, component in enumerate(nx.strongly_connected_components(graph)):
        found[list(component)] = number
    return found


def _all_single(classes: NDArray[np.int32]) -> bool:
    return int(classes.max()) + 1 == len(classes)
