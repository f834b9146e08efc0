"""How long a network stays right: accuracies on words of growing length.

A causal network's answer at position T of a word depends on the first T tokens alone, so one set of long words gives
the accuracy at every length: the share of words whose symbol T is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ...common.summary import Tabular
from ...common.terminal import Shown, plain_table
from ...common.wording import counted
from ..network import DCDNetwork
from .tasks import TEST, Task
from .word_files import TaskWords

THRESHOLD = 0.9
"""A length counts when the accuracy at it, and at every shorter one, is above this."""

STRIDE, BLOCK = 20, 1000
FEW = 10
"""So many lengths are printed all."""

PIECE_ENTRIES = 1 << 20
"""Words × tokens × widest layer that are run at a time: about 4 MB in float32, which stays in the cache."""


@dataclass(frozen=True)
class FirstWrong:
    """A word after which a model answers wrongly.

    Arguments:
        word: numbers of its letters.
        product: what it leads to.
        answer: what the model says.
        text: the word, with repeated letters as powers.
    """

    word: tuple[int, ...]
    product: str
    answer: str
    text: str

    def __repr__(self) -> str:
        return f"after {counted(len(self.word), 'letter')}, {self.text}: {self.answer}, not {self.product}"


@dataclass(frozen=True)
class SortAccuracy:
    """Words of one sort.

    Arguments:
        name: such as `constant`.
        words: their number.
        length: of each.
        until: up to this length all answers are right on all of them.
        wrong: the first wrong answer; None where there is none.
    """

    name: str
    words: int
    length: int
    until: int
    wrong: FirstWrong | None = None


@dataclass(frozen=True)
class WayAccuracy:
    """A way of reading words.

    Arguments:
        name: such as `cached`.
        title: what that is.
        right: share of right answers; None where it was not run.
        other: how many answers are not those of one pass.
        answers: how many there are.
        said: where they differ first, or why it was not run.
    """

    name: str
    title: str
    right: float | None
    other: int
    answers: int
    said: str = ""


@dataclass(frozen=True, repr=False)
class Accuracy(Tabular, Shown):
    """Accuracies at growing lengths.

    Arguments:
        words: number of words behind each figure.
        lengths: the lengths T.
        last: share of words whose symbol T is right.
        whole: share of words whose first T symbols are all right.
        name: what the words are of; empty where nobody asked.
        folder: of the network; empty for one in hand.
        sorts: of adversarial words, where they were run.
        ways: of reading, where several were asked for.
        notes: what else was seen, such as files that are not as they were written.
    """

    words: int
    lengths: tuple[int, ...]
    last: tuple[float, ...]
    whole: tuple[float, ...]
    name: str = ""
    folder: str = ""
    sorts: tuple[SortAccuracy, ...] = ()
    ways: tuple[WayAccuracy, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def by_length(self) -> dict[int, float]:
        """For each length the share of words whose last symbol is right."""
        return dict(zip(self.lengths, self.last, strict=True))

    @property
    def longest(self) -> int:
        """The longest length with accuracy above `THRESHOLD` at it and at every shorter one; 0 if there is none."""
        longest = 0
        for length, accuracy in zip(self.lengths, self.last, strict=True):
            if not accuracy > THRESHOLD:
                break
            longest = length
        return longest

    def rows_of_table(self) -> list[dict[str, Any]]:
        """One dictionary a length: `length`, `last`, `whole`, `words`."""
        return [
            {"length": length, "last": last, "whole": whole, "words": self.words}
            for length, last, whole in zip(self.lengths, self.last, self.whole, strict=True)
        ]

    def as_json(self) -> dict[str, Any]:
        """The figures, rounded to 1e-5, and the longest length."""
        about = {"folder": self.folder or None, "group": self.name} if self.name else {}
        more = {
            name: [asdict(one) for one in found]
            for name, found in (("sorts", self.sorts), ("ways", self.ways))
            if found
        }
        notes = {"notes": list(self.notes)} if self.notes else {}
        return {
            **about,
            "words": self.words,
            "lengths": list(self.lengths),
            "last": [round(x, 5) for x in self.last],
            "whole": [round(x, 5) for x in self.whole],
            "longest": self.longest,
            **more,
            **notes,
        }

    def view(self) -> RenderableType:
        """What `evaluate` prints: some of the lengths, and the longest."""
        table = plain_table("length", "last symbol right", "whole word right")
        for i, reached in enumerate(self.lengths):
            few = len(self.lengths) <= FEW
            if few or reached in (20, 60) or reached % 200 == 0 or reached == self.lengths[-1]:
                table.add_row(f"{reached:,}", f"{self.last[i]:.2%}", f"{self.whole[i]:.2%}")
        about = f"{self.name}, " if self.name else ""
        end = f"{about}{self.words:,} words: longest length above {THRESHOLD:.0%}: {self.longest:,}"
        parts: list[RenderableType] = [table, Text(end)]
        if self.sorts:
            own = plain_table("words", "number", "right up to", "first wrong")
            for one in self.sorts:
                own.add_row(one.name, str(one.words), f"{one.until:,}", "" if one.wrong is None else repr(one.wrong))
            parts += [Text(""), own]
        if self.ways:
            own = plain_table("read", "right", "other answers", "")
            for way in self.ways:
                right = "–" if way.right is None else f"{way.right:.2%}"
                own.add_row(
                    way.title, right, "–" if way.right is None else f"{way.other:,} of {way.answers:,}", way.said
                )
            parts += [Text(""), own]
        return Renderables(*parts, *(Text(line) for line in self.notes))


def lengths_to(longest: int) -> tuple[int, ...]:
    """20, 40, … 1000, then 2000, 5000, 10000, …, up to `longest`, which is always the last."""
    found = list(range(STRIDE, min(longest, BLOCK) + 1, STRIDE))
    found += [d * 10**e for e in range(3, 10) for d in (1, 2, 5) if BLOCK < d * 10**e < longest]
    return tuple(found) if found and found[-1] == longest else (*found, longest)


def evaluate(
    network: DCDNetwork,
    task: Task,
    longest: int = 1000,
    words: int = 1000,
    stream: int = TEST,
    seed: int = 0,
    give_up: bool = False,
    report: Callable[[int], None] | None = None,
) -> Accuracy:
    """Accuracy at the lengths `lengths_to(longest)` over random words of one stream.

    Words of any length stream through in blocks of 1000 tokens, so memory does not grow with them.

    Arguments:
        network: classes are elements, tokens positions in the task's alphabet.
        task: what it should track.
        longest: the longest length.
        words: number of words.
        stream: `models.training.tasks.TEST`, or `VALIDATION` for choosing between models.
        seed: of the words.
        give_up: stop at the first length that is not above `THRESHOLD`.
        report: called with the number of tokens done.
    """
    wanted = lengths_to(longest)
    hidden = max((s.hidden for s in network.specifications[1:]), default=0)  # the first layer's is made token by token
    widest = max(hidden, *(max(s.readout, 2 * s.channels, network.classes) for s in network.specifications))
    piece = None if network.head_cases is not None else max(1, PIECE_ENTRIES // widest)
    state: Any = None
    current = np.zeros(words, dtype=np.int64)
    unbroken = np.ones(words, dtype=bool)
    last: list[float] = []
    whole: list[float] = []
    for block, start in enumerate(range(0, longest, BLOCK)):
        tokens = task.evaluation_words(stream, words, BLOCK, seed, block, current)[:, : longest - start]
        labels = task.labels(tokens, current)
        current = labels[:, -1]
        for begin, end in _pieces(start, tokens.shape[1], wanted):
            # After a wrong answer only those at the wanted lengths count.
            asked = np.repeat(unbroken[:, None], end - begin, axis=1)
            asked[:, -1] |= start + end in wanted
            part = torch.from_numpy(tokens[:, begin:end].copy())
            found, state = network.predict(part, state, piece, torch.from_numpy(asked))
            right = found.numpy() == labels[:, begin:end]
            unbroken &= right.all(axis=1)
            if start + end in wanted:
                last.append(float(right[:, -1].mean()))
                whole.append(float(unbroken.mean()))
                if give_up and not last[-1] > THRESHOLD:
                    return Accuracy(words, wanted[: len(last)], tuple(last), tuple(whole))
        if report is not None:
            report(start + tokens.shape[1])
    return Accuracy(words, wanted, tuple(last), tuple(whole))


def drawn_words(
    task: Task, stream: int, words: int, longest: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The words that `evaluate` judges by, and their labels, each (words, longest).

    Arguments:
        task: what is tracked.
        stream, words, seed, longest: as of `evaluate`.
    """
    parts: list[NDArray[np.int64]] = []
    labels: list[NDArray[np.int64]] = []
    current = np.full(words, int(task.tracked.start), dtype=np.int64)
    for block, start in enumerate(range(0, longest, BLOCK)):
        parts.append(task.evaluation_words(stream, words, BLOCK, seed, block, current)[:, : longest - start])
        labels.append(task.labels(parts[-1], current))
        current = labels[-1][:, -1]
    return np.concatenate(parts, axis=1), np.concatenate(labels, axis=1)


