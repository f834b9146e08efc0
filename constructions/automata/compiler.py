"""From an automaton to its cascade: the best machine of channels, written as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ...algebra.automata.automaton import Automaton
from ...algebra.automata.monoid import TransitionMonoid
from ...algebra.depth.automaton_verdict import Verdict, stack_refusal, verdict
from ...algebra.depth.families import GATED_CIRCLE, Family, names
from ...algebra.tracked import TrackedAutomaton
from ...common.errors import InputError
from ...common.kinds import AUTOMATON
from ...common.wording import counted
from ..artifact import network_files
from ..cascade import Cascade, CascadeLayer, reachable_states
from ..compilation import Compilation
from ..verification import cases
from ..weights import Weights, weights_of
from .decomposition import Found, best_machine, machine_of_stack
from .machine import ChannelMachine, least_reads

if TYPE_CHECKING:
    from rich.console import RenderableType

MAX_TABLE_ENTRIES = 2**24
"""Largest number of entries, states × letters × channels, that a cascade's tables may have."""


@dataclass(frozen=True, eq=False, repr=False)
class AutomatonCompilation(Compilation):
    """Every intermediate form of the compilation of an automaton.

    Arguments:
        given: the automaton as it was given.
        automaton: minimal, or its reachable part where the state is the output: what is tracked.
        stack: the families, layer 1 first; one stands for any number of its layers.
        verdict: what is proved about the family and the automaton; None for a stack of several.
        found: the machine of channels.
        cascade: the exact machine as tables.
    """

    kind = AUTOMATON

    given: Automaton
    automaton: Automaton
    stack: tuple[Family, ...]
    verdict: Verdict | None
    found: Found
    cascade: Cascade

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.given.name

    @cached_property
    def tracked(self) -> TrackedAutomaton:
        return TrackedAutomaton(self.automaton)

    @cached_property
    def weights(self) -> Weights:
        return weights_of(self.cascade)

    def fault(self) -> str | None:
        return automaton_fault(self.cascade)

    @property
    def cases(self) -> str:
        return cases(self.cascade)

    def files(self) -> dict[str, bytes | str]:
        from .artifact import cascade_files

        return cascade_files(self) | network_files(self.weights)

    def title(self) -> str:
        layers = len(self.cascade.layers)
        if self.verdict is None:
            bound = f"the stack {names(self.stack)}"
        else:
            bound = "no fewer can" if self.verdict.least == layers else f"at least {self.verdict.least} needed"
        states, letters = counted(self.automaton.count, "state"), counted(self.automaton.width, "letter")
        return f"{self.name}: {states}, {counted(layers, 'layer')} ({bound}), {letters}"

    def layer_lines(self) -> list[str]:
        return [
            f"layer {i}: {layer.family}, moduli {' '.join(map(str, layer.moduli))}"
            for i, layer in enumerate(self.cascade.layers, 1)
        ]

    def account(self, width: int) -> Iterator[RenderableType]:
        """What each layer holds, and what letters do to it."""
        from .account import automaton_account

        yield from (Text(f"note: {note}", style="yellow") for note in self.automaton.notes)
        yield Text()
        yield from automaton_account(self.cascade, self.weights, width)

    def draw(self, path: Path) -> None:
        """Draw what letters do to each channel."""
        from .picture import draw

        draw(self, path)

    def page(self) -> dict[str, Any]:
        from ..pages.machine_page import automaton_data

        return automaton_data(self.cascade)


def compile_automaton(given: Automaton, *stack: Family) -> AutomatonCompilation:
    """Compile an automaton for a family, in as many layers as are found to be needed, or for a stack of several.

    Raises:
        InputError: the families cannot carry it (with the reason), no machine is found for the stack, there is no
            cascade (S4D), or the tables would be too large (with their size).
    """
    automaton = given.minimal()
    if automaton.count == 1:
        raise InputError(f"{given.name} has one state: 0 layers track it, there is nothing to compile; try parity")
    monoid = TransitionMonoid.of(automaton)
    if len(stack) > 1:
        reason = stack_refusal(monoid, stack)
        if reason is not None:
            raise InputError(f"{given.name}: the stack {names(stack)} cannot track it: {reason}")
        best = machine_of_stack(automaton, stack)
        return AutomatonCompilation(given, automaton, stack, None, best, cascade_of(automaton, best, stack))
    (layer,) = stack
    found = verdict(monoid, layer)
    if found.least is None:
        other = GATED_CIRCLE
        able = layer != other and verdict(monoid, other).least is not None
        out = f"compile it with --family {other.name}" if able else "`inspect` has every family"
        raise InputError(f"{given.name}: no number of {layer.title} layers can track it: {found.reason}; {out}")
    if layer.is_constant:
        raise InputError(
            f"{given.name}: one S4D layer holds its last letters as digits of a number, but no such weights are "
            "written; try --family mamba"
        )
    best = best_machine(automaton, layer, found.least)
    return AutomatonCompilation(given, automaton, stack, found, best, cascade_of(automaton, best, stack))


