"""Sweeps: reading, the local store, a real Dask cluster with killed workers, the summary."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError
from subnormal.models.network import DCDNetwork
from subnormal.models.training.pool import Resources, train_all
from subnormal.models.training.runs import RunStore
from subnormal.models.training.sweep import draw_sweep, read_sweep
from tests.pictures import caught_figures

ROOT = Path(__file__).parents[2]
SWEEP = """
group = ["C2", "S3"]
family = "aussm"
channels = 4
hidden = 8
readout = 8
batch = 4
length = "2-10"
steps = 20
check_every = 10
check_words = 4
check_length = 20
test_words = 20
test_length = 40
learning_rate = [0.003, 0.01]
seed = [0, 1]

[plot]
x = "learning_rate"
y = "group"
"""


@pytest.fixture
def sweep_file(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP)
    return path


def test_reading_a_sweep(sweep_file):
    sweep = read_sweep(sweep_file)
    assert sweep.axes == ("group", "learning_rate", "seed")
    assert sweep.plot == ("learning_rate", "group")
    assert len({run.key for run in sweep.runs}) == 8
    assert {run.steps for run in sweep.runs} == {20}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("group = ", "not TOML"),
        ("noise = [0.0]", "no group"),
        ('group = "S3"\nnoise = []', "noise is an empty list"),
        ('group = "S3"\nnoise = [-1.0]', "noise: wanted at least 0"),
        ('group = "S3"\nfamily = ["lstm"]', "unknown family 'lstm'"),
        ('group = "S3"\nlayers = 0', "layers: wanted at least 1"),
        ('group = "S3"\nstep = 5', "unknown setting 'step'"),
        ('group = "S3"\nnoise = ["a"]', "noise: wanted float, got 'a'"),
        ('group = "S3"\nnoise = [0.0, 0.1]\n[plot]\nx = "seed"', "names 'seed', which does not vary"),
        ('group = "S3"\n[plot]\nz = "seed"', "takes x and y"),
    ],
)
def test_bad_sweeps_are_refused_in_one_line(content, problem, tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=problem) as refusal:
        read_sweep(path)
    assert "\n" not in str(refusal.value)
    with pytest.raises(InputError, match="wanted a TOML file"):
        read_sweep(tmp_path / "none.toml")


def settings(row):
    return row["configuration"]["group"], row["configuration"]["learning_rate"]


def test_a_rerun_does_only_what_is_missing(sweep_file, tmp_path, capsys):
    out = tmp_path / "out"
    with caught_figures() as figures:
        application("models")(["sweep", str(sweep_file), "--out", str(out), "--processes", "1"], standalone_mode=False)
    assert "8 runs: 0 were there, 8 made" in capsys.readouterr().out
    longest, share = (axis.images[0].get_array() for axis in figures["summary.png"].axes[:2])
    for i, name in enumerate(("C2", "S3")):
        for j, rate in enumerate((0.003, 0.01)):
            own = [row for row in RunStore(out).rows() if settings(row) == (name, rate)]
            assert len(own) == 2
            assert longest[i, j] == np.median([row["test"]["longest"] for row in own])
            assert share[i, j] == np.mean([row["test"]["last"][-1] > 0.9 for row in own])
    rows = {path.name: path.stat().st_mtime_ns for path in (out / "rows").iterdir()}
    victim = out / "rows" / sorted(rows)[3]
    content = victim.read_text()
    victim.unlink()
    application("models")(["sweep", str(sweep_file), "--out", str(out), "--processes", "1"], standalone_mode=False)
    assert "8 runs: 7 were there, 1 made" in capsys.readouterr().out
    for path in (out / "rows").iterdir():
        assert (path.stat().st_mtime_ns == rows[path.name]) == (path != victim)
    assert victim.read_text().split('"steps"')[0] == content.split('"steps"')[0]


def test_kill_9_of_a_whole_sweep_costs_nothing_that_was_finished(sweep_file, tmp_path):
    out = tmp_path / "out"
    sweep_file.write_text(SWEEP.replace("steps = 20", "steps = 400"))
    arguments = [sys.executable, "-m", "models", "sweep", str(sweep_file), "--out", str(out), "--processes", "1"]
    process = subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 90
    while len(list(out.glob("rows/*.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    store, sweep = RunStore(out), read_sweep(sweep_file)
    finished = {row["key"]: store.row_path(row["key"]).stat().st_mtime_ns for row in store.rows()}
    assert 4 <= len(finished) < 8
    assert train_all(sweep.runs, store, Resources(1)) == []
    assert len(store.rows()) == 8
    for key, when in finished.items():
        assert store.row_path(key).stat().st_mtime_ns == when


def test_an_unfinished_sweep_can_be_drawn(sweep_file, tmp_path):
    with caught_figures() as figures:
        draw_sweep(read_sweep(sweep_file), RunStore(tmp_path / "none"), tmp_path / "empty.png")
    values = [np.ma.asarray(axis.images[0].get_array()) for axis in figures["empty.png"].axes[:2]]
    assert all(np.ma.getmaskarray(value).all() for value in values)


def test_no_scheduler_there(sweep_file, tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="scheduler tcp://127.0.0.1:9: no scheduler there"):
        train_all(read_sweep(sweep_file).runs, RunStore(tmp_path), Resources(scheduler="tcp://127.0.0.1:9"))


def test_a_cluster_finishes_a_sweep_though_its_worker_is_killed(sweep_file, tmp_path):
    pytest.importorskip("distributed")
    sweep_file.write_text(SWEEP.replace("steps = 20", "steps = 150").replace("[0, 1]", "[0, 1, 2]"))
    sweep, store = read_sweep(sweep_file), RunStore(tmp_path / "cluster")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Dask's own, about ports in use and closing event loops
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, protocol="tcp://", dashboard_address=None
        ) as cluster:
            assert cluster.scheduler_address.startswith("tcp://")
            killed = []

            def watch(statuses):
                assert all(status.done for status in statuses)
                if not killed:
                    killed.extend(nanny.process.pid for nanny in cluster.workers.values())
                    os.kill(killed[0], signal.SIGKILL)  # it is in the middle of the other batch

            assert train_all(sweep.runs, store, Resources(scheduler=cluster.scheduler_address), watch) == []
    assert killed
    assert len(store.rows()) == len(sweep.runs) == 12
    assert store.missing(sweep.runs) == []
    for run in sweep.runs:
        assert DCDNetwork.from_pretrained(store.network_folder(run.key)).alphabet_size > 0
