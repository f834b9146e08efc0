"""The machine of fewest layers that the known decompositions give for an automaton.

Tried are the holonomy decomposition; quotients side by side, by congruences that meet in equality; and a quotient below
with the rest on top of it: each block's states are given labels 0 … k-1, and an automaton on the labels reads the
block beside the token (Hartmanis and Stearns 1966). Pieces are decomposed in the same way. The first always works where
the family can carry the automaton (docs/mathematics.md); the others may need fewer layers or fewer states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.automata.automaton import MAX_LETTERS, Automaton
from subnormal.algebra.automata.congruences import Partition, proper_congruences, quotient, separating_congruences
from subnormal.algebra.automata.holonomy import Holonomy
from subnormal.algebra.base.errors import InputError
from subnormal.algebra.depth.families import Family
from subnormal.constructions.automata.holonomy_machine import holonomy_machine
from subnormal.constructions.automata.machine import (
    MAX_TRANSITIONS,
    ChannelMachine,
    explore,
    product,
    reduced,
    trivial,
)

MAX_TRIED = 6
"""Quotients that are put below the rest, at each automaton that is taken apart."""

MAX_STATES_TAKEN_APART = 48
"""Automata with more states are given to the holonomy decomposition as they are."""

FLAT = 4
"""Up to this height the holonomy decomposition is tried first: it then has few states."""

LIMITS = (MAX_TRANSITIONS, 12_000, 12_000)
"""Transitions that a machine may have, at each nesting: what a detour costs should stay small."""

MAX_NESTING = 2
"""How often pieces of pieces are taken apart."""


@dataclass(frozen=True, eq=False)
class Found:
    """A machine with its layers.

    Arguments:
        machine: it.
        layers: the channels of each layer.
    """

    machine: ChannelMachine
    layers: list[list[int]]

    @property
    def cost(self) -> tuple[int, int, int]:
        """Layers, channels, states: less is better."""
        return len(self.layers), len(self.machine.moduli), self.machine.states


def best_machine(automaton: Automaton, layer: Family, least: int = 1) -> Found:
    """The best machine for an automaton whose states are all reachable and all told apart.

    Arguments:
        least: a proved bound; the search ends at a machine of so many layers.

    Raises:
        InputError: no decomposition works: the family cannot carry the automaton, or its tables would be too large.
    """
    return _Search(layer).best(automaton, least, 0)


class _Search:
    def __init__(self, layer: Family) -> None:
        self.layer = layer
        self.known: dict[tuple[bytes, int, int], Found | InputError] = {}

    def best(self, automaton: Automaton, least: int, nesting: int) -> Found:
        key = automaton.table.tobytes(), automaton.width, automaton.start
        if key not in self.known:
            self.known[key] = self._best(automaton, least, nesting)
        found = self.known[key]
        if isinstance(found, InputError):
            raise found
        return found

    def _best(self, automaton: Automaton, least: int, nesting: int) -> Found | InputError:
        if automaton.count == 1:
            return Found(trivial(automaton), [])
        best: list[Found] = []
        problem: InputError | None = None
        for attempt in self._attempts(automaton, nesting, best):
            found = attempt if isinstance(attempt, InputError) else self._reduced(attempt)
            if isinstance(found, InputError):
                problem = problem or found
            else:
                best[:] = [min([found, *best], key=lambda one: one.cost)]
            if best and len(best[0].layers) <= least:
                break
        return best[0] if best else problem or InputError(f"{automaton.name}: no decomposition found")

    def _reduced(self, machine: ChannelMachine) -> Found | InputError:
        found = reduced(machine, self.layer)
        if found is None:
            return InputError(f"{self.layer.title} layers cannot carry the decomposition")
        return Found(*found)

    def _attempts(self, automaton: Automaton, nesting: int, best: list[Found]) -> Iterator[ChannelMachine | InputError]:
        """Machines, one after the other; an error where a way is closed. `best` holds the best so far, if any."""
        apart = 2 < automaton.count <= MAX_STATES_TAKEN_APART and nesting < MAX_NESTING
        try:
            height = Holonomy(automaton).height
        except InputError as error:
            yield error
            return
        if height <= FLAT:
            yield self._tried(lambda: holonomy_machine(automaton, self.layer, LIMITS[nesting]))
        pieces = separating_congruences(automaton) if apart else []
        if len(pieces) > 1:
            yield self._tried(lambda: self._side_by_side(automaton, pieces, nesting))
        if height > FLAT and not (best and len(best[0].layers) <= height):
            yield self._tried(lambda: holonomy_machine(automaton, self.layer, LIMITS[nesting]))
        for blocks in proper_congruences(automaton, MAX_TRIED) if apart else []:
            yield self._tried(partial(self._one_above, automaton, blocks, nesting))

    @staticmethod
    def _tried(make: Callable[[], ChannelMachine]) -> ChannelMachine | InputError:
        try:
            return make()
        except InputError as error:
            return error

    def _side_by_side(self, automaton: Automaton, pieces: list[Partition], nesting: int) -> ChannelMachine:
        machines = [self.best(quotient(automaton, blocks), 1, nesting + 1).machine for blocks in pieces]
        places = [{block: i for i, block in enumerate(sorted(set(blocks)))} for blocks in pieces]
        decode = {
            tuple(place[blocks[q]] for place, blocks in zip(places, pieces, strict=True)): q
            for q in range(automaton.count)
        }
        return product(machines, decode, automaton.name, LIMITS[nesting])

    def _one_above(self, automaton: Automaton, blocks: Partition, nesting: int) -> ChannelMachine:
        """The quotient's machine, and above it one that holds which state of the block it is."""
        names = sorted(set(blocks))
        place = {block: i for i, block in enumerate(names)}
        labels = _labels(automaton, blocks)
        rest, columns = _on_labels(automaton, [place[block] for block in blocks], labels)
        lower = self.best(quotient(automaton, blocks), 1, nesting + 1).machine
        upper = self.best(rest, 1, nesting + 1).machine
        state = {(place[blocks[q]], int(labels[q])): q for q in range(automaton.count)}
        below, above = lower.following.tolist(), upper.following.tolist()
        block_of, label_of = lower.decode.tolist(), upper.decode.tolist()
        low, high = lower.residues.tolist(), upper.residues.tolist()
        return explore(
            (*lower.moduli, *upper.moduli),
            (0, 0),
            lambda s, x: (below[s[0]][x], above[s[1]][columns[block_of[s[0]], x]]),
            automaton.width,
            lambda s: state[block_of[s[0]], label_of[s[1]]],
            lambda s: (*low[s[0]], *high[s[1]]),
            automaton.name,
            LIMITS[nesting + 1],
        )


