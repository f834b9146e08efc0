"""A model and what it should track: what `evaluate`, `refute`, `decompile`, `diagnose` and `show` begin with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..algebra.automata.automaton import Automaton
from ..algebra.tracked import Tracked, TrackedGroup
from ..artifacts.artifact import Artifact, load
from ..common.errors import InputError
from ..common.kinds import NETWORK
from .groups import MachineLike, machine

if TYPE_CHECKING:
    from ..models.network import DCDNetwork
    from ..models.training.tasks import Task


def network_and_task(
    model: DCDNetwork | str | Path | Artifact, tracked: MachineLike | None, verb: str
) -> tuple[DCDNetwork, Task]:
    """A network and its task: a folder's own; or all elements of a group, or the letters of an automaton, as tokens.

    Arguments:
        verb: what was asked, for messages.

    Raises:
        InputError: the model or the group cannot be read, they do not fit together, or nobody says which group.
    """
    artifact = _loaded(model, verb).require(verb)
    if not artifact.has_network:
        raise InputError(f"{artifact} holds no network: compile it again, or `verify {artifact}` runs its integers")
    if tracked is None and artifact.kind == NETWORK:
        command = "" if not isinstance(model, str | Path | Artifact) else f"`{verb} {artifact} S3`, "
        raise InputError(f"{artifact} does not say which group it is for; wanted e.g. {command}sn.{verb}(model, 'S3')")
    network = artifact.network()
    own = artifact.task if artifact.says_what else None
    if tracked is None:
        assert own is not None
        return network, own
    task = task_of_name(tracked)
    if own is not None and same_numbers(own.tracked, task.tracked):
        return network, own
    task.tracked.require_fit(network.alphabet_size, network.classes, own=None if own is None else own.name)
    return network, task


def _loaded(model: DCDNetwork | str | Path | Artifact, verb: str) -> Artifact:
    try:
        return load(model)
    except InputError as error:
        if verb != "refute":
            raise
        hint = "with random weights, of a group alone: `refute S3 --random aussm`"
        raise InputError(f"wanted a folder with a network first, and {error}; {hint}") from None


def task_of_name(tracked: MachineLike) -> Task:
    """All elements of a group as tokens, or the letters of an automaton. Raises `InputError`."""
    from ..models.training.tasks import automaton_task, full_task

    asked = machine(tracked)
    return automaton_task(asked) if isinstance(asked, Automaton) else full_task(asked.listed())


def same_numbers(own: Tracked, given: Tracked) -> bool:
    """Whether two are about one thing: groups with the same elements, whatever their alphabets."""
    if isinstance(own, TrackedGroup) and isinstance(given, TrackedGroup):
        return np.array_equal(own.group.elements, given.group.elements)
    return own.same(given)
