"""One layer of a network over all states of a machine: what φ can give, where its channels can be, what ψ can give.

A *case* is a state of the machine together with one choice of all hard decisions of lower layers that may be made in
it; where every decision is certain there is one case for each state. Decisions that are made for certain are exact
zeros and ones, so that nothing of the lower layers' drift reaches the upper ones but through the machine's state.

Errors of the network's own arithmetic: a sum of n products in any order, with or without fused multiply-add, is off
by at most γ_n = nu/(1 - nu) times the sum of their sizes (Higham, Accuracy and Stability of Numerical Algorithms, 2nd
ed., §3.1). It is not off at all where all terms are integers below the largest exact one, or where at most one
product, with a factor 1, and a bias are not 0 (then it is one rounding, which is made here). exp(2πi·phase) and the
activations are within `ELEMENTARY` u.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.families import ALL_FAMILIES, DRIVES, TransitionKind
from ...constructions.parameters import (
    HIDDEN_BIAS,
    HIDDEN_WEIGHT,
    INITIAL_STATE,
    OUT_BIAS,
    OUT_WEIGHT,
    READOUT_BIAS,
    READOUT_WEIGHT,
    in_layer,
)
from ..certificates.network_proof import ELEMENTARY
from .regions import OWN, Forms, Regions, interval_product, scaled

if TYPE_CHECKING:
    from ...models.specification import LayerSpecification

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TINY = 1e-30
"""More than anything that underflows is off by."""

MOST_CASES = 4096
"""Of one layer; with more of them decisions count as uncertain."""

ALL_PAIRS = 8
"""In a decision among so many units all pairs are compared, among more the likeliest with each of the others."""


class UncertainError(Exception):
    """What is not certain any more. The message is a phrase."""


@dataclass(frozen=True)
class Precision:
    """The network's arithmetic.

    Arguments:
        name: "float32" or "float64".
    """

    name: str

    @property
    def unit(self) -> float:
        """u."""
        return 2.0**-24 if self.name == "float32" else 2.0**-53

    @property
    def exact_below(self) -> float:
        """Integers up to here are exact."""
        return 2.0**23 if self.name == "float32" else 2.0**52

    @property
    def largest(self) -> float:
        """Numbers above this are taken as overflowing."""
        return 1e30 if self.name == "float32" else 1e290

    def sum_error(self, terms: int) -> float:
        """A bound on the error of a sum of so many products, relative to the sum of their sizes; our own included."""
        return terms * self.unit / (1 - terms * self.unit) + OWN

    def elementary(self) -> float:
        """The error of an elementary function."""
        return ELEMENTARY * self.unit + OWN


@dataclass(frozen=True, eq=False)
class Cases:
    """What the layers so far can show to the next one.

    Arguments:
        state: shape (cases,), of the machine.
        readouts: the units of all layers so far, of each case.
    """

    state: Integers
    readouts: Forms


@dataclass(frozen=True, eq=False)
class Raw:
    """What φ gives for each case and token; arrays (cases, tokens, parts · channels).

    Arguments:
        middle: the very number that the network has, where `around` is 0.
        around: how far the network's number may be from it.
    """

    middle: Floats
    around: Floats


class LayerProof:
    """The parameters of one layer, and what follows from them.

    Arguments:
        i: the layer, counted from 0.
        specification: of the layer.
        arrays: all parameters of the network, by name.
        tokens: the embedding, (tokens, size).
        precision: of the network.
    """

    def __init__(
        self,
        i: int,
        specification: LayerSpecification,
        arrays: dict[str, NDArray[np.floating]],
        tokens: Floats,
        precision: Precision,
    ) -> None:
        self.i, self.specification, self.precision, self.tokens = i, specification, precision, tokens
        self.channels = specification.channels
        self.family = ALL_FAMILIES[specification.family]
        if "log_rate" in dict(self.family.own):
            self.log_rate = arrays[in_layer(i, "transition.log_rate")].astype(np.float64)
        names = (HIDDEN_WEIGHT, HIDDEN_BIAS, OUT_WEIGHT, OUT_BIAS, INITIAL_STATE, READOUT_WEIGHT, READOUT_BIAS)
        own = {name: arrays[in_layer(i, name)].astype(np.float64) for name in names}
        self.hidden, self.hidden_bias = own[HIDDEN_WEIGHT], own[HIDDEN_BIAS]
        self.out, self.out_bias = own[OUT_WEIGHT], own[OUT_BIAS]
        self.psi, self.psi_bias = own[READOUT_WEIGHT], own[READOUT_BIAS]
        self.complex_state = self.family.complex_state
        start = own[INITIAL_STATE]
        self.start = start[:, 0] + 1j * start[:, 1] if self.complex_state else start.astype(np.complex128)
        self.width = self.psi.shape[1] - (2 if self.complex_state else 1) * self.channels
        rows = {part: slice(k * self.channels, (k + 1) * self.channels) for k, part in enumerate(self.parts)}
        self.rows = rows
        drive = [rows[part] for part in DRIVES if part in rows]
        driven = np.any([self.out[part].any(axis=1) | (self.out_bias[part] != 0) for part in drive], axis=0)
        self.driven = np.flatnonzero(driven)
        """Channels whose b is not always 0."""

    @property
    def parts(self) -> tuple[str, ...]:
        """φ's outputs."""
        return self.family.parts

    # ---------------------------------------------------------------------------------------- φ

    def phi(self, lower: Cases, regions: Regions) -> Raw:
        """φ for each case *after* the token, and each token."""
        low, high, exact = self._hidden_units(lower, regions)
        if self.specification.phi == "relu":
            low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
        middle, around = (low + high) / 2, (high - low) / 2
        result = middle @ self.out.T + self.out_bias
        size = np.maximum(np.abs(low), np.abs(high)) @ np.abs(self.out).T + np.abs(self.out_bias)
        error = self.precision.sum_error(self.out.shape[1] + 1) * size
        if around.any():
            error += around @ np.abs(self.out).T * (1 + OWN)
        self._require_range(size)
        alone = exact & (around == 0).all(axis=2) & ((middle == 0) | (middle == 1)).all(axis=2)
        alone &= middle.sum(axis=2) <= 1
        which = middle[alone].argmax(axis=1)
        on = middle[alone].sum(axis=1)
        dtype = self.precision.name
        column = np.where(on[:, None] == 1, self.out.T[which], 0.0).astype(dtype)
        result[alone] = (column + self.out_bias.astype(dtype)).astype(np.float64)
        error[alone] = 0.0
        return Raw(result, error)

    def _hidden_units(self, lower: Cases, regions: Regions) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """What φ's hidden units sum up, (cases, tokens, hidden), and where the sums are exact (cases, tokens)."""
        weight, own = self.hidden[:, : self.width], self.hidden[:, self.width :]
        token = self.tokens @ own.T
        below = lower.readouts
        summed = below.mapped(weight, np.zeros(len(weight)))
        low, high = summed.bounds(regions, lower.state)
        least, most = below.bounds(regions, lower.state)
        size = np.maximum(np.abs(least), np.abs(most)) @ np.abs(weight).T
        sizes = size[:, None] + np.abs(self.tokens) @ np.abs(own).T + np.abs(self.hidden_bias)
        self._require_range(sizes)
        whole = all(_integers(x) for x in (self.hidden, self.hidden_bias, self.tokens))
        points = (least == most).all(axis=1) & (least == np.rint(least)).all(axis=1) & whole
        exact = points[:, None] & (sizes < self.precision.exact_below).all(axis=2)
        error = self.precision.sum_error(self.hidden.shape[1] + 1) * sizes
        error[exact] = 0.0
        low = low[:, None] + token + self.hidden_bias - error
        high = high[:, None] + token + self.hidden_bias + error
        middle = np.rint((low + high) / 2)
        return np.where(exact[..., None], middle, low), np.where(exact[..., None], middle, high), exact

    def _require_range(self, size: Floats) -> None:
        if not (size < self.precision.largest).all():  # so written that NaN fails
            raise UncertainError(f"a number in layer {self.i + 1} may overflow")

    # ---------------------------------------------------------------------------------------- a and b

    def turns(self, raw: Raw) -> tuple[Integers, Floats]:
        """The phases that are added, (cases, tokens, channels): 2⁶⁴ to the turn, wrapping, and an error in turns."""
        part = self.rows["turns"]
        turns, around = raw.middle[..., part], raw.around[..., part]
        if "delta" in self.rows:
            part = self.rows["delta"]
            delta, spread = raw.middle[..., part], raw.around[..., part]
            plain = (delta == 0) & (spread == 0)
            low, high = _step_size(delta - spread), _step_size(delta + spread)
            error = self._step_error(delta + spread) + (high - low) / 2
            scale = np.where(plain, 1.0, (low + high) / 2)
            error = np.where(plain, 0.0, error)
            product_error = np.where(plain, 0.0, (self.precision.unit + OWN) * np.abs(turns * scale))
            around = around * (scale + error) + np.abs(turns) * error + 2 * product_error
            turns = turns * scale
        fraction = turns - np.rint(turns)
        fixed = (fraction * 2.0**61).astype(np.int64) << 3  # truncated, as the network does
        return fixed, np.where(around == 0, 0.0, around * (1 + OWN) + 2.0**-60)

    def drive(self, raw: Raw) -> tuple[NDArray[np.complex128], Floats]:
        """b of the driven channels, (cases, tokens, driven), and how far it may be off."""
        real, imaginary = self.rows["b_real"], self.rows["b_imag"]
        b = (raw.middle[..., real] + 1j * raw.middle[..., imaginary])[..., self.driven]
        around = np.hypot(raw.around[..., real], raw.around[..., imaginary])[..., self.driven]
        return b, around * (1 + OWN)

    def multipliers(self, raw: Raw) -> tuple[Floats, Floats]:
        """The least and greatest a of a real family, (cases, tokens, channels): exp(-Δ·rate), or twice that less 1."""
        part, e = self.rows["delta"], self.precision.elementary()
        low, high = (raw.middle[..., part] + sign * raw.around[..., part] for sign in (-1, 1))
        off = self._step_error(high)
        rate = np.exp(self.log_rate)
        least, most = (_step_size(low) - off) * rate, (_step_size(high) + off) * rate
        least, most = least - 4 * e * np.abs(least), most + 4 * e * np.abs(most)
        low, high = np.exp(-most) * (1 - 2 * e) - TINY, np.exp(-least) * (1 + 2 * e) + TINY
        if self.family.transition is TransitionKind.SIGNED_DECAY:
            low, high = 2 * low - 1, 2 * high - 1
            low, high = low - 4 * self.precision.unit, high + 4 * self.precision.unit
        return low, high

    def _step_error(self, high: Floats) -> Floats:
        """How far Δ = 1 + elu may be off, for arguments of at most `high`: elu is elementary below 0, where |elu| ≤ 1,
        and exact above; then one sum."""
        return self.precision.elementary() + 2 * self.precision.unit * (1 + np.maximum(high, 0.0))

    def additions(self, raw: Raw) -> tuple[Floats, Floats]:
        """The least and greatest b of a real family, (cases, tokens, channels)."""
        part = self.rows["b"]
        return raw.middle[..., part] - raw.around[..., part], raw.middle[..., part] + raw.around[..., part]

    # ---------------------------------------------------------------------------------------- ψ

    def read(self, lower: Cases, below: Regions, own: Regions) -> Cases:
        """The cases after this layer.

        Raises:
            UncertainError: there are more than `MOST_CASES`.
        """
        regions = below.beside(own)
        count = regions.centre.shape[1]
        padded = lower.readouts.padded(count)
        scores = padded.mapped(self.psi[:, : self.width], self.psi_bias)
        weights = self.psi[:, self.width :]
        reading = weights.astype(np.complex128)
        if self.complex_state:
            reading = weights[:, : self.channels] - 1j * weights[:, self.channels :]
        scores.coefficients[:, :, below.centre.shape[1] :] += reading
        least, most = padded.bounds(regions, lower.state)
        size = np.maximum(np.abs(least), np.abs(most)) @ np.abs(self.psi[:, : self.width]).T + np.abs(self.psi_bias)
        for first in range(0, weights.shape[1], self.channels):
            size += own.size[lower.state] @ np.abs(weights[:, first : first + self.channels]).T
        self._require_range(size)
        error = self.precision.sum_error(self.psi.shape[1] + 1) * size
        activation = self.specification.activation
        if activation == "hard":
            return self._decide(lower, padded, scores, error, regions)
        if activation == "softmax":
            units = self._softmax(scores, error, lower.state, regions)
        elif activation == "identity":
            units = scores.widened(error)
        else:
            units = scaled(scores.widened(error), lower.state, regions, activation)
            units = units.widened(self.precision.elementary() * (1 + size))
        return Cases(lower.state, padded.beside(units))

    def _groups(self) -> list[slice]:
        ends = np.cumsum((0, *(self.specification.groups or (self.specification.readout,))))
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]

    def _decide(self, lower: Cases, padded: Forms, scores: Forms, error: Floats, regions: Regions) -> Cases:
        possible = [self._possible(scores, error, lower.state, regions, group) for group in self._groups()]
        of, rows = [], []
        for case in range(len(lower.state)):
            choices = product(*(np.flatnonzero(some[case]) for some in possible))
            for chosen in choices:
                of.append(case)
                rows.append(chosen)
                if len(of) > MOST_CASES:
                    raise UncertainError(f"decisions of layer {self.i + 1} are too uncertain")
        cases = np.array(of)
        starts = np.array([group.start for group in self._groups()])
        units = np.zeros((len(cases), self.specification.readout))
        units[np.arange(len(cases))[:, None], np.array(rows) + starts] = 1.0
        none = np.zeros((len(cases), units.shape[1], regions.centre.shape[1]), dtype=np.complex128)
        return Cases(lower.state[cases], padded[cases].beside(Forms(none, units, units)))

    def _possible(
        self, scores: Forms, error: Floats, state: Integers, regions: Regions, group: slice
    ) -> NDArray[np.bool_]:
        """Which units of a group may win, (cases, units)."""
        count = group.stop - group.start
        own = Forms(scores.coefficients[:, group], scores.low[:, group], scores.high[:, group])
        wrong = error[:, group]
        low, high = own.bounds(regions, state)
        if count <= ALL_PAIRS:
            winners = np.broadcast_to(np.arange(count), (len(state), count))
        else:
            winners = (low + high).argmax(axis=1)[:, None]
        possible = np.ones((len(state), count), dtype=bool)
        cases = np.arange(len(state))
        for column in winners.T:
            ahead = Forms(
                own.coefficients[cases, column][:, None] - own.coefficients,
                own.low[cases, column][:, None] - own.high,
                own.high[cases, column][:, None] - own.low,
            ).bounds(regions, state)[0]
            ahead -= wrong[cases, column][:, None] + wrong
            ahead[cases, column] = -1.0
            possible &= ~(ahead > 0)
        return possible

    def _softmax(self, scores: Forms, error: Floats, state: Integers, regions: Regions) -> Forms:
        low = np.empty_like(scores.low)
        high = np.empty_like(scores.high)
        for group in self._groups():
            for unit in range(group.start, group.stop):
                behind = Forms(
                    scores.coefficients[:, group] - scores.coefficients[:, [unit]],
                    scores.low[:, group] - scores.high[:, [unit]],
                    scores.high[:, group] - scores.low[:, [unit]],
                )
                least, most = behind.bounds(regions, state)
                wrong = error[:, group] + error[:, [unit]]
                least, most = least - wrong, most + wrong
                least[:, unit - group.start] = most[:, unit - group.start] = 0.0
                low[:, unit] = 1 / np.exp(np.minimum(most, 700)).sum(axis=1)
                high[:, unit] = 1 / np.exp(np.minimum(least, 700)).sum(axis=1)
        off = 3 * self.precision.elementary() + self.precision.sum_error(scores.low.shape[1])
        return Forms(np.zeros_like(scores.coefficients), low * (1 - off) - TINY, high * (1 + off) + TINY)


