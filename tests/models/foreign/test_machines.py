"""The machine of a model's answers: learnt whole where it is finite, and up to the length that no test contradicts."""

from __future__ import annotations

import numpy as np
import pytest
from automata.fa.dfa import DFA

from subnormal.api.models import task_of_name
from subnormal.common.errors import InputError
from subnormal.models.foreign.decompile import learn_machine
from subnormal.models.foreign.identity import automaton_of, definite, identify


class Tracker:
    """A task as a model, with a fault that is planted in its answers."""

    def __init__(self, name, fault=None):
        self.task = task_of_name(name).tracked
        self.fault = fault

    def labels(self, words):
        state, found = np.full(len(words), int(self.task.start)), np.empty_like(words)
        for t in range(words.shape[1]):
            state = self.task.moves[state, words[:, t]]
            found[:, t] = state
        return found

    def answers(self, words):
        found = self.labels(words)
        return found if self.fault is None else self.fault(words, found)


class Said:
    """A model that is a function of words."""

    def __init__(self, answers):
        self.answers = answers


def named(machine, task):
    automaton = automaton_of(machine, task.letter_names, task.class_names, "it")
    return identify(machine, automaton, task)


@pytest.mark.parametrize(
    ("name", "states", "number"),
    [("C2", 2, (2, 1)), ("S3", 6, (6, 1)), ("Q8", 8, (8, 4)), ("A5", 60, (60, 5)), ("flip-flop(2)", 2, None),
     ("tomita(5)", 4, (4, 2)), ("dyck(2,4)", 32, None), ("C100", 100, (100, 2))],
)  # fmt: skip
def test_a_tracker_is_learnt_whole(name, states, number):
    model = Tracker(name)
    found = learn_machine(model, model.task.count)
    assert (found.machine.states, found.agrees_to, found.wrong, found.least) == (states, 2000, None, states)
    identity = named(found.machine, model.task)
    assert identity.is_task
    assert identity.differs is None
    assert identity.small_group_id == number
    # every state and letter leads where the task does, whatever its numbers are
    random = np.random.default_rng(5).integers(model.task.count, size=(50, 300))
    assert np.array_equal(found.machine.answers(random), model.labels(random))


def test_many_random_machines_are_learnt_minimal():
    """Against automata-lib: as many states as its minimal DFA of the reachable part; not one state fewer will do."""
    random = np.random.default_rng(0)
    for _ in range(60):
        count, letters = int(random.integers(1, 14)), int(random.integers(1, 4))
        table = random.integers(count, size=(count, letters))
        outputs = random.integers(2, size=count)

        def answers(words, table=table, outputs=outputs):
            state, found = np.zeros(len(words), dtype=int), np.empty_like(words)
            for t in range(words.shape[1]):
                state = table[state, words[:, t]]
                found[:, t] = outputs[state]
            return found

        found = learn_machine(Said(answers), letters, length=200)
        # the start's own answer is never asked, so the smaller of the two machines counts
        flipped = outputs.copy()
        flipped[0] = 1 - flipped[0]
        back = (table == 0).any()
        assert found.machine.states <= _states(table, outputs), (table, outputs)
        assert back or found.machine.states == min(_states(table, outputs), _states(table, flipped))
        words = random.integers(letters, size=(200, 60))
        assert np.array_equal(found.machine.answers(words), answers(words))


def _states(table, outputs):
    """Of the minimal DFA, by automata-lib."""
    symbols = [str(x) for x in range(table.shape[1])]
    return len(DFA(
        states=set(range(len(table))), input_symbols=set(symbols), initial_state=0,
        transitions={q: dict(zip(symbols, row, strict=True)) for q, row in enumerate(table.tolist())},
        final_states=set(np.flatnonzero(outputs).tolist()),
    ).minify().states)  # fmt: skip


def test_right_up_to_187_letters():
    """Which none of the usual equivalence tests sees: words of that length have to be run."""

    def fault(words, labels):
        return np.where(np.arange(words.shape[1]) >= 187, (labels + 1) % 6, labels)

    model = Tracker("S3", fault)
    found = learn_machine(model, 6)
    assert found.agrees_to == 187
    assert len(found.wrong.word) == 188
    assert found.machine.states == 6
    assert named(found.machine, model.task).is_task


def test_the_word_at_the_limit_is_shrunk():
    """Wrong after the third letter 1, wherever it stands: three letters are enough to show it."""

    def fault(words, labels):
        return np.where((words == 1).cumsum(1) > 40, (labels + words.cumsum(1)) % 6, labels)

    found = learn_machine(Tracker("S3", fault), 6)
    assert not found.exact or found.machine.states > 6
    if found.wrong is not None:
        assert len(found.wrong.word) <= 80


