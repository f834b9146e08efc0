"""Walks between walls: two layers however many places there are, and what is no walk is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import read_automaton
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.automata.decomposition import best_machine
from subnormal.constructions.automata.walks import walk_machine, walk_of
from subnormal.constructions.verification import automaton_fault

GATED = FAMILIES["gated-aussm"]


@pytest.mark.parametrize(
    ("name", "layers", "states"),
    [("grid(4)", 2, 12), ("grid(40)", 2, 1560), ("grid(5,5)", 2, 400), ("dyck(1,11)", 3, 34), ("grid(8,6)", 2, 1680)],
)
def test_named_ones(name, layers, states):
    compilation = compile_automaton(read_automaton(name), GATED)
    assert len(compilation.cascade.layers) == layers
    assert compilation.cascade.order == states
    assert automaton_fault(compilation.cascade) is None
    word = np.random.default_rng(0).integers(compilation.automaton.width, size=20_000).astype(np.int32)
    assert np.array_equal(compilation.cascade.outputs(word), compilation.automaton.run(word))


def test_steps_of_any_length_between_any_walls():
    """Random steps k between random walls l ≤ h, places renamed: the machine of the walk itself tracks every one."""
    generator = np.random.default_rng(1)
    for number in range(60):
        m = int(generator.integers(3, 9))
        columns = [np.minimum(np.arange(m) + 1, m - 1)]
        for _ in range(int(generator.integers(1, 5))):
            low, high = sorted(generator.integers(m, size=2).tolist())
            columns.append(np.clip(np.arange(m) + generator.integers(-m, m + 1), low, high))
        renamed = generator.permutation(m)
        table = np.empty((m, len(columns)), dtype=np.int64)
        for x, column in enumerate(columns):
            table[renamed, x] = renamed[column]
        automaton = Automaton.make("walk", table.tolist(), start=int(generator.integers(m))).reachable()
        if automaton.count < m:
            continue
        walk = walk_of(automaton)
        assert walk is not None
        machine = walk_machine(automaton, walk, 10**6)
        held = machine.decode[machine.following]
        assert (held == automaton.table[machine.decode]).all()
        if number % 10 == 0:
            assert len(best_machine(automaton, GATED).layers) <= 2


def test_what_is_no_walk():
    for name in (
        "flip-flop(3)",
        "cycle-navigation(5)",
        "tomita(3)",
        "permutation-reset(S3)",
        "dyck(2,2)",
        "counter(7)",
    ):
        assert walk_of(read_automaton(name)) is None, name
    grid = read_automaton("grid(5)").table.tolist()
    for state in range(5):  # one step changed: no walk, or a machine that is right
        for other in range(5):
            table = [list(row) for row in grid]
            table[state][0] = other
            automaton = Automaton.make("changed", table)
            walk = walk_of(automaton)
            if walk is not None:
                machine = walk_machine(automaton, walk, 10**6)
                assert (machine.decode[machine.following] == automaton.table[machine.decode]).all()


def test_a_family_without_rotations_takes_another_way():
    found = compile_automaton(read_automaton("grid(5)"), FAMILIES["mamba"])
    assert automaton_fault(found.cascade) is None
    assert len(found.cascade.layers) > 2
