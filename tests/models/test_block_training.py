"""Layers of blocks trained from compiled weights, and the experiment that compares them with other families."""

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

import subnormal as sn
from subnormal.algebra.depth.families import ALL_FAMILIES
from subnormal.common.errors import InputError
from subnormal.experiments import block_training
from subnormal.experiments.block_training import FAMILIES, GROUPS, depth_of, near_cells, random_cells
from subnormal.models.network import DCDNetwork
from subnormal.models.penalties import Penalties, frame
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.initial import GAP, initial_network, penalties_of
from subnormal.models.training.loop import train_batch
from subnormal.models.training.pool import Resources
from subnormal.models.training.recorded import task_of
from subnormal.models.training.runs import RunStore


def start(group, family, **settings):
    configuration = RunConfiguration(group, family, init="compiled", **settings)
    task = task_of(configuration)
    return initial_network(configuration, task), task


@pytest.mark.parametrize(
    ("group", "family", "settings"),
    [
        ("S4", "block-2", {}),
        ("S4", "block-2,block-2", {}),
        ("S4", "block-2", {"channels": 8, "hidden": 160}),
        ("A5", "block-3", {}),
        ("S5", "block-4", {"alphabet": "generators"}),
        ("Q8", "complex-block-2", {"channels": 6}),
        ("Q8", "block-2", {"readout": 20}),  # more states than elements: the head has gates
    ],
)
def test_it_starts_with_the_compiled_answers_made_steeper(group, family, settings):
    network, task = start(group, family, **settings)
    words = torch.from_numpy(np.random.default_rng(0).integers(len(task.alphabet), size=(4, 200)))
    logits = network(words).detach()
    labels = torch.from_numpy(task.labels(words.numpy()))
    assert (logits.argmax(-1) == labels).all()
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    assert float(loss) < 2 * math.exp(-GAP)


@pytest.mark.parametrize(("group", "family"), [("S4", "block-3"), ("A5", "block-3"), ("GL(2,3)", "block-2")])
def test_scores_of_every_decision_differ_by_the_gap(group, family):
    """At its points, as `compile` wrote them."""
    network, _ = start(group, family)
    compiled = sn.compile(group, family).network()
    for sharp, layer in zip(network.layers, compiled.layers, strict=True):
        own, points = sharp.psi.weight.detach()[:, sharp.width :], layer.psi.weight.detach()[:, layer.width :]
        least = math.inf
        first = 0
        for size in layer.specification.groups or (layer.specification.readout,):
            rows = slice(first, first + size)
            scores = points[rows] @ own[rows].T.double() + sharp.psi.bias.detach()[rows]
            best = scores.topk(min(2, size), dim=-1).values
            least = min(least, float((best[:, 0] - best[:, -1]).min())) if size > 1 else least
            first += size
        assert least == pytest.approx(GAP, rel=1e-4)


def test_a_step_of_noise_leaves_most_answers():
    network, task = start("S4", "block-3", noise=0.001)
    words = torch.from_numpy(np.random.default_rng(0).integers(24, size=(8, 20)))
    right = network(words).argmax(-1).numpy() == task.labels(words.numpy())
    assert right.mean() > 0.9


def test_training_takes_what_compile_returned(tmp_path):
    settings: dict[str, Any] = {
        "steps": 2,
        "length": "4",
        "test_words": 2,
        "test_length": 20,
        "processes": 1,
        "check_words": 2,
    }
    found = sn.train("S3", init=sn.compile("S3", "block-2"), out=tmp_path / "a", **settings)
    assert found.rows[0]["configuration"]["family"] == "block-2"
    found = sn.train("S4", "block-2", init="compiled", out=tmp_path / "b", **settings)
    assert found.rows[0]["test"]["longest"] == 20


@pytest.mark.parametrize(
    ("group", "family", "message"),
    [
        ("A5", "block-2", "composition factor A5.*`--family block-3` can"),
        ("S7", "block-4", "blocks are written up to 2,048"),
        ("tomita(5)", "block-2", "layers of block-2 are compiled for groups"),
        ("S3", "block-2,aussm", "one of the diagonal families is wanted"),
        ("S3", "delta-2", "unknown family 'delta-2'"),
    ],
)
def test_what_cannot_be_compiled_is_refused_before_training(group, family, message):
    with pytest.raises(InputError, match=message):
        start(group, family)


