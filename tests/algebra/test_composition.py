"""Composition factors, chief, derived and Fitting length against GAP; all shortest subnormal series by brute force."""

from __future__ import annotations

import gzip
import itertools
import re
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sympy.combinatorics import Permutation
from sympy.ntheory import factorint

import subnormal as sn
from subnormal.algebra.arithmetic.permutations import block_system, cycles, parse_permutations
from subnormal.algebra.arithmetic.simple_names import SPORADIC, simple_name
from subnormal.algebra.chains.chief import chief_length, module_length
from subnormal.algebra.chains.composition import (
    UndecidedError,
    _primitive,
    composition_factors,
    composition_names,
    fitting_length,
    insoluble_subgroup,
)
from subnormal.algebra.chains.series import derived_series
from subnormal.algebra.chains.stabiliser_chain import StabiliserChain
from subnormal.algebra.groups.libraries import transitive_group
from subnormal.algebra.groups.normal_subgroups import chief_series
from subnormal.algebra.input.parser import list_group, parse_group
from subnormal.common.errors import InputError
from subnormal.proofs_check.lemmas.wreath import all_subgroups
from tests.cases import group

DATA = Path(__file__).parent.parent / "data" / "composition.tsv.gz"


@cache
def facts() -> list[tuple[int, int, Counter[int], tuple[str, ...], int | None]]:
    """Degree, number, orders of the factors, GAP's names of those that are not abelian, Fitting length."""
    found = []
    for line in gzip.decompress(DATA.read_bytes()).decode("ascii").splitlines():
        degree, number, factors, length = line.split(" ")
        parts = [one.split(":") for one in factors.split(";")]
        names = tuple(name for _, name in parts if name)
        orders = Counter(int(order) for order, _ in parts)
        found.append((int(degree), int(number), orders, names, int(length) if int(length) >= 0 else None))
    return found


GAPS = {
    "A(8)~A(3,2)=L(4,2)~D(3,2)=O+(6,2)": "A8",
    "A(2,4)=L(3,4)": "PSL(3,4)",
}


def ours(theirs: str) -> str:
    """Our name of a simple group that GAP names, e.g. `A(1,7)=L(2,7)~B(1,7)=O(3,7)~…` or `A(6)~A(1,9)=L(2,9)~…`."""
    if theirs in GAPS:
        return GAPS[theirs]
    if found := re.match(r"A\((\d+)\)(~|$)", theirs):
        return f"A{found[1]}"
    if found := re.search(r"L\((\d+),(\d+)\)", theirs):
        return f"PSL({found[1]},{found[2]})"
    if found := re.match(r"M\((\d+)\)", theirs):
        return f"M{found[1]}"
    raise AssertionError(theirs)


def agrees(degree: int, number: int, orders: Counter[int], names: tuple[str, ...], length: int | None) -> None:
    chain = transitive_group(degree, number).chain
    found = composition_factors(chain)
    assert Counter({order: times for (order, _), times in found.items()}) == orders
    insoluble = [name for name in composition_names(chain) if not re.fullmatch(r"C\d+", name)]
    assert sorted(insoluble) == sorted(map(ours, names))
    assert fitting_length(chain) == length


def test_composition_factors_of_transitive_groups():
    """Every 30th, and of those that are not solvable every 8th."""
    assert len(facts()) == 4722
    for one in [*facts()[::30], *[one for one in facts() if one[4] is None][::8]]:
        agrees(*one)


@pytest.mark.slow
def test_composition_factors_of_all_transitive_groups():
    for one in facts():
        agrees(*one)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("M24", "M24"),
        ("M11", "M11"),
        ("J1", "J1"),
        ("Sz(8)", "Sz(8)"),
        ("S10", "A10 C2"),
        ("Rubik", "A12 A8" + " C3" * 7 + " C2" * 12),
        ("PSL(3,4)", "PSL(3,4)"),
        ("GL(3,4)", "PSL(3,4) C3 C3"),
        ("GL(4,2)", "A8"),
        ("AGL(4,2)", "A8 C2 C2 C2 C2"),
        ("AGL(3,2)", "PSL(2,7) C2 C2 C2"),
        ("ASL(2,5)", "A5 C5 C5 C2"),
        ("SL(2,5)", "A5 C2"),
        ("A5xA5", "A5 A5"),
        ("A5wrA5", "A5 " * 6),
        ("W(E8)", "PΩ+(8,2) C2 C2"),
        ("PSU(4,3)", "PSU(4,3)"),
        ("PSp(6,3)", "PSp(6,3) or Ω(7,3)"),
        ("S100", "A100 C2"),
        ("S4", "C3 C2 C2 C2"),
        ("C1", ""),
    ],
)
def test_composition_factors_by_name(name, wanted):
    names = composition_names(sn.group(name).chain)
    assert sorted(names) == sorted(wanted.replace(" or ", "~").split()) or list(names) == [wanted]
    found = composition_factors(sn.group(name).chain)
    order = 1
    for (size, _), times in found.items():
        order *= size**times
    assert order == sn.group(name).order


