"""From what is tracked to its machine: one call, whatever it is."""

from __future__ import annotations

from collections.abc import Sequence

from ..algebra.depth.blocks.actions import ORDER_LIMIT
from ..algebra.depth.families import Family
from ..algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup
from ..common.errors import InputError
from .automata.compiler import compile_automaton
from .blocks.compiler import compile_blocks
from .compilation import Compilation
from .compiler import compile_group
from .factored.compiler import compile_factored


def compile_tracked(tracked: Tracked, stack: Sequence[Family]) -> Compilation:
    """Compile a group with its letters, an automaton, or a group too large to list.

    Arguments:
        tracked: what is to be tracked.
        stack: one family, of which any number of layers may be used; or several, first layer first.

    Raises:
        InputError: the families cannot carry it (with the reason), or its tables would be too large.
    """
    if stack[0].has_blocks and not isinstance(tracked, TrackedGroup):
        raise InputError(
            f"{tracked.name}: layers of {stack[0].name} are compiled for groups of at most {ORDER_LIMIT:,} elements, "
            "e.g. S6; leave --family out, or name a diagonal one"
        )
    if isinstance(tracked, TrackedAutomaton):
        return compile_automaton(tracked.automaton, *stack)
    if isinstance(tracked, TrackedGroup):
        if stack[0].has_blocks:
            return compile_blocks(tracked.group, stack[0], tracked.alphabet.tolist())
        return compile_group(tracked.group, stack, tracked.alphabet.tolist())
    return compile_factored(tracked.name, tracked.alphabet, stack[0])
