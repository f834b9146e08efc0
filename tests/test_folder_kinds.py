"""A folder of one kind is never replaced by another, whoever writes; and each kind is refused by its name."""

import itertools
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import subnormal as sn
from subnormal.command_line.__main__ import main
from subnormal.common.errors import InputError
from subnormal.common.folders import save_folder
from subnormal.common.kinds import (
    AUTOMATON,
    BLOCK,
    CANNOT,
    CHECKPOINT,
    DAMAGED,
    DELTA,
    FACTORED,
    GROUP,
    LEARNT,
    MODULE,
    NETWORK,
    OTHER,
    PROBE,
    REFUSAL,
    RUN,
    TABLE,
    TRAINED,
    VERBS,
    claim_folder,
    kind_of,
    refusal,
)  # fmt: skip
from subnormal.constructions.targets.compiler import compile_target
from subnormal.models.learning.exact import exact_machine
from subnormal.models.learning.machine import CounterMachine
from subnormal.models.learning.store import table_files
from subnormal.models.network import DCDNetwork

KINDS = (GROUP, AUTOMATON, FACTORED, DELTA, BLOCK, REFUSAL, CHECKPOINT, NETWORK, TRAINED, RUN, LEARNT, TABLE, PROBE)


def snapshot(folder: Path | str) -> dict[str, bytes]:
    if isinstance(folder, str):  # a function in a file
        folder = Path(folder).parent
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One folder of each kind, made by whoever makes such folders."""
    place = tmp_path_factory.mktemp("kinds")
    sn.compile("S3").save(place / GROUP)
    sn.compile("tomita(5)").save(place / AUTOMATON)
    sn.compile("S4wrS4").save(place / FACTORED)
    compile_target(sn.group("A5").listed(), "delta").save(place / DELTA)
    sn.compile("A5", "block-3").save(place / BLOCK)
    compile_target(sn.group("A5").listed(), "olmo-hybrid", "generators").save(place / CHECKPOINT)
    sn.certify("A5", place / REFUSAL)
    sn.compile("S3").network().save_pretrained(place / NETWORK)
    trained = sn.train("C2", "negative-mamba", out=place / RUN, steps=2, batch=4, test_words=8, check_words=8)
    shutil.copytree(place / RUN / "networks" / trained.rows[0]["key"], place / TRAINED)
    sn.probe("negative-mamba", "C2", out=place / PROBE, steps=2, seeds=1, layers=1, test_length=20, test_words=8)
    sn.decompile(place / GROUP, out=place / LEARNT, length=20)
    table = sn.group("S3").listed().table.astype(int)
    exact = exact_machine(CounterMachine(table, np.zeros(6, dtype=int)), np.arange(6), 6)
    save_folder(place / TABLE, table_files(exact, {}))
    return place


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_known(folders, kind):
    assert kind_of(folders / kind) == kind


WRITERS = {
    GROUP: lambda folder: sn.compile("S3").save(folder),
    AUTOMATON: lambda folder: sn.compile("tomita(5)").save(folder),
    FACTORED: lambda folder: sn.compile("S4wrS4").save(folder),
    DELTA: lambda folder: compile_target(sn.group("S3").listed(), "delta").save(folder),
    BLOCK: lambda folder: sn.compile("S3", "block-2").save(folder),
    CHECKPOINT: lambda folder: compile_target(sn.group("S3").listed(), "olmo-hybrid").save(folder),
    REFUSAL: lambda folder: sn.certify("A5", folder),
    NETWORK: lambda folder: sn.compile("S3").network().save_pretrained(folder),
    RUN: lambda folder: sn.train("C2", out=folder, steps=2, batch=4),
    PROBE: lambda folder: sn.probe("negative-mamba", "C2", layers=1, out=folder, steps=2, seeds=1, test_length=20),
    LEARNT: lambda folder: sn.learn("C2", out=folder, steps=2),
}


OWN = (TABLE, LEARNT)
"""`learn` may replace the table that an earlier `learn` wrote."""


@pytest.mark.parametrize(
    ("old", "new"), [(a, b) for a, b in itertools.product(KINDS, WRITERS) if a != b and (a, b) != OWN]
)
def test_no_writer_replaces_another_kind(folders, old, new):
    before = snapshot(folders / old)
    with pytest.raises(InputError, match="is not replaced by"):
        WRITERS[new](folders / old)
    assert snapshot(folders / old) == before


def test_force_replaces_it(folders, tmp_path):
    sn.compile("S3").network().save_pretrained(tmp_path / "x")
    sn.compile("S3").save(tmp_path / "x", force=True)
    assert kind_of(tmp_path / "x") == GROUP
    sn.check(sn.certify(tmp_path / "x").folder)


def test_a_checkpoint_that_was_trained_since_is_not_replaced_by_a_checkpoint(tmp_path):
    checkpoint = compile_target(sn.group("S3").listed(), "olmo-hybrid")
    checkpoint.save(tmp_path / "x")
    checkpoint.save(tmp_path / "x")  # its own
    (tmp_path / "x" / "model.safetensors").write_bytes(b"trained for a week")
    with pytest.raises(InputError, match="changed since"):
        checkpoint.save(tmp_path / "x")
    assert (tmp_path / "x" / "model.safetensors").read_bytes() == b"trained for a week"


@pytest.mark.parametrize("names", [["config.json"], ["model.safetensors"], ["pytorch_model.bin"], ["manifest.json"]])
def test_strangers_files_of_our_names_stay(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text(json.dumps({"version": 1}))
    assert kind_of(tmp_path) in (OTHER, CHECKPOINT)
    for write in (WRITERS[GROUP], WRITERS[NETWORK]):
        with pytest.raises(InputError, match="is not replaced"):
            write(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_a_damaged_compiled_folder_can_be_made_again(tmp_path):
    save_folder(tmp_path / "x", {"cascade.json": "{}"})
    assert kind_of(tmp_path / "x") == DAMAGED
    sn.compile("S3").save(tmp_path / "x")
    (tmp_path / "x" / "cascade.json").unlink()
    assert kind_of(tmp_path / "x") == DAMAGED  # its manifest says what it was
    sn.compile("S3").save(tmp_path / "x")
    (tmp_path / "x" / "cascade.json").unlink()
    with pytest.raises(InputError):
        claim_folder(tmp_path / "x", NETWORK)


CALLABLE = """import torch
def run(ids):
    return torch.nn.functional.one_hot(ids, 6).float()
