"""The machine of layers of blocks: which finite groups act, and what each token does over each content of the layers
below.

With G = G_0 ≥ G_1 ≥ … ≥ G_k = 1 and representatives r_i of G_{i-1} modulo G_i, an element is y = r_k ⋯ r_1. Reading x,
layer i multiplies by c = w·x·w'⁻¹ ∈ G_{i-1}, where w = r_{i-1} ⋯ r_1 is what the layers below hold before x and w' what
they hold after it (Krasner and Kaloujnine 1951). Where G_{i-1}/G_i is abelian a counter does that; here it is a finite
group T of block matrices that is mapped onto it, and c stands for one matrix of T, by a fixed choice. The state of
block j is one of finitely many points, so the network's decision is which of them is nearest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.blocks.actions import LayerAction
from ...algebra.groups.group import Group, Indices
from ...common.brief import Brief
from ...common.wording import counted


@dataclass(frozen=True, eq=False, repr=False)
class BlockLayer(Brief):
    """One layer.

    Arguments:
        family: name of the family.
        action: how it carries its factor.
        representatives: shape (factor's order,): for each element of the factor its representative in the group.
        letters: shape (states of the layers below, tokens): the element of the factor that a token multiplies by, given
            the state of the layers below *after* it.
    """

    family: str
    action: LayerAction
    representatives: Indices
    letters: NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class BlockMachine(Brief):
    """Layers of blocks that track a group.

    Arguments:
        group: what is tracked.
        alphabet: shape (m,): the element that each token stands for.
        layers: layer 1 first.
    """

    group: Group
    alphabet: NDArray[np.int32]
    layers: tuple[BlockLayer, ...]

    @property
    def name(self) -> str:
        return self.group.name

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many points each block may be at, layer 1 first."""
        return tuple(len(block.points) for layer in self.layers for block in layer.action.blocks)

    @cached_property
    def states(self) -> int:
        """How many states the layers have together."""
        return math.prod(len(layer.action.states) for layer in self.layers)

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """The state after each state and token, shape (states, tokens); layer 1 is the most significant digit."""
        following = np.zeros((1, len(self.alphabet)), dtype=np.int64)
        for layer in self.layers:
            following = after(layer, following)
        return following

    @cached_property
    def decode(self) -> Indices:
        """The element that each state stands for, shape (states,)."""
        found = np.zeros(1, dtype=np.intp)
        for layer in self.layers:
            own = layer.representatives[layer.action.labels]
            found = self.group.multiply(own[None, :], found[:, None]).ravel()
        return found

    @cached_property
    def points(self) -> NDArray[np.int32]:
        """The points at which the blocks of all layers are, for each state: shape (states, blocks)."""
        found = np.zeros((1, 0), dtype=np.int32)
        for layer in self.layers:
            own = layer.action.states
            lower = np.repeat(found, len(own), axis=0)
            found = np.concatenate([lower, np.tile(own, (len(found), 1))], axis=1)
        return found

    @property
    def is_exact(self) -> bool:
        """Whether all matrices and points have integer or half entries."""
        return all(layer.action.is_exact for layer in self.layers)

    def fault(self) -> str | None:
        """Why the machine does not track the group on words of every length; None if it does."""
        if self.decode[0] != 0:
            return f"the initial state stands for element {self.decode[0]}, not for the identity"
        for token, element in enumerate(self.alphabet.tolist()):
            wrong = np.flatnonzero(self.decode[self.table[:, token]] != self.group.multiply(self.decode, element))
            if len(wrong):
                return f"state {wrong[0]} and token {token} (element {element}) lead to another element"
        return None

    @property
    def cases(self) -> str:
        """What `fault` goes through."""
        return f"all {self.states:,} states × {counted(len(self.alphabet), 'token')}"


def after(layer: BlockLayer, following: NDArray[np.int64]) -> NDArray[np.int64]:
    """Next states of the layers up to this one, (lower states · own, m), from those of the lower ones, (lower states,
    m)."""
    own = len(layer.action.states)
    letters = np.take_along_axis(layer.letters, following, axis=0)  # by the lower state after the token
    table = layer.action.steps[:, letters].transpose(1, 0, 2)  # lower, own, m
    return (following[:, None, :] * own + table).reshape(-1, following.shape[1])
