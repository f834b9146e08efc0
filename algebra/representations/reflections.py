"""How many reflections a token needs: delta-rule layers as seen by representation theory.

A delta-rule layer with n Householder factors a token moves its state by products of at most n reflections, one
product a head, and a product of reflections with fixed space of codimension r needs exactly r of them. So a layer
tracks (G, alphabet) by the group's own representations if and only if the real irreducible representations in which
every token has codimension at most n have a trivial common kernel. Characters decide that: they give the dimension of
the fixed space of every element, and the real irreducible characters are χ, χ + χ̄ or 2χ by the Frobenius-Schur
indicator. docs/architectures.md has the proofs.

A layer may remember more than the answer: instead of G, any finite group T that is mapped onto G by its tokens will
do (a *cover*). Those tried here give a token a sign of its own in each head, ±ρ(x): the icosahedral reflection group
C2×A5 is of this kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..groups.group import Group, Indices
from .characters import CharacterTable, character_table

COVER_LIMIT = 1 << 17
"""Covers are tried up to this product of order and number of tokens: a tenth of a second."""


@dataclass(frozen=True)
class RealRepresentation:
    """A real irreducible representation, by its character.

    Arguments:
        character: the number of a complex constituent in the table; its conjugate is the other where there are two.
        degree: over the real numbers.
        indicator: the Frobenius-Schur indicator of the constituent: the real character is χ (1), χ + χ̄ (0) or 2χ (-1).
        codimension: the largest codimension of the fixed space of a token.
        kernel: the order of the kernel.
    """

    character: int
    degree: int
    indicator: int
    codimension: int
    kernel: int

    def as_json(self) -> dict[str, Any]:
        return {
            "degree": self.degree,
            "indicator": self.indicator,
            "codimension": self.codimension,
            "kernel": self.kernel,
        }


@dataclass(frozen=True, eq=False)
class Householders:
    """The least number of Householder factors a token with which one layer tracks a group.

    Arguments:
        table: the character table.
        alphabet: the elements that are tokens, shape (m,).
        own: the number by the group's own representations.
        representations: real irreducible ones that together do it with `own` factors, as few as a greedy choice finds.
        twisted: the number with signs, at most `own`.
        least: a lower bound over all representations and all covers; proved.
    """

    table: CharacterTable
    alphabet: Indices
    own: int
    representations: tuple[RealRepresentation, ...]
    twisted: int
    least: int

    @property
    def found(self) -> int:
        """The least number that is known to do."""
        return min(self.own, self.twisted)

    @property
    def is_least(self) -> bool:
        """Whether fewer are excluded, covers included."""
        return self.found == self.least


def real_parts(table: CharacterTable) -> list[int]:
    """The characters that name the real irreducible representations: of two conjugate ones the first."""
    return [i for i in range(len(table)) if i <= table.conjugates[i]]


def codimensions(table: CharacterTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codimension of the fixed space of ρ(x), and of -ρ(x), for every real irreducible ρ and every class of x.

    Two arrays of shape (real irreducible representations, classes), in the order of `real_parts`.
    """
    chosen = real_parts(table)
    factor = np.where(table.indicators[chosen] == 1, 1, 2)[:, None]
    degrees = table.degrees[chosen][:, None]
    return factor * (degrees - table.fixed[chosen]), factor * (degrees - table.negated[chosen])


def householders(
    group: Group, alphabet: Sequence[int] | None = None, table: CharacterTable | None = None
) -> Householders:
    """How many Householder factors a token a layer needs to track a group.

    Arguments:
        group: a listed group with at most `CLASS_LIMIT` classes.
        alphabet: elements that are tokens and generate the group; None for all of it.
        table: its character table, if there is one already.

    Raises:
        InputError: the group has too many classes.
    """
    table = table or character_table(group)
    classes = table.classes
    tokens = np.arange(group.order) if alphabet is None else np.asarray(alphabet, dtype=np.intp)
    used = np.flatnonzero(np.bincount(classes.labels[tokens]))  # np.unique would import numpy.ma
    plain, negated = codimensions(table)
    worst = plain[:, used].max(axis=1)
    own, heads = _least_faithful(table, worst)
    least = _lower_bound(group, tokens)
    twisted = own
    for factors in range(least, own) if group.order * len(tokens) <= COVER_LIMIT else ():
        if _sign_cover_works(table, tokens, plain, negated, factors):
            twisted = factors
            break
    chosen = real_parts(table)
    sizes = classes.sizes
    representations = tuple(
        RealRepresentation(
            chosen[i],
            int(table.degrees[chosen[i]]) * (1 if table.indicators[chosen[i]] == 1 else 2),
            int(table.indicators[chosen[i]]),
            int(worst[i]),
            int(sizes[plain[i] == 0].sum()),
        )
        for i in heads
    )
    return Householders(table, tokens, own, representations, twisted, least)


