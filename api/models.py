"""A model and what it should track: what `evaluate`, `refute`, `decompile`, `diagnose` and `show` begin with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..algebra.automata.automaton import Automaton
from ..algebra.tracked import Tracked, TrackedGroup
from ..artifacts.artifact import Artifact, load
from ..common.errors import InputError
from ..common.kinds import CHECKPOINT, MODULE, NETWORK
from .groups import MachineLike, machine

if TYPE_CHECKING:
    from ..models.foreign.model import ForeignModel
    from ..models.network import DCDNetwork
    from ..models.training.tasks import Task


def network_and_task(
    model: DCDNetwork | Callable[..., Any] | str | Path | Artifact, tracked: MachineLike | None, verb: str
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


def model_and_task(
    model: Any,
    tracked: MachineLike | None,
    verb: str,
    reading: Any = None,
    alphabet: str | None = None,
    batch: int | None = None,
    wanted: bool = True,
) -> tuple[ForeignModel, Task | None]:
    """A model that is judged by its answers alone, and the task that it is asked about.

    Arguments:
        model: what `sn.load` takes: anybody's model, or something of ours with a network.
        tracked: the group or the automaton; None for what a checkpoint or a folder of ours was made for.
        verb: what was asked, for messages.
        reading: how it is read, as `sn.load` takes it; what a checkpoint of ours says of itself then does not count.
        alphabet: of a group: which of its elements are the letters, in order; None for all, or for those of a
            checkpoint of ours.
        batch: words that are run at a time.
        wanted: whether there must be a task; else it is None where nobody says it.

    Raises:
        InputError: the model, the reading or what is tracked cannot be read, they do not fit together, or nobody says
            what a model should track.
    """
    from ..models.foreign.model import model_of_network
    from ..models.training.tasks import Task, make_task

    artifact = load(model, reading).require(verb)
    own = None
    if not artifact.has_reading:
        with suppress(InputError):
            own = artifact.tracked
    task = None if own is None else Task(own)
    if tracked is not None and alphabet is not None:
        asked = machine(tracked)
        if isinstance(asked, Automaton):
            raise InputError(f"alphabet {alphabet[:40]!r} goes with a group; {asked.name} is read by its own letters")
        task = make_task(asked.listed(), alphabet)
    elif tracked is not None:
        given = task_of_name(tracked)
        task = task if own is not None and same_numbers(own, given.tracked) else given
    if task is None and wanted:
        again = f"`{verb} {artifact} S3`, sn.{verb}(model, 'S3')"
        raise InputError(f"{artifact} does not say what it should track; wanted it too, e.g. {again}")
    what = None if task is None else task.tracked
    if artifact.kind in (CHECKPOINT, MODULE):
        return artifact.foreign(what, batch), task
    network = artifact.network()
    if what is not None:
        what.require_fit(network.alphabet_size, network.classes)
    found = model_of_network(network, what, batch=batch)
    found.name = str(artifact)
    return found, task


def _loaded(model: DCDNetwork | Callable[..., Any] | str | Path | Artifact, verb: str) -> Artifact:
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
