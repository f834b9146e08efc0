"""Derived series of permutation groups, ours against GAP and SymPy, in one run on one thread.

`measure()` returns the rows, `python -m benchmarks.groups` prints them. Only computation is timed: ours and GAP
have started, read the generators and warmed up before the clock starts, and make each group anew from its generators.
Their runs alternate, so that a noisy neighbour slows both; medians are reported. SymPy runs once, in a process of its
own, until a time limit.

Every side computes the derived series with its orders. The answers are compared; a difference is an error.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from subnormal.algebra.arithmetic.permutations import Permutations, cycles, parse_permutations, rows
from subnormal.algebra.chains.series import derived_series
from subnormal.algebra.chains.stabiliser_chain import StabiliserChain
from subnormal.algebra.input.parser import parse_group
from subnormal.common.wording import describe_order

TESTS = Path(__file__).parents[1] / "tests"
REPEATS = 3
SYMPY_LIMIT = 20.0  # seconds a group; beyond, the row says so


@dataclass(frozen=True)
class Row:
    """One task. Times in seconds; None for a peer that is missing or ran out of time, which `note` names.

    `gap_ratio` is our time over GAP's: below 1 we are faster.
    """

    task: str
    orders: str
    ours: float
    gap: float | None
    sympy: float | None
    gap_ratio: float | None
    note: str


LARGE = (
    *("S4", "S4wrS4", "S4wrS4wrS4", "S3wrS3wrS3wrS3", "S5wrS4", "S20", "A30", "M24", "Rubik's cube", "S100"),
    *("PSL(2,101)", "PSL(2,499)", "PSL(2,1009)", "PSL(2,2003)"),
)
"""Groups that are timed alone."""

TEXTS = {
    "Rubik's cube": "(1,3,8,6)(2,5,7,4)(9,33,25,17)(10,34,26,18)(11,35,27,19),"
    "(9,11,16,14)(10,13,15,12)(1,17,41,40)(4,20,44,37)(6,22,46,35),"
    "(17,19,24,22)(18,21,23,20)(6,25,43,16)(7,28,42,13)(8,30,41,11),"
    "(25,27,32,30)(26,29,31,28)(3,38,43,19)(5,36,45,21)(8,33,48,24),"
    "(33,35,40,38)(34,37,39,36)(3,9,46,32)(2,12,47,29)(1,14,48,27),"
    "(41,43,48,46)(42,45,47,44)(14,22,30,38)(15,23,31,39)(16,24,32,40)"
}
"""Groups that are typed as permutations."""

ONCE = 10.0
"""Seconds from which on a task is not repeated."""


def our_orders(generators: Permutations) -> list[int]:
    """Orders of the derived series by stabiliser chains."""
    return [term.order for term in derived_series(StabiliserChain(generators))]


def _time_ours(groups: Sequence[Permutations]) -> tuple[float, list[list[int]]]:
    started = time.perf_counter()
    answers = [our_orders(generators) for generators in groups]
    return time.perf_counter() - started, answers


class Gap:
    """A GAP process that holds the generators of some tasks, and times one task at a time."""

    def __init__(self, tasks: dict[str, Sequence[Permutations]]) -> None:
        self._numbers = {name: number for number, name in enumerate(tasks, start=1)}
        lines = ['SetPrintFormattingStatus("*stdout*", false);;', "tasks := [];;"]
        for name, groups in tasks.items():
            lists = ",\n".join("[" + ",".join(cycles(row) for row in generators) + "]" for generators in groups)
            lines.append(f"tasks[{self._numbers[name]}] := [{lists}];;")
        lines += [
            "measure := function(number) local groups, started, answers, ended;",
            "  groups := List(tasks[number], generators -> Group(generators, ()));",
            "  started := NanosecondsSinceEpoch();",
            "  answers := List(groups, G -> List(DerivedSeriesOfGroup(G), Size));",
            "  ended := NanosecondsSinceEpoch();",
            '  Print([ended - started, answers], "\\n"); end;;',
        ]
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "tasks.g"
            script.write_text("\n".join(lines) + "\n")
            self._process = subprocess.Popen(
                ["gap", "-q", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self.time(next(iter(tasks)))  # it answers once it has read the script; and it has warmed up

    def time(self, task: str) -> tuple[float, list[list[int]]]:
        """Seconds and orders for one task."""
        assert self._process.stdin is not None  # both were asked for as pipes
        assert self._process.stdout is not None
        self._process.stdin.write(f"measure({self._numbers[task]});\n")
        self._process.stdin.flush()
        nanoseconds, answers = json.loads(self._process.stdout.readline())
        return nanoseconds / 1e9, answers

    def close(self) -> None:
        """End the process."""
        self._process.communicate("quit;\n")


SYMPY_PROGRAM = """
import json, sys, time
from sympy.combinatorics import Permutation, PermutationGroup
group = PermutationGroup([Permutation(row) for row in json.load(sys.stdin)])
started = time.perf_counter()
orders = [int(term.order()) for term in group.derived_series()]
print(json.dumps([time.perf_counter() - started, orders]))
"""


def time_sympy(generators: Permutations) -> tuple[float, list[int]] | None:
    """Seconds and orders by SymPy, or None when the time limit was met."""
    try:
        output = subprocess.run(
            [sys.executable, "-c", SYMPY_PROGRAM],
            input=json.dumps(generators.tolist()),
            capture_output=True,
            text=True,
            check=True,
            timeout=SYMPY_LIMIT,
        )
    except subprocess.TimeoutExpired:
        return None
    seconds, orders = json.loads(output.stdout)
    return seconds, orders


def transitive_groups_of_gap() -> list[Permutations]:
    """All 4,722 transitive groups of degree at most 20, from GAP's library."""
    output = subprocess.run(
        ["gap", "-q", "common.g", "transitive_groups.g"],
        cwd=TESTS / "generators",
        env={**os.environ, "STRIDE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return [_last_column(line) for line in output.stdout.splitlines()]


def sample_of_transitive_groups() -> list[Permutations]:
    """Those of them whose facts the tests have stored."""
    with gzip.open(TESTS / "data" / "transitive_groups.tsv.gz", "rt", encoding="utf-8") as lines:
        return [_last_column(line) for line in lines]


def _last_column(line: str) -> Permutations:
    degree, *_, generators = line.rstrip("\n").split("\t")
    return rows([image.tolist() for image in parse_permutations(generators)], int(degree))


def measure(quick: bool = False) -> list[Row]:
    """Run everything; a few minutes."""
    repeats = 1 if quick else REPEATS
    large = LARGE[:2] if quick else LARGE
    tasks: dict[str, Sequence[Permutations]] = {
        name: [parse_group(TEXTS.get(name, name)).permutations] for name in large
    }
    has_gap, has_sympy = shutil.which("gap") is not None, find_spec("sympy") is not None
    if quick:
        tasks["transitive groups (12 of the sample)"] = sample_of_transitive_groups()[:12]
    elif has_gap:
        tasks["transitive groups, degree <= 20 (4722)"] = transitive_groups_of_gap()
    else:
        sample = sample_of_transitive_groups()
        tasks[f"transitive groups, degree <= 20 (sample of {len(sample)})"] = sample
    gap = Gap(tasks) if has_gap else None
    result = []
    for task, groups in tasks.items():
        notes = [] if has_gap else ["GAP missing"]
        ours, theirs = [], []
        our_orders(groups[0])  # warm up
        for _ in range(repeats):
            seconds, answers = _time_ours(groups)
            ours.append(seconds)
            if gap is not None:
                seconds, gap_answers = gap.time(task)
                theirs.append(seconds)
                if answers != gap_answers:
                    raise RuntimeError(f"{task}: our answers differ from GAP's")
                if seconds > ONCE:
                    break
        sympy = None
        if not has_sympy:
            notes.append("SymPy missing")
        elif len(groups) > 1:
            notes.append("SymPy not tried")
        else:
            timed = time_sympy(groups[0])
            if timed is None:
                notes.append(f"SymPy > {SYMPY_LIMIT:.0f} s")
            else:
                sympy, sympy_orders = timed
                # where a group is perfect SymPy's series may name it twice
                if list(dict.fromkeys(sympy_orders)) != answers[0]:
                    raise RuntimeError(f"{task}: our answer differs from SymPy's")
        median = statistics.median(ours)
        gap_median = statistics.median(theirs) if theirs else None
        ratio = median / gap_median if gap_median else None
        orders = ", ".join(map(describe_order, answers[0])) if len(groups) == 1 else f"{len(groups)} groups"
        result.append(Row(task, orders, median, gap_median, sympy, ratio, "; ".join(notes)))
    if gap is not None:
        gap.close()
    return result


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table."""

    def text(value: float | str | None) -> str:
        return value if isinstance(value, str) else "-" if value is None else f"{value:.4g}"

    print("| task | ours (s) | GAP (s) | SymPy (s) | ours / GAP | note | orders |\n|---|--:|--:|--:|--:|---|---|")
    for row in measure(quick):
        cells = (row.task, row.ours, row.gap, row.sympy, row.gap_ratio, row.note, row.orders)
        print("| " + " | ".join(map(text, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
