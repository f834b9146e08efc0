"""Networks that claim an automaton which their family cannot carry are refuted by a word; others are not."""

from __future__ import annotations

import pytest
import torch

from subnormal.algebra.input.parser import read_automaton
from subnormal.api.compiling import compile as compiled_automaton
from subnormal.common.errors import InputError
from subnormal.proofs_check.refutations.automaton import random_network, refute_automaton


@pytest.mark.parametrize(
    ("name", "family", "reason"),
    [
        ("flip-flop(2)", "aussm", "never merge two states"),
        ("parity", "mamba", "1 turns even → odd → even"),
        ("tomita(6)", "negative-mamba", "0 turns"),
        ("group(A5)", "gated-aussm", "the subgroup A5"),
        ("tomita(2)", "gated-aussm", "1 Gated AUSSM layer cannot"),
    ],
)
def test_refuted(name, family, reason):
    automaton = read_automaton(name).minimal()
    network = random_network(automaton, [family], 6, 0, "hard")
    found = refute_automaton(network, automaton)
    assert found.refuted
    assert reason in found.theory
    answers, _ = network.predict(torch.tensor([found.word]))
    state = automaton.after(automaton.start, found.word)
    assert automaton.states[state] == found.state != found.answer == automaton.states[int(answers[0, -1])]
    assert str(found).startswith("refuted: ")


def test_what_theory_allows_is_not_refuted():
    compiled = compiled_automaton(read_automaton("tomita(3)"))
    found = refute_automaton(compiled.network(), compiled.automaton)
    assert not found.refuted
    assert found.kind == "allowed"


def test_other_sizes_and_mixed_stacks():
    automaton = read_automaton("parity")
    with pytest.raises(InputError, match="2 letters and 2 states"):
        refute_automaton(random_network(read_automaton("grid(3)"), ["mamba"], 4, 0, "hard"), automaton)
    with pytest.raises(InputError, match="S4D layers are not judged"):
        refute_automaton(random_network(automaton, ["s4d", "aussm"], 4, 0, "hard"), automaton)
    with pytest.raises(InputError, match="a layer of rnn"):
        refute_automaton(random_network(automaton, ["rnn"], 4, 0, "gelu"), automaton)
    compiled = compiled_automaton(read_automaton("counter(5,reset)"), "aussm,mamba")
    found = refute_automaton(compiled.network(), compiled.automaton)
    assert str(found) == "not refuted: nothing is proved against the stack aussm,mamba for counter(5,reset)"
    for name, stack in (("group(S4)", ["negative-mamba", "mamba"]), ("tomita(3)", ["aussm", "simple-aussm"])):
        automaton = read_automaton(name).minimal()
        found = refute_automaton(random_network(automaton, stack, 6, 0, "hard"), automaton)
        assert found.refuted
        assert found.theory.startswith(f"the stack {','.join(stack)} cannot track {name}: ")
