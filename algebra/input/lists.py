"""Lists and arrays: permutations, images of points, Cayley tables and matrices, from Python or as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ...common.wording import short
from ..arithmetic.permutations import cycles, parse_permutations, rows
from ..groups.group import TABLE_LIMIT, Group
from ..groups.permutation_group import PermutationGroup
from .files import images_group, validated_table
from .matrices import EXAMPLE, matrix_group

WANTED = (
    "wanted a name, e.g. 'S4'; a square Cayley table of element numbers 0 … n-1; images of points, e.g. "
    "[[1,2,0,3],[1,0,2,3]]; matrices; or an object of SymPy, networkx, automata-lib or AALpy"
)


def parse_lists(text: str) -> PermutationGroup:
    """The group in a text that begins with two brackets: matrices, a Cayley table, or lists of images.

    Raises:
        InputError: the text is not understood.
    """
    found = re.fullmatch(r"(.*?)(?:\s*(?:over|mod(?:ulo)?)\s+(.*))?", text.strip(), re.DOTALL)
    assert found is not None
    inside, over = found[1].strip(), found[2]
    grouped = False
    for brackets in (r"Group\s*\((.*)\)", r"<(.*)>"):
        if wrapped := re.fullmatch(brackets, inside, re.DOTALL):
            inside, grouped = wrapped[1].strip(), True
    inside = inside.replace(";", ",")
    quoted = re.sub(r"[^\[\],\s][^\[\],]*", lambda entry: repr(entry[0].strip()), inside)
    try:
        content = ast.literal_eval(f"[{quoted}]")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise InputError(f"brackets of {short(text, 60)!r} do not close; wanted lists of lists, {EXAMPLE}") from None
    while len(content) == 1 and _levels(content) > 3:  # Group([a, b]) as Group(a, b)
        content = content[0]
    numbers = content[0] if len(content) == 1 and not grouped and over is None else None
    if numbers and _levels(content) == 3 and all(re.fullmatch(r"\d{1,9}", x) for row in numbers for x in row):
        return from_lists([[int(x) for x in row] for row in numbers])
    if _levels(content) == 3 and all(_levels(matrix) == 2 for matrix in content):
        return matrix_group(content, over)
    raise InputError(f"lists in {short(text, 60)!r} are neither matrices nor images of points; wanted {EXAMPLE[6:]}")


def _levels(content: Any) -> int:
    return 1 + max((_levels(part) for part in content), default=0) if isinstance(content, list) else 0


def plain(value: Any) -> Any:
    """Tuples, sets and NumPy's numbers as JSON has them."""
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(inner) for inner in value), key=str)
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value


def from_permutations(generators: Sequence[Any], name: str | None) -> PermutationGroup:
    """SymPy's permutations count points from 0, and compose from left to right as ours do."""
    return _generated([list(map(int, one.array_form)) for one in generators], name)


def _generated(images: Sequence[Sequence[int]], name: str | None) -> PermutationGroup:
    permutations = rows(images)
    title = name or f"<{short(','.join(map(cycles, permutations)), 58)}>"
    return PermutationGroup.generated(title, permutations)


def from_lists(
    given: Any, name: str | None = None, over: str | int | None = None, matrices: bool = False
) -> PermutationGroup:
    """A group from lists or an array: permutations, texts in cycles, images of points, a Cayley table, or matrices.

    Raises:
        InputError: what it holds is none of these, or could be two of them.
    """
    if not hasattr(given, "shape") and isinstance(given, Iterable):
        given = list(given)
        if given and all(isinstance(one, str) for one in given):
            permutations = parse_permutations(";".join(given))
            return PermutationGroup.generated(
                name or f"<{short(','.join(map(cycles, permutations)), 58)}>", permutations
            )
        if given and all(hasattr(one, "array_form") for one in given):
            return from_permutations(given, name)
        if given and all(len(getattr(one, "shape", ())) == 2 for one in given):  # SymPy's matrices, arrays
            return matrix_group([_rows(one) for one in given], over, name)
        if _depth(given) == 3:
            if over is None and not matrices and not _are_matrices(given):
                return _from_cycles(given, name)
            return matrix_group([_rows(one) for one in given], over, name)
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.empty(0)
    if array.ndim == 3 and array.shape[1] == array.shape[2]:
        return matrix_group(array.tolist(), over, name)
    if (
        array.ndim == 2
        and (over is not None or matrices or array.dtype.kind in "fc")
        and array.shape[0] == array.shape[1]
    ):
        return matrix_group([array.tolist()], over, name)
    if array.dtype.kind not in "iu" or not array.size or array.ndim not in (1, 2):
        lists = _ragged(given)
        if lists is None:
            raise InputError(f"a group from {_what(given, array)}; {WANTED}")
        return noted_images(lists, name)
    if array.ndim == 1:
        return noted_images([array.tolist()], name)
    if array.shape[0] != array.shape[1]:
        return noted_images(array.tolist(), name)
    return from_table(array, name)


