"""The rooms: imports run one way, the heavy libraries come only when used, the checker stands alone."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = (
    *("common", "algebra", "constructions", "models", "artifacts", "proofs_check"),
    *("api", "experiments", "command_line"),
)
"""Each may import itself and those before it. The public face and the command line stand above all."""

ALGEBRA = ("arithmetic", "chains", "groups", "representations", "automata", "depth", "input", "tracked")
"""The sub-rooms of algebra, likewise."""


def modules() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("subnormal", *(parts[:-1] if parts[-1] == "__init__" else parts)))


NAMES = {name_of(path) for path in modules()}


def imported(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Every module that the code imports when it runs, wherever the import stands; not those for type checkers.
    Relative imports are read from `package`."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield inner if inner in NAMES else module


def imports(path: Path) -> set[str]:
    name = name_of(path)
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    return set(imported(ast.parse(path.read_text(encoding="utf-8")), package))


def fault(importer: str, target: str) -> str | None:
    """Why this import may not be, or None."""
    if target.split(".")[0] in (*ROOMS, "tests", "benchmarks"):
        return "only the name `subnormal` is installed"
    if not target.startswith("subnormal"):
        return None
    above, below = importer.split(".")[1:], target.split(".")[1:]
    if not below or below[0] in ("__main__", "command_line"):
        outside = above[0] == "command_line" or above[-1] == "__main__"
        return None if outside else "the public face and the command line stand above the rooms"
    if ROOMS.index(below[0]) > ROOMS.index(above[0]):
        return f"{below[0]} stands above {above[0]}"
    if above[0] == below[0] == "algebra" and above[1:] and ALGEBRA.index(below[1]) > ALGEBRA.index(above[1]):
        return f"algebra.{below[1]} stands above algebra.{above[1]}"
    return None


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    importer = name_of(path)
    assert not [(target, why) for target in sorted(imports(path)) if (why := fault(importer, target))]


def test_there_is_no_circle_of_imports():
    graph = {name_of(path): {target for target in imports(path) if target in NAMES} for path in modules()}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    ("importer", "target", "allowed"),
    [
        ("subnormal.models.network", "subnormal.proofs_check.intervals", False),
        ("subnormal.models.network", "models.families", False),
        ("subnormal.algebra.groups.group", "subnormal.algebra.input.parser", False),
        ("subnormal.algebra.input.parser", "subnormal.algebra.groups.group", True),
        ("subnormal.constructions.compiler", "subnormal", False),
        ("subnormal.command_line.compiler", "subnormal", True),
    ],
)
def test_the_rules_are_these(importer, target, allowed):
    assert (fault(importer, target) is None) is allowed


def test_imports_inside_functions_are_seen_and_those_for_type_checkers_are_not():
    code = "import a\nif TYPE_CHECKING:\n    import b\nelse:\n    import c\ndef f():\n    from d import x\n"
    assert set(imported(ast.parse(code))) == {"a", "c", "d"}


def test_the_checker_stands_alone():
    allowed = set(sys.stdlib_module_names) | {"numpy"}
    checker = ROOT / "proofs_check" / "certificates" / "checker.py"
    assert {name.split(".")[0] for name in imports(checker)} <= allowed


def test_algebra_and_constructions_are_exact():
    for path in modules():
        if path.relative_to(ROOT).parts[0] in ("algebra", "constructions"):
            assert "torch" not in {name.split(".")[0] for name in imports(path)}, path


def _loaded(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*(name for name in sys.modules if '.' not in name))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(found.stdout.splitlines()[-1].split())


HEAVY = {"torch", "sympy", "numba", "matplotlib", "networkx", "scipy"}


def test_importing_the_exact_rooms_loads_nothing_heavy():
    names = (
        "subnormal",
        "subnormal.algebra.input.parser",
        "subnormal.algebra.depth.inspection",
        "subnormal.constructions.compiler",
        "subnormal.models",
    )
    assert not _loaded("import " + ", ".join(names)) & HEAVY


def test_inspect_loads_nothing_heavy():
    code = (
        "import contextlib, io\nfrom subnormal.command_line.__main__ import application\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    application()(['inspect', 'S4'], standalone_mode=False)"
    )
    assert not _loaded(code) & HEAVY


def test_a_plain_name_loads_no_other_reader():
    """`S4` is a name and a number: what reads matrices, presentations or GAP's names is not imported for it."""
    code = "import subnormal as sn\nstr(sn.inspect('S4'))"
    names = ("groups.matrix_groups", "input.gap", "input.presentations", "chains.schreier_sims", "automata.automaton")
    script = f"import sys\n{code}\nprint(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert not set(found.stdout.split()) & {f"subnormal.algebra.{name}" for name in names}
