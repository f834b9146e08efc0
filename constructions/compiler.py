"""The driver: one call a pass, from a group to an artifact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..algebra.arithmetic.permutations import cycles, parse_permutation, split_permutations
from ..algebra.depth.decomposition import Decomposition, decompose
from ..algebra.depth.families import FAMILIES, Family
from ..algebra.depth.refusal import refusal, way_out
from ..algebra.depth.series import Series, given_series, shortest_series, verbal_series
from ..algebra.groups.group import Group
from ..common.errors import InputError
from .artifact import save_artifact
from .cascade import Cascade, compile_cascade
from .weights import Weights, weights_of

FULL_ALPHABET_LIMIT = 1024
"""Up to this order the default alphabet is the whole group; beyond it the generators."""

MAX_TABLE_ENTRIES = 2**28
"""Largest number of entries, states × alphabet × channels, that a cascade's tables may have."""


@dataclass(frozen=True, eq=False)
class Compilation:
    """Every intermediate form of one compilation."""

    group: Group
    series: Series
    decomposition: Decomposition
    cascade: Cascade
    weights: Weights


def compile_group(
    group: Group,
    stack: Sequence[Family],
    alphabet: str | Sequence[int] | None = None,
    channels: str = "invariant",
    series: Series | None = None,
) -> Compilation:
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
        solvable = shortest_series(group, FAMILIES["aussm"]).is_complete
        next_command = way_out(group.name, group.order, solvable) if len(stack) == 1 else ""
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
    return Compilation(group, series, decomposition, cascade, weights_of(cascade))


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


def read_elements(group: Group, text: str) -> list[int]:
    """Element indices from a text such as `1;3`, `1,3`, `(1,2);(1,2,3)` or `(1 2), (1 2 3)`. Raises `InputError` for
    what is not an element."""
    own = split_permutations(text) if "(" in text or ";" in text else text.split(",")
    parts = [part.strip() for part in own if part.strip()]
    elements = []
    for part in parts:
        if part.isascii() and part.isdigit() and len(part) < 10:
            if int(part) >= group.order:
                raise InputError(f"element {part}; {group.name} has elements 0 … {group.order - 1}")
            elements.append(int(part))
            continue
        if not part.startswith("("):
            raise InputError(
                f"cannot read the element {part[:40]!r}; wanted an index, e.g. 3, or a permutation, e.g. (1,2,3)"
            )
        image = parse_permutation(part)
        permutation = np.arange(max(group.degree, len(image)))
        permutation[: len(image)] = image
        fits = len(permutation) == group.degree
        permutation = permutation.astype(group.elements.dtype) if fits else permutation
        if not fits or not group.contains(permutation):
            raise InputError(f"{cycles(permutation)} is not an element of {group.name}")
        elements.append(int(group.index_of(permutation[None])[0]))
    return elements


def read_series(group: Group, text: str, layer: Family) -> Series:
    """A user's own series: generators of G_1, G_2, … separated by `|`, e.g. `(1,2,3);(1,2)(3,4) |
    (1,2)(3,4);(1,3)(2,4)` for S4."""
    members = [group.subgroup(read_elements(group, part)) for part in text.split("|")]
    return given_series(group, members, layer)


def describe(compilation: Compilation, small_group_id: tuple[int, int] | None) -> dict[str, Any]:
    """The artifact's metadata."""
    group, series = compilation.group, compilation.series
    return {
        "name": group.name,
        "order": group.order,
        "small_group_id": list(small_group_id) if small_group_id else None,
        "notes": list(group.notes),
        "alphabet": [cycles(group.elements[a]) for a in compilation.cascade.alphabet] if group.degree <= 64 else None,
        "series": list(series.orders),
        "factors": [list(factor.moduli) for factor in compilation.decomposition.factors],
        "decomposition": str(compilation.decomposition.extension),
    }


def save(compilation: Compilation, folder: Path, small_group_id: tuple[int, int] | None, force: bool = False) -> None:
    """Write the artifact; see `constructions.artifact.save_artifact`."""
    save_artifact(folder, compilation.cascade, compilation.weights, describe(compilation, small_group_id), force)
