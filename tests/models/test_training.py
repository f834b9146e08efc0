"""Stacks of runs, initial weights, checkpoints, kill -9, the store, and refusals."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from subnormal.algebra.depth.families import ALL_FAMILIES, BLOCKS
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError
from subnormal.models.batch import Adam, NetworkBatch
from subnormal.models.families import FAMILIES
from subnormal.models.network import DCDNetwork
from subnormal.models.training.configuration import OWN, RunConfiguration
from subnormal.models.training.evaluation import evaluate
from subnormal.models.training.initial import initial_network, sharpen, widened
from subnormal.models.training.loop import train_batch
from subnormal.models.training.pool import Resources, train_all
from subnormal.models.training.progress import plan_batches
from subnormal.models.training.recorded import task_of
from subnormal.models.training.runs import RunStore
from subnormal.models.training.steps import learning_scale
from subnormal.models.training.tasks import Lengths, make_task
from tests.cases import compiled, group
from tests.forks import run_python
from tests.pictures import caught_figures, curves, points
from tests.rows import run_row

ROOT = Path(__file__).parents[2]
SMALL = RunConfiguration(
    "S3", "aussm", 1, channels=4, hidden=8, readout=8, batch=4, length="2-10", steps=40, check_every=10,
    check_words=4, check_length=20, test_words=20, test_length=40,
)  # fmt: skip


def test_the_families_are_those_of_the_network():
    assert set(ALL_FAMILIES) == set(FAMILIES)
    for name, family in FAMILIES.items():
        own = family(2, torch.float32).named_parameters()
        assert {key: value.dim() for key, value in own} == {k: len(v) for k, v in ALL_FAMILIES[name].own}


@pytest.mark.parametrize("activation", ["gelu", "hard"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_stack_is_its_networks(family, activation):
    channels = ALL_FAMILIES[family].whole_blocks(3)
    layer = {"family": family, "channels": channels, "hidden": 8, "readout": 5, "activation": activation}
    networks = [DCDNetwork(6, 5, [layer, layer], embedding_size=4, dtype="float64", seed=s) for s in range(3)]
    tokens = torch.randint(6, (3, 4, 21), generator=torch.Generator().manual_seed(1))
    stack = NetworkBatch(networks)
    logits, _ = stack(tokens)
    first, state = stack(tokens[:, :, :8])
    second, _ = stack(tokens[:, :, 8:], state)
    torch.testing.assert_close(torch.cat([first, second], 2), logits, rtol=0, atol=1e-11)
    (gradient,) = torch.autograd.grad(logits.square().sum(), stack.flat)
    for r, network in enumerate(networks):
        alone = network(tokens[r])
        torch.testing.assert_close(logits[r], alone, rtol=0, atol=1e-11)
        wanted = torch.autograd.grad(alone.square().sum(), list(network.parameters()))
        torch.testing.assert_close(gradient[r], torch.cat([g.flatten() for g in wanted]), rtol=1e-7, atol=1e-8)
        for name, parameter in stack.network(stack.flat[r]).named_parameters():
            assert torch.equal(parameter, dict(network.named_parameters())[name])


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_is_torchs_with_one_rate_and_one_clip_a_run(decay):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(2, 5, generator=generator, dtype=torch.float64)
    flat, rates = start.clone(), [0.1, 0.01]
    adam = Adam(torch.tensor(rates, dtype=torch.float64), torch.full((5,), decay, dtype=torch.float64), clip=1.0)
    alone = [start[r].clone().requires_grad_() for r in range(2)]
    optimisers = [torch.optim.AdamW([p], rate, weight_decay=decay) for p, rate in zip(alone, rates, strict=True)]
    for number in range(1, 6):
        gradient = torch.randn(2, 5, generator=generator, dtype=torch.float64)
        adam.step(flat, gradient, number)
        for r, optimiser in enumerate(optimisers):
            alone[r].grad = gradient[r].clone()
            torch.nn.utils.clip_grad_norm_([alone[r]], 1.0)
            optimiser.step()
            torch.testing.assert_close(flat[r], alone[r].detach(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_training_step_stays_on_its_device(family):
    """On torch's device without numbers: what is made on the CPU by mistake meets it and raises."""
    channels = ALL_FAMILIES[family].whole_blocks(3)
    layer = {"family": family, "channels": channels, "hidden": 8, "readout": 5, "activation": "gelu"}
    stack = NetworkBatch([DCDNetwork(6, 5, [layer, layer], seed=seed) for seed in range(2)], "meta")
    adam = Adam(torch.ones(2, device="meta"), stack.decayed(), 1.0)
    logits, _ = stack(torch.zeros(2, 4, 70, dtype=torch.int64, device="meta"))
    (gradient,) = torch.autograd.grad(logits.square().sum(), stack.flat)
    adam.step(stack.flat, gradient, 1)
    stack.keep([1])
    adam.keep([1])
    for tensor in (logits, gradient, stack.flat, adam.first):
        assert tensor.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_training_on_a_gpu_is_that_on_the_cpu(tmp_path):
    run = SMALL.with_changes(dtype="float64", early_stop=False)
    rows = [train_batch([run], RunStore(tmp_path / device), device=device)[0] for device in ("cpu", "cuda")]
    assert [step for step, *_ in rows[1]["curve"]] == [0, 10, 20, 30, 40]
    assert rows[1]["loss"] == pytest.approx(rows[0]["loss"], rel=1e-6)


