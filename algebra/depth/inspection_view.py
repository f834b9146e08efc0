"""Tables for people: what `inspect` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ...common.terminal import plain_table
from ...common.wording import counted, describe_order, exact_order, short
from ..arithmetic.abelian_invariants import abelian_name
from ..arithmetic.permutations import cycles
from ..groups.abelian_group import AbelianGroup
from ..groups.group import Group
from .abelian import margin, primary_moduli
from .families import FAMILIES
from .refusal import generators_text, orders_text
from .witness import Residual

if TYPE_CHECKING:
    from .architectures import Architectures
    from .inspection import Inspection
    from .optimise import Choice, ShortestSeries


def inspection_view(inspection: Inspection) -> RenderableType:
    """An inspection as a page of text."""
    parts = list(_parts(inspection))
    if inspection.shortest is not None:
        parts += _shortest(inspection.shortest, inspection)
    if inspection.choices is not None:
        table = inspection.choices.view()
        parts += table.renderables if isinstance(table, Renderables) else [table]
    return Renderables(*parts)


def _parts(inspection: Inspection) -> Iterator[RenderableType]:
    group = inspection.group
    number = inspection.small_group_id
    known = (
        f"SmallGroup({number[0]},{number[1]})"
        if number
        else "small-group id not determined"
        if isinstance(group, Group) and group.order <= 255
        else ""
    )
    points = "" if isinstance(group, AbelianGroup) else f"on {group.degree:,} points"
    title = [group.name, f"order {exact_order(group.order)}", known, points]
    yield Text(" · ".join(filter(None, title)), style="bold")
    for note in inspection.notes:
        yield Text(f"note: {note}", style="yellow")
    if inspection.solvable:
        yield from _solvable(inspection)
    else:
        yield from _not_solvable(inspection)
    yield Text()
    yield _families(inspection)
    yield from _linear_readout(inspection)
    yield from _least_widths(inspection)
    yield Text()
    yield _architectures(inspection.architectures)
    yield from _next(inspection)
    if inspection.stack:
        yield Text()
        yield Text(f"stack: {inspection.stack_text()}")


def _not_solvable(inspection: Inspection) -> Iterator[RenderableType]:
    witness, group = inspection.witness, inspection.group
    order = inspection.series.orders[-1]
    yield Text(
        f"not solvable: derived series {orders_text(inspection.series)} stands still at its perfect residual P of "
        f"order {order if order < 10**15 else describe_order(order)}"
    )
    if inspection.composition is not None:
        insoluble = dict.fromkeys(name for name in inspection.composition if not re.fullmatch(r"C\d+", name))
        are = f"{' and '.join(insoluble)} {'is' if len(insoluble) == 1 else 'are'} not abelian"
        yield Text(f"composition factors {repeated_names(inspection.composition)}: {are}")
    if not isinstance(witness, Residual) or not isinstance(group, Group):
        return
    yield Text(
        f"P = <{generators_text(group, witness.subgroup.generators)}>, and each generator is a product of "
        f"commutators in P:"
    )
    for generator, words in list(zip(witness.subgroup.generators, witness.expressions, strict=True))[:3]:
        yield Text(f"  {short(cycles(group.elements[generator]))} = {'·'.join(word.text(group) for word in words)}")


def _shortest(found: ShortestSeries, inspection: Inspection) -> Iterator[RenderableType]:
    """Lengths of other series, and the shortest subnormal ones with abelian factors, a row for each kind."""
    yield Text()
    factors = repeated_names(inspection.composition or ()) or "none"
    chief = "not known" if inspection.chief_length is None else inspection.chief_length
    yield Text(f"composition factors {factors}; chief length {chief}, Fitting length {inspection.fitting_length}")
    yield Text(f"{found.count:,} subnormal series with abelian factors in {counted(found.length, 'layer')}, no fewer:")
    table = plain_table("factors", "how many", "one of them")
    for kind in found.kinds:
        names = " | ".join(abelian_name(moduli) for moduli in kind.moduli)
        group = kind.series.group
        members = [f"<{generators_text(group, member.generators)}>" for member in kind.series.subgroups[1:-1]]
        orders = " > ".join(map(str, kind.series.orders))
        table.add_row(names or "-", f"{kind.count:,}", f"{orders}{': ' if members else ''}{', '.join(members)}")
    yield table


def repeated_names(names: Sequence[str]) -> str:
    """Names of groups with how often each occurs: `A5, C2^3`."""
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    powers = {name: f"({name})^{n}" if " " in name else f"{name}^{n}" for name, n in counts.items()}
    return ", ".join(name if n == 1 else powers[name] for name, n in counts.items())


def _solvable(inspection: Inspection) -> Iterator[RenderableType]:
    decomposition, series = inspection.decomposition, inspection.series
    kind = "abelian" if inspection.abelian else "solvable, not abelian"
    yield Text(f"{kind}; derived series {orders_text(series)}; {counted(series.length, 'layer')}")
    if not series.length:
        return
    if decomposition and series.length > 1:
        yield Text(
            f"{inspection.group.name} = {decomposition.extension}"
            + (", where N.K does not split" if "." in str(decomposition.extension) else "")
        )
    yield Text()
    table = plain_table("layer", "factor", "channels", "margin (turns)", "primary channels", "margin", "")
    for i, factor in enumerate(inspection.factors, 1):
        invariant, primary = factor.moduli, primary_moduli(factor)
        table.add_row(
            str(i),
            _repeated([f"C{n}" for n in invariant], "x", "{}^{}"),
            _repeated([str(n) for n in invariant], " ", "{} (×{})"),
            str(margin(invariant)),
            _repeated([str(n) for n in primary], " ", "{} (×{})"),
            str(margin(primary)),
            _split_text(inspection, i),
        )
    yield table


FEW = 6
"""So many moduli of a layer are written one by one."""


def _repeated(parts: list[str], sign: str, times: str) -> str:
    """`C2xC4`, or where there are many, with their number: `C2^16xC4`."""
    if len(parts) <= FEW:
        return sign.join(parts) or "1"
    counts = {part: parts.count(part) for part in dict.fromkeys(parts)}
    return sign.join(part if count == 1 else times.format(part, count) for part, count in counts.items())


def _split_text(inspection: Inspection, i: int) -> str:
    """Whether the group splits over the normal subgroup that layers 1 … i lead to."""
    if inspection.decomposition is None or i > len(inspection.decomposition.splits):
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
    for row in inspection.blocks.rows:
        table.add_row(
            row.kind.title, row.text, row.reason + (f"; {counted(row.blocks, 'block')}" if row.blocks else "")
        )
    return table


def _linear_readout(inspection: Inspection) -> Iterator[RenderableType]:
    """The least blocks of one layer that is read by a linear map."""
    found = inspection.blocks.readout
    if found and found.real:
        sizes = f"complex blocks of size {found.complex}, or real ones of size {found.real}"
        yield Text(f"one layer with a linear read-out: {sizes}, and no smaller")


def _least_widths(inspection: Inspection) -> Iterator[RenderableType]:
    """How few channels the layers may have."""
    found, depth = inspection.least_widths, inspection.depth
    if not depth:
        return
    if found is None:
        yield Text(f"least channels a layer: not known: {inspection.width_problem}")
        return
    shown = " or ".join(" ".join(map(str, widths)) for widths in found[:FEW])
    more = f" … ({len(found)} in all)" if len(found) > FEW else ""
    yield Text(f"least channels a layer, of {counted(depth, 'AUSSM layer')}: {shown}{more}")


def _next(inspection: Inspection) -> Iterator[RenderableType]:
    """The command that does what can be done."""
    name, found = inspection.argument, inspection.architectures
    if name is None or (inspection.solvable and not inspection.series.length):
        return
    commands = [f"compile {name}"] if inspection.solvable else []
    if found.target:
        commands.append(f"compile {name} --target {found.target}")
    commands = commands or [f"certify {name}"]  # that it is never
    yield Text(f"next: {', or '.join(commands)}", style="bold")


def _architectures(found: Architectures) -> Table:
    table = plain_table("architecture", "tracks it in", "why")
    for row in found.rows:
        table.add_row(row.title, row.answer, row.reason)
    return table


def pareto_view(choices: Sequence[Choice], family: str = "AUSSM") -> RenderableType:
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
        return Text("no subnormal series has abelian factors only")
    title = f"\nsubnormal series that none beats in all four ({family}):"
    return Renderables(Text(title), table)
