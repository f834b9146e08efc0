"""Up to which length a trained network, as its floats are, gives the answers of an exact machine on *all* words.

A region of everything that the network's channels can be is carried along for each state of the machine, over all
words that lead to it. Let P be the product of a channel's multipliers so far, so h = P·r with r = h₀ + Σ
conj(P_s)·b_s.

1. *Gauge.* In each state q the phase of P is written g(q) + e, g the phase that the spanning tree of the machine
leads to. Token x then adds to e the phase of one closed path of the machine. For a channel that counts something the
machine holds these are near 0, whatever its modulus; for one that does not they are not, and after a few tokens its e
is the whole circle. So no channel is chosen or left out; what the machine does not explain is noise with |P| = 1.
2. *Drift.* The largest and smallest e in each state after t tokens are largest sums along walks in the machine:
max-plus algebra, `walks`. Likewise the largest Re(conj(d)·r) in eight directions d, where b is not 0.
3. *Decisions.* ψ's scores and the head's logits are linear in all h, up to activations; each difference is bounded
over the region as one linear form (`regions`). A hard decision that is certain feeds the upper layers exact zeros and
ones, so that the lower layers' drift ends there. Where several units may win, upper layers are worked out for each
(`layers`).
4. *Steps.* 64 single tokens, then blocks that double while everything stays certain and are halved when it does not.
Within a block the region is that of all its tokens together. Regions hold whatever is answered and decided.

So on all words of up to the length found the network's largest logit is the machine's answer; "every length" where no
region grows any more.

Of the network's arithmetic it is assumed what `network_proof` assumes: IEEE 754, products of matrices in the dtype
itself, elementary functions within `ELEMENTARY` u, phases summed as 64-bit integers (every backend but "loop").
Running sums of b are off by T·u times the largest segment's size, whatever way contiguous segments are added up in.
Our own bounds are float64, rounded outwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from subnormal.constructions.parameters import EMBEDDING, HEAD_BIAS, HEAD_WEIGHT
from subnormal.proofs_check.horizons.layers import Cases, LayerProof, Precision, Raw, UncertainError, difference_bounds
from subnormal.proofs_check.horizons.regions import OWN, Forms, Regions, largest_cosine
from subnormal.proofs_check.horizons.walks import DIRECT, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from subnormal.models.specification import LayerSpecification

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNIT_FAMILIES = ("simple-aussm", "aussm")
"""Families that are covered."""

SINGLE_STEPS = 64
"""Tokens that are taken one by one before blocks."""

LONGEST = 10**9
"""The search ends here."""

MOST_WORK, MOST_IN_ALL = 2 * 10**9, 4 * 10**10
"""Products in φ and sums in walks: for one token of one layer, with more of which a network is refused; and of the
whole search, which ends there (about half a minute)."""

DIRECTIONS = 8
"""In which the remainders are bounded."""


@dataclass(frozen=True)
class Agreement:
    """Up to which length a network agrees with a machine on all words.

    Arguments:
        length: in tokens; None for every length.
        reason: what is not certain any more after it, or why nothing was proved.
        covered: whether networks of this kind are covered at all.
    """

    length: int | None
    reason: str
    covered: bool = True


@dataclass(frozen=True, eq=False)
class Held:
    """Where one layer's channels can be.

    Arguments:
        arcs: shape (states, 2·channels): the largest e, then the largest -e, turns.
        remainders: shape (states, driven·DIRECTIONS): the largest Re(conj(d)·r) in each direction, without rounding.
        largest: shape (channels,): a bound on every |r| so far.
    """

    arcs: Floats
    remainders: Floats
    largest: Floats


@dataclass(frozen=True, eq=False)
class Reached:
    """After so many tokens.

    Arguments:
        tokens: so many.
        layers: where their channels can be then.
        cases: what the layers can show, during the tokens of the last step.
        regions: where the channels of all layers can be during them.
        settled: whether cases and regions hold for every further length.
    """

    tokens: int
    layers: tuple[Held, ...]
    cases: Cases
    regions: Regions
    settled: bool = False


def agreement(
    configuration: dict[str, Any],
    specifications: Sequence[LayerSpecification],
    arrays: dict[str, NDArray[np.floating]],
    transitions: Integers,
    answers: Integers,
    longest: int = LONGEST,
) -> Agreement:
    """Prove up to which length a network's answers are a machine's.

    Arguments:
        configuration: of the network, as in config.json.
        specifications: of its layers.
        arrays: its parameters, by name.
        transitions: shape (states, tokens): of the machine, which starts in state 0; every token permutes the states.
        answers: shape (states,): the class that is right in each state.
        longest: where to stop.
    """
    try:
        boxes = Boxes(configuration, specifications, arrays, transitions, answers)
    except (NotCoveredError, UncertainError) as error:
        return Agreement(0, str(error), covered=not isinstance(error, NotCoveredError))
    with np.errstate(over="ignore", invalid="ignore"):
        return boxes.search(longest)


class NotCoveredError(Exception):
    """What these bounds are not made for. The message is a phrase."""


class Boxes:
    """The regions of one network over one machine. Arguments as in `agreement`.

    Raises:
        NotCoveredError: a kind of network that is not covered, or one that is too large.
    """

    def __init__(
        self,
        configuration: dict[str, Any],
        specifications: Sequence[LayerSpecification],
        arrays: dict[str, NDArray[np.floating]],
        transitions: Integers,
        answers: Integers,
    ) -> None:
        self.states, self.tokens = transitions.shape
        self.answers = answers
        self.precision = Precision(str(configuration["dtype"]))
        for i, specification in enumerate(specifications):
            if specification.family not in UNIT_FAMILIES:
                raise NotCoveredError(f"layer {i + 1} is of the family {specification.family}")
            if specification.reads != "after":
                raise NotCoveredError(f"layer {i + 1} reads the lower layers before the token")
        if configuration.get("head_gates"):
            raise NotCoveredError("the head has gates")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise NotCoveredError("a parameter is not finite")
        if any((np.sort(column) != np.arange(self.states)).any() for column in transitions.T):
            raise NotCoveredError("a token does not permute the machine's states")
        edges = self.states * self.tokens
        self.work = 0
        for i, s in enumerate(specifications):
            if edges * s.hidden * s.channels * 4 > MOST_WORK or edges * s.channels * (2 + DIRECTIONS) > MOST_WORK // 64:
                raise NotCoveredError(f"layer {i + 1} is too large over {edges:,} pairs of a state and a token")
        self.before = np.argsort(transitions, axis=0)
        self.tree = _tree(transitions)
        embedding = arrays[EMBEDDING].astype(np.float64)
        self.layers = [LayerProof(i, s, arrays, embedding, self.precision) for i, s in enumerate(specifications)]
        self.head, self.head_bias = arrays[HEAD_WEIGHT].astype(np.float64), arrays[HEAD_BIAS].astype(np.float64)
        self._remembered: dict[int, tuple[tuple[bytes, ...], Raw]] = {}
        with np.errstate(over="ignore", invalid="ignore"):
            self.gauges, self.nominal = self._gauge_all()

    def start(self) -> Reached:
        """Before the first token: state 0, where every phase is 0."""
        layers = []
        for layer in self.layers:
            arcs = np.full((self.states, 2 * layer.channels), -np.inf)
            arcs[0] = 0.0
            remainders = np.full((self.states, len(layer.driven) * DIRECTIONS), -np.inf)
            seen = np.real(np.conj(_directions()) * layer.start[layer.driven][:, None]).ravel()
            remainders[0] = seen + OWN * np.abs(seen)
            layers.append(Held(arcs, remainders, np.abs(layer.start) * (1 + OWN)))
        none = Cases(np.arange(0), _no_units(0))
        return Reached(0, tuple(layers), none, Regions.none(self.states))

    def search(self, longest: int) -> Agreement:
        """Single tokens, then blocks."""
        state, block, failed = self.start(), 1, False
        reason = f"the search ends at {longest:,} tokens"
        while state.tokens < longest:
            if self.work > MOST_IN_ALL:
                return Agreement(state.tokens, "the search ends after so much work")
            block = min(block, longest - state.tokens)
            try:
                state = self.advance(state, block)
            except UncertainError as error:
                if block == 1:
                    return Agreement(state.tokens, f"after it {error}")
                block, failed = block // 2, True
                continue
            if state.settled:
                return Agreement(None, "no region grows any more")
            if state.tokens >= SINGLE_STEPS and not failed:
                block *= 2
        return Agreement(state.tokens, reason)

    def advance(self, state: Reached, tokens: int) -> Reached:
        """The regions so many tokens later, if every answer is certain on the way.

        Raises:
            UncertainError: one is not, or there are too many cases.
        """
        following = self.grow(state, tokens)
        ahead = self.margins(following)
        wrong = np.argwhere(~(ahead > 0))
        if len(wrong):
            q, other = following.cases.state[wrong[0, 0]], wrong[0, 1]
            raise UncertainError(f"class {other} may win where {self.answers[q]} is right")
        return following

    def margins(self, state: Reached) -> Floats:
        """How far the right logit is above every other at least, (cases, classes)."""
        answers = self.answers[state.cases.state]
        return difference_bounds(self.head, self.head_bias, answers, state.cases, state.regions, self.precision)

    def grow(self, state: Reached, tokens: int) -> Reached:
        """The regions so many tokens later, whatever is answered.

        Raises:
            UncertainError: there are too many cases, or a number may overflow.
        """
        cases = Cases(np.arange(self.states), _no_units(self.states))
        below = Regions.none(self.states)
        held: list[Held] = []
        settled = True
        for layer, now in zip(self.layers, state.layers, strict=True):
            raw = self._phi(layer, cases, below)
            following, regions, still = self._channels(layer, now, raw, cases.state, tokens, state.tokens + tokens)
            if not held:
                reached = np.flatnonzero(np.isfinite(regions.low).all(axis=1))
                cases = Cases(reached, cases.readouts[reached])
            regions = _without_infinities(regions)
            cases = layer.read(cases, below, regions)
            below = below.beside(regions)
            held.append(following)
            settled &= still
        return Reached(state.tokens + tokens, tuple(held), cases, below, settled)

    def _phi(self, layer: LayerProof, cases: Cases, below: Regions) -> Raw:
        """φ; the last one where nothing that it reads has changed."""
        shown = cases.readouts
        key = (cases.state.tobytes(), *(x.tobytes() for x in shown.bounds(below, cases.state)))
        found = self._remembered.get(layer.i)
        if found is None or found[0] != key or shown.coefficients.any():
            self.work += len(cases.state) * self.tokens * layer.out.size
            found = (key, layer.phi(cases, below))
            self._remembered[layer.i] = found
        return found[1]

    def _channels(
        self, layer: LayerProof, now: Held, raw: Raw, of: Integers, tokens: int, total: int
    ) -> tuple[Held, Regions, bool]:
        """A layer's channels after so many tokens, where they can be during them, and whether that holds for ever.

        Arguments:
            raw: φ's outputs of each case.
            of: the state of each case.
            tokens, total: of this block, and in all.
        """
        hull_of = Grouping(of, self.states)
        gauge = self.gauges[layer.i]
        columns = 2 * layer.channels + DIRECTIONS * len(layer.driven)
        self.work += self.states * self.tokens * columns * min(tokens, 3 * DIRECT) * 4
        arcs = walk(now.arcs, self.phase_weights(layer, raw, hull_of), self.before, tokens)
        count = layer.channels
        upper, lower = arcs.hull[:, :count], -arcs.hull[:, count:]
        centre = np.broadcast_to(layer.start, (self.states, count)).copy()
        radius, largest, remainders = np.zeros((self.states, count)), now.largest.copy(), now.remainders
        if len(layer.driven):
            weights = self.drive_weights(layer, raw, hull_of, upper, lower)
            sums = walk(now.remainders, weights, self.before, tokens)
            remainders, own = sums.end, layer.driven
            centre[:, own], radius[:, own] = _discs(sums.hull.reshape(self.states, -1, DIRECTIONS))
            reached = np.isfinite(upper).all(axis=1)
            largest[own] = np.maximum(largest[own], (np.abs(centre) + radius)[np.ix_(reached, own)].max(axis=0))
            roundings = total * self.precision.unit
            if roundings > 0.01:
                raise UncertainError("sums of b may have been rounded too often")
            radius[:, own] += 2.2 * roundings * largest[own]
            largest[own] *= 1 + 2.2 * roundings
        radius += largest * self._circle_error()
        phases = np.exp(2j * np.pi * (gauge.astype(np.float64) * 2.0**-64))
        regions = Regions(centre * phases, lower, upper, radius + OWN * np.abs(centre))
        held = Held(arcs.end, remainders, now.largest if not len(layer.driven) else largest)
        return held, regions, bool(arcs.settled.all()) and not len(layer.driven)

    def _circle_error(self) -> float:
        """How far exp(2πi·phase) and a product with it are off, relative to the other factor's size."""
        return 1.5 * self.precision.elementary() + 8 * self.precision.unit

    def phase_weights(self, layer: LayerProof, raw: Raw, hull_of: Grouping) -> Floats:
        """What each edge adds to e and to -e at most, (states after it, tokens, 2·channels), turns."""
        gauge, of = self.gauges[layer.i], hull_of.of
        fixed, spread = layer.turns(raw)
        moved = (fixed + gauge[self.before[of]] - gauge[of][:, None]).astype(np.float64) * 2.0**-64
        off = np.abs(moved) * 2.0**-52 + spread
        return np.concatenate([hull_of(moved + off), hull_of(off - moved)], axis=2)

    def drive_weights(self, layer: LayerProof, raw: Raw, hull_of: Grouping, upper: Floats, lower: Floats) -> Floats:
        """What each edge adds to Re(conj(d)·r) at most, (states after it, tokens, driven·DIRECTIONS).

        It adds conj(P)·b to r, P = exp(2πi(g + e)) after the token, lower ≤ e ≤ upper (states, channels).
        """
        b, around = layer.drive(raw)
        at = (hull_of.of[:, None], layer.driven)
        last, first = (np.where(np.isfinite(part[at]), part[at], 0.0)[:, None, :, None] for part in (upper, lower))
        angle = np.angle(b) / (2 * np.pi) - self.gauges[layer.i][at][:, None].astype(np.float64) * 2.0**-64
        size = np.abs(b)
        off = around + size * (self._circle_error() + OWN)
        turned = angle[..., None] - np.arange(DIRECTIONS) / DIRECTIONS
        added = size[..., None] * largest_cosine(turned - last, turned - first) + off[..., None]
        return hull_of(added.reshape(*b.shape[:2], -1))

    def _gauge_all(self) -> tuple[list[Integers], list[tuple[Raw, Integers]]]:
        """g of each layer, (states, channels), 2⁶⁴ to the turn: the phase after the word that the tree leads along; and
        what φ gives there, with the state of each case.

        Any g would do for a proof; this one keeps e small.
        """
        cases, below = Cases(np.arange(self.states), _no_units(self.states)), Regions.none(self.states)
        found, nominal = [], []
        for layer in self.layers:
            raw, of = layer.phi(cases, below), cases.state
            fixed, _ = layer.turns(raw)
            b, _ = layer.drive(raw)
            some = np.zeros(self.states, dtype=np.int64)
            some[of] = np.arange(len(of))
            gauge = np.zeros((self.states, layer.channels), dtype=np.int64)
            remainder = np.broadcast_to(layer.start, gauge.shape).copy()
            for source, token, target in self.tree:
                gauge[target] = gauge[source] + fixed[some[target], token]
                remainder[target] = remainder[source]
                back = np.exp(-2j * np.pi * (gauge[target, layer.driven].astype(np.float64) * 2.0**-64))
                remainder[target, layer.driven] += back * b[some[target], token]
            zero = np.zeros(gauge.shape)
            point = np.exp(2j * np.pi * (gauge.astype(np.float64) * 2.0**-64)) * remainder
            regions = Regions(point, zero, zero, zero)
            cases = layer.read(cases, below, regions)
            below = below.beside(regions)
            found.append(gauge)
            nominal.append((raw, of))
        return found, nominal

    def deviations(self) -> list[Floats]:
        """For each layer and channel the largest |e| that one token adds, (channels,), turns; near 0 where the machine
        explains the channel."""
        found = []
        for layer, (raw, of) in zip(self.layers, self.nominal, strict=True):
            both = self.phase_weights(layer, raw, Grouping(of, self.states)).max(axis=(0, 1))
            found.append(np.maximum(both[: layer.channels], both[layer.channels :]))
        return found


