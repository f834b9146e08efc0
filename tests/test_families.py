"""A family is described once: no other file names one, every room has what it adds, the checkers' own tables agree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from subnormal.algebra.depth.blocks.residuals import law
from subnormal.algebra.depth.families import (
    ALL_FAMILIES,
    BLOCKS,
    CIRCLE,
    DRIVES,
    FAMILIES,
    GATED_CIRCLE,
    REFLECTIONS,
    SIGNS,
    ProofOf,
    TransitionKind,
    default_family,
    family,
)
from subnormal.algebra.groups.named_groups import cyclic
from subnormal.common.errors import InputError, RefutedError
from subnormal.constructions import weights
from subnormal.constructions.cascade import Cascade, CascadeLayer
from subnormal.models import network_page
from subnormal.proofs_check.certificates import automaton_checker, block_checker, checker, delta_checker
from tests.test_architecture import ROOT, modules

EXCEPTIONS = {
    "algebra/depth/families.py": "the records",
    "proofs_check/certificates/checker.py": "stands alone; compared below",
    "proofs_check/certificates/automaton_checker.py": "stands alone; compared below",
    "proofs_check/certificates/delta_checker.py": "stands alone; compared below",
    "proofs_check/certificates/block_checker.py": "stands alone; compared below",
    "proofs_check/audits/of_transformers.py": "other libraries' model types, which they call so",
    "proofs_check/audits/measure.py": "other libraries' model types, which they call so",
    "experiments": "an experiment says what it trains",
    "api": "defaults that stand in signatures, where a user reads them",
    "command_line": "defaults that stand in --help",
}
"""Files and rooms in which a family's name may stand, and why."""

NAMES = set(ALL_FAMILIES) | {record.key for record in ALL_FAMILIES.values()} | {"delta-"}


