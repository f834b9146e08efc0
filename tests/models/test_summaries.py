"""Every result that is a table has it as a file and as a frame; TensorBoard's logs come from sweeps too."""

from __future__ import annotations

import csv
import json
import sys
from typing import Any

import pytest

import subnormal as sn
from subnormal.common.packages import MissingPackageError
from subnormal.common.summary import flat_rows, write_summary
from subnormal.models.probing.architectures import read_architecture
from subnormal.models.probing.runs import Copy, ProbeStore, train_copies
from subnormal.models.probing.suite import budget_of
from subnormal.models.training.pool import Resources
from subnormal.models.training.runs import RunStore
from subnormal.models.training.sweep import read_sweep

SHORT: dict[str, Any] = {"steps": 2, "length": "4", "batch": 2, "test_words": 2, "test_length": 20, "check_words": 2}


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_have_all_columns_and_no_lists(tmp_path):
    rows = [{"a": 1, "b": {"c": None, "d": [1]}}, {"a": "x, y", "e": 0.5, "b": {"f": True}}]
    assert flat_rows(rows) == [
        {"a": 1, "b.c": None, "e": None, "b.f": None},
        {"a": "x, y", "b.c": None, "e": 0.5, "b.f": True},
    ]
    assert [row["a"] for row in rows_of(write_summary(tmp_path / "s.csv", rows))] == ["1", "x, y"]
    assert rows_of(write_summary(tmp_path / "empty.csv", [])) == []


def test_train_writes_its_table(tmp_path):
    found = sn.train("C2", seeds=2, out=tmp_path / "t", processes=1, **SHORT)
    rows = rows_of(tmp_path / "t" / "summary.csv")
    assert [row["key"] for row in rows] == [row["key"] for row in found.rows]
    frame = found.to_frame()
    assert list(frame.columns) == list(rows[0])
    assert frame["test.longest"].tolist() == list(found.longest)
    assert frame["configuration.seed"].tolist() == [0, 1]


def test_learn_writes_its_table(tmp_path):
    found = sn.learn("C2", runs=2, length=10, steps=200, out=tmp_path / "c2")
    rows = rows_of(tmp_path / "c2" / "summary.csv")
    assert [row["seed"] for row in rows] == ["0", "1"]
    assert found.to_frame()["exact"].tolist() == [row["exact"] for row in found.rows]
    assert sn.load(tmp_path / "c2").kind == "learnt"


def test_experiments_are_tables(tmp_path):
    """Rows of `train`, and cells that hold several runs."""
    page = tmp_path / "README.md"
    page.write_text("# page\n")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"key": "a", "test": {"longest": 40}}) + "\n")
    assert sn.Experiment("parity", page).to_frame()["test.longest"].tolist() == [40]
    cell = {"group": "S3", "runs": [{"seed": 1, "exact": True}, {"seed": 2, "exact": False}]}
    (tmp_path / "rows.jsonl").unlink()
    (tmp_path / "cells.jsonl").write_text(json.dumps(cell) + "\n" + json.dumps({"group": "A4", "runs": []}) + "\n")
    frame = sn.Experiment("learning", page).to_frame()
    assert frame["group"].tolist() == ["S3", "S3", "A4"]
    assert frame["seed"].tolist()[:2] == [1, 2]


def sweep_of(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text('group = "C2"\nsteps = 2\nlength = "4"\ntest_words = 2\ntest_length = 20\nseed = [0, 1]\n')
    return path


def test_sweep_writes_its_table_and_logs(tmp_path):
    pytest.importorskip("tensorboard")
    found = sn.sweep(sweep_of(tmp_path), out=tmp_path / "s", processes=1, tensorboard=True)
    assert [row["key"] for row in rows_of(tmp_path / "s" / "summary.csv")] == [row["key"] for row in found.rows]
    assert found.to_frame()["configuration.seed"].tolist() == [0, 1]
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for row in found.rows:
        events = EventAccumulator(str(tmp_path / "s" / "tensorboard" / row["key"]))
        events.Reload()
        assert [event.value for event in events.Scalars("longest")] == [check[3] for check in row["curve"]]


def test_without_pandas_one_line(monkeypatch):
    found = sn.evaluate(sn.compile("C2").network(), "C2", length=20, words=2)
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setattr("subnormal.common.packages.installed", lambda name: False)
    with pytest.raises(MissingPackageError, match="pip install pandas"):
        found.to_frame()


@pytest.mark.slow
def test_a_cluster_trains_copies_and_sends_logs(tmp_path, monkeypatch):
    """The workers have no folder in common with this process: rows, weights and checks come back."""
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("tensorboard")
    path = tmp_path / "mine.py"
    path.write_text("import torch\ndef make(letters, classes):\n    return torch.nn.Embedding(letters, classes)\n")
    budget = budget_of("quick", steps=4, batch=4, test_length=20, test_words=8)
    copies = [Copy(read_architecture(f"{path}:make"), "parity", seed, 1e-2, budget) for seed in range(3)]
    here, away = ProbeStore(tmp_path / "here"), ProbeStore(tmp_path / "away")
    assert train_copies(copies, here, Resources(processes=1)) == []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        machine = Resources(scheduler=cluster.scheduler_address)
        assert train_copies(copies, away, machine) == []
        grid = sn.sweep(sweep_of(tmp_path), cluster.scheduler_address, tmp_path / "s", tensorboard=True)
    for copy in copies:
        one, two = here.get(copy.key), away.get(copy.key)
        assert one is not None
        assert two is not None
        assert {**one, "seconds": 0} == {**two, "seconds": 0}
        assert (away.network_folder(copy.key) / "model.safetensors").is_file()
    assert len(RunStore(tmp_path / "s").of(read_sweep(tmp_path / "two.toml").runs)) == 2
    assert {path.name for path in (tmp_path / "s" / "tensorboard").iterdir()} == {row["key"] for row in grid.rows}