def test_weight_decay_is_for_readouts_head_and_drive():
    layer = {"family": "aussm", "channels": 2, "hidden": 3, "readout": 4, "activation": "gelu"}
    stack = NetworkBatch([DCDNetwork(6, 6, [layer, layer], seed=0)])
    masks = stack.parameters(stack.decayed())
    whole = {name for name, mask in masks.items() if bool(mask.all())}
    part = {name for name, mask in masks.items() if bool(mask.any())} - whole
    modules = ("layers.0.psi", "layers.1.psi", "head")
    assert whole == {f"{module}.{kind}" for module in modules for kind in ("weight", "bias")}
    assert part == {f"layers.{i}.phi.out.{kind}" for i in (0, 1) for kind in ("weight", "bias")}
    assert masks["layers.0.phi.out.bias"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]  # Δ, Λ, Re b, Im b


def test_a_run_that_diverges_leaves_the_others_alone():
    flat, gradient = torch.ones(2, 3), torch.tensor([[float("nan"), 1, 1], [1, 1, 1]])
    Adam(torch.tensor([0.1, 0.1]), torch.full((3,), 0.5), 1.0).step(flat, gradient, 1)
    assert torch.equal(flat[0], torch.ones(3))
    assert bool((flat[1] < 1).all())


def test_learning_rate_rises_and_falls():
    scales = [learning_scale(step, 100) for step in range(100)]
    assert scales[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert scales[5:] == sorted(scales[5:], reverse=True)
    assert scales[-1] == pytest.approx(0.1, abs=0.01)


# ------------------------------------------------------------------ where training starts


@pytest.mark.parametrize("fill", ["random", "zero"])
@pytest.mark.parametrize(("name", "family"), [("S3", "aussm"), ("Q8", "negative-mamba"), ("A4", "simple-aussm")])
def test_compiled_weights_keep_their_outputs_in_a_wider_network(name, family, fill):
    task = make_task(group(name))
    narrow = initial_network(RunConfiguration(name, family, init="compiled", dtype="float64"), task)
    layers = narrow.configuration()["layers"]
    for entry in layers:
        entry |= {"channels": entry["channels"] + 2, "hidden": entry["hidden"] + 5, "readout": entry["readout"] + 3}
        entry["groups"] = [*entry["groups"], 3]
    wide = widened(narrow, layers, "float64", 7, fill)
    words = torch.from_numpy(task.training_words(3, 200, 0))
    assert torch.equal(wide(words), narrow(words))
    assert torch.equal(wide.predict(words)[0], torch.from_numpy(task.labels(words.numpy())))
    added = wide.layers[0].phi.hidden.weight[narrow.specifications[0].hidden :]
    assert bool(added.any()) == (fill == "random")


@pytest.mark.parametrize("fill", ["random", "zero"])
@pytest.mark.parametrize("family", BLOCKS)
def test_blocks_keep_their_outputs_in_a_wider_network(family, fill):
    """The wider network's blocks interleave: a coordinate of all blocks stands together."""
    size = BLOCKS[family].block_size
    layer = {"family": family, "channels": 2 * size, "hidden": 8, "readout": 5, "activation": "tanh"}
    narrow = DCDNetwork(4, 3, [layer, layer], dtype="float64", seed=0)
    more = {**layer, "channels": 5 * size, "hidden": 11, "readout": 7}
    words = torch.randint(4, (5, 60), generator=torch.Generator().manual_seed(0))
    wide = widened(narrow, [more, more], "float64", 1, fill)
    torch.testing.assert_close(wide(words), narrow(words), rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", BLOCKS)
def test_a_run_of_blocks_has_widths_of_its_own(family):
    task = make_task(group("C2"))
    assert initial_network(RunConfiguration("C2", family), task).specifications[0].channels in (16, 18)
    with pytest.raises(InputError, match=r"17 are no blocks of size \d; wanted a multiple of \d, e.g. (18|20)"):
        initial_network(RunConfiguration("C2", family, channels=17), task)


def test_training_from_compiled_weights_starts_where_they_are():
    task = make_task(group("S3"))
    wide = initial_network(RunConfiguration("S3", init="compiled", channels=8, hidden=64, readout=16), task)
    assert wide.specifications[0].channels == 8
    accuracy = evaluate(wide, task, 200, 50)
    assert accuracy.longest == 200
    assert accuracy.whole[-1] == 1.0


def test_noise_is_of_the_size_asked_for_and_seeded():
    task = make_task(group("S3"))
    base = RunConfiguration("S3", init="compiled", dtype="float64")
    plain, shaken, again, other = (
        torch.cat([p.flatten() for p in initial_network(base.with_changes(**changes), task).layers[0].phi.parameters()])
        for changes in ({}, {"noise": 0.1}, {"noise": 0.1}, {"noise": 0.1, "seed": 1})
    )
    assert torch.equal(shaken, again)
    assert not torch.equal(shaken, other)
    assert float((shaken - plain).detach().std()) == pytest.approx(0.1, rel=0.3)


def test_sharpening_changes_no_decision():
    task = make_task(group("S4"))
    network = initial_network(RunConfiguration("S4", init="compiled"), task)
    words = torch.from_numpy(task.training_words(2, 100, 0))
    before = network.predict(words)[0]
    sharpen(network, 3.0)
    assert torch.equal(network.predict(words)[0], before)


def test_folders_that_do_not_fit(tmp_path):
    s3, everything = make_task(group("S3")), compiled("S3", alphabet="all")
    everything.save(tmp_path / "s3")
    fits = RunConfiguration("S3", init=str(tmp_path / "s3"))
    assert evaluate(initial_network(fits, s3), s3, 60, 20).longest == 60
    cases = [
        (RunConfiguration("C6", "aussm", init=fits.init), "compiled for S3, not for C6"),
        (RunConfiguration("S3", alphabet="generators", init=fits.init), "its alphabet"),
        (fits.with_changes(hidden=2), "hidden: 2 is narrower than the initial network's"),
        (fits.with_changes(layers=3), "layers: the initial network has 2, wanted 3"),
        (
            fits.with_changes(family="mamba", drive_penalty=0.0),
            "family: the initial network has a layer of aussm, wanted mamba",
        ),
        (fits.with_changes(activation="gelu"), "wanted hard or softmax"),
        (fits.with_changes(init=str(tmp_path / "none")), "expected a folder with config.json"),
        (RunConfiguration("A5", init="compiled"), "A5"),
    ]
    for configuration, problem in cases:
        with pytest.raises(InputError, match=problem):
            initial_network(configuration, task_of(configuration))


def test_the_best_check_can_be_kept(tmp_path):
    run = SMALL.with_changes(group="C2", seed=0, learning_rate=0.03, steps=200, early_stop=False)
    (last,) = train_batch([run], RunStore(tmp_path))
    (best,) = train_batch([run.with_changes(keep="best")], RunStore(tmp_path))
    merits = [(longest, accuracy) for _, _, accuracy, longest in last["curve"]]
    wanted = max(range(len(merits)), key=lambda check: (merits[check], check))
    assert 0 < wanted < len(merits) - 1
    assert best["curve"] == last["curve"]
    assert (last["kept_step"], best["kept_step"]) == (200, last["curve"][wanted][0])
    assert best["validation"]["longest"] > last["validation"]["longest"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"weight_decay": -1.0}, "weight_decay: wanted at least 0"),
        ({"keep": "first"}, "keep: wanted last or best, got 'first'"),
        ({"family": "lstm"}, "unknown family 'lstm'; wanted one of"),
        ({"layers": 0}, "layers: wanted at least 1, got 0"),
        ({"noise": -0.1}, "noise: wanted at least 0"),
        ({"noise": float("nan")}, "noise: wanted"),
        ({"learning_rate": 0.0}, "learning_rate: wanted a positive number"),
        ({"steps": 0}, "steps: wanted at least 1"),
        ({"steps": 1.5}, "steps: wanted int, got 1.5"),
        ({"seed": True}, "seed: wanted int"),
        ({"length": "long"}, r"length 'long'; wanted 60 \(fixed\)"),
        ({"family": "s4d,mamba", "layers": 3}, "the stack s4d,mamba has 2"),
        ({"dtype": "float16"}, "dtype: wanted float32 or float64"),
    ],
)
def test_bad_settings_are_refused(changes, problem):
    with pytest.raises(InputError, match=problem):
        RunConfiguration("S3").with_changes(**changes)


