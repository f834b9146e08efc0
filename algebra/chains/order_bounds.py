"""Upper bounds for the order of a permutation group, by its orbits and its blocks.

A transitive group G with k blocks lies in the wreath product W of H, what a block's stabiliser does to the block's
points, and T, what G does to the blocks; so |G| ≤ |T|·|H|^k. An intransitive group lies in the product W of what it
does to each of its orbits. In both cases W has an abelian image whose order is known,

    (h_1, …, h_k; t)  ↦  (h_1⋯h_k modulo H', t modulo T')      and      (g_1, …, g_r)  ↦  (g_1 modulo G_1', …),

and if A is the image of G in it, |G| ≤ |W|·|A| / |W's image|: G lies in the preimage of A. Where that is not enough, G
has an exact image in the smaller wreath product of H/H' and T, and the kernel lies in the product of the H'. Orders of
H, T and the parts are exact: they are `StabiliserChain`s of fewer points.

A chain whose order meets such a bound is complete, and no Schreier generator has to be sifted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.permutations import (
    Permutations,
    block_system,
    on_blocks,
    point_orbits,
    restricted,
    smallest_dtype,
)


@dataclass(frozen=True, eq=False)
class AbelianImage:
    """The largest abelian factor of a group, and what the rows asked about are in it.

    Arguments:
        moduli: of its cyclic parts.
        residues: shape (rows, len(moduli)).
    """

    moduli: tuple[int, ...]
    residues: NDArray[np.int64]


class Known(Protocol):
    """A group of fewer points whose order is exact."""

    @property
    def order(self) -> int: ...

    def abelian_image(self, rows: Permutations) -> AbelianImage: ...


ChainOf = Callable[[Permutations], Known]
"""The group that permutations, shape (count, degree), generate."""


def generated_order(moduli: tuple[int, ...], vectors: NDArray[np.int64]) -> int:
    """The order of the subgroup of C_{n_1} × … × C_{n_d} that vectors, shape (m, d), generate.

    >>> generated_order((2, 4), np.array([[1, 2], [0, 2]]))
    4
    """
    size = len(moduli)
    relations = [[n * (i == j) for j in range(size)] for i, n in enumerate(moduli)]
    for vector in vectors.tolist():  # a lattice of full rank stays one, in triangular form
        relations = _with(relations, vector)
    return prod(moduli) // prod(abs(relations[i][i]) for i in range(size))


def _with(triangular: list[list[int]], vector: list[int]) -> list[list[int]]:
    """The upper triangular basis of a lattice with one vector more, by Euclid's algorithm in each column."""
    found = []
    for column, row in enumerate(triangular):
        while vector[column]:
            quotient = row[column] // vector[column]
            row, vector = vector, [a - quotient * b for a, b in zip(row, vector, strict=True)]
        found.append(row)
    return found


@dataclass(frozen=True, eq=False)
class WreathEmbedding:
    """A transitive group in the wreath product of a block's group and a group on the blocks.

    Arguments:
        points: shape (blocks, size): row b has the images of the first block's points under one element of the group.
        parts: shape (generators, blocks, size): what a generator does from block b on, seen from the first block.
        tops: shape (generators, blocks): what it does to the blocks.
    """

    points: NDArray[np.intp]
    parts: NDArray[np.intp]
    tops: Permutations

    @classmethod
    def of(cls, rows: Permutations, system: NDArray[np.intp]) -> WreathEmbedding:
        """For generators, shape (count, degree), and a system of blocks as `block_system` gives it."""
        rows = rows.astype(np.intp)
        number = np.unique(system, return_inverse=True)[1]
        tops = on_blocks(rows, system)
        points = np.full((int(number.max()) + 1, int((number == 0).sum())), -1)
        points[0] = np.flatnonzero(number == 0)
        waiting = [0]
        for block in waiting:  # grows while it is walked
            for row, top in zip(rows, tops.tolist(), strict=True):
                if points[top[block], 0] < 0:
                    points[top[block]] = row[points[block]]
                    waiting.append(top[block])
        place = np.empty(rows.shape[1], dtype=np.intp)
        place[points] = np.arange(points.shape[1])
        return cls(points, place[rows[:, points]], tops)

    @property
    def block_rows(self) -> Permutations:
        """Generators of what the first block's stabiliser does to it: Schreier's lemma; shape (count, size)."""
        distinct = {part.tobytes(): part for part in self.parts.reshape(-1, self.points.shape[1])}
        return np.array(list(distinct.values()))


