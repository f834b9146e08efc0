"""Observed horizons: the first token at which an arithmetic decodes a word wrongly.

All arithmetics are run beside the exact cascade. Up to its first wrong decision a machine's channels are given the
right steps, so it is enough to give every channel the exact ones and to compare every residue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...algebra.tracked import Tracked
from ...constructions.arithmetics import Values, accumulate, read, start, stored_steps
from ...constructions.cascade import Cascade

PIECE = 1 << 18
"""Tokens at a time."""


@dataclass
class Observation:
    """One arithmetic on one word: tokens read so far, and the first with a wrong residue (from 1; None if none)."""

    arithmetic: str
    word: str
    tokens: int = 0
    first_wrong: int | None = None


@dataclass
class _Channels:
    """The channels of all layers in one arithmetic."""

    name: str
    moduli: tuple[int, ...]
    tables: list[Values] = field(init=False)
    carried: list[Values] = field(init=False)

    def __post_init__(self) -> None:
        self.tables = [stored_steps(n, self.name) for n in self.moduli]
        self.carried = [start(self.name) for _ in self.moduli]

    def first_wrong(self, steps: NDArray, sets: NDArray[np.bool_], residues: NDArray) -> int | None:
        """The first wrong position of a piece, from 0; steps, where they are set, and exact residues have shape
        (channels, T)."""
        found = []
        for j, n in enumerate(self.moduli):
            values = accumulate(
                self.name, self.carried[j], self.tables[j][steps[j]], sets[j] if sets[j].any() else None
            )
            self.carried[j] = values[-1]
            wrong = np.flatnonzero(read(self.name, values, n) != residues[j])
            found += wrong[:1].tolist()
        return min(found) if found else None


def observe(
    cascade: Cascade, letters: Tracked, arithmetics: Sequence[str], word: str, length: int, seed: int = 0
) -> Iterator[list[Observation]]:
    """Run arithmetics on one kind of word, each up to its first wrong decision; yields after every piece.

    Arguments:
        cascade: the exact machine.
        letters: of the word, and what it leads to.
        arithmetics: to run.
        word: its kind.
        length: its tokens.
        seed: of random words.
    """
    observations = [Observation(name, word) for name in arithmetics]
    machines = [_Channels(name, cascade.moduli) for name in arithmetics]
    state = begin = 0
    for tokens in letters.pieces(word, length, seed, PIECE):
        steps, sets, residues, state = _exact(cascade, tokens, state)
        for observation, machine in zip(observations, machines, strict=True):
            if observation.first_wrong is None:
                wrong = machine.first_wrong(steps, sets, residues)
                observation.tokens = begin + len(tokens)
                observation.first_wrong = None if wrong is None else begin + wrong + 1
        begin += len(tokens)
        yield observations
        if all(observation.first_wrong is not None for observation in observations):
            return


def _exact(cascade: Cascade, tokens: NDArray[np.integer], state: int) -> tuple[NDArray, NDArray, NDArray, int]:
    """What the exact cascade adds or sets on a piece, where it sets, and its residues after each token, all (channels,
    T); its last state."""
    after = cascade.run(tokens, state)
    before = np.empty_like(after)
    before[0], before[1:] = state, after[:-1]
    steps, sets = [], []
    for layer, number in zip(cascade.layers, cascade.prefixes, strict=False):
        lower = number[before]
        added = layer.increments[lower, tokens]
        steps.append(added)
        sets.append(np.zeros_like(added, dtype=bool) if layer.resets is None else layer.resets[lower, tokens])
    return np.hstack(steps).T, np.hstack(sets).T, cascade.residues[after].T, int(after[-1])


def first_failures(
    cascade: Cascade,
    letters: Tracked,
    arithmetics: Sequence[str],
    words: Sequence[str],
    length: int,
    report: Callable[[str, int], None] = lambda word, tokens: None,
) -> list[Observation]:
    """`observe` for several kinds of word, to the end; `report` is called with the word and the tokens done."""
    found: list[Observation] = []
    for word in words:
        last: list[Observation] = []
        for last in observe(cascade, letters, arithmetics, word, length):
            report(word, max(observation.tokens for observation in last))
        found += last
    return found
