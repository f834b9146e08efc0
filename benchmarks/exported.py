"""Exported networks: one word of 10,000 tokens through onnxruntime, and through the network itself.

Both in float32 on one thread, in turn; medians are shown. Logits are compared; a difference of one bit is an error.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

TOKENS, REPEATS = 10_000, 15
MACHINES = ("S3", "S4", "GL(2,3)", "flip-flop(2)")


def candidates(name: str) -> dict[str, Callable[[Any], Any]]:
    """What takes int64 tokens (batch, length) in NumPy, and gives logits."""
    import onnxruntime
    import torch

    import subnormal as sn

    torch.set_num_threads(1)
    network = sn.compile(name).network(dtype="float32").requires_grad_(False).eval()
    free = torch.export.Dim.DYNAMIC
    example = (torch.zeros(2, 5, dtype=torch.int64),)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network, example, input_names=["tokens"], dynamic_shapes=({0: free, 1: free},), verbose=False
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    assert program is not None
    content = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return {
        "network": lambda words: network(torch.from_numpy(words)).numpy(),
        "onnxruntime": lambda words: session.run(None, {"tokens": words})[0],
    }


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table."""
    import numpy as np

    print("| machine | candidate | ms | of the network's |\n|---|---|--:|--:|")
    for name in MACHINES[:1] if quick else MACHINES:
        jobs = candidates(name)
        times: dict[str, list[float]] = {candidate: [] for candidate in jobs}
        words = np.random.default_rng(0).integers(2, size=(1, 50 if quick else TOKENS))
        for turn in range(2 if quick else REPEATS + 1):
            found = []
            for candidate, job in jobs.items():
                began = time.perf_counter()
                found.append(job(words))
                if turn:
                    times[candidate].append(time.perf_counter() - began)
            if not np.array_equal(*found):
                raise RuntimeError(f"{name}: onnxruntime answers otherwise")
        own = statistics.median(times["network"])
        for candidate, spent in times.items():
            median = statistics.median(spent)
            print(f"| {name} | {candidate} | {1000 * median:.1f} | {median / own:.2f} |")


if __name__ == "__main__":
    main()
