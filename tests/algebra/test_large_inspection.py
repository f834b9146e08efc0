"""Inspection through stabiliser chains, against GAP's facts, the listed route, and known groups."""

from __future__ import annotations

import numpy as np
import pytest

from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.algebra.depth import program_witness
from subnormal.algebra.depth.blocks.depths import BLOCKS
from subnormal.algebra.depth.families import parse_stack
from subnormal.algebra.depth.inspection import inspect_by_chain, inspect_group
from subnormal.algebra.input.parser import parse_group
from tests.cases import group
from tests.oracles import named_groups


def within(known, bound):
    """Whether one answer on layers, a number, [least, most] or None for never, lies in another."""
    if bound is None or isinstance(bound, int):
        return known == bound
    least, most = bound
    if known is None:
        return most is None
    low, high = (known, known) if isinstance(known, int) else known
    return least <= low and (most is None or (high is not None and high <= most))


@pytest.mark.parametrize("facts", [facts for facts in named_groups() if facts.order > 1], ids=lambda facts: facts.name)
def test_named_groups_agree_with_gap_and_with_the_listed_route(facts):
    found = inspect_by_chain(parse_group(facts.name))
    assert found.series.orders == facts.derived_series
    assert found.depths["aussm"] == facts.derived_length
    assert found.depths["negative-mamba"] == facts.negative_mamba_depth
    if facts.solvable:
        leaves = found.witness.leaves()
        assert leaves is not None
        assert len(leaves) == 2 ** (facts.derived_length - 1)
    if facts.order <= 2000:
        large, listed = found.as_json(), inspect_group(group(facts.name)).as_json()
        same = ("name", "order", "abelian", "solvable", "depth", "derived_series", "factors", "depth_by_family")
        bounds, known = (
            {kind.key: content["depth_by_family"].pop(kind.key) for kind in BLOCKS[1:]} for content in (large, listed)
        )
        assert {key: large[key] for key in same} == {key: listed[key] for key in same}
        for key, bound in bounds.items():  # without a list of elements blocks are known less well, but never wrongly
            assert within(known[key], bound)
        assert set(large) == set(listed) - {"householders_detail"}
        rows, others = large["architectures"], listed["architectures"]
        assert list(rows) == list(others)
        assert [name for name in rows if rows[name]["answer"] == "never"] == [
            name for name in others if others[name]["answer"] == "never"
        ]
        assert [rows[name] for name in ("pd_ssm", "mamba_3")] == [others[name] for name in ("pd_ssm", "mamba_3")]
        assert listed["householders"] is None or large["householders"] >= listed["householders"]
        assert [layer["invariant"] for layer in large["layers"]] == [layer["invariant"] for layer in listed["layers"]]


@pytest.mark.parametrize(
    ("name", "depth", "order"),
    [("S4wrS4", 6, 7_962_624), ("S4wrS4wrS4", 9, 24**21), ("S3wrS3wrS3wrS3", 8, 6**40), ("S4wrC4", 4, 1_327_104)],
)
def test_large_solvable_groups(name, depth, order):
    found = inspect_by_chain(parse_group(name))
    assert (found.depths["aussm"], found.group.order) == (depth, order)
    assert np.prod([float(factor.order) for factor in found.factors]) == pytest.approx(float(order))
    check_witness(found, depth)


def check_witness(found, depth):
    """The leaves lie in the group, and their nested commutator, evaluated here, is the value stated and not 1."""
    witness = found.witness
    level = witness.leaves()
    assert found.group.chain.contains(level).all()
    assert len(level) == 2 ** (depth - 1)
    while len(level) > 1:
        level = [commutator(x.tolist(), y.tolist()) for x, y in zip(level[0::2], level[1::2], strict=True)]
    assert witness.height == depth - 1
    assert cycles(level[0]) == cycles(witness.values()[-1]) != "()"
    assert witness.as_json()["value"] == cycles(level[0])


def commutator(x, y):
    """x⁻¹·y⁻¹·x·y on lists of images: it takes (p·y)·x, for every point p, to (p·x)·y."""
    result = np.empty(len(x), dtype=int)
    for p in range(len(x)):
        result[x[y[p]]] = y[x[p]]
    return result


@pytest.mark.parametrize(
    ("name", "residual"), [("S20", 2432902008176640000 // 2), ("M24", 244823040), ("M11", 7920), ("S5wrC3", 60**3)]
)
def test_large_non_solvable_groups(name, residual):
    found = inspect_by_chain(parse_group(name))
    assert (found.depths["aussm"], found.series.orders[-1]) == (None, residual)
    assert found.as_json()["witness"] == {"kind": "perfect residual", "order": residual}


@pytest.mark.parametrize("height", [4, 6, 7])
def test_towers_of_c2(height):
    """Nested commutators of random elements are nearly all trivial here; the witness is made, not searched for."""
    found = inspect_by_chain(parse_group("wr".join(["C2"] * height)))
    assert (found.depth, found.depths["negative-mamba"]) == (height, height)
    check_witness(found, height)
    assert " cannot: [" in found.reasons["aussm"]


def test_a_witness_too_large_to_write_out(monkeypatch):
    monkeypatch.setattr(program_witness, "MAX_TREE", 100)
    found = inspect_by_chain(parse_group("S4wrS4"))
    content = found.as_json()["witness"]
    assert content["kind"] == "straight-line program"
    assert content["value"] == cycles(found.witness.values()[-1])
    assert "a program of " in found.reasons["aussm"]


def test_stacks_and_refusals():
    stack = parse_stack("aussm,aussm,aussm,aussm,aussm,negative-mamba")
    assert inspect_by_chain(parse_group("S4wrS4"), stack).stack[1].orders == (
        7962624,
        1990656,
        663552,
        41472,
        20736,
        256,
        1,
    )
    assert not inspect_by_chain(parse_group("S4wrS4"), stack[1:]).as_json()["stack"]["tracks"]
