"""Finds the straight-line program that shows how many layers a group needs (`constructions.factored.proof`)."""

from __future__ import annotations

import random

from subnormal.algebra.arithmetic.permutations import Permutations, invert
from subnormal.algebra.base.errors import InputError
from subnormal.constructions.factored.proof import Line

WIDTHS = (24, 48, 96, 192)
"""Elements kept of each V_i; the next number is tried when an element of the last one was not found."""

ATTEMPTS = 20
"""Random commutators or powers tried for each element to be kept."""


class _Program:
    def __init__(self, alphabet: Permutations) -> None:
        self.lines: list[Line] = []
        self.values: list[Permutations] = []
        self.identity = tuple(range(alphabet.shape[1]))
        for x, token in enumerate(alphabet):
            self.lines.append(("token", x, 0))
            self.values.append(token)

    def add(self, kind: str, a: int, b: int) -> int:
        p, q = self.values[a], self.values[b]
        if kind == "product":
            value = q[p]
        elif kind == "conjugate":
            value = q[p[invert(q)]]
        else:
            value = q[p[invert(q)[invert(p)]]]
        self.lines.append((kind, a, b))
        self.values.append(value)
        return len(self.lines) - 1

    def add_power(self, a: int, exponent: int) -> int:
        value = self.values[a]
        for _ in range(exponent - 1):
            value = self.values[a][value]
        self.lines.append(("power", a, 0))
        self.values.append(value)
        return len(self.lines) - 1

    def drop_after(self, length: int) -> None:
        del self.lines[length:], self.values[length:]

    def only(self, last: int) -> list[Line]:
        """The lines that the line `last` needs, renumbered."""
        wanted: set[int] = set()
        waiting = [last]
        while waiting:
            here = waiting.pop()
            if here not in wanted:
                wanted.add(here)
                kind, a, b = self.lines[here]
                waiting += [] if kind == "token" else [a] if kind == "power" else [a, b]
        new = {old: i for i, old in enumerate(sorted(wanted))}
        lines = (self.lines[old] for old in sorted(wanted))
        return [(kind, a, 0) if kind == "token" else (kind, new[a], new.get(b, 0)) for kind, a, b in lines]


def lower_bound(alphabet: Permutations, layers: int, exponent: int, seed: int = 0) -> list[Line]:
    """A program with a value other than 1 in V_{layers-1}, so that `layers` layers are needed.

    Commutators (and m-th powers) of elements of V_i lie in V_{i+1}. Before they are taken, elements are multiplied by
    random conjugates of others: elements of few commutators tend to commute.

    Raises:
        InputError: none was found.
    """
    choose = random.Random(seed)
    for width in WIDTHS:
        program = _search(alphabet, layers, exponent, width, choose)
        if program is not None:
            return program
    raise InputError(f"no element other than 1 was found in V_{layers - 1} by random commutators; try another seed")


def _search(alphabet: Permutations, layers: int, exponent: int, width: int, choose: random.Random) -> list[Line] | None:
    program = _Program(alphabet)
    everything = list(range(len(alphabet)))
    for _ in range(width):
        everything.append(program.add("product", choose.choice(everything), choose.choice(everything)))
    pool = [i for i in everything if tuple(program.values[i].tolist()) != program.identity]
    for level in range(1, layers):
        wanted = width if level + 1 < layers else 1
        found: dict[tuple[int, ...], int] = {}
        for _ in range(ATTEMPTS * width):
            length = len(program.lines)
            a, b = (
                program.add("product", choose.choice(pool), program.add("conjugate", choose.choice(pool), g))
                for g in choose.choices(everything, k=2)
            )
            if exponent and choose.random() < 0.5:
                new = program.add_power(a, exponent)
            else:
                new = program.add("commutator", a, b)
            key = tuple(program.values[new].tolist())
            if key == program.identity or key in found:
                program.drop_after(length)
                continue
            found[key] = new
            if len(found) == wanted:
                break
        if not found:
            return None
        pool = list(found.values())
    return program.only(pool[-1])
