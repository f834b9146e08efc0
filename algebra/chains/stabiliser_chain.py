"""Permutation groups too large to list: order, membership, random elements, by a base and stabiliser chain.

A chain is made in one of two ways, and both end in a proof. A solvable group is built from the bottom of its
derived series (`algebra.chains.solvable`), which its derived series is a by-product of. Any other group
goes through random Schreier–Sims with a deterministic verification (`algebra.chains.schreier_sims`). A symmetric or
alternating group of its points is recognised by an element, and gets a chain only when somebody asks for elements.
What is computed *from* chains is in `algebra.chains.series`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import MAX_DEGREE, Permutations
from . import kernels as chain_kernels
from .kernels import Element, Encoding, Levels, is_member, sift_rows
from .solvable import NotSolvableError, SolvableTower

ELEMENTS_LIMIT = 2**28
"""Largest order·degree that `StabiliserChain.elements` lists unless told otherwise."""

GIANT_DEGREE = 30  # on fewer points a chain is made sooner than a giant is recognised

LOOP_LIMIT = 200  # for so few permutations, sifting one at a time is quicker than setting up arrays


class StabiliserChain:
    """A permutation group with its order and membership proved.

    Args:
        generators: shape (r, degree), any integer dtype; r may be 0.
        seed: of the random choices for a group that is not solvable. It decides the time taken and the
            generators found for subgroups, never an order or a membership.
        bound: an upper bound for the order, where one is known, e.g. from the group's name; meeting it saves the
            proof.

    Attributes:
        known_derived: the derived subgroup of a group that is not solvable, once somebody has asked for it.
        encoding, levels, elements_given: degree and codes; the chain itself; the generators as codes (for
            `algebra.chains.series`).
        giant: whether the group is known to be the symmetric or alternating group of the points that it moves.

    Raises:
        InputError: not a two-dimensional array of permutations of 0 … degree-1.

    Examples:
        >>> chain = StabiliserChain([[1, 2, 3, 0], [1, 0, 2, 3]])
        >>> chain.order, chain.is_solvable, [term.order for term in chain.solvable_terms]
        (24, True, [12, 4, 1])
    """

    encoding: Encoding
    elements_given: list[Element]
    seed: int
    giant: bool = False
    known_derived: StabiliserChain | None = None
    tower: SolvableTower | None = None

    def __init__(self, generators: ArrayLike, *, seed: int = 0, bound: int | None = None) -> None:
        rows = permutation_rows(np.asarray(generators))
        self.encoding = Encoding(rows.shape[1])
        self.elements_given = [Element(self.encoding.encode(row), self.encoding) for row in rows]
        self.seed = seed
        moving = self.moving_elements
        if self.degree >= GIANT_DEGREE and moving:
            from .schreier_sims import is_giant

            if is_giant(moving, self.encoding, random.Random(seed)):
                self._become_giant()
                return
        try:
            self._take_tower(SolvableTower([element.code for element in moving], moving, self.encoding))
        except NotSolvableError:
            self.__dict__["levels"] = self._sims(bound)
            self.__dict__["solvable_terms"] = None

    def _sims(self, bound: int | None) -> Levels:
        from .schreier_sims import random_products, schreier_sims

        source = random.Random(self.seed)
        moving = self.moving_elements
        elements = random_products(moving, [], self.encoding, source)
        return schreier_sims(moving, elements, self.encoding, source, bound=bound)[0]

    @cached_property
    def levels(self) -> Levels:
        """The chain itself; only of a giant it is not made before somebody asks for it."""
        return self._sims(self.order)

    def _become_giant(self) -> None:
        from .schreier_sims import is_even

        moving = self.moving_elements
        even = all(is_even(element.code, self.degree) for element in moving)
        self.giant = True
        self.__dict__["order"] = math.factorial(self.moved_points) // (2 if even else 1)
        self.__dict__["solvable_terms"] = None
        if even:
            self.known_derived = self  # A_n is perfect for n ≥ 5

    @property
    def moved_points(self) -> int:
        """How many points the group moves."""
        rows = self.generators
        return int(np.count_nonzero((rows != np.arange(self.degree)).any(axis=0)))

    def alternating_subgroup(self) -> StabiliserChain:
        """The alternating group of the points that a giant moves."""
        points = np.flatnonzero((self.generators != np.arange(self.degree)).any(axis=0))
        three, long = (np.arange(self.degree) for _ in range(2))
        three[points[:3]] = np.roll(points[:3], -1)
        rest = points[1 - len(points) % 2 :]  # an odd number of points: the cycle is even
        long[rest] = np.roll(rest, -1)
        codes = [self.encoding.encode(row) for row in (three, long)]
        chain = StabiliserChain.__new__(StabiliserChain)
        chain.encoding, chain.seed = self.encoding, self.seed
        chain.elements_given = [Element(code, self.encoding) for code in codes]
        chain._become_giant()
        return chain

    @classmethod
    def from_levels(
        cls, encoding: Encoding, levels: Levels, generators: Sequence[Element], seed: int = 0
    ) -> StabiliserChain:
        """A chain that is complete already; the caller vouches for that, and that the generators generate its group."""
        chain = cls.__new__(cls)
        chain.encoding, chain.elements_given, chain.seed = encoding, list(generators), seed
        chain.__dict__["levels"] = levels
        return chain

    @classmethod
    def from_tower(cls, tower: SolvableTower, encoding: Encoding, seed: int = 0) -> StabiliserChain:
        """The group at the top of a tower."""
        levels, generators = tower.series()[0]
        chain = cls.from_levels(encoding, levels, generators, seed)
        chain._take_tower(tower)
        return chain

    def _take_tower(self, tower: SolvableTower) -> None:
        """Take the chain, and the derived series below it, from a tower whose top is this group."""
        (levels, _), *below = tower.series()
        self.__dict__["levels"], self.tower = levels, tower
        terms: tuple[StabiliserChain, ...] = ()
        for levels, generators in reversed(below):
            term = StabiliserChain.from_levels(self.encoding, levels, generators, self.seed)
            term.__dict__["solvable_terms"] = terms  # the cached property, known already
            terms = (term, *terms)
        self.__dict__["solvable_terms"] = terms

    @cached_property
    def solvable_terms(self) -> tuple[StabiliserChain, ...] | None:
        """The derived series without the group itself, the trivial group last; None if the group is not solvable."""
        moving = self.moving_elements
        try:
            tower = SolvableTower([element.code for element in moving], moving, self.encoding)
        except NotSolvableError:
            return None
        return StabiliserChain.from_tower(tower, self.encoding, self.seed).solvable_terms

    @property
    def moving_elements(self) -> list[Element]:
        """The generators other than the identity."""
        return [element for element in self.elements_given if element.code != self.encoding.identity]

    @property
    def degree(self) -> int:
        """Number of points."""
        return self.encoding.degree

    @cached_property
    def order(self) -> int:
        """Number of elements, exactly."""
        return chain_kernels.order(self.levels)

    @property
    def base(self) -> tuple[int, ...]:
        """Points such that only the identity fixes all of them."""
        return tuple(level.point for level in self.levels)

    @property
    def generators(self) -> Permutations:
        """The generators, shape (r, degree), in the smallest unsigned dtype."""
        return self.encoding.decode([element.code for element in self.elements_given])

    @property
    def is_solvable(self) -> bool:
        """Whether the derived series ends in the trivial group."""
        return self.solvable_terms is not None

    def contains(self, permutations: ArrayLike) -> NDArray[np.bool_]:
        """Which of the permutations, shape (m, degree), lie in the group; shape (m,).

        Raises:
            InputError: not permutations of the same degree.
        """
        rows = permutation_rows(np.asarray(permutations), self.degree)
        if len(rows) <= LOOP_LIMIT:
            codes = (self.encoding.encode(row) for row in rows)
            return np.array([is_member(self.levels, code, self.encoding.identity) for code in codes], dtype=bool)
        return sift_rows(self.levels, rows, self.encoding)[1]

    def random(self, generator: np.random.Generator, count: int = 1) -> Permutations:
        """Uniformly random elements, independent of each other; shape (count, degree)."""
        rows = np.tile(np.arange(self.degree, dtype=self.encoding.dtype), (count, 1))
        for level in reversed(self.levels):
            chosen = generator.integers(len(level.orbit), size=count)
            rows = self._representatives(level)[chosen[:, None], rows]
        return rows

    def elements(self, limit: int = ELEMENTS_LIMIT) -> Permutations:
        """All elements in lexicographic order, the identity first; shape (order, degree), smallest unsigned dtype.

        Raises:
            InputError: order·degree exceeds the limit.
        """
        if self.order * self.degree > limit:
            raise InputError(
                f"a group of order {self.order} on {self.degree} points is too large to list: "
                f"{self.order * self.degree} entries; wanted at most {limit}, e.g. S8 has 322560"
            )
        rows = np.arange(self.degree, dtype=self.encoding.dtype)[None, :]
        for level in reversed(self.levels):
            rows = self._representatives(level)[:, rows].reshape(-1, self.degree)
        return rows[_lexicographic_order(rows)]

    def _representatives(self, level: chain_kernels.Level) -> Permutations:
        """The transversal of a level, shape (len(orbit), degree), in the order of the orbit."""
        inverses = self.encoding.decode([level.inverses[point] for point in level.orbit])
        return np.argsort(inverses, axis=1).astype(self.encoding.dtype)

    def __repr__(self) -> str:
        return f"StabiliserChain(degree={self.degree}, order={self.order})"


def _lexicographic_order(rows: Permutations) -> NDArray[np.intp]:
    """The order of distinct rows, by big-endian words of eight bytes: far fewer sorts than by single entries."""
    data = rows.astype(rows.dtype.newbyteorder(">"), order="C").view(np.uint8).reshape(len(rows), -1)
    words = np.zeros((len(rows), -(-data.shape[1] // 8) * 8), dtype=np.uint8)
    words[:, : data.shape[1]] = data
    return np.lexsort(words.view(">u8").astype(np.uint64).T[::-1])


def permutation_rows(array: NDArray[Any], degree: int | None = None) -> NDArray[Any]:
    """The array itself, having been found to hold permutations, one a row.

    Raises:
        InputError: wrong shape or dtype, or a row that is not a permutation.
    """
    wanted = "(r, degree)" if degree is None else f"(m, {degree})"
    if array.ndim != 2 or array.shape[1] == 0 or (degree is not None and array.shape[1] != degree):
        raise InputError(f"permutations of shape {array.shape}; wanted {wanted}, e.g. [[1, 2, 0], [1, 0, 2]]")
    if array.shape[1] > MAX_DEGREE:
        raise InputError(f"permutations of {array.shape[1]} points; wanted at most {MAX_DEGREE}")
    if len(array) and not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"permutations of dtype {array.dtype}; wanted integers, e.g. [[1, 2, 0], [1, 0, 2]]")
    wrong = np.flatnonzero((np.sort(array, axis=1) != np.arange(array.shape[1])).any(axis=1))
    if len(wrong):
        row = array[wrong[0]].tolist()
        shown = ", ".join(map(str, row[:12])) + (", …" if len(row) > 12 else "")
        raise InputError(f"row {wrong[0]} is [{shown}]: not a permutation of 0 … {array.shape[1] - 1}, e.g. [1, 2, 0]")
    return array
