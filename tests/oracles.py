"""Reads the facts in `tests/data`, which GAP computed; `tests/data/README.md` says what each column means."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Facts:
    """What GAP says about one group. Lengths and depths are None where there is none."""

    name: str
    order: int
    number: int | None
    derived_series: tuple[int, ...]
    abelian_invariants: tuple[tuple[int, ...], ...]
    derived_length: int | None
    negative_mamba_depth: int | None
    residual_order: int
    splits: bool

    @property
    def solvable(self) -> bool:
        return self.derived_length is not None


@dataclass(frozen=True)
class SmallGroupFacts(Facts):
    """The same for a group of the catalogue, with three more facts."""

    class_count: int
    centre_order: int
    exponent: int


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(",") if word)


def _series(columns: list[str]) -> tuple:
    orders, invariants, length, depth, residual, splits = columns
    return (
        _integers(orders),
        tuple(_integers(factor) for factor in invariants.split(";") if factor),
        None if length == "-1" else int(length),
        None if depth == "-1" else int(depth),
        int(residual),
        {"yes": True, "no": False}[splits],
    )


@cache
def small_groups() -> tuple[SmallGroupFacts, ...]:
    """All 7,012 groups of order at most 255, by order and number."""
    facts = []
    with gzip.open(DATA / "small_groups.tsv.gz", "rt", encoding="ascii") as lines:
        for line in lines:
            order, number, *rest = line.rstrip("\n").split("\t")
            name = f"SmallGroup({order},{number})"
            facts.append(SmallGroupFacts(name, int(order), int(number), *_series(rest[:6]), *map(int, rest[6:])))
    return tuple(facts)


@cache
def named_groups() -> tuple[Facts, ...]:
    """Some sixty groups that have names."""
    facts = []
    for line in (DATA / "named_groups.tsv").read_text(encoding="ascii").splitlines():
        name, order, number, _, *rest = line.split("\t")
        facts.append(Facts(name, int(order), int(number) if number else None, *_series(rest)))
    return tuple(facts)


def semidirect_products() -> Iterator[tuple[tuple[int, int], tuple[int, int], tuple[int, ...]]]:
    """The ids of A and B, and the numbers of all A:B of order |A|·|B| that are not A × B, for |A|·|B| ≤ 63."""
    for line in (DATA / "semidirect_products.tsv").read_text(encoding="ascii").splitlines():
        a_order, a_number, b_order, b_number, numbers = line.split("\t")
        yield (int(a_order), int(a_number)), (int(b_order), int(b_number)), _integers(numbers)
