"""Words with a label at every position, as a learner gets them: no group, no table, only symbols.

Tokens and labels are arbitrary symbols in a file, and numbers here. A label may be missing (-1). What can be said of
such words before anything is trained: whether the labels can be the states of a machine at all, and whether a token
merges two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...algebra.automata.automaton import Automaton
from ...common.brief import Brief
from ...common.errors import InputError
from ..training.tasks import TRAINING, Task
from ..training.word_files import MASKED, read_pairs, without_bos

Integers = NDArray[np.int64]

MISSING = -1
"""The label of a position whose label is not given."""

SHOWN = 12
"""Most tokens of a word shown in a message."""


@dataclass(frozen=True, eq=False, repr=False)
class Words(Brief):
    """Labelled words.

    Arguments:
        tokens: shape (words, length), numbers of token names; after a word's end any token.
        labels: the same shape, numbers of label names, `MISSING` where none is given and after a word's end.
        token_names, label_names: the symbols.
    """

    tokens: Integers
    labels: Integers
    token_names: tuple[str, ...]
    label_names: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.tokens)

    @property
    def length(self) -> int:
        return self.tokens.shape[1]

    def part(self, rows: Sequence[int] | Integers | slice) -> Words:
        """Some of the words."""
        return Words(self.tokens[rows], self.labels[rows], self.token_names, self.label_names)

    def without_short(self, shortest: int) -> Words:
        """The same words without the labels of prefixes shorter than `shortest`."""
        labels = self.labels.copy()
        labels[:, : shortest - 1] = MISSING
        return Words(self.tokens, labels, self.token_names, self.label_names)

    @cached_property
    def steps(self) -> Integers:
        """The label that followed each pair (label, token) where both labels were given, shape (labels, tokens); -1
        where the pair was never seen. Of contradicting steps the last: `check` refuses them."""
        found = np.full((len(self.label_names), len(self.token_names)), MISSING)
        before, token, after = self.labels[:, :-1], self.tokens[:, 1:], self.labels[:, 1:]
        given = (before != MISSING) & (after != MISSING)
        found[before[given], token[given]] = after[given]
        return found

    def spell(self, row: SupportsIndex, length: SupportsIndex) -> str:
        """The first tokens of a word, as a person reads it."""
        names = [self.token_names[x] for x in self.tokens[row, :length]]
        if len(names) > SHOWN:
            names = [*names[: SHOWN // 2], f"… {len(names) - SHOWN} more …", *names[-SHOWN // 2 :]]
        return " ".join(names)

    def disagreement(self, automaton: Automaton) -> tuple[int, int] | None:
        """The first word and position whose given label is not the automaton's state; None where there is none."""
        states = np.full(self.count, automaton.start)
        place = {name: i for i, name in enumerate(self.label_names)}
        label = np.array([place.get(name, MISSING) for name in automaton.states])
        for t in range(self.length):
            states = automaton.table[states, self.tokens[:, t]]
            wrong = np.flatnonzero((self.labels[:, t] != MISSING) & (label[states] != self.labels[:, t]))
            if len(wrong):
                return int(wrong[0]), t
        return None

    def check(self) -> str | None:
        """Refuse words whose labels cannot be the states of one machine.

        Returns:
            Why the labels are not those of a machine in which every token permutes the states, with the words that show
            it: two labels and one token lead to the same label. None where nothing shows it.

        Raises:
            InputError: the same word has two labels, or the same label and token lead to two labels. The words that
            show it are in the message.
        """
        if len(self.label_names) < 2:
            raise InputError("every label is the same: there is nothing to learn; wanted at least two labels")
        self._check_start()
        rows, places = np.nonzero((self.labels[:, :-1] != MISSING) & (self.labels[:, 1:] != MISSING))
        before, token = self.labels[rows, places], self.tokens[rows, places + 1]
        after = self.labels[rows, places + 1]
        self._check_function(before, token, after, rows, places)
        return self._merging(before, token, after, rows, places)

    def _check_start(self) -> None:
        first = self.labels[:, 0] != MISSING
        seen: dict[int, int] = {}
        for row in np.flatnonzero(first):
            other = seen.setdefault(int(self.tokens[row, 0]), int(row))
            if self.labels[row, 0] != self.labels[other, 0]:
                name = [self.label_names[self.labels[r, 0]] for r in (other, row)]
                raise InputError(
                    f"the labels are inconsistent: the word {self.spell(row, 1)} has the label {name[0]} in word "
                    f"{other + 1} and {name[1]} in word {row + 1}"
                )

    def _check_function(
        self, before: Integers, token: Integers, after: Integers, rows: Integers, places: Integers
    ) -> None:
        key = before * len(self.token_names) + token
        clash = _clash(key, after)
        if clash is not None:
            one, two = clash
            raise InputError(
                "the labels are not the states of a machine: the words "
                + " and ".join(f"({self.spell(rows[i], places[i] + 1)}) of line {rows[i] + 2}" for i in (one, two))
                + f" both have the label {self.label_names[before[one]]}, and after one more token "
                f"{self.token_names[token[one]]} the labels {self.label_names[after[one]]} and "
                f"{self.label_names[after[two]]}"
            )

    def _merging(
        self, before: Integers, token: Integers, after: Integers, rows: Integers, places: Integers
    ) -> str | None:
        clash = _clash(after * len(self.token_names) + token, before)
        if clash is None:
            return None
        one, two = clash
        return (
            f"not a group's words: the token {self.token_names[token[one]]} merges the labels "
            f"{self.label_names[before[one]]} and {self.label_names[before[two]]} into "
            f"{self.label_names[after[one]]}: the words "
            + " and ".join(f"({self.spell(rows[i], places[i] + 1)}) of line {rows[i] + 2}" for i in (one, two))
            + " show it"
        )


