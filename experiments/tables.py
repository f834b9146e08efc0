"""Tables of longest lengths: table 1 (one layer), table 2 (depth, and what made the difference), parity, and factors
of delta-rule layers (experiments/delta_product.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..common.wording import counted
from ..common.writing import write_figure, write_file
from ..models.training.live import train_watched
from ..models.training.pool import Resources
from ..models.training.runs import RunStore
from .cells import Budget, Cell, cell_table, disagreements, merit
from .delta_product import delta_product_cells
from .folder import protocol, write_record

FULL = Budget(
    5,
    (1e-3, 3e-3, 1e-2),
    {
        "batch": 16, "length": "2-60", "steps": 6000, "check_every": 200, "check_words": 16, "check_length": 1000,
        "weight_decay": 0.3, "keep": "best",
    },
)  # fmt: skip
DEEP = replace(FULL, rates=(5e-4, 1e-3, 2e-3))
"""For more than one layer: in trials on S3 no run at 0.01 learned anything, and none got beyond parity at 0.0003."""

QUICK = Budget(
    2,
    (3e-3,),
    {
        "batch": 16, "length": "2-60", "steps": 1500, "check_every": 250, "check_words": 8, "check_length": 240,
        "channels": 8, "hidden": 32, "readout": 16, "test_words": 1000, "test_length": 240,
        "weight_decay": 0.3, "keep": "best",
    },
)  # fmt: skip

TITLES = {
    "mamba": "Mamba",
    "negative-mamba": "Negative Mamba",
    "simple-aussm": "Simple AUSSM",
    "aussm": "AUSSM",
    "rnn": "RNN",
    "s4d": "S4D",
}

TABLE_1 = {
    "C2": ("✘", "1000", "160", "1000", "1000"),
    "C6": ("✘", "✘", "240", "940", "1000"),
    "C24": ("✘", "✘", "240", "260", "1000"),
    "C60": ("✘", "✘", "300", "240", "✘"),
    "S3": ("✘", "✘", "✘", "✘", "1000"),
    "A4": ("✘", "✘", "✘", "✘", "1000"),
    "A5": ("✘", "✘", "✘", "✘", "✘"),
}
"""The paper's longest lengths for Mamba, Negative Mamba, Simple AUSSM, AUSSM, RNN."""

TABLE_2 = {
    ("C2", "aussm"): ("1000", "200"),
    ("C2xC4", "negative-mamba"): ("✘", "360"),
    ("S3", "aussm"): ("✘", "✘"),
    ("A4", "aussm"): ("✘", "✘"),
    ("S4", "aussm"): (),
}
"""The paper's longest lengths for 1 and 2 layers; S4 and 3 layers are ours."""

GROWING: dict[str, object] = {"length": "2>60"}
ABLATIONS: dict[tuple[str, int], dict[str, dict[str, object]]] = {
    ("C6", 1): {
        "as in table 1": {},
        "no weight decay": {"weight_decay": 0.0},
        "last check kept": {"keep": "last"},
        "4 channels": {"channels": 4},
        "lengths growing": GROWING,
    },
    ("S3", 2): {
        "as above": {},
        "φ linear": {"phi": "linear"},
        "ψ hard decisions": {"activation": "hard"},
        "generators as alphabet": {"alphabet": "generators"},
        "lengths growing": GROWING,
        "Negative Mamba, AUSSM": {"family": "negative-mamba,aussm"},
        "Negative Mamba, AUSSM; lengths growing": {"family": "negative-mamba,aussm", **GROWING},
    },
    ("A4", 2): {
        "lengths growing": GROWING,
        "AUSSM, Negative Mamba; lengths growing": {"family": "aussm,negative-mamba", **GROWING},
    },
    ("S4", 3): {
        "lengths growing": GROWING,
        "Negative Mamba, AUSSM, Negative Mamba; lengths growing": {
            "family": "negative-mamba,aussm,negative-mamba",
            **GROWING,
        },
    },
}
"""AUSSM with one change at a time; last, the stacks in which each layer is the least family that carries its factor
(S3: C2, C3; A4: C3, C2²; S4: C2, C3, C2²)."""

PARITY = ("s4d", "mamba", "s4d,s4d", "mamba,mamba", "s4d,mamba", "mamba,s4d", "negative-mamba", "aussm")
PARITY_SOLVES = ("negative-mamba", "aussm")


def budget(quick: bool, layers: int = 1) -> Budget:
    """The budget of a cell."""
    if quick:
        return QUICK
    return FULL if layers == 1 else DEEP


def table1_cells(quick: bool) -> list[Cell]:
    """Seven groups and five models of one layer. The RNN gets 64 channels: its state is its only memory."""
    cells = []
    for group, papers in TABLE_1.items():
        for family, paper in zip(("mamba", "negative-mamba", "simple-aussm", "aussm", "rnn"), papers, strict=True):
            width = {"channels": 32 if quick else 64} if family == "rnn" else {}
            cells.append(budget(quick).cell(group, TITLES[family], paper, group=group, family=family, **width))
    return cells


