"""The whole catalogue compiled and certified: one row a group, each claim verified by the independent checker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ...algebra.depth.atlas import catalogue_keys
from ...algebra.depth.families import CIRCLE
from ...algebra.depth.series import shortest_series
from ...algebra.groups.catalogue import small_group
from ...common.folders import save_folder
from ...common.rows import Key, Row, write_rows
from ...common.writing import scratch_folder
from ...constructions.compiler import compile_group
from .certificate import certify_refusal, certify_written

COLUMNS = ("order", "id", "layers", "claim")
"""The columns: `layers` is empty for a group that no number of layers tracks; `claim` is what the checker verified."""


def certified_row(key: Key) -> Row:
    """Compile a group for AUSSM with its generators as alphabet, certify it, and have the checker read the files back.

    Raises:
        subnormal.proofs_check.certificates.checker.FaultError: the checker does not confirm the claim.
    """
    group = small_group(*key)
    row: Row = {"order": key[0], "id": key[1], "layers": "", "claim": ""}
    if group.order == 1:
        return row | {"layers": 0, "claim": "the trivial group needs no layer"}
    layer = CIRCLE
    with scratch_folder() as place:
        if not shortest_series(group, layer).is_complete:
            return row | {"claim": certify_refusal(group, layer, place).claim}
        compilation = compile_group(group, [layer], "generators")
        compilation = replace(compilation, stated={"small_group_id": list(key)})
        folder = save_folder(place, compilation.machine_files())
        return row | {"layers": len(compilation.cascade.layers), "claim": certify_written(folder, compilation).claim}


def write_catalogue(path: Path, max_order: int, processes: int = 2) -> Iterator[tuple[int, int]]:
    """Certify all groups up to an order; see `common.rows.write_rows`."""
    yield from write_rows(path, COLUMNS, catalogue_keys(max_order), certified_row, processes)
