"""Checks of compiled folders: over all states and tokens, and on long words in one arithmetic."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from ..algebra.groups.permutation_group import describe_order
from ..algebra.tracked import KINDS, Tracked, check_kind
from ..artifacts.artifact import Artifact, load
from ..common.dtypes import dtype_name
from ..common.errors import InputError, RefutedError
from ..common.kinds import BLOCK, DELTA
from ..common.terminal import Shown, progress
from ..common.wording import counted, short
from ..constructions.cascade import Cascade
from ..constructions.execution import ARITHMETICS, CascadeMachine, TableMachine
from ..constructions.factored.cascade import FactoredCascade
from ..constructions.factored.execution import FactoredMachine
from ..constructions.factored.proof import cases as factored_cases
from ..constructions.factored.proof import needed_layers
from ..constructions.verification import Runner, Trial, cases, machine_fault, try_word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..common.dtypes import DtypeLike

FIRST_PIECE = 1024
"""Tokens of each word that `try_network` runs, whatever time it has."""


@dataclass(frozen=True, eq=False, repr=False)
class Verified(Shown):
    """A compiled folder whose machine was found right for every state and token, so on words of every length.

    Arguments:
        folder: where it is.
        lines: what was checked, and how the folder calls itself.
        trials: runs on long words.
    """

    folder: Path
    lines: tuple[str, ...]
    trials: tuple[Trial, ...] = ()

    def view(self) -> Text:
        return Text("\n".join(self.lines))


def verify_folder(folder: str | Path | Artifact) -> Verified:
    """Check a compiled folder's machine from its files alone: that every state and token lead where they should.

    Raises:
        RefutedError: the machine does not track its group or automaton; the message names a state and a token.
        InputError: the folder is damaged, or holds no machine.
    """
    artifact = load(folder).require("verify")
    if artifact.kind == DELTA:
        states, count = proved_table(artifact).shape
        letters = f"{states:,} states × {counted(count, 'token')}"
        lines = [f"verified: all {letters} of the network step rightly in exact integers, on words of every length"]
    elif artifact.kind == BLOCK:
        table, horizons = proved_blocks(artifact)
        elements = f"{len(table):,} elements × {counted(table.shape[1], 'token')}"
        lines = [f"verified: all {elements} step rightly in every state of the network, {length_text(horizons)}"]
    else:
        cascade = right_machine(artifact)
        if isinstance(cascade, FactoredCascade):
            lines = _factored_lines(artifact, cascade)
        else:
            lines = [f"verified: {cases(cascade)} step rightly, so words of every length are tracked"]
    return Verified(artifact.path, (*lines, _label(artifact.tracked.name)))


def right_machine(artifact: Artifact) -> Cascade | FactoredCascade:
    """The machine of a compiled folder, checked. Raises `RefutedError` and `InputError` like `verify`."""
    cascade, tracked = artifact.machine(), artifact.tracked
    if fault := machine_fault(cascade, tracked):
        raise RefutedError(f"the cascade in {artifact} does not track what it is for: {fault}")
    return cascade


@lru_cache(maxsize=4)
def proved_table(artifact: Artifact) -> NDArray[np.integer]:
    """The table of a delta-rule network, proved to be the group's; see `proofs_check.certificates.delta_checker`.

    Raises:
        RefutedError: the network is not proved to track the group.
        InputError: the folder cannot be read.
    """
    from ..proofs_check.certificates.delta_certificate import delta_table
    from .faults import refutations

    with refutations():
        return delta_table(artifact.folder)


@lru_cache(maxsize=4)
def proved_blocks(artifact: Artifact) -> tuple[NDArray[np.integer], dict[str, int | None]]:
    """The table of a network of blocks, proved to be the group's, and up to how many tokens each arithmetic is proved
    to decide rightly; see `proofs_check.certificates.block_checker`. Raises as `proved_table`."""
    from ..proofs_check.certificates.block_certificate import block_proof
    from .faults import refutations

    with refutations():
        return block_proof(artifact.folder)


def length_text(horizons: dict[str, int | None]) -> str:
    """How long words may be, in words."""
    if all(length is None for length in horizons.values()):
        return "without rounding, on words of every length"
    return "on words of up to " + " and ".join(f"{length:,} tokens in {name}" for name, length in horizons.items())


def _factored_lines(artifact: Artifact, cascade: FactoredCascade) -> list[str]:
    stated = artifact.metadata
    order = artifact.tracked.classes
    layers = [layer.get("moduli") if isinstance(layer, dict) else None for layer in stated["layers"]]
    for what, claim, fact in [("order", stated["order"], order), ("layers", layers, cascade.layers)]:
        if claim != fact:
            raise RefutedError(f"{artifact} states another {what} than {short(str(fact))}")
    needed = needed_layers(cascade, tuple(stated["lower_bound"]))
    size = f"a group of order {describe_order(order)} on {cascade.degree} points"
    return [
        f"verified: tracks {size} on words of every length: {factored_cases(cascade):,} equations between points hold",
        f"{counted(len(cascade.alphabet), 'token')}, {counted(cascade.depth, 'layer')}, and at least {needed} needed",
    ]


def _label(name: str) -> str:
    return f"label, not proved: the folder calls it {json.dumps(name, ensure_ascii=False)}"


def check_options(arithmetic: str, kind: str, dtype: DtypeLike) -> str:
    """The dtype's name. Raises `InputError` for an arithmetic, a kind of word or a dtype that does not exist."""
    known = (*ARITHMETICS, "network")
    if arithmetic not in known:
        raise InputError(f"unknown arithmetic {arithmetic[:40]!r}; wanted one of {', '.join(known)}")
    check_kind(kind)
    return dtype_name(dtype)


