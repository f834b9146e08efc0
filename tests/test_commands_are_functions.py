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


def printed(capsys, *words: str) -> tuple[int, str]:
    from subnormal.command_line.__main__ import application

    status = application(None, words[0])(list(words), standalone_mode=False)
    return status or 0, capsys.readouterr().out.rstrip()


def lines(text: object) -> list[str]:
    return [line.rstrip() for line in str(text).rstrip().splitlines()]


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["inspect", "S4", "--pareto", "--alphabet", "all"], lambda: sn.inspect("S4", alphabet="all", pareto=True)),
        (["atlas", "--max-order", "4"], lambda: sn.atlas(4)),
        (["certify", "A5"], lambda: sn.certify("A5")),
        (["words", "S3", "--count", "3"], lambda: sn.words("S3", count=3)),
        (["show", "S3", "--html", "s3.html"], lambda: sn.show("S3", html="s3.html")),
        (["parity", "--layers", "1", "--tokens", "9"], lambda: sn.parity(layers=1, tokens=9)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_the_command_prints_what_the_function_returns(words, call, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, text = printed(capsys, *words)
    assert status == 0
    assert lines(text) == lines(call())


def test_refute_takes_a_random_network_and_writes_a_page(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = sn.refute("S3", random="aussm", width=2, html="s3.html")
    assert found.refuted
    assert (tmp_path / "s3.html").stat().st_size > 10_000
    assert sn.refute(tracked="S3", random=["aussm"], width=2).kind == found.kind
    assert sn.refute("tomita(5)", random="mamba", width=2).refuted
    for call in (
        lambda: sn.refute(),
        lambda: sn.refute(random="aussm"),
        lambda: sn.refute("S3", "S3", random="aussm"),
        lambda: sn.refute("S3", random="aussm,mamba", layers=3),
        lambda: sn.refute("tomita(5)", random="mamba", html="t.html"),
        lambda: sn.refute("tomita(5)", random="mamba", epsilon=0.1),
    ):
        with pytest.raises(sn.InputError):
            call()
    assert not (tmp_path / "t.html").exists()


def test_compile_writes_and_runs_where_asked(tmp_path):
    compiled = sn.compile("S3", out=tmp_path / "s3", check=True)
    assert "words of every length" in str(sn.verify(tmp_path / "s3", words=()))
    assert len(sn.verify(tmp_path / "s3", length=100).trials) == 3
    delta = sn.compile("A5", target="delta", check=True)
    assert "words of every length" in str(sn.certify(delta, tmp_path / "a5"))
    assert "words of every length" in str(sn.certify(compiled.group, tmp_path / "own"))
    for call in (
        lambda: sn.compile("S3", resets=True),
        lambda: sn.compile("S3", target="delta", family="aussm"),
        lambda: sn.compile("S3", target="nothing"),
        lambda: sn.compile("tomita(5)", target="delta"),
        lambda: sn.certify(sn.compile("S4wrS4wrS4"), tmp_path / "none"),
        lambda: sn.certify(sn.compile("S4", target="mamba3"), tmp_path / "none"),
        lambda: sn.inspect("tomita(5)", pareto=True),
        lambda: sn.inspect("S4", alphabet="(1,2)"),
        lambda: sn.reproduce("none"),
        lambda: sn.horizon(),
        lambda: sn.show("S3", group="S3"),
    ):
        with pytest.raises(sn.InputError):
            call()
    assert not (tmp_path / "none").exists()
