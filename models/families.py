"""The recurrences of the families, one class for each kind of transition: they differ in how a_t is made, and in
nothing else. The formulas stand in the records, `algebra/depth/families.py`.

Each raw output is one block of d = channels numbers, in the order given. Phases (Lambda of the two unit-modulus
families) are in turns. `simple-aussm` is our reading of a name the paper does not define: AUSSM with Delta = 1.

`gated-aussm` is ours: AUSSM with a gate g = exp(-D(x)), D = 1 + elu(Gate), as Mamba-3 has but for its least decay. The
gate is exactly 1 at raw = -200 and underflows to exactly 0 at raw = +800, so a token can keep, turn or forget.

Delta(x) = 1 + elu(raw) replaces the usual softplus. It is positive, and it is *exactly* 1 at raw = 0, so compiled
phases reach the recurrence unrounded, and exactly 0 at raw = -200, so a compiled Mamba multiplier is exactly 1; with
Lambda = -1, raw = +200 gives exactly -1 for Negative Mamba, in float32 and float64 alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..algebra.depth.families import ALL_FAMILIES, DRIVES, Family, TransitionKind
from .block_recurrence import block_loop, block_scan, block_walk
from .delta_rule import delta_scan, delta_step
from .linear import per_word, pick
from .recurrences import (
    Backend,
    UnitState,
    diagonal_scan,
    fixed_point_turns,
    tanh_scan,
    unit_circle,
    unit_scan,
)
from .tracing import Pairs, multiplied, refuse_dynamic, turned

__all__ = ["FAMILIES", "KINDS", "LayerState", "Transition", "step_size"]

# What a layer carries from token to token: h itself, or for unit modulus its exact form.
LayerState = Tensor | UnitState


def step_size(raw: Tensor) -> Tensor:
    """Delta = 1 + elu(raw): exactly 1 at 0, exactly 0 far below, raw + 1 above."""
    return 1.0 + functional.elu(raw.contiguous())  # on a slice torch has no vector instructions: ten times slower


class Transition(nn.Module):
    """One family's recurrence over d channels, given the raw outputs of φ.

    `parts`: the names of φ's raw outputs, d numbers each. `complex_state`: whether h is complex. The family's own
    parameters are (d,), or (R, d) for the words of R runs, run by run.
    """

    begins = 1.0
    """The state before the first token, at first."""

    def __init__(self, family: Family, channels: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.family = family
        self.channels = channels
        self.dtype = dtype

    @property
    def parts(self) -> tuple[str, ...]:
        return self.family.parts

    @property
    def complex_state(self) -> bool:
        return self.family.complex_state

    def split(self, raw: Tensor) -> dict[str, Tensor]:
        """The raw outputs by name, each (..., channels)."""
        return dict(zip(self.parts, raw.split(self.channels, -1), strict=True))

    def drive_size(self, raw: Tensor) -> Tensor:
        """|b|² of each channel, (..., channels), for raw outputs (..., parts * channels) of a family that has a b."""
        return torch.stack([part.square() for name, part in self.split(raw).items() if name in DRIVES]).sum(0)

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b) of h -> a h + b for raw outputs (..., parts * channels); `TypeError` if the family is not affine."""
        raise NotImplementedError

    def scan(
        self, raw: Tensor, state: LayerState, backend: Backend, rows: Tensor | None = None
    ) -> tuple[Tensor, LayerState]:
        """States after every token, (batch, length, channels), and the state to carry on with.

        raw: (batch, length, parts * channels); or with `rows` (batch, length) a table of rows, of which each token has
        one: what is made of the outputs is then made once for each row.
        """
        a, b = self.affine(raw)
        return diagonal_scan(pick(a, rows), pick(b, rows), _plain(state), backend)

    def traced(self, raw: Tensor, state: Pairs | Tensor) -> tuple[Tensor, Pairs | Tensor]:
        """`scan` as torch.compile and torch.export follow it (models/tracing.py): states and state in real numbers.

        raw: (batch, length, parts * channels). Returns the states (batch, length, channels), or [Re h, Im h] (batch,
        length, 2 channels), and the state to carry on with.
        """
        if self.complex_state:
            assert isinstance(state, Pairs)
            return turned(*self.polar(self.split(raw)), state)
        assert isinstance(state, Tensor)
        if not self.family.is_diagonal:
            refuse_dynamic(raw.shape[1], self.family.name)
            states, _ = self.scan(raw, state, "loop")
        else:
            states = multiplied(*self.affine(raw), state)
        return states, states[:, -1]

    def polar(self, parts: dict[str, Tensor]) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """What a complex transition does, in real numbers: turns, modulus (None for 1), Re b, Im b."""
        raise NotImplementedError

    def step(self, raw: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """The state after one token: raw (batch, parts * channels). Returns h and the state to carry on with."""
        a, b = self.affine(raw)
        h = a * _plain(state) + b
        return h, h

    def start(self, initial: Tensor, words: int) -> LayerState:
        """The state (words, d) before the first token, from the parameter `initial_state`: (*runs, d, 2) if complex,
        else (*runs, d)."""
        own = initial.dim() - self.complex_state == 1
        rows = initial if own else initial.repeat_interleave(words // len(initial), 0)
        h = torch.view_as_complex(rows) if self.complex_state else rows
        return h.expand(words, self.channels) if own else h

    def initialise(self, generator: torch.Generator | None) -> None:
        """Draw the family's own parameters."""

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        """For each raw output its bias and the standard deviation that its weights should give it, both (channels,)."""
        raise NotImplementedError

    def _constant(self, value: float) -> Tensor:
        return torch.full((self.channels,), value, dtype=self.dtype)

    def _uniform(self, low: float, high: float, generator: torch.Generator | None) -> Tensor:
        return torch.rand(self.channels, generator=generator, dtype=self.dtype) * (high - low) + low


def _stationary(modulus: Tensor) -> Tensor:
    """The spread of b that gives h a spread of about 1/2 in the long run: channels that remember long add little."""
    return 0.5 * (1.0 - modulus.detach().square()).sqrt()


def _plain(state: LayerState) -> Tensor:
    return state.value if isinstance(state, UnitState) else state


class _UnitModulus(Transition):
    """a = exp(2 pi i turns): the state is kept as an exact phase and a remainder, see models/recurrences.py."""

    def turns(self, parts: dict[str, Tensor]) -> Tensor:
        raise NotImplementedError

    def polar(self, parts: dict[str, Tensor]) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        return self.turns(parts), None, parts["b_real"], parts["b_imag"]

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        parts = self.split(raw)
        turns = self.turns(parts)
        angle = (turns - turns.detach().round()) * (2.0 * math.pi)
        return torch.complex(angle.cos(), angle.sin()), torch.complex(parts["b_real"], parts["b_imag"])

    def scan(
        self, raw: Tensor, state: LayerState, backend: Backend, rows: Tensor | None = None
    ) -> tuple[Tensor, LayerState]:
        parts = self.split(raw)
        state = state if isinstance(state, UnitState) else UnitState.of(state)
        drive = self._drive(parts)
        return unit_scan(pick(self.turns(parts), rows), None if drive is None else pick(drive, rows), state, backend)

    def step(self, raw: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        parts = self.split(raw)
        if torch.is_grad_enabled():  # one implementation of the gradient
            h, after = self.scan(raw.unsqueeze(1), state, "torch")
            return h[:, 0], after
        state = state if isinstance(state, UnitState) else UnitState.of(state)
        turns = self.turns(parts)
        phase = state.phase + fixed_point_turns(turns)
        circle = unit_circle(phase, turns.dtype)
        remainder = state.remainder + 0.0 * (turns - turns)  # NaN where a phase is not finite
        drive = self._drive(parts)
        if drive is not None:
            remainder = remainder + circle.conj() * drive
        return circle * remainder, UnitState(phase, remainder)

    @staticmethod
    def _drive(parts: dict[str, Tensor]) -> Tensor | None:
        """b, or None where it is zero throughout and nobody asks for its gradient."""
        real, imaginary = parts["b_real"], parts["b_imag"]
        if not torch.is_grad_enabled() and not bool(real.any()) and not bool(imaginary.any()):
            return None
        return torch.complex(real, imaginary)

    def start(self, initial: Tensor, words: int) -> LayerState:
        h = super().start(initial, words)
        assert isinstance(h, Tensor)
        return UnitState.of(h)


class SimpleAUSSM(_UnitModulus):
    """a = exp(2 pi i Lambda(x)): any phase for any token."""

    def turns(self, parts: dict[str, Tensor]) -> Tensor:
        return parts["turns"]

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        # Phases over the whole circle, different from token to token by about a quarter turn.
        return {
            "turns": (self._uniform(-0.5, 0.5, generator), self._constant(0.25)),
            "b_real": (self._constant(0.0), self._constant(0.1)),
            "b_imag": (self._constant(0.0), self._constant(0.1)),
        }


class AUSSM(SimpleAUSSM):
    """a = exp(2 pi i Delta(x) Lambda(x))."""

    def turns(self, parts: dict[str, Tensor]) -> Tensor:
        return step_size(parts["delta"]) * parts["turns"]

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        return {"delta": (self._constant(0.0), self._constant(0.25)), **super().initial_biases(generator)}


class GatedAUSSM(Transition):
    """a = g exp(2 pi i turns), g = exp(-Delta(gate)) in [0, 1].

    The state is kept as an exact phase and a remainder (models/recurrences.py): with P_t = exp(2 pi i phase_t), h_t =
    P_t r_t where r_t = g_t r_{t-1} + conj(P_t) b_t. So a gate of 1 with b = 0 leaves the remainder as it is, to the
    last bit, and a gate of 0 begins anew: nothing accumulates but the rounding of phases since then.
    """

    @staticmethod
    def modulus(raw: Tensor) -> Tensor:
        """g from the raw gate."""
        return torch.exp(-step_size(raw))

    def polar(self, parts: dict[str, Tensor]) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        return parts["turns"], self.modulus(parts["gate"]), parts["b_real"], parts["b_imag"]

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        parts = self.split(raw)
        angle = (parts["turns"] - parts["turns"].detach().round()) * (2.0 * math.pi)
        turn = torch.complex(angle.cos(), angle.sin())
        return self.modulus(parts["gate"]) * turn, torch.complex(parts["b_real"], parts["b_imag"])

    def scan(
        self, raw: Tensor, state: LayerState, backend: Backend, rows: Tensor | None = None
    ) -> tuple[Tensor, LayerState]:
        if backend == "loop":
            a, b = self.affine(raw)
            h, last = diagonal_scan(pick(a, rows), pick(b, rows), _plain(state), backend)
            return h, UnitState.of(last)
        parts = self.split(raw)
        state = state if isinstance(state, UnitState) else UnitState.of(state)
        turns = parts["turns"]
        phases = pick(fixed_point_turns(parts["turns"]), rows).cumsum(1).add_(state.phase.unsqueeze(1))
        circle, angle = unit_circle(phases, turns.dtype), None
        # The exact phase has no gradient; a turn of 0 beside it, which is a function of the turns so far, has theirs.
        # (And a turn that is not finite makes it NaN, and all that comes later with it.)
        if torch.is_grad_enabled() or not bool(turns.isfinite().all()):
            total = pick(turns, rows).cumsum(1)
            angle = (total - total.detach()) * (2.0 * math.pi)
            circle = circle * torch.complex(angle.cos(), angle.sin())
        gate = self.modulus(parts["gate"])
        gates = pick(torch.complex(gate, torch.zeros_like(gate)), rows)
        drive = pick(torch.complex(parts["b_real"], parts["b_imag"]), rows)
        owned = not torch.is_grad_enabled() and rows is not None  # nobody else has the tensors made here
        drive = torch.mul(circle.conj(), drive, out=drive if owned else None)
        remainders, last = diagonal_scan(gates, drive, state.remainder, backend)
        after = phases[:, -1] if phases.shape[1] else state.phase
        # Gradients through the carried state are those of h: the phase of the representation is held fixed.
        if phases.shape[1] and angle is not None:
            last = last * torch.complex(angle[:, -1].cos(), angle[:, -1].sin())
        return circle.mul_(remainders) if owned else circle * remainders, UnitState(after, last)

    def step(self, raw: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        h, after = self.scan(raw.unsqueeze(1), state, "torch")
        return h[:, 0], after

    def start(self, initial: Tensor, words: int) -> LayerState:
        h = super().start(initial, words)
        return UnitState.of(_plain(h))

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        # Gates near 1 (Delta = e^-3 at first), phases over the whole circle.
        return {
            "gate": (self._constant(-3.0), self._constant(1.0)),
            "turns": (self._uniform(-0.5, 0.5, generator), self._constant(0.25)),
            "b_real": (self._constant(0.0), self._constant(0.1)),
            "b_imag": (self._constant(0.0), self._constant(0.1)),
        }


class Mamba(Transition):
    """a = exp(Delta(x) Lambda) in (0, 1], Lambda = -exp(`log_rate`) one number per channel."""

    rates = (0.01, 1.0)

    def __init__(self, family: Family, channels: int, dtype: torch.dtype) -> None:
        super().__init__(family, channels, dtype)
        self.log_rate = nn.Parameter(torch.zeros(channels, dtype=dtype))

    def decay(self, raw_delta: Tensor) -> Tensor:
        """exp(Delta Lambda)."""
        return torch.exp(-step_size(raw_delta) * per_word(self.log_rate.exp(), raw_delta))

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        parts = self.split(raw)
        return self.decay(parts["delta"]), parts["b"]

    def initialise(self, generator: torch.Generator | None) -> None:
        low, high = (math.log(rate) for rate in self.rates)
        with torch.no_grad():
            self.log_rate.copy_(self._uniform(low, high, generator))

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        zero = self._constant(0.0)
        return {"delta": (zero, self._constant(1.0)), "b": (zero, _stationary(torch.exp(-self.log_rate.exp())))}


class NegativeMamba(Mamba):
    """a = 2 exp(Delta(x) Lambda) - 1 in (-1, 1]."""

    rates = (0.1, 10.0)  # multipliers of both signs from the start

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        parts = self.split(raw)
        return 2.0 * self.decay(parts["delta"]) - 1.0, parts["b"]


class S4D(Transition):
    """a = exp(Delta Lambda) the same for every token; Lambda = -exp(`log_rate`) + i `frequency`, Delta =
    exp(`log_step`). The frequency is in radians, as in the S4D paper, whose "S4D-Lin" values (Lambda_n = -1/2 + i pi
    n) it starts from.
    """

    def __init__(self, family: Family, channels: int, dtype: torch.dtype) -> None:
        super().__init__(family, channels, dtype)
        self.log_step = nn.Parameter(torch.zeros(channels, dtype=dtype))
        self.log_rate = nn.Parameter(torch.zeros(channels, dtype=dtype))
        self.frequency = nn.Parameter(torch.zeros(channels, dtype=dtype))

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        parts = self.split(raw)
        step = self.log_step.exp()
        modulus = torch.exp(-step * self.log_rate.exp())
        angle = step * self.frequency
        a = per_word(torch.complex(modulus * angle.cos(), modulus * angle.sin()), parts["b_real"])
        return a.expand(parts["b_real"].shape), torch.complex(parts["b_real"], parts["b_imag"])

    def polar(self, parts: dict[str, Tensor]) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        real, step = parts["b_real"], self.log_step.exp()
        turns, modulus = step * self.frequency / (2.0 * math.pi), torch.exp(-step * self.log_rate.exp())
        return turns.expand(real.shape), modulus.expand(real.shape), real, parts["b_imag"]

    def initialise(self, generator: torch.Generator | None) -> None:
        with torch.no_grad():
            self.log_step.copy_(self._uniform(math.log(1e-3), math.log(1e-1), generator))
            self.log_rate.fill_(math.log(0.5))
            self.frequency.copy_(math.pi * torch.arange(self.channels, dtype=self.dtype))

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        scale = _stationary(torch.exp(-self.log_step.exp() * self.log_rate.exp()))
        return {"b_real": (self._constant(0.0), scale), "b_imag": (self._constant(0.0), scale)}


class RNN(Transition):
    """h = tanh(W h + drive(x)), the comparison outside the scheme; `weight` is W (channels, channels)."""

    begins = 0.0

    def __init__(self, family: Family, channels: int, dtype: torch.dtype) -> None:
        super().__init__(family, channels, dtype)
        self.weight = nn.Parameter(torch.eye(channels, dtype=dtype))

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        raise TypeError(f'family "{self.family.name}" is not affine in its state: it has no transition (a, b)')

    def scan(
        self, raw: Tensor, state: LayerState, backend: Backend, rows: Tensor | None = None
    ) -> tuple[Tensor, LayerState]:
        return tanh_scan(self.weight, pick(raw, rows), _plain(state))

    def step(self, raw: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        h = torch.tanh(_plain(state) @ self.weight.T + raw)
        return h, h

    def initialise(self, generator: torch.Generator | None) -> None:
        with torch.no_grad():
            gaussian = torch.randn(self.weight.shape, generator=generator, dtype=torch.float64)
            self.weight.copy_(torch.linalg.qr(gaussian).Q)

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        return {"drive": (self._constant(0.0), self._constant(1.0))}


class DeltaRule(Transition):
    """h -> alpha h, then h -> h - beta_j k_j (k_j . h) for each factor j, then h -> h + b: the layers of
    Gated DeltaNet (one factor) and DeltaProduct (several) with one head and one column of state, d = channels.

    Keys k_j have length 1 (a key that is zero does nothing), beta_j = 2 sigmoid(.) in [0, 2] and alpha = sigmoid(.);
    these two are one number each, made from the mean of their d raw outputs.
    """

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        raise TypeError(f'family "{self.family.name}" is not diagonal: it has no multipliers (a, b)')

    def scan(
        self, raw: Tensor, state: LayerState, backend: Backend, rows: Tensor | None = None
    ) -> tuple[Tensor, LayerState]:
        keys, betas, gate, drive = (pick_any(part, rows) for part in self._parts(raw))
        return delta_scan(keys, betas, gate, drive, _plain(state))

    def step(self, raw: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        h = delta_step(*self._parts(raw), _plain(state))
        return h, h

    def _parts(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Keys (..., factors, d), betas (..., factors, 1), alpha (..., 1), b (..., d)."""
        parts = self.split(raw)
        numbers = range(1, self.family.factors + 1)
        keys = functional.normalize(torch.stack([parts[f"key_{j}"] for j in numbers], -2), dim=-1)
        betas = 2.0 * torch.stack([parts[f"beta_{j}"] for j in numbers], -2).mean(-1, keepdim=True).sigmoid()
        return keys, betas, parts["gate"].mean(-1, keepdim=True).sigmoid(), parts["b"]

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        zero, one = self._constant(0.0), self._constant(1.0)
        found = {"gate": (self._constant(4.0), one), "b": (zero, self._constant(0.1))}
        for j in range(1, self.family.factors + 1):
            found |= {f"key_{j}": (zero, one), f"beta_{j}": (one, self._constant(4.0))}
        return found


class Blocks(Transition):
    """h -> A(x) h + b(x), where A(x) is block-diagonal: the raw outputs are its entries as they are.

    d = m r channels make r blocks of size m; channel i r + j is coordinate i of block j. Row i of all blocks is one
    part of the raw outputs, d numbers: entry k r + j stands in column k of block j. Complex blocks run as real ones of
    size 2m, [[Re, -Im], [Im, Re]].
    """

    def affine(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        raise TypeError(f'family "{self.family.name}" is not diagonal: it has no multipliers (a, b)')

    def scan(
        self, raw: Tensor, state: LayerState, backend: Backend, rows: Tensor | None = None
    ) -> tuple[Tensor, LayerState]:
        matrices, drive = self.maps(raw)
        h = self.real(_plain(state))
        own = "loop" if backend in ("loop", "torch") else "auto"
        if rows is None:
            found = block_scan(matrices, drive, h, own)
        else:
            driven = torch.is_grad_enabled() or bool(drive.any())
            found = block_walk(matrices, rows, h, own, pick_any(drive, rows) if driven else None)
        last = found[:, -1] if found.shape[1] else h
        return self._own(found), self._own(last)

    def step(self, raw: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        h, after = self.scan(raw.unsqueeze(1), state, "loop")
        return h[:, 0], after

    def traced(self, raw: Tensor, state: Pairs | Tensor) -> tuple[Tensor, Pairs | Tensor]:
        refuse_dynamic(raw.shape[1], self.family.name)
        matrices, drive = self.maps(raw)
        h = state.value if isinstance(state, Pairs) else state
        found = block_loop(matrices, drive, h.unflatten(-1, matrices.shape[-2:])).flatten(-2)
        last = found[:, -1] if raw.shape[1] else h
        if not self.complex_state:
            return found, last
        return found, Pairs.of(torch.stack(last.split(self.channels, -1), -1))

    def maps(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """A (…, m', m', r) and b (…, m', r) for raw outputs (…, parts * channels), real: m' = m, or 2m of complex
        blocks."""
        m = self.family.block_size
        numbers = raw.unflatten(-1, (len(self.parts), m, self.channels // m))
        if not self.complex_state:
            return numbers[..., :m, :, :], numbers[..., m, :, :]
        real, imaginary = numbers[..., ::2, :, :], numbers[..., 1::2, :, :]
        upper = torch.cat([real[..., :m, :, :], -imaginary[..., :m, :, :]], -2)
        lower = torch.cat([imaginary[..., :m, :, :], real[..., :m, :, :]], -2)
        return torch.cat([upper, lower], -3), torch.cat([real[..., m, :, :], imaginary[..., m, :, :]], -2)

    def real(self, h: Tensor) -> Tensor:
        """A state (…, d) as (…, m', r)."""
        m = self.family.block_size
        parts = [h.real, h.imag] if h.is_complex() else [h]
        return torch.cat([part.unflatten(-1, (m, self.channels // m)) for part in parts], -2)

    def _own(self, h: Tensor) -> Tensor:
        """The inverse of `real`."""
        if not self.complex_state:
            return h.flatten(-2)
        m = self.family.block_size
        return torch.complex(h[..., :m, :].flatten(-2).contiguous(), h[..., m:, :].flatten(-2).contiguous())

    def initial_biases(self, generator: torch.Generator | None) -> dict[str, tuple[Tensor, Tensor]]:
        # Near one random isometry a block, made smaller by more than tokens differ: else some block of some network
        # grows along some word, and what reads its states grows faster. Measured over 200 tokens: no state above 3.
        m, blocks = self.family.block_size, self.channels // self.family.block_size
        halves = 1 + self.complex_state
        gaussian = torch.randn(blocks, m, m, halves, generator=generator, dtype=torch.float64)
        square = torch.view_as_complex(gaussian) if self.complex_state else gaussian[..., 0]
        isometry = 0.8 * torch.linalg.qr(square).Q
        parts = torch.view_as_real(isometry) if self.complex_state else isometry.unsqueeze(-1)
        rows = parts.permute(1, 3, 2, 0).reshape(m * halves, self.channels).to(self.dtype)
        spread, zero = self._constant(0.1 / math.sqrt(m * halves)), self._constant(0.0)
        found = {part: (row, spread) for part, row in zip(self.parts, rows, strict=False)}
        return found | {part: (zero, self._constant(0.1)) for part in self.parts if part in DRIVES}


def pick_any(table: Tensor, rows: Tensor | None) -> Tensor:
    """`pick` for a table of matrices, (rows, …)."""
    return table if rows is None else pick(table.flatten(1), rows).view(*rows.shape, *table.shape[1:])


KINDS: dict[TransitionKind, type[Transition]] = {
    TransitionKind.CONSTANT: S4D,
    TransitionKind.DECAY: Mamba,
    TransitionKind.SIGNED_DECAY: NegativeMamba,
    TransitionKind.TURN: SimpleAUSSM,
    TransitionKind.STEPPED_TURN: AUSSM,
    TransitionKind.GATED_TURN: GatedAUSSM,
    TransitionKind.TANH: RNN,
    TransitionKind.REFLECTIONS: DeltaRule,
    TransitionKind.BLOCKS: Blocks,
}
"""How torch runs each kind of transition."""

FAMILIES: dict[str, Callable[[int, torch.dtype], Transition]] = {
    name: partial(KINDS[family.transition], family) for name, family in ALL_FAMILIES.items()
}
"""For each family what makes its transition, from a number of channels and a dtype."""
