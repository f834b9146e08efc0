"""The page's machine beside the exact one, in a real browser; and what a reader does with the page."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

import subnormal as sn
from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import list_group, parse_group
from subnormal.algebra.tracked import products
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.factored.compiler import compile_factored
from subnormal.constructions.pages.machine_page import (
    automaton_data,
    cascade_data,
    factored_data,
    series_of,
    write_machine_page,
)
from subnormal.constructions.pages.packing import MAX_BYTES, check_page_path, page, write_page
from tests.browser import chromium, opened

AUSSM = FAMILIES["aussm"]


def compiled(name, **options):
    return compile_group(list_group(name), [AUSSM], **options)


def written(folder, name, **options):
    found = compiled(name, **options)
    parts = found.decomposition
    path = folder / "page.html"
    write_machine_page(path, cascade_data(found.cascade, found.group, str(parts.extension), parts.splits))
    return path, found


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def random():
    return np.random.default_rng(0)


RUN = """(words) => JSON.stringify(words.map((word) => {
    const run = newRun(word), rows = [];
    for (let t = 1; t <= word.length; t++) {
        run.forward();
        const rows_of_numbers = [run.machine.answer() ?? [], run.truth.answer(), run.machine.residues];
        rows.push(rows_of_numbers.map((row) => Array.from(row)));
    }
    return rows;
}))"""


def answers_of(shown, words):
    """For every word and token: the machine's answer, the page's truth, the residues."""
    return json.loads(shown.evaluate(RUN, words))


@pytest.mark.parametrize("name", ["S3", "S4", "Q8", "GL(2,3)", "C7:C3"])
def test_a_thousand_words(browser, random, tmp_path, name):
    path, found = written(tmp_path, name)
    group, cascade = found.group, found.cascade
    words = [random.integers(len(cascade.alphabet), size=n).tolist() for n in random.integers(1, 40, size=1000)]
    with opened(browser, path) as shown:
        rows = answers_of(shown, words)
    for word, answers in zip(words, rows, strict=True):
        expected = group.elements[products(group, cascade.alphabet[word])].tolist()
        states = cascade.residues[cascade.run(np.array(word))]
        assert [row[0] for row in answers] == expected
        assert [row[1] for row in answers] == expected
        assert [row[2] for row in answers] == states.tolist()


@pytest.mark.parametrize(
    ("name", "family"),
    [("tomita(3)", None), ("cycle-navigation(5)", None), ("flip-flop(3)", "mamba"), ("grid(5)", None)],
)
def test_an_automaton(browser, random, tmp_path, name, family):
    found = sn.compile(name, family)
    automaton, cascade = found.automaton, found.cascade
    assert any(layer.resets is not None for layer in cascade.layers) or name.startswith("cycle")
    write_machine_page(tmp_path / "page.html", automaton_data(cascade))
    words = random.integers(automaton.width, size=(300, 30))
    with opened(browser, tmp_path / "page.html") as shown:
        rows = answers_of(shown, words.tolist())
        shown.evaluate("(word) => append(word)", words[0].tolist())
        assert automaton.states[automaton.run(words[0])[-1]] in shown.inner_text("#results")
        shown.click("text=bfloat16")
        assert "all 30 symbols right" in shown.inner_text("#status")
    for word, answers in zip(words, rows, strict=True):
        expected = automaton.run(word).tolist()
        assert [row[0] for row in answers] == [row[1] for row in answers] == [[q] for q in expected]
        assert [row[2] for row in answers] == cascade.residues[cascade.run(word)].tolist()


def test_a_factored_cascade(browser, random, tmp_path):
    group = parse_group("S4wrS4")
    found = compile_factored(group.name, group.permutations, AUSSM)
    data = factored_data(found.cascade, found.chain.order, found.series_orders, found.structure.text)
    write_machine_page(tmp_path / "page.html", data)
    words = random.integers(len(found.cascade.alphabet), size=(100, 50))
    with opened(browser, tmp_path / "page.html") as shown:
        rows = answers_of(shown, words.tolist())
    for word, answers in zip(words, rows, strict=True):
        assert [row[0] for row in answers] == found.cascade.outputs(word).tolist()
        assert [row[0] for row in answers] == [row[1] for row in answers]
        assert [row[2] for row in answers] == found.cascade.run(word).tolist()


def rounded_residues(cascade, words, dtype):
    """Residues of all channels after every token, (T, words, channels), by torch's own rounding: h ← h·exp(2πi c/n)."""
    circles = [
        [torch.tensor([part(2 * np.pi * r / n) for r in range(n)]).to(dtype) for part in (np.cos, np.sin)]
        for n in cascade.moduli
    ]
    real = torch.ones(len(cascade.moduli), len(words), dtype=dtype)
    imaginary = torch.zeros_like(real)
    rows = []
    for tokens in words.T:
        before = rows[-1] if rows else np.zeros((len(words), len(cascade.moduli)), dtype=int)
        after = np.empty_like(before)
        c = 0
        for layer in cascade.layers:
            upper = np.zeros(len(words), dtype=int)
            for k in range(c):
                upper = upper * cascade.moduli[k] + before[:, k]
            for own, n in enumerate(layer.moduli):
                added = layer.increments[upper, tokens, own]
                x, y = (circle[added] for circle in circles[c + own])
                u, v = real[c + own], imaginary[c + own]
                real[c + own], imaginary[c + own] = u * x - v * y, u * y + v * x
                angle = np.arctan2(imaginary[c + own].double().numpy(), real[c + own].double().numpy())
                after[:, c + own] = np.rint(angle * (n / (2 * np.pi))).astype(int) % n
            c += len(layer.moduli)
        rows.append(after)
    return np.stack(rows)


