"""Enclosures by python-flint's arb: of points on the unit circle, and of what stored floats are off by.

Everything returned is a `Fraction` that bounds the true value from the right side, or a float with its error stated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from ..common.packages import named_packages

POINT_ERROR = Fraction(1, 2**52)
"""Each coordinate of `unit_point` is within this of the true one: rounding to a double, and arb's radius."""


@contextmanager
def arb_precision(bits: int) -> Iterator[Any]:
    """The module `flint` at a working precision. Raises `MissingPackageError` where python-flint is not
    installed."""
    with named_packages():
        import flint
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield flint
    finally:
        flint.ctx.prec = before


def upper(value: Any) -> Fraction:
    """An upper bound on |x| for an arb enclosure of x, as an exact fraction."""
    mantissa, exponent = value.abs_upper().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def unit_point(turns: Fraction) -> tuple[float, float]:
    """cos and sin of 2π·turns, each within `POINT_ERROR`."""
    with arb_precision(128) as flint:
        sine, cosine = flint.arb(flint.fmpq(2 * turns.numerator, turns.denominator)).sin_cos_pi()
        point = float(cosine.mid()), float(sine.mid())
        for enclosure, value in zip((cosine, sine), point, strict=True):
            if upper(enclosure - flint.arb(value)) > POINT_ERROR:
                raise AssertionError("arb's enclosure is wider than a double")
    return point


def angle_error(real: float, imaginary: float, turns: Fraction) -> Fraction:
    """A bound, in turns, on how far the direction of the complex number real + i·imaginary is from `turns`."""
    with arb_precision(192) as flint:
        sine, cosine = flint.arb(flint.fmpq(2 * turns.numerator, turns.denominator)).sin_cos_pi()
        x, y = flint.arb(real), flint.arb(imaginary)
        # Rotated back by the exact angle; atan2 of a point near the positive axis has no jump.
        angle = flint.arb.atan2(y * cosine - x * sine, x * cosine + y * sine)
        return upper(angle / (2 * flint.arb.pi()))


def radian_error(stored: float, turns: Fraction) -> Fraction:
    """A bound, in radians, on |stored - 2π·turns|."""
    with arb_precision(192) as flint:
        return upper(flint.arb(stored) - 2 * flint.arb.pi() * flint.arb(flint.fmpq(turns.numerator, turns.denominator)))


def two_pi_below() -> Fraction:
    """A rational just below 2π."""
    with arb_precision(192) as flint:
        mantissa, exponent = (2 * flint.arb.pi()).lower().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
