"""The inner loops of stabiliser chains: coded permutations, sifting, and extension by a normalising element.

A *code* is a permutation in the form that is fastest to multiply. Up to 256 points that is a `bytes` object,
because `p.translate(q)` is the product p·q and runs as one C loop of a lookup per point; beyond, a small
object around a NumPy row with the same three operations (`translate`, `[]`, `==`). A right-hand factor of a
product has to be a *table*: `bytes.translate` wants 256 entries, so a table is a code with the identity
appended. Left-hand factors stay `degree` long, which is what makes small degrees cheap. Beyond 256 points the
transversal's tables are products that are multiplied out when they are first used: a level with an orbit of 10,000
points would take 200 MB otherwise, and few of them ever are.

A *level* of a chain for H belongs to one base point: its orbit under the stabiliser of the earlier base
points and, for each point p of that orbit, the inverse of one element u_p of that stabiliser taking the base
point to p. Levels are never changed once they are in a chain, so chains share them: copying a chain copies a
list of references.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import Permutations, smallest_dtype

Code = Any  # bytes (degree <= 256) or LongPermutation; they share translate, integer indexing, + b"" and ==
Vector = tuple[int, ...]

SHORT_DEGREE = 256  # bytes.translate maps bytes to bytes: 256 points at most

MAX_KEPT_BYTES = 2**29
"""Most memory for products of a transversal that were multiplied out; beyond, they are multiplied out every time."""

MAX_WORK = 2 * 10**10
"""Most points that are looked up for one group's chains, about a minute's work; beyond, the group is refused."""

OVERHEAD = 500
"""A product of two permutations costs as much as looking up so many points, besides its own."""


class TooMuchWorkError(InputError):
    """A chain would take more than `MAX_WORK`."""


class LongPermutation:
    """A permutation of more than 256 points with the operations of `bytes` that chains use."""

    __slots__ = ("row",)

    def __init__(self, row: Permutations) -> None:
        self.row = row

    def translate(self, table: LongPermutation) -> LongPermutation:
        return LongPermutation(table.row.take(self.row))

    def __getitem__(self, point: int) -> int:
        return int(self.row[point])

    def __add__(self, tail: bytes) -> LongPermutation:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LongPermutation) and bool((self.row == other.row).all())

    def __hash__(self) -> int:
        return hash(self.row.tobytes())


class LazyProduct(LongPermutation):
    """The product of a code and a table that is multiplied out when it is first used."""

    __slots__ = ("_encoding", "_first", "_kept", "_second")

    def __init__(self, first: Code, second: Code, encoding: Encoding) -> None:
        self._first, self._second, self._encoding = first, second, encoding
        self._kept: Permutations | None = None

    @property
    def row(self) -> Permutations:  # type: ignore[override]
        """The product, shape (degree,)."""
        if self._kept is not None:
            return self._kept
        waiting: list[LazyProduct] = [self]  # from here to the first factor that is known
        while isinstance(last := waiting[-1]._second, LazyProduct) and last._kept is None:
            waiting.append(last)
        row: Permutations = waiting[-1]._second.row
        for product in reversed(waiting):
            row = row.take(product._first.row)
            if self._encoding.keeps(row.nbytes):
                product._kept = row
        return row


class Encoding:
    """Codes for one degree.

    Attributes:
        degree: number of points.
        dtype: the smallest unsigned dtype for a point, of the rows given back.
        identity: the identity's code.
        tail: what turns a code into a table when appended.
        kept_bytes: taken by lazy products that were multiplied out.
        work: points looked up so far, roughly.
    """

    __slots__ = ("_plain", "degree", "dtype", "identity", "kept_bytes", "tail", "work")

    def __init__(self, degree: int) -> None:
        self.degree = degree
        self.kept_bytes = self.work = 0
        self.dtype = smallest_dtype(degree)
        self.tail = bytes(range(degree, 256)) if degree <= SHORT_DEGREE else b""
        self._plain = np.arange(degree, dtype=self.dtype)
        self.identity: Code = self.encode(self._plain)

    def encode(self, row: NDArray[Any]) -> Code:
        """The code of one permutation, shape (degree,)."""
        row = row.astype(self.dtype)
        return row.tobytes() if self.degree <= SHORT_DEGREE else LongPermutation(row)

    def keeps(self, size: int) -> bool:
        """Whether one more product of `size` bytes may be kept; if so it is counted."""
        self.kept_bytes += size
        return self.kept_bytes <= MAX_KEPT_BYTES

    def spend(self, permutations: int) -> None:
        """Count the work of some products. Raises `TooMuchWorkError`."""
        self.work += permutations * (self.degree + OVERHEAD)
        if self.work > MAX_WORK:
            raise TooMuchWorkError(
                f"a group on {self.degree:,} points whose stabiliser chain would take more than "
                f"{MAX_WORK / 1e9:,.0f} billion look-ups; wanted a smaller one, or one of fewer points"
            )

    def product(self, code: Code, table: Code) -> Code:
        """The table of code·table; for a transversal, which may hold more of them than will be used."""
        return code.translate(table) + self.tail if self.degree <= SHORT_DEGREE else LazyProduct(code, table, self)

    def decode(self, codes: Sequence[Code]) -> Permutations:
        """Codes or tables as rows, shape (len(codes), degree)."""
        if not codes:
            return np.empty((0, self.degree), dtype=self.dtype)
        if self.degree > SHORT_DEGREE:
            return np.stack([code.row for code in codes])
        return np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(len(codes), -1)[:, : self.degree].copy()

    def inverse_table(self, code: Code) -> Code:
        """The table of the inverse of a code."""
        if self.degree <= SHORT_DEGREE:
            return bytes.maketrans(code, self.identity)
        row = np.empty_like(code.row)
        row[code.row] = self._plain
        return LongPermutation(row)

    def strip(self, table: Code) -> Code:
        """A table as a code."""
        return table[: self.degree] if self.degree <= SHORT_DEGREE else table

    def first_moved(self, code: Code) -> int:
        """The least point that the permutation moves; it must move one."""
        if self.degree > SHORT_DEGREE:
            return int(np.argmax(code.row != self._plain))
        return next(point for point in range(self.degree) if code[point] != point)

    def power(self, code: Code, exponent: int) -> Code:
        """A non-negative power, by repeated squaring."""
        result, square = self.identity, code
        while exponent:
            if exponent & 1:
                result = result.translate(square + self.tail)
            exponent >>= 1
            if exponent:
                square = square.translate(square + self.tail)
        return result


class Element:
    """A permutation with its inverse, each as code and as table: what products and conjugates by it need."""

    __slots__ = ("code", "inverse", "inverse_table", "table")

    def __init__(self, code: Code, encoding: Encoding) -> None:
        self.code = code
        self.table = code + encoding.tail
        self.inverse_table = encoding.inverse_table(code)
        self.inverse = encoding.strip(self.inverse_table)


def conjugate(a: Element, b: Element) -> Code:
    """b⁻¹·a·b."""
    return b.inverse.translate(a.table).translate(b.table)


def commutator(a: Element, b: Element) -> Code:
    """a⁻¹·b⁻¹·a·b."""
    return a.inverse.translate(b.inverse_table).translate(a.table).translate(b.table)


def is_even(code: Code, degree: int) -> bool:
    """Whether a permutation is even: degree minus number of cycles is even."""
    seen = [False] * degree
    cycles = 0
    for start in range(degree):
        if not seen[start]:
            cycles += 1
            point = start
            while not seen[point]:
                seen[point] = True
                point = code[point]
    return (degree - cycles) % 2 == 0


class Level(NamedTuple):
    """One level of a chain.

    Attributes:
        point: the base point.
        orbit: its orbit, the base point first.
        inverses: by point, the table of u_p⁻¹, or None outside the orbit.
        labels: by point, the image of u_p in an abelian factor (see `extend`), or None when nobody asked for it.
    """

    point: int
    orbit: list[int]
    inverses: list[Code | None]
    labels: dict[int, Vector] | None = None

    def __repr__(self) -> str:
        return f"Level(point={self.point}, orbit of {len(self.orbit):,} points)"


Levels = list[Level]


def trivial_level(point: int, encoding: Encoding) -> Level:
    """A level whose orbit is the base point alone."""
    inverses: list[Code | None] = [None] * encoding.degree
    inverses[point] = encoding.identity + encoding.tail
    return Level(point, [point], inverses)


def order(levels: Iterable[Level]) -> int:
    """The order of the group that a complete chain describes; for an incomplete one, a lower bound."""
    return prod(len(level.orbit) for level in levels)


def sift(levels: Sequence[Level], code: Code) -> tuple[Code, int]:
    """Divide by transversal elements as far as possible: the remainder, and the level that it got stuck at."""
    for depth, level in enumerate(levels):
        inverse = level.inverses[code[level.point]]
        if inverse is None:
            return code, depth
        code = code.translate(inverse)
    return code, len(levels)


def is_member(levels: Sequence[Level], code: Code, identity: Code) -> bool:
    """Whether a complete chain's group contains the permutation."""
    for level in levels:
        inverse = level.inverses[code[level.point]]
        if inverse is None:
            return False
        code = code.translate(inverse)
    return bool(code == identity)


