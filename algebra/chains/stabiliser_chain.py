"""Permutation groups too large to list: order, membership, random elements, by a base and stabiliser chain.

A chain is made in one of two ways, and both end in a proof. A solvable group is built from the bottom of its
derived series (`algebra.chains.solvable`), which its derived series is a by-product of. Any other group
goes through random Schreier–Sims with a deterministic verification (`algebra.chains.schreier_sims`). A symmetric or
alternating group of its points is recognised by an element, and gets a chain only when somebody asks for elements.
What is computed *from* chains is in `algebra.chains.series`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.brief import Brief
from ...common.errors import InputError
from ..arithmetic.abelian_invariants import primary_invariants
from ..arithmetic.integer_matrices import smith_normal_form
from ..arithmetic.permutations import MAX_DEGREE, Permutations
from . import kernels as chain_kernels
from .kernels import (
    Code,
    Element,
    Encoding,
    Levels,
    commutator,
    conjugate,
    extend,
    extend_labelled,
    is_even,
    is_member,
    sift_rows,
)
from .solvable import NotSolvableError, SolvableTower

if TYPE_CHECKING:
    from .order_bounds import AbelianImage

ELEMENTS_LIMIT = 2**28
"""Largest order·degree that `StabiliserChain.elements` lists unless told otherwise."""

GIANT_DEGREE = 30  # on fewer points a chain is made sooner than a giant is recognised

SMALL_MODULUS = 2**40
"""Residues modulo less than this can be added over all levels of a chain in int64; beyond, they are Python integers."""

LOOP_LIMIT = 200  # for so few permutations, sifting one at a time is quicker than setting up arrays


class StabiliserChain:
    """A permutation group with its order and membership proved.

    Arguments:
        generators: shape (r, degree), any integer dtype; r may be 0.
        seed: of the random choices for a group that is not solvable. It decides the time taken and the
            generators found for subgroups, never an order or a membership.
        bound: an upper bound for the order, where one is known, e.g. from the group's name; meeting it saves the
            proof.

    Attributes:
        known_derived: the derived subgroup of a group that is not solvable, once somebody has asked for it.
        known_factors: the composition factors (`algebra.chains.composition`), likewise.
        encoding, levels, elements_given: degree and codes; the chain itself; the generators as codes (for
            `algebra.chains.series`).
        giant: whether the group is known to be the symmetric or alternating group of the points that it moves.

    Raises:
        InputError: not a two-dimensional array of permutations of 0 … degree-1.

    Examples:
        >>> chain = StabiliserChain([[1, 2, 3, 0], [1, 0, 2, 3]])
        >>> chain.order, chain.is_solvable, [term.order for term in chain.solvable_terms]
        (24, True, [12, 4, 1])
    """

    encoding: Encoding
    elements_given: list[Element]
    seed: int
    giant: bool = False
    known_derived: StabiliserChain | None = None
    known_factors: dict[tuple[int, str], int] | None = None
    tower: SolvableTower | None = None

    def __init__(self, generators: ArrayLike, *, seed: int = 0, bound: int | None = None) -> None:
        rows = permutation_rows(np.asarray(generators))
        self.encoding = Encoding(rows.shape[1])
        self.elements_given = [Element(self.encoding.encode(row), self.encoding) for row in rows]
        self.seed = seed
        moving = self.moving_elements
        if self.degree >= GIANT_DEGREE and moving:
            from .schreier_sims import is_giant

            if is_giant(moving, self.encoding, random.Random(seed)):
                self._become_giant()
                return
        try:
            self._take_tower(SolvableTower([element.code for element in moving], moving, self.encoding))
        except NotSolvableError:
            self.__dict__["levels"] = self._sims(bound)
            self.__dict__["solvable_terms"] = None

    def _sims(self, bound: int | None) -> Levels:
        from .schreier_sims import random_products, schreier_sims

        source = random.Random(self.seed)
        moving = self.moving_elements
        elements = random_products(moving, [], self.encoding, source)
        return schreier_sims(moving, elements, self.encoding, source, bound=bound, bounds=_bounds)[0]

    @cached_property
    def levels(self) -> Levels:
        """The chain itself; only of a giant it is not made before somebody asks for it."""
        return self._sims(self.order)

    def _become_giant(self) -> None:
        moving = self.moving_elements
        even = all(is_even(element.code, self.degree) for element in moving)
        self.giant = True
        self.__dict__["order"] = math.factorial(self.moved_points) // (2 if even else 1)
        self.__dict__["solvable_terms"] = None
        if even:
            self.known_derived = self  # A_n is perfect for n ≥ 5

    def abelian_image(self, rows: Permutations) -> AbelianImage:
        """The largest abelian factor of the group, and the residues in it of elements, shape (m, degree)."""
        from .order_bounds import AbelianImage

        if self.giant:  # of which no chain is needed
            moduli = () if self.known_derived is self else (2,)
            odd = [[not is_even(self.encoding.encode(row), self.degree)] * len(moduli) for row in rows]
            return AbelianImage(moduli, np.array(odd, dtype=np.int64).reshape(len(rows), len(moduli)))
        factor = abelian_factor(self, derived_subgroup(self))
        return AbelianImage(factor.moduli, factor.residues(rows))

    @property
    def moved_points(self) -> int:
        """How many points the group moves."""
        rows = self.generators
        return int(np.count_nonzero((rows != np.arange(self.degree)).any(axis=0)))

    def alternating_subgroup(self) -> StabiliserChain:
        """The alternating group of the points that a giant moves."""
        points = np.flatnonzero((self.generators != np.arange(self.degree)).any(axis=0))
        three, long = (np.arange(self.degree) for _ in range(2))
        three[points[:3]] = np.roll(points[:3], -1)
        rest = points[1 - len(points) % 2 :]  # an odd number of points: the cycle is even
        long[rest] = np.roll(rest, -1)
        codes = [self.encoding.encode(row) for row in (three, long)]
        chain = StabiliserChain.__new__(StabiliserChain)
        chain.encoding, chain.seed = self.encoding, self.seed
        chain.elements_given = [Element(code, self.encoding) for code in codes]
        chain._become_giant()
        return chain

    @classmethod
    def from_levels(
        cls, encoding: Encoding, levels: Levels, generators: Sequence[Element], seed: int = 0
    ) -> StabiliserChain:
        """A chain that is complete already; the caller vouches for that, and that the generators generate its group."""
        chain = cls.__new__(cls)
        chain.encoding, chain.elements_given, chain.seed = encoding, list(generators), seed
        chain.__dict__["levels"] = levels
        return chain

    @classmethod
    def from_tower(cls, tower: SolvableTower, encoding: Encoding, seed: int = 0) -> StabiliserChain:
        """The group at the top of a tower."""
        levels, generators = tower.series()[0]
        chain = cls.from_levels(encoding, levels, generators, seed)
        chain._take_tower(tower)
        return chain

    def _take_tower(self, tower: SolvableTower) -> None:
        """Take the chain, and the derived series below it, from a tower whose top is this group."""
        (levels, _), *below = tower.series()
        self.__dict__["levels"], self.tower = levels, tower
        terms: tuple[StabiliserChain, ...] = ()
        for levels, generators in reversed(below):
            term = StabiliserChain.from_levels(self.encoding, levels, generators, self.seed)
            term.__dict__["solvable_terms"] = terms  # the cached property, known already
            terms = (term, *terms)
        self.__dict__["solvable_terms"] = terms

    @cached_property
    def solvable_terms(self) -> tuple[StabiliserChain, ...] | None:
        """The derived series without the group itself, the trivial group last; None if the group is not solvable."""
        moving = self.moving_elements
        try:
            tower = SolvableTower([element.code for element in moving], moving, self.encoding)
        except NotSolvableError:
            return None
        return StabiliserChain.from_tower(tower, self.encoding, self.seed).solvable_terms

    @property
    def moving_elements(self) -> list[Element]:
        """The generators other than the identity."""
        return [element for element in self.elements_given if element.code != self.encoding.identity]

    @property
    def degree(self) -> int:
        """Number of points."""
        return self.encoding.degree

    @cached_property
    def order(self) -> int:
        """Number of elements, exactly."""
        return chain_kernels.order(self.levels)

    @property
    def base(self) -> tuple[int, ...]:
        """Points such that only the identity fixes all of them."""
        return tuple(level.point for level in self.levels)

    @property
    def generators(self) -> Permutations:
        """The generators, shape (r, degree), in the smallest unsigned dtype."""
        return self.encoding.decode([element.code for element in self.elements_given])

    @property
    def is_solvable(self) -> bool:
        """Whether the derived series ends in the trivial group."""
        return self.solvable_terms is not None

    def contains(self, permutations: ArrayLike) -> NDArray[np.bool_]:
        """Which of the permutations, shape (m, degree), lie in the group; shape (m,).

        Raises:
            InputError: not permutations of the same degree.
        """
        rows = permutation_rows(np.asarray(permutations), self.degree)
        if len(rows) <= LOOP_LIMIT:
            codes = (self.encoding.encode(row) for row in rows)
            return np.array([is_member(self.levels, code, self.encoding.identity) for code in codes], dtype=bool)
        return sift_rows(self.levels, rows, self.encoding)[1]

    def random(self, generator: np.random.Generator, count: int = 1) -> Permutations:
        """Uniformly random elements, independent of each other; shape (count, degree)."""
        rows = np.tile(np.arange(self.degree, dtype=self.encoding.dtype), (count, 1))
        for level in reversed(self.levels):
            chosen = generator.integers(len(level.orbit), size=count)
            rows = self._representatives(level)[chosen[:, None], rows]
        return rows

    def elements(self, limit: int = ELEMENTS_LIMIT) -> Permutations:
        """All elements in lexicographic order, the identity first; shape (order, degree), smallest unsigned dtype.

        Raises:
            InputError: order·degree exceeds the limit.
        """
        if self.order * self.degree > limit:
            raise InputError(
                f"a group of order {self.order} on {self.degree} points is too large to list: "
                f"{self.order * self.degree} entries; wanted at most {limit}, e.g. S8 has 322560"
            )
        rows = np.arange(self.degree, dtype=self.encoding.dtype)[None, :]
        for level in reversed(self.levels):
            rows = self._representatives(level)[:, rows].reshape(-1, self.degree)
        return rows[_lexicographic_order(rows)]

    def _representatives(self, level: chain_kernels.Level) -> Permutations:
        """The transversal of a level, shape (len(orbit), degree), in the order of the orbit."""
        inverses = self.encoding.decode([level.inverses[point] for point in level.orbit])
        return np.argsort(inverses, axis=1).astype(self.encoding.dtype)

    def __repr__(self) -> str:
        return f"StabiliserChain(degree={self.degree}, order={self.order})"


def _bounds(rows: Permutations, stabiliser: Permutations) -> Iterator[int]:
    from .order_bounds import order_bounds

    return order_bounds(rows, stabiliser, StabiliserChain)


def insoluble_closure(
    chain: StabiliserChain, normal: list[Element], elements: Iterator[Code], source: random.Random, bound: int
) -> StabiliserChain:
    """The normal closure of some elements, known not to be solvable, and to have order at most `bound`."""
    from .schreier_sims import schreier_sims

    levels, generators = schreier_sims(normal, elements, chain.encoding, source, chain.moving_elements, bound, _bounds)
    closure = StabiliserChain.from_levels(chain.encoding, levels, generators, chain.seed)
    closure.__dict__["solvable_terms"] = None  # the cached property, known already
    return chain if closure.order == chain.order else closure


def derived_subgroup(chain: StabiliserChain) -> StabiliserChain:
    """The subgroup generated by all commutators; the chain itself if the group is perfect."""
    from .schreier_sims import random_commutators

    if chain.solvable_terms is not None:
        return chain.solvable_terms[0] if chain.solvable_terms else chain
    if chain.known_derived is None:
        if chain.giant:
            chain.known_derived = chain.alternating_subgroup()
            return chain.known_derived
        moving = chain.moving_elements
        all_even = all(is_even(element.code, chain.degree) for element in moving)
        bound = chain.order if all_even else chain.order // 2  # commutators are even
        codes = dict.fromkeys(commutator(a, b) for a, b in combinations(moving, 2))
        normal = [Element(code, chain.encoding) for code in codes if code != chain.encoding.identity]
        source = random.Random(chain.seed)
        elements = random_commutators(chain.levels, chain.encoding, source)
        chain.known_derived = insoluble_closure(chain, normal, elements, source, bound)
    return chain.known_derived


@dataclass(frozen=True, eq=False, repr=False)
class ChainFactor(Brief):
    """An abelian factor upper/lower ≅ C_{n_1} × … × C_{n_d} of groups known by chains.

    Arguments:
        moduli: n_1 … n_d, each dividing the next, none of them 1.
        lifts: permutations in upper, shape (d, degree); lift j has residue 1 in channel j and 0 in the others.
        encoding, levels: the chain of upper, labelled by vectors over the generators of upper modulo lower.
        change: shape (generators, d): vectors times this are residues.
    """

    moduli: tuple[int, ...]
    lifts: Permutations
    encoding: Encoding
    levels: Levels
    change: tuple[tuple[int, ...], ...]

    @cached_property
    def _tables(self) -> tuple[NDArray[Any], ...]:
        """For each level, the residues of the transversal element for each point, shape (degree, d)."""
        tables = []
        for level in self.levels:
            table: NDArray[Any] = np.zeros((self.encoding.degree, len(self.moduli)), _residue_dtype(self.moduli))
            assert level.labels is not None  # `abelian_factor` labels every level
            for point, vector in level.labels.items():
                columns = zip(*self.change, strict=True)
                table[point] = [
                    sum(x * c for x, c in zip(vector, column, strict=True)) % n
                    for column, n in zip(columns, self.moduli, strict=True)
                ]
            tables.append(table)
        return tuple(tables)

    @property
    def order(self) -> int:
        """The index of lower in upper."""
        return prod(self.moduli)

    @property
    def primary(self) -> tuple[int, ...]:
        """The prime powers, sorted as GAP's `AbelianInvariants` are."""
        return primary_invariants(self.moduli)

    def residues(self, permutations: ArrayLike) -> NDArray[np.int64]:
        """Residues modulo the n_j of elements of upper, shape (m, degree); shape (m, d), dtype int64.

        (Python integers in an object array where a modulus is 2^40 or more.)

        Raises:
            InputError: not permutations of the same degree, or not elements of upper.
        """
        rows = permutation_rows(np.asarray(permutations), self.encoding.degree)
        images, inside = sift_rows(self.levels, rows, self.encoding)
        if not inside.all():
            raise InputError(f"row {int(np.argmin(inside))} is not in the upper group; wanted elements of it")
        total: NDArray[Any] = np.zeros((len(rows), len(self.moduli)), dtype=_residue_dtype(self.moduli))
        for level, table in enumerate(self._tables):
            total += table[images[:, level]]
        return total % np.array(self.moduli, dtype=total.dtype)


