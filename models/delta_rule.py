"""The delta rule h -> alpha h, h -> h - beta_j k_j (k_j . h) for j = 1 … n, h -> h + b: one token, a loop over time.

Products of Householder factors are no longer of that form, so there is no scan by running products as for diagonal
recurrences; the loop is plain, and gradients are autograd's.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["delta_scan", "delta_step"]


def delta_step(keys: Tensor, betas: Tensor, gate: Tensor, drive: Tensor, h: Tensor) -> Tensor:
    """The state after one token.

    keys: (batch, factors, d), of length 1 or 0; betas: (batch, factors, 1); gate: (batch, 1); drive and h: (batch, d).
    """
    h = gate * h
    for key, beta in zip(keys.unbind(-2), betas.unbind(-2), strict=True):
        h = h - beta * (key * h).sum(-1, keepdim=True) * key
    return h + drive


def delta_scan(keys: Tensor, betas: Tensor, gate: Tensor, drive: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """The states after every token, (batch, length, d), and the last; arguments as in `delta_step` with an axis of
    length after the batch, but h (batch, d)."""
    states = []
    for parts in zip(keys.unbind(1), betas.unbind(1), gate.unbind(1), drive.unbind(1), strict=True):
        h = delta_step(*parts, h)
        states.append(h)
    return (torch.stack(states, 1) if states else drive.new_empty(drive.shape)), h
