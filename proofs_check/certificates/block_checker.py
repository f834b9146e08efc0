"""The independent checker of a network of blocks that tracks a group: it reads files, nothing of the compiler.

    python -m subnormal.proofs_check.certificates.block_checker FOLDER

Exit code 0: verified · 1: refuted · 2: files of no use. Only NumPy, the standard library and the reading functions of
`proofs_check.certificates.checker` are used. There is no cascade: the network of `config.json` and `model.safetensors`
is the machine. Its φ is a table, from what the layers below decided and the token to a matrix for each block; its ψ
scores *points* of each block, and decides for the best. Proved is, from the weights:

* in each block every matrix that occurs takes every point to a point, exactly or to within δ;
* from the initial state, by these moves and the table, finitely many states are reached; every one with every token
  leads to a state that stands for the product, and in every one the head answers the element that it stands for. So by
  induction for words of every length, as long as each decision is for the point where the block is.

*Exactly.* Where matrices, points and scores are dyadic numbers and the absolute values in every sum add up to less than
2²⁴ in units of the last bit in use, every partial sum, in whatever order, with or without fused multiply-add, is exact
in float32 and in float64; the block is at its point, and its score is the largest, by integers.

*To a horizon.* Else the matrices are to be near isometries, ‖MᵀM - 1‖ small. Then e, the distance of the state from its
point, obeys e' ≤ (‖M‖ + γ‖M‖_F)·e + δ + γ‖M‖_F·R: R the largest norm of a point, γ = nu/(1 - nu) for sums of n products
in an arithmetic with unit roundoff u, in any order. So after N tokens e ≤ e₀ + … is known, and below half the gap of
the scores, less their rounding, every decision is right. In float32 every weight is rounded once, and the proof is made
of the rounded ones. Norms and δ are computed in float64, with bounds on their own rounding.

*Everything.* A field of the configuration or a parameter that is not named here is refused.

"No fewer" is proved for real 2x2 blocks: the series H → [H², H²], of the group's own elements, has that length; that
each layer takes one step at most is cited (docs/mathematics.md).
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .checker import (
    MAX_ORDER,
    Array,
    Files,
    ListedGroup,
    Verdict,
    as_list,
    check_files,
    count,
    main,
    opened,
    prove,
    take,
    usable,
    with_keys,
)

# Written out beside delta_checker.py, as everything in a checker: whoever reads one has read all that it believes.
KIND = "tracks by blocks"
FIELDS = {"format", "kind", "name", "claim", "files", "generators"}
FILES = ("blocks.json", "config.json", "group.safetensors", "model.safetensors")
CITED = "cited, not proved here: what fewer layers cannot do, with finitely many reachable states (docs/mathematics.md)"
FAMILIES = {
    "block-2": ("2×2 blocks, R", 2, False),
    "block-3": ("3×3 blocks, R", 3, False),
    "complex-block-2": ("2×2 blocks, C", 2, True),
    "block-4": ("4×4 blocks, R", 4, False),
    "complex-block-3": ("3×3 blocks, C", 3, True),
}  # name: title, size, whether complex
SQUARES = "block-2"
CONFIGURATION = {"alphabet_size", "classes", "layers", "embedding_size", "dtype", "head_cases"}
LAYER = {"family", "channels", "hidden", "readout", "activation", "groups", "phi", "reads"}
WANTED = {"activation": "hard", "phi": "gates", "reads": "after"}

ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}
TINY = {"float64": 2.0**-1000, "float32": 2.0**-140}
"""More than what a product may lose by underflow."""

EXACT = 1 << 24
"""Below this, integers are exact in float32."""

MAX_SHIFT, LARGEST = 12, float(1 << 12)
"""Dyadic numbers have denominators up to 2^12 here, and no number is larger than this."""

ROWS = 256
"""Points whose scores are compared with all others at a time."""

MAX_PAIRS, MAX_BLOCKS, MAX_ENTRIES = 1 << 24, 1 << 10, 1 << 27

Floats = np.ndarray[Any, np.dtype[np.float64]]


class Block:
    """One block of a layer: the matrix of each unit, and the points that are scored.

    Arguments:
        matrices: shape (units, n, n), real: n = m, or 2m of complex blocks.
        start: shape (n,), the initial state.
        scores: weights (points, n) and biases (points,) of ψ.
        where: for messages.
    """

    def __init__(self, matrices: Floats, start: Floats, scores: tuple[Floats, Floats], where: str) -> None:
        self.start, self.where = start, where
        self.weights, self.biases = scores
        flat = np.ascontiguousarray(matrices.reshape(len(matrices), -1)) + 0.0
        self.matrices, self.unit = np.unique(flat, axis=0, return_inverse=True)
        self.matrices = self.matrices.reshape(-1, *matrices.shape[1:])
        self.unit = self.unit.ravel()
        work = len(self.matrices) * self.weights.size * len(self.weights)
        usable(work <= MAX_ENTRIES * 64, f"{where} has too many matrices and points to check")
        self.moves = np.stack([self._decided(self.weights @ matrix.T) for matrix in self.matrices])
        self.initial = int(self._decided(start[None])[0])

    def _decided(self, states: Floats) -> Array:
        """The point with the largest score, in float64: what it is worth is proved afterwards."""
        return np.asarray((states @ self.weights.T + self.biases).argmax(axis=1))

    def is_exact(self) -> bool:
        """Whether no arithmetic rounds here, and then every move is proved in integers."""
        found = [_dyadic(part) for part in (self.matrices, self.weights, self.biases, self.start)]
        if any(part is None for part in found):
            return False
        (matrices, a), (points, b), (biases, c), (start, d) = (part for part in found if part is not None)
        unit = max(b, d, (c + 1) // 2)  # of points 2^-unit, of scores its square
        points, start, biases = points << unit - b, start << unit - d, biases << 2 * unit - c
        room = np.abs(matrices) @ np.abs(points).T
        scores = np.abs(points) @ np.abs(points).T + np.abs(biases)
        if max(room.max(), scores.max(), np.abs(matrices).max()) >= EXACT:
            return False
        images = points @ matrices.transpose(0, 2, 1)  # matrices, points, n
        prove((images == points[self.moves] << a).all(), f"{self.where}: a matrix takes a point to no point")
        prove((start == points[self.initial]).all(), f"{self.where}: the initial state is no point")
        own = points @ points.T + biases
        best = own.argmax(axis=1)
        prove((best == np.arange(len(own))).all(), f"{self.where}: a point is decided for another")
        ahead = (own >= own.max(axis=1)[:, None]).sum(axis=1)
        prove((ahead == 1).all(), f"{self.where}: two scores are equal, so that nothing is decided")
        return True

    def horizon(self, arithmetic: str) -> int:
        """So many tokens are decided rightly, every weight being rounded to the arithmetic once."""
        u, tiny = ROUNDOFF[arithmetic], TINY[arithmetic]
        rounded = [part.astype(arithmetic).astype(np.float64) for part in (self.matrices, self.weights, self.biases)]
        matrices, points, biases = rounded
        start = self.start.astype(arithmetic).astype(np.float64)
        n = matrices.shape[1]
        own = 4 * (n + 2) * 2.0**-53  # relative rounding of what is computed here, generously
        gamma = (n + 1) * u / (1 - (n + 1) * u)
        radius = float(np.linalg.norm(points, axis=1).max()) * (1 + own)
        frobenius = float(np.linalg.norm(matrices, axis=(1, 2)).max()) * (1 + own)
        gram = matrices.transpose(0, 2, 1) @ matrices
        support = np.diagonal(gram, axis1=1, axis2=2) > 0.5  # rows and columns that are not used are 0
        excess = float(np.linalg.norm(gram - support[:, None, :] * np.eye(n), axis=(1, 2)).max())
        excess = (excess + own * frobenius**2) * (1 + own)
        prove(excess < 1e-3, f"{self.where}: a matrix is neither exact nor nearly an isometry: nothing is proved of it")
        norm = 1 + excess / 2
        images = points @ matrices.transpose(0, 2, 1)
        delta = float(np.linalg.norm(images - points[self.moves], axis=-1).max())
        delta = (delta + own * frobenius * radius) * (1 + own)
        first = float(np.linalg.norm(start - points[self.initial])) * (1 + own)
        size = float(np.abs(biases).max()) + radius * (radius + 1)
        lost = 2 * size * (gamma + own) + n * tiny
        allowed = 1.0
        for begin in range(0, len(points), ROWS):
            some = np.arange(begin, min(begin + ROWS, len(points)))
            scores = points[some] @ points.T + biases
            gaps = scores[np.arange(len(some)), some][:, None] - scores
            apart = np.linalg.norm(points[some, None] - points[None], axis=-1) * (1 + own)
            apart[np.arange(len(some)), some] = np.inf
            gaps[np.arange(len(some)), some] = np.inf
            prove((apart > 0).all(), f"{self.where}: two points are one")
            with np.errstate(invalid="ignore"):
                room = np.where(np.isinf(apart), 1.0, (gaps - lost) / apart)
            allowed = min(allowed, float(room.min()) * (1 - own))
        growth = (norm - 1 + gamma * frobenius) * (1 + own)
        added = (delta + gamma * frobenius * radius + n * n * tiny) * (1 + own)
        if allowed <= first:
            return 0
        # e_N ≤ (e_0 + N·added)·(1 + growth)^N, and (1 + growth)^N ≤ 1/(1 - N·growth)
        return max(0, math.floor((allowed - first) / (added + allowed * growth) * (1 - 1e-9)))


def _dyadic(numbers: Floats) -> tuple[Array, int] | None:
    """Numbers as integers over a power of 2 that is at most 2^12; None where they are none, or large."""
    if np.abs(numbers).max(initial=0) > LARGEST:
        return None
    for shift in range(MAX_SHIFT + 1):
        scaled = numbers * (1 << shift)
        if (scaled == np.rint(scaled)).all():
            return scaled.astype(np.int64), shift
    return None


class Network:
    """The weights of a network of layers of blocks.

    Arguments:
        configuration: of `config.json`.
        arrays: of `model.safetensors`.
    """

    def __init__(self, configuration: dict[str, Any], arrays: dict[str, Array]) -> None:
        arrays = dict(arrays)
        with_keys(configuration, CONFIGURATION, "config.json")
        sizes = [configuration["alphabet_size"], configuration["classes"], configuration["head_cases"]]
        usable(all(type(size) is int and size >= 1 for size in sizes), "config.json states a size that is none")
        self.tokens, self.classes, cases = sizes
        prove(configuration["embedding_size"] == 0, "the network is not compact: its embedding has a length")
        prove(configuration["dtype"] == "float64", f"the dtype is {configuration['dtype']!r:.20}, wanted float64")

        def parameter(name: str, kind: str, *shape: int) -> Array:
            usable(name in arrays, f"the parameter {name} is missing")
            array = arrays.pop(name)
            fits = array.shape == shape and array.dtype == np.dtype(kind)
            usable(fits, f"{name} is {array.dtype} {array.shape}, wanted {kind} {shape}")
            prove(np.isfinite(array).all(), f"{name} has an entry that is no finite number")
            return np.asarray(array)

        parameter("embedding.weight", "float64", self.tokens, 0)
        self.layers: list[tuple[dict[bytes, int], list[int], list[Block]]] = []
        self.families: list[str] = []
        self.groups: list[int] = []
        for i, entry in enumerate(as_list(configuration["layers"], "config.json's layers", dict)):
            layer = with_keys({"reads": "after"} | entry, LAYER, f"layer {i} in config.json")
            prove(str(layer["family"]) in FAMILIES, f"the family {layer['family']!r:.40} is none of blocks")
            for name, value in WANTED.items():
                prove(layer[name] == value, f"layer {i}: {name} is {layer[name]!r:.40}; proved of {value!r}")
            self.families.append(layer["family"])
            self._layer(i, layer, parameter)
        usable(self.layers, "config.json has no layers")
        self.cases = self._rows(parameter("head.cases", "int32", cases, len(self.groups)), self.groups, "head.cases")
        self.outputs = parameter("head.outputs", "int32", cases)
        prove(0 <= self.outputs.min() <= self.outputs.max() < self.classes, "head.outputs names a class that is none")
        prove(not parameter("head.bias", "float64", self.classes).any(), "head.bias is not 0")
        prove(not arrays, f"nothing is proved of the parameter {', '.join(sorted(arrays))[:80]}")

    def _layer(self, i: int, layer: dict[str, Any], parameter: Any) -> None:
        _, m, complex_state = FAMILIES[layer["family"]]
        sizes = [layer["channels"], layer["hidden"], layer["readout"]]
        usable(all(type(size) is int and size >= 1 for size in sizes), f"layer {i} states a size that is none")
        d, units, readout = sizes
        usable(d % m == 0 and d // m <= MAX_BLOCKS, f"layer {i} has {d} channels in blocks of {m}")
        r, twice = d // m, 1 + complex_state
        groups = as_list(layer["groups"], f"layer {i}'s groups", int)
        usable(len(groups) == r and min(groups) >= 1 and sum(groups) == readout, f"layer {i} has odd groups")
        usable(units * d * m * twice <= MAX_ENTRIES, f"layer {i} has too many units to check")
        gates = parameter(f"layers.{i}.phi.gates", "int32", units, len(self.groups) + 1)
        out = parameter(f"layers.{i}.phi.out.weight", "float64", (m + 1) * d * twice, units)
        prove(not parameter(f"layers.{i}.phi.out.bias", "float64", len(out)).any(), f"layer {i}: φ's bias is not 0")
        raw = out.T.reshape(units, m + 1, twice, m, r)
        prove(not raw[:, m].any(), f"layer {i}: b is not 0")
        matrices = _real(raw[:, :m].transpose(0, 4, 1, 3, 2))  # units, r, n, n
        shape = (d, 2) if complex_state else (d,)
        initial = parameter(f"layers.{i}.initial_state", "float64", *shape).reshape(m, r, twice)
        start = initial.transpose(1, 2, 0).reshape(r, twice * m)
        width = sum(self.groups)
        psi = parameter(f"layers.{i}.psi.weight", "float64", readout, width + twice * d)
        biases = parameter(f"layers.{i}.psi.bias", "float64", readout)
        prove(not psi[:, :width].any(), f"layer {i}: ψ reads the layers below")
        own = psi[:, width:].reshape(readout, twice * m, r)
        blocks, first = [], 0
        for j, size in enumerate(groups):
            rows = slice(first, first + size)
            prove(not np.delete(own[rows], j, axis=2).any(), f"layer {i}: a decision reads more than one block")
            where = f"layer {i}, block {j}"
            blocks.append(Block(matrices[:, j], start[j], (own[rows, :, j], biases[rows]), where))
            first += size
        name = f"layers.{i}.phi.gates"
        read = [column for column in range(gates.shape[1]) if (gates[:, column] >= 0).any()]
        self.layers.append((self._rows(gates, [*self.groups, self.tokens], name), read, blocks))
        self.groups += groups

    @staticmethod
    def _rows(rows: Array, sizes: list[int], name: str) -> dict[bytes, int]:
        """Rows of decisions by their numbers; -1 throughout a column that is not read."""
        prove(((rows >= -1) & (rows < np.array(sizes))).all(), f"{name} has a decision that is none")
        unread = rows < 0
        prove((unread.all(axis=0) | ~unread.any(axis=0)).all(), f"{name} reads a decision in some rows only")
        found = {row.tobytes(): i for i, row in enumerate(np.ascontiguousarray(rows[:, ~unread.any(axis=0)]))}
        prove(len(found) == len(rows), f"{name} has two equal rows")
        return found

    def step(self, states: Array, token: int) -> Array:
        """The states (count, blocks) after one token."""
        after = np.empty_like(states)
        done = 0
        for units, read, blocks in self.layers:
            tokens = np.full((len(states), 1), token, dtype=np.int32)
            keys = np.ascontiguousarray(np.concatenate([after[:, :done], tokens], axis=1)[:, read])
            found = np.array([units.get(key.tobytes(), -1) for key in keys])
            prove((found >= 0).all(), f"no unit of φ is on at token {token}")
            for j, block in enumerate(blocks, done):
                after[:, j] = block.moves[block.unit[found], states[:, j]]
            done += len(blocks)
        return after

    def answers(self, states: Array) -> Array:
        """The class that the head answers in each state, shape (count,)."""
        read = np.ascontiguousarray(states)
        found = np.array([self.cases.get(row.tobytes(), -1) for row in read])
        prove((found >= 0).all(), "a state is none of the head's cases")
        return np.asarray(self.outputs[found])

    @property
    def initial(self) -> Array:
        """The first state, shape (1, blocks)."""
        return np.array([[block.initial for _, _, blocks in self.layers for block in blocks]], dtype=np.int32)

    def horizons(self) -> dict[str, int | None]:
        """So many tokens are decided rightly in each arithmetic; None for every length."""
        rounding = [b for _, _, blocks in self.layers for b in blocks if not b.is_exact()]
        return {name: min((b.horizon(name) for b in rounding), default=None) for name in ROUNDOFF}


def _real(entries: Floats) -> Floats:
    """Entries (…, n, k, parts) as real matrices: of two parts [[Re, -Im], [Im, Re]]."""
    if entries.shape[-1] == 1:
        return entries[..., 0]
    real, imaginary = entries[..., 0], entries[..., 1]
    upper = np.concatenate([real, -imaginary], axis=-1)
    return np.concatenate([upper, np.concatenate([imaginary, real], axis=-1)], axis=-2)


def states_of(network: Network, group: ListedGroup, alphabet: Array) -> tuple[Array, Array]:
    """All states that words lead to, shape (states, blocks), and the element that each stands for, proved to follow the
    group; see the head of this file."""
    prove((network.tokens, network.classes) == (len(alphabet), group.order), "the network has other tokens or classes")
    images = [group.times(int(element)) for element in alphabet]
    frontier, labels = network.initial, np.zeros(1, dtype=np.int64)
    known = {frontier[0].tobytes(): 0}
    rows, named = [frontier], [labels]
    while len(frontier):
        prove((network.answers(frontier) == labels).all(), "the network answers something else in a state")
        new: list[Array] = []
        elements: list[int] = []
        for token, image in enumerate(images):
            for row, element in zip(network.step(frontier, token), image[labels].tolist(), strict=True):
                key = row.tobytes()
                fits = known.setdefault(key, element) == element
                prove(fits, f"token {token} leads to a state that stands for two elements")
                if len(known) > sum(map(len, rows)) + len(new):
                    new.append(row)
                    elements.append(element)
        usable(len(known) * len(images) <= MAX_PAIRS, f"over {MAX_PAIRS:,} states and tokens are too many to check")
        frontier, labels = (
            np.array(new, dtype=np.int32).reshape(-1, rows[0].shape[1]),
            np.array(elements, dtype=np.int64),
        )
        rows.append(frontier)
        named.append(labels)
    found = np.concatenate(named)
    prove(len(set(found.tolist())) == group.order, "the tokens do not generate the group")
    return np.concatenate(rows), found


def least_layers(group: ListedGroup) -> int | None:
    """The length of the series H → [H², H²]; None where it does not end in the trivial group."""
    generators, order, steps = group.generators, group.order, 0
    while order > 1:
        generators = group.derived(_squares(group, generators))
        reached = len(group.generated(generators)) if generators else 1
        if reached == order:
            return None
        order, steps = reached, steps + 1
    return steps


def _squares(group: ListedGroup, generators: list[int]) -> list[int]:
    """Generators of the subgroup of all squares: it is normal, and modulo it the group is abelian."""
    waiting = [group.product(a, a) for a in generators]
    waiting += [group.product(group.inverse(a), group.inverse(b), a, b) for a in generators for b in generators]
    found: list[int] = []
    members = {0}
    while waiting:
        element = waiting.pop()
        if element not in members:
            found.append(element)
            members = group.generated(found)
            waiting += [group.product(group.inverse(g), element, g) for g in generators]
    return found


def claim_of(group: ListedGroup, alphabet: Array, network: Network) -> str:
    """The sentence about a network whose states were checked. No name stands in it: names are not proved."""
    horizons = network.horizons()
    if all(horizon is None for horizon in horizons.values()):
        length = "words of every length, without rounding in float64 and float32"
    else:
        prove(all(horizons.values()), "the points are too near each other for any word to be proved")
        parts = [f"{horizon:,} tokens in {name}" for name, horizon in horizons.items()]
        length = f"words of up to {' and '.join(parts)}"
    titles = {FAMILIES[name][0] for name in network.families}
    layers = count(len(network.families), "layer")
    claim = (
        f"the network tracks a group of order {group.order:,} with {count(len(alphabet), 'token')} on {length}, "
        f"by {layers} of {' and '.join(sorted(titles))}"
    )
    if set(network.families) != {SQUARES}:
        return claim
    least = least_layers(group)
    prove(least is not None and least <= len(network.families), "fewer layers than the group needs")
    return (
        f"{claim}, and {'no such layers with fewer can' if least == len(network.families) else f'{least} are needed'}"
    )


def check(folder: Path, certificate: dict[str, Any] | None = None) -> Verdict:
    """What a certificate claims of a folder, verified; `FaultError` with one line otherwise. The certificate is the
    folder's own, or one that is to be written there."""
    files = Files(folder, FILES)
    certificate = opened(files, certificate, {KIND: FIELDS}, 1)
    name = certificate["name"]
    check_files(files, certificate["files"], set(FILES))
    about = with_keys(files.json("blocks.json"), {"format", "name"}, "blocks.json")
    usable(about["format"] == 1 and about["name"] == name, "blocks.json and certificate.json bear different names")
    arrays = files.tensors("group.safetensors")
    group = ListedGroup(arrays, certificate["generators"])
    alphabet = take(arrays, "alphabet", 1, min(group.order, MAX_ORDER))
    usable(not arrays, "group.safetensors has arrays beside elements and alphabet")
    network = Network(files.json("config.json"), files.tensors("model.safetensors", "F64", "I32"))
    states_of(network, group, alphabet)
    claim = claim_of(group, alphabet, network)
    prove(certificate["claim"] == claim, f"certificate.json claims something else than was proved: {claim}")
    return Verdict(claim, (*group.facts(), CITED), name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], check))