def sift_rows(
    levels: Sequence[Level], rows: NDArray[Any], encoding: Encoding
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Sift many permutations, shape (m, degree), through a complete chain.

    Returns:
        (points, inside): for each permutation and level the point whose transversal element was divided by,
        shape (m, len(levels)), meaningful for members only; and which permutations are members, shape (m,).
    """
    points = np.zeros((len(rows), len(levels)), dtype=np.intp)
    inside = np.ones(len(rows), dtype=bool)
    rows = rows.astype(encoding.dtype)
    for depth, level in enumerate(levels):
        position = np.full(encoding.degree, -1, dtype=np.intp)
        position[level.orbit] = np.arange(len(level.orbit))
        points[:, depth] = rows[:, level.point]
        positions = position[points[:, depth]]
        inside &= positions >= 0  # what has left the orbit is sifted on by something, and stays marked
        inverses = encoding.decode([level.inverses[point] for point in level.orbit])
        rows = inverses[positions[:, None], rows]
    return points, inside & (rows == np.arange(encoding.degree)).all(axis=1)


def extend(levels: Sequence[Level], code: Code, encoding: Encoding) -> tuple[Levels, int]:
    """The chain of <H, y> from a complete chain of H, for a permutation y that normalises H, and the index of H in it.

    No Schreier generator is needed (Sims, "Computing the order of a solvable permutation group", J. Symb.
    Comput. 9, 1990): y permutes the H-orbits, so with Δ the orbit of the base point and m the least with
    Δ^(y^m) = Δ, the new orbit is the disjoint union of Δ, Δ^y, …, Δ^(y^(m-1)); and with u in H taking the
    base point where y^m takes it, z = y^m·u⁻¹ fixes the base point, normalises its stabiliser in H, and
    generates with it the stabiliser in <H, y>. Go on with z one level down.
    """
    extended, index, _ = _extend(levels, code, encoding, None)
    return extended, index


def extend_labelled(
    levels: Sequence[Level], code: Code, encoding: Encoding, label: Vector
) -> tuple[Levels, int, Vector]:
    """As `extend`, where `label` is the image of y in an abelian group of integer vectors modulo relations.

    Every level of the chain must carry labels, and those of a level keep the meaning "image of u_p". Also
    returns the label of the element that sifted to the identity: a relation, a vector that is zero in the
    factor.
    """
    extended, index, relation = _extend(levels, code, encoding, label)
    assert relation is not None  # a label came in, so one goes out
    return extended, index, relation


def _extend(
    levels: Sequence[Level], code: Code, encoding: Encoding, label: Vector | None
) -> tuple[Levels, int, Vector | None]:
    tail, identity = encoding.tail, encoding.identity
    encoding.spend(1 + len(levels))
    extended = list(levels)
    index, depth = 1, 0
    while code != identity:
        if depth == len(extended):
            extended.append(trivial_level(encoding.first_moved(code), encoding))
            if label is not None:
                extended[depth] = extended[depth]._replace(labels={extended[depth].point: (0,) * len(label)})
        point, orbit, inverses, labels = extended[depth]
        image = code[point]
        if inverses[image] is None:
            grown, grown_inverses = list(orbit), list(inverses)
            size, count = len(orbit), 1
            back = [encoding.strip(encoding.inverse_table(code))]  # y⁻¹, y⁻², y⁻⁴, …
            while inverses[image] is None:  # Δ^(y^count) is new
                low = (count & -count).bit_length() - 1  # y^-count is y^-(2^low) times an earlier power
                if low == len(back):
                    back.append(back[-1].translate(back[-1] + tail))
                start, earlier = (count - 1) * size, (count - (1 << low)) * size
                for p, other in zip(grown[start : start + size], grown[earlier : earlier + size], strict=True):
                    q = code[p]
                    grown.append(q)
                    grown_inverses[q] = encoding.product(back[low], grown_inverses[other])
                count += 1
                image = code[image]
            encoding.spend(len(grown) - size)
            grown_labels = labels
            if label is not None and labels is not None:
                grown_labels = dict(labels)
                for position, q in enumerate(grown[size:], start=size):
                    at_p = labels[orbit[position % size]]
                    grown_labels[q] = tuple(a + position // size * b for a, b in zip(at_p, label, strict=True))
                label = tuple(count * a for a in label)
            extended[depth] = Level(point, grown, grown_inverses, grown_labels)
            index *= count
            code = encoding.power(code, count)
            image = code[point]
        if label is not None and labels is not None:
            label = tuple(a - b for a, b in zip(label, labels[image], strict=True))
        code = code.translate(inverses[image])
        depth += 1
    return extended, index, label
