"""The walk of a table's phases along words, and its adjoint: all that a unit-modulus layer with a table for φ does.

    u_t = exp(2πi·(p[e_1] + … + p[e_t]))        e_t the edge (lower state, token) of position t; p (edges, C) turns

With numba the walk multiplies points of the circle, made once for each edge, and the adjoint adds up backwards along
the word; without it torch does the same with cumulated angles, several times slower. Both give [Re u, Im u], (words,
length, 2·C), and gradients with respect to p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...common.packages import installed

TURN = 2 * math.pi


def walk(phases: Tensor, edges: Tensor, plain: bool = False) -> Tensor:
    """[cos, sin] of the cumulated phases.

    Arguments:
        phases: (edges, C), turns, float32 or float64.
        edges: int64 (words, length), rows of `phases`.
        plain: use torch's operations where numba is there as well.
    """
    if plain or phases.device.type != "cpu" or not installed("numba"):
        angle = functional.embedding(edges, phases).cumsum(1) * TURN
        return torch.cat([angle.cos(), angle.sin()], -1)
    found: Tensor = _Walk.apply(phases, edges)
    return found


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, phases: Tensor, edges: Tensor) -> Tensor:
        forward, _ = _kernels()
        angle = phases.detach() * TURN
        circle = torch.cat([angle.cos(), angle.sin()], -1).numpy()
        features = np.empty((*edges.shape, circle.shape[-1]), dtype=circle.dtype)
        forward(circle, edges.contiguous().numpy(), features)
        found = torch.from_numpy(features)
        ctx.save_for_backward(found, edges)
        ctx.rows = len(phases)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        _, backward = _kernels()
        features, edges = ctx.saved_tensors
        found = np.zeros((ctx.rows, features.shape[-1] // 2), dtype=features.numpy().dtype)
        backward(features.numpy(), edges.contiguous().numpy(), gradients[0].contiguous().numpy(), found)
        return torch.from_numpy(found).mul_(TURN), None


@cache
def _kernels() -> tuple[Callable[..., None], Callable[..., None]]:
    from numba import njit

    compiled = njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
    return compiled(_forward), compiled(_backward)


def _forward(circle, edges, features):  # type: ignore[no-untyped-def]
    words, length = edges.shape
    channels = circle.shape[1] // 2
    for w in range(words):
        first = features[w, 0]
        start = circle[edges[w, 0]]
        for c in range(2 * channels):
            first[c] = start[c]
        for t in range(1, length):
            before, now, step = features[w, t - 1], features[w, t], circle[edges[w, t]]
            for c in range(channels):
                now[c] = before[c] * step[c] - before[channels + c] * step[channels + c]
            for c in range(channels):
                now[channels + c] = before[c] * step[channels + c] + before[channels + c] * step[c]


def _backward(features, edges, gradients, found):  # type: ignore[no-untyped-def]
    words, length = edges.shape
    channels = found.shape[1]
    total = np.zeros(channels, dtype=features.dtype)
    for w in range(words):
        for c in range(channels):
            total[c] = 0
        for back in range(length):
            t = length - 1 - back
            here, gradient, row = features[w, t], gradients[w, t], found[edges[w, t]]
            for c in range(channels):
                total[c] += here[c] * gradient[channels + c] - here[channels + c] * gradient[c]
            for c in range(channels):
                row[c] += total[c]
