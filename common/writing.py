"""Files and folders that appear whole or not at all, whatever kills the writer and however many write at once.

A file is written beside its place, flushed to disk, and renamed. A folder of files that belong together is written
beside its place as a whole, with `manifest.json` (`common.folders`), flushed, and exchanged with the one that was
there in one step of the file system. What a killed writer leaves is removed by the next one for the same place: every
writer holds a lock on what it is writing, so what is not locked has no writer any more.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import io
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .kinds import claim_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

try:
    import fcntl
except ImportError:  # not a POSIX system: nothing is locked, and leftovers are not told from work in progress
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".partial"
"""How the names of what is being written end; they begin with a dot and the name of the file or folder itself."""

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of <fcntl.h> and <linux/fs.h>


_LASTING: ContextVar[bool] = ContextVar("lasting", default=True)
_SCRATCH: ContextVar[Path | None] = ContextVar("scratch", default=None)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder. What is written while it is open need not outlast a crash, and is not waited for."""
    token = _LASTING.set(False)
    try:
        with tempfile.TemporaryDirectory() as name:
            place = _SCRATCH.set(Path(name).resolve())
            try:
                yield Path(name)
            finally:
                _SCRATCH.reset(place)
    finally:
        _LASTING.reset(token)


def _is_scratch(folder: Path) -> bool:
    """Whether it is the scratch folder itself, which nobody else reads or writes: nothing is renamed in it."""
    scratch = _SCRATCH.get()
    return scratch is not None and folder.resolve() == scratch


def _sync(handle: int) -> None:
    """Wait until the disk holds what was written."""
    if _LASTING.get():
        os.fsync(handle)


def write_file(path: Path, content: bytes | str, fix: str = "give another place with --out") -> None:
    """Write a file whole or not at all, text as UTF-8; folders above it are made.

    Arguments:
        fix: what the user can do where it cannot be written.

    Raises:
        InputError: it cannot be written; the old file, if any, is as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if _is_scratch(path.parent) and not os.path.lexists(path):
            with path.open("xb") as file:
                file.write(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        require_regular(path)
        _remove_leftovers(path)
        handle, name = _locked_file(path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                _sync(file.fileno())
                os.chmod(name, 0o666 & ~_umask())
                os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise _cannot_write(path, error, fix) from None


def require_regular(path: Path) -> None:
    """OSError where a path names something that is no regular file: a device or a pipe must not be replaced by one."""
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
            raise OSError(code, os.strerror(code) if stat.S_ISDIR(mode) else "it is no regular file")


def write_figure(path: Path, figure: Figure, fix: str = "give another place with --out", **options: Any) -> None:
    """Write a figure whole or not at all, as what its suffix says: .png where there is none.

    Arguments:
        fix: as for `write_file`.
        options: of `savefig`, e.g. dpi.

    Raises:
        InputError: a suffix that is not known, or it cannot be written.
    """
    content = io.BytesIO()
    try:
        figure.savefig(content, format=path.suffix[1:].lower() or "png", **options)
    except ValueError as error:  # of a suffix that matplotlib does not know
        raise _cannot_write(path, error, fix) from None
    write_file(path, content.getvalue(), fix)


def replace_folder(folder: Path, files: Mapping[str, bytes], own: Callable[[Path], Set[str]]) -> None:
    """Put these files, and no others of ours, into a folder: all of them or none.

    Files that are not ours, by their names, stay where they are; nothing but files of ours is ever removed.

    Arguments:
        folder: the place; made where it is missing.
        files: contents by name.
        own: which names in a folder that was replaced are ours to remove.

    Raises:
        InputError: it cannot be written; the old folder, if any, is as it was.
    """
    fix = "give another folder with --out, e.g. --out s4"
    try:
        place = _place(folder)
        if _is_scratch(place) and not any(place.iterdir()):
            for name, content in files.items():
                with (place / name).open("xb") as file:
                    file.write(content)
            return
        _remove_leftovers(place, own)
        handle, stage = _locked_folder(place)
        try:
            for name, content in files.items():
                with (stage / name).open("xb") as file:
                    file.write(content)
                    file.flush()
                    _sync(file.fileno())
            os.chmod(stage, 0o777 & ~_umask())
            _flush_folder(stage)
            old = _exchange(stage, place)
        except BaseException:
            _discard(stage, files.keys())
            raise
        finally:
            os.close(handle)
        _flush_folder(place.parent)
        if old is not None:
            _retire(old, place, own)
    except (OSError, ValueError) as error:
        raise _cannot_write(folder, error, fix) from None


def prepare_folder(folder: Path, kind: str | None = None, force: bool = False) -> None:
    """Find out before any work whether `save_folder` will be able to write.

    Arguments:
        kind, force: what will be written, as for `claim_folder`; None where nothing of another kind is in danger.

    Raises:
        InputError: the folder cannot be written, or holds something of another kind.
    """
    if kind is not None:
        claim_folder(folder, kind, force)
    try:
        place = _place(folder)
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        handle, stage = _locked_folder(place)
        os.rmdir(stage)
        os.close(handle)
    except (OSError, ValueError) as error:
        raise _cannot_write(folder, error, "give another folder with --out, e.g. --out s4") from None


def make_folder(folder: Path) -> None:
    """Make a folder that files will be written into, and find out before any work whether they can be.

    Raises:
        InputError: it cannot be made, or nothing can be written in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise _cannot_write(folder, error, "give another folder with --out, e.g. --out new") from None