def run_word(
    folder: str | Path | Artifact,
    arithmetic: str = "residues",
    kind: str = "random",
    length: int = 1_000_000,
    seed: int = 0,
    dtype: DtypeLike = "float64",
) -> Trial:
    """Run a compiled folder on one long word, and compare every output with the group's or the automaton's own.

    Arguments:
        folder: written by `compile`.
        arithmetic: `residues`, `turns`, `complex128`, `complex64` or `network`; of a factored cascade `residues`.
        kind: `random`, `constant` or `commutator`.
        length: tokens.
        seed: of the random word.
        dtype: of the network.

    Raises:
        RefutedError: an output is wrong; the message names the first.
        InputError: the folder is damaged, or an option is unknown.

    Examples:
        >>> import subnormal as sn
        >>> folder = sn.compile("S3").save("s3")
        >>> sn.run_word(folder, "turns", "constant", length=100).first_wrong is None
        True
    """
    dtype = check_options(arithmetic, kind, dtype)
    artifact = load(folder).require("verify")
    return try_machine(_runner(artifact, arithmetic, dtype), arithmetic, artifact.tracked, kind, length, seed)


def _runner(artifact: Artifact, arithmetic: str, dtype: DtypeLike) -> Runner:
    """The machine in one arithmetic; a delta-rule network's table is proved first. Raises `InputError`."""
    if artifact.kind == DELTA:
        if arithmetic == "network":
            from ..models.compiled import PlainMachine

            return PlainMachine(artifact.network(dtype))
        if arithmetic != "residues":
            raise InputError(f"{artifact} {NOT_ITS} in {arithmetic}")
        return TableMachine(proved_table(artifact))
    if artifact.kind == BLOCK:
        if arithmetic == "network":
            from ..models.compiled import PlainMachine

            return PlainMachine(artifact.network(dtype))
        if arithmetic != "residues":
            raise InputError(f"{artifact} holds layers of blocks, whose state is no phase; wanted residues or network")
        return TableMachine(proved_blocks(artifact)[0])
    cascade = artifact.machine()
    if isinstance(cascade, FactoredCascade):
        if arithmetic != "residues":
            raise InputError(f"{artifact} holds a factored cascade, which runs on residues, not on {arithmetic}")
        return FactoredMachine(cascade)
    if arithmetic == "network":
        from ..models.compiled import NetworkMachine

        return NetworkMachine(artifact.network(dtype), cascade)
    return CascadeMachine(cascade, arithmetic)


