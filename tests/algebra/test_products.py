import numpy as np
import pytest

from subnormal.algebra.groups.catalogue import small_group
from subnormal.algebra.groups.identify import small_group_id
from subnormal.algebra.groups.named_groups import cyclic, symmetric
from subnormal.algebra.groups.permutation_group import PermutationGroup
from subnormal.algebra.groups.products import direct_product, semidirect, semidirect_products, wreath_product
from subnormal.algebra.input.parser import list_group
from subnormal.common.errors import InputError
from tests import oracles

PAIRS = list(oracles.semidirect_products())


def test_direct_product_is_numbered_as_the_field_does() -> None:
    # Element (g, h) of G × H has index i·|H| + j.
    G, H = symmetric(3).listed(), cyclic(4).listed()
    generators = direct_product(symmetric(3).permutations, cyclic(4).permutations)
    product = PermutationGroup("S3xC4", generators, 24).listed()
    assert product.degree == 7
    for i, g in enumerate(G.elements):
        for j, h in enumerate(H.elements):
            assert np.array_equal(product.elements[i * 4 + j], [*g, *(h + 3)])


def test_wreath_product_permutes_contiguous_blocks() -> None:
    generators = wreath_product(symmetric(3).permutations, cyclic(2).permutations)
    assert generators.tolist() == [[1, 2, 0, 3, 4, 5], [1, 0, 2, 3, 4, 5], [3, 4, 5, 0, 1, 2]]
    assert small_group_id(PermutationGroup("S3wrC2", generators, 72).listed()) == (72, 40)


def test_wreath_product_over_an_intransitive_group_has_a_copy_for_each_orbit() -> None:
    fixing_a_point = np.array([[1, 0, 2]], dtype=np.uint8)
    generators = wreath_product(cyclic(2).permutations, fixing_a_point)
    assert generators.tolist() == [[1, 0, 2, 3, 4, 5], [0, 1, 2, 3, 5, 4], [2, 3, 0, 1, 4, 5]]
    assert PermutationGroup("C2wrC2 on 3 points", generators, 16).listed().order == 16


def test_wreath_product_is_associative() -> None:
    a, b, c = cyclic(3).permutations, cyclic(2).permutations, cyclic(2).permutations
    left = PermutationGroup("left", wreath_product(wreath_product(a, b), c), (3**2 * 2) ** 2 * 2)
    right = wreath_product(a, wreath_product(b, c))
    listed = left.listed()
    assert all(listed.contains(p) for p in right)
    assert listed.order == (3**2 * 2) ** 2 * 2


def test_products_beyond_one_byte_of_points() -> None:
    generators = direct_product(cyclic(200).permutations, cyclic(100).permutations)
    assert generators.dtype == np.uint16
    assert generators[1, 299] == 200
    assert wreath_product(cyclic(20).permutations, cyclic(20).permutations)[1, 399] == 19


@pytest.mark.parametrize(("a", "b", "numbers"), PAIRS, ids=lambda value: str(value))
def test_semidirect_products_are_those_that_gap_finds(
    a: tuple[int, int], b: tuple[int, int], numbers: tuple[int, ...]
) -> None:
    if a == (32, 51):
        with pytest.raises(InputError, match=r"SmallGroup\(32,51\) has too many automorphisms"):
            semidirect_products(small_group(*a), small_group(*b))
        return
    products = semidirect_products(small_group(*a), small_group(*b))
    found = {small_group_id(group) for group in products}
    assert len(products) == len(numbers)
    assert found == {(a[0] * b[0], number) for number in numbers}


def test_pairs_without_semidirect_product() -> None:
    listed = {(a, b) for a, b, _ in PAIRS}
    for a, b in [
        ((2, 1), (3, 1)),
        ((3, 1), (5, 1)),
        ((6, 1), (3, 1)),
        ((2, 1), (16, 3)),
        ((1, 1), (6, 1)),
        ((6, 1), (1, 1)),
    ]:
        assert (a, b) not in listed
        assert semidirect_products(small_group(*a), small_group(*b)) == []


@pytest.mark.parametrize(
    ("a", "b", "order", "degree"),
    [("C7", "C3", 21, 7), ("C3", "C4", 12, 7), ("C2^3", "C7", 56, 8), ("C2xC2", "C3", 12, 4)],
)
def test_the_points_of_a_semidirect_product(a: str, b: str, order: int, degree: int) -> None:
    group = semidirect(list_group(a), list_group(b))
    assert (group.order, group.degree) == (order, degree)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("C5", "C4", r"^C5:C4 could mean SmallGroup\(20,1\) or SmallGroup\(20,3\); write one of these$"),
        ("C2", "C3", r"^the only C2:C3 is the direct product: write C2xC3$"),
        ("C2xC2", "S3", r"^\(C2xC2\):S3 could mean SmallGroup\(24,8\) or SmallGroup\(24,12\)"),
        ("C2^4", "C2^3", "or 3 more; write one of these"),
        ("C17", "C16", "could mean any of 4 groups of order 272; give permutations"),
        ("C2^5", "C2", "too many automorphisms"),
        ("C50", "C50", "order 2500; semidirect products are sought up to 2000"),
    ],
)
def test_semidirect_needs_a_single_choice(a: str, b: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        semidirect(list_group(a), list_group(b))


def test_semidirect_products_too_large_for_the_catalogue() -> None:
    # C17:C16: the action's image is C2, C4, C8 or C16, and its order tells the groups apart.
    groups = semidirect_products(cyclic(17).listed(), cyclic(16).listed())
    centres = sorted(int((G.table == G.table.T).all(axis=1).sum()) for G in groups)
    assert centres == [1, 2, 4, 8]
