"""The commands of the compiler: compile, verify, show."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..common.errors import InputError
from ..common.packages import MissingPackageError, named_packages
from .shared import MAX_SEED, Force, GroupOrNone, Regex, number, one_of

if TYPE_CHECKING:
    from ..constructions.verification import Trial

Alphabet = Annotated[
    str | None,
    typer.Option(
        help="all, generators, or elements such as '1;3' or '(1,2);(1,2,3)'. Default: all up to order 1024, else "
        "generators."
    ),
]
Channels = Annotated[str | None, typer.Option(help="invariant: fewest channels (default); primary: widest margins.")]
FamilyName = Annotated[
    str | None,
    typer.Option(
        help="aussm, simple-aussm, gated-aussm, negative-mamba or mamba; or a stack, e.g. "
        "negative-mamba,aussm. Default: aussm; for an automaton whose letters merge states gated-aussm."
    ),
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
        help="depth, channels, margin or table: the best of all subnormal series. Default: the derived series."
    ),
]
CHECK_LENGTH = 100_000
"""Length of the words that `compile` tries the network on."""


def compile_command(
    group: GroupOrNone = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the artifact. Default: the group's name.")] = None,
    family: FamilyName = None,
    alphabet: Alphabet = None,
    channels: Channels = None,
    series: SeriesText = None,
    optimise: Optimise = None,
    check: Annotated[bool, typer.Option(help="Run the network on long words at the end.")] = True,
    target: Annotated[
        str | None,
        typer.Option(
            help="Write a group for another library's architecture: olmo-hybrid, deltaproduct, gated-deltanet, "
            "delta-net, kda, pd-ssm, mamba3 or delta; an aperiodic automaton: mamba2 or qwen3-next."
        ),
    ] = None,
    resets: Annotated[
        bool, typer.Option("--resets", help="With --target: words =x too, which set the product to x.")
    ] = False,
    regex: Regex = None,
    force: Force = False,
) -> None:
    """Write the weights of a network that tracks GROUP, and show that it does."""
    if target is not None:
        options = {"family": family, "channels": channels, "series": series, "optimise": optimise, "regex": regex}
        used = next((name for name, value in options.items() if value is not None), None)
        if used is not None or group is None:
            raise InputError(f"--target goes with a GROUP, e.g. A5, and not with --{used or 'regex'}")
        _compile_target(group, out, target, alphabet, resets, check, force)
        return
    if resets:
        raise InputError("--resets goes with --target, e.g. --target olmo-hybrid")
    from ..api.compiling import compile
    from ..api.factored import FactoredCompiled
    from ..api.verifying import run_factored
    from ..common.terminal import console, say, show
    from ..common.wording import counted, default_folder
    from ..common.writing import prepare_folder
    from ..constructions.words import KINDS

    began = time.perf_counter()
    screen = console()
    compiled = compile(one_of(group, regex), family, alphabet, channels, series, optimise)
    folder = out or Path(default_folder(compiled.name))
    prepare_folder(folder, compiled.kind, force)
    if isinstance(compiled, FactoredCompiled):
        show(screen, compiled.view())
        trials = [run_factored(compiled.cascade, kind, CHECK_LENGTH) for kind in KINDS]
        say(screen, f"residues: right on random, constant and commutator words of {CHECK_LENGTH:,} tokens")
        say(screen, f"          {speed(trials)}")
    else:
        show(screen, compiled.view(screen.width))
        say(screen, f"cascade: {compiled.cases} step rightly, so words of every length are tracked")
    compiled.save(folder, force)
    say(screen, f"written: {folder}/ in {time.perf_counter() - began:.2f} s")
    if isinstance(compiled, FactoredCompiled):
        say(screen, "network: not written for a factored cascade; it runs with `verify`", "yellow")
    elif not (folder / "model.safetensors").exists():
        count = counted(compiled.weights.parameter_count, "parameter")
        say(screen, f"network: not written, it would have {count}; the cascade runs with `verify`", "yellow")
    elif check:
        try:
            with named_packages():
                _check(folder, screen)
        except MissingPackageError as error:
            say(screen, f"network: not run here, {error}", "yellow")


TARGET_CHECK_LENGTH = 300
"""Elements in the word that `compile --target` tries a checkpoint on."""


def _compile_target(
    group: str, out: Path | None, target: str, alphabet: str | None, resets: bool, check: bool, force: bool
) -> None:
    from ..algebra.automata.automaton import Automaton
    from ..api.groups import machine
    from ..common.terminal import console, say
    from ..common.wording import default_folder
    from ..constructions.targets.compiler import compile_target, require_order, target_named

    began = time.perf_counter()
    screen = console()
    target_named(target)
    asked = machine(group)
    if isinstance(asked, Automaton):
        checkpoint = compile_target(asked, target, alphabet, resets)
    else:
        require_order(asked.name, asked.order)
        checkpoint = compile_target(asked.listed(), target, alphabet, resets)
    folder = out or Path(f"{default_folder(checkpoint.name)}-{checkpoint.target.name}")
    checkpoint.save(folder, force)
    title, *lines = checkpoint.lines()
    say(screen, title, "bold")
    for line in lines:
        say(screen, line)
    say(screen, f"written: {folder}/ in {time.perf_counter() - began:.2f} s")
    if not check:
        return
    try:
        with named_packages():
            from ..models.references.trial import try_checkpoint

            ran = try_checkpoint(folder, checkpoint.target.name, checkpoint.machine, TARGET_CHECK_LENGTH)
    except MissingPackageError as error:
        say(screen, f"not run here, {error}", "yellow")
    else:
        parts = "letters" if checkpoint.target.tracks == "automaton" else "elements"
        say(screen, f"{ran}: right on a random word of {TARGET_CHECK_LENGTH} {parts}")


def _check(folder: Path, screen: Console) -> None:
    from ..api.verifying import run_word
    from ..common.terminal import say
    from ..constructions.words import KINDS

    trials = [run_word(folder, "network", kind, CHECK_LENGTH) for kind in KINDS]
    words = f"random, constant and commutator words of {CHECK_LENGTH:,} tokens"
    say(screen, f"network: right on {words} ({speed(trials)})")


def speed(trials: Sequence[Trial]) -> str:
    """Tokens per second over some trials; those of factored cascades also without decoding."""
    from ..api.verifying import FactoredTrial

    tokens = sum(trial.tokens for trial in trials)
    factored = [trial for trial in trials if isinstance(trial, FactoredTrial)]
    if factored:
        running = tokens / 1e6 / max(1e-9, sum(trial.run_seconds for trial in factored))
        decoding = tokens / 1e6 / max(1e-9, sum(trial.decode_seconds for trial in factored))
        return f"{running:.2g} million tokens/s to residues, {decoding:.2g} on to permutations"
    rate = tokens / max(1e-9, sum(trial.seconds for trial in trials))
    return f"{rate / 1e6:.1f} million tokens/s" if rate >= 1e6 else f"{rate / 1e3:.0f} thousand tokens/s"


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by compile.")],
    length: Annotated[int, number(least=1, most=10**10, help="Tokens in each word.")] = 10_000_000,
    arithmetic: Annotated[str, typer.Option(help="residues, turns, complex128, complex64 or network.")] = "residues",
    words: Annotated[str, typer.Option(help="Kinds of words, separated by commas.")] = "random,constant,commutator",
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the random word.")] = 0,
    dtype: Annotated[str, typer.Option(help="float64 or float32, for the network.")] = "float64",
) -> None:
    """Check a compiled folder: exhaustively, and on long words in one arithmetic."""
    from ..api.verifying import check_options, run_word
    from ..api.verifying import verify as verified
    from ..common.terminal import console, say

    kinds = words.split(",")
    for kind in kinds:
        check_options(arithmetic, kind, dtype)
    screen = console()
    for line in verified(folder).lines:
        say(screen, line)
    for kind in kinds:
        trial = run_word(folder, arithmetic, kind, length, seed, dtype)
        error = f", phase error up to {trial.largest_error:.2g} margins" if trial.largest_error else ""
        say(screen, f"{arithmetic}: {kind} word of {length:,} tokens right, {speed([trial])}{error}")


def show(
    group: GroupOrNone = None,
    out: Annotated[
        Path | None, typer.Option(help="Picture to write: .png, .svg or .pdf. Default: the group's name and .png.")
    ] = None,
    family: FamilyName = None,
    alphabet: Alphabet = None,
    channels: Channels = None,
    series: SeriesText = None,
    optimise: Optimise = None,
    regex: Regex = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page for the browser instead, where words can be played; GROUP may then be a folder too."
        ),
    ] = None,
    tracked: Annotated[
        str | None, typer.Option("--group", help="With --html and a trained network's folder: the group it is for.")
    ] = None,
) -> None:
    """Draw the series, and for each layer its phases on the circle for every token and lower state."""
    if html is not None:
        from .pages import show_page

        if out is not None:
            raise InputError("--out names a picture and --html a page; give one of them")
        options = {"family": family, "alphabet": alphabet, "channels": channels, "series": series, "optimise": optimise}
        show_page(one_of(group, regex), html, options, tracked)
        return
    if tracked is not None:
        raise InputError("--group goes with --html and the folder of a trained network")
    from ..api.compiling import compile
    from ..api.factored import FactoredCompiled
    from ..common.wording import default_folder
    from ..constructions.pictures.picture import check_path

    if out is not None:
        check_path(out)
    compiled = compile(one_of(group, regex), family, alphabet, channels, series, optimise)
    if isinstance(compiled, FactoredCompiled):
        raise InputError(f"{compiled.name} is too large to list, so there is no picture; its page: --html page.html")
    print(compiled.picture(out or Path(default_folder(compiled.name) + ".png")))
