"""The recurrences on a GPU, single precision: our Triton kernels beside our torch path, and the memory floor.

``python -m benchmarks gpu`` measures, on a machine that has one. The floor is each input read
once and each output written once, at the bandwidth of a large copy on the same card; "share" is the floor over the
time. Backward reads inputs, states and their gradients, and writes the gradients of the inputs. Medians of repetitions
timed by events. The last table trains a batch of runs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from subnormal.models.batch import Adam, NetworkBatch
from subnormal.models.network import DCDNetwork
from subnormal.models.recurrences import UnitState, diagonal_scan, unit_scan

SHAPES = ((4096, 60, 16), (4096, 256, 64), (256, 4096, 64), (32, 16384, 64), (4, 131072, 64))
"""Words, length, channels. The first is a batch of 256 runs of 16 words."""

BATCHES = (1, 16, 64, 256, 1024)
"""Runs trained together."""


def milliseconds(job: Callable[[], object], repeats: int = 20) -> float:
    """Median time of a job on the GPU."""
    for _ in range(3):
        job()
    torch.cuda.synchronize()
    times = []
    for _ in range(repeats):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        job()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def copy_bandwidth() -> float:
    """Bytes a second, read and written, of a copy of 2 GiB."""
    source = torch.rand(1 << 29, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / (milliseconds(lambda: target.copy_(source)) / 1e3)


def inputs_of(kind: str, shape: tuple[int, int, int]) -> list[Tensor]:
    """Fresh random inputs of a recurrence."""
    words, _, channels = shape
    dtype = torch.complex64 if kind.startswith("unit") else torch.float32
    first = torch.rand(shape, device="cuda") - (0.5 if kind.startswith("unit") else 0.0)
    h = torch.randn(words, channels, device="cuda", dtype=dtype)
    return [first, h] if kind == "unit, b = 0" else [first, torch.randn(shape, device="cuda", dtype=dtype), h]


def run(kind: str, backend: str, inputs: list[Tensor]) -> Tensor:
    """The states."""
    if kind == "real":
        a, b, h = inputs
        return diagonal_scan(a, b, h, backend)[0]  # type: ignore[arg-type]
    drive = inputs[1] if len(inputs) == 3 else None
    return unit_scan(inputs[0], drive, UnitState.of(inputs[-1]), backend)[0]  # type: ignore[arg-type]


BYTES = {"unit": (4 + 8 + 8, 4 + 8 + 8 + 8 + 4 + 8), "unit, b = 0": (4 + 8, 4 + 8 + 8 + 4), "real": (12, 4 * 5)}
"""Least bytes an element, forward and backward."""


def row_of(kind: str, shape: tuple[int, int, int], backend: str, bandwidth: float) -> dict[str, object]:
    """Times of one backend; its states are compared with torch's in double precision first."""
    torch.manual_seed(0)
    inputs = inputs_of(kind, shape)
    with torch.no_grad():
        states = run(kind, backend, inputs)
        double = [x.to(torch.complex128 if x.is_complex() else torch.float64) for x in inputs]
        wanted = run(kind, "torch", double)
        error = float(torch.linalg.vector_norm(states - wanted) / torch.linalg.vector_norm(wanted))
        del double, wanted, states
        forward = milliseconds(lambda: run(kind, backend, inputs))
    leaves = [x.clone().requires_grad_() for x in inputs]
    out = run(kind, backend, leaves)
    gradient = torch.randn_like(out)
    backward = milliseconds(lambda: torch.autograd.grad(out, leaves, gradient, retain_graph=True))
    floors = [1e3 * inputs[0].numel() * size / bandwidth for size in BYTES[kind]]
    torch.cuda.empty_cache()
    return {
        "recurrence": kind,
        "words": shape[0],
        "length": shape[1],
        "channels": shape[2],
        "backend": backend,
        "relative error": error,
        "forward, ms": forward,
        "share of the floor": floors[0] / forward,
        "backward, ms": backward,
        "share": floors[1] / backward,
    }


def measure(quick: bool = False) -> dict[str, object]:
    """All rows; every result is compared with float64 first."""
    bandwidth, shapes = copy_bandwidth(), SHAPES[:1] if quick else SHAPES
    rows = [
        row_of(kind, shape, backend, bandwidth) for kind in BYTES for shape in shapes for backend in ("triton", "torch")
    ]
    return {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "bandwidth, GB/s": bandwidth / 1e9,
        "rows": rows,
        "training": training(BATCHES[:1] if quick else BATCHES),
    }


def training(
    batches: tuple[int, ...] = BATCHES, channels: int = 16, words: int = 16, length: int = 60, steps: int = 20
) -> list[dict[str, float]]:
    """Steps of a batch of S3-sized runs, two AUSSM layers: milliseconds a step, and runs × steps a second."""
    layer = {"family": "aussm", "channels": channels, "hidden": 64, "readout": 32, "activation": "gelu"}
    rows = []
    for runs in batches:
        batch = NetworkBatch([DCDNetwork(6, 6, [layer] * 2, seed=seed) for seed in range(runs)], "cuda")
        adam = Adam(torch.full((runs,), 1e-3, device="cuda"), torch.zeros(batch.flat.shape[1], device="cuda"), 1.0)
        tokens, labels = torch.randint(6, (2, runs, words, length), device="cuda")

        def step(number: int) -> None:
            logits, _ = batch(tokens)  # noqa: B023
            losses = functional.cross_entropy(logits.flatten(0, 2), labels.flatten(), reduction="none")  # noqa: B023
            (gradient,) = torch.autograd.grad(losses.view(runs, -1).mean(1).sum(), batch.flat)  # noqa: B023
            adam.step(batch.flat, gradient, number)  # noqa: B023

        for number in range(1, 6):
            step(number)
        torch.cuda.synchronize()
        began = time.perf_counter()
        for number in range(6, 6 + steps):
            step(number)
        torch.cuda.synchronize()
        each = (time.perf_counter() - began) / steps
        rows.append({"runs": runs, "step, ms": each * 1e3, "runs × steps a second": runs / each})
    return rows


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def table(rows: list[dict[str, object]]) -> str:
    """Rows as Markdown."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join([*lines, *("| " + " | ".join(map(_cell, row.values())) + " |" for row in rows)])


def main(quick: bool = False) -> None:
    """Print the tables."""
    if not torch.cuda.is_available():
        print("Not measured: there was no GPU.")
        return
    found = measure(quick)
    print(f"{found['device']}, torch {found['torch']}; a copy moves {found['bandwidth, GB/s']:.0f} GB/s\n")
    print(table(found["rows"]))  # type: ignore[arg-type]
    print()
    print(table(found["training"]))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
