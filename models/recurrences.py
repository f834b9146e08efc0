"""The diagonal recurrence h_t = a_t * h_{t-1} + b_t, three ways: a slow loop, parallel torch, compiled kernels.

Every scan takes a batch of sequences of shape (batch, length, channels) and the state before the first token, and
returns the state after *every* token together with the state to carry into the next piece. Cutting a word into
pieces and carrying the state gives the same result as one call.

Two kinds of recurrence are told apart, because the first admits a much better algorithm:

`unit_scan`
    a_t = exp(2 pi i turns_t). Phases are summed in 64-bit fixed-point turns. Wrapping integer addition is exact and
    associative and *is* addition modulo one turn, so the product of any number of multipliers is P_t = exp(2 pi i
    phase_t) with a phase that carries no accumulated rounding at all. As |P_t| = 1, dividing by P_t is conjugation:
    h_t = P_t * r_t with r_t = h_0 + sum_{s <= t} conj(P_s) b_s: two running sums, no loop over time, no logarithms.
`diagonal_scan`
    any a_t, real or complex: blocks of about sqrt(length) tokens side by side, then the carries between the blocks.
    Nothing is divided and no logarithm taken, so zeros and negative multipliers are as good as any other.
    Meant for abs(a) <= 1 (products over one block are formed, which must not overflow).

Backends, chosen by `select_backend`: `"numba"` (models/kernels.py), `"triton"` (models/triton_kernels.py), `"torch"`
(this file) and `"loop"` (the oracle). All share one hand-written adjoint; gradients follow torch's convention for
complex numbers (the gradient of a real loss L is dL/dRe + i dL/dIm).

Numerical consequences of the carried `UnitState(phase, remainder)`: with b = 0 the remainder never changes and the
only error after T tokens is T times the rounding of one phase, at most 2^-26 turns in float32 and 2^-55 in float64
(for phases reduced to [-1/2, 1/2]); and it is the same in one scan, in pieces, and token by token. Thirds in float32
are off by 1e-8 turns: a constant word over C3 decodes for about 1.6e7 tokens. With b != 0 the remainder is a plain
floating-point sum.
"""

from __future__ import annotations

import math
import os
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from ..common.errors import InputError
from ..common.packages import installed
from .linear import add_product

__all__ = [
    "UnitState",
    "diagonal_loop",
    "diagonal_scan",
    "fixed_point_turns",
    "select_backend",
    "tanh_scan",
    "unit_circle",
    "unit_loop",
    "unit_scan",
]

Backend = Literal["auto", "numba", "triton", "torch", "loop"]
Chosen = Literal["numba", "triton", "torch", "loop"]

COMPLEX_OF = {torch.float32: torch.complex64, torch.float64: torch.complex128}
TWO_PI = 2.0 * math.pi
# About 128 Ki elements at a time: the temporaries of one chunk stay in the second-level cache.
CHUNK_ELEMENTS = 1 << 17


class UnitState(NamedTuple):
    """The state carried by a unit-modulus recurrence: h = exp(2 pi i phase / 2^64) * remainder.

    `phase`: int64 (batch, channels), 2^64 to the turn, wrapping. `remainder`: complex (batch, channels).
    Gradients flow through the remainder and are those of h: the phase is a constant of the representation.
    """

    phase: Tensor
    remainder: Tensor

    @classmethod
    def of(cls, value: Tensor) -> UnitState:
        """The state whose h is the complex tensor `value` (batch, channels)."""
        return cls(torch.zeros(value.shape, dtype=torch.int64, device=value.device), value)

    @property
    def value(self) -> Tensor:
        """h itself, complex (batch, channels)."""
        return unit_circle(self.phase, self.remainder.real.dtype) * self.remainder

    def detach(self) -> UnitState:
        """The same state, cut off from the graph (truncated back-propagation through time)."""
        return UnitState(self.phase, self.remainder.detach())


def fixed_point_turns(turns: Tensor) -> Tensor:
    """Floating-point turns as int64, 2^64 to the turn, truncated to a multiple of 2^-61 turns.

    The fraction in [-1/2, 1/2] is exact in the tensor's own precision. 2^61 instead of 2^64 before the conversion keeps
    plus one half inside int64 (it wraps to minus one half, the same angle). Phases of at least 2^-8 turns in float64,
    2^-37 in float32, lose nothing.
    """
    return ((turns - turns.round()) * 2.0**61).to(torch.int64) << 3


