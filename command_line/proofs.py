"""The commands certify, check, horizon, catalogue and lemmas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .shared import Force, Json, Regex, number, one_of, print_found

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by compile, or by certify.")]


def certify(
    tracked: Annotated[
        str | None,
        typer.Argument(metavar="DIR|GROUP", help="A folder written by compile; or a group or an automaton, e.g. A5."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="For a group: the folder to write. Default: its name.")] = None,
    family: Annotated[
        str | None,
        typer.Option(help="For a group or an automaton: the family, e.g. negative-mamba. Default: as compile."),
    ] = None,
    regex: Regex = None,
    force: Force = False,
) -> None:
    """Write the certificate of a compiled folder; or compile a group, or prove that no number of layers tracks it."""
    from ..api.proving import certify as certified

    print_found(certified(one_of(tracked, regex), out, family, force=force))


def check(
    folder: Folder,
    network: Annotated[bool, typer.Option(help="Also prove the network again, where it was certified.")] = True,
    coq: Annotated[bool, typer.Option("--coq", help="Also have Coq prove the theorem of this folder.")] = False,
) -> None:
    """Verify a certificate with the independent checker, and the network's by proving it again."""
    from ..api.proving import check as checked

    print_found(checked(folder, network, coq))


def horizon(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A folder written by compile.")] = None,
    length: Annotated[
        int | None, number(least=1, most=10**10, help="Tokens in each word tried. Default: 10^6.")
    ] = None,
    arithmetic: Annotated[str | None, typer.Option(help="Some of them, separated by commas. Default: all.")] = None,
    words: Annotated[
        str | None, typer.Option(help="Kinds of words, with commas. Default: random,constant,commutator.")
    ] = None,
    as_json: Json = False,
    plot: Annotated[Path | None, typer.Option(help="Instead of DIR: measure C2 … C60, into PNG and CSV.")] = None,
) -> None:
    """Say up to which length each arithmetic is proved right for every word, and where it first fails on some."""
    from ..api.running import horizon as horizons

    print_found(horizons(folder, arithmetic, words, length, plot=plot), as_json)


def catalogue(
    max_order: Annotated[int, number(least=1, most=255, help="Largest order.")] = 255,
    out: Annotated[Path, typer.Option(help="CSV file; an interrupted one is continued.")] = Path("catalogue.csv"),
    processes: Annotated[int, number(least=1, most=64, help="Processes.")] = 2,
) -> None:
    """Compile and certify every group of the catalogue up to an order."""
    from ..api.tables import catalogue as written

    print_found(written(max_order, out, processes))


def lemmas(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="Compiled folders; S3 and S4 if none is given.")
    ] = None,
) -> None:
    """Derive the lemmas by SymPy, and check both directions of Theorem 2 on groups."""
    from ..api.tables import lemmas as derived

    found = derived(folders)
    print_found(found)
    found.require()
