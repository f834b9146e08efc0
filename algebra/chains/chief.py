"""The length of a chief series of a permutation group too large to list.

A normal subgroup N of G is taken apart by what G leaves in place: its derived series, its action on an orbit of G, its
action on blocks of G, and their kernels. How many chief factors of G lie in N is the sum over the pieces:

- an abelian factor is a module of G: its composition length, by Norton's criterion (the "MeatAxe");
- a perfect N that fixes all blocks of a system of smallest blocks acts on each as a perfect normal subgroup H of a
  primitive group. If that is affine, G acts on the translations of all blocks, with an abelian kernel in N. Unless H
  is T × T on |T| points, it is else a minimal normal subgroup, a power of a simple group T (see `composition`: H lies
  in the socle, as Out(T) and permutations of fewer than five factors are solvable). N is then a direct product of
  copies of T, which G permutes transitively: one chief factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.finite_field import factorise
from ..arithmetic.permutations import Permutations, on_blocks, point_orbits, restricted
from ..arithmetic.simple_names import simple_name
from .composition import (
    FEWEST_FACTORS_MOVED,
    UndecidedError,
    blocks,
    is_surely_not_affine,
    kernel,
    translations,
)
from .order_bounds import WreathEmbedding
from .series import derived_series
from .stabiliser_chain import StabiliserChain, abelian_factor

LARGEST_FIELD = 1_000
"""So many eigenvalues of a random element are tried."""

MOST_LINES = 2_000
"""So many vectors of a null space are tried by Norton's criterion."""

TRIES = 200
"""Random elements of the algebra that generators span."""


def chief_length(chain: StabiliserChain) -> int:
    """How many factors a chief series of the group has.

    Raises:
        UndecidedError: a primitive piece is affine or large, or no module was split or shown to be irreducible.

    >>> chief_length(StabiliserChain([[1, 2, 3, 0], [1, 0, 2, 3]]))
    3
    """
    return _within(chain.generators, chain)


def _within(group: Permutations, normal: StabiliserChain) -> int:
    """How many chief factors of the group that some permutations generate lie in a normal subgroup of it."""
    terms = derived_series(normal)
    layers = sum(_abelian(group, upper, lower) for upper, lower in pairwise(terms))
    return layers + (_perfect(group, terms[-1]) if terms[-1].order > 1 else 0)


def _perfect(group: Permutations, normal: StabiliserChain) -> int:
    rows = normal.generators
    moved = (rows != np.arange(normal.degree)).any(axis=0)
    orbit = min((one for one in point_orbits(group) if moved[one].any()), key=len)
    if len(orbit) < np.count_nonzero(moved):
        return _split(group, normal, restricted(group, orbit), restricted(rows, orbit))
    group, rows = restricted(group, orbit), restricted(rows, orbit)
    if len(orbit) < normal.degree:
        normal = StabiliserChain(rows, bound=normal.order)
    system: NDArray[np.intp] = np.zeros(len(orbit), dtype=np.intp)
    for system in blocks(normal, group, np.arange(len(orbit))):
        images = on_blocks(rows, system)
        if (images != np.arange(images.shape[1])).any():
            return _split(group, normal, on_blocks(group, system), images)
    embedding = WreathEmbedding.of(np.concatenate([group, rows.astype(group.dtype)]), system)
    own = embedding.parts[len(group) :].reshape(-1, embedding.points.shape[1])
    inside = StabiliserChain(np.unique(own, axis=0))
    size = inside.degree
    if size < FEWEST_FACTORS_MOVED and is_surely_not_affine(inside, size, 0):
        if simple_name(size) in (None, f"C{size}") or inside.order == size:
            return 1
    elif size < FEWEST_FACTORS_MOVED and (vectors := translations(inside, size)):
        images = _on_translations(embedding, vectors)
        return _split(group, normal, images[: len(group)], images[len(group) :])
    raise UndecidedError(f"a primitive group on {size:,} points")


