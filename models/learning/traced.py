"""The snap of a network of any kind, from what it did on words: the phases that each layer added at each token.

A layer whose phases depend on the lower layers' exact state and the token, nearly, has for each (state, token) a mean
phase and a spread around it. The means are snapped like a table's; the layer above is then read against the exact
machine that came out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .exact import ExactMachine, NotExactError, exact_machine
from .machine import CounterMachine
from .snap import Snapped, snap
from .words import Words

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TracedLayer:
    """What the snap made of one layer.

    Arguments:
        phases: shape (lower states, tokens, channels), turns: mean phase added.
        spread: the same shape: 1 - |mean of exp(2πi·phase)|, 0 where the phase depends on state and token alone.
        kept: the channels that are counters.
        machine: the exact machine up to this layer.
    """

    phases: Floats
    spread: Floats
    kept: list[Snapped]
    machine: CounterMachine


def mean_phases(added: Floats, machine: CounterMachine, tokens: Integers) -> tuple[Floats, Floats]:
    """Mean and spread of phases (words, length, C) over all positions with the same lower state and token.

    A pair that never occurs has mean 0 and spread 1.
    """
    before, _ = machine.run(tokens)
    edges = (before * machine.tokens + tokens).ravel()
    total = np.zeros((machine.states * machine.tokens, added.shape[-1]), dtype=np.complex128)
    np.add.at(total, edges, np.exp(2j * np.pi * added.reshape(tokens.size, added.shape[-1])))
    count = np.bincount(edges, minlength=len(total))[:, None]
    mean = total / np.maximum(count, 1)
    shape = (machine.states, machine.tokens, added.shape[-1])
    return np.angle(mean).reshape(shape) / (2 * np.pi) % 1.0, (1 - np.abs(mean)).reshape(shape)


def snap_traced(added: Sequence[Floats], words: Words) -> list[TracedLayer]:
    """Snap layer after layer; ends early where a layer adds no state to an unfinished machine.

    Arguments:
        added: for each layer the phases (words, length, C) that it added on these words, turns.
        words: with their labels.
    """
    machine = CounterMachine.empty(len(words.token_names))
    found: list[TracedLayer] = []
    for layer in added:
        phases, spread = mean_phases(layer, machine, words.tokens)
        kept = snap(phases, machine, words)
        machine = machine.with_few([k.counter for k in kept])
        found.append(TracedLayer(phases, spread, kept, machine))
    return found


def read_machine(layers: Sequence[TracedLayer], answers: Integers, words: Words) -> ExactMachine:
    """The exact machine of snapped layers, each final state decoded by the network's most frequent answer in it.

    Arguments:
        answers: the network's own, (words, length).

    Raises:
        NotExactError: there is none.
    """
    machine, labels = layers[-1].machine, len(words.label_names)
    states = machine.run(words.tokens)[1]
    counts = np.zeros((machine.states, labels), dtype=np.int64)
    np.add.at(counts, (states, answers), 1)
    if machine.states == labels and (counts.sum(axis=1) == 0).any():
        raise NotExactError("the words do not reach every state of the machine")
    exact = exact_machine(machine, counts.argmax(axis=1).astype(np.int64), labels)
    wrong = exact.disagreement(words)
    if wrong is not None:
        raise NotExactError(f"its answer to the word ({words.spell(wrong[0], wrong[1] + 1)}) is wrong")
    return exact
