"""Exact linear algebra over the integers and over Z/p^e: Smith normal form and solving, for small dense matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = list[list[int]]


def smith_normal_form(matrix: Matrix) -> tuple[list[int], Matrix, Matrix]:
    """Diagonal d_1 | d_2 | … ≥ 0 of U·matrix·V = diag(d) for some unimodular U, with V and V⁻¹.

    Arguments:
        matrix: square, r rows of r Python integers.

    Returns:
        (d, V, V⁻¹), d of length r, V and V⁻¹ of shape (r, r).

    Source: Cohen, A Course in Computational Algebraic Number Theory, section 2.4.4.
    """
    a = [list(row) for row in matrix]
    r = len(a)
    v = [[int(i == j) for j in range(r)] for i in range(r)]
    w = [[int(i == j) for j in range(r)] for i in range(r)]

    def swap_columns(i: int, j: int) -> None:
        for row in (*a, *v):
            row[i], row[j] = row[j], row[i]
        w[i], w[j] = w[j], w[i]

    def add_column(source: int, target: int, factor: int) -> None:
        for row in (*a, *v):
            row[target] += factor * row[source]
        w[source] = [x - factor * y for x, y in zip(w[source], w[target], strict=True)]

    for t in range(r):
        while True:
            entries = [(abs(a[i][j]), i, j) for i in range(t, r) for j in range(t, r) if a[i][j]]
            if not entries:
                break
            _, i, j = min(entries)
            a[t], a[i] = a[i], a[t]
            if j != t:
                swap_columns(t, j)
            pivot = a[t][t]
            for i in range(t + 1, r):
                factor = a[i][t] // pivot
                a[i] = [x - factor * y for x, y in zip(a[i], a[t], strict=True)]
            for j in range(t + 1, r):
                if a[t][j]:
                    add_column(t, j, -(a[t][j] // pivot))
            if any(a[i][t] for i in range(t + 1, r)) or any(a[t][t + 1 :]):
                continue
            stray = next((i for i in range(t + 1, r) if any(x % pivot for x in a[i])), None)
            if stray is None:
                break
            a[t] = [x + y for x, y in zip(a[t], a[stray], strict=True)]
    return [abs(a[i][i]) for i in range(r)], v, w


@dataclass(frozen=True)
class AffineSolutions:
    """All solutions of a linear system over Z/p^e: `particular` plus combinations of `kernel` rows.

    Arguments:
        particular: shape (unknowns,).
        kernel: shape (generators, unknowns); row g may be taken `orders[g]` different times.
        orders: additive orders of the kernel rows.
    """

    particular: NDArray[np.int64]
    kernel: NDArray[np.int64]
    orders: tuple[int, ...]


def solve_modulo(matrix: NDArray[np.int64], right: NDArray[np.int64], p: int, exponent: int) -> AffineSolutions | None:
    """All x with matrix·x = right over Z/p^exponent, or None where there is none.

    Arguments:
        matrix: shape (equations, unknowns). right: shape (equations,). p: a prime, p^exponent < 2^31.

    Gaussian elimination with the entry of least valuation as pivot: it divides all that remains, so the matrix
        becomes diagonal.
    """
    modulus = p**exponent
    a = np.concatenate([matrix, right[:, None]], axis=1) % modulus
    equations, unknowns = matrix.shape
    columns = np.eye(unknowns, dtype=np.int64)  # x = columns · z
    valuations: list[int] = []
    for t in range(min(equations, unknowns)):
        block = a[t:, t:unknowns]
        if not block.any():
            break
        for valuation in range(exponent):
            place = np.argwhere(block % p ** (valuation + 1))
            if len(place):
                break
        i, j = place[0] + t
        a[[t, i]] = a[[i, t]]
        a[:, [t, j]] = a[:, [j, t]]
        columns[:, [t, j]] = columns[:, [j, t]]
        power = p**valuation
        a[t] = a[t] * pow(int(a[t, t]) // power, -1, modulus) % modulus  # the pivot becomes p^valuation
        for i in np.flatnonzero(a[t + 1 :, t]) + t + 1:
            a[i] = (a[i] - a[i, t] // power * a[t]) % modulus
        for j in np.flatnonzero(a[t, t + 1 : unknowns]) + t + 1:
            factor = a[t, j] // power
            a[:, j] = (a[:, j] - factor * a[:, t]) % modulus
            columns[:, j] = (columns[:, j] - factor * columns[:, t]) % modulus
        valuations.append(valuation)
    rank = len(valuations)
    rest = a[:, unknowns]
    if rest[rank:].any() or any(rest[i] % p**valuation for i, valuation in enumerate(valuations)):
        return None
    z = np.zeros(unknowns, dtype=np.int64)
    z[:rank] = [rest[i] // p**valuation for i, valuation in enumerate(valuations)]
    scales = [p ** (exponent - valuation) % modulus for valuation in valuations] + [1] * (unknowns - rank)
    orders = [p**valuation for valuation in valuations] + [modulus] * (unknowns - rank)
    moving = [i for i, order in enumerate(orders) if order > 1]
    kernel = np.array([columns[:, i] * scales[i] % modulus for i in moving], dtype=np.int64).reshape(
        len(moving), unknowns
    )
    return AffineSolutions(columns @ z % modulus, kernel, tuple(orders[i] for i in moving))
