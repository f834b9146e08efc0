import numpy as np
import pytest

from subnormal.algebra.groups.catalogue import number_of_groups, small_group
from subnormal.algebra.groups.group import Group
from subnormal.algebra.groups.isomorphism import (
    TooManyMapsError,
    UndecidedError,
    automorphisms,
    conjugacy_classes,
    element_colours,
    few_generators,
    fine_fingerprint,
    fingerprint,
    homomorphisms,
    isomorphism,
)
from subnormal.algebra.groups.named_groups import cyclic
from subnormal.common.errors import InputError
from tests.relabelling import relabelled

# Orders of automorphism groups from GAP: Size(AutomorphismGroup(SmallGroup(n, i))).
AUTOMORPHISMS = {
    (1, 1): 1, (2, 1): 1, (4, 2): 6, (6, 1): 6, (8, 4): 24, (8, 5): 168, (16, 14): 20160, (24, 12): 24, (27, 5): 11232,
    (60, 5): 120, (64, 134): 256, (128, 2): 1024, (128, 928): 512, (192, 931): 4096, (240, 90): 240, (243, 43): 5832,
}  # fmt: skip
SAME_FINGERPRINT = [
    ((64, 179), (64, 180)),
    ((128, 1597), (128, 1598)),
    ((192, 931), (192, 932)),
    ((243, 43), (243, 47)),
]


def is_isomorphism(G: Group, H: Group, images: np.ndarray) -> bool:
    bijective = np.array_equal(np.sort(images), np.arange(H.order))
    return bijective and np.array_equal(images[G.table], H.table[images[:, None], images])


@pytest.mark.parametrize(
    "group_id", [(1, 1), (24, 12), (60, 5), (64, 134), (128, 928), (128, 2328), (192, 1500), (240, 90)]
)
def test_a_relabelled_group_is_found_isomorphic(group_id: tuple[int, int]) -> None:
    G = small_group(*group_id)
    H, new = relabelled(G, seed=1)
    assert is_isomorphism(G, H, new)
    images = isomorphism(G, H)
    assert images is not None
    assert is_isomorphism(G, H, images)
    assert np.array_equal(element_colours(H)[new], element_colours(G))
    assert (fingerprint(G), fine_fingerprint(G)) == (fingerprint(H), fine_fingerprint(H))


def test_all_groups_of_orders_16_and_24_are_told_apart() -> None:
    for order in (16, 24):
        groups = [small_group(order, number) for number in range(1, number_of_groups(order) + 1)]
        for i, G in enumerate(groups):
            for j, H in enumerate(groups):
                assert (isomorphism(G, relabelled(H, seed=2)[0]) is not None) == (i == j)


@pytest.mark.parametrize(("a", "b"), SAME_FINGERPRINT)
def test_groups_that_share_a_fingerprint_are_told_apart_by_the_fine_one_and_by_search(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    G, H = small_group(*a), small_group(*b)
    assert fingerprint(G) == fingerprint(H)
    assert fine_fingerprint(G) != fine_fingerprint(H)
    assert isomorphism(G, H) is None


def test_different_orders_are_not_isomorphic() -> None:
    assert isomorphism(small_group(4, 1), small_group(5, 1)) is None


def test_a_search_without_time_says_so() -> None:
    with pytest.raises(UndecidedError, match="not decided in -1 s"):
        isomorphism(small_group(24, 12), small_group(24, 12), seconds=-1)


def test_large_groups_are_refused() -> None:
    with pytest.raises(InputError, match="C2049 has order 2049: isomorphisms are sought up to order 2048"):
        fingerprint(cyclic(2049).listed())


@pytest.mark.parametrize(("group_id", "count"), AUTOMORPHISMS.items())
def test_automorphisms(group_id: tuple[int, int], count: int) -> None:
    group = small_group(*group_id)
    maps = automorphisms(group)
    assert maps.shape == (count, group.order)
    assert len(np.unique(maps, axis=0)) == count
    assert np.array_equal(maps, maps[np.lexsort(maps.T[::-1])])
    assert all(is_isomorphism(group, group, images) for images in maps[:: max(1, count // 50)])


def test_too_many_automorphisms_are_refused() -> None:
    with pytest.raises(TooManyMapsError, match=r"SmallGroup\(32,51\) has too many automorphisms"):
        automorphisms(small_group(32, 51))
    with pytest.raises(TooManyMapsError, match="more than 10 maps"):
        automorphisms(small_group(24, 12), limit=10)


def test_homomorphisms_between_small_groups() -> None:
    # S4 → S3: the trivial one, 3 of image C2 (by the sign), 6 onto. C4 → C2: two.
    for G, H, count in [(small_group(24, 12), small_group(6, 1), 10), (small_group(4, 1), small_group(2, 1), 2)]:
        generators = few_generators(G)
        maps = homomorphisms(G, generators, H, [np.arange(H.order)] * len(generators), limit=100)
        assert len(maps) == count
        for images in maps:
            assert np.array_equal(images[G.table], H.table[images[:, None], images])
    with pytest.raises(ValueError, match="generator 1 is redundant"):
        homomorphisms(small_group(4, 1), [2, 1], small_group(2, 1), [np.arange(2)] * 2, limit=100)


@pytest.mark.parametrize("group_id", [(1, 1), (24, 12), (60, 5), (192, 1500)])
def test_conjugacy_classes_come_with_conjugators(group_id: tuple[int, int]) -> None:
    group = small_group(*group_id)
    classes = conjugacy_classes(group)
    for x in range(group.order):
        assert group.conjugate(int(classes.labels[x]), int(classes.conjugators[x])) == x
        assert classes.labels[x] == min(group.conjugate(x, g) for g in range(group.order))
