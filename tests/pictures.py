"""What a picture shows, as data: figures are caught as they are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from matplotlib.axes import Axes
from matplotlib.figure import Figure


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
    found = []
    for line in axis.lines:
        x, y = ([float(value) for value in part] for part in line.get_data())
        if len(x) > 2:
            found.append((x, y))
    return found
