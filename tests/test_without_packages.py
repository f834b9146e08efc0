"""Every command where a package is not installed: it does what needs none, or says in one line what it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

import subnormal as sn
from subnormal.command_line.__main__ import PARTS
from subnormal.common.packages import PACKAGES, MissingPackageError, missing_package, named_packages

HIDDEN = (
    "import sys\n"
    "for name in sys.argv.pop(1).split(','): sys.modules[name] = None\n"
    "from subnormal.__main__ import main\n"
    "main()\n"
)
"""Runs a command line with some modules out of sight: importing one fails as where it was never installed."""

RUNS, LEAVES_OUT, NEEDS = "runs", "says what was left out", "needs it"
WITHOUT_TORCH = {
    "inspect S4": RUNS,
    "atlas --max-order 3": RUNS,
    "words S3 --length 5 --count 4": RUNS,
    "lemmas": RUNS,
    "catalogue --max-order 3": RUNS,
    "show S3 --html s3.html": RUNS,
    "verify s3 --length 1000": RUNS,
    "check s3": RUNS,
    "certify a5": RUNS,
    "audit qwen.json": RUNS,
    "compile S3 --out new": LEAVES_OUT,
    "compile tomita(5) --out new": LEAVES_OUT,
    "compile A5 --target delta --out new": LEAVES_OUT,
    "compile A5 --target olmo-hybrid --out new": LEAVES_OUT,
    "compile S4 --target mamba3 --out new": LEAVES_OUT,
    "certify s3": LEAVES_OUT,
    "horizon s3 --length 100": LEAVES_OUT,
    "verify s3 --arithmetic network --length 10": NEEDS,
    "show s3 --html page.html --group S3": NEEDS,
    "train S3": NEEDS,
    "learn S3": NEEDS,
    "decompile s3": NEEDS,
    "diagnose s3 S3": NEEDS,
    "evaluate s3": NEEDS,
    "reproduce table1 --quick": NEEDS,
    "sweep sweep.toml": NEEDS,
    "probe negative-mamba C2": NEEDS,
    "refute S3 --random mamba": NEEDS,
    "refute s3 S3": NEEDS,
    "parity": NEEDS,
    "audit s3": NEEDS,
}
WITHOUT_OTHERS = {
    ("transformers", "compile A5 --target olmo-hybrid --out new"): LEAVES_OUT,
    ("transformers", "compile S4 --target mamba3 --out new"): RUNS,
    ("numba", "compile S3 --out new"): RUNS,
    ("numba", "verify s3 --length 1000"): RUNS,
    ("flint", "certify s3"): LEAVES_OUT,
    ("flint", "horizon s3 --length 100"): NEEDS,
    ("flint", "check s3_network"): NEEDS,
    ("torch", "check s3_network"): NEEDS,
    ("sympy", "lemmas"): NEEDS,
    ("sympy", "inspect S4"): RUNS,
    ("tensorboard", "train C2 --steps 1 --length 5 --tensorboard"): NEEDS,
    ("distributed", "sweep sweep.toml --scheduler tcp://127.0.0.1:9"): NEEDS,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with compiled S3, without and with the certificate of its network, A5, and what other commands read."""
    place = tmp_path_factory.mktemp("made")
    sn.compile("S3").save(place / "s3_network")
    sn.certify(place / "s3_network")
    shutil.copytree(place / "s3_network", place / "s3")
    (place / "s3" / "network_certificate.json").unlink()
    (place / "qwen.json").write_text('{"model_type": "mamba2", "num_hidden_layers": 2}', encoding="utf-8")
    (place / "sweep.toml").write_text('group = "S3"\nnoise = [0.0]\n', encoding="utf-8")
    command = [sys.executable, "-c", HIDDEN, "torch", "compile", "A5", "--target", "delta", "--out", "a5"]
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    return place


def _try(place, hidden, command, expected):
    line = str(missing_package(hidden))
    before = sorted(path.name for path in place.iterdir())
    ran = subprocess.run(
        [sys.executable, "-c", HIDDEN, hidden, *command.split()],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    out, said = " ".join(ran.stdout.split()), " ".join(ran.stderr.split())
    if expected == NEEDS:
        assert (ran.returncode, said) == (2, f"error: {line}")
        assert sorted(path.name for path in place.iterdir()) == before
    else:
        assert ran.returncode == 0, ran.stderr
        assert ("Traceback" in said, line in f"{out} {said}") == (False, expected == LEAVES_OUT)


@pytest.mark.parametrize("command", WITHOUT_TORCH)
def test_without_torch(made, tmp_path, command):
    shutil.copytree(made, tmp_path / "here")
    _try(tmp_path / "here", "torch", command, WITHOUT_TORCH[command])
    if command.startswith("compile"):
        assert any((tmp_path / "here" / "new").iterdir())


@pytest.mark.parametrize(("hidden", "command"), WITHOUT_OTHERS)
def test_without_another_package(made, tmp_path, hidden, command):
    pytest.importorskip("transformers")
    shutil.copytree(made, tmp_path / "here")
    _try(tmp_path / "here", hidden, command, WITHOUT_OTHERS[hidden, command])


def test_every_command_is_tried():
    assert {command.split()[0] for command in WITHOUT_TORCH} == {name for _, own in PARTS.values() for name in own}


def test_only_what_is_missing_is_renamed(monkeypatch):
    """A package that is installed and lacks a module, a module of ours, a package that nobody listed: as they are."""
    for name in ("torch.nothing", "subnormal.nothing", "nothing_at_all"):
        with pytest.raises(ModuleNotFoundError) as found, named_packages():
            __import__(name)
        assert not isinstance(found.value, MissingPackageError)
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)
        with (
            pytest.raises(sn.InputError, match=r"^this needs .*: pip install") as missing,
            named_packages(),
        ):
            __import__(name)
        assert isinstance(missing.value, ImportError)
        assert missing.value.name == name
