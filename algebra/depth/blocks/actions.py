"""Finite actions of a listed group by blocks: what one layer of blocks of a family is made of.

One layer carries a factor G if a finite group T of block-diagonal matrices is mapped onto G, and the orbit of its state
under T tells the elements of G apart (docs/mathematics.md). Such a T is put together of parts, each with a kernel in G,
whose kernels have the trivial group in common:

* the group's own representations of degree at most m;
* for what is left of G/[G², G²], dihedral groups: T is a group of pairs (rotation, sign), and a rotation of a word is
  the sum of those of its letters, each turned by the signs before it;
* over C, for quotients A4, S4 and A5 the groups SL(2,3), S4 over Z[i], and SL(2,5), by 2x2 blocks; for quotients A6
  Valentiner's group 3.A6, by 3x3 blocks (`exact.MATRIX_GROUPS`).

Matrices have entries in Z or Z[i], or halves of them, where such a form is found (crystallographic groups need not be
orthogonal); else they are unitary, and rounded. The newest token acts from the left: x stands for M(x) = ρ(x)⁻¹.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....common.errors import InputError
from ...groups.group import Group, Indices, Subgroup
from ...representations.characters import CLASS_LIMIT, CharacterTable, character_table
from ...representations.classes import conjugacy_classes
from ..abelian import abelian_factor
from ..families import Family
from .exact import MATRIX_GROUPS
from .readout import degrees
from .residuals import real_2, simple_factors, squares, subgroup_of

Matrices = NDArray[np.float64] | NDArray[np.complex128]

ORDER_LIMIT = 2048
"""Largest order of a group for which layers of blocks are written: representations are functions on the group."""

MOST_STATES = 1 << 16
"""Most states of one layer."""

MOST_POINTS = 1 << 12
"""Most points that the state of one block may be at."""

NEAR = 1e-9
"""Points nearer than this, in units of the largest, are one."""

TRIED, EACH = 600, 150
"""Bases that are tried for a form in integers, at most, and within one orbit."""


@dataclass(frozen=True, eq=False)
class Block:
    """One block of a layer, with the points that its state may be at.

    Arguments:
        matrices: shape (order, m, m): M(x) for each element x of the group.
        points: shape (points, m), the first of them the initial state.
        exact: whether all numbers are integers or halves (over C, with integer or half imaginary parts), so that no
            arithmetic rounds.
    """

    matrices: Matrices
    points: Matrices
    exact: bool

    @cached_property
    def moves(self) -> NDArray[np.int32]:
        """moves[x, a]: the point to which M(x) takes point a; shape (order, points).

        Raises:
            AssertionError: it takes it to no point.
        """
        size = float(np.abs(self.points).max())
        found = np.empty((len(self.matrices), len(self.points)), dtype=np.int32)
        known = _Points(self.points, size)
        for x, matrix in enumerate(self.matrices):
            found[x] = known(self.points @ matrix.T)
        return found


class _Points:
    """Points by their numbers."""

    def __init__(self, points: Matrices, size: float) -> None:
        self.points, self.size = points, size
        self.weights = np.random.default_rng(0).normal(size=(2, points.shape[1]))
        self.keys = self._keys(points)
        self.order = np.argsort(self.keys)

    def _keys(self, points: Matrices) -> NDArray[np.float64]:
        return points.real @ self.weights[0] + points.imag @ self.weights[1]

    def __call__(self, images: Matrices) -> Indices:
        """The number of each point, shape (n, m) to (n,). Raises `AssertionError` for one that is none of them."""
        keys, tolerance = self._keys(images), NEAR * self.size * 10
        own = self.keys[self.order]
        first = np.searchsorted(own, keys - tolerance)
        found = np.full(len(images), -1)
        for shift in range(len(own)):
            place = np.minimum(first + shift, len(own) - 1)
            inside = (first + shift < len(own)) & (own[place] <= keys + tolerance) & (found < 0)
            if not inside.any():
                break
            number = self.order[place]
            same = inside & (np.abs(self.points[number] - images).max(axis=1) < NEAR * self.size)
            found[same] = number[same]
        assert (found >= 0).all(), "a block takes a point to no point of its orbit"
        return found


@dataclass(frozen=True, eq=False)
class LayerAction:
    """How one layer of blocks carries a group.

    Arguments:
        group: the factor that is carried.
        blocks: all of size m.
        states: shape (states, blocks): the points at which the blocks are, the initial state first.
        labels: shape (states,): the element of the group that each state stands for.
        parts: what the blocks are made of, in words.
    """

    group: Group
    blocks: tuple[Block, ...]
    states: NDArray[np.int32]
    labels: Indices
    parts: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        return all(block.exact for block in self.blocks)

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        """The state after each state and element, shape (states, order)."""
        keys = _keys(self.states)
        order = np.argsort(keys)
        found = np.empty((len(self.states), self.group.order), dtype=np.int64)
        for x in range(self.group.order):
            images = _moved(self.blocks, self.states, x)
            place = order[np.minimum(np.searchsorted(keys[order], _keys(images)), len(keys) - 1)]
            assert (self.states[place] == images).all(), "a layer of blocks leaves its states"
            found[:, x] = place
        return found


def _moved(blocks: Sequence[Block], states: NDArray[np.int32], x: int) -> NDArray[np.int32]:
    return np.stack([block.moves[x][states[:, j]] for j, block in enumerate(blocks)], axis=1)


def _keys(rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """A number for each row of small integers, of different rows different but for a chance of 2^-40."""
    weights = np.random.default_rng(0).integers(1, 2**62, rows.shape[1])
    with np.errstate(over="ignore"):
        found: NDArray[np.int64] = ((rows.astype(np.int64) + 1) * weights).sum(axis=1)
    return found


def _closure(
    group: Group, start: NDArray[np.int32], letters: Sequence[int], step: Callable[[NDArray[np.int32], int], Any]
) -> tuple[NDArray[np.int32], Indices] | None:
    """All rows that letters lead to from one, and the element that each stands for; the start, for the identity, first.
    None where one would stand for two elements.

    Raises:
        InputError: there are more than `MOST_STATES`.
    """
    rows, labels = [start[None]], [np.zeros(1, dtype=np.int64)]
    keys, named = _keys(rows[0]), labels[0]  # sorted, and their elements
    while len(rows[-1]):
        images = np.concatenate([step(rows[-1], x) for x in letters])
        products = np.concatenate([group.multiply(labels[-1], x) for x in letters])
        new, first, inverse = np.unique(_keys(images), return_index=True, return_inverse=True)
        if (products[first][inverse] != products).any():
            return None
        place = np.minimum(np.searchsorted(keys, new), len(keys) - 1)
        old = keys[place] == new
        if (named[place[old]] != products[first[old]]).any():
            return None
        first = first[~old]
        rows.append(images[first])
        labels.append(products[first])
        keys, named = np.concatenate([keys, new[~old]]), np.concatenate([named, labels[-1]])
        order = np.argsort(keys)
        keys, named = keys[order], named[order]
        if len(keys) > MOST_STATES:
            raise InputError(
                f"{group.name}: a layer of blocks would have more than {MOST_STATES:,} states; "
                "`inspect` says what others need"
            )
    return np.concatenate(rows), np.concatenate(labels)


def _few_generators(group: Group) -> list[int]:
    """Generators of which none can be left out."""
    kept = list(group.generators)
    for x in list(kept):
        fewer = [y for y in kept if y != x]
        if group.subgroup(fewer).order == group.order:
            kept = fewer
    return kept


@dataclass(frozen=True, eq=False)
class _Part:
    """A piece of T.

    Arguments:
        kernel: what it does not tell apart, shape (order,).
        size: of its matrices.
        matrices: shape (order, size, size): M(x); a lift where T is larger than its image in G.
        whole: shape (|T|, size, size): all of T in this block, for its orbit.
        exact: as for `Block`.
        name: in words.
    """

    kernel: NDArray[np.bool_]
    size: int
    matrices: Matrices
    whole: Matrices
    exact: bool
    name: str


def quotient(group: Group, normal: Subgroup) -> tuple[Group, Indices]:
    """G/N as a listed group, and the coset of each element of G: shape (order,); the coset of N itself is 0."""
    labels = np.full(group.order, -1)
    representatives: list[int] = []
    everything = np.arange(group.order)
    for g in everything:
        if labels[g] < 0:
            labels[group.multiply(normal.members, g)] = len(representatives)
            representatives.append(int(g))
    chosen = np.array(representatives)
    table = labels[group.multiply(chosen[:, None], chosen[None, :])]
    return Group.from_table(table, f"{group.name}/{normal.order}"), labels


def residual(group: Group, family: Family) -> Subgroup:
    """The least normal subgroup whose factor one layer of a family is written for here."""
    return subgroup_of(group, _parts(group, family).residual)


def layer_action(group: Group, family: Family) -> LayerAction:
    """How one layer of a family carries a group.

    Raises:
        InputError: no cover of it is constructed here, or it is too large.

    Example:
        >>> from subnormal.algebra.input.parser import list_group
        >>> from subnormal.algebra.depth.families import ALL_FAMILIES
        >>> found = layer_action(list_group("Q8"), ALL_FAMILIES["block-2"])
        >>> len(found.blocks), len(found.states), found.is_exact
        (2, 16, True)
    """
    parts = _parts(group, family)
    if parts.residual.sum() > 1:
        raise InputError(f"{group.name}: no cover of it by {family.title} is constructed here")
    chosen = parts.chosen()
    blocks = tuple(_block(packed, family.block_size) for packed in _packed(chosen, family.block_size))
    start, everything = np.zeros(len(blocks), dtype=np.int32), range(1, group.order)
    found = _closure(group, start, everything, lambda states, x: _moved(blocks, states, x))
    assert found is not None, "one state of a layer of blocks stands for two elements"
    states, labels = found
    names = [part.name for part in chosen]
    counted = tuple(f"{names.count(name)} × {name}" if names.count(name) > 1 else name for name in dict.fromkeys(names))
    return LayerAction(group, blocks, states, labels, counted)


def _parts(group: Group, family: Family) -> _Parts:
    """The pieces, kept beside the group: a residual and a layer are asked of the same one."""
    known: dict[str, _Parts] = group.__dict__.setdefault("_block_parts", {})
    if family.name not in known:
        known[family.name] = _Parts(group, family)
    return known[family.name]


class _Parts:
    """The pieces that a group has for one layer of a family."""

    def __init__(self, group: Group, family: Family) -> None:
        self.group, self.family = group, family
        if group.order > ORDER_LIMIT:
            raise InputError(f"{group.name}: order {group.order:,}; blocks are written up to {ORDER_LIMIT:,}, e.g. S6")
        classes = conjugacy_classes(group)
        if len(classes) > CLASS_LIMIT:
            raise InputError(
                f"{group.name}: {len(classes):,} classes of elements; at most {CLASS_LIMIT} are handled, e.g. of S4"
            )
        self.table: CharacterTable = character_table(classes.group, classes)
        self.sizes = degrees(self.table, family.real)
        fixed = self.table.fixed == self.table.degrees[:, None]
        kernels = fixed[:, classes.labels]
        allowed = np.flatnonzero((self.sizes <= family.block_size) & (np.arange(len(self.table)) > 0))
        seen: dict[bytes, int] = {}
        pairs = self.table.indicators == 0  # over R, χ + χ̄: vectors differ in what they span over Q
        rank = {i: (int(self.sizes[i]), not self._hopeful(i), bool(pairs[i]), i) for i in allowed.tolist()}
        for i in sorted(rank, key=rank.__getitem__):
            seen.setdefault(kernels[i].tobytes(), i)  # of equal kernels one does
        self.own = {i: kernels[i] for i in seen.values()}
        self.covers = dict(enumerate(self._known_covers(kernels)))
        self.common = self._common(list(self.own.values()) + [kernel for kernel, _ in self.covers.values()])
        self.dihedral = real_2(group.whole).mask
        self.residual: NDArray[np.bool_] = self.common & self.dihedral

    def _common(self, kernels: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        return np.logical_and.reduce([np.ones(self.group.order, dtype=bool), *kernels])

    def _known_covers(self, kernels: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], str]]:
        """Kernels of quotients that have a cover by complex blocks: by 2x2 blocks images of representations of degree 3
        over R, by 3x3 blocks A6."""
        if self.family.real:
            return
        if self.family.block_size == 3:
            for factor in simple_factors(self.group.whole, self.group.whole):
                if factor.order == 360 and factor.inner:  # then G/below is the factor
                    yield factor.below.mask, "3.A6"
            return
        for i in np.flatnonzero((self.table.degrees == 3) & (self.table.indicators == 1)):
            image = self.group.order // int(kernels[i].sum())
            name = {12: "SL(2,3)", 24: "S4 complex", 60: "SL(2,5)"}.get(image)
            central = (self.table.fixed[i] == 0) & (self.table.negated[i] == 3)  # -1: the image is C2 × A4, not S4
            if name is not None and not central.any():
                yield kernels[i], name

    def chosen(self) -> list[_Part]:
        """Few parts, whose kernels have nothing in common."""
        found: list[_Part] = []
        left = np.ones(self.group.order, dtype=bool)
        if self.common.sum() > 1:
            found += self._dihedral_parts()
            left &= found[0].kernel
        if int((left & self._common(list(self.own.values()))).sum()) > 1:
            for i, (kernel, name) in self.covers.items():
                rest = [k for j, (k, _) in self.covers.items() if j > i]
                if int((left & self._common(list(self.own.values()) + rest)).sum()) > 1:
                    found.append(self._cover(kernel, name))
                    left &= kernel
        hopeful = [i for i in self.own if self._hopeful(i)]
        if int((left & self._common([self.own[i] for i in hopeful])).sum()) == 1:
            exact = self._few(left, hopeful)  # C12 by C3 and C4, without rounding, rather than by one block
            if all(part.exact for part in exact):
                return found + exact
        return found + self._few(left, list(self.own))

    def _few(self, left: NDArray[np.bool_], allowed: Sequence[int]) -> list[_Part]:
        """Few of the own representations that have nothing in common on what is left."""
        found: list[_Part] = []
        while left.sum() > 1:
            best = min(allowed, key=lambda i: (int((left & self.own[i]).sum()), not self._hopeful(i), self.sizes[i]))
            found.append(self._own(best))
            left = left & self.own[best]
        return found

    def _hopeful(self, i: int) -> bool:
        """Whether a form in integers is not excluded by the character's values."""
        values = self.table.complex_values(i)
        if self.family.real:
            values = values.real * (self.sizes[i] // self.table.degrees[i])
        return bool((np.abs(values - np.rint(values.real) - 1j * np.rint(values.imag)) < 1e-9).all())

    def _own(self, i: int) -> _Part:
        """A representation of the group's own."""
        real_form = self.family.real and int(self.table.indicators[i]) == 1
        matrices: Matrices = _irreducible(self.group, self.table, i, real_form)
        if self.family.real and not real_form:
            matrices = np.block([[matrices.real, -matrices.imag], [matrices.imag, matrices.real]])
        exact = _in_integers(self.group, matrices, self.family.real)
        matrices = matrices if exact is None else exact
        inverse = matrices[self.group.inverses]
        kernel = self.own[i]
        image = self.group.order // int(kernel.sum())
        size = int(self.sizes[i])
        field = "R" if self.family.real else "C"
        name = f"a representation of degree {size} over {field}, image of order {image}"
        return _Part(kernel, size, inverse, inverse, exact is not None, name)

    def _cover(self, kernel: NDArray[np.bool_], name: str) -> _Part:
        """A cover that is known, of a quotient."""
        image, labels = quotient(self.group, subgroup_of(self.group, kernel))
        known = MATRIX_GROUPS[name]
        cover = known.onto(image)
        whole = known.ring.values(known.listed[0][0]) / known.denominator
        exact = bool((whole * 2 == np.rint(whole.real * 2) + 1j * np.rint(whole.imag * 2)).all())
        if not exact:  # orthonormal coordinates, of the mean of all forms
            form = np.linalg.cholesky(np.einsum("tki,tkj->ij", whole.conj(), whole) / len(whole)).conj().T
            whole = form @ whole @ np.linalg.inv(form)
        lifts = whole[cover.inverses[cover.lifts]][labels]
        size = known.sizes[0]
        return _Part(kernel, size, lifts, whole, exact, f"a cover of a quotient of order {image.order}: {known.name}")

    # ------------------------------------------------------------------ groups whose squares commute

    def _dihedral_parts(self) -> list[_Part]:
        """Dihedral groups for what the own representations leave of G/[G², G²]."""
        group, kept = self.group, subgroup_of(self.group, self.dihedral)
        for x in conjugacy_classes(group).representatives:  # as large a kernel as can be had
            if not kept.mask[x]:
                larger = group.whole.normal_closure([*kept.generators, int(x)])
                if int((larger.mask & self.common).sum()) == 1:
                    kept = larger
        image, labels = quotient(group, kept)
        blocks = _fewest(image, _dihedral_blocks(image))
        lifts = _lifts(image, blocks)
        assert lifts is not None
        parts: list[_Part] = []
        for j, block in enumerate(blocks):
            whole, exact = _dihedral_matrices(block.modulus)
            place = 2 * (-lifts[:, j, 0] * lifts[:, j, 1] % block.modulus) + (lifts[:, j, 1] < 0)
            if not (block.signs < 0).any():
                whole = whole[::2]
                place = place // 2
            elif block.modulus == 1:
                whole = whole[:, :1, :1]
            size = whole.shape[1]
            kernel = kept.mask if not parts else np.ones_like(kept.mask)
            title = f"a dihedral group, rotations of order {block.modulus}" if size == 2 else "a sign"
            parts.append(_Part(kernel, size, whole[place][labels], whole, exact, title))
        return parts


@dataclass(frozen=True, eq=False)
class _DihedralBlock:
    """A map of words into a dihedral group: letter x turns by `turns[x]` of `modulus`, and reflects by `signs[x]`."""

    signs: Indices
    turns: Indices
    modulus: int


def _dihedral_blocks(group: Group) -> list[_DihedralBlock]:
    """The blocks of docs/mathematics.md for a group whose squares commute: f_c for each character c of G/A."""
    inside = squares(group.whole)
    everything = np.arange(group.order)
    while True:  # as large as it gets
        central = ~inside.mask
        for a in inside.generators:
            central = central & (group.multiply(everything, a) == group.multiply(a, everything))
        if not central.any():
            break
        inside = inside.extended([int(np.argmax(central))])
    factor = abelian_factor(inside, group.trivial_subgroup)
    cosets, labels = quotient(group, inside)
    count = cosets.order
    code = np.zeros(count, dtype=np.int64)  # G/A as vectors of bits
    known = [0]
    for q in range(count):
        if q not in known:
            bit = len(known)
            products = [cosets.times(r, q) for r in known]
            code[products] = code[known] | bit
            known += products
    parity = np.array([[bin(c & int(b)).count("1") & 1 for b in code] for c in range(count)])
    signs = 1 - 2 * parity
    section = np.array([int(np.argmax(labels == q)) for q in range(count)])
    moved = group.multiply(section[None, :], everything[:, None])
    remainders = factor.residues[group.multiply(moved, group.inverses[section[labels[moved]]])]
    sums = np.einsum("cq,xqj->xcj", signs, remainders)
    found = []
    for c in range(count):
        own = signs[c][labels]
        for j, n in enumerate(factor.moduli):
            modulus = n * count
            choices = [sums[:, c, j] + t * (1 - own) for t in range(modulus if c else 1)]  # another origin of the turns
            divisors = [math.gcd(modulus, *map(int, turns)) for turns in choices]
            best = int(np.argmax(divisors))
            reduced = modulus // divisors[best]
            if reduced > 1 or (own < 0).any():
                found.append(_DihedralBlock(own, choices[best] // divisors[best] % reduced, reduced))
    return found


def _fewest(group: Group, blocks: list[_DihedralBlock]) -> list[_DihedralBlock]:
    """Those blocks that are needed: one after the other is left out, of the largest modulus first, where the others
    still tell the elements apart."""
    kept = list(blocks)
    for block in sorted(blocks, key=lambda block: -block.modulus):
        fewer = [other for other in kept if other is not block]
        if fewer and _lifts(group, fewer) is not None:
            kept = fewer
    return kept


def _lifts(group: Group, blocks: Sequence[_DihedralBlock]) -> NDArray[np.int64] | None:
    """For each element of the group a word's (turns, sign) in each block, shape (order, blocks, 2), within the group T
    that few generators make of them; None where T has no map onto the group, or is too large."""
    moduli = np.array([block.modulus for block in blocks])
    turns = np.stack([block.turns for block in blocks], axis=1)
    flips = np.stack([block.signs < 0 for block in blocks], axis=1)

    def step(rows: NDArray[np.int32], x: int) -> NDArray[np.int32]:
        signs = 1 - 2 * (rows & 1)
        return (2 * (((rows >> 1) + signs * turns[x]) % moduli) + ((rows & 1) ^ flips[x])).astype(np.int32)

    try:
        found = _closure(group, np.zeros(len(blocks), dtype=np.int32), _few_generators(group), step)
    except InputError:
        return None
    if found is None:
        return None
    rows, labels = found
    first = np.unique(labels, return_index=True)[1]
    return np.stack([rows[first] >> 1, 1 - 2 * (rows[first] & 1)], axis=-1).astype(np.int64)


def _dihedral_matrices(n: int) -> tuple[Matrices, bool]:
    """The dihedral group of order 2n: entry 2a + e is rotation a, after a reflection where e = 1; and whether its
    entries are integers."""
    turns = {1: [[1, 0], [0, 1]], 2: [[-1, 0], [0, -1]], 3: [[0, -1], [1, -1]], 4: [[0, -1], [1, 0]],
             6: [[0, -1], [1, 1]]}.get(n)  # fmt: skip
    flip = np.array([[0.0, 1.0], [1.0, 0.0]]) if n in (3, 6) else np.diag([-1.0, 1.0])
    found = []
    for a in range(n):
        if turns is not None:
            rotation = np.rint(np.linalg.matrix_power(np.array(turns, dtype=float), a))
        else:
            angle = 2 * math.pi * a / n
            rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        found += [rotation, rotation @ flip]
    return np.array(found), turns is not None


# ---------------------------------------------------------------------- representations


def _irreducible(group: Group, table: CharacterTable, i: int, real: bool) -> Matrices:
    """Unitary matrices (order, d, d) of an irreducible representation, orthogonal if `real`, to within rounding.

    It acts on functions on the group, (L(g)f)(x) = f(g⁻¹x); right translations commute with it, and an eigenspace of a
    random Hermitian combination of them within the functions of this character is one copy.
    """
    degree = int(table.degrees[i])
    values = table.complex_values(i)[table.classes.labels]
    if degree == 1:
        return (values.real if real else values)[:, None, None].copy()
    generator = np.random.default_rng(0)
    everything = np.arange(group.order)
    inverses = group.inverses
    projector: Matrices = values[group.multiply(everything[None, :], inverses[:, None])] * (degree / group.order)
    if real:
        projector = projector.real
    while True:
        vectors = generator.normal(size=(group.order, degree**2))
        basis, _ = np.linalg.qr(projector @ (vectors if real else vectors + 1j * generator.normal(size=vectors.shape)))
        combined = np.zeros((degree**2, degree**2), dtype=basis.dtype)
        for h in generator.integers(group.order, size=6):
            c = generator.normal() + (0 if real else 1j * generator.normal())
            shifted = basis[group.multiply(everything, int(h))]
            part = basis.conj().T @ shifted * c
            combined += part + part.conj().T
        eigenvalues, eigenvectors = np.linalg.eigh(combined)
        alike = np.abs(eigenvalues[:degree] - eigenvalues[0]).max() < 1e-8
        if alike and eigenvalues[degree] - eigenvalues[degree - 1] > 1e-3:
            break
    own = basis @ eigenvectors[:, :degree]
    found = np.empty((group.order, degree, degree), dtype=own.dtype)
    for g in range(group.order):
        found[g] = own.conj().T @ own[group.multiply(int(inverses[g]), everything)]
    return found


def _in_integers(group: Group, matrices: Matrices, real: bool) -> Matrices | None:
    """The same representation in integers (over C, Gaussian ones) on a basis of points of one orbit; None where none
    was found."""
    size = matrices.shape[1]
    if size == 1:
        rounded = np.rint(matrices.real) + (0 if real else 1j * np.rint(matrices.imag))
        return rounded if np.abs(rounded - matrices).max() < NEAR else None
    tried = 0
    for vector in _special_vectors(group, matrices, real):
        orbit = _orbit(matrices, vector)
        if orbit is None:
            continue
        choices = list(itertools.combinations(range(1, min(len(orbit), 24)), size - 1))
        random.Random(0).shuffle(choices)
        for chosen in choices[:EACH]:
            tried += 1
            if tried > TRIED:
                return None
            basis = orbit[[0, *chosen]].T
            if np.linalg.cond(basis) > 1e3:
                continue
            found = np.linalg.inv(basis) @ matrices[list(group.generators)] @ basis
            rounded = np.rint(found.real) + (0 if real else 1j * np.rint(found.imag))
            if np.abs(found - rounded).max() > 1e-7:
                continue
            whole = np.linalg.inv(basis) @ matrices @ basis
            exact = np.rint(whole.real) + (0 if real else 1j * np.rint(whole.imag))
            if _multiplies(group, exact):
                return exact
    return None


def _multiplies(group: Group, matrices: Matrices) -> bool:
    """Whether matrices of integers are a representation: checked on every product with a generator."""
    if np.abs(matrices).max() > 1 << 10:
        return False
    everything = np.arange(group.order)
    return all(
        bool((matrices @ matrices[x] == matrices[group.multiply(everything, x)]).all()) for x in group.generators
    )


def _special_vectors(group: Group, matrices: Matrices, real: bool) -> Iterator[Matrices]:
    """Vectors that an element multiplies by a unit of the ring, and no other direction so: they have short orbits."""
    units: tuple[complex, ...] = (1, -1) if real else (1, -1, 1j, -1j)
    for x in conjugacy_classes(group).representatives:
        for unit in units:
            _, values, vectors = np.linalg.svd(matrices[int(x)] - unit * np.eye(matrices.shape[1]))
            if values[-1] < 1e-8 and values[-2] > 1e-3:
                yield vectors[-1].conj()
    vector: Matrices = np.asarray(np.random.default_rng(0).normal(size=matrices.shape[1]))
    yield vector  # where the orbits of all vectors are alike


def _orbit(matrices: Matrices, vector: Matrices) -> Matrices | None:
    """The different images of a vector, shape (n, m), itself first; None where there are too many."""
    images = matrices @ vector
    keys = np.rint(np.concatenate([images.real, images.imag], axis=1) / (NEAR * 1e3)).astype(np.int64)
    _, first = np.unique(keys, axis=0, return_index=True)
    if len(first) > MOST_POINTS:
        return None
    return images[np.sort(first)]


# ---------------------------------------------------------------------- blocks


def _packed(parts: Sequence[_Part], size: int) -> list[list[_Part]]:
    """Parts that share a block, first fit by falling size."""
    found: list[list[_Part]] = []
    for part in sorted(parts, key=lambda part: -part.size):
        for own in found:
            orbits = math.prod(len(p.whole) for p in own) * len(part.whole)
            if sum(p.size for p in own) + part.size <= size and orbits <= MOST_POINTS // 8:
                own.append(part)
                break
        else:
            found.append([part])
    return found


def _block(parts: Sequence[_Part], size: int) -> Block:
    """One block, in which the parts stand one after the other; rows and columns that none needs are zero."""
    order = len(parts[0].matrices)
    kind = np.result_type(*(part.matrices for part in parts), np.float64)
    matrices = np.zeros((order, size, size), dtype=kind)
    orbits: list[Matrices] = []
    first = 0
    for part in parts:
        rows = slice(first, first + part.size)
        matrices[:, rows, rows] = part.matrices
        orbits.append(_best_orbit(part))
        first += part.size
    exact = all(part.exact for part in parts)
    points = np.zeros((math.prod(map(len, orbits)), size), dtype=kind)
    for row, chosen in enumerate(itertools.product(*orbits)):
        points[row, :first] = np.concatenate(chosen)
    return Block(matrices + 0.0, points + 0.0, exact)


def _best_orbit(part: _Part) -> Matrices:
    """An orbit of T in one part with as many points as T has elements there, as far apart as was found."""
    whole = part.whole[np.sort(_different(part.whole.reshape(len(part.whole), -1)))]
    best: tuple[float, float] = (0.0, 0.0)
    found: Matrices | None = None
    for vectors in _batches(_starts(part), max(1, MOST_AT_ONCE // len(whole) ** (1 + part.exact))):
        images = np.moveaxis(whole @ vectors.T, 2, 0)  # of each vector, (vectors, elements, m)
        distances = np.abs(images[:, :1] - images[:, 1:]) ** 2
        if part.exact:  # not orthogonal, so that all distances count
            distances = np.abs(images[:, :, None] - images[:, None]) ** 2 + np.eye(len(whole))[..., None] * 1e9
        apart = np.sqrt(distances.sum(axis=-1).reshape(len(vectors), -1).min(axis=1, initial=1e9 if part.exact else 2))
        largest = np.linalg.norm(images, axis=2).max(axis=1)
        for one, (gap, size) in enumerate(zip(apart.tolist(), largest.tolist(), strict=True)):
            quality = (round(gap / size, 6), -float(np.abs(images[one]).max()))
            if gap > NEAR * 1e3 and quality > best:
                best, found = quality, images[one]
    assert found is not None, "no vector tells the elements of a finite group of matrices apart"
    return found


MOST_AT_ONCE = 1 << 16
"""Distances that are computed at a time."""


def _batches(vectors: Iterator[Matrices], count: int) -> Iterator[Matrices]:
    """Vectors, `count` at a time: shape (count, m)."""
    chosen: list[Any]
    while chosen := list(itertools.islice(vectors, count)):
        batch: Any = np.array(chosen)
        yield batch


def _different(rows: Matrices) -> Indices:
    keys = np.rint(np.concatenate([rows.real, rows.imag], axis=1) / (NEAR * 1e3)).astype(np.int64)
    return np.unique(keys, axis=0, return_index=True)[1]


def _starts(part: _Part) -> Iterator[Matrices]:
    """Vectors to start from: small integers where matrices are exact, else of length 1."""
    size = part.size
    if size == 1:
        yield np.ones(1)
        return
    few = len(part.whole) > 300
    if part.exact:
        complex_entries = np.iscomplexobj(part.whole)
        entries: list[complex] = [0, 1, 2, 3, 4, -1, -2]
        if complex_entries:
            entries = [0, 1, 2, 1j, 1 + 1j, 2 + 1j, 1 + 2j, 2 - 1j, 3]
        if size > 3 or few:
            entries = entries[:5]
        for chosen in itertools.islice(itertools.product(entries, repeat=size), 120 if few else 700):
            if any(chosen):
                yield np.array(chosen)
        yield np.array([1.0, 3.0, 9.0, 27.0][:size])
        return
    angle = math.pi / (len(part.whole)) / 1
    if size == 2 and not np.iscomplexobj(part.whole):
        yield np.array([1.0, 0.0])
        yield np.array([math.cos(angle / 1), math.sin(angle / 1)])
    generator = np.random.default_rng(0)
    for _ in range(60 if few else 400):
        vector = generator.normal(size=size)
        if np.iscomplexobj(part.whole):
            vector = vector + 1j * generator.normal(size=size)
        yield vector / np.linalg.norm(vector)
