"""docs/field-groups.md: the collection's 94 groups are ours of the same order, and the page is what the code says."""

from __future__ import annotations

import importlib.util
import math
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def generator():
    specification = importlib.util.spec_from_file_location("field_groups", DOCS / "generators" / "field_groups.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


FIELD = generator()
ROWS = {
    cells[0]: cells
    for line in (DOCS / "field-groups.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and (cells := [cell.strip() for cell in line.strip("| ").split("|")])[0] in FIELD.NAMES
}


def order(name: str) -> int:
    """The order by its formula."""
    kind, numbers = re.match("[a-z]+", name)[0], [int(x) for x in re.findall(r"\d+", name)]
    first = numbers[0]
    if kind == "psl":
        n, q = numbers
        full = math.prod(q**n - q**i for i in range(n)) // (q - 1)
        return full // math.gcd(n, q - 1)
    if kind == "z":
        return first ** numbers[1]
    formulas = {"c": first, "d": 2 * first, "v": first, "q": first, "f": first, "s": math.factorial(first),
                "a": math.factorial(first) // 2, "m": {11: 7920, 12: 95040}.get(first, 0)}  # fmt: skip
    return formulas[kind]


def test_every_group_has_its_order():
    assert len(FIELD.NAMES) == len(ROWS) == 94
    assert {name: int(cells[2].replace(",", "")) for name, cells in ROWS.items()} == {n: order(n) for n in FIELD.NAMES}


def test_solvable_is_what_has_layers():
    unsolvable = {name for name, cells in ROWS.items() if cells[5] == "never"}
    assert unsolvable == {
        *(f"{kind}{n}" for kind in "sa" for n in range(5, 10)),
        *(f"psl2_{q}" for q in (4, 5, 7, 8, 9, 11)),
        *(f"psl3_{q}" for q in (2, 3, 4, 5)),
        *("m11", "m12"),
    }


@pytest.mark.parametrize("name", ["c2", "c30", "d7", "d16", "v4", "q8", "z5_2", "f20", "f21", "s4", "a5", "psl2_3"])
def test_rows_are_what_inspect_says(name):
    cells, solvable = FIELD.row(name, FIELD.NAMES[name])
    assert cells == ROWS[name]
    assert solvable is (cells[5] != "never")
