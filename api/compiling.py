"""From a group to weights: compile, folders on disk, pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.arithmetic.abelian_invariants import abelian_name
from ..algebra.automata.automaton import Automaton
from ..common.errors import InputError
from ..common.kinds import GROUP
from ..common.terminal import WIDTH, Shown
from ..common.wording import counted
from ..constructions.cascade import Cascade
from ..constructions.compiler import Compilation, compile_group, read_series, save
from ..constructions.verification import cases, first_fault
from .automata import CompiledAutomaton, compiled_automaton
from .factored import FactoredCompiled, compiled_factored
from .groups import MachineLike, machine, stack_of
from .verifying import DTYPES

if TYPE_CHECKING:
    from ..algebra.depth.decomposition import Decomposition
    from ..algebra.depth.series import Series
    from ..algebra.groups.group import Group
    from ..algebra.groups.permutation_group import PermutationGroup
    from ..constructions.weights import Weights
    from ..models.network import DCDNetwork


@dataclass(frozen=True, eq=False, repr=False)
class Compiled(Shown):
    """A group compiled into a cascade and the weights of a network; every state × token has been checked.

    Arguments:
        compilation: every intermediate form.
    """

    compilation: Compilation

    @property
    def name(self) -> str:
        """The group's."""
        return self.group.name

    @property
    def cases(self) -> str:
        """What was gone through."""
        return cases(self.cascade)

    @property
    def group(self) -> Group:
        """The group with its elements listed; element numbers are the network's classes."""
        return self.compilation.group

    @property
    def series(self) -> Series:
        """The subnormal series that was used."""
        return self.compilation.series

    @property
    def decomposition(self) -> Decomposition:
        """The series with its abelian factors."""
        return self.compilation.decomposition

    @property
    def cascade(self) -> Cascade:
        """The exact integer machine."""
        return self.compilation.cascade

    @property
    def weights(self) -> Weights:
        """The network's parameters, before torch."""
        return self.compilation.weights

    def network(self, dtype: str = "float64") -> DCDNetwork:
        """The network, a `torch.nn.Module`: tokens (batch, length) → logits (batch, length, order).

        Arguments:
            dtype: `float64`, or `float32` with every weight rounded once.
        """
        from ..models.compiled import network_of

        if dtype not in DTYPES:
            raise InputError(f"unknown dtype {dtype[:40]!r}; wanted one of {', '.join(DTYPES)}")
        return network_of(self.weights, dtype)

    @property
    def kind(self) -> str:
        """Of the folder that `save` writes."""
        return GROUP

    def save(self, folder: str | Path, force: bool = False) -> Path:
        """Write the folder that `compile` writes: the cascade and the network.

        Arguments:
            folder: where.
            force: whether a folder of another kind is replaced.

        Raises:
            InputError: the folder cannot be written; or it holds something of another kind, and `force` is not given.
        """
        from ..algebra.groups.identify import small_group_id

        save(self.compilation, Path(folder), small_group_id(self.group), force)
        return Path(folder)

    def picture(self, path: str | Path) -> Path:
        """Draw the series, and for each layer its phases; PNG, SVG or PDF by the suffix. Raises `InputError`."""
        from ..constructions.pictures.picture import draw

        draw(self.compilation, Path(path))
        return Path(path)

    def title(self) -> str:
        """One line: the group, its decomposition, layers and tokens."""
        extension = str(self.decomposition.extension)
        structure = f" = {extension}" if extension != self.group.name else ""
        layers = counted(len(self.cascade.layers), "layer")
        tokens = counted(len(self.cascade.alphabet), "token")
        return f"{self.group.name}{structure}: order {self.group.order:,}, {layers}, {tokens}"

    def view(self, width: int = WIDTH) -> RenderableType:
        """The account that `compile` prints: what each layer carries, and the phases that it adds."""
        from ..constructions.account import account

        notes = [Text(f"note: {note}", style="yellow") for note in self.group.notes]
        return Renderables(Text(self.title(), style="bold"), *notes, Text(), *account(self.compilation, width))

    def __repr__(self) -> str:
        layers = [
            f"  layer {i}: {layer.family} carries {abelian_name(layer.moduli)}, {counted(len(layer.moduli), 'channel')}"
            for i, layer in enumerate(self.cascade.layers, 1)
        ]
        return "\n".join([self.title(), *layers])

    def _repr_png_(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            return self.picture(Path(folder) / "picture.png").read_bytes()


@overload
def compile(given: Automaton, family: str | Sequence[str] | None = ...) -> CompiledAutomaton: ...
@overload
def compile(
    given: Group,
    family: str | Sequence[str] | None = ...,
    alphabet: str | Sequence[int] | None = ...,
    channels: str | None = ...,
    series: str | None = ...,
    optimise: str | None = ...,
) -> Compiled: ...
@overload
def compile(
    given: PermutationGroup,
    family: str | Sequence[str] | None = ...,
    alphabet: str | Sequence[int] | None = ...,
    channels: str | None = ...,
    series: str | None = ...,
    optimise: str | None = ...,
) -> Compiled | FactoredCompiled: ...
@overload
def compile(
    given: MachineLike,
    family: str | Sequence[str] | None = ...,
    alphabet: str | Sequence[int] | None = ...,
    channels: str | None = ...,
    series: str | None = ...,
    optimise: str | None = ...,
) -> Compiled | CompiledAutomaton | FactoredCompiled: ...
def compile(
    given: MachineLike,
    family: str | Sequence[str] | None = None,
    alphabet: str | Sequence[int] | None = None,
    channels: str | None = None,
    series: str | None = None,
    optimise: str | None = None,
) -> Compiled | CompiledAutomaton | FactoredCompiled:
    """Compile a group or an automaton: a cascade that tracks it on words of every length, and the weights of a network.

    A group too large to list becomes a factored cascade, which is proved in the same way and has no network.

    Arguments:
        given: as for `sn.machine`. The options from `alphabet` on are for groups.
        family: one model family (any number of layers of it), or a stack, first layer first. Default:
            `aussm`, and for an automaton whose letters merge states `gated-aussm`.
        alphabet: `all`, `generators`, element numbers, or elements such as `(1,2);(1,2,3)`; None for all up to order
            1024, else generators. For a group too large to list: `generators`, or elements.
        channels: `invariant` (fewest channels, the default) or `primary` (widest margins).
        series: your own series: generators of G1, G2, … separated by `|`.
        optimise: `depth`, `channels`, `margin` or `table`: the best of all subnormal series.

    Raises:
        InputError: the family cannot track the group (the message says why), an option does not fit, or a group with
            one of the options from `channels` on is too large to list.
    """
    asked = machine(given)
    if isinstance(asked, Automaton):
        if any(option is not None for option in (alphabet, channels, series, optimise)):
            raise InputError("alphabet, channels, series and optimise are for groups, not for an automaton")
        return compiled_automaton(asked, family if family is None or isinstance(family, str) else ",".join(family))
    if not asked.is_listable and channels is series is optimise is None:
        return compiled_factored(asked, family, alphabet)
    stack, listed = stack_of("aussm" if family is None else family), asked.listed()
    own = None
    for option, value in (("series", series), ("optimise", optimise)):
        if value is not None and len(stack) > 1:
            raise InputError(f"--{option} goes with one family, not with a stack of {len(stack)}")
    if series is not None and optimise is not None:
        raise InputError("--series and --optimise each choose the series; give one of them")
    if series is not None:
        own = read_series(listed, series, stack[0])
    elif optimise is not None:
        from ..algebra.depth.optimise import best_series

        choice = best_series(listed, stack[0], optimise)
        if choice is not None:  # else the compiler says why the family cannot
            own, channels = choice.series, channels or choice.channels
    compilation = compile_group(listed, stack, alphabet, channels or "invariant", own)
    fault = first_fault(compilation.cascade, listed)
    if fault:
        raise AssertionError(f"the compiled cascade is wrong: {fault}")
    return Compiled(compilation)