def _least_faithful(table: CharacterTable, worst: NDArray[np.int64]) -> tuple[int, list[int]]:
    """The least n such that the representations with worst ≤ n have a trivial common kernel, and few that do it."""
    plain, _ = codimensions(table)
    order = np.argsort(worst, kind="stable")
    kernel = np.ones(len(table.classes), dtype=bool)
    least = 0
    for i in order:
        if kernel.sum() == 1:
            break
        kernel &= plain[i] == 0
        least = int(worst[i])
    allowed = [i for i in range(len(worst)) if 0 < worst[i] <= least]
    heads: list[int] = []
    kernel = np.ones(len(table.classes), dtype=bool)
    sizes = table.classes.sizes
    while kernel.sum() > 1:
        best = min(allowed, key=lambda i: (int(sizes[kernel & (plain[i] == 0)].sum()), int(plain[i].max())))
        heads.append(best)
        kernel &= plain[best] == 0
    return least, heads


def _lower_bound(group: Group, tokens: Indices) -> int:
    """What every representation of every cover needs: 0 for the identity alone, 1 where a token moves anything, 2 where
    a token has order above 2, because a token that acts as a reflection or not at all in every head has a lift of
    order at most 2.
    """
    orders = group.element_orders[tokens]
    return int(min(orders.max(initial=1), 3)) - 1


def _sign_cover_works(
    table: CharacterTable,
    tokens: Indices,
    plain: NDArray[np.int64],
    negated: NDArray[np.int64],
    factors: int,
) -> bool:
    """Whether signs ±ρ(x), chosen for each token and head, bring every token to codimension ≤ factors, with a group T
    of lifts that is mapped onto G: no product of tokens other than 1 may act trivially in all heads.
    """
    group, labels = table.classes.group, table.classes.labels
    used = np.unique(labels[tokens])
    heads = np.flatnonzero(np.minimum(plain, negated)[:, used].max(axis=1) <= factors)[:62]
    if not len(heads):
        return False
    weights = np.left_shift(np.int64(1), np.arange(len(heads), dtype=np.int64))
    flipped = (plain[heads] > negated[heads]) if factors else np.zeros_like(plain[heads], dtype=bool)
    signs = (flipped.T * weights).sum(axis=1)[labels[tokens]]  # bits of the heads in which a token is negated
    scalar = ((plain[heads] == 0) | (negated[heads] == 0)).all(axis=0)  # classes that act as ±1 in every head
    suspects = np.flatnonzero(scalar[labels])
    suspects = suspects[suspects != 0]
    own_sign = ((negated[heads] == 0).T * weights).sum(axis=1)[labels[suspects]]
    lift, relations = _signed_walk(group, tokens, signs)
    return not any(_in_span(relations, int(a)) for a in np.bitwise_xor(lift[suspects], own_sign))


def _signed_walk(group: Group, tokens: Indices, signs: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
    """A sign vector (as bits) for a word that gives each element, and a basis of those of the words that give 1."""
    lift = np.zeros(group.order, dtype=np.int64)
    seen = np.zeros(group.order, dtype=bool)
    seen[0] = True
    frontier = np.zeros(1, dtype=np.intp)
    while len(frontier):
        reached = group.multiply(frontier[:, None], tokens[None, :])
        lifts = lift[frontier][:, None] ^ signs[None, :]
        new, first = np.unique(reached, return_index=True)
        first = first[~seen[new]]
        frontier = new[~seen[new]]
        lift[frontier] = lifts.reshape(-1)[first]
        seen[frontier] = True
    basis: list[int] = []
    everything = np.arange(group.order)
    for x, sign in zip(tokens, signs, strict=True):
        for loop in np.unique(lift ^ sign ^ lift[group.multiply(everything, int(x))]):
            reduced = _reduce(basis, int(loop))
            if reduced:
                basis.append(reduced)
                basis.sort(reverse=True)
    return lift, basis


def _reduce(basis: Sequence[int], vector: int) -> int:
    for element in basis:
        vector = min(vector, vector ^ element)
    return vector


def _in_span(basis: Sequence[int], vector: int) -> bool:
    return _reduce(basis, vector) == 0
