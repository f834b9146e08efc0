"""A network as a page for the browser: its own weights, run there token by token in float64.

Beside each state stands what the word really comes to. `constructions.pages.machine_page` says what the page is given;
here the machine is a network, and its channels are numbers in the plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..algebra.depth.families import ALL_FAMILIES, TransitionKind
from ..algebra.groups.group import Group
from ..common.errors import InputError
from ..common.wording import counted
from ..constructions.pages.machine_page import Data, group_points
from ..constructions.pages.packing import packed
from .layer import Layer
from .network import DCDNetwork

RUN_BY_THE_PAGE = (
    TransitionKind.CONSTANT,
    TransitionKind.DECAY,
    TransitionKind.SIGNED_DECAY,
    TransitionKind.TURN,
    TransitionKind.STEPPED_TURN,
    TransitionKind.TANH,
)
"""Kinds of transitions whose recurrence `assets/machines.js` has."""

MAX_PARAMETERS = 1_000_000
"""A larger network would be slow in the browser, and is refused."""


def network_data(network: DCDNetwork, group: Group, alphabet: NDArray[np.integer] | None = None) -> Data:
    """The data of a network's page.

    Arguments:
        network: whose classes are the group's elements, in order.
        alphabet: the element of each token; None for all elements in order.

    Raises:
        InputError: the network does not fit the group, is too large, or has a layer that the page cannot run.
    """
    tokens = np.arange(group.order) if alphabet is None else np.asarray(alphabet)
    if network.classes != group.order or network.alphabet_size != len(tokens):
        raise InputError(
            f"the model has {network.alphabet_size} tokens and {network.classes} classes, {group.name} has "
            f"{len(tokens)} and {group.order}; wanted a model made for this group"
        )
    count = network.dense_size()
    if count > MAX_PARAMETERS:
        raise InputError(
            f"a network of {count:,} parameters; a page runs at most {MAX_PARAMETERS:,}; `evaluate` runs any"
        )
    network = network.dense()
    head = network.head
    assert isinstance(head, nn.Linear), "written out"
    names = [specification.family for specification in network.specifications]
    for number, name in enumerate(names, 1):
        if ALL_FAMILIES[name].transition not in RUN_BY_THE_PAGE:
            able = (other for other, family in ALL_FAMILIES.items() if family.transition in RUN_BY_THE_PAGE)
            raise InputError(f"layer {number} is of the family {name}; a page runs {', '.join(able)}")
    return {
        "kind": "network",
        "name": group.name,
        "heading": f"a network for {group.name}",
        "summary": [
            f"order {group.order:,}",
            counted(len(names), "layer"),
            counted(count, "parameter"),
            f"{str(network.dtype).removeprefix('torch.')} weights, run in float64",
        ],
        "footer": "Each plane is a channel's state h, with the unit circle and the last steps; bars are the largest "
        "logits.",
        **group_points(group, tokens),
        "answers": packed(group.elements),
        "embedding": _packed(network.embedding.weight),
        "embedding_size": network.embedding.embedding_dim,
        "layers": [_layer(layer) for layer in network.layers],
        "head": {"weight": _packed(head.weight), "bias": _packed(head.bias)},
        "lattice": None,
    }


def _packed(tensor: Tensor) -> dict[str, str]:
    return packed(tensor.detach().cpu().numpy())


def _layer(layer: Layer) -> dict[str, Any]:
    specification = layer.specification
    linear = {"hidden": layer.matrices.hidden, "out": layer.matrices.out, "psi": layer.psi}
    weights: dict[str, Any] = {
        name: {"weight": _packed(part.weight), "bias": _packed(part.bias)} for name, part in linear.items()
    }
    weights["own"] = {name: _packed(value) for name, value in layer.transition.named_parameters()}
    weights["initial"] = _packed(layer.initial_state)
    family = layer.transition.family
    return {
        "family": family.name,
        "transition": family.transition.name,
        "carries": None,
        "title": family.title,
        "complex": family.complex_state,
        "phi": specification.phi,
        "activation": specification.activation,
        "groups": list(specification.groups or (specification.readout,)),
        "weights": weights,
    }


def with_two_words(data: Data, words: Sequence[tuple[str, Sequence[int]]], verdict: str) -> Data:
    """The page of a network that shows two words side by side, and says what they show.

    Arguments:
        words: name and tokens of each.
        verdict: one sentence.
    """
    return data | {
        "words": [{"name": name, "tokens": _folded(list(tokens))} for name, tokens in words],
        "verdict": verdict,
    }


def _folded(tokens: list[int]) -> list[dict[str, Any]]:
    """A word as `[{period, times}]`; a power is written once."""
    n = len(tokens)
    for length in range(1, math.isqrt(n) + 1):
        if n % length == 0 and tokens == tokens[:length] * (n // length):
            return [{"period": tokens[:length], "times": n // length}]
    return [{"period": tokens, "times": 1}]
