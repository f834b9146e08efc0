"""Regular expressions, read here: a recursive descent that writes an automaton with empty moves (Thompson's).

    alternatives := both ("|" both)*
    both         := sequence ("&" sequence)*
    sequence     := (atom quantifier*)*
    atom         := letter | letters | "." | "[" "^"? (letter | letter "-" letter | letters)+ "]" | "(" alternatives ")"
    letters      := "\\d" | "\\w"
    quantifier   := "*" | "+" | "?" | "{m}" | "{m,}" | "{,n}" | "{m,n}"

So `&` (both sides match) binds tighter than `|`, as a product does than a sum. An empty sequence is the empty word. `.`
is any letter of the alphabet, `[^…]` any other one, `\\d` any digit and `\\w` any of a-z, A-Z, 0-9 and _; `\\` before a
sign makes it a letter. The whole word is matched.
The alphabet is that of the letters in the expression unless it is given.
"""

from __future__ import annotations

import re
import string
from typing import NoReturn

import numpy as np

from ...common.errors import InputError
from .automaton import MAX_STATES, Automaton

MAX_TEXT = 400
"""Longest expression that is read."""

MAX_NESTING = 50
"""Deepest nesting of parentheses."""

MAX_WRITTEN = 8_000
"""Most states of an expression when its repetitions are written out, and the pairs of states that `&` makes."""

MAX_SUBSETS = 20_000
"""Largest number of sets of states that are made of an expression before equal ones are merged."""

CLASSES = {"d": string.digits, "w": string.ascii_letters + string.digits + "_"}
"""What `\\d` and `\\w` stand for."""

_EXAMPLE = "e.g. '(ab|b)*a', '1(01)*', '(a|b)*abb'"
_WANTED = f"wanted letters, digits and ( ) | & * + ? . [ ] {{m,n}}, \\ before other signs, {_EXAMPLE}"


def regular_expression(text: str, letters: str | None = None) -> Automaton:
    """The minimal automaton of a regular expression.

    Arguments:
        letters: the alphabet, each sign a letter; default: the letters of the expression.

    Raises:
        InputError: the expression is broken, too long, has no letters, or needs too many states.

    Examples:
        >>> regular_expression("a{0}b|ab&a*b").accepts([1])
        True
    """
    if not text or len(text) > MAX_TEXT:
        raise InputError(f"a regular expression of {len(text)} signs; wanted 1 to {MAX_TEXT}, {_EXAMPLE}")
    reader = _Reader(text)
    start, end = reader.whole()
    found = sorted(set().union(*(signs for _, signs in reader.named)))
    alphabet = sorted(set(letters)) if letters is not None else found
    missing = set(found) - set(alphabet)
    if missing:
        raise InputError(f"the letter {min(missing)!r} of {_short(text)} is not in the alphabet {''.join(alphabet)!r}")
    if not alphabet:
        raise InputError(f"the regular expression {_short(text)} has no letter; wanted one, {_EXAMPLE}")
    return _determinised(text, alphabet, reader, start, end)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


_QUANTIFIER = re.compile(r"[*+?]|\{[^{}]*\}?")

Label = tuple[bool, frozenset[str]]
"""Letters that are read: these, or with True all but these."""

Piece = tuple[int, int]
"""Where an expression begins and ends: its states are the numbers from some on, and nothing outside leads into them."""


def _common(one: Label, other: Label) -> Label:
    """The letters of both labels."""
    (negated, first), (also, second) = sorted((one, other), key=lambda label: label[0])
    if negated == also:
        return negated, first | second if negated else first & second
    return False, first - second


