"""From words to a machine: the walk, the gauge, the snap, the group of the states, and the whole way."""

import csv
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import typer

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.groups.identify import small_group_id
from subnormal.algebra.input.parser import list_group
from subnormal.api.learning import learn
from subnormal.common.errors import InputError
from subnormal.constructions.compiler import compile_group
from subnormal.experiments.learning import ARMS, is_right, run_cell, task_of_arm
from subnormal.models.learning.exact import NotExactError, exact_machine
from subnormal.models.learning.learn import explain_failure, learn_runs
from subnormal.models.learning.machine import Counter, CounterMachine
from subnormal.models.learning.recipe import Recipe, TrainedLayer, train_layers
from subnormal.models.learning.snap import fix_gauge, snap
from subnormal.models.learning.walk import walk
from subnormal.models.learning.words import MISSING, Words, read_labelled, words_of_task
from subnormal.models.training.tasks import TEST, full_task
from subnormal.models.training.word_files import symbols
from subnormal.proofs_check.certificates.checker import check

GROUPS = ("C6", "S3", "D4", "Q8", "A4", "F21", "S4", "SL(2,3)", "GL(2,3)")


def planted(name):
    """The compiled cascade of a group as a machine of counters, and the label of each of its states."""
    group = list_group(name)
    cascade = compile_group(group, [FAMILIES["aussm"]], "all").cascade
    machine = CounterMachine.empty(group.order)
    number = np.zeros(1, dtype=np.int64)  # the cascade's number of each of the machine's states
    for layer in cascade.layers:
        counters = [Counter(n, layer.increments[number, :, j].astype(np.int64)) for j, n in enumerate(layer.moduli)]
        lower = machine
        extended = lower.extended(counters)
        assert extended is not None
        machine = extended
        number = _cascade_numbers(machine, lower, number, layer)
    return group, machine, cascade.decode[number].astype(np.int64)


