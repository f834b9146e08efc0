"""The independent checker of a factored cascade's folder: it reads the two files and nothing of the compiler.

    python -m subnormal.proofs_check.certificates.factored_checker FOLDER

Exit code 0: verified · 1: refuted · 2: files of no use. Only NumPy, the standard library and the reading functions of
`proofs_check.certificates.checker` are used. What is proved, from
the arrays alone, is `constructions.factored.proof`'s claim, by another programme:

* **Tracks.** The state is a tuple of residues s_1 … s_M and stands for decode(s) = ℓ_M^{s_M} ⋯ ℓ_1^{s_1}. Wanted, for
  each point p, state s and token x: decode(s + increments(s, x))(p) = x(decode(s)(p)). For each p the channels that
  matter are found by asking which lifts move a point that p can have reached, and what those channels read, and what
  these read; then all residues of the channels that matter are gone through, one by one in mixed radix.
* **No fewer layers.** The straight-line program `lower_bound` builds an element ≠ 1 of V_l, where V_0 = G and
  V_i = [V_{i-1}, V_{i-1}]·V_{i-1}^m; l layers cannot do (cited: Theorem 2 of "The Expressive Limits of Diagonal SSMs
  for State-Tracking").
* **Layers.** A channel's layer is one more than the deepest it reads; the folder's layers are compared with that.

The name, order, structure, series and written alphabet in cascade.json are labels: nothing here proves them.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .checker import (
    CITED,
    FAMILIES,
    Array,
    Files,
    Verdict,
    as_list,
    check_manifest,
    cycle_lengths,
    main,
    prove,
    take,
    usable,
    with_keys,
)

FIELDS = {"format", "name", "order", "degree", "family", "states", "structure", "exact", "alphabet", "series"}
FIELDS |= {"layers", "lower_bound"}
MAX_CASES, MAX_ALL_CASES = 1 << 24, 1 << 31  # of one point; of all points and tokens together
MAX_ENTRIES, BLOCK = 1 << 27, 1 << 18


class ProvedCounters:
    """The arrays of a folder, proved to be a cascade of counters."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        for name in ("alphabet", "lifts", "reads", "increments"):
            usable(name in arrays, f"the array {name} is missing")
        usable(arrays["alphabet"].ndim == 2, f"alphabet has shape {arrays['alphabet'].shape}")
        self.degree = arrays["alphabet"].shape[1]
        self.tokens = self._permutations(arrays, "alphabet")
        self.lifts = self._permutations(arrays, "lifts")
        self.moduli = [int(n) for n in take(arrays, "moduli", 1, 1 << 30)]
        count, m = len(self.moduli), len(self.tokens)
        usable(len(self.lifts) == count and min(self.moduli) >= 2, "moduli and lifts do not fit together")
        usable(sum(self.moduli) * self.degree <= MAX_ENTRIES, "the powers of the lifts are too large")
        reads, entries = arrays.pop("reads"), arrays.pop("increments")
        usable(
            reads.ndim == 2 and len(reads) == count and entries.ndim == 1, "reads or increments have a strange shape"
        )
        usable(not arrays, f"arrays that mean nothing: {', '.join(sorted(arrays))[:80]}")
        self.reads: list[list[int]] = []
        self.tables: list[Array] = []
        self.layers: list[int] = []
        self.powers: list[Array] = []
        start = 0
        for c in range(count):
            read = [int(r) for r in reads[c] if r >= 0]
            prove(read == sorted({r for r in read if r < c}), f"channel {c + 1} reads {read}")
            rows = math.prod(self.moduli[r] for r in read)
            usable(start + rows * m <= len(entries), f"the table of channel {c + 1} is not there")
            table = np.asarray(entries[start : start + rows * m]).reshape(rows, m)
            prove(table.min() >= 0 and table.max() < self.moduli[c], f"channel {c + 1} adds what is no residue")
            start += rows * m
            order = math.lcm(*cycle_lengths(self.lifts[c].tolist()))
            usable(order % self.moduli[c] == 0, f"channel {c + 1} has a modulus that does not divide its lift's order")
            powers = np.empty((self.moduli[c], self.degree), dtype=np.int32)
            powers[0] = np.arange(self.degree)
            for i in range(1, self.moduli[c]):
                powers[i] = self.lifts[c][powers[i - 1]]
            self.reads.append(read)
            self.tables.append(table)
            self.powers.append(powers)
            self.layers.append(1 + max((self.layers[r] for r in read), default=0))
        usable(start == len(entries), "increments has entries of no channel")

    def _permutations(self, arrays: dict[str, Array], name: str) -> Array:
        rows = take(arrays, name, 2, self.degree).astype(np.int32)
        prove(
            rows.shape[1] == self.degree and (np.sort(rows) == np.arange(self.degree)).all(), f"{name}: no permutation"
        )
        return rows

    def path(self, point: int) -> list[int]:
        """The channels whose lifts can move the image of a point, in the order in which they act."""
        reached, path = {point}, []
        for c in reversed(range(len(self.moduli))):
            if any(self.lifts[c][p] != p for p in reached):
                path.append(c)
                reached = {int(q) for p in reached for q in self.powers[c][:, p]}
        return path

    def needed(self, path: list[int]) -> list[int]:
        """Some channels and all that these read, ascending."""
        matters, waiting = set(path), list(path)
        while waiting:
            new = set(self.reads[waiting.pop()]) - matters
            matters |= new
            waiting.extend(new)
        return sorted(matters)

    def check_points(self) -> int:
        """Proves the equation of every point for every state and token; returns how many cases there were."""
        paths = [self.path(point) for point in range(self.degree)]
        channels = [self.needed(path) for path in paths]
        cases = [math.prod(self.moduli[c] for c in matters) for matters in channels]
        point, most = max(enumerate(cases), key=lambda case: case[1])
        usable(most <= MAX_CASES, f"point {point + 1} depends on {most:,} states, too many to go through")
        total = sum(cases) * len(self.tokens)
        usable(total <= MAX_ALL_CASES, f"{total:,} cases are too many to go through")
        for point, path in enumerate(paths):
            for start in range(0, cases[point], BLOCK):
                self._check_block(point, path, channels[point], range(start, min(start + BLOCK, cases[point])))
        return total

    def _check_block(self, point: int, path: list[int], channels: list[int], cases: range) -> None:
        """One point's equation for some of the states that it depends on, by number in mixed radix."""
        numbers, shape = np.arange(cases.start, cases.stop), [self.moduli[c] for c in channels]
        residues = dict(zip(channels, np.unravel_index(numbers, shape), strict=True)) if channels else {}
        rows = {c: self._row(c, residues) for c in path}
        image = self._image(point, path, residues, len(cases))
        for x, token in enumerate(self.tokens):
            after = {c: (residues[c] + self.tables[c][rows[c], x]) % self.moduli[c] for c in path}
            wrong = np.flatnonzero(self._image(point, path, after, len(cases)) != token[image])
            prove(not len(wrong), f"a state moves point {point + 1} wrongly on token {x} (case {wrong[:1]})")

    def _row(self, channel: int, residues: dict[int, Array]) -> Array:
        read = self.reads[channel]
        row = np.zeros(1, dtype=np.int64)
        for r in read:
            row = row * self.moduli[r] + residues[r]
        return row

    def _image(self, point: int, path: list[int], residues: dict[int, Array], cases: int) -> Array:
        image = np.full(cases, point)
        for c in path:
            image = self.powers[c][residues[c], image]
        return image

    def shown_layers(self, lines: Any, exponent: int) -> int:
        """One more than the level of a straight-line program's value, which must not be the identity."""
        many = len(as_list(lines, "lower_bound", list))
        usable(many > 0 and many * self.degree <= MAX_ENTRIES, "lower_bound has no lines, or too many")
        values: list[tuple[Array, int]] = []
        for line in lines:
            usable(len(line) == 3 and isinstance(line[0], str), "lower_bound has a strange line")
            kind, (a, b) = line[0], as_list(line[1:], "operands", int)
            if kind == "token":
                prove(0 <= a < len(self.tokens), f"lower_bound names token {a}")
                values.append((self.tokens[a], 0))
                continue
            prove(0 <= a < len(values) and 0 <= b < len(values), "lower_bound names a later line")
            (p, i), (q, j) = values[a], values[b]
            if kind == "product":
                values.append((q[p], min(i, j)))
            elif kind == "conjugate":
                values.append((q[p[np.argsort(q)]], i))
            elif kind == "commutator":
                values.append((q[p[np.argsort(q)[np.argsort(p)]]], min(i, j) + 1))
            else:
                prove(kind == "power" and exponent > 1, f"lower_bound has a line of kind {kind!r:.20}")
                value = p
                for _ in range(exponent - 1):
                    value = p[value]
                values.append((value, i + 1))
        value, level = values[-1]
        prove((value != np.arange(self.degree)).any(), "the value of lower_bound is the identity")
        return level + 1


