"""The notebook runs from top to bottom, and prints what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent / "docs" / "tour.ipynb"

MEASURED = re.compile(r"\d[\d.]* s\b|loss \S+|accuracy \S+|longest \d+|[0-9a-f]{20}")
"""Times, what training reaches, which depends on rounding, and the names of runs, which hold their weights."""

RUN = re.compile(r"^(\d+ +[\d.]+ +[\d.]+ +\d+)\b.*$", re.MULTILINE)
"""A row of the table of runs: seed, learning rate, noise and steps are settings; the rest is measured."""


def normalised(text: str) -> str:
    """A text without what is measured."""
    return RUN.sub(r"\1 #", MEASURED.sub("#", text))


def shown(cell: dict) -> str:
    """What a reader sees of a cell's outputs as text; not what came on standard error."""
    outputs = [output for output in cell["outputs"] if output.get("name") != "stderr"]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return normalised("\n".join(texts))


def test_settings_are_no_measurements():
    """The table of runs once showed the learning rate of an older default, and the comparison left it out."""
    row = "0     {}          0.03   200    {}  {}      {}%       {}"
    old = row.format(0.003, 0.245, 200, 100.0, "59fc126ecb73b4124f9c")
    assert normalised(old) == normalised(row.format(0.003, 0.389, 80, 97.0, "714dc579b5774ed28c53"))
    assert normalised(old) != normalised(row.format(0.0003, 0.245, 200, 100.0, "59fc126ecb73b4124f9c"))


@pytest.mark.filterwarnings("default")  # the notebook's own machinery warns of its event loop
def test_the_tour_prints_what_it_shows(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    book = nbformat.read(NOTEBOOK, as_version=4)
    before = [(cell["source"], shown(cell)) for cell in book.cells if cell.cell_type == "code"]
    client.NotebookClient(book, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    after = [(cell["source"], shown(cell)) for cell in book.cells if cell.cell_type == "code"]
    for (source, stated), (_, found) in zip(before, after, strict=True):
        assert found.split() == stated.split(), source
    pictures = [
        output for cell in book.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3  # S3, the curves, S4