def named(tree: ast.AST) -> Iterator[str]:
    """Every text in the code that is a family's name, or several with commas. Sentences do not count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMES & set(node.value.split(",")):
            yield node.value


def allowed(path: Path) -> bool:
    place = str(path.relative_to(ROOT))
    return place in EXCEPTIONS or place.split("/")[0] in EXCEPTIONS


@pytest.mark.parametrize("path", [p for p in modules() if not allowed(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_other_file_names_a_family(path):
    assert list(named(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_every_exception_is_needed():
    for place in EXCEPTIONS:
        files = (ROOT / place).rglob("*.py") if (ROOT / place).is_dir() else [ROOT / place]
        assert any(list(named(ast.parse(path.read_text(encoding="utf-8")))) for path in files), place


def test_records_are_consistent():
    assert set(FAMILIES) == {name for name, record in ALL_FAMILIES.items() if record.eigenvalues is not None}
    for name, record in ALL_FAMILIES.items():
        assert name == record.name == name.lower()
        assert record.spelt
        assert record.paper
        assert record.multiplier
        assert record.carries
        assert len(set(record.parts)) == len(record.parts)
        assert (record.block is None) is (record.range == "")
        assert bool(record.factors) is (record.transition is TransitionKind.REFLECTIONS)
        assert hash(record) == hash(ALL_FAMILIES[name])
        if record.is_diagonal:
            assert [part for part in record.parts if part in DRIVES] == (
                ["b_real", "b_imag"] if record.complex_state else ["b"]
            )
            assert record.is_constant is (set(record.parts) <= set(DRIVES))
            assert record.reason
            assert family(record.key) is family(name.upper()) is record
    assert [record.name for record in FAMILIES.values() if record.resets] == ["mamba", "negative-mamba", "gated-aussm"]
    assert [record.name for record in FAMILIES.values() if record.real] == ["mamba", "negative-mamba"]
    assert {record.name for record in FAMILIES.values() if record.forgets_nothing} == {"aussm", "simple-aussm"}
    assert (default_family(False), default_family(True)) == (CIRCLE, GATED_CIRCLE)
    assert (CIRCLE.exponent, GATED_CIRCLE.exponent, SIGNS.exponent) == (0, 0, 2)
    assert GATED_CIRCLE.resets
    assert list(REFLECTIONS) == [1, 2, 3, 4]
    for record in BLOCKS.values():
        size, halves = record.block_size, 1 + record.complex_state
        assert record.block == size == int(record.name[-1])
        assert len(record.parts) == halves * (size + 1)
        assert record.name.startswith("complex-") is record.complex_state
    assert all(record.block_size == 1 for record in ALL_FAMILIES.values() if not record.has_blocks)


def test_every_kind_of_transition_has_what_each_room_adds():
    families = pytest.importorskip("subnormal.models.families")
    kinds = set(TransitionKind)
    assert kinds == {record.transition for record in ALL_FAMILIES.values()}
    assert kinds == set(families.KINDS)
    diagonal = {record.transition for record in FAMILIES.values()}
    assert set(weights._DRIVES) == diagonal - {TransitionKind.CONSTANT}  # which has nothing to choose
    page = (ROOT / "constructions/pages/assets/machines.js").read_text(encoding="utf-8")
    body = page[page.index("const TRANSITIONS = {") : page.index("function turn(")]
    in_page = {*re.findall(r"^  ([A-Z_]+): \(raw", body, re.MULTILINE), *re.findall(r'transition === "([A-Z]+)"', page)}
    assert in_page == {kind.name for kind in network_page.RUN_BY_THE_PAGE}


NO_PROOF = {
    "s4d": "nothing is compiled for it; one map for all tokens carries no group",
    "rnn": "the comparison outside the scheme: its state is no affine map of the one before",
}


def test_every_family_has_a_prover_or_a_reason():
    assert {name for name, record in ALL_FAMILIES.items() if not record.proofs} == set(NO_PROOF)
    assert all(record.proofs == (ProofOf.INTEGERS,) for record in REFLECTIONS.values())
    assert {record.name: n for n, record in REFLECTIONS.items()} == delta_checker.FAMILIES
    assert all(record.proofs == (ProofOf.INTEGERS,) for record in BLOCKS.values())
    own = {name: (r.title, r.block_size, r.complex_state) for name, r in BLOCKS.items()}
    assert own == block_checker.FAMILIES
    assert next(iter(BLOCKS)) == block_checker.SQUARES
    assert {name: (r.title, law(r)) for name, r in BLOCKS.items()} == checker.BLOCKS


def counter(name: str, modulus: int) -> Cascade:
    """A group of this order in one layer of a family, whether or not the family carries it."""
    group = cyclic(modulus).listed()
    layer = CascadeLayer(name, (modulus,), np.arange(modulus, dtype=np.int32).reshape(1, modulus, 1))
    tokens = np.arange(modulus, dtype=np.int32)
    return Cascade(group.name, group.elements, tokens, (layer,), tokens)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_is_proved_where_the_record_says_so(name):
    pytest.importorskip("flint")
    from subnormal.models.network import DCDNetwork
    from subnormal.proofs_check.certificates.network_proof import Proof

    record = FAMILIES[name]
    if record.is_constant:
        with pytest.raises(InputError, match="no weights are written for layers of S4D"):
            weights.network_parameters(weights.weights_of(counter(name, 2)))
        return
    cascade = counter(name, 2)
    config, arrays = weights.network_parameters(weights.weights_of(cascade))
    network = DCDNetwork.from_parameters(config, arrays)
    parameters = {key: tensor.numpy() for key, tensor in network.state_dict().items()}
    proof = Proof(cascade, network.configuration(), network.specifications, parameters)
    if ProofOf.GROUP in record.proofs:
        found = proof.run().horizon
        assert found is None or found > 10**6
    else:
        with pytest.raises(RefutedError, match=f"nothing is proved of {name}"):
            proof.run()


def test_the_checkers_have_the_same_families():
    records = {name: (r.title, r.exponent) for name, r in FAMILIES.items() if name != GATED_CIRCLE.name}
    assert records == checker.FAMILIES
    assert {name: (r.title, r.exponent, r.resets) for name, r in FAMILIES.items()} == automaton_checker.FAMILIES
