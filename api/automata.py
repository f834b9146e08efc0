"""Automata from description to weights: what `compile` returns for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.automata.automaton import Automaton
from ..algebra.depth.families import names, parse_stack
from ..common.errors import InputError
from ..common.kinds import AUTOMATON
from ..common.terminal import WIDTH, Shown
from ..common.wording import counted
from ..constructions.automata.compiler import AutomatonCompilation, compile_automaton, first_fault
from ..constructions.cascade import Cascade
from ..constructions.verification import cases
from ..constructions.weights import Weights, weights_of

if TYPE_CHECKING:
    from ..models.network import DCDNetwork


@dataclass(frozen=True, eq=False, repr=False)
class CompiledAutomaton(Shown):
    """An automaton compiled into a cascade and the weights of a network; every reachable state × letter was checked.

    Arguments:
        compilation: every intermediate form.
    """

    compilation: AutomatonCompilation

    @property
    def cases(self) -> str:
        """What was gone through."""
        return cases(self.cascade)

    @property
    def name(self) -> str:
        return self.compilation.given.name

    @property
    def automaton(self) -> Automaton:
        """What is tracked: the minimal automaton, or its reachable part where the state is the output. Its state
        numbers are the network's classes."""
        return self.compilation.automaton

    @property
    def cascade(self) -> Cascade:
        """The exact integer machine."""
        return self.compilation.cascade

    @cached_property
    def weights(self) -> Weights:
        """The network's parameters, before torch."""
        return weights_of(self.cascade)

    def network(self, dtype: str = "float64") -> DCDNetwork:
        """The network, a `torch.nn.Module`: letters (batch, length) → logits (batch, length, states).

        Arguments:
            dtype: `float64`, or `float32` with every weight rounded once.
        """
        from ..models.compiled import network_of

        if dtype not in ("float32", "float64"):
            raise InputError(f"unknown dtype {dtype[:40]!r}; wanted one of float32, float64")
        return network_of(self.weights, dtype)

    @property
    def kind(self) -> str:
        """Of the folder that `save` writes."""
        return AUTOMATON

    def save(self, folder: str | Path, force: bool = False) -> Path:
        """Write the folder that `compile` writes: the cascade and the network.

        Arguments:
            folder: where.
            force: whether a folder of another kind is replaced.

        Raises:
            InputError: the folder cannot be written; or it holds something of another kind, and `force` is not given.
        """
        from ..constructions.automata.artifact import save_automaton

        save_automaton(Path(folder), self.compilation, force)
        return Path(folder)

    def picture(self, path: str | Path) -> Path:
        """Draw what letters do to each channel; PNG, SVG or PDF by the suffix. Raises `InputError`."""
        from ..constructions.automata.picture import draw

        draw(self.compilation, Path(path))
        return Path(path)

    def title(self) -> str:
        """One line: the automaton, layers and letters."""
        verdict, layers = self.compilation.verdict, len(self.cascade.layers)
        if verdict is None:
            bound = f"the stack {names(self.compilation.stack)}"
        else:
            bound = "no fewer can" if verdict.least == layers else f"at least {verdict.least} needed"
        states = counted(self.automaton.count, "state")
        return f"{self.name}: {states}, {counted(layers, 'layer')} ({bound}), {counted(self.automaton.width, 'letter')}"

    def view(self, width: int = WIDTH) -> RenderableType:
        """The account that `compile` prints: what each layer holds, and what letters do to it."""
        return Renderables(*self._parts(width))

    def _parts(self, width: int) -> Iterator[RenderableType]:
        from ..constructions.automata.account import account

        yield Text(self.title(), style="bold")
        for note in self.automaton.notes:
            yield Text(f"note: {note}", style="yellow")
        yield Text()
        yield from account(self.cascade, self.weights, width)

    def __repr__(self) -> str:
        layers = [
            f"  layer {i}: {layer.family}, moduli {' '.join(map(str, layer.moduli))}"
            for i, layer in enumerate(self.cascade.layers, 1)
        ]
        return "\n".join([self.title(), *layers])

    def _repr_png_(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            return self.picture(Path(folder) / "picture.png").read_bytes()


def compiled_automaton(given: Automaton, family: str | None = None) -> CompiledAutomaton:
    """Compile an automaton for one family: by default AUSSM where every letter permutes the states, else Gated AUSSM;
    or for a stack of several, e.g. `aussm,mamba`.

    Raises:
        InputError: the family cannot carry the automaton (the message says why), or its tables would be too large.
    """
    if family is None:
        family = "aussm" if given.minimal().is_permutation else "gated-aussm"
    compilation = compile_automaton(given, *parse_stack(family))
    fault = first_fault(compilation.cascade)
    if fault:
        raise AssertionError(f"the compiled cascade is wrong: {fault}")
    return CompiledAutomaton(compilation)