def test_the_depths_of_the_table():
    assert {f: depth_of("A5", f).text for f in FAMILIES[:6]} == {
        "block-2": "never", "block-3": "1", "block-4": "1", "complex-block-2": "1", "gated-aussm": "never",
        "aussm": "never",
    }  # fmt: skip
    assert [depth_of("S4", f).layers for f in FAMILIES[:6]] == [2, 1, 1, 1, 3, 3]
    assert [depth_of("Q8", f).text for f in FAMILIES[6:]] == ["?", "?", "?", "1"]
    for cell in random_cells(False):
        (run, *_) = cell.runs
        channels, size = run.channels, ALL_FAMILIES[run.family].block_size
        assert channels % size == 0
        assert len(run.families) == depth_of(run.group, run.family).layers
    assert len(random_cells(False)) == len(GROUPS) * len(FAMILIES) == 60
    assert all(run.compiled and run.noise == 0.01 for cell in near_cells(False) for run in cell.runs)


def test_the_experiment_from_end_to_end(tmp_path, monkeypatch):
    tiny = {"steps": 2, "length": "4", "check_every": 2, "check_words": 2, "check_length": 20, "test_words": 4,
            "test_length": 40, "channels": 6, "hidden": 8}  # fmt: skip
    monkeypatch.setattr(block_training, "QUICK", block_training.Budget(1, (1e-2,), tiny))
    page = block_training.reproduce_block_training(tmp_path, True, Resources(1)).read_text()
    assert "| group | block-2 | block-3 |" in page
    assert "| S3 | 1: ✘ (0/1) | 1: ✘ (0/1) |" in page
    assert "| S4, block-3 | 10 | " in page
    assert "| S4, block-3 | 0 | " in page
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["configuration"]["group"] for row in rows] == ["S3", "S3", "S4", "S4"]
    assert block_training.reproduce_block_training(tmp_path, True, Resources(1)).read_text() == page


@pytest.mark.parametrize(("group", "family"), [("S4", "block-3"), ("GL(2,3)", "block-2"), ("A5", "complex-block-2")])
def test_compiled_blocks_do_not_stretch_in_their_frames(group, family):
    """In their own coordinates those of S4 and GL(2,3) do: they are integers."""
    configuration = RunConfiguration(group, family, init="compiled", dtype="float64")
    network, task = start(group, family, dtype="float64")
    penalties = penalties_of(configuration, task)
    assert penalties is not None
    words = torch.from_numpy(task.training_words(4, 30, 7))
    _, added = network(words, penalties=penalties)
    assert added.item() < 1e-9
    _, plain = network(words, penalties=Penalties(stretch=1.0))
    assert (plain.item() > 1) == (family != "complex-block-2")


