"""The scans against the plain loop: values, gradients, pieces, extreme multipliers, and refusals."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from subnormal.common.errors import InputError
from subnormal.models.recurrences import (
    UnitState,
    diagonal_loop,
    diagonal_scan,
    fixed_point_turns,
    select_backend,
    tanh_scan,
    unit_circle,
    unit_loop,
    unit_scan,
)

BACKENDS = ["torch", "numba"]
LENGTHS = [1, 2, 3, 7, 64, 65]
LONG = pytest.param(1000, marks=pytest.mark.slow)
REAL = [torch.float32, torch.float64]
COMPLEX = [torch.complex64, torch.complex128]
TOLERANCE = {torch.float32: 2e-5, torch.complex64: 2e-5, torch.float64: 1e-12, torch.complex128: 1e-12}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "numba":
        pytest.importorskip("numba")
    return request.param


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU here")
    return request.param


def unit_inputs(length, dtype, batch=2, channels=3, seed=0, device="cpu"):
    generator = torch.Generator().manual_seed(seed)
    complex_dtype = {torch.float32: torch.complex64, torch.float64: torch.complex128}[dtype]
    turns = (torch.rand((batch, length, channels), generator=generator, dtype=dtype) - 0.5) * 3
    b = torch.randn((batch, length, channels), generator=generator, dtype=complex_dtype)
    h = torch.randn((batch, channels), generator=generator, dtype=complex_dtype)
    return turns.to(device), b.to(device), h.to(device)


def diagonal_inputs(length, dtype, batch=2, channels=3, seed=0, device="cpu"):
    """Multipliers of every sign or direction, exact zeros and ones among them."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn((batch, length, channels), generator=generator, dtype=dtype)
    a = a / (a.abs() + 0.1)
    kind = torch.randint(8, a.shape, generator=generator)
    a[kind == 0] = 0
    a[kind == 1] = 1
    a[kind == 2] = -1
    b = torch.randn((batch, length, channels), generator=generator, dtype=dtype)
    h = torch.randn((batch, channels), generator=generator, dtype=dtype)
    return a.to(device), b.to(device), h.to(device)


def close(x, y):
    torch.testing.assert_close(x, y, rtol=0, atol=TOLERANCE[x.dtype] * max(1.0, float(y.abs().max())))


# ------------------------------------------------------------------ values


@pytest.mark.parametrize("channels", [1, 3, 17, 40])
@pytest.mark.parametrize("length", [*LENGTHS, 1000])
@pytest.mark.parametrize("dtype", REAL)
def test_unit_scan_is_the_loop(length, dtype, channels, backend):
    turns, b, h = unit_inputs(length, dtype, channels=channels)
    states, last = unit_scan(turns, b, UnitState.of(h), backend)
    expected, _ = unit_loop(turns.double(), b.to(torch.complex128), h.to(torch.complex128))
    close(states, expected.to(states.dtype))
    close(last.value, expected[:, -1].to(states.dtype))


@pytest.mark.parametrize("dtype", REAL)
def test_unit_scan_without_drive_is_the_scan_with_zero_drive(dtype, backend):
    turns, b, h = unit_inputs(65, dtype)
    without, state = unit_scan(turns, None, UnitState.of(h), backend)
    zero, zero_state = unit_scan(turns, torch.zeros_like(b), UnitState.of(h), backend)
    close(without, zero)
    assert torch.equal(state.phase, zero_state.phase)
    assert torch.equal(state.remainder, h)


@pytest.mark.parametrize("channels", [1, 3, 17, 40])
@pytest.mark.parametrize("length", [*LENGTHS, 1000])
@pytest.mark.parametrize("dtype", REAL + COMPLEX)
def test_diagonal_scan_is_the_loop(length, dtype, channels, backend):
    a, b, h = diagonal_inputs(length, dtype, channels=channels)
    states, last = diagonal_scan(a, b, h, backend)
    expected, _ = diagonal_loop(a, b, h)
    close(states, expected)
    assert torch.equal(last, states[:, -1])


