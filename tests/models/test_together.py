"""Training all layers together: what starts late, what decays, what settles."""

import numpy as np
import pytest
import torch

from subnormal.algebra.input.parser import list_group
from subnormal.common.errors import InputError
from subnormal.experiments.training_together import TogetherNetworks, TogetherRecipe, train_together
from subnormal.models.learning.words import words_of_task
from subnormal.models.training.tasks import full_task

BASE = TogetherRecipe(
    losses="last", gradient="through", decision="soft", channels=4, steps=10, growth=1.0, positions=32, answers=1.0
)
TASK = full_task(list_group("S3"))
WORDS = words_of_task(TASK, 50, 12, 0)


def trained(**changes):
    recipe = TogetherRecipe(**{**BASE.as_json(), **changes})

    def longer(seed, step, count, length):
        tokens = TASK.training_words(count, length, seed, 10**6, step)
        return tokens, TASK.labels(tokens)

    start = TogetherNetworks(recipe, 6, 6, [3])
    end, _ = train_together([WORDS], [3], recipe, longer)
    return {
        name: float((end_parameter - start_parameter).detach().abs().max())
        for own, other in ((end.phase, start.phase), (end.heads, start.heads))
        for (name, end_parameter), start_parameter in zip(own.items(), other.values(), strict=True)
    }


def test_a_late_layer_waits_for_its_turn_and_its_answers_do_not():
    moved = trained(late=0.0)
    assert moved["table1"] == moved["head1"] == 0
    assert min(moved["table0"], moved["head0"], moved["head_bias0"], moved["head_bias1"]) > 1e-3
    assert trained(late=0.0, cycles=2)["table1"] > 1e-3  # the second growth is its turn
    assert [BASE.turn_of(step) for step in (0, 9, 10)] == [0, 0, 1]


def test_a_layer_moves_less_after_its_turn_and_the_last_one_to_the_end():
    recipe = TogetherRecipe(layers=3, cycles=3, steps=40, growth=0.75, late=0.0, early=0.1)
    turns = [recipe.turn_of(step) for step in (0, 9, 10, 20, 39)]
    shares = [[recipe.share_at(turn, layer) for layer in (0, 1, 2, None)] for turn in turns]
    assert shares == [[1, 0, 0, 1], [1, 0, 0, 1], [0.1, 1, 0, 1], [0.1, 0.1, 1, 1], [0.1, 0.1, 1, 1]]
    steady, still = trained(cycles=2, early=1.0), trained(cycles=2, early=0.0)
    assert 0 < still["table0"] < steady["table0"]
    assert 0 < still["head_bias0"] < steady["head_bias0"]
    three = {"layers": 3, "cycles": 3, "growth": 0.9, "steps": 3, "late": 0.0}  # layer 1's turn is the first step
    assert [trained(**three)[f"head_bias{i}"] > 1e-4 for i in range(3)] == [True, True, True]
    assert [trained(**{**three, "steps": 1})[f"head_bias{i}"] > 1e-4 for i in range(3)] == [True, False, True]


def test_scores_set_the_spread_of_the_heads():
    for scores in (0.03, 0.3):
        recipe = TogetherRecipe(scores=scores)
        head = TogetherNetworks(recipe, 6, 6, [3]).heads["head0"].detach()
        assert 0.9 * scores < float(head.std()) < 1.1 * scores


def test_answers_are_spread_and_do_not_decay():
    start = TogetherNetworks(BASE, 6, 6, [3]).heads["head_bias1"]
    assert 0.5 < float(start.detach().std()) < 1.5
    assert not TogetherNetworks(TogetherRecipe(), 6, 6, [3]).heads["head_bias1"].any()
    rates = {"head_rate": 1e-3, "decay": 900.0, "steps": 1}  # a step takes nine tenths of what decays
    moved = trained(**rates)
    assert moved["head_bias1"] < 0.01
    assert moved["head1"] > 0.1
    assert trained(**rates, answers=0.0)["head_bias1"] < 0.01  # nothing to decay


def test_settling_moves_the_phases_alone_on_words_that_grow():
    moved, settled = trained(), trained(settling=5, settling_length=40, settling_rate=0.01, settling_positions=80)
    for name, size in moved.items():
        assert (settled[name] != size) == name.startswith("table"), name
    recipe = TogetherRecipe(settling=10, settling_length=480, settling_rate=0.001)
    assert recipe.settling_at(0, 60) == (60, 0.001)
    assert recipe.settling_at(7, 60)[0] == recipe.settling_at(9, 60)[0] == 480
    assert recipe.settling_at(9, 60)[1] < 2e-5


def test_decisions_are_hard_after_the_settling():
    networks = TogetherNetworks(BASE, 6, 6, [3])
    tokens = torch.from_numpy(WORDS.tokens[None, :4])
    soft, _, _ = networks(tokens)
    networks.hard = True
    _, _, added = networks(tokens)
    rows = networks.phase["table1"].detach().flatten(0, 1).flatten(0, 1).numpy()  # (tokens, states) rows
    found = added[1].detach().flatten(0, 2).numpy()
    assert np.abs(found[:, None] - rows[None]).max(-1).min(-1).max() < 1e-6  # each is one row, no mean of rows
    assert not torch.equal(soft, networks(tokens)[0])


def test_unknown_choices_are_refused():
    with pytest.raises(InputError, match="decision: wanted hard or soft, got 'firm'"):
        TogetherRecipe(decision="firm")


def test_the_experiment_writes_its_cells_and_goes_on(tmp_path, monkeypatch, capsys):
    from subnormal.experiments import together

    small = {"steps": 12, "channels": 4, "settling": 2, "settling_length": 70}
    monkeypatch.setattr(together, "ARMS", {"one-loss": {**together.ONE_LOSS, **small}, "one-loss/late": {"late": 1.0}})
    for name, value in {"WORDS": 40, "SNAP_WORDS": 20, "TEST_WORDS": 10, "SETTLED_TEST_LENGTH": 80}.items():
        monkeypatch.setattr(together, name, value)
    page = together.reproduce_together(tmp_path, quick=True).read_text()
    assert "S3 one-loss: " in capsys.readouterr().out
    assert page.splitlines()[-1].startswith("| S3 | one-loss | losses last, gradient through, decision soft, ")
    rows = (tmp_path / "cells.jsonl").read_text()
    together.reproduce_together(tmp_path, quick=True)
    assert capsys.readouterr().out == ""  # nothing is trained again
    assert (tmp_path / "cells.jsonl").read_text() == rows
    assert together._changes("one-loss/late") == "one-loss, late 1.0"
