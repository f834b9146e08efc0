"""What theory says of a concrete model: families, and the widths that its layers have.

Two statements are kept apart. Of *families* it is said whether layers of any width can track what is asked. Of a
*model* its widths count: a diagonal layer of w channels carries a factor of rank at most w (`algebra.depth.width`), and
the finite groups of a delta-rule layer with d numbers of state are quotients of subgroups of O(d)
(docs/mathematics.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import Automaton
from ...algebra.automata.monoid import TransitionMonoid
from ...algebra.depth.abelian import abelian_factor
from ...algebra.depth.architectures import architectures
from ...algebra.depth.automaton_verdict import stack_refusal, verdict, width_refusal
from ...algebra.depth.blocks.depths import excluded, simple_factors_of
from ...algebra.depth.blocks.residuals import composition_factors
from ...algebra.depth.families import ALL_FAMILIES, CIRCLE, FAMILIES, SIGNS, Family, names
from ...algebra.depth.series import Series, shortest_series, verbal_series, verbal_subgroup
from ...algebra.depth.width import TooLargeError, kernels, widths_answer, widths_text
from ...algebra.groups.group import Group, Subgroup
from ...common.errors import InputError
from ...common.wording import counted

if TYPE_CHECKING:
    from ...models.specification import LayerSpecification

DEGREES = {1: "C2", 2: "cyclic and dihedral groups", 3: "C_n, D_n, A4, S4 and A5, and their products with C2"}
"""What the quotients of finite subgroups of O(d) are, where that is decided here."""


@dataclass(frozen=True)
class Theory:
    """What is proved of some layers and what they are to track.

    Arguments:
        forbidden: whether they cannot.
        sentence: that says so, or that nothing forbids them.
        by_width: whether it is their widths alone that forbid it: wider layers of the same families can.
        witness: of an automaton, for the search of words.
    """

    forbidden: bool
    sentence: str
    by_width: bool = False
    witness: dict[str, Any] | None = None


def theory_of(
    layers: Sequence[LayerSpecification], tracked: Group | Automaton, alphabet: NDArray[np.integer] | None = None
) -> Theory:
    """What theory says of a model's layers.

    Arguments:
        layers: `network.specifications`.
        tracked: the group, or the automaton (minimal).
        alphabet: for a group, the element of each token; None for all.

    Raises:
        InputError: no theorem here speaks of such layers.
    """
    families = tuple(one.family for one in layers)
    widths = tuple(one.channels for one in layers)
    if isinstance(tracked, Automaton):
        unknown = [name for name in families if name not in FAMILIES]
        if unknown:
            raise InputError(
                f"a layer of {unknown[0]}; for an automaton layers of {', '.join(FAMILIES)} are judged: wanted those"
            )
        return automaton_theory(tracked, [FAMILIES[name] for name in families], widths)
    if is_block_stack(families):
        return block_theory(_generated(tracked, alphabet), families)
    if is_delta_stack(families):
        tokens = np.arange(tracked.order) if alphabet is None else np.asarray(alphabet)
        return delta_theory(tracked, families, tokens, widths)
    return group_theory(_generated(tracked, alphabet), diagonal(families), widths)


def _generated(group: Group, alphabet: NDArray[np.integer] | None) -> Group:
    """The group that the tokens generate: no word leaves it."""
    if alphabet is None:
        return group
    own = group.subgroup(np.asarray(alphabet).tolist())
    if own.order == group.order:
        return group
    rows = group.elements[own.members]
    generators = np.searchsorted(own.members, own.generators)
    return Group(rows, tuple(generators.tolist()), f"the subgroup of order {own.order} of {group.name}")


def diagonal(families: Sequence[str]) -> tuple[Family, ...]:
    """The families of diagonal layers by name. Raises `InputError` for a layer outside the scheme (the tanh RNN), or a
    delta-rule layer among others."""
    for place, name in enumerate(families, 1):
        if ALL_FAMILIES[name].factors or ALL_FAMILIES[name].has_blocks:
            raise InputError(
                f"layer {place} is of the family {name!r}, and others are not: no theorem here covers such a stack; "
                f"wanted delta-rule layers alone, or layers of blocks and of {', '.join(FAMILIES)}"
            )
        if name not in FAMILIES:
            raise InputError(
                f"layer {place} is of the family {name!r}, whose state does not change by affine maps: "
                "the theorems do not cover it; "
                f"wanted layers of {', '.join(FAMILIES)}"
            )
    return tuple(FAMILIES[name] for name in families)


def group_theory(group: Group, stack: Sequence[Family], widths: Sequence[int] | None = None) -> Theory:
    """What theory says of diagonal layers and a group; with `widths` of a model with so many channels a layer."""
    series: Series = verbal_series(group, stack)
    orders = " ≥ ".join(str(order) for order in series.orders)
    layers = f"{len(stack)} layer{'s' * (len(stack) != 1)} ({', '.join(layer.name for layer in stack)})"
    if not series.is_complete:
        return Theory(True, f"{layers} cannot track {group.name} (orders of V_0 ≥ V_1 ≥ …: {orders}, not down to 1)")
    can = f"{layers} can track {group.name} (orders of V_0 ≥ V_1 ≥ …: {orders})"
    if widths is None:
        return Theory(False, f"theory does not forbid this: {can}")
    own = widths_text(widths)
    try:
        answer = widths_answer(group, stack, widths)
    except TooLargeError as error:
        return Theory(False, f"theory does not forbid this: {can}; whether with {own} is not decided: {error}")
    if answer.tracks:
        return Theory(False, f"theory does not forbid this: {can}, and {own} can do")
    return Theory(
        True,
        f"this model, {layers} with {own}, cannot track {group.name}: {answer.reason}; of any width, {can}",
        True,
    )


def automaton_theory(automaton: Automaton, stack: Sequence[Family], widths: Sequence[int] | None = None) -> Theory:
    """What theory says of diagonal layers and a minimal automaton; with `widths` of a model.

    Raises:
        InputError: there are S4D layers among others, or the monoid is too large to list.
    """
    monoid, depth = TransitionMonoid.of(automaton), len(stack)
    if len(set(stack)) > 1:
        reason = stack_refusal(monoid, stack)
        if reason is not None:
            return Theory(True, f"the stack {names(stack)} cannot track {automaton.name}: {reason}")
        allowed = f"nothing is proved against the stack {names(stack)} for {automaton.name}"
    else:
        layer = stack[0]
        found = verdict(monoid, layer)
        if found.least is None or found.least > depth:
            many = counted(depth, f"{layer.title} layer") if found.least else f"any number of {layer.title} layers"
            content = found.witness.data if found.witness else {}
            return Theory(True, f"{many} cannot track {automaton.name}: {found.reason}", witness=content)
        allowed = f"theory allows {depth} {layer.title} layers: at least {found.least} are needed for {automaton.name}"
    try:
        narrow = width_refusal(monoid, stack, widths) if widths is not None else None
    except TooLargeError:
        narrow = None
    if narrow is None or widths is None:
        return Theory(False, allowed)
    return Theory(
        True,
        f"this model, {counted(depth, 'layer')} ({names(stack)}) with {widths_text(widths)}, cannot track "
        f"{automaton.name}: {narrow}; of layers of any width, {allowed}",
        True,
    )


def is_block_stack(families: Sequence[str]) -> bool:
    """Whether some layers are of blocks, and the others are diagonal."""
    stack = [ALL_FAMILIES[name] for name in families]
    return any(one.has_blocks for one in stack) and all(one.has_blocks or one.is_diagonal for one in stack)


def block_theory(group: Group, families: Sequence[str]) -> Theory:
    """What theory says of layers of blocks, any number in each, some of them diagonal, and a group: each layer leaves
    at least what no layer of its family brings below (docs/mathematics.md)."""
    stack = [ALL_FAMILIES[name] for name in families]
    layers = f"{counted(len(stack), 'layer')} ({', '.join(families)})"
    simple = {order for one in stack if one.has_blocks for order in simple_factors_of(one)}
    bad = [order for order in composition_factors(group.whole) if order not in simple]
    if bad:
        why = f"its composition factor of order {bad[0]:,} is not abelian, and no such layer carries it"
        return Theory(True, f"{layers} cannot track {group.name}: {why}")
    members = [group.whole]
    for one in stack:
        left = members[-1]
        members.append(excluded(one, left) if one.has_blocks else verbal_subgroup(left, one.exponent))
    orders = " ≥ ".join(str(member.order) for member in members)
    if members[-1].order > 1:
        return Theory(True, f"{layers} cannot track {group.name} (each layer leaves at least: {orders}, not down to 1)")
    return Theory(False, f"theory does not forbid this: {layers} for {group.name} (what laws leave: {orders})")


def is_delta_stack(families: Sequence[str]) -> bool:
    """Whether every layer is a delta-rule layer."""
    return all(ALL_FAMILIES[name].factors for name in families)


def delta_theory(
    group: Group, families: Sequence[str], alphabet: NDArray[np.integer], degrees: Sequence[int] | None = None
) -> Theory:
    """What theory says of delta-rule layers and a group, read over an alphabet; with `degrees` of a model with so many
    numbers of state a layer."""
    layers = f"{counted(len(families), 'layer')} ({', '.join(families)})"
    orders = group.element_orders[alphabet]
    if len(families) == 1 and ALL_FAMILIES[families[0]].factors == 1 and int(orders.max()) > 2:
        return Theory(
            True,
            f"{layers} cannot track {group.name}: one reflection a token has the square 1, and a token has order "
            f"{int(orders.max())}",
        )
    narrow = _degree_refusal(_generated(group, alphabet), degrees) if degrees is not None else None
    if narrow is not None:
        return Theory(True, f"this model, {layers}, cannot track {group.name}: {narrow}", True)
    found = architectures(group, None, alphabet.tolist()).representation
    if len(families) == 1 and found is not None and len(found.representations) == 1:
        factors, degree = ALL_FAMILIES[families[0]].factors, found.representations[0].degree
        if factors >= found.own and (degrees is None or degrees[0] >= degree):
            needed = f"it takes {counted(found.own, 'factor')} a token and {counted(degree, 'channel')}"
            return Theory(False, f"theory does not forbid this: {layers} can track {group.name}; {needed}")
    wide = f" of {widths_text(degrees)}" if degrees is not None else ""
    return Theory(False, f"theory does not forbid this: nothing is known here against {layers}{wide} for {group.name}")


def _degree_refusal(group: Group, degrees: Sequence[int]) -> str | None:
    """Why delta-rule layers of these degrees cannot track a group; None where nothing is proved against them.

    The factor of a layer of degree d is a quotient of a subgroup of O(d). Of one layer that decides, for d ≤ 3. Of more
    layers each such factor of a solvable group has a series of its own, for which diagonal layers stand.
    """
    if max(degrees) > max(DEGREES):
        return None
    if len(degrees) == 1:
        degree = degrees[0]
        if _has_degree(group.whole, degree):
            return None
        return f"a layer of {counted(degree, 'number')} of state carries {DEGREES[degree]} alone"
    if not shortest_series(group, CIRCLE).is_complete:
        return None
    parts = {1: [(SIGNS, 1)], 2: [(SIGNS, 1), (CIRCLE, 1)], 3: [(SIGNS, 2), (CIRCLE, 1), (SIGNS, 2)]}
    stack, widths = zip(*(part for degree in degrees for part in parts[degree]), strict=True)
    try:
        answer = widths_answer(group, stack, widths)
    except TooLargeError:
        return None
    if answer.tracks:
        return None
    shown = ", ".join(f"{degree}: {DEGREES[degree]}" for degree in sorted(set(degrees)))
    return f"its factors would have to be among those that layers of so many numbers of state carry ({shown})"


def _has_degree(own: Subgroup, degree: int) -> bool:
    """Whether a group is a quotient of a finite subgroup of O(d), d ≤ 3."""
    if degree == 1:
        return own.order <= 2
    if _is_planar(own) or (degree == 3 and _is_platonic(own)):
        return True
    if degree == 2 or own.order % 2:
        return False
    group = own.group
    orders = group.element_orders[own.members]
    central = [
        int(z)
        for z in own.members[orders == 2]
        if all(group.times(int(z), g) == group.times(g, int(z)) for g in own.generators)
    ]
    halves = kernels(abelian_factor(own, verbal_subgroup(own, 2)), 1) if central else ()
    return any(
        2 * half.order == own.order and any(z not in half for z in central) and (_is_planar(half) or _is_platonic(half))
        for half in halves
    )


def _is_planar(own: Subgroup) -> bool:
    """Whether a group is cyclic or dihedral (C2 × C2 is)."""
    group = own.group
    orders = group.element_orders[own.members]
    if int(orders.max()) == own.order:
        return True
    if own.order % 2:
        return False
    for x in own.members[orders == own.order // 2].tolist():
        turns = group.subgroup([x])
        if all(group.power(int(y), 2) == 0 for y in own.members if int(y) not in turns):
            return True
    return False


def _is_platonic(own: Subgroup) -> bool:
    """Whether a group is A4, S4 or A5: no other of these orders has elements of such orders."""
    found, counts = np.unique(own.group.element_orders[own.members], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True)) in (
        {1: 1, 2: 3, 3: 8},
        {1: 1, 2: 9, 3: 8, 4: 6},
        {1: 1, 2: 15, 3: 20, 5: 24},
    )
