"""Words and labels, the field's file format, held-out pairs."""

from itertools import permutations

import numpy as np
import pytest

from subnormal.common.errors import InputError
from subnormal.models.training.tasks import TEST, VALIDATION, Lengths, full_task, make_task
from subnormal.models.training.word_files import (
    file_name,
    group_of_file,
    read_task_words,
    write_words,
)
from tests.cases import group


@pytest.mark.parametrize("name", ["C6", "S3", "Q8", "A4"])
@pytest.mark.parametrize("alphabet", ["all", "generators"])
def test_labels_are_the_running_products(name, alphabet):
    task = make_task(group(name), alphabet)
    words = task.training_words(5, 30, 1, 2)
    for word, labels in zip(words, task.labels(words), strict=True):
        elements = [int(task.alphabet[x]) for x in word]
        assert [group(name).product(elements[: t + 1]) for t in range(30)] == labels.tolist()


def test_labels_go_on_from_a_state():
    task = make_task(group("S3"))
    words = task.training_words(4, 20, 0)
    whole = task.labels(words)
    assert np.array_equal(task.labels(words[:, 7:], whole[:, 6]), whole[:, 7:])


def test_words_depend_on_their_seeds_and_the_streams_differ():
    task = make_task(group("S3"))
    assert np.array_equal(task.training_words(8, 40, 3, 7), task.training_words(8, 40, 3, 7))
    streams = [
        task.training_words(8, 40, 0, 0),
        task.training_words(8, 40, 0, 1),
        task.training_words(8, 40, 1, 0),
        task.evaluation_words(VALIDATION, 8, 40, 0),
        task.evaluation_words(TEST, 8, 40, 0),
        task.evaluation_words(TEST, 8, 40, 0, block=1),
    ]
    for i, a in enumerate(streams):
        for b in streams[:i]:
            assert not np.array_equal(a, b)


@pytest.mark.parametrize("alphabet", ["all", "generators"])
def test_held_out_pairs_are_absent_from_training_and_present_in_evaluation(alphabet):
    s4 = group("S4")
    task = make_task(s4, alphabet, hold_out=2, seed=5)
    for a, b in task.held_out:
        x, y = int(task.alphabet[a]), int(task.alphabet[b])
        assert s4.times(x, y) != s4.times(y, x)

    def pairs(word):
        return set(zip(word[:-1].tolist(), word[1:].tolist(), strict=True))

    for word in task.training_words(200, 60, 0):
        assert not pairs(word) & set(task.held_out)
    for word in task.evaluation_words(TEST, 200, 60, 0):
        assert pairs(word[:20]) & set(task.held_out)
    seen = np.bincount(task.training_words(200, 60, 0).ravel(), minlength=len(task.alphabet))
    assert seen.min() > 0


def test_held_out_pairs_that_do_not_exist():
    with pytest.raises(InputError, match="hold-out 1: C6 has 0 ordered pairs"):
        make_task(group("C6"), hold_out=1)
    with pytest.raises(InputError, match="nothing to learn"):
        make_task(group("C1"))


def test_lengths():
    assert Lengths.parse("60").at(3, 10) == 60
    uniform = [Lengths.parse("2-9").at(step, 100) for step in range(400)]
    assert set(uniform) == set(range(2, 10))
    growing = [Lengths.parse("2>60").at(step, 100) for step in range(100)]
    assert growing == sorted(growing)
    assert growing[0] < 5
    assert growing[49:] == [60] * 51
    ratio = [Lengths.parse("2>>60").at(step, 1000) for step in range(1000)]
    assert ratio[0] == 2
    assert ratio[349] == round((2 * 60) ** 0.5)  # half way, the geometric mean
    assert ratio[699:] == [60] * 301
    for text in ("", "0", "9-2", "a", "1--2", "-5"):
        with pytest.raises(InputError, match=r"wanted 60 \(fixed\)"):
            Lengths.parse(text)


# ------------------------------------------------------------------ the field's format


