"""A model and what it should track: what `evaluate`, `refute`, `decompile`, `diagnose` and `show` begin with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..algebra.automata.automaton import Automaton
from ..algebra.tracked import Tracked, TrackedGroup
from ..artifacts.artifact import Artifact, load
from ..common.errors import InputError
from ..common.kinds import NETWORK
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
) -> tuple[ForeignModel, Task]:
    """Anybody's model, and the task that it is asked about.

    Arguments:
        model: what `sn.load` takes, of kind `checkpoint` or `module`.
        tracked: the group or the automaton; None for what a checkpoint of ours was made for.
        verb: what was asked, for messages.
        reading: how it is read, as `sn.load` takes it.
        alphabet: of a group: which of its elements are the letters, in order; None for all, or for those of a
            checkpoint of ours.
        batch: words that are run at a time.

    Raises:
        InputError: the model, the reading or what is tracked cannot be read, or they do not fit together.
    """
    from ..models.training.tasks import make_task

    artifact = load(model, reading).require(verb)
    own = None
    if not artifact.has_reading and (tracked is None or alphabet is None):
        try:
            own = artifact.tracked
        except InputError:
            if tracked is None:
                raise
    elif tracked is None:
        raise InputError(f"nobody says what {artifact} should track; wanted it too, e.g. sn.{verb}(model, 'S3')")
    if tracked is None:
        assert own is not None
        task = _task(own)
    elif alphabet is not None:
        asked = machine(tracked)
        if isinstance(asked, Automaton):
            raise InputError(f"alphabet {alphabet[:40]!r} goes with a group; {asked.name} is read by its own letters")
        task = make_task(asked.listed(), alphabet)
    else:
        task = task_of_name(tracked)
        if own is not None and same_numbers(own, task.tracked):
            task = _task(own)
    return artifact.foreign(task.tracked, batch), task


def _task(tracked: Tracked) -> Task:
    from ..models.training.tasks import Task

    return Task(tracked)


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
