"""The commands of the README and of the guide are run in order, end as shown, and print what is shown and no more."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/guide.md")
MEASURED = re.compile(r"\d[\d.,]*(e-?\d+)?(?= ?(s|ms)\b| (million|thousand) tokens/s| margins)|(?<= in )\d+\.\d+")


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Every command of the console blocks, with the lines it is shown to print; a line `…` stands for some left out."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip():
                found[-1][1].append(line)
    return found


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


def expected_status(lines: list[str]) -> int:
    """What `error:` and `wrong:` on the first line stand for."""
    first = lines[0] if lines else ""
    return 2 if first.startswith("error:") else 1 if first.startswith("wrong:") else 0


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "100"}
    program = {"python": [sys.executable], "subnormal": [sys.executable, "-m", "subnormal"]}[words[0]]
    return subprocess.run(
        [*program, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", PAGES)
def test_console(page, tmp_path):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert commands(text)
    for command, lines in commands(text):
        process = run(shlex.split(command), tmp_path)
        printed = process.stdout + ("" if process.returncode == 0 else process.stderr)
        assert process.returncode == expected_status(lines), f"{command}: {process.stderr}"
        assert shown_rightly(lines, printed), f"{command}\n{printed}"
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        (tmp_path / "tour.py").write_text(code)
        process = run(["python", "tour.py"], tmp_path)
        assert process.returncode == 0, process.stderr
        assert process.stdout.split() == " ".join(re.findall(r"print\(.*\)  # (.*)", code)).split()


@pytest.mark.parametrize("page", [*PAGES, *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))])
def test_every_link_leads_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#\s]+)", text):
        assert ((ROOT / page).parent / target).exists(), target
    headings = {
        re.sub(r"[^\w\- ]", "", line).strip().lower().replace(" ", "-") for line in re.findall(r"^#+ (.*)", text, re.M)
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        assert anchor in headings, anchor
