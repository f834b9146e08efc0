"""The field with q elements, just enough to write down matrix and affine groups over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Elements = int | NDArray[np.intp]


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

    All methods take elements or arrays of elements of one shape, and return arrays.

    Arguments:
        q: number of elements.
        digits: shape (q, degree), the coordinates of every element, least first.
        powers: shape (q-1,), the powers of a primitive element, from the 0th.
        logarithm: shape (q,), the inverse of `powers`; for zero it holds 0 and means nothing.
    """

    q: int
    digits: NDArray[np.intp]
    powers: NDArray[np.intp]
    logarithm: NDArray[np.intp]

    @property
    def primitive(self) -> int:
        """A generator of the multiplicative group."""
        return int(self.powers[1 % (self.q - 1)])

    def _element(self, digits: NDArray[np.intp]) -> NDArray[np.intp]:
        p = int(self.digits[:, 0].max()) + 1
        return np.asarray(digits % p @ p ** np.arange(digits.shape[-1]))

    def add(self, a: Elements, b: Elements) -> NDArray[np.intp]:
        """a + b."""
        return self._element(self.digits[a] + self.digits[b])

    def multiply(self, a: Elements, b: Elements) -> NDArray[np.intp]:
        """a·b."""
        product = self.powers[(self.logarithm[a] + self.logarithm[b]) % (self.q - 1)]
        return np.where((np.asarray(a) == 0) | (np.asarray(b) == 0), 0, product)

    def negative(self, a: Elements) -> NDArray[np.intp]:
        """-a."""
        return self._element(-self.digits[a])

    def inverse(self, a: Elements) -> NDArray[np.intp]:
        """1/a; 1 for zero, which has none."""
        return self.powers[-self.logarithm[a] % (self.q - 1)]


def finite_field(q: int) -> FiniteField:
    """F_q for a prime power q ≥ 2; its primitive element is x modulo the first primitive polynomial (for q prime, a
    primitive root)."""
    ((p, degree),) = factorise(q).items()
    digits = np.arange(q)[:, None] // p ** np.arange(degree) % p
    tails = product(range(p), repeat=degree)  # x^degree = tail[0] + tail[1] x + …
    powers = np.array(next(found for tail in tails if len(found := _powers(tail, p, q)) == q - 1))
    logarithm = np.zeros(q, dtype=np.intp)
    logarithm[powers] = np.arange(q - 1)
    return FiniteField(q, digits, powers, logarithm)


def _powers(tail: Sequence[int], p: int, q: int) -> list[int]:
    """The powers x⁰, x¹, … modulo x^degree - tail, as elements, until they come back to 1; none where x has no inverse.
    For degree 1, x is tail[0] itself."""
    top = q // p  # the weight of the highest coordinate
    if not tail[0]:
        return []
    power, powers = 1, list[int]()
    subtracted = [sum(c * d % p * p**i for i, d in enumerate(tail)) for c in range(p)]  # c·tail as an element
    while not powers or power != 1:
        powers.append(power)
        high, rest = divmod(power, top)
        power = _sum(rest * p, subtracted[high], p)
    return powers


def _sum(a: int, b: int, p: int) -> int:
    """Coordinates added, on base-p digits."""
    total, weight = 0, 1
    while a or b:
        a, x = divmod(a, p)
        b, y = divmod(b, p)
        total += (x + y) % p * weight
        weight *= p
    return total


def conway_polynomial(q: int) -> tuple[int, ...]:
    """The Conway polynomial of F_q, by which GAP and others say what a root Z(q) is: its coefficients, constant first.

    Of the monic polynomials x^n - a_(n-1)·x^(n-1) + a_(n-2)·x^(n-2) - …, the first in the order of (a_(n-1), …, a_0)
    that is primitive and whose root's power of index (q-1)/(p^m-1) is a root of that of F_(p^m), for every m that
    divides n (Lübeck's table says how they are defined).

    >>> conway_polynomial(9), conway_polynomial(8), conway_polynomial(5)
    ((2, 2, 1), (1, 1, 0, 1), (3, 1))
    """
    ((p, degree),) = factorise(q).items()
    below = {m: conway_polynomial(p**m) for m in range(1, degree) if degree % m == 0}
    for signed in product(range(p), repeat=degree):
        coefficients = [(-1) ** (degree - i) * a % p for i, a in zip(range(degree - 1, -1, -1), signed, strict=True)]
        tail = [-a % p for a in reversed(coefficients)]  # x^degree = tail[0] + tail[1] x + …
        powers = _powers(tail, p, q)
        if len(powers) != q - 1:
            continue
        if all(_is_root(powers, (q - 1) // (p**m - 1), polynomial, p) for m, polynomial in below.items()):
            return (*reversed(coefficients), 1)
    raise AssertionError("every finite field has a Conway polynomial")


def _is_root(powers: Sequence[int], exponent: int, polynomial: Sequence[int], p: int) -> bool:
    """Whether a power of the root is a root of another polynomial."""
    total = 0
    for i, coefficient in enumerate(polynomial):
        for _ in range(coefficient):
            total = _sum(total, powers[exponent * i % len(powers)], p)
    return total == 0