def _cascade_numbers(machine, lower, number, layer):
    found = np.zeros(machine.states, dtype=np.int64)
    for state, (parent, token) in enumerate(machine.tree, 1):
        above, own = divmod(int(found[parent]), layer.states)
        after = 0
        for j, (n, place) in enumerate(zip(layer.moduli, layer.places, strict=True)):
            residue = (own // place % n + int(layer.increments[above, token, j])) % n
            after += residue * place
        found[state] = int(number[machine.lower[state]]) * layer.states + after
    return found


# ------------------------------------------------------------------------------------------------ the walk


def test_the_walk_is_the_cumulated_phase_and_so_is_its_gradient():
    generator = torch.Generator().manual_seed(0)
    phases = torch.rand(9, 3, dtype=torch.float64, generator=generator).requires_grad_()
    for words, length in ((1, 1), (2, 3), (3, 7)):
        edges = torch.randint(9, (words, length), generator=generator)
        angle = 2 * torch.pi * phases[edges].cumsum(1)
        for plain in (False, True):
            torch.testing.assert_close(walk(phases, edges, plain), torch.cat([angle.cos(), angle.sin()], -1))
            assert torch.autograd.gradcheck(lambda p, e=edges, q=plain: walk(p, e, q), phases)


# ------------------------------------------------------------------------------------------ the gauge and the snap


def test_what_the_gauge_leaves_does_not_depend_on_the_readers_view():
    _, machine, _ = planted("S4")
    lower = machine.history[-1]
    generator = np.random.default_rng(0)
    phases = generator.random((lower.states, lower.tokens, 2))
    view = generator.random((lower.states, 1, 2))
    view[0] = 0
    turned = phases + view - view[lower.transitions][:, :, 0]
    difference = fix_gauge(phases, lower) - fix_gauge(turned, lower)
    np.testing.assert_allclose(difference, 0, atol=1e-12)
    for state, (parent, token) in enumerate(lower.tree, 1):
        np.testing.assert_allclose(fix_gauge(phases, lower)[parent, token], 0, atol=1e-12, err_msg=str(state))


@pytest.mark.parametrize("name", ["C6", "S3", "Q8", "S4"])
def test_the_snap_finds_planted_counters_in_any_gauge_and_nothing_in_noise(name):
    group, machine, _ = planted(name)
    words = words_of_task(full_task(group), 300, 30, 5)
    generator = np.random.default_rng(1)
    rebuilt = CounterMachine.empty(group.order)
    for counters, lower in zip(machine.layers, machine.history, strict=True):
        exact = np.stack([c.increments / c.modulus for c in counters], axis=-1)
        noisy = exact + generator.normal(0, 0.01, exact.shape)
        view = generator.random((lower.states, 1, exact.shape[-1]))
        noisy += view - view[lower.transitions][:, :, 0]
        phases = np.concatenate([generator.random((*exact.shape[:2], 5)), noisy], axis=-1)
        kept = snap(phases, rebuilt, words)
        assert {k.channel for k in kept} >= set(range(5, 5 + len(counters)))
        for one in kept:
            if one.channel >= 5:
                assert counters[one.channel - 5].modulus % one.counter.modulus == 0
                assert np.abs(one.error).max() < 0.1
        rebuilt = rebuilt.with_few([k.counter for k in kept if k.channel >= 5])
    assert rebuilt.states == group.order
    assert np.array_equal(rebuilt.transitions, machine.transitions)


def test_a_rounding_that_the_labels_do_not_confirm_is_not_kept():
    group = list_group("S3")
    words = words_of_task(full_task(group), 300, 30, 5)
    empty = CounterMachine.empty(6)
    wrong = np.zeros((1, 6, 1))
    wrong[0, 3] = 0.5  # one rotation of S3 counted mod 2: near multiples of 1/2, and no function of the product
    assert snap(wrong, empty, words) == []
    sign = np.array([0, 1, 1, 0, 0, 1]) / 2
    assert [k.counter.modulus for k in snap(sign[None, :, None], empty, words)] == [2]


def test_few_channels_are_enough():
    _, machine, _ = planted("C6")
    step = np.arange(6)[None]
    channels = [Counter(2, step % 2), Counter(3, step % 3), Counter(6, step), Counter(3, 2 * step % 3)]
    smaller = CounterMachine.empty(6).with_few(channels)
    assert [c.modulus for c in smaller.layers[0]] == [6]
    assert np.array_equal(smaller.transitions, machine.transitions)


# ------------------------------------------------------------------------------------------------ the exact machine


@pytest.mark.parametrize("name", GROUPS)
def test_the_states_are_the_group_and_the_cascade_is_the_machine(name):
    group, machine, label = planted(name)
    exact = exact_machine(machine, label, group.order)
    assert exact.small_group_id == small_group_id(group)
    tokens = np.random.default_rng(0).integers(group.order, size=(20, 50))
    wanted = full_task(group).labels(tokens)
    assert np.array_equal(exact.outputs(tokens), wanted)
    compiled = np.stack([exact.labels[exact.compilation.cascade.outputs(word)] for word in tokens])
    assert np.array_equal(compiled, wanted)


def test_a_machine_that_is_no_group_is_refused():
    transitions = np.array([[1, 0], [2, 2], [0, 1]])  # three states under C3's rotation and a transposition: S3 acts
    machine = CounterMachine(transitions, np.zeros(3, dtype=np.int64))
    assert machine.products is None
    with pytest.raises(NotExactError, match="do not multiply"):
        exact_machine(machine, np.arange(3), 3)
    _, whole, label = planted("S3")
    with pytest.raises(NotExactError, match="6 states, for 7 labels"):
        exact_machine(whole, label, 7)
    label[1] = label[2]
    with pytest.raises(NotExactError, match="both decoded as label"):
        exact_machine(whole, label, 6)


# ------------------------------------------------------------------------------------------------ words


def written(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seed", "input", "target"])
        writer.writerows([0, *row] for row in rows)
    return path


def test_words_are_read_with_any_symbols_lengths_and_gaps(tmp_path):
    words = read_labelled(written(tmp_path / "w.csv", [("b a a", "odd - odd"), ("10 9", "even odd")]))
    assert words.token_names == ("9", "10", "a", "b")
    assert words.label_names == ("even", "odd")
    assert words.labels.tolist() == [[1, MISSING, 1], [0, 1, MISSING]]
    assert words.tokens.tolist() == [[3, 2, 2], [1, 0, 0]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a b", "0 1"), ("a b", "1 1")], "inconsistent: the word a has the label 0 in word 1 and 1 in word 2"),
        ([("a b a", "0 1 0"), ("b a b", "1 0 0")], "not the states of a machine: the words .* both have the label 0"),
        ([("a r b r", "1 0 2 0")], "merges the labels 1 and 2 into 0: the words"),
        ([("a b", "0 0")], "every label is the same"),
    ],
)
def test_words_that_are_no_groups_are_refused_with_the_words_that_show_it(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        learn(written(tmp_path / "w.csv", rows), out=tmp_path / "out")


PLAIN = [("b a a", "odd - odd"), ("9 a b", "even odd odd"), ("a b 9", "- odd even")]
WRITTEN = {
    "masked labels as the field's losses have them": [(w, t.replace("-", "-100")) for w, t in PLAIN],
    "lists of strings": [(str(w.split()), str(t.split())) for w, t in PLAIN],
    "a BOS in both columns": [(f"BOS {w}", f"BOS {t}") for w, t in PLAIN],
    "a BOS with a number, in lists": [(str(["10", *w.split()]), str(["10", *t.split()])) for w, t in PLAIN],
    "a BOS whose label is masked": [(f"<s> {w}", f"-100 {t}") for w, t in PLAIN],
}


@pytest.mark.parametrize("how", WRITTEN)
def test_ways_in_which_words_are_written(tmp_path, how):
    plain, found = (read_labelled(written(tmp_path / "w.csv", rows)) for rows in (PLAIN, WRITTEN[how]))
    assert (found.token_names, found.label_names) == (plain.token_names, plain.label_names)
    assert np.array_equal(found.tokens, plain.tokens)
    assert np.array_equal(found.labels, plain.labels)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("[0, 3, 1]", ["0", "3", "1"]),
        ("[ 0  3 11]", ["0", "3", "11"]),
        ("['(1,2)', '()']", ["(1,2)", "()"]),
        ("[1, -100, 2]", ["1", "-100", "2"]),
        ("[ ]", ["[", "]"]),  # words of brackets
        ("[ ( ) ]", ["[", "(", ")", "]"]),
        ("[ [ ] ]", ["[", "[", "]", "]"]),
        ("[a b]", ["[a", "b]"]),
        ("[[0, 1]]", ["[[0,", "1]]"]),
    ],
)
def test_lists_as_cells(cell, found):
    assert symbols(cell) == found


