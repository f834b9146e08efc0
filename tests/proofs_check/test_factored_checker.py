"""The independent checker of factored cascades: it verifies what was compiled and refutes what was changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import parse_group
from subnormal.common.folders import save_folder
from subnormal.constructions.factored.artifact import factored_files
from subnormal.constructions.factored.bound import lower_bound
from subnormal.constructions.factored.compiler import compile_factored
from subnormal.constructions.factored.proof import cases
from subnormal.proofs_check.certificates.checker import FaultError
from subnormal.proofs_check.certificates.factored_checker import check, main
from tests.folders import bind

ROOT = Path(__file__).parents[2]


def write(folder: Path, name: str, family: str = "aussm") -> Path:
    group = parse_group(name)
    compilation = compile_factored(name, group.permutations, FAMILIES[family])
    exponent = FAMILIES[family].exponent
    save_folder(folder, factored_files(compilation, lower_bound(group.permutations, exponent)))
    assert f"({cases(compilation.cascade):,} cases)" in check(folder).claim
    return folder


@pytest.mark.parametrize(
    ("name", "family", "claim"),
    [
        ("S4wrS4", "aussm", r"4 tokens generate on 16 points .*, with 6 layers, and no AUSSM with .* \(36,864 cases\)"),
        ("S4wrS4wrS4", "aussm", "with 9 layers, and no AUSSM with fewer can"),
        ("S3wrS3wrS3wrS3", "simple-aussm", "with 8 layers, and no Simple AUSSM with fewer can"),
        ("C2wrC2wrC2wrC2wrC2", "negative-mamba", "with 5 layers, and no Negative Mamba with fewer can"),
        ("(S3xC2)wrS4", "aussm", "with 5 layers, and no AUSSM with fewer can"),
        ("C2^40", "aussm", "with 1 layer, and no AUSSM with fewer can"),
    ],
)
def test_what_is_verified(tmp_path, name, family, claim):
    assert re.search(claim, check(write(tmp_path / "out", name, family)).claim)


def changed(folder: Path, name: str, change) -> None:
    path = folder / "cascade.safetensors"
    arrays = {key: array.copy() for key, array in load_file(path).items()}
    arrays[name] = np.ascontiguousarray(change(arrays[name]))
    save_file(arrays, path)
    bind(folder)


def entry(place: int, by: int):
    def change(array: np.ndarray) -> np.ndarray:
        array.reshape(-1)[place] += by
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "message", "code"),
    [
        (
            "increments",
            lambda a: np.where(np.arange(len(a)) == 500, 1 - a % 2, a),
            "moves point .* wrongly on token",
            1,
        ),
        ("increments", entry(0, 5), "channel 1 adds what is no residue", 1),
        ("increments", lambda a: a[:-1], "the table of channel 20 is not there", 2),
        ("increments", lambda a: np.append(a, a[:1]), "increments has entries of no channel", 2),
        ("lifts", lambda a: (np.roll(a, 1, axis=1) + 1) % 16, "moves point .* wrongly on token", 1),
        ("lifts", lambda a: a[:, np.roll(np.arange(16), 1)], "a modulus that does not divide its lift's order", 2),
        ("lifts", lambda a: a * 0, "lifts: no permutation", 1),
        ("lifts", lambda a: a[1:], "moduli and lifts do not fit together", 2),
        ("alphabet", lambda a: a[::-1].copy(), "moves point .* wrongly on token", 1),
        ("alphabet", lambda a: a + 1, "alphabet has entries outside", 1),
        ("reads", lambda a: a + 1, "channel 1 reads", 1),
        ("moduli", lambda a: a - 1, "do not fit together", 2),
        ("moduli", lambda a: a * 0 + 2**30 - 1, "the powers of the lifts are too large", 2),
        ("moduli", lambda a: np.append(a[:-1], a[-1] * 2**18), "a modulus that does not divide its lift's order", 2),
    ],
)
def test_changed_arrays(tmp_path, name, change, message, code):
    folder = write(tmp_path / "out", "S4wrS4")
    changed(folder, name, change)
    with pytest.raises(FaultError, match=message) as caught:
        check(folder)
    assert caught.value.args[1] == code


def test_every_changed_increment_is_refuted(tmp_path):
    folder = write(tmp_path / "out", "S3wrC2")
    original = load_file(folder / "cascade.safetensors")
    sizes = [int(np.prod([original["moduli"][r] for r in row if r >= 0])) * 3 for row in original["reads"]]
    moduli = np.repeat(original["moduli"], sizes)
    for place in range(len(original["increments"])):
        arrays = {key: array.copy() for key, array in original.items()}
        arrays["increments"][place] = (arrays["increments"][place] + 1) % moduli[place]
        save_file(arrays, folder / "cascade.safetensors")
        bind(folder)
        with pytest.raises(FaultError, match="wrongly on token"):
            check(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 1, "another format"),
        ("name", "", "no name"),
        ("family", "transformer", "no known family"),
        ("family", "negative-mamba", "a modulus is none that Negative Mamba can carry"),
        ("family", [], "no known family"),
        ("layers", [], "states other layers"),
        ("layers", [0], "states other layers"),
        ("degree", 15, "states other degree"),
        ("states", 3, "states other states"),
        ("field", 3, "cascade.json should hold"),
        ("lower_bound", [], "has no lines"),
        ("lower_bound", [["token", 0, 0], ["commutator", 0, 0]], "is the identity"),
        ("lower_bound", [["token", 7, 0]], "names token 7"),
        ("lower_bound", [["product", 0, 0]], "names a later line"),
        ("lower_bound", [["token", 0, 0], ["power", 0, 0]], "a line of kind 'power'"),
        ("lower_bound", [[0, 0, 0]], "a strange line"),
    ],
)
def test_changed_claims(tmp_path, key, value, message):
    folder = write(tmp_path / "out", "S4wrS4")
    path = folder / "cascade.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    bind(folder)
    with pytest.raises(FaultError, match=message):
        check(folder)


def test_fewer_layers_shown_than_used(tmp_path):
    folder = write(tmp_path / "out", "S4wrS4")
    path = folder / "cascade.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"lower_bound": [["token", 0, 0]]}))
    bind(folder)
    assert "with 6 layers, and any AUSSM needs at least 1" in check(folder).claim


def test_the_command(tmp_path, capsys):
    folder = write(tmp_path / "out", "S3wrC2")
    assert main([str(folder)], check) == 0
    assert capsys.readouterr().out.startswith("verified: tracks the group that its 3 tokens generate on 6 points")
    changed(folder, "increments", lambda a: 1 - a % 2)
    assert main([str(folder)], check) == 1
    assert capsys.readouterr().err.startswith("refuted: ")
    assert main([str(tmp_path / "none")], check) == 2
    assert main([], check) == 2
    assert capsys.readouterr().err.count("error: ") == 2


def test_it_uses_nothing_of_the_compiler():
    module = "subnormal.proofs_check.certificates.factored_checker"
    code = f"import sys, {module}; print(*(name for name in sys.modules if '.' in name))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    rooms = ("subnormal.algebra", "subnormal.constructions", "subnormal.models")
    assert not [name for name in run.stdout.split() if name.startswith(rooms)]
