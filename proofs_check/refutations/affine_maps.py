"""Diagonal affine maps h -> a h + b with multipliers that compose without rounding, and their powers in closed form.

A multiplier is kept as log|a| and as its phase in 64-bit fixed-point turns, 2⁶⁴ to the turn, wrapping (the arithmetic
of models/recurrences.py). Phases of products and powers are then exact, whatever the exponent; a power of 10¹⁵ costs
what a product costs. The geometric sum 1 + a + … + a^(n-1) is expm1(n z)/expm1(z) with z = log a reduced to half a
turn, exact to a few units in the last place also where a is near 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...algebra.depth.families import TransitionKind
from ...models.families import step_size
from ...models.layer import Layer
from ...models.recurrences import fixed_point_turns
from .long_words import PowerWord

UNIT = 2.0**-54
"""A multiplier with log|a| above -2⁻⁵⁴ is rounded to modulus 1 by float64: taken to have modulus exactly 1."""

HALF_TURN = 1 << 63


@dataclass(frozen=True, eq=False)
class Affine:
    """Maps h -> a h + b, one for each channel; leading axes stand for several maps.

    Arguments:
        log_modulus: log|a|, float64 (..., channels), ≤ 0 for every family here.
        phase: arg a in turns times 2⁶⁴, uint64 (..., channels).
        shift: b, complex128 (..., channels).
    """

    log_modulus: NDArray[np.float64]
    phase: NDArray[np.uint64]
    shift: NDArray[np.complex128]

    @property
    def multiplier(self) -> NDArray[np.complex128]:
        """a, complex128 (..., channels)."""
        return np.exp(self.logarithm)

    @property
    def logarithm(self) -> NDArray[np.complex128]:
        """log a with an imaginary part in [-π, π)."""
        return self.log_modulus + 1j * (signed_turns(self.phase) * (2 * math.pi))

    def __call__(self, h: NDArray[np.complex128]) -> NDArray[np.complex128]:
        return self.multiplier * h + self.shift

    def __getitem__(self, index: Any) -> Affine:
        return Affine(self.log_modulus[index], self.phase[index], self.shift[index])

    def then(self, following: Affine) -> Affine:
        """First this map, then the following one."""
        return Affine(
            self.log_modulus + following.log_modulus,
            self.phase + following.phase,
            following.multiplier * self.shift + following.shift,
        )

    def power(self, exponent: int) -> Affine:
        """This map `exponent` ≥ 0 times."""
        phase = self.phase * np.uint64(exponent % 2**64)
        total = Affine(self.log_modulus * float(exponent), phase, np.zeros_like(self.shift))
        z, zn = self.logarithm, total.logarithm
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.expm1(zn) / np.expm1(z)
        geometric = np.where(z == 0, float(exponent), ratio)
        return Affine(total.log_modulus, phase, self.shift * geometric)

    def centre(self) -> NDArray[np.complex128]:
        """The fixed point b/(1-a), infinite where a = 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.shift / -np.expm1(self.logarithm))

    @classmethod
    def identity(cls, channels: int) -> Affine:
        return cls(np.zeros(channels), np.zeros(channels, dtype=np.uint64), np.zeros(channels, dtype=np.complex128))

    @classmethod
    def stack(cls, maps: list[Affine]) -> Affine:
        """Several maps of (channels,) as one of (maps, channels)."""
        return cls(
            np.stack([m.log_modulus for m in maps]),
            np.stack([m.phase for m in maps]),
            np.stack([m.shift for m in maps]),
        )


def signed_turns(phase: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Fixed-point phases as turns in [-1/2, 1/2)."""
    return np.asarray(phase).view(np.int64).astype(np.float64) * 2.0**-64


def word_map(word: PowerWord, letters: Affine) -> Affine:
    """The map of a word whose token i acts as `letters[i]`, in closed form."""
    return word.fold(lambda token: letters[token], Affine.then, Affine.power, Affine.identity(letters.shift.shape[-1]))


def layer_maps(layer: Layer, raw: torch.Tensor) -> Affine:
    """The maps that a layer makes of the outputs `raw` (..., parts · channels) of its φ; float64 is wanted.

    The moduli are those of the formulas in models/families.py, worked out so that no digit is lost near modulus 1: for
    Negative Mamba |2 e^(-x) - 1| is 1 - 2 e^(-x), which float64 rounds to 1 from x = 38.1 on; see `UNIT`.
    """
    transition: Any = layer.transition  # parameters that not every family has
    family = layer.transition.family
    parts = transition.split(raw.detach())
    if family.complex_state:
        shift = torch.complex(parts["b_real"], parts["b_imag"]).numpy()
    else:
        shift = parts["b"].numpy().astype(np.complex128)
    shape = shift.shape
    phase = np.zeros(shape, dtype=np.uint64)
    if "gate" in parts:
        log_modulus = -step_size(parts["gate"]).numpy()
        phases = fixed_point_turns(parts["turns"]).numpy().view(np.uint64)
        return Affine(_exact_units(np.maximum(log_modulus, -700.0)), phases, shift)
    if "turns" in parts:
        turns = transition.turns(parts)
        return Affine(np.zeros(shape), fixed_point_turns(turns).numpy().view(np.uint64), shift)
    if family.is_constant:
        step = transition.log_step.detach().exp()
        log_modulus = np.broadcast_to((-step * transition.log_rate.detach().exp()).numpy(), shape)
        turns = (step * transition.frequency.detach() / (2 * math.pi)).expand(shape)
        return Affine(_exact_units(log_modulus), fixed_point_turns(turns).numpy().view(np.uint64), shift)
    exponent = -(step_size(parts["delta"]) * transition.log_rate.detach().exp()).numpy()
    if family.transition is TransitionKind.DECAY:
        return Affine(_exact_units(exponent), phase, shift)
    negative = np.exp(exponent) < 0.5
    with np.errstate(divide="ignore"):
        log_modulus = np.where(
            negative,
            np.log1p(-2 * np.exp(np.where(negative, exponent, -1.0))),
            np.log1p(2 * np.expm1(np.where(negative, 0.0, exponent))),
        )
    phase[negative] = HALF_TURN
    return Affine(_exact_units(np.maximum(log_modulus, -700.0)), phase, shift)


def _exact_units(log_modulus: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(log_modulus > -UNIT, 0.0, log_modulus)


def sequence_map(maps: Affine) -> Affine:
    """The composition of maps (length, channels), first one first."""
    tail_modulus = np.zeros_like(maps.log_modulus)
    tail_phase = np.zeros_like(maps.phase)
    tail_modulus[:-1] = np.cumsum(maps.log_modulus[:0:-1], axis=0)[::-1]
    tail_phase[:-1] = np.cumsum(maps.phase[:0:-1], axis=0, dtype=np.uint64)[::-1]
    tail = Affine(tail_modulus, tail_phase, maps.shift)
    return Affine(
        maps.log_modulus.sum(axis=0),
        maps.phase.sum(axis=0, dtype=np.uint64),
        (tail.multiplier * maps.shift).sum(axis=0),
    )
