"""The cascade: the exact integer machine that tracks a group or an automaton, layer by layer.

Write every y ∈ G uniquely as y = r_k r_{k-1} ⋯ r_1, r_i in a transversal of G_i in G_{i-1}. Layer i holds the
residues of r_i in A_i = G_{i-1}/G_i. Reading x, it adds the residues of w·x·w'⁻¹, where w = r_{i-1} ⋯ r_1 is what the
lower layers hold before x and w' what they hold after it (Krasner and Kaloujnine 1951; docs/mathematics.md). So every
layer is a counter; only what it adds depends on the lower layers.

A cascade that tracks an automaton (`constructions.automata`) may also *set* a channel: tokens that merge states do.
Then not every state need be reachable from state 0, and several may stand for the same state of the automaton.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..algebra.arithmetic.permutations import Permutations
from ..algebra.automata.automaton import Automaton
from ..algebra.depth.decomposition import Decomposition
from ..common.brief import Brief
from ..common.errors import InputError

BLOCK = 1 << 16
"""Tokens run at a time: the arrays of one block stay in the cache."""


@dataclass(frozen=True, eq=False, repr=False)
class CascadeLayer(Brief):
    """One layer of counters.

    Arguments:
        family: name of the model family that carries it.
        moduli: one for each channel.
        increments: shape (lower states, alphabet, channels), int32: what is added, given the state of the
            lower layers *before* the token. States are numbered in mixed radix, layer 1 most significant and, within a
            layer, its first channel.
        resets: shape as `increments`: where true, the channel is set to the residue in `increments`, whatever it held;
            None where nothing is ever set.
    """

    family: str
    moduli: tuple[int, ...]
    increments: NDArray[np.int32]
    resets: NDArray[np.bool_] | None = None

    @property
    def states(self) -> int:
        """Number of states of this layer alone."""
        return math.prod(self.moduli)

    @property
    def places(self) -> tuple[int, ...]:
        """The mixed-radix place values of the channels."""
        return tuple(accumulate((1, *self.moduli[:0:-1]), lambda a, b: a * b))[::-1]


@dataclass(frozen=True, eq=False, repr=False)
class Cascade(Brief):
    """A cascade with its decoder.

    Arguments:
        name: of the group.
        elements: shape (n, degree): the group's elements as permutations of 0 … degree-1.
        alphabet: shape (m,), int32: the element that each token stands for.
        layers: layer 1 first.
        decode: shape (n,), int32: the element of each state; state 0 is the initial one and decodes to the identity 0.
        automaton: what is tracked where it is not a group: then `elements` is empty, token x is letter x, and `decode`
            gives the automaton's state, or -1 for states that cannot be reached.
    """

    name: str
    elements: Permutations
    alphabet: NDArray[np.int32]
    layers: tuple[CascadeLayer, ...]
    decode: NDArray[np.int32]
    automaton: Automaton | None = None

    @property
    def order(self) -> int:
        return len(self.decode)

    @property
    def moduli(self) -> tuple[int, ...]:
        """All channels' moduli, layer 1 first."""
        return tuple(n for layer in self.layers for n in layer.moduli)

    def transitions(self) -> NDArray[np.int64]:
        """The whole machine as a table (n, m) of next states, from the increments alone."""
        following = np.zeros((1, len(self.alphabet)), dtype=np.int64)
        for layer in self.layers:
            following = layer_transitions(layer, following)
        return following

    def run(self, tokens: NDArray[np.integer], state: int = 0) -> NDArray[np.int64]:
        """The state after every token: tokens (T,), positions in the alphabet, to (T,).

        Exact at any length: increments are summed within blocks, where they cannot overflow, and reduced between them.
        """
        states = np.empty(len(tokens), dtype=np.int64)
        for start in range(0, len(tokens), BLOCK):
            block = tokens[start : start + BLOCK]
            self._run_block(block, state, states[start : start + BLOCK])
            state = int(states[start + len(block) - 1])
        return states

    def _run_block(self, tokens: NDArray[np.integer], state: int, states: NDArray[np.int64]) -> None:
        """Writes the state after every token of at most `BLOCK` tokens into `states`."""
        entries = max(layer.increments.size for layer in self.layers) if self.layers else 0
        dtype = np.int32 if max(entries, self.order) < 2**31 else np.int64
        lower: NDArray[Any] = np.zeros(len(tokens) + 1, dtype=dtype)  # their states: [:-1] before, [1:] after
        below = self.order
        for layer in self.layers:
            below //= layer.states
            own = state // below % layer.states
            channels = len(layer.moduli)
            table = layer.increments.reshape(-1)
            index: NDArray[Any] = lower[:-1] * dtype(len(self.alphabet))
            index += tokens.astype(dtype, copy=False)
            if channels > 1:
                index *= dtype(channels)
            lower *= dtype(layer.states)
            lower[0] += own
            for channel, (n, place) in enumerate(zip(layer.moduli, layer.places, strict=True)):
                sets = None if layer.resets is None else layer.resets.reshape(-1)[index]
                residues = _running_residues(table[index], own // place % n, n, sets)
                if place > 1:
                    residues *= residues.dtype.type(place)
                lower[1:] += residues.astype(dtype, copy=False)
                if channel + 1 < channels:
                    index += dtype(1)
        states[:] = lower[1:]

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[np.int32]:
        """The element index after every token, shape (T,)."""
        return self.decode[self.run(tokens)]


def reachable_states(transitions: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which states words lead to from state 0, shape (n,), by a table (n, m) of next states."""
    reached = np.zeros(len(transitions), dtype=bool)
    frontier = np.zeros(1, dtype=np.int64)
    reached[0] = True
    while len(frontier):
        following = np.unique(transitions[frontier])
        frontier = following[~reached[following]]
        reached[frontier] = True
    return reached


def _running_residues(
    added: NDArray[np.int32], start: int, n: int, sets: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    """(start + added[0] + … + added[t]) mod n for every t of a block; counted from the last place of `sets`, if any.

    In 32 bits where the sum fits: NumPy has vector instructions for unsigned `//` by one number, none for `%`.
    """
    if sets is not None and sets.any():
        total = np.cumsum(np.where(sets, 0, added), dtype=np.int64)
        last = np.maximum.accumulate(np.where(sets, np.arange(len(added)), -1))
        return (total + np.where(last >= 0, added[last] - total[last], start)) % n
    if n * (len(added) + 1) >= 2**31:
        return (np.cumsum(added, dtype=np.int64) + start) % n
    total = np.cumsum(added, dtype=np.int32)
    if start:
        total += np.int32(start)
    if n == 2:
        total &= np.int32(1)
        return total
    quotient = total.view(np.uint32) // np.uint32(n)
    quotient *= np.uint32(n)
    total -= quotient.view(np.int32)
    return total


def layer_transitions(layer: CascadeLayer, following: NDArray[np.int64]) -> NDArray[np.int64]:
    """Next states of the layers up to this one, (lower states · own, m), from those of the lower layers, (lower
    states, m)."""
    lower, m = following.shape
    table = np.zeros((lower, layer.states, m), dtype=np.int64)
    own = np.arange(layer.states)
    for channel, (n, place) in enumerate(zip(layer.moduli, layer.places, strict=True)):
        residues = own // place % n
        moved = (residues[None, :, None] + layer.increments[:, None, :, channel]) % n
        if layer.resets is not None:
            moved = np.where(layer.resets[:, None, :, channel], layer.increments[:, None, :, channel], moved)
        table += moved * place
    table += following[:, None, :] * layer.states
    return table.reshape(lower * layer.states, m)


def compile_cascade(decomposition: Decomposition, alphabet: NDArray[np.integer]) -> Cascade:
    """The cascade of a complete series, for tokens that stand for the elements `alphabet`, shape (m,).

    Factors that are trivial (a layer that a mixed stack leaves idle) are dropped.
    """
    group = decomposition.series.group
    if not decomposition.series.is_complete:
        raise InputError(f"the series of {group.name} ends at order {decomposition.series.orders[-1]}, wanted 1")
    inverses = group.inverses
    tokens: NDArray[np.int32] = np.asarray(alphabet, dtype=np.int32)
    representatives = np.zeros(1, dtype=np.intp)
    following = np.zeros((1, len(tokens)), dtype=np.int64)
    layers = []
    for factor, family in zip(decomposition.factors, decomposition.series.families, strict=True):
        if not factor.moduli:
            continue
        moved = group.multiply(representatives[:, None], tokens[None, :])
        remainders = group.multiply(moved, inverses[representatives[following]])
        layer = CascadeLayer(family.name, factor.moduli, factor.residues[remainders].astype(np.int32))
        transversal = np.zeros(1, dtype=np.intp)
        for n, lift in zip(factor.moduli, factor.lifts, strict=True):
            powers = np.array(list(accumulate([lift] * (n - 1), group.times, initial=0)), dtype=np.intp)
            transversal = group.multiply(transversal[:, None], powers[None, :]).ravel()
        representatives = group.multiply(transversal[None, :], representatives[:, None]).ravel()
        following = layer_transitions(layer, following)
        layers.append(layer)
    return Cascade(group.name, group.elements, tokens, tuple(layers), representatives.astype(np.int32))
