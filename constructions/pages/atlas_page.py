"""The atlas as a page: every group of the catalogue in one table that can be searched and sorted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...algebra.arithmetic.abelian_invariants import abelian_name
from ...algebra.depth.atlas import COLUMNS
from ...algebra.depth.families import BLOCKS
from ...algebra.groups.catalogue import LARGEST_ORDER
from ...algebra.groups.identify import small_group_id
from ...algebra.groups.named_groups import FAMILIES, FUNCTIONS
from ...algebra.input.parser import list_group
from ...common.errors import InputError
from ...common.reading import read_csv
from .packing import write_page

SHOWN = ("order", "id", "depth", "negative_mamba_depth", "derived_series", "factors", "channels", "margin",
         *(family.key for family in BLOCKS.values()))  # fmt: skip
"""The columns of the atlas that the page has, after the names."""

PRODUCTS = ("C2xS3", "C2xA4", "C2xS4", "C2xA5", "S3xS3", "S3wrC2", "C2wrC2", "C2wrC3", "C2wrC4", "C3wrC2", "C4wrC2",
            "C2wrC2wrC2", "C3wrC3", "D4xC2", "Q8xC2", "C7:C3", "A4xS3", "C5wrC2", "C2wrC5", "C6wrC2", "C7wrC2",
            "C2wrS3", "D4wrC2", "A4xC3", "S4xC3", "C9:C3")  # fmt: skip
"""Products by whose name a group is looked for, beside the named families."""


def names() -> dict[tuple[int, int], list[str]]:
    """The names that the commands understand, for every group of the catalogue that has one: of the families, of some
    products. Abelian groups are named by their invariants in `write_atlas_page`."""
    found: dict[tuple[int, int], list[str]] = {}
    for name in _candidates():
        try:
            key = small_group_id(list_group(name))
        except InputError:  # not a member of the family, or too large
            continue
        if key is not None and name not in found.setdefault(key, []):
            found[key].append(name)
    return found


def _candidates() -> Iterator[str]:
    sizes = {"C": (), "Z": (), "S": range(3, 6), "A": range(4, 6), "V": (4,)} | dict.fromkeys(["M", "J", "K", "QD"], ())
    for letter in FAMILIES:
        for n in sizes.get(letter, range(3, LARGEST_ORDER + 1)):
            order = n * (1 if letter in ("Q", "SD", "F", "S", "A", "V") else 2 if letter == "D" else 4)
            if order <= LARGEST_ORDER:
                yield f"{letter}{n}"
    for name in ("Heis", "AGL", "SL", "GL", "PSL"):
        arguments = FUNCTIONS[name][0]
        for q in (2, 3, 4, 5, 7, 8, 9, 11, 13, 16):
            if arguments == 1:
                if q**3 <= LARGEST_ORDER:
                    yield f"{name}({q})"
            elif name == "AGL":
                if q * (q - 1) <= LARGEST_ORDER:
                    yield f"{name}(1,{q})"
            elif q * (q * q - 1) // 2 <= LARGEST_ORDER:
                yield f"{name}(2,{q})"
    yield from PRODUCTS


def read_atlas(path: Path) -> list[dict[str, str]]:
    """The rows of a file that `atlas` wrote. Raises `InputError` for another file."""
    rows = read_csv(path, wanted="wanted a table that `atlas` wrote")
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(f"{path}: its columns are not those of the atlas; wanted a table that `atlas` wrote")
    for number, row in enumerate(rows, 1):
        if len(row) != len(COLUMNS):
            raise InputError(f"{path}: row {number} has {len(row)} columns, wanted {len(COLUMNS)}")
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]


def write_atlas_page(path: Path, table: Path) -> int:
    """Write the page of an atlas; returns its size in bytes.

    Raises:
        InputError: the table is not an atlas, or the page cannot be written.
    """
    known = names()
    rows: list[list[Any]] = []
    for row in read_atlas(table):
        own = list(known.get((int(row["order"]), int(row["id"])), []))
        if row["depth"] in ("0", "1"):
            moduli = [int(n) for n in row["factors"].split()]
            own.insert(0, abelian_name(moduli) if moduli else "C1")
        rows.append([", ".join(dict.fromkeys(own)), *(_number(row[name]) for name in SHOWN)])
    data = {"columns": ["names", *SHOWN], "rows": rows}
    return write_page(path, "The atlas · state tracking", "atlas.html", ("drawing.js", "atlas.js"), data)


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text
