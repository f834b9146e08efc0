"""The weights pass: a cascade as the parameters of `models.network.DCDNetwork`, without torch.

The network reads, at layer i, the one-hot residues of the lower layers *after* the token and the token's one-hot
embedding. φ's hidden units are AND gates, one for each (lower state, token) that adds something; its output holds
what that adds, as phases. ψ is a hard decision: the one-hot of the residue whose phase is nearest.

For an automaton the lower layers are read *before* the token: tokens may merge states, and then what a layer held
before cannot be told from what it holds after. A gate may also set channels (a = 0, b = ω^c), and where several states
of the cascade stand for one of the automaton the head has a gate for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..algebra.depth.families import FAMILIES, TransitionKind
from ..common.brief import Brief
from ..common.errors import InputError
from .cascade import Cascade, CascadeLayer, layer_transitions
from .parameters import (
    EMBEDDING,
    HEAD_BIAS,
    HEAD_GATES_BIAS,
    HEAD_GATES_WEIGHT,
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


@dataclass(frozen=True, eq=False, repr=False)
class LayerWeights(Brief):
    """One layer's gates, exact.

    Arguments:
        family: name of the family.
        moduli: one for each channel.
        gates: shape (units, lower channels + 1): the lower residues (-1: not read) and the token at which a unit is on.
        increments: shape (units, channels): the residues that each unit adds, or sets.
        resets: shape (units, channels): which are set; None where nothing is ever set.
    """

    family: str
    moduli: tuple[int, ...]
    gates: NDArray[np.int64]
    increments: NDArray[np.int64]
    resets: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Weights(Brief):
    """A network's exact weights.

    Arguments:
        alphabet_size: number of tokens m.
        layers: layer 1 first.
        residues: shape (cases, channels): residues that decode to one class; -1 where a channel is not read.
        outputs: shape (cases,): the class of each case: for a group case i is element i.
        reads: whether φ reads the lower layers `after` the token or `before` it.
    """

    alphabet_size: int
    layers: tuple[LayerWeights, ...]
    residues: NDArray[np.int64]
    outputs: NDArray[np.int64]
    reads: str = "after"

    @property
    def moduli(self) -> tuple[int, ...]:
        return tuple(n for layer in self.layers for n in layer.moduli)

    @property
    def linear_head(self) -> bool:
        """Whether each class has one case, so that no gates are needed to decide."""
        return len(np.unique(self.outputs)) == len(self.outputs)

    @property
    def parameter_count(self) -> int:
        """Entries of the φ and head matrices, which are nearly all."""
        return sum(len(layer.gates) * width for layer, width in zip(self.layers, self._widths(), strict=True)) + len(
            self.residues
        ) * sum(self.moduli)

    def _widths(self) -> list[int]:
        widths, lower = [], 0
        for layer in self.layers:
            widths.append(lower + self.alphabet_size)
            lower += sum(layer.moduli)
        return widths


def weights_of(cascade: Cascade) -> Weights:
    """The weights of a cascade."""
    m = len(cascade.alphabet)
    if cascade.automaton is not None:
        return _weights_of_automaton(cascade)
    following = np.zeros((1, m), dtype=np.int64)
    lower: tuple[int, ...] = ()
    layers = []
    for layer in cascade.layers:
        layers.append(_layer_weights(layer, following, lower))
        following = layer_transitions(layer, following)
        lower += layer.moduli
    residues = np.empty((cascade.order, len(lower)), dtype=np.int64)
    residues[cascade.decode] = np.stack(np.unravel_index(np.arange(cascade.order), lower), axis=1)
    return Weights(m, tuple(layers), residues, np.arange(cascade.order))


def _weights_of_automaton(cascade: Cascade) -> Weights:
    lower: tuple[int, ...] = ()
    layers = []
    for layer in cascade.layers:
        resets = np.zeros(layer.increments.shape, dtype=bool) if layer.resets is None else layer.resets
        shape = (*lower, len(cascade.alphabet), len(layer.moduli))
        grid = np.stack([layer.increments, resets], axis=-1).reshape(*shape, 2).astype(np.int64)
        gates, held = _gates(grid, len(lower))
        sets = held[..., 1].astype(bool)
        layers.append(LayerWeights(layer.family, layer.moduli, gates, held[..., 0], sets if sets.any() else None))
        lower += layer.moduli
    reached = np.flatnonzero(cascade.decode >= 0)
    residues = np.stack(np.unravel_index(reached, lower), axis=1)
    cases, outputs = _fewest_cases(residues, cascade.decode[reached])
    return Weights(len(cascade.alphabet), tuple(layers), cases, outputs, "before")


def _fewest_cases(
    residues: NDArray[np.int64], outputs: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The residues that determine the output, channels that are not needed being marked -1, each case once."""
    cases = residues.copy()
    for channel in reversed(range(cases.shape[1])):
        fewer = cases.copy()
        fewer[:, channel] = -1
        _, first, place = np.unique(fewer, axis=0, return_index=True, return_inverse=True)
        if (outputs[first][place.reshape(-1)] == outputs).all():
            cases = fewer
    rows, first = np.unique(cases, axis=0, return_index=True)
    found = outputs[first].astype(np.int64)
    order = np.argsort(found, kind="stable")
    return rows[order], found[order]


