"""The wheel adds one name, `subnormal`, and works in a folder that has rooms of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.test_architecture import ROOMS as ALL_ROOMS

ROOT = Path(__file__).parent.parent
ROOMS = tuple(room for room in ALL_ROOMS if room != "experiments")


def packages() -> set[str]:
    """Every folder of the rooms that holds an `__init__.py`, as a package."""
    found = {"subnormal"}
    for room in ROOMS:
        found |= {
            ".".join(("subnormal", *file.relative_to(ROOT).parts[:-1])) for file in ROOT.glob(f"{room}/**/__init__.py")
        }
    return found


def shipped() -> list[Path]:
    """The files that a user gets: all of the rooms, with their data, and those of the package itself."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    own = [ROOT / "__init__.py", ROOT / "__main__.py", ROOT / "py.typed"]
    return own + [path for path in found if "__pycache__" not in path.parts and not path.name.startswith(".")]


def test_every_package_is_listed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == packages()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy: building leaves build/ behind, and other tests read the checkout
    for path in [*shipped(), *(ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE", ".ci/editable.py"))]:
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    made = subprocess.run(build, cwd=source, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.xdist_group("wheel")
def test_it_adds_one_name(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"subnormal"}
    assert {f"subnormal/{path.relative_to(ROOT)}" for path in shipped()} <= set(names)
    outside = ("tests", "benchmarks", "experiments")
    assert not [name for name in names if name.split("/")[1] in outside]


@pytest.mark.xdist_group("wheel")
def test_it_works_beside_rooms_of_the_users(wheel, tmp_path):
    site, work = tmp_path / "site", tmp_path / "work"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)]
    made = subprocess.run(install, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    for name in (*ROOMS, "tests"):
        (work / name).mkdir(parents=True)
        (work / name / "__init__.py").write_text("raise RuntimeError('this is the user\\'s own')\n")

    def run(*arguments: str) -> str:
        process = subprocess.run(
            arguments, cwd=work, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    where = run(sys.executable, "-c", "import subnormal; print(subnormal.__file__)")
    assert where.startswith(str(site))
    assert "written: S3/" in run(sys.executable, "-m", "subnormal.constructions", "compile", "S3")
    assert "words of every length" in run(str(site / "bin" / "subnormal"), "certify", "S3")
    assert "verified" in run(sys.executable, "-m", "subnormal.proofs_check", "check", "S3")
    refused = subprocess.run(
        [str(site / "bin" / "subnormal"), "reproduce", "table1"],
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2, refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "clone the repository" in refused.stderr
    assert "`subnormal reproduce table1` there" in refused.stderr
    assert "SmallGroup(6,1)" in run(sys.executable, "-m", "subnormal", "inspect", "S3")
