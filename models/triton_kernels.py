"""The Triton backend of models/recurrences.py: values and adjoints of both recurrences, for a GPU.

A program takes one word, one segment of it and a block of channels, and goes through the segment tile by tile, a tile
being some tokens × the block of channels: within a tile running sums (or a scan of pairs) over time, between tiles a
carry. Every number is read once and written once.

Few long words would leave most of a GPU idle. They are cut into segments: a first pass over all segments at once finds
what each does to the state, a few torch operations on (words, segments, channels) find where each begins, and a second
pass writes the states. Phases are integers that wrap, so cutting changes nothing about them.

A batch of runs needs no kernel of its own: its R·B words are words. Under `TRITON_INTERPRET=1`, set before this module
is imported, everything runs on the CPU, slowly: that is how the tests run it where there is no GPU.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = ["diagonal_backward", "diagonal_forward", "unit_backward", "unit_forward"]

TOKENS, CHANNELS = 32, 32
"""Largest tile."""

PROGRAMS = 1024
"""Words are cut into segments until there are about so many programs: several for each multiprocessor."""

MIN_SEGMENT = 256
"""Segments are not shorter than this: what is known only after the first pass should be little."""

TURN = tl.constexpr(2.0 * math.pi / 2.0**64)
CIRCUMFERENCE = tl.constexpr(2.0 * math.pi)
UNIT = tl.constexpr(2.0**61)


# --------------------------------------------------------------------------- unit modulus


@triton.jit
def _fixed(turns):  # type: ignore[no-untyped-def]
    """Turns as int64, 2^64 to the turn, and 0 where they are finite, else NaN.

    Halves may be rounded to either side here: both are the same angle, and the same integer once it wraps.
    """
    finite = tl.abs(turns) < float("inf")
    safe = tl.where(finite, turns, 0.0)
    poison = tl.where(finite, 0.0, float("nan")).to(turns.dtype)
    return ((safe - tl.floor(safe + 0.5)) * UNIT).to(tl.int64) << 3, poison


@triton.jit
def _circle(phase, like):  # type: ignore[no-untyped-def]
    angle = phase.to(like.dtype) * TURN
    return tl.cos(angle), tl.sin(angle)


@triton.jit
def _unit_forward(  # type: ignore[no-untyped-def]
    turns, drive, phase, remainder, states, last_phase, last_remainder, length, segment, segments, channels,
    DRIVEN: tl.constexpr, WRITE: tl.constexpr, T: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """One segment of one word. Complex arrays are reals with (Re, Im) alternating; carries have one row a segment."""
    row = tl.program_id(0).to(tl.int64)
    word, start = row // segments, (row % segments) * segment
    end = tl.minimum(start + segment, length)
    channel = tl.program_id(1) * C + tl.arange(0, C)
    inside = channel < channels
    pair = tl.arange(0, 2)
    carry = tl.load(phase + row * channels + channel, mask=inside, other=0)
    at = 2 * (row * channels + channel)[:, None] + pair[None, :]
    first, second = tl.split(tl.load(remainder + at, mask=inside[:, None], other=0.0))
    for tile in range(start, end, T):
        token = tile + tl.arange(0, T)
        valid = (token < end)[:, None] & inside[None, :]
        place = (word * length + token)[:, None] * channels + channel[None, :]
        fixed, poison = _fixed(tl.load(turns + place, mask=valid, other=0.0))
        phases = tl.cumsum(fixed, axis=0) + carry[None, :]
        carry += tl.sum(fixed, axis=0)
        cosine, sine = _circle(phases, poison)
        places = 2 * place[:, :, None] + pair[None, None, :]
        both = valid[:, :, None] & (pair >= 0)[None, None, :]
        added_first, added_second = poison, poison
        if DRIVEN:
            real, imaginary = tl.split(tl.load(drive + places, mask=both, other=0.0))
            added_first += cosine * real + sine * imaginary
            added_second += cosine * imaginary - sine * real
        sum_first = tl.cumsum(added_first, axis=0) + first[None, :]
        sum_second = tl.cumsum(added_second, axis=0) + second[None, :]
        first += tl.sum(added_first, axis=0)
        second += tl.sum(added_second, axis=0)
        if WRITE:
            h = tl.join(cosine * sum_first - sine * sum_second, cosine * sum_second + sine * sum_first)
            tl.store(states + places, h, mask=both)
    tl.store(last_phase + row * channels + channel, carry, mask=inside)
    tl.store(last_remainder + at, tl.join(first, second), mask=inside[:, None])


@triton.jit
def _unit_backward(  # type: ignore[no-untyped-def]
    turns, drive, states, grad_states, phase, later, grad_turns, grad_drive, total_phase, first_later,
    length, segment, segments, channels, DRIVEN: tl.constexpr, WRITE: tl.constexpr, T: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """The adjoint of one segment, from its end: `phase` is that of its last token, `later` what comes after it."""
    row = tl.program_id(0).to(tl.int64)
    word, start = row // segments, (row % segments) * segment
    end = tl.minimum(start + segment, length)
    channel = tl.program_id(1) * C + tl.arange(0, C)
    inside = channel < channels
    pair = tl.arange(0, 2)
    begin = tl.load(phase + row * channels + channel, mask=inside, other=0)
    carry = begin
    at = 2 * (row * channels + channel)[:, None] + pair[None, :]
    first, second = tl.split(tl.load(later + at, mask=inside[:, None], other=0.0))
    tiles = (end - start + T - 1) // T
    for number in range(0, tiles):
        token = start + (tiles - 1 - number) * T + tl.arange(0, T)
        valid = (token < end)[:, None] & inside[None, :]
        place = (word * length + token)[:, None] * channels + channel[None, :]
        fixed, poison = _fixed(tl.load(turns + place, mask=valid, other=0.0))
        phases = carry[None, :] - (tl.cumsum(fixed, axis=0, reverse=True) - fixed)
        carry -= tl.sum(fixed, axis=0)
        cosine, sine = _circle(phases, poison)
        places = 2 * place[:, :, None] + pair[None, None, :]
        both = valid[:, :, None] & (pair >= 0)[None, None, :]
        real, imaginary = tl.split(tl.load(grad_states + places, mask=both, other=0.0))
        added_first = cosine * real + sine * imaginary
        added_second = cosine * imaginary - sine * real
        sum_first = tl.cumsum(added_first, axis=0, reverse=True) + first[None, :]
        sum_second = tl.cumsum(added_second, axis=0, reverse=True) + second[None, :]
        first += tl.sum(added_first, axis=0)
        second += tl.sum(added_second, axis=0)
        if WRITE:
            adjoint_real = cosine * sum_first - sine * sum_second
            adjoint_imaginary = cosine * sum_second + sine * sum_first
            arriving_real, arriving_imaginary = tl.split(tl.load(states + places, mask=both, other=0.0))
            if DRIVEN:
                drive_real, drive_imaginary = tl.split(tl.load(drive + places, mask=both, other=0.0))
                arriving_real -= drive_real
                arriving_imaginary -= drive_imaginary
                tl.store(grad_drive + places, tl.join(adjoint_real, adjoint_imaginary), mask=both)
            turned = arriving_real * adjoint_imaginary - arriving_imaginary * adjoint_real
            tl.store(grad_turns + place, turned * CIRCUMFERENCE, mask=valid)
    tl.store(total_phase + row * channels + channel, begin - carry, mask=inside)
    tl.store(first_later + at, tl.join(first, second), mask=inside[:, None])


def _cut(words: int, length: int, channels: int) -> tuple[int, int, int, int]:
    """(tokens of a segment, segments, tokens and channels of a tile)."""
    block = min(CHANNELS, triton.next_power_of_2(channels))
    tokens = min(TOKENS * CHANNELS // block, 128, triton.next_power_of_2(max(1, length)))
    programs = words * triton.cdiv(channels, block)
    wanted = max(1, min(triton.cdiv(PROGRAMS, programs), length // MIN_SEGMENT))
    segment = triton.cdiv(triton.cdiv(length, wanted), tokens) * tokens
    return segment, triton.cdiv(length, segment), tokens, block


def _points(phase: Tensor, dtype: torch.dtype) -> Tensor:
    """As `recurrences.unit_circle`, which imports this module."""
    angle = phase.to(dtype) * (2.0 * math.pi / 2.0**64)
    return torch.complex(angle.cos(), angle.sin())


def _reals(x: Tensor) -> Tensor:
    return torch.view_as_real(x)


Cut = tuple[int, int, int, int]


def _launch(kernel: Any, like: Tensor, cut: Cut, arrays: tuple[Tensor, ...], **flags: bool) -> None:
    """Run a kernel over all words, segments and channels of `like` (words, length, channels)."""
    words, length, channels = like.shape
    segment, segments, tokens, block = cut
    grid = (words * segments, triton.cdiv(channels, block))
    kernel[grid](*arrays, length, segment, segments, channels, T=tokens, C=block, **flags)


def _before(x: Tensor) -> Tensor:
    """(words, segments, channels): the sums of the segments before each."""
    return torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1].cumsum(1)], 1)


def _after(x: Tensor) -> Tensor:
    """(words, segments, channels): the sums of the segments after each."""
    return _before(x.flip(1)).flip(1)


def unit_forward(turns: Tensor, b: Tensor | None, remainder: Tensor, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(states, last phase, last remainder) of the unit-modulus recurrence; contiguous tensors."""
    words, length, channels = turns.shape
    states = remainder.new_empty(turns.shape)
    if not turns.numel():
        return states, phase.clone(), remainder.clone()
    cut = _cut(words, length, channels)
    shape = (words, cut[1], channels)
    drive = _reals(states if b is None else b)
    phases, remainders = phase.new_zeros(shape), remainder.new_zeros(shape)
    last_phase, last_remainder = torch.empty_like(phases), torch.empty_like(remainders)

    def run(write: bool) -> None:
        arrays = (turns, drive, phases, _reals(remainders), _reals(states), last_phase, _reals(last_remainder))
        _launch(_unit_forward, turns, cut, arrays, DRIVEN=b is not None, WRITE=write)

    if cut[1] > 1:  # from zero: the segment's own turning, and what it adds seen from its own beginning
        run(write=False)
        phases = _before(last_phase) + phase.unsqueeze(1)
        remainders = _before(_points(phases, turns.dtype).conj() * last_remainder) + remainder.unsqueeze(1)
    else:
        phases, remainders = phase.unsqueeze(1).contiguous(), remainder.unsqueeze(1).contiguous()
    run(write=True)
    return states, last_phase[:, -1].contiguous(), last_remainder[:, -1].contiguous()


