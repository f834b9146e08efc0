"""Everything `inspect` says about a listed group: depth for every family, why, and what the layers would look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from subnormal.algebra.base.terminal import ShownAsTable
from subnormal.algebra.base.wording import counted
from subnormal.algebra.depth.abelian import AbelianFactor, margin
from subnormal.algebra.depth.decomposition import Decomposition, decompose
from subnormal.algebra.depth.families import FAMILIES, Family, names
from subnormal.algebra.depth.refusal import cause, generators_text, refusal, witness_text
from subnormal.algebra.depth.series import Series, shortest_series, verbal_series
from subnormal.algebra.depth.witness import Expression, Residual, depth_witness, residual
from subnormal.algebra.groups.group import Group

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, eq=False, repr=False)
class Inspection(ShownAsTable):
    """What there is to say about a group.

    Arguments:
        group: the group.
        small_group_id: (order, number) in the catalogue, or None where it is too large or cannot be told apart.
        series: the derived series.
        decomposition: of the derived series; None for a non-solvable group.
        depths: for each family's name, the least number of layers, or None for never.
        reasons: for each family's name, why not fewer layers, or why never.
        witness: a nested commutator that shows the depth, the perfect residual of a non-solvable group, or None for
            depth 0.
        stack: the user's stack and its series, if there is one.
    """

    group: Group
    small_group_id: tuple[int, int] | None
    series: Series
    decomposition: Decomposition | None
    depths: dict[str, int | None]
    reasons: dict[str, str]
    witness: Expression | Residual | None
    stack: tuple[tuple[Family, ...], Series] | None

    @property
    def depth(self) -> int | None:
        return self.depths["aussm"]

    def as_json(self) -> dict[str, Any]:
        """The JSON object of `inspect --json`; margins are fractions of a turn as text."""
        group = self.group
        factors = self.decomposition.factors if self.decomposition else ()
        content: dict[str, Any] = {
            "name": group.name,
            "order": group.order,
            "small_group_id": list(self.small_group_id) if self.small_group_id else None,
            "abelian": group.is_abelian,
            "solvable": self.series.is_complete,
            "depth": self.depth,
            "derived_series": list(self.series.orders),
            "factors": [list(factor.moduli) for factor in factors] if self.decomposition else None,
            "decomposition": str(self.decomposition.extension) if self.decomposition else None,
            "splits": list(self.decomposition.splits) if self.decomposition else None,
            "depth_by_family": {FAMILIES[name].key: depth for name, depth in self.depths.items()},
            "reasons": {FAMILIES[name].key: reason for name, reason in self.reasons.items()},
            "layers": [layer_summary(factor) for factor in factors],
            "witness": self._witness_json(),
            "notes": list(group.notes),
        }
        if self.stack:
            stack, series = self.stack
            content["stack"] = {
                "families": [layer.name for layer in stack],
                "series": list(series.orders),
                "tracks": series.is_complete,
                "reason": None if series.is_complete else refusal(series, stack),
            }
        return content

    def stack_text(self) -> str:
        """One sentence on the user's stack, which must have been given."""
        assert self.stack is not None
        stack, series = self.stack
        if series.is_complete:
            return f"{names(stack)} tracks {self.group.name}: {' ≥ '.join(map(str, series.orders))}"
        return refusal(series, stack)

    def view(self) -> RenderableType:
        """The page that `inspect` prints."""
        from subnormal.algebra.depth.inspection_view import listed_view

        return listed_view(self)

    def _witness_json(self) -> dict[str, Any] | None:
        group = self.group
        if isinstance(self.witness, Expression):
            return {
                "kind": "nested commutator" if self.witness.parts else "element",
                "expression": self.witness.nested(),
                "value": self.witness.value,
                "text": witness_text(group, self.witness),
            }
        if isinstance(self.witness, Residual):
            return {
                "kind": "perfect residual",
                "order": self.witness.subgroup.order,
                "generators": list(self.witness.subgroup.generators),
                "commutators": [[word.nested() for word in words] for words in self.witness.expressions],
                "text": f"[P, P] = P for P = <{generators_text(group, self.witness.subgroup.generators)}> of order "
                f"{self.witness.subgroup.order}",
            }
        return None


def layer_summary(factor: AbelianFactor) -> dict[str, Any]:
    """Channels and margins of one layer, with invariant and with primary factors."""
    primary = factor.in_primary_channels().moduli
    return {
        "factor": factor.name,
        "invariant": {"moduli": list(factor.moduli), "margin": str(margin(factor.moduli))},
        "primary": {"moduli": list(primary), "margin": str(margin(primary))},
    }


def inspect_group(group: Group, stack: Sequence[Family] | None = None) -> Inspection:
    """Inspect a listed group, and a stack of families if one is given."""
    from subnormal.algebra.groups.identify import small_group_id

    derived = shortest_series(group, FAMILIES["aussm"])
    depths: dict[str, int | None] = {}
    reasons: dict[str, str] = {}
    found: dict[int, Series] = {0: derived}
    for name, layer in FAMILIES.items():
        if layer.exponent not in found:
            found[layer.exponent] = shortest_series(group, layer)
        series = found[layer.exponent]
        depths[name] = series.length if series.is_complete else None
        reasons[name] = _reason(series, layer)
    witness: Expression | Residual | None = (
        depth_witness(derived) if derived.is_complete else residual(derived, FAMILIES["aussm"])
    )
    return Inspection(
        group,
        small_group_id(group),
        derived,
        decompose(derived) if derived.is_complete else None,
        depths,
        reasons,
        witness,
        (tuple(stack), verbal_series(group, stack)) if stack else None,
    )


def _reason(series: Series, layer: Family) -> str:
    group = series.group
    if not series.is_complete:
        return cause(series, layer)
    witness = depth_witness(series)
    if witness is None:
        return "the trivial group needs no layer"
    if series.length == 1:
        return "no layers track only the trivial group"
    return f"{counted(series.length - 1, 'layer')} cannot: {witness_text(group, witness)}"
