"""Exact execution: tokens a second of cascades and of what does the same, in one run.

`measure()` returns the rows, `python -m benchmarks.execution` prints them. All candidates of a task run in turn,
again and again, so that a noisy neighbour slows all of them; medians of the times are reported, and ratios within the
run. Compilation is not timed: every candidate runs once before the clock starts. Answers are compared; a difference is
an error.

Ordinary cascades, of a random word over all elements: `table loop`, the plain numba loop of one look-up (state,
token) a token in the whole transition table, the yardstick; `numba`, the residue cascade fused over its layers, on
one thread; `numba, 2 threads`, in two segments; `NumPy`, the residue cascade layer by layer; `Python`, a loop
over a list of lists, on a hundredth of the word.

Automata, of a random word: `table loop` is the loop of one look-up (state, token) a token in the automaton's own
table; `numba` and `NumPy` run its cascade, with resets, in residues.

Factored cascades, of a random word over the generators: `numba` and `NumPy` from tokens to residues, `decode`
from residues to permutations (numba), and as the yardstick `composition`, a numba loop that multiplies permutations.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.arithmetic.permutations import smallest_dtype
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import list_group, parse_group, read_automaton
from subnormal.algebra.tracked import TrackedGroup, TrackedPermutations
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.cascade import Cascade
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.factored.compiler import compile_factored

LISTED = ("S4", "GL(2,3)", "C60", "S3wrC2")
AUTOMATA = ("flip-flop(2)", "tomita(3)", "modular-arithmetic(7,left-to-right)", "grid(5,5)", "dyck(2,4)")
FACTORED = ("S4wrS4", "S4wrS4wrS4")
TOKENS = 10_000_000
FACTORED_TOKENS = 200_000
REPEATS = 7
PYTHON_SHARE = 100
"""The Python loop runs on the word's length divided by this."""


@dataclass(frozen=True)
class Row:
    """One candidate on one task. `rate` is in million tokens a second, None where numba is missing; `ratio` is the
    rate over that of the task's yardstick."""

    task: str
    tokens: int
    candidate: str
    rate: float | None
    ratio: float | None


def _python_loop(table: list[list[int]], word: list[int]) -> list[int]:
    state, states = 0, []
    for token in word:
        state = table[state][token]
        states.append(state)
    return states