"""

MADE_FOR = {AUTOMATON: "tomita(5)", DELTA: "A5", BLOCK: "A5", CHECKPOINT: "A5", TRAINED: "C2", RUN: "C2"}
"""What the folder of each kind is for; the others S3."""

MORE = {
    "show": ["--html", "page.html"],
    "evaluate": ["--words", "4", "--length", "20"],
    "horizon": ["--length", "100"],
    "verify": ["--length", "100"],
    "decompile": ["--length", "20"],
    "diagnose": ["--length", "20"],
    "train": ["--steps", "2", "--batch", "4", "--test-words", "4", "--test-length", "20", "--out", "new"],
}
FUNCTIONS = {
    "certify": lambda folder, asked: sn.certify(folder),
    "check": lambda folder, asked: sn.check(folder),
    "verify": lambda folder, asked: sn.verify(folder, length=100),
    "horizon": lambda folder, asked: sn.horizon(folder, length=None if sn.load(folder).kind in (DELTA, BLOCK) else 100),
    "evaluate": lambda folder, asked: sn.evaluate(folder, asked, words=4, length=20),
    "refute": lambda folder, asked: sn.refute(folder, asked),
    "decompile": lambda folder, asked: sn.decompile(folder, asked, length=20),
    "diagnose": lambda folder, asked: sn.diagnose(folder, asked, length=20),
    "show": lambda folder, asked: sn.show(folder, html="page.html", group=asked),
    "audit": lambda folder, asked: sn.audit(folder),
}


def arguments_for(kind: str, verb: str, folder: Path) -> list[str]:
    """A command line that does the verb with the folder."""
    asked = MADE_FOR.get(kind, "S3")
    if verb == "train":
        return ["train", asked, "--init", str(folder), *MORE["train"]]
    named = {"show": ["--group", asked], "evaluate": [asked], "refute": [asked], "decompile": [asked]}
    group = named.get(verb, []) if kind in (NETWORK, MODULE) else []
    more = [] if kind in (DELTA, BLOCK) and verb == "horizon" else MORE.get(verb, [])  # no words are run
    return [verb, str(folder), *([asked] if verb == "diagnose" else group), *more]


@pytest.fixture
def folder_of(folders, tmp_path, monkeypatch):
    """A copy of the folder of one kind, in which nothing else is lost; damaged and other ones are made here."""

    def copied(kind: str) -> Path | str:
        monkeypatch.chdir(tmp_path)
        copy = tmp_path / "it"
        if kind == MODULE:
            copy.mkdir()
            (copy / "m.py").write_text(CALLABLE)
            return f"{copy}/m.py:run"
        if kind in (DAMAGED, OTHER):
            save_folder(copy, {"cascade.json": "{}"} if kind == DAMAGED else {"group.json": "{}"})
            if kind == OTHER:
                shutil.rmtree(copy)
                copy.mkdir()
                (copy / "manifest.json").write_text("{}")
            return copy
        shutil.copytree(folders / kind, copy)
        return copy

    return copied


def certified(folder: Path, kind: str, verb: str) -> None:
    if verb == "check" and kind not in (FACTORED, REFUSAL):
        sn.certify(folder)


@pytest.mark.parametrize(("kind", "verb"), list(itertools.product(CANNOT, VERBS)))
def test_every_cell_by_the_command_line(folder_of, kind, verb, monkeypatch, capsys):
    """The verb is done, or refused in one line with the table's reason; and no refusal proposes to write there."""
    folder = folder_of(kind)
    reason = refusal(kind, verb, str(folder))
    if reason is None:
        certified(folder, kind, verb)
    before = snapshot(folder)
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", ["subnormal", *arguments_for(kind, verb, folder)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert "Traceback" not in said
    if reason is None:
        assert ended.value.code != 2, said
    else:
        assert ended.value.code == 2, said
        assert len(said.strip().splitlines()) == 1, said
        assert f"--out {folder}" not in said, said
        assert reason in said or verb in ("train", "audit"), said
    if verb != "certify":
        assert snapshot(folder) == before


