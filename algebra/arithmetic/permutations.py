"""Permutations of 0 … degree-1 as rows of NumPy arrays, and cycle notation.

Permutations compose left to right, `(p·q)(i) = q(p(i))`, as in GAP and SymPy. As rows that reads `q[p]`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ...common.wording import short

Permutations = NDArray[np.integer]

MAX_DEGREE = 10_000
"""Largest number of points a permutation may move; beyond it even the generators are unwieldy."""


def smallest_dtype(count: int) -> type[np.unsignedinteger]:
    """The smallest unsigned dtype that holds 0 … count-1."""
    if count <= 2**8:
        return np.uint8
    return np.uint16 if count <= 2**16 else np.uint32


def compose(p: Permutations, q: Permutations) -> Permutations:
    """First p, then q: `(p·q)(i) = q(p(i))`. Shapes (degree,)."""
    return q[p]


def invert(p: Permutations) -> Permutations:
    """The inverse of one permutation, shape (degree,)."""
    inverse = np.empty_like(p)
    inverse[p] = np.arange(len(p), dtype=p.dtype)
    return inverse


def order(permutation: Permutations) -> int:
    """The order of one permutation, shape (degree,): the least common multiple of its cycles' lengths."""
    image, seen, result = permutation.tolist(), [False] * len(permutation), 1
    for start in range(len(image)):
        length, point = 0, start
        while not seen[point]:
            seen[point] = True
            point = image[point]
            length += 1
        result = math.lcm(result, max(length, 1))
    return result


def cycles(p: Sequence[int] | Permutations) -> str:
    """GAP's notation, points counted from 1: `(1,2,3)(4,5)`, and `()` for the identity."""
    image = [int(i) for i in p]
    seen = [False] * len(image)
    text = ""
    for start in range(len(image)):
        cycle = []
        while not seen[start]:
            seen[start] = True
            cycle.append(start + 1)
            start = image[start]
        if len(cycle) > 1:
            text += "(" + ",".join(map(str, cycle)) + ")"
    return text or "()"


def parse_permutation(text: str) -> list[int]:
    """One permutation in cycles as a list of images of 0, 1, …, just long enough for its points.

    The only reader of cycles. Points start from 1 and are separated by commas, as in GAP, or by spaces, as in textbooks
    and SymPy: `(1,2,3)(4,5)`, `(1 2 3)(4 5)`. What two conventions read differently is refused: a point 0, digits
    without separators such as `(123)`, and commas mixed with spaces.

    Raises:
        InputError: the text is not a product of disjoint cycles of points ≥ 1.
    """
    shown = repr(short(text.strip(), 40))
    if not re.fullmatch(r"\s*(\([\d\s,]*\)\s*)+", text, re.ASCII):
        raise InputError(f"not a permutation: {shown}; wanted disjoint cycles of points ≥ 1, e.g. (1,2,3)(4,5)")
    bodies = [_points(body.strip(), shown) for body in re.findall(r"\(([^)]*)\)", text)]
    if any(point == 0 for points in bodies for point in points):
        shifted = "".join(f"({','.join(str(point + 1) for point in points)})" for points in bodies)
        raise InputError(
            f"point 0 in {shown}: points start from 1; if yours start from 0 (as SymPy's do), add 1 to every point "
            f"of every permutation: {short(shifted, 40)}"
        )
    image: list[int] = []
    moved: set[int] = set()
    for points in bodies:
        for point in points:
            if point > MAX_DEGREE:
                raise InputError(f"point {str(point)[:12]} in {shown}: points go from 1 to {MAX_DEGREE}, e.g. (1,2,3)")
            if point in moved:
                raise InputError(
                    f"point {point} appears twice in {shown}; wanted disjoint cycles, e.g. (1,2,3)(4,5), and a comma "
                    "between permutations, e.g. (1,2,3),(1,2)"
                )
            moved.add(point)
        image.extend(range(len(image), max(points, default=0)))
        for here, there in zip(points, points[1:] + points[:1], strict=True):
            image[here - 1] = there - 1
    return image


