"""Weights of one PD-SSM layer: permutation matrices, one for each token.

PD-SSM (Terzić and others, *Structured Sparse Transition Matrices to Enable State Tracking in State-Space Models*,
2025) has h ← P(x)·D(x)·h + B·x with a matrix P of one 1 a column and a complex diagonal matrix D, |D| < 1. Its P is a
softmax-weighted sum of a dictionary of matrices, rounded to one 1 a column. Here the dictionary has a matrix for each
token and the choice is one-hot; the magnitudes of D are sigmoids that round to 1. The layer is written for the plain
recurrence `models.references.pd_ssm`: an own layout, because the published code has no checkpoints to be compatible
with.
"""

from __future__ import annotations

import numpy as np

from ...algebra.arithmetic.permutations import cycles
from ...common.errors import InputError
from ..artifact import json_text, tensor_bytes
from .reflections import ReflectionMachine
from .sampling import sharpness

CANNOT = (
    "Nothing that a finite automaton does: a state for each of its own, and any map of states. Only size limits it."
)
"""What this target cannot hold."""

LARGEST_DICTIONARY = 50_000_000
"""Entries of all matrices together."""

LARGE = 128.0
"""sigmoid(128) = 1 in float32 and float64: no decay; softmax scores of 128 are one-hot."""


def pd_ssm(machine: ReflectionMachine, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a folder, by name.

    Tokens are the alphabet's elements in order, then, with resets, the same again as `=x`. The state is one
    coordinate for each pair of a base point and a point, a one-hot of the base point's image for each.

    Arguments:
        machine: the group with its action; its spelling is not used.
        resets: whether there are tokens that set the product.

    Raises:
        InputError: the matrices are too many or too large.
    """
    n, base, group = machine.points, machine.base, machine.group
    states = n * len(base)
    entries = (2 if resets else 1) * len(machine.alphabet) * states**2
    if entries > LARGEST_DICTIONARY:
        raise InputError(
            f"{group.name}: a dictionary of {entries:,} entries, wanted at most {LARGEST_DICTIONARY:,}; try --alphabet "
            "generators or a smaller group, e.g. S5"
        )
    starts = np.arange(len(base)) * n
    places = starts + machine.action[:, list(base)].astype(np.intp)  # element → its coordinates, (order, base)
    targets = []
    for x in machine.alphabet:
        moved = machine.action[x].astype(np.intp)
        targets.append((starts[:, None] + moved[None, :]).reshape(-1))
    if resets:
        targets += [np.repeat(places[x], n) for x in machine.alphabet]
    dictionary = np.zeros((len(targets), states, states), np.float32)
    for matrix, target in zip(dictionary, targets, strict=True):
        matrix[target, np.arange(states)] = LARGE  # one 1 in each column
    initial = np.zeros(states, np.float32)
    initial[places[0]] = 1
    readout = np.zeros((group.order, states), np.float32)
    readout[np.arange(group.order)[:, None], places] = sharpness(1.0, group.order)  # one base point tells apart
    arrays = {
        "dictionary": dictionary,
        "selection": LARGE * np.eye(len(targets), dtype=np.float32),
        "magnitude": np.full((states,), LARGE, np.float32),
        "phase": np.zeros(states, np.float32),
        "initial_state": initial,
        "readout": readout,
    }
    names = [cycles(group.elements[x]) for x in machine.alphabet]
    config = {
        "model_type": "pd_ssm",
        "states": states,
        "tokens": names + ([f"={name}" for name in names] if resets else []),
        "classes": [cycles(row) for row in group.elements],
    }
    return {"config.json": json_text(config), "model.safetensors": tensor_bytes(arrays)}
