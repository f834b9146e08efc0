"""Spoiled folders of automata and of delta-rule networks: what is accepted must be true, the rest refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.depth.families import FAMILIES, parse_stack
from subnormal.algebra.groups.group import Group
from subnormal.algebra.input.parser import read_automaton
from subnormal.api.proving import certify, check
from subnormal.api.running import horizon
from subnormal.command_line.compiler import verify
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.targets.compiler import compile_target
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.audits.audit import audit
from subnormal.proofs_check.certificates import automaton_checker, checker, delta_checker
from subnormal.proofs_check.certificates.automaton_certificate import certify_automaton, certify_automaton_refusal
from subnormal.proofs_check.certificates.delta_certificate import certify_delta
from subnormal.proofs_check.certificates.network_certificate import NetworkProof, prove_network, recheck
from tests.adversary.attempts import attempts, copied, quietly, spoiled, times
from tests.adversary.counting import Counts
from tests.adversary.spoiling import mend_digests
from tests.adversary.truth import automaton_claim_is_true, tracks_automaton
from tests.cases import group

AUTOMATA = [
    ("tomita(3)", "negative-mamba"),
    ("even-pairs", "gated-aussm"),
    ("permutation-reset(S3)", "gated-aussm"),
    ("tomita(4)", "mamba"),
    ("group(S3)", "aussm"),
    ("modular-arithmetic(3)", "gated-aussm"),
    ("even-pairs", "mamba,aussm"),
]
IMPOSSIBLE = [
    ("flip-flop(2)", "aussm"),
    ("parity", "mamba"),
    ("tomita(6)", "negative-mamba"),
    ("A5 on 5 points", "gated-aussm"),
    ("tomita(2)", "s4d"),
]
DELTA = [("S3", "all"), ("C2xC2", "generators"), ("S4", "generators"), ("D4", "all")]


@pytest.fixture(scope="module")
def automata(tmp_path_factory):
    pytest.importorskip("flint")
    place = tmp_path_factory.mktemp("automata")
    folders = [place / str(i) for i in range(len(AUTOMATA))]
    for folder, (name, family) in zip(folders, AUTOMATA, strict=True):
        compile_automaton(read_automaton(name), *parse_stack(family)).save(folder)
        certify(folder)
    return folders


@pytest.fixture(scope="module")
def impossible(tmp_path_factory):
    place = tmp_path_factory.mktemp("impossible")
    folders = [place / str(i) for i in range(len(IMPOSSIBLE))]
    for folder, (name, family) in zip(folders, IMPOSSIBLE, strict=True):
        own = group("A5") if "points" in name else None
        table = own.elements[list(own.generators)].T if own else None  # point, generator: image
        given = read_automaton(name) if table is None else Automaton.make(name, table)
        certify_automaton_refusal(given, FAMILIES[family], folder)
    return folders


@times
def test_automata(automata, tmp_path, seconds):
    """One to three changes of cascade and certificate, digests made good: check, verify, horizon, certify."""
    counts = Counts("folders of automata")
    for generator in attempts(seconds):
        folder = copied(automata, tmp_path / "spoiled", generator)
        for name in ("model.safetensors", "config.json", "network_certificate.json"):
            (folder / name).unlink()
        what = spoiled(folder, ["cascade.safetensors", "cascade.json", "certificate.json"], 3, generator)
        mend_digests(folder)
        verdicts: list[checker.Verdict] = []
        for name, run in {
            "check": lambda folder=folder, verdicts=verdicts: verdicts.append(automaton_checker.check(folder)),
            "certify": lambda folder=folder, verdicts=verdicts: verdicts.append(certify_automaton(folder)),
        }.items():
            counts.attack(
                f"{name}: {what}",
                run,
                lambda folder=folder, verdicts=verdicts: automaton_claim_is_true(folder, verdicts[-1]),
            )
        for name, command in {
            "verify": lambda folder=folder: quietly(verify, folder, 50, "residues", "random", 0, "float64"),
            "horizon": lambda folder=folder: horizon(folder, ["residues"], ["random"], 20),
        }.items():
            counts.attack(f"{name}: {what}", command, lambda folder=folder: tracks_automaton(folder))
    counts.check()


@times
def test_refusals_of_automata(impossible, tmp_path, seconds):
    """One or two changes of a certificate that no number of layers is enough, and of its automaton."""
    counts = Counts("refusals of automata")
    for generator in attempts(seconds):
        folder = copied(impossible, tmp_path / "spoiled", generator)
        what = spoiled(folder, ["automaton.safetensors", "certificate.json", "certificate.json"], 2, generator)
        mend_digests(folder)
        verdicts: list[checker.Verdict] = []
        counts.attack(
            what,
            lambda folder=folder, verdicts=verdicts: verdicts.append(automaton_checker.check(folder)),
            lambda folder=folder, verdicts=verdicts: automaton_claim_is_true(folder, verdicts[-1]),
        )
    counts.check()


@times
def test_networks_of_automata(automata, tmp_path, seconds):
    """One or two changes of configuration, parameters or certificate; an accepted proof is confirmed by running it."""
    counts = Counts("networks of automata")
    for generator in attempts(seconds):
        folder = copied(automata, tmp_path / "spoiled", generator)
        names = ["model.safetensors", "model.safetensors", "config.json", "network_certificate.json"]
        what = spoiled(folder, names, 2, generator)
        mend_digests(folder)
        dtype = [None, "float32", "float64"][int(generator.integers(3))]
        proofs: list[NetworkProof] = []
        counts.attack(
            f"{dtype} {what}",
            lambda folder=folder, dtype=dtype, proofs=proofs: proofs.append(prove_network(folder, dtype)),
            lambda folder=folder, dtype=dtype, proofs=proofs: reads_states(folder, dtype, proofs[-1].horizon),
        )
        claims: list[str] = []
        counts.attack(
            f"recheck: {what}",
            lambda folder=folder, claims=claims: claims.append(recheck(folder)),
            lambda folder=folder, claims=claims: reads_states(folder, None, length_of(claims[-1])),
        )
    counts.check()


def length_of(claim: str) -> int | None:
    found = re.search(r"up to ([0-9,]+) tokens", claim)
    return int(found[1].replace(",", "")) if found else None


def reads_states(folder: Path, dtype: str | None, bound: int | None, length: int = 400) -> bool:
    """Whether the network answers the states of the automaton in the folder's arrays."""
    table = load_file(folder / "cascade.safetensors")["transitions"]
    network = DCDNetwork.from_pretrained(folder, dtype)
    m = table.shape[1]
    length = min(length, bound or length)
    words = np.stack(
        [np.random.default_rng(1).integers(m, size=length), *(np.full(length, x) for x in range(min(m, 4)))]
    )
    found = network.predict(torch.from_numpy(words))[0].numpy()
    states = np.zeros(len(words), dtype=np.int64)
    for t in range(length):
        states = table[states, words[:, t]]
        if (found[:, t] != states).any():
            return False
    return True


