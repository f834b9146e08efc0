"""How a command names what was inspected, for the line that says what to do next."""

from __future__ import annotations

import shlex

from ...common.errors import InputError
from ..automata.automaton import Automaton
from ..automata.regular_expression import regular_expression
from ..groups.group import Group
from ..groups.permutation_group import PermutationGroup
from .parser import parse_machine

LONGEST = 40


def typed(asked: Group | PermutationGroup | Automaton) -> str:
    """The argument by which a command reads it again: its name where that is read as the same, else a placeholder.

    Examples:
        >>> from subnormal.algebra.input.parser import parse_machine
        >>> typed(parse_machine("SL(2,3)"))
        "'SL(2,3)'"
    """
    automaton = isinstance(asked, Automaton)
    placeholder, name = "AUTOMATON" if automaton else "GROUP", asked.name
    if len(name) > LONGEST or name.startswith("-") or not name.isprintable():
        return placeholder
    try:
        found = parse_machine(name)
    except InputError:
        return _as_regex(asked) if isinstance(asked, Automaton) else placeholder
    if isinstance(asked, Automaton):
        same = isinstance(found, Automaton) and (found.count, found.letters) == (asked.count, asked.letters)
    else:
        same = isinstance(found, PermutationGroup) and (found.order, found.degree) == (asked.order, asked.degree)
    return shlex.quote(name) if same else placeholder


def _as_regex(asked: Automaton) -> str:
    try:
        found = regular_expression(asked.name)
    except InputError:
        return "AUTOMATON"
    same = (found.count, found.letters) == (asked.count, asked.letters)
    return f"--regex {shlex.quote(asked.name)}" if same else "AUTOMATON"
