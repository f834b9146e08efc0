"""Checks of a cascade: exhaustive over all states and tokens, and numeric on long words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.groups.group import Group
from subnormal.constructions.cascade import Cascade
from subnormal.constructions.words import products, word_pieces

PIECE = 1 << 18
"""Tokens run between two reports of progress."""


class Runner(Protocol):
    """Something that runs a word piece by piece: `constructions.execution.Machine`, or a network.

    `largest_error` is the largest phase error met so far, as a share of the margin.
    """

    largest_error: float

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[np.integer]:
        """Element indices after every token of the next piece, shape (T,)."""


@dataclass(frozen=True)
class Trial:
    """A run of a machine on one word, so far.

    Arguments:
        kind: of the word.
        tokens: run so far.
        seconds: spent in the machine.
        first_wrong: position of the first wrong output, counted from 1; None if there is none.
        expected, found: the elements there.
        largest_error: the largest phase error so far, as a share of the margin.
    """

    kind: str
    tokens: int
    seconds: float
    first_wrong: int | None = None
    expected: int | None = None
    found: int | None = None
    largest_error: float = 0.0


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


def try_word(
    machine: Runner, group: Group, alphabet: NDArray[np.integer], kind: str, length: int, seed: int = 0
) -> Iterator[Trial]:
    """Run a machine on a word piece by piece and compare every output with the group's product; stops at the first
    wrong one."""
    product, seconds, done = 0, 0.0, 0
    for tokens in word_pieces(kind, group, alphabet, length, seed, PIECE):
        expected = products(group, alphabet[tokens], product)
        began = time.perf_counter()
        found = machine.outputs(tokens)
        seconds += time.perf_counter() - began
        wrong = np.flatnonzero(found != expected)
        if len(wrong):
            place = int(wrong[0])
            elements = int(expected[place]), int(found[place])
            yield Trial(kind, done + len(tokens), seconds, done + place + 1, *elements, machine.largest_error)
            return
        done += len(tokens)
        yield Trial(kind, done, seconds, largest_error=machine.largest_error)
        product = int(expected[-1])
