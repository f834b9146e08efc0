"""The commands of the compiler: compile, verify, show."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from .shared import MAX_SEED, Force, GroupOrNone, Regex, number, one_of, print_found

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
        "negative-mamba,aussm; for a group also block-2, block-3, block-4, complex-block-2 or complex-block-3. "
        "Default: aussm; for an automaton whose letters merge states gated-aussm."
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


def compile_command(
    tracked: GroupOrNone = None,
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
            "delta-net, kda, pd-ssm, mamba3 or delta; an automaton: pd-ssm, and an aperiodic one mamba2 or "
            "qwen3-next."
        ),
    ] = None,
    resets: Annotated[
        bool, typer.Option("--resets", help="With --target: words =x too, which set the product to x.")
    ] = False,
    answers: Annotated[
        str | None,
        typer.Option(
            help="With --target: elements, or points: a word such as 3? asks where the point 3 goes. Default: elements "
            "up to order 5,040, then points."
        ),
    ] = None,
    regex: Regex = None,
    force: Force = False,
) -> None:
    """Write the weights of a network that tracks GROUP, and show that it does."""
    from ..api.compiling import compile
    from ..api.trials import tried
    from ..common.terminal import console, say, show
    from ..common.wording import default_folder
    from ..common.writing import prepare_folder

    began, began_working, screen = time.perf_counter(), time.process_time(), console()
    asked = one_of(tracked, regex)
    compiled = compile(
        asked, family, alphabet, channels, series, optimise, target=target, resets=resets, answers=answers
    )
    folder = out or Path(compiled.name if target else default_folder(compiled.name))
    prepare_folder(folder, compiled.kind, force)
    show(screen, compiled.view(screen.width))
    compiled.save(folder, force)
    say(screen, f"written: {folder}/ in {time.perf_counter() - began:.2f} s")
    if check:
        say(screen, *tried(compiled, folder, began_working))


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by compile.")],
    length: Annotated[int, number(least=1, most=10**10, help="Tokens in each word.")] = 10_000_000,
    arithmetic: Annotated[str, typer.Option(help="residues, turns, complex128, complex64 or network.")] = "residues",
    words: Annotated[str, typer.Option(help="Kinds of words, separated by commas.")] = "random,constant,commutator",
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the random word.")] = 0,
    dtype: Annotated[str, typer.Option(help="float64 or float32, for the network.")] = "float64",
) -> None:
    """Check a compiled folder: exhaustively, and on long words in one arithmetic."""
    from ..api.running import verify as verified

    print_found(verified(folder, length, arithmetic, words, seed, dtype))


def show(
    tracked: GroupOrNone = None,
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
    group: Annotated[
        str | None, typer.Option(help="With --html and a trained network's folder: the group it is for.")
    ] = None,
) -> None:
    """Draw the series, and for each layer its phases on the circle for every token and lower state."""
    from ..api.pages import show as shown

    asked = one_of(tracked, regex)
    print_found(shown(asked, family, alphabet, channels, series, optimise, out=out, html=html, group=group))
