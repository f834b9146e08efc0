"""Congruences of an automaton: partitions of its states that letters respect, and the quotients by them.

An automaton is a subdirect product of its quotients by congruences that meet in equality, and each of those can be
taken with a pair of states that every larger congruence merges (Birkhoff's theorem, for unary algebras).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import numpy as np

from .automaton import Automaton

Partition = tuple[int, ...]
"""For each state the least state of its block."""


MAX_KEPT = 300
"""Automata whose congruences are kept: several families, and pieces of pieces, ask for the same ones."""

Rows = tuple[tuple[int, ...], ...]


def generated_congruence(
    automaton: Automaton, pairs: list[tuple[int, int]], start: Partition | None = None
) -> Partition:
    """The least congruence that holds another one and merges some pairs of states."""
    return _generated(_rows(automaton), pairs, start)


def _rows(automaton: Automaton) -> Rows:
    return tuple(map(tuple, automaton.table.tolist()))


def _generated(rows: Rows, pairs: list[tuple[int, int]], start: Partition | None = None) -> Partition:
    parent = list(start or range(len(rows)))
    queue = list(pairs)
    for p, q in queue:  # grows while it is walked
        a, b = p, q
        while parent[a] != a:
            a = parent[a]
        while parent[b] != b:
            b = parent[b]
        if a != b:  # what is merged is joined by pairs that were in the queue, whose images are
            parent[max(a, b)] = min(a, b)
            queue.extend(zip(rows[p], rows[q], strict=True))
    for q, a in enumerate(parent):  # no state is below its parent
        parent[q] = parent[a]
    return tuple(parent)


@lru_cache(maxsize=MAX_KEPT)
def _principal(rows: Rows) -> dict[tuple[int, int], Partition]:
    return {pair: _generated(rows, [pair]) for pair in combinations(range(len(rows)), 2)}


def principal_congruences(automaton: Automaton) -> dict[tuple[int, int], Partition]:
    """The least congruence that merges each pair of states."""
    return dict(_principal(_rows(automaton)))


def separating_congruences(automaton: Automaton) -> list[Partition]:
    """A few congruences that meet in equality, each maximal among those that keep some pair of states apart."""
    return list(_separating(_rows(automaton)))


@lru_cache(maxsize=MAX_KEPT)
def _separating(rows: Rows) -> tuple[Partition, ...]:
    principal = _principal(rows)
    coarsest = sorted(principal, key=lambda pair: (len(set(principal[pair])), pair))
    apart = set(principal)
    found: list[Partition] = []
    while apart:
        p, q = min(apart)
        partition: Partition = tuple(range(len(rows)))
        for a, b in coarsest:
            if partition[a] != partition[b] and principal[a, b][p] != principal[a, b][q]:
                joined = _generated(rows, [(a, b)], partition)
                if joined[p] != joined[q]:
                    partition = joined
        found.append(partition)
        apart = {(a, b) for a, b in apart if partition[a] == partition[b]}
    return tuple(found)


def needed(partitions: list[Partition]) -> list[Partition]:
    """Of congruences that meet in equality, a part that does too: those of most blocks are left out first."""
    kept = list(partitions)
    count = len(partitions[0]) if partitions else 0
    for partition in sorted(partitions, key=lambda blocks: -len(set(blocks))):
        rest = [other for other in kept if other is not partition]
        if len(set(zip(*rest, strict=True))) == count:
            kept = rest
    return kept


def quotient(automaton: Automaton, partition: Partition) -> Automaton:
    """The automaton of the blocks; states keep the name of the least in their block, and are the output."""
    blocks = sorted(set(partition))
    place = {block: i for i, block in enumerate(blocks)}
    table = np.array([[place[partition[q]] for q in automaton.table[block].tolist()] for block in blocks])
    states = tuple(automaton.states[block] for block in blocks)
    return Automaton(
        automaton.name, table.astype(np.int32), automaton.letters, states, place[partition[automaton.start]]
    )


def proper_congruences(automaton: Automaton, limit: int) -> list[Partition]:
    """Principal congruences that are neither equality nor everything, those of fewest blocks first."""
    found = {blocks for blocks in _principal(_rows(automaton)).values() if 1 < len(set(blocks)) < automaton.count}
    return sorted(found, key=lambda blocks: (len(set(blocks)), blocks))[:limit]


def forget() -> None:
    """What is kept is found anew, for whoever measures."""
    _principal.cache_clear()
    _separating.cache_clear()
