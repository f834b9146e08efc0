"""Every option of every command, as the application itself lists them, with values that no one means: one line and exit
code 2, or an answer, and never a traceback."""

from __future__ import annotations

import inspect
import shutil
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args

import pytest
import typer

from subnormal.algebra.depth.families import parse_stack
from subnormal.command_line import __main__ as command_line
from subnormal.command_line.shared import Number
from subnormal.constructions.compiler import compile_group
from tests.cases import group

FEW = ["--layers", "1", "--steps", "2", "--check-every", "1", "--check-words", "2", "--test-words", "2", "--batch", "2"]
ARGUMENTS: dict[str, list[str]] = {
    "inspect": ["S3"],
    "compile": ["S3", "--out", "OUT"],
    "verify": ["DIR", "--length", "50"],
    "show": ["S3", "--out", "OUT.png"],
    "atlas": ["--max-order", "4", "--processes", "1", "--out", "OUT.csv"],
    "train": ["C2", *FEW, "--out", "OUT"],
    "learn": ["C2", "--runs", "1", "--steps", "2", "--channels", "2", "--out", "OUT"],
    "decompile": ["DIR", "--length", "20"],
    "diagnose": ["DIR", "S3"],
    "evaluate": ["DIR", "--length", "20", "--words", "2"],
    "words": ["S3", "--length", "3", "--count", "2", "--out", "OUT"],
    "reproduce": ["none"],
    "sweep": ["SWEEP.toml", "--out", "OUT", "--processes", "1"],
    "probe": [
        *("negative-mamba", "C2", "--layers", "1", "--steps", "2", "--batch", "2", "--seeds", "1"),
        *("--test-length", "20", "--test-words", "2", "--processes", "1", "--out", "OUT"),
    ],
    "certify": ["S3", "--out", "OUT"],
    "check": ["DIR"],
    "refute": ["S3", "--random", "mamba", "--width", "2"],
    "parity": ["--layers", "1", "--width", "2", "--seeds", "1", "--tokens", "2"],
    "horizon": ["DIR", "--length", "20"],
    "lemmas": [],
    "catalogue": ["--max-order", "2", "--processes", "1", "--out", "OUT.csv"],
    "audit": ["DIR"],
}
"""For each command, arguments with which it does little. DIR is a compiled folder, OUT is not there yet."""

NUMBERS = ("int", "float")
WRONG = {
    "int": ["9" * 23, "-" + "9" * 23, "-1", "1e3", "0x10", "nan", "3.0", "1_0", "true", "x" * 5000, ""],
    "float": ["nan", "inf", "-inf", "1e999", "-1", "x" * 5000, ""],
}


def commands() -> dict[str, Any]:
    return dict(typer.main.get_command(command_line.application()).commands)  # type: ignore[attr-defined]


def typed(command: str) -> dict[str, tuple[Any, ...]]:
    """For each parameter of a command its type, and what typer is told of it."""
    place = next(own[command] for _, own in command_line.PARTS.values() if command in own)
    module, function = place.split(".")
    signature = inspect.signature(getattr(import_module(f"subnormal.command_line.{module}"), function), eval_str=True)
    return {name: get_args(parameter.annotation) for name, parameter in signature.parameters.items()}


def kind(command: str, parameter: Any) -> str:
    """`int`, `float`, `bool` or `text`."""
    given = typed(command).get(parameter.name)
    if given is None:  # --help
        return "bool"
    types = get_args(given[0]) or (given[0],)
    return next((known.__name__ for known in (bool, int, float) if known in types), "text")


def options(*kinds: str) -> Iterator[tuple[str, Any]]:
    for name, command in commands().items():
        for parameter in command.params:
            if kind(name, parameter) in kinds:
                yield name, parameter


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with what `ARGUMENTS` reads."""
    place = tmp_path_factory.mktemp("options")
    compile_group(group("S3"), parse_stack("aussm")).save(place / "DIR")
    (place / "SWEEP.toml").write_text('group = "C2"\nsteps = 2\ntest_words = 2\n')
    return place


@pytest.fixture(autouse=True)
def there(made, tmp_path, monkeypatch):
    """Every test begins without OUT: what another command wrote there would be refused before anything else."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def test_every_command_is_here():
    assert set(commands()) == set(ARGUMENTS)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_has_a_range(number):
    """Nothing on the command line is so large, or so small, that only the work would find out."""
    for command, option in options(number):
        _, told = typed(command)[option.name]
        assert isinstance(told.parser, Number), (command, option.name)
        assert told.parser.kind.__name__ == number
        assert told.parser.least is not None, (command, option.name)
        assert told.parser.most is not None, (command, option.name)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_nobody_means(run, number):
    for command, option in options(number):
        for wrong in WRONG[number]:
            status, error = run(command, *ARGUMENTS[command], option.opts[0], wrong)
            assert status == 2, (command, option.name, wrong, status)
            one_line(error, command, option.name, wrong)


def one_line(error: str, *what: str) -> None:
    assert error.count("\n") == 1, (what, error)
    assert len(error) < 800, (what, error)
    assert "Traceback" not in error, (what, error)


TEXTS = ["x" * 5000, "999999999", "(" * 5000, "9" * 5000, "C2x" * 1666 + "C2", "a\nb", "", "ü\u202e", "/dev/null/x"]


FAST = TEXTS[:1]


@pytest.mark.parametrize("texts", [FAST, pytest.param(TEXTS, marks=pytest.mark.slow)], ids=["some", "all"])
@pytest.mark.parametrize("command", sorted(ARGUMENTS))
def test_texts_that_nobody_means(run, command, texts):
    """Refused in one line; or, where they mean something (`--out 999…`), done."""
    for option in commands()[command].params:
        if kind(command, option) != "text":
            continue
        for text in texts:
            arguments = ARGUMENTS[command]
            if option.param_type_name == "argument":
                place = [p.name for p in commands()[command].params if p.param_type_name == "argument"]
                position = place.index(option.name)
                arguments = [*arguments[:position], text, *arguments[position + 1 :]]
            else:
                arguments = [*arguments, option.opts[0], text]
            status, error = run(command, *arguments)
            assert status in (0, 2), (command, option.name, text[:20], status, error)
            if status:
                one_line(error, command, option.name, text[:20])


MANY = "x".join(["C2"] * 3000)
TOWER = "wr".join(["C2"] * 7)


@pytest.mark.parametrize("command", ["inspect", "compile", "show", "certify", "train", "learn", "words", "refute"])
def test_groups_that_are_too_large_are_refused_by_size(run, command):
    """3,000 factors: within seconds, and the line says what is too large."""
    began = time.monotonic()
    status, error = run(command, MANY, *ARGUMENTS[command][1:])
    assert status == 2
    one_line(error, command)
    assert "3,000 generators on 6,000 points" in error
    status, error = run("show", MANY, "--html", "OUT.html")
    assert "3,000 generators on 6,000 points" in error
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("command", ["inspect", "compile", "show", "certify", "train", "learn", "words", "refute"])
def test_a_tower_of_seven_c2(run, command):
    """Done by what goes on without listing elements; refused in one line by the rest."""
    status, error = run(command, TOWER, *ARGUMENTS[command][1:])
    assert (status, bool(error)) == ((0, False) if command in ("inspect", "compile", "words") else (2, True))
    if status:
        one_line(error, command)
