"""Stabiliser chains against brute force, closed forms, SymPy and GAP."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import sys
from math import factorial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subnormal.algebra.arithmetic.permutations import Permutations, compose, invert
from subnormal.algebra.chains import kernels
from subnormal.algebra.chains import schreier_sims as schreier_sims_module
from subnormal.algebra.chains.kernels import Element, Encoding, is_even, order
from subnormal.algebra.chains.order_bounds import generated_order, order_bounds
from subnormal.algebra.chains.schreier_sims import ChainBuilder, random_member, schreier_sims
from subnormal.algebra.chains.series import (
    derived_series,
    few_generators,
    is_perfect,
    normal_closure,
    perfect_residual,
    verbal_subgroup,
)
from subnormal.algebra.chains.solvable import longest_derived_length
from subnormal.algebra.chains.stabiliser_chain import StabiliserChain, abelian_factor, derived_subgroup
from subnormal.common.errors import InputError
from tests.algebra.permutation_oracles import (
    MATHIEU,
    Images,
    TransitiveGroup,
    alternating,
    brute_force,
    mathieu,
    read_transitive_groups,
    symmetric,
    transitive_groups,
    wreath,
)

S3, S4, S5 = symmetric(3), symmetric(4), symmetric(5)
C6 = [[1, 2, 3, 4, 5, 0]]
Q8 = [[1, 2, 3, 0, 5, 6, 7, 4], [4, 7, 6, 5, 2, 1, 0, 3]]


@st.composite
def generator_sets(draw: st.DrawFn) -> tuple[int, Images]:
    """A degree ≤ 7 and up to three permutations, each a shuffle of some of the points, so that small groups occur."""
    degree = draw(st.integers(1, 7))
    images = []
    for _ in range(draw(st.integers(0, 3))):
        points = draw(st.lists(st.integers(0, degree - 1), unique=True))
        image = list(range(degree))
        for here, there in zip(points, draw(st.permutations(points)), strict=True):
            image[here] = there
        images.append(image)
    return degree, images


def chain_of(degree: int, images: Images) -> StabiliserChain:
    return StabiliserChain(np.array(images, dtype=int).reshape(len(images), degree))


def element_set(chain: StabiliserChain) -> set[tuple[int, ...]]:
    return set(map(tuple, chain.elements().tolist()))


def commutators(elements: set[tuple[int, ...]], degree: int) -> list[tuple[int, ...]]:
    rows = [np.array(element) for element in elements]
    pairs = itertools.product(rows, rows)
    return list({tuple(compose(compose(invert(a), invert(b)), compose(a, b)).tolist()) for a, b in pairs})


@given(generator_sets())
@settings(deadline=None, max_examples=150)
def test_elements_and_membership_by_brute_force(drawn: tuple[int, Images]) -> None:
    degree, images = drawn
    expected = brute_force(images, degree)
    chain = chain_of(degree, images)
    listed = chain.elements()
    assert chain.order == len(expected)
    assert list(map(tuple, listed.tolist())) == sorted(expected)
    assert listed.dtype == np.uint8
    everything = np.array(list(itertools.islice(itertools.permutations(range(degree)), 1000)))
    assert chain.contains(everything).tolist() == [tuple(row) in expected for row in everything.tolist()]
    assert chain.contains(everything[:50]).tolist() == [tuple(row) in expected for row in everything[:50].tolist()]
    assert chain.contains(chain.random(np.random.default_rng(0), 20)).all()


@given(generator_sets())
@settings(deadline=None, max_examples=60)
def test_schreier_sims_and_the_solvable_tower_agree(drawn: tuple[int, Images]) -> None:
    """With no random element to help, all work is left to the Schreier generators."""
    degree, images = drawn
    chain = chain_of(degree, images)
    encoding = chain.encoding
    identities = itertools.repeat(encoding.identity)
    moving = chain.moving_elements
    if moving:
        levels, strong = schreier_sims(moving, identities, encoding, random.Random(0))
        assert order(levels) == chain.order
        assert chain.contains(encoding.decode([element.code for element in strong])).all()


@given(generator_sets(), st.integers(0, 6))
@settings(deadline=None, max_examples=60)
def test_subgroups_by_brute_force(drawn: tuple[int, Images], exponent: int) -> None:
    degree, images = drawn
    elements = brute_force(images, degree)
    if len(elements) > 130:
        return
    chain = chain_of(degree, images)
    expected = brute_force(commutators(elements, degree), degree)
    assert element_set(derived_subgroup(chain)) == expected
    assert is_perfect(chain) == (len(expected) == len(elements))
    powers = []
    for element in elements:
        power = tuple(range(degree))
        for _ in range(exponent):
            power = tuple(element[i] for i in power)
        powers.append(power)
    assert element_set(verbal_subgroup(chain, exponent)) == brute_force([*expected, *powers], degree)
    seed = sorted(elements)[-1]
    conjugates = [tuple(compose(compose(invert(np.array(g)), np.array(seed)), np.array(g)).tolist()) for g in elements]
    assert element_set(normal_closure(chain, [seed])) == brute_force(conjugates, degree)


@given(generator_sets())
@settings(deadline=None, max_examples=60)
def test_residues_are_a_homomorphism_onto_the_factor(drawn: tuple[int, Images]) -> None:
    chain = chain_of(*drawn)
    below = derived_subgroup(chain)
    factor = abelian_factor(chain, below)
    assert factor.order * below.order == chain.order
    assert all(b % a == 0 for a, b in itertools.pairwise(factor.moduli))
    source = np.random.default_rng(1)
    x, y = chain.random(source, 40), chain.random(source, 40)
    products = np.take_along_axis(y, x.astype(np.intp), axis=1)
    moduli = np.array(factor.moduli, dtype=np.int64)
    assert (factor.residues(products) == (factor.residues(x) + factor.residues(y)) % moduli).all()
    assert (factor.residues(factor.lifts) == np.eye(len(moduli), dtype=np.int64)).all()
    assert not factor.residues(below.random(source, 20)).any()


@pytest.mark.parametrize(
    ("generators", "orders"),
    [
        (S4, [24, 12, 4, 1]),
        (Q8, [8, 2, 1]),
        (wreath(S4, S4), [7_962_624, 1_990_656, 663_552, 41_472, 20_736, 256, 1]),
        (symmetric(20), [factorial(20), factorial(20) // 2]),
        (alternating(30), [factorial(30) // 2]),
        (wreath(S5, S3), [120**3 * 6, 60**3 * 4 * 3, 60**3 * 4, 60**3]),
        (wreath(S3, S5), [6**5 * 120, 3**5 * 2**4 * 60]),
        ([[*range(1, 300), 0]], [300, 1]),
        ([[*range(1, 300), 0], [(-i) % 300 for i in range(300)]], [600, 150, 1]),
        ([[1, 0]], [2, 1]),
        ([[0, 1, 2]], [1]),
    ],
)
def test_derived_series_in_closed_form(generators: Images, orders: list[int]) -> None:
    chain = StabiliserChain(generators)
    series = derived_series(chain)
    assert [term.order for term in series] == orders
    assert chain.is_solvable == (orders[-1] == 1)
    assert perfect_residual(chain).order == orders[-1]
    assert is_perfect(series[-1])


def test_large_wreath_products() -> None:
    third = StabiliserChain(wreath(S4, wreath(S4, S4)))
    assert third.order == 24**21
    assert len(derived_series(third)) - 1 == 9
    assert len(derived_series(StabiliserChain(wreath(S3, wreath(S3, wreath(S3, S3)))))) - 1 == 8
    assert longest_derived_length(64) == 9  # S4 ≀ S4 ≀ S4 meets Dixon's bound


@pytest.mark.parametrize("name", MATHIEU)
def test_mathieu_groups_are_perfect(name: str) -> None:
    chain = StabiliserChain(mathieu(name))
    assert chain.order == MATHIEU[name][1]
    assert is_perfect(chain)
    assert not chain.is_solvable
    assert perfect_residual(chain) is chain


def test_normal_closure_in_a_group_that_is_not_solvable() -> None:
    """In S5 ≀ C2, a 3-cycle generates A5 × A5, a transposition S5 × S5; in S5 × S3, a transposition of S3, S3."""
    chain = StabiliserChain(wreath(S5, [[1, 0]]))
    closure = normal_closure(chain, [[1, 2, 0, *range(3, 10)]])
    assert closure.order == 60**2
    assert closure.contains([[1, 2, 0, *range(3, 10)], [1, 0, *range(2, 10)]]).tolist() == [True, False]
    assert normal_closure(chain, chain.generators[:2]).order == 120**2
    left, right = [[*image, 5, 6, 7] for image in S5], [[*range(5), *(i + 5 for i in image)] for image in S3]
    assert normal_closure(StabiliserChain(left + right), [[0, 1, 2, 3, 4, 6, 5, 7]]).order == 6


@pytest.mark.parametrize("transitive", transitive_groups(), ids=lambda group: f"{group.degree}-{group.number}")
def test_transitive_groups_against_gap(transitive: TransitiveGroup) -> None:
    assert_as_gap_says(transitive)


def assert_as_gap_says(transitive: TransitiveGroup) -> None:
    series = derived_series(StabiliserChain(transitive.generators))
    assert tuple(term.order for term in series) == transitive.derived_series
    factors = [abelian_factor(upper, lower) for upper, lower in itertools.pairwise(series)]
    assert tuple(factor.primary for factor in factors) == transitive.abelian_invariants


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gap") is None, reason="GAP makes the list")
def test_all_transitive_groups_of_degree_up_to_20(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they come, and up to degree 15 by a chain of hardly any random elements that bounds call complete."""
    folder = Path(__file__).parents[1] / "generators"
    command = ["gap", "-q", "common.g", "transitive_groups.g"]
    environment = {**os.environ, "STRIDE": "1"}
    output = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    groups = list(read_transitive_groups(output.stdout.splitlines()))
    assert len(groups) == 4_722
    for transitive in groups:
        assert_as_gap_says(transitive)
    monkeypatch.setattr(schreier_sims_module, "LONG_PROOF", 0)
    monkeypatch.setattr(schreier_sims_module, "QUIET", 1)
    for transitive in groups:
        if transitive.degree <= 15:
            assert_as_gap_says(transitive)
            chain = StabiliserChain(transitive.generators)
            bounds = order_bounds(transitive.generators, stabiliser_rows(chain), StabiliserChain)
            assert all(bound >= transitive.derived_series[0] for bound in bounds)


