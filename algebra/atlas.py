"""The atlas: one row for every group of the catalogue up to an order."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

from algebra.abelian import abelian_factor
from algebra.errors import InputError
from algebra.families import FAMILIES
from algebra.inspection import margin
from algebra.series import Series, shortest_series

COLUMNS = (
    "order",
    "id",
    "solvable",
    "depth",
    "derived_series",
    "factors",
    "negative_mamba_depth",
    "channels",
    "primary_channels",
    "margin",
    "primary_margin",
)
"""The columns of the atlas. Lists are separated by spaces, layers by `;`; margins are in turns; what there is none of
is empty."""


def atlas_row(order: int, number: int) -> dict[str, str | int]:
    """One group's row. Channels are counted, and margins taken, over all layers of the derived series."""
    from algebra.catalogue import small_group

    group = small_group(order, number)
    derived = shortest_series(group, FAMILIES["aussm"])
    signs = shortest_series(group, FAMILIES["negative-mamba"])
    row: dict[str, str | int] = dict.fromkeys(COLUMNS, "")
    row |= {
        "order": order,
        "id": number,
        "solvable": str(derived.is_complete).lower(),
        "derived_series": " ".join(map(str, derived.orders)),
    }
    if signs.is_complete:
        row["negative_mamba_depth"] = signs.length
    if derived.is_complete:
        row["depth"] = derived.length
        row |= _channels(derived)
    return row


def _channels(series: Series) -> dict[str, str | int]:
    factors = [abelian_factor(upper, lower) for upper, lower in pairwise(series.subgroups)]
    invariant = [n for factor in factors for n in factor.moduli]
    primary = [n for factor in factors for n in factor.in_primary_channels().moduli]
    return {
        "factors": ";".join(" ".join(map(str, factor.moduli)) for factor in factors),
        "channels": len(invariant),
        "primary_channels": len(primary),
        "margin": str(margin(invariant)) if invariant else "",
        "primary_margin": str(margin(primary)) if primary else "",
    }


def _row(key: tuple[int, int]) -> dict[str, str | int]:
    return atlas_row(*key)


def write_atlas(path: Path, max_order: int, processes: int = 2) -> Iterator[tuple[int, int]]:
    """Write the rows of all groups up to an order, in order, going on where an earlier run stopped; yields (rows
    done, rows in all).

    Rows are flushed as they come. A row that was cut off in the middle is dropped and written again.

    Raises:
        InputError: the catalogue does not reach that far, or the file is something else or cannot be written.
    """
    from algebra.catalogue import LARGEST_ORDER, number_of_groups

    if not 1 <= max_order <= LARGEST_ORDER:
        raise InputError(f"--max-order {max_order}: the catalogue holds the groups of order 1 to {LARGEST_ORDER}")
    keys = [(order, number) for order in range(1, max_order + 1) for number in range(1, number_of_groups(order) + 1)]
    try:
        done = _resume(path, keys)
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if not done and not file.tell():
                writer.writeheader()
            yield done, len(keys)
            with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
                try:
                    for row in pool.map(_row, keys[done:], chunksize=32):
                        writer.writerow(row)
                        file.flush()
                        done += 1
                        yield done, len(keys)
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; give another file with --out, e.g. --out atlas.csv"
        ) from None


def _resume(path: Path, keys: list[tuple[int, int]]) -> int:
    """Rows of the file that are whole and in order; the file is cut after them."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        rows = list(csv.reader(io.StringIO(whole.decode())))
        fits = not rows or tuple(rows[0]) == COLUMNS
        fits = fits and [(int(row[0]), int(row[1])) for row in rows[1:]] == keys[: len(rows) - 1]
    except (ValueError, IndexError):
        fits = False
    if not fits or (content and not whole):
        raise InputError(f"{path} is not a part of this atlas; move it away, or give another file with --out")
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return max(0, len(rows) - 1)
