"""From a snapped machine to the group that it tracks, and to the compiler's own forms of it.

Nothing here looks at a group that was given: the group is made of the machine's states, its numbering of the labels
that the trained network itself gives to the states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.decomposition import decompose
from ...algebra.depth.families import CIRCLE
from ...algebra.depth.series import given_series, shortest_series
from ...algebra.groups.group import Group
from ...algebra.groups.identify import small_group_id
from ...common.brief import Brief
from ...common.errors import RefutedError
from ...common.wording import counted
from ...constructions.cascade import compile_cascade
from ...constructions.compiler import GroupCompilation
from .machine import CounterMachine
from .words import MISSING, Words

Integers = NDArray[np.int64]


class NotExactError(RefutedError):
    """Why a snapped machine does not track a group on words of every length, or not the group of the words."""


@dataclass(frozen=True, eq=False, repr=False)
class ExactMachine(Brief):
    """A machine whose states are a group.

    Arguments:
        machine: the counters; or, from a block layer, the states alone.
        group: of the states, numbered by the labels (the start's first).
        compilation: the series of its layers, and the compiler's cascade and weights for them. From a block layer: the
            shortest series; None where the group has none, because it is not solvable.
        small_group_id: the group in GAP's library; None above order 255.
        element: shape (states,): the group element of each state.
        labels: shape (order,): the number of the label of each element.
    """

    machine: CounterMachine
    group: Group
    compilation: GroupCompilation | None
    small_group_id: tuple[int, int] | None
    element: Integers
    labels: Integers

    @property
    def is_of_blocks(self) -> bool:
        """Whether the states are those of a block layer: then no counters say what a layer carries."""
        return not self.machine.layers

    def outputs(self, tokens: Integers) -> Integers:
        """Label numbers after every token: (…, length) to (…, length)."""
        found: Integers = self.labels[self.element[self.machine.run(tokens)[1]]]
        return found

    def disagreement(self, words: Words) -> tuple[int, int] | None:
        """The first word and position whose given label is not the machine's; None where there is none."""
        wrong = np.argwhere((self.outputs(words.tokens) != words.labels) & (words.labels != MISSING))
        return (int(wrong[0][0]), int(wrong[0][1])) if len(wrong) else None


def exact_machine(machine: CounterMachine, decode: Integers, labels: int) -> ExactMachine:
    """The group of a machine's states.

    Arguments:
        machine: snapped.
        decode: shape (states,): the number of the label of each state.
        labels: how many labels there are.

    Raises:
        NotExactError: the states are not a group, or not one state for each label. The message says which.
    """
    layers = len(machine.layers)
    if machine.states != labels:
        raise NotExactError(
            f"{counted(layers, 'layer')} reach{'es' * (layers == 1)} {machine.states} states, for {labels} labels"
            + ("" if machine.states > labels else ": " + _missing(machine))
        )
    if len(set(decode.tolist())) != labels:
        twice = next(y for y in decode if (decode == y).sum() > 1)
        states = np.flatnonzero(decode == twice)[:2].tolist()
        raise NotExactError(f"states {states[0]} and {states[1]} are both decoded as label number {twice}")
    products = machine.products
    if products is None:
        raise NotExactError("the states that the words lead to do not multiply: the machine tracks no group on them")
    order = np.array([0, *sorted(range(1, machine.states), key=lambda s: decode[s])])
    element = np.empty(machine.states, dtype=np.int64)
    element[order] = np.arange(machine.states)
    table = element[products[np.ix_(order, order)]]
    tokens = element[machine.transitions[0]]
    generators = _generators(Group.from_table(table, "", ()), tokens)
    group = Group.from_table(table, "", generators)
    found = small_group_id(group)
    name = f"SmallGroup({found[0]},{found[1]})" if found else f"a group of order {group.order}"
    group = Group.from_table(table, name, generators)
    compilation = _compile(group, tokens, machine, element)
    exact = ExactMachine(machine, group, compilation, found, element, decode[order])
    if compilation is not None:
        _require_equal(exact, compilation)
    return exact


def _missing(machine: CounterMachine) -> str:
    if machine.layers and not machine.layers[-1]:
        return f"layer {len(machine.layers)} has no channel that is a counter"
    return "more layers or more channels are needed"


def _generators(group: Group, tokens: Integers) -> tuple[int, ...]:
    return group.subgroup(int(x) for x in tokens if x).generators


def _compile(group: Group, tokens: Integers, machine: CounterMachine, element: Integers) -> GroupCompilation | None:
    """The compiler's passes, with the series that the machine's layers are; without layers, the shortest if any."""
    if machine.layers:
        lower = np.arange(machine.states)
        members = []
        stack = [*machine.history[1:], machine]
        for upper in reversed(stack):
            members.append(group.subgroup(element[np.flatnonzero(lower == 0)].tolist()))
            lower = upper.lower[lower]
        series = given_series(group, members[::-1], CIRCLE)
    else:
        series = shortest_series(group, CIRCLE)
        if not series.is_complete:
            return None
    decomposition = decompose(series)
    cascade = compile_cascade(decomposition, tokens)
    return GroupCompilation(group, series, decomposition, cascade)


def _require_equal(exact: ExactMachine, compilation: GroupCompilation) -> None:
    """The learnt machine and the compiled cascade take every state and token to the same element."""
    cascade = compilation.cascade
    state_of = np.empty(cascade.order, dtype=np.int64)
    state_of[cascade.decode] = np.arange(cascade.order)
    compiled = cascade.decode[cascade.transitions()[state_of[exact.element]]]
    assert np.array_equal(compiled, exact.element[exact.machine.transitions]), "the cascade is another machine"


def outcome_json(seed: int, exact: ExactMachine | None, failure: str | None) -> dict[str, Any]:
    """What the figures of every run begin with: its seed and its outcome."""
    identity = exact.small_group_id if exact is not None else None
    return {
        "seed": seed,
        "exact": exact is not None,
        "failure": failure,
        "small_group_id": list(identity) if identity else None,
    }
