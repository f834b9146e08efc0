"""Automata in stacks of several families: what is compiled, what is refused with proof, and what is left open."""

from __future__ import annotations

import numpy as np
import pytest

from subnormal.algebra.automata.monoid import TransitionMonoid
from subnormal.algebra.depth.automaton_verdict import stack_refusal
from subnormal.algebra.depth.families import FAMILIES, parse_stack
from subnormal.algebra.input.parser import read_automaton
from subnormal.common.errors import InputError
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.automata.decomposition import best_machine
from subnormal.constructions.automata.holonomy_machine import Style, holonomy_machine
from subnormal.constructions.automata.inspection import inspect_automaton
from subnormal.constructions.automata.machine import MAX_TRANSITIONS, layers_of
from subnormal.constructions.automata.splitting import split
from subnormal.constructions.execution import ARITHMETICS, CascadeMachine
from subnormal.constructions.verification import automaton_fault
from tests.constructions.test_automata import TASKS, smallest


def compiled(name, stack):
    return compile_automaton(read_automaton(name), *parse_stack(stack)).cascade


def allowed(cascade):
    """Whether every layer does only what its family can."""
    for layer in cascade.layers:
        own = FAMILIES[layer.family]
        sets = np.zeros_like(layer.increments, dtype=bool) if layer.resets is None else layer.resets
        turned = layer.increments[~sets].any()
        if (sets.any() and not own.resets) or (own.real and set(layer.moduli) != {2}) or (own.exponent == 1 and turned):
            return False
    return True


@pytest.mark.parametrize(
    ("name", "stack", "layers"),
    [
        ("parity", "mamba,aussm", "aussm 2"),
        ("flip-flop(3)", "aussm,mamba", "mamba 2 2"),
        ("counter(5,reset)", "aussm,mamba", "aussm 5 | mamba 2 2 2"),
        ("permutation-reset(S3)", "aussm,aussm,mamba", "aussm 2 | aussm 3 | mamba 2 2 2"),
        ("permutation-reset(S3)", "negative-mamba,gated-aussm", "negative-mamba 2 | gated-aussm 3"),
        ("group(S4)", "negative-mamba,aussm,negative-mamba", "negative-mamba 2 | aussm 3 | negative-mamba 2 2"),
        ("group(S4)", "aussm,mamba,aussm,negative-mamba", "aussm 2 | aussm 3 | negative-mamba 2 2"),
        ("tomita(3)", "mamba,negative-mamba,mamba,mamba", "mamba 2 | negative-mamba 2 | mamba 2 | mamba 2"),
    ],
)
def test_stacks_that_carry_it(name, stack, layers):
    cascade = compiled(name, stack)
    assert automaton_fault(cascade) is None
    assert " | ".join(f"{own.family} {' '.join(map(str, own.moduli))}" for own in cascade.layers) == layers
    assert allowed(cascade)


@pytest.mark.parametrize("name", TASKS)
def test_what_gated_layers_carry_pairs_of_aussm_and_mamba_carry(name):
    """In as many pairs as the Gated AUSSM of the same decomposition has layers, and in all arithmetics."""
    automaton = read_automaton(name)
    layers = len(compile_automaton(automaton, FAMILIES["gated-aussm"]).cascade.layers)
    cascade = compiled(name, ",".join(["aussm,mamba"] * layers))
    assert automaton_fault(cascade) is None
    assert allowed(cascade)
    word = np.random.default_rng(0).integers(automaton.width, size=2_000, dtype=np.int32)
    expected = automaton.minimal().run(word)
    for arithmetic in ARITHMETICS:
        assert np.array_equal(CascadeMachine(cascade, arithmetic).outputs(word), expected), arithmetic


