"""The weights pass: a cascade as the parameters of `models.network.DCDNetwork`, without torch.

The network reads, at layer i, the one-hot residues of the lower layers *after* the token and the token's one-hot
embedding. φ's hidden units are AND gates, one for each (lower state, token) that adds something; its output holds
what that adds, as phases. ψ is a hard decision: the one-hot of the residue whose phase is nearest. What is one-hot is
written as numbers (`parameters.py`: compact), so that the network grows with the gates and not with their square.

For an automaton the lower layers are read *before* the token: tokens may merge states, and then what a layer held
before cannot be told from what it holds after. A gate may also set channels (a = 0, b = ω^c), and where several states
of the cascade stand for one of the automaton the head has a case for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    GATES,
    HEAD_BIAS,
    HEAD_CASES,
    HEAD_GATES_BIAS,
    HEAD_GATES_WEIGHT,
    HEAD_OUTPUTS,
    HEAD_WEIGHT,
    HIDDEN_BIAS,
    HIDDEN_WEIGHT,
    INITIAL_STATE,
    OUT_BIAS,
    OUT_WEIGHT,
    READOUT_BIAS,
    READOUT_WEIGHT,
    in_layer,
    layer_axes,
)

Arrays = dict[str, NDArray[Any]]

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
    residues[cascade.decode] = cascade.residues
    return Weights(m, tuple(layers), residues, np.arange(cascade.order))


def _weights_of_automaton(cascade: Cascade) -> Weights:
    lower: tuple[int, ...] = ()
    layers = []
    for layer, number in zip(cascade.layers, cascade.prefixes, strict=False):
        resets = np.zeros(layer.increments.shape, dtype=bool) if layer.resets is None else layer.resets
        rows = cascade.residues[np.unique(number, return_index=True)[1], : len(lower)]
        gates, held = _gates_of_rows(rows, np.stack([layer.increments, resets], axis=-1))
        sets = held[..., 1].astype(bool)
        layers.append(LayerWeights(layer.family, layer.moduli, gates, held[..., 0], sets if sets.any() else None))
        lower += layer.moduli
    cases, outputs = _fewest_cases(cascade.residues, cascade.decode)
    return Weights(len(cascade.alphabet), tuple(layers), cases, outputs, "before")


def _gates_of_rows(rows: NDArray[np.int64], table: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As `_gates`, of a table with a row for each of some lower states, shape (rows, m, channels, parts): where two
    columns do as well as each other, those of the last layers are not read."""
    flat = table.reshape(len(table), -1)
    read = list(range(rows.shape[1]))
    for axis in reversed(range(rows.shape[1])):
        fewer = [one for one in read if one != axis]
        _, first, place = np.unique(rows[:, fewer], axis=0, return_index=True, return_inverse=True)
        if (flat[first][place.reshape(-1)] == flat).all():
            read = fewer
    _, first = np.unique(rows[:, read], axis=0, return_index=True)
    state, token = np.nonzero(table[first].any(axis=(-1, -2)))
    gates = np.full((len(state), rows.shape[1] + 1), -1, dtype=np.int64)
    gates[:, read] = rows[first[state]][:, read]
    gates[:, -1] = token
    return gates, table[first[state], token].astype(np.int64)


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
    """The configuration and the parameters (float64, int32) of the compact network, by the names in `parameters.py`.

    Phases are in turns, in [-1/2, 1/2).
    """
    arrays: Arrays = {EMBEDDING: np.zeros((weights.alphabet_size, 0))}
    layers = []
    lower: tuple[int, ...] = ()
    for i, layer in enumerate(weights.layers):
        gates = layer.gates
        if not len(gates):  # a layer that nothing moves has one unit, which adds nothing
            gates = np.array([[*[-1] * len(lower), 0]])
        out, out_bias, transition = _drive(layer, len(gates))
        psi, initial = _decision(layer, sum(lower))
        arrays |= {
            in_layer(i, GATES): gates.astype(np.int32),
            in_layer(i, OUT_WEIGHT): out,
            in_layer(i, OUT_BIAS): out_bias,
            in_layer(i, INITIAL_STATE): initial,
            **{in_layer(i, name): array for name, array in transition.items()},
            in_layer(i, READOUT_WEIGHT): psi,
            in_layer(i, READOUT_BIAS): np.zeros(len(psi)),
        }
        layers.append(
            {
                "family": layer.family,
                "channels": len(layer.moduli),
                "hidden": len(gates),
                "readout": len(psi),
                "activation": "hard",
                "groups": list(layer.moduli),
                "phi": "gates",
                **({} if weights.reads == "after" else {"reads": weights.reads}),
            }
        )
        lower += layer.moduli
    classes = int(weights.outputs.max()) + 1
    arrays |= {
        HEAD_CASES: weights.residues.astype(np.int32),
        HEAD_OUTPUTS: weights.outputs.astype(np.int32),
        HEAD_BIAS: np.zeros(classes),
    }
    return {
        "alphabet_size": weights.alphabet_size,
        "classes": classes,
        "layers": layers,
        "embedding_size": 0,
        "dtype": "float64",
        "head_cases": len(weights.residues),
    }, arrays


