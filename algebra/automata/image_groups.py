"""The groups on the images of an automaton, found without listing its transition monoid.

For an image A = Q·w let G_A be what the words w with A·w = A do to A: a group of permutations. Which families carry an
automaton, and how many layers its groups ask for, follows from these groups alone (docs/automata.md has the proofs):

* each G_A is what a submonoid of M does to A, so it divides a subgroup of M;
* images that words lead to and back have isomorphic groups: one of each such class is enough;
* the maximal subgroup at an idempotent e acts faithfully on A = Q·e, and is G_A there; classes that hold the image of
  an idempotent correspond one to one to the regular J-classes.

There are at most 2ⁿ images, and mostly few, where M may have nⁿ elements.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import smallest_dtype
from ..chains.stabiliser_chain import StabiliserChain
from ..groups.group import Group
from ..groups.permutation_group import generated_group
from .automaton import Automaton
from .components import components

MAX_IMAGES = 300_000
"""Automata with more images are refused."""

MAX_LISTED = 50_000
"""Groups of a larger order are known by a stabiliser chain."""

MAX_WAYS = 200_000
"""Ways of an image (image, and where each of its states went) that are followed for the shortest words of a group."""

MAX_PAIRS = 2_000_000
"""Pairs of images among which an idempotent is looked for."""

LONG = 2_000
"""Words of more letters are used in witnesses only where there are no others."""

Word = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ImageGroup:
    """A group of permutations of some states that words make.

    Arguments:
        points: the states.
        group: it, acting on positions in `points`; known by a chain where its order is above `MAX_LISTED`.
        generators: permutations that generate it, shape (count, points), and a word for each.
        word: a word that acts on the points as the element of that number does (listed groups).
    """

    points: tuple[int, ...]
    group: Group | StabiliserChain
    generators: tuple[NDArray[np.unsignedinteger], tuple[Word, ...]]
    word: Callable[[int], Word]

    @property
    def order(self) -> int:
        return self.group.order

    @property
    def listed(self) -> Group:
        """The listed group. Raises `InputError` where it is too large."""
        if isinstance(self.group, Group):
            return self.group
        raise InputError(
            f"a group of order {self.order:,} on {len(self.points)} states is too large to list; `inspect` needs none"
        )

    def some(self) -> Iterator[tuple[NDArray[np.unsignedinteger], Word]]:
        """Elements with words, one after the other: generators and products of them, breadth first."""
        rows, words = self.generators
        seen: set[bytes] = set()
        queue = list(zip(rows, words, strict=True))
        for row, word in queue:  # grows while it is walked
            if row.tobytes() in seen:
                continue
            seen.add(row.tobytes())
            yield row, word
            queue += [(g[row], (*word, *own)) for g, own in zip(rows, words, strict=True)]

    def part(self, wanted: Callable[[Group], bool]) -> ImageGroup | None:
        """A subgroup that can be listed and is as wanted; itself where it is listed; None if none was found.

        Powers of prime order that move few points are tried in pairs: such pairs generate small subgroups.
        """
        if isinstance(self.group, Group):
            return self if wanted(self.group) else None
        powers = _prime_powers(islice(self.some(), 400))
        pool = sorted(powers, key=lambda one: (len(one[1]) > LONG, _moved(one[0]), len(one[1])))
        source = random.Random(0)
        pairs = [(a, b) for i, a in enumerate(pool[:24]) for b in pool[:i]]
        pairs += [tuple(source.sample(pool, 2)) for _ in range(200)] if len(pool) > 1 else []  # type: ignore[misc]
        for chosen in pairs:
            rows = np.stack([row for row, _ in chosen])
            order = StabiliserChain(rows).order
            if order <= MAX_LISTED:
                found = _from_generators(self.points, rows, tuple(word for _, word in chosen), order)
                if wanted(found.listed):
                    return found
        return None


def _moved(row: NDArray[np.unsignedinteger]) -> int:
    return int((row != np.arange(len(row))).sum())


def _prime_powers(
    elements: Iterator[tuple[NDArray[np.unsignedinteger], Word]],
) -> Iterator[tuple[NDArray[np.unsignedinteger], Word]]:
    """Of each element the powers of prime order, each once."""
    seen: set[bytes] = set()
    for row, word in elements:
        lengths = _cycle_lengths(row)
        order = int(np.lcm.reduce([1, *lengths]))
        for p in range(2, order + 1):
            if order % p or any(p % d == 0 for d in range(2, p)):
                continue
            power = np.arange(len(row), dtype=row.dtype)
            for _ in range(order // p):
                power = row[power]
            if power.tobytes() not in seen:
                seen.add(power.tobytes())
                yield power, word * (order // p)


def _cycle_lengths(row: NDArray[np.unsignedinteger]) -> list[int]:
    left, found = set(range(len(row))), []
    while left:
        q, length = min(left), 0
        while q in left:
            left.remove(q)
            q, length = int(row[q]), length + 1
        found.append(length)
    return found


class Images:
    """The images Q·w of an automaton's words, numbered; a set of states is kept as the bits of an integer.

    Raises:
        InputError: there are more than `MAX_IMAGES`.
    """

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        count = automaton.count
        self.sets = [(1 << count) - 1]
        self.following: list[list[int]] = []
        self.origin = [(-1, -1)]
        number = {self.sets[0]: 0}
        tables = [_of_bytes(column) for column in automaton.table.T.tolist()]
        width = (count + 7) // 8
        for here, bits in enumerate(self.sets):  # grows while it is walked
            parts = bits.to_bytes(width, "little")
            row = []
            for x, table in enumerate(tables):
                image = 0
                for values, byte in zip(table, parts, strict=True):
                    image |= values[byte]
                target = number.get(image)
                if target is None:
                    if len(self.sets) == MAX_IMAGES:
                        raise InputError(
                            f"{automaton.name}: words have more than {MAX_IMAGES:,} images of its {count} states; "
                            "only automata with fewer are judged; `words` draws words, and fewer letters that merge "
                            "states make fewer images"
                        )
                    target = number[image] = len(self.sets)
                    self.sets.append(image)
                    self.origin.append((here, x))
                row.append(target)
            self.following.append(row)

    def states(self, image: int) -> tuple[int, ...]:
        """The states of an image."""
        bits = self.sets[image]
        return tuple(q for q in range(self.automaton.count) if bits >> q & 1)

    def word(self, image: int) -> Word:
        """A shortest word with this image."""
        letters = []
        while image:
            image, x = self.origin[image]
            letters.append(x)
        return tuple(reversed(letters))

    @cached_property
    def classes(self) -> list[list[int]]:
        """The images that words lead to from each other, those of one state left out; first members ascend."""
        sizes = [bits.bit_count() for bits in self.sets]
        edges = np.array(
            [[t if sizes[t] == size else -1 for t in row] for size, row in zip(sizes, self.following, strict=True)],
            dtype=np.int32,
        )
        members: dict[int, list[int]] = {}
        for image, number in enumerate(components(edges).tolist()):
            if sizes[image] > 1:
                members.setdefault(number, []).append(image)
        return sorted(members.values())

    def holds_an_idempotent(self, members: list[int]) -> bool:
        """Whether a class holds the image of an idempotent: whether some word w has Q·w = A = A·w for its first
        member A. What such a word does has a power that is idempotent, with image A."""
        inside, goal = set(members), members[0]
        image = goal
        for x in self.word(goal):
            image = self.following[image][x]
        if image in inside:
            return True  # then a way back to A makes the word
        seen = {(0, goal)}
        queue = [(0, goal)]
        for whole, part in queue:  # grows while it is walked
            for after in zip(self.following[whole], self.following[part], strict=True):
                if after[1] in inside and after not in seen:
                    if after == (goal, goal):
                        return True
                    seen.add(after)
                    queue.append(after)
            if len(seen) > MAX_PAIRS:
                return True  # not decided; its group divides a subgroup of the monoid in any case
        return False


def _of_bytes(column: list[int]) -> list[list[int]]:
    """For each byte of a set of states, and each value of it, the image of those states."""
    tables = []
    for first in range(0, len(column), 8):
        values = [0]
        for target in column[first : first + 8]:
            values += [value | 1 << target for value in values]
        tables.append(values)
    return tables


def image_groups(automaton: Automaton) -> tuple[ImageGroup, ...]:
    """The maximal subgroups of the transition monoid up to isomorphism, one for each regular J-class, trivial ones left
    out, each as it acts on the image of an idempotent.

    Raises:
        InputError: there are too many images, or a group's chain would take too long.
    """
    images = Images(automaton)
    found = []
    for members in images.classes:
        own = _group_of(images, members)
        if own is not None and images.holds_an_idempotent(members):
            found.append(own)
    return tuple(found)


def _group_of(images: Images, members: list[int]) -> ImageGroup | None:
    """G_A for the first member A of a class; None where it is trivial."""
    points = images.states(members[0])
    rows, words = _generators(images, members, points)
    if not len(rows):
        return None
    # A few are enough: each that is kept, shortest words first, makes the group larger.
    kept = [0]
    chain = StabiliserChain(rows[kept])
    while len(missing := np.flatnonzero(~chain.contains(rows))):
        kept.append(int(missing[0]))
        chain = StabiliserChain(rows[kept])
    order = chain.order
    if order <= MAX_LISTED and order * len(members) <= MAX_WAYS:
        return _by_ways(images, members, points, order)
    return _from_generators(points, rows[kept], tuple(words[i] for i in kept), order)


def _generators(
    images: Images, members: list[int], points: Sequence[int]
) -> tuple[NDArray[np.unsignedinteger], tuple[Word, ...]]:
    """Permutations that generate G_A, and words for them.

    With u_B a word from A to B and v_B one from B back to A, they are those of u_B·v_B, and of u_B·x·v_C for letters x
    with B·x = C. Schreier's generators u_B·x·u_C⁻¹ are the quotients of the second by the first.
    """
    columns, first, inside = images.automaton.table.T, members[0], set(members)
    forth: dict[int, Word] = {first: ()}
    where = {first: np.array(points, dtype=np.intp)}
    queue = [first]
    back: dict[int, Word] = {first: ()}
    returns = {first: np.arange(images.automaton.count)}  # where the way back leads each state
    sources: dict[int, list[tuple[int, int]]] = {}
    for image in members:
        for x, target in enumerate(images.following[image]):
            if target in inside:
                sources.setdefault(target, []).append((image, x))
    for image in queue:  # grows while it is walked
        for x, target in enumerate(images.following[image]):
            if target in inside and target not in forth:
                forth[target] = (*forth[image], x)
                where[target] = columns[x][where[image]].astype(np.intp)
                queue.append(target)
    queue = [first]
    for image in queue:  # grows while it is walked
        for source, x in sources.get(image, ()):
            if source not in back:
                back[source] = (x, *back[image])
                returns[source] = returns[image][columns[x]]
                queue.append(source)
    place = np.zeros(images.automaton.count, dtype=smallest_dtype(len(points)))
    place[list(points)] = np.arange(len(points))
    found: dict[bytes, tuple[NDArray[np.unsignedinteger], Word]] = {}
    identity = np.arange(len(points), dtype=place.dtype).tobytes()
    for image in members:
        ways: list[tuple[NDArray[np.intp], Word]] = [(returns[image][where[image]], forth[image] + back[image])]
        for x, target in enumerate(images.following[image]):
            if target in inside:
                ways.append((returns[target][columns[x][where[image]]], (*forth[image], x, *back[target])))
        for moved, word in ways:
            row = place[moved]
            key = row.tobytes()
            if key != identity and (key not in found or len(word) < len(found[key][1])):
                found[key] = row, word
    kept = sorted(found.values(), key=lambda one: (len(one[1]), one[1]))
    return np.array([row for row, _ in kept], dtype=place.dtype), tuple(word for _, word in kept)


def _by_ways(images: Images, members: list[int], points: tuple[int, ...], order: int) -> ImageGroup:
    """G_A with a shortest word for each element: the ways of A's states are followed while they stay apart."""
    first, inside = members[0], set(members)
    columns = images.automaton.table.T
    start = np.array(points, dtype=smallest_dtype(images.automaton.count))
    columns = columns.astype(start.dtype)
    small = start.dtype == np.uint8
    tables = [column.tobytes().ljust(256, b"\0") for column in columns] if small else []
    queue = [(start.tobytes(), first)]
    number = {queue[0][0]: 0}
    origin = [(-1, -1)]
    own = [0]
    for i, (way, image) in enumerate(queue):  # grows while it is walked
        for x, target in enumerate(images.following[image]):
            if target not in inside:
                continue
            moved = way.translate(tables[x]) if small else columns[x][np.frombuffer(way, dtype=start.dtype)].tobytes()
            if moved not in number:
                number[moved] = len(queue)
                if target == first:
                    own.append(len(queue))
                queue.append((moved, target))
                origin.append((i, x))
    assert len(own) == order, f"{len(own)} elements found, {order} expected"
    place = np.zeros(images.automaton.count, dtype=smallest_dtype(len(points)))
    place[list(points)] = np.arange(len(points))
    rows = place[np.array([np.frombuffer(queue[i][0], dtype=start.dtype) for i in own])]
    ordered = np.lexsort(rows.T[::-1])
    elements = np.ascontiguousarray(rows[ordered])
    group = _named(elements)

    def word(element: int) -> Word:
        letters, here = [], own[int(ordered[element])]
        while here:
            here, x = origin[here]
            letters.append(x)
        return tuple(reversed(letters))

    chosen = group.generators
    return ImageGroup(points, group, (elements[list(chosen)], tuple(word(g) for g in chosen)), word)


