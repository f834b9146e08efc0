"""Factored cascades compiled with numba: all channels of a token before the next token, and decoding point by point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from subnormal.constructions.factored.cascade import FactoredCascade, Residues

compiled = njit(cache=True, nogil=True, error_model="numpy")


@compiled
def _run(parent, channel, row, moduli, starts, tables, tokens, word, state, residues):  # type: ignore[no-untyped-def]
    values = np.zeros(len(parent), dtype=np.int64)
    for t in range(len(word)):
        for node in range(1, len(parent)):
            read = channel[node]
            values[node] = values[parent[node]] * moduli[read] + state[read]
        for position in range(len(moduli)):
            new = state[position] + tables[starts[position] + values[row[position]] * tokens + word[t]]
            if new >= moduli[position]:
                new -= moduli[position]
            state[position] = new
            residues[t, position] = new


@compiled
def _decode(mover_starts, movers, power_starts, powers, residues, images):  # type: ignore[no-untyped-def]
    degree = images.shape[1]
    for t in range(len(residues)):
        for p in range(degree):
            image = np.int64(p)
            for k in range(mover_starts[p], mover_starts[p + 1]):
                position = movers[k]
                residue = np.int64(residues[t, position])
                if residue:
                    image = np.int64(powers[power_starts[position] + residue * degree + image])
            images[t, p] = image


def _starts(lengths: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


class CompiledFactored:
    """A factored cascade's arrays laid out for the compiled loops; `run` and `decode` are those of the cascade."""

    def __init__(self, cascade: FactoredCascade) -> None:
        self.cascade = cascade
        channels = cascade.channels
        self._moduli = np.array(cascade.moduli, dtype=np.int64)
        self._tables = np.concatenate([channel.increments.ravel() for channel in channels])
        self._table_starts = _starts([channel.increments.size for channel in channels])
        self._powers = np.concatenate([channel.powers.ravel() for channel in channels])
        self._power_starts = _starts([channel.powers.size for channel in channels])
        self._movers = np.array([c for movers in cascade.movers for c in reversed(movers)], dtype=np.int64)
        self._mover_starts = _starts([len(movers) for movers in cascade.movers])

    def run(self, tokens: NDArray[np.integer], state: Residues | None = None) -> Residues:
        """The residues after every token, (T,) to (T, channels); see `FactoredCascade.run`."""
        cascade = self.cascade
        cascade.require_tokens(tokens)
        first = cascade.initial() if state is None else state
        residues = np.empty((len(tokens), len(cascade.channels)), dtype=first.dtype)
        m, carried = len(cascade.alphabet), first.astype(np.int64)
        _run(*cascade.plan, self._moduli, self._table_starts, self._tables, m, tokens, carried, residues)
        return residues

    def decode(self, residues: Residues) -> NDArray[Any]:
        """The permutations that states stand for, (T, channels) to (T, degree); see `FactoredCascade.decode`."""
        images = np.empty((len(residues), self.cascade.degree), dtype=self.cascade.alphabet.dtype)
        _decode(self._mover_starts, self._movers, self._power_starts, self._powers, residues, images)
        return images
