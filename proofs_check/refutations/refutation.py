"""Refuting a model: the words on which one that cannot track a group fails, found from its weights.

Whether theory forbids the model is said by proofs_check/refutations/theory.py; the words are found by
proofs_check/refutations/climb.py; what counts as evidence is in proofs_check/refutations/evidence.py.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ...algebra.depth.families import ALL_FAMILIES
from ...algebra.groups.group import Group
from ...common.errors import InputError
from ...common.terminal import Shown
from ...models.network import DCDNetwork
from .account import refutation_lines
from .block_pairs import block_pair
from .climb import climb
from .delta import delta_failing_word
from .evidence import (
    DivergenceEvidence,
    FailingWord,
    PairEvidence,
    find_failing_word,
    in_float64,
)
from .findings import Findings
from .question import Budget, Question
from .theory import diagonal, is_block_stack, is_delta_stack, theory_of

__all__ = ["Budget", "Refutation", "random_network", "refute"]


@dataclass(frozen=True, repr=False)
class Refutation(Shown):
    """What was found about a model and a group.

    Arguments:
        kind: "pair"; "divergence", a state that is proved to grow for ever; "growth", a state that was seen to grow and
            is not proved to; "failing", a wrong answer of a delta-rule model, of layers of blocks, or of a model that
            is too narrow, which theory forbids; "failed" (none of
            these, and theory forbids the model); or "allowed" (theory does not forbid it).
        reason: of a failure, or what theory says.
        failing: a word with a wrong answer, whichever the kind.
        seconds: spent.
        listed: the group, whose elements the account names.
    """

    kind: str
    group: str
    families: tuple[str, ...]
    theory: str
    reason: str
    pair: PairEvidence | None
    divergence: DivergenceEvidence | None
    failing: FailingWord | None
    seconds: float
    listed: Group

    def view(self) -> Text:
        """What `refute` prints."""
        return Text("\n".join(refutation_lines(self)))

    @property
    def refuted(self) -> bool:
        """Whether the model is shown not to track the group where theory forbids it."""
        return self.kind in ("pair", "divergence", "failing")

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "group": self.group,
            "families": list(self.families),
            "theory": self.theory,
            "reason": self.reason,
            "pair": self.pair and self.pair.as_json(),
            "divergence": self.divergence and self.divergence.as_json(),
            "failing_word": self.failing and self.failing.as_json(),
            "seconds": round(self.seconds, 3),
        }


def refute(
    network: DCDNetwork,
    group: Group,
    alphabet: NDArray[np.integer] | None = None,
    epsilon: float = 1e-6,
    budget: Budget | None = None,
) -> Refutation:
    """Refute a model, or say why not.

    Arguments:
        network: any `DCDNetwork` of diagonal layers and layers of blocks, or of delta-rule layers alone; its classes
            are the elements of the group, in order.
        group: the group it is said to track.
        alphabet: the element of each token; None for all elements in order.
        epsilon: two words count as one for the model if all layers' states after them differ by at most this in every
            channel.

    Raises:
        InputError: the network does not fit the group, or has an RNN layer, or delta-rule layers among others.
    """
    began = time.perf_counter()
    budget = budget or Budget()
    names = tuple(specification.family for specification in network.specifications)
    delta = is_delta_stack(names)
    blocks = is_block_stack(names)
    if not delta and not blocks:
        diagonal(names)
    alphabet = np.arange(group.order) if alphabet is None else np.asarray(alphabet)
    if network.classes != group.order:
        raise InputError(
            f"the model has {network.classes} classes, {group.name} has {group.order} elements; "
            "wanted a model made for this group"
        )
    if network.alphabet_size != len(alphabet):
        raise InputError(
            f"the model reads {network.alphabet_size} tokens, the alphabet has {len(alphabet)}; "
            "wanted one element for each token"
        )
    if not 0 < epsilon < 1:
        raise InputError(f"epsilon {epsilon}; wanted a number between 0 and 1, e.g. 1e-6")
    found = theory_of(network.specifications, group, alphabet)
    forbidden, sentence = found.forbidden, found.sentence
    if delta or blocks or found.by_width:  # words are computed from the weights of one layer of blocks alone
        failing = delta_failing_word(network, group, alphabet, forbidden)
        same, problem = None, "no word that was run has a wrong answer"
        if blocks and forbidden:
            same, why = block_pair(Question(in_float64(network).dense(), network, group, alphabet, epsilon, budget))
            problem = f"{problem}; {why}"
        kind = "allowed" if not forbidden else "pair" if same else "failing" if failing else "failed"
        reason = sentence if not forbidden else problem if kind == "failed" else ""
        spent = time.perf_counter() - began
        return Refutation(kind, group.name, names, sentence, reason, same, None, failing, spent, group)
    question = Question(in_float64(network), network, group, alphabet, epsilon, budget)
    findings = climb(question) if forbidden else Findings(question)
    pair, divergence = findings.pair, findings.divergence
    also = pair.words if pair else (divergence.word.power(divergence.growth[-1][0]),) if divergence else ()
    failing = find_failing_word(network, group, alphabet, also)
    grown = divergence and ("divergence" if divergence.unbounded else "growth")
    kind = "allowed" if not forbidden else "pair" if pair else grown or "failed"
    reason = sentence if kind == "allowed" else "; ".join(findings.problems) if kind == "failed" else ""
    return Refutation(
        kind, group.name, names, sentence, reason, pair, divergence, failing, time.perf_counter() - began, group
    )


def random_network(
    order: int, families: Sequence[str], width: int | None, seed: int, activation: str = "hard"
) -> DCDNetwork:
    """A random initialisation with all elements as tokens. Raises `InputError` for an unknown family or activation."""
    return DCDNetwork(order, order, random_layers(families, width, activation), seed=seed)


def random_layers(families: Sequence[str], width: int | None, activation: str) -> list[dict[str, Any]]:
    """What every random network's layers are: `width` channels (None for 16, or what makes whole blocks), max(16,
    width) hidden and max(8, width) readout units."""
    layers = []
    for name in families:
        family = ALL_FAMILIES.get(name)
        own = width if width is not None else family.whole_blocks(16) if family else 16
        sizes = {"channels": own, "hidden": max(16, own), "readout": max(8, own)}
        layers.append({"family": name, **sizes, "activation": activation})
    return layers
