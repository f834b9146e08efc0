"""The commands of the README, the guide, the start and the recipes are run in order, end as shown, and print what is
shown and no more; so does their Python."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.forks import run_python

ROOT = Path(__file__).parent.parent
RECIPES = tuple(f"docs/how-to/{path.name}" for path in sorted((ROOT / "docs/how-to").glob("*.md")))
PAGES = ("README.md", "docs/guide.md", "docs/start.md", *RECIPES)
LONG = (
    *("anybodys-model", "evaluate-a-network", "learn-from-my-words", "probe-an-architecture", "refute-a-model"),
    *("sweep-with-dask", "sweep-with-slurm", "train-and-continue", "use-a-compiled-net", "words-for-models"),
)
"""Recipes that take half a minute and more: with the slow tests."""
MEASURED = re.compile(
    r"\d[\d.,]*(e-?\d+)?(?= ?(s|ms)\b| (million|thousand) tokens/s| margins)|(?<= in )\d+\.\d+"
    r"|(?<=network: right on random, constant and commutator words of )[\d,]+"  # as many as its time allows
)


Step = tuple[str, str, list[str]]
"""A language (`console`, `python` or `gap`), what is run, and the lines it is shown to print."""


def steps(text: str) -> Iterator[Step]:
    """What a page shows, in order. In a console `> ` continues a command; in the others `# ` after a `print`, or at the
    beginning of a line, shows what is printed. A line `…` stands for some left out."""
    for language, block in re.findall(r"```(console|python|gap)\n(.*?)```", text, re.DOTALL):
        if language != "console":
            yield language, block, re.findall(r"(?:^|\bprint\(.*\)  )# (.*)", block, re.MULTILINE)
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            first, *rest = part.splitlines()
            more = [line[2:] for line in rest if line.startswith("> ")]
            yield language, "\n".join([first, *more]), [line for line in rest if line and not line.startswith("> ")]


def folded(text: str) -> str:
    """A text without measured figures and spacing."""
    return re.sub(r"(million|thousand) tokens/s", "tokens/s", MEASURED.sub("#", " ".join(text.split())))


def shown_rightly(lines: list[str], printed: str) -> bool:
    """Whether the lines are all that was printed, but for what each `…` stands for."""
    parts = [folded(part) for part in "\n".join(lines).split("\n…\n")] if "…" in lines else [folded("\n".join(lines))]
    if lines and lines[0] == "…":
        parts = ["", *[folded(part) for part in "\n".join(lines[1:]).split("\n…\n")]]
    if lines and lines[-1] == "…":
        parts[-1] = parts[-1].removesuffix("…").rstrip()
        parts.append("")
    pattern = ".*".join(re.escape(part.strip()) for part in parts)
    return re.fullmatch(pattern, folded(printed), re.DOTALL) is not None


@pytest.mark.parametrize(
    ("lines", "printed", "right"),
    [
        (["a", "b"], "a\nb\n", True),
        (["a"], "a\nb\n", False),
        (["a", "…"], "a\nb\n", True),
        (["…", "b"], "a\nb\n", True),
        (["a", "…", "c"], "a\nb\nc\n", True),
        (["a", "…", "c"], "a\nb\nc\nd\n", False),
        (["b", "…", "a"], "a\nb\n", False),
        (["written in 0.5 s"], "written in 1.2 s", True),
        (["order 24"], "order 25", False),
    ],
)
def test_what_counts_as_shown(lines, printed, right):
    assert shown_rightly(lines, printed) is right


STATUS = {"error:": 2, "wrong:": 1, "not refuted: theory": 5}
"""The exit codes that the first line of what is printed stands for."""


def expected_status(lines: list[str]) -> int:
    return next((status for start, status in STATUS.items() if lines and lines[0].startswith(start)), 0)


@contextmanager
def workplace(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a user's shell in a folder: `python` and `subnormal` are this checkout's. What a page leaves
    running in the background ends with it."""
    programs = folder.parent / f"{folder.name}-programs"
    programs.mkdir()
    for name, module in {"python": "", "subnormal": "-m subnormal", "dask": "-m dask"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (programs / name).chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    modules = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    groups = folder.parent / f"{folder.name}-groups"
    try:
        yield os.environ | {"PATH": path, "PYTHONPATH": modules, "COLUMNS": "100", "GROUPS_FILE": str(groups)}
    finally:
        for group in groups.read_text().split() if groups.exists() else ():
            with suppress(ProcessLookupError):
                os.killpg(int(group), signal.SIGTERM)


def plain(text: str) -> list[str]:
    """The words of a command of ours that no shell has to read; none of another."""
    reader = shlex.shlex(text, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    words = list(reader)
    read_by_a_shell = set("$*?`\\~\n") & set(text) or any(set(word) <= set("();<>|&") for word in words)
    return words if words[0] == "subnormal" and not read_by_a_shell else []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subnormal inspect 'C2 x C4'", ["subnormal", "inspect", "C2 x C4"]),
        ("subnormal inspect S4 | head -1", []),
        ("subnormal inspect S4; ls", []),
        ("subnormal inspect S4&", []),
        ("subnormal inspect S4 > s4.txt", []),
        ("subnormal inspect $GROUP", []),
        ("ls", []),
    ],
)
def test_what_no_shell_has_to_read(text, words):
    assert plain(text) == words


