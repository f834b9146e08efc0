"""Isomorphisms between listed groups: invariant colours, fingerprints, and searches that use them.

Colour refinement: elements start with their order as colour; in each round the new colour of x is a hash of its old
one, of the multiset over all y of (colour y, colour x·y, colour [x, y]), and of the colours of its small powers and
roots. An isomorphism maps colours to colours, whatever the hash, so different colours prove that no isomorphism maps
one element to the other. This is the one-dimensional Weisfeiler–Leman refinement of a group in the sense of Brachter
and Schweitzer (LICS 2020); giving one element a colour of its own and refining again is the step of McKay's graph
isomorphism programs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import smallest_dtype
from .group import TABLE_LIMIT, Group, Indices

Colours = NDArray[np.uint64]

_WEIGHTS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    dtype=np.uint64,
)
_POWER_WEIGHTS = np.array([0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3], dtype=np.uint64)
_BLOCK = 2**16


def _mix(x: Colours) -> Colours:
    """A bijection of 64-bit words: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@dataclass(frozen=True)
class _Pairs:
    """What refinement reads of a group: tables of x·y and [x, y], and the maps x → x², x³, x⁵."""

    products: NDArray[np.integer]
    commutators: NDArray[np.integer]
    powers: tuple[NDArray[np.integer], ...]


def _pairs(group: Group) -> _Pairs:
    if group.order > TABLE_LIMIT:
        raise InputError(
            f"{group.name} has order {group.order}: isomorphisms are sought up to order {TABLE_LIMIT}, "
            "e.g. of S6; `inspect` says what two groups have in common"
        )
    table = group.table
    inverses = group.inverses.astype(table.dtype)
    everything = np.arange(group.order)
    square = table[everything, everything]
    cube = table[square, everything]
    return _Pairs(table, table[inverses[table.T], table], (square, cube, table[square, cube]))


def _refined(pairs: _Pairs, colours: Colours) -> Colours:
    """Colours after as many rounds as split classes, and one more."""
    order = len(colours)
    own, left, product, commutator, carried = _WEIGHTS
    rows = max(1, _BLOCK // order)
    count = _count(colours)
    while True:
        sums = np.empty(order, dtype=np.uint64)
        by_y, by_product, by_commutator = colours * left, colours * product, colours * commutator
        for start in range(0, order, rows):
            block = slice(start, start + rows)
            words = by_product[pairs.products[block]]
            words += by_commutator[pairs.commutators[block]]
            words += by_y
            sums[block] = _mix(words).sum(axis=1)
        marks = _mix(colours + own)
        for power, weight in zip(pairs.powers, _POWER_WEIGHTS, strict=True):
            roots = np.zeros(order, dtype=np.uint64)
            np.add.at(roots, power, marks * weight)
            sums += colours[power] * weight + _mix(roots)
        colours = _mix(colours * carried + sums)
        previous, count = count, _count(colours)
        if count == previous:
            return colours


def _count(colours: Colours) -> int:
    """How many different ones. (np.unique would first import numpy.ma, which takes longer than the rest.)"""
    ordered = np.sort(colours)
    return 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))


def _start(group: Group) -> Colours:
    return _mix(group.element_orders.astype(np.uint64))


def element_colours(group: Group) -> Colours:
    """Colours that every isomorphism keeps, comparable between groups of one order: uint64, shape (order,).

    Raises:
        InputError: the order is above `TABLE_LIMIT`.
    """
    return _refined(_pairs(group), _start(group))


def fingerprint(group: Group) -> int:
    """A number in [0, 2³²) that isomorphic groups share: the multiset of their element colours."""
    return _digest(element_colours(group))


def _digest(colours: Colours) -> int:
    return int(_mix(_mix(colours).sum(keepdims=True))[0] >> np.uint64(32))


def fine_fingerprint(group: Group) -> int:
    """A finer one, tens of milliseconds at order 192: for every x, the colours after x was given one of its own."""
    pairs = _pairs(group)
    colours = _refined(pairs, _start(group))
    labels = conjugacy_classes(group).labels
    total = np.zeros(1, dtype=np.uint64)
    _, representatives, sizes = np.unique(labels, return_index=True, return_counts=True)
    for x, size in zip(representatives, sizes, strict=True):  # conjugate elements would give the same
        refined = _refined(pairs, _individualised(colours, int(x)))
        total += _mix(_mix(refined).sum(keepdims=True) + colours[x]) * np.uint64(size)
    return int(_mix(total)[0] >> np.uint64(32))


