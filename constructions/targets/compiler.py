"""The driver of the targets: a group and the name of an architecture to the files of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ...algebra.arithmetic.permutations import Permutations, cycles
from ...algebra.automata.automaton import Automaton
from ...algebra.automata.monoid import TransitionMonoid
from ...algebra.depth.automaton_verdict import is_solvable
from ...algebra.depth.families import CIRCLE
from ...algebra.depth.series import shortest_series
from ...algebra.groups.group import Group
from ...algebra.groups.permutation_group import PermutationGroup
from ...algebra.input.elements import read_tokens
from ...algebra.input.parser import parse_group
from ...common.errors import InputError
from ...common.folders import Folder, save_folder
from ...common.kinds import kind_of_files
from ...common.terminal import WIDTH, Shown
from ...common.wording import counted, default_folder, describe_order, short
from ..compiler import compile_group, read_alphabet
from ..verification import first_fault
from . import fla, mamba3, olmo_hybrid, own_delta, pd_ssm, resets
from .delta_layer import margins, reflection_fault
from .phases import PhaseMachine, phase_fault
from .points import PointMachine, point_machine
from .preimages import FIXED, PreimageMachine
from .reflections import ReflectionMachine, Reflections, reflection_machine
from .resets import ResetMachine

LARGEST_ORDER = 5040
"""Groups of larger order have too many names to be answered with: they are asked where a point goes."""

ELEMENTS, POINTS = "elements", "points"
ANSWERS = (ELEMENTS, POINTS)
"""What a checkpoint answers with."""

AUTOMATA = (ResetMachine, PreimageMachine)
"""Machines whose answers are an automaton's states."""

TargetMachine = ReflectionMachine | PointMachine | PhaseMachine | ResetMachine | PreimageMachine


@dataclass(frozen=True)
class Target:
    """An architecture that weights are written for.

    Arguments:
        name: as typed.
        title: of the class that runs it.
        machine: a group and the elements that are read → the exact machine that is written, checked.
        write: machine and whether there are resets → files.
        account: what was written, in two lines, for people.
        cannot: what cannot be written into it, and why.
        tracks: `group`, or `automaton`: then `machine` takes an automaton alone.
        also: where it tracks both: an automaton → the exact machine that is written.
        no_points: why it cannot be asked where a point goes; empty where it can.
    """

    name: str
    title: str
    machine: Callable[..., Any]
    write: Callable[[Any, bool], dict[str, bytes | str]]
    account: Callable[[Any], tuple[str, str]]
    cannot: str
    tracks: str = "group"
    also: Callable[[Automaton], PreimageMachine] | None = None
    no_points: str = ""


def _points(group: PermutationGroup, tokens: Permutations) -> PointMachine:
    machine = point_machine(group, tokens)
    fault = reflection_fault(machine)
    if fault:
        raise AssertionError(f"the machine of points is wrong: {fault}")
    return machine


def _reflections(group: Group, tokens: Sequence[int]) -> ReflectionMachine:
    machine = reflection_machine(group, tokens)
    fault = reflection_fault(machine)
    if fault:
        raise AssertionError(f"the reflection machine is wrong: {fault}")
    return machine


def _phases(group: Group, tokens: Sequence[int]) -> PhaseMachine:
    if not shortest_series(group, CIRCLE).is_complete:
        raise InputError(
            f"{group.name} is not solvable, so no number of Mamba-3 layers tracks it; try --target olmo-hybrid"
        )
    compilation = compile_group(group, [CIRCLE], tokens, "primary")  # small moduli have wide margins
    fault = first_fault(compilation.cascade, group)
    if fault:
        raise AssertionError(f"the compiled cascade is wrong: {fault}")
    machine = PhaseMachine(group, tuple(tokens), compilation.weights)
    fault = phase_fault(machine)
    if fault:
        raise AssertionError(f"the phase machine is wrong: {fault}")
    return machine


MOST_TYPED = 200
"""Characters of permutations that a message proposes to type."""


def _is_typed(name: str) -> bool:
    """Whether a name can be typed again: that of a group from a file cannot."""
    try:
        parse_group(name)
    except InputError:
        return False
    return True


