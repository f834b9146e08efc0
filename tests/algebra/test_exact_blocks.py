"""Matrix groups with exact entries: their orders, their maps, their orbits, and their traces against characters."""

from __future__ import annotations

import numpy as np
import pytest

from subnormal.algebra.depth.blocks.exact import MATRIX_GROUPS
from subnormal.algebra.input.parser import list_group
from subnormal.algebra.representations.characters import character_table
from subnormal.common.errors import InputError

QUICK = [name for name in MATRIX_GROUPS if name != "2^(1+4)+ real"]  # its four generators take six seconds to place


@pytest.mark.parametrize("name", MATRIX_GROUPS)
def test_the_listed_group_is_closed_and_has_its_order(name):
    matrices = MATRIX_GROUPS[name]
    blocks, steps, _, _ = matrices.listed
    assert len(np.unique(np.concatenate([b.reshape(len(b), -1) for b in blocks], axis=1), axis=0)) == matrices.order
    for j, generator in enumerate(matrices.generators):
        assert len(set(steps[:, j].tolist())) == matrices.order  # a generator permutes the elements
        for block, right in zip(blocks, generator, strict=True):  # in floats, by the complex values alone
            values = matrices.ring.values(block) / matrices.denominator
            wanted = values @ (matrices.ring.values(right) / matrices.denominator)
            assert np.allclose(values[steps[:, j]], wanted)


@pytest.mark.parametrize("name", QUICK)
def test_words_by_matrices_are_words_of_the_group(name):
    matrices = MATRIX_GROUPS[name]
    group = list_group(matrices.of)
    cover = matrices.onto(group)
    assert set(cover.images.tolist()) == set(range(group.order))
    d = len(matrices.ring.basis)
    start = [np.array([[1 + 3 * k * k + j] + [0] * (d - 1) for k in range(m)]) for j, m in enumerate(matrices.sizes)]
    points, labels = cover.orbit(start)
    states = {b"".join(part[i].tobytes() for part in points): int(x) for i, x in enumerate(labels)}
    blocks = matrices.listed[0]
    rng = np.random.default_rng(0)
    here, word = [np.array(vector) for vector in start], 0
    for x in rng.integers(group.order, size=400):
        lift = cover.inverses[cover.lifts[x]]
        here = [
            matrices.ring.multiply(b[lift], h[:, None, :])[:, 0] // matrices.denominator if matrices.denominator == 1
            else matrices.ring.multiply(b[lift], h[:, None, :])[:, 0] / matrices.denominator
            for b, h in zip(blocks, here, strict=True)
        ]  # fmt: skip
        word = group.times(word, int(x))
        key = b"".join(np.rint(h * matrices.denominator).astype(np.int64).tobytes() for h in here)
        assert states[key] == word


@pytest.mark.parametrize("name", [n for n in QUICK if MATRIX_GROUPS[n].order == list_group(MATRIX_GROUPS[n].of).order])
def test_traces_are_an_irreducible_character(name):
    matrices = MATRIX_GROUPS[name]
    group = list_group(matrices.of)
    cover = matrices.onto(group)
    traces = np.trace(matrices.ring.values(matrices.listed[0][0]), axis1=1, axis2=2) / matrices.denominator
    table = character_table(group)
    values = np.zeros(len(table.classes), dtype=complex)
    values[table.classes.labels[cover.images]] = traces
    assert any(np.allclose(values, table.complex_values(i)) for i in range(len(table)))


def test_covers_of_smaller_groups():
    assert MATRIX_GROUPS["SL(2,5)"].onto(list_group("A5")).group.order == 60
    assert MATRIX_GROUPS["SL(2,3)"].onto(list_group("A4")).group.order == 12
    with pytest.raises(InputError, match="no homomorphism onto"):
        MATRIX_GROUPS["A5"].onto(list_group("S3"))


def test_a_start_that_some_element_fixes_is_refused():
    cover = MATRIX_GROUPS["S3"].onto(list_group("S3"))
    with pytest.raises(InputError, match="another start"):
        cover.orbit([np.zeros((2, 1), dtype=np.int64)])