def test_a_symbol_that_is_no_bos_stays(tmp_path):
    for rows in (
        [("a b", "a b"), ("a a", "a b")],  # it comes again
        [("a b", "a b"), ("b b", "b a")],  # not every word begins with it
        [("a b", "b a"), ("a c", "b a")],  # its label is another
        [("a b", "a b")],  # one word shows nothing
    ):
        words = read_labelled(written(tmp_path / "w.csv", rows))
        assert words.length == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a b c", "0 1"), "3 tokens and 2 labels"),
        (("a", "0 1"), "1 tokens and 2 labels"),
        (("", "0"), "0 tokens and 1 labels"),
        (("", ""), "0 tokens and 0 labels"),
    ],
)
def test_files_that_are_not_of_the_format_are_refused(tmp_path, row, message):
    with pytest.raises(InputError, match=f"line 2: {message}"):
        read_labelled(written(tmp_path / "w.csv", [row]))


# ------------------------------------------------------------------------------------------------ the whole way

QUICK: dict[str, Any] = {"steps": 300, "channels": 24}


def test_a_file_of_unknown_symbols_becomes_a_certified_folder_and_is_not_trained_twice(tmp_path, monkeypatch):
    group = list_group("S3")
    words = words_of_task(full_task(group), 1500, 20, 1)
    renamed = [f"g{i}" for i in (4, 2, 0, 5, 1, 3)]
    path = written(
        tmp_path / "mystery.csv",
        [
            (" ".join(f"x{t}" for t in word), " ".join(renamed[y] for y in labels))
            for word, labels in zip(words.tokens.tolist(), words.labels.tolist(), strict=True)
        ],
    )
    found = learn(path, runs=3, out=tmp_path / "out", **QUICK)
    assert found.small_group_id == (6, 1)
    assert found.layers == 2
    assert found.sentence().startswith("SmallGroup(6,1) = S3 (C3:C2), 2 layers, proved for words of every length")
    assert found.as_json()["name"] == "S3"
    assert (found.words, found.held_out) == (1200, 300)
    claim = check(tmp_path / "out").claim
    assert "on words of every length, with 2 layers" in claim
    assert found.picture.read_bytes().startswith(b"\x89PNG")
    names = json.loads((tmp_path / "out" / "cascade.json").read_text())["label_names"]
    assert names[0] == renamed[0]  # the label of the identity, which no file names
    word = words.tokens[:5]
    assert [[names[y] for y in found.machine.compilation.cascade.outputs(w)] for w in word] == [
        [renamed[y] for y in row] for row in words.labels[:5].tolist()
    ]

    def trained(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr("subnormal.models.learning.learn.train_layers", trained)
    again = learn(path, runs=3, out=tmp_path / "out", **QUICK)
    assert again.as_json() == found.as_json()


def test_random_phases_and_one_step_are_never_a_whole_machine_and_false_machines_do_not_pass():
    for arm in ("null-random", "null-one-step", "null-any-rounding"):
        cell = run_cell("S3", arm, range(5), Recipe())
        assert (cell["exact"], cell["false_exact"]) == (0, 0)


def test_a5_has_no_layer_and_the_failure_says_why():
    group = list_group("A5")
    words = words_of_task(full_task(group), 4000, 20, 1)
    runs = learn_runs([words], [0], Recipe(steps=60))
    assert runs[0].exact is None
    assert runs[0].layers[0].kept == []
    assert "not solvable" in explain_failure(words, [runs[0].failure or ""])


def test_too_few_words_are_named():
    words = words_of_task(full_task(list_group("S4")), 4, 10, 1)
    assert "pairs of a label and the next token never occur" in explain_failure(words, ["x"])


def test_pairs_held_out_never_stand_side_by_side_in_training_and_do_in_judging():
    task = task_of_arm("S3", ARMS["pairs-held-out"], 3)
    assert len(task.held_out) == round(0.3 * 36)
    training, judging = (words_of_task(task, 200, 30, 3, stream=s).tokens for s in (1, TEST))
    pairs = set(task.held_out)
    assert not pairs & set(zip(training[:, :-1].ravel().tolist(), training[:, 1:].ravel().tolist(), strict=True))
    assert pairs & set(zip(judging[:, :-1].ravel().tolist(), judging[:, 1:].ravel().tolist(), strict=True))


def test_right_means_every_state_and_token():
    group, machine, label = planted("S3")

    class Run:
        exact = exact_machine(machine, label, 6)

    assert is_right(Run(), full_task(group))  # type: ignore[arg-type]
    other = np.array([0, 2, 1, 3, 4, 5])  # two reflections exchanged: the same group, other labels
    Run.exact = exact_machine(machine, other[label], 6)
    assert not is_right(Run(), full_task(group))  # type: ignore[arg-type]


def test_settings_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="unknown setting 'step'"):
        learn("S3", step=3)
    with pytest.raises(InputError, match="runs: wanted 1 to 1000"):
        learn("S3", runs=0)
    with pytest.raises(InputError, match="--alphabet goes with a group"):
        learn("nowhere.csv", alphabet="all")


