"""The table of docs/automata.md: the named tasks, what they need, how much processor time it takes to compile them, and
how fast their cascades run in compiled code.

python -m docs.generators.automata
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.execution import automaton_rates
from subnormal.algebra.automata.named import TASKS
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import read_automaton
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.automata.inspection import inspect_automaton
from subnormal.proofs_check.certificates.automaton_certificate import certify_automaton

SHOWN = ("s4d", "mamba", "negative-mamba", "aussm", "gated-aussm")
LENGTH = 100_000


def row(name: str) -> str:
    """One row of the table, in Markdown."""
    given = read_automaton(name)
    inspection = inspect_automaton(given)
    began = time.process_time()
    compilation = compile_automaton(given, FAMILIES["gated-aussm"])
    with tempfile.TemporaryDirectory() as folder:
        compilation.save(Path(folder) / "f")
        certify_automaton(Path(folder) / "f")
    seconds = time.process_time() - began
    cascade = compilation.cascade
    word = np.random.default_rng(0).integers(given.width, size=LENGTH).astype(np.int32)
    assert np.array_equal(cascade.outputs(word), compilation.automaton.run(word))
    groups = ", ".join(dict.fromkeys(str(sub["name"]) for sub in inspection.subgroups)) or "–"
    depths = [inspection.judgements[family].layers_text.replace("never", "–") for family in SHOWN]
    entries = sum(layer.increments.size for layer in cascade.layers)
    rates = automaton_rates(name, repeats=3)
    cells = [f"`{name}`", str(inspection.automaton.count), f"{inspection.monoid.order:,}", groups, *depths]
    return (
        "| "
        + " | ".join([*cells, f"{entries:,}", f"{seconds:.2f}", f"{rates['numba'] / rates['table loop']:.2g}"])
        + " |"
    )


def main() -> None:
    """Print the table."""
    titles = [FAMILIES[family].title for family in SHOWN]
    print("| task | states | monoid | subgroups | " + " | ".join(titles) + " | entries | seconds | of a loop |")
    print("|---|---|---|---|" + "---|" * (len(titles) + 3))
    for name in TASKS:
        print(row(name), flush=True)


if __name__ == "__main__":
    main()
