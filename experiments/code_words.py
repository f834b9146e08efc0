"""Does the depth that theory asks for predict what a small model learns of programs? `code` S3 against `code` C2×C2.

python -m subnormal.experiments.code_words [ARM …]

The texts are those of `words S3 --style code` and `words '<(1,2),(3,4)>' --style code`: variables that are swapped, and
the question at the end which value one of them has. A line is a token. S3 takes two layers of AUSSM, C2×C2 one; a
delta-rule layer whose eigenvalues may be −1 can do both alone, one whose eigenvalues are ≥ 0 neither. Only the answer
is trained on. Runs that are in results/code-words/rows.jsonl already are not done again.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ..algebra.tracked import TrackedGroup
from ..api.models import task_of_name
from ..common.writing import write_file
from ..models.network import DCDNetwork
from ..models.prose.samples import swaps
from ..models.prose.styles import style_named
from ..models.training.needed import least_depth
from ..models.training.steps import learning_scale
from ..models.training.tasks import Lengths, Task

FOLDER = Path(__file__).resolve().parents[1] / "results" / "code-words"
SEEDS = range(3)
TASKS = {"S3": "S3", "C2xC2": "<(1,2),(3,4)>"}
ARMS = ("delta, negative", "delta, positive", "aussm x1", "aussm x2")
STEPS, BATCH, RATE = 800, 64, 3e-3
LENGTHS = "2>>16"
TRIED = (4, 8, 16, 32, 64, 128, 256)
PROGRAMS = 512
WIDTH = 32


@dataclass(frozen=True)
class Programs:
    """Programs of one task as token ids: a line is a token.

    Arguments:
        task: swaps of variables.
        lines: the text of every token: the swaps, the first line of all programs, the questions.
        answers: `answers[label, asked]`: the number of the value that is printed.
        values: how they are written.
    """

    task: Task
    lines: tuple[str, ...]
    answers: NDArray[np.int64]
    values: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> Programs:
        group = task_of_name(TASKS[name]).group
        found = swaps(TrackedGroup(group, np.arange(group.order)))
        task = Task(TrackedGroup(group, np.array(found)))
        grammar = style_named("code", task)
        asked = [grammar.question(0, place, 0) for place in range(grammar.places)]
        letters = [grammar.step(letter, 0) for letter in range(len(task.alphabet))]
        values = asked[0].choices
        answers = [
            [values.index(grammar.question(label, place, 0).answer) for place in range(grammar.places)]
            for label in range(group.order)
        ]
        return cls(task, (*letters, asked[0].start, *(one.end for one in asked)), np.array(answers), values)

    def drawn(self, steps: NDArray[np.integer], generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random programs with so many swaps each: ids (batch, longest + 2), where the question stands, the answer."""
        count, longest, letters = len(steps), int(steps.max()), len(self.task.alphabet)
        words = generator.integers(letters, size=(count, longest))
        asked = generator.integers(self.answers.shape[1], size=count)
        labels = self.task.labels(words)
        each = np.arange(count)
        ids = np.concatenate([np.full((count, 1), letters), words, np.zeros((count, 1), dtype=words.dtype)], axis=1)
        ids[each, steps + 1] = letters + 1 + asked
        right = self.answers[labels[each, steps - 1], asked]
        return torch.from_numpy(ids), torch.from_numpy(steps + 1), torch.from_numpy(right)


def gated_delta(query: Tensor, key: Tensor, value: Tensor, decay: Tensor, beta: Tensor) -> Tensor:
    """The gated delta rule, token by token: S ← S·(decay − β·decay·k kᵀ) + β·v kᵀ, read as S·q.

    Arguments:
        query, key, value: (batch, tokens, heads, size); keys of length 1.
        decay, beta: (batch, tokens, heads, 1, 1).
    """
    state = torch.zeros(*value[:, 0].shape, key.shape[-1], dtype=value.dtype)
    states = []
    steps = (part.unbind(1) for part in (key.unsqueeze(-1), value.unsqueeze(-1), decay, beta))
    for k, v, g, b in zip(*steps, strict=True):
        state = g * state
        state = state + (b * (v - state @ k)) @ k.mT
        states.append(state)
    return (torch.stack(states, 1) @ query.unsqueeze(-1)).squeeze(-1)


class DeltaLayer(nn.Module):
    """One gated delta-rule layer and an MLP, each on a residual stream, between an embedding and a head.

    Arguments:
        tokens, classes: how many.
        negative: whether β is in (0, 2), so that eigenvalues may be down to −1; else in (0, 1).
    """

    HEADS, SIZE = 2, 8

    def __init__(self, tokens: int, classes: int, negative: bool) -> None:
        super().__init__()
        self.most = 2.0 if negative else 1.0
        self.embedding = nn.Embedding(tokens, WIDTH)
        self.project = nn.Linear(WIDTH, self.HEADS * (3 * self.SIZE + 2))
        self.back = nn.Linear(self.HEADS * self.SIZE, WIDTH)
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.SiLU(), nn.Linear(2 * WIDTH, WIDTH))
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        parts = self.project(self.first(x)).unflatten(-1, (self.HEADS, -1))
        query, key, value, gate, beta = parts.split((self.SIZE, self.SIZE, self.SIZE, 1, 1), -1)
        query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
        decay = torch.sigmoid(gate + 4).unsqueeze(-1)  # it begins near 1
        found = gated_delta(query, key, value, decay, self.most * torch.sigmoid(beta).unsqueeze(-1))
        x = x + self.back(found.flatten(-2))
        logits: Tensor = self.head(x + self.mlp(self.second(x)))
        return logits


