"""How the attacks run: for a time, or as often as they must; attempt i is made from seed i, whatever the time."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.adversary.spoiling import spoil_array, spoil_json

FAST, FULL = 0.3, float(os.environ.get("ADVERSARY_SECONDS", "190"))
"""Seconds for each class of attacks."""

times = pytest.mark.parametrize("seconds", [FAST, pytest.param(FULL, marks=pytest.mark.slow)])


def quietly(command: Callable, *arguments: object, **options: object) -> object:
    """Run a command without its output."""
    with contextlib.redirect_stdout(io.StringIO()):
        return command(*arguments, **options)


def attempts(seconds: float) -> Iterator[np.random.Generator]:
    """Generators seeded 0, 1, 2, … for some time."""
    end = time.monotonic() + seconds
    seed = 0
    while time.monotonic() < end or seed < 3:
        yield np.random.default_rng(seed)
        seed += 1


def copied(folders: list[Path], place: Path, generator: np.random.Generator) -> Path:
    """A fresh copy of one of the folders."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folders[int(generator.integers(len(folders)))], place)
    return place


def spoiled(folder: Path, names: list[str], most: int, generator: np.random.Generator) -> str:
    """One to `most` changes of some of these files; what was done."""
    changes = []
    for _ in range(int(generator.integers(1, most + 1))):
        path = folder / str(generator.choice(names))
        with contextlib.suppress(ValueError, KeyError, IndexError, OSError):  # spoiled beyond further spoiling
            changes.append((spoil_array if path.suffix == ".safetensors" else spoil_json)(path, generator))
    return f"{folder} {'; '.join(changes)}"
