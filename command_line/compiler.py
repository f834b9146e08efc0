"""The commands of the compiler: compile, verify, show."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from subnormal.algebra.base.errors import InputError, RefutedError
from subnormal.command_line.shared import GroupText

if TYPE_CHECKING:
    from subnormal.algebra.groups.permutation_group import PermutationGroup
    from subnormal.constructions.compiler import Compilation
    from subnormal.constructions.verification import Runner, Trial

Alphabet = Annotated[
    str | None,
    typer.Option(
        help="all, generators, or elements such as '1;3' or '(1,2);(1,2,3)'. Default: all up to order 1024, else "
        "generators."
    ),
]
Channels = Annotated[str | None, typer.Option(help="invariant: fewest channels (default); primary: widest margins.")]
FamilyName = Annotated[
    str, typer.Option(help="aussm, simple-aussm or negative-mamba; or a stack, e.g. negative-mamba,aussm.")
]
SeriesText = Annotated[
    str | None,
    typer.Option(
        "--series",
        help="Your own series: generators of G1, G2, … separated by |, e.g. '(1,2,3);(1,2)(3,4) | "
        "(1,2)(3,4);(1,3)(2,4)'.",
    ),
]
Optimise = Annotated[
    str | None,
    typer.Option(
        help="depth, channels, margin or table: the best of all series of normal subgroups. Default: the derived "
        "series."
    ),
]
CHECK_LENGTH = 100_000
"""Length of the words that `compile` tries the network on."""


def _compilation(
    group: PermutationGroup,
    family: str,
    alphabet: str | None,
    channels: str | None,
    series: str | None,
    optimise: str | None,
) -> Compilation:
    from subnormal.algebra.depth.families import parse_stack
    from subnormal.constructions.compiler import compile_group, read_series

    stack = parse_stack(family)
    listed = group.listed()
    own = None
    for option, value in (("--series", series), ("--optimise", optimise)):
        if value is not None and len(stack) > 1:
            raise InputError(f"{option} goes with one family, not with the stack {family}")
    if series is not None and optimise is not None:
        raise InputError("--series and --optimise each choose the series; give one of them")
    if series is not None:
        own = read_series(listed, series, stack[0])
    elif optimise is not None:
        from subnormal.algebra.depth.optimise import best_series

        choice = best_series(listed, stack[0], optimise)
        if choice is not None:  # else the compiler says why the family cannot
            own, channels = choice.series, channels or choice.channels
    return compile_group(listed, stack, alphabet, channels or "invariant", own)


def compile_command(
    group: GroupText,
    out: Annotated[Path | None, typer.Option(help="Folder for the artifact. Default: the group's name.")] = None,
    family: FamilyName = "aussm",
    alphabet: Alphabet = None,
    channels: Channels = None,
    series: SeriesText = None,
    optimise: Optimise = None,
    check: Annotated[bool, typer.Option(help="Run the network on long words at the end.")] = True,
) -> None:
    """Write the weights of a network that tracks GROUP, and show that it does."""
    from subnormal.algebra.base.terminal import console, say
    from subnormal.algebra.base.wording import counted
    from subnormal.algebra.base.writing import prepare_folder
    from subnormal.algebra.groups.identify import small_group_id
    from subnormal.algebra.input.parser import parse_group
    from subnormal.constructions.account import account
    from subnormal.constructions.compiler import save
    from subnormal.constructions.verification import first_fault

    began = time.perf_counter()
    screen = console()
    parsed = parse_group(group)
    if not parsed.is_listable and channels is series is optimise is None:
        from subnormal.command_line.factored import compile_large

        compile_large(group, out or Path(default_folder(parsed.name)), family, alphabet)
        return
    compilation = _compilation(parsed, family, alphabet, channels, series, optimise)
    listed, cascade = compilation.group, compilation.cascade
    folder = out or Path(default_folder(listed.name))
    prepare_folder(folder)
    extension = str(compilation.decomposition.extension)
    structure = f" = {extension}" if extension != listed.name else ""
    layers, tokens = counted(len(cascade.layers), "layer"), counted(len(cascade.alphabet), "token")
    say(screen, f"{listed.name}{structure}: order {listed.order:,}, {layers}, {tokens}", "bold")
    for note in listed.notes:
        say(screen, f"note: {note}", "yellow")
    say(screen, "")
    for part in account(compilation, screen.width):
        screen.print(part)
    fault = first_fault(cascade, listed)
    if fault:
        raise AssertionError(f"the compiled cascade is wrong: {fault}")
    say(screen, f"cascade: all {listed.order:,} states × {tokens} step rightly, so words of every length are tracked")
    written = save(compilation, folder, small_group_id(listed))
    say(screen, f"written: {folder}/ in {time.perf_counter() - began:.2f} s")
    if not written:
        count = counted(compilation.weights.parameter_count, "parameter")
        say(screen, f"network: not written, it would have {count}; the cascade runs with `verify`", "yellow")
    elif check:
        _check(folder, screen)


def default_folder(name: str) -> str:
    """A group's name as a folder's: `SL(2,3)` becomes `SL_2_3`."""
    return "".join(c if c.isalnum() else "_" for c in name).strip("_")[:60] or "group"


def _check(folder: Path, screen: Console) -> None:
    from subnormal.algebra.base.terminal import say
    from subnormal.constructions.words import KINDS

    trials = [_try(folder, "network", kind, CHECK_LENGTH, 0, "float64") for kind in KINDS]
    words = f"random, constant and commutator words of {CHECK_LENGTH:,} tokens"
    say(screen, f"network: right on {words} ({speed(trials)})")


def speed(trials: Sequence[Trial]) -> str:
    """Tokens per second over some trials."""
    rate = sum(trial.tokens for trial in trials) / max(1e-9, sum(trial.seconds for trial in trials))
    return f"{rate / 1e6:.1f} million tokens/s" if rate >= 1e6 else f"{rate / 1e3:.0f} thousand tokens/s"


def _try(folder: Path, arithmetic: str, kind: str, length: int, seed: int, dtype: str) -> Trial:
    """Run one word; raises `RefutedError` at the first wrong output."""
    from subnormal.algebra.base.terminal import progress
    from subnormal.constructions.artifact import load_cascade
    from subnormal.constructions.execution import Machine
    from subnormal.constructions.verification import try_word

    cascade, group, _ = load_cascade(folder)
    machine: Runner
    if arithmetic == "network":
        from subnormal.models.compiled import NetworkMachine

        machine = NetworkMachine(folder, cascade, dtype)
    else:
        machine = Machine(cascade, arithmetic)
    with progress(f"{arithmetic}, {kind} word", length) as advance:
        for trial in try_word(machine, group, cascade.alphabet, kind, length, seed):
            advance(trial.tokens)
    if trial.first_wrong is not None:
        raise RefutedError(
            f"{arithmetic}: first wrong output at token {trial.first_wrong:,} of the {kind} word (seed {seed}): "
            f"element {trial.found} instead of {trial.expected}"
        )
    return trial


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by compile.")],
    length: Annotated[int, typer.Option(min=1, max=10**10, help="Tokens in each word.")] = 10_000_000,
    arithmetic: Annotated[str, typer.Option(help="residues, turns, complex128, complex64 or network.")] = "residues",
    words: Annotated[str, typer.Option(help="Kinds of words, separated by commas.")] = "random,constant,commutator",
    seed: Annotated[int, typer.Option(help="Of the random word.")] = 0,
    dtype: Annotated[str, typer.Option(help="float64 or float32, for the network.")] = "float64",
) -> None:
    """Check a compiled folder: exhaustively, and on long words in one arithmetic."""
    from subnormal.algebra.base.terminal import console, say
    from subnormal.algebra.base.wording import counted
    from subnormal.constructions.artifact import load_cascade
    from subnormal.constructions.execution import ARITHMETICS
    from subnormal.constructions.factored.artifact import is_factored
    from subnormal.constructions.verification import first_fault
    from subnormal.constructions.words import KINDS

    kinds = words.split(",")
    for value, wanted, what in [
        (arithmetic, (*ARITHMETICS, "network"), "arithmetic"),
        (dtype, ("float32", "float64"), "dtype"),
        *((kind, KINDS, "kind of word") for kind in kinds),
    ]:
        if value not in wanted:
            raise InputError(f"unknown {what} {value[:40]!r}; wanted one of {', '.join(wanted)}")
    if is_factored(folder):
        from subnormal.command_line.factored import verify_large

        if arithmetic != "residues":
            raise InputError(f"{folder} holds a factored cascade, which runs on residues, not on {arithmetic}")
        verify_large(folder, length, kinds, seed)
        return
    cascade, group, _ = load_cascade(folder)
    fault = first_fault(cascade, group)
    if fault:
        raise RefutedError(f"the cascade in {folder} does not track {group.name}: {fault}")
    screen = console()
    tokens = counted(len(cascade.alphabet), "token")
    say(screen, f"{group.name}: all {group.order:,} states × {tokens} step rightly")
    for kind in kinds:
        trial = _try(folder, arithmetic, kind, length, seed, dtype)
        error = f", phase error up to {trial.largest_error:.2g} margins" if arithmetic != "residues" else ""
        say(screen, f"{arithmetic}: {kind} word of {length:,} tokens right, {speed([trial])}{error}")


def show(
    group: GroupText,
    out: Annotated[
        Path | None, typer.Option(help="Picture to write: .png, .svg or .pdf. Default: the group's name and .png.")
    ] = None,
    family: FamilyName = "aussm",
    alphabet: Alphabet = None,
    channels: Channels = None,
    series: SeriesText = None,
    optimise: Optimise = None,
) -> None:
    """Draw the series, and for each layer its phases on the circle for every token and upper state."""
    from subnormal.algebra.input.parser import parse_group
    from subnormal.constructions.pictures.picture import check_path, draw

    if out is not None:
        check_path(out)
    compilation = _compilation(parse_group(group), family, alphabet, channels, series, optimise)
    path = out or Path(default_folder(compilation.group.name) + ".png")
    draw(compilation, path)
    print(path)