@pytest.mark.parametrize(("name", "arithmetic", "length"), [("C7:C3", "bfloat16", 300), ("S4", "float32", 100)])
def test_rounded_arithmetic_is_that_of_torch(browser, random, tmp_path, name, arithmetic, length):
    path, found = written(tmp_path, name)
    m = len(found.cascade.alphabet)
    words = random.integers(m, size=(20, length))
    words[0] = m - 1
    expected = rounded_residues(found.cascade, words, getattr(torch, arithmetic))
    with opened(browser, path) as shown:
        shown.evaluate("(name) => chooseArithmetic(name)", arithmetic)
        rows = answers_of(shown, words.tolist())
    assert [[row[2] for row in answers] for answers in rows] == expected.transpose(1, 0, 2).tolist()


def test_the_first_wrong_symbol_is_marked(browser, tmp_path):
    path, found = written(tmp_path, "C97")
    word = [1] * 2000
    expected = rounded_residues(found.cascade, np.array([word]), torch.bfloat16)[:, 0]
    exact = np.stack(np.unravel_index(found.cascade.run(np.array(word)), found.cascade.moduli), 1)
    first = int(np.flatnonzero((expected != exact).any(1))[0]) + 1
    with opened(browser, path) as shown:
        shown.evaluate("(word) => setWord(word)", word)
        assert "residues: all 2,000 symbols right" in shown.inner_text("#status")
        assert shown.is_hidden("#mark")
        shown.click("text=bfloat16")
        assert f"bfloat16: first wrong symbol at token {first:,}" in shown.inner_text("#status")
        assert shown.is_visible("#mark")
        shown.click("text=show")
        assert shown.input_value("#position") == str(first)
        assert "different" in shown.inner_text("#results")
        assert shown.locator(".tape .now.wrong").count() == 1
        shown.keyboard.press("ArrowLeft")
        assert "equal" in shown.inner_text("#results")
        shown.click("text=residues")
        assert "all 2,000 symbols right" in shown.inner_text("#status")


def test_writing_and_walking_through_a_word(browser, tmp_path):
    from playwright.sync_api import expect

    path, found = written(tmp_path, "S4")
    group = found.group
    word = [5, 9, 3, 21]
    values = [cycles(group.elements[x]) for x in products(group, np.array(word))]
    with opened(browser, path) as shown:
        said = lambda: [shown.inner_text(f".pair:nth-of-type({k}) .value") for k in (1, 2)]  # noqa: E731
        shown.keyboard.press("/")
        shown.keyboard.type(" ".join(cycles(group.elements[x]) for x in word[:2]) + " 3")
        shown.keyboard.press("Enter")
        shown.keyboard.press("Escape")
        shown.click(f'#tokens [data-token="{word[3]}"]')
        assert shown.input_value("#position") == "4"
        assert said() == [values[3]] * 2
        for t in (3, 2, 1, 0):
            shown.keyboard.press("ArrowLeft")
            assert said() == [values[t - 1] if t else "()"] * 2
        assert shown.is_disabled("#back")
        shown.keyboard.press("End")
        assert said() == [values[3]] * 2
        shown.keyboard.press("Backspace")
        assert shown.input_value("#position") == "3"
        assert said() == [values[2]] * 2
        shown.keyboard.press("Home")
        shown.evaluate("() => { document.getElementById('speed').value = 16 }")
        shown.keyboard.press("Space")
        expect(shown.locator("#position")).to_have_value("3")
        assert shown.get_attribute("#play", "aria-label") == "play"
        shown.fill("#text", "(1,2) (9,9)")
        shown.keyboard.press("Enter")
        assert "“(9,9)” is no token" in shown.inner_text("#problem")
        shown.fill("#text", " ".join(map(str, [1, 2, 3] * 33_333 + [0])))
        shown.click("#replace")
        expect(shown.locator("#status")).to_contain_text("all 100,000 symbols right")
        assert shown.inner_text("#problem") == ""


