"""Linear maps and tables of a network, or of several runs at once whose parameters have a leading axis of runs.

In the shapes below `*runs` is nothing for one network and (R,) for a batch of R runs; N counts positions, which for one
network may be several axes. The axis of runs is the only difference
between the two, and this file is the only place that looks at it, beside `per_word` for what a recurrence reads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["add_product", "affine", "bare_linear", "look_up", "per_word", "pick"]


def bare_linear(inputs: int, outputs: int, dtype: torch.dtype) -> nn.Linear:
    """A Linear layer whose parameters are to be set later."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs, dtype=dtype)
    return layer


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x Wᵀ + bias: x (*runs, N, in), weight (*runs, out, in), bias (*runs, out) to (*runs, N, out)."""
    if weight.dim() == 2:
        return functional.linear(x, weight, bias)
    return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)


def add_product(addend: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """addend + x Wᵀ: addend (*runs, N, out), x (*runs, N, in), weight (*runs, out, in)."""
    if weight.dim() == 3:
        return torch.baddbmm(addend, x, weight.mT)
    if x.dim() == 2:
        return torch.addmm(addend, x, weight.T)
    return torch.addmm(addend.flatten(0, -2), x.flatten(0, -2), weight.T).view_as(addend)


def look_up(tokens: Tensor, table: Tensor) -> Tensor:
    """Rows of a table: tokens (*runs, N), table (*runs, m, k) to (*runs, N, k)."""
    if table.dim() == 2:
        return functional.embedding(tokens, table)
    runs, m, _ = table.shape
    first = torch.arange(runs, device=tokens.device).unsqueeze(1) * m
    return functional.embedding(tokens + first, table.flatten(0, 1))


def per_word(parameter: Tensor, like: Tensor) -> Tensor:
    """A parameter (*runs, channels) so that it meets `like` (words, …, channels), the words of all runs, run by run."""
    if parameter.dim() == 1:
        return parameter
    rows = parameter.repeat_interleave(like.shape[0] // len(parameter), 0)
    return rows.view(len(rows), *(1,) * (like.dim() - 2), -1)


def pick(table: Tensor, rows: Tensor | None) -> Tensor:
    """Rows (...) of a table (m, k), shape (..., k); without `rows` the table itself."""
    if rows is None:
        return table
    if table.shape[1] == 1:  # one number a row: twenty times as fast
        return table.reshape(-1).index_select(0, rows.reshape(-1)).view(*rows.shape, 1)
    return functional.embedding(rows, table)
