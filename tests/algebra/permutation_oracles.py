"""Permutation groups for tests and benchmarks: generators by hand, by brute force, and GAP's transitive groups."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from subnormal.algebra.arithmetic.permutations import Permutations, parse_permutations, rows
from tests.oracles import DATA

Images = list[list[int]]


def symmetric(n: int) -> Images:
    """S_n by an n-cycle and a transposition, n ≥ 2."""
    return [[*range(1, n), 0], [1, 0, *range(2, n)]]


def alternating(n: int) -> Images:
    """A_n by the 3-cycles (0, 1, k), n ≥ 3."""
    return [[1, k, *range(2, k), 0, *range(k + 1, n)] for k in range(2, n)]


def wreath(bottom: Images, top: Images) -> Images:
    """bottom ≀ top in the imprimitive action: bottom on the first block, top on the blocks."""
    size, blocks = len(bottom[0]), len(top[0])
    inside = [[*image, *range(size, size * blocks)] for image in bottom]
    outside = [[image[i // size] * size + i % size for i in range(size * blocks)] for image in top]
    return inside + outside


MATHIEU = {
    "M11": ("(1,2,3,4,5,6,7,8,9,10,11), (3,7,11,8)(4,10,5,6)", 7_920),
    "M12": ("(1,2,3,4,5,6,7,8,9,10,11), (3,7,11,8)(4,10,5,6), (1,12)(2,11)(3,6)(4,8)(5,9)(7,10)", 95_040),
    "M24": (
        "(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23),"
        "(3,17,10,7,9)(4,13,14,19,5)(8,18,11,12,23)(15,20,22,21,16),"
        "(1,24)(2,23)(3,12)(4,16)(5,18)(6,10)(7,20)(8,14)(9,21)(11,17)(13,22)(15,19)",
        244_823_040,
    ),
}
"""Mathieu groups: generators and orders (Conway et al., ATLAS of Finite Groups, 1985)."""


def mathieu(name: str) -> Permutations:
    """Generators of a Mathieu group, shape (r, degree)."""
    return parse_permutations(MATHIEU[name][0])


def brute_force(generators: Iterable[Sequence[int]], degree: int) -> set[tuple[int, ...]]:
    """All elements, by multiplying until nothing new appears."""
    generators = [tuple(generator) for generator in generators]
    waiting = [tuple(range(degree))]
    found = set(waiting)
    while waiting:
        element = waiting.pop()
        for generator in generators:
            product = tuple(generator[i] for i in element)
            if product not in found:
                found.add(product)
                waiting.append(product)
    return found


@dataclass(frozen=True)
class TransitiveGroup:
    """What GAP says about a transitive group."""

    degree: int
    number: int
    derived_series: tuple[int, ...]
    abelian_invariants: tuple[tuple[int, ...], ...]
    generators: Permutations


def read_transitive_groups(lines: Iterable[str]) -> Iterator[TransitiveGroup]:
    """The output of `tests/generators/transitive_groups.g`."""
    for line in lines:
        degree, number, series, invariants, generators = line.rstrip("\n").split("\t")
        factors = series.count(",") and invariants.split(";")
        yield TransitiveGroup(
            int(degree),
            int(number),
            tuple(map(int, series.split(","))),
            tuple(tuple(map(int, factor.split(","))) for factor in factors or ()),
            rows([image.tolist() for image in parse_permutations(generators)], int(degree)),
        )


def transitive_groups() -> list[TransitiveGroup]:
    """The stored sample."""
    with gzip.open(DATA / "transitive_groups.tsv.gz", "rt", encoding="utf-8") as lines:
        return list(read_transitive_groups(lines))