# ------------------------------------------------------------------ the loop


def rows_without_times(store):
    return [{k: v for k, v in row.items() if k != "batch_seconds"} for row in store.rows()]


def test_a_stack_learns_writes_rows_and_is_not_done_twice(tmp_path):
    store = RunStore(tmp_path)
    runs = [
        SMALL.with_changes(group="C2", learning_rate=rate, seed=seed, steps=300, check_every=50)
        for seed in (0, 1)
        for rate in (0.01, 0.03)
    ]
    seen = []
    rows = train_batch(runs, store, lambda progress: seen.append([p.curve[-1][0] for p in progress]))
    assert [row["key"] for row in rows] == [run.key for run in runs]
    assert min(row["loss"] for row in rows) < 0.3
    assert seen[0] == [0] * 4
    assert not list((tmp_path / "checkpoints").glob("*"))
    best = min(rows, key=lambda row: row["loss"])
    network = DCDNetwork.from_pretrained(store.network_folder(best["key"]))
    configuration = RunConfiguration.from_json(
        json.loads((store.network_folder(best["key"]) / "task.json").read_text())
    )
    accuracy = evaluate(network, task_of(configuration), configuration.test_length, configuration.test_words)
    assert accuracy.as_json() == best["test"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert train_batch(runs, store) == rows
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == before


def test_a_flawless_run_stops_early(tmp_path):
    row = train_batch([SMALL.with_changes(layers=None, init="compiled", channels=None, hidden=None, readout=None,
                                          learning_rate=1e-5)], RunStore(tmp_path))[0]  # fmt: skip
    assert row["stopped_early"]
    assert row["steps"] == 10
    assert row["test"]["longest"] == 40
    assert row["test"]["whole"][-1] == 1.0


def test_a_pool_gives_the_rows_of_a_stack_though_a_worker_is_killed(tmp_path):
    runs = [SMALL.with_changes(seed=seed, steps=60, early_stop=False) for seed in range(4)]
    statuses, killed = [], []

    def watch(found):
        statuses.extend(found)
        if not killed:
            children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
            workers = [int(pid) for pid in children if b"popen_loky" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    assert train_all(runs, RunStore(tmp_path / "pool"), Resources(2, runs_together=2), watch) == []
    assert killed
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for stack in plan_batches(runs, 2):
        train_batch(stack, RunStore(tmp_path / "here"))
    torch.set_num_threads(threads)
    assert rows_without_times(RunStore(tmp_path / "pool")) == rows_without_times(RunStore(tmp_path / "here"))
    assert {status.key for status in statuses if status.done} == {run.key for run in runs}


def test_errors_of_a_worker_reach_the_caller(tmp_path):
    runs = [SMALL.with_changes(group=name, init="compiled", channels=None) for name in ("A5", "S5")]
    with pytest.raises(InputError, match="A5|S5"):
        train_all(runs, RunStore(tmp_path), Resources(2))


KEEPING = SMALL.with_changes(keep="best", weight_decay=0.3)
KILLED = """
import os, signal, sys
from dataclasses import fields
from pathlib import Path
import torch
torch.set_num_threads(1)
from subnormal.models.training.runs import RunStore
from subnormal.models.training.loop import train_batch
from tests.models.test_training import KEEPING

def report(runs):
    if runs[0].curve[-1][0] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

runs = [KEEPING.with_changes(seed=seed, learning_rate=rate) for seed in (0, 1) for rate in (0.003, 0.01)]
train_batch(runs, RunStore(Path(sys.argv[1])), report)
"""


def test_kill_9_in_the_middle_ends_with_the_same_bits(tmp_path):
    def train_and_kill(at):
        (tmp_path / "killed.py").write_text(KILLED)
        return run_python(tmp_path / "killed.py", tmp_path / "cut", at, cwd=ROOT).returncode

    assert train_and_kill(20) == -signal.SIGKILL  # before the checkpoint of step 20 is written: goes on from 10
    assert not (tmp_path / "cut" / "rows").exists()
    assert train_and_kill(30) == -signal.SIGKILL
    whole, cut = RunStore(tmp_path / "whole"), RunStore(tmp_path / "cut")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for store in (whole, cut):
        train_batch(
            [KEEPING.with_changes(seed=seed, learning_rate=rate) for seed in (0, 1) for rate in (0.003, 0.01)], store
        )
    torch.set_num_threads(threads)
    assert len(whole.rows()) == 4
    assert rows_without_times(whole) == rows_without_times(cut)
    for row in whole.rows():
        files = [store.network_folder(row["key"]) / "model.safetensors" for store in (whole, cut)]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_a_broken_checkpoint_and_a_broken_row_are_named(tmp_path):
    store = RunStore(tmp_path)
    store.row_path("x").parent.mkdir()
    store.row_path("x").write_text("{")
    with pytest.raises(InputError, match=r"x\.json: not JSON .*delete it to run it again"):
        store.rows()
    store.row_path("x").unlink()
    row = run_row(SMALL)
    assert store.missing([SMALL, SMALL]) == [SMALL]
    store.add(row)
    assert store.missing([SMALL]) == []
    assert store.get(SMALL.key) == row


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"key": "y"}, "not the row of"),
        ({"field": 1}, "unknown field 'field'"),
        ({"steps": "10"}, r"Expected `int`, got `str` - at `\$.steps`"),
        ({"batch_runs": 0}, "no run in its batch"),
        ({"curve": []}, "no check"),
        ({"curve": [[0, None, 0.5]]}, "Expected `array` of length 4"),
        ({"test": {"words": 1, "lengths": [], "last": [], "whole": [], "longest": 0}}, "test: not as many accuracies"),
        ({"configuration": {"group": "S3"}}, "its configuration is that of another run"),
        ({"configuration": {"group": "S3", "steps": -1}}, "steps: wanted at least 1"),
        ({"configuration": {}}, "no group"),
    ],
)
def test_a_row_with_other_content_is_refused(change, problem, tmp_path):
    store = RunStore(tmp_path)
    store.row_path(SMALL.key).parent.mkdir()
    store.row_path(SMALL.key).write_text(json.dumps(run_row(SMALL) | change))
    with pytest.raises(InputError, match=f"{SMALL.key}.json: .*{problem}.*delete it to run it again") as caught:
        store.get(SMALL.key)
    assert "\n" not in str(caught.value)


