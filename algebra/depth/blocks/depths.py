"""How many layers of blocks track a group: a number where it is known, else the least and the most it can be.

`block-m` has real m x m blocks, `complex-block-m` complex ones; any number of blocks, any read-out, and finitely many
reachable states. With R(H) the residual of `residuals`, k layers track G if and only if R(R(…R(G))) = 1, k times.
Where R lies between two subgroups that are known, so does the number of layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from ....common.descent import descending
from ....common.wording import counted, describe_order
from ...chains.stabiliser_chain import StabiliserChain
from ...groups.abelian_group import AbelianGroup
from ...groups.group import Group, Subgroup
from ...representations.characters import ABELIAN_LIMIT, CLASS_LIMIT, CharacterTable, character_table
from ...representations.classes import conjugacy_classes
from ..families import BLOCKS as BLOCK_FAMILIES
from ..families import CIRCLE, SIGNS, Family
from ..refusal import witness_text
from ..series import Series, verbal_series, verbal_subgroup
from ..witness import depth_witness
from . import residuals
from .readout import Readout, kernel, linear_readout, own_blocks
from .residuals import complex_2, real_2, real_3

SIMPLE = {60: "A5", 168: "PSL(2,7)", 360: "A6", 504: "PSL(2,8)", 660: "PSL(2,11)", 1092: "PSL(2,13)", 2448: "PSL(2,17)",
          2520: "A7", 3420: "PSL(2,19)", 4080: "PSL(2,16)", 5616: "PSL(3,3)", 6048: "PSU(3,3)", 6072: "PSL(2,23)",
          7800: "PSL(2,25)", 7920: "M11", 9828: "PSL(2,27)"}  # fmt: skip
"""The simple groups of order up to 10,000 that are not abelian; there is one of each order."""


@dataclass(frozen=True, repr=False)
class Blocks:
    """Layers of blocks of one kind.

    Arguments:
        family: its record.
        simple: the orders of the composition factors, not abelian, that any number of layers carries: those that are
            sections of finite linear groups of degree m.
    """

    family: Family
    simple: tuple[int, ...]

    def __repr__(self) -> str:
        return f"<layers of {self.name}>"

    @property
    def name(self) -> str:
        """As typed on the command line."""
        return self.family.name

    @property
    def key(self) -> str:
        """As a key in JSON."""
        return self.family.key

    @property
    def title(self) -> str:
        """As in the table."""
        return self.family.title

    @property
    def size(self) -> int:
        """m."""
        return self.family.block_size

    @property
    def real(self) -> bool:
        """Whether the blocks are real."""
        return self.family.real


_SIMPLE = {(2, True): (), (3, True): (60,), (2, False): (60,), (4, True): (60,), (3, False): (60, 168, 360)}

BLOCKS = tuple(Blocks(family, _SIMPLE[family.block_size, family.real]) for family in BLOCK_FAMILIES.values())
"""The kinds of blocks, each able to do all that the one before can, but for the last two."""

R2, R3, C2, R4, C3 = BLOCKS


def excluded(family: Family, member: Subgroup) -> Subgroup:
    """A normal subgroup that no layer of a family of blocks brings below: the least one there is for real 2x2 and 3x3
    and complex 2x2 blocks, a bound from laws for the others.

    Example:
        >>> from subnormal.algebra.input.parser import list_group
        >>> excluded(BLOCK_FAMILIES["block-2"], list_group("S4").whole).order
        4
    """
    if family.real:
        by_size = {2: real_2, 3: lambda own: real_3(own).below, 4: residuals.real_4_excluded}
    else:
        by_size = {2: complex_2, 3: residuals.complex_3_excluded}
    found: Subgroup = by_size[family.block_size](member)
    return found


def simple_factors_of(family: Family) -> tuple[int, ...]:
    """The orders of the composition factors, not abelian, that layers of a family of blocks carry."""
    return _SIMPLE[family.block_size, family.real]


@dataclass(frozen=True, repr=False)
class BlockDepth:
    """How many layers of one kind of blocks track a group.

    Arguments:
        kind: the kind of blocks.
        least: no fewer layers do; None where no number of layers does.
        most: so many do; None where none is known to.
        reason: why, and why not fewer.
        blocks: so many blocks do, where there is one layer and a construction is known; else None.
    """

    kind: Blocks
    least: int | None
    most: int | None
    reason: str
    blocks: int | None = None

    def __repr__(self) -> str:
        return f"<{self.kind.name}: {self.text}>"

    @property
    def layers(self) -> int | list[int | None] | None:
        """As in JSON: a number where it is known, [least, most] where not, None for never."""
        if self.least is None or self.least == self.most:
            return self.least
        return [self.least, self.most]

    @property
    def text(self) -> str:
        """As in the table."""
        if self.least is None:
            return "never"
        if self.most is None:
            return f"≥ {self.least}"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True)
class BlockAnswer:
    """What blocks do with a group.

    Arguments:
        rows: one for each of `BLOCKS`.
        readout: the least block sizes for a linear read-out in one layer, or None.
        no_readout: why not, where there is none.
    """

    rows: tuple[BlockDepth, ...]
    readout: Readout | None
    no_readout: str = ""

    def by_key(self) -> dict[str, BlockDepth]:
        """The rows by their keys in JSON."""
        return {row.kind.key: row for row in self.rows}


def block_answer(group: Group, table: CharacterTable | None = None) -> BlockAnswer:
    """All rows for a listed group, whose character table may be known already.

    Example:
        >>> from subnormal.algebra.input.parser import list_group
        >>> [row.layers for row in block_answer(list_group("A5")).rows]
        [None, 1, 1, 1, 1]
    """
    return _Listed(group, table).answer()


class _Listed:
    """A listed group with the character tables of the subgroups that were asked about."""

    def __init__(self, group: Group, table: CharacterTable | None) -> None:
        self.group, self.whole = group, group.whole
        self._tables: dict[bytes, CharacterTable | None] = {}
        if table is not None:
            self._tables[self.whole.mask.tobytes()] = table
        elif group.order > ABELIAN_LIMIT and group.is_abelian:
            self._tables[self.whole.mask.tobytes()] = None

    def table(self, subgroup: Subgroup) -> CharacterTable | None:
        """The character table of a subgroup, or None where it has too many classes."""
        key = subgroup.mask.tobytes()
        if key not in self._tables:
            whole = subgroup.order == self.group.order
            classes = conjugacy_classes(self.group if whole else subgroup.as_group())
            few = len(classes) <= CLASS_LIMIT
            self._tables[key] = character_table(classes.group, classes) if few else None
        return self._tables[key]

    def answer(self) -> BlockAnswer:
        rows: list[BlockDepth] = []
        for kind in BLOCKS:
            rows.append(self.row(kind, rows))
        if (table := self.table(self.whole)) is not None:
            return BlockAnswer(tuple(rows), linear_readout(table))
        if self.group.is_abelian:
            return BlockAnswer(tuple(rows), Readout(1, 1 if int(self.group.element_orders.max()) <= 2 else 2))
        return BlockAnswer(tuple(rows), None, f"more than {CLASS_LIMIT} classes of elements")

    def row(self, kind: Blocks, before: list[BlockDepth]) -> BlockDepth:
        """One kind of blocks; `before` are the rows of the weaker kinds."""
        if self.group.order == 1:
            return BlockDepth(kind, 0, 0, "the trivial group needs no layer", 0)
        bad = [order for order in residuals.composition_factors(self.whole) if order not in kind.simple]
        if bad:
            name = SIMPLE.get(bad[0], f"of order {bad[0]:,}")
            return BlockDepth(kind, None, None, f"composition factor {name}; {_not_a_section(kind)}")
        for row in before:
            if row.most == 1 and _weaker(row.kind, kind):
                weaker = row.reason if kind is not C2 or row.kind.size == 2 else self._cover(kind)
                return BlockDepth(kind, 1, 1, self._own(kind, self.whole) or weaker, self._count(kind))
        if kind is R2:
            return self._block_2(kind)
        if kind is R3:
            return self._exact(kind, lambda member: real_3(member).below)
        if kind is C2:
            return self._exact(kind, complex_2)
        return self._bounded(kind)

    def _block_2(self, kind: Blocks) -> BlockDepth:
        whole = list(descending(self.whole, real_2))
        depth = len(whole) - 1
        if depth == 1:
            return BlockDepth(kind, 1, 1, "its squares commute", self._count(kind))
        stack = [SIGNS, CIRCLE] * depth  # [H^2, H^2] in two steps
        series = verbal_series(self.group, stack)
        last = 2 * depth - 1  # a member that one step more would bring to 1
        witness = depth_witness(Series((*series.subgroups[:last], self.group.trivial_subgroup), tuple(stack[:last])))
        assert witness is not None
        why = witness_text(self.group, witness)
        return BlockDepth(kind, depth, depth, f"H > [H², H²]: {_orders(whole)}; {_fewer(depth)} cannot: {why}")

    def _exact(self, kind: Blocks, residual: Callable[[Subgroup], Subgroup]) -> BlockDepth:
        whole = list(descending(self.whole, residual))
        depth = len(whole) - 1
        if depth == 1:
            return BlockDepth(kind, 1, 1, self._own(kind, self.whole) or self._cover(kind), self._count(kind))
        why = self._why_not(kind, whole[-3], whole[-2])
        return BlockDepth(kind, depth, depth, f"residuals {_orders(whole)}; {_fewer(depth)} cannot: {why}")

    def _own(self, kind: Blocks, member: Subgroup) -> str | None:
        """The sentence that T = G does, or None."""
        table = self.table(member)
        if table is None or kernel(table, kind.size, kind.real).sum() > 1:
            return None
        return f"its own representations of degree ≤ {kind.size} over {'R' if kind.real else 'C'} are faithful together"

    def _count(self, kind: Blocks) -> int | None:
        """How many blocks of one layer are known to do."""
        table = self.table(self.whole)
        own = own_blocks(table, kind.size, kind.real) if table is not None else None
        other = residuals.dihedral_blocks(self.whole) if real_2(self.whole).order == 1 else None
        return min((count for count in (own, other) if count is not None), default=None)

    def _cover(self, kind: Blocks) -> str:
        """The cover T of one layer of real 3x3 or complex 2x2 blocks, by name."""
        found, top = real_3(self.whole), real_2(self.whole)
        if kind is R3:
            parts = [_times("A4" if found.cyclic else "S4", found.planes), _times("A5", found.icosahedra)]
            if top.order < self.group.order:
                parts.append(f"G/[G², G²], where squares commute, of order {self.group.order // top.order}")
            return f"it is a subgroup of {' × '.join(filter(None, parts))}"
        names = ["SL(2,3)" if found.cyclic else "2O"] * bool(found.planes) + ["SL(2,5)"] * bool(found.icosahedra)
        return f"its cover is a subgroup of copies of {' and '.join(names)} and of groups whose squares commute"

    def _why_not(self, kind: Blocks, upper: Subgroup, lower: Subgroup) -> str:
        """Why one layer does not take `upper` below `lower`, its residual."""
        name = "G" if upper.order == self.group.order else "H"
        where = "" if name == "G" else f"H of order {upper.order}, "
        top = real_2(upper).order
        allowed = f"chief factors C2², or A5 that {name} moves as A5 does"
        if lower.order == top:
            return f"{where}D = [{name}², {name}²] of order {top} does not end in {allowed}"
        extra = "" if kind.real else " (and of central C2's below)"
        what = f"D = [{name}², {name}²] of order {top} is no product of {allowed}{extra}"
        return f"{where}{what}: order {lower.order} is left"

    def _bounded(self, kind: Blocks) -> BlockDepth:
        """Real 4x4 and complex 3x3 blocks: from below by laws, from above by covers that are known."""
        excluded = residuals.real_4_excluded if kind.real else residuals.complex_3_excluded
        below = list(descending(self.whole, excluded))
        above = list(descending(self.whole, partial(self._reached, kind)))
        most = len(above) - 1 if above[-1].order == 1 else None
        least = max(len(below) - (below[-1].order == 1), 1)
        why = f"laws leave {_orders(below)}"
        if least == 1 and most != 1 and (outer := self._outer(kind)):
            least, why = 2, outer
        how = "no cover is known" if most is None else self._how(kind, above)
        why = f"{_fewer(least)} cannot: {why}" if least > 1 else "" if most == 1 else "fewer are not excluded"
        return BlockDepth(
            kind, least, most, "; ".join(filter(None, (how, why))), self._count(kind) if most == 1 else None
        )

    def _reached(self, kind: Blocks, member: Subgroup) -> Subgroup:
        """A normal subgroup whose factor one layer carries, by covers that are known."""
        found = complex_2(member)
        if found.order == 1:
            return found
        mask = found.mask.copy()
        if (table := self.table(member)) is not None:
            own = np.zeros_like(mask)
            own[member.members] = kernel(table, kind.size, kind.real)[table.classes.labels]
            mask &= own
        if kind.real:
            for half in residuals.halves(member):
                mask &= real_3(half).below.mask
        else:
            mask &= verbal_subgroup(verbal_subgroup(member, 3), 0).mask
            for factor in residuals.simple_factors(member, member):
                if factor.order == 360 and factor.inner:
                    mask &= factor.below.mask
        return residuals.subgroup_of(self.group, mask)

    def _how(self, kind: Blocks, above: list[Subgroup]) -> str:
        """What does it, from above."""
        if len(above) > 2:
            return f"{_orders(above)} by covers that are known"
        if not kind.real and any(f.order == 360 and f.below.order == 1 for f in self._simple()):
            return "its cover is Valentiner's group 3.A6, of order 1080"
        more = "" if kind.real else ", from its factor in which cubes and commutators commute, from 3.A6"
        pieces = (
            f"a cover made from representations of degree ≤ {kind.size} of its factors, from complex 2×2 blocks{more}"
        )
        return self._own(kind, above[0]) or pieces

    def _simple(self) -> list[residuals.SimpleFactor]:
        return residuals.simple_factors(self.whole, self.whole)

    def _outer(self, kind: Blocks) -> str | None:
        """Why one layer cannot, where that is for a chief factor which the group moves by outer automorphisms."""
        if kind.real or all(factor.inner for factor in self._simple()):
            return None
        return "it moves a composition factor by outer automorphisms, or to another; no linear group of degree 3 does"


def _orders(members: Sequence[Subgroup] | Sequence[StabiliserChain]) -> str:
    orders = [member.order for member in members]
    return " > ".join(str(order) if order < 10**15 else describe_order(order) for order in orders)


def _fewer(depth: int) -> str:
    return counted(depth - 1, "layer")


def _weaker(one: Blocks, other: Blocks) -> bool:
    """Whether `other` does all that `one` does: real 2x2 < real 3x3 < complex 2x2 < the last two."""
    return BLOCKS.index(one) < min(BLOCKS.index(other), 3)


def _times(name: str, count: int) -> str:
    return "" if not count else name if count == 1 else f"{name}^{count}"


def _not_a_section(kind: Blocks) -> str:
    """What one group's composition factor is not."""
    names = ["cyclic", *(SIMPLE[order] for order in kind.simple)]
    shown = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"in finite {'real' if kind.real else 'complex'} linear groups of degree {kind.size} they are {shown}"


