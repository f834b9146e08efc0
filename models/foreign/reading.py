"""How a model is read: which token ids are letters, what stands around a word, where and how the answer is read.

    {"letters": [5, 6, 7], "before": [0], "answer": "every", "classes": [5, 6, 7]}

A field that is left out has its default. Everything is checked before anything runs, and a message names the field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.brief import Brief
from ...common.errors import InputError, unknown_setting
from ...common.reading import parse_json, read_json

Tokens = NDArray[np.int64]

NO_ANSWER, OTHER = -1, -2
"""In place of a class: the reading has no answer at that position; and what the model finds most likely is no answer
(or not a number)."""

EVERY, LAST, NEXT = "every", "last", "next"
ANSWERS = (EVERY, LAST, NEXT)

RIGHT, OWN = "right", "own"
BETWEEN = (RIGHT, OWN)
"""What stands between letters: the right answers (teacher forced), or the model's own (free-running)."""

LARGEST_FILE = 1 << 24
"""Bytes of a reading that are read at most."""

EXAMPLE = '{"letters": [5, 6], "before": [0], "answer": "every", "classes": [5, 6]}'

Spelling = tuple[int, ...]


@dataclass(frozen=True, repr=False)
class Reading(Brief):
    """How a model is read. What is None follows from the model and from what it should track.

    Arguments:
        letters: for each letter its token id, or the ids that spell it; default: letter i is id i. A mapping has the
            letters' names as keys.
        before, after: ids before and behind every word, such as BOS, or the sign behind which an answer is asked for.
        answer: where it is read. `every`: at the last token of every letter. `last`: only at the last token of all,
            of words that are run as they are (a model that may look ahead, or has a final label alone). `next`: as
            `last`, of a language model that answers by its next token: the most likely of all its tokens must be it.
        classes: for each class the number of its logit; default: class j is logit j. A mapping has names as keys.
        among: `answers`: the largest of the classes' logits is the answer. `all`: the largest of all logits is, and
            may be no class. Default: `all` with `next`, else `answers`.
        pad: an id to fill rows with; default: the model's own, else that of a letter.
        between: whether answers stand between the letters, x₁ y₁ x₂ y₂ …: `right` puts the right ones there (teacher
            forced), `own` those that the model gives (free-running: the most likely answer is fed back). The id of an
            answer is the number of its logit. Default: nothing stands there.

    Example:
        >>> Reading.of({"letters": [3, 4], "before": [0]}).answer
        'every'
    """

    letters: tuple[Spelling, ...] | Mapping[str, Spelling] | None = None
    before: Spelling = ()
    after: Spelling = ()
    answer: str = EVERY
    classes: tuple[int, ...] | Mapping[str, int] | None = None
    among: str | None = None
    pad: int | None = None
    between: str | None = None

    @classmethod
    def of(cls, given: Reading | Mapping[str, Any] | str | Path | None) -> Reading:
        """A reading from a mapping, from JSON text that begins with a brace, or from the JSON file of that name.

        Raises:
            InputError: a field is unknown or has a value that cannot be used; the message names it.
        """
        if isinstance(given, Reading):
            return given
        if given is None:
            return cls()
        source = "reading"
        if isinstance(given, str | Path):
            source, wanted = str(given)[:200], f"wanted a reading, e.g. {EXAMPLE}"
            if source.lstrip().startswith("{"):
                source, given = "reading", parse_json(str(given), "reading", wanted=wanted)
            else:
                given = read_json(given, limit=LARGEST_FILE, wanted=wanted)
        if not isinstance(given, Mapping):
            raise InputError(f"{source}: a {type(given).__name__}; wanted an object of fields, e.g. {EXAMPLE}")
        known = {one.name for one in fields(cls)}
        try:
            for name in given:
                if name not in known:
                    raise unknown_setting(name, known)
            return cls(**{name: _CHECKS[name](name, value) for name, value in given.items() if value is not None})
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    def resolved(
        self,
        letter_names: Sequence[str] | int | None,
        class_names: Sequence[str] | int | None,
        ids: int | None = None,
        logits: int | None = None,
    ) -> Reading:
        """The same with every field filled in, for a number of letters and of classes.

        Arguments:
            letter_names, class_names: of what is tracked, or how many; None for as many as the reading, or the model,
                has.
            ids, logits: how many token ids, and logits at a position, the model has; None where nobody knows.

        Raises:
            InputError: it does not fit; the message names the field.
        """
        letters = _table("letters", self.letters, letter_names, ids, lambda i: (i,))
        classes = _table("classes", self.classes, class_names, logits, lambda j: j)
        for field, used in (("letters", sum(letters, ())), ("before", self.before), ("after", self.after)):
            _require_below(field, used, ids, "token ids")
        if self.pad is not None:
            _require_below("pad", (self.pad,), ids, "token ids")
        _require_below("classes", classes, logits, "logits")
        if self.answer == EVERY and self.after:
            raise InputError(
                "after: with the answer at every position nothing stands behind a word; wanted "
                '"answer": "last", or "next"'
            )
        if self.between is not None:
            if self.answer != EVERY:
                raise InputError(
                    f'between: answers stand behind every letter, and are read there; with "answer": "{self.answer}" '
                    'only what follows the whole word is; wanted "answer": "every"'
                )
            if self.between == OWN and self.among == "all":
                raise InputError(
                    'between: with "own" the most likely of the answers is fed back; wanted "among": "answers"'
                )
            if ids is not None and max(classes, default=0) >= ids:
                raise InputError(
                    f"between: answers are read as input too, and class {max(classes):,} is no token id of the model, "
                    f"which has {ids:,}; wanted classes below that"
                )
        among = self.among or ("all" if self.answer == NEXT else "answers")
        pad = letters[0][-1] if self.pad is None else self.pad
        return replace(self, letters=tuple(letters), classes=tuple(classes), among=among, pad=pad)

    @property
    def spellings(self) -> tuple[Spelling, ...]:
        """The ids of every letter, once resolved."""
        assert isinstance(self.letters, tuple)
        return self.letters

    @property
    def logits(self) -> tuple[int, ...]:
        """The logit of every class, once resolved."""
        assert isinstance(self.classes, tuple)
        return self.classes

    def tokens(self, words: Tokens, answers: Tokens | None = None) -> tuple[Tokens, Tokens]:
        """Words (n, length) as token ids (n, tokens), and at which token each letter's answer is read, (n, length).

        Rows that are shorter than others are filled up on the right with `pad`.

        Arguments:
            words: numbers of letters.
            answers: the classes that stand behind the letters, (n, length), where `between` says that some do; a
                negative one is written as the first class.

        Example:
            >>> found = Reading.of({"letters": [3, [4, 5]], "before": [0]}).resolved(2, 2)
            >>> [array.tolist() for array in found.tokens(np.array([[0, 1]]))]
            [[[0, 3, 4, 5]], [[1, 3]]]
            >>> found = Reading.of({"classes": [7, 8], "between": "right"}).resolved(2, 2)
            >>> [array.tolist() for array in found.tokens(np.array([[1, 0]]), np.array([[1, 1]]))]
            [[[1, 8, 0, 8]], [[0, 2]]]
        """
        spelt = self.spellings
        sizes = np.array([len(one) for one in spelt], dtype=np.int64)
        n, length = words.shape
        ends = len(self.before) - 1 + np.cumsum(sizes[words], axis=1)
        if self.between is not None:
            ends += np.arange(length)
        used = ends[:, -1] + 1 + (self.between is not None) if length else np.full(n, len(self.before))
        ids = np.full((n, int(used.max(initial=0)) + len(self.after)), self.pad, dtype=np.int64)
        ids[:, : len(self.before)] = self.before
        for k in range(int(sizes.max())):  # the k-th token of every letter that has one
            table = np.array([one[k] if k < len(one) else 0 for one in spelt])
            rows, columns = np.nonzero(sizes[words] > k)
            ids[rows, (ends - sizes[words])[rows, columns] + 1 + k] = table[words[rows, columns]]
        if self.between is not None:
            assert answers is not None, "nobody says what stands between the letters"
            ids[np.arange(n)[:, None], ends + 1] = np.array(self.logits)[np.maximum(answers, 0)]
        for k, token in enumerate(self.after):
            ids[np.arange(n), used + k] = token
        if self.answer != EVERY and length:
            ends = np.full_like(ends, NO_ANSWER)
            ends[:, -1] = used - 1 + len(self.after)
        return ids, ends

    def describe(self) -> str:
        """In a line: what is not as by default."""
        parts = [] if not self.before else [f"before a word {' '.join(map(str, self.before))}"]
        parts += [f"behind it {' '.join(map(str, self.after))}"] if self.after else []
        fed = {RIGHT: "the right answers between letters", OWN: "its own answers between letters"}
        parts += [fed[self.between]] if self.between else []
        where = {EVERY: "an answer at every letter", LAST: "an answer behind the word", NEXT: "the next token answers"}
        return ", ".join([*parts, where[self.answer]])