def refuse_automaton(automaton: Automaton, target: str) -> NoReturn:
    """Say why no weights of a target are written for an automaton, and which command writes what comes nearest.

    Raises:
        InputError: always. Where the letters permute the states, it names the group that they generate.
    """
    own = automaton.minimal()
    if target == "mamba3" and own.is_permutation and not is_solvable(TransitionMonoid.of(own), CIRCLE):
        target = "olmo-hybrid"
    if target == "delta" and not own.is_permutation:
        target = "olmo-hybrid"
    group = own.name[own.name.find("(") + 1 : -1].removesuffix(",all")
    if own.name.startswith("group(") and _is_typed(group):
        near = f"`compile '{group}' --target {target}` writes the group itself"
    elif own.is_permutation and own.count > 1:
        letters = [cycles(own.table[:, x]) for x in range(own.width)]
        moving = ", ".join(dict.fromkeys(text for text in letters if text != "()"))
        asked = f"`compile '{moving}' --target {target}`" if len(moving) <= MOST_TYPED else "give it as a group: that"
        near = f"{asked} writes the group that its letters generate"
    elif own.name.startswith("permutation-reset(") and _is_typed(group):
        near = f"`compile '{group}' --target {target} --resets` writes the group with a reset to every element"
    else:
        near = (
            "--target pd-ssm writes it if its states have few preimages; without --target it is compiled for a Gated "
            "AUSSM"
        )
    raise InputError(
        f"--target {target} writes checkpoints that answer with a group's elements, and {own.name} answers with an "
        f"automaton's states; {near}"
    )


NO_ROUNDING = "proved: no rounding occurs, so words of every length are tracked"


def _by_heads(machine: Reflections, how: str) -> tuple[str, str]:
    good = ", ".join(name for name, proved in margins(machine).items() if proved)
    heads = f"1 layer, {counted(machine.heads, 'head')}, {machine.points} points"
    return f"{heads}; {counted(len(machine.alphabet), 'element')}, {how}", f"{NO_ROUNDING}, with weights in {good}"


def _of_olmo_hybrid(machine: Reflections) -> tuple[str, str]:
    return _by_heads(machine, f"up to {counted(max(machine.longest, 1), 'token')} each")


def _of_delta_product(machine: Reflections) -> tuple[str, str]:
    return _with_dtype(machine, *_by_heads(machine, f"{counted(max(machine.longest, 1), 'factor')} a token"))


def _of_delta_net(machine: Reflections) -> tuple[str, str]:
    return _with_dtype(machine, *_of_olmo_hybrid(machine))


def _with_dtype(machine: Reflections, sizes: str, proved: str) -> tuple[str, str]:
    dtype = fla.chunked(machine) or "float32 and fused_recurrent"
    return sizes, f"{proved}; config.json says {dtype}, as fla's chunks refuse float32"


def _of_own_delta(machine: ReflectionMachine) -> tuple[str, str]:
    elements = counted(len(machine.alphabet), "element")
    return f"1 layer, {2 * machine.points} channels; {elements}, one token each", NO_ROUNDING


def _of_pd_ssm(machine: ReflectionMachine | PointMachine | PreimageMachine) -> tuple[str, str]:
    if isinstance(machine, PreimageMachine):
        sets, letters = counted(len(machine.values) - FIXED, "condition"), counted(machine.automaton.width, "letter")
        return (
            f"1 layer, {sets} on the state; {letters}, one token each",
            "proved: every letter copies conditions exactly, so words of every length are tracked",
        )
    size = pd_ssm.size_of(machine) if isinstance(machine, PointMachine) else machine.points * len(machine.base)
    states, elements = counted(size, "state"), counted(len(machine.alphabet), "element")
    proved = "proved: every token permutes the states exactly, so words of every length are tracked"
    return f"1 layer, {states}; {elements}, one token each", proved


def _of_mamba3(machine: PhaseMachine) -> tuple[str, str]:
    lines = sum(channel.lines for layer in machine.channels for channel in layer)
    carries = " then ".join(" x ".join(f"C{channel.modulus}" for channel in layer) for layer in machine.channels)
    layers, elements = counted(len(machine.channels), "layer"), counted(len(machine.alphabet), "element")
    length = "one token each" if machine.longest == 1 else f"up to {counted(machine.longest, 'token')} each"
    return (
        f"{layers}, which carry {carries} by {counted(lines, 'head')}; {elements}, {length}",
        f"proved right up to so many elements, read at once, by the dtype of the weights: {machine.describe()}",
    )


