"""The cheapest series: a search over all series of normal subgroups with abelian factors.

The normal subgroups of G form a graph with an edge N → M where M < N and N/M is a factor that the family carries. A
path from G to 1 is a series of normal subgroups. Four costs add up along a path, or take their maximum: layers,
channels, the largest modulus (whose inverse is twice the margin), and the entries of the increment tables for one
token. Going down the graph, every node keeps the costs that no other path to it beats in all four; what arrives at 1
is the exact Pareto front (Martins 1984).

What is searched: every series whose members are normal in G. What is not: series that are only subnormal. No series
at all has fewer layers than the derived series, so the least number of layers is least outright; the other minima are
claimed among the series searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from ...common.errors import InputError
from ..groups.group import Group, Subgroup
from ..groups.isomorphism import conjugacy_classes
from .abelian import AbelianFactor, abelian_factor
from .families import Family
from .series import Series, verbal_subgroup

MAX_NORMAL_SUBGROUPS = 500
"""More normal subgroups than this are not searched (C2^5 has 374, C2^6 has 2,825)."""

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


@dataclass(frozen=True, eq=False)
class Choice:
    """A series that no other series searched beats in everything.

    Arguments:
        series: of normal subgroups, complete.
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


@dataclass(frozen=True, eq=False)
class _Label:
    cost: Cost
    path: tuple[int, ...]


def normal_subgroups(group: Group) -> list[Subgroup]:
    """All normal subgroups, the largest first: the normal closures of elements, and all joins of them.

    Raises:
        InputError: there are more than `MAX_NORMAL_SUBGROUPS`.
    """
    closures: dict[bytes, Subgroup] = {}
    for representative in np.flatnonzero(conjugacy_classes(group).labels == np.arange(group.order)).tolist():
        closure = group.whole.normal_closure([representative])
        closures.setdefault(closure.mask.tobytes(), closure)
    found = {group.trivial_subgroup.mask.tobytes(): group.trivial_subgroup}
    waiting = [group.trivial_subgroup]
    while waiting:
        subgroup = waiting.pop()
        for closure in closures.values():
            if closure <= subgroup:
                continue
            join = subgroup.extended(closure.generators)
            key = join.mask.tobytes()
            if key not in found:
                found[key] = join
                waiting.append(join)
                if len(found) > MAX_NORMAL_SUBGROUPS:
                    raise InputError(
                        f"{group.name} has more than {MAX_NORMAL_SUBGROUPS} normal subgroups: its series are not "
                        "searched; leave --optimise or --pareto out"
                    )
    return sorted(found.values(), key=lambda subgroup: (-subgroup.order, subgroup.members.tolist()))


def pareto_front(group: Group, layer: Family) -> list[Choice]:
    """All unbeaten costs of series of normal subgroups for a family, each with one series; empty where there is none.

    Raises:
        InputError: too many normal subgroups or costs.
    """
    subgroups = normal_subgroups(group)
    factors: _Factors = [{} for _ in subgroups]
    for i, upper in enumerate(subgroups):
        smallest = verbal_subgroup(upper, layer.exponent)
        for j in range(i + 1, len(subgroups)):
            lower = subgroups[j]
            if lower.order < upper.order and smallest <= lower and lower <= upper:
                factors[i][j] = abelian_factor(upper, lower)
    choices: list[Choice] = []
    for channels in ("invariant", "primary"):
        for label in _labels(factors, subgroups, channels):
            members = tuple(subgroups[node] for node in label.path)
            series = Series(members, (layer,) * (len(members) - 1))
            moduli = tuple(_moduli(factors[i][j], channels) for i, j in pairwise(label.path))
            choices.append(Choice(series, channels, label.cost, moduli))
    return _unbeaten_choices(choices)


def _unbeaten_choices(choices: list[Choice]) -> list[Choice]:
    kept: list[Choice] = []
    for choice in sorted(choices, key=lambda choice: (choice.cost, choice.channels)):
        if not any(other.cost.beats(choice.cost) for other in kept):
            kept.append(choice)
    return kept


_Factors = list[dict[int, AbelianFactor]]
"""For each normal subgroup, the largest first, the factors over those below it."""


def _labels(factors: _Factors, subgroups: Sequence[Subgroup], channels: str) -> list[_Label]:
    last = len(subgroups) - 1
    labels: list[list[_Label]] = [[] for _ in subgroups]
    labels[0] = [_Label(Cost(0, 0, 1, 0), (0,))]
    for node in range(len(subgroups)):  # every factor leads to a later one
        for following, factor in factors[node].items():
            moduli = _moduli(factor, channels)
            lower_states = subgroups[0].order // subgroups[node].order
            for label in labels[node]:
                cost = Cost(
                    label.cost.layers + 1,
                    label.cost.channels + len(moduli),
                    max(label.cost.modulus, *moduli),
                    label.cost.entries + lower_states * len(moduli),
                )
                if not any(other.cost.beats(cost) for other in labels[following]):
                    kept = [other for other in labels[following] if not cost.beats(other.cost)]
                    labels[following] = [*kept, _Label(cost, (*label.path, following))]
        if len(labels[node]) > MAX_LABELS:
            raise InputError(f"more than {MAX_LABELS} series none of which beats another: not searched further")
    return labels[last]


def _moduli(factor: AbelianFactor, channels: str) -> tuple[int, ...]:
    return factor.moduli if channels == "invariant" else factor.in_primary_channels().moduli


def best_series(group: Group, layer: Family, goal: str) -> Choice | None:
    """The series of normal subgroups that is best for a goal; None where the family cannot track the group.

    Raises:
        InputError: an unknown goal, or too much to search.
    """
    if goal not in GOALS:
        raise InputError(f"unknown goal {goal[:40]!r}; wanted one of {', '.join(GOALS)}")
    return min(pareto_front(group, layer), key=lambda choice: choice.cost.key(goal), default=None)
