"""The artifact on disk: a folder that holds the cascade and the network.

cascade.json           metadata, readable
cascade.safetensors    int32 arrays: elements (n, degree), alphabet (m,), decode (n,), and for each layer i
                       layer{i}.moduli (d,) and layer{i}.increments (lower states, m, d)
config.json            the network's configuration, as huggingface_hub's mixin reads it
model.safetensors      the network's parameters, float64
manifest.json          the digests of the others (`common.folders`): all are replaced together or not at all
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..algebra.arithmetic.permutations import smallest_dtype
from ..algebra.depth.families import FAMILIES
from ..algebra.groups.group import Group, group_of_rows
from ..common.errors import InputError
from ..common.folders import Folder, opened
from ..common.kinds import DAMAGED, LISTED, wrong_kind
from ..common.reading import MissingFileError, conform, parse_json, parse_tensors
from .cascade import Cascade, CascadeLayer, explored, layer_transitions
from .weights import Weights, network_parameters

FORMAT = 2
"""Version of the folder's format."""


def network_files(weights: Weights) -> dict[str, bytes | str]:
    """`config.json` and `model.safetensors`, by name."""
    config, arrays = network_parameters(weights)
    return {"model.safetensors": tensor_bytes(arrays), "config.json": json_text(config)}


def cascade_files(cascade: Cascade, metadata: Mapping[str, Any]) -> dict[str, bytes | str]:
    """`cascade.json` and `cascade.safetensors`, by name."""
    arrays = {"elements": cascade.elements, "alphabet": cascade.alphabet, **machine_arrays(cascade, False)}
    return {
        "cascade.json": json_text({"format": FORMAT, **metadata, "layers": described_layers(cascade)}),
        "cascade.safetensors": tensor_bytes({name: array.astype(np.int32) for name, array in arrays.items()}),
    }


def described_layers(cascade: Cascade) -> list[LayerMetadata]:
    """The layers as `cascade.json` names them."""
    return [{"family": layer.family, "moduli": list(layer.moduli)} for layer in cascade.layers]


def machine_arrays(cascade: Cascade, resets: bool) -> dict[str, NDArray[np.int32]]:
    """`decode` and the arrays of each layer: `increments`, or `moves` if the format has resets."""
    arrays: dict[str, NDArray] = {"decode": cascade.decode}
    for i, layer in enumerate(cascade.layers, 1):
        arrays[f"layer{i}.moduli"] = np.array(layer.moduli)
        arrays[f"layer{i}.{'moves' if resets else 'increments'}"] = layer.moves
    return {name: array.astype(np.int32) for name, array in arrays.items()}


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


def check_layer(described: LayerMetadata, moduli: list[int], of_group: bool, where: str) -> None:
    """Refuse, by an `InputError` that begins with `where`, a layer whose moduli are others than cascade.json says; or
    those of a group's layer that its family cannot carry. (What an automaton's tokens set may have any modulus.)"""
    if described["family"] not in FAMILIES:
        raise InputError(f"{where}: unknown family {described['family']!r:.40}")
    if described["moduli"] != moduli:
        raise InputError(f"{where}: moduli {str(moduli)[:60]}, cascade.json has others")
    if min(moduli, default=0) < 2:
        raise InputError(f"{where}: moduli {str(moduli)[:60]}, wanted one or more, each at least 2")
    family = FAMILIES[described["family"]]
    if of_group and family.exponent and any(family.exponent % n for n in moduli):
        raise InputError(f"{where}: {family.title} cannot carry the moduli {str(moduli)[:60]}")


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
    agreement: NotRequired[dict[str, Any]]
    layers: list[LayerMetadata]


Checked = TypeVar("Checked")
Check = Callable[[dict[str, Any], dict[str, NDArray], str], Checked]


