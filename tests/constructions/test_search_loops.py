"""The compiled loops of a search, and what is kept between searches, against NumPy and against definitions."""

from itertools import combinations

import numpy as np
import pytest

from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.automata.congruences import generated_congruence, proper_congruences
from subnormal.algebra.automata.regular_expression import regular_expression
from subnormal.algebra.depth.families import FAMILIES, GATED_CIRCLE, SIGNS
from subnormal.algebra.input.parser import read_automaton
from subnormal.common.errors import InputError
from subnormal.common.packages import installed
from subnormal.constructions.automata import machine as machines
from subnormal.constructions.automata.decomposition import best_machine, machine_of_stack
from subnormal.constructions.automata.holonomy_machine import Style, holonomy_machine
from subnormal.constructions.automata.machine import (
    ChannelMachine,
    OutOfWorkError,
    Work,
    compile_loops,
    distinct,
    layers_of,
)


@pytest.fixture
def plainly(monkeypatch):
    """Both ways of asking: with NumPy, and with the loops."""
    pytest.importorskip("numba")

    def both(ask, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(machines, "_loops", None)
            plain = ask(*arguments)
        compile_loops()
        return plain, ask(*arguments)

    return both


def random_machines(count=60):
    """Some whose channels read each other, and some that were drawn at random, where most channels fit nowhere."""
    source = np.random.default_rng(0)
    for i in range(count):
        n, m = int(source.integers(2, 7)), int(source.integers(1, 4))
        automaton = Automaton.make("random", source.integers(n, size=(n, m))).minimal()
        if automaton.count > 1:
            try:
                yield holonomy_machine(automaton, Style(bool(i % 2), (GATED_CIRCLE,)), 3000)
            except InputError:
                continue
        states, channels = int(source.integers(1, 30)), int(source.integers(1, 5))
        moduli = tuple(source.integers(2, 5, size=channels).tolist())
        rows = np.unique(source.integers(moduli, size=(states, channels)), axis=0).astype(np.int32)
        following = source.integers(len(rows), size=(len(rows), m)).astype(np.int32)
        if i % 3:
            following[:] = following[:1]
        decode = source.integers(2, size=len(rows)).astype(np.int32) if i % 4 else np.zeros(len(rows), np.int32)
        yield ChannelMachine(moduli, rows, following, decode)


def test_loops_place_and_drop_the_same_channels(plainly):
    stacks = [(family,) for family in FAMILIES.values()] + [(SIGNS, GATED_CIRCLE), tuple(FAMILIES.values())]
    seen = {"placed": 0, "dropped": 0, "kept": 0, "nowhere": 0}
    for machine in random_machines():
        for stack in stacks:
            for most in (None, 1, 2):
                plain, loops = plainly(layers_of, machine, stack, most)
                assert plain == loops
                seen["nowhere" if plain is None else "placed"] += 1
        for channel in range(len(machine.moduli)):
            plain, loops = plainly(machine.without, channel)
            assert (plain is None) == (loops is None)
            seen["kept" if plain is None else "dropped"] += 1
            if plain is not None and loops is not None:
                assert plain.moduli == loops.moduli
                assert np.array_equal(plain.following, loops.following)
                assert np.array_equal(plain.residues, loops.residues)
                assert np.array_equal(plain.decode, loops.decode)
    assert min(seen.values()) > 50, seen


@pytest.mark.parametrize("text", ["(ab|b)*a", "(a|ab(b)*){1,3}", "a(aa|bb){0,3}"])
def test_a_search_finds_the_same_with_loops_and_without(text, plainly):
    automaton = regular_expression(text).minimal()
    for family in (GATED_CIRCLE, SIGNS):
        plain, loops = plainly(best_machine, automaton, family)
        assert plain.layers == loops.layers
        assert np.array_equal(plain.machine.residues, loops.machine.residues)
        assert np.array_equal(plain.machine.following, loops.machine.following)


def test_rows_are_told_apart_where_no_number_of_64_bits_holds_them():
    source = np.random.default_rng(1)
    for channels, modulus in ((3, 5), (62, 2), (70, 2), (40, 7), (5, 2**20), (9, 2**30)):
        rows = source.integers(min(modulus, 3), size=(200, channels)).astype(np.int32)
        rows[:, : channels - 2] = rows[source.integers(4, size=200), : channels - 2]
        _, first, place = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        found = distinct(rows, [modulus] * channels)
        assert np.array_equal(found[0], first)
        assert np.array_equal(found[1], place.reshape(-1))
    assert distinct(np.zeros((3, 0), dtype=np.int32), [])[1].tolist() == [0, 0, 0]


def test_a_congruence_is_the_least_one():
    """Against closing pairs under letters and under steps from one to the next, as often as something is added."""
    source = np.random.default_rng(2)
    for _ in range(150):
        n = int(source.integers(2, 8))
        automaton = Automaton.make("random", source.integers(n, size=(n, 2)))
        start = generated_congruence(automaton, [tuple(source.integers(n, size=2).tolist())])
        pair = tuple(source.integers(n, size=2).tolist())
        merged = np.array([[a == b for b in start] for a in start])
        merged[pair] = merged[pair[::-1]] = True
        while True:
            wider = merged | (merged @ merged)
            for p, q in combinations(range(n), 2):
                if wider[p, q]:
                    for a, b in zip(automaton.table[p], automaton.table[q], strict=True):
                        wider[a, b] = wider[b, a] = True
            if np.array_equal(wider, merged):
                break
            merged = wider
        assert generated_congruence(automaton, [pair], start) == tuple(int(row.argmax()) for row in merged)


def test_what_is_kept_of_an_automaton_is_not_given_to_another():
    """Same letters, other starts and other tables; answers are lists of the caller's own."""
    automaton = read_automaton("grid(2,3)")
    first = proper_congruences(automaton, 6)
    first.clear()
    assert proper_congruences(automaton, 6)
    other = Automaton(automaton.name, automaton.table, automaton.letters, automaton.states, automaton.count - 1)
    style = Style(False, (GATED_CIRCLE,))
    for one in (automaton, other, automaton):
        made = holonomy_machine(one, style)
        assert made.decode[0] == one.start
    spent = [Work(), Work()]
    for work in spent:
        holonomy_machine(other, style, work=work)
    assert spent[0].done == spent[1].done > 0
    short = Work()
    short.limit = spent[0].done - 1
    with pytest.raises(OutOfWorkError):
        holonomy_machine(other, style, work=short)
    with pytest.raises(InputError):
        holonomy_machine(other, style, limit=5)


def test_a_stack_of_families_is_searched_with_loops(plainly):
    automaton = read_automaton("flip-flop(2)").minimal()
    stack = (SIGNS, GATED_CIRCLE)
    plain, loops = plainly(machine_of_stack, automaton, stack)
    assert plain.layers == loops.layers


def test_loops_are_there_where_numba_is():
    compile_loops()
    assert (machines._loops is not None) == installed("numba")
