"""The store of finished runs: one JSON file each, named by the run's configuration.

Why not a database: renaming a finished file into place is atomic and needs no lock, so any number of writers, `kill
-9` at any moment and network file systems are all harmless (SQLite's write-ahead log does not work across machines),
and a person can read, delete or copy single runs with the ordinary tools. A run has the same name wherever it is made;
writing it twice writes the same thing.

    rows/KEY.json            one finished run: configuration, outcome, accuracies, curve
    networks/KEY/            its network, and task.json
    checkpoints/KEYS.safetensors   batches of runs in progress
    claims/KEY               runs that a process works on (models/training/claims.py)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from ...common.errors import InputError
from ...common.reading import conform, read_json
from ...common.writing import write_file
from .configuration import COMPILED, RANDOM, RunConfiguration

Row = dict[str, Any]


class _Accuracy(TypedDict):
    words: int
    lengths: list[int]
    last: list[float]
    whole: list[float]
    longest: int


class _Row(TypedDict):
    """The fields of a row."""

    key: str
    configuration: dict[str, Any]
    parameters: int
    steps: int
    stopped_early: bool
    kept_step: NotRequired[int]
    loss: float | None
    diverged_at: NotRequired[int | None]
    validation: _Accuracy
    test: _Accuracy
    curve: list[tuple[int, float | None, float, int]]
    batch_seconds: float
    batch_runs: int


RENAMED = {"stack_seconds": "batch_seconds", "stack_size": "batch_runs"}
"""Names that rows of the first version have for what is called otherwise now."""


class RowStore:
    """Rows of finished runs of any kind, one file each, in a folder that is made when the first is written.

    Arguments:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def row_path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def add(self, row: Row) -> None:
        """Write one row, whole or not at all; `row["key"]` names it."""
        write_file(self.row_path(row["key"]), json.dumps(row, ensure_ascii=False) + "\n")

    def checked(self, key: str, check: Callable[[Row], Row]) -> Row | None:
        """What `check` makes of the row of a finished run, or None where there is none.

        Raises:
            InputError: the file is damaged, is about another run, or `check` refused it; the message names the file.
        """
        path = self.row_path(key)
        try:
            row = read_json(path, nan=True)
        except FileNotFoundError:
            return None
        except InputError as error:
            raise InputError(f"{error}; delete it to run it again") from None
        try:
            if not isinstance(row, dict) or row.get("key") != key:
                raise InputError(f"not the row of {key}")
            return check(row)
        except InputError as error:
            raise InputError(f"{path}: {error}; delete it to run it again") from None


class RunStore(RowStore):
    """Rows of finished runs of `train`, their networks and checkpoints.

    Attributes:
        made: how many runs were made through it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.made = 0

    def row_path(self, key: str) -> Path:
        return self.folder / "rows" / f"{key}.json"

    def network_folder(self, key: str) -> Path:
        return self.folder / "networks" / key

    def checkpoint_path(self, name: str) -> Path:
        return self.folder / "checkpoints" / f"{name}.safetensors"

    def get(self, key: str) -> Row | None:
        """The row of a finished run, or None.

        Raises:
            InputError: the file is damaged, has other fields or values than a row, or is about another run.
        """
        return self.checked(key, _checked)

    def rows(self) -> list[Row]:
        """All rows, in the order of their keys."""
        keys = sorted(path.stem for path in (self.folder / "rows").glob("*.json"))
        return [row for key in keys if (row := self.get(key)) is not None]

    def missing(self, configurations: Iterable[RunConfiguration]) -> list[RunConfiguration]:
        """The runs without a row, each once, in the order given."""
        unique = {configuration.key: configuration for configuration in configurations}
        return [configuration for key, configuration in unique.items() if not self.row_path(key).is_file()]

    def of(self, configurations: Sequence[RunConfiguration]) -> list[Row]:
        """The rows of these runs, those that are there."""
        return [row for configuration in configurations if (row := self.get(configuration.key)) is not None]


def best_network(folder: Path) -> Path:
    """The network of the best run of a folder: longest length, then lowest loss.

    Raises:
        InputError: no run is finished there, or its network is gone.
    """
    store = RunStore(folder)
    rows = [row for row in store.rows() if store.network_folder(row["key"]).is_dir()]
    if not rows:
        raise InputError(f"{folder} holds runs of an experiment, and no network of a finished one; `train` makes them")
    best = min(rows, key=lambda row: (-row["test"]["longest"], row["loss"], row["key"]))
    return store.network_folder(best["key"])


def _checked(row: Row) -> Row:
    """A row as it was read, under the names that are in use. Raises `InputError` where it is none, or another's."""
    found: Row = conform({RENAMED.get(str(name), str(name)): value for name, value in row.items()}, _Row, "the row")
    for name in ("validation", "test"):
        accuracy = found[name]
        if not len(accuracy["lengths"]) == len(accuracy["last"]) == len(accuracy["whole"]) > 0:
            raise InputError(f"{name}: not as many accuracies as lengths")
    if not found["curve"] or found["batch_runs"] < 1:
        raise InputError("no check, or no run in its batch")
    configuration = RunConfiguration.of_record(found["configuration"])
    if configuration.init in (RANDOM, COMPILED) and configuration.key != found["key"]:
        raise InputError("its configuration is that of another run")
    return found
