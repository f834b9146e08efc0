"""Every file that is read, read with care: what is no regular file, too large or damaged is refused in one line.

Files come from strangers. A name that ends in `.json` may be a device that never ends, a pipe that nobody writes to, or
ten gigabytes of zeros; a header may ask for more memory than there is. So every reader here opens without waiting, asks
the open file what it is and how long, reads at most a limit, and compares what a header announces with the bytes that
are there before it makes an array. Nothing is unpickled.

All functions raise `InputError` with one line that begins with the path, says what is wrong, and ends with `wanted`
where the caller says it; a file that is not there raises its subclass `MissingFileError`.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
import stat
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

MAX_BYTES = 64 * 2**20
"""Largest array that is read, in bytes."""

MAX_TEXT_BYTES = 32 * 2**20
"""Largest text that is read, in bytes: parsed as JSON, a text can take 35 times its length in memory."""

MAX_DIGITS = 4300
"""Digits of the longest integer in a JSON file."""

MAX_ROWS = 2 * 10**6
"""Most rows of a CSV file."""

MAX_CELL_DIGITS = 9
"""Digits of the longest number in a table."""

MAX_TENSOR_BYTES = 512 * 2**20
"""Largest file of tensors that is read, in bytes: the largest network that is written takes 400 MB."""

MAX_HEADER_BYTES = 16 * 2**20
"""Largest header of a file of tensors, in bytes."""

MAX_DIMENSIONS = 8
"""Most axes an array in a file may have."""

_DTYPES = {
    "BOOL": np.dtype(np.bool_),
    **{f"U{8 * n}": np.dtype(f"<u{n}") for n in (1, 2, 4, 8)},
    **{f"I{8 * n}": np.dtype(f"<i{n}") for n in (1, 2, 4, 8)},
    **{f"F{8 * n}": np.dtype(f"<f{n}") for n in (2, 4, 8)},
    "C64": np.dtype("<c8"),
}
_ITEM_BYTES = {"BF16": 2, **{name: dtype.itemsize for name, dtype in _DTYPES.items()}}

Schema = TypeVar("Schema")


class MissingFileError(InputError, FileNotFoundError):
    """There is no file of that name; who catches `FileNotFoundError` catches this."""

    def __str__(self) -> str:
        return str(self.args[0])


class _File:
    """One path and what the reader wanted there, for messages."""

    def __init__(self, path: str | Path, wanted: str) -> None:
        self.path, self.wanted = path, wanted

    def refuse(self, problem: object, kind: type[InputError] = InputError) -> NoReturn:
        """Raise the one line. A path or a problem that is very long, or has line breaks, is cut."""
        name = one_line(self.path, 200)
        raise kind(f"{name}: {one_line(problem)}{f'; {self.wanted}' if self.wanted else ''}") from None


def one_line(problem: object, width: int = 160) -> str:
    """What an exception or another object says, on one line of at most `width` characters."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text if len(text) <= width else text[: width - 1] + "…"


def read_bytes(path: str | Path, limit: int = MAX_BYTES, wanted: str = "") -> bytes:
    """The content of a regular file of at most `limit` bytes.

    The file is opened without waiting for anybody, and it is the open file that is asked what it is: a path that is
    changed between the question and the reading cannot make the reader wait or swell.
    """
    file = _File(path, wanted)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError) as error:
        try:
            file.refuse(error.strerror, MissingFileError)
        except MissingFileError as missing:
            missing.filename, missing.strerror = str(path), error.strerror
            raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        file.refuse(getattr(error, "strerror", None) or error)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            file.refuse("a folder, not a file" if stat.S_ISDIR(status.st_mode) else "not a regular file")
        if status.st_size > limit:
            file.refuse(f"{status.st_size / 2**20:,.1f} MiB, at most {limit / 2**20:,.0f} MiB are read")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            content = stream.read(status.st_size + 1)
            while len(content) <= limit and (more := stream.read(min(2**20, limit + 1))):  # a file that has grown
                content += more
    except OSError as error:
        file.refuse(error.strerror or error)
    finally:
        os.close(handle)
    if len(content) > limit:
        file.refuse(f"longer than the {limit / 2**20:,.0f} MiB that are read")
    return content


