"""The heat map of a probe: rows tasks, columns architectures, colour the longest length, a mark where theory says
never."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...common.writing import write_figure

__all__ = ["NEVER", "draw_probe"]

NEVER = "×"
"""The mark of a cell whose task theory excludes, for words of every length."""


def draw_probe(
    tasks: Sequence[str],
    architectures: Sequence[str],
    cells: Mapping[tuple[str, str], tuple[int, str, bool]],
    longest: int,
    path: Path,
    title: str,
) -> None:
    """Draw it.

    Arguments:
        tasks, architectures: the rows and the columns, with the texts that stand beside them.
        cells: for each (task, architecture) that was trained: the longest length, the text in the cell, and whether
            theory says never.
        longest: the length that was tried; the darkest colour is 0, the lightest this.
        path: of the picture.
        title: above it.
    """
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot

    values = np.full((len(tasks), len(architectures)), np.nan)
    figure, axis = pyplot.subplots(
        figsize=(3.2 + 1.35 * len(architectures), 1.6 + 0.34 * len(tasks)), layout="constrained"
    )
    for (task, architecture), (value, text, never) in cells.items():
        place = tasks.index(task), architectures.index(architecture)
        values[place] = value
        shade = "black" if value > 0.6 * longest else "white"
        mark = f"{NEVER} " if never else ""
        axis.text(place[1], place[0], mark + text, ha="center", va="center", color=shade, fontsize=8)
    image = axis.imshow(values, vmin=0, vmax=longest, cmap="viridis", aspect="auto")
    axis.set_xticks(range(len(architectures)), architectures, rotation=20 if len(architectures) > 1 else 0, fontsize=8)
    axis.set_yticks(range(len(tasks)), tasks, fontsize=8)
    axis.set_title(title, fontsize=9)
    figure.colorbar(image, ax=axis, label="longest length > 90 %")
    write_figure(path, figure, dpi=120)
    pyplot.close(figure)
