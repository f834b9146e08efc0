"""Trained networks against an exact machine: the length that `boxes` proves, a word answered wrongly, and what the
same network does when it no longer reads what the machine does not explain.

The words are heavy walks: those that turn one channel's phase, or push its remainder in one direction, as fast as the
machine allows; the bound's own worst cases. Random words; and words that grow token by token from those that the
network answered with the least margins. The shortest wrong prefix is kept. So a horizon is enclosed from both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.families import DRIVES
from ...common.brief import Brief
from ...constructions.parameters import OUT_BIAS, OUT_WEIGHT, READOUT_WEIGHT, in_layer
from .boxes import Agreement, Boxes, NotCoveredError, UncertainError, agreement

if TYPE_CHECKING:
    from ...models.families import LayerState
    from ...models.network import DCDNetwork

Integers = NDArray[np.int64]

EXPLAINED = (0.02, 0.05, 0.1)
"""A channel is explained by the machine when a token leaves its phase within so many turns of what the state says."""

MOST_COLUMNS, RANDOM_WORDS, LONGEST_WORDS = 256, 300, 2000
"""Heavy walks and random words that are run, and their length at most."""

MARGINAL_WORDS, MARGINAL_LENGTH = 300, 40
"""Words with the least margins that are kept at each length, and how long they become."""

SAMPLED_WORDS, SAMPLED_LENGTH = 200, 60
"""Random words on which a pruned network is compared with the one that it was made of."""


@dataclass(frozen=True, eq=False, repr=False)
class Pruned(Brief):
    """A network that reads the explained channels alone, b = 0: another network than the trained one.

    Arguments:
        network: all other weights are the trained ones.
        kept: how many channels of each layer are read.
        agreement: with the machine.
        same: the share of answers that are those of the trained network, on random words.
        wrong: the shortest word found that it answers wrongly; None for none.
    """

    network: DCDNetwork
    kept: tuple[int, ...]
    agreement: Agreement
    same: float
    wrong: tuple[int, ...] | None


@dataclass(frozen=True, eq=False, repr=False)
class TrainedProof(Brief):
    """Up to which length a trained network agrees with a machine on all words.

    Arguments:
        length: in tokens, proved; None for every length.
        by: how: "bounds", or "runs" where all words were run and the bounds give less.
        reason: what is not certain any more after the bounds' own length, or why they do not cover the network.
        covered: whether they do.
        wrong: the shortest word found that the network answers wrongly, as positions in the alphabet; None for none.
        pruned: the network without what the machine does not explain, where more is proved of it.
    """

    length: int | None
    by: str
    reason: str
    covered: bool
    wrong: tuple[int, ...] | None
    pruned: Pruned | None

    def as_json(self) -> dict[str, Any]:
        """The figures that `decompile --json` prints."""
        pruned = self.pruned
        return {
            "proved_length": self.length,
            "proved_by": self.by,
            "bounds_end": self.reason,
            "wrong_word": None if self.wrong is None else list(self.wrong),
            "pruned": pruned
            and {
                "kept": list(pruned.kept),
                "proved_length": pruned.agreement.length,
                "wrong_word": None if pruned.wrong is None else list(pruned.wrong),
                "same_answers": pruned.same,
            },
        }


def prove_decompiled(
    network: DCDNetwork,
    transitions: Integers,
    answers: Integers,
    all_run: int = 0,
    wrong: tuple[int, ...] | None = None,
    seed: int = 0,
) -> TrainedProof:
    """Everything that is proved here of a trained network.

    Arguments:
        network: trained.
        transitions, answers: of the machine that was read out of it, as for `boxes.agreement`.
        all_run: all words of up to so many tokens were run, and answered as by the machine.
        wrong: a word of one token more that was answered otherwise; None where there is none, or they were not run.
        seed: of random words.
    """
    found = prove_trained(network, transitions, answers)
    more = found.length is None or found.length > all_run
    length = found.length if more else all_run
    if length is not None and wrong is None:
        wrong = first_wrong(network, transitions, answers, _tried(length), seed)
    pruned = None if length is None else prune(network, transitions, answers, seed)
    if pruned is not None and not _longer(pruned.agreement, Agreement(length, "")):
        pruned = None
    return TrainedProof(length, "bounds" if more else "runs", found.reason, found.covered, wrong, pruned)


def _tried(length: int) -> int:
    """How long words are tried where so many tokens are proved."""
    return min(LONGEST_WORDS, 4 * length + 100)


def prove_trained(network: DCDNetwork, transitions: Integers, answers: Integers) -> Agreement:
    """`boxes.agreement` of a network, see there."""
    return agreement(*_content(network), transitions, answers)


def prune(network: DCDNetwork, transitions: Integers, answers: Integers, seed: int = 0) -> Pruned | None:
    """The network without what the machine does not explain, with the threshold for which most is proved.

    None where the bounds do not cover the network. The threshold is the one of `EXPLAINED` that proves most.
    """
    best: Pruned | None = None
    for within in EXPLAINED:
        explained = [np.ones(s.channels, dtype=bool) for s in network.specifications]
        for i in range(len(explained)):  # an upper layer is judged by what the lower ones do when they are pruned
            try:
                boxes = _boxes(_reading(network, explained), transitions, answers)
            except (NotCoveredError, UncertainError):
                return None
            explained[i] = boxes.deviations()[i] <= within
        smaller = _reading(network, explained)
        found = prove_trained(smaller, transitions, answers)
        if best is None or _longer(found, best.agreement):
            kept = tuple(int(e.sum()) for e in explained)
            best = Pruned(smaller, kept, found, 0.0, None)
    assert best is not None
    length = best.agreement.length
    wrong = None if length is None else first_wrong(best.network, transitions, answers, _tried(length), seed)
    return replace(best, same=_same_answers(network, best.network, seed), wrong=wrong)


def first_wrong(
    network: DCDNetwork, transitions: Integers, answers: Integers, length: int, seed: int = 0
) -> tuple[int, ...] | None:
    """The shortest word found that the network answers wrongly, as positions in the alphabet; None without one.

    Arguments:
        length: of the words that are tried.
        seed: of the random ones.
    """
    import torch

    tokens = transitions.shape[1]
    words = np.random.default_rng([13, seed]).integers(tokens, size=(RANDOM_WORDS, length))
    try:
        heavy = heavy_words(_boxes(network, transitions, answers), length)
        words = np.concatenate([heavy, words])
    except (NotCoveredError, UncertainError):
        pass
    found = network.predict(torch.from_numpy(words))[0].numpy()
    state = np.zeros(len(words), dtype=np.int64)
    shortest: tuple[int, ...] | None = None
    for t in range(length):
        state = transitions[state, words[:, t]]
        wrong = np.flatnonzero(found[:, t] != answers[state])
        if len(wrong):
            shortest = tuple(words[wrong[0], : t + 1].tolist())
            break
    limit = min(MARGINAL_LENGTH, length, len(shortest) - 1 if shortest else length)
    return _marginal_word(network, transitions, answers, limit) or shortest


def _marginal_word(
    network: DCDNetwork, transitions: Integers, answers: Integers, length: int
) -> tuple[int, ...] | None:
    """A wrong word of up to so many tokens, grown from the words of least margin in each state; None where none is
    met."""
    import torch

    states, tokens = transitions.shape
    state = np.zeros(1, dtype=np.int64)
    words = np.zeros((1, 0), dtype=np.int64)
    carried = network.initial_state(1)
    for _ in range(length):
        of = np.repeat(np.arange(len(words)), tokens)
        words = np.concatenate([words[of], np.tile(np.arange(tokens), len(words))[:, None]], axis=1)
        state = transitions[state[of], words[:, -1]]
        with torch.no_grad():
            found, carried = network.step(torch.from_numpy(words[:, -1]), [_rows(part, of) for part in carried])
        logits = found.double().numpy()
        own = logits[np.arange(len(words)), answers[state]].copy()
        logits[np.arange(len(words)), answers[state]] = -np.inf
        margin = own - logits.max(axis=1)
        if not (margin > 0).all():
            return tuple(words[int((margin > 0).argmin())].tolist())
        kept = []
        for q in range(states):
            there = np.flatnonzero(state == q)
            kept.append(there[np.argsort(margin[there])[: max(2, MARGINAL_WORDS // states)]])
        chosen = np.concatenate(kept)
        state, words, carried = state[chosen], words[chosen], [_rows(part, chosen) for part in carried]
    return None


def _rows(carried: LayerState, rows: Integers) -> LayerState:
    """The states of some of the words."""
    return type(carried)(*(part[rows] for part in carried)) if isinstance(carried, tuple) else carried[rows]


def heavy_words(boxes: Boxes, length: int) -> Integers:
    """For each explained channel and each sign or direction the walk that adds most, (walks, length)."""
    columns = [
        channels.pushes(raw, of, deviation <= EXPLAINED[-1])
        for channels, (raw, of), deviation in zip(boxes.channels, boxes.nominal, boxes.deviations(), strict=True)
    ]
    weights = np.concatenate(columns, axis=2)
    if weights.shape[2] > MOST_COLUMNS:
        weights = weights[..., np.linspace(0, weights.shape[2] - 1, MOST_COLUMNS).astype(np.int64)]
    count = weights.shape[2]
    values = np.full((boxes.states, count), -np.inf)
    values[0] = 0.0
    taken = np.empty((length, boxes.states, count), dtype=np.int16)
    for t in range(length):
        ways = values[boxes.walked.before] + weights
        taken[t] = ways.argmax(axis=1)
        values = ways.max(axis=1)
    state = values.argmax(axis=0)
    words = np.empty((count, length), dtype=np.int64)
    for t in range(length - 1, -1, -1):
        words[:, t] = taken[t, state, np.arange(count)]
        state = boxes.walked.before[state, words[:, t]]
    return words


def _content(network: DCDNetwork) -> tuple[dict[str, Any], Sequence[Any], dict[str, NDArray[np.floating]]]:
    arrays = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    return network.configuration(), network.specifications, arrays


def _boxes(network: DCDNetwork, transitions: Integers, answers: Integers) -> Boxes:
    return Boxes(*_content(network), transitions, answers)


def _longer(one: Agreement, other: Agreement) -> bool:
    return other.length is not None and (one.length is None or one.length > other.length)


def _reading(network: DCDNetwork, explained: Sequence[NDArray[np.bool_]]) -> DCDNetwork:
    """A copy whose ψ reads these channels alone, and whose b is 0."""
    parameters = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for i, (layer, read) in enumerate(zip(network.layers, explained, strict=True)):
        psi = parameters[in_layer(i, READOUT_WEIGHT)]
        unread = np.flatnonzero(~read)
        for first in range(layer.width, psi.shape[1], len(read)):  # Re h, and Im h where it is complex
            psi[:, first + unread] = 0.0
        for name in (OUT_WEIGHT, OUT_BIAS):
            blocks = parameters[in_layer(i, name)].split(len(read))
            for part, rows in zip(layer.transition.parts, blocks, strict=True):
                if part in DRIVES:
                    rows.zero_()
    return type(network).from_parameters(network.configuration(), parameters)


def _same_answers(one: DCDNetwork, other: DCDNetwork, seed: int) -> float:
    import torch

    words = np.random.default_rng([14, seed]).integers(one.alphabet_size, size=(SAMPLED_WORDS, SAMPLED_LENGTH))
    tokens = torch.from_numpy(words)
    return float((one.predict(tokens)[0] == other.predict(tokens)[0]).double().mean())
