"""`probe`: what copies learn is measured rightly, what theory excludes is marked, and nothing is trained twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import subnormal as sn
from subnormal.api.probing import NO, OPEN, YES, Probe
from subnormal.common.errors import InputError
from subnormal.common.kinds import PROBE, kind_of
from subnormal.models.probing import runs as probing
from subnormal.models.probing.architectures import read_architecture, read_architectures
from subnormal.models.probing.runs import Copy
from subnormal.models.probing.suite import BUDGETS, SUITE, budget_of, read_tasks, task_named
from subnormal.models.training.evaluation import drawn_words
from subnormal.models.training.needed import least_depth
from subnormal.models.training.tasks import TEST
from subnormal.proofs_check.audits.excluded import excluded

QUICK: dict[str, Any] = {
    "steps": 12,
    "batch": 8,
    "length": "2>>8",
    "seeds": 1,
    "test_length": 60,
    "test_words": 40,
    "processes": 1,
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Folders that are named `p` stand here."""
    monkeypatch.chdir(tmp_path)


class UpTo(nn.Module):
    """The parity of ones, with a sharpness that is learnt; beyond a place always even."""

    def __init__(self, place):
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(0.01))
        self.place = place

    def forward(self, ids):
        odd = ids.cumsum(1) % 2
        odd[:, self.place :] = 0
        return self.sharpness * torch.stack([1.0 - odd, odd * 1.0], -1)


def up_to_37(letters, classes):
    return UpTo(37)


def for_ever(letters, classes):
    return UpTo(10**6)


def test_the_longest_length_is_where_it_breaks():
    found = sn.probe([up_to_37, for_ever], "parity", out="p", **QUICK)
    assert [found.cell("parity", name) for name in found.architectures] == [(20, "20 (0/1)", False),
                                                                           (60, "60 (1/1)", False)]  # fmt: skip
    rows = {row["architecture"]: row for row in found.rows}
    assert rows["up_to_37"]["last"] < 0.8
    assert rows["for_ever"]["last"] == rows["for_ever"]["whole"] == 1.0
    assert rows["for_ever"]["steps"] == 2  # flawless at two checks in a row
    assert rows["up_to_37"]["steps"] == 12
    assert {row["depth"] for row in found.rows} == {1}
    assert {row["allowed"] for row in found.rows} == {OPEN}


