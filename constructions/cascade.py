"""The cascade: the exact integer machine that tracks a group or an automaton, layer by layer.

Write every y ∈ G uniquely as y = r_k r_{k-1} ⋯ r_1, r_i in a transversal of G_i in G_{i-1}. Layer i holds the
residues of r_i in A_i = G_{i-1}/G_i. Reading x, it adds the residues of w·x·w'⁻¹, where w = r_{i-1} ⋯ r_1 is what the
lower layers hold before x and w' what they hold after it (Krasner and Kaloujnine 1951; docs/mathematics.md). So every
layer is a counter; only what it adds depends on the lower layers.

A cascade that tracks an automaton (`constructions.automata`) may also *set* a channel: tokens that merge states do.
Then several states may stand for the same state of the automaton, and often few of all combinations of residues can be
reached from state 0: tables have rows for those alone, and states are numbered among those alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
            lower layers *before* the token. States are numbered in lexicographic order of their residues, layer 1
            first and, within a layer, its first channel.
        resets: shape as `increments`: where true, the channel is set to the residue in `increments`, whatever it held;
            None where nothing is ever set.
        reached: shape (states,), the states of the layers up to this one that words lead to, ascending, each as its
            code: lower state · `states` + own residues in mixed radix. None: every code is a state.
    """

    family: str
    moduli: tuple[int, ...]
    increments: NDArray[np.int32]
    resets: NDArray[np.bool_] | None = None
    reached: NDArray[np.int64] | None = None

    @property
    def states(self) -> int:
        """Number of states of this layer alone."""
        return math.prod(self.moduli)

    @property
    def places(self) -> tuple[int, ...]:
        """The mixed-radix place values of the channels."""
        return tuple(accumulate((1, *self.moduli[:0:-1]), lambda a, b: a * b))[::-1]

    @property
    def count(self) -> int:
        """Number of states of the layers up to this one."""
        return len(self.increments) * self.states if self.reached is None else len(self.reached)

    @property
    def moves(self) -> NDArray[np.int32]:
        """`increments` and `resets` in one: an entry e below the modulus n adds e, an entry n + e sets to e."""
        if self.resets is None:
            return self.increments
        return self.increments + np.array(self.moduli, dtype=np.int32) * self.resets

    def codes(self) -> NDArray[np.int64]:
        """The code of every state of the layers up to this one, shape (`count`,)."""
        return np.arange(self.count) if self.reached is None else self.reached

    def numbers(self, codes: NDArray[Any]) -> NDArray[Any]:
        """The numbers of the states with some codes; -1 where there is none."""
        return codes if self.reached is None else places_in(self.reached, codes)

    def residues(self, codes: NDArray[Any]) -> NDArray[Any]:
        """The residues of this layer's channels, (...) codes to (..., channels)."""
        return codes[..., None] // np.array(self.places) % np.array(self.moduli)


def places_in(ascending: NDArray[np.int64], wanted: NDArray[Any]) -> NDArray[np.int64]:
    """Where each number stands among different ascending ones; -1 where it does not."""
    place = np.searchsorted(ascending, wanted).clip(max=len(ascending) - 1)
    return np.where(ascending[place] == wanted, place, -1)


