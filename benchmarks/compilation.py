"""Compiling: seconds and memory from a group's name to its checked tables, and the whole catalogue.

`measure()` returns the rows, `python -m benchmarks.compilation` prints them. Each group is compiled in a process of
its own with its generators as alphabet: listing, series, complements, cascade, and the check of every state and token.
There is no peer that compiles; the catalogue's series stand beside GAP's in the group section.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

GROUPS = (
    "S4",
    "GL(2,3)",
    "S3wrS3",
    "GL(2,3)wrC2",
    "C2wrC2wrC2wrC2",
    "S4wrC3",
    "AGL(1,256)",
    "S4^4",
    "S4wrC4",
)
REPEATS = 3

SCRIPT = """
import json, resource, sys, time
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import list_group
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.verification import first_fault
began = time.perf_counter()
group = list_group(sys.argv[1])
compilation = compile_group(group, [FAMILIES["aussm"]], "generators")
compiled = time.perf_counter()
assert first_fault(compilation.cascade, group) is None
checked = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([group.order, len(compilation.cascade.layers), compiled - began, checked - compiled, peak]))
"""


@dataclass(frozen=True)
class Row:
    """One group: medians of seconds to compile and to check, and the peak memory of the process in MiB."""

    group: str
    order: int
    layers: int
    compile_seconds: float
    check_seconds: float
    peak: float


def measure(groups: Sequence[str] = GROUPS, repeats: int = REPEATS) -> list[Row]:
    """All groups, interleaved."""
    found: dict[str, list[list[float]]] = {name: [] for name in groups}
    for _ in range(repeats):
        for name in groups:
            output = subprocess.run([sys.executable, "-c", SCRIPT, name], capture_output=True, text=True, check=True)
            found[name].append(json.loads(output.stdout))
    rows = []
    for name, runs in found.items():
        order, layers, compile_seconds, check_seconds, peak = (
            statistics.median(column) for column in zip(*runs, strict=True)
        )
        rows.append(Row(name, int(order), int(layers), compile_seconds, check_seconds, peak))
    return rows


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table."""
    print("| group | order | layers | compile, s | check all states, s | peak memory, MiB |")
    print("|---|--:|--:|--:|--:|--:|")
    for row in measure(GROUPS[:2], 1) if quick else measure():
        numbers = f"{row.compile_seconds:.3f} | {row.check_seconds:.3f} | {row.peak:.0f}"
        print(f"| {row.group} | {row.order:,} | {row.layers} | {numbers} |")


if __name__ == "__main__":
    main()