def test_the_diagonal_group_of_a5():
    """A5 × A5 on the 60 elements of A5, by multiplication from both sides, is primitive."""
    listed = group("A5")
    everything = np.arange(60)
    rows = [listed.multiply(everything, g) for g in listed.generators]
    rows += [listed.multiply(listed.inverse(g), everything) for g in listed.generators]
    found = sn.group({"permutations": [row.tolist() for row in rows]})
    assert all(not block_system(found.permutations, 0, b).any() for b in range(1, 60))
    assert (found.order, composition_names(found.chain)) == (3600, ("A5", "A5"))


def test_too_many_points_are_said():
    with pytest.raises(UndecidedError, match="a primitive group on 4,094 points"):
        _primitive(sn.group("A5").chain, 4094, 0)


def test_simple_names():
    """Orders of groups that were built by other means; and no two families give one order but those that are said."""
    for name in (
        "PSL(2,7)",
        "PSL(2,8)",
        "PSL(3,3)",
        "PSU(3,3)",
        "PSU(3,4)",
        "PSp(4,4)",
        "Sz(8)",
        "M11",
        "M12",
        "M24",
        "J1",
    ):
        assert simple_name(sn.group(name).order) == name
    assert [simple_name(n) for n in (1, 4, 6, 60, 61, 100, 360, 2520, 25920, 10**15)] == [
        *(None, None, None, "A5", "C61", None, "A6", "A7", "PSp(4,3)", None)
    ]
    assert len(SPORADIC) == 28
    for order in SPORADIC:
        primes = factorint(order)
        assert primes[2] >= 3
        assert max(primes) <= 71


@pytest.mark.parametrize(
    ("name", "chief", "derived", "fitting"),
    [
        ("S4", 3, 3, 3),
        ("C2xC4", 3, 1, 1),
        ("A5", 1, None, None),
        ("GL(2,3)", 4, 4, 3),
        ("Q8", 3, 2, 1),
        ("C1", 0, 0, 0),
    ],
)
def test_lengths(name, chief, derived, fitting):
    content = sn.inspect(name).as_json()
    assert (content["chief_length"], content["derived_length"], content["fitting_length"]) == (chief, derived, fitting)


CHIEF = [line.split() for line in DATA.with_name("chief_lengths.tsv").read_text().splitlines()]


def test_chief_lengths_above_the_largest_table():
    """GAP's."""
    assert len(CHIEF) == 125
    for name, order, length in CHIEF:
        found = parse_group(name).chain
        assert found.order == int(order)
        assert chief_length(found) == int(length), name


def test_chief_lengths_by_lists_and_by_chains():
    """The chief series of a list of elements, and the pieces of a chain, of all groups of some orders."""
    for order in (*range(2, 32), 60, 120):
        for number in itertools.count(1):
            try:
                listed = list_group(f"SmallGroup({order},{number})")
            except InputError:
                break
            chain = StabiliserChain(listed.elements[list(listed.generators)])
            assert chief_length(chain) == len(chief_series(listed)) - 1, (order, number)


