"""Experiments with one block layer: groups, arms and seeds, each run stored when it is done.

A run has its own words and weights. Settings were chosen on seeds from 9000; reported runs have seeds from
`FIRST_SEED`. `seconds` are those of the processor, of one thread, with every group of matrices that was tried and with
the compiled loops read from the cache.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..algebra.input.parser import list_group
from ..algebra.tracked import TrackedGroup
from ..common.errors import InputError
from ..common.reading import parse_json, read_text
from ..common.writing import write_file
from ..models.learning.block_runs import learn_blocks
from ..models.learning.blocks import BlockRecipe
from ..models.learning.words import Words, words_of_task
from ..models.training.tasks import TEST, Task
from .learning import FIRST_SEED, HELD_OUT_LENGTH, HELD_OUT_WORDS, LENGTH, WORDS, is_right

FEW_WORDS = (16, 32, 64, 128, 256, 512, 1024)
"""Numbers of training words in the curve of how few suffice for A5."""


@dataclass(frozen=True)
class Arm:
    """What is changed in an arm, against all elements as tokens and the default recipe.

    Arguments:
        name: of the arm.
        generators: only the group's generators are tokens.
        words: training words.
        shuffled: labels stand at random positions: there is nothing to be found.
        recipe: changes of the recipe.
    """

    name: str
    generators: bool = False
    words: int = WORDS
    shuffled: bool = False
    recipe: dict[str, Any] = field(default_factory=dict)


ARMS = {
    arm.name: arm
    for arm in (
        Arm("all"),
        Arm("generators", generators=True),
        Arm("null-shuffled", shuffled=True, recipe={"matrices": ("SO(3)",)}),
        Arm("null-random", recipe={"steps": 0, "matrices": ("SO(3)",)}),
        Arm("null-any-snap", recipe={"steps": 0, "concentration": -1.0, "matrices": ("SO(3)",)}),
        Arm("U(2)", recipe={"matrices": ("U(2)",)}),
        Arm("SO(3)", recipe={"matrices": ("SO(3)",)}),
        Arm("generators on SO(10)", generators=True, recipe={"matrices": ("SO(10)",), "attempts": 1}),
        *(Arm(f"words-{count}", words=count, recipe={"matrices": ("SO(3)",)}) for count in FEW_WORDS),
    )
}

RUNS = "cells.jsonl"
"""All runs of a folder."""

FIELDS = {"group", "arm", "seed", "right", "exact", "seconds", "tried"}
"""Of a run."""

Cell = tuple[str, str, int]
"""A group, the name of an arm, and how many seeds."""

GOAL = ("A5", "S3", "A4", "S4", "F21", "SL(2,5)", "F20", "S5", "PSL(2,7)")
FURTHER = ("A6", "S6", "PSL(2,8)")
"""Generators alone as tokens, and few seeds: their elements are many labels."""


def planned(quick: bool) -> list[Cell]:
    """The cells of the experiment, the most important first."""
    if quick:
        return [("S3", "all", 1), ("S3", "null-random", 1)]
    cells = [(group, "all", 20) for group in GOAL]
    cells += [(group, "generators", 20) for group in ("S3", "A5", "S5")]
    cells += [(group, arm, 20) for arm in ("null-random", "null-any-snap") for group in ("S3", "A5")]
    cells += [("S3", "null-shuffled", 20), ("A5", "null-shuffled", 20)]
    cells += [("A5", f"words-{count}", 20) for count in FEW_WORDS]
    cells += [("A4", "U(2)", 20), ("F20", "SO(3)", 20)]
    cells += [(group, "generators", 3) for group in FURTHER]
    return [*cells, ("M11", "generators on SO(10)", 1), ("A6", "all", 3)]


def run_one(group: str, arm_name: str, seed: int) -> dict[str, Any]:
    """Train, snap and judge one run; its row."""
    arm = ARMS[arm_name]
    listed = list_group(group)
    task = Task(TrackedGroup(listed, np.array(listed.generators if arm.generators else range(listed.order))))
    words = words_of_task(task, arm.words, LENGTH, seed)
    held_out = words_of_task(task, HELD_OUT_WORDS, HELD_OUT_LENGTH, seed, stream=TEST)
    if arm.shuffled:
        mixed = np.random.default_rng([13, seed]).permutation(words.labels.ravel()).reshape(words.labels.shape)
        words = Words(words.tokens, mixed, words.token_names, words.label_names)
    began = time.process_time()
    run = learn_blocks(words, seed, BlockRecipe().with_changes(arm.recipe), held_out)
    seconds = time.process_time() - began
    return {
        "group": group, "order": listed.order, "arm": arm_name, "tokens": len(task.alphabet), "words": arm.words,
        "seconds": round(seconds, 2), "right": is_right(run, task), **run.as_json(),
    }  # fmt: skip


def run_cells(folder: Path, cells: Sequence[Cell]) -> None:
    """Run what the folder's `cells.jsonl` lacks; each run is a line of it as soon as it is done, and is printed."""
    rows = read_rows(folder / RUNS, FIELDS)
    done = {(row["group"], row["arm"], row["seed"]) for row in rows}
    for group, arm, seeds in cells:
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            if (group, arm, seed) in done:
                continue
            row = run_one(group, arm, seed)
            rows.append(row)
            write_page(folder, cells, rows)
            print(
                f"{group} {arm} {seed}: {row['seconds']} s, {'exact' if row['right'] else row['failure']}", flush=True
            )


