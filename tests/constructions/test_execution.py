"""The arithmetics, and the loop that tries words on a machine."""

from __future__ import annotations

import numpy as np
import pytest

from subnormal.algebra.input.parser import read_automaton
from subnormal.algebra.tracked import KINDS, TrackedAutomaton, TrackedGroup, TrackedPermutations, products
from subnormal.common.errors import InputError
from subnormal.constructions.arithmetics import read, stored_steps
from subnormal.constructions.execution import ARITHMETICS, STEPS, CascadeMachine, TableMachine
from subnormal.constructions.verification import PIECE, try_word
from tests.cases import compiled


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("name", ["S4", "C60", "GL(2,3)", "C7:C3"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_arithmetic_is_right_on_long_words(arithmetic, name, kind):
    compilation = compiled(name)
    cascade = compilation.cascade
    word = TrackedGroup(compilation.group, cascade.alphabet).word(kind, 20_000)
    machine = CascadeMachine(cascade, arithmetic)
    found = np.concatenate([machine.outputs(piece) for piece in np.array_split(word, 7)])
    assert (found == products(compilation.group, cascade.alphabet[word])).all()
    assert 0 <= machine.largest_error < 0.1


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64, 65, 1025, 33 * 32 + 1])
def test_products_are_those_of_a_loop_at_every_place_where_a_word_is_cut(length):
    group, random = compiled("S4").group, np.random.default_rng(length)
    factors, element = random.integers(group.order, size=length), 5
    expected = [element := int(group.multiply(element, factor)) for factor in factors]
    assert products(group, factors, 5).tolist() == expected
    alphabet = np.array([random.permutation(7) for _ in range(9)], dtype=np.int8)
    letters, start = TrackedPermutations(alphabet), random.permutation(7).astype(np.int8)
    word, images = random.integers(9, size=length), start.tolist()
    expected = [images := [int(alphabet[letter][point]) for point in images] for letter in word]
    assert letters.run(word, start).tolist() == expected


def test_largest_error_is_seen():
    compilation = compiled("C60")
    word = TrackedGroup(compilation.group, compilation.cascade.alphabet).word("constant", 50_000)
    errors = {}
    for arithmetic in ARITHMETICS:
        machine = CascadeMachine(compilation.cascade, arithmetic)
        machine.outputs(word)
        errors[arithmetic] = machine.largest_error
    assert errors["residues"] == 0 < errors["turns"] < errors["complex128"] < errors["complex64"]


@pytest.mark.parametrize("n", [2, 3, 7, 60, 1023])
def test_turns_are_stored_and_read_to_the_nearest(n):
    steps = stored_steps(n, "turns")
    for r in range(n):
        assert abs(int(steps[r]) * n - r * 2**64) <= n / 2 + 1e-9
    edges = [
        (r * 2**64 + offset) // n % 2**64 for r in range(n) for offset in (-(2**63) + 2**34 * n, 2**63 - 2**34 * n)
    ]
    assert read("turns", np.array(edges, dtype=np.uint64), n).tolist() == [r for r in range(n) for _ in range(2)]


def test_a_wrong_output_is_reported_where_it_is():
    compilation = compiled("S3", alphabet="all")

    class Faulty:
        largest_error = 0.0

        def __init__(self) -> None:
            self.machine, self.seen = CascadeMachine(compilation.cascade, "residues"), 0

        def outputs(self, tokens):
            found = self.machine.outputs(tokens)
            if self.seen <= PIECE + 10 < self.seen + len(tokens):
                found[PIECE + 10 - self.seen] ^= 1
            self.seen += len(tokens)
            return found

    letters = TrackedGroup(compilation.group, compilation.cascade.alphabet)
    trials = list(try_word(Faulty(), letters, "random", 3 * PIECE))
    assert [trial.tokens for trial in trials] == [PIECE, 2 * PIECE]
    assert trials[-1].first_wrong == PIECE + 11
    assert trials[-1].found == trials[-1].expected ^ 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0, 1, 7, 100])
@pytest.mark.parametrize("piece", [1, 3, 7, 64])
def test_a_word_is_the_same_in_pieces(kind, length, piece):
    compilation = compiled("GL(2,3)")
    alphabet = compilation.cascade.alphabet
    letters = TrackedGroup(compilation.group, alphabet)
    pieces = list(letters.pieces(kind, length, 5, piece))
    assert [len(tokens) for tokens in pieces[:-1]] == [piece] * (len(pieces) - 1)
    assert np.concatenate([np.zeros(0, int), *pieces]).tolist() == letters.word(kind, length, 5).tolist()
    assert sum(map(len, pieces)) == length


@pytest.mark.parametrize("length", [1, STEPS - 1, STEPS, STEPS + 1, 5 * STEPS, 1000])
def test_what_is_expected_of_a_table_changes_no_answer(length):
    random = np.random.default_rng(length)
    table, word = random.integers(7, size=(7, 3)), random.integers(3, size=2 * length)
    state, by_hand = 0, []
    for token in word:
        state = int(table[state, token])
        by_hand.append(state)
    once_wrong = np.array(by_hand)
    once_wrong[random.integers(2 * length)] ^= 1
    for likely in (None, by_hand, once_wrong, random.integers(7, size=2 * length), np.zeros(2 * length, int)):
        machine = TableMachine(table.astype(np.uint8))
        for part in (slice(length), slice(length, None)):
            found = machine.outputs(word[part], None if likely is None else np.asarray(likely)[part])
            assert found.tolist() == by_hand[part]


def test_unknown_arithmetic():
    with pytest.raises(InputError, match="unknown arithmetic 'float8'"):
        CascadeMachine(compiled("S3").cascade, "float8")


LETTERS = {
    "a group": lambda: TrackedGroup(compiled("S4").group, np.arange(24)),
    "permutations": lambda: TrackedPermutations(compiled("S4").group.elements),
    "a group with letters that merge": lambda: TrackedAutomaton(read_automaton("permutation-reset(S3)")),
    "an automaton": lambda: TrackedAutomaton(read_automaton("tomita(5)")),
}


@pytest.mark.parametrize("which", LETTERS)
@pytest.mark.parametrize("length", [0, 1, 2, 3, 5, 50])
def test_words_lead_where_their_letters_lead_one_by_one(which, length):
    letters = LETTERS[which]()
    word = letters.word("random", length, seed=length)
    state, expected = letters.run(np.array([0]))[0], []
    for letter in word:
        (state,) = letters.run(np.array([letter]), state)
        expected.append(np.asarray(state).tolist())
    assert letters.run(word, letters.run(np.array([0]))[0]).tolist() == expected
    assert len(letters.run(word)) == length


@pytest.mark.parametrize("which", LETTERS)
def test_letters_that_commute_and_that_undo_each_other(which):
    letters = LETTERS[which]()
    for a in range(letters.count):
        found = []
        for b in range(letters.count):
            both = [[a, b], [b, a]]
            if isinstance(letters, TrackedAutomaton):
                ends = [letters.automaton.action(word).tolist() for word in both]
            else:
                ends = [letters.run(np.array(word))[-1].tolist() for word in both]
            found += [b] if ends[0] != ends[1] else []
        assert letters.apart(a).tolist() == found
        if not isinstance(letters, TrackedAutomaton):
            assert np.array_equal(letters.run(np.array([a, *letters.inverse(a)]))[-1], letters.start)
            powers = letters.run(np.full(letters.order(a), a))
            assert np.array_equal(powers[-1], letters.start)
            assert not any(np.array_equal(power, letters.start) for power in powers[:-1])
