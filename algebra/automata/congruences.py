"""Congruences of an automaton: partitions of its states that letters respect, and the quotients by them.

An automaton is a subdirect product of its quotients by congruences that meet in equality, and each of those can be
taken with a pair of states that every larger congruence merges (Birkhoff's theorem, for unary algebras).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .automaton import Automaton

Partition = tuple[int, ...]
"""For each state the least state of its block."""


def generated_congruence(
    automaton: Automaton, pairs: list[tuple[int, int]], start: Partition | None = None
) -> Partition:
    """The least congruence that holds a partition and merges some pairs of states."""
    parent = list(start or range(automaton.count))
    rows = automaton.table.tolist()

    def find(q: int) -> int:
        while parent[q] != q:
            parent[q] = parent[parent[q]]
            q = parent[q]
        return q

    queue = list(pairs)
    for p, q in queue:  # grows while it is walked
        a, b = find(p), find(q)
        if a != b:
            parent[max(a, b)] = min(a, b)
            queue.extend(zip(rows[p], rows[q], strict=True))
            queue.extend(zip(rows[a], rows[b], strict=True))
    return tuple(find(q) for q in range(automaton.count))


def principal_congruences(automaton: Automaton) -> dict[tuple[int, int], Partition]:
    """The least congruence that merges each pair of states."""
    return {(p, q): generated_congruence(automaton, [(p, q)]) for p, q in combinations(range(automaton.count), 2)}


def separating_congruences(automaton: Automaton) -> list[Partition]:
    """A few congruences that meet in equality, each maximal among those that keep some pair of states apart."""
    principal = principal_congruences(automaton)
    coarsest = sorted(principal, key=lambda pair: (len(set(principal[pair])), pair))
    apart = set(principal)
    found: list[Partition] = []
    while apart:
        p, q = min(apart)
        partition: Partition = tuple(range(automaton.count))
        for a, b in coarsest:
            if partition[a] != partition[b] and principal[a, b][p] != principal[a, b][q]:
                joined = generated_congruence(automaton, [(a, b)], partition)
                if joined[p] != joined[q]:
                    partition = joined
        found.append(partition)
        apart = {(a, b) for a, b in apart if partition[a] == partition[b]}
    return found


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
    found = {blocks for blocks in principal_congruences(automaton).values() if 1 < len(set(blocks)) < automaton.count}
    return sorted(found, key=lambda blocks: (len(set(blocks)), blocks))[:limit]