def _ragged(given: Any) -> list[list[int]] | None:
    """Lists of images of different lengths."""
    if not isinstance(given, list) or not given:
        return None
    found = [plain(one) for one in given]
    if all(isinstance(one, list) and one and all(type(point) is int for point in one) for one in found):
        return found
    return None


def _what(given: Any, array: NDArray[Any]) -> str:
    if isinstance(given, (list, tuple, np.ndarray)) or hasattr(given, "shape"):
        return f"an array of shape {array.shape} and dtype {array.dtype}"
    return f"an object of type {type(given).__name__}"


def noted_images(lists: list[list[int]], name: str | None) -> PermutationGroup:
    group = images_group(lists, name, name or "images of points")
    if not group.notes:
        group = group.noted(f"lists of images are read with points counted from 0: 0 … {group.degree - 1}")
    return group


def from_table(table: NDArray[Any], name: str | None) -> PermutationGroup:
    title = name or "G"
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not len(table) or table.dtype.kind not in "iu":
        raise InputError(
            f"a table of shape {table.shape} and dtype {table.dtype}; wanted a square Cayley table of numbers 0 … n-1"
        )
    n = len(table)
    if int(table.min()) == 1 and int(table.max()) == n <= TABLE_LIMIT:
        raise InputError(
            f"a Cayley table with numbers from 1 to {n} (as in GAP); wanted 0 … {n - 1}: subtract 1 from each; "
            f"images of points are given as {{'permutations': {short(str(table.tolist()), 40)}}}"
        )
    if n > TABLE_LIMIT or not 0 <= int(table.min()) <= int(table.max()) < n:
        raise InputError(
            f"a Cayley table of {n:,} rows with entries {table.min()} … {table.max()}; wanted at most "
            f"{TABLE_LIMIT:,} rows and entries 0 … {n - 1}"
        )
    try:
        checked, notes = validated_table(table.astype(np.intp), title)
    except InputError as error:
        if (np.sort(table, axis=1) == np.arange(n)).all():
            raise InputError(
                f"{error}; images of points are given as {{'permutations': {short(str(table.tolist()), 40)}}}"
            ) from None
        raise
    return PermutationGroup.from_listed(Group.from_table(checked, title, notes=notes))


def _rows(matrix: Any) -> list[list[Any]]:
    return [list(row) for row in (matrix.tolist() if hasattr(matrix, "tolist") else matrix)]


def _depth(given: Any) -> int:
    if isinstance(given, (list, tuple)) or (isinstance(given, np.ndarray) and given.ndim):
        return 1 + max((_depth(one) for one in given), default=0)
    return 0


def _are_matrices(given: Sequence[Any]) -> bool:
    sizes = {len(matrix) for matrix in given} | {len(row) for matrix in given for row in matrix}
    return len(sizes) == 1


def _from_cycles(given: Sequence[Any], name: str | None) -> PermutationGroup:
    """Permutations as lists of cycles of numbers, `[[(0, 1, 2)], [(0, 1)]]`; they must show where points begin."""
    points = [int(point) for one in given for cycle in one for point in cycle]
    if 0 not in points:
        text = ", ".join("".join(f"({','.join(map(str, cycle))})" for cycle in one) for one in given)
        raise InputError(
            f"cycles of numbers without the point 0: it is not clear whether points begin at 0 or at 1; wanted a text "
            f"with points from 1, e.g. {short(text, 60)!r}"
        )
    degree = max(points) + 1
    images = []
    for one in given:
        image = list(range(degree))
        for cycle in one:
            for here, there in zip(cycle, [*cycle[1:], *cycle[:1]], strict=True):
                if image[here] != here:
                    raise InputError(f"the point {here} appears twice in {short(str(one), 40)}; wanted disjoint cycles")
                image[int(here)] = int(there)
        images.append(image)
    return _generated(images, name).noted(f"cycles of numbers are read with points counted from 0: 0 … {degree - 1}")