def test_keys_of_finished_runs_stay_what_they_are():
    """The name that the first version gave this run: a new setting must leave it alone."""
    assert SMALL.key == "5ce7211cece63ff619e6"


def test_every_setting_but_a_runs_own_keeps_it_out_of_anothers_batch():
    other = {"group": "C6", "family": "mamba", "layers": 2, "phi": "linear", "activation": "relu", "alphabet": "all",
             "length": "3", "keep": "best", "early_stop": False, "losses": "every", "gradient": "local",
             "dtype": "float64", "letters": "alive", "moving": "phi"}  # fmt: skip
    for known in fields(RunConfiguration):
        if known.name == "decision":
            deciding = SMALL.with_changes(bottleneck=4)
            assert deciding.with_changes(decision="softmax").shared != deciding.shared
        elif known.name == "stretch_penalty":
            blocks = RunConfiguration("S3", "block-2")
            assert blocks.with_changes(stretch_penalty=7.0).shared != blocks.shared
        elif known.name in OWN - {"init"}:
            assert SMALL.with_changes(**{known.name: 7}).shared == SMALL.shared
        elif known.name != "init":
            value = other.get(known.name, 7)
            assert SMALL.with_changes(**{known.name: value}).shared != SMALL.shared, known.name


def test_every_setting_is_an_option_that_reaches_the_run(tmp_path, monkeypatch):
    """Each option is given another value than its default; the run that is asked for has them all."""
    given = {
        "family": "simple-aussm,block-2", "layers": 2, "init": "random", "noise": 0.25, "learning_rate": 0.01,
        "seed": 4, "channels": 6, "hidden": 6, "readout": 7, "phi": "linear", "activation": "relu",
        "alphabet": "generators", "hold_out": 1, "batch": 3, "length": "5", "steps": 8, "clip": 0.5,
        "weight_decay": 0.1, "keep": "best", "early_stop": False, "check_every": 4, "check_words": 2,
        "check_length": 20, "test_words": 9, "test_length": 21, "losses": "every", "gradient": "local",
        "dtype": "float64", "letters": "alive", "bottleneck": 3, "decision": "softmax", "moving": "phi",
        "drive_penalty": 2.5, "stretch_penalty": 1.5,
    }  # fmt: skip
    assert given.keys() == {known.name for known in fields(RunConfiguration)} - {"group"}
    seen = []

    def train_watched(runs, store, machine, tensorboard):
        seen.extend([runs, machine])
        raise InputError("seen")

    monkeypatch.setattr("subnormal.models.training.live.train_watched", train_watched)
    options = []
    for name, value in given.items():
        flag = "--" + name.replace("_", "-")
        if name == "early_stop":
            options.append("--no-early-stop")
        else:
            options += ["--seeds", f"{value},"] if name == "seed" else [flag, str(value)]
    options[options.index("4,")] = "4,4"
    for size in ("--runs-together", "--stack-size"):
        seen.clear()
        with pytest.raises(InputError, match="seen"):
            application("models")(["train", "S3", *options, size, "11"], standalone_mode=False)
        runs, machine = seen
        assert [run.as_json() for run in runs] == [{"group": "S3", **given}] * 2
        assert machine == Resources(None, "cpu", 11)


