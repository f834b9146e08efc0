"""Four arithmetics for the same weights, from exact to cheap: residues, fixed-point turns, complex128, complex64.

All take the cascade's hard decisions between layers: a channel's phase is read as the nearest multiple of 1/n turns.
They differ in how the phase is kept (docs/mathematics.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.base.errors import InputError
from subnormal.constructions.cascade import Cascade, CascadeLayer

ARITHMETICS = ("residues", "turns", "complex128", "complex64")

Channel = tuple[NDArray, NDArray[np.int64]]
"""A channel's carried value and, for every token of a piece, the residue it decodes to."""


class Machine:
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
        advance: Callable[[NDArray, NDArray, int, NDArray | None], Channel] = (
            _advance_turns if arithmetic == "turns" else _advance_complex
        )
        self._advance = advance
        dtype = np.dtype("uint64" if arithmetic == "turns" else arithmetic if arithmetic != "residues" else "int64")
        self._carried = [
            [np.array(0 if arithmetic == "turns" else 1, dtype=dtype) for _ in layer.moduli] for layer in cascade.layers
        ]
        self._steps = [[_steps(n, arithmetic) for n in layer.moduli] for layer in cascade.layers]
        self._residues = [[0] * len(layer.moduli) for layer in cascade.layers]

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[np.int32]:
        """The element index after every token of the next piece, shape (T,)."""
        if self.arithmetic == "residues":
            states = self.cascade.run(tokens, self._state)
            self._state = int(states[-1]) if len(states) else self._state
        else:
            states = self._run(tokens)
        return self.cascade.decode[states]

    def _run(self, tokens: NDArray[np.integer]) -> NDArray[np.int64]:
        above = np.zeros(len(tokens), dtype=np.int64)
        after = above
        for i, layer in enumerate(self.cascade.layers):
            above, after = self._run_layer(i, layer, above, after, tokens)
        return after

    def _run_layer(
        self, i: int, layer: CascadeLayer, above: NDArray, after: NDArray, tokens: NDArray
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        added = layer.increments[above, tokens]
        sets = None if layer.resets is None else layer.resets[above, tokens]
        above = above * layer.states
        after = after * layer.states
        for channel, (n, place) in enumerate(zip(layer.moduli, layer.places, strict=True)):
            own = None if sets is None or not sets[:, channel].any() else sets[:, channel]
            steps = self._steps[i][channel][added[:, channel]]
            values, residues = self._advance(self._carried[i][channel], steps, n, own)
            error = _distance(values, residues, n)
            self.largest_error = max(self.largest_error, error * 2 * n)
            self._carried[i][channel] = values[-1]
            after += residues * place
            above[1:] += residues[:-1] * place
            above[0] += self._residues[i][channel] * place
            self._residues[i][channel] = int(residues[-1])
        return above, after


def _steps(n: int, arithmetic: str) -> NDArray:
    """The stored form of the phases 0, 1/n, …, (n-1)/n turns."""
    if arithmetic == "turns":
        return np.array([((r << 65) // n + 1) >> 1 & (2**64 - 1) for r in range(n)], dtype=np.uint64)
    return np.exp(2j * np.pi * np.arange(n) / n).astype(arithmetic if arithmetic != "residues" else "complex128")


def _advance_turns(carried: NDArray, steps: NDArray, n: int, sets: NDArray | None) -> Channel:
    """64-bit fixed-point turns: wrapping is reduction modulo one turn. Where `sets`, the phase is the step itself."""
    if sets is None:
        phases = np.cumsum(steps, dtype=np.uint64) + carried
    else:
        total = np.cumsum(np.where(sets, np.uint64(0), steps), dtype=np.uint64)
        last = np.maximum.accumulate(np.where(sets, np.arange(len(steps)), -1))
        phases = total + np.where(last >= 0, steps[last] - total[last], carried)
    return phases, _nearest(phases, n)


def _nearest(phases: NDArray[np.uint64], n: int) -> NDArray[np.int64]:
    """The residue r with r/n nearest to a phase in 2⁻⁶⁴ turns: the rounded product, computed from the upper and lower
    halves."""
    high, low = phases >> np.uint64(32), phases & np.uint64(0xFFFFFFFF)
    shifted = high * np.uint64(n) + (low * np.uint64(n) >> np.uint64(32)) + np.uint64(1 << 31)
    return (shifted >> np.uint64(32)).astype(np.int64) % n


def _advance_complex(carried: NDArray, steps: NDArray, n: int, sets: NDArray | None) -> Channel:
    """Products of complex numbers, one after the other, each rounded to the precision of the type. Where `sets`, a new
    product begins."""
    factors = np.concatenate([carried[None], steps])
    values = (np.cumprod(factors) if sets is None else running(np.multiply, factors, np.flatnonzero(sets) + 1))[1:]
    residues = np.rint(np.angle(values) * (n / math.tau)).astype(np.int64) % n
    return values, residues


LONG_RUN = 64
"""Tokens between two resets from which on a run is multiplied by itself and not side by side with the others."""


def running(ufunc: np.ufunc, values: NDArray, begins: NDArray[np.intp]) -> NDArray:
    """Running sums or products that begin anew at some places: token after token, all short runs side by side."""
    starts = np.concatenate([[0], begins])
    lengths = np.diff(np.concatenate([starts, [len(values)]]))
    found = values.copy()
    for start, length in zip(starts[lengths > LONG_RUN], lengths[lengths > LONG_RUN], strict=True):
        ufunc.accumulate(values[start : start + length], out=found[start : start + length])
    short = lengths <= LONG_RUN
    starts, lengths = starts[short], lengths[short]
    for k in range(1, int(lengths.max(initial=0))):
        starts, lengths = starts[lengths > k], lengths[lengths > k]
        found[starts + k] = ufunc(found[starts + k - 1], found[starts + k])
    return found


def _distance(values: NDArray, residues: NDArray[np.int64], n: int) -> float:
    """Largest distance in turns between phases and the multiples of 1/n they were read as."""
    if values.dtype == np.uint64:
        exact = _steps(n, "turns")[residues]
        return float(np.abs((values - exact).astype(np.int64)).max(initial=0)) / 2.0**64
    turns = np.angle(values.astype(np.complex128)) / math.tau - residues / n
    return float(np.abs(turns - np.rint(turns)).max(initial=0))