def unit_backward(
    turns: Tensor, b: Tensor | None, remainder: Tensor, states: Tensor, final_phase: Tensor,
    grad_states: Tensor, grad_remainder: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of (turns, b, remainder); contiguous tensors. Without b the second is a placeholder."""
    words, length, channels = turns.shape
    grad_turns = torch.empty_like(turns)
    grad_b = grad_states if b is None else torch.empty_like(states)
    if not turns.numel():
        return grad_turns, grad_b, grad_remainder.clone()
    cut = _cut(words, length, channels)
    shape = (words, cut[1], channels)
    drive = _reals(states if b is None else b)
    phases, laters = final_phase.new_zeros(shape), remainder.new_zeros(shape)
    totals, firsts = torch.empty_like(phases), torch.empty_like(laters)

    def run(write: bool) -> None:
        arrays = (
            turns, drive, _reals(states), _reals(grad_states), phases, _reals(laters), grad_turns, _reals(grad_b),
            totals, _reals(firsts),
        )  # fmt: skip
        _launch(_unit_backward, turns, cut, arrays, DRIVEN=b is not None, WRITE=write)

    if cut[1] > 1:
        run(write=False)
        phases = final_phase.unsqueeze(1) - _after(totals)
        laters = _after(_points(phases, turns.dtype).conj() * firsts) + grad_remainder.unsqueeze(1)
    else:
        phases, laters = final_phase.unsqueeze(1).contiguous(), grad_remainder.unsqueeze(1).contiguous()
    run(write=True)
    return grad_turns, grad_b, firsts[:, 0].contiguous()


# --------------------------------------------------------------------------- any multiplier


@triton.jit
def _follow(a, b, c, d):  # type: ignore[no-untyped-def]
    """The affine map h → a·h + b, and after it h → c·h + d."""
    return c * a, c * b + d


@triton.jit
def _follow_complex(a, ai, b, bi, c, ci, d, di):  # type: ignore[no-untyped-def]
    return c * a - ci * ai, c * ai + ci * a, c * b - ci * bi + d, c * bi + ci * b + di


@triton.jit
def _row(x, chosen):  # type: ignore[no-untyped-def]
    """One row of a tile (tokens, channels)."""
    return tl.sum(tl.where(chosen[:, None], x, 0.0), axis=0)


@triton.jit
def _real_scan(  # type: ignore[no-untyped-def]
    a, b, h, out, product, last, length, segment, segments, channels,
    BACK: tl.constexpr, WRITE: tl.constexpr, T: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """h_t = a_t h_{t-1} + b_t through one segment; or, BACK, the adjoint h_t = a_{t+1} h_{t+1} + b_t from its end."""
    row = tl.program_id(0).to(tl.int64)
    word, start = row // segments, (row % segments) * segment
    end = tl.minimum(start + segment, length)
    channel = tl.program_id(1) * C + tl.arange(0, C)
    inside = channel < channels
    carry = tl.load(h + row * channels + channel, mask=inside, other=0.0)
    whole = carry * 0.0 + 1.0
    tiles = (end - start + T - 1) // T
    step = tl.arange(0, T)
    for number in range(0, tiles):
        token = start + (tiles - 1 - number if BACK else number) * T + step
        valid = (token < end)[:, None] & inside[None, :]
        place = (word * length + token)[:, None] * channels + channel[None, :]
        shift = channels if BACK else 0
        there = valid & (token + 1 < length)[:, None] if BACK else valid
        multiplier = tl.load(a + place + shift, mask=there, other=0.0)
        multiplier = tl.where(valid, multiplier, 1.0)  # beyond the end nothing happens
        added = tl.load(b + place, mask=valid, other=0.0)
        product_here, sum_here = tl.associative_scan((multiplier, added), 0, _follow, reverse=BACK)
        state = product_here * carry[None, :] + sum_here
        if WRITE:
            tl.store(out + place, state, mask=valid)
        chosen = step == 0 if BACK else step == T - 1
        carry = _row(state, chosen)
        whole *= _row(product_here, chosen)
    tl.store(last + row * channels + channel, carry, mask=inside)
    tl.store(product + row * channels + channel, whole, mask=inside)


@triton.jit
def _complex_scan(  # type: ignore[no-untyped-def]
    a, b, h, out, product, last, length, segment, segments, channels,
    BACK: tl.constexpr, WRITE: tl.constexpr, T: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """As `_real_scan`, with (Re, Im) alternating; BACK takes the conjugates of a. The two are written out: every line
    that touches memory or multiplies has another form."""
    row = tl.program_id(0).to(tl.int64)
    word, start = row // segments, (row % segments) * segment
    end = tl.minimum(start + segment, length)
    channel = tl.program_id(1) * C + tl.arange(0, C)
    inside = channel < channels
    pair = tl.arange(0, 2)
    at = 2 * (row * channels + channel)[:, None] + pair[None, :]
    carry, carry_i = tl.split(tl.load(h + at, mask=inside[:, None], other=0.0))
    whole, whole_i = carry * 0.0 + 1.0, carry * 0.0
    tiles = (end - start + T - 1) // T
    step = tl.arange(0, T)
    for number in range(0, tiles):
        token = start + (tiles - 1 - number if BACK else number) * T + step
        valid = (token < end)[:, None] & inside[None, :]
        place = (word * length + token)[:, None] * channels + channel[None, :]
        places = 2 * place[:, :, None] + pair[None, None, :]
        both = valid[:, :, None] & (pair >= 0)[None, None, :]
        shift = 2 * channels if BACK else 0
        there = both & (token + 1 < length)[:, None, None] if BACK else both
        real, imaginary = tl.split(tl.load(a + places + shift, mask=there, other=0.0))
        real = tl.where(valid, real, 1.0)
        if BACK:
            imaginary = -imaginary
        added, added_i = tl.split(tl.load(b + places, mask=both, other=0.0))
        p, p_i, s, s_i = tl.associative_scan((real, imaginary, added, added_i), 0, _follow_complex, reverse=BACK)
        state = p * carry[None, :] - p_i * carry_i[None, :] + s
        state_i = p * carry_i[None, :] + p_i * carry[None, :] + s_i
        if WRITE:
            tl.store(out + places, tl.join(state, state_i), mask=both)
        chosen = step == 0 if BACK else step == T - 1
        carry, carry_i = _row(state, chosen), _row(state_i, chosen)
        q, q_i = _row(p, chosen), _row(p_i, chosen)
        whole, whole_i = whole * q - whole_i * q_i, whole * q_i + whole_i * q
    tl.store(last + at, tl.join(carry, carry_i), mask=inside[:, None])
    tl.store(product + at, tl.join(whole, whole_i), mask=inside[:, None])


def _scan(a: Tensor, b: Tensor, h: Tensor, back: bool) -> Tensor:
    """States of the recurrence, or the adjoint of it; (words, length, channels) and the state that it starts from."""
    words, length, channels = b.shape
    out = torch.empty_like(b)
    if not b.numel():
        return out
    cut = _cut(words, length, channels)
    kernel, view = (_complex_scan, _reals) if b.is_complex() else (_real_scan, _same)
    starts = b.new_zeros(words, cut[1], channels)
    product, last = torch.empty_like(starts), torch.empty_like(starts)

    def run(write: bool) -> None:
        arrays = tuple(map(view, (a, b, starts, out, product, last)))
        _launch(kernel, b, cut, arrays, BACK=back, WRITE=write)

    if cut[1] > 1:
        run(write=False)
        order = range(cut[1] - 1, -1, -1) if back else range(cut[1])
        starts = torch.empty_like(starts)
        for place in order:
            starts[:, place] = h
            h = product[:, place] * h + last[:, place]
    else:
        starts = h.unsqueeze(1).contiguous()
    run(write=True)
    return out


def _same(x: Tensor) -> Tensor:
    return x


def diagonal_forward(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """The states of h_t = a_t h_{t-1} + b_t; contiguous tensors of one dtype."""
    return _scan(a, b, h, back=False)


def diagonal_backward(a: Tensor, h: Tensor, states: Tensor, grad_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of (a, b, h); contiguous tensors of one dtype."""
    adjoint = _scan(a, grad_states, torch.zeros_like(h), back=True)
    grad_a = torch.empty_like(a)
    torch.mul(h.conj(), adjoint[:, 0], out=grad_a[:, 0])
    torch.mul(states[:, :-1].conj(), adjoint[:, 1:], out=grad_a[:, 1:])
    return grad_a, adjoint, a[:, 0].conj() * adjoint[:, 0]
