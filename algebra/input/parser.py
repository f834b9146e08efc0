"""What a user can type for a group: names, products, GAP's constructors, permutations in cycles, presentations,
matrices, files.

    expression := factor (("x" factor)* | (":" | ".") factor)
    factor     := power (("wr" | "o") power)*
    power      := atom ("^" number)?
    atom       := name | name "(" argument ("," argument)* ")" | number "^" | "(" expression ")"

`x` may be written ×, `wr` ≀, `:` ⋊ and `o` (central product) ∘; spaces do not matter. Mixing `x` and `:` needs
parentheses, because the literature disagrees on which binds first. GAP's names have GAP's meaning, `DihedralGroup(8)`
has order 8; ours have ours, D4 has order 8.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...common.errors import InputError
from ...common.wording import short
from ..arithmetic.permutations import cycles, parse_permutations
from ..groups.group import Group
from ..groups.named_groups import FAMILIES, FUNCTIONS, SIGNED, extraspecial, rubik, weyl
from ..groups.permutation_group import PermutationGroup

if TYPE_CHECKING:
    from ..automata.automaton import Automaton

MAX_TEXT = 20_000
"""Longest text that is read as a group."""

MAX_NESTING = 50
"""Deepest nesting of parentheses."""

_ON_GROUPS = ("Aut", "Hol", "DirectProduct", "WreathProduct", "AutomorphismGroup", "Holomorph")
"""Names that take groups."""

_SPECIAL = ("Rubik", "W", "Weyl", "ES", "Group")
"""Names whose arguments are of another kind."""

EXAMPLES = "e.g. S4, C2xC4, C7:C3, S3wrC2, SL(2,3), SmallGroup(24,12), '(1,2,3),(1,2)' or a file table.csv"

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_SYNONYMS = {"×": "x", "≀": "wr", "⋊": ":", "∘": "o"}
_FILE_SUFFIXES = (".csv", ".tsv", ".npy", ".json")


@cache
def _token() -> re.Pattern[str]:
    """What a name, a number or an operator is. Most groups have one name and a number, and need none of this."""
    from . import gap

    names = sorted({*FAMILIES, *FUNCTIONS, *SIGNED, *gap.CONSTRUCTORS, *_ON_GROUPS, *_SPECIAL}, key=len, reverse=True)
    return re.compile(
        rf"\s*(?:(?P<name>{'|'.join(names)}|[A-Z])(?P<number>\d+)?|(?P<integer>[+-]?\d+)"
        r"|(?P<operator>wr|[xo×≀:⋊∘.^(),+\-\[\]]))",
        re.ASCII,
    )


def parse_group(text: str) -> PermutationGroup:
    """The group that a text stands for; its elements are not listed yet.

    Raises:
        InputError: the text is not understood, a parameter is out of range, or a file is not a group.
    """
    text = text.strip()
    if not text:
        raise InputError(f"empty group; wanted one, {EXAMPLES}")
    if len(text) > MAX_TEXT:
        raise InputError(f"a group of {len(text)} characters; at most {MAX_TEXT} are read, {EXAMPLES}")
    if text.lower().endswith(_FILE_SUFFIXES):
        from .files import read_group

        return read_group(Path(text))
    if (one := re.fullmatch(r"([A-Z][A-Za-z]?[a-z]?)(\d{1,9})", text, re.ASCII)) and one[1] in FAMILIES:
        return FAMILIES[one[1]](int(one[2]))
    if not text.isascii():
        text = _level(text)
    text = re.sub(r"\bIs(?:Perm|Pc|Fp|Matrix)Group\s*,\s*", "", text)  # GAP's choice of a representation
    if "…" in text and text.startswith("<"):
        raise InputError(f"{text[:60]!r} is a name that was cut off at …; give all generators, e.g. '(1,2,3),(1,2)'")
    if "|" in text:
        from . import presentations

        if presentations.is_presentation(text):
            return presentations.parse_presentation(text)
    inside = text
    for brackets in (r"Group\s*\((.*)\)", r"\[(.*)\]", r"<(.*)>"):  # as GAP, a list, and our own names write them
        if found := re.fullmatch(brackets, inside, re.DOTALL):
            inside = found[1].strip()
    if re.fullmatch(r"\([\d\s,;()]+", inside, re.ASCII):
        return permutations_group(inside)
    if re.match(r"(Group\s*\(|<)?\s*\[\s*\[", text):
        from .lists import parse_lists

        return parse_lists(text)
    if found := re.fullmatch(r"\[\s*(\d{1,9})\s*,\s*(\d{1,9})\s*\]", text, re.ASCII):
        from .combining import small

        return small(int(found[1]), int(found[2])).noted(f"{text} is read as GAP's IdGroup")
    return _Parser(text).parse()


def _level(text: str) -> str:
    """A text with its digits on the line: A₅ as A5, C2³ as C2^3, a⁻¹ as a^-1."""
    raised = re.sub(r"⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    return raised.translate(_SUBSCRIPTS)


def parse_machine(text: str) -> PermutationGroup | Automaton:
    """The group or the automaton that a text stands for: what every command takes.

    Names of automata begin with a small letter. A file holds an automaton if it is JSON with transitions, or a table
    that is not square; `automaton(FILE)` reads any table as one.

    Raises:
        InputError: the text is not understood, or what it names is out of range or too large.
    """
    stripped = text.strip()
    if not (stripped[:1].islower() or stripped.lower().endswith(_FILE_SUFFIXES)):
        return parse_group(text)
    from . import automata

    if stripped.lower().endswith(_FILE_SUFFIXES) and not automata.is_automaton_name(stripped):
        return _from_file(Path(stripped))
    name = re.match(r"[a-z-]*", stripped)
    if automata.is_automaton_name(stripped) and ((name and name[0] in automata.NAMES) or not suggestion(stripped)):
        if len(stripped) > MAX_TEXT:
            raise InputError(
                f"an automaton of {len(text)} characters; at most {MAX_TEXT} are read; wanted a file, e.g. dfa.json"
            )
        return automata.parse_automaton(stripped, list_group)
    return parse_group(text)


def read_automaton(text: str) -> Automaton:
    """The automaton that a text stands for. Raises `InputError` like `parse_machine`, and for a group."""
    found = parse_machine(text)
    if isinstance(found, PermutationGroup):
        raise InputError(
            f"{found.name} is a group; wanted an automaton, e.g. group({text.strip()[:60]}) or flip-flop(2)"
        )
    return found


def _from_file(path: Path) -> PermutationGroup | Automaton:
    from ...common.reading import read_json, read_npy, read_table
    from . import automata
    from .files import is_labelled_table, read_group

    if path.suffix.lower() == ".json":
        if automata.is_automaton_content(read_json(path)):
            return automata.read_automaton(path)
        return read_group(path)
    listed = path.suffix.lower() != ".npy"
    table = np.array(read_table(path, wanted=automata.WANTED)) if listed else read_npy(path)
    if table.ndim != 2 or table.shape[0] == table.shape[1]:
        return read_group(path)
    if is_labelled_table(table):
        header = "row" if len(table) > len(table.T) else "column"
        raise InputError(
            f"{path}: a group's table with a header; leave the first {header} out, or write "
            f"'automaton({path})' if its rows are the states of an automaton"
        )
    return automata.read_automaton(path)


def list_group(text: str) -> Group:
    """The group that a text stands for, with its elements listed. Raises `InputError` like `parse_group`, and where
    it is too large."""
    return parse_group(text).listed()


def permutations_group(text: str) -> PermutationGroup:
    """The group generated by permutations in cycles, e.g. `(1,2,3)(4,5), (1,2)` or `(1 2 3)(4 5); (1 2)`."""
    permutations = parse_permutations(text)
    return PermutationGroup.generated(f"<{short(','.join(map(cycles, permutations)), 58)}>", permutations)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, int | None, int]] = []  # (name, operator or "#"; its number; where it starts)
        self.position = 0
        self.depth = 0
        self.notes: list[str] = []
        place = 0
        while place < len(text):
            match = _token().match(text, place)
            if not match:
                raise self._error(place)
            start = match.end() - len(match.group().lstrip())
            number = match["number"] or match["integer"]
            if number and len(number) > 10:
                raise InputError(f"the number {number[:12]}… in {self._shown()} is too large, {EXAMPLES}")
            word = match["name"] or match["operator"] or "#"
            self.tokens.append((_SYNONYMS.get(word, word), int(number) if number else None, start))
            place = match.end()
            if not text[place:].strip():
                break

    def _shown(self) -> str:
        return repr(self.text if len(self.text) <= 60 else self.text[:57] + "…")

    def _error(self, place: int) -> InputError:
        rest = self.text[place:].strip()
        what = f"{rest[:20]!r} in {self._shown()}" if rest else f"the end of {self._shown()}"
        meant = suggestion(self.text)
        proposed = f"did you mean {meant}? " if meant else ""
        return InputError(f"cannot read a group at {what}; {proposed}wanted a group, {EXAMPLES}")

    def _peek(self, further: int = 0) -> str:
        place = self.position + further
        return self.tokens[place][0] if place < len(self.tokens) else ""

    def _here(self) -> int:
        return self.tokens[self.position][2] if self.position < len(self.tokens) else len(self.text)

    def _take(self, word: str) -> int | None:
        if self._peek() != word:
            raise self._error(self._here())
        self.position += 1
        return self.tokens[self.position - 1][1]

    def parse(self) -> PermutationGroup:
        group = self._expression()
        if self.position < len(self.tokens):
            raise self._error(self._here())
        return group.noted(*dict.fromkeys(self.notes)) if self.notes else group

    def _expression(self) -> PermutationGroup:
        from .combining import direct, not_split, semidirect

        self.depth += 1
        if self.depth > MAX_NESTING:
            raise InputError(f"parentheses nested deeper than {MAX_NESTING} in {self._shown()}")
        group = self._wreath()
        first = self._peek()
        if first in (":", "."):
            self._take(first)
            group = (semidirect if first == ":" else not_split)(group, self._wreath())
        else:
            factors = [group]
            while self._peek() == "x":
                self._take("x")
                factors.append(self._wreath())
            group = direct(factors) if len(factors) > 1 else group
        if self._peek() in (":", "x", "."):
            raise InputError(
                f"{self._shown()} mixes x and :, or chains :; put parentheses, e.g. (C7:C3)xC2 or C7:(C3xC2)"
            )
        self.depth -= 1
        return group

    def _wreath(self) -> PermutationGroup:
        group = self._power()
        while self._peek() in ("wr", "o"):
            word = self._peek()
            self._take(word)
            from .combining import central, wreath

            group = (wreath if word == "wr" else central)(group, self._power())
        return group

    def _power(self) -> PermutationGroup:
        group = self._atom()
        if self._peek() != "^":
            return group
        self._take("^")
        exponent = self._number()
        if not 1 <= exponent <= 100:
            raise InputError(f"exponent {exponent} in {self._shown()}: wanted 1 to 100, e.g. C2^3")
        if exponent == 1:
            return group
        from .combining import bracketed, direct

        result = direct([group] * exponent)
        return PermutationGroup(f"{bracketed(group.name)}^{exponent}", result.permutations, result.order)

    def _number(self) -> int:
        number = self._take("#")
        assert number is not None
        return number

    def _atom(self) -> PermutationGroup:
        word, place = self._peek(), self._here()
        if word == "(":
            self._take("(")
            group = self._expression()
            self._take(")")
            return group
        if word == "#" and self._peek(1) == "^":
            return FAMILIES["C"](self._number())  # the ATLAS writes 2^4
        if word in ("", "#") or not word[0].isupper():
            raise self._error(place)
        number = self._take(word)
        if number is not None:
            if word not in FAMILIES:
                raise self._error(place)
            return FAMILIES[word](number)
        if word in FUNCTIONS:
            count, function = FUNCTIONS[word]
            return function(*self._numbers(word, count))
        if word in SIGNED:
            return self._signed(word)
        from . import gap

        if word in gap.CONSTRUCTORS:
            kinds, constructor = gap.CONSTRUCTORS[word]
            group, note = constructor(*self._numbers(word, *kinds))
            self.notes += [note] if note else []
            return group
        if word in _ON_GROUPS:
            return self._on_groups(word)
        if word == "Group":
            return self._generated()
        if word in ("W", "Weyl"):
            self._take("(")
            letter = self._peek()
            rank = self._take(letter) if letter in "ABCDEFG" else None
            if rank is None:
                raise InputError(
                    f"{word} in {self._shown()} needs a type from A to G and a rank in parentheses, e.g. W(E6) or W(A3)"
                    f"{'; W(H3) is C2xA5' * (letter == 'H')}"
                )
            self._take(")")
            return weyl(letter, rank)
        if word == "ES":
            self._take("(")
            order = self._number()
            self._take(",")
            sign = self._peek()
            if sign not in "+-":
                raise self._error(self._here())
            self._take(sign)
            self._take(")")
            return extraspecial(order, 1 if sign == "+" else -1)
        if word == "Rubik":
            return rubik()
        raise self._error(place)

    def _numbers(self, word: str, *counts: int) -> list[int]:
        """Numbers in parentheses, perhaps as a list; `counts` says how many there may be."""
        if self._peek() != "(":
            many = counts[0] if counts else 2
            raise InputError(
                f"{word} in {self._shown()} needs {many} number{'s' * (many > 1)} in parentheses, {EXAMPLES}"
            )
        self._take("(")
        bracket = self._peek() == "["
        if bracket:
            self._take("[")
        found = [self._number()]
        while len(found) < max(counts or (99,)) and (not counts or self._peek() == "," or len(found) < min(counts)):
            if not counts and self._peek() != ",":
                break
            self._take(",")
            found.append(self._number())
        if bracket:
            self._take("]")
        self._take(")")
        return found

    def _signed(self, word: str) -> PermutationGroup:
        """`GO(3,5)`, `GO(-1,4,3)` as in GAP, or `GO+(4,3)` and `GO-(4,3)`."""
        sign = self._peek()
        if sign in ("+", "-"):
            self._take(sign)
            return SIGNED[word](1 if sign == "+" else -1, *self._numbers(word, 2))
        arguments = self._numbers(word, 2, 3)
        if len(arguments) == 3 and arguments[0] not in (1, -1):
            raise InputError(
                f"{word}{tuple(arguments)}: the first of three numbers is the sign, 1 or -1, e.g. {word}(-1,4,3)"
            )
        return SIGNED[word](*arguments)

    def _on_groups(self, word: str) -> PermutationGroup:
        if self._peek() != "(":
            raise InputError(f"{word} in {self._shown()} needs a group in parentheses, e.g. Hol(C7)")
        from .combining import direct, over, wreath

        self._take("(")
        groups = [self._expression()]
        while self._peek() == "," and word.endswith("Product"):
            self._take(",")
            groups.append(self._expression())
        self._take(")")
        if word == "DirectProduct":
            return direct(groups) if len(groups) > 1 else groups[0]
        if word == "WreathProduct":
            if len(groups) != 2:
                raise InputError(f"WreathProduct in {self._shown()} takes two groups, e.g. WreathProduct(S3,C2)")
            return wreath(*groups)
        return over(groups[0], holomorphic=word.startswith("Hol"))

    def _generated(self) -> PermutationGroup:
        """`Group((1,2,3),(1,2))` inside an expression."""
        start, depth = self._here(), 0
        while self._peek() and self._peek() in "()[],#":
            depth += {"(": 1, ")": -1}.get(self._peek(), 0)
            self.position += 1
            if depth == 0:
                break
        inside = self.text[start : self._here()].strip().removeprefix("(").removesuffix(")").strip(" []")
        if not re.fullmatch(r"\([\d\s,;()]+", inside, re.ASCII):
            raise InputError(f"Group in {self._shown()} needs permutations in parentheses, e.g. Group((1,2,3),(1,2))")
        return permutations_group(inside)


_SPELT = {
    "SmallGroup": r"small(?=\()|id(?=\()",
    "Heis": r"heisenberg|heis",
    "Dic": r"dicyclic|dic",
    "SD": r"semidihedral|quasidihedral|sd|qd",
    "AGL": r"affinegenerallinear|generalaffine|agl",
    "PSL": r"projectivespeciallinear|psl|l(?=\d*\()",
    "PSU": r"projectivespecialunitary|psu|u(?=\d*\()",
    "PSp": r"projectivesymplectic|psp",
    "PGL": r"projectivegenerallinear|pgl",
    "Sp": r"symplectic|sp",
    "Sz": r"suzuki|suz|sz",
    **{name: name.lower() for name in ("ASL", "GO", "SO", "GU", "SU")},
    "Hol": r"holomorph|hol",
    "Aut": r"automorphism|aut",
    "SL": r"speciallinear|sl",
    "GL": r"generallinear|gl",
    "V4": r"klein(?:four|4)?(?:\(\))?|k4|v4?",
    "wr": r"wreath|wr|≀",
    "S": r"symmetric|sym|s",
    "A": r"alternating|alt|a",
    "C": r"cyclic|cyc|c|z|ℤ",
    "D": r"dihedral|dih|d",
    "Q": r"(?:generali[sz]ed)?quaternion|quat|q",
    "M": r"mathieu|m",
    "F": r"frobenius|frob|f",
    "J": r"janko|j",
    "o": r"∘|o",
    "x": r"[x×⊕*+]",
    ":": r"[:⋊]",
}
"""How others write our names, without the word `group`; the longer ones first."""

_ALSO: dict[str, Callable[[re.Match[str]], str]] = {
    r"(?:weyl|w)\(?([a-g])(\d)\)?": lambda found: f"W({found[1].upper()}{found[2]})",
    r"(?:coxeter|w)\(?h_?3\)?": lambda found: "C2xA5",
    r"rubik(?:'?s)?(?:cube)?": lambda found: "Rubik",
    r"2\.?t": lambda found: "SL(2,3)",
    r"2\.?i|2\.a5": lambda found: "SL(2,5)",
    r"2\.?o": lambda found: "SmallGroup(48,28)",
    r"he(?:is)?(\d)|(\d)\^\(?1\+2\)?": lambda found: f"Heis({found[1] or found[2]})",
}
"""Names that are not put together of ours, without spaces and braces."""

_SPELLING = re.compile("|".join(f"({pattern})" for pattern in _SPELT.values()) + r"|[\d(),^]")


def suggestion(text: str) -> str:
    """What a text that cannot be read may stand for, in our names; nothing where that is not clear.

    It is only ever proposed: SymPy's DihedralGroup(4) has order 8, GAP's has order 4.
    """
    from .automata import spelled

    if automaton := spelled(text):
        return automaton
    plain = _level(text[:100]).lower()
    for theirs, ours in ((r"\\rtimes", ":"), (r"\\(times|oplus)", "x"), (r"\*\*", "^"), (r"\[", "("), (r"\]", ")")):
        plain = re.sub(theirs, ours, plain)
    plain = re.sub(r"group|mathbb|mathrm|operatorname|[\s$_{}\\]", "", plain)
    plain = re.sub(r"[zℤ]/(\d+)([zℤ](?!\d))?", r"c\1", plain)
    for pattern, named in _ALSO.items():
        if (whole := re.fullmatch(pattern, plain)) and (found := named(whole)) != text:
            return found
    names, place = "", 0
    while place < len(plain):
        part = _SPELLING.match(plain, place)
        if not part:
            return ""
        names += list(_SPELT)[part.lastindex - 1] if part.lastindex else part.group()
        place = part.end()
    names = re.sub(rf"(?<![A-Z])({'|'.join(FAMILIES)})\((\d+)\)", r"\1\2", names)
    names = re.sub(r"([AP]?GL|P?S[LUp])(\d+)\((\d+)\)", r"\1(\2,\3)", names)
    try:
        if names == text or (":" not in names and not _Parser(names).parse()):  # A:B may take a long search
            return ""
    except InputError:
        return ""
    if not (single := re.fullmatch(r"(D|Dic)(\d+)", names)):
        return names
    letter, number = single[1], int(single[2])
    times = 2 if letter == "D" else 4
    other = f" or {letter}{number // times} (order {number})" if number % times == 0 else ""
    return f"{names} (order {times * number}){other}"
