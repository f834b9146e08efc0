"""φ as an MLP over (lower state, token), and what one step of its training moves.

    φ(s, x) = relu(A[s] + B[x]) O + o          A (S, h), B (m, h), O (h, C), o (C,); one-hot inputs, C phases in turns

A change of O by δ changes the phases of all pairs (s, x) by F δ, F the S·m rows of hidden units. Had F orthonormal
rows, φ would be a table. With weights A, B ~ N(0, 1) and no bias it is far from that: F Fᵀ, in units of its diagonal,
has about 0.1 for what depends on s and x together, 2 to 6 for what is a function of s plus one of x, and S·m/3 for what
all pairs share. Layers above the first need just the part that depends on both. `kernel_parts` measures the three.

What helps are units that fire for few pairs, as AND gates do: a bias of -`threshold` standard deviations at the start.
And since Adam moves all units of O at once, the phase of a pair moves by as much as the sum of its hidden units times
the rate: the rate of O is a step in turns over the mean of that sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

DEVIATION = math.sqrt(2)
"""Standard deviation of A[s] + B[x]."""


def hidden_of_pairs(state: Tensor, token: Tensor) -> Tensor:
    """The hidden units of every pair: A (R, S, h) and B (R, m, h) to (R, S·m, h), tokens running faster."""
    return (state.unsqueeze(2) + token.unsqueeze(1)).relu().flatten(1, 2)


def new_mlp(
    normal: Callable[..., Tensor], states: int, tokens: int, hidden: int, channels: int, spread: float
) -> dict[str, Tensor]:
    """Random weights, every one with a leading axis of runs: `state` A, `token` B, `out` O, `bias` o (0).

    Arguments:
        normal: (standard deviation, *shape) to a parameter (runs, *shape).
        spread: of the outputs is about this, in turns.
    """
    return {
        "state": normal(1.0, states, hidden),
        "token": normal(1.0, tokens, hidden),
        "out": normal(spread / math.sqrt(hidden), hidden, channels),
        "bias": normal(0.0, channels),
    }


@torch.no_grad()
def make_sparse(mlp: dict[str, Tensor], threshold: float) -> float:
    """Give the hidden units their bias (A carries it, as s is one-hot) and O the scale that keeps the spread of phases.

    Arguments:
        mlp: as `new_mlp` makes it; changed in place.
        threshold: in standard deviations.

    Returns:
        The mean over pairs and runs of the sum of the hidden units: a rate r of O moves a phase by up to r times this.
    """
    mlp["state"] -= threshold * DEVIATION
    hidden = hidden_of_pairs(mlp["state"], mlp["token"])
    norm = hidden.square().sum(-1).mean(1).sqrt()
    mlp["out"] *= math.sqrt(hidden.shape[-1]) / norm[:, None, None]
    return float(hidden.sum(-1).mean())


def kernel_parts(hidden: NDArray[np.float64], states: int) -> tuple[float, float, float]:
    """How fast gradient descent on O alone moves the parts of a function of (s, x), those of a table being 1.

    Arguments:
        hidden: shape (states·tokens, h), at least two states and two tokens.
        states: S.

    Returns:
        The mean of F Fᵀ, in units of its mean diagonal entry, on what all pairs share, on what is a function of s plus
        one of x (of mean 0), and on the rest.
    """
    tokens = len(hidden) // states
    grid = hidden.reshape(states, tokens, -1)
    common = grid.mean((0, 1), keepdims=True)
    of_state = grid.mean(1, keepdims=True) - common
    of_token = grid.mean(0, keepdims=True) - common
    rest = grid - common - of_state - of_token
    scale = float(np.square(grid).sum()) / len(hidden)
    additive = float(np.square(of_state).sum()) * tokens + float(np.square(of_token).sum()) * states
    return (
        float(np.square(common).sum()) * len(hidden) / scale,
        additive / (states + tokens - 2) / scale,
        float(np.square(rest).sum()) / ((states - 1) * (tokens - 1)) / scale,
    )