class Grouping:
    """The largest of what the cases of each state say.

    Arguments:
        of: the state of each case.
        states: how many there are.
    """

    def __init__(self, of: Integers, states: int) -> None:
        self.of, self.states = of, states
        self.order = np.argsort(of, kind="stable")
        self.present, self.first = np.unique(of[self.order], return_index=True)

    def __call__(self, values: Floats) -> Floats:
        """(cases, …) to (states, …); 0 for a state without a case, which no word reaches."""
        found = np.zeros((self.states, *values.shape[1:]))
        found[self.present] = np.maximum.reduceat(values[self.order], self.first, axis=0)
        return found


def _tree(transitions: Integers) -> list[tuple[int, int, int]]:
    """Edges (state, token, state) of a breadth-first spanning tree from state 0, in the order in which it grows."""
    seen, queue, edges = {0}, [0], []
    for state in queue:
        for token, following in enumerate(transitions[state].tolist()):
            if following not in seen:
                seen.add(following)
                queue.append(following)
                edges.append((state, token, following))
    return edges


def _no_units(cases: int) -> Forms:
    empty = np.zeros((cases, 0))
    return Forms(np.zeros((cases, 0, 0), dtype=np.complex128), empty, empty)


def _directions() -> NDArray[np.complex128]:
    found: NDArray[np.complex128] = np.exp(2j * np.pi * np.arange(DIRECTIONS) / DIRECTIONS)
    return found


def _discs(bounds: Floats) -> tuple[NDArray[np.complex128], Floats]:
    """Discs around the polygons {z: Re(conj(d)·z) ≤ bound}: bounds (…, DIRECTIONS) to middles and radii; 0 where a
    state has not been reached."""
    bounds = np.where(np.isfinite(bounds), bounds, 0.0)
    quarter = DIRECTIONS // 4
    middle = (bounds[..., 0] - bounds[..., 2 * quarter]) / 2 + 0.5j * (bounds[..., quarter] - bounds[..., 3 * quarter])
    apart = bounds - np.real(np.conj(_directions()) * middle[..., None])
    radius = apart.max(axis=-1) / np.cos(np.pi / DIRECTIONS)
    return middle, radius * (1 + OWN) + OWN * (np.abs(middle) + np.abs(bounds).max(axis=-1))


def _without_infinities(regions: Regions) -> Regions:
    """Plain numbers for the states that no word has reached: nothing is read off them."""
    reached = np.isfinite(regions.low).all(axis=1, keepdims=True)
    fill = [np.where(reached, part, 0.0) for part in (regions.low, regions.high, regions.radius)]
    return Regions(np.where(reached, regions.centre, 1.0), *fill)
