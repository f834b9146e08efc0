"""Reading a folder with `config.json` and `model.safetensors`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.errors import InputError
from ...common.kinds import described, kind_of
from ...common.reading import read_json, read_tensors

if TYPE_CHECKING:  # configurations are read without torch
    from torch import Tensor

LARGEST_CONFIG = 1 << 24
"""Bytes of a configuration that are read at most."""


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a folder, or of a `.json` file. Raises `InputError`."""
    path = folder / "config.json" if folder.is_dir() else folder
    if not path.is_file():
        there = (
            f"; {described(folder)}" if kind_of(folder) is not None else "" if folder.exists() else "; nothing is there"
        )
        raise InputError(f"{path}: no configuration; wanted a folder with config.json, or such a file{there}")
    content = read_json(path, limit=LARGEST_CONFIG, nan=True)  # Infinity is a usual limit of time steps
    if not isinstance(content, dict):
        raise InputError(f"{path}: a JSON {type(content).__name__}; wanted an object with a model_type")
    return content


def read_checkpoint(folder: Path, model_type: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and tensors of a folder that holds this type of model. Raises `InputError`."""
    config = read_config(folder)
    if config.get("model_type") != model_type:
        raise InputError(f"{folder}: model_type {str(config.get('model_type'))[:40]!r}, wanted {model_type}")
    return config, read_weights(folder)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of `model.safetensors`, by name. Raises `InputError`."""
    from safetensors.torch import load

    return load(read_tensors(folder / "model.safetensors").content)
