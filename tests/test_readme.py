"""The README's commands are run, and print what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MEASURED = re.compile(r"\d[\d.]*(e-?\d+)?(?= s\b| (million|thousand) tokens/s| margins)")


def console_commands() -> list[tuple[str, list[str]]]:
    """Every command of the console blocks, with the lines it is shown to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip():
                found[-1][1].append(line)
    return found


def folded(text: str) -> str:
    """A text without measured figures and spacing."""
    return re.sub(r"(million|thousand) tokens/s", "tokens/s", MEASURED.sub("#", " ".join(text.split())))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize(("command", "lines"), console_commands(), ids=[command for command, _ in console_commands()])
def test_console(command, lines, folder):
    words = shlex.split(command)
    assert words[:2] == ["python", "-m"]
    needed = words[3] if words[2] == "proofs_check" else None
    if (needed == "check" or words[3] == "verify") and not (folder / "S3" / "certificate.json").exists():
        for prepare in (["constructions", "compile", "S3", "--no-check"], ["proofs_check", "certify", "S3"]):
            run(["python", "-m", *prepare], folder)
    printed = folded(run(words, folder))
    for line in lines:
        assert folded(line) in printed


def run(words: list[str], folder: Path) -> str:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "100"}
    process = subprocess.run([sys.executable, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True)
    return process.stdout + process.stderr


def test_python(folder):
    run(["python", "-m", "constructions", "compile", "S3", "--no-check"], folder)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (folder / "tour.py").write_text(code)
    assert run(["python", "tour.py"], folder).strip() == re.findall(r"# (tensor\(.*\))", code)[0]


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
