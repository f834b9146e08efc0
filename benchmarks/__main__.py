"""`python -m benchmarks [section …]`: measure, and write docs/benchmarks.md.

Sections that are not named keep what an earlier run wrote. With `--quick` sizes are tiny, the figures mean nothing and
the page is left alone: that is what the tests run.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import re
import sys
from datetime import date
from importlib import import_module
from pathlib import Path

from subnormal.common.writing import write_file

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

SECTIONS = {
    "start_up": "Start-up",
    "groups": "Derived series of permutation groups",
    "orders": "Orders of imprimitive groups, and character tables",
    "compilation": "Compiling",
    "automata": "Automata and their monoids",
    "searches": "Searches for fewer layers",
    "execution": "Exact execution",
    "networks": "Compiled networks",
    "exported": "Exported networks",
    "models_of_others": "Models of others, evaluated",
    "scans": "Recurrences, forward and backward",
    "blocks": "Recurrences with blocks, and learning by them",
    "batches_of_runs": "Training steps",
    "gpu": "Recurrences and training on a GPU",
    "training_profile": "A profile of training",
    "profiling": "A profile of the slowest part",
}
"""Module and title of every section."""

INTRODUCTION = """# Benchmarks

*How long does it take, here and with other tools?*

Written by `python -m benchmarks [section …]`. Candidates of one table ran in turn within one run, so ratios mean more
than the times themselves; medians are shown. Peers that were not installed are named as missing.
"""


def machine() -> str:
    """One line on where and when a section was measured."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        model = found[1] if found else model
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return f"*{date.today()}, {os.cpu_count()} × {model}, Python {platform.python_version()}; load before: {load}*"


def run(section: str, quick: bool = False) -> str:
    """The Markdown of one section, measured now; with `quick` at tiny sizes."""
    module = import_module(f"benchmarks.{section}")
    described = " ".join((module.__doc__ or "").split("\n\n")[0].split())
    where = machine()
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        module.main(quick)
    return f"{described}\n\n{where}\n\n{output.getvalue().strip()}\n"


def written() -> dict[str, str]:
    """The sections that the page holds already, by title."""
    if not PAGE.exists():
        return {}
    parts = re.split(r"^## (.*)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {title: body.strip() + "\n" for title, body in zip(parts[::2], parts[1::2], strict=True)}


def default_sections() -> list[str]:
    """All sections that can be measured here."""
    import torch

    return [name for name in SECTIONS if name != "gpu" or torch.cuda.is_available()]


def main(names: list[str]) -> int:
    """Run the named sections, or all, and write the page after each."""
    quick, names = "--quick" in names, [name for name in names if name != "--quick"]
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        print(f"error: unknown section {unknown[0]!r}; wanted some of {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    sections = written()
    for name in names or default_sections():
        print(f"{name} …", file=sys.stderr)
        if quick:
            print(run(name, quick=True))
            continue
        sections[SECTIONS[name]] = run(name)
        order = [*SECTIONS.values(), *(title for title in sections if title not in SECTIONS.values())]
        text = "".join(f"\n## {title}\n\n{sections[title]}" for title in order if title in sections)
        write_file(PAGE, INTRODUCTION + text)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
