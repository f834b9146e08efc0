"""What a user can type for an automaton: names such as `flip-flop(2)`, and files.

A file is JSON (states, alphabet, transitions, start, accepting; docs/automata.md has an example), or a transition table
in CSV or NPY: one row a state, one column a letter, state numbers as entries, state 0 the start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ...common.reading import read_json, read_npy, read_table
from ...common.wording import counted
from ..automata import named
from ..automata.automaton import Automaton
from ..groups.group import Group

EXAMPLES = "e.g. flip-flop(2), tomita(5), grid(5,5), permutation-reset(S3) or automaton(table.csv)"

WANTED = (
    'wanted {"states": […], "alphabet": […], "transitions": {state: {letter: state}}, "start": state, '
    '"accepting": […]} in .json, or in .csv, .tsv and .npy a table of state numbers with one row a state and one '
    "column a letter"
)

NUMBERED: dict[str, tuple[tuple[int, ...], Callable[..., Automaton]]] = {
    "parity": ((0,), named.parity),
    "parity-check": ((0,), named.parity_check),
    "flip-flop": ((1,), named.flip_flop),
    "flip-flop-language": ((0,), named.flip_flop_language),
    "tomita": ((1,), named.tomita),
    "even-pairs": ((0,), named.even_pairs),
    "cycle-navigation": ((0, 1), named.cycle_navigation),
    "modular-arithmetic": ((0, 1), named.modular_arithmetic),
    "grid": ((1, 2), named.grid),
    "dyck": ((2,), named.dyck),
    "abab": ((0,), named.abab),
    "adder": ((0,), named.adder),
    "counter": ((1,), lambda n: named.counter(n, reset=False)),
}
"""For each name how many numbers it takes, and its function."""

WITH_WORD: dict[tuple[str, str], Callable[[int], Automaton]] = {
    ("counter", "reset"): lambda n: named.counter(n, reset=True),
    ("modular-arithmetic", "left-to-right"): named.left_to_right,
    ("tomita", "later"): named.tomita_later,
}
"""Names that take a number and a word."""

ON_GROUPS: dict[str, Callable[[Group], Automaton]] = {
    "permutation-reset": named.permutation_reset,
    "group": named.cayley,
}
"""Names that take a group."""

NAMES = (*NUMBERED, *ON_GROUPS, "automaton", "regex")

_WHOLE_WORD = "the answer repeats the whole word, however long it is; flip-flop(n) holds one letter of n"
_BRACKETS = "brackets nest without a bound; dyck(2,4) bounds their depth"
_NUMBERS = "the numbers are of any size and follow each other; `adder` reads two of them digit by digit"
NOT_FINITE = {
    "bucket-sort": "the answer says how often each letter came, without a bound; counter(n) counts modulo n",
    "majority": "it compares how often two letters came, without a bound; counter(n) counts modulo n",
    **dict.fromkeys(
        ("odds-first", "duplicate-string", "missing-duplicate", "missing-duplicate-string", "reverse-string", "copy"),
        _WHOLE_WORD,
    ),
    "stack-manipulation": "the stack has no bound; dyck(2,4) has a stack of 4",
    "modular-arithmetic-brackets": f"{_BRACKETS}, and modular-arithmetic(5) has no brackets",
    "solve-equation": f"{_BRACKETS}, and modular-arithmetic(5) has no brackets",
    **dict.fromkeys(("binary-addition", "binary-multiplication", "compute-sqrt"), _NUMBERS),
}
"""Published tasks that no automaton with finitely many states does, and why, with what is nearest."""


def is_automaton_name(text: str) -> bool:
    """Whether a text begins like the name of an automaton: those of groups begin with a capital or a bracket."""
    return bool(re.match(r"[a-z][a-z-]+(\(|$)", text.strip()))


def parse_automaton(text: str, group: Callable[[str], Group]) -> Automaton:
    """The automaton that a name stands for; `group` reads the names of groups.

    Raises:
        InputError: the name is unknown, or its arguments are out of range.
    """
    match = re.fullmatch(r"([a-z][a-z-]+)(?:\((.*)\))?", text.strip(), re.DOTALL)
    name, inside = (match[1], match[2]) if match else (text, None)
    if name in NOT_FINITE:
        raise InputError(f"{name} is not done by finitely many states: {NOT_FINITE[name]}")
    if name not in NAMES:
        raise InputError(f"cannot read an automaton at {text[:40]!r}; wanted one of {', '.join(NAMES)}, {EXAMPLES}")
    if name == "regex":
        from ..automata.regular_expression import regular_expression

        made = regular_expression(inside or "")
        return replace(made, name=f"regex({inside})")
    if name == "automaton":
        if not inside:
            raise InputError(f"automaton needs a file in parentheses, {EXAMPLES}")
        return read_automaton(Path(inside.strip()))
    if name in ON_GROUPS:
        if not inside:
            raise InputError(f"{name} needs a group in parentheses, e.g. {name}(S3)")
        if name == "permutation-reset" and (everywhere := re.fullmatch(r"(.+),\s*all\s*", inside, re.DOTALL)):
            return named.permutation_reset(group(everywhere[1]), everywhere=True)
        return ON_GROUPS[name](group(inside))
    arguments = [part.strip() for part in inside.split(",")] if inside and inside.strip() else []
    if len(arguments) == 2 and (name, arguments[1]) in WITH_WORD:
        return WITH_WORD[name, arguments[1]](_number(name, arguments[0]))
    word = next((word for other, word in WITH_WORD if other == name), None)
    if word is not None and len(arguments) > 1:
        example = f"{name}({3 if name == 'tomita' else 5},{word})"
        raise InputError(f"{name}: wanted a number, or a number and the word {word}, e.g. {example}")
    if name == "dyck" and len(arguments) == 1:
        raise InputError(f"{text.strip()} without a depth needs infinitely many states; bound it, e.g. dyck(2,3)")
    counts, function = NUMBERED[name]
    if len(arguments) not in counts:
        wanted = " or ".join(counted(n, "number") if n else "no argument" for n in counts)
        example = {0: name, 1: f"{name}(3)", 2: f"{name}(2,3)"}[counts[-1]]
        raise InputError(f"{name}: wanted {wanted}, e.g. {example}")
    return function(*(_number(name, argument) for argument in arguments))


def spelled(text: str) -> str:
    """Our spelling of an automaton's name that is written otherwise, e.g. `FlipFlop(2)` or `tomita5`; else nothing."""
    found = re.fullmatch(r"([A-Za-z][A-Za-z_ -]*?)[_ -]*(?:\(([^()]*)\)|(\d*))", text.strip(), re.ASCII)
    plain = re.sub("[^a-z]", "", found[1].lower()) if found else ""
    for name in (*NUMBERED, "counter"):
        if found and name.replace("-", "") == plain:
            inside = found[2] or found[3]
            ours = f"{name}({inside.strip()})" if inside else name
            return ours if ours != text.strip() else ""
    return ""


