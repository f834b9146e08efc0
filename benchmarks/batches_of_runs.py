"""Does training R runs side by side pay? One thread, S3-sized networks; the least CPU time of several repetitions.

    python -m benchmarks batches_of_runs

`one` is a single network trained with torch's own modules and Adam; `batch` is R runs in one `NetworkBatch`. The ratio
says how many single steps a step of the whole batch costs: below R, the batch pays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from subnormal.models.batch import Adam, NetworkBatch
from subnormal.models.network import DCDNetwork

RUNS = (4, 8, 16, 32)
"""Runs in a batch."""


def network(channels: int, layers: int, seed: int) -> DCDNetwork:
    layer = {
        "family": "aussm",
        "channels": channels,
        "hidden": 4 * channels,
        "readout": 2 * channels,
        "activation": "gelu",
    }
    return DCDNetwork(6, 6, [layer] * layers, seed=seed)


def least(step: Callable[[], None], repetitions: int = 15) -> float:
    """Milliseconds."""
    times = []
    for i in range(repetitions + 3):
        began = time.process_time()
        step()
        if i >= 3:
            times.append(time.process_time() - began)
    return min(times) * 1e3


def one(channels: int, layers: int, batch: int, length: int) -> float:
    model = network(channels, layers, 0)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    tokens, labels = torch.randint(6, (2, batch, length))

    def step() -> None:
        optimiser.zero_grad()
        functional.cross_entropy(model(tokens).flatten(0, 1), labels.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    return least(step)


def together(runs: int, channels: int, layers: int, batch: int, length: int) -> float:
    models = NetworkBatch([network(channels, layers, seed) for seed in range(runs)])
    adam = Adam(torch.full((runs,), 1e-3), torch.zeros(models.flat.shape[1]), 1.0)
    tokens, labels = torch.randint(6, (2, runs, batch, length))

    def step() -> None:
        logits, _ = models(tokens)
        losses = functional.cross_entropy(logits.flatten(0, 2), labels.flatten(), reduction="none").view(runs, -1)
        (gradient,) = torch.autograd.grad(losses.mean(1).sum(), models.flat)
        adam.step(models.flat, gradient, 1)

    return least(step)


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table; one torch thread meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _print_rows((2,) if quick else RUNS, (4,) if quick else (4, 16), ((2, 5),) if quick else ((16, 30), (64, 60)))
    finally:
        torch.set_num_threads(threads)


def _print_rows(runs: Sequence[int], widths: Sequence[int], words: Sequence[tuple[int, int]]) -> None:
    torch.manual_seed(0)
    print("| channels | layers | batch | length | one run, ms | " + " | ".join(f"{r} runs" for r in runs) + " |")
    print("|--:" * (5 + len(runs)) + "|")
    for channels in widths:
        for layers in (1, 2):
            for batch, length in words:
                single = one(channels, layers, batch, length)
                parts = []
                for number in runs:
                    whole = together(number, channels, layers, batch, length)
                    parts.append(f"{whole:.1f} ms, {whole / single:.1f}×")
                print(f"| {channels} | {layers} | {batch} | {length} | {single:.2f} | {' | '.join(parts)} |")


if __name__ == "__main__":
    main()
