"""Words on which a model is compared with what it should answer, and what a wrong one is cut down to.

Trials go from short words to long ones. Every word is compared after each of its letters; only a model that is read
after the whole word is compared there alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np

from ...common.brief import Brief
from ...common.errors import InputError
from ...common.wording import counted
from .moore import Asked, Integers, MooreMachine, Word

EXHAUSTED = 60_000
"""Letters of all words of a length, together, up to which all of them are run."""

TRANSITIONS = 20_000
"""Transitions that are followed, at most; of more a sample."""

TAIL = 8
"""Random letters after a transition."""

MIDDLE = 64
"""Letters of words of middling length."""

LONG_WORDS = 8
"""Random words of the greatest length."""

PIECE = 65_536
"""Letters of one batch of trials, at most, so that memory does not grow with the number of words."""


@dataclass(frozen=True)
class Trial:
    """Words of one sort that are run.

    Arguments:
        name: what they are, as the answer says it.
        words: shape (N, L).
    """

    name: str
    words: Integers


def depth_of(letters: int, budget: int = EXHAUSTED) -> int:
    """The greatest length all of whose words have at most `budget` letters together; at least 1."""
    depth = 1
    while depth < 16 and letters ** (depth + 1) * (depth + 1) <= budget:
        depth += 1
    return depth


def all_words(letters: int, length: int) -> Integers:
    """All words of a length, shape (letters^length, length), in lexicographic order."""
    grid = np.unravel_index(np.arange(letters**length), (letters,) * length)
    return np.stack(grid, axis=1).astype(np.int64)


def every_word(letters: int, whole: bool, budget: int = EXHAUSTED) -> Iterator[Trial]:
    """All words to the depth that the budget reaches; where only whole words are answered, length by length."""
    depth = depth_of(letters, budget)
    name = f"all words of up to {counted(depth, 'letter')}"
    for length in range(1 if whole else depth, depth + 1):
        yield Trial(name, all_words(letters, length))


def short_trials(machine: MooreMachine, letters: int, random: np.random.Generator) -> Iterator[Trial]:
    """Random words, the same for every machine, and each transition with a tail."""
    yield Trial(f"128 random words of {MIDDLE} letters", random.integers(letters, size=(128, MIDDLE)))
    pairs = [(word, x) for word in machine.access for x in range(letters)]
    name = f"each of {counted(len(pairs), 'transition')} with a tail of {TAIL} letters"
    if len(pairs) > TRANSITIONS:
        chosen = random.choice(len(pairs), TRANSITIONS, replace=False)
        name = f"{TRANSITIONS:,} of {name[8:]}"
        pairs = [pairs[i] for i in sorted(chosen.tolist())]
    by_length: dict[int, list[Word]] = {}
    for word, x in pairs:
        by_length.setdefault(len(word), []).append((*word, x))
    for some in by_length.values():
        tails = random.integers(letters, size=(len(some), TAIL))
        yield Trial(name, np.concatenate([np.array(some, dtype=np.int64), tails], axis=1))


def long_trials(
    letters: int, length: int, special: Callable[[int], Sequence[Word]], random: np.random.Generator
) -> Iterator[Trial]:
    """Adversarial words of middling length, then words far longer than any that was learnt from.

    Arguments:
        special: adversarial words of a length.
    """
    sizes = sorted({min(MIDDLE, length), length})
    for size in sizes:
        some = [word for word in special(size) if word]
        if size > MIDDLE:
            some = _spread(some, LONG_WORDS)
        by_length: dict[int, list[Word]] = {}
        for word in some:
            by_length.setdefault(len(word), []).append(word)
        for long, words in sorted(by_length.items()):
            yield Trial(f"{counted(len(words), 'adversarial word')} of {long:,} letters", np.array(words, np.int64))
    for size in sorted({min(256, length), length}):
        yield Trial(f"{LONG_WORDS} random words of {size:,} letters", random.integers(letters, size=(LONG_WORDS, size)))


def _spread(words: list[Word], count: int) -> list[Word]:
    """At most so many of some words, evenly spread among them."""
    return [words[i * len(words) // count] for i in range(count)] if len(words) > count else words


def plain_special(letters: int, length: int) -> list[Word]:
    """Adversarial words where nothing is known of a task: each letter alone, two in turn, one and then another."""
    some = range(min(letters, 64))
    words = [(x,) * length for x in some]
    pairs = list(islice(((x, y) for x, y in product(some, some) if x != y), 64))
    words += [((x, y) * length)[:length] for x, y in pairs]
    words += [(x,) * (length - length // 2) + (y,) * (length // 2) for x, y in pairs]
    return list(dict.fromkeys(words))


@dataclass(frozen=True, eq=False, repr=False)
class Wrong(Brief):
    """A word whose last letter is answered otherwise than wanted.

    Arguments:
        word: its letters.
        answer: what the model says.
        wanted: what it should say.
    """

    word: Word
    answer: int
    wanted: int


class Compared:
    """A model beside what it should answer.

    Arguments:
        asked: the model.
        wanted: words (N, L) to classes (N, L).
        whole: whether only the answer after the whole word counts, because the model gives no other.

    Attributes:
        tested: what was run and agreed up to the first difference: name → words.
    """

    def __init__(self, asked: Asked, wanted: Callable[[Integers], Integers], whole: bool) -> None:
        self.asked, self.wanted, self.whole = asked, wanted, whole
        self.tested: dict[str, int] = {}

    def first(self, words: Integers, keep: bool = False) -> Wrong | None:
        """The shortest beginning of some words after which the answer is not the wanted one; None where there is none.

        Words have shape (N, L). They are run in batches of at most `PIECE` letters; with `keep` once for all.
        """
        best: Wrong | None = None
        step = max(1, PIECE // max(1, words.shape[1]))
        for begin in range(0, len(words), step):
            some = words[begin : begin + step]
            answers, wanted = self.asked.kept(some) if keep else self.asked.run(some), self.wanted(some)
            wrong = answers != wanted
            if self.whole:
                wrong[:, :-1] = False
            places = np.flatnonzero(wrong.any(axis=0))
            if len(places) and (best is None or places[0] + 1 < len(best.word)):
                t = int(places[0])
                row = int(wrong[:, t].argmax())
                best = Wrong(tuple(some[row, : t + 1].tolist()), int(answers[row, t]), int(wanted[row, t]))
        return best

    def search(self, trials: Iterator[Trial]) -> Wrong | None:
        """The wrong beginning of the first trial that has one; what was run is entered in `tested`."""
        for trial in trials:
            self.tested[trial.name] = self.tested.get(trial.name, 0) + len(trial.words)
            found = self.first(trial.words, keep=True)
            if found is not None:
                return found
        return None

    def shrunk(self, wrong: Wrong, budget: int = 500_000) -> Wrong:
        """The same fault on a shorter word: letters are left out in blocks, smaller and smaller, while a beginning of
        what is left is answered wrongly.

        Arguments:
            budget: letters that may be run for it.
        """
        before = self.asked.asked
        size = max(1, len(wrong.word) // 2)
        while size:
            word = np.array(wrong.word, dtype=np.int64)
            length = len(word)
            if length <= 1 or self.asked.asked - before + length * max(1, length // size) > budget:
                break
            starts = range(0, length - size + 1, size)
            less = np.array([np.delete(word, np.s_[i : i + size]) for i in starts]).reshape(len(starts), -1)
            found = self.first(less) if less.shape[1] else None
            if found is None:
                size //= 2
            else:
                wrong = found
                size = min(size, max(1, len(wrong.word) // 2))
        return wrong


def longest_taken(run: Callable[[Integers], Any], length: int) -> tuple[int, str]:
    """The longest of `length`, and of its halves, that a model takes at all; and what it says of longer words.

    Arguments:
        run: words to answers; may raise.

    Raises:
        InputError: it takes not even a word of one letter; what it says.
    """
    said = ""
    while length:
        try:
            run(np.zeros((1, length), dtype=np.int64))
        except (InputError, RuntimeError, IndexError, ValueError) as error:
            if length == 1:
                raise
            said = said or " ".join(str(error).split())[:160]
            length //= 2
        else:
            return length, said
    raise InputError("words of no letters; wanted a length of 1 or more")
