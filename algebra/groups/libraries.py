"""Transitive and primitive permutation groups of degree 2 to 20 by the numbers that GAP gives them; `data/README.md`
says where they come from."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from ...common.errors import InputError
from ..arithmetic.permutations import parse_permutations
from .permutation_group import PermutationGroup

LARGEST_DEGREE = 20


@cache
def _entries() -> dict[tuple[str, int], list[list[str]]]:
    """The words after the number, for each kind and degree."""
    path = Path(__file__).parent / "data" / "transitive_groups.txt.gz"
    found: dict[tuple[str, int], list[list[str]]] = {}
    for line in gzip.decompress(path.read_bytes()).decode("ascii").splitlines():
        kind, degree, _, *rest = line.split(" ")
        found.setdefault((kind, int(degree)), []).append(rest)
    return found


def _entry(kind: str, degree: int, number: int) -> list[str]:
    name = f"{kind.capitalize()}Group"
    own = _entries().get((kind, degree), [])
    if not own:
        raise InputError(f"no {name} of degree {degree} here: degrees are 2 to {LARGEST_DEGREE}, e.g. {name}(6,2)")
    if not 1 <= number <= len(own):
        raise InputError(
            f"no {name}({degree},{number}); there are {len(own)} of degree {degree}: {name}({degree},1) … "
            f"{name}({degree},{len(own)})"
        )
    return own[number - 1]


def transitive_group(degree: int, number: int) -> PermutationGroup:
    """GAP's `TransitiveGroup(degree, number)`, degree 2 to 20. Raises `InputError` where there is none."""
    order, generators = _entry("transitive", degree, number)
    return PermutationGroup(f"TransitiveGroup({degree},{number})", parse_permutations(generators), int(order))


def primitive_group(degree: int, number: int) -> PermutationGroup:
    """GAP's `PrimitiveGroup(degree, number)`, degree 2 to 20. Raises `InputError` where there is none."""
    order, generators = _entry("transitive", degree, int(_entry("primitive", degree, number)[0]))
    return PermutationGroup(f"PrimitiveGroup({degree},{number})", parse_permutations(generators), int(order))
