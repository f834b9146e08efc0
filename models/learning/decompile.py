"""Reading an exact machine out of a trained network, and saying what is missing where there is none.

The network runs on words with labels; each layer's multipliers give the phases that it added. They are averaged over
all positions with the same exact lower state and token, and snapped (`models.learning.traced`). A channel whose
multipliers leave the unit circle is no counter and is not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...common.brief import Brief
from ...common.errors import InputError
from ...common.wording import counted
from ..network import DCDNetwork
from ..training.evaluation import Accuracy, evaluate
from ..training.tasks import VALIDATION, Task
from .exact import ExactMachine, NotExactError
from .snap import CONCENTRATION, LARGEST_MODULUS, concentrations, fix_gauge
from .traced import TracedLayer, read_machine, snap_traced
from .words import Words, words_of_task

WORDS, LENGTH = 1500, 12
"""Words on which a network is read; short ones, because in long ones a network that drifts loses its lower states."""

OFF_CIRCLE = 0.05
"""A channel is left out when its multipliers' moduli are further than this from 1, on the average."""

EXHAUSTED = 40_000
"""Positions of words that may be gone through to compare network and machine on all words of a length."""


@dataclass(frozen=True, eq=False, repr=False)
class Decompiled(Brief):
    """What was read out of a network.

    Arguments:
        layers: what the snap made of each.
        families: of each layer.
        exact: the machine; None where there is none.
        failure: why not; None where there is one.
        proved: the network and the machine agree on all words of up to so many tokens (all were run); 0 without one.
        wrong: the first word of the next length that the network answers wrongly; None where none was run.
        accuracy: of the unrounded network at growing lengths.
        losses: mean cross-entropy of the network on the words it was read on, at their first 6 tokens and at all.
    """

    layers: tuple[TracedLayer, ...]
    families: tuple[str, ...]
    exact: ExactMachine | None
    failure: str | None
    proved: int
    wrong: tuple[int, ...] | None
    accuracy: Accuracy
    losses: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        """The figures that `decompile --json` prints."""
        identity = self.exact.small_group_id if self.exact else None
        return {
            "exact": self.exact is not None,
            "small_group_id": list(identity) if identity else None,
            "failure": self.failure,
            "layers": len(self.layers),
            "states": [layer.machine.states for layer in self.layers],
            "moduli": [[c.modulus for c in layer.machine.layers[-1]] for layer in self.layers],
            "largest_error": [_largest_error(layer) for layer in self.layers],
            "equal_on_all_words_of": self.proved,
            "longest": self.accuracy.longest,
        }


def decompile_network(network: DCDNetwork, task: Task, seed: int = 0, length: int = 1000) -> Decompiled:
    """Read a network on random words of a task.

    Arguments:
        network: its tokens are the task's, its classes the group's elements.
        task: the group and the element of each token.
        seed: of the words.
        length: up to which the unrounded network's accuracy is measured.

    Raises:
        InputError: the network and the task do not fit, or a layer is no diagonal recurrence.
    """
    task.group  # noqa: B018 - an automaton is refused
    task.tracked.require_fit(network.alphabet_size, network.classes)
    words = words_of_task(task, WORDS, LENGTH, seed, stream=VALIDATION)
    answers, added, losses = _traced(network, words)
    layers = snap_traced(added, words)
    exact, failure = None, None
    try:
        exact = read_machine(layers, answers, words)
    except NotExactError as error:
        failure = _place(layers, words) or str(error)
    proved, wrong = equal_up_to(network, exact.outputs) if exact else (0, None)
    return Decompiled(
        tuple(layers),
        tuple(s.family for s in network.specifications),
        exact,
        failure,
        proved,
        wrong,
        evaluate(network, task, length, words=200, seed=seed, give_up=True),
        losses,
    )


