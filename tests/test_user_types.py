"""A user's own file that imports subnormal is understood by type checkers, after the README's install."""

from __future__ import annotations

import ast
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import subnormal as sn

FILE = Path(__file__).parent / "data" / "user_file.py"
WRONG = [
    ('sn.compile("S3", familly="aussm")\n', "compile"),
    ('sn.certify("S3").sentence\n', "sentence"),
    ('sn.refute(3.5, "S3")\n', "refute"),
    ('sn.nothing("S3")\n', "nothing"),
    ("sn.inspect(3.5)\n", "inspect"),
]
"""Lines that a type checker must find fault with, and a word of its complaint. If one passes, nothing was checked."""


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """A folder of the user's, outside the checkout, with a right file and wrong ones."""
    folder = tmp_path_factory.mktemp("user")
    shutil.copy(FILE, folder / "mine.py")
    text = "import subnormal as sn\n\n" + "".join(line for line, _ in WRONG)
    (folder / "wrong.py").write_text(text, encoding="utf-8")
    # The user's own file is checked against this package's types. Reading torch's takes twice as long as all else, and
    # is left to the slow test, where pyright does.
    others = "torch.*,numba.*,transformers.*,sympy.*,matplotlib.*,rich.*,typer.*,automata.*,msgspec.*,networkx.*"
    (folder / "mypy.ini").write_text(
        f"[mypy]\n[mypy-{others}]\nfollow_imports = skip\nignore_missing_imports = True\n", encoding="utf-8"
    )
    return folder


def test_it_calls_every_public_function():
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "sn"
    }
    functions = {name for name in sn.__all__ if inspect.isfunction(getattr(sn, name))}
    assert functions - called == set()


def faults(folder: Path, command: list[str]) -> list[str]:
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if "error" in line]


def judged(folder: Path, said: list[str]) -> None:
    assert [line for line in said if "mine.py" in line] == []
    for number, (line, word) in enumerate(WRONG, 3):
        assert any(f"wrong.py:{number}:" in fault and word in fault for fault in said), (line, said)


def test_under_mypy(user):
    judged(user, faults(user, [sys.executable, "-m", "mypy", "--strict", "mine.py", "wrong.py"]))


@pytest.mark.slow
def test_under_pyright(user):
    pytest.importorskip("pyright", reason="installed by the extra dev")
    judged(user, faults(user, [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "mine.py", "wrong.py"]))
