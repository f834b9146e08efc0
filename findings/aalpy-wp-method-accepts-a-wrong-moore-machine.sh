#!/usr/bin/env bash
# The Wp-method takes a Moore machine of two states for one of one state (AALpy 2.0.0).
#
# The Wp-method finds every wrong hypothesis whose target has at most max_number_of_states states; that is what it is
# for. Here the target's output is 0 at the start and flips with every letter; the hypothesis has one state, which
# always answers 1. The word 00 tells them apart (answers 1 0). WpMethodEqOracle with two states returns None, that
# is: equal. WMethodEqOracle finds a word.
# Seen on 2026-11-29:   WpMethodEqOracle: None   WMethodEqOracle: (0, 0)
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q aalpy==2.0.0
"$scratch/venv/bin/python" - <<'PYTHON'
from aalpy.automata import MooreMachine, MooreState
from aalpy.oracles import WMethodEqOracle, WpMethodEqOracle
from aalpy.SULs import MooreSUL


def machine(table, outputs):
    states = [MooreState(f"q{i}", output) for i, output in enumerate(outputs)]
    for state, row in zip(states, table):
        for letter, following in enumerate(row):
            state.transitions[letter] = states[following]
    found = MooreMachine(states[0], states)
    found.compute_prefixes()
    return found


def answers(moore, word):
    moore.reset_to_initial()
    return [moore.step(letter) for letter in word]


target, wrong = machine([[1, 1], [0, 0]], [0, 1]), machine([[0, 0]], [1])
assert answers(target, [0, 0]) == [1, 0] and answers(wrong, [0, 0]) == [1, 1]
wp = WpMethodEqOracle([0, 1], MooreSUL(target), max_number_of_states=2).find_cex(wrong)
w = WMethodEqOracle([0, 1], MooreSUL(target), max_number_of_states=2).find_cex(wrong)
print("WpMethodEqOracle:", wp, "  WMethodEqOracle:", w)
assert wp is None, "changed: the Wp-method finds it"
assert w is not None, "changed: the W-method does not find it"
PYTHON
