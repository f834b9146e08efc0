"""Words to try an automaton's machine on, and the states that the automaton itself runs through."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from subnormal.algebra.automata.automaton import Automaton
from subnormal.constructions.verification import PIECE, Runner, Trial
from subnormal.constructions.words import KINDS, Tokens, drawn, unknown_kind


def word_pieces(kind: str, automaton: Automaton, length: int, seed: int, piece: int) -> Iterator[Tokens]:
    """A word in pieces: random letters; one letter over and over; or a period that moves every letter's effect about.

    The constant letter is one with the longest cycle, so that rounding errors add up as long as they can; the
    commutator word repeats a⁻¹b⁻¹ab of the first two letters that do not commute, a letter's inverse being its power
    that undoes its cycles.

    Raises:
        InputError: an unknown kind.
    """
    yield from drawn(_period(kind, automaton), automaton.width, length, seed, piece)


def _period(kind: str, automaton: Automaton) -> list[int]:
    if kind not in KINDS:
        raise unknown_kind(kind)
    if kind == "random":
        return []
    powers = [_cycle_length(automaton, x) for x in range(automaton.width)]
    if kind == "constant":
        return [max(range(automaton.width), key=lambda x: (powers[x], -x))]
    a, b = next(
        (
            (x, y)
            for x in range(automaton.width)
            for y in range(x)
            if not np.array_equal(automaton.action([x, y]), automaton.action([y, x]))
        ),
        (0, automaton.width - 1),
    )
    return [*[a] * (powers[a] - 1), *[b] * (powers[b] - 1), a, b]


def _cycle_length(automaton: Automaton, letter: int) -> int:
    """The least common multiple of the cycles of a letter, at most 60."""
    image = automaton.table[:, letter].astype(np.intp)
    settled = np.arange(automaton.count)
    for _ in range(automaton.count):
        settled = image[settled]
    current, length = image[settled], 1
    while not np.array_equal(current, settled) and length < 60:
        current, length = image[current], length + 1
    return length


def try_word(machine: Runner, automaton: Automaton, kind: str, length: int, seed: int = 0) -> Iterator[Trial]:
    """Run a machine on a word piece by piece and compare every output with the automaton's; stops at the first wrong
    one."""
    state, seconds, done = automaton.start, 0.0, 0
    for tokens in word_pieces(kind, automaton, length, seed, PIECE):
        expected = automaton.run(tokens, state)
        began = time.perf_counter()
        found = machine.outputs(tokens)
        seconds += time.perf_counter() - began
        wrong = np.flatnonzero(found != expected)
        if len(wrong):
            place = int(wrong[0])
            states = int(expected[place]), int(found[place])
            yield Trial(kind, done + len(tokens), seconds, done + place + 1, *states, machine.largest_error)
            return
        done += len(tokens)
        yield Trial(kind, done, seconds, largest_error=machine.largest_error)
        state = int(expected[-1])
