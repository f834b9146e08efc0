"""Every command is a function of the same name with the same options, and one word stands for one thing."""

from __future__ import annotations

import dataclasses
import inspect
from importlib import import_module
from typing import Any

import pytest

import subnormal as sn
from subnormal.command_line.__main__ import PARTS
from subnormal.models.learning.recipe import Recipe
from subnormal.models.training.configuration import RunConfiguration

COMMANDS = {name: home for _, own in PARTS.values() for name, home in own.items()}

EVERYWHERE = {
    "as_json": "printing: the result's own as_json() is the object",
    "regex": "reading: sn.regex(…) is given as tracked",
}
"""Options that no function has, and why."""

OWN_OPTIONS = {"inspect": {"batch": "a loop: [sn.inspect(line) for line in file]"}}
"""Options of one command that its function does not have, and why."""

OWN_PARAMETERS = {"refute": {"alphabet": "a network in hand does not say what its tokens are; a folder does"}}
"""Parameters of one function that its command does not have, and why."""

OTHER_DEFAULTS = {
    ("compile", "check"): "what a program compiled is not run unless asked",
    ("refute", "model"): "the command needs a word there; the function takes tracked= beside random=",
    ("train", "noise"): "text on the command line: several with commas",
    ("train", "seeds"): "text on the command line: a number, or a list with commas",
    ("train", "family"): "the function takes it from init, where that was compiled",
    ("verify", "words"): "text on the command line, a list in Python",
    ("inspect", "tracked"): "the command may have --regex or --batch instead",
    ("compile", "tracked"): "the command may have --regex instead",
    ("show", "tracked"): "the command may have --regex instead",
    ("certify", "tracked"): "the command may have --regex instead",
    ("train", "tracked"): "the command may have --regex instead",
}
"""Defaults that are not the same, and why."""

SETTINGS = {"train": RunConfiguration, "learn": Recipe}
"""Functions whose **settings are the fields of a dataclass."""


def options(command: str) -> dict[str, Any]:
    """The options of a command with their defaults."""
    module, function = COMMANDS[command].split(".")
    signature = inspect.signature(getattr(import_module(f"subnormal.command_line.{module}"), function))
    return {name: parameter.default for name, parameter in signature.parameters.items()}


def parameters(command: str) -> dict[str, Any]:
    """The parameters of a function with their defaults; its settings among them."""
    found = inspect.signature(getattr(sn, command)).parameters.values()
    own = {known.name: known.default for known in found if known.kind is not inspect.Parameter.VAR_KEYWORD}
    if len(own) < len(found):
        fields = {field.name: field.default for field in dataclasses.fields(SETTINGS[command])}
        own = {**fields, **own}
    return own


@pytest.mark.parametrize("command", COMMANDS)
def test_the_function_has_the_options_of_the_command(command):
    asked = set(options(command)) - set(EVERYWHERE) - set(OWN_OPTIONS.get(command, ()))
    known = set(parameters(command))
    assert asked - known == set()
    if command not in SETTINGS:
        assert known - asked == set(OWN_PARAMETERS.get(command, ()))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_defaults_are_the_same(command):
    mine, known = options(command), parameters(command)
    for name in mine.keys() & known.keys():
        if (command, name) not in OTHER_DEFAULTS:
            same = mine[name] == known[name] or str(mine[name]) == str(known[name])
            assert same, (command, name, mine[name], known[name])


def test_no_exception_is_stale():
    for command, name in OTHER_DEFAULTS:
        assert options(command)[name] != parameters(command)[name], (command, name)
    for command, own in OWN_OPTIONS.items():
        assert set(own) <= set(options(command))
    for command, own in OWN_PARAMETERS.items():
        assert set(own) <= set(parameters(command))
