"""What a person sees while runs are trained: a table of the latest checks, or a line for each finished run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ...common.errors import InputError
from ...common.terminal import plain_table
from .configuration import RunConfiguration
from .pool import Resources, train_all
from .progress import RunStatus
from .runs import Row, RunStore

ROWS = 12


class LiveTable:
    """A table of the latest runs on standard error; plain lines, one a finished run, where that is no terminal.

    Use as a context manager, and pass `watch` to `models.training.pool.train_all`.

    Arguments:
        configurations: all runs.
        finished: how many were in the store before.
    """

    def __init__(self, configurations: Sequence[RunConfiguration], finished: int) -> None:
        self.known = {configuration.key: configuration for configuration in configurations}
        self.before, self.done = finished, finished
        self.latest: dict[str, RunStatus] = {}
        self.began = time.monotonic()
        self.console = Console(stderr=True, highlight=False)
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        names = [field.name for field in fields(RunConfiguration)]
        self.names = [n for n in names if len({getattr(c, n) for c in self.known.values()}) > 1] or ["seed"]

    def __enter__(self) -> LiveTable:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def watch(self, statuses: list[RunStatus]) -> None:
        """Take note of the latest checks of some runs."""
        for status in statuses:
            earlier = self.latest.pop(status.key, None)
            self.latest[status.key] = status
            if status.done and not (earlier is not None and earlier.done):
                self.done += 1
                if not self.console.is_terminal:
                    self.console.print(
                        f"[{self.done}/{len(self.known)}] {self._line(status)}", markup=False, soft_wrap=True
                    )
        if self.console.is_terminal:
            self.live.update(self._table(), refresh=True)

    def _line(self, status: RunStatus) -> str:
        values = {name: getattr(self.known[status.key], name) for name in self.names}
        settings = " ".join(f"{name}={value}" for name, value in values.items() if value is not None)
        loss = loss_text(status.loss, status.diverged_at)
        check = f"loss {loss}, accuracy {status.accuracy:.1%}, longest {status.longest}"
        return f"{settings} · step {status.step}, {check}"

    def _table(self) -> Table:
        table = plain_table(*self.names, "step", "loss", "accuracy", "longest")
        table.title = Text(f"{self.done} of {len(self.known)} runs done, {time.monotonic() - self.began:.0f} s")
        for status in [s for s in self.latest.values() if not s.done][-ROWS:]:
            values = [getattr(self.known[status.key], name) for name in self.names]
            table.add_row(
                *("–" if value is None else str(value) for value in values),
                f"{status.step}/{status.steps}",
                loss_text(status.loss, status.diverged_at),
                f"{status.accuracy:.1%}",
                str(status.longest),
            )
        return table


def train_watched(
    runs: Sequence[RunConfiguration], store: RunStore, machine: Resources, tensorboard: Path | None = None
) -> None:
    """Train what the store lacks, under a live table. InputError where runs were lost with their processes."""
    refuse_lost(watched(runs, store, machine, tensorboard))


def watched(
    runs: Sequence[RunConfiguration], store: RunStore, machine: Resources, tensorboard: Path | None = None
) -> list[RunConfiguration]:
    """Train what the store lacks, under a live table; returns the runs that were lost with their processes."""
    finished = len({run.key for run in runs}) - len(store.missing(runs))
    with LiveTable(runs, finished) as table:
        return train_all(runs, store, machine, table.watch, tensorboard)


def refuse_lost(failed: Sequence[RunConfiguration]) -> None:
    """InputError if there are any."""
    if failed:
        raise InputError(f"{len(failed)} runs were lost with their processes; start the same command again to go on")


def loss_text(value: float | None, diverged_at: int | None = None) -> str:
    """A loss to three digits, a dash where there is none; of a run that diverged, when."""
    if diverged_at is not None:
        return f"NaN at step {diverged_at}"
    return "–" if value is None else f"{value:.3g}"


def diverged(rows: Sequence[Row]) -> list[str]:
    """For each run whose loss became NaN one line that names the run and the step."""
    lines = []
    for row in rows:
        if row.get("diverged_at") is not None:
            settings = ", ".join(f"{name} {row['configuration'][name]}" for name in ("seed", "learning_rate", "noise"))
            lines.append(f"diverged: {row['key']} ({settings}): loss NaN at step {row['diverged_at']}")
    return lines
