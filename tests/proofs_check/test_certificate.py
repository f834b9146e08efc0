"""Certificates: every claim of the table, and what must not be certified."""

import dataclasses
import json

import numpy as np
import pytest

from subnormal.algebra.depth.families import FAMILIES
from subnormal.common.errors import InputError
from subnormal.constructions.artifact import load_cascade
from subnormal.constructions.compiler import compile_group
from subnormal.proofs_check.certificates.certificate import certify_folder, certify_refusal, write_json
from subnormal.proofs_check.certificates.checker import FaultError, check
from tests.cases import REFUSED, TRACKED, group
from tests.proofs_check.folders import certified


def layers(count):
    return f"{count} layer{'s' * (count != 1)}"


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
def test_tracked_groups_with_their_depth(case, tmp_path):
    claim = certified(case.name, tmp_path)
    order = group(case.name).order
    tokens = len(load_cascade(tmp_path)[0].alphabet)
    expected = (
        f"tracks a group of order {order} with {tokens} token{'s' * (tokens != 1)} on words of every length, with "
        f"{layers(case.depth)}, and no AUSSM with fewer can"
    )
    assert claim == expected == check(tmp_path).claim


@pytest.mark.parametrize("case", [case for case in TRACKED if case.signs], ids=lambda case: case.name)
def test_negative_mamba_needs_its_own_number(case, tmp_path):
    claim = certified(case.name, tmp_path, "negative-mamba", alphabet="generators")
    assert claim.endswith(f"with {layers(case.signs)}, and no Negative Mamba with fewer can")


@pytest.mark.parametrize("name", REFUSED)
def test_groups_that_are_not_solvable(name, tmp_path):
    claim = certified(name, tmp_path)
    tracked = f"this group of order {group(name).order}"
    assert claim == f"no number of AUSSM layers can track {tracked}, over any alphabet that generates it"
    assert json.loads((tmp_path / "certificate.json").read_text())["residual"]["order"] == REFUSED[name]


NEVER = [("C3", "negative-mamba"), ("S3", "negative-mamba"), ("C2", "mamba"), ("V4", "s4d")]


@pytest.mark.parametrize(("name", "family"), NEVER)
def test_families_that_never_can(name, family, tmp_path):
    claim, title = certify_refusal(group(name), FAMILIES[family], tmp_path).claim, FAMILIES[family].title
    tracked = f"this group of order {group(name).order}"
    assert claim == f"no number of {title} layers can track {tracked}, over any alphabet that generates it"


def test_a_longer_series_and_a_mixed_stack_claim_no_more_than_they_show(tmp_path):
    D4 = group("D4")
    compile_group(D4, [FAMILIES["negative-mamba"], FAMILIES["aussm"]]).save(tmp_path / "mixed")
    claim = certify_folder(tmp_path / "mixed").claim
    assert claim.endswith("with 2 layers, and no stack of diagonal layers with fewer can")
    from subnormal.constructions.compiler import read_series

    series = read_series(group("C4"), "2", FAMILIES["aussm"])
    compile_group(group("C4"), [FAMILIES["aussm"]], series=series).save(tmp_path / "long")
    assert certify_folder(tmp_path / "long").claim.endswith("with 2 layers, and any AUSSM needs at least 1")


def test_a_wrong_cascade_gets_no_certificate(tmp_path):
    compilation = compile_group(group("S3"), [FAMILIES["aussm"]])
    increments = compilation.cascade.layers[1].increments.copy()
    increments[1, 2, 0] = (increments[1, 2, 0] + 1) % 3
    lower = dataclasses.replace(compilation.cascade.layers[1], increments=increments)
    wrong = dataclasses.replace(compilation.cascade, layers=(compilation.cascade.layers[0], lower))
    dataclasses.replace(compilation, cascade=wrong).save(tmp_path)
    with pytest.raises(FaultError, match="steps wrongly on token 2"):
        certify_folder(tmp_path)
    assert not (tmp_path / "certificate.json").exists()


def test_an_alphabet_that_does_not_generate(tmp_path):
    compile_group(group("S4"), [FAMILIES["aussm"]], [0, 1]).save(tmp_path)
    with pytest.raises(InputError, match="generates 2 of the 24 elements"):
        certify_folder(tmp_path)


def test_what_cannot_be_certified(tmp_path):
    with pytest.raises(InputError, match="3 layers of AUSSM can track S4"):
        certify_refusal(group("S4"), FAMILIES["aussm"], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no folder; name a new one"):
        certify_refusal(group("A5"), FAMILIES["aussm"], tmp_path / "file")
    with pytest.raises(InputError, match="cannot write"):
        write_json(tmp_path / "file" / "x.json", {})


def test_the_generators_are_tokens_in_any_order(tmp_path):
    S4 = group("S4")
    tokens = np.random.default_rng(3).permutation(24)[:9].tolist()
    assert S4.subgroup(tokens).order == 24
    compile_group(S4, [FAMILIES["aussm"]], tokens).save(tmp_path)
    assert "3 layers" in certify_folder(tmp_path).claim
    assert set(json.loads((tmp_path / "certificate.json").read_text())["generators"]) <= set(tokens)
    assert load_cascade(tmp_path)[0].alphabet.tolist() == tokens
