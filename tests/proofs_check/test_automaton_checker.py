"""The independent checker of automata: what it verifies, and that it refuses whatever was changed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import read_automaton
from subnormal.common.errors import InputError, RefutedError
from subnormal.common.folders import digest, save_folder
from subnormal.constructions.artifact import tensor_bytes
from subnormal.constructions.automata.artifact import load_automaton
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.verification import automaton_fault
from subnormal.proofs_check.certificates.automaton_certificate import certify_automaton, certify_automaton_refusal
from subnormal.proofs_check.certificates.automaton_checker import check
from subnormal.proofs_check.certificates.checker import FaultError
from subnormal.proofs_check.certificates.network_certificate import prove_network
from tests.adversary.truth import tracks_automaton


def compiled(name, family, folder):
    compilation = compile_automaton(read_automaton(name), FAMILIES[family])
    compilation.save(folder)
    return compilation


@pytest.mark.parametrize(
    ("name", "family", "claim"),
    [
        ("parity", "aussm", "with 1 layer, and no AUSSM with fewer can"),
        ("flip-flop(3)", "mamba", "with 1 layer, and no Mamba with fewer can"),
        ("even-pairs", "gated-aussm", "with 2 layers, and no Gated AUSSM with fewer can"),
        ("tomita(3)", "negative-mamba", "with 4 layers, and any Negative Mamba needs at least 2"),
        ("permutation-reset(S4)", "gated-aussm", "with 3 layers, and no Gated AUSSM with fewer can"),
        ("modular-arithmetic(4,left-to-right)", "negative-mamba", "and any Negative Mamba needs at least 2"),
    ],
)
def test_what_is_verified(name, family, claim, tmp_path):
    compiled(name, family, tmp_path / "f")
    verdict = certify_automaton(tmp_path / "f")
    assert claim in verdict.claim
    assert check(tmp_path / "f") == verdict


def test_files_that_do_not_belong_together(tmp_path):
    compiled("even-pairs", "mamba", tmp_path / "f")
    certify_automaton(tmp_path / "f")
    certify_automaton_refusal(read_automaton("parity"), FAMILIES["mamba"], tmp_path / "never")
    for name in ("cascade.json", "cascade.safetensors"):
        (tmp_path / "never" / name).write_bytes((tmp_path / "f" / name).read_bytes())
    with pytest.raises(FaultError, match="cascade.json is not named by manifest.json"):
        check(tmp_path / "never")
    (tmp_path / "f" / "manifest.json").unlink()
    with pytest.raises(FaultError, match=r"manifest.json is missing"):
        check(tmp_path / "f")


def test_a_stack_of_several_families(tmp_path):
    """What is claimed of it, and that neither its order, nor a layer's family, nor a reset where none can be passes."""
    folder = tmp_path / "f"
    stack = [FAMILIES[name] for name in ("mamba", "negative-mamba", "aussm", "mamba")]
    compile_automaton(read_automaton("permutation-reset(S3)"), *stack).save(folder)
    found = certify_automaton(folder)
    assert found.claim.endswith("with 3 layers in the stack Mamba, Negative Mamba, AUSSM, Mamba")
    assert not any(fact.startswith("cited") for fact in found.facts), "no bound is claimed"
    assert check(folder) == found
    assert prove_network(folder).horizon > 10**12
    certificate = json.loads((folder / "certificate.json").read_text())
    for family in ("mamba,aussm,negative-mamba,mamba", "negative-mamba,aussm", "gated-aussm", "aussm", "s4d,aussm"):
        claim = found.claim.replace(
            "Mamba, Negative Mamba, AUSSM, Mamba", ", ".join(FAMILIES[name].title for name in family.split(","))
        )
        with pytest.raises(FaultError, match="family"):
            check(folder, certificate | {"family": family, "claim": claim})
    with pytest.raises(FaultError, match="no bound is proved for stacks"):
        check(folder, certificate | {"least": 3})
    arrays = load_file(folder / "cascade.safetensors")
    content = json.loads((folder / "cascade.json").read_text())
    first = "sets a channel|steps wrongly|another shape"
    for layer, message in ((1, first), (2, "sets a channel: its family has no eigenvalue 0")):
        changed = {name: array.copy() for name, array in arrays.items()}
        changed[f"layer{layer}.moves"][0, 0, 0] += changed[f"layer{layer}.moduli"][0]
        target, claimed = rewritten(folder, changed)
        with pytest.raises(FaultError, match=message):
            check(target, claimed)
    for i, other in ((0, "mamba"), (1, "negative-mamba"), (2, "aussm"), (2, "negative-mamba")):
        layers = [dict(layer) for layer in content["layers"]]
        layers[i]["family"] = other
        target, claimed = rewritten(folder, arrays, json.dumps(content | {"layers": layers}).encode())
        with pytest.raises(FaultError):
            check(target, claimed)


@pytest.mark.parametrize(
    ("name", "family", "kind"),
    [
        ("flip-flop(2)", "aussm", "merge"),
        ("parity", "mamba", "cycle"),
        ("tomita(6)", "negative-mamba", "cycle"),
        ("group(A5)", "gated-aussm", "subgroup"),
        ("group(A5)", "aussm", "subgroup"),
        ("tomita(2)", "s4d", "kept apart"),
    ],
)
def test_refusals(name, family, kind, tmp_path):
    verdict = certify_automaton_refusal(read_automaton(name), FAMILIES[family], tmp_path / "f")
    assert "no number of" in verdict.claim
    path = tmp_path / "f" / "certificate.json"
    certificate = json.loads(path.read_text())
    assert certificate["witness"]["kind"] == kind
    for other in FAMILIES:  # the same witness says nothing about a family that can
        if other not in (family, "simple-aussm"):
            with pytest.raises(FaultError):
                check(tmp_path / "f", certificate | {"family": other})
    for key, value in certificate["witness"].items():
        if key in ("word", "states", "letter", "generators", "points"):
            changed = {
                "word": [*value, value[0]] if key == "word" else None,
                "states": [0] * len(value) if key == "states" else None,
                "letter": len(read_automaton(name).letters) - 1,
                "generators": value[:-1] if key == "generators" else None,
                "points": value[:-1] if key == "points" else None,
            }[key]
            with pytest.raises(FaultError):
                check(tmp_path / "f", certificate | {"witness": certificate["witness"] | {key: changed}})


