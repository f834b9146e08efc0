"""The command parity."""

from __future__ import annotations

from typing import Annotated

import typer

from .shared import NOT_REFUTED, Json, number, print_found


def parity(
    layers: Annotated[int, number(least=1, most=8, help="Mixtures of S4D and Mamba up to this many layers.")] = 4,
    width: Annotated[int, number(least=1, most=1024, help="Channels of each layer.")] = 8,
    seeds: Annotated[int, number(least=1, most=1000, help="Random networks of each mixture.")] = 1,
    activation: Annotated[str, typer.Option(help="Readout of the layers: hard, softmax, relu, tanh …")] = "hard",
    tokens: Annotated[int, number(least=1, most=10**9, help="Longest word run for the table of step sizes.")] = 200_000,
    as_json: Json = False,
) -> None:
    """Show which families cannot follow parity, on words, and which can, by weights. Exit code 4: a mixture stood."""
    from ..api.refuting import parity as shown

    found = shown(layers, width, seeds, activation, tokens)
    print_found(found, as_json)
    if not found.refuted:
        raise typer.Exit(NOT_REFUTED)