def _clash(key: Integers, value: Integers) -> tuple[int, int] | None:
    """Two positions with the same key and different values."""
    if not len(key):
        return None
    order = np.argsort(key, kind="stable")
    same = (key[order][1:] == key[order][:-1]) & (value[order][1:] != value[order][:-1])
    if not same.any():
        return None
    at = int(np.flatnonzero(same)[0])
    return int(order[at]), int(order[at + 1])


def words_of_task(task: Task, count: int, length: int, *seeds: int, stream: int = TRAINING) -> Words:
    """Random words of a group with the running product at every position; tokens are positions in the alphabet."""
    if stream == TRAINING:
        tokens = task.training_words(count, length, *seeds)
    else:
        tokens = task.evaluation_words(stream, count, length, *seeds)
    tokens = np.asarray(tokens, dtype=np.int64)
    return Words(tokens, task.labels(tokens), task.tracked.letter_names, task.tracked.class_names)


def first_labels(words: Words) -> Integers:
    """The label after each token as the first of a word, shape (tokens,); -1 where none is given."""
    found = np.full(len(words.token_names), MISSING)
    given = words.labels[:, 0] != MISSING
    found[words.tokens[given, 0]] = words.labels[given, 0]
    return found


def automaton_of_words(words: Words, name: str) -> Automaton:
    """The automaton whose states the labels are; the start is one of them, or a state more that is never come back to.

    Raises:
        InputError: a label and a token, or a first token, were never seen; the message names them.
    """
    given = np.unique(words.labels[words.labels != MISSING])  # a label that is never given is no state that is seen
    label_names = tuple(words.label_names[label] for label in given)
    number = np.full(len(words.label_names) + 1, MISSING)  # the last entry is that of MISSING
    number[given] = np.arange(len(given))
    steps, first = number[words.steps[given]], number[first_labels(words)]
    unseen = np.argwhere(steps < 0)
    if len(unseen):
        label, token = unseen[0]
        raise InputError(
            f"the words leave the machine open: {len(unseen)} of {steps.size} pairs of a label and the next token "
            f"never occur, e.g. label {label_names[label]} and token {words.token_names[token]}; more words are needed"
        )
    starts = np.flatnonzero((steps == first)[:, first != MISSING].all(axis=1))
    same = len(starts) and (steps[starts] == steps[starts[0]]).all()
    if (first == MISSING).any() and not same:
        token = int(np.flatnonzero(first == MISSING)[0])
        raise InputError(
            "the words leave the start open: none that begins with the token "
            f"{words.token_names[token]} has a first label; more words are needed"
        )
    if len(starts):
        return Automaton.make(name, steps, words.token_names, label_names, int(starts[0]))
    start = next(text for text in ("start", "(start)", "[start]") if text not in label_names)
    table = np.concatenate([steps, first[None]])
    return Automaton.make(name, table, words.token_names, (*label_names, start), len(steps))


