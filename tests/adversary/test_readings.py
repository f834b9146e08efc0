"""Texts that two conventions read differently: read as they were meant, or refused in one line, never as the other.

What is meant is known before the text is written; how it is written is drawn: points from 0 or from 1, commas or spaces
or nothing between them, lists of images or cycles, tables with any separator, from 0 or from 1, with headers, of a
group or of an automaton, and regular expressions as other tools bind and repeat them.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy.combinatorics import Permutation, PermutationGroup

from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.automata.regular_expression import regular_expression
from subnormal.algebra.input.elements import read_elements
from subnormal.algebra.input.parser import parse_group, parse_machine
from subnormal.common.errors import InputError
from tests.adversary.attempts import attempts, times
from tests.adversary.counting import Counts
from tests.cases import group

Images = list[list[int]]


def drawn_permutations(generator: np.random.Generator) -> Images:
    degree = int(generator.integers(2, 13))
    count = int(generator.integers(1, 4))
    moved = [generator.permutation(int(generator.integers(1, degree + 1))).tolist() for _ in range(count)]
    return [[*image, *range(len(image), degree)] for image in moved]


def in_cycles(image: list[int], separator: str, first: int, fixed: bool) -> str:
    """Cycles as SymPy finds them; `first` is the number of the first point, `fixed` keeps cycles of one point."""
    found = Permutation(image).full_cyclic_form if fixed else Permutation(image).cyclic_form
    return "".join(f"({separator.join(str(point + first) for point in cycle)})" for cycle in found) or "()"


def same_generators(group: Any, images: Images) -> bool:
    """Whether a group's generators are these permutations, up to points that all of them fix."""
    found = [[int(i) for i in row] for row in group.permutations]
    degree = max(len(images[0]), len(found[0]))
    wanted = [[*image, *range(len(image), degree)] for image in images]
    return [[*row, *range(len(row), degree)] for row in found] == wanted


@times
def test_cycles(tmp_path, seconds):
    """As a group, in an alphabet, and in a file; the order is SymPy's."""
    counts = Counts("readings of cycles")
    symmetric = group("S5")
    for generator in attempts(seconds):
        images = drawn_permutations(generator)
        separator = str(generator.choice([",", " ", ", ", "  ", " , ", "", ", ,", "\t", ";"]))
        first, fixed = int(generator.integers(2)), bool(generator.random() < 0.3)
        if not fixed and not any(image[0] for image in images):
            first = 1  # where the point 0 stays, nothing shows from where points are counted
        texts = [in_cycles(image, separator, first, fixed) for image in images]
        text = str(generator.choice([", ", ",", ";", " ; "])).join(texts)
        text = str(generator.choice(["{}", "{}", "[{}]", "Group({})", "Group([ {} ])", "<{}>"])).format(text)
        found: list[Any] = []

        def true(found: list[Any] = found, images: Images = images) -> bool:
            order = PermutationGroup([Permutation(image) for image in images]).order()
            return same_generators(found[-1], images) and found[-1].order == order

        counts.attack(text, lambda text=text, found=found: found.append(parse_group(text)), true)
        path = tmp_path / "group.json"
        path.write_text(json.dumps({"permutations": texts}))
        counts.attack(f"file {texts}", lambda found=found, path=path: found.append(parse_group(str(path))), true)
        small = [image[:5] for image in images if sorted(image[:5]) == list(range(5))]
        if small and (first or fixed or any(image[0] for image in small)):
            alphabet = ";".join(in_cycles(image, separator, first, fixed) for image in small)
            counts.attack(
                f"alphabet {alphabet}",
                lambda alphabet=alphabet, found=found: found.append(read_elements(symmetric, alphabet)),
                lambda found=found, small=small: symmetric.elements[found[-1]].tolist() == small,
            )
    counts.check()
    assert counts.tried < 100 or counts.true > counts.refused / 4


@times
def test_lists_of_images(tmp_path, seconds):
    """Points from 0 or all from 1, which is said; never some of each."""
    counts = Counts("readings of lists of images")
    path = tmp_path / "group.json"
    for generator in attempts(seconds):
        images = drawn_permutations(generator)
        firsts = [int(first) for first in generator.integers(2, size=len(images))]
        if generator.random() < 0.7:
            firsts = firsts[:1] * len(images)
        written = [[point + first for point in image] for image, first in zip(images, firsts, strict=True)]
        path.write_text(json.dumps({"permutations": written}))
        found: list[Any] = []
        counts.attack(
            f"{path.read_text()}",
            lambda found=found: found.append(parse_group(str(path))),
            lambda found=found, images=images, firsts=firsts: (
                len(set(firsts)) == 1
                and same_generators(found[-1], images)
                and ("from 1" in str(found[-1].notes)) == bool(firsts[0])
            ),
        )
    counts.check()


def written(path: Path, table: Any, separator: str, generator: np.random.Generator) -> None:
    """A table as one of many programmes writes it."""
    rows = [separator.join(map(str, row)) for row in np.asarray(table).tolist()]
    end = str(generator.choice(["\n", "\r\n", "\n\n"]))
    path.write_bytes(str.encode(("\ufeff" if generator.random() < 0.2 else "") + end.join(rows) + end))