def _layer_weights(layer: CascadeLayer, following: NDArray[np.int64], lower: tuple[int, ...]) -> LayerWeights:
    states, m = following.shape
    after = np.empty((states, m, len(layer.moduli)), dtype=np.int64)
    after[following, np.arange(m)] = layer.increments  # before the token → after it
    gates, increments = _gates(after.reshape(*lower, m, len(layer.moduli), 1), len(lower))
    return LayerWeights(layer.family, layer.moduli, gates, increments[..., 0])


def _gates(grid: NDArray[np.int64], axes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places (lower residues, token) at which something happens, axes that nothing depends on being marked -1, and
    what happens there; grid: shape (*lower moduli, m, channels, parts)."""
    read = [axis for axis in range(axes) if (grid != np.take(grid, [0], axis=axis)).any()]
    for axis in range(axes):
        if axis not in read:
            grid = np.take(grid, [0], axis=axis)
    places = np.argwhere(grid.any(axis=(-1, -2)))
    gates = places.copy()
    gates[:, [axis for axis in range(axes) if axis not in read]] = -1
    return gates, grid[tuple(places.T)]


def network_parameters(weights: Weights) -> tuple[dict[str, Any], Arrays]:
    """The configuration and the parameters (float64) of the network, by the names in `parameters.py`.

    Phases are in turns, in [-1/2, 1/2).
    """
    m = weights.alphabet_size
    arrays: Arrays = {EMBEDDING: np.eye(m)}
    layers = []
    lower: tuple[int, ...] = ()
    for i, layer in enumerate(weights.layers):
        d, units = len(layer.moduli), max(len(layer.gates), 1)
        width = sum(lower)
        hidden = np.zeros((units, width + m))
        bias = np.zeros(units)
        starts = np.cumsum((0, *lower))[:-1]
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
                **({} if weights.reads == "after" else {"reads": weights.reads}),
            }
        )
        lower += layer.moduli
    starts = np.cumsum((0, *lower))[:-1]
    cases = np.zeros((len(weights.residues), sum(lower)))
    case, channel = np.nonzero(weights.residues >= 0)
    cases[case, starts[channel] + weights.residues[case, channel]] = 1
    classes = int(weights.outputs.max()) + 1
    config = {"alphabet_size": m, "classes": classes, "layers": layers, "embedding_size": m, "dtype": "float64"}
    if weights.linear_head:
        return config, arrays | {HEAD_WEIGHT: cases, HEAD_BIAS: np.zeros(classes)}
    head = np.zeros((classes, len(cases)))
    head[weights.outputs, np.arange(len(cases))] = 1
    arrays |= {
        HEAD_GATES_WEIGHT: cases,
        HEAD_GATES_BIAS: 1 - cases.sum(axis=1),
        HEAD_WEIGHT: head,
        HEAD_BIAS: np.zeros(classes),
    }
    return config | {"head_gates": len(cases)}, arrays


def phases(residues: NDArray[np.integer], moduli: tuple[int, ...]) -> NDArray[np.float64]:
    """Residues as phases in turns, in [-1/2, 1/2), each rounded once."""
    n = np.array(moduli)
    return np.where(2 * residues >= n, residues - n, residues) / n


def _drive(layer: LayerWeights, units: int) -> tuple[NDArray, NDArray, Arrays]:
    """φ's output matrix and bias, and the parameters of the transition; b is zero but where a channel is set: there
    a = 0 and b = ω^c, which for signs is ±1."""
    family = FAMILIES[layer.family]
    if family.transition not in _DRIVES:
        raise InputError(f"no weights are written for layers of {family.title}; try --family mamba")
    d = len(layer.moduli)
    adds, sets = np.zeros((units, d), dtype=np.int64), np.zeros((units, d), dtype=bool)
    held = len(layer.increments)
    if layer.resets is not None:
        sets[:held] = layer.resets
    adds[:held] = np.where(sets[:held], 0, layer.increments)
    angle = np.zeros((units, d))
    angle[:held] = 2 * np.pi * layer.increments / np.array(layer.moduli)
    b = np.where(sets, np.cos(angle), 0.0), np.where(sets, np.sin(angle), 0.0)
    parts, kept, own = _DRIVES[family.transition](adds, sets, layer)
    parts |= {"b_real": b[0], "b_imag": b[1]} if family.complex_state else {"b": b[0]}
    out = np.concatenate([parts[part].T for part in family.parts])
    bias = np.concatenate([np.full(d, kept.get(part, 0.0)) for part in family.parts])
    return out, bias, {f"transition.{name}": np.full(d, value) for name, value in own.items()}


KEEP, FORGET = -200.0, 800.0
"""Raw outputs for Δ = 0 exactly, and for a Δ at which exp(-Δ) underflows to 0 in both precisions."""

HALVING = float(np.log(np.log(2.0)))
"""The logarithm of the rate at which Δ = 1 halves, so that 2·exp(-Δ·rate) - 1 is 0 to within rounding."""

Drive = tuple[dict[str, NDArray[Any]], dict[str, float], dict[str, float]]
"""What makes a_t: for each unit and channel the parts of φ, by name; the biases that are not 0; and the transition's
own parameters."""


def _turns(adds: NDArray[np.int64], sets: NDArray[np.bool_], layer: LayerWeights) -> Drive:
    return {"turns": phases(adds, layer.moduli)}, {}, {}


def _stepped_turns(adds: NDArray[np.int64], sets: NDArray[np.bool_], layer: LayerWeights) -> Drive:
    # Δ = 1 + elu(0) = 1
    return {"delta": np.zeros(adds.shape), "turns": phases(adds, layer.moduli)}, {}, {}


def _gated_turns(adds: NDArray[np.int64], sets: NDArray[np.bool_], layer: LayerWeights) -> Drive:
    return {"gate": (FORGET - KEEP) * sets, "turns": phases(adds, layer.moduli)}, {"gate": KEEP}, {}


def _decays(adds: NDArray[np.int64], sets: NDArray[np.bool_], layer: LayerWeights) -> Drive:
    return {"delta": (FORGET - KEEP) * sets}, {"delta": KEEP}, {"log_rate": 0.0}


def _signs(adds: NDArray[np.int64], sets: NDArray[np.bool_], layer: LayerWeights) -> Drive:
    if layer.resets is None:
        # Δ = 1 + elu(raw): exactly 0 at raw = -rate (no flip), about the rate where a gate is on.
        return {"delta": 2 * NEGATIVE_MAMBA_RATE * adds}, {"delta": -NEGATIVE_MAMBA_RATE}, {"log_rate": 0.0}
    # Δ is 0 to keep the sign, 1 to forget it, and large to flip it.
    return {"delta": -KEEP * sets - 2 * KEEP * adds}, {"delta": KEEP}, {"log_rate": HALVING}


_DRIVES: dict[TransitionKind, Callable[[NDArray[np.int64], NDArray[np.bool_], LayerWeights], Drive]] = {
    TransitionKind.TURN: _turns,
    TransitionKind.STEPPED_TURN: _stepped_turns,
    TransitionKind.GATED_TURN: _gated_turns,
    TransitionKind.DECAY: _decays,
    TransitionKind.SIGNED_DECAY: _signs,
}
"""For each kind of transition that is compiled what φ gives; of a constant one there is nothing to give."""


def _decision(layer: LayerWeights, width: int) -> tuple[NDArray, NDArray]:
    """ψ's matrix, which scores each residue by the cosine of its distance from the state, and the initial state."""
    d = len(layer.moduli)
    real = FAMILIES[layer.family].real
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
