"""The cascade of the holonomy decomposition, as a machine of channels.

Every height of the decomposition is a permutation-reset component. Where a holonomy group is trivial it is a register
of tiles. Else a tile is held as (orbit, g), the base tile of the orbit times g: a register for the orbit, and for g the
residues that the group compiler gives it, layer by layer of the group's series for the families. Classes of one height
are never active at the same time, so they share channels of equal moduli. A class that is left is cleared to 0, so that
states which differ only in what no longer counts are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import Automaton
from ...algebra.automata.holonomy import Holonomy, HolonomyClass
from ...algebra.depth.decomposition import Decomposition, decompose
from ...algebra.depth.families import Family, names
from ...algebra.depth.series import shortest_series, verbal_series
from ...algebra.groups.group import Group
from ...common.errors import InputError
from ..cascade import compile_cascade
from .machine import MAX_TRANSITIONS, ChannelMachine, Work, explore

MAX_GROUP = 2_000
"""Largest holonomy group that is compiled by its multiplication table."""


def digits(value: int, count: int) -> tuple[int, ...]:
    """A number in binary, the most significant digit first."""
    return tuple(value >> i & 1 for i in reversed(range(count)))


@dataclass(frozen=True)
class Style:
    """What the channels of a decomposition look like.

    Arguments:
        real: whether registers are binary digits, which signs can hold, or one channel.
        stack: the families by whose series groups are taken apart; one stands for any number of layers.
    """

    real: bool
    stack: tuple[Family, ...]


def register(values: int, real: bool) -> tuple[int, ...]:
    """The moduli of a register of so many values: one channel, or binary digits where states are real."""
    if values < 2:
        return ()
    return (2,) * (values - 1).bit_length() if real else (values,)


def group_residues(group: Group, stack: Sequence[Family]) -> tuple[tuple[tuple[int, ...], ...], NDArray[np.int32]]:
    """The moduli of each layer of a group's cascade, and for every element the residues of all its channels."""
    series = shortest_series(group, stack[0]) if len(stack) == 1 else verbal_series(group, stack)
    if not series.is_complete:
        who = f"no number of {stack[0].title} layers" if len(stack) == 1 else f"no stack {names(stack)}"
        raise InputError(f"{who} carries the holonomy group of order {group.order}")
    if group.order > MAX_GROUP:
        raise InputError(
            f"a holonomy group of order {group.order:,}; at most {MAX_GROUP:,} are compiled; "
            "`inspect` says what it needs"
        )
    found: Decomposition = decompose(series)
    cascade = compile_cascade(found, np.arange(1))
    moduli = tuple(own.moduli for own in cascade.layers)
    residues = np.empty((group.order, len(cascade.moduli)), dtype=np.int32)
    residues[cascade.decode] = np.stack(np.unravel_index(np.arange(group.order), cascade.moduli), axis=1)
    return moduli, residues


@dataclass(frozen=True, eq=False)
class _Coordinates:
    """How a class's tiles sit in the channels of its height: `held[orbit][element]` are all residues there."""

    held: dict[tuple[int, int], tuple[int, ...]]


class _Level:
    """The channels of one height."""

    def __init__(self, classes: tuple[HolonomyClass, ...], style: Style) -> None:
        carried = {own.representative: group_residues(own.group, style.stack) for own in classes if own.group.order > 1}
        self.moduli: list[int] = list(register(max(len(own.bases) for own in classes), style.real))
        wide = len(self.moduli)
        self.coordinates: dict[int, _Coordinates] = {}
        places: dict[int, list[int]] = {}
        depth = max((len(moduli) for moduli, _ in carried.values()), default=0)
        for sub in range(depth):
            slots: list[int] = []  # channels of this sub-layer, shared by the classes
            for key, (moduli, _) in carried.items():
                free = list(slots)
                for n in moduli[sub] if sub < len(moduli) else ():
                    slot = next((s for s in free if self.moduli[s] == n), None)
                    if slot is None:
                        slot = len(self.moduli)
                        self.moduli.append(n)
                        slots.append(slot)
                    else:
                        free.remove(slot)
                    places.setdefault(key, []).append(slot)
        for own in classes:
            held = {}
            rows = carried[own.representative][1].tolist() if own.group.order > 1 else [[]]
            for orbit in range(len(own.bases)):
                for element, residues in enumerate(rows):
                    vector = [0] * len(self.moduli)
                    if wide:
                        vector[:wide] = digits(orbit, wide) if style.real else (orbit,)
                    for slot, residue in zip(places.get(own.representative, ()), residues, strict=True):
                        vector[slot] = residue
                    held[orbit, element] = tuple(vector)
            self.coordinates[own.representative] = _Coordinates(held)