def chain_block_answer(chain: StabiliserChain) -> BlockAnswer:
    """All rows for a group that is too large to list: `block-2` exactly; the others exactly where a composition factor
    excludes them, else bounds.

    A composition factor of a group that one layer carries is one of `Blocks.simple`, or cyclic; and one layer carries
    each of these, so that a composition series is a stack.

    Example:
        >>> from subnormal.algebra.input.parser import parse_group
        >>> [row.text for row in chain_block_answer(parse_group("S9").chain).rows]
        ['never', 'never', 'never', 'never', 'never']
    """
    whole = list(descending(chain, _real_2))
    solvable = whole[-1].order == 1
    factors: Counter[tuple[int, str]] | None = None
    if not solvable:
        from ...chains.composition import UndecidedError, composition_factors

        with suppress(UndecidedError):
            factors = composition_factors(chain)
    rows = []
    for kind in BLOCKS:
        if solvable:
            rows.append(_solvable_chain(kind, whole))
        elif kind is R2:
            reason = (
                f"not solvable, perfect residual of order {describe_order(whole[-1].order)}: {_not_a_section(kind)}"
            )
            rows.append(BlockDepth(kind, None, None, reason))
        elif factors is None:
            reason = "its composition factors are not known: a primitive part is on too many points"
            rows.append(BlockDepth(kind, 1, None, reason))
        elif bad := sorted(one for one in factors if one[1] != f"C{one[0]}" and one[0] not in kind.simple):
            rows.append(BlockDepth(kind, None, None, f"composition factor {bad[0][1]}; {_not_a_section(kind)}"))
        else:
            reason = "a layer for each composition factor; fewer are not excluded: its elements are not listed"
            rows.append(BlockDepth(kind, 1, factors.total(), reason))
    return BlockAnswer(tuple(rows), None, "characters are computed of groups that are listed")


