"""The readable account of a cascade: what each layer carries, reads and adds."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from algebra.abelian import abelian_name
from algebra.display import plain_table
from algebra.families import FAMILIES
from algebra.permutations import cycles
from algebra.refusal import short
from constructions.cascade import Cascade, CascadeLayer
from constructions.compiler import Compilation

MAX_ROWS = 12
MAX_COLUMNS = 12


def account(compilation: Compilation) -> Iterator[RenderableType]:
    """A heading and a table for each layer."""
    cascade, weights = compilation.cascade, compilation.weights
    orders = [order for i, order in enumerate(compilation.series.orders) if i == 0 or order < compilation.series.orders[i - 1]]
    above: tuple[int, ...] = ()
    for i, (layer, gates) in enumerate(zip(cascade.layers, weights.layers, strict=True), 1):
        count = f"{len(layer.moduli)} channel{'s' * (len(layer.moduli) > 1)}"
        heading = f"layer {i}  {FAMILIES[layer.family].title}  carries {abelian_name(layer.moduli)} (orders {orders[i - 1]}/{orders[i]}): {count}, {len(gates.gates)} hidden units"
        yield Text(heading, style="bold")
        yield _layer_table(cascade, layer, i, above)
        above += layer.moduli
        yield Text()


def element_label(cascade: Cascade, element: int) -> str:
    """An element for a table: its cycles where they are short, else its index."""
    text = cycles(cascade.elements[element])
    return text if len(text) <= 14 else f"#{element}"


def _layer_table(cascade: Cascade, layer: CascadeLayer, number: int, above: tuple[int, ...]) -> Table:
    """Rows: tokens of layer 1, or upper states; columns: the tokens. Entries: what is added, in turns."""
    index = str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    upper_names = " ".join(f"r{i + 1}" for i in range(number - 1)) if number > 1 else ""
    tokens = range(min(len(cascade.alphabet), MAX_COLUMNS))
    states = range(min(len(layer.increments), MAX_ROWS))
    table = plain_table(f"Λ⁽{index}⁾ in turns", *(short(element_label(cascade, int(cascade.alphabet[x])), 16) for x in tokens))
    for u in states:
        residues = np.unravel_index(u, above) if above else ()
        label = f"above {upper_names} = {' '.join(str(int(r)) for r in residues)}" if above else "adds"
        table.add_row(label, *(turns_text(layer.increments[u, x], layer.moduli) for x in tokens))
    hidden = [
        f"{len(cascade.alphabet) - len(tokens)} more tokens" if len(tokens) < len(cascade.alphabet) else "",
        f"{len(layer.increments) - len(states)} more states" if len(states) < len(layer.increments) else "",
    ]
    if any(hidden):
        table.caption = "… " + ", ".join(filter(None, hidden))
        table.caption_justify = "left"
    return table


def turns_text(residues: np.ndarray, moduli: tuple[int, ...]) -> str:
    """Residues as phases in turns, the one nearest to 0 of each: `-1/3`, `0`, `(1/2, 0)`."""
    parts = [str(Fraction(int(r) if 2 * r <= n else int(r) - n, n)) for r, n in zip(residues, moduli, strict=True)]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