@times
def test_tables(tmp_path, seconds):
    """A group's table, from 0 or 1, with or without headers, and an automaton's: each is that, or is refused."""
    counts = Counts("readings of tables")
    names = ["C3", "S3", "C2xC2", "Q8", "D4", "C5"]
    for generator in attempts(seconds):
        path = tmp_path / f"table.{generator.choice(['csv', 'tsv'])}"
        separator = str(generator.choice([",", ";", "\t", " ", ", ", "  ", ";\t", ",;", "|"]))
        found: list[Any] = []
        true: Callable[[], bool]
        if generator.random() < 0.5:
            listed = group(names[int(generator.integers(len(names)))])
            table = listed.table.astype(int)
            renamed = generator.permutation(len(table))
            table = renamed[table[np.ix_(np.argsort(renamed), np.argsort(renamed))]]
            first = int(generator.integers(2))
            kind = str(generator.choice(["bare", "bare", "row", "column", "both"]))
            rows = (table + first).astype(str).tolist()
            labels = [str(i + first) for i in range(len(table))]
            if kind in ("column", "both"):
                rows = [[label, *row] for label, row in zip(labels, rows, strict=True)]
            if kind in ("row", "both"):
                rows = [[*(["*"] if kind == "both" else []), *labels], *rows]
            written(path, rows, separator, generator)
            orders = sorted(listed.element_orders.tolist())

            def true(found=found, first=first, kind=kind, orders=orders):
                same = not isinstance(found[-1], Automaton) and not first and kind == "bare"
                return same and sorted(found[-1].listed().element_orders.tolist()) == orders
        else:
            shape = (int(generator.integers(2, 6)), int(generator.integers(1, 5)))
            table = generator.integers(shape[0], size=shape)
            written(path, table, separator, generator)

            def true(found=found, table=table):
                if isinstance(found[-1], Automaton):
                    return found[-1].table.tolist() == table.tolist()
                # A square table that is a group's is one: read as an automaton it is the same machine.
                listed = found[-1].listed()
                return bool(listed.notes) or listed.table.tolist() == table.tolist()

        counts.attack(
            f"{path.read_text()!r}", lambda path=path, found=found: found.append(parse_machine(str(path))), true
        )
    counts.check()


SIGNS = ["a", "b", "|", "(", ")", "*", "+", "?", ".", "{0}", "{0,0}", "{,2}", "{1,}", "{2}"]
SIGNS += ["[ab]", "[^a]", r"\*", "()"]
WORDS = ["".join(word) for length in range(6) for word in product("ab", repeat=length)]


@times
def test_regular_expressions(seconds):
    """The language by Python's `re`, where that reads the text; `&` by two of them."""
    counts = Counts("readings of regular expressions")
    for generator in attempts(seconds):
        parts = [
            "".join(SIGNS[i] for i in generator.integers(len(SIGNS), size=generator.integers(1, 9)))
            for _ in range(1 + int(generator.random() < 0.3))
        ]
        accepted = set(WORDS)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                for part in parts:
                    pattern = re.compile(part)
                    accepted &= {word for word in WORDS if pattern.fullmatch(word)}
            except (re.error, FutureWarning):
                continue
        # Bars outside parentheses would cut the text elsewhere than between the parts.
        text = "&".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]
        found: list[Automaton] = []

        def read(text: str = text, found: list[Automaton] = found) -> None:
            found.append(regular_expression(text, "*ab"))

        def true(found: list[Automaton] = found, accepted: set[str] = accepted) -> bool:
            return {word for word in WORDS if found[-1].accepts(["*ab".index(x) for x in word])} == accepted

        counts.attack(text, read, true)
    counts.check()
    assert counts.tried < 100 or counts.true > counts.refused


@pytest.mark.parametrize("text", ["a|b&a", "b&a|a", "a&b|a", "a|a&b"])
def test_and_binds_tighter_than_or(text):
    parts = [[frozenset(letter) for letter in piece.split("&")] for piece in text.split("|")]
    language = frozenset().union(*(frozenset.intersection(*piece) for piece in parts))
    automaton = regular_expression(text, "ab")
    assert {x for i, x in enumerate("ab") if automaton.accepts([i])} == language


def test_the_message_for_points_from_zero_is_the_way_out():
    """What the message proposes is read, and is the permutation that was meant."""
    generator = np.random.default_rng(0)
    for _ in range(50):
        images = drawn_permutations(generator)
        text = in_cycles(images[0], " ", 0, False)
        if images[0][0] == 0:  # the point 0 does not move, so nothing shows where points start
            continue
        with pytest.raises(InputError, match="points start from 1") as caught:
            parse_group(text)
        proposed = str(caught.value).rsplit(": ", 1)[1]
        if not proposed.endswith("…"):
            assert same_generators(parse_group(proposed), images[:1])
