"""Exact character tables: the algorithm of Burnside and Dixon with Schneider's single matrix, and a guess in floats.

Modulo a prime p ≡ 1 (mod exponent), p > 2√|G|, the class functions ω_χ(C) = |C|·χ(C)/χ(1) are the common eigenvectors
of the class matrices. One random combination of these matrices has them as its only eigenvectors, once its eigenvalues
differ. Over the complex numbers such a combination is a Hermitian matrix (in the basis of classes scaled by the root of
their sizes, if inverse classes get conjugate coefficients), and floats find its eigenvectors fast. Eigenvalue
multiplicities on a class, integers that a Fourier transform over the powers of an element gives, are rounded, and
reduced modulo p. What came out is then *checked* modulo p: the rows are eigenvectors of a random combination, for
eigenvalues that differ, so that there are no others. Degrees and values modulo p follow from the orthogonality
relations, and multiplicities, being between 0 and χ(1) < p, from them: those are the exact character table. Floats
decide how long it takes, never what the table is.

Sources: J. D. Dixon, *High speed computation of group characters* (Numer. Math. 10, 1967); G. J. A. Schneider,
*Dixon's character table algorithm revisited* (J. Symbolic Comput. 9, 1990).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..groups.group import Group, Indices
from .classes import ConjugacyClasses, conjugacy_classes

CLASS_LIMIT = 1_024
"""Character tables are computed for groups with at most this many classes: some seconds, and 16 MiB for each matrix of
complex numbers. Twice as many take eight times as long, and primes of 24 bits, which `_product` wants, end there."""

ABELIAN_LIMIT = 256
"""Of larger abelian groups no table is made: what it would say follows from the orders of their elements."""

TRIES = 20
"""Random combinations; of right eigenvectors one has equal eigenvalues modulo p once in eight times at most."""

SHORT = 64
"""Rows of so many values are transformed by a matrix."""

TOLERANCE = 0.05
"""A multiplicity in floats must be so near to an integer."""

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
        powers = _powers(pow(self.root, -(self.exponent // order), p), order, p)
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
        done = np.zeros(len(self.classes), dtype=bool)
        for cls, order in enumerate(self.classes.orders.tolist()):
            if done[cls] or (alternating and order % 2):
                continue
            powers = self.classes.powers[:order, cls]
            signs = 1 - 2 * (np.arange(order) % 2) if alternating else np.ones(order, dtype=np.int64)
            # of the powers in one class, the values are added once
            weights = np.zeros(len(self.classes), dtype=np.int64)
            np.add.at(weights, powers, signs)
            used = np.flatnonzero(weights)
            total = _product(self.values[:, used], weights[used, None] % self.prime, self.prime)
            # generators of one cyclic group fix the same vectors, and have the same -1
            same = powers[np.gcd(np.arange(order), order) == 1]
            found[:, same] = total * pow(order, -1, self.prime) % self.prime
            done[same] = True
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
    least = max(2 * math.isqrt(group.order) + 2, 4 * count * count)
    for _ in range(TRIES):
        prime = _prime(exponent, least)
        root = _root_of_unity(exponent, prime)
        omega = _class_functions(classes, prime, root, exponent, generator)
        if omega is not None:
            break
        least = prime + 1
    else:
        raise AssertionError(f"no character table of {group.name}")
    values, degrees = _characters(classes, omega, prime)
    order = sorted(range(count), key=lambda i: (int(degrees[i]), bool((values[i] != 1).any()), values[i].tolist()))
    return CharacterTable(classes, prime, root, exponent, values[order], degrees[order])


def _class_functions(
    classes: ConjugacyClasses, p: int, root: int, exponent: int, generator: np.random.Generator
) -> Residues | None:
    """The class functions ω_χ modulo p, one a row, checked; None where the random combinations did not tell them
    apart."""
    count, inverses = len(classes), classes.inverses
    coefficients = generator.integers(1, p, count)
    parts = generator.normal(size=(2, count))
    exact, real, imaginary = _class_matrices(
        classes, [coefficients.astype(np.float64), parts[0] + parts[0][inverses], parts[1] - parts[1][inverses]]
    )
    scale = np.sqrt(classes.sizes)
    half = _real_coordinates((real + 1j * imaginary) * scale / scale[:, None], inverses)
    combined = _real_coordinates(half.conj().T, inverses)
    omega = _guess(classes, _complex_rows(np.linalg.eigh(combined.real)[1].T, inverses), p, root, exponent)
    if omega is None:
        return None
    eigenvalues = _product(omega, coefficients[:, None], p)
    images = _product(omega, exact.astype(np.int64).T % p, p)
    different = len(set(eigenvalues[:, 0].tolist())) == count
    return omega if different and bool((images == eigenvalues * omega % p).all()) else None


def _class_matrices(
    classes: ConjugacyClasses, coefficients: Sequence[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Combinations of the class matrices, whose integers stay below 2^53: entry (s, t) is the sum, over the x with
    x⁻¹·z_t in class s, of what x's class is multiplied by."""
    group, count = classes.group, len(classes)
    found = [np.zeros((count, count)) for _ in coefficients]
    weights = [one[classes.labels] for one in coefficients]
    for t, z in enumerate(classes.representatives):
        reached = classes.labels[group.multiply(group.inverses, z)]
        for matrix, weight in zip(found, weights, strict=True):
            matrix[:, t] = np.bincount(reached, weights=weight, minlength=count)
    return found


