"""Channels of a factored cascade fused into clusters, for execution: two look-ups for several channels.

In a wreath product the channels of one copy read each other and the same lower channels. Together they are one
small automaton: what the channels outside hold, with the token, picks one of few maps of the joint state to the next.
So a cluster needs two look-ups a token, however many channels it has:

    map = outer[what is seen of the clusters read, token]        joint state = inner[map, joint state]

Any partition of the channels is right, since every channel reads the residues from before the token. Clusters are runs
of channels in their order; `cluster_runs` looks for a partition with few table entries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cascade import FactoredCascade, FactoredChannel

JOINT = 64
"""States of a cluster of several channels, at most: its maps are tables of as many entries."""
MAX_CODES = 1 << 62
"""Codes of maps are at most so many, to fit 64 bits."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """Channels `start` … `stop` - 1 as one automaton; its joint state is their residues in mixed radix.

    Arguments:
        start: the first channel.
        stop: one after the last channel.
        reads: the clusters that the maps depend on, ascending, all earlier than this one.
        outer: shape (product of what can be seen of each cluster read, alphabet), int64: rows of `inner`.
        inner: shape (maps, states), int64: the next joint state.
        residues: shape (states, stop - start), int64: the channels' residues in each joint state.
        seen: shape (states,), int64: the residues of the channels that other clusters read, in mixed radix.
    """

    start: int
    stop: int
    reads: tuple[int, ...]
    outer: NDArray[np.int64]
    inner: NDArray[np.int64]
    residues: NDArray[np.int64]
    seen: NDArray[np.int64]


def cluster_runs(cascade: FactoredCascade) -> list[tuple[int, int]]:
    """The clusters as runs (start, stop) of channels.

    From the first channel on, each run is as long as makes the rows of all `outer` tables fewest, as if all later
    channels stayed single; each of its channels reads one before it in the run, and it has at most `JOINT` states. So
    the `outer` tables together have no more entries than the cascade's own tables.
    """
    channels, moduli = cascade.channels, np.array(cascade.moduli, dtype=float)
    # factors[c, a]: how many values the channel or run c reads from the channel or the run that starts at a.
    factors = np.ones((len(channels), len(channels)))
    for position, channel in enumerate(channels):
        factors[position, list(channel.reads)] = moduli[list(channel.reads)]
    runs, start = [], 0
    while start < len(channels):
        best, stop, seen = 0.0, start + 1, moduli[start]
        for end in range(start + 2, len(channels) + 1):
            if moduli[start:end].prod() > JOINT or (factors[end - 1, start : end - 1] == 1).all():
                break
            read = factors[end:, start:end] > 1
            visible = moduli[start:end][read.any(axis=0)].prod()
            readers = factors[end:][read.any(axis=1)]
            shares = visible / readers[:, start:end].prod(axis=1)
            saved = factors[start:end].prod(axis=1).sum() - factors[start:end, :start].max(axis=0).prod()
            saved -= (readers.prod(axis=1) * (shares - 1)).sum()
            if saved > best:
                best, stop, seen = saved, end, visible
        if stop > start + 1:
            reading = (factors[stop:, start:stop] > 1).any(axis=1)
            factors[stop:, start:stop] = 1
            factors[stop:, start][reading] = seen
        runs.append((start, stop))
        start = stop
    return runs


def clusters(cascade: FactoredCascade) -> list[Cluster]:
    """The cascade's channels as clusters, in order."""
    runs = cluster_runs(cascade)
    owner = [number for number, (start, stop) in enumerate(runs) for _ in range(start, stop)]
    crossing = {read for c, channel in enumerate(cascade.channels) for read in channel.reads if owner[read] != owner[c]}
    visible = [[c for c in range(start, stop) if c in crossing] for start, stop in runs]
    return [_cluster(cascade, start, stop, owner, visible) for start, stop in runs]


def _digits(moduli: Sequence[int]) -> NDArray[np.int64]:
    """The residues in every state, shape (product of the moduli, channels), the first channel most significant."""
    rows = np.arange(math.prod(moduli))
    return np.stack(np.unravel_index(rows, moduli), axis=1) if moduli else rows[:, None][:, :0]


def _cluster(cascade: FactoredCascade, start: int, stop: int, owner: list[int], visible: list[list[int]]) -> Cluster:
    moduli, members = cascade.moduli, cascade.channels[start:stop]
    inside = _digits(moduli[start:stop])
    reads = sorted({owner[read] for channel in members for read in channel.reads if read < start})
    known = [c for number in reads for c in visible[number]]
    outside = _digits([moduli[c] for c in known])

    def increments(channel: FactoredChannel) -> NDArray[np.int32]:
        """Shape (rows, joint states, alphabet), the second 1 where nothing inside is read."""
        index = np.zeros((1, 1), dtype=np.int64)
        for read in channel.reads:
            residue = inside[None, :, read - start] if read >= start else outside[:, None, known.index(read)]
            index = index * moduli[read] + residue
        return channel.increments[np.broadcast_to(index, (len(outside), index.shape[1]))]

    # A map is known by what each channel adds, for all residues inside that the channel reads: together one code.
    code, codes = np.zeros((len(outside), len(cascade.alphabet)), dtype=np.int64), 1
    for channel in members:
        added = increments(channel)
        within = [read - start for read in channel.reads if read >= start]
        for state in np.unique(inside[:, within], axis=0, return_index=True)[1] if within else [0]:
            if codes * channel.modulus > MAX_CODES:
                values, code = _ranked(code)
                codes = len(values)
            code = code * channel.modulus + added[:, state]
            codes *= channel.modulus
    values, outer = _ranked(code)
    row, token = np.unravel_index(np.unique(outer, return_index=True)[1], outer.shape)
    inner = np.zeros((len(values), len(inside)), dtype=np.int64)
    for offset, channel in enumerate(members):
        added = increments(channel)[row, :, token]  # (maps, joint states or 1)
        inner = inner * channel.modulus + (inside[:, offset] + added) % channel.modulus
    seen = np.zeros(len(inside), dtype=np.int64)
    for c in visible[owner[start]]:
        seen = seen * moduli[c] + inside[:, c - start]
    return Cluster(start, stop, tuple(reads), outer, inner, inside, seen)


def _ranked(code: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different codes, ascending, and each entry's place among them, in the shape of `code`."""
    values, places = np.unique(code, return_inverse=True)
    return values, places.reshape(code.shape)
