"""Words too long to write out: concatenations and powers of shorter words, shared where they repeat.

A `PowerWord` is an expression, a directed graph whose leaves are tokens (positions in an alphabet). Its length and its
product in a group are found without expanding it, so that words of 10³⁰ tokens can be written on a line, checked and
compared. As a text it is a list of definitions, the last of which is the word::

    A = 3 5 ; B = 5 3 ; A 2^17 B

Tokens are separated by blanks, `^` is a power, parentheses group, capital names stand for words defined before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...common.brief import Brief
from ...common.errors import InputError

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False, repr=False)
class PowerWord(Brief):
    """A word as an expression.

    Arguments:
        token: the position in the alphabet, for a single token; else -1.
        parts: the factors of a concatenation, each a word and its exponent ≥ 0; empty for a token (and for the empty
            word).
    """

    token: int = -1
    parts: tuple[tuple[PowerWord, int], ...] = ()

    @staticmethod
    def of(*parts: PowerWord | int) -> PowerWord:
        """The concatenation of words and tokens."""
        words = [part if isinstance(part, PowerWord) else PowerWord(part) for part in parts]
        return (
            words[0]
            if len(words) == 1
            else PowerWord(parts=tuple((word, 1) for word in words if word.token >= 0 or word.parts))
        )

    def power(self, exponent: int) -> PowerWord:
        """The word repeated, exponent ≥ 0."""
        return self if exponent == 1 else PowerWord(parts=((self, exponent),) if exponent else ())

    @cached_property
    def length(self) -> int:
        """The number of tokens, exact at any size."""
        return 1 if self.token >= 0 else sum(word.length * exponent for word, exponent in self.parts)

    def nodes(self) -> list[PowerWord]:
        """Every word in the expression once, parts before what they are part of; the word itself last."""
        found: list[PowerWord] = []
        seen: set[int] = set()
        stack: list[tuple[PowerWord, bool]] = [(self, False)]
        while stack:
            word, done = stack.pop()
            if done:
                found.append(word)
            elif id(word) not in seen:
                seen.add(id(word))
                stack.append((word, True))
                stack.extend((part, False) for part, _ in reversed(word.parts))
        return found

    def fold(
        self,
        token: Callable[[int], Value],
        join: Callable[[Value, Value], Value],
        power: Callable[[Value, int], Value],
        empty: Value,
    ) -> Value:
        """Evaluate in any monoid; every shared part is evaluated once."""
        values: dict[int, Value] = {}
        for word in self.nodes():
            if word.token >= 0:
                values[id(word)] = token(word.token)
                continue
            value = empty
            for place, (part, exponent) in enumerate(word.parts):
                factor = values[id(part)] if exponent == 1 else power(values[id(part)], exponent)
                value = factor if place == 0 else join(value, factor)
            values[id(word)] = value
        return values[id(self)]

    def product(self, group: Group, alphabet: Sequence[int] | NDArray[np.integer]) -> int:
        """The product in the group, an element index; token i stands for the element `alphabet[i]`."""
        return self.fold(lambda token: int(alphabet[token]), group.times, group.power, 0)

    def tokens(self) -> NDArray[np.int64]:
        """All tokens, shape (length,)."""
        return self.fold(
            lambda token: np.array([token], dtype=np.int64),
            lambda a, b: np.concatenate([a, b]),
            np.tile,
            np.empty(0, dtype=np.int64),
        )

    def __str__(self) -> str:
        uses: dict[int, int] = {}
        nodes = self.nodes()
        for word in nodes:
            for part, _ in word.parts:
                uses[id(part)] = uses.get(id(part), 0) + 1
        names: dict[int, str] = {}
        definitions: list[str] = []

        def shown(word: PowerWord) -> str:
            if word.token >= 0:
                return str(word.token)
            if id(word) in names:
                return names[id(word)]
            pieces = []
            for part, exponent in word.parts:
                text = shown(part)
                if exponent == 1:
                    pieces.append(text)
                else:
                    pieces.append(
                        f"{text}^{exponent}" if re.fullmatch(r"\d+|[A-Z]\d*", text) else f"({text})^{exponent}"
                    )
            return " ".join(pieces) or "()"

        for word in nodes[:-1]:
            if uses[id(word)] > 1 and word.parts:
                text = shown(word)
                if len(text) > 12:
                    names[id(word)] = name = _name(len(definitions))
                    definitions.append(f"{name} = {text}")
        return " ; ".join([*definitions, shown(self)])


def _name(number: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 26] + (str(number // 26) if number >= 26 else "")


def parse_word(text: str) -> PowerWord:
    """The word that `str(word)` wrote. Raises `InputError` for anything else."""
    defined: dict[str, PowerWord] = {}
    *definitions, last = text.split(";")
    for definition in definitions:
        name, equals, body = definition.partition("=")
        if not equals or not re.fullmatch(r"[A-Z]\d*", name.strip()):
            raise InputError(f"cannot read the definition {definition.strip()[:40]!r}; wanted e.g. A = 3 5")
        defined[name.strip()] = _parse_expression(body, defined)
    return _parse_expression(last, defined)


def _parse_expression(text: str, defined: dict[str, PowerWord]) -> PowerWord:
    pieces = re.findall(r"[A-Z]\d*|\d+|[()^]|\S", text)
    open_: list[list[tuple[PowerWord, int]]] = [[]]
    stream: Iterator[str] = iter(pieces)
    for piece in stream:
        if piece == "(":
            open_.append([])
        elif piece == ")" and len(open_) > 1:
            inner = open_.pop()
            open_[-1].append((PowerWord(parts=tuple(inner)), 1))
        elif piece == "^" and open_[-1]:
            exponent = next(stream, "")
            if not exponent.isdigit():
                raise InputError(
                    f"cannot read the exponent {exponent!r} in {text.strip()[:40]!r}; wanted e.g. (3 5)^17"
                )
            open_[-1][-1] = (open_[-1][-1][0], int(exponent))
        elif piece.isdigit():
            open_[-1].append((PowerWord(int(piece)), 1))
        elif piece in defined:
            open_[-1].append((defined[piece], 1))
        else:
            raise InputError(
                f"cannot read {piece!r} in the word {text.strip()[:40]!r}; "
                "wanted tokens, powers and names, e.g. A 2^17 B"
            )
    if len(open_) != 1:
        raise InputError(f"a parenthesis is not closed in {text.strip()[:40]!r}")
    parts = open_[0]
    return parts[0][0] if len(parts) == 1 and parts[0][1] == 1 else PowerWord(parts=tuple(parts))