def _on_translations(embedding: WreathEmbedding, vectors: StabiliserChain) -> Permutations:
    """What a group does by conjugation to the translations of its blocks, each named by where it takes the first point
    of the block: shape (generators, points).

    Raises:
        UndecidedError: conjugates of translations are none.
    """
    rows = vectors.elements().astype(np.intp)
    table = rows[np.argsort(rows[:, 0])]  # table[a] takes 0 to a
    back = np.argsort(table, axis=1)
    size = len(table)
    parts = embedding.parts.reshape(-1, size)
    moved = back[parts[:, 0, None], parts]
    for part, image in zip(parts, moved, strict=True):
        conjugates = np.empty_like(table)
        conjugates[image[:, None], part] = part[table]  # that of table[x] is table[image[x]], if any
        if not np.array_equal(conjugates, table):
            raise UndecidedError("a regular normal subgroup of a block's group that the group does not leave in place")
    names = embedding.tops[:, :, None].astype(np.intp) * size + moved.reshape(embedding.parts.shape)
    return names.reshape(len(names), -1)


def _split(group: Permutations, normal: StabiliserChain, images: Permutations, own_images: Permutations) -> int:
    """The chief factors in a normal subgroup by an action of the group on other points: in the image and the kernel.

    Arguments:
        group, normal: the group's generators, and the normal subgroup.
        images: what the group's generators do.
        own_images: what those of the normal subgroup do.
    """
    image = StabiliserChain(own_images)
    found = _within(images, image)
    return found + (_within(group, kernel(normal, own_images, image)) if image.order < normal.order else 0)


def _abelian(group: Permutations, upper: StabiliserChain, lower: StabiliserChain) -> int:
    """How many chief factors lie between two normal subgroups with an abelian factor."""
    factor = abelian_factor(upper, lower)
    lifts = factor.lifts.astype(np.intp)
    conjugated = [row[lifts[:, np.argsort(row)]] for row in group.astype(np.intp)]
    matrices = [factor.residues(rows) for rows in conjugated]
    length = 0
    for p in factorise(factor.order):
        for exponent in range(1, max(factor.moduli).bit_length() + 1):  # p^(e-1)·A modulo p^e·A
            used = [i for i, n in enumerate(factor.moduli) if n % p**exponent == 0]
            if used:
                length += module_length([np.array(m[np.ix_(used, used)] % p, dtype=np.int64) for m in matrices], p)
    return length


def module_length(matrices: list[NDArray[np.int64]], p: int) -> int:
    """The composition length of the module of row vectors over the field of p elements on which matrices act.

    A random element of their algebra has a null space. If each vector in it generates the whole module, and one in
    the null space of its transpose the whole dual module, then the module is irreducible (Norton); else there is a
    submodule, to go on with.

    Raises:
        UndecidedError: no element with a small null space was found.

    >>> module_length([np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])], 2)
    2
    """
    size = len(matrices[0]) if matrices else 0
    if size <= 1:
        return size
    unit = np.eye(size, dtype=np.int64)
    if all((matrix == unit * matrix[0, 0]).all() for matrix in matrices):
        return size
    source = np.random.default_rng(size)
    pool = [unit, *matrices]
    for _ in range(TRIES):
        a, b = source.integers(len(pool), size=2)
        pool.append(pool[a] @ pool[b] % p)
        if len(pool) > 2 * len(matrices) + 12:
            del pool[1 + len(matrices)]
        element = np.tensordot(source.integers(0, p, len(pool)), np.array(pool), 1) % p
        for singular, degree in _singular(element, p):
            null = null_space(singular, p)
            if len(null) == degree:  # each vector in it spans it, under the element
                lines = null[:1]
            elif p ** len(null) <= MOST_LINES * (p - 1):
                lines = _lines(null, p)
            else:
                continue
            for vector in lines:
                span = _spin(vector, matrices, p)
                if len(span) < size:
                    return _both(span, matrices, p)
            span = _spin(null_space(singular.T, p)[0], [matrix.T for matrix in matrices], p)
            if len(span) < size:
                return _both(null_space(span.T, p), matrices, p)
            return 1
    raise UndecidedError(f"a module of dimension {size} over the field of {p} elements")


