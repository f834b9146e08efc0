"""Checks of a cascade: exhaustive over all states and tokens, and numeric on long words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..algebra.groups.group import Group
from ..algebra.tracked import Tracked, TrackedGroup
from ..common.wording import counted
from .cascade import Cascade
from .execution import TableMachine
from .factored.cascade import FactoredCascade
from .factored.proof import factored_fault

PIECE = 1 << 18
"""Tokens run between two reports of progress, at most."""

PIECE_ENTRIES = 1 << 22
"""Points of permutations that are compared at a time, at most."""


class Runner(Protocol):
    """Something that runs a word piece by piece: a cascade in one arithmetic, a factored cascade, or a network.

    `largest_error` is the largest phase error met so far, as a share of the margin.
    """

    largest_error: float

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[Any]:
        """What the machine says after every token of the next piece: elements or states, (T,), or permutations."""


@dataclass(frozen=True)
class Trial:
    """A run of a machine on one word, so far.

    Arguments:
        kind: of the word.
        tokens: run so far.
        seconds: spent in the machine.
        first_wrong: position of the first wrong output, counted from 1; None if there is none.
        expected, found: the elements, states or permutations there.
        largest_error: the largest phase error so far, as a share of the margin.
    """

    kind: str
    tokens: int
    seconds: float
    first_wrong: int | None = None
    expected: Any = None
    found: Any = None
    largest_error: float = 0.0


def cases(cascade: Cascade) -> str:
    """What an exhaustive check goes through: an automaton's cascade has the states alone that words lead to."""
    if cascade.automaton is None:
        return f"all {cascade.order:,} states × {counted(len(cascade.alphabet), 'token')}"
    return f"all {cascade.order:,} reachable states × {counted(len(cascade.alphabet), 'letter')}"


def first_fault(cascade: Cascade, group: Group) -> str | None:
    """Whether a cascade tracks a group on words of every length; None if it does, else what is wrong.

    Checks that decoding is a bijection, that the initial state decodes to the identity and that, for every state s
    and token x, decode(step(s, x)) = decode(s)·x. By induction on the length every word is then tracked.
    """
    decode = cascade.decode
    if not np.array_equal(np.sort(decode), np.arange(group.order)):
        return "decode is not a bijection"
    if decode[0] != 0:
        return f"the initial state decodes to element {decode[0]}, not to the identity"
    following = cascade.transitions()
    for token, element in enumerate(cascade.alphabet.tolist()):
        wrong = np.flatnonzero(decode[following[:, token]] != group.multiply(decode, element))
        if len(wrong):
            state = int(wrong[0])
            found = decode[following[state, token]]
            return f"state {state} (element {decode[state]}) and token {token} (element {element}) lead to {found}"
    return None


def automaton_fault(cascade: Cascade) -> str | None:
    """Whether a cascade tracks its automaton on words of every length; None if it does, else what is wrong.

    State 0 must decode to the start, and of every state s and every letter x, decode(step(s, x)) = δ(decode(s), x),
    where step(s, x) is a state again. By induction on the length every word is then tracked.
    """
    automaton = cascade.automaton
    assert automaton is not None
    following, held = cascade.transitions(), cascade.decode
    strange = np.flatnonzero((held < 0) | (held >= automaton.count))
    if len(strange):
        return f"state {strange[0]} is not decoded"
    if held[0] != automaton.start:
        return f"the initial state decodes to {held[0]}, the automaton starts in {automaton.start}"
    found = np.where(following < 0, -1, held[following])
    wrong = np.argwhere(found != automaton.table[held])
    if len(wrong):
        state, letter = (int(i) for i in wrong[0])
        after = "no state" if found[state, letter] < 0 else found[state, letter]
        return (
            f"state {state} ({automaton.states[held[state]]}) and letter {automaton.letters[letter]} lead to "
            f"{after}, the automaton to {automaton.table[held[state], letter]}"
        )
    return None


def machine_fault(machine: Cascade | FactoredCascade, tracked: Tracked) -> str | None:
    """Why a machine does not track what it is for on words of every length; None if it does. Which check goes with
    which machine is decided here alone. Raises `InputError` where a proof would be too large."""
    if isinstance(machine, FactoredCascade):
        return factored_fault(machine)
    return first_fault(machine, tracked.group) if isinstance(tracked, TrackedGroup) else automaton_fault(machine)


def try_word(machine: Runner, letters: Tracked, kind: str, length: int, seed: int = 0) -> Iterator[Trial]:
    """Run a machine on a word piece by piece and compare every output with what the letters lead to; stops at the first
    wrong one."""
    reached, seconds, done = letters.start, 0.0, 0
    piece = max(1, min(PIECE, PIECE_ENTRIES // np.size(reached)))
    for tokens in letters.pieces(kind, length, seed, piece):
        expected = letters.run(tokens, reached)
        began = time.perf_counter()
        found = machine.outputs(tokens, *([expected] if isinstance(machine, TableMachine) else []))
        seconds += time.perf_counter() - began
        wrong = np.flatnonzero((found != expected).reshape(len(tokens), -1).any(axis=1))
        if len(wrong):
            place = int(wrong[0])
            outputs = expected[place].tolist(), found[place].tolist()
            yield Trial(kind, done + len(tokens), seconds, done + place + 1, *outputs, machine.largest_error)
            return
        done += len(tokens)
        yield Trial(kind, done, seconds, largest_error=machine.largest_error)
        reached = expected[-1]
