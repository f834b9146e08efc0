"""Orders of imprimitive groups and character tables, ours against GAP, by processor time on one thread.

The groups are given by generators. GAP runs each task in a process of its own, until a time limit; what it reads is not
timed. The answers are compared, the orders and the degrees of the characters; a difference is an error.
"""

from __future__ import annotations

import ast
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from subnormal.algebra.arithmetic.permutations import Permutations, cycles
from subnormal.algebra.chains.schreier_sims import random_member
from subnormal.algebra.chains.stabiliser_chain import StabiliserChain
from subnormal.algebra.input.parser import list_group, parse_group
from subnormal.algebra.representations.characters import character_table
from subnormal.algebra.representations.classes import conjugacy_classes

LIMIT = 30.0
"""Seconds for GAP's process; beyond, the row says so."""

IMPRIMITIVE = ("A5wrA40", "S5wrS40", "A5wrC40", "S4wrS50", "C2wrS100")
PAIRS = ("S5wrS40", "S4wrS50", "S3wrS100", "S20wrS10")
"""Two random elements of each, which generate it or a part of it."""

TABLES = ("D400", "C255", "D1000", "C2xC2xC5xC7xA4", "C3xD500", "D2000")

OF_GAP = {"order": "Size(G)", "degrees": "SortedList(List(Irr(G), chi -> chi[1]))"}


def pair(name: str, seed: int = 0) -> Permutations:
    """Two random elements of a group, one a row."""
    chain = parse_group(name).chain
    source = random.Random(seed)
    return chain.encoding.decode([random_member(chain.levels, chain.encoding, source) for _ in range(2)])


def order(generators: Permutations) -> int:
    """By a stabiliser chain."""
    return StabiliserChain(generators).order


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Processor seconds of a call, and what it gives."""
    started = time.process_time()
    found = function(*arguments)
    return time.process_time() - started, found


def by_gap(generators: Permutations, question: str) -> tuple[str, Any]:
    """Processor seconds, as a cell, and the answer of GAP; None where there is none."""
    if shutil.which("gap") is None:
        return "GAP missing", None
    program = (
        f'SetPrintFormattingStatus("*stdout*", false);; Size(Group((1,2,3),(1,2)));; '
        f"G := Group([{','.join(map(cycles, generators))}], ());; t := Runtime();; x := {OF_GAP[question]};; "
        'Print([Runtime() - t, x], "\\n"); QUIT;'
    )
    try:
        done = subprocess.run(["gap", "-q"], input=program, capture_output=True, text=True, check=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"> {LIMIT:.0f}", None
    milliseconds, answer = ast.literal_eval(done.stdout)
    return f"{milliseconds / 1000:.2f}", answer


def compared(name: str, ours: Any, theirs: Any) -> None:
    """RuntimeError where GAP's answer is another."""
    if theirs is not None and theirs != ours:
        raise RuntimeError(f"{name}: our answer differs from GAP's")


def _orders(names: Sequence[str], pairs: Sequence[str]) -> None:
    print("| group | points | ours (s) | GAP (s) |\n|---|--:|--:|--:|")
    tasks = [(name, parse_group(name).permutations) for name in names]
    tasks += [(f"two random elements of {name}", pair(name)) for name in pairs]
    for name, generators in tasks:
        seconds, ours = timed(order, generators)
        cell, theirs = by_gap(generators, "order")
        compared(name, ours, theirs)
        print(f"| {name} | {generators.shape[1]} | {seconds:.2f} | {cell} |", flush=True)


def _tables(names: Sequence[str]) -> None:
    print("\nCharacter tables, classes known:\n")
    print("| group | order | classes | ours (s) | GAP (s), with classes |\n|---|--:|--:|--:|--:|")
    for name in names:
        group = list_group(name)
        classes = conjugacy_classes(group)
        seconds, table = timed(character_table, group, classes)
        cell, theirs = by_gap(parse_group(name).permutations, "degrees")
        compared(name, sorted(table.degrees.tolist()), theirs)
        print(f"| {name} | {group.order:,} | {len(classes):,} | {seconds:.3f} | {cell} |", flush=True)


def main(quick: bool = False) -> None:
    """Print the tables."""
    order(parse_group("S4wrS4").permutations)  # warm up
    character_table(list_group("S4"))
    _orders(("A5wrC4",) if quick else IMPRIMITIVE, ("S3wrS4",) if quick else PAIRS)
    _tables(("D9",) if quick else TABLES)
