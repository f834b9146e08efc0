"""The exact machine that a snap leaves: layers of counters that read the state of the lower layers.

A layer's channel of modulus n adds `increments[s, x]` mod n when token x is read in state s of the lower layers. States
are those that can be reached from the start, numbered in the order of a breadth-first search, so 0 is the start; the
state after layer i determines the state after layer i-1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import spanning_tree
from ...common.brief import Brief

Integers = NDArray[np.int64]

MAX_STATES = 4096
"""A machine with more states than this is not followed: it is no machine for the labels."""


@dataclass(frozen=True, eq=False, repr=False)
class Counter(Brief):
    """One channel.

    Arguments:
        modulus: n.
        increments: shape (lower states, tokens), residues mod n.
    """

    modulus: int
    increments: Integers


@dataclass(frozen=True, eq=False, repr=False)
class CounterMachine(Brief):
    """Layers 1 … i, as one table.

    Arguments:
        transitions: shape (states, tokens).
        lower: shape (states,): the state of layers 1 … i-1 that each state contains.
        layers: the counters of each layer, layer 1 first.
        history: the machines of layers 1 … i-1, the empty one first.
    """

    transitions: Integers
    lower: Integers
    layers: tuple[tuple[Counter, ...], ...] = ()
    history: tuple[CounterMachine, ...] = ()

    @classmethod
    def empty(cls, tokens: int) -> CounterMachine:
        """No layer: one state."""
        return cls(np.zeros((1, tokens), dtype=np.int64), np.zeros(1, dtype=np.int64))

    @property
    def states(self) -> int:
        return len(self.transitions)

    @property
    def tokens(self) -> int:
        return self.transitions.shape[1]

    def run(self, tokens: Integers) -> tuple[Integers, Integers]:
        """The states before and after every token: tokens (…, length) to two arrays of that shape."""
        before, after = np.empty_like(tokens), np.empty_like(tokens)
        state = np.zeros(tokens.shape[:-1], dtype=np.int64)
        for t in range(tokens.shape[-1]):
            before[..., t] = state
            state = self.transitions[state, tokens[..., t]]
            after[..., t] = state
        return before, after

    @cached_property
    def tree(self) -> tuple[tuple[int, int], ...]:
        """For the states 1, 2, …: the state and token from which the breadth-first search reached it."""
        found = {following: (state, token) for state, token, following in spanning_tree(self.transitions)}
        return tuple(found[state] for state in range(1, self.states))

    def extended(self, channels: Sequence[Counter]) -> CounterMachine | None:
        """This machine with one more layer; None where it would have more than `MAX_STATES` states."""
        start = (0,) * (len(channels) + 1)
        number = {start: 0}
        reached = [start]
        rows: list[list[int]] = []
        for state in reached:
            lower, residues = state[0], state[1:]
            row = []
            for token, following in enumerate(self.transitions[lower].tolist()):
                after = (
                    following,
                    *(
                        (r + int(channel.increments[lower, token])) % channel.modulus
                        for r, channel in zip(residues, channels, strict=True)
                    ),
                )
                if after not in number:
                    if len(number) == MAX_STATES:
                        return None
                    number[after] = len(number)
                    reached.append(after)
                row.append(number[after])
            rows.append(row)
        return CounterMachine(
            np.array(rows, dtype=np.int64),
            np.array([state[0] for state in reached], dtype=np.int64),
            (*self.layers, tuple(channels)),
            (*self.history, self),
        )

    def with_few(self, channels: Sequence[Counter]) -> CounterMachine:
        """One more layer with as few of these channels as tell apart all that they tell apart together.

        Channels of large moduli are taken first; one that reaches no new state is left out. Without any that does, the
        layer has no channel.
        """
        best = self.extended(())
        assert best is not None
        chosen: list[Counter] = []
        for channel in sorted(channels, key=lambda c: -c.modulus):
            larger = self.extended([*chosen, channel])
            if larger is not None and larger.states > best.states:
                chosen.append(channel)
                best = larger
        return best

    @cached_property
    def products(self) -> Integers | None:
        """The multiplication table of the states (states, states), if they are a group on which the tokens act.

        State t stands for the words that lead to it; s·t is where such a word leads from s. None where different words
        for t lead from some s to different states.
        """
        table = np.zeros((self.states, self.states), dtype=np.int64)
        table[:, 0] = np.arange(self.states)
        for state, (parent, token) in enumerate(self.tree, 1):
            table[:, state] = self.transitions[table[:, parent], token]
        for token in range(self.tokens):
            if not np.array_equal(table[:, self.transitions[:, token]], self.transitions[table, token]):
                return None
        return table
