"""How the letters of an automaton's words are drawn.

Random words over Tomita's languages or brackets soon reach a state that they never leave, and a flip-flop whose letters
are all alike forgets at every third: neither asks much of a memory. `alive` words step into a state that is never left
only by accident; `keep=0.8` gives one letter its share (Liu and others, *Exposing Attention Glitches with Flip-Flop
Language Modeling*, NeurIPS 2023: `keep=0.8` to train on, 0.98 is *sparse* and 0.1 *dense*).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError

ACCIDENTS = 0.01
"""With `alive`, the chance that a letter is drawn among all."""

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class LetterDraw:
    """A distribution of letters.

    Arguments:
        kind: `uniform`, `alive` or `share`.
        letter, share: for `share`, a letter's name and its probability; the others have the rest in equal parts.
    """

    kind: str = "uniform"
    letter: str = ""
    share: float = 0.0

    @classmethod
    def parse(cls, text: str) -> LetterDraw:
        """Read `uniform`, `alive` or e.g. `keep=0.8`; InputError otherwise."""
        if text in ("uniform", "alive"):
            return cls(text)
        match = re.fullmatch(r"(.+)=(0?\.\d{1,9})", text, re.ASCII)
        if match and float(match[2]) > 0:
            return cls("share", match[1], float(match[2]))
        raise InputError(
            f"letters {text[:40]!r}; wanted uniform, alive (seldom into a state that is never left), or a letter's "
            "share between 0 and 1, e.g. keep=0.8"
        )

    def require(self, names: Sequence[str]) -> None:
        """InputError where the letter is none of these, or the only one."""
        if self.kind == "share" and (self.letter not in names or len(names) == 1):
            raise InputError(f"letters: {self.letter[:40]!r} is no letter that has others; {', '.join(names[:20])}")

    def drawn(
        self,
        generator: np.random.Generator,
        moves: NDArray[np.int64],
        names: Sequence[str],
        count: int,
        length: int,
        start: Tokens | int = 0,
    ) -> Tokens:
        """Words (count, length) as positions in `names`.

        Arguments:
            generator: of random numbers.
            moves: shape (states, letters), next states.
            names: of the letters.
            count, length: number of words, and their length.
            start: the states before the first letter, one a word or one for all.
        """
        m = len(names)
        if self.kind == "share":
            shares = np.full(m, (1 - self.share) / (m - 1))
            shares[names.index(self.letter)] = self.share
            return generator.choice(m, size=(count, length), p=shares)
        if self.kind == "alive":
            return _alive(generator, moves, count, length, start)
        return generator.integers(m, size=(count, length))


UNIFORM = LetterDraw()


def _alive(
    generator: np.random.Generator, moves: NDArray[np.int64], count: int, length: int, start: Tokens | int
) -> Tokens:
    states, m = moves.shape
    forever = (moves == np.arange(states)[:, None]).all(axis=1)
    safe = ~forever[moves]
    safe[~safe.any(axis=1)] = True  # nothing is left to be spared
    order = np.argsort(~safe, axis=1, kind="stable")  # safe letters first
    words = generator.integers(m, size=(count, length))
    accident, place = generator.random((count, length)) < ACCIDENTS, generator.random((count, length))
    current = np.broadcast_to(np.asarray(start, dtype=np.int64), (count,))
    for t in range(length):
        spared = order[current, (place[:, t] * safe.sum(axis=1)[current]).astype(np.int64)]
        words[:, t] = np.where(accident[:, t], words[:, t], spared)
        current = moves[current, words[:, t]]
    return words
