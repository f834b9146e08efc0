"""Finite groups T of matrices with exact entries, mapped onto a group G: what a layer of blocks is made of.

Numbers are integer vectors over a basis of a ring that is free over Z: Z itself, Z[i], Z[φ] with φ² = φ + 1, Z[α] with
α² = α - 2 (α = (1 + √-7)/2), Z[φ, i], and Z[φ, ω] with ω² = -ω - 1. Matrices have one denominator, 1 or 2. All of it
is integer arithmetic: T is listed from its generators, so its order is known and not believed, and the map onto G is
checked on every product of an element and a generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ....common.errors import InputError
from ...groups.group import Group, Indices

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ring:
    """A ring that is free over Z, as a subring of the complex numbers.

    Arguments:
        name: as people write it.
        basis: the complex values of the basis, the first of them 1.
        table: shape (d, d, d): basis[i]·basis[j] = Σ_k table[i, j, k]·basis[k].
    """

    name: str
    basis: tuple[complex, ...]
    table: Integers

    def multiply(self, a: Integers, b: Integers) -> Integers:
        """Products of matrices: shapes (…, m, k, d) and (…, k, n, d) to (…, m, n, d)."""
        return np.asarray(np.einsum("...mkx,...kny,xyz->...mnz", a, b, self.table, optimize=True))

    def values(self, a: Integers) -> NDArray[np.complex128]:
        """The complex values of an array whose last axis runs over the basis."""
        return np.asarray(a @ np.array(self.basis))


def _ring(name: str, root: complex, trace: int, norm: int) -> Ring:
    """Z[root] with root² = trace·root - norm."""
    return Ring(name, (1, root), np.array([[[1, 0], [0, 1]], [[0, 1], [-norm, trace]]], dtype=np.int64))


def _tensor(a: Ring, b: Ring, name: str) -> Ring:
    """The ring with the basis of all products, of one basis and the other."""
    table = np.einsum("ijk,xyz->ixjykz", a.table, b.table)
    size = len(a.basis) * len(b.basis)
    return Ring(name, tuple(u * v for u in a.basis for v in b.basis), table.reshape(size, size, size))


INTEGERS = Ring("Z", (1,), np.ones((1, 1, 1), dtype=np.int64))
GAUSSIAN = _ring("Z[i]", 1j, 0, 1)
GOLDEN = _ring("Z[φ]", (1 + 5**0.5) / 2, 1, -1)
KLEIN = _ring("Z[α]", (1 + 1j * 7**0.5) / 2, 1, 2)
ICOSIAN = _tensor(GOLDEN, GAUSSIAN, "Z[φ, i]")
VALENTINER = _tensor(GOLDEN, _ring("Z[ω]", (-1 + 1j * 3**0.5) / 2, -1, 1), "Z[φ, ω]")


@dataclass(frozen=True, eq=False)
class MatrixGroup:
    """Matrix generators of a finite group T.

    Arguments:
        name: of T.
        order: of T; `elements` checks it.
        of: the name of the group that T is meant for.
        ring: of the entries.
        denominator: of all entries, 1 or 2.
        generators: one tuple of blocks for each, each block of shape (m, m, d): numerators over the basis of the ring.
    """

    name: str
    order: int
    of: str
    ring: Ring
    denominator: int
    generators: tuple[tuple[Integers, ...], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the blocks."""
        return tuple(len(block) for block in self.generators[0])

    def times(self, a: Sequence[Integers], b: Sequence[Integers]) -> tuple[Integers, ...]:
        """Products, block by block, of stacks of elements."""
        found = []
        for left, right in zip(a, b, strict=True):
            numerators = self.ring.multiply(left, right)
            if self.denominator > 1 and (numerators % self.denominator).any():
                raise AssertionError(f"{self.name}: a product has another denominator")
            found.append(numerators // self.denominator)
        return tuple(found)

    @cached_property
    def listed(self) -> tuple[tuple[Integers, ...], Indices, Indices, Indices]:
        """All elements, the identity first: the blocks, each of shape (|T|, m, m, d); the places of the products by the
        generators on the right, shape (|T|, generators); and for each element but the first one that it is made from,
        and by which generator."""
        one = []
        for size in self.sizes:
            block = np.zeros((size, size, len(self.ring.basis)), dtype=np.int64)
            block[np.arange(size), np.arange(size), 0] = self.denominator
            one.append(block)
        elements = [tuple(one)]
        place = {_key(elements[0]): 0}
        parent, by = [0], [0]
        steps: list[list[int]] = []
        for here, element in enumerate(elements):  # grows while it is walked
            row = []
            for number, generator in enumerate(self.generators):
                there = self.times(element, generator)
                key = _key(there)
                if key not in place:
                    place[key] = len(elements)
                    elements.append(there)
                    parent.append(here)
                    by.append(number)
                    if len(elements) > self.order:
                        raise AssertionError(f"{self.name}: more than {self.order} elements")
                row.append(place[key])
            steps.append(row)
        if len(elements) != self.order:
            raise AssertionError(f"{self.name}: {len(elements)} elements, wanted {self.order}")
        blocks = tuple(np.array([element[j] for element in elements]) for j in range(len(self.sizes)))
        return blocks, np.array(steps), np.array(parent), np.array(by)

    def onto(self, group: Group) -> Cover:
        """A homomorphism onto a listed group, found by trying images of the generators.

        Raises:
            InputError: there is none.
        """
        _, steps, parent, by = self.listed
        orders = [self._order_of(j) for j in range(len(self.generators))]
        candidates = [np.flatnonzero(order % group.element_orders == 0) for order in orders]
        for chosen in product(*candidates):
            images = np.zeros(self.order, dtype=np.intp)
            for place in range(1, self.order):
                images[place] = group.table[images[parent[place]], chosen[by[place]]]
                if any(
                    steps[place, j] <= place and group.table[images[place], x] != images[steps[place, j]]
                    for j, x in enumerate(chosen)
                ):
                    break
            else:
                if (group.table[images[:, None], list(chosen)] == images[steps]).all() and (
                    len(set(images.tolist())) == group.order
                ):
                    return Cover(self, group, images)
        raise InputError(f"{self.name} has no homomorphism onto {group.name}; wanted a group like {self.of}")

    def _order_of(self, generator: int) -> int:
        steps = self.listed[1]
        place, count = int(steps[0, generator]), 1
        while place:
            place, count = int(steps[place, generator]), count + 1
        return count


@dataclass(frozen=True, eq=False)
class Cover:
    """A finite matrix group T with its homomorphism onto a listed group G.

    Arguments:
        matrices: T.
        group: G.
        images: shape (|T|,), for each element of T its image, an element of G.
    """

    matrices: MatrixGroup
    group: Group
    images: Indices

    @cached_property
    def lifts(self) -> Indices:
        """For each element of G the first element of T above it, shape (|G|,)."""
        return np.array([int(np.flatnonzero(self.images == x)[0]) for x in range(self.group.order)])

    def orbit(self, start: Sequence[Integers]) -> tuple[tuple[Integers, ...], Indices]:
        """The orbit of column vectors, one for each block, shape (m, d): the state after a word with product t is
        t⁻¹·start, so that the newest token acts from the left.

        Returns the distinct states as numerators, one array of shape (states, m, d) for each block, and for each state
        its element of G.

        Raises:
            InputError: two elements of G have a state in common: another start is wanted.
        """
        blocks = self.matrices.listed[0]
        scaled = [np.asarray(vector, dtype=np.int64)[:, None, :] for vector in start]
        moved = [
            self.matrices.ring.multiply(block, vector)[:, :, 0, :] for block, vector in zip(blocks, scaled, strict=True)
        ]
        inverses = self.inverses
        answers: dict[bytes, tuple[int, int]] = {}
        for place in range(self.matrices.order):
            key = b"".join(part[inverses[place]].tobytes() for part in moved)
            label = int(self.images[place])
            if answers.setdefault(key, (place, label))[1] != label:
                raise InputError("one state would stand for two elements of the group; wanted another start vector")
        places = np.array([place for place, _ in answers.values()])
        labels = np.array([label for _, label in answers.values()])
        return tuple(part[inverses[places]] for part in moved), labels

    @cached_property
    def inverses(self) -> Indices:
        """The place of the inverse of each element of T."""
        blocks = self.matrices.listed[0]
        order = self.matrices.order
        place = {_key([block[i] for block in blocks]): i for i in range(order)}
        found = np.zeros(order, dtype=np.intp)
        left, power = np.arange(1, order), tuple(block[1:] for block in blocks)
        while len(left):  # the last power before the identity
            following = self.matrices.times(power, tuple(block[left] for block in blocks))
            ends = np.all([(a == b[0]).all(axis=(1, 2, 3)) for a, b in zip(following, blocks, strict=True)], axis=0)
            for row in np.flatnonzero(ends):
                found[left[row]] = place[_key([block[row] for block in power])]
            left, power = left[~ends], tuple(block[~ends] for block in following)
        return found


def _key(blocks: Sequence[Integers]) -> bytes:
    return b"".join(np.ascontiguousarray(block).tobytes() for block in blocks)


def _over(ring: Ring, rows: Sequence[Sequence[int | Sequence[int]]]) -> Integers:
    """A matrix of integers, or of vectors over the basis."""
    size = len(ring.basis)
    found = np.zeros((len(rows), len(rows[0]), size), dtype=np.int64)
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            found[i, j] = (entry, *[0] * (size - 1)) if isinstance(entry, int) else entry
    return found


def _reflections(ring: Ring, gram: Integers) -> list[Integers]:
    """The reflections in simple roots, on the basis of these: root j goes to root j - gram[i, j]·root i. `gram` has the
    inner products, shape (m, m, d), with 2 on its diagonal."""
    found = []
    for i in range(len(gram)):
        matrix = _over(ring, np.eye(len(gram), dtype=int).tolist())
        matrix[i] -= gram[i]
        found.append(matrix)
    return found


def _products(ring: Ring, factors: Sequence[Integers], pairs: Sequence[tuple[int, int]]) -> tuple[tuple[Integers], ...]:
    return tuple((ring.multiply(factors[i], factors[j]),) for i, j in pairs)


def _quaternion(ring: Ring, w: Integers, x: Integers, y: Integers, z: Integers) -> Integers:
    """w + x·i + y·j + z·k as a complex 2x2 matrix; the numbers are vectors over the basis, whose second member is i."""
    unit = np.zeros(len(ring.basis), dtype=np.int64)
    unit[1] = 1
    turn = lambda a: np.einsum("x,y,xyz->z", a, unit, ring.table)  # noqa: E731
    return np.array([[w + turn(x), y + turn(z)], [turn(z) - y, w - turn(x)]])


def _symmetric(n: int) -> MatrixGroup:
    """S_n by the reflections of its root lattice."""
    gram = 2 * np.eye(n - 1, dtype=int) - np.eye(n - 1, k=1, dtype=int) - np.eye(n - 1, k=-1, dtype=int)
    order = int(np.prod(np.arange(1, n + 1)))
    reflections = _reflections(INTEGERS, _over(INTEGERS, gram.tolist()))
    return MatrixGroup(f"S{n}", order, f"S{n}", INTEGERS, 1, tuple((r,) for r in reflections))


def _all() -> dict[str, MatrixGroup]:
    z = lambda *rows: _over(INTEGERS, rows)  # noqa: E731
    g = lambda *rows: _over(GAUSSIAN, rows)  # noqa: E731
    quarter, flip, one = z([0, -1], [1, 0]), z([1, 0], [0, -1]), z([1, 0], [0, 1])
    i, minus_i = (0, 1), (0, -1)
    golden = _over(GOLDEN, [[2, (0, -1), 0], [(0, -1), 2, -1], [0, -1, 2]])
    icosahedral = _reflections(GOLDEN, golden)
    klein = _reflections(KLEIN, _over(KLEIN, [[2, -1, (0, 1)], [-1, 2, -1], [(1, -1), -1, 2]]))
    edge, conjugate = (0, 0, 0, -1), (0, 0, 1, 1)  # -φω and its conjugate, over 1, ω, φ, φω: Shephard and Todd's G27
    valentiner = _reflections(VALENTINER, _over(VALENTINER, [[2, -1, edge], [-1, 2, -1], [conjugate, -1, 2]]))
    whole = np.array([1, 0, 0, 0])
    phi, less = np.array([0, 0, 1, 0]), np.array([-1, 0, 1, 0])  # over 1, i, φ, φ·i; less = φ - 1 = 1/φ
    hurwitz = g([(1, 1), (1, 1)], [(-1, 1), (1, -1)])
    cycle, turn = z([0, 0, 1], [1, 0, 0], [0, 1, 0]), z([0, -1, 0], [1, 0, 0], [0, 0, 1])
    found = {
        "S3": _symmetric(3),
        "S4": _symmetric(4),
        "S5": _symmetric(5),
        "D4": MatrixGroup("D4", 8, "D4", INTEGERS, 1, ((quarter,), (flip,))),
        "Q8": MatrixGroup("Q8", 8, "Q8", GAUSSIAN, 1, ((g([i, 0], [0, minus_i]),), (g([0, 1], [-1, 0]),))),
        "Q8 real": MatrixGroup("C4:C4", 16, "Q8", INTEGERS, 1, ((quarter, one), (flip, quarter))),
        "2^(1+4)+ real": MatrixGroup(
            "D4xD4", 64, "SmallGroup(32,49)", INTEGERS, 1, ((quarter, one), (flip, one), (one, quarter), (one, flip))
        ),
        "A4": MatrixGroup("A4", 12, "A4", INTEGERS, 1, ((cycle,), (z([1, 0, 0], [0, -1, 0], [0, 0, -1]),))),
        "S4 rotations": MatrixGroup("S4", 24, "S4", INTEGERS, 1, ((cycle,), (turn,))),
        "SL(2,3)": MatrixGroup(
            "SL(2,3)", 24, "SL(2,3)", GAUSSIAN, 2, ((hurwitz,), (2 * g([i, 0], [0, minus_i]),))
        ),
        "S4 complex": MatrixGroup(
            "the Clifford group of one qubit modulo eighth roots", 96, "S4", GAUSSIAN, 2,
            ((2 * g([1, 0], [0, i]),), (g([(1, 1), (1, 1)], [(1, 1), (-1, -1)]),)),
        ),
        "A5": MatrixGroup("A5", 60, "A5", GOLDEN, 1, _products(GOLDEN, icosahedral, [(0, 1), (1, 2)])),
        "SL(2,5)": MatrixGroup(
            "SL(2,5)", 120, "SL(2,5)", ICOSIAN, 2,
            ((_quaternion(ICOSIAN, whole, whole, whole, whole),), (_quaternion(ICOSIAN, phi, less, whole, 0 * whole),)),
        ),
        "PSL(2,7)": MatrixGroup("PSL(2,7)", 168, "PSL(2,7)", KLEIN, 1, tuple((-r,) for r in klein)),
        "3.A6": MatrixGroup(
            "Valentiner's group 3.A6", 1080, "A6", VALENTINER, 1, _products(VALENTINER, valentiner, [(0, 1), (1, 2)])
        ),
    }  # fmt: skip
    return found


MATRIX_GROUPS = _all()
"""The matrix groups by name: a group alone is T = G; `Q8 real`, `S4 complex` and others are larger or other forms."""
