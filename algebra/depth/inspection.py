"""Everything `inspect` says about a group: depth for every family, why, and what the layers would look like.

A group of moderate order is inspected by its list of elements, an abelian one above that by its moduli alone, any other
through stabiliser chains. Orders, factors and depths are equally sure; decompositions and the small-group id are sought
in lists only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ...common.terminal import ShownAsTable
from ...common.wording import counted, describe_order
from ..arithmetic.abelian_invariants import abelian_name
from ..arithmetic.permutations import MAX_DEGREE
from ..chains.stabiliser_chain import StabiliserChain
from ..groups.abelian_group import AbelianGroup
from ..groups.group import TABLE_LIMIT, Group
from ..groups.permutation_group import PermutationGroup
from .abelian import AbelianFactor, margin, primary_moduli
from .decomposition import Decomposition, decompose
from .families import CIRCLE, FAMILIES, Family, names
from .refusal import cause, generators_text, refusal, witness_text
from .series import Series, shortest_series, verbal_series
from .width import TooLargeError, WidthAnswer, least_widths, stack_of_widths, widths_answer
from .witness import Expression, Residual, depth_witness, residual

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..chains.stabiliser_chain import ChainFactor
    from .architectures import Architectures
    from .blocks.depths import BlockAnswer
    from .optimise import Choices, ShortestSeries
    from .program_witness import PerfectTerm, ProgramWitness

INSPECTION_LIMIT = 10_000
"""Groups of larger order are inspected through stabiliser chains, in milliseconds but without decomposition."""


CHIEF_LIST_LIMIT = 256
"""Chief series of groups of larger order are counted through stabiliser chains first."""


@dataclass(frozen=True, eq=False, repr=False)
class Inspection(ShownAsTable):
    """What there is to say about a group.

    Arguments:
        group: the group, listed, by generators, or abelian by its moduli.
        series: the derived series, as long as its terms get smaller.
        factors: its abelian factors; none for a group that is not solvable.
        depths: for each family's name, the least number of layers, or None for never.
        reasons: for each family's name, why not fewer layers, or why never.
        witness: a nested commutator that shows the depth, the perfect residual of a group that is not solvable, or None
            for depth 0 and for a group by its moduli alone.
        stack: the user's stack and its series, if there is one.
        small_group_id: (order, number) in the catalogue; None where the group is too large, or cannot be told apart.
        decomposition: of the derived series; None where the group is not solvable or not listed.
        alphabet: the elements that are tokens, where that matters (`architectures`); None for all.
        widths: on the stack with the widths that were asked about, if any.
        choices: the unbeaten subnormal series, where they were asked about.
        shortest: all subnormal series of least length, where they were asked about.
        argument: by which a command reads the group again, for the line that says what to do next.
    """

    group: Group | PermutationGroup | AbelianGroup
    series: Series[Any]
    factors: tuple[AbelianFactor | ChainFactor | AbelianGroup, ...]
    depths: dict[str, int | None]
    reasons: dict[str, str]
    witness: Expression | Residual | ProgramWitness | PerfectTerm | None
    stack: tuple[tuple[Family, ...], Series[Any]] | None
    small_group_id: tuple[int, int] | None = None
    decomposition: Decomposition | None = None
    alphabet: tuple[int, ...] | None = None
    widths: WidthAnswer | None = None
    choices: Choices | None = None
    shortest: ShortestSeries | None = None
    argument: str | None = None

    @cached_property
    def least_widths(self) -> tuple[tuple[int, ...], ...] | None:
        """All least widths of the least number of AUSSM layers; None where there are none, or they were not searched
        (`width_problem` says why)."""
        return self._least[0]

    @property
    def width_problem(self) -> str | None:
        """Why no least widths are known of a solvable group."""
        return self._least[1]

    @cached_property
    def _least(self) -> tuple[tuple[tuple[int, ...], ...] | None, str | None]:
        if self.depth is None:
            return None, None
        if isinstance(self.group, AbelianGroup):  # a layer of d channels carries d cyclic groups
            return ((len(self.group.moduli),) * self.depth,), None
        if not isinstance(self.group, Group):
            return None, f"widths are searched for groups of order up to {TABLE_LIMIT:,}"
        try:
            return least_widths(self.group, CIRCLE, self.depth), None
        except TooLargeError as error:
            return None, str(error)

    @cached_property
    def architectures(self) -> Architectures:
        """What the architectures that people run need; of a group that is not listed by its action on points."""
        from .architectures import architectures

        return architectures(self.group, self.depth, self.alphabet)

    @cached_property
    def blocks(self) -> BlockAnswer:
        """What layers of m x m blocks do: how many track the group, and with which m one does by a linear read-out."""
        from .blocks.depths import abelian_block_answer, block_answer, chain_block_answer

        if isinstance(self.group, AbelianGroup):
            return abelian_block_answer(self.group)
        if not isinstance(self.group, Group):
            return chain_block_answer(self.group.chain)
        found = self.architectures.representation
        return block_answer(self.group, found.table if found else None)

    @cached_property
    def _chain(self) -> StabiliserChain:
        group = self.group
        assert not isinstance(group, AbelianGroup)  # nothing asks: its factors are read off the moduli
        if isinstance(group, PermutationGroup):
            return group.chain
        return StabiliserChain(group.elements[list(group.generators)], bound=group.order)

    @cached_property
    def composition(self) -> tuple[str, ...] | None:
        """The composition factors, one name each, those that are not abelian first; None where they were not found."""
        from ..chains.composition import UndecidedError, composition_names

        if isinstance(self.group, AbelianGroup):
            return tuple(f"C{p}" for p in self.group.composition)
        if self.solvable:
            from ..arithmetic.finite_field import factorise

            primes = factorise(self.group.order)
            return tuple(f"C{p}" for p in sorted(primes, reverse=True) for _ in range(primes[p]))
        try:
            return composition_names(self._chain)
        except UndecidedError:
            return None

    @cached_property
    def fitting_length(self) -> int | None:
        """The least length of a series with nilpotent factors; None for a group that is not solvable."""
        from ..chains.composition import fitting_length

        if self.abelian:
            return self.series.length
        return fitting_length(self._chain) if self.solvable else None

    @cached_property
    def chief_length(self) -> int | None:
        """How many factors a chief series has; None where that is not known.

        A chief factor is a power of a simple group.
        """
        from ..chains.chief import chief_length
        from ..chains.composition import UndecidedError
        from ..groups.normal_subgroups import chief_series

        if isinstance(self.group, AbelianGroup):
            return len(self.group.composition)
        if isinstance(self.group, Group) and self.group.order <= CHIEF_LIST_LIMIT:
            return len(chief_series(self.group)) - 1
        try:
            return chief_length(self._chain)
        except UndecidedError:
            pass
        if isinstance(self.group, Group) and self.group.order <= TABLE_LIMIT:
            return len(chief_series(self.group)) - 1
        factors = self.composition
        return len(factors) if factors is not None and len(set(factors)) == len(factors) else None

    @property
    def depth(self) -> int | None:
        """The least number of AUSSM layers, or None for never."""
        return self.depths[CIRCLE.name]

    @property
    def solvable(self) -> bool:
        """Whether the derived series ends at the trivial group."""
        return self.series.is_complete

    @property
    def abelian(self) -> bool:
        """Whether the group is abelian."""
        return self.solvable and self.series.length <= 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how the group was read or inspected."""
        if isinstance(self.group, Group):
            return self.group.notes
        if isinstance(self.group, AbelianGroup):
            alone = "not listed: this follows from the orders of its cyclic factors alone"
            many = f"{alone}; other commands take at most {MAX_DEGREE:,} points, this has {self.group.degree:,}"
            return (*self.group.notes, alone if self.group.degree <= MAX_DEGREE else many)
        chains = "not listed: series and factors come from stabiliser chains; decompositions are not searched for"
        return (*self.group.notes, chains)

    def as_json(self) -> dict[str, Any]:
        """The JSON object of `inspect --json`; margins are fractions of a turn as text."""
        content: dict[str, Any] = {
            "name": self.group.name,
            "order": self.group.order,
            "small_group_id": list(self.small_group_id) if self.small_group_id else None,
            "abelian": self.abelian,
            "solvable": self.solvable,
            "depth": self.depth,
            "derived_series": list(self.series.orders),
            "factors": [list(factor.moduli) for factor in self.factors] if self.solvable else None,
            "decomposition": str(self.decomposition.extension) if self.decomposition else None,
            "splits": list(self.decomposition.splits) if self.decomposition else None,
            "depth_by_family": {FAMILIES[name].key: depth for name, depth in self.depths.items()}
            | {key: row.layers for key, row in self.blocks.by_key().items()},
            "reasons": {FAMILIES[name].key: reason for name, reason in self.reasons.items()}
            | {key: row.reason for key, row in self.blocks.by_key().items()},
            "blocks": {key: row.blocks for key, row in self.blocks.by_key().items()},
            "linear_readout": self.blocks.readout and self.blocks.readout.as_json(),
            "composition_factors": None if self.composition is None else list(self.composition),
            "chief_length": self.chief_length,
            "derived_length": self.series.length if self.solvable else None,
            "fitting_length": self.fitting_length,
            "layers": [layer_summary(factor) for factor in self.factors],
            "least_widths": self.least_widths and [list(widths) for widths in self.least_widths],
            "witness": self._witness_json(),
            "notes": list(self.notes),
            **({"shortest_series": self.shortest.as_json()} if self.shortest else {}),
            **self.architectures.as_json(),
        }
        if self.stack:
            stack, series = self.stack
            content["stack"] = {
                "families": [layer.name for layer in stack],
                "series": list(series.orders),
                "tracks": series.is_complete,
                "reason": None if series.is_complete else refusal(series, stack, self.group.name),
            }
            if self.widths and series.is_complete:
                content["stack"] |= {
                    "series": list((self.widths.series or series).orders),
                    "tracks": self.widths.tracks,
                    "reason": None if self.widths.tracks else self.stack_text(),
                }
            if self.widths:
                content["stack"]["channels"] = list(self.widths.widths)
        return content

    def stack_text(self) -> str:
        """One sentence on the user's stack, which must have been given."""
        assert self.stack is not None
        stack, series = self.stack
        if series.is_complete and self.widths:
            return self.widths.text(self.group.name)
        if series.is_complete:
            show = str if isinstance(self.group, Group) else describe_order
            orders = map(show, series.orders)
            return f"{names(stack)} tracks {self.group.name}: {' ≥ '.join(orders)}"
        return refusal(series, stack, self.group.name)

    def view(self) -> RenderableType:
        """The page that `inspect` prints."""
        from .inspection_view import inspection_view

        return inspection_view(self)

    def _witness_json(self) -> dict[str, Any] | None:
        witness = self.witness
        if witness is None:
            return None
        if not isinstance(witness, Expression | Residual):
            return witness.as_json()
        assert isinstance(self.group, Group)  # the other witnesses hold elements of a list
        if isinstance(witness, Expression):
            return {
                "kind": "nested commutator" if witness.parts else "element",
                "expression": witness.nested(),
                "value": witness.value,
                "text": witness_text(self.group, witness),
            }
        shown = generators_text(self.group, witness.subgroup.generators)
        return {
            "kind": "perfect residual",
            "order": witness.subgroup.order,
            "generators": list(witness.subgroup.generators),
            "commutators": [[word.nested() for word in words] for words in witness.expressions],
            "text": f"[P, P] = P for P = <{shown}> of order {witness.subgroup.order}",
        }


