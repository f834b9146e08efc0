"""The atlas as a page: searched, sorted and copied from in a real browser."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from subnormal.algebra.groups.identify import small_group_id
from subnormal.algebra.input.parser import list_group
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError
from subnormal.constructions.pages.atlas_page import names, write_atlas_page
from tests.browser import chromium, opened

ATLAS = Path(__file__).parent.parent.parent / "docs" / "atlas.csv"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def test_names_are_those_of_the_groups():
    found = names()
    assert {"S4", "SL(2,3)", "Q8", "GL(2,3)", "A5", "D4"} <= {name for own in found.values() for name in own}
    for key, own in list(found.items())[::17]:
        for name in own:
            assert small_group_id(list_group(name)) == key


def test_search_and_sort(browser, tmp_path):
    path = tmp_path / "atlas.html"
    assert write_atlas_page(path, ATLAS) < 2_000_000
    with ATLAS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with opened(browser, path, permissions=["clipboard-read", "clipboard-write"]) as shown:
        count = lambda: shown.inner_text("#count")  # noqa: E731
        cells = lambda row: shown.locator("#rows tr").nth(row).locator("td").all_inner_texts()  # noqa: E731
        assert count() == "7,012 of 7,012 groups"
        shown.fill("#search", "24,12")
        assert count() == "1 of 7,012 groups"
        assert cells(0)[:4] == ["24", "S₄ SmallGroup(24,12)", "3", "never"]
        assert cells(0)[4:8] == ["24 > 12 > 4 > 1", "C₂, C₃, C₂×C₂", "4", "1/6"]
        shown.click("text=compile")
        assert shown.evaluate("navigator.clipboard.readText()") == "python -m subnormal compile 'S4'"
        shown.fill("#search", "sl(2,3)")
        found = [cells(k)[1] for k in range(int(count().split()[0]))]
        assert "SL(2,3) SmallGroup(24,3)" in found
        assert all("SL(2,3)" in name for name in found)
        shown.fill("#search", "")
        shown.select_option("#depth", "")
        assert count() == f"{sum(row['depth'] == '' for row in rows)} of 7,012 groups"
        assert cells(0)[0] == "60"
        assert shown.locator("#rows button").count() == 0  # there is nothing to compile
        shown.select_option("#depth", "any")
        shown.fill("#order", "16-32")
        assert count() == f"{sum(16 <= int(row['order']) <= 32 for row in rows)} of 7,012 groups"
        shown.fill("#order", "")
        shown.click("th >> text=channels")
        shown.click("th >> text=channels")
        assert shown.locator("th[aria-sort=descending]").inner_text() == "channels"
        assert int(cells(0)[6]) == max(int(row["channels"]) for row in rows if row["channels"])
        shown.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        shown.wait_for_selector("#rows tr:nth-child(150)")


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "atlas.csv").write_text("".join(ATLAS.read_text(encoding="utf-8").splitlines(True)[:29]))
    application()(["atlas", "--max-order", "15", "--html", "atlas.html"], standalone_mode=False)
    assert "atlas.html: " in capsys.readouterr().out.splitlines()[-1]
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="its columns are not those of the atlas"):
        write_atlas_page(tmp_path / "x.html", tmp_path / "other.csv")
