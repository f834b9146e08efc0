"""Paths that name no ordinary file, in every option and argument of every command that takes one: nothing waits,
nothing is replaced, and the refusal is one line. Files that may not grow, for what is not a compiled folder."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
from collections.abc import Iterator

import pytest

from subnormal.algebra.depth.families import parse_stack
from subnormal.api.proving import certify
from subnormal.command_line.shared import ALLOWED
from subnormal.common.errors import InputError
from subnormal.common.folders import OWN
from subnormal.common.rows import write_rows
from subnormal.common.writing import write_file
from subnormal.constructions.compiler import compile_group
from tests.adversary.counting import SECONDS, stopped_after
from tests.adversary.test_options import ARGUMENTS, commands, kind, one_line, typed
from tests.cases import group

SUFFIX = {("show", "out"): ".png", ("show", "html"): ".html", ("atlas", "html"): ".html", ("refute", "html"): ".html"}
SUFFIX |= {("horizon", "plot"): ".png", ("learn", "data"): ".csv", ("inspect", "group"): ".json"}
SUFFIX |= {("sweep", "file"): ".toml", ("words", "check"): ".csv", ("audit", "model"): ".json"}


@pytest.fixture
def alarm() -> Iterator[None]:
    """Whoever waits for somebody at the other end of a pipe is woken, and has failed."""
    with stopped_after(SECONDS):
        yield


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    place = tmp_path_factory.mktemp("places")
    compile_group(group("S3"), parse_stack("aussm")).save(place / "DIR")
    certify(place / "DIR")
    (place / "SWEEP.toml").write_text('group = "C2"\nsteps = 2\ntest_words = 2\n')
    return place


@pytest.fixture
def place(compiled, tmp_path, monkeypatch):
    shutil.copytree(compiled, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(set(ARGUMENTS) - {"reproduce", "parity"}))
def test_pipes_and_devices(run, place, alarm, command):
    parameters = commands()[command].params
    arguments = ARGUMENTS[command]
    positions = [p.name for p in parameters if p.param_type_name == "argument"]
    for parameter in parameters:
        told = typed(command).get(parameter.name, ("",))[0]
        path = "Path" in str(told) or parameter.name in ("group", "data", "model", "tracked")
        if not path or kind(command, parameter) != "text":
            continue
        pipe = place / f"pipe{SUFFIX.get((command, parameter.name), '')}"
        os.mkfifo(pipe)
        if parameter.name in positions:
            i = positions.index(parameter.name)
            given = [*arguments[:i], str(pipe), *arguments[i + 1 :]]
        else:
            given = [*(x for x in arguments), parameter.opts[0], str(pipe)]
        status, error = run(command, *given)
        assert status == 2, (command, parameter.name, status, error)
        one_line(error, command, parameter.name)
        assert stat.S_ISFIFO(pipe.stat().st_mode), (command, parameter.name)
        pipe.unlink()


READERS = ["check", "certify", "verify", "horizon", "evaluate", "audit", "decompile", "refute"]
SHORT = {name: ["--length", "20"] for name in ("verify", "horizon", "evaluate")}


@pytest.mark.slow
@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("name", sorted(OWN - {"automaton.safetensors", "group.safetensors", "task.json"}))
def test_folders_with_a_pipe_or_a_device_in_them(run, place, alarm, command, name):
    """Each file of a folder is a pipe, or /dev/zero: refused, or not read at all."""
    for special in ("pipe", "device"):
        file = place / "DIR" / name
        file.unlink(missing_ok=True)
        os.mkfifo(file) if special == "pipe" else file.symlink_to("/dev/zero")
        status, error = run(
            command, "DIR", *(["--length", "20"] if command in ("verify", "horizon", "evaluate") else [])
        )
        assert status in (0, 2, ALLOWED), (command, name, special, status, error)
        if status == 2:
            one_line(error, command, name)


def test_nothing_but_a_regular_file_is_replaced(tmp_path):
    pipe, device = tmp_path / "pipe", tmp_path / "device"
    os.mkfifo(pipe)
    device.symlink_to("/dev/null")
    for path in (pipe, device, tmp_path):
        with pytest.raises(InputError, match="cannot write .*(no regular file|Is a directory)"):
            write_file(path, "x")
        with pytest.raises(InputError, match="cannot write .*(no regular file|Is a directory)"):
            next(write_rows(path, ("order", "id"), [(1, 1)], lambda key: {"order": key[0], "id": key[1]}, 1))
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert device.is_symlink()


WRITERS = {
    "show": ["S3", "--out", "out.png"],
    "show --html": ["S3", "--html", "out.html"],
    "atlas": ["--max-order", "8", "--processes", "1", "--out", "out.csv"],
    "horizon": ["--plot", "out.png", "--length", "3"],
    "train": ["C2", "--steps", "2", "--check-words", "2", "--test-words", "2", "--out", "out"],
    "learn": ["C2", "--runs", "1", "--steps", "200", "--out", "out"],
    "words": ["S3", "--length", "30", "--count", "100", "--out", "out"],
    "certify": ["DIR"],
    "compile": ["S3", "--out", "out"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(WRITERS))
def test_files_may_not_grow(place, name):
    """As on a full disk, in a process of its own: whatever is written next is too large. One line, exit code 2, nothing
    left over but what was finished before."""
    number = os.fork()
    if not number:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
        import sys

        from subnormal.command_line.__main__ import main

        sys.argv = ["subnormal", *name.split()[:1], *WRITERS[name]]
        read, write = os.pipe()
        os.dup2(write, 2)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        status = 99
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        except BaseException as error:
            print(f"Traceback: {error!r}", file=sys.stderr)
        sys.stderr.flush()
        os.set_blocking(read, False)
        text = os.read(read, 100_000).decode()
        os._exit(status if text.count("\n") == 1 and "Traceback" not in text else 98)
    _, status = os.waitpid(number, 0)
    assert os.waitstatus_to_exitcode(status) == 2
    assert not list(place.rglob(".*.partial"))
