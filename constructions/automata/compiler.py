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
from ..cascade import Cascade, CascadeLayer, row_numbers
from ..compilation import Compilation
from ..verification import cases
from ..weights import Weights, weights_of
from .decomposition import Found, best_machine, machine_of_stack
from .machine import ChannelMachine, least_reads

if TYPE_CHECKING:
    from rich.console import RenderableType


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
        InputError: a layer has too many residues to be numbered.
    """
    machine = _from_zero(found.machine)
    lower: list[int] = []
    layers = []
    families = stack if len(stack) > 1 else [stack[0]] * len(found.layers)
    number = np.zeros(machine.states, dtype=np.int64)  # of the state of the lower layers, in each state of the whole
    count = 1
    for own, layer in zip(found.layers, families, strict=False):  # the last layers may be empty
        if not own:
            continue
        moduli = tuple(machine.moduli[c] for c in own)
        if count * math.prod(moduli) >= 2**62:
            raise InputError(
                f"{automaton.name}: a layer of {counted(len(own), 'channel')} above {count:,} states; wanted fewer "
                "than 2^62 combinations of residues"
            )
        held = np.ravel_multi_index(tuple(machine.residues[:, own].T), moduli)
        code = number * math.prod(moduli) + held
        reached, after = np.unique(code, return_inverse=True)
        complete = len(reached) == count * math.prod(moduli)
        layers.append(_layer(machine, own, lower, layer, number, None if complete else reached))
        lower += own
        number, count = after, len(reached)
    decode = np.empty(machine.states, dtype=np.int32)
    decode[number] = machine.decode
    alphabet = np.arange(automaton.width, dtype=np.int32)
    elements = np.zeros((0, 0), dtype=np.uint8)
    return Cascade(automaton.name, elements, alphabet, tuple(layers), decode, automaton)


def _from_zero(machine: ChannelMachine) -> ChannelMachine:
    residues = (machine.residues - machine.residues[0]) % np.array(machine.moduli, dtype=np.int32)
    return ChannelMachine(machine.moduli, residues.astype(np.int32), machine.following, machine.decode)


def _layer(
    machine: ChannelMachine,
    own: list[int],
    lower: list[int],
    layer: Family,
    number: NDArray[np.int64],
    reached: NDArray[np.int64] | None,
) -> CascadeLayer:
    """One layer's tables, a row for each lower state that can be reached; entries depend on the least channels only.

    Arguments:
        number: for each state of the machine that of its lower channels.
        reached: see `CascadeLayer`.
    """
    letters = machine.following.shape[1]
    first = np.unique(number, return_index=True)[1]
    increments = np.zeros((len(first), letters, len(own)), dtype=np.int32)
    resets = np.zeros(increments.shape, dtype=bool)
    for j, channel in enumerate(own):
        update = least_reads(machine, channel, lower, layer)
        sizes = [machine.moduli[c] for c in update.reads]
        case = row_numbers(machine.residues[first][:, update.reads], update.seen, sizes)
        increments[..., j], resets[..., j] = update.values[case], update.sets[case]
    moduli = tuple(machine.moduli[c] for c in own)
    return CascadeLayer(layer.name, moduli, increments, resets if resets.any() else None, reached)
