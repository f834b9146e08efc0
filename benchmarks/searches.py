"""Searches for fewer layers: `inspect` of random automata of at most 48 states, beside the holonomy machine alone.

The sample is drawn from a fixed seed, 44 automata of each kind: sparse ones, whose letters move one state or two; dense
ones, whose letters are any maps; those whose letters are permutations but for one; minimal automata of random regular
expressions; and products of two of few states. `inspect` judges every family; the holonomy machine is that of a Gated
AUSSM. Both are processor time in one process, nothing kept from one to the other.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from subnormal.algebra.automata import congruences, holonomy
from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.automata.regular_expression import regular_expression
from subnormal.algebra.depth.families import FAMILIES, GATED_CIRCLE
from subnormal.common.errors import InputError
from subnormal.constructions.automata.decomposition import MAX_STATES_TAKEN_APART
from subnormal.constructions.automata.holonomy_machine import Style, holonomy_machine
from subnormal.constructions.automata.inspection import AutomatonInspection, inspect_automaton
from subnormal.constructions.automata.machine import compile_loops

EACH = 44
"""Automata of each kind."""

FACTOR, FLOOR = 100, 0.5
"""What is wanted: at most so many times the holonomy machine's time, or so many seconds."""


@dataclass(frozen=True)
class Row:
    """One automaton. Times in seconds of processor time.

    Arguments:
        kind, name, states: the automaton.
        ours: of `inspect`.
        alone: of the holonomy machine.
        layers: what `inspect` says of each family.
        stopped: whether a search stopped at its bound on work.
    """

    kind: str
    name: str
    states: int
    ours: float
    alone: float
    layers: dict[str, str]
    stopped: bool

    @property
    def ratio(self) -> float:
        return self.ours / self.alone


def _sparse(source: np.random.Generator) -> Automaton:
    n, m = int(source.integers(4, 25)), int(source.integers(2, 5))
    table = np.tile(np.arange(n)[:, None], (1, m))
    for x in range(m):
        moved = source.choice(n, size=int(source.integers(1, 3)), replace=False)
        table[moved, x] = source.integers(n, size=len(moved))
    return Automaton.make("sparse", table)


def _dense(source: np.random.Generator) -> Automaton:
    return Automaton.make("dense", source.integers(int(n := source.integers(3, 8)), size=(n, source.integers(2, 4))))


def _permuting(source: np.random.Generator) -> Automaton:
    n = int(source.integers(3, 9))
    columns = [source.permutation(n) for _ in range(int(source.integers(1, 3)))]
    columns.append(np.full(n, source.integers(n)) if source.integers(2) else np.minimum(np.arange(n), n - 2))
    return Automaton.make("permuting", np.stack(columns, axis=1))


def _expression(source: np.random.Generator) -> Automaton:
    def part(depth: int) -> str:
        if not depth or source.random() < 0.2:
            return str(source.choice(list("abc")))
        kind = source.integers(4)
        if kind == 0:
            return f"({part(depth - 1)}|{part(depth - 1)})"
        if kind == 1:
            return part(depth - 1) + part(depth - 1)
        if kind == 2:
            return f"({part(depth - 1)})*"
        low = int(source.integers(0, 3))
        return f"({part(depth - 1)}){{{low},{low + int(source.integers(1, 4))}}}"

    return regular_expression(part(4))


def _product(source: np.random.Generator) -> Automaton:
    first, second, m = int(source.integers(2, 5)), int(source.integers(2, 5)), int(source.integers(2, 4))
    one, two = source.integers(first, size=(first, m)), source.integers(second, size=(second, m))
    table = (one[:, None] * second + two[None]).reshape(-1, m)
    return Automaton.make("product", table)


KINDS: dict[str, Callable[[np.random.Generator], Automaton]] = {
    "sparse": _sparse,
    "dense": _dense,
    "permuting": _permuting,
    "expressions": _expression,
    "products": _product,
}


def sample(each: int = EACH) -> Iterator[tuple[str, Automaton]]:
    """The automata, all different, each minimal or reachable, of 2 states at least, and with few enough images."""
    seen: set[bytes] = set()
    for number, (kind, draw) in enumerate(KINDS.items()):
        source = np.random.default_rng(number)
        count = 0
        while count < each:
            try:
                automaton = draw(source).minimal()
                if not 2 <= automaton.count <= MAX_STATES_TAKEN_APART or automaton.table.tobytes() in seen:
                    continue
                holonomy.Holonomy.of(automaton)
            except InputError:
                continue
            seen.add(automaton.table.tobytes())
            count += 1
            yield kind, automaton


def alone(automaton: Automaton) -> float:
    """Seconds of the holonomy machine alone."""
    holonomy._kept.clear()
    started = time.process_time()
    with contextlib.suppress(InputError):
        holonomy_machine(automaton, Style(False, (GATED_CIRCLE,)))
    return time.process_time() - started


def row(kind: str, automaton: Automaton) -> Row:
    """One automaton, measured."""
    least = min(alone(automaton) for _ in range(3))
    holonomy._kept.clear()
    congruences.forget()
    started = time.process_time()
    found = inspect_automaton(automaton)
    ours = time.process_time() - started
    assert isinstance(found, AutomatonInspection)
    judged = found.judgements
    layers = {FAMILIES[name].key: one.layers_text for name, one in judged.items()}
    return Row(kind, automaton.name, automaton.count, ours, least, layers, any(one.stopped for one in judged.values()))


def measure(each: int = EACH) -> list[Row]:
    """One row for each automaton of the sample; the first one also warms up, and compiled loops are loaded before."""
    found: list[Row] = []
    compile_loops()
    for kind, automaton in sample(each):
        if not found:
            row(kind, automaton)
        found.append(row(kind, automaton))
    return found


def main(quick: bool = False) -> None:
    """Print the distribution, kind by kind, as a Markdown table."""
    rows = measure(2 if quick else EACH)
    print("| kind | automata | states | `inspect`, s | worst | over the holonomy machine, median | 90 % | worst |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for kind in (*KINDS, "all"):
        own = [one for one in rows if kind in (one.kind, "all")]
        ratios = sorted(one.ratio for one in own)
        states = [one.states for one in own]
        print(
            f"| {kind} | {len(own)} | {min(states)}–{max(states)} | {statistics.median(o.ours for o in own):.4f} | "
            f"{max(o.ours for o in own):.3f} | {statistics.median(ratios):.1f} | {ratios[len(own) * 9 // 10]:.0f} | "
            f"{ratios[-1]:.0f} |"
        )
    over = [one for one in rows if one.ratio > FACTOR and one.ours > FLOOR]
    print(
        f"\nOver {FACTOR} times the holonomy machine and over {1000 * FLOOR:.0f} ms: {len(over)} of {len(rows)}. "
        f"A search stopped at its bound on work for {sum(one.stopped for one in rows)}."
    )


if __name__ == "__main__":
    main()
