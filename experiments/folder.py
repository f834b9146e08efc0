"""An experiment's folder: config.json, rows.jsonl, README.md with the table, plot.png; the store beside them."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path

from ..common.writing import write_file
from ..models.training.configuration import RunConfiguration
from ..models.training.runs import RunStore

PROTOCOL = """Accuracy at length T is the share of right symbols at position T over {words:,} test words, T = 20, 40, …
{length}; the longest length is the largest T with accuracy above 90 % at it and at every shorter one; below 100 it
counts as ✘. Each cell has {seeds} seeds × the learning rates {rates}, at most {steps:,}
steps of {batch} words of length {lengths}, Adam with weight decay {decay:g} on ψ, head and b. A run is checked every
{every:,} steps on {check_words} validation words of length {check_length} and keeps the network of its best check.
*Best* is the test figure of the run chosen on validation words; *median* is over all runs; *solved* counts runs that
reach T = {length}.
"""


def write_record(folder: Path, name: str, quick: bool, runs: Sequence[RunConfiguration], store: RunStore) -> None:
    """Write config.json and rows.jsonl."""
    rows = store.of(runs)
    import torch

    config = {
        "experiment": name,
        "quick": quick,
        "runs": len(rows),
        "process_seconds": round(sum(row["batch_seconds"] / row["batch_runs"] for row in rows)),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "configurations": [run.as_json() for run in runs],
    }
    write_file(folder / "config.json", json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    write_file(folder / "rows.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def protocol(runs: Sequence[RunConfiguration]) -> str:
    """How the figures were made, in words."""
    run = runs[0]
    depths: dict[str, list[int]] = {}
    for depth in sorted({len(run.families) for run in runs}):
        rates = sorted({run.learning_rate for run in runs if len(run.families) == depth})
        depths.setdefault(", ".join(f"{rate:g}" for rate in rates), []).append(depth)
    rates_text = "; ".join(
        f"{rates} (layers: {', '.join(map(str, found))})" if len(depths) > 1 else rates
        for rates, found in depths.items()
    )
    return PROTOCOL.format(
        words=run.test_words,
        length=run.test_length,
        seeds=len({run.seed for run in runs}),
        rates=rates_text,
        steps=run.steps,
        batch=run.batch,
        lengths=run.length,
        decay=run.weight_decay,
        every=run.check_every,
        check_words=run.check_words,
        check_length=run.check_length,
    )
