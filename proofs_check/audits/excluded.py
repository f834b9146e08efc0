"""What a configuration of another library's model excludes, of one group or automaton: `audit`, asked about one task.

`audit` says of each recurrent layer what a stack of such layers alone cannot track, in words. Here the same statements
are asked of a given task. Nothing is said where other layers stand among them, attention above all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...algebra.automata.monoid import TransitionMonoid
from ...algebra.depth.automaton_verdict import is_solvable, verdict
from ...algebra.depth.families import CIRCLE, FAMILIES, GATED_CIRCLE
from ...algebra.depth.series import shortest_series
from ...algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup
from ...common.wording import counted
from .configurations import facts_of
from .layers import (
    NO_GROUP,
    NO_GROUP_BY_TOKENS,
    NO_LARGE_ORDER,
    NOT_FOR_EVER,
    NOT_SOLVABLE,
    ONE_MAP,
    SOLVABLE,
    LayerAudit,
)

__all__ = ["excluded"]


def excluded(config: Mapping[str, Any], tracked: Tracked, layers: int) -> str | None:
    """Why a model whose only mixing layers are its recurrent ones cannot track a task on words of every length; None
    where nothing is proved against it.

    Arguments:
        config: of a class that `audit` knows.
        tracked: the group with its letters, or the automaton.
        layers: how many layers the model has in all; where not all of them are recurrent nothing is said.

    Raises:
        InputError: the architecture is not known to `audit`.
    """
    facts = facts_of(dict(config))
    own = facts.layers
    if not own or len(own) != layers or len({layer.excludes for layer in own}) != 1 or not own[0].excludes:
        return None
    for statement, holds in STATEMENTS:
        if own[0].excludes.startswith(statement):
            return f"{_called(own)}: excluded is {_short(statement)}" if holds(tracked, len(own)) else None
    return None


def _called(layers: tuple[LayerAudit, ...]) -> str:
    kinds = list(dict.fromkeys(layer.kind for layer in layers))
    return f"{counted(len(layers), 'layer')} of {', '.join(kinds)}"


def _short(statement: str) -> str:
    return statement.partition(":")[0].partition(" (")[0]


def _has_group(tracked: Tracked, layers: int) -> bool:
    if isinstance(tracked, TrackedGroup):
        return tracked.group.order > 1
    assert isinstance(tracked, TrackedAutomaton)
    family = next(one for one in FAMILIES.values() if one.exponent == 1 and not one.is_constant)
    return verdict(TransitionMonoid.of(tracked.automaton), family).least is None


def _has_turning_letter(tracked: Tracked, layers: int) -> bool:
    return any(tracked.order(letter) > 1 for letter in range(tracked.count))


def _has_letter_of_large_order(tracked: Tracked, layers: int) -> bool:
    return layers == 1 and any(tracked.order(letter) > 2 for letter in range(tracked.count))


def _is_group_over_two(tracked: Tracked, layers: int) -> bool:
    return isinstance(tracked, TrackedGroup) and tracked.count > 1 and tracked.group.order > 1


def _is_not_solvable(tracked: Tracked, layers: int) -> bool:
    if isinstance(tracked, TrackedGroup):
        return not shortest_series(tracked.group, CIRCLE).is_complete
    assert isinstance(tracked, TrackedAutomaton)
    return not is_solvable(TransitionMonoid.of(tracked.automaton), GATED_CIRCLE)


def _is_group(tracked: Tracked, layers: int) -> bool:
    return isinstance(tracked, TrackedGroup) and tracked.group.order > 1


STATEMENTS: tuple[tuple[str, Callable[[Tracked, int], bool]], ...] = (
    (NO_GROUP_BY_TOKENS, _has_turning_letter),
    (NO_GROUP, _has_group),
    (NO_LARGE_ORDER, _has_letter_of_large_order),
    (NOT_FOR_EVER, _is_group),
    (ONE_MAP, _is_group_over_two),
    (NOT_SOLVABLE, _is_not_solvable),
    (SOLVABLE, _is_not_solvable),
)
"""What `audit` excludes, and whether a task is among it; one statement may begin like another, so the longer is first.

Of NOT_SOLVABLE the half about automata in one layer is left out."""
