"""compile and verify for groups too large to list: the route through factored cascades."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from subnormal.constructions.factored.words import FactoredTrial

CHECK_LENGTH = 100_000
"""Length of the words that `compile_large` tries the cascade on."""


def compile_large(text: str, folder: Path, family: str = "aussm", alphabet: str | None = None) -> None:
    """Compile a group that is not listed, show the proof, try the cascade on words and write it.

    Arguments:
        text: the group, as `algebra.input.parser.parse_group` reads it.
        folder: where to write the artifact.
        family, alphabet: as for `face.factored.compiled_factored`.

    Raises:
        InputError: the group cannot be tracked or compiled, or an option does not fit.
    """
    from subnormal.algebra.base.terminal import console, say
    from subnormal.algebra.base.writing import prepare_folder
    from subnormal.constructions.words import KINDS
    from subnormal.face.factored import compiled_factored, run_factored
    from subnormal.face.groups import group

    began = time.perf_counter()
    compiled = compiled_factored(group(text), family, alphabet)
    prepare_folder(folder)
    screen = console()
    _show(screen, compiled.parts())
    trials = [run_factored(folder, compiled.cascade, kind, CHECK_LENGTH) for kind in KINDS]
    say(screen, f"residues: right on random, constant and commutator words of {CHECK_LENGTH:,} tokens")
    say(screen, f"          {_speed(trials)}")
    compiled.save(folder)
    say(screen, f"written: {folder}/ in {time.perf_counter() - began:.2f} s")
    say(screen, "network: not written for a factored cascade; it runs with `verify`", "yellow")


def verify_large(folder: Path, length: int, kinds: Sequence[str], seed: int = 0) -> None:
    """Prove a compiled folder again, from its files alone, and try it on words.

    Raises:
        InputError: the folder cannot be read.
        RefutedError: the cascade does not track its group, or the group or its layers are not what the folder says.
    """
    from subnormal.algebra.base.terminal import console, say
    from subnormal.face.factored import run_factored, verified_factored

    verified = verified_factored(folder)
    screen = console()
    _show(screen, verified.parts())
    for kind in kinds:
        trial = run_factored(folder, verified.cascade, kind, length, seed)
        say(screen, f"residues: {kind} word of {length:,} tokens right, {_speed([trial])}")


def _show(screen: Console, parts: Sequence[RenderableType]) -> None:
    """Print parts of an account; lines of text are not broken."""
    from rich.text import Text

    for part in parts:
        screen.print(part, soft_wrap=isinstance(part, Text))


def _speed(trials: Sequence[FactoredTrial]) -> str:
    tokens = sum(trial.tokens for trial in trials) / 1e6
    running = max(1e-9, sum(trial.run_seconds for trial in trials))
    decoding = max(1e-9, sum(trial.decode_seconds for trial in trials))
    return f"{tokens / running:.2g} million tokens/s to residues, {tokens / decoding:.2g} on to permutations"
