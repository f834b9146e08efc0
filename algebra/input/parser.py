"""What a user can type for a group: names, products, `SmallGroup(n,i)`, permutations in cycles, files.

    expression := factor (("x" factor)* | ":" factor)
    factor     := power ("wr" power)*
    power      := atom ("^" number)?
    atom       := name | name "(" number ("," number)* ")" | "(" expression ")"

`x` may be written ×, `wr` ≀ and `:` ⋊; spaces do not matter. Mixing `x` and `:` needs parentheses, because the
literature disagrees on which binds first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...common.errors import InputError
from ...common.wording import describe_order, short
from ..arithmetic.permutations import MAX_DEGREE, cycles, parse_permutations
from ..groups.group import Group
from ..groups.named_groups import FAMILIES, FUNCTIONS
from ..groups.permutation_group import PermutationGroup

if TYPE_CHECKING:
    from ..automata.automaton import Automaton

MAX_TEXT = 20_000
"""Longest text that is read as a group."""

MAX_NESTING = 50
"""Deepest nesting of parentheses."""

EXAMPLES = "e.g. S4, C2xC4, C7:C3, S3wrC2, SL(2,3), SmallGroup(24,12), '(1,2,3),(1,2)' or a file table.csv"

_TOKEN = re.compile(
    r"\s*(?:(?P<name>SmallGroup|AGL|PSL|GL|SL|Heis|Dic|SD|[A-Z])(?P<number>\d+)?|(?P<integer>\d+)|(?P<operator>wr|[x×≀:⋊^(),]))",
    re.ASCII,
)
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SYNONYMS = {"×": "x", "≀": "wr", "⋊": ":"}
_FILE_SUFFIXES = (".csv", ".tsv", ".npy", ".json")


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
    inside = text
    for brackets in (r"Group\s*\((.*)\)", r"\[(.*)\]", r"<(.*)>"):  # as GAP, a list, and our own names write them
        if found := re.fullmatch(brackets, inside, re.DOTALL):
            inside = found[1].strip()
    if re.fullmatch(r"\([\d\s,;()]+", inside, re.ASCII):
        return permutations_group(inside)
    return _Parser(text).parse()


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
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if not match:
                raise self._error(place)
            start = match.end() - len(match.group().lstrip())
            number = match["number"] or match["integer"]
            if number and len(number) > 9:
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

    def _peek(self) -> str:
        return self.tokens[self.position][0] if self.position < len(self.tokens) else ""

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
        return group

    def _expression(self) -> PermutationGroup:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise InputError(f"parentheses nested deeper than {MAX_NESTING} in {self._shown()}")
        group = self._wreath()
        first = self._peek()
        if first == ":":
            self._take(":")
            group = semidirect(group, self._wreath())
        else:
            factors = [group]
            while self._peek() == "x":
                self._take("x")
                factors.append(self._wreath())
            group = direct(factors) if len(factors) > 1 else group
        if self._peek() in (":", "x"):
            raise InputError(
                f"{self._shown()} mixes x and :, or chains :; put parentheses, e.g. (C7:C3)xC2 or C7:(C3xC2)"
            )
        self.depth -= 1
        return group

    def _wreath(self) -> PermutationGroup:
        group = self._power()
        while self._peek() == "wr":
            self._take("wr")
            group = wreath(group, self._power())
        return group

    def _power(self) -> PermutationGroup:
        group = self._atom()
        if self._peek() != "^":
            return group
        self._take("^")
        exponent = self._take("#")
        assert exponent is not None
        if not 1 <= exponent <= 100:
            raise InputError(f"exponent {exponent} in {self._shown()}: wanted 1 to 100, e.g. C2^3")
        if exponent == 1:
            return group
        result = direct([group] * exponent)
        return PermutationGroup(f"{_bracketed(group.name)}^{exponent}", result.permutations, result.order)

    def _atom(self) -> PermutationGroup:
        word, place = self._peek(), self._here()
        if word == "(":
            self._take("(")
            group = self._expression()
            self._take(")")
            return group
        if word in ("", "#") or not word[0].isupper():
            raise self._error(place)
        number = self._take(word)
        if number is not None:
            if word not in FAMILIES:
                raise self._error(place)
            return FAMILIES[word](number)
        if word in FUNCTIONS or word == "SmallGroup":
            count, function = FUNCTIONS.get(word, (2, small))
            if self._peek() != "(":
                raise InputError(
                    f"{word} in {self._shown()} needs {count} number{'s' * (count > 1)} in parentheses, {EXAMPLES}"
                )
            arguments = []
            for separator in ["(", *[","] * (count - 1)]:
                self._take(separator)
                argument = self._take("#")
                assert argument is not None
                arguments.append(argument)
            self._take(")")
            return function(*arguments)
        raise self._error(place)


_SPELT = {
    "SmallGroup": r"small(?=\()|id(?=\()",
    "Heis": r"heisenberg|heis",
    "Dic": r"dicyclic|dic",
    "SD": r"semidihedral|quasidihedral|sd|qd",
    "AGL": r"affinegenerallinear|generalaffine|agl",
    "PSL": r"projectivespeciallinear|psl|l(?=2\()",
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
    "F": r"frobenius|f",
    "x": r"[x×⊕*+]",
    ":": r"[:⋊]",
}
"""How others write our names, without the word `group`; the longer ones first."""

_SPELLING = re.compile("|".join(f"({pattern})" for pattern in _SPELT.values()) + r"|[\d(),^]")


def suggestion(text: str) -> str:
    """What a text that cannot be read may stand for, in our names; nothing where that is not clear.

    It is only ever proposed: SymPy's DihedralGroup(4) has order 8, GAP's has order 4.
    """
    from .automata import spelled

    if automaton := spelled(text):
        return automaton
    plain = text[:100].translate(_SUBSCRIPTS).lower()
    for theirs, ours in ((r"\\rtimes", ":"), (r"\\(times|oplus)", "x"), (r"\*\*", "^"), (r"\[", "("), (r"\]", ")")):
        plain = re.sub(theirs, ours, plain)
    plain = re.sub(r"group|mathbb|mathrm|operatorname|[\s$_{}\\]", "", plain)
    plain = re.sub(r"[zℤ]/(\d+)([zℤ](?!\d))?", r"c\1", plain)
    names, place = "", 0
    while place < len(plain):
        found = _SPELLING.match(plain, place)
        if not found:
            return ""
        names += list(_SPELT)[found.lastindex - 1] if found.lastindex else found.group()
        place = found.end()
    names = re.sub(rf"(?<![A-Z])({'|'.join(FAMILIES)})\((\d+)\)", r"\1\2", names)
    names = re.sub(r"(A?GL|P?SL)(\d+)\((\d+)\)", r"\1(\2,\3)", names)
    try:
        if names == text or (":" not in names and not _Parser(names).parse()):  # A:B may take a long search
            return ""
    except InputError:
        return ""
    if not (named := re.fullmatch(r"(D|Dic)(\d+)", names)):
        return names
    letter, number = named[1], int(named[2])
    times = 2 if letter == "D" else 4
    other = f" or {letter}{number // times} (order {number})" if number % times == 0 else ""
    return f"{names} (order {times * number}){other}"


def _bracketed(name: str) -> str:
    return f"({name})" if re.search(r"[x:]|wr", name) else name


MAX_GENERATOR_POINTS = 1 << 19
"""Most points of all generators of a product together."""


def _checked(name: str, generators: int, degree: int, order_digits: float) -> None:
    if degree > MAX_DEGREE:
        raise InputError(f"{short(name)} acts on {degree:,} points, at most {MAX_DEGREE:,} can be handled, {EXAMPLES}")
    if generators * degree > MAX_GENERATOR_POINTS:
        raise InputError(
            f"{short(name)} has {generators:,} generators on {degree:,} points; at most {MAX_GENERATOR_POINTS:,} "
            f"points of all generators together can be handled, {EXAMPLES}"
        )
    if order_digits > 10**5:
        raise InputError(
            f"{short(name)} has an order of about {order_digits:.0f} digits, too large to handle, {EXAMPLES}"
        )


def small(order: int, number: int) -> PermutationGroup:
    """`SmallGroup(order, number)` from the catalogue."""
    from ..groups.catalogue import small_group

    return PermutationGroup.from_listed(small_group(order, number))


def direct(factors: Sequence[PermutationGroup]) -> PermutationGroup:
    """The direct product of two or more groups, acting on the points of the first, then those of the second, …"""
    from ..groups.products import direct_product

    first, *others = factors
    names = [first.name if ":" not in first.name else _bracketed(first.name), *(_bracketed(b.name) for b in others)]
    name = "x".join(names)
    count, degree = (sum(factor.permutations.shape[axis] for factor in factors) for axis in (0, 1))
    _checked(name, count, degree, sum(math.log10(factor.order) for factor in factors))
    permutations = direct_product(*(factor.permutations for factor in factors))
    return PermutationGroup(name, permutations, math.prod(factor.order for factor in factors))


def wreath(a: PermutationGroup, b: PermutationGroup) -> PermutationGroup:
    """A ≀ B in its natural imprimitive action: one copy of A's points for each point of B."""
    from ..groups.products import orbit_representatives, wreath_product

    name = f"{_bracketed(a.name) if not re.fullmatch(r'[^x:]*', a.name) else a.name}wr{_bracketed(b.name)}"
    if a.degree * b.degree > MAX_DEGREE:
        _checked(name, 0, a.degree * b.degree, 0)
    count = len(a.permutations) * len(orbit_representatives(b.permutations)) + len(b.permutations)
    _checked(name, count, a.degree * b.degree, b.degree * math.log10(a.order) + math.log10(b.order))
    return PermutationGroup(name, wreath_product(a.permutations, b.permutations), a.order**b.degree * b.order)


def semidirect(a: PermutationGroup, b: PermutationGroup) -> PermutationGroup:
    """A:B, where only one group fits that is not A × B."""
    from ..groups import products

    name = f"{_bracketed(a.name)}:{_bracketed(b.name)}"
    if a.order * b.order > products.SEMIDIRECT_LIMIT:
        raise InputError(
            f"{name} has order {describe_order(a.order * b.order)}; "
            f"semidirect products are searched up to {products.SEMIDIRECT_LIMIT}; give permutations that generate it, "
            "e.g. '(1,2,3), (1,2)'"
        )
    group = products.semidirect(a.listed(), b.listed())
    return PermutationGroup.from_listed(Group(group.elements, group.generators, name))