class _Reader:
    """Reads a text once, and writes states with empty moves and moves on letters.

    Arguments:
        empty: for each state where empty moves lead.
        moves: for each state its moves (label, following).
        named: the labels in the text.
    """

    def __init__(self, text: str) -> None:
        self.text, self.place, self.depth = text, 0, 0
        self.empty: list[list[int]] = []
        self.moves: list[dict[tuple[Label, int], None]] = []  # sets in the order in which they grow
        self.named: list[Label] = []

    def refuse(self, problem: str, wanted: str = _WANTED) -> NoReturn:
        raise InputError(f"{problem} in the regular expression {_short(self.text)}; {wanted}")

    # ------------------------------------------------------------------ states

    def state(self, *empty: int) -> int:
        if len(self.empty) == MAX_WRITTEN:
            raise InputError(
                f"{_short(self.text)} has more than {MAX_WRITTEN:,} states when it is written out; wanted smaller "
                "numbers in braces, or fewer &"
            )
        self.empty.append(list(empty))
        self.moves.append({})
        return len(self.empty) - 1

    def one(self, label: Label) -> Piece:
        self.named.append(label)
        start, end = self.state(), self.state()
        self.moves[start][label, end] = None
        return start, end

    def nothing(self) -> Piece:
        """The empty word."""
        state = self.state()
        return state, state

    def then(self, a: Piece, b: Piece) -> Piece:
        self.empty[a[1]].append(b[0])
        return a[0], b[1]

    def either(self, a: Piece, b: Piece) -> Piece:
        start, end = self.state(a[0], b[0]), self.state()
        for piece in (a, b):
            self.empty[piece[1]].append(end)
        return start, end

    def repeated(self, a: Piece) -> Piece:
        """Any number of times, also none."""
        middle = self.state(a[0])
        self.empty[a[1]].append(middle)
        return middle, middle

    def copied(self, a: Piece, low: int, high: int) -> Piece:
        """A second copy of a piece whose states are low … high - 1."""
        shift = len(self.empty) - low
        for state in range(low, high):
            self.state(*(q + shift for q in self.empty[state]))
            self.moves[-1] = {(label, q + shift): None for label, q in self.moves[state]}
        return a[0] + shift, a[1] + shift

    def times(self, a: Piece, low: int, fewest: int, most: int | None) -> Piece:
        """`{m,n}` of a piece whose states are all from low on; it and its copies are used up one after the other."""
        high, pieces = len(self.empty), max(fewest, 1 if most is None else most)
        if not pieces:
            return self.nothing()
        # Copies are made while the piece leads nowhere else.
        copies = [a, *(self.copied(a, low, high) for _ in range(pieces - 1))]
        if most is None and fewest:
            copies.append(self.repeated(self.copied(a, low, high)))
        elif most is None:
            return self.repeated(a)
        found, end = self.nothing(), self.state()
        for number, piece in enumerate(copies):
            if number >= fewest:
                self.empty[found[1]].append(end)
            found = self.then(found, piece)
        self.empty[found[1]].append(end)
        return found[0], end

    def both(self, a: Piece, b: Piece) -> Piece:
        """The pairs of states that letters lead to side by side."""
        start, end = self.state(), self.state()
        number = {(a[0], b[0]): start}
        for pair in (pairs := list(number)):  # grows while it is walked
            one, two = (self.closed({state}) for state in pair)
            if a[1] in one and b[1] in two:
                self.empty[number[pair]].append(end)
            for x, p in (move for state in one for move in self.moves[state]):
                for y, q in (move for state in two for move in self.moves[state]):
                    if (label := _common(x, y)) == (False, frozenset()):
                        continue
                    if (p, q) not in number:
                        number[p, q] = self.state()
                        pairs.append((p, q))
                    self.moves[number[pair]][label, number[p, q]] = None
        return start, end

    def closed(self, states: set[int]) -> frozenset[int]:
        """What empty moves lead to from some states, and these; the set grows."""
        stack = list(states)
        while stack:
            for following in self.empty[stack.pop()]:
                if following not in states:
                    states.add(following)
                    stack.append(following)
        return frozenset(states)

    # ------------------------------------------------------------------ the text

    def peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def take(self, signs: str) -> bool:
        """Whether these signs come next; then they are read."""
        found = self.text.startswith(signs, self.place)
        self.place += len(signs) * found
        return found

    def whole(self) -> Piece:
        found = self.alternatives()
        if self.peek():
            self.refuse("a parenthesis without its other half")
        return found

    def alternatives(self) -> Piece:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.refuse(f"parentheses nested deeper than {MAX_NESTING}")
        found = self.all_of()
        while self.take("|"):
            found = self.either(found, self.all_of())
        self.depth -= 1
        return found

    def all_of(self) -> Piece:
        began = self.place
        found = self.sequence()
        while self.take("&"):
            if began == self.place - 1 or self.peek() in ("", "|", "&", ")"):
                self.refuse("nothing on one side of '&'", "wanted an expression on both, e.g. '(a|b)*&(ab)*', or ()")
            found = self.both(found, self.sequence())
        return found

    def sequence(self) -> Piece:
        found = self.nothing()
        while self.peek() not in ("", "|", "&", ")"):
            low = len(self.empty)
            piece = self.atom()
            before = ""
            while quantifier := _QUANTIFIER.match(self.text, self.place):
                self.place = quantifier.end()
                piece = self.times(piece, low, *self.bounds(quantifier.group(), before))
                before = quantifier.group()
            found = self.then(found, piece)
        return found

    def bounds(self, quantifier: str, before: str) -> tuple[int, int | None]:
        """How often a quantifier repeats what stands before it."""
        if (quantifier == "+" and before) or (quantifier == "?" and before not in ("", "*", "?")):
            # Elsewhere `a+?` is a lazy a+ and `a?+` a possessive a?: other languages than (a+)? and (a?)+.
            self.refuse(f"{quantifier!r} after {before!r}, which has two readings", "wanted parentheses, e.g. '(a+)?'")
        if not quantifier.startswith("{"):
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[quantifier]
        numbers = re.fullmatch(r"\{(\d{0,9})(,?)(\d{0,9})\}", quantifier, re.ASCII)
        if not numbers or not (numbers[1] or numbers[3]):
            self.refuse(f"the braces {quantifier!r}", "wanted {m}, {m,n}, {m,} or {,n}, e.g. 'a{2,3}'")
        fewest = int(numbers[1] or 0)
        most = fewest if not numbers[2] else int(numbers[3]) if numbers[3] else None
        if most is not None and most < fewest:
            self.refuse(f"the braces {quantifier!r}", "wanted the smaller number first")
        return fewest, most

    def atom(self) -> Piece:
        sign = self.peek()
        if self.take("("):
            if self.peek() == "?":
                self.refuse("'(?'", "wanted plain parentheses: nothing is captured, e.g. '(ab|b)*a'")
            found = self.alternatives()
            if not self.take(")"):
                self.refuse("a parenthesis without its other half")
            return found
        if self.take("."):
            return self.one((True, frozenset()))
        if self.take("["):
            return self.one((self.take("^"), self.members()))
        if sign in "*+?{":
            self.refuse(f"nothing before {sign!r} to repeat")
        if sign in "^$":
            self.refuse(f"the sign {sign!r}", f"the whole word is matched without it; write \\{sign} for the letter")
        return self.one((False, frozenset(self.letter())))

    def members(self) -> frozenset[str]:
        """The letters of a class, up to its bracket."""
        found: set[str] = set()
        while not self.take("]"):
            if not self.peek():
                self.refuse("a bracket '[' without its other half")
            first = self.letter()
            if len(first) > 1:  # all digits, or all letters
                found |= set(first)
                continue
            last = self.letter() if self.take("-") else first
            if not (last == first or (re.fullmatch("[a-z]{2}|[A-Z]{2}|[0-9]{2}", first + last) and first < last)):
                self.refuse(f"the range {first}-{last}", "wanted e.g. [a-c], [A-C] or [0-3], the smaller sign first")
            found |= {chr(code) for code in range(ord(first), ord(last) + 1)}
        if not found:
            self.refuse("a class without a letter", "wanted e.g. [abc], [a-c] or [^a]")
        return frozenset(found)

    def letter(self) -> str:
        """One letter, or all letters of `\\d` or `\\w`."""
        sign = self.peek()
        if self.take("\\"):
            sign = self.peek()
            if sign in CLASSES:
                self.place += 1
                return CLASSES[sign]
            if not sign or sign.isalnum() or sign.isspace() or not sign.isprintable():
                self.refuse(repr(f"\\{sign}"), "wanted \\ before a sign, e.g. \\*; digits are \\d or [0-9]")
        elif not sign.isalnum():
            self.refuse(f"the sign {sign!r}" if sign else "the end")
        self.place += 1
        return sign


