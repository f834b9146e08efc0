"""The numba backend of models/block_recurrence.py: one thread, for the CPU.

Blocks are the innermost axis, so that one vector instruction serves as many of them as fit. The block size and the
number of blocks taken together are constants of the compiled code: the loops over them are unrolled, and a state stays
in registers. `fastmath` allows fused multiply-add and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit

LANES = 16
"""Most blocks that are taken together."""


def lanes_of(blocks: int) -> int:
    """How many blocks are taken together: the largest divisor of their number up to `LANES`."""
    return next(n for n in range(min(blocks, LANES), 0, -1) if blocks % n == 0)


@cache
def kernels(size: int, lanes: int, driven: bool) -> tuple[Callable[..., None], Callable[..., None]]:
    """The loops for blocks of a size, `lanes` at a time, with or without b: forward and backward.

    Their arguments are the arrays of `block_recurrence`, whose number of blocks is a multiple of `lanes`; without b any
    array of its type stands in its place.
    """
    compiled: Any = njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")

    @compiled
    def forward(table, index, b, start, states):  # type: ignore[no-untyped-def]
        words, length = index.shape
        h = np.empty((size, lanes), states.dtype)
        for w in range(words):
            for first in range(0, states.shape[3], lanes):
                for j in range(size):
                    for lane in range(lanes):
                        h[j, lane] = start[w, j, first + lane]
                for t in range(length):
                    a, out = table[index[w, t]], states[w, t]
                    for i in range(size):
                        for lane in range(lanes):
                            total = a[i, 0, first + lane] * h[0, lane]
                            for j in range(1, size):
                                total += a[i, j, first + lane] * h[j, lane]
                            if driven:
                                total += b[w, t, i, first + lane]
                            out[i, first + lane] = total
                    for i in range(size):
                        for lane in range(lanes):
                            h[i, lane] = out[i, first + lane]

    @compiled
    def backward(table, index, start, states, grad, grad_table, grad_b, grad_start):  # type: ignore[no-untyped-def]
        words, length = index.shape
        adjoint = np.empty((size, lanes), states.dtype)
        carried = np.empty((size, lanes), states.dtype)
        for w in range(words):
            for first in range(0, states.shape[3], lanes):
                for j in range(size):
                    for lane in range(lanes):
                        carried[j, lane] = 0
                for t in range(length - 1, -1, -1):
                    a, grad_a = table[index[w, t]], grad_table[index[w, t]]
                    for i in range(size):
                        for lane in range(lanes):
                            adjoint[i, lane] = carried[i, lane] + grad[w, t, i, first + lane]
                            if driven:
                                grad_b[w, t, i, first + lane] = adjoint[i, lane]
                    before = states[w, t - 1] if t else start[w]
                    for i in range(size):
                        for j in range(size):
                            for lane in range(lanes):
                                grad_a[i, j, first + lane] += adjoint[i, lane] * before[j, first + lane]
                    for j in range(size):
                        for lane in range(lanes):
                            total = a[0, j, first + lane] * adjoint[0, lane]
                            for i in range(1, size):
                                total += a[i, j, first + lane] * adjoint[i, lane]
                            carried[j, lane] = total
                for j in range(size):
                    for lane in range(lanes):
                        grad_start[w, j, first + lane] = carried[j, lane]

    return forward, backward
