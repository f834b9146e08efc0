"""Tables for people: what `inspect` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.algebra.base.terminal import plain_table
from subnormal.algebra.base.wording import counted, short
from subnormal.algebra.depth.abelian import margin
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.depth.refusal import generators_text, orders_text
from subnormal.algebra.depth.witness import Residual
from subnormal.algebra.groups.permutation_group import describe_order

if TYPE_CHECKING:
    from subnormal.algebra.depth.inspection import Inspection
    from subnormal.algebra.depth.large_inspection import LargeInspection
    from subnormal.algebra.depth.optimise import Choice


def listed_view(inspection: Inspection) -> RenderableType:
    """The inspection of a listed group as a page of text."""
    return Renderables(*_parts(inspection))


def large_view(inspection: LargeInspection) -> RenderableType:
    """The inspection of a group that is not listed as a page of text."""
    title, *lines = inspection.lines()
    return Renderables(Text(title, style="bold"), *map(Text, lines))


def _parts(inspection: Inspection) -> Iterator[RenderableType]:
    group = inspection.group
    number = inspection.small_group_id
    known = (
        f"SmallGroup({number[0]},{number[1]})"
        if number
        else "small-group id not determined"
        if group.order <= 255
        else ""
    )
    yield Text(
        " · ".join(
            filter(None, [group.name, f"order {describe_order(group.order)}", known, f"on {group.degree} points"])
        ),
        style="bold",
    )
    for note in group.notes:
        yield Text(f"note: {note}", style="yellow")
    if inspection.decomposition is None:
        yield from _not_solvable(inspection)
    else:
        yield from _solvable(inspection)
    yield Text()
    yield _families(inspection)
    if inspection.stack:
        yield Text()
        yield Text(f"stack: {inspection.stack_text()}")


def _not_solvable(inspection: Inspection) -> Iterator[RenderableType]:
    witness, group = inspection.witness, inspection.group
    assert isinstance(witness, Residual)
    yield Text(
        f"not solvable: derived series {orders_text(inspection.series)} stands still at its perfect residual P of "
        f"order {witness.subgroup.order}"
    )
    yield Text(
        f"P = <{generators_text(group, witness.subgroup.generators)}>, and each generator is a product of "
        f"commutators in P:"
    )
    for generator, words in list(zip(witness.subgroup.generators, witness.expressions, strict=True))[:3]:
        yield Text(f"  {short(cycles(group.elements[generator]))} = {'·'.join(word.text(group) for word in words)}")


def _solvable(inspection: Inspection) -> Iterator[RenderableType]:
    decomposition, series = inspection.decomposition, inspection.series
    assert decomposition is not None
    kind = "abelian" if inspection.group.is_abelian else "solvable, not abelian"
    yield Text(f"{kind}; derived series {orders_text(series)}; {counted(series.length, 'layer')}")
    if not series.length:
        return
    if series.length > 1:
        yield Text(
            f"{inspection.group.name} = {decomposition.extension}"
            + (", where N.K does not split" if "." in str(decomposition.extension) else "")
        )
    yield Text()
    table = plain_table("layer", "factor", "channels", "margin (turns)", "primary channels", "margin", "")
    for i, factor in enumerate(decomposition.factors, 1):
        invariant, primary = factor.moduli, factor.in_primary_channels().moduli
        table.add_row(
            str(i),
            factor.name,
            " ".join(map(str, invariant)),
            str(margin(invariant)),
            " ".join(map(str, primary)),
            str(margin(primary)),
            _split_text(inspection, i),
        )
    yield table


def _split_text(inspection: Inspection, i: int) -> str:
    """Whether the group splits over the normal subgroup below layer i."""
    assert inspection.decomposition is not None
    if i > len(inspection.decomposition.splits):
        return ""
    splits = inspection.decomposition.splits[i - 1]
    kernel = f"over G{i} (order {inspection.series.orders[i]})"
    return (
        f"splits {kernel}"
        if splits
        else f"does not split {kernel}"
        if splits is not None
        else f"not decided whether it splits {kernel}"
    )


def _families(inspection: Inspection) -> Table:
    table = plain_table("family", "layers", "why not fewer")
    for name, layer in FAMILIES.items():
        depth = inspection.depths[name]
        table.add_row(layer.title, "never" if depth is None else str(depth), inspection.reasons[name])
    return table


def pareto_view(choices: Sequence[Choice]) -> RenderableType:
    """The series none of which beats another, one a row."""
    table = plain_table("layers", "channels", "margin (turns)", "table entries a token", "series", "moduli")
    for choice in choices:
        cost = choice.cost
        moduli = " | ".join(" ".join(map(str, layer)) for layer in choice.moduli)
        orders = " > ".join(map(str, choice.series.orders))
        table.add_row(
            str(cost.layers),
            str(cost.channels),
            str(Fraction(1, 2 * cost.modulus)),
            f"{cost.entries:,}",
            orders,
            moduli,
        )
    if not choices:
        return Text("no series of normal subgroups has abelian factors only")
    title = "\nseries of normal subgroups that none beats in all four (AUSSM):"
    return Renderables(Text(title), table)
