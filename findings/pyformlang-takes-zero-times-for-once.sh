#!/usr/bin/env bash
# a{0,1}b matches aab and not b in pyformlang's Python expressions (pyformlang 1.0.11).
#
# PythonRegex takes the syntax of Python's re, with braces. Zero repetitions are taken for one, and so a range from zero
# has one repetition more: a{0}b is ab, a{0,1}b is ab or aab. An empty alternative is lost too: (a|)b is ab alone. Braces
# from 1 on, and ?, are right. Who draws a language from an expression trains on another one.
# Seen on 2026-11-29:   a{0}b: ab   a{0,1}b: ab aab   (a|)b: ab   (with re: b; b ab; b ab)
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q pyformlang==1.0.11
"$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import re

from pyformlang.regular_expression import PythonRegex

words = ["b", "ab", "aab"]
found, right = {}, {}
for text in ("a{0}b", "a{0,1}b", "(a|)b", "a{1,2}b", "a?b"):
    expression = PythonRegex(text)
    found[text] = [word for word in words if expression.accepts(list(word))]
    right[text] = [word for word in words if re.fullmatch(text, word)]
    print(f"{text}:", *found[text], "  with re:", *right[text])
assert found["a{1,2}b"] == right["a{1,2}b"] and found["a?b"] == right["a?b"]
assert found["a{0}b"] == ["ab"], "changed: zero times is not once"
assert found["a{0,1}b"] == ["ab", "aab"], "changed: from zero times is not from once"
assert found["(a|)b"] == ["ab"], "changed: nothing is an alternative"
PYTHON
