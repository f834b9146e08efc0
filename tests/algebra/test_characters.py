"""Character tables against GAP's, and the relations they have to satisfy."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from subnormal.algebra.input.parser import list_group
from subnormal.algebra.representations import characters
from subnormal.algebra.representations.characters import character_table
from subnormal.algebra.representations.classes import conjugacy_classes
from subnormal.common.errors import InputError
from tests.cases import group

DATA = Path(__file__).parent.parent / "data" / "characters.tsv.gz"
LINES = [line.split("\t") for line in gzip.decompress(DATA.read_bytes()).decode("ascii").splitlines()]
NAMED = [line for line in LINES if not line[0].startswith("SmallGroup") or len(line[0]) > len("SmallGroup(63,99)")]


def described(table) -> list[str]:
    """The fields of a line of the file, without their order."""
    sizes, orders = table.classes.sizes, table.classes.orders
    rounded = np.array([np.floor(1000 * table.complex_values(i).real + 0.5) for i in range(len(table))]).astype(int)
    fields = []
    for i in range(len(table)):
        entries = zip(sizes, orders, table.fixed[i], table.negated[i], rounded[i], strict=True)
        counted = sorted(Counter(tuple(map(int, entry)) for entry in entries).items())
        body = ",".join(f"{'.'.join(map(str, entry))}x{count}" for entry, count in counted)
        fields.append(f"{table.degrees[i]}/{table.indicators[i]}/{body}")
    return sorted(fields)


def check(line):
    name, count, *fields = line
    table = character_table(list_group(name))
    assert len(table.classes) == int(count)
    assert described(table) == sorted(fields)


def test_the_table_of_facts_is_whole():
    assert len(LINES) == 319 + 9


@pytest.mark.parametrize("line", NAMED, ids=lambda line: line[0])
def test_larger_groups_agree_with_gap(line):
    check(line)


def test_groups_up_to_order_31_agree_with_gap():
    for line in LINES:
        if line not in NAMED and int(line[0].split("(")[1].split(",")[0]) <= 31:
            check(line)


@pytest.mark.slow
def test_groups_up_to_order_63_agree_with_gap():
    for line in LINES:
        check(line)


@pytest.mark.parametrize("name", ["C1", "Q8", "C7:C3", "SL(2,5)", "S6"])
def test_rows_and_columns_are_orthogonal(name):
    table = character_table(group(name))
    values = np.array([table.complex_values(i) for i in range(len(table))])
    order = table.classes.group.order
    np.testing.assert_allclose((values * table.classes.sizes) @ values.conj().T / order, np.eye(len(table)), atol=1e-9)
    np.testing.assert_allclose(values.T @ values.conj(), np.diag(order / table.classes.sizes), atol=1e-9)
    np.testing.assert_allclose(values[table.conjugates], values.conj(), atol=1e-9)
    assert values[0] == pytest.approx(1)


@pytest.mark.parametrize("name", ["S4", "Q8", "C12", "SL(2,3)"])
def test_classes_are_orbits_of_conjugation(name):
    listed = group(name)
    classes = conjugacy_classes(listed)
    for x in range(listed.order):
        orbit = {listed.conjugate(x, by) for by in range(listed.order)}
        assert orbit == set(np.flatnonzero(classes.labels == classes.labels[x]).tolist())
        assert min(orbit) == classes.representatives[classes.labels[x]]
        for i in range(int(listed.element_orders[x])):
            assert classes.powers[i, classes.labels[x]] == classes.labels[listed.power(x, i)]


def test_too_many_classes_are_refused(monkeypatch):
    monkeypatch.setattr(characters, "CLASS_LIMIT", 4)
    with pytest.raises(InputError, match="S4 has 5 conjugacy classes; wanted at most 4"):
        character_table(group("S4"))


LARGE = [line.split("\t") for line in DATA.with_name("large_characters.tsv").read_text(encoding="ascii").splitlines()]


@pytest.mark.parametrize("line", LARGE, ids=lambda line: line[0])
def test_groups_of_more_than_256_classes_agree_with_gap(line):
    """Degrees with indicators, and all rational values by the size of the class, its order and the degree."""
    name, count, degrees, entries = line
    table = character_table(list_group(name))
    assert len(table) == int(count) > 256
    kinds = Counter(zip(table.degrees.tolist(), table.indicators.tolist(), strict=True))
    assert ",".join(f"{d}/{i}x{times}" for (d, i), times in sorted(kinds.items())) == degrees
    found = Counter()
    for degree, row in zip(table.degrees.tolist(), (table.complex_values(i) for i in range(len(table))), strict=True):
        rational = np.abs(row - np.rint(row.real)) < 1e-6
        values = np.where(rational, np.rint(row.real), -1_000_000).astype(int)
        columns = zip(table.classes.sizes.tolist(), table.classes.orders.tolist(), values.tolist(), strict=True)
        found.update((size, order, degree, value) for size, order, value in columns)
    assert ",".join(f"{'.'.join(map(str, key))}x{times}" for key, times in sorted(found.items())) == entries


@pytest.mark.parametrize("name", ["D600", "C3xD500", "C2xC2xC5xC7xA4", "SL(2,5)xC31"])
def test_large_tables_are_orthogonal_exactly(name):
    """Both relations modulo p. Values are sums of roots of unity of multiplicities that no reduction changes."""
    table = character_table(list_group(name))
    p, order, sizes = table.prime, table.classes.group.order, table.classes.sizes
    assert len(table) > 256
    assert int((table.degrees**2).sum()) == order
    dual = table.values[:, table.classes.inverses]
    rows = characters._product(table.values * sizes % p, dual.T, p)
    assert np.array_equal(rows, np.eye(len(table), dtype=np.int64) * (order % p))
    columns = characters._product(table.values.T, dual, p)
    assert np.array_equal(columns, np.diag(order // sizes % p))
    for cls in range(0, len(table), 50):
        assert (table.multiplicities(cls).sum(axis=1) == table.degrees).all()
        assert (table.multiplicities(cls)[:, 0] == table.fixed[:, cls]).all()


def test_a_wrong_guess_is_refused(monkeypatch):
    """Whatever the floats say, what comes out is checked: eigenvectors of a matrix that is not the group's are none."""
    true = np.linalg.eigh
    calls = []

    def wrong(matrix):
        calls.append(len(matrix))
        values, vectors = true(matrix)
        return (values, vectors) if len(calls) > 2 else (values, np.eye(len(matrix))[::-1].copy() + 0.1)

    monkeypatch.setattr(np.linalg, "eigh", wrong)
    line = next(line for line in LINES if line[0] == "S5")
    check(line)
    assert len(calls) > 2


def test_products_modulo_primes_of_25_bits():
    source = np.random.default_rng(0)
    p = 33_554_393
    a, b = source.integers(0, p, (3, 2**11)), source.integers(0, p, (2**11, 2))
    a[0], b[:, 0] = p - 1, p - 1
    wanted = [
        [sum(x * y for x, y in zip(row, column, strict=True)) % p for column in b.T.tolist()] for row in a.tolist()
    ]
    assert characters._product(a, b, p).tolist() == wanted
