"""Who trains what, where several processes or machines share one store: each run is made once.

A claim is a file `claims/KEY` that only one process can make (`O_EXCL`, which network file systems keep as well). It is
touched while its process works, so that a claim whose process died is taken over: at once on the same machine, and
after `STALE` seconds from another one. Claims are a courtesy: a store is right without them, as a run that was made
twice is written twice with the same name.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from .configuration import RunConfiguration
from .runs import RunStore

__all__ = ["claimed"]

BEAT, STALE = 20.0, 120.0
"""Seconds between two touches, and after which a claim that was not touched is nobody's."""


@contextlib.contextmanager
def claimed(batch: Sequence[RunConfiguration], store: RunStore) -> Iterator[list[RunConfiguration]]:
    """The runs of a batch that are still to be made, for this process alone; none where another makes one of them.

    They are claimed together or not at all, so that a batch stays what it is.
    """
    folder = store.folder / "claims"
    taken: list[Path] = []
    stop = threading.Event()
    try:
        missing = sorted(store.missing(batch), key=lambda run: run.key)
        if missing:
            folder.mkdir(parents=True, exist_ok=True)
        for run in missing:
            path = folder / run.key
            if not (_make(path) or (_is_left(path) and _make(path))):
                yield []
                return
            taken.append(path)
        left = store.missing(batch)  # one may have been finished before it was claimed
        if taken:
            threading.Thread(target=_touch, args=(taken, stop), daemon=True).start()
        yield left
    finally:
        stop.set()
        for path in taken:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()  # where nobody claims anything, nothing is left


def _make(path: Path) -> bool:
    """Whether the claim could be made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # another process, done, may have removed it
        with path.open("x", encoding="utf-8") as file:
            json.dump({"host": socket.gethostname(), "pid": os.getpid()}, file)
    except (FileExistsError, FileNotFoundError):
        return False
    return True


def _is_left(path: Path) -> bool:
    """Whether a claim was nobody's any more; then it is gone."""
    try:
        before, text = path.stat(), path.read_text(encoding="utf-8")
    except OSError:
        return True
    if not (_is_dead(text) or _now(path.parent) - before.st_mtime > STALE):
        return False
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        path.rename(aside)  # only one process can
    except OSError:
        return False
    same = aside.stat().st_ino == before.st_ino
    if not same:  # in between another took it over: it is theirs
        with contextlib.suppress(OSError):
            os.link(aside, path)
    aside.unlink(missing_ok=True)
    return same


def _is_dead(text: str) -> bool:
    """Whether a claim names a process of this machine that is no more."""
    try:
        about = json.loads(text)
        if about["host"] != socket.gethostname():
            return False
        if about["pid"] == os.getpid():
            return False
        os.kill(int(about["pid"]), 0)
    except ProcessLookupError:
        return True
    except (ValueError, KeyError, TypeError, OSError, OverflowError):
        return False
    return False


def _now(folder: Path) -> float:
    """The time by the clock of whoever keeps the folder."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".now") as file:
        return os.fstat(file.fileno()).st_mtime


def _touch(paths: Sequence[Path], stop: threading.Event) -> None:
    while not stop.wait(BEAT):
        for path in paths:
            with contextlib.suppress(OSError):
                os.utime(path)
