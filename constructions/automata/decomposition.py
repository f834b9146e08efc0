"""The machine of fewest layers that the known decompositions give for an automaton.

Tried are walks between walls (`walks.py`); the holonomy decomposition; quotients side by side, by congruences that meet
in equality; and a quotient below with the rest on top of it: each block's states are given labels 0 … k-1, and an
automaton on the labels reads the block beside the token (Hartmanis and Stearns 1966). Pieces are decomposed in the same
way. The holonomy decomposition always works where the family can carry the automaton (docs/mathematics.md); the others
may need fewer layers or fewer states. For stacks of several families the group of the letters that permute the states
is tried as well, below the rest: with g the product of those letters so far, the state is r·g, and only the other
letters move r (Krohn and Rhodes 1965).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import MAX_LETTERS, Automaton
from ...algebra.automata.congruences import (
    Partition,
    needed,
    proper_congruences,
    quotient,
    separating_congruences,
)
from ...algebra.automata.holonomy import Holonomy
from ...algebra.depth.families import GATED_CIRCLE, SIGNS, Family, names
from ...common.brief import Brief
from ...common.errors import InputError
from .holonomy_machine import MAX_GROUP, Style, holonomy_machine
from .machine import (
    MAX_TRANSITIONS,
    ChannelMachine,
    OutOfWorkError,
    Work,
    explore,
    product,
    reduced,
    trivial,
)
from .splitting import split
from .walks import walk_machine, walk_of

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

MAX_WORK = 800_000
"""Work, in units of a microsecond or two, after which a search stops and keeps the best that it has found. Work is
counted, not timed, so that an automaton has one answer."""


@dataclass(frozen=True, eq=False, repr=False)
class Found(Brief):
    """A machine with its layers.

    Arguments:
        machine: it.
        layers: the channels of each layer.
        stopped: whether the search ended at its bound on work, other ways being left untried.
    """

    machine: ChannelMachine
    layers: list[list[int]]
    stopped: bool = False

    @property
    def cost(self) -> tuple[int, int, int]:
        """Layers, channels, states: less is better."""
        return len(self.layers), len(self.machine.moduli), self.machine.states


def best_machine(automaton: Automaton, layer: Family, least: int = 1) -> Found:
    """The best machine of one family for an automaton whose states are all reachable and all told apart.

    Arguments:
        least: a proved bound; the search ends at a machine of so many layers.

    Raises:
        InputError: no decomposition works: the family cannot carry the automaton, or its tables would be too large.
    """
    return _Search(Style(layer.real, (layer,)), (layer,)).best(automaton, least, 0)


def machine_of_stack(automaton: Automaton, stack: Sequence[Family]) -> Found:
    """A machine for a stack of several families; a layer that has nothing to hold is empty.

    Decompositions are made for the strongest family, with registers as one channel and as digits, and with groups
    taken apart by several series; what comes of them is placed into the stack as it is, or with every channel that is
    both turned and set split into a counter and a register above it (`constructions.automata.splitting`).

    Raises:
        InputError: no decomposition that was tried fits. That is no proof that the stack cannot carry the automaton.
    """
    wide, signs = (GATED_CIRCLE,), (SIGNS,)
    real = any(layer.real for layer in stack)
    styles = [Style(False, wide), Style(False, tuple(stack))]
    if real:
        styles += [Style(True, wide), Style(True, tuple(stack)), Style(True, signs)]
    problem: InputError | None = None
    for style in styles:
        try:
            return _Search(style, tuple(stack)).best(automaton, len(stack), 0)
        except InputError as error:
            problem = problem or error
    raise InputError(f"{automaton.name}: no decomposition that was tried fits the stack {names(stack)}") from problem


class _Search:
    """One search; pieces of an automaton are reduced for the strongest family where the stack is a mixed one."""

    def __init__(self, style: Style, stack: tuple[Family, ...]) -> None:
        self.style, self.stack = style, stack
        self.inner = stack if len(stack) == 1 else (GATED_CIRCLE,)
        self.known: dict[tuple[bytes, int, int, bool], Found | InputError] = {}
        self.cut: dict[tuple[Any, ...], Found | InputError] = {}
        self.work = Work()
        self.has_holonomy = False  # whether the whole automaton's machine was made

    def best(self, automaton: Automaton, least: int, nesting: int) -> Found:
        key = automaton.table.tobytes(), automaton.width, automaton.start, nesting > 0
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
        if nesting == 0:
            self.work.limit = MAX_WORK
        attempts = self._attempts(automaton, nesting, best)
        while True:
            try:
                attempt = next(attempts, None)
                if attempt is None:
                    break
                found = attempt if isinstance(attempt, InputError) else self._reduced(attempt, nesting)
            except OutOfWorkError:
                if nesting:  # what is half done is of no use to the whole
                    raise
                # The holonomy decomposition alone is made in any case: there is an answer then.
                attempts = iter(())
                found = self._holonomy_alone(automaton, best)
            if isinstance(found, InputError):
                problem = problem or found
            else:
                best[:] = [min([found, *best], key=lambda one: one.cost)]
            if best and len(best[0].layers) <= least:
                break
        if not best:
            return problem or InputError(f"{automaton.name}: no decomposition found")
        return replace(best[0], stopped=nesting == 0 and self.work.is_spent)

    def _holonomy_alone(self, automaton: Automaton, best: list[Found]) -> Found | InputError:
        """The holonomy decomposition without a limit on work, where it may be better than the best so far."""
        if best and (self.has_holonomy or len(best[0].layers) <= Holonomy.of(automaton).height):
            return best[0]
        limit, self.work.limit = self.work.limit, None
        made = self._tried(lambda: holonomy_machine(automaton, self.style, LIMITS[0]))
        self.work.limit = limit
        return made if isinstance(made, InputError) else self._reduced(made, 0)

    def _reduced(self, machine: ChannelMachine, nesting: int) -> Found | InputError:
        """The machine without the channels that it can do without. Ways that differ often lead to the same machine."""
        stack = self.inner if nesting else self.stack
        arrays = machine.residues, machine.following, machine.decode
        key = machine.moduli, *(array.tobytes() for array in arrays), stack
        if key not in self.cut:
            self.cut[key] = self._reduced_anew(machine, stack, nesting)
        return self.cut[key]

    def _reduced_anew(self, machine: ChannelMachine, stack: tuple[Family, ...], nesting: int) -> Found | InputError:
        found = reduced(machine, stack, self.work)
        if found is None and len(stack) > 1:
            apart = split(machine, self.style.real, LIMITS[nesting])
            found = reduced(apart, stack, self.work) if apart is not None else None
        if found is None:
            who = f"{stack[0].title} layers" if len(stack) == 1 else f"the stack {names(stack)}"
            return InputError(f"{who} cannot carry the decomposition")
        return Found(*found)

    def _attempts(self, automaton: Automaton, nesting: int, best: list[Found]) -> Iterator[ChannelMachine | InputError]:
        """Machines, one after the other; an error where a way is closed. `best` holds the best so far, if any."""
        apart = 2 < automaton.count <= MAX_STATES_TAKEN_APART and nesting < MAX_NESTING
        walk = walk_of(automaton)
        if walk is not None:
            yield self._tried(lambda: walk_machine(automaton, walk, LIMITS[nesting], self.work))
        try:
            holonomy = Holonomy.of(automaton)
        except InputError as error:
            yield error
            return
        self.work.spend(holonomy.work)
        height = holonomy.height
        if height <= FLAT:
            yield self._tried(lambda: self._holonomy(automaton, nesting))
        several = separating_congruences(automaton) if apart else []
        pieces = needed(several)
        if len(pieces) > 1:
            yield self._tried(lambda: self._side_by_side(automaton, pieces, nesting))
        if height > FLAT and not (best and len(best[0].layers) <= height):
            yield self._tried(lambda: self._holonomy(automaton, nesting))
        for blocks in proper_congruences(automaton, MAX_TRIED) if apart else []:
            yield self._tried(partial(self._one_above, automaton, blocks, nesting))
        if apart and len(self.stack) > 1:
            yield self._tried(partial(self._group_below, automaton, nesting))
        if len(several) > 1:  # what one more piece holds may let a channel of another be left out
            yield self._tried(lambda: self._side_by_side(automaton, several, MAX_NESTING))
        if len(several) > len(pieces):
            yield self._tried(lambda: self._side_by_side(automaton, several, nesting))

    @staticmethod
    def _tried(make: Callable[[], ChannelMachine]) -> ChannelMachine | InputError:
        try:
            return make()
        except InputError as error:
            return error

    def _holonomy(self, automaton: Automaton, nesting: int) -> ChannelMachine:
        made = holonomy_machine(automaton, self.style, LIMITS[nesting], self.work)
        self.has_holonomy = self.has_holonomy or nesting == 0
        return made

    def _side_by_side(self, automaton: Automaton, pieces: list[Partition], nesting: int) -> ChannelMachine:
        quotients = [quotient(automaton, blocks) for blocks in pieces]
        if nesting == MAX_NESTING:  # the holonomy decomposition of each, as it is
            limit = LIMITS[-1]
            made = [holonomy_machine(one, self.style, limit, self.work) for one in quotients]
            machines = [found.machine for found in (self._reduced(one, 1) for one in made) if isinstance(found, Found)]
            if len(machines) < len(made):
                raise InputError(f"{automaton.name}: a quotient cannot be carried")
        else:
            machines = [self.best(one, 1, nesting + 1).machine for one in quotients]
        places = [{block: i for i, block in enumerate(sorted(set(blocks)))} for blocks in pieces]
        decode = {
            tuple(place[blocks[q]] for place, blocks in zip(places, pieces, strict=True)): q
            for q in range(automaton.count)
        }
        return product(machines, decode, automaton.name, LIMITS[min(nesting, 2)], self.work)

    def _group_below(self, automaton: Automaton, nesting: int) -> ChannelMachine:
        """The group of the letters that permute the states, and above it r, which the other letters alone move."""
        columns = [tuple(column) for column in automaton.table.T.tolist()]
        permuting = [len(set(column)) == automaton.count for column in columns]
        if all(permuting) or not any(permuting):
            raise InputError(f"{automaton.name}: its letters are of one kind")
        identity = tuple(range(automaton.count))
        number = {identity: 0}
        elements, rows = [identity], []
        for g in elements:  # grows while it is walked
            row = []
            for column, permutes in zip(columns, permuting, strict=True):
                moved = tuple(column[q] for q in g) if permutes else g
                if moved not in number:
                    number[moved] = len(elements)
                    elements.append(moved)
                row.append(number[moved])
            rows.append(row)
            if len(elements) > MAX_GROUP:
                raise InputError(
                    f"{automaton.name}: its permuting letters generate too large a group; `inspect` judges it"
                )
        known: dict[tuple[int, ...], int] = {identity: 0}
        letter: dict[tuple[int, int], int] = {}
        for i, g in enumerate(elements):
            back = sorted(range(automaton.count), key=g.__getitem__)
            for x, column in enumerate(columns):
                moved = identity if permuting[x] else tuple(back[column[q]] for q in g)
                letter[i, x] = known.setdefault(moved, len(known))
        rest = _made(automaton, list(known), automaton.start)
        lower = self.best(_made(automaton, list(zip(*rows, strict=True)), 0), 1, nesting + 1).machine
        upper = self.best(rest, 1, nesting + 1).machine
        return _stacked(automaton, lower, upper, letter, lambda g, r: elements[g][r], LIMITS[nesting + 1], self.work)

    def _one_above(self, automaton: Automaton, blocks: Partition, nesting: int) -> ChannelMachine:
        """The quotient's machine, and above it one that holds which state of the block it is."""
        names = sorted(set(blocks))
        place = {block: i for i, block in enumerate(names)}
        labels = _labels(automaton, blocks)
        rest, columns = _on_labels(automaton, [place[block] for block in blocks], labels)
        lower = self.best(quotient(automaton, blocks), 1, nesting + 1).machine
        upper = self.best(rest, 1, nesting + 1).machine
        state = {(place[blocks[q]], int(labels[q])): q for q in range(automaton.count)}
        return _stacked(
            automaton, lower, upper, columns, lambda block, label: state[block, label], LIMITS[nesting + 1], self.work
        )