@pytest.fixture(scope="module")
def delta(tmp_path_factory):
    place = tmp_path_factory.mktemp("delta")
    folders = [place / str(i) for i in range(len(DELTA))]
    for folder, (name, alphabet) in zip(folders, DELTA, strict=True):
        compile_target(group(name), "delta", alphabet).save(folder)
        certify_delta(folder)
    return folders


@times
def test_delta_rule_networks(delta, tmp_path, seconds):
    """One to three changes of any file: check, certify, verify; an accepted proof is confirmed by running it."""
    counts = Counts("delta-rule networks")
    names = ["model.safetensors", "model.safetensors", "config.json", "group.safetensors"]
    names += ["group.json", "certificate.json"]
    for generator in attempts(seconds):
        folder = copied(delta, tmp_path / "spoiled", generator)
        what = spoiled(folder, names, 3, generator)
        mend_digests(folder)
        verdicts: list[checker.Verdict] = []
        for name, run in {
            "check": lambda folder=folder, verdicts=verdicts: verdicts.append(delta_checker.check(folder)),
            "certify": lambda folder=folder, verdicts=verdicts: verdicts.append(certify_delta(folder)),
        }.items():
            counts.attack(
                f"{name}: {what}",
                run,
                lambda folder=folder, verdicts=verdicts: delta_claim_is_true(folder, verdicts[-1]),
            )
        for name, command in {
            "sn.check": lambda folder=folder: check(folder),
            "verify": lambda folder=folder: quietly(verify, folder, 50, "residues", "random", 0, "float64"),
            "horizon": lambda folder=folder: horizon(folder),
        }.items():
            counts.attack(f"{name}: {what}", command, lambda folder=folder: reads_products(folder))
    counts.check()


def reads_products(folder: Path) -> bool:
    """Whether the network of a delta-rule folder answers the products, in both precisions."""
    arrays = load_file(folder / "group.safetensors")
    elements, alphabet = arrays["elements"], arrays["alphabet"]
    number = {row.tobytes(): i for i, row in enumerate(elements)}
    words = np.random.default_rng(0).integers(len(alphabet), size=(6, 200))
    words[:3] = np.arange(3)[:, None] % len(alphabet)
    for dtype in ("float64", "float32"):
        found = DCDNetwork.from_pretrained(folder, dtype).predict(torch.from_numpy(words))[0].numpy()
        for word, answers in zip(words, found, strict=True):
            product = np.arange(elements.shape[1], dtype=elements.dtype)
            for token, answer in zip(word, answers, strict=True):
                product = elements[alphabet[token]][product]
                if number[product.tobytes()] != answer:
                    return False
    return True


def delta_claim_is_true(folder: Path, verdict: checker.Verdict) -> bool:
    arrays = load_file(folder / "group.safetensors")
    elements, alphabet = arrays["elements"], arrays["alphabet"]
    tokens = f"{len(alphabet)} token{'s' * (len(alphabet) != 1)}"
    factors = int(json.loads((folder / "config.json").read_bytes())["layers"][0]["family"].removeprefix("delta-"))
    involutions = Group(elements.astype(np.uint8), (), "?").element_orders[alphabet].max() <= 2
    least = 1 if involutions else 2
    fewer = "no such layer with fewer can" if least == factors else f"any such layer needs {least} or more"
    return (
        verdict.claim.startswith(f"the network tracks a group of order {len(elements)} with {tokens} on words of every")
        and f"with {factors} factor{'s' * (factors != 1)} a token" in verdict.claim
        and verdict.claim.endswith(fewer)
        and reads_products(folder)
    )


@times
def test_what_audit_reads(automata, delta, tmp_path, seconds):
    """Configurations and weights of folders of all kinds, some of other people's architectures: read or refused."""
    counts = Counts("audited folders")
    targets = [tmp_path / name for name in ("olmo-hybrid", "deltaproduct", "pd-ssm")[seconds < 1 :]]
    for folder in targets:
        compile_target(group("S3"), folder.name).save(folder)
    for generator in attempts(seconds):
        folder = copied([*targets, delta[0], automata[0]], tmp_path / "spoiled", generator)
        names = ["config.json"] * 3 + [path.name for path in folder.glob("model*.safetensors")]
        what = spoiled(folder, names, 2, generator)
        mend_digests(folder)
        for place in (folder, folder / "config.json"):
            counts.attack(f"{place.name}: {what}", lambda place=place: audit(place, 0).lines(), lambda: True)
    counts.check()
