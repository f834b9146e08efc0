"""Stacks whose layers have a width: is there a subnormal series with factors of small rank?

A layer of w channels multiplies w numbers, so the abelian factor that it carries lies in w cyclic groups: its rank is
at most w. Layers of exponents m_1 … m_k and widths w_1 … w_k track G if and only if there is a series
G = G_0 ▷ G_1 ▷ … ▷ G_k = 1 whose i-th factor is abelian, of exponent dividing m_i and of rank at most w_i; a factor
may be trivial (docs/mathematics.md). For a permutation automaton that starts in q the last member need only fix q:
G_k ≤ `target`, the stabiliser of q.

The search is exhaustive. What makes it short: if G_i does, so does every subgroup of it that may stand in its place
(meet the rest of the series with it), so only the smallest members that a layer can leave are tried; a member that
fails, fails with all its conjugates; and three conditions that are necessary end most branches at once, one of which is
exact for abelian groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from ...common.brief import Brief
from ...common.errors import InputError
from ...common.wording import counted
from ..arithmetic.finite_field import factorise
from ..groups.group import TABLE_LIMIT, Group, Subgroup
from .abelian import AbelianFactor, abelian_factor
from .families import CIRCLE, Family, names
from .series import Series, verbal_subgroup

Layers = tuple[tuple[int, int], ...]
"""For each layer its exponent (0: any) and its width."""

MAX_STEPS = 20_000
"""So many subgroups are tried for one question; then it is left undecided."""

FEW_STEPS = 500
"""So many are tried for the least widths, which nobody asked for by name."""

MAX_WIDTH = 10_000
"""Widths above this are refused."""


MAX_LAYERS = 100
"""So many layers may be asked about."""


class TooLargeError(InputError):
    """The search was given up: neither answer is proved."""


@dataclass(frozen=True, eq=False, repr=False)
class WidthAnswer(Brief):
    """Whether layers of given widths can track a group.

    Arguments:
        stack, widths: the layers.
        series: the one that was found, with a factor for each layer; None where there is none.
        reason: why there is none.
    """

    stack: tuple[Family, ...]
    widths: tuple[int, ...]
    series: Series[Subgroup] | None
    reason: str

    @property
    def tracks(self) -> bool:
        return self.series is not None

    def text(self, name: str) -> str:
        """It as a sentence about a group of that name."""
        asked = f"{names(self.stack)} with {widths_text(self.widths)}"
        if self.series is None:
            return f"{asked} cannot track {name}: {self.reason}"
        held = " | ".join(factor.name for factor in self.factors)
        return f"{asked} tracks {name}: {' ≥ '.join(map(str, self.series.orders))} ({held})"

    @cached_property
    def factors(self) -> tuple[AbelianFactor, ...]:
        """The factors of the series, layer by layer; a trivial one has no moduli."""
        members = self.series.subgroups if self.series is not None else ()
        return tuple(abelian_factor(upper, lower) for upper, lower in pairwise(members))


def widths_text(widths: Sequence[int]) -> str:
    """`2 channels`, `1, 1 and 2 channels`."""
    if len(set(widths)) == 1:
        return counted(widths[0], "channel") + (" a layer" if len(widths) > 1 else "")
    *first, last = map(str, widths)
    return f"{', '.join(first)} and {last} channels"


def read_widths(given: str | Sequence[int]) -> tuple[int, ...]:
    """Widths from `1,1,2` or a list of numbers. Raises `InputError`."""
    parts = given.split(",") if isinstance(given, str) else list(given)
    widths = []
    for part in parts:
        text = str(part).strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MAX_WIDTH):
            raise InputError(f"channels {text[:40]!r}; wanted a number of channels for each layer, e.g. 1,1,2")
        widths.append(int(text))
    if not widths or len(widths) > MAX_LAYERS:
        raise InputError(f"channels of {len(widths)} layers; wanted 1 to {MAX_LAYERS}, e.g. 1,1,2")
    return tuple(widths)


def stack_of_widths(stack: Sequence[Family] | None, widths: Sequence[int]) -> tuple[Family, ...]:
    """A family for each width: AUSSM where no stack is given, and one family stands for all. Raises `InputError`."""
    own = tuple(stack) if stack else (CIRCLE,)
    own = own * len(widths) if len(own) == 1 else own
    if len(own) != len(widths):
        raise InputError(
            f"channels for {counted(len(widths), 'layer')}, and a stack of {len(own)}; wanted one number a layer, "
            f"e.g. --stack aussm,aussm --channels 1,2"
        )
    return own


def widths_answer(
    group: Group, stack: Sequence[Family], widths: Sequence[int], target: Subgroup | None = None
) -> WidthAnswer:
    """Whether layers of these families and widths can track a group: the series, or why there is none.

    Arguments:
        group: of order at most 2,048.
        stack: the families, first layer first.
        widths: the channels of each layer.
        target: what the last member must lie in; None for the trivial subgroup.

    Raises:
        InputError: the numbers do not fit together.
        TooLargeError: the group is too large, or the search too long.

    Examples:
        >>> from subnormal.algebra.depth.families import CIRCLE
        >>> from subnormal.algebra.input.parser import list_group
        >>> widths_answer(list_group("S4"), [CIRCLE] * 4, (1, 1, 1, 1)).series.orders
        (24, 12, 4, 2, 1)
    """
    if len(widths) != len(stack):
        raise InputError(f"{counted(len(widths), 'width')} for {counted(len(stack), 'layer')}; wanted one a layer")
    if group.order > TABLE_LIMIT:
        raise TooLargeError(f"{group.name}: widths are searched for groups of order up to {TABLE_LIMIT:,}")
    layers = tuple((family.exponent, int(width)) for family, width in zip(stack, widths, strict=True))
    search = _Search(group, group.trivial_subgroup if target is None else target, MAX_STEPS)
    found = search.series(group.whole, layers)
    if found is not None:
        return WidthAnswer(tuple(stack), tuple(widths), Series(found, tuple(stack)), "")
    return WidthAnswer(tuple(stack), tuple(widths), None, search.why(layers))


def least_widths(group: Group, layer: Family, depth: int) -> tuple[tuple[int, ...], ...]:
    """All minimal widths with which so many layers of a family track a group, none of which is below another.

    Arguments:
        depth: the number of layers; there is no answer below the least.

    Raises:
        TooLargeError: the group or the search is too large.

    Examples:
        >>> from subnormal.algebra.depth.families import CIRCLE
        >>> from subnormal.algebra.input.parser import list_group
        >>> least_widths(list_group("S4"), CIRCLE, 3)
        ((1, 1, 2),)
    """
    if group.order > TABLE_LIMIT:
        raise TooLargeError(f"widths are searched for groups of order up to {TABLE_LIMIT:,}")
    search = _Search(group, group.trivial_subgroup, FEW_STEPS)
    most = max(factorise(group.order).values(), default=0)  # the rank of any abelian section
    found: list[tuple[int, ...]] = []
    known: list[tuple[tuple[int, ...], bool]] = []

    def can(widths: tuple[int, ...]) -> bool:
        """Whether these do. Those that lie above some that do, do; those that lie below some that do not, do not."""
        for other, did in known:
            if all(b <= a if did else a <= b for a, b in zip(widths, other, strict=True)):
                return did
        did = search.series(group.whole, tuple((layer.exponent, width) for width in widths)) is not None
        known.append((widths, did))
        return did

    def grow(prefix: tuple[int, ...]) -> None:
        """All minimal vectors with this beginning, up to those that were found before it."""
        rest = depth - len(prefix)
        if not can(prefix + (most,) * rest):
            return
        if not rest:
            if not any(all(a <= b for a, b in zip(other, prefix, strict=True)) for other in found):
                found.append(prefix)
            return
        for width in range(most + 1):
            if rest == 1 and not can((*prefix, width)):
                continue
            grow((*prefix, width))
            if rest == 1:
                return

    grow(())
    return tuple(found)


class _Search:
    """A search for series of one group that end in one subgroup, with what was found out on the way."""

    def __init__(self, group: Group, target: Subgroup, limit: int) -> None:
        self.group, self.target, self.limit = group, target, limit
        self.steps = 0
        self._known: dict[tuple[bytes, Layers], tuple[Subgroup, ...] | None] = {}
        self._verbal: dict[tuple[bytes, int], Subgroup] = {}
        self._factors: dict[tuple[bytes, bytes], AbelianFactor] = {}
        self._sizes: dict[bytes, tuple[dict[int, int], dict[int, int]]] = {}
        self._quotients: dict[bytes, dict[int, list[int]]] = {}
        self._kernels: dict[tuple[bytes, int, int], list[Subgroup]] = {}

    def series(self, upper: Subgroup, layers: Layers) -> tuple[Subgroup, ...] | None:
        """G_0 … G_k for these layers from `upper` on, or None where there is none."""
        if self._inside(upper):
            return (upper,) * (len(layers) + 1)
        if not layers:
            return None
        key = upper.mask.tobytes(), layers
        if key in self._known:
            return self._known[key]
        found = None
        if not self._hopeless(upper, layers):
            for lower in self._least_lower(upper, *layers[0]):
                below = self.series(lower, layers[1:])
                if below is not None:
                    found = (upper, *below)
                    break
        self._known[key] = found
        if found is None and self.target.order == 1:
            self._fail_conjugates(upper, layers)
        return found

    def why(self, layers: Layers) -> str:
        """Why there is no series for the whole group, in one clause; call after `series` found none."""
        whole = self.group.whole
        orders = [whole.order]
        member = whole
        for exponent, _ in layers:
            member = self.verbal(member, exponent)
            orders.append(member.order)
        if not self._inside(member):
            end = self.target.order
            where = "not down to 1" if end == 1 else f"not into that subgroup of order {end}"
            return f"orders of V_0 ≥ V_1 ≥ …: {' ≥ '.join(map(str, orders))}, {where}"
        ranks = {p: len(parts) for p, parts in self._quotient(whole).items()}
        if not self._abelian(self._quotient(whole), layers):
            rank, p = max((rank, p) for p, rank in ranks.items())
            if rank > sum(width for exponent, width in layers if exponent % p == 0):
                return f"an abelian quotient has rank {rank}, for the prime {p}"
            return "an abelian quotient is too large"
        return (
            f"no subnormal series has such factors: all were tried that are left, with {self.steps:,} subgroups"
            if self.steps
            else "no subnormal series has such factors: its order is too large for them"
        )

    def verbal(self, upper: Subgroup, exponent: int) -> Subgroup:
        """[V, V]·V^m for V = `upper`, looked up where it was computed before."""
        key = upper.mask.tobytes(), exponent
        if key not in self._verbal:
            self._verbal[key] = verbal_subgroup(upper, exponent)
        return self._verbal[key]

    def _inside(self, upper: Subgroup) -> bool:
        return upper <= self.target

    def _fail_conjugates(self, upper: Subgroup, layers: Layers) -> None:
        waiting = [upper.mask]
        everything = np.arange(self.group.order)
        for mask in waiting:  # grows while it is walked
            for g in self.group.generators:
                moved = mask[self.group.multiply(self.group.multiply(g, everything), self.group.inverse(g))]
                key = moved.tobytes(), layers
                if key not in self._known:
                    self._known[key] = None
                    waiting.append(moved)

    def _hopeless(self, upper: Subgroup, layers: Layers) -> bool:
        """Whether one of three necessary conditions fails."""
        index, exponent = self._size(upper)
        for p, wanted in index.items():
            own = exponent[p]
            if wanted > sum(width * (min(own, _valuation(m, p)) if m else own) for m, width in layers):
                return True
        member = upper
        for m, _ in layers:
            member = self.verbal(member, m)
        return not self._inside(member) or not self._abelian(self._quotient(upper), layers)

    def _size(self, upper: Subgroup) -> tuple[dict[int, int], dict[int, int]]:
        """The prime factors of |V : V ∩ target| and of the exponent of V."""
        key = upper.mask.tobytes()
        if key not in self._sizes:
            members = upper.members
            index = upper.order // int(self.target.mask[members].sum())
            exponent = int(np.lcm.reduce(self.group.element_orders[members]))
            self._sizes[key] = factorise(index), factorise(exponent)
        return self._sizes[key]

    def _factor(self, upper: Subgroup, lower: Subgroup) -> AbelianFactor:
        key = upper.mask.tobytes(), lower.mask.tobytes()
        if key not in self._factors:
            self._factors[key] = abelian_factor(upper, lower)
        return self._factors[key]

    def _quotient(self, upper: Subgroup) -> dict[int, list[int]]:
        """The abelian group V/[V, V](V ∩ target): for each prime the exponents of its cyclic parts, largest first."""
        key = upper.mask.tobytes()
        if key not in self._quotients:
            lower = self.verbal(upper, 0).extended(upper.members[self.target.mask[upper.members]].tolist())
            parts: dict[int, list[int]] = {}
            for n in self._factor(upper, lower).moduli:
                for p, e in factorise(n).items():
                    parts.setdefault(p, []).append(e)
            self._quotients[key] = {p: sorted(own, reverse=True) for p, own in parts.items()}
        return self._quotients[key]

    @staticmethod
    def _abelian(parts: dict[int, list[int]], layers: Layers) -> bool:
        """Whether layers can carry an abelian group; exact where no exponent is divisible by a square.

        The numbers of series with given factors are those of the Hall algebra, which commutes, so layers of any
        exponent may come first: each takes its width of the largest parts. Layers of exponent p take one off each of
        so many parts, and they come out if and only if a matrix of zeros and ones has these sums (Gale and Ryser).
        """
        for p, own in parts.items():
            rest = own[sum(width for m, width in layers if m == 0) :]
            ones = [width for m, width in layers if m for _ in range(_valuation(m, p))]
            taken = 0
            for j, part in enumerate(rest, 1):
                taken += part
                if taken > sum(min(width, j) for width in ones):
                    return False
        return True

    def _least_lower(self, upper: Subgroup, exponent: int, width: int) -> Iterator[Subgroup]:
        """Lower members that a layer can leave, among them all the smallest."""
        verbal = self.verbal(upper, exponent)
        key = upper.mask.tobytes(), exponent, width
        if key in self._kernels:
            yield from self._kernels[key]
            return
        found = []
        for lower in kernels(self._factor(upper, verbal), width):
            self.steps += 1
            if self.steps > self.limit:
                raise TooLargeError(
                    f"{self.group.name}: more than {self.limit:,} subgroups would have to be tried for these widths, "
                    "so nothing is said about them"
                )
            found.append(lower)
            yield lower
        self._kernels[key] = found


def _valuation(n: int, p: int) -> int:
    count = 0
    while n % p == 0:
        n //= p
        count += 1
    return count


def kernels(factor: AbelianFactor, width: int) -> Iterator[Subgroup]:
    """Subgroups N between `factor.lower` and `factor.upper` with upper/N of rank ≤ width: all the smallest."""
    if len(factor.moduli) <= width:  # its rank
        yield factor.lower
        return
    yield from _between(factor, width, _smallest_vanishing)


def all_between(factor: AbelianFactor, width: int) -> Iterator[Subgroup]:
    """All subgroups N between `factor.lower` and `factor.upper` with a quotient upper/N of rank ≤ width."""
    yield from _between(factor, width, _all_vanishing)


def left_orders(group: Group, stack: Sequence[Family], widths: Sequence[int]) -> tuple[int, ...]:
    """Orders of the subgroups that so many of the first layers can leave, the largest first: what they cannot tell
    apart are the cosets of such a subgroup.

    Raises:
        TooLargeError: there are too many subgroups, or the group is too large.
    """
    if group.order > TABLE_LIMIT:
        raise TooLargeError(f"{group.name}: widths are searched for groups of order up to {TABLE_LIMIT:,}")
    level, orders = {group.whole.mask.tobytes(): group.whole}, {group.order}
    for family, width in zip(stack, widths, strict=True):
        following: dict[bytes, Subgroup] = {}
        for upper in level.values():
            factor = abelian_factor(upper, verbal_subgroup(upper, family.exponent))
            for lower in all_between(factor, width):
                following.setdefault(lower.mask.tobytes(), lower)
                if len(following) > FEW_STEPS:
                    raise TooLargeError(f"{group.name} has more than {FEW_STEPS} subgroups that layers can leave")
        level = following
        orders |= {lower.order for lower in level.values()}
    return tuple(sorted(orders, reverse=True))


_Masks = Iterator[NDArray[np.bool_]]


def _between(
    factor: AbelianFactor, width: int, vanishing: Callable[[NDArray[np.int64], NDArray[np.int64], int], _Masks]
) -> Iterator[Subgroup]:
    """N is where some characters of upper/lower vanish; for each prime they form a group of rank ≤ width."""
    own = factor.in_primary_channels()
    primes = [next(iter(factorise(q))) for q in own.moduli]
    members = factor.upper.members
    residues = own.residues[members]
    choices = []
    for p in dict.fromkeys(primes):
        js = [j for j, other in enumerate(primes) if other == p]
        choices.append(vanishing(np.array([own.moduli[j] for j in js]), residues[:, js], width))
    for parts in _product(choices):
        inside = np.ones(len(members), dtype=bool)
        for part in parts:
            inside &= part
        yield factor.lower.extended(members[inside].tolist())


def _product(choices: Sequence[_Masks]) -> Iterator[tuple[NDArray[np.bool_], ...]]:
    """`itertools.product`, but lazy in the first factor: there may be very many."""
    if not choices:
        yield ()
        return
    others = list(product(*choices[1:]))
    for one in choices[0]:
        yield from ((one, *rest) for rest in others)


def _zeros(moduli: NDArray[np.int64], residues: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Where each nontrivial character of an abelian p-group vanishes, those of large order first: they leave the least.

    By bits, shape (⌈elements/8⌉, characters): half a million characters fit.

    Arguments:
        moduli: shape (r,), powers of one prime.
        residues: shape (elements, r).
    """
    largest = int(moduli.max())
    scaled = residues * (largest // moduli)
    characters = np.indices(tuple(moduli.tolist())).reshape(len(moduli), -1).T[1:]
    order = np.lcm.reduce(moduli // np.gcd(characters, moduli), axis=1)
    characters = characters[np.argsort(-order, kind="stable")]
    return np.packbits(scaled @ characters.T % largest == 0, axis=0)


def _smallest_vanishing(moduli: NDArray[np.int64], residues: NDArray[np.int64], width: int) -> _Masks:
    """Where groups of characters of rank ≤ width vanish, the largest groups among them."""
    if len(moduli) <= width:
        yield (residues == 0).all(axis=1)
        return
    zero, seen = _zeros(moduli, residues), set[bytes]()

    def grow(inside: NDArray[np.uint8], first: int, left: int) -> _Masks:
        if not left:
            yield np.unpackbits(inside, count=len(residues)).astype(bool)
            return
        for i in range(first, zero.shape[1]):
            smaller = inside & zero[:, i]
            if (smaller == inside).all():
                continue
            key = smaller.tobytes() + bytes([left])
            if key not in seen:
                seen.add(key)
                yield from grow(smaller, i + 1, left - 1)

    yield from grow(np.packbits(np.ones(len(residues), dtype=bool)), 0, width)


def _all_vanishing(moduli: NDArray[np.int64], residues: NDArray[np.int64], width: int) -> _Masks:
    """Where groups of characters of rank ≤ width vanish: all of them."""
    zero = _zeros(moduli, residues)
    level = {np.packbits(np.ones(len(residues), dtype=bool)).tobytes()}
    seen = set(level)
    for _ in range(min(width, len(moduli))):
        found = set()
        for inside in level:
            both = np.frombuffer(inside, dtype=np.uint8)[:, None] & zero
            found |= {row.tobytes() for row in np.unique(both.T, axis=0)}
        level = found - seen
        seen |= found
        if len(seen) > MAX_STEPS:
            raise TooLargeError(f"more than {MAX_STEPS:,} subgroups lie between two members of a series")
    for inside in sorted(seen):
        yield np.unpackbits(np.frombuffer(inside, dtype=np.uint8), count=len(residues)).astype(bool)