def read_rows(path: Path, wanted: Set[str]) -> list[dict[str, Any]]:
    """The runs in a file; none where there is no file. Raises `InputError` for a line that lacks a field."""
    if not path.exists():
        return []
    rows = [parse_json(line.encode(), path) for line in read_text(path).splitlines()]
    for row in rows:
        if not (isinstance(row, dict) and wanted <= row.keys()):
            raise InputError(f"{path}: a line is no run; delete the line to run its cell again")
    return rows


def reproduce_block_learning(folder: Path, quick: bool = False) -> Path:
    """Run all cells into a folder and write its page; returns the page. Started again, it goes on."""
    cells = planned(quick)
    run_cells(folder, cells)
    return write_page(folder, cells, read_rows(folder / RUNS, FIELDS))


def write_page(folder: Path, cells: Sequence[Cell], runs: Sequence[dict[str, Any]]) -> Path:
    """cells.jsonl and README.md from the runs that were made, in the order of the cells."""
    lines = []
    every: list[dict[str, Any]] = []
    for group, arm, _ in cells:
        rows = [row for row in runs if (row["group"], row["arm"]) == (group, arm)]
        if not rows:
            continue
        every += rows
        found = [row["tried"][-1]["matrices"] for row in rows if row["right"]]
        names = ", ".join(f"{name} {found.count(name)}" for name in dict.fromkeys(found)) or "–"
        steps = [row["tried"][-1]["steps"] for row in rows]
        seconds = [row["seconds"] for row in rows]
        lines.append(
            f"| {group} | {arm} | {rows[0]['tokens']} | {rows[0]['words']:,} | {sum(row['right'] for row in rows)} of "
            f"{len(rows)} | {sum(row['exact'] and not row['right'] for row in rows)} | {names} | "
            f"{statistics.median(steps):.0f} | {statistics.median(seconds):.1f} | {max(seconds):.1f} |"
        )
    page = [
        "# From words to exact machines by one block layer",
        "Written by `subnormal reproduce learn-blocks`. What is counted, and what it means: docs/learning.md. Every "
        "run, also the failed ones, is a line of `cells.jsonl`.",
        "| group | arm | tokens | words | right | wrong machines that passed | found on | steps there, median | CPU s "
        "a run, median | most |\n|---|---|---|---|---|---|---|---|---|---|\n" + "\n".join(lines),
    ]
    write_file(folder / RUNS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in every))
    write_file(folder / "README.md", "\n\n".join(page) + "\n")
    return folder / "README.md"
