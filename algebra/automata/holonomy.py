"""The holonomy decomposition of an automaton (Zeiger 1967; Eilenberg 1976; Egri-Nagy and Nehaniv 2015).

Let I be the images Q·w of words, together with Q and the singletons. Put P ≤ R when P lies inside R·w for some word w;
images below each other are *equivalent*: words lead bijectively from one to the other. The *tiles* of R are the maximal
members of I properly inside R; the *holonomy group* of R is what the words w with R·w = R do to its tiles. Equivalent
images have equivalent tiles and the same group, so one representative of each class is enough. The *height* of an image
is the length of the longest descending chain to a singleton.

A state q is held as a chain Q ⊃ X₁ ⊃ X₂ ⊃ … ⊃ {q}, each a tile of the one before. Let X(h) be the first member of a
chain of height ≤ h. Reading x, a new chain Y is made from the top so that X(h)·x ⊆ Y(h) at every height:

* if Y(h) has a smaller height, nothing happens at h;
* if X(h)·x = Y(h), then X(h) and Y(h) are equivalent (the height of an image never grows, and falls where it is not
  equivalent), and x *permutes* tiles: the next member is X(h-1)·x;
* else X(h)·x lies inside a tile of Y(h), which the next member is *set* to, whatever was held at h.

So each height is a permutation-reset component, and what a token does there depends on greater heights alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.permutations import smallest_dtype
from ..groups.group import Group
from ..groups.permutation_group import generated_group
from .automaton import Automaton
from .components import components

MAX_IMAGES = 6_000
"""Automata with more images are refused."""

MAX_KEPT = 300
"""Decompositions that are kept."""

_kept: dict[tuple[tuple[int, ...], bytes], Holonomy] = {}


@dataclass(frozen=True, eq=False)
class HolonomyClass:
    """A class of equivalent images of more than one state.

    Arguments:
        height: of its members.
        representative: the number of one image.
        tiles: the numbers of the representative's tiles.
        group: the holonomy group, acting on the tiles in that order; its points are positions in `tiles`.
        bases: one tile of each orbit of the group, as a position.
        coordinates: shape (tiles, 2): for each tile (orbit, element g) with bases[orbit]·g = tile.
    """

    height: int
    representative: int
    tiles: tuple[int, ...]
    group: Group
    bases: tuple[int, ...]
    coordinates: NDArray[np.intp]


class Holonomy:
    """The images of an automaton, their classes, and one step of the decomposition.

    Images are numbered; an image is a set of states, kept as the bits of an integer.

    Raises:
        InputError: there are more images than `MAX_IMAGES`, or a holonomy group is too large to list.
    """

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        self.sets: list[int] = []
        self.number: dict[int, int] = {}
        self.following: list[list[int]] = []
        self._list_images()
        self.class_of, self._members = self._equivalence()
        self.heights = self._heights()
        self._transport: dict[int, NDArray[np.intp]] = {}
        self.classes: dict[int, HolonomyClass] = {}
        for number in self._members:
            if self.size(self._members[number][0]) > 1:
                self.classes[number] = self._class(number)
        self._inside: dict[tuple[int, int], int] = {}
        self._moves: dict[tuple[int, int], int] = {}
        self._tile: dict[tuple[int, int], int] = {}
        self.machines: dict[Hashable, object] = {}
        """What was made of the decomposition, by those who made it."""

    @classmethod
    def of(cls, automaton: Automaton) -> Holonomy:
        """The decomposition of an automaton with this table, kept from the last time that it was asked for: several
        families, and pieces of pieces, ask for the same ones."""
        key = automaton.table.shape, automaton.table.tobytes()
        if key not in _kept:
            if len(_kept) == MAX_KEPT:
                del _kept[next(iter(_kept))]
            _kept[key] = cls(automaton)
        return _kept[key]

    @property
    def work(self) -> int:
        """About how many microseconds it takes to find it."""
        return 40 * len(self.sets) * self.automaton.width

    @property
    def height(self) -> int:
        """The height of the set of all states; 0 for an automaton with one state."""
        return self.heights[self.class_of[0]]

    @cached_property
    def levels(self) -> tuple[tuple[HolonomyClass, ...], ...]:
        """The classes of each height that a chain can meet, from the greatest height down to 1."""
        met = self._met()
        return tuple(
            tuple(own for number, own in self.classes.items() if own.height == h and number in met)
            for h in range(self.height, 0, -1)
        )

    def size(self, image: int) -> int:
        """How many states an image has."""
        return self.sets[image].bit_count()

    def states(self, image: int) -> list[int]:
        """The states of an image."""
        bits, found = self.sets[image], []
        while bits:
            found.append((bits & -bits).bit_length() - 1)
            bits &= bits - 1
        return found

    # ------------------------------------------------------------------ images, classes, heights

    def _enter(self, bits: int) -> int:
        if bits not in self.number:
            if len(self.sets) == MAX_IMAGES:
                raise InputError(
                    f"{self.automaton.name}: words have more than {MAX_IMAGES:,} images of its "
                    f"{self.automaton.count} states; only automata with fewer are decomposed; `inspect` judges it"
                )
            self.number[bits] = len(self.sets)
            self.sets.append(bits)
        return self.number[bits]

    def _list_images(self) -> None:
        count = self.automaton.count
        self._enter((1 << count) - 1)
        for q in range(count):
            self._enter(1 << q)
        columns = [[1 << q for q in column] for column in self.automaton.table.T.tolist()]
        for bits in self.sets:  # grows while it is walked
            members = [q for q in range(count) if bits >> q & 1]
            row = []
            for column in columns:
                image = 0
                for q in members:
                    image |= column[q]
                row.append(self._enter(image))
            self.following.append(row)

    def _equivalence(self) -> tuple[list[int], dict[int, list[int]]]:
        """The class of every image, and the members of every class: images that words lead to and back, one size."""
        sizes = [bits.bit_count() for bits in self.sets]
        edges = [[t if sizes[t] == size else -1 for t in row] for size, row in zip(sizes, self.following, strict=True)]
        class_of = components(np.array(edges, dtype=np.int32)).tolist()
        members: dict[int, list[int]] = {}
        for image, number in enumerate(class_of):
            members.setdefault(number, []).append(image)
        return class_of, members

    def _tiles(self, image: int) -> list[int]:
        """The maximal images properly inside one."""
        bits = self.sets[image]
        inside = [other for other in self.sets if other & bits == other and other != bits]
        inside.sort(key=int.bit_count, reverse=True)
        kept: list[int] = []
        for other in inside:
            if not any(other & tile == other for tile in kept):
                kept.append(other)
        return sorted(self.number[tile] for tile in kept)

    def _heights(self) -> dict[int, int]:
        """The height of every class. Below a class are the classes of its members' tiles and of what leaves it."""
        self._tiles_of = {members[0]: self._tiles(members[0]) for members in self._members.values()}
        heights: dict[int, int] = {}
        for number in sorted(self._members, key=lambda n: (self.size(self._members[n][0]), n)):
            self._height(number, heights)
        return heights

    def _height(self, number: int, heights: dict[int, int]) -> int:
        stack = [number]
        while stack:
            here = stack[-1]
            members = self._members[here]
            if here in heights:
                stack.pop()
            elif self.size(members[0]) == 1:
                heights[here] = 0
            else:
                # Tiles of the first member are enough: those of the others are equivalent to them.
                below = {self.class_of[tile] for tile in self._tiles_of[members[0]]}
                below |= {self.class_of[target] for image in members for target in self.following[image]}
                below.discard(here)
                missing = [other for other in below if other not in heights]
                if missing:
                    stack.extend(missing)
                else:
                    heights[here] = 1 + max(heights[other] for other in below)
        return heights[number]

    # ------------------------------------------------------------------ representatives and groups

    def _class(self, number: int) -> HolonomyClass:
        members = self._members[number]
        representative = members[0]
        self._transport[representative] = np.arange(self.automaton.count)
        queue = [representative]
        inside = set(members)
        for image in queue:  # grows while it is walked
            for x, target in enumerate(self.following[image]):
                if target in inside and target not in self._transport:
                    self._transport[target] = self.automaton.table[self._transport[image], x].astype(np.intp)
                    queue.append(target)
        tiles = self._tiles_of[representative]
        generators = self._on_all_tiles(representative, tiles, self._returns(representative, members, inside))
        group = _listed(generators, len(tiles), self.automaton.name)
        bases, coordinates = _orbits(group, len(tiles))
        return HolonomyClass(self.heights[number], representative, tuple(tiles), group, bases, coordinates)

    def _returns(self, representative: int, members: list[int], inside: set[int]) -> set[tuple[int, ...]]:
        """What ways from the representative over one letter between two members and back do to its states, as the
        places to which they lead; the identity is left out."""
        points = self.states(representative)
        place = np.zeros(self.automaton.count, dtype=np.intp)
        found = set()
        for image in members:
            here = self._transport[image][points]
            for x, target in enumerate(self.following[image]):
                if target in inside:
                    place[self._transport[target][points]] = np.arange(len(points))
                    found.add(tuple(place[self.automaton.table[here, x]].tolist()))
        found.discard(tuple(range(len(points))))
        return found

    def _on_all_tiles(
        self, representative: int, tiles: list[int], returns: set[tuple[int, ...]]
    ) -> set[tuple[int, ...]]:
        """What permutations of the representative's states, given by places, do to its tiles."""
        points = self.states(representative)
        where = {q: i for i, q in enumerate(points)}
        number = {self.sets[tile]: i for i, tile in enumerate(tiles)}
        held = [[where[q] for q in self.states(tile)] for tile in tiles]
        found = set()
        for moved in returns:
            bits = [1 << points[i] for i in moved]
            found.add(tuple(number[sum(bits[i] for i in own)] for own in held))
        found.discard(tuple(range(len(tiles))))
        return found

    def _on_tiles(
        self, representative: int, tiles: list[int], place: dict[int, int], image: int, x: int, target: int
    ) -> tuple[int, ...]:
        """What the way from the representative to an image, a letter, and the way back from there do to the tiles."""
        forth = self.automaton.table[self._transport[image], x]
        back = np.zeros(self.automaton.count, dtype=np.intp)
        points = self.states(representative)
        back[self._transport[target][points]] = points
        return tuple(place[self._mapped(tile, back[forth])] for tile in tiles)

    def _mapped(self, image: int, mapping: NDArray[np.integer]) -> int:
        bits = 0
        for q in self.states(image):
            bits |= 1 << int(mapping[q])
        return self.number[bits]

    # ------------------------------------------------------------------ one step

    def owner(self, image: int) -> HolonomyClass:
        """The class of an image of more than one state."""
        return self.classes[self.class_of[image]]

    def tile(self, image: int, position: int) -> int:
        """The tile of an image that corresponds to a position among its representative's tiles."""
        key = image, position
        if key not in self._tile:
            self._tile[key] = self._mapped(self.owner(image).tiles[position], self._transport[image])
        return self._tile[key]

    def position_around(self, image: int, smaller: int) -> int:
        """The position of a tile of an image that contains a smaller image."""
        key = image, smaller
        if key not in self._inside:
            back = np.zeros(self.automaton.count, dtype=np.intp)
            own = self.owner(image)
            points = self.states(own.representative)
            back[self._transport[image][points]] = points
            bits = self.sets[self._mapped(smaller, back)]
            self._inside[key] = next(i for i, tile in enumerate(own.tiles) if self.sets[tile] & bits == bits)
        return self._inside[key]

    def element_of(self, image: int, letter: int) -> int:
        """The element of the holonomy group by which a letter moves the tiles of an image to an equivalent one."""
        key = image, letter
        if key not in self._moves:
            own, target = self.owner(image), self.following[image][letter]
            place = {tile: i for i, tile in enumerate(own.tiles)}
            moved = self._on_tiles(own.representative, list(own.tiles), place, image, letter, target)
            self._moves[key] = int(own.group.index_of(np.array([moved], dtype=own.group.elements.dtype))[0])
        return self._moves[key]

    def _met(self) -> set[int]:
        """The classes that are tiles of tiles of … of the set of all states."""
        met, queue = {self.class_of[0]}, [0]
        for image in queue:  # grows while it is walked; images of one class have tiles of the same classes
            if self.size(image) == 1:
                continue
            for tile in self.owner(image).tiles:
                if self.class_of[tile] not in met:
                    met.add(self.class_of[tile])
                    queue.append(tile)
        return met

    def groups(self) -> Iterator[tuple[int, Group]]:
        """The height and the group of every class that chains meet and whose holonomy group is not trivial."""
        for level in self.levels:
            for own in level:
                if own.group.order > 1:
                    yield own.height, own.group


def _listed(generators: set[tuple[int, ...]], tiles: int, name: str) -> Group:
    dtype = smallest_dtype(tiles)
    if not generators:
        return Group(np.arange(tiles, dtype=dtype)[None], (), "")
    permutations = np.array(sorted(generators), dtype=dtype)
    from ..chains.stabiliser_chain import StabiliserChain

    order = StabiliserChain(permutations).order
    if order > 50_000:
        raise InputError(f"{name}: a holonomy group of order {order:,}; at most 50,000 are listed; `inspect` judges it")
    return generated_group(permutations, order, "")


def _orbits(group: Group, tiles: int) -> tuple[tuple[int, ...], NDArray[np.intp]]:
    """One tile of each orbit, and (orbit, element) for every tile."""
    bases: list[int] = []
    coordinates = np.full((tiles, 2), -1, dtype=np.intp)
    for tile in range(tiles):
        if coordinates[tile, 0] < 0:
            images = group.elements[:, tile]
            for target in np.unique(images).tolist():
                coordinates[target] = len(bases), int(np.flatnonzero(images == target)[0])
            bases.append(tile)
    return tuple(bases), coordinates
