"""Permutations of 0 … degree-1 as rows of NumPy arrays, and GAP's cycle notation.

Permutations compose left to right, `(p·q)(i) = q(p(i))`, as in GAP and SymPy. As rows that reads `q[p]`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError

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
    """One permutation in GAP's notation as a list of images of 0, 1, …, just long enough for its points.

    Raises:
        InputError: the text is not a product of disjoint cycles of points ≥ 1.
    """
    compact = re.sub(r"\s+", "", text)
    if not re.fullmatch(r"(\((\d+(,\d+)*)?\))+", compact, re.ASCII):
        raise InputError(
            f"not a permutation: {text.strip()!r}; wanted disjoint cycles of points ≥ 1, e.g. (1,2,3)(4,5)"
        )
    image: list[int] = []
    moved: set[int] = set()
    for body in re.findall(r"\(([^)]*)\)", compact):
        points = []
        for token in body.split(",") if body else []:
            point = int(token) if len(token) <= 9 else MAX_DEGREE + 1
            if not 1 <= point <= MAX_DEGREE:
                raise InputError(
                    f"point {token[:12]} in {text.strip()[:40]!r}: points go from 1 to {MAX_DEGREE}, e.g. (1,2,3)"
                )
            if point in moved:
                raise InputError(
                    f"point {point} appears twice in {text.strip()[:40]!r}; wanted disjoint cycles, e.g. (1,2,3)(4,5)"
                )
            moved.add(point)
            points.append(point - 1)
        image.extend(range(len(image), max(points, default=-1) + 1))
        for here, there in zip(points, points[1:] + points[:1], strict=True):
            image[here] = there
    return image


def parse_permutations(text: str) -> Permutations:
    """A comma-separated list of permutations in GAP's notation: shape (count, degree).

    Raises:
        InputError: see `parse_permutation`.
    """
    parts = re.split(r"(?<=\))\s*,\s*(?=\()", text.strip())
    return rows([parse_permutation(part) for part in parts])


def rows(images: Sequence[Sequence[int] | NDArray[np.integer]], degree: int = 1) -> Permutations:
    """Lists of images as one array, the shorter ones fixing the points they lack; shape (count, degree)."""
    degree = max([degree, *(len(image) for image in images)])
    array = np.tile(np.arange(degree, dtype=smallest_dtype(degree)), (len(images), 1))
    for row, image in zip(array, images, strict=True):
        row[: len(image)] = image
    return array