def layer_summary(factor: AbelianFactor | ChainFactor | AbelianGroup) -> dict[str, Any]:
    """Channels and margins of one layer, with invariant and with primary factors."""
    primary = primary_moduli(factor)
    return {
        "factor": abelian_name(factor.moduli),
        "invariant": {"moduli": list(factor.moduli), "margin": str(margin(factor.moduli))},
        "primary": {"moduli": list(primary), "margin": str(margin(primary))},
    }


def inspect_group(
    group: Group | PermutationGroup | AbelianGroup,
    stack: Sequence[Family] | None = None,
    widths: Sequence[int] | None = None,
) -> Inspection:
    """Inspect a group, and a stack of families if one is given, with `widths` of layers of so many channels.

    Raises:
        InputError: the group is too large for a list, and its stabiliser chain would take too long; or widths are given
            whose search would.
    """
    if widths is not None:
        stack = stack_of_widths(stack, widths)
    if not isinstance(group, Group):
        if widths is not None and group.order > TABLE_LIMIT:
            raise TooLargeError(
                f"{group.name} has order {describe_order(group.order)}; widths are searched for groups of order up to "
                f"{TABLE_LIMIT:,}; leave --channels out"
            )
        if isinstance(group, AbelianGroup):
            return inspect_by_moduli(group, stack)
        if group.order > TABLE_LIMIT and (abelian := AbelianGroup.of(group)):
            return inspect_by_moduli(abelian, stack)
        if group.order > INSPECTION_LIMIT or not group.is_listable:
            return inspect_by_chain(group, stack)
        group = group.listed()
    from ..groups.identify import small_group_id

    series = {exponent: shortest_series(group, family) for exponent, family in _one_each().items()}
    derived = series[0]
    decomposition = decompose(derived) if derived.is_complete else None
    return Inspection(
        group,
        derived,
        decomposition.factors if decomposition else (),
        _depths(series),
        {name: _reason(series[family.exponent], family) for name, family in FAMILIES.items()},
        depth_witness(derived) if derived.is_complete else residual(derived, CIRCLE),
        (tuple(stack), verbal_series(group, stack)) if stack else None,
        small_group_id(group),
        decomposition,
        None,
        widths_answer(group, stack, widths) if stack and widths is not None else None,
    )


