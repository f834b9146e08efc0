"""Four arithmetics for the same weights, from exact to cheap: residues, fixed-point turns, complex128, complex64.

All take the cascade's hard decisions between layers: a channel's phase is read as the nearest multiple of 1/n turns.
They differ in how the phase is kept (docs/mathematics.md).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError
from .arithmetics import Values, accumulate, read, start, stored_steps
from .cascade import Cascade, CascadeLayer

ARITHMETICS = ("residues", "turns", "complex128", "complex64")

STEPS = 64
"""Tokens of each of the pieces of a word that a table walks side by side."""


class CascadeMachine:
    """A cascade run in one arithmetic, streaming: each call continues where the last one ended.

    Arguments:
        cascade: the exact machine.
        arithmetic: one of `ARITHMETICS`.

    Attributes:
        largest_error: the largest distance seen between a phase and the multiple of 1/n it was read as, as a share of
            the margin 1/(2n); 0 for residues. At 1 a decision is a coin toss.
    """

    def __init__(self, cascade: Cascade, arithmetic: str) -> None:
        if arithmetic not in ARITHMETICS:
            raise InputError(f"unknown arithmetic {arithmetic!r}; wanted one of {', '.join((*ARITHMETICS, 'network'))}")
        self.cascade = cascade
        self.arithmetic = arithmetic
        self.largest_error = 0.0
        self._state = 0
        self._carried = [[start(arithmetic) for _ in layer.moduli] for layer in cascade.layers]
        self._steps = [[stored_steps(n, arithmetic) for n in layer.moduli] for layer in cascade.layers]
        self._residues = [[0] * len(layer.moduli) for layer in cascade.layers]

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[np.int32]:
        """The element index after every token of the next piece, shape (T,); -1 for residues that no word leads to."""
        if self.arithmetic == "residues":
            states = self.cascade.run(tokens, self._state)
            self._state = int(states[-1]) if len(states) else self._state
        else:
            states = self._run(tokens)
            if (states < 0).any():
                return np.where(states < 0, np.int32(-1), self.cascade.decode[states])
        return self.cascade.decode[states]

    def _run(self, tokens: NDArray[np.integer]) -> NDArray[np.int64]:
        lower = np.zeros(len(tokens), dtype=np.int64)
        after = lower
        for i, layer in enumerate(self.cascade.layers):
            lower, after = self._run_layer(i, layer, lower, after, tokens)
        return after

    def _run_layer(
        self, i: int, layer: CascadeLayer, lower: NDArray, after: NDArray, tokens: NDArray
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        added = layer.increments[lower, tokens]
        sets = None if layer.resets is None else layer.resets[lower, tokens]
        if (lower < 0).any():  # where rounding has led to residues that no word leads to, nothing happens
            added = np.where(lower[:, None] < 0, 0, added)
            sets = None if sets is None else sets & (lower >= 0)[:, None]
        lost = lower < 0, after < 0
        lower = lower * layer.states
        after = after * layer.states
        for channel, (n, place) in enumerate(zip(layer.moduli, layer.places, strict=True)):
            own = None if sets is None or not sets[:, channel].any() else sets[:, channel]
            steps = self._steps[i][channel][added[:, channel]]
            values = accumulate(self.arithmetic, self._carried[i][channel], steps, own)
            residues = read(self.arithmetic, values, n)
            error = _distance(self.arithmetic, values, residues, n)
            self.largest_error = max(self.largest_error, error * 2 * n)
            self._carried[i][channel] = values[-1]
            after += residues * place
            lower[1:] += residues[:-1] * place
            lower[0] += self._residues[i][channel] * place
            self._residues[i][channel] = int(residues[-1])
        return np.where(lost[0], -1, layer.numbers(lower)), np.where(lost[1], -1, layer.numbers(after))


def _distance(name: str, values: Values, residues: NDArray[np.int64], n: int) -> float:
    """Largest distance in turns between phases and the multiples of 1/n they were read as."""
    if name == "turns":
        exact = stored_steps(n, name)[residues]
        return float(np.abs((values - exact).astype(np.int64)).max(initial=0)) / 2.0**64
    turns = np.angle(values.astype(np.complex128)) / math.tau - residues / n
    return float(np.abs(turns - np.rint(turns)).max(initial=0))


class TableMachine:
    """A machine given by its table (states, tokens) of next states; state 0 first. It is a `verification.Runner`."""

    def __init__(self, table: NDArray[np.integer]) -> None:
        self.largest_error = 0.0
        self._table = np.ascontiguousarray(table)
        self._state = 0

    def outputs(self, tokens: NDArray[np.integer], likely: NDArray[np.integer] | None = None) -> NDArray[np.integer]:
        """The states after every token of the next piece, shape (T,).

        Arguments:
            likely: the states that are expected. They change no answer: pieces of the word are walked side by side,
                each from the state expected before it, and where one does not end as the next began, all is walked
                again, token by token.
        """
        if not len(tokens):
            return np.zeros(0, dtype=np.int64)
        found = None if likely is None else self._side_by_side(tokens, likely)
        if found is None:
            rows, state, found = self._table.tolist(), self._state, np.empty(len(tokens), dtype=np.int64)
            for t, token in enumerate(tokens.tolist()):
                state = rows[state][token]
                found[t] = state
        self._state = int(found[-1])
        return found

    def _side_by_side(self, tokens: NDArray[np.integer], likely: NDArray[np.integer]) -> NDArray[np.integer] | None:
        pieces, (_, width) = -(-len(tokens) // STEPS), self._table.shape
        word = np.zeros((pieces, STEPS), np.intp)
        word.ravel()[: len(tokens)] = tokens
        starts = np.concatenate([[self._state], likely[STEPS - 1 :: STEPS][: pieces - 1]]).astype(np.intp)
        states: NDArray[Any] = np.empty((STEPS, pieces), self._table.dtype)
        now, table = starts, self._table.ravel()
        for step, letters in enumerate(np.ascontiguousarray(word.T)):
            states[step] = now = table.take(np.multiply(now, width, dtype=np.intp) + letters)
        found = states.T.ravel()[: len(tokens)]
        return found if np.array_equal(now[:-1], starts[1:]) else None