def read_file(path: str | Path) -> bytes:
    """The content of a regular file of at most `MAX_TENSOR_BYTES`: the reader for the files of an artifact's folder."""
    return read_bytes(path, MAX_TENSOR_BYTES)


def read_text(path: str | Path, limit: int = MAX_TEXT_BYTES, wanted: str = "") -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    return _decoded(read_bytes(path, limit, wanted), _File(path, wanted))


def _decoded(content: bytes, file: _File) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        file.refuse(f"not UTF-8 (byte {error.start:,})")


@overload
def read_json(path: str | Path, *, limit: int = ..., wanted: str = ..., nan: bool = ...) -> Any: ...
@overload
def read_json(
    path: str | Path, schema: type[Schema], *, limit: int = ..., wanted: str = ..., nan: bool = ...
) -> Schema: ...
def read_json(
    path: str | Path, schema: Any = None, *, limit: int = MAX_TEXT_BYTES, wanted: str = "", nan: bool = False
) -> Any:
    """The value in a JSON file, checked against a schema where one is given.

    Refused are keys that occur twice in an object, NaN and Infinity, which are not JSON, numbers that overflow, and
    halves of surrogate pairs.

    Arguments:
        schema: any type that msgspec converts to: a `msgspec.Struct` (with `forbid_unknown_fields=True` where an
            unknown field must be refused), a `TypedDict`, a dataclass, `dict[str, int]`, ….
        nan: accept NaN and Infinity, which Python writes for losses that diverged.
    """
    return parse_json(read_bytes(path, limit, wanted), path, schema, wanted, nan)


def parse_json(
    content: bytes | str, source: str | Path, schema: Any = None, wanted: str = "", nan: bool = False
) -> Any:
    """`read_json` for text that is already here; `source` stands for its path in messages."""
    file = _File(source, wanted)
    text = _decoded(content, file) if isinstance(content, bytes) else content
    try:
        constant = float if nan else _no_number
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=constant, parse_float=_finite, parse_int=_short
        )
        if "\\ud" in text.lower():  # half a surrogate pair is valid JSON and cannot be printed
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        file.refuse("not JSON that can be read (too many brackets inside each other)")
    except ValueError as error:
        file.refuse(f"not JSON ({one_line(error, 120)})")
    if schema is None:
        return value
    import msgspec

    try:
        return msgspec.convert(value, schema)
    except (msgspec.ValidationError, RecursionError) as error:
        file.refuse(error)


def conform(value: dict[str, Any], schema: Any, source: str | Path) -> Any:
    """A JSON object whose fields are those of a `TypedDict`, no others, with values of its types.

    Arguments:
        source: where it came from; the message begins with it.
    """
    import msgspec

    file = _File(source, "")
    if unknown := sorted(value.keys() - schema.__annotations__.keys()):
        file.refuse(f"unknown field {unknown[0]!r:.60}")
    try:
        return msgspec.convert(value, schema)
    except (msgspec.ValidationError, RecursionError) as error:
        file.refuse(error)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} twice in one object")
    return value


def _short(text: str) -> int:
    if len(text) > MAX_DIGITS:  # said here: Python's own limit is one of the process, which anybody may lift
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is out of range")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def read_toml(path: str | Path, limit: int = 2**20, wanted: str = "") -> dict[str, Any]:
    """The table in a TOML file."""
    import tomllib

    text = read_text(path, limit, wanted)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        _File(path, wanted).refuse(f"not TOML ({one_line(error, 120)})")


