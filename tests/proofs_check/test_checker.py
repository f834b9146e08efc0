"""The checker: stands alone, rejects what changes a claim, and survives hostile files."""

import json
import resource
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from subnormal.proofs_check.certificates import checker
from subnormal.proofs_check.certificates.checker import FaultError, check, main
from tests.cases import REFUSED, TRACKED
from tests.folders import bind
from tests.proofs_check.folders import Mutant, certified, read, refresh

PROGRAM = Path(checker.__file__)


def outcome(folder):
    """`verified`, or the exit code and the message; anything else than a FaultError is a fault of the checker's."""
    try:
        return check(folder).claim
    except FaultError as error:
        return error.args[::-1]


def test_the_program_by_itself(tmp_path):
    claim = certified("S3", tmp_path / "s3")
    run = subprocess.run([sys.executable, "-I", PROGRAM, tmp_path / "s3"], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [
        f"verified: {claim}",
        "the group: not abelian; centre of order 1; derived series 6 > 3 > 1; "
        "elements: 1 of order 1, 3 of order 2, 2 of order 3",
        "isomorphic to: the symmetric group on 3 points",
        "isomorphic to: ⟨a, b | a^2 = 1, b^3 = 1, b^a = b^2; all else commutes⟩",
        checker.CITED,
        'label, not proved: the folder calls it "S3"',
    ]


def mutate(names, count, tmp_path, seed):
    """Spoil certified folders; returns how many changes there were, and how many were harmless and accepted."""
    generator = np.random.default_rng(seed)
    total = harmless = 0
    for name in names:
        claim = certified(name, tmp_path / name / "original")
        mutant = Mutant(tmp_path / name / "original", tmp_path / name / "mutant")
        changes = [mutant.change_entry] * (count // 2) + [mutant.change_byte] * (count - count // 2)
        for change in changes:
            mutant.reset()
            what = change(generator)
            found = outcome(mutant.folder)
            total += 1
            if isinstance(found, str):
                assert change == mutant.change_byte, f"{name}: accepted {what}"
                assert found == claim, f"{name}: {what} changed the claim to {found}"
                assert mutant.keeps_the_claim(name), f"{name}: accepted {what}"
                harmless += 1
        if name not in REFUSED:
            for layer in range(1, len(json.loads(mutant.json["cascade.json"])["layers"]) + 1):
                mutant.reset()
                what = mutant.drop_layer(layer)
                assert outcome(mutant.folder)[0] in (1, 2), f"{name}: accepted {what}"
                total += 1
    return total, harmless


def test_mutations_of_some_groups(tmp_path):
    total, harmless = mutate(["S3", "Q8", "C6", "A4", "A5"], 60, tmp_path, 1)
    assert total >= 300
    assert harmless < total / 4


@pytest.mark.slow
def test_thousands_of_mutations(tmp_path):
    names = [case.name for case in TRACKED] + list(REFUSED)
    total, harmless = mutate(names, 120, tmp_path, 2)
    print(f"{total} mutations of {len(names)} groups, {harmless} harmless and accepted")
    assert total >= 3000
    assert len(names) >= 26


def test_every_entry_of_a_small_group(tmp_path):
    """All entries of all arrays of S3, each to every other value in and just outside its range."""
    certified("S3", tmp_path / "s3")
    mutant = Mutant(tmp_path / "s3", tmp_path / "mutant")
    for key, array in mutant.arrays["cascade.safetensors"].items():
        for place in range(array.size):
            for value in range(-1, 8):
                if value != array.flat[place]:
                    arrays = {k: v.copy() for k, v in mutant.arrays["cascade.safetensors"].items()}
                    arrays[key].flat[place] = value
                    mutant.write_arrays("cascade.safetensors", arrays)
                    refresh(mutant.folder)
                    assert outcome(mutant.folder)[0] == 1, f"accepted {key}[{place}] = {value}"


def test_digests_bind_every_byte(tmp_path):
    certified("S3", tmp_path)
    for name in ("cascade.json", "cascade.safetensors"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert outcome(tmp_path) == (2, f"{name} is not the file that manifest.json names: a mixed folder")
        bind(tmp_path)
        assert outcome(tmp_path) == (2, f"{name} is not the file that was certified (its SHA-256 differs)")
        (tmp_path / name).write_bytes(content)
        bind(tmp_path)
        check(tmp_path)


def edit_certificate(folder, changes):
    (folder / "certificate.json").write_text(json.dumps(read(folder / "certificate.json") | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claim": "tracks S5 on words of every length"}, "claims something else than was proved: tracks a group"),
        ({"layers": 2}, "the cascade has 3 layers, another number is claimed"),
        ({"generators": [0]}, "the generators do not reach every element"),
        ({"generators": [1, 99]}, "generators has entries outside 0 … 23"),
        ({"generators": "all"}, "generators should be a list of int"),
        ({"generators": list(range(24)) * 4}, "64 are enough"),
        ({"name": "S5"}, "bear different names"),
        ({"name": "\x1b[2J"}, "no name"),
        ({"kind": "proves"}, "no known kind"),
        ({"format": 3}, "another format"),
        ({"extra": 1}, "certificate.json should hold"),
        ({"files": {}}, "files should hold"),
        ({"lower_bound": {"exponent": 0, "layers": 3, "value": 0, "expression": [[1, 1], [1, 2]]}}, "is the identity"),
        ({"lower_bound": {"exponent": 0, "layers": 3, "value": 1, "expression": 1}}, "shows 1 layers are needed"),
        ({"lower_bound": {"exponent": 0, "layers": 3, "value": 1, "expression": 99}}, "leaf 99 is no element"),
        ({"lower_bound": {"exponent": 0, "layers": 3, "value": 1, "expression": {"power": 2, "of": 1}}}, "a power"),
        ({"lower_bound": {"exponent": 0, "layers": 3, "value": 1, "expression": [1]}}, "a strange node"),
        ({"lower_bound": {"exponent": 0, "layers": 3, "value": 1, "expression": None}}, "a strange node"),
        ({"lower_bound": {"exponent": 0, "layers": 3, "value": 2, "expression": 1}}, "has another value"),
        ({"lower_bound": 3}, "lower_bound should hold"),
    ],
)
def test_certificates_that_claim_too_much(changes, message, tmp_path):
    certified("S4", tmp_path)
    edit_certificate(tmp_path, changes)
    with pytest.raises(FaultError, match=message):
        check(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "negative-mamba"}, "is no commutator or power|has another value|a power|a strange"),
        ({"family": "rnn"}, "no known family"),
        ({"residual": {"order": 1, "generators": [], "products": []}}, "the residual has order 1"),
        ({"residual": {"order": 60, "generators": [1], "products": [[1]]}}, "the residual has order"),
        ({"residual": []}, "residual should hold"),
    ],
)
def test_refusals_that_claim_too_much(changes, message, tmp_path):
    certified("A5", tmp_path)
    residual = read(tmp_path / "certificate.json")["residual"]
    edit_certificate(tmp_path, changes)
    if changes == {"family": "negative-mamba"}:  # the commutators serve this family as well: only the claim is another
        message = "claims something else than was proved"
    with pytest.raises(FaultError, match=message):
        check(tmp_path)
    residual["products"][0] = [residual["generators"][0]]
    edit_certificate(tmp_path, {"family": "aussm", "residual": residual})
    with pytest.raises(FaultError, match="is no commutator or power in P"):
        check(tmp_path)


