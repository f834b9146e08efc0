"""Automata: `inspect` where decompositions are many, groups without listing, monoids beside libsemigroups, walks, and
tables with rows for reachable states alone, in one run.

Tables of random automata are beside what tables over the product of the moduli would take (which were written before,
up to 2^24 entries); walks between walls beside the holonomy decomposition. Searches are beside their holonomy machine
alone; what the image groups take is beside the listing of the same monoid. libsemigroups
(`pip install libsemigroups_pybind11`) enumerates the same monoid by its FroidurePin class; ours lists it and finds the
R-, L- and J-classes. Both have warmed up. Sizes are compared; a difference is an error. Times are processor time.
"""

from __future__ import annotations

import contextlib
import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from subnormal.algebra.automata import holonomy
from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.automata.image_groups import Images, image_groups
from subnormal.algebra.automata.monoid import TransitionMonoid
from subnormal.algebra.automata.regular_expression import regular_expression
from subnormal.algebra.depth.automaton_verdict import verdict
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import parse_machine
from subnormal.common.errors import InputError
from subnormal.common.wording import counted
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.automata.decomposition import best_machine
from subnormal.constructions.automata.holonomy_machine import Style, holonomy_machine
from subnormal.constructions.automata.inspection import inspect_automaton
from subnormal.proofs_check.certificates.automaton_certificate import certify_automaton

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
    """Processor time, which does not count what else the machine does."""
    started = time.process_time()
    function()
    return time.process_time() - started


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
    started = time.process_time()
    size = FroidurePin(*columns).size()
    taken = time.process_time() - started
    del silence
    return taken, size


@dataclass(frozen=True)
class Sizes:
    """A compiled and certified automaton: bytes of its files and its page over 4·states·letters·channels, and what
    tables over the product of the moduli would take over it.

    Arguments:
        entries: of those dense tables.
    """

    task: str
    states: int
    layers: int
    channels: int
    seconds: float
    shares: tuple[float, float, float]
    dense: float
    entries: int


DENSE_LIMIT = 2**24
"""Entries of dense tables up to which such automata were compiled before."""


def _sizes(automaton: Automaton, name: str) -> Sizes:
    began = time.process_time()
    compilation = compile_automaton(automaton, FAMILIES["gated-aussm"])
    with TemporaryDirectory() as place:
        folder = Path(place) / "f"
        compilation.save(folder)
        certify_automaton(folder)
        taken = time.process_time() - began
        files = [(folder / f"{part}.safetensors").stat().st_size for part in ("cascade", "model")]
    cascade = compilation.cascade
    page = compilation.page()
    files.append(len(json.dumps([page["channels"], page["reached"], page["decode"]])))
    unit = 4 * cascade.order * len(cascade.alphabet) * len(cascade.moduli)
    a, b, c = (size / unit for size in files)
    entries = math.prod(cascade.moduli) * len(cascade.alphabet) * len(cascade.moduli)
    return Sizes(
        name, cascade.order, len(cascade.layers), len(cascade.moduli), taken, (a, b, c), 8 * entries / unit, entries
    )


def table_sizes(count: int) -> tuple[list[Sizes], int, int]:
    """So many random automata of each size up to 10 states and 4 letters whose groups are solvable: those that are
    compiled and certified, how many were tried, and how many dense tables would have had room for."""
    generator = np.random.default_rng(0)
    found: list[Sizes] = []
    tried = dense = 0
    for n in (6, 8, 9, 10) if count > 1 else (6,):
        for m in (2, 3, 4):
            for i in range(count):
                automaton = Automaton.make("random", generator.integers(n, size=(n, m)))
                minimal = automaton.minimal()
                if verdict(TransitionMonoid.of(minimal), FAMILIES["gated-aussm"]).least in (None, 0):
                    continue
                tried += 1
                with contextlib.suppress(InputError):
                    found.append(_sizes(automaton, f"{n} states, {m} letters, number {i}"))
                    dense += found[-1].entries <= DENSE_LIMIT
    return found, tried, dense


def _walk(text: str) -> Row:
    automaton = parse_machine(text)
    assert isinstance(automaton, Automaton)
    ours = statistics.median(seconds(lambda: best_machine(automaton, FAMILIES["gated-aussm"], 2)) for _ in range(3))
    found = best_machine(automaton, FAMILIES["gated-aussm"], 2)
    holonomy._kept.clear()
    style = Style(False, (FAMILIES["gated-aussm"],))
    theirs = seconds(lambda: holonomy_machine(automaton, style))
    other = holonomy_machine(automaton, style).states
    size = f"{counted(len(found.layers), 'layer')}, {found.machine.states:,} states; holonomy: {other:,} states"
    return Row("walks", f"`{text}`", size, ours, "holonomy machine", theirs)


def measure(quick: bool = False) -> list[Row]:
    """Run everything; a minute or two."""
    rows = [_search(text) for text in (("(ab|b)*a",) if quick else SEARCHES)]
    rows += [_walk(text) for text in (("grid(4)",) if quick else ("grid(8)", "grid(12)", "grid(16)"))]
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
    found, tried, dense = table_sizes(1 if quick else 6)
    print(
        "\n| random automaton | reachable states | layers | channels | compile and certify, s | "
        "cascade | network | page | dense tables |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    for one in sorted(found, key=lambda one: -one.states)[:8]:
        shares = " | ".join(f"{share:.2f}" for share in one.shares)
        print(
            f"| {one.task} | {one.states:,} | {one.layers} | {one.channels} | {one.seconds:.2f} | {shares} | "
            f"{one.dense:.3g} |"
        )
    print(
        f"\nBytes are over 4 · states · letters · channels; the eight largest are shown. Of {tried} random automata "
        f"whose groups are solvable {len(found)} are compiled and certified; dense tables had room for {dense}."
    )
    ratios = [row.ratio for row in rows if row.kind == "listing and classes" and row.ratio is not None]
    if ratios:
        print(f"\nListing and classes over libsemigroups' enumeration: median {statistics.median(ratios):.2g}.")


if __name__ == "__main__":
    main()
