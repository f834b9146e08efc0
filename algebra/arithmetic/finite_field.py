"""The field with q elements as two tables, just enough to write down matrix and affine groups over it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray


def factorise(n: int) -> dict[int, int]:
    """The prime factorisation of n ≥ 1 as {prime: exponent}, by trial division."""
    factors: dict[int, int] = {}
    p = 2
    while p * p <= n:
        while n % p == 0:
            factors[p] = factors.get(p, 0) + 1
            n //= p
        p += 1
    if n > 1:
        factors[n] = factors.get(n, 0) + 1
    return factors


@dataclass(frozen=True, eq=False)
class FiniteField:
    """F_q on 0 … q-1: 0 is zero, 1 is one, and an element's base-p digits are its coordinates.

    Arguments:
        q: number of elements.
        add, multiply: shape (q, q).
        primitive: a generator of the multiplicative group.
    """

    q: int
    add: NDArray[np.intp]
    multiply: NDArray[np.intp]
    primitive: int

    def negative(self, a: int) -> int:
        return int(np.flatnonzero(self.add[a] == 0)[0])

    def inverse(self, a: int) -> int:
        return int(np.flatnonzero(self.multiply[a] == 1)[0])


def finite_field(q: int) -> FiniteField:
    """F_q for a prime power q ≥ 2; its primitive element is x modulo the first primitive polynomial (for q prime, a
    primitive root)."""
    ((p, degree),) = factorise(q).items()
    digits = np.array([[(a // p**i) % p for i in range(degree)] for a in range(q)])
    weights = p ** np.arange(degree)
    add = ((digits[:, None, :] + digits[None, :, :]) % p) @ weights
    for tail in product(range(p), repeat=degree):  # x^degree = tail[0] + tail[1] x + …
        powers = _powers(np.array(tail), p, q - 1)
        if len(set(powers) - {0}) == q - 1:
            break
    logarithm = np.zeros(q, dtype=int)
    logarithm[powers] = np.arange(q - 1)
    multiply = np.zeros((q, q), dtype=int)
    multiply[1:, 1:] = np.array(powers)[(logarithm[1:, None] + logarithm[None, 1:]) % (q - 1)]
    return FiniteField(q, add, multiply, powers[1] if q > 2 else 1)


def _powers(tail: NDArray[np.intp], p: int, count: int) -> list[int]:
    """The powers x⁰ … x^(count-1) modulo x^degree - tail, as elements; for degree 1, x is tail[0] itself."""
    degree = len(tail)
    weights = p ** np.arange(degree)
    power = np.zeros(degree, dtype=int)
    power[0] = 1
    powers = []
    for _ in range(count):
        powers.append(int(power @ weights))
        power = (np.concatenate([[0], power[:-1]]) + power[-1] * tail) % p
    return powers
