"""What is tracked: a group with its letters, an automaton, or a group too large to list; and words to try machines on.

A word is an array of numbers of letters. What letters are differs: elements of a listed group, letters of an
automaton, or permutations. `Tracked` is what a machine, a task and a network need to know of them, whichever it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError
from .arithmetic.permutations import Permutations, cycles
from .arithmetic.permutations import order as permutation_order
from .automata.automaton import Automaton
from .chains.stabiliser_chain import StabiliserChain
from .groups.group import TABLE_LIMIT, Group

KINDS = ("random", "constant", "commutator")
"""Random words spread rounding errors; constant words add them up; commutator words move every layer."""

TokenArray = NDArray[np.int32]

LONGEST_CYCLE = 60
"""Of a letter of an automaton that is looked for."""


def check_kind(kind: str) -> None:
    """Raises `InputError` for a kind of word that is none of `KINDS`."""
    if kind not in KINDS:
        raise InputError(f"unknown kind of word {kind[:40]!r}; wanted one of {', '.join(KINDS)}")


class Tracked(ABC):
    """What a machine follows: letters 0 … count-1, and what words of them lead to.

    Attributes:
        name: of the group or the automaton.
        count: how many letters there are.
        start: what the empty word leads to.
        alphabet: what each letter is: the number of an element or of a letter, shape (count,), or a permutation, shape
            (count, degree).
        kind: how messages call it: `group` or `automaton`.
        noun, outcome: what a letter, and what a word leads to, is called: `token` and `element`, `letter` and `state`.
        is_listed: whether what words lead to has numbers 0 … classes-1; else they are permutations.
    """

    name: str
    count: int
    start: Any
    alphabet: NDArray[np.integer]
    kind = "group"
    noun, outcome = "token", "element"
    is_listed = True

    @property
    @abstractmethod
    def classes(self) -> int:
        """How many different things words can lead to: elements, or states."""

    @property
    @abstractmethod
    def letter_names(self) -> tuple[str, ...]:
        """What each letter is called."""

    @property
    @abstractmethod
    def class_names(self) -> tuple[str, ...]:
        """What each of the `classes` is called."""

    @property
    @abstractmethod
    def moves(self) -> NDArray[np.int64]:
        """`moves[y, x]`: where the letter x leads from y, shape (classes, count)."""

    @abstractmethod
    def same(self, other: Tracked) -> bool:
        """Whether the other has the same letters in the same order, and they lead to the same numbers."""

    def require_fit(self, tokens: int, classes: int, what: str = "the network", own: str | None = None) -> None:
        """InputError unless a network has the tokens and classes of what is tracked.

        Arguments:
            tokens, classes: how many the network has.
            what: how the message calls it.
            own: what it was made for, where it says so.
        """
        if (tokens, classes) == (self.count, self.classes):
            return
        if own is not None:
            way = f"it was made for {own}: leave {self.name} out"
        elif tokens == classes:
            way = f"wanted a group of order {classes}"
        else:
            way = f"wanted an automaton of {tokens} letters and {classes} states"
        raise InputError(
            f"{what} has {tokens} tokens and {classes} classes, {self.name} has {self.count} and {self.classes}; {way}"
        )

    @abstractmethod
    def run(self, word: NDArray[np.integer], start: Any = None) -> NDArray[Any]:
        """What every prefix of a word leads to from `start`, or from the beginning: shape (T, …)."""

    @abstractmethod
    def order(self, letter: int) -> int:
        """How often a letter is repeated until it has no effect (on the states that it permutes)."""

    @abstractmethod
    def apart(self, letter: int) -> NDArray[np.intp]:
        """The letters that do not commute with one."""

    def inverse(self, letter: int) -> list[int]:
        """The shortest word known to undo a letter: a power of it, or one letter."""
        return [letter] * (self.order(letter) - 1)

    def period(self, kind: str) -> list[int]:
        """The letters that a word of one of the `KINDS` repeats; none for a random word.

        A constant word repeats a letter of largest order; a commutator word a⁻¹ b⁻¹ a b for the first two letters that
        do not commute (the first and the last if all do).

        Raises:
            InputError: an unknown kind.
        """
        check_kind(kind)
        if kind == "constant":
            return [max(range(self.count), key=self.order)]
        if kind == "commutator":
            pairs = ((a, int(apart[0])) for a in range(self.count) if len(apart := self.apart(a)))
            a, b = next(pairs, (0, self.count - 1))
            return [*self.inverse(a), *self.inverse(b), a, b]
        return []

    def pieces(self, kind: str, length: int, seed: int, piece: int) -> Iterator[TokenArray]:
        """A word in pieces of `piece` letters, so that its length takes no memory; its letters do not depend on them.

        Raises:
            InputError: an unknown kind.
        """
        random = np.random.default_rng(seed)
        period = np.array(self.period(kind), dtype=np.int32)
        for begin in range(0, length, piece):
            size = min(piece, length - begin)
            if len(period):
                yield np.tile(np.roll(period, -begin), -(-size // len(period)))[:size]
            else:
                yield random.integers(self.count, size=size, dtype=np.int32)

    def word(self, kind: str, length: int, seed: int = 0) -> TokenArray:
        """A word of one of the `KINDS`, shape (length,)."""
        return np.concatenate([np.zeros(0, dtype=np.int32), *self.pieces(kind, length, seed, max(1, length))])


class TrackedGroup(Tracked):
    """Elements of a listed group; words lead to elements.

    Arguments:
        alphabet: the element of every letter, shape (count,).
    """

    def __init__(self, group: Group, alphabet: NDArray[np.integer]) -> None:
        self.group, self.alphabet = group, alphabet
        self.name, self.count, self.start = group.name, len(alphabet), 0

    @property
    def classes(self) -> int:
        return self.group.order

    @property
    def letter_names(self) -> tuple[str, ...]:
        return tuple(str(element) for element in self.alphabet.tolist())

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(map(str, range(self.group.order)))

    @cached_property
    def moves(self) -> NDArray[np.int64]:
        elements = np.arange(self.group.order)[:, None]
        return np.asarray(self.group.multiply(elements, np.asarray(self.alphabet)[None, :]), dtype=np.int64)

    def same(self, other: Tracked) -> bool:
        """Groups are compared by their multiplication tables, for the numbers of the elements are what counts."""
        return (
            isinstance(other, TrackedGroup)
            and np.array_equal(self.alphabet, other.alphabet)
            and self.group.order == other.group.order
            and np.array_equal(self.group.table, other.group.table)
        )

    def run(self, word: NDArray[np.integer], start: int | None = None) -> NDArray[np.intp]:
        return products(self.group, self.alphabet[word], start or 0)

    def order(self, letter: int) -> int:
        element = power = int(self.alphabet[letter])
        order = 1
        while power:
            power = self.group.times(power, element)
            order += 1
        return order

    def apart(self, letter: int) -> NDArray[np.intp]:
        element, multiply = int(self.alphabet[letter]), self.group.multiply
        return np.flatnonzero(multiply(element, self.alphabet) != multiply(self.alphabet, element))

    def inverse(self, letter: int) -> list[int]:
        found = np.flatnonzero(self.alphabet == self.group.inverse(int(self.alphabet[letter])))
        return found[:1].tolist() or super().inverse(letter)


class TrackedPermutations(Tracked):
    """The group that some permutations generate, too large to list; words lead to permutations.

    Arguments:
        alphabet: the image of every point under every letter, shape (count, degree).
        name: of the group.
    """

    outcome = "permutation"
    is_listed = False

    def __init__(self, alphabet: Permutations, name: str = "G") -> None:
        self.alphabet, self.name = alphabet, name
        self.count, degree = alphabet.shape
        self.start = np.arange(degree, dtype=alphabet.dtype)

    @cached_property
    def classes(self) -> int:
        return StabiliserChain(self.alphabet).order

    @property
    def letter_names(self) -> tuple[str, ...]:
        return tuple(cycles(letter) for letter in self.alphabet)

    @property
    def class_names(self) -> tuple[str, ...]:
        raise InputError(
            f"{self.name} is too large to list: its elements are permutations and have no numbers; "
            "write them as cycles, e.g. (1,2,3)"
        )

    @property
    def moves(self) -> NDArray[np.int64]:
        raise InputError(
            f"{self.name} is too large to list: there is no table of its products; "
            "`inspect` and `compile` take it without"
        )

    def same(self, other: Tracked) -> bool:
        return isinstance(other, TrackedPermutations) and np.array_equal(self.alphabet, other.alphabet)

    def run(self, word: NDArray[np.integer], start: Permutations | None = None) -> Permutations:
        return prefix_products(self.alphabet[word], _composed, self.start if start is None else start)

    def order(self, letter: int) -> int:
        return permutation_order(self.alphabet[letter])

    def apart(self, letter: int) -> NDArray[np.intp]:
        image = self.alphabet[letter]
        return np.flatnonzero((self.alphabet[:, image] != image[self.alphabet]).any(axis=1))

    def inverse(self, letter: int) -> list[int]:
        found = np.flatnonzero((self.alphabet[:, self.alphabet[letter]] == self.start).all(axis=1))
        return found[:1].tolist() or super().inverse(letter)


class TrackedAutomaton(Tracked):
    """The letters of an automaton; words lead to states."""

    kind = "automaton"
    noun, outcome = "letter", "state"

    def __init__(self, automaton: Automaton) -> None:
        self.automaton, self.name = automaton, automaton.name
        self.count, self.start = automaton.width, automaton.start
        self.alphabet = np.arange(automaton.width)

    @property
    def classes(self) -> int:
        return self.automaton.count

    @property
    def letter_names(self) -> tuple[str, ...]:
        return self.automaton.letters

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.automaton.states

    @cached_property
    def moves(self) -> NDArray[np.int64]:
        return self.automaton.table.astype(np.int64)

    def same(self, other: Tracked) -> bool:
        return isinstance(other, TrackedAutomaton) and np.array_equal(self.automaton.table, other.automaton.table)

    def run(self, word: NDArray[np.integer], start: int | None = None) -> NDArray[np.int32]:
        return self.automaton.run(word, start)

    def order(self, letter: int) -> int:
        """The least common multiple of the cycles, at most `LONGEST_CYCLE`: a letter may also merge states."""
        image = self.automaton.table[:, letter].astype(np.intp)
        settled = np.arange(self.automaton.count)
        for _ in range(self.automaton.count):
            settled = image[settled]
        current, length = image[settled], 1
        while not np.array_equal(current, settled) and length < LONGEST_CYCLE:
            current, length = image[current], length + 1
        return length

    def apart(self, letter: int) -> NDArray[np.intp]:
        table = self.automaton.table.astype(np.intp)
        return np.flatnonzero((table[table[:, letter]] != table[:, letter][table]).any(axis=0))


_STEPS = 32
"""Elements of a piece of a word that are multiplied one after the other, all pieces at once."""


def products(group: Group, elements: NDArray[np.integer], start: int = 0) -> NDArray[np.intp]:
    """All prefix products start·x_1 ⋯ x_t of a word of element indices, shape (T,), by group multiplication alone."""
    if group.order > TABLE_LIMIT:
        return prefix_products(elements.astype(np.intp), group.multiply, np.intp(start))
    table, order = group.table.reshape(-1), group.order  # a word in its small dtype stays in the cache

    def multiply(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        return table.take(np.multiply(a, order, dtype=np.intp) + b)

    return prefix_products(elements.astype(table.dtype), multiply, table.dtype.type(start)).astype(np.intp)


def prefix_products(
    factors: NDArray[Any], multiply: Callable[[Any, Any], NDArray[Any]], start: NDArray[Any] | np.integer
) -> NDArray[Any]:
    """All prefix products start·x_1 ⋯ x_t of elements along the first axis, (T, …) to (T, …).

    The word is cut into pieces of `_STEPS` elements that are multiplied in step; then every piece is multiplied by what
    came before it, which are the prefix products of the pieces' last elements.

    Arguments:
        multiply: takes arrays of elements that broadcast against each other along the axes of words.
    """
    length, one = len(factors), factors.shape[1:]
    if length <= _STEPS:
        reached = factors.copy()
        for t in range(length):
            start = reached[t] = multiply(start, factors[t])
        return reached
    pieces = -(-length // _STEPS)
    grid = np.concatenate([factors, factors[: pieces * _STEPS - length]])  # what is added is cut off at the end
    grid = np.ascontiguousarray(grid.reshape(pieces, _STEPS, *one).swapaxes(0, 1))  # each step in one piece of memory
    for t in range(1, _STEPS):
        grid[t] = multiply(grid[t - 1], grid[t])
    before = np.concatenate([np.reshape(start, (1, *one)), prefix_products(grid[-1, :-1], multiply, start)])
    return multiply(before[None], grid).swapaxes(0, 1).reshape(-1, *one)[:length]


def _composed(first: Permutations, then: Permutations) -> Permutations:
    """Permutations one after the other, shapes (…, degree): the point p goes to then[first[p]]."""
    return then[..., first] if first.ndim == 1 else np.take_along_axis(then, first.astype(np.intp), axis=-1)