def abelian_factor(upper: StabiliserChain, lower: StabiliserChain) -> ChainFactor:
    """The factor upper/lower, which must be abelian.

    The chain of `lower` is extended by generators of `upper` one after the other, every transversal element
    carrying its image in the factor as an integer vector with one entry for each of those generators. What a
    generator sifts to is the identity, so its vector is a relation. The relations form a triangular matrix;
    its Smith normal form gives the invariant factors and the change of coordinates.

    Raises:
        InputError: `lower` is not a normal subgroup of `upper` with an abelian factor.
    """
    encoding = upper.encoding
    used = _generators_modulo(upper, lower)
    count = len(used)
    levels: Levels = []
    for level in lower.levels:
        levels.append(level._replace(labels=dict.fromkeys(level.orbit, (0,) * count)))
    relations: list[list[int]] = []
    for position, element in enumerate(used):
        unit = tuple(int(i == position) for i in range(count))
        levels, _, relation = extend_labelled(levels, element.code, encoding, unit)
        relations.append(_reduced(list(relation), relations))

    diagonal, v, inverse = smith_normal_form(relations)
    keep = [j for j, n in enumerate(diagonal) if n > 1]
    moduli = tuple(diagonal[j] for j in keep)
    lifts = []
    for j in keep:
        code = encoding.identity
        for element, exponent in zip(used, inverse[j], strict=True):
            code = code.translate(encoding.power(element.code, exponent % diagonal[-1]) + encoding.tail)
        lifts.append(code)
    change = tuple(tuple(row[j] % diagonal[j] for j in keep) for row in v[:count])
    return ChainFactor(moduli, encoding.decode(lifts), encoding, levels, change)


