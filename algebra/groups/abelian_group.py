"""Abelian groups by their moduli alone: what has no need of points or of a list of elements."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import gcd, lcm, prod
from typing import TYPE_CHECKING, final

import numpy as np

from ..arithmetic.abelian_invariants import abelian_name
from ..arithmetic.finite_field import factorise
from ..arithmetic.permutations import order as permutation_order

if TYPE_CHECKING:
    from .permutation_group import PermutationGroup

MOST_FACTORS = 1_000
"""A product of more cyclic groups is not read by its name."""


@final
@dataclass(frozen=True, repr=False)
class AbelianGroup:
    """C_{n_1} × … × C_{n_d}; also an abelian factor of a series, whose layer has these moduli.

    Arguments:
        name: as typed.
        moduli: n_1 … n_d, each dividing the next, none of them 1.
        primes: those that divide the order. Moduli may be products of large ones, so they are not factorised again.
        degree: the points of one cycle for each factor that was typed, which the group moves.
        notes: how it was read.

    Example:
        >>> AbelianGroup.product("C4xC6", [4, 6]).moduli
        (2, 12)
    """

    name: str
    moduli: tuple[int, ...]
    primes: tuple[int, ...] = field(compare=False)
    degree: int = field(compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def product(cls, name: str, factors: Sequence[int], notes: tuple[str, ...] = ()) -> AbelianGroup:
        """The direct product of cyclic groups of any orders."""
        powers: dict[int, list[int]] = defaultdict(list)
        for n, times in Counter(factors).items():
            for p, e in factorise(n).items():
                powers[p] += [p**e] * times
        rank = max(map(len, powers.values()), default=0)
        columns = [[1] * (rank - len(own)) + sorted(own) for own in powers.values()]
        moduli = tuple(prod(column) for column in zip(*columns, strict=True))
        return cls(name, moduli, tuple(sorted(powers)), sum(n for n in factors if n > 1), notes)

    @classmethod
    def of(cls, group: PermutationGroup) -> AbelianGroup | None:
        """A permutation group whose generators show it to be a direct product of cyclic groups, else None.

        They do where they commute and the product of their orders is the group's order: the map from the product of
        their cyclic groups is onto, and between sets of one size.
        """
        rows = group.permutations.astype(np.intp)
        orders = [permutation_order(row) for row in rows]
        if prod(orders) != group.order:
            return None
        if any(not np.array_equal(b[a], a[b]) for i, a in enumerate(rows) for b in rows[:i]):
            return None
        found = cls.product(group.name, orders, group.notes)
        moved = int((rows != np.arange(rows.shape[1])).any(axis=0).sum())
        return replace(found, degree=moved)

    def __repr__(self) -> str:
        return f"{self.name}: {abelian_name(self.moduli)}"

    @property
    def order(self) -> int:
        """Number of elements."""
        return prod(self.moduli)

    @property
    def exponent(self) -> int:
        """The largest order of an element."""
        return lcm(*self.moduli)

    @property
    def _prime_powers(self) -> tuple[tuple[int, int], ...]:
        """(p, e) for each prime power p^e, modulus by modulus."""
        found = []
        for n in self.moduli:
            for p in self.primes:
                e = 0
                while n % p == 0:
                    n, e = n // p, e + 1
                if e:
                    found.append((p, e))
        return tuple(found)

    @property
    def primary(self) -> tuple[int, ...]:
        """The moduli with one channel for each prime power, in the order of the moduli."""
        return tuple(p**e for p, e in self._prime_powers)

    @property
    def composition(self) -> tuple[int, ...]:
        """The orders of the composition factors, largest first."""
        return tuple(sorted((p for p, e in self._prime_powers for _ in range(e)), reverse=True))

    def powers(self, exponent: int) -> AbelianGroup:
        """The subgroup of all m-th powers; for m = 0 the trivial one."""
        moduli = tuple(n // gcd(n, exponent) for n in self.moduli)
        moduli = tuple(n for n in moduli if n > 1)
        return AbelianGroup(abelian_name(moduli), moduli, self.primes, sum(moduli))

    def to_gap(self) -> str:
        """GAP's text for the group: `AbelianGroup([2, 12])`."""
        return f"AbelianGroup({list(self.moduli)})"


def read_abelian(text: str) -> AbelianGroup | None:
    """A product of cyclic groups, however large, by its name; None for any other text.

    Example:
        >>> read_abelian("C10007 x C3^2")
        C10007xC3^2: C3xC30021
    """
    parts = [re.fullmatch(r"C(\d{1,10})(?:\^(\d{1,3}))?", part.strip(), re.ASCII) for part in re.split("[x×]", text)]
    factors: list[int] = []
    names = []
    for part in parts:
        if part is None:
            return None
        n, times = int(part[1]), int(part[2] or 1)
        if n == 0 or not 1 <= times <= 100:
            return None
        factors += [n] * times
        names.append(f"C{n}" + (f"^{times}" if times > 1 else ""))
    return AbelianGroup.product("x".join(names), factors) if len(factors) <= MOST_FACTORS else None
