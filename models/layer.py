"""One layer: φ, the recurrence and ψ. The forward pass of a single network and of a batch of runs is this one.

Shapes: `*runs` is nothing for one network, and (R,) for R runs of one shape whose parameters have a leading axis of
runs; N counts the positions of all words of a run. For one network N may be several axes, e.g. (batch, length).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .families import FAMILIES, LayerState, Transition
from .gates import GatePhi
from .linear import add_product, affine, bare_linear, look_up
from .specification import ELEMENTWISE, LayerSpecification
from .tracing import Pairs, tracing

__all__ = ["Layer", "draw_uniform", "one_hot_decision"]

FEW_UNITS = 32
"""Units of a decision up to which they are compared one after the other, all places at once."""


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
    if tracing():
        soft = scores.softmax(-1)
        return hard + (soft - soft.detach())
    exact: Tensor = _Exact.apply(scores.softmax(-1), hard)
    return exact


class _Readout:
    """ψ's activation: element by element, or a decision in each group."""

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
    """W, c, V, c' of one layer's input network, under the names `hidden` and `out`."""

    def __init__(self, inputs: int, hidden: int, outputs: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.hidden = bare_linear(inputs, hidden, dtype)
        self.out = bare_linear(hidden, outputs, dtype)


class Layer(nn.Module):
    """φ, the recurrence and ψ of one layer.

    `lower` is s^{i-1}, the readouts of the lower layers, of shape (*runs, N, width), width 0 for the first layer;
    `tokens` (*runs, N) are positions in the alphabet; `embedding` is E (*runs, m, e).

    Arguments:
        groups: sizes of the lower layers' decisions.
        tokens, embedding_size, dtype: of the network.
    """

    def __init__(
        self,
        specification: LayerSpecification,
        groups: Sequence[int],
        tokens: int,
        embedding_size: int,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.specification = specification
        self.width = width = sum(groups)
        channels = specification.channels
        self.transition: Transition = FAMILIES[specification.family](channels, dtype)
        outputs = len(self.transition.parts) * channels
        hidden = specification.hidden
        self.phi: GatePhi | _Phi
        if specification.phi == "gates":
            self.phi = GatePhi(hidden, (*groups, tokens), outputs, dtype)
        else:
            self.phi = _Phi(width + embedding_size, hidden, outputs, dtype)
        parts = 2 if self.transition.complex_state else 1
        shape = (channels, 2) if self.transition.complex_state else (channels,)
        self.initial_state = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.psi = bare_linear(width + parts * channels, specification.readout, dtype)
        self._activation = _Readout(specification)

    @property
    def matrices(self) -> _Phi:
        """φ with its matrices; a compact network's has none (`DCDNetwork.dense` writes them out)."""
        assert isinstance(self.phi, _Phi), "a compact network"
        return self.phi

    def gate(self, hidden: Tensor) -> Tensor:
        """φ's hidden units from what they sum up: relu, or the same."""
        return hidden.relu() if self.specification.phi == "relu" else hidden

    def raw(self, lower: Tensor, tokens: Tensor, embedding: Tensor) -> Tensor:
        """φ(s^{i-1}, e): (*runs, N, p d).

        The token's share of the hidden layer is looked up in a table of m rows; without lower layers, so is all of φ.
        """
        if isinstance(self.phi, GatePhi):
            found: Tensor = self.phi(lower, tokens)
            return found
        hidden, out = self.matrices.hidden, self.matrices.out
        # Fewer tokens than rows: a table would not pay. (A traced network is for any number of them.)
        if not tracing() and tokens.numel() * embedding.shape[-1] < embedding.numel():
            inputs = torch.cat([lower, look_up(tokens, embedding)], -1)
            return affine(self.gate(affine(inputs, hidden.weight, hidden.bias)), out.weight, out.bias)
        if self.width == 0:
            return look_up(tokens, self.token_table(embedding))
        table = affine(embedding, hidden.weight[..., self.width :], hidden.bias)
        summed = add_product(look_up(tokens, table), lower, hidden.weight[..., : self.width])
        return affine(self.gate(summed), out.weight, out.bias)

    def token_table(self, embedding: Tensor) -> Tensor:
        """φ of every token, (*runs, m, p d), for a layer without lower layers."""
        if isinstance(self.phi, GatePhi):
            tokens = torch.arange(embedding.shape[-2], device=embedding.device)
            found: Tensor = self.phi(embedding.new_empty((len(tokens), 0)), tokens)
            return found
        hidden, out = self.phi.hidden, self.phi.out
        return affine(self.gate(affine(embedding, hidden.weight, hidden.bias)), out.weight, out.bias)

    def read(self, lower: Tensor, h: Tensor) -> Tensor:
        """ψ(s^{i-1}, Re h, Im h): (*runs, N, readout) for states h (*runs, N, d), or [Re h, Im h] as real numbers."""
        parts = [h.real, h.imag] if h.is_complex() else [h]
        return self._activation(affine(torch.cat([lower, *parts], -1), self.psi.weight, self.psi.bias))

    def rows(self, decisions: Sequence[Tensor], tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """φ's outputs of a compact layer as rows of a table, which has each different one once: (rows, p d), and the
        row of each place, shaped as `tokens` (N,). Without rows the table is of the places themselves."""
        assert isinstance(self.phi, GatePhi)
        units = self.phi.units(decisions, tokens)
        if len(units) >= len(self.phi.gates):
            return self.phi.table(), units
        missing = (units == len(self.phi.gates)).unsqueeze(1)
        weight = self.phi.out.weight.T.index_select(0, units.clamp(max=len(self.phi.gates) - 1))
        return weight.masked_fill(missing, 0.0) + self.phi.out.bias, None

    def decisions(self, h: Tensor) -> list[Tensor] | None:
        """What a layer of hard decisions that reads its own states alone decides for h (N, d): int64 (N,) for each
        group. None where it reads more, or a score might not be finite: then `read` has to say."""
        weight, bias = self.psi.weight, self.psi.bias
        own = weight[:, self.width :]
        if h.is_complex():
            h, d = torch.view_as_real(h.resolve_conj()).flatten(-2), h.shape[-1]
            own = own.unflatten(1, (2, d)).transpose(1, 2).flatten(1)  # (Re, Im) of one channel after another
        sizes = [x.abs().amax() for x in (own, h, bias) if x.numel()]
        size = sizes[0] * sizes[1] * own.shape[1] + sizes[2] if len(sizes) == 3 else bias.abs().amax()
        if not bool(size < torch.finfo(weight.dtype).max) or bool(weight[:, : self.width].any()):
            return None
        found, start = [], 0
        for group in self.specification.groups or (len(bias),):
            rows = slice(start, start + group)
            start += group
            if group > FEW_UNITS:
                found.append(affine(h, own[rows], bias[rows]).max(-1).indices)
                continue
            scores = torch.addmm(bias[rows].unsqueeze(1), own[rows], h.T)
            best, place = scores[0], torch.zeros(len(h), dtype=torch.int64, device=h.device)
            for unit in range(1, group):
                place = torch.where(scores[unit] > best, unit, place)
                best = torch.maximum(best, scores[unit])
            found.append(place)
        return found

    def transition_of(self, lower: Tensor, tokens: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b) of the affine map h -> a h + b that each token makes, (*runs, N, channels), complex or real as the
        family.

        Raises TypeError for the RNN, which has none.
        """
        return self.transition.affine(self.raw(lower, tokens, embedding))

    def start(self, words: int) -> LayerState:
        """The state before the first token, for the words of all runs."""
        return self.transition.start(self.initial_state, words)

    def traced_start(self, state: LayerState | None, words: int) -> Pairs | Tensor:
        """A state, or that before the first token, as `Transition.traced` takes it."""
        if not self.transition.complex_state:
            return self.start(words) if state is None else state  # type: ignore[return-value]
        if state is not None:
            return Pairs.of(state)
        return Pairs.of(self.initial_state.expand(words, -1, 2))

    def initialise(self, generator: torch.Generator | None) -> None:
        """Draw every parameter: He for the hidden layer, then each raw output to the spread its family asks for."""
        if isinstance(self.phi, _Phi):
            draw_uniform(self.phi.hidden.weight, math.sqrt(6.0 / self.phi.hidden.in_features), generator)
            draw_uniform(self.phi.hidden.bias, 1.0 / math.sqrt(self.phi.hidden.in_features), generator)
        self.transition.initialise(generator)
        biases = self.transition.initial_biases(generator)
        hidden = self.specification.hidden
        with torch.no_grad():
            rows = self.phi.out.weight.split(self.specification.channels)
            for row, part in zip(rows, self.transition.parts, strict=True):
                draw_uniform(row, math.sqrt(3.0 / hidden), generator)
                row.mul_(biases[part][1].unsqueeze(1))
            self.phi.out.bias.copy_(torch.cat([biases[part][0] for part in self.transition.parts]))
            self.initial_state.zero_()
            (self.initial_state[:, 0] if self.transition.complex_state else self.initial_state).fill_(
                self.transition.begins
            )
        draw_uniform(self.psi.weight, math.sqrt(6.0 / self.psi.in_features), generator)
        draw_uniform(self.psi.bias, 1.0 / math.sqrt(self.psi.in_features), generator)


def draw_uniform(tensor: Tensor, bound: float, generator: torch.Generator | None) -> None:
    """Fill the tensor with numbers drawn from [-bound, bound)."""
    with torch.no_grad():
        tensor.uniform_(-bound, bound, generator=generator)
