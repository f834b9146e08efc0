"""The row of a run of `learn`, with its machine, so that nothing is trained twice (`models.training.runs.RowStore`).

A row holds the figures of a run, the counters that were kept, the states' labels, the loss curves, and the phases of
the kept channels before rounding, which the picture shows.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from subnormal.models.learning.exact import ExactMachine, exact_machine
from subnormal.models.learning.learn import LearntRun
from subnormal.models.learning.machine import Counter, Machine
from subnormal.models.learning.recipe import Recipe
from subnormal.models.learning.snap import fix_gauge
from subnormal.models.learning.words import Words
from subnormal.models.training.runs import Row

DRAWN_CHANNELS = 6
"""Channels of a layer whose phases are kept for the picture."""


def run_key(words: Words, recipe: Recipe, layers: int | None, seed: int) -> str:
    """A name for a run made of everything that determines it."""
    digest = hashlib.sha256(np.ascontiguousarray(words.tokens).tobytes())
    digest.update(np.ascontiguousarray(words.labels).tobytes())
    names = [words.token_names, words.label_names]
    digest.update(json.dumps([names, recipe.as_json(), layers, seed]).encode())
    return digest.hexdigest()[:20]


def row_of(key: str, run: LearntRun) -> Row:
    """The content of a run's file."""
    row: Row = {"key": key, **run.as_json(), "layers": []}
    for layer in run.layers:
        lower = layer.machine.history[-1]
        row["layers"].append(
            {
                "curve": [round(value, 5) for value in layer.trained.curve],
                "remaining": layer.machine.states,
                "counters": [
                    {"modulus": c.modulus, "increments": c.increments.tolist()} for c in layer.machine.layers[-1]
                ],
                "drawn": [
                    {
                        "channel": kept.channel,
                        "modulus": kept.counter.modulus,
                        "before": np.round(layer.trained.phases[..., kept.channel] % 1.0, 4).ravel().tolist(),
                        "gauged": np.round(
                            fix_gauge(layer.trained.phases[..., [kept.channel]], lower)[..., 0] % 1.0, 4
                        ).ravel().tolist(),
                    }
                    for kept in sorted(layer.kept, key=lambda k: float(np.abs(k.error).max()))[:DRAWN_CHANNELS]
                ],
            }
        )  # fmt: skip
    if run.exact is not None:
        row["decode"] = run.exact.labels[run.exact.element].tolist()
    return row


def machine_of(row: Row, tokens: int, labels: int) -> ExactMachine:
    """The exact machine of a stored run, rebuilt and checked again."""
    machine = Machine.empty(tokens)
    for layer in row["layers"]:
        larger = machine.extended(
            [Counter(c["modulus"], np.array(c["increments"], dtype=np.int64)) for c in layer["counters"]]
        )
        assert larger is not None
        machine = larger
    return exact_machine(machine, np.array(row["decode"], dtype=np.int64), labels)
