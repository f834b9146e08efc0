"""Sweeps: every combination of some settings, read from a file; and a picture of what came out.

    # sweep.toml
    steps = 1000                      # a setting of every run
    group = ["S3", "C6"]              # a list: an axis of the grid
    init = "compiled"
    noise = [0.0, 0.03, 0.1, 0.3]
    learning_rate = [0.001, 0.003]
    seed = [0, 1, 2]

    [plot]
    x = "noise"
    y = "group"

The settings are those of `models.training.configuration.RunConfiguration`; `models.training.pool.train_all` makes the
runs.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ...common.errors import InputError
from ...common.reading import read_toml
from ...common.writing import write_figure
from .configuration import RunConfiguration
from .runs import Row, RunStore

MAX_RUNS = 1_000_000


@dataclass(frozen=True)
class Sweep:
    """A grid of runs.

    Arguments:
        axes: the settings that vary, in the order of the file.
        runs: every combination, the last axis fastest.
        plot: the two axes of the summary plot; the same one twice where only one varies.
    """

    axes: tuple[str, ...]
    runs: tuple[RunConfiguration, ...]
    plot: tuple[str, str]


def read_sweep(path: Path) -> Sweep:
    """The sweep in a TOML file. InputError, with the setting's name, for what cannot be used."""
    content = read_toml(path, wanted="wanted a TOML file with settings such as noise = [0.0, 0.1]")
    plot = content.pop("plot", {})
    axes = tuple(name for name, value in content.items() if isinstance(value, list))
    size = 1
    for name in axes:
        if not content[name]:
            raise InputError(f"{path}: {name} is an empty list")
        size *= len(content[name])
    if size > MAX_RUNS:
        raise InputError(f"{path}: {size:,} combinations, at most {MAX_RUNS:,} are run: wanted shorter lists")
    runs = []
    for values in itertools.product(*(content[name] for name in axes)):
        try:
            runs.append(RunConfiguration.from_json(content | dict(zip(axes, values, strict=True))))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return Sweep(axes, tuple(runs), _plot_axes(path, plot, axes))


def _plot_axes(path: Path, plot: Any, axes: tuple[str, ...]) -> tuple[str, str]:
    if not isinstance(plot, dict) or not set(plot) <= {"x", "y"}:
        raise InputError(f'{path}: [plot] takes x and y, e.g. x = "noise"')
    candidates = [name for name in axes if name != "seed"] or list(axes) or [fields(RunConfiguration)[0].name]
    x = plot.get("x", candidates[0])
    y = plot.get("y", next((name for name in candidates if name != x), x))
    for name in (x, y):
        if name not in axes and name not in candidates:
            raise InputError(f"{path}: [plot] names {str(name)[:40]!r}, which does not vary; axes: {', '.join(axes)}")
    return x, y


def draw_sweep(sweep: Sweep, store: RunStore, path: Path) -> None:
    """Heat maps over the sweep's two plotted axes: the median longest length, and the share of runs that succeed."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot

    x, y = sweep.plot
    across = list(dict.fromkeys(getattr(run, x) for run in sweep.runs))
    down = list(dict.fromkeys(getattr(run, y) for run in sweep.runs)) if y != x else [""]
    found: dict[tuple[int, int], list[Row]] = {}
    for run in sweep.runs:
        row = store.get(run.key)
        if row is not None:
            place = (down.index(getattr(run, y)) if y != x else 0, across.index(getattr(run, x)))
            found.setdefault(place, []).append(row)
    pictures = {
        "median longest length > 90 %": lambda rows: float(np.median([row["test"]["longest"] for row in rows])),
        "share above 90 % at the end": lambda rows: float(np.mean([row["test"]["last"][-1] > 0.9 for row in rows])),
    }
    size = (2 * (2.2 + 0.75 * len(across)), 1.6 + 0.5 * len(down))
    figure, axes = pyplot.subplots(1, 2, figsize=size, layout="constrained")
    for axis, (title, figure_of) in zip(axes, pictures.items(), strict=True):
        values = np.full((len(down), len(across)), np.nan)
        for place, rows in found.items():
            values[place] = figure_of(rows)
        top = max(1.0, float(np.nanmax(values, initial=1.0)))
        image = axis.imshow(values, vmin=0, vmax=top, cmap="viridis", aspect="auto")
        for place, rows in found.items():
            shade = "black" if values[place] > 0.6 * top else "white"
            axis.text(
                place[1],
                place[0],
                f"{values[place]:.3g}\nof {len(rows)}",
                ha="center",
                va="center",
                color=shade,
                fontsize=7,
            )
        axis.set_xticks(
            range(len(across)), [f"{value:g}" if isinstance(value, float) else str(value) for value in across]
        )
        axis.set_yticks(range(len(down)), [f"{value:g}" if isinstance(value, float) else str(value) for value in down])
        axis.set(xlabel=x, ylabel=y if y != x else "", title=title)
        figure.colorbar(image, ax=axis)
    write_figure(path, figure, dpi=120)
    pyplot.close(figure)