def _integers(x: Floats) -> bool:
    return bool((x == np.rint(x)).all())


def _step_size(x: Floats) -> Floats:
    """1 + elu(x)."""
    return np.where(x > 0, 1 + x, np.exp(np.minimum(x, 0.0)))


def difference_bounds(
    weight: Floats, bias: Floats, answers: Integers, cases: Cases, regions: Regions, precision: Precision
) -> Floats:
    """How far the logit of the right class is above every other at least, (cases, classes); +1 for itself."""
    own = weight[answers]  # (cases, units)
    differences = own[:, None] - weight[None]
    shown = cases.readouts
    coefficients = np.matmul(differences.astype(np.complex128), shown.coefficients)
    low, high = interval_product(differences, shown.low, shown.high)
    constant = bias[answers][:, None] - bias
    least, _ = Forms(coefficients, low + constant, high + constant).bounds(regions, cases.state)
    lowest, highest = shown.bounds(regions, cases.state)
    size = np.maximum(np.abs(lowest), np.abs(highest)) @ np.abs(weight).T + np.abs(bias)
    error = precision.sum_error(weight.shape[1] + 1) * size
    if not (size < precision.largest).all():
        raise UncertainError("a logit may overflow")
    index = np.arange(len(answers))
    found: Floats = least - error[index, answers][:, None] - error
    found[index, answers] = 1.0
    return found
