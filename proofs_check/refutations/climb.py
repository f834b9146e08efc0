"""The climb up a stack of layers, in search of words that it cannot tell apart.

At layer i it has *letters*, words over tokens that bring all lower layers back to (nearly) where they were; so on
layer i each acts as one fixed affine map. There

* where some letter contracts every channel, a common reset suffix rᴺ makes the layer forget: the words x rᴺ are the
  letters for the next layer, with the products they had;
* where channels of modulus 1 are left, words u, v with nearly one map and different products are made (`equalised`),
  and returns z: the words u z and v z are the letters for the next layer. Their products are commutators and, where
  multipliers are roots of unity, powers: they lie in the next member V_i of the series of docs/mathematics.md;
* where neither can be had, the layer's state leaves every bound (`diverge`).

At the last layer two words over letters with different products, one length and nearly one map are the pair. Everything
found is then confirmed by running the network in float64 from its initial state or, for words too long to run, by exact
composition at high precision (where the lower layers the last are proved to repeat, see `_Lower`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from subnormal.algebra.groups.group import Group
from subnormal.models.layer import Layer
from subnormal.models.network import DCDNetwork, LayerTrace
from subnormal.proofs_check.refutations.affine_maps import Affine, layer_maps, sequence_map, signed_turns
from subnormal.proofs_check.refutations.divergence import diverge
from subnormal.proofs_check.refutations.equalising import LONGEST, Candidates, equalise, equalised, starting_pairs
from subnormal.proofs_check.refutations.evidence import (
    PIECE,
    DivergenceEvidence,
    PairEvidence,
    growth_by_running,
    pair_by_running,
    pair_in_closed_form,
    plain_states,
)
from subnormal.proofs_check.refutations.letters import Letters, contraction, repetitions
from subnormal.proofs_check.refutations.words import Word

RETURNS = (1e-2, 1e-3, 1e-4, 5e-2)
"""How near to its state before a letter a channel of modulus 1 must return, tried in this order: near enough for the
decisions of the upper layers to repeat (which the run at the end confirms), far enough for short words."""


@dataclass(frozen=True)
class Budget:
    """How far to go.

    Arguments:
        run_tokens: words up to this length are run; longer ones are confirmed in closed form (one layer) or not at all.
        growth: a divergence witness must carry |h| beyond this.
        letters: letters kept for each layer after the first.
        longest: of the words of a pair in closed form.
    """

    run_tokens: int = 2_000_000
    growth: float = 1000.0
    letters: int = 8
    longest: int = LONGEST


@dataclass(frozen=True, eq=False)
class _Level:
    """Words that leave the lower layers where `prefix` put them, and their products.

    `resets`: whether they do so by contraction alone, so that no error is carried from one letter to the next.
    """

    prefix: Word
    words: tuple[Word, ...]
    products: NDArray[np.intp]
    resets: bool


@dataclass(frozen=True, eq=False)
class _Lower:
    """The layers lower than the one at work: their states between letters, each (1, channels), and how far from them
    they may be.

    `exact`: that distance is proved for words of any length, and changes none of their hard decisions. Then the letters
    act on the layer at work as exactly the maps computed, and long words may be composed in closed form. It holds where
    every lower layer is contracting: the suffix of a letter takes every state within `drift` of the base state to one
    within `drift` again, and the decisions along each letter have margins that a state off by `drift` does not cross,
    as every multiplier has modulus ≤ 1.
    """

    states: tuple[NDArray[np.complex128], ...]
    drift: float
    exact: bool


class Search:
    """One refutation on its way up the stack."""

    def __init__(
        self,
        network: DCDNetwork,
        own: DCDNetwork,
        group: Group,
        alphabet: NDArray[np.integer],
        epsilon: float,
        budget: Budget,
    ) -> None:
        self.network, self.own, self.group, self.alphabet = network, own, group, alphabet
        self.epsilon, self.budget = epsilon, budget
        self.layers = list(network.layers)
        self.pair: PairEvidence | None = None
        self.divergence: DivergenceEvidence | None = None
        self.problems: list[str] = []

    @torch.no_grad()
    def climb(self) -> None:
        """Search; the findings are `pair`, `divergence` and `problems`."""
        self._from(
            _Level(Word(), tuple(Word(i) for i in range(len(self.alphabet))), self.alphabet.astype(np.intp), True), 0
        )

    def _from(self, level: _Level, i: int) -> bool:
        """Go on with layer i (from 0); whether a pair was confirmed."""
        cost = level.prefix.length + sum(word.length for word in level.words)
        if i and cost > 4 * self.budget.run_tokens:
            self.problems.append(f"layer {i + 1}: its letters together have {cost:,} tokens, more than are run")
            return False
        letters, start, lower = self._letters(level, i)
        if i == len(self.layers) - 1:
            self._last(level, letters, start, lower, i)
            return self.pair is not None
        return any(self._from(following, i + 1) for following in self._next(level, letters, start, lower, i))

    def _letters(self, level: _Level, i: int) -> tuple[Letters, NDArray[np.complex128], _Lower]:
        """The letters as layer i (from 0) sees them after the prefix, the layer's state there, and what is known of the
        lower layers."""
        if i == 0:
            maps = self.token_maps()
            start = plain_states(self.network.initial_state(1))[0][0]
            return Letters(self.group, level.words, level.products, maps), start, _Lower((), 0.0, True)
        state = self._run(level.prefix, self.network.initial_state(1))
        base = plain_states(list(state))
        found = [self._map_along(word, state, i) for word in level.words]
        maps_of, tolerated, ends = zip(*found, strict=True)
        drift = max(float(np.abs(end[j] - base[j]).max()) for end in ends for j in range(i))
        drift = 2 * drift + 1e-12
        letters = Letters(self.group, level.words, level.products, Affine.stack(list(maps_of)))
        lower = _Lower(tuple(h for h in base[:i]), drift, level.resets and drift < min(tolerated))
        return letters, base[i][0], lower

    def token_maps(self) -> Affine:
        """The maps that the first layer makes of the tokens, (m, channels)."""
        embedding = self.network.embedding.weight
        return layer_maps(
            self.layers[0],
            self.layers[0].raw(embedding.new_empty((len(embedding), 0)), torch.arange(len(embedding)), embedding),
        )

    def _run(self, word: Word, state: Any) -> Any:
        tokens = word.tokens()
        for begin in range(0, len(tokens), PIECE):
            _, state = self.network(torch.from_numpy(tokens[None, begin : begin + PIECE]), state, return_state=True)
        return state

    def _map_along(self, word: Word, state: Any, i: int) -> tuple[Affine, float, list[NDArray[np.complex128]]]:
        """The map that a word makes on layer i, the lower layers starting from `state`; how far their states may be off
        all along the word without changing one of their hard decisions (-1 for other activations); and their states
        after it."""
        tokens = word.tokens()
        total = Affine.identity(self.layers[i].specification.channels)
        tolerated = math.inf
        for begin in range(0, len(tokens), PIECE):
            piece = torch.from_numpy(tokens[None, begin : begin + PIECE])
            trace = self.network.trace(piece, state)
            _, state = self.network(piece, state, return_state=True)
            raw = self.layers[i].raw(trace[i].lower, piece, self.network.embedding.weight)
            total = total.then(sequence_map(layer_maps(self.layers[i], raw)[0]))
            for layer, seen in zip(self.layers[:i], trace, strict=False):
                tolerated = min(tolerated, _tolerated(layer, seen))
        return total, tolerated, plain_states(list(state))

    # -------------------------------------------------------------------------------------------- the last layer

    def _last(self, level: _Level, letters: Letters, start: NDArray[np.complex128], lower: _Lower, i: int) -> None:
        reset, rate = contraction(letters)
        live = rate == 0
        limit = self.budget.longest if lower.exact else self.budget.run_tokens
        width = int(live.sum())
        # Where a pair must be long and the state diverges, growth comes first: it can be run.
        rounds: list[tuple[int, int]] = [(min(limit, self.budget.run_tokens), 4), (limit, 1)]
        for longest, starts in rounds:
            for u, v in self._candidates(letters, live, longest, starts):
                pair = self._closed(letters, u, v, reset, rate, start)
                if self._length(level, letters, pair[0]) <= longest and self._confirm(
                    level, letters, pair, start, lower, i
                ):
                    return
            if width and self.divergence is None:
                self._diverge(level, letters, live, start, lower, i)
        if self.divergence is None and not self.problems:
            self.problems.append(
                f"layer {i + 1}: no pair of words of at most {limit:.0e} tokens, "
                f"and no growth beyond {self.budget.growth:g}"
            )

    def _candidates(
        self, letters: Letters, live: NDArray[np.bool_], longest: int, starts: int
    ) -> list[tuple[Word, Word]]:
        """Pairs of words over letters, of one length and different products, alike on the live channels."""
        if live.any():
            found = equalise(letters, live, self.epsilon / 20, longest, starts)
            return [] if found is None else [found]
        return [(pair.u, pair.v) for pair in starting_pairs(letters, live)[:4]]

    def _closed(
        self, letters: Letters, u: Word, v: Word, reset: Word, rate: NDArray[np.float64], start: NDArray[np.complex128]
    ) -> tuple[Word, Word]:
        """u rᴺ and v rᴺ over letters, N so large that the contracting channels forget the difference."""
        contracting = rate < 0
        if not contracting.any():
            return u, v
        apart = np.abs(letters.map_of(u)(start) - letters.map_of(v)(start))[contracting].max()
        suffix = reset.power(repetitions(rate, float(apart), self.epsilon / 20))
        return Word.of(u, suffix), Word.of(v, suffix)

    @staticmethod
    def _length(level: _Level, letters: Letters, word: Word) -> int:
        return level.prefix.length + letters.spelled(word).length

    def _confirm(
        self,
        level: _Level,
        letters: Letters,
        pair: tuple[Word, Word],
        start: NDArray[np.complex128],
        lower: _Lower,
        i: int,
    ) -> bool:
        words = (Word.of(level.prefix, letters.spelled(pair[0])), Word.of(level.prefix, letters.spelled(pair[1])))
        if words[0].length <= self.budget.run_tokens:
            evidence = pair_by_running(self.network, self.own, self.group, self.alphabet, words, self.epsilon)
        elif lower.exact:
            evidence = pair_in_closed_form(
                self.network,
                self.group,
                self.alphabet,
                words,
                pair,
                letters.maps,
                start,
                lower.states,
                lower.drift,
                self.epsilon,
            )
        else:
            self.problems.append(f"layer {i + 1}: a pair of words of {words[0].length:,} tokens is too long to run")
            return False
        if evidence.products[0] == evidence.products[1]:
            raise AssertionError("the words of a pair have one product")
        if not evidence.distance <= self.epsilon or evidence.answers[0] != evidence.answers[1]:
            self.problems.append(
                f"layer {i + 1}: a pair of words of {words[0].length:,} tokens "
                f"ends with states {evidence.distance:.1e} apart"
            )
            return False
        self.pair = evidence
        return True

    def _diverge(
        self,
        level: _Level,
        letters: Letters,
        live: NDArray[np.bool_],
        start: NDArray[np.complex128],
        lower: _Lower,
        i: int,
    ) -> None:
        found = diverge(letters, live, start, self.budget.growth)
        if found is None:
            return
        word = letters.spelled(found.word)
        exponents = [n for n, _ in found.growth]
        growth, confirmed = found.growth, "closed form"
        if level.prefix.length + word.length * exponents[-1] <= self.budget.run_tokens * 2:
            growth = growth_by_running(self.network, level.prefix, word, i + 1, found.channel, exponents)
            confirmed = "run"
            if not growth[-1][1] >= 0.9 * self.budget.growth:
                self.problems.append(
                    f"layer {i + 1}: growth predicted to {found.growth[-1][1]:.0f} was {growth[-1][1]:.0f} when run"
                )
                return
        elif not lower.exact:
            self.problems.append(
                f"layer {i + 1}: a word of growth has {word.length * exponents[-1]:,} tokens, too long to run"
            )
            return
        self.divergence = DivergenceEvidence(
            level.prefix, word, i + 1, found.channel, growth, found.unbounded, confirmed
        )

    # -------------------------------------------------------------------------------------------- layers in between

    def _next(
        self, level: _Level, letters: Letters, start: NDArray[np.complex128], lower: _Lower, i: int
    ) -> Iterator[_Level]:
        """Letters that leave this layer alone as well, in several ways while they are asked for."""
        reset, rate = contraction(letters)
        live = rate == 0
        if not live.any():
            yield self._reset_letters(level, letters, reset, rate, start, self.epsilon / 1000)
            return
        tried: set[tuple[str, ...]] = set()
        for within in RETURNS:
            found = self._returning_letters(letters, live, reset, rate, start, self.epsilon / 200, within)
            key = tuple(map(str, found))
            if found and key not in tried:
                tried.add(key)
                words = tuple(letters.spelled(word) for word in found)
                products = np.array([letters.product_of(word) for word in found], dtype=np.intp)
                prefix = Word.of(level.prefix, words[0]) if (rate < 0).any() else level.prefix
                yield _Level(prefix, words, products, False)
        if not tried:
            self.problems.append(f"layer {i + 1}: no words were found that return it to one state")
        if self.divergence is None:
            self._diverge(level, letters, live, start, lower, i)

    def _reset_letters(
        self,
        level: _Level,
        letters: Letters,
        reset: Word,
        rate: NDArray[np.float64],
        start: NDArray[np.complex128],
        tolerance: float,
    ) -> _Level:
        chosen = self._few(letters)
        centre = letters.map_of(reset).centre()
        distance = max(
            [float(np.abs(letters.maps[x](centre) - centre).max()) for x in chosen]
            + [float(np.abs(start - centre).max())]
        )
        times = repetitions(rate, distance, tolerance)
        order = int(self.group.element_orders[letters.product_of(reset)])
        suffix = letters.spelled(reset).power(-(-times // order) * order)
        words = tuple(Word.of(letters.words[x], suffix) for x in chosen)
        return _Level(Word.of(level.prefix, suffix), words, letters.products[chosen], level.resets)

    def _few(self, letters: Letters) -> list[int]:
        """At most `budget.letters` letters whose products generate as much as all, the identity and inverses among them
        if there."""
        products = letters.products.tolist()
        if len(products) <= self.budget.letters:
            return list(range(len(products)))
        whole = self.group.subgroup(products).order
        best: list[int] = []
        for tries in range(40):  # few random generators suffice
            order = np.random.default_rng(tries).permutation(len(products))
            chosen, span = [], self.group.trivial_subgroup
            for x in order.tolist():
                if products[x] not in span:
                    span = span.extended([products[x]])
                    chosen.append(x)
                if span.order == whole:
                    break
            if not best or len(chosen) < len(best):
                best = chosen
        for element in [0, *(self.group.inverse(products[x]) for x in best), *products]:
            if len(best) < self.budget.letters and element in products and products.index(element) not in best:
                best.append(products.index(element))
        return best

    def _returning_letters(
        self,
        letters: Letters,
        live: NDArray[np.bool_],
        reset: Word,
        rate: NDArray[np.float64],
        start: NDArray[np.complex128],
        tolerance: float,
        within: float,
    ) -> list[Word]:
        """u z rᴹ and v z rᴹ for several u, v with one map and several z: the channels of modulus 1 return to within a
        distance of `start`, the others are reset."""
        tail, turned = self._tail(letters, live, reset, rate, tolerance)
        candidates = Candidates(letters, live)
        pairs = starting_pairs(letters, live, 256)
        equal = [(pair.u, pair.v) for pair in pairs if pair.difference.max(initial=0.0) <= tolerance][:64]
        if not equal:
            equal = equalised(candidates, pairs[:6], tolerance, self.budget.run_tokens // 1000)
        found: list[tuple[int, Word]] = []
        for u, v in equal:
            once = letters.map_of(v)
            with np.errstate(invalid="ignore"):
                radius = np.abs(start - once.centre())[live]
            radius = np.where(np.isfinite(radius), radius, 1.0)
            length = letters.spelled(v).length
            phase = once.phase[live] + turned
            returns = candidates.returning(phase, radius, within)
            n = (
                _return_time(phase, radius, max(2, self.budget.run_tokens // (40 * length)), within)
                if not tail.parts
                else None
            )
            if n is not None:
                returns.append(v.power(n - 1))
            for z in returns:
                whole = letters.map_of(Word.of(v, z, tail))
                if np.abs(whole(start) - start)[live].max() <= 2 * within:
                    word = Word.of(u, z, tail), Word.of(v, z, tail)
                    size = letters.spelled(word[0]).length
                    found.extend([(size, word[0]), (size, word[1])])
        found.sort(key=lambda entry: entry[0])
        return self._spanning([word for _, word in found], letters)

    def _tail(
        self, letters: Letters, live: NDArray[np.bool_], reset: Word, rate: NDArray[np.float64], tolerance: float
    ) -> tuple[Word, NDArray[np.uint64]]:
        """A suffix that resets the contracting channels, and by how much it turns the others."""
        nothing = np.zeros(int(live.sum()), dtype=np.uint64)
        if not (rate < 0).any():
            return Word(), nothing
        far = 10.0 * max(1.0, float(np.abs(letters.maps.shift).max()))
        times = repetitions(rate, far, tolerance)
        order = int(self.group.element_orders[letters.product_of(reset)])
        tail = reset.power(-(-times // order) * order)
        return tail, letters.map_of(tail).phase[live]

    def _spanning(self, words: list[Word], letters: Letters) -> list[Word]:
        """The first word of each product, few of them, that generate what all of them do and do not all commute if they
        can."""
        kept: list[Word] = []
        elements: list[int] = []
        span = self.group.trivial_subgroup
        for word in words:
            element = letters.product_of(word)
            grows = element not in span
            if element in elements or not (grows or len(kept) < 4 or self._commute(elements)):
                continue
            kept.append(word)
            elements.append(element)
            span = span.extended([element]) if grows else span
        if len(kept) > self.budget.letters and not self._commute(elements):
            for a, b in itertools.combinations(range(len(elements)), 2):
                if not self._commute([elements[a], elements[b]]):
                    rest = [k for k in range(len(kept)) if k not in (a, b)]
                    return [kept[k] for k in [a, b, *rest][: self.budget.letters]]
        return kept[: self.budget.letters] if len(set(elements)) > 1 else []

    def _commute(self, elements: list[int]) -> bool:
        return all(self.group.times(a, b) == self.group.times(b, a) for a, b in itertools.combinations(elements, 2))


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


def _tolerated(layer: Layer, seen: LayerTrace) -> float:
    """How far each channel of a layer may be off without changing a hard decision of its readout; -1 for other
    activations."""
    if layer.specification.activation != "hard":
        return -1.0
    h = seen.states
    parts = [h.real, h.imag] if h.is_complex() else [h]
    scores = layer.psi(torch.cat([seen.lower, *parts], -1))
    weight = layer.psi.weight[:, layer.width :].abs().sum(dim=1)
    tolerated = math.inf
    begin = 0
    for size in layer.specification.groups or (layer.specification.readout,):
        if size > 1:
            top = scores[..., begin : begin + size].topk(2, dim=-1).values
            reach = 2 * float(weight[begin : begin + size].max())
            tolerated = min(tolerated, float((top[..., 0] - top[..., 1]).min()) / max(reach, 1e-300))
        begin += size
    return tolerated