def _listed_jobs(cascade: Cascade, word: NDArray[np.integer]) -> dict[str, Callable[[], Any]]:
    """Each returns the states; the yardstick first."""
    table, letters = cascade.transitions().tolist(), word[: len(word) // PYTHON_SHARE].tolist()
    jobs: dict[str, Callable[[], Any]] = {}
    if find_spec("numba") is not None:
        from benchmarks.cascade_kernels import CompiledCascade, run_table, table_automaton

        small = table_automaton(cascade)
        one, two = CompiledCascade(cascade), CompiledCascade(cascade, 2)
        jobs["table loop"] = lambda: run_table(small, word)
        jobs["numba"] = lambda: one.run(word)
        jobs["numba, 2 threads"] = lambda: two.run(word)
    jobs["NumPy"] = lambda: cascade.run(word)
    jobs["Python"] = lambda: _python_loop(table, letters)
    return jobs


def _automaton_jobs(name: str, length: int) -> dict[str, Callable[[], Any]]:
    """Each returns the cascade's or the automaton's states, compared by what the cascade decodes to."""
    compilation = compile_automaton(read_automaton(name), FAMILIES["gated-aussm"])
    automaton, cascade = compilation.automaton, compilation.cascade
    word = np.random.default_rng(0).integers(automaton.width, size=length, dtype=np.int32)
    jobs: dict[str, Callable[[], Any]] = {}
    states = cascade.run(word)
    if find_spec("numba") is not None:
        from benchmarks.cascade_kernels import CompiledCascade, run_table

        small, machine = automaton.table.astype(smallest_dtype(automaton.count)), CompiledCascade(cascade)
        if not np.array_equal(machine.run(word), states):
            raise RuntimeError(f"{name}: the compiled states are not NumPy's")
        if not np.array_equal(run_table(small, word, automaton.start), cascade.decode[states]):
            raise RuntimeError(f"{name}: the cascade's states are not the automaton's")
        jobs["table loop"] = lambda: run_table(small, word, automaton.start)
        jobs["numba"] = lambda: machine.run(word)
    jobs["NumPy"] = lambda: cascade.run(word)
    return jobs


def _factored_jobs(name: str, length: int) -> dict[str, Callable[[], Any]]:
    group = parse_group(name)
    cascade = compile_factored(name, group.permutations, FAMILIES["aussm"]).cascade
    word = np.random.default_rng(0).integers(len(cascade.alphabet), size=length, dtype=np.int32)
    jobs: dict[str, Callable[[], Any]] = {}
    expected = TrackedPermutations(cascade.alphabet).run(word)
    residues = cascade.run(word)
    if (cascade.decode(residues) != expected).any():
        raise RuntimeError(f"{name}: the cascade's permutations are not the running product")
    if find_spec("numba") is not None:
        from numba import njit

        from subnormal.constructions.factored.kernels import CompiledFactored

        @njit
        def compose(alphabet, word, images):  # type: ignore[no-untyped-def]
            degree = alphabet.shape[1]
            for p in range(degree):
                images[0, p] = alphabet[word[0], p]
            for t in range(1, len(word)):
                for p in range(degree):
                    images[t, p] = alphabet[word[t], images[t - 1, p]]
            return images

        machine, images = CompiledFactored(cascade), np.empty_like(expected)
        if (compose(cascade.alphabet, word, images) != expected).any():
            raise RuntimeError(f"{name}: the yardstick is wrong")
        if (machine.decode(machine.run(word)) != expected).any():
            raise RuntimeError(f"{name}: the compiled permutations are not the running product")
        by_rows = np.ascontiguousarray(residues)
        jobs["composition"] = lambda: compose(cascade.alphabet, word, images)
        jobs["numba"] = lambda: machine.run(word)
        jobs["decode"] = lambda: machine.decode(by_rows)
    jobs["NumPy"] = lambda: cascade.run(word)
    return jobs


def _rates(jobs: dict[str, Callable[[], Any]], length: int, repeats: int) -> dict[str, float]:
    """Million tokens a second of each job, by the median of interleaved runs; one untimed round first."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            if turn:
                times[name].append(time.perf_counter() - started)
    return {name: length / statistics.median(values) / 1e6 for name, values in times.items()}


def automaton_rates(name: str, tokens: int = TOKENS, repeats: int = REPEATS) -> dict[str, float]:
    """Million tokens a second of an automaton's candidates, by name."""
    return _rates(_automaton_jobs(name, tokens), tokens, repeats)


def measure(tokens: int = TOKENS, factored_tokens: int = FACTORED_TOKENS, repeats: int = REPEATS) -> list[Row]:
    """Run everything; two minutes."""
    rows = []
    for name in LISTED:
        group = list_group(name)
        cascade = compile_group(group, [FAMILIES["aussm"]], "all").cascade
        word = TrackedGroup(group, cascade.alphabet).word("random", tokens)
        jobs = _listed_jobs(cascade, word)
        expected = cascade.run(word)
        for candidate, job in jobs.items():
            found = np.asarray(job())
            if not np.array_equal(found, expected[: len(found)]):
                raise RuntimeError(f"{name}: {candidate} gives other states")
        rates = _rates(jobs, tokens, repeats)
        rates["Python"] /= PYTHON_SHARE
        rows += _rows(f"{name}, all elements", tokens, rates, "table loop")
    for name in AUTOMATA:
        rows += _rows(name, tokens, automaton_rates(name, tokens, repeats), "table loop")
    for name in FACTORED:
        rates = _rates(_factored_jobs(name, factored_tokens), factored_tokens, repeats)
        rows += _rows(f"{name}, generators", factored_tokens, rates, "composition")
    return rows


def _rows(task: str, tokens: int, rates: dict[str, float], yardstick: str) -> list[Row]:
    base = rates.get(yardstick)
    missing = [] if base else [Row(task, tokens, f"{yardstick} and other numba loops", None, None)]
    return missing + [Row(task, tokens, name, rate, rate / base if base else None) for name, rate in rates.items()]


def _cell(value: object) -> str:
    if value is None:
        return "missing"
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table."""
    print("| task | tokens | candidate | million tokens/s | over the yardstick |\n|---|--:|---|--:|--:|")
    for row in measure(20_000, 500, 1) if quick else measure():
        print("| " + " | ".join(_cell(value) for value in asdict(row).values()) + " |", flush=True)


if __name__ == "__main__":
    main()