def check(folder: Path) -> Verdict:
    """What a folder's arrays prove; `FaultError` with one line otherwise."""
    files = Files(folder)
    check_manifest(files)
    metadata = files.json("cascade.json")
    usable(metadata.get("format") == "factored 2", "cascade.json has another format than 'factored 2'")
    name, family = with_keys(metadata, FIELDS, "cascade.json")["name"], str(metadata["family"])
    usable(isinstance(name, str) and 0 < len(name) <= 2000 and name.isprintable(), "cascade.json has no name")
    prove(family in FAMILIES, "the cascade is of no known family")
    title, exponent = FAMILIES[family]
    machine = ProvedCounters(files.tensors("cascade.safetensors"))
    prove(not exponent or all(exponent % n == 0 for n in machine.moduli), f"a modulus is none that {title} can carry")
    cases = machine.check_points()
    k = max(machine.layers)
    layers = [[n for n, on in zip(machine.moduli, machine.layers, strict=True) if on == i + 1] for i in range(k)]
    for field, fact in {
        "layers": [{"family": family, "moduli": x} for x in layers],
        "degree": machine.degree,
        "states": math.prod(machine.moduli),
    }.items():
        prove(metadata[field] == fact, f"cascade.json states other {field}")
    least = machine.shown_layers(metadata["lower_bound"], exponent)
    prove(least <= k, f"{k} layers, fewer than the {least} that are needed: impossible")
    fewer = f"and no {title} with fewer can" if k == least else f"and any {title} needs at least {least}"
    count = f"{k} layer{'s' * (k != 1)}"
    tokens = f"the group that its {len(machine.tokens)} tokens generate on {machine.degree} points"
    claim = f"tracks {tokens} on words of every length, with {count}, {fewer} ({cases:,} cases)"
    return Verdict(claim, (CITED,), str(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], check))
