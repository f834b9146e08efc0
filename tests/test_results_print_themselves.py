"""Every result of every public function prints itself in a few lines, and so does all that hangs on it; and every
public function has an example in its docstring, which is run here."""

from __future__ import annotations

import doctest
import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import subnormal as sn
from subnormal.common.terminal import CHARACTERS, LINES, Shown

FUNCTIONS = [name for name in sn.__all__ if inspect.isfunction(getattr(sn, name))]
TRAINING: dict[str, Any] = {
    "steps": 2, "length": "4", "test_words": 2, "test_length": 20, "processes": 1, "check_words": 2, "batch": 2,
}  # fmt: skip


def sweep_file() -> Path:
    path = Path("two.toml")
    path.write_text('group = "C2"\nsteps = 2\nlength = "4"\ntest_words = 2\ntest_length = 20\n')
    return path


def folder(name: str = "S4") -> Path:
    found = sn.compile(name)
    return found.save(Path(f"folder-{len(name)}{name[:2]}"))


def last_letter(ids: Any) -> Any:
    """Somebody's model, which remembers nothing."""
    import torch

    return torch.nn.functional.one_hot(ids, 2)


def a_model(ids: Any) -> Any:
    """Anybody's: it answers with the last letter."""
    return np.eye(6)[ids.numpy()]


RESULTS: dict[str, list[Callable[[], Any]]] = {
    "atlas": [lambda: sn.atlas(max_order=64, processes=1)],
    "audit": [lambda: sn.audit(folder())],
    "catalogue": [lambda: sn.catalogue(max_order=3, processes=1)],
    "certify": [lambda: sn.certify("A5"), lambda: sn.certify(sn.compile("S4", alphabet="generators"))],
    "check": [lambda: sn.check(sn.certify("A5").folder)],
    "compile": [
        lambda: sn.compile("S4"),
        lambda: sn.compile("C2wrC2wrC2"),
        lambda: sn.compile("flip-flop(2)"),
        lambda: sn.compile("S4wrS4wrS4"),
        lambda: sn.compile("A5", target="olmo-hybrid"),
        lambda: sn.compile("S4", target="mamba3"),
    ],
    "decompile": [
        lambda: sn.decompile(sn.compile("S3").network(), "S3", length=20),
        lambda: sn.decompile(sn.compile("tomita(5)").network(), "tomita(5)", length=20),
        lambda: sn.decompile(last_letter, "C2", length=40),
    ],
    "diagnose": [
        lambda: sn.diagnose(sn.compile("S3").network(), "S3"),
        lambda: sn.diagnose(sn.compile("tomita(5)").network(), "tomita(5)"),
        lambda: sn.diagnose(last_letter, "C2", length=40),
    ],
    "evaluate": [
        lambda: sn.evaluate(sn.compile("C2").network(), "C2", length=1000, words=2),
        lambda: sn.evaluate(a_model, "S3", length=1000, words=2, ways="all"),
    ],
    "load": [lambda: sn.load(folder()), lambda: sn.load(sn.certify("A5").folder), lambda: sn.load(a_model)],
    "group": [lambda: sn.group("S6"), lambda: sn.group("S4wrS4wrS4")],
    "horizon": [lambda: sn.horizon(folder(), length=1000)],
    "inspect": [
        lambda: sn.inspect("S4", pareto=True),
        lambda: sn.inspect("A5"),
        lambda: sn.inspect("S4wrS4"),
        lambda: sn.inspect("tomita(5)"),
        lambda: sn.inspect("grid(5,5)"),
    ],
    "learn": [lambda: sn.learn("C2", runs=1, length=20, steps=300), lambda: sn.learn("flip-flop(2)", length=20)],
    "lemmas": [lambda: sn.lemmas()],
    "machine": [lambda: sn.machine("dyck(2,4)")],
    "pareto": [lambda: sn.pareto("S4"), lambda: sn.pareto("C2xC2xC2xC4")],
    "probe": [lambda: sn.probe("negative-mamba", "C2,S3", layers=1, steps=2, seeds=1, test_length=20, processes=1)],
    "parity": [lambda: sn.parity(layers=2, width=2, tokens=100)],
    "refute": [
        lambda: sn.refute("S3", random="aussm", width=2),
        lambda: sn.refute("tomita(5)", random="mamba", width=2),
        lambda: sn.refute(sn.compile("S3").network(), "S3"),
        lambda: sn.refute(last_letter, "C2", length=40),
    ],
    "regex": [lambda: sn.regex("(ab|b)*a")],
    "reproduce": [],  # its page is cut like everything else that is `Shown`; minutes
    "run_word": [lambda: sn.run_word(folder(), length=1000)],
    "show": [lambda: sn.show("S3"), lambda: sn.show("S3", html="s3.html")],
    "sweep": [lambda: sn.sweep(sweep_file(), processes=1)],
    "train": [lambda: sn.train("C2", seeds=60, **TRAINING)],
    "verify": [lambda: sn.verify(folder(), length=1000)],
    "words": [lambda: sn.words("S3", length=5, count=10), lambda: sn.words("S3", length=5, count=10, style="cups")],
}
"""For each public function, calls that are quick."""

