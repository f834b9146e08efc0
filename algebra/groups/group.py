"""Finite groups whose elements are listed.

A `Group` is a faithful permutation group with its elements in lexicographic order of their images, so that element 0
is the identity. That one order is also the field's numbering of S_n, A_n and direct products (index `i·|H| + j`), and
for a group given by a multiplication table (acting on itself by right multiplication) it is the table's own
numbering.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import Permutations, invert, smallest_dtype

Indices = NDArray[np.intp]

TABLE_LIMIT = 2048
"""Groups up to this order keep a whole multiplication table (at most 8 MiB); larger ones multiply permutations."""


@dataclass(frozen=True, eq=False, repr=False)
class Group:
    """A finite group as a list of permutations.

    Arguments:
        elements: shape (order, degree), unsigned, rows in lexicographic order and closed under composition.
        generators: element indices that generate the group; none of them is the identity.
        name: how the group was asked for, e.g. `S4`.
        notes: what was changed on reading it (an element renumbered), to be told to the user.
    """

    elements: Permutations
    generators: tuple[int, ...]
    name: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.elements.setflags(write=False)

    def __repr__(self) -> str:
        return f"{self.name}: order {self.order:,}, on {self.degree} points, listed"

    def noted(self, *notes: str, name: str | None = None) -> Group:
        """The group with more notes, and perhaps another name."""
        group = replace(self, name=name or self.name, notes=(*self.notes, *notes))
        group.__dict__.update({key: value for key, value in self.__dict__.items() if key in ("table", "inverses")})
        return group

    @property
    def order(self) -> int:
        return len(self.elements)

    def to_gap(self) -> str:
        """GAP's text for the group, by its generators."""
        from .conversions import to_gap

        return to_gap(self.elements[list(self.generators)])

    def to_sympy(self) -> Any:
        """SymPy's `PermutationGroup`, on the same points. Raises `MissingPackageError` where SymPy is not installed."""
        from .conversions import to_sympy

        return to_sympy(self.elements[list(self.generators)])

    def to_networkx(self) -> Any:
        """The Cayley graph as a `networkx.MultiDiGraph`, with generators as labels. Raises `InputError` where the group
        is too large."""
        from .conversions import cayley_graph

        return cayley_graph(self)

    @property
    def degree(self) -> int:
        return self.elements.shape[1]

    @classmethod
    def from_table(
        cls, table: ArrayLike, name: str, generators: Sequence[int] | None = None, notes: tuple[str, ...] = ()
    ) -> Group:
        """The group with multiplication table `table[i, j] = i·j`, shape (order, order), identity 0; not validated
        here.

        It acts on itself by right multiplication, element j sending i to i·j. `generators` are found greedily if not
        given.
        """
        product = np.asarray(table).astype(smallest_dtype(len(np.asarray(table))))
        group = cls(np.ascontiguousarray(product.T), (), name, notes)
        group.__dict__["table"] = product
        if generators is None:
            generators = group.subgroup(range(1, group.order)).generators
        return cls._with_table(group.elements, tuple(int(g) for g in generators), name, notes, product)

    @classmethod
    def _with_table(
        cls, elements: Permutations, generators: tuple[int, ...], name: str, notes: tuple[str, ...], table: Permutations
    ) -> Group:
        group = cls(elements, generators, name, notes)
        table.setflags(write=False)
        group.__dict__["table"] = table  # fills the cached property
        return group

    @cached_property
    def _trie(self) -> tuple[list[int], list[NDArray[np.int32]]]:
        """Points whose images name an element, and for each the table (prefix, image) → longer prefix.

        A point is kept when the images of the points before it do not fix its own; the last prefix is the element's
        index, because dropping the other points leaves the lexicographic order as it is.
        """
        points: list[int] = []
        steps: list[NDArray[np.int32]] = []
        prefix = np.zeros(self.order, dtype=np.int32)
        count = 1
        for point in range(self.degree):
            if count == self.order:
                break
            column = self.elements[:, point]
            new = np.empty(self.order, dtype=bool)
            new[0] = True
            new[1:] = (prefix[1:] != prefix[:-1]) | (column[1:] != column[:-1])
            total = int(np.count_nonzero(new))
            if total == count:
                continue
            step = np.full((count, self.degree), -1, dtype=np.int32)
            longer = np.cumsum(new, dtype=np.int32) - 1
            step[prefix[new], column[new]] = longer[new]
            points.append(point)
            steps.append(step)
            prefix, count = longer, total
        return points, steps

    def index_of(self, permutations: Permutations) -> Indices:
        """Element indices of permutations that lie in the group, shape (..., degree) to (...).

        -1 (or a wrong index) where a permutation does not lie in the group: see `contains`.
        """
        points, _ = self._trie
        return self._lookup([permutations[..., point] for point in points], permutations.shape[:-1])

    def _lookup(self, images: Iterable[NDArray], shape: tuple[int, ...]) -> Indices:
        prefix = np.zeros(shape, dtype=np.int32)
        for image, step in zip(images, self._trie[1], strict=True):
            prefix = step[prefix, image]
        return prefix.astype(np.intp)

    def contains(self, permutation: Permutations) -> bool:
        """Whether a permutation of the same degree, shape (degree,), lies in the group."""
        index = int(self.index_of(permutation[None])[0])
        return index >= 0 and bool(np.array_equal(self.elements[index], permutation))

    @cached_property
    def table(self) -> Permutations:
        """`table[i, j] = i·j`, shape (order, order). Only for orders up to `TABLE_LIMIT`."""
        if self.order > TABLE_LIMIT:
            raise MemoryError(f"no multiplication table for order {self.order} > {TABLE_LIMIT}: use multiply")
        table = np.empty((self.order, self.order), dtype=smallest_dtype(self.order))
        everything = np.arange(self.order)
        for j in range(self.order):
            table[:, j] = self._multiply_permutations(everything, np.asarray(j))
        table.setflags(write=False)
        return table

    def _multiply_permutations(self, a: NDArray, b: NDArray) -> Indices:
        points, _ = self._trie
        images = (self.elements[b, self.elements[a, point]] for point in points)
        return self._lookup(images, np.broadcast_shapes(np.shape(a), np.shape(b)))

    def multiply(self, a: ArrayLike, b: ArrayLike) -> Indices:
        """Products a·b of element indices, broadcast against each other."""
        if self.order <= TABLE_LIMIT:
            return self.table[np.asarray(a), np.asarray(b)].astype(np.intp)
        return self._multiply_permutations(np.asarray(a), np.asarray(b))

    @cached_property
    def inverses(self) -> Indices:
        """The inverse of every element, shape (order,)."""
        if self.order <= TABLE_LIMIT:
            rows, columns = np.nonzero(self.table == 0)
            return columns[np.argsort(rows)]
        points, _ = self._trie
        degree = self.degree
        found = np.empty((len(points), self.order), dtype=self.elements.dtype)
        wanted = np.full(degree, -1)
        wanted[points] = np.arange(len(points))
        for point in range(degree):  # e(point) = base point b  ⇔  e⁻¹(b) = point
            slot = wanted[self.elements[:, point]]
            hit = np.flatnonzero(slot >= 0)
            found[slot[hit], hit] = point
        return self._lookup(found, (self.order,))

    def product(self, word: Iterable[int]) -> int:
        """The product of a word of element indices, from left to right."""
        result = 0
        for letter in word:
            result = self.times(result, int(letter))
        return result

    def times(self, a: int, b: int) -> int:
        """a·b for two element indices."""
        if self.order <= TABLE_LIMIT:
            return int(self.table[a, b])
        return int(self._multiply_permutations(np.asarray(a), np.asarray(b)))

    def inverse(self, a: int) -> int:
        """a⁻¹ for one element index."""
        return (
            int(self.inverses[a])
            if "inverses" in self.__dict__ or self.order <= TABLE_LIMIT
            else int(self.index_of(invert(self.elements[a])))
        )

    def power(self, a: int, exponent: int) -> int:
        """a^exponent for one element index; the exponent may be negative."""
        if exponent < 0:
            a, exponent = self.inverse(a), -exponent
        result = 0
        while exponent:
            if exponent & 1:
                result = self.times(result, a)
            a = self.times(a, a)
            exponent >>= 1
        return result

    def powers(self, elements: Indices, exponent: int) -> Indices:
        """The powers of several elements by their indices, the exponent not being negative."""
        found, square = np.zeros_like(elements), elements
        while exponent:
            if exponent & 1:
                found = self.multiply(found, square)
            square = self.multiply(square, square)
            exponent >>= 1
        return found

    def commutator(self, a: int, b: int) -> int:
        """a⁻¹·b⁻¹·a·b, GAP's `Comm`."""
        return self.times(self.inverse(self.times(b, a)), self.times(a, b))

    def conjugate(self, a: int, b: int) -> int:
        """b⁻¹·a·b, GAP's `a^b`."""
        return self.times(self.inverse(b), self.times(a, b))

    @cached_property
    def element_orders(self) -> Indices:
        """The order of every element, shape (order,)."""
        orders = np.zeros(self.order, dtype=np.intp)
        everything = np.arange(self.order)
        current, exponent = everything.copy(), 1
        open_ = everything
        while len(open_):
            done = current[open_] == 0
            orders[open_[done]] = exponent
            open_ = open_[~done]
            current[open_] = self.multiply(current[open_], open_)
            exponent += 1
        return orders

    @property
    def is_abelian(self) -> bool:
        return all(self.times(a, b) == self.times(b, a) for a in self.generators for b in self.generators)

    def subgroup(self, generators: Iterable[int]) -> Subgroup:
        """The subgroup generated by element indices; redundant generators are dropped."""
        return self.trivial_subgroup.extended(generators)

    @cached_property
    def trivial_subgroup(self) -> Subgroup:
        mask = np.zeros(self.order, dtype=bool)
        mask[0] = True
        return Subgroup(self, np.zeros(1, dtype=np.intp), (), mask)

    @cached_property
    def whole(self) -> Subgroup:
        """The group as a subgroup of itself."""
        return Subgroup(self, np.arange(self.order), self.generators, np.ones(self.order, dtype=bool))


