"""Tables of one row a group that are computed by several processes and go on where they were stopped."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from subnormal.algebra.base.errors import InputError

Key = tuple[int, int]
Row = dict[str, str | int]


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
        InputError: the file is something else or cannot be written.
    """
    try:
        done = _resume(path, columns, keys)
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            if not file.tell():
                writer.writeheader()
            yield done, len(keys)
            with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
                try:
                    for found in pool.map(row, keys[done:], chunksize=32):
                        writer.writerow(found)
                        file.flush()
                        done += 1
                        yield done, len(keys)
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; give another file with --out") from None


def _resume(path: Path, columns: Sequence[str], keys: Sequence[Key]) -> int:
    """Rows of the file that are whole and in order; the file is cut after them."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        rows = list(csv.reader(io.StringIO(whole.decode())))
        fits = not rows or rows[0] == list(columns)
        fits = fits and [(int(row[0]), int(row[1])) for row in rows[1:]] == list(keys[: len(rows) - 1])
    except (ValueError, IndexError):
        fits = False
    if not fits or (content and not whole):
        raise InputError(f"{path} is not a part of this table; move it away, or give another file with --out")
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return max(0, len(rows) - 1)
