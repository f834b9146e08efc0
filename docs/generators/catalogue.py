"""Draws the page of the catalogue: reads docs/atlas.csv, writes docs/catalogue.md and docs/catalogue.png.

Run as `python -m docs.generators.catalogue`.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from subnormal.algebra.depth.blocks.depths import BLOCKS
from subnormal.common.writing import write_figure, write_file

DOCS = Path(__file__).resolve().parents[1]
FAMILIES = {"depth": "AUSSM", "negative_mamba_depth": "Negative Mamba"}
INK, SOFT, BLUE, ORANGE = "#1b2430", "#8a94a3", "#3b6fb6", "#c8742b"


def read_atlas(path: Path = DOCS / "atlas.csv") -> list[dict[str, str]]:
    """The rows of the atlas."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def smallest(rows: list[dict[str, str]], column: str) -> dict[int, list[dict[str, str]]]:
    """For each depth, all groups of the least order that has it."""
    found: dict[int, list[dict[str, str]]] = {}
    for row in rows:
        if row[column]:
            group = found.setdefault(int(row[column]), [row])
            if group[0] is not row and group[0]["order"] == row["order"]:
                group.append(row)
    return dict(sorted(found.items()))


def picture(rows: list[dict[str, str]]) -> Figure:
    """Depth against order for both families, and channels against order; areas count groups."""
    figure = Figure(figsize=(11, 9.5), layout="constrained", facecolor="white")
    axes = figure.subplots(3, 1, sharex=True)
    for axis, (column, title), colour in zip(axes, FAMILIES.items(), (BLUE, ORANGE), strict=False):
        counts = Counter((int(row["order"]), int(row[column])) for row in rows if row[column])
        _bubbles(axis, counts, colour)
        axis.set_ylabel(f"layers\n({title})")
    never = Counter(int(row["order"]) for row in rows if not row["depth"])
    axes[0].plot(list(never), [5] * len(never), marker="x", ls="", color=INK, ms=6)
    axes[0].set_yticks([0, 1, 2, 3, 4, 5], ["0", "1", "2", "3", "4", "never"])
    _bubbles(axes[2], Counter((int(row["order"]), int(row["channels"])) for row in rows if row["depth"]), INK)
    axes[2].set_ylabel("channels\n(invariant factors)")
    axes[2].set_xlabel("order of the group")
    axes[0].set_title("All 7,012 groups of order ≤ 255; the area of a dot counts groups", loc="left", color=INK)
    return figure


def _bubbles(axis: Axes, counts: Counter[tuple[int, int]], colour: str) -> None:
    x, y = zip(*counts, strict=True)
    axis.scatter(x, y, s=[5 + 1.2 * n for n in counts.values()], color=colour, alpha=0.45, lw=0)
    axis.grid(axis="y", color="#e6e9ee", lw=0.8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(colors=SOFT)
    axis.margins(x=0.01, y=0.12)
    axis.set_axisbelow(True)


def page(rows: list[dict[str, str]]) -> str:
    """The page as Markdown."""
    lines = [
        "# The catalogue",
        "",
        "*How many layers does each small group need?*",
        "",
        "All groups of order at most 255: [atlas.csv](atlas.csv), one row a group, written by",
        "`subnormal atlas --max-order 255 --out atlas.csv`. Lists are separated by spaces, layers by",
        "`;`, margins are in turns. `python -m docs.generators.catalogue` draws this page from it. Orders, factors and",
        "both depths of channels agree with GAP's for every group (`pytest -m slow tests/algebra`). `subnormal",
        "catalogue` compiles every group with its generators as alphabet, and the independent checker verifies each.",
        "",
        "![Depth and channels against order](catalogue.png)",
        "",
    ]
    for column, title in FAMILIES.items():
        lines += [f"| layers of {title} | groups | the smallest |", "|---|---|---|"]
        for depth, groups in smallest(rows, column).items():
            count = sum(row[column] == str(depth) for row in rows)
            names = ", ".join(f"SmallGroup({row['order']},{row['id']})" for row in groups[:4])
            more = f" and {len(groups) - 4} more of order {groups[0]['order']}" if len(groups) > 4 else ""
            lines.append(f"| {depth} | {count:,} | {names}{more} |")
        never = sum(not row[column] for row in rows)
        lines += [f"| never | {never:,} | |", ""]
    return "\n".join([*lines, *_blocks(rows), ""])


def _blocks(rows: list[dict[str, str]]) -> list[str]:
    """How many groups need how many layers of each kind of blocks."""
    kinds = {kind.key: kind.title for kind in BLOCKS}
    values = sorted({row[key] for row in rows for key in kinds}, key=lambda value: (value == "", value))
    shown = [value.replace("-", " to ") or "never" for value in values]
    lines = [
        'Layers of blocks ([Blocks](mathematics.md#blocks)); "1 to 2" where the number is not known:',
        "",
        f"| blocks | {' | '.join(shown)} |",
        f"|---|{'---|' * len(values)}",
    ]
    for key, title in kinds.items():
        counts = Counter(row[key] for row in rows)
        lines.append(f"| {title} | {' | '.join(f'{counts[value]:,}' for value in values)} |")
    return lines


def main() -> None:
    """Write the page and its picture."""
    rows = read_atlas()
    write_figure(DOCS / "catalogue.png", picture(rows), dpi=130)
    write_file(DOCS / "catalogue.md", page(rows))


if __name__ == "__main__":
    main()
