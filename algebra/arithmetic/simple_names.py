"""Finite simple groups by their orders. By the classification no two have one order but A8 and PSL(3,4), and PSp(2m,q)
and Ω(2m+1,q) for m ≥ 3 and odd q (Artin; Kimmerle, Lyons, Sandling and Teague 1990)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

from .finite_field import factorise

SPORADIC = {
    7920: "M11", 95040: "M12", 443520: "M22", 10200960: "M23", 244823040: "M24", 175560: "J1", 604800: "J2",
    50232960: "J3", 86775571046077562880: "J4", 44352000: "HS", 898128000: "McL", 4030387200: "He",
    145926144000: "Ru", 448345497600: "Suz", 460815505920: "O'N", 495766656000: "Co3", 42305421312000: "Co2",
    4157776806543360000: "Co1", 64561751654400: "Fi22", 4089470473293004800: "Fi23",
    1255205709190661721292800: "Fi24'", 273030912000000: "HN", 51765179004000000: "Ly", 90745943887872000: "Th",
    4154781481226426191177580544000000: "B",
    808017424794512875886459904961710757005754368000000000: "M", 17971200: "2F4(2)'", 211341312: "3D4(2)",
}  # fmt: skip
"""Sporadic groups and the first of two families of Lie type."""


def simple_name(order: int) -> str | None:
    """The name of the simple groups of an order; None where there are none (or none of the families here).

    >>> simple_name(60), simple_name(168), simple_name(20160), simple_name(25920), simple_name(61)
    ('A5', 'PSL(2,7)', 'A8 or PSL(3,4)', 'PSp(4,3)', 'C61')
    """
    if order < 60:
        return f"C{order}" if list(factorise(order)) == [order] else None
    if order == 20160:
        return "A8 or PSL(3,4)"
    n, factorial = 2, 1
    while factorial < order:
        n += 1
        factorial *= n
    if factorial == order:
        return f"A{n}"
    if order in SPORADIC:
        return SPORADIC[order]
    if order < 10**12 and list(factorise(order)) == [order]:
        return f"C{order}"
    return next((name for name, size in _lie_type(order) if size == order), None)


@cache
def _prime_powers(limit: int) -> tuple[int, ...]:
    sieve = bytearray([1]) * (limit + 1)
    found = []
    for p in range(2, limit + 1):
        if sieve[p]:
            sieve[p * p :: p] = bytes(len(sieve[p * p :: p]))
            q = p
            while q <= limit:
                found.append(q)
                q *= p
    return tuple(sorted(found))


def _lie_type(order: int) -> Iterator[tuple[str, int]]:
    """Groups of Lie type that may have the order, with their orders."""
    powers = [q for q in _prime_powers(10**4) if order % q == 0]
    for q in powers:
        if q >= 4:
            yield f"PSL(2,{q})", q * (q * q - 1) // math.gcd(2, q - 1)
    for n in range(3, 40):
        for q in powers:
            if q ** (n * (n - 1) // 2) > order:
                break
            linear = q ** (n * (n - 1) // 2) * math.prod(q**i - 1 for i in range(2, n + 1))
            yield f"PSL({n},{q})", linear // math.gcd(n, q - 1)
    for m in range(2, 20):
        for q in powers:
            if q ** (m * m) > order:
                break
            symplectic = q ** (m * m) * math.prod(q ** (2 * i) - 1 for i in range(1, m + 1)) // math.gcd(2, q - 1)
            if (m, q) != (2, 2):
                yield f"PSp({2 * m},{q})" + (f" or Ω({2 * m + 1},{q})" if m > 2 and q % 2 else ""), symplectic
    for n in range(3, 40):
        for q in powers:
            if q ** (n * (n - 1) // 2) > order:
                break
            unitary = q ** (n * (n - 1) // 2) * math.prod(q**i - (-1) ** i for i in range(2, n + 1))
            if (n, q) != (3, 2):
                yield f"PSU({n},{q})", unitary // math.gcd(n, q + 1)
    for m in range(4, 20):
        for q in powers:
            if q ** (m * (m - 1)) > order:
                break
            common = q ** (m * (m - 1)) * math.prod(q ** (2 * i) - 1 for i in range(1, m))
            for sign in (1, -1):
                size = common * (q**m - sign) // math.gcd(4, q**m - sign)
                yield f"PΩ{'+' if sign == 1 else '-'}({2 * m},{q})", size
    for q in powers:
        if q > 2:
            yield f"G2({q})", q**6 * (q**6 - 1) * (q**2 - 1)
        if q >= 8 and q & (q - 1) == 0 and q.bit_length() % 2 == 0:
            yield f"Sz({q})", q * q * (q * q + 1) * (q - 1)
        if q >= 27 and q in (27, 243, 2187):
            yield f"R({q})", q**3 * (q**3 + 1) * (q - 1)
