"""One layer alone with an MLP for φ, over exact lower layers: what its width, its rates and its threshold do.

The third layer of S4, which needs a function of lower state and token that is far from a sum of functions of either.
It is trained as `learn` trains a layer (`models.learning.recipe`), but for φ; a run counts where the snap then finds
all 24 states.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..algebra.input.parser import list_group
from ..common.reading import parse_json, read_text
from ..common.writing import write_file
from ..models.learning.learn import learn_runs
from ..models.learning.machine import CounterMachine
from ..models.learning.recipe import LayerBatch, Recipe, descend, initial_phases
from ..models.learning.snap import snap
from ..models.learning.words import Words, words_of_task
from ..models.training.tasks import full_task
from .mlp import hidden_of_pairs, kernel_parts, make_sparse, new_mlp

GROUP, LOWER_LAYERS = "S4", 2
WORDS, LENGTH = 4000, 60
LAYER_CELLS = "layer.jsonl"


@dataclass(frozen=True)
class LayerArm:
    """How the layer is trained.

    Arguments:
        phi: `mlp` or `table`.
        hidden, threshold: of the MLP.
        step: rate of the phases of a table, or of the MLP's outputs, in turns (`experiments.mlp`).
        rate: of the MLP's first layer.
        splits: into how many states each lower state is split, at random at every position, as a bottleneck with more
            states than it needs may do.
        steps, positions: of the training.
    """

    phi: str = "mlp"
    hidden: int = 512
    threshold: float = 2.0
    step: float = 0.003
    rate: float = 0.001
    splits: int = 1
    steps: int = 1000
    positions: int = 512


LAYER_ARMS: dict[str, LayerArm] = {
    "table": LayerArm(phi="table", step=0.01),
    "mlp": LayerArm(),
    "threshold 1": LayerArm(threshold=1.0),
    "threshold 0": LayerArm(threshold=0.0),
    "threshold 0, a third of the rates, 2,000 steps": LayerArm(threshold=0.0, step=0.001, rate=0.0003, steps=2000),
    "128 hidden units": LayerArm(hidden=128),
    "first layer fixed": LayerArm(rate=0.0),
    "first layer at 0.005": LayerArm(rate=0.005),
    "step 0.03": LayerArm(step=0.03),
    "lower states split in two": LayerArm(splits=2),
    "table, lower states split in two": LayerArm(phi="table", step=0.01, splits=2),
}


def train_layer(
    arm: LayerArm, words: Sequence[Words], machines: Sequence[CounterMachine], seeds: Sequence[int]
) -> tuple[list[int], tuple[float, float, float] | None]:
    """Train the layer of all runs side by side.

    Returns:
        The states of each run's snapped machine, and the means over the runs of `kernel_parts` at the start, None for a
        table.
    """
    recipe = Recipe(steps=arm.steps, positions=arm.positions)
    batch = LayerBatch(words, machines, [[seed, LOWER_LAYERS] for seed in seeds])
    runs, channels, tokens = len(words), recipe.channels, batch.m
    states = batch.states * arm.splits
    generators = [np.random.default_rng([9, seed]) for seed in seeds]

    def normal(scale: float, *shape: int) -> torch.Tensor:
        drawn = [g.standard_normal(shape) * scale for g in generators]
        return torch.from_numpy(np.stack(drawn).astype(np.float32)).requires_grad_()

    weight, bias = normal(0.1, 2 * channels, batch.n), normal(0.0, 1, batch.n)
    parts = None
    if arm.phi == "table":
        drawn = [initial_phases([seed, LOWER_LAYERS], (states * tokens, channels), recipe.spread) for seed in seeds]
        table = torch.from_numpy(np.stack(drawn)).requires_grad_()
        moved = [([table], arm.step)]
    else:
        mlp = new_mlp(normal, states, tokens, arm.hidden, channels, recipe.spread)
        total = make_sparse(mlp, arm.threshold)
        hidden = hidden_of_pairs(mlp["state"], mlp["token"]).detach().numpy().astype(np.float64)
        each = np.mean([kernel_parts(own, states) for own in hidden], axis=0)
        parts = (float(each[0]), float(each[1]), float(each[2]))
        first = ([mlp["state"], mlp["token"]], arm.rate)
        moved = [first, ([mlp["out"]], arm.step / total), ([mlp["bias"]], arm.step)]

    def phases() -> torch.Tensor:
        if arm.phi == "table":
            return table
        return torch.baddbmm(mlp["bias"].unsqueeze(1), hidden_of_pairs(mlp["state"], mlp["token"]), mlp["out"])

    halves = torch.Generator().manual_seed(int(seeds[0]))

    def split(edges: torch.Tensor) -> torch.Tensor:
        """Edge (run, state, token) to (run, state, part, token); a word starts in part 0."""
        if arm.splits == 1:
            return edges
        part = torch.randint(arm.splits, edges.shape, generator=halves)
        part = torch.cat([torch.zeros_like(part[..., :1]), part[..., 1:]], -1)
        return (edges // tokens * arm.splits + part) * tokens + edges % tokens

    descend(batch, recipe, lambda: phases().flatten(0, 1), moved, (weight, bias), arm.positions, split)
    shape = (runs, batch.states, arm.splits, tokens, channels)
    found = phases().detach().view(shape)[:, :, 0].numpy().astype(np.float64)
    reached = []
    for run, machine in enumerate(machines):
        kept = snap(found[run], machine, words[run])
        reached.append(machine.with_few([k.counter for k in kept]).states)
    return reached, parts


def run_layer_arms(folder: Path, seeds: Sequence[int]) -> None:
    """Run every arm that the folder's `LAYER_CELLS` lacks, and print a line for each."""
    torch.set_num_threads(1)
    path = folder / LAYER_CELLS
    done = layer_cells(folder)
    missing = [name for name in LAYER_ARMS if name not in {cell["arm"] for cell in done}]
    if not missing:
        return
    task = full_task(list_group(GROUP))
    words = [words_of_task(task, WORDS, LENGTH, seed) for seed in seeds]
    lower = learn_runs(words, list(seeds), Recipe(), LOWER_LAYERS)
    machines = [run.layers[-1].machine for run in lower]
    assert len({machine.states for machine in machines}) == 1, "a run has no exact lower layers"
    for name in missing:
        began = time.process_time()
        states, kernel = train_layer(LAYER_ARMS[name], words, machines, seeds)
        done.append(
            {
                "arm": name,
                "settings": asdict(LAYER_ARMS[name]),
                "seeds": list(seeds),
                "states": states,
                "exact": sum(reached == task.classes for reached in states),
                "kernel": [round(part, 2) for part in kernel] if kernel else None,
                "seconds_a_run": round((time.process_time() - began) / len(seeds), 2),
            }
        )
        write_file(path, "".join(json.dumps(cell) + "\n" for cell in done))
        print(f"{name}: {done[-1]['exact']} of {len(seeds)}", flush=True)


def layer_cells(folder: Path) -> list[dict[str, Any]]:
    """The arms that are done."""
    path = folder / LAYER_CELLS
    return [parse_json(line, path) for line in read_text(path).splitlines()] if path.exists() else []


def layer_section(folder: Path) -> list[str]:
    """Paragraphs of the page: none where nothing was run."""
    cells = layer_cells(folder)
    if not cells:
        return []
    rows = []
    for cell in cells:
        kernel = " | ".join(str(part) for part in cell["kernel"]) if cell["kernel"] else "1 | 1 | 1"
        exact = f"{cell['exact']} of {len(cell['states'])}"
        rows.append(f"| {cell['arm']} | {kernel} | {exact} | {cell['seconds_a_run']} |")
    return [
        "## One layer alone",
        "The third layer of S4 over exact lower layers. Kernel: how fast gradient descent on the output weights of φ "
        "moves what all pairs of lower state and token share, what is a function of the one plus a function of the "
        "other, and the rest, at the start; a table moves all at 1. Exact: runs with all 24 states after the snap.",
        "| φ | kernel: shared | sums | rest | exact | CPU s a run |\n|---|---|---|---|---|---|\n" + "\n".join(rows),
    ]
