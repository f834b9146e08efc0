"""A batch of runs: many networks of one shape trained side by side, every parameter with a leading axis of runs.

Small networks spend their time on the overhead of each operation, not on arithmetic. A batch of R runs pays that
overhead once: matrices become batches of matrices, and the scan, which works on each word by itself, takes the R·B
words of all runs at once. The parameters of run r are row r of one matrix `flat` (R, P), so that the optimiser is a
few operations on one tensor, and a checkpoint is three.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from ..algebra.depth.families import DRIVES
from ..constructions.parameters import (
    HEAD_BIAS,
    HEAD_GATES_BIAS,
    HEAD_GATES_WEIGHT,
    HEAD_WEIGHT,
    OUT_BIAS,
    OUT_WEIGHT,
    READOUT_BIAS,
    READOUT_WEIGHT,
    in_layer,
)
from .families import LayerState
from .network import DCDNetwork
from .penalties import Penalties

__all__ = ["Adam", "NetworkBatch"]


class NetworkBatch:
    """R networks of the same configuration, evaluated together.

    Arguments:
        networks: at least one; all with the same `configuration()`.
        device: where the batch lies and works; tokens have to be there.

    `flat` (R, P) holds the parameters, in the order of `named_parameters()`. `network(flat[r])` gives run r as
    a `DCDNetwork`.
    """

    def __init__(self, networks: Sequence[DCDNetwork], device: str = "cpu") -> None:
        networks = [network.dense() for network in networks]  # every number of a compact one is trained too
        self.template = networks[0]
        configuration = self.template.configuration()
        assert all(network.configuration() == configuration for network in networks)
        self.shapes = {name: parameter.shape for name, parameter in self.template.named_parameters()}
        with torch.no_grad():
            rows = [torch.cat([p.reshape(-1) for p in network.parameters()]) for network in networks]
            self.flat = torch.stack(rows).to(device).requires_grad_()

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all other runs."""
        self.flat = self.flat.detach()[list(runs)].clone().requires_grad_()

    def network(self, row: Tensor) -> DCDNetwork:
        """A network on the CPU with the parameters of one run: a row (P,) of `flat` or of a copy of it."""
        return DCDNetwork.from_parameters(self.template.configuration(), self.parameters(row.detach().cpu()))

    def decayed(self) -> Tensor:
        """(P,): 1 for the parameters that weight decay applies to, ψ, the head and the part of φ that gives b; 0 for
        the others. What makes a_t is left alone, as S4 and Mamba leave theirs: its phases have to become exact.
        """
        masks = {name: torch.zeros(shape, dtype=self.template.dtype) for name, shape in self.shapes.items()}
        masks[HEAD_WEIGHT].fill_(1.0)
        masks[HEAD_BIAS].fill_(1.0)
        for name in (HEAD_GATES_WEIGHT, HEAD_GATES_BIAS):
            if name in masks:
                masks[name].fill_(1.0)
        for i, layer in enumerate(self.template.layers):
            masks[in_layer(i, READOUT_WEIGHT)].fill_(1.0)
            masks[in_layer(i, READOUT_BIAS)].fill_(1.0)
            for name in (OUT_WEIGHT, OUT_BIAS):
                blocks = masks[in_layer(i, name)].split(layer.specification.channels)
                for part, rows in zip(layer.transition.parts, blocks, strict=True):
                    rows.fill_(float(part in DRIVES))
        return torch.cat([mask.flatten() for mask in masks.values()]).to(self.flat.device)

    def trained(self, fixed: Collection[str]) -> Tensor:
        """(P,): 0 for the parameters of these names, which do not move, 1 for the others."""
        masks = [torch.full(shape, float(name not in fixed), dtype=self.template.dtype).flatten()
                 for name, shape in self.shapes.items()]  # fmt: skip
        return torch.cat(masks).to(self.flat.device)

    def parameters(self, flat: Tensor) -> dict[str, Tensor]:
        """The parameters by name: views (…, *shape) of (…, P)."""
        parts = flat.split([shape.numel() for shape in self.shapes.values()], -1)
        return {name: part.unflatten(-1, shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def __call__(self, tokens: Tensor, states: Sequence[LayerState] | None = None) -> tuple[Tensor, list[LayerState]]:
        """Logits (R, batch, length, classes) for int64 tokens (R, batch, length), and the states to carry on with.

        A carried state has R·batch rows, run by run. The tokens are not checked.
        """
        return self._forward(tokens, states, True)

    def for_training(
        self, tokens: Tensor, every_layer: bool = False, penalties: Penalties | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Logits as above, with `every_layer` having a first axis of layers, and what `penalties` add to the loss
        (R,), None without."""
        if penalties is not None:
            return self._forward(tokens, None, False, every_layer, penalties)
        return self._forward(tokens, None, False, every_layer), None

    def _forward(self, *arguments: Any) -> Any:
        return functional_call(self.template, self.parameters(self.flat), arguments, tie_weights=False, strict=True)


class Adam:
    """Adam (Kingma and Ba 2015) on (R, P) parameters with a learning rate and a clipped gradient norm for each run, and
    decoupled weight decay (Loshchilov and Hutter 2019).

    Why not `torch.optim.AdamW`: a rate belongs to a group of whole tensors there, so R runs with and without weight
    decay would be 2R tensors in 2R groups in place of the one matrix that the forward pass reads, and a run without a
    finite gradient could not be left out of a step. On 15 runs of 1,500 parameters that took 0.71 ms a step, this takes
    0.09 ms, of about 10 ms in all. A test compares the two, run by run.

    Arguments:
        rates: (R,) learning rates.
        weight_decay: (P,) what a step takes from each parameter, times its learning rate.
        clip: largest norm of a run's gradient; longer ones are shortened to it.
    """

    decay, second_decay, epsilon = 0.9, 0.999, 1e-8

    def __init__(self, rates: Tensor, weight_decay: Tensor, clip: float) -> None:
        self.rates, self.weight_decay, self.clip = rates, weight_decay, clip
        self.first = rates.new_zeros(len(rates), len(weight_decay))
        self.second = torch.zeros_like(self.first)

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all other runs."""
        chosen = list(runs)
        self.rates, self.first, self.second = self.rates[chosen], self.first[chosen], self.second[chosen]

    @torch.no_grad()
    def step(self, flat: Tensor, gradient: Tensor, number: int, scale: float = 1.0) -> None:
        """Update `flat` in place; `number` counts from 1, `scale` multiplies every learning rate.

        A run whose gradient is not finite keeps its parameters for this step.
        """
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        factor = (self.clip / (norm + 1e-12)).clamp(max=1.0)
        gradient = torch.where(norm.isfinite(), gradient * factor, torch.zeros_like(gradient))
        self.first.lerp_(gradient, 1 - self.decay)
        self.second.mul_(self.second_decay).addcmul_(gradient, gradient, value=1 - self.second_decay)
        corrected = (self.second / (1 - self.second_decay**number)).sqrt_().add_(self.epsilon)
        size = self.rates.unsqueeze(1) * scale * norm.isfinite()
        flat.mul_(1 - size * self.weight_decay)
        flat.sub_(size / (1 - self.decay**number) * self.first / corrected)
