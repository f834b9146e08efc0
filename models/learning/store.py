"""Runs of `learn` on disk: one JSON file a finished run, with its machine, so that nothing is trained twice.

A row holds the figures of a run, the counters that were kept, the states' labels, the loss curves, and the phases of
the kept channels before rounding, which the picture shows. The row of a block layer has the groups of matrices that
were tried, and the table of its machine in the place of counters.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import numpy as np

from ...algebra.automata.automaton import spanning_tree
from ...common.errors import InputError
from ...common.kinds import TABLE_FORMAT
from ...common.reading import conform
from ..training.runs import Row, RowStore
from .block_runs import BlockRun
from .blocks import BlockRecipe
from .exact import ExactMachine, NotExactError, exact_machine
from .learn import LearntRun
from .machine import MAX_STATES, Counter, CounterMachine
from .recipe import CURVE_POINTS, Recipe
from .snap import fix_gauge
from .words import Words


class _Counter(TypedDict):
    modulus: int
    increments: list[list[int]]


class _Drawn(TypedDict):
    channel: int
    modulus: int
    before: list[float]
    gauged: list[float]


class _Layer(TypedDict):
    curve: list[float]
    remaining: int
    counters: list[_Counter]
    drawn: list[_Drawn]


class _Tried(TypedDict):
    matrices: str
    steps: int
    length: int
    growths: list[list[int]]
    loss: float | None
    kept: int
    blocks: int
    defect: float | None
    concentrations: list[float]


class _Row(TypedDict):
    """The fields of a row."""

    key: str
    seed: int
    exact: bool
    failure: str | None
    small_group_id: tuple[int, int] | None
    states: list[int]
    losses: list[float]
    kept: list[list[int]]
    moduli: list[list[int]]
    layers: list[_Layer]
    decode: NotRequired[list[int]]
    tried: NotRequired[list[_Tried]]
    transitions: NotRequired[list[list[int]]]
    curve: NotRequired[list[float]]


DRAWN_CHANNELS = 6
"""Channels of a layer whose phases are kept for the picture."""


def run_key(words: Words, recipe: Recipe | BlockRecipe, layers: int | None, seed: int) -> str:
    """A name for a run made of everything that determines it."""
    digest = hashlib.sha256(np.ascontiguousarray(words.tokens).tobytes())
    digest.update(np.ascontiguousarray(words.labels).tobytes())
    names = [words.token_names, words.label_names]
    digest.update(json.dumps([names, recipe.as_json(), layers, seed]).encode())
    return digest.hexdigest()[:20]


def row_of(key: str, run: LearntRun | BlockRun) -> Row:
    """The content of a run's file."""
    if isinstance(run, BlockRun):
        none: list[list[int]] = []
        figures = {"states": none, "losses": none, "kept": none, "moduli": none, "layers": none}
        own: Row = {"key": key, **run.as_json(), **figures}
        if run.tried:
            curve = np.array_split(np.array(run.tried[-1].trained.curve), CURVE_POINTS)
            own["curve"] = [round(float(part.mean()), 5) for part in curve if len(part)]
        if run.exact is not None:
            own["transitions"] = run.exact.machine.transitions.tolist()
            own["decode"] = run.exact.labels[run.exact.element].tolist()
        return own
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


def machine_of(row: Row, words: Words, *judged: Words) -> ExactMachine:
    """The exact machine of a stored run, rebuilt and checked again: that it is one, and gives all labels of the words.

    Arguments:
        words, judged: those that it was trained on, and those that it was judged by.

    Raises:
        InputError: the row holds no such machine.
    """
    tokens, labels = len(words.token_names), len(words.label_names)
    machine = _of_table(row["transitions"], tokens) if "transitions" in row else CounterMachine.empty(tokens)
    for layer in row["layers"]:
        counters = []
        for c in layer["counters"]:
            modulus, increments = c["modulus"], c["increments"]
            shape = len(increments) == machine.states and all(len(line) == tokens for line in increments)
            fits = shape and 2 <= modulus <= MAX_STATES and all(0 <= x < modulus for line in increments for x in line)
            if not fits:
                raise InputError("a counter does not fit the layers below")
            counters.append(Counter(modulus, np.array(increments, dtype=np.int64)))
        larger = machine.extended(counters)
        if larger is None:
            raise InputError(f"more than {MAX_STATES:,} states; wanted a machine with fewer")
        machine = larger
    decode = row.get("decode", [])
    if len(decode) != machine.states or not all(0 <= label < labels for label in decode):
        raise InputError("decode has no label for every state")
    try:
        exact = exact_machine(machine, np.array(decode, dtype=np.int64), labels)
    except NotExactError as error:
        raise InputError(str(error)) from None
    if any(exact.disagreement(part) is not None for part in (words, *judged)):
        raise InputError("its machine gives other labels than the words have")
    return exact


def _of_table(transitions: list[list[int]], tokens: int) -> CounterMachine:
    """The machine of a table. Raises `InputError` for one with other shapes or numbers, or states not reached."""
    states = len(transitions)
    shape = 1 <= states <= MAX_STATES and all(len(line) == tokens for line in transitions)
    if not shape or not all(0 <= following < states for line in transitions for following in line):
        raise InputError("transitions is no table of states and tokens")
    table = np.array(transitions, dtype=np.int64)
    if len({following for _, _, following in spanning_tree(table)}) != states - 1:
        raise InputError("transitions has states that no word leads to")
    return CounterMachine(table, np.zeros(states, dtype=np.int64))


def table_files(machine: ExactMachine, more: Mapping[str, Any]) -> dict[str, bytes | str]:
    """`machine.json`: the table of a machine whose states are a group, as text.

    `steps[g][x]` is the element after g and token x, `tokens[x]` the element of token x, element 0 the start; names are
    those of the words.
    """
    inverse = np.empty_like(machine.element)
    inverse[machine.element] = np.arange(len(inverse))
    steps = machine.element[machine.machine.transitions[inverse]]
    about = {
        "format": TABLE_FORMAT,
        "name": machine.group.name,
        "order": machine.group.order,
        "small_group_id": list(machine.small_group_id) if machine.small_group_id else None,
        **more,
        "tokens": steps[0].tolist(),
        "steps": steps.tolist(),
    }
    return {"machine.json": json.dumps(about, ensure_ascii=False) + "\n"}


class LearntStore(RowStore):
    """Rows of finished runs of `learn`."""

    def get(self, key: str, *words: Words) -> Row | None:
        """The row of a finished run, or None.

        Arguments:
            words: of the run, those that it was judged by too; an exact machine is compared with all of them again.

        Raises:
            InputError: the file is damaged, has other fields or values than a row, or is another run's; or its machine
                is not exact, or not one of the words.
        """

        def check(row: Row) -> Row:
            found: Row = conform(row, _Row, "the row")
            figures = len(found["states"]), len(found["kept"]), len(found["moduli"])
            if set(figures) != {len(found["layers"])} or found["exact"] == bool(found["failure"]):
                raise InputError("its figures do not fit together")
            if words and found["exact"]:
                machine_of(found, *words)
            return found

        return self.checked(key, check)
