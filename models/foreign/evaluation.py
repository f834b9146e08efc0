"""How far a model of others is right: on random words of growing length, on adversarial ones, and read in other ways.

A model whose answers are read at every letter is run once on words of the longest length: its answer after T letters
counts for the length T. Words stream through in batches and are not kept, so that memory is bounded by one batch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import cycles
from ...algebra.tracked import Tracked, TrackedGroup
from ...common.errors import InputError
from ...common.folders import digest
from ...common.reading import read_json
from ...common.writing import write_file
from ..training.evaluation import Accuracy, FirstWrong, SortAccuracy, WayAccuracy, lengths_to
from ..training.tasks import TEST, Task
from ..training.word_files import TaskWords
from .model import ENTRIES, ForeignModel
from .reading import EVERY, NO_ANSWER, OTHER
from .ways import WAYS, Left, Way, way_of, why_not
from .words import words_by_sort

BLOCK = 16
"""Words are drawn so many at a time, by a seed of their own: which words there are does not depend on the batch."""

LAST_LENGTHS = (1, 2, 5, 10, 20, 40, 60, 100, 200, 300, 500)
"""Lengths up to 1,000 at which a model is asked that answers behind the word alone: every word is run for itself."""

LONGEST_PASS = 64 * ENTRIES
"""One word must fit: about 8 GiB in float32."""

WAY_WORDS, WAY_LENGTH = 16, 100
"""How many words, and of which length, are read in every way."""

LARGEST_STATE = 1 << 24
"""Bytes of an evaluation's file that are read at most."""


