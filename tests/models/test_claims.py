"""Several processes on one store: each run is made once, and what a dead process left is taken over."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from subnormal.models.training import claims, pool
from subnormal.models.training.claims import claimed
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.pool import Resources, train_all
from subnormal.models.training.runs import RunStore
from tests.forks import ROOT, run_python

RUNS = [
    RunConfiguration(group="C2", seed=seed, steps=30, length="5", test_words=2, test_length=20, check_every=10)
    for seed in range(6)
]

WORKER = """
import sys, time
from pathlib import Path
from subnormal.models.training import loop
from subnormal.models.training.pool import Resources, train_all
from subnormal.models.training.runs import RunStore
from tests.models.test_claims import RUNS

once = loop.train_batch
def train_batch(batch, *rest):
    with open(sys.argv[2], "a") as log:
        log.writelines(run.key + "\\n" for run in batch)
    time.sleep(0.3)  # so that the other has its turn
    return once(batch, *rest)
loop.train_batch = train_batch

store = RunStore(Path(sys.argv[1]))
assert train_all(RUNS, store, Resources(1, runs_together=1)) == []
print(store.made, len(store.missing(RUNS)))
"""


def test_two_processes_share_the_work(tmp_path):
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    (tmp_path / "worker.py").write_text(WORKER)
    with ThreadPoolExecutor(2) as threads:
        jobs = [threads.submit(run_python, tmp_path / "worker.py", tmp_path / "store", log, cwd=ROOT) for log in logs]
        both = [job.result() for job in jobs]
    said = [process.stdout.split() for process in both]
    assert [process.returncode for process in both] == [0, 0], both
    made = [log.read_text().split() if log.exists() else [] for log in logs]
    assert sorted(made[0] + made[1]) == sorted(run.key for run in RUNS)  # no run twice
    assert [(int(own), int(missing)) for own, missing in said] == [(len(made[0]), 0), (len(made[1]), 0)]
    assert not (tmp_path / "store" / "claims").exists()


def leave(store, run, host, pid, age=0.0):
    path = store.folder / "claims" / run.key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"host": host, "pid": pid}))
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("host", "alive", "age", "free"),
    [
        (socket.gethostname(), False, 0, True),
        (socket.gethostname(), True, 0, False),
        ("another", False, 0, False),
        ("another", False, 2 * claims.STALE, True),
    ],
)
def test_who_may_take_a_claim_over(tmp_path, host, alive, age, free):
    store = RunStore(tmp_path)
    path = leave(store, RUNS[1], host, os.getppid() if alive else dead_process(), age)
    with claimed(RUNS[:2], store) as own:
        assert own == (RUNS[:2] if free else [])
        assert (tmp_path / "claims" / RUNS[0].key).exists() == free  # together or not at all
    assert path.exists() != free


def test_a_damaged_claim_ages(tmp_path):
    store = RunStore(tmp_path)
    path = leave(store, RUNS[0], "x", 1)
    path.write_text("{")
    with claimed(RUNS[:1], store) as own:
        assert own == []
    os.utime(path, (1, 1))
    with claimed(RUNS[:1], store) as own:
        assert own == RUNS[:1]


def test_a_claim_is_kept_fresh_and_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.01)
    store = RunStore(tmp_path)
    with claimed(RUNS[:1], store) as own:
        assert own == RUNS[:1]
        path = tmp_path / "claims" / RUNS[0].key
        os.utime(path, (1, 1))
        deadline = time.monotonic() + 30
        while path.stat().st_mtime < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 2
        with claimed(RUNS[:2], store) as second:  # the same process, another batch
            assert second == []
    assert not (tmp_path / "claims").exists()
    with pytest.raises(ZeroDivisionError), claimed(RUNS[:1], store):
        raise ZeroDivisionError
    assert not (tmp_path / "claims").exists()


def test_whoever_waits_takes_over_from_the_dead(tmp_path, monkeypatch, capsys):
    store = RunStore(tmp_path)
    path = leave(store, RUNS[0], "another", 1)
    monkeypatch.setattr(pool.time, "sleep", lambda seconds: os.utime(path, (1, 1)))  # while it waits, the other dies
    assert train_all(RUNS[:1], store, Resources(1)) == []
    assert (store.made, store.missing(RUNS[:1])) == (1, [])
    assert "1 runs are being made by another process; waiting" in capsys.readouterr().err