def test_words_know_their_steps():
    words = Words(np.array([[0, 1, 0]]), np.array([[0, 1, 0]]), ("a", "b"), ("x", "y"))
    assert words.steps.tolist() == [[MISSING, 1], [0, MISSING]]


def test_the_command_prints_one_object_also_for_a_failure(tmp_path, capsys):
    from subnormal.command_line.learning import learn as command

    bad = written(tmp_path / "w.csv", [("a r b r", "1 0 2 0")])
    with pytest.raises(typer.Exit) as ended:
        command(str(bad), 1, None, None, 0, None, 10, 4, tmp_path / "out", as_json=True)
    assert ended.value.exit_code == 2
    assert "merges the labels" in json.loads(capsys.readouterr().out)["error"]
    command("C2", 1, None, None, 0, 10, 200, 8, tmp_path / "c2", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["small_group_id"], found["layers"], found["runs"], found["exact_runs"]) == ([2, 1], 1, 1, 1)
    assert found["folder"] == str(tmp_path / "c2")


def test_the_channels_of_all_attempts_at_the_last_layer_count(monkeypatch):
    """Each attempt finds another bit of C2 × C2, and its head knows that bit alone; together they know the label."""
    words = words_of_task(full_task(list_group("C2xC2")), 50, 10, 1)
    bits = np.array([[int(bit) for bit in np.unravel_index(token, (2, 2))] for token in range(4)])
    labels = [words.labels[words.tokens[:, 0] == token, 0][0] for token in range(4)]
    began = []

    def train(words, machines, seeds, recipe, report, attempt):
        began.append(attempt)
        weight = np.zeros((2, 4))
        weight[0, labels] = 1 - 2 * bits[:, attempt]
        lower = machines[0].states
        phases = np.repeat(bits[None, :, [attempt]] / 2, lower, axis=0)
        return [TrainedLayer(phases, weight, np.zeros(4), np.zeros((lower, 4)), (0.7 - attempt / 10,))]

    monkeypatch.setattr("subnormal.models.learning.learn.train_layers", train)
    (run,) = learn_runs([words], [0], Recipe(), 1)
    assert began == [0, 1]
    assert run.exact is not None
    assert run.as_json()["moduli"] == [[2, 2]]
    assert run.layers[0].trained.curve == (0.6,)
    assert learn_runs([words], [0], Recipe(attempts=1), 1)[0].exact is None
    began.clear()
    (run,) = learn_runs([words], [0], Recipe(), 2)  # with one more layer allowed it goes on from the first bit
    assert began == [0, 0, 1]
    assert run.as_json()["moduli"] == [[2], [2]]


