"""What the actual weights of a checkpoint do on its actual tokens: the eigenvalues of every layer, measured.

The model reads every token of its vocabulary once, in a random order, as far as `LARGEST_SAMPLE` goes. The
eigenvalues that are noted are those of one-token transitions in those contexts: α(1 - β) and α for delta-rule layers
(keys taken as unit vectors), the multipliers themselves for diagonal ones.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from ...common.errors import InputError

if TYPE_CHECKING:
    from ...models.network import DCDNetwork

LARGEST_SAMPLE = 4096
"""Tokens that are read at most."""

LARGEST_READ = 128 * 2**20
"""Bytes of weights that are read whole. Of more, only what the first layer needs is read: the layers above would need
all of it, and a pass over all of it."""

Range = tuple[float, float]


def measure_network(network: DCDNetwork, seed: int = 0) -> dict[int, dict[str, Any]]:
    """The same for one of our own networks: least and largest real multipliers, or moduli of complex ones, by layer."""
    tokens = _sample(network.alphabet_size, seed)
    found: dict[int, dict[str, Any]] = {}
    with torch.no_grad():
        for i, trace in enumerate(network.trace(tokens)):
            if trace.a is not None:
                values = trace.a.abs() if trace.a.is_complex() else trace.a
                found[i] = {"eigenvalues": [float(values.min()), float(values.max())], "tokens": tokens.shape[1]}
    return found


ROWS_AT_MOST_1 = {
    2: "2-groups alone",
    3: "solvable groups alone, of orders without primes beyond 3",
    4: "solvable groups alone, of orders without primes beyond 3",
}
"""What any number of layers of real blocks of such a size carries whose rows have L1 norm ≤ 1 (docs/mathematics.md)."""


def row_notes(network: DCDNetwork) -> tuple[str, ...]:
    """A note for each layer of real blocks of one of our own networks whose rows all have L1 norm ≤ 1, as where a model
    normalises them so. It says so only where all matrices that φ gives are known: it reads tokens alone, or is a table.
    """
    from ...models.families import Blocks
    from ...models.gates import GatePhi

    found = []
    for i, layer in enumerate(network.layers):
        transition = layer.transition
        if not isinstance(transition, Blocks) or transition.complex_state:
            continue
        with torch.no_grad():
            if isinstance(layer.phi, GatePhi):
                raw = layer.phi.table()
            elif layer.width == 0:
                tokens = torch.arange(network.alphabet_size)
                raw = layer.raw(network.embedding.weight.new_zeros((len(tokens), 0)), tokens, network.embedding.weight)
            else:
                continue
            rows = transition.maps(raw.double())[0].abs().sum(2)
        if bool((rows <= 1).all()):
            carried = ROWS_AT_MOST_1[transition.family.block_size]
            found.append(
                f"layer {i}, {transition.family.name}: every row of its {len(raw):,} matrices has L1 norm ≤ 1, so what "
                "it keeps is moved by signed permutations of coordinates: with any number of such layers it carries "
                f"{carried}"
            )
    return tuple(found)


def measure_checkpoint(folder: Path, model_type: str, seed: int = 0) -> dict[int, dict[str, Any]]:
    """Least and largest eigenvalue by layer, for the architectures that transformers runs.

    Raises:
        InputError: transformers is not installed, cannot read the folder, or the architecture is not among them.
    """
    if model_type not in PROBES:
        raise InputError(f"{model_type}: weights are measured for {', '.join(PROBES)}; audit its config.json alone")
    if sum(path.stat().st_size for path in folder.glob("*.safetensors")) > LARGEST_READ:
        return _measure_first_layer(folder, model_type, seed)
    from ...models.references.hugging_face import load_model, refused

    with refused(folder, "run"):
        return measure_model(load_model(folder).eval(), model_type, seed)


def measure_model(model: Any, model_type: str, seed: int = 0) -> dict[int, dict[str, Any]]:
    """Least and largest eigenvalue by layer of a model that is loaded already; it is left as it was.

    Arguments:
        model: a `PreTrainedModel`.
        model_type: one of `PROBES`.
        seed: of the order in which tokens are read.
    """
    attribute, projection, ranges, _ = PROBES[model_type]
    found: dict[int, Range] = {}
    handles = []
    for i, layer in enumerate(model.base_model.layers):
        module = getattr(layer, attribute, None)
        if module is not None:
            handles.append(_watch(module, projection, ranges, found, i))
    tokens = _sample(model.config.vocab_size, seed)
    place = next((parameter.device for parameter in model.parameters()), tokens.device)
    training = [part for part in model.modules() if part.training]
    try:
        with torch.no_grad():
            for part in training:
                part.training = False
            model.base_model(tokens.to(place), use_cache=False)
    finally:
        for part in training:
            part.training = True
        for handle in handles:
            handle.remove()
    return {i: {"eigenvalues": list(values), "tokens": tokens.shape[1]} for i, values in found.items()}


class _SeenError(Exception):
    """The probe has seen its input: what comes after it is not run."""


def _measure_first_layer(folder: Path, model_type: str, seed: int) -> dict[int, dict[str, Any]]:
    """The same for layer 0 alone, from the rows of the embedding that are read and what decides its transitions:
    nothing else of the files is read.

    Raises:
        InputError: the files lack what the layer needs, or hold it in another shape.
    """
    from ...models.references.hugging_face import empty_model, refused

    model = empty_model(folder)
    attribute, projection, ranges, (norm, *needed) = PROBES[model_type]
    layer = model.base_model.layers[0]
    module = getattr(layer, attribute, None)
    if module is None:
        return {}
    files = _Files(folder)
    embedding = model.get_input_embeddings().weight
    tokens = _sample(embedding.shape[0], seed)[0]
    hidden = files.rows(EMBEDDINGS, embedding.shape, tokens)[None]
    for part, names in ((norm, ["weight"]), (attribute, needed)):
        for name in names:
            place, _, leaf = f"{part}.{name}".rpartition(".")
            owner = layer.get_submodule(place)
            if (empty := getattr(owner, leaf, None)) is not None:  # a bias may be absent
                found_names = [f"layers.0.{place}.{leaf}", f"layers.0.{OLDER.get(place, place)}.{leaf}"]
                setattr(owner, leaf, torch.nn.Parameter(files.read(found_names, empty.shape), requires_grad=False))
    found: list[Range] = []

    def note(_: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        del output
        found.append(ranges(module, inputs[0]))
        raise _SeenError

    with torch.no_grad(), refused(folder, "run"):
        hidden = getattr(layer, norm)(hidden).float()
        if model_type != "mamba":  # the probe stands at the entrance
            found.append(ranges(module, hidden))
        else:
            for parameter in module.parameters():
                parameter.data = parameter.data.float()
            handle = getattr(module, projection).register_forward_hook(note)
            with suppress(_SeenError):
                module(hidden)
            handle.remove()
    return {0: {"eigenvalues": list(found[0]), "tokens": len(tokens)}}


EMBEDDINGS = ["embed_tokens.weight", "embeddings.weight", "embedding.weight"]
OLDER = {"input_layernorm": "attention_layer_norm"}
"""What files call a part that the class has renamed since."""


class _Files:
    """The tensors of a folder's shards, by the end of their names, read one at a time."""

    def __init__(self, folder: Path) -> None:
        from safetensors import safe_open

        self.folder = folder
        self.places: dict[str, Any] = {}
        for path in sorted(folder.glob("*.safetensors")):
            try:
                file = safe_open(path, "pt")
            except Exception as error:  # of its own kinds, for damaged headers
                raise InputError(f"{path}: no safetensors file ({' '.join(str(error).split())[:80]})") from None
            self.places |= dict.fromkeys(file.keys(), file)

    def _slice(self, ends: list[str], shape: Any) -> Any:
        names = [name for name in self.places if any(name == end or name.endswith(f".{end}") for end in ends)]
        if len(names) != 1:
            raise InputError(
                f"{self.folder}: {ends[0][:80]} is {len(names)} times in its safetensors files; wanted once"
            )
        found = self.places[names[0]].get_slice(names[0])
        if list(found.get_shape()) != list(shape):
            raise InputError(f"{self.folder}: {names[0][:80]} has shape {found.get_shape()}; wanted {list(shape)}")
        return found

    def read(self, ends: list[str], shape: Any) -> Tensor:
        found: Tensor = self._slice(ends, shape)[:]
        return found

    def rows(self, ends: list[str], shape: Any, indices: Tensor) -> Tensor:
        found = self._slice(ends, shape)
        return torch.cat([found[i : i + 1] for i in indices.tolist()]).float()