def _individualised(colours: Colours, x: int) -> Colours:
    marked = colours.copy()
    marked[x] = _mix(~marked[x : x + 1])[0]
    return marked


@dataclass(frozen=True, eq=False)
class ConjugacyClasses:
    """The conjugacy classes of a group.

    Arguments:
        labels: the least element of each element's class, shape (order,).
        conjugators: c with c⁻¹·label·c = x for every x, shape (order,).
    """

    labels: Indices
    conjugators: Indices


def conjugacy_classes(group: Group) -> ConjugacyClasses:
    """The classes, by orbits of the generators' conjugation maps; all orbits are walked at once."""
    everything = np.arange(group.order)
    maps = [(g, group.multiply(group.multiply(group.inverse(g), everything), g)) for g in group.generators]
    labels = np.full(group.order, -1)
    conjugators = np.zeros(group.order, dtype=np.intp)
    for least in range(group.order):
        if labels[least] >= 0:
            continue
        labels[least] = least
        frontier = np.array([least])
        while len(frontier):
            reached = []
            for generator, conjugate in maps:
                images = conjugate[frontier]
                fresh = labels[images] < 0
                images, first = np.unique(images[fresh], return_index=True)
                labels[images] = least
                conjugators[images] = group.multiply(conjugators[frontier[fresh][first]], generator)
                reached.append(images)
            frontier = np.concatenate(reached) if reached else frontier[:0]
    return ConjugacyClasses(labels, conjugators)


class UndecidedError(InputError):
    """A search ran out of time."""


class TooManyMapsError(InputError):
    """A list of maps would be longer than its limit."""


def isomorphism(G: Group, H: Group, seconds: float = 5.0) -> Indices | None:
    """An isomorphism as an index map, shape (order,); None if there is none.

    `map[G.times(a, b)] == H.times(map[a], map[b])` for all a and b.

    Individualisation and refinement: an element of the smallest class with several members gets a colour of its own
    in G, and each member of that class in turn in H, until every element has its own colour; then the one possible
    map is tested.

    Raises:
        InputError: the order is above `TABLE_LIMIT`.
        UndecidedError: no answer after so many seconds.
    """
    if G.order != H.order:
        return None
    pairs_g, pairs_h = _pairs(G), _pairs(H)
    deadline = time.monotonic() + seconds

    def search(colours_g: Colours, colours_h: Colours) -> Indices | None:
        if time.monotonic() > deadline:
            raise UndecidedError(f"{G.name} and {H.name}: not decided in {seconds:g} s")
        by_colour_g, by_colour_h = np.argsort(colours_g, kind="stable"), np.argsort(colours_h, kind="stable")
        if not np.array_equal(colours_g[by_colour_g], colours_h[by_colour_h]):
            return None
        _, starts, counts = np.unique(colours_g[by_colour_g], return_index=True, return_counts=True)
        if len(counts) == G.order:
            images = np.empty(G.order, dtype=np.intp)
            images[by_colour_g] = by_colour_h
            same = np.array_equal(images[pairs_g.products], pairs_h.products[images[:, None], images])
            return images if same else None
        several = np.flatnonzero(counts > 1)
        smallest = several[np.argmin(counts[several])]
        members = slice(starts[smallest], starts[smallest] + counts[smallest])
        chosen = _refined(pairs_g, _individualised(colours_g, int(by_colour_g[starts[smallest]])))
        for y in by_colour_h[members]:
            found = search(chosen, _refined(pairs_h, _individualised(colours_h, int(y))))
            if found is not None:
                return found
        return None

    return search(_refined(pairs_g, _start(G)), _refined(pairs_h, _start(H)))


def automorphisms(group: Group, limit: int = 50_000) -> NDArray[np.integer]:
    """All automorphisms as index maps in lexicographic order, shape (count, order).

    Raises:
        TooManyMapsError: there are more than `limit`, or more embeddings of one of the subgroups on the way.
        InputError: the group's order is above `TABLE_LIMIT`.
    """
    colours = element_colours(group)
    generators = few_generators(group, colours)
    candidates = [np.flatnonzero(colours == colours[g]) for g in generators]
    try:
        maps = homomorphisms(group, generators, group, candidates, limit, injective=True)
    except TooManyMapsError:
        raise TooManyMapsError(
            f"{group.name} has too many automorphisms to list them: more than {limit:,} maps come into question"
        ) from None
    return maps[np.lexsort(maps.T[::-1])]