@pytest.mark.parametrize("dtype", REAL)
def test_both_scans_on_the_device(dtype, device):
    turns, b, h = unit_inputs(300, dtype, device=device)
    close(unit_scan(turns, b, UnitState.of(h))[0], unit_loop(turns, b, h)[0])
    a, b, h = diagonal_inputs(300, dtype, device=device)
    close(diagonal_scan(a, b, h)[0], diagonal_loop(a, b, h)[0])


@pytest.mark.parametrize("size", [1e6, 1e300])
def test_a_zero_multiplier_forgets_a_finite_past_of_any_size_exactly(backend, size):
    a, b, h = diagonal_inputs(40, torch.float64)
    a[:, 20] = 0
    other, _ = diagonal_scan(a, b, h * size, backend)
    states, _ = diagonal_scan(a, b, h, backend)
    assert bool((other[:, 0].abs() > size * 1e-9).any())
    assert torch.equal(states[:, 20:], other[:, 20:])


def test_an_infinite_past_is_not_forgotten_silently(backend):
    """0 times infinity is NaN: a state that overflowed cannot pass for one that was reset."""
    a, b, h = diagonal_inputs(40, torch.float64)
    a[:, 20] = 0
    states, _ = diagonal_scan(a, b, torch.full_like(h, torch.inf), backend)
    assert not bool(states[:, -1].isfinite().any())


def test_a_fixed_multiplier_is_broadcast(backend):
    a, b, h = diagonal_inputs(30, torch.complex128)
    fixed = a[:1, :1].clone().requires_grad_()
    states, _ = diagonal_scan(fixed, b, h, backend)
    states.abs().sum().backward()
    expected = fixed.detach().expand(b.shape).clone().requires_grad_()
    plain, _ = diagonal_loop(expected, b, h)
    plain.abs().sum().backward()
    close(states.detach(), plain.detach())
    close(fixed.grad, expected.grad.sum((0, 1), keepdim=True))


# ------------------------------------------------------------------ gradients


def _unit_all(turns, b, h, backend):
    """The states of two pieces and the last carried state: everything a caller can differentiate."""
    cut = turns.shape[1] // 2
    first, state = unit_scan(turns[:, :cut], b[:, :cut], UnitState.of(h), backend)
    second, last = unit_scan(turns[:, cut:], b[:, cut:], state, backend)
    return torch.cat([first, second], 1), last.value


@pytest.mark.parametrize("length", [*LENGTHS, LONG])
def test_unit_gradients(length, backend):
    batch, channels = (1, 1) if length > 10 else (2, 3)
    turns, b, h = unit_inputs(length, torch.float64, batch, channels)
    inputs = [x.requires_grad_() for x in (turns, b, h)]
    assert gradcheck(lambda t, b, h: _unit_all(t, b, h, backend), inputs, check_batched_grad=False)


@pytest.mark.parametrize("length", [1, 7])
def test_unit_gradients_without_drive(length, backend):
    turns, _, h = unit_inputs(length, torch.float64)
    inputs = [x.requires_grad_() for x in (turns, h)]

    def run(turns, h):
        states, last = unit_scan(turns, None, UnitState.of(h), backend)
        return states, last.value

    assert gradcheck(run, inputs)
    assert gradgradcheck(run, inputs)


@pytest.mark.parametrize("length", [*LENGTHS, LONG])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_diagonal_gradients(length, dtype, backend):
    batch, channels = (1, 1) if length > 10 else (2, 3)
    inputs = [x.requires_grad_() for x in diagonal_inputs(length, dtype, batch, channels)]
    assert gradcheck(lambda a, b, h: diagonal_scan(a, b, h, backend), inputs)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_second_derivatives(length, backend):
    turns, b, h = (x.requires_grad_() for x in unit_inputs(length, torch.float64, 1, 2))
    assert gradgradcheck(lambda t, b, h: _unit_all(t, b, h, backend), [turns, b, h])
    for dtype in (torch.float64, torch.complex128):
        inputs = [x.requires_grad_() for x in diagonal_inputs(length, dtype, 1, 2)]
        assert gradgradcheck(lambda a, b, h: diagonal_scan(a, b, h, backend), inputs)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("channels", [3, 17, 40])