def test_a_layer_that_adds_nothing_is_trained_again_from_other_weights(monkeypatch):
    group = list_group("S3")
    words = words_of_task(full_task(group), 300, 20, 1)
    began = []

    def train(words, machines, seeds, recipe, report, attempt):
        began.append((len(machines[0].layers), list(seeds), attempt))
        layers = train_layers(words, machines, seeds, recipe, report, attempt)
        spoilt = attempt == 0 and len(machines[0].layers) == 1  # the first try at layer 2 fails for run 5 alone
        return [replace(x, phases=x.phases * 0) if spoilt and s == 5 else x for s, x in zip(seeds, layers, strict=True)]

    monkeypatch.setattr("subnormal.models.learning.learn.train_layers", train)
    recipe = Recipe(steps=300, channels=24)
    runs = learn_runs([words] * 2, [4, 5], recipe)
    assert began == [(0, [4, 5], 0), (1, [4, 5], 0), (1, [5], 1)]
    assert [run.exact is not None for run in runs] == [True, True]
    began.clear()
    assert learn_runs([words], [5], recipe.with_changes({"attempts": 1}))[0].exact is None
    assert began == [(0, [5], 0), (1, [5], 0)]
    with pytest.raises(InputError, match="attempts: wanted at least 1, got 0"):
        Recipe(attempts=0)
