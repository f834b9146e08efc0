"""A theorem about one folder: its tables, and Coq's verdict on them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ...common.errors import InputError, RefutedError
from . import building
from .tables import Tables, tables_of

MAX_INSIDE = 2_000_000
"""Characters of text that are checked inside Coq; larger ones go to the extracted program."""

HEADER = """\
From Coq Require Import List NArith.
From mathcomp Require Import all_ssreflect all_fingroup.
From Subnormal Require Import Exponents Stack Cascade Checker CheckerArrays CheckerCascade CheckerSound.
Import ListNotations GroupScope.
"""

TRACKS = """\
Theorem this_folder :
  [/\\ ctracks (the_cascade tables) (initial tables) (@decoded tables) (@token tables),
      #|group tables| = N.to_nat {}, Cascade.layers (the_cascade tables) = N.to_nat {} &
      forall k, (k < N.to_nat {})%N -> V (group tables) (nseq k (N.to_nat {})) <> 1 :> {{set _}} ].
"""

NEVER = """\
Theorem this_folder :
  forall k, V (never_group tables) (nseq k (N.to_nat {})) <> 1 :> {{set _}}.
"""


def prove_folder(folder: Path) -> str:
    """Prove the theorem of a certified folder; returns what to print.

    Raises:
        RefutedError: the verified checker refuses the tables.
        InputError: no Coq, or files that cannot be used.
    """
    tables = tables_of(folder)
    if len(tables.text) > MAX_INSIDE:
        return _by_the_program(tables)
    statement, proof, output = prove_tables(tables)
    if "Closed under the global context" not in output:
        raise RefutedError(f"Coq does not prove it from nothing: {' '.join(output.split())[:300]}")
    return f"proved in Coq:\n{statement}{proof}Print Assumptions this_folder.\n{output.strip()}"


def theorem(tables: Tables) -> tuple[str, str]:
    """The statement about some tables, and its proof."""
    numbers = " ".join(f"{x}%num" for x in tables.figures)
    statement = (TRACKS if tables.kind == "tracks" else NEVER).format(*(f"{x}%num" for x in tables.figures))
    return statement, f"Proof. apply: (@{tables.kind}_report tables {numbers}). vm_cast_no_check (erefl true). Qed.\n"


def source(tables: Tables) -> str:
    """A Coq file that states and proves the theorem, and prints what it rests on."""
    lines = ";\n".join(f'"{line}"%text' for line in tables.lines)
    statement, proof = theorem(tables)
    kind = tables.kind
    definitions = f"Definition file : list text := [\n{lines}].\nDefinition tables : {kind}_tables := {kind}_of file.\n"
    return f"{HEADER}{definitions}{statement}{proof}Print Assumptions this_folder.\n"


def prove_tables(tables: Tables) -> tuple[str, str, str]:
    """Statement, proof and Coq's output. Raises `RefutedError` where the verified checker refuses the tables."""
    library = building.library()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "Folder.v"
        file.write_text(source(tables), encoding="utf-8")
        found = building.compile_file(building.coq(), library, file)
    if not found.returncode:
        return *theorem(tables), found.stdout
    if 'has type "true = true"' in " ".join(found.stderr.split()):
        raise RefutedError("the checker that is proved in Coq refuses the tables")
    raise InputError(f"Coq stopped: {' '.join(found.stderr.split())[-300:]}")


def _by_the_program(tables: Tables) -> str:
    verdict = verdicts([tables.text])[0]
    if verdict != "verified":
        raise RefutedError("the checker extracted from Coq refuses the tables")
    return (
        f"verified by the program extracted from Coq ({len(tables.text):,} characters, too many for inside Coq): "
        "by CheckerSound.check_sound the theorem holds of these tables, the extraction and the OCaml compiler trusted"
    )


def verdicts(texts: list[str]) -> list[str]:
    """What the extracted program says of some texts: "verified", "refuted" or "unreadable".

    Raises:
        InputError: no Coq or no OCaml.
    """
    program = building.checker_program()
    with tempfile.TemporaryDirectory() as name:
        files = []
        for i, text in enumerate(texts):
            files.append(str(Path(name) / f"{i}.txt"))
            Path(files[-1]).write_text(text, encoding="utf-8")
        lines: list[str] = []
        for start in range(0, len(files), 1000):  # arguments have a largest length
            lines += building.run([str(program), *files[start : start + 1000]]).stdout.splitlines()
    if len(lines) != len(texts):
        raise InputError(f"the extracted checker stopped after {len(lines)} of {len(texts)} tables")
    return lines