def field_table(name):
    """The field's multiplication table, made from its facts alone: permutations in lexicographic order, p after q."""
    degree = int(name[1:])
    elements = list(permutations(range(degree)))
    if name[0] == "A":
        even = [p for p in elements if sum(p[i] > p[j] for j in range(degree) for i in range(j)) % 2 == 0]
        elements = even
    index = {p: i for i, p in enumerate(elements)}
    return [[index[tuple(p[q[i]] for i in range(degree))] for q in elements] for p in elements]


@pytest.mark.parametrize("name", ["S3", "S4", "A4"])
def test_files_follow_the_facts_of_the_format(name, tmp_path):
    table = field_table(name)
    assert np.array_equal(np.array(table).T, group(name).table)
    task = make_task(group(name))
    words = task.training_words(20, 12, 0)
    path = write_words(tmp_path, task.tracked, words, seed=9)
    assert path.name == f"{name}=12.csv"
    lines = path.read_text().splitlines()
    assert lines[0] == "seed,input,target"
    assert len(lines) == 21
    for line in lines[1:]:
        seed, inputs, targets = line.split(",")
        current, expected = 0, []
        for x in inputs.split():
            current = table[current][int(x)]
            expected.append(current)
        assert seed == "9"
        assert targets == " ".join(map(str, expected))
    read = read_task_words(path, task)
    assert np.array_equal(read.tokens, words)
    assert np.array_equal(read.labels, task.labels(words))


def test_direct_products_are_numbered_in_the_fields_way(tmp_path):
    table, five = np.array(field_table("A4")), 5
    product = group("A4xC5")
    everything = np.arange(60)
    a, c = everything // five, everything % five
    field = table[a[:, None], a[None]] * five + (c[:, None] + c[None]) % five
    assert np.array_equal(field.T, product.table)
    path = write_words(tmp_path, full_task(product).tracked, np.array([[1, 5, 59]]), 0)
    assert path.name == "A4_x_Z5=3.csv"
    assert group_of_file(path) == ("A4xC5", 3)


@pytest.mark.parametrize(
    "content",
    ["0,1 2,1 4\n", "0,7 1 2,7 1 4\n", '0,"[1, 2]","[1, 4]"\n', "0,1 2,-100 4\n", "0,7 1 2,-100 1 4\n", "0,1 2,- 4\n"],
)
def test_ways_in_which_files_are_written(content, tmp_path):
    path = tmp_path / "S3=2.csv"
    path.write_text("seed,input,target\n" + content)
    read = read_task_words(path, full_task(group("S3")))
    assert read.tokens.shape == (1, 2)
    assert np.array_equal(read.labels, full_task(group("S3")).labels(read.tokens))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "line 1: wanted the columns"),
        ("inputs,target\n1,1\n", "line 1: wanted the columns"),
        ("seed,input,target\n", "no words"),
        ("seed,input,target\n0,1 2\n", "line 2: 2 columns"),
        ("seed,input,target\n0,1 2 1,1 3\n", "line 2: 3 tokens and 2 labels"),
        ("seed,input,target\n0,1 x,1 2\n", "line 2: 'x' is no letter of S3; wanted 0, 1"),
        ("seed,input,target\n0,1 6,1 2\n", "line 2: '6' is no letter of S3"),
        ("seed,input,target\n0,1 0,1 1\n0,1 2,1 1\n", "line 3: target 2 is '1', and the product in S3 is 4"),
    ],
)
def test_broken_files_are_refused_in_one_line(content, problem, tmp_path):
    path = tmp_path / "S3=2.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=problem) as refusal:
        read_task_words(path, full_task(group("S3")))
    assert "\n" not in str(refusal.value)


def test_names_outside_the_format(tmp_path):
    with pytest.raises(InputError, match=r"S3=2\.csv: No such file or directory"):
        read_task_words(tmp_path / "S3=2.csv", full_task(group("S3")))
    assert file_name("SL(2,3)", 3) == "SL_2_3=3.csv"
    with pytest.raises(InputError, match=r"not a name of the form group=k\.csv"):
        group_of_file(tmp_path / "S3.txt")
