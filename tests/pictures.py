"""What a picture shows, as data: figures are caught as they are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


@contextmanager
def caught_figures() -> Iterator[dict[str, Figure]]:
    """The figures saved inside the block, by the name of their file."""
    figures: dict[str, Figure] = {}
    save = Figure.savefig

    def savefig(figure: Figure, path: Any, *arguments: Any, **options: Any) -> None:
        save(figure, path, *arguments, **options)
        figures[Path(path).name] = figure

    with mock.patch.object(Figure, "savefig", savefig):
        yield figures


def curves(axis: Axes) -> list[tuple[list[float], list[float]]]:
    """(x, y) of every line with more than two points: rulers are left out."""
    return [points(line) for line in axis.lines if len(points(line)[0]) > 2]


def points(line: Line2D) -> tuple[list[float], list[float]]:
    """(x, y) of a line."""
    x, y = (np.asarray(part, dtype=float).tolist() for part in line.get_data())
    return x, y