def rewritten(folder: Path, arrays, content=None):
    """A copy of a folder with other arrays, its manifest and certificate brought up to date: only the truth is not."""
    files = {"cascade.json": (folder / "cascade.json").read_bytes() if content is None else content}
    files["cascade.safetensors"] = tensor_bytes(arrays)
    certificate = json.loads((folder / "certificate.json").read_text())
    certificate["files"] = {name: digest(data) for name, data in files.items()}
    target = folder.parent / "changed"
    save_folder(target, files)
    return target, certificate


@pytest.mark.parametrize(
    ("name", "family"), [("even-pairs", "gated-aussm"), ("tomita(4)", "mamba"), ("grid(4)", "gated-aussm")]
)
def test_every_changed_entry(name, family, tmp_path):
    """Each entry changed by one: the checker refuses just where going through all residues one by one does, and so does
    what reads the folder, with the exhaustive check of the compiler. In `grid(4)` few residues can be reached."""
    compiled(name, family, tmp_path / "f")
    certify_automaton(tmp_path / "f")
    arrays = load_file(tmp_path / "f" / "cascade.safetensors")
    refused = 0
    for key in [key for key in arrays if key.endswith(("moves", "decode"))]:
        for place in np.ndindex(arrays[key].shape):
            changed = {name: array.copy() for name, array in arrays.items()}
            moduli = arrays.get(key.replace("moves", "moduli"))
            bound = arrays["transitions"].shape[0] if key == "decode" else 2 * moduli[place[-1]]
            changed[key][place] = (changed[key][place] + 1) % bound
            folder, certificate = rewritten(tmp_path / "f", changed)
            right = tracks_automaton(folder)
            if family == "mamba":  # it cannot flip a sign
                right &= all(
                    ((changed[k] == 0) | (changed[k] >= changed[k.replace("moves", "moduli")])).all()
                    for k in changed
                    if k.endswith("moves")
                )
            if tracks_automaton(folder):
                assert automaton_fault(load_automaton(folder)[0]) is None
            else:
                with contextlib.suppress(InputError):
                    assert automaton_fault(load_automaton(folder)[0]) is not None
            if right:
                check(folder, certificate)
            else:
                refused += 1
                with pytest.raises(FaultError):
                    check(folder, certificate)
    assert refused > 10


def test_claims_that_are_not_so(tmp_path):
    compiled("tomita(3)", "gated-aussm", tmp_path / "f")
    certify_automaton(tmp_path / "f")
    certificate = json.loads((tmp_path / "f" / "certificate.json").read_text())
    law = certificate["witness"]
    for change in (
        {"layers": 3},
        {"least": 3},
        {"family": "aussm"},
        {"family": "mamba"},
        {"witness": None},
        {"claim": certificate["claim"].replace("4 layers", "2 layers")},
        {"witness": law | {"x": []}},
        {"witness": law | {"state": 4}},
        {"witness": law | {"exponent": 1}},
        {"witness": law | {"law": "swap"}},
    ):
        with pytest.raises(FaultError):
            check(tmp_path / "f", certificate | change)


def test_an_automaton_that_is_not_minimal(tmp_path):
    from safetensors.numpy import load_file

    compiled("tomita(5)", "aussm", tmp_path / "f")
    certify_automaton(tmp_path / "f")
    arrays = load_file(tmp_path / "f" / "cascade.safetensors")
    arrays["accepting"] = np.array([1, 0, 0, 1], dtype=np.int32)  # states 0 and 3, 1 and 2 are the same then
    folder, certificate = rewritten(tmp_path / "f", arrays)
    with pytest.raises(FaultError, match="told apart by no word"):
        check(folder, certificate)


@pytest.mark.parametrize(
    ("name", "family"), [("flip-flop(3)", "mamba"), ("tomita(3)", "negative-mamba"), ("grid(3,3)", "gated-aussm")]
)
def test_networks_are_proved_and_spoiled_ones_are_not(name, family, tmp_path):
    from safetensors.numpy import load_file

    compiled(name, family, tmp_path / "f")
    proof = prove_network(tmp_path / "f")
    assert proof.horizon > 10**12
    assert 10**4 < prove_network(tmp_path / "f", "float32").horizon < 10**9
    files = {path.name: path.read_bytes() for path in (tmp_path / "f").iterdir() if path.name != "manifest.json"}
    arrays = load_file(tmp_path / "f" / "model.safetensors")
    for key, change in [
        ("layers.0.phi.out.bias", 300.0),
        ("layers.0.phi.out.weight", 1.0),
        ("layers.0.phi.gates", 1),
        ("head.outputs", 1),
        ("head.bias", 1.0),
        ("layers.0.psi.weight", -3.0),
        ("layers.0.initial_state", -2.0),
        ("head.cases", 1),
    ]:
        spoiled = {name: array.copy() for name, array in arrays.items()}
        last = key in ("layers.0.phi.out.weight", "head.cases")
        spoiled[key].reshape(-1)[-1 if last else 0] += change
        save_folder(tmp_path / "s", files | {"model.safetensors": tensor_bytes(spoiled)})
        with pytest.raises((RefutedError, InputError)):
            prove_network(tmp_path / "s")