def inspect_by_chain(group: PermutationGroup, stack: Sequence[Family] | None = None) -> Inspection:
    """Inspect a group through stabiliser chains, without listing it.

    Raises:
        InputError: that would take too long.
    """
    from ..chains.stabiliser_chain import abelian_factor
    from .program_witness import PerfectTerm, ProgramWitness

    series = {exponent: shortest_series(group.chain, family) for exponent, family in _one_each().items()}
    derived = series[0]
    factors: tuple[ChainFactor, ...] = ()
    witness: ProgramWitness | PerfectTerm | None = PerfectTerm(derived.orders[-1])
    if derived.is_complete:
        factors = tuple(abelian_factor(upper, lower) for upper, lower in pairwise(derived.subgroups))
        witness = ProgramWitness.of(group.chain)
    depths = _depths(series)
    reasons = {}
    for name, family in FAMILIES.items():
        depth = depths[name]
        if depth is None:
            reasons[name] = cause(series[family.exponent], family)
        elif family.exponent == 0 and isinstance(witness, ProgramWitness):
            reasons[name] = f"{counted(depth - 1, 'layer')} cannot: {witness.text()}"
        else:
            smaller = series[family.exponent].orders
            reasons[name] = f"{counted(max(0, depth - 1), 'layer')} reach order {smaller[-2] if depth else 1} at most"
    return Inspection(
        group,
        derived,
        factors,
        depths,
        reasons,
        witness,
        (tuple(stack), verbal_series(group.chain, stack)) if stack else None,
    )