def few_generators(group: Group, colours: Colours | None = None) -> tuple[int, ...]:
    """Generators with few candidates for their images: greedily, the rarest colour per growth of the subgroup.

    Each lies outside the subgroup of those before it. `colours` are those of `element_colours`, computed if not given.
    """
    if colours is None:
        colours = element_colours(group)
    _, inverse, counts = np.unique(colours, return_inverse=True, return_counts=True)
    subgroup = group.trivial_subgroup
    while subgroup.order < group.order:
        outside = np.flatnonzero(~subgroup.mask)
        _, positions = np.unique(inverse[outside], return_index=True)  # one element outside for each colour
        best, best_cost = subgroup, np.inf
        for x in outside[positions]:
            larger = subgroup.extended([x])
            cost = np.log(counts[inverse[x]] + 0.5) / np.log(larger.order / subgroup.order)
            if cost < best_cost:
                best, best_cost = larger, cost
        subgroup = best
    return subgroup.generators


def homomorphisms(
    G: Group,
    generators: Sequence[int],
    H: Group,
    candidates: Sequence[NDArray],
    limit: int,
    injective: bool = False,
) -> NDArray[np.integer]:
    """All homomorphisms G → H that send generator i to one of `candidates[i]`, as index maps; shape (count, G.order).

    Generator by generator, the maps of ⟨g_1, …, g_i⟩ are extended over its Cayley graph, many at a time; a map stays if
    every edge agrees. `generators` must generate G, each outside the subgroup of those before it.

    Raises:
        TooManyMapsError: more than `limit` maps, of G or of one of the subgroups on the way.
    """
    maps = np.zeros((1, G.order), dtype=smallest_dtype(H.order))
    subgroup = G.trivial_subgroup
    for level, generator in enumerate(generators):
        larger = subgroup.extended([generator])
        if larger.order == subgroup.order:
            raise ValueError(f"generator {generator} is redundant")
        steps = list(_walk(G, subgroup.members, tuple(generators[: level + 1])))
        images = candidates[level]
        rows = max(1, 2**22 // (G.order * max(1, len(images))))
        kept = [maps[:0]]
        count = 0
        for start in range(0, len(maps), rows):
            block = maps[start : start + rows]
            extended = np.repeat(block, len(images), axis=0)
            extended[:, generator] = np.tile(images.astype(maps.dtype), len(block))
            extended = _extended(H, extended, generators, steps)
            if injective:
                inside = np.sort(extended[:, larger.members], axis=1)
                extended = extended[(inside[:, 1:] != inside[:, :-1]).all(axis=1)]
            kept.append(extended)
            count += len(extended)
            if count > limit:
                raise TooManyMapsError(f"more than {limit:,} homomorphisms from {G.name} to {H.name}: too many to list")
        maps = np.concatenate(kept)
        subgroup = larger
    return maps


def _walk(group: Group, known: Indices, generators: tuple[int, ...]) -> Iterator[tuple[int, int, int, bool]]:
    """Edges (x, i, x·g_i, is x·g_i met for the first time) of the Cayley graph; `known` elements are met already, but
    of their edges only those of the last generator are new."""
    last = len(generators) - 1
    met = np.zeros(group.order, dtype=bool)
    met[known] = True
    met[generators[last]] = True
    queue = [int(x) for x in known]
    old = len(queue)
    queue.append(generators[last])
    for position, x in enumerate(queue):  # grows while it is walked
        for i in range(last + 1) if position >= old else (last,):
            y = group.times(x, generators[i])
            yield x, i, y, not met[y]
            if not met[y]:
                met[y] = True
                queue.append(y)


def _extended(H: Group, maps: NDArray, generators: Sequence[int], steps: list[tuple[int, int, int, bool]]) -> NDArray:
    for x, i, y, new in steps:
        image = H.multiply(maps[:, x], maps[:, generators[i]])
        if new:
            maps[:, y] = image
            continue
        agree = maps[:, y] == image
        if not agree.all():
            maps = maps[agree]
            if not len(maps):
                break
    return maps
