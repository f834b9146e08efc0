"""Killed writers, two writers at once, full disks: a folder or file is the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from subnormal.algebra.depth.families import parse_stack
from subnormal.common.errors import InputError
from subnormal.common.folders import Folder, save_folder
from subnormal.common.rows import digest_path, write_rows
from subnormal.common.writing import write_file
from subnormal.constructions.artifact import load_cascade
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.verification import first_fault
from subnormal.models.network import DCDNetwork
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.runs import RunStore
from subnormal.proofs_check.certificates import checker
from subnormal.proofs_check.certificates.certificate import certify_folder
from tests.adversary.counting import Counts
from tests.cases import group
from tests.rows import run_row

TWO = ("Q8", "D4")
"""Two groups of one order: their files are of the same shapes, and a mixture could pass for a folder."""

rounds = pytest.mark.parametrize("rounds", [4, pytest.param(400, marks=pytest.mark.slow)])


@pytest.fixture(scope="module")
def compilations():
    return [compile_group(group(name), parse_stack("aussm")) for name in TWO]


@pytest.fixture(scope="module")
def originals(compilations, tmp_path_factory):
    """The files of both, by name."""
    place = tmp_path_factory.mktemp("originals")
    for name, compilation in zip(TWO, compilations, strict=True):
        compilation.save(place / name)
    return [content(place / name) for name in TWO]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def child(work: Callable[[], object]) -> int:
    """Run something in a process of its own, and return its number."""
    number = os.fork()
    if number == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)
    return number


def leftovers(place: Path) -> list[str]:
    return [path.name for path in place.rglob(".*")]


@rounds
def test_killed_while_a_folder_is_replaced(compilations, originals, tmp_path, rounds):
    counts = Counts("compile, killed at a random moment")
    folder = tmp_path / "x"
    compilations[0].save(folder)
    dice = random.Random(1)

    def work() -> None:
        for i in range(1000):
            compilations[i % 2].save(folder)

    for _ in range(rounds):
        number = child(work)
        time.sleep(dice.uniform(0, 0.02))
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        counts.tried += 1
        if content(folder) not in originals:
            counts.fault("mixed", f"{sorted(content(folder))}")
            continue
        cascade, tracked, _ = load_cascade(folder)
        assert first_fault(cascade, tracked) is None
        counts.true += 1
    compilations[0].save(folder)
    assert leftovers(tmp_path) == []  # the next writer tidies up
    counts.check()


@rounds
def test_two_writers_and_a_reader(compilations, originals, tmp_path, rounds):
    counts = Counts("two writers and a reader")
    folder = tmp_path / "x"
    for _ in range(rounds):
        numbers = [child(lambda one=one: [one.save(folder) for _ in range(3)]) for one in compilations]
        while numbers:
            with contextlib.suppress(InputError):  # not there yet
                found = Folder(folder).files(("cascade.json", "cascade.safetensors"))
                counts.tried += 1
                if any(found.items() <= one.items() for one in originals):
                    counts.true += 1
                else:
                    counts.fault("mixed", "a reader saw files of both")
            done, _ = os.waitpid(-1, os.WNOHANG)
            numbers = [number for number in numbers if number != done]
        counts.tried += 1
        if content(folder) not in originals:
            counts.fault("mixed", f"{sorted(content(folder))}")
        assert leftovers(tmp_path) == []
        shutil.rmtree(folder)
    counts.check()


def test_where_folders_cannot_be_exchanged_in_one_step(compilations, originals, tmp_path, monkeypatch):
    from subnormal.common import writing

    def cannot(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(writing, "_rename_exchange", cannot)
    folder = tmp_path / "x"
    for i in range(4):
        compilations[i % 2].save(folder)
        assert content(folder) == originals[i % 2]
        assert leftovers(tmp_path) == []
    numbers = [child(lambda one=one: [one.save(folder) for _ in range(20)]) for one in compilations]
    for number in numbers:
        os.waitpid(number, 0)
    assert content(folder) in originals


def test_what_is_not_ours_stays(compilations, originals, tmp_path):
    """Files and folders of the user's own are carried along; nothing of theirs is deleted."""
    folder = tmp_path / "x"
    compilations[0].save(folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "s4.png").write_bytes(b"png")
    certify_folder(folder)
    assert (folder / "certificate.json").exists()
    compilations[1].save(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "pictures" / "s4.png").read_bytes() == b"png"
    assert sorted(path.name for path in folder.iterdir() if path.name not in originals[1]) == ["notes.txt", "pictures"]
    assert leftovers(tmp_path) == []