def _ids(field: str, value: Any) -> Spelling:
    given = [value] if _is_number(value) else value
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(map(_is_number, given)):
        raise InputError(f"{field}: {str(value)[:40]!r}; wanted token ids, e.g. [0]")
    return tuple(int(x) for x in given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(0 <= value < 2**31)


def _number(field: str, value: Any) -> int:
    if not _is_number(value):
        raise InputError(f"{field}: {str(value)[:40]!r}; wanted a number from 0 on, e.g. 3")
    return int(value)


def _each(one: Any) -> Any:
    def check(field: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, Mapping):
            return {str(name): one(field, entry) for name, entry in value.items()}
        if isinstance(value, str) or not isinstance(value, Sequence) or not len(value):
            raise InputError(f"{field}: {str(value)[:40]!r}; wanted a list, one entry each, e.g. [5, 6]")
        return tuple(one(field, entry) for entry in value)

    return check


def _one_of(*names: str) -> Any:
    def check(field: str, value: Any) -> str:
        if value not in names:
            raise InputError(f"{field}: {str(value)[:40]!r}; wanted one of {', '.join(names)}")
        return str(value)

    return check


def _spelling(field: str, value: Any) -> Spelling:
    ids = _ids(field, value)
    if not ids:
        raise InputError(f"{field}: a letter without ids; wanted at least one each, e.g. [[5], [6, 7]]")
    return ids


_CHECKS: dict[str, Any] = {
    "letters": _each(_spelling),
    "before": _ids,
    "after": _ids,
    "answer": _one_of(*ANSWERS),
    "classes": _each(_number),
    "among": _one_of("answers", "all"),
    "pad": _number,
    "between": _one_of(*BETWEEN),
}


def _table(field: str, given: Any, names: Sequence[str] | int | None, most: int | None, default: Any) -> list[Any]:
    """One entry for each name, in order; all different."""
    count = names if isinstance(names, int) or names is None else len(names)
    if given is None:
        count = most if count is None else count
        if count is None:
            raise InputError(f"{field}: the reading does not say which they are; wanted them, or what is tracked: S3")
        found = [default(i) for i in range(count)]
    elif isinstance(given, Mapping):
        if names is None or isinstance(names, int):
            raise InputError(f"{field}: by name, and nothing says which names there are; wanted a list, e.g. [5, 6]")
        if missing := next((name for name in names if name not in given), None):
            raise InputError(f"{field}: {missing[:40]!r} is missing; wanted all of {', '.join(names)[:200]}")
        if more := next((name for name in given if name not in set(names)), None):
            raise InputError(f"{field}: {more[:40]!r} is none of {', '.join(names)[:200]}")
        found = [given[name] for name in names]
    else:
        found = list(given)
    if count is not None and len(found) != count:
        raise InputError(f"{field}: {len(found):,} given; wanted {count:,}, one for each of what is tracked")
    seen: dict[Any, int] = {}
    for i, one in enumerate(found):
        if one in seen:
            told = " ".join(map(str, one)) if isinstance(one, tuple) else one
            raise InputError(f"{field}: {told} stands for both {seen[one]} and {i}; wanted different ones")
        seen[one] = i
    return found


def _require_below(field: str, used: Sequence[int], most: int | None, what: str) -> None:
    if most is not None and max(used, default=0) >= most:
        raise InputError(f"{field}: {max(used):,} is used, and the model has {most:,} {what}, 0 to {most - 1:,}")
