"""Machines of channels: what the decompositions of an automaton have in common, and the passes over them.

A machine has channels with moduli, reachable states (one residue a channel), and a table of next states. Whether a
token *adds* to a channel or *sets* it is not written down but read off: over all reachable states with the same token
and the same residues in the channels it reads, a channel must either move by one constant, or end at one value.
So channels can be dropped, and moved to the first layer where what they need is known, whatever they came from.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import repeat
from types import ModuleType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import Automaton
from ...algebra.depth.families import Family
from ...common.errors import InputError

State = TypeVar("State", bound=Hashable)

MAX_TRANSITIONS = 400_000
"""Reachable states × letters of a machine beyond which it is refused."""


UNITS = 8
"""Work of one transition that is written down."""

COMPILED_FROM = 200_000
"""Work of a search from which on numba is worth its import."""

LAST_PASS = 20_000_000
"""States × letters × channels² up to which a search that is at its limit still tries to drop each channel once."""


_loops: ModuleType | None = None


class OutOfWorkError(Exception):
    """A search has worked for as long as it may."""


class Work:
    """Work done by a search, in units of about a microsecond, and the limit at which it stops.

    It is counted from sizes, not timed: the same automaton has the same answer on every machine.
    """

    def __init__(self) -> None:
        self.done = 0
        self.limit: int | None = None

    @property
    def is_spent(self) -> bool:
        return self.limit is not None and self.done > self.limit

    def spend(self, units: float) -> None:
        """Count some work. Raises `OutOfWorkError` beyond the limit."""
        self.done += int(units)
        if self.done > COMPILED_FROM:
            compile_loops()
        if self.is_spent:
            raise OutOfWorkError(f"its decompositions need more than {self.limit:,} units of work")


@dataclass(frozen=True, eq=False)
class ChannelMachine:
    """A machine that tracks an automaton.

    Arguments:
        moduli: one for each channel.
        residues: shape (states, channels): the reachable states, state 0 the initial one, no two rows equal.
        following: shape (states, letters): next states.
        decode: shape (states,): the automaton's state.
    """

    moduli: tuple[int, ...]
    residues: NDArray[np.int32]
    following: NDArray[np.int32]
    decode: NDArray[np.int32]

    @property
    def states(self) -> int:
        return len(self.residues)

    def without(self, channel: int) -> ChannelMachine | None:
        """The machine that does not keep one channel; None where the others do not determine next states and output."""
        if _loops is not None and not _loops.can_drop(self.residues, self.following, self.decode, channel):
            return None
        kept = [c for c in range(len(self.moduli)) if c != channel]
        first, place = distinct(self.residues[:, kept], [self.moduli[c] for c in kept])
        rows = self.residues[first][:, kept]
        following = place[self.following]
        if (self.decode[first][place] != self.decode).any() or (following[first][place] != following).any():
            return None
        order = np.concatenate([[place[0]], np.delete(np.arange(len(rows)), place[0])])
        renumbered = np.empty(len(rows), dtype=np.int32)
        renumbered[order] = np.arange(len(rows), dtype=np.int32)
        return ChannelMachine(
            tuple(self.moduli[c] for c in kept),
            rows[order],
            renumbered[following[first][order]],
            self.decode[first][order],
        )


def distinct(rows: NDArray[np.int32], moduli: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The place of the first of each different row of residues, in lexicographic order, and for each row its number."""
    key = np.zeros(len(rows), dtype=np.int64)
    begin, size = 0, 1  # `size` bounds what the channels before `begin` make of a key
    for end in range(1, len(moduli) + 1):
        if end == len(moduli) or size * math.prod(moduli[begin : end + 1]) >= 2**62:
            weights = np.cumprod([1, *reversed(moduli[begin + 1 : end])], dtype=np.int64)[::-1]
            key = key * math.prod(moduli[begin:end]) + rows[:, begin:end] @ weights
            if end < len(moduli):  # a number of 64 bits holds no more: numbers of the rows so far, in their order
                key = np.unique(key, return_inverse=True)[1].reshape(-1).astype(np.int64)
                begin, size = end, len(rows)
    order = key.argsort(kind="stable")  # `np.unique`, without what it does around this
    ascending = key[order]
    new = np.empty(len(rows), dtype=bool)
    new[:1] = True
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    place = np.empty(len(rows), dtype=np.intp)
    place[order] = new.cumsum() - 1
    return order[new], place