def _labels(automaton: Automaton, blocks: Partition) -> NDArray[np.int64]:
    """A label for every state, different within its block: the label of a state that leads to it where one is free."""
    labels = np.full(automaton.count, -1, dtype=np.int64)
    members: dict[int, list[int]] = {}
    for q, block in enumerate(blocks):
        members.setdefault(block, []).append(q)
    first = blocks[automaton.start]
    labels[members[first]] = np.arange(len(members[first]))
    queue = sorted(members, key=lambda block: (block != first, -len(members[block])))
    done = [first]
    while len(done) < len(queue):
        way = next(
            ((b, x) for b in done for x in range(automaton.width) if labels[automaton.table[members[b], x]].min() < 0),
            None,
        )
        if way is None:  # only a part of the blocks can be reached from here
            rest = next(block for block in queue if block not in done)
            labels[members[rest]] = np.arange(len(members[rest]))
            done.append(rest)
            continue
        source, x = way
        target = blocks[int(automaton.table[source, x])]
        taken: set[int] = set()
        for q in members[source]:
            image = int(automaton.table[q, x])
            if labels[image] < 0 and labels[q] not in taken and labels[q] < len(members[target]):
                labels[image] = labels[q]
                taken.add(int(labels[q]))
        free = iter(sorted(set(range(len(members[target]))) - taken))
        for q in members[target]:
            if labels[q] < 0:
                labels[q] = next(free)
        done.append(target)
    return labels


def _on_labels(
    automaton: Automaton, place: list[int], labels: NDArray[np.int64]
) -> tuple[Automaton, dict[tuple[int, int], int]]:
    """The automaton on labels, and for each block and letter its letter; what is free is filled in to merge little."""
    count = int(labels.max()) + 1
    columns: dict[tuple[int, int], int] = {}
    known: dict[tuple[int, ...], int] = {}
    for block in range(max(place) + 1):
        here = [q for q in range(automaton.count) if place[q] == block]
        for x in range(automaton.width):
            given = {int(labels[q]): int(labels[automaton.table[q, x]]) for q in here}
            column = _filled(given, count)
            columns[block, x] = known.setdefault(column, len(known))
    if len(known) > MAX_LETTERS:
        raise InputError(f"{automaton.name}: too many different actions on the blocks of a quotient")
    table = np.array(list(known), dtype=np.int32).T
    letters = tuple(map(str, range(len(known))))
    states = tuple(map(str, range(count)))
    return Automaton(automaton.name, table, letters, states, int(labels[automaton.start])), columns


def _filled(given: dict[int, int], count: int) -> tuple[int, ...]:
    """A map of 0 … count-1 with some values given: constant where those are, else one-to-one where those are."""
    values = set(given.values())
    if len(values) == 1 and len(given) > 1:
        return (next(iter(values)),) * count
    free = sorted(set(range(count)) - values)
    column = []
    for label in range(count):
        if label in given:
            column.append(given[label])
        elif len(values) == len(given):
            own = label if label in free else free[0]
            free.remove(own)
            column.append(own)
        else:
            column.append(min(values))
    return tuple(column)
