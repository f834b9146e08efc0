"""How models of others are read: token ids, answers, and what does not fit is refused by the name of its field."""

import json

import numpy as np
import pytest
import torch

import subnormal as sn
from subnormal.algebra.arithmetic.permutations import parse_permutation
from subnormal.api.models import task_of_name
from subnormal.common.errors import InputError
from subnormal.constructions.targets.compiler import compile_target
from subnormal.models.foreign.model import foreign_model
from subnormal.models.foreign.reading import Reading

S3 = task_of_name("S3")


def rule(letters, classes, size=20, start=0):
    """A model that tracks S3 with any numbering of ids: written with a loop, on ids alone."""
    moves = S3.tracked.moves

    def run(ids):
        state = torch.full((len(ids),), start)
        logits = torch.zeros(*ids.shape, size)
        for t in range(ids.shape[1]):
            for row in range(len(ids)):
                if int(ids[row, t]) in letters:
                    state[row] = int(moves[int(state[row]), letters.index(int(ids[row, t]))])
                logits[row, t, classes[int(state[row])]] = 1
        return logits

    return run


WORDS = np.random.default_rng(0).integers(0, 6, (5, 7))
WANTED = S3.labels(WORDS)


@pytest.mark.parametrize("answer", ["every", "last", "next"])
@pytest.mark.parametrize("before", [[], [19], [18, 17]])
@pytest.mark.parametrize("after", [[], [16], [16, 15]])
def test_letters_classes_and_what_stands_around(answer, before, after):
    letters, classes = [3, 1, 4, 5, 9, 2], [6, 5, 0, 1, 3, 8]
    given = {"letters": letters, "before": before, "after": after, "answer": answer, "classes": classes}
    if answer == "every" and after:
        with pytest.raises(InputError, match="^after: "):
            foreign_model(rule(letters, classes), given, S3.tracked)
        return
    found = foreign_model(rule(letters, classes), given, S3.tracked).answers(WORDS)
    if answer == "every":
        assert np.array_equal(found, WANTED)
    else:
        assert np.array_equal(found[:, -1], WANTED[:, -1])
        assert (found[:, :-1] == -1).all()


def test_an_id_too_far_or_a_class_that_is_another_is_seen():
    """What would pass if ids, or classes, were shifted: nothing of it."""
    letters, classes = [3, 1, 4, 5, 9, 2], [6, 5, 0, 1, 3, 8]
    for other in ({"letters": [1, 3, 4, 5, 9, 2]}, {"classes": [5, 6, 0, 1, 3, 8]}, {"before": [9]}):
        given = {"letters": letters, "classes": classes, **other}
        found = foreign_model(rule(letters, classes), given, S3.tracked).answers(WORDS)
        assert not np.array_equal(found, WANTED)


def test_the_default_is_id_i_and_class_i():
    assert np.array_equal(
        foreign_model(rule(list(range(6)), list(range(6)), 6), None, S3.tracked).answers(WORDS), WANTED
    )


def test_among_all_a_special_token_may_win():
    def run(ids):
        logits = rule(list(range(6)), list(range(6)), 8)(ids)
        logits[:, 2, 7] = 2
        return logits

    among = foreign_model(run, {"among": "answers"}, S3.tracked).answers(WORDS)
    strict = foreign_model(run, {"among": "all"}, S3.tracked).answers(WORDS)
    assert np.array_equal(among, WANTED)
    assert (strict[:, 2] == -2).all()
    assert np.array_equal(np.delete(strict, 2, 1), np.delete(WANTED, 2, 1))


def test_no_number_is_no_answer():
    found = foreign_model(lambda ids: torch.full((*ids.shape, 6), torch.nan), None, S3.tracked).answers(WORDS)
    assert (found == -2).all()