def test_single_and_double_precision_gradients_are_those_of_the_loop(dtype, channels, backend):
    weights = unit_inputs(200, dtype, channels=channels, seed=9)[1]
    results = []
    for scan in ("loop", backend):
        turns, b, h = (x.requires_grad_() for x in unit_inputs(200, dtype, channels=channels))
        states, last = unit_scan(turns, b, UnitState.of(h), scan)
        ((states * weights).real.sum() + last.value.imag.sum()).backward()
        a, c, g = (x.requires_grad_() for x in diagonal_inputs(200, dtype, channels=channels))
        states, final = diagonal_scan(a, c, g, scan)
        ((states * weights.real).sum() + final.sum()).backward()
        results.append([x.grad for x in (turns, b, h, a, c, g)])
    for expected, found in zip(*results, strict=True):
        close(found, expected)


def test_complex_single_precision_diagonal_gradients(backend):
    weights = unit_inputs(200, torch.float32, channels=17, seed=9)[1]
    results = []
    for scan in ("loop", backend):
        a, b, h = inputs = [x.requires_grad_() for x in diagonal_inputs(200, torch.complex64, channels=17)]
        states, _ = diagonal_scan(a, b, h, scan)
        (states * weights).real.sum().backward()
        results.append([x.grad for x in inputs])
    for expected, found in zip(*results, strict=True):
        close(found, expected)


# ------------------------------------------------------------------ pieces and long words


@pytest.mark.parametrize("dtype", REAL)
def test_pieces_carry_the_phase_bit_for_bit(dtype, backend):
    turns, b, h = unit_inputs(500, dtype)
    whole, last = unit_scan(turns, b, UnitState.of(h), backend)
    state, pieces = UnitState.of(h), []
    for part in turns.split(37, 1), b.split(37, 1):
        pieces.append(part)
    states = []
    for t, d in zip(*pieces, strict=True):
        found, state = unit_scan(t, d, state, backend)
        states.append(found)
    assert torch.equal(state.phase, last.phase)
    close(torch.cat(states, 1), whole)


def test_all_backends_agree_on_the_phase_bit_for_bit():
    pytest.importorskip("numba")
    for dtype in REAL:
        turns, b, h = unit_inputs(333, dtype, channels=20)
        turns[:, ::7] *= 1e-5
        turns[:, ::11] = 0.5
        first = unit_scan(turns, b, UnitState.of(h), "torch")[1]
        second = unit_scan(turns, b, UnitState.of(h), "numba")[1]
        assert torch.equal(first.phase, second.phase)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-3), (torch.float64, 1e-11)])
def test_a_constant_word_of_a_hundred_thousand_thirds_stays_on_its_phases(dtype, limit, backend):
    turns = torch.full((1, 100_000, 1), 1 / 3, dtype=dtype)
    one = torch.ones((1, 1), dtype=torch.complex64 if dtype == torch.float32 else torch.complex128)
    states, last = unit_scan(turns, None, UnitState.of(one), backend)
    exact = unit_circle(fixed_point_turns(torch.arange(1, 100_001, dtype=torch.float64) / 3), dtype)
    # 1/3 is off by 1e-8 turns in float32: 1e-3 turns, 0.0063 rad, after 1e5 tokens; and by 2e-17 in float64.
    assert float((states[0, :, 0] - exact).abs().max()) < limit * 6.3
    assert torch.equal(last.remainder, one)


