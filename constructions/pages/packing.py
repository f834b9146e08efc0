"""What all pages share: numbers packed into JSON, and one file made of styles, HTML, scripts and data."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...common.errors import InputError
from ...common.writing import write_file

MAX_BYTES = 16_000_000
"""A larger page would be slow to open, and is refused."""


def packed(values: ArrayLike) -> dict[str, str]:
    """Numbers for the page: `{"type": …, "data": …}`, the data in base64, little-endian, in C order.

    Whole numbers take one, two or four bytes each (u1, u2, i4), floats stay as they are (f4, f8).
    """
    array = np.asarray(values)
    if array.dtype.kind in "biu":
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        kind = "i4" if low < 0 or high >= 1 << 16 else "u1" if high < 1 << 8 else "u2"
        if not -(1 << 31) <= low <= high < 1 << 31:
            raise ValueError(f"numbers from {low} to {high} do not fit 32 bits")
    else:
        kind = {"float32": "f4", "float64": "f8"}[array.dtype.name]
    data = np.ascontiguousarray(array, dtype=f"<{kind}").tobytes()
    return {"type": kind, "data": base64.b64encode(data).decode("ascii")}


def check_page_path(path: Path) -> None:
    """Raises `InputError` for a path that does not end in .html, or whose folder is not there."""
    if path.suffix != ".html":
        raise InputError(f"{path}: a page is written to a file that ends in .html, e.g. {path.stem or 'page'}.html")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it first, or name a file elsewhere")


def write_page(path: Path, title: str, body: str, scripts: Sequence[str], data: Mapping[str, Any]) -> int:
    """Write one self-contained page; it appears whole or not at all.

    Arguments:
        title: of the browser's window.
        body, scripts: names of the files in `assets/` with the page's own HTML and its scripts, in order.
        data: what the scripts find as `DATA`.

    Returns:
        The size in bytes.

    Raises:
        InputError: the page would be larger than `MAX_BYTES`, or cannot be written.
    """
    text = page(title, body, scripts, data)
    size = len(text.encode())
    if size > MAX_BYTES:
        raise InputError(
            f"{path}: the page would have {size / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f}; try --alphabet generators"
        )
    write_file(path, text, "name another file, e.g. page.html")
    return size


def page(title: str, body: str, scripts: Sequence[str], data: Mapping[str, Any]) -> str:
    """The text of a page; see `write_page`."""
    parts = {
        "title": _escaped(title),
        "style": asset("page.css"),
        "body": asset(body),
        # In a script element only `</script` and `<!--` end or change what is read; neither can stand in JSON so.
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "script": "\n".join(asset(script) for script in scripts),
    }
    return re.sub(r"@@(\w+)@@", lambda found: parts[found[1]], asset("frame.html"))


def asset(name: str) -> str:
    """The text of a file in `assets/`."""
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
