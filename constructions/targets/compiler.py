"""The driver of the targets: a group and the name of an architecture to the files of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from subnormal.algebra.base.errors import InputError
from subnormal.algebra.base.folders import save_folder
from subnormal.algebra.base.wording import counted
from subnormal.algebra.groups.group import Group
from subnormal.constructions.compiler import read_alphabet
from subnormal.constructions.targets import delta_product, olmo_hybrid, own_delta, pd_ssm
from subnormal.constructions.targets.delta_layer import first_fault, margins
from subnormal.constructions.targets.reflections import ReflectionMachine, reflection_machine

LARGEST_ORDER = 5040
"""Groups of larger order have too many names to be answered with."""


@dataclass(frozen=True)
class Target:
    """An architecture that weights are written for.

    Arguments:
        name: as typed.
        title: of the class that runs it.
        write: machine and whether there are resets → files.
        cannot: what cannot be written into it, and why.
        spells: whether an element becomes several tokens.
    """

    name: str
    title: str
    write: Callable[[ReflectionMachine, bool], dict[str, bytes | str]]
    cannot: str
    spells: bool


TARGETS = {
    target.name: target
    for target in (
        Target(
            "olmo-hybrid",
            "OlmoHybridForCausalLM (transformers)",
            olmo_hybrid.olmo_hybrid,
            olmo_hybrid.CANNOT,
            spells=True,
        ),
        Target(
            "deltaproduct",
            "GatedDeltaProductForCausalLM (fla)",
            delta_product.delta_product,
            delta_product.CANNOT,
            spells=False,
        ),
        Target("delta", "our own network", own_delta.own_delta, own_delta.CANNOT, spells=False),
        Target("pd-ssm", "one PD-SSM layer", pd_ssm.pd_ssm, pd_ssm.CANNOT, spells=False),
    )
}
"""By name."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A group written for a target.

    Arguments:
        target: the architecture.
        machine: the group, spelt by reflections and checked.
        files: by name.
    """

    target: Target
    machine: ReflectionMachine
    files: dict[str, bytes | str]

    def save(self, folder: Path) -> None:
        """Write the folder, whole or not at all. Raises `InputError` where it cannot be written."""
        save_folder(folder, self.files)

    def lines(self) -> list[str]:
        """What was written, for people."""
        machine, group = self.machine, self.machine.group
        head = f"{group.name}: order {group.order:,}, for {self.target.title}"
        tokens = counted(len(machine.alphabet), "element")
        most = max(machine.longest, 1)
        if self.target.name == "delta":
            return [
                head,
                f"1 layer, {2 * machine.points} channels; {tokens}, one token each",
                "proved: no rounding occurs, so words of every length are tracked",
                f"cannot hold: {self.target.cannot}",
            ]
        if self.target.name == "pd-ssm":
            states = machine.points * len(machine.base)
            return [
                head,
                f"1 layer, {counted(states, 'state')}; {tokens}, one token each",
                "proved: every token permutes the states exactly, so words of every length are tracked",
                f"cannot hold: {self.target.cannot}",
            ]
        how = f"up to {counted(most, 'token')} each" if self.target.spells else f"{counted(most, 'factor')} a token"
        good = ", ".join(name for name, proved in margins(machine).items() if proved)
        return [
            head,
            f"1 layer, {counted(len(machine.base), 'head')}, {machine.points} points; {tokens}, {how}",
            f"proved: no rounding occurs, so words of every length are tracked, with weights in {good}",
            f"cannot hold: {self.target.cannot}",
        ]


def compile_target(
    group: Group, target: str, alphabet: str | Sequence[int] | None = None, resets: bool = False
) -> Checkpoint:
    """Write a group for an architecture that other people's libraries run.

    Arguments:
        group: a listed group.
        target: one of `TARGETS`.
        alphabet: as for `compile_group`.
        resets: whether there are words `=x` too, which set the product to an element x of the alphabet.

    Raises:
        InputError: the target is unknown, or the group too large for it.
    """
    chosen = TARGETS.get(target.strip().lower().replace("_", "-"))
    if chosen is None:
        raise InputError(f"unknown target {target[:40]!r}; wanted one of {', '.join(TARGETS)}")
    if group.order > LARGEST_ORDER:
        raise InputError(f"{group.name}: order {group.order:,}; targets are written up to {LARGEST_ORDER:,}, e.g. S6")
    if group.order == 1:
        raise InputError(f"{group.name} is trivial: 0 layers track it, there is nothing to compile; try C2")
    tokens = [int(x) for x in read_alphabet(group, alphabet)]
    machine = reflection_machine(group, tokens)
    fault = first_fault(machine)
    if fault:
        raise AssertionError(f"the reflection machine is wrong: {fault}")
    return Checkpoint(chosen, machine, chosen.write(machine, resets))
