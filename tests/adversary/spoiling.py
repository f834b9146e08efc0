"""Spoiling files: one entry of an array, one character or one value of a JSON file; digests made good again."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from subnormal.common.folders import digest
from tests.folders import bind

ODD: list[Any] = [None, True, -1, 0, 1, 2, 3, 7, 10**9, 10**30, 0.5, 1e308, "", "x", "S5", "1"]
ODD += ["mamba", "negative-mamba", "aussm", "gated-aussm"]
ODD += [[], {}, [[]], [0], {"a": 1}]


def spoil_array(path: Path, generator: np.random.Generator) -> str:
    """One entry of one array to something else; sometimes the array's shape, its dtype or its name; or a value of the
    JSON that the header keeps beside them."""
    arrays = {name: array.copy() for name, array in load_file(path).items()}
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    name = str(generator.choice(sorted(arrays)))
    array = arrays[name]
    how = generator.random()
    if metadata and "state" in metadata and how < 0.5:
        state = json.loads(metadata["state"])
        what = f"{path.name} {_spoil_value(state, generator)}"
        metadata["state"] = json.dumps(state)
    elif how < 0.8 and array.size:
        place = int(generator.integers(array.size))
        before = array.flat[place].item()
        if np.issubdtype(array.dtype, np.integer):
            new = generator.choice(
                [before + 1, before - 1, 0, 1, 2, int(generator.integers(-2, 9)), 2**31 - 1, -(2**31)]
            )
        else:
            new = generator.choice(
                [0.0, -before, before + 1, before / 2, before + 1e-9, 1e300, 1e-310, 0.25, 1 / 3, np.nan, np.inf, 2**60]
            )
        with contextlib.suppress(ValueError, OverflowError):  # a number that the dtype does not have
            array.flat[place] = new
        what = f"{path.name} {name}[{place}]: {before} -> {new}"
    elif how < 0.88 and array.ndim == 2 and array.shape[1] > 1:  # what was a permutation still is one
        row, (i, j) = int(generator.integers(len(array))), generator.choice(array.shape[1], 2, replace=False)
        array[row, [i, j]] = array[row, [j, i]]
        what = f"{path.name} {name}[{row}]: {i} and {j} exchanged"
    else:
        change = {
            "dropped": lambda: arrays.pop(name),
            "doubled": lambda: arrays.update({name: np.concatenate([array, array])}),
            "shortened": lambda: arrays.update({name: array[:-1]}),
            "flattened": lambda: arrays.update({name: array.reshape(-1)}),
            "of other numbers": lambda: arrays.update({name: array.astype(np.float32)}),
            "scaled": lambda: arrays.update({name: array * array.dtype.type(generator.choice([2, -1, 3]))}),
            "moved": lambda: arrays.update({name: np.roll(array, 1)}),
            "renamed": lambda: arrays.update({name + "x": arrays.pop(name)}),
            "added to": lambda: arrays.update({"extra": np.zeros(3, dtype=array.dtype)}),
        }
        kind = str(generator.choice(sorted(change)))
        change[kind]()
        what = f"{path.name} {name} {kind}"
    save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, path, metadata)
    return what


def spoil_json(path: Path, generator: np.random.Generator) -> str:
    """One value somewhere in a JSON file to something odd, a field more or less, or one byte to another."""
    text = path.read_text(encoding="utf-8")
    if generator.random() < 0.3:
        place = int(generator.integers(len(text)))
        new = chr(int(generator.integers(32, 127)))
        path.write_text(text[:place] + new + text[place + 1 :], encoding="utf-8")
        return f"{path.name}[{place}] -> {new!r}"
    value = json.loads(text)
    what = f"{path.name} {_spoil_value(value, generator)}"
    path.write_text(json.dumps(value), encoding="utf-8")
    return what


def _spoil_value(value: Any, generator: np.random.Generator) -> str:
    places = list(_places(value))
    holder, key = places[int(generator.integers(len(places)))]
    how = generator.random()
    odd = ODD[int(generator.integers(len(ODD)))]
    before = holder[key]
    if how < 0.75:
        if type(before) is int and generator.random() < 0.6:
            odd = before + int(generator.choice([-1, 1, 2]))
        holder[key] = odd
        return f"{key}: {str(before)[:40]} -> {odd!r:.40}"
    if how < 0.9 or isinstance(holder, list):
        del holder[key]
        return f"without {key}"
    holder["unknown"] = odd
    return f"with a field unknown: {odd!r:.40}"


def _places(value: Any) -> Any:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def mend_digests(folder: Path) -> None:
    """Have manifest and certificates name the files as they are, so that the reasoning must object."""
    bind(folder)
    for name in ("certificate.json", "network_certificate.json"):
        path = folder / name
        try:
            content = json.loads(path.read_bytes())
            content["files"] = {file: digest((folder / file).read_bytes()) for file in content["files"]}
            path.write_text(json.dumps(content), encoding="utf-8")
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
