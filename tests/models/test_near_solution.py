"""Training from near a solution: what the defaults are there, what each of them does, and what they keep."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from subnormal.algebra.depth.families import ALL_FAMILIES
from subnormal.common.errors import InputError
from subnormal.models.families import FAMILIES
from subnormal.models.network import DCDNetwork
from subnormal.models.penalties import Penalties
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.initial import initial_network
from subnormal.models.training.loop import train_batch
from subnormal.models.training.recorded import task_of
from subnormal.models.training.runs import RunStore
from subnormal.models.training.sweep import read_sweep
from tests.cases import compiled

DRIVE = Penalties(drive=1.0)
RESULTS = Path(__file__).parents[2] / "results/near-default"
SHORT = RunConfiguration(
    "S3", init="compiled", noise=0.02, steps=60, batch=8, check_every=20, check_words=4, check_length=20, test_words=20,
    test_length=40,
)  # fmt: skip


def test_the_defaults_are_gentle_where_the_weights_are_given(tmp_path):
    def chosen(**changes):
        run = RunConfiguration("S3", **changes)
        return (run.learning_rate, run.length, run.early_stop, run.gradient, run.moving, run.drive_penalty)

    gentle = (0.0003, "2>>60", False, "local", "phi", 10.0)
    assert chosen() == (0.003, "2-60", True, "through", "all", 0.0)
    assert chosen(init=str(tmp_path)) == (0.0003, "2>60", True, "through", "all", 0.0)
    assert chosen(init="compiled") == gentle
    compiled("S3").save(tmp_path)
    assert chosen(init=str(tmp_path)) == gentle
    assert chosen(init="compiled", family="negative-mamba") == (*gentle[:-1], 0.0)  # its state forgets
    given: dict[str, Any] = {"learning_rate": 0.003, "length": "2-60", "early_stop": True, "gradient": "through",
             "moving": "all", "drive_penalty": 0.0}  # fmt: skip
    assert chosen(init="compiled", **given) == chosen()
    assert RunConfiguration("S3", **given).key == RunConfiguration("S3").key


def test_committed_rows_are_those_of_their_sweeps():
    """Also the rows from before there were some of the settings: as records they keep their names."""
    rows = [json.loads(line) for line in (RESULTS / "rows.jsonl").read_text().splitlines()]
    assert all(RunConfiguration.of_record(row["configuration"]).key == row["key"] for row in rows)
    assert any("moving" not in row["configuration"] for row in rows)
    sweeps = [{run.key for run in read_sweep(path).runs} for path in RESULTS.glob("*.toml")]
    assert {row["key"] for row in rows} <= set().union(*sweeps)
    assert sum(len(found) for found in sweeps) == len(set().union(*sweeps))


@pytest.mark.parametrize("moving", ["all", "phi"])
def test_what_stands_still_keeps_every_bit(moving, tmp_path):
    run = SHORT.with_changes(moving=moving, weight_decay=0.5)
    before = dict(initial_network(run, task_of(run)).named_parameters())
    train_batch([run], RunStore(tmp_path))
    after = dict(DCDNetwork.from_pretrained(RunStore(tmp_path).network_folder(run.key)).named_parameters())
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    phi = {name for name in before if ".phi." in name} | {"embedding.weight"}
    assert moved == (phi if moving == "phi" else set(before))


def test_a_drive_is_the_mean_square_of_b_where_nothing_is_forgotten():
    turning = {name for name, make in FAMILIES.items() if hasattr(make(1, torch.float32), "turns")}
    assert {name for name, family in ALL_FAMILIES.items() if family.forgets_nothing} == turning
    layers = [{"family": family, "channels": 3, "hidden": 8, "readout": 5} for family in ("aussm", "mamba", "aussm")]
    network = DCDNetwork(6, 6, layers, dtype="float64", seed=0)
    tokens = torch.randint(6, (4, 9), generator=torch.Generator().manual_seed(1))
    logits, drive = network(tokens, penalties=DRIVE)
    first, _, third = (trace.b.abs().square().mean() for trace in network.trace(tokens))
    torch.testing.assert_close(drive, first + third)
    torch.testing.assert_close(logits, network(tokens))
    forgetful = DCDNetwork(6, 6, layers[1:2], seed=0)
    assert forgetful(tokens, penalties=DRIVE)[1] == 0


def test_a_penalty_takes_the_drive_away_and_is_no_part_of_the_loss(tmp_path):
    sizes, losses = [], []
    start = initial_network(SHORT, task_of(SHORT))
    words = torch.from_numpy(task_of(SHORT).evaluation_words(2, 16, 20, 0))
    for penalty in (0.0, 1000.0):
        run = SHORT.with_changes(drive_penalty=penalty, steps=100, learning_rate=0.001, check_every=10)
        row = train_batch([run], RunStore(tmp_path))[0]
        network = DCDNetwork.from_pretrained(RunStore(tmp_path).network_folder(run.key))
        sizes.append(network(words, penalties=DRIVE)[1].item())
        losses.append(row["curve"][1][1])
    assert sizes[1] < 0.25 * sizes[0]
    assert 1000 * start(words, penalties=DRIVE)[1].item() > 0.5
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_a_run_that_was_cut_short_ends_with_the_same_bits(tmp_path):
    def stop(runs):
        if runs[0].curve[-1][0] == 40:
            raise KeyboardInterrupt

    runs = [SHORT.with_changes(seed=seed) for seed in (0, 1)]
    whole, cut = RunStore(tmp_path / "whole"), RunStore(tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        train_batch(runs, cut, stop)
    assert list(cut.folder.glob("checkpoints/*"))
    for store in (whole, cut):
        train_batch(runs, store)
    for run in runs:
        files = [store.network_folder(run.key) / "model.safetensors" for store in (whole, cut)]
        assert files[0].read_bytes() == files[1].read_bytes()
        assert whole.get(run.key)["curve"] == cut.get(run.key)["curve"]


def test_what_started_near_a_solution_finds_it(tmp_path):
    """At the start S4 is wrong from the third token on."""
    run = RunConfiguration("S4", init="compiled", noise=0.01, steps=250, check_every=250, test_words=100,
                           test_length=100)  # fmt: skip
    row = train_batch([run], RunStore(tmp_path))[0]
    assert row["curve"][0][2] < 0.2
    assert row["test"]["longest"] == 100


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"moving": "psi"}, "moving: wanted all or phi, got 'psi'"),
        ({"drive_penalty": -1.0}, "drive_penalty: wanted at least 0"),
        ({"drive_penalty": 1.0, "family": "mamba"}, r"drive_penalty: goes with .*simple-aussm, aussm.*got mamba"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, problem):
    with pytest.raises(InputError, match=problem):
        RunConfiguration("S3", **changes)
