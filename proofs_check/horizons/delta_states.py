"""Up to which length a delta-rule layer, as its floats are, answers *all* words as an exact machine does.

The state is a set of columns: vectors h in each head that every token maps alike,

    h ← α(I - β₁k₁k₁ᵀ) … (I - β_n k_n k_nᵀ) h + b,    0 ≤ β|k|² ≤ 2 and so no longer than before, but for b.

For each state q of the machine let c(q) be the column after one word that leads there, and r(q, t) a bound on how far
from it the column is after *any* word of t letters that does. A letter x takes q to q', so

    r(q', t+1) = max over (q, x) that lead to q' of  ρ·r(q, t) + ε + |A c(q) + b - c(q')|,

where ρ is the norm of A, and ε all that the network's arithmetic and our enclosure of α, β, k and b are off by. That
is a maximum along walks, as of the boxes of diagonal layers, with balls in the place of boxes. Answers are certain
while every r is below the largest radius R at which the readout is: beyond the steps that are followed one by one the
radii grow by at most the largest step there, which gives the rest in closed form. Where no ball grows the length is
any.

*Assumed of the arithmetic*: the layer is run token by token (`ASSUMED`): IEEE 754 in the model's dtype, sums in any
order, with or without fused multiply-add; elementary functions within `ELEMENTARY` units, and exactly 1 where the true
value is within 2⁻³⁰ of 1. A term that is 0 costs a sum nothing. Nothing is said of the chunked algorithm, which reads
many tokens at once. Our own numbers are float64, rounded outwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Agreement, NotCoveredError
from .regions import OWN

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ASSUMED = (
    "read token by token, in IEEE arithmetic, with sums in any order, square roots and quotients rounded once each, "
    "elementary functions within 64 units, and 1 where the true value is within 2^-30 of it"
)
"""What a proof by these balls takes for granted, for whoever reads it."""

SINGLE_STEPS = 512
"""Letters that are followed one by one."""

LONGEST = 10**9
"""The search ends here."""

HALVINGS = 24
"""Of the largest radius at which answers are certain."""


@dataclass(frozen=True, eq=False)
class TokenMap:
    """What one token does to the columns of a state; heads and columns are (H, C), a column has K numbers.

    Arguments:
        matrix: (H, K, K), the middle of A.
        drive: (H, K, C), the middle of b.
        norm: (H,), a bound on the norm of `matrix`.
        relative: (H,): what A, and the arithmetic, are off by, relative to a column's length.
        absolute: (H, C): what b, and the arithmetic, are off by besides.
    """

    matrix: Floats
    drive: Floats
    norm: Floats
    relative: Floats
    absolute: Floats

    def step(self, centre: Floats, radius: Floats) -> tuple[Floats, Floats]:
        """Balls after the token: centres (N, H, K, C) and radii (N, H, C)."""
        length = np.sqrt((centre**2).sum(axis=2)) * (1 + OWN)
        after = np.einsum("hij,nhjc->nhic", self.matrix, centre) + self.drive
        off = self.relative[:, None] * (length + radius) + self.absolute
        return after, (self.norm[:, None] * radius + off) * (1 + OWN)


@dataclass(frozen=True, eq=False)
class Factor:
    """One Householder factor by intervals: keys (H, K), β (H,), each a middle and how far it may be off."""

    key: Floats
    key_off: Floats
    beta: Floats
    beta_off: Floats


def token_map(
    gate: tuple[Floats, Floats], factors: list[Factor], drive: tuple[Floats, Floats], unit: float
) -> TokenMap:
    """The map of one token from enclosures of its parts.

    Arguments:
        gate: α, (H,): the middle and how far it may be off.
        factors: in the order in which they act.
        drive: b, (H, K, C), likewise; how far off is the length of the difference, (H, C).
        unit: the unit roundoff of the network's arithmetic.
    """
    alpha, alpha_off = gate
    heads, size = factors[0].key.shape
    matrix = np.broadcast_to(np.eye(size), (heads, size, size)) * alpha[:, None, None]
    norm, relative = np.abs(alpha), alpha_off + unit * (np.abs(alpha) + alpha_off)
    for f in factors:
        length, off = np.linalg.norm(f.key, axis=1), np.linalg.norm(f.key_off, axis=1)
        one = np.eye(size) - f.beta[:, None, None] * f.key[:, :, None] * f.key[:, None, :]
        matrix = one @ matrix
        own = np.maximum(1.0, np.abs(1 - f.beta * length**2))
        most, beta = length + off, np.abs(f.beta) + f.beta_off
        wrong = f.beta_off * most**2 + beta * (2 * length * off + off**2)
        terms = ((f.key != 0) | (f.key_off != 0)).sum(axis=1)
        # decay; product with k, carried on by β k; difference, product by β, product by k; sum
        wrong += 1.01 * unit * (2 + beta * most**2 * (terms + 6))
        relative = own * relative + wrong * (norm + relative)
        norm = norm * own
    middle, around = drive
    reached = np.sqrt((middle**2).sum(axis=1)) + around
    absolute = around + 4.04 * unit * reached
    relative = relative + 1.01 * unit * (norm + relative) + OWN * norm
    return TokenMap(matrix, middle, norm * (1 + OWN), relative * (1 + OWN), absolute * (1 + OWN) + OWN * reached)


def balls(
    letters: list[list[TokenMap]],
    before: list[TokenMap],
    start: Floats,
    table: Integers,
    certain: Callable[[Floats, Floats], str],
    longest: int = LONGEST,
) -> Agreement:
    """The length up to which the answers to all words are a machine's.

    Arguments:
        letters: the maps of the tokens that spell each letter.
        before: of those that stand before a word.
        start: the state before them, (H, K, C).
        table: the machine, (states, letters), which starts in state 0.
        certain: centres (states, H, K, C) and radii (states, H, C) to why an answer is not certain within these balls;
            empty where all are.
        longest: where to stop.
    """
    centre, radius = start[None], np.zeros((1, start.shape[0], start.shape[2]))
    for token in before:
        centre, radius = token.step(centre, radius)
    states = len(table)
    centres = np.zeros((states, *start.shape))
    centres[0] = centre[0]
    order, known = [0], {0}
    for q in order:
        for x, after in enumerate(table[q].tolist()):
            if after not in known:
                known.add(after)
                order.append(after)
                found, nothing = centres[q][None], np.zeros_like(radius)
                for token in letters[x]:
                    found, nothing = token.step(found, nothing)
                centres[after] = found[0]
    if len(order) < states:
        raise NotCoveredError("a state of the machine is reached by no word")
    if not np.isfinite(centres).all():
        raise NotCoveredError("a state overflows")
    none = np.zeros((states, *radius.shape[1:]))
    if why := certain(centres, none):
        return Agreement(0, f"not even after one word for each state: {why}")

    def grown(radii: Floats) -> Floats:
        """Radii after each letter; -1 in a state that no word has reached."""
        result = np.full_like(radii, -1.0)
        reached = np.flatnonzero(radii[:, 0, 0] >= 0)
        for x, tokens in enumerate(letters):
            found, around = centres[reached], radii[reached]
            for token in tokens:
                found, around = token.step(found, around)
            to = table[reached, x]
            around = around + np.sqrt(((found - centres[to]) ** 2).sum(axis=2)) * (1 + OWN)
            np.maximum.at(result, to, around)
        return result

    low, high = 0.0, float(np.sqrt((centres**2).sum(axis=2)).max()) + 1e-30
    why = ""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if said := certain(centres, none + middle):
            high, why = middle, said
        else:
            low = middle
    radii = np.full_like(none, -1.0)
    radii[0] = radius[0]
    length, widest = 0, radii.copy()
    while length < min(SINGLE_STEPS, longest):
        following = grown(radii)
        if following.max() > low:
            return Agreement(length, f"after it {why}")
        length += 1
        if (following <= widest).all() and (widest >= 0).all() and (grown(widest) <= widest).all():
            return Agreement(None, "no ball grows any more")
        radii, widest = following, np.maximum(widest, following)
    if grown(none + low).max() <= low:
        return Agreement(None, "no ball grows beyond the largest that is certain")
    # The largest radius after a letter is a convex function of the one before: it gains most at an end.
    now = float(radii.max())
    most = max(float(grown(none + end).max()) - end for end in (now, low))
    return Agreement(min(longest, length + int((low - now) / most * (1 - 1e-9))), f"after it {why}")
