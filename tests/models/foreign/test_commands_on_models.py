"""decompile, refute and diagnose of models that others made: callables, modules, checkpoints, damaged ones of ours."""

from __future__ import annotations

import json
import re
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import one_hot

import subnormal as sn
from subnormal.command_line.__main__ import main
from subnormal.common.errors import InputError
from subnormal.common.kinds import kind_of
from subnormal.models.foreign.altered import altered_from_compiled


def parity(ids):
    return one_hot(ids.cumsum(1) % 2, 2)


def s3(ids):
    """Tracks S3 by its table."""
    table = torch.from_numpy(sn.group("S3").listed().table.astype(np.int64))
    state, found = torch.zeros(len(ids), dtype=torch.long), torch.empty_like(ids)
    for t in range(ids.shape[1]):
        state = table[state, ids[:, t]]
        found[:, t] = state
    return one_hot(found, 6)


def parity_of_s3(ids):
    """Of six classes it answers the identity, or one reflection."""
    return one_hot(torch.tensor([0, 1, 1, 0, 0, 1])[s3(ids).argmax(-1)], 6)


def pieces(ids):
    """Parity, read in pieces of 16 letters between which the state is lost."""
    return one_hot(torch.cat([piece.cumsum(1) % 2 for piece in ids.split(16, 1)], 1), 2)


