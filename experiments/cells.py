"""Cells of a table: all runs of one group and one model, and what they came to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..models.training.configuration import RunConfiguration
from ..models.training.runs import Row, RunStore

REACHED = 100
"""Below this length the papers write a cross."""

CROSS = "✘"


@dataclass(frozen=True)
class Budget:
    """What each cell may spend.

    Arguments:
        seeds, rates: every seed with every learning rate.
        settings: the other settings of a run.
    """

    seeds: int
    rates: tuple[float, ...]
    settings: dict

    @property
    def runs(self) -> int:
        """Runs in a cell."""
        return self.seeds * len(self.rates)

    def cell(self, row: str, column: str, paper: str, **changes: object) -> Cell:
        """A cell with every seed and learning rate of the budget."""
        base = RunConfiguration.from_json(self.settings | changes)
        runs = [base.with_changes(seed=seed, learning_rate=rate) for rate in self.rates for seed in range(self.seeds)]
        return Cell(row, column, paper, tuple(runs))


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its place, the paper's figure (empty where it gives none), and its runs."""

    row: str
    column: str
    paper: str
    runs: tuple[RunConfiguration, ...]


@dataclass(frozen=True)
class Outcome:
    """What the runs of a cell came to, in longest lengths on test words.

    Arguments:
        best: of the run chosen on *validation* words.
        rate: that run's learning rate.
        median: over all runs.
        reached: runs at `REACHED` or beyond.
        solved: runs right at every evaluated length.
        runs: all of them.
    """

    best: int
    rate: float
    median: float
    reached: int
    solved: int
    runs: int


def outcome(cell: Cell, store: RunStore) -> Outcome:
    """The outcome of a cell all of whose runs are in the store."""
    rows = store.of(cell.runs)
    assert len(rows) == len(cell.runs)
    chosen = max(rows, key=merit)
    longest = [row["test"]["longest"] for row in rows]
    return Outcome(
        chosen["test"]["longest"],
        chosen["configuration"]["learning_rate"],
        statistics.median(longest),
        sum(length >= REACHED for length in longest),
        sum(length == row["test"]["lengths"][-1] for length, row in zip(longest, rows, strict=True)),
        len(rows),
    )


def merit(row: Row) -> tuple[int, float]:
    """What a run is chosen by; test words have no part in it."""
    validation = row["validation"]
    return validation["longest"], statistics.fmean(validation["last"])


def shown(length: float) -> str:
    """A longest length as the papers print it."""
    return f"{length:g}" if length >= REACHED else CROSS


def cell_table(cells: Sequence[Cell], store: RunStore, first: str, second: str) -> str:
    """A table in Markdown, one line for each cell, the paper's figure beside ours."""
    lines = [
        f"| {first} | {second} | paper | ours, best | learning rate | ours, median | runs ≥ {REACHED} | solved |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        found = outcome(cell, store)
        lines.append(
            f"| {cell.row} | {cell.column} | {cell.paper or '–'} | {_with_raw(found.best)} | {found.rate:g} "
            f"| {_with_raw(found.median)} | {found.reached}/{found.runs} | {found.solved}/{found.runs} |"
        )
    return "\n".join(lines)


def _with_raw(length: float) -> str:
    return shown(length) if length >= REACHED else f"{CROSS} ({length:g})"


def disagreements(cells: Sequence[Cell], store: RunStore) -> list[str]:
    """The cells where ours and the paper's fall on different sides of a cross."""
    found = []
    for cell in cells:
        best = outcome(cell, store).best
        if cell.paper and (cell.paper == CROSS) != (best < REACHED):
            found.append(f"- {cell.row}, {cell.column}: paper {cell.paper}, ours {_with_raw(best)}")
    return found
