"""φ as a table: hidden units that are AND gates, fixed, so that V holds one phase for each lower state and token.

Where every layer below decides among K states, the lower state of layer i is one of K^i, a one-hot in each of i groups.
For each lower state s and token x one hidden unit computes

    relu(s_1 + … + s_i + x - i)        1 where all of them are on, else 0

so the raw outputs of φ are the rows of V, one for each (s, x), and learning V is learning a table. Soft decisions of
one lower layer give the mean of its rows. This is an ordinary relu φ, whose first layer and embedding do not move: what
is saved, certified or exported is a network like any other.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch

from ...algebra.depth.families import DRIVES
from ...common.errors import InputError
from ...constructions.parameters import EMBEDDING, HIDDEN_BIAS, HIDDEN_WEIGHT, in_layer
from ..network import DCDNetwork

MOST_ROWS = 20_000
"""Rows of one table."""


def rows_of_table(tokens: int, states: int, lower_layers: int) -> int:
    """The hidden units of a table over the states of some lower layers and the tokens.

    Raises:
        InputError: they are more than `MOST_ROWS`.
    """
    rows = tokens * states**lower_layers
    if rows > MOST_ROWS:
        raise InputError(
            f"phi: a table of {tokens} tokens × {states}^{lower_layers} lower states has {rows:,} rows, at most "
            f"{MOST_ROWS:,} are trained; --phi mlp has no table, and --alphabet generators has fewer tokens"
        )
    return rows


def fixed_parameters(network: DCDNetwork) -> set[str]:
    """The names of the parameters that make the AND gates."""
    layers = range(len(network.layers))
    return {EMBEDDING, *(in_layer(i, name) for i in layers for name in (HIDDEN_WEIGHT, HIDDEN_BIAS))}


@torch.no_grad()
def make_tables(network: DCDNetwork, seed: int) -> None:
    """Turn every φ into a table: phases uniform on the circle, no b, Δ as its family draws it.

    Arguments:
        network: each layer but the last decides among its readout units, and has as many hidden units as its table has
            rows; embedded tokens have as many components as there are tokens.
        seed: of the phases.
    """
    generator = np.random.default_rng([12, seed])
    tokens = network.alphabet_size
    network.embedding.weight.copy_(torch.eye(tokens))
    starts: list[range] = []  # the units of each lower layer
    for layer in network.layers:
        weight, bias = layer.matrices.hidden.weight, layer.matrices.hidden.bias
        weight.zero_()
        bias.fill_(-float(len(starts)))
        for row, places in enumerate(itertools.product(*starts, range(tokens))):
            weight[row, list(places[:-1])] = 1.0
            weight[row, layer.width + places[-1]] = 1.0
        shape = (layer.specification.channels, weight.shape[0])
        blocks = zip(*(own.split(shape[0]) for own in (layer.phi.out.weight, layer.phi.out.bias)), strict=True)
        for part, (rows, constants) in zip(layer.transition.parts, blocks, strict=True):
            if part == "turns":
                rows.copy_(torch.from_numpy(generator.random(shape)))
                constants.zero_()
            elif part in DRIVES:
                rows.zero_()
        starts.append(range(layer.width, layer.width + layer.specification.readout))
