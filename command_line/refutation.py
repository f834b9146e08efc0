"""The command refute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .shared import ALLOWED, GROWTH_OBSERVED, MAX_SEED, NOT_REFUTED, Json, Reading, number, print_found


def refute(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A folder with config.json and model.safetensors, or path/to/file.py:function, a callable from token "
            "ids to logits; left out with --random.",
        ),
    ],
    tracked: Annotated[
        str | None, typer.Argument(metavar="GROUP", help="S3, tomita(5), … (regex(a*b) too); default: a folder's.")
    ] = None,
    epsilon: Annotated[
        float | None,
        number(least=0, most=1e30, kind=float, help="States this close in every channel count as one. Default: 1e-6."),
    ] = None,
    random: Annotated[
        str | None, typer.Option(help="A random network instead of MODEL: a family, or a stack such as mamba,aussm.")
    ] = None,
    layers: Annotated[int, number(least=1, most=64, help="With --random and one family: how many layers.")] = 1,
    width: Annotated[
        int | None,
        number(
            least=1, most=4096, help="With --random: channels of each layer. Default: 16 or what makes whole blocks."
        ),
    ] = None,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="With --random: of its weights.")] = 0,
    activation: Annotated[str, typer.Option(help="With --random: hard, softmax, relu, tanh …")] = "hard",
    reading: Reading = None,
    length: Annotated[
        int | None, number(least=1, most=10**6, help="Of the longest words that somebody else's model is run on.")
    ] = None,
    as_json: Json = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page for the browser, where the two words run side by side.")
    ] = None,
) -> None:
    """Find the words on which a model that cannot track GROUP fails. Exit code 0: found; 3: a state was seen to
    grow, which is not proved to go on; 4: nothing found within the budget; 5: theory allows the model."""
    from ..api.pages import Written
    from ..api.refuting import refute as refuted

    found = refuted(
        model, tracked, reading=reading, length=length, epsilon=epsilon, random=random, layers=layers, width=width,
        seed=seed, activation=activation, html=html,
    )  # fmt: skip
    print_found(found, as_json)
    if html is not None:
        print(Written.at(html))
    if not found.refuted:
        raise typer.Exit({"growth": GROWTH_OBSERVED, "allowed": ALLOWED}.get(found.kind, NOT_REFUTED))
