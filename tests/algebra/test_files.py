"""Groups from files: tables and permutations, validated."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.input.files import validated_table
from subnormal.algebra.input.parser import list_group, parse_machine
from subnormal.common.errors import InputError
from tests.cases import group


def write(path, table):
    if path.suffix == ".csv":
        np.savetxt(path, table, fmt="%d", delimiter=",")
    elif path.suffix == ".npy":
        np.save(path, table)
    else:
        path.write_text(json.dumps(np.asarray(table).tolist()))
    return str(path)


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".json"])
@pytest.mark.parametrize("name", ["S3", "Q8", "S4", "C2xC4", "SL(2,3)"])
def test_a_table_keeps_its_numbering(tmp_path, suffix, name):
    table = group(name).table.astype(int)
    shuffle = np.concatenate([[0], 1 + np.random.default_rng(0).permutation(len(table) - 1)])
    renumbered = np.empty_like(table)
    renumbered[np.ix_(shuffle, shuffle)] = shuffle[table]
    found = list_group(write(tmp_path / f"mine{suffix}", renumbered))
    assert (found.table == renumbered).all()
    assert (found.name, found.notes) == ("mine", ())


def test_where_the_identity_is_not_zero_it_changes_places(tmp_path):
    table = group("S3").table.astype(int)
    swap = np.array([4, 1, 2, 3, 0, 5])
    moved = swap[table[np.ix_(swap, swap)]]
    found = list_group(write(tmp_path / "moved.csv", moved))
    assert (found.table == table).all()
    assert found.notes == ("the table's identity is 4: elements 0 and 4 have changed places",)


def test_permutations_in_json(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"permutations": [[1, 2, 0], [1, 0]]}')
    assert list_group(str(path)).order == 6
    path.write_text('{"permutations": ["(1 2 3)", "(1,2)(4 5)", [1, 0]]}')
    assert list_group(str(path)).order == 12


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", ", "  ", " ;\t", ",\t"])
def test_the_separators_of_a_table(tmp_path, separator):
    path = tmp_path / ("mine.tsv" if separator == "\t" else "mine.csv")
    table = group("S3").table.astype(int)
    path.write_text("\n".join(separator.join(map(str, row)) for row in table.tolist()) + "\n\n")
    assert (list_group(str(path)).table == table).all()
    path.write_text("\r\n".join(separator.join(map(str, row)) for row in [[1, 0], [2, 0], [2, 2]]))
    found = parse_machine(str(path))
    assert isinstance(found, Automaton)
    assert found.table.tolist() == [[1, 0], [2, 0], [2, 2]]


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_a_groups_table_with_a_header_is_no_automaton(tmp_path, suffix):
    """Read as it stands, four states and three letters."""
    table = group("C3").table.astype(int)
    for header, place in (("row", 0), ("column", 1)):
        for first in (0, 1):
            path = write(tmp_path / f"mine{suffix}", np.insert(table, 0, range(3), axis=place) + first)
            with pytest.raises(InputError, match=f"leave the first {header} out, or write 'automaton") as caught:
                parse_machine(path)
            assert "\n" not in str(caught.value)
    assert isinstance(parse_machine(write(tmp_path / f"mine{suffix}", [[0, 1], [1, 1], [1, 0]])), Automaton)


@pytest.mark.parametrize("name", ["S3", "Q8", "C2xC4", "F20"])
def test_every_change_of_one_entry_is_found(name):
    table = group(name).table.astype(np.intp)
    n = len(table)
    random = np.random.default_rng(1)
    places = [(i, j) for i in range(n) for j in range(n)]
    for i, j in places if n <= 8 else [places[k] for k in random.choice(len(places), 60, replace=False)]:
        changed = table.copy()
        changed[i, j] = (changed[i, j] + 1 + random.integers(n - 1)) % n
        with pytest.raises(InputError, match="no identity|no inverse|not associative"):
            validated_table(changed, "table")


def test_the_error_names_true_offenders():
    """The subtraction table of C5 has neither; the error's equation is checked by hand."""
    table = np.array([[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]])
    with pytest.raises(InputError, match=r"not associative: \((\d)·(\d)\)·(\d) = (\d) but") as caught:
        validated_table(table, "loop of order 5")
    numbers = [int(c) for c in str(caught.value).split("associative")[1] if c.isdigit()]
    x, g, y, left, *_, right = numbers
    assert table[table[x, g], y] == left != table[x, table[g, y]] == right


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("a.csv", "0,1\n1,0,2\n", "rows of different lengths"),
        ("a.csv", "0,1\n1,2\n", r"not closed: 1·1 = 2"),
        ("a.csv", "0,1\n1,x\n", "line 2 holds 'x', which is no number from 0 on; leave out headers"),
        ("a.csv", "0,1;1,0\n", "both commas and semicolons"),
        ("a.csv", "0.0,1.0\n1.0,0.0\n", "'0.0', which is no number"),
        ("a.csv", "*,0,1\n0,0,1\n1,1,0\n", r"'\*', which is no number from 0 on; leave out headers"),
        ("a.csv", "0,1_0\n1,0\n", "'1_0', which is no number"),
        ("a.csv", "0,1,\n1,0,\n", "'', which is no number"),
        ("a.csv", "0,-1\n1,0\n", "'-1', which is no number"),
        ("a.csv", "1,2\n2,1\n", r"its numbers go from 1 to 2 .* subtract 1 from each"),
        ("a.csv", "", "shape"),
        ("a.csv", "0,1,2\n1,2,0\n", "shape"),
        ("a.csv", "1,1\n1,1\n", "no identity"),
        (
            "a.csv",
            "0,1\n1,1\n",
            r"element 1 has no inverse; if it is an automaton's table, write 'automaton\(.*csv",
        ),
        ("a.json", "[[0, 1], [1, 0.5]]", r"Expected `int`, got `float` - at `\$\[1\]\[1\]`"),
        ("a.json", "[[0, 1], [1", "not JSON"),
        ("a.json", "3", "Expected `object | array`, got `int`"),
        ("a.json", "{}", "no list of permutations"),
        ("a.json", '{"permutations": []}', "no list of permutations"),
        ("a.json", '{"permutations": [[0, 0]]}', "permutation 1 is not a list of all of 0 … 1"),
        ("a.json", '{"permutations": [[0, true]]}', "got `bool`"),
        ("a.json", '{"permutations": [[0], "x"]}', "permutation 2: not a permutation: 'x'"),
        ("a.json", '{"permutations": ["(0 1 2)"]}', "add 1 to every point"),
        (
            "a.json",
            '{"permutations": [[2, 3, 1], [1, 0, 2]]}',
            "permutation 2 lists images of points from 0, permutation 1 from 1; wanted all from 0",
        ),
        ("a.json", "[1, 2]", "Expected `array`, got `int`"),
        ("a.json", "[]", "shape"),
        ("a.json", "[" * 100_000, "too many brackets"),
        ("a.npy", "not numpy", "not a .npy file"),
    ],
)
def test_bad_files(tmp_path, file, content, message):
    (tmp_path / file).write_text(content)
    with pytest.raises(InputError) as caught:
        list_group(str(tmp_path / file))
    problem = str(caught.value).removeprefix(f"{tmp_path / file}: ")  # the path names the case
    assert re.search(message.replace("|", r"\|"), problem)


def test_files_that_are_not_there_or_too_large(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        list_group(str(tmp_path / "absent.csv"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r": a folder, not a file"):
        list_group(str(tmp_path / "folder.csv"))
    np.save(tmp_path / "big.npy", np.zeros((2049, 2049), dtype=np.uint8))
    with pytest.raises(InputError, match="up to order 2048"):
        list_group(str(tmp_path / "big.npy"))
    with open(tmp_path / "huge.npy", "wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(InputError, match="at most 64 MiB"):
        list_group(str(tmp_path / "huge.npy"))


def test_pickles_are_not_loaded(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([[object()]]), allow_pickle=True)
    with pytest.raises(InputError, match="an array of type object"):
        list_group(str(tmp_path / "objects.npy"))