def run(step: Step, folder: Path, environment: dict[str, str], fresh: bool) -> subprocess.CompletedProcess[str]:
    """Run a step; `fresh` in a process that has loaded nothing."""
    language, text, _ = step
    given = None
    if not fresh and language == "console" and (words := plain(text)):
        return run_python("-m", *words, cwd=folder, env=environment, timeout=600)
    if not fresh and language == "python":
        (folder / "block.py").write_text(text)
        return run_python("block.py", cwd=folder, env=environment, timeout=600)
    if language == "console":
        background = text.rstrip().endswith("&")
        words = ["bash", "-c", f'echo $$ >> "$GROUPS_FILE"\n{text}' if background else text]
    elif language == "python":
        (folder / "block.py").write_text(text)
        words = ["python", "block.py"]
    else:
        words, given = ["gap", "-q"], text
    return subprocess.run(
        words,
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        timeout=600,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.slow] if Path(page).stem in LONG else []) for page in PAGES]
)
def test_what_a_page_shows_is_so(page, tmp_path):
    text = (ROOT / page).read_text(encoding="utf-8")
    if "8786" in text:  # Dask's own port, which may be taken
        pytest.importorskip("distributed")
        text = text.replace("8786", str(free_port()))
    shown = list(steps(text))
    assert shown
    with workplace(tmp_path) as environment:
        for step in shown:
            language, command, lines = step
            if language == "gap" and shutil.which("gap") is None:
                continue
            process = run(step, tmp_path, environment, fresh=page == "README.md" and language == "console")
            printed = process.stdout + ("" if process.returncode == 0 else process.stderr)
            assert process.returncode == expected_status(lines), f"{command}: {process.stderr}"
            assert shown_rightly(lines, printed), f"{command}\n{printed}"


def test_every_recipe_is_in_the_shell_and_in_python():
    assert len(RECIPES) >= 15
    for page in RECIPES:
        assert {"console", "python"} <= {language for language, _, _ in steps((ROOT / page).read_text())}, page


@pytest.mark.parametrize(
    "page", sorted({*PAGES, *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))})
)
def test_every_link_leads_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#\s]+)", text):
        assert ((ROOT / page).parent / target).exists(), target
    headings = {
        re.sub(r"[^\w\- ]", "", line).strip().lower().replace(" ", "-") for line in re.findall(r"^#+ (.*)", text, re.M)
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        assert anchor in headings, anchor
