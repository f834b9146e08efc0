"""What `learn` saw, as a picture: for each layer its losses with the plateau they end on, its phases on the circle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ...common.writing import write_figure
from .exact import ExactMachine

CIRCLES = 3
"""Kept channels drawn for each layer."""

PANEL = 2.3
"""Inches of a panel."""

INNER = 0.62
"""Radius of the inner circle; the outer one has 1."""


def draw_learnt(row: dict[str, Any], machine: ExactMachine, path: Path) -> None:
    """Draw one run: a row of panels for each layer.

    Left the loss of the layer's training, with the plateaus log |G_i| of the machine's own series; a layer that has
    learnt all it can stands on its own. It rises at first, because the words grow. Then up to `CIRCLES` of the channels
    that were kept: inside, each phase as it was learnt; outside, the same phase in the gauge of the spanning tree,
    with ticks at the multiples of 1/n to which it was rounded.

    Raises:
        InputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    if machine.compilation is None or machine.is_of_blocks:
        _draw_blocks(row, path)
        return
    layers = row["layers"]
    orders = machine.compilation.series.orders
    figure = Figure(figsize=(PANEL * (1.6 + CIRCLES), PANEL * len(layers) + 0.3), layout="constrained")
    grid = figure.subplots(len(layers), 1 + CIRCLES, squeeze=False, width_ratios=[1.6] + [1] * CIRCLES)
    for i, layer in enumerate(layers):
        _losses(grid[i][0], i, layer, orders[: i + 2])
        for j in range(CIRCLES):
            axes = grid[i][1 + j]
            axes.set_axis_off()
            if j < len(layer["drawn"]):
                _circle(axes, layer["drawn"][j])
    grid[-1][0].set_xlabel("training steps of the layer", fontsize=8)
    note = "inside: phases as learnt · outside: with the gauge fixed; ticks at multiples of 1/n"
    figure.supxlabel(note, fontsize=8, x=0.99, ha="right")
    write_figure(path, figure, dpi=130)


def _draw_blocks(row: dict[str, Any], path: Path) -> None:
    """The losses of the last group of matrices, with the steps at which words became longer; how near each block was
    to what the snap made of it."""
    from matplotlib.figure import Figure

    last = row["tried"][-1]
    figure = Figure(figsize=(PANEL * 3, PANEL + 0.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[2, 1])
    left.plot(np.linspace(0, last["steps"], len(row["curve"])), row["curve"], color="C0", lw=1.2)
    for step, length in last["growths"]:
        left.axvline(step, color="0.8", lw=0.7)
        left.text(step, left.get_ylim()[1], f" {length}", fontsize=6, color="0.35", rotation=90, va="top")
    left.set_title(f"one block layer on {last['matrices']}; lines: words become longer", fontsize=8)
    left.set_xlabel("training steps", fontsize=8)
    left.set_ylabel("loss", fontsize=8)
    right.bar(range(1, len(last["concentrations"]) + 1), last["concentrations"], color="C0")
    right.set_title(f"nearness to the snap; kept: {last['kept']}", fontsize=8)
    right.set_xlabel("block", fontsize=8)
    for axes in (left, right):
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    write_figure(path, figure, dpi=130)


def _losses(axes: Any, i: int, layer: dict[str, Any], orders: tuple[int, ...]) -> None:
    axes.plot(np.linspace(0, 100, len(layer["curve"])), layer["curve"], color="C0", lw=1.2)
    for order in orders:
        axes.plot([0, 100], [math.log(order)] * 2, color="0.55", lw=0.8, ls=":")
        axes.text(102, math.log(order), f"log {order}", va="center", fontsize=7, color="0.35")
    title = " × ".join(f"C{c['modulus']}" for c in layer["counters"]) or "nothing"
    axes.set_title(f"layer {i + 1}: {title}", fontsize=9)
    axes.set(xlim=(0, 125), ylim=(-0.1, None))
    axes.set_ylabel("loss", fontsize=8)
    axes.set_xticks([0, 50, 100], ["0", "50", "100 %"])
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _circle(axes: Any, drawn: dict[str, Any]) -> None:
    turn = np.exp(2j * np.pi * np.linspace(0, 1, 200))
    for radius in (INNER, 1.0):
        axes.plot(radius * turn.real, radius * turn.imag, color="0.8", lw=0.7)
    ticks = np.exp(2j * np.pi * np.arange(drawn["modulus"]) / drawn["modulus"])
    for point in ticks:
        axes.plot([0.93 * point.real, 1.07 * point.real], [0.93 * point.imag, 1.07 * point.imag], color="C3", lw=0.8)
    for radius, phases, colour in ((INNER, drawn["before"], "0.45"), (1.0, drawn["gauged"], "C0")):
        points = radius * np.exp(2j * np.pi * np.array(phases))
        axes.plot(points.real, points.imag, ".", ms=3.5, color=colour, alpha=0.5, mew=0)
    axes.text(0, 0, f"n = {drawn['modulus']}", ha="center", va="center", fontsize=8)
    axes.set(aspect="equal", xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
    axes.set_title(f"channel {drawn['channel']}", fontsize=8)