def _singular(element: NDArray[np.int64], p: int) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Singular polynomials of a matrix, each with a degree: in its null space the least spaces that the matrix leaves
    in place have this dimension. By eigenvalues; where none is found, x^(p^d) - x for the least d that does."""
    unit = np.eye(len(element), dtype=np.int64)
    for value in range(min(p, LARGEST_FIELD)):
        shifted = (element - value * unit) % p
        if len(echelon(shifted, p)) < len(element):
            yield shifted, 1
    power = element
    for degree in range(1, len(element) + 1):
        power = _power(power, p, p)
        difference = (power - element) % p
        if len(echelon(difference, p)) < len(element):
            yield difference, degree
            return


def _power(matrix: NDArray[np.int64], exponent: int, p: int) -> NDArray[np.int64]:
    result = np.eye(len(matrix), dtype=np.int64)
    while exponent:
        if exponent & 1:
            result = result @ matrix % p
        matrix = matrix @ matrix % p
        exponent >>= 1
    return result


def _lines(basis: NDArray[np.int64], p: int) -> NDArray[np.int64]:
    """One vector of each line of a space, by a basis: the first coordinate other than 0 is 1."""
    found = []
    for lead in range(len(basis)):
        free = len(basis) - lead - 1
        rest = np.arange(p**free)[:, None] // p ** np.arange(free) % p
        found.append((basis[lead] + rest @ basis[lead + 1 :]) % p)
    return np.concatenate(found)


def _spin(vector: NDArray[np.int64], matrices: list[NDArray[np.int64]], p: int) -> NDArray[np.int64]:
    """A basis, in echelon form, of the smallest invariant space that contains a vector."""
    basis = echelon(vector[None], p)
    while True:
        larger = echelon(np.concatenate([basis, *(basis @ matrix % p for matrix in matrices)]), p)
        if len(larger) == len(basis):
            return basis
        basis = larger


def _both(span: NDArray[np.int64], matrices: list[NDArray[np.int64]], p: int) -> int:
    """The length of a module, by an invariant space in echelon form: its own and that of the quotient."""
    span = echelon(span, p)
    pivots = (span != 0).argmax(axis=1)
    others = np.setdiff1d(np.arange(span.shape[1]), pivots)
    inner = [(span @ matrix % p)[:, pivots] for matrix in matrices]
    quotient = []
    for matrix in matrices:
        rows = matrix[others]
        quotient.append(((rows - rows[:, pivots] @ span) % p)[:, others])
    return module_length(inner, p) + module_length(quotient, p)


def echelon(rows: NDArray[np.int64], p: int) -> NDArray[np.int64]:
    """The reduced echelon form of rows modulo p, without rows of zeros.

    >>> echelon(np.array([[2, 4, 1], [1, 2, 0]]), 5).tolist()
    [[1, 2, 0], [0, 0, 1]]
    """
    work = rows % p
    rank = 0
    for column in range(work.shape[1]):
        candidates = np.flatnonzero(work[rank:, column])
        if not len(candidates):
            continue
        pivot = rank + int(candidates[0])
        work[[rank, pivot]] = work[[pivot, rank]]
        work[rank] = work[rank] * pow(int(work[rank, column]), -1, p) % p
        factors = work[:, column].copy()
        factors[rank] = 0
        used = np.flatnonzero(factors)
        work[used] = (work[used] - factors[used, None] * work[rank]) % p
        rank += 1
        if rank == len(work):
            break
    return work[:rank]


def null_space(matrix: NDArray[np.int64], p: int) -> NDArray[np.int64]:
    """A basis of the row vectors v with v·matrix = 0 modulo p.

    >>> null_space(np.array([[1, 2], [2, 4]]), 5).tolist()
    [[3, 1]]
    """
    reduced = echelon(matrix.T, p)
    count = matrix.shape[0]
    pivots = (reduced != 0).argmax(axis=1)
    free = np.setdiff1d(np.arange(count), pivots)
    found = np.zeros((len(free), count), dtype=np.int64)
    found[np.arange(len(free)), free] = 1
    found[:, pivots] = -reduced[:, free].T % p
    return found