def _cannot_write(path: Path, error: OSError | ValueError, fix: str) -> InputError:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return InputError(f"cannot write {str(path)[:200]}: {reason}; {fix}")


def _place(folder: Path) -> Path:
    """The folder's own path, behind links, with the folders above it made."""
    place = folder.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    if place == Path.cwd():
        raise OSError(errno.EBUSY, "it is the folder you are in, which cannot be replaced as a whole")
    return place


# ------------------------------------------------------------------------------------------------ one step


def _exchange(stage: Path, place: Path) -> Path | None:
    """Put the folder `stage` in the place of `place`; returns where the old one is now, None where there was none."""
    while True:
        try:
            os.rename(stage, place)  # where there is nothing, or an empty folder
            return None
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        try:
            _rename_exchange(stage, place)
            return stage
        except FileNotFoundError:
            if not stage.exists():
                raise
            continue  # another writer is between its two steps below
        except NotImplementedError:
            pass
        # Elsewhere two steps: a reader between them finds no folder, never a mixed one.
        old = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.", suffix=SUFFIX))
        try:
            os.rename(place, old)
            os.rename(stage, place)
            return old
        except OSError as error:  # another writer was faster
            with contextlib.suppress(OSError):
                os.rename(old, place)
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT) or not stage.exists():
                raise


def _rename_exchange(first: Path, second: Path) -> None:
    """Exchange two paths in one step. NotImplementedError where the system or the file system cannot."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if function is None:
        raise NotImplementedError
    if function(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE):
        code = ctypes.get_errno()
        if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise NotImplementedError
        raise OSError(code, os.strerror(code))


def _discard(stage: Path, names: Iterable[str]) -> None:
    """Remove what was written beside its place. Not more than that: interrupted at the wrong moment, it is the old
    folder that is there."""
    for name in names:
        (stage / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        stage.rmdir()


def _retire(old: Path, place: Path, own: Callable[[Path], Set[str]]) -> None:
    """Remove a folder that was replaced: its files of ours are deleted, all others moved to the new one."""
    names = "|".join(map(re.escape, own(old)))
    ours = re.compile(rf"({names})|\.({names})\..*")
    with contextlib.suppress(FileNotFoundError):  # two writers may tidy up the same one
        for entry in list(os.scandir(old)):
            if not entry.is_dir(follow_symlinks=False) and ours.fullmatch(entry.name):
                os.unlink(entry.path)
            elif not os.path.lexists(place / entry.name):
                os.rename(entry.path, place / entry.name)
    with contextlib.suppress(OSError):  # a name that the new one has too stays with the old
        os.rmdir(old)


# ------------------------------------------------------------------------------------------------ leftovers


def _locked_file(path: Path) -> tuple[int, str]:
    """A new file beside a path, open and locked."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:200]}.", suffix=SUFFIX)
        if _still_ours(handle, name):
            return handle, name
        os.close(handle)


def _locked_folder(place: Path) -> tuple[int, Path]:
    """A new folder beside a path, open and locked."""
    while True:
        stage = tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name[:200]}.", suffix=SUFFIX)
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(stage, os.O_RDONLY)
            if _still_ours(handle, stage):
                return handle, Path(stage)
            os.close(handle)


def _still_ours(handle: int, name: str) -> bool:
    """Lock what was just made; False where somebody who tidies up was faster."""
    if not lock(handle):
        return False
    try:
        return os.path.samestat(os.stat(name), os.fstat(handle))
    except FileNotFoundError:
        return False


def lock(handle: int) -> bool:
    """Lock an open file or folder against other processes, without waiting; whether it worked. The lock goes with the
    process, however it ends."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno == errno.ENOLCK  # a file system without locks
    return True


def _leftovers(path: Path) -> list[str]:
    """What is being written, or was, for the same place: the names that `tempfile` gives."""
    pattern = re.compile(rf"\.{re.escape(path.name[:200])}\.[a-z0-9_]{{8}}{re.escape(SUFFIX)}")
    with contextlib.suppress(FileNotFoundError), os.scandir(path.parent) as entries:
        return [entry.path for entry in entries if pattern.fullmatch(entry.name)]
    return []


def _remove_leftovers(path: Path, own: Callable[[Path], Set[str]] = lambda _: frozenset()) -> None:
    """Remove what killed writers of the same place left behind."""
    if fcntl is None:
        return
    for name in _leftovers(path):
        with contextlib.suppress(OSError):
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.path.samestat(os.stat(name), os.fstat(handle)):
                    continue
                if stat.S_ISDIR(os.fstat(handle).st_mode):
                    _retire(Path(name), path, own)
                else:
                    os.unlink(name)
            finally:
                os.close(handle)


def _flush_folder(folder: Path) -> None:
    """Have the file system write down the names in a folder, where it can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            _sync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
