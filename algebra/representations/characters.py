"""Exact character tables: the algorithm of Burnside and Dixon with Schneider's single matrix.

Modulo a prime p ≡ 1 (mod exponent), p > 2√|G|, the class functions ω_χ(C) = |C|·χ(C)/χ(1) are the common eigenvectors
of the class matrices. One random combination of these matrices has them as its only eigenvectors, once its eigenvalues
differ, which is checked. Degrees and values modulo p follow from the orthogonality relations, and eigenvalue
multiplicities, being integers between 0 and χ(1) < p, from a Fourier transform over the powers of an element: those
are the exact character table.

Sources: J. D. Dixon, *High speed computation of group characters* (Numer. Math. 10, 1967); G. J. A. Schneider,
*Dixon's character table algorithm revisited* (J. Symbolic Comput. 9, 1990).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..groups.group import Group, Indices
from .classes import ConjugacyClasses, conjugacy_classes

CLASS_LIMIT = 256
"""Character tables are computed for groups with at most this many classes: the work grows with their cube."""

Residues = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CharacterTable:
    """The irreducible characters of a group over the complex numbers, the trivial one first, by degree.

    Arguments:
        classes: the group's conjugacy classes.
        prime: the prime p.
        root: an element of multiplicative order `exponent` modulo p.
        exponent: the exponent of the group.
        values: shape (characters, classes), the values modulo p.
        degrees: shape (characters,).
    """

    classes: ConjugacyClasses
    prime: int
    root: int
    exponent: int
    values: Residues
    degrees: Indices

    def __len__(self) -> int:
        return len(self.degrees)

    def multiplicities(self, cls: int) -> Indices:
        """How often each eigenvalue exp(2πi·j/o) occurs on a class of elements of order o: shape (characters, o)."""
        order, p = int(self.classes.orders[cls]), self.prime
        base = pow(self.root, self.exponent // order, p)
        powers = np.array([pow(base, -k, p) for k in range(order)], dtype=np.int64)
        exponents = np.arange(order)
        fourier = powers[np.outer(exponents, exponents) % order]
        on_powers = self.values[:, self.classes.powers[:order, cls]]
        return _product(on_powers, fourier, p) * pow(order, -1, p) % p

    @cached_property
    def fixed(self) -> Indices:
        """The dimension of the space that an element fixes, i.e. the multiplicity of 1: shape (characters, classes)."""
        return self._multiplicity(alternating=False)

    @cached_property
    def negated(self) -> Indices:
        """The multiplicity of the eigenvalue -1: shape (characters, classes)."""
        return self._multiplicity(alternating=True)

    def _multiplicity(self, alternating: bool) -> Indices:
        found = np.zeros((len(self), len(self.classes)), dtype=np.int64)
        for cls, order in enumerate(self.classes.orders):
            if alternating and order % 2:
                continue
            on_powers = self.values[:, self.classes.powers[:order, cls]]
            signs = 1 - 2 * (np.arange(order) % 2) if alternating else 1
            found[:, cls] = (on_powers * signs).sum(axis=1) % self.prime * pow(int(order), -1, self.prime) % self.prime
        return found

    @cached_property
    def indicators(self) -> Indices:
        """The Frobenius-Schur indicators: 1 real, 0 complex, -1 quaternionic; shape (characters,)."""
        squares = self.values[:, self.classes.powers[2]]
        order = self.classes.group.order
        found = squares @ self.classes.sizes % self.prime * pow(order, -1, self.prime) % self.prime
        return np.where(found == self.prime - 1, -1, found)

    @cached_property
    def conjugates(self) -> Indices:
        """The complex conjugate of each character: shape (characters,)."""
        place = {row.tobytes(): i for i, row in enumerate(self.values)}
        conjugated = np.ascontiguousarray(self.values[:, self.classes.inverses])
        return np.array([place[row.tobytes()] for row in conjugated])

    def complex_values(self, character: int) -> NDArray[np.complex128]:
        """The values of one character on the classes as floats, for people: shape (classes,)."""
        found: NDArray[np.complex128] = self._complex_table[character]
        return found

    @cached_property
    def _complex_table(self) -> NDArray[np.complex128]:
        """All values as floats. The multiplicities on one class give the values on all powers of its elements, so few
        classes, of large order, are enough."""
        found = np.empty((len(self), len(self.classes)), dtype=np.complex128)
        done = np.zeros(len(self.classes), dtype=bool)
        for cls in np.argsort(-self.classes.orders, kind="stable").tolist():
            if not done[cls]:
                order = int(self.classes.orders[cls])
                exponents = np.arange(order)
                roots = np.exp(2j * np.pi * exponents / order)[np.outer(exponents, exponents) % order]
                reached = self.classes.powers[:order, cls]
                found[:, reached] = self.multiplicities(cls) @ roots
                done[reached] = True
        return found


def character_table(group: Group, classes: ConjugacyClasses | None = None) -> CharacterTable:
    """The character table of a listed group, whose classes may be known already.

    Raises:
        InputError: it has more than `CLASS_LIMIT` classes.
    """
    classes = classes or conjugacy_classes(group)
    count = len(classes)
    if count > CLASS_LIMIT:
        raise InputError(f"{group.name} has {count:,} conjugacy classes; wanted at most {CLASS_LIMIT}, e.g. S4")
    exponent = math.lcm(*(int(o) for o in classes.orders))
    generator = np.random.default_rng(0)
    prime = _prime(exponent, max(2 * math.isqrt(group.order) + 2, 4 * count * count, count + 2))
    while True:
        eigenvectors = _eigenvectors(classes, prime, generator)
        if eigenvectors is not None:
            break
        prime = _prime(exponent, prime + 1)
    values, degrees = _characters(classes, eigenvectors, prime)
    root = _root_of_unity(exponent, prime)
    order = sorted(range(count), key=lambda i: (int(degrees[i]), bool((values[i] != 1).any()), values[i].tolist()))
    return CharacterTable(classes, prime, root, exponent, values[order], degrees[order])


def _eigenvectors(classes: ConjugacyClasses, p: int, generator: np.random.Generator) -> Residues | None:
    """The class functions ω_χ modulo p, one a row, or None where the random combination did not tell them apart."""
    group, count = classes.group, len(classes)
    coefficients = generator.integers(1, p, count)
    matrix = np.zeros((count, count), dtype=np.int64)
    weights = coefficients[classes.labels].astype(np.float64)  # sums stay below 2^53
    for t, z in enumerate(classes.representatives):
        reached = classes.labels[group.multiply(group.inverses, z)]
        matrix[:, t] = np.bincount(reached, weights=weights, minlength=count).astype(np.int64) % p
    krylov = np.empty((count + 1, count), dtype=np.int64)
    krylov[0] = generator.integers(1, p, count)
    for i in range(count):
        krylov[i + 1] = _product(matrix, krylov[i][:, None], p)[:, 0]
    relation = _solve(krylov[:count].T, krylov[count], p)
    if relation is None:
        return None
    polynomial = np.append(-relation % p, 1)
    points = np.arange(p, dtype=np.int64)
    value = np.zeros(p, dtype=np.int64)
    for coefficient in polynomial[::-1]:
        value *= points
        value += coefficient
        value %= p
    roots = np.flatnonzero(value == 0)
    if len(roots) < count:
        return None
    quotient = np.empty((count, count), dtype=np.int64)  # of the polynomial by x - root, ascending
    carried = np.zeros(count, dtype=np.int64)
    for i in range(count, 0, -1):
        carried = (carried * roots + polynomial[i]) % p
        quotient[:, i - 1] = carried
    return _product(quotient, krylov[:count], p)


def _characters(classes: ConjugacyClasses, vectors: Residues, p: int) -> tuple[Residues, Indices]:
    """Values modulo p and degrees, from the class functions up to scalars."""
    order = classes.group.order
    scale = np.array([pow(int(first), -1, p) for first in vectors[:, 0]], dtype=np.int64)
    omega = vectors * scale[:, None] % p
    inverse_sizes = np.array([pow(int(size), -1, p) for size in classes.sizes], dtype=np.int64)
    norms = (omega * omega[:, classes.inverses] % p * inverse_sizes % p).sum(axis=1) % p
    squares = {d * d % p: d for d in range(1, math.isqrt(order) + 1) if order % d == 0}
    degrees = np.array([squares[order * pow(int(norm), -1, p) % p] for norm in norms])
    assert int((degrees**2).sum()) == order, "the degrees of a character table"
    return omega * inverse_sizes % p * degrees[:, None] % p, degrees


def _product(a: Residues, b: Residues, p: int) -> Residues:
    """a @ b modulo p. Entries below p < 2^24 and at most 2^14 terms: sums stay below 2^62."""
    return a @ b % p


def _solve(matrix: Residues, right: Residues, p: int) -> Residues | None:
    """The x with matrix·x = right modulo p, or None where the matrix is singular."""
    count = len(matrix)
    work = np.concatenate([matrix % p, right[:, None] % p], axis=1)
    for i in range(count):
        candidates = np.flatnonzero(work[i:, i])
        if not len(candidates):
            return None
        pivot = i + int(candidates[0])
        if pivot != i:
            work[[i, pivot]] = work[[pivot, i]]
        work[i] = work[i] * pow(int(work[i, i]), -1, p) % p
        factors = work[:, i].copy()
        factors[i] = 0
        work -= factors[:, None] * work[i]
        work %= p
    return work[:, -1]


def _prime(modulus: int, least: int) -> int:
    """The least prime p ≥ `least` with p ≡ 1 modulo `modulus`."""
    candidate = (max(least, 3) - 2) // modulus * modulus + modulus + 1
    while not _is_prime(candidate):
        candidate += modulus
    return candidate


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))


def _root_of_unity(order: int, p: int) -> int:
    """An element of multiplicative order exactly `order` modulo p."""
    factors = [q for q in range(2, order + 1) if order % q == 0 and _is_prime(q)]
    for base in range(1, p):
        candidate = pow(base, (p - 1) // order, p)
        if all(pow(candidate, order // q, p) != 1 for q in factors):
            return candidate
    raise AssertionError("the multiplicative group modulo a prime is cyclic")
