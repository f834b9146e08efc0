"""Reasons why fewer layers cannot do, for groups known by stabiliser chains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common.brief import Brief
from ...common.wording import short
from ..arithmetic.permutations import Permutations, cycles, invert
from ..chains.solvable import SolvableTower, Step
from ..chains.stabiliser_chain import StabiliserChain

MAX_TREE = 1 << 16
"""Most points of all leaves together for which a program is written out as a nested commutator: a program of height h
has 2^h leaves."""

MAX_PROGRAM = 1 << 20
"""Most points of all the values of a program, generators included, that are written out."""


@dataclass(frozen=True)
class PerfectTerm:
    """The term at which the derived series of a group stands still, known by its order.

    Arguments:
        order: of the perfect residual.
    """

    order: int

    def as_json(self) -> dict[str, Any]:
        """The object `witness` of `inspect --json`."""
        return {"kind": "perfect residual", "order": self.order}


@dataclass(frozen=True, eq=False, repr=False)
class ProgramWitness(Brief):
    """A straight-line program over a group's generators whose value, not 1, lies in the last term but one of its
    derived series.

    Arguments:
        generators: shape (r, degree).
        steps: see `algebra.chains.solvable.Step`; every commutator is of two elements of the same depth.
    """

    generators: Permutations
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, chain: StabiliserChain) -> ProgramWitness | None:
        """The witness of a solvable group; None for the trivial one."""
        moving = chain.moving_elements
        tower = chain.tower or SolvableTower([element.code for element in moving], moving, chain.encoding)
        steps = tower.program()
        if not steps:
            return None
        rows = chain.encoding.decode([element.code for element in moving])
        numbered = (Step(s.kind, s.a % len(rows), 0) if s.kind == "token" else s for s in steps)
        return cls(rows, tuple(numbered))

    def values(self) -> list[Permutations]:
        """The permutation that each step makes, shape (degree,)."""
        values: list[Permutations] = []
        for kind, a, b in self.steps:
            if kind == "token":
                values.append(self.generators[a])
                continue
            p, q = values[a], values[b]
            values.append(q[p[invert(q)]] if kind == "conjugate" else q[p[invert(q)[invert(p)]]])
        return values

    @property
    def height(self) -> int:
        """How deep commutators are nested: the value lies in the derived subgroup of that number."""
        heights: list[int] = []
        for kind, a, _ in self.steps:
            heights.append(0 if kind == "token" else heights[a] + (kind == "commutator"))
        return heights[-1]

    def leaves(self) -> Permutations | None:
        """Elements whose balanced nested commutator is the value, shape (2^height, degree); None where they are too
        many to write out. A conjugate of a commutator is the commutator of conjugates."""
        if self.generators.shape[1] << self.height > MAX_TREE:
            return None
        values = self.values()
        trees: list[Permutations] = []
        for (kind, a, b), value in zip(self.steps, values, strict=True):
            if kind == "token":
                trees.append(value[None])
            elif kind == "conjugate":
                trees.append(values[b][trees[a][:, invert(values[b])]])
            else:
                trees.append(np.concatenate([trees[a], trees[b]]))
        return trees[-1]

    def text(self) -> str:
        """`[x, y] = z ≠ ()`, or the size of the program where that is too long."""
        leaves = self.leaves()
        if leaves is None:
            return f"a program of {len(self.steps)} steps has a value other than () at height {self.height}"
        nested = _nested([cycles(leaf) for leaf in leaves])
        shown = nested if isinstance(nested, str) else str(nested).replace("'", "")
        return f"{short(shown, 60)} = {short(cycles(self.values()[-1]))} ≠ ()"

    def as_json(self) -> dict[str, Any]:
        """The object `witness` of `inspect --json`: a nested commutator where it is short, else the program."""
        leaves, value = self.leaves(), self.values()[-1]
        if leaves is None:
            small = (len(self.generators) + 1) * self.generators.shape[1] <= MAX_PROGRAM
            return {
                "kind": "straight-line program",
                "generators": [cycles(row) for row in self.generators] if small else None,
                "steps": [list(step) for step in self.steps],
                "height": self.height,
                "value": cycles(value) if small else None,
            }
        return {
            "kind": "nested commutator" if len(leaves) > 1 else "element",
            "expression": _nested([cycles(leaf) for leaf in leaves]),
            "value": cycles(value),
        }


def _nested(leaves: list[str]) -> Any:
    """Leaves as nested pairs; their number is a power of 2."""
    nested: list[Any] = list(leaves)
    while len(nested) > 1:
        nested = [[x, y] for x, y in zip(nested[0::2], nested[1::2], strict=True)]
    return nested[0]