def read_csv(path: str | Path, limit: int = MAX_TEXT_BYTES, wanted: str = "") -> list[list[str]]:
    """The rows of a CSV file that are not empty, at most `MAX_ROWS`."""
    file = _File(path, wanted)
    text = read_text(path, limit, wanted)
    try:
        rows = list(itertools.islice(filter(None, csv.reader(io.StringIO(text, newline=""))), MAX_ROWS + 1))
    except csv.Error as error:
        file.refuse(f"not CSV ({error})")
    if len(rows) > MAX_ROWS:
        file.refuse(f"more than {MAX_ROWS:,} rows")
    return rows


def read_table(path: str | Path, limit: int = MAX_TEXT_BYTES, wanted: str = "") -> list[list[int]]:
    """The rows of a table of whole numbers, all of one length, separated by commas, semicolons, bars, tabs or spaces.

    One file has one separator; spaces around commas, semicolons, bars and tabs do not matter. Numbers are digits alone,
    so that a decimal comma, a header or a `1_000` is refused.
    """
    file = _File(path, wanted)
    lines = [line.strip() for line in read_text(path, limit, wanted).splitlines()]
    found = [sign for sign in ",;|\t" if any(sign in line for line in lines)]
    if len(found) > 1 and (len(found) > 2 or found[1] != "\t"):
        signs = {",": "commas", ";": "semicolons", "|": "bars", "\t": "tabs"}
        file.refuse(f"both {signs[found[0]]} and {signs[found[1]]}, so it is not clear which separate the numbers")
    if found[:1] == ["|"]:  # perhaps also at both ends of a line
        lines = [line.removeprefix("|").removesuffix("|") for line in lines]
    rows = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        cells = [cell.strip().strip('"') for cell in (line.split(found[0]) if found else line.split())]
        for cell in cells:
            if not (cell.isascii() and cell.isdigit() and len(cell) <= MAX_CELL_DIGITS):
                file.refuse(f"line {number} holds {cell[:40]!r}, which is no number from 0 on; leave out headers")
        rows.append([int(cell) for cell in cells])
        if len(rows[-1]) != len(rows[0]):
            file.refuse(
                f"rows of different lengths: line {number} has {len(rows[-1])} numbers, the first {len(rows[0])}"
            )
        if len(rows) > MAX_ROWS:
            file.refuse(f"more than {MAX_ROWS:,} rows")
    return rows


def read_npy(path: str | Path, limit: int = MAX_BYTES, wanted: str = "") -> NDArray[Any]:
    """The array in a `.npy` file; the header is compared with the bytes that are there before the array is made."""
    from numpy.lib import format as npy

    file = _File(path, wanted)
    stream = io.BytesIO(read_bytes(path, limit, wanted))
    try:
        version = npy.read_magic(stream)
        headers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in headers:
            file.refuse(f"version {version[0]}.{version[1]} of .npy; 1.0 and 2.0 are read")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # headers that NumPy would have to mend
            shape, fortran_order, dtype = headers[version](stream)
    except InputError:
        raise
    except Exception as error:  # the header is a Python literal: many things can be wrong with it, none of them ours
        file.refuse(f"not a .npy file ({one_line(error, 120)})")
    if dtype.hasobject or dtype.itemsize == 0:
        file.refuse(f"an array of type {dtype}; numbers are read")
    _check_shape(shape, file, "the array")
    count, offset = math.prod(shape), stream.tell()
    there = len(stream.getbuffer()) - offset
    if count * dtype.itemsize != there:
        file.refuse(f"the header announces {count * dtype.itemsize:,} bytes, {there:,} are there")
    flat = np.frombuffer(stream.getvalue(), dtype, count, offset)
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _check_shape(shape: object, file: _File, name: str) -> None:
    axes = shape if isinstance(shape, list | tuple) else [None]
    if len(axes) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 2**31 for n in axes):
        file.refuse(f"{name} has the shape {one_line(shape, 40)}")


