"""Two block layers trained with one loss: does the upper one learn to read the lower?

SL(2,3) and S5 have no faithful linear read-out on SO(3), so one layer of SO(3) blocks does not track them. Two do: A4,
and above it a sign that depends on the state of A4; a sign, and above it A5 with tokens that depend on the sign. The
layers are

    h_t = R(p_x) h_{t-1},    k_t = R(q(x, h_{t-1})) k_{t-1},    logits_t = W [h_t, k_t] + c,    x = x_t

where R is the rotation of a quaternion, p a table, and q an MLP over the token and the lower state *before* it. Words
grow as in one block layer. Nothing is rounded, so a network that is right does not stay right for ever: what is counted
is the longest length, and how long training words became.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..algebra.input.parser import list_group
from ..common.wording import counted
from ..common.writing import write_file
from ..models.block_recurrence import block_scan, block_walk
from ..models.learning.adam import FusedAdam
from ..models.learning.blocks import SHORTEST, Draws
from ..models.learning.words import words_of_task
from ..models.training.evaluation import THRESHOLD
from ..models.training.tasks import TEST, full_task
from .block_learning import read_rows
from .learning import FIRST_SEED, LENGTH, WORDS

RUNS = "cells.jsonl"
GROUPS = ("SL(2,3)", "S5")
SEEDS = 3
TEST_WORDS, TEST_LENGTH = 200, 240
HEAD_RATE = 0.02


@dataclass(frozen=True)
class Arm:
    """What is changed in an arm.

    Arguments:
        name: of the arm.
        layers: 1 has no upper layer.
        reads: the upper layer reads the lower one; otherwise it sees the token alone.
        lower_loss: weight of a second loss, on a head of its own over the lower layer.
        through: gradients pass from the upper layer into the lower one.
        shortest: tokens of the first words.
        blocks: of each layer.
        rate: of both layers.
        late: the upper layer's rate is so much of it.
    """

    name: str
    layers: int = 2
    reads: bool = True
    lower_loss: float = 0.0
    through: bool = True
    shortest: int = SHORTEST
    blocks: int = 8
    rate: float = 0.01
    late: float = 1.0


ARMS = (
    Arm("one loss"),
    Arm("16 blocks, rate 0.02", blocks=16, rate=0.02),
    Arm("a loss at both layers", lower_loss=1.0),
    Arm("a loss at both, gradients stay", lower_loss=1.0, through=False),
    Arm("one loss, a late upper layer", late=0.1),
    Arm("one loss, words do not grow", shortest=42),
    Arm("the upper layer is blind", reads=False),
    Arm("one layer", layers=1),
)


@dataclass(frozen=True)
class Budget:
    """How long is trained.

    Arguments:
        steps: of Adam, at most.
        positions: tokens in a step, at most; at least 16 words, and at most 256.
        longest: words grow up to so many tokens.
        grow: words become longer when the loss is below this.
        done: training ends when words have grown to their length and the loss is below this.
        hidden: width of the MLP.
    """

    steps: int = 2500
    positions: int = 2048
    longest: int = 42
    grow: float = 0.5
    done: float = 0.02
    hidden: int = 64


def rotations(quaternions: Tensor) -> Tensor:
    """The rotations (…, 3, 3, r) of quaternions (…, 4, r) that need not have length 1."""
    unit = quaternions / quaternions.norm(dim=-2, keepdim=True).clamp(min=1e-6)
    w, x, y, z = unit.unbind(-2)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, -2) for row in rows], -3)


class TwoLayers:
    """The network of an arm, with random weights.

    Arguments:
        tokens, labels: their numbers.
        arm: which layers.
        hidden: width of the MLP.
        seed: of the weights.
    """

    def __init__(self, tokens: int, labels: int, arm: Arm, hidden: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)

        def random(*shape: int, scale: float = 1.0) -> Tensor:
            return (torch.randn(*shape, generator=generator) * scale).requires_grad_()

        r = arm.blocks
        self.arm = arm
        self.table, self.lower_start, self.upper_start = random(tokens, 4, r), random(3, r), random(3, r)
        self.read, self.tokens = random(3 * r, hidden, scale=1 / math.sqrt(3 * r)), random(tokens, hidden)
        self.turn, self.turns = random(hidden, 4 * r, scale=1 / math.sqrt(hidden)), random(tokens, 4 * r)
        self.head = random(3 * r * arm.layers, labels, scale=1 / math.sqrt(3 * r * arm.layers))
        self.lower_head = random(3 * r, labels, scale=1 / math.sqrt(3 * r))
        self.bias, self.lower_bias = (torch.zeros(labels, requires_grad=True) for _ in range(2))

    def parameters(self) -> list[dict[str, Any]]:
        """Groups of parameters with their rates."""
        upper = [self.upper_start, self.read, self.tokens, self.turn, self.turns]
        heads = [self.head, self.lower_head, self.bias, self.lower_bias]
        return [
            {"params": [self.table, self.lower_start], "lr": self.arm.rate},
            {"params": upper, "lr": self.arm.rate * self.arm.late},
            {"params": heads, "lr": HEAD_RATE},
        ]

    def __call__(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (words, length, labels) of tokens (words, length), and those of the lower layer's own head."""
        count, length = tokens.shape
        lower = block_walk(rotations(self.table), tokens, self.lower_start)
        states = [lower.flatten(2)]
        if self.arm.layers == 2:
            hidden = self.tokens[tokens]
            if self.arm.reads:
                before = torch.cat([self.lower_start.expand(count, 1, -1, -1), lower[:, :-1]], 1).flatten(2)
                hidden = hidden + (before if self.arm.through else before.detach()) @ self.read
            turns = (torch.relu(hidden) @ self.turn + self.turns[tokens]).view(count, length, 4, self.arm.blocks)
            start = self.upper_start.expand(count, -1, -1).contiguous()
            states.append(block_scan(rotations(turns), None, start).flatten(2))
        return torch.cat(states, 2) @ self.head + self.bias, states[0] @ self.lower_head + self.lower_bias


