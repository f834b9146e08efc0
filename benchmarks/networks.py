"""Compiled networks: tokens a second and bytes beside the same network with all matrices, and beside its bare tables.

`matrices` is the network as it was written before it was compact (`DCDNetwork.dense`): the same class, the same
`predict`. `tables` is what a short program does with the cascade's own tables in torch: a look-up, a running sum and a
remainder a channel, without a network's phases and decisions. All candidates of a group run in turn on one random word
and one thread; medians are shown. Answers are compared; a difference is an error.

`decompile` reads the network of a group back from its answers, in a process of its own; its peak memory is shown.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import list_group
from subnormal.algebra.tracked import TrackedGroup
from subnormal.constructions.artifact import tensor_bytes
from subnormal.constructions.cascade import Cascade
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.weights import network_parameters

GROUPS = {"S4": 200_000, "GL(2,3)": 50_000, "D250": 20_000, "D500": 6_000}
"""Group, and tokens that the matrices are run on; the others run on `MORE` times as many."""

MORE = 20
REPEATS = 3
DECOMPILED = "GL(2,3)"


@dataclass(frozen=True)
class Row:
    """One candidate: tokens a second, and the size of its weights in bytes."""

    group: str
    candidate: str
    rate: float
    bytes: int


def tables(cascade: Cascade) -> Callable[[np.ndarray], np.ndarray]:
    """The cascade's tables in torch: tokens (T,) to elements (T,)."""
    import torch

    increments = [torch.from_numpy(layer.increments).long().flatten(0, 1) for layer in cascade.layers]
    moduli = [torch.tensor(layer.moduli) for layer in cascade.layers]
    places = [torch.tensor(layer.places) for layer in cascade.layers]
    decode = torch.from_numpy(cascade.decode)

    def run(tokens: np.ndarray) -> np.ndarray:
        word = torch.from_numpy(tokens)
        state = torch.zeros(len(word) + 1, dtype=torch.int64)
        for table, n, place, layer in zip(increments, moduli, places, cascade.layers, strict=True):
            residues = table[state[:-1] * len(cascade.alphabet) + word].cumsum(0) % n
            state *= layer.states
            state[1:] += (residues * place).sum(1)
        return decode[state[1:]].numpy()

    return run


def measure(groups: dict[str, int], repeats: int = REPEATS) -> list[Row]:
    """Run every candidate of every group."""
    import torch

    from subnormal.models.compiled import network_of
    from subnormal.models.network import DCDNetwork

    torch.set_num_threads(1)
    rows = []
    for name, tokens in groups.items():
        compilation = compile_group(list_group(name), [FAMILIES["aussm"]], "all")
        compact = network_of(compilation.weights)
        dense = compact.dense()
        word = np.random.default_rng(0).integers(compact.alphabet_size, size=MORE * tokens)
        run_tables = tables(compilation.cascade)

        def predicted(network: DCDNetwork, word: np.ndarray) -> np.ndarray:
            found: np.ndarray = network.predict(torch.from_numpy(word)[None])[0][0].numpy()
            return found

        jobs: dict[str, Callable[[], np.ndarray]] = {
            "compact": partial(predicted, compact, word),
            "matrices": partial(predicted, dense, word[:tokens]),
            "tables": partial(run_tables, word),
        }
        times: dict[str, list[float]] = {candidate: [] for candidate in jobs}
        for turn in range(repeats + 1):
            expected = None
            for candidate, job in jobs.items():
                started = time.perf_counter()
                found = job()
                if turn:
                    times[candidate].append(time.perf_counter() - started)
                expected = found if expected is None else expected
                if not np.array_equal(found, expected[: len(found)]):
                    raise RuntimeError(f"{name}: {candidate} answers otherwise")
        _, arrays = network_parameters(compilation.weights)
        sizes = {
            "compact": len(tensor_bytes(arrays)),
            "matrices": sum(p.numel() * p.element_size() for p in dense.parameters()),
            "tables": 4 * sum(layer.increments.size for layer in compilation.cascade.layers),
        }
        for candidate, spent in times.items():
            length = tokens if candidate == "matrices" else MORE * tokens
            rows.append(Row(name, candidate, length / statistics.median(spent), sizes[candidate]))
    return rows


def decompiled(name: str, dense: bool) -> tuple[float, float, float]:
    """Seconds of `decompile` on a compiled network, this process's peak memory in MiB, and that before it began."""
    from subnormal.models.compiled import network_of
    from subnormal.models.learning.decompile import decompile_network
    from subnormal.models.training.tasks import Task

    group = list_group(name)
    network = network_of(compile_group(group, [FAMILIES["aussm"]], "all").weights)
    if dense:
        network = network.dense()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.process_time()
    found = decompile_network(network, Task(TrackedGroup(group, np.arange(group.order))))
    if found.exact is None:
        raise RuntimeError(f"{name}: {found.failure}")
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, before


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table, and what `decompile` takes."""
    name = "S3" if quick else DECOMPILED
    said = []
    for form in ("compact", "matrices"):  # first: a new process begins with the peak of the one that started it
        command = [sys.executable, "-m", "benchmarks.networks", name, form]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        took = f"{out[0]} s of processor time, {out[1]} MiB at most, {out[2]} before"
        said.append(f"`decompile` of {name}, {form}: {took}.")
    rows = measure({"S4": 50} if quick else GROUPS, 1 if quick else REPEATS)
    print("| group | candidate | tokens/s | over the matrices | bytes | of the matrices |\n|---|---|--:|--:|--:|--:|")
    for row in rows:
        peer = next(one for one in rows if one.group == row.group and one.candidate == "matrices")
        print(
            f"| {row.group} | {row.candidate} | {row.rate:,.0f} | {row.rate / peer.rate:.3g} | {row.bytes:,} "
            f"| {row.bytes / peer.bytes:.3g} |"
        )
    print("", *said, sep="\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(*(f"{value:,.1f}" for value in decompiled(sys.argv[1], sys.argv[2] == "matrices")))
    else:
        main()
