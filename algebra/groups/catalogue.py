"""The 7,012 groups of order at most 255, by the numbers of GAP's SmallGrp library (Besche, Eick and O'Brien).

Solvable groups are kept as polycyclic presentations: generators g_1 … g_l of relative orders p_1 … p_l, such that
every element is g_1^e_1 ⋯ g_l^e_l in one way. That element has the index of its exponents read in mixed radix, g_1
most significant. The 14 groups that are not solvable are kept as permutations.
`algebra/groups/data/README.md` describes the file.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import parse_permutation, rows
from .group import Group
from .permutation_group import generated_group

LARGEST_ORDER = 255
"""The catalogue holds every group up to this order."""

Table = NDArray[np.uint8]


@cache
def _catalogue() -> str:
    return "\n" + (Path(__file__).parent / "data" / "small_groups.txt").read_text(encoding="ascii")


@cache
def _entries(order: int) -> list[str]:
    """The lines of one order, cut out of the file, which is sorted."""
    text = _catalogue()
    after = f"\n{order + 1} "
    return text[text.index(f"\n{order} ") + 1 : text.index(after) if after in text else len(text)].splitlines()


def number_of_groups(order: int) -> int:
    """How many groups of this order there are, up to isomorphism.

    Raises:
        InputError: the order is not in the catalogue.
    """
    if not 1 <= order <= LARGEST_ORDER:
        raise InputError(
            f"no groups of order {order} in the catalogue: it holds orders 1 to {LARGEST_ORDER}, e.g. SmallGroup(24,12)"
        )
    return len(_entries(order))


@lru_cache(maxsize=64)
def small_group(order: int, number: int) -> Group:
    """GAP's `SmallGroup(order, number)`, named so, with its multiplication table.

    A solvable group acts on itself and its elements are numbered by their exponents; its generators are those of the
    presentation without the redundant ones (from the last to the first, each is dropped if the rest still generate).
    One that is not solvable acts on fewer points.

    Raises:
        InputError: there is no such group.
    """
    count = number_of_groups(order)
    if not 1 <= number <= count:
        choices = f"there are {count} groups of order {order}: SmallGroup({order},1) … SmallGroup({order},{count})"
        if count == 1:
            choices = f"there is one group of order {order}: SmallGroup({order},1)"
        raise InputError(f"no SmallGroup({order},{number}); {choices}")
    _, _, kind, *rest = _entries(order)[number - 1].split(" ")
    name = f"SmallGroup({order},{number})"
    if kind == "permutations":
        return generated_group(rows([parse_permutation(cycles) for cycles in rest]), order, name)
    if order == 1:
        return Group.from_table(np.zeros((1, 1), dtype=np.uint8), name, ())
    relative_orders = [int(p) for p in kind.split(".")]
    positions = [ord(letter) - ord("a") for letter in rest[0]]
    generators = [int(np.prod(relative_orders[i + 1 :], dtype=int)) for i in positions]
    return Group.from_table(_multiplication_table(relative_orders, rest[1:]), name, generators)


def presentation_of(order: int, number: int) -> tuple[int, ...] | None:
    """The relative orders p_1 … p_r of a group's presentation; None for one that is not solvable. In `small_group` the
    i-th generator is element p_{i+1} ⋯ p_r."""
    kind = _entries(order)[number - 1].split(" ")[2]
    return None if kind == "permutations" else tuple(int(p) for p in kind.split(".") if int(p) > 1)


_LETTER = re.compile(r"([a-h])(\d*)")


def _multiplication_table(relative_orders: list[int], relations: list[str]) -> Table:
    """The table of a polycyclic presentation, built from the last generator up; shape (order, order).

    Let N = ⟨g_{i+1}, …⟩ with its table be known, g = g_i, p = p_i, z = g^p ∈ N, and φ(x) = g⁻¹·x·g on N. Then
    (g^a·x)·(g^b·y) = g^{a+b}·φ^b(x)·y, and where a+b ≥ p it is g^{a+b-p}·z·φ^b(x)·y: every block of the new table is
    made of rows of the old one.
    """
    exponents: dict[str, list[tuple[int, int]]] = {}
    for relation in relations:
        left, right = relation.split("=")
        exponents[left] = [(ord(letter) - ord("a"), int(power or 1)) for letter, power in _LETTER.findall(right)]
    length = len(relative_orders)
    stride = [1] * (length + 1)  # stride[i + 1] is the index of g_i, and the order of ⟨g_{i+1}, …⟩
    for i in reversed(range(length)):
        stride[i] = stride[i + 1] * relative_orders[i]
    table = np.zeros((1, 1), dtype=np.uint8)
    for i in reversed(range(length)):
        p, size, name = relative_orders[i], stride[i + 1], chr(ord("a") + i)
        conjugate = np.zeros(1, dtype=np.uint8)  # φ on ⟨g_j, …⟩ for j = l, …, i+1
        for j in range(length - 1, i, -1):
            word = exponents.get(f"{chr(ord('a') + j)}^{name}", [(j, 1)])
            image = sum(power * stride[k + 1] for k, power in word)
            powers = [0]
            for _ in range(relative_orders[j] - 1):
                powers.append(int(table[powers[-1], image]))
            conjugate = table[np.array(powers)[:, None], conjugate].reshape(-1)
        z = sum(power * stride[k + 1] for k, power in exponents.get(f"{name}^{p}", []))
        larger = np.empty((p, size, p, size), dtype=np.uint8)
        conjugated = np.arange(size, dtype=np.uint8)  # φ^b
        for b in range(p):
            product = table[conjugated]
            carried = table[table[z, conjugated]] if z else product
            for a in range(p):
                np.add(product if a + b < p else carried, (a + b) % p * size, out=larger[a, :, b], casting="unsafe")
            conjugated = conjugate[conjugated]
        table = larger.reshape(p * size, p * size)
    return table
