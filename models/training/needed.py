"""How deep a task is: the least number of layers that theory asks for."""

from __future__ import annotations

import numpy as np

from ...algebra.automata.monoid import TransitionMonoid
from ...algebra.chains.stabiliser_chain import StabiliserChain
from ...algebra.depth.automaton_verdict import verdict
from ...algebra.depth.families import CIRCLE, GATED_CIRCLE
from ...algebra.depth.series import shortest_series
from ...algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup, TrackedPermutations

__all__ = ["least_depth"]


def least_depth(tracked: Tracked) -> int | None:
    """How many layers of AUSSM, for an automaton of Gated AUSSM, a task needs at least; None where no number is enough.

    Of a group it is the derived length of what its letters generate.

    Raises:
        InputError: the monoid of an automaton is too large to list.
    """
    if isinstance(tracked, TrackedAutomaton):
        return verdict(TransitionMonoid.of(tracked.automaton), GATED_CIRCLE).least
    if isinstance(tracked, TrackedGroup):
        own = tracked.group.subgroup(np.asarray(tracked.alphabet).tolist())
        if own.order == tracked.group.order:
            found = shortest_series(tracked.group, CIRCLE)
            return found.length if found.is_complete else None
    if isinstance(tracked, TrackedGroup | TrackedPermutations):
        letters = np.asarray(tracked.alphabet)
        if isinstance(tracked, TrackedGroup):
            letters = tracked.group.elements[letters]
        chain = shortest_series(StabiliserChain(letters), CIRCLE)
        return chain.length if chain.is_complete else None
    raise TypeError(type(tracked).__name__)