@pytest.mark.parametrize(("kind", "verb"), list(itertools.product(CANNOT, FUNCTIONS)))
def test_every_cell_from_python(folder_of, kind, verb):
    """As by the command line, of the folder and of what `load` makes of it."""
    folder = folder_of(kind)
    artifact = sn.load(folder)
    reason = artifact.can(verb)
    asked = MADE_FOR.get(kind, "S3") if kind in (NETWORK, MODULE) else None
    if reason is not None:
        with pytest.raises(InputError) as refused:
            FUNCTIONS[verb](artifact if verb != "audit" else folder, asked)
        assert reason in str(refused.value) or verb == "audit"
        return
    certified(folder, kind, verb)
    found = FUNCTIONS[verb](artifact if verb != "audit" else folder, asked)
    assert str(found)


def test_the_folder_of_runs_stands_for_its_best_network(folders):
    runs = sn.load(folders / RUN)
    assert runs.tracked.name == "C2"
    assert runs.source.kind == TRAINED
    assert runs.network().alphabet_size == 2


def test_what_is_no_folder_is_refused(tmp_path):
    for path in (tmp_path / "nosuch", tmp_path):
        with pytest.raises(InputError, match="no folder|nothing that is read here"):
            sn.load(path)
    with pytest.raises(InputError, match="wanted a folder, a network"):
        sn.load(7)  # type: ignore[arg-type]


OPENS = {"certify": 12, "check": 12, "verify": 12}
"""Most opens of an artifact's files in one command."""


@pytest.mark.parametrize(
    ("verb", "kind"),
    [("certify", GROUP), ("check", GROUP), ("verify", DELTA), ("check", DELTA), ("verify", BLOCK), ("check", BLOCK)],
)
def test_files_are_opened_once(folder_of, verb, kind):
    folder = folder_of(kind)
    certified(folder, kind, "check")
    opened: list[str] = []
    watching = True

    def watch(event, arguments):
        if watching and event == "open" and isinstance(arguments[0], str | Path):
            path = Path(arguments[0])
            if path.suffix in (".json", ".safetensors") and path.parent == folder:
                opened.append(path.name)

    sys.addaudithook(watch)  # it cannot be taken away again
    FUNCTIONS[verb](str(folder), None)
    watching = False
    assert 0 < len(opened) <= OPENS[verb], sorted(opened)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("move", [lambda n: n, lambda n: n.float(), lambda n: n.double(), lambda n: n.to("cpu")])
@pytest.mark.parametrize("family", ["aussm", "negative-mamba", "gated-aussm", "s4d", "rnn", "delta-1"])
def test_what_is_saved_loads_with_its_dtype(tmp_path, dtype, move, family):
    layer = {"family": family, "channels": 4, "hidden": 5, "readout": 6, "activation": "tanh"}
    network = move(DCDNetwork(3, 6, [layer], dtype=dtype, seed=0, head_gates=5))
    network.save_pretrained(tmp_path / "x")
    again = DCDNetwork.from_pretrained(tmp_path / "x")
    assert again.dtype == network.dtype == again.embedding.weight.dtype
    tokens = torch.tensor([[0, 1, 2, 1]])
    assert torch.equal(again(tokens), network(tokens))
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_dtype_of_the_answers_alone_is_not_saved(tmp_path, dtype):
    """Within, such a network is in float32, and that is what its folder holds."""
    network = sn.compile("S3").network("float32").to(dtype)
    network.save_pretrained(tmp_path / "x")
    again, tokens = DCDNetwork.from_pretrained(tmp_path / "x"), torch.tensor([[0, 1, 2, 1]])
    assert again.dtype == torch.float32
    assert torch.equal(again(tokens).to(dtype), network(tokens))


@pytest.mark.filterwarnings("ignore:.*complex.*:UserWarning")
def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    with pytest.raises(InputError, match="a network in torch.complex64; wanted float32 or float64"):
        sn.compile("S3").network("float32").to(torch.complex64)
    half = sn.compile("S3").network("float32")
    half.head.double()
    with pytest.raises(InputError, match="float32 and float64"):
        half.save_pretrained(tmp_path / "x")
