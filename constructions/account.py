"""The readable account of a cascade: what each layer carries, reads and adds."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..algebra.arithmetic.abelian_invariants import abelian_name
from ..algebra.arithmetic.permutations import cycles
from ..algebra.depth.families import FAMILIES
from ..common.terminal import plain_table
from ..common.wording import counted
from .cascade import Cascade, CascadeLayer

if TYPE_CHECKING:
    from .compiler import GroupCompilation

MAX_ROWS = 12
"""Upper states shown of a layer."""

GAP = 2
"""Columns between two cells."""


def group_account(compilation: GroupCompilation, width: int) -> Iterator[RenderableType]:
    """A heading and a table for each layer, at most `width` characters wide. r1, r2, … are the residues that the
    lower layers hold."""
    cascade, weights = compilation.cascade, compilation.weights
    orders = [
        order for i, order in enumerate(compilation.series.orders) if i == 0 or order < compilation.series.orders[i - 1]
    ]
    lower: tuple[int, ...] = ()
    for i, (layer, gates) in enumerate(zip(cascade.layers, weights.layers, strict=True), 1):
        size = f"{counted(len(layer.moduli), 'channel')}, {counted(len(gates.gates), 'hidden unit')}"
        carried = f"carries {abelian_name(layer.moduli)} (orders {orders[i - 1]}/{orders[i]})"
        heading = f"layer {i}  {FAMILIES[layer.family].title}  {carried}: {size}"
        yield Text(heading, style="bold")
        yield _layer_table(cascade, layer, i, lower, width)
        lower += layer.moduli
        yield Text()


def element_label(cascade: Cascade, element: int) -> str:
    """An element for a table: its cycles where they are short, else its index."""
    text = cycles(cascade.elements[element])
    return text if len(text) <= 20 else f"#{element}"


def _layer_table(cascade: Cascade, layer: CascadeLayer, number: int, lower: tuple[int, ...], width: int) -> Table:
    """Rows: lower states (before the token); columns: as many tokens as fit. Entries: what is added, in turns."""
    index = str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    states = range(min(len(layer.increments), MAX_ROWS))
    labels = [f"r = {' '.join(str(int(r)) for r in np.unravel_index(u, lower))}" if lower else "" for u in states]
    heading = f"Λ⁽{index}⁾" + (f"(r1…r{number - 1}, x)" if number > 2 else "(r1, x)" if number == 2 else "(x)")
    columns: list[list[str]] = []
    room = width - max(len(heading), *map(len, labels)) - GAP
    for x, element in enumerate(cascade.alphabet.tolist()):
        column = [element_label(cascade, element), *(turns_text(layer.increments[u, x], layer.moduli) for u in states)]
        room -= max(map(len, column)) + GAP
        if room < 0 and columns:
            break
        columns.append(column)
    table = plain_table(heading, *(column[0] for column in columns))
    for u in states:
        table.add_row(labels[u], *(column[1 + u] for column in columns))
    hidden = [
        f"{len(cascade.alphabet) - len(columns)} more tokens" if len(columns) < len(cascade.alphabet) else "",
        f"{len(layer.increments) - len(states)} more lower states" if len(states) < len(layer.increments) else "",
    ]
    if any(hidden):
        table.caption = "… " + ", ".join(filter(None, hidden))
        table.caption_justify = "left"
    return table


def turns_text(residues: np.ndarray, moduli: tuple[int, ...]) -> str:
    """Residues as phases in turns, the one nearest to 0 of each: `-1/3`, `0`, `(1/2, 0)`."""
    parts = [str(Fraction(int(r) if 2 * r <= n else int(r) - n, n)) for r, n in zip(residues, moduli, strict=True)]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
