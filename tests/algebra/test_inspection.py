"""Series, factors, depths, decompositions and witnesses, against GAP's facts and the table of cases."""

from __future__ import annotations

import json

import numpy as np
import pytest

from subnormal.algebra.arithmetic.abelian_invariants import primary_invariants
from subnormal.algebra.depth.abelian import abelian_factor
from subnormal.algebra.depth.decomposition import decompose
from subnormal.algebra.depth.families import FAMILIES, family, parse_stack
from subnormal.algebra.depth.inspection import inspect_group
from subnormal.algebra.depth.refusal import refusal
from subnormal.algebra.depth.series import given_series, shortest_series, verbal_series
from subnormal.algebra.depth.witness import Expression, Residual, depth_witness, evaluate
from subnormal.common.errors import InputError
from tests.cases import REFUSED, TRACKED, Case, group
from tests.oracles import named_groups, small_groups

AUSSM, SIGNS = FAMILIES["aussm"], FAMILIES["negative-mamba"]
NAMED = [facts for facts in named_groups() if facts.order <= 2000]


@pytest.mark.parametrize("facts", NAMED, ids=lambda facts: facts.name)
def test_named_groups_agree_with_gap(facts):
    found = inspect_group(group(facts.name))
    assert found.group.order == facts.order
    assert found.series.orders == facts.derived_series
    assert found.depth == facts.derived_length
    assert found.depths["negative-mamba"] == facts.negative_mamba_depth
    assert found.depths["mamba"] == found.depths["s4d"] == (0 if facts.order == 1 else None)
    if facts.solvable:
        factors = found.decomposition.factors
        assert tuple(primary_invariants(factor.moduli) for factor in factors) == facts.abelian_invariants
        if facts.derived_length > 1:
            assert found.decomposition.splits[-1] == facts.splits
    else:
        assert found.witness.subgroup.order == facts.residual_order
    if facts.number and facts.order <= 255:
        assert found.small_group_id == (facts.order, facts.number)


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
def test_cases(case: Case):
    found = inspect_group(group(case.name))
    assert (found.depth, found.depths["negative-mamba"]) == (case.depth, case.signs)
    assert found.depths["simple-aussm"] == case.depth
    if case.decomposition:
        assert str(found.decomposition.extension) == case.decomposition


@pytest.mark.parametrize("facts", small_groups()[::97], ids=lambda facts: facts.name)
def test_a_sample_of_the_catalogue_agrees_with_gap(facts):
    check_small_group(facts)


@pytest.mark.slow
def test_the_whole_catalogue_agrees_with_gap():
    for facts in small_groups():
        check_small_group(facts)


