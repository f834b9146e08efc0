"""Layers of blocks trained as the papers train theirs, from random and from compiled weights, beside AUSSM and delta.

One cell for each group and family: as many layers as theory asks for, one where no number of layers does. The budget is
small, so that all cells take less than an hour of one processor: a cross says that *this budget* did not find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..algebra.depth.families import ALL_FAMILIES, BLOCKS, REFLECTIONS
from ..algebra.depth.inspection import inspect_group
from ..algebra.input.parser import list_group
from ..common.wording import counted
from ..common.writing import write_file
from ..models.training.live import train_watched
from ..models.training.pool import Resources
from ..models.training.runs import RunStore
from .cells import REACHED, Budget, Cell, outcome, shown
from .folder import protocol, write_record

SETTINGS = {
    "batch": 32, "length": "2>>60", "steps": 1000, "check_every": 250, "check_words": 16, "check_length": 400,
    "test_words": 200, "test_length": 400, "channels": 12, "weight_decay": 0.3, "keep": "best",
}  # fmt: skip

SHALLOW, DEEP = Budget(3, (1e-2,), SETTINGS), Budget(3, (2e-3,), SETTINGS)
"""For one layer, and for more: with more than one nothing was learnt at 0.01 (experiments/tables.py)."""

QUICK = Budget(1, (1e-2,), SETTINGS | {"steps": 60, "check_every": 30, "test_words": 20, "test_length": 100})

GROUPS = ("S3", "A4", "S4", "A5", "S5", "Q8")
FAMILIES = ("block-2", "block-3", "block-4", "complex-block-2", "aussm", "gated-aussm", *(f.name for f in REFLECTIONS.values()))


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
    for group in GROUPS[: 1 if quick else None]:
        for family in FAMILIES[:2] if quick else FAMILIES:
            depth = depth_of(group, family)
            budget = QUICK if quick else SHALLOW if depth.layers == 1 else DEEP
            settings: dict[str, object] = {"group": group, "family": family, "layers": depth.layers}
            cells.append(budget.cell(group, family, depth.text, **settings))
    return cells


def reproduce_block_training(folder: Path, quick: bool, machine: Resources) -> Path:
    """Train all cells into a folder, and write the page; returns it. Started again, it goes on."""
    cells = random_cells(quick)
    store = RunStore(folder / "store")
    runs = list({run.key: run for cell in cells for run in cell.runs}.values())
    train_watched(runs, store, machine)
    write_record(folder, "train-blocks", quick, runs, store)
    seconds = sum(row["batch_seconds"] / row["batch_runs"] for row in store.of(runs))
    parts = [
        f"# Blocks beside AUSSM and delta-rule layers{' (quick)' if quick else ''}",
        f"Written by `subnormal reproduce train-blocks`; {len(runs)} runs, {seconds / 60:.0f} minutes by the clock, of "
        "one process beside other work. The budget is small: a cross says that this budget did not find it, and "
        "nothing of what more would find.",
        protocol([run for cell in cells for run in cell.runs]),
        _table(cells, store),
        "*Never*, *?* (a layer of so few factors does not hold the group's own representations, and larger groups were "
        "not looked at): one layer is trained. Runs: rows.jsonl; settings: config.json.\n",
    ]
    page = folder / "README.md"
    write_file(page, "\n\n".join(parts))
    return page


def _table(cells: Sequence[Cell], store: RunStore) -> str:
    """A row for each group; in a cell the depth by theory, the longest length, and how many runs reach 100."""
    columns = list(dict.fromkeys(cell.column for cell in cells))
    lines = [
        f"Layers by theory: longest length learnt (runs that reach {REACHED}).",
        "",
        f"| group | {' | '.join(columns)} |",
        f"|---{'|---' * len(columns)}|",
    ]
    for row in dict.fromkeys(cell.row for cell in cells):
        entries = []
        for cell in cells:
            if cell.row == row:
                found = outcome(cell, store)
                entries.append(f"{cell.paper}: {shown(found.best)} ({found.reached}/{found.runs})")
        lines.append(f"| {row} | {' | '.join(entries)} |")
    return "\n".join(lines)