def test_a_negative_mamba_layer_may_not_count_to_three(tmp_path):
    certified("S3", tmp_path)
    metadata = read(tmp_path / "cascade.json")
    metadata["layers"][1]["family"] = "negative-mamba"
    (tmp_path / "cascade.json").write_text(json.dumps(metadata))
    refresh(tmp_path)
    with pytest.raises(FaultError, match="moduli that its family cannot carry"):
        check(tmp_path)


def tensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(shape, stop, dtype="I32", start=0):
    return {"elements": {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}}


HOSTILE_TENSORS = {
    "empty": (b"", "truncated"),
    "short": (b"\x01\x00", "truncated"),
    "header of 2^63 bytes": (tensors(b"{}", length=2**63), "declares a header"),
    "header beyond the file": (tensors(b"{}", length=3), "declares a header"),
    "no JSON": (tensors(b"{nonsense"), "is not JSON"),
    "not UTF-8": (tensors(b"\xff\xfe"), "is not JSON"),
    "a list": (tensors(b"[]"), "no JSON object"),
    "deep": (tensors(b"[" * 100_000), "is not JSON"),
    "repeated": (tensors(b'{"a": 1, "a": 1}'), "repeats a key"),
    "10 GB declared": (tensors(entry([50_000, 50_000], 10**10)), "truncated"),
    "shape against size": (tensors(entry([50_000, 50_000], 4), b"0000"), "but 4 bytes"),
    "huge numbers": (tensors(entry([10**30], 4 * 10**30)), "truncated"),
    "a number of 5,000 digits": (tensors(b'{"elements": {"x": ' + b"9" * 5000 + b"}}"), "is not JSON"),
    "negative": (tensors(entry([-1], -4)), "strange shape"),
    "overlap": (
        tensors({**entry([1], 4), "b": {"dtype": "I32", "shape": [1], "data_offsets": [0, 4]}}, b"0000"),
        "overlap",
    ),
    "gap": (tensors(entry([1], 8, start=4), b"00000000"), "overlap or leave gaps"),
    "trailing": (tensors(entry([1], 4), b"00000000"), "leave gaps"),
    "floats": (tensors(entry([1], 4, "F32"), b"\x00\x00\xc0\x7f"), "wanted I32"),
    "fractional": (tensors(entry([1.5], 4), b"0000"), "should be a list of int"),
    "NaN": (tensors(b'{"elements": {"dtype": "I32", "shape": [NaN], "data_offsets": [0, 4]}}', b"0000"), "list of int"),
    "no description": (tensors({"elements": 3}), "should hold data_offsets, dtype, shape"),
    "four dimensions": (tensors(entry([1, 1, 1, 1], 4), b"0000"), "strange shape"),
    "no dimension": (tensors(entry([], 4), b"0000"), "elements has shape"),
    "nothing": (tensors({}), "the array elements is missing"),
    "no entries": (tensors(entry([0, 4], 0)), "bytes"),
}


