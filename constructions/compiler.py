"""The driver: one call a pass, from a group to its machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ..algebra.arithmetic.abelian_invariants import abelian_name
from ..algebra.arithmetic.permutations import cycles
from ..algebra.depth.decomposition import Decomposition, decompose
from ..algebra.depth.families import CIRCLE, Family
from ..algebra.depth.refusal import refusal, way_out
from ..algebra.depth.series import Series, given_series, shortest_series, verbal_series
from ..algebra.groups.group import Group
from ..algebra.groups.identify import small_group_id
from ..algebra.input.elements import read_elements
from ..algebra.tracked import TrackedGroup
from ..common.errors import InputError
from ..common.kinds import GROUP
from ..common.wording import counted
from .artifact import cascade_files, network_files
from .cascade import Cascade, compile_cascade
from .compilation import Compilation
from .verification import cases
from .weights import Weights, weights_of

if TYPE_CHECKING:
    from rich.console import RenderableType

FULL_ALPHABET_LIMIT = 1024
"""Up to this order the default alphabet is the whole group; beyond it the generators."""

MAX_TABLE_ENTRIES = 2**28
"""Largest number of entries, states × alphabet × channels, that a cascade's tables may have."""


@dataclass(frozen=True, eq=False, repr=False)
class GroupCompilation(Compilation):
    """Every intermediate form of the compilation of a listed group.

    Arguments:
        group: its element numbers are the network's classes.
        series: the subnormal series that was used.
        decomposition: the series with its abelian factors.
        cascade: the exact integer machine.
        stated: more fields of `cascade.json`, such as where a machine that was learnt comes from.
    """

    kind = GROUP

    group: Group
    series: Series
    decomposition: Decomposition
    cascade: Cascade
    stated: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.group.name

    @cached_property
    def tracked(self) -> TrackedGroup:
        return TrackedGroup(self.group, self.cascade.alphabet)

    @cached_property
    def weights(self) -> Weights:
        return weights_of(self.cascade)

    @property
    def cases(self) -> str:
        return cases(self.cascade)

    def machine_files(self) -> dict[str, bytes | str]:
        """The files of the machine alone, without a network's."""
        return cascade_files(self.cascade, {**self._described(), **self.stated})

    def files(self) -> dict[str, bytes | str]:
        return self.machine_files() | network_files(self.weights)

    def _described(self) -> dict[str, Any]:
        """The fields of `cascade.json` beside format and layers."""
        group = self.group
        known = "small_group_id" in self.stated
        identity = None if known else small_group_id(group)
        return {
            "name": group.name,
            "order": group.order,
            "small_group_id": list(identity) if identity else None,
            "notes": list(group.notes),
            "alphabet": [cycles(group.elements[a]) for a in self.cascade.alphabet] if group.degree <= 64 else None,
            "series": list(self.series.orders),
            "factors": [list(factor.moduli) for factor in self.decomposition.factors],
            "decomposition": str(self.decomposition.extension),
        }

    def title(self) -> str:
        extension = str(self.decomposition.extension)
        structure = f" = {extension}" if extension != self.group.name else ""
        layers = counted(len(self.cascade.layers), "layer")
        tokens = counted(len(self.cascade.alphabet), "token")
        return f"{self.group.name}{structure}: order {self.group.order:,}, {layers}, {tokens}"

    def layer_lines(self) -> list[str]:
        return [
            f"layer {i}: {layer.family} carries {abelian_name(layer.moduli)}, {counted(len(layer.moduli), 'channel')}"
            for i, layer in enumerate(self.cascade.layers, 1)
        ]

    def account(self, width: int) -> Iterator[RenderableType]:
        """What each layer carries, and the phases that it adds."""
        from .account import group_account

        yield from (Text(f"note: {note}", style="yellow") for note in self.group.notes)
        yield Text()
        yield from group_account(self, width)

    def draw(self, path: Path) -> None:
        """Draw the series, and for each layer its phases."""
        from .pictures.picture import draw

        draw(self, path)

    def page(self) -> dict[str, Any]:
        from .pages.machine_page import cascade_data

        parts = self.decomposition
        return cascade_data(self.cascade, self.group, str(parts.extension), parts.splits)


