"""Where the time goes in the slowest part: compiling the largest group that is listed, S4wrC4 with 1,327,104 elements.

`python -m benchmarks profiling` prints the functions with the most time of their own, by cProfile.
"""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import list_group
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.verification import first_fault

GROUP = "S4wrC4"
ROWS = 10

DONE = """
What was done about it: cosets are added a whole level at a time, by array operations, where each coset cost a
Python step before; elements are listed from a stabiliser chain and looked up in a trie of base images, one
gather a base point, where they were rows in a hash table before. On a busy machine listing S4wrC3 fell from
52 to 8 ms, AGL(1,256) from 0.64 to 0.29 s, and `inspect S9` by listing from 38 to 3 s (it takes chains now).
What is left is gathers over all elements.
"""


def measure(name: str = GROUP) -> list[tuple[str, int, float, float]]:
    """(function, calls, own seconds, seconds with what it calls), the most own seconds first."""
    profile = cProfile.Profile()
    profile.enable()
    group = list_group(name)
    compilation = compile_group(group, [FAMILIES["aussm"]], "generators")
    assert first_fault(compilation.cascade, group) is None
    profile.disable()
    rows = []
    for (file, line, name), (_, calls, own, total, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        where = f"{Path(file).name}:{line} {name}" if line else name
        rows.append((where.replace("|", "\\|"), calls, own, total))
    return sorted(rows, key=lambda row: -row[2])[:ROWS]


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table, and what was done about them."""
    print("| function | calls | own, s | in all, s |")
    print("|---|--:|--:|--:|")
    for function, calls, own, total in measure("S4" if quick else GROUP):
        print(f"| `{function}` | {calls:,} | {own:.2f} | {total:.2f} |")
    print(DONE)


if __name__ == "__main__":
    main()