def check_small_group(facts):
    from subnormal.algebra.groups.catalogue import small_group

    listed = small_group(facts.order, facts.number)
    derived, signs = shortest_series(listed, AUSSM), shortest_series(listed, SIGNS)
    assert derived.orders == facts.derived_series
    assert (signs.length if signs.is_complete else None) == facts.negative_mamba_depth
    if derived.is_complete:
        decomposition = decompose(derived)
        assert tuple(primary_invariants(factor.moduli) for factor in decomposition.factors) == facts.abelian_invariants
        if derived.length > 1:
            assert decomposition.splits[-1] == facts.splits


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
def test_factors_are_homomorphisms_onto_their_channels(case):
    listed = group(case.name)
    series = shortest_series(listed, AUSSM)
    for upper, lower in zip(series.subgroups, series.subgroups[1:], strict=False):
        for factor in (abelian_factor(upper, lower), abelian_factor(upper, lower).in_primary_channels()):
            members = upper.members[:: max(1, upper.order // 40)]
            sums = factor.residues[members][:, None] + factor.residues[members][None]
            products = factor.residues[listed.multiply(members[:, None], members[None])]
            assert (sums % factor.moduli == products).all()
            assert (np.flatnonzero((factor.residues == 0).all(axis=1)) == lower.members).all()
            assert (factor.residues[list(factor.lifts)] == np.eye(len(factor.moduli))).all()
            if factor.moduli:
                assert np.prod(factor.moduli) == factor.order


@pytest.mark.parametrize("case", [case for case in TRACKED if case.depth > 1], ids=lambda case: case.name)
def test_the_witness_is_a_nested_commutator_that_is_not_trivial(case):
    listed = group(case.name)
    witness = depth_witness(shortest_series(listed, AUSSM))
    assert witness is not None
    assert witness.height == case.depth - 1
    assert evaluate(listed, witness.nested()) == witness.value != 0
    assert _is_commutator_tree(witness)


def _is_commutator_tree(tree: Expression) -> bool:
    return not tree.exponent and len(tree.parts) in (0, 2) and all(_is_commutator_tree(part) for part in tree.parts)


@pytest.mark.parametrize("case", [case for case in TRACKED if case.signs], ids=lambda case: case.name)
def test_the_negative_mamba_witness(case):
    listed = group(case.name)
    witness = depth_witness(shortest_series(listed, SIGNS))
    assert witness.height == case.signs - 1
    assert evaluate(listed, witness.nested()) == witness.value != 0


@pytest.mark.parametrize("name", REFUSED)
def test_the_perfect_residual_is_shown_to_be_perfect(name):
    listed = group(name)
    found = inspect_group(listed)
    assert isinstance(found.witness, Residual)
    assert found.depth is None
    assert found.witness.subgroup.order == REFUSED[name]
    for generator, words in zip(found.witness.subgroup.generators, found.witness.expressions, strict=True):
        assert listed.product(evaluate(listed, word.nested()) for word in words) == generator
        assert all(part.value in found.witness.subgroup for word in words for part in word.parts)
        assert all(len(word.parts) == 2 for word in words)
    assert "not solvable" in refusal(found.series, [AUSSM])


def test_where_the_decomposition_splits():
    assert inspect_group(group("SL(2,3)")).decomposition.splits == (True, False)
    assert inspect_group(group("GL(2,3)")).decomposition.splits == (True, True, False)
    assert inspect_group(group("Q8")).decomposition.splits == (False,)
    over_signs = decompose(shortest_series(group("C4"), SIGNS))
    assert (str(over_signs.extension), over_signs.splits) == ("C2.C2", (False,))


def test_mixed_stacks():
    def tracks(name: str, stack: str) -> bool:
        return verbal_series(group(name), parse_stack(stack)).is_complete

    assert tracks("S3", "negative-mamba,aussm")
    assert not tracks("S3", "aussm,mamba")
    assert tracks("D4", "aussm,negative-mamba")
    assert tracks("S4", "negative-mamba,aussm,negative-mamba")
    assert not tracks("S4", "aussm,aussm")
    assert tracks("C2", "mamba,negative-mamba,s4d")
    assert not tracks("C2", "s4d,mamba,s4d,mamba")
    with pytest.raises(InputError, match="unknown family 'nonsense'"):
        parse_stack("aussm,nonsense")
    assert family("negative_mamba") is SIGNS


def test_an_own_series_must_be_a_series_of_allowed_factors():
    listed = group("S4")
    fours = listed.subgroup([7, 16])
    assert fours.order == 4
    assert given_series(listed, [group("S4").whole.normal_closure([3]), fours], AUSSM).orders == (24, 12, 4, 1)
    with pytest.raises(InputError, match="is not abelian"):
        given_series(listed, [fours], AUSSM)
    with pytest.raises(InputError, match="is not normal"):
        given_series(listed, [listed.subgroup([1])], AUSSM)
    with pytest.raises(InputError, match="abelian of exponent dividing 2"):
        given_series(group("C4"), [], SIGNS)


def _commutator(table: list[list[int]], x: int, y: int) -> int:
    inverse = {row: row_entries.index(0) for row, row_entries in enumerate(table)}
    return table[table[table[inverse[x]][inverse[y]]][x]][y]


def _value_of(table: list[list[int]], expression: int | list) -> int:
    if isinstance(expression, int):
        return expression
    left, right = (_value_of(table, part) for part in expression)
    return _commutator(table, left, right)


def _height(expression: int | list) -> int:
    return 0 if isinstance(expression, int) else 1 + min(_height(part) for part in expression)


@pytest.mark.parametrize("name", ["S3", "S4", "GL(2,3)"])
def test_the_witness_in_json_proves_what_it_says(name):
    """Read back with the Cayley table alone: a nested commutator that is not trivial, one level below the depth."""
    found = inspect_group(group(name)).as_json()
    witness, table = found["witness"], group(name).table.tolist()
    assert witness["kind"] == "nested commutator"
    assert _value_of(table, witness["expression"]) == witness["value"] != 0
    assert _height(witness["expression"]) == found["depth"] - 1


@pytest.mark.parametrize(("name", "order"), [("A5", 60), ("S5", 60), ("C2xA5", 60)])
def test_the_perfect_residual_in_json_proves_what_it_says(name, order):
    witness, table = inspect_group(group(name)).as_json()["witness"], group(name).table.tolist()
    assert (witness["kind"], witness["order"]) == ("perfect residual", order)
    members, grown = {0}, True
    while grown:
        more = {table[x][y] for x in members for y in witness["generators"]} | members
        grown, members = len(more) > len(members), more
    assert len(members) == order
    for generator, words in zip(witness["generators"], witness["commutators"], strict=True):
        product = 0
        for x, y in words:
            assert {x, y} <= members
            product = table[product][_commutator(table, x, y)]
        assert product == generator


def test_json_keys():
    content = inspect_group(group("S4")).as_json()
    assert {key: content[key] for key in ("name", "order", "small_group_id", "abelian", "solvable", "depth")} == {
        "name": "S4",
        "order": 24,
        "small_group_id": [24, 12],
        "abelian": False,
        "solvable": True,
        "depth": 3,
    }
    assert content["derived_series"] == [24, 12, 4, 1]
    assert content["factors"] == [[2], [3], [2, 2]]
    assert content["depth_by_family"] == {
        "s4d": None,
        "mamba": None,
        "negative_mamba": None,
        "simple_aussm": 3,
        "aussm": 3,
        "gated_aussm": 3,
        "block_2": 2,
        "block_3": 1,
        "complex_block_2": 1,
        "block_4": 1,
        "complex_block_3": 1,
    }
    refused = inspect_group(group("A5")).as_json()
    assert (refused["depth"], refused["factors"], refused["witness"]["kind"]) == (None, None, "perfect residual")
    assert refused["witness"]["text"].endswith("> of order 60")
    assert "{" not in json.dumps(refused["witness"])[1:]  # no name of a field was left in a text
