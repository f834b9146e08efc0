"""The training loop: a batch of runs, checked, checkpointed, resumed to the same bits.

Every random draw of step t is made from (seed, t), so the state of a batch is its parameters, now and at the kept
check, Adam's two moments, the step number and which runs are still going. A run that is killed goes on from its last
checkpoint and ends with the same numbers, bit for bit, on the same machine with the same versions.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from ...common.errors import InputError
from ...common.folders import save_folder
from ..batch import Adam, NetworkBatch
from ..network import DCDNetwork
from .checkpoints import Checkpoint
from .configuration import RunConfiguration
from .evaluation import STRIDE, THRESHOLD, evaluate
from .initial import initial_network, penalties_of
from .logs import Logs
from .progress import Progress, Report
from .recorded import task_of
from .runs import Row, RunStore
from .steps import learning_scale, still_parameters
from .tasks import VALIDATION, Lengths, Task

CHECK_PIECE = 60
VALIDATION_WORDS = 256


def train_batch(
    configurations: Sequence[RunConfiguration],
    store: RunStore,
    report: Report | None = None,
    tensorboard: Path | None = None,
    device: str = "cpu",
) -> list[Row]:
    """Train runs that fit together, write one row for each as it finishes, and return all rows.

    What is in the store already is not done again, and a checkpoint of the same batch is continued.

    Arguments:
        configurations: runs for which `RunConfiguration.shared` is the same.
        store: where rows, networks and checkpoints are.
        report: called after every check.
        tensorboard: folder for TensorBoard's logs (needs the extra `tensorboard`).
        device: where to train; the finished networks are judged on the CPU.

    Raises:
        InputError: a configuration cannot be used, or the store cannot be written.
    """
    missing = store.missing(configurations)
    if missing and configurations[0].of_others:
        from .checkpoint_runs import train_checkpoint

        for run in missing:
            train_checkpoint(run, store, report, tensorboard, device)
    elif missing:
        _Training(configurations, store, report, tensorboard, device).run()
    return store.of(configurations)


class _Training:
    def __init__(
        self,
        configurations: Sequence[RunConfiguration],
        store: RunStore,
        report: Report | None,
        tensorboard: Path | None,
        device: str,
    ) -> None:
        self.store, self.report, self.device = store, report, device
        self.common = configurations[0]
        self.lengths = Lengths.parse(self.common.length)
        self.task = task_of(self.common)
        name = hashlib.sha256("".join(sorted(c.key for c in configurations)).encode()).hexdigest()[:20]
        self.checkpoint = store.checkpoint_path(name)
        self.logs = Logs(tensorboard)
        before = Checkpoint.read(self.checkpoint, device) if self.checkpoint.is_file() else None
        if before:
            self._require_same_runs(before, configurations)
        self.runs = list(before.runs) if before else [Progress(c) for c in store.missing(configurations)]
        self.step = before.step if before else 0
        self.batch = NetworkBatch([initial_network(run.configuration, self.task) for run in self.active], device)
        self.batch.template.local_gradient = self.common.gradient == "local"
        rates = torch.tensor([run.configuration.learning_rate for run in self.active]).to(self.batch.flat)
        self.penalties = penalties_of(self.common, self.task, device)
        still = still_parameters(self.common, self.batch.template)
        self.moving = self.batch.trained(still) if still else None
        decay = self.common.weight_decay * self.batch.decayed()
        self.adam = Adam(rates, decay if self.moving is None else decay * self.moving, self.common.clip)
        self.kept = self.batch.flat.detach().clone()
        self.losses = torch.zeros(len(self.active), dtype=torch.float64, device=device)
        self.diverged_at = torch.zeros(len(self.active), dtype=torch.int64, device=device)
        if before:
            self._restore(before)
        self.samples, self.sample_labels = self._checks()
        self.began = time.perf_counter() - (before.seconds if before else 0.0)

    def _require_same_runs(self, before: Checkpoint, configurations: Sequence[RunConfiguration]) -> None:
        """InputError where a checkpoint is of other runs than those asked for, or lacks one that is not finished."""
        found = [run.configuration.key for run in before.runs]
        missing = {configuration.key for configuration in self.store.missing(configurations)}
        same = len(set(found)) == len(found) and missing <= set(found) <= {c.key for c in configurations}
        if not same or any(run.curve[-1][0] != before.step for run in before.runs if not run.done):
            raise InputError(f"{self.checkpoint}: it is of other runs; delete it to start again")

    def _restore(self, before: Checkpoint) -> None:
        wanted = self.batch.flat
        for name, tensor in before.tensors.items():
            if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
                raise InputError(f"{self.checkpoint}: {name} does not fit its runs; delete it to start again")
        self.batch.flat, self.kept = before.tensors["flat"].requires_grad_(), before.tensors["kept"]
        self.adam.first, self.adam.second = before.tensors["first"], before.tensors["second"]

    @property
    def active(self) -> list[Progress]:
        return [progress for progress in self.runs if not progress.done]

    # ------------------------------------------------------------------ the loop

    def run(self) -> None:
        if self.step == 0:
            self._check()
        while self.active and self.step < self.common.steps:
            self._advance()
            if self.step % self.common.check_every == 0 or self.step == self.common.steps:
                self._check()
                self._save()
        self.logs.close()
        self.checkpoint.unlink(missing_ok=True)

    def _advance(self) -> None:
        length = self.lengths.at(self.step, self.common.steps)
        tokens, labels = self._words(length)
        losses, added = self._losses(tokens, labels)
        wanted = losses.sum() if added is None else losses.sum() + added.sum()
        (gradient,) = torch.autograd.grad(wanted, self.batch.flat)
        if self.moving is not None:
            gradient = gradient * self.moving
        scale = learning_scale(self.step, self.common.steps)
        self.adam.step(self.batch.flat, gradient, self.step + 1, scale)
        self.losses += losses.detach().double()
        self.step += 1
        first = losses.isnan() & (self.diverged_at == 0)
        self.diverged_at[first] = self.step

    def _losses(self, tokens: Tensor, labels: Tensor) -> tuple[Tensor, Tensor | None]:
        """The loss of every run (R,) on words and labels (R, batch, length), and its penalties where there are any.

        The two are apart because the loss that is reported is that of the answers alone.
        """
        every = self.common.losses == "every"
        logits, added = self.batch.for_training(tokens, every, self.penalties)
        wanted = labels.expand(logits.shape[:-1])  # with an axis of layers before where each has its loss
        at_each = functional.cross_entropy(logits.flatten(0, -2), wanted.flatten(), reduction="none").view(wanted.shape)
        losses = at_each.mean((-2, -1))
        return losses.sum(0) if every else losses, added

    def _words(self, length: int) -> tuple[Tensor, Tensor]:
        """Tokens and labels (R, batch, length) of this step; runs of one seed read the same words."""
        drawn: dict[int, np.ndarray] = {}
        for progress in self.active:
            seed = progress.configuration.seed
            if seed not in drawn:
                drawn[seed] = self.task.training_words(self.common.batch, length, seed, self.step)
        words = np.stack(list(drawn.values()))
        labels = self.task.labels(words)
        row = {seed: i for i, seed in enumerate(drawn)}
        rows = [row[progress.configuration.seed] for progress in self.active]
        return torch.from_numpy(words[rows]).to(self.device), torch.from_numpy(labels[rows]).to(self.device)

    def _checks(self) -> tuple[Tensor, Tensor]:
        words = self.task.evaluation_words(VALIDATION, self.common.check_words, self.common.check_length, 0)
        return torch.from_numpy(words).to(self.device), torch.from_numpy(self.task.labels(words)).to(self.device)

    @torch.no_grad()
    def _check(self) -> None:
        right = self._right()
        active = self.active
        lengths = [*range(STRIDE, right.shape[2] + 1, STRIDE)] or [right.shape[2]]
        at_length = right.double().mean(1)
        for i, progress in enumerate(active):
            longest = 0
            for length in lengths:
                if not float(at_length[i, length - 1]) > THRESHOLD:
                    break
                longest = length
            steps = self.step - progress.curve[-1][0] if progress.curve else 0
            mean_loss = float(self.losses[i]) / steps if steps else math.nan
            loss = mean_loss if math.isfinite(mean_loss) else None
            progress.curve.append((self.step, loss, float(right[i].double().mean()), longest))
            if progress.diverged_at is None:
                progress.diverged_at = int(self.diverged_at[i]) or None
            progress.flawless = progress.flawless + 1 if bool(right[i].all()) else 0
            if self.common.keep == "last" or progress.merit(-1) >= progress.merit(progress.kept):
                progress.kept = len(progress.curve) - 1
                self.kept[i] = self.batch.flat[i]
            self.logs.write(progress.configuration.key, progress.curve[-1])
        self.losses = torch.zeros_like(self.losses)
        going = []
        for i, progress in enumerate(active):
            if progress.stopped_early or self.step == self.common.steps:
                self._finish(progress, self.batch.network(self.kept[i]))
                progress.done = True
            else:
                going.append(i)
        if going and len(going) < len(active):
            self.batch.keep(going)
            self.adam.keep(going)
            self.kept, self.losses, self.diverged_at = self.kept[going], self.losses[going], self.diverged_at[going]
        if self.report is not None:
            self.report(self.runs)

    def _right(self) -> Tensor:
        """Which symbols of the validation words each run gets right, bool (R, words, length)."""
        tokens = self.samples.expand(len(self.batch.flat), -1, -1)
        state: Any = None
        found = []
        for start in range(0, tokens.shape[2], CHECK_PIECE):
            logits, state = self.batch(tokens[:, :, start : start + CHECK_PIECE], state)
            found.append(logits.argmax(-1))
        return torch.cat(found, 2) == self.sample_labels

    def _finish(self, progress: Progress, network: DCDNetwork) -> None:
        configuration = progress.configuration
        folder = self.store.network_folder(configuration.key)
        save_network(network, folder, {"task.json": json.dumps(configuration.as_json(), indent=2) + "\n"})
        self.store.add(
            {
                "key": configuration.key,
                "configuration": configuration.as_json(),
                "parameters": sum(p.numel() for p in network.parameters()),
                "steps": self.step,
                "stopped_early": progress.stopped_early,
                "kept_step": progress.curve[progress.kept][0],
                "loss": progress.curve[-1][1],
                "diverged_at": progress.diverged_at,
                **judge(network, self.task, configuration),
                "curve": progress.curve,
                "batch_seconds": round(time.perf_counter() - self.began, 2),
                "batch_runs": len(self.runs),
            }
        )

    def _save(self) -> None:
        if self.active:
            tensors = {
                "flat": self.batch.flat.detach(),
                "kept": self.kept,
                "first": self.adam.first,
                "second": self.adam.second,
            }
            Checkpoint(self.step, time.perf_counter() - self.began, self.runs, tensors).write(self.checkpoint)


def judge(network: DCDNetwork, task: Task, configuration: RunConfiguration) -> Row:
    """Accuracies on validation words, to choose by, and on test words, to report."""
    chosen = evaluate(network, task, configuration.test_length, VALIDATION_WORDS, VALIDATION, seed=1)
    return {
        "validation": chosen.as_json(),
        "test": evaluate(network, task, configuration.test_length, configuration.test_words).as_json(),
    }


def save_network(network: DCDNetwork, folder: Path, beside: Mapping[str, str] | None = None) -> None:
    """Write config.json, model.safetensors and what stands beside them, all of it or nothing."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    files: dict[str, bytes | str] = {
        "model.safetensors": save(tensors, metadata={"format": "pt"}),
        "config.json": json.dumps(network.configuration(), indent=2) + "\n",
    }
    save_folder(folder, files | dict(beside or {}))