def _sample(vocabulary: int, seed: int) -> Tensor:
    order = torch.randperm(vocabulary, generator=torch.Generator().manual_seed(seed))
    return order[:LARGEST_SAMPLE][None]


def _watch(
    module: Any, projection: str, ranges: Callable[[Any, Tensor], Range], found: dict[int, Range], index: int
) -> Any:
    """A hook on a projection of the layer's input, from which the transitions follow."""

    def note(_: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        del output
        found[index] = ranges(module, inputs[0].float())

    return getattr(module, projection).register_forward_hook(note)


def _delta_range(beta: Tensor, decay: Tensor) -> Range:
    low = torch.minimum(decay * (1 - beta), decay)
    return float(low.min()), float(decay.max())


def _decay(module: Any, raw: Tensor) -> Tensor:
    return torch.exp(-module.A_log.float().exp() * functional.softplus(raw.float() + module.dt_bias))


def _olmo_hybrid(module: Any, hidden: Tensor) -> Range:
    beta = functional.linear(hidden, module.b_proj.weight.float()).sigmoid().float()
    decay = _decay(module, functional.linear(hidden, module.a_proj.weight.float()))
    return _delta_range(2 * beta if module.allow_neg_eigval else beta, decay)


def _qwen3_next(module: Any, hidden: Tensor) -> Range:
    mixed = functional.linear(hidden, module.in_proj_ba.weight.float())
    share = module.num_v_heads // module.num_k_heads
    b, a = mixed.unflatten(-1, (module.num_k_heads, 2 * share)).split(share, -1)
    return _delta_range(b.flatten(-2).sigmoid().float(), _decay(module, a.flatten(-2)))


def _mamba(module: Any, hidden: Tensor) -> Range:
    """From the input of `x_proj`, which stands behind the convolution."""
    rank = module.time_step_rank
    low = functional.linear(hidden, module.x_proj.weight.float())[..., :rank]
    step = functional.linear(low, module.dt_proj.weight.float())
    step = functional.softplus(step.float() + module.dt_proj.bias.float())
    values = torch.exp(-step[..., None] * module.A_log.float().exp())
    return float(values.min()), float(values.max())


def _mamba2(module: Any, hidden: Tensor) -> Range:
    weight, bias, heads = module.in_proj.weight, module.in_proj.bias, module.num_heads  # only the last rows are Δ's
    raw = functional.linear(hidden, weight[-heads:].float(), None if bias is None else bias[-heads:].float())
    step = functional.softplus(raw.float() + module.dt_bias.float()).clamp(*module.time_step_limit)
    values = torch.exp(-step * module.A_log.float().exp())
    return float(values.min()), float(values.max())


_STEP = ("x_proj.weight", "dt_proj.weight", "dt_proj.bias")
PROBES: dict[str, tuple[str, str, Callable[[Any, Tensor], Range], list[str]]] = {
    "olmo_hybrid": (
        "linear_attn",
        "g_proj",
        _olmo_hybrid,
        ["input_layernorm", "a_proj.weight", "b_proj.weight", "A_log", "dt_bias"],
    ),
    "qwen3_next": (
        "linear_attn",
        "in_proj_qkvz",
        _qwen3_next,
        ["input_layernorm", "in_proj_ba.weight", "A_log", "dt_bias"],
    ),
    "mamba": (
        "mixer",
        "x_proj",
        _mamba,
        ["norm", "in_proj.weight", "in_proj.bias", "conv1d.weight", "conv1d.bias", *_STEP, "A_log"],
    ),
    "mamba2": ("mixer", "in_proj", _mamba2, ["norm", "in_proj.weight", "in_proj.bias", "dt_bias", "A_log"]),
}
"""By model type: the layer's recurrent part, a projection whose input is watched, what follows from that input; and the
norm before the part, with the parameters that decide its transitions."""