def test_against_sympy() -> None:
    combinatorics = pytest.importorskip("sympy.combinatorics")
    source = random.Random(5)
    for _ in range(25):
        degree = source.randint(3, 8)
        images = [source.sample(range(degree), degree) for _ in range(2)]
        group = combinatorics.PermutationGroup([combinatorics.Permutation(image) for image in images])
        assert [term.order for term in derived_series(StabiliserChain(images))] == [
            term.order() for term in group.derived_series()
        ]


def test_products_read_left_to_right() -> None:
    """The residues of (0 1 2) and its powers, and a commutator that is right one way round only, pin the convention."""
    a, b = np.array([1, 2, 0, 3]), np.array([1, 0, 2, 3])
    encoding = Encoding(4)
    product = encoding.encode(a).translate(encoding.encode(b) + encoding.tail)
    assert encoding.decode([product]).tolist() == [compose(a, b).tolist()] == [[0, 2, 1, 3]]
    assert compose(b, a).tolist() == [2, 1, 0, 3]


def test_proof_finds_what_random_elements_missed() -> None:
    """A chain that has only orbits, of the two generators themselves, is completed by Schreier generators."""
    encoding = Encoding(24)
    builder = ChainBuilder(encoding)
    for row in mathieu("M24"):
        builder.absorb(encoding.encode(row))
    assert order(builder.levels) < MATHIEU["M24"][1]
    builder.prove(factorial(24))
    assert order(builder.levels) == MATHIEU["M24"][1]


