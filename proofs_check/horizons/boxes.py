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

from ...algebra.depth.families import ALL_FAMILIES, ProofOf
from ...constructions.parameters import EMBEDDING, HEAD_BIAS, HEAD_WEIGHT
from .layers import Cases, LayerProof, Precision, Raw, UncertainError, difference_bounds
from .machines import Walked
from .real_channels import RealChannels
from .regions import Forms, Regions
from .unit_channels import DIRECTIONS, UnitChannels
from .walks import DIRECT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...models.specification import LayerSpecification

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SINGLE_STEPS = 64
"""Tokens that are taken one by one before blocks."""

LONGEST = 10**9
"""The search ends here."""

MOST_WORK, MOST_IN_ALL = 2 * 10**9, 4 * 10**10
"""Products in φ and sums in walks: for one token of one layer, with more of which a network is refused; and of the
whole search, which ends there (about half a minute)."""


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
class Reached:
    """After so many tokens.

    Arguments:
        tokens: so many.
        layers: where their channels can be then, as `UnitChannels` and `RealChannels` hold it.
        cases: what the layers can show, during the tokens of the last step.
        regions: where the channels of all layers can be during them.
        settled: whether cases and regions hold for every further length.
    """

    tokens: int
    layers: tuple[Any, ...]
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
            if ProofOf.TRAINED not in ALL_FAMILIES[specification.family].proofs:
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
        self.walked = Walked(transitions)
        embedding = arrays[EMBEDDING].astype(np.float64)
        self.layers = [LayerProof(i, s, arrays, embedding, self.precision) for i, s in enumerate(specifications)]
        self.channels = [
            (UnitChannels if layer.complex_state else RealChannels)(layer, self.walked) for layer in self.layers
        ]
        self.head, self.head_bias = arrays[HEAD_WEIGHT].astype(np.float64), arrays[HEAD_BIAS].astype(np.float64)
        self._remembered: dict[int, tuple[tuple[bytes, ...], Raw]] = {}
        with np.errstate(over="ignore", invalid="ignore"):
            self.nominal = self._fix_gauges()

    def start(self) -> Reached:
        """Before the first token."""
        none = Cases(np.arange(0), _no_units(0))
        return Reached(0, tuple(channels.start() for channels in self.channels), none, Regions.none(self.states))

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
        with np.errstate(over="ignore", invalid="ignore"):  # states that no word has reached yet are ±∞
            return self._grow(state, tokens)

    def _grow(self, state: Reached, tokens: int) -> Reached:
        cases = Cases(np.arange(self.states), _no_units(self.states))
        below = Regions.none(self.states)
        held: list[Any] = []
        settled = True
        total = state.tokens + tokens
        for layer, channels, now in zip(self.layers, self.channels, state.layers, strict=True):
            raw = self._phi(layer, cases, below)
            self.work += self.states * self.tokens * channels.columns * min(tokens, 3 * DIRECT) * 4
            following, regions, still = channels.grow(now, raw, cases.state, tokens, total)
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

    def _fix_gauges(self) -> list[tuple[Raw, Integers]]:
        """Fix every layer's gauge; what φ gives after the words of the tree, with the state of each case."""
        cases, below = Cases(np.arange(self.states), _no_units(self.states)), Regions.none(self.states)
        found = []
        for layer, channels in zip(self.layers, self.channels, strict=True):
            raw, of = layer.phi(cases, below), cases.state
            regions = channels.fix_gauge(raw, of)
            cases = layer.read(cases, below, regions)
            below = below.beside(regions)
            found.append((raw, of))
        return found

    def deviations(self) -> list[Floats]:
        """For each layer and channel how far one token takes it from what the machine's state says, (channels,)."""
        return [channels.deviations(raw, of) for channels, (raw, of) in zip(self.channels, self.nominal, strict=True)]


def _no_units(cases: int) -> Forms:
    empty = np.zeros((cases, 0))
    return Forms(np.zeros((cases, 0, 0), dtype=np.complex128), empty, empty)


def _without_infinities(regions: Regions) -> Regions:
    """Plain numbers for the states that no word has reached: nothing is read off them."""
    reached = np.isfinite(regions.low).all(axis=1, keepdims=True)
    fill = [np.where(reached, part, 0.0) for part in (regions.low, regions.high, regions.radius)]
    return Regions(np.where(reached, regions.centre, 1.0), *fill)