@torch.no_grad()
def _traced(
    network: DCDNetwork, words: Words
) -> tuple[NDArray[np.int64], list[NDArray[np.float64]], tuple[float, float]]:
    """Answers, the phases that each layer's usable channels add, and the losses."""
    tokens = torch.from_numpy(words.tokens)
    logits = network(tokens).double()
    each = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.from_numpy(words.labels).flatten(), reduction="none"
    ).view(tokens.shape)
    added = []
    for i, trace in enumerate(network.trace(tokens)):
        if trace.a is None:
            family = network.specifications[i].family
            raise InputError(
                f"layer {i + 1} is of the family {family!r}, which has no phases; wanted layers h = a·h + b; "
                "`refute` says what is known of it, and `evaluate` how often it is right"
            )
        a = trace.a.expand(*tokens.shape, -1).numpy().astype(np.complex128)
        usable = np.abs(np.abs(a) - 1).mean(axis=(0, 1)) <= OFF_CIRCLE
        added.append(np.angle(a[..., usable]) / (2 * np.pi))
    return logits.argmax(-1).numpy(), added, (float(each[:, :6].mean()), float(each.mean()))


def equal_up_to(
    network: DCDNetwork, outputs: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> tuple[int, tuple[int, ...] | None]:
    """The longest length all of whose words give the same answers as a machine, for which they are all run; and a word
    of one token more that does not. None where it was not found.

    Arguments:
        network: tokens to classes.
        outputs: the machine's answers: tokens (words, length) to classes of that shape.
    """
    m = network.alphabet_size
    length = max(1, int(math.log(EXHAUSTED) / math.log(max(m, 2))))
    while m**length * length > EXHAUSTED and length > 1:
        length -= 1
    words = np.stack(np.unravel_index(np.arange(m**length), (m,) * length), axis=1).astype(np.int64)
    found, _ = network.predict(torch.from_numpy(words))
    same = found.numpy() == outputs(words)
    wrong = np.flatnonzero(~same.all(axis=0))
    if not len(wrong):
        return length, None
    equal = int(wrong[0])
    return equal, tuple(words[same[:, equal].argmin(), : equal + 1].tolist())


def _largest_error(layer: TracedLayer) -> float | None:
    """The largest distance of a kept channel's phase from what it was rounded to, turns; None where none was kept."""
    return round(max(float(np.abs(k.error).max()) for k in layer.kept), 5) if layer.kept else None


def _place(layers: Sequence[TracedLayer], words: Words) -> str | None:
    """Where the snap stops: the first layer that adds no counter, its best channel, and the state and word that spoil
    it. None where every layer added one."""
    for number, layer in enumerate(layers, 1):
        if layer.machine.layers[-1] or layer.machine.states == len(words.label_names):
            continue
        lower = layer.machine.history[-1]
        if not layer.phases.shape[-1]:
            return f"layer {number} has no channel on the unit circle: it can only forget"
        near = concentrations(layer.phases, lower)
        channel, modulus = divmod(int(near.argmax()), near.shape[1])
        spread = layer.spread[..., channel]
        state, token = divmod(int(spread.argmax()), spread.shape[1])
        rounded = np.rint(fix_gauge(layer.phases[..., [channel]], lower) * (modulus + 2)) % (modulus + 2)
        if near.max() < CONCENTRATION:
            cause = f"its phases are not near multiples of any 1/n, n ≤ {LARGEST_MODULUS}"
        elif not rounded.any():
            cause = "it hardly turns"
        else:
            cause = "near one on the average, but its residue is no function of the label"
        return (
            f"layer {number} has no channel that is a counter (the lower layers hold "
            f"{counted(lower.states, 'state')}); the nearest is channel {channel + 1}, mod {modulus + 2}, "
            f"concentration {near.max():.2f}: {cause}; it varies most ({spread.max():.2f}) in state {state}, after the "
            f"word {_word_to(lower, state, words)}, at token {words.token_names[token]}"
        )
    return None


def _word_to(machine: Any, state: int, words: Words) -> str:
    path: list[str] = []
    while state:
        state, token = machine.tree[state - 1]
        path.append(words.token_names[token])
    return f"({' '.join(path[::-1])})"
