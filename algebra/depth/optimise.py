"""The cheapest series: a search over all subnormal series with abelian factors.

The members of such series form a graph with an edge N → M where M < N is normal in N and N/M is a factor that the
family carries. A path from G to 1 is a series. What M leads to costs the same for all conjugates of M, so one of each
class is a node; the series is conjugated into place at the end.

Four costs add up along a path, or take their maximum: layers,
channels, the largest modulus (whose inverse is twice the margin), and the entries of the increment tables for one
token. Going down the graph, every node keeps the costs that no other path to it beats in all four; what arrives at 1
is the exact Pareto front (Martins 1984).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ...common.brief import Brief
from ...common.errors import InputError
from ...common.terminal import Shown
from ..groups.group import Group, Subgroup
from .abelian import abelian_factor
from .families import Family
from .series import Series, shortest_series, verbal_subgroup
from .width import all_between

if TYPE_CHECKING:
    from rich.console import RenderableType

MAX_CLASSES = 1000
"""More classes of members than this are not searched."""

MAX_EDGES = 10_000
"""More factors than this are not looked at."""

MAX_LABELS = 2000
"""More unbeaten costs than this at one subgroup are not kept."""

GOALS = ("depth", "channels", "margin", "table")
"""What `--optimise` can ask for."""


@dataclass(frozen=True, order=True)
class Cost:
    """What a series costs.

    Arguments:
        layers: number of factors.
        channels: of all layers together.
        modulus: the largest; the margin is 1/(2·modulus) turns.
        entries: of the increment tables, for each token: Σ (states of the lower layers)·(channels of the layer).
    """

    layers: int
    channels: int
    modulus: int
    entries: int

    def beats(self, other: Cost) -> bool:
        """Whether this cost is no worse in anything."""
        return (
            self.layers <= other.layers
            and self.channels <= other.channels
            and self.modulus <= other.modulus
            and self.entries <= other.entries
        )

    def key(self, goal: str) -> tuple[int, ...]:
        """What to minimise for a goal, in order of importance."""
        return {
            "depth": (self.layers, self.channels, self.modulus, self.entries),
            "channels": (self.channels, self.layers, self.modulus, self.entries),
            "margin": (self.modulus, self.layers, self.channels, self.entries),
            "table": (self.entries, self.layers, self.channels, self.modulus),
        }[goal]


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Brief):
    """A series that no other series searched beats in everything.

    Arguments:
        series: subnormal, complete.
        channels: `invariant` or `primary`.
        cost: what it costs.
        moduli: of each layer.
    """

    series: Series
    channels: str
    cost: Cost
    moduli: tuple[tuple[int, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """A JSON object; the margin is a fraction of a turn as text."""
        return {
            "series": list(self.series.orders),
            "channels": self.channels,
            "moduli": [list(layer) for layer in self.moduli],
            "cost": asdict(self.cost) | {"margin": str(Fraction(1, 2 * self.cost.modulus))},
        }


@dataclass(frozen=True, eq=False, repr=False)
class Choices(Shown, Sequence[Choice]):
    """The series that none beats, as a sequence of `Choice`.

    Arguments:
        found: the choices.
        family: title of the family that they are for.
    """

    found: tuple[Choice, ...]
    family: str

    @overload
    def __getitem__(self, place: int) -> Choice: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Choice]: ...
    def __getitem__(self, place: int | slice) -> Choice | Sequence[Choice]:
        return self.found[place]

    def __len__(self) -> int:
        return len(self.found)

    def as_json(self) -> list[dict[str, Any]]:
        """One JSON object each."""
        return [choice.as_json() for choice in self.found]

    def view(self) -> RenderableType:
        """The table of `inspect --pareto`."""
        from .inspection_view import pareto_view

        return pareto_view(self.found, self.family)


@dataclass(frozen=True, eq=False)
class _Label:
    cost: Cost
    path: tuple[_Edge, ...]


@dataclass(frozen=True, eq=False)
class _Edge:
    """A factor under one node that leads to another.

    Arguments:
        target: the number of the class of its lower member.
        by: its lower member is g⁻¹·(the representative of that class)·g for g = `by`.
        moduli: with invariant and with primary channels.
        count: how many lower members of that class have this factor.
    """

    target: int
    by: int
    moduli: dict[str, tuple[int, ...]]
    count: int = 1


class _Graph:
    """Members of subnormal series with the factors of one family, up to conjugacy, each after all that lie above it.

    Raises:
        InputError: there are too many.
    """

    def __init__(self, group: Group, layer: Family) -> None:
        self.group = group
        self.nodes: list[Subgroup] = []
        self.edges: list[list[_Edge]] = []
        number: dict[bytes, tuple[int, int]] = {}
        waiting: dict[int, list[Subgroup]] = {group.order: [group.whole]}
        count = 0
        found: list[tuple[Subgroup, list[tuple[bytes, dict[str, tuple[int, ...]]]]]] = []
        number.update(self._orbit(group.whole, 0))
        while waiting:
            for upper in waiting.pop(max(waiting)):
                below = []
                largest = abelian_factor(upper, verbal_subgroup(upper, layer.exponent))
                for lower in all_between(largest, len(largest.in_primary_channels().moduli)):
                    if lower.order == upper.order:
                        continue
                    count += 1
                    if count > MAX_EDGES:
                        raise InputError(_too_many(group, f"{MAX_EDGES:,} factors in its series"))
                    factor = abelian_factor(upper, lower)
                    primary = factor.in_primary_channels().moduli
                    below.append((lower.mask.tobytes(), {"invariant": factor.moduli, "primary": primary}))
                    if lower.mask.tobytes() not in number:
                        number.update(self._orbit(lower, len(number)))
                        waiting.setdefault(lower.order, []).append(lower)
                found.append((upper, below))
                if len(found) > MAX_CLASSES:
                    raise InputError(_too_many(group, f"{MAX_CLASSES} classes of subgroups in its series"))
        place = {number[upper.mask.tobytes()][0]: i for i, (upper, _) in enumerate(found)}
        for upper, below in found:
            self.nodes.append(upper)
            best: dict[tuple[int, tuple[int, ...]], _Edge] = {}  # conjugates with one factor are one edge
            for mask, moduli in below:
                own, by = number[mask]
                key = place[own], moduli["invariant"]
                known = best.get(key, _Edge(place[own], by, moduli, 0))
                best[key] = replace(known, count=known.count + 1)
            self.edges.append(list(best.values()))

    def _orbit(self, subgroup: Subgroup, own: int) -> dict[bytes, tuple[int, int]]:
        """All conjugates g⁻¹·H·g by their masks, with the number of the class and g."""
        group = self.group
        everything = np.arange(group.order)
        found = {subgroup.mask.tobytes(): (own, 0)}
        masks = [(subgroup.mask, 0)]
        for mask, by in masks:  # grows while it is walked
            for g in group.generators:
                moved = mask[group.multiply(group.multiply(g, everything), group.inverse(g))]
                if moved.tobytes() not in found:
                    found[moved.tobytes()] = (own, group.times(by, g))
                    masks.append((moved, group.times(by, g)))
        return found

    def series(self, path: Sequence[_Edge]) -> tuple[Subgroup, ...]:
        """The members along a path from G, conjugated into place."""
        members, by = [self.nodes[0]], 0
        for edge in path:
            by = self.group.times(edge.by, by)
            member = self.nodes[edge.target]
            moved = [self.group.conjugate(x, by) for x in member.generators]
            members.append(self.group.subgroup(moved))
        return tuple(members)


def _too_many(group: Group, what: str) -> str:
    return f"{group.name} has more than {what}: they are not searched; leave --optimise or --pareto out"


def pareto_front(group: Group, layer: Family) -> list[Choice]:
    """All unbeaten costs of subnormal series for a family, each with one series; empty where there is none.

    Raises:
        InputError: too many subgroups or costs.
    """
    if not shortest_series(group, layer).is_complete:
        return []
    graph = _Graph(group, layer)
    choices: list[Choice] = []
    for channels in ("invariant", "primary"):
        for label in _labels(graph, channels):
            series = Series(graph.series(label.path), (layer,) * len(label.path))
            moduli = tuple(edge.moduli[channels] for edge in label.path)
            choices.append(Choice(series, channels, label.cost, moduli))
    return _unbeaten_choices(choices)


def _unbeaten_choices(choices: list[Choice]) -> list[Choice]:
    kept: list[Choice] = []
    for choice in sorted(choices, key=lambda choice: (choice.cost, choice.channels)):
        if not any(other.cost.beats(choice.cost) for other in kept):
            kept.append(choice)
    return kept


def _labels(graph: _Graph, channels: str) -> list[_Label]:
    last = len(graph.nodes) - 1
    labels: list[list[_Label]] = [[] for _ in graph.nodes]
    labels[0] = [_Label(Cost(0, 0, 1, 0), ())]
    for node, upper in enumerate(graph.nodes):  # every factor leads to a later one
        lower_states = graph.group.order // upper.order
        for edge in graph.edges[node]:
            moduli = edge.moduli[channels]
            for label in labels[node]:
                cost = Cost(
                    label.cost.layers + 1,
                    label.cost.channels + len(moduli),
                    max(label.cost.modulus, *moduli),
                    label.cost.entries + lower_states * len(moduli),
                )
                if not any(other.cost.beats(cost) for other in labels[edge.target]):
                    kept = [other for other in labels[edge.target] if not cost.beats(other.cost)]
                    labels[edge.target] = [*kept, _Label(cost, (*label.path, edge))]
        if len(labels[node]) > MAX_LABELS:
            raise InputError(
                f"more than {MAX_LABELS} series none of which beats another: not searched further; "
                "leave out --pareto or --optimise: a shortest series is found without"
            )
    return labels[last]


def best_series(group: Group, layer: Family, goal: str) -> Choice | None:
    """The subnormal series that is best for a goal; None where the family cannot track the group.

    Raises:
        InputError: an unknown goal, or too much to search.
    """
    if goal not in GOALS:
        raise InputError(f"unknown goal {goal[:40]!r}; wanted one of {', '.join(GOALS)}")
    return min(pareto_front(group, layer), key=lambda choice: choice.cost.key(goal), default=None)


@dataclass(frozen=True, eq=False, repr=False)
class KindOfSeries(Brief):
    """Subnormal series with the same abelian factors in the same order.

    Arguments:
        moduli: of each factor, from the top: n_1 … n_d, each dividing the next.
        count: how many series there are.
        series: one of them.
    """

    moduli: tuple[tuple[int, ...], ...]
    count: int
    series: Series[Subgroup]


@dataclass(frozen=True, eq=False, repr=False)
class ShortestSeries(Brief):
    """All subnormal series with abelian factors of least length.

    Arguments:
        length: the number of factors, which is the derived length.
        kinds: one for each sequence of factors.
    """

    length: int
    kinds: tuple[KindOfSeries, ...]

    @property
    def count(self) -> int:
        """How many series there are."""
        return sum(kind.count for kind in self.kinds)

    def as_json(self) -> dict[str, Any]:
        """The JSON of `inspect --series --json`."""
        kinds = [
            {"factors": [list(m) for m in kind.moduli], "count": kind.count, "series": list(kind.series.orders)}
            for kind in self.kinds
        ]
        return {"length": self.length, "count": self.count, "kinds": kinds}


def shortest_subnormal_series(group: Group, layer: Family) -> ShortestSeries | None:
    """All subnormal series of least length with factors of the family; None where there is none.

    Raises:
        InputError: there is too much to search.
    """
    graph = _Graph(group, layer)
    last = len(graph.nodes) - 1
    if last == 0:
        return ShortestSeries(0, (KindOfSeries((), 1, Series((group.whole,), ())),))
    level: dict[tuple[int, tuple[tuple[int, ...], ...]], tuple[int, tuple[_Edge, ...]]] = {(0, ()): (1, ())}
    if graph.nodes[last].order > 1:
        return None
    length = 0
    while not any(node == last for node, _ in level):
        length += 1
        below: dict[tuple[int, tuple[tuple[int, ...], ...]], tuple[int, tuple[_Edge, ...]]] = {}
        for (node, moduli), (count, path) in level.items():
            for edge in graph.edges[node]:
                key = edge.target, (*moduli, edge.moduli["invariant"])
                known, kept = below.get(key, (0, (*path, edge)))
                below[key] = known + count * edge.count, kept
        if len(below) > MAX_LABELS:
            raise InputError(_too_many(group, f"{MAX_LABELS:,} kinds of series"))
        level = below
    kinds = [
        KindOfSeries(moduli, count, Series(graph.series(path), (layer,) * length))
        for (node, moduli), (count, path) in sorted(level.items(), key=lambda item: item[0])
        if node == last
    ]
    return ShortestSeries(length, tuple(kinds))
