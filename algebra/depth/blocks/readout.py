"""What one layer of blocks does with a group's own representations: a linear read-out needs exactly these.

One layer of m x m blocks, read by the largest of affine functionals, tracks G if and only if G itself has a faithful
sum of representations of degree at most m (docs/mathematics.md). Over R an irreducible character χ counts as χ, χ + χ̄
or 2χ, by its Frobenius-Schur indicator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...representations.characters import CharacterTable


@dataclass(frozen=True)
class Readout:
    """The least m with which one layer of m x m blocks tracks a group through a linear read-out.

    Arguments:
        complex: with complex blocks; 0 for the trivial group.
        real: with real blocks.
    """

    complex: int
    real: int

    def as_json(self) -> dict[str, int]:
        return {"complex": self.complex, "real": self.real}


def degrees(table: CharacterTable, real: bool) -> NDArray[np.intp]:
    """The degrees of the irreducible representations over R or C that the characters name: shape (characters,)."""
    return np.where(table.indicators == 1, 1, 2) * table.degrees if real else table.degrees


def kernel(table: CharacterTable, m: int, real: bool) -> NDArray[np.bool_]:
    """The classes on which all irreducible representations of degree at most m are trivial: shape (classes,)."""
    chosen = degrees(table, real) <= m
    return np.asarray((table.fixed[chosen] == table.degrees[chosen, None]).all(axis=0))


def linear_readout(table: CharacterTable) -> Readout:
    """The least block sizes for a linear read-out, from the character table."""
    if table.classes.group.order == 1:
        return Readout(0, 0)
    found = [
        min(m for m in map(int, np.flatnonzero(np.bincount(degrees(table, real)))) if kernel(table, m, real).sum() == 1)
        for real in (False, True)
    ]
    return Readout(*found)


def own_blocks(table: CharacterTable, m: int, real: bool) -> int | None:
    """So many blocks of size m hold a faithful sum of the group's own representations, chosen greedily and packed
    first fit; None where there is none of degree at most m."""
    sizes = degrees(table, real)
    allowed = [i for i in range(len(table)) if sizes[i] <= m]
    left = np.ones(len(table.classes), dtype=bool)
    weights = table.classes.sizes
    rooms: list[int] = []
    while left.sum() > 1:
        best = min(allowed, key=lambda i: (int(weights[left & (table.fixed[i] == table.degrees[i])].sum()), sizes[i]))
        smaller = left & (table.fixed[best] == table.degrees[best])
        if smaller.sum() == left.sum():
            return None
        left = smaller
        size = int(sizes[best])
        for j, room in enumerate(rooms):
            if room >= size:
                rooms[j] -= size
                break
        else:
            rooms.append(m - size)
    return len(rooms)