TARGETS = {
    target.name: target
    for target in (
        Target(
            "olmo-hybrid",
            "OlmoHybridForCausalLM (transformers)",
            _reflections,
            olmo_hybrid.olmo_hybrid,
            _of_olmo_hybrid,
            olmo_hybrid.CANNOT,
        ),
        Target(
            "deltaproduct",
            "GatedDeltaProductForCausalLM (fla)",
            _reflections,
            fla.delta_product,
            _of_delta_product,
            fla.CANNOT["deltaproduct"],
        ),
        *(
            Target(name, f"{title} (fla)", _reflections, write, account, fla.CANNOT[name])
            for name, title, write, account in (
                ("gated-deltanet", "GatedDeltaNetForCausalLM", fla.gated_deltanet, _of_olmo_hybrid),
                ("delta-net", "DeltaNetForCausalLM", fla.delta_net, _of_delta_net),
                ("kda", "KDAForCausalLM", fla.kda, _of_olmo_hybrid),
            )
        ),
        Target(
            "delta",
            "our own network",
            _reflections,
            own_delta.own_delta,
            _of_own_delta,
            own_delta.CANNOT,
            no_points="its network has an answer at every token, one class for each element",
        ),
        Target(
            "pd-ssm",
            "one PD-SSM layer",
            _reflections,
            pd_ssm.pd_ssm,
            _of_pd_ssm,
            pd_ssm.CANNOT,
            also=pd_ssm.of_automaton,
        ),
        Target(
            "mamba3",
            "Mamba-3 layers (mamba_ssm)",
            _phases,
            mamba3.mamba3,
            _of_mamba3,
            mamba3.CANNOT,
            no_points="its layers hold phases of a series of listed subgroups, and no points",
        ),
        *(
            Target(name, title, resets.reset_machine, write, resets.account, resets.CANNOT, "automaton")
            for name, (title, write) in resets.WRITERS.items()
        ),
    )
}
"""By name."""


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint(Shown):
    """A group, or an automaton, written for a target, the architecture of another library. It is shown as
    `compile` prints it.

    Arguments:
        target: the architecture.
        machine: what was written, with its `group` and `alphabet`, or its `automaton`.
        files: by name.
    """

    target: Target
    machine: TargetMachine
    files: dict[str, bytes | str]

    @property
    def name(self) -> str:
        """The group's or automaton's and the target's, e.g. `A5-olmo-hybrid`."""
        return f"{default_folder(self._tracked)}-{self.target.name}"

    @property
    def kind(self) -> str | None:
        """Of the folder that `save` writes."""
        return kind_of_files(self.files)

    def written(self, folder: Path, force: bool = False) -> Folder:
        """`save`, and what was written, which need not be read back."""
        return save_folder(folder, self.files, force)

    def save(self, folder: str | Path, force: bool = False) -> Path:
        """Write the folder, whole or not at all; returns it. Raises `InputError` where it cannot be written, or without
        `force` where it holds something of another kind, or a model that was trained."""
        return self.written(Path(folder), force).path

    def view(self, width: int = WIDTH) -> RenderableType:
        """What `compile --target` prints."""
        title, *lines = self.lines()
        return Renderables(Text(title, style="bold"), *(Text(line) for line in lines))

    @property
    def _tracked(self) -> str:
        return (self.machine.automaton if isinstance(self.machine, AUTOMATA) else self.machine.group).name

    def lines(self) -> list[str]:
        """What was written, for people."""
        if isinstance(self.machine, AUTOMATA):
            size = counted(self.machine.automaton.count, "state")
        else:
            size = f"order {describe_order(self.machine.group.order)}"
        head = f"{self._tracked}: {size}, for {self.target.title}"
        sizes, proved = self.target.account(self.machine)
        asked = [self.machine.usage()] if isinstance(self.machine, PointMachine) else []
        return [head, sizes, *asked, proved, f"cannot hold: {self.target.cannot}"]


def target_named(name: str) -> Target:
    """The target of that name. Raises `InputError` where there is none."""
    chosen = TARGETS.get(name.strip().lower().replace("_", "-"))
    if chosen is None:
        raise InputError(f"unknown target {name[:40]!r}; wanted one of {', '.join(TARGETS)}")
    return chosen


