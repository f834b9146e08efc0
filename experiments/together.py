"""Ablations of training all layers together: cells of runs that share everything but their seeds."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..algebra.depth.families import CIRCLE
from ..algebra.depth.series import shortest_series
from ..algebra.input.parser import list_group
from ..common.reading import parse_json, read_json, read_text
from ..common.writing import write_file
from ..models.learning.exact import NotExactError
from ..models.learning.traced import read_machine, snap_traced
from ..models.learning.words import words_of_task
from ..models.training.evaluation import THRESHOLD
from ..models.training.tasks import TEST, Task, full_task
from .mlp_layer import layer_section, run_layer_arms
from .training_together import TogetherNetworks, TogetherRecipe, train_together

WORDS, LENGTH = 4000, 60
SNAP_WORDS, TEST_WORDS, TEST_LENGTH, SETTLED_TEST_LENGTH, STRIDE = 300, 60, 400, 2000, 20
PIECE = 10
"""Test words that are run at a time."""

SETTLING = 10**6
"""A seed of the words of the settling, which no step of training has."""

LAST = {"losses": "last", "gradient": "through"}
END_TO_END = {**LAST, "decision": "soft", "head": "all", "cycles": 2}

ONE_LOSS = {
    **LAST, "decision": "soft", "cycles": 2, "answers": 1.0, "late": 0.03, "steps": 3000, "positions": 256,
    "sharpness": 8.0, "hardening": 0.05,
}  # fmt: skip
"""What finds S3 and A4 from one loss at the end; the arms after it change one thing."""

SETTLED = {"settling": 600, "settling_length": 720, "settling_rate": 0.003}

MLP = {"phi": "mlp", "hidden": 512, "mlp_rate": 0.0007, "mlp_step": 0.003, "threshold": 2.0}
"""An MLP φ that finds what a table finds; `mlp` without it is the one that failed."""

EVERY_MLP = {**MLP, "head": "all", "states": 3, "cycles": 4, "steps": 5400, "growth": 0.85}
"""What finds S4 with an MLP φ and a loss at every layer; the arms after it change one thing."""

IN_TURNS = {
    **ONE_LOSS, "late": 0.0, "early": 0.1, "settling": 1000, "settling_length": 1200, "settling_rate": 0.001,
}  # fmt: skip
"""What brings S3 and A4 to 1,000 tokens without rounding, too: a layer moves fully in its own turn alone."""

THREE_TURNS = {"cycles": 3, "steps": 4500, "early": 0.03, "head_rate": 0.01, "scores": 0.03}
"""What finds S4 from one loss at the end, beside that."""

FIRST_SEEDS = {"in-turns": 100}
"""Where the seeds of an arm, and of those after its slash, begin, if not at 0."""

ARMS: dict[str, dict[str, Any]] = {
    "together": {},
    "end-to-end": END_TO_END,
    "one-growth": {**END_TO_END, "cycles": 1},
    "last-head": {**END_TO_END, "head": "last"},
    "hard-decision": {**END_TO_END, "decision": "hard"},
    "no-growth": {**END_TO_END, "shortest": 0},
    "mlp": {**END_TO_END, "phi": "mlp"},
    "three-layers": {**END_TO_END, "steps": 3000, "cycles": 3},
    "last": LAST,
    "last-soft": {**LAST, "decision": "soft"},
    "one-loss": ONE_LOSS,
    "one-loss/not-late": {**ONE_LOSS, "late": 1.0},
    "one-loss/no-answers": {**ONE_LOSS, "answers": 0.0},
    "one-loss/hard": {**ONE_LOSS, "decision": "hard"},
    "one-loss/head-all": {**ONE_LOSS, "head": "all"},
    "one-loss/mlp": {**ONE_LOSS, "phi": "mlp"},
    "one-loss/not-sharp": {**ONE_LOSS, "sharpness": 1.0, "hardening": 0.0},
    "one-loss/three-growths": {**ONE_LOSS, "steps": 4500, "cycles": 3},
    "one-loss/settled": {**ONE_LOSS, **SETTLED},
    "together/settled": SETTLED,
    "together-mlp": {"phi": "mlp", "steps": 3000, "cycles": 3},
    "together-mlp/slow": {"phi": "mlp", "steps": 3000, "cycles": 3, "mlp_rate": 0.0004},
    "one-loss/sized-mlp": {**ONE_LOSS, **MLP, "threshold": 0.0},
    "every-mlp": EVERY_MLP,
    "in-turns": IN_TURNS,
    "in-turns/not-early": {**IN_TURNS, "early": 1.0},
    "in-turns/mlp": {**IN_TURNS, **MLP, "threshold": 0.0, "settling": 0},
    "in-turns/three-layers": {**IN_TURNS, **THREE_TURNS},
    "in-turns/three-layers-not-early": {**IN_TURNS, **THREE_TURNS, "settling": 0, "early": 1.0},
    "in-turns/three-layers-large-scores": {**IN_TURNS, **THREE_TURNS, "settling": 0, "scores": 0.1},
}


def longest_length(
    networks: TogetherNetworks, tasks: Sequence[Task], seeds: Sequence[int], length: int = TEST_LENGTH
) -> list[int]:
    """For each run the longest length, in steps of 20, up to which more than 90 % of the last symbols are right,
    without any rounding."""
    drawn = [words_of_task(t, TEST_WORDS, length, s, stream=TEST) for t, s in zip(tasks, seeds, strict=True)]
    tokens = np.stack([w.tokens for w in drawn])
    pieces = [networks.run_on(tokens[:, start : start + PIECE])[0] for start in range(0, TEST_WORDS, PIECE)]
    answers = np.concatenate(pieces, axis=1)
    found = []
    for run, words in enumerate(drawn):
        right = (answers[run] == words.labels).mean(axis=0)[STRIDE - 1 :: STRIDE]
        failed = np.flatnonzero(right <= THRESHOLD)
        found.append(STRIDE * int(failed[0] if len(failed) else len(right)))
    return found


def run_cell(group: str, changes: dict[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """Train, measure and snap the runs of a cell."""
    listed = list_group(group)
    task = full_task(listed)
    layers = shortest_series(listed, CIRCLE).length
    recipe = TogetherRecipe(**{"layers": layers, **changes})
    words = [words_of_task(task, WORDS, LENGTH, seed) for seed in seeds]
    began = time.process_time()

    def longer(seed: int, step: int, count: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        tokens = task.training_words(count, length, seed, SETTLING, step)
        return tokens, task.labels(tokens)

    networks, losses = train_together(words, seeds, recipe, longer)
    seconds = time.process_time() - began
    tested = SETTLED_TEST_LENGTH if recipe.settling else TEST_LENGTH
    longest = longest_length(networks, [task] * len(seeds), seeds, tested)
    parts = [w.part(slice(SNAP_WORDS)) for w in words]
    answers, added = networks.run_on(np.stack([w.tokens for w in parts]))
    rows = []
    for run, seed in enumerate(seeds):
        snapped = snap_traced([phases[run] for phases in added], parts[run])
        try:
            exact, failure = read_machine(snapped, answers[run], parts[run]), None
        except NotExactError as error:
            exact, failure = None, str(error)
        rows.append(
            {
                "seed": seed,
                "exact": exact is not None,
                "failure": failure,
                "states": [layer.machine.states for layer in snapped],
                "losses": np.round(losses[-20:, :, run].mean(axis=0), 4).tolist(),
                "accuracy": round(float((answers[run] == parts[run].labels).mean()), 4),
                "longest": longest[run],
            }
        )
    return {
        "group": group,
        "recipe": recipe.as_json(),
        "seconds_a_run": round(seconds / len(seeds), 2),
        "exact": sum(row["exact"] for row in rows),
        "runs": rows,
    }


def _place(folder: Path, group: str, arm: str, runs: int) -> Path:
    return folder / "cells" / f"{group}_{arm.replace('/', '.')}_{runs}.json"


def _unpack(folder: Path) -> None:
    """The cells of cells.jsonl as files again, where they are missing: a checkout has that file alone."""
    packed = folder / "cells.jsonl"
    for line in read_text(packed).splitlines() if packed.exists() else ():
        content = parse_json(line, packed)
        path = _place(folder, content["group"], content["arm"], len(content["runs"]))
        if not path.exists():
            write_file(path, line + "\n")


def run_cells(folder: Path, cells: Sequence[tuple[str, str]], runs: int) -> None:
    """Run every cell (group, arm) that the folder lacks, one file each, and print a line for each."""
    import torch

    torch.set_num_threads(1)
    _unpack(folder)
    for group, arm in cells:
        path = _place(folder, group, arm, runs)
        if path.exists():
            continue
        first = FIRST_SEEDS.get(arm.partition("/")[0], 0)
        content = {"arm": arm, **run_cell(group, ARMS[arm], range(first, first + runs))}
        write_file(path, json.dumps(content) + "\n")
        longest = sorted(row["longest"] for row in content["runs"])
        print(
            f"{group} {arm}: {content['exact']} of {runs} exact, longest {longest}, {content['seconds_a_run']} s a run",
            flush=True,
        )


PLANNED: list[tuple[str, str]] = [
    *((group, arm) for arm in ("one-loss", "together/settled", "one-loss/settled") for group in ("S3", "A4")),
    *((group, f"one-loss/{change}") for change in ("not-late", "no-answers", "not-sharp") for group in ("S3", "A4")),
    *((group, f"one-loss/{change}") for change in ("hard", "head-all", "mlp") for group in ("S3", "A4")),
    ("S4", "one-loss/three-growths"),
    ("S4", "together-mlp"),
    *((group, "every-mlp") for group in ("S4", "A4", "S3")),
    *((group, "one-loss/sized-mlp") for group in ("A4", "S3")),
    *((group, "in-turns") for group in ("S3", "A4")),
    ("S4", "in-turns/three-layers"),
    *((group, f"in-turns/{change}") for change in ("not-early", "mlp") for group in ("S3", "A4")),
    *(("S4", f"in-turns/three-layers-{change}") for change in ("not-early", "large-scores")),
]  # fmt: skip
"""The cells of 20 runs, the most important first; those of ten that results/learn-together has too came before them."""


def reproduce_together(folder: Path, quick: bool = False) -> Path:
    """Run all cells into a folder and write its page; returns the page. Started again, it goes on."""
    run_cells(folder, PLANNED[:1] if quick else PLANNED, 2 if quick else 20)
    if not quick:
        run_layer_arms(folder, range(20))
    return write_page(folder)


def _changes(arm: str) -> str:
    """What an arm changes in the default recipe; of `base/arm` what it changes in the base."""
    base, slash, _ = arm.partition("/")
    before = ARMS[base] if slash else {}
    changed = [f"{name} {value}" for name, value in ARMS[arm].items() if before.get(name) != value]
    return ", ".join([base] * bool(slash) + changed)


def write_page(folder: Path) -> Path:
    """cells.jsonl and README.md from the cells that are done; returns the page."""
    found = [read_json(path) for path in sorted((folder / "cells").glob("*.json"))]
    found.sort(key=lambda c: (c["group"], list(ARMS).index(c["arm"])))
    write_file(folder / "cells.jsonl", "".join(json.dumps(content) + "\n" for content in found))
    rows = []
    for content in found:
        longest = [row["longest"] for row in content["runs"]]
        near = sum(row["accuracy"] > 0.99 for row in content["runs"])
        runs = len(content["runs"])
        changes = _changes(content["arm"])
        rows.append(
            f"| {content['group']} | {content['arm']} | {changes} | {content['exact']} of {runs} | {near} of {runs} | "
            f"{sorted(longest)[runs // 2]} | {max(longest)} | {content['seconds_a_run']} |"
        )
    page = [
        "# All layers together",
        "Exact: after one snap at the end. Float: runs with more than 99 % right on words of 60 tokens, unrounded. "
        "Longest: length (20 to 400; to 2,000 where phases settled on longer words) up to which more than "
        "90 % of the last symbols are right, unrounded. Settings of arms with 20 runs were chosen on seeds from 9000. "
        "Cells of fewer than 20 runs came before them; `reproduce learn-together` does not make those again.",
        "| group | arm | changes | exact | float | longest: median | best | CPU s a run |\n"
        + "|---|---|---|---|---|---|---|---|\n"
        + "\n".join(rows),
    ]
    write_file(folder / "README.md", "\n\n".join([*page, *layer_section(folder)]) + "\n")
    return folder / "README.md"