def run_one(group: str, arm: Arm, seed: int, budget: Budget) -> dict[str, Any]:
    """Train one network; its row."""
    task = full_task(list_group(group))
    words = words_of_task(task, WORDS, LENGTH, seed)
    network = TwoLayers(len(words.token_names), len(words.label_names), arm, budget.hidden, seed)
    optimiser, draw = FusedAdam(network.parameters()), Draws(words, (seed,))
    length, step, loss = arm.shortest, 0, math.inf
    growths: list[tuple[int, int]] = []
    began = time.process_time()
    for step in range(1, budget.steps + 1):
        x, y = draw(max(16, min(256, budget.positions // length)), length)
        logits, lower = network(x)
        answered = functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        total = answered
        if arm.lower_loss:
            total = total + arm.lower_loss * functional.cross_entropy(lower.flatten(0, 1), y.flatten())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        loss = float(answered.detach())
        if length < budget.longest and loss < budget.grow:
            length = min(budget.longest, length + max(1, length // 2))
            growths.append((step, length))
        elif length == budget.longest and loss < budget.done:
            break
    seconds = time.process_time() - began
    judged = words_of_task(task, TEST_WORDS, TEST_LENGTH, seed, stream=TEST)
    with torch.no_grad():
        answers = network(torch.from_numpy(judged.tokens))[0].argmax(-1).numpy()
    right = (answers == judged.labels).mean(0)
    failed = np.flatnonzero(right <= THRESHOLD)
    return {
        "group": group, "arm": arm.name, "seed": seed, "steps": step, "length": length, "growths": growths,
        "loss": round(loss, 5), "longest": int(failed[0]) if len(failed) else TEST_LENGTH,
        "at_the_end": round(float(right[-1]), 4), "seconds": round(seconds, 1),
    }  # fmt: skip


def reproduce_two_block_layers(folder: Path, quick: bool = False) -> Path:
    """Run all cells into a folder and write its page; returns the page. Started again, it goes on."""
    budget = Budget(steps=50) if quick else Budget()
    wanted = {"group", "arm", "seed", "steps", "length", "longest", "seconds"}
    rows = read_rows(folder / RUNS, wanted)
    done = {(row["group"], row["arm"], row["seed"]) for row in rows}
    page = write_page(folder, rows, budget)
    for seed in range(FIRST_SEED, FIRST_SEED + (1 if quick else SEEDS)):
        for arm in ARMS:
            for group in GROUPS:
                if (group, arm.name, seed) in done:
                    continue
                rows.append(run_one(group, arm, seed, budget))
                page = write_page(folder, rows, budget)
                row = rows[-1]
                print(f"{group}, {arm.name}, {seed}: words of {row['length']}, right to {row['longest']}", flush=True)
    return page


def write_page(folder: Path, rows: Sequence[dict[str, Any]], budget: Budget) -> Path:
    """cells.jsonl and README.md from the runs that were made."""
    lines = []
    for group in GROUPS:
        for arm in ARMS:
            cell = [row for row in rows if (row["group"], row["arm"]) == (group, arm.name)]
            if cell:
                columns = (", ".join(str(row[name]) for row in cell) for name in ("length", "longest", "steps"))
                seconds = statistics.median(row["seconds"] for row in cell)
                lines.append(f"| {group} | {arm.name} | {' | '.join(columns)} | {seconds:.0f} |")
    page = [
        "# Two block layers with one loss",
        "Written by `subnormal reproduce two-block-layers`. What is counted, and what it means: "
        f"docs/learning-results.md. All elements are tokens; at most {counted(budget.steps, 'step')} of Adam; words "
        f"grow to {budget.longest} tokens. One number for each seed, from {FIRST_SEED}. *Right to*: the longest of "
        f"{TEST_LENGTH} lengths up to which more than 90 % of the answers are right, without any rounding.",
        "| group | arm | words grew to | right to | steps | CPU s a run, median |\n|---|---|---|---|---|---|\n"
        + "\n".join(lines),
    ]
    write_file(folder / RUNS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    write_file(folder / "README.md", "\n\n".join(page) + "\n")
    return folder / "README.md"
