"""A checkpoint that `compile --target` wrote, shaken and trained by plain torch in the class of transformers that runs
it: does the solution stay?

The words are those of any run of `train`, spelt in the checkpoint's own tokens. The loss is the cross-entropy of the
answer behind each letter among all tokens of the vocabulary, since the model is asked which token comes next. Every
parameter moves. What is written is again a folder that `evaluate`, `refute`, `decompile` and `diagnose` read.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...common.errors import InputError
from ...common.folders import MANIFEST, save_folder
from ...common.reading import read_text
from ..foreign.altered import TRAINING
from ..foreign.checkpoint import own_checkpoint
from ..foreign.model import ForeignModel, foreign_model
from .configuration import RunConfiguration
from .evaluation import Accuracy, accuracy_of_right, drawn_words
from .initial import seed_for
from .logs import Logs
from .progress import Progress, Report
from .recorded import task_of
from .runs import RunStore
from .steps import learning_scale
from .tasks import TEST, VALIDATION, Lengths, Task

if TYPE_CHECKING:
    from .runs import Row

__all__ = ["require_checkpoint", "train_checkpoint"]

OF_OUR_NETWORKS = (
    "layers", "channels", "hidden", "readout", "phi", "activation", "dtype", "losses", "bottleneck", "decision",
    "gradient", "moving", "drive_penalty", "stretch_penalty",
)  # fmt: skip
"""Settings that say how a network of ours is made or trained; a checkpoint has its own layers, and all of it moves."""

CARD = "README.md"


def require_checkpoint(configuration: RunConfiguration) -> tuple[ForeignModel, Task]:
    """The model that a run starts from, before it is shaken, and its task.

    Raises:
        InputError: it was not written by `compile --target`, no class of transformers runs it, it has other letters or
            answers than the task, or a setting is for networks of our own.
    """
    usual = RunConfiguration(configuration.group, configuration.family, init=configuration.init)
    if other := [name for name in OF_OUR_NETWORKS if getattr(configuration, name) != getattr(usual, name)]:
        raise InputError(f"{', '.join(other)}: of networks of our own, and {configuration.init} is a checkpoint")
    folder = Path(configuration.init)
    if own_checkpoint(folder) is None:
        raise InputError(
            f"{folder}: not written by `compile --target`, and only such a checkpoint is a solution to start from; "
            "wanted e.g. `compile S3 --target olmo-hybrid --out start`"
        )
    task = task_of(configuration)
    model = foreign_model(folder, None, task.tracked)
    if model.module is None:
        raise InputError(
            f"{folder}: transformers has no class for it, so there is nothing that torch could train; wanted e.g. a "
            "folder of `compile S3 --target olmo-hybrid`, or `train S3 --family delta --init compiled`"
        )
    return model, task


def train_checkpoint(
    configuration: RunConfiguration, store: RunStore, report: Report | None, tensorboard: Path | None, device: str
) -> None:
    """Train one run and write its row and its folder, as `train_batch` does for networks of our own.

    Raises:
        InputError: as `require_checkpoint`.
    """
    logs = Logs(tensorboard)
    try:
        _Course(configuration, store, report, logs, device).run()
    finally:
        logs.close()


class _Course:
    def __init__(
        self, configuration: RunConfiguration, store: RunStore, report: Report | None, logs: Logs, device: str
    ) -> None:
        self.run_of, self.store, self.report, self.logs = configuration, store, report, logs
        self.model, self.task = require_checkpoint(configuration)
        assert self.model.module is not None
        self.module = self.model.module.float().to(device).train()
        self.device = device
        self.answers = torch.tensor(self.model.reading.logits, device=device)
        self.progress = Progress(configuration)
        self.losses: list[float] = []
        self.kept: dict[str, Tensor] = {}
        self.checks = drawn_words(self.task, VALIDATION, configuration.check_words, configuration.check_length, 0)
        generator = torch.Generator().manual_seed(seed_for(configuration, 1))
        with torch.no_grad():
            for parameter in self.module.parameters():
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_((configuration.noise * drawn).to(parameter))

    def run(self) -> None:
        asked, began, step = self.run_of, time.perf_counter(), 0
        moving = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        adam = torch.optim.AdamW(moving, lr=asked.learning_rate, weight_decay=asked.weight_decay)
        lengths = Lengths.parse(asked.length)
        self._check(0)
        while step < asked.steps and not self.progress.done:
            adam.param_groups[0]["lr"] = asked.learning_rate * learning_scale(step, asked.steps)
            loss = self._loss(step, lengths.at(step, asked.steps))
            adam.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(moving, asked.clip)
            adam.step()
            step += 1
            self.losses.append(float(loss.detach()))
            if math.isnan(self.losses[-1]) and self.progress.diverged_at is None:
                self.progress.diverged_at = step
            if step % asked.check_every == 0 or step == asked.steps:
                self._check(step)
        self.module.load_state_dict(self.kept)
        save_folder(self.store.network_folder(asked.key), self._files())
        self.store.add(self._row(step, time.perf_counter() - began))

    def _loss(self, step: int, length: int) -> Tensor:
        words = self.task.training_words(self.run_of.batch, length, self.run_of.seed, step)
        ids, ends = self.model.reading.tokens(words)
        logits = self.model.logits(torch.from_numpy(ids))
        rows = torch.arange(len(ids), device=logits.device).unsqueeze(1)
        behind = logits[rows, torch.from_numpy(ends).to(logits.device)]
        labels = self.answers[torch.from_numpy(self.task.labels(words)).to(self.device)]
        return functional.cross_entropy(behind.flatten(0, 1).float(), labels.flatten())

    def _right(self, drawn: tuple[NDArray[np.int64], NDArray[np.int64]]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.model.answers(drawn[0]) == drawn[1]
        return found

    def _check(self, step: int) -> None:
        right = self._right(self.checks)
        progress = self.progress
        loss = float(np.mean(self.losses)) if self.losses else math.nan
        longest = accuracy_of_right(right).longest
        progress.curve.append((step, loss if math.isfinite(loss) else None, float(right.mean()), longest))
        progress.flawless = progress.flawless + 1 if right.all() else 0
        self.losses = []
        if self.run_of.keep == "last" or progress.merit(-1) >= progress.merit(progress.kept) or not self.kept:
            progress.kept = len(progress.curve) - 1
            self.kept = {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}
        progress.done = progress.stopped_early or step == self.run_of.steps
        self.logs.write(self.run_of.key, progress.curve[-1])
        if self.report is not None:
            self.report([progress])

    def _judged(self, stream: int, count: int, seed: int) -> Accuracy:
        return accuracy_of_right(self._right(drawn_words(self.task, stream, count, self.run_of.test_length, seed)))

    def _row(self, steps: int, seconds: float) -> Row:
        progress = self.progress
        return {
            "key": self.run_of.key,
            "configuration": self.run_of.as_json(),
            "parameters": sum(parameter.numel() for parameter in self.module.parameters()),
            "steps": steps,
            "stopped_early": progress.stopped_early,
            "kept_step": progress.curve[progress.kept][0],
            "loss": progress.curve[-1][1],
            "diverged_at": progress.diverged_at,
            "validation": self._judged(VALIDATION, min(64, self.run_of.test_words), 1).as_json(),
            "test": self._judged(TEST, self.run_of.test_words, 0).as_json(),
            "curve": progress.curve,
            "batch_seconds": round(seconds, 2),
            "batch_runs": 1,
        }

    def _files(self) -> dict[str, bytes | str]:
        """The folder: transformers' files, the tokenizer of the start, and a card that claims nothing."""
        from transformers.utils import logging

        logging.disable_progress_bar()
        start = Path(self.run_of.init)
        kept = [p for p in start.iterdir() if p.is_file() and p.suffix != ".safetensors" and p.name != MANIFEST]
        files: dict[str, bytes | str] = {path.name: path.read_bytes() for path in kept}
        card = read_text(start / CARD) if (start / CARD).is_file() else ""
        title = next((line for line in card.splitlines() if line.startswith("# ")), f"# {self.task.name}")
        with tempfile.TemporaryDirectory() as folder:
            self.module.save_pretrained(folder)  # type: ignore[operator]
            files |= {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        told = (
            f"Compiled weights, shaken by noise of σ = {self.run_of.noise:g} and trained ({self.run_of.steps:,} steps, "
            f"seed {self.run_of.seed}): nothing is proved of them. `subnormal evaluate` says how far they are right."
        )
        settings = json.dumps(self.run_of.as_json(), indent=2) + "\n"
        return files | {CARD: f"{title}\n\n{told}\n", TRAINING: settings}
