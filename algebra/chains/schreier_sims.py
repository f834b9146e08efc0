"""Stabiliser chains of arbitrary permutation groups: random Schreier–Sims, then a proof.

Random elements (product replacement, seeded) build the chain; every level's orbit really is an orbit of
elements of the group, so the product of the orbit lengths is a lower bound for the order at any time. It is
*proved* to be the order either by meeting an upper bound (the order of a group that contains it, or what
`order_bounds` derives from orbits and blocks), or by sifting every Schreier generator (Sims 1970; Seress,
"Permutation Group Algorithms", 2003, chapter 4). Chance decides how long this takes, never what the answer is.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from math import factorial

from ..arithmetic.permutations import Permutations
from .kernels import (
    SHORT_DEGREE,
    Code,
    Element,
    Encoding,
    Levels,
    LongPermutation,
    commutator,
    conjugate,
    is_even,
    is_member,
    order,
    sift,
    trivial_level,
)

PER_LEVEL = 3
"""Random elements that are taken for generators of the stabiliser at each level of a thin chain."""

LONG_PROOF = 3_000
"""A chain with more Schreier generators is made thin, and bounds by blocks are tried, before they are sifted."""

Bounds = Callable[[Permutations, Permutations], Iterable[int]]
"""Upper bounds for the order of a group, from generators and from elements that fix one point: `order_bounds`."""

QUIET = 12  # random elements in a row that sift to the identity before the proof is tried
SLOTS = 10  # product replacement keeps at least so many elements
MIXING = 40  # product replacement steps before the first element is used


def random_products(
    generators: Sequence[Element], above: Levels, encoding: Encoding, source: random.Random
) -> Iterator[Code]:
    """Elements of a group by product replacement with an accumulator, or of a normal closure; for ever.

    Arguments:
        generators: of the group; at least one. Of the closure: normal generators.
        above: the complete chain of the group in which to take the normal closure; empty for the group generated.
        encoding: of the codes.
        source: of the random choices.
    """

    def moved(element: Element) -> Element:
        if not above:
            return element
        return Element(conjugate(element, Element(random_member(above, encoding, source), encoding)), encoding)

    slots = [moved(generators[i % len(generators)]) for i in range(max(SLOTS, len(generators)))]
    accumulator = encoding.identity
    for step in count(1):
        i, j = source.sample(range(len(slots)), 2)
        other = moved(slots[j])
        factor = other.table if source.random() < 0.5 else other.inverse_table
        slots[i] = Element(slots[i].code.translate(factor), encoding)
        accumulator = accumulator.translate(slots[i].table)
        if step > MIXING:
            yield accumulator


def random_member(levels: Levels, encoding: Encoding, source: random.Random) -> Code:
    """A uniformly random element of the group of a complete chain."""
    code = encoding.identity
    for level in levels:
        code = code.translate(level.inverses[source.choice(level.orbit)])
    return code


def random_commutators(levels: Levels, encoding: Encoding, source: random.Random) -> Iterator[Code]:
    """Products of more and more commutators of random elements of the group of a complete chain, for ever."""
    accumulator = encoding.identity
    while True:
        a, b = (Element(random_member(levels, encoding, source), encoding) for _ in range(2))
        accumulator = accumulator.translate(commutator(a, b) + encoding.tail)
        yield accumulator


def order_bound(generators: Sequence[Element], degree: int) -> int:
    """An upper bound for the order: the product of the factorials of the orbit lengths, halved if all is even."""
    seen = [False] * degree
    bound = 1
    for start in range(degree):
        if seen[start]:
            continue
        seen[start] = True
        orbit = [start]
        for point in orbit:
            for generator in generators:
                image = generator.code[point]
                if not seen[image]:
                    seen[image] = True
                    orbit.append(image)
        bound *= factorial(len(orbit))
    return bound // 2 if bound > 1 and all(is_even(generator.code, degree) for generator in generators) else bound


class ChainBuilder:
    """A chain under construction for the group that the strong generators generate.

    Attributes:
        levels: as in a finished chain, the orbits being those under `strong`.
        strong: by level, the generators that fix the base points of all earlier levels.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.levels: Levels = []
        self.strong: list[list[Element]] = []

    def add(self, element: Element, first: int = 0) -> int:
        """Make an element a strong generator from level `first` on, as far down as it fixes the earlier base points.

        It must not be the identity, and must fix the base points before `first`. Returns the last of its levels.
        """
        code = element.code
        depth = first
        while True:
            if depth == len(self.levels):
                self.levels.append(trivial_level(self.encoding.first_moved(code), self.encoding))
                self.strong.append([])
            self.strong[depth].append(element)
            self._grow(depth, element)
            point = self.levels[depth].point
            if code[point] != point:
                return depth
            depth += 1

    def _grow(self, depth: int, element: Element | None = None) -> None:
        """Close a level's orbit, in place, under its generators, of which `element` is new; if None, all are."""
        _, orbit, inverses, _ = self.levels[depth]
        product, generators = self.encoding.product, self.strong[depth]
        old = len(orbit) if element else 0
        for position, point in enumerate(orbit):  # the orbit grows under this loop
            for generator in [element] if element and position < old else generators:
                image = generator.code[point]
                if inverses[image] is None:
                    inverses[image] = product(generator.inverse, inverses[point])
                    orbit.append(image)

    def absorb(self, code: Code) -> bool:
        """Add what sifting leaves of an element, unless nothing is left; whether something was added."""
        remainder, _ = sift(self.levels, code)
        if remainder == self.encoding.identity:
            return False
        self.add(Element(remainder, self.encoding))
        return True

    def fill(self, elements: Iterator[Code], bound: int) -> None:
        """Absorb random elements until many in a row bring nothing new, or the order is `bound`."""
        quiet = 0
        while quiet < QUIET and order(self.levels) != bound:
            self.encoding.spend(1 + len(self.levels))
            quiet = 0 if self.absorb(next(elements)) else quiet + 1

    def reduce(self) -> None:
        """Drop strong generators that no orbit needs, which makes the proof shorter. The group may shrink."""
        old_levels, old_strong = self.levels, self.strong
        self.levels = [trivial_level(level.point, self.encoding) for level in old_levels]
        self.strong = [[] for _ in old_levels]
        for depth in reversed(range(len(old_levels))):
            wanted = len(old_levels[depth].orbit)
            if depth + 1 < len(old_levels):
                self.strong[depth] = list(self.strong[depth + 1])
                for element in list(self.strong[depth]):
                    self._grow(depth, element)
            point = old_levels[depth].point
            for element in old_strong[depth]:
                if len(self.levels[depth].orbit) == wanted:
                    break
                if element.code[point] != point and self._enlarges(depth, element):
                    self.strong[depth].append(element)
                    self._grow(depth, element)

    def thin(self, generators: Sequence[Element], source: random.Random) -> None:
        """Build the chain again from the top, with few strong generators at every level, and flat trees.

        The strong generators of a level are random elements of the group that those of the level before generate,
        divided by transversal elements: they generate the stabiliser, or nearly always, and they lie in it. The number
        of Schreier generators, orbit length times strong generators, is then as small as it gets.
        """
        encoding = self.encoding
        self.levels, self.strong = [], []
        current = list(generators)
        while current:
            level = trivial_level(encoding.first_moved(current[0].code), encoding)
            elements = random_products(current, [], encoding, source)
            self.levels.append(level)
            self.strong.append([*current, *(Element(code, encoding) for code in itertools.islice(elements, PER_LEVEL))])
            self._grow(len(self.levels) - 1)
            self.strong[-1] = current  # the others make the tree flat, and no proof needs them
            stabiliser: list[Element] = []
            quiet = 0
            encoding.spend(len(level.orbit) + 2 * MIXING + QUIET)
            for code in elements:
                rest = code.translate(level.inverses[code[level.point]])
                if rest != encoding.identity:
                    stabiliser.append(Element(rest, encoding))
                else:
                    quiet += 1
                if len(stabiliser) == PER_LEVEL or quiet == QUIET:
                    break
            current = stabiliser

    @property
    def proof_size(self) -> int:
        """Number of Schreier generators."""
        return sum(len(level.orbit) * len(strong) for level, strong in zip(self.levels, self.strong, strict=True))

    def meets(self, bounds: Bounds) -> bool:
        """Whether the order found is one of the bounds for the group of the strong generators, and so is its order."""
        rows = [self.encoding.decode([element.code for element in level]) for level in self.strong[:2]]
        rows += [rows[0][:0]] * (2 - len(rows))
        return any(order(self.levels) == bound for bound in bounds(*rows))

    def _enlarges(self, depth: int, element: Element) -> bool:
        _, orbit, inverses, _ = self.levels[depth]
        return any(inverses[element.code[point]] is None for point in orbit)

    def prove(self, bound: int) -> None:
        """Sift Schreier generators, adding what is left of them until the chain is complete, or its order `bound`."""
        encoding = self.encoding
        depth = len(self.levels) - 1
        while depth >= 0:
            if order(self.levels) == bound:
                return
            added = self._failing(depth)
            if added is None:
                depth -= 1
            else:
                depth = self.add(Element(added, encoding), depth + 1)  # further down, nothing has changed

    def _failing(self, depth: int) -> Code | None:
        """What sifting leaves of the first Schreier generator of a level that the levels below do not contain."""
        encoding = self.encoding
        _, orbit, inverses, _ = self.levels[depth]
        below = self.levels[depth + 1 :]
        for point in orbit:
            encoding.spend(len(self.strong[depth]) * (2 + len(below) // 2))
            inverse = encoding.strip(inverses[point])
            representative = encoding.strip(encoding.inverse_table(inverse))
            for generator in self.strong[depth]:
                back = inverses[generator.code[point]]
                remainder, _ = sift(below, representative.translate(generator.table).translate(back))
                if remainder != encoding.identity:
                    return remainder
        return None


def schreier_sims(
    generators: Sequence[Element],
    elements: Iterator[Code],
    encoding: Encoding,
    source: random.Random,
    conjugators: Sequence[Element] = (),
    bound: int | None = None,
    bounds: Bounds | None = None,
) -> tuple[Levels, list[Element]]:
    """A complete chain of a group, or of a normal closure under `conjugators`, and its strong generators.

    Arguments:
        generators: generators, or normal generators; none of them the identity.
        elements: random elements of the group, or of the normal closure: the better distributed, the faster.
        encoding: of the codes.
        source: of the random choices.
        conjugators: generators of a group that contains the generators; none for the group generated itself.
        bound: an upper bound for the order of the result, where one is known; meeting it saves the proof.
        bounds: more of them, for groups whose proof would be long.
    """
    limit = order_bound(conjugators or generators, encoding.degree)
    limit = limit if bound is None else min(limit, bound)
    builder = ChainBuilder(encoding)
    missing: list[Code] = []
    for attempt in count():
        for code in missing:
            builder.absorb(code)
        if attempt == 0 and encoding.degree > SHORT_DEGREE:
            builder.thin(_few([] if conjugators else generators, elements, encoding), source)
        builder.fill(elements, limit)
        if attempt == 0 and encoding.degree <= SHORT_DEGREE:
            # Once only: from then on the group grows with every attempt, so there is a last one.
            builder.reduce()
            if order(builder.levels) != limit and builder.proof_size > LONG_PROOF:
                builder.thin(_few([] if conjugators else generators, elements, encoding), source)
                builder.fill(elements, limit)
        if (
            builder.proof_size <= LONG_PROOF
            or order(builder.levels) == limit
            or not bounds
            or not builder.meets(bounds)
        ):
            builder.prove(limit)
        strong = builder.strong[0] if builder.strong else []
        if order(builder.levels) == limit:
            break
        # Now the chain is that of the group of its strong generators. Is it the group that was asked for?
        wanted = [generator.code for generator in generators]
        wanted += [conjugate(element, conjugator) for element in strong for conjugator in conjugators]
        missing = [code for code in wanted if not is_member(builder.levels, code, encoding.identity)]
        if not missing:
            break
    return builder.levels, strong


def _few(generators: Sequence[Element], elements: Iterator[Code], encoding: Encoding) -> list[Element]:
    """The generators where they are few, else as many random elements; they nearly always generate the group."""
    if 0 < len(generators) <= PER_LEVEL + 1:
        return list(generators)
    drawn = (Element(next(elements), encoding) for _ in range(PER_LEVEL + 1))
    return [element for element in drawn if element.code != encoding.identity]


UNIFORM = 8
"""So many elements of the kind that giants do not have end the search for a giant."""

TRIES = 25
"""Random elements that are looked at for a long cycle of prime length, times the logarithm of the degree."""


def is_giant(generators: Sequence[Element], encoding: Encoding, source: random.Random) -> bool:
    """Whether the group was found to be the symmetric or the alternating group of the points that it moves.

    True is proved: a transitive group of n points with an element that has a cycle of prime length p, n/2 < p < n-2,
    contains A_n (Jordan; Seress, "Permutation Group Algorithms", 2003, corollary 10.2.2). False means not found: among
    random elements of A_n or S_n about one in log n has such a cycle. In a giant it is rare that all cycles of an
    element have one length; where the first few elements are all of that kind, the search ends.
    """
    moved = [point for point in range(encoding.degree) if any(g.code[point] != point for g in generators)]
    orbit, seen = moved[:1], set(moved[:1])
    for point in orbit:  # grows while it is walked
        for generator in generators:
            image = generator.code[point]
            if image not in seen:
                seen.add(image)
                orbit.append(image)
    n = len(moved)
    if n < 9 or len(orbit) < n:
        return False
    uniform = 0
    tries = round(TRIES * math.log(n))
    for tried, code in enumerate(itertools.islice(random_products(generators, [], encoding, source), tries), 1):
        lengths = _cycle_lengths(code, moved)
        if any(n < 2 * p < 2 * n - 4 and _is_prime(p) for p in lengths):
            return True
        uniform += len(lengths) <= 1 and max(lengths, default=1) <= n // 2
        if tried == UNIFORM and uniform == tried:
            return False
    return False


def _cycle_lengths(code: Code, moved: Sequence[int]) -> set[int]:
    """The lengths, other than 1, of a permutation's cycles."""
    image = code.row.tolist() if isinstance(code, LongPermutation) else code
    seen = bytearray(len(image))
    lengths = set()
    for start in moved:
        length, point = 0, start
        while not seen[point]:
            seen[point] = 1
            point = image[point]
            length += 1
        if length > 1:
            lengths.add(length)
    return lengths


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))
