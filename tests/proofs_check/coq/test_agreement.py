"""The Python checker, the program extracted from Coq, and Coq itself agree, also on spoiled folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from subnormal.proofs_check.certificates.checker import FaultError, check
from subnormal.proofs_check.coq import building, proving
from subnormal.proofs_check.coq.tables import Tables, never_tables, tables_of, tracks_tables
from tests.cases import REFUSED, TRACKED
from tests.proofs_check.folders import Mutant, certified

needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None or shutil.which("ocamlopt") is None,
    reason="Coq and OCaml are not installed: the checker proved in Coq was not compared",
)


def as_they_are(folder: Path) -> Tables | None:
    """The tables of a folder whose arrays nothing has checked; None where they cannot even be written as numbers."""
    try:
        certificate = json.loads((folder / "certificate.json").read_text())
        if certificate["kind"] == "never":
            return never_tables(load_file(folder / "group.safetensors")["elements"], certificate)
        arrays = load_file(folder / "cascade.safetensors")
        layers = [
            (layer["family"], arrays[f"layer{i}.moduli"], arrays[f"layer{i}.increments"])
            for i, layer in enumerate(json.loads((folder / "cascade.json").read_text())["layers"], 1)
        ]
        return tracks_tables(arrays["elements"], arrays["alphabet"], layers, arrays["decode"], certificate)
    except (KeyError, TypeError, ValueError, RecursionError, OSError):
        return None


def accepted(folder: Path) -> bool:
    """The Python checker's verdict."""
    try:
        check(folder)
    except FaultError:
        return False
    return True


def spoiled_expression(tree: Any, order: int, generator: np.random.Generator) -> Any:
    """An expression with one leaf changed, or a commutator turned round, or one level taken off or put on."""
    if isinstance(tree, int):
        return (
            [tree, int(generator.integers(order))] if generator.random() < 0.2 else int(generator.integers(order + 1))
        )
    if isinstance(tree, dict):
        return (
            tree["of"] if generator.random() < 0.3 else tree | {"of": spoiled_expression(tree["of"], order, generator)}
        )
    how = generator.random()
    if how < 0.2:
        return tree[::-1]
    if how < 0.3:
        return tree[int(generator.integers(2))]
    side = int(generator.integers(2))
    return [spoiled_expression(part, order, generator) if i == side else part for i, part in enumerate(tree)]


def spoil_certificate(mutant: Mutant, generator: np.random.Generator) -> None:
    """One mathematical field of the certificate changed."""
    certificate = json.loads(mutant.json["certificate.json"])
    order = len(next(iter(mutant.arrays.values()))["elements"])
    if certificate["kind"] == "tracks":
        bound = certificate["lower_bound"]
        match int(generator.integers(4)):
            case 0:
                bound["expression"] = spoiled_expression(bound["expression"], order, generator)
            case 1:
                bound["value"] = int(generator.integers(order + 1))
            case 2:
                bound["layers"] += int(generator.choice([-1, 1]))
            case _:
                certificate["generators"][int(generator.integers(len(certificate["generators"])))] = int(
                    generator.integers(order + 1)
                )
    else:
        residual = certificate["residual"]
        place = int(generator.integers(len(residual["products"])))
        match int(generator.integers(4)):
            case 0:
                words = residual["products"][place]
                i = int(generator.integers(len(words)))
                words[i] = spoiled_expression(words[i], order, generator)
            case 1:
                residual["generators"][place] = int(generator.integers(order + 1))
            case 2:
                residual["order"] += int(generator.choice([-1, 1]))
            case _:
                del residual["products"][place][-1]
    mutant.write_json("certificate.json", certificate)


def compare(names: list[str], count: int, folder: Path, seed: int) -> tuple[int, int, int]:
    """Spoil certified folders and compare verdicts: how many compared, accepted, and changes of labels alone."""
    generator = np.random.default_rng(seed)
    expected: list[tuple[str, bool]] = []
    texts: list[str] = []
    labels = 0
    for name in names:
        certified(name, folder / name / "original")
        original = tables_of(folder / name / "original").text
        texts.append(original)
        expected.append((name, True))
        mutant = Mutant(folder / name / "original", folder / name / "mutant")
        for i in range(count):
            mutant.reset()
            kind = ("entry", "entry", "certificate", "byte")[i % 4]
            what = kind
            if kind == "certificate":
                spoil_certificate(mutant, generator)
            else:
                what = (mutant.change_entry if kind == "entry" else mutant.change_byte)(generator)
            tables, verdict = as_they_are(mutant.folder), accepted(mutant.folder)
            if tables is None:
                assert not verdict, f"{name}: the Python checker accepts what is no table: {what}"
                expected.append((what, False))
                texts.append("0")  # a number that begins no tables
            elif tables.text == original and not verdict:
                labels += 1  # a name, a digest, the claim's words: the tables are the true ones
            else:
                expected.append((f"{name}: {what}", verdict))
                texts.append(tables.text)
    found = proving.verdicts(texts)
    for (what, verdict), answer in zip(expected, found, strict=True):
        assert (answer == "verified") == verdict, f"{what}: Python {verdict}, extracted {answer}"
    return len(texts), sum(verdict for _, verdict in expected), labels


@needs_coq
def test_the_extracted_checker_agrees(tmp_path):
    total, passed, _ = compare(["S3", "A4", "A5"], 60, tmp_path, 1)
    assert total >= 150
    assert 3 <= passed < total / 3


@needs_coq
@pytest.mark.slow
def test_ten_thousand_verdicts(tmp_path):
    names = [case.name for case in TRACKED] + list(REFUSED)
    total, passed, labels = compare(names, 500, tmp_path, 2)
    print(
        f"{total} tables of {len(names)} groups compared, {passed} accepted by both; {labels} changes of labels alone"
    )
    assert total >= 10_000


@needs_coq
@pytest.mark.slow
def test_inside_coq(tmp_path):
    """vm_compute on every artifact of the tests and, for some groups, on spoiled ones."""
    names = [case.name for case in TRACKED] + list(REFUSED)
    generator = np.random.default_rng(3)
    texts, verdicts = [], []
    for name in names:
        certified(name, tmp_path / name / "original")
        texts.append(tables_of(tmp_path / name / "original").lines)
        verdicts.append(True)
        mutant = Mutant(tmp_path / name / "original", tmp_path / name / "mutant")
        for _ in range(4):
            mutant.reset()
            mutant.change_entry(generator)
            if tables := as_they_are(mutant.folder):
                texts.append(tables.lines)
                verdicts.append(accepted(mutant.folder))
    file = tmp_path / "All.v"
    computations = ""
    for lines in texts:
        literals = ";".join(f'"{line}"%text' for line in lines)
        computations += f"Eval vm_compute in check_text (joined [{literals}]).\n"
    prelude = "From Coq Require Import List.\nFrom Subnormal Require Import Checker.\nImport ListNotations.\n"
    file.write_text(prelude + computations)
    found = building.compile_file(building.coq(), building.library(), file)
    answers = [line.split()[1] == "true" for line in found.stdout.splitlines() if line.strip().startswith("= ")]
    assert answers == verdicts
    assert not all(verdicts)
