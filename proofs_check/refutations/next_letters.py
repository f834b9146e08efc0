"""Letters for the next layer: words over a layer's letters that bring this layer, too, back to where it was.

Where some word contracts every channel it is appended as a reset; where channels of modulus 1 are left, words u, v with
nearly one map and different products are followed by returns z.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from .affine_maps import signed_turns
from .equalising import Candidates, equalised, starting_pairs
from .layer_at_work import LayerAtWork, Level
from .letters import Letters, contraction, repetitions
from .long_words import PowerWord
from .question import Budget


def reset_letters(work: LayerAtWork, most: int, tolerance: float) -> Level:
    """x rᴺ for at most `most` letters x, where the reset word r contracts every channel: the layer forgets x up to
    `tolerance`, and rᴺ has product 1."""
    letters, level = work.letters, work.level
    reset, rate = contraction(letters)
    chosen = few(letters, most)
    centre = letters.map_of(reset).centre()
    distance = max(
        [float(np.abs(letters.maps[x](centre) - centre).max()) for x in chosen]
        + [float(np.abs(work.start - centre).max())]
    )
    suffix = letters.spelled(_neutral(letters, reset, repetitions(rate, distance, tolerance)))
    words = tuple(PowerWord.of(letters.words[x], suffix) for x in chosen)
    return Level(PowerWord.of(level.prefix, suffix), words, letters.products[chosen], level.resets)


def returning_words(work: LayerAtWork, budget: Budget, tolerance: float, within: float) -> list[PowerWord]:
    """u z rᴹ and v z rᴹ over letters, for several u, v with one map and several z: the channels of modulus 1 return to
    within a distance of the layer's state, the others are reset."""
    letters, start = work.letters, work.start
    reset, rate = contraction(letters)
    live = rate == 0
    tail, turned = _tail(letters, reset, rate, tolerance)
    candidates = Candidates(letters, live)
    pairs = starting_pairs(letters, live, 256)
    equal = [(pair.u, pair.v) for pair in pairs if pair.difference.max(initial=0.0) <= tolerance][:64]
    if not equal:
        equal = equalised(candidates, pairs[:6], tolerance, budget.run_tokens // 1000)
    found: list[tuple[int, PowerWord]] = []
    for u, v in equal:
        once = letters.map_of(v)
        with np.errstate(invalid="ignore"):
            radius = np.abs(start - once.centre())[live]
        radius = np.where(np.isfinite(radius), radius, 1.0)
        length = letters.spelled(v).length
        phase = once.phase[live] + turned
        returns = candidates.returning(phase, radius, within)
        if not tail.parts:
            n = _return_time(phase, radius, max(2, budget.run_tokens // (40 * length)), within)
            if n is not None:
                returns.append(v.power(n - 1))
        for z in returns:
            whole = letters.map_of(PowerWord.of(v, z, tail))
            if np.abs(whole(start) - start)[live].max() <= 2 * within:
                word = PowerWord.of(u, z, tail), PowerWord.of(v, z, tail)
                size = letters.spelled(word[0]).length
                found.extend([(size, word[0]), (size, word[1])])
    found.sort(key=lambda entry: entry[0])
    return _spanning([word for _, word in found], letters, budget.letters)


def returning_letters(work: LayerAtWork, words: list[PowerWord]) -> Level:
    """The level that returning words over letters make."""
    letters, level = work.letters, work.level
    spelled = tuple(letters.spelled(word) for word in words)
    products = np.array([letters.product_of(word) for word in words], dtype=np.intp)
    contracts = (contraction(letters)[1] < 0).any()
    prefix = PowerWord.of(level.prefix, spelled[0]) if contracts else level.prefix
    return Level(prefix, spelled, products, False)


def few(letters: Letters, most: int) -> list[int]:
    """At most `most` letters whose products generate as much as all, the identity and inverses among them if there."""
    group, products = letters.group, letters.products.tolist()
    if len(products) <= most:
        return list(range(len(products)))
    whole = group.subgroup(products).order
    best: list[int] = []
    for tries in range(40):  # few random generators suffice
        order = np.random.default_rng(tries).permutation(len(products))
        chosen, span = [], group.trivial_subgroup
        for x in order.tolist():
            if products[x] not in span:
                span = span.extended([products[x]])
                chosen.append(x)
            if span.order == whole:
                break
        if not best or len(chosen) < len(best):
            best = chosen
    for element in [0, *(group.inverse(products[x]) for x in best), *products]:
        if len(best) < most and element in products and products.index(element) not in best:
            best.append(products.index(element))
    return best


def _neutral(letters: Letters, reset: PowerWord, times: int) -> PowerWord:
    """A power of a word, of at least `times`, whose product is 1."""
    order = int(letters.group.element_orders[letters.product_of(reset)])
    return reset.power(-(-times // order) * order)


def _tail(
    letters: Letters, reset: PowerWord, rate: NDArray[np.float64], tolerance: float
) -> tuple[PowerWord, NDArray[np.uint64]]:
    """A suffix that resets the contracting channels, and by how much it turns the others."""
    live = rate == 0
    if not (rate < 0).any():
        return PowerWord(), np.zeros(int(live.sum()), dtype=np.uint64)
    far = 10.0 * max(1.0, float(np.abs(letters.maps.shift).max()))
    tail = _neutral(letters, reset, repetitions(rate, far, tolerance))
    return tail, letters.map_of(tail).phase[live]


def _spanning(words: list[PowerWord], letters: Letters, most: int) -> list[PowerWord]:
    """The first word of each product, at most `most` of them, that generate what all of them do and do not all commute
    if they can."""
    group = letters.group
    kept: list[PowerWord] = []
    elements: list[int] = []
    span = group.trivial_subgroup
    for word in words:
        element = letters.product_of(word)
        grows = element not in span
        if element in elements or not (grows or len(kept) < 4 or _commute(group, elements)):
            continue
        kept.append(word)
        elements.append(element)
        span = span.extended([element]) if grows else span
    if len(kept) > most and not _commute(group, elements):
        for a, b in itertools.combinations(range(len(elements)), 2):
            if not _commute(group, [elements[a], elements[b]]):
                rest = [k for k in range(len(kept)) if k not in (a, b)]
                return [kept[k] for k in [a, b, *rest][:most]]
    return kept[:most] if len(set(elements)) > 1 else []


def _commute(group: Group, elements: list[int]) -> bool:
    return all(group.times(a, b) == group.times(b, a) for a, b in itertools.combinations(elements, 2))


def _return_time(phase: NDArray[np.uint64], radius: NDArray[np.float64], most: int, within: float) -> int | None:
    """The least n ≥ 1 for which |1 - exp(2πi n·phase)|·radius is at most `within` in every channel; None beyond
    `most`."""
    exponents = np.arange(1, most + 1).astype(np.uint64)
    for begin in range(0, most, 1 << 14):
        n = exponents[begin : begin + (1 << 14)]
        away = 2 * np.abs(np.sin(math.pi * signed_turns(n[:, None] * phase))) * radius
        good = np.flatnonzero((away <= within).all(axis=1))
        if len(good):
            return int(n[good[0]])
    return None
