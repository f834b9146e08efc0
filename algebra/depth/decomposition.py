"""Which extensions in a series split, and lifts that lie in complements where they do.

Where a normal subgroup N of H has a complement K (K ∩ N = 1, K·N = H) the extension splits, H = N:K. Complements of
an abelian N/M are the solutions of linear equations: write H/N by a polycyclic presentation, multiply the lift of
each generator by an unknown of N/M, and ask that every relator become trivial (Celler, Neubüser and Wright 1990). For
a soluble N the same is done step by step down the series.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise, product

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.finite_field import factorise
from ..arithmetic.integer_matrices import solve_modulo
from ..groups.group import Group, Subgroup
from .abelian import AbelianFactor, abelian_factor
from .series import Series

MAX_COMPLEMENTS = 512
"""How many complements of one step are tried as starting points of the next before giving up."""


@dataclass(frozen=True)
class Extension:
    """How a section of the series is put together.

    Arguments:
        below, above: the normal part and the quotient; both None for a single factor.
        splits: whether the quotient was found as a complement.
        name: of a single factor, e.g. `C2xC2`.
    """

    name: str = ""
    below: Extension | None = None
    above: Extension | None = None
    splits: bool = True

    def __str__(self) -> str:
        """`N:K` where the extension splits, `N.K` where it does not (the ATLAS's signs)."""
        if self.below is None or self.above is None:
            return self.name
        parts = [
            f"({part})" if part.below is not None or "x" in part.name else part.name
            for part in (self.below, self.above)
        ]
        return f"{parts[0]}{':' if self.splits else '.'}{parts[1]}"


@dataclass(frozen=True, eq=False, repr=False)
class Decomposition:
    """A series with a choice of lifts for every factor.

    Arguments:
        series: complete.
        factors: A_1 … A_k, with lifts chosen inside complements where there are any.
        extension: the whole group as an expression of extensions.
        splits: for i = 1 … k-1, whether G splits over G_i (None where the search was given up).
    """

    series: Series
    factors: tuple[AbelianFactor, ...]
    extension: Extension
    splits: tuple[bool | None, ...]

    def __repr__(self) -> str:
        return f"{self.extension}: {self.series!r}"


def decompose(series: Series) -> Decomposition:
    """The decomposition of a complete series. Each extension is first tried with the largest quotient:
    `(C2xC2):(C3:C2)` for S4."""
    factors = [abelian_factor(upper, lower) for upper, lower in pairwise(series.subgroups)]
    search = _Search(series, factors)
    k = series.length
    extension, lifts = search.solve(series.group.whole, 0, k) if k else (Extension("1"), [])
    chosen = tuple(
        AbelianFactor(factor.upper, factor.lower, factor.moduli, factor.residues, tuple(lift))
        for factor, lift in zip(factors, lifts, strict=True)
    )
    splits = tuple(search.is_split(i) for i in range(1, k))
    return Decomposition(series, chosen, extension, splits)


class _Search:
    """Layers are counted from 0: layer t is G_t/G_{t+1}. H always is a subgroup with H·G_{t+1} ≥ G_t for the layers t
    it is asked about."""

    def __init__(self, series: Series, factors: list[AbelianFactor]) -> None:
        self.group = series.group
        self.subgroups = series.subgroups
        self.factors = factors
        self.gave_up = False

    def is_split(self, m: int) -> bool | None:
        self.gave_up = False
        found = self.complement(self.group.whole, 0, m, len(self.factors))
        return None if found is None and self.gave_up else found is not None

    def solve(self, H: Subgroup, i: int, j: int) -> tuple[Extension, list[list[int]]]:
        """Layers i … j-1 of H, modulo M = H ∩ G_j: how they are put together, and their lifts."""
        if j == i + 1:
            return Extension(self.factors[i].name), [self.lifts(H, i)]
        for m in range(j - 1, i, -1):
            K = self.complement(H, i, m, j)
            if K is not None:
                break
        else:
            m, K = j - 1, H
        below, lower_lifts = self.solve(_intersection(H, self.subgroups[m]), m, j)
        above, upper_lifts = self.solve(K, i, m)
        lifts = upper_lifts + lower_lifts
        if "1" in (below.name, above.name):  # a trivial factor, from a layer that a mixed stack leaves idle
            return (above if below.name == "1" else below), lifts
        return Extension(below=below, above=above, splits=K is not H), lifts

    def lifts(self, H: Subgroup, t: int) -> list[int]:
        """An element of H for each generator of layer t: of least order, and first among those."""
        factor = self.factors[t]
        here = H.members[self.subgroups[t].mask[H.members]]
        residues = factor.residues[here]
        chosen = []
        for j in range(len(factor.moduli)):
            unit = np.arange(len(factor.moduli)) == j
            candidates = here[(residues == unit).all(axis=1)]
            chosen.append(_of_least_order(self.group, candidates))
        return chosen

    def complement(self, H: Subgroup, i: int, m: int, j: int) -> Subgroup | None:
        """K with K ∩ G_m = M = H ∩ G_j and K·(H ∩ G_m) = H, or None."""
        return next(self.complements(H, i, m, j), None)

    def complements(self, H: Subgroup, i: int, m: int, j: int) -> Iterator[Subgroup]:
        if j == m + 1:
            yield from self.abelian_step(H, i, m, m)
            return
        for tried, K in enumerate(self.complements(H, i, m, j - 1)):
            if tried == MAX_COMPLEMENTS:
                self.gave_up = True
                return
            yield from self.abelian_step(K, i, m, j - 1)

    def abelian_step(self, H: Subgroup, i: int, m: int, t: int) -> Iterator[Subgroup]:
        """Complements of layer t in H, where H ∩ G_m = H ∩ G_t (so that H/(H ∩ G_t) has the layers i … m-1)."""
        group, factor = self.group, self.factors[t]
        tops = [
            (layer, lift, n)
            for layer in range(i, m)
            for lift, n in zip(self.lifts(H, layer), self.factors[layer].moduli, strict=True)
        ]
        if not tops:  # nothing stands above, only layers that a mixed stack leaves idle
            yield _intersection(H, self.subgroups[t + 1])
            return
        inside = self.lifts(H, t)
        count, rank = len(tops), len(factor.moduli)
        # Row 0 holds the lifts as they are; row 1 + a·rank + s multiplies lift a by generator s of the layer.
        trial = np.tile([lift for _, lift, _ in tops], (1 + count * rank, 1))
        for a, s in product(range(count), range(rank)):
            row = 1 + a * rank + s
            trial[row, a] = group.times(int(trial[row, a]), inside[s])
        columns = {layer: [a for a in range(count) if tops[a][0] == layer] for layer in range(i, m)}
        values = factor.residues[np.array([self._relator(trial, word, tops, columns) for word in _relators(tops)])]
        moduli = np.array(factor.moduli)
        constant = values[:, 0]  # (relators, rank)
        linear = (values[:, 1:] - constant[:, None]) % moduli  # (relators, unknowns, rank)
        solutions = list(_solve(linear, constant, factor.moduli, count))
        if any(solution is None for solution in solutions):
            return
        options = [solution for solution in solutions if solution is not None]
        lower = _intersection(H, self.subgroups[t + 1])
        for choice in islice(product(*options), MAX_COMPLEMENTS + 1):
            exponents = np.sum(choice, axis=0) % np.tile(moduli, count) if choice else np.zeros(count * rank, dtype=int)
            lifts = []
            for a, (_, lift, _) in enumerate(tops):
                for s in range(rank):
                    lift = group.times(lift, group.power(inside[s], int(exponents[a * rank + s])))
                lifts.append(lift)
            yield lower.extended(lifts)

    def _relator(
        self, trial: NDArray, word: tuple[int, ...], tops: list[tuple[int, int, int]], columns: dict[int, list[int]]
    ) -> NDArray:
        """The relator that begins with `word` in each row of lifts: the word times the inverse of its normal form;
        shape (rows,)."""
        group = self.group
        value = group.product(int(trial[0, a]) if a >= 0 else group.inverse(int(trial[0, ~a])) for a in word)
        shifted = np.zeros(len(trial), dtype=np.intp)
        for a in word:
            shifted = group.multiply(shifted, trial[:, a] if a >= 0 else group.inverses[trial[:, ~a]])
        for layer, places in columns.items():  # normal form r_k ⋯ r_1: strip the top layer from the right
            residues = self.factors[layer].residues[value]
            block = np.zeros(len(trial), dtype=np.intp)
            for a, residue in zip(places, residues, strict=True):
                for _ in range(int(residue)):
                    block = group.multiply(block, trial[:, a])
            value = group.times(value, group.inverse(int(block[0])))
            shifted = group.multiply(shifted, group.inverses[block])
        return shifted


def _relators(tops: list[tuple[int, int, int]]) -> Iterator[tuple[int, ...]]:
    """Left sides of a polycyclic presentation: powers a^n and conjugates a⁻¹ba; ~a stands for the inverse of
    generator a."""
    for a, (_, _, n) in enumerate(tops):
        yield (a,) * n
    for b in range(len(tops)):
        for a in range(b):
            yield (~a, b, a)


def _solve(linear: NDArray, constant: NDArray, moduli: tuple[int, ...], count: int) -> Iterator[list[NDArray] | None]:
    """For each prime and each kernel generator, the vectors to choose from; None where some prime has no solution.

    linear: shape (relators, unknowns = count·rank, rank); the sum of one choice from each list solves the system.
    """
    for p in sorted({p for n in moduli for p in factorise(n)}):
        powers = [factorise(n).get(p, 0) for n in moduli]
        top = max(powers)
        here = [s for s, e in enumerate(powers) if e]
        unknowns = [a * len(moduli) + s for a in range(count) for s in here]
        # The p-part of channel s: unknown z stands for the residue z·(n/p^e); the equation is scaled up to modulus
        # p^top.
        cofactor = np.array([moduli[u % len(moduli)] // p ** powers[u % len(moduli)] for u in unknowns])
        scale = np.array([p ** (top - powers[s]) for s in here])
        matrix = linear[:, unknowns][:, :, here] * cofactor[None, :, None] * scale
        matrix = matrix.transpose(0, 2, 1).reshape(-1, len(unknowns))
        solutions = solve_modulo(matrix, -(constant[:, here] * scale).reshape(-1), p, top)
        if solutions is None:
            yield None
            return
        whole = np.zeros((1 + len(solutions.kernel), count * len(moduli)), dtype=np.int64)
        whole[0, unknowns] = solutions.particular * cofactor
        whole[1:, unknowns] = solutions.kernel * cofactor
        yield [whole[0]]
        for row, order in zip(whole[1:], solutions.orders, strict=True):
            yield [row * times for times in range(order)]


def _intersection(H: Subgroup, other: Subgroup) -> Subgroup:
    if H.order == H.group.order:
        return other
    mask = H.mask & other.mask
    return H.group.trivial_subgroup.extended(np.flatnonzero(mask))


def _of_least_order(group: Group, candidates: NDArray) -> int:
    powers = candidates.copy()
    while (powers != 0).all():
        powers = group.multiply(powers, candidates)
    return int(candidates[np.argmin(powers != 0)])
