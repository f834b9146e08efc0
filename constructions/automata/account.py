"""The readable account of an automaton's cascade: what each layer holds, and what letters do to it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ...algebra.depth.families import FAMILIES
from ...common.terminal import plain_table
from ...common.wording import counted
from ..cascade import Cascade, CascadeLayer
from ..weights import Weights

MAX_ROWS = 12
"""Lower states shown of a layer."""

GAP = 2
"""Columns between two cells."""

LEGEND = "· nothing   +t turned by t   =t set to t   (in turns; r: residues of the lower layers before)"


def lower_labels(cascade: Cascade, layer: int, most: int) -> list[str]:
    """The residues of the first states of the layers before one (counted from 0), at most so many; empty texts where
    there are no such layers."""
    first = np.unique(cascade.prefixes[layer], return_index=True)[1][:most]
    channels = sum(len(own.moduli) for own in cascade.layers[:layer])
    return [" ".join(map(str, row)) for row in cascade.residues[first, :channels].tolist()]


def automaton_account(cascade: Cascade, weights: Weights, width: int) -> Iterator[RenderableType]:
    """A heading and a table for each layer, at most `width` characters wide."""
    for i, (layer, gates) in enumerate(zip(cascade.layers, weights.layers, strict=True)):
        size = f"{counted(len(layer.moduli), 'channel')}, {counted(len(gates.gates), 'hidden unit')}"
        held = " ".join(map(str, layer.moduli))
        yield Text(f"layer {i + 1}  {FAMILIES[layer.family].title}  moduli {held}: {size}", style="bold")
        yield _layer_table(cascade, layer, i, width)
        yield Text()
    yield Text(LEGEND)


def _layer_table(cascade: Cascade, layer: CascadeLayer, i: int, width: int) -> Table:
    assert cascade.automaton is not None
    labels = [f"r = {residues}" if residues else "" for residues in lower_labels(cascade, i, MAX_ROWS)]
    columns: list[list[str]] = []
    room = width - max(1, *map(len, labels)) - GAP
    for x, letter in enumerate(cascade.automaton.letters):
        column = [letter, *(effect_text(layer, u, x) for u in range(len(labels)))]
        room -= max(map(len, column)) + GAP
        if room < 0 and columns:
            break
        columns.append(column)
    table = plain_table("", *(column[0] for column in columns))
    for row, label in enumerate(labels):
        table.add_row(label, *(column[1 + row] for column in columns))
    hidden = [
        f"{cascade.automaton.width - len(columns)} more letters" if len(columns) < cascade.automaton.width else "",
        f"{len(layer.increments) - len(labels)} more lower states" if len(layer.increments) > len(labels) else "",
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
