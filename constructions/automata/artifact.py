"""The folder of a compiled automaton: as a group's (`constructions.artifact`), in a format of its own.

cascade.json           metadata, readable; "format" is "automaton 1": name, family, the automaton (docs/automata.md)
cascade.safetensors    int32 arrays: transitions (states, letters) and accepting (states,) of the automaton, decode, and
                       for each layer i layer{i}.moduli, layer{i}.increments and layer{i}.resets (0 or 1)
config.json, model.safetensors, manifest.json          as for groups
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.base.errors import InputError
from subnormal.algebra.base.folders import save_folder
from subnormal.algebra.base.reading import conform, read_json
from subnormal.algebra.depth.families import FAMILIES, names
from subnormal.constructions.artifact import (
    MAX_NETWORK_PARAMETERS,
    LayerMetadata,
    json_text,
    read_cascade,
    tensor_bytes,
)
from subnormal.constructions.automata.compiler import AutomatonCompilation
from subnormal.constructions.cascade import Cascade, CascadeLayer
from subnormal.constructions.weights import network_parameters, weights_of

FORMAT = "automaton 1"
"""Kind and version of the folder's format."""


class _Metadata(TypedDict):
    """The fields of an automaton's cascade.json."""

    format: str
    name: str
    family: str
    states: int
    least_layers: int | None
    automaton: dict[str, Any]
    notes: list[str]
    layers: list[LayerMetadata]


def save_automaton(folder: Path, compilation: AutomatonCompilation) -> bool:
    """Write cascade and network in place of whatever compiled folder was there, whole or not at all.

    Returns:
        Whether the network was small enough to be written.

    Raises:
        InputError: the folder cannot be written; it is as it was.
    """
    weights = weights_of(compilation.cascade)
    files = cascade_files(compilation)
    written = weights.parameter_count <= MAX_NETWORK_PARAMETERS
    if written:
        config, arrays = network_parameters(weights)
        files |= {"model.safetensors": tensor_bytes(arrays), "config.json": json_text(config)}
    save_folder(folder, files)
    return written


def cascade_files(compilation: AutomatonCompilation) -> dict[str, bytes | str]:
    """`cascade.json` and `cascade.safetensors`, by name."""
    cascade, automaton = compilation.cascade, compilation.automaton
    description = {
        "format": FORMAT,
        "name": compilation.given.name,
        "family": names(compilation.stack),
        "states": automaton.count,
        "least_layers": compilation.verdict.least if compilation.verdict else None,
        "automaton": automaton.as_json(),
        "notes": list(automaton.notes),
        "layers": [{"family": layer.family, "moduli": list(layer.moduli)} for layer in cascade.layers],
    }
    return {"cascade.json": json_text(description), "cascade.safetensors": tensor_bytes(_arrays(cascade, automaton))}


def automaton_arrays(automaton: Automaton) -> dict[str, NDArray[np.int32]]:
    """What a certificate needs: `transitions`, and `accepting`, all 0 where the state is the output."""
    accepting = np.zeros(automaton.count, dtype=bool) if automaton.accepting is None else automaton.accepting
    return {"transitions": automaton.table.astype(np.int32), "accepting": accepting.astype(np.int32)}


def _arrays(cascade: Cascade, automaton: Automaton) -> dict[str, NDArray[np.int32]]:
    arrays = automaton_arrays(automaton) | {"decode": cascade.decode}
    for i, layer in enumerate(cascade.layers, 1):
        resets = np.zeros(layer.increments.shape, dtype=bool) if layer.resets is None else layer.resets
        arrays[f"layer{i}.moduli"] = np.array(layer.moduli, dtype=np.int32)
        arrays[f"layer{i}.increments"] = layer.increments
        arrays[f"layer{i}.resets"] = resets.astype(np.int32)
    return {name: np.ascontiguousarray(array, dtype=np.int32) for name, array in arrays.items()}


def is_automaton_folder(folder: Path) -> bool:
    """Whether a folder's `cascade.json` says that it holds an automaton's cascade."""
    try:
        return bool(read_json(folder / "cascade.json")["format"] == FORMAT)
    except (InputError, KeyError, TypeError):
        return False


def load_automaton(folder: Path) -> tuple[Cascade, dict[str, Any]]:
    """The cascade of a folder, with its automaton, and the metadata.

    Raises:
        InputError: a file is missing or damaged, or arrays do not fit together.
    """
    return read_cascade(folder, "a compiled automaton", "'tomita(5)'", _checked)


def _checked(metadata: dict[str, Any], arrays: dict[str, NDArray], where: str) -> tuple[Cascade, dict[str, Any]]:
    from subnormal.algebra.input.automata import from_json

    def require(condition: object, problem: str) -> None:
        if not condition:
            raise InputError(f"{where}: {problem}")

    def array(name: str, dimensions: int, low: int, high: int) -> NDArray[np.int32]:
        found = arrays[name]
        require(
            found.dtype == np.int32 and found.ndim == dimensions,
            f"{name} has dtype {found.dtype} and shape {found.shape}",
        )
        fits = found.size == 0 or (found.min() >= low and found.max() < high)
        require(fits, f"{name} has entries outside {low} … {high - 1}")
        return found

    require(metadata["format"] == FORMAT, f"format {metadata['format']!r:.40}, wanted {FORMAT!r}")
    metadata = conform(metadata, _Metadata, f"{where}: cascade.json")
    automaton = from_json(metadata["automaton"], metadata["name"], where)
    automaton = Automaton(
        metadata["name"],
        automaton.table,
        automaton.letters,
        automaton.states,
        automaton.start,
        automaton.accepting,
    )
    table = array("transitions", 2, 0, automaton.count)
    require(np.array_equal(table, automaton.table), "the transitions are not those in cascade.json")
    accepting = automaton_arrays(automaton)["accepting"]
    require(
        np.array_equal(array("accepting", 1, 0, 2), accepting), "the accepting states are not those in cascade.json"
    )
    layers: list[CascadeLayer] = []
    lower = 1
    for i, described in enumerate(metadata["layers"], 1):
        moduli = array(f"layer{i}.moduli", 1, 2, 2**31 - 1)
        require(len(moduli) and described["family"] in FAMILIES, f"layer {i} has no channels, or no known family")
        increments = array(f"layer{i}.increments", 3, 0, 2**31 - 1)
        resets = array(f"layer{i}.resets", 3, 0, 2)
        shape = (lower, automaton.width, len(moduli))
        require(increments.shape == resets.shape == shape, f"layer{i}.increments has shape {increments.shape}")
        require((increments < moduli).all(), f"layer{i}.increments has entries outside its moduli")
        sets = resets.astype(bool)
        layers.append(
            CascadeLayer(described["family"], tuple(moduli.tolist()), increments, sets if sets.any() else None)
        )
        lower *= math.prod(layers[-1].moduli)
        require(lower <= 2**24, "more states than are handled")
    decode = array("decode", 1, -1, automaton.count)
    require(len(decode) == lower, f"{lower} states and {len(decode)} decoded")
    alphabet = np.arange(automaton.width, dtype=np.int32)
    elements = np.zeros((0, 0), dtype=np.uint8)
    return Cascade(automaton.name, elements, alphabet, tuple(layers), decode, automaton), metadata
