"""The snap: phases that gradient descent found, rounded to an exact layer where the labels confirm it.

Let the lower layers be exact, with states s, start s0 and transitions s·x. A channel adds the phase p(s, x) turns. As a
reader may turn its view of h by an angle g(s) that depends on the state, p is determined only up to

    p(s, x) + g(s) - g(s·x)                                                                    (the gauge)

Take the spanning tree of a breadth-first search and choose g so that p vanishes on its edges. Then every other edge
(s, x) carries the phase of one closed path at s0: down the tree to s, then x, then back up the tree from s·x. These
closed paths generate all closed paths (Reidemeister and Schreier), so a channel is one character of the group of
closed paths, given by its values at those generators. It is a counter mod n exactly when they all are multiples of 1/n.

So a channel is rounded to n = 2, 3, …, `LARGEST_MODULUS`, and kept with the first n for which (1) its phases are near
multiples of 1/n, on the average, (2) the rounded residue, run over the training words, is a function of their labels,
and (3) it is not constant. (2) is what keeps a wrong rounding out; it uses the words and their labels alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .machine import Counter, CounterMachine
from .words import MISSING, Words

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LARGEST_MODULUS = 64
"""Moduli that are tried."""

CONCENTRATION = 0.7
"""How near phases have to be to multiples of 1/n: |mean of exp(2πi·n·p)| over all edges, at least."""

CANDIDATES = 4
"""Most moduli that are checked on the words for one channel, the most concentrated ones."""

FIRST_WORDS = 200
"""Words that a rounding is checked on before it is checked on all."""


@dataclass(frozen=True, eq=False)
class Snapped:
    """A channel that was kept.

    Arguments:
        channel: its number among the trained ones.
        counter: what it was rounded to, in the gauge of the spanning tree.
        error: shape (lower states, tokens): what the rounding moved, in turns, in that gauge.
    """

    channel: int
    counter: Counter
    error: Floats


def fix_gauge(phases: Floats, machine: CounterMachine) -> Floats:
    """Phases (lower states, tokens, channels) in turns, in the gauge in which the tree's edges carry none."""
    turned = np.zeros((machine.states, phases.shape[-1]))
    for state, (parent, token) in enumerate(machine.tree, 1):
        turned[state] = turned[parent] + phases[parent, token]
    return phases + turned[:, None] - turned[machine.transitions]


def concentrations(phases: Floats, machine: CounterMachine) -> Floats:
    """|mean of exp(2πi·n·p)| over the edges, shape (channels, moduli - 1), for n = 2 … `LARGEST_MODULUS`."""
    edges = fix_gauge(phases, machine).reshape(machine.states * machine.tokens, phases.shape[-1])
    point = np.exp(2j * np.pi * edges)
    power = point.copy()
    found = []
    for _ in range(2, LARGEST_MODULUS + 1):
        power = power * point
        found.append(np.abs(power.mean(axis=0)))
    return np.stack(found, axis=1)


def snap(phases: Floats, machine: CounterMachine, words: Words, concentration: float = CONCENTRATION) -> list[Snapped]:
    """The channels that are counters on these words, as counters.

    Arguments:
        phases: shape (lower states, tokens, channels), turns: what each channel adds in each state *before* the token.
        machine: the exact lower layers.
        words: the training words with their labels.
        concentration: how near to multiples of 1/n the phases have to be.
    """
    fixed = fix_gauge(phases, machine)
    near = concentrations(phases, machine)
    before, _ = machine.run(words.tokens)
    kept = []
    for channel in range(phases.shape[-1]):
        best = np.argsort(-near[channel], kind="stable")[:CANDIDATES]
        for modulus in sorted(int(n) + 2 for n in best if near[channel, n] >= concentration):
            residues = np.rint(fixed[..., channel] * modulus).astype(np.int64) % modulus
            if not residues.any():
                continue
            if is_function_of_label(residues, modulus, before, words):
                error = fixed[..., channel] - residues / modulus
                kept.append(Snapped(channel, Counter(modulus, residues), error - np.rint(error)))
                break
    return kept


def is_function_of_label(residues: Integers, modulus: int, before: Integers, words: Words) -> bool:
    """Whether a counter's value after each prefix is determined by the label there.

    Arguments:
        residues: shape (lower states, tokens): what it adds.
        before: states of the lower layers before each token of the words.
    """
    for rows in (slice(FIRST_WORDS), slice(None)):
        labels = words.labels[rows]
        given = labels != MISSING
        value = (np.cumsum(residues[before[rows], words.tokens[rows]], axis=1) % modulus)[given]
        at = labels[given]
        table = np.zeros(len(words.label_names), dtype=np.int64)
        table[at] = value
        if (table[at] != value).any():
            return False
    return True
