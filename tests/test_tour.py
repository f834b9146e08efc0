"""The notebook runs from top to bottom, and prints what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent / "docs" / "tour.ipynb"

UNSTABLE = re.compile(r"\d\.\d+(e-?\d+)?|[0-9a-f]{20}")
"""Measured figures, which rounding may change, and the names of runs, which hold their settings."""


def shown(cell: dict) -> str:
    """What a reader sees of a cell's outputs as text; not what came on standard error."""
    outputs = [output for output in cell["outputs"] if output.get("name") != "stderr"]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return UNSTABLE.sub("#", "\n".join(texts))


@pytest.mark.filterwarnings("default")  # the notebook's own machinery warns of its event loop
def test_the_tour_prints_what_it_shows(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    book = nbformat.read(NOTEBOOK, as_version=4)
    before = [(cell["source"], shown(cell)) for cell in book.cells if cell.cell_type == "code"]
    client.NotebookClient(book, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    after = [(cell["source"], shown(cell)) for cell in book.cells if cell.cell_type == "code"]
    for (source, stated), (_, found) in zip(before, after, strict=True):
        if "sn.train(" not in source:  # what training reaches depends on rounding
            assert found.split() == stated.split(), source
    pictures = [
        output for cell in book.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3  # S3, the curves, S4