def _guess(
    classes: ConjugacyClasses, vectors: NDArray[np.complex128], p: int, root: int, exponent: int
) -> Residues | None:
    """The class functions ω_χ modulo p, one a row, from eigenvectors in floats; None where no integers are near."""
    sizes, orders = classes.sizes, classes.orders
    scale = np.sqrt(sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = vectors * (np.abs(vectors[:, :1]) / vectors[:, :1]) * math.sqrt(classes.group.order) / scale
    if not np.isfinite(values).all():
        return None
    residues = np.empty(values.shape, dtype=np.int64)
    done = np.zeros(len(classes), dtype=bool)
    for cls in np.argsort(-orders, kind="stable").tolist():
        if not done[cls]:
            order = int(orders[cls])
            powers = classes.powers[:order, cls]
            exact = _fourier(values[:, powers]) / order
            multiplicities = np.rint(exact.real)
            if np.abs(exact - multiplicities).max() > TOLERANCE:
                return None
            exponent_of = np.full(len(classes), -1)  # (np.unique would import numpy.ma)
            exponent_of[powers] = np.arange(order)
            new = np.flatnonzero((exponent_of >= 0) & ~done)
            base = pow(root, exponent // order, p)
            turns = _powers(base, order, p)[np.outer(np.arange(order), exponent_of[new]) % order]
            residues[:, new] = _product(multiplicities.astype(np.int64) % p, turns, p)
            done[new] = True
    degrees = residues[:, 0]
    if not degrees.all():
        return None
    inverse_degrees = np.array([pow(int(d), -1, p) for d in degrees], dtype=np.int64)
    return residues * (sizes % p) % p * inverse_degrees[:, None] % p


def _real_coordinates(rows: NDArray[Any], inverses: Indices) -> NDArray[np.complex128]:
    """Rows, of which those of a Hermitian matrix, and then its columns, become real in coordinates as below."""
    first = np.arange(len(inverses)) < inverses
    other = inverses[first]
    found = rows.copy()
    found[:, first] = (rows[:, first] + rows[:, other]) / math.sqrt(2)
    found[:, other] = (rows[:, first] - rows[:, other]) * 1j / math.sqrt(2)
    return found


def _complex_rows(rows: NDArray[np.float64], inverses: Indices) -> NDArray[np.complex128]:
    """Class functions that are conjugate on inverse classes, from their coordinates: √2·real part on the first class of
    each pair and √2·imaginary part on the other."""
    first = np.arange(len(inverses)) < inverses
    other = inverses[first]
    found = rows.astype(np.complex128)
    found[:, first] = (rows[:, first] + 1j * rows[:, other]) / math.sqrt(2)
    found[:, other] = found[:, first].conj()
    return found


def _fourier(values: NDArray[Any]) -> NDArray[np.complex128]:
    """The discrete Fourier transform of rows; of short ones without `numpy.fft`, which takes longer to load."""
    count = values.shape[1]
    if count > SHORT:
        return np.asarray(np.fft.fft(values, axis=1))
    exponents = np.arange(count)
    return np.asarray(values @ np.exp(-2j * np.pi / count * exponents)[np.outer(exponents, exponents) % count])


def _powers(base: int, count: int, p: int) -> Residues:
    """base⁰ … modulo p; shape (count,)."""
    return np.array(list(itertools.accumulate(range(1, count), lambda power, _: power * base % p, initial=1)))


def _characters(classes: ConjugacyClasses, omega: Residues, p: int) -> tuple[Residues, Indices]:
    """Values modulo p and degrees, from the class functions ω_χ."""
    order = classes.group.order
    inverse_sizes = np.array([pow(int(size), -1, p) for size in classes.sizes], dtype=np.int64)
    norms = (omega * omega[:, classes.inverses] % p * inverse_sizes % p).sum(axis=1) % p
    squares = {d * d % p: d for d in range(1, math.isqrt(order) + 1) if order % d == 0}
    degrees = np.array([squares[order * pow(int(norm), -1, p) % p] for norm in norms])
    assert int((degrees**2).sum()) == order, "the degrees of a character table"
    return omega * inverse_sizes % p * degrees[:, None] % p, degrees


def _product(a: Residues, b: Residues, p: int) -> Residues:
    """a @ b modulo p, by floats. With entries below p < 2^25 and at most 2^14 terms, halves of a's keep below 2^53."""
    right = b.astype(np.float64)
    high = ((a >> 12).astype(np.float64) @ right).astype(np.int64) % p
    return ((high << 12) + ((a & 4095).astype(np.float64) @ right).astype(np.int64)) % p


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