def read_labelled(path: Path) -> Words:
    """Words and labels from a file: the field's CSV in its dialects, or JSON lines (`training.word_files`).

    A target `-` or `-100` means that no label is given, and a target that is one label is the last one's. Words may
    have different lengths. Nothing is assumed about the symbols: they need not be numbers. A cell may be a list as
    Python or NumPy prints it. A BOS, one symbol that begins every word and its targets (or a masked target) and stands
    nowhere else, is left out.

    Raises:
        InputError: the file cannot be read or is not of the format; the line is named.
    """
    return words_of_pairs(without_bos(read_pairs(path)))


def labelled(inputs: ArrayLike, targets: ArrayLike) -> Words:
    """Words and labels that are in hand.

    Arguments:
        inputs: an array (words, length) of numbers or texts, or a list of lists, which may have different lengths.
        targets: the same for the labels, -1, -100, `-` or None where one is not given; or one label a word, its last.

    Raises:
        InputError: they are no words with labels; the word is named.
    """
    words, labels = _rows_of("inputs", inputs), _rows_of("targets", targets)
    if len(words) != len(labels) or not words:
        raise InputError(f"{len(words)} words and {len(labels)} targets; wanted as many, and at least one")
    pairs = []
    for number, (word, given) in enumerate(zip(words, labels, strict=True), 1):
        shown = [MASKED[0] if label in ("None", "-1", *MASKED) else label for label in given]
        if len(shown) == 1:
            shown = [*[MASKED[0]] * (len(word) - 1), *shown]
        if not word or len(word) != len(shown):
            raise InputError(
                f"word {number}: {len(word)} tokens and {len(given)} labels; wanted one label each, or the last alone"
            )
        pairs.append((word, shown))
    return words_of_pairs(without_bos(pairs))


def _rows_of(what: str, given: ArrayLike) -> list[list[str]]:
    rows = given.tolist() if hasattr(given, "tolist") else given
    if not isinstance(rows, list | tuple):
        raise InputError(f"{what}: a {type(given).__name__}; wanted an array (words, length), or a list of lists")
    found = []
    for row in rows:
        own = row.tolist() if hasattr(row, "tolist") else row
        entries = list(own) if isinstance(own, list | tuple) else [own]
        if any(isinstance(entry, bool | float | list | tuple | dict) for entry in entries):
            raise InputError(f"{what}: {str(entries)[:60]}; wanted whole numbers or texts")
        found.append([str(entry) for entry in entries])
    return found


def words_of_pairs(found: Sequence[tuple[list[str], list[str]]]) -> Words:
    """The words of symbols, each with as many labels."""
    tokens = _names(symbol for word, _ in found for symbol in word)
    labels_named = _names(symbol for _, targets in found for symbol in targets if symbol not in MASKED)
    token_number = {name: i for i, name in enumerate(tokens)}
    label_number = {name: i for i, name in enumerate(labels_named)} | dict.fromkeys(MASKED, MISSING)
    length = max(len(word) for word, _ in found)
    numbers = np.zeros((len(found), length), dtype=np.int64)
    targets_found = np.full((len(found), length), MISSING, dtype=np.int64)
    for row_number, (word, targets) in enumerate(found):
        numbers[row_number, : len(word)] = [token_number[x] for x in word]
        targets_found[row_number, : len(word)] = [label_number[y] for y in targets]
    return Words(numbers, targets_found, tokens, labels_named)


def _names(symbols: object) -> tuple[str, ...]:
    """The different symbols, numbers in their order and before the rest."""
    different = set(symbols)  # type: ignore[call-overload]
    return tuple(sorted(different, key=lambda s: (not s.isdigit(), int(s) if s.isdigit() else 0, s)))
