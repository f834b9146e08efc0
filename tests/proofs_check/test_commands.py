"""`python -m proofs_check` as a user meets it: certify, check, horizon, lemmas."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.folders import bind
from tests.forks import run_python
from tests.proofs_check.folders import read

ROOT = Path(__file__).parents[2]


def run(*arguments, cwd):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONWARNINGS": "error",
    }
    done = run_python("-m", "proofs_check", *arguments, cwd=cwd, env=environment)
    return done.returncode, done.stdout, done.stderr


CLAIM = "tracks a group of order 6 with 6 tokens on words of every length, with 2 layers, and no AUSSM with fewer can"


def test_certify_and_check(tmp_path):
    code, out, err = run("certify", "S3", "--out", "s3", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"s3/certificate.json: {CLAIM}"
    assert out.splitlines()[1].startswith("s3/network_certificate.json: the float64 network equals the cascade")
    code, out, err = run("check", "s3", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"verified: {CLAIM}"
    assert out.splitlines()[-1] == 'label, not proved: the folder calls it "S3"'
    assert "which is SmallGroup(6,1): the catalogue has this presentation" in out
    assert out.splitlines()[1].startswith("verified: the float64 network equals the cascade")
    code, out, _ = run("check", "s3", "--no-network", cwd=tmp_path)
    assert out.splitlines()[0] == f"verified: {CLAIM}"
    assert out.splitlines()[-1] == "not checked: network_certificate.json"
    assert run("certify", "s3", cwd=tmp_path)[:1] == (0,)

    path = tmp_path / "s3" / "certificate.json"
    path.write_text(path.read_text().replace("2 layers", "1 layers"))
    code, out, err = run("check", "s3", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "claims something else than was proved" in err

    run("certify", "s3", cwd=tmp_path)
    model = tmp_path / "s3" / "model.safetensors"
    content = bytearray(model.read_bytes())
    content[-1] ^= 0x40
    model.write_bytes(content)
    code, out, err = run("check", "s3", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "model.safetensors is not the file that manifest.json names: a mixed folder" in err
    bind(tmp_path / "s3")
    code, out, err = run("check", "s3", cwd=tmp_path)
    assert code in (1, 2)
    assert err.count("\n") == 1
    assert "network" in err


def test_certify_what_can_never_be_tracked(tmp_path):
    code, out, _ = run("certify", "A5", cwd=tmp_path)
    claim = "no number of AUSSM layers can track this group of order 60, over any alphabet that generates it"
    assert (code, out) == (0, f"A5/certificate.json: {claim}\n")
    code, out, err = run("check", "A5", cwd=tmp_path)
    assert (code, out.splitlines()[0], err) == (0, f"verified: {claim}", "")
    assert "isomorphic to: the alternating group on 5 points" in out
    assert read(tmp_path / "A5" / "certificate.json")["residual"]["order"] == 60
    code, out, _ = run("certify", "S3", "--family", "negative-mamba", "--out", "x", cwd=tmp_path)
    assert "no number of Negative Mamba layers can track this group of order 6, over" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["certify", "S999999"], "error: "),
        (["certify", "."], "holds nothing that is read here"),
        (["certify", ".", "--out", "x"], "holds nothing that is read here"),
        (["certify", "S3", "--family", "nonsense"], "unknown family"),
        (["certify", "S3", "--out", "/dev/null/x"], "cannot write"),
        (["check", "none"], "none is no folder"),
        (["check", "."], "holds nothing that is read here"),
        (["horizon"], "wanted either a DIR"),
        (["horizon", "."], "holds nothing that is read here"),
        (["horizon", ".", "--words", "palindrome"], "unknown kind of word"),
        (["horizon", ".", "--arithmetic", "float8"], "holds nothing that is read here"),
        (["lemmas", "."], "not a compiled folder"),
    ],
)
def test_bad_input_is_one_line(arguments, message, command_line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command_line(*arguments, part="proofs_check")
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def test_horizon_and_lemmas(tmp_path):
    run("certify", "Q8", "--out", "q8", cwd=tmp_path)
    code, out, err = run("horizon", "q8", "--length", "20000", cwd=tmp_path)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines()[2:]}
    assert "every length" in rows["residues"]
    assert "> 20,000" in rows["turns"]
    assert len([name for name in rows if name in ("complex128", "complex64", "float64", "float32", "bfloat16")]) == 5
    code, out, err = run("lemmas", "q8", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.count("\n  verified\n") == 10
    assert "Q8 embeds in C2 ≀ (C2xC2)" in out
    assert "Not derived here" in out


def test_commands_that_need_no_torch(tmp_path):
    program = (
        "import sys\n"
        "from subnormal.command_line.proofs import certify, check\n"
        "certify('A5', None, 'aussm')\ncheck(__import__('pathlib').Path('A5'), False)\n"
        "assert 'torch' not in sys.modules and 'sympy' not in sys.modules\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", program]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60, capture_output=True)