OURS = "subnormal."


def what_hangs_on(thing: Any) -> dict[str, Any]:
    """The public attributes of a value of ours that are values."""
    found = {}
    for name in dir(thing):
        if name.startswith("_"):
            continue
        try:
            value = getattr(thing, name)
        except (TypeError, sn.InputError):  # a series of chains has no listed group; a machine, parts of another kind
            continue
        if not isinstance(value, types.MethodType | types.FunctionType | type):
            found[name] = value
    return found


def is_long(text: str) -> bool:
    return len(text.splitlines()) > LINES or len(text) > CHARACTERS


def long_ones(thing: Any, path: str, depth: int, seen: set[int]) -> list[str]:
    """Where a value, or one that hangs on it, prints too much. What is no value of ours, NumPy's arrays and Python's
    own containers of numbers, is not asked."""
    if isinstance(thing, tuple | list) and thing and type(thing[0]).__module__.startswith(OURS):
        return [found for i, part in enumerate(thing[:3]) for found in long_ones(part, f"{path}[{i}]", depth, seen)]
    if not type(thing).__module__.startswith(OURS) or id(thing) in seen:
        return []
    seen.add(id(thing))
    found = [path] if is_long(repr(thing)) else []
    if depth:
        for name, value in what_hangs_on(thing).items():
            found += long_ones(value, f"{path}.{name}", depth - 1, seen)
    return found


def test_every_function_is_called():
    assert set(RESULTS) == set(FUNCTIONS)


@pytest.mark.parametrize("name", [name for name, calls in RESULTS.items() if calls])
def test_results_are_short(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, call in enumerate(RESULTS[name]):
        found = call()
        assert long_ones(found, f"{name}[{number}]", 2, set()) == []
        assert not is_long(repr(found)), repr(found)[:2000]


def test_a_long_result_says_that_it_is_cut():
    class Long(Shown):
        def __str__(self) -> str:
            return "line\n" * 100

    assert repr(Long()).splitlines()[-1] == "… 100 lines, 500 characters in all: print(…) shows them"
    assert len(repr(Long()).splitlines()) == LINES


def test_a_brief_value_is_one_line():
    compiled = sn.compile("S3")
    for value in (compiled.cascade, compiled.weights, compiled.compilation):
        assert "\n" not in repr(value)
        assert len(repr(value)) < 1000
    assert repr(sn.inspect("S4").series) == "series 24 > 12 > 4 > 1"
    assert "ndarray(6" in repr(compiled.cascade)


SLOW = {"lemmas", "learn", "parity", "train", "sweep"}
"""Functions whose examples take more than a few seconds."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in FUNCTIONS]
)
def test_the_example_of_a_function(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = getattr(sn, name)
    (found,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert found.examples, f"{name} has no example"
    assert any(f"sn.{name}(" in example.source for example in found.examples)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found, out=said.append)
    assert not said, "".join(said)
    assert np.get_printoptions()["threshold"] == 1000
