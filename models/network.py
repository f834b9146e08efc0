"""The network that is compiled and trained: one class, every family, weights from either source.

::

    e_t   = E[x_t]                                                embedding.weight (m, e)
    layer i:
      z_t = relu(W [s^{i-1}_t, e_t] + c)                          layers.i.phi.hidden.weight (H, s + e), .bias (H)
      raw = V z_t + c'                                            layers.i.phi.out.weight (p d, H), .bias (p d)
      h_t = a_t * h_{t-1} + b_t   with a, b made from raw         layers.i.initial_state (d, 2) or (d,), .transition.*
      s^i = [s^{i-1}, psi(W' [s^{i-1}, Re h, Im h] + c'')]        layers.i.psi.weight (R, s + 2d or s + d), .bias (R)
    logits = head(s^k)                                            head.weight (n, s_k), head.bias (n)

Each layer reads the layers above it *after* they have read the same token: s^{i-1}_t, not s^{i-1}_{t-1}.
m alphabet size, e embedding size, s the width of s^{i-1} (0 for the first layer), d channels, p the family's number of
raw outputs per channel (models/families.py gives their order), H hidden units, R readout units, n classes. Complex
states are read as [Re h, Im h]; an initial state (d, 2) holds (Re, Im) pairs. ``psi`` is an activation; "hard" makes
one-hot decisions within the ``groups`` of readout units, so that noise in one layer does not leak into the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import PyTorchModelHubMixin
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from subnormal.algebra.base.errors import InputError
from subnormal.algebra.base.folders import read_folder
from subnormal.models.families import FAMILIES, LayerState, Transition
from subnormal.models.recurrences import Backend, UnitState

__all__ = ["DCDNetwork", "Layer", "LayerSpecification", "LayerTrace"]

DTYPES = {"float32": torch.float32, "float64": torch.float64}
GROUPED = ("hard", "softmax")
ELEMENTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "identity": lambda x: x,
}


@dataclass(frozen=True)
class LayerSpecification:
    """One entry of ``DCDNetwork``'s ``layers``, checked. ``phi`` is "relu", or "linear" for a phi without its relu.

    ``groups``: the sizes of the one-hot groups in which "hard" and "softmax" decide; None makes one group of all.
    """

    family: str
    channels: int
    hidden: int
    readout: int
    activation: str = "hard"
    groups: tuple[int, ...] | None = None
    phi: str = "relu"

    @classmethod
    def parse(cls, index: int, entry: Mapping[str, Any]) -> LayerSpecification:
        """Check one configuration entry; InputError names the layer (counted from 0) and the field."""
        where = f"layers[{index}]"
        if not isinstance(entry, Mapping):
            raise InputError(f"{where}: expected a dict such as {{'family': 'aussm', ...}}, got {entry!r}")
        known = cls.__dataclass_fields__
        for key in entry:
            if key not in known:
                raise InputError(f"{where}: unknown field {key!r}; known: {', '.join(known)}")
        for key in ("family", "channels", "hidden", "readout"):
            if key not in entry:
                raise InputError(f"{where}: {key!r} is missing; needed: family, channels, hidden, readout")
        if entry["family"] not in FAMILIES:
            raise InputError(f"{where}.family: unknown family {entry['family']!r}; known: {', '.join(FAMILIES)}")
        for key in ("channels", "hidden", "readout"):
            _positive(f"{where}.{key}", entry[key])
        activation = entry.get("activation", "hard")
        if activation not in GROUPED and activation not in ELEMENTWISE:
            names = ", ".join((*GROUPED, *ELEMENTWISE))
            raise InputError(f"{where}.activation: unknown activation {activation!r}; known: {names}")
        phi = entry.get("phi", "relu")
        if phi not in ("relu", "linear"):
            raise InputError(f'{where}.phi: expected "relu" or "linear", got {phi!r}')
        groups = entry.get("groups")
        if groups is not None:
            if activation not in GROUPED:
                raise InputError(f'{where}.groups: only "hard" and "softmax" take groups, not {activation!r}')
            for size in groups:
                _positive(f"{where}.groups", size)
            if sum(groups) != entry["readout"]:
                raise InputError(f"{where}.groups: {list(groups)} sums to {sum(groups)}, readout is {entry['readout']}")
            groups = tuple(groups)
        return cls(entry["family"], entry["channels"], entry["hidden"], entry["readout"], activation, groups, phi)


@dataclass(frozen=True)
class LayerTrace:
    """What one layer saw and did on a batch of words; every field has shape (batch, length, ...).

    ``below``: s^{i-1}, the layer's input beside the token. ``a``, ``b``: the affine map h -> a h + b of each token
    (None for the RNN). ``states``: h after each token. ``readout``: psi's output, the part of s^i this layer added.
    """

    below: Tensor
    a: Tensor | None
    b: Tensor | None
    states: Tensor
    readout: Tensor


class _Exact(torch.autograd.Function):
    """The hard decision as value, the gradient passed straight through to the soft one."""

    @staticmethod
    def forward(ctx: Any, soft: Tensor, hard: Tensor) -> Tensor:
        return hard

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return gradients[0], None


def one_hot_decision(scores: Tensor) -> Tensor:
    """The one-hot of the largest entry along the last axis (the first of equals), exactly 0 and 1, with the gradient
    of softmax. Scores that are not finite give NaN, so that a diverged network cannot pass for a decided one."""
    with torch.no_grad():
        largest, index = scores.max(-1, keepdim=True)
        hard = torch.zeros_like(scores).scatter_(-1, index, (largest - largest) + 1.0)
    if not (torch.is_grad_enabled() and scores.requires_grad):
        return hard
    soft: Tensor = _Exact.apply(scores.softmax(-1), hard)
    return soft


class _Readout:
    """psi's activation: element by element, or a decision in each group."""

    def __init__(self, specification: LayerSpecification) -> None:
        self.elementwise = ELEMENTWISE.get(specification.activation)
        self.decide = one_hot_decision if specification.activation == "hard" else _softmax
        self.groups = specification.groups or (specification.readout,)

    def __call__(self, x: Tensor) -> Tensor:
        if self.elementwise is not None:
            return self.elementwise(x)
        if len(self.groups) == 1:
            return self.decide(x)
        if len(set(self.groups)) == 1:
            return self.decide(x.unflatten(-1, (len(self.groups), self.groups[0]))).flatten(-2)
        return torch.cat([self.decide(part) for part in x.split(self.groups, -1)], -1)


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


