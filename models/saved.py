"""Networks from files and from parameters made elsewhere, and in another precision: one way for each.

A folder holds `config.json`, the arguments of `DCDNetwork`, and `model.safetensors`, its parameters by the names in
`constructions/parameters.py`. Writing is the Hub mixin's own `save_pretrained`; reading is stricter than the mixin's,
which tolerates missing weights and prints to standard output.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from huggingface_hub import PyTorchModelHubMixin
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor

from ..algebra.tracked import Tracked
from ..common.dtypes import DTYPES as NAMES
from ..common.dtypes import dtype_name
from ..common.errors import InputError
from ..common.folders import Folder, opened
from ..common.kinds import COMPILED, DAMAGED, NETWORK, OTHER, TRAINED, WITH_NETWORK, claim_folder, wrong_kind
from ..common.reading import parse_json, parse_tensors
from ..constructions.parameters import is_integer, parameter_shapes
from ..constructions.reading import load_machine
from ..constructions.weights import dense_configuration, dense_parameters, has_linear_head
from .specification import LayerSpecification, positive

if TYPE_CHECKING:
    from ..common.dtypes import DtypeLike

__all__ = ["DTYPES", "SavedNetwork"]

DTYPES = {name: getattr(torch, name) for name in NAMES}
NEEDED = ("alphabet_size", "classes", "layers")
ARGUMENTS = (*NEEDED, "embedding_size", "dtype", "seed", "head_gates", "head_cases")

SIZES = ("alphabet_size", "classes", "head_gates", "head_cases", "embedding_size")

CARD = """---
{{ card_data }}
---