def read_cascade(folder: Folder, kinds: Collection[str], kind: str, example: str, check: Check[Checked]) -> Checked:
    """Read `cascade.json` and `cascade.safetensors`, and hand them to `check` with the beginning of an error message.

    Arguments:
        kinds: of `common.kinds` that are read here.
        kind, example: what the folder should be, and a group that makes one, for messages.
        check: takes metadata, arrays and the beginning of a message; may raise what missing keys and wrong types raise.

    Raises:
        InputError: a file is missing or damaged, or does not belong to the others, or what `check` finds.
    """
    where = f"{folder}: not {kind}"
    if folder.kind not in (*kinds, DAMAGED, None):
        raise wrong_kind(folder.path, kind)
    try:
        files = folder.files(("cascade.json", "cascade.safetensors"))
    except MissingFileError as error:
        missing = str(error).removeprefix(f"{folder}/")
        raise InputError(f"{where}: {missing}; make one with `compile {example} --out {folder}`") from None
    try:
        metadata = parse_json(files["cascade.json"], "cascade.json", dict[str, Any])
        tensors = parse_tensors(files["cascade.safetensors"], "cascade.safetensors")
        arrays = {name: tensors[name] for name in tensors}
    except InputError as error:
        raise InputError(f"{where}: damaged ({str(error)[:160]})") from None
    try:
        return check(metadata, arrays, where)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: {error} is missing or of the wrong kind") from None


class Arrays:
    """The arrays of a `cascade.safetensors`, each checked as it is taken.

    Arguments:
        arrays: by name.
        where: the beginning of an error message.
    """

    def __init__(self, arrays: Mapping[str, NDArray], where: str) -> None:
        self._arrays, self._where = arrays, where

    def require(self, condition: object, problem: str) -> None:
        """InputError with the problem unless the condition holds."""
        if not condition:
            raise InputError(f"{self._where}: {problem}")

    def array(self, name: str, dimensions: int, low: int = 0, end: int | None = None) -> NDArray[np.int32]:
        """An array of int32 with so many dimensions, its entries in low … end-1 where an end is given."""
        found = self._arrays[name]
        fits = found.dtype == np.int32 and found.ndim == dimensions
        self.require(fits, f"{name} has dtype {found.dtype} and shape {found.shape}")
        if end is not None:
            inside = found.size == 0 or (found.min() >= low and found.max() < end)
            self.require(inside, f"{name} has entries outside {low} … {end - 1}")
        return found

    def layers(
        self, described: Sequence[LayerMetadata], letters: int, limit: int, resets: bool
    ) -> tuple[tuple[CascadeLayer, ...], int]:
        """The layers, and the number of states that they have together, at most `limit`: with `resets`, of the states
        that can be reached, which are found here."""
        layers: list[CascadeLayer] = []
        lower, following = 1, np.zeros((1, letters), dtype=np.int64)
        for i, one in enumerate(described, 1):
            name = f"layer{i}"
            moduli = self.array(f"{name}.moduli", 1)
            self.require(len(moduli) and (moduli >= 2).all(), f"{name}.moduli has entries below 2, or none")
            what = f"{name}.moves" if resets else f"{name}.increments"
            moves = self.array(what, 3)
            shape = lower, letters, len(moduli)
            self.require(moves.shape == shape, f"{what} has shape {moves.shape}")
            inside = ((moves >= 0) & (moves < (2 if resets else 1) * moduli.astype(np.int64))).all()
            self.require(inside, f"{what} has entries outside its moduli")
            sets = moves >= moduli
            check_layer(one, moduli.tolist(), not resets, f"{self._where}: {name}")
            self.require(
                FAMILIES[one["family"]].resets or not sets.any(), f"{name} sets a channel, as no {one['family']}"
            )
            increments = np.where(sets, moves - moduli, moves) if sets.any() else moves
            layer = CascadeLayer(one["family"], tuple(moduli.tolist()), increments, sets if sets.any() else None)
            self.require(lower * layer.states < 2**62, f"{name} has too many residues")
            if resets:
                try:
                    layer = replace(layer, reached=explored(layer, following, limit))
                except InputError as error:
                    self.require(False, str(error))
                following = layer_transitions(layer, following)
            layers.append(layer)
            lower = layer.count
            self.require(lower <= limit, f"more than {limit:,} states")
        return tuple(layers), lower


