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
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.initial import GAP, initial_network
from subnormal.models.training.pool import Resources
from subnormal.models.training.recorded import task_of


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
    assert "| S4, block-3 | 2 | 0.0003 | " in page
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["configuration"]["group"] for row in rows] == ["S3", "S3", "S4"]
    assert block_training.reproduce_block_training(tmp_path, True, Resources(1)).read_text() == page
