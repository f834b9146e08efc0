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
from .machine import MAX_TRANSITIONS, UNITS, ChannelMachine, Work, explore

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
    """Chains of tiles, height after height from the greatest, and what letters do to them.

    What a letter does at a height depends on greater heights alone. So chains stand in a tree, and what letters do is
    worked out once for all that begin alike. A chain is the number of its node; node 0 is the empty one.
    """

    def __init__(self, automaton: Automaton, style: Style) -> None:
        self.holonomy = Holonomy.of(automaton)
        self.letters = range(automaton.width)
        self.levels = [_Level(level, style) for level in self.holonomy.levels]
        self.heights = list(range(self.holonomy.height, 0, -1))
        self.idle = [(0,) * len(level.moduli) for level in self.levels]
        self._steps: dict[tuple[int, int, int, Held, int], tuple[Held, int, int]] = {}
        self._longer: dict[tuple[int, Held], int] = {}
        self.parent, self.held, self.depth = [0], [IDLE], [0]
        self.images = [0]
        """The last member of each chain."""
        self.residues: list[tuple[int, ...]] = [()]
        """All its channels, greatest height first."""
        self._after: list[list[tuple[int, int, int]] | None] = [[(0, 0, 0) for _ in self.letters]]

    def _with(self, chain: int, held: Held) -> int:
        """The chain that goes on by one height."""
        found = self._longer.get((chain, held))
        if found is None:
            found = self._longer[chain, held] = len(self.parent)
            depth = self.depth[chain]
            image, residues = self.images[chain], self.residues[chain]
            self.parent.append(chain)
            self.held.append(held)
            self.depth.append(depth + 1)
            self._after.append(None)
            if held == IDLE:
                self.images.append(image)
                self.residues.append(residues + self.idle[depth])
            else:
                self.images.append(self.holonomy.tile(image, self._position(held)))
                self.residues.append(residues + self.levels[depth].coordinates[held[0]].held[held[1:]])
        return found

    def start(self, state: int) -> int:
        """A chain that ends at a state."""
        holonomy = self.holonomy
        point = holonomy.number[1 << state]
        chain = 0
        for height in self.heights:
            image = self.images[chain]
            if holonomy.heights[holonomy.class_of[image]] == height:
                chain = self._with(chain, self._held(image, holonomy.position_around(image, point)))
            else:
                chain = self._with(chain, IDLE)
        return chain

    def end(self, chain: int) -> int:
        """The state at the end of a chain."""
        return self.holonomy.states(self.images[chain])[0]

    def step(self, chain: int, letter: int) -> int:
        """The chain after a letter."""
        if self._after[chain] is None:
            missing = [chain]
            while self._after[self.parent[missing[-1]]] is None:
                missing.append(self.parent[missing[-1]])
            for node in reversed(missing):
                self._after[node] = self._steps_of(node)
        after = self._after[chain]
        assert after is not None
        return after[letter][0]

    def _steps_of(self, chain: int) -> list[tuple[int, int, int]]:
        """For each letter the chain after it, and the next members of the old and the new chain."""
        shorter = self._after[self.parent[chain]]
        assert shorter is not None
        height, held = self.heights[self.depth[chain] - 1], self.held[chain]
        found = []
        for letter, (after, old, new) in zip(self.letters, shorter, strict=True):
            key = height, old, new, held, letter
            step = self._steps.get(key)
            if step is None:
                step = self._steps[key] = self._step(height, old, new, held, letter)
            found.append((self._with(after, step[0]), step[1], step[2]))
        return found

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


def holonomy_machine(
    automaton: Automaton, style: Style, limit: int = MAX_TRANSITIONS, work: Work | None = None
) -> ChannelMachine:
    """The machine of the holonomy decomposition; its channels stand in an order in which each reads those before it.

    Raises:
        InputError: there are too many images or states, or the families cannot carry a holonomy group.
    """
    holonomy = Holonomy.of(automaton)
    grouped = any(own.group.order > 1 for level in holonomy.levels for own in level)
    key = automaton.start, style.real, style.stack if grouped else (), limit
    kept = holonomy.machines.get(key)
    if kept is not None:  # other families, and pieces of pieces, ask for the same one
        assert isinstance(kept, ChannelMachine)
        if work is not None:
            work.spend(UNITS * kept.following.size)
        return kept
    chains = _Chains(automaton, style)
    # Two chains that look the same in the channels are the same: which class is active at a height, and so what its
    # channels mean, is determined by greater heights.
    made = explore(
        [n for level in chains.levels for n in level.moduli],
        chains.start(automaton.start),
        chains.step,
        automaton.width,
        chains.end,
        chains.residues.__getitem__,
        automaton.name,
        limit,
        work,
    )
    holonomy.machines[key] = made
    return made