def test_spelt_letters_have_their_answer_at_their_last_token():
    reading = Reading.of({"letters": [[7], [8, 9], [8, 10, 11]], "before": [0, 1], "pad": 5}).resolved(3, 2)
    ids, ends = reading.tokens(np.array([[0, 1, 2], [0, 0, 0]]))
    assert ids.tolist() == [[0, 1, 7, 8, 9, 8, 10, 11], [0, 1, 7, 7, 7, 5, 5, 5]]
    assert ends.tolist() == [[2, 4, 7], [2, 3, 4]]
    after = Reading.of({"letters": [[7], [8, 9]], "after": [3, 4], "answer": "last"}).resolved(2, 2)
    ids, ends = after.tokens(np.array([[0, 1]]))
    assert ids.tolist() == [[7, 8, 9, 3, 4]]
    assert ends.tolist() == [[-1, 4]]


def test_one_label_for_a_word():
    """A classifier: logits (batch, classes)."""
    inner = rule(list(range(6)), list(range(6)), 6)
    model = foreign_model(lambda ids: inner(ids)[:, -1], {"answer": "last"}, S3.tracked)
    assert np.array_equal(model.answers(WORDS)[:, -1], WANTED[:, -1])
    with pytest.raises(InputError, match="returned shape"):
        foreign_model(lambda ids: inner(ids)[:, -1], None, S3.tracked).answers(WORDS)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"letters": [0, 1, 2, 3, 4]}, "letters: 5 given; wanted 6"),
        ({"letters": [0, 1, 2, 3, 4, 4]}, "letters: 4 stands for both 4 and 5"),
        ({"letters": [0, 1, 2, 3, 4, -1]}, "letters: '-1'"),
        ({"letters": [0, 1, 2, 3, 4, True]}, "letters: 'True'"),
        ({"letters": [0, 1, 2, 3, 4, []]}, "letters: a letter without ids"),
        ({"letters": "012345"}, "letters: '012345'"),
        ({"letters": {"0": 1}}, "letters: '1' is missing"),
        ({"letters": {**{str(i): i for i in range(6)}, "x": 9}}, "letters: 'x' is none of"),
        ({"classes": [1, 2]}, "classes: 2 given; wanted 6"),
        ({"classes": [0, 1, 2, 3, 4, 0]}, "classes: 0 stands for both 0 and 5"),
        ({"classes": [0, 1, 2, 3, 4, 30]}, "classes: 30 is used, and the model has 20 logits"),
        ({"letters": [0, 1, 2, 3, 4, 20]}, "letters: 20 is used, and the model has 20 token ids"),
        ({"before": [20]}, "before: 20 is used"),
        ({"pad": 20}, "pad: 20 is used"),
        ({"before": "x"}, "before: 'x'"),
        ({"answer": "first"}, "answer: 'first'; wanted one of every, last, next"),
        ({"among": 3}, "among: '3'"),
        ({"leters": [0]}, "unknown setting 'leters'; did you mean letters"),
        ([0, 1], "a list; wanted an object"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(given, said, tmp_path):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = torch.nn.Embedding(20, 2), torch.nn.Linear(2, 20)

        def get_input_embeddings(self):
            return self.embedding

        def get_output_embeddings(self):
            return self.head

        def forward(self, ids):
            raise AssertionError("it ran")

    path = tmp_path / "r.json"
    path.write_text(json.dumps(given))
    for form in (given, path, str(path), *([json.dumps(given)] if isinstance(given, dict) else [])):
        with pytest.raises(InputError) as refused:
            foreign_model(Model(), form, S3.tracked)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_class_beyond_the_logits_of_a_callable_is_refused_when_it_runs():
    with pytest.raises(InputError, match="classes: logit 5 is read, and .* has 4"):
        foreign_model(lambda ids: torch.zeros(*ids.shape, 4), None, S3.tracked).answers(WORDS)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda ids: 1 / 0, "raised ZeroDivisionError"),
        (lambda ids: None, "returned a NoneType"),
        (lambda ids: torch.zeros(3), "returned shape"),
        (lambda ids: torch.zeros(*ids.shape, 6, dtype=torch.complex64), "real logits"),
    ],
)
def test_a_model_that_fails_is_one_line(run, said):
    with pytest.raises(InputError, match=said):
        foreign_model(run, None, S3.tracked).answers(WORDS)


