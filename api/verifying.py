"""Checks of compiled folders: over all states and tokens, and on long words in one arithmetic."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.text import Text

from ..algebra.chains.stabiliser_chain import StabiliserChain
from ..algebra.groups.permutation_group import describe_order
from ..common.errors import InputError, RefutedError
from ..common.kinds import AUTOMATON, DAMAGED, DELTA, FACTORED, LISTED, kind_of, wrong_kind
from ..common.terminal import Shown, progress
from ..common.wording import counted, short
from ..constructions.artifact import load_cascade
from ..constructions.automata.artifact import load_automaton
from ..constructions.automata.compiler import first_fault as automaton_fault
from ..constructions.cascade import Cascade
from ..constructions.execution import ARITHMETICS, Machine
from ..constructions.factored.artifact import load_factored
from ..constructions.factored.cascade import FactoredCascade
from ..constructions.factored.execution import FactoredMachine
from ..constructions.factored.proof import cases as factored_cases
from ..constructions.factored.proof import first_fault as factored_fault
from ..constructions.factored.proof import needed_layers
from ..constructions.targets.own_delta import load_delta_group
from ..constructions.verification import Runner, Trial, cases, first_fault, try_word
from ..constructions.words import KINDS, AutomatonLetters, GroupLetters, Letters, PermutationLetters, check_kind
from .delta import delta_runner, proved_table

DTYPES = ("float32", "float64")
"""Precisions that a compiled network can be loaded in."""

FIRST_PIECE = 1024
"""Tokens of each word that `try_network` runs, whatever time it has."""


@dataclass(frozen=True, eq=False, repr=False)
class Verified(Shown):
    """A compiled folder whose machine was found right for every state and token, so on words of every length.

    Arguments:
        folder: where it is.
        lines: what was checked, and how the folder calls itself.
    """

    folder: Path
    lines: tuple[str, ...]

    def view(self) -> Text:
        return Text("\n".join(self.lines))


def verify(folder: str | Path) -> Verified:
    """Check a compiled folder's machine from its files alone: that every state and token lead where they should.

    Raises:
        RefutedError: the machine does not track its group or automaton; the message names a state and a token.
        InputError: the folder is damaged.
    """
    folder = Path(folder)
    kind = kind_of(folder)
    if kind == FACTORED:
        return _verified_factored(folder)
    if kind == DELTA:
        states, count = proved_table(folder).shape
        letters = f"{states:,} states × {counted(count, 'token')}"
        proved = f"verified: all {letters} of the network step rightly in exact integers, on words of every length"
        return Verified(folder, (proved, _label(load_delta_group(folder)[0].name)))
    cascade, _ = verified_machine(folder)
    proved = f"verified: {cases(cascade)} step rightly, so words of every length are tracked"
    return Verified(folder, (proved, _label(cascade.name)))


def verified_machine(folder: Path) -> tuple[Cascade, Letters]:
    """`load_machine`, and the check of what was loaded. Raises `RefutedError` and `InputError` like `verify`."""
    cascade, letters = load_machine(folder)
    fault = first_fault(cascade, letters.group) if isinstance(letters, GroupLetters) else automaton_fault(cascade)
    if fault:
        raise RefutedError(f"the cascade in {folder} does not track what it is for: {fault}")
    return cascade, letters


def _verified_factored(folder: Path) -> Verified:
    found = load_factored(folder)
    cascade, stated = found.cascade, found.metadata
    fault = factored_fault(cascade)
    if fault:
        raise RefutedError(f"the cascade in {folder} does not track what it is for: {fault}")
    order = StabiliserChain(cascade.alphabet).order
    layers = [layer.get("moduli") if isinstance(layer, dict) else None for layer in stated["layers"]]
    for what, claim, fact in [("order", stated["order"], order), ("layers", layers, cascade.layers)]:
        if claim != fact:
            raise RefutedError(f"{folder} states another {what} than {short(str(fact))}")
    needed = needed_layers(cascade, found.lower_bound)
    size = f"a group of order {describe_order(order)} on {cascade.degree} points"
    lines = (
        f"verified: tracks {size} on words of every length: {factored_cases(cascade):,} equations between points hold",
        f"{counted(len(cascade.alphabet), 'token')}, {counted(cascade.depth, 'layer')}, and at least {needed} needed",
        _label(cascade.name),
    )
    return Verified(folder, lines)


def _label(name: str) -> str:
    return f"label, not proved: the folder calls it {json.dumps(name, ensure_ascii=False)}"


def load_machine(folder: Path) -> tuple[Cascade, Letters]:
    """A compiled folder's cascade, and the letters of its words. Raises `InputError`."""
    kind = kind_of(folder)
    if kind not in (*LISTED, AUTOMATON, DAMAGED, None):
        raise wrong_kind(folder, "the folder of a compiled group or automaton")
    if kind == AUTOMATON:
        cascade, _ = load_automaton(folder)
        assert cascade.automaton is not None
        return cascade, AutomatonLetters(cascade.automaton)
    cascade, group, _ = load_cascade(folder)
    return cascade, GroupLetters(group, cascade.alphabet)


