"""Which model families can carry an automaton at all, and how many layers each needs at least: with witnesses.

What is carried is decided by the transition monoid M of the automaton, whose states are all reachable and told apart:

* S4D: exactly the definite automata, in one layer;
* AUSSM and Simple AUSSM: M is a solvable group;
* Mamba: M is aperiodic;  Negative Mamba: every subgroup of M is a 2-group;  Gated AUSSM: every subgroup is solvable.

At least as many layers are needed as the subgroups of M need, and two where M breaks an identity that one layer obeys
(docs/mathematics.md has statements and proofs).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...common.errors import InputError
from ...common.wording import counted, describe_order
from ..automata.automaton import Automaton
from ..automata.image_groups import ImageGroup
from ..automata.monoid import TransitionMonoid
from ..groups.group import Group
from .automaton_witness import (
    Witness,
    cycle,
    kept_apart,
    merge,
    nested,
    not_one_layer,
    standstill,
)
from .families import Family
from .group_names import group_name
from .series import shortest_series, verbal_series
from .width import TooLargeError, widths_answer


@dataclass(frozen=True)
class Verdict:
    """What is proved about a family and an automaton.

    Arguments:
        family: the family.
        least: at least so many layers are needed; None where no number is enough.
        reason: why not fewer, or why never.
        witness: what shows it; None where nothing needs to be shown (one layer or none), and where a group is too large
            to list and no small part of it was found that shows as much.
    """

    family: Family
    least: int | None
    reason: str
    witness: Witness | None


def verdict(monoid: TransitionMonoid, layer: Family) -> Verdict:
    """Whether a family can carry an automaton, and its least number of layers as far as it is proved."""
    automaton = monoid.automaton
    if automaton.count == 1:
        return Verdict(layer, 0, "one state needs no layer", None)
    never = _never(automaton, monoid, layer)
    if never is not None:
        return Verdict(layer, None, *never)
    return _at_least(monoid, layer)


def _never(automaton: Automaton, monoid: TransitionMonoid, layer: Family) -> tuple[str, Witness | None] | None:
    if layer.is_constant:
        found = kept_apart(automaton)
        return (f"its states forget what lies far back, but {found.text}", found) if found else None
    if not layer.resets:
        found = merge(automaton)
        if found:
            return f"its layers never merge two states, but {found.text}", found
    if layer.exponent:
        wanted = (lambda length: length > 1) if layer.exponent == 1 else (lambda length: length & (length - 1) > 0)
        found = cycle(automaton, monoid, wanted)
        return (f"{layer.reason}; but {found.text}", found) if found else None
    for subgroup in monoid.maximal_subgroups:
        if not shortest_series(subgroup.group, layer).is_complete:
            found = standstill(automaton, subgroup, layer)
            text = found.text if found else "it is not solvable"
            return f"no stack carries the subgroup {name_of(subgroup)}: {text}", found
    return None


def _at_least(monoid: TransitionMonoid, layer: Family) -> Verdict:
    if layer.is_constant:
        return Verdict(layer, 1, "no layers track only one state", None)
    depths = [(*nested(monoid.automaton, subgroup, layer), subgroup) for subgroup in monoid.maximal_subgroups]
    least, witness, subgroup = max(depths, key=lambda found: found[0], default=(1, None, None))
    if least > 1 and subgroup is not None:
        text = witness.text if witness else f"its shortest series has {least} factors"
        reason = f"{counted(least - 1, 'layer')} cannot, for its subgroup {name_of(subgroup)}: {text}"
        return Verdict(layer, least, reason, witness)
    # A group that one layer carries is abelian, of the family's exponent, and obeys both laws.
    failing = not_one_layer(monoid, layer) if layer.resets and not monoid.is_group else None
    if failing is not None:
        return Verdict(layer, 2, f"1 layer cannot: {failing.text}", failing)
    return Verdict(layer, 1, "no layers track only one state", None)


def stack_refusal(monoid: TransitionMonoid, stack: Sequence[Family]) -> str | None:
    """Why a stack of families, layer 1 first, cannot track an automaton; None where nothing is proved against it.

    For each subgroup G of M the series V_i = [V_{i-1}, V_{i-1}]·V_{i-1}^{m_i} from V_0 = G must end at 1, and a stack
    that never sets a channel merges no states (docs/mathematics.md).

    Raises:
        InputError: there are S4D layers, which forget in a way of their own.
    """
    if any(layer.is_constant for layer in stack):
        raise InputError("stacks with S4D layers are not judged for automata; leave s4d out")
    if not any(layer.resets for layer in stack):
        found = merge(monoid.automaton)
        if found:
            return f"none of its layers merges two states, but {found.text}"
    for subgroup in monoid.maximal_subgroups:
        series = verbal_series(subgroup.group, stack)
        if not series.is_complete:
            orders = " ≥ ".join(f"{order:,}" for order in series.orders)
            return f"its subgroup {name_of(subgroup)} is not used up: orders {orders}"
    return None


def width_refusal(monoid: TransitionMonoid, stack: Sequence[Family], widths: Sequence[int]) -> str | None:
    """Why layers of these widths cannot track an automaton; None where nothing is proved against them.

    For each subgroup H of M, and each state q of its support that it moves, there must be a series from H down into the
    stabiliser of q, with factors that the layers carry (docs/mathematics.md). The maximal subgroups and one state of
    each orbit stand for all. Where M is a group nothing more is needed.

    Raises:
        TooLargeError: nothing was found against them, and not everything could be searched.
    """
    undecided: TooLargeError | None = None
    for subgroup in monoid.maximal_subgroups:
        group = subgroup.group
        if not isinstance(group, Group):
            undecided = TooLargeError(f"its subgroup {name_of(subgroup)} is too large to list")
            continue
        rows, seen = group.elements, set[int]()
        for point in range(rows.shape[1]):
            orbit = set(rows[:, point].tolist())
            if point in seen or len(orbit) == 1:
                continue
            seen |= orbit
            fixing = group.subgroup(np.flatnonzero(rows[:, point] == point).tolist())
            try:
                answer = widths_answer(group, stack, widths, fixing)
            except TooLargeError as error:
                undecided = error
                continue
            if not answer.tracks:
                state = monoid.automaton.states[subgroup.points[point]]
                moved = f"its subgroup {group_name(group)} moves the state {state}"
                return f"{moved}, and no series of it leads into what fixes that state: {answer.reason}"
    if undecided is not None:
        raise undecided
    return None


def is_definite(automaton: Automaton) -> bool:
    """Whether words of some length lead all states to one: the last letters alone decide."""
    return kept_apart(automaton) is None


def is_solvable(monoid: TransitionMonoid, layer: Family) -> bool:
    """Whether every subgroup of a monoid has a series that the family carries."""
    return all(shortest_series(own.group, layer).is_complete for own in monoid.maximal_subgroups)


def name_of(subgroup: ImageGroup) -> str:
    """The name of a subgroup; of one too large to list S_n or A_n on its points, else its order."""
    if isinstance(subgroup.group, Group):
        return group_name(subgroup.group)
    points = len(subgroup.points)
    for letter, order in (("S", math.factorial(points)), ("A", math.factorial(points) // 2)):
        if subgroup.order == order:
            return f"{letter}{points}"
    return f"a group of order {describe_order(subgroup.order)}"


def carried_subgroups(monoid: TransitionMonoid) -> list[tuple[str, ImageGroup]]:
    """The nontrivial maximal subgroups with their names, one for each regular J-class, smallest first."""
    found = [(name_of(own), own) for own in monoid.maximal_subgroups]
    return sorted(found, key=lambda pair: (pair[1].order, pair[0], len(pair[1].points)))
