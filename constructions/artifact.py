"""The artifact on disk: a folder that holds the cascade and the network.

cascade.json           metadata, readable
cascade.safetensors    int32 arrays: elements (n, degree), alphabet (m,), decode (n,), and for each layer i
                       layer{i}.moduli (d,) and layer{i}.increments (lower states, m, d)
config.json            the network's configuration, as huggingface_hub's mixin reads it
model.safetensors      the network's parameters, float64
manifest.json          the digests of the others (`algebra.base.folders`): all are replaced together or not at all

Format 1, of earlier versions, has no manifest and is read with a warning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.arithmetic.permutations import smallest_dtype
from subnormal.algebra.base.errors import InputError
from subnormal.algebra.base.folders import read_folder, save_folder, warn_unbound
from subnormal.algebra.base.reading import MissingFileError, conform, parse_json, parse_tensors
from subnormal.algebra.groups.group import Group, group_of_rows
from subnormal.constructions.cascade import Cascade, CascadeLayer
from subnormal.constructions.weights import Weights, network_parameters

FORMAT = 2
"""Version of the folder's format."""

MAX_NETWORK_PARAMETERS = 50_000_000
"""A network with more parameters than this (400 MB) is not written: its gates would be as many as the group's
elements."""


def save_artifact(folder: Path, cascade: Cascade, weights: Weights, metadata: Mapping[str, Any]) -> bool:
    """Write cascade and network in place of whatever compiled folder was there, whole or not at all.

    Returns:
        Whether the network was small enough to be written.

    Raises:
        InputError: the folder cannot be written; it is as it was.
    """
    files: dict[str, bytes | str] = dict(cascade_files(cascade, metadata))
    written = weights.parameter_count <= MAX_NETWORK_PARAMETERS
    if written:
        config, arrays = network_parameters(weights)
        files |= {"model.safetensors": tensor_bytes(arrays), "config.json": json_text(config)}
    save_folder(folder, files)
    return written


def cascade_files(cascade: Cascade, metadata: Mapping[str, Any]) -> dict[str, bytes | str]:
    """`cascade.json` and `cascade.safetensors`, by name."""
    layers = [{"family": layer.family, "moduli": layer.moduli} for layer in cascade.layers]
    return {
        "cascade.json": json_text({"format": FORMAT, **metadata, "layers": layers}),
        "cascade.safetensors": tensor_bytes(_cascade_arrays(cascade)),
    }


def _cascade_arrays(cascade: Cascade) -> dict[str, NDArray[np.int32]]:
    arrays = {"elements": cascade.elements, "alphabet": cascade.alphabet, "decode": cascade.decode}
    for i, layer in enumerate(cascade.layers, 1):
        arrays[f"layer{i}.moduli"] = np.array(layer.moduli)
        arrays[f"layer{i}.increments"] = layer.increments
    return {name: np.ascontiguousarray(array, dtype=np.int32) for name, array in arrays.items()}


def tensor_bytes(arrays: Mapping[str, NDArray]) -> bytes:
    """The arrays as a safetensors file."""
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return bytes(save(contiguous, metadata={"format": "pt"}))


def json_text(content: Mapping[str, Any], indent: int = 2) -> str:
    """A JSON object as a readable file."""
    return json.dumps(content, indent=indent, ensure_ascii=False) + "\n"


class LayerMetadata(TypedDict):
    """A layer in cascade.json."""

    family: str
    moduli: list[int]


class _Metadata(TypedDict):
    """The fields of a group's cascade.json; only some of them are read."""

    format: int
    name: str
    order: int
    small_group_id: NotRequired[list[int] | None]
    notes: NotRequired[list[str]]
    alphabet: NotRequired[list[str] | None]
    series: NotRequired[list[int]]
    factors: NotRequired[list[list[int]]]
    decomposition: NotRequired[str]
    token_names: NotRequired[list[str]]
    label_names: NotRequired[list[str]]
    learnt: NotRequired[dict[str, Any]]
    decompiled_from: NotRequired[str]
    layers: list[LayerMetadata]


Checked = TypeVar("Checked")
Check = Callable[[dict[str, Any], dict[str, NDArray], str], Checked]