def table2_cells(quick: bool) -> list[Cell]:
    """Depths 1, 2 and 3."""
    cells = []
    for (group, family), papers in TABLE_2.items():
        for layers in (1, 2, 3):
            paper = papers[layers - 1] if layers <= len(papers) else ""
            column = f"{TITLES[family]}, {counted(layers, 'layer')}"
            cells.append(budget(quick, layers).cell(group, column, paper, group=group, family=family, layers=layers))
    return cells


def ablation_cells(quick: bool) -> list[Cell]:
    """The changes of `ABLATIONS`."""
    cells = []
    for (group, layers), variants in ABLATIONS.items():
        row = f"{group}, {counted(layers, 'layer')}"
        for name, changes in variants.items():
            settings: dict[str, object] = {"group": group, "family": "aussm", "layers": layers, **changes}
            cells.append(budget(quick, layers).cell(row, name, "", **settings))
    return cells


def parity_cells(quick: bool) -> list[Cell]:
    """Stacks on parity. The parity paper gives a theorem and no lengths: a cross where no stack of the kind can."""
    cells = []
    for stack in PARITY:
        name = " then ".join(TITLES[family] for family in stack.split(","))
        paper = "can" if stack in PARITY_SOLVES else "✘"
        cells.append(budget(quick).cell("parity (C2)", name, paper, group="C2", family=stack))
    return cells


def reproduce_table(name: str, folder: Path, quick: bool, machine: Resources) -> Path:
    """Run table1, table2, parity or deltaproduct into a folder; returns the page written."""
    made = {"table1": table1_cells, "table2": table2_cells, "parity": parity_cells, "deltaproduct": delta_product_cells}
    cells = made[name](quick)
    extra = ablation_cells(quick) if name == "table2" else []
    store = RunStore(folder / "store")
    runs = list({run.key: run for cell in [*cells, *extra] for run in cell.runs}.values())
    train_watched(runs, store, machine)
    write_record(folder, name, quick, runs, store)
    draw_cells([*cells, *extra], store, folder / "plot.png", name)
    parts = [
        f"# {HEADINGS[name]}{' (quick)' if quick else ''}",
        QUICK_NOTE if quick else "",
        protocol([run for cell in cells for run in cell.runs]),
        cell_table(cells, store, "group", "model"),
    ]
    different = disagreements(cells, store)
    if name != "parity":
        parts.append("## Where ours and the paper's differ\n\n" + ("\n".join(different) or "Nowhere."))
    if extra:
        parts.append("## What makes the difference\n\n" + cell_table(extra, store, "group", "change"))
    parts.append("![accuracy against length](plot.png)\n\nRuns: rows.jsonl; settings: config.json.\n")
    page = folder / "README.md"
    write_file(page, "\n\n".join(part for part in parts if part))
    return page


HEADINGS = {
    "table1": "Table 1: one layer of each model",
    "table2": "Table 2: one, two and three layers",
    "parity": "Parity: mixtures of S4D and Mamba",
    "deltaproduct": "DeltaProduct: one layer of 1 to 4 Householder factors",
}
QUICK_NOTE = (
    "This is the quick version: few runs, few steps, small networks, short words. "
    "It shows that the experiment runs; its figures are no finding."
)


def draw_cells(cells: Sequence[Cell], store: RunStore, path: Path, title: str) -> None:
    """One picture for each row: accuracy against length, the chosen run of each column and the median behind it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = list(dict.fromkeys(cell.row for cell in cells))
    lines = -(-len(rows) // 4)
    columns = -(-len(rows) // lines)
    size = (4.2 * columns + 1.5, 3 * lines + 0.8)
    figure, axes = pyplot.subplots(lines, columns, figsize=size, layout="constrained", sharey=True, squeeze=False)
    for axis in axes.ravel()[len(rows) :]:
        axis.axis("off")
    for axis, row in zip(axes.ravel(), rows, strict=False):
        for i, cell in enumerate([cell for cell in cells if cell.row == row]):
            found = store.of(cell.runs)
            curves = np.array([entry["test"]["last"] for entry in found])
            lengths = found[0]["test"]["lengths"]
            chosen = max(range(len(found)), key=lambda run: merit(found[run]))
            colour = f"C{i % 10}"
            axis.plot(lengths, curves[chosen], color=colour, label=cell.column)
            axis.plot(lengths, np.median(curves, axis=0), color=colour, alpha=0.4, linestyle="--", linewidth=1)
        axis.axhline(0.9, color="0.6", linewidth=0.8, linestyle=":")
        axis.set(title=row, xlabel="length T", ylim=(0, 1.03))
        axis.legend(fontsize=6, loc="best", framealpha=0.5)
    for axis in axes[:, 0]:
        axis.set_ylabel("share right at T")
    figure.suptitle(f"{title}: chosen run (solid), median of all runs (dashed)")
    write_figure(path, figure, dpi=110)
    pyplot.close(figure)
