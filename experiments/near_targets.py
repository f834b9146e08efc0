"""Does training keep an exact solution of one layer? Checkpoints for olmo-hybrid and delta-rule networks, shaken and
trained by plain torch.

python -m subnormal.experiments.near_targets [CELL …]

Runs that are in results/near-targets/rows.jsonl already are not made again.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ..api.training import train
from ..common.writing import write_file

FOLDER = Path(__file__).resolve().parents[1] / "results" / "near-targets"
SEEDS = (0, 1)
TEST = {"test_words": 100, "test_length": 1000, "check_every": 100, "check_words": 16, "check_length": 200}
CELLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    f"{group}-{family}-{noise:g}-{steps}": (
        group, family, {"noise": noise, "steps": steps, "batch": 16, "length": "2>>40", **TEST}
    )
    for group, family in (("S3", "delta"), ("S3", "olmo-hybrid"), ("A5", "delta"), ("A5", "olmo-hybrid"))
    for noise in (0.01, 0.03)
    for steps in (1, 200)
}  # fmt: skip
"""By name: group, target, settings. One step is as good as none: what the noise alone leaves."""


def rows_of(cell: str, seed: int) -> dict[str, Any]:
    """Train one run and judge it."""
    group, family, settings = CELLS[cell]
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        training = train(
            group, family, init="compiled", out=Path(folder) / "runs", seeds=[seed], processes=1, **settings
        )
        row = training.rows[0]
    return {
        "cell": cell,
        "seed": seed,
        "configuration": row["configuration"] | {"init": "compiled"},
        "loss": row["loss"],
        "steps": row["steps"],
        "test": row["test"],
        "curve": row["curve"],
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def page(rows: list[dict[str, Any]]) -> str:
    """The README of the folder."""
    lines = [
        "# Exact solutions of one layer, shaken and trained",
        "",
        "`train GROUP --family olmo-hybrid --init compiled` (and `--family delta`): the weights that "
        "`compile --target` writes, noise of σ on every one of them, then plain training: 200 steps of 16 words that "
        "grow from 2 to 40 elements, Adam at 0.0003. Judged on 100 words of 1,000 elements: the longest length with "
        "more than 90 % right, and the share that is right after 1,000. One figure for each seed that was run, from 0 "
        "on.",
        "",
        "| group | weights | σ | shaken alone: longest | right at 1,000 | trained: longest | right at 1,000 |",
        "|---|---|---|---|---|---|---|",
    ]
    for group, family, settings in CELLS.values():
        name = f"{group}-{family}-{settings['noise']:g}"
        if settings["steps"] == 1 or not any(row["cell"] == f"{name}-{settings['steps']}" for row in rows):
            continue
        parts = []
        for steps in (1, settings["steps"]):
            own = [r for r in rows if r["cell"] == f"{name}-{steps}"]
            parts.append(", ".join(f"{row['test']['longest']:,}" for row in own) or "–")
            parts.append(", ".join(f"{row['test']['last'][-1]:.0%}" for row in own) or "–")
        lines.append(f"| {group} | {family} | {settings['noise']:g} | " + " | ".join(parts) + " |")
    lines += [
        "",
        f"Made by `python -m subnormal.experiments.near_targets`; {sum(row['cpu_seconds'] for row in rows) / 60:.0f} "
        "CPU minutes in all. Every run, with its configuration and its checks, is in rows.jsonl.",
        "",
    ]
    return "\n".join(lines)


def main(cells: list[str]) -> None:
    path = FOLDER / "rows.jsonl"
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    done = {(row["cell"], row["seed"]) for row in rows}
    for cell in cells or CELLS:
        for seed in SEEDS:
            if (cell, seed) not in done:
                rows.append(rows_of(cell, seed))
                shown = {name: rows[-1][name] for name in ("cell", "seed", "loss", "cpu_seconds")}
                print(shown, rows[-1]["test"]["longest"], rows[-1]["test"]["last"][-1], flush=True)
                write_file(path, "".join(json.dumps(row) + "\n" for row in rows))
    write_file(FOLDER / "README.md", page(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
