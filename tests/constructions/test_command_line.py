"""The command lines as a user meets them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from subnormal.algebra.depth.atlas import COLUMNS
from subnormal.algebra.groups.catalogue import number_of_groups
from tests.cases import group
from tests.forks import run_python
from tests.oracles import small_groups

ROOT = Path(__file__).parents[2]


ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    "PYTHONWARNINGS": "error",
}


def start(*arguments: str, cwd: Path, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "constructions", *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def run(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    done = run_python("-m", "constructions", *arguments, cwd=cwd, env=ENVIRONMENT)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "S999999"], "at most 10000"),
        (["inspect", "C0"], "n must be at least 1"),
        (["inspect", "Dx"], "cannot read a group at 'Dx'"),
        (["inspect", "S4 extra"], "cannot read a group at 'extra'"),
        (["inspect", ""], "empty group"),
        (["inspect", "(1,2,2)"], "point 2 appears twice"),
        (["inspect", "changed.csv"], "not associative"),
        (["inspect", "absent.csv"], "No such file"),
        (["inspect", "SmallGroup(24,99)"], "there are 15 groups of order 24"),
        (["inspect", "S4", "--stack", "nonsense"], "unknown family 'nonsense'"),
        (["inspect"], "wanted either a GROUP"),
        (["inspect", "S3", "--nope"], "No such option: --nope; see `python -m constructions inspect --help`"),
        (["verify", "S3", "--length", "0"], "Invalid value for '--length'"),
        (["nonsense"], "No such command 'nonsense'"),
        (["inspect", "S4", "--batch", "list.txt"], "wanted either a GROUP"),
        (["inspect", "--batch", "absent.txt"], "absent.txt: No such file"),
        (["compile", "A5"], "perfect residual has order 60"),
        (["compile", "S3", "--family", "negative-mamba"], "commutators and squares"),
        (["compile", "S3", "--out", "changed.csv/folder"], "cannot write changed.csv/folder"),
        (["compile", "S3", "--alphabet", "99"], "S3 has elements 0 … 5"),
        (["compile", "S3", "--channels", "few"], "wanted invariant or primary"),
        (["compile", "S3", "--series", "(1,2)"], "is not normal"),
        (["verify", "absent"], "absent is no folder: name a folder written by compile"),
        (["verify", "absent", "--arithmetic", "float8"], "unknown arithmetic 'float8'"),
        (["show", "S3", "--out", "s3.gif"], "s3.gif"),
        (["atlas", "--max-order", "300"], "'--max-order': '300', wanted a whole number from 1 to 255"),
        (["atlas", "--max-order", "3.0"], "'--max-order': '3.0', wanted a whole number from 1 to 255"),
        (["atlas", "--max-order", "1_0"], "'--max-order': '1_0', wanted a whole number from 1 to 255"),
        (["atlas", "--max-order", "8", "--out", "changed.csv"], "is not a part of this table"),
    ],
)
def test_bad_input_gives_one_line_and_exit_code_2(arguments, message, command_line, tmp_path, monkeypatch):
    table = group("S3").table.astype(int)
    table[2, 3] = (table[2, 3] + 1) % 6
    np.savetxt(tmp_path / "changed.csv", table, fmt="%d", delimiter=",")
    monkeypatch.chdir(tmp_path)
    code, out, err = command_line(*arguments, part="constructions")
    assert code == 2
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


def test_inspect_for_people(tmp_path):
    code, out, err = run("inspect", "S4", "--stack", "aussm,negative-mamba,aussm", cwd=tmp_path)
    assert (code, err) == (0, "")
    for text in (
        "SmallGroup(24,12)",
        "24 > 12 > 4 > 1",
        "S4 = (C2xC2):(C3:C2)",
        "2 layers cannot: [[",
        "never",
        "stack: S4: the stack",
    ):
        assert text in out


def test_inspect_batch(tmp_path):
    (tmp_path / "list.txt").write_text("S3\n\n# a remark\nnonsense\nC2xC4\n(1 2 3), (1 2)\n(0 1 2)\n")
    code, out, _ = run("inspect", "--batch", "list.txt", cwd=tmp_path)
    first, second, third, spaced, shifted = (json.loads(line) for line in out.splitlines())
    assert (spaced["order"], spaced["depth"]) == (6, 2)
    assert "points start from 1" in shifted["error"]
    assert code == 0
    assert (first["depth"], third["depth_by_family"]["negative_mamba"]) == (2, 2)
    assert second["group"] == "nonsense"
    assert "at 'nonsense'; wanted one of" in second["error"]


def test_compile_then_verify(tmp_path):
    code, out, err = run("compile", "S3", "--out", "s3", cwd=tmp_path)
    assert (code, err) == (0, "")
    for text in (
        "Λ⁽¹⁾(x)",
        "Λ⁽²⁾(r1, x)",
        "-1/3",
        "words of every length are tracked",
        "network: right on random, constant and commutator words",
    ):
        assert text in out
    for arithmetic in ("residues", "turns", "complex128", "complex64", "network"):
        code, out, err = run("verify", "s3", "--length", "20000", "--arithmetic", arithmetic, cwd=tmp_path)
        assert (code, err) == (0, "")
        assert out.count("word of 20,000 tokens right") == 3


def test_verify_reports_the_first_wrong_position(tmp_path):
    """C1021 in complex64: the margin is 1/2042 turns, which the rounding of a constant word uses up."""
    run("compile", "C1021", "--out", "c", "--alphabet", "generators", "--no-check", cwd=tmp_path)
    code, _, err = run("verify", "c", "--arithmetic", "complex64", "--words", "constant", cwd=tmp_path)
    assert code == 1
    assert "wrong: complex64: first wrong output at token" in err
    assert err.count("\n") == 1


def test_show(tmp_path):
    code, out, err = run("show", "S3", "--out", "s3.png", cwd=tmp_path)
    assert (code, out, err) == (0, "s3.png\n", "")
    assert (tmp_path / "s3.png").read_bytes().startswith(b"\x89PNG")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_atlas_agrees_with_gap_and_resumes(tmp_path):
    total = sum(number_of_groups(order) for order in range(1, 64))
    code, out, _ = run("atlas", "--max-order", "63", "--out", "atlas.csv", cwd=tmp_path)
    assert code == 0
    assert f"{total} groups of order ≤ 63" in out
    path = tmp_path / "atlas.csv"
    whole = path.read_bytes()
    for row, facts in zip(rows(path), small_groups(), strict=False):
        assert (int(row["order"]), int(row["id"])) == (facts.order, facts.number)
        assert row["depth"] == ("" if facts.derived_length is None else str(facts.derived_length))
        assert row["negative_mamba_depth"] == (
            "" if facts.negative_mamba_depth is None else str(facts.negative_mamba_depth)
        )
        assert tuple(int(n) for n in row["derived_series"].split()) == facts.derived_series
    assert tuple(rows(path)[0]) == COLUMNS
    path.write_bytes(whole[: len(whole) // 2])
    code, _, _ = run("atlas", "--max-order", "63", "--out", "atlas.csv", cwd=tmp_path)
    assert code == 0
    assert path.read_bytes() == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_atlas_survives_an_interrupt(tmp_path, number):
    process = start("atlas", "--max-order", "127", "--out", "atlas.csv", cwd=tmp_path, start_new_session=True)
    path = tmp_path / "atlas.csv"
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size > 500):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, number) if number == signal.SIGKILL else process.send_signal(number)
    _, err = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "Traceback" not in err
    before = path.read_bytes()
    whole = before[: before.rfind(b"\n") + 1]
    code, _, _ = run("atlas", "--max-order", "63", "--out", "other.csv", cwd=tmp_path)
    assert code == 0
    other = (tmp_path / "other.csv").read_bytes()
    shorter = min(len(whole), len(other))
    assert whole[:shorter] == other[:shorter]
