"""The largest sums that walks of a given length can collect in a machine: max-plus algebra, rounded outwards.

A weight w(s, x) stands on every edge s → s·x of a machine in which every token permutes the states. Starting from
values v₀(s), the value after t tokens is v_t(s') = max over (s, x) with s·x = s' of v_{t-1}(s) + w(s, x). Many
columns of weights are worked on at once. For long walks there is a bound in closed form: with any potential π and

    λ = max over edges of w(s, x) + π(s) - π(s·x)    it is    v_t(s') ≤ max over s of (v₀(s) - π(s)) + λ·t + π(s').

So a potential is a certificate; a bad one costs nothing but tightness. It is taken from the first walks (Karp, "A
characterization of the minimum cycle mean in a digraph", Discrete Math. 23, 1978), which makes λ the mean of the
worst cycle. Sums are rounded up at every step; 0 and -∞ (a state that no walk has reached) stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DIRECT = 48
"""Walks of up to so many tokens are gone through token by token."""


@dataclass(frozen=True, eq=False)
class Walks:
    """What walks of several tokens lead to; arrays have shape (states, columns).

    Arguments:
        end: bounds after the last token.
        hull: bounds after any of the tokens.
        settled: shape (columns,): the hull holds for walks of every length.
    """

    end: Floats
    hull: Floats
    settled: NDArray[np.bool_]


def raised(values: Floats) -> Floats:
    """An upper bound on what was rounded to these values by one operation; 0 and infinities stay."""
    found: Floats = values * np.where(values > 0, 1 + 2.0**-51, 1 - 2.0**-51)
    return found


def walk(values: Floats, weights: Floats, before: Integers, tokens: int) -> Walks:
    """Bounds on the sums of walks of so many tokens.

    Arguments:
        values: shape (states, columns), what the walks start with; -∞ where none starts.
        weights: shape (states, tokens, columns): of the edge that leads *to* a state with a token.
        before: shape (states, tokens): where this edge comes from.
        tokens: at least 1.
    """
    hull = np.full_like(values, -np.inf)
    for _ in range(min(tokens, DIRECT)):
        values = _step(values, weights, before)
        hull = np.maximum(hull, values)
    if tokens <= DIRECT:
        return Walks(values, hull, np.zeros(values.shape[1], dtype=bool))
    potential, rate = _potential(weights, before)
    highest = raised((values - potential).max(axis=0))
    more = tokens - DIRECT
    end = raised(raised(highest + raised(rate * more)) + potential)
    longest = raised(raised(highest + raised(np.maximum(rate, 0.0) * more)) + potential)
    return Walks(end, np.maximum(hull, longest), rate <= 0)


def _step(values: Floats, weights: Floats, before: Integers) -> Floats:
    return raised((values[before] + weights).max(axis=1))


def _potential(weights: Floats, before: Integers) -> tuple[Floats, Floats]:
    """π (states, columns) and λ (columns,), rounded up."""
    states, _, columns = weights.shape
    walks = np.zeros((min(states, DIRECT) + 1, states, columns))
    for k in range(1, len(walks)):
        walks[k] = _step(walks[k - 1], weights, before)
    last = len(walks) - 1
    lengths = np.arange(last)[:, None, None]
    guess = ((walks[-1] - walks[:-1]) / (last - lengths)).min(axis=0).max(axis=0)
    potential: Floats = (walks[:-1] - lengths * guess).max(axis=0)
    slack = (weights + potential[before] - guess - potential[:, None]).max(axis=(0, 1))
    size = np.abs(potential).max(axis=0) + np.abs(weights).max(axis=(0, 1)) + np.abs(guess)
    return potential, guess + slack + 2.0**-49 * size
