"""The picture of training runs: loss and longest length against steps, accuracy against length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...common.writing import write_figure
from .runs import Row


def draw_curves(rows: Sequence[Row], path: Path, title: str) -> None:
    """Draw finished runs: left the loss, middle the longest length so far, right the test accuracy."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    colours = pyplot.get_cmap("viridis")
    for i, row in enumerate(rows):
        colour = colours(i / max(1, len(rows) - 1) * 0.9)
        configuration = row["configuration"]
        label = f"lr {configuration['learning_rate']:g}, seed {configuration['seed']}"
        label += f", σ {configuration['noise']:g}" if configuration["noise"] else ""
        points = [point for point in row["curve"] if point[1] is not None]
        left.plot([p[0] for p in points], [p[1] for p in points], color=colour, label=label, marker=".", markersize=3)
        middle.plot([p[0] for p in row["curve"]], [p[3] for p in row["curve"]], color=colour, marker=".", markersize=3)
        right.plot(row["test"]["lengths"], row["test"]["last"], color=colour)
    positive = any((point[1] or 0) > 0 for row in rows for point in row["curve"])  # an exact machine has the loss 0
    left.set(xlabel="step", ylabel="training loss", yscale="log" if positive else "linear")
    middle.set(xlabel="step", ylabel="longest length > 90 % (validation)", ylim=(0, None))
    right.set(xlabel="length T", ylabel="share of right symbols at T (test)", ylim=(0, 1.03))
    right.axhline(0.9, color="0.6", linewidth=0.8, linestyle=":")
    if len(rows) <= 8:
        left.legend(fontsize=7)
    figure.suptitle(title)
    write_figure(path, figure, dpi=120)
    pyplot.close(figure)
