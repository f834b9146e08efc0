"""Every section of the benchmarks runs, at tiny sizes, and its tables have the columns that they announce."""

import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = {
    "start_up": 3,
    "groups": 3,
    "orders": 2,
    "compilation": 2,
    "automata": 3,
    "searches": 6,
    "execution": 6,
    "networks": 3,
    "exported": 2,
    "models_of_others": 3,
    "scans": 4,
    "blocks": 6,
    "batches_of_runs": 2,
    "training_profile": 3,
    "profiling": 10,
}
"""At least so many rows."""


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


QUICK = ("start_up", "groups", "orders")
"""The others take their time: with the slow tests."""


@pytest.mark.parametrize(
    "section", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in ROWS]
)
def test_a_section_runs(section):
    page = ROOT / "docs" / "benchmarks.md"
    before = page.read_bytes()
    done = run("--quick", section)
    assert done.returncode == 0, done.stderr
    lines = groupby(done.stdout.splitlines(), lambda line: line.startswith("|"))
    tables = [list(own) for is_table, own in lines if is_table]
    for head, rule, *rows in tables:
        assert len({line.replace("\\|", "").count("|") for line in [head, rule, *rows]}) == 1, rows
        assert set(rule) <= set("|-: ")
    assert len(tables[0]) - 2 >= ROWS[section]
    assert all(cell.strip() for row in rows for cell in row.split(" | ")[:2])
    assert page.read_bytes() == before


def test_all_sections_are_tried():
    from benchmarks.__main__ import SECTIONS

    assert set(SECTIONS) == {*ROWS, "gpu"}


def test_without_a_gpu_its_section_says_so():
    if pytest.importorskip("torch").cuda.is_available():
        pytest.skip("there is a GPU")
    done = run("--quick", "gpu")
    assert done.returncode == 0, done.stderr
    assert "Not measured: there was no GPU." in done.stdout


def test_an_unknown_section():
    done = run("run_fast")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: unknown section 'run_fast'; wanted some of start_up")
