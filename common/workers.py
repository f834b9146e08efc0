"""Work for several processes: results as they come, another try where a process dies, a quiet end whatever ends it.

    for place, result in each_result(function, tasks, processes):
        ...

* A process that dies (`kill -9`, out of memory) costs the tasks in hand another try. A task that was in hand
  `ATTEMPTS` - 1 times when a process died gets its last try alone; if its process dies again, its result is `LOST`.
* Ctrl-C is heard by this process alone, which ends the others.
* If this process is killed, the others end at once: each holds a connection whose other end is here.
* What a task tells while it works (`tell`) reaches `watch` in this process, before the task's result.
* With the address of a Dask scheduler the tasks run on its cluster, which tells nothing in between.

Processes are loky's, which notices dead ones; a task's own exception is raised here.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from enum import Enum
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, TypeVar

from .errors import InputError
from .packages import named_packages

__all__ = ["ATTEMPTS", "LOST", "Lost", "available_cores", "each_result", "tell"]

Task = TypeVar("Task")
Result = TypeVar("Result")
Watch = Callable[[Any], None]

ATTEMPTS = 3
"""Tries that a task gets when processes die."""


class Lost(Enum):
    """What stands for the result of a task whose processes died."""

    LOST = "lost"


LOST: Literal[Lost.LOST] = Lost.LOST


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each_result(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    processes: int,
    watch: Watch | None = None,
    scheduler: str | None = None,
) -> Iterator[tuple[int, Result | Lost]]:
    """Call a function on every task and yield (place of the task, result) as they come.

    Arguments:
        function: of a module, because other processes call it.
        processes: at most so many at once; with 1, or with one task, everything happens in this process.
        watch: called in this process with everything that the tasks `tell`.
        scheduler: address of a Dask scheduler, e.g. `tcp://127.0.0.1:8786`, whose workers are used instead.

    Raises:
        InputError: there is no scheduler at that address, or the extra `cluster` is not installed.
        Exception: what the function raises; the other tasks are given up.
    """
    if scheduler is not None:
        yield from _on_cluster(function, tasks, scheduler)
    elif min(processes, len(tasks)) <= 1:
        for place, task in enumerate(tasks):
            with _heard(watch):
                result = function(task)
            yield place, result
    else:
        yield from _on_processes(function, tasks, processes, watch)


# ---------------------------------------------------------------------------------------------- in a worker

_connection: Connection | None = None
_watch: Watch | None = None
_sending = threading.Lock()


def tell(message: object) -> None:
    """Called by a task: `message` goes to the `watch` of `each_result`; nowhere if nobody watches."""
    if _watch is not None:
        _watch(message)
    elif _connection is not None:
        _send(("told", message))


@contextlib.contextmanager
def _heard(watch: Watch | None) -> Iterator[None]:
    global _watch
    before, _watch = _watch, watch
    try:
        yield
    finally:
        _watch = before


def _send(message: object) -> None:
    assert _connection is not None
    with _sending:
        try:
            _connection.send(message)
        except OSError:  # whoever asked is gone
            os._exit(1)


def _begin(address: str) -> None:
    """Once in every worker: Ctrl-C is not for it, and it ends with the process that started it."""
    global _connection
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(address)
    except OSError:
        os._exit(1)
    _connection = Connection(line.detach())
    threading.Thread(target=_end_with, args=(_connection,), daemon=True).start()


def _end_with(connection: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os._exit(1)


def _work(function: Callable[[Task], Result], place: int, task: Task) -> Result:
    try:
        return function(task)
    finally:
        _send(("ended", place))


# ---------------------------------------------------------------------------------------------- here


def _on_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], processes: int, watch: Watch | None
) -> Iterator[tuple[int, Result | Lost]]:
    deaths = dict.fromkeys(range(len(tasks)), 0)  # of the tasks without a result
    while deaths:
        suspects = [place for place, count in deaths.items() if count == ATTEMPTS - 1]
        turn = suspects[:1] or list(deaths)
        with _Crew(min(processes, len(turn)), watch) as crew:
            try:
                for place, result in crew.results(function, tasks, turn):
                    del deaths[place]
                    yield place, result
            except BrokenExecutor:
                for place, future in crew.in_hand.items():
                    if future.done() and future.exception() is None:
                        del deaths[place]
                        yield place, future.result()
                    else:
                        deaths[place] += 1
        for place in [place for place, count in deaths.items() if count == ATTEMPTS]:
            del deaths[place]
            yield place, LOST


class _Crew:
    """Some processes and the line to each. `in_hand` are the tasks that they have, by place."""

    def __init__(self, processes: int, watch: Watch | None) -> None:
        from loky import ProcessPoolExecutor
        from loky.backend import resource_tracker as loky_tracker

        # These tidy up if this process is killed, and need not say so. Started later, they would let Ctrl-C through.
        with _environment("PYTHONWARNINGS", "ignore"):
            resource_tracker.ensure_running()
            loky_tracker.ensure_running()
        self.processes, self.watch = processes, watch
        self.in_hand: dict[int, Future[Any]] = {}
        self.events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.line = _Line(self.events)
        self.executor: Executor = ProcessPoolExecutor(processes, initializer=_begin, initargs=(self.line.address,))

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.line.close()  # each process ends when its line does
        self.executor.shutdown(wait=True)
        self.line.close()

    def results(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], turn: Sequence[int]
    ) -> Iterator[tuple[int, Result]]:
        """The results of the tasks at these places. BrokenExecutor when a process has died."""
        waiting, seen = deque(turn), set()
        while waiting or self.in_hand:
            while waiting and len(self.in_hand) < self.processes:
                self._give(function, waiting[0], tasks[waiting[0]])
                waiting.popleft()
            kind, content = self.events.get()
            if kind == "told":
                if self.watch is not None:
                    self.watch(content)
                continue
            seen.add((kind, content))
            if kind == "done" and (problem := self.in_hand[content].exception()) is not None:
                raise problem
            if {("done", content), ("ended", content)} <= seen:  # then all that it told has been heard
                yield content, self.in_hand.pop(content).result()

    def _give(self, function: Callable[[Task], Result], place: int, task: Task) -> None:
        with _uninterrupted():  # processes are started here
            future = self.executor.submit(_work, function, place, task)
        self.in_hand[place] = future
        future.add_done_callback(lambda _: self.events.put(("done", place)))


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C is held back, and a process started meanwhile does not hear it before it says so itself (`_begin`)."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class _Line:
    """Where the processes call in: what they send is put into a queue, and when it is closed, they end.

    One connection for each process, and no lock that two of them share: one that dies harms no other.
    """

    def __init__(self, events: queue.SimpleQueue[tuple[str, Any]]) -> None:
        self.events = events
        self.folder = tempfile.mkdtemp(prefix="subnormal-")  # private, and so is the socket in it
        self.address = os.path.join(self.folder, "line")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.address)
        self.server.listen(128)
        self.ours, self.stop = socket.socketpair()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def close(self) -> None:
        """Cut all connections. Calling it again does nothing."""
        self.ours.close()
        self.listener.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _listen(self) -> None:
        connections: list[Connection] = []
        while True:
            for ready in wait([self.server, self.stop, *connections]):
                if ready is self.stop:
                    self.server.close()
                    self.stop.close()
                    for connection in connections:
                        connection.close()
                    return
                if ready is self.server:
                    connections.append(Connection(self.server.accept()[0].detach()))
                elif isinstance(ready, Connection):
                    try:
                        self.events.put(ready.recv())
                    except (EOFError, OSError):  # the process has ended
                        connections.remove(ready)
                        ready.close()


def _on_cluster(
    function: Callable[[Task], Result], tasks: Sequence[Task], scheduler: str
) -> Iterator[tuple[int, Result | Lost]]:
    with named_packages():
        from distributed import Client, KilledWorker
    try:
        client = Client(scheduler, timeout="5s")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(
            f"scheduler {scheduler}: no scheduler there ({reason}); wanted e.g. tcp://127.0.0.1:8786"
        ) from None
    with client:
        executor = client.get_executor(pure=False)
        futures = {executor.submit(function, task): place for place, task in enumerate(tasks)}
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except KilledWorker:  # the cluster has tried it on several workers
                yield futures[future], LOST
