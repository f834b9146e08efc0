"""Everything `inspect` says about an automaton: its monoid, and for every model family how many layers, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ...algebra.automata.automaton import Automaton
from ...algebra.automata.holonomy import Holonomy
from ...algebra.automata.monoid import TransitionMonoid
from ...algebra.depth.automaton_verdict import (
    Verdict,
    carried_subgroups,
    is_definite,
    is_solvable,
    stack_refusal,
    verdict,
    width_refusal,
)
from ...algebra.depth.families import CIRCLE, FAMILIES, GATED_CIRCLE, Family, names
from ...algebra.depth.width import TooLargeError, stack_of_widths, widths_text
from ...algebra.input.typed import typed
from ...common.brief import Brief
from ...common.errors import InputError
from ...common.terminal import ShownAsTable, plain_table
from ...common.wording import counted
from .decomposition import best_machine, machine_of_stack

Depth = int | list[int | None] | None
"""null for never; a number where it is known; else [least, most], where most is null if no machine was found."""


@dataclass(frozen=True, eq=False, repr=False)
class Judgement(Brief):
    """What is known of a family.

    Arguments:
        verdict: what is proved: never, or at least so many layers.
        most: the layers of a machine that was found; None where there is none, or none was built (`problem` says why).
        moduli: the channels of each of its layers.
        problem: why no machine was built, though the family can carry the automaton.
        stopped: whether the search for a machine stopped at its bound on work, other decompositions being left untried.
    """

    verdict: Verdict
    most: int | None
    moduli: tuple[tuple[int, ...], ...]
    problem: str | None
    stopped: bool = False

    @property
    def depth(self) -> Depth:
        least = self.verdict.least
        return least if least is None or least == self.most else [least, self.most]

    @property
    def layers_text(self) -> str:
        """`never`, `2`, `2 to 4`, `at least 2`."""
        least = self.verdict.least
        if least is None:
            return "never"
        if least == self.most:
            return str(least)
        return f"{least} to {self.most}" if self.most is not None else f"at least {least}"


@dataclass(frozen=True, eq=False, repr=False)
class StackJudgement(Brief):
    """What is known of a stack of several families.

    Arguments:
        stack: layer 1 first.
        refusal: why it cannot track the automaton; None where nothing is proved against it.
        moduli: the channels of each of its layers in the machine that was found, none for a layer that holds nothing;
            None where no machine was found.
        problem: why none was found, though nothing is proved against it.
        widths: the channels of each layer that was asked about; None for any.
        proved: whether it can by the theorem on permutation automata, though no machine was built.
    """

    stack: tuple[Family, ...]
    refusal: str | None
    moduli: tuple[tuple[int, ...], ...] | None
    problem: str | None
    widths: tuple[int, ...] | None = None
    proved: bool = False

    def as_json(self) -> dict[str, Any]:
        """`tracks` is true (a machine was found), false (proved impossible) or null (neither)."""
        return {
            "families": [layer.name for layer in self.stack],
            "tracks": True if self.moduli is not None or self.proved else False if self.refusal else None,
            "layers": None if self.moduli is None else [list(own) for own in self.moduli],
            "reason": self.refusal or self.problem,
            **({"channels": list(self.widths)} if self.widths else {}),
        }

    def text(self, name: str) -> str:
        """It as a sentence about an automaton of that name."""
        asked = names(self.stack) + (f" with {widths_text(self.widths)}" if self.widths else "")
        if self.proved and self.moduli is None:
            return f"{asked} tracks {name}: a permutation automaton, by series down to the stabiliser of its start"
        if self.moduli is None:
            return f"{asked} cannot track {name}: {self.refusal}" if self.refusal else str(self.problem)
        held = " | ".join(" ".join(map(str, own)) or "nothing" for own in self.moduli)
        return f"{asked} tracks {name}; channels, layer by layer: {held}"


@dataclass(frozen=True, repr=False, eq=False)
class AutomatonInspection(ShownAsTable):
    """What there is to say about an automaton.

    Arguments:
        given: the automaton as it was given.
        automaton: minimal, or its reachable part where the state is the output.
        monoid: its transition monoid.
        judgements: one for each family's name.
        stack: on the stack that was asked about, if any.
    """

    given: Automaton
    automaton: Automaton
    monoid: TransitionMonoid
    judgements: dict[str, Judgement]
    stack: StackJudgement | None = None

    @cached_property
    def subgroups(self) -> list[dict[str, Any]]:
        """The nontrivial maximal subgroups, one for each regular J-class."""
        return [
            {"name": name, "order": own.order, "points": len(own.points)}
            for name, own in carried_subgroups(self.monoid)
        ]

    @cached_property
    def holonomy(self) -> list[dict[str, Any]] | None:
        """For each height, from the top, the tiles and the order of the holonomy group of each class; None if there
        are too many images."""
        try:
            levels = Holonomy.of(self.automaton).levels
        except InputError:
            return None
        return [{"tiles": [len(c.tiles) for c in level], "groups": [c.group.order for c in level]} for level in levels]

    def as_json(self) -> dict[str, Any]:
        """The JSON object of `inspect --json`."""
        monoid, judged = self.monoid, self.judgements
        return {
            "name": self.given.name,
            "states": self.automaton.count,
            "letters": list(self.automaton.letters),
            "accepting": None
            if self.automaton.accepting is None
            else [self.automaton.states[q] for q in range(self.automaton.count) if self.automaton.accepting[q]],
            "monoid_order": monoid.order,
            **({} if monoid.order is not None else {"monoid_order_more_than": monoid.limit}),
            "group": monoid.is_group,
            "aperiodic": monoid.is_aperiodic,
            "r_trivial": monoid.is_r_trivial,
            "l_trivial": monoid.is_l_trivial,
            "j_trivial": monoid.is_j_trivial,
            "definite": is_definite(self.automaton),
            "solvable": is_solvable(monoid, CIRCLE),
            "subgroups": self.subgroups,
            "holonomy": self.holonomy,
            "depth_by_family": {FAMILIES[name].key: found.depth for name, found in judged.items()},
            "reasons": {FAMILIES[name].key: found.verdict.reason for name, found in judged.items()},
            "witnesses": {
                FAMILIES[name].key: found.verdict.witness.as_json() if found.verdict.witness else None
                for name, found in judged.items()
            },
            "layers": {FAMILIES[name].key: [list(own) for own in found.moduli] for name, found in judged.items()},
            "problems": {FAMILIES[name].key: found.problem for name, found in judged.items() if found.problem},
            "stopped": [FAMILIES[name].key for name, found in judged.items() if found.stopped],
            "notes": list(self.automaton.notes),
            **({"stack": self.stack.as_json()} if self.stack else {}),
        }

    def view(self) -> RenderableType:
        """The page that `inspect` prints."""
        return Renderables(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        own, monoid = self.automaton, self.monoid
        output = "the state is the output" if own.accepting is None else "minimal"
        title = f"{self.given.name} · {counted(own.count, 'state')} ({output}) · {counted(own.width, 'letter')}"
        yield Text(title, style="bold")
        for note in own.notes:
            yield Text(f"note: {note}", style="yellow")
        groups = ", ".join(dict.fromkeys(str(sub["name"]) for sub in self.subgroups)) or "trivial ones only"
        yield Text(f"transition monoid of order {monoid.order_text}; subgroups: {groups}")
        yield Text(self._properties())
        yield Text()
        table = plain_table("family", "layers", "why not fewer")
        for name, found in self.judgements.items():
            reason = found.verdict.reason + (f"; {found.problem}" if found.problem else "")
            table.add_row(FAMILIES[name].title, found.layers_text, reason)
        yield table
        best = self.judgements[GATED_CIRCLE.name]
        if best.moduli:
            held = " | ".join(" ".join(map(str, moduli)) for moduli in best.moduli)
            yield Text(f"\nchannels of a Gated AUSSM, layer by layer: {held}")
        stopped = [FAMILIES[name].title for name, found in self.judgements.items() if found.stopped]
        if stopped:
            yield Text(
                f"\nthe search for fewer layers stopped at its bound on work for {', '.join(stopped)}: "
                "fewer may be enough"
            )
        if command := self._next():
            yield Text(f"next: {command}", style="bold")
        if self.stack:
            yield Text(f"stack: {self.stack.text(self.given.name)}")

    def _next(self) -> str | None:
        """The command that does what can be done; None where nothing can."""
        able = [name for name in (CIRCLE.name, GATED_CIRCLE.name) if self.judgements[name].moduli]
        others = [name for name, found in self.judgements.items() if found.moduli]
        if not able and not others:
            return None
        own = typed(self.given)
        return f"compile {own}" if able else f"compile {own} --family {others[0]}"

    def _properties(self) -> str:
        monoid = self.monoid
        if monoid.is_group:
            return "a group: every letter permutes the states"
        said = ["aperiodic" if monoid.is_aperiodic else "not aperiodic"]
        said += [f"{name}-trivial" for name, so in self._trivial() if so]
        if not monoid.is_r_trivial and not monoid.is_l_trivial:
            said.append("neither R- nor L-trivial" if monoid.is_l_trivial is False else "not R-trivial")
        if is_definite(self.automaton):
            said.append("definite")
        if not monoid.is_aperiodic:
            said.append("solvable" if is_solvable(monoid, CIRCLE) else "not solvable")
        return ", ".join(said)

    def _trivial(self) -> tuple[tuple[str, bool | None], ...]:
        monoid = self.monoid
        return ("R", monoid.is_r_trivial), ("L", monoid.is_l_trivial), ("J", monoid.is_j_trivial)


def inspect_automaton(
    given: Automaton, stack: Sequence[Family] | None = None, widths: Sequence[int] | None = None
) -> AutomatonInspection:
    """Inspect an automaton for every family, and for a stack of families if one is given, with `widths` of layers of so
    many channels.

    Raises:
        InputError: the language is empty or holds every word, or there are too many images of its states.
    """
    automaton = given.minimal()
    monoid = TransitionMonoid.of(automaton)
    judged = {name: judge(monoid, name) for name in FAMILIES}
    if widths is not None:
        found: StackJudgement | None = judge_widths(monoid, stack_of_widths(stack, widths), widths)
    else:
        found = judge_stack(monoid, stack) if stack else None
    return AutomatonInspection(given, automaton, monoid, judged, found)


def judge_widths(monoid: TransitionMonoid, stack: Sequence[Family], widths: Sequence[int]) -> StackJudgement:
    """What is known of a stack whose layers have so many channels.

    Raises:
        InputError: there are S4D layers among others.
    """
    found = replace(judge_stack(monoid, stack), widths=tuple(widths))
    if found.refusal is not None or monoid.automaton.count == 1:
        return found
    fits = found.moduli is not None and all(len(own) <= w for own, w in zip(found.moduli, widths, strict=True))
    if fits:
        return found
    try:
        refusal = width_refusal(monoid, stack, widths)
    except TooLargeError as error:
        return replace(found, moduli=None, problem=f"not decided: {error}")
    if refusal is not None or not monoid.is_group:
        return replace(found, moduli=None, refusal=refusal, problem="no machine of these widths was found")
    return replace(found, moduli=None, problem=None, proved=True)


def judge_stack(monoid: TransitionMonoid, stack: Sequence[Family]) -> StackJudgement:
    """What is known of a stack; of a single family, of one layer of it.

    Raises:
        InputError: there are S4D layers among others.
    """
    own, automaton = tuple(stack), monoid.automaton
    if automaton.count == 1:
        return StackJudgement(own, None, ((),) * len(own), None)
    if len(own) == 1:
        found = judge(monoid, own[0].name)
        if found.verdict.least != 1:
            return StackJudgement(own, found.verdict.reason, None, None)
        problem = found.problem or f"no machine of 1 {own[0].title} layer was found"
        return StackJudgement(own, None, found.moduli if found.most == 1 else None, problem)
    refusal = stack_refusal(monoid, own)
    if refusal is not None:
        return StackJudgement(own, refusal, None, None)
    try:
        machine = machine_of_stack(automaton, own)
    except InputError as error:
        return StackJudgement(own, None, None, str(error))
    moduli = [tuple(machine.machine.moduli[c] for c in layer) for layer in machine.layers]
    return StackJudgement(own, None, (*moduli, *[()] * (len(own) - len(moduli))), None)


def judge(monoid: TransitionMonoid, name: str) -> Judgement:
    """What is known of one family."""
    layer = FAMILIES[name]
    found = verdict(monoid, layer)
    if found.least is None:
        return Judgement(found, None, (), None)
    if layer.is_constant:  # one layer holds the last letters as digits of a number (docs/mathematics.md)
        return Judgement(found, found.least, (), None)
    try:
        best = best_machine(monoid.automaton, layer, found.least)
    except InputError as error:
        return Judgement(found, None, (), str(error))
    moduli = tuple(tuple(best.machine.moduli[c] for c in own) for own in best.layers)
    return Judgement(found, len(best.layers), moduli, None, best.stopped)
