"""Groups from files: a Cayley table (.csv, .npy, .json) or permutations (.json)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ...common.wording import short
from ..arithmetic.permutations import MAX_DEGREE, cycles, parse_permutation, rows
from ..groups.group import TABLE_LIMIT, Group
from ..groups.permutation_group import PermutationGroup

_WANTED = (
    "wanted a square table of element numbers 0 … n-1 (row i, column j holds i·j), or in .json permutations as "
    '{"permutations": [[1, 2, 0], [1, 0, 2]]}'
)

_ANY: Any = list[Any] | dict[str, Any]
_SCHEMA: Any = list[list[int]] | dict[str, list[list[int] | str]]


def read_group(path: Path) -> PermutationGroup:
    """The group in a file.

    A Cayley table keeps its numbering; where its identity is not 0, the identity and 0 change places and the group's
    notes say so. Permutations in .json are lists of images of 0, 1, … (or all of 1, 2, …, which its notes say), or
    texts in cycles of points from 1, under the key `permutations`.

    Raises:
        InputError: the file cannot be read, or what it holds is not a group; the message names the offending elements.
    """
    from ...common import reading

    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _from_table(_table(reading.read_npy(path, wanted=_WANTED), path), path)
    if suffix == ".json":
        keys = reading.read_json(path, _ANY, wanted=_WANTED)
        if isinstance(keys, dict) and (other := next((key for key in keys if key != "permutations"), None)):
            raise InputError(f"{path}: the key {other[:40]!r} is not read; leave it out: {_WANTED}")
        content = reading.read_json(path, _SCHEMA, wanted=_WANTED)
        return _permutations(content, path) if isinstance(content, dict) else _from_table(_table(content, path), path)
    return _from_table(_table(reading.read_table(path, wanted=_WANTED), path), path)


def _table(content: NDArray[Any] | list[list[int]], path: Path) -> NDArray[np.intp]:
    if len(content) > TABLE_LIMIT:
        raise InputError(
            f"{path}: a table of order {len(content):,}; tables are read up to order {TABLE_LIMIT}, give larger groups "
            "as permutations"
        )
    try:
        table = np.array(content)
    except ValueError:
        raise InputError(f"{path}: rows of different lengths; {_WANTED}") from None
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not table.size:
        raise InputError(f"{path}: an array of shape {table.shape}; {_WANTED}")
    if not np.issubdtype(table.dtype, np.integer):
        raise InputError(f"{path}: entries of type {table.dtype}; {_WANTED}")
    n = len(table)
    outside = np.argwhere((table < 0) | (table >= n))
    if len(outside):
        i, j = outside[0]
        if table.min() == 1 and table.max() == n:
            raise InputError(
                f"{path}: its numbers go from 1 to {n} (as in GAP's tables); wanted 0 … {n - 1}: subtract 1 from each"
            )
        raise InputError(f"{path}: not closed: {i}·{j} = {table[i, j]} is not an element 0 … {n - 1}")
    return table.astype(np.intp)


def validated_table(table: NDArray[np.intp], source: str) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """A table (order, order) checked to be a group's, with the identity moved to 0, and notes on what was renumbered.

    Checks the identity, inverses, and associativity by Light's test (Clifford and Preston 1961, §1.2): (x·g)·y =
    x·(g·y) for all x, y and the g of a generating set.

    Raises:
        InputError: names the elements at which the table fails.
    """
    n = len(table)
    everything = np.arange(n)
    left = np.flatnonzero((table == everything).all(axis=1))
    right = np.flatnonzero((everything == table.T).all(axis=1))
    both = np.intersect1d(left, right)
    if not len(both):
        near = int(np.argmax((table == everything).sum(axis=1) + (everything == table.T).sum(axis=1)))
        bad = [(near, x, table[near, x]) for x in np.flatnonzero(table[near] != everything)] + [
            (x, near, table[x, near]) for x in np.flatnonzero(table[:, near] != everything)
        ]
        i, j, value = bad[0]
        raise InputError(f"{source}: no identity: {near} comes nearest, but {i}·{j} = {value}")
    identity = int(both[0])
    notes: tuple[str, ...] = ()
    if identity:
        swap = everything.copy()
        swap[[0, identity]] = identity, 0
        table = swap[table[np.ix_(swap, swap)]]
        notes = (f"the table's identity is {identity}: elements 0 and {identity} have changed places",)

    def named(element: int | np.integer) -> int:
        element = int(element)
        return identity if element == 0 else 0 if element == identity else element

    no_inverse = np.flatnonzero(~((table == 0) & (table.T == 0)).any(axis=1))
    if len(no_inverse):
        raise InputError(f"{source}: element {named(int(no_inverse[0]))} has no inverse")
    reached = np.zeros(n, dtype=bool)
    reached[0] = True
    while not reached.all():
        generator = int(np.flatnonzero(~reached)[0])
        wrong = np.argwhere(table[table[:, generator]] != table[:, table[generator]])
        if len(wrong):
            x, y = wrong[0]
            raise InputError(
                f"{source}: not associative: ({named(x)}·{named(generator)})·{named(y)} = "
                f"{named(table[table[x, generator], y])} but "
                f"{named(x)}·({named(generator)}·{named(y)}) = {named(table[x, table[generator, y]])}"
            )
        reached[generator] = True
        grown = 0
        while grown != int(np.count_nonzero(reached)):  # products of what has passed Light's test pass it too
            grown = int(np.count_nonzero(reached))
            reached[table[np.ix_(reached, reached)]] = True
    return table, notes


def is_labelled_table(table: NDArray[np.integer]) -> bool:
    """Whether a table that is not square is a group's, its numbers from 0 or from 1, with those numbers once more as a
    first row or a first column."""
    rows, columns = table.shape
    if abs(rows - columns) != 1 or not table.size or table.dtype.kind not in "iu":
        return False
    table = (table.T if rows < columns else table) - table.min()
    inner, n = table[1:], table.shape[1]
    if not (table[0] == np.arange(n)).all() or table.max() >= n:
        return False
    try:
        validated_table(inner.astype(np.intp), "")
    except InputError:
        return False
    return True


def _from_table(table: NDArray[np.intp], path: Path) -> PermutationGroup:
    try:
        table, notes = validated_table(table, str(path))
    except InputError as error:
        raise InputError(f"{error}; if it is an automaton's table, write 'automaton({path})'") from None
    return PermutationGroup.from_listed(Group.from_table(table, path.stem, notes=notes))


def _permutations(content: dict[str, list[list[int] | str]], path: Path) -> PermutationGroup:
    given = content.get("permutations")
    if not given or not all(given):
        raise InputError(f"{path}: no list of permutations; {_WANTED}")
    return images_group(given, path.stem, str(path))


def images_group(given: Sequence[Sequence[int] | str], name: str | None, where: str) -> PermutationGroup:
    """The group that permutations generate: lists of images of points counted from 0, or all from 1, which its notes
    say; or texts in cycles of points from 1.

    Arguments:
        name: of the group; None for the permutations themselves.
        where: how messages begin.

    Raises:
        InputError: one is not a permutation, or some lists begin at 0 and some at 1.
    """
    images: list[list[int]] = []
    first: dict[int, int] = {}  # from 0 or 1, and which permutation shows it
    for number, one in enumerate(given, 1):
        try:
            image = parse_permutation(one) if isinstance(one, str) else list(one)
        except InputError as error:
            raise InputError(f"{where}: permutation {number}: {error}") from None
        if len(image) > MAX_DEGREE:
            raise InputError(f"{where}: permutation {number} has {len(image)} points; wanted at most {MAX_DEGREE}")
        least = 0 if isinstance(one, str) or not image else min(image)
        if sorted(image) != list(range(least, len(image) + least)) or least not in (0, 1):
            raise InputError(f"{where}: permutation {number} is not a list of all of 0 … {len(image) - 1}; {_WANTED}")
        if not isinstance(one, str):
            first.setdefault(least, number)
        images.append([point - least for point in image])
    if len(first) > 1:
        raise InputError(
            f"{where}: permutation {first[0]} lists images of points from 0, permutation {first[1]} from 1; wanted all "
            'from 0, or cycles of points from 1, e.g. "(1,2,3)"'
        )
    permutations = rows(images)
    group = PermutationGroup.generated(name or f"<{short(','.join(map(cycles, permutations)), 58)}>", permutations)
    return (
        group.noted(f"lists of images are read with points counted from 1: 1 … {group.degree}") if 1 in first else group
    )