def accuracy_of_right(right: NDArray[np.bool_]) -> Accuracy:
    """Accuracies at the lengths `lengths_to` gives, of right and wrong answers (words, longest)."""
    lengths = lengths_to(right.shape[1])
    at = np.array(lengths) - 1
    whole = np.logical_and.accumulate(right, axis=1)[:, at].mean(axis=0)
    return Accuracy(len(right), lengths, tuple(right[:, at].mean(axis=0).tolist()), tuple(whole.tolist()))


def answers_to(run: Callable[[NDArray[np.int64]], NDArray[np.integer]], given: TaskWords) -> NDArray[np.int64]:
    """What a model answers to the words of a file, (words, longest); words of one length are run together.

    Arguments:
        run: numbers of letters (words, length) → answers of that shape.
        given: the words.
    """
    found = np.full_like(given.tokens, -1)
    for length in np.unique(given.lengths).tolist():
        rows = np.flatnonzero(given.lengths == length)
        found[rows, :length] = run(given.tokens[rows, :length].copy())
    return found


def accuracy_of(answers: NDArray[np.integer], given: TaskWords) -> Accuracy:
    """Accuracy of answers (words, length) to the words of a file: at each length over the words that have a label
    there. A word counts as whole where every label that is given up to there is right."""
    counted = given.given.sum(axis=0)
    labelled = (np.flatnonzero(counted) + 1).tolist()
    lengths = tuple(n for n in lengths_to(labelled[-1]) if n in labelled) if len(labelled) > BLOCK else tuple(labelled)
    right = answers == given.labels
    whole = np.logical_and.accumulate(right | ~given.given, axis=1)
    last = tuple(float(right[given.given[:, n - 1], n - 1].mean()) for n in lengths)
    unbroken = tuple(float(whole[given.given[:, n - 1], n - 1].mean()) for n in lengths)
    return Accuracy(len(answers), lengths, last, unbroken)


def _pieces(start: int, length: int, wanted: Sequence[int]) -> list[tuple[int, int]]:
    """Cuts of a block at the wanted lengths, relative to its start."""
    cuts = [0, *(n - start for n in wanted if start < n < start + length), length]
    return list(pairwise(cuts))
