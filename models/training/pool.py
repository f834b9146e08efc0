"""Stacks of runs on all cores: one process a core, one torch thread each; a process that dies costs a retry.

Two threads in one process are slower than one here: the operations are too small to be split, and beside a busy
neighbour the threads wait for each other (a training step of 10 ms took 500 ms in a measurement on two shared cores).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from subnormal.algebra.base.errors import InputError
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.runs import RunStore

ATTEMPTS = 3
"""A stack whose process dies is given up after so many tries, each from the last checkpoint."""

STACK_SIZE = 15
"""Most runs in one stack: beyond it the time per run no longer falls on one thread (benchmarks/run_stacks.py)."""

Runs = Sequence[RunConfiguration]


@dataclass(frozen=True)
class Machine:
    """What runs are trained with.

    Arguments:
        processes: at most so many at once; None for one a core, or for one alone where the device is not the CPU.
        device: `cpu`, or another of torch's, e.g. `cuda`.
        stack_size: most runs trained side by side in one process.
    """

    processes: int | None = None
    device: str = "cpu"
    stack_size: int = STACK_SIZE

    def check(self) -> None:
        """InputError unless torch can work on the device."""
        import torch

        try:
            float(torch.zeros(1, device=self.device))
        except (RuntimeError, AssertionError) as error:
            reason = " ".join(str(error).split())[:60]
            raise InputError(f"device {self.device[:20]!r}: not there ({reason}); wanted e.g. cpu or cuda") from None

    def processes_for(self, stacks: int) -> int:
        """How many processes to start for so many stacks."""
        return min(self.processes or (processes_by_default() if self.device == "cpu" else 1), stacks)


@dataclass(frozen=True)
class RunStatus:
    """One run's latest check, as it travels between processes: key, step and the last entry of its curve."""

    key: str
    step: int
    steps: int
    loss: float | None
    accuracy: float
    longest: int
    done: bool


Watch = Callable[[list[RunStatus]], None]


HERE = Machine()
"""One process a core."""


def processes_by_default() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train_all(
    configurations: Runs,
    store: RunStore,
    machine: Machine = HERE,
    watch: Watch | None = None,
    tensorboard: Path | None = None,
) -> list[RunConfiguration]:
    """Train every run that the store lacks; returns those that failed, which is none unless processes died.

    Arguments:
        configurations: any runs.
        store: where rows, networks and checkpoints are; rows that are there are not made again.
        machine: processes, device, size of stacks.
        watch: called with the latest checks of a stack.
        tensorboard: folder for TensorBoard's logs.

    Raises:
        InputError: the device is not there; a run cannot be made (found before anything is trained where it can be).
    """
    from subnormal.models.training.loop import plan_stacks

    machine.check()
    stacks = [stack for stack in plan_stacks(configurations, machine.stack_size) if store.missing(stack)]
    if machine.processes_for(len(stacks)) <= 1:
        for stack in stacks:
            train_here(stack, store, watch, tensorboard, machine.device)
        return []
    return _Pool(stacks, store, machine, watch, tensorboard).run()


def train_here(
    stack: Runs, store: RunStore, watch: Watch | None = None, tensorboard: Path | None = None, device: str = "cpu"
) -> None:
    """Train one stack in this process, on one torch thread."""
    import torch

    from subnormal.models.training.loop import Progress, train_stack

    def report(runs: Sequence[Progress]) -> None:
        if watch is not None:
            watch([_status(run) for run in runs])

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train_stack(stack, store, report, tensorboard, device)
    finally:
        torch.set_num_threads(threads)


def _status(progress: Any) -> RunStatus:
    step, loss, accuracy, longest = progress.curve[-1]
    configuration = progress.configuration
    return RunStatus(configuration.key, step, configuration.steps, loss, accuracy, longest, progress.done)


def _work(connection: Connection, folder: Path, tensorboard: Path | None, device: str) -> None:
    """A worker: trains the stacks it is sent, one after the other, until it is sent None."""
    try:
        while (stack := connection.recv()) is not None:
            train_here(stack, RunStore(folder), connection.send, tensorboard, device)
            connection.send(None)
    except (KeyboardInterrupt, EOFError, ConnectionError):  # whoever asked is gone
        pass
    except InputError as error:
        connection.send(error)
    except Exception:
        connection.send(traceback.format_exc())


@dataclass
class _Job:
    stack: Runs
    attempts: int = 0


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    job: _Job


class _Pool:
    def __init__(
        self,
        stacks: list[list[RunConfiguration]],
        store: RunStore,
        machine: Machine,
        watch: Watch | None,
        tensorboard: Path | None,
    ) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.waiting = [_Job(stack) for stack in stacks]
        self.workers: list[_Worker] = []
        self.failed: list[RunConfiguration] = []
        self.store, self.processes, self.watch = store, machine.processes_for(len(stacks)), watch
        self.settings = (store.folder, tensorboard, machine.device)

    def run(self) -> list[RunConfiguration]:
        try:
            while self.waiting or self.workers:
                while self.waiting and len(self.workers) < self.processes:
                    self._start(self.waiting.pop(0))
                for ready in wait([worker.connection for worker in self.workers]):
                    self._hear(next(worker for worker in self.workers if worker.connection is ready))
        finally:
            for worker in self.workers:
                worker.process.terminate()
                worker.process.join()
        return self.failed

    def _start(self, job: _Job) -> None:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_work, args=(theirs, *self.settings), daemon=True)
        process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        worker = _Worker(process, ours, job)
        self.workers.append(worker)
        self._give(worker, job)

    def _give(self, worker: _Worker, job: _Job) -> None:
        job.attempts += 1
        worker.job = job
        with contextlib.suppress(OSError):  # a worker that is dead already is heard of by its closed pipe
            worker.connection.send(job.stack)

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._end(worker)
            if worker.job.attempts < ATTEMPTS:
                self.waiting.append(worker.job)
            else:
                self.failed += self.store.missing(worker.job.stack)
            return
        if message is None:
            if self.waiting:
                self._give(worker, self.waiting.pop(0))
            else:
                worker.connection.send(None)
                self._end(worker)
        elif isinstance(message, InputError):
            raise message
        elif isinstance(message, str):
            raise RuntimeError(f"a training process failed:\n{message}")
        elif self.watch is not None:
            self.watch(message)

    def _end(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        self.workers.remove(worker)
