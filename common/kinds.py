"""What a folder is, from its files: asked before it is read for some purpose, and before it is replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from .errors import InputError
from .reading import MAX_TENSOR_BYTES, parse_json, read_bytes

KINDS = {
    "group": "a compiled group",
    "automaton": "a compiled automaton",
    "factored": "a factored cascade",
    "learnt": "a learnt machine",
    "delta": "a delta-rule network of a group",
    "trained": "a trained network",
    "run": "the runs of `train`",
    "checkpoint": "a checkpoint of another library's class",
    "refusal": "a certificate that no number of layers is enough",
}
"""Each kind in words."""

CASCADES = frozenset(("group", "automaton", "learnt"))
NETWORKS = CASCADES | {"delta", "trained"}
VERBS = {
    "certify": CASCADES | {"delta"},
    "check": CASCADES | {"delta", "factored", "refusal"},
    "verify": CASCADES | {"delta", "factored"},
    "horizon": CASCADES | {"delta"},
    "evaluate": NETWORKS,
    "refute": NETWORKS,
    "decompile": CASCADES | {"trained"},
    "diagnose": CASCADES | {"trained"},
    "show": CASCADES | {"delta", "factored", "trained"},
    "audit": NETWORKS | {"checkpoint"},
}
"""For each command that takes a folder, the kinds that it can do something with."""

INSTEAD = {
    "factored": "it is its own proof, and runs on integers: `check {0}`, `verify {0}`",
    "trained": "`evaluate {0}`, `refute {0} GROUP` and `decompile {0} GROUP` take it",
    "run": "its networks are in {0}/networks, e.g. `evaluate {0}/networks/KEY`",
    "checkpoint": "`audit {0}` takes it",
    "refusal": "`check {0}` verifies it",
}
"""What can be done with a kind that a command does not take; for the others `verify`."""

_replacing: ContextVar[bool] = ContextVar("replacing", default=False)


def kind_of(folder: str | Path) -> str | None:
    """What a folder holds: a key of `KINDS`, or None where nothing there is known.

    Examples:
        >>> kind_of("/nowhere") is None
        True
    """
    place = Path(folder)

    def read(name: str) -> bytes | None:
        try:
            return read_bytes(place / name, MAX_TENSOR_BYTES)
        except InputError:
            return b"" if (place / name).exists() else None

    found = _kind(read)
    return "run" if found is None and (place / "rows").is_dir() and (place / "networks").is_dir() else found


def kind_of_files(files: Mapping[str, bytes]) -> str | None:
    """What a folder with these files would hold."""
    return _kind(files.get)


def _kind(read: Callable[[str], bytes | None]) -> str | None:
    if (cascade := read("cascade.json")) is not None:
        about = _object(cascade)
        form = str(about.get("format"))
        named = next((kind for kind in ("factored", "automaton") if form.startswith(kind)), None)
        return named or ("learnt" if "learnt" in about or "decompiled_from" in about else "group")
    if read("group.json") is not None:
        return "delta"
    if (config := read("config.json")) is not None:
        about = _object(config)
        return "trained" if "model_type" not in about and isinstance(about.get("layers"), list) else "checkpoint"
    return "refusal" if read("certificate.json") is not None else None


def _object(content: bytes) -> dict[str, Any]:
    with contextlib.suppress(InputError):
        found = parse_json(content, "")
        return found if isinstance(found, dict) else {}
    return {}


def require_kind(folder: str | Path, verb: str) -> str | None:
    """The kind of a folder, where a command takes that; None where nothing there is known, and the reader will say so.

    Raises:
        InputError: the command does not take it; the message names one that does.
    """
    kind = kind_of(folder)
    if kind is not None and kind not in VERBS[verb]:
        instead = INSTEAD.get(kind, "`verify {0}` takes it").format(folder)
        raise InputError(f"{folder} holds {KINDS[kind]}, which `{verb}` does not take; {instead}")
    return kind


@contextlib.contextmanager
def replacing(force: bool = True) -> Iterator[None]:
    """Within this block a folder may be replaced by one of another kind."""
    token = _replacing.set(force)
    try:
        yield
    finally:
        _replacing.reset(token)


def refuse_other_kind(folder: Path, kind: str | None) -> None:
    """Raises `InputError` where writing a folder of this kind would replace one of another kind."""
    before = kind_of(folder)
    if before in (None, "refusal", kind) or _replacing.get():
        return
    raise InputError(
        f"{folder} holds {KINDS[before or 'group']}, and would be replaced by {KINDS.get(kind or '', 'other files')}; "
        "name another folder with --out, or say --force"
    )
