"""Where the time of a training step goes, on one thread: a batch of 8 runs of S3, a Negative Mamba and an AUSSM layer.

Torch's operations with the most time of their own, by its profiler.
"""

from __future__ import annotations

import time

import torch
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from subnormal.models.batch import Adam, NetworkBatch
from subnormal.models.network import DCDNetwork

RUNS, WORDS, LENGTH, STEPS, ROWS = 8, 16, 60, 20, 8

DONE = """
What was done about it: the slowest single operation that was not a matrix product was ELU, 13 % of a step, in
Δ(x) = 1 + elu(raw): its input was a slice of φ's output, and torch has no vector instructions for ELU on a slice.
Copied out first it takes a tenth (0.36 ms for 3.6 ms, forward and backward, on 123 thousand numbers). What is left is
matrix products. A first run on a machine also compiles the recurrences' kernels, which numba then keeps on disk.
`learn S3` with one run of 400 steps a layer took 37 s under cProfile on a busy machine: half of it was importing torch,
numba and SymPy, 5 s the backward passes. Nothing was done about that.
"""


def measure(steps: int = STEPS) -> tuple[float, list[tuple[str, int, float]]]:
    """Least CPU milliseconds of a step, and (operation, calls a step, share of the time) of the largest."""
    torch.manual_seed(0)
    common = {"channels": 16, "hidden": 64, "readout": 32, "activation": "gelu"}
    layers = [{"family": family, **common} for family in ("negative-mamba", "aussm")]
    batch = NetworkBatch([DCDNetwork(6, 6, layers, seed=seed) for seed in range(RUNS)])
    adam = Adam(torch.full((RUNS,), 1e-3), torch.zeros(batch.flat.shape[1]), 1.0)
    tokens, labels = torch.randint(6, (2, RUNS, WORDS, LENGTH))

    def step(number: int) -> None:
        logits, _ = batch(tokens)
        losses = functional.cross_entropy(logits.flatten(0, 2), labels.flatten(), reduction="none").view(RUNS, -1)
        (gradient,) = torch.autograd.grad(losses.mean(1).sum(), batch.flat)
        adam.step(batch.flat, gradient, number)

    for number in range(1, 6):
        step(number)
    times = []
    for number in range(6, 6 + steps):
        began = time.process_time()
        step(number)
        times.append(time.process_time() - began)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for number in range(6 + steps, 6 + 2 * steps):
            step(number)
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    whole = sum(event.self_cpu_time_total for event in events)
    rows = [(event.key, event.count // steps, event.self_cpu_time_total / whole) for event in events[:ROWS]]
    return 1e3 * min(times), rows


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table, and what was done about them."""
    torch.set_num_threads(1)
    least, rows = measure(1 if quick else STEPS)
    print(f"A step takes {least:.1f} ms.\n")
    print("| operation | calls a step | of the time |")
    print("|---|--:|--:|")
    for name, calls, share in rows:
        print(f"| `{name}` | {calls} | {share:.0%} |")
    print(DONE)


if __name__ == "__main__":
    main()
