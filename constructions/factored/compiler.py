"""The factored cascade of a solvable permutation group, from generators: nothing lists the group.

The group is taken apart by its action on points, and each part compiled by itself.

* **Orbits.** A group that is not transitive lies in the direct product of its constituents.
* **Blocks.** A transitive group with a system of n blocks lies in A ≀ B, where B is its action on the blocks and A that
  of a block's stabiliser on the block (Krasner and Kaloujnine 1951). Let t_j be an element that takes block 0 to block
  j, and call t_j(i) the point (j, i). A token x is then (g_0, …, g_{n-1}; c): (j, i) ↦ (c(j), g_j(i)).
  Write the product so far as y = f·b, f = (f_0, …, f_{n-1}) inside the blocks, b on them. Then
  y·x = f'·b' with b' = b·c and f'_j = f_j·g_{b(j)}: *copy j of A reads the token g at the place where b has its block*.
  So B's cascade comes first, and the copy for block j takes the increments of A's cascade at g_{b(j)}: a table over
  the channels of B on which the image b(j) of one point depends, and A's own.
* **Atoms.** What has neither orbits nor blocks is primitive: a solvable primitive group of degree d has order below
  d^3.25 (Pálfy 1982, Wolf 1982), so it is listed, and its ordinary cascade is compiled.

A decomposition is *exact* when the product's order is the group's own. An inexact one is still right (the tokens are
elements of the product, which is tracked), but it has states that no word reaches, and may need more layers than the
group; so a group that can only be embedded is compiled as an atom where it is small.

Every table is then compared with itself along each channel it reads: a channel along which it is constant is dropped.
That is a proof of independence, because a table holds every case. A channel's layer is one more than the deepest layer
it still reads, so channels move up as far as they can, and layers of the parts merge where nothing keeps them apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import Permutations, smallest_dtype
from ...algebra.chains.series import perfect_residual
from ...algebra.chains.stabiliser_chain import StabiliserChain
from ...algebra.depth.decomposition import decompose
from ...algebra.depth.families import FAMILIES, Family
from ...algebra.depth.refusal import refusal, way_out
from ...algebra.depth.series import shortest_series
from ...algebra.groups.permutation_group import PermutationGroup
from ...algebra.tracked import TrackedPermutations
from ...common.errors import InputError
from ...common.kinds import FACTORED
from ...common.wording import counted, describe_order
from ..cascade import compile_cascade
from ..compilation import Compilation, no_network
from .bound import lower_bound
from .cascade import FactoredCascade, FactoredChannel, carried_by
from .proof import Line, cases, needed_layers

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..weights import Weights

LARGEST_ATOM = 100_000
"""Largest order of an atom."""

MAX_SYSTEMS = 100
"""Most systems of blocks that are tried at each step."""

BLOCK_SEARCH = 2_000_000
"""The search for systems of blocks ends after this many points, counted anew for each pair of points that is joined."""

MAX_TABLE = 1 << 26
"""Largest number of entries of one channel's table."""


@dataclass(frozen=True)
class Structure:
    """How a group was taken apart.

    Arguments:
        text: e.g. `(24 on 4) wr (24 on 4)`: orders and degrees of the atoms.
        order: of the product, exactly; the number of states.
        exact: whether the product is the group itself.
    """

    text: str
    order: int
    exact: bool


