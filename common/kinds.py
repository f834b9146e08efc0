"""What a folder is: the one place that looks at the names in it and says which kind of thing it holds.

Whoever dispatches on a folder asks `kind_of`; whoever refuses one says `wrong_kind`; whoever writes one asks
`claim_folder` first, because a folder of one kind is never replaced by another kind unless the user says so.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .errors import InputError
from .reading import MAX_TENSOR_BYTES, parse_json, read_bytes

GROUP, AUTOMATON, FACTORED, DELTA, BLOCK = "group", "automaton", "factored", "delta", "block"
LEARNT, TRAINED, NETWORK, RUN = "learnt", "trained", "network", "run"
PROBE = "probe"
TABLE = "table"
CHECKPOINT, MODULE, REFUSAL, DAMAGED, OTHER = "checkpoint", "module", "refusal", "damaged", "other"

TITLES = {
    GROUP: "a compiled group",
    AUTOMATON: "a compiled automaton",
    FACTORED: "a factored cascade",
    DELTA: "a delta-rule network for a group",
    BLOCK: "a network of blocks for a group",
    LEARNT: "a machine that was learnt",
    TABLE: "the table of a machine that was learnt",
    TRAINED: "a network that was trained",
    NETWORK: "a network that was saved",
    RUN: "runs of an experiment",
    PROBE: "what `probe` trained",
    CHECKPOINT: "a model of another library",
    MODULE: "a model in a program",
    REFUSAL: "the certificate of something that cannot be tracked",
    DAMAGED: "a compiled folder that is damaged",
    OTHER: "files of names that are used here",
}
"""What each kind is called in messages. A folder is never a module: that is a callable, or `file.py:function`."""

_PROOFS = ("certify", "check", "verify", "horizon")
_READINGS = ("evaluate", "refute", "decompile", "diagnose")
_RUNS = (*_READINGS, "train", "audit")
VERBS = (*_PROOFS, *_READINGS, "show", "train", "audit")
"""What is done with a folder: commands, and functions of the same names; `show` writes its page, `train` starts from
it."""

_READ_OUT = "it is no exact machine: `decompile {folder} --out machine` may make one of it, for `{verb} machine`"
_INTEGERS = "it runs in integers and has no network: `verify {folder}` runs it"
_AGAIN = "make it again in a new folder, e.g. with `compile S4 --out s4`"
_NOTHING = "name a folder written by compile, learn or train"
_FOREIGN = "that is done for networks of our own; `audit {folder}` says what its layers can do"
_CALLED = "that is done for folders and networks of our own; `evaluate {folder} S3` says how far it is right"
_NO_LAYERS = "a callable says nothing of its layers; `evaluate {folder} S3` says how far it is right"
_STEPS = "machine.json has its steps as text, and nothing else is made of them"
_COPIES = "it holds many copies, listed in {folder}/summary.csv; name the folder of one, as its last column does"
_UNTRACKED = "there is nothing to run: `check {folder}` proves it"

CANNOT: dict[str, dict[str, str]] = {
    GROUP: {},
    LEARNT: {},
    AUTOMATON: {},
    FACTORED: {
        "certify": "a factored cascade is its own certificate: `check {folder}` proves it",
        "horizon": "it runs in integers, right on words of every length: `verify {folder}` proves it",
        **dict.fromkeys(_RUNS, _INTEGERS),
    },
    DELTA: {
        "show": "a page runs diagonal layers: `verify {folder}` runs this network",
    },
    BLOCK: {
        "decompile": "its states are proved one by one and there are no phases to read out: `verify {folder}`",
        "diagnose": "its states are proved one by one and there are no phases to read out: `verify {folder}`",
        "show": "a page runs diagonal layers: `verify {folder}` runs this network",
    },
    TABLE: dict.fromkeys(VERBS, _STEPS),
    TRAINED: dict.fromkeys(_PROOFS, _READ_OUT),
    NETWORK: dict.fromkeys(_PROOFS, _READ_OUT),
    RUN: dict.fromkeys(_PROOFS, _READ_OUT),
    PROBE: dict.fromkeys(VERBS, _COPIES),
    CHECKPOINT: dict.fromkeys((*_PROOFS, "show"), _FOREIGN),
    MODULE: dict.fromkeys((*_PROOFS, "show", "train"), _CALLED) | {"audit": _NO_LAYERS},
    REFUSAL: dict.fromkeys(("certify", "verify", "horizon", *_RUNS, "show"), _UNTRACKED),
    DAMAGED: dict.fromkeys(VERBS, _AGAIN),
    OTHER: dict.fromkeys(VERBS, _NOTHING),
}
"""Kind × verb: why not, and which command can. What is not there can be done. Code, tests and docs/reference/kinds.md
follow from this table."""


def refusal(kind: str, verb: str, folder: str | Path) -> str | None:
    """Why a verb does not take a folder of a kind, with what to do instead; None where it does.

    Example:
        >>> refusal("group", "certify", "s4") is None
        True
    """
    reason = CANNOT[kind].get(verb)
    return None if reason is None else reason.format(folder=folder, verb=verb)


def _use(kind: str, folder: str | Path) -> str:
    """What can be done with a folder of a kind."""
    able = [f"`{verb}`" for verb in VERBS if verb not in CANNOT[kind]]
    if not able:
        return {DAMAGED: _AGAIN, TABLE: _STEPS, PROBE: _COPIES}.get(kind, _NOTHING).format(folder=folder)
    return f"{', '.join(able[:-1])} and {able[-1]} read it" if len(able) > 1 else f"{able[0]} reads it"


COMPILED = (GROUP, LEARNT, AUTOMATON, FACTORED, DELTA, BLOCK)
"""Kinds that hold a machine."""

LISTED = (GROUP, LEARNT)
"""Kinds that hold the cascade of a listed group."""

WITH_NETWORK = (GROUP, LEARNT, AUTOMATON, DELTA, BLOCK, TRAINED, NETWORK)
"""Kinds whose config.json and model.safetensors are a `DCDNetwork`."""

TABLE_FORMAT = "machine 1"
"""What the field `format` of a machine.json says."""

GROUP_FORMAT, FACTORED_FORMAT, AUTOMATON_FORMAT = 2, "factored 2", "automaton 2"
"""What the field `format` of a cascade.json says."""

_RUN_NAMES = {"rows", "networks", "checkpoints", "rows.jsonl", "cells.jsonl"}
_REMADE = (GROUP, LEARNT, AUTOMATON, FACTORED)
_OURS = {
    *("manifest.json", "certificate.json", "network_certificate.json", "automaton.safetensors", "cascade.safetensors"),
    *("config.json", "model.safetensors", "group.safetensors"),
}


def kind_of(folder: str | Path) -> str | None:
    """Which kind of thing a folder holds, or None: no folder, or none of the names that are used here.

    The names decide, and the first fields of `cascade.json` and `config.json`; whether the files are sound is for
    whoever reads them. Names that a manifest has count as there, so a folder that lost a file keeps its kind.

    Example:
        >>> kind_of("no such folder") is None
        True
    """
    place = Path(folder)
    if is_function(folder):
        return MODULE
    try:
        names = set(os.listdir(place))
    except (OSError, ValueError):  # ValueError: a null character in the name
        return None
    stated = _object(_read(place, "manifest.json")).get("files")
    if isinstance(stated, dict):
        names |= set(map(str, stated))
    found = _kind(names, {name: _read(place, name) for name in ("cascade.json", "config.json") if name in names})
    if found is None and "runs" in names and any((place / "runs").glob("*.json")):
        return LEARNT  # `learn` was stopped before it had a machine
    return found


def is_function(text: object) -> bool:
    """Whether a text is `path/to/file.py:function`, of a file that is there."""
    path, colon, name = str(text).rpartition(":") if isinstance(text, str | Path) else ("", "", "")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        return False
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def holds_learnt(folder: str | Path) -> bool:
    """Whether a folder holds what an earlier `learn` wrote, whatever its kind: `learn` may replace that."""
    kind = kind_of(folder)
    stated = _object(_read(Path(folder), "manifest.json")).get("files")
    return kind == LEARNT or (kind in (DELTA, TABLE) and isinstance(stated, dict) and "machine.json" in stated)


def kind_of_files(files: Mapping[str, bytes | str]) -> str | None:
    """`kind_of` for files that are to be written."""
    contents = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    return _kind(set(files), contents)


def _kind(names: Collection[str], files: Mapping[str, bytes]) -> str | None:
    if "probe.json" in names and "config.json" not in names and "model.safetensors" not in names:
        return PROBE
    if "cascade.json" in names:
        about = _object(files.get("cascade.json", b""))
        written = about.get("format")
        if written == AUTOMATON_FORMAT:
            return AUTOMATON
        if written == FACTORED_FORMAT:
            return FACTORED
        if written == GROUP_FORMAT and not isinstance(written, bool):
            return LEARNT if "learnt" in about or "decompiled_from" in about else GROUP
        return DAMAGED
    if "group.json" in names:
        return DELTA
    if "blocks.json" in names:
        return BLOCK
    if "machine.json" in names:
        return TABLE
    if "task.json" in names:
        return TRAINED
    if "config.json" in names:
        config = _object(files.get("config.json", b""))
        if len({"alphabet_size", "classes", "layers"} & config.keys()) > 1:  # one may have been lost
            return NETWORK
        if {"model_type", "architectures", "ssm_cfg", "_name_or_path"} & config.keys():
            return CHECKPOINT
    if not _RUN_NAMES.isdisjoint(names):
        return RUN
    if "tokenizer.json" in names or any(_is_weights(name) for name in names):
        return CHECKPOINT
    if {"group.safetensors", "automaton.safetensors"} & set(names) and "config.json" not in names:
        return REFUSAL
    return OTHER if not _OURS.isdisjoint(names) else None


def _is_weights(name: str) -> bool:
    """Whether a file is named as the libraries name a model's weights."""
    return name.startswith(("model", "pytorch_model", "adapter_model")) and name.endswith((".safetensors", ".bin"))


