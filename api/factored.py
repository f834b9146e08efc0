"""Groups too large to list: what `compile` returns for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.depth.families import FAMILIES
from ..algebra.groups.permutation_group import PermutationGroup, describe_order
from ..algebra.input.elements import read_tokens
from ..common.errors import InputError
from ..common.kinds import FACTORED
from ..common.terminal import WIDTH, Shown, plain_table
from ..common.wording import counted, short
from ..constructions.factored.artifact import save_factored
from ..constructions.factored.bound import lower_bound
from ..constructions.factored.cascade import FactoredCascade
from ..constructions.factored.compiler import FactoredCompilation, compile_factored
from ..constructions.factored.proof import Line, cases, first_fault, needed_layers
from .groups import stack_of


@dataclass(frozen=True, eq=False, repr=False)
class FactoredCompiled(Shown):
    """A group too large to list, compiled into a factored cascade; it has been proved to track words of every length.

    Its states stand for permutations. It has no network: it runs as integers.

    Arguments:
        compilation: the cascade with what is known of its group.
        program: nested commutators of tokens that show how many layers are needed.
        needed: no stack of fewer layers of the family can track the group.
    """

    compilation: FactoredCompilation
    program: tuple[Line, ...]
    needed: int

    @property
    def name(self) -> str:
        return self.cascade.name

    @property
    def cascade(self) -> FactoredCascade:
        """The exact integer machine."""
        return self.compilation.cascade

    @property
    def order(self) -> int:
        """Of the group."""
        return self.compilation.chain.order

    @property
    def cases(self) -> int:
        """How many equations between points were checked."""
        return cases(self.cascade)

    @property
    def kind(self) -> str:
        """Of the folder that `save` writes."""
        return FACTORED

    def save(self, folder: str | Path, force: bool = False) -> Path:
        """Write the folder that `compile` writes.

        Arguments:
            folder: where.
            force: whether a folder of another kind is replaced.

        Raises:
            InputError: the folder cannot be written; or it holds something of another kind, and `force` is not given.
        """
        save_factored(Path(folder), self.compilation, self.program, force)
        return Path(folder)

    def title(self) -> str:
        """One line: the group, layers, channels and tokens."""
        cascade = self.cascade
        layers, channels = counted(cascade.depth, "layer"), counted(len(cascade.channels), "channel")
        size = f"order {describe_order(self.order)} on {cascade.degree} points"
        return f"{self.name}: {size}, {layers}, {channels}, {counted(len(cascade.alphabet), 'token')}"

    def view(self, width: int = WIDTH) -> RenderableType:
        """The account that `compile` prints: lines of text, and the table of layers, which folds by itself."""
        cascade, structure = self.cascade, self.compilation.structure
        found: list[RenderableType] = [
            Text(self.title(), style="bold"),
            Text("compiled as a factored cascade: its states stand for permutations, and nothing is listed"),
            Text(f"parts: {structure.text}  (order on points of each)"),
        ]
        if not structure.exact:
            states = describe_order(structure.order)
            found.append(Text(f"note: their product has {states} states, more than needed", style="yellow"))
        proved = f"proved: words of every length are tracked, by {self.cases:,} equations between points"
        found += [Text(), _layer_table(cascade), Text(), Text(proved)]
        if self.needed == cascade.depth:
            fewer, lines = counted(cascade.depth - 1, "layer"), counted(len(self.program), "line")
            found.append(Text(f"proved: {fewer} cannot, by a program of {lines} of nested commutators"))
        else:
            least = counted(self.needed, "layer")
            found.append(Text(f"note: {least} needed at least, {cascade.depth} used", style="yellow"))
        return Renderables(*found)

    def __repr__(self) -> str:
        carried = [_carried(self.cascade, layer) for layer in range(1, self.cascade.depth + 1)]
        layers = [f"  layer {i}: {self.cascade.family} carries {what}" for i, what in enumerate(carried, 1)]
        return "\n".join([self.title(), *layers])


def compiled_factored(
    group: PermutationGroup, family: str | Sequence[str] | None = None, alphabet: str | Sequence[int] | None = None
) -> FactoredCompiled:
    """Compile a group without listing it, and prove the result.

    Arguments:
        group: any group of permutations.
        family: one family, of which any number of layers may be used; `aussm` if None.
        alphabet: None or `generators`, or permutations such as `(1,2);(1,2,3)`.

    Raises:
        InputError: the group cannot be tracked or compiled, or an option does not fit.
    """
    stack = stack_of("aussm" if family is None else family)
    if len(stack) > 1:
        names = ",".join(layer.name for layer in stack)
        raise InputError(f"{short(group.name)} is too large to list; wanted one family for it, not {names}, e.g. aussm")
    if alphabet is not None and not isinstance(alphabet, str):
        raise InputError(
            f"{short(group.name)} is not listed, so its elements have no numbers; wanted e.g. '(1,2);(1,2,3)'"
        )
    compilation = compile_factored(group.name, read_tokens(group, alphabet), stack[0])
    cascade = compilation.cascade
    fault = first_fault(cascade)
    if fault:
        raise AssertionError(f"the compiled cascade is wrong: {fault}")
    program = lower_bound(cascade.alphabet, FAMILIES[cascade.family].exponent)
    return FactoredCompiled(compilation, tuple(program), needed_layers(cascade, program))


def _carried(cascade: FactoredCascade, layer: int) -> str:
    """What a layer carries, e.g. `C2^3xC3`."""
    moduli = sorted(channel.modulus for channel in cascade.channels if channel.layer == layer)
    return "x".join(f"C{n}" + f"^{moduli.count(n)}" * (moduli.count(n) > 1) for n in dict.fromkeys(moduli))


def _layer_table(cascade: FactoredCascade) -> RenderableType:
    """What each layer carries and how much it reads."""
    table = plain_table("layer", "carries", "channels", "a channel reads", "largest table", "entries")
    for layer in range(1, cascade.depth + 1):
        channels = [channel for channel in cascade.channels if channel.layer == layer]
        carries = _carried(cascade, layer)
        counts = sorted({len(channel.reads) for channel in channels})
        reads = f"{counts[0]} to {counts[-1]} others" if len(counts) > 1 else f"{counts[0]} others"
        largest = max((channel.increments.shape for channel in channels), key=lambda shape: shape[0] * shape[1])
        entries = sum(channel.increments.size for channel in channels)
        table.add_row(
            str(layer), carries, str(len(channels)), reads, f"{largest[0]:,} x {largest[1]:,}", f"{entries:,}"
        )
    return table
