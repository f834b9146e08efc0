"""The Triton kernels against the plain loop: on a GPU where there is one, else interpreted (conftest.py)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from subnormal.common.errors import InputError
from subnormal.models import recurrences
from subnormal.models.recurrences import (
    UnitState,
    diagonal_loop,
    diagonal_scan,
    select_backend,
    unit_loop,
    unit_scan,
)

triton = pytest.importorskip("triton", reason="triton is not installed; install the extra gpu")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
REAL = [torch.float32, torch.float64]
LENGTHS = [1, 2, 3, 37]
COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}
TOLERANCE = {torch.float32: 1e-4, torch.complex64: 1e-4, torch.float64: 1e-11, torch.complex128: 1e-11}


@pytest.fixture
def segments(monkeypatch):
    """Words are cut into segments of one tile or two, as on a GPU long ones are."""
    from subnormal.models import triton_kernels

    monkeypatch.setattr(triton_kernels, "MIN_SEGMENT", 8)
    monkeypatch.setattr(triton_kernels, "TOKENS", 8)
    monkeypatch.setattr(triton_kernels, "CHANNELS", 4)
    monkeypatch.setattr(triton_kernels, "PROGRAMS", 6)
    assert triton_kernels._cut(1, 37, 3)[1] > 1


def unit_inputs(length, dtype, batch=2, channels=3):
    generator = torch.Generator().manual_seed(0)
    turns = (torch.rand((batch, length, channels), generator=generator, dtype=dtype) - 0.5) * 3
    b = torch.randn((batch, length, channels), generator=generator, dtype=COMPLEX[dtype])
    h = torch.randn((batch, channels), generator=generator, dtype=COMPLEX[dtype])
    return [x.to(DEVICE).requires_grad_() for x in (turns, b, h)]


def diagonal_inputs(length, dtype, batch=2, channels=3):
    generator = torch.Generator().manual_seed(0)
    a = torch.randn((batch, length, channels), generator=generator, dtype=dtype)
    a = a / (a.abs() + 0.1)
    kind = torch.randint(8, a.shape, generator=generator)
    for value in (0, 1, -1):
        a[kind == value + 1] = value
    b = torch.randn((batch, length, channels), generator=generator, dtype=dtype)
    h = torch.randn((batch, channels), generator=generator, dtype=dtype)
    return [x.to(DEVICE).requires_grad_() for x in (a, b, h)]


def gradients(states, last, inputs):
    """Of a loss that weighs every state, and the last once more, differently."""
    weights = torch.linspace(-1, 1, states.numel(), dtype=torch.float64, device=DEVICE).view(states.shape)
    loss = sum((part * weights * k).sum() for k, part in enumerate(parts(states), 1)) + parts(last)[0].sum()
    return torch.autograd.grad(loss, inputs)


def parts(x):
    return [x.real, x.imag] if x.is_complex() else [x]


def assert_close(found, wanted):
    scale = max(1.0, float(wanted.detach().abs().max()))
    torch.testing.assert_close(found, wanted, rtol=0, atol=TOLERANCE[wanted.dtype] * scale)


@pytest.mark.parametrize(("length", "dtype"), [*((n, torch.float64) for n in LENGTHS), (37, torch.float32)])
@pytest.mark.parametrize("driven", [True, False])
def test_unit(length, dtype, driven):
    turns, b, h = unit_inputs(length, dtype)
    drive, inputs = (b, (turns, b, h)) if driven else (None, (turns, h))
    states, last = unit_scan(turns, drive, UnitState.of(h), "triton")
    expected, final = unit_loop(turns, drive, h)
    assert_close(states, expected)
    assert_close(last.value, final)
    for found, wanted in zip(gradients(states, last.value, inputs), gradients(expected, final, inputs), strict=True):
        assert_close(found, wanted)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128])
def test_diagonal(length, dtype):
    a, b, h = inputs = diagonal_inputs(length, dtype)
    states, last = diagonal_scan(a, b, h, "triton")
    expected, final = diagonal_loop(*inputs)
    assert_close(states, expected)
    for found, wanted in zip(gradients(states, last, inputs), gradients(expected, final, inputs), strict=True):
        assert_close(found, wanted)


@pytest.mark.usefixtures("segments")
@pytest.mark.parametrize("length", [32, 33])
def test_words_in_segments(length):
    turns, b, h = unit_inputs(length, torch.float64, batch=1, channels=5)
    for drive in (b, None):
        states, last = unit_scan(turns, drive, UnitState.of(h), "triton")
        expected, final = unit_loop(turns, drive, h)
        assert_close(states, expected)
        inputs = (turns, h) if drive is None else (turns, b, h)
        for found, wanted in zip(
            gradients(states, last.value, inputs), gradients(expected, final, inputs), strict=True
        ):
            assert_close(found, wanted)
    for dtype in (torch.float64, torch.complex128):
        a, b, h = inputs = diagonal_inputs(length, dtype, batch=1, channels=5)
        states, carried = diagonal_scan(a, b, h, "triton")
        expected, final = diagonal_loop(a, b, h)
        assert_close(states, expected)
        for found, wanted in zip(gradients(states, carried, inputs), gradients(expected, final, inputs), strict=True):
            assert_close(found, wanted)


@pytest.mark.parametrize("cut", [True, False])
def test_phases_are_those_of_torch_to_the_last_bit(cut, request):
    if cut:
        request.getfixturevalue("segments")
    generator = torch.Generator().manual_seed(1)
    for dtype in REAL:
        turns = torch.randn((1, 37, 3), generator=generator, dtype=dtype) * 10
        turns[0, :8, 0] = torch.tensor([0.5, -0.5, 1.5, 2.5, 1e6, 2.0**-30, -(2.0**-40), 0.0])
        turns = turns.to(DEVICE)
        start = UnitState.of(torch.ones(1, 3, dtype=COMPLEX[dtype], device=DEVICE))
        found, wanted = (unit_scan(turns, None, start, backend)[1] for backend in ("triton", "torch"))
        assert torch.equal(found.phase, wanted.phase)
        assert torch.equal(found.remainder, wanted.remainder)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_not_finite(bad, request):
    """NaN where the loop has NaN, and nowhere else."""
    if bad > 0:
        request.getfixturevalue("segments")
    for dtype in REAL[:1] if bad < 0 else REAL[1:]:
        turns, b, h = (x.detach() for x in unit_inputs(37, dtype))
        turns[1, 20, 2] = bad
        for drive in (b, None):
            states, last = unit_scan(turns, drive, UnitState.of(h), "triton")
            expected, final = unit_loop(turns, drive, h)
            assert torch.equal(states.isnan(), expected.isnan())
            assert torch.equal(last.value.isnan(), final.isnan())
    a, b, h = (x.detach() for x in diagonal_inputs(37, torch.float64))
    b[0, 20, 1] = float("nan")
    a[0, 30, 1] = 1
    assert torch.equal(diagonal_scan(a, b, h, "triton")[0].isnan(), diagonal_loop(a, b, h)[0].isnan())


def test_gradcheck():
    turns, b, h = unit_inputs(3, torch.float64, batch=1, channels=1)
    unit = lambda *x: unit_scan(x[0], x[1], UnitState.of(x[2]), "triton")[0]  # noqa: E731
    assert gradcheck(unit, (turns, b, h), fast_mode=True)
    assert gradgradcheck(unit, (turns, b, h), fast_mode=True)
    diagonal = lambda *x: diagonal_scan(x[0], x[1], x[2], "triton")[0]  # noqa: E731
    assert gradcheck(diagonal, diagonal_inputs(3, torch.complex128, 1, 1), fast_mode=True)


def test_pieces_carry_on():
    turns, b, h = (x.detach() for x in unit_inputs(65, torch.float64))
    whole, _ = unit_scan(turns, b, UnitState.of(h), "triton")
    state, pieces = UnitState.of(h), []
    for part in (slice(0, 1), slice(1, 30), slice(30, 65)):
        states, state = unit_scan(turns[:, part], b[:, part], state, "triton")
        pieces.append(states)
    assert_close(torch.cat(pieces, 1), whole)


def test_nothing_at_all():
    for length, batch in ((0, 2), (5, 0)):
        turns, b, h = (x.detach() for x in unit_inputs(length, torch.float64, batch=batch))
        states, last = unit_scan(turns, b, UnitState.of(h), "triton")
        assert states.shape == turns.shape
        assert torch.equal(last.remainder, h)


def test_the_choice_of_backend(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    small, large = torch.zeros(1, 8, 8), torch.zeros(1, 64, 64)
    assert select_backend(large) != "triton"  # on a CPU only by name
    assert select_backend(small, "triton") == "triton"
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(InputError, match='"triton" works on a GPU, got a tensor on cpu; use "torch"'):
        select_backend(small, "triton")
    on_gpu = torch.empty(1, 64, 64, device="meta")
    monkeypatch.setattr(type(on_gpu), "device", property(lambda self: torch.device("cuda", 0)))
    assert select_backend(on_gpu) == "triton"
    with pytest.raises(InputError, match='"numba" works on the CPU, got a tensor on cuda:0; use "torch"'):
        select_backend(on_gpu, "numba")
    monkeypatch.setattr(recurrences, "installed", lambda name: False)
    assert select_backend(on_gpu) == "torch"
    with pytest.raises(InputError, match='triton is not installed; install the extra "gpu"'):
        select_backend(on_gpu, "triton")


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from subnormal.models import triton_kernels as kernels

WHOLE = ("phase", "last_phase", "total_phase")
NUMBERS = ("length", "segment", "segments", "channels")
for kernel in (kernels._unit_forward, kernels._unit_backward, kernels._real_scan, kernels._complex_scan):
    flag = "DRIVEN" if "DRIVEN" in kernel.arg_names else "BACK"
    for values in ((True, True), (False, True), (True, False)):
        fixed = {flag: values[0], "WRITE": values[1], "T": 32, "C": 32}
        types = {n: "*i64" if n in WHOLE else "i32" if n in NUMBERS else "*fp32" for n in kernel.arg_names}
        places = {(kernel.arg_names.index(n),): v for n, v in fixed.items()}
        source = ASTSource(kernel, types | dict.fromkeys(fixed, "constexpr"), places)
        assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
print("compiled")
"""


@pytest.mark.slow
def test_the_kernels_compile_for_a_gpu_that_is_not_there(tmp_path):
    """For Hopper (compute capability 9.0), from their source to machine code."""
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "compiled", done.stderr[-2000:]
