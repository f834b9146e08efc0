"""What a folder is: no command takes one that it can do nothing with, none replaces one of another kind."""

from __future__ import annotations

import json

import pytest

import subnormal as sn
from subnormal.algebra.input.parser import list_group
from subnormal.command_line.__main__ import application
from subnormal.common.kinds import TITLES, kind_of
from subnormal.constructions.targets.compiler import compile_target

CASCADES = {"group", "automaton", "learnt"}
TAKEN = {
    "certify": CASCADES | {"delta"},
    "check": {"factored", "refusal"},  # of what was certified
    "verify": CASCADES | {"delta", "factored"},
    "horizon": CASCADES | {"delta"},
    "evaluate": CASCADES | {"delta", "trained"},
    "decompile": CASCADES | {"delta", "trained"},
    "refute": CASCADES | {"delta", "trained"},
    "show": CASCADES | {"delta", "factored", "trained"},
}
"""For each command the kinds of folders that it has something to say about."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of every kind."""
    place = tmp_path_factory.mktemp("kinds")
    sn.compile("S3").save(place / "group")
    sn.compile("tomita(5)").save(place / "automaton")
    sn.compile("S4wrS4").save(place / "factored")
    sn.train("C2", steps=2, channels=2, test_words=4, test_length=20, out=place / "run")
    (key,) = (path.name for path in (place / "run" / "networks").iterdir())
    found = {name: place / name for name in ("group", "automaton", "factored", "run")}
    found["trained"] = place / "run" / "networks" / key
    found["learnt"] = sn.learn("C3", runs=1, out=place / "learnt").folder
    for name, target in (("delta", "delta"), ("checkpoint", "olmo-hybrid")):
        compile_target(list_group("S3"), target).save(place / name)
        found[name] = place / name
    sn.certify("A5", out=place / "refusal")
    return found | {"refusal": place / "refusal"}


def test_each_is_known(folders):
    assert {name: kind_of(folder) for name, folder in folders.items()} == {name: name for name in folders}


@pytest.mark.parametrize("verb", sorted(TAKEN))
def test_what_a_command_does_not_take_is_said_in_one_line(folders, verb, tmp_path):
    for kind, folder in folders.items():
        if kind in TAKEN[verb] or (verb == "check" and kind in TAKEN["certify"]):
            continue
        more = ["--html", str(tmp_path / "page.html")] if verb == "show" else []
        with pytest.raises(sn.InputError) as raised:
            application(None, verb)([verb, str(folder), *more], standalone_mode=False)
        text = str(raised.value)
        assert str(folder) in text, (kind, text)
        assert TITLES[kind] in text or "factored cascade" in text, (kind, text)
        assert f"--out {folder}" not in text, (kind, text)
        assert "\n" not in text


@pytest.mark.parametrize("kind", ["trained", "checkpoint", "run", "automaton", "delta", "learnt"])
def test_nothing_is_replaced_by_another_kind(folders, kind):
    before = {path: path.read_bytes() for path in sorted(folders[kind].rglob("*")) if path.is_file()}
    for command in (["compile", "S4"], ["certify", "S3"]):
        with pytest.raises(sn.InputError, match="not replaced by a compiled group: give another folder"):
            application(None, command[0])([*command, "--out", str(folders[kind])], standalone_mode=False)
    other = sn.DCDNetwork(2, 2, [{"family": "aussm", "channels": 2, "hidden": 2, "readout": 2}])
    with pytest.raises(sn.InputError, match="holds"):
        other.save_pretrained(folders[kind])
    assert before == {path: path.read_bytes() for path in sorted(folders[kind].rglob("*")) if path.is_file()}


def test_force_says_so(tmp_path):
    sn.compile("tomita(5)").save(tmp_path / "f")
    sn.compile("S3").save(tmp_path / "f", force=True)
    assert kind_of(tmp_path / "f") == "group"
    assert json.loads((tmp_path / "f" / "cascade.json").read_text())["name"] == "S3"


def test_a_folder_says_what_it_is_for(folders):
    assert sn.refute(folders["trained"]).kind
    assert sn.evaluate(folders["group"], length=40, words=5).longest == 40
    assert sn.evaluate(folders["group"], "S3", length=40, words=5).longest == 40


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 3, "seeds": 2}, "seed and seeds"),
        ({"group": "S4"}, "group: 'S4', and S3 is trained"),
        ({"lr": 0.1}, r"unknown setting 'lr'; did you mean learning_rate\?"),
        ({"epochs": 3}, r"unknown setting 'epochs'; did you mean steps\?"),
        ({"batch_size": 3}, r"unknown setting 'batch_size'; did you mean batch\?"),
        ({"chanels": 3}, r"unknown setting 'chanels'; did you mean channels\?"),
    ],
)
def test_settings_that_are_not_used_are_refused(settings, message, tmp_path):
    with pytest.raises(sn.InputError, match=message):
        sn.train("S3", out=tmp_path, **settings)