def row_numbers(rows: NDArray[Any], known: NDArray[Any], sizes: Sequence[int]) -> NDArray[np.int64]:
    """For each row of numbers, shape (N, columns), the place of the equal row among different known ones, (K, columns);
    -1 where there is none. Entries are below `sizes`, one for each column."""
    if not len(known):
        return np.full(len(rows), -1, dtype=np.int64)
    if math.prod(sizes) < 2**62:
        keys = np.zeros(len(known) + len(rows), dtype=np.int64)
        for column, n in enumerate(sizes):
            keys *= n
            keys[: len(known)] += known[:, column]
            keys[len(known) :] += rows[:, column]
    else:
        keys = np.unique(np.concatenate([known, rows]), axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(keys[: len(known)], kind="stable")
    place = places_in(keys[order], keys[len(known) :])
    return np.where(place >= 0, order[place], -1)


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
            gives the automaton's state.
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

    @cached_property
    def prefixes(self) -> tuple[NDArray[np.int64], ...]:
        """For i = 0 … number of layers: the state of layers 1 … i in each state of the whole, shape (n,)."""
        found = [np.arange(self.order)]
        for layer in reversed(self.layers):
            codes = found[-1] if layer.reached is None else layer.reached[found[-1]]
            found.append(codes // layer.states)
        return tuple(found[::-1])

    @cached_property
    def residues(self) -> NDArray[np.int64]:
        """The residues of all channels in each state, shape (n, channels)."""
        own = [layer.residues(layer.codes())[at] for layer, at in zip(self.layers, self.prefixes[1:], strict=True)]
        return np.concatenate([np.zeros((self.order, 0), dtype=np.int64), *own], axis=1)

    def transitions(self) -> NDArray[np.int64]:
        """The whole machine as a table (n, m) of next states, from the increments alone; -1 where one is no state."""
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
        largest = max((max(x.increments.size, len(x.increments) * x.states) for x in self.layers), default=0)
        dtype = np.int32 if max(largest, self.order) < 2**31 else np.int64
        lower: NDArray[Any] = np.zeros(len(tokens) + 1, dtype=dtype)  # their states: [:-1] before, [1:] after
        for layer, at in zip(self.layers, self.prefixes[1:], strict=True):
            number = int(at[state])
            own = (number if layer.reached is None else int(layer.reached[number])) % layer.states
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
            lower = layer.numbers(lower).astype(dtype, copy=False)
        states[:] = lower[1:]

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[np.int32]:
        """The element index after every token, shape (T,)."""
        return self.decode[self.run(tokens)]


def explored(layer: CascadeLayer, following: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """The codes of the states of the layers up to this one that words lead to from 0, ascending.

    Arguments:
        layer: its `reached` is not looked at.
        following: next states of the lower layers, (lower states, m).

    Raises:
        InputError: there are more than `limit`.
    """
    known = {0}
    frontier = np.zeros(1, dtype=np.int64)
    while len(frontier):
        lower = frontier // layer.states
        after = _next_codes(layer, lower, layer.residues(frontier), following)
        new = [code for code in np.unique(after).tolist() if code not in known]
        known.update(new)
        if len(known) > limit:
            raise InputError(f"more than {limit:,} states; wanted a cascade of fewer")
        frontier = np.array(new, dtype=np.int64)
    return np.array(sorted(known), dtype=np.int64)


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
    """Next states of the layers up to this one, (states, m), from those of the lower layers, (lower states, m); -1
    where one is no state."""
    lower, m = following.shape
    if layer.reached is not None:
        after = _next_codes(layer, layer.reached // layer.states, layer.residues(layer.reached), following)
        return layer.numbers(after)
    table = np.zeros((lower, layer.states, m), dtype=np.int64)
    own = np.arange(layer.states)
    for channel, (n, place) in enumerate(zip(layer.moduli, layer.places, strict=True)):
        residues = own // place % n
        moved = (residues[None, :, None] + layer.increments[:, None, :, channel]) % n
        if layer.resets is not None:
            moved = np.where(layer.resets[:, None, :, channel], layer.increments[:, None, :, channel], moved)
        table += moved * place
    table += following[:, None, :] * layer.states
    if len(following) and following.min() < 0:
        table = np.where(following[:, None, :] < 0, -1, table)
    return table.reshape(lower * layer.states, m)


def _next_codes(
    layer: CascadeLayer, lower: NDArray[np.int64], residues: NDArray[np.int64], following: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The codes, (N, m), that letters lead to from states given by lower state, (N,), and residues, (N, channels); -1
    where the lower layers lead nowhere."""
    after = following[lower]
    codes = after * layer.states
    for channel, (n, place) in enumerate(zip(layer.moduli, layer.places, strict=True)):
        given = layer.increments[lower, :, channel]
        moved = (residues[:, channel, None] + given) % n
        if layer.resets is not None:
            moved = np.where(layer.resets[lower, :, channel], given, moved)
        codes += moved.astype(np.int64) * place
    return np.where(after < 0, -1, codes)


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