def _residue_dtype(moduli: tuple[int, ...]) -> type[Any]:
    return np.int64 if max(moduli, default=1) < SMALL_MODULUS else object


def _generators_modulo(upper: StabiliserChain, lower: StabiliserChain) -> list[Element]:
    """Those generators of upper that matter modulo lower, each outside what lower and those before it generate.

    Raises:
        InputError: lower is not a normal subgroup with an abelian factor.
    """
    encoding = upper.encoding

    def outside(codes: Iterable[Code], levels: Levels) -> bool:
        return any(not is_member(levels, code, encoding.identity) for code in codes)

    if lower.degree != upper.degree or outside((b.code for b in lower.elements_given), upper.levels):
        raise InputError(f"{lower} is not a subgroup of {upper}; wanted a subgroup, e.g. the derived subgroup")
    used: list[Element] = []
    levels = lower.levels
    for element in upper.moving_elements:
        if is_member(levels, element.code, encoding.identity):
            continue
        if outside((conjugate(b, element) for b in lower.moving_elements), lower.levels):
            raise InputError(f"{lower} is not normal in {upper}; wanted a normal subgroup, e.g. the derived subgroup")
        if outside((commutator(element, a) for a in used), lower.levels):
            raise InputError(f"{upper} modulo {lower} is not abelian; wanted a subgroup with an abelian factor")
        levels, _ = extend(levels, element.code, encoding)
        used.append(element)
    return used