def network(arm: str, tokens: int, classes: int, seed: int) -> nn.Module:
    """A fresh model of an arm."""
    torch.manual_seed(seed)
    if arm.startswith("delta"):
        return DeltaLayer(tokens, classes, arm.endswith("negative"))
    layer = {"family": "aussm", "channels": 16, "hidden": WIDTH, "readout": 32, "activation": "gelu"}
    return DCDNetwork(tokens, classes, [layer] * int(arm[-1]), embedding_size=None, seed=seed)


def row_of(arm: str, name: str, seed: int) -> dict[str, Any]:
    """Train a model and judge it at lengths."""
    programs = Programs.of(name)
    module = network(arm, len(programs.lines), len(programs.values), seed)
    adam = torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=0.0)
    lengths, generator = Lengths.parse(LENGTHS), np.random.default_rng([1, seed])
    began, losses = time.process_time(), []
    for step in range(STEPS):
        adam.param_groups[0]["lr"] = RATE * learning_scale(step, STEPS)
        longest = lengths.at(step, STEPS)
        loss = _loss(module, programs.drawn(generator.integers(1, longest + 1, size=BATCH), generator))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        adam.step()
        losses.append(float(loss.detach()))
    trained = time.process_time() - began
    judge = np.random.default_rng([2, seed])
    accuracy = [_right(module, programs, length, judge) for length in TRIED]
    good = [length for length, share in zip(TRIED, accuracy, strict=True) if share <= 0.9]
    return {
        "arm": arm,
        "task": name,
        "depth": least_depth(programs.task.tracked),
        "seed": seed,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "loss": round(float(np.mean(losses[-50:])), 5),
        "lengths": list(TRIED),
        "accuracy": [round(share, 4) for share in accuracy],
        "chance": round(1 / len(set(programs.answers[:, 0].tolist())), 4),
        "longest": max((length for length in TRIED if not good or length < good[0]), default=0),
        "cpu_seconds": round(trained, 1),
    }


def _loss(module: nn.Module, drawn: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    ids, place, right = drawn
    return functional.cross_entropy(module(ids)[torch.arange(len(ids)), place], right)


@torch.no_grad()
def _right(module: nn.Module, programs: Programs, length: int, generator: np.random.Generator) -> float:
    ids, place, right = programs.drawn(np.full(PROGRAMS, length), generator)
    return float((module(ids)[torch.arange(len(ids)), place].argmax(-1) == right).double().mean())


def page(rows: list[dict[str, Any]]) -> str:
    """The README of the folder."""
    lines = [
        "# Programs: does depth by theory predict?",
        "",
        "Small models trained on programs that swap variables, `a, b = b, a` … `print(a)`, as `words S3 --style code` "
        "writes them; a line is a token, and only the printed value is trained on. S3 (three variables) takes two "
        "layers of AUSSM by theory, C2×C2 (two pairs of variables) one. A delta-rule layer with eigenvalues down to −1 "
        "can do both alone; with eigenvalues ≥ 0 it can do neither for all lengths.",
        "",
        f"{STEPS:,} steps of {BATCH} programs with up to 2 to 16 swaps (growing), Adam at {RATE:g}. "
        f"Accuracy on {PROGRAMS} programs with so many swaps; one figure for each seed that was run, from 0 on.",
        "",
        "| task | depth | model | parameters | chance | " + " | ".join(f"{length}" for length in TRIED) + " |",
        "|---|---|---|---|---|" + "---|" * len(TRIED),
    ]
    for task in TASKS:
        for arm in ARMS:
            own = sorted((row for row in rows if (row["task"], row["arm"]) == (task, arm)), key=lambda row: row["seed"])
            if own:
                cells = [" / ".join(f"{row['accuracy'][i]:.0%}" for row in own) for i in range(len(TRIED))]
                first = own[0]
                lines.append(
                    f"| {task} | {first['depth']} | {arm} | {first['parameters']:,} | {first['chance']:.0%} | "
                    + " | ".join(cells)
                    + " |"
                )
    lines += [
        "",
        "Made by `python -m subnormal.experiments.code_words`; "
        f"{median(row['cpu_seconds'] for row in rows):.0f} s of one thread a run (median), "
        f"{sum(row['cpu_seconds'] for row in rows) / 60:.0f} minutes in all. Every run is in rows.jsonl.",
        "",
    ]
    return "\n".join(lines)


def main(arms: list[str]) -> None:
    torch.set_num_threads(1)
    path = FOLDER / "rows.jsonl"
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    done = {(row["arm"], row["task"], row["seed"]) for row in rows}
    for seed in SEEDS:
        for arm in arms or ARMS:
            for task in TASKS:
                if (arm, task, seed) not in done:
                    rows.append(row_of(arm, task, seed))
                    print(json.dumps(rows[-1]), flush=True)
                    write_file(path, "".join(json.dumps(row) + "\n" for row in rows))
    write_file(FOLDER / "README.md", page(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
