"""Groups too large for a class each: a machine that is asked where a point goes, and answers with a point.

The state is that of `reflections.py`: all of the permutation. A word of a group of 3,628,800 elements has that many
answers, but a *question* about it has few: the word `3?` in a text asks for the image of the point 3 under the product
so far. It changes nothing, so that several may follow each other: n of them read the whole permutation.

State g has an entry ±1 in row i and column j where g takes j to i. A question opens the output gate at its column
alone; what is left to find is the row. Heads read *sets* of rows: head h those of a set A_h, so that the entry comes
through where the image lies in A_h. Every point lies in two sets and no two points in the same two (points are edges of
a complete graph, heads its vertices, √(2n) of them): its logit is the sum of two heads' entries for the right point,
and of at most one for any other.

For the sums of a chunked kernel to stay exact, a query has 1, 4 or 16 … equal entries: rows that are always zero fill
it up. Its head's output then has as many equal entries for every element, so that the norm loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import Permutations, cycles
from ...algebra.groups.permutation_group import PermutationGroup
from .reflections import Letter, Reflections, Swap, require_degree, spelling
from .widths import power_of_four

SETS = 2
"""Each point lies in so many."""

QUESTION = "?"
"""What stands behind a point in a text to ask where it goes."""


@dataclass(frozen=True, eq=False, repr=False)
class PointMachine(Reflections):
    """A group spelt by transpositions, which answers with the image of the point that is asked for.

    Arguments:
        group: by generators.
        action: the alphabet, on the points that the group moves: shape (count, n).
        places: those points, as the group counts them, from 0 on: shape (n,).
        left: shape (n,), true on the left points.
        alphabet: 0 … count - 1.
        words: for each of the alphabet its spelling.
    """

    group: PermutationGroup
    action: Permutations
    places: NDArray[np.intp]
    left: NDArray[np.bool_]
    alphabet: tuple[int, ...]
    words: tuple[tuple[Swap, ...], ...]

    @property
    def permutations(self) -> Permutations:
        return self.action

    @property
    def letter_names(self) -> tuple[str, ...]:
        found = np.tile(np.arange(self.group.degree), (len(self.action), 1))
        found[:, self.places] = self.places[self.action.astype(np.intp)]
        return tuple(cycles(row) for row in found)

    @property
    def answer_names(self) -> tuple[str, ...]:
        return tuple(str(1 + int(place)) for place in self.places)

    @property
    def questions(self) -> dict[str, Letter]:
        return {f"{name}{QUESTION}": Letter(ask=point) for point, name in enumerate(self.answer_names)}

    @property
    def heads(self) -> int:
        return 1 + int(self.sets.max())

    def usage(self) -> str:
        """How it is asked, for people."""
        names = self.answer_names
        return (
            f"answers with points: after a word, {names[0]}{QUESTION} … {names[-1]}{QUESTION} ask where each goes, one "
            "token each, and change nothing"
        )

    @cached_property
    def sets(self) -> NDArray[np.intp]:
        """The two heads of each point: shape (n, 2). Pairs are taken by their distance on a circle of the heads, so
        that sets are equally large, to within two."""
        heads = SETS + 1
        while heads * (heads - 1) // 2 < self.points:
            heads += 1
        pairs: list[tuple[int, int]] = []
        for distance in range(1, heads // 2 + 1):
            around = range(heads // 2 if 2 * distance == heads else heads)
            pairs += [(i, (i + distance) % heads) for i in around]
        return np.sort(np.array(pairs[: self.points], dtype=np.intp), axis=1)

    @cached_property
    def sizes(self) -> NDArray[np.intp]:
        """How many points each head reads: shape (heads,)."""
        return np.bincount(self.sets.reshape(-1), minlength=self.heads).astype(np.intp)

    def rows(self, head: int, beside: int) -> tuple[NDArray[np.intp], int]:
        """The rows of a head's query, and how many that are always zero fill it up to 1, 4, 16 …: of both copies of
        the state, or of one, whichever takes fewer. `beside` other rows are read too."""
        own = np.flatnonzero((self.sets == head).any(axis=1))
        choices = [own, np.concatenate([own, own + self.points])]
        fills = [power_of_four(len(rows) + beside, 1) - len(rows) - beside for rows in choices]
        best = int(np.argmin(fills))
        return choices[best], fills[best]

    def image(self, state: NDArray[np.int64], point: int) -> int:
        """What the read-out answers to a question, in integers: the point whose two heads have most."""
        n = self.points
        held = state[:n, point] * self.signs * self.signs[point]
        heads = np.array([held[(self.sets == head).any(axis=1)].sum() for head in range(self.heads)])
        return int(heads[self.sets].sum(axis=1).argmax())

    def state_of(self, letter: int) -> NDArray[np.int64]:
        """The state of one of the alphabet."""
        return self.state_by(self.action[letter])


def point_machine(group: PermutationGroup, tokens: Permutations) -> PointMachine:
    """Spell tokens, shape (count, degree), by transpositions of the points that the group moves.

    Raises:
        InputError: they are too many points.
    """
    places = np.flatnonzero((group.permutations != np.arange(group.degree)).any(axis=0))
    require_degree(group.name, len(places))
    permutations = np.searchsorted(places, tokens[:, places]).astype(tokens.dtype)
    left, words = spelling(permutations)
    return PointMachine(group, permutations, places, left, tuple(range(len(words))), words)