def _read(folder: Path, name: str) -> bytes:
    try:
        return read_bytes(folder / name, MAX_TENSOR_BYTES)
    except InputError:
        return b""


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = parse_json(content, "") if content else {}
    except InputError:
        return {}
    return value if isinstance(value, dict) else {}


def described(folder: str | Path) -> str:
    """`S4 holds a compiled group: …`, for messages about a folder that cannot be used for what was asked."""
    place, kind = Path(folder), kind_of(folder)
    if kind is not None:
        return f"{folder} holds {TITLES[kind]}: {_use(kind, folder)}"
    if place.is_dir():
        return f"{folder} holds nothing that is read here: {_NOTHING}"
    if place.suffix == ".py" and place.is_file():
        return f"{folder} is Python code: name a function of it, {folder}:FUNCTION, from token ids to logits"
    return f"{folder} is {'a file, no' if place.exists() else 'no'} folder: {_NOTHING}, e.g. by `compile S4 --out s4`"


def wrong_kind(folder: str | Path, wanted: str) -> InputError:
    """The refusal of a folder of another kind than `wanted`, with what can be done with it; to be raised."""
    return InputError(f"wanted {wanted}, and {described(folder)}")


def claim_folder(folder: str | Path, kind: str | None, force: bool = False) -> None:
    """Refuse to write a thing of a kind where there is one of another kind, or a model that was not written here.

    Arguments:
        kind: of what is to be written, as `kind_of` will name it.
        force: write it all the same.

    Raises:
        InputError: the folder holds something else, or is none; nothing was touched.
    """
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise InputError(f"{folder} is no folder; name a new one, e.g. --out new")
    there = kind_of(folder)
    if force or there is None or (there == DAMAGED and kind in _REMADE):
        return
    if there == kind and not (there == CHECKPOINT and _is_foreign(Path(folder))):
        return
    new = TITLES.get(kind or OTHER, kind)
    own = ", not written here or changed since" if there == kind else ""
    raise InputError(
        f"{folder} holds {TITLES[there]}{own}, which is not replaced by {new}: give another folder, e.g. --out new; "
        "or --force (from Python force=True), and what it holds is lost"
    )


def _is_foreign(folder: Path) -> bool:
    """Whether a checkpoint's weights are not those that a manifest of ours names: downloaded, or trained since."""
    import hashlib

    stated = _object(_read(folder, "manifest.json")).get("files")
    wanted = stated.get("model.safetensors") if isinstance(stated, dict) else None
    try:
        with (folder / "model.safetensors").open("rb") as file:
            return bool(hashlib.file_digest(file, "sha256").hexdigest() != wanted)
    except OSError:
        return wanted is None
