"""The machine of a folder, whatever kind of machine it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup, TrackedPermutations
from ..common.folders import Folder, opened
from ..common.kinds import AUTOMATON, BLOCK, DAMAGED, DELTA, FACTORED, GROUP, LEARNT, wrong_kind
from .artifact import load_cascade
from .automata.artifact import load_automaton
from .blocks.compiler import load_block_group
from .cascade import Cascade
from .factored.artifact import load_factored
from .factored.cascade import FactoredCascade
from .targets.own_delta import load_delta_group


@dataclass(frozen=True, eq=False)
class SavedMachine:
    """What a compiled folder holds beside its network.

    Arguments:
        tracked: what it is for, with its letters.
        cascade: the exact machine; None of a network of reflections or blocks, which is its own.
        metadata: the fields of `cascade.json`.
    """

    tracked: Tracked
    cascade: Cascade | FactoredCascade | None
    metadata: Mapping[str, Any]


def _group(folder: Folder) -> SavedMachine:
    cascade, group, metadata = load_cascade(folder)
    return SavedMachine(TrackedGroup(group, cascade.alphabet), cascade, metadata)


def _automaton(folder: Folder) -> SavedMachine:
    cascade, metadata = load_automaton(folder)
    assert cascade.automaton is not None
    return SavedMachine(TrackedAutomaton(cascade.automaton), cascade, metadata)


def _factored(folder: Folder) -> SavedMachine:
    found = load_factored(folder)
    return SavedMachine(TrackedPermutations(found.cascade.alphabet, found.cascade.name), found.cascade, found.metadata)


def _delta(folder: Folder) -> SavedMachine:
    return SavedMachine(TrackedGroup(*load_delta_group(folder)), None, {})


def _blocks(folder: Folder) -> SavedMachine:
    return SavedMachine(TrackedGroup(*load_block_group(folder)), None, {})


_READERS: dict[str | None, Callable[[Folder], SavedMachine]] = {
    GROUP: _group,
    LEARNT: _group,
    AUTOMATON: _automaton,
    FACTORED: _factored,
    DELTA: _delta,
    BLOCK: _blocks,
    DAMAGED: _group,  # it says what is wrong
    None: _group,
}


def load_machine(given: str | Path | Folder) -> SavedMachine:
    """The machine of a compiled folder. Raises `InputError` where it holds none, or is damaged."""
    folder = opened(given)
    if folder.kind not in _READERS:
        raise wrong_kind(folder.path, "the folder of a compiled group or automaton")
    return _READERS[folder.kind](folder)
