"""The readable account of an automaton's cascade: what each layer holds, and what letters do to it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ...algebra.depth.families import FAMILIES
from ...common.terminal import plain_table
from ...common.wording import counted
from ..cascade import Cascade, CascadeLayer, reachable_states
from ..weights import Weights

MAX_ROWS = 12
"""Lower states shown of a layer."""

GAP = 2
"""Columns between two cells."""

LEGEND = "· nothing   +t turned by t   =t set to t   (in turns; r: residues of the lower layers before)"


def lower_states(cascade: Cascade, layer: int) -> NDArray[np.int64]:
    """The states of the layers before one (counted from 0) that can be reached, as numbers in mixed radix."""
    after = int(np.prod([own.states for own in cascade.layers[layer:]], dtype=np.int64))
    return np.unique(np.flatnonzero(reachable_states(cascade.transitions())) // after)


def automaton_account(cascade: Cascade, weights: Weights, width: int) -> Iterator[RenderableType]:
    """A heading and a table for each layer, at most `width` characters wide."""
    lower: tuple[int, ...] = ()
    for i, (layer, gates) in enumerate(zip(cascade.layers, weights.layers, strict=True)):
        size = f"{counted(len(layer.moduli), 'channel')}, {counted(len(gates.gates), 'hidden unit')}"
        held = " ".join(map(str, layer.moduli))
        yield Text(f"layer {i + 1}  {FAMILIES[layer.family].title}  moduli {held}: {size}", style="bold")
        yield _layer_table(cascade, layer, i, lower, width)
        lower += layer.moduli
        yield Text()
    yield Text(LEGEND)


def _layer_table(cascade: Cascade, layer: CascadeLayer, i: int, lower: tuple[int, ...], width: int) -> Table:
    assert cascade.automaton is not None
    states = lower_states(cascade, i)
    shown = states[:MAX_ROWS].tolist()
    labels = [f"r = {' '.join(str(int(r)) for r in np.unravel_index(u, lower))}" if lower else "" for u in shown]
    columns: list[list[str]] = []
    room = width - max(1, *map(len, labels)) - GAP
    for x, letter in enumerate(cascade.automaton.letters):
        column = [letter, *(effect_text(layer, u, x) for u in shown)]
        room -= max(map(len, column)) + GAP
        if room < 0 and columns:
            break
        columns.append(column)
    table = plain_table("", *(column[0] for column in columns))
    for row, label in enumerate(labels):
        table.add_row(label, *(column[1 + row] for column in columns))
    hidden = [
        f"{cascade.automaton.width - len(columns)} more letters" if len(columns) < cascade.automaton.width else "",
        f"{len(states) - len(shown)} more lower states" if len(states) > len(shown) else "",
    ]
    if any(hidden):
        table.caption = "… " + ", ".join(filter(None, hidden))
        table.caption_justify = "left"
    return table


def effect_text(layer: CascadeLayer, state: int, letter: int) -> str:
    """What a letter does to a layer's channels: `·`, `+1/2`, `=0`, `(+1/3 =0)`."""
    parts = []
    for c, n in enumerate(layer.moduli):
        value = Fraction(int(layer.increments[state, letter, c]), n)
        sets = layer.resets is not None and bool(layer.resets[state, letter, c])
        parts.append(f"={value}" if sets else f"+{value}" if value else "·")
    return parts[0] if len(parts) == 1 else f"({' '.join(parts)})"