def abelian_block_answer(group: AbelianGroup) -> BlockAnswer:
    """All rows for an abelian group by its moduli: one layer, with a block for each of them.

    Example:
        >>> from subnormal.algebra.groups.abelian_group import read_abelian
        >>> [row.blocks for row in abelian_block_answer(read_abelian("C10007xC3^2")).rows]
        [2, 2, 2, 2, 2]
    """
    if not group.moduli:
        rows = tuple(BlockDepth(kind, 0, 0, "the trivial group needs no layer", 0) for kind in BLOCKS)
    else:
        rows = tuple(BlockDepth(kind, 1, 1, "its squares commute", len(group.moduli)) for kind in BLOCKS)
    return BlockAnswer(rows, Readout(1, 1 if group.exponent <= 2 else 2))


def _real_2(chain: StabiliserChain) -> StabiliserChain:
    return verbal_subgroup(verbal_subgroup(chain, 2), 0)


def _solvable_chain(kind: Blocks, whole: list[StabiliserChain]) -> BlockDepth:
    depth = len(whole) - 1
    if depth < 2:
        return BlockDepth(kind, depth, depth, "its squares commute" if depth else "the trivial group needs no layer")
    if kind is R2:
        return BlockDepth(kind, depth, depth, f"H > [H², H²]: {_orders(whole)}")
    below = whole[1].order
    if kind in (R3, C2) and below & (below - 1):
        reason = f"as real 2×2 blocks do; 1 layer cannot: [G², G²] has order {describe_order(below)}, no power of 2"
        return BlockDepth(kind, 2, depth, reason)
    return BlockDepth(kind, 1, depth, "as real 2×2 blocks do; fewer are not excluded: its elements are not listed")
