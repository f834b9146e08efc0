"""PD-SSM after its published PyTorch file, written anew: h ← D·P·h + B·x, one 1 in each row of P.

The selection of a matrix, its arg-max by rows, magnitudes and phases, the read-out of real and imaginary parts, the
norm: as `state_tracking_PyTorch/models/pdssm.py` has them at 8682e78 (docs/architectures.md quotes the lines).
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from .folder import read_checkpoint

NORM_EPSILON = 1e-5


class PDSSMReference:
    """A stack of PD-SSM layers, token by token.

    Arguments:
        folder: `config.json` and `model.safetensors`, as `compile --target pd-ssm` writes them.
        dtype: of the arithmetic.

    Raises:
        InputError: the folder is no such model.
    """

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self.config, weights = read_checkpoint(folder, "pd_ssm")
        self.weights = {name: tensor.to(dtype) for name, tensor in weights.items()}

    @torch.no_grad()
    def logits(self, tokens: Tensor) -> Tensor:
        """int64 (length,) → (length, classes)."""
        x = self.weights["embedding.weight"][tokens]
        for i in range(self.config["num_layers"]):
            x = self._block(f"blocks.{i}.", x)
        return x @ self.weights["readout.weight"].T + self.weights["readout.bias"]

    def _generated(self, at: str, x: Tensor) -> Tensor:
        inner = functional.gelu(x @ self.weights[f"{at}0.weight"].T + self.weights[f"{at}0.bias"])
        return torch.sigmoid(inner @ self.weights[f"{at}2.weight"].T + self.weights[f"{at}2.bias"])

    def _block(self, at: str, x: Tensor) -> Tensor:
        weights = self.weights
        chosen = (x @ weights[f"{at}S.weight"].T).softmax(-1)
        sources = torch.einsum("ijk,tk->tij", weights[f"{at}A_dict"], chosen).argmax(-1)  # of each row's 1
        phase = 2 * math.pi * self._generated(f"{at}D_phase_generator.", x)
        diagonal = torch.polar(self._generated(f"{at}D_magnitude_generator.", x), phase)
        added = torch.complex(x @ weights[f"{at}B_re"].T, x @ weights[f"{at}B_im"].T)
        state = torch.zeros_like(diagonal[0])
        state[0] = 1
        states = []
        for t in range(len(x)):
            state = diagonal[t] * state[sources[t]] + added[t]
            states.append(state)
        read = torch.view_as_real(torch.stack(states)).movedim(-1, -2).flatten(-2)  # all real parts, then the others
        out = read @ weights[f"{at}readout.weight"].T + weights[f"{at}readout.bias"] + weights[f"{at}D"] * x
        wide = (out.shape[-1],)
        return functional.layer_norm(out, wide, weights[f"{at}norm.weight"], weights[f"{at}norm.bias"], NORM_EPSILON)
