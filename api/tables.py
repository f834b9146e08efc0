"""Tables of all groups of the catalogue: atlas, catalogue; and the lemmas."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ..common.errors import RefutedError
from ..common.terminal import Shown, progress
from .faults import refutations
from .pages import Written

if TYPE_CHECKING:
    from ..algebra.groups.group import Group
    from ..constructions.cascade import Cascade
    from ..proofs_check.lemmas.lemmas import Lemma


@dataclass(frozen=True, repr=False)
class Table(Shown):
    """A CSV file with one row for each group of the catalogue up to an order.

    Arguments:
        path: of the file.
        count: of its rows.
        text: what it holds, for people.
        page: the page for the browser; None where none was asked.
    """

    path: Path
    count: int
    text: str
    page: Written | None = None

    def rows(self) -> list[dict[str, str]]:
        """The rows as they stand in the file, by column; `pandas.read_csv(table.path)` reads it too."""
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def view(self) -> Text:
        """What the command prints."""
        return Text(f"{self.path}: {self.text}" + (f"\n{self.page}" if self.page else ""))


def _filled(rows: Iterator[tuple[int, int]]) -> int:
    """Run `common.rows.write_rows` to its end under a progress bar, and return the number of rows."""
    _, total = next(rows)
    with progress("groups", total) as advance:
        for done, _ in rows:
            advance(done)
    return total


def atlas(
    max_order: int = 255, out: str | Path = "atlas.csv", processes: int = 2, html: str | Path | None = None
) -> Table:
    """Write one row for every group of the catalogue up to an order: layers, series, channels, margins.

    Arguments:
        max_order: the largest order, up to 255.
        out: the CSV file; an interrupted one is continued.
        processes: that compute rows.
        html: also write the table as a page for the browser, to search and to sort.

    Raises:
        InputError: the files cannot be written.

    Examples:
        >>> import subnormal as sn
        >>> table = sn.atlas(max_order=8, processes=1)
        >>> table
        atlas.csv: 14 groups of order ≤ 8
        >>> [row["depth"] for row in table.rows() if row["order"] == "6"]
        ['2', '1']
    """
    from ..algebra.depth.atlas import write_atlas

    if html is not None:
        from ..constructions.pages.packing import check_page_path

        check_page_path(Path(html))
    total = _filled(write_atlas(Path(out), max_order, processes))
    page = None
    if html is not None:
        from ..constructions.pages.atlas_page import write_atlas_page

        page = Written(Path(html), write_atlas_page(Path(html), Path(out)))
    return Table(Path(out), total, f"{total:,} groups of order ≤ {max_order}", page)


def catalogue(max_order: int = 255, out: str | Path = "catalogue.csv", processes: int = 2) -> Table:
    """Compile and certify every group of the catalogue up to an order, and write a row for each.

    Arguments:
        max_order, out, processes: as for `sn.atlas`.

    Raises:
        RefutedError: a certificate is wrong.
        InputError: the file cannot be written.

    Examples:
        >>> import subnormal as sn
        >>> sn.catalogue(max_order=4, processes=1)
        catalogue.csv: 5 groups of order ≤ 4 certified
    """
    from ..proofs_check.certificates.catalogue import write_catalogue

    with refutations():
        total = _filled(write_catalogue(Path(out), max_order, processes))
    return Table(Path(out), total, f"{total:,} groups of order ≤ {max_order} certified")


NOT_DERIVED = (
    "Not derived here: that a coordinate which Lemma 1 shows to be useless can be taken out of a model (the\n"
    "paper's own argument), and the universal approximation by which a network's parts are arbitrary functions."
)


@dataclass(frozen=True, repr=False)
class Lemmas(Shown):
    """The papers' lemmas with their derivations.

    Arguments:
        results: each with its title, statement, steps and verdict.
    """

    results: tuple[Lemma, ...]

    @property
    def verified(self) -> bool:
        """Whether every one was derived."""
        return all(lemma.verdict == "verified" for lemma in self.results)

    @property
    def refuted(self) -> tuple[str, ...]:
        """Titles of those with a step that is wrong."""
        return tuple(lemma.title for lemma in self.results if lemma.verdict == "refuted")

    def require(self) -> None:
        """Raises `RefutedError` where one is refuted."""
        if self.refuted:
            raise RefutedError(f"refuted: {', '.join(self.refuted)}")

    def view(self) -> Text:
        """What the command prints."""
        return Text("\n\n".join([*(lemma.text() for lemma in self.results), NOT_DERIVED]))

    def __repr__(self) -> str:
        return "\n".join(f"{lemma.title}: {lemma.verdict}" for lemma in self.results)


def lemmas(folders: Sequence[str | Path] | None = None) -> Lemmas:
    """Derive the lemmas by SymPy, and check both directions of Theorem 2 on groups.

    Arguments:
        folders: written by `compile`; S3 and S4 if none is given.

    Raises:
        MissingPackageError: SymPy is not installed.
        InputError: a folder cannot be read.

    Examples:
        >>> import subnormal as sn
        >>> sn.lemmas().verified
        True
    """
    from ..proofs_check.lemmas.lemmas import symbolic_lemmas
    from ..proofs_check.lemmas.wreath import embedding_lemma, subgroups_lemma

    cascades = list(_cascades(folders or ()))
    shown = [embedding_lemma(cascade, group) for cascade, group in cascades]
    return Lemmas((*symbolic_lemmas(), subgroups_lemma(), *shown))


def _cascades(folders: Sequence[str | Path]) -> Iterator[tuple[Cascade, Group]]:
    from ..algebra.depth.families import FAMILIES
    from ..algebra.input.parser import list_group
    from ..constructions.artifact import load_cascade
    from ..constructions.compiler import compile_group

    for folder in folders:
        yield load_cascade(Path(folder))[:2]
    if not folders:
        for name in ("S3", "S4"):
            group = list_group(name)
            yield compile_group(group, [FAMILIES["aussm"]]).cascade, group
