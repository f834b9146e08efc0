"""The random models that the refuter is tried on, and the table of what it found.

`python -m tests.proofs_check.refutation_cases FILE` runs all of them, writes one JSON object a line and prints the
table.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import list_group
from subnormal.proofs_check.refutations.refutation import random_network, refute

Case = tuple[str, tuple[str, ...], int, int]
"""(group, families, width, seed)"""

ONE_LAYER = ("S3", "A4", "Q8", "S4", "A5")
TWO_LAYERS = ("S4", "GL(2,3)", "A5")
MIXED = (("mamba", "aussm"), ("s4d", "aussm"), ("negative-mamba", "aussm"), ("aussm", "mamba"))


def cases() -> Iterator[Case]:
    """All random models: 350 of one layer, 108 of two."""
    for group, family, width, seed in itertools.product(ONE_LAYER, FAMILIES, (1, 2, 4, 8, 16, 32, 64), (0, 1)):
        yield group, (family,), width, seed
    stacks = [(family, family) for family in FAMILIES] + list(MIXED)
    for group, stack, width in itertools.product(TWO_LAYERS, stacks, (1, 4, 16, 64)):
        yield group, stack, width, 0


def run(case: Case) -> dict[str, Any]:
    """Refute one model; the parts of the result that the table needs."""
    name, stack, width, seed = case
    group = list_group(name)
    found = refute(random_network(group.order, stack, width, seed), group)
    row: dict[str, Any] = {"group": name, "families": stack, "width": width, "seed": seed, "kind": found.kind}
    row |= {"reason": found.reason, "seconds": round(found.seconds, 2), "failing": found.failing is not None}
    if found.pair:
        pair = found.pair
        row |= {"length": pair.words[0].length, "distance": pair.distance, "confirmed": pair.confirmed}
        row |= {"same_answers": pair.answers[0] == pair.answers[1], "same_readouts": pair.same_readouts}
        row["products_differ"] = pair.products[0] != pair.products[1]
    if found.divergence:
        row |= {"growth": found.divergence.growth[-1], "growth_confirmed": found.divergence.confirmed}
        row["growth_tokens"] = found.divergence.word.length * found.divergence.growth[-1][0]
    return row


GROWN = ("divergence", "growth")


def table(rows: list[dict[str, Any]]) -> str:
    """The share refuted by kind, one line for each number of layers and family."""
    columns = ["layers", "models", "pair, run", "pair, closed form", "growth only", "not refuted"]
    columns += ("median length", "longest", "seconds, median", "seconds, most")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    keys = list(dict.fromkeys(tuple(row["families"]) for row in rows))
    for key in keys:
        some = [row for row in rows if tuple(row["families"]) == key]
        lengths = sorted(row["length"] for row in some if "length" in row)
        times = sorted(row["seconds"] for row in some)

        def count(test: Any, some: list[dict[str, Any]] = some) -> int:
            return sum(1 for row in some if test(row))

        lines.append(
            f"| {', '.join(key)} | {len(some)} | {count(lambda r: r.get('confirmed') == 'run')} | "
            f"{count(lambda r: r.get('confirmed') == 'closed form')} | {count(lambda r: r['kind'] in GROWN)} | "
            f"{count(lambda r: r['kind'] == 'failed')} | {statistics.median_low(lengths) if lengths else 0:.3g} | "
            f"{lengths[-1] if lengths else 0:.3g} | {statistics.median(times):.2f} | {times[-1]:.1f} |"
        )
    return "\n".join(lines)


def main(path: Path) -> None:
    torch.set_num_threads(1)
    rows = []
    with path.open("w", encoding="utf-8") as file:
        for case in cases():
            rows.append(run(case))
            file.write(json.dumps(rows[-1]) + "\n")
            file.flush()
    print(table(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
