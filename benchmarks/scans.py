"""Forward and backward of the recurrences against other ways to compute them, in one run, on one thread.

`measure()` returns the rows, `python -m benchmarks.scans` prints them. All candidates of a shape run in turn, again
and again, so that a noisy neighbour slows all of them; medians of the times are reported, and ratios within the run.

Peers: `loop`, a Python loop over time, gradients by autograd; `associative`, a generic, work-efficient
associative scan of the pairs (a, b) in torch, gradients by autograd, our own; `torch associative_scan`, the operator
of that name in torch; `mambapy`, its `pscan` where that package is installed (its gradients are wrong for complex
input), else the row says "missing"; `torch` and
`numba`, our two paths; `copy`, the memory floor: both inputs copied to fresh tensors, once for the forward pass
and once more for the backward pass.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor

from subnormal.models.recurrences import UnitState, diagonal_loop, diagonal_scan, unit_scan

SHAPES = ((64, 64, 16), (32, 256, 64), (32, 1024, 64), (8, 4096, 64))


@dataclass(frozen=True)
class Row:
    """One candidate at one shape; times in milliseconds, None for a peer that is not installed.

    `forward` under no_grad, `both` forward and backward; `ratio` is `both` over that of our numba path.
    """

    kind: str
    batch: int
    length: int
    channels: int
    candidate: str
    forward: float | None
    both: float | None
    ratio: float | None


def associative(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """All states by the work-efficient scan of pairs, (a, b) then (c, d) = (ca, cb + d): combine neighbours, scan the
    half-length sequence, fill in between."""
    b = torch.cat([(b[:, :1] + a[:, :1] * h.unsqueeze(1)), b[:, 1:]], 1)
    return _scan_pairs(a, b)[1]


def _scan_pairs(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    length = a.shape[1]
    if length < 2:
        return a, b
    half = length // 2
    left_a, right_a = a[:, 0 : 2 * half : 2], a[:, 1 : 2 * half : 2]
    left_b, right_b = b[:, 0 : 2 * half : 2], b[:, 1 : 2 * half : 2]
    odd_a, odd_b = _scan_pairs(right_a * left_a, right_a * left_b + right_b)
    before_a, before_b = odd_a[:, : (length - 1) // 2], odd_b[:, : (length - 1) // 2]
    even_a, even_b = a[:, 2::2] * before_a, a[:, 2::2] * before_b + b[:, 2::2]
    even_a, even_b = torch.cat([a[:, :1], even_a], 1), torch.cat([b[:, :1], even_b], 1)
    return _interleave(even_a, odd_a), _interleave(even_b, odd_b)


def _interleave(even: Tensor, odd: Tensor) -> Tensor:
    half = odd.shape[1]
    woven = torch.stack([even[:, :half], odd], 2).flatten(1, 2)
    return woven if even.shape[1] == half else torch.cat([woven, even[:, half:]], 1)


def _circle(turns: Tensor) -> Tensor:
    angle = turns * (2.0 * math.pi)
    return torch.complex(angle.cos(), angle.sin())


def _copy(*inputs: Tensor) -> Tensor:
    first, second, _ = inputs
    first.clone()
    return second.clone()


def _mambapy(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    pscan = import_module("mambapy.pscan").pscan
    states: Tensor = pscan(a.unsqueeze(-1), _started(a, b, h).unsqueeze(-1))[..., 0]
    return states


def _torch_associative(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """torch's own higher-order operator, which has no public name yet."""
    scan = import_module("torch._higher_order_ops").associative_scan
    states: Tensor = scan(_compose, (a, _started(a, b, h)), dim=1, combine_mode="generic")[1]
    return states


def _compose(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return first[0] * second[0], second[0] * first[1] + second[1]


def _started(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """b with the initial state taken into its first step."""
    return torch.cat([(b[:, :1] + a[:, :1] * h.unsqueeze(1)), b[:, 1:]], 1)


Candidate = Callable[[Tensor, Tensor, Tensor], Tensor]


def candidates(kind: str) -> dict[str, Candidate | None]:
    """The competitors for "unit" (inputs turns, b, h) or "real" (inputs a, b, h) by name."""
    mambapy = find_spec("mambapy") is not None
    if kind == "unit":
        return {
            "loop": lambda x, b, h: diagonal_loop(_circle(x), b, h)[0],
            "associative": lambda x, b, h: associative(_circle(x), b, h),
            "torch associative_scan": lambda x, b, h: _torch_associative(_circle(x), b, h),
            "mambapy": (lambda x, b, h: _mambapy(_circle(x), b, h)) if mambapy else None,
            "torch": lambda x, b, h: unit_scan(x, b, UnitState.of(h), "torch")[0],
            "numba": lambda x, b, h: unit_scan(x, b, UnitState.of(h), "numba")[0],
            "copy": _copy,
        }
    return {
        "loop": lambda a, b, h: diagonal_loop(a, b, h)[0],
        "associative": associative,
        "torch associative_scan": _torch_associative,
        "mambapy": _mambapy if mambapy else None,
        "torch": lambda a, b, h: diagonal_scan(a, b, h, "torch")[0],
        "numba": lambda a, b, h: diagonal_scan(a, b, h, "numba")[0],
        "copy": _copy,
    }


def _inputs(kind: str, shape: tuple[int, int, int]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    batch, _, channels = shape
    dtype = torch.complex64 if kind == "unit" else torch.float32
    first = torch.rand(shape, generator=generator) - (0.5 if kind == "unit" else 0.0)
    b = torch.randn(shape, generator=generator, dtype=dtype)
    return [first, b, torch.randn((batch, channels), generator=generator, dtype=dtype)]


def _forward(run: Candidate, inputs: list[Tensor]) -> None:
    with torch.no_grad():
        run(*inputs)


def _both(run: Candidate, inputs: list[Tensor], gradient: Tensor) -> None:
    if run is _copy:
        _copy(*inputs)
        _copy(*inputs)
        return
    leaves = [x.detach().requires_grad_() for x in inputs]
    run(*leaves).backward(gradient)


def interleaved(jobs: dict[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """Median milliseconds of each job, all jobs taking turns; one untimed round first."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if turn:
                times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def measure(shapes: tuple[tuple[int, int, int], ...] = SHAPES, repeats: int = 9) -> list[Row]:
    """Every candidate at every shape (batch, length, channels), single precision; sets torch to one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    try:
        for kind in ("unit", "real"):
            for shape in shapes:
                inputs = _inputs(kind, shape)
                gradient = torch.ones_like(inputs[1])
                runs = candidates(kind)
                jobs: dict[str, Callable[[], None]] = {}
                for name, run in runs.items():
                    if run is not None:
                        jobs[f"{name} forward"] = partial(_forward, run, inputs)
                        jobs[name] = partial(_both, run, inputs, gradient)
                found = interleaved(jobs, repeats)
                for name in runs:
                    both = found.get(name)
                    ratio = None if both is None else both / found["numba"]
                    rows.append(Row(kind, *shape, name, found.get(f"{name} forward"), both, ratio))
    finally:
        torch.set_num_threads(threads)
    return rows


def _cell(value: object) -> str:
    if value is None:
        return "missing"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table."""
    print("| recurrence | batch | length | channels | candidate | forward, ms | both, ms | over numba |")
    print("|---|---|---|---|---|---|---|---|")
    for row in measure(((2, 16, 4),), 1) if quick else measure():
        print("| " + " | ".join(_cell(value) for value in asdict(row).values()) + " |")


if __name__ == "__main__":
    main()
