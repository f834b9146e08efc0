import pytest

from subnormal.algebra.depth.group_names import group_name
from subnormal.algebra.groups.catalogue import LARGEST_ORDER, number_of_groups, small_group
from subnormal.algebra.groups.identify import small_group_id
from subnormal.algebra.input.parser import list_group, parse_group
from tests import oracles
from tests.relabelling import relabelled

SHARING_A_FINGERPRINT = [
    (64, 179),
    (64, 180),
    (100, 11),
    (128, 185),
    (128, 186),
    (189, 5),
    (192, 931),
    (243, 19),
    (243, 47),
]
SAMPLE = [(f.order, f.number) for i, f in enumerate(oracles.small_groups()) if i % 23 == 0 or not f.solvable]
NAMED = [f for f in oracles.named_groups() if f.order <= LARGEST_ORDER]


@pytest.mark.parametrize("group_id", [*SAMPLE, *SHARING_A_FINGERPRINT], ids=str)
def test_relabelled_groups_are_recognised(group_id: tuple[int, int]) -> None:
    group, _ = relabelled(small_group(*group_id), seed=3)
    assert small_group_id(group) == group_id


@pytest.mark.slow
def test_all_groups_are_recognised_when_relabelled() -> None:
    for order in range(1, LARGEST_ORDER + 1):
        for number in range(1, number_of_groups(order) + 1):
            assert small_group_id(relabelled(small_group(order, number), seed=order)[0]) == (order, number)


@pytest.mark.parametrize("facts", NAMED, ids=lambda facts: facts.name)
def test_named_groups_are_recognised(facts: oracles.Facts) -> None:
    assert small_group_id(parse_group(facts.name).listed()) == (facts.order, facts.number)


def test_larger_groups_have_no_id() -> None:
    assert small_group_id(parse_group("C256").listed()) is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("SmallGroup(24,12)", "S4"),
        ("C4xC2", "C2xC4"),
        ("SmallGroup(24,3)", "SL(2,3)"),
        ("SmallGroup(48,29)", "GL(2,3)"),
        ("C7:C3", "F21"),
        ("S3xS3", "SmallGroup(36,10)"),
    ],
)
def test_groups_are_called_by_their_usual_names(given, wanted):
    assert group_name(list_group(given)) == wanted
