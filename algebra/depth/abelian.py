"""Abelian factors of a series: invariants, and the residues of every element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...common.brief import Brief
from ..arithmetic.abelian_invariants import abelian_name
from ..arithmetic.finite_field import factorise
from ..arithmetic.integer_matrices import smith_normal_form
from ..groups.group import Subgroup

if TYPE_CHECKING:
    from ..chains.stabiliser_chain import ChainFactor
    from ..groups.abelian_group import AbelianGroup


@dataclass(frozen=True, eq=False, repr=False)
class AbelianFactor(Brief):
    """The factor upper/lower ≅ C_{n_1} × … × C_{n_d}.

    Arguments:
        upper, lower: lower is normal in upper with an abelian factor.
        moduli: n_1 … n_d, none of them 1.
        residues: shape (group order, d): row x holds the residues of x modulo the n_j, for x in `upper`; other rows
            are -1.
        lifts: elements of upper; lift j has residue 1 in channel j and 0 in the others.
    """

    upper: Subgroup
    lower: Subgroup
    moduli: tuple[int, ...]
    residues: NDArray[np.int64]
    lifts: tuple[int, ...]

    @property
    def order(self) -> int:
        return self.upper.order // self.lower.order

    @property
    def name(self) -> str:
        """E.g. `C2xC4`; `1` for a trivial factor."""
        return abelian_name(self.moduli)

    def in_primary_channels(self) -> AbelianFactor:
        """The same factor with one channel for each prime power: C60 becomes C4 × C3 × C5."""
        group = self.upper.group
        moduli: list[int] = []
        lifts: list[int] = []
        columns: list[NDArray[np.int64]] = []
        for j, n in enumerate(self.moduli):
            for p, e in factorise(n).items():
                q = p**e
                moduli.append(q)
                lifts.append(group.power(self.lifts[j], n // q * pow(n // q, -1, q)))
                columns.append(np.where(self.residues[:, j] < 0, -1, self.residues[:, j] % q))
        residues = np.stack(columns, axis=1) if columns else self.residues
        return AbelianFactor(self.upper, self.lower, tuple(moduli), residues, tuple(lifts))


def margin(moduli: Sequence[int]) -> Fraction:
    """Half the distance between neighbouring phases, in turns, of the channel where it is least: 1/(2·max n)."""
    return Fraction(1, 2 * max(moduli))


def primary_moduli(factor: AbelianFactor | ChainFactor | AbelianGroup) -> tuple[int, ...]:
    """The moduli of a factor with one channel for each prime power."""
    return factor.in_primary_channels().moduli if isinstance(factor, AbelianFactor) else factor.primary


def abelian_factor(upper: Subgroup, lower: Subgroup) -> AbelianFactor:
    """upper/lower with its invariant factors, each dividing the next.

    The generators of upper are added to lower one by one; where a power of one falls into what is there already, that
    is a relation. The Smith normal form of the relations gives the invariant factors and the change of coordinates.
    """
    group = upper.group
    position = np.full(group.order, -1, dtype=np.int64)
    members = lower.members
    position[members] = np.arange(len(members))
    used: list[int] = []
    relations: list[list[int]] = []
    exponents = np.zeros((len(members), 0), dtype=np.int64)
    for generator in upper.generators:
        if position[generator] >= 0:
            continue
        blocks = [members]
        power = generator
        while position[power] < 0:
            blocks.append(group.multiply(members, power))
            power = group.times(power, generator)
        relations = [[*row, 0] for row in relations]
        relations.append([*(-exponents[position[power]]).tolist(), len(blocks)])
        used.append(generator)
        count = np.repeat(np.arange(len(blocks)), len(members))
        exponents = np.concatenate([np.tile(exponents, (len(blocks), 1)), count[:, None]], axis=1)
        members = np.concatenate(blocks)
        position[members] = np.arange(len(members))
    diagonal, v, inverse = smith_normal_form(relations)
    keep = [j for j, n in enumerate(diagonal) if n > 1]
    moduli = tuple(diagonal[j] for j in keep)
    change = np.array([[v[i][j] % diagonal[j] for j in keep] for i in range(len(used))], dtype=np.int64).reshape(
        len(used), len(keep)
    )
    residues = np.full((group.order, len(keep)), -1, dtype=np.int64)
    residues[members] = exponents @ change % np.array(moduli, dtype=np.int64)
    lifts = tuple(
        group.product(group.power(generator, inverse[j][i] % diagonal[-1]) for i, generator in enumerate(used))
        for j in keep
    )
    return AbelianFactor(upper, lower, moduli, residues, lifts)
