"""Rows of results as one flat table: `summary.csv`, and a pandas frame.

A row is a dictionary as the stores hold it, with dictionaries in it. Flat, `{"test": {"longest": 40}}` is a column
`test.longest`; lists (curves, accuracies at many lengths) are left out, since a cell holds one value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .packages import named_packages
from .writing import write_file

__all__ = ["SUMMARY", "Tabular", "flat", "flat_rows", "write_summary"]

SUMMARY = "summary.csv"
"""What the file is called in every folder of results."""

Cell = str | int | float | bool | None


def flat(row: Mapping[str, Any], before: str = "") -> dict[str, Cell]:
    """A row without what holds several values; names of inner fields follow a dot.

    Example:
        >>> flat({"key": "a", "test": {"longest": 40, "last": [1.0]}})
        {'key': 'a', 'test.longest': 40}
    """
    found: dict[str, Cell] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{name}.")
        elif value is None or isinstance(value, str | int | float):
            found[before + name] = value
    return found


def flat_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Cell]]:
    """Flat rows that all have the same columns, in the order in which they first come; None where a row lacks one."""
    found = [flat(row) for row in rows]
    columns = list(dict.fromkeys(name for row in found for name in row))
    return [{name: row.get(name) for name in columns} for row in found]


def write_summary(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as a CSV file, empty cells where there is no value; returns the file.

    Raises:
        InputError: it cannot be written.
    """
    cells = flat_rows(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(cells[0]) if cells else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    write_file(path, text.getvalue())
    return path


class Tabular:
    """A result that is a table: it has `rows_of_table`."""

    def rows_of_table(self) -> Sequence[Mapping[str, Any]]:
        """One dictionary a line of the table."""
        raise NotImplementedError

    def to_frame(self) -> Any:
        """The table as a pandas frame, with the columns of `summary.csv`.

        Raises:
            MissingPackageError: pandas is not installed.

        Examples:
            >>> import subnormal as sn
            >>> sn.evaluate(sn.compile("S3").network(), "S3", length=40, words=10).to_frame()["length"].tolist()
            [20, 40]
        """
        with named_packages():
            import pandas  # type: ignore[import-untyped]

        return pandas.DataFrame(flat_rows(self.rows_of_table()))