def test_chance_has_no_small_machine():
    """A hash of the whole word: a bound is given, by words that are told apart, and no machine."""

    def answers(words):
        code = np.zeros(len(words), dtype=np.uint64)
        found = np.empty_like(words)
        for t in range(words.shape[1]):
            code = (code + words[:, t].astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
            code ^= code >> np.uint64(29)
            found[:, t] = code % np.uint64(3)
        return found

    found = learn_machine(Said(answers), 3, states=50, length=200)
    assert found.machine is None
    assert found.least > 50


def test_a_trained_models_drift_is_no_machine():
    """Right up to about 40 letters, then anything: the machine that predicts furthest is the task's."""

    def fault(words, labels):
        length = 40 + words[:, :5].sum(1) % 7
        code = (words.cumsum(1) * 2654435761 % 97) % 2
        return np.where(np.arange(words.shape[1])[None] >= length[:, None], code, labels)

    model = Tracker("C2", fault)
    found = learn_machine(model, 2)
    assert found.machine.states == 2
    assert 39 <= found.agrees_to <= 47
    assert named(found.machine, model.task).is_task


def test_what_is_held_of_a_task():
    task = task_of_name("S3").tracked
    parity = np.array([0, 1, 1, 0, 0, 1])
    tracker = Tracker("S3")
    found = learn_machine(Said(lambda words: parity[tracker.labels(words)]), 6)
    identity = named(found.machine, task)
    assert identity.text() == "C2: the parity of S3"
    assert identity.small_group_id == (2, 1)
    assert not identity.is_task
    assert len(identity.differs) == 1
    found = learn_machine(Said(lambda words: parity[tracker.labels(words)] + 2 * words), 6)
    assert "the parity of S3 and more" in named(found.machine, task).text()
    found = learn_machine(Said(lambda words: words), 6)
    assert named(found.machine, task).text() == "the last letter alone: nothing of S3"
    assert definite(found.machine) == 1
    found = learn_machine(Said(lambda words: words * 0), 6)
    assert "one answer" in named(found.machine, task).text()
    cosets = Tracker("A4")
    group = cosets.task.group
    four = [0, *(g for g in range(1, 12) if group.times(g, g) == 0)]
    blocks = {frozenset(int(x) for x in group.table[four, g]) for g in range(12)}
    place = {y: i for i, block in enumerate(sorted(blocks, key=min)) for y in block}
    table = np.array([place[y] for y in range(12)])
    found = learn_machine(Said(lambda words: table[cosets.labels(words)]), 12)
    assert named(found.machine, cosets.task).text() == "C3: the quotient of A4 by a normal subgroup of order 4"


def test_a_model_that_is_asked_twice():
    random = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"asked twice.*model\.eval\(\)"):
        learn_machine(Said(lambda words: random.integers(2, size=words.shape)), 2)


def test_a_model_that_reads_ahead():
    with pytest.raises(InputError, match="it reads ahead"):
        learn_machine(Said(lambda words: np.broadcast_to(words.sum(1, keepdims=True) % 2, words.shape)), 2)


def test_whole_words_alone_are_answered():
    """A reading with the answer behind the word: -1 elsewhere."""

    def answers(words):
        found = np.full(words.shape, -1)
        found[:, -1] = words.sum(1) % 2
        return found

    found = learn_machine(Said(answers), 2, length=300)
    assert (found.machine.states, found.agrees_to) == (2, 300)


def test_words_that_are_too_long_for_the_model():
    def answers(words):
        if words.shape[1] > 300:
            raise InputError("at most 300 positions")
        return words.cumsum(1) % 2

    found = learn_machine(Said(answers), 2)
    assert (found.taken, found.agrees_to, found.refused) == (250, 250, "at most 300 positions")


def test_a_table_may_tell_more_apart_than_its_machine():
    """Two states that answer all words alike become one; the start, which has no answer, another's twin."""
    from subnormal.models.foreign.moore import START, MooreMachine, merged_start

    table = np.array([[1, 2], [3, 2], [1, 2], [3, 2]])
    machine = MooreMachine(table, np.array([START, 0, 1, 0]), ((), (0,), (1,), (0, 0)), 3)
    found = merged_start(machine)
    assert found.states == 2
    assert found.table.tolist() == [[0, 1], [0, 1]]
    words = np.random.default_rng(0).integers(2, size=(20, 30))
    assert np.array_equal(found.answers(words), machine.answers(words))
