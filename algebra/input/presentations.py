"""Presentations as they are written: `<a, b | a^2, b^3, (a*b)^2>`, `⟨a, b | a² = b³ = (ab)² = 1⟩`, `[a,b]`, `a^b`.

    presentation := "<" name ("," name)* "|" relation ("," relation)* ">"
    relation     := word ("=" word)*
    word         := power (("*" | "·")? power)*
    power        := atom ("^" (number | atom))*
    atom         := name | "1" | "(" word ")" | "[" word "," word "]"

Powers x^y of one word by another are conjugates y⁻¹xy, and [x, y] is x⁻¹y⁻¹xy, as in GAP. Where generators are single
letters they may stand side by side, and a capital letter that is no generator is the inverse of the small one.
"""

from __future__ import annotations

import re
from typing import NoReturn

from ...common.errors import InputError
from ...common.wording import short
from ..groups.coset_enumeration import MAX_LETTERS, Word, presented_group
from ..groups.permutation_group import PermutationGroup

EXAMPLE = "e.g. '<a, b | a^2, b^3, (a*b)^2>'"

_PRESENTATION = re.compile(r"(?:Group\s*)?(?:<|⟨)\s*([^|<>⟨⟩]*)\|(.*)(?:>|⟩)", re.DOTALL)
_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z][A-Za-z]*[0-9_']*)|(?P<number>[0-9]+)|(?P<sign>[-*·^=,()\[\]]))")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
MAX_GENERATORS = 50


def is_presentation(text: str) -> bool:
    """Whether a text looks like a presentation."""
    return bool(_PRESENTATION.fullmatch(text.strip()))


def parse_presentation(text: str) -> PermutationGroup:
    """The group of a presentation.

    Raises:
        InputError: the text is not understood, or the group is infinite or too large.

    Examples:
        >>> parse_presentation("<a, b | a^2, b^3, (a*b)^2>")
        <a, b | a^2, b^3, (a*b)^2>: order 6, on 3 points
    """
    found = _PRESENTATION.fullmatch(text.strip())
    assert found is not None, "ask `is_presentation` first"
    names = [part.strip() for part in found[1].split(",")]
    shown = f"<{', '.join(names)} | {' '.join(found[2].split())}>"
    for name in names:
        if not re.fullmatch(r"[A-Za-z][A-Za-z]*[0-9_']*", name) or names.count(name) > 1:
            raise InputError(f"generator {name[:20]!r} in {short(shown, 80)}; wanted different names, {EXAMPLE}")
    if len(names) > MAX_GENERATORS:
        raise InputError(f"{len(names)} generators; at most {MAX_GENERATORS} are read, {EXAMPLE}")
    relators = _Reader(names, found[2], shown).relators()
    return presented_group(short(shown, 200), len(names), relators)


def inverse(word: Word) -> Word:
    """The word that undoes another."""
    return tuple(-x for x in reversed(word))


def reduced(word: Word) -> Word:
    """A word without a letter beside its inverse."""
    found: list[int] = []
    for x in word:
        if found and found[-1] == -x:
            found.pop()
        else:
            found.append(x)
    return tuple(found)


class _Reader:
    def __init__(self, names: list[str], text: str, shown: str) -> None:
        self.names, self.shown, self.depth = names, shown, 0
        self.capitals = {n.upper(): -i for i, n in enumerate(names, 1) if len(n) == 1 and n.islower()}
        plain = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "^" + found[0].translate(_RAISED), text)
        self.tokens: list[str] = []
        place = 0
        while plain[place:].strip():
            found = _TOKEN.match(plain, place)
            if not found:
                self.refuse(f"cannot read {plain[place:].strip()[:20]!r}")
            token = found["name"] or found["number"] or found["sign"]
            self.tokens += self.letters(token) if found["name"] else [token]
            place = found.end()
        self.place = 0

    def refuse(self, problem: str) -> NoReturn:
        raise InputError(f"{problem} in {short(self.shown, 80)}; wanted relators, {EXAMPLE}")

    def letters(self, token: str) -> list[str]:
        """A name, or names of one letter side by side."""
        if token in self.names:
            return [token]
        if all(letter in self.names or letter in self.capitals for letter in token):
            return list(token)
        self.refuse(f"{token[:20]!r} is none of the generators {', '.join(self.names[:9])}")

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, token: str) -> None:
        if self.peek() != token:
            here = repr(self.peek()) if self.peek() else "the end"
            self.refuse(f"{here} where {token!r} was wanted")
        self.place += 1

    def relators(self) -> list[Word]:
        found: list[Word] = []
        while self.place < len(self.tokens):
            sides = [self.word()]
            while self.peek() == "=":
                self.take("=")
                sides.append(self.word())
            last = sides.pop() if len(sides) > 1 else ()
            found += [reduced((*side, *inverse(last))) for side in sides]
            if self.place < len(self.tokens):
                self.take(",")
                if self.place == len(self.tokens):
                    self.refuse("a comma at the end")
        return [word for word in found if word]

    def word(self) -> Word:
        self.depth += 1
        if self.depth > 50:
            self.refuse("brackets nested deeper than 50")
        found = self.power()
        while self.peek() and self.peek() not in (",", "=", ")", "]"):
            if self.peek() in ("*", "·"):
                self.place += 1
            found = self.bounded((*found, *self.power()))
        self.depth -= 1
        return found

    def bounded(self, word: Word) -> Word:
        word = reduced(word)
        if len(word) > MAX_LETTERS:
            self.refuse(f"a word of more than {MAX_LETTERS:,} letters")
        return word

    def power(self) -> Word:
        found = self.atom()
        while self.peek() == "^":
            self.take("^")
            bracketed = self.peek() == "(" and self.tokens[self.place + 1 : self.place + 2] == ["-"]
            if bracketed:
                self.take("(")
            sign = -1 if self.peek() == "-" else 1
            if sign < 0:
                self.take("-")
            if self.peek().isdigit():
                if len(self.peek()) > 6 or int(self.peek()) * len(found) > MAX_LETTERS:
                    self.refuse(f"a word of more than {MAX_LETTERS:,} letters")
                times = int(self.peek())
                self.place += 1
                found = self.bounded((found if sign > 0 else inverse(found)) * times)
            else:
                by = self.atom() if sign > 0 else inverse(self.atom())
                found = self.bounded((*inverse(by), *found, *by))
            if bracketed:
                self.take(")")
        return found

    def atom(self) -> Word:
        token = self.peek()
        if token == "(":
            self.take("(")
            found = self.word()
            self.take(")")
            return found
        if token == "[":
            self.take("[")
            x = self.word()
            self.take(",")
            y = self.word()
            self.take("]")
            return self.bounded((*inverse(x), *inverse(y), *x, *y))
        self.place += 1
        if token == "1":
            return ()
        if token in self.names:
            return (self.names.index(token) + 1,)
        if token in self.capitals:
            return (self.capitals[token],)
        self.place -= 1
        self.refuse(f"{token[:20]!r} where a word was wanted" if token else "the end where a word was wanted")