def unit_circle(phase: Tensor, dtype: torch.dtype) -> Tensor:
    """exp(2 pi i phase / 2^64) for an int64 phase; `dtype` float32 or float64 gives complex64 or complex128."""
    angle = phase.to(dtype).mul_(TWO_PI / 2.0**64)
    return torch.complex(angle.cos(), angle.sin())


def _turn(turns: Tensor) -> Tensor:
    """exp(2 pi i turns), differentiable; the turns are reduced before they are multiplied by 2 pi."""
    angle = (turns - turns.detach().round()) * TWO_PI
    return torch.complex(angle.cos(), angle.sin())


# --------------------------------------------------------------------------- the oracle


def diagonal_loop(a: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """h_t = a_t * h_{t-1} + b_t by a plain loop over time; gradients by autograd. The oracle for the fast paths.

    a, b: (batch, length, channels); h: (batch, channels). Returns the states (batch, length, channels) and the last.
    """
    states = []
    for multiplier, drive in zip(a.unbind(1), b.unbind(1), strict=True):  # a[:, t] would make gradients quadratic
        h = multiplier * h + drive
        states.append(h)
    return (torch.stack(states, 1) if states else b.new_empty(b.shape)), h


def unit_loop(turns: Tensor, b: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    """`diagonal_loop` for a_t = exp(2 pi i turns_t); h and b complex, b None for zero. The state is h itself."""
    a = _turn(turns)
    return diagonal_loop(a, torch.zeros_like(a) if b is None else b, h)


# --------------------------------------------------------------------------- the choice of a backend


class _Implementation(Protocol):
    """What a backend provides: values and adjoints without autograd, on contiguous tensors."""

    def unit_forward(
        self, turns: Tensor, b: Tensor | None, remainder: Tensor, phase: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]: ...

    def unit_backward(
        self,
        turns: Tensor,
        b: Tensor | None,
        remainder: Tensor,
        states: Tensor,
        final_phase: Tensor,
        grad_states: Tensor,
        grad_remainder: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]: ...

    def diagonal_forward(self, a: Tensor, b: Tensor, h: Tensor) -> Tensor: ...

    def diagonal_backward(
        self, a: Tensor, h: Tensor, states: Tensor, grad_states: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]: ...


def select_backend(tensor: Tensor, backend: Backend = "auto") -> Chosen:
    """The backend that will run on `tensor`: the documented rule.

    `"auto"` looks at tensors of at least 4096 elements (below that torch's own overhead is all there is, and compiling
    is not worth the wait) of dtype float32, float64, complex64 or complex128: on the CPU it takes numba, on a GPU
    Triton, where these are installed; otherwise torch. Naming a backend insists on it: InputError where it cannot run.
    Triton runs on the CPU only as an interpreter, for tests, with TRITON_INTERPRET=1 in the environment.
    """
    if backend == "loop" or backend == "torch":
        return backend
    if backend not in ("auto", "numba", "triton"):
        raise InputError(f'backend: expected "auto", "numba", "triton", "torch" or "loop", got {backend!r}')
    if backend == "auto" and tensor.numel() < 4096:
        return "torch"
    on_cpu, on_gpu = tensor.device.type == "cpu", tensor.device.type == "cuda"
    known = tensor.dtype in (torch.float32, torch.float64, torch.complex64, torch.complex128)
    if known and on_cpu and backend != "triton" and installed("numba"):
        return "numba"
    interpreted = backend == "triton" and on_cpu and os.environ.get("TRITON_INTERPRET") == "1"
    if known and (on_gpu or interpreted) and backend != "numba" and installed("triton"):
        return "triton"
    if backend == "auto":
        return "torch"
    place, extra = ("the CPU", "fast") if backend == "numba" else ("a GPU", "gpu")
    if not installed(backend):
        raise InputError(f'backend "{backend}": {backend} is not installed; install the extra "{extra}" or use "torch"')
    raise InputError(f'backend "{backend}" works on {place}, got a tensor on {tensor.device}; use "torch"')


def _implementation(name: str) -> _Implementation:
    if name == "numba":
        from . import kernels

        return kernels
    if name == "triton":
        from . import triton_kernels

        return triton_kernels
    return _TORCH


# --------------------------------------------------------------------------- unit modulus


def unit_scan(turns: Tensor, b: Tensor | None, state: UnitState, backend: Backend = "auto") -> tuple[Tensor, UnitState]:
    """h_t = exp(2 pi i turns_t) * h_{t-1} + b_t.

    turns: float32 or float64 (batch, length, channels); b: complex of the same shape and precision, or None for zero
    (which skips the second sum); state: see `UnitState`. Returns the states h, complex (batch, length, channels), and
    the state to carry on with. A phase that is not finite makes its channel NaN from there on, at the latest.
    Raises InputError where shapes or dtypes do not fit together.
    """
    _check_unit(turns, b, state)
    chosen = select_backend(turns, backend)
    if chosen == "loop":
        states, last = unit_loop(turns, b, state.value)
        return states, UnitState.of(last)
    states, phase, remainder = _UnitScan.apply(turns, b, state.remainder, state.phase, chosen)
    return states, UnitState(phase, remainder)


def _check_unit(turns: Tensor, b: Tensor | None, state: UnitState) -> None:
    if turns.dtype not in COMPLEX_OF or turns.dim() != 3:
        raise InputError(
            f"turns: expected float32 or float64 (batch, length, channels), got {turns.dtype} {tuple(turns.shape)}"
        )
    wanted = COMPLEX_OF[turns.dtype]
    if b is not None and (b.dtype != wanted or b.shape != turns.shape):
        raise InputError(f"b: expected {wanted} {tuple(turns.shape)}, got {b.dtype} {tuple(b.shape)}")
    shape = (turns.shape[0], turns.shape[2])
    if state.remainder.dtype != wanted or tuple(state.remainder.shape) != shape:
        raise InputError(
            f"state: expected {wanted} {shape}, got {state.remainder.dtype} {tuple(state.remainder.shape)}"
        )


class _UnitScan(torch.autograd.Function):
    """(turns, b, remainder, phase) -> (states, last phase, last remainder).

    With lambda_t the gradient that reaches h_t from all later positions, lambda_t = g_t + conj(a_{t+1}) lambda_{t+1}
    = P_t * mu_t, mu_t = sum_{s >= t} conj(P_s) g_s; then grad b_t = lambda_t, grad r_0 = mu_1 and
    grad turns_t = 2 pi Im(conj(a_t h_{t-1}) lambda_t) where a_t h_{t-1} = h_t - b_t. The last remainder counts as
    conj(P_T) h_T with P_T held fixed, so that gradients through carried states are those of h.
    """

    @staticmethod
    def forward(
        ctx: Any, turns: Tensor, b: Tensor | None, remainder: Tensor, phase: Tensor, backend: str
    ) -> tuple[Tensor, Tensor, Tensor]:
        states, final_phase, final_remainder = _implementation(backend).unit_forward(
            turns.contiguous(),
            None if b is None else b.resolve_conj().contiguous(),
            remainder.resolve_conj().contiguous(),
            phase.contiguous(),
        )
        ctx.backend = backend
        ctx.save_for_backward(turns, b, remainder, phase, states, final_phase)
        ctx.mark_non_differentiable(final_phase)
        return states, final_phase, final_remainder

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        grad_states, _, grad_remainder = gradients
        turns, b, remainder, phase, states, final_phase = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: the adjoint as a differentiable expression
            return _differentiable_unit_adjoint(
                turns, b, phase, states, final_phase, grad_states, grad_remainder, ctx.backend
            )
        grad_turns, grad_b, grad_initial = _implementation(ctx.backend).unit_backward(
            turns.contiguous(),
            None if b is None else b.resolve_conj().contiguous(),
            remainder.resolve_conj().contiguous(),
            states,
            final_phase,
            grad_states.resolve_conj().contiguous(),
            grad_remainder.resolve_conj().contiguous(),
        )
        return grad_turns, (None if b is None else grad_b), grad_initial, None, None


def _differentiable_unit_adjoint(
    turns: Tensor,
    b: Tensor | None,
    phase: Tensor,
    states: Tensor,
    final_phase: Tensor,
    grad_states: Tensor,
    grad_remainder: Tensor,
    backend: str,
) -> tuple[Tensor | None, ...]:
    """The same adjoint written with `unit_scan` itself, run backwards in time, so that it can be differentiated."""
    real = turns.dtype
    if turns.shape[1] == 0:
        return torch.zeros_like(turns), None if b is None else torch.zeros_like(b), grad_remainder, None, None
    last = (unit_circle(final_phase, real) * grad_remainder).unsqueeze(1)
    incoming = torch.cat([grad_states[:, :-1], grad_states[:, -1:] + last], 1)
    backwards = torch.cat([torch.zeros_like(turns[:, :1]), -turns[:, 1:].flip(1)], 1)
    zero = UnitState.of(torch.zeros_like(grad_remainder))
    adjoint = unit_scan(backwards, incoming.flip(1), zero, backend)[0].flip(1)  # type: ignore[arg-type]
    arriving = states if b is None else states - b
    grad_turns = TWO_PI * (arriving.conj() * adjoint).imag
    grad_remainder = unit_circle(phase, real).conj() * _turn(turns[:, 0]).conj() * adjoint[:, 0]
    return grad_turns, (None if b is None else adjoint), grad_remainder, None, None


# --------------------------------------------------------------------------- any multiplier


def diagonal_scan(a: Tensor, b: Tensor, state: Tensor, backend: Backend = "auto") -> tuple[Tensor, Tensor]:
    """h_t = a_t * h_{t-1} + b_t for real or complex a, b of shape (batch, length, channels), state (batch, channels).

    a may have length 1 or batch 1 along those axes (a fixed multiplier). Returns the states and the last of them.
    Raises InputError where shapes or dtypes do not fit together.
    """
    if b.dim() != 3 or a.dim() != 3 or any(x not in (1, y) for x, y in zip(a.shape, b.shape, strict=True)):
        raise InputError(
            f"a, b: expected two tensors (batch, length, channels), got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    shape = (b.shape[0], b.shape[2])
    if not a.dtype == b.dtype == state.dtype or tuple(state.shape) != shape:
        raise InputError(
            f"state: expected {b.dtype} {shape} beside a of {a.dtype}, got {state.dtype} {tuple(state.shape)}"
        )
    if b.shape[1] == 0:
        return b, state
    a = a.expand(b.shape)
    chosen = select_backend(b, backend)
    if chosen == "loop":
        return diagonal_loop(a, b, state)
    states: Tensor = _DiagonalScan.apply(a, b, state, chosen)
    return states, states[:, -1]


class _DiagonalScan(torch.autograd.Function):
    """lambda_t = g_t + conj(a_{t+1}) lambda_{t+1}; grad b = lambda, grad a_t = conj(h_{t-1}) lambda_t, grad h_0 =
    conj(a_1) lambda_1: the adjoint is the same recurrence, backwards."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, h: Tensor, backend: str) -> Tensor:
        a = a.resolve_conj().contiguous()
        states = _implementation(backend).diagonal_forward(
            a, b.resolve_conj().contiguous(), h.resolve_conj().contiguous()
        )
        ctx.backend = backend
        ctx.save_for_backward(a, h, states)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (grad_states,) = gradients
        a, h, states = ctx.saved_tensors
        if torch.is_grad_enabled():
            zero = torch.zeros_like(h)
            shifted = torch.cat([torch.zeros_like(a[:, :1]), a[:, 1:].flip(1).conj()], 1)
            adjoint = diagonal_scan(shifted, grad_states.flip(1), zero, ctx.backend)[0].flip(1)
            before = torch.cat([h.unsqueeze(1), states[:, :-1]], 1)
            return before.conj() * adjoint, adjoint, a[:, 0].conj() * adjoint[:, 0], None
        grad_a, grad_b, grad_h = _implementation(ctx.backend).diagonal_backward(
            a, h.resolve_conj().contiguous(), states, grad_states.resolve_conj().contiguous()
        )
        return grad_a, grad_b, grad_h, None


def tanh_scan(weight: Tensor, drive: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """h_t = tanh(W h_{t-1} + drive_t): not diagonal, not linear, hence a loop.

    weight: (channels, channels), or (R, channels, channels) for the words of R runs, run by run; drive: (batch, length,
    channels); state: (batch, channels).
    """
    runs = weight.shape[:-2]
    state, drives = state.unflatten(0, (*runs, -1)), drive.unflatten(0, (*runs, -1)).unbind(-2)
    states = []
    for current in drives:
        state = add_product(current, state, weight).tanh()
        states.append(state)
    return (torch.stack(states, -2).flatten(0, -3) if states else drive), state.flatten(0, -2)


# --------------------------------------------------------------------------- the torch backend


class _Torch:
    """Pure torch, any device: chunked running sums for unit modulus, two-level blocks otherwise."""

    @staticmethod
    def _chunks(shape: torch.Size) -> list[slice]:
        batch, length, channels = shape
        size = max(16, CHUNK_ELEMENTS // max(1, batch * channels))
        return [slice(start, min(start + size, length)) for start in range(0, length, size)]

    def unit_forward(
        self, turns: Tensor, b: Tensor | None, remainder: Tensor, phase: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        states = turns.new_empty(turns.shape, dtype=COMPLEX_OF[turns.dtype])
        for piece in self._chunks(turns.shape):
            # A phase that is not finite has no fixed-point form: let it poison the sum instead.
            fraction = turns[:, piece] - turns[:, piece].round()
            remainder = remainder + 0.0 * fraction.sum(1)
            phases = fixed_point_turns(turns[:, piece]).cumsum(1).add_(phase.unsqueeze(1))
            circle = unit_circle(phases, turns.dtype)
            phase = phases[:, -1]
            if b is None:
                torch.mul(circle, remainder.unsqueeze(1), out=states[:, piece])
            else:
                remainders = (circle.conj() * b[:, piece]).cumsum(1).add_(remainder.unsqueeze(1))
                torch.mul(circle, remainders, out=states[:, piece])
                remainder = remainders[:, -1]
        return states, phase.clone(), remainder.clone()

    def unit_backward(
        self,
        turns: Tensor,
        b: Tensor | None,
        remainder: Tensor,
        states: Tensor,
        final_phase: Tensor,
        grad_states: Tensor,
        grad_remainder: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        grad_turns = torch.empty_like(turns)
        adjoints = states if b is None else torch.empty_like(states)  # with b None, a placeholder never returned
        later = grad_remainder
        phase = final_phase
        for piece in reversed(self._chunks(turns.shape)):
            fixed = fixed_point_turns(turns[:, piece])
            # Phases backwards from the last one, exact because integers wrap: phase_t = last - sum_{s > t} fixed_s.
            running = fixed.cumsum(1)
            phases = running.sub_(running[:, -1:].clone()).add_(phase.unsqueeze(1))
            phase = phases[:, 0] - fixed[:, 0]
            circle = unit_circle(phases, turns.dtype)
            weighted = circle.conj() * grad_states[:, piece]
            sums = weighted.flip(1).cumsum(1).flip(1).add_(later.unsqueeze(1))
            later = sums[:, 0].clone()
            adjoint = sums.mul_(circle) if b is None else torch.mul(sums, circle, out=adjoints[:, piece])
            arriving = states[:, piece] if b is None else states[:, piece] - b[:, piece]
            torch.mul((arriving.conj() * adjoint).imag, TWO_PI, out=grad_turns[:, piece])
        return grad_turns, adjoints, later

    @staticmethod
    def diagonal_forward(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
        batch, length, channels = b.shape
        states = torch.empty_like(b)
        size = max(1, math.isqrt(length))
        blocks = length // size
        whole = blocks * size
        local = states[:, :whole].view(batch, blocks, size, channels) if whole == length else None
        if local is None:
            local = b.new_empty((batch, blocks, size, channels))
        multipliers = a[:, :whole].reshape(batch, blocks, size, channels)
        drives = b[:, :whole].reshape(batch, blocks, size, channels)
        products = torch.empty_like(local)
        # Every block from a zero state, all blocks at once, together with the products of its multipliers.
        current, product = drives[:, :, 0], multipliers[:, :, 0]
        local[:, :, 0], products[:, :, 0] = current, product
        for j in range(1, size):
            current = torch.addcmul(drives[:, :, j], multipliers[:, :, j], current)
            product = product * multipliers[:, :, j]
            local[:, :, j], products[:, :, j] = current, product
        carries = b.new_empty((batch, blocks, channels))
        for k in range(blocks):
            carries[:, k] = h
            h = local[:, k, -1] + products[:, k, -1] * h
        local.addcmul_(products, carries.unsqueeze(2))
        if whole != length:
            states[:, :whole] = local.view(batch, whole, channels)
        for t in range(whole, length):
            h = a[:, t] * h + b[:, t]
            states[:, t] = h
        return states

    def diagonal_backward(
        self, a: Tensor, h: Tensor, states: Tensor, grad_states: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        a = a.conj().resolve_conj() if a.is_complex() else a
        backwards = torch.empty_like(a)
        backwards[:, 0] = 0
        backwards[:, 1:] = a[:, 1:].flip(1)
        adjoint = self.diagonal_forward(backwards, grad_states.flip(1), torch.zeros_like(h)).flip(1)
        grad_a = torch.empty_like(a)
        torch.mul(h.conj(), adjoint[:, 0], out=grad_a[:, 0])
        torch.mul(states[:, :-1].conj(), adjoint[:, 1:], out=grad_a[:, 1:])
        return grad_a, adjoint, a[:, 0] * adjoint[:, 0]


_TORCH = _Torch()