def _reduced(relation: list[int], earlier: list[list[int]]) -> list[int]:
    """A relation modulo the triangular relations before it: it says the same, with small entries."""
    for row in reversed(range(len(earlier))):
        quotient = relation[row] // earlier[row][row]
        relation = [a - quotient * b for a, b in zip(relation, earlier[row], strict=True)]
    return relation


def _lexicographic_order(rows: Permutations) -> NDArray[np.intp]:
    """The order of distinct rows, by big-endian words of eight bytes: far fewer sorts than by single entries."""
    data = rows.astype(rows.dtype.newbyteorder(">"), order="C").view(np.uint8).reshape(len(rows), -1)
    words = np.zeros((len(rows), -(-data.shape[1] // 8) * 8), dtype=np.uint8)
    words[:, : data.shape[1]] = data
    return np.lexsort(words.view(">u8").astype(np.uint64).T[::-1])


def permutation_rows(array: NDArray[Any], degree: int | None = None) -> NDArray[Any]:
    """The array itself, having been found to hold permutations, one a row.

    Raises:
        InputError: wrong shape or dtype, or a row that is not a permutation.
    """
    wanted = "(r, degree)" if degree is None else f"(m, {degree})"
    if array.ndim != 2 or array.shape[1] == 0 or (degree is not None and array.shape[1] != degree):
        raise InputError(f"permutations of shape {array.shape}; wanted {wanted}, e.g. [[1, 2, 0], [1, 0, 2]]")
    if array.shape[1] > MAX_DEGREE:
        raise InputError(f"permutations of {array.shape[1]} points; wanted at most {MAX_DEGREE}")
    if len(array) and not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"permutations of dtype {array.dtype}; wanted integers, e.g. [[1, 2, 0], [1, 0, 2]]")
    wrong = np.flatnonzero((np.sort(array, axis=1) != np.arange(array.shape[1])).any(axis=1))
    if len(wrong):
        row = array[wrong[0]].tolist()
        shown = ", ".join(map(str, row[:12])) + (", …" if len(row) > 12 else "")
        raise InputError(f"row {wrong[0]} is [{shown}]: not a permutation of 0 … {array.shape[1] - 1}, e.g. [1, 2, 0]")
    return array
