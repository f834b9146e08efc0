"""Many networks of one shape trained side by side: every parameter gets a leading axis of runs.

Small networks spend their time on the overhead of each operation, not on arithmetic. A stack of R runs pays that
overhead once: matrices become batches of matrices, and the scan, which works on each word by itself, takes the R·B
words of all runs at once. The parameters of run r are row r of one matrix `flat` (R, P), so that the optimiser is a
few operations on one tensor, and a checkpoint is three.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from subnormal.models.families import FAMILIES, LayerState, Transition
from subnormal.models.network import DCDNetwork, Layer

__all__ = ["Adam", "NetworkStack"]


class NetworkStack:
    """R networks of the same configuration, evaluated together.

    Arguments:
        networks: at least one; all with the same `configuration()`.
        device: where the stack lies and works; tokens have to be there.

    `flat` (R, P) holds the parameters, in the order of `named_parameters()`. `network(flat[r])` gives run r as
    a `DCDNetwork`.
    """

    def __init__(self, networks: Sequence[DCDNetwork], device: str = "cpu") -> None:
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
        network = DCDNetwork(**self.template.configuration(), seed=0)
        row = row.detach().cpu()
        network.load_state_dict({name: view.clone() for name, view in self._views(row).items()})
        return network

    def decayed(self) -> Tensor:
        """(P,): 1 for the parameters that weight decay applies to, ψ, the head and the part of φ that gives b; 0 for
        the others. What makes a_t is left alone, as S4 and Mamba leave theirs: its phases have to become exact.
        """
        masks = []
        for name, shape in self.shapes.items():
            mask = torch.zeros(shape, dtype=self.template.dtype)
            if name.startswith("head.") or ".psi." in name:
                mask.fill_(1.0)
            elif ".phi.out." in name:
                layer = self.template._layers()[int(name.split(".")[1])]
                for part, rows in zip(layer.transition.parts, mask.split(layer.specification.channels), strict=True):
                    rows.fill_(float(part in ("b", "b_real", "b_imag")))
            masks.append(mask.flatten())
        return torch.cat(masks).to(self.flat.device)

    def _views(self, flat: Tensor) -> dict[str, Tensor]:
        """The parameters by name: views (…, *shape) of (…, P)."""
        parts = flat.split([shape.numel() for shape in self.shapes.values()], -1)
        return {name: part.unflatten(-1, shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def __call__(self, tokens: Tensor, states: Sequence[LayerState] | None = None) -> tuple[Tensor, list[LayerState]]:
        """Logits (R, batch, length, classes) for int64 tokens (R, batch, length), and the states to carry on with.

        A carried state has R·batch rows, run by run. The tokens are not checked.
        """
        runs, batch, length = tokens.shape
        parameters = self._views(self.flat)
        below = self.flat.new_empty((runs, batch * length, 0))
        m = self.template.alphabet_size
        places = tokens.reshape(runs, -1) + torch.arange(runs, device=tokens.device)[:, None] * m
        after: list[LayerState] = []
        for i, layer in enumerate(self.template._layers()):
            own = {
                name.removeprefix(f"layers.{i}."): p
                for name, p in parameters.items()
                if name.startswith(f"layers.{i}.")
            }
            raw = _raw(layer, own, below, places, parameters["embedding.weight"])
            raw = raw.view(runs * batch, length, -1)
            transition = _transition(layer, own, batch)
            state = (
                transition.start(own["initial_state"].repeat_interleave(batch, 0), runs * batch)
                if states is None
                else states[i]
            )
            h, carried = (
                _tanh_scan(own["transition.weight"], raw, state, runs)
                if isinstance(state, Tensor) and layer.specification.family == "rnn"
                else transition.scan(raw, state, self.template.backend)
            )
            after.append(carried)
            parts = [h.real, h.imag] if h.is_complex() else [h]
            inputs = torch.cat([below, *(part.reshape(runs, batch * length, -1) for part in parts)], -1)
            readout = layer._activation(_affine(inputs, own["psi.weight"], own["psi.bias"]))
            below = torch.cat([below, readout], -1)
        logits = _affine(below, parameters["head.weight"], parameters["head.bias"])
        return logits.view(runs, batch, length, -1), after


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (R, N, in), weight (R, out, in), bias (R, out) to (R, N, out)."""
    return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))


def _raw(layer: Layer, own: dict[str, Tensor], below: Tensor, places: Tensor, embedding: Tensor) -> Tensor:
    """`Layer.raw` with a leading run axis; `places` (R, N) are rows of the tables of all runs laid end to end."""
    weight, width = own["phi.hidden.weight"], layer.width
    table = _affine(embedding, weight[:, :, width:], own["phi.hidden.bias"])
    if width == 0:
        rows = _affine(layer.gate(table), own["phi.out.weight"], own["phi.out.bias"])
        return functional.embedding(places, rows.flatten(0, 1))
    from_token = functional.embedding(places, table.flatten(0, 1))
    hidden = layer.gate(torch.baddbmm(from_token, below, weight[:, :, :width].transpose(1, 2)))
    return _affine(hidden, own["phi.out.weight"], own["phi.out.bias"])


def _transition(layer: Layer, own: dict[str, Tensor], batch: int) -> Transition:
    """The family's recurrence with every run's own parameters, one row (1, channels) for each word."""
    transition = FAMILIES[layer.specification.family](layer.specification.channels, layer.transition.dtype)
    for name in [name for name, _ in transition.named_parameters()]:
        delattr(transition, name)
        value = own[f"transition.{name}"]
        setattr(transition, name, value.repeat_interleave(batch, 0).unsqueeze(1) if value.dim() == 2 else value)
    return transition


def _tanh_scan(weight: Tensor, drive: Tensor, state: Tensor, runs: int) -> tuple[Tensor, Tensor]:
    """`tanh_scan` with weight (R, d, d), drive (R·batch, length, d), state (R·batch, d)."""
    state, transposed = state.view(runs, -1, state.shape[-1]), weight.transpose(1, 2)
    states = []
    for current in drive.view(runs, -1, *drive.shape[1:]).unbind(2):
        state = torch.baddbmm(current, state, transposed).tanh()
        states.append(state)
    return torch.stack(states, 2).flatten(0, 1), state.flatten(0, 1)


class Adam:
    """Adam (Kingma and Ba 2015) on (R, P) parameters with a learning rate and a clipped gradient norm for each run, and
    decoupled weight decay (Loshchilov and Hutter 2019).

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
