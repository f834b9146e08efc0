"""The recurrence with blocks: h_t = A_t h_{t-1} + b_t, where A_t is block-diagonal with r blocks of size m.

The blocks are the *last* axis of every tensor: A (batch, length, m, m, r), b and the states (batch, length, m, r), the
state before the first token (batch, m, r). Two views of the same loop:

`block_scan`
    A is given at every position, as a layer's φ makes it.
`block_walk`
    A is one of the rows of a table, which every position names: a layer whose φ is a table over tokens. Gradients of
    one row are summed over all its positions, and no matrix is written twice.

On the CPU with numba the loop is compiled (`models/block_kernels.py`), forward and backward; without it, or elsewhere,
torch runs it token by token. Complex blocks of size m are real ones of size 2m, [[Re, -Im], [Im, Re]]: as many
multiplications.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..common.errors import InputError
from ..common.packages import installed

__all__ = ["block_loop", "block_scan", "block_walk"]


def block_loop(a: Tensor, b: Tensor | None, h: Tensor) -> Tensor:
    """All states, token by token, in torch's own operations: the oracle. Shapes as for `block_scan`."""
    states = []
    drives = [None] * a.shape[1] if b is None else b.unbind(1)
    for matrix, drive in zip(a.unbind(1), drives, strict=True):  # slices would each have a gradient of a's whole size
        h = (matrix * h.unsqueeze(1)).sum(2)
        h = h if drive is None else h + drive
        states.append(h)
    return torch.stack(states, 1) if states else h.new_empty((len(h), 0, *h.shape[1:]))


def block_scan(a: Tensor, b: Tensor | None, h: Tensor, backend: str = "auto") -> Tensor:
    """All states of the recurrence.

    Arguments:
        a: (batch, length, m, m, r), real.
        b: (batch, length, m, r); None for none.
        h: (batch, m, r), the state before the first token.
        backend: `auto`, `numba` or `loop`.

    Returns:
        (batch, length, m, r); the last one is what the next piece starts from.

    Raises:
        InputError: shapes that do not fit.

    Example:
        >>> turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])[..., None].expand(1, 3, 2, 2, 1)
        >>> block_scan(turn, None, torch.tensor([[[1.0], [0.0]]]))[0, :, :, 0].tolist()
        [[0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
    """
    batch, length = a.shape[:2]
    wanted = (batch, length, *h.shape[1:2], *h.shape[1:])
    if h.dim() != 3 or a.shape != wanted or (b is not None and b.shape != (batch, length, *h.shape[1:])):
        shapes = ", ".join(str(tuple(x.shape)) for x in (a, b, h) if x is not None)
        raise InputError(f"blocks: shapes {shapes}; wanted a (batch, length, m, m, r), b (…, m, r), h (batch, m, r)")
    if not _compiled(a, backend):
        return block_loop(a, b, h)
    index = torch.arange(batch * length).view(batch, length)
    found: Tensor = _Blocks.apply(a.flatten(0, 1), index, b, h)
    return found


def block_walk(table: Tensor, index: Tensor, h: Tensor, backend: str = "auto", b: Tensor | None = None) -> Tensor:
    """All states of words whose matrices are rows of a table.

    Arguments:
        table: (rows, m, m, r), real.
        index: int64 (words, length), rows of the table.
        h: (m, r), the state before every word; or (words, m, r), one for each.
        backend: `auto`, `numba` or `loop`.
        b: (words, length, m, r); None for none.

    Returns:
        (words, length, m, r).
    """
    start = h.expand(len(index), *h.shape[-2:])
    if not _compiled(table, backend):
        return block_loop(table[index], b, start)
    found: Tensor = _Blocks.apply(table, index, b, start)
    return found


def _compiled(a: Tensor, backend: str) -> bool:
    if backend not in ("auto", "numba", "loop"):
        raise InputError(f"unknown backend {backend!r}; wanted auto, numba or loop")
    return backend == "numba" or (backend == "auto" and a.device.type == "cpu" and installed("numba"))


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor, b: Tensor | None, h: Tensor) -> Tensor:
        from .block_kernels import kernels, lanes_of

        table, index, h = table.detach().contiguous(), index.contiguous(), h.detach().contiguous()
        size, blocks = h.shape[1:]
        ctx.driven = b is not None
        run, ctx.back = kernels(size, lanes_of(blocks), ctx.driven)
        states = h.new_empty((*index.shape, size, blocks))
        drive = states if b is None else b.detach().contiguous()
        run(table.numpy(), index.numpy(), drive.numpy(), h.numpy(), states.numpy())
        ctx.save_for_backward(table, index, h, states)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        table, index, h, states = (x.detach() for x in ctx.saved_tensors)
        grad = gradients[0].contiguous()
        grad_table, grad_h = torch.zeros_like(table), torch.empty_like(h)
        grad_b = torch.empty_like(states) if ctx.driven else states
        arrays = (table, index, h, states, grad, grad_table, grad_b, grad_h)
        ctx.back(*(x.numpy() for x in arrays))
        return grad_table, None, grad_b if ctx.driven else None, grad_h
