"""Factored cascades: against running products, against ordinary cascades, in both ways to run them."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subnormal.algebra.chains.series import derived_series, few_generators
from subnormal.algebra.chains.stabiliser_chain import StabiliserChain
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.groups.permutation_group import PermutationGroup
from subnormal.algebra.input.parser import parse_group
from subnormal.algebra.tracked import KINDS, TrackedPermutations
from subnormal.common.errors import InputError
from subnormal.constructions.factored import compiler as factored_compiler
from subnormal.constructions.factored.cascade import BLOCK
from subnormal.constructions.factored.compiler import FactoredCompilation, compile_factored
from subnormal.constructions.factored.execution import FactoredMachine, loops
from subnormal.constructions.factored.proof import factored_fault
from subnormal.constructions.verification import try_word
from tests.cases import REFUSED, TRACKED
from tests.cases import group as listed_group
from tests.oracles import named_groups


@cache
def factored(name: str, family: str = "aussm") -> FactoredCompilation:
    """A group compiled from its name."""
    group = parse_group(name)
    moving = group.permutations[(group.permutations != np.arange(group.degree)).any(axis=1)]
    return compile_factored(group.name, moving, FAMILIES[family])


LARGE = {
    # name: layers, channels, whether the decomposition is exact
    "S4wrS4": (6, 20, True),
    "S4wrS4wrS4": (9, 84, True),
    "S3wrS3wrS3wrS3": (8, 80, True),
    "C2wrC2wrC2wrC2wrC2": (5, 31, True),
    "S4wrC4": (4, 17, True),
    "GL(2,3)wrS4": (7, 24, True),
    "Q8wrS4": (5, 16, True),
    "C60wrS4": (4, 8, True),
    "S4wrS4xS3wrS4": (6, 32, True),
    "S4wr(C2xC2)": (4, 18, True),
    "S4wr(S3xC2)": (5, 23, True),
    "(S3xC2)wrS4": (5, 20, False),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_groups_compile_with_as_few_layers_as_there_can_be(name):
    compilation = factored(name)
    cascade = compilation.cascade
    layers, channels, exact = LARGE[name]
    assert (cascade.depth, len(cascade.channels), compilation.structure.exact) == (layers, channels, exact)
    assert compilation.shortest == layers
    assert compilation.chain.order == parse_group(name).order
    assert cascade.states == compilation.structure.order
    assert (cascade.states == compilation.chain.order) == exact
    assert factored_fault(cascade) is None


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fast", [True, False])
def test_long_words(name, kind, fast):
    pytest.importorskip("numba")  # of the extra `fast`
    cascade = factored(name).cascade
    length = 100_000 if name.startswith("S4wrS4") and fast else 10_000
    *_, trial = try_word(FactoredMachine(cascade, fast), TrackedPermutations(cascade.alphabet), kind, length, seed=1)
    assert trial.first_wrong is None
    assert trial.tokens == length


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
def test_listed_groups_have_the_same_depth(case):
    """Their factored cascades are certified, and visit as many permutations as the group has elements."""
    compilation = factored(case.name)
    cascade = compilation.cascade
    assert factored_fault(cascade) is None
    assert compilation.shortest == case.depth
    if compilation.structure.exact:
        assert cascade.depth == case.depth
        everything = np.array(list(product(*(range(n) for n in cascade.moduli))), dtype=np.uint8)
        elements = np.unique(cascade.decode(everything), axis=0)
        assert (elements == listed_group(case.name).elements).all()


def test_named_groups_of_the_oracle():
    """Depths from GAP, for every solvable group of the table."""
    tried = 0
    for facts in named_groups():
        if facts.solvable and facts.derived_length:
            compilation = factored(facts.name)
            assert compilation.shortest == facts.derived_length
            assert compilation.cascade.depth == facts.derived_length
            assert factored_fault(compilation.cascade) is None
            tried += 1
    assert tried > 30


@pytest.mark.parametrize("case", [case for case in TRACKED if case.signs], ids=lambda case: case.name)
def test_signs_alone(case):
    cascade = factored(case.name, "negative-mamba").cascade
    assert set(cascade.moduli) == {2}
    assert factored_fault(cascade) is None
    assert factored(case.name, "negative-mamba").shortest == case.signs


def test_what_a_channel_reads_is_what_it_depends_on():
    """No table is constant along anything it reads, and layers follow from what is read."""
    for name in LARGE:
        channels = factored(name).cascade.channels
        for channel in channels:
            moduli = [channels[read].modulus for read in channel.reads]
            table = channel.increments.reshape(*moduli, -1)
            for axis in range(len(moduli)):
                assert (table != table.take([0], axis=axis)).any()
            assert channel.layer == 1 + max((channels[read].layer for read in channel.reads), default=0)


def test_tables_do_not_grow_with_the_group():
    """The group of degree 4^k has order 24^((4^k - 1)/3); its largest table has 24^(k-1) rows at most, times 6."""
    entries = [
        max(channel.increments.size for channel in factored(name).cascade.channels)
        for name in ("S4", "S4wrS4", "S4wrS4wrS4")
    ]
    assert entries == [12, 96, 576]
    assert factored("S4wrS4wrS4").cascade.table_entries < 25_000


def test_copies_read_nothing_of_each_other():
    cascade = factored("S4wrS4").cascade
    moved = [frozenset(np.flatnonzero(channel.lift != np.arange(16)) // 4) for channel in cascade.channels]
    for channel, own in zip(cascade.channels, moved, strict=True):
        if len(own) == 1:  # inside one block
            assert all(len(moved[read]) > 1 or moved[read] == own for read in channel.reads)


def test_parts_without_a_common_layer_run_side_by_side():
    """In S4 wr (S3 x C2) the copies over the two points that C2 moves wait for one layer, not for two."""
    channels = factored("S4wr(S3xC2)").cascade.channels
    first = {frozenset((np.flatnonzero(c.lift != np.arange(20)) // 4).tolist()): c.layer for c in reversed(channels)}
    assert [first[frozenset([block])] for block in range(5)] == [3, 3, 3, 2, 2]


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["S4wrS4", "S3wrC2", "S4wr(S3xC2)", "Q8"]),
    st.lists(st.integers(0, 2**31), min_size=1, max_size=60),
    st.integers(0, 60),
)
def test_runs_may_be_cut_anywhere(name, numbers, cut):
    pytest.importorskip("numba")  # of the extra `fast`
    cascade = factored(name).cascade
    word = np.array(numbers) % len(cascade.alphabet)
    cut = min(cut, len(word) - 1)
    for fast in (True, False):
        machine = loops(cascade, fast)
        residues = machine.run(word)
        assert (machine.decode(residues) == TrackedPermutations(cascade.alphabet).run(word)).all()
        if cut:
            assert (machine.run(word[cut:], residues[cut - 1]) == residues[cut:]).all()


def test_a_run_over_several_blocks():
    pytest.importorskip("numba")  # of the extra `fast`
    cascade = factored("S4wrS4").cascade
    word = TrackedPermutations(cascade.alphabet).word("random", 2 * BLOCK + 3)
    assert (cascade.run(word) == loops(cascade, fast=True).run(word)).all()
    assert (cascade.outputs(word) == TrackedPermutations(cascade.alphabet).run(word)).all()


def test_products_are_the_products():
    tokens = factored("S3wrC2").cascade.alphabet
    letters = TrackedPermutations(tokens)
    word = letters.word("random", 200, seed=5)
    start = tokens[1]
    product_so_far, by_hand = start, []
    for letter in word:
        product_so_far = tokens[letter][product_so_far]
        by_hand.append(product_so_far.tolist())
    assert letters.run(word, start).tolist() == by_hand


def test_words():
    letters = TrackedPermutations(factored("S4wrS4").cascade.alphabet)
    orders = [letters.order(x) for x in range(letters.count)]
    assert orders[letters.word("constant", 1)[0]] == max(orders)
    assert (letters.run(letters.word("commutator", 50)) != np.arange(16)).any()
    assert TrackedPermutations(np.array([[1, 2, 0, 4, 3, 5]])).order(0) == 6
    with pytest.raises(InputError, match="unknown kind of word 'silly'"):
        letters.word("silly", 3)


@pytest.mark.parametrize("name", ["S5wrS4", "A5xS4wrS4", *REFUSED])
def test_groups_that_are_not_solvable_are_refused(name):
    with pytest.raises(InputError, match="not solvable, its perfect residual has order"):
        factored(name)


def test_what_a_family_cannot_carry_is_refused():
    with pytest.raises(InputError, match="the only rotation is a sign; the series stops at order"):
        factored("S4wrS4", "negative-mamba")
    with pytest.raises(InputError, match="trivial"):
        compile_factored("C1", np.arange(4)[None].astype(np.uint8), FAMILIES["aussm"])
    with pytest.raises(InputError, match="tokens from 0 to 7; wanted positions in the alphabet, 0 … 3"):
        factored("S4wrS4").cascade.run(np.array([0, 7]))


@pytest.mark.parametrize("name", ["S4wrS4", "S4wrS4wrS4", "S3wrS3wrS3"])
def test_derived_subgroups_of_wreath_products(name):
    """Groups that are no wreath products, most of them: compiled from permutations, with the fewest layers."""
    depth = factored(name).shortest
    for i, term in enumerate(derived_series(StabiliserChain(parse_group(name).permutations))[1:-1], 1):
        compilation = compile_factored(f"{name}^({i})", few_generators(term).generators, FAMILIES["aussm"])
        assert compilation.cascade.depth == compilation.shortest == depth - i
        assert factored_fault(compilation.cascade) is None


def test_a_primitive_group_too_large_to_list(monkeypatch):
    monkeypatch.setattr(factored_compiler, "LARGEST_ATOM", 23)
    with pytest.raises(
        InputError, match="a part of order 24 on 4 points has no blocks; wanted parts of order at most 23"
    ):
        compile_factored("S4", parse_group("S4").permutations, FAMILIES["aussm"])


def test_a_table_too_large(monkeypatch):
    monkeypatch.setattr(factored_compiler, "MAX_TABLE", 100)
    with pytest.raises(InputError, match="a channel would read 48 states and 4 tokens; wanted tables of at most 100"):
        compile_factored("S4wrS4", parse_group("S4wrS4").permutations, FAMILIES["aussm"])


def subgroups_of_wreath_products() -> list[PermutationGroup]:
    """Random subgroups: of two elements each, so usually smaller than any product of their parts."""
    random = np.random.default_rng(7)
    groups = []
    for name in ("S3wrS3", "S4wrS4", "S4wr(S3xC2)", "C4wrC4", "C6wrS3", "AGL(1,8)wrC2"):
        chain = StabiliserChain(parse_group(name).permutations)
        for _ in range(4):
            tokens = chain.random(random, 2)
            groups.append(PermutationGroup(f"in {name}", tokens, StabiliserChain(tokens).order))
    return groups


@pytest.mark.parametrize("group", subgroups_of_wreath_products(), ids=lambda group: f"{group.name} {group.order}")
def test_any_solvable_permutation_group(group):
    """From permutations alone; right whether or not the decomposition is exact, and never too shallow."""
    if group.order == 1:
        return
    compilation = compile_factored(group.name, group.permutations, FAMILIES["aussm"])
    cascade = compilation.cascade
    assert factored_fault(cascade) is None
    assert cascade.depth >= compilation.shortest
    assert compilation.structure.exact == (cascade.states == group.order)
    word = TrackedPermutations(cascade.alphabet).word("random", 500)
    assert (cascade.outputs(word) == TrackedPermutations(cascade.alphabet).run(word)).all()