def group_of_rows(elements: Permutations, alphabet: Sequence[int] | NDArray[np.integer], name: str) -> Group:
    """The group whose elements a file lists, with generators among the tokens in the file's alphabet.

    Nothing else of the arithmetic of `Group` looks whether a product is among the elements. Here it is made sure: right
    multiplication by each generator permutes the rows, hence so does that by each token.

    Arguments:
        elements: shape (order, degree), permutations in lexicographic order, the identity first.
        alphabet: numbers of elements.

    Raises:
        InputError: two rows are equal, or a product by a token is not among them.
    """
    if (elements[1:] == elements[:-1]).all(axis=1).any():
        raise InputError("an element is listed twice")
    group = Group(elements, (), name)
    found = group.trivial_subgroup
    for token in map(int, alphabet):
        if found.mask[token]:
            continue
        products = elements[token][elements]
        if not np.array_equal(products[np.lexsort(products.T[::-1])], elements):
            raise InputError("the elements are not closed under multiplication by the tokens")
        found = found.extended([token])  # every product that it makes is among the elements by now
    return Group(elements, found.generators, name)


@dataclass(frozen=True, eq=False, repr=False)
class Subgroup:
    """A subgroup of a listed group.

    Arguments:
        group: the group it lies in.
        members: element indices, sorted, shape (order,).
        generators: element indices that generate it.
        mask: shape (group.order,), true on the members.
    """

    group: Group
    members: Indices
    generators: tuple[int, ...]
    mask: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"subgroup of order {self.order:,} of {self.group.name}"

    @property
    def order(self) -> int:
        return len(self.members)

    def __contains__(self, element: int) -> bool:
        return bool(self.mask[element])

    def __le__(self, other: Subgroup) -> bool:
        return bool(other.mask[list(self.generators)].all())

    def extended(self, elements: Iterable[int]) -> Subgroup:
        """The subgroup generated by this one and more elements (Dimino's algorithm, a level of cosets at a time)."""
        group = self.group
        mask, members, generators = self.mask, self.members, list(self.generators)
        for new in elements:
            new = int(new)
            if mask[new]:
                continue
            if mask is self.mask:
                mask = mask.copy()
            generators.append(new)
            parts = [members]
            frontier = np.zeros(1, dtype=np.intp)  # a representative of each coset of the last level
            while True:
                candidates = group.multiply(frontier[:, None], generators).ravel()
                candidates = candidates[~mask[candidates]]
                if not len(candidates):
                    break
                cosets = group.multiply(members, candidates[:, None])
                first = np.unique(cosets.min(axis=1), return_index=True)[1]
                mask[cosets[first]] = True
                parts.append(cosets[first].ravel())
                frontier = candidates[first]
            members = np.concatenate(parts)
        return Subgroup(group, np.sort(members), tuple(generators), mask)

    def normal_closure(self, elements: Iterable[int]) -> Subgroup:
        """The smallest subgroup that contains the elements and is normalised by this one."""
        closure = self.group.subgroup(elements)
        seen = 0
        while seen < len(closure.generators):
            generator = closure.generators[seen]
            closure = closure.extended(self.group.conjugate(generator, by) for by in self.generators)
            seen += 1
        return closure

    def as_group(self) -> Group:
        """The subgroup as a group of its own, on the same points; element i is the i-th of `members`."""
        return Group(
            np.ascontiguousarray(self.group.elements[self.members]),
            tuple(int(i) for i in np.searchsorted(self.members, self.generators)),
            self.group.name if self.order == self.group.order else f"a subgroup of {self.group.name}",
        )

    def normalises(self, other: Subgroup) -> bool:
        """Whether conjugation by this subgroup's elements maps the other one to itself."""
        return all(self.group.conjugate(a, by) in other for a in other.generators for by in self.generators)
