"""Automata: `inspect` where decompositions are many, groups without listing, monoids beside libsemigroups, in one run.

Searches are beside their holonomy machine alone; what the image groups take is beside the listing of the same monoid.
libsemigroups (`pip install libsemigroups_pybind11`) enumerates the same monoid by its FroidurePin class; ours lists it
and finds the R-, L- and J-classes. Both have warmed up. Sizes are compared; a difference is an error.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from subnormal.algebra.automata import holonomy
from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.automata.image_groups import Images, image_groups
from subnormal.algebra.automata.monoid import TransitionMonoid
from subnormal.algebra.automata.regular_expression import regular_expression
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import parse_machine
from subnormal.constructions.automata.holonomy_machine import Style, holonomy_machine
from subnormal.constructions.automata.inspection import inspect_automaton

REPEATS = 3

SEARCHES = ("(ab|ba|c){2,6}", "(ab|ba|c){2,4}", "(a|b|c){3,9}a", "(ab*c|b){1,5}", "((a|b)(a|c)){1,4}")
NAMED = (*(f"modular-arithmetic({n},left-to-right)" for n in (7, 13, 31)), "grid(9,9)", "counter(1000)")


@dataclass(frozen=True)
class Row:
    """One task. Times in seconds; None for what was not measured."""

    kind: str
    task: str
    size: str
    ours: float
    beside: str
    theirs: float | None

    @property
    def ratio(self) -> float | None:
        return None if self.theirs is None else self.ours / self.theirs


def seconds(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def random_automata(count: int) -> list[Automaton]:
    """Random automata whose monoids have from 5,000 to a million elements."""
    generator = np.random.default_rng(0)
    found: list[Automaton] = []
    while len(found) < count:
        n, m = int(generator.integers(6, 11)), int(generator.integers(2, 5))
        automaton = Automaton.make(f"random {len(found)}", generator.integers(n, size=(n, m))).minimal()
        order = TransitionMonoid.of(automaton).order
        if order is not None and order > 5_000:
            found.append(automaton)
    return found


def _search(text: str) -> Row:
    automaton = regular_expression(text)
    style = Style(False, (FAMILIES["gated-aussm"],))

    def alone() -> None:
        holonomy._kept.clear()
        holonomy_machine(automaton, style)

    theirs = statistics.median(seconds(alone) for _ in range(REPEATS))
    holonomy._kept.clear()
    inspection = inspect_automaton(automaton)
    holonomy._kept.clear()
    ours = seconds(lambda: inspect_automaton(automaton).as_json())
    layers = inspection.judgements["gated-aussm"].layers_text
    return Row("inspect", f"`{text}`", f"{automaton.count} states, {layers} layers", ours, "holonomy machine", theirs)


def _verdict(text: str) -> Row:
    automaton = parse_machine(text)
    assert isinstance(automaton, Automaton)
    automaton = automaton.minimal()
    ours = statistics.median(seconds(lambda: image_groups(automaton)) for _ in range(REPEATS))
    theirs = seconds(lambda: TransitionMonoid.of(automaton).order)
    monoid = TransitionMonoid.of(automaton)
    size = f"{len(Images(automaton).sets):,} images, monoid {monoid.order_text}"
    return Row("groups on images", f"`{text}`", size, ours, "listing the monoid", theirs)


def _classes(automaton: Automaton) -> TransitionMonoid:
    monoid = TransitionMonoid.of(automaton)
    for found in (monoid.r_classes, monoid.l_classes, monoid.j_classes):
        assert len(found) == monoid.order
    return monoid


def _listing(automaton: Automaton) -> Row:
    monoid = _classes(automaton)
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(seconds(lambda: _classes(automaton)))
        if find_spec("libsemigroups_pybind11"):
            taken, found = _enumerated(automaton)
            theirs.append(taken)
            if found != monoid.order:
                raise RuntimeError(f"{automaton.name}: {monoid.order} elements, libsemigroups finds {found}")
    beside = "libsemigroups, enumeration" if theirs else "libsemigroups missing"
    size = f"{automaton.count} states, {automaton.width} letters, {monoid.order_text} elements"
    median = statistics.median(theirs) if theirs else None
    return Row("listing and classes", automaton.name, size, statistics.median(ours), beside, median)


def _enumerated(automaton: Automaton) -> tuple[float, int]:
    from libsemigroups_pybind11 import FroidurePin, ReportGuard, Transf

    silence = ReportGuard(False)
    columns = [Transf(column) for column in [list(range(automaton.count)), *automaton.table.T.tolist()]]
    started = time.perf_counter()
    size = FroidurePin(*columns).size()
    taken = time.perf_counter() - started
    del silence
    return taken, size


def measure(quick: bool = False) -> list[Row]:
    """Run everything; a minute or two."""
    rows = [_search(text) for text in (("(ab|b)*a",) if quick else SEARCHES)]
    rows += [_verdict(text) for text in (("modular-arithmetic(4)",) if quick else NAMED)]
    if quick:
        return [*rows, _listing(parse_machine("modular-arithmetic(4)"))]  # type: ignore[arg-type]
    rows += [_listing(automaton) for automaton in random_automata(12)]
    return rows


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table."""
    rows = measure(quick)
    print("| what | task | size | ours, s | beside | theirs, s | ours / theirs |\n|---|---|---|--:|---|--:|--:|")
    for row in rows:
        theirs = "-" if row.theirs is None else f"{row.theirs:.4f}"
        ratio = "-" if row.ratio is None else f"{row.ratio:.3g}"
        task = row.task.replace("|", "\\|")
        print(f"| {row.kind} | {task} | {row.size} | {row.ours:.4f} | {row.beside} | {theirs} | {ratio} |", flush=True)
    ratios = [row.ratio for row in rows if row.kind == "listing and classes" and row.ratio is not None]
    if ratios:
        print(f"\nListing and classes over libsemigroups' enumeration: median {statistics.median(ratios):.2g}.")


if __name__ == "__main__":
    main()
