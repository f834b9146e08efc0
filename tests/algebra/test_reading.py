"""The guarded readers: what is no regular file, too large, damaged or announces what is not there, in one line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import tracemalloc

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from subnormal.common import reading
from subnormal.common.errors import InputError
from subnormal.common.reading import MissingFileError, parse_json, parse_tensors

READERS = [
    reading.read_bytes,
    reading.read_text,
    reading.read_json,
    reading.read_toml,
    reading.read_csv,
    reading.read_npy,
    reading.read_tensors,
]

every_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)


def refused(reader, path, match):
    with pytest.raises(InputError, match=match) as caught:
        reader(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    return caught.value


@every_reader
def test_only_regular_files_of_a_bounded_size_are_read(tmp_path, reader):
    os.mkfifo(tmp_path / "pipe")
    refused(reader, tmp_path / "pipe", "not a regular file")  # without waiting for a writer
    refused(reader, "/dev/zero", "not a regular file")
    refused(reader, tmp_path, "a folder")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10 * 2**30)
    refused(reader, tmp_path / "sparse", r"10,240\.0 MiB, at most")
    assert isinstance(refused(reader, tmp_path / "none", "No such file"), MissingFileError)
    refused(reader, "a\0b", "null")
    refused(reader, "x" * 5000, "too long")
    (tmp_path / "a\nb").mkdir()
    refused(reader, tmp_path / "a\nb", "a folder")


def test_a_file_that_grows_while_it_is_read_is_refused():
    # Files of /proc have no size and a content.
    with pytest.raises(InputError, match="longer than"):
        reading.read_bytes("/proc/cpuinfo", limit=8)


def test_what_was_wanted_ends_the_message(tmp_path):
    with pytest.raises(InputError, match=r"none: No such file or directory; wanted a list such as \[1\]$"):
        reading.read_json(tmp_path / "none", wanted="wanted a list such as [1]")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{", "not UTF-8"),
        (b"[" * 100_000, "brackets"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"b": {"a": 1, "a": 1}}', "twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e400]", "out of range"),
        (b"1" * 10_000, "not JSON"),
        (rb'["\ud800"]', "not JSON"),
        (rb'{"\uDC00": 1}', "not JSON"),
    ],
)
def test_json_that_is_refused(tmp_path, content, problem):
    (tmp_path / "x.json").write_bytes(content)
    refused(reading.read_json, tmp_path / "x.json", problem)


def test_json_follows_its_schema(tmp_path):
    class Wanted(msgspec.Struct, forbid_unknown_fields=True):
        order: int
        series: list[int] = []

    path = tmp_path / "x.json"
    for value, problem in [
        ([], "Expected `object`"),
        ({}, "missing required field `order`"),
        ({"order": "6"}, r"Expected `int`, got `str` - at `\$.order`"),
        ({"order": True}, "got `bool`"),
        ({"order": 6, "series": [1, None]}, r"at `\$.series\[1\]`"),
        ({"order": 6, "other": 1}, "unknown field `other`"),
    ]:
        path.write_text(json.dumps(value))
        with pytest.raises(InputError, match=problem):
            reading.read_json(path, Wanted)
    path.write_text('\ufeff{"order": 1' + "0" * 40 + ', "series": [6, 3, 1]}', encoding="utf-8")
    assert reading.read_json(path, Wanted) == Wanted(10**40, [6, 3, 1])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_json_that_json_writes_is_read(value):
    assert parse_json(json.dumps(value), "x") == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode(), "x") == value


def test_json_with_losses_that_diverged(tmp_path):
    (tmp_path / "row.json").write_text(json.dumps({"loss": float("nan"), "best": float("inf")}))
    refused(reading.read_json, tmp_path / "row.json", "NaN is not a number of JSON")
    found = reading.read_json(tmp_path / "row.json", nan=True)
    assert np.isnan(found["loss"])
    assert found["best"] == float("inf")


def test_csv(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b'\xef\xbb\xbf1,"a\nb"\r\n\r\n2,')
    assert reading.read_csv(path) == [["1", "a\nb"], ["2", ""]]
    path.write_bytes(b'"' + b"x" * 200_000)
    refused(reading.read_csv, path, "field larger")
    path.write_bytes(b"1\n" * (reading.MAX_ROWS + 1))
    refused(reading.read_csv, path, "more than 2,000,000 rows")


def test_toml(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("a = [1, 2]\n[plot]\nx = 'a'")
    assert reading.read_toml(path) == {"a": [1, 2], "plot": {"x": "a"}}
    for content in (b"a = ", b"a = " + b"[" * 100_000, b"\xff", b"a = 1" + b"0" * 5000):
        path.write_bytes(content)
        refused(reading.read_toml, path, "not TOML|not UTF-8")


# ------------------------------------------------------------------ arrays


def npy(header: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + body


def test_npy_arrays_come_back(tmp_path):
    path = tmp_path / "x.npy"
    block = np.arange(6).reshape(2, 3)
    for array in [block, np.asfortranarray(block * 0.5), np.zeros((0, 3)), np.array(7)]:
        np.save(path, array)
        found = reading.read_npy(path)
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert (found == array).all()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a .npy file"),
        (b"\x93NUMPY\x09\x00", "version"),
        (npy("{'descr': '<i8', 'fortran_order': False, 'shape': (40000, 40000)}"), "announces 12,800,000,000 bytes"),
        (npy("{'descr': '<i8', 'fortran_order': False, 'shape': (-1,)}"), "shape"),
        (npy("{'descr': '<i8', 'fortran_order': False, 'shape': (True,)}", b"\0" * 8), "shape|not a .npy"),
        (npy("{'descr': '<i8', 'fortran_order': False, 'shape': (9999999999999999999999,)}"), "shape"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n"), "of type object"),
        (npy("{'descr': '|V0', 'fortran_order': False, 'shape': (1000000,)}"), "of type"),
        (npy("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}"), "of type"),
        (npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", b"\0" * 17), "16 bytes, 17 are there"),
        (npy("(" * 9000), "not a .npy file"),
        (npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1L,)}", b"\0" * 8), "not a .npy file"),
        (npy("x" * 20_000), "not a .npy file"),
    ],
)
def test_npy_files_that_are_refused(tmp_path, content, problem):
    (tmp_path / "x.npy").write_bytes(content)
    refused(reading.read_npy, tmp_path / "x.npy", problem)


def tensors(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


DTYPES = ["?", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)), "f2", "f4", "f8", "c8"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_come_back_as_the_library_reads_them(tmp_path, dtype):
    arrays = {"a": np.arange(6).reshape(2, 3).astype(dtype), "b.c": np.zeros((0, 4), dtype), "d": np.array(1, dtype)}
    (tmp_path / "x").write_bytes(save(arrays, metadata={"format": "pt"}))
    found = reading.read_tensors(tmp_path / "x")
    library = load(found.content)
    assert found.metadata == {"format": "pt"}
    assert set(found) == set(library) == set(arrays)
    for name, array in library.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert (found[name] == array).all()


def test_unaligned_tensors_come_back():
    content = tensors(json.dumps({"a": entry()}).encode() + b"   ", np.array([1.5, -2], "<f4").tobytes())
    for padding in range(8):
        text = json.dumps({"a": entry()}).encode() + b" " * padding
        found = parse_tensors(tensors(text, content[-8:]), "x")["a"]
        assert found.tolist() == [1.5, -2]
        assert found.flags.aligned


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "header does not fit"),
        (b"\xff" * 8, "header does not fit"),
        ((2**40).to_bytes(8, "little") + b"{}", "header does not fit"),
        (tensors(b"{"), "not JSON"),
        (tensors([]), "no object"),
        (tensors({"__metadata__": {"a": 1}}), "__metadata__"),
        (tensors({"a": entry()}), "announces"),
        (tensors({"a": entry()}, b"\0" * 9), "announces"),
        (tensors({"a": entry(shape=(40_000, 40_000), offsets=(0, 6_400_000_000))}), "announces 6,400,000,"),
        (tensors({"a": entry(shape=(40_000, 40_000))}, b"\0" * 8), "6,400,000,000 bytes by its shape and 8 by"),
        (tensors({"a": entry(), "b": entry()}, b"\0" * 8), "do not follow"),
        (tensors({"a": entry(), "b": entry(offsets=(12, 20))}, b"\0" * 20), "do not follow"),
        (tensors({"a": entry(shape=(-2,), offsets=(0, -8))}), "shape"),
        (tensors({"a": entry(shape=(1,) * 99, offsets=(0, 4))}, b"\0" * 4), "shape"),
        (tensors({"a": entry(shape=(0, 2**60), offsets=(0, 0))}), "shape"),
        (tensors({"a": entry(dtype="F128")}, b"\0" * 8), "type F128"),
        (tensors({"a": entry(dtype=[])}, b"\0" * 8), "type"),
        (tensors({"a": 3}), "does not say dtype"),
        (tensors({"a": {**entry(), "more": 1}}, b"\0" * 8), "does not say dtype"),
        (tensors({"a": {**entry(), "data_offsets": [0, True]}}, b"\0" * 8), "data_offsets"),
        (tensors(b'{"a": 1, "a": 2}'), "twice"),
    ],
)
def test_tensors_that_are_refused(tmp_path, content, problem):
    (tmp_path / "x").write_bytes(content)
    refused(reading.read_tensors, tmp_path / "x", problem)


def test_bfloat16_is_known_and_no_array():
    found = parse_tensors(tensors({"a": entry("BF16", offsets=(0, 4))}, b"\0" * 4), "x")
    assert found.entries["a"].dtype == "BF16"
    with pytest.raises(InputError, match="x: a has the type BF16"):
        found["a"]


def test_the_header_is_compared_with_what_is_wanted():
    found = parse_tensors(tensors({"a": entry()}, b"\0" * 8), "x")
    found.require({"a": ("F32", (2,))})
    refusals: list[tuple[dict[str, tuple[str, tuple[int, ...]]], str]] = [
        ({}, "a is unknown"),
        ({"a": ("F32", (2,)), "b": ("F32", ())}, "b is missing"),
        ({"a": ("F64", (1,))}, r"a should be F64 \(1,\), is F32 \(2,\)"),
        ({"a": ("F32", (1, 2))}, r"should be F32 \(1, 2\)"),
    ]
    for wanted, problem in refusals:
        with pytest.raises(InputError, match=problem):
            found.require(wanted)


# ------------------------------------------------------------------ attacks on the class


def spoiled(content: bytes, random: np.random.Generator) -> bytes:
    """The bytes with one to four faults: cut, doubled, changed, filled in."""
    for _ in range(random.integers(1, 5)):
        i, j = sorted(int(n) for n in random.integers(0, len(content) + 1, 2))
        piece = [b"", content[i:j] * 2, random.bytes(j - i), bytes(j - i), b"9" * 30, b"[" * 50, b"-"][
            random.integers(7)
        ]
        content = content[:i] + piece + content[min(j, i + 8) if random.integers(2) else j :]
    return content[: 2**20]


def attack(rounds: int, seed: int, tmp_path) -> None:
    random = np.random.default_rng(seed)
    stream = io.BytesIO()
    np.save(stream, np.arange(9).reshape(3, 3))
    seeds = [
        (reading.read_npy, stream.getvalue()),
        (reading.read_tensors, save({"a": np.zeros((2, 3)), "b": np.arange(4)}, metadata={"format": "pt"})),
        (reading.read_json, b'{"a": [1, 2.5e3, "x\\u00e9"], "b": {"c": null}}'),
        (reading.read_toml, b'a = [1, 2]\n[plot]\nx = "a"\n'),
        (reading.read_csv, b'seed,input\r\n0,"1 2 3"\r\n'),
    ]
    accepted = lines = 0
    for number in range(rounds):
        reader, content = seeds[number % len(seeds)]
        (tmp_path / "x").write_bytes(spoiled(content, random))
        try:
            found = reader(tmp_path / "x")
            if reader is reading.read_tensors:
                assert all(found[name].nbytes <= len(found.content) for name in found)
            accepted += 1
        except InputError as error:
            lines += str(error).count("\n")
    assert 0 < accepted < rounds
    assert lines == 0


def test_spoiled_files_are_read_or_refused(tmp_path):
    tracemalloc.start()
    try:
        attack(1500, 0, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_many_spoiled_files_are_read_or_refused(tmp_path):
    attack(200_000, 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"[],", b'{"":0},', b"9999,", '"Ā",'.encode(), b'""'])
def test_no_text_within_the_limit_takes_two_gibibytes(tmp_path, piece):
    count = (reading.MAX_TEXT_BYTES - 10) // len(piece)
    (tmp_path / "x").write_bytes(b"[" + piece * count + b"0]")
    process = os.fork()
    if not process:
        resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
        try:
            for reader in (reading.read_json, reading.read_csv):
                with contextlib.suppress(InputError):
                    reader(tmp_path / "x")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(process, 0)[1] == 0
