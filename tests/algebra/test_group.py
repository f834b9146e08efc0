"""Listed groups: conventions, multiplication by table and by permutations, subgroups; against SymPy."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from subnormal.algebra.arithmetic.permutations import compose, cycles, parse_permutation
from subnormal.algebra.groups import group as group_module
from subnormal.algebra.groups.group import Group
from tests.cases import TRACKED, group


def test_permutations_compose_from_left_to_right():
    p, q = np.array(parse_permutation("(1,2)(3)")), np.array(parse_permutation("(1,2,3)"))
    assert cycles(compose(p, q)) == "(1,3)"  # GAP: (1,2)*(1,2,3) = (1,3)
    assert cycles(compose(q, p)) == "(2,3)"
    listed = group("S3")
    a, b = (int(listed.index_of(x[None])[0]) for x in (p, q))
    assert cycles(listed.elements[listed.times(a, b)]) == "(1,3)"
    assert cycles(listed.elements[listed.times(b, a)]) == "(2,3)"


def test_symmetric_groups_are_numbered_lexicographically():
    assert group("S4").elements.tolist() == [list(p) for p in permutations(range(4))]
    even = [list(p) for p in permutations(range(4)) if sum(p[i] > p[j] for i in range(4) for j in range(i, 4)) % 2 == 0]
    assert group("A4").elements.tolist() == even
    assert group("C6").elements[:, 0].tolist() == list(range(6))


def test_direct_products_are_numbered_row_by_row():
    product, first, second = group("S3xC4"), group("S3"), group("C4")
    for i in range(6):
        for j in range(4):
            assert product.elements[4 * i + j].tolist() == [*first.elements[i], *(3 + second.elements[j])]


def test_dihedral_groups_have_order_2n():
    assert [group(f"D{n}").order for n in (1, 2, 3, 4, 12)] == [2, 4, 6, 8, 24]


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
def test_multiplication_with_and_without_a_table(case, monkeypatch):
    listed = group(case.name)
    everything = np.arange(listed.order)
    products = listed.multiply(everything[:, None], everything[None])
    direct = listed.elements[everything[None, :, None], listed.elements[:, None, :]]
    assert (listed.elements[products] == direct).all()
    monkeypatch.setattr(group_module, "TABLE_LIMIT", 0)
    bare = Group(listed.elements, listed.generators, listed.name)
    assert (bare.multiply(everything[:, None], everything[None]) == products).all()
    assert (bare.inverses == listed.inverses).all()
    assert (bare.element_orders == listed.element_orders).all()
    assert [bare.inverse(x) for x in everything[:20].tolist()] == listed.inverses[:20].tolist()
    with pytest.raises(MemoryError, match="no multiplication table"):
        _ = bare.table


@pytest.mark.parametrize("name", ["S4", "D6", "Q16", "SL(2,3)", "Heis(3)", "F21", "PSL(2,7)"])
def test_subgroups_agree_with_sympy(name):
    from sympy.combinatorics import Permutation, PermutationGroup

    listed = group(name)
    theirs = PermutationGroup([Permutation(listed.elements[g].tolist()) for g in listed.generators])
    assert theirs.order() == listed.order
    derived = listed.whole.normal_closure(
        [listed.commutator(a, b) for a in listed.generators for b in listed.generators]
    )
    assert derived.order == theirs.derived_subgroup().order()
    closure = theirs.normal_closure(Permutation(listed.elements[listed.generators[0]].tolist()))
    assert listed.whole.normal_closure([listed.generators[0]]).order == closure.order()
    assert [int(n) for n in listed.element_orders] == [Permutation(p.tolist()).order() for p in listed.elements]


def test_powers_products_and_commutators():
    listed = group("S4")
    for a in range(24):
        assert listed.power(a, int(listed.element_orders[a])) == 0
        assert listed.power(a, -1) == listed.inverse(a)
        for b in range(24):
            assert listed.times(listed.times(b, a), listed.commutator(a, b)) == listed.times(a, b)
            assert listed.conjugate(a, b) == listed.product([listed.inverse(b), a, b])


def test_what_is_not_an_element():
    listed = group("A4")
    assert listed.contains(np.array([1, 2, 0, 3], dtype=np.uint8))
    assert not listed.contains(np.array([1, 0, 2, 3], dtype=np.uint8))


def test_elements_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        group("S3").elements[0, 0] = 1
