"""How a command names what was inspected, for the line that says what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ...common.errors import InputError
from ..groups.group import Group
from ..groups.permutation_group import PermutationGroup
from .parser import parse_machine

if TYPE_CHECKING:
    from ..automata.automaton import Automaton

LONGEST = 40


def typed(asked: Group | PermutationGroup | Automaton) -> str:
    """The argument by which a command reads it again: its name where that is read as the same, else a placeholder.

    Examples:
        >>> from subnormal.algebra.input.parser import parse_machine
        >>> typed(parse_machine("SL(2,3)"))
        "'SL(2,3)'"
    """
    name = asked.name
    placeholder = "GROUP" if isinstance(asked, Group | PermutationGroup) else "AUTOMATON"
    if len(name) > LONGEST or name.startswith("-") or not name.isprintable():
        return placeholder
    try:
        found = parse_machine(name)
    except InputError:
        return placeholder if isinstance(asked, Group | PermutationGroup) else _as_regex(asked)
    if isinstance(asked, Group | PermutationGroup):
        same = isinstance(found, PermutationGroup) and (found.order, found.degree) == (asked.order, asked.degree)
    else:
        same = not isinstance(found, PermutationGroup) and (found.count, found.letters) == (asked.count, asked.letters)
    return shlex.quote(name) if same else placeholder


def _as_regex(asked: Automaton) -> str:
    from ..automata.regular_expression import regular_expression

    try:
        found = regular_expression(asked.name)
    except InputError:
        return "AUTOMATON"
    same = (found.count, found.letters) == (asked.count, asked.letters)
    return f"--regex {shlex.quote(asked.name)}" if same else "AUTOMATON"