def explore(
    moduli: Sequence[int],
    start: State,
    step: Callable[[State, int], State],
    letters: int,
    decode: Callable[[State], int],
    residues: Callable[[State], Sequence[int]],
    name: str,
    limit: int = MAX_TRANSITIONS,
    work: Work | None = None,
) -> ChannelMachine:
    """The machine of all states that can be reached; states are any values, `residues` gives their channels.

    Raises:
        InputError: there are more transitions than the limit.
    """
    number = {start: 0}
    found = [start]
    following: list[list[int]] = []
    for state in found:  # grows while it is walked
        row = []
        for x in range(letters):
            after = step(state, x)
            if after not in number:
                number[after] = len(found)
                found.append(after)
            row.append(number[after])
        following.append(row)
        if work is not None:
            work.spend(UNITS * letters)
        if len(found) * letters > limit:
            raise InputError(
                f"{name}: its cascade has more than {len(found):,} states × {letters} letters; "
                f"at most {limit:,} transitions are written down; `inspect` says what it needs"
            )
    held = np.array([residues(state) for state in found], dtype=np.int32).reshape(len(found), len(moduli))
    return ChannelMachine(
        tuple(moduli), held, np.array(following, dtype=np.int32), np.array([decode(s) for s in found], dtype=np.int32)
    )


def product(
    machines: Sequence[ChannelMachine],
    decode: dict[tuple[int, ...], int],
    name: str,
    limit: int = MAX_TRANSITIONS,
    work: Work | None = None,
) -> ChannelMachine:
    """Machines side by side over the same letters; `decode` takes the tuple of what they decode to."""
    tables = [machine.following.tolist() for machine in machines]
    rows = [[tuple(row) for row in machine.residues.tolist()] for machine in machines]
    outputs = [machine.decode.tolist() for machine in machines]
    return explore(
        [n for machine in machines for n in machine.moduli],
        (0,) * len(machines),
        lambda state, x: tuple(table[s][x] for table, s in zip(tables, state, strict=True)),
        machines[0].following.shape[1],
        lambda state: decode[tuple(output[s] for output, s in zip(outputs, state, strict=True))],
        lambda state: tuple(r for row, s in zip(rows, state, strict=True) for r in row[s]),
        name,
        limit,
        work,
    )


# ---------------------------------------------------------------------- what channels read


@dataclass(frozen=True, eq=False)
class Update:
    """What tokens do to a channel, by the residues it reads.

    Arguments:
        reads: the channels it reads, in order.
        seen: shape (cases, reads): the residues of those channels, each combination that is reachable, once.
        sets: shape (cases, letters): whether the token sets the channel.
        values: shape (cases, letters): what it is set to, or what is added.
    """

    reads: tuple[int, ...]
    seen: NDArray[np.int32]
    sets: NDArray[np.bool_]
    values: NDArray[np.int32]


def update(machine: ChannelMachine, channel: int, reads: Sequence[int], layer: Family) -> Update | None:
    """How a channel is updated when it reads some others; None where that is not enough, or the family cannot do it."""
    n = machine.moduli[channel]
    if not _holds(layer, n):
        return None
    own = machine.residues[:, channel]
    new = own[machine.following]
    moved = (new - own[:, None]) % n
    chosen = tuple(reads)
    first, case = distinct(machine.residues[:, chosen], [machine.moduli[c] for c in chosen])
    seen = machine.residues[first][:, chosen]
    steady = _agree(moved, first, case)  # one constant is added
    constant = _agree(new, first, case)  # one value results
    moved, new = moved[first], new[first]
    addable = steady & (_turns(layer, n) | (moved == 0))
    settable = constant & layer.resets
    if not (addable | settable).all():
        return None
    kept = steady & (moved == 0)
    sets = settable & ~kept
    return Update(chosen, seen, sets, np.where(sets, new, moved).astype(np.int32))


def _agree(values: NDArray[np.int32], first: NDArray[np.intp], case: NDArray[np.intp]) -> NDArray[np.bool_]:
    """For each case and letter (and channel) whether all states of the case have the value of its first state."""
    same = np.ones((len(first), *values.shape[1:]), dtype=bool)
    state, *where = np.nonzero(values != values[first][case])
    same[(case[state], *where)] = False
    return same


class _Placing:
    """Which channels may stand in a layer, all channels of a machine at once."""

    def __init__(self, machine: ChannelMachine) -> None:
        self.machine = machine
        self.new = machine.residues[machine.following]  # (states, letters, channels)
        self.moved = (self.new - machine.residues[:, None]) % np.array(machine.moduli, dtype=np.int32)

    def fitting(self, left: list[int], placed: list[int], layer: Family) -> list[int]:
        """The channels of `left` for which `update` finds a way, reading those that are placed."""
        moduli = self.machine.moduli
        chosen = [c for c in left if _holds(layer, moduli[c])]
        if not chosen:
            return []
        first, case = distinct(self.machine.residues[:, placed], [moduli[c] for c in placed])
        moved, new = self.moved[:, :, chosen], self.new[:, :, chosen]
        turns = np.array([_turns(layer, moduli[c]) for c in chosen])
        fits = _agree(moved, first, case) & (turns | (moved[first] == 0))
        if layer.resets:
            fits |= _agree(new, first, case)
        return [c for c, fit in zip(chosen, fits.all(axis=(0, 1)), strict=True) if fit]


