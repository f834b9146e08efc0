"""Regular expressions, parsed by automata-lib; the subsets are counted here, so that a short text cannot ask for 2²⁰.

Signs: letters and digits stand for themselves; `|` or, juxtaposition, `*`, `+`, `?`, `{m}`, `{m,n}`, `&` and, `.` any
letter, `()` the empty word, and parentheses. The alphabet is that of the letters in the expression unless it is given.
"""

from __future__ import annotations

import re

import numpy as np

from ...common.errors import InputError
from .automaton import MAX_STATES, Automaton

MAX_TEXT = 400
"""Longest expression that is read."""

MAX_REPETITIONS = 64
"""Largest number in braces, and largest product of all of them."""

MAX_SUBSETS = 20_000
"""Largest number of sets of states that are made of an expression before equal ones are merged."""

_EXAMPLE = "e.g. '(ab|b)*a', '1(01)*', '(a|b)*abb'"


def regular_expression(text: str, letters: str | None = None) -> Automaton:
    """The minimal automaton of a regular expression.

    Arguments:
        letters: the alphabet, each sign a letter; default: the letters of the expression.

    Raises:
        InputError: the expression is broken, too long, has no letters, or needs too many states.
    """
    if not text or len(text) > MAX_TEXT:
        raise InputError(f"a regular expression of {len(text)} signs; wanted 1 to {MAX_TEXT}, {_EXAMPLE}")
    strange = re.search(r"[^\w()|*+?{},&.]|_", text)
    if strange:
        raise InputError(f"the sign {strange.group()!r} in the regular expression {_short(text)}; {_WANTED}")
    repetitions = [max(map(int, filter(None, part.split(",")))) for part in re.findall(r"\{(\d*,?\d+|\d+,)\}", text)]
    braces = re.sub(r"\{(\d*,?\d+|\d+,)\}", "", text)
    if re.search(r"[{},]", braces):
        raise InputError(
            f"the braces in the regular expression {_short(text)}; wanted {{m}} or {{m,n}}, e.g. 'a{{2,3}}'"
        )
    for low, high in re.findall(r"\{(\d+),(\d+)\}", text):
        if int(low) > int(high):
            raise InputError(f"the braces {{{low},{high}}} in {_short(text)}; wanted the smaller number first")
    if _unmatched(braces):
        raise InputError(f"a parenthesis without its other half in the regular expression {_short(text)}; {_WANTED}")
    product = 1
    for count in repetitions:
        product *= max(1, count)
    if product > MAX_REPETITIONS:
        raise InputError(f"{_short(text)} repeats up to {product:,} times; at most {MAX_REPETITIONS} are written out")
    found = sorted(set(re.findall(r"\w", braces)))
    alphabet = sorted(set(letters)) if letters is not None else found
    missing = set(found) - set(alphabet)
    if missing:
        raise InputError(f"the letter {min(missing)!r} of {_short(text)} is not in the alphabet {''.join(alphabet)!r}")
    if not alphabet:
        raise InputError(f"the regular expression {_short(text)} has no letter; wanted one, {_EXAMPLE}")
    return _determinised(text, alphabet)


_WANTED = f"wanted letters, digits and ( ) | * + ? . & {{m,n}}, {_EXAMPLE}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _unmatched(text: str) -> bool:
    """Whether some parenthesis has no other half."""
    open_ones = 0
    for sign in text:
        open_ones += (sign == "(") - (sign == ")")
        if open_ones < 0:
            return True
    return open_ones > 0


def _determinised(text: str, alphabet: list[str]) -> Automaton:
    """Sets of states of the library's automaton, as many as there are up to the limit, and then its minimisation."""
    from automata.base.exceptions import AutomatonException, RegexException
    from automata.fa.nfa import NFA

    try:
        machine = NFA.from_regex(text, input_symbols=set(alphabet))
    except (AutomatonException, RegexException, ValueError, IndexError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(f"cannot read the regular expression {_short(text)} ({reason}); {_WANTED}") from None
    transitions = machine.transitions

    def closed(states: set[int]) -> frozenset[int]:
        stack = list(states)
        while stack:
            for following in transitions.get(stack.pop(), {}).get("", ()):
                if following not in states:
                    states.add(following)
                    stack.append(following)
        return frozenset(states)

    subsets = [closed({machine.initial_state})]
    number = {subsets[0]: 0}
    rows: list[list[int]] = []
    for subset in subsets:  # grows while it is walked
        row = []
        for letter in alphabet:
            following = closed({q for state in subset for q in transitions.get(state, {}).get(letter, ())})
            if following not in number:
                if len(subsets) == MAX_SUBSETS:
                    raise InputError(f"{_short(text)} needs more than {MAX_SUBSETS:,} states before they are merged")
                number[following] = len(subsets)
                subsets.append(following)
            row.append(number[following])
        rows.append(row)
    accepting = np.array([bool(subset & machine.final_states) for subset in subsets])
    whole = Automaton(
        text, np.array(rows, dtype=np.int32), tuple(alphabet), tuple(map(str, range(len(rows)))), 0, accepting
    )
    made = whole.minimal()
    if made.count > MAX_STATES:
        raise InputError(f"{_short(text)} needs {made.count:,} states; at most {MAX_STATES:,} are handled")
    states = tuple(map(str, range(made.count)))
    return Automaton(text, made.table, made.letters, states, made.start, made.accepting)
