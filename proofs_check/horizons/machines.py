"""A machine as the bounds walk over it: where edges come from, a spanning tree, and the cases of its states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import spanning_tree

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Walked:
    """A machine in which every token permutes the states, from state 0.

    Arguments:
        transitions: shape (states, tokens).
    """

    def __init__(self, transitions: Integers) -> None:
        self.states, self.tokens = transitions.shape
        self.before = np.argsort(transitions, axis=0)
        """Shape (states, tokens): the state from which a token leads here."""
        self.tree = spanning_tree(transitions)
        """Edges (state, token, state) of a breadth-first spanning tree, in the order in which it grows."""


class Grouping:
    """The largest of what the cases of each state say.

    Arguments:
        of: the state of each case.
        states: how many there are.
    """

    def __init__(self, of: Integers, states: int) -> None:
        self.of, self.states = of, states
        self.order = np.argsort(of, kind="stable")
        self.present, self.first = np.unique(of[self.order], return_index=True)

    def __call__(self, values: Floats) -> Floats:
        """(cases, …) to (states, …); 0 for a state without a case, which no word reaches."""
        found = np.zeros((self.states, *values.shape[1:]))
        found[self.present] = np.maximum.reduceat(values[self.order], self.first, axis=0)
        return found
