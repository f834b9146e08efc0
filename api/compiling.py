"""From a group to weights: compile, folders on disk, pictures."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.automata.automaton import Automaton
from ..algebra.depth.blocks.actions import ORDER_LIMIT
from ..common.dtypes import dtype_name
from ..common.errors import InputError
from ..common.kinds import BLOCK, FACTORED, TITLES
from ..common.packages import LeftOutWarning
from ..common.terminal import WIDTH, Shown
from ..common.wording import describe_order
from ..constructions.automata.compiler import AutomatonCompilation, compile_automaton
from ..constructions.blocks.compiler import compile_blocks
from ..constructions.cascade import Cascade
from ..constructions.compilation import Compilation
from ..constructions.compiler import GroupCompilation, compile_group, read_series
from ..constructions.factored.cascade import FactoredCascade
from ..constructions.factored.compiler import FactoredCompilation
from ..constructions.targets.compiler import Checkpoint, compile_target
from .factored import factored_compilation
from .groups import MachineLike, machine, stack_for
from .trials import tried

if TYPE_CHECKING:
    from ..algebra.depth.decomposition import Decomposition
    from ..algebra.depth.families import Family
    from ..algebra.depth.series import Series
    from ..algebra.groups.group import Group
    from ..algebra.groups.permutation_group import PermutationGroup
    from ..algebra.tracked import Tracked
    from ..common.dtypes import DtypeLike
    from ..common.folders import Folder
    from ..constructions.weights import Weights
    from ..models.network import DCDNetwork

Own = TypeVar("Own", bound=Compilation)


class AbsentError(InputError, AttributeError):
    """Something was compiled that has no such part; `hasattr` sees it as missing."""


@dataclass(frozen=True, eq=False, repr=False)
class Compiled(Shown):
    """A group or an automaton compiled into an exact machine, which was checked: it tracks words of every length.

    Arguments:
        compilation: every intermediate form.
    """

    compilation: Compilation

    @property
    def name(self) -> str:
        """Of the group or the automaton."""
        return self.compilation.name

    @property
    def kind(self) -> str:
        """Of the folder that `save` writes: `group`, `automaton`, `factored` or `block`."""
        return self.compilation.kind

    @property
    def tracked(self) -> Tracked:
        """What is tracked, with its letters; its class numbers are the network's."""
        return self.compilation.tracked

    @property
    def cases(self) -> str:
        """What was gone through."""
        return self.compilation.cases

    @property
    def cascade(self) -> Cascade:
        """The exact integer machine, as tables. Raises `InputError` for a group too large to list: `factored`."""
        cascade = self.compilation.cascade
        if isinstance(cascade, Cascade):
            return cascade
        if cascade is None:
            raise AbsentError(f"{self.name} is {TITLES[self.kind]}, and has no cascade of counters")
        raise AbsentError(f"{self.name} is too large to list: its machine is .factored")

    @property
    def factored(self) -> FactoredCascade:
        """The exact machine of a group too large to list."""
        return self._of(FactoredCompilation, "factored machine").cascade

    @property
    def needed(self) -> int:
        """So many layers are needed, as a program of nested commutators proves; for a group too large to list."""
        return self._of(FactoredCompilation, "program of commutators").needed

    @property
    def order(self) -> int:
        """How many elements, or states, are told apart."""
        return self.tracked.classes

    def _of(self, kind: type[Own], what: str) -> Own:
        if isinstance(self.compilation, kind):
            return self.compilation
        raise AbsentError(f"{self.name} is {TITLES[self.kind]}, and has no {what}")

    @property
    def group(self) -> Group:
        """The group with its elements listed."""
        return self._of(GroupCompilation, "list of elements").group

    @property
    def series(self) -> Series:
        """The subnormal series that was used."""
        return self._of(GroupCompilation, "series of listed subgroups").series

    @property
    def decomposition(self) -> Decomposition:
        """The series with its abelian factors."""
        return self._of(GroupCompilation, "decomposition of a listed group").decomposition

    @property
    def automaton(self) -> Automaton:
        """The minimal automaton, or its reachable part where the state is the output."""
        return self._of(AutomatonCompilation, "automaton").automaton

    @property
    def weights(self) -> Weights:
        """The network's parameters, before torch. Raises `InputError` for a group too large to list."""
        return self.compilation.weights

    def network(self, dtype: DtypeLike = "float64") -> DCDNetwork:
        """The network, a `torch.nn.Module`: tokens (batch, length) → logits (batch, length, classes).

        Arguments:
            dtype: `float64`, or `float32` with every weight rounded once; torch's and NumPy's are taken too.
        """
        from ..models.network import DCDNetwork

        network = DCDNetwork.from_parameters(*self.compilation.parameters(), dtype_name(dtype))
        network.tracked = self.tracked
        return network

    def written(self, folder: Path, force: bool = False) -> Folder:
        """`save`, and what was written, which need not be read back."""
        return self.compilation.save(folder, force)

    def save(self, folder: str | Path, force: bool = False) -> Path:
        """Write the folder that `compile` writes: the machine, and the network where it has one.

        Arguments:
            folder: where.
            force: whether a folder of another kind is replaced.

        Raises:
            InputError: the folder cannot be written; or it holds something of another kind, and `force` is not given.
        """
        return self.written(Path(folder), force).path

    def picture(self, path: str | Path) -> Path:
        """Draw the series with the phases of each layer, or what letters do to each channel; PNG, SVG or PDF by the
        suffix. Raises `InputError`, also for a group too large to list."""
        self.compilation.draw(Path(path))
        return Path(path)

    def title(self) -> str:
        """One line: what was compiled, layers and tokens."""
        return self.compilation.title()

    def view(self, width: int = WIDTH) -> RenderableType:
        """The account that `compile` prints: what each layer carries, and what tokens do to it."""
        parts = [*self.compilation.account(width)]
        if self.kind != FACTORED:
            machine = "machine" if self.kind == BLOCK else "cascade"
            parts.append(Text(f"{machine}: {self.cases} step rightly, so words of every length are tracked"))
        return Renderables(Text(self.title(), style="bold"), *parts)

    def __repr__(self) -> str:
        return "\n".join([self.title(), *(f"  {line}" for line in self.compilation.layer_lines())])

    def _repr_png_(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            return self.picture(Path(folder) / "picture.png").read_bytes()


# Overloads write every parameter out: a type checker takes nothing over from the function itself.
@overload
def compile(
    tracked: MachineLike,
    family: str | Sequence[str] | None = ...,
    alphabet: str | Sequence[int] | None = ...,
    channels: str | None = ...,
    series: str | None = ...,
    optimise: str | None = ...,
    *,
    target: None = ...,
    resets: bool = ...,
    answers: str | None = ...,
    out: str | Path | None = ...,
    check: bool = ...,
    force: bool = ...,
) -> Compiled: ...
@overload
def compile(
    tracked: MachineLike,
    family: str | Sequence[str] | None = ...,
    alphabet: str | Sequence[int] | None = ...,
    channels: str | None = ...,
    series: str | None = ...,
    optimise: str | None = ...,
    *,
    target: str,
    resets: bool = ...,
    answers: str | None = ...,
    out: str | Path | None = ...,
    check: bool = ...,
    force: bool = ...,
) -> Checkpoint: ...
@overload
def compile(
    tracked: MachineLike,
    family: str | Sequence[str] | None = ...,
    alphabet: str | Sequence[int] | None = ...,
    channels: str | None = ...,
    series: str | None = ...,
    optimise: str | None = ...,
    *,
    target: str | None,
    resets: bool = ...,
    answers: str | None = ...,
    out: str | Path | None = ...,
    check: bool = ...,
    force: bool = ...,
) -> Compiled | Checkpoint: ...
def compile(
    tracked: MachineLike,
    family: str | Sequence[str] | None = None,
    alphabet: str | Sequence[int] | None = None,
    channels: str | None = None,
    series: str | None = None,
    optimise: str | None = None,
    *,
    target: str | None = None,
    resets: bool = False,
    answers: str | None = None,
    out: str | Path | None = None,
    check: bool = False,
    force: bool = False,
) -> Compiled | Checkpoint:
    """Compile a group or an automaton: a cascade that tracks it on words of every length, and the weights of a network.

    A group too large to list becomes a factored cascade, which is proved in the same way and has no network.

    Arguments:
        tracked: as for `sn.machine`. The options from `alphabet` to `resets` are for groups.
        family: one model family (any number of layers of it), or a stack, first layer first. Default:
            `aussm`, and for an automaton whose letters merge states `gated-aussm`. For a group also one family of
            blocks: `block-2`, `block-3`, `block-4`, `complex-block-2` or `complex-block-3`.
        alphabet: `all`, `generators`, element numbers, or elements such as `(1,2);(1,2,3)`; None for all up to order
            1024, else generators. For a group too large to list: `generators`, or elements.
        channels: `invariant` (fewest channels, the default) or `primary` (widest margins).
        series: your own series: generators of G1, G2, … separated by `|`.
        optimise: `depth`, `channels`, `margin` or `table`: the best of all subnormal series.
        target: write the group for another library's architecture: `olmo-hybrid`, `deltaproduct`, `gated-deltanet`,
            `delta-net`, `kda`, `pd-ssm`, `mamba3` or `delta`; an automaton: `pd-ssm`, and an aperiodic one `mamba2` or
            `qwen3-next`.
        resets: with `target`: words `=x` too, which set the product to x.
        answers: with `target`: `elements`, one class each (the default up to order 5,040), or `points`: then the word
            `3?` asks for the image of the point 3, also of groups far too large to list.
        out: write this folder, as `.save` does; None for none.
        check: run the network at the end on words of 100,000 tokens, or of so many as half a second and half as long
            again as compiling took allow; with `target` the checkpoint on 300 elements.
        force: whether `out` may replace a folder of another kind.

    Raises:
        InputError: the family cannot track the group (the message says why), an option does not fit, or a group with
            one of the options from `channels` on is too large to list.
        RefutedError: with `check`, an output is wrong.

    Examples:
        >>> import subnormal as sn
        >>> sn.compile("S3")
        S3 = C3:C2: order 6, 2 layers, 6 tokens
          layer 1: aussm carries C2, 1 channel
          layer 2: aussm carries C3, 1 channel
        >>> sn.compile("A5", target="delta").save("a5").name
        'a5'
    """
    began = time.process_time()
    compiled = _compiled(machine(tracked), family, alphabet, channels, series, optimise, target, resets, answers)
    if out is not None:
        compiled.save(out, force)
    if check:
        _check(compiled, out, began)
    return compiled


def _check(compiled: Compiled | Checkpoint, out: str | Path | None, began: float) -> None:
    """Run what was compiled on long words, from its folder, or a temporary one. Raises `RefutedError`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = compiled.save(Path(temporary) / "own") if out is None else Path(out)
        message, _ = tried(compiled, folder, began)
    if "right on" not in message:
        warnings.warn(message, LeftOutWarning, stacklevel=3)


def _compiled(
    asked: PermutationGroup | Automaton,
    family: str | Sequence[str] | None,
    alphabet: str | Sequence[int] | None,
    channels: str | None,
    series: str | None,
    optimise: str | None,
    target: str | None,
    resets: bool,
    answers: str | None,
) -> Compiled | Checkpoint:
    if target is not None:
        for option, value in (("family", family), ("channels", channels), ("series", series), ("optimise", optimise)):
            if value is not None:
                raise InputError(f"--target goes with a GROUP, e.g. A5, and not with --{option}")
        return compile_target(asked, target, alphabet, resets, answers)
    for option, given in (("resets", resets), ("answers", answers)):
        if given:
            raise InputError(f"--{option} goes with --target, e.g. --target olmo-hybrid")
    stack = stack_for(asked, family)
    if isinstance(asked, Automaton):
        if any(option is not None for option in (alphabet, channels, series, optimise)):
            raise InputError("alphabet, channels, series and optimise are for groups, not for an automaton")
        compilation: Compilation = compile_automaton(asked, *stack)
    elif stack[0].has_blocks:
        for option, value in (("channels", channels), ("series", series), ("optimise", optimise)):
            if value is not None:
                raise InputError(f"--{option} is for diagonal layers, not for --family {stack[0].name}")
        compilation = compile_blocks(_listed(asked, ORDER_LIMIT, "blocks are written"), stack[0], alphabet)
    elif not asked.is_listable and channels is series is optimise is None:
        compilation = factored_compilation(asked, stack, alphabet)
    else:
        compilation = _group_compilation(asked.listed(), stack, alphabet, channels, series, optimise)
    compilation.require_right()
    return Compiled(compilation)


def _listed(asked: PermutationGroup, most: int, what: str) -> Group:
    """The group with its elements listed. Raises `InputError`, before they are, where there are too many."""
    if asked.order > most:
        size = describe_order(asked.order)
        raise InputError(f"{asked.name}: order {size}; {what} up to order {most:,}, e.g. for S6")
    return asked.listed()


def _group_compilation(
    group: Group,
    stack: tuple[Family, ...],
    alphabet: str | Sequence[int] | None,
    channels: str | None,
    series: str | None,
    optimise: str | None,
) -> GroupCompilation:
    for option, value in (("series", series), ("optimise", optimise)):
        if value is not None and len(stack) > 1:
            raise InputError(f"--{option} goes with one family, not with a stack of {len(stack)}")
    if series is not None and optimise is not None:
        raise InputError("--series and --optimise each choose the series; give one of them")
    own = None
    if series is not None:
        own = read_series(group, series, stack[0])
    elif optimise is not None:
        from ..algebra.depth.optimise import best_series

        choice = best_series(group, stack[0], optimise)
        if choice is not None:  # else the compiler says why the family cannot
            own, channels = choice.series, channels or choice.channels
    return compile_group(group, stack, alphabet, channels or "invariant", own)
