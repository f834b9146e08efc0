"""Refuting a network of delta-rule layers: a word on which it is wrong, where theory says that there must be one.

Theory (docs/architectures.md, Lemma 1): with finitely many reachable states a token, read again and again, acts on
what one layer can still tell apart as a product of as many reflections as the layer has factors. With one factor its
square is the identity there; so one layer of one factor tracks no group with a token of order greater than 2. For more
factors, and for more layers, nothing here forbids a group.

There is no pair of words that is computed from the weights, as for diagonal layers. Short, random and constant words
are run, and only a wrong answer that the network gives counts.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...models.network import DCDNetwork
from .evidence import FailingWord, find_failing_word
from .long_words import PowerWord

LONGEST, TOKENS = 20_000, 4
"""The length of the constant words, and how many there are at most."""


def delta_failing_word(
    network: DCDNetwork, group: Group, alphabet: NDArray[np.integer], forbidden: bool
) -> FailingWord | None:
    """A word with a wrong answer: short and random ones, and where theory forbids the model powers of tokens too."""
    found = find_failing_word(network, group, alphabet)
    orders = group.element_orders[alphabet]
    tokens = np.argsort(-orders, kind="stable")[:TOKENS]
    for token in tokens[orders[tokens] > 1].tolist() if found is None and forbidden else []:
        order, element = int(orders[token]), int(alphabet[token])
        powers = [0]
        for _ in range(order - 1):
            powers.append(group.times(powers[-1], element))
        answers = network.predict(torch.full((1, LONGEST), token))[0][0].numpy()
        expected = np.resize(np.roll(powers, -1), LONGEST)
        wrong = np.flatnonzero(answers != expected)
        if len(wrong):
            t = int(wrong[0])
            return FailingWord(PowerWord.of(token).power(t + 1), int(expected[t]), int(answers[t]))
    return found
