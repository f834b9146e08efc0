"""Proved horizons: the largest T for which an arithmetic decodes every word of length ≤ T.

Each bound is on the worst case over all words, from the constants as they are stored (their true errors are enclosed by
arb, not taken on trust) and one error for each operation. Decisions are right up to T in all layers by induction on the
token: while they are, every channel is given the right steps.

A channel that is *set* (a = 0, b the stored step) holds what one step from the start would have left, so a horizon
counts tokens since the start or the last reset: it holds for all words of that length, and in longer ones for every
stretch between resets. Adding the residue 0 changes no bit (a product by 1, a sum with 0), so a channel that is only
ever set or kept is right at every length once it is right after one step.

*turns.* The stored step of residue a is off by |ŝ_a - a/n| turns, an exact rational, at most δ. Wrapping sums are
exact, so after T steps the phase is off by at most T·δ, and reading is exact rounding to the nearest multiple of 1/n.
Right while T·δ < 1/(2n).

*complex.* ẑ_t = ẑ_{t-1}·ŝ·(1 + η_t), |η_t| ≤ √5·u (Brent, Percival and Zimmermann, "Error bounds on complex
floating-point multiplication", Math. Comp. 76, 2007; with fused multiply-add 2u: Jeannerod, Kornerup, Louvet and
Muller, Math. Comp. 86, 2017; Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., Lemma 3.5, has √2·γ_2).
Each factor turns the direction by at most arcsin √5·u, and the stored ŝ_a by its own error φ_a; moduli do not matter to
directions. So after T steps the direction is off by at most T·(φ + arcsin(√5·u)/2π) turns. Reading it costs at most 6u
turns, assuming that arctan2 is within `ARCTAN_ERROR`·u relative.

*angle sums.* Ŝ_t = fl(Ŝ_{t-1} + â) = (Ŝ_{t-1} + â)(1 + η_t), |η_t| ≤ u (recursive summation, Higham §4.2), never
unwrapped. With A ≥ |â|, δ ≥ |â - 2π·a/n| and r(x) = u·2^⌊log₂ x⌋, half a unit in the last place at x,

    X_t = R_{t-1} + A,    R_t = X_t + r(X_t) ≥ |Ŝ_t|,    E_t = E_{t-1} + δ + r(X_t) ≥ the error of Ŝ_t.

r is constant between powers of two, so T is found octave by octave, in rationals. Reading multiplies by n/2π in
float64: three roundings, 3.01·2⁻⁵³·R_t radians. Right while E_t and that stay below π/n.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from ...constructions.arithmetics import DIGITS, arithmetic, centred, stored_steps
from ...constructions.cascade import Cascade, CascadeLayer
from ..intervals import angle_error, radian_error, two_pi_below

ARCTAN_ERROR = 8
"""Assumed bound on the relative error of arctan2, in units of u; NumPy's stays below 4 units in the last place."""


def proved_horizon(cascade: Cascade, name: str) -> int | None:
    """The proved horizon of a cascade in an arithmetic; None where there is no limit.

    Raises:
        InputError: the arithmetic is unknown, or python-flint is not installed.
    """
    arithmetic(name)
    found = [_own_horizon(layer, j, name) for layer in cascade.layers for j in range(len(layer.moduli))]
    bounded = [horizon for horizon in found if horizon is not None]
    return min(bounded) if bounded else None


def _own_horizon(layer: CascadeLayer, channel: int, name: str) -> int | None:
    """The horizon of one channel of a layer."""
    steps = layer.increments[..., channel]
    horizon = channel_horizon(layer.moduli[channel], np.unique(steps).tolist(), name)
    if layer.resets is not None and not steps[~layer.resets[..., channel]].any() and horizon:
        return None
    return horizon


def channel_horizon(n: int, steps: Iterable[int], name: str) -> int | None:
    """The proved horizon of one channel modulo n that is only given steps out of `steps`; None where none is needed."""
    if name == "residues":
        return None
    stored = stored_steps(n, name)
    if name == "turns":
        return _turns_horizon(n, [(int(stored[a]), a) for a in steps])
    if name in ("complex128", "complex64"):
        error = max(angle_error(float(stored[a].real), float(stored[a].imag), Fraction(a, n)) for a in steps)
        return _complex_horizon(n, error, Fraction(1, 2 ** DIGITS[name]))
    used = list(steps)
    largest = max(abs(Fraction(float(stored[a]))) for a in used)
    error = max(radian_error(float(stored[a]), Fraction(centred(a, n), n)) for a in used)
    return _sum_horizon(n, largest, error, Fraction(1, 2 ** DIGITS[name]))


def _turns_horizon(n: int, steps: list[tuple[int, int]]) -> int | None:
    error = max(abs(Fraction(stored, 2**64) - Fraction(a, n)) for stored, a in steps)
    return None if error == 0 else math.ceil(Fraction(1, 2 * n) / error) - 1


def _complex_horizon(n: int, error: Fraction, u: Fraction) -> int:
    # √5 < 2.2361, and arcsin x ≤ x(1 + x²); the factor 1.001 also covers products that underflow.
    rotation = Fraction(22361, 10000) * u * Fraction(1001, 1000) / two_pi_below()
    room = Fraction(1, 2 * n) - (ARCTAN_ERROR + 4) * u / 2
    return max(0, math.floor(room / (error + rotation)))


def _sum_horizon(n: int, largest: Fraction, error: Fraction, u: Fraction) -> int:
    room = two_pi_below() / (2 * n)
    reading = Fraction(301, 100) / 2**53
    size, total, done = Fraction(0), Fraction(0), 0  # R_t, E_t, t
    while True:
        octave = Fraction(2) ** _exponent(size + largest)
        rounding = u * octave
        growth = largest + rounding
        steps = max(1, math.ceil((2 * octave - size - largest) / growth))  # as long as X stays in the octave
        # E + reading·R < room after k more steps: linear in k.
        slack = room - total - reading * size
        possible = math.ceil(slack / (error + rounding + reading * growth)) - 1
        if possible < steps:
            return done + max(0, possible)
        size, total, done = size + steps * growth, total + steps * (error + rounding), done + steps


def _exponent(value: Fraction) -> int:
    """⌊log₂ value⌋, exactly."""
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if Fraction(2) ** guess <= value else guess - 1
