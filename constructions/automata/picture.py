"""The picture of an automaton's cascade: for every layer what each letter does to each channel's circle.

A channel of modulus n is a circle with n dots. A token that turns it is drawn as arcs from every dot to the next; one
that sets it as spokes from every dot to the one that it is set to, filled; one that leaves it as bare dots. Several
channels of a layer are circles inside each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...common.wording import counted
from ...common.writing import write_figure
from ..cascade import CascadeLayer
from .account import lower_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .compiler import AutomatonCompilation

MAX_LETTERS, MAX_STATES = 10, 5
"""Letters, and lower states of each layer, that are drawn."""

TURN, SET, IDLE = "#1f5fa8", "#c2571a", "#9aa0a6"


def draw(compilation: AutomatonCompilation, path: Path) -> None:
    """Draw the cascade into a PNG, SVG or PDF file.

    Raises:
        InputError: the file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cascade, automaton = compilation.cascade, compilation.automaton
    rows = [
        (i, u, residues)
        for i in range(len(cascade.layers))
        for u, residues in enumerate(lower_labels(cascade, i, MAX_STATES))
    ]
    letters = range(min(automaton.width, MAX_LETTERS))
    figure = Figure(figsize=(1.6 + 1.25 * len(letters), 0.9 + 1.3 * len(rows)), dpi=150)
    FigureCanvasAgg(figure)
    families = ", ".join(layer.title for layer in compilation.stack)
    title = f"{compilation.given.name}: {families}, {counted(len(cascade.layers), 'layer')}"
    figure.suptitle(title, fontsize=11, y=1 - 0.25 / figure.get_figheight())
    grid = figure.subplots(len(rows), len(letters), squeeze=False)
    for row, (i, u, residues) in enumerate(rows):
        more = " …" if len(cascade.layers[i].increments) > MAX_STATES and u == MAX_STATES - 1 else ""
        for x in letters:
            axes = grid[row][x]
            _circles(axes, cascade.layers[i], u, x)
            if row == 0 or rows[row - 1][0] != i:
                axes.set_title(automaton.letters[x], fontsize=8)
            if x == 0:
                label = f"layer {i + 1}" + (f"\nr = {residues}{more}" if residues else "")
                axes.text(-1.5, 0, label, fontsize=8, ha="right", va="center")
    figure.subplots_adjust(
        left=1.2 / figure.get_figwidth(), right=0.99, bottom=0.01, top=1 - 0.7 / figure.get_figheight()
    )
    dated = {".svg": "Date", ".pdf": "CreationDate"}.get(path.suffix.lower())
    with mpl.rc_context({"svg.hashsalt": "subnormal"}):
        write_figure(path, figure, "wanted e.g. --out out.png", metadata={dated: None} if dated else None)


def _circles(axes: Axes, layer: CascadeLayer, state: int, letter: int) -> None:
    from matplotlib.patches import Circle, FancyArrowPatch

    axes.set_xlim(-1.25, 1.25)
    axes.set_ylim(-1.25, 1.25)
    axes.set_aspect("equal")
    axes.axis("off")
    for c, n in enumerate(layer.moduli):
        radius = 1 - 0.75 * c / len(layer.moduli)
        value = int(layer.increments[state, letter, c])
        sets = layer.resets is not None and bool(layer.resets[state, letter, c])
        colour = SET if sets else TURN if value else IDLE
        axes.add_patch(Circle((0, 0), radius, fill=False, color=IDLE, linewidth=0.5))
        points = radius * np.exp(2j * np.pi * np.arange(n) / n)
        target = np.full(n, value) if sets else (np.arange(n) + value) % n
        for start, end in zip(range(n), target.tolist(), strict=True):
            if start != end and n <= 24:
                a, b = points[start], points[end]
                style = "arc3" if sets else "arc3,rad=0.25"
                axes.add_patch(
                    FancyArrowPatch(
                        (a.real, a.imag),
                        (b.real, b.imag),
                        connectionstyle=style,
                        arrowstyle="-|>",
                        mutation_scale=6,
                        color=colour,
                        linewidth=0.8,
                        shrinkA=2,
                        shrinkB=2,
                    )
                )
        axes.plot(points.real, points.imag, ".", color=colour, markersize=3)
        if sets:
            axes.plot([points[value].real], [points[value].imag], "o", color=SET, markersize=5)
