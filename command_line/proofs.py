"""The commands certify, check, horizon and lemmas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from subnormal.algebra.base.errors import InputError, RefutedError
from subnormal.algebra.base.terminal import progress
from subnormal.command_line.shared import Json, fill

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by compile, or by certify.")]


def certify(
    target: Annotated[
        str, typer.Argument(metavar="DIR|GROUP", help="A folder written by compile; or a group, e.g. A5.")
    ],
    out: Annotated[Path | None, typer.Option(help="For a group: the folder to write. Default: its name.")] = None,
    family: Annotated[str, typer.Option(help="For a group: the family, e.g. negative-mamba.")] = "aussm",
) -> None:
    """Write the certificate of a compiled folder; or compile a group, or prove that no number of layers tracks it."""
    if _is_folder(target):
        if out is not None:
            raise InputError(f"{target} is a folder: its certificate is written into it, --out is for a group")
        folder = Path(target)
        claim = _certified(folder)
    else:
        folder, claim = _compiled_and_certified(target, out, family)
    print(f"{folder}/certificate.json: {claim}")
    (folder / "network_certificate.json").unlink(missing_ok=True)  # of an earlier network
    if not (folder / "model.safetensors").exists():
        if (folder / "cascade.json").exists():
            print("network: none in the folder (it would have been too large), so none is certified")
        return
    if find_spec("flint") is None:
        print("network: not certified, that needs python-flint (the extra `proofs`)")
        return
    from subnormal.proofs_check.certificates.certificate import write_json
    from subnormal.proofs_check.certificates.network_certificate import certificate_content, prove_network

    proof = prove_network(folder)
    write_json(folder / "network_certificate.json", certificate_content(folder, proof))
    print(f"{folder}/network_certificate.json: {proof.sentence()}")


def _is_folder(target: str) -> bool:
    """Whether a folder is meant rather than a group: an earlier `certify A5` may have left a folder of that name."""
    from subnormal.algebra.input.parser import parse_group

    if not Path(target).is_dir() or (Path(target) / "cascade.json").exists():
        return Path(target).is_dir()
    try:
        parse_group(target)
    except InputError:
        return True
    return False


def _certified(folder: Path) -> str:
    """Certify a compiled folder and return the claim."""
    from subnormal.constructions.factored.artifact import is_factored
    from subnormal.proofs_check.certificates.certificate import certify_folder

    if not (folder / "cascade.json").exists():
        raise InputError(f"{folder}: no cascade.json there; make one with `compile S4 --out {folder}`")
    if is_factored(folder):
        raise InputError(f"{folder}: a factored cascade is its own certificate; `check {folder}` proves it")
    with _refutations():
        return certify_folder(folder)


def _compiled_and_certified(text: str, out: Path | None, family: str) -> tuple[Path, str]:
    """Compile a group where the family can track it, and certify that; else certify that it never can."""
    from subnormal.algebra.depth.families import parse_stack
    from subnormal.algebra.depth.series import shortest_series
    from subnormal.algebra.groups.identify import small_group_id
    from subnormal.algebra.input.parser import list_group
    from subnormal.command_line.compiler import default_folder
    from subnormal.constructions.compiler import compile_group, save
    from subnormal.proofs_check.certificates.certificate import certify_refusal

    group, stack = list_group(text), parse_stack(family)
    folder = out or Path(default_folder(group.name))
    if len(stack) > 1 or shortest_series(group, stack[0]).is_complete:
        save(compile_group(group, stack), folder, small_group_id(group))
        return folder, _certified(folder)
    if (folder / "cascade.json").exists():
        raise InputError(f"{folder} holds a compiled group; name another folder, e.g. --out {folder}_never")
    with _refutations():
        return folder, certify_refusal(group, stack[0], folder)


@contextmanager
def _refutations() -> Iterator[None]:
    """The checker's errors as those of the command line."""
    from subnormal.proofs_check.certificates.checker import FaultError

    try:
        yield
    except FaultError as error:
        problem, code = error.args
        raise (RefutedError(problem) if code == 1 else InputError(problem)) from None


def check(
    folder: Folder,
    network: Annotated[bool, typer.Option(help="Also prove the network again, where it was certified.")] = True,
) -> None:
    """Verify a certificate with the independent checker, and the network's by proving it again."""
    from subnormal.constructions.factored.artifact import is_factored
    from subnormal.proofs_check.certificates import checker, factored_checker

    with _refutations():
        print(f"verified: {(factored_checker if is_factored(folder) else checker).check(folder)}")
    if not (folder / "network_certificate.json").exists():
        return
    if not network:
        print("not checked: network_certificate.json")
        return
    from subnormal.proofs_check.certificates.network_certificate import recheck

    print(f"verified: {recheck(folder)}")


