"""The atlas: one row for every group of the catalogue up to an order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ...common.errors import InputError
from ...common.rows import write_rows
from .abelian import abelian_factor, margin
from .families import BLOCKS, CIRCLE, SIGNS
from .series import Series, shortest_series

COLUMNS = (
    "order",
    "id",
    "solvable",
    "depth",
    "derived_series",
    "factors",
    "negative_mamba_depth",
    "channels",
    "primary_channels",
    "margin",
    "primary_margin",
    *(family.key for family in BLOCKS.values()),
    "readout_complex",
    "readout_real",
)
"""The columns of the atlas. Lists are separated by spaces, layers by `;`; margins are in turns; what there is none of
is empty. Layers of blocks: a number, or `1-2` for one to two; the least block sizes for a linear read-out."""


def atlas_row(order: int, number: int) -> dict[str, str | int]:
    """One group's row. Channels are counted, and margins taken, over all layers of the derived series."""
    from ..groups.catalogue import small_group
    from .blocks.depths import block_answer

    group = small_group(order, number)
    derived = shortest_series(group, CIRCLE)
    signs = shortest_series(group, SIGNS)
    row: dict[str, str | int] = dict.fromkeys(COLUMNS, "")
    row |= {
        "order": order,
        "id": number,
        "solvable": str(derived.is_complete).lower(),
        "derived_series": " ".join(map(str, derived.orders)),
    }
    if signs.is_complete:
        row["negative_mamba_depth"] = signs.length
    if derived.is_complete:
        row["depth"] = derived.length
        row |= _channels(derived)
    blocks = block_answer(group)
    for key, answer in blocks.by_key().items():
        row[key] = "" if answer.least is None else answer.text.replace(" to ", "-")
    if blocks.readout:
        row |= {"readout_complex": blocks.readout.complex, "readout_real": blocks.readout.real}
    return row


def _channels(series: Series) -> dict[str, str | int]:
    factors = [abelian_factor(upper, lower) for upper, lower in pairwise(series.subgroups)]
    invariant = [n for factor in factors for n in factor.moduli]
    primary = [n for factor in factors for n in factor.in_primary_channels().moduli]
    return {
        "factors": ";".join(" ".join(map(str, factor.moduli)) for factor in factors),
        "channels": len(invariant),
        "primary_channels": len(primary),
        "margin": str(margin(invariant)) if invariant else "",
        "primary_margin": str(margin(primary)) if primary else "",
    }


def _row(key: tuple[int, int]) -> dict[str, str | int]:
    return atlas_row(*key)


def catalogue_keys(max_order: int) -> list[tuple[int, int]]:
    """(order, number) of all groups up to an order. Raises `InputError` beyond the catalogue."""
    from ..groups.catalogue import LARGEST_ORDER, number_of_groups

    if not 1 <= max_order <= LARGEST_ORDER:
        raise InputError(f"--max-order {max_order}: the catalogue holds the groups of order 1 to {LARGEST_ORDER}")
    return [(order, number) for order in range(1, max_order + 1) for number in range(1, number_of_groups(order) + 1)]


def write_atlas(path: Path, max_order: int, processes: int = 2) -> Iterator[tuple[int, int]]:
    """Write the rows of all groups up to an order; see `common.rows.write_rows`."""
    yield from write_rows(path, COLUMNS, catalogue_keys(max_order), _row, processes)
