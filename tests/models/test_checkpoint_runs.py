"""`train` from one layer that does all: a checkpoint for another library, or a delta-rule network, shaken."""

import json
from typing import Any

import numpy as np
import pytest
import torch

import subnormal as sn
from subnormal.common.errors import InputError
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.evaluation import accuracy_of_right, drawn_words, evaluate
from subnormal.models.training.tasks import TEST, make_task

FEW: dict[str, Any] = {
    "steps": 2, "batch": 4, "length": "6", "check_every": 1, "check_words": 4, "check_length": 20, "test_words": 6,
    "test_length": 30,
}  # fmt: skip


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    pytest.importorskip("transformers")
    return sn.compile("S3", target="olmo-hybrid").save(tmp_path_factory.mktemp("start") / "olmo")


def train(tmp_path, *given, **settings):
    return sn.train(*given, out=tmp_path / "runs", processes=1, **(FEW | settings))


def test_unshaken_weights_stay_right(tmp_path, start):
    training = train(tmp_path, "S3", init=start)
    assert training.rows[0]["test"]["last"] == [1.0, 1.0]
    assert training.rows[0]["loss"] < 1e-6  # the answers are certain among all tokens of the vocabulary
    assert training.rows[0]["configuration"]["family"] == "olmo-hybrid"


def test_every_weight_is_shaken_and_moves(tmp_path, start):
    before = {name: tensor.clone() for name, tensor in sn.load(start).foreign().module.state_dict().items()}
    shaken = train(tmp_path, "S3", init=start, noise=0.1, seeds=[3])
    after = shaken.network().state_dict()
    assert before.keys() == after.keys()
    assert all((after[name] != tensor).all() for name, tensor in before.items())
    rates = [train(tmp_path, "S3", init=start, noise=0.1, seeds=[3], learning_rate=rate).network().state_dict()
             for rate in (1e-3, 1e-2)]  # fmt: skip
    moved = [float((rates[1][name] - rates[0][name]).abs().max()) for name in before]
    assert max(moved) > 1e-3


def test_training_mends_what_noise_broke(tmp_path, start):
    settings = {"noise": 0.05, "seeds": [0], "batch": 16, "length": "12", "check_every": 20, "learning_rate": 1e-3}
    curve = train(tmp_path, "S3", init=start, **settings, steps=60).rows[0]["curve"]
    losses = [loss for _, loss, _, _ in curve[1:]]
    assert losses[0] > 1e-3
    assert losses[-1] < losses[0] / 2, losses


def test_what_is_written_is_a_checkpoint_that_claims_nothing(tmp_path, start):
    training = train(tmp_path, "S3", init=start, noise=0.01)
    folder = training.folder / "networks" / training.rows[0]["key"]
    card = (folder / "README.md").read_text()
    assert "nothing is proved" in card
    assert "What is proved" not in card
    assert sn.load(folder).kind == sn.load(training.folder).kind == "checkpoint"
    found = sn.evaluate(training.folder, words=4, length=20)
    assert found.name == "S3"
    assert not found.notes  # it is not held against it that its weights are not those that were compiled
    assert sn.train("S3", init=training.folder, out=tmp_path / "more", processes=1, **FEW).rows  # and goes on


def test_compiled_targets_by_name(tmp_path, monkeypatch, capsys):
    pytest.importorskip("transformers")
    monkeypatch.chdir(tmp_path)
    training = train(tmp_path, "S3", "olmo-hybrid", init="compiled", noise=0.01)
    again = train(tmp_path, "S3", "olmo-hybrid", init="compiled", noise=0.01)
    assert [row["key"] for row in again.rows] == [row["key"] for row in training.rows]  # nothing is made twice
    delta = sn.train("S3", "delta", init="compiled", noise=0.01, out=tmp_path / "delta", processes=1, **FEW)
    assert delta.rows[0]["configuration"]["family"] == "delta-2"
    assert not delta.rows[0]["configuration"]["early_stop"]
    assert sn.load(tmp_path / "delta" / "start").kind == "delta"


def test_letters_are_those_of_the_checkpoint(tmp_path):
    pytest.importorskip("transformers")
    start = sn.compile("A5", target="olmo-hybrid", alphabet="generators").save(tmp_path / "a5")
    training = train(tmp_path, "A5", init=start)
    assert len(training.rows[0]["configuration"]["alphabet"].split(";")) == 2
    assert training.rows[0]["test"]["last"][-1] == 1.0
    with pytest.raises(InputError, match="letters: .* has none that is called"):
        train(tmp_path / "x", "A5", init=start, alphabet="all")


def test_an_automaton(tmp_path):
    pytest.importorskip("transformers")
    training = train(tmp_path, "flip-flop(2)", init=sn.compile("flip-flop(2)", target="mamba2"))
    assert training.rows[0]["test"]["last"][-1] == 1.0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"channels": 4}, "channels: of networks of our own"),
        ({"losses": "every"}, "losses: of networks of our own"),
        ({"family": "aussm"}, "family: aussm, and .* is a checkpoint for olmo-hybrid"),
    ],
)
def test_what_does_not_go_with_a_checkpoint(tmp_path, start, settings, said):
    with pytest.raises(InputError, match=said):
        train(tmp_path, "S3", init=start, **settings)


def test_refusals(tmp_path, start):
    with pytest.raises(InputError, match=r"from compiled weights, e.g. `--init compiled"):
        train(tmp_path, "S3", "olmo-hybrid")
    with pytest.raises(InputError, match="transformers has no class for it"):
        train(tmp_path, "S3", "deltaproduct", init="compiled")
    with pytest.raises(InputError, match="letters: .* has none|answers with others"):
        train(tmp_path / "a", "S4", init=start)
    with pytest.raises(InputError, match="the initial network has a layer of delta-2, wanted delta-3"):
        train(tmp_path / "b", "S3", "delta-3", init="compiled")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "config.json").write_text(json.dumps({"model_type": "mamba2"}))
    with pytest.raises(InputError, match="not written by `compile --target`"):
        train(tmp_path / "c", "S3", init=tmp_path / "theirs")


def test_defaults_by_start(start):
    for init, early, length in (("random", True, "2-60"), ("compiled", False, "2>>60"), (str(start), False, "2>>60")):
        run = RunConfiguration("S3", init=init)
        assert (run.early_stop, run.length) == (early, length)
    assert RunConfiguration("S3", "olmo-hybrid", init=str(start)).moving == "all"


@pytest.mark.parametrize("longest", [7, 1000, 2300])
def test_words_drawn_at_once_are_those_of_evaluate(longest):
    task = make_task(sn.group("S3").listed())
    words, labels = drawn_words(task, TEST, 5, longest, 0)
    assert words.shape == labels.shape == (5, longest)
    assert (task.labels(words) == labels).all()
    network = sn.compile("S3").network().dense()
    with torch.no_grad():  # right on some words, wrong on others
        network.layers[1].phi.out.weight += 0.003 * torch.randn(
            network.layers[1].phi.out.weight.shape, generator=torch.Generator().manual_seed(0)
        )
    right = network.predict(torch.from_numpy(words))[0].numpy() == labels
    streamed = evaluate(network, task, longest, 5)
    assert right.any()
    assert longest < 1000 or not right.all()
    assert accuracy_of_right(right).as_json() == streamed.as_json()
    broken = np.arange(right.size).reshape(right.shape) % 7 > 0
    assert accuracy_of_right(broken).last[-1] == broken[:, -1].mean()