def answering(group: PermutationGroup | Group, target: Target, answers: str | None = None) -> str:
    """What a checkpoint of a group answers with: `elements`, or `points` where there are too many; asked before
    anything is listed.

    Raises:
        InputError: a group of one element; `answers` is unknown, or cannot be written.
    """
    if group.order == 1:
        raise InputError(f"{group.name} is trivial: 0 layers track it, there is nothing to compile; try C2")
    if answers is not None and answers not in ANSWERS:
        raise InputError(f"answers: {answers[:40]!r}; wanted one of {', '.join(ANSWERS)}")
    found = answers or (ELEMENTS if group.order <= LARGEST_ORDER else POINTS)
    size = f"{group.name}: order {describe_order(group.order)}"
    if found == ELEMENTS and group.order > LARGEST_ORDER:
        raise InputError(
            f"{size}; a class for each element is written up to {LARGEST_ORDER:,}; --answers points asks where a "
            "point goes instead, or take a smaller group, e.g. S6"
        )
    if found == POINTS and target.no_points:
        if answers is None:
            size += f"; --target {target.name} is written up to {LARGEST_ORDER:,}"
        raise InputError(
            f"{size}: {target.no_points}; --target deltaproduct, olmo-hybrid or pd-ssm can be asked where a point goes"
        )
    return found


def compile_target(
    given: Group | PermutationGroup | Automaton,
    target: str,
    alphabet: str | Sequence[int] | None = None,
    resets: bool = False,
    answers: str | None = None,
) -> Checkpoint:
    """Write a group, or an aperiodic automaton, for an architecture that other people's libraries run.

    Arguments:
        given: a group; an automaton for `pd-ssm` and for the targets that carry no group.
        target: one of `TARGETS`.
        alphabet: as for `compile_group`; for a group that is not listed, as for `read_tokens`.
        resets: whether there are words `=x` too, which set the product to an element x of the alphabet.
        answers: `elements`, or `points`: then a word such as `3?` asks for the image of the point 3. Default: elements
            up to order `LARGEST_ORDER`.

    Raises:
        InputError: the target is unknown, carries the other kind, or what is given is too large for it.

    Example:
        >>> from subnormal.algebra.automata.named import flip_flop
        >>> compile_target(flip_flop(2), "qwen3-next").name
        'flip_flop_2-qwen3-next'
    """
    chosen = target_named(target)
    if isinstance(given, Automaton):
        made = chosen.machine if chosen.tracks == "automaton" else chosen.also
        if made is None:
            refuse_automaton(given, chosen.name)
        for option, value in (("alphabet", alphabet), ("answers", answers)):
            if value is not None:
                raise InputError(f"--{option} goes with a group; an automaton is read by its own letters")
        machine = made(given)
        return Checkpoint(chosen, machine, chosen.write(machine, resets))
    if chosen.tracks == "automaton":
        raise InputError(
            f"{given.name}: no number of layers of {chosen.title.split(' ')[0]} tracks a group; it carries aperiodic "
            f"automata, e.g. 'flip-flop(2)', and --target olmo-hybrid every group"
        )
    if answering(given, chosen, answers) == POINTS:
        machine = _points(*_tokens(given, alphabet))
    else:
        listed = given if isinstance(given, Group) else given.listed()
        machine = chosen.machine(listed, [int(x) for x in read_alphabet(listed, alphabet)])
    return Checkpoint(chosen, machine, chosen.write(machine, resets))


def _tokens(
    given: Group | PermutationGroup, alphabet: str | Sequence[int] | None
) -> tuple[PermutationGroup, Permutations]:
    """A group, and the permutations that may be read. Raises `InputError`."""
    if isinstance(given, Group) or given.order <= LARGEST_ORDER:
        listed = given if isinstance(given, Group) else given.listed()
        return PermutationGroup.from_listed(listed), listed.elements[read_alphabet(listed, alphabet)]
    if alphabet is not None and not isinstance(alphabet, str):
        raise InputError(
            f"{short(given.name)} is not listed, so its elements have no numbers; wanted e.g. '(1,2);(1,2,3)'"
        )
    return given, read_tokens(given, alphabet)
