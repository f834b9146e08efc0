"""What the command lines of all packages share: one-line errors, exit codes, and the commands about groups alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from algebra.errors import InputError, RefutedError

if TYPE_CHECKING:
    from algebra.families import Family
    from algebra.inspection import Inspection
    from algebra.large_inspection import LargeInspection
    from algebra.optimise import Choice

UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""What typer raises for options it cannot read; it has no public name there."""

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
GROUP = typer.Argument(
    metavar="GROUP",
    help="S4, C2xC4, C7:C3, S3wrC2, SL(2,3), SmallGroup(24,12), '(1,2,3),(1,2)', table.csv …",
)
GroupText = Annotated[str, GROUP]


def application(text: str) -> typer.Typer:
    """A typer application in the house's style."""
    return typer.Typer(help=text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def run(app: typer.Typer, program: str) -> None:
    """Run a command line: an `InputError` becomes one line and exit code 2, a `RefutedError` exit code 1, Ctrl-C exit
    code 130."""
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name=program, standalone_mode=False))
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except UsageError as error:
        print(f"error: {error.format_message().rstrip('.')}; see `{program} --help`", file=sys.stderr)
        sys.exit(2)
    except RefutedError as error:
        print(f"wrong: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


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
    from algebra.families import parse_stack

    layers = parse_stack(stack) if stack is not None else None
    if (group is None) == (batch is None):
        raise InputError("wanted either a GROUP, e.g. `inspect S4`, or `--batch FILE`")
    if batch is not None and pareto:
        raise InputError("--pareto goes with a GROUP, not with --batch")
    if batch is not None:
        _inspect_batch(batch, lambda text: _inspection(text, layers).as_json())
        return
    assert group is not None
    inspection = _inspection(group, layers)
    choices = _pareto(group) if pareto else None
    if as_json:
        content = inspection.as_json()
        if choices is not None:
            content["pareto"] = [choice.as_json() for choice in choices]
        print(json.dumps(content, ensure_ascii=False))
        return
    from algebra.display import console, inspection_view, pareto_view

    console().print(inspection_view(inspection))
    if choices is not None:
        console().print(pareto_view(choices))


def _pareto(text: str) -> list[Choice]:
    from algebra.families import FAMILIES
    from algebra.optimise import pareto_front
    from algebra.parser import list_group

    return pareto_front(list_group(text), FAMILIES["aussm"])


def _inspection(text: str, layers: tuple[Family, ...] | None) -> Inspection | LargeInspection:
    """Inspect a group by listing it, or through stabiliser chains where it is too large for that."""
    from algebra.parser import parse_group

    group = parse_group(text)
    if group.order > INSPECTION_LIMIT or not group.is_listable:
        from algebra.large_inspection import inspect_large

        return inspect_large(group, layers)
    from algebra.inspection import inspect_group

    return inspect_group(group.listed(), layers)


INSPECTION_LIMIT = 10_000
"""Larger groups are inspected through stabiliser chains: that takes milliseconds, but finds no decomposition."""


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


def fill(rows: Iterator[tuple[int, int]]) -> int:
    """Run `algebra.rows.write_rows` to its end under a progress bar, and return the number of rows."""
    from algebra.display import progress

    _, total = next(rows)
    with progress("groups", total) as advance:
        for done, _ in rows:
            advance(done)
    return total


def atlas(
    max_order: Annotated[int, typer.Option(help="Largest order, at most 255.")] = 255,
    out: Annotated[Path, typer.Option(help="CSV file; an unfinished one is gone on with.")] = Path("atlas.csv"),
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 2,
) -> None:
    """Write one row for every group of the catalogue up to an order."""
    from algebra.atlas import write_atlas

    total = fill(write_atlas(out, max_order, processes))
    print(f"{out}: {total:,} groups of order ≤ {max_order}")