def test_the_network_of_a_mixed_stack():
    import torch

    from subnormal.constructions.weights import weights_of
    from subnormal.models.compiled import network_of

    cascade = compiled("permutation-reset(S3)", "negative-mamba,aussm,mamba")
    network = network_of(weights_of(cascade))
    words = np.random.default_rng(0).integers(3, size=(4, 500))
    found, _ = network.predict(torch.from_numpy(words))
    for word, states in zip(words, found.numpy(), strict=True):
        assert np.array_equal(states, cascade.automaton.run(word))


@pytest.mark.parametrize(
    ("name", "stack", "message"),
    [
        ("parity", "mamba,mamba", "cannot track it: its subgroup C2 is not used up: orders 2 ≥ 2 ≥ 2"),
        ("flip-flop(2)", "aussm,simple-aussm", "none of its layers merges two states, but w0 leads both 0 and 1 to 0"),
        ("group(S4)", "negative-mamba,negative-mamba,aussm", "its subgroup S4 is not used up: orders 24 ≥ 12 ≥ 12 ≥ 4"),
        ("counter(5,reset)", "mamba,aussm", "no decomposition that was tried fits the stack mamba,aussm"),
        ("even-pairs", "s4d,aussm", "stacks with S4D layers are not judged for automata; leave s4d out"),
    ],
)
def test_stacks_that_are_not_compiled(name, stack, message):
    with pytest.raises(InputError, match=message):
        compiled(name, stack)


def test_what_is_refused_has_no_machine():
    """For stacks of one family over and over: no refusal where as many layers are known to be enough, and always one
    where the family's own verdict needs more for its subgroups or never carries it."""
    checked = 0
    for automaton in list(smallest(400))[::13]:
        if automaton.count == 1:
            continue
        monoid = TransitionMonoid.of(automaton)
        for name in ("mamba", "negative-mamba", "aussm", "gated-aussm"):
            judged = inspect_automaton(automaton).judgements[name]
            for layers in (2, 3):
                refusal = stack_refusal(monoid, [FAMILIES[name]] * layers)
                if judged.verdict.least is None:
                    checked += 1
                    assert refusal is not None
                elif judged.most is not None and judged.most <= layers:
                    checked += 1
                    assert refusal is None
    assert checked > 150


def test_inspect_says_which_it_is():
    asked = inspect_automaton(read_automaton("counter(5,reset)"), parse_stack("aussm,mamba"))
    assert asked.as_json()["stack"] == {
        "families": ["aussm", "mamba"], "tracks": True, "layers": [[5], [2, 2, 2]], "reason": None,
    }  # fmt: skip
    asked = inspect_automaton(read_automaton("counter(5,reset)"), parse_stack("mamba,aussm"))
    assert asked.as_json()["stack"]["tracks"] is None
    asked = inspect_automaton(read_automaton("parity"), parse_stack("mamba,mamba"))
    assert asked.as_json()["stack"]["tracks"] is False
    assert inspect_automaton(read_automaton("parity")).as_json().get("stack") is None
    for name, family, tracks in (("parity", "aussm", True), ("parity", "mamba", False), ("tomita(3)", "aussm", False)):
        asked = inspect_automaton(read_automaton(name), parse_stack(family))
        assert asked.as_json()["stack"]["tracks"] is tracks


def test_split_channels_are_turned_or_set():
    wide = FAMILIES["gated-aussm"]
    whole = holonomy_machine(read_automaton("counter(6,reset)"), Style(True, (wide,)))
    assert whole.moduli == (6,)
    apart = split(whole, True, MAX_TRANSITIONS)
    assert apart is not None
    assert apart.moduli == (6, 2, 2, 2)
    assert layers_of(apart, (FAMILIES["aussm"], FAMILIES["mamba"])) == [[0], [1, 2, 3]]
    assert layers_of(whole, (FAMILIES["aussm"], FAMILIES["mamba"])) is None
    assert split(whole, True, 20) is None, "too many transitions"
    register = best_machine(read_automaton("flip-flop(3)"), wide).machine
    assert split(register, False, MAX_TRANSITIONS) is None, "nothing is turned"
