"""Building the Coq development and the OCaml program, in a folder of the user's cache; auditing it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ...common.errors import InputError

SOURCES = Path(__file__).parent
VERSION = "8.16"
"""The Coq that the proofs are written for; others rename lemmas."""

INSTALL = "on Debian 12: apt-get install coq libcoq-mathcomp ocaml-nox"

FORBIDDEN = re.compile(r"\b(Admitted|admit|Axioms?|Parameters?|Conjecture|Abort|Unset Guard Checking|bypass_check)\b")
"""What would leave something unproved. Comments count too: the files do without these words."""


def source_files() -> list[str]:
    """The .v files in the order of their compilation."""
    lines = (SOURCES / "_CoqProject").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.endswith(".v")]


def coq() -> str:
    """The path of coqc. Raises `InputError`: there is none, or it is of another version."""
    program = shutil.which("coqc")
    if program is None:
        raise InputError(f"Coq is not installed (no coqc found); {INSTALL}")
    found = run([program, "--print-version"]).stdout.split()
    if not found or not found[0].startswith(f"{VERSION}."):
        raise InputError(f"Coq {(found or ['?'])[0][:20]} is installed; the proofs are for Coq {VERSION}; {INSTALL}")
    return program


def run(command: list[str], folder: Path | None = None, seconds: int = 3600) -> subprocess.CompletedProcess[str]:
    """Run a program; its output as text."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)


def compile_file(program: str, library: Path, file: Path) -> subprocess.CompletedProcess[str]:
    """Have coqc compile one file that may use the library; written beside the file."""
    options = ["-q", "-w", "none", "-Q", str(library), "Subnormal"]
    return run([program, *options, file.name], folder=file.parent)


def cache_folder() -> Path:
    """Where this version's compiled files are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    content = hashlib.sha256()
    for name in [*source_files(), "main.ml"]:
        content.update((SOURCES / name).read_bytes())
    return Path(base) / "subnormal" / f"coq-{VERSION}-{content.hexdigest()[:16]}"


PROGRAM_FILES = ("Checker.v", "Extract.v")
"""All that the extracted program needs; these compile in two seconds."""


def library() -> Path:
    """The folder of the compiled development; compiled on the first call, in about a minute of one core.

    Raises:
        InputError: Coq or MathComp is missing, or of another version, or the cache cannot be written.
    """
    program, folder = coq(), cache_folder() / "library"
    if not folder.exists():
        _keep(folder, lambda scratch: compile_all(program, scratch, source_files()))
    return folder


def checker_program() -> Path:
    """The extracted checker as a program, compiled on the first call. Raises `InputError`: no Coq, or no OCaml."""
    program, folder = coq(), cache_folder() / "program"
    compiler = shutil.which("ocamlopt")
    if compiler is None:
        raise InputError(f"OCaml is not installed (no ocamlopt found); {INSTALL}")

    def make(scratch: Path) -> None:
        compile_all(program, scratch, PROGRAM_FILES)
        shutil.copy(SOURCES / "main.ml", scratch)
        found = run([compiler, "-w", "-a", "checker.mli", "checker.ml", "main.ml", "-o", "checker"], scratch)
        if found.returncode:
            raise InputError(f"OCaml does not compile the checker: {' '.join(found.stderr.split())[:300]}")

    if not folder.exists():
        _keep(folder, make)
    return folder / "checker"


def _keep(folder: Path, make: Callable[[Path], None]) -> None:
    """Make a folder of the cache: whole or not at all."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            scratch = Path(name) / "made"
            make(scratch)
            try:
                scratch.rename(folder)
            except OSError:
                if not folder.exists():  # else another process was faster
                    raise
    except OSError as error:
        raise InputError(
            f"cannot write {folder}: {error.strerror or error}; set XDG_CACHE_HOME to a folder that can be written"
        ) from None


def compile_all(program: str, folder: Path, names: Iterable[str]) -> None:
    """Compile files, in order, into a new folder. Raises `InputError`: MathComp is missing, or one does not compile."""
    folder.mkdir(parents=True)
    for name in names:
        shutil.copy(SOURCES / name, folder / name)
        found = compile_file(program, folder, folder / name)
        if found.returncode:
            if "mathcomp" in found.stderr and "Cannot find a physical path" in found.stderr:
                raise InputError(f"MathComp is not installed (libcoq-mathcomp); {INSTALL}")
            raise InputError(f"Coq does not compile {name}: {' '.join(found.stderr.split())[:300]}")


def audit() -> list[str]:
    """What is wrong with the development: forbidden words, and theorems that rest on something unproved.

    Raises:
        InputError: Coq is missing, or a file does not compile.
    """
    problems = []
    for name in source_files():
        for number, line in enumerate((SOURCES / name).read_text(encoding="utf-8").splitlines(), 1):
            if word := FORBIDDEN.search(line):
                problems.append(f"{name}:{number}: {word[0]}")
    theorems = named_theorems()
    prelude = "".join(f"From Subnormal Require {Path(name).stem}.\n" for name in source_files())
    folder = library()
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "Audit.v"
        file.write_text(prelude + "".join(f"Print Assumptions {name}.\n" for name in theorems), encoding="utf-8")
        found = compile_file(coq(), folder, file)
    closed = found.stdout.count("Closed under the global context")
    if found.returncode or closed != len(theorems) or not theorems:
        rest = found.stderr or found.stdout.replace("Closed under the global context", "")
        problems.append(
            f"{closed} of {len(theorems)} theorems rest on nothing unproved: {' '.join(rest.split())[:300]}"
        )
    return problems


def named_theorems() -> list[str]:
    """Every statement that a file calls a theorem, e.g. `Sufficiency.tracked_iff`."""
    return [
        f"{Path(file).stem}.{name}"
        for file in source_files()
        for name in re.findall(r"^Theorem (\w+)", (SOURCES / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