def test_kinds_of_models_and_readings_that_are_not_needed(tmp_path):
    assert sn.load(lambda ids: ids).kind == "module"
    assert sn.load(torch.nn.Linear(1, 1)).kind == "module"
    folder = sn.compile("S3").save(tmp_path / "s3")
    with pytest.raises(InputError, match="needs no reading"):
        sn.load(folder, {"letters": [0]})
    with pytest.raises(InputError, match="did you mean letters"):
        sn.load(lambda ids: ids, {"leters": [0]})


def test_a_function_in_a_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch\ndef run(ids):\n    return torch.nn.functional.one_hot(ids.cumsum(1) % 2, 2).float()\n"
    )
    model = sn.load(f"{path}:run", {"letters": [0, 1], "classes": [0, 1]}).foreign()
    assert model.answers(np.array([[1, 1, 0, 1]])).tolist() == [[1, 0, 0, 1]]
    for text, said in ((f"{path}:other", "has no function 'other'"), (f"{tmp_path}/no.py:run", "no file")):
        with pytest.raises(InputError, match=said):
            sn.load(text, {"letters": [0, 1], "classes": [0, 1]}).foreign()
    (tmp_path / "bad.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(InputError, match="ModuleNotFoundError"):
        sn.load(f"{tmp_path}/bad.py:run", {"letters": [0, 1]}).foreign()


@pytest.mark.parametrize(
    ("name", "target"),
    [("S3", "olmo-hybrid"), ("flip-flop(2)", "qwen3-next"), ("flip-flop(2)", "mamba2"), ("dyck(1,2)", "mamba2")],
)
def test_checkpoints_of_ours_say_how_they_are_read(name, target, tmp_path):
    pytest.importorskip("transformers")
    task = task_of_name(name)
    given = sn.machine(name)
    folder = compile_target(given.listed() if hasattr(given, "listed") else given, target).save(tmp_path / "x")
    artifact = sn.load(folder)
    assert artifact.kind == "checkpoint"
    assert artifact.tracked.same(task.tracked)
    words = np.random.default_rng(1).integers(0, task.tracked.count, (4, 30))
    model = artifact.foreign(task.tracked)
    assert np.array_equal(model.answers(words), task.labels(words))
    assert model.config["model_type"] == target.replace("-", "_")
    assert np.array_equal(artifact.foreign().answers(words), task.labels(words))


@pytest.mark.parametrize(("target", "name"), [("olmo-hybrid", "S10"), ("delta-net", "S3")])
def test_a_checkpoint_that_is_asked_for_points_answers_at_every_letter(name, target, tmp_path):
    if target == "olmo-hybrid":
        pytest.importorskip("transformers")
    group = sn.group(name)
    compile_target(group, target, answers="points").save(tmp_path / "x")
    model = sn.load(tmp_path / "x").foreign()
    tracked = sn.load(tmp_path / "x").tracked
    words = np.random.default_rng(2).integers(0, model.letters, (4, 20))
    images = [parse_permutation(name) for name in tracked.letter_names]
    letters = [np.array([*row, *range(len(row), group.degree)]) for row in images]
    wanted = np.zeros_like(words)
    for i, word in enumerate(words):
        point = 0
        for t, letter in enumerate(word):
            wanted[i, t] = point = letters[letter][point]
    found = np.array(tracked.class_names)[model.answers(words)]
    assert np.array_equal(found.astype(int) - 1, wanted)
    assert model.ids([])[-1] == model.reading.before[-1]  # the empty word is asked too
    assert len(tracked.class_names) == group.degree
    assert sn.evaluate(tmp_path / "x", length=8, words=4).whole[-1] == 1


def test_dropout_is_off_while_it_runs_and_on_behind_it():
    module = torch.nn.Sequential(torch.nn.Embedding(6, 6), torch.nn.Dropout(0.5))
    module[0].eval()
    model = foreign_model(module, None, S3.tracked)
    assert np.array_equal(model.answers(WORDS), model.answers(WORDS))
    assert module.training
    assert module[1].training
    assert not module[0].training


def test_batches_do_not_change_answers():
    model = rule([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], 6)
    for batch in (1, 2, 3, 100):
        assert np.array_equal(foreign_model(model, None, S3.tracked, batch=batch).answers(WORDS), WANTED)


FILE = """
import sys, torch
def rule(ids): return torch.eye(2)[ids.cumsum(1) % 2]
class Parity(torch.nn.Module):
    def __init__(self, size=2):
        super().__init__()
        self.drop, self.size = torch.nn.Dropout(0.5), size
    def forward(self, ids): return self.drop(rule(ids) * 8 - 4)
class Sized(Parity):
    def __init__(self, size): super().__init__(size)
def maker(): return Parity()
def nothing(): return None
def fails(): raise RuntimeError("no weights here")
def leaves(ids): sys.exit(3)
def fields(ids): return {"logits": rule(ids)}
def broken(ids): return rule(ids) * float("nan")
def wrong(ids): return (1 - rule(ids), None)
def wrong_fields(ids): return {"logits": 1 - rule(ids)}
def embeds(ids): return torch.eye(2)[ids]
def one(ids): return rule(ids)[:, -1]
"""


@pytest.mark.parametrize("name", ["rule", "Parity", "maker", "fields"])
def test_what_a_name_in_a_file_stands_for(name, tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    assert not sn.refute(f"{tmp_path}/mine.py:{name}", "C2", length=30).refuted


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Sized", "is a class that wants size; .*`model = Sized"),
        ("nothing", "takes no token ids and made a NoneType"),
        ("fails", "raised RuntimeError: no weights here"),
        ("leaves", "raised SystemExit: 3"),
        ("one", 'returned shape .1, 2.; .*"answer": "last"'),
    ],
)
def test_what_makes_no_model_is_one_line(name, said, tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    for verb in (sn.evaluate, sn.refute, sn.decompile, sn.diagnose):
        with pytest.raises(InputError, match=said.replace(".1,", r"\(\d+,").replace("2.;", r"2\);")) as told:
            verb(f"{tmp_path}/mine.py:{name}", "C2", length=10)
        assert "\n" not in str(told.value)


def test_ids_beyond_what_a_module_knows_name_the_field(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    with pytest.raises(InputError, match=r"raised IndexError.*letters: it was given ids up to 9"):
        sn.evaluate(f"{tmp_path}/mine.py:embeds", "C2", length=10, reading={"letters": [0, 9], "classes": [0, 1]})


@pytest.mark.parametrize("name", ["broken", "wrong", "wrong_fields"])
def test_the_printed_line_prints_what_it_says(name, tmp_path, capsys):
    """Of what is not a number, and of logits in a tuple or a dictionary, too."""
    (tmp_path / "mine.py").write_text(FILE)
    found = sn.refute(f"{tmp_path}/mine.py:{name}", "C2", length=10).failing_word
    exec(found.rerun, {})
    assert found.prints.startswith(f"prints {capsys.readouterr().out.strip()}; right is ")


def test_dropout_is_off_in_the_printed_line(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(FILE)
    found = sn.refute(f"{tmp_path}/mine.py:maker", "C2", length=10, reading={"letters": [1, 0]}).failing_word
    for _ in range(20):
        exec(found.rerun, {})
    assert set(capsys.readouterr().out.split()) == {found.prints.split()[1].rstrip(";")}
