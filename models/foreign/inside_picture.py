"""A picture of the states of a model: where they lie, by class, and how far classes stay apart as words grow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.writing import write_figure
from .inside import StatesInside

NAMED = 12
"""Classes that are named beside their states; of more, none."""


def two_coordinates(states: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The two principal components of states (n, numbers), shape (n, 2), and the share of the variance in them."""
    centred = states - states.mean(axis=0)
    values, axes = np.linalg.eigh(centred @ centred.T)  # there are fewer words than numbers, or few of both
    values, axes = np.maximum(values[::-1], 0.0), axes[:, ::-1]
    total = float(values.sum())
    kept = np.zeros((len(states), 2))
    count = min(2, len(states))
    kept[:, :count] = axes[:, :count] * np.sqrt(values[:count])
    return kept, float(values[:2].sum()) / total if total else 1.0


def draw_inside(found: StatesInside, path: Path, title: str, proved: int | None = None) -> None:
    """Draw states by class, and gap and spread by length.

    Arguments:
        found: the states.
        path: of the picture: .png, .svg or .pdf.
        title: what stands above.
        proved: a length that is marked; None for none.

    Raises:
        InputError: it cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    figure.suptitle(title, fontsize=10)
    where, share = two_coordinates(found.states)
    seen = np.unique(found.classes)
    colours = pyplot.get_cmap("viridis")(np.linspace(0, 0.95, len(seen)))
    for colour, i in zip(colours, seen, strict=True):
        rows = found.classes == i
        left.scatter(*where[rows].T, color=colour, s=14, alpha=0.6, linewidths=0)
        if len(seen) <= NAMED:
            left.annotate(found.names[i], where[rows][-1], textcoords="offset points", xytext=(5, 5), fontsize=8)
    left.set(xlabel="first principal component", ylabel="second")
    left.set_title(f"{len(where):,} states, one colour a class; {share:.0%} of their variance", fontsize=9)
    lengths, gaps, spreads = (np.array(column) for column in zip(*found.by_length, strict=True))
    finite = np.isfinite(gaps)
    right.plot(lengths[finite], gaps[finite], marker=".", color=colours[0], label="least distance between classes")
    right.plot(lengths, spreads, marker=".", color="tab:orange", label="largest within a class")
    right.set_xscale("log")
    right.set_yscale("symlog", linthresh=max(found.size * 1e-9, 1e-30))
    right.set_ylim(bottom=0, top=3 * max([*gaps[finite], *spreads], default=1.0))
    if proved is not None and proved >= 1:
        right.axvline(proved, color="grey", linestyle="--", linewidth=0.8, label=f"proved to {proved:,} letters")
    right.set(xlabel="letters of the longest words", ylabel="distance")
    right.set_title("while the upper line is above the lower one, classes are clusters", fontsize=9)
    right.legend(fontsize=8)
    write_figure(path, figure, "give another place with --plot", dpi=120)
    pyplot.close(figure)