def test_files_that_only_the_old_manifest_names_go_too(compilations, originals, tmp_path):
    """A tokenizer written for one group does not stay beside the weights of another; unless somebody has changed it."""
    folder = tmp_path / "x"
    for changed in (False, True):
        save_folder(folder, {"config.json": "{}", "tokenizer.json": "{}", "README.md": "of the old group"}, force=True)
        if changed:
            (folder / "README.md").write_text("mine")
        compilations[0].save(folder, force=True)
        assert set(content(folder)) - set(originals[0]) == ({"README.md"} if changed else set())
        assert leftovers(tmp_path) == []


def test_the_folder_one_is_in_is_not_replaced(compilations, tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    with pytest.raises(InputError, match="it is the folder you are in"):
        compilations[0].save(Path("."))


@rounds
def test_killed_while_a_certificate_is_written(compilations, tmp_path, rounds):
    counts = Counts("certify and store, killed at a random moment")
    folder = tmp_path / "x"
    compilations[0].save(folder)
    certify_folder(folder)
    configuration = RunConfiguration("C2")
    row = run_row(configuration, checks=2000)
    store = RunStore(tmp_path / "store")
    store.add(row)
    page = tmp_path / "page.html"
    write_file(page, "old" * 10_000)
    dice = random.Random(2)

    def work() -> None:
        while True:
            certify_folder(folder)
            store.add(row)
            write_file(page, "new" * 10_000)

    for _ in range(rounds):
        number = child(work)
        time.sleep(dice.uniform(0, 0.05))
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        counts.tried += 1
        checker.check(folder)
        assert store.get(configuration.key) == row
        assert page.read_text() in ("old" * 10_000, "new" * 10_000)
        counts.true += 1
    certify_folder(folder)
    store.add(row)
    write_file(page, "end")
    assert leftovers(tmp_path) == []
    counts.check()


@pytest.mark.parametrize("limit", [0, 100, 1000, 3000, 5000, 8000])
def test_a_file_may_not_grow(compilations, originals, tmp_path, limit):
    """As on a full disk: some file of the folder cannot be written to its end. The old folder stays as it was."""
    folder = tmp_path / "x"
    compilations[0].save(folder)

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            compilations[1].save(folder)
        except InputError as error:
            os._exit(3 if "File too large" in str(error) else 4)

    _, status = os.waitpid(child(work), 0)
    assert os.waitstatus_to_exitcode(status) == 3 or content(folder) == originals[1]
    assert content(folder) in originals
    assert leftovers(tmp_path) == []


def test_a_disk_of_64_kb(tmp_path):
    """Real files on a real small disk: everything that is written is whole or as it was, and the error is one line."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk may not be mounted here: {mounted.stderr.strip()}")
    try:
        small, large = (compile_group(group(name), parse_stack("aussm")) for name in ("C2", "D250"))
        small.save(disk / "x")
        before = content(disk / "x")
        for _ in range(3):
            with pytest.raises(InputError, match="No space left on device"):
                large.save(disk / "x")
            assert content(disk / "x") == before
            assert leftovers(disk) == []
        write_file(disk / "page", "old")
        for _ in range(3):
            with pytest.raises(InputError, match="No space left on device"):
                write_file(disk / "page", "x" * 100_000)
            assert (disk / "page").read_text() == "old"
            assert leftovers(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_mixed_folder_is_refused_by_every_command_in_one_line(compilations, originals, tmp_path, run):
    folder = tmp_path / "x"
    compilations[0].save(folder)
    certify_folder(folder)
    (folder / "cascade.safetensors").write_bytes(originals[1]["cascade.safetensors"])
    for arguments in (
        ["verify", folder, "--length", "10"],
        ["verify", folder, "--length", "10", "--arithmetic", "network"],
        ["check", folder],
        ["certify", folder],
        ["horizon", folder, "--length", "10"],
        ["refute", folder],
        ["lemmas", folder],
        ["evaluate", folder],
    ):
        status, error = run(*arguments)
        assert status == 2, (arguments, error)
        assert error.count("\n") == 1
        assert "cascade.safetensors is not the file that manifest.json names" in error


def test_a_folder_without_a_manifest_is_refused_in_one_line(compilations, tmp_path):
    folder = tmp_path / "x"
    compilations[0].save(folder)
    (folder / "manifest.json").unlink()
    metadata = json.loads((folder / "cascade.json").read_text())
    with pytest.raises(InputError, match="manifest.json is missing"):
        load_cascade(folder)
    with pytest.raises(InputError, match="manifest.json is missing"):
        DCDNetwork.from_pretrained(folder)
    with pytest.raises(checker.FaultError, match="manifest.json is missing"):
        checker.check(folder)
    (folder / "cascade.json").write_text(json.dumps(metadata | {"format": 1}))  # what no manifest was asked of once
    with pytest.raises(InputError, match="manifest.json is missing"):
        load_cascade(folder)


def a_row(key: tuple[int, int]) -> dict[str, str | int]:
    return {"order": key[0], "id": key[1], "value": key[0] * key[1]}


def test_an_edited_row_is_not_trusted(tmp_path):
    path, columns, keys = tmp_path / "table.csv", ("order", "id", "value"), [(i, 1) for i in range(1, 30)]
    list(write_rows(path, columns, keys[:20], a_row, 1))
    whole = path.read_bytes()
    for edited in (whole.replace(b"7,1,7", b"7,1,8"), whole[:-4], whole[: len(whole) // 2] + b"x\n"):
        path.write_bytes(edited)
        with contextlib.suppress(InputError):  # what is no part of the table is not continued at all
            list(write_rows(path, columns, keys[:20], a_row, 1))
            assert path.read_bytes() == whole
    path.write_bytes(whole)
    digest_path(path).unlink()  # nothing says whose the rows are
    assert next(write_rows(path, columns, keys, a_row, 1))[0] == 0
    path.write_bytes(whole)
    list(write_rows(path, columns, keys[:20], a_row, 1))
    assert next(write_rows(path, columns, keys, a_row, 1))[0] == 20


def test_a_table_has_one_writer_at_a_time(tmp_path):
    path, columns, keys = tmp_path / "table.csv", ("order", "id", "value"), [(1, 1), (2, 1)]
    first = write_rows(path, columns, keys, a_row, 1)
    next(first)
    with pytest.raises(InputError, match="is being written by another process"):
        next(write_rows(path, columns, keys, a_row, 1))
    list(first)
    assert next(write_rows(path, columns, keys, a_row, 1)) == (2, 2)


def test_a_killed_table_goes_on(tmp_path):
    path, columns, keys = tmp_path / "table.csv", ("order", "id", "value"), [(i, 1) for i in range(1, 400)]
    list(write_rows(tmp_path / "whole.csv", columns, keys, a_row, 1))
    whole = (tmp_path / "whole.csv").read_bytes()
    list(write_rows(path, columns, keys[:100], a_row, 1))
    path.write_bytes(path.read_bytes() + b"101,1,10")  # killed between a row and the digest
    assert next(write_rows(path, columns, keys, a_row, 1))[0] == 100
    list(write_rows(path, columns, keys, a_row, 1))
    assert path.read_bytes() == whole


@rounds
def test_killed_while_a_table_is_written(tmp_path, rounds):
    """As `atlas` and `catalogue` write theirs: what is there is the beginning of the table, and the rest follows."""
    counts = Counts("tables, killed at a random moment")
    path, columns, keys = tmp_path / "table.csv", ("order", "id", "value"), [(i, 1) for i in range(1, 400)]
    list(write_rows(tmp_path / "whole.csv", columns, keys, a_row, 1))
    whole = (tmp_path / "whole.csv").read_bytes()
    dice = random.Random(3)

    def work() -> None:
        while True:
            list(write_rows(path, columns, keys, a_row, 1))
            path.unlink()

    for _ in range(rounds):
        number = child(work)
        time.sleep(dice.uniform(0, 0.03))
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        counts.tried += 1
        if path.exists() and not whole.startswith(path.read_bytes()):
            counts.fault("mixed", "the table is not the beginning of the whole one")
        if dice.random() < 0.5:
            list(write_rows(path, columns, keys, a_row, 1))
            assert path.read_bytes() == whole
        counts.true += 1
    list(write_rows(path, columns, keys, a_row, 1))
    assert path.read_bytes() == whole
    assert leftovers(tmp_path) == []
    counts.check()


def test_a_manifest_may_not_lead_elsewhere(tmp_path):
    save_folder(tmp_path / "x", {"cascade.json": "{}"})
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text())
    for name in ("../cascade.json", "/etc/passwd"):
        manifest["files"] = {name: "0" * 64}
        (tmp_path / "x" / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(InputError, match="damaged"):
            Folder(tmp_path / "x").files(("cascade.json",))