def test_keys_name_the_configuration(tmp_path):
    assert SMALL.key == RunConfiguration.from_json(SMALL.as_json()).key
    assert SMALL.key != SMALL.with_changes(seed=1).key
    with pytest.raises(InputError, match="unknown setting 'sede'"):
        RunConfiguration.from_json({"group": "S3", "sede": 1})
    with pytest.raises(InputError, match="init: .*wanted random, compiled, or a folder"):
        _ = SMALL.with_changes(init=str(tmp_path / "none")).key


# ------------------------------------------------------------------ the command line


def test_train_and_evaluate_from_the_command_line(tmp_path, capsys):
    options = ["--init", "compiled", "--learning-rate", "1e-5", "--check-every", "5", "--steps", "10", "--early-stop",
               "--test-words", "50", "--test-length", "100", "--out", str(tmp_path / "runs")]  # fmt: skip
    with caught_figures() as figures:
        application("models")(["train", "S3", *options], standalone_mode=False)
    (row,) = RunStore(tmp_path / "runs").rows()
    left, middle, right = figures["curves.png"].axes
    losses = [(step, loss) for step, loss, *_ in row["curve"] if loss is not None]
    assert list(zip(*points(left.lines[0]), strict=True)) == losses
    assert list(zip(*points(middle.lines[0]), strict=True)) == [(c[0], c[3]) for c in row["curve"]]
    assert curves(right) == [(row["test"]["lengths"], row["test"]["last"])]
    assert "flawless" in capsys.readouterr().out
    (folder,) = (tmp_path / "runs" / "networks").iterdir()
    application("models")(
        ["evaluate", str(folder), "--length", "3000", "--words", "20", "--json"], standalone_mode=False
    )
    found = json.loads(capsys.readouterr().out)
    assert (found["group"], found["longest"], found["lengths"][-2:]) == ("S3", 3000, [2000, 3000])
    application("models")(
        ["words", "S3", "--length", "5", "--count", "3", "--out", str(tmp_path)], standalone_mode=False
    )
    application("models")(["words", "S3", "--check", str(tmp_path / "S3=5.csv")], standalone_mode=False)
    assert "3 words of 5 elements" in capsys.readouterr().out