def inspect_by_moduli(group: AbelianGroup, stack: Sequence[Family] | None = None) -> Inspection:
    """Inspect an abelian group by number theory: the order of a member of a series is that of the powers in it.

    Example:
        >>> from subnormal.algebra.groups.abelian_group import read_abelian
        >>> found = inspect_by_moduli(read_abelian("C10007xC3"))
        >>> found.depth, found.least_widths
        (1, ((1,),))
    """
    series = {exponent: shortest_series(group, family) for exponent, family in _one_each().items()}
    depths = _depths(series)
    reasons = {}
    for name, family in FAMILIES.items():
        depth, orders = depths[name], series[family.exponent].orders
        if depth is None:
            reasons[name] = cause(series[family.exponent], family)
        elif depth < 2:
            reasons[name] = "no layers track only the trivial group" if depth else "the trivial group needs no layer"
        else:
            reasons[name] = f"{counted(depth - 1, 'layer')} reach order {describe_order(orders[-2])} at most"
    factors = (group,) if group.moduli else ()
    stacked = (tuple(stack), verbal_series(group, stack)) if stack else None
    return Inspection(group, series[0], factors, depths, reasons, None, stacked)


def _one_each() -> dict[int, Family]:
    """One family for each exponent."""
    return {family.exponent: family for family in FAMILIES.values()}


def _depths(series: dict[int, Series[Any]]) -> dict[str, int | None]:
    found = {name: series[family.exponent] for name, family in FAMILIES.items()}
    return {name: one.length if one.is_complete else None for name, one in found.items()}


def _reason(series: Series[Any], layer: Family) -> str:
    if not series.is_complete:
        return cause(series, layer)
    witness = depth_witness(series)
    if witness is None:
        return "the trivial group needs no layer"
    if series.length == 1:
        return "no layers track only the trivial group"
    return f"{counted(series.length - 1, 'layer')} cannot: {witness_text(series.group, witness)}"