def test_modules_by_brute_force():
    """Composition lengths of modules, by all invariant spaces: random matrices over small fields, and a companion
    matrix, whose algebra is a field, so that no element but 0 has a null space."""
    source = np.random.default_rng(4)
    for p, size in ((2, 2), (2, 3), (2, 4), (3, 2), (3, 3), (5, 2)):
        for _ in range(12):
            matrices = [source.integers(0, p, (size, size)) for _ in range(int(source.integers(1, 3)))]
            if source.random() < 0.5:  # with an invariant space
                for matrix in matrices:
                    matrix[: size // 2, size // 2 :] = 0
            assert module_length(matrices, p) == brute_force_length(matrices, p)
    conway = [np.array([[0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [1, 0, 1, 0, 0]])]
    assert module_length(conway, 2) == 1
    assert module_length([np.kron(np.eye(2, dtype=int), conway[0])], 2) == 2


def brute_force_length(matrices, p):
    """The length of a longest chain of invariant spaces, each the set of its vectors as numbers."""
    size = len(matrices[0])
    vectors = np.array(list(itertools.product(range(p), repeat=size)))
    place = p ** np.arange(size)[::-1]

    def spanned(generators):
        found = {0}
        waiting = list(generators)
        while waiting:
            new = waiting.pop()
            if new not in found:
                found = {int((vectors[a] + c * vectors[new]) % p @ place) for a in found for c in range(p)}
                waiting += [int(vectors[new] @ matrix % p @ place) for matrix in matrices]
        return frozenset(found)

    cyclic = {spanned([v]) for v in range(p**size)}
    spaces = {frozenset({0})}
    while True:
        more = spaces | {spanned(a | b) for a in spaces for b in cyclic}
        if more == spaces:
            break
        spaces = more
    longest = {}
    for space in sorted(spaces, key=len):
        longest[space] = max((longest[one] + 1 for one in longest if one < space), default=0)
    return longest[max(spaces, key=len)]


RANDOM = [
    line.split("\t")
    for line in gzip.decompress(DATA.with_name("random_groups.tsv.gz").read_bytes()).decode("ascii").splitlines()
]


def test_random_groups_against_gap():
    """Orders, derived series, composition factors and chief lengths of 99 groups of degree 5 to 60."""
    assert len(RANDOM) == 99
    for kind, degree, order, derived, factors, chief, generators in RANDOM:
        chain = StabiliserChain(parse_permutations(generators))
        found = composition_factors(chain)
        assert (chain.degree, chain.order) == (int(degree), int(order)), kind
        assert ",".join(str(term.order) for term in derived_series(chain)) == derived
        assert ",".join(map(str, sorted(n for (n, _), times in found.items() for _ in range(times)))) == factors
        assert chief_length(chain) == int(chief)


def brute_force(name: str) -> Counter[tuple[tuple[int, ...], ...]]:
    """The orders of the factors of every shortest subnormal series with abelian factors, by all subgroups."""
    listed = group(name)
    subgroups = all_subgroups(listed)

    def below(upper):
        return [
            lower
            for lower in subgroups
            if lower.order < upper.order
            and lower <= upper
            and upper.normalises(lower)
            and all(listed.commutator(a, b) in lower for a in upper.generators for b in upper.generators)
        ]

    series = [[listed.whole]]
    while not any(one[-1].order == 1 for one in series):
        series = [[*one, lower] for one in series for lower in below(one[-1])]
    complete = [one for one in series if one[-1].order == 1]
    return Counter(tuple(a.order // b.order for a, b in pairwise(one)) for one in complete)


@pytest.mark.parametrize("name", ["S3", "S4", "D4", "Q8", "A4", "C2xC4", "D6", "SL(2,3)", "S3xS3", "SmallGroup(16,3)"])
def test_all_shortest_series(name):
    found = sn.inspect(name, all_series=True).shortest
    wanted = brute_force(name)
    orders: Counter[tuple[int, ...]] = Counter()
    for kind in found.kinds:
        orders[tuple(int(np.prod(moduli)) for moduli in kind.moduli)] += kind.count
        assert kind.series.length == found.length
        assert [a // b for a, b in pairwise(kind.series.orders)] == [int(np.prod(m)) for m in kind.moduli]
    assert orders == wanted
    assert found.count == sum(wanted.values())


@pytest.mark.parametrize(("name", "family"), [("M24", "aussm"), ("Rubik", "aussm"), ("S20", "negative-mamba")])
def test_never_is_certified_of_groups_too_large_to_list(tmp_path, name, family):
    """By a perfect subgroup, whose certificate is checked; that it lies in the group is compared with SymPy."""
    large = sn.group(name)
    found = sn.certify(name, tmp_path / "never", family)
    assert re.search(r"no number of .* layers can track this group of order (60|960)", found.sentences[0])
    assert found.notes[0].endswith(f"layers tracks {name}")
    generators = re.search(r"<(.*)>", found.notes[0])[1]
    for row in sn.group(f"[{generators}, {cycles(np.roll(np.arange(large.degree), 1))}]").permutations[:-1]:
        assert large.to_sympy().contains(Permutation(row.tolist()))
    assert "no number of" in str(sn.check(tmp_path / "never"))
    assert insoluble_subgroup(sn.group("S4wrS4").chain, 1000) is None
