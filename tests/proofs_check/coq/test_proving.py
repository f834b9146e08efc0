"""`check --coq`, the exporter, the audit, and what is said where Coq is missing or another one."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from subnormal.algebra.depth.families import FAMILIES
from subnormal.api.proving import check
from subnormal.common.errors import InputError, RefutedError
from subnormal.constructions.artifact import load_cascade
from subnormal.constructions.compiler import compile_group
from subnormal.proofs_check.coq import building, proving
from subnormal.proofs_check.coq.tables import expression, tables_of
from tests.cases import group
from tests.proofs_check.folders import certified

needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None or shutil.which("ocamlopt") is None,
    reason="Coq and OCaml are not installed: the theorem was not checked",
)


def test_the_text_is_the_folder(tmp_path):
    """Read back by a few lines that know the format alone."""
    certified("S4", tmp_path)
    numbers = iter(map(int, tables_of(tmp_path).text.split()))

    def several(count):
        return [next(numbers) for _ in range(count)]

    cascade, listed, _ = load_cascade(tmp_path)
    certificate = json.loads((tmp_path / "certificate.json").read_text())
    assert several(3) == [1, 24, 4]
    assert several(96) == listed.elements.ravel().tolist()
    assert several(next(numbers)) == certificate["generators"]
    tokens = several(next(numbers))
    assert tokens == cascade.alphabet.tolist()
    assert next(numbers) == len(cascade.layers)
    for layer in cascade.layers:
        assert next(numbers) == 0  # AUSSM: no exponent
        assert several(next(numbers)) == list(layer.moduli)
        assert next(numbers) == len(layer.increments)
        assert several(layer.increments.size) == layer.increments.ravel().tolist()
    assert several(next(numbers)) == cascade.decode.tolist()
    assert several(3) == [0, 3, certificate["lower_bound"]["value"]]
    assert list(numbers) == expression(certificate["lower_bound"]["expression"], 0)


def test_expressions():
    assert expression([[1, 2], {"power": 2, "of": 3}], 2) == [1, 1, 0, 1, 0, 2, 2, 0, 3]
    for wrong in ({"power": 3, "of": 3}, True, None, [1], "1", {"power": 2}):
        with pytest.raises(TypeError, match="is no expression"):
            expression(wrong, 2)


def test_without_a_certificate(tmp_path):
    compile_group(group("S3"), [FAMILIES["aussm"]]).save(tmp_path)
    with pytest.raises(InputError, match="no certificate.json there; write one with `certify"):
        tables_of(tmp_path)
    (tmp_path / "certificate.json").write_text('{"kind": "tracks"}')
    with pytest.raises(InputError, match=r"damaged \('lower_bound'\)"):
        tables_of(tmp_path)
    (tmp_path / "certificate.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="not JSON that can be read"):
        tables_of(tmp_path)


def fake(folder, monkeypatch, script):
    (folder / "coqc").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "coqc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_no_coq(tmp_path, monkeypatch):
    certified("S3", tmp_path / "s3")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"Coq is not installed \(no coqc found\); on Debian 12: apt-get install"):
        check(tmp_path / "s3", coq=True)


def test_another_coq(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "echo 8.20.1 5.1.0")
    with pytest.raises(InputError, match=r"Coq 8.20.1 is installed; the proofs are for Coq 8.16"):
        building.coq()
    fake(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(InputError, match=r"Coq \? is installed"):
        building.coq()


def test_no_mathcomp(tmp_path, monkeypatch):
    message = "Cannot find a physical path bound to logical path matching suffix mathcomp"
    fake(tmp_path, monkeypatch, f'[ "$1" = --print-version ] && echo 8.16.1 || {{ echo {message} >&2; exit 1; }}')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="MathComp is not installed"):
        building.library()
    assert not list((tmp_path / "cache").rglob("*.v"))  # nothing half made is left behind


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "echo 8.16.1")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="set XDG_CACHE_HOME"):
        building.library()


def test_nothing_is_left_unproved():
    for name in building.source_files():
        text = (building.SOURCES / name).read_text(encoding="utf-8")
        assert not building.FORBIDDEN.search(text), name
    listed = {path.name for path in building.SOURCES.glob("*.v")}
    assert listed == set(building.source_files())
    assert building.FORBIDDEN.search("Proof. admit. Admitted.")


def test_every_theorem_on_the_page_exists():
    page = (building.SOURCES.resolve().parents[1] / "docs" / "theorem.md").read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([A-Z]\w+\.\w+)`", page) if not name.endswith(".v")}
    assert set(building.named_theorems()) <= named
    for name in named:
        module, rest = name.split(".")
        text = (building.SOURCES / f"{module}.v").read_text(encoding="utf-8")
        assert re.search(rf"\b(Theorem|Lemma|Definition|Fixpoint|Inductive|Record) {rest}\b", text), name


@needs_coq
@pytest.mark.slow
def test_the_whole_development():
    assert building.audit() == []
    assert len(building.named_theorems()) >= 25


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize(("name", "figures"), [("S4", "24%num"), ("A5", "V (never_group tables)")])
def test_a_theorem_for_a_folder(tmp_path, name, figures):
    certified(name, tmp_path / "g")
    said = str(check(tmp_path / "g", network=False, coq=True))
    assert "proved in Coq:\nTheorem this_folder" in said
    assert figures in said
    assert said.count("Closed under the global context") == 1


@needs_coq
@pytest.mark.slow
def test_a_false_table_is_refuted(tmp_path):
    certified("S3", tmp_path)
    tables = tables_of(tmp_path)
    decode = tables.lines[-2].split()
    decode[1], decode[2] = decode[2], decode[1]
    false = type(tables)((*tables.lines[:-2], " ".join(decode) + "\n", tables.lines[-1]), "tracks", tables.figures)
    with pytest.raises(RefutedError, match="the checker that is proved in Coq refuses the tables"):
        proving.prove_tables(false)
    more = type(tables)(tables.lines, "tracks", (7, *tables.figures[1:]))
    with pytest.raises(RefutedError, match="refuses the tables"):
        proving.prove_tables(more)