def cascade_of(automaton: Automaton, found: Found, stack: Sequence[Family]) -> Cascade:
    """The tables of a machine. Residues are counted from those of the initial state, which becomes state 0. Layers that
    a stack leaves empty are left out.

    Raises:
        InputError: the tables would be too large.
    """
    order = [c for own in found.layers for c in own]
    machine = _from_zero(found.machine)
    _require_size(automaton, [machine.moduli[c] for c in order])
    lower: list[int] = []
    layers = []
    families = stack if len(stack) > 1 else [stack[0]] * len(found.layers)
    for own, layer in zip(found.layers, families, strict=False):  # the last layers may be empty
        if own:
            layers.append(_layer(machine, own, lower, layer))
        lower += own
    moduli = [machine.moduli[c] for c in order]
    places = np.ravel_multi_index(tuple(machine.residues[:, order].T), moduli)
    decode = np.full(math.prod(moduli), -1, dtype=np.int32)
    decode[places] = machine.decode
    alphabet = np.arange(automaton.width, dtype=np.int32)
    elements = np.zeros((0, 0), dtype=np.uint8)
    return Cascade(automaton.name, elements, alphabet, tuple(layers), decode, automaton)


def _require_size(automaton: Automaton, moduli: list[int]) -> None:
    entries = math.prod(moduli) * automaton.width * len(moduli)
    if entries > MAX_TABLE_ENTRIES:
        raise InputError(
            f"{automaton.name}: tables of {math.prod(moduli):,} states × {counted(automaton.width, 'letter')} × "
            f"{counted(len(moduli), 'channel')} would be needed; at most {MAX_TABLE_ENTRIES:,} entries are written; "
            "`inspect` says what it needs"
        )


def _from_zero(machine: ChannelMachine) -> ChannelMachine:
    residues = (machine.residues - machine.residues[0]) % np.array(machine.moduli, dtype=np.int32)
    return ChannelMachine(machine.moduli, residues.astype(np.int32), machine.following, machine.decode)


def _layer(machine: ChannelMachine, own: list[int], lower: list[int], layer: Family) -> CascadeLayer:
    """One layer's tables over all lower states; entries depend on the least channels only, and where those cannot be
    reached nothing happens."""
    below = [machine.moduli[c] for c in lower]
    letters = machine.following.shape[1]
    increments = np.zeros((math.prod(below), letters, len(own)), dtype=np.int32)
    resets = np.zeros(increments.shape, dtype=bool)
    digits = np.stack(np.unravel_index(np.arange(math.prod(below)), below), axis=1) if below else np.zeros((1, 0), int)
    for j, channel in enumerate(own):
        update = least_reads(machine, channel, lower, layer)
        columns = [lower.index(c) for c in update.reads]
        case = _matching(digits[:, columns], update.seen, [machine.moduli[c] for c in update.reads])
        met = case >= 0
        increments[met, :, j] = update.values[case[met]]
        resets[met, :, j] = update.sets[case[met]]
    moduli = tuple(machine.moduli[c] for c in own)
    return CascadeLayer(layer.name, moduli, increments, resets if resets.any() else None)


def _matching(rows: NDArray[np.int64], seen: NDArray[np.int32], moduli: list[int]) -> NDArray[np.int64]:
    """For each row the number of the equal row of `seen`, or -1."""
    if not moduli:
        return np.zeros(len(rows), dtype=np.int64)
    place = np.full(math.prod(moduli), -1, dtype=np.int64)
    place[np.ravel_multi_index(tuple(seen.T), moduli)] = np.arange(len(seen))
    return place[np.ravel_multi_index(tuple(rows.T), moduli)]


def automaton_fault(cascade: Cascade) -> str | None:
    """Whether a cascade tracks its automaton on words of every length; None if it does, else what is wrong.

    From state 0, which must decode to the start, every reachable state s and every letter x is tried:
    decode(step(s, x)) = δ(decode(s), x). By induction on the length every word is then tracked.
    """
    automaton = cascade.automaton
    assert automaton is not None
    following = cascade.transitions()
    reached = np.flatnonzero(reachable_states(following))
    held = cascade.decode[reached]
    if (held < 0).any() or (held >= automaton.count).any():
        return f"state {reached[(held < 0) | (held >= automaton.count)][0]} can be reached and is not decoded"
    if cascade.decode[0] != automaton.start:
        return f"the initial state decodes to {cascade.decode[0]}, the automaton starts in {automaton.start}"
    wrong = np.argwhere(cascade.decode[following[reached]] != automaton.table[held])
    if len(wrong):
        place, letter = (int(i) for i in wrong[0])
        state = int(reached[place])
        return (
            f"state {state} ({automaton.states[held[place]]}) and letter {automaton.letters[letter]} lead to "
            f"{cascade.decode[following[state, letter]]}, the automaton to {automaton.table[held[place], letter]}"
        )
    return None