@dataclass(frozen=True)
class TensorEntry:
    """What the header of a file of tensors says about one.

    Arguments:
        dtype: the format's name, e.g. `F32`, `I64`, `BF16`.
        shape: lengths of the axes.
        begin, end: where its bytes lie in the file.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, eq=False)
class TensorFile(Mapping[str, NDArray[Any]]):
    """A file of tensors in memory: a mapping from names to read-only arrays, made when they are asked for.

    Arguments:
        path: where it came from.
        content: all bytes of the file, e.g. for `safetensors.torch.load`.
        entries: what the header says, checked: sizes fit and nothing overlaps.
        metadata: texts of the header.
    """

    path: str | Path
    content: bytes
    entries: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The tensor of that name. `InputError` for bfloat16, which NumPy does not have; KeyError for unknown names."""
        entry = self.entries[name]
        if entry.dtype not in _DTYPES:
            _File(self.path, "").refuse(f"{name} has the type {entry.dtype}")
        count = math.prod(entry.shape)
        found = np.frombuffer(self.content, _DTYPES[entry.dtype], count, entry.begin) if count else np.empty(0)
        found = found.astype(_DTYPES[entry.dtype], copy=not found.flags.aligned).reshape(entry.shape)
        found.flags.writeable = False
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def require(self, wanted: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Check that the file holds exactly these tensors, each (dtype, shape), before anything of that size is made.

        Raises:
            InputError: names the first tensor that is missing, unknown, or of another dtype or shape.
        """
        file = _File(self.path, "")
        for name in sorted(wanted.keys() | self.entries.keys()):
            if name not in self.entries or name not in wanted:
                file.refuse(f"{name[:80]} is {'missing' if name in wanted else 'unknown here'}")
            dtype, shape = wanted[name]
            entry = self.entries[name]
            if (entry.dtype, entry.shape) != (dtype, tuple(shape)):
                file.refuse(f"{name} should be {dtype} {tuple(shape)}, is {entry.dtype} {entry.shape}")


def read_tensors(path: str | Path, limit: int = MAX_TENSOR_BYTES, wanted: str = "") -> TensorFile:
    """A safetensors file: the header, read by the standard library, accounts for every byte of the file."""
    return parse_tensors(read_bytes(path, limit, wanted), path, wanted)


def parse_tensors(content: bytes, source: str | Path, wanted: str = "") -> TensorFile:
    """`read_tensors` for bytes that are already here; `source` stands for their path in messages."""
    file = _File(source, wanted)
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(MAX_HEADER_BYTES, len(content) - 8):
        file.refuse("not a safetensors file (its header does not fit into it)")
    header = parse_json(content[8 : 8 + length], source, wanted=wanted)
    if not isinstance(header, dict):
        file.refuse("not a safetensors file (its header is no object)")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        file.refuse("__metadata__ does not map names to texts")
    start = 8 + length
    entries = {name: _entry(name, value, start, file) for name, value in header.items()}
    end = start
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != end:
            file.refuse(f"the bytes of {name[:80]} do not follow on those before them")
        end = entry.end
    if end != len(content):
        file.refuse(f"the header announces {end:,} bytes, {len(content):,} are there")
    return TensorFile(source, content, entries, metadata)


def _entry(name: str, value: Any, start: int, file: _File) -> TensorEntry:
    label = one_line(name, 80)
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        file.refuse(f"the header does not say dtype, shape and data_offsets of {label}")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES:
        file.refuse(f"{label} has the type {one_line(dtype, 40)}; known: {', '.join(_ITEM_BYTES)}")
    _check_shape(shape, file, label)
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(n) is int and n >= 0 for n in offsets):
        file.refuse(f"{label} has the data_offsets {one_line(offsets, 40)}")
    size = math.prod(shape) * _ITEM_BYTES[dtype]
    if offsets[1] - offsets[0] != size:
        file.refuse(f"{label} takes {size:,} bytes by its shape and {offsets[1] - offsets[0]:,} by its offsets")
    return TensorEntry(dtype, tuple(shape), start + offsets[0], start + offsets[1])
