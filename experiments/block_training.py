"""Layers of blocks trained as the papers train theirs, from random and from compiled weights, beside AUSSM and delta.

One cell for each group and family: as many layers as theory asks for, one where no number of layers does. The budget is
small, so that all cells take less than an hour of one processor: a cross says that *this budget* did not find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..algebra.depth.families import ALL_FAMILIES, REFLECTIONS
from ..algebra.depth.inspection import inspect_group
from ..algebra.input.parser import list_group
from ..common.writing import write_file
from ..models.training.live import train_watched
from ..models.training.pool import Resources
from ..models.training.runs import RunStore
from .cells import REACHED, Budget, Cell, outcome, shown
from .folder import protocol, write_record

SETTINGS = {
    "batch": 64, "length": "2>>40", "steps": 400, "check_every": 200, "check_words": 8, "check_length": 200,
    "test_words": 100, "test_length": 200, "channels": 12, "weight_decay": 0.3, "keep": "best",
}  # fmt: skip

SHALLOW, DEEP = Budget(4, (1e-2,), SETTINGS), Budget(4, (2e-3,), SETTINGS)
"""For one layer, and for more: with more than one nothing was learnt at 0.01 (experiments/tables.py)."""

NEAR: dict[str, Any] = {
    "init": "compiled", "noise": 0.01, "learning_rate": 3e-4, "batch": 8, "length": "2>>1000", "steps": 600,
    "check_every": 100, "check_words": 4, "check_length": 1000, "test_words": 100, "test_length": 1000, "keep": "best",
}  # fmt: skip
"""From compiled weights that are shaken; else as `train --init compiled` does it. Words of 1,000, as nothing shows a
turn that is off by less than what adds up over shorter ones."""

NEAR_CELLS = (
    ("S4", "block-3"),
    ("S4", "block-2"),
    ("A5", "block-3"),
    ("A5", "complex-block-2"),
)
"""Group, family; each also without what keeps blocks from stretching."""

QUICK = Budget(1, (1e-2,), SETTINGS | {"steps": 60, "check_every": 30, "test_words": 20, "test_length": 100})

GROUPS = {"S3": "all", "Q8": "all", "A4": "all", "S4": "all", "A5": "generators", "S5": "generators"}
"""The groups, and what their tokens are: with all elements of A5 and S5 as tokens six times as many words were not
enough for delta-rule layers (results/deltaproduct)."""

FAMILIES = (
    "block-2",
    "block-3",
    "block-4",
    "complex-block-2",
    "gated-aussm",
    "aussm",
    *(f.name for f in REFLECTIONS.values()),
)


@dataclass(frozen=True)
class Depth:
    """What theory says: `layers` are trained, and `text` is shown."""

    layers: int
    text: str


@cache
def depth_of(group: str, family: str) -> Depth:
    """How many layers a family needs for a group. A delta-rule layer of k factors does where a faithful sum of the
    group's representations asks for at most k reflections an element; else that is not decided here."""
    found = inspect_group(list_group(group)).as_json()
    record = ALL_FAMILIES[family]
    if record.factors:
        needed = found["householders"]
        return Depth(1, "1" if needed is not None and needed <= record.factors else "?")
    layers = found["depth_by_family"][record.key]
    if layers is None:
        return Depth(1, "never")
    return Depth(layers, str(layers)) if isinstance(layers, int) else Depth(layers[0], f"{layers[0]} to {layers[1]}")


def random_cells(quick: bool) -> list[Cell]:
    """Every group with every family, from random weights."""
    cells = []
    for group, alphabet in list(GROUPS.items())[: 1 if quick else None]:
        for family in FAMILIES[:2] if quick else FAMILIES:
            depth = depth_of(group, family)
            budget = QUICK if quick else SHALLOW if depth.layers == 1 else DEEP
            settings = {"group": group, "family": family, "layers": depth.layers, "alphabet": alphabet}
            row = group if alphabet == "all" else f"{group}, {alphabet}"
            cells.append(budget.cell(row, family, depth.text, **settings))
    return cells