def _named(elements: NDArray[np.unsignedinteger]) -> Group:
    """A listed group with a few generators."""
    whole = Group(elements, (), "")
    return Group(elements, whole.subgroup(range(1, len(elements))).generators, "")


def _from_generators(
    points: tuple[int, ...], rows: NDArray[np.unsignedinteger], words: tuple[Word, ...], order: int
) -> ImageGroup:
    """A group by generators with words; its elements are products of them."""
    if order > MAX_LISTED:

        def none(element: int) -> Word:
            raise InputError(
                f"a group of order {order:,} on {len(points)} states is too large to list; `inspect` needs no list"
            )

        return ImageGroup(points, StabiliserChain(rows), (rows, words), none)
    group = generated_group(rows, order, "")
    numbers = group.index_of(rows).tolist()
    origin: dict[int, tuple[int, Word]] = {0: (0, ())}
    queue = [0]
    for element in queue:  # grows while it is walked
        for number, word in zip(numbers, words, strict=True):
            product = group.times(element, number)
            if product not in origin:
                origin[product] = element, word
                queue.append(product)

    def of(element: int) -> Word:
        parts: list[Word] = []
        while element:
            element, word = origin[element]
            parts.append(word)
        return tuple(x for part in reversed(parts) for x in part)

    return ImageGroup(points, group, (rows, words), of)
