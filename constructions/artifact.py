"""The artifact on disk: a folder that holds the cascade and the network.

cascade.json           metadata, readable
cascade.safetensors    int32 arrays: elements (n, degree), alphabet (m,), decode (n,), and for each layer i
                       layer{i}.moduli (d,) and layer{i}.increments (states above, m, d)
config.json            the network's configuration, as huggingface_hub's mixin reads it
model.safetensors      the network's parameters, float64
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.arithmetic.permutations import smallest_dtype
from subnormal.algebra.base.errors import InputError
from subnormal.algebra.groups.group import Group
from subnormal.constructions.cascade import Cascade, CascadeLayer
from subnormal.constructions.weights import Weights, network_parameters

FORMAT = 1
"""Version of the folder's format."""

MAX_NETWORK_PARAMETERS = 50_000_000
"""A network with more parameters than this (400 MB) is not written: its gates would be as many as the group's
elements."""


def prepare_folder(folder: Path) -> None:
    """Make the folder, so that one that cannot be written is refused before any work. Raises `InputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _cannot_write(folder, error) from None


def _cannot_write(folder: Path, error: OSError) -> InputError:
    return InputError(f"cannot write to {folder}: {error.strerror or error}; name another folder, e.g. --out s4")


def save_artifact(folder: Path, cascade: Cascade, weights: Weights, metadata: Mapping[str, Any]) -> bool:
    """Write cascade and network; each file appears whole or not at all.

    Returns:
        Whether the network was small enough to be written.

    Raises:
        InputError: the folder cannot be written.
    """
    save_cascade(folder, cascade, metadata)
    written = weights.parameter_count <= MAX_NETWORK_PARAMETERS
    try:
        if written:
            config, arrays = network_parameters(weights)
            write_tensors(folder / "model.safetensors", arrays)
            write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")
        else:
            for name in ("model.safetensors", "config.json"):
                (folder / name).unlink(missing_ok=True)  # of an earlier, smaller network
    except OSError as error:
        raise _cannot_write(folder, error) from None
    return written


def save_cascade(folder: Path, cascade: Cascade, metadata: Mapping[str, Any]) -> None:
    """Write `cascade.json` and `cascade.safetensors` alone. Raises `InputError` where the folder cannot be written."""
    layers = [{"family": layer.family, "moduli": layer.moduli} for layer in cascade.layers]
    description = {"format": FORMAT, **metadata, "layers": layers}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / "cascade.safetensors", _cascade_arrays(cascade))
        write_text(folder / "cascade.json", json.dumps(description, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise _cannot_write(folder, error) from None


def _cascade_arrays(cascade: Cascade) -> dict[str, NDArray[np.int32]]:
    arrays = {"elements": cascade.elements, "alphabet": cascade.alphabet, "decode": cascade.decode}
    for i, layer in enumerate(cascade.layers, 1):
        arrays[f"layer{i}.moduli"] = np.array(layer.moduli)
        arrays[f"layer{i}.increments"] = layer.increments
    return {name: np.ascontiguousarray(array, dtype=np.int32) for name, array in arrays.items()}


def write_tensors(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """Write a safetensors file, whole or not at all."""
    from safetensors.numpy import save

    write_bytes(
        path, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata={"format": "pt"})
    )


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file through a temporary one beside it, flushed to disk and then renamed: it appears whole or not at all.

    Raises:
        OSError: it cannot be written; the old file, if any, is as it was.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


Checked = TypeVar("Checked")


Check = Callable[[dict[str, Any], dict[str, NDArray], str], Checked]


def read_folder(folder: Path, kind: str, example: str, check: Check[Checked]) -> Checked:
    """Read `cascade.json` and `cascade.safetensors`, and hand them to `check` with the beginning of an error message.

    Arguments:
        kind, example: what the folder should be, and a group that makes one, for messages.
        check: takes metadata, arrays and the beginning of a message; may raise what missing keys and wrong types raise.

    Raises:
        InputError: a file is missing or damaged, or what `check` finds.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    where = f"{folder}: not {kind}"
    try:
        metadata = json.loads((folder / "cascade.json").read_text(encoding="utf-8"))
        arrays = load((folder / "cascade.safetensors").read_bytes())
    except OSError as error:
        missing = f"{Path(str(error.filename)).name}: {error.strerror}"
        raise InputError(f"{where}: {missing}; make one with `compile {example} --out {folder}`") from None
    except (ValueError, RecursionError, SafetensorError) as error:
        raise InputError(f"{where}: damaged ({' '.join(str(error).split())[:100]})") from None
    try:
        return check(metadata, arrays, where)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: {error} is missing or of the wrong kind") from None


def load_cascade(folder: Path) -> tuple[Cascade, Group, dict[str, Any]]:
    """The cascade of a folder, the group rebuilt from its elements, and the metadata.

    Raises:
        InputError: a file is missing or damaged, or arrays do not fit together.
    """
    return read_folder(folder, "a compiled folder", "S4", _checked)


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

    require(metadata["format"] == FORMAT, f"format {metadata['format']}, wanted {FORMAT}")
    elements = array("elements", 2, None)
    n, degree = elements.shape
    require(n >= 1 and degree >= 1, f"elements has shape {elements.shape}")
    require((np.sort(elements, axis=1) == np.arange(degree)).all(), "a row of elements is not a permutation")
    require((elements[0] == np.arange(degree)).all(), "element 0 is not the identity")
    alphabet = array("alphabet", 1, n)
    require(len(alphabet), "the alphabet is empty")
    layers: list[CascadeLayer] = []
    above = 1
    for i, described in enumerate(metadata["layers"], 1):
        moduli = array(f"layer{i}.moduli", 1, None)
        require(len(moduli) and (moduli >= 2).all(), f"layer{i}.moduli has entries below 2, or none")
        increments = array(f"layer{i}.increments", 3, None)
        require(
            increments.shape == (above, len(alphabet), len(moduli)), f"layer{i}.increments has shape {increments.shape}"
        )
        require(
            ((increments >= 0) & (increments < moduli)).all(), f"layer{i}.increments has entries outside its moduli"
        )
        layer = CascadeLayer(str(described["family"]), tuple(moduli.tolist()), increments)
        layers.append(layer)
        above *= layer.states
        require(above <= n, f"more states than the {n} elements")
    decode = array("decode", 1, n)
    require(len(decode) == n == above, f"{above} states and {len(decode)} decoded, for {n} elements")
    elements = elements.astype(smallest_dtype(degree))
    require((np.lexsort(elements.T[::-1]) == np.arange(n)).all(), "the elements are not in lexicographic order")
    group = Group(elements, (), str(metadata["name"]))
    group = Group(elements, group.subgroup(int(a) for a in alphabet if a).generators, group.name)
    return Cascade(group.name, elements, alphabet, tuple(layers), decode), group, metadata
