"""Two words with different products that one layer cannot tell apart: making their maps equal, step by step.

Let u and v have one multiplier μ, such as a b and b a, and let D be the difference of their shifts. Then for any word
z, with ζ = μ·μ_z,

    u z v  and  v z u        differ by (1 - ζ) D,
    u z u  and  v z v        differ by (1 + ζ) D,
    u z u z u  and  v z v z v    differ by (1 + ζ + ζ²) D,
    u z v z u  and  v z u z v    differ by (1 - ζ + ζ²) D.

(u z v and v z u are Malcev's words, which coincide in nilpotent groups after as many steps as the class.) Choosing z so
that the factor is small on *all* channels of modulus 1 at once, and the products in the group stay different, the two
maps approach each other step by step, for every state they are applied to. The two patterns of three also serve in
nilpotent 2-groups, where Malcev's words soon coincide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .affine_maps import signed_turns
from .letters import Letters
from .long_words import PowerWord

LONGEST = 10**30
"""Longest word that equalising may make. Lengths are exact integers and phases exact in 64-bit turns, so this is only
where a word stops being worth showing."""

CANDIDATES = 6000
"""Words z tried in one step of equalising before counts are improved letter by letter."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two words over letters with one multiplier; `difference` of their shifts (channels,)."""

    u: PowerWord
    v: PowerWord
    g: int
    h: int
    phase: NDArray[np.uint64]
    difference: NDArray[np.float64]


PATTERNS = ((0, 1), (0, 0), (0, 0, 0), (0, 1, 0))
"""Which of u, v stands where in the first new word; the second has them exchanged. Between two of them stands z."""