class _Phi(nn.Module):
    """W, c, V, c' of one layer's input network, under the names ``hidden`` and ``out``."""

    def __init__(self, inputs: int, hidden: int, outputs: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.hidden = _linear(inputs, hidden, dtype)
        self.out = _linear(hidden, outputs, dtype)


class Layer(nn.Module):
    """phi, the recurrence and psi of one layer.

    ``below`` is s^{i-1} of shape (batch, length, width), width 0 for the first layer; ``tokens`` are positions in the
    alphabet; ``embedding`` is E (m, e).
    """

    def __init__(self, specification: LayerSpecification, width: int, embedding_size: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.specification = specification
        self.width = width
        channels = specification.channels
        self.transition: Transition = FAMILIES[specification.family](channels, dtype)
        outputs = len(self.transition.parts) * channels
        self.phi = _Phi(width + embedding_size, specification.hidden, outputs, dtype)
        parts = 2 if self.transition.complex_state else 1
        shape = (channels, 2) if self.transition.complex_state else (channels,)
        self.initial_state = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.psi = _linear(width + parts * channels, specification.readout, dtype)
        self._activation = _Readout(specification)

    def gate(self, hidden: Tensor) -> Tensor:
        """phi's hidden units from what they sum up: relu, or the same."""
        return hidden.relu() if self.specification.phi == "relu" else hidden

    def raw(self, below: Tensor, tokens: Tensor, embedding: Tensor) -> Tensor:
        """phi(s^{i-1}, e): (batch, length, p d). Works on (batch,) tokens with (batch, width) as well.

        The token's share of the hidden layer is gathered from a table of m rows; with nothing below, so is all of phi.
        """
        weight, out = self.phi.hidden.weight, self.phi.out
        if tokens.numel() < embedding.shape[0]:  # fewer tokens than rows: the table would not pay
            inputs = torch.cat([below, functional.embedding(tokens, embedding)], -1)
            direct: Tensor = out(self.gate(self.phi.hidden(inputs)))
            return direct
        table = functional.linear(embedding, weight[:, self.width :], self.phi.hidden.bias)
        if self.width == 0:
            return functional.embedding(tokens, out(self.gate(table)))
        from_token = functional.embedding(tokens, table)
        flat = torch.addmm(from_token.flatten(0, -2), below.flatten(0, -2), weight[:, : self.width].T)
        raw: Tensor = out(self.gate(flat))
        return raw.unflatten(0, tokens.shape)

    def read(self, below: Tensor, h: Tensor) -> Tensor:
        """psi(s^{i-1}, Re h, Im h): (..., readout)."""
        parts = [h.real, h.imag] if h.is_complex() else [h]
        readout: Tensor = self._activation(self.psi(torch.cat([below, *parts], -1)))
        return readout

    def transition_of(self, below: Tensor, tokens: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b) of the affine map h -> a h + b that each token makes: (..., channels), complex or real as the family.

        Raises TypeError for the RNN, which has none.
        """
        return self.transition.affine(self.raw(below, tokens, embedding))

    def start(self, batch: int) -> LayerState:
        """The state before the first token."""
        return self.transition.start(self.initial_state, batch)

    def initialise(self, generator: torch.Generator | None) -> None:
        """Draw every parameter: He for the hidden layer, then each raw output to the spread its family asks for."""
        _uniform_(self.phi.hidden.weight, math.sqrt(6.0 / self.phi.hidden.in_features), generator)
        _uniform_(self.phi.hidden.bias, 1.0 / math.sqrt(self.phi.hidden.in_features), generator)
        self.transition.initialise(generator)
        biases = self.transition.initial_biases(generator)
        hidden = self.phi.hidden.out_features
        with torch.no_grad():
            rows = self.phi.out.weight.split(self.specification.channels)
            for row, part in zip(rows, self.transition.parts, strict=True):
                _uniform_(row, math.sqrt(3.0 / hidden), generator)
                row.mul_(biases[part][1].unsqueeze(1))
            self.phi.out.bias.copy_(torch.cat([biases[part][0] for part in self.transition.parts]))
            self.initial_state.zero_()
            if self.transition.complex_state:
                self.initial_state[:, 0] = 1.0
            elif self.transition.name != "rnn":
                self.initial_state.fill_(1.0)
        _uniform_(self.psi.weight, math.sqrt(6.0 / self.psi.in_features), generator)
        _uniform_(self.psi.bias, 1.0 / math.sqrt(self.psi.in_features), generator)


CARD = """---
{{ card_data }}
---

A stack of input-dependent diagonal recurrences, written by subnormal. Load it with
`models.DCDNetwork.from_pretrained(folder)`; `config.json` holds the arguments of `DCDNetwork`.
"""


class DCDNetwork(
    nn.Module, PyTorchModelHubMixin, library_name="subnormal", tags=["state-space-model"], model_card_template=CARD
):
    """A stack of input-dependent, complex, diagonal recurrences (docs/mathematics.md), compiled or trained.

    Arguments (all of them in ``config.json``):
        alphabet_size: number m of tokens.
        classes: number n of outputs, one logit for each group element.
        layers: one dict per layer, see ``LayerSpecification``: family, channels, hidden, readout, activation, groups.
        embedding_size: e; None for m (compiled networks embed one-hot).
        dtype: "float32" or "float64".
        seed: of the random initialisation; None draws from torch's global generator.

    Raises InputError for a configuration or tokens that do not fit.

    ``forward`` is the parallel scan, ``step`` takes one token; both carry the same state, a list with one entry per
    layer (a ``UnitState`` for unit-modulus families, else h), so words of any length stream through in pieces.
    ``save_pretrained`` and ``from_pretrained`` keep every bit. The module should not be moved to another dtype: load it
    with the dtype wanted. It is a GPU module like any other.
    """

    def __init__(
        self,
        alphabet_size: int,
        classes: int,
        layers: Sequence[Mapping[str, Any]],
        embedding_size: int | None = None,
        dtype: str = "float32",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        _positive("alphabet_size", alphabet_size)
        _positive("classes", classes)
        if embedding_size is not None:
            _positive("embedding_size", embedding_size)
        if dtype not in DTYPES:
            raise InputError(f'dtype: expected "float32" or "float64", got {dtype!r}')
        if isinstance(layers, (str, Mapping)) or not isinstance(layers, Sequence) or len(layers) == 0:
            raise InputError(f"layers: expected a list of at least one layer, got {layers!r}")
        specifications = [LayerSpecification.parse(i, entry) for i, entry in enumerate(layers)]
        kind = DTYPES[dtype]
        self.alphabet_size, self.classes, self.dtype = alphabet_size, classes, kind
        self.backend: Backend = "auto"
        size = alphabet_size if embedding_size is None else embedding_size
        self.embedding = nn.Embedding.from_pretrained(torch.zeros(alphabet_size, size, dtype=kind), freeze=False)
        self.layers = nn.ModuleList()
        width = 0
        for specification in specifications:
            self.layers.append(Layer(specification, width, size, kind))
            width += specification.readout
        self.head = _linear(width, classes, kind)
        self.initialise(seed)

    @property
    def specifications(self) -> tuple[LayerSpecification, ...]:
        """The layers' checked configuration."""
        return tuple(layer.specification for layer in self._layers())

    def configuration(self) -> dict[str, Any]:
        """The arguments that build a network of this shape (without a seed)."""
        return {
            "alphabet_size": self.alphabet_size,
            "classes": self.classes,
            "layers": [asdict(s) | {"groups": s.groups and list(s.groups)} for s in self.specifications],
            "embedding_size": self.embedding.embedding_dim,
            "dtype": str(self.dtype).removeprefix("torch."),
        }

    def initialise(self, seed: int | None = None) -> None:
        """Draw all parameters anew."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.embedding.weight.copy_(torch.randn(self.embedding.weight.shape, generator=generator, dtype=self.dtype))
        for layer in self._layers():
            layer.initialise(generator)
        _uniform_(self.head.weight, 1.0 / math.sqrt(self.head.in_features), generator)
        nn.init.zeros_(self.head.bias)

    # ------------------------------------------------------------------ files

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> DCDNetwork:  # type: ignore[override]
        """The network saved in a local ``folder`` (``config.json``, ``model.safetensors``); never asks a server.

        Raises InputError where the folder or a file is missing or they do not fit together.
        """
        for name in ("config.json", "model.safetensors"):
            if not (Path(folder) / name).is_file():
                raise InputError(f"{folder}: expected a folder with config.json and model.safetensors, no {name} there")
        read_folder(Path(folder), Path.read_bytes, ("config.json", "model.safetensors"))
        try:
            return super().from_pretrained(str(folder), local_files_only=True, **options)
        except JSONDecodeError as error:
            raise InputError(f"{folder}/config.json: not JSON ({error})") from error

    @classmethod
    def _from_pretrained(  # the mixin's own loader tolerates missing weights and prints to standard output
        cls, *, model_id: str, map_location: str = "cpu", **options: Any
    ) -> DCDNetwork:
        names = ("alphabet_size", "classes", "layers", "embedding_size", "dtype", "seed")
        arguments = {name: options[name] for name in names if name in options}
        for name in names[:3]:
            if name not in arguments:
                raise InputError(f"{model_id}/config.json: {name!r} is missing")
        network = cls(**arguments)
        file = Path(model_id) / "model.safetensors"
        try:
            weights = load_file(file, device=map_location)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{file}: cannot be read ({error})") from error
        wanted = network.state_dict()
        for name in sorted(wanted.keys() | weights.keys()):
            if name not in weights or name not in wanted:
                raise InputError(f"{file}: {name} is {'missing' if name in wanted else 'not a parameter here'}")
            a, b = wanted[name], weights[name]
            if a.shape != b.shape or a.dtype != b.dtype:
                raise InputError(f"{file}: {name} should be {a.dtype} {tuple(a.shape)}, is {b.dtype} {tuple(b.shape)}")
        network.load_state_dict(weights)
        return network.to(map_location)

    # ------------------------------------------------------------------ running

    def initial_state(self, batch: int) -> list[LayerState]:
        """The state before the first token, one entry per layer."""
        return [layer.start(batch) for layer in self._layers()]

    def forward(self, tokens: Tensor, state: Sequence[LayerState] | None = None, return_state: bool = False) -> Any:
        """Logits (batch, length, classes) for int64 tokens (batch, length), positions in the alphabet.

        ``state``: what an earlier call returned for the part of the words before these tokens. With ``return_state``
        the result is the pair (logits, state).
        """
        self._check_tokens(tokens, 2)
        below, after, _ = self._run(tokens, state)
        logits = self.head(below)
        return (logits, after) if return_state else logits

    def step(self, tokens: Tensor, state: Sequence[LayerState] | None = None) -> tuple[Tensor, list[LayerState]]:
        """One token: int64 (batch,) -> logits (batch, classes) and the state after it. No scan is involved."""
        self._check_tokens(tokens, 1)
        state = self._check_state(state, tokens.shape[0])
        embedding = self.embedding.weight
        below = embedding.new_empty((tokens.shape[0], 0))
        after = []
        for layer, before in zip(self._layers(), state, strict=True):
            h, carried = layer.transition.step(layer.raw(below, tokens, embedding), before)
            below = torch.cat([below, layer.read(below, h)], -1)
            after.append(carried)
        return self.head(below), after

    @torch.no_grad()
    def predict(
        self, tokens: Tensor, state: Sequence[LayerState] | None = None, piece: int = 8192
    ) -> tuple[Tensor, list[LayerState]]:
        """The most probable class at every position, int64 (batch, length), and the state after the last.

        The words stream through ``piece`` tokens at a time, so memory does not grow with their length.
        """
        self._check_tokens(tokens, 2)
        state = self._check_state(state, tokens.shape[0])
        found = torch.empty_like(tokens)
        for start in range(0, tokens.shape[1], piece):
            part = slice(start, start + piece)
            below, state, _ = self._run(tokens[:, part], state)
            found[:, part] = self.head(below).argmax(-1)
        return found, list(state)

    def trace(self, tokens: Tensor, state: Sequence[LayerState] | None = None) -> list[LayerTrace]:
        """Everything each layer saw and did on int64 tokens (batch, length); see ``LayerTrace``."""
        self._check_tokens(tokens, 2)
        return self._run(tokens, state, traced=True)[2]

    def _run(
        self, tokens: Tensor, state: Sequence[LayerState] | None, traced: bool = False
    ) -> tuple[Tensor, list[LayerState], list[LayerTrace]]:
        state = self._check_state(state, tokens.shape[0])
        embedding = self.embedding.weight
        below = embedding.new_empty((*tokens.shape, 0))
        after, traces = [], []
        for layer, before in zip(self._layers(), state, strict=True):
            raw = layer.raw(below, tokens, embedding)
            states, carried = layer.transition.scan(raw, before, self.backend)
            readout = layer.read(below, states)
            if traced:
                a, b = (None, None) if layer.transition.name == "rnn" else layer.transition.affine(raw)
                traces.append(LayerTrace(below, a, b, states, readout))
            below = torch.cat([below, readout], -1)
            after.append(carried)
        return below, after, traces

    def _layers(self) -> list[Layer]:
        return list(self.layers)  # type: ignore[arg-type]

    def _check_tokens(self, tokens: Tensor, dimensions: int) -> None:
        wanted = "(batch, length)" if dimensions == 2 else "(batch,)"
        if not isinstance(tokens, Tensor) or tokens.dtype != torch.int64 or tokens.dim() != dimensions:
            came = f"{tokens.dtype} {tuple(tokens.shape)}" if isinstance(tokens, Tensor) else type(tokens).__name__
            raise InputError(f"tokens: expected an int64 tensor {wanted}, got {came}")
        if tokens.numel():
            low, high = (int(x) for x in torch.aminmax(tokens))
            if low < 0 or high >= self.alphabet_size:
                bad = low if low < 0 else high
                raise InputError(f"tokens: expected positions 0 to {self.alphabet_size - 1} in the alphabet, got {bad}")

    def _check_state(self, state: Sequence[LayerState] | None, batch: int) -> list[LayerState]:
        if state is None:
            return self.initial_state(batch)
        if len(state) != len(self.layers):
            raise InputError(f"state: expected one entry for each of {len(self.layers)} layers, got {len(state)}")
        for i, (layer, carried) in enumerate(zip(self._layers(), state, strict=True)):
            shape = tuple((carried.remainder if isinstance(carried, UnitState) else carried).shape)
            if shape != (batch, layer.specification.channels):
                raise InputError(
                    f"state[{i}]: expected ({batch}, {layer.specification.channels}) as (batch, channels), got {shape}"
                )
        return list(state)


def _positive(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name}: expected a positive integer, got {value!r}")


def _linear(inputs: int, outputs: int, dtype: torch.dtype) -> nn.Linear:
    """A Linear layer whose parameters are to be set later."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs, dtype=dtype)
    return layer


def _uniform_(tensor: Tensor, bound: float, generator: torch.Generator | None) -> None:
    with torch.no_grad():
        tensor.uniform_(-bound, bound, generator=generator)
