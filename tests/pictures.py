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

from subnormal.common import writing


@contextmanager
def caught_figures() -> Iterator[dict[str, Figure]]:
    """The figures saved inside the block, by the name of their file."""
    figures: dict[str, Figure] = {}
    drawn: list[Figure] = []
    save, write = Figure.savefig, writing.write_file

    def savefig(figure: Figure, stream: Any, *arguments: Any, **options: Any) -> None:
        save(figure, stream, *arguments, **options)
        drawn.append(figure)

    def write_file(path: Path, *arguments: Any) -> None:
        write(path, *arguments)
        if drawn:  # else it is something else that is written
            figures[path.name] = drawn.pop()

    with mock.patch.object(Figure, "savefig", savefig), mock.patch.object(writing, "write_file", write_file):
        yield figures


def curves(axis: Axes) -> list[tuple[list[float], list[float]]]:
    """(x, y) of every line with more than two points: rulers are left out."""
    return [points(line) for line in axis.lines if len(points(line)[0]) > 2]


def points(line: Line2D) -> tuple[list[float], list[float]]:
    """(x, y) of a line."""
    x, y = (np.asarray(part, dtype=float).tolist() for part in line.get_data())
    return x, y
