"""Walks between walls: two layers, a counter and registers above it, for any number of places.

Let every letter x act on places 0 … m-1 as q ↦ min(max(q + k, low), high), with k, low and high of its own. Count the
steps that walls ignore: s is the sum of all k. Then d = s - q changes only where a wall holds the walk back, so whether
d ≥ j is a register: letters set it where s comes to the ends of the window j ≤ s < j + m - 1, and leave it in between.
Of the m - 1 thresholds in the window each has its own residue modulo m - 1, so a counter modulo m - 1 and as many
binary registers hold the walk; q is the number of registers that hold 0. (The holonomy decomposition needs m - 1 layers
and 2^(m-1) states: registers alone cannot do it in a bounded number of layers.) docs/mathematics.md has the proof.

Where steps beyond the walls lead to a state that is never left, as brackets nested too deeply do, a register more, in a
third layer, says whether that has happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...algebra.automata.automaton import Automaton
from ...common.errors import InputError
from .machine import ChannelMachine, Work, explore

LEAST_PLACES = 3
"""Of fewer places the holonomy decomposition is as good."""


@dataclass(frozen=True)
class Walk:
    """A walk between walls.

    Arguments:
        places: the automaton's states along the line.
        sink: the state beyond the walls that is never left; None where walls hold the walk back.
        steps: for each letter k, and where it leads each place.
    """

    places: tuple[int, ...]
    sink: int | None
    steps: tuple[tuple[int, tuple[int, ...]], ...]


def walk_of(automaton: Automaton) -> Walk | None:
    """The walk that an automaton is; None where it is none."""
    table = automaton.table.tolist()
    sinks = [q for q, row in enumerate(table) if set(row) == {q} and q != automaton.start]
    for sink in [None, *sinks] if len(sinks) < 2 else []:
        count = automaton.count - (sink is not None)
        if count < LEAST_PLACES:
            continue
        columns = [[row[x] for row in table] for x in range(automaton.width)]
        for column in columns:
            places = _line(column, sink)
            if len(places) == count:
                number = {q: i for i, q in enumerate(places)}
                maps = [[number.get(column[q]) for q in places] for column in columns]
                steps = [_step(images) for images in maps]
                if all(step is not None for step in steps):
                    return Walk(tuple(places), sink, tuple(step for step in steps if step is not None))
    return None


def _line(column: Sequence[int], sink: int | None) -> list[int]:
    """The states that a letter leads through, one after the other, from the one that it leads nothing to."""
    images = {q for p, q in enumerate(column) if p != q}
    first = [q for q in range(len(column)) if q not in images and q != sink]
    if len(first) != 1:
        return []
    found = [first[0]]
    while column[found[-1]] not in (found[-1], sink):
        found.append(column[found[-1]])
        if len(found) > len(column):
            return []
    return found


def _step(images: Sequence[int | None]) -> tuple[int, tuple[int, ...]] | None:
    """k, and where all places are led; None where that is no step between walls. Where an image is None the walk ends,
    and any place will do."""
    held = [(q, image) for q, image in enumerate(images) if image is not None]
    if not held:
        return 0, tuple(range(len(images)))
    whole = len(held) == len(images)
    low, high = (held[0][1], held[-1][1]) if whole else (0, len(images) - 1)
    k = next((a - q for (q, a), (_, b) in pairwise(held) if b == a + 1), held[0][1] - held[0][0])
    if whole and low == high:
        k = 0
    made = tuple(min(max(q + k, low), high) for q in range(len(images)))
    return (k, made) if all(made[q] == image for q, image in held) else None


def walk_machine(automaton: Automaton, walk: Walk, limit: int, work: Work | None = None) -> ChannelMachine:
    """The machine of a walk: the counter, the registers, and where there is a sink one register more.

    Raises:
        InputError: it has more transitions than the limit.
    """
    n = len(walk.places) - 1
    if (n + 1) * n * automaton.width * (1 + (walk.sink is not None)) * (n + 2) > 64 * limit:
        raise InputError(
            f"{automaton.name}: a walk of {n + 1:,} places has too large a machine; `inspect` says what it needs"
        )
    sink = walk.sink
    number = {q: i for i, q in enumerate(walk.places)}
    ends = [[automaton.table[q, x] == sink for x in range(automaton.width)] for q in walk.places]
    State = tuple[int, int, bool]

    def step(state: State, x: int) -> State:
        count, place, ended = state
        k, images = walk.steps[x]
        return (count + k) % n, images[place], ended or bool(ends[place][x])

    def residues(state: State) -> list[int]:
        count, place, ended = state
        registers = [0] * n
        for j in range(count - n + 1, count + 1):
            registers[j % n] = int(count - place >= j)
        return [count, *registers, *([int(ended)] if sink is not None else [])]

    def decode(state: State) -> int:
        return sink if state[2] and sink is not None else walk.places[state[1]]

    moduli = [n, *[2] * n, *([2] if sink is not None else [])]
    start = 0, number[automaton.start], False
    return explore(moduli, start, step, automaton.width, decode, residues, automaton.name, limit, work)
