"""Tables of one row a group that are computed by several processes and go on where they were stopped.

Beside the table stands `NAME.digest`: how many bytes of it were written by us, and their SHA-256. When a table is
continued, the rows that the digest vouches for are kept, and all others are computed again: no edited row is trusted.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from .errors import InputError
from .reading import read_text
from .workers import LOST, each_result
from .writing import lock, require_regular, write_file

Key = tuple[int, int]
Row = dict[str, str | int]

PART = 32
"""Rows that a process computes at a time."""

SECONDS = 1.0
"""How often the digest is written."""


def digest_path(path: Path) -> Path:
    """Where the digest of a table stands."""
    return path.with_name(path.name + ".digest")


def write_rows(
    path: Path, columns: Sequence[str], keys: Sequence[Key], row: Callable[[Key], Row], processes: int
) -> Iterator[tuple[int, int]]:
    """Write a CSV file with one row for each key, in order, going on where an earlier run stopped.

    Arguments:
        columns: the header; the first two hold the key.
        row: computes a row; a function of a module, because other processes call it.

    Yields:
        (rows done, rows in all), first before any row is computed. Rows are flushed as they come; one that was cut
        off in the middle is dropped and written again.

    Raises:
        InputError: the file is something else, cannot be written, or is being written by another process.
    """
    try:
        require_regular(path)
        with path.open("a+b") as file:
            if not lock(file.fileno()):
                raise InputError(f"{path} is being written by another process; wait for it, or give another --out")
            done = _resume(path, file, columns, keys)
            yield from _append(path, file, columns, keys, done, row, processes)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; give another file with --out") from None


def _append(
    path: Path,
    file: BinaryIO,
    columns: Sequence[str],
    keys: Sequence[Key],
    done: int,
    row: Callable[[Key], Row],
    processes: int,
) -> Iterator[tuple[int, int]]:
    file.seek(0)
    written = hashlib.sha256(file.read())

    def write(values: Row | None) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        if values is None:
            writer.writeheader()
        else:
            writer.writerow(values)
        content = text.getvalue().encode()
        file.write(content)
        file.flush()
        written.update(content)

    def vouch() -> None:
        write_file(digest_path(path), f"{file.tell()} {written.hexdigest()}\n")

    if not file.tell():
        write(None)
    vouch()
    yield done, len(keys)
    last = time.monotonic()
    parts = [keys[start : start + PART] for start in range(done, len(keys), PART)]
    early: dict[int, list[Row]] = {}  # parts that are finished before one to their left
    following = 0
    try:
        for place, found in each_result(functools.partial(_part, row), parts, processes):
            if found is LOST:
                raise InputError(f"{path}: the processes for row {parts[place][0]} died; start the same command again")
            early[place] = found
            while following in early:
                for values in early.pop(following):
                    write(values)
                    done += 1
                    yield done, len(keys)
                following += 1
                if time.monotonic() - last > SECONDS:
                    vouch()
                    last = time.monotonic()
    finally:
        vouch()


def _part(row: Callable[[Key], Row], keys: Sequence[Key]) -> list[Row]:
    return [row(key) for key in keys]


def _resume(path: Path, file: BinaryIO, columns: Sequence[str], keys: Sequence[Key]) -> int:
    """Rows of the file that were written by us and are in order; the file is cut after them."""
    file.seek(0)
    content = file.read()
    if not content:
        return 0
    try:
        rows = list(csv.reader(io.StringIO(content[: content.rfind(b"\n") + 1].decode())))
        fits = rows[0] == list(columns)
        fits = fits and [(int(row[0]), int(row[1])) for row in rows[1:]] == list(keys[: len(rows) - 1])
    except (ValueError, IndexError, csv.Error):
        fits = False
    if not fits:
        raise InputError(f"{path} is not a part of this table; move it away, or give another file with --out")
    kept = _vouched(path, content)
    file.truncate(kept)
    return max(0, content[:kept].count(b"\n") - 1)


def _vouched(path: Path, content: bytes) -> int:
    """How many bytes from the beginning are as the digest says; 0 where there is no digest or it is another's."""
    with contextlib.suppress(OSError, ValueError):
        length, digest = read_text(digest_path(path), 1000).split()
        part = content[: int(length)]
        if part.endswith(b"\n") and hashlib.sha256(part).hexdigest() == digest and len(part) == int(length):
            return len(part)
    return 0
