"""One copy of somebody's architecture, trained on one task by plain torch; and a store of many.

    rows/KEY.json      one finished copy: what was asked, accuracies, the course of its checks
    networks/KEY/      its weights; of a class of transformers a folder that `subnormal evaluate` reads
    families/          copies of our own families: the store of `train`, where they are trained in batches

A copy has the same key wherever it is trained. Started again, only copies without a row are trained; one that was
stopped on the way begins again.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from ...common.errors import InputError
from ...common.folders import save_folder
from ...common.workers import LOST, each_result, tell
from ..training.configuration import RunConfiguration
from ..training.evaluation import Accuracy, accuracy_of_right, drawn_words
from ..training.loop import VALIDATION_WORDS
from ..training.pool import Resources
from ..training.runs import Row, RowStore
from ..training.steps import learning_scale
from ..training.tasks import TEST, VALIDATION, Lengths
from .architectures import LIBRARY, OWN, Architecture, answers, require_causal
from .chunks import short_chunks
from .suite import Budget, letters_of, task_named

__all__ = ["Copy", "ProbeStore", "Told", "own_run", "train_copies"]

CHECKS = 10
"""Checks on validation words in the course of a training."""

CLIP = 1.0
"""The largest norm of a gradient."""

PIECE = 1 << 16
"""Tokens × classes of one batch of judging, about."""


@dataclass(frozen=True)
class Copy:
    """One copy to train: what, on what, with which seed and rate, how long.

    Arguments:
        architecture: not of a family of ours.
        task: its name.
        seed: of the initial weights and the words.
        learning_rate: of Adam.
        budget: steps, batch, lengths; its rates and seeds do not matter here.
    """

    architecture: Architecture
    task: str
    seed: int
    learning_rate: float
    budget: Budget

    @cached_property
    def key(self) -> str:
        """A name made from everything that determines the copy."""
        budget = {name: value for name, value in asdict(self.budget).items() if name not in ("learning_rates", "seeds")}
        content = {
            "architecture": self.architecture.as_json(),
            "task": self.task,
            "letters": letters_of(self.task),
            "seed": self.seed,
            "learning_rate": self.learning_rate,
            **budget,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Told:
    """What a copy tells while it is trained: its key, the share of its steps that is done, and its latest check."""

    key: str
    share: float
    longest: int
    loss: float | None


class ProbeStore(RowStore):
    """Rows and weights of finished copies."""

    def row_path(self, key: str) -> Path:
        return self.folder / "rows" / f"{key}.json"

    def network_folder(self, key: str) -> Path:
        return self.folder / "networks" / key

    @property
    def families(self) -> Path:
        """Where `train` keeps the copies of our own families."""
        return self.folder / "families"

    def get(self, key: str) -> Row | None:
        """The row of a finished copy, or None. Raises `InputError` for a damaged one."""
        return self.checked(key, _checked)


def _checked(row: Row) -> Row:
    for name in ("validation", "test"):
        accuracy = row.get(name)
        if not isinstance(accuracy, dict) or not {"lengths", "last", "whole", "longest"} <= set(accuracy):
            raise InputError(f"{name}: no accuracies")
    if not {"architecture", "task", "seed", "learning_rate", "steps", "loss", "parameters"} <= set(row):
        raise InputError("not the row of a copy")
    return row


def own_run(architecture: Architecture, task: str, seed: int, rate: float, budget: Budget) -> RunConfiguration:
    """The run of `train` that is a copy of one of our own families."""
    assert architecture.kind == OWN
    return RunConfiguration(
        group=task,
        family=architecture.content["family"],
        layers=architecture.content["layers"],
        seed=seed,
        learning_rate=rate,
        steps=budget.steps,
        batch=budget.batch,
        length=budget.length,
        test_length=budget.test_length,
        test_words=budget.test_words,
        check_length=budget.test_length,
        check_every=max(1, budget.steps // CHECKS),
        keep="best",
        letters=letters_of(task) if task_named(task).tracked.kind == "automaton" else "uniform",
    )


def train_copies(
    copies: Sequence[Copy], store: ProbeStore, machine: Resources, watch: Callable[[Told], None] | None = None
) -> list[Copy]:
    """Train every copy that the store lacks; returns those that were lost with their processes.

    Arguments:
        copies: any.
        store: where rows and weights go.
        machine: processes, device; a Dask cluster, whose workers need no common folder.
        watch: called with what the copies tell; on a cluster with the end of each.

    Raises:
        InputError: the device is not there, or a copy cannot be made.
    """
    if machine.scheduler is None:
        machine.check()
    missing = [copy for key, copy in {c.key: c for c in copies}.items() if not store.row_path(key).is_file()]
    tasks = [(copy, machine.device) for copy in missing]
    lost = []
    for place, found in each_result(
        train_copy, tasks, machine.processes_for(len(tasks)), watch, scheduler=machine.scheduler
    ):
        if found is LOST:
            lost.append(missing[place])
            continue
        row, files = found
        save_folder(store.network_folder(row["key"]), files)
        store.add(row)
        if watch is not None:
            watch(Told(row["key"], 1.0, row["test"]["longest"], row["loss"]))
    return lost


def train_copy(asked: tuple[Copy, str]) -> tuple[Row, dict[str, bytes | str]]:
    """Train one copy in this process, on one thread; its row, and the files of its weights by name.

    Arguments:
        asked: the copy, and the device.
    """
    copy, device = asked
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            course = _Course(copy, device)
            with short_chunks(course.module):
                return course.run()
    finally:
        torch.set_num_threads(threads)


class _Course:
    """The training of one copy."""

    def __init__(self, copy: Copy, device: str) -> None:
        self.copy, self.budget, self.device = copy, copy.budget, device
        self.task = task_named(copy.task)
        letters, self.classes = len(self.task.alphabet), self.task.classes
        self.module = copy.architecture.build(letters, self.classes, copy.seed).to(device)
        require_causal(self.module, letters, self.classes, copy.architecture.name)
        self.module.train()
        self.lengths = Lengths.parse(self.budget.length)
        self.curve: list[tuple[int, float | None, float, int]] = []
        self.kept: dict[str, Tensor] = {}
        self.kept_merit = (-1, -1.0)

    def run(self) -> tuple[Row, dict[str, bytes | str]]:
        budget, began = self.budget, time.perf_counter()
        moving = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        adam = torch.optim.AdamW(moving, lr=self.copy.learning_rate, weight_decay=0.0)
        every = max(1, budget.steps // CHECKS)
        losses: list[float] = []
        diverged, flawless, step = None, 0, 0
        for step in range(1, budget.steps + 1):
            for group in adam.param_groups:
                group["lr"] = self.copy.learning_rate * learning_scale(step - 1, budget.steps)
            losses.append(self._step(adam, moving, step - 1))
            if not math.isfinite(losses[-1]):
                diverged = step
                break
            if step % every == 0 or step == budget.steps:
                right = self._check(step, float(np.mean(losses)))
                losses = []
                flawless = flawless + 1 if right else 0
                if flawless == 2:
                    break
        if self.kept:
            self.module.load_state_dict(self.kept)
        loss = self.curve[-1][1] if self.curve and diverged is None else None
        row: Row = {
            "key": self.copy.key,
            "architecture": self.copy.architecture.name,
            "content": self.copy.architecture.as_json(),
            "task": self.copy.task,
            "seed": self.copy.seed,
            "learning_rate": self.copy.learning_rate,
            "budget": {name: value for name, value in budget.as_json().items() if name != "learning_rates"},
            "parameters": sum(parameter.numel() for parameter in self.module.parameters()),
            "steps": step,
            "stopped_early": flawless == 2,
            "diverged_at": diverged,
            "loss": loss,
            "validation": self._judged(VALIDATION, VALIDATION_WORDS, 1).as_json(),
            "test": self._judged(TEST, budget.test_words, 0).as_json(),
            "curve": self.curve,
            "seconds": round(time.perf_counter() - began, 2),
        }
        return row, self._files()

    def _step(self, adam: torch.optim.Optimizer, moving: list[nn.Parameter], step: int) -> float:
        length = self.lengths.at(step, self.budget.steps)
        words = self.task.training_words(self.budget.batch, length, self.copy.seed, step)
        labels = torch.from_numpy(self.task.labels(words)).to(self.device)
        logits = answers(self.module, torch.from_numpy(words).to(self.device), self.classes)
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())
        adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(moving, CLIP)
        adam.step()
        return float(loss.detach())

    def _check(self, step: int, loss: float) -> bool:
        """Judge on a few validation words, and keep the best weights; whether every answer was right."""
        found = self._judged(VALIDATION, 32, 0)
        merit = (found.longest, float(np.mean(found.last)))
        if merit >= self.kept_merit:
            self.kept_merit = merit
            self.kept = {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}
        self.curve.append((step, loss, merit[1], found.longest))
        tell(Told(self.copy.key, step / self.budget.steps, found.longest, loss))
        return found.whole[-1] == 1.0

    @torch.no_grad()
    def _judged(self, stream: int, count: int, seed: int) -> Accuracy:
        """Accuracies on words of one stream, in batches that fit memory; a word is read at once."""
        longest = self.budget.test_length
        words, labels = drawn_words(self.task, stream, count, longest, seed)
        self.module.eval()
        batch = max(1, PIECE * 8 // (longest * max(self.classes, 64)))
        right = np.concatenate(
            [
                answers(self.module, torch.from_numpy(words[i : i + batch]).to(self.device), self.classes)
                .argmax(-1)
                .cpu()
                .numpy()
                == labels[i : i + batch]
                for i in range(0, count, batch)
            ]
        )
        self.module.train()
        return accuracy_of_right(right)

    def _files(self) -> dict[str, bytes | str]:
        about = {"architecture": self.copy.architecture.as_json(), "task": self.copy.task, "classes": self.classes}
        if self.copy.architecture.kind == LIBRARY:
            from transformers.utils import logging

            logging.disable_progress_bar()
            with tempfile.TemporaryDirectory() as folder:
                self.module.cpu().save_pretrained(folder)  # type: ignore[operator]
                files: dict[str, bytes | str] = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        else:
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.module.state_dict().items()}
            files = {"model.safetensors": save({n: t.clone() for n, t in tensors.items()}, metadata={"format": "pt"})}
        return files | {"probe.json": json.dumps(about, indent=2) + "\n"}


def reached(row: Row) -> int:
    """The longest length of a row on test words."""
    return int(row["test"]["longest"])