def dense_configuration(configuration: Mapping[str, Any], linear: bool) -> dict[str, Any]:
    """The configuration of `dense_parameters`; `linear`: whether every class has one case, which reads all decisions,
    so that no gates are needed to decide."""
    cases = configuration["head_cases"]
    layers = [{**layer, "phi": "relu"} for layer in configuration["layers"]]
    kept = {name: value for name, value in configuration.items() if name != "head_cases"}
    dense = {**kept, "layers": layers, "embedding_size": configuration["alphabet_size"]}
    return dense if linear else {**dense, "head_gates": cases}


def has_linear_head(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether a compact network's head, written out, is one linear map."""
    cases, outputs = arrays[HEAD_CASES], arrays[HEAD_OUTPUTS]
    return len(np.unique(outputs)) == len(outputs) == len(arrays[HEAD_BIAS]) and bool((cases >= 0).all())


def dense_parameters(
    configuration: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> tuple[dict[str, Any], Arrays]:
    """A compact network with all its matrices written out: one-hot tokens, a relu unit for each gate and case.

    It answers the same; its matrices grow with the square of the group's order.
    """
    m, dtype = configuration["alphabet_size"], arrays[EMBEDDING].dtype
    found: Arrays = {EMBEDDING: np.eye(m, dtype=dtype)}
    groups: list[int] = []
    for i, layer in enumerate(configuration["layers"]):
        gates = arrays[in_layer(i, GATES)]
        hidden = np.concatenate([_one_hot(gates[:, :-1], groups), _one_hot(gates[:, -1:], [m])], axis=1).astype(dtype)
        kept = [name for name in layer_axes(layer["family"], "gates") if name != GATES]
        found |= {
            in_layer(i, HIDDEN_WEIGHT): hidden,
            in_layer(i, HIDDEN_BIAS): -(gates[:, :-1] >= 0).sum(axis=1).astype(dtype),
            **{in_layer(i, name): arrays[in_layer(i, name)] for name in kept},
        }
        groups += layer["groups"] or [layer["readout"]]
    cases, outputs = arrays[HEAD_CASES], arrays[HEAD_OUTPUTS]
    rows = _one_hot(cases, groups).astype(dtype)
    found[HEAD_BIAS] = arrays[HEAD_BIAS]
    linear = has_linear_head(arrays)
    if linear:
        found[HEAD_WEIGHT] = np.empty_like(rows)
        found[HEAD_WEIGHT][outputs] = rows
    else:
        head = np.zeros((len(arrays[HEAD_BIAS]), len(cases)), dtype=dtype)
        head[outputs, np.arange(len(cases))] = 1
        found |= {HEAD_GATES_WEIGHT: rows, HEAD_GATES_BIAS: 1 - rows.sum(axis=1), HEAD_WEIGHT: head}
    return dense_configuration(configuration, linear), found


def _one_hot(numbers: NDArray[np.integer], sizes: list[int]) -> NDArray[np.float64]:
    """Rows of numbers, one below each size, side by side in one-hot form; all 0 for -1."""
    found = np.zeros((len(numbers), sum(sizes)))
    row, column = np.nonzero(numbers >= 0)
    found[row, np.cumsum([0, *sizes])[column] + numbers[row, column]] = 1
    return found


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
