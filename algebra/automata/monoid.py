"""The transition monoid of an automaton: its elements, Green's relations, and its maximal subgroups.

An element is what a word does to the states. Two elements are R-equivalent when each is the other times something on
the right, L-equivalent on the left, J-equivalent on both sides, H-equivalent when R- and L-equivalent. In a finite
monoid J = D, and the H-class of an idempotent is a group; those of one J-class are isomorphic (Howie, *Fundamentals of
Semigroup Theory*, chapter 2). They are the maximal subgroups. The monoid is aperiodic when all of them are trivial.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...common.brief import Brief
from ...common.errors import InputError
from ...common.wording import describe_order
from ..arithmetic.permutations import smallest_dtype
from .automaton import Automaton
from .components import components
from .image_groups import ImageGroup, image_groups

MAX_ELEMENTS = 1_000_000
"""Monoids with more elements are not listed; nothing that is proved about families needs the list."""

MAX_ENTRIES = 1 << 26
"""Nor are those with more elements × states."""

COMPILED_FROM = 2_000
"""Elements from which on numba is worth its import."""


@dataclass(frozen=True, eq=False, repr=False)
class Listing(Brief):
    """Elements of a monoid, those of the shortest words first.

    Arguments:
        elements: shape (order, states): element s leads state q to `elements[s, q]`; element 0 is the identity.
        right: shape (order, letters): s times a letter. It has fewer rows where not all elements are listed.
        origin: for each element the shorter element and the letter whose product it was found as; (-1, -1) for 0.
    """

    elements: NDArray[np.unsignedinteger]
    right: NDArray[np.int32]
    origin: NDArray[np.int32]

    @property
    def is_complete(self) -> bool:
        """Whether these are all elements."""
        return len(self.right) == len(self.elements)

    def word(self, s: int) -> tuple[int, ...]:
        """A shortest word that acts as the element s does."""
        letters = []
        while s:
            s, x = (int(i) for i in self.origin[s])
            letters.append(x)
        return tuple(reversed(letters))


@dataclass(frozen=True, eq=False, repr=False)
class TransitionMonoid(Brief):
    """The transition monoid of an automaton; it is listed only where something that is asked for needs the list.

    Arguments:
        automaton: whose letters generate it.
        limit: a monoid of more elements is not listed.
    """

    automaton: Automaton
    limit: int

    @classmethod
    def of(cls, automaton: Automaton, limit: int = MAX_ELEMENTS) -> TransitionMonoid:
        """The monoid of an automaton; nothing is computed yet."""
        return cls(automaton, max(1, min(limit, MAX_ENTRIES // automaton.count)))

    @cached_property
    def _listing(self) -> Listing | None:
        if self.is_group and self._group_order > self.limit:
            return None
        found = listed(self.automaton, self.limit)
        return found if found.is_complete else None

    @property
    def listing(self) -> Listing:
        """All elements. Raises `InputError` where there are more than the limit."""
        if self._listing is None:
            raise InputError(
                f"{self.automaton.name}: its transition monoid has more than {self.limit:,} elements; "
                "only smaller ones are listed; `inspect` judges it without"
            )
        return self._listing

    @property
    def elements(self) -> NDArray[np.unsignedinteger]:
        """See `Listing`."""
        return self.listing.elements

    @property
    def right(self) -> NDArray[np.int32]:
        """See `Listing`."""
        return self.listing.right

    def beginning(self, count: int) -> Listing:
        """The first elements, at most so many."""
        return listed(self.automaton, count)

    @cached_property
    def _group_order(self) -> int:
        from ..chains.stabiliser_chain import StabiliserChain

        return StabiliserChain(self.automaton.table.T.astype(smallest_dtype(self.automaton.count))).order

    @property
    def order(self) -> int | None:
        """The number of elements; None where it is more than the limit. That of a group is always known."""
        if self.is_group:
            return self._group_order
        return None if self._listing is None else len(self._listing.elements)

    @property
    def order_text(self) -> str:
        """`460`, `about 10^29.0`, `more than 1,000,000`."""
        return f"more than {self.limit:,}" if self.order is None else describe_order(self.order)

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
        return self.listing.word(s)

    @cached_property
    def left(self) -> NDArray[np.int32]:
        """Shape (order, letters): a letter times s. As x·(s·y) = (x·s)·y, it is read off the products on the right."""
        right, (shorter, letter) = self.right, self.listing.origin.T
        found = np.empty_like(right)
        found[0] = right[0]
        first = 1
        while first < len(found):  # as many at a time as were found from elements that are done
            last = int(np.searchsorted(shorter, first))
            found[first:last] = right[found[shorter[first:last]], letter[first:last, None]]
            first = last
        return found

    @cached_property
    def r_classes(self) -> NDArray[np.int32]:
        """For each element the number of its R-class."""
        return components(self.right)

    @cached_property
    def l_classes(self) -> NDArray[np.int32]:
        """For each element the number of its L-class."""
        return components(self.left)

    @cached_property
    def j_classes(self) -> NDArray[np.int32]:
        """For each element the number of its J-class."""
        return components(np.concatenate([self.right, self.left], axis=1))

    @cached_property
    def idempotents(self) -> NDArray[np.intp]:
        """The elements e with e·e = e."""
        squares = np.take_along_axis(self.elements, self.elements.astype(np.intp), axis=1)
        return np.flatnonzero((squares == self.elements).all(axis=1))

    @cached_property
    def maximal_subgroups(self) -> tuple[ImageGroup, ...]:
        """One for each regular J-class, trivial ones left out; the monoid is not listed for them.

        Raises:
            InputError: there are too many images (`algebra.automata.image_groups`).
        """
        return image_groups(self.automaton)

    @property
    def is_aperiodic(self) -> bool:
        """Whether every subgroup is trivial."""
        return not self.maximal_subgroups

    @property
    def is_group(self) -> bool:
        return self.automaton.is_permutation

    @cached_property
    def is_r_trivial(self) -> bool:
        """Whether no two elements are R-equivalent: exactly where no two states lead to each other."""
        return _all_single(components(self.automaton.table))

    @cached_property
    def is_l_trivial(self) -> bool | None:
        """Whether no two elements are L-equivalent; None where that is not known, the monoid being too large."""
        if not self.is_aperiodic:  # the elements of a subgroup are equivalent
            return False
        return None if self._listing is None else _all_single(self.l_classes)

    @property
    def is_j_trivial(self) -> bool | None:
        """Whether no two elements are J-equivalent: as J = D, where it is R- and L-trivial."""
        return self.is_r_trivial and self.is_l_trivial

    @property
    def group_exponent(self) -> int:
        """The least common multiple of the orders of all elements of subgroups; 1 for an aperiodic monoid."""
        groups = [own.listed for own in self.maximal_subgroups]
        return int(np.lcm.reduce([1, *(int(n) for group in groups for n in group.element_orders)]))


def _all_single(classes: NDArray[np.int32]) -> bool:
    return int(classes.max()) + 1 == len(classes)


def listed(automaton: Automaton, limit: int, plain: bool = False) -> Listing:
    """The elements of the transition monoid, or the first of them where there are more than the limit.

    Arguments:
        plain: not compiled, whatever is installed; the answers are the same.
    """
    if plain or limit <= COMPILED_FROM or not importlib.util.find_spec("numba"):
        return _listed_plainly(automaton, limit)
    if f"{__package__}.kernels" not in sys.modules:  # loading it takes as long as listing a few thousand elements
        found = _listed_plainly(automaton, COMPILED_FROM)
        if found.is_complete:
            return found
    from .kernels import list_monoid

    columns = np.ascontiguousarray(automaton.table.T.astype(smallest_dtype(automaton.count)))
    return Listing(*list_monoid(columns, limit))


def _listed_plainly(automaton: Automaton, limit: int) -> Listing:
    dtype = smallest_dtype(automaton.count)
    columns = automaton.table.T.astype(dtype)
    found = [np.arange(automaton.count, dtype=dtype)]
    number = {found[0].tobytes(): 0}
    right: list[list[int]] = []
    origin = [(-1, -1)]
    for s, element in enumerate(found):  # grows while it is walked
        row: list[int] = []
        for x in range(automaton.width):
            image = columns[x][element]
            t = number.setdefault(image.tobytes(), len(found))
            if t == limit:
                break
            if t == len(found):
                found.append(image)
                origin.append((s, x))
            row.append(t)
        if len(row) < automaton.width:
            break
        right.append(row)
    rows = np.array(right, dtype=np.int32).reshape(len(right), automaton.width)
    return Listing(np.array(found), rows, np.array(origin, dtype=np.int32))
