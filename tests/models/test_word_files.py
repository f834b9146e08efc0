"""Files of words: every group and automaton is written, and what the field publishes is read."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy.combinatorics as sympy

import subnormal as sn
from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.tracked import TrackedPermutations
from subnormal.common.errors import InputError
from subnormal.models.learning.words import MISSING, labelled, read_labelled
from subnormal.models.training.tasks import automaton_task, full_task
from subnormal.models.training.word_files import (
    FIELD,
    NAMES,
    PLAIN,
    group_of_file,
    is_word_file,
    read_pairs,
    read_task_words,
)

LISTED = ["S3", "Q8", "SL(2,3)", "C7:C3", "A4xC5", "SmallGroup(24,12)", "S3wrC2", "D4"]
AUTOMATA = ["parity", "flip-flop(2)", "tomita(3)", "dyck(2,4)", "modular-arithmetic(5)", "even-pairs"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("name", LISTED + AUTOMATA)
def test_every_task_is_written_and_checked(name, form, tmp_path):
    written = sn.words(name, length=6, count=20, out=tmp_path, format=form)
    assert sn.words(name, check=written.path).count == 20
    pairs = read_pairs(written.path)
    assert all(len(word) == len(targets) == 6 for word, targets in pairs)
    first = pairs[0][1][2]
    other = next(label for _, targets in pairs for label in targets if label != first)
    spoilt = written.path.read_text().splitlines()
    at = 1 if form == "csv" else 0
    line = spoilt[at]
    if form == "csv":
        seed, word, targets = next(csv.reader([line]))
        cells = targets.split()
        cells[2] = other
        spoilt[at] = f'{seed},"{word}","{" ".join(cells)}"'
    else:
        row = json.loads(line)
        row["target"][2] = other
        spoilt[at] = json.dumps(row)
    written.path.write_text("\n".join(spoilt) + "\n")
    with pytest.raises(InputError, match=f"line {at + 1}: target 3 is"):
        sn.words(name, check=written.path)


def test_a_group_too_large_to_list(tmp_path):
    """The labels are permutations: SymPy multiplies them."""
    for name in ("M24", "S4wrS4wrS2", "S12"):
        path = sn.words(name, length=5, count=4, format="jsonl", out=tmp_path).path
        for line in path.read_text().splitlines():
            row = json.loads(line)
            product = sympy.Permutation(size=64)
            for letter, label in zip(row["input"], row["target"], strict=True):
                product = product * _sympy(letter)
                assert product == _sympy(label)
    with pytest.raises(InputError, match="too large to list"):
        sn.words("M24", alphabet="all", out=tmp_path)


def _sympy(text: str) -> sympy.Permutation:
    cycles = [[int(x) for x in part.split(",")] for part in text.strip("()").split(")(") if part]
    return sympy.Permutation(cycles, size=64)


def test_text_for_language_models(tmp_path):
    path = sn.words("S3", length=4, count=10, format="text", out=tmp_path).path
    for line in path.read_text().splitlines():
        word, _, last = line.partition(" = ")
        product = sympy.Permutation(size=64)
        for letter in word.split():
            product = product * _sympy(letter)
        assert product == _sympy(last)


def test_the_field_s_multiplication_is_transposed(tmp_path):
    """(p·q)(i) = p(q(i)) on S3 numbered lexicographically, by a table that is made here; the plain table is read too,
    and one that is neither is refused."""
    elements = list(itertools.permutations(range(3)))
    number = {element: place for place, element in enumerate(elements)}
    generator = np.random.default_rng(0)
    words = generator.integers(6, size=(30, 8)).tolist()

    def write(name, multiply):
        rows = []
        for word in words:
            state, targets = 0, []
            for x in word:
                state = multiply(state, x)
                targets.append(state)
            rows.append(f"0,{' '.join(map(str, word))},{' '.join(map(str, targets))}")
        path = tmp_path / name
        path.write_text("\n".join(["seed,input,target", *rows]) + "\n")
        return path

    def field(p, q):
        return number[tuple(elements[p][elements[q][i]] for i in range(3))]

    task = full_task(sn.group("S3").listed())
    assert read_task_words(write("S3=8.csv", field), task).convention == FIELD
    assert read_task_words(write("plain.csv", lambda p, q: field(q, p)), task).convention == PLAIN
    with pytest.raises(InputError, match="line 2: target"):
        read_task_words(write("none.csv", lambda p, q: (p + q) % 6), task)


DIALECTS = {
    "input,target": ["input,target", "0 1,0 1", "1 1,1 0", "1 0 1,1 1 0"],
    "length first": ["length,input,target", "2,0 1,0 1", "2,1 1,1 0", "3,1 0 1,1 1 0"],
    "another order": ["Target,Seed,Input", "0 1,7,0 1", "1 0,7,1 1", "1 1 0,7,1 0 1"],
    "BOS in both": ["seed,input,target", "0,3 0 1,3 0 1", "0,3 1 1,3 1 0", "0,3 1 0 1,3 1 1 0"],
    "BOS before a length": ["length,input,target", "2,3 0 1,3 0 1", "2,3 1 1,3 1 0", "3,3 1 0 1,3 1 1 0"],
    "BOS, masked": ["seed,input,target", "0,3 0 1,-100 0 1", "0,3 1 1,-100 1 0", "0,3 1 0 1,-100 1 1 0"],
    "lists": ["input,target", '"[0, 1]","[0, 1]"', '"[1, 1]","[1, 0]"', '"[1, 0, 1]","[1, 1, 0]"'],
}
FINAL = {
    "final label": ["input,target", "0 1,1", "1 1,0", "1 0 1,0"],
    "final label after BOS": ["length,input,target", "2,3 0 1,1", "2,3 1 1,0", "3,3 1 0 1,0"],
}


@pytest.mark.parametrize("name", [*DIALECTS, *FINAL])
def test_dialects_are_read_alike(name, tmp_path):
    lines = (DIALECTS | FINAL)[name]
    path = tmp_path / "C2=3.csv"
    path.write_text("\n".join(lines) + "\n")
    assert is_word_file(path)
    words = read_labelled(path)
    assert words.token_names == ("0", "1")
    assert words.tokens[:, :2].tolist() == [[0, 1], [1, 1], [1, 0]]
    full = [[0, 1, MISSING], [1, 0, MISSING], [1, 1, 0]]
    last = [[MISSING, 1, MISSING], [MISSING, 0, MISSING], [MISSING, MISSING, 0]]
    assert words.labels.tolist() == (last if name in FINAL else full)
    found = read_task_words(path, full_task(sn.group("C2").listed()))
    assert found.lengths.tolist() == [2, 2, 3]
    assert found.labels.tolist() == full
    assert np.array_equal(np.where(found.given, found.labels, MISSING), words.labels)
    accuracy = sn.evaluate(sn.compile("C2").network(), "C2", data=path)
    assert accuracy.last == (1.0,) * len(accuracy.lengths)
    assert accuracy.lengths == ((2, 3) if name in FINAL else (1, 2, 3))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["input,label", "0,0"], "wanted the columns seed,input,target"),
        (["input,target,input", "0,0,0"], "wanted the columns"),
        (["length,input,target", "5,0 1,0 1"], "line 2: length '5', and the input has 2"),
        (["input,target", "0 1 0,0 1"], "line 2: 3 tokens and 2 labels"),
        (["input,target", "0 1"], "line 2: 1 columns"),
        (["input,target"], "no words"),
        (["input,target", "0 x,0 1"], "line 2: 'x' is no letter of C2"),
        (["input,target", "0 1,0 7"], "line 2: '7' is no element of C2"),
    ],
)
def test_what_is_no_file_of_words(lines, message, tmp_path):
    path = tmp_path / "C2=3.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=message):
        read_task_words(path, full_task(sn.group("C2").listed()))


@pytest.mark.parametrize(
    ("name", "group", "length"),
    [
        ("S3_x_Z4=10.csv", "S3xC4", 10),
        ("Z60=20.csv", "C60", 20),
        ("A4_x_Z5.csv", "A4xC5", None),
        ("Q8=5.jsonl", "Q8", 5),
    ],
)
def test_names_of_files(name, group, length):
    assert group_of_file(Path(name)) == (group, length)
    assert sn.group(group).order == sn.group(group_of_file(Path(name))[0]).order


def test_the_group_comes_from_the_file_s_name(tmp_path):
    path = sn.words("S3xC4", length=7, count=30, out=tmp_path).path
    assert path.name == "S3_x_Z4=7.csv"
    network = sn.compile("S3xC4").network()
    found = sn.evaluate(network, data=path, out=tmp_path / "out")
    assert (found.name, found.lengths, found.last) == ("S3xC4", tuple(range(1, 8)), (1.0,) * 7)
    with (tmp_path / "out" / "summary.csv").open() as file:
        assert [float(row["last"]) for row in csv.DictReader(file)] == [1.0] * 7
    wrong = sn.evaluate(sn.compile("C12xC2").network(), "C12xC2", data=sn.words("C12xC2", out=tmp_path).path)
    assert wrong.last[-1] == 1.0
    with pytest.raises(InputError, match="no file of words"):
        sn.evaluate(network, data=tmp_path / "out" / "summary.csv")


def test_an_automaton_s_words_by_name_and_by_number(tmp_path):
    automaton = sn.machine("flip-flop(2)")
    assert isinstance(automaton, Automaton)
    task = automaton_task(automaton)
    (tmp_path / "x.csv").write_text("input,target\nw0 keep w1,0 0 1\n")
    (tmp_path / "y.csv").write_text("input,target\n0 2 1,0 0 1\n")
    one, two = (read_task_words(tmp_path / f"{x}.csv", task) for x in "xy")
    assert one.tokens.tolist() == two.tokens.tolist() == [[0, 2, 1]]
    assert (one.convention, two.convention) == (NAMES, PLAIN)


@pytest.mark.parametrize("how", ["arrays", "ragged"])
def test_learn_takes_what_is_in_hand(how, tmp_path):
    task = full_task(sn.group("C2").listed())
    words = np.concatenate([task.training_words(400, 20, 0), task.training_words(400, 20, 1)])
    texts = np.array(["even", "odd"])
    labels = task.labels(words)
    given: Any = {
        "arrays": (words, texts[labels]),
        "ragged": ([row[: 2 + i % 19] for i, row in enumerate(words.tolist())],
                   [row[: 2 + i % 19] for i, row in enumerate(labels.tolist())]),
    }[how]  # fmt: skip
    found = sn.learn(given, runs=1, steps=300, out=tmp_path / "learnt")
    assert (found.name, found.layers) == ("C2", 1)


def test_arrays_that_are_no_words():
    for inputs, targets, message in (
        ([[0, 1]], [[0, 1], [1, 0]], "1 words and 2 targets"),
        ([[0, 1, 1]], [[0, 1]], "word 1: 3 tokens and 2 labels"),
        ([[0.5, 1]], [[0, 1]], "wanted whole numbers or texts"),
        ("01", "01", "wanted an array"),
        ([], [], "0 words"),
    ):
        with pytest.raises(InputError, match=message):
            labelled(inputs, targets)
    words = labelled([[0, 1], [1, 1]], [1, 0])
    assert words.labels.tolist() == [[MISSING, 1], [MISSING, 0]]


def test_a_permutation_group_s_run_is_its_product():
    """The labels of large groups come from `TrackedPermutations.run`: compared with the listed group."""
    group = sn.group("S4").listed()
    letters = group.elements[list(group.generators)]
    word = np.random.default_rng(0).integers(len(letters), size=50)
    images = TrackedPermutations(letters, "S4").run(word)
    product = 0
    for letter, image in zip(word.tolist(), images, strict=True):
        product = group.times(product, group.generators[letter])
        assert np.array_equal(group.elements[product], image)
