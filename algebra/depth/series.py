"""Subnormal series with abelian factors: the derived series, and the shortest series for a stack of families.

For the stack F_1 … F_k with exponents m_1 … m_k put V_0 = G and V_i = [V_{i-1}, V_{i-1}]·V_{i-1}^{m_i}. V_i is the
smallest subgroup of V_{i-1} with an allowed factor, so the stack can track G if and only if V_k = 1
(docs/mathematics.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Generic, TypeVar, overload

from ...common.descent import descending
from ...common.errors import InputError
from ...common.packages import named_packages
from ...common.wording import describe_order, short
from ..chains.stabiliser_chain import StabiliserChain
from ..groups.abelian_group import AbelianGroup
from ..groups.group import Group, Subgroup
from .families import Family

Member = TypeVar("Member", Subgroup, StabiliserChain, AbelianGroup)
"""A subgroup of a listed group, one known by its stabiliser chain, or an abelian one by its moduli."""


@dataclass(frozen=True, eq=False, repr=False)
class Series(Generic[Member]):
    """A descending series G = G_0 ≥ G_1 ≥ … ≥ G_k, each normal in the one before with an abelian factor.

    Arguments:
        subgroups: G_0 … G_k, all of a listed group, all known by stabiliser chains, or all abelian by their moduli.
        families: one for each factor.
    """

    subgroups: tuple[Member, ...]
    families: tuple[Family, ...]

    def __repr__(self) -> str:
        return f"series {short(' > '.join(map(describe_order, self.orders)), 400)}"

    @property
    def group(self) -> Group:
        """The listed group; TypeError where it is not listed."""
        first = self.subgroups[0]
        if not isinstance(first, Subgroup):
            raise TypeError("a series of groups that are not listed has no list of elements")
        return first.group

    @property
    def length(self) -> int:
        return len(self.subgroups) - 1

    @property
    def orders(self) -> tuple[int, ...]:
        return tuple(subgroup.order for subgroup in self.subgroups)

    def to_networkx(self) -> Any:
        """The series as a Hasse diagram, a `networkx.DiGraph`: nodes 0 … k from G down, with the `order` of each and
        GAP's text of its `generators`; edges with the `order` of the factor and the layer's `family`.

        Raises:
            MissingPackageError: networkx is not installed.
        """
        from ..groups.conversions import to_gap

        with named_packages():
            import networkx
        graph = networkx.DiGraph(name=repr(self))
        for number, member in enumerate(self.subgroups):
            if isinstance(member, Subgroup):
                text = to_gap(member.group.elements[list(member.generators)])
            else:
                text = member.to_gap() if isinstance(member, AbelianGroup) else to_gap(member.generators)
            graph.add_node(number, order=member.order, generators=text)
        for number, family in enumerate(self.families):
            index = self.orders[number] // self.orders[number + 1]
            graph.add_edge(number, number + 1, order=index, family=family.name)
        return graph

    @property
    def is_complete(self) -> bool:
        """Whether the series ends at the trivial group."""
        return self.subgroups[-1].order == 1


def verbal_subgroup(subgroup: Member, exponent: int) -> Member:
    """[V, V]·V^m for V = `subgroup` and m = `exponent`; for m = 0 the derived subgroup.

    V/[V, V] is abelian, so commutators and m-th powers of generators generate it as a normal subgroup.
    """
    if isinstance(subgroup, AbelianGroup):
        return subgroup.powers(exponent)
    if isinstance(subgroup, StabiliserChain):
        from ..chains.series import verbal_subgroup as verbal_chain

        return verbal_chain(subgroup, exponent)
    if exponent == 1:
        return subgroup
    group, generators = subgroup.group, subgroup.generators
    words = [group.commutator(a, b) for i, a in enumerate(generators) for b in generators[:i]]
    if exponent:
        words += [group.power(a, exponent) for a in generators]
    return subgroup.normal_closure(words)


@overload
def verbal_series(group: Group, stack: Sequence[Family]) -> Series[Subgroup]: ...
@overload
def verbal_series(group: StabiliserChain, stack: Sequence[Family]) -> Series[StabiliserChain]: ...
@overload
def verbal_series(group: AbelianGroup, stack: Sequence[Family]) -> Series[AbelianGroup]: ...
def verbal_series(group: Group | StabiliserChain | AbelianGroup, stack: Sequence[Family]) -> Series[Any]:
    """V_0 … V_k for a stack of k families; it may end above the trivial group and may stand still on the way."""
    subgroups: list[Any] = [_whole(group)]
    for layer in stack:
        subgroups.append(verbal_subgroup(subgroups[-1], layer.exponent))
    return Series(tuple(subgroups), tuple(stack))


def _whole(group: Group | StabiliserChain | AbelianGroup) -> Subgroup | StabiliserChain | AbelianGroup:
    return group.whole if isinstance(group, Group) else group


@overload
def shortest_series(group: Group, layer: Family) -> Series[Subgroup]: ...
@overload
def shortest_series(group: StabiliserChain, layer: Family) -> Series[StabiliserChain]: ...
@overload
def shortest_series(group: AbelianGroup, layer: Family) -> Series[AbelianGroup]: ...
def shortest_series(group: Group | StabiliserChain | AbelianGroup, layer: Family) -> Series[Any]:
    """The shortest series whose factors one family carries, followed until it stands still.

    Complete if and only if some number of layers of the family can track the group; its length is then the depth.
    """
    subgroups: tuple[Any, ...] = tuple(descending(_whole(group), partial(verbal_subgroup, exponent=layer.exponent)))
    return Series(subgroups, (layer,) * (len(subgroups) - 1))


def given_series(group: Group, subgroups: Sequence[Subgroup], layer: Family) -> Series[Subgroup]:
    """A user's own series, from G_1 to the last nontrivial member (G_0 = G and G_k = 1 may be left out).

    Raises:
        InputError: a member is not a normal subgroup of the one before, or a factor is not one the family carries.
    """
    chain = [group.whole, *subgroups, group.trivial_subgroup]
    chain = [
        member
        for i, member in enumerate(chain)
        if i == 0 or member.order != chain[i - 1].order or not member <= chain[i - 1]
    ]
    for i, (upper, lower) in enumerate(pairwise(chain), 1):
        where = f"series member {i} (order {lower.order})"
        if not lower <= upper:
            raise InputError(f"{where} is not contained in the one before it (order {upper.order})")
        if not upper.normalises(lower):
            raise InputError(f"{where} is not normal in the one before it (order {upper.order})")
        if not verbal_subgroup(upper, layer.exponent) <= lower:
            kind = "abelian" if not layer.exponent else f"abelian of exponent dividing {layer.exponent}"
            raise InputError(f"the factor above {where} is not {kind}, as a layer of {layer.title} needs")
    return Series(tuple(chain), (layer,) * (len(chain) - 1))