def read_cascade(folder: Path, kind: str, example: str, check: Check[Checked]) -> Checked:
    """Read `cascade.json` and `cascade.safetensors`, and hand them to `check` with the beginning of an error message.

    Arguments:
        kind, example: what the folder should be, and a group that makes one, for messages.
        check: takes metadata, arrays and the beginning of a message; may raise what missing keys and wrong types raise.

    Raises:
        InputError: a file is missing or damaged, or does not belong to the others, or what `check` finds.
    """
    where = f"{folder}: not {kind}"
    try:
        content = read_folder(folder, ("cascade.json", "cascade.safetensors"))
    except MissingFileError as error:
        missing = str(error).removeprefix(f"{folder}/")
        raise InputError(f"{where}: {missing}; make one with `compile {example} --out {folder}`") from None
    try:
        metadata = parse_json(content.files["cascade.json"], "cascade.json", dict[str, Any])
        tensors = parse_tensors(content.files["cascade.safetensors"], "cascade.safetensors")
        arrays = {name: tensors[name] for name in tensors}
    except InputError as error:
        raise InputError(f"{where}: damaged ({str(error)[:160]})") from None
    try:
        if not content.bound:
            warn_unbound(folder, f"`compile {example} --out {folder}`")
        return check(metadata, arrays, where)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: {error} is missing or of the wrong kind") from None


def load_cascade(folder: Path) -> tuple[Cascade, Group, dict[str, Any]]:
    """The cascade of a folder, the group rebuilt from its elements, and the metadata.

    Raises:
        InputError: a file is missing or damaged, or arrays do not fit together.
    """
    return read_cascade(folder, "a compiled folder", "S4", _checked)


def _checked(metadata: dict[str, Any], arrays: dict[str, NDArray], where: str) -> tuple[Cascade, Group, dict[str, Any]]:
    def require(condition: object, problem: str) -> None:
        if not condition:
            raise InputError(f"{where}: {problem}")

    def array(name: str, dimensions: int, bound: int | None) -> NDArray[np.int32]:
        found = arrays[name]
        require(
            found.dtype == np.int32 and found.ndim == dimensions,
            f"{name} has dtype {found.dtype} and shape {found.shape}",
        )
        if bound is not None:
            require(
                found.size == 0 or (found.min() >= 0 and found.max() < bound),
                f"{name} has entries outside 0 … {bound - 1}",
            )
        return found

    require(metadata["format"] in (1, FORMAT), f"format {metadata['format']!r:.40}, wanted {FORMAT}")
    metadata = conform(metadata, _Metadata, f"{where}: cascade.json")
    elements = array("elements", 2, None)
    n, degree = elements.shape
    require(n >= 1 and degree >= 1, f"elements has shape {elements.shape}")
    require((np.sort(elements, axis=1) == np.arange(degree)).all(), "a row of elements is not a permutation")
    require((elements[0] == np.arange(degree)).all(), "element 0 is not the identity")
    alphabet = array("alphabet", 1, n)
    require(len(alphabet), "the alphabet is empty")
    layers: list[CascadeLayer] = []
    lower = 1
    for i, described in enumerate(metadata["layers"], 1):
        moduli = array(f"layer{i}.moduli", 1, None)
        require(len(moduli) and (moduli >= 2).all(), f"layer{i}.moduli has entries below 2, or none")
        increments = array(f"layer{i}.increments", 3, None)
        require(
            increments.shape == (lower, len(alphabet), len(moduli)), f"layer{i}.increments has shape {increments.shape}"
        )
        require(
            ((increments >= 0) & (increments < moduli)).all(), f"layer{i}.increments has entries outside its moduli"
        )
        layer = CascadeLayer(described["family"], tuple(moduli.tolist()), increments)
        layers.append(layer)
        lower *= layer.states
        require(lower <= n, f"more states than the {n} elements")
    decode = array("decode", 1, n)
    require(len(decode) == n == lower, f"{lower} states and {len(decode)} decoded, for {n} elements")
    elements = elements.astype(smallest_dtype(degree))
    require((np.lexsort(elements.T[::-1]) == np.arange(n)).all(), "the elements are not in lexicographic order")
    try:
        group = group_of_rows(elements, alphabet, metadata["name"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return Cascade(group.name, elements, alphabet, tuple(layers), decode), group, metadata
