"""The catalogue certified, row by row."""

from __future__ import annotations

import csv

import pytest

from subnormal.proofs_check.certificates.catalogue import certified_row, write_catalogue
from tests.oracles import small_groups


@pytest.mark.parametrize("facts", [*small_groups()[::331], small_groups()[0]], ids=lambda facts: facts.name)
def test_rows(facts):
    row = certified_row((facts.order, facts.number))
    assert row["layers"] == ("" if facts.derived_length is None else facts.derived_length)
    if facts.order > 1 and facts.solvable:
        assert row["claim"].startswith(f"tracks a group of order {facts.order} with ")
        assert f"on words of every length, with {row['layers']} layer" in row["claim"]
        assert row["claim"].endswith("no AUSSM with fewer can")


def test_a_non_solvable_group():
    claim = "no number of AUSSM layers can track this group of order 60, over any alphabet that generates it"
    assert certified_row((60, 5))["claim"] == claim


def test_the_file(tmp_path):
    path = tmp_path / "catalogue.csv"
    done = [done for done, _ in write_catalogue(path, 12)]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert done[0] == 0
    assert len(rows) == done[-1] == sum(facts.order <= 12 for facts in small_groups())
    assert all(row["claim"] for row in rows)


@pytest.mark.slow
def test_the_whole_catalogue(tmp_path):
    path = tmp_path / "catalogue.csv"
    assert list(write_catalogue(path, 255))[-1] == (7012, 7012)
