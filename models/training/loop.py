"""The training loop: a stack of runs, checked, checkpointed, resumed to the same bits.

Every random draw of step t is made from (seed, t), so the state of a stack is its parameters, now and at the kept
check, Adam's two moments, the step number and which runs are still going. A run that is killed goes on from its last
checkpoint and ends with the same numbers, bit for bit, on the same machine with the same versions.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from subnormal.algebra.base.errors import InputError
from subnormal.algebra.base.folders import save_folder
from subnormal.algebra.base.writing import write_file
from subnormal.models.batch import Adam, NetworkBatch
from subnormal.models.network import DCDNetwork
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.evaluation import STRIDE, THRESHOLD, evaluate
from subnormal.models.training.initial import initial_network, task_of
from subnormal.models.training.runs import Row, RunStore
from subnormal.models.training.tasks import VALIDATION, Lengths, Task

SHARED = (
    "steps", "batch", "length", "clip", "weight_decay", "keep", "check_every", "check_words", "check_length",
    "early_stop", "dtype",
)  # fmt: skip
"""Settings that all runs of a stack have in common, beside the task and the network's shape."""

WARM_UP, FINAL_RATE = 0.05, 0.1
CHECK_PIECE = 60
VALIDATION_WORDS = 256


@dataclass
class Progress:
    """What one run has done so far.

    Arguments:
        configuration: of the run.
        curve: one (step, loss, accuracy, longest) for each check on validation words: the mean training loss since the
            last check (None at step 0), the share of right symbols, the longest length with more than 90 % right.
        flawless: checks in a row without a mistake.
        kept: index in the curve of the check whose network is kept.
        done: whether the run has stopped.
    """

    configuration: RunConfiguration
    curve: list[tuple[int, float | None, float, int]] = field(default_factory=list)
    flawless: int = 0
    kept: int = 0
    done: bool = False

    @property
    def stopped_early(self) -> bool:
        return self.configuration.early_stop and self.flawless >= 2


Report = Callable[[Sequence[Progress]], None]


def stackable(configuration: RunConfiguration) -> str:
    """Runs with the same answer can share a stack."""
    content = configuration.as_json()
    names = ("group", "family", "layers", "channels", "hidden", "readout", "phi", "activation", "alphabet", "hold_out")
    kind = configuration.init if configuration.init == "random" else "given"
    return json.dumps([kind] + [content[name] for name in (*SHARED, *names)])