@dataclass(frozen=True, eq=False, repr=False)
class FactoredCompilation(Compilation):
    """A group too large to list, compiled into a factored cascade, with what is known of the group.

    Its states stand for permutations. It has no network: it runs as integers.

    Arguments:
        cascade: the machine.
        structure: how the group was taken apart.
        chain: the group itself.
        series_orders: orders of the shortest series that the family's layers can carry, found by stabiliser chains.
    """

    kind = FACTORED

    cascade: FactoredCascade
    structure: Structure
    chain: StabiliserChain
    series_orders: tuple[int, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.cascade.name

    @property
    def order(self) -> int:
        """Of the group."""
        return self.chain.order

    @cached_property
    def tracked(self) -> TrackedPermutations:
        return TrackedPermutations(self.cascade.alphabet, self.name)

    @property
    def weights(self) -> Weights:
        raise no_network(self.name)

    @cached_property
    def program(self) -> tuple[Line, ...]:
        """Nested commutators of tokens that show how many layers are needed."""
        return tuple(lower_bound(self.cascade.alphabet, FAMILIES[self.cascade.family].exponent))

    @cached_property
    def needed(self) -> int:
        """No stack of fewer layers of the family can track the group."""
        return needed_layers(self.cascade, self.program)

    @property
    def equations(self) -> int:
        """How many equations between points `fault` checks."""
        return cases(self.cascade)

    @property
    def cases(self) -> str:
        return f"{self.equations:,} equations between points"

    def files(self) -> dict[str, bytes | str]:
        from .artifact import factored_files

        return factored_files(self)

    def title(self) -> str:
        cascade = self.cascade
        layers, channels = counted(cascade.depth, "layer"), counted(len(cascade.channels), "channel")
        size = f"order {describe_order(self.order)} on {cascade.degree} points"
        return f"{self.name}: {size}, {layers}, {channels}, {counted(len(cascade.alphabet), 'token')}"

    def layer_lines(self) -> list[str]:
        carried = [carried_by(self.cascade, layer) for layer in range(1, self.cascade.depth + 1)]
        return [f"layer {i}: {self.cascade.family} carries {what}" for i, what in enumerate(carried, 1)]

    def account(self, width: int) -> Iterator[RenderableType]:
        from .account import factored_account

        return factored_account(self)

    def draw(self, path: Path) -> None:
        raise InputError(f"{self.name} is too large to list, so there is no picture; its page: --html page.html")

    def page(self) -> dict[str, Any]:
        from ..pages.machine_page import factored_data

        return factored_data(self.cascade, self.order, self.series_orders, self.structure.text)

    @property
    def shortest(self) -> int:
        """The least number of layers that any construction could have."""
        return len(self.series_orders) - 1


def compile_factored(name: str, alphabet: Permutations, family: Family) -> FactoredCompilation:
    """Compile the group that the tokens generate; tokens are permutations, shape (m, degree).

    Raises:
        InputError: the family cannot track the group, or a part of the group or a table is too large.
    """
    if len(alphabet) == 0 or (alphabet == np.arange(alphabet.shape[1])).all():
        raise InputError(f"{name} is trivial: 0 layers track it, there is nothing to compile; try C2")
    chain = StabiliserChain(alphabet)
    orders = shortest_series(chain, family).orders
    if orders[-1] > 1:
        raise InputError(_refused(name, chain, family, orders))
    channels, structure = _compile(chain, alphabet, family)
    return FactoredCompilation(FactoredCascade(name, family.name, alphabet, tuple(channels)), structure, chain, orders)


def _refused(name: str, chain: StabiliserChain, family: Family, orders: Sequence[int]) -> str:
    residual = perfect_residual(chain)
    if residual.order > 1:
        why = f"it is not solvable, its perfect residual has order {describe_order(residual.order)}"
    else:
        why = f"{family.reason}; the series stops at order {describe_order(orders[-1])}"
    out = way_out(chain.order, chain.degree, residual.order == 1)
    return f"{name} cannot be tracked by any number of layers of {family.title}: {why}{out}"


Compiled = tuple[list[FactoredChannel], Structure]


def _compile(chain: StabiliserChain, tokens: Permutations, family: Family) -> Compiled:
    """Channels for a nontrivial solvable group, their lifts on its own points, and how it was taken apart."""
    orbits = _classes(tokens, [])
    if len(orbits) > 1:
        parts = [_Constituent(orbit, tokens) for orbit in orbits if len(orbit) > 1]
        if len(parts) == 1:
            return parts[0].widened(_compile(parts[0].chain, parts[0].tokens, family), len(tokens[0]))
        if math.prod(part.chain.order for part in parts) == chain.order or chain.order > LARGEST_ATOM:
            return _direct(chain, parts, tokens, family)
        return _atom(chain, tokens, family)
    best: _Embedding | None = None
    for blocks in _block_systems(tokens):
        embedding = _Embedding(blocks, tokens)
        if embedding.order == chain.order:
            return _wreath(chain, embedding, tokens, family)
        if best is None or embedding.order < best.order:
            best = embedding
    if best is None or chain.order <= LARGEST_ATOM:
        return _atom(chain, tokens, family)
    return _wreath(chain, best, tokens, family)


# Atoms


def _atom(chain: StabiliserChain, tokens: Permutations, family: Family) -> Compiled:
    """A group by its list of elements and its ordinary cascade."""
    if chain.order > LARGEST_ATOM:
        raise InputError(
            f"a part of order {describe_order(chain.order)} on {chain.degree} points has no blocks; "
            f"wanted parts of order at most {LARGEST_ATOM:,}, e.g. S4wrS4"
        )
    group = PermutationGroup(f"a part of order {chain.order:,}", tokens, chain.order).listed()
    series = shortest_series(group, family)
    if not series.is_complete:
        raise InputError(refusal(series, [family]))
    decomposition = decompose(series)
    cascade = compile_cascade(decomposition, group.index_of(tokens))
    factors = [factor for factor in decomposition.factors if factor.moduli]
    channels: list[FactoredChannel] = []
    lower: list[int] = []  # positions of the lower channels, in the order of the cascade's mixed radix
    for layer, factor in zip(cascade.layers, factors, strict=True):
        # A cascade's transversal is ℓ_1^{r_1}·ℓ_2^{r_2}⋯ within a layer; here the last channel comes first.
        own = [len(channels) + len(layer.moduli) - 1 - j for j in range(len(layer.moduli))]
        moduli = [channels[c].modulus for c in lower]
        for j in reversed(range(len(layer.moduli))):
            table = layer.increments[:, :, j].reshape(*moduli, len(tokens))
            axes = np.argsort(lower) if lower else np.empty(0, dtype=int)
            table = table.transpose(*axes, len(lower))
            lift = group.elements[factor.lifts[j]].astype(tokens.dtype)
            channels.append(_pruned(layer.moduli[j], lift, sorted(lower), table, channels))
        lower += own
    return channels, Structure(f"({chain.order} on {chain.degree})", chain.order, True)


def _pruned(
    modulus: int, lift: Permutations, reads: Sequence[int], table: NDArray, channels: Sequence[FactoredChannel]
) -> FactoredChannel:
    """A channel without the reads along which its table, shape (modulus of each read…, m), is constant."""
    kept = list(reads)
    for axis in reversed(range(len(reads))):
        first = table.take([0], axis=axis)
        if (table == first).all():
            table = first.squeeze(axis)
            del kept[axis]
    increments = np.ascontiguousarray(table.reshape(-1, table.shape[-1]), dtype=np.int32)
    layer = 1 + max((channels[position].layer for position in kept), default=0)
    return FactoredChannel(modulus, layer, lift, tuple(kept), increments)


# Orbits


class _Constituent:
    """A group's action on one orbit."""

    def __init__(self, points: NDArray[np.intp], tokens: Permutations) -> None:
        self.points = points
        position = np.empty(tokens.shape[1], dtype=tokens.dtype)
        position[points] = np.arange(len(points))
        self.tokens = position[tokens[:, points]]
        self.chain = StabiliserChain(self.tokens)

    def widened(self, compiled: Compiled, degree: int) -> Compiled:
        """Channels of the constituent, their lifts acting on all points of the group."""
        return [_moved(channel, self._wide(channel.lift, degree), 0) for channel in compiled[0]], compiled[1]

    def _wide(self, lift: Permutations, degree: int) -> Permutations:
        wide = np.arange(degree, dtype=smallest_dtype(degree))
        wide[self.points] = self.points[lift]
        return wide


def _moved(channel: FactoredChannel, lift: Permutations, offset: int) -> FactoredChannel:
    reads = tuple(position + offset for position in channel.reads)
    return FactoredChannel(channel.modulus, channel.layer, lift, reads, channel.increments)


def _direct(chain: StabiliserChain, parts: Sequence[_Constituent], tokens: Permutations, family: Family) -> Compiled:
    """All constituents side by side: none reads another."""
    channels: list[FactoredChannel] = []
    structures = []
    for part in parts:
        found, structure = part.widened(_compile(part.chain, part.tokens, family), tokens.shape[1])
        channels += [_moved(channel, channel.lift, len(channels)) for channel in found]
        structures.append(structure)
    order = math.prod(structure.order for structure in structures)
    texts = [f"({s.text})" if " wr " in s.text else s.text for s in structures]
    text = " x ".join(t + f"^{texts.count(t)}" * (texts.count(t) > 1) for t in dict.fromkeys(texts))
    return channels, Structure(text, order, order == chain.order)


# Blocks


class _Embedding:
    """A transitive group inside A ≀ B, for one system of blocks.

    Attributes:
        points: shape (n, d): the point (j, i).
        upper: shape (m, n): the tokens' action c on the blocks.
        lower: shape (m, n, d): the tokens' g_j.
    """

    def __init__(self, blocks: Sequence[NDArray[np.intp]], tokens: Permutations) -> None:
        block_of = np.empty(tokens.shape[1], dtype=np.intp)
        for j, block in enumerate(blocks):
            block_of[block] = j
        found = {0: blocks[0]}
        queue = [0]
        for j in queue:  # grows while it is walked
            for token in tokens:
                images = token[found[j]]
                k = int(block_of[images[0]])
                if k not in found:
                    found[k] = images
                    queue.append(k)
        self.points = np.stack([found[j] for j in range(len(blocks))]).astype(tokens.dtype)
        inside = np.empty(tokens.shape[1], dtype=np.intp)
        inside[self.points] = np.arange(self.points.shape[1])
        images = tokens[:, self.points]
        self.upper = block_of[images[:, :, 0]].astype(smallest_dtype(len(blocks)))
        self.lower = inside[images].astype(smallest_dtype(self.points.shape[1]))
        self.lower_tokens, which = np.unique(self.lower.reshape(-1, self.lower.shape[2]), axis=0, return_inverse=True)
        self.which = which.reshape(self.lower.shape[:2])  # shape (m, n): the position of g_j among `lower_tokens`
        self.upper_chain = StabiliserChain(self.upper)
        self.lower_chain = StabiliserChain(self.lower_tokens)

    @property
    def order(self) -> int:
        """Of A ≀ B."""
        return self.lower_chain.order ** len(self.points) * self.upper_chain.order


def _block_systems(tokens: Permutations) -> Iterator[list[NDArray[np.intp]]]:
    """The systems of blocks of a transitive group, other than one block and single points; smaller blocks first.

    Every system is a join of systems generated by one pair of points (0, p). Not all are found where there are many.
    """
    degree = tokens.shape[1]
    tries = BLOCK_SEARCH // degree
    known: dict[bytes, list[NDArray[np.intp]]] = {}
    queue = [np.zeros(1, dtype=np.intp)]  # blocks that contain the point 0
    for block in queue:  # grows while it is walked
        tried = np.zeros(degree, dtype=bool)
        tried[block] = True
        while not tried.all() and len(known) < MAX_SYSTEMS and tries:
            tries -= 1
            p = int(np.argmin(tried))
            blocks = _classes(tokens, [(0, int(q)) for q in (*block[1:], p)])
            tried[p] = True
            if len(blocks) > 1 and blocks[0].tobytes() not in known:
                known[blocks[0].tobytes()] = blocks
                queue.append(blocks[0])
    yield from sorted(known.values(), key=lambda blocks: len(blocks[0]))


def _classes(tokens: Permutations, pairs: Sequence[tuple[int, int]]) -> list[NDArray[np.intp]]:
    """The orbits of the tokens; or the finest system of blocks in which some pairs of points share a block.

    The blocks grow from the pairs, as in Atkinson, Math. Comp. 29, 1975.
    """
    parent = list(range(tokens.shape[1]))

    def root(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    rows = tokens.tolist()
    queue = list(pairs) if pairs else [(p, row[p]) for row in rows for p in range(len(row))]
    for a, b in queue:  # grows while it is walked, if there are pairs
        a, b = root(a), root(b)
        if a != b:
            parent[max(a, b)] = min(a, b)
            if pairs:
                queue.extend((row[a], row[b]) for row in rows)
    labels = np.array([root(p) for p in range(len(parent))])
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _wreath(chain: StabiliserChain, embedding: _Embedding, tokens: Permutations, family: Family) -> Compiled:
    """B's channels, and for each block a copy of A's that reads the token where B has the block now."""
    points = embedding.points
    degree = tokens.shape[1]
    upper, upper_structure = _part(embedding.upper_chain, embedding.upper, family)
    lower, lower_structure = _part(embedding.lower_chain, embedding.lower_tokens, family)
    channels = []
    for channel in upper:
        lift = np.empty(degree, dtype=tokens.dtype)
        lift[points] = points[channel.lift]  # (j, i) ↦ (ℓ(j), i)
        channels.append(_moved(channel, lift, 0))
    on_blocks = FactoredCascade("", family.name, embedding.upper, tuple(upper))
    for j, movers in enumerate(on_blocks.movers):
        moduli = [upper[position].modulus for position in movers]
        image = _images(on_blocks, j)  # by the residues of the movers in mixed radix
        offset = len(channels)
        for channel in lower:
            rows = len(channel.increments)
            if len(image) * rows * len(tokens) > MAX_TABLE:
                raise InputError(
                    f"a channel would read {len(image) * rows:,} states and {len(tokens)} tokens; wanted tables of at "
                    f"most {MAX_TABLE:,} entries, e.g. fewer tokens"
                )
            table = channel.increments[:, embedding.which[:, image]]  # (own rows, m, images)
            table = table.transpose(2, 0, 1).reshape(
                *moduli, *(lower[position].modulus for position in channel.reads), len(tokens)
            )
            lift = np.arange(degree, dtype=tokens.dtype)
            lift[points[j]] = points[j][channel.lift]
            reads = [*movers, *(position + offset for position in channel.reads)]
            channels.append(_pruned(channel.modulus, lift, reads, table, channels))
    order = lower_structure.order ** len(points) * upper_structure.order
    text = f"{_in_wreath(lower_structure)} wr {_in_wreath(upper_structure)}"
    return channels, Structure(text, order, order == chain.order)


def _in_wreath(structure: Structure) -> str:
    return f"({structure.text})" if " x " in structure.text else structure.text


def _part(chain: StabiliserChain, tokens: Permutations, family: Family) -> Compiled:
    return _compile(chain, tokens, family) if chain.order > 1 else ([], Structure("(1)", 1, True))


def _images(cascade: FactoredCascade, point: int) -> NDArray[np.intp]:
    """decode(s)(point) for all residues of the channels that move it, in mixed radix."""
    movers = cascade.movers[point]
    moduli = [cascade.channels[position].modulus for position in movers]
    image = np.full(math.prod(moduli), point, dtype=np.intp)
    residues = np.unravel_index(np.arange(len(image)), moduli) if moduli else ()
    for position, residue in zip(reversed(movers), reversed(residues), strict=True):
        image = cascade.channels[position].powers[residue, image].astype(np.intp)
    return image
