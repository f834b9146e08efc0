"""The Moore machine that a model computes, learnt from its answers.

This is Angluin's L* with the counterexamples of Rivest and Schapire: a table of answers to words s·e, s an access
word, e a suffix. Rows that differ are different states, whatever the model is: that many access words are pairwise told
apart by answers that were given. All cells of one fill are asked in one batch for each length, no word twice.

What a model answers before the first letter is not asked, since few models can be. So the start bears a label of its
own while the machine is learnt; where another state is left by every letter as the start is, the two become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...common.brief import Brief
from ...common.errors import InputError

Integers = NDArray[np.int64]
Word = tuple[int, ...]

NO_ANSWER = -1
"""Where a reading has no answer: before the last letter of a word that is answered as a whole."""

START = -100
"""What the empty word answers, where nothing says what it should; no model answers it."""


class Answering(Protocol):
    """What is asked: a model with letters and classes; `ForeignModel` is one."""

    def answers(self, words: Integers) -> Integers:
        """The class after each prefix: words (N, L) to classes (N, L), negative where there is none."""


@dataclass(frozen=True, eq=False, repr=False)
class MooreMachine(Brief):
    """A machine that answers with the class of its state; the start is 0.

    Arguments:
        table: shape (states, letters): where each letter leads.
        outputs: the class of each state, shape (states,); negative where the model's answer is no class, and `START`
            for a start that no letter leads back to.
        access: the shortest word known to lead to each state.
        longest: letters of the longest word that it was read off.
    """

    table: Integers
    outputs: Integers
    access: tuple[Word, ...]
    longest: int

    @property
    def states(self) -> int:
        """Number of states."""
        return len(self.table)

    def run(self, words: Integers) -> Integers:
        """The state after each letter: words (N, L) to states (N, L)."""
        found = np.empty_like(words)
        state = np.zeros(len(words), dtype=np.int64)
        for t in range(words.shape[1]):
            state = self.table[state, words[:, t]]
            found[:, t] = state
        return found

    def answers(self, words: Integers) -> Integers:
        """The class after each letter, as a model gives it."""
        return self.outputs[self.run(words)]


class Asked:
    """A model's answers, each word asked once, with a count of what was asked.

    Arguments:
        model: what is asked.
        letters: how many there are.
        budget: letters that may be asked.

    Attributes:
        words, asked: how many words and letters were given to the model.
    """

    def __init__(self, model: Answering, letters: int, budget: float = float("inf")) -> None:
        self.model, self.letters, self.budget = model, letters, budget
        self.words = self.asked = 0
        self._known: dict[Word, int] = {(): START}
        self._kept: dict[tuple[int, bytes], Integers] = {}

    def run(self, words: Integers) -> Integers:
        """Answers after each prefix, which are not kept. Words have shape (N, L)."""
        if not words.size:
            return np.zeros(words.shape, dtype=np.int64)
        self.words, self.asked = self.words + len(words), self.asked + words.size
        found = np.asarray(self.model.answers(words), dtype=np.int64)
        if found.shape != words.shape:
            raise InputError(f"the model answered {found.shape} for words of shape {words.shape}; wanted one each")
        return found

    def kept(self, words: Integers) -> Integers:
        """As `run`, for words that are compared with one machine after the other: they are run once."""
        key = (words.shape[1], words.tobytes())
        if key not in self._kept:
            self._kept[key] = self.run(words)
        return self._kept[key]

    def after(self, words: Sequence[Word]) -> list[int]:
        """The answer after the last letter of each word; `START` for the empty one.

        Raises:
            SpentError: more letters than the budget would be asked.
        """
        new: dict[int, list[Word]] = {}
        for word in dict.fromkeys(words):
            if word not in self._known:
                new.setdefault(len(word), []).append(word)
        if self.asked + sum(length * len(some) for length, some in new.items()) > self.budget:
            raise SpentError
        for some in new.values():
            answers = self.run(np.array(some, dtype=np.int64))[:, -1].tolist()
            self._known.update(zip(some, answers, strict=True))
        return [self._known[word] for word in words]


class SpentError(Exception):
    """More letters would have been asked than the budget has."""


class UnsteadyError(Exception):
    """A word was answered otherwise when it was asked again, in another batch."""


class TooManyStatesError(Exception):
    """The table told more words apart than states were allowed.

    Arguments:
        least: states that every machine with these answers has.
    """

    def __init__(self, least: int) -> None:
        super().__init__(least)
        self.least = least


class ObservationTable:
    """The table of L*.

    Arguments:
        asked: the model.
        limit: states that are allowed.
    """

    def __init__(self, asked: Asked, limit: int) -> None:
        self.asked, self.limit = asked, limit
        self.access: list[Word] = [()]
        self.suffixes: list[Word] = [()]

    def _rows(self, words: Sequence[Word]) -> list[tuple[int, ...]]:
        cells = self.asked.after([word + suffix for word in words for suffix in self.suffixes])
        width = len(self.suffixes)
        return [tuple(cells[i : i + width]) for i in range(0, len(cells), width)]

    def machine(self) -> MooreMachine:
        """The machine of the closed table, whose start may be a state of its own.

        Raises:
            TooManyStatesError: it has more states than allowed; the start is not counted.
            SpentError: the budget does not do for it.
        """
        number: dict[tuple[int, ...], int] = {}
        for row in self._rows(self.access):
            number.setdefault(row, len(number))
        assert len(number) == len(self.access), "two access words have one row"
        table: list[list[int]] = []
        while len(table) < len(self.access):  # breadth first: what one pass finds is left by all letters in the next
            begun = self.access[len(table) :]
            rows = self._rows([(*word, x) for word in begun for x in range(self.asked.letters)])
            for i, word in enumerate(begun):
                leads = []
                for x in range(self.asked.letters):
                    row = rows[i * self.asked.letters + x]
                    if row not in number:
                        number[row] = len(number)
                        self.access.append((*word, x))
                    leads.append(number[row])
                table.append(leads)
                if len(self.access) - 1 > self.limit:
                    raise TooManyStatesError(len(self.access) - 1)
        outputs = np.array(self.asked.after(self.access), dtype=np.int64)
        longest = max(map(len, self.access)) + 1 + max(map(len, self.suffixes))
        return MooreMachine(np.array(table, dtype=np.int64), outputs, tuple(self.access), longest)

    def refine(self, word: Word, machine: MooreMachine) -> None:
        """Enter the suffix by which a word that the machine answers wrongly tells two of its states apart.

        Raises:
            UnsteadyError: the model now answers as the machine: it says different things of one word.
            SpentError: the budget does not do for it.
        """
        states = [0, *machine.run(np.array([word], dtype=np.int64))[0].tolist()]

        def answer(i: int) -> int:
            """What follows when the first i letters are replaced by the access word of the state they lead to."""
            return self.asked.after([machine.access[states[i]] + word[i:]])[0]

        low, high = 0, len(word)
        first, last = answer(low), answer(high)
        if first == last:
            raise UnsteadyError
        while high - low > 1:
            middle = (low + high) // 2
            if answer(middle) == last:
                high = middle
            else:
                low = middle
        assert word[high:] not in self.suffixes, "a suffix of the table tells nothing new"
        self.suffixes.append(word[high:])


def merged_start(machine: MooreMachine) -> MooreMachine:
    """The minimal machine with the same answers, without a start of its own where a state is left by every letter as
    the start is. (A table that was refined by single suffixes may tell more states apart than its machine does.)

    States are numbered in the order in which a breadth-first search finds them. The class of a start that stays is
    `START`.
    """
    assert machine.outputs[0] == START
    machine = _minimal(machine)
    twins = np.flatnonzero((machine.table[1:] == machine.table[0]).all(axis=1)) + 1
    begin = int(twins[0]) if len(twins) else 0
    order: list[int] = [begin]
    access: dict[int, Word] = {begin: ()}
    for state in order:
        for x, following in enumerate(machine.table[state].tolist()):
            if following not in access:
                access[following] = (*access[state], x)
                order.append(following)
    place = {state: i for i, state in enumerate(order)}
    table = np.array([[place[q] for q in machine.table[state].tolist()] for state in order], dtype=np.int64)
    return MooreMachine(table, machine.outputs[order], tuple(access[state] for state in order), machine.longest)


def _minimal(machine: MooreMachine) -> MooreMachine:
    """States that answer all words alike made one, by refining the classes of what they answer."""
    block, count = np.unique(machine.outputs, return_inverse=True)[1], 0
    while count != block.max() + 1:
        count = int(block.max()) + 1
        block = np.unique(np.column_stack([block, block[machine.table]]), axis=0, return_inverse=True)[1].reshape(-1)
    first = np.sort(np.unique(block, return_index=True)[1])  # the start stays 0
    place = np.empty(count, dtype=np.int64)
    place[block[first]] = np.arange(count)
    table = place[block[machine.table[first]]]
    return MooreMachine(table, machine.outputs[first], tuple(machine.access[q] for q in first), machine.longest)
