"""What all commands share: options, one-line errors, exit codes, progress."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, NoReturn, cast

import typer

from subnormal.algebra.base.errors import InputError, RefutedError
from subnormal.algebra.base.folders import UnboundFolderWarning

GROWTH_OBSERVED, NOT_REFUTED, ALLOWED = 3, 4, 5
"""Exit codes of `refute`, beside 0: its words were found. 1 means refuted, of a claim that was to be verified, and
nothing else; 2 is input that cannot be used."""

UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""What typer raises for options it cannot read; it has no public name there."""

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
GROUP = typer.Argument(
    metavar="GROUP",
    help="S4, C2xC4, C7:C3, S3wrC2, SL(2,3), SmallGroup(24,12), '(1,2,3),(1,2)', table.csv …",
)
GroupText = Annotated[str, GROUP]


MESSAGE, END = 600, 150
"""Characters of the longest error that is printed whole; of a longer one its beginning and this much of its end."""


def run(make: Callable[[], typer.Typer], program: str) -> None:
    """Run a command line: an `InputError` becomes one line and exit code 2, a `RefutedError` exit code 1, Ctrl-C exit
    code 130.

    Arguments:
        make: makes the application; what it imports can be interrupted as well.
        program: its name in messages.
    """
    warnings.showwarning = _note
    try:
        sys.exit(make()(sys.argv[1:] or ["--help"], prog_name=program, standalone_mode=False))
    except InputError as error:
        _end("error", str(error), 2)
    except UsageError as error:
        _end("error", f"{error.format_message().rstrip('.')}; see `{program} --help`", 2)
    except RefutedError as error:
        _end("wrong", str(error), 1)
    except MemoryError:
        _end("error", "not enough memory for this; wanted a smaller group, or fewer tokens", 2)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _note(message: Warning | str, category: type[Warning], *place: object) -> None:
    """A warning as one line. One that is not for users goes its usual way."""
    if issubclass(category, UnboundFolderWarning):
        print(f"note: {' '.join(str(message).split())}", file=sys.stderr)
    else:
        print(warnings.formatwarning(message, category, *place[:2]), end="", file=sys.stderr)  # type: ignore[arg-type]


def _end(kind: str, message: str, status: int) -> NoReturn:
    line = " ".join(message.split())
    if len(line) > MESSAGE:
        line = f"{line[: MESSAGE - END]} … {line[-END:]}"
    print(f"{kind}: {line}", file=sys.stderr)
    sys.exit(status)


def fill(rows: Iterator[tuple[int, int]]) -> int:
    """Run `algebra.base.rows.write_rows` to its end under a progress bar, and return the number of rows."""
    from subnormal.algebra.base.terminal import progress

    _, total = next(rows)
    with progress("groups", total) as advance:
        for done, _ in rows:
            advance(done)
    return total
