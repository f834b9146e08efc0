"""Folders of factored cascades, and the commands that write and read them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.elements import read_tokens
from subnormal.algebra.input.parser import parse_group
from subnormal.algebra.tracked import KINDS
from subnormal.api.compiling import Compiled
from subnormal.api.factored import factored_compilation
from subnormal.api.groups import stack_of
from subnormal.command_line.compiler import compile_command, verify
from subnormal.common.errors import InputError, RefutedError
from subnormal.common.folders import save_folder
from subnormal.common.kinds import FACTORED, kind_of
from subnormal.constructions.artifact import load_cascade
from subnormal.constructions.factored import compiler as factored_compiler
from subnormal.constructions.factored.artifact import factored_files, load_factored
from subnormal.constructions.factored.bound import lower_bound
from subnormal.constructions.factored.compiler import compile_factored
from subnormal.constructions.factored.proof import factored_fault, needed_layers
from tests.folders import bind
from tests.forks import run_python


@pytest.fixture
def folder(tmp_path):
    group = parse_group("S4wrS4")
    compilation = compile_factored(group.name, group.permutations, FAMILIES["aussm"])
    save_folder(tmp_path / "out", factored_files(compilation, lower_bound(group.permutations, 0)))
    return tmp_path / "out"


def test_what_is_read_is_what_was_written(folder):
    group = parse_group("S4wrS4")
    written = compile_factored(group.name, group.permutations, FAMILIES["aussm"]).cascade
    found = load_factored(folder)
    assert kind_of(folder) == FACTORED
    assert (found.cascade.name, found.cascade.family) == ("S4wrS4", "aussm")
    assert (found.cascade.alphabet == written.alphabet).all()
    for a, b in zip(found.cascade.channels, written.channels, strict=True):
        assert (a.modulus, a.layer, a.reads) == (b.modulus, b.layer, b.reads)
        assert (a.lift == b.lift).all()
        assert (a.increments == b.increments).all()
    assert factored_fault(found.cascade) is None
    assert needed_layers(found.cascade, found.lower_bound) == 6
    assert found.metadata["order"] == 7_962_624 == found.metadata["states"]
    assert found.metadata["series"][-1] == 1
    assert len(found.metadata["layers"]) == 6


def test_the_folder_is_small_where_the_group_is_not(tmp_path):
    path = tmp_path / "out"
    compile_large("S4wrS4wrS4", path)
    assert sum(file.stat().st_size for file in path.iterdir()) < 300_000
    assert json.loads((path / "cascade.json").read_text())["order"] == 96479729228174488169059713024


def test_other_folders_are_refused(folder, tmp_path):
    assert kind_of(tmp_path) is None
    with pytest.raises(InputError, match="cascade.json: No such file or directory; make one with `compile S4wrS4"):
        load_factored(tmp_path)
    with pytest.raises(InputError, match="holds a factored cascade: `check`, `verify` and `show` read it"):
        load_cascade(folder)
    (folder / "cascade.json").write_text("{")
    bind(folder)
    assert kind_of(folder) != FACTORED
    with pytest.raises(InputError, match="damaged"):
        load_factored(folder)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("alphabet", lambda a: np.zeros_like(a), "a row of alphabet is not a permutation"),
        ("alphabet", lambda a: a.astype(np.int64), "alphabet has dtype int64"),
        ("lifts", lambda a: a[1:], "lifts has dtype int32 and shape"),
        ("moduli", lambda a: a - 1, "moduli has entries below 2"),
        ("moduli", lambda a: a * 0 + 2**30, "the powers of its lifts are too large"),
        ("moduli", lambda a: a * 5, "has modulus 10, its lift the order 2"),
        ("reads", lambda a: a[:-1], "reads has dtype int32 and shape"),
        ("reads", lambda a: a + 30, r"channel 1 reads \[29"),
        ("increments", lambda a: a[:-1], "increments end within the table of channel 20"),
        ("increments", lambda a: np.concatenate([a, a[:1]]), "increments has more entries than the tables"),
        ("increments", lambda a: a + 1, "adds something outside"),
    ],
)
def test_damaged_arrays(folder, name, change, message):
    path = folder / "cascade.safetensors"
    arrays = {key: array.copy() for key, array in load_file(path).items()}
    arrays[name] = change(arrays[name])
    save_file(arrays, path)
    bind(folder)
    with pytest.raises(InputError, match=message):
        load_factored(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "factored 9", "format 'factored 9', wanted 'factored 2'"),
        ("family", "transformer", "unknown family 'transformer'"),
        ("lower_bound", [[1, 2]], r"Expected `array` of length 3, got 2 - at `\$.lower_bound\[0\]`"),
        ("lower_bound", 5, r"Expected `array`, got `int` - at `\$.lower_bound`"),
        ("family", [], r"Expected `str`, got `array` - at `\$.family`"),
        ("layers", [[0], [2]], r"Expected `object`, got `array` - at `\$.layers\[0\]`"),
        ("layer", 3, "unknown field 'layer'"),
        ("states", 1, "cascade.json has"),
        ("layers", [{"family": "aussm", "moduli": [0]}], "wanted one or more, each at least 2"),
    ],
)
def test_damaged_metadata(folder, key, value, message):
    path = folder / "cascade.json"
    metadata = json.loads(path.read_text())
    metadata[key] = value
    path.write_text(json.dumps(metadata))
    bind(folder)
    with pytest.raises(InputError, match=message):
        load_factored(folder)


def compile_large(name, path, family=None, alphabet=None):
    compiled = Compiled(factored_compilation(parse_group(name), stack_of(family or "aussm"), alphabet))
    print(compiled)
    compiled.save(path)


def test_compile_and_verify(tmp_path, capsys):
    path = tmp_path / "out"
    compile_command("S4wrS4", path)
    text = capsys.readouterr().out
    for line in (
        "S4wrS4: order 7,962,624 on 16 points, 6 layers, 20 channels, 4 tokens",
        "parts: (24 on 4) wr (24 on 4)",
        "proved: words of every length are tracked, by 36,864 equations between points",
        "proved: 5 layers cannot",
        "residues: right on random, constant and commutator words of 100,000 tokens",
    ):
        assert line in text
    verify(path, 10_000, words="random,constant,commutator")
    text = capsys.readouterr().out
    assert "6 layers, and at least 6 needed" in text
    assert all(f"residues: {kind} word of 10,000 tokens right" in text for kind in KINDS)


def test_the_command_line_takes_this_route_for_large_groups(tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_python("-m", "constructions", *arguments, cwd=Path(__file__).parents[2])

    folder = str(tmp_path / "out")
    compiled = run("compile", "S4wrS4", "--out", folder)
    assert compiled.returncode == 0, compiled.stderr
    assert "6 layers, 20 channels" in compiled.stdout
    verified = run("verify", folder, "--length", "1000")
    assert (verified.returncode, "6 layers, and at least 6 needed" in verified.stdout) == (0, True)
    for arguments, message in [
        (("verify", folder, "--arithmetic", "turns"), "holds a factored cascade, which runs on residues, not on turns"),
        (("compile", "S4wrS4", "--series", "(1,2)", "--out", folder), "too large to list"),
        (("compile", "S5wrS4", "--out", folder), "not solvable, its perfect residual has order"),
    ]:
        refused = run(*arguments)
        assert (refused.returncode, message in refused.stderr) == (2, True)


def test_more_layers_than_needed_are_said_to_be(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(factored_compiler, "LARGEST_ATOM", 3)
    compile_large("C4", tmp_path / "out")
    text = capsys.readouterr().out
    assert "their product has 8 states, more than needed" in text
    assert "note: 1 layer needed at least, 2 used" in text


def test_an_inexact_decomposition_is_said_to_be_one(tmp_path, capsys):
    compile_large("(S3xC2)wrS4", tmp_path / "out")
    assert "their product has 11,943,936 states, more than needed" in capsys.readouterr().out


def test_a_spoilt_folder_is_refuted(folder):
    path = folder / "cascade.safetensors"
    arrays = {key: array.copy() for key, array in load_file(path).items()}
    arrays["increments"][0] ^= 1
    save_file(arrays, path)
    bind(folder)
    with pytest.raises(RefutedError, match="does not track what it is for: token 0 takes point"):
        verify(folder, 10, words="random")


@pytest.mark.parametrize(("key", "value"), [("order", 24), ("layers", [])])
def test_false_claims_are_refuted(folder, key, value):
    path = folder / "cascade.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    bind(folder)
    with pytest.raises(RefutedError, match=f"states another {key} than"):
        verify(folder, 10, words="random")


def test_tokens_of_one_s_own(tmp_path):
    group = parse_group("S3wrC2")
    assert len(read_tokens(group, None)) == len(read_tokens(group, "generators")) == 3
    own = read_tokens(group, "(1,2,3); (1,2); (1,4)(2,5)(3,6)")
    assert own.tolist()[2] == [3, 4, 5, 0, 1, 2]
    path = tmp_path / "out"
    compile_large("S3wrC2", path, alphabet="(1,2,3); (1,2); (1,4)(2,5)(3,6)")
    assert (load_factored(path).cascade.alphabet == own).all()
    for text, message in [
        ("all", "too many tokens; wanted --alphabet generators"),
        (";", "an empty alphabet"),
        ("(1,4)", "not an element of S3wrC2"),
        ("(1,9)", "not an element of S3wrC2"),
        ("(1,2);(1,2)", "appears twice"),
        ("(1,2)", "generates a subgroup of order 2 of S3wrC2, of order 72"),
    ]:
        with pytest.raises(InputError, match=message):
            read_tokens(group, text)
    with pytest.raises(InputError, match="wanted one family for it, not aussm,negative-mamba"):
        compile_large("S4wrS4", tmp_path / "out", "aussm,negative-mamba")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is no folder"):
        compile_large("S3wrC2", tmp_path / "file")
