"""The lemmas are derived, and what is false or undecided is said to be so."""

import dataclasses
from functools import cache

import numpy as np
import pytest

from subnormal.algebra.depth.families import FAMILIES
from subnormal.constructions.cascade import Cascade
from subnormal.constructions.compiler import compile_group
from subnormal.proofs_check.lemmas.lemmas import Lemma, Step, _limit, _true, _zero, symbolic_lemmas
from subnormal.proofs_check.lemmas.wreath import (
    all_subgroups,
    derived_length,
    embedding,
    embedding_lemma,
    subgroups_lemma,
)
from tests.cases import TRACKED, group


@cache
def lemmas():
    return symbolic_lemmas()


def test_every_lemma_is_verified():
    titles = [lemma.title for lemma in lemmas()]
    assert [title.split(",")[0] for title in titles] == [
        "Powers of an affine map",
        *["Lemma 1"] * 3,
        "Lemma 2",
        "Lemma 3",
        "Theorem 1",
        "The families' multipliers",
    ]
    for lemma in lemmas():
        assert lemma.verdict == "verified", lemma.text()
        assert len(lemma.steps) >= 3
        assert lemma.text().splitlines()[-1].strip() == "verified"
        assert "statement" in lemma.text()


def test_false_steps_are_refuted_and_undecided_ones_unproved():
    sympy = pytest.importorskip("sympy")
    x, n = sympy.Symbol("x"), sympy.Symbol("n", integer=True, nonnegative=True)
    unknown = sympy.Function("f")(x)
    p = sympy.Symbol("p", positive=True)
    assert _zero(sympy, "", (x + 1) ** 2 - x**2 - 2 * x - 1).holds is True
    assert _zero(sympy, "", (x + 1) ** 2 - x**2 - 2 * x).holds is False
    assert _zero(sympy, "", unknown - 1).holds is not True
    assert _limit(sympy, "", (1 + p) ** n, n, sympy.oo).holds is True
    assert _limit(sympy, "", (1 + p) ** n, n, 0).holds is False
    assert _true(sympy, "", p > 0).holds is True
    assert _true(sympy, "", p < 0).holds is False
    assert _true(sympy, "", p > 1).holds is None


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [((True, True), "verified"), ((True, None), "unproved"), ((None, False), "refuted"), ((), "unproved")],
)
def test_verdicts(holds, verdict):
    lemma = Lemma("title", "statement", "assumptions", tuple(Step("step", "found", h) for h in holds))
    assert lemma.verdict == verdict
    assert lemma.text().endswith(verdict)


# Known numbers of subgroups (OEIS A005432 for S_n, A018216 has the D_n; others from the literature's lattices).
@pytest.mark.parametrize(
    ("name", "count"),
    [("C12", 6), ("V4", 5), ("S3", 6), ("Q8", 6), ("D4", 10), ("A4", 10), ("S4", 30), ("A5", 59), ("C2^4", 67)],
)
def test_all_subgroups(name, count):
    found = all_subgroups(group(name))
    assert len(found) == count
    assert len({subgroup.mask.tobytes() for subgroup in found}) == count
    for subgroup in found:
        members = subgroup.members
        assert np.isin(group(name).multiply(members[:, None], members[None, :]), members).all()


def test_derived_lengths():
    assert [derived_length(group(name).whole) for name in ("C6", "S3", "S4", "GL(2,3)", "A5")] == [1, 2, 3, 4, None]
    assert derived_length(group("S3").trivial_subgroup) == 0


def test_subgroups_of_wreath_products():
    lemma = subgroups_lemma((("C2wrC2", 2), ("C3wrC2", 2), ("C2wrC3", 2)))
    assert lemma.verdict == "verified"
    assert lemma.steps[0].found == "10 subgroups, derived length at most 2"
    assert subgroups_lemma((("C2wrC2", 1),)).verdict == "refuted"
    assert subgroups_lemma((("A5", 3),)).verdict == "refuted"


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
def test_cascades_embed_in_wreath_products(case):
    cascade = compile_group(group(case.name), [FAMILIES["aussm"]]).cascade
    lemma = embedding_lemma(cascade, group(case.name))
    assert lemma.verdict == "verified", lemma.text()
    assert lemma.statement.count("≀") == case.depth - 1


class Scrambled(Cascade):
    """A cascade whose states were renamed, so that its steps are no longer triangular."""

    def transitions(self):
        table = super().transitions()
        names = np.random.default_rng(0).permutation(len(table))
        renamed = np.empty_like(table)
        renamed[names] = names[table]
        return renamed


def test_what_is_no_embedding():
    S4 = group("S4")
    cascade = compile_group(S4, [FAMILIES["aussm"]]).cascade
    fields = {field.name: getattr(cascade, field.name) for field in dataclasses.fields(cascade)}
    assert embedding(Scrambled(**fields), S4).triangular is False
    assert embedding(Scrambled(**fields), S4).permutes is True
    decode = np.roll(cascade.decode, 1)
    assert embedding(dataclasses.replace(cascade, decode=decode), S4).homomorphism is False
    assert embedding_lemma(dataclasses.replace(cascade, decode=decode), S4).verdict == "refuted"
    top = dataclasses.replace(cascade, layers=cascade.layers[:1], decode=cascade.decode[:2])
    assert embedding(dataclasses.replace(top, decode=np.array([0, 1])), group("S4")).faithful is False
