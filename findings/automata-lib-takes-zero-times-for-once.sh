#!/usr/bin/env bash
# a{0}b matches ab in automata-lib, and a|b&b is not a|(b&b) (automata-lib 9.2.0).
#
# Its expressions have braces and the intersection &. a{0} is "no a": it is taken as a?, though a{0,1} and a{,2} are
# right. And & binds as loosely as |, from the left: a|b&b is (a|b)&b, where & of other tools binds tighter than |, as
# it does in logic. No warning; the automaton of another language is built.
# Seen on 2026-11-29:   a{0}b: b ab   a|b&b: b   a|(b&b): a b
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q automata-lib==9.2.0
"$scratch/venv/bin/python" -W ignore - <<'PYTHON'
from automata.fa.nfa import NFA

words = ["a", "b", "ab", "aab"]
found = {}
for text in ("a{0}b", "a{0,1}b", "a|b&b", "a|(b&b)"):
    machine = NFA.from_regex(text, input_symbols={"a", "b"})
    found[text] = [word for word in words if machine.accepts_input(word)]
    print(f"{text}:", *found[text])
assert found["a{0,1}b"] == ["b", "ab"] and found["a|(b&b)"] == ["a", "b"]
assert found["a{0}b"] == ["b", "ab"], "changed: zero times is not at most once"
assert found["a|b&b"] == ["b"], "changed: & binds tighter than |"
PYTHON