def _points(body: str, shown: str) -> list[int]:
    """The points of one cycle, as they are written."""
    parts = re.split(r"\s*,\s*", body) if "," in body else body.split()
    for part in parts:
        if not part.isdigit():
            problem = f"commas and spaces between points of ({body[:40]})" if part else f"two commas in ({body[:40]})"
            raise InputError(f"{problem} in {shown}; wanted (1,2,3) or (1 2 3)")
    if len(parts) == 1 and len(parts[0]) > 1:
        raise InputError(
            f"({short(body, 20)}) in {shown} is one point, or {len(body)} without separators; wanted "
            f"({short(','.join(body), 20)}) for a cycle, and a point that stays is left out"
        )
    return [int(part) if len(part) <= 9 else 10**9 for part in parts]


def split_permutations(text: str) -> list[str]:
    """The permutations of a list, as texts: separated by semicolons, or by commas between parentheses."""
    return re.split(r"\s*;\s*|(?<=\))\s*,\s*(?=\()", text.strip())


def parse_permutations(text: str) -> Permutations:
    """A list of permutations in cycles, separated by commas or semicolons: shape (count, degree).

    Raises:
        InputError: see `parse_permutation`.
    """
    return rows([parse_permutation(part) for part in split_permutations(text)])


def rows(images: Sequence[Sequence[int] | NDArray[np.integer]], degree: int = 1) -> Permutations:
    """Lists of images as one array, the shorter ones fixing the points they lack; shape (count, degree)."""
    degree = max([degree, *(len(image) for image in images)])
    array = np.tile(np.arange(degree, dtype=smallest_dtype(degree)), (len(images), 1))
    for row, image in zip(array, images, strict=True):
        row[: len(image)] = image
    return array


Point = TypeVar("Point", bound=Hashable)


def closure(
    start: Iterable[Point], moves: Sequence[Callable[[Point], Point]], limit: int
) -> tuple[list[Point], list[list[int]]]:
    """What some maps lead to from the start, in the order in which it is found, and each map on it as numbers.

    Raises:
        OverflowError: more than `limit` things are found.

    >>> closure([1], [lambda x: x * 2 % 7], 10)
    ([1, 2, 4], [[1, 2, 0]])
    """
    found = list(dict.fromkeys(start))
    place = {point: number for number, point in enumerate(found)}
    images: list[list[int]] = [[] for _ in moves]
    for point in found:  # grows while it is walked
        for image, move in zip(images, moves, strict=True):
            moved = move(point)
            number = place.setdefault(moved, len(found))
            if number == len(found):
                found.append(moved)
                if number >= limit:
                    raise OverflowError
            image.append(number)
    return found, images


def point_orbits(generators: Permutations) -> list[NDArray[np.intp]]:
    """The orbits of a group, each sorted, by their least points; generators of shape (count, degree).

    >>> [orbit.tolist() for orbit in point_orbits(np.array([[2, 1, 0, 3]]))]
    [[0, 2], [1], [3]]
    """
    label = np.arange(generators.shape[1])
    while True:
        before = label
        for image in generators:
            least = np.minimum(label, label[image])
            label = least.copy()
            label[image] = np.minimum(label[image], least)
        label = label[label]
        if np.array_equal(label, before):
            break
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)


def restricted(rows: Permutations, points: NDArray[np.intp]) -> Permutations:
    """What permutations, shape (count, degree), do on points that they leave in place, numbered as these come.

    >>> restricted(np.array([[2, 1, 0, 3]]), np.array([0, 2])).tolist()
    [[1, 0]]
    """
    place = np.zeros(rows.shape[1], dtype=np.intp)
    place[points] = np.arange(len(points))
    return place[rows[:, points]]


def block_system(generators: Permutations, a: int, b: int) -> NDArray[np.intp]:
    """The finest system of blocks of a transitive group in which two points share one: the least point of each point's
    block, shape (degree,) (Atkinson 1975). Generators have the shape (count, degree).

    >>> block_system(np.array([[1, 2, 3, 0]]), 0, 2).tolist()
    [0, 1, 0, 1]
    """
    parent = list(range(generators.shape[1]))
    images = generators.tolist()

    def root(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    waiting = [(a, b)]
    while waiting:
        x, y = waiting.pop()
        first, second = root(x), root(y)
        if first != second:
            parent[max(first, second)] = min(first, second)
            waiting += [(image[x], image[y]) for image in images]
    return np.array([root(point) for point in range(len(parent))])


def on_blocks(generators: Permutations, blocks: NDArray[np.intp]) -> Permutations:
    """What permutations do with blocks: those of `block_system`, numbered by their least points; shape (count, n)."""
    least, number = np.unique(blocks, return_inverse=True)
    return number[generators[:, least]].astype(smallest_dtype(len(least)))
