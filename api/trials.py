"""What `compile` tries at its end: its network, or its integers, on long words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..algebra.tracked import KINDS
from ..artifacts.artifact import load
from ..common.kinds import BLOCK, FACTORED
from ..common.packages import MissingPackageError, named_packages
from ..constructions.targets.compiler import Checkpoint
from .verifying import FactoredTrial, run_word, try_network

if TYPE_CHECKING:
    from ..constructions.verification import Trial
    from .compiling import Compiled

TRIED, TRIED_ELEMENTS = 100_000, 300
"""Tokens in each word, at most; elements of the one for another library's checkpoint."""


def speed(trials: Sequence[Trial]) -> str:
    """Tokens per second over some trials; those of factored cascades also without decoding."""
    tokens = sum(trial.tokens for trial in trials)
    factored = [trial for trial in trials if isinstance(trial, FactoredTrial)]
    if factored:
        running = tokens / 1e6 / max(1e-9, sum(trial.run_seconds for trial in factored))
        decoding = tokens / 1e6 / max(1e-9, sum(trial.decode_seconds for trial in factored))
        return f"{running:.2g} million tokens/s to residues, {decoding:.2g} on to permutations"
    rate = tokens / max(1e-9, sum(trial.seconds for trial in trials))
    return f"{rate / 1e6:.1f} million tokens/s" if rate >= 1e6 else f"{rate / 1e3:.0f} thousand tokens/s"


def tried(compiled: Compiled | Checkpoint, folder: Path, began: float) -> tuple[str, str]:
    """Run what was compiled, and written to a folder, on long words; what `compile` says of that, and a style.

    Arguments:
        began: by `time.process_time`, the work that made it. A network may run for half as long again, and at least for
            half a second; integers and checkpoints need little.

    Raises:
        RefutedError: an output is wrong; the message names the first.
    """
    if isinstance(compiled, Checkpoint):
        try:
            with named_packages():
                from ..models.references.trial import try_checkpoint

                ran = try_checkpoint(folder, compiled.target.name, compiled.machine, TRIED_ELEMENTS)
        except MissingPackageError as error:
            return f"not run here, {error}", "yellow"
        parts = "letters" if compiled.target.tracks == "automaton" else "elements"
        return f"{ran}: right on a random word of {TRIED_ELEMENTS} {parts}", ""
    artifact = load(folder)
    words = "random, constant and commutator words of"
    if compiled.kind == FACTORED:
        trials = [run_word(artifact, "residues", kind, TRIED) for kind in KINDS]
        none = "network: none is written for a factored cascade; it runs with `verify`"
        return f"residues: right on {words} {TRIED:,} tokens\n          {speed(trials)}\n{none}", ""
    try:
        with named_packages():
            seconds = 60.0 if compiled.kind == BLOCK else max(0.5, 1.5 * (time.process_time() - began))
            trials = try_network(artifact, TRIED, seconds)
    except MissingPackageError as error:
        return f"network: not run here, {error}", "yellow"
    return f"network: right on {words} {trials[0].tokens:,} tokens ({speed(trials)})", ""
