import numpy as np
import pytest

from subnormal.algebra.groups.catalogue import LARGEST_ORDER, number_of_groups, small_group
from subnormal.algebra.groups.isomorphism import conjugacy_classes
from subnormal.common.errors import InputError
from tests import oracles

SAMPLE = [facts for i, facts in enumerate(oracles.small_groups()) if i % 41 == 0 or not facts.solvable]


def test_it_holds_all_7012_groups() -> None:
    assert [number_of_groups(order) for order in (1, 8, 16, 24, 60, 128, 192, 255)] == [1, 5, 14, 15, 13, 2328, 1543, 1]
    assert sum(number_of_groups(order) for order in range(1, LARGEST_ORDER + 1)) == len(oracles.small_groups()) == 7012


def test_elements_are_numbered_by_their_exponents() -> None:
    # 24 12 2.3.2.2: index 12·i + 4·j + 2·k + l stands for a^i b^j c^k d^l, and b^a = b2, c^a = d, c^b = d, d^b = cd.
    group = small_group(24, 12)
    a, b, c, d = 12, 4, 2, 1
    assert group.name == "SmallGroup(24,12)"
    assert group.generators == (a, b, c)
    assert group.product([a, b, b, c, d]) == 12 + 8 + 2 + 1
    assert group.conjugate(b, a) == group.power(b, 2)
    assert [group.conjugate(c, a), group.conjugate(c, b), group.conjugate(d, b)] == [d, d, group.times(c, d)]


def test_small_groups_by_hand() -> None:
    assert small_group(1, 1).generators == ()
    assert sorted(small_group(6, 1).element_orders) == [1, 2, 2, 2, 3, 3]  # S3
    assert sorted(small_group(8, 4).element_orders) == [1, 2, 4, 4, 4, 4, 4, 4]  # Q8
    assert sorted(small_group(60, 5).element_orders) == [1] + [2] * 15 + [3] * 20 + [5] * 24  # A5


@pytest.mark.parametrize(
    ("order", "number", "message"),
    [
        (24, 99, r"no SmallGroup\(24,99\); there are 15 groups of order 24: SmallGroup\(24,1\) … SmallGroup\(24,15\)"),
        (24, 0, "there are 15 groups of order 24"),
        (13, 2, r"there is one group of order 13: SmallGroup\(13,1\)"),
        (256, 1, "no groups of order 256 in the catalogue: it holds orders 1 to 255"),
        (0, 1, "no groups of order 0 in the catalogue"),
        (-5, 1, "it holds orders 1 to 255"),
    ],
)
def test_what_is_not_there_is_refused(order: int, number: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        small_group(order, number)


def _check(facts: oracles.SmallGroupFacts) -> None:
    """That the tables are those of groups, and of the groups that GAP means, as far as these facts go."""
    assert facts.number is not None
    group = small_group(facts.order, facts.number)
    table = group.table.astype(np.intp)
    assert group.order == facts.order
    everything = np.arange(group.order)
    assert np.array_equal(table[0], everything)
    assert np.array_equal(table[:, 0], everything)
    assert np.array_equal(np.sort(table, axis=1), np.broadcast_to(everything, table.shape))
    for g in group.generators:  # Light's test: (x·g)·y = x·(g·y) for generators g and all x, y
        assert np.array_equal(table[table[:, g]], table[:, table[g]])
    assert group.subgroup(group.generators).order == group.order
    for g in group.generators if facts.solvable else ():
        others = [h for h in group.generators if h != g]
        assert group.subgroup(others).order < group.order
    commuting = table == table.T
    assert np.count_nonzero(commuting.all(axis=1)) == facts.centre_order
    assert np.count_nonzero(commuting) == facts.class_count * facts.order
    assert len(np.unique(conjugacy_classes(group).labels)) == facts.class_count
    assert np.lcm.reduce(group.element_orders) == facts.exponent
    inverses = group.inverses
    commutators = table[inverses[table.T], table]
    derived = group.subgroup(np.unique(commutators))
    assert derived.order == (facts.derived_series[1] if len(facts.derived_series) > 1 else facts.order)


@pytest.mark.parametrize("facts", SAMPLE, ids=lambda facts: facts.name)
def test_a_sample_agrees_with_gap(facts: oracles.SmallGroupFacts) -> None:
    _check(facts)


@pytest.mark.slow
def test_all_agree_with_gap() -> None:
    for facts in oracles.small_groups():
        _check(facts)
