"""The commands of learning: learn, decompile, diagnose. Each prints what the function of that name returns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..common.errors import InputError
from .shared import MAX_SEED, MODEL, Force, Json, Reading, number, print_found


def learn(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="Words with labels (group=k.csv's columns), or a group or automaton's name."
        ),
    ],
    runs: Annotated[int, number(least=1, most=10**4, help="Seeds that are trained.")] = 5,
    layers: Annotated[
        int | None, number(least=1, most=64, help="Most layers. Default: as many as add something.")
    ] = None,
    alphabet: Annotated[str | None, typer.Option(help="For a group's name: all, generators, or elements.")] = None,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="The first seed.")] = 0,
    length: Annotated[
        int | None, number(least=1, most=10**5, help="Of the words drawn from a group. Default: 60.")
    ] = None,
    steps: Annotated[
        int | None,
        number(least=1, most=10**9, help="Training steps of each layer. Default: 1000, of a block layer 1200."),
    ] = None,
    channels: Annotated[
        int | None, number(least=1, most=2**14, help="Channels of each diagonal layer before the snap. Default: 32.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder. Default: learnt/ and the name of the data.")] = None,
    layers_of: Annotated[
        str, typer.Option(help="diagonal, block (one layer), or auto: diagonal, and block where that adds nothing.")
    ] = "auto",
    matrices: Annotated[
        str | None, typer.Option(help="Groups of matrices that a block layer tries, in order, e.g. SO(3),U(3).")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Learn a machine from words and labels alone, and prove what was found. Started again, it goes on."""
    from ..api.learning import as_text_of
    from ..api.learning import learn as learnt

    try:
        found = learnt(
            data, runs, layers, layers_of=layers_of, matrices=matrices, alphabet=alphabet, seed=seed, length=length,
            steps=steps, channels=channels, out=out, force=force,
        )  # fmt: skip
    except InputError as error:
        if as_json:
            print(as_text_of(error))
            raise typer.Exit(2) from None
        raise
    print_found(found, as_json)


def decompile(
    model: Annotated[str, MODEL],
    tracked: Annotated[
        str | None, typer.Argument(metavar="GROUP", help="S3, Q8, tomita(5) …; default: what the folder was made for.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the machine here, as compile does, with its proof.")] = None,
    pruned: Annotated[
        Path | None, typer.Option(help="Write the network that reads only what the machine explains here.")
    ] = None,
    length: Annotated[
        int | None,
        number(least=20, most=10**6, help="Of the longest words. Default: 1000; of somebody else's model 2000."),
    ] = None,
    reading: Reading = None,
    states: Annotated[
        int | None,
        number(least=1, most=1024, help="Of the largest machine sought in somebody else's model. Default: 256."),
    ] = None,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the words.")] = 0,
    inside: Annotated[bool, typer.Option("--inside", help="Look at the states of its recurrent layers too.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw these states: .png, .svg or .pdf; with --inside.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Read an exact machine out of a trained network, or say where it fails. Exit code 1: there is none."""
    from ..api.learning import decompile as decompiled

    found = decompiled(
        model, tracked, reading=reading, states=states, out=out, pruned=pruned, seed=seed, length=length,
        inside=inside, plot=plot, force=force,
    )  # fmt: skip
    print_found(found, as_json)
    if not found.exact:
        raise typer.Exit(1)


def diagnose(
    model: Annotated[str, MODEL],
    tracked: Annotated[
        str | None, typer.Argument(metavar="GROUP", help="S3, Q8, tomita(5) …; default: what the folder was made for.")
    ] = None,
    reading: Reading = None,
    length: Annotated[
        int | None,
        number(least=20, most=10**6, help="Of the longest words. Default: 1000; of somebody else's model 2000."),
    ] = None,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the words.")] = 0,
    as_json: Json = False,
) -> None:
    """Can this stack track GROUP, how near did this run come, and what is missing: precision or structure."""
    from ..api.learning import diagnose as diagnosed

    print_found(diagnosed(model, tracked, reading=reading, seed=seed, length=length), as_json)
