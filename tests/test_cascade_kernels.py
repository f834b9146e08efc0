"""The compiled cascade against NumPy's, against the table automaton, and in segments."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")  # compiled kernels are of the extra `fast`

from benchmarks import cascade_kernels
from benchmarks.cascade_kernels import CompiledCascade, run_table, table_automaton
from subnormal.algebra.automata.named import TASKS
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import read_automaton
from subnormal.algebra.tracked import KINDS, TrackedGroup
from subnormal.common.errors import InputError
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.cascade import Cascade, CascadeLayer
from tests.cases import TRACKED, compiled


@pytest.fixture
def short_segments(monkeypatch):
    """Words of a few tokens are cut, too."""
    monkeypatch.setattr(cascade_kernels, "MIN_SEGMENT", 1)


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
@pytest.mark.parametrize("channels", ["invariant", "primary"])
def test_all_ways_to_run_a_word_agree(case, channels):
    compilation = compiled(case.name, channels=channels)
    cascade = compilation.cascade
    table = table_automaton(cascade)
    word = TrackedGroup(compilation.group, cascade.alphabet).word("random", 5_000)
    for state in (0, cascade.order - 1):
        states = CompiledCascade(cascade).run(word, state)
        assert (states == cascade.run(word, state)).all()
        assert (states == run_table(table, word, state)).all()
        assert states.dtype == table.dtype


@pytest.mark.parametrize("name", TASKS)
def test_cascades_with_resets_run_as_the_automaton(name):
    """Compiled, in NumPy, and by the table of the automaton itself; from a state in the middle of a word, too."""
    compilation = compile_automaton(read_automaton(name), FAMILIES["gated-aussm"])
    automaton, cascade = compilation.automaton, compilation.cascade
    word = np.random.default_rng(1).integers(automaton.width, size=20_000, dtype=np.int32)
    machine = CompiledCascade(cascade)
    states = machine.run(word)
    assert (states == cascade.run(word)).all()
    assert (machine.run(word[7_000:], int(states[6_999])) == states[7_000:]).all()
    assert (machine.outputs(word) == run_table(automaton.table, word, automaton.start)).all()


def test_a_layer_that_adds_and_sets_at_once():
    """Channels of one layer, some set and some turned by the same token, for every kind of lower state."""
    generator = np.random.default_rng(0)
    upper = CascadeLayer("gated-aussm", (4,), generator.integers(4, size=(1, 5, 1)).astype(np.int32))
    increments = np.stack([generator.integers(n, size=(4, 5)) for n in (2, 3, 3)], axis=2).astype(np.int32)
    lower = CascadeLayer("gated-aussm", (2, 3, 3), increments, generator.random(increments.shape) < 0.5)
    tokens, states = np.arange(5, dtype=np.int32), np.arange(72, dtype=np.int32)
    cascade = Cascade("made up", np.zeros((0, 0), np.uint8), tokens, (upper, lower), states)
    word = generator.integers(5, size=10_000)
    for state in range(72):
        expected = run_table(cascade.transitions(), word, state)
        assert (CompiledCascade(cascade).run(word, state) == expected).all()
        assert (cascade.run(word, state) == expected).all()


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_segments_give_the_same_states(short_segments, threads, kind):
    for name in ("S4", "Q8", "GL(2,3)", "C60"):
        compilation = compiled(name, alphabet="all")
        cascade = compilation.cascade
        machine = CompiledCascade(cascade, threads)
        for length in (0, 1, threads - 1, threads, 100, 1_003):
            word = TrackedGroup(compilation.group, cascade.alphabet).word(kind, length, seed=length)
            assert (machine.run(word, 5) == cascade.run(word, 5)).all()
            assert (machine.outputs(word) == cascade.outputs(word)).all()


def test_segments_rely_on_a_cascade_that_tracks_its_group(short_segments):
    """The docstring warns of it; here is why."""
    compilation = compiled("S3", alphabet="all")
    cascade = compilation.cascade
    layers = list(cascade.layers)
    spoilt = layers[1].increments.copy()
    spoilt[1, 1, 0] = (spoilt[1, 1, 0] + 1) % 3
    layers[1] = CascadeLayer("aussm", layers[1].moduli, spoilt)
    wrong = Cascade("S3", cascade.elements, cascade.alphabet, tuple(layers), cascade.decode)
    word = TrackedGroup(compilation.group, cascade.alphabet).word("random", 1_000)
    one, two = CompiledCascade(wrong), CompiledCascade(wrong, 2)
    assert all((one.run(word, state) == wrong.run(word, state)).all() for state in range(6))
    assert any((two.run(word, state) != wrong.run(word, state)).any() for state in range(6))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_words_of_any_integers(dtype):
    cascade = compiled("S4").cascade
    word = np.random.default_rng(0).integers(len(cascade.alphabet), size=1_000).astype(dtype)
    assert (CompiledCascade(cascade).run(word) == cascade.run(word)).all()


@pytest.mark.parametrize("stranger", [-1, 2])
@pytest.mark.parametrize("place", [0, 5_000, 19_999])
def test_no_stranger_among_the_tokens_is_run(short_segments, stranger, place):
    cascade = compiled("S4").cascade
    word = np.zeros(20_000, dtype=np.int32)
    word[place] = stranger
    for threads in (1, 2):
        with pytest.raises(InputError, match=r"wanted positions in the alphabet, 0 … 1"):
            CompiledCascade(cascade, threads).run(word)


def test_what_cannot_be_run():
    cascade = compiled("S4").cascade
    with pytest.raises(InputError, match="0 threads; wanted at least 1"):
        CompiledCascade(cascade, 0)
    with pytest.raises(InputError, match="tokens from 0 to 9; wanted positions in the alphabet, 0 … 1"):
        CompiledCascade(cascade).run(np.array([0, 9]))
    with pytest.raises(InputError, match="state 24; wanted one of 0 … 23"):
        CompiledCascade(cascade).run(np.array([0]), 24)
    numbers = np.arange(5_000, dtype=np.int32)
    large = CascadeLayer("aussm", (5_000,), numbers.reshape(1, 5_000, 1))
    wide = Cascade("C5000", numbers[:, None], numbers, (large,), numbers)
    with pytest.raises(InputError, match="a layer of 5,000 states and 5,000 moves; at most 4,194,304 entries"):
        CompiledCascade(wide)
    register = compile_automaton(read_automaton("flip-flop(2)"), FAMILIES["mamba"]).cascade
    with pytest.raises(InputError, match="2 threads for flip-flop.*only words in a group are cut: wanted 1"):
        CompiledCascade(register, 2)


@pytest.mark.slow
def test_equal_at_a_hundred_million_tokens():
    compilation = compiled("S4", alphabet="all")
    cascade = compilation.cascade
    one, two, table = CompiledCascade(cascade), CompiledCascade(cascade, 2), table_automaton(cascade)
    for kind in KINDS:
        word = TrackedGroup(compilation.group, cascade.alphabet).word(kind, 100_000_000)
        states = run_table(table, word)
        assert np.array_equal(one.run(word), states)
        assert np.array_equal(two.run(word), states)
        state = 0
        for start in range(0, len(word), 10_000_000):
            piece = cascade.run(word[start : start + 10_000_000], state)
            assert np.array_equal(piece, states[start : start + 10_000_000])
            state = int(piece[-1])
