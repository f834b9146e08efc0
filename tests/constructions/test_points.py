"""Groups too large for a class each: checkpoints that are asked where a point goes."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from subnormal.algebra.groups.permutation_group import PermutationGroup
from subnormal.algebra.input.elements import read_tokens
from subnormal.algebra.input.parser import parse_group
from subnormal.common.errors import InputError
from subnormal.constructions.targets.compiler import compile_target
from subnormal.constructions.targets.delta_layer import _sharpness, margins, reflection_fault
from subnormal.constructions.targets.points import PointMachine, point_machine

DELTA = ("olmo-hybrid", "deltaproduct", "gated-deltanet", "delta-net", "kda")


def machine(name, alphabet=None):
    found = parse_group(name)
    return point_machine(found, read_tokens(found, alphabet))


def cyclic(points):
    row = np.roll(np.arange(points), -1)
    return point_machine(PermutationGroup(f"C{points}", row[None], points), row[None])


@pytest.mark.parametrize("name", ["S8", "S10", "M24", "PSL(3,4)", "Rubik", "S4wrS4"])
def test_the_exact_machine(name):
    found = machine(name)
    assert isinstance(found, PointMachine)
    assert reflection_fault(found) is None
    generator = np.random.default_rng(0)
    state, product = found.state_by(np.arange(found.points)), np.arange(found.points)
    for x in generator.integers(0, len(found.alphabet), 12):
        for letter in found.spell(int(x)):
            state = found.step(state, letter)
        product = found.action[x][product]
    assert [found.image(state, point) for point in range(found.points)] == product.tolist()


@pytest.mark.parametrize("points", [2, 3, 4, 5, 10, 24, 48, 256])
def test_points_are_told_apart_and_heads_read_about_as_many(points):
    found = cyclic(points)
    assert len({tuple(pair) for pair in found.sets.tolist()}) == points
    assert (found.sets[:, 0] < found.sets[:, 1]).all()
    assert found.sizes.max() - found.sizes.min() <= 2
    assert all(margins(found).values())
    for beside, head in itertools.product((0, 1), range(found.heads)):
        rows, fill = found.rows(head, beside)
        assert len(rows) + beside + fill in (1, 4, 16, 64)  # so that the query's entries are powers of 2
        assert {int(row) % points for row in rows} == set(np.flatnonzero((found.sets == head).any(axis=1)).tolist())
    for gated in (True, False):
        assert _sharpness(found, 100, 4096, gated) >= 16


def test_a_wrong_readout_is_noticed():
    found = machine("S8")
    found.__dict__["sets"] = found.sets[::-1][[0, 0, *range(2, 8)]]
    assert "the read-out confuses points" in str(reflection_fault(found))


@pytest.mark.parametrize("target", [*DELTA, "pd-ssm"])
def test_the_default_of_a_large_group_is_points(target):
    checkpoint = compile_target(parse_group("S10"), target)
    assert any("1? … 10?" in line for line in checkpoint.lines())
    config = json.loads(checkpoint.files["config.json"])
    if target == "pd-ssm":
        assert config["classes"] == [*map(str, range(1, 11)), "[UNK]"]
    else:
        assert config["vocab_size"] < 100
    assert compile_target(parse_group("S10"), target, resets=True).files != checkpoint.files


def test_points_that_are_not_moved_are_not_asked_for():
    assert machine("(2,3,4,5,6,7,8,9),(2,3)").answer_names == tuple(map(str, range(2, 10)))


@pytest.mark.parametrize(
    ("name", "target", "options", "message"),
    [
        ("S10", "deltaproduct", {"answers": "elements"}, "order 3,628,800; a class for each element is written up to"),
        ("S3", "deltaproduct", {"answers": "cups"}, "answers: 'cups'; wanted one of elements, points"),
        ("S3", "delta", {"answers": "points"}, "S3: order 6: its network has an answer at every token"),
        ("S300", "olmo-hybrid", {}, "acts on 300 points; targets are written for at most 256"),
        ("S10", "olmo-hybrid", {"alphabet": "all"}, "too many tokens; wanted --alphabet generators"),
        ("S10", "olmo-hybrid", {"alphabet": [0, 1]}, "its elements have no numbers"),
        ("S100", "deltaproduct", {}, "wanted at most"),
        ("Rubik", "pd-ssm", {}, "try --target olmo-hybrid"),
    ],
)
def test_refusals(name, target, options, message):
    with pytest.raises(InputError, match=message):
        compile_target(parse_group(name), target, **options)


@pytest.mark.parametrize("target", [*DELTA, "pd-ssm"])
@pytest.mark.parametrize(("name", "answers"), [("S8", None), ("S3", "points")])
def test_it_runs(tmp_path, target, name, answers):
    """A question after each of 25 elements, by transformers or the plain recurrence."""
    pytest.importorskip("torch")
    if target == "olmo-hybrid":
        pytest.importorskip("transformers")
    from subnormal.models.references.trial import try_checkpoint

    checkpoint = compile_target(parse_group(name), target, answers=answers)
    checkpoint.save(tmp_path)
    assert try_checkpoint(tmp_path, target, checkpoint.machine, 25)


def run(folder, text):
    from subnormal.models.references.fla import FlaReference
    from subnormal.models.references.trial import SpelledWords

    torch = pytest.importorskip("torch")
    reader = SpelledWords(folder)
    known = {**reader.spellings, "?": [reader.numbers["[UNK]"]]}
    reader.spellings = known
    tokens, ends = reader.tokens(text.split())
    logits = FlaReference(folder).logits(torch.tensor(tokens))[ends]
    assert torch.isfinite(logits).all()
    return [reader.name(i) for i in logits.argmax(-1).tolist()]


@pytest.mark.parametrize("target", ["gated-deltanet", "deltaproduct", "delta-net", "kda"])
def test_questions_change_nothing_and_what_is_no_question_has_no_answer(tmp_path, target):
    checkpoint = compile_target(parse_group("S8"), target, "(1,2);(1,2,3,4,5,6,7,8)", resets=True)
    checkpoint.save(tmp_path)
    asked = " ".join(f"{point}?" for point in range(1, 9))
    assert run(tmp_path, f"{asked} (1,2) {asked}") == [*"12345678", "[UNK]", *"21345678"]
    # An unknown word: nothing is known any more, until a reset.
    found = run(tmp_path, "(1,2) ? 1? (1,2) 2? =(1,2) 1? (1,2,3,4,5,6,7,8) 1? 8?")
    assert found == ["[UNK]", "[UNK]", "[UNK]", "[UNK]", "[UNK]", "[UNK]", "2", "[UNK]", "3", "1"]


def test_what_it_says_of_itself(tmp_path):
    pytest.importorskip("torch")
    from subnormal.models.foreign.checkpoint import OwnCheckpoint

    checkpoint = compile_target(parse_group("S8"), "olmo-hybrid")
    checkpoint.save(tmp_path)
    assert "`[UNK]`" in checkpoint.files["README.md"]
    own = OwnCheckpoint(tmp_path)
    assert own.tracked.name == "the image of 1 in S8"
    assert (own.tracked.classes, own.tracked.count) == (8, len(checkpoint.machine.alphabet))
    asked = tuple(own.words.spellings["1?"])
    read = own.reading(own.tracked)
    assert all(letter[-len(asked) :] == asked for letter in (read.before, *read.letters))
