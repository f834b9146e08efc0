"""Spoiled folders, networks, certificates and checkpoints: what is accepted must be true, the rest refused in one line.

The fast part runs each class for a second or two; the slow one for minutes. Attempt number i of a class is made from
seed i, whatever the time.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from subnormal.algebra.depth.families import FAMILIES, parse_stack
from subnormal.algebra.input.parser import parse_group
from subnormal.api.proving import check
from subnormal.api.running import horizon
from subnormal.command_line.compiler import verify
from subnormal.common.folders import save_folder
from subnormal.constructions.artifact import load_cascade
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.factored.artifact import factored_files
from subnormal.constructions.factored.bound import lower_bound
from subnormal.constructions.factored.compiler import compile_factored
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.certificates import checker, factored_checker
from subnormal.proofs_check.certificates.certificate import certify_folder, certify_refusal, write_json
from subnormal.proofs_check.certificates.network_certificate import (
    NetworkProof,
    certificate_content,
    prove_network,
    recheck,
)
from tests.adversary.attempts import attempts, copied, quietly, spoiled, times
from tests.adversary.counting import Counts
from tests.adversary.spoiling import mend_digests, spoil_array, spoil_json
from tests.adversary.truth import claim_is_true, tracks, tracks_factored
from tests.cases import group

LISTED = [
    ("S3", "aussm", "all"),
    ("Q8", "negative-mamba", "generators"),
    ("A4", "simple-aussm", "generators"),
    ("D4", "negative-mamba,aussm", "all"),
    ("C12", "aussm", "generators"),
    ("SL(2,3)", "aussm", "generators"),
]
FACTORED = [("S3wrC2", "aussm"), ("S4wrC2", "aussm"), ("C2wrC2wrC2", "negative-mamba")]

ODD_FIELDS: list[object] = [None, 0, 1, 2, 3, 5, -1, True]
ODD_FIELDS += ["linear", "relu", "hard", "softmax", "mamba", "aussm", "float32"]
ODD_FIELDS += [[], [2], [3]]


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    place = tmp_path_factory.mktemp("listed")
    folders = []
    for i, (name, stack, alphabet) in enumerate(LISTED):
        folder = place / str(i)
        compile_group(group(name), parse_stack(stack), alphabet).save(folder)
        certify_folder(folder)
        folders.append(folder)
    return folders


@times
def test_listed_folders(listed, tmp_path, seconds):
    """One to three changes of cascade and certificate, digests made good: check, verify, horizon and certify."""
    counts = Counts("listed folders")
    for generator in attempts(seconds):
        folder = copied(listed, tmp_path / "spoiled", generator)
        for name in ("model.safetensors", "config.json"):
            (folder / name).unlink()
        what = spoiled(folder, ["cascade.safetensors", "cascade.json", "certificate.json"], 3, generator)
        mend_digests(folder)
        verdicts: list[checker.Verdict] = []
        counts.attack(
            f"check: {what}",
            lambda folder=folder, verdicts=verdicts: verdicts.append(checker.check(folder)),
            lambda folder=folder, verdicts=verdicts: claim_is_true(folder, verdicts[-1]),
        )
        counts.attack(
            f"verify: {what}",
            lambda folder=folder: quietly(verify, folder, 50, "residues", "random", 0, "float64"),
            lambda folder=folder: tracks(folder),
        )
        counts.attack(
            f"horizon: {what}",
            lambda folder=folder: horizon(folder, ["residues"], ["random"], 20),
            lambda folder=folder: tracks(folder),
        )
        counts.attack(
            f"certify: {what}",
            lambda folder=folder, verdicts=verdicts: verdicts.append(certify_folder(folder)),
            lambda folder=folder, verdicts=verdicts: claim_is_true(folder, verdicts[-1]),
        )
    counts.check()


@times
def test_mixed_folders(listed, tmp_path, seconds):
    """Files, certificates and manifests of one folder beside those of another: refused by every command."""
    counts = Counts("files of two folders")
    never = tmp_path / "never"
    certify_refusal(group("A5"), FAMILIES["aussm"], never)
    for generator in attempts(seconds):
        folder = copied(listed, tmp_path / "mixed", generator)
        own = {path.name: path.read_bytes() for path in folder.iterdir()}
        other = [*listed, never][int(generator.integers(len(listed) + 1))]
        names = sorted(path.name for path in other.iterdir())
        for name in generator.choice(names, size=int(generator.integers(1, len(names))), replace=False).tolist():
            shutil.copy(other / name, folder / name)
        if generator.random() < 0.2:
            (folder / "manifest.json").unlink()
        now = {path.name: path.read_bytes() for path in folder.iterdir()}
        same = any(now == {path.name: path.read_bytes() for path in one.iterdir()} for one in (*listed, never))
        if same or now == own:
            continue
        pair = ("config.json", "model.safetensors")
        network = any(all(now.get(name) == (one / name).read_bytes() for name in pair) for one in listed)
        artifact = ("manifest.json", "cascade.json", "cascade.safetensors", "config.json", "model.safetensors")
        whole = any(
            all(now.get(name) == (one / name).read_bytes() for name in artifact) and "group.safetensors" not in now
            for one in listed
        )
        for command, run in {
            "check": lambda folder=folder: check(folder),
            "verify": lambda folder=folder: quietly(verify, folder, 50, "residues", "random", 0, "float64"),
            "horizon": lambda folder=folder: horizon(folder, ["residues"], ["random"], 20),
            "load": lambda folder=folder: DCDNetwork.from_pretrained(folder),
        }.items():
            # Where the artifact itself is whole, a strange certificate beside it is for `check` to refuse.
            true = network if command == "load" else whole and command != "check"
            counts.attack(f"{command}: {sorted(now)} from {other}", run, lambda true=true: true)
    counts.check()


@times
def test_networks(listed, tmp_path, seconds):
    """One or two changes of configuration, parameters or dtype: an accepted proof is confirmed by running it."""
    pytest.importorskip("flint")
    counts = Counts("networks")
    for generator in attempts(seconds):
        folder = copied(listed, tmp_path / "spoiled", generator)
        what = spoiled(folder, ["model.safetensors", "model.safetensors", "config.json"], 2, generator)
        mend_digests(folder)
        dtype = [None, "float32", "float64"][int(generator.integers(3))]
        proofs: list[NetworkProof] = []
        counts.attack(
            f"{dtype} {what}",
            lambda folder=folder, dtype=dtype, proofs=proofs: proofs.append(prove_network(folder, dtype)),
            lambda folder=folder, dtype=dtype, proofs=proofs: equals_cascade(folder, dtype, proofs[-1].horizon),
        )
    counts.check()


def equals_cascade(folder: Path, dtype: str | None, bound: int | None, length: int = 400) -> bool:
    cascade, _, _ = load_cascade(folder)
    network = DCDNetwork.from_pretrained(folder, dtype)
    m = len(cascade.alphabet)
    length = min(length, bound or length)
    words = [np.random.default_rng(1).integers(m, size=length), *(np.full(length, token) for token in range(min(m, 4)))]
    found = network.predict(torch.from_numpy(np.stack(words)))[0].numpy()
    return all((found[i] == cascade.outputs(word)).all() for i, word in enumerate(words))


@pytest.mark.parametrize("which", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_every_field_and_every_parameter_of_a_network(listed, tmp_path, which):
    """Each field of config.json to each odd value, each parameter's every entry (the fast part: some) to others."""
    pytest.importorskip("flint")
    from safetensors.numpy import load_file, save_file

    counts = Counts(f"every field and parameter of {LISTED[which][0]}")
    folder = tmp_path / "spoiled"
    shutil.copytree(listed[which], folder)
    config = json.loads((folder / "config.json").read_bytes())
    parameters = load_file(folder / "model.safetensors")

    def attack(what: str) -> None:
        mend_digests(folder)
        for dtype in ("float64", "float32") if which else ("float64",):
            proofs: list[NetworkProof] = []
            counts.attack(
                f"{dtype} {what}",
                lambda dtype=dtype, proofs=proofs: proofs.append(prove_network(folder, dtype)),
                lambda dtype=dtype, proofs=proofs: equals_cascade(folder, dtype, proofs[-1].horizon),
            )

    for holder in (config, *config["layers"]):
        for key in [*holder, "unknown"]:
            missing = object()
            before = holder.get(key, missing)
            for value in ODD_FIELDS:
                if type(value) is type(before) and value == before:
                    continue
                holder[key] = value
                (folder / "config.json").write_text(json.dumps(config))
                if which or value in (1, "linear"):
                    attack(f"{key}: {str(before)[:30]} -> {value}")
            holder.pop(key)
            (folder / "config.json").write_text(json.dumps(config))
            attack(f"without {key}")
            if before is not missing:
                holder[key] = before
    (folder / "config.json").write_text(json.dumps(config))
    generator = np.random.default_rng(which)
    for name, array in parameters.items():
        few = array.size if which else min(1, array.size)
        changes = (0.5, -1.0, 1e-9, 1e200) if array.dtype.kind == "f" else (-1, 1, -2, 1000)
        for place in generator.permutation(array.size)[:few].tolist():
            for change in changes if which else (-1,):
                spoiled = array.copy()
                spoiled.flat[place] += change
                save_file(parameters | {name: spoiled}, folder / "model.safetensors")
                attack(f"{name}[{place}] + {change}")
        for factor in (2.0, -1.0, 1e200, 1e-200, 1e-310) if which else (-1.0, 1e200):
            save_file(parameters | {name: array * factor}, folder / "model.safetensors")
            attack(f"{name} * {factor}")
    counts.check()


