"""The table of results/decompile: trained networks, the length that is proved of each, and a wrong word above it.

python -m subnormal.experiments.decompile [CELL …]

Runs that are in results/decompile/rows.jsonl already are not done again.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from ..api.learning import decompile
from ..common.writing import write_file
from ..models.training.configuration import RunConfiguration
from ..models.training.loop import train_batch
from ..models.training.runs import RunStore

FOLDER = Path(__file__).resolve().parents[1] / "results" / "decompile"
SEEDS = range(5)
RECIPE = {
    "family": "simple-aussm", "layers": 2, "phi": "table", "bottleneck": 4, "losses": "every", "gradient": "local",
    "length": "2>>60", "channels": 32, "activation": "identity", "readout": 64, "learning_rate": 0.01,
    "weight_decay": 0.1, "batch": 16,
}  # fmt: skip
NEAR = {"family": "aussm", "init": "compiled", "noise": 0.01}
BEFORE = {
    **NEAR, "learning_rate": 3e-4, "length": "2>60", "early_stop": True, "gradient": "through", "moving": "all",
    "drive_penalty": 0.0,
}  # fmt: skip
CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "s3-table": ("S3 from random weights, φ a table", {"group": "S3", **RECIPE}),
    "a4-table": ("A4 from random weights, φ a table", {"group": "A4", **RECIPE}),
    "s3-table-penalty": ("S3 …, b penalised", {"group": "S3", **RECIPE, "drive_penalty": 10.0}),
    "a4-table-penalty": ("A4 …, b penalised", {"group": "A4", **RECIPE, "drive_penalty": 10.0}),
    "s3-near": ("S3 from compiled weights, σ = 0.01", {"group": "S3", **NEAR}),
    "a4-near": ("A4 from compiled weights, σ = 0.01", {"group": "A4", **NEAR}),
    "s4-near": ("S4 from compiled weights, σ = 0.01", {"group": "S4", **NEAR}),
    "s3-before": ("S3 …, the defaults of before", {"group": "S3", **BEFORE}),
    "a4-before": ("A4 …, the defaults of before", {"group": "A4", **BEFORE}),
    "s4-before": ("S4 …, the defaults of before, σ = 0.003", {"group": "S4", **BEFORE, "noise": 0.003}),
}


def rows_of(cell: str) -> list[dict[str, Any]]:
    """Train a cell's networks and decompile them."""
    runs = [RunConfiguration(**CELLS[cell][1], test_words=200, seed=seed) for seed in SEEDS]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        train_batch(runs, store)
        for run in runs:
            began = time.process_time()
            found = decompile(store.network_folder(run.key))
            seconds = round(time.process_time() - began, 2)
            figures = {k: v for k, v in found.as_json().items() if k not in ("claim", "folder")}
            rows.append({"cell": cell, "configuration": run.as_json(), "seconds": seconds, **figures})
    return rows


def page(rows: list[dict[str, Any]]) -> str:
    """The README of the folder."""
    lines = [
        "# Proved lengths of trained networks",
        "",
        "Networks trained by the documented recipe and from shaken compiled weights (seeds 0 to 4, 2,000 steps), as "
        "`decompile` reads them: the length of all words on which the unrounded network is *proved* to agree with the "
        "machine read out of it, the shortest word found that it answers wrongly, and the longest length with more "
        "than 90 % of last symbols right on random words. Then the same for the network that reads the explained "
        "channels alone, b = 0. One figure a network, in the order of the seeds; – where no machine was read out, or "
        "no wrong word of up to 2,000 tokens found.",
        "",
        "| | proved | wrong word of | measured | pruned: proved | pruned: wrong word of | channels read |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell, (title, _) in CELLS.items():
        own = [row for row in rows if row["cell"] == cell]
        if not own:
            continue
        lines.append(
            f"| {title} | "
            + " | ".join(
                ", ".join(_text(part(row)) for row in own)
                for part in (_proved, _wrong, _measured, _pruned, _pruned_wrong, _kept)
            )
            + " |"
        )
    exact = [row for row in rows if row["exact"]]
    seconds = median(row["seconds"] for row in exact)
    lines += [
        "",
        "Made by `python -m subnormal.experiments.decompile`; "
        f"{seconds:.1f} s of one thread for each `decompile` (median). "
        "Every run, with its configuration and the words, is in rows.jsonl. What it means: docs/learning.md.",
        "",
    ]
    return "\n".join(lines)


def _text(value: object) -> str:
    return "–" if value is None else str(value)


def _proved(row: dict[str, Any]) -> object:
    return row.get("proved_length")


def _wrong(row: dict[str, Any]) -> object:
    return len(row["wrong_word"]) if row.get("wrong_word") else None


def _measured(row: dict[str, Any]) -> object:
    return row["longest"]


def _pruned(row: dict[str, Any]) -> object:
    return row["pruned"]["proved_length"] if row.get("pruned") else None


def _pruned_wrong(row: dict[str, Any]) -> object:
    return len(row["pruned"]["wrong_word"]) if row.get("pruned") and row["pruned"]["wrong_word"] else None


def _kept(row: dict[str, Any]) -> object:
    return "+".join(map(str, row["pruned"]["kept"])) if row.get("pruned") else None


def main() -> None:
    """Do what is missing, and write the rows and the page."""
    path = FOLDER / "rows.jsonl"
    FOLDER.mkdir(exist_ok=True)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    for cell in sys.argv[1:] or CELLS:
        if not any(row["cell"] == cell for row in rows):
            rows += rows_of(cell)
            write_file(path, "".join(json.dumps(row) + "\n" for row in rows), "")
    write_file(FOLDER / "README.md", page(rows), "")
    print(page(rows))


if __name__ == "__main__":
    main()
