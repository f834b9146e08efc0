"""How a checkpoint differs from what `compile --target` writes for a task: which fields, which weights, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...algebra.automata.automaton import Automaton
from ...algebra.groups.group import Group
from ...algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup
from ...common.errors import InputError
from ...common.reading import parse_json
from ...common.wording import counted
from ...constructions.targets.compiler import TARGETS, Checkpoint, compile_target
from ..references.folder import read_config, read_weights

TRAINING = "training.json"
"""A folder that has it was trained from compiled weights."""

MOST = 6
"""Differences that are named."""


def altered_from_compiled(folder: Path, tracked: Tracked) -> tuple[str, ...]:
    """What was changed since a folder was compiled; empty where nothing was, or where it is no such folder.

    A folder is taken as ours if its tokenizer is, byte for byte, the one that is written for the task; then the same is
    compiled again and compared. Nothing is said of one that `train` wrote.

    Arguments:
        folder: of a checkpoint.
        tracked: what it should track.
    """
    if (folder / TRAINING).is_file():
        return ()
    try:
        config, own = read_config(folder), (folder / "tokenizer.json").read_bytes()
    except (InputError, OSError):
        return ()
    made = _compiled_again(str(config.get("model_type")), own, tracked)
    if made is None:
        return ()
    found = _fields(config, _json(made.files["config.json"]))
    try:
        found += _weights(read_weights(folder), made)
    except InputError as error:
        found.append(str(error))
    return tuple(found[:MOST] + ([f"{len(found) - MOST} more differences"] if len(found) > MOST else []))


def as_compiled(folder: Path, tracked: Tracked) -> str:
    """What the compiler proves of a folder that is, number by number, what it writes for a task; empty for others.

    Arguments:
        folder: of a checkpoint.
        tracked: what it tracks.
    """
    try:
        config, own = read_config(folder), (folder / "tokenizer.json").read_bytes()
        made = _compiled_again(str(config.get("model_type")), own, tracked)
        if made is None or _fields(config, _json(made.files["config.json"])) or _weights(read_weights(folder), made):
            return ""
    except (InputError, OSError):
        return ""
    return next((line for line in made.lines() if line.startswith("proved: ")), "").removeprefix("proved: ")


def _json(content: bytes | str) -> dict[str, Any]:
    text = content if isinstance(content, str) else content.decode()
    return parse_json(text, "config.json", dict[str, Any])


def _compiled_again(model_type: str, tokenizer: bytes, tracked: Tracked) -> Checkpoint | None:
    given: Group | Automaton
    alphabets: list[str | None]
    if isinstance(tracked, TrackedAutomaton):
        given, alphabets = tracked.automaton, [None]
    else:
        assert isinstance(tracked, TrackedGroup)
        given, alphabets = tracked.group, [None, "generators"]
    for name, target in TARGETS.items():
        if (target.tracks == "automaton") != isinstance(given, Automaton):
            continue
        for alphabet in alphabets:
            for resets in (False, True):
                try:
                    made = compile_target(given, name, alphabet, resets)
                    config = _json(made.files["config.json"])
                except (InputError, KeyError):
                    continue
                if config.get("model_type") != model_type:
                    break
                written = made.files.get("tokenizer.json", "")
                if (written.encode() if isinstance(written, str) else written) == tokenizer:
                    return made
    return None


def _fields(config: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Fields of the configuration that have another value; what a library adds on saving is left out."""
    return [
        f"config.json: {name} is {_shown(config.get(name))}, was {_shown(value)}"
        for name, value in wanted.items()
        if config.get(name) != value and not (value is None and name not in config) and name not in ("dtype",)
    ]


def _shown(value: Any) -> str:
    return (
        {True: "true", False: "false", None: "not there"}.get(value, str(value)[:60])
        if (isinstance(value, bool) or value is None)
        else str(value)[:60]
    )


def _weights(own: dict[str, Tensor], made: Checkpoint) -> list[str]:
    from safetensors.torch import load

    content = made.files["model.safetensors"]
    assert isinstance(content, bytes)
    wanted, found = load(content), []
    for name, tensor in wanted.items():
        other = own.get(name)
        if other is None:
            found.append(f"{name} is missing")
        elif other.shape != tensor.shape:
            found.append(f"{name} has shape {tuple(other.shape)}, was {tuple(tensor.shape)}")
        else:
            told = _difference(other, tensor)
            if told:
                found.append(f"{name} {told}")
    return found


def _difference(other: Tensor, tensor: Tensor) -> str:
    """How a tensor differs; empty where it does not."""
    place = torch.nonzero((other.double() != tensor.double()).flatten()).flatten()
    if not len(place):
        return ""
    a, b = other.double().flatten()[place], tensor.double().flatten()[place]
    how = f"differs in {counted(len(place), 'number')} of {tensor.numel():,}"
    for dtype in (torch.bfloat16, torch.float16):
        if torch.equal(tensor.flatten()[place].to(dtype).double(), a):
            return f"{how}, as rounded to {str(dtype).split('.')[1]}"
    if bool(a.isnan().any()):
        return f"{how}, some are NaN"
    first = int(place[0])
    at = "".join(f"[{int(i)}]" for i in torch.unravel_index(torch.tensor(first), tensor.shape))
    return f"{how}, e.g. {at} is {float(a[0]):g}, was {float(b[0]):g}"