def near_cells(quick: bool) -> list[Cell]:
    """From compiled weights, shaken."""
    cells = []
    fewer = {"steps": 2, "length": "8", "check_every": 2, "check_length": 20, "test_length": 40} if quick else {}
    budget = Budget(1 if quick else 3, (NEAR["learning_rate"],), NEAR | fewer)
    for group, family in NEAR_CELLS[: 1 if quick else None]:
        for changes in ({}, {"stretch_penalty": 0.0}):
            cells.append(budget.cell(f"{group}, {family}", "near", "", group=group, family=family, **changes))
    return cells


def reproduce_block_training(folder: Path, quick: bool, machine: Resources) -> Path:
    """Train all cells into a folder, group by group, and write the page after each; returns it. Started again, it goes
    on."""
    cells, near = random_cells(quick), near_cells(quick)
    store = RunStore(folder / "store")
    for group in dict.fromkeys(cell.row for cell in [*near, *cells]):
        train_watched([run for cell in [*near, *cells] if cell.row == group for run in cell.runs], store, machine)
        page = write_page(folder, cells, near, store, quick)
    return page


def write_page(folder: Path, cells: Sequence[Cell], near: Sequence[Cell], store: RunStore, quick: bool = False) -> Path:
    """rows.jsonl, config.json and README.md from the cells that are done; returns the page."""
    cells, near = ([cell for cell in some if not store.missing(cell.runs)] for some in (cells, near))
    runs = [run for cell in cells for run in cell.runs]
    write_record(folder, "train-blocks", quick, [*runs, *(run for cell in near for run in cell.runs)], store)
    parts = [
        f"# Blocks beside AUSSM and delta-rule layers{' (quick)' if quick else ''}",
        "Written by `subnormal reproduce train-blocks`. The budget is small: a cross says that this budget did not "
        "find it, and nothing of what more would find.",
        *([protocol(runs), _table(cells, store)] if cells else []),
        *([_near_table(near, store)] if near else []),
        "*?*: a layer of so few factors does not hold the group's own representations; those of larger groups were not "
        "looked at. There, and where theory says *never*, one layer is trained. Empty cells were "
        "not run yet: the same command goes on. Runs: rows.jsonl; settings: config.json.\n",
    ]
    page = folder / "README.md"
    write_file(page, "\n\n".join(parts))
    return page


def _table(cells: Sequence[Cell], store: RunStore) -> str:
    """A row for each group; in a cell the depth by theory, the longest length, and how many runs reach 100."""
    columns = [name for name in FAMILIES if any(cell.column == name for cell in cells)]
    lines = [
        f"Layers by theory: the longest length learnt (runs that reach {REACHED}).",
        "",
        f"| group | {' | '.join(columns)} |",
        f"|---{'|---' * len(columns)}|",
    ]
    for row in dict.fromkeys(cell.row for cell in cells):
        entries = dict.fromkeys(columns, "")  # of cells that are not done yet
        for cell in cells:
            if cell.row == row:
                found = outcome(cell, store)
                entries[cell.column] = f"{cell.paper}: {shown(found.best)} ({found.reached}/{found.runs})"
        lines.append(f"| {row} | {' | '.join(entries.values())} |")
    return "\n".join(lines)


def _near_table(cells: Sequence[Cell], store: RunStore) -> str:
    """What is kept from compiled weights that were shaken."""
    lines = [
        "## From compiled weights",
        "",
        f"Every weight is shaken by σ = {NEAR['noise']}; then {cells[0].runs[0].steps} steps of {NEAR['batch']} words, "
        f"{NEAR['length']} tokens, at the rate {NEAR['learning_rate']:g}. The longest lengths of all runs, of at most "
        f"{NEAR['test_length']:,} tokens, with and without what keeps blocks from stretching:",
        "",
        "| group, family | stretch penalty | longest lengths |",
        "|---|---|---|",
    ]
    for cell in cells:
        longest = ", ".join(str(row["test"]["longest"]) for row in store.of(cell.runs))
        lines.append(f"| {cell.row} | {cell.runs[0].stretch_penalty:g} | {longest} |")
    return "\n".join(lines)
