"""Factored cascades compiled with numba: all channels of a token before the next token, and decoding point by point.

Channels run fused in clusters (`constructions.factored.clusters`), two look-ups each.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import smallest_dtype
from .cascade import FactoredCascade, Residues, make_plan
from .clusters import clusters

compiled = njit(cache=True, nogil=True, error_model="numpy")

WIDTH = 8
"""Residues that the loop writes at a time. A cluster of several channels has at most 64 states, so 6 channels."""


@compiled
def _run(plan, clusters, m, word, joint, residues):  # type: ignore[no-untyped-def]
    # Indices are unsigned throughout, so that numba needs no test for negative ones.
    parent, read, row = plan
    sizes, seen, outer_starts, outer, inner, starts, digit_starts, digits = clusters
    values = np.zeros(len(parent), dtype=np.uint64)
    entries = np.zeros(len(parent), dtype=np.uint64)
    begin = np.uint64(0)
    for t in range(len(word)):
        token = np.uint64(word[t])
        entries[0] = token
        for node in range(1, len(parent)):
            k = read[node]
            values[node] = values[parent[node]] * sizes[k] + seen[k, joint[k]]
            entries[node] = values[node] * m + token
        for k in range(len(joint)):
            new = np.uint64(inner[outer[outer_starts[k] + entries[row[k]]] + joint[k]])
            joint[k] = new
            # Always WIDTH residues, read before any is written, which compiles to one wide copy. Those too many are
            # overwritten by the next cluster or token; after the last there is room for them.
            digit, to = digit_starts[k] + new, begin + starts[k]
            r0, r1, r2, r3 = digits[digit, 0], digits[digit, 1], digits[digit, 2], digits[digit, 3]
            r4, r5, r6, r7 = digits[digit, 4], digits[digit, 5], digits[digit, 6], digits[digit, 7]
            residues[to] = r0
            residues[to + np.uint64(1)] = r1
            residues[to + np.uint64(2)] = r2
            residues[to + np.uint64(3)] = r3
            residues[to + np.uint64(4)] = r4
            residues[to + np.uint64(5)] = r5
            residues[to + np.uint64(6)] = r6
            residues[to + np.uint64(7)] = r7
        begin += starts[-1]


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
        self._lay_out_clusters()
        self._powers = np.concatenate([channel.powers.ravel() for channel in channels])
        self._power_starts = _starts([channel.powers.size for channel in channels])
        self._movers = np.array([c for movers in cascade.movers for c in reversed(movers)], dtype=np.int64)
        self._mover_starts = _starts([len(movers) for movers in cascade.movers])

    def _lay_out_clusters(self) -> None:
        cascade = self.cascade
        parts = clusters(cascade)
        states = [len(part.seen) for part in parts]
        self._starts = _starts([part.stop - part.start for part in parts])
        self._weights = np.array(
            [math.prod(cascade.moduli[c + 1 : part.stop]) for part in parts for c in range(part.start, part.stop)]
        )
        seen = np.zeros((len(parts), max(states, default=1)), dtype=np.uint64)
        digits = np.zeros((sum(states), WIDTH), dtype=cascade.initial().dtype)
        digit_starts = _starts(states)
        # Equal copies have equal maps, which are kept once; `outer` holds the place where a map's states start.
        firsts: dict[tuple[int, bytes], int] = {}
        inner, outer, total = [], [], 0
        for k, part in enumerate(parts):
            seen[k, : states[k]] = part.seen
            digits[digit_starts[k] : digit_starts[k + 1], : part.stop - part.start] = part.residues
            key = states[k], part.inner.tobytes()
            if key not in firsts:
                firsts[key] = total
                inner.append(part.inner.ravel())
                total += part.inner.size
            outer.append(firsts[key] + part.outer.ravel() * states[k])
        self._plan = tuple(array.astype(np.uint64) for array in make_plan([part.reads for part in parts]))
        self._clusters = (
            np.array([part.seen.max() + 1 for part in parts], dtype=np.uint64),
            seen,
            _starts([part.outer.size for part in parts]).astype(np.uint64),
            np.concatenate(outer).astype(np.uint32),
            np.concatenate(inner).astype(smallest_dtype(max(states, default=1))),
            self._starts.astype(np.uint64),
            digit_starts.astype(np.uint64),
            digits,
        )

    def run(self, tokens: NDArray[np.integer], state: Residues | None = None) -> Residues:
        """The residues after every token, (T,) to (T, channels); see `FactoredCascade.run`."""
        cascade = self.cascade
        cascade.require_tokens(tokens)
        first = cascade.initial() if state is None else state
        shape = len(tokens), len(cascade.channels)
        residues = np.empty(math.prod(shape) + WIDTH, dtype=first.dtype)
        joint = np.add.reduceat(first * self._weights, self._starts[:-1]).astype(np.uint64)
        _run(self._plan, self._clusters, np.uint64(len(cascade.alphabet)), tokens, joint, residues)
        return residues[: math.prod(shape)].reshape(shape)

    def decode(self, residues: Residues) -> NDArray[Any]:
        """The permutations that states stand for, (T, channels) to (T, degree); see `FactoredCascade.decode`."""
        images = np.empty((len(residues), self.cascade.degree), dtype=self.cascade.alphabet.dtype)
        _decode(self._mover_starts, self._movers, self._power_starts, self._powers, residues, images)
        return images
