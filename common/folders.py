"""Folders of files that belong together: a manifest with the digest of each binds them.

    manifest.json   {"format": 1, "files": {NAME: SHA-256 in hexadecimal, …}}

`save_folder` writes all files and the manifest in one step. Every reader takes the files through a `Folder`, which
reads each of them once and compares all with the manifest: a folder in which one file was edited, exchanged or left
over from something else is refused whole. A certificate is not in the manifest: it holds the digests of the files that
it is about, and goes when they are replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from .errors import InputError
from .kinds import claim_folder, kind_of, kind_of_files
from .reading import MAX_TENSOR_BYTES, MissingFileError, parse_json, read_bytes
from .writing import replace_folder

MANIFEST = "manifest.json"
FORMAT = 1
"""Version of the manifest's format."""

CERTIFICATES = ("certificate.json", "network_certificate.json")
"""Files that are about the others, and name their digests themselves."""

OWN = frozenset(
    (
        MANIFEST,
        *CERTIFICATES,
        "automaton.safetensors",
        *("cascade.json", "cascade.safetensors", "config.json", "model.safetensors", "task.json"),
        *("group.json", "group.safetensors"),
    )
)
"""Every name that a folder of ours may hold: in a folder with a manifest such a file is named by it, or is a
certificate."""

MAX_MANIFEST_BYTES = 1 << 20
ATTEMPTS = 8


def digest(content: bytes) -> str:
    """The SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def save_folder(folder: Path, files: Mapping[str, bytes | str], force: bool = False) -> Folder:
    """Replace a folder's content of ours, certificates included, by these files and their manifest: whole or not at
    all.

    Arguments:
        force: whether a folder of another kind may be replaced (`common.kinds`).

    Returns:
        The folder with what was written: nothing needs to be read back.

    Raises:
        InputError: it cannot be written, or holds something of another kind; the old folder, if any, is as it was.
    """
    claim_folder(folder, kind_of_files(files), force)
    contents = {name: content.encode() if isinstance(content, str) else content for name, content in files.items()}
    manifest = {"format": FORMAT, "files": {name: digest(content) for name, content in sorted(contents.items())}}
    replace_folder(folder, contents | {MANIFEST: (json.dumps(manifest, indent=1) + "\n").encode()}, own_names)
    written = Folder(folder)
    written._files, written._bound = contents, True
    return written


def own_names(folder: Path) -> frozenset[str]:
    """The names of our files in a folder: those that any folder of ours may hold, and those that its manifest names
    and that are as it says. (One that somebody has changed since is theirs.)"""
    names = set(OWN)
    with contextlib.suppress(InputError):
        for name, wanted in _stated(folder, read_bytes(folder / MANIFEST, MAX_MANIFEST_BYTES)).items():
            with contextlib.suppress(InputError):
                if digest(_content(folder / name)) == wanted:
                    names.add(name)
    return frozenset(names)


class Folder:
    """A folder that was opened: which kind of thing it holds, and its files, each read once and passed on.

    All files that a manifest names are read together, at one moment; others when they are asked for. Whoever has a
    `Folder` sees what was there then, whatever is written into it since.

    Arguments:
        path: where.

    Example:
        >>> Folder("no such folder").kind is None
        True
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._files: dict[str, bytes] = {}
        self._bound: bool | None = None

    def __str__(self) -> str:
        return str(self.path)

    @cached_property
    def kind(self) -> str | None:
        """See `common.kinds.kind_of`."""
        if self._bound is None and (self.path / MANIFEST).exists():
            with contextlib.suppress(InputError):  # whoever asks for the files is told
                self._read_bound()
        if self._bound:
            return kind_of_files(self._files)
        return kind_of(self.path)

    def files(self, names: tuple[str, ...], bound: bool = True) -> dict[str, bytes]:
        """The contents of files that belong together, by name.

        Arguments:
            names: the files wanted.
            bound: whether there must be a manifest. A network that `save_pretrained` wrote has none; where there is
                one, it is compared all the same.

        Raises:
            MissingFileError: there is no manifest, and a file is missing.
            InputError: there is no manifest; a file is missing or is not the one that it names, or cannot be read.
        """
        if self._bound is None:
            self._read_bound()
        if not self._bound:
            if bound and any((self.path / name).exists() for name in names):
                raise InputError(f"{self.path}: {MANIFEST} is missing: nothing binds its files together; make it again")
            for name in names:
                if name not in self._files:
                    self._files[name] = _content(self.path / name)
        for name in names:
            if name not in self._files:
                raise InputError(f"{self.path}: holds no {name}")
        return {name: self._files[name] for name in names}

    def digests(self, *names: str) -> dict[str, str]:
        """The SHA-256 of each of these files."""
        return {name: digest(content) for name, content in sorted(self.files(names).items())}

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return name in self._files if self._bound else (self.path / name).exists()

    def _read_bound(self) -> None:
        """Read everything that the manifest names, while others may be replacing the folder."""
        for _ in range(ATTEMPTS):
            before = _manifest_bytes(self.path)
            if before is None:
                self._bound = False
                return
            try:
                self._files, self._bound = _read(self.path, before), True
                return
            except InputError:
                if _manifest_bytes(self.path) == before:  # else somebody was replacing the folder: once more
                    raise
        raise InputError(f"{self.path}: is being replaced all the time; try again when nobody writes to it")


def opened(folder: str | Path | Folder) -> Folder:
    """A folder, opened unless it is already."""
    return folder if isinstance(folder, Folder) else Folder(folder)


def _read(folder: Path, manifest: bytes) -> dict[str, bytes]:
    stated = _stated(folder, manifest)
    if stray := next((name for name in sorted(OWN) if name not in stated and _is_stray(folder, name)), None):
        raise InputError(f"{folder}: {stray} is not named by {MANIFEST}: the folder is mixed; make it again")
    files = {}
    for name, wanted in stated.items():
        try:
            content = _content(folder / name)
        except MissingFileError:
            raise InputError(f"{folder}: {name}, which {MANIFEST} names, is missing; make the folder again") from None
        if digest(content) != wanted:
            raise InputError(
                f"{folder}: {name} is not the file that {MANIFEST} names (its SHA-256 differs): the folder is mixed or "
                "was edited; make it again"
            )
        files[name] = content
    return files


def _is_stray(folder: Path, name: str) -> bool:
    return name != MANIFEST and name not in CERTIFICATES and (folder / name).exists()


def _content(path: Path) -> bytes:
    return read_bytes(path, MAX_TENSOR_BYTES)


def _manifest_bytes(folder: Path) -> bytes | None:
    try:
        return read_bytes(folder / MANIFEST, MAX_MANIFEST_BYTES)
    except MissingFileError:
        return None


def _stated(folder: Path, manifest: bytes) -> dict[str, str]:
    """The digests in a manifest, by name."""
    try:
        value = parse_json(manifest, folder / MANIFEST)
        files = value["files"]
        fits = value["format"] == FORMAT and set(value) == {"format", "files"} and isinstance(files, dict)
        fits = fits and all(isinstance(x, str) and "/" not in name for name, x in files.items())
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise InputError(f"{folder}: {MANIFEST} is damaged; make the folder again")
    return dict(files)
