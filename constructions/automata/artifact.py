"""The folder of a compiled automaton: as a group's (`constructions.artifact`), in a format of its own.

cascade.json           metadata, readable; "format" is "automaton 2": name, family, the automaton (docs/automata.md)
cascade.safetensors    int32 arrays: transitions (states, letters) and accepting (states,) of the automaton, decode, and
                       for each layer i layer{i}.moduli (d,) and layer{i}.moves (lower states, letters, d): an entry e
                       below the modulus n adds e, an entry n + e sets the channel to e
config.json, model.safetensors, manifest.json          as for groups

Tables have rows for the lower states that words lead to, and no others, and so has `decode`; in lexicographic order of
their residues. Which states these are is not written: whoever reads the tables finds out, layer by layer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import Automaton
from ...algebra.depth.families import names
from ...common.folders import Folder, opened
from ...common.kinds import AUTOMATON, AUTOMATON_FORMAT
from ...common.reading import conform
from ..artifact import (
    Arrays,
    LayerMetadata,
    described_layers,
    json_text,
    machine_arrays,
    read_cascade,
    tensor_bytes,
)
from ..cascade import Cascade

if TYPE_CHECKING:
    from .compiler import AutomatonCompilation

FORMAT = AUTOMATON_FORMAT
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
        "layers": described_layers(cascade),
    }
    arrays = automaton_arrays(automaton) | machine_arrays(cascade, True)
    return {"cascade.json": json_text(description), "cascade.safetensors": tensor_bytes(arrays)}


def automaton_arrays(automaton: Automaton) -> dict[str, NDArray[np.int32]]:
    """What a certificate needs: `transitions`, and `accepting`, all 0 where the state is the output."""
    accepting = np.zeros(automaton.count, dtype=bool) if automaton.accepting is None else automaton.accepting
    return {"transitions": automaton.table.astype(np.int32), "accepting": accepting.astype(np.int32)}


def load_automaton(folder: str | Path | Folder) -> tuple[Cascade, dict[str, Any]]:
    """The cascade of a folder, with its automaton, and the metadata.

    Raises:
        InputError: a file is missing or damaged, or arrays do not fit together.
    """
    return read_cascade(opened(folder), (AUTOMATON,), "the folder of a compiled automaton", "'tomita(5)'", _checked)


def _checked(metadata: dict[str, Any], arrays: dict[str, NDArray], where: str) -> tuple[Cascade, dict[str, Any]]:
    from ...algebra.input.automata import from_json

    own = Arrays(arrays, where)
    require, array = own.require, own.array
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
    decode = array("decode", 1, 0, automaton.count)
    require(len(decode), "decode is empty")
    # The lower layers of a state that can be reached are in one that can: no layers together have more.
    layers, states = own.layers(metadata["layers"], automaton.width, len(decode), resets=True)
    require(len(decode) == states, f"{states} states and {len(decode)} decoded")
    alphabet = np.arange(automaton.width, dtype=np.int32)
    elements = np.zeros((0, 0), dtype=np.uint8)
    return Cascade(automaton.name, elements, alphabet, layers, decode, automaton), metadata