@pytest.mark.parametrize("family", ["block-3", "complex-block-2"])
def test_stretching_is_the_distance_of_the_gram_matrix_from_one(family):
    """By torch's own complex numbers, over the tokens one by one."""
    network = DCDNetwork(5, 5, [{"family": family, "channels": 6, "hidden": 8, "readout": 5, "activation": "gelu"}],
                         dtype="float64", seed=1)  # fmt: skip
    layer, tokens = network.layers[0], torch.arange(5)
    raw = layer.raw(torch.zeros(5, 0).double(), tokens, network.embedding.weight).detach()
    rows = raw.unflatten(1, (len(layer.transition.parts), -1))
    m = layer.transition.family.block_size
    if layer.transition.complex_state:
        rows = torch.complex(rows[:, ::2], rows[:, 1::2])
    matrices = rows[:, :m].unflatten(2, (m, 6 // m)).permute(0, 3, 1, 2)
    gram = matrices.mH @ matrices - torch.eye(m)
    wanted = gram.abs().square().sum((-2, -1)).mean() * (2 if layer.transition.complex_state else 1)
    _, added = network(tokens[:, None], penalties=Penalties(stretch=2.0))
    torch.testing.assert_close(added, 2 * wanted)


def test_a_frame_is_found_where_there_is_one():
    shrinking = torch.diag(torch.tensor([1.0, 0.5])).double()
    turn = torch.tensor([[0.0, -1.0], [1.0, -1.0]]).double()
    found = frame(torch.stack([torch.stack([a, b, c]) for a, b, c in zip(
        [turn, turn @ turn], [shrinking, shrinking], [turn * math.nan, turn], strict=True)]))  # fmt: skip
    made = found.to[0] @ turn @ found.back[0]
    torch.testing.assert_close(made.mT @ made, torch.eye(2).double())
    for block in (1, 2):  # forgets a direction; is not finite
        torch.testing.assert_close(found.to[block], torch.eye(2).double())


def test_right_answers_make_states_grow_and_the_penalty_keeps_them():
    """At the exact solution: every answer is right, and still the loss falls if all matrices are stretched."""
    network, task = start("A5", "block-3")
    words = torch.from_numpy(task.training_words(8, 60, 0))
    labels = torch.from_numpy(task.labels(words.numpy()))
    transition, factor = network.layers[0].transition, torch.ones((), requires_grad=True)
    maps = transition.maps
    transition.maps = lambda raw: (factor * maps(raw)[0], maps(raw)[1])
    logits = network(words)
    assert (logits.argmax(-1) == labels).all()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()).backward()
    assert factor.grad is not None
    assert float(factor.grad) < -1


WITH_AND_WITHOUT: list[dict[str, Any]] = [{}, {"stretch_penalty": 0.0}]


def test_shaken_blocks_are_found_again(tmp_path):
    """At the start A5 is wrong from the third token on, here and there; without the penalty it is lost within 120."""
    longest = []
    for given in WITH_AND_WITHOUT:
        run = RunConfiguration("A5", "block-3", init="compiled", noise=0.01, learning_rate=1e-3, batch=8, steps=150,
                               length="2>>60", check_every=150, check_words=4, check_length=20, test_words=40,
                               test_length=400, **given)  # fmt: skip
        (row,) = train_batch([run], RunStore(tmp_path))
        assert row["curve"][0][2] < 0.8
        longest.append(row["test"]["longest"])
    assert longest[0] == 400
    assert longest[1] < 120


def test_random_blocks_do_not_grow_beyond_bounds(tmp_path):
    losses = []
    for given in WITH_AND_WITHOUT:
        run = RunConfiguration("S3", "block-3", learning_rate=0.01, seed=1, channels=12, batch=64, length="2>>40",
                               steps=200, check_every=200, check_words=4, check_length=20, test_words=4,
                               test_length=20, weight_decay=0.3, **given)  # fmt: skip
        losses.append(train_batch([run], RunStore(tmp_path))[0]["loss"])
    assert losses[0] < 1 < 100 < losses[1]


def test_of_equal_checks_the_later_is_kept(tmp_path):
    """From compiled weights every check may be without a mistake, long before nothing is left to learn."""
    run = RunConfiguration("S3", "block-2", init="compiled", keep="best", steps=4, batch=2, length="4", check_every=2,
                           check_words=2, check_length=20, test_words=2, test_length=20)  # fmt: skip
    assert train_batch([run], RunStore(tmp_path))[0]["kept_step"] == 4


def test_defaults_of_blocks(tmp_path):
    def chosen(family="block-2", **changes):
        run = RunConfiguration("S3", family, **changes)
        return (run.stretch_penalty, run.drive_penalty, run.gradient, run.moving)

    near = (10.0, 10.0, "local", "phi")
    assert chosen() == (0.1, 0.0, "through", "all")
    assert chosen("aussm,block-2") == (0.1, 0.0, "through", "all")
    assert chosen("aussm")[0] == chosen("aussm", init="compiled")[0] == 0.0
    assert chosen(init="compiled") == near
    sn.compile("S3", "block-2").save(tmp_path)
    assert chosen(init=str(tmp_path)) == near
    with pytest.raises(InputError, match=r"stretch_penalty: goes with a layer of blocks \(block-2.*got aussm"):
        RunConfiguration("S3", "aussm", stretch_penalty=1.0)


def test_runs_of_a_batch_share_their_frames(tmp_path):
    """A folder may hold other matrices than what is compiled now."""
    sn.compile("S3", "block-2").save(tmp_path)
    now, folder = (RunConfiguration("S3", "block-2", init=init) for init in ("compiled", str(tmp_path)))
    assert now.shared != folder.shared
    assert now.with_changes(seed=3, noise=0.1).shared == now.shared
