"""Abelian groups by their moduli alone: the same rows as by the list of elements, and far larger groups."""

from __future__ import annotations

import json
import math
import time

import pytest

from subnormal import inspect
from subnormal.algebra.depth import architectures
from subnormal.algebra.depth.blocks import depths
from subnormal.algebra.depth.families import parse_stack
from subnormal.algebra.depth.inspection import inspect_by_moduli, inspect_group
from subnormal.algebra.groups.abelian_group import AbelianGroup, read_abelian
from subnormal.algebra.input.parser import parse_group
from subnormal.common.errors import InputError

PRODUCTS = ["C2^3", "C2xC4", "C4xC6", "C6xC10xC15", "C9xC3^2", "C12xC18", "C8xC1xC2", "C2^5", "C5xC7xC11"]


def without_elements(content: dict) -> dict:
    """What does not name elements: no witness, and no example in a reason."""
    content = json.loads(json.dumps(content))
    for key in ("small_group_id", "witness", "notes", "decomposition", "splits"):
        content.pop(key)
    reasons = content["reasons"]
    for name, reason in reasons.items():
        reasons[name] = reason.partition(", e.g. ")[0]
    if content["depth_by_family"]["negative_mamba"] not in (None, 1):  # a nested power, or the order that is left
        reasons["negative_mamba"] = reasons["negative_mamba"].partition(" layer")[0]
    return content


@pytest.mark.parametrize(
    "name",
    [
        *(f"C{n}" for n in range(2, 49)),
        *PRODUCTS,
        *(pytest.param(f"C{n}", marks=pytest.mark.slow) for n in range(49, 201)),
    ],
)
def test_all_rows_are_those_of_the_list(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 256 elements characters of abelian groups are not computed, and the rows are worded without them: here,
    too."""
    monkeypatch.setattr(architectures, "ABELIAN_LIMIT", 1)
    monkeypatch.setattr(depths, "ABELIAN_LIMIT", 1)
    stack = parse_stack("negative-mamba,aussm")
    found = read_abelian(name)
    assert found is not None
    listed, alone = inspect_group(parse_group(name).listed(), stack), inspect_by_moduli(found, stack)
    assert without_elements(alone.as_json()) == without_elements(listed.as_json())
    assert alone.series.orders == listed.series.orders
    assert alone.architectures.target == listed.architectures.target


@pytest.mark.parametrize("name", ["C257", "C300"])
def test_all_rows_are_those_of_the_list_as_it_is(name: str) -> None:
    found = read_abelian(name)
    assert found is not None
    listed = inspect_group(parse_group(name).listed())
    assert without_elements(inspect_by_moduli(found).as_json()) == without_elements(listed.as_json())


@pytest.mark.parametrize("name", ["C2", "C12", "C2^3", "C4xC6", "C10 x C15", "C3^2×C5"])
def test_names_are_read_as_the_parser_reads_them(name: str) -> None:
    found, group = read_abelian(name), parse_group(name)
    assert found is not None
    assert (found.name, found.order, found.degree) == (group.name, group.order, group.degree)
    assert AbelianGroup.of(group) == found


@pytest.mark.parametrize("name", ["S3", "C3:C2", "Q8", "(1,2,3),(1,3,2)", "(1,2)(3,4),(1,3)(2,4),(1,4)(2,3)"])
def test_generators_that_are_no_basis_are_not_taken_for_one(name: str) -> None:
    assert AbelianGroup.of(parse_group(name)) is None


def test_large_groups_are_answered_at_once() -> None:
    began = time.process_time()
    for name, moduli in [
        ("C10007", (10007,)),
        ("C100003", (100003,)),
        ("C10007xC3", (30021,)),
        ("C10007xC3^2", (3, 30021)),
        ("C9999999967xC9999999943", (9999999967 * 9999999943,)),
        ("C9999999967^100", (9999999967,) * 100),
    ]:
        found = inspect(name)
        assert (found.depth, found.group.moduli) == (1, moduli)
        assert found.least_widths == ((len(moduli),),)
        assert found.as_json()["order"] == math.prod(moduli)
        assert "no elements" not in str(found)
    assert inspect("C4194304").depths["negative-mamba"] == 22
    assert time.process_time() - began < 6


@pytest.mark.parametrize("name", ["C5040", "C9973", "C5000xC5000", "C200xC300"])
def test_a_permutation_group_is_answered_by_its_moduli(name: str) -> None:
    """Read by name or in hand."""
    found = inspect(name)
    assert isinstance(found.group, AbelianGroup)
    assert inspect(parse_group(name)).as_json() == found.as_json()
    assert f"compile {name}" in str(found)


@pytest.mark.parametrize("name", ["C10001", "C10007xC3"])
def test_what_needs_points_says_so(name: str) -> None:
    with pytest.raises(InputError, match=r"acts on [\d,]+ points, at most 10,?000 can be handled"):
        parse_group(name)
    for option in ({"alphabet": "all"}, {"pareto": True}, {"channels": "1"}):
        with pytest.raises(InputError, match="points"):
            inspect(name, **option)
    assert "next:" not in str(inspect(name))


def test_an_alphabet_is_of_a_list() -> None:
    assert inspect("C2100", alphabet="generators").group.order == 2100


@pytest.mark.parametrize("text", ["C0", "C10007xS3", "C10007:C3", "C3^0xC20000", "C99999999999", "C2wrC3", "C", "xC3"])
def test_other_texts_are_left_to_the_parser(text: str) -> None:
    assert read_abelian(text) is None
