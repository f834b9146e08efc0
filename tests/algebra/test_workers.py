"""Work for several processes: order, what tasks tell, death, exceptions, Ctrl-C, kill -9 of the whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from subnormal.common.errors import InputError
from subnormal.common.workers import LOST, each_result, tell

ROOT = Path(__file__).parents[2]


def square(x):
    tell(("begin", x, os.getpid()))
    time.sleep(0.01 * (x % 3))
    tell(("end", x, os.getpid()))
    return x * x


@pytest.mark.parametrize("processes", [1, 3])
def test_every_result_comes_once_after_all_that_its_task_told(processes):
    events = []
    for place, result in each_result(square, list(range(20, 0, -1)), processes, events.append):
        events.append(("result", 20 - place, result))
    for x in range(1, 21):
        own = [event for event in events if event[1] == x]
        assert [kind for kind, *_ in own] == ["begin", "end", "result"]
        assert own[-1][2] == x * x
    workers = {event[2] for event in events if event[0] == "begin"}
    assert len(workers) <= processes
    assert (os.getpid() in workers) == (processes == 1)


def test_no_task_starts_no_process():
    assert list(each_result(square, [], 4)) == []


def die_sometimes(task):
    place, folder = task
    (folder / f"{place}-{time.monotonic_ns()}").touch()
    if place == 7 or (place == 3 and len(list(folder.glob("3-*"))) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return place


def test_a_death_costs_another_try_and_who_always_dies_is_lost(tmp_path):
    found = dict(each_result(die_sometimes, [(place, tmp_path) for place in range(10)], 2))
    assert found == {place: LOST if place == 7 else place for place in range(10)}
    assert len(list(tmp_path.glob("7-*"))) == 3
    assert len(list(tmp_path.glob("3-*"))) >= 2


def fail(x):
    if x == 2:
        raise InputError(f"{x} is not wanted")
    time.sleep(0.01)
    return x


@pytest.mark.parametrize("processes", [1, 2])
def test_an_exception_of_a_task_is_raised_here(processes):
    with pytest.raises(InputError, match="2 is not wanted"):
        list(each_result(fail, range(6), processes))


LONG = """
import time
from pathlib import Path
from subnormal.common.workers import each_result, tell
import sys

def work(x):
    tell(x)
    time.sleep(60)

if __name__ == "__main__":
    def watch(x):
        Path(sys.argv[1], str(x)).touch()
    list(each_result(work, range(4), 2, watch))
"""


@pytest.mark.parametrize(("sent", "to_all"), [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGKILL, False)])
@pytest.mark.parametrize("wait", ["begun", "0.3", "0.6"])
def test_what_ends_the_caller_ends_the_workers_quietly(sent, to_all, wait, tmp_path):
    """Ctrl-C in a terminal reaches all processes; `communicate` returns when the last one has closed the pipe."""
    script = tmp_path / "long.py"
    script.write_text(LONG)
    arguments = [sys.executable, str(script), str(tmp_path)]
    process = subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 30
    if wait == "begun":
        while not (tmp_path / "1").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    else:
        time.sleep(float(wait))
    began = time.monotonic()
    (os.killpg if to_all else os.kill)(process.pid, sent)
    _, error = process.communicate(timeout=30)
    assert time.monotonic() - began < 20
    assert process.returncode == -sent or (sent == signal.SIGINT and process.returncode in (1, 130))
    if sent == signal.SIGKILL:
        assert error == ""
    else:
        assert error.count("Traceback") <= 1, error  # this script's own
        assert error.rstrip().endswith("KeyboardInterrupt")
