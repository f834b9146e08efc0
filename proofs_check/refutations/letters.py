"""What one layer of a stack is fed: letters, which act on it as affine maps; and the suffixes that make it forget.

The letters are tokens for the first layer, and for a deeper one words that leave the lower layers where they were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from .affine_maps import Affine, word_map
from .long_words import PowerWord


@dataclass(frozen=True, eq=False)
class Letters:
    """What a layer is fed: words over tokens, their products and their maps.

    Arguments:
        group: the group that is to be tracked.
        words: the letters, as words over tokens.
        products: the element of each letter, shape (n,).
        maps: their maps, (n, channels).
    """

    group: Group
    words: tuple[PowerWord, ...]
    products: NDArray[np.intp]
    maps: Affine

    def map_of(self, word: PowerWord) -> Affine:
        """The map of a word over letters."""
        return word_map(word, self.maps)

    def product_of(self, word: PowerWord) -> int:
        """The product of a word over letters."""
        return word.product(self.group, self.products)

    def spelled(self, word: PowerWord) -> PowerWord:
        """A word over letters as a word over tokens."""
        return word.fold(
            lambda letter: self.words[letter], lambda a, b: PowerWord.of(a, b), lambda a, n: a.power(n), PowerWord()
        )


def contraction(letters: Letters, longest: int = 12) -> tuple[PowerWord, NDArray[np.float64]]:
    """A short word over letters that contracts as many channels as can be, best in the worst channel, and its log|a|,
    (channels,).

    Channels in which no letter contracts have 0 there. The letters of the word are added one by one, each where the
    slowest channel gains most per token.
    """
    rates = letters.maps.log_modulus
    lengths = np.array([word.length for word in letters.words], dtype=float)
    able = (rates < 0).any(axis=0)
    if not able.any():
        return PowerWord(), np.zeros(rates.shape[1])
    chosen: list[int] = []
    total, length = np.zeros(rates.shape[1]), 0.0
    best = 0.0
    for _ in range(longest):
        speed = (total + rates)[:, able].max(axis=1) / (length + lengths)
        pick = (
            int(np.argmin(np.where(speed < 0, speed, np.inf)))
            if (speed < 0).any()
            else int(np.argmin((total + rates)[:, able].sum(axis=1) / lengths))
        )
        new = (total + rates[pick])[able].max() / (length + lengths[pick])
        if chosen and new >= best * 1.0001 and best < 0:
            break
        chosen.append(pick)
        total, length, best = total + rates[pick], length + lengths[pick], new
    return PowerWord.of(*chosen), total


def repetitions(rate: NDArray[np.float64], distance: float, epsilon: float) -> int:
    """How often a word must be repeated until `distance` shrinks below `epsilon` in every channel that it contracts."""
    slow = rate[rate < 0]
    if not len(slow) or distance <= epsilon:
        return 1
    return max(1, math.ceil(math.log(epsilon / distance) / float(slow.max())))
