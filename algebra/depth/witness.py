"""Reasons why fewer layers cannot do: expressions that a checker evaluates in a few multiplications.

If a group had an abelian-by-…-by-abelian series of length k-1, every (k-1)-fold nested commutator would be trivial.
One that is not proves depth ≥ k; with m-th powers as further nodes the same holds for families of exponent m. For a
group that is never trackable the witness is the subgroup at which its series stands still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.brief import Brief
from ..arithmetic.permutations import cycles
from ..groups.group import Group, Subgroup
from .families import Family
from .series import Series


@dataclass(frozen=True)
class Expression:
    """A tree over group elements: a leaf, the commutator of two trees (`x⁻¹y⁻¹xy`), or the m-th power of one.

    Arguments:
        value: element index it evaluates to.
        parts: none for a leaf, two for a commutator, one for a power.
        exponent: m for a power, else 0.
    """

    value: int
    parts: tuple[Expression, ...] = ()
    exponent: int = 0

    @property
    def height(self) -> int:
        """Number of nested operations; 0 for a leaf."""
        return 1 + max(part.height for part in self.parts) if self.parts else 0

    def conjugated(self, group: Group, by: int) -> Expression:
        """The same tree with every leaf conjugated, hence the value too."""
        return Expression(
            group.conjugate(self.value, by), tuple(part.conjugated(group, by) for part in self.parts), self.exponent
        )

    def text(self, group: Group) -> str:
        """The tree with permutations in GAP's notation at its leaves, e.g. `[(1,2),(1,2,3)]`."""
        if not self.parts:
            return cycles(group.elements[self.value])
        if self.exponent:
            return f"({self.parts[0].text(group)})^{self.exponent}"
        return f"[{self.parts[0].text(group)}, {self.parts[1].text(group)}]"

    def nested(self) -> Any:
        """The tree for JSON: a leaf is an element index, a commutator `[left, right]`, a power `{"power": m, "of":
        tree}`."""
        if not self.parts:
            return self.value
        if self.exponent:
            return {"power": self.exponent, "of": self.parts[0].nested()}
        return [part.nested() for part in self.parts]


def evaluate(group: Group, nested: Any) -> int:
    """The value of `Expression.nested()`, from its leaves alone."""
    if isinstance(nested, dict):
        return group.power(evaluate(group, nested["of"]), nested["power"])
    if isinstance(nested, list):
        return group.commutator(evaluate(group, nested[0]), evaluate(group, nested[1]))
    return int(nested)


def _words(group: Group, trees: list[Expression], exponent: int) -> Iterator[Expression]:
    if exponent:
        for tree in trees:
            yield Expression(group.power(tree.value, exponent), (tree,), exponent)
    for i, a in enumerate(trees):
        for b in trees[:i]:
            yield Expression(group.commutator(a.value, b.value), (a, b))


def depth_witness(series: Series) -> Expression | None:
    """A tree of height k-1 with value ≠ 1, for a shortest complete series of length k; None where k = 0.

    Going down the series, every generator of V_i is kept as a tree of height i: commutators and powers of trees of
        height i-1, and
    conjugates of these by V_{i-1}, whose leaves are conjugated.
    """
    if not series.length:
        return None
    group = series.group
    trees = [Expression(generator) for generator in group.generators]
    for layer, smaller in zip(series.families[:-1], series.subgroups[1:-1], strict=True):
        kept: list[Expression] = []
        span = group.trivial_subgroup
        for tree in _words(group, trees, layer.exponent):
            if tree.value not in span:
                span = span.extended([tree.value])
                kept.append(tree)
        for tree in kept:  # grows while it is walked
            if span.order == smaller.order:
                break
            for by in trees:
                conjugate = group.conjugate(tree.value, by.value)
                if conjugate not in span:
                    span = span.extended([conjugate])
                    kept.append(tree.conjugated(group, by.value))
        trees = kept
    return next(tree for tree in trees if tree.value)


@dataclass(frozen=True, eq=False, repr=False)
class Residual(Brief):
    """The subgroup V at which a group's series stands still: V = [V, V]·V^m ≠ 1.

    Arguments:
        subgroup: V.
        exponent: m of the family; 0 for the derived series, where V is the perfect residual.
        expressions: for each generator of V, factors [x, y] or x^m with x, y in V whose product is the generator.
    """

    subgroup: Subgroup
    exponent: int
    expressions: tuple[tuple[Expression, ...], ...]


def residual(series: Series, layer: Family) -> Residual:
    """The residual of an incomplete `shortest_series`, each generator being written as a product of words in it."""
    subgroup = series.subgroups[-1]
    wanted = subgroup.generators
    group = subgroup.group
    random = subgroup.members
    if len(random) > MAX_PARTNERS:  # not all are tried; and NumPy's generators take a while to import
        random = np.random.default_rng(0).permutation(random)
    found: dict[int, Expression] = {0: Expression(0)}
    if layer.exponent:
        powers = random
        for _ in range(layer.exponent - 1):
            powers = group.multiply(powers, random)
        _enter(found, powers, lambda place: (Expression(int(random[place])),), layer.exponent)
    inverses = group.inverses
    y = random[:MAX_PARTNERS]
    for x in [*wanted, *random[:MAX_PARTNERS].tolist()]:
        if all(g in found for g in wanted):
            break
        values = group.multiply(group.multiply(inverses[x], inverses[y]), group.multiply(x, y))
        first = Expression(int(x))
        _enter(found, values, partial(_pair, first, y), 0)
    words = np.array(list(found))
    return Residual(
        subgroup,
        layer.exponent,
        tuple(tuple(found[value] for value in as_product(group, g, words)) for g in wanted),
    )


def _pair(first: Expression, others: NDArray, place: int) -> tuple[Expression, ...]:
    return first, Expression(int(others[place]))


MAX_PARTNERS = 1000
"""Elements of the residual that commutators are formed of, besides its generators."""


def _enter(
    found: dict[int, Expression], values: NDArray, parts: Callable[[int], tuple[Expression, ...]], exponent: int
) -> None:
    """Enter each value with the first word that has it."""
    for value, place in zip(*np.unique(values, return_index=True), strict=True):
        if int(value) not in found:
            found[int(value)] = Expression(int(value), parts(int(place)), exponent)


def as_product(group: Group, target: int, words: NDArray) -> list[int]:
    """target as a product of as few of the words as possible, which generate a group that contains it."""
    known = np.zeros(group.order, dtype=bool)
    known[words] = True
    reached: list[NDArray] = [np.array([target])]  # what is left after taking one more word off the left
    while not known[reached[-1]].any():
        following = np.unique(
            group.multiply(group.inverses[words], reached[-1][:MAX_PARTNERS, None]), return_index=True
        )[0]
        reached.append(following)
    product = [int(reached[-1][known[reached[-1]]][0])]
    for level in reversed(reached[:-1]):  # rest = word⁻¹·level, so word = level·rest⁻¹ for some element of the level
        rest = product[0] if len(product) == 1 else group.product(product)
        candidates = group.multiply(level, group.inverse(rest))
        product.insert(0, int(candidates[known[candidates]][0]))
    return product