@pytest.mark.parametrize("name", HOSTILE_TENSORS)
def test_hostile_tensors(name, tmp_path, capsys):
    content, message = HOSTILE_TENSORS[name]
    certified("A5", tmp_path)
    (tmp_path / "group.safetensors").write_bytes(content)
    refresh(tmp_path)
    tracemalloc.start()
    code = main([str(tmp_path)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert peak < 32 << 20


HOSTILE_JSON = {
    "empty": (b"", "is not JSON"),
    "truncated": (b'{"format": 1', "is not JSON"),
    "deep lists": (b"[" * 200_000, "is not JSON"),
    "deep objects": (b'{"a":' * 200_000, "is not JSON"),
    "number": (b"3", "no JSON object"),
    "NaN": (b"NaN", "no JSON object"),
    "digits": (b'{"format": ' + b"1" * 10_000 + b"}", "is not JSON"),
    "binary": (bytes(range(256)), "is not JSON"),
    "too long": (b" " * (5 << 20), "over 4,194,304 bytes"),
    "nulls": (b'{"kind": null}', "no known kind"),
    "list as kind": (b'{"kind": []}', "no known kind"),
}


@pytest.mark.parametrize("name", HOSTILE_JSON)
@pytest.mark.parametrize("file", ["certificate.json", "cascade.json"])
def test_hostile_json(name, file, tmp_path, capsys):
    content, message = HOSTILE_JSON[name]
    certified("S3", tmp_path)
    (tmp_path / file).write_bytes(content)
    if file == "cascade.json":
        refresh(tmp_path)
        message = message if "kind" not in name and name != "nulls" else "layers"
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_expression_nested_deeply_but_readable(tmp_path, capsys):
    certified("S3", tmp_path)
    tree: int | list = 1
    for _ in range(200):
        tree = [tree, 1]
    bound = {"exponent": 0, "layers": 2, "value": 1, "expression": tree}
    edit_certificate(tmp_path, {"lower_bound": bound})
    assert main([str(tmp_path)]) == 2
    assert "nested too deeply" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["certificate.json", "cascade.json", "cascade.safetensors"])
def test_missing_files(missing, tmp_path, capsys):
    certified("S3", tmp_path)
    (tmp_path / missing).unlink()
    assert main([str(tmp_path)]) == 2
    assert f"{missing} is missing" in capsys.readouterr().err


def test_arguments(tmp_path, capsys):
    assert main([]) == 2
    assert main([str(tmp_path / "none")]) == 2
    assert main([str(tmp_path), "more"]) == 2
    assert main(["\0"]) == 2
    assert all(line.startswith("error: ") for line in capsys.readouterr().err.splitlines())


def test_a_refuted_claim_has_exit_code_1(tmp_path, capsys):
    certified("S3", tmp_path)
    edit_certificate(tmp_path, {"claim": "tracks A5"})
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("refuted: ")


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))


def test_a_10_gb_file_under_a_memory_limit(tmp_path):
    """A sparse file of 10 GB, all of it declared, is refused by its size within 3 GB of addresses."""
    certified("A5", tmp_path)
    header = tensors(entry([2_500_000, 1000], 10**10))
    with (tmp_path / "group.safetensors").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 10**10)
    command = [sys.executable, "-I", PROGRAM, tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=limited)
    assert run.returncode == 2
    assert "over 2,147,483,648 bytes" in run.stderr


def test_a_well_formed_giant_that_is_no_group(tmp_path):
    """200 MB of zeros with the right digest: refuted at the first row, in little memory."""
    certified("A5", tmp_path)
    header = tensors(entry([50_000, 1000], 200_000_000))
    with (tmp_path / "group.safetensors").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 200_000_000)
    refresh(tmp_path)
    command = [sys.executable, "-I", PROGRAM, tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=limited)
    assert run.returncode == 1
    assert "a row of elements is not a permutation" in run.stderr


def test_arrays_of_no_layer(tmp_path):
    certified("S3", tmp_path)
    arrays = load_file(tmp_path / "cascade.safetensors")
    save_file(arrays | {"layer3.moduli": np.array([2], dtype=np.int32)}, tmp_path / "cascade.safetensors")
    refresh(tmp_path)
    with pytest.raises(FaultError, match=r"arrays of no layer: layer3\.moduli"):
        check(tmp_path)