def _number(name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise InputError(f"{name}: the argument {text[:20]!r}; wanted a number, {EXAMPLES}")
    return int(text)


def read_automaton(path: Path) -> Automaton:
    """The automaton in a file. Raises `InputError` with one line for a file that cannot be read or is none."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return from_json(read_json(path, wanted=WANTED), path.stem, str(path))
    if suffix == ".npy":
        return Automaton.make(path.stem, read_npy(path, wanted=WANTED))
    if suffix not in (".csv", ".tsv"):
        raise InputError(f"{path}: a file of unknown kind; {WANTED}")
    rows = read_table(path, wanted=WANTED)
    return Automaton.make(path.stem, np.array(rows) if rows else np.zeros((0, 0), dtype=int))


def is_automaton_content(content: Any) -> bool:
    """Whether what a JSON file holds looks like an automaton."""
    return isinstance(content, dict) and "transitions" in content


def from_json(content: Any, name: str, where: str) -> Automaton:
    """The automaton in the content of a JSON file.

    Raises:
        InputError: keys are missing or unknown, a transition is missing, or a name is unknown; the message begins
            with `where`.
    """
    keys = {"states", "alphabet", "transitions", "start", "accepting"}
    if not isinstance(content, dict) or not keys - {"accepting"} <= set(content) <= keys | {"name"}:
        raise InputError(f"{where}: {WANTED}")
    states, letters = (_names(content[key], key, where) for key in ("states", "alphabet"))
    number = {state: i for i, state in enumerate(states)}

    def state(given: Any, role: str) -> int:
        if str(given) not in number or isinstance(given, list | dict):
            raise InputError(f"{where}: {role} {str(given)[:40]!r}, which is none of the states; {WANTED}")
        return number[str(given)]

    transitions = content["transitions"]
    if not isinstance(transitions, dict):
        raise InputError(f"{where}: transitions should be an object; {WANTED}")
    unknown = [str(key)[:40] for key in transitions if str(key) not in number]
    if unknown:
        raise InputError(f"{where}: transitions of {unknown[0]!r}, which is none of the states")
    table = np.full((len(states), len(letters)), -1)
    for i, name_of in enumerate(states):
        row = transitions.get(name_of, {})
        if not isinstance(row, dict) or not set(map(str, row)) <= set(letters):
            what = "a transition on a letter that is not in the alphabet" if isinstance(row, dict) else "no transitions"
            raise InputError(f"{where}: state {name_of!r} has {what}; {WANTED}")
        for letter, target in row.items():
            table[i, letters.index(str(letter))] = state(target, f"state {name_of!r} goes to")
    start = state(content["start"], "the start is")
    accepting = content.get("accepting")
    if accepting is not None and not isinstance(accepting, list):
        raise InputError(f"{where}: accepting should be a list of states")
    final = None if accepting is None else [state(given, "it accepts in") for given in accepting]
    if final == []:
        raise InputError(
            f"{where}: accepting is empty, so no word is accepted and there is nothing to track; name states in it, "
            f'e.g. "accepting": [{json.dumps(states[-1])}], or leave it out: then the state is tracked'
        )
    title = content.get("name", name)
    return completed(title if isinstance(title, str) and title else name, table, letters, states, start, final)


def completed(
    name: str,
    table: NDArray[np.integer],
    letters: Sequence[str],
    states: Sequence[str],
    start: int,
    accepting: Sequence[int] | None,
    notes: tuple[str, ...] = (),
) -> Automaton:
    """The automaton of a table in which -1 stands for no transition: those lead to a new state, `sink`, which no letter
    leaves and which does not accept; its notes say so.

    Raises:
        InputError: see `Automaton.make`.
    """
    missing = int(np.count_nonzero(table < 0))
    if missing:
        sink = "sink"
        while sink in states:
            sink += "'"
        q, x = np.argwhere(table < 0)[0]
        first = f"{states[q]} on {letters[x]}" if missing == 1 else f"the first is {states[q]} on {letters[x]}"
        notes = (
            *notes,
            f"{counted(missing, 'transition')} missing, led to a new state, {sink}, that is not left: {first}",
        )
        table = np.where(table < 0, len(states), table)
        table = np.concatenate([table, np.full((1, len(letters)), len(states))])
        states = [*states, sink]
    return Automaton.make(name, table, letters, states, start, accepting, notes)


def _names(given: Any, key: str, where: str) -> list[str]:
    if not isinstance(given, list) or not given or not all(isinstance(x, str | int) for x in given):
        raise InputError(f"{where}: {key} should be a list of names; {WANTED}")
    found = [str(x) for x in given]
    if len(set(found)) < len(found) or len(found) > 10**5:
        raise InputError(f"{where}: {key} holds {len(found):,} names, {len(set(found)):,} different ones")
    return found
