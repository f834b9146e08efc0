"""Spoiling folders: the digests are made good again, so that it is the reasoning that must object."""

from __future__ import annotations

import json
from pathlib import Path

from subnormal.common.folders import CERTIFICATES, FORMAT, MANIFEST, OWN, digest


def bind(folder: Path) -> None:
    """Have the manifest name the files as they now are."""
    names = sorted(path.name for path in folder.iterdir() if path.name in OWN - {MANIFEST, *CERTIFICATES})
    files = {name: digest((folder / name).read_bytes()) for name in names}
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, "files": files}), encoding="utf-8")
