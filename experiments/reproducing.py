"""Every experiment by the name that `subnormal reproduce` takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..models.training.pool import Resources

Run = Callable[[Path, bool, Resources], Path]
"""Runs an experiment into a folder, quickly or in full, on a machine; returns its page."""


def _learning(folder: Path, quick: bool, machine: Resources) -> Path:
    from .learning import reproduce_learning

    return reproduce_learning(folder, quick, machine.processes)


def _together(folder: Path, quick: bool, machine: Resources) -> Path:
    from .together import reproduce_together

    return reproduce_together(folder, quick)


def _blocks(folder: Path, quick: bool, machine: Resources) -> Path:
    from .block_learning import reproduce_block_learning

    return reproduce_block_learning(folder, quick)


def _train_blocks(folder: Path, quick: bool, machine: Resources) -> Path:
    from .block_training import reproduce_block_training

    return reproduce_block_training(folder, quick, machine)


def _two_blocks(folder: Path, quick: bool, machine: Resources) -> Path:
    from .two_block_layers import reproduce_two_block_layers

    return reproduce_two_block_layers(folder, quick)


def _automata(folder: Path, quick: bool, machine: Resources) -> Path:
    from .automata import reproduce_automata

    return reproduce_automata(folder, quick, machine)


def _near_solution(folder: Path, quick: bool, machine: Resources) -> Path:
    from .near_solution import reproduce_near_solution

    return reproduce_near_solution(folder, quick, machine)


def _table(name: str, folder: Path, quick: bool, machine: Resources) -> Path:
    from .tables import reproduce_table

    return reproduce_table(name, folder, quick, machine)


EXPERIMENTS: dict[str, Run] = {
    "table1": partial(_table, "table1"),
    "table2": partial(_table, "table2"),
    "near-solution": _near_solution,
    "parity": partial(_table, "parity"),
    "deltaproduct": partial(_table, "deltaproduct"),
    "automata": _automata,
    "learning": _learning,
    "learn-together": _together,
    "learn-blocks": _blocks,
    "two-block-layers": _two_blocks,
    "train-blocks": _train_blocks,
}
