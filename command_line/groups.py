"""The commands about groups alone: inspect, atlas."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ..common.errors import InputError
from .shared import GROUP, Json, Regex, number, one_of, print_found

MAX_DIGITS = 100_001
"""Digits of the largest order that is written out: S10000 has 35,660."""


def inspect(
    tracked: Annotated[str | None, GROUP] = None,
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
    all_series: Annotated[
        bool,
        typer.Option(
            "--all-series", help="Also composition factors, chief and Fitting length, all shortest subnormal series."
        ),
    ] = False,
    batch: Annotated[
        Path | None, typer.Option(help="A file with one GROUP a line; one JSON object a line comes out.")
    ] = None,
    regex: Regex = None,
) -> None:
    """Say how many layers of each family a group or an automaton needs, and why."""
    from ..api.groups import inspect as inspected
    from ..common.terminal import console, show

    if (tracked is None and regex is None) == (batch is None):
        raise InputError("wanted either a GROUP, e.g. `inspect S4`, or `--batch FILE`")
    if batch is not None:
        if pareto or all_series or alphabet is not None:
            option = "pareto" if pareto else "all-series" if all_series else "alphabet"
            raise InputError(f"--{option} goes with a GROUP, not with --batch")
        _inspect_batch(batch, lambda text: inspected(text, stack, channels).as_json())
        return
    found = inspected(one_of(tracked, regex), stack, channels, alphabet, pareto, all_series)
    if as_json:
        print(_as_text(found.as_json()))
    else:
        show(console(), found.view())


def _as_text(content: dict) -> str:
    """JSON with orders of up to `MAX_DIGITS` digits; Python's own limit holds again afterwards, for what is read."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(MAX_DIGITS)
    try:
        return json.dumps(content, ensure_ascii=False)
    finally:
        sys.set_int_max_str_digits(limit)


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
    from ..api.tables import atlas as written

    print_found(written(max_order, out, processes, html))