class Gru(torch.nn.Module):
    def __init__(self, letters=2, classes=2, dropout=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.gru = torch.nn.Embedding(letters, 8), torch.nn.GRU(8, 8, batch_first=True)
        self.out, self.drop = torch.nn.Linear(8, classes), torch.nn.Dropout(dropout)

    def forward(self, ids):
        return self.out(self.drop(self.gru(self.embed(ids))[0]))


def test_a_callable():
    found = sn.decompile(parity, "C2", length=200)
    assert (found.exact, found.is_task, found.states, found.small_group_id, found.agrees_to) == (
        True, True, 2, (2, 1), 200
    )  # fmt: skip
    assert found.tested["8 random words of 200 letters"] == 8
    assert "machine: C2 (2 states), on all words that were run, up to 200 letters" in str(found)
    assert not sn.refute(parity, "C2", length=200).refuted
    assert sn.refute(parity, "C2", length=200).kind == "allowed"
    assert "nothing is missing" in sn.diagnose(parity, "C2", length=200).verdict


def test_what_it_computes_where_that_is_not_the_task():
    found = sn.decompile(parity_of_s3, "S3", length=100)
    assert found.identity.text() == "C2: the parity of S3"
    assert (found.states, found.small_group_id, found.is_task) == (2, (2, 1), False)
    assert found.failing.length == 1
    assert "C2: the parity of S3 (2 states)" in str(found)
    diagnosed = sn.diagnose(parity_of_s3, "S3", length=100)
    assert "structure: it computes C2: the parity of S3" in diagnosed.verdict


def test_the_machine_goes_into_the_other_commands(tmp_path):
    found = sn.decompile(parity_of_s3, "S3", length=100, out=tmp_path / "machine.json")
    assert found.automaton is not None
    assert sn.inspect(found.automaton).monoid.order == 2
    assert sn.machine(str(tmp_path / "machine.json")).count == 2
    assert sn.compile(found.automaton).automaton.count == 2
    found = sn.decompile(s3, "S3", length=100, out=tmp_path / "s3")
    assert kind_of(tmp_path / "s3") == "learnt"
    assert "tracks a group of order 6" in str(sn.check(tmp_path / "s3"))
    last = sn.decompile(
        lambda ids: one_hot(ids, 3), reading={"letters": [0, 1, 2], "classes": [0, 1, 2]}, length=50,
        out=tmp_path / "last",
    )  # fmt: skip
    assert last.folder is not None
    assert kind_of(last.folder) == "automaton"
    assert last.small_group_id is None


def test_a_failing_word_is_run_again_by_the_printed_line():
    found = sn.refute(parity_of_s3, "S3", length=50).failing_word
    assert found.length == 1
    model = parity_of_s3
    said = re.search(r"print\((.*)\)$", found.rerun).group(1)
    assert str(eval(said, {"torch": torch, "model": model})) in found.prints.split(";")[0]
    # a longer one, of a model that is wrong late
    late = sn.refute(pieces, "C2", length=100)
    assert late.failing_word.length == 17, "the shortest that shows it: a 1 in the first piece, and one letter more"
    assert late.searched.all_to >= 10
    said = re.search(r"print\((.*)\)$", late.failing_word.rerun).group(1)
    assert str(eval(said, {"torch": torch, "model": pieces})) in late.failing_word.prints.split(";")[0]


def test_a_state_that_is_lost_between_pieces():
    diagnosed = sn.diagnose(pieces, "C2", length=100)
    assert "loses its state after 16 letters" in diagnosed.verdict
    assert any("keep the state" in line for line in diagnosed.changes)


def test_not_a_number():
    def broken(ids):
        return torch.where(torch.arange(ids.shape[1])[:, None] < 20, parity(ids).float(), torch.nan)

    found = sn.decompile(broken, "C2", length=100)
    # as a machine of 42 states that counts to 20, or as C2 up to there: as far as the budget goes
    assert (found.agrees_to, found.states) in ((20, 2), (100, 42))
    assert "up to 20 letters" in str(found)
    refuted = sn.refute(broken, "C2", length=100).failing_word
    assert (refuted.length, refuted.answer) == (21, "none")
    assert "precision" in sn.diagnose(broken, "C2", length=100).verdict


def test_dropout():
    module = Gru(dropout=0.5)
    module.train()
    sn.decompile(module, "C2", length=50, states=20)  # a module is run with dropout off, and left as it was
    assert module.training
    for verb in (sn.decompile, sn.refute, sn.diagnose):
        with pytest.raises(InputError, match=r"asked twice.*model\.eval\(\)"):
            verb(lambda ids: module(ids), "C2", length=50)


def mixed(modulus):
    """The parity of a sum of places, which is taken modulo a number: modulus² states and more."""
    return lambda ids: one_hot((ids * torch.arange(ids.shape[1])).cumsum(1) % modulus % 2, 2)


def test_a_machine_of_short_words_is_given_up_to_its_length():
    """The sums of up to 14 places are below 97: there the parity of the place and that of the sum are the state."""
    found = sn.decompile(mixed(97), "C2", states=40, length=100)
    assert (found.states, found.agrees_to) == (4, 14)
    assert "up to 14 letters, then wrong on (1^15)" in str(found)
    assert not found.is_task


@pytest.mark.parametrize("modulus", [7, 11])
def test_models_without_a_small_machine(modulus):
    found = sn.decompile(mixed(modulus), "C2", states=40, length=100)
    assert not found.exact
    assert found.states is None
    assert found.learnt.least > 40
    assert "no machine of at most 40 states agrees" in str(found)
    assert found.as_json()["states"] is None


def test_wrong_numbers_and_lookahead():
    with pytest.raises(InputError, match="classes: logit 5 is read, and Gru has 2"):
        sn.decompile(Gru(6, 2), "S3")
    with pytest.raises(InputError, match="it reads ahead"):
        sn.decompile(lambda ids: one_hot(ids.sum(1, keepdim=True).expand_as(ids) % 2, 2), "C2", length=50)
    with pytest.raises(InputError, match="does not say what it should track"):
        sn.refute(parity)
    with pytest.raises(InputError, match="does not say what it should track"):
        sn.diagnose(parity)
    with pytest.raises(InputError, match="letters: the reading does not say"):
        sn.decompile(parity)
    found = sn.decompile(parity, reading={"letters": [0, 1], "classes": [0, 1]}, length=50)
    assert (found.states, found.task) == (2, "")
    with pytest.raises(InputError, match="--pruned"):
        sn.decompile(parity, "C2", pruned="x")
    with pytest.raises(InputError, match="--states goes with"):
        sn.decompile(sn.compile("C2").network(), "C2", states=5)


def test_the_command_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import torch\ndef run(ids):\n    return torch.nn.functional.one_hot(ids.cumsum(1) % 2, 2)\n"
    )
    model = f"{tmp_path}/mine.py:run"
    for words, status in (
        (["decompile", model, "C2", "--length", "100", "--json"], None),
        (["refute", model, "S3", "--length", "100", "--json"], 2),
        (["refute", model, "C2", "--length", "100", "--json"], 5),
        (["diagnose", model, "C2", "--length", "100", "--json"], None),
    ):
        monkeypatch.setattr(sys, "argv", ["subnormal", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == status, words
        printed = capsys.readouterr()
        if status != 2:
            assert json.loads(printed.out)["model"] == model
        else:
            assert "classes: logit 5 is read" in printed.err


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return sn.compile("S3", target="olmo-hybrid").save(tmp_path_factory.mktemp("models") / "s3")


def damaged(compiled, place, config=None, weights=None):
    shutil.copytree(compiled, place)
    if config:
        path = place / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    if weights:
        tensors = load_file(place / "model.safetensors")
        weights(tensors)
        save_file(tensors, place / "model.safetensors", metadata={"format": "pt"})
    return place


def test_a_checkpoint_of_ours_says_what_it_is(compiled):
    found = sn.decompile(compiled, length=40)
    assert (found.task, found.states, found.small_group_id, found.is_task) == ("S3", 6, (6, 1), True)
    diagnosed = sn.diagnose(compiled, length=40)
    assert (diagnosed.possible, diagnosed.altered, diagnosed.changes) == (True, (), ())


def flag_turned(compiled, place):
    return damaged(compiled, place, {"linear_allow_neg_eigval": False})


def weight_changed(compiled, place):
    def spoil(tensors):
        tensors["model.layers.0.linear_attn.b_proj.weight"][0, 3] = 0.3

    return damaged(compiled, place, weights=spoil)


def test_what_was_done_to_a_checkpoint_is_named(compiled, tmp_path):
    task = sn.load(compiled).tracked
    assert altered_from_compiled(compiled, task) == ()
    assert altered_from_compiled(flag_turned(compiled, tmp_path / "flag"), task) == (
        "config.json: linear_allow_neg_eigval is false, was true",
    )
    (told,) = altered_from_compiled(weight_changed(compiled, tmp_path / "weight"), task)
    assert "b_proj.weight differs in 1 number of 32, e.g. [0][3] is 0.3" in told


def test_a_turned_flag_is_refuted(compiled, tmp_path):
    refuted = sn.refute(flag_turned(compiled, tmp_path / "flag"), length=20)
    assert refuted.refuted
    assert refuted.theory.possible is False
    assert "S3 is one" in str(refuted)
    assert "AutoModelForCausalLM.from_pretrained" in refuted.failing_word.rerun


@pytest.mark.slow
def test_a_turned_flag_is_diagnosed(compiled, tmp_path):
    diagnosed = sn.diagnose(flag_turned(compiled, tmp_path / "flag"), length=40)
    assert any("linear_allow_neg_eigval: true" in line for line in diagnosed.changes)
    assert diagnosed.verdict.startswith("structure")


def test_a_weight_rounded_to_bfloat16_is_named(tmp_path):
    """Most targets have weights that bfloat16 holds: rounding changes nothing, and nothing is said. qwen3-next's norms
    have others."""
    folder = sn.compile("flip-flop(2)", target="qwen3-next").save(tmp_path / "model")
    tracked, tensors = sn.load(folder).tracked, load_file(folder / "model.safetensors")
    inexact = {name: int((x.bfloat16().to(x.dtype) != x).sum()) for name, x in tensors.items()}
    changed = [name for name, count in inexact.items() if count]
    assert len(changed) == 5
    for name in changed[:2]:
        place = damaged(folder, tmp_path / name, weights=lambda t, n=name: t[n].copy_(t[n].bfloat16()))
        told = f"{name} differs in {inexact[name]} numbers of {tensors[name].numel()}, as rounded to bfloat16"
        assert altered_from_compiled(place, tracked) == (told,)
    diagnosed = sn.diagnose(place, length=40)
    assert diagnosed.altered == (told,)
    assert f"not as compiled: {told}" in str(diagnosed)
    assert "write it again" in diagnosed.changes[0]
    assert f"not as compiled: {told}" in str(sn.evaluate(place, length=40, words=8))
    other = next(name for name, count in inexact.items() if not count)
    same = damaged(folder, tmp_path / "same", weights=lambda t: t[other].copy_(t[other].bfloat16()))
    assert altered_from_compiled(same, tracked) == ()


@pytest.mark.slow
def test_a_changed_weight_is_diagnosed(compiled, tmp_path):
    diagnosed = sn.diagnose(weight_changed(compiled, tmp_path / "weight"), length=40)
    assert not diagnosed.read.is_task or diagnosed.read.learnt.wrong is not None
    assert "write it again" in diagnosed.changes[0]


@pytest.mark.parametrize("verb", ["evaluate", "refute", "decompile", "diagnose"])
def test_a_file_of_code_without_a_function_is_asked_for_one(verb, tmp_path, capsys, monkeypatch):
    code = tmp_path / "mine.py"
    code.write_text("raise SystemExit('it ran')\n")
    monkeypatch.setattr(sys, "argv", ["subnormal", verb, str(code), "S3"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    wanted = f"{code} is Python code: name a function of it, {code}:FUNCTION, from token ids to logits"
    assert wanted in capsys.readouterr().err
