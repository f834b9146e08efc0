"""The command `probe`: it prints what the function of that name returns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .shared import Force, Json, number, print_found
from .training import Device, Processes, numbers_of, seeds_of


def probe(
    architecture: Annotated[
        str,
        typer.Argument(
            metavar="ARCHITECTURE",
            help="A family of ours or a stack, a model_type of transformers (olmo_hybrid, mamba2 …), a config.json, or "
            "file.py:factory; several are separated by ;",
        ),
    ],
    tasks: Annotated[
        str | None, typer.Argument(metavar="TASKS", help="E.g. 'parity,S3,dyck(2,4)'. Default: a suite of 15.")
    ] = None,
    budget: Annotated[
        str, typer.Option(help="quick (minutes) or paper; the next options change parts of it.")
    ] = "quick",
    layers: Annotated[
        int | None, number(least=1, most=64, help="Of a stack of ours, or of a tiny transformers model. Default: 2.")
    ] = None,
    width: Annotated[int | None, number(least=8, most=2**14, help="Hidden size of a tiny transformers model.")] = None,
    steps: Annotated[int | None, number(least=1, most=10**7, help="Training steps.")] = None,
    batch: Annotated[int | None, number(least=1, most=10**7, help="Words in a step.")] = None,
    length: Annotated[str | None, typer.Option(help="Of training words, e.g. 2>>24: growing from 2 to 24.")] = None,
    learning_rate: Annotated[str | None, typer.Option(help="Several are separated by commas: the best counts.")] = None,
    seeds: Annotated[str | None, typer.Option(help="A number of seeds (3: 0, 1, 2), or a list such as 4,7.")] = None,
    test_length: Annotated[int | None, number(least=1, most=10**6, help="Of the words that judge.")] = None,
    test_words: Annotated[int | None, number(least=1, most=10**6, help="Their number.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder. Default: probes/ and the architecture's name.")] = None,
    processes: Processes = None,
    device: Device = "cpu",
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, e.g. tcp://127.0.0.1:8786 (extra `cluster`).")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train fresh copies of ARCHITECTURE on tasks of known depth, beside what theory allows; again, it goes on."""
    from ..api.probing import probe as probed

    found = probed(
        architecture,
        tasks,
        budget=budget,
        layers=layers,
        width=width,
        steps=steps,
        batch=batch,
        length=length,
        learning_rate=None if learning_rate is None else numbers_of("learning-rate", learning_rate),
        seeds=None if seeds is None else seeds_of(seeds),
        test_length=test_length,
        test_words=test_words,
        out=out,
        processes=processes,
        device=device,
        scheduler=scheduler,
        force=force,
    )
    print_found(found, as_json)
