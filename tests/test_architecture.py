"""The rooms: imports run one way, the heavy libraries come only when used, the checker stands alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("algebra", "constructions", "models", "proofs_check")
"""Each may import itself and those before it."""

OUTERMOST = {"__main__.py", "commands.py"}
"""Command lines: the composition root, which alone may reach upwards, inside functions."""


def imports(path: Path) -> list[tuple[str, bool]]:
    """(top-level package, whether at the module's top level) of every import that is executed."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
        found += [(name.split(".")[0], node in tree.body) for name in names]
    return found


def modules() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    room = path.relative_to(ROOT).parts[0]
    allowed = ROOMS[: ROOMS.index(room) + 1]
    command_line = path.name in OUTERMOST or path.name.endswith("_command.py")
    for name, at_top in imports(path):
        assert name not in ("tests", "benchmarks")
        if name in ROOMS and name not in allowed:
            assert command_line, f"{path} imports {name}"
            assert not at_top, f"{path} imports {name} before it is used"


def test_the_edges_are_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("import models.network\ndef f():\n    from proofs_check import x\n")
    assert imports(path) == [("models", True), ("proofs_check", False)]


def test_the_checker_stands_alone():
    allowed = set(sys.stdlib_module_names) | {"numpy"}
    assert {name for name, _ in imports(ROOT / "proofs_check" / "checker.py")} <= allowed


def test_algebra_and_constructions_are_exact():
    for path in modules():
        if path.relative_to(ROOT).parts[0] in ("algebra", "constructions"):
            assert "torch" not in {name for name, _ in imports(path)}, path


def _loaded(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*(name for name in sys.modules if '.' not in name))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(found.stdout.splitlines()[-1].split())


HEAVY = {"torch", "sympy", "numba", "matplotlib", "networkx", "scipy"}


def test_importing_the_exact_rooms_loads_nothing_heavy():
    assert not _loaded("import algebra, constructions") & HEAVY


def test_inspect_loads_nothing_heavy():
    code = (
        "import contextlib, io\nfrom algebra.__main__ import app\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n    app(['inspect', 'S4'], standalone_mode=False)"
    )
    assert not _loaded(code) & HEAVY
