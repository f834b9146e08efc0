"""The folder on disk: the same bits back, and damage found."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from subnormal.common import writing
from subnormal.common.errors import InputError
from subnormal.constructions import artifact
from subnormal.constructions.artifact import load_cascade
from tests.cases import compiled
from tests.folders import bind


@pytest.fixture
def folder(tmp_path):
    compiled("S4", alphabet="all").save(tmp_path / "s4")
    return tmp_path / "s4"


def test_saving_and_loading_gives_the_same_bits(folder, tmp_path):
    cascade, group, metadata = load_cascade(folder)
    original = compiled("S4", alphabet="all").cascade
    assert (cascade.elements == original.elements).all()
    assert cascade.elements.dtype == original.elements.dtype
    assert (cascade.alphabet == original.alphabet).all()
    assert (cascade.decode == original.decode).all()
    for ours, theirs in zip(cascade.layers, original.layers, strict=True):
        assert (ours.family, ours.moduli) == (theirs.family, theirs.moduli)
        assert (ours.increments == theirs.increments).all()
    assert (group.name, group.order, metadata["small_group_id"]) == ("S4", 24, [24, 12])
    again = tmp_path / "again"
    compiled("S4", alphabet="all").save(again)
    for file in folder.glob("*.*"):
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_the_format(folder):
    arrays = load_file(folder / "cascade.safetensors")
    assert {name: array.shape for name, array in arrays.items()} == {
        "elements": (24, 4),
        "alphabet": (24,),
        "decode": (24,),
        "layer1.moduli": (1,),
        "layer1.increments": (1, 24, 1),
        "layer2.moduli": (1,),
        "layer2.increments": (2, 24, 1),
        "layer3.moduli": (2,),
        "layer3.increments": (6, 24, 2),
    }
    assert {array.dtype for array in arrays.values()} == {np.dtype("int32")}
    assert sorted(path.name for path in folder.iterdir()) == [
        "cascade.json",
        "cascade.safetensors",
        "config.json",
        "manifest.json",
        "model.safetensors",
    ]


def _change(folder, name, change):
    arrays = load_file(folder / "cascade.safetensors")
    arrays[name] = change(arrays[name]) if name in arrays else change(None)
    save_file({key: array for key, array in arrays.items() if array is not None}, folder / "cascade.safetensors")
    bind(folder)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("decode", lambda a: a[:-1], "24 states and 23 decoded"),
        ("decode", lambda a: a + 1, "decode has entries outside 0 … 23"),
        ("decode", lambda a: a.astype(np.int64), "decode has dtype int64"),
        ("decode", lambda a: None, "'decode' is missing"),
        ("alphabet", lambda a: a[:0], "the alphabet is empty"),
        ("alphabet", lambda a: -a, "alphabet has entries outside"),
        ("elements", lambda a: a // 2, "is not a permutation"),
        ("elements", lambda a: a[::-1].copy(), "element 0 is not the identity"),
        ("elements", lambda a: a[[0, *range(2, 24), 1]], "not in lexicographic order"),
        ("layer2.moduli", lambda a: a * 0, "layer2.moduli has entries below 2"),
        ("layer2.moduli", lambda a: a * 7, "layer2: moduli [21], cascade.json has others"),
        ("layer2.increments", lambda a: a[:1], "layer2.increments has shape"),
        ("layer2.increments", lambda a: a + 1, "outside its moduli"),
    ],
)
def test_damaged_arrays(folder, name, change, message):
    _change(folder, name, change)
    with pytest.raises(InputError, match=re.escape(message)):
        load_cascade(folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("cascade.json", b"{", "damaged"),
        ("cascade.json", b"[]", "Expected `object`, got `array`"),
        ("cascade.json", b'{"format": 99}', "format 99, wanted 2"),
        ("cascade.json", b"[" * 100_000, "damaged"),
        ("cascade.json", b"\xff\xfe", "damaged"),
        ("cascade.safetensors", b"\xff" * 100, "damaged"),
        ("cascade.safetensors", b"", "damaged"),
    ],
)
def test_damaged_files(folder, file, content, message):
    (folder / file).write_bytes(content)
    bind(folder)
    with pytest.raises(InputError, match=message):
        load_cascade(folder)


def test_missing_files(tmp_path, folder):
    with pytest.raises(InputError, match="No such file"):
        load_cascade(tmp_path / "nowhere")
    (folder / "cascade.safetensors").unlink()
    with pytest.raises(InputError, match=r"cascade\.safetensors, which manifest\.json names, is missing"):
        load_cascade(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"manifest\.json is missing: nothing binds its files together"):
        load_cascade(folder)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        compiled("S3").save(tmp_path / "file" / "below")


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_a_write_that_fails_leaves_the_old_folder(folder, monkeypatch, step):
    before = content(folder)

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, step, broken)
    with pytest.raises(InputError, match="No space left on device"):
        compiled("S3").save(folder)
    assert content(folder) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_a_network_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(artifact, "MAX_NETWORK_PARAMETERS", 10)
    assert not compiled("S3").save(tmp_path).has("model.safetensors")
    assert json.loads((tmp_path / "cascade.json").read_text())["name"] == "S3"
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        ((), {"field": 1}, "unknown field 'field'"),
        ((), {"name": 5}, r"Expected `str`, got `int` - at `\$.name`"),
        (("layers", 0), {"family": "x"}, "layer1: unknown family 'x'"),
        (("layers", 0), {"family": []}, r"Expected `str`, got `array` - at `\$.layers\[0\].family`"),
        (("layers", 1), {"family": "negative-mamba"}, r"layer2: Negative Mamba cannot carry the moduli \[3\]"),
        (("layers", 1), {"moduli": [3, 3]}, r"layer2: moduli \[3\], cascade.json has others"),
    ],
)
def test_damaged_metadata(folder, place, change, message):
    path = folder / "cascade.json"
    metadata = json.loads(path.read_text())
    holder = metadata
    for key in place:
        holder = holder[key]
    holder.update(change)
    path.write_text(json.dumps(metadata))
    bind(folder)
    with pytest.raises(InputError, match=message):
        load_cascade(folder)


def test_elements_that_are_not_closed(folder):
    """Two images of an element exchanged: still permutations. And a fifth point that is moved now and then."""
    path = folder / "cascade.safetensors"
    arrays = {name: array.copy() for name, array in load_file(path).items()}
    twice, extended = arrays["elements"].copy(), np.pad(arrays["elements"], ((0, 0), (0, 2)))
    twice[23, [2, 3]] = twice[23, [3, 2]]
    extended[:, 4:] = [4, 5]
    extended[23, 4:] = [5, 4]
    for elements, message in ((twice, "an element is listed twice"), (extended, "the elements are not closed")):
        save_file(arrays | {"elements": elements}, path)
        bind(folder)
        with pytest.raises(InputError, match=message):
            load_cascade(folder)