def load_cascade(folder: str | Path | Folder) -> tuple[Cascade, Group, dict[str, Any]]:
    """The cascade of a folder, the group rebuilt from its elements, and the metadata.

    Raises:
        InputError: a file is missing or damaged, or arrays do not fit together.
    """
    return read_cascade(opened(folder), LISTED, "a compiled folder", "S4", _checked)


def _checked(metadata: dict[str, Any], arrays: dict[str, NDArray], where: str) -> tuple[Cascade, Group, dict[str, Any]]:
    own = Arrays(arrays, where)
    require, array = own.require, own.array
    require(metadata["format"] == FORMAT, f"format {metadata['format']!r:.40}, wanted {FORMAT}")
    metadata = conform(metadata, _Metadata, f"{where}: cascade.json")
    elements = array("elements", 2)
    n, degree = elements.shape
    require(n >= 1 and degree >= 1, f"elements has shape {elements.shape}")
    require((np.sort(elements, axis=1) == np.arange(degree)).all(), "a row of elements is not a permutation")
    require((elements[0] == np.arange(degree)).all(), "element 0 is not the identity")
    alphabet = array("alphabet", 1, 0, n)
    require(len(alphabet), "the alphabet is empty")
    layers, states = own.layers(metadata["layers"], len(alphabet), n, resets=False)
    decode = array("decode", 1, 0, n)
    require(len(decode) == n == states, f"{states} states and {len(decode)} decoded, for {n} elements")
    elements = elements.astype(smallest_dtype(degree))
    require((np.lexsort(elements.T[::-1]) == np.arange(n)).all(), "the elements are not in lexicographic order")
    try:
        group = group_of_rows(elements, alphabet, metadata["name"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return Cascade(group.name, elements, alphabet, layers, decode), group, metadata


def load_group(folder: Folder, kind: str, about: str, version: int, made_by: str) -> tuple[Group, NDArray[np.int32]]:
    """The group that stands beside a network which is its own machine, and the element of each token, shape (m,).

    Arguments:
        folder: opened; nothing of the network is looked at.
        kind: of `common.kinds`.
        about: the file with format and name.
        version: of its format.
        made_by: the command that writes such a folder, for messages.

    Raises:
        InputError: a file is missing or damaged, or does not belong to the others.
    """
    if folder.kind not in (kind, DAMAGED, None):
        raise wrong_kind(folder.path, f"a folder written by `{made_by}`")
    files = folder.files((about, "group.safetensors", "config.json", "model.safetensors"))
    stated = parse_json(files[about], f"{folder}/{about}")
    arrays = parse_tensors(files["group.safetensors"], f"{folder}/group.safetensors")
    where = f"{folder}: not written by {made_by}"
    if not isinstance(stated, dict) or stated.get("format") != version or not isinstance(stated.get("name"), str):
        raise InputError(f"{where}: {about} has no format {version} and name")
    if set(arrays) != {"elements", "alphabet"}:
        raise InputError(f"{where}: group.safetensors should hold elements and alphabet")
    elements, alphabet = np.asarray(arrays["elements"]), np.asarray(arrays["alphabet"])
    fits = elements.dtype == alphabet.dtype == np.int32 and elements.ndim == 2 and alphabet.ndim == 1
    if not (fits and elements.size and alphabet.size and (np.sort(elements) == np.arange(elements.shape[1])).all()):
        raise InputError(f"{where}: elements are no permutations, or there is no alphabet")
    n, degree = elements.shape
    if not (np.lexsort(elements.T[::-1]) == np.arange(n)).all() or not 0 <= alphabet.min() <= alphabet.max() < n:
        raise InputError(f"{where}: the elements are not in order, or the alphabet is not among them")
    small = elements.astype(smallest_dtype(degree))
    try:
        return group_of_rows(small, alphabet, stated["name"]), alphabet
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
