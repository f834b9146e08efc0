"""A factored cascade on disk: a folder like a cascade's, in its own format.

cascade.json           metadata, readable; "format" is "factored 2"
cascade.safetensors    int32 arrays: alphabet (m, degree), and for M channels: moduli (M,), lifts (M, degree), reads
                       (M, most reads): the positions of the channels read, then -1, and increments: all tables, one
                       after the other, each with a row for every value of the residues read, a column for every token

The layers are not stored: a channel's layer is one more than the deepest layer it reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import cycles, order, smallest_dtype
from ...algebra.depth.families import FAMILIES
from ...common.brief import Brief
from ...common.errors import InputError
from ...common.folders import Folder, opened
from ...common.kinds import FACTORED
from ...common.reading import conform
from ..artifact import LayerMetadata, check_layer, json_text, read_cascade, tensor_bytes
from .cascade import FactoredCascade, FactoredChannel
from .proof import Line

if TYPE_CHECKING:
    from .compiler import FactoredCompilation

FORMAT = "factored 2"
"""Kind and version of the folder's format."""

MAX_POWERS = 1 << 27
"""Most entries that the powers of all lifts may have together."""


class _Metadata(TypedDict):
    """The fields of cascade.json."""

    format: str
    name: str
    order: int
    degree: int
    family: str
    states: int
    structure: str
    exact: bool
    alphabet: list[str]
    series: list[int]
    layers: list[LayerMetadata]
    lower_bound: list[tuple[str, int, int]]


@dataclass(frozen=True, eq=False, repr=False)
class FactoredFolder(Brief):
    """What a folder holds.

    Arguments:
        cascade: the machine.
        lower_bound: a straight-line program over the alphabet (`constructions.factored.proof`).
        metadata: the rest of cascade.json.
    """

    cascade: FactoredCascade
    lower_bound: tuple[Line, ...]
    metadata: dict[str, Any]


def factored_files(compilation: FactoredCompilation, program: Sequence[Line] | None = None) -> dict[str, bytes | str]:
    """`cascade.json` and `cascade.safetensors`, by name; `program` is the compilation's own where it is None."""
    cascade, structure = compilation.cascade, compilation.structure
    description = {
        "format": FORMAT,
        "name": cascade.name,
        "order": compilation.chain.order,
        "degree": cascade.degree,
        "family": cascade.family,
        "states": cascade.states,
        "structure": structure.text,
        "exact": structure.exact,
        "alphabet": [cycles(token) for token in cascade.alphabet],
        "series": list(compilation.series_orders),
        "layers": [{"family": cascade.family, "moduli": moduli} for moduli in cascade.layers],
        "lower_bound": [list(line) for line in (compilation.program if program is None else program)],
    }
    width = max(1, *(len(channel.reads) for channel in cascade.channels))
    arrays = {
        "alphabet": cascade.alphabet,
        "moduli": np.array(cascade.moduli),
        "lifts": np.stack([channel.lift for channel in cascade.channels]),
        "reads": np.array([[*channel.reads, *[-1] * (width - len(channel.reads))] for channel in cascade.channels]),
        "increments": np.concatenate([channel.increments.ravel() for channel in cascade.channels]),
    }
    return {
        "cascade.json": json_text(description, indent=1),
        "cascade.safetensors": tensor_bytes({name: a.astype(np.int32) for name, a in arrays.items()}),
    }


def load_factored(folder: str | Path | Folder) -> FactoredFolder:
    """Read a folder. What the arrays mean is not checked here: that is `constructions.factored.proof.factored_fault`.

    Raises:
        InputError: a file is missing or damaged, or arrays do not fit together.
    """
    return read_cascade(opened(folder), (FACTORED,), "the folder of a factored cascade", "S4wrS4", _checked)


def _checked(metadata: dict[str, Any], arrays: dict[str, NDArray], where: str) -> FactoredFolder:
    def require(condition: object, problem: str) -> None:
        if not condition:
            raise InputError(f"{where}: {problem}")

    def array(name: str, *shape: int | None) -> NDArray[np.int32]:
        found = arrays[name]
        fits = len(shape) == found.ndim and all(n in (None, m) for n, m in zip(shape, found.shape, strict=True))
        require(found.dtype == np.int32 and fits, f"{name} has dtype {found.dtype} and shape {found.shape}")
        return found

    require(metadata["format"] == FORMAT, f"format {metadata['format']!r:.40}, wanted {FORMAT!r}")
    metadata = conform(metadata, _Metadata, f"{where}: cascade.json")
    require(metadata["family"] in FAMILIES, f"unknown family {metadata['family']!r:.40}")
    alphabet = array("alphabet", None, None)
    m, degree = alphabet.shape
    require(m and degree, f"alphabet has shape {alphabet.shape}")
    moduli = array("moduli", None)
    count = len(moduli)
    require(count and (moduli >= 2).all(), "moduli has entries below 2, or none")
    require(int(moduli.sum(dtype=np.int64)) * degree <= MAX_POWERS, "the powers of its lifts are too large")
    lifts, reads, increments = array("lifts", count, degree), array("reads", count, None), array("increments", None)
    for name, rows in (("alphabet", alphabet), ("lifts", lifts)):
        require((np.sort(rows, axis=1) == np.arange(degree)).all(), f"a row of {name} is not a permutation")
    dtype = smallest_dtype(degree)
    channels: list[FactoredChannel] = []
    start = 0
    for position in range(count):
        read = tuple(int(r) for r in reads[position] if r != -1)
        channel = f"channel {position + 1}"
        require(list(read) == sorted({r for r in read if 0 <= r < position}), f"{channel} reads {list(read)}")
        height = math.prod(channels[r].modulus for r in read)
        require(start + height * m <= len(increments), f"increments end within the table of {channel}")
        table = increments[start : start + height * m].reshape(height, m)
        start += height * m
        n = int(moduli[position])
        lift_order = order(lifts[position])
        require(lift_order % n == 0, f"{channel} has modulus {n}, its lift the order {lift_order}")
        require(table.min() >= 0 and table.max() < n, f"{channel} adds something outside 0 … {n - 1}")
        layer = 1 + max((channels[r].layer for r in read), default=0)
        channels.append(FactoredChannel(n, layer, lifts[position].astype(dtype), read, table))
    require(start == len(increments), "increments has more entries than the tables")
    states, stated = math.prod(channel.modulus for channel in channels), (metadata["degree"], metadata["states"])
    require(stated == (degree, states), f"{degree} points and {states:,} states, cascade.json has {stated}")
    for layer in metadata["layers"]:
        require(layer["family"] == metadata["family"], f"a layer of {layer['family']!r:.40}")
        check_layer(layer, layer["moduli"], True, f"{where}: a layer")
    cascade = FactoredCascade(metadata["name"], metadata["family"], alphabet.astype(dtype), tuple(channels))
    return FactoredFolder(cascade, tuple(metadata["lower_bound"]), metadata)
