"""What a user can type, and what is said when it cannot be read."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subnormal.algebra.input.parser import list_group, parse_group, parse_machine
from subnormal.common.errors import InputError
from tests.oracles import named_groups


@pytest.mark.parametrize("facts", named_groups(), ids=lambda facts: facts.name)
def test_names(facts):
    assert parse_group(facts.name).order == facts.order


@pytest.mark.parametrize(
    ("text", "order", "name"),
    [
        ("Z6", 6, "C6"),
        (" C2 x C4 ", 8, "C2xC4"),
        ("C2×C4", 8, "C2xC4"),
        ("C2 ≀ C2", 8, "C2wrC2"),
        ("C7 ⋊ C3", 21, "C7:C3"),
        ("C2^3", 8, "C2^3"),
        ("(C2xC2)^2", 16, "(C2xC2)^2"),
        ("(S3)", 6, "S3"),
        ("C2xC2xC3", 12, "C2xC2xC3"),
        ("(C7:C3)xC2", 42, "(C7:C3)xC2"),
        ("C2wrC2wrC2", 128, "C2wrC2wrC2"),
        ("C2wr(C2wrC2)", 128, "C2wr(C2wrC2)"),
        ("SmallGroup(24,12)", 24, "SmallGroup(24,12)"),
        ("SL( 2 , 3 )", 24, "SL(2,3)"),
        ("(1,2,3)(4,5), (1,2)", 12, "<(1,2,3)(4,5),(1,2)>"),
        ("(1 2 3), (1 2)", 6, "<(1,2,3),(1,2)>"),
        ("( 1 2  3 )(4 5);(1 , 2)", 12, "<(1,2,3)(4,5),(1,2)>"),
        ("(1\t2\n3)", 3, "<(1,2,3)>"),
        ("(4)(1 2 3)", 3, "<(1,2,3)>"),
        ("<(1,2,3),(1,2)>", 6, "<(1,2,3),(1,2)>"),
        ("[(1 2 3), (1 2)]", 6, "<(1,2,3),(1,2)>"),
        ("Group([ (1,2,3), (1,2) ])", 6, "<(1,2,3),(1,2)>"),
        ("Group((1,2,3),(1,2))", 6, "<(1,2,3),(1,2)>"),
        ("()", 1, "<()>"),
        ("S20", 2432902008176640000, "S20"),
        ("S4wrS4wrS4", 24**21, "S4wrS4wrS4"),
        ("M24", 244823040, "M24"),
    ],
)
def test_expressions(text, order, name):
    found = parse_group(text)
    assert (found.order, found.name) == (order, name)


@pytest.mark.parametrize(
    "text", ["C6", "D4", "S4", "A5", "Q8", "SL(2,3)", "C2wrC2", "C7:C3", "(1,2,3),(1,2)", "SmallGroup(64,134)", "C2xS3"]
)
def test_listed_groups_have_the_order_promised(text):
    assert list_group(text).order == parse_group(text).order


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty group"),
        ("   ", "empty group"),
        ("S999999", "at most 10000"),
        ("C0", "C0: n must be at least 1"),
        ("D0", "D0: n must be at least 1"),
        ("Dx", "cannot read a group at 'Dx'"),
        ("S4 extra", "cannot read a group at 'extra'"),
        ("S4 S4", "cannot read a group at 'S4'"),
        ("S", "cannot read a group"),
        ("4", "cannot read a group at '4'"),
        ("V5", "the only V is Klein's"),
        ("Q12", "power of 2 and at least 8"),
        ("SD8", "at least 16"),
        ("F12", "the order must be p·m"),
        ("F1", "the order must be p·m"),
        ("M10", "the Mathieu groups are"),
        ("Heis(4)", "p must be a prime"),
        ("Heis4", "cannot read"),
        ("AGL(1,6)", "q must be a prime power"),
        ("SL(2,6)", "q must be a prime power"),
        ("SL(2)", r"cannot read a group at '\)'"),
        ("SL", "needs 2 numbers"),
        ("(1,2,2)", "point 2 appears twice"),
        ("(0,1)", r"points start from 1; .* add 1 to every point of every permutation: \(1,2\)"),
        ("(0 1 2), (0 1)", r"point 0 in .*: \(1,2,3\)"),
        ("(123), (12)", r"one point, or 3 without separators; wanted \(1,2,3\)"),
        ("(12)(34)", r"wanted \(1,2\)"),
        ("(1 2, 3)", "commas and spaces"),
        ("(1,2,,3)", "two commas"),
        ("(1 2)(2 3)", "a comma between permutations"),
        ("(1,2", "not a permutation"),
        ("(1,99999)", "points go from 1 to 10000"),
        ("SmallGroup(24,99)", r"there are 15 groups of order 24"),
        ("SmallGroup(256,1)", "255"),
        ("C5:C4", r"SmallGroup\(20,1\) or SmallGroup\(20,3\)"),
        ("C2:C3", "write C2xC3"),
        ("C7:C3:C2", "put parentheses"),
        ("C7:C3xC2", "put parentheses"),
        ("C2^0", "exponent 0"),
        ("C2^", "the end of"),
        ("C2x", "the end of"),
        ("x", "cannot read a group at 'x'"),
        ("(" * 60 + "C2" + ")" * 60, "nested deeper than 50"),
        ("C12345678901", "too large"),
        ("C2wrC9999", "points, at most 10,000"),
        ("C2^99wrC99", "points, at most 10,000"),
        ("C1234:C4321", "semidirect products are searched up to"),
        ("C2" * 11_000, "at most 20000"),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_group(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Sym(3)", "S3"),
        ("sym(3)", "S3"),
        ("s5", "S5"),
        ("S_3", "S3"),
        ("$S_{3}$", "S3"),
        ("S(3)", "S3"),
        ("Alt(4)", "A4"),
        ("a5", "A5"),
        ("Z/5Z", "C5"),
        ("Z/5", "C5"),
        ("ℤ/5ℤ", "C5"),
        (r"\mathbb{Z}_5", "C5"),
        ("Cyclic(5)", "C5"),
        ("cyclic(5)", "C5"),
        ("Z/2Z x Z/4Z", "C2xC4"),
        (r"Z_2 \times Z_4", "C2xC4"),
        ("C2*C3", "C2xC3"),
        ("Z2 ⊕ Z4", "C2xC4"),
        ("s3xs4", "S3xS4"),
        ("C2**3", "C2^3"),
        ("c7:c3", "C7:C3"),
        ("dihedral(5)", "D5 (order 10)"),
        ("SL_2(3)", "SL(2,3)"),
        ("gl(2,3)", "GL(2,3)"),
        ("L2(7)", "PSL(2,7)"),
        ("smallgroup(24,12)", "SmallGroup(24,12)"),
        ("L3(4)", "PSL(3,4)"),
        ("U3(3)", "PSU(3,3)"),
        ("dihedralgroup(4)", "D4 (order 8) or D2 (order 4)"),
        ("klein", "V4"),
        ("go(3,3)", "GO(3,3)"),
        ("c4od4", "C4oD4"),
        ("j1", "J1"),
        ("w(e6)", "W(E6)"),
        ("WeylE6", "W(E6)"),
        ("rubik", "Rubik"),
        ("Rubik's cube", "Rubik"),
        ("Frob(21)", "F21"),
        ("2T", "SL(2,3)"),
        ("2O", "SmallGroup(48,28)"),
        ("2.A5", "SL(2,5)"),
        ("3^{1+2}", "Heis(3)"),
        ("group(s3)", "S3"),
        ("FlipFlop(2)", "flip-flop(2)"),
        ("flip_flop(2)", "flip-flop(2)"),
        ("tomita5", "tomita(5)"),
        ("Parity", "parity"),
    ],
)
def test_what_others_write_is_proposed_in_our_names(text, meant):
    with pytest.raises(InputError) as caught:
        parse_machine(text)
    assert f"; did you mean {meant}? wanted" in str(caught.value)
    for name in re.findall(r"[^ ]+(?= \()", meant) or [meant]:
        parse_machine(name)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("S₃", "S3"),
        ("C₂×C₄", "C2xC4"),
        ("C2⁴", "C2^4"),
        ("2⁴", "2^4"),
        ("GO(+1,4,3)", "GO(1,4,3)"),
        ("C4 ∘ D₄", "C4oD4"),
        ("⟨a,b | a²,b³,(ab)²⟩", "<a,b | a^2,b^3,(ab)^2>"),
    ],
)
def test_digits_above_and_below_the_line(text, plain):
    found, wanted = parse_group(text), parse_group(plain)
    assert (found.name, found.order) == (wanted.name, wanted.order)
    assert np.array_equal(found.permutations, wanted.permutations)


@pytest.mark.parametrize(
    "text", ["foo", "S3 x", "S", "e", "the group s3", "Q7", "s999999", "S4 extra", "x", "4", "()x"]
)
def test_nothing_is_proposed_where_nothing_is_clear(text):
    with pytest.raises(InputError) as caught:
        parse_machine(text)
    assert "did you mean" not in str(caught.value)


def test_groups_too_large_to_list():
    with pytest.raises(InputError, match="S20 has order 2,432,902,008,176,640,000 on 20 points: too large to list"):
        list_group("S20")
    with pytest.raises(InputError, match="C101xC9801 has order 989,901 on 9902 points: too large to list"):
        list_group("C101xC9801")


ALPHABET = st.text(alphabet="CSADQVZFMHeisGLPSL0123456789xwr:^(), \t×≀", max_size=14)


@settings(deadline=None, max_examples=400)
@given(st.one_of(ALPHABET, st.text(max_size=12)))
def test_random_text_gives_a_group_or_an_input_error(text):
    try:
        found = parse_group(text)
    except InputError as error:
        found, message = None, str(error)
    if found is None:
        assert "\n" not in message
    else:
        assert found.order >= 1
        assert found.permutations.ndim == 2
