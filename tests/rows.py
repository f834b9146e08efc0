"""Rows of finished runs, as `train` writes them, with figures of one's own."""

from __future__ import annotations

from typing import Any

from subnormal.models.training.configuration import RunConfiguration


def run_row(run: RunConfiguration, test: int = 120, validation: int = 120, checks: int = 1) -> dict[str, Any]:
    """The row of a run, with the longest lengths given and some checks."""
    entry = {"words": 10, "lengths": [100, 120], "last": [0.95, 0.95], "whole": [0.9, 0.9]}
    return {
        "key": run.key,
        "configuration": run.as_json(),
        "parameters": 10,
        "steps": 10,
        "stopped_early": False,
        "kept_step": 10,
        "loss": 0.5,
        "diverged_at": None,
        "validation": {**entry, "longest": validation},
        "test": {**entry, "longest": test},
        "curve": [(10 * i, None if i == 0 else 0.5, 0.25, 0) for i in range(checks)],
        "batch_seconds": 1.5,
        "batch_runs": 1,
    }
