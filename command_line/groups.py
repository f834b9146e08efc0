"""The commands about groups alone: inspect, atlas."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..common.errors import InputError
from .shared import GROUP, Json, Regex, fill, number, one_of

if TYPE_CHECKING:
    from ..algebra.depth.inspection import Inspection


MAX_DIGITS = 100_001
"""Digits of the largest order that is written out: S10000 has 35,660."""


def inspect(
    group: Annotated[str | None, GROUP] = None,
    as_json: Json = False,
    stack: Annotated[
        str | None, typer.Option(help="A stack of families, first layer first, e.g. aussm,negative-mamba.")
    ] = None,
    channels: Annotated[
        str | None, typer.Option(help="Ask about layers with so many channels, e.g. 1,1,2: of AUSSM, or of the stack.")
    ] = None,
    alphabet: Annotated[
        str | None,
        typer.Option(help="The tokens, for architectures where they matter: all, generators, or '(1,2);(1,2,3)'."),
    ] = None,
    pareto: Annotated[
        bool,
        typer.Option("--pareto", help="Also the unbeaten subnormal series: layers, channels, margin, tables."),
    ] = False,
    batch: Annotated[
        Path | None, typer.Option(help="A file with one GROUP a line; one JSON object a line comes out.")
    ] = None,
    regex: Regex = None,
) -> None:
    """Say how many layers of each family a group or an automaton needs, and why."""
    from ..algebra.depth.inspection import Inspection
    from ..api.groups import inspect as inspected
    from ..api.groups import pareto as unbeaten

    if (group is None and regex is None) == (batch is None):
        raise InputError("wanted either a GROUP, e.g. `inspect S4`, or `--batch FILE`")
    if batch is not None and (pareto or alphabet is not None):
        raise InputError(f"--{'pareto' if pareto else 'alphabet'} goes with a GROUP, not with --batch")
    if batch is not None:
        _inspect_batch(batch, lambda text: inspected(text, stack, channels).as_json())
        return
    asked = one_of(group, regex)
    inspection = inspected(asked, stack, channels)
    if not isinstance(inspection, Inspection) and (pareto or alphabet is not None):
        option = "pareto" if pareto else "alphabet"
        raise InputError(f"--{option} goes with a group, not with the automaton {group or regex}")
    if alphabet is not None and isinstance(inspection, Inspection):
        inspection = _with_alphabet(inspection, alphabet)
    choices = unbeaten(asked) if pareto and isinstance(asked, str) else None
    if as_json:
        content = inspection.as_json()
        if choices is not None:
            content["pareto"] = [choice.as_json() for choice in choices]
        print(_as_text(content))
        return
    from ..algebra.depth.inspection_view import pareto_view
    from ..common.terminal import console, show

    show(console(), inspection.view())
    if choices is not None:
        show(console(), pareto_view(choices))


def _as_text(content: dict) -> str:
    """JSON with orders of up to `MAX_DIGITS` digits; Python's own limit holds again afterwards, for what is read."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(MAX_DIGITS)
    try:
        return json.dumps(content, ensure_ascii=False)
    finally:
        sys.set_int_max_str_digits(limit)


def _with_alphabet(inspection: Inspection, text: str) -> Inspection:
    """The inspection with these tokens, which must generate the group."""
    from ..algebra.groups.group import Group
    from ..constructions.compiler import read_alphabet

    group = inspection.group
    if not isinstance(group, Group):
        raise InputError("--alphabet goes with a group whose elements are listed, e.g. S4")
    tokens = tuple(int(x) for x in read_alphabet(group, text))
    generated = group.subgroup(tokens).order
    if generated < group.order:
        raise InputError(f"the alphabet generates a subgroup of order {generated:,} of {group.name}, wanted all of it")
    return replace(inspection, alphabet=tokens)


def _inspect_batch(batch: Path, inspection: Callable[[str], dict]) -> None:
    from ..common.reading import read_text

    for line in read_text(batch, wanted="wanted a text file with one GROUP a line").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            content = inspection(text)
        except InputError as error:
            content = {"group": text[:200], "error": " ".join(str(error).split())}
        print(_as_text(content), flush=True)


def atlas(
    max_order: Annotated[int, number(least=1, most=255, help="Largest order.")] = 255,
    out: Annotated[Path, typer.Option(help="CSV file; an interrupted one is continued.")] = Path("atlas.csv"),
    processes: Annotated[int, number(least=1, most=64, help="Processes.")] = 2,
    html: Annotated[
        Path | None, typer.Option(help="Also write the table as a page for the browser, to search and to sort.")
    ] = None,
) -> None:
    """Write one row for every group of the catalogue up to an order."""
    from ..algebra.depth.atlas import write_atlas

    if html is not None:
        from ..constructions.pages.packing import check_page_path

        check_page_path(html)
    total = fill(write_atlas(out, max_order, processes))
    print(f"{out}: {total:,} groups of order ≤ {max_order}")
    if html is not None:
        from ..constructions.pages.atlas_page import write_atlas_page

        size = write_atlas_page(html, out)
        print(f"{html}: {size / 1000:,.0f} kB, opens in any browser without a network")
