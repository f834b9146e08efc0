"""The commands certify, check, horizon and lemmas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..common.errors import InputError, RefutedError
from ..common.terminal import progress
from .shared import Force, Json, Regex, fill, number, one_of

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by compile, or by certify.")]


LENGTH = 1_000_000
"""Tokens in each word that `horizon` tries."""


def certify(
    target: Annotated[
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

    print(certified(one_of(target, regex), out, family, force=force))


def check(
    folder: Folder,
    network: Annotated[bool, typer.Option(help="Also prove the network again, where it was certified.")] = True,
    coq: Annotated[bool, typer.Option("--coq", help="Also have Coq prove the theorem of this folder.")] = False,
) -> None:
    """Verify a certificate with the independent checker, and the network's by proving it again."""
    from ..api.proving import check as checked

    print(checked(folder, network, coq))


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
    from ..algebra.tracked import KINDS
    from ..api.proving import horizon as horizons

    if (folder is None) == (plot is None):
        raise InputError("wanted either a DIR, e.g. `horizon s4`, or `--plot horizons.png`")
    if plot is not None:
        for option, value in (("arithmetic", arithmetic), ("words", words), ("json", as_json or None)):
            if value is not None:
                raise InputError(f"--{option} goes with a DIR, e.g. `horizon s4`, and not with --plot")
        _plot(plot, length or LENGTH)
        return
    assert folder is not None
    asked, kinds = words and words.split(","), words.split(",") if words else list(KINDS)
    with progress("words", (length or LENGTH) * len(kinds)) as advance:
        rows = horizons(folder, arithmetic.split(",") if arithmetic else None, asked or None, length, advance)
    length = length or LENGTH
    if as_json:
        print(json.dumps({"length": length, "horizons": rows}, ensure_ascii=False))
        return
    _print_horizons(rows, kinds, length)


def _print_horizons(rows: list[dict[str, Any]], kinds: list[str], length: int) -> None:
    from ..common.terminal import console, plain_table

    screen = console()
    print("proved: up to this length every word is decoded rightly. Then: the first wrong token of words tried")
    table = plain_table("arithmetic", "proved", *kinds)
    for column in table.columns:
        column.no_wrap = True
    for row in rows:
        proved = "every length" if row["proved"] is None else f"{row['proved']:,}"
        found = row["first_wrong"]
        cells = [f"{found[k]:,}" if found.get(k) else f"> {length:,}" if k in found else "not run" for k in kinds]
        table.add_row(row["arithmetic"], proved, *cells)
    screen.print(table)


def _plot(path: Path, length: int) -> None:
    from ..proofs_check.horizons.picture import draw, measure, write_table

    with progress("C2 … C60", 60) as advance:
        rows = measure(range(2, 61), length, advance)
    table = path.with_suffix(".csv")
    write_table(rows, table)
    draw(rows, path)
    print(f"{path} and {table}: {len(rows)} rows, words of {length:,} tokens")


def catalogue(
    max_order: Annotated[int, number(least=1, most=255, help="Largest order.")] = 255,
    out: Annotated[Path, typer.Option(help="CSV file; an interrupted one is continued.")] = Path("catalogue.csv"),
    processes: Annotated[int, number(least=1, most=64, help="Processes.")] = 2,
) -> None:
    """Compile and certify every group of the catalogue up to an order."""
    from ..api.faults import refutations
    from ..proofs_check.certificates.catalogue import write_catalogue

    with refutations():
        total = fill(write_catalogue(out, max_order, processes))
    print(f"{out}: {total:,} groups of order ≤ {max_order} certified")


def lemmas(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="Compiled folders; S3 and S4 if none is given.")
    ] = None,
) -> None:
    """Derive the lemmas by SymPy, and check both directions of Theorem 2 on groups."""
    from ..algebra.depth.families import CIRCLE
    from ..algebra.input.parser import list_group
    from ..constructions.artifact import load_cascade
    from ..constructions.compiler import compile_group
    from ..proofs_check.lemmas.lemmas import symbolic_lemmas
    from ..proofs_check.lemmas.wreath import embedding_lemma, subgroups_lemma

    if folders:
        cascades = [load_cascade(folder)[:2] for folder in folders]
    else:
        groups = [list_group(name) for name in ("S3", "S4")]
        cascades = [(compile_group(group, [CIRCLE]).cascade, group) for group in groups]
    results = [*symbolic_lemmas(), subgroups_lemma(), *(embedding_lemma(cascade, group) for cascade, group in cascades)]
    for lemma in results:
        print(f"{lemma.text()}\n")
    print("Not derived here: that a coordinate which Lemma 1 shows to be useless can be taken out of a model (the")
    print("paper's own argument), and the universal approximation by which a network's parts are arbitrary functions.")
    refuted = [lemma.title for lemma in results if lemma.verdict == "refuted"]
    if refuted:
        raise RefutedError(f"refuted: {', '.join(refuted)}")
