"""Start-up: processor time of whole commands, ours and the peers', in one run.

`measure()` returns the rows, `python -m benchmarks.start_up` prints them. Commands run in turn, again and again;
medians are reported.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

REPEATS = 5

COMMANDS = {
    "python, nothing else": [sys.executable, "-c", "pass"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "inspect S4": [sys.executable, "-m", "subnormal", "inspect", "S4"],
    "inspect SmallGroup(192,1492)": [sys.executable, "-m", "subnormal", "inspect", "SmallGroup(192,1492)"],
    "inspect S4wrS4wrS4": [sys.executable, "-m", "subnormal", "inspect", "S4wrS4wrS4"],
    "compile S4 --no-check": [sys.executable, "-m", "subnormal", "compile", "S4", "--no-check"],
    "import sympy.combinatorics": [sys.executable, "-c", "import sympy.combinatorics"],
    "import torch": [sys.executable, "-c", "import torch"],
    "gap -q": ["gap", "-q"],
}
"""What is timed, by name."""

QUICK = ("python, nothing else", "inspect S4", "gap -q")


@dataclass(frozen=True)
class Row:
    """One command. `seconds` is None where it is missing; `ratio` is over `inspect S4`."""

    command: str
    seconds: float | None
    ratio: float | None


def measure(commands: dict[str, list[str]] = COMMANDS, repeats: int = REPEATS) -> list[Row]:
    """The processor time of every command: what else the machine does is not counted."""
    present = {name: words for name, words in commands.items() if shutil.which(words[0])}
    times: dict[str, list[float]] = {name: [] for name in present}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats + 1):
            for name, words in present.items():
                began = _spent()
                subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
                times[name].append(_spent() - began)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}  # the first run fills caches
    base = medians["inspect S4"]
    return [Row(name, medians.get(name), medians[name] / base if name in medians else None) for name in commands]


def _spent() -> float:
    """Seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table."""
    print("| command | seconds | over `inspect S4` |")
    print("|---|---|---|")
    for row in measure({name: COMMANDS[name] for name in QUICK}, 1) if quick else measure():
        known = f"{row.seconds:.2f} | {row.ratio:.2f}" if row.seconds is not None else "missing | "
        print(f"| {row.command} | {known} |")


if __name__ == "__main__":
    main()
