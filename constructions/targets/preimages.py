"""An automaton by preimages: values "the state is in S" that a letter only copies, from the value of S's preimage.

For a letter x, δ(q, x) ∈ S holds exactly if q ∈ x⁻¹(S). So a family of sets that holds every single state and is closed
under preimages is a machine whose letters copy coordinates, whatever they merge: a permutation keeps single states
single, a reset's preimages are everything or nothing, which are not coordinates but a 1 and a 0. Of a letter that
merges some states and keeps others apart there are more, up to 2ⁿ - 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import Automaton
from ...common.errors import InputError

ONE, ZERO = 0, 1
"""Coordinates that are always 1 and 0: the set of all states, and of none."""

FIXED = 2
"""So many coordinates stand before the others."""


@dataclass(frozen=True, eq=False)
class PreimageMachine:
    """Sets of states that are closed under the letters' preimages.

    Arguments:
        automaton: minimal, or its reachable part where the state is the output.
        values: (sets, states) bool: row i says which states are in set i. Rows `ONE` and `ZERO` are all and none, and
            the row of state q alone is `single[q]`. Every state is in as many sets.
        sources: (letters, sets): the number of the preimage of set i under letter x.
        single: (states,): see there.
    """

    automaton: Automaton
    values: NDArray[np.bool_]
    sources: NDArray[np.intp]
    single: NDArray[np.intp]


def preimage_machine(given: Automaton, most: int) -> PreimageMachine:
    """The least family that is closed; with complements where states would be in different numbers of sets.

    Arguments:
        given: the automaton.
        most: sets that are written at most, with the fixed two.

    Raises:
        InputError: there are more.

    Example:
        >>> from subnormal.algebra.automata.named import named_automaton
        >>> preimage_machine(named_automaton("counter(4)"), 100).values.shape
        (6, 4)
    """
    automaton = given.minimal()
    found = _closed(automaton, most, complements=False)
    if len(set(found.values.sum(0).tolist())) > 1:
        found = _closed(automaton, most, complements=True)
    fault = preimage_fault(found)
    if fault:
        raise AssertionError(f"the machine of preimages is wrong: {fault}")
    return found


def _closed(automaton: Automaton, most: int, complements: bool) -> PreimageMachine:
    table, count = automaton.table, automaton.count
    everything = np.ones(count, dtype=bool)
    rows = [everything, ~everything]
    number = {everything.tobytes(): ONE, (~everything).tobytes(): ZERO}

    def enter(row: NDArray[np.bool_]) -> int:
        for own in (row, ~row) if complements else (row,):
            if own.tobytes() not in number:
                if len(rows) >= most:
                    raise InputError(
                        f"{automaton.name}: its letters have more than {most - FIXED:,} sets of states as preimages, "
                        "one coordinate each; without --target it is compiled for a Gated AUSSM"
                    )
                number[own.tobytes()] = len(rows)
                rows.append(own)
        return number[row.tobytes()]

    single = [enter(everything & (np.arange(count) == state)) for state in range(count)]
    sources: list[list[int]] = []
    for row in rows:  # grows while it is walked
        sources.append([enter(np.ascontiguousarray(row[table[:, x]])) for x in range(automaton.width)])
    return PreimageMachine(automaton, np.array(rows), np.array(sources, dtype=np.intp).T, np.array(single))


def preimage_fault(machine: PreimageMachine) -> str | None:
    """What is wrong with a machine: every state × letter × set is tried. None where nothing is."""
    table, values = machine.automaton.table, machine.values
    for x in range(machine.automaton.width):
        if not np.array_equal(values[machine.sources[x]], values[:, table[:, x]]):
            return f"letter {machine.automaton.letters[x]} does not copy what it should"
    if not (values[ONE].all() and not values[ZERO].any()):
        return "the fixed coordinates are not fixed"
    if not np.array_equal(values[machine.single], np.eye(machine.automaton.count, dtype=bool)):
        return "a state has no coordinate of its own"
    if len(set(values.sum(0).tolist())) > 1:
        return "states are in different numbers of sets"
    return None
