"""Readings in which letters and answers alternate: teacher forced, and free-running."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

import subnormal as sn
from subnormal.api.models import task_of_name
from subnormal.common.errors import InputError
from subnormal.models.foreign.model import foreign_model
from subnormal.models.foreign.reading import Reading
from tests.models.foreign.trained import mamba2

C2, S3 = task_of_name("C2").tracked, task_of_name("S3").tracked
WORDS = np.random.default_rng(0).integers(2, size=(20, 30))
TEACHER = {"letters": [0, 1], "classes": [2, 3], "between": "right"}
OWN = {**TEACHER, "between": "own"}


def by_the_answer_before(wrong_at=None):
    """Parity as x + the answer that stands before it; at one letter it says the opposite."""

    def run(ids):
        before = torch.cat([torch.full_like(ids[:, :1], 2), ids[:, :-1]], 1)
        said = (ids + before) % 2
        if wrong_at is not None and ids.shape[1] > 2 * (wrong_at - 1):
            said[:, 2 * (wrong_at - 1)] ^= 1
        return one_hot(said + 2, 4).float()

    return run


class Gru(torch.nn.Module):
    def __init__(self, ids):
        super().__init__()
        torch.manual_seed(3)
        self.embed, self.gru = torch.nn.Embedding(ids, 16), torch.nn.GRU(16, 16, batch_first=True)
        self.out = torch.nn.Linear(16, ids)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.mul_(4)

    def forward(self, ids):
        return 5 * self.out(self.gru(self.embed(ids))[0])


def test_one_error_stays_alone_or_goes_on():
    truth = WORDS.cumsum(axis=1) % 2
    for reading, later in ((TEACHER, False), (OWN, True)):
        assert np.array_equal(foreign_model(by_the_answer_before(), reading, C2).answers(WORDS), truth)
        wrong = foreign_model(by_the_answer_before(7), reading, C2).answers(WORDS) != truth
        assert not wrong[:, :6].any()
        assert wrong[:, 6].all()
        assert (wrong[:, 7:] == later).all()


def test_free_running_is_what_a_loop_gives():
    """Letter by letter, the most likely answer fed back; letters spelt with one id and with two, something before."""
    reading = {"letters": [[4], [5, 6]], "before": [9], "classes": [1, 0], "between": "own"}
    model, plain = Gru(10), []
    for word in WORDS:
        ids, said = [9], []
        for x in word:
            ids += [[4], [5, 6]][x]
            with torch.no_grad():
                answer = int(model(torch.tensor([ids]))[0, -1, [1, 0]].argmax())
            said.append(answer)
            ids.append([1, 0][answer])
        plain.append(said)
    assert len({tuple(row) for row in plain}) > 5
    for task in (None, C2):
        for batch in (1, 7, None):
            found = foreign_model(model, reading, task, batch=batch)
            assert np.array_equal(found.answers(WORDS), np.array(plain))
    assert found.ids(WORDS[0][:2])[0] == 9
    assert len(found.ids([1, 1])) == 1 + 2 + 1 + 2


@pytest.mark.parametrize("between", ["right", "own"])
def test_the_ways_of_a_library_agree(between):
    torch.manual_seed(0)
    model = mamba2(6, 4).eval()
    with torch.no_grad():
        model.lm_head.weight *= 20
    found = foreign_model(model, {"letters": [4, 5], "classes": [0, 1], "between": between}, C2)
    whole = found.answers(WORDS)
    assert 0 < whole.mean() < 1
    for way in ("cached", "pieces", "left"):
        assert np.array_equal(found.answers(WORDS, way=way), whole), way


def test_every_verb():
    model, wrong = by_the_answer_before(), by_the_answer_before(30)
    assert sn.evaluate(model, "C2", reading=OWN, length=60, words=20).longest == 60
    assert sn.evaluate(wrong, "C2", reading=OWN, length=60, words=20).longest == 20
    found = sn.evaluate(wrong, "C2", reading=TEACHER, length=60, words=20)
    assert (found.by_length[40], found.whole[1]) == (1.0, 0.0)
    read = sn.decompile(wrong, "C2", reading=OWN, length=100, states=20)
    assert (read.is_task, read.agrees_to) == (True, 29)
    word = sn.refute(wrong, "C2", reading=OWN, length=100).failing_word
    assert word.length == 30
    said = word.rerun.partition("print(")[2].removesuffix(")")
    assert str(eval(said, {"torch": torch, "model": wrong})) in word.prints.split(";")[0]
    assert sn.decompile(model, reading=OWN, length=40).states == 2
    assert "its own answers between letters" in Reading.of(OWN).resolved(2, 2).describe()


def test_what_does_not_fit():
    model = by_the_answer_before()
    for change, task, said in (
        ({"answer": "last"}, "C2", r'between: answers stand behind every letter.*wanted "answer": "every"'),
        ({"answer": "next"}, "C2", "between: answers stand behind every letter"),
        ({"between": "own", "among": "all"}, "C2", r'wanted "among": "answers"'),
        ({"between": "mine"}, "C2", r"between: 'mine'; wanted one of right, own"),
        ({}, None, "between: the right answers stand between letters, and nobody says"),
    ):
        with pytest.raises(InputError, match=said):
            sn.decompile(model, task, reading={**TEACHER, **change}, length=20)
    with pytest.raises(InputError, match="class 7 is no token id of the model, which has 6"):
        foreign_model(_wide(), {"letters": [0, 1], "classes": [6, 7], "between": "own"}, C2)

    def looks_ahead(ids):  # it contradicts the answer that is fed to it
        return one_hot(1 - torch.cat([ids[:, 1:], ids[:, :1]], 1) % 2 + 2, 4).float()

    with pytest.raises(InputError, match="does not settle on its own answers"):
        foreign_model(looks_ahead, OWN, C2).answers(WORDS)


def _wide():
    """A model with more logits than token ids."""
    model = mamba2(6, 4)
    model.lm_head = torch.nn.Linear(32, 8, bias=False)
    return model