def compile_group(
    group: Group,
    stack: Sequence[Family],
    alphabet: str | Sequence[int] | None = None,
    channels: str = "invariant",
    series: Series | None = None,
) -> GroupCompilation:
    """Compile a group for one family (any number of layers of it) or a mixed stack (exactly these layers).

    Arguments:
        group: any listed group.
        stack: one family, or several, first layer first.
        alphabet: `all`, `generators`, element indices, or a text that lists elements; None for the default.
        channels: `invariant` (fewest channels) or `primary` (widest margins).
        series: the user's own, instead of the shortest.

    Raises:
        InputError: the family or stack cannot track the group (with the reason), or an option does not fit.
    """
    if channels not in ("invariant", "primary"):
        raise InputError(f"unknown kind of channels {channels!r}; wanted invariant or primary")
    if series is None:
        series = shortest_series(group, stack[0]) if len(stack) == 1 else verbal_series(group, stack)
    if not series.is_complete:
        points = int((group.elements != group.elements[0]).any(axis=0).sum())
        solvable = shortest_series(group, CIRCLE).is_complete
        next_command = way_out(group.order, points, solvable) if len(stack) == 1 else ""
        raise InputError(refusal(series, stack) + next_command)
    if group.order == 1:
        raise InputError(f"{group.name} is trivial: 0 layers track it, there is nothing to compile; try C2")
    tokens = read_alphabet(group, alphabet)
    _require_size(group, series, len(tokens))
    decomposition = decompose(series)
    if channels == "primary":
        factors = tuple(factor.in_primary_channels() for factor in decomposition.factors)
        decomposition = Decomposition(series, factors, decomposition.extension, decomposition.splits)
    cascade = compile_cascade(decomposition, tokens)
    return GroupCompilation(group, series, decomposition, cascade)


def _require_size(group: Group, series: Series, tokens: int) -> None:
    entries = group.order * tokens * max(1, series.length)
    if entries > MAX_TABLE_ENTRIES:
        raise InputError(
            f"{group.name}: tables of {group.order:,} states × {tokens:,} tokens × {series.length} layers exceed "
            f"{MAX_TABLE_ENTRIES:,} entries; "
            "try --alphabet generators"
        )


def read_alphabet(group: Group, alphabet: str | Sequence[int] | None) -> NDArray[np.int32]:
    """The elements that may appear as tokens, shape (m,).

    A text is `all`, `generators`, or elements separated by `;` (or commas between numbers): indices, or permutations
    in GAP's notation.
    """
    if alphabet is None:
        alphabet = "all" if group.order <= FULL_ALPHABET_LIMIT else "generators"
    if alphabet == "all":
        return np.arange(group.order, dtype=np.int32)
    if alphabet == "generators":
        return np.array(group.generators, dtype=np.int32)
    elements = read_elements(group, alphabet) if isinstance(alphabet, str) else list(alphabet)
    if not elements:
        raise InputError("an empty alphabet; wanted all, generators, or elements such as '1;3' or '(1,2);(1,2,3)'")
    for element in elements:
        if not 0 <= element < group.order:
            raise InputError(f"element {element} in the alphabet; {group.name} has elements 0 … {group.order - 1}")
    if len(set(elements)) < len(elements):
        twice = next(element for element in elements if elements.count(element) > 1)
        raise InputError(f"element {twice} appears twice in the alphabet")
    return np.array(elements, dtype=np.int32)


def read_series(group: Group, text: str, layer: Family) -> Series:
    """A user's own series: generators of G_1, G_2, … separated by `|`, e.g. `(1,2,3);(1,2)(3,4) |
    (1,2)(3,4);(1,3)(2,4)` for S4."""
    members = [group.subgroup(read_elements(group, part)) for part in text.split("|")]
    return given_series(group, members, layer)
