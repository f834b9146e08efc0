"""What all commands share: options, one-line errors, exit codes, progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, cast

import typer

from subnormal.algebra.base.errors import InputError, RefutedError

UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""What typer raises for options it cannot read; it has no public name there."""

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
GROUP = typer.Argument(
    metavar="GROUP",
    help="S4, C2xC4, C7:C3, S3wrC2, SL(2,3), SmallGroup(24,12), '(1,2,3),(1,2)', table.csv …",
)
GroupText = Annotated[str, GROUP]


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


def fill(rows: Iterator[tuple[int, int]]) -> int:
    """Run `algebra.base.rows.write_rows` to its end under a progress bar, and return the number of rows."""
    from subnormal.algebra.base.terminal import progress

    _, total = next(rows)
    with progress("groups", total) as advance:
        for done, _ in rows:
            advance(done)
    return total