def test_verbal_subgroups_and_abelian_factors_of_c6_and_q8() -> None:
    six, quaternion = StabiliserChain(C6), StabiliserChain(Q8)
    assert [verbal_subgroup(six, m).order for m in (None, 0, 1, 2, 3, 6)] == [1, 1, 6, 3, 2, 1]
    assert verbal_subgroup(six, 1) is six
    assert [verbal_subgroup(quaternion, m).order for m in (None, 1, 2, 3, 4)] == [2, 8, 2, 8, 2]
    assert verbal_subgroup(StabiliserChain(S5), 2).order == 60
    whole = abelian_factor(six, verbal_subgroup(six, None))
    assert (whole.moduli, whole.primary, whole.order) == ((6,), (2, 3), 6)
    assert abelian_factor(quaternion, derived_subgroup(quaternion)).moduli == (2, 2)


def test_moduli_beyond_int64() -> None:
    """A product of disjoint cycles of all primes up to 59 has an order that int64 does not hold."""
    image: list[int] = []
    expected = 1
    for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59):
        image += [len(image) + (i + 1) % p for i in range(p)]
        expected *= p
    chain = StabiliserChain([image])
    factor = abelian_factor(chain, derived_subgroup(chain))
    assert factor.moduli == (expected,)
    cube = np.array(image)[np.array(image)[np.array(image)]]
    one, three = factor.residues([image, cube.tolist()])[:, 0]
    assert three == 3 * one % expected


