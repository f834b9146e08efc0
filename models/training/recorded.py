"""The task of a run, from its configuration or from the folder of what was trained."""

from __future__ import annotations

from typing import Any

from ...algebra.automata.automaton import Automaton
from ...algebra.input.parser import parse_machine
from ...common.errors import InputError
from ...common.folders import Folder
from ...common.reading import parse_json
from .configuration import RunConfiguration
from .letters import LetterDraw
from .tasks import Task, automaton_task, make_task


def task_of(configuration: RunConfiguration) -> Task:
    """The task that a run is trained on."""
    asked = parse_machine(configuration.group)
    if isinstance(asked, Automaton):
        letters = LetterDraw.parse(configuration.letters)
        return automaton_task(asked, configuration.alphabet, configuration.hold_out, letters)
    if LetterDraw.parse(configuration.letters).kind == "share":
        raise InputError(f"letters: {configuration.letters} is for automata, {configuration.group} is a group")
    return make_task(asked.listed(), configuration.alphabet, configuration.hold_out)


def task_of_folder(folder: Folder) -> Task:
    """The task that the network in a folder was trained on: its `task.json` says so.

    Raises:
        InputError: the file is damaged.
    """
    record = parse_json(folder.files(("task.json",))["task.json"], folder.path / "task.json", dict[str, Any])
    return task_of(RunConfiguration.of_record(record))