def plan_stacks(configurations: Sequence[RunConfiguration], size: int) -> list[list[RunConfiguration]]:
    """The runs, each once, in stacks of at most `size` that share all but init, noise, learning rate and seed."""
    kinds: dict[str, dict[str, RunConfiguration]] = {}
    for configuration in configurations:
        kinds.setdefault(stackable(configuration), {})[configuration.key] = configuration
    stacks = []
    for kind in kinds.values():
        runs = list(kind.values())
        count = -(-len(runs) // size)
        share = -(-len(runs) // count)
        stacks += [runs[start : start + share] for start in range(0, len(runs), share)]
    return stacks


def train_stack(
    configurations: Sequence[RunConfiguration],
    store: RunStore,
    report: Report | None = None,
    tensorboard: Path | None = None,
    device: str = "cpu",
) -> list[Row]:
    """Train runs that fit together, write one row for each as it finishes, and return all rows.

    What is in the store already is not done again, and a checkpoint of the same stack is gone on with.

    Arguments:
        configurations: runs for which `stackable` is the same.
        store: where rows, networks and checkpoints are.
        report: called after every check.
        tensorboard: folder for TensorBoard's logs (needs the extra `tensorboard`).
        device: where to train; the finished networks are judged on the CPU.

    Raises:
        InputError: a configuration cannot be used, or the store cannot be written.
    """
    if store.missing(configurations):
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
        self.writers = _Writers(tensorboard)
        self.step = 0
        self.seconds = 0.0
        if not self._resume(configurations):
            self._start(store.missing(configurations))
        self.began = time.perf_counter() - self.seconds

    def _start(self, configurations: Sequence[RunConfiguration]) -> None:
        self.runs = [Progress(configuration) for configuration in configurations]
        self._build([initial_network(configuration, self.task) for configuration in configurations])
        self.losses = torch.zeros(len(self.runs), dtype=torch.float64, device=self.device)

    def _build(self, networks: list[DCDNetwork]) -> None:
        self.stack = NetworkBatch(networks, self.device)
        rates = torch.tensor([p.configuration.learning_rate for p in self.active]).to(self.stack.flat)
        self.adam = Adam(rates, self.common.weight_decay * self.stack.decayed(), self.common.clip)
        self.kept = self.stack.flat.detach().clone()
        self.samples, self.sample_labels = self._checks()

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
        self.writers.close()
        self.checkpoint.unlink(missing_ok=True)

    def _advance(self) -> None:
        length = self.lengths.at(self.step, self.common.steps)
        tokens, labels = self._words(length)
        logits, _ = self.stack(tokens)
        flat_loss = functional.cross_entropy(logits.flatten(0, 2), labels.flatten(), reduction="none")
        losses = flat_loss.view(len(tokens), -1).mean(1)
        (gradient,) = torch.autograd.grad(losses.sum(), self.stack.flat)
        self.adam.step(self.stack.flat, gradient, self.step + 1, learning_scale(self.step, self.common.steps))
        self.losses += losses.detach().double()
        self.step += 1

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
            progress.flawless = progress.flawless + 1 if bool(right[i].all()) else 0
            if self.common.keep == "last" or _merit(progress, -1) > _merit(progress, progress.kept):
                progress.kept = len(progress.curve) - 1
                self.kept[i] = self.stack.flat[i]
            self.writers.write(progress)
        self.losses = torch.zeros_like(self.losses)
        going = []
        for i, progress in enumerate(active):
            if progress.stopped_early or self.step == self.common.steps:
                self._finish(progress, self.stack.network(self.kept[i]))
                progress.done = True
            else:
                going.append(i)
        if going and len(going) < len(active):
            self.stack.keep(going)
            self.adam.keep(going)
            self.kept, self.losses = self.kept[going], self.losses[going]
        if self.report is not None:
            self.report(self.runs)

    def _right(self) -> Tensor:
        """Which symbols of the validation words each run gets right, bool (R, words, length)."""
        tokens = self.samples.expand(len(self.stack.flat), -1, -1)
        state: Any = None
        found = []
        for start in range(0, tokens.shape[2], CHECK_PIECE):
            logits, state = self.stack(tokens[:, :, start : start + CHECK_PIECE], state)
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
                **judge(network, self.task, configuration),
                "curve": progress.curve,
                "stack_seconds": round(time.perf_counter() - self.began, 2),
                "stack_size": len(self.runs),
            }
        )

    # ------------------------------------------------------------------ checkpoints

    def _save(self) -> None:
        if not self.active:
            return
        tensors = {
            "flat": self.stack.flat.detach(),
            "kept": self.kept,
            "first": self.adam.first,
            "second": self.adam.second,
        }
        tensors = {name: tensor.cpu() for name, tensor in tensors.items()}
        state = {
            "step": self.step,
            "seconds": time.perf_counter() - self.began,
            "runs": [
                {
                    "configuration": p.configuration.as_json(),
                    "curve": p.curve,
                    "flawless": p.flawless,
                    "kept": p.kept,
                    "done": p.done,
                }
                for p in self.runs
            ],
        }
        write_file(self.checkpoint, save(tensors, metadata={"state": json.dumps(state)}))

    def _resume(self, configurations: Sequence[RunConfiguration]) -> bool:
        if not self.checkpoint.is_file():
            return False
        try:
            with safe_open(self.checkpoint, "pt") as file:
                state = json.loads(file.metadata()["state"])
                tensors = {name: file.get_tensor(name).to(self.device) for name in ("flat", "kept", "first", "second")}
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise InputError(f"{self.checkpoint}: not a checkpoint ({error}); delete it to start again") from None
        self.step, self.seconds = state["step"], state["seconds"]
        self.runs = [
            Progress(
                RunConfiguration.from_json(run["configuration"]),
                [(int(s), loss, accuracy, int(longest)) for s, loss, accuracy, longest in run["curve"]],
                run["flawless"],
                run["kept"],
                run["done"],
            )
            for run in state["runs"]
        ]
        self._build([initial_network(progress.configuration, self.task) for progress in self.active])
        self.stack.flat, self.kept = tensors["flat"].requires_grad_(), tensors["kept"]
        self.adam.first, self.adam.second = tensors["first"], tensors["second"]
        self.losses = torch.zeros(len(self.active), dtype=torch.float64, device=self.device)
        return True


def _merit(progress: Progress, check: int) -> tuple[int, float]:
    """What `keep="best"` compares checks by."""
    _, _, accuracy, longest = progress.curve[check]
    return longest, accuracy


def learning_scale(step: int, steps: int) -> float:
    """The learning rate at a step (from 0) relative to the largest: linear warm-up, then a cosine to a tenth."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    along = (step - warm) / max(1, steps - warm)
    return FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * along))


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


class _Writers:
    """TensorBoard's logs, one folder a run; nothing without a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.writers: dict[str, Any] = {}
        if folder is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise InputError(
                    '--tensorboard needs the extra "tensorboard": pip install "subnormal[tensorboard]"'
                ) from None
            self.make = SummaryWriter

    def write(self, progress: Progress) -> None:
        if self.folder is None:
            return
        key = progress.configuration.key
        if key not in self.writers:
            self.writers[key] = self.make(str(self.folder / key))
        step, loss, accuracy, longest = progress.curve[-1]
        values = {"loss": math.nan if loss is None else loss, "accuracy": accuracy, "longest": longest}
        for name, value in values.items():
            self.writers[key].add_scalar(name, value, step)

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()
