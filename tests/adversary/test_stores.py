"""Spoiled rows, networks, checkpoints and learnt machines of stores: what is read must be right, the rest refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from subnormal.common.errors import InputError
from subnormal.models.learning.learn import learn_runs
from subnormal.models.learning.recipe import Recipe
from subnormal.models.learning.store import LearntStore, row_of, run_key
from subnormal.models.learning.words import words_of_task
from subnormal.models.network import DCDNetwork
from subnormal.models.training import loop
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.pool import train_here
from subnormal.models.training.runs import RunStore
from subnormal.models.training.tasks import TEST, make_task
from tests.adversary.attempts import attempts, spoiled, times
from tests.adversary.counting import Counts
from tests.cases import group

CONFIGURATION = RunConfiguration(
    "C2", steps=4, batch=2, length="4", check_every=2, check_words=2, check_length=8, test_length=20, test_words=2
)


@times
def test_rows_and_networks(tmp_path, seconds):
    """Rows, tasks and networks of a finished run: read or refused."""
    counts = Counts("rows and networks of runs")
    original = tmp_path / "original"
    train_here([CONFIGURATION], original)
    for generator in attempts(seconds):
        store = tmp_path / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(original, store)
        files = sorted(path for path in store.rglob("*") if path.suffix in (".json", ".safetensors"))
        path = files[int(generator.integers(len(files)))]
        what = spoiled(path.parent, [path.name], 2, generator)
        found = RunStore(store)

        def read(found: RunStore = found) -> None:
            if found.get(CONFIGURATION.key) is None:
                raise InputError("no row")
            DCDNetwork.from_pretrained(found.network_folder(CONFIGURATION.key))

        counts.attack(what, read, lambda path=path, store=store: not_network(path, original, store))
    counts.check()


def not_network(path: Path, original: Path, store: Path) -> bool:
    """Whether a spoiled file is none that the network is loaded from, or says what it said. Of a row nothing but the
    key, the configuration and the form can be compared: it is the store's own record."""
    before, after = (original / path.relative_to(store)).read_bytes(), path.read_bytes()
    same = before == after or (path.name == "manifest.json" and json.loads(before) == json.loads(after))
    return same or path.parent.name == "rows"


@times
def test_checkpoints(tmp_path, monkeypatch, seconds):
    """A run goes on from a spoiled checkpoint to a row that can be read, or refuses it."""
    counts = Counts("checkpoints")
    original = tmp_path / "original"

    class StoppedError(Exception):
        pass

    def stop(training: loop._Training) -> None:
        save(training)
        raise StoppedError

    save = loop._Training._save
    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "_save", stop)
        with pytest.raises(StoppedError):
            loop.train_batch([CONFIGURATION], RunStore(original))
    (name,) = [path.name for path in (original / "checkpoints").iterdir()]
    for generator in attempts(seconds):
        store = tmp_path / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(original, store)
        what = spoiled(store / "checkpoints", [name], 2, generator)
        counts.attack(
            what,
            lambda store=store: loop.train_batch([CONFIGURATION], RunStore(store)),
            lambda store=store: RunStore(store).get(CONFIGURATION.key) is not None,
        )
    counts.check()


@times
def test_learnt_machines(tmp_path, seconds):
    """What `learn` counts as exact, and certifies, gives all labels of its words, whatever stands in its rows."""
    counts = Counts("learnt machines")
    task = make_task(group("S3"), None)
    words, judged = words_of_task(task, 64, 12, 0), words_of_task(task, 16, 12, 0, stream=TEST)
    recipe = Recipe().with_changes({"steps": 120, "channels": 16})
    runs = learn_runs([words], [0], recipe, None, [judged])
    assert runs[0].exact is not None
    key = run_key(words, recipe, None, 0)
    original = LearntStore(tmp_path / "original")
    original.add(row_of(key, runs[0]))
    for generator in attempts(seconds):
        store = LearntStore(tmp_path / "store")
        shutil.rmtree(store.folder, ignore_errors=True)
        shutil.copytree(original.folder, store.folder)
        what = spoiled(store.folder, [f"{key}.json"], 2, generator)
        counts.attack(
            what,
            lambda store=store: store.get(key, words, judged),
            lambda store=store: gives_labels(json.loads((store.folder / f"{key}.json").read_bytes()), [words, judged]),
        )
    counts.check()


def gives_labels(row, parts) -> bool:
    """Whether the counters of a row lead to the words' labels, one token at a time; rows of runs that failed may."""
    if not row["exact"]:
        return True
    return all(labels_of(row, part) for part in parts)


def labels_of(row, words) -> bool:
    """The states of each layer are numbered as a breadth-first search from the start finds them."""
    tables = [[[0] * len(words.token_names)]]  # of the layers so far: the next state, by state and token
    for layer in row["layers"]:
        below, start = tables[-1], (0, *[0] * len(layer["counters"]))
        found, rows = {start: 0}, []
        for state in (queue := [start]):
            line = []
            for token in range(len(words.token_names)):
                after = (
                    below[state[0]][token],
                    *(
                        (r + c["increments"][state[0]][token]) % c["modulus"]
                        for r, c in zip(state[1:], layer["counters"], strict=True)
                    ),
                )
                if after not in found:
                    found[after] = len(found)
                    queue.append(after)
                line.append(found[after])
            rows.append(line)
        tables.append(rows)
    for word, labels in zip(words.tokens.tolist(), words.labels.tolist(), strict=True):
        reached = 0
        for token, label in zip(word, labels, strict=True):
            reached = tables[-1][reached][token]
            if label >= 0 and row["decode"][reached] != label:
                return False
    return True