def test_clocks_and_lattice_are_labelled_and_work_by_keyboard(browser, tmp_path):
    path, _ = written(tmp_path, "Q8")
    with opened(browser, path) as shown:
        assert shown.get_by_role("img", name=re.compile("^layer 2, channel 1, at 0 turn, modulo 2")).count() == 1
        nodes = shown.get_by_role("button", name=re.compile("order 4"))
        assert nodes.count() == 3  # the three cyclic subgroups of order 4
        nodes.first.focus()
        shown.keyboard.press("Enter")
        assert "SmallGroup(4,1)" in shown.inner_text("#member")
        assert "inside" in shown.inner_text("#member")
        assert shown.locator("#tokens .out").count() == 4
        shown.locator("#tokens .out").first.click()
        assert "outside" in shown.inner_text("#member")
        assert shown.evaluate("document.querySelectorAll('button:not([aria-label])').length") == sum(
            bool(text.strip()) for text in shown.locator("button:not([aria-label])").all_inner_texts()
        )  # every button has a name


@pytest.mark.parametrize("name", ["S4", "GL(2,3)"])
def test_phone_and_dark(browser, tmp_path, name):
    path, _ = written(tmp_path, name)
    with opened(browser, path, width=360, color_scheme="dark") as shown:
        shown.evaluate("() => append([1, 2, 3, 4, 5])")
        assert shown.evaluate("document.documentElement.scrollWidth") == 360
        background = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", background))) < 150
        shown.click("#theme")
        background = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", background))) > 700


def test_a_page_is_one_small_file(tmp_path):
    path, _ = written(tmp_path, "S4")
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) <= 1_000_000
    assert set(re.findall(r"https?://[^\"'` ]*", text)) == {"http://www.w3.org/2000/svg"}  # a name, nothing is fetched


def test_data_cannot_end_its_script():
    text = page("<b>", "machine.html", ["machines.js"], {"name": "</script><script>alert(1)"})
    assert "alert(1)" in text
    assert "<script>alert(1)" not in text
    assert "<title>&lt;b></title>" in text


def test_the_series_is_read_off_the_cascade():
    for name in ("S4", "GL(2,3)", "C2^3", "C3wrC2"):
        found = compiled(name)
        members = series_of(found.cascade, found.group)
        assert [m.members.tolist() for m in members] == [m.members.tolist() for m in found.series.subgroups]


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.html, e\.g\. s4\.html"):
        check_page_path(tmp_path / "s4.png")
    with pytest.raises(InputError, match="there is no folder"):
        check_page_path(tmp_path / "none" / "s4.html")
    with pytest.raises(InputError, match="would have 16 MB, at most 16; try --alphabet generators"):
        write_page(tmp_path / "a.html", "", "machine.html", [], {"x": "y" * MAX_BYTES})


def run(*words):
    application()(list(words), standalone_mode=False)


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("show", "C6", "--html", "c6.html")
    assert re.fullmatch(r"c6\.html: \d+ kB, opens in any browser without a network\n", capsys.readouterr().out)
    run("compile", "C6", "--no-check")
    run("show", "C6", "--html", "folder.html")
    first, second = ((tmp_path / name).read_text(encoding="utf-8") for name in ("c6.html", "folder.html"))
    assert first == second  # a cyclic group: one layer, no member of the series to split over
    run("show", "S4wrS4", "--html", "large.html")
    assert '"lifts":' in (tmp_path / "large.html").read_text(encoding="utf-8")
    for words, problem in [
        (["C6", "--html", "c6.html", "--family", "mamba"], "goes with a GROUP, not with the folder C6"),
        (["S3", "--html", "c6.html", "--out", "c6.png"], "give one of them"),
        (["S3", "--group", "S3"], "--group goes with --html"),
        (["S3", "--html", "c6.html", "--group", "S3"], "S3 is no folder"),
    ]:
        with pytest.raises(InputError, match=problem):
            run("show", *words)
