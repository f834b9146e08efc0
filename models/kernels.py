"""The numba backend of models/recurrences.py: values and adjoints of both recurrences, one thread, for the CPU.

Sine and cosine are polynomials of the phase: the integer phase splits exactly into quarter turns and a rest in
[-1/8, 1/8) turns, which alone is made a float. The coefficients below are Chebyshev fits (mpmath's `chebyfit`, 40
digits) of sin(2 pi x)/x and (cos(2 pi x) - 1)/x^2 as polynomials in x^2 on that interval, with errors 2e-8 and 1e-8 in
single, 2e-17 and 8e-18 in double precision. libm's functions would cost about ten times as much.

How the loops are laid out: channels are taken up to `LANES` at a time, and for each token a few short loops run over
these lanes, each touching two to four arrays: few enough for LLVM's vectoriser to check that they do not overlap.
Everything kept between the short loops lies in one small workspace, at offsets that differ by constants. `fastmath`
allows fused multiply-add and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import njit, types
from numba.extending import overload
from torch import Tensor

__all__ = ["diagonal_backward", "diagonal_forward", "unit_backward", "unit_forward"]

LANES = 64
# Tokens that the unit-modulus backward pass fetches together: everything it touches fits the second-level cache.
BLOCK = 64
# Below this many channels the lanes would stay empty: batch and channels are then laid side by side.
FEW_CHANNELS = 16

# Sections of the workspace, in lanes.
COSINE, SINE, FIRST, SECOND, THIRD = 0, LANES, 2 * LANES, 3 * LANES, 4 * LANES
WORKSPACE = 5 * LANES

# sin(2 pi x) = x (S0 + S1 x^2 + ...), cos(2 pi x) = 1 + x^2 (C0 + C1 x^2 + ...); unused places are zero.
SINE_SINGLE = (6.2831852878129467414, -41.341662570547954912, 81.592542871301543294, -75.401612702747458455)
COSINE_SINGLE = (-19.739208789987509716, 64.939369051419775696, -85.448820089651071299, 59.424105981756473913)
SINE_DOUBLE = (
    6.2831853071795864572, -41.341702240399636207, 81.605249275948035209, -76.705859704274550647,
    42.058685020160894047, -15.093804209987113512, 3.7808689593022955184,
)  # fmt: skip
COSINE_DOUBLE = (
    -19.73920880217871723, 64.939394022668242743, -85.456817206643804246, 60.244641352702008933,
    -26.426253275854721364, 7.9032069115696784291, -1.6990343940660636356,
)  # fmt: skip

compiled = njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")


def _float_constants(values: tuple[float, ...], kind: type) -> tuple[Any, ...]:
    return tuple(kind(value) for value in values)


S32, C32 = _float_constants(SINE_SINGLE, np.float32), _float_constants(COSINE_SINGLE, np.float32)
S64, C64 = SINE_DOUBLE, COSINE_DOUBLE
UNIT32 = (np.float32(2.0**-32), np.float32(1.0))
HALF_TURN_32, HALF_TURN_64 = np.float32(2.0**31), 2.0**31
LOW_32, LOW_64 = np.float32(2.0**30), 2.0**30


def _circle(phase: int, like: float) -> tuple[float, float]:
    """Cosine and sine of an int64 phase, 2^64 to the turn, in the precision of `like`."""
    raise NotImplementedError("compiled only")


def _circle_single(phase, like):  # type: ignore[no-untyped-def]
    top = np.int32(phase >> 32)
    quarter = np.int32(top + 0x20000000) >> 30
    x = np.float32(np.int32(top - (quarter << 30))) * UNIT32[0]
    u = x * x
    sine = x * (S32[0] + u * (S32[1] + u * (S32[2] + u * S32[3])))
    cosine = UNIT32[1] + u * (C32[0] + u * (C32[1] + u * (C32[2] + u * C32[3])))
    swapped = (quarter & 1) != 0
    first = sine if swapped else cosine
    second = cosine if swapped else sine
    first = -first if ((quarter + 1) & 2) != 0 else first
    second = -second if (quarter & 2) != 0 else second
    return first, second


def _circle_double(phase, like):  # type: ignore[no-untyped-def]
    top = np.int32(phase >> 32)
    quarter = np.int32(top + 0x20000000) >> 30
    high = np.float64(np.int32(top - (quarter << 30)))
    # The lower half as a signed integer: subtract half of its range, add it back as a float.
    low = np.float64(np.int32((phase & 0xFFFFFFFF) - 0x80000000)) + 2147483648.0
    x = high * 2.0**-32 + low * 2.0**-64
    u = x * x
    sine = x * (S64[0] + u * (S64[1] + u * (S64[2] + u * (S64[3] + u * (S64[4] + u * (S64[5] + u * S64[6]))))))
    cosine = 1.0 + u * (C64[0] + u * (C64[1] + u * (C64[2] + u * (C64[3] + u * (C64[4] + u * (C64[5] + u * C64[6]))))))
    swapped = (quarter & 1) != 0
    first = sine if swapped else cosine
    second = cosine if swapped else sine
    first = -first if ((quarter + 1) & 2) != 0 else first
    second = -second if (quarter & 2) != 0 else second
    return first, second


def _fixed(fraction: float) -> int:
    """A fraction of a turn in [-1/2, 1/2] as int64, 2^64 to the turn, as `recurrences.fixed_point_turns` has it."""
    raise NotImplementedError("compiled only")


def _fixed_single(fraction):  # type: ignore[no-untyped-def]
    # In two 32-bit conversions, because processors without AVX-512 have no vector conversion to 64 bits.
    scaled = fraction * HALF_TURN_32
    high = np.int32(scaled)
    low = np.int32((scaled - np.float32(high)) * LOW_32)
    return (np.int64(high) << 33) + (np.int64(low) << 3)


def _fixed_double(fraction):  # type: ignore[no-untyped-def]
    scaled = fraction * HALF_TURN_64
    high = np.int32(scaled)
    low = np.int32((scaled - np.float64(high)) * LOW_64)
    return (np.int64(high) << 33) + (np.int64(low) << 3)


@overload(_circle, inline="always", strict=False)
def _overload_circle(phase: Any, like: Any) -> Callable[..., Any]:
    return _circle_single if like == types.float32 else _circle_double


@overload(_fixed, inline="always", strict=False)
def _overload_fixed(fraction: Any) -> Callable[..., Any]:
    return _fixed_single if fraction == types.float32 else _fixed_double


# --------------------------------------------------------------------------- unit modulus


@compiled
def _unit_forward(turns, b, driven, remainder, phase, states, final_phase, final_remainder):  # type: ignore[no-untyped-def]
    """Arrays as in `unit_scan`, complex ones as reals with (Re, Im) alternating along the last axis."""
    batch, length, channels = turns.shape
    work = np.empty(WORKSPACE, turns.dtype)
    current = np.empty(LANES, np.int64)
    zero = turns.dtype.type(0)
    for i in range(batch):
        for start in range(0, channels, LANES):
            lanes = min(LANES, channels - start)
            for lane in range(lanes):
                current[lane] = phase[i, start + lane]
                work[FIRST + lane] = remainder[i, 2 * (start + lane)]
                work[SECOND + lane] = remainder[i, 2 * (start + lane) + 1]
            for t in range(length):
                x = turns[i, t, start : start + lanes]
                for lane in range(lanes):
                    fraction = x[lane] - np.rint(x[lane])
                    work[THIRD + lane] = fraction
                    current[lane] += _fixed(fraction)
                for lane in range(lanes):
                    work[COSINE + lane], work[SINE + lane] = _circle(current[lane], zero)
                h = states[i, t, 2 * start : 2 * (start + lanes)]
                if driven:
                    d = b[i, t, 2 * start : 2 * (start + lanes)]
                    for lane in range(lanes):
                        c, s = work[COSINE + lane], work[SINE + lane]
                        re, im = d[2 * lane], d[2 * lane + 1]
                        first = work[FIRST + lane] + (c * re + s * im)
                        second = work[SECOND + lane] + (c * im - s * re) + zero * work[THIRD + lane]
                        work[FIRST + lane], work[SECOND + lane] = first, second
                        h[2 * lane], h[2 * lane + 1] = c * first - s * second, c * second + s * first
                else:
                    for lane in range(lanes):
                        c, s = work[COSINE + lane], work[SINE + lane]
                        first = work[FIRST + lane]
                        second = work[SECOND + lane] + zero * work[THIRD + lane]
                        work[SECOND + lane] = second
                        h[2 * lane], h[2 * lane + 1] = c * first - s * second, c * second + s * first
            for lane in range(lanes):
                final_phase[i, start + lane] = current[lane]
                final_remainder[i, 2 * (start + lane)] = work[FIRST + lane]
                final_remainder[i, 2 * (start + lane) + 1] = work[SECOND + lane]


@compiled
def _unit_backward(  # type: ignore[no-untyped-def]
    turns, b, driven, states, final_phase, grad_states, grad_remainder, grad_turns, grad_b, grad_initial
):
    """The adjoint, walking the phases back from the last one in exact integers.

    With six arrays read or written at falling addresses this loop was measured at four times its speed at rising ones.
    So each block of tokens is first touched forwards, one element per cache line, and then walked backwards in the
    cache: half of the time. (The three-array loops further down gain nothing from it.)
    """
    batch, length, channels = turns.shape
    work = np.empty(WORKSPACE, turns.dtype)
    current = np.empty(LANES, np.int64)
    zero = turns.dtype.type(0)
    circumference = turns.dtype.type(2.0 * np.pi)
    line = 64 // turns.itemsize
    for i in range(batch):
        for start in range(0, channels, LANES):
            lanes = min(LANES, channels - start)
            for lane in range(lanes):
                current[lane] = final_phase[i, start + lane]
                work[FIRST + lane] = grad_remainder[i, 2 * (start + lane)]
                work[SECOND + lane] = grad_remainder[i, 2 * (start + lane) + 1]
            for block in range((length + BLOCK - 1) // BLOCK - 1, -1, -1):
                origin, end = block * BLOCK, min(length, (block + 1) * BLOCK)
                touched = zero
                for t in range(origin, end):
                    for lane in range(start, start + lanes, line):
                        touched += turns[i, t, lane]
                        grad_turns[i, t, lane] = zero
                    for lane in range(2 * start, 2 * (start + lanes), line):
                        touched += grad_states[i, t, lane] + states[i, t, lane]
                        if driven:
                            touched += b[i, t, lane]
                            grad_b[i, t, lane] = zero
                work[THIRD] = touched  # or the compiler would leave the reading out
                for t in range(end - 1, origin - 1, -1):
                    for lane in range(lanes):
                        work[COSINE + lane], work[SINE + lane] = _circle(current[lane], zero)
                    x = turns[i, t, start : start + lanes]
                    for lane in range(lanes):
                        current[lane] -= _fixed(x[lane] - np.rint(x[lane]))
                    g = grad_states[i, t, 2 * start : 2 * (start + lanes)]
                    for lane in range(lanes):
                        c, s = work[COSINE + lane], work[SINE + lane]
                        first = work[FIRST + lane] + (c * g[2 * lane] + s * g[2 * lane + 1])
                        second = work[SECOND + lane] + (c * g[2 * lane + 1] - s * g[2 * lane])
                        work[FIRST + lane], work[SECOND + lane] = first, second
                        # The adjoint lambda_t takes the place of the point on the circle.
                        work[COSINE + lane], work[SINE + lane] = c * first - s * second, c * second + s * first
                    h = states[i, t, 2 * start : 2 * (start + lanes)]
                    out = grad_turns[i, t, start : start + lanes]
                    if driven:
                        d = b[i, t, 2 * start : 2 * (start + lanes)]
                        for lane in range(lanes):
                            re, im = h[2 * lane] - d[2 * lane], h[2 * lane + 1] - d[2 * lane + 1]
                            out[lane] = circumference * (re * work[SINE + lane] - im * work[COSINE + lane])
                        e = grad_b[i, t, 2 * start : 2 * (start + lanes)]
                        for lane in range(lanes):
                            e[2 * lane], e[2 * lane + 1] = work[COSINE + lane], work[SINE + lane]
                    else:
                        for lane in range(lanes):
                            re, im = h[2 * lane], h[2 * lane + 1]
                            out[lane] = circumference * (re * work[SINE + lane] - im * work[COSINE + lane])
            for lane in range(lanes):
                grad_initial[i, 2 * (start + lane)] = work[FIRST + lane]
                grad_initial[i, 2 * (start + lane) + 1] = work[SECOND + lane]


def _reals(x: Tensor) -> Any:
    """A contiguous complex tensor as a NumPy array of reals, (Re, Im) alternating along the last axis."""
    return torch.view_as_real(x.detach()).flatten(-2).numpy()


def _side_by_side(x: Tensor) -> Tensor:
    """(batch, length, channels) -> (1, length, batch * channels), contiguous."""
    batch, length, channels = x.shape
    return x.transpose(0, 1).reshape(1, length, batch * channels).contiguous()


def _apart(x: Tensor, shape: torch.Size) -> Tensor:
    """The inverse of `_side_by_side`."""
    batch, length, channels = shape
    return x.view(length, batch, channels).transpose(0, 1).contiguous()


def _narrow(x: Tensor) -> bool:
    return x.shape[2] < FEW_CHANNELS and x.shape[0] > 1


def unit_forward(turns: Tensor, b: Tensor | None, remainder: Tensor, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(states, last phase, last remainder) of the unit-modulus recurrence; contiguous tensors."""
    if _narrow(turns):
        wide = unit_forward(
            _side_by_side(turns), None if b is None else _side_by_side(b), remainder.view(1, -1), phase.view(1, -1)
        )
        return _apart(wide[0], turns.shape), wide[1].view(phase.shape), wide[2].view(phase.shape)
    states = remainder.new_empty(turns.shape)
    final_phase, final_remainder = torch.empty_like(phase), torch.empty_like(remainder)
    _unit_forward(
        turns.detach().numpy(), _reals(states if b is None else b), b is not None, _reals(remainder), phase.numpy(),
        _reals(states), final_phase.numpy(), _reals(final_remainder),
    )  # fmt: skip
    return states, final_phase, final_remainder