def _factor(pattern: int, turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """One row of `_factors`."""
    if pattern < 2:
        return 2 * np.abs((np.sin, np.cos)[pattern](turns * math.pi))
    return np.abs(2 * np.cos(turns * (2 * math.pi)) + (1 if pattern == 2 else -1))


def _factors(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """|1-ζ|, |1+ζ|, |1+ζ+ζ²|, |1-ζ+ζ²| for ζ of these turns: (4, ...)."""
    angle = turns * math.pi
    cosine = np.cos(angle)
    sine = np.sin(angle)
    double = 2 * (2 * cosine * cosine - 1)  # ζ + 1/ζ
    return np.stack([2 * np.abs(sine), 2 * np.abs(cosine), np.abs(1 + double), np.abs(double - 1)])


def starting_pairs(letters: Letters, live: NDArray[np.bool_], most: int = 64) -> list[Pair]:
    """Words of one or two letters with equal multipliers and lengths but different products, smallest difference first.

    For phases in general position these are a b and b a; where multipliers are roots of unity there are more, such as a
    a and b b for multipliers ±1.
    """
    group, maps = letters.group, letters.maps
    number = len(letters.words)
    lengths = np.array([word.length for word in letters.words], dtype=np.float64)
    first = np.concatenate([np.arange(number), np.repeat(np.arange(number), number)])
    second = np.concatenate([np.full(number, -1), np.tile(np.arange(number), number)])
    double = second >= 0
    phase = maps.phase[:, live][first]
    phase[double] += maps.phase[:, live][second[double]]
    multiplier = maps.multiplier[:, live]
    shift = maps.shift[:, live][first]
    shift[double] = multiplier[second[double]] * shift[double] + maps.shift[:, live][second[double]]
    products = letters.products[first].copy()
    products[double] = group.multiply(products[double], letters.products[second[double]])
    length = lengths[first] + np.where(double, lengths[second], 0.0)
    letters_used = np.where(double, 2, 1)
    keys = np.ascontiguousarray(np.column_stack([phase, length.astype(np.uint64), letters_used.astype(np.uint64)]))
    _, kind = np.unique(keys, axis=0, return_inverse=True)
    # One word for each kind and product keeps the number of pairs small.
    _, kept = np.unique(np.column_stack([kind.ravel(), products]), axis=0, return_index=True)
    kept = kept[np.argsort(kind.ravel()[kept], kind="stable")]
    ends = np.flatnonzero(np.diff(kind.ravel()[kept])) + 1
    found: list[tuple[float, int, int]] = []
    for block in np.split(kept, ends):
        if len(block) > 1:
            i, j = np.triu_indices(min(len(block), 24), 1)
            sizes = np.linalg.norm(shift[block[i]] - shift[block[j]], axis=-1)
            found.extend(zip(sizes.tolist(), block[i].tolist(), block[j].tolist(), strict=True))
    found.sort(key=lambda entry: (entry[0], length[entry[1]]))
    chosen = found if len(found) <= most else [*found[: most // 2], *found[-(most - most // 2) :]]

    def spelled(i: int) -> PowerWord:
        return PowerWord.of(int(first[i])) if second[i] < 0 else PowerWord.of(int(first[i]), int(second[i]))

    return [
        Pair(spelled(i), spelled(j), int(products[i]), int(products[j]), phase[i], np.abs(shift[i] - shift[j]))
        for _, i, j in chosen
    ]


def equalise(
    letters: Letters, live: NDArray[np.bool_], epsilon: float, longest: int = LONGEST, starts: int = 4, seed: int = 0
) -> tuple[PowerWord, PowerWord] | None:
    """Two words over letters of equal length with different products whose maps differ by less than epsilon in the
    `live` channels.

    The live channels are those of modulus 1. None where none was found below `longest` tokens. Deterministic for a
    seed.
    """
    pairs = starting_pairs(letters, live)
    if not pairs:
        return None
    found = equalised(Candidates(letters, live, seed), pairs[:starts], epsilon, longest)
    return min(found, key=lambda pair: letters.spelled(pair[0]).length) if found else None


def equalised(
    candidates: Candidates, pairs: list[Pair], epsilon: float, longest: int
) -> list[tuple[PowerWord, PowerWord]]:
    """The starting pairs that can be brought closer than epsilon below `longest` tokens, each brought there."""
    found = [_descend(candidates, pair, epsilon, longest) for pair in pairs]
    return [pair for pair in found if pair is not None]


def _descend(candidates: Candidates, pair: Pair, epsilon: float, longest: int) -> tuple[PowerWord, PowerWord] | None:
    """Step after step until the difference is below epsilon; None as soon as the word would foreseeably get longer than
    `longest`."""
    first, begin = float(np.linalg.norm(pair.difference)), candidates.length(pair.u)
    steps = 0
    while pair.difference.size and pair.difference.max() > epsilon:
        length = candidates.length(pair.u)
        size = float(np.linalg.norm(pair.difference))
        if 2 * length > longest:
            return None
        if steps >= 6:  # by then the pace is known
            gained, wanted = math.log(first / size), math.log(size / epsilon)
            if gained <= 0 or math.log(length / begin) * wanted / gained > 1.5 * math.log(longest / length) + 3:
                return None
        pair = candidates.step(pair, epsilon)
        steps += 1
    return pair.u, pair.v


class Candidates:
    """The words z between u and v: up to three powers of letters, their phases, lengths and products."""

    def __init__(self, letters: Letters, live: NDArray[np.bool_], seed: int = 0) -> None:
        self.letters, self.generator = letters, np.random.default_rng(seed)
        self.group = letters.group
        self.theta = letters.maps.phase[:, live]
        self.lengths = np.array([word.length for word in letters.words], dtype=np.float64)
        orders = self.group.element_orders[letters.products]
        self.orders = orders
        self.powers = np.zeros((len(orders), int(orders.max())), dtype=np.intp)
        for i in range(1, self.powers.shape[1]):
            self.powers[:, i] = self.group.multiply(self.powers[:, i - 1], letters.products)
        self.length_cache: dict[int, int] = {}
        self.sets = [
            self._draw(2, 6, CANDIDATES // 2),
            self._draw(2, 64, CANDIDATES // 4),
            self._draw(3, 1024, CANDIDATES // 4),
        ]
        self.which = np.concatenate([s[0] for s in self.sets])
        self.counts = np.concatenate([s[1] for s in self.sets])
        self.turns = self.theta[self.which[:, 0]] * self.counts[:, :1].astype(np.uint64)
        for k in (1, 2):
            self.turns = self.turns + self.theta[self.which[:, k]] * self.counts[:, k : k + 1].astype(np.uint64)
        self.long = (self.counts * self.lengths[self.which]).sum(axis=1)
        self.products = np.zeros(len(self.which), dtype=np.intp)
        for k in range(3):
            self.products = self.group.multiply(self.products, self.power_of(self.which[:, k], self.counts[:, k]))

    def _draw(self, letters: int, most: int, number: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        which = self.generator.integers(len(self.lengths), size=(number, 3))
        counts = np.zeros((number, 3), dtype=np.int64)
        counts[:, :letters] = self.generator.integers(0, most + 1, size=(number, letters))
        counts[0] = 0
        return which, counts

    def power_of(self, letter: NDArray[np.intp], count: NDArray[np.int64]) -> NDArray[np.intp]:
        return self.powers[letter, count % self.orders[letter]]

    def length(self, word: PowerWord) -> int:
        """In tokens, of a word over letters."""
        return word.fold(lambda i: int(self.lengths[i]), lambda a, b: a + b, lambda a, n: a * n, 0)

    def allowed(self, pair: Pair) -> NDArray[np.bool_]:
        """(4, order): whether each pattern with a z of this product keeps the two products apart."""
        z = np.arange(self.group.order)
        result = np.zeros((len(PATTERNS), len(z)), dtype=bool)
        for k, pattern in enumerate(PATTERNS):
            sides = []
            for swap in (0, 1):
                value = np.full(len(z), (pair.g, pair.h)[pattern[0] ^ swap])
                for choice in pattern[1:]:
                    value = self.group.multiply(self.group.multiply(value, z), (pair.g, pair.h)[choice ^ swap])
                sides.append(value)
            result[k] = sides[0] != sides[1]
        return result

    def step(self, pair: Pair, epsilon: float) -> Pair:
        """The best pattern and z: the largest fall of log‖D‖ for each doubling of the length."""
        allowed = self.allowed(pair)
        base = float(self.length(pair.u))
        factors = _factors(signed_turns(pair.phase + self.turns))
        after = np.linalg.norm(factors * pair.difference, axis=-1)
        floor = 0.3 * epsilon  # below this there is nothing to gain
        current = np.linalg.norm(pair.difference)
        repeats = np.array([len(p) for p in PATTERNS], dtype=float)[:, None]
        longer = (repeats * base + (repeats - 1) * self.long) / base
        with np.errstate(divide="ignore"):
            score = np.log(np.maximum(after, floor) / current) / np.log(longer)
        score[~allowed[:, self.products]] = np.inf
        pattern, place = divmod(int(np.argmin(score)), score.shape[1])
        which, counts = self.which[place], self.counts[place]
        if after[pattern, place] > 0.6 * current:
            pattern, which, counts = self._improved(pair, allowed, score, base)
        return self._apply(pair, pattern, which, counts)

    def _improved(
        self, pair: Pair, allowed: NDArray[np.bool_], score: NDArray[np.float64], base: float
    ) -> tuple[int, NDArray[np.intp], NDArray[np.int64]]:
        """Counts of all letters, improved one letter after the other from the best candidates (coordinate descent)."""
        best = (np.inf, 0, np.arange(0), np.zeros(0, dtype=np.int64))
        number = len(self.lengths)
        letters = self.generator.permutation(number)[:24]
        most = int(max(256, min(1024, base)))
        trial = np.arange(most)
        weights = pair.difference**2
        for start in np.argsort(score, axis=None)[:2]:
            pattern, place = np.unravel_index(int(start), score.shape)
            which = np.concatenate([self.which[place], letters])
            counts = np.concatenate([self.counts[place], np.zeros(len(letters), dtype=np.int64)])
            value = np.inf
            for _ in range(3):
                before = value
                for k in range(len(which)):
                    counts[k] = 0
                    rest = (self.theta[which] * counts[:, None].astype(np.uint64)).sum(
                        axis=0, dtype=np.uint64
                    ) + pair.phase
                    grid = rest + self.theta[which[k]] * trial[:, None].astype(np.uint64)
                    values = (_factor(int(pattern), signed_turns(grid)) ** 2) @ weights
                    elements = self.power_of(which, counts)
                    front = self.group.product(elements[:k])
                    back = self.group.product(elements[k + 1 :])
                    here = self.powers[which[k], trial % self.orders[which[k]]]
                    values[~allowed[int(pattern), self.group.multiply(self.group.multiply(front, here), back)]] = np.inf
                    counts[k] = int(np.argmin(values))
                    value = float(values[counts[k]])
                if value > 0.9 * before:
                    break
            if value < best[0]:
                best = (value, int(pattern), which, counts.copy())
        return best[1], best[2], best[3]

    def returning(
        self, phase: NDArray[np.uint64], radius: NDArray[np.float64], within: float, number: int = 24
    ) -> list[PowerWord]:
        """Words z that bring a state at `radius` from the centre back to within a distance, after a turn by `phase`:
        short ones first, one for each product."""
        away = (2 * np.abs(np.sin(math.pi * signed_turns(phase + self.turns))) * radius).max(axis=1, initial=0.0)
        good = np.flatnonzero(away <= within)
        good = good[np.argsort(self.long[good], kind="stable")]
        _, first = np.unique(self.products[good], return_index=True)
        return [self._spell(self.which[k], self.counts[k]) for k in good[np.sort(first)][:number]]

    @staticmethod
    def _spell(which: NDArray[np.intp], counts: NDArray[np.int64]) -> PowerWord:
        return PowerWord(
            parts=tuple(
                (PowerWord(int(letter)), int(count)) for letter, count in zip(which, counts, strict=True) if count
            )
        )

    def _apply(self, pair: Pair, pattern: int, which: NDArray[np.intp], counts: NDArray[np.int64]) -> Pair:
        group = self.group
        z = self._spell(which, counts)
        phase = (self.theta[which] * counts[:, None].astype(np.uint64)).sum(axis=0, dtype=np.uint64)
        element = group.product(int(x) for x in self.power_of(which, counts))
        zeta = pair.phase + phase
        new: list[tuple[PowerWord, int]] = []
        for swap in (0, 1):
            pieces: list[PowerWord] = []
            value = 0
            for place, choice in enumerate(PATTERNS[pattern]):
                if place:
                    pieces.append(z)
                    value = group.times(value, element)
                pieces.append((pair.u, pair.v)[choice ^ swap])
                value = group.times(value, (pair.g, pair.h)[choice ^ swap])
            new.append((PowerWord.of(*pieces), value))
        repeats = len(PATTERNS[pattern])
        total = pair.phase * np.uint64(repeats) + phase * np.uint64(repeats - 1)
        factor = _factor(pattern, signed_turns(zeta))
        return Pair(new[0][0], new[1][0], new[0][1], new[1][1], total, pair.difference * factor)
