"""The reflection machine: a group as products of transpositions, each of them one Householder reflection, exactly.

The group acts faithfully on n points. Every element is *spelt* as a product of transpositions between a left and a
right set of points. The transposition of a and b is the reflection I - 2kkᵀ in

    k = (e_a + e_b + e_{a+n} + e_{b+n}) / 2

of R^{2n}: with the sign of the left points turned, e_a - e_b would be the root; every point counts twice, so that the
entries are halves instead of square roots. The state is a matrix S with 2n rows and n columns. Started as two
identity matrices on top of each other, it always holds, up to a factor, the signed permutation matrix of the element
so far; its entries and those of every product that occurs are small dyadic rationals, so that floating-point
arithmetic makes no error at all.

Two things make the keys what they are. Other people's keys pass through SiLU, which is never far below zero, so that
keys have to be non-negative; for a set of transpositions that is possible exactly if it is bipartite. And n
reflections of any other representation would be fewer, but with irrational entries.

A token may also *write* a row of the state, after forgetting all of it: that is how a word begins, and how a reset is
made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import Permutations, cycles
from ...algebra.groups.group import Group
from ...algebra.groups.permutation_group import PermutationGroup
from ...common.brief import Brief
from ...common.errors import InputError
from .actions import base_points, small_action

Swap = tuple[int, int]
"""Two points, the left one first."""

LARGEST_DEGREE = 256
"""The keys have twice as many entries as there are points."""

EXHAUSTED_DEGREE, IMPROVED_DEGREE = 9, 40
"""Up to so many points all divisions into left and right are tried; up to so many one is improved point by point."""


@dataclass(frozen=True)
class Letter:
    """What one token of a one-reflection model does.

    Arguments:
        swap: the transposition whose reflection it applies, or None.
        row: the row of the state that it writes (column `row mod n`), or None.
        forget: whether the state is set to zero before that.
        overwrite: whether a written row takes the place of what was there (β = 1), for layers that cannot forget.
        ask: the point whose image is asked for, of machines that answer with points (`points.py`).
    """

    swap: Swap | None = None
    row: int | None = None
    forget: bool = False
    overwrite: bool = False
    ask: int | None = None


class Reflections(Brief, ABC):
    """What a layer of reflections runs: an alphabet spelt by transpositions of n points, and a state that they move.

    Attributes:
        group: what is tracked.
        left: shape (n,), true on the left points.
        alphabet: what may be read, as the group numbers it.
        words: for each of the alphabet its spelling; their product, read from left to right, is the element.
    """

    group: Group | PermutationGroup
    left: NDArray[np.bool_]
    alphabet: tuple[int, ...]
    words: tuple[tuple[Swap, ...], ...]

    @property
    @abstractmethod
    def permutations(self) -> Permutations:
        """Those of the alphabet on the n points: shape (alphabet, n)."""

    @property
    @abstractmethod
    def letter_names(self) -> tuple[str, ...]:
        """What each of the alphabet is called in a text."""

    @property
    @abstractmethod
    def answer_names(self) -> tuple[str, ...]:
        """What answers are called."""

    @property
    @abstractmethod
    def heads(self) -> int:
        """So many copies of the state are read."""

    @property
    def questions(self) -> dict[str, Letter]:
        """The words of a text that ask for an answer; none where every position has one."""
        return {}

    @property
    def points(self) -> int:
        return len(self.left)

    @property
    def longest(self) -> int:
        """The most reflections that an element of the alphabet takes."""
        return max((len(word) for word in self.words), default=0)

    @cached_property
    def swaps(self) -> tuple[Swap, ...]:
        """The transpositions that are used, sorted."""
        return tuple(sorted({swap for word in self.words for swap in word}))

    @cached_property
    def signs(self) -> NDArray[np.int64]:
        """-1 on the left points, 1 on the right ones."""
        return np.where(self.left, -1, 1)

    def start(self, gated: bool = True) -> tuple[Letter, ...]:
        """The letters that make the state that of the identity, whatever it was: all of it is forgotten first, or, in
        a layer that is not gated, every row is overwritten."""
        return tuple(Letter(row=row, forget=gated and row == 0, overwrite=not gated) for row in range(2 * self.points))

    def spell(self, element: int) -> tuple[Letter, ...]:
        """The letters of one element of the alphabet: at least one, which does nothing for the identity."""
        word = self.words[self.alphabet.index(element)]
        return tuple(Letter(swap=swap) for swap in word) or (Letter(),)

    def key(self, letter: Letter) -> NDArray[np.int64]:
        """Twice the key k of a letter: shape (2n,); zero where it does nothing."""
        n = self.points
        key = np.zeros(2 * n, dtype=np.int64)
        if letter.swap is not None:
            for point in letter.swap:
                key[[point, point + n]] = 1
        if letter.row is not None:
            key[letter.row] = 2
        return key

    def step(self, state: NDArray[np.int64], letter: Letter) -> NDArray[np.int64]:
        """The state after one letter, exactly: S ← (I - βkkᵀ)·S + βkvᵀ, β = 2 or, to overwrite, 1, with v such that a
        written row is 2. Shape (2n, n); raises `ArithmeticError` where a number would not be an integer.
        """
        if letter.forget:
            state = np.zeros_like(state)
        if letter.overwrite:
            assert letter.row is not None
            state = state.copy()
            state[letter.row] = 0
            state[letter.row, letter.row % self.points] = 2
            return state
        doubled = self.key(letter)
        kept, odd = np.divmod(np.outer(doubled, doubled @ state), 2)
        if odd.any():
            raise ArithmeticError("an entry that is no integer")
        state = state - kept
        if letter.row is not None:
            state[letter.row, letter.row % self.points] += 2
        return state

    def state_by(self, permutation: NDArray[np.integer]) -> NDArray[np.int64]:
        """The state of a permutation g of the points, shape (n,): row i holds 2·sign(i)·sign(j) in column j = g⁻¹(i),
        twice over."""
        n = self.points
        half = np.zeros((n, n), dtype=np.int64)
        columns = np.arange(n)
        rows = permutation.astype(np.intp)
        half[rows, columns] = 2 * self.signs[rows] * self.signs[columns]
        return np.concatenate([half, half])


@dataclass(frozen=True, eq=False, repr=False)
class ReflectionMachine(Reflections):
    """A group spelt by transpositions, which answers with its elements.

    Arguments:
        group: the group.
        action: a faithful action on n points, shape (order, n).
        left: shape (n,), true on the left points.
        alphabet: the elements that may be read.
        words: for each element of the alphabet its spelling; their product, read from left to right, is the element.
        base: points whose images tell the elements apart.
    """

    group: Group
    action: Permutations
    left: NDArray[np.bool_]
    alphabet: tuple[int, ...]
    words: tuple[tuple[Swap, ...], ...]
    base: tuple[int, ...]

    @property
    def permutations(self) -> Permutations:
        return self.action[list(self.alphabet)]

    @property
    def letter_names(self) -> tuple[str, ...]:
        return tuple(cycles(self.group.elements[x]) for x in self.alphabet)

    @property
    def answer_names(self) -> tuple[str, ...]:
        return tuple(cycles(row) for row in self.group.elements)

    @property
    def heads(self) -> int:
        return len(self.base)

    @cached_property
    def images(self) -> NDArray[np.intp]:
        """For each element and base point b the column in which row b of the state is not zero: shape (order, base)."""
        return self.action[self.group.inverses][:, list(self.base)].astype(np.intp)

    def element(self, state: NDArray[np.int64]) -> int | None:
        """The element that a state stands for, or None (an unfinished word, a forgotten state)."""
        images = np.abs(state[list(self.base)]).argmax(axis=1)
        found = np.flatnonzero((self.images == images).all(axis=1))
        return int(found[0]) if len(found) and np.abs(state[list(self.base)]).max(axis=1).all() else None

    def state_of(self, element: int) -> NDArray[np.int64]:
        """The state of an element (`state_by`)."""
        return self.state_by(self.action[element])


def reflection_machine(group: Group, alphabet: Sequence[int]) -> ReflectionMachine:
    """Spell the elements of an alphabet by transpositions between two sets of points, as short as the search finds.

    Raises:
        InputError: the action that was found is on too many points.
    """
    action = small_action(group)
    require_degree(group.name, action.shape[1])
    left, words = spelling(action[list(alphabet)])
    return ReflectionMachine(group, action, left, tuple(alphabet), words, tuple(base_points(action)))


def require_degree(name: str, points: int) -> None:
    """Raises `InputError` for a group that acts on too many points."""
    if points > LARGEST_DEGREE:
        raise InputError(f"{name}: acts on {points:,} points; targets are written for at most {LARGEST_DEGREE}, as S6")


def spelling(permutations: Permutations) -> tuple[NDArray[np.bool_], tuple[tuple[Swap, ...], ...]]:
    """A division of the points into left and right, and how permutations, shape (count, n), are spelt between them."""
    parts = [_cycles(row) for row in permutations]
    left = _division(parts, permutations.shape[1])
    return left, tuple(tuple(_spelt(one, left)) for one in parts)


def _cycles(permutation: NDArray) -> list[tuple[int, ...]]:
    """The cycles of length at least 2."""
    seen, found = set(), []
    for start in range(len(permutation)):
        cycle, point = [], start
        while point not in seen:
            seen.add(point)
            cycle.append(point)
            point = int(permutation[point])
        if len(cycle) > 1:
            found.append(tuple(cycle))
    return found


def _division(cycles: list[list[tuple[int, ...]]], points: int) -> NDArray[np.bool_]:
    """A division into left and right that makes the words short: neither side is empty where there are two points."""
    if points <= EXHAUSTED_DEGREE:
        masks = range(1, 2 ** max(points - 1, 0)) or range(1)
        divisions = [np.array([mask >> i & 1 for i in range(points)], dtype=bool) for mask in masks]
        return min(divisions, key=lambda left: _cost(cycles, left))
    best = min((np.arange(points) == point for point in range(8)), key=lambda left: _cost(cycles, left))
    if points > IMPROVED_DEGREE:
        return best
    current, cost = np.arange(points) % 2 == 0, _cost(cycles, np.arange(points) % 2 == 0)
    improved = True
    while improved:
        improved = False
        for point in range(points):
            flipped = current ^ (np.arange(points) == point)
            if 0 < flipped.sum() < points and (found := _cost(cycles, flipped)) < cost:
                current, cost, improved = flipped, found, True
    return min(best, current, key=lambda left: _cost(cycles, left))


def _cost(cycles: list[list[tuple[int, ...]]], left: NDArray[np.bool_]) -> tuple[int, int]:
    """The longest word and the total length. A cycle of length l takes l - 1; where cycles lie on one side alone, each
    is joined to one of the other side, or to a point there, and cut off again: two more for each such pair."""
    sides = left.tolist()
    lengths = []
    for parts in cycles:
        alone = [sides[cycle[0]] for cycle in parts if len({sides[point] for point in cycle}) == 1]
        lefts = sum(alone)
        lengths.append(sum(len(cycle) - 1 for cycle in parts) + 2 * max(lefts, len(alone) - lefts))
    return max(lengths, default=0), sum(lengths)


def _spelt(cycles: Sequence[Sequence[int]], left: NDArray[np.bool_]) -> list[Swap]:
    """Disjoint cycles as a product, from left to right, of as few transpositions between the sides as there are.

    (a0 … ap)(c0 … cq) = (a0 … ap c0 … cq)·(a0 c0), where one cycle lies on the left and one on the right.
    """
    alone: tuple[list[list[int]], list[list[int]]] = ([], [])
    word: list[Swap] = []
    for cycle in cycles:
        if len({bool(left[point]) for point in cycle}) == 1:
            alone[bool(left[cycle[0]])].append(list(cycle))
        else:
            word += _spell_cycle(list(cycle), left)
    paired = min(map(len, alone))
    for one, other in zip(alone[0], alone[1], strict=False):
        word += [*_spell_cycle([*one, *other], left), _ordered(one[0], other[0], left)]
    for cycle in [*alone[0][paired:], *alone[1][paired:]]:
        word += _spell_cycle(cycle, left)
    return word


def _spell_cycle(cycle: list[int], left: NDArray[np.bool_]) -> list[Swap]:
    """A cycle as a product, from left to right, of transpositions between the sides.

    With c0, c1 on different sides, (c0 c1 … ) = (c0 c1)·(c0 c2 …) = (c1 c2 …)·(c0 c1): one of the two points leaves,
    of a side that has another. A cycle on one side is (o c0 c1 …)·(o c0) with a point o of the other.
    """
    sides = [bool(left[point]) for point in cycle]
    if len(set(sides)) == 1:
        other = int(np.flatnonzero(left != left[cycle[0]])[0])
        return [*_spell_cycle([other, *cycle], left), _ordered(other, cycle[0], left)]
    before: list[Swap] = []
    after: list[Swap] = []
    while len(cycle) > 1:
        sides = [bool(left[point]) for point in cycle]
        first = next(i for i in range(len(cycle)) if sides[i] != sides[(i + 1) % len(cycle)])
        cycle = cycle[first:] + cycle[:first]
        swap = _ordered(cycle[0], cycle[1], left)
        if len(cycle) == 2 or sum(bool(left[point]) == bool(left[cycle[1]]) for point in cycle) > 1:
            before.append(swap)
            cycle = [cycle[0], *cycle[2:]]
        else:
            after.append(swap)
            cycle = cycle[1:]
    return before + after[::-1]


def _ordered(a: int, b: int, left: NDArray[np.bool_]) -> Swap:
    return (a, b) if left[a] else (b, a)