def test_fixed_point_turns_are_exact_and_wrap():
    turns = torch.tensor([0.0, 0.25, 0.5, -0.5, 0.75, 1.0, 7.125, -3.25], dtype=torch.float64)
    quarters = [0, 1 << 62, -1 << 63, -1 << 63, -1 << 62, 0, 1 << 61, -1 << 62]
    assert fixed_point_turns(turns).tolist() == quarters
    assert fixed_point_turns(turns.float()).tolist() == quarters


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_phase_that_is_not_finite_is_not_hidden(bad, backend):
    turns, b, h = unit_inputs(10, torch.float64)
    turns[0, 4, 1] = bad
    for drive in (b, None):
        states, last = unit_scan(turns, drive, UnitState.of(h), backend)
        assert states[0, 4:, 1].isnan().all()
        assert last.value[0, 1].isnan()
        assert not states[1].isnan().any()
        assert not states[0, :, 0].isnan().any()


@pytest.mark.parametrize("length", [0, 5])
@pytest.mark.parametrize("batch", [0, 2])
def test_empty_words_and_batches(length, batch, backend):
    turns, b, h = (x.requires_grad_() for x in unit_inputs(length, torch.float64, batch))
    states, last = unit_scan(turns, b, UnitState.of(h), backend)
    assert states.shape == (batch, length, 3)
    last.value.abs().sum().backward()
    if not length:
        assert torch.equal(last.value, h)
        close(h.grad, torch.sgn(h).detach()) if batch else None
    a, b, h = diagonal_inputs(length, torch.float64, batch)
    states, final = diagonal_scan(a, b, h, backend)
    assert states.shape == (batch, length, 3)
    assert final.shape == h.shape


def test_tanh_scan():
    weight = torch.tensor([[0.5, -1.0], [0.25, 2.0]], dtype=torch.float64)
    drive, h = torch.tensor([[[0.1, 0.2], [0.3, 0.4]]], dtype=torch.float64), torch.tensor([[1.0, -1.0]]).double()
    states, last = tanh_scan(weight, drive, h)
    first = torch.tanh(torch.tensor([[0.5 + 1.0 + 0.1, 0.25 - 2.0 + 0.2]], dtype=torch.float64))
    close(states[:, 0], first)
    close(last, torch.tanh(first @ weight.T + drive[:, 1]))


# ------------------------------------------------------------------ the choice of a backend, and refusals


def test_the_rule_that_chooses_a_backend(monkeypatch):
    pytest.importorskip("numba")
    large, small = torch.zeros(4096), torch.zeros(4095)
    assert select_backend(large) == "numba"
    assert select_backend(small) == "torch"
    assert select_backend(small, "numba") == "numba"
    assert select_backend(large, "torch") == "torch"
    assert select_backend(large.to(torch.float16)) == "torch"
    assert select_backend(large.to("meta")) == "torch"
    monkeypatch.setattr("subnormal.models.recurrences.installed", lambda name: False)
    assert select_backend(large) == "torch"
    with pytest.raises(InputError, match="numba is not installed"):
        select_backend(large, "numba")


def test_refusals():
    turns, b, h = unit_inputs(4, torch.float64)
    with pytest.raises(InputError, match='backend: expected "auto"'):
        select_backend(turns, "nonsense")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="works on the CPU, got a tensor on meta"):
        select_backend(turns.to("meta"), "numba")
    with pytest.raises(InputError, match="turns: expected float32 or float64"):
        unit_scan(turns.half(), b, UnitState.of(h))
    with pytest.raises(InputError, match=r"b: expected torch\.complex128"):
        unit_scan(turns, b.real, UnitState.of(h))
    with pytest.raises(InputError, match=r"state: expected torch.complex128 \(2, 3\)"):
        unit_scan(turns, b, UnitState.of(h[:1]))
    with pytest.raises(InputError, match=r"a, b: expected two tensors"):
        diagonal_scan(turns[:, :2], turns, h.real)
    with pytest.raises(InputError, match=r"beside a of torch\.float64"):
        diagonal_scan(turns, b, h)
