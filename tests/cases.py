"""The one table of groups that feeds the tests of every stage: name, layers for AUSSM and for Negative Mamba,
decomposition.

`TRACKED` is the list of the first issue; derived series, factors and the rest come from GAP through `tests/oracles.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.groups.group import Group
from subnormal.algebra.input.parser import list_group
from subnormal.constructions.compiler import GroupCompilation, compile_group


@dataclass(frozen=True)
class Case:
    """A solvable group. `signs` is the depth for Negative Mamba, None for never."""

    name: str
    depth: int
    signs: int | None
    decomposition: str


TRACKED = (
    Case("C2", 1, 1, "C2"),
    Case("C6", 1, None, "C6"),
    Case("C24", 1, None, "C24"),
    Case("C60", 1, None, "C60"),
    Case("C2xC4", 1, 2, "C2xC4"),
    Case("V4", 1, 1, "C2xC2"),
    Case("S3", 2, None, "C3:C2"),
    Case("D4", 2, 2, "C2.(C2xC2)"),
    Case("Q8", 2, 2, "C2.(C2xC2)"),
    Case("A4", 2, None, "(C2xC2):C3"),
    Case("Dic3", 2, None, "C3:C4"),
    Case("C7:C3", 2, None, "C7:C3"),
    Case("F20", 2, None, "C5:C4"),
    Case("S4", 3, None, "(C2xC2):(C3:C2)"),
    Case("SL(2,3)", 3, None, "(C2.(C2xC2)):C3"),
    Case("GL(2,3)", 4, None, "(C2.(C2xC2)):(C3:C2)"),
    Case("Heis(3)", 2, None, "C3.(C3xC3)"),
    Case("S3xS3", 2, None, "(C3xC3):(C2xC2)"),
    Case("S3wrC2", 3, None, "(C3xC3):(C2.(C2xC2))"),
    Case("C2wrC2wrC2", 3, 3, "C2.((C2xC2xC2).(C2xC2xC2))"),
    Case("AGL(1,8)", 2, None, "(C2xC2xC2):C7"),
    Case("SmallGroup(64,134)", 2, 3, ""),
)

REFUSED = {"A5": 60, "S5": 60, "SL(2,5)": 120, "PSL(2,7)": 168}
"""Non-solvable groups and the order of their perfect residual."""


@cache
def group(name: str) -> Group:
    """The listed group of that name."""
    return list_group(name)


@cache
def compiled(
    name: str, family: str = "aussm", alphabet: str = "generators", channels: str = "invariant"
) -> GroupCompilation:
    """A compilation, shared by all tests."""
    return compile_group(group(name), [FAMILIES[family]], alphabet, channels)


def compilations() -> list[tuple[str, str]]:
    """(name, family) of everything that can be compiled from the table."""
    pairs = [(case.name, family) for case in TRACKED for family in ("aussm", "simple-aussm")]
    return pairs + [(case.name, "negative-mamba") for case in TRACKED if case.signs]
