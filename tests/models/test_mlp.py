"""An MLP for φ: what it computes, how it starts, how far a step moves it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from subnormal.experiments import mlp_layer
from subnormal.experiments.mlp import DEVIATION, hidden_of_pairs, kernel_parts, make_sparse, new_mlp
from subnormal.experiments.mlp_layer import LayerArm
from subnormal.experiments.training_together import TogetherNetworks, TogetherRecipe, _groups

STATES, TOKENS, HIDDEN, CHANNELS = 6, 10, 400, 300


def drawn(threshold=None, runs=2):
    generator = np.random.default_rng(0)
    mlp = new_mlp(
        lambda scale, *shape: torch.from_numpy(generator.standard_normal((runs, *shape)) * scale),
        STATES, TOKENS, HIDDEN, CHANNELS, 1.0,
    )  # fmt: skip
    return mlp, None if threshold is None else make_sparse(mlp, threshold)


def phases_of_pairs(mlp):
    return hidden_of_pairs(mlp["state"], mlp["token"]) @ mlp["out"] + mlp["bias"].unsqueeze(1)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 2.0])
def test_units_fire_for_the_share_of_pairs_that_a_normal_tail_has(threshold):
    mlp, total = drawn(threshold)
    hidden = hidden_of_pairs(mlp["state"], mlp["token"])
    share = {0.0: 0.5, 1.0: 0.1587, 2.0: 0.0228}[threshold]
    assert abs(float((hidden > 0).double().mean()) - share) < 0.15 * share
    assert float(phases_of_pairs(mlp).std()) == pytest.approx(1.0, rel=0.1)  # turns
    assert total == pytest.approx(float(hidden.sum(-1).mean()))
    mean_of_a_unit = {0.0: 0.3989, 1.0: 0.0833, 2.0: 0.0085}[threshold] * DEVIATION  # E relu(z - threshold)
    assert total == pytest.approx(HIDDEN * mean_of_a_unit, rel=0.15)


def test_the_kernel_of_a_table_is_one_and_that_of_random_units_is_the_arc_cosine_kernel():
    assert kernel_parts(np.eye(STATES * TOKENS), STATES) == pytest.approx((1, 1, 1))
    grid = np.add.outer(np.arange(6.0), np.arange(10.0)).reshape(60, 1)
    assert kernel_parts(grid - grid.mean(), 6) == pytest.approx((0, 60 / 14, 0))
    # correlations 1, 1/2, 0 of pairs that share two, one, no entries (Cho and Saul 2009, order 1), over that of 1
    half, none = (np.sqrt(0.75) + np.pi / 3) / np.pi, 1 / np.pi
    mlp, _ = drawn(runs=20)
    found = np.mean([kernel_parts(run.numpy(), STATES) for run in hidden_of_pairs(mlp["state"], mlp["token"])], axis=0)
    rest = 1 - 2 * half + none
    assert rest == pytest.approx(0.1, abs=0.01)
    assert found[2] == pytest.approx(rest, rel=0.1)
    assert found[0] == pytest.approx(60 * none + 16 * (half - none) + rest, rel=0.1)
    mlp, _ = drawn(2.0, runs=20)
    found = np.mean([kernel_parts(run.numpy(), STATES) for run in hidden_of_pairs(mlp["state"], mlp["token"])], axis=0)
    assert found[2] > 0.6
    assert found[0] < 7


def test_one_step_moves_a_phase_by_the_step():
    recipe = TogetherRecipe(phi="mlp", hidden=128, mlp_rate=0.0, mlp_step=0.003, threshold=1.0, channels=4)
    networks = TogetherNetworks(recipe, 6, 6, [1, 2])
    rates = {name: group.rate for name, group in zip(networks.mlp, _groups(networks), strict=False)}
    assert {rates[name] for name in rates if not name.startswith("out")} == {0.0}
    for i in range(2):
        hidden = hidden_of_pairs(networks.mlp[f"state{i}"], networks.mlp[f"token{i}"])
        moved = hidden.detach() @ torch.full((2, 128, 4), rates[f"out{i}"])
        assert float(moved.mean()) == pytest.approx(0.003, rel=1e-4)
    old = TogetherNetworks(TogetherRecipe(phi="mlp", channels=4), 6, 6, [1])
    assert {group.rate for group in _groups(old)[: len(old.mlp)]} == {0.002}


def test_the_mlp_reads_soft_decisions_and_gives_on_hard_ones_what_it_gives_pair_by_pair():
    recipe = TogetherRecipe(phi="mlp", hidden=16, mlp_step=0.003, threshold=0.5, channels=4, states=3)
    networks = TogetherNetworks(recipe, 5, 6, [1, 2])
    generator = np.random.default_rng(0)
    states, tokens = (torch.from_numpy(generator.integers(0, n, (2, 40))) for n in (3, 5))
    q = torch.nn.functional.one_hot(states, 3).float()
    with torch.no_grad():
        fast = networks._phases(1, q, tokens)
    slow = networks._phases(1, q.requires_grad_(), tokens)
    assert torch.allclose(fast, slow.detach(), atol=1e-5)
    slow.sum().backward()
    assert q.grad.abs().max() > 0.01
    networks.hard = False
    with torch.no_grad():
        assert torch.allclose(networks._phases(1, q, tokens), fast, atol=1e-5)
        third = torch.full_like(q, 1 / 3)
        assert not torch.allclose(networks._phases(1, third, tokens), fast, atol=0.1)


def test_one_layer_alone_is_found_by_a_table_and_by_an_mlp_and_not_without_training(tmp_path, monkeypatch, capsys):
    mlp = LayerArm(hidden=256, steps=400, positions=256)
    arms = {
        "table": replace(mlp, phi="table", step=0.01),
        "mlp": mlp,
        "split": replace(mlp, splits=2),
        "untrained": replace(mlp, steps=0),
    }
    monkeypatch.setattr(mlp_layer, "LAYER_ARMS", arms)
    for name, value in {"GROUP": "S3", "LOWER_LAYERS": 1, "WORDS": 400}.items():
        monkeypatch.setattr(mlp_layer, name, value)
    mlp_layer.run_layer_arms(tmp_path, [9100, 9101])
    found = {cell["arm"]: cell for cell in mlp_layer.layer_cells(tmp_path)}
    assert [found[arm]["exact"] for arm in arms] == [2, 2, 2, 0]
    assert found["table"]["kernel"] is None
    assert found["mlp"]["kernel"][2] > 0.5
    assert len(capsys.readouterr().out.splitlines()) == 4
    before = (tmp_path / mlp_layer.LAYER_CELLS).read_text()
    mlp_layer.run_layer_arms(tmp_path, [9100, 9101])  # nothing is trained again
    assert (tmp_path / mlp_layer.LAYER_CELLS).read_text() == before
    assert mlp_layer.layer_section(tmp_path)[-1].splitlines()[-1].startswith("| untrained | ")
    assert mlp_layer.layer_section(tmp_path / "empty") == []