NOT_ITS = "holds a network whose state is no phase: it runs in integers (residues) or as the network, not"


def try_network(folder: str | Path | Artifact, length: int, seconds: float) -> list[Trial]:
    """Run a compiled folder's network on a word of each of the `KINDS`, for about so many seconds of processor time.

    The words have the same length, at most `length` tokens: pieces are run of each in turn, twice as long as those
    before, while another is likely to fit. The first pieces, of `FIRST_PIECE` tokens, are always run.

    Raises:
        RefutedError: an output is wrong; the message names the first.
        InputError: the folder is damaged, or holds no network of a cascade.
    """
    from ..models.compiled import NetworkMachine, PlainMachine

    artifact = load(folder).require("verify")
    tracked = artifact.tracked
    first: NetworkMachine | PlainMachine
    if artifact.kind == BLOCK:
        first = PlainMachine(artifact.network("float64"))
    else:
        cascade = artifact.machine()
        if isinstance(cascade, FactoredCascade):
            raise InputError(f"{artifact} holds a factored cascade, which has no network")
        first = NetworkMachine(artifact.network("float64"), cascade, long=False)
    machines = [first, *(first.again() for _ in KINDS[1:])]
    words = [tracked.word(kind, length) for kind in KINDS]
    trials = [Trial(kind, 0, 0.0) for kind in KINDS]
    reached = [tracked.start for _ in KINDS]
    began, done, piece = time.process_time(), 0, FIRST_PIECE
    while done < length:
        part = slice(done, min(length, done + piece))
        for i, (machine, word) in enumerate(zip(machines, words, strict=True)):
            expected = tracked.run(word[part], reached[i])
            start = time.perf_counter()
            found = machine.outputs(word[part])
            spent = trials[i].seconds + time.perf_counter() - start
            trials[i] = Trial(KINDS[i], part.stop, spent, largest_error=machine.largest_error)
            wrong = np.flatnonzero(found != expected)
            if len(wrong):
                place, outputs = int(wrong[0]), (expected[wrong[0]], found[wrong[0]])
                wrong_one = replace(trials[i], first_wrong=done + place + 1, expected=outputs[0], found=outputs[1])
                _refuse(wrong_one, what=tracked.outcome)
            reached[i] = expected[-1]
        used, done, piece = time.process_time() - began, part.stop, 2 * piece
        if used * (done + piece) / done > seconds:
            break
    return trials


def _refuse(trial: Trial, arithmetic: str = "network", seed: int = 0, what: str = "element") -> None:
    raise RefutedError(
        f"{arithmetic}: first wrong output at token {trial.first_wrong:,} of the {trial.kind} word (seed {seed}): "
        f"{what} {short(str(trial.found))} instead of {short(str(trial.expected))}"
    )


@dataclass(frozen=True)
class FactoredTrial(Trial):
    """A run of a factored cascade.

    Arguments:
        run_seconds, decode_seconds: spent on residues, and on permutations.
    """

    run_seconds: float = 0.0
    decode_seconds: float = 0.0


def try_machine(runner: Runner, arithmetic: str, tracked: Tracked, kind: str, length: int, seed: int = 0) -> Trial:
    """Run a machine on one word. Raises `RefutedError` where an output is wrong."""
    with progress(f"{arithmetic}, {kind} word", length) as advance:
        for trial in try_word(runner, tracked, kind, length, seed):
            advance(trial.tokens)
    if trial.first_wrong is not None:
        _refuse(trial, arithmetic, seed, tracked.outcome)
    if isinstance(runner, FactoredMachine):
        return FactoredTrial(**vars(trial), run_seconds=runner.run_seconds, decode_seconds=runner.decode_seconds)
    return trial
