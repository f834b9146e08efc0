"""The arithmetics that a cascade is run in: how one channel stores its steps, adds them up, and is read.

    residues     integers mod n: exact
    turns        unsigned 64-bit fixed-point turns; wrapping is reduction mod one turn
    complex128   products of complex numbers on the unit circle, each rounded
    complex64
    float64      sums of angles in radians, in [-π, π) a step, never unwrapped, each sum rounded
    float32
    bfloat16

In the last three every partial sum is rounded to nearest, ties to even, in the type itself; no wider accumulator is
hidden behind them. They are there for their horizons; `constructions.execution` runs the first four.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError
from ..common.packages import installed

ARITHMETICS = ("residues", "turns", "complex128", "complex64", "float64", "float32", "bfloat16")

DIGITS = {"complex128": 53, "complex64": 24, "float64": 53, "float32": 24, "bfloat16": 8}
"""Significant bits p of the floating-point types; the unit roundoff is u = 2^-p."""

Values = NDArray[Any]


def arithmetic(name: str) -> str:
    """The arithmetic of that name. Raises `InputError` for an unknown one."""
    if name not in ARITHMETICS:
        raise InputError(f"unknown arithmetic {name[:40]!r}; wanted one of {', '.join(ARITHMETICS)}")
    return name


def centred(residue: int, n: int) -> int:
    """The representative in [-n/2, n/2): the phases of the compiled network."""
    return residue - n if 2 * residue >= n else residue


def stored_steps(n: int, name: str) -> Values:
    """What is stored for the residues 0 … n-1, shape (n,). bfloat16 values are held in float64."""
    if name == "residues":
        return np.arange(n, dtype=np.int64)
    if name == "turns":
        return np.array([((r << 65) // n + 1) >> 1 & (2**64 - 1) for r in range(n)], dtype=np.uint64)
    if name in ("complex128", "complex64"):
        return np.exp(2j * np.pi * np.arange(n) / n).astype(name)
    angles = np.array([2 * np.pi * centred(r, n) / n for r in range(n)])
    return round_to_bfloat16(angles) if name == "bfloat16" else angles.astype(name)


def start(name: str) -> Values:
    """The carried value before the first token."""
    dtype = {"residues": "int64", "turns": "uint64", "bfloat16": "float64"}.get(name, name)
    return np.array(1 if name.startswith("complex") else 0, dtype=dtype)


def accumulate(name: str, carried: Values, steps: Values, sets: NDArray[np.bool_] | None = None) -> Values:
    """The carried value after each step, shape (T,): one rounding a step, from left to right. Where `sets` is true the
    value is the step itself."""
    if name == "bfloat16":
        return _bfloat16_sums()(float(carried), steps, np.zeros(len(steps), dtype=bool) if sets is None else sets)
    ufunc = np.multiply if name.startswith("complex") else np.add
    values = np.concatenate([carried[None], steps])
    return running(ufunc, values, np.zeros(0, np.intp) if sets is None else np.flatnonzero(sets) + 1)[1:]


def read(name: str, values: Values, n: int) -> NDArray[np.int64]:
    """The residue nearest to each carried value, shape (T,)."""
    if name == "residues":
        return np.asarray(values % n, dtype=np.int64)
    if name == "turns":
        high, low = values >> np.uint64(32), values & np.uint64(0xFFFFFFFF)
        # ⌊phase·n/2^64 + 1/2⌋: floors of floors lose nothing, and nothing overflows for n < 2^32.
        shifted = high * np.uint64(n) + (low * np.uint64(n) >> np.uint64(32)) + np.uint64(1 << 31)
        return (shifted >> np.uint64(32)).astype(np.int64) % n
    if name.startswith("complex"):
        return np.rint(np.angle(values) * (n / math.tau)).astype(np.int64) % n
    return np.rint(values.astype(np.float64) * (n / math.tau)).astype(np.int64) % n


LONG_RUN = 64
"""Tokens between two resets from which on a run is multiplied by itself and not side by side with the others."""


def running(ufunc: np.ufunc, values: NDArray, begins: NDArray[np.intp]) -> NDArray:
    """Running sums or products that begin anew at some places: token after token, all short runs side by side."""
    starts = np.concatenate([[0], begins])
    lengths = np.diff(np.concatenate([starts, [len(values)]]))
    found = values.copy()
    for start, length in zip(starts[lengths > LONG_RUN], lengths[lengths > LONG_RUN], strict=True):
        ufunc.accumulate(values[start : start + length], out=found[start : start + length])
    short = lengths <= LONG_RUN
    starts, lengths = starts[short], lengths[short]
    for k in range(1, int(lengths.max(initial=0))):
        starts, lengths = starts[lengths > k], lengths[lengths > k]
        found[starts + k] = ufunc(found[starts + k - 1], found[starts + k])
    return found


def round_to_bfloat16(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded to 8 significant bits, ties to even, in float64 (the exponents met here are bfloat16's own)."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 256.0), exponent - 8)


@cache
def _bfloat16_sums() -> Callable[[float, NDArray[np.float64], NDArray[np.bool_]], NDArray[np.float64]]:
    """Sequential sums in bfloat16; compiled where numba is installed. A sum of two such numbers is exact in float64."""

    def sums(value: float, steps: NDArray[np.float64], sets: NDArray[np.bool_]) -> NDArray[np.float64]:
        found = np.empty(len(steps))
        for i in range(len(steps)):
            mantissa, exponent = math.frexp(steps[i] if sets[i] else value + steps[i])
            value = math.ldexp(np.rint(mantissa * 256.0), exponent - 8)
            found[i] = value
        return found

    if not installed("numba"):
        return sums
    from numba import njit

    compiled: Callable[[float, NDArray[np.float64], NDArray[np.bool_]], NDArray[np.float64]] = njit(sums)
    return compiled
