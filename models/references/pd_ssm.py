"""PD-SSM by the plain recurrence: h ← P·D·h with one 1 in each column of P."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from .folder import read_checkpoint


class PDSSMReference:
    """One PD-SSM layer, written by `compile --target pd-ssm`, token by token.

    Arguments:
        folder: `config.json` and `model.safetensors`.
        dtype: of the arithmetic.

    Raises:
        InputError: the folder is no such model.
    """

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self.config, weights = read_checkpoint(folder, "pd_ssm")
        weights = {name: tensor.to(dtype) for name, tensor in weights.items()}
        selection = weights["selection"].softmax(-1)
        mixed = torch.einsum("ts,sij->tij", selection, weights["dictionary"])
        self.target = mixed.argmax(-2)  # the row of the 1 in each column, (tokens, states)
        magnitude = weights["magnitude"].sigmoid()
        self.diagonal = torch.polar(magnitude, weights["phase"])
        self.initial, self.readout = weights["initial_state"], weights["readout"]

    @torch.no_grad()
    def logits(self, tokens: Tensor) -> Tensor:
        """int64 (length,) → (length, classes)."""
        state = self.initial.to(self.diagonal.dtype)
        outputs = []
        for token in tokens.tolist():
            state = torch.zeros_like(state).index_add(0, self.target[token], self.diagonal * state)
            outputs.append(state.real)
        return torch.stack(outputs) @ self.readout.T
