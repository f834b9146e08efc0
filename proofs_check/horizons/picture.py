"""Proved and observed horizons of C2 … C60 against the modulus: the measurement and the picture."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from ...algebra.depth.families import CIRCLE
from ...algebra.input.parser import list_group
from ...algebra.tracked import KINDS, TrackedGroup
from ...common.reading import read_csv
from ...common.writing import write_figure, write_file
from ...constructions.arithmetics import ARITHMETICS
from ...constructions.compiler import compile_group
from .horizon import proved_horizon
from .runs import first_failures

COLUMNS = ("modulus", "channels", "arithmetic", "proved", *KINDS, "length")
"""Of the table: empty `proved` means no limit, an empty word no failure within `length` tokens."""

COLOURS = {
    "turns": "#1b7837",
    "complex128": "#2166ac",
    "complex64": "#67a9cf",
    "float64": "#762a83",
    "float32": "#d6604d",
    "bfloat16": "#8c510a",
}


def measure(moduli: Sequence[int], length: int, report: Callable[[int], None] = lambda n: None) -> list[dict[str, str]]:
    """Proved horizons and first failures of cyclic groups, with invariant and primary channels, over all tokens."""
    rows = []
    for n in moduli:
        group = list_group(f"C{n}")
        for channels in ("invariant", "primary"):
            cascade = compile_group(group, [CIRCLE], "all", channels).cascade
            found = first_failures(cascade, TrackedGroup(group, cascade.alphabet), ARITHMETICS[1:], KINDS, length)
            for name in ARITHMETICS[1:]:
                proved = proved_horizon(cascade, name)
                own = [observation for observation in found if observation.arithmetic == name]
                words = {o.word: "" if o.first_wrong is None else str(o.first_wrong) for o in own}
                row = {"modulus": str(n), "channels": channels, "arithmetic": name, "length": str(length)}
                rows.append(row | {"proved": "" if proved is None else str(proved)} | words)
        report(n)
    return rows


def write_table(rows: Sequence[dict[str, str]], path: Path) -> None:
    """The table as CSV. Raises `InputError` where it cannot be written."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_file(path, text.getvalue(), "give another place with --plot")


def read_table(path: Path) -> list[dict[str, str]]:
    """A table written by `write_table`."""
    names, *rows = read_csv(path)
    return [dict(zip(names, row, strict=True)) for row in rows]


def draw(rows: Sequence[dict[str, str]], path: Path) -> None:
    """The picture: proved horizons as lines, the earliest observed failure of the three words as points.

    Raises `InputError` where it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    length = max(int(row["length"]) for row in rows)
    for axes, channels, title in (
        (left, "invariant", "invariant factors: one channel modulo n"),
        (right, "primary", "primary factors: one channel for each prime power"),
    ):
        for name, colour in COLOURS.items():
            chosen = [row for row in rows if row["channels"] == channels and row["arithmetic"] == name]
            # A gap where there is no limit.
            proved = [max(0.5, float(row["proved"])) if row["proved"] else math.nan for row in chosen]
            axes.plot([int(row["modulus"]) for row in chosen], proved, color=colour, lw=1.4, label=f"{name}, proved")
            failures = [
                (int(row["modulus"]), min(int(row[word]) for word in KINDS if row[word]))
                for row in chosen
                if any(row[word] for word in KINDS)
            ]
            if failures:
                points = [n for n, _ in failures], [t for _, t in failures]
                axes.plot(*points, ".", color=colour, ms=5, label=f"{name}, first failure observed")
        axes.axhline(length, color="0.5", lw=0.9, ls=":", label=f"longest word tried: {length:,} tokens")
        axes.set(yscale="log", xlabel="modulus n of C$_n$", title=title, xlim=(1, 61), ylim=(0.4, 1e20))
        axes.grid(alpha=0.25, lw=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_ylabel("tokens (0 drawn as 0.5)")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    write_figure(path, figure, "give another place with --plot", dpi=150)
