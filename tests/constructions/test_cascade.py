"""Cascade, network and group agree: exhaustively, on all short words, and on long ones."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subnormal.algebra.depth.families import FAMILIES, parse_stack
from subnormal.algebra.depth.series import given_series
from subnormal.algebra.groups.catalogue import small_group
from subnormal.algebra.input.elements import parse_elements, read_elements
from subnormal.algebra.input.parser import parse_group
from subnormal.algebra.tracked import KINDS, TrackedGroup, products
from subnormal.common.errors import InputError
from subnormal.constructions.cascade import BLOCK, Cascade, CascadeLayer
from subnormal.constructions.compiler import compile_group, read_alphabet, read_series
from subnormal.constructions.verification import first_fault
from subnormal.constructions.weights import phases
from tests.cases import REFUSED, TRACKED, compilations, compiled, group
from tests.oracles import small_groups

NAMES = [case.name for case in TRACKED]


@pytest.mark.parametrize(("name", "family"), compilations())
@pytest.mark.parametrize("channels", ["invariant", "primary"])
def test_the_cascade_tracks_words_of_every_length(name, family, channels):
    compilation = compiled(name, family, "all", channels)
    assert first_fault(compilation.cascade, compilation.group) is None
    for case in TRACKED:
        if case.name == name:
            assert len(compilation.cascade.layers) == (case.signs if family == "negative-mamba" else case.depth)


@pytest.mark.parametrize("name", NAMES)
def test_all_words_up_to_length_four_over_the_generators(name):
    compilation = compiled(name)
    listed, cascade = compilation.group, compilation.cascade
    for word in product(range(len(cascade.alphabet)), repeat=4):
        expected = [listed.product(cascade.alphabet[list(word[: t + 1])].tolist()) for t in range(4)]
        assert cascade.outputs(np.array(word)).tolist() == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_long_words(name, kind):
    compilation = compiled(name)
    listed, cascade = compilation.group, compilation.cascade
    word = TrackedGroup(listed, cascade.alphabet).word(kind, 100_000)
    assert (cascade.outputs(word) == products(listed, cascade.alphabet[word])).all()


def test_products_are_the_products():
    listed, cascade = group("S4"), compiled("S4", alphabet="all").cascade
    word = TrackedGroup(listed, cascade.alphabet).word("random", 1000, seed=3)
    by_hand, y = [], 5
    for token in word.tolist():
        y = listed.times(y, int(cascade.alphabet[token]))
        by_hand.append(y)
    assert products(listed, cascade.alphabet[word], 5).tolist() == by_hand
    assert products(listed, word[:1], 5).tolist() == by_hand[:1]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(NAMES), st.lists(st.integers(0, 2**31), min_size=1, max_size=200), st.integers(0, 2**31))
def test_runs_may_start_anywhere_and_be_cut_anywhere(name, numbers, state):
    compilation = compiled(name, alphabet="all")
    cascade, listed = compilation.cascade, compilation.group
    state %= listed.order
    tokens = np.array(numbers) % len(cascade.alphabet)
    states = cascade.run(tokens, state)
    assert (cascade.decode[states] == products(listed, cascade.alphabet[tokens], int(cascade.decode[state]))).all()
    cut = len(tokens) // 2
    if cut:
        assert (cascade.run(tokens[cut:], int(states[cut - 1])) == states[cut:]).all()


def test_a_run_over_several_blocks():
    compilation = compiled("GL(2,3)")
    word = TrackedGroup(compilation.group, compilation.cascade.alphabet).word("random", 3 * BLOCK + 17)
    expected = products(compilation.group, compilation.cascade.alphabet[word])
    assert (compilation.cascade.outputs(word) == expected).all()


def test_the_paper_s_construction_of_s3():
    """Layer 1 turns by 1/2 for odd tokens; layer 2 turns by ±1/3, the sign given by the parity so far (paper, Theorem
    2's example)."""
    listed = group("S3")
    cascade = compiled("S3", alphabet="all").cascade
    parity = np.array([listed.element_orders[x] == 2 for x in range(6)]).astype(int)
    first, second = cascade.layers
    assert (first.moduli, second.moduli) == ((2,), (3,))
    assert first.increments[0, :, 0].tolist() == parity.tolist()
    assert ((second.increments[0] + second.increments[1]) % 3 == 0).all()
    assert {int(x) for x in second.increments[0, parity == 0, 0]} == {0, 1, 2}


def test_a_wrong_cascade_is_found_out():
    compilation = compiled("S4", alphabet="all")
    cascade, listed = compilation.cascade, compilation.group
    for number, layer in enumerate(cascade.layers):
        for place in list(np.ndindex(layer.increments.shape))[::7]:
            increments = layer.increments.copy()
            increments[place] = (increments[place] + 1) % layer.moduli[place[-1]]
            layers = list(cascade.layers)
            layers[number] = CascadeLayer(layer.family, layer.moduli, increments)
            assert first_fault(Cascade("S4", cascade.elements, cascade.alphabet, tuple(layers), cascade.decode), listed)
    for other in (np.roll(cascade.decode, 1), np.zeros_like(cascade.decode)):
        assert first_fault(Cascade("S4", cascade.elements, cascade.alphabet, cascade.layers, other), listed)


@pytest.mark.parametrize("name", REFUSED)
def test_non_solvable_groups_are_refused_with_their_residual(name):
    with pytest.raises(InputError, match=rf"not solvable.*perfect residual has order {REFUSED[name]}\b"):
        compile_group(group(name), [FAMILIES["aussm"]])


def test_families_that_cannot_say_why():
    with pytest.raises(InputError, match="subgroup of order 3 is generated by its own commutators and squares"):
        compile_group(group("S3"), [FAMILIES["negative-mamba"]])
    with pytest.raises(InputError, match="not even a sign"):
        compile_group(group("C2"), [FAMILIES["mamba"]])
    with pytest.raises(InputError, match="does not depend on the input"):
        compile_group(group("C2"), [FAMILIES["s4d"]])
    with pytest.raises(InputError, match="24 > 12 > 4 does not reach 1"):
        compile_group(group("S4"), parse_stack("aussm,aussm"))
    with pytest.raises(InputError, match="trivial"):
        compile_group(group("C1"), [FAMILIES["aussm"]])


def test_mixed_stacks_compile_and_idle_layers_are_dropped():
    compilation = compile_group(group("S4"), parse_stack("negative-mamba,mamba,aussm,negative-mamba"))
    assert [layer.family for layer in compilation.cascade.layers] == ["negative-mamba", "aussm", "negative-mamba"]
    assert first_fault(compilation.cascade, compilation.group) is None


def test_an_own_series():
    series = read_series(group("S4"), "(1,2,3);(1,2)(3,4) | (1,2)(3,4);(1,3)(2,4) | (1,2)(3,4)", FAMILIES["aussm"])
    assert series.orders == (24, 12, 4, 2, 1)
    spaced = read_series(group("S4"), "(1 2 3);(1 2)(3 4)|(1 2)(3 4), (1 3)(2 4)|(1 2)(3 4)", FAMILIES["aussm"])
    assert [s.members.tolist() for s in spaced.subgroups] == [s.members.tolist() for s in series.subgroups]
    compilation = compile_group(group("S4"), [FAMILIES["aussm"]], series=series)
    assert [layer.moduli for layer in compilation.cascade.layers] == [(2,), (3,), (2,), (2,)]
    assert first_fault(compilation.cascade, compilation.group) is None


def test_a_series_need_only_be_subnormal():
    listed = group("D4")
    reflection = int(listed.index_of(np.array([[0, 3, 2, 1]], dtype=np.uint8))[0])
    rotation = int(listed.index_of(np.array([[2, 3, 0, 1]], dtype=np.uint8))[0])
    series = given_series(
        listed, [listed.subgroup([reflection, rotation]), listed.subgroup([reflection])], FAMILIES["aussm"]
    )
    assert not listed.whole.normalises(series.subgroups[2])
    compilation = compile_group(listed, [FAMILIES["aussm"]], series=series)
    assert first_fault(compilation.cascade, listed) is None


def test_alphabets():
    listed = group("S4")
    assert read_alphabet(listed, None).tolist() == list(range(24))
    assert read_alphabet(listed, "generators").tolist() == list(listed.generators)
    assert read_alphabet(listed, "(1,2);(1,2,3,4)").tolist() == [6, 9]
    assert read_elements(listed, "3, 5") == [3, 5]
    for text in ("(1 2); (1 2 3 4)", "(1 2), (1 2 3 4)", "(1,2),(1,2,3,4)"):
        assert read_elements(listed, text) == read_elements(listed, "(1,2);(1,2,3,4)"), text
    for text, message in [
        ("(1,5)", "is not an element of S4"),
        ("(0 1);(0 1 2 3)", "add 1 to every point"),
        ("(12);(1234)", "without separators"),
        ("24", "S4 has elements 0 … 23"),
        ("1;1", "element 1 appears twice"),
        ("x", "cannot read the element 'x'"),
        (";", "an empty alphabet"),
    ]:
        with pytest.raises(InputError, match=message):
            read_alphabet(listed, text)
    with pytest.raises(InputError, match="unknown kind of channels"):
        compile_group(listed, [FAMILIES["aussm"]], channels="most")
    with pytest.raises(InputError, match="unknown kind of word"):
        TrackedGroup(listed, np.arange(24)).word("silly", 10)


def test_phases_are_the_nearest_to_zero():
    assert phases(np.array([[0], [1], [2]]), (3,)).ravel().tolist() == [0, 1 / 3, -1 / 3]
    assert phases(np.array([[1, 2]]), (2, 4)).tolist() == [[-0.5, -0.5]]


@pytest.mark.parametrize(
    "facts", [facts for facts in small_groups() if facts.solvable and facts.order > 1][::149], ids=lambda f: f.name
)
def test_a_sample_of_the_catalogue_compiles(facts):
    check_small_group(facts)


@pytest.mark.slow
def test_the_whole_catalogue_compiles():
    checked = 0
    for facts in small_groups():
        if facts.solvable and facts.order > 1:
            check_small_group(facts)
        else:
            with pytest.raises(InputError, match="not solvable|trivial"):
                compile_group(small_group(facts.order, facts.number), [FAMILIES["aussm"]], "generators")
        checked += 1
    assert checked == 7012


def check_small_group(facts):
    listed = small_group(facts.order, facts.number)
    compilation = compile_group(listed, [FAMILIES["aussm"]], "generators")
    assert first_fault(compilation.cascade, listed) is None
    assert len(compilation.cascade.layers) == facts.derived_length


def test_one_reader_of_elements_for_listed_groups_and_others():
    """What names an element of one names the same of the other, and what is refused is refused by both."""
    own = parse_group("S4")
    listed = own.listed()
    for text in ("(1,2);(1,2,3,4)", "(1 2), (1 2 3 4)", " (1,2) ;; (3,4)(1,2)", "(1,2)(3),()", "", "(1,2);(1,2)"):
        assert np.array_equal(parse_elements(listed, text), parse_elements(own, text)), text
        assert np.array_equal(listed.elements[read_elements(listed, text)], parse_elements(own, text)), text
    for text in ("(1,2)(5)", "(1,5)", "(5,6)", "(1,2", "x", "(123)", "(0,1)", "-1", "1.5", "(1,2)(2,3)"):
        for asked in (listed, own):
            with pytest.raises(InputError):
                parse_elements(asked, text)
    with pytest.raises(InputError, match="no numbers"):
        parse_elements(own, "3")
    with pytest.raises(InputError, match="elements 0 … 23"):
        read_elements(listed, "24")
