"""`words`, `learn`, `decompile`, `diagnose` and `--target` with automata."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

import subnormal as sn
from subnormal.algebra.input.parser import read_automaton
from subnormal.api.automaton_learning import LearntAutomaton
from subnormal.api.compiling import compile as compiled_automaton
from subnormal.common.errors import InputError
from subnormal.constructions.targets.compiler import refuse_automaton
from subnormal.models.learning.words import automaton_of_words, read_labelled
from subnormal.models.training.tasks import Task, automaton_task
from subnormal.models.training.word_files import check_words, write_words

NAMES = ["flip-flop(3)", "even-pairs", "tomita(7)", "dyck(2,3)", "modular-arithmetic(3)", "adder", "flip-flop-language"]


def the_task(name):
    return automaton_task(read_automaton(name))


def isomorphic(one, other):
    """Whether two automata with the same letters are the same but for the names of states, from their starts."""
    paired = {one.start: other.start}
    queue = [one.start]
    for q in queue:
        for x, letter in enumerate(one.letters):
            p, r = int(one.table[q, x]), int(other.table[paired[q], other.letters.index(letter)])
            if paired.setdefault(p, r) != r:
                return False
            if p not in queue:
                queue.append(p)
    return len(set(paired.values())) == len(paired) == other.reachable().count


@pytest.mark.parametrize("name", NAMES)
def test_words_of_automata_are_read_again(name, tmp_path):
    task = the_task(name)
    path = write_words(tmp_path, task.tracked, task.training_words(50, 9, 1), 1)
    assert check_words(path, task) == (50, 9)
    automaton = task.tracked.automaton
    for row in list(csv.reader(path.read_text().splitlines()))[1:]:
        state = automaton.start
        for letter, target in zip(row[1].split(), row[2].split(), strict=True):
            state = int(automaton.table[state, automaton.letters.index(letter)])
            assert target == automaton.states[state]


def test_a_wrong_target_is_named(tmp_path):
    path = tmp_path / "w.csv"
    path.write_text("seed,input,target\n0,w0 w1 keep,0 - 1\n0,w1 w0,1 1\n")
    with pytest.raises(InputError, match=r"line 3: target 2 is '1', and flip-flop\(2\) is in state 0 there"):
        check_words(path, the_task("flip-flop(2)"))
    path.write_text("seed,input,target\n0,w2,0\n")
    with pytest.raises(InputError, match=r"'w2' is no letter of flip-flop\(2\); wanted w0, w1, keep"):
        check_words(path, the_task("flip-flop(2)"))


@pytest.mark.parametrize("name", NAMES)
def test_an_automaton_is_learnt_from_its_words(name, tmp_path):
    learnt = sn.learn(name, out=tmp_path / "out")
    assert isinstance(learnt, LearntAutomaton)
    assert isomorphic(learnt.compiled.automaton, read_automaton(name).minimal())
    assert learnt.as_json()["trained"] is False
    assert "nothing was trained" in str(learnt)
    assert any(learnt.claim in sentence for sentence in sn.check(tmp_path / "out").sentences)


def test_an_automaton_that_is_a_group_is_trained(tmp_path):
    learnt = sn.learn("tomita(6)", runs=1, steps=300, out=tmp_path / "out")
    assert (learnt.name, learnt.exact_runs) == ("C3", 1)


def test_permutations_that_are_no_regular_action_are_read_off(tmp_path):
    """S3 on three points: the label is less than the element, and the automaton of the labels is compiled."""
    path = tmp_path / "points.csv"
    rng = np.random.default_rng(0)
    moves = {"a": (1, 2, 0), "b": (1, 0, 2)}
    rows = []
    for _ in range(200):
        word, state, labels = rng.choice(list(moves), size=8), 0, []
        for letter in word:
            state = moves[letter][state]
            labels.append("xyz"[state])
        rows.append(f"0,{' '.join(word)},{' '.join(labels)}")
    path.write_text("seed,input,target\n" + "\n".join(rows) + "\n")
    learnt = sn.learn(path, runs=1, steps=30, out=tmp_path / "out")
    assert learnt.compiled.automaton.count == 3
    assert learnt.compiled.automaton.is_permutation


def test_a_start_that_is_never_come_back_to_and_words_that_leave_a_step_open(tmp_path):
    task = the_task("even-pairs")
    path = write_words(tmp_path, task.tracked, task.training_words(50, 9, 1), 1)
    automaton = automaton_of_words(read_labelled(path), "w")
    assert automaton.states[automaton.start] == "start"
    assert isomorphic(automaton, read_automaton("even-pairs"))
    path.write_text("seed,input,target\n0,a a b,A A B\n0,b b b,B B B\n")
    with pytest.raises(InputError, match="not a group's words.*1 of 4 pairs .* label B and token a; more words"):
        sn.learn(path, out=tmp_path / "out")


@pytest.mark.parametrize("name", ["flip-flop(3)", "even-pairs", "dyck(2,3)", "tomita(3)"])
def test_a_compiled_network_is_read_and_diagnosed(name, tmp_path):
    compiled = compiled_automaton(read_automaton(name))
    network = compiled.network()
    read = sn.decompile(network, name, out=tmp_path / "out", length=100)
    assert read.exact
    assert read.wrong is None
    assert read.proved >= 5
    assert any(str(read.claim) in sentence for sentence in sn.check(tmp_path / "out").sentences)
    diagnosis = sn.diagnose(network, name)
    assert diagnosis.possible is True
    assert diagnosis.verdict.startswith("nothing is missing")
    compiled.save(tmp_path / "own")
    assert sn.diagnose(tmp_path / "own").automaton == compiled.automaton.name


def test_a_network_for_another_automaton_is_told_apart(tmp_path):
    network = compiled_automaton(read_automaton("tomita(3)")).network()
    assert read_automaton("tomita(3,later)").count == network.classes
    read = sn.decompile(network, "tomita(3,later)", out=tmp_path / "out")
    assert not read.exact
    assert "steps are other ones" in str(read.failure)
    assert not (tmp_path / "out").exists()
    word = torch.tensor([read.wrong])
    task: Task = the_task("tomita(3,later)")
    assert network.predict(word)[0][0, -1] != task.labels(word.numpy())[0, -1]


def test_diagnose_says_that_a_stack_cannot():
    layers = [{"family": "mamba", "channels": 4, "hidden": 8, "readout": 4, "phi": "relu", "activation": "gelu"}]
    from subnormal.models.network import DCDNetwork

    network = DCDNetwork(2, 2, layers, seed=0)
    diagnosis = sn.diagnose(network, "parity")
    assert diagnosis.possible is False
    assert "no number of Mamba layers can" in str(diagnosis)
    assert diagnosis.verdict == "structure: another stack is needed"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("parity", r"`compile '\(1,2\)' --target delta` writes the group that its letters generate"),
        ("group(S4)", "`compile 'S4' --target delta` writes the group itself"),
        ("permutation-reset(S3)", "`compile 'S3' --target olmo-hybrid --resets` writes the group with a reset"),
        ("permutation-reset(S3,all)", "`compile 'S3' --target olmo-hybrid --resets` writes the group with a reset"),
        ("flip-flop(2)", "without --target it is compiled for a Gated AUSSM"),
    ],
)
def test_targets_say_which_command_can(name, near):
    with pytest.raises(InputError, match=near) as caught:
        refuse_automaton(read_automaton(name), "delta")
    assert "\n" not in str(caught.value)
