"""Householder factors by characters, against orthogonal matrices; the rows that `inspect` prints."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from subnormal.algebra.depth.architectures import architectures
from subnormal.algebra.depth.inspection import inspect_group
from subnormal.algebra.input.parser import parse_group
from subnormal.algebra.representations.characters import character_table
from subnormal.algebra.representations.reflections import codimensions, householders, real_parts
from subnormal.command_line.__main__ import application
from tests.cases import group

WHOLE = {
    "C2^3": 1,
    "C3": 2,
    "C60": 2,
    "S3": 2,
    "D4": 2,
    "A4": 2,
    "S4": 2,
    "A5": 2,
    "Q8": 4,
    "SL(2,3)": 4,
    "SL(2,5)": 4,
    "S5": 4,
    "S6": 4,
    "C7:C3": 6,
    "PSL(2,7)": 6,
}
"""Worked out by hand from printed character tables; S3, S4, A5 and S5 are also what the DeltaProduct paper finds."""


@pytest.mark.parametrize("name", WHOLE)
def test_the_whole_group_as_alphabet(name):
    found = householders(group(name))
    assert found.found == found.own == WHOLE[name]
    assert found.least == min(WHOLE[name], 2)


@pytest.mark.parametrize("name", ["S3", "S4", "S5", "D5", "C2wrC2wrC2"])
def test_codimensions_add_up_to_those_of_permutation_matrices(name):
    """Points minus cycles, through the decomposition of the permutation character."""
    listed = group(name)
    table = character_table(listed)
    plain, negated = codimensions(table)
    representatives = table.classes.representatives
    fixed_points = (listed.elements[representatives] == np.arange(listed.degree)).sum(axis=1)
    values = np.array([table.complex_values(i) for i in range(len(table))])
    multiplicity = np.rint((values.conj() @ (table.classes.sizes * fixed_points)).real / listed.order).astype(int)
    parts = real_parts(table)
    halves = np.where(table.indicators[parts] == -1, 2, 1)
    counts = multiplicity[parts] // halves
    for cls, x in enumerate(representatives):
        matrix = np.eye(listed.degree)[listed.elements[x]]
        assert counts @ plain[:, cls] == np.linalg.matrix_rank(np.eye(listed.degree) - matrix)
        assert counts @ negated[:, cls] == np.linalg.matrix_rank(np.eye(listed.degree) + matrix)


def of_order(name: str, order: int) -> list[int]:
    listed = group(name)
    return [x for x in range(listed.order) if listed.element_orders[x] == order]


@pytest.mark.parametrize(
    ("name", "order", "own", "twisted", "least"),
    [
        ("S4", 2, 2, 1, 1),  # double transpositions are negated reflections of the cube
        ("A5", 2, 2, 1, 1),  # the icosahedral reflection group C2xA5
        ("D5", 2, 1, 1, 1),
        ("PSL(2,7)", 2, 2, 2, 1),
        ("A5", 3, 2, 2, 2),
        ("SL(2,3)", 3, 2, 2, 2),
    ],
)
def test_alphabets_of_one_order(name, order, own, twisted, least):
    found = householders(group(name), of_order(name, order))
    assert (found.own, found.twisted, found.least) == (own, twisted, least)


def test_a_cover_that_forgets_the_answer_does_not_count():
    """-1 of Q8 acts as -1 in the one faithful representation: a sign may not undo it, and does not."""
    assert householders(group("Q8")).twisted == 4
    c2 = group("C2")
    assert householders(c2, [1]).twisted == 1  # with the sign -1 the token would act as nothing


def test_the_icosahedron_by_matrices():
    """The 15 involutions of A5 as rotations of a solid, negated: reflections, of one group with 120 elements."""
    golden = (1 + 5**0.5) / 2
    vectors = [np.eye(3)[i] for i in range(3)]
    for signs in itertools.product((1, -1), repeat=2):
        base = np.array([1, signs[0] * golden, signs[1] / golden]) / 2
        vectors += [np.roll(base, i) for i in range(3)]
    assert len(vectors) == 15
    mirrors = [np.eye(3) - 2 * np.outer(v, v) for v in vectors]
    found = {(1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0): np.eye(3)}
    frontier = list(found.values())
    while frontier:
        frontier = [m @ r for m in frontier for r in mirrors]
        frontier = [m for m in frontier if (key := tuple(np.round(m, 6).ravel() + 0.0)) not in found or found[key] is m]
        fresh = {}
        for m in frontier:
            fresh.setdefault(tuple(np.round(m, 6).ravel() + 0.0), m)
        found |= fresh
        frontier = list(fresh.values())
        assert len(found) <= 120
    assert len(found) == 120


def answers(name, alphabet=None):
    found = architectures(group(name), inspect_group(group(name)).depth, alphabet)
    return {row.name: row.answer for row in found.rows}


def test_rows():
    assert answers("SL(2,5)") == {
        "deltaproduct": "1 layer, 4 factors",
        "gated_deltanet": "1 layer, 4 tokens each",
        "gated_deltanet_beta_1": "never",
        "delta_net": "1 layer, 4 tokens each",
        "kda": "1 layer, 4 tokens each",
        "kda_beta_1": "never",
        "gated_deltanet_2": "1 layer, 4 tokens each",
        "gated_deltanet_2_b_1": "never",
        "path": "1 layer, to a horizon",
        "pd_ssm": "1 layer, 24 states",
        "mamba_3": "never",
        "rwkv_7": "never",
    }
    assert answers("C60")["mamba_3"] == "1 layer, to a horizon"
    assert answers("D5", of_order("D5", 2))["gated_deltanet"] == "1 layer"
    assert set(answers("C1").values()) == {"0 layers"}


def test_an_abelian_group_with_many_classes_needs_no_table():
    found = architectures(group("C2000"), 1)
    assert (found.factors, found.representation) == (2, None)
    assert architectures(group("C2^9"), 1).factors == 1


def cycles_on(images, orbit):
    seen, count = set(), 0
    for point in orbit:
        count += point not in seen
        while point not in seen:
            seen.add(point)
            point = images[point]
    return count


@pytest.mark.parametrize(
    ("name", "exact"),
    [("S6", True), ("A6", True), ("A7", True), ("M11", True), ("PSL(2,7)", True), ("S3xA5", True), ("S3wrS2", False),
     ("C12", True), ("C2^4", True), ("Q8", False), ("SL(2,3)", False), ("AGL(1,8)", False)],
)  # fmt: skip
def test_factors_by_points(name, exact):
    """Of groups that could be listed: enough for every element on every orbit, and no fewer than characters need."""
    found, listed = architectures(parse_group(name), None), group(name)
    rows = [row.tolist() for row in listed.elements]
    orbits = {tuple(sorted({row[point] for row in rows})) for point in range(listed.degree)}
    needed = max(len(orbit) - cycles_on(row, orbit) for row in rows for orbit in orbits)
    if listed.is_abelian:
        needed = min(needed, 2)
    assert found.factors == needed if exact else found.factors >= needed
    least = architectures(listed, None).factors
    assert least is not None
    assert found.factors >= least


@pytest.mark.parametrize(
    ("name", "factors", "states", "target"),
    [("S10", 9, 10, "olmo-hybrid"), ("M24", 22, 24, "olmo-hybrid"), ("Rubik", 23, 48, "olmo-hybrid"),
     ("C2^20", 1, 40, "olmo-hybrid"), ("C3^13", 2, 39, "olmo-hybrid"), ("S100", 99, 100, None)],
)  # fmt: skip
def test_groups_too_large_to_list(name, factors, states, target):
    found = inspect_group(parse_group(name))
    content = found.as_json()
    assert content["householders"] == factors
    assert content["architectures"]["pd_ssm"]["answer"] == f"1 layer, {states} states"
    assert set(content["architectures"]) == {row.name for row in architectures(group("S3"), 2).rows}
    assert found.architectures.target == target


def test_the_command(capsys):
    application()(["inspect", "A5", "--json", "--alphabet", "(1,2)(3,4);(1,3)(2,5);(1,2)(4,5)"], standalone_mode=False)
    content = json.loads(capsys.readouterr().out)
    assert content["householders"] == 1
    assert content["householders_detail"]["own"] == 2
    application()(["inspect", "S5"], standalone_mode=False)
    assert "1 layer, 4 factors" in capsys.readouterr().out


# -- Gated DeltaNet-2: what holds of one token and not of products


def token(degrees, gates, alpha=1.0):
    """(I - k (b ⊙ k)ᵀ)·α for a key of norm 1 in the plane."""
    key = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    return alpha * (np.eye(2) - np.outer(key, np.array(gates) * key))


@pytest.mark.parametrize("most", [1.0, 2.0])
def test_single_tokens_of_gated_deltanet_2(most):
    """Gates up to 1: real eigenvalues, none below 0. Gates up to 2: real, none below -1; one of finite order is 1 or a
    reflection, since at most one eigenvalue is negative."""
    generator = np.random.default_rng(0)
    for size in (2, 3, 5):
        for _ in range(500):
            key = generator.normal(size=size)
            key /= np.linalg.norm(key)
            gates = most * generator.random(size) ** generator.choice([0.2, 1.0])
            matrix = (np.eye(size) - np.outer(key, gates * key)) @ np.diag(generator.random(size) ** 0.3)
            values = np.linalg.eigvals(matrix)
            assert np.abs(values.imag).max() < 1e-8
            assert values.real.min() > -(most - 1) - 1e-8
            assert (values.real < -1e-8).sum() <= (most > 1)


def test_products_of_tokens_of_gated_deltanet_2():
    """Two tokens lengthen a vector; seven without a sign have -1 together. With one gate for all coordinates neither
    can be: every factor shrinks one norm."""
    two = token(30, (0, 1)) @ token(60, (1, 0))
    assert np.linalg.eigvals(two).real.max() == pytest.approx(1.23, abs=0.005)
    angles = (162.14, 152.28, 144.02, 122.98, 65.97, 54.93, 36.13)
    gates = ((1, 1), (0, 1), (0, 1), (0, 1), (1, 1), (1, 0), (1, 0))
    product, kda = np.eye(2), np.eye(2)
    for i, (angle, pair) in enumerate(zip(angles, gates, strict=True)):
        single = token(angle, pair, 0.89598 if i == 6 else 1.0)
        assert np.linalg.eigvals(single).real.min() > -1e-12
        product, kda = single @ product, token(angle, (1, 1)) @ kda
    assert np.linalg.eigvals(product).real.min() == pytest.approx(-1, abs=1e-3)
    assert np.abs(np.linalg.eigvals(kda)).max() < 1