def horizon(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A folder written by compile.")] = None,
    length: Annotated[int, typer.Option(min=1, max=10**10, help="Tokens in each word tried.")] = 1_000_000,
    arithmetic: Annotated[str | None, typer.Option(help="Some of them, separated by commas. Default: all.")] = None,
    words: Annotated[str, typer.Option(help="Kinds of words, with commas.")] = "random,constant,commutator",
    as_json: Json = False,
    plot: Annotated[Path | None, typer.Option(help="Instead of DIR: measure C2 … C60, into PNG and CSV.")] = None,
) -> None:
    """Say up to which length each arithmetic is proved right for every word, and where it first fails on some."""
    from subnormal.constructions.words import KINDS
    from subnormal.proofs_check.horizons.arithmetic import ARITHMETICS
    from subnormal.proofs_check.horizons.arithmetic import arithmetic as known

    if (folder is None) == (plot is None):
        raise InputError("wanted either a DIR, e.g. `horizon s4`, or `--plot horizons.png`")
    kinds = words.split(",")
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"unknown kind of word {kind[:40]!r}; wanted one of {', '.join(KINDS)}")
    names = [known(name) for name in arithmetic.split(",")] if arithmetic else list(ARITHMETICS)
    if plot is not None:
        _plot(plot, length)
        return
    assert folder is not None
    rows = _horizons(folder, names, kinds, length)
    if as_json:
        print(json.dumps({"length": length, "horizons": rows}, ensure_ascii=False))
        return
    _print_horizons(rows, kinds, length)


def _horizons(folder: Path, names: list[str], kinds: list[str], length: int) -> list[dict[str, Any]]:
    from subnormal.constructions.artifact import load_cascade
    from subnormal.proofs_check.horizons.horizon import proved_horizon
    from subnormal.proofs_check.horizons.runs import first_failures

    cascade, group, _ = load_cascade(folder)
    rows: list[dict[str, Any]] = [{"arithmetic": name, "proved": proved_horizon(cascade, name)} for name in names]
    tokens = dict.fromkeys(kinds, 0)
    with progress("words", length * len(kinds)) as advance:

        def count(word: str, done: int) -> None:
            tokens[word] = done
            advance(sum(tokens.values()))

        found = first_failures(cascade, group, names, kinds, length, count)
    for row in rows:
        row["first_wrong"] = {o.word: o.first_wrong for o in found if o.arithmetic == row["arithmetic"]}
        wrong = [t for t in row["first_wrong"].values() if t is not None and row["proved"] is not None]
        if any(t <= row["proved"] for t in wrong) or (row["proved"] is None and any(row["first_wrong"].values())):
            raise RefutedError(f"{row['arithmetic']}: a word failed within the proved horizon: {row}")
    if (folder / "model.safetensors").exists():
        from subnormal.proofs_check.certificates.network_certificate import prove_network

        for dtype in ("float64", "float32"):
            proof = prove_network(folder, dtype)
            rows.append({"arithmetic": f"network, {dtype}", "proved": proof.horizon, "first_wrong": {}})
    return rows


def _print_horizons(rows: list[dict[str, Any]], kinds: list[str], length: int) -> None:
    from subnormal.algebra.base.terminal import console, plain_table

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
    from subnormal.proofs_check.horizons.picture import draw, measure, write_table

    with progress("C2 … C60", 60) as advance:
        rows = measure(range(2, 61), length, advance)
    table = path.with_suffix(".csv")
    write_table(rows, table)
    draw(rows, path)
    print(f"{path} and {table}: {len(rows)} rows, words of {length:,} tokens")


def catalogue(
    max_order: Annotated[int, typer.Option(help="Largest order, at most 255.")] = 255,
    out: Annotated[Path, typer.Option(help="CSV file; an unfinished one is gone on with.")] = Path("catalogue.csv"),
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 2,
) -> None:
    """Compile and certify every group of the catalogue up to an order."""
    from subnormal.proofs_check.certificates.catalogue import write_catalogue

    with _refutations():
        total = fill(write_catalogue(out, max_order, processes))
    print(f"{out}: {total:,} groups of order ≤ {max_order} certified")


def lemmas(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="Compiled folders; S3 and S4 if none is given.")
    ] = None,
) -> None:
    """Derive the lemmas by SymPy, and check both directions of Theorem 2 on groups."""
    from subnormal.algebra.depth.families import FAMILIES
    from subnormal.algebra.input.parser import list_group
    from subnormal.constructions.artifact import load_cascade
    from subnormal.constructions.compiler import compile_group
    from subnormal.proofs_check.lemmas.lemmas import symbolic_lemmas
    from subnormal.proofs_check.lemmas.wreath import embedding_lemma, subgroups_lemma

    if folders:
        cascades = [load_cascade(folder)[:2] for folder in folders]
    else:
        groups = [list_group(name) for name in ("S3", "S4")]
        cascades = [(compile_group(group, [FAMILIES["aussm"]]).cascade, group) for group in groups]
    results = [*symbolic_lemmas(), subgroups_lemma(), *(embedding_lemma(cascade, group) for cascade, group in cascades)]
    for lemma in results:
        print(f"{lemma.text()}\n")
    print("Not derived here: that a coordinate which Lemma 1 shows to be useless can be taken out of a model (the")
    print("paper's own argument), and the universal approximation by which a network's parts are arbitrary functions.")
    refuted = [lemma.title for lemma in results if lemma.verdict == "refuted"]
    if refuted:
        raise RefutedError(f"refuted: {', '.join(refuted)}")
