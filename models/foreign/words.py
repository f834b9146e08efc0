"""Words on which models fail: the one place where they are made, for `evaluate`, `refute`, `decompile` and `probe`.

Random words spread errors and seldom dwell anywhere. These dwell: on one letter, on two, on a letter's powers, on
commutators and commutators of commutators (which layers must get right one by one), on what must be held for long.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...algebra.tracked import Tracked

Words = NDArray[np.int64]

MOST = 12
"""Words of one sort."""

LETTERS = 64
"""So many letters are looked at."""

LONGEST_RUN = 60
"""Of one letter, in words of runs."""


def words_by_sort(tracked: Tracked, length: int) -> dict[str, Words]:
    """Words of each sort, int64 (n, length); always the same ones.

    Arguments:
        tracked: a group with letters, or an automaton.
        length: of every word.

    Returns:
        `constant`: one letter, those of largest order first. `alternating`: two letters that do not commute, in turn.
        `powers`: runs of one letter as long as k, for k up to the largest order of a letter. `commutators`:
        a⁻¹ b⁻¹ a b again and again, and commutators of such. `held`: one letter, and then another for ever.
        `runs`: letters drawn at random, each repeated up to 60 times. Sorts without a word are left out.

    Example:
        >>> from subnormal.api.models import task_of_name
        >>> [name for name in words_by_sort(task_of_name("S3").tracked, 8)]
        ['constant', 'alternating', 'powers', 'commutators', 'held', 'runs']
    """
    letters = list(range(min(tracked.count, LETTERS)))
    orders = {a: tracked.order(a) for a in letters}
    by_order = sorted(letters, key=lambda a: (-orders[a], a))
    # One of each order first: sixty letters of order two show no more than one of them.
    first = list({orders[a]: a for a in reversed(by_order)}.values())
    chosen = [*first, *(a for a in by_order if a not in first)][:MOST]
    pairs = _pairs(tracked, chosen)
    random = np.random.default_rng(0)
    found: dict[str, list[Words]] = {
        "constant": [_repeated([a], length) for a in chosen],
        "alternating": [_repeated(list(pair), length) for pair in pairs],
        "powers": [_runs(random, tracked.count, k, k, length) for k in _sizes(max(orders.values()))],
        "commutators": [_repeated(word, length) for word in _commutators(tracked, pairs, length)],
        "held": [np.array(([a] + [b] * length)[:length]) for a, b in _holds(tracked, chosen)],
        "runs": [_runs(random, tracked.count, 1, LONGEST_RUN, length) for _ in range(MOST)],
    }
    return {name: np.array(rows[:MOST], dtype=np.int64).reshape(-1, length) for name, rows in found.items() if rows}


def adversarial_words(tracked: Tracked, length: int) -> Words:
    """All of `words_by_sort`, each once: int64 (n, length).

    Example:
        >>> from subnormal.api.models import task_of_name
        >>> adversarial_words(task_of_name("C2").tracked, 4)[:3].tolist()
        [[1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1]]
    """
    rows = np.concatenate(list(words_by_sort(tracked, length).values()))
    _, at = np.unique(rows, axis=0, return_index=True)
    return rows[np.sort(at)]


def _repeated(word: list[int], length: int) -> Words:
    return np.resize(np.array(word, dtype=np.int64), length)


def _pairs(tracked: Tracked, letters: list[int]) -> list[tuple[int, int]]:
    """Pairs of letters, those that do not commute first; of two that do, a few."""
    apart = {a: set(tracked.apart(a).tolist()) for a in letters}
    both = [(a, b) for i, a in enumerate(letters) for b in letters[i + 1 :]]
    ordered = sorted(both, key=lambda pair: pair[1] not in apart[pair[0]])
    return [(min(pair), max(pair)) for pair in ordered[:MOST]]


def _sizes(largest: int) -> list[int]:
    """Lengths of runs, 2 to the largest order and its double, at most `MOST`."""
    sizes = list(range(2, min(2 * largest, LONGEST_RUN) + 1))
    return sizes if len(sizes) <= MOST else [sizes[i * (len(sizes) - 1) // (MOST - 1)] for i in range(MOST)]


def _runs(random: np.random.Generator, count: int, least: int, most: int, length: int) -> Words:
    """Letters drawn at random, each repeated least … most times."""
    letters = random.integers(count, size=length)
    times = random.integers(least, most + 1, size=length)
    return np.repeat(letters, times)[:length].astype(np.int64)


def _holds(tracked: Tracked, letters: list[int]) -> Iterator[tuple[int, int]]:
    """A letter that changes the start, and one behind it that keeps something apart."""
    moves = tracked.moves if tracked.is_listed else None
    for a in letters:
        for b in letters:
            if a != b and (moves is None or moves[moves[tracked.start, a], b] == moves[tracked.start, a]):
                yield a, b


def _commutators(tracked: Tracked, pairs: list[tuple[int, int]], length: int) -> Iterator[list[int]]:
    """a⁻¹ b⁻¹ a b of the pairs, then commutators of two of these, and so on while they fit in the length."""
    chosen = [(([a], tracked.inverse(a)), ([b], tracked.inverse(b))) for a, b in pairs]
    while chosen:
        made = []
        for (x, back_x), (y, back_y) in chosen:
            word, back = [*back_x, *back_y, *x, *y], [*back_y, *back_x, *y, *x]
            if 0 < len(word) <= length:
                made.append((word, back))
                yield word
        chosen = list(zip(made[::2], made[1::2], strict=False))
