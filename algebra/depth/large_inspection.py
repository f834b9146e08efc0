"""What `inspect` says about a group that is not listed, from stabiliser chains: series, factors and depths.

Decompositions are not searched for here, and the small-group id does not exist. Orders, factors and depths are as sure
as for listed groups: the chains are proved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.arithmetic.abelian_invariants import abelian_name, primary_invariants
from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.algebra.base.errors import InputError
from subnormal.algebra.base.terminal import ShownAsTable
from subnormal.algebra.base.wording import counted, short
from subnormal.algebra.chains.series import ChainFactor, abelian_factor, derived_series, verbal_subgroup
from subnormal.algebra.chains.stabiliser_chain import StabiliserChain
from subnormal.algebra.depth.abelian import margin
from subnormal.algebra.depth.families import FAMILIES, Family
from subnormal.algebra.groups.permutation_group import PermutationGroup, describe_order

if TYPE_CHECKING:
    from rich.console import RenderableType

MAX_CHAIN_DEGREE = 256
"""Largest number of points for which chains are built: on S_n or A_n of more they take more than seconds."""

ATTEMPTS = 200
"""Random nested commutators tried as a depth witness; each is trivial with a chance well below one half."""


@dataclass(frozen=True, eq=False, repr=False)
class LargeInspection(ShownAsTable):
    """What there is to say about a large permutation group.

    Arguments:
        group: the group, by generators.
        series: the derived series, as chains; it ends at the trivial group or at the perfect residual.
        factors: the abelian factors of a solvable group.
        depths: for each family's name, the least number of layers, or None for never.
        witness: leaves of a nested commutator with a value ≠ 1, shape (2^(depth-1), degree); None if not solvable.
        stack: the user's stack and the orders of its series.
    """

    group: PermutationGroup
    series: tuple[StabiliserChain, ...]
    factors: tuple[ChainFactor, ...]
    depths: dict[str, int | None]
    witness: NDArray | None
    stack: tuple[tuple[Family, ...], tuple[int, ...]] | None

    @property
    def orders(self) -> tuple[int, ...]:
        return tuple(chain.order for chain in self.series)

    @property
    def solvable(self) -> bool:
        return self.orders[-1] == 1

    def as_json(self) -> dict[str, Any]:
        """The keys of `Inspection.as_json`; what is not searched for in a large group is null."""
        content: dict[str, Any] = {
            "name": self.group.name,
            "order": self.group.order,
            "small_group_id": None,
            "abelian": self.solvable and len(self.series) <= 2,
            "solvable": self.solvable,
            "depth": self.depths["aussm"],
            "derived_series": list(self.orders),
            "factors": [list(factor.moduli) for factor in self.factors] if self.solvable else None,
            "decomposition": None,
            "splits": None,
            "depth_by_family": {FAMILIES[name].key: depth for name, depth in self.depths.items()},
            "reasons": None,
            "layers": [_summary(factor.moduli) for factor in self.factors],
            "witness": self._witness_json(),
            "notes": [
                "not listed: series and factors come from stabiliser chains; decompositions are not searched for"
            ],
        }
        if self.stack:
            stack, orders = self.stack
            content["stack"] = {
                "families": [layer.name for layer in stack],
                "series": list(orders),
                "tracks": orders[-1] == 1,
            }
        return content

    def _witness_json(self) -> dict[str, Any]:
        if not self.solvable:
            return {"kind": "perfect residual", "order": self.orders[-1]}
        assert self.witness is not None
        return {
            "kind": "nested commutator" if len(self.witness) > 1 else "element",
            "expression": _nested([cycles(leaf) for leaf in self.witness]),
            "value": cycles(_value(self.witness)),
        }

    def view(self) -> RenderableType:
        """The page that `inspect` prints."""
        from subnormal.algebra.depth.inspection_view import large_view

        return large_view(self)

    def lines(self) -> list[str]:
        """The page for people, line by line."""
        orders = self.orders
        lines = [
            f"{self.group.name} · order {describe_order(self.group.order)} · on {self.group.degree} points",
            "not listed: series and factors from stabiliser chains; decompositions are not searched for",
        ]
        chain = " > ".join(describe_order(order) for order in orders)
        if self.solvable:
            kind = "abelian" if len(orders) <= 2 else "solvable, not abelian"
            lines += [f"{kind}; derived series {chain}; {counted(len(orders) - 1, 'layer')}", ""]
            for i, factor in enumerate(self.factors, 1):
                summary = _summary(factor.moduli)
                widest = f"{counted(len(factor.moduli), 'channel')}, margin {summary['invariant']['margin']} turns"
                lines.append(f"layer {i}  {_compact_name(factor.moduli)}: {widest}")
            assert self.witness is not None
            shown = short(str(_nested([cycles(leaf) for leaf in self.witness])).replace("'", ""), 60)
            lines += ["", f"{counted(len(orders) - 2, 'layer')} cannot: {shown} ≠ ()"]
        else:
            lines.append(f"not solvable: derived series {chain} stands still at its perfect residual")
        lines.append("")
        for name, layer in FAMILIES.items():
            depth = self.depths[name]
            lines.append(f"{layer.title:15} {'never' if depth is None else counted(depth, 'layer')}")
        if self.stack:
            stack, series = self.stack
            verdict = "tracks" if series[-1] == 1 else "cannot track"
            names = ",".join(layer.name for layer in stack)
            lines += ["", f"stack: {names} {verdict} {self.group.name}: {' ≥ '.join(map(describe_order, series))}"]
        return lines


def inspect_large(group: PermutationGroup, stack: Sequence[Family] | None = None) -> LargeInspection:
    """Inspect a group through stabiliser chains, without listing it.

    Raises:
        InputError: it acts on more than `MAX_CHAIN_DEGREE` points.
    """
    if group.degree > MAX_CHAIN_DEGREE:
        raise InputError(
            f"{group.name} has order {describe_order(group.order)} on {group.degree} points: too large to list, and "
            f"stabiliser chains are built up to {MAX_CHAIN_DEGREE} points"
        )
    chain = StabiliserChain(group.permutations)
    assert chain.order == group.order, f"{chain.order} elements found, {group.order} expected"
    series = tuple(derived_series(chain))
    solvable = series[-1].order == 1
    factors = tuple(abelian_factor(series[i], series[i + 1]) for i in range(len(series) - 1)) if solvable else ()
    signs = _orders(chain, [FAMILIES["negative-mamba"]] * chain.order.bit_length())
    depths: dict[str, int | None] = dict.fromkeys(FAMILIES, None)
    if solvable:
        depths["aussm"] = depths["simple-aussm"] = len(series) - 1
    if signs[-1] == 1:
        depths["negative-mamba"] = signs.index(1)
    return LargeInspection(
        group,
        series,
        factors,
        depths,
        _depth_witness(chain, len(series) - 1) if solvable else None,
        (tuple(stack), _orders(chain, stack)) if stack else None,
    )


def _orders(chain: StabiliserChain, stack: Sequence[Family]) -> tuple[int, ...]:
    """Orders of V_0 … V_k, stopping where the series of a single family stands still."""
    orders = [chain.order]
    for layer in stack:
        chain = verbal_subgroup(chain, layer.exponent)
        orders.append(chain.order)
        if orders[-1] == 1 or (orders[-1] == orders[-2] and len(set(stack)) == 1):
            break
    return tuple(orders)


def _depth_witness(chain: StabiliserChain, depth: int) -> NDArray:
    """Leaves of a nested commutator of height depth-1 that is not trivial, found among random elements (seeded)."""
    random = np.random.default_rng(0)
    for _ in range(ATTEMPTS):
        leaves = chain.random(random, 2 ** (depth - 1))
        value = _value(leaves)
        if (value != np.arange(chain.degree)).any():
            return leaves
    raise AssertionError(f"{ATTEMPTS} random nested commutators of height {depth - 1} are all trivial")


def _value(leaves: NDArray) -> NDArray:
    """The value, a permutation, of the balanced nested commutator with these leaves, shape (2^height, degree)."""
    while len(leaves) > 1:
        x, y = leaves[0::2], leaves[1::2]
        backwards = np.take_along_axis(x, y, axis=1)  # y·x
        forwards = np.take_along_axis(y, x, axis=1)  # x·y
        leaves = np.take_along_axis(forwards, np.argsort(backwards, axis=1), axis=1)  # (y·x)⁻¹·(x·y)
    value: NDArray = leaves[0]
    return value


def _nested(leaves: list[str]) -> Any:
    while len(leaves) > 1:
        leaves = [[x, y] for x, y in zip(leaves[0::2], leaves[1::2], strict=True)]  # type: ignore[misc]
    return leaves[0]


def _compact_name(moduli: tuple[int, ...]) -> str:
    """`C2^16xC4` for sixteen factors C2 and one C4."""
    return "x".join(f"C{n}^{moduli.count(n)}" if moduli.count(n) > 1 else f"C{n}" for n in sorted(set(moduli)))


def _summary(moduli: tuple[int, ...]) -> dict[str, Any]:
    primary = primary_invariants(moduli)
    return {
        "factor": abelian_name(moduli),
        "invariant": {"moduli": list(moduli), "margin": str(margin(moduli))},
        "primary": {"moduli": list(primary), "margin": str(margin(primary))},
    }
