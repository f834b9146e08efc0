"""The recurrence as torch.compile and torch.export can follow it: real numbers alone, no loop over time.

A traced network is one graph for words of every length, so nothing in it may be read back (`bool(x.any())`), and a loop
over time would be written down with its length. Unit-modulus layers are running sums as ever: phases of 2^64 to the
turn, added up as wrapping integers, so that a compiled network has the same phases, bit for bit, in torch, in Inductor
and in onnxruntime. What multiplies by other numbers is summed by doubling, in blocks.

Two traps of ONNX shape the code: complex numbers go as pairs, [Re, Im]; and a Python number beside float64 would be
rounded to float32 on the way, so 2π/2^64 is a tensor. Running sums of float32 are made in float64: torch keeps such a
sum in float64 by itself, onnxruntime does not.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..common.errors import InputError
from .recurrences import TWO_PI, UnitState, fixed_point_turns

__all__ = ["Pairs", "multiplied", "refuse_dynamic", "tracing", "turned"]

BLOCK = 32
"""Tokens that are summed by doubling at a time; a power of two."""

LEVELS = 5
"""Blocks of blocks: words of up to BLOCK ** LEVELS tokens, 33 million."""


def tracing() -> bool:
    """Whether torch.compile or torch.export follows what is done."""
    return bool(torch.compiler.is_compiling())


class Pairs(NamedTuple):
    """A complex state h = exp(2 pi i phase / 2^64) (real + i imaginary), each (batch, channels): `UnitState` without
    complex numbers."""

    phase: Tensor
    real: Tensor
    imaginary: Tensor

    @classmethod
    def of(cls, state: UnitState | Tensor) -> Pairs:
        """A state in this form: a `UnitState`, a complex tensor, or a tensor of real pairs (batch, channels, 2)."""
        phase, value = state if isinstance(state, UnitState) else (None, state)
        real, imaginary = (torch.view_as_real(value) if value.is_complex() else value).unbind(-1)
        return cls(torch.zeros_like(real, dtype=torch.int64) if phase is None else phase, real, imaginary)

    @property
    def value(self) -> Tensor:
        """[Re h, Im h], shape (batch, 2 channels)."""
        return _product(*_circle(self.phase, self.real.dtype), self.real, self.imaginary)

    def as_state(self) -> UnitState:
        """The same state as it is carried outside."""
        return UnitState(self.phase, torch.complex(self.real, self.imaginary))


def _circle(phase: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """(cos, sin) of phases of 2^64 to the turn."""
    angle = phase.to(dtype) * torch.tensor(TWO_PI / 2.0**64, dtype=dtype, device=phase.device)
    return angle.cos(), angle.sin()


def _product(cosine: Tensor, sine: Tensor, real: Tensor, imaginary: Tensor) -> Tensor:
    """[Re, Im] of (cosine + i sine) (real + i imaginary), along the last axis."""
    return torch.cat([cosine * real - sine * imaginary, cosine * imaginary + sine * real], -1)


def _running(x: Tensor) -> Tensor:
    """Running sums along the tokens (batch, length, channels), added up in float64."""
    return x.to(torch.float64).cumsum(1).to(x.dtype)


def turned(
    turns: Tensor, modulus: Tensor | None, real: Tensor, imaginary: Tensor, state: Pairs
) -> tuple[Tensor, Pairs]:
    """h_t = modulus_t exp(2 pi i turns_t) h_{t-1} + real_t + i imaginary_t.

    turns, modulus (None for 1), real, imaginary: (batch, length, channels). Returns [Re h, Im h], shape (batch, length,
    2 channels), and the state to carry on with. A phase that is not finite makes its channel NaN from there on.
    """
    phases = fixed_point_turns(turns).cumsum(1) + state.phase.unsqueeze(1)
    cosine, sine = _circle(phases, turns.dtype)
    if torch.is_grad_enabled() and turns.requires_grad:  # the exact phase has no gradient; 0 beside it has the turns'
        total = _running(turns)
        angle = (total - total.detach()) * TWO_PI
        cosine, sine = cosine - sine * angle, sine + cosine * angle
    else:
        cosine = cosine + _running(turns - turns)
    # The remainder takes conj(P_t) b_t.
    drive = _product(cosine, -sine, real, imaginary)
    if modulus is None:
        first, second = _running(drive).chunk(2, -1)
        first, second = first + state.real.unsqueeze(1), second + state.imaginary.unsqueeze(1)
    else:
        before = torch.cat([state.real, state.imaginary], -1)
        first, second = multiplied(torch.cat([modulus, modulus], -1), drive, before).chunk(2, -1)
    return _product(cosine, sine, first, second), Pairs(phases[:, -1], first[:, -1], second[:, -1])


def multiplied(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """The states of h_t = a_t h_{t-1} + b_t for real a, b (batch, length, channels) and h (batch, channels)."""
    products, sums = _doubled(a, b, LEVELS)
    return products * h.unsqueeze(1) + sums


def _doubled(a: Tensor, b: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """For every t the map h -> a_t (… (a_1 h + b_1) …) + b_t as (product, sum), each (batch, length, channels)."""
    batch, length, channels = b.shape
    blocks = length // BLOCK + 2  # one would do more often; but a length of 1 is written into a graph for ever
    places = torch.arange(blocks * BLOCK, device=b.device)
    known = places.clamp(max=length - 1)  # what is beyond the end repeats the last token, and nobody reads it
    product, total = (x.index_select(1, known).reshape(batch, blocks, BLOCK, channels) for x in (a, b))
    shift = 1
    while shift < BLOCK:
        # Padding goes in front of the tokens: with 1 for products, with 0 for sums.
        earlier = functional.pad(product[:, :, :-shift], (0, 0, shift, 0), value=1.0)
        total = total + product * functional.pad(total[:, :, :-shift], (0, 0, shift, 0))
        product = product * earlier
        shift *= 2
    if levels > 1:
        whole, carried = _doubled(product[:, :, -1], total[:, :, -1], levels - 1)
        before = functional.pad(whole, (0, 0, 1, 0), value=1.0)[:, :-1].unsqueeze(2)
        carried = functional.pad(carried, (0, 0, 1, 0))[:, :-1].unsqueeze(2)
        total = total + product * carried
        product = product * before
    found = (x.reshape(batch, blocks * BLOCK, channels)[:, :length] for x in (product, total))
    return next(found), next(found)


def refuse_dynamic(length: object, family: str) -> None:
    """InputError where a recurrence that is a loop over time is traced for words of any length."""
    if isinstance(length, torch.SymInt):
        raise InputError(
            f"{family}: its recurrence is a loop over time, and is exported for words of one length; leave the "
            "length out of dynamic_shapes"
        )