@times
def test_certificates(listed, tmp_path, seconds):
    """Changed certificates of networks and refusals: nothing but the old claim is confirmed."""
    pytest.importorskip("flint")
    counts = Counts("certificates of networks and refusals")
    place = tmp_path / "network"
    shutil.copytree(listed[0], place)
    proof, content = certificate_content(place)
    write_json(place / "network_certificate.json", content)
    never = tmp_path / "never"
    refusal = certify_refusal(group("A5"), FAMILIES["aussm"], never).claim
    true = [refusal.replace("AUSSM", layer.title) for layer in FAMILIES.values()]  # A5 is perfect
    for generator in attempts(seconds):
        if generator.random() < 0.5:
            write_json(place / "network_certificate.json", content)
            what = spoil_json(place / "network_certificate.json", generator)
            found: list[str] = []
            counts.attack(what, lambda f=found: f.append(recheck(place)), lambda f=found: f[-1] == proof.sentence())
            continue
        folder = copied([never], tmp_path / "spoiled", generator)
        name = str(generator.choice(["certificate.json", "group.safetensors"]))
        what = (spoil_array if name.endswith("s") else spoil_json)(folder / name, generator)
        mend_digests(folder)
        claims: list[str] = []
        counts.attack(
            f"{name}: {what}",
            lambda folder=folder, claims=claims: claims.append(checker.check(folder).claim),
            lambda claims=claims: claims[-1] in true,
        )
    counts.check()


@pytest.fixture(scope="module")
def factored(tmp_path_factory):
    place = tmp_path_factory.mktemp("factored")
    folders = []
    for i, (name, layer) in enumerate(FACTORED):
        parsed = parse_group(name)
        compilation = compile_factored(name, parsed.permutations, FAMILIES[layer])
        lines = lower_bound(parsed.permutations, FAMILIES[layer].exponent)
        save_folder(place / str(i), factored_files(compilation, lines))
        folders.append(place / str(i))
    return folders


@times
def test_factored_folders(factored, tmp_path, seconds):
    counts = Counts("factored folders")
    for generator in attempts(seconds):
        folder = copied(factored, tmp_path / "spoiled", generator)
        what = spoiled(folder, ["cascade.safetensors", "cascade.json"], 3, generator)
        mend_digests(folder)
        counts.attack(
            f"check: {what}",
            lambda folder=folder: factored_checker.check(folder),
            lambda folder=folder: tracks_factored(folder),
        )
        counts.attack(
            f"verify: {what}",
            lambda folder=folder: quietly(verify, folder, 30, words="random"),
            lambda folder=folder: tracks_factored(folder),
        )
    counts.check()
