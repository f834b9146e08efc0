"""Machines on long words: verify, horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.tracked import KINDS
from ..artifacts.artifact import Artifact, load
from ..common.errors import InputError
from ..common.terminal import Shown, plain_table, progress
from .proving import horizon_rows
from .trials import speed
from .verifying import Verified, check_options, run_word, verify_folder

if TYPE_CHECKING:
    from ..common.dtypes import DtypeLike

LENGTH = 1_000_000
"""Tokens in each word that `horizon` tries."""


def several(texts: str | Sequence[str]) -> list[str]:
    """Names in a text, separated by commas; or those of a list."""
    return [text.strip() for text in texts.split(",")] if isinstance(texts, str) else list(texts)


def verify(
    folder: str | Path | Artifact,
    length: int = 10_000_000,
    arithmetic: str = "residues",
    words: str | Sequence[str] = KINDS,
    seed: int = 0,
    dtype: DtypeLike = "float64",
) -> Verified:
    """Check a compiled folder from its files alone: that every state and token lead where they should, and then on
    long words in one arithmetic.

    Arguments:
        folder: written by `compile`.
        length: tokens in each word.
        arithmetic: `residues`, `turns`, `complex128`, `complex64` or `network`; of a factored cascade `residues`.
        words: kinds of words, of `random`, `constant` and `commutator`, with commas or as a list; `()` for none.
        seed: of the random word.
        dtype: of the network, `float64` or `float32`.

    Raises:
        RefutedError: the machine does not track its group or automaton; the message names a state and a token, or the
            first wrong output of a word.
        InputError: the folder is damaged, or an option is unknown.

    Examples:
        >>> import subnormal as sn
        >>> folder = sn.compile("S3").save("s3")
        >>> print(sn.verify(folder, words=()))
        verified: all 6 states × 6 tokens step rightly, so words of every length are tracked
        label, not proved: the folder calls it "S3"
        >>> [trial.tokens for trial in sn.verify(folder, length=1000, words="random,constant").trials]
        [1000, 1000]
    """
    kinds = several(words)
    for kind in kinds:
        check_options(arithmetic, kind, dtype)
    artifact = load(folder)
    found = verify_folder(artifact)
    trials = tuple(run_word(artifact, arithmetic, kind, length, seed, dtype) for kind in kinds)
    lines = [
        f"{arithmetic}: {trial.kind} word of {length:,} tokens right, {speed([trial])}"
        + (f", phase error up to {trial.largest_error:.2g} margins" if trial.largest_error else "")
        for trial in trials
    ]
    return replace(found, lines=(*found.lines, *lines), trials=trials)


@dataclass(frozen=True, repr=False)
class Horizons(Shown):
    """Up to which length arithmetics are right.

    Arguments:
        rows: one dictionary an arithmetic: `arithmetic`, `proved` (None for every length), and `first_wrong` by kind of
            word. With `plot`, one a modulus, channels and arithmetic, as they stand in the CSV file.
        words: kinds of words that were tried.
        length: tokens in each.
        picture: the plot; None where none was asked.
    """

    rows: tuple[dict[str, Any], ...]
    words: tuple[str, ...]
    length: int
    picture: Path | None = None

    @property
    def proved(self) -> dict[str, int | None]:
        """For each arithmetic, up to which length every word is decoded rightly; None for every length."""
        return {row["arithmetic"]: row["proved"] for row in self.rows if self.picture is None}

    def as_json(self) -> dict[str, Any]:
        """The object that `horizon --json` prints."""
        return {"length": self.length, "horizons": list(self.rows)}

    def view(self) -> RenderableType:
        """What the command prints."""
        if self.picture is not None:
            beside = self.picture.with_suffix(".csv")
            return Text(f"{self.picture} and {beside}: {len(self.rows)} rows, words of {self.length:,} tokens")
        table = plain_table("arithmetic", "proved", *self.words)
        for column in table.columns:
            column.no_wrap = True
        for row in self.rows:
            proved = "every length" if row["proved"] is None else f"{row['proved']:,}"
            found = row["first_wrong"]
            cells = [
                f"{found[kind]:,}" if found.get(kind) else f"> {self.length:,}" if kind in found else "not run"
                for kind in self.words
            ]
            table.add_row(row["arithmetic"], proved, *cells)
        head = "proved: up to this length every word is decoded rightly. Then: the first wrong token of words tried"
        return Renderables(Text(head), table)


def horizon(
    folder: str | Path | Artifact | None = None,
    arithmetic: str | Sequence[str] | None = None,
    words: str | Sequence[str] | None = None,
    length: int | None = None,
    *,
    plot: str | Path | None = None,
) -> Horizons:
    """Up to which length each arithmetic is proved to decode every word, and where it first fails on some.

    The network's rows are left out, with a `LeftOutWarning`, where torch or python-flint is not installed.

    Arguments:
        folder: written by `compile`.
        arithmetic: some of them, with commas or as a list; None for all.
        words: kinds of words: random, constant, commutator; None for all.
        length: tokens in each word that is tried; 1,000,000 by default.
        plot: instead of a folder: measure C2 … C60, into this picture and a CSV file beside it.

    Raises:
        RefutedError: a word failed within a proved horizon.
        InputError: the folder is damaged, or an arithmetic or a kind is unknown.

    Examples:
        >>> import subnormal as sn
        >>> folder = sn.compile("C3").save("c3")
        >>> sn.horizon(folder, "residues,complex64", "constant", 1000).proved["residues"] is None
        True
    """
    if (folder is None) == (plot is None):
        raise InputError("wanted either a DIR, e.g. `horizon s4`, or `--plot horizons.png`")
    if folder is None:
        for option, value in (("arithmetic", arithmetic), ("words", words)):
            if value is not None:
                raise InputError(f"--{option} goes with a DIR, e.g. `horizon s4`, and not with --plot")
        return _plotted(Path(str(plot)), length or LENGTH)
    kinds = None if words is None else several(words)
    with progress("words", (length or LENGTH) * len(kinds or KINDS)) as advance:
        rows = horizon_rows(folder, None if arithmetic is None else several(arithmetic), kinds, length, advance)
    return Horizons(tuple(rows), tuple(kinds or KINDS), length or LENGTH)


def _plotted(path: Path, length: int) -> Horizons:
    from ..proofs_check.horizons.picture import draw, measure, write_table

    with progress("C2 … C60", 60) as advance:
        rows = measure(range(2, 61), length, advance)
    write_table(rows, path.with_suffix(".csv"))
    draw(rows, path)
    return Horizons(tuple(rows), KINDS, length, path)