def _holds(layer: Family, modulus: int) -> bool:
    return not layer.real or modulus == 2


def _turns(layer: Family, modulus: int) -> bool:
    """Whether something other than 0 can be added."""
    return layer.exponent == 0 or (layer.exponent == 2 and modulus == 2)


def _placed_by_loops(machine: ChannelMachine, stack: Sequence[Family], most: int | None) -> list[list[int]] | None:
    """`layers_of`, compiled."""
    assert _loops is not None
    moduli = machine.moduli
    found = _loops.placed(
        machine.residues,
        machine.following,
        np.array(moduli, dtype=np.int64),
        np.array([[_holds(layer, n) for n in moduli] for layer in stack]),
        np.array([[_turns(layer, n) for n in moduli] for layer in stack]),
        np.array([layer.resets for layer in stack]),
        len(moduli) + len(stack) if most is None else most,
    ).tolist()
    if -1 in found:
        return None
    return [[c for c, own in enumerate(found) if own == i] for i in range(max(found) + 1)]


def compile_loops() -> None:
    """From now on the loops over states are compiled ones, where numba is installed. It takes as long to load as small
    automata do, so a search asks for it when it has begun to take long."""
    global _loops
    if _loops is None and importlib.util.find_spec("numba"):
        from . import kernels

        _loops = kernels


def layers_of(machine: ChannelMachine, stack: Sequence[Family], most: int | None = None) -> list[list[int]] | None:
    """The channels in layers, each as early as what it reads and the layer's family allow; None where some channel
    cannot be placed, or there would be more than `most` layers.

    A stack of one family stands for any number of its layers. In a longer one a layer that has nothing to hold is
    empty. Early is best: a channel that is placed may be read, and need not be.
    """
    if _loops is not None and machine.moduli:
        return _placed_by_loops(machine, stack, most)
    placed: list[int] = []
    layers: list[list[int]] = []
    left = list(range(len(machine.moduli)))
    placing = _Placing(machine)
    for layer in stack if len(stack) > 1 else repeat(stack[0]):
        if not left:
            break
        if most is not None and len(layers) >= most:
            return None
        here = placing.fitting(left, placed, layer)
        if not here and len(stack) == 1:
            return None
        layers.append(here)
        placed = sorted(placed + here)
        left = [c for c in left if c not in here]
    return None if left else layers


def reduced(
    machine: ChannelMachine, stack: Sequence[Family], work: Work | None = None
) -> tuple[ChannelMachine, list[list[int]]] | None:
    """The machine without the channels that nothing needs, and its layers: channels of the last layers are tried
    first, and none is dropped where more layers would come of it. None where the stack cannot carry the machine.

    Where the work comes to its limit, each channel that is left is tried once more and no oftener, and in a machine
    that is very large none is.
    """
    layers = layers_of(machine, stack)
    if layers is None:
        return None
    try:
        dropped = True
        while dropped:
            dropped = False
            for channel in [c for own in reversed(layers) for c in reversed(own)]:
                if work is not None:
                    work.spend(60 + _cells(machine) / 25)
                smaller = machine.without(channel)
                if smaller is None:
                    continue
                if work is not None:
                    work.spend((60 + _cells(smaller) / 50) * (1 + len(layers)))
                fewer = layers_of(smaller, stack, len(layers))
                if fewer is not None:
                    machine, layers, dropped = smaller, fewer, True
                    break
    except OutOfWorkError:
        small = _cells(machine) * len(machine.moduli) <= LAST_PASS
        left = [c for own in layers for c in own] if small else []
        numbers = list(range(len(machine.moduli)))  # of the channels that are there, as in `left`
        for channel in reversed(left):
            smaller = machine.without(numbers.index(channel))
            fewer = layers_of(smaller, stack) if smaller is not None else None
            if smaller is not None and fewer is not None and len(fewer) <= len(layers):
                machine, layers = smaller, fewer
                numbers.remove(channel)
    return machine, layers


def _cells(machine: ChannelMachine) -> int:
    """States × letters × channels."""
    return machine.following.size * max(1, len(machine.moduli))


def least_reads(machine: ChannelMachine, channel: int, lower: Sequence[int], layer: Family) -> Update:
    """The update of a channel with as few channels read as dropping one after the other leaves, last layers first."""
    found = update(machine, channel, lower, layer)
    assert found is not None, "a channel was placed too early"
    for other in reversed(lower):
        fewer = update(machine, channel, [c for c in found.reads if c != other], layer)
        found = found if fewer is None else fewer
    return found


def trivial(automaton: Automaton) -> ChannelMachine:
    """The machine without channels, of an automaton with one state."""
    return ChannelMachine(
        (), np.zeros((1, 0), dtype=np.int32), np.zeros((1, automaton.width), dtype=np.int32), np.zeros(1, np.int32)
    )