Held = tuple[int, int, int]
"""At one height: the representative of the active class, an orbit, an element; `IDLE` where none is active."""

IDLE: Held = (-1, 0, 0)


class _Chains:
    """Chains of tiles as tuples (height after height), and what letters do to them."""

    def __init__(self, automaton: Automaton, style: Style) -> None:
        self.holonomy = Holonomy.of(automaton)
        self.levels = [_Level(level, style) for level in self.holonomy.levels]
        self.heights = list(range(self.holonomy.height, 0, -1))
        self._steps: dict[tuple[int, int, int, Held, int], tuple[Held, int, int]] = {}

    def start(self, state: int) -> tuple[Held, ...]:
        """A chain that ends at a state."""
        holonomy = self.holonomy
        point = holonomy.number[1 << state]
        held, image = [], 0
        for height in self.heights:
            if holonomy.heights[holonomy.class_of[image]] == height:
                position = holonomy.position_around(image, point)
                held.append(self._held(image, position))
                image = holonomy.tile(image, position)
            else:
                held.append(IDLE)
        return tuple(held)

    def end(self, chain: tuple[Held, ...]) -> int:
        """The state at the end of a chain."""
        image = 0
        for held in chain:
            if held != IDLE:
                image = self.holonomy.tile(image, self._position(held))
        return self.holonomy.states(image)[0]

    def step(self, chain: tuple[Held, ...], letter: int) -> tuple[Held, ...]:
        old = new = 0
        after = []
        for height, held in zip(self.heights, chain, strict=True):
            key = height, old, new, held, letter
            if key not in self._steps:
                self._steps[key] = self._step(height, old, new, held, letter)
            now, old, new = self._steps[key]
            after.append(now)
        return tuple(after)

    def _step(self, height: int, old: int, new: int, held: Held, letter: int) -> tuple[Held, int, int]:
        """At one height: what is held after the letter, and the next members of the old and the new chain."""
        holonomy = self.holonomy
        below = old if held == IDLE else holonomy.tile(old, self._position(held))
        if holonomy.heights[holonomy.class_of[new]] < height:
            return IDLE, below, new
        moved = holonomy.following[old][letter]
        if moved == new:
            own = holonomy.owner(old)
            element = own.group.times(held[2], holonomy.element_of(old, letter))
            now = (held[0], held[1], element)
        else:
            now = self._held(new, holonomy.position_around(new, moved))
        return now, below, holonomy.tile(new, self._position(now))

    def _held(self, image: int, position: int) -> Held:
        own = self.holonomy.owner(image)
        orbit, element = own.coordinates[position].tolist()
        return own.representative, orbit, element

    def _position(self, held: Held) -> int:
        own = self.holonomy.owner(held[0])
        return int(own.group.elements[held[2], own.bases[held[1]]])

    def residues(self, chain: tuple[Held, ...]) -> tuple[int, ...]:
        """All channels of a chain, greatest height first."""
        found: list[int] = []
        for level, held in zip(self.levels, chain, strict=True):
            found += [0] * len(level.moduli) if held == IDLE else level.coordinates[held[0]].held[held[1:]]
        return tuple(found)


def holonomy_machine(
    automaton: Automaton, style: Style, limit: int = MAX_TRANSITIONS, work: Work | None = None
) -> ChannelMachine:
    """The machine of the holonomy decomposition; its channels stand in an order in which each reads those before it.

    Raises:
        InputError: there are too many images or states, or the families cannot carry a holonomy group.
    """
    chains = _Chains(automaton, style)
    # Two chains that look the same in the channels are the same: which class is active at a height, and so what its
    # channels mean, is determined by greater heights.
    return explore(
        [n for level in chains.levels for n in level.moduli],
        chains.start(automaton.start),
        chains.step,
        automaton.width,
        chains.end,
        chains.residues,
        automaton.name,
        limit,
        work,
    )
