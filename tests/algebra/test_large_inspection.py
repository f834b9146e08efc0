"""Inspection through stabiliser chains, against GAP's facts, the listed route, and known groups."""

from __future__ import annotations

import numpy as np
import pytest

from subnormal.algebra.base.errors import InputError
from subnormal.algebra.chains.stabiliser_chain import StabiliserChain
from subnormal.algebra.depth.families import parse_stack
from subnormal.algebra.depth.inspection import inspect_group
from subnormal.algebra.depth.large_inspection import _value, inspect_large
from subnormal.algebra.input.parser import parse_group
from tests.cases import group
from tests.oracles import named_groups


@pytest.mark.parametrize("facts", [facts for facts in named_groups() if facts.order > 1], ids=lambda facts: facts.name)
def test_named_groups_agree_with_gap_and_with_the_listed_route(facts):
    found = inspect_large(parse_group(facts.name))
    assert found.orders == facts.derived_series
    assert found.depths["aussm"] == facts.derived_length
    assert found.depths["negative-mamba"] == facts.negative_mamba_depth
    if facts.solvable:
        assert found.witness is not None
        assert len(found.witness) == 2 ** (facts.derived_length - 1)
    if facts.order <= 2000:
        large, listed = found.as_json(), inspect_group(group(facts.name)).as_json()
        same = ("name", "order", "abelian", "solvable", "depth", "derived_series", "factors", "depth_by_family")
        assert {key: large[key] for key in same} == {key: listed[key] for key in same}
        assert set(large) == set(listed)
        assert [layer["invariant"] for layer in large["layers"]] == [layer["invariant"] for layer in listed["layers"]]


@pytest.mark.parametrize(
    ("name", "depth", "order"),
    [("S4wrS4", 6, 7_962_624), ("S4wrS4wrS4", 9, 24**21), ("S3wrS3wrS3wrS3", 8, 6**40), ("S4wrC4", 4, 1_327_104)],
)
def test_large_solvable_groups(name, depth, order):
    found = inspect_large(parse_group(name))
    assert (found.depths["aussm"], found.group.order) == (depth, order)
    assert np.prod([float(factor.order) for factor in found.factors]) == pytest.approx(float(order))
    assert found.witness is not None
    assert StabiliserChain(parse_group(name).permutations).contains(found.witness).all()
    assert (_value(found.witness) != np.arange(found.group.degree)).any()


@pytest.mark.parametrize(
    ("name", "residual"), [("S20", 2432902008176640000 // 2), ("M24", 244823040), ("M11", 7920), ("S5wrC3", 60**3)]
)
def test_large_non_solvable_groups(name, residual):
    found = inspect_large(parse_group(name))
    assert (found.depths["aussm"], found.orders[-1]) == (None, residual)
    assert found.as_json()["witness"] == {"kind": "perfect residual", "order": residual}


def test_the_value_of_a_nested_commutator():
    listed = group("S4")
    leaves = [3, 7, 9, 16]
    expected = listed.commutator(listed.commutator(3, 7), listed.commutator(9, 16))
    assert (_value(listed.elements[leaves]) == listed.elements[expected]).all()


def test_stacks_and_refusals():
    stack = parse_stack("aussm,aussm,aussm,aussm,aussm,negative-mamba")
    assert inspect_large(parse_group("S4wrS4"), stack).stack[1] == (7962624, 1990656, 663552, 41472, 20736, 256, 1)
    assert not inspect_large(parse_group("S4wrS4"), stack[1:]).as_json()["stack"]["tracks"]
    with pytest.raises(InputError, match="S999 has order about 10\\^2564 on 999 points.*up to 256 points"):
        inspect_large(parse_group("S999"))