def block_systems(rows: Permutations, point: int, others: list[int]) -> Iterator[NDArray[np.intp]]:
    """The systems of smallest blocks of a transitive group among those that hold a point and one of some others.

    >>> [system.tolist() for system in block_systems(np.array([[1, 2, 3, 4, 5, 0]]), 0, [1, 2, 3, 4, 5])]
    [[0, 1, 2, 0, 1, 2], [0, 1, 0, 1, 0, 1]]
    """
    found: list[NDArray[np.intp]] = []
    for other in others:
        if not any(system[point] == system[other] for system in found):
            system = block_system(rows, point, other)
            if system.any():
                found.append(system)
    blocks = [frozenset(np.flatnonzero(system == system[point]).tolist()) for system in found]
    return (system for system, block in zip(found, blocks, strict=True) if not any(other < block for other in blocks))


def order_bounds(rows: Permutations, stabiliser: Permutations, chain_of: ChainOf) -> Iterator[int]:
    """Upper bounds for the order of the group that permutations, shape (count, degree), generate; the cheap ones first.

    Arguments:
        rows: the generators.
        stabiliser: elements of the group, shape (m, degree), that fix a point in common: a block is a union of orbits
            of these, so that one point of each is tried. There may be none.
        chain_of: gives the exact groups of fewer points.
    """
    moved = [orbit for orbit in point_orbits(rows) if len(orbit) > 1]
    if len(moved) > 1:
        yield from _by_orbits(rows, moved, chain_of)
    elif moved:
        inner, fixing = restricted(rows, moved[0]), restricted(stabiliser, moved[0])
        parts = point_orbits(fixing)
        fixed = next(int(part[0]) for part in parts if len(part) == 1) if len(fixing) else 0
        for system in block_systems(inner, fixed, [int(part[0]) for part in parts if int(part[0]) != fixed]):
            yield from _by_blocks(WreathEmbedding.of(inner, system), chain_of)


def _by_orbits(rows: Permutations, orbits: list[NDArray[np.intp]], chain_of: ChainOf) -> Iterator[int]:
    whole, images = 1, []
    for orbit in orbits:
        part = restricted(rows, orbit)
        chain = chain_of(part)
        whole *= chain.order
        images.append(chain.abelian_image(part))
    yield whole // _index(*images)


def _index(*images: AbelianImage) -> int:
    """The index in a product of abelian groups of the subgroup that the rows generate."""
    moduli = tuple(n for image in images for n in image.moduli)
    return prod(moduli) // generated_order(moduli, np.concatenate([image.residues for image in images], axis=1))


def _by_blocks(embedding: WreathEmbedding, chain_of: ChainOf) -> Iterator[int]:
    blocks, size = embedding.points.shape
    top, block = chain_of(embedding.tops), chain_of(embedding.block_rows)
    whole = top.order * block.order**blocks
    yield whole
    below = block.abelian_image(embedding.parts.reshape(-1, size))
    each = below.residues.reshape(len(embedding.tops), blocks, len(below.moduli))
    total = AbelianImage(below.moduli, each.sum(axis=1) % np.array(below.moduli, dtype=np.int64))
    yield whole // _index(total, top.abelian_image(embedding.tops))
    if 0 < sum(below.moduli) < size:
        smaller = chain_of(_monomial(embedding.tops, each, below.moduli))
        yield smaller.order * (block.order // prod(below.moduli)) ** blocks


def _monomial(tops: Permutations, residues: NDArray[np.int64], moduli: tuple[int, ...]) -> Permutations:
    """Permutations of pairs (block, residue), for each modulus: the block is moved, the block's residue is added."""
    pieces, start = [], 0
    for j, n in enumerate(moduli):
        moved = (residues[:, :, j, None] + np.arange(n)) % n + tops[:, :, None].astype(np.intp) * n
        pieces.append(moved.reshape(len(tops), -1) + start)
        start += tops.shape[1] * n
    return np.concatenate(pieces, axis=1).astype(smallest_dtype(start))