def _stacked(
    automaton: Automaton,
    lower: ChannelMachine,
    upper: ChannelMachine,
    letter: dict[tuple[int, int], int],
    decode: Callable[[int, int], int],
    limit: int,
    work: Work,
) -> ChannelMachine:
    """A machine on top of another: it reads `letter` of what the lower one decodes to and the token."""
    below, above = lower.following.tolist(), upper.following.tolist()
    low_of, high_of = lower.decode.tolist(), upper.decode.tolist()
    low, high = lower.residues.tolist(), upper.residues.tolist()
    return explore(
        (*lower.moduli, *upper.moduli),
        (0, 0),
        lambda s, x: (below[s[0]][x], above[s[1]][letter[low_of[s[0]], x]]),
        automaton.width,
        lambda s: decode(low_of[s[0]], high_of[s[1]]),
        lambda s: (*low[s[0]], *high[s[1]]),
        automaton.name,
        limit,
        work,
    )


def _made(automaton: Automaton, columns: Sequence[tuple[int, ...]], start: int) -> Automaton:
    """An automaton from what its letters do, under the name of the one that it is a piece of.

    Raises:
        InputError: there are too many letters.
    """
    if len(columns) > MAX_LETTERS:
        raise InputError(f"{automaton.name}: too many different actions on a piece of it; `inspect` judges it")
    table = np.array(columns, dtype=np.int32).T
    states = tuple(map(str, range(len(table))))
    return Automaton(automaton.name, table, tuple(map(str, range(len(columns)))), states, start)


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
    return _made(automaton, list(known), int(labels[automaton.start])), columns


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