def _determinised(text: str, alphabet: list[str], reader: _Reader, start: int, end: int) -> Automaton:
    """Sets of states, as many as there are up to the limit, and then the minimal automaton."""
    letters = [
        [([x for x in alphabet if (x in signs) != negated], q) for (negated, signs), q in moves]
        for moves in reader.moves
    ]

    subsets = [reader.closed({start})]
    number = {subsets[0]: 0}
    rows: list[list[int]] = []
    for subset in subsets:  # grows while it is walked
        reached: dict[str, set[int]] = {letter: set() for letter in alphabet}
        for state in subset:
            for read, following in letters[state]:
                for letter in read:
                    reached[letter].add(following)
        row = []
        for letter in alphabet:
            target = reader.closed(reached[letter])
            if target not in number:
                if len(subsets) == MAX_SUBSETS:
                    raise InputError(
                        f"{_short(text)} needs more than {MAX_SUBSETS:,} states before they are merged; "
                        "wanted smaller numbers in braces, e.g. '(ab|b){1,8}a'"
                    )
                number[target] = len(subsets)
                subsets.append(target)
            row.append(number[target])
        rows.append(row)
    accepting = np.array([end in subset for subset in subsets])
    whole = Automaton(
        text, np.array(rows, dtype=np.int32), tuple(alphabet), tuple(map(str, range(len(rows)))), 0, accepting
    )
    made = whole.minimal()
    if made.count > MAX_STATES:
        raise InputError(
            f"{_short(text)} needs {made.count:,} states; at most {MAX_STATES:,} are handled, e.g. '(ab|b)*a'"
        )
    states = tuple(map(str, range(made.count)))
    return Automaton(text, made.table, made.letters, states, made.start, made.accepting)