A stack of input-dependent diagonal recurrences, written by subnormal. Load it with
`subnormal.models.DCDNetwork.from_pretrained(folder)`; `config.json` holds the arguments of `DCDNetwork`.
"""


class SavedNetwork(
    PyTorchModelHubMixin, library_name="subnormal", tags=["state-space-model"], model_card_template=CARD
):
    """What `DCDNetwork` does with files; and what it is for, where its folder says so."""

    _tracked: Tracked | None = None
    _folder: Path | None = None

    @property
    def tracked(self) -> Tracked:
        """The group or the automaton that it was compiled or trained for, with its letters.

        To be set for a network that was loaded from weights alone: `net.tracked = sn.compile("S3").tracked`.

        Raises:
            InputError: the network does not know.
        """
        if self._tracked is None:
            if self._folder is None:
                raise InputError(
                    "the network does not know what it is for; say so: net.tracked = sn.compile('S3').tracked"
                )
            self._tracked = _tracked_of(Folder(self._folder))
        return self._tracked

    @tracked.setter
    def tracked(self, tracked: Tracked) -> None:
        tracked.require_fit(self.alphabet_size, self.classes)  # type: ignore[attr-defined]
        self._tracked = tracked

    def _same_letters(self, other: Self) -> Self:
        other._tracked, other._folder = self._tracked, self._folder
        return other

    @classmethod
    def from_parameters(
        cls,
        configuration: Mapping[str, Any],
        parameters: Mapping[str, Tensor | NDArray],
        dtype: DtypeLike | None = None,
        where: str = "parameters",
    ) -> Self:
        """A network with these parameters.

        Arguments:
            configuration: arguments of `DCDNetwork`.
            parameters: all of them, by name, as tensors or NumPy arrays of the configuration's dtype.
            dtype: `float32` or `float64`, to which every parameter is rounded once; None for the configuration's.
            where: what an error says the parameters come from.

        Raises:
            InputError: the configuration cannot be used, or a parameter is missing, too many, or of another shape or
                dtype.
        """
        stated = configuration.get("dtype", "float32")
        if not isinstance(stated, str) or stated not in DTYPES:
            raise InputError(f'{where}: dtype: expected "float32" or "float64", got {stated!r:.40}')
        _compare_sizes(configuration, {name: tuple(value.shape) for name, value in parameters.items()}, where)
        own = {} if dtype is None else {"dtype": dtype_name(dtype)}
        network = cls(**({"seed": 0} | dict(configuration) | own))
        given = {name: torch.as_tensor(value) for name, value in parameters.items()}
        shapes = parameter_shapes(network.configuration())  # type: ignore[attr-defined]
        kind = DTYPES[stated]
        for name in sorted(shapes.keys() | given.keys()):
            if name not in given or name not in shapes:
                raise InputError(f"{where}: {name} is {'missing' if name in shapes else 'not a parameter here'}")
            value, needed = given[name], torch.int32 if is_integer(name) else kind
            if tuple(value.shape) != shapes[name] or value.dtype != needed:
                wanted, came = f"{needed} {shapes[name]}", f"{value.dtype} {tuple(value.shape)}"
                raise InputError(f"{where}: {name} should be {wanted}, is {came}")
        network.load_state_dict(given)  # type: ignore[attr-defined]
        try:
            network.check_numbers()  # type: ignore[attr-defined]
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        return network

    def converted(self, dtype: DtypeLike) -> Self:
        """The network in `float32` or `float64`, every parameter rounded once; itself where it is so already."""
        configuration = self.configuration()  # type: ignore[attr-defined]
        if configuration["dtype"] == dtype_name(dtype):
            return self
        parameters = self.state_dict()  # type: ignore[attr-defined]
        return self._same_letters(self.from_parameters(configuration, parameters, dtype))

    def dense(self) -> Self:
        """The network with all its matrices written out, every number in them a parameter; itself where it is so.

        For readers that know matrices alone: training, horizons of trained networks, pages. `dense_size` says
        beforehand how large it is.
        """
        configuration = self.configuration()  # type: ignore[attr-defined]
        if configuration.get("head_cases") is None:
            return self
        return self._same_letters(self.from_parameters(*dense_parameters(configuration, self._numpy())))

    def dense_size(self) -> int:
        """How many parameters `dense` has."""
        configuration = self.configuration()  # type: ignore[attr-defined]
        if configuration.get("head_cases") is not None:
            configuration = dense_configuration(configuration, has_linear_head(self._numpy()))
        return sum(math.prod(shape) for shape in parameter_shapes(configuration).values())

    def _numpy(self) -> dict[str, NDArray]:
        state = self.state_dict()  # type: ignore[attr-defined]
        return {name: value.detach().cpu().numpy() for name, value in state.items()}

    def save_pretrained(  # type: ignore[override]
        self,
        save_directory: str | Path,
        *,
        force: bool = False,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: dict[str, Any] | None = None,
    ) -> str | None:
        """Write the network into a folder, in the dtype that its parameters have, as `from_pretrained` reads it.

        Arguments:
            force: whether the folder may hold something else than a saved network.
            repo_id, push_to_hub, model_card_kwargs: as `huggingface_hub` takes them.

        Raises:
            InputError: the folder holds something else; or the parameters are of a dtype or shape that is not read.
        """
        configuration = self.configuration()  # type: ignore[attr-defined]
        state = self.state_dict()  # type: ignore[attr-defined]
        shapes = parameter_shapes(configuration)
        kinds = sorted({str(v.dtype).removeprefix("torch.") for name, v in state.items() if not is_integer(name)})
        if len(kinds) > 1 or kinds[0] not in DTYPES:
            raise InputError(
                f"{save_directory}: the parameters are {' and '.join(kinds)}; a network is saved in float32 or "
                "float64: call network.float() or network.double() first"
            )
        if odd := next((n for n in sorted(shapes.keys() | state.keys()) if _shape(state, n) != shapes.get(n)), None):
            came = f"should be {shapes.get(odd)}, is {_shape(state, odd)}"
            raise InputError(f"{save_directory}: {odd} {came}; one network of the shape of its configuration is saved")
        claim_folder(save_directory, NETWORK, force)
        return super().save_pretrained(
            save_directory,
            config=configuration,
            repo_id=repo_id,
            push_to_hub=push_to_hub,
            model_card_kwargs=model_card_kwargs,
        )

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, folder: str | Path | Folder, dtype: DtypeLike | None = None, map_location: str = "cpu"
    ) -> Self:
        """The network saved in a local `folder`; never asks a server.

        Arguments:
            folder: with `config.json` and `model.safetensors`.
            dtype: `float32` or `float64`, to which every weight is rounded once; None for the dtype it is saved in.
            map_location: torch's device.

        Raises:
            InputError: the folder or a file is missing, or they do not fit together.
        """
        there = opened(folder)
        if there.kind not in (*WITH_NETWORK, DAMAGED, OTHER, None):
            if there.has("config.json"):  # a broken file says so first
                parse_json(there.files(("config.json",), False)["config.json"], there.path / "config.json")
            raise wrong_kind(there.path, "a folder with a network of subnormal")
        for name in ("config.json", "model.safetensors"):
            if not there.has(name) and not (there.path / name).is_file():
                raise InputError(f"{folder}: expected a folder with config.json and model.safetensors, no {name} there")
        files = there.files(("config.json", "model.safetensors"), bound=there.kind not in (NETWORK, OTHER))
        configuration = _configuration(f"{folder}/config.json", files["config.json"])
        file = f"{folder}/model.safetensors"
        parse_tensors(files["model.safetensors"], file)  # what its header says is so
        weights = load(files["model.safetensors"])
        network = cls.from_parameters(configuration, weights, dtype, where=file)
        if there.kind in (*COMPILED, TRAINED):
            network._folder = there.path
        return network.to(map_location)  # type: ignore[attr-defined]


def _tracked_of(folder: Folder) -> Tracked:
    """What the network of a folder is for: its machine says so, or what it was trained on."""
    if folder.kind != TRAINED:
        return load_machine(folder).tracked
    from .training.recorded import task_of_folder

    return task_of_folder(folder).tracked


def _shape(state: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(state[name].shape) if name in state else None


def _compare_sizes(configuration: Mapping[str, Any], given: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Compare the sizes that a configuration asks for with those that are there, before anything of them is made."""
    compact = configuration.get("head_cases") is not None
    names = SIZES[:-1] if compact else SIZES  # the network itself checks an embedding of length 0
    sizes = [name for name in names if configuration.get(name) is not None]
    for name in (*SIZES[:2], *sizes):
        positive(name, configuration.get(name))
    layers = configuration.get("layers")
    if not isinstance(layers, list | tuple):
        raise InputError(f"layers: expected a list of at least one layer, got {str(layers)[:60]!r}")
    parsed = [LayerSpecification.parse(i, entry).as_json() for i, entry in enumerate(layers)]
    for name, shape in parameter_shapes({**configuration, "layers": parsed}).items():
        if name not in given:
            raise InputError(f"{where}: {name} is missing")
        if math.prod(shape) > max(2**20, math.prod(given[name])):  # what is small is compared when it is made
            raise InputError(f"{where}: {name} should be {shape}, is {given[name]}")


def _configuration(file: str, content: bytes) -> dict[str, Any]:
    """The arguments of `DCDNetwork` in a config.json: no other field is passed over."""
    configuration = parse_json(content, file)
    if not isinstance(configuration, dict):
        raise InputError(f"{file}: expected an object, got {str(configuration)[:40]}")
    for name in NEEDED:
        if name not in configuration:
            raise InputError(f"{file}: {name!r} is missing")
    for name in configuration:
        if name not in ARGUMENTS:
            raise InputError(f"{file}: unknown field {name!r:.60}; known: {', '.join(ARGUMENTS)}")
    return configuration
