"""The site's generated pages say all that the code says, and lines are short. `.ci/run` builds the site itself."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import subnormal as sn
from subnormal.algebra.depth.families import ALL_FAMILIES, BLOCKS, REFLECTIONS
from subnormal.command_line.__main__ import PARTS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

MEASURED = "docs/benchmarks.md"
"""Written by `python -m benchmarks`, a section at a time, so its old long lines stay until they are measured again."""


def module(name: str):
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded


generated, wrapping = module("generated"), module("wrapping")


def test_every_place_is_filled():
    named = set()
    for page in DOCS.rglob("*.md"):
        source = [page.read_text(encoding="utf-8")]
        named |= set(generated.PLACE.findall(source[0]))
        generated.fill(None, str(page), source)
        assert not generated.PLACE.search(source[0]), page
    assert named == set(generated.PAGES)


def test_every_command_and_option_is_in_the_reference():
    from typer.main import get_command

    from subnormal.command_line.__main__ import application

    page = generated.commands()
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    assert list(sections) == [name for _, own in PARTS.values() for name in own]
    for name, command in get_command(application()).commands.items():  # type: ignore[attr-defined]
        for parameter in command.params:
            for option in getattr(parameter, "opts", ()):
                shown = option if option.startswith("-") else (parameter.metavar or option).upper()
                assert shown in sections[name], (name, option)


def test_every_public_name_is_in_the_reference():
    assert sorted(re.findall(r"^\.\. auto\w+:: subnormal\.(\w+)$", generated.python(), re.MULTILINE)) == sorted(
        sn.__all__
    )


def test_every_family_has_a_row():
    rows = {line.split("`")[1]: line for line in generated.families().splitlines()[2:]}
    assert set(rows) == set(ALL_FAMILIES) - {family.name for n, family in REFLECTIONS.items() if n > 1}
    assert all(len(re.split(r"(?<!\\)\| ", line)) == 8 for line in rows.values())
    assert "adaptive unitary state space model" in rows["aussm"]
    assert "adaptive unitary" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "`delta-1` … `delta-4`" in rows["delta-1"]
    for name, family in BLOCKS.items():
        assert f"{'complex' if family.complex_state else 'real'}, {family.range}" in rows[name]
    for name in rows:
        family = ALL_FAMILIES[name]
        assert ("a token can set a channel" in rows[name]) is family.resets
        assert ("any abelian factor" in rows[name]) is (family.is_diagonal and family.exponent == 0)


def test_docstrings_become_what_sphinx_reads():
    lines = ["of order |G|, `a|b` or *x*", "    >>> f(a_) | 2", "    a|b", "", "c_"]
    generated.as_restructured_text(None, "function", "f", None, None, lines)
    assert lines == [r"of order \|G\|, ``a|b`` or \*x\*", "    >>> f(a_) | 2", "    a|b", "", r"c\_"]


@pytest.mark.parametrize(
    "page", sorted(str(path.relative_to(ROOT)) for path in (*DOCS.rglob("*.md"), *ROOT.glob("*.md")))
)
def test_lines_are_short(page):
    if page == MEASURED:
        pytest.skip("its long lines are a generator's")
    assert wrapping.long_lines((ROOT / page).read_text(encoding="utf-8")) == []


PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
NO_QUESTION = ("index.md", "README.md", "start.md", "gallery/README.md")
"""The index, what it includes, the way in, and a list of pages to play with."""


@pytest.mark.parametrize("page", [page for page in PAGES if page not in NO_QUESTION])
def test_a_page_begins_with_the_question_that_it_answers(page):
    title, first = [line for line in (DOCS / page).read_text(encoding="utf-8").splitlines() if line][:2]
    question = title if page.startswith("how-to/") else first.strip("*")
    assert question.endswith("?"), (title, first)


def test_one_form_of_command():
    for path in (*DOCS.rglob("*.md"), *ROOT.glob("*.md")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [line for line in lines if re.search(r"python -m (constructions|models|proofs_check) ", line)]
        assert len(found) == (path == ROOT / "README.md"), (path, found)


def test_wrapping():
    word = "word " * 40
    page = f"# {word}\n\n{word}\nend\n\n- {word}\n- short\n\n| {word} |\n\n    {word}\n\n```\n{word}\n```\n"
    wrapped = wrapping.wrapped(page)
    assert wrapping.long_lines(page)
    assert not wrapping.long_lines(wrapped)
    assert wrapped.split() == page.split()
    assert [line for line in wrapped.splitlines() if line.startswith("  word")]
    assert wrapping.wrapped(wrapped) == wrapped


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    tree = (DOCS / "index.md").read_text(encoding="utf-8")
    recipes = [f"how-to/{path.name}" for path in (DOCS / "how-to").glob("*.md")]
    assert [page for page in recipes if f"\n{page.removesuffix('.md')}\n" not in tree] == []
    pages = [path.name for path in DOCS.glob("*.md") if path.name not in ("README.md", "index.md")]
    assert [page for page in (*recipes, *pages) if f"]({page})" not in index] == []
    assert [page for page in pages if f"\n{page.removesuffix('.md')}\n" not in tree] == []
