"""The commands about groups alone: inspect, atlas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from subnormal.algebra.base.errors import InputError
from subnormal.command_line.shared import GROUP, Json, fill


def inspect(
    group: Annotated[str | None, GROUP] = None,
    as_json: Json = False,
    stack: Annotated[
        str | None, typer.Option(help="A stack of families, first layer first, e.g. aussm,negative-mamba.")
    ] = None,
    pareto: Annotated[
        bool,
        typer.Option(
            "--pareto", help="Also the unbeaten series of normal subgroups: layers, channels, margin, tables."
        ),
    ] = False,
    batch: Annotated[
        Path | None, typer.Option(help="A file with one GROUP a line; one JSON object a line comes out.")
    ] = None,
) -> None:
    """Say how many layers of each family a group needs, and why."""
    from subnormal.face.groups import inspect as inspected
    from subnormal.face.groups import pareto as unbeaten

    if (group is None) == (batch is None):
        raise InputError("wanted either a GROUP, e.g. `inspect S4`, or `--batch FILE`")
    if batch is not None and pareto:
        raise InputError("--pareto goes with a GROUP, not with --batch")
    if batch is not None:
        _inspect_batch(batch, lambda text: inspected(text, stack).as_json())
        return
    assert group is not None
    inspection = inspected(group, stack)
    choices = unbeaten(group) if pareto else None
    if as_json:
        content = inspection.as_json()
        if choices is not None:
            content["pareto"] = [choice.as_json() for choice in choices]
        print(json.dumps(content, ensure_ascii=False))
        return
    from subnormal.algebra.base.terminal import console
    from subnormal.algebra.depth.inspection_view import pareto_view

    console().print(inspection.view())
    if choices is not None:
        console().print(pareto_view(choices))


def _inspect_batch(batch: Path, inspection: Callable[[str], dict]) -> None:
    try:
        lines = batch.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{batch}: cannot be read ({error}); wanted a text file with one GROUP a line") from None
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            content = inspection(text)
        except InputError as error:
            content = {"group": text[:200], "error": " ".join(str(error).split())}
        print(json.dumps(content, ensure_ascii=False), flush=True)


def atlas(
    max_order: Annotated[int, typer.Option(help="Largest order, at most 255.")] = 255,
    out: Annotated[Path, typer.Option(help="CSV file; an interrupted one is continued.")] = Path("atlas.csv"),
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 2,
) -> None:
    """Write one row for every group of the catalogue up to an order."""
    from subnormal.algebra.depth.atlas import write_atlas

    total = fill(write_atlas(out, max_order, processes))
    print(f"{out}: {total:,} groups of order ≤ {max_order}")
