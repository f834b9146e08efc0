"""What all commands share: options, one-line errors, exit codes, progress."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO, cast

import typer

from ..common.errors import InputError, RefutedError
from ..common.packages import LeftOutWarning, named_packages
from ..common.wording import short

GROWTH_OBSERVED, NOT_REFUTED, ALLOWED = 3, 4, 5
"""Exit codes of `refute`, beside 0: its words were found. 1 means refuted, of a claim that was to be verified, and
nothing else; 2 is input that cannot be used."""

if TYPE_CHECKING:
    from ..algebra.automata.automaton import Automaton

UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""What typer raises for options it cannot read; it has no public name there."""

MAX_SEED, MAX_RUNS = 2**32 - 1, 10**6
"""Largest seed, and most runs, on the command line."""


@dataclass(frozen=True)
class Number:
    """Reads an option's number. What is refused, and the line that says so, are ours: typer's depend on its release.

    Arguments:
        kind: `int` reads digits alone (neither 3.0 nor 1e3 nor 1_0), `float` what Python reads, if it is finite.
        least, most: the range, both ends in it; None for no end.

    Raises:
        typer.BadParameter: another text; the message has it, and what was wanted.
    """

    kind: type[int] | type[float]
    least: float | None
    most: float | None

    @property
    def __name__(self) -> str:  # what typer writes for the option's value, where no metavar says otherwise
        return "INTEGER" if self.kind is int else "NUMBER"

    def range(self) -> str:
        """`1…255`, `1…`, or the kind of number alone."""
        given = (end for end in (self.least, self.most) if end is not None)
        ends = [f"{end:g}" if isinstance(end, float) else str(end) for end in given]
        return "…".join(ends) + ("…" if self.most is None else "") if ends else self.__name__

    def __call__(self, given: str | float) -> float:
        text = str(given)
        value = None
        if re.fullmatch(r"[+-]?[0-9]{1,300}" if self.kind is int else r"[0-9a-zA-Z.+-]{1,300}", text, re.ASCII):
            with contextlib.suppress(ValueError):
                value = self.kind(text)
        if value is None or not math.isfinite(value) or not self._holds(value):
            raise typer.BadParameter(f"{short(text)!r}, wanted {self._wanted()}")
        return value

    def _holds(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def _wanted(self) -> str:
        kind = "a whole number" if self.kind is int else "a number"
        least, most = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (self.least or 0, self.most or 0))
        if self.least is None:
            return f"{kind} of at most {most}" if self.most is not None else kind
        return f"{kind} of at least {least}" if self.most is None else f"{kind} from {least} to {most}"


def number(
    *names: str, help: str, least: float | None, most: float | None, kind: type[int] | type[float] = int
) -> typer.models.OptionInfo:
    """An option that takes a number in a range; see `Number`. The help shows the range as `1…255`.

    Arguments:
        names: `--runs-together` and others; none for the parameter's own.
    """
    parser = Number(kind, least, most)
    option: typer.models.OptionInfo = typer.Option(*names, parser=parser, metavar=parser.range(), help=help)
    return option


Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
GROUP = typer.Argument(
    metavar="GROUP",
    help="A group: S4, C2xC4, C7:C3, S3wrC2, SL(2,3), SmallGroup(24,12), '(1,2,3),(1,2)', '<a,b | a^2, b^3, (ab)^2>', "
    "'[[0,-1],[1,0]],[[0,1],[1,0]]', table.csv …; or an "
    "automaton: flip-flop(2), tomita(5), grid(5,5), permutation-reset(S3), dfa.json …",
)
MODEL = typer.Argument(
    metavar="MODEL",
    help="A folder written by train or compile, a Hugging Face folder, or path/to/file.py:function, a callable from "
    "token ids to logits.",
)
Reading = Annotated[
    str | None,
    typer.Option(
        metavar="R.JSON",
        help="How somebody else's model is read, a JSON file or its text: which ids are letters, where the answer is. "
        "Default: id i is letter i, class j is state j.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Write it also where a folder holds something else, which is then lost.")
]
Regex = Annotated[str | None, typer.Option("--regex", help="Instead of GROUP: a regular expression, e.g. '(ab|b)*a'.")]
Batch = Annotated[
    int | None, number(least=1, most=10**6, help="Words that are run at a time. Default: as many as fit into memory.")
]
GroupText = Annotated[str, GROUP]
GroupOrNone = Annotated[str | None, GROUP]


def one_of(group: str | None, regex: str | None) -> str | Automaton:
    """What was asked about: GROUP as it was typed, or the automaton of a regular expression. Raises `InputError` where
    neither or both are given."""
    if (group is None) == (regex is None):
        raise InputError("wanted either a GROUP, e.g. S4 or tomita(5), or --regex '(ab|b)*a'")
    if regex is not None:
        from ..algebra.automata.regular_expression import regular_expression

        return regular_expression(regex)
    assert group is not None
    return group


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

MESSAGE, END = 600, 150
"""Characters of the longest error that is printed whole; of a longer one its beginning and this much of its end."""


def run(make: Callable[[], typer.Typer], program: str) -> None:
    """Run a command line: an `InputError` becomes one line and exit code 2, as does what the file system refuses
    or a package that is not installed, a
    `RefutedError` exit code 1, Ctrl-C exit code 130.

    Arguments:
        make: makes the application; what it imports can be interrupted as well.
        program: its name in messages.
    """
    warnings.showwarning = _note
    try:
        try:
            with named_packages():
                status = make()(sys.argv[1:] or ["--help"], prog_name=program, standalone_mode=False)
        except SystemExit:  # typer's answer to a closed pipe, as in `inspect S4 | head -1`
            raise BrokenPipeError from None
        if status == INTERRUPTED:  # typer's answer to Ctrl-C
            raise KeyboardInterrupt
        sys.exit(status)
    except InputError as error:
        _end("error", str(error), 2)
    except UsageError as error:
        where = f" {error.ctx.info_name}" if error.ctx is not None and error.ctx.parent is not None else ""
        _end("error", f"{error.format_message().rstrip('.')}; see `{program}{where} --help`", 2)
    except RefutedError as error:
        _end("wrong", str(error), 1)
    except MemoryError:
        _end("error", "not enough memory for this; wanted a smaller group, or fewer tokens", 2)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # what no reader or writer has put in words: a full disk, a name too long for it
        place = f"{str(error.filename)[:200]}: " if error.filename else ""
        _end("error", f"{place}{error.strerror or error}", 2)


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as one line. One that is not for users goes its usual way."""
    if issubclass(category, LeftOutWarning):
        print(f"note: {' '.join(str(message).split())}", file=sys.stderr)
    else:
        print(warnings.formatwarning(message, category, filename, lineno, line), end="", file=file or sys.stderr)


def _end(kind: str, message: str, status: int) -> NoReturn:
    line = " ".join(message.split())
    if len(line) > MESSAGE:
        line = f"{line[: MESSAGE - END]} … {line[-END:]}"
    print(f"{kind}: {line}", file=sys.stderr)
    sys.exit(status)


def print_found(found: Any, as_json: bool = False) -> None:
    """Print what a function returned: as the function's result prints itself, or as one JSON object."""
    if as_json:
        print(json.dumps(found.as_json(), ensure_ascii=False))
        return
    from ..common.terminal import console, show

    show(console(), found.view())
