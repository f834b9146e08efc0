"""Accuracies at growing lengths, against their definitions."""

import json

import numpy as np
import pytest
import torch

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import read_automaton
from subnormal.artifacts.artifact import load
from subnormal.command_line.training import evaluate as command
from subnormal.common.errors import InputError
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.models.network import DCDNetwork
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.evaluation import Accuracy, accuracy_of_right, drawn_words, evaluate, lengths_to
from subnormal.models.training.initial import initial_network
from subnormal.models.training.tasks import TEST, VALIDATION, make_task
from tests.cases import group


def test_lengths():
    assert lengths_to(60) == (20, 40, 60)
    assert lengths_to(50) == (20, 40, 50)
    assert lengths_to(7) == (7,)
    assert lengths_to(1000)[-2:] == (980, 1000)
    assert lengths_to(10**6)[50:] == (2000, 5000, 10**4, 2 * 10**4, 5 * 10**4, 10**5, 2 * 10**5, 5 * 10**5, 10**6)


def test_the_longest_length_has_no_gap_below_it():
    lengths = (20, 40, 60, 80)
    assert Accuracy(10, lengths, (1.0, 0.95, 0.91, 0.91), (1.0,) * 4).longest == 80
    assert Accuracy(10, lengths, (1.0, 0.9, 0.95, 0.95), (1.0,) * 4).longest == 20
    assert Accuracy(10, lengths, (0.5, 1.0, 1.0, 1.0), (1.0,) * 4).longest == 0
    assert Accuracy(10, lengths, (float("nan"),) * 4, (0.0,) * 4).longest == 0


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_accuracies_are_the_shares_they_claim(noise):
    task = make_task(group("S3"), hold_out=3)
    network = initial_network(RunConfiguration("S3", init="compiled", noise=noise), task)
    accuracy = evaluate(network, task, 2100, 30, seed=4)
    words = np.concatenate([task.evaluation_words(TEST, 30, 1000, 4, block) for block in range(3)], axis=1)[:, :2100]
    right = network.predict(torch.from_numpy(words))[0].numpy() == task.labels(words)
    assert accuracy.lengths[-2:] == (2000, 2100)
    for length, last, whole in zip(accuracy.lengths, accuracy.last, accuracy.whole, strict=True):
        assert last == right[:, length - 1].mean()
        assert whole == right[:, :length].all(axis=1).mean()
    assert (accuracy.longest == 2100) == (noise == 0)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("family", ["aussm", "gated-aussm", "negative-mamba", "s4d", "rnn", "delta-2", "block-3"])
def test_what_is_not_asked_changes_no_answer(family, layers):
    """Where no gradient is asked for, the first layer's φ is made token by token, and answers that no figure needs are
    left out. Accuracies are those of the plain forward pass, to the last digit."""
    task = make_task(group("S3"))
    network = initial_network(RunConfiguration("S3", family=family, layers=layers, seed=3), task)
    words, labels = (torch.from_numpy(part) for part in drawn_words(task, TEST, 50, 70, 0))
    logits = network(words)
    assert logits.requires_grad
    plain = logits.argmax(-1)
    assert torch.equal(network.predict(words)[0], plain)
    wanted = torch.from_numpy(np.random.default_rng(0).random(words.shape) < 0.2)
    found, state = network.predict(words, None, 500, wanted)
    assert torch.equal(found, plain.where(wanted, -1))
    assert torch.equal(network.predict(words, None, 7, wanted)[0], found)
    further = network.predict(words, state)[0]
    assert torch.equal(further, network.predict(torch.cat([words, words], 1))[0][:, 70:])
    assert evaluate(network, task, 70, 50).as_json() == accuracy_of_right((plain == labels).numpy()).as_json()


def test_a_turn_that_is_not_finite_makes_every_later_state_nan():
    """With the token's φ in a table as without."""
    task = make_task(group("S3"))
    network = initial_network(RunConfiguration("S3", family="gated-aussm"), task)
    with torch.no_grad():
        network.embedding.weight[2] = float("inf")
    words = torch.tensor([[0, 1, 2, 3, 0, 4, 5, 0]])
    assert network.features(words).isnan().any(-1).tolist() == [[False] * 2 + [True] * 6]


def test_giving_up_finds_the_same_longest_length():
    task = make_task(group("C6"))
    network = DCDNetwork(
        6, 6, [{"family": "aussm", "channels": 2, "hidden": 4, "readout": 4, "activation": "gelu"}], seed=0
    )
    short = evaluate(network, task, 400, 20, give_up=True)
    assert short.longest == evaluate(network, task, 400, 20).longest
    assert short.lengths == (20,)


def test_validation_words_are_not_test_words():
    task = make_task(group("C6"))
    assert not np.array_equal(task.evaluation_words(TEST, 9, 99, 0), task.evaluation_words(VALIDATION, 9, 99, 0))


@pytest.mark.parametrize("name", ["tomita(3)", "flip-flop(2)"])
def test_a_compiled_automaton_is_right_at_every_length(name, tmp_path, capsys):
    """Judged by the folder alone: its own letters and states."""
    compile_automaton(read_automaton(name), FAMILIES["gated-aussm"]).save(tmp_path)
    command(tmp_path, length=300, words=50, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["group"] == name
    assert found["longest"] == found["lengths"][-1] == 300
    assert found["whole"][-1] == 1.0
    task = load(tmp_path).task
    words = task.evaluation_words(TEST, 3, 40, 0)
    automaton = read_automaton(name)
    assert all((labels == automaton.run(word)).all() for word, labels in zip(words, task.labels(words), strict=True))


def test_a_folder_of_another_kind(tmp_path):
    with pytest.raises(InputError, match="nothing that is read here"):
        load(tmp_path).tracked  # noqa: B018
