"""Layers of blocks: residuals against GAP, the table of the theorem, laws and covers by other means."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from subnormal.algebra.depth.blocks import residuals
from subnormal.algebra.depth.blocks.depths import BLOCKS, block_answer, chain_block_answer
from subnormal.algebra.depth.blocks.residuals import complex_2, real_2, real_3
from subnormal.algebra.depth.inspection import inspect_group
from subnormal.algebra.depth.witness import evaluate
from subnormal.algebra.groups.catalogue import number_of_groups, small_group
from subnormal.algebra.input.parser import list_group, parse_group
from tests.cases import group

with (Path(__file__).parent.parent / "data" / "blocks.tsv").open(encoding="ascii") as file:
    GAP = [{key: int(value) for key, value in row.items()} for row in csv.DictReader(file, delimiter="\t")]


def test_residuals_and_readouts_agree_with_gap():
    assert len(GAP) == 180
    for row in GAP:
        listed = small_group(row["order"], row["number"])
        whole = listed.whole
        assert real_2(whole).order == row["squares"]
        assert complex_2(whole).order == row["complex_2"]
        assert real_3(whole).below.order == row["real_3"]
        readout = block_answer(listed).readout
        assert (readout.complex, readout.real) == (row["least_complex"], row["least_real"])


TABLE = {
    # block-2, block-3, complex-block-2, block-4, complex-block-3; linear read-out over C, over R
    "C1": (0, 0, 0, 0, 0, 0, 0),
    "C5": (1, 1, 1, 1, 1, 1, 2),
    "S3": (1, 1, 1, 1, 1, 2, 2),
    "Q8": (1, 1, 1, 1, 1, 2, 4),
    "A4": (2, 1, 1, 1, 1, 3, 3),
    "S4": (2, 1, 1, 1, 1, 3, 3),
    "SL(2,3)": (2, 2, 1, 1, 1, 2, 4),
    "GL(2,3)": (2, 2, 1, 1, 1, 2, 4),
    "F20": (2, 2, 2, 1, 2, 4, 4),
    "F21": (2, 2, 2, 2, 1, 3, 6),
    "SmallGroup(27,3)": (2, 2, 2, 2, 1, 3, 6),
    "SmallGroup(32,49)": (1, 1, 1, 1, 1, 4, 4),
    "SmallGroup(32,50)": (1, 1, 1, 1, 1, 4, 8),
    "SmallGroup(48,3)": (2, 2, 2, 2, 1, 3, 6),
    "C3wrC3": (2, 2, 2, 2, 1, 3, 6),
    "S3xS3": (1, 1, 1, 1, 1, 2, 2),
    "S3wrC2": (2, 2, 2, 1, [1, 2], 4, 4),
    "D4wrC2": (2, 2, 2, 1, 2, 4, 4),
    "SmallGroup(56,11)": (2, 2, 2, 2, 2, 7, 7),
    "S4wrC2": (3, 2, 2, 1, 2, 6, 6),
    "A5": (None, 1, 1, 1, 1, 3, 3),
    "SL(2,5)": (None, 2, 1, 1, 1, 2, 4),
    "S5": (None, 2, 2, 1, 2, 4, 4),
    "PSL(2,7)": (None, None, None, None, 1, 3, 6),
    "A6": (None, None, None, None, 1, 5, 5),
    "S6": (None, None, None, None, 2, 5, 5),
    "A7": (None, None, None, None, None, 6, 6),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name):
    found = block_answer(list_group(name))
    assert (*(row.layers for row in found.rows), found.readout.complex, found.readout.real) == TABLE[name]
    assert all(row.reason for row in found.rows)


def test_squares_that_commute_by_the_definition():
    for order in range(1, 48):
        for number in range(1, number_of_groups(order) + 1):
            listed = small_group(order, number)
            squares = np.diagonal(listed.table)
            commute = bool((listed.table[np.ix_(squares, squares)] == listed.table[np.ix_(squares, squares)].T).all())
            assert (block_answer(listed).rows[0].layers in (0, 1)) == commute


def test_stronger_blocks_need_no_more():
    for order, number in [(96, n) for n in range(1, 232, 7)] + [(192, n) for n in range(1, 1544, 97)]:
        rows = dict(zip((kind.name for kind in BLOCKS), block_answer(small_group(order, number)).rows, strict=True))
        chain = [rows[name] for name in ("block-2", "block-3", "complex-block-2", "block-4")]
        least = [row.least or 0 for row in chain]
        assert least == sorted(least, reverse=True)
        assert rows["complex-block-3"].most <= rows["complex-block-2"].most
        assert all(row.least <= row.most for row in rows.values())


@pytest.mark.parametrize("name", ["S4", "SL(2,3)", "SmallGroup(96,70)", "S3wrC2"])
def test_subgroups_and_factors_need_no_more(name):
    """V is closed under subgroups: the residual of a subgroup lies in that of the group."""
    listed = list_group(name)
    rng = np.random.default_rng(1)
    whole = listed.whole
    for _ in range(30):
        below = listed.subgroup(rng.integers(1, listed.order, 2))
        for residual in (real_2, lambda h: real_3(h).below, complex_2, residuals.real_4_excluded):
            assert residual(below) <= residual(whole)


def test_subdirect_products_stay_inside():
    """G x H for members, and a factor of a central product that leaves the class: SL(2,3) with a 2-group that is not in
    it, glued along their centres."""
    assert complex_2(list_group("SL(2,3)xQ8").whole).order == 1
    assert real_3(list_group("S4xA5").whole).below.order == 1
    assert complex_2(list_group("SL(2,5)xSL(2,3)").whole).order == 1
    two = next(
        small_group(64, n) for n in range(1, number_of_groups(64) + 1) if real_2(small_group(64, n).whole).order > 1
    )
    assert complex_2(two.whole).order == real_2(two.whole).order  # a 2-group: as real 2x2 blocks


def test_a_witness_is_evaluated():
    found = inspect_group(group("S4")).blocks.rows[0]
    assert found.reason.endswith("= (1,2)(3,4) ≠ ()")
    listed = group("S4")
    squares = {listed.times(a, a) for a in range(24)}
    assert any(listed.commutator(a, b) for a, b in product(squares, squares))
    assert evaluate(listed, 5) == 5


def test_large_groups():
    rows = [row.layers for row in chain_block_answer(parse_group("S9").chain).rows]
    assert rows == [None] * 5
    rows = [row.layers for row in chain_block_answer(parse_group("S4wrS4").chain).rows]
    assert rows == [4, [2, 4], [2, 4], [1, 4], [1, 4]]
    rows = [row.layers for row in chain_block_answer(parse_group("A5^3").chain).rows]
    assert rows == [None, [1, 3], [1, 3], [1, 3], [1, 3]]
    for name in ("M24", "Rubik", "PSL(3,4)", "PGL(2,7)xA5xA5xA5"):
        rows = [row.layers for row in chain_block_answer(parse_group(name).chain).rows]
        assert rows == [None] * 4 + [[1, 5] if name.startswith("PGL") else None]


def test_the_number_of_blocks():
    counts = {name: [row.blocks for row in block_answer(list_group(name)).rows] for name in ("Q8", "S3", "A5", "S5")}
    assert counts == {
        "Q8": [2, 2, 1, 1, 1],
        "S3": [1, 1, 1, 1, 1],
        "A5": [None, 1, None, 1, 1],
        "S5": [None, None, None, 1, None],
    }


def test_json_and_text():
    found = inspect_group(group("S5"))
    content = found.as_json()
    keys = ["block_2", "block_3", "block_4", "complex_block_2", "complex_block_3"]
    assert [content["depth_by_family"][key] for key in keys] == [None, 2, 1, 2, 2]
    assert all(content["reasons"][key] for key in keys)
    assert content["linear_readout"] == {"complex": 4, "real": 4}
    assert content["blocks"]["block_4"] == 1
