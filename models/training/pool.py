"""Batches of runs on all cores, or on a cluster: one process a core, one torch thread each.

`common.workers` hands out the batches: a process that dies costs its batch another try, from the last checkpoint.

Two threads in one process are slower than one here: the operations are too small to be split, and beside a busy
neighbour the threads wait for each other (a training step of 10 ms took 500 ms in a measurement on two shared cores).
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ...common.errors import InputError
from ...common.folders import MANIFEST, save_folder
from ...common.packages import installed, missing_package
from ...common.workers import LOST, Lost, available_cores, each_result, tell
from .claims import claimed
from .configuration import RunConfiguration
from .logs import Logs
from .progress import RunStatus, plan_batches
from .runs import Row, RunStore

POLL = 2.0
"""Seconds between two looks at what another process makes."""

RUNS_TOGETHER = 15
"""Most runs in one batch: beyond it the time per run no longer falls on one thread (benchmarks/batches_of_runs.py)."""

Runs = Sequence[RunConfiguration]


@dataclass(frozen=True)
class Resources:
    """What runs are trained with.

    Arguments:
        processes: at most so many at once; None for one a core, or for one alone where the device is not the CPU.
        device: `cpu`, or another of torch's, e.g. `cuda`.
        runs_together: most runs trained as one batch in a process.
        scheduler: address of a Dask scheduler, e.g. `tcp://127.0.0.1:8786`, whose workers train instead of processes
            here; they need no common folder: they train in a temporary one and send back rows and networks.
    """

    processes: int | None = None
    device: str = "cpu"
    runs_together: int = RUNS_TOGETHER
    scheduler: str | None = None

    def check(self) -> None:
        """InputError unless torch can work on the device."""
        import torch

        try:
            float(torch.zeros(1, device=self.device))
        except (RuntimeError, AssertionError) as error:
            reason = " ".join(str(error).split())[:60]
            raise InputError(f"device {self.device[:20]!r}: not there ({reason}); wanted e.g. cpu or cuda") from None

    def processes_for(self, batches: int) -> int:
        """How many processes to start for so many batches."""
        return min(self.processes or (available_cores() if self.device == "cpu" else 1), batches)


Watch = Callable[[list[RunStatus]], None]


HERE = Resources()
"""One process a core."""


def train_all(
    configurations: Runs,
    store: RunStore,
    machine: Resources = HERE,
    watch: Watch | None = None,
    tensorboard: Path | None = None,
) -> list[RunConfiguration]:
    """Train every run that the store lacks; returns those that failed, which is none unless processes died.

    Other processes, here or on other machines, may work on the same store: each run is made by one of them, and all of
    them return when every run is there.

    Arguments:
        configurations: any runs.
        store: where rows, networks and checkpoints are; rows that are there are not made again.
        machine: processes, device, size of batches; a Dask cluster.
        watch: called with the latest checks of a batch; on a cluster with the last ones.
        tensorboard: folder for TensorBoard's logs; of a cluster's runs they are written when the runs come back.

    Raises:
        InputError: the device is not there; a run cannot be made (found before anything is trained where it can be).
    """
    if machine.scheduler is None:
        machine.check()
    batches: list[Runs] = [*plan_batches(configurations, machine.runs_together)]
    failed: list[RunConfiguration] = []
    told = False
    while batches := [batch for batch in batches if store.missing(batch)]:
        own = _on_cluster if machine.scheduler is not None else _on_processes
        held: list[Runs] = []
        for batch, made in own(batches, store, machine, watch, tensorboard):
            if made is LOST:
                failed += store.missing(batch)
            elif made:
                store.made += len(made)
            else:
                held.append(batch)
        if held and not told:
            print(f"{sum(map(len, held))} runs are being made by another process; waiting", file=sys.stderr, flush=True)
            told = True
        if held:
            time.sleep(POLL)
        batches = held
    return failed


Made = Iterator[tuple[Runs, list[str] | Lost]]
"""Batches with the keys of the runs that were made; none where another process has claimed one of them."""


def _on_processes(
    batches: Sequence[Runs], store: RunStore, machine: Resources, watch: Watch | None, tensorboard: Path | None
) -> Made:
    train = functools.partial(train_here, folder=store.folder, tensorboard=tensorboard, device=machine.device)
    for place, made in each_result(train, batches, machine.processes_for(len(batches)), watch):
        yield batches[place], made


def _on_cluster(
    batches: Sequence[Runs], store: RunStore, machine: Resources, watch: Watch | None, tensorboard: Path | None
) -> Made:
    if not installed("distributed"):
        raise missing_package("distributed")  # before a claim is written
    with ExitStack() as claims:
        own = [claims.enter_context(claimed(batch, store)) for batch in batches]
        asked = [place for place, runs in enumerate(own) if runs]
        for place in sorted(set(range(len(batches))) - set(asked)):
            yield batches[place], []
        away = functools.partial(train_away, device=machine.device)
        tasks = [own[place] for place in asked]
        for i, rows in each_result(away, tasks, len(tasks), scheduler=machine.scheduler):
            if rows is LOST:
                yield batches[asked[i]], rows
                continue
            logs = Logs(tensorboard)
            for row, files in rows:
                save_folder(store.network_folder(row["key"]), files)
                store.add(row)
                for check in row["curve"]:
                    logs.write(row["key"], check)
            logs.close()
            if watch is not None:
                watch([_last_check(row) for row, _ in rows])
            yield batches[asked[i]], [row["key"] for row, _ in rows]


def train_here(batch: Runs, folder: Path, tensorboard: Path | None = None, device: str = "cpu") -> list[str]:
    """Train one batch in this process, on one torch thread, into the store in a folder. The checks are told.

    Returns the keys of the runs that were made: none where another process makes one of them.
    """
    import torch

    from .loop import train_batch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        store = RunStore(folder)
        with claimed(batch, store) as own:
            if own:
                train_batch(batch, store, lambda runs: tell([run.status for run in runs]), tensorboard, device)
        return [run.key for run in own]
    finally:
        torch.set_num_threads(threads)


def train_away(batch: Runs, device: str) -> list[tuple[Row, dict[str, bytes]]]:
    """Train one batch where there is no store; returns for each run its row and the files of its network, by name.

    Checkpoints are dropped. Initial weights from a folder must be readable where this runs.
    """
    Resources(device=device).check()
    with tempfile.TemporaryDirectory() as folder:
        train_here(batch, Path(folder), device=device)
        store = RunStore(Path(folder))
        return [(row, _files(store.network_folder(row["key"]))) for row in store.of(batch)]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}


def _last_check(row: Row) -> RunStatus:
    step, loss, accuracy, longest = row["curve"][-1]
    steps, diverged_at = row["configuration"]["steps"], row.get("diverged_at")
    return RunStatus(row["key"], step, steps, loss, accuracy, longest, True, diverged_at)