def test_what_is_written(tmp_path):
    found = sn.probe(for_ever, "parity", out=tmp_path / "p", **QUICK)
    assert kind_of(tmp_path / "p") == PROBE
    with (tmp_path / "p" / "summary.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["task"], row["longest"], row["seed"]) == ("parity", "60", "0")
    assert found.to_frame()["longest"].tolist() == [60]
    assert found.picture.stat().st_size > 1000
    assert json.dumps(found.as_json())
    assert (Path(row["network"]) / "model.safetensors").is_file()
    for line in ("parity", "60 (1/1)", "summary.csv"):
        assert line in str(found)


def test_nothing_is_trained_twice(tmp_path, monkeypatch):
    first = sn.probe("negative-mamba", "C2", layers=1, out=tmp_path / "p", **QUICK)
    sn.probe(for_ever, "parity", out=tmp_path / "p", **QUICK)

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(probing, "train_copy", refuse)
    again = sn.probe(for_ever, "parity", out=tmp_path / "p", **QUICK)
    assert again.cell("parity") == (60, "60 (1/1)", False)
    assert sn.probe("negative-mamba", "C2", layers=1, out=tmp_path / "p", **QUICK).rows == first.rows
    with pytest.raises(AssertionError, match="trained again"):
        sn.probe(for_ever, "parity", out=tmp_path / "p", **(QUICK | {"seeds": [5]}))


def test_two_processes_give_what_one_does(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch\n"
        "class Gru(torch.nn.Module):\n"
        "    def __init__(self, letters, classes):\n"
        "        super().__init__()\n"
        "        self.embedding, self.gru = torch.nn.Embedding(letters, 4), torch.nn.GRU(4, 6, batch_first=True)\n"
        "        self.head = torch.nn.Linear(6, classes)\n"
        "    def forward(self, ids):\n"
        "        return self.head(self.gru(self.embedding(ids))[0])\n"
        "def make(letters, classes):\n"
        "    return Gru(letters, classes)\n"
    )
    options = QUICK | {"steps": 3, "seeds": 2}
    one = sn.probe(f"{path}:make", "parity,C3", out=tmp_path / "one", **options)
    two = sn.probe(f"{path}:make", "parity,C3", out=tmp_path / "two", **(options | {"processes": 2}))
    kept = ("architecture", "task", "seed", "longest", "last", "loss", "parameters")
    assert [[row[name] for name in kept] for row in one.rows] == [[row[name] for name in kept] for row in two.rows]
    assert len({row["loss"] for row in one.rows}) == 4


def test_a_copy_s_name_is_everything_that_determines_it():
    budget = budget_of("quick")
    base = Copy(read_architecture(for_ever), "parity", 0, 1e-3, budget)
    others = [
        Copy(read_architecture(up_to_37), "parity", 0, 1e-3, budget),
        Copy(read_architecture(for_ever), "C2", 0, 1e-3, budget),
        Copy(read_architecture(for_ever), "parity", 1, 1e-3, budget),
        Copy(read_architecture(for_ever), "parity", 0, 2e-3, budget),
        Copy(read_architecture(for_ever), "parity", 0, 1e-3, budget_of("quick", steps=7)),
        Copy(read_architecture(for_ever), "parity", 0, 1e-3, budget_of("quick", length="2-60")),
    ]
    assert len({base.key, *(other.key for other in others)}) == 1 + len(others)
    more = budget_of("quick", seeds=9, learning_rates=(1e-3, 1e-2))
    assert Copy(read_architecture(for_ever), "parity", 0, 1e-3, more).key == base.key


def row(rate, seed, validation, longest, allowed=YES):
    return {"task": "S3", "architecture": "a", "learning_rate": rate, "seed": seed, "validation": validation,
            "longest": longest, "allowed": allowed, "depth": 2}  # fmt: skip


def test_the_rate_is_chosen_by_validation_words_not_by_the_test():
    rows = (row(0.1, 0, 40, 20), row(0.1, 1, 40, 60), row(0.2, 0, 60, 0), row(0.2, 1, 0, 0))
    found = Probe(Path("p"), ("S3",), ("a",), rows, 60)
    assert found.cell("S3") == (60, "60 (1/2)", False)
    found = Probe(Path("p"), ("S3",), ("a",), tuple(one | {"validation": 80 - one["validation"]} for one in rows), 60)
    assert found.cell("S3") == (0, "0 (0/2)", False)
    assert found.cell("C2") is None


def test_an_excluded_task_that_looks_learnt_is_said():
    found = Probe(Path("p"), ("S3",), ("a",), (row(0.1, 0, 60, 60, NO),), 60)
    assert "× 60 (1/1)" in str(found)
    assert "theory excludes it for words of every length" in str(found).replace("\n", " ")


# ---------------------------------------------------------------------------------------------- theory


def test_theory_of_our_families(capsys):
    found = sn.probe("negative-mamba; mamba,aussm", "parity,C3,S3", out="p", **(QUICK | {"steps": 1}))
    said = {(row["architecture"], row["task"]): row["allowed"] for row in found.rows}
    assert said == {
        ("negative-mamba x2", "parity"): YES,
        ("negative-mamba x2", "C3"): NO,
        ("negative-mamba x2", "S3"): NO,
        ("mamba,aussm", "parity"): YES,
        ("mamba,aussm", "C3"): YES,
        ("mamba,aussm", "S3"): NO,
    }
    assert "negative-mamba x2 never tracks C3" in capsys.readouterr().err


def test_what_mamba_2_excludes_is_what_inspect_says_of_mamba():
    config = {"model_type": "mamba2", "num_hidden_layers": 3}
    for name in SUITE:
        found = sn.inspect(name)
        depths = found.as_json()["depth_by_family"]
        assert (excluded(config, task_named(name).tracked, 3) is not None) is (depths["mamba"] is None), name


def test_nothing_is_said_where_other_layers_stand_among_them():
    config = {"model_type": "mamba2", "num_hidden_layers": 3}
    assert excluded(config, task_named("parity").tracked, 4) is None
    hybrid = {"model_type": "olmo_hybrid", "num_hidden_layers": 2, "linear_allow_neg_eigval": False,
              "layer_types": ["linear_attention", "full_attention"]}  # fmt: skip
    assert excluded(hybrid, task_named("parity").tracked, 2) is None


REFLECTED = [
    ("C3", True, True),
    ("C2xC2", True, False),
    ("parity", True, False),
    ("parity", False, True),
    ("flip-flop(2)", False, False),
]


@pytest.mark.parametrize(("name", "flag", "never"), REFLECTED)
def test_one_layer_of_reflections(name, flag, never):
    config = {"model_type": "gated_deltanet", "num_hidden_layers": 1, "allow_neg_eigval": flag}
    assert (excluded(config, task_named(name).tracked, 1) is not None) is never


@pytest.mark.parametrize(
    ("name", "depth"),
    [("parity", 1), ("C60", 1), ("S3", 2), ("Q8", 2), ("A4", 2), ("S4", 3), ("A5", None), ("flip-flop(2)", 1),
     ("even-pairs", 2)],
)  # fmt: skip
def test_depths(name, depth):
    assert least_depth(task_named(name).tracked) == depth


# ---------------------------------------------------------------------------------------------- what is asked


def test_tasks_are_separated_outside_brackets():
    assert read_tasks("dyck(2,4), S3,C2") == ("dyck(2,4)", "S3", "C2")
    assert read_tasks(["S3", "S3"]) == ("S3",)
    assert read_tasks(None) == SUITE
    assert len(SUITE) == 15
    with pytest.raises(InputError, match="wanted names"):
        read_tasks("S3,,C2")


def ahead(letters, classes):
    class Ahead(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, ids):
            return self.scale * nn.functional.one_hot(ids.flip(1) % classes, classes).float()

    return Ahead()


def narrow(letters, classes):
    return nn.Sequential(nn.Embedding(letters, classes - 1))


def flat(letters, classes):
    return nn.Sequential(nn.Embedding(letters, 3), nn.Flatten())


def broken(letters, classes):
    raise ValueError("no such size")


def no_module(letters, classes):
    return "model"


def frozen(letters, classes):
    return nn.Embedding(letters, classes).requires_grad_(False)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (ahead, "ahead: its answer at position 1 of 12 moved"),
        (narrow, "gave 2 logits; the task has 3 classes"),
        (flat, "wanted logits"),
        (broken, r"broken\(3, 3\): it raised ValueError \(no such size\)"),
        (no_module, "returned a str"),
        (frozen, "no parameter of it can be trained"),
        ("nothing.py:make", "nothing.py"),
        ("nothing.py", "which function of it"),
        ("no_such_thing", "unknown architecture 'no_such_thing'"),
        ("aussm;", "wanted e.g."),
        ("aussm;aussm", "comes twice"),
        (7, "a int; wanted"),
    ],
)
def test_architectures_that_cannot_be(architecture, message):
    with pytest.raises(InputError, match=message):
        sn.probe(architecture, "C3", out="p", **QUICK)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": "huge"}, "unknown budget"),
        ({"seeds": 0}, "seeds: 0"),
        ({"seeds": [-1]}, "seeds"),
        ({"learning_rate": 0}, "numbers above 0"),
        ({"learning_rate": []}, "none given"),
        ({"length": "long"}, "length 'long'"),
        ({"tasks": "S9"}, "at most 1,000 elements"),
        ({"tasks": "C1"}, "trivial"),
        ({"steps": 0}, "steps"),
        ({"test_length": 10**6, "test_words": 10**6}, "at most 100,000,000 letters in all"),
        ({"batch": 10**6, "length": "1000"}, "logits a step"),
    ],
)
def test_options_that_cannot_be(options, message):
    given = {"tasks": "C2"} | QUICK | options
    with pytest.raises(InputError, match=message):
        sn.probe(for_ever, out="p", **given)


