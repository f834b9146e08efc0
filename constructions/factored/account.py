"""The readable account of a factored cascade: its parts, what each layer carries and reads, and what is proved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from ...common.terminal import plain_table
from ...common.wording import counted, describe_order
from .cascade import FactoredCascade, carried_by

if TYPE_CHECKING:
    from .compiler import FactoredCompilation


def factored_account(compilation: FactoredCompilation) -> Iterator[RenderableType]:
    """Lines of text, and the table of layers."""
    cascade, structure = compilation.cascade, compilation.structure
    yield Text("compiled as a factored cascade: its states stand for permutations, and nothing is listed")
    yield Text(f"parts: {structure.text}  (order on points of each)")
    if not structure.exact:
        states = describe_order(structure.order)
        yield Text(f"note: their product has {states} states, more than needed", style="yellow")
    yield Text()
    yield _layer_table(cascade)
    yield Text()
    yield Text(f"proved: words of every length are tracked, by {compilation.cases}")
    if compilation.needed == cascade.depth:
        fewer, lines = counted(cascade.depth - 1, "layer"), counted(len(compilation.program), "line")
        yield Text(f"proved: {fewer} cannot, by a program of {lines} of nested commutators")
    else:
        least = counted(compilation.needed, "layer")
        yield Text(f"note: {least} needed at least, {cascade.depth} used", style="yellow")


def _layer_table(cascade: FactoredCascade) -> RenderableType:
    """What each layer carries and how much it reads."""
    table = plain_table("layer", "carries", "channels", "a channel reads", "largest table", "entries")
    for layer in range(1, cascade.depth + 1):
        channels = [channel for channel in cascade.channels if channel.layer == layer]
        carries = carried_by(cascade, layer)
        counts = sorted({len(channel.reads) for channel in channels})
        reads = f"{counts[0]} to {counts[-1]} others" if len(counts) > 1 else f"{counts[0]} others"
        largest = max((channel.increments.shape for channel in channels), key=lambda shape: shape[0] * shape[1])
        entries = sum(channel.increments.size for channel in channels)
        table.add_row(
            str(layer), carries, str(len(channels)), reads, f"{largest[0]:,} x {largest[1]:,}", f"{entries:,}"
        )
    return table