class Evaluation:
    """Counts of right answers, which can be stopped and taken up again.

    Arguments:
        model: whose answers they are.
        task: what it should track.
        longest: of the words.
        words: their number.
        seed: of the words.
        path: a file that holds the counts so far; None for none.

    Raises:
        InputError: a word of that length does not fit into memory, or the file is about something else.
    """

    def __init__(
        self, model: ForeignModel, task: Task, longest: int, words: int, seed: int, path: Path | None = None
    ) -> None:
        self.model, self.task, self.words, self.seed, self.path = model, task, words, seed, path
        self.everywhere = model.reading.answer == EVERY
        known = lengths_to(longest)
        if not self.everywhere:
            known = tuple(sorted({n for n in LAST_LENGTHS if n < longest} | {n for n in known if n > 1000} | {longest}))
        self.lengths = known
        model.require_length(longest, LONGEST_PASS)
        self.done = 0
        self.last = np.zeros(len(known), dtype=np.int64)
        self.whole = np.zeros(len(known), dtype=np.int64)
        if path is not None and path.exists():
            self._restore(path)

    def _question(self) -> dict[str, Any]:
        """What was asked, for a file of counts."""
        tracked, model = self.task.tracked, self.model
        weights = sorted(model.folder.glob("*.safetensors")) if model.folder is not None else []
        return {
            "model": model.name,
            "weights": [_file_digest(path) for path in weights],
            "reading": json.loads(json.dumps(asdict(model.reading))),
            "tracked": digest(tracked.moves.tobytes() + repr(tracked.start).encode()),
            "lengths": list(self.lengths),
            "words": self.words,
            "seed": self.seed,
        }

    def _restore(self, path: Path) -> None:
        state = read_json(path, dict, limit=LARGEST_STATE, wanted="wanted a file that an earlier evaluate wrote")
        if state.get("question") != self._question():
            old = state.get("question")
            asked = self._question().items()
            other = [name for name, value in asked if not isinstance(old, dict) or old.get(name) != value]
            raise InputError(f"{path}: is about another {', '.join(other)}; give another file, or delete it")
        try:
            self.done = int(state["done"])
            self.last[:], self.whole[:] = state["last"], state["whole"]
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{path}: is damaged; delete it") from None
        if not 0 <= self.done <= self.words or (self.last > self.done).any() or (self.whole > self.last).any():
            raise InputError(f"{path}: is damaged; delete it")

    def _keep(self) -> None:
        if self.path is not None:
            state = {
                "question": self._question(),
                "done": self.done,
                "last": self.last.tolist(),
                "whole": self.whole.tolist(),
            }
            write_file(self.path, json.dumps(state))

    def run(self, report: Callable[[int], None] | None = None) -> None:
        """Count all words that are not counted yet.

        Arguments:
            report: called with the number of words done.
        """
        for batch in self._batches():
            if self.everywhere:
                self._count(batch)
            else:
                for place, length in enumerate(self.lengths):
                    found = self.model.answers(batch[:, :length])[:, -1]
                    right = int((found == self.task.labels(batch[:, :length], self.start)[:, -1]).sum())
                    self.last[place] += right
                    self.whole[place] += right
            self.done += len(batch)
            self._keep()
            if report is not None:
                report(self.done)

    @property
    def start(self) -> int:
        """What the empty word leads to."""
        return int(self.task.tracked.start)

    def _count(self, batch: NDArray[np.int64]) -> None:
        right = self.model.answers(batch) == self.task.labels(batch, self.start)
        at = np.array(self.lengths) - 1
        self.last += right[:, at].sum(axis=0)
        self.whole += np.logical_and.accumulate(right, axis=1)[:, at].sum(axis=0)

    def _batches(self) -> Iterator[NDArray[np.int64]]:
        longest = self.lengths[-1]
        size = self.model.batch_for(self.model.most_tokens(longest))
        while self.done < self.words:
            stop = min(self.words, self.done + size)
            parts = []
            for block in range(self.done // BLOCK, -(-stop // BLOCK)):
                drawn = self.task.evaluation_words(TEST, BLOCK, longest, self.seed, block, self.start)
                parts.append(drawn[max(0, self.done - block * BLOCK) : stop - block * BLOCK])
            yield np.concatenate(parts)

    def accuracy(self) -> Accuracy:
        """What was counted. Raises `InputError` before any word was."""
        if not self.done:
            raise InputError("no word was run")
        whole = tuple((self.whole / self.done).tolist())
        folder = self.model.name
        last = tuple((self.last / self.done).tolist())
        return Accuracy(self.done, self.lengths, last, whole, self.task.name, folder)


def labelled_answers(model: ForeignModel, given: TaskWords) -> NDArray[np.int64]:
    """Answers to the words of a file, (words, length), wherever one is labelled.

    Arguments:
        model: whose answers they are.
        given: the words.
    """
    if model.reading.answer == EVERY:
        return model.answers(given.tokens)
    found = np.full(given.tokens.shape, NO_ANSWER, dtype=np.int64)
    for t in np.flatnonzero(given.given.any(axis=0)).tolist():
        rows = np.flatnonzero(given.given[:, t])
        found[rows, t] = model.answers(given.tokens[rows, : t + 1])[:, -1]
    return found


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def by_sort(model: ForeignModel, tracked: Tracked, length: int) -> tuple[SortAccuracy, ...]:
    """How far a model is right on adversarial words of a length.

    Arguments:
        model: whose answers they are.
        tracked: what it should track.
        length: of the words; a model that answers behind the word alone is asked at a few lengths.
    """
    found = []
    for name, words in words_by_sort(tracked, length).items():
        labels = np.array([tracked.run(word) for word in words], dtype=np.int64)
        if model.reading.answer == EVERY:
            wrong = model.answers(words) != labels
        else:
            wrong = np.zeros(words.shape, dtype=bool)
            for n in sorted({n for n in LAST_LENGTHS if n < length} | {length}):
                wrong[:, n - 1] = model.answers(words[:, :n])[:, -1] != labels[:, n - 1]
        first = np.where(wrong.any(axis=1), wrong.argmax(axis=1), length)
        worst = int(first.argmin())
        until = int(first[worst])
        example = None
        if until < length:
            word = words[worst, : until + 1]
            answer = int(model.answers(word[None])[0, -1])
            names = names_of(tracked)[1]
            said = {NO_ANSWER: "nothing", OTHER: "no answer"}.get(answer) or names[answer]
            example = FirstWrong(tuple(word.tolist()), names[int(labels[worst, until])], said, described(tracked, word))
        found.append(SortAccuracy(name, len(words), length, until, example))
    return tuple(found)


def names_of(tracked: Tracked) -> tuple[Sequence[str], Sequence[str]]:
    """What letters and classes are called for people: a group's elements in cycle notation."""
    if isinstance(tracked, TrackedGroup):
        elements = [cycles(row) for row in tracked.group.elements]
        return [elements[int(x)] for x in tracked.alphabet], elements
    return tracked.letter_names, tracked.class_names


def described(tracked: Tracked, word: Sequence[int] | NDArray[np.int64]) -> str:
    """A word with repeated letters as powers, cut where it is long: `(1,2)^64 () …`."""
    names, parts = names_of(tracked)[0], []
    word = np.asarray(word)
    cuts = [0, *(np.flatnonzero(np.diff(word)) + 1).tolist(), len(word)]
    for a, b in pairwise(cuts):
        parts.append(names[int(word[a])] + (f"^{b - a}" if b - a > 1 else ""))
        if len(parts) > 10:
            return " ".join([*parts[:10], "…"])
    return " ".join(parts)


def by_way(model: ForeignModel, task: Task, ways: Sequence[str], length: int) -> tuple[WayAccuracy, ...]:
    """What a model answers, read in several ways, on some random and some adversarial words.

    Arguments:
        model: whose answers they are.
        task: what it should track.
        ways: names of `ways.WAYS`.
        length: of the words, at most `WAY_LENGTH`.
    """
    size = min(length, WAY_LENGTH)
    start = int(task.tracked.start)
    hard = [words[0] for words in words_by_sort(task.tracked, size).values()][: WAY_WORDS // 2]
    drawn = task.evaluation_words(TEST, WAY_WORDS - len(hard), size, 0, 0, start)
    words = np.concatenate([drawn, np.array(hard, dtype=np.int64).reshape(-1, size)])
    labels = task.labels(words, start)
    whole = model.answers(words)
    asked = whole != NO_ANSWER
    found = []
    for name in dict.fromkeys(("whole", *ways)):
        if reason := why_not(model, name):
            found.append(WayAccuracy(name, WAYS[name][1], None, 0, int(asked.sum()), f"not run: {reason}"))
            continue
        try:
            way = way_of(model, name)
            if model.reading.answer == EVERY:  # together, as the padding of a row depends on the others
                answers = whole if name == "whole" else model.in_one_batch(words, way)
            else:
                answers = whole if name == "whole" else model.answers(words, way=way)
        except InputError as error:
            found.append(WayAccuracy(name, WAYS[name][1], None, 0, int(asked.sum()), f"not run: {error}"))
            continue
        right = float((answers == labels)[asked].mean())
        other = (answers != whole) & asked
        said = _difference(model, way, words, other) if other.any() else ""
        found.append(WayAccuracy(name, WAYS[name][1], right, int(other.sum()), int(asked.sum()), said))
    return tuple(found)


def _difference(model: ForeignModel, way: Way, words: NDArray[np.int64], other: NDArray[np.bool_]) -> str:
    """Where a way first answers otherwise than one pass."""
    _, ends = model.tokens(words)
    used = ends.max(axis=1) + 1
    rows = np.flatnonzero(other.any(axis=1))
    tokens = ends[rows, other[rows].argmax(axis=1)]
    if model.reading.answer != EVERY:
        return "another answer behind the word"
    if isinstance(way, Left):
        own = way.prompts(used)[rows]
        worst = int(np.argmin(tokens - own))
        where = f"in a padded batch {way.said(int(tokens[worst]), int(own[worst]))}"
    elif way.name == "bfloat16":
        where = f"in bfloat16 {way.where(int(tokens.min()), int(used.max()))}"
    elif way.name == "cached":
        where = f"by its cache {way.where(int(tokens.min()), int(used.max()))}"
    else:
        where = f"in pieces {way.where(int(tokens.min()), int(used.max()))}"
    return f"another answer {where}"