def test_budgets_name_their_development_seeds():
    """Copies are counted from seed 0, and defaults were chosen on seeds from 9000 on: they never meet."""
    assert all(budget.seeds < 9000 for budget in BUDGETS.values())


def test_a_class_of_transformers(tmp_path):
    """A tiny model is trained; its folder, read as anybody's model, answers as it was judged."""
    pytest.importorskip("transformers")
    found = sn.probe(
        "mamba2", "C3", layers=1, width=16, out=tmp_path / "p", **(QUICK | {"steps": 2, "test_length": 20})
    )
    (only,) = found.rows
    assert only["allowed"] == NO
    assert "Mamba-2" in only["reason"]
    task = task_named("C3")
    words, labels = drawn_words(task, TEST, 40, 20, 0)
    answers = sn.load(only["network"]).foreign(task.tracked).answers(words)
    assert float(np.mean((answers == labels)[:, -1])) == pytest.approx(only["last"], abs=1e-5)


def test_a_configuration_of_transformers():
    pytest.importorskip("transformers")
    architecture = read_architecture("transformers:mamba", 1, 16)
    assert architecture.name == "mamba x1"
    assert read_architecture("mamba", 1).name == "mamba x1"  # ours
    assert architecture.as_json() != read_architecture("mamba", 1).as_json()
    with pytest.raises(InputError, match="comes twice"):
        read_architectures("mamba; transformers:mamba", 1, 16)
    from transformers import AutoConfig

    given = read_architecture(AutoConfig.for_model("mamba2", hidden_size=16, num_hidden_layers=1, num_heads=4,
                                                   head_dim=8, state_size=4, n_groups=1))  # fmt: skip
    module = given.build(5, 7, 0)
    assert probing.answers(module, torch.arange(6)[None] % 5, 7).shape == (1, 6, 7)