def test_few_generators_and_seeds() -> None:
    chain = StabiliserChain(wreath(S4, S4))
    for term in derived_series(chain):
        few = few_generators(term)
        assert few.order == term.order
        assert term.contains(few.generators).all()
        assert len(few.generators) <= max(len(term.moving_elements), 0)
    first = derived_series(chain)[1]
    assert len(few_generators(first).generators) < len(first.generators)
    assert (few_generators(first).generators == few_generators(first).generators).all()
    for seed in range(3):  # chance decides the generators, never the order
        assert [term.order for term in derived_series(StabiliserChain(wreath(S5, S3), seed=seed))] == [
            120**3 * 6, 60**3 * 12, 60**3 * 4, 60**3,
        ]  # fmt: skip


def test_random_elements_are_uniform_and_reproducible() -> None:
    chain = StabiliserChain(S3)
    rows = chain.random(np.random.default_rng(3), 6_000)
    counts = np.unique(rows, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert abs(counts - 1_000).max() < 150  # five standard deviations
    assert (rows == chain.random(np.random.default_rng(3), 6_000)).all()


def test_listing_of_a_larger_degree() -> None:
    chain = StabiliserChain([[*range(1, 300), 0]])
    listed = chain.elements()
    assert listed.shape == (300, 300)
    assert listed.dtype == np.uint16
    assert (listed[:, 0] == np.arange(300)).all()
    assert chain.contains(listed).all()
    assert not chain.contains([[1, 0, *range(2, 300)]]).any()


def test_bases_parities_and_text() -> None:
    chain = StabiliserChain(S4)
    listed = chain.elements()
    assert len(np.unique(listed[:, list(chain.base)], axis=0)) == 24
    encoding = Encoding(4)
    even = [is_even(encoding.encode(row), 4) for row in listed]
    assert sum(even) == 12
    assert (listed[even] == StabiliserChain(alternating(4)).elements()).all()
    assert repr(chain) == "StabiliserChain(degree=4, order=24)"
    assert Element(encoding.encode(listed[5]), encoding).inverse == encoding.encode(invert(listed[5]))


@pytest.mark.parametrize(
    ("generators", "message"),
    [
        ([1, 0], r"shape \(2,\); wanted \(r, degree\)"),
        ([[]], r"shape \(1, 0\); wanted \(r, degree\)"),
        ([[0.0, 1.0]], "dtype float64; wanted integers"),
        ([[0, 1], [1, 1]], r"row 1 is \[1, 1\]: not a permutation of 0 … 1"),
        ([[1, 2]], r"row 0 is \[1, 2\]: not a permutation"),
        (np.arange(10_001)[None, :], "10001 points; wanted at most 10000"),
    ],
)
def test_bad_generators(generators: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        StabiliserChain(generators)  # type: ignore[arg-type]


def test_bad_questions() -> None:
    chain = StabiliserChain(S4)
    even = derived_subgroup(chain)
    with pytest.raises(InputError, match="order 24 on 4 points is too large to list: 96 entries; wanted at most 95"):
        chain.elements(limit=95)
    assert len(chain.elements(limit=96)) == 24
    with pytest.raises(InputError, match=r"shape \(1, 3\); wanted \(m, 4\)"):
        chain.contains([[0, 1, 2]])
    with pytest.raises(InputError, match="row 0 is not in the group of order 12"):
        normal_closure(even, [[1, 0, 2, 3]])
    with pytest.raises(InputError, match="is not a subgroup of"):
        abelian_factor(even, chain)
    with pytest.raises(InputError, match="is not normal in"):
        abelian_factor(chain, StabiliserChain([[1, 0, 2, 3]]))
    with pytest.raises(InputError, match="is not abelian"):
        abelian_factor(chain, StabiliserChain(np.empty((0, 4), dtype=int)))
    with pytest.raises(InputError, match="row 1 is not in the upper group"):
        abelian_factor(even, derived_subgroup(even)).residues([[0, 1, 2, 3], [1, 0, 2, 3]])
    with pytest.raises(InputError, match="exponent -2; wanted None, or an integer at least 0"):
        verbal_subgroup(chain, -2)


def test_imports_stay_light() -> None:
    code = "import sys, subnormal.algebra.chains.series; print(sorted({'numba', 'torch', 'sympy'} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"


# ------------------------------------------------------------------ many points, giants, thin chains


@given(generator_sets())
@settings(deadline=None, max_examples=40)
def test_long_permutations_give_the_same_groups(drawn: tuple[int, Images]) -> None:
    """The same permutations among 300 points, where products are made when they are used: orders, series, members."""
    degree, images = drawn
    chain = chain_of(degree, images)
    wide = np.tile(np.arange(300), (len(images), 1))
    wide[:, 100 : 100 + degree] = 100 + np.array(images, dtype=int).reshape(len(images), degree)
    long = StabiliserChain(wide)
    assert long.order == chain.order
    assert [term.order for term in derived_series(long)] == [term.order for term in derived_series(chain)]
    assert [verbal_subgroup(long, m).order for m in (2, 3)] == [verbal_subgroup(chain, m).order for m in (2, 3)]
    encoding = long.encoding
    moving = long.moving_elements
    if moving:
        levels, _ = schreier_sims(moving, itertools.repeat(encoding.identity), encoding, random.Random(0))
        assert order(levels) == chain.order
    source = np.random.default_rng(0)
    others = np.tile(np.arange(300), (20, 1))
    others[:, 100 : 100 + degree] = 100 + source.permuted(np.tile(np.arange(degree), (20, 1)), axis=1)
    assert long.contains(others).tolist() == chain.contains(others[:, 100 : 100 + degree] - 100).tolist()
    assert long.contains(long.random(source, 5)).all()


@given(generator_sets())
@settings(deadline=None, max_examples=40)
def test_thin_chains_are_complete(drawn: tuple[int, Images]) -> None:
    degree, images = drawn
    chain = chain_of(degree, images)
    if moving := chain.moving_elements:
        builder = ChainBuilder(chain.encoding)
        builder.thin(moving, random.Random(1))
        builder.prove(0)
        assert order(builder.levels) == chain.order


@pytest.mark.parametrize("degree", [30, 47, 100, 301, 5000])
@pytest.mark.parametrize("even", [False, True])
def test_giants_are_recognised(degree: int, even: bool) -> None:
    """S_n and A_n of some of the points, by a long cycle and a short one, among random names for the points."""
    n = degree - 4
    short = [1, 2, 0] if even else [1, 0]
    start = 1 if even and n % 2 == 0 else 0  # an even cycle has odd length
    long = [*range(start), *range(start + 1, n), start, *range(n, degree)]
    images = np.array([long, [*short, *range(len(short), degree)]])
    names = np.random.default_rng(degree).permutation(degree)
    rows = np.empty_like(images)
    rows[:, names] = names[images]
    chain = StabiliserChain(rows)
    assert chain.giant
    assert chain.order == factorial(n) // (2 if even else 1)
    assert [term.order for term in derived_series(chain)][-1] == factorial(n) // 2
    assert not chain.is_solvable


def test_what_is_nearly_a_giant_is_none() -> None:
    """S_9 on pairs, S_40 wr C_2, S_40 x S_40 and S_40 on two copies of its points."""
    n = 40
    shift, swap = np.roll(np.arange(n), 1), np.array([1, 0, *range(2, n)])
    pairs = list(itertools.combinations(range(9), 2))
    place = {pair: i for i, pair in enumerate(pairs)}
    nine = ([1, 2, 3, 4, 5, 6, 7, 8, 0], [1, 0, *range(2, 9)])
    on_pairs = [[place[min(g[a], g[b]), max(g[a], g[b])] for a, b in pairs] for g in nine]
    left, right = range(n), range(n, 2 * n)
    on_the_left = [[*swap, *right], [*shift, *right]]
    cases = {
        factorial(9): np.array(on_pairs),
        factorial(n) ** 2 * 2: np.array([*on_the_left, [*right, *left]]),
        factorial(n) ** 2: np.array([*on_the_left, [*left, *(n + swap)], [*left, *(n + shift)]]),
        factorial(n): np.array([[*swap, *(n + swap)], [*shift, *(n + shift)]]),
    }
    for wanted, rows in cases.items():
        chain = StabiliserChain(rows)
        assert not chain.giant
        assert chain.order == wanted


def test_a_giant_has_a_chain_when_it_is_asked_for_one() -> None:
    n = 60
    chain = StabiliserChain([[*range(1, n), 0], [1, 0, *range(2, n)]])
    assert "levels" not in vars(chain)
    rows = np.random.default_rng(0).permuted(np.tile(np.arange(n), (20, 1)), axis=1)
    even = [is_even(chain.encoding.encode(row), n) for row in rows]
    assert chain.contains(rows).all()
    assert derived_subgroup(chain).contains(rows).tolist() == even
    assert order(chain.levels) == factorial(n)


def test_what_would_take_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "MAX_WORK", 10**5)
    with pytest.raises(InputError, match=r"a group on 300 points whose stabiliser chain would take more than"):
        StabiliserChain(np.array([[*range(1, 150), 0, *range(151, 300), 150], [1, 0, *range(2, 300)]]))


# ------------------------------------------------------------------ bounds by orbits and blocks


def stabiliser_rows(chain: StabiliserChain) -> Permutations:
    """Some elements that fix the first base point."""
    source = random.Random(3)
    return chain.encoding.decode([random_member(chain.levels[1:], chain.encoding, source) for _ in range(4)])


def test_bounds_hold_for_all_transitive_groups_and_are_mostly_met() -> None:
    """No bound lies under the order that GAP gives. Of the imprimitive groups that are not solvable most meet one."""
    met = tried = 0
    for transitive in transitive_groups():
        if transitive.degree > 2:
            chain = StabiliserChain(transitive.generators)
            bounds = list(order_bounds(transitive.generators, stabiliser_rows(chain), StabiliserChain))
            assert all(bound >= transitive.derived_series[0] for bound in bounds)
            if bounds and not chain.is_solvable:
                tried += 1
                met += transitive.derived_series[0] in bounds
    assert (met, tried) == (21, 34)


def test_with_bounds_tried_first_transitive_groups_are_as_gap_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only two random elements made the chain: a bound that is wrong would call it complete."""
    monkeypatch.setattr(schreier_sims_module, "LONG_PROOF", 0)
    monkeypatch.setattr(schreier_sims_module, "QUIET", 1)
    for transitive in transitive_groups():
        if len(transitive.derived_series) == 1 or transitive.derived_series[-1] > 1:
            assert_as_gap_says(transitive)


@given(generator_sets(), generator_sets())
@settings(deadline=None, max_examples=60)
def test_bounds_of_intransitive_groups_hold(left: tuple[int, Images], right: tuple[int, Images]) -> None:
    """Pairs of permutations of two sets, a subgroup of the product of both groups."""
    (m, first), (_, second) = left, right
    images = [[*a, *(m + i for i in b)] for a, b in zip(first, second, strict=False)]
    if images:
        chain = StabiliserChain(images)
        rows = np.array(images)
        assert all(bound >= chain.order for bound in order_bounds(rows, rows[:0], StabiliserChain))


def even_part(generators: Images, block: Images) -> Images:
    """Without the first `len(block)` generators, but with what two of `block` do to the first two blocks, inversely."""
    size, rest = len(block[0]), generators[len(block) :]
    pairs = [[*image, *(size + int(i) for i in np.argsort(image)), *range(2 * size, len(rest[0]))] for image in block]
    return pairs + rest


C2, C3 = [[1, 0]], [[1, 2, 0]]


@pytest.mark.parametrize(
    ("generators", "orders"),
    [
        (wreath(S5, symmetric(40)), [120**40 * factorial(40), 120**40 // 2 * factorial(40) // 2]),
        (wreath(alternating(5), alternating(40)), [60**40 * factorial(40) // 2]),
        (wreath(S4, symmetric(50)), [24**50 * factorial(50), 24**50 // 2 * factorial(50) // 2]),
        (even_part(wreath(C2, alternating(60)), C2), [2**59 * factorial(60) // 2]),
        (even_part(wreath(C3, alternating(66)), C3), [3**65 * factorial(66) // 2]),
        (even_part(wreath(S5, alternating(30)), S5), [120**30 // 2 * factorial(30) // 2]),
        (wreath(S5, wreath(S5, S5)), [120**31, 120**31 // 8]),
        ([[*a, *(40 + i for i in a)] for a in wreath(S5, symmetric(8))], [120**8 * factorial(8)]),
    ],
    ids=["S5wrS40", "A5wrA40", "S4wrS50", "2^59:A60", "3^65:A66", "half of S5wrA30", "S5wrS5wrS5", "S5wrS8 twice"],
)
def test_imprimitive_groups_are_proved_by_bounds(generators: Images, orders: list[int]) -> None:
    series = derived_series(StabiliserChain(generators))
    assert [term.order for term in series][: len(orders)] == orders


def test_imprimitive_groups_of_200_points_need_no_sifts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two random elements of S5 wr S40: no Schreier generator of the group, or of a long one below it, is sifted."""
    sizes = []
    prove = ChainBuilder.prove

    def watched(self: ChainBuilder, bound: int) -> None:
        sizes.append(self.proof_size if order(self.levels) != bound else 0)
        prove(self, bound)

    monkeypatch.setattr(ChainBuilder, "prove", watched)
    source = np.random.default_rng(8)
    pair = []
    for _ in range(2):
        top, parts = source.permutation(40), [source.permutation(5) for _ in range(40)]
        pair.append([5 * int(top[i // 5]) + int(parts[i // 5][i % 5]) for i in range(200)])
    chain = StabiliserChain(pair)
    assert chain.order in [120**40 * factorial(40) // index for index in (1, 2, 4)]
    assert max(sizes) <= schreier_sims_module.LONG_PROOF


def test_orders_in_abelian_groups_by_brute_force() -> None:
    source = np.random.default_rng(2)
    for moduli in ((2,), (2, 4), (3, 9), (6, 6, 12), ()):
        for count in range(4):
            vectors = source.integers(0, 12, (count, len(moduli)))
            found = {tuple(0 for _ in moduli)}
            while True:
                sums = (np.array(a, dtype=int) + vector for a in found for vector in vectors)
                more = found | {tuple((total % np.array(moduli, dtype=int)).tolist()) for total in sums}
                if more == found:
                    break
                found = more
            assert generated_order(moduli, vectors) == len(found)
