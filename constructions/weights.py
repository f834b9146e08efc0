"""The weights pass: a cascade as the parameters of `models.network.DCDNetwork`, without torch.

The network reads, at layer i, the one-hot residues of the layers above *after* the token and the token's one-hot
embedding. φ's hidden units are AND gates, one for each (state above, token) that adds something; its output holds
what that adds, as phases. ψ is a hard decision: the one-hot of the residue whose phase is nearest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subnormal.constructions.cascade import Cascade, CascadeLayer, layer_transitions
from subnormal.constructions.parameters import (
    EMBEDDING,
    HEAD_BIAS,
    HEAD_WEIGHT,
    HIDDEN_BIAS,
    HIDDEN_WEIGHT,
    INITIAL_STATE,
    OUT_BIAS,
    OUT_WEIGHT,
    READOUT_BIAS,
    READOUT_WEIGHT,
    in_layer,
)

Arrays = dict[str, NDArray[np.float64]]

NEGATIVE_MAMBA_RATE = 200.0
"""Δ for a sign flip: exp(-200) vanishes beside 1 in double precision and underflows in single, so 2·exp(-200) - 1 is
exactly -1."""


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """One layer's gates, exact.

    Arguments:
        family: name of the family.
        moduli: one for each channel.
        gates: shape (units, channels above + 1): the residues above (-1: not read) and the token at which a unit is on.
        increments: shape (units, channels): the residues that each unit adds.
    """

    family: str
    moduli: tuple[int, ...]
    gates: NDArray[np.int64]
    increments: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Weights:
    """A network's exact weights.

    Arguments:
        alphabet_size: number of tokens m.
        layers: layer 1 first.
        residues: shape (n, channels): the residues of all channels that decode to each element.
    """

    alphabet_size: int
    layers: tuple[LayerWeights, ...]
    residues: NDArray[np.int64]

    @property
    def moduli(self) -> tuple[int, ...]:
        return tuple(n for layer in self.layers for n in layer.moduli)

    @property
    def parameter_count(self) -> int:
        """Entries of the φ and head matrices, which are nearly all."""
        return sum(len(layer.gates) * width for layer, width in zip(self.layers, self._widths(), strict=True)) + len(
            self.residues
        ) * sum(self.moduli)

    def _widths(self) -> list[int]:
        widths, above = [], 0
        for layer in self.layers:
            widths.append(above + self.alphabet_size)
            above += sum(layer.moduli)
        return widths


def weights_of(cascade: Cascade) -> Weights:
    """The weights of a cascade."""
    m = len(cascade.alphabet)
    following = np.zeros((1, m), dtype=np.int64)
    above: tuple[int, ...] = ()
    layers = []
    for layer in cascade.layers:
        layers.append(_layer_weights(layer, following, above))
        following = layer_transitions(layer, following)
        above += layer.moduli
    residues = np.empty((cascade.order, len(above)), dtype=np.int64)
    residues[cascade.decode] = np.stack(np.unravel_index(np.arange(cascade.order), above), axis=1)
    return Weights(m, tuple(layers), residues)


def _layer_weights(layer: CascadeLayer, following: NDArray[np.int64], above: tuple[int, ...]) -> LayerWeights:
    states, m = following.shape
    after = np.empty((states, m, len(layer.moduli)), dtype=np.int64)
    after[following, np.arange(m)] = layer.increments  # before the token → after it
    grid = after.reshape(*above, m, len(layer.moduli))
    read = [axis for axis in range(len(above)) if (grid != np.take(grid, [0], axis=axis)).any()]
    for axis in range(len(above)):
        if axis not in read:
            grid = np.take(grid, [0], axis=axis)
    places = np.argwhere(grid.any(axis=-1))
    increments = grid[tuple(places.T)]
    gates = places.copy()
    gates[:, [axis for axis in range(len(above)) if axis not in read]] = -1
    return LayerWeights(layer.family, layer.moduli, gates, increments)


def network_parameters(weights: Weights) -> tuple[dict[str, Any], Arrays]:
    """The configuration and the parameters (float64) of the network, by the names in `parameters.py`.

    Phases are in turns, in [-1/2, 1/2).
    """
    m = weights.alphabet_size
    arrays: Arrays = {EMBEDDING: np.eye(m)}
    layers = []
    above: tuple[int, ...] = ()
    for i, layer in enumerate(weights.layers):
        d, units = len(layer.moduli), max(len(layer.gates), 1)
        width = sum(above)
        hidden = np.zeros((units, width + m))
        bias = np.zeros(units)
        starts = np.cumsum((0, *above))[:-1]
        for unit, gate in enumerate(layer.gates):
            read = np.flatnonzero(gate[:-1] >= 0)
            hidden[unit, starts[read] + gate[read]] = 1
            hidden[unit, width + gate[-1]] = 1
            bias[unit] = -len(read)
        out, out_bias, transition = _drive(layer, units)
        arrays |= {
            in_layer(i, HIDDEN_WEIGHT): hidden,
            in_layer(i, HIDDEN_BIAS): bias,
            in_layer(i, OUT_WEIGHT): out,
            in_layer(i, OUT_BIAS): out_bias,
        }
        arrays |= {in_layer(i, name): array for name, array in transition.items()}
        psi, initial = _decision(layer, width)
        arrays |= {
            in_layer(i, INITIAL_STATE): initial,
            in_layer(i, READOUT_WEIGHT): psi,
            in_layer(i, READOUT_BIAS): np.zeros(len(psi)),
        }
        layers.append(
            {
                "family": layer.family,
                "channels": d,
                "hidden": units,
                "readout": len(psi),
                "activation": "hard",
                "groups": list(layer.moduli),
            }
        )
        above += layer.moduli
    starts = np.cumsum((0, *above))[:-1]
    head = np.zeros((len(weights.residues), sum(above)))
    head[np.arange(len(head))[:, None], starts + weights.residues] = 1
    arrays |= {HEAD_WEIGHT: head, HEAD_BIAS: np.zeros(len(head))}
    config = {"alphabet_size": m, "classes": len(head), "layers": layers, "embedding_size": m, "dtype": "float64"}
    return config, arrays


def phases(residues: NDArray[np.integer], moduli: tuple[int, ...]) -> NDArray[np.float64]:
    """Residues as phases in turns, in [-1/2, 1/2), each rounded once."""
    n = np.array(moduli)
    return np.where(2 * residues >= n, residues - n, residues) / n


def _drive(layer: LayerWeights, units: int) -> tuple[NDArray, NDArray, Arrays]:
    """φ's output matrix and bias, and the parameters of the transition; b is zero throughout."""
    d = len(layer.moduli)
    increments = np.zeros((units, d), dtype=np.int64)
    increments[: len(layer.increments)] = layer.increments
    if layer.family == "negative-mamba":
        # Δ = 1 + elu(raw): exactly 0 at raw = -rate (no flip), about the rate where a gate is on.
        out = np.concatenate([(2 * NEGATIVE_MAMBA_RATE * increments).T, np.zeros((d, units))])
        bias = np.concatenate([np.full(d, -NEGATIVE_MAMBA_RATE), np.zeros(d)])
        return out, bias, {"transition.log_rate": np.zeros(d)}
    rows = [phases(increments, layer.moduli).T, np.zeros((2 * d, units))]
    if layer.family == "aussm":
        rows.insert(0, np.zeros((d, units)))  # Δ = 1 + elu(0) = 1
    out = np.concatenate(rows)
    return out, np.zeros(len(out)), {}


def _decision(layer: LayerWeights, width: int) -> tuple[NDArray, NDArray]:
    """ψ's matrix, which scores each residue by the cosine of its distance from the state, and the initial state."""
    d = len(layer.moduli)
    real = layer.family == "negative-mamba"
    psi = np.zeros((sum(layer.moduli), width + (d if real else 2 * d)))
    row = 0
    for j, n in enumerate(layer.moduli):
        turns = np.arange(n) / n
        psi[row : row + n, width + j] = np.cos(2 * np.pi * turns)
        if not real:
            psi[row : row + n, width + d + j] = np.sin(2 * np.pi * turns)
        row += n
    initial = np.ones(d) if real else np.tile([1.0, 0.0], (d, 1))
    return psi, initial