def test_refusals_of_the_command_line_are_one_line():
    found = run_python("-m", "models", "train", "S3", "--family", "lstm", cwd=ROOT)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("error: unknown family 'lstm'")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["train", "S3", "--noise", "-1"], "noise: wanted at least 0"),
        (["train", "S3", "--noise", "x"], "noise: 'x'; wanted numbers"),
        (["train", "S3", "--seeds", "0"], "seeds: '0'; wanted a number of seeds"),
        (["train", "A5", "--init", "compiled"], "A5"),
        (["train", "S3", "--init", "nowhere"], "nowhere is no folder"),
        (["train", "S3", "--device", "nowhere"], "device 'nowhere': not there"),
        (["train", "S3", "--device", "meta"], "device 'meta': not there"),
        (["evaluate", "nowhere"], "nowhere is no folder: name a folder written by compile, learn or train"),
    ],
)
def test_bad_commands(arguments, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=problem):
        application("models")(arguments, standalone_mode=False)


def long_training(folder, *options):
    """A command in the middle of its work: it has written a checkpoint."""
    arguments = [sys.executable, "-m", "models", "train", "S3", "--steps", "100000", "--check-every", "5",
                 "--channels", "4", "--hidden", "8", "--check-length", "20", "--out", str(folder)]  # fmt: skip
    process = subprocess.Popen(
        [*arguments, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list((folder / "checkpoints").glob("*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_ctrl_c_loses_at_most_the_last_checkpoint(tmp_path):
    process = long_training(tmp_path)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert list((tmp_path / "checkpoints").glob("*.safetensors"))


def test_workers_whose_command_was_killed_end_quietly(tmp_path):
    process = long_training(tmp_path, "--seeds", "2", "--stack-size", "1", "--processes", "2")
    process.kill()
    _, error = process.communicate(timeout=60)  # returns when the last worker has closed the pipe
    assert process.returncode == -signal.SIGKILL
    assert "Traceback" not in error


def test_tensorboard_logs(tmp_path):
    pytest.importorskip("tensorboard")
    train_batch([SMALL.with_changes(steps=10)], RunStore(tmp_path / "runs"), tensorboard=tmp_path / "logs")
    (folder,) = (tmp_path / "logs").iterdir()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    (row,) = RunStore(tmp_path / "runs").rows()
    for name, place in (("accuracy", 2), ("longest", 3)):
        logged = [(event.step, event.value) for event in events.Scalars(name)]
        assert logged == [(check[0], pytest.approx(check[place])) for check in row["curve"]]


def test_stacks_hold_what_fits_together():
    runs = [SMALL.with_changes(seed=s, group=g, noise=n) for s in range(5) for g in ("S3", "C6") for n in (0.0, 0.1)]
    stacks = plan_batches([*runs, *runs], 6)
    assert sorted(run.key for stack in stacks for run in stack) == sorted(run.key for run in runs)
    assert all(len({run.group for run in stack}) == 1 and len(stack) <= 6 for stack in stacks)
    assert np.ptp([len(stack) for stack in stacks]) == 0


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_run_whose_loss_becomes_nan_says_so(processes, tmp_path, capsys, monkeypatch):
    """The step is found again by hand: the same words, one step after the other."""
    monkeypatch.chdir(tmp_path)
    bad = SMALL.with_changes(group="C2", learning_rate=1e30, clip=1e30)
    wanted = first_nan(bad)
    assert 1 < wanted <= 40
    settings = [f"--{name.replace('_', '-')}={getattr(bad, name)}" for name in (
        "channels", "hidden", "readout", "batch", "length", "steps", "check_every", "check_words", "check_length",
        "test_words", "test_length", "layers", "clip",
    )]  # fmt: skip
    command = ["train", "C2", "--learning-rate=0.003,1e30", "--out=out", f"--processes={processes}", *settings]
    application("models")(command, standalone_mode=False)
    shown = capsys.readouterr()
    (row,) = [row for row in RunStore(Path("out")).rows() if row["configuration"]["learning_rate"] == 1e30]
    (good,) = [row for row in RunStore(Path("out")).rows() if row["configuration"]["learning_rate"] == 0.003]
    assert (row["diverged_at"], good["diverged_at"]) == (wanted, None)
    assert f"diverged: {row['key']} (seed 0, learning_rate 1e+30, noise 0.0): loss NaN at step {wanted}" in shown.out
    assert good["key"] not in "".join(line for line in shown.out.splitlines() if line.startswith("diverged"))
    assert shown.out.count(f"NaN at step {wanted}") == 2  # the table has it too
    assert f"loss NaN at step {wanted}" in shown.err


def first_nan(run):
    """The first step, from 1, whose loss is NaN, by torch's own Adam on one network."""
    task = task_of(run)
    network = initial_network(run, task)
    adam = torch.optim.AdamW(network.parameters(), run.learning_rate, weight_decay=0)
    for step in range(run.steps):
        words = task.training_words(run.batch, Lengths.parse(run.length).at(step, run.steps), run.seed, step)
        logits, labels = network(torch.from_numpy(words)), torch.from_numpy(task.labels(words))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten())
        if loss.isnan():
            return step + 1
        adam.zero_grad()
        loss.backward()
        adam.param_groups[0]["lr"] = run.learning_rate * learning_scale(step, run.steps)
        adam.step()
    return None