def unit_backward(
    turns: Tensor, b: Tensor | None, remainder: Tensor, states: Tensor, final_phase: Tensor,
    grad_states: Tensor, grad_remainder: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of (turns, b, remainder); contiguous tensors. Without b the second is a placeholder."""
    if _narrow(turns):
        wide = unit_backward(
            _side_by_side(turns), None if b is None else _side_by_side(b), remainder.view(1, -1),
            _side_by_side(states), final_phase.view(1, -1), _side_by_side(grad_states), grad_remainder.view(1, -1),
        )  # fmt: skip
        grad_b = wide[1] if b is None else _apart(wide[1], turns.shape)
        return _apart(wide[0], turns.shape), grad_b, wide[2].view(remainder.shape)
    grad_turns = torch.empty_like(turns)
    grad_b = grad_states if b is None else torch.empty_like(states)
    grad_initial = torch.empty_like(remainder)
    _unit_backward(
        turns.detach().numpy(), _reals(states if b is None else b), b is not None, _reals(states), final_phase.numpy(),
        _reals(grad_states), _reals(grad_remainder), grad_turns.numpy(), _reals(grad_b), _reals(grad_initial),
    )  # fmt: skip
    return grad_turns, grad_b, grad_initial


# --------------------------------------------------------------------------- any multiplier


@compiled
def _real_forward(a, b, initial, states):  # type: ignore[no-untyped-def]
    batch, length, channels = b.shape
    for i in range(batch):
        before = initial[i]
        for t in range(length):
            multiplier, drive, h = a[i, t], b[i, t], states[i, t]
            for lane in range(channels):
                h[lane] = multiplier[lane] * before[lane] + drive[lane]
            before = h


@compiled
def _real_backward(a, initial, states, grad_states, grad_a, grad_b, grad_initial):  # type: ignore[no-untyped-def]
    """grad_b receives the adjoint; the gradient that leaves token t for token t - 1 waits in `passed`."""
    batch, length, channels = a.shape
    passed = np.empty(channels, a.dtype)
    for i in range(batch):
        passed[:] = 0
        for t in range(length - 1, -1, -1):
            g, adjoint = grad_states[i, t], grad_b[i, t]
            for lane in range(channels):
                adjoint[lane] = g[lane] + passed[lane]
            before = states[i, t - 1] if t > 0 else initial[i]
            out = grad_a[i, t]
            for lane in range(channels):
                out[lane] = before[lane] * adjoint[lane]
            multiplier = a[i, t]
            for lane in range(channels):
                passed[lane] = multiplier[lane] * adjoint[lane]
        grad_initial[i] = passed


@compiled
def _complex_forward(a, b, initial, states):  # type: ignore[no-untyped-def]
    """As `_real_forward`, with (Re, Im) alternating along the last axis. The two are written out: one kernel for both
    would choose in its innermost loop, which is then not vectorised."""
    batch, length, twice = b.shape
    for i in range(batch):
        before = initial[i]
        for t in range(length):
            multiplier, drive, h = a[i, t], b[i, t], states[i, t]
            for lane in range(twice // 2):
                c, s = multiplier[2 * lane], multiplier[2 * lane + 1]
                re, im = before[2 * lane], before[2 * lane + 1]
                h[2 * lane] = c * re - s * im + drive[2 * lane]
                h[2 * lane + 1] = c * im + s * re + drive[2 * lane + 1]
            before = h


@compiled
def _complex_backward(a, initial, states, grad_states, grad_a, grad_b, grad_initial):  # type: ignore[no-untyped-def]
    batch, length, twice = a.shape
    passed = np.empty(twice, a.dtype)
    for i in range(batch):
        passed[:] = 0
        for t in range(length - 1, -1, -1):
            g, adjoint = grad_states[i, t], grad_b[i, t]
            for lane in range(twice):
                adjoint[lane] = g[lane] + passed[lane]
            before = states[i, t - 1] if t > 0 else initial[i]
            out = grad_a[i, t]
            for lane in range(twice // 2):
                re, im = adjoint[2 * lane], adjoint[2 * lane + 1]
                c, s = before[2 * lane], before[2 * lane + 1]
                out[2 * lane], out[2 * lane + 1] = c * re + s * im, c * im - s * re
            multiplier = a[i, t]
            for lane in range(twice // 2):
                re, im = adjoint[2 * lane], adjoint[2 * lane + 1]
                c, s = multiplier[2 * lane], multiplier[2 * lane + 1]
                passed[2 * lane], passed[2 * lane + 1] = c * re + s * im, c * im - s * re
        grad_initial[i] = passed


def _array(x: Tensor) -> Any:
    return _reals(x) if x.is_complex() else x.detach().numpy()


def diagonal_forward(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """The states of h_t = a_t h_{t-1} + b_t; contiguous tensors of one dtype."""
    if _narrow(b):
        wide = diagonal_forward(_side_by_side(a), _side_by_side(b), h.view(1, -1))
        return _apart(wide, b.shape)
    states = torch.empty_like(b)
    kernel = _complex_forward if b.is_complex() else _real_forward
    kernel(_array(a), _array(b), _array(h), _array(states))
    return states


def diagonal_backward(a: Tensor, h: Tensor, states: Tensor, grad_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of (a, b, h); contiguous tensors of one dtype."""
    if _narrow(a):
        wide = diagonal_backward(_side_by_side(a), h.view(1, -1), _side_by_side(states), _side_by_side(grad_states))
        return _apart(wide[0], a.shape), _apart(wide[1], a.shape), wide[2].view(h.shape)
    grad_a, grad_b, grad_h = torch.empty_like(a), torch.empty_like(a), torch.empty_like(h)
    kernel = _complex_backward if a.is_complex() else _real_backward
    kernel(_array(a), _array(h), _array(states), _array(grad_states), _array(grad_a), _array(grad_b), _array(grad_h))
    return grad_a, grad_b, grad_h
