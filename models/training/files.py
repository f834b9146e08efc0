"""Files that appear whole or not at all, whatever kills the writer."""

from __future__ import annotations

from pathlib import Path

from subnormal.algebra.base.errors import InputError
from subnormal.constructions.artifact import write_bytes


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file through a temporary one beside it, flushed to disk and then renamed; folders are made.

    Raises:
        InputError: it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; give another folder with --out") from None
