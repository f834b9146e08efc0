"""Words as a person writes them, and answers as a person reads them: `DCDNetwork.encode` and `.decode`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from ..algebra.arithmetic.permutations import cycles
from ..algebra.input.elements import parse_elements
from ..algebra.tracked import Tracked, TrackedGroup
from ..common.errors import InputError
from ..common.wording import short

__all__ = ["answers", "encode", "letters"]

_PERMUTATIONS = re.compile(r"(?:\([^()]*\))+|[0-9]+")
"""Cycles that touch are one permutation, as in GAP; a space, a comma or a semicolon begins the next letter."""

SHOWN = 6
"""Most letters that a message names."""


def letters(tracked: Tracked, word: str | Sequence[str | int]) -> list[int]:
    """The numbers of the letters that a word spells.

    Arguments:
        tracked: what has the letters.
        word: of a group `(1,2) (1,2,3)`, or numbers of elements; of an automaton names of letters with spaces between
            them, or without where every name is one character; or a list of such letters.

    Raises:
        InputError: a letter is none of its letters.
    """
    if isinstance(tracked, TrackedGroup):
        text = word if isinstance(word, str) else "; ".join(map(str, word))
        if rest := _PERMUTATIONS.sub("", text).strip(" ,;\t\n"):
            raise InputError(f"cannot read {rest[:20]!r} in the word {text[:40]!r}; wanted e.g. '(1,2) (1,2,3)'")
        parts = [int(x) if x.isdigit() else x for x in _PERMUTATIONS.findall(text)]
        place = {int(element): i for i, element in enumerate(tracked.alphabet)}
        known = {part: _element(tracked, part) for part in dict.fromkeys(parts)}
        spelt: list[str | int] = list(parts)
        found = [place.get(known[part]) for part in parts]
    else:
        place_of = {name: i for i, name in enumerate(tracked.letter_names)}
        spelt = list(word.split() if isinstance(word, str) else word)
        if isinstance(word, str) and len(spelt) == 1 and word not in place_of and max(map(len, place_of)) == 1:
            spelt = list(word)
        found = [place_of.get(str(part)) for part in spelt]
    if None in found:
        some = ", ".join(_names(tracked)[:SHOWN]) + (", …" if tracked.count > SHOWN else "")
        wrong = spelt[found.index(None)]
        own = f"the {tracked.count} letters of {short(tracked.name)}: {some}"
        raise InputError(f"{str(wrong)[:40]!r} is no letter here; {own}")
    return [number for number in found if number is not None]


def _element(tracked: TrackedGroup, part: str | int) -> int:
    return int(tracked.group.index_of(parse_elements(tracked.group, f"{part};"))[0])


def _names(tracked: Tracked) -> list[str]:
    if isinstance(tracked, TrackedGroup):
        return [cycles(tracked.group.elements[element]) for element in tracked.alphabet]
    return list(tracked.letter_names)


def encode(tracked: Tracked, words: str | Sequence[str | int] | Sequence[Sequence[str | int]]) -> Tensor:
    """Words as tokens, int64 (batch, length); see `DCDNetwork.encode`."""
    if isinstance(words, str) or (len(words) and all(isinstance(x, int) for x in words)):
        words = [words]  # type: ignore[list-item]
    found = [letters(tracked, word) for word in words]  # type: ignore[arg-type]
    if len({len(word) for word in found}) > 1:
        sizes = ", ".join(str(len(word)) for word in found[:SHOWN])
        raise InputError(f"words of {sizes} letters; wanted words of one length, or one word at a time")
    return torch.tensor(found, dtype=torch.int64).reshape(len(found), -1)


def answers(tracked: Tracked, found: Tensor) -> list[list[str]]:
    """What logits (batch, length, classes), or numbers of classes (batch, length), say; see `DCDNetwork.decode`."""
    wanted = f"logits (batch, length, {tracked.classes}), or numbers of classes (batch, length)"
    if not isinstance(found, Tensor):
        raise InputError(f"decode: got {type(found).__name__}; wanted {wanted}")
    if found.is_floating_point() and found.dim() == 3 and found.shape[-1] == tracked.classes:
        found = found.argmax(-1)
    if found.is_floating_point() or found.dtype == torch.bool or found.dim() != 2:
        raise InputError(f"decode: got {found.dtype} {tuple(found.shape)}; wanted {wanted}")
    if found.numel() and not 0 <= int(found.min()) <= int(found.max()) < tracked.classes:
        raise InputError(f"decode: a class beyond 0 … {tracked.classes - 1}; wanted {wanted}")
    numbers = found.unique().tolist()
    if isinstance(tracked, TrackedGroup):
        names = {number: cycles(tracked.group.elements[number]) for number in numbers}
    else:
        names = {number: tracked.class_names[number] for number in numbers}
    return [[names[number] for number in row] for row in found.tolist()]
