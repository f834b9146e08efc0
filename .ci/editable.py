"""What pip asks to build this package: setuptools, but for one thing.

The repository is the package, so an editable install cannot name a folder that *holds* `subnormal`; setuptools installs
an import hook instead, which type checkers and editors do not run. Here the installed path is `.links`, whose only
entry `subnormal` is a folder of links to the rooms. Where links cannot be made, setuptools' own way is kept.
"""

import base64
import csv
import hashlib
import io
import shutil
import zipfile
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  (the hooks that stay as they are)

ROOT = Path(__file__).resolve().parent.parent
LINKS = ROOT / ".links"


def _link() -> None:
    """Make the folder of links anew: every folder of code, and the package's own files."""
    shutil.rmtree(LINKS, ignore_errors=True)
    inside = LINKS / "subnormal"
    inside.mkdir(parents=True)
    rooms = {path.parent for path in ROOT.glob("[a-z]*/*.py")} - {ROOT / "docs"}
    for path in (*rooms, ROOT / "__init__.py", ROOT / "__main__.py", ROOT / "py.typed"):
        (inside / path.name).symlink_to(path, target_is_directory=path.is_dir())


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """The editable wheel, with a path in the place of the import hook."""
    name = build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
    try:
        _link()
    except OSError:
        return name
    path = Path(wheel_directory) / name
    with zipfile.ZipFile(path) as wheel:
        files = {entry: wheel.read(entry) for entry in wheel.namelist() if not entry.endswith("_finder.py")}
    (record,) = (entry for entry in files if entry.endswith(".dist-info/RECORD"))
    (hook,) = (entry for entry in files if entry.endswith(".pth"))
    files[hook] = f"{LINKS}\n".encode()
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for entry, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        writer.writerow([entry, "", ""] if entry == record else [entry, f"sha256={digest}", len(data)])
    files[record] = rows.getvalue().encode()
    with zipfile.ZipFile(path, "w") as wheel:
        for entry, data in files.items():
            wheel.writestr(entry, data)
    return name