def check_options(arithmetic: str, kind: str, dtype: str) -> None:
    """Raises `InputError` for an arithmetic, a kind of word or a dtype that does not exist."""
    for value, wanted, what in [
        (arithmetic, (*ARITHMETICS, "network"), "arithmetic"),
        (dtype, DTYPES, "dtype"),
    ]:
        if value not in wanted:
            raise InputError(f"unknown {what} {value[:40]!r}; wanted one of {', '.join(wanted)}")
    check_kind(kind)


def run_word(
    folder: str | Path,
    arithmetic: str = "residues",
    kind: str = "random",
    length: int = 1_000_000,
    seed: int = 0,
    dtype: str = "float64",
) -> Trial:
    """Run a compiled folder on one long word, and compare every output with the group's or the automaton's own.

    Arguments:
        arithmetic: `residues`, `turns`, `complex128`, `complex64` or `network`; of a factored cascade `residues`.
        kind: `random`, `constant` or `commutator`.
        length: tokens.
        seed: of the random word.
        dtype: of the network.

    Raises:
        RefutedError: an output is wrong; the message names the first.
        InputError: the folder is damaged, or an option is unknown.
    """
    check_options(arithmetic, kind, dtype)
    folder = Path(folder)
    there = kind_of(folder)
    if there == FACTORED:
        if arithmetic != "residues":
            raise InputError(f"{folder} holds a factored cascade, which runs on residues, not on {arithmetic}")
        return run_factored(load_factored(folder).cascade, kind, length, seed)
    if there == DELTA:
        own = GroupLetters(*load_delta_group(folder))
        return _tried(delta_runner(folder, arithmetic, dtype), arithmetic, own, kind, length, seed)
    cascade, letters = load_machine(folder)
    runner: Runner
    if arithmetic == "network":
        from ..models.compiled import NetworkMachine

        runner = NetworkMachine(folder, cascade, dtype)
    else:
        runner = Machine(cascade, arithmetic)
    return _tried(runner, arithmetic, letters, kind, length, seed)


def try_network(folder: Path, length: int, seconds: float) -> list[Trial]:
    """Run a compiled folder's network on a word of each of the `KINDS`, for about so many seconds of processor time.

    The words have the same length, at most `length` tokens: pieces are run of each in turn, twice as long as those
    before, while another is likely to fit. The first pieces, of `FIRST_PIECE` tokens, are always run.

    Raises:
        RefutedError: an output is wrong; the message names the first.
    """
    from ..models.compiled import NetworkMachine

    cascade, letters = load_machine(folder)
    machines = [NetworkMachine(folder, cascade, long=False)]
    machines += [machines[0].again() for _ in KINDS[1:]]
    words = [letters.word(kind, length) for kind in KINDS]
    trials = [Trial(kind, 0, 0.0) for kind in KINDS]
    reached = [letters.start for _ in KINDS]
    began, done, piece = time.process_time(), 0, FIRST_PIECE
    while done < length:
        part = slice(done, min(length, done + piece))
        for i, (machine, word) in enumerate(zip(machines, words, strict=True)):
            expected = letters.run(word[part], reached[i])
            start = time.perf_counter()
            found = machine.outputs(word[part])
            spent = trials[i].seconds + time.perf_counter() - start
            trials[i] = Trial(KINDS[i], part.stop, spent, largest_error=machine.largest_error)
            wrong = np.flatnonzero(found != expected)
            if len(wrong):
                place, outputs = int(wrong[0]), (expected[wrong[0]], found[wrong[0]])
                _refuse(replace(trials[i], first_wrong=done + place + 1, expected=outputs[0], found=outputs[1]))
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


def run_factored(cascade: FactoredCascade, kind: str, length: int, seed: int = 0) -> FactoredTrial:
    """`run_word` for a factored cascade that is here already."""
    machine = FactoredMachine(cascade)
    trial = _tried(machine, "residues", PermutationLetters(cascade.alphabet), kind, length, seed)
    return FactoredTrial(**vars(trial), run_seconds=machine.run_seconds, decode_seconds=machine.decode_seconds)


def _tried(runner: Runner, arithmetic: str, letters: Letters, kind: str, length: int, seed: int) -> Trial:
    with progress(f"{arithmetic}, {kind} word", length) as advance:
        for trial in try_word(runner, letters, kind, length, seed):
            advance(trial.tokens)
    if trial.first_wrong is not None:
        _refuse(trial, arithmetic, seed, "permutation" if isinstance(letters, PermutationLetters) else "element")
    return trial
