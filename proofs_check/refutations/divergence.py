"""A word along whose powers the state of one layer leaves every bound.

Let P and Q be words with one multiplier μ, |μ| = 1, whose shifts differ by D ≠ 0. The word w = P Qⁿ with μⁿ⁺¹ ≈ 1 is
nearly a translation by D: along wᵐ the state reaches 2|D|/|1 - μⁿ⁺¹| or so, which is as large as wanted for a suitable
n, and grows for ever where μⁿ⁺¹ = 1 (Lemma 2 of "The Expressive Limits of Diagonal SSMs for State-Tracking": rotations
about different centres).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .affine_maps import Affine, signed_turns
from .equalising import starting_pairs
from .letters import Letters
from .long_words import PowerWord


@dataclass(frozen=True)
class Divergence:
    """A word w over letters, how often it was repeated, and what |h| of one channel did.

    Arguments:
        word: w.
        channel: the channel that grows.
        growth: pairs (n, |h(wⁿ)|), from the layer's own initial state, in closed form.
        unbounded: whether w itself is a pure translation, its phases as they are stored adding up to whole turns and
            its shift not 0, so that the growth never ends. Else the growth is only observed: w is a member of a family
            P Qⁿ whose bound would rise without limit if phases were real numbers.
    """

    word: PowerWord
    channel: int
    growth: tuple[tuple[int, float], ...]
    unbounded: bool


def diverge(
    letters: Letters, live: NDArray[np.bool_], start: NDArray[np.complex128], target: float, most: int = 20000
) -> Divergence | None:
    """A word w over letters along whose powers a channel of modulus 1 passes `target`, as short as was found; None if
    there is none.

    Searched: w = P Qⁿ and Q Pⁿ for the starting pairs (P, Q), n ≤ `most`. `start`: the layer's state before w.
    """
    noise = 1e-13 * max(1.0, float(np.abs(letters.maps.shift).max(initial=0.0)))
    channels = np.flatnonzero(live)
    best: tuple[float, int, PowerWord, PowerWord, int] | None = None
    for pair in reversed(starting_pairs(letters, live)):
        length = letters.spelled(pair.u).length
        for first, second in ((pair.u, pair.v), (pair.v, pair.u)):
            p, q = letters.map_of(first), letters.map_of(second)
            for place in np.argsort(pair.difference)[::-1][:4].tolist():
                if pair.difference[place] <= noise:
                    break
                channel = int(channels[place])
                n, step = _shortest(p, q, channel, start[channel], target, most)
                if n >= 0 and (best is None or (n + 1) * length / step < best[0]):
                    best = ((n + 1) * length / step, channel, first, second, n)
    if best is None:
        return None
    _, channel, first, second, n = best
    return _measure(letters, PowerWord.of(first, second.power(n)) if n else first, channel, start, target)


def _shortest(p: Affine, q: Affine, channel: int, start: complex, target: float, most: int) -> tuple[int, float]:
    """The least n ≤ `most` for which P Qⁿ carries a channel from `start` beyond `target`, and how far it translates;
    -1 if there is none."""
    angle = 2 * math.pi * float(signed_turns(p.phase[channel : channel + 1])[0])
    n = np.arange(most + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        geometric = np.expm1(1j * angle * n) / np.expm1(1j * angle) if angle else n.astype(np.complex128)
        shift = np.exp(1j * angle * n) * p.shift[channel] + geometric * q.shift[channel]
        away = np.abs(np.expm1(1j * angle * (n + 1)))
        reach = 2 * np.abs(shift + np.expm1(1j * angle * (n + 1)) * start) / away
    good = np.flatnonzero((reach - abs(start) >= 1.1 * target) & (np.abs(shift) > 1e-9))
    return (int(good[0]), float(np.abs(shift[good[0]]))) if len(good) else (-1, 1.0)


def _measure(
    letters: Letters, word: PowerWord, channel: int, start: NDArray[np.complex128], target: float
) -> Divergence | None:
    """|h(wⁿ)| for n = 1, 2, 4, … until it passes the target."""
    only = slice(channel, channel + 1)
    once = letters.map_of(word)[only]
    away = abs(float(signed_turns(once.phase)[0]))
    growth = []
    n = 1
    while n < 10**9:
        size = float(np.abs(once.power(n)(start[only]))[0])
        growth.append((n, size))
        if size >= target:
            return Divergence(word, channel, tuple(growth), away == 0)
        if away and n * away > 0.5:
            break
        n = n * 2 if not away or 2 * n * away <= 0.5 else max(n + 1, math.ceil(0.5 / away))
    return None
