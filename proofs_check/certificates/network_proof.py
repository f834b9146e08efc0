"""The network equals the cascade: a proof from the floats in `model.safetensors`, in interval and exact arithmetic.

What is proved, for every joint state of the lower layers and every token (Σ_i |G/G_i|·|alphabet| cases):

1. *Gates.* The network is compact: φ has a gate for each choice of lower decisions and a token, no two the same, and
   the gate that is on has the value 1 (a sum of zeros and ones less a small integer, exact in any order). So φ's output
   is the column of one gate plus the bias, or the bias: the very float that NumPy computes here.
2. *Phases.* b is 0 and Δ = 1 + elu(0) = 1 exactly, so the recurrence adds the stored phase, truncated to 2⁻⁶¹ turns
   (`models.recurrences.fixed_point_turns`), in wrapping 64-bit integers: no further error. δ is the largest distance,
   an exact rational, between a stored phase and the multiple of 1/n turns that the cascade adds; after T tokens the
   phase is off by at most T·δ. A Negative Mamba channel multiplies by a float a within δ of ±1; after T tokens its
   state is off by at most (1 + δ)^T (1 + u)^{2T} - 1 (two rounded products for each token cover every scan).
3. *Decisions.* While a phase is within the tolerance ε of q/n, ψ scores residue q above every other by more than both
   scores' rounding errors. The difference of two scores is |d|·cos(2π(θ - φ)) for some φ; being positive at both ends
   of an arc shorter than half a turn, it is so on the arc, so the ends q/n ± ε are enough. Cosines and sines there are
   enclosed by arb.
4. *Head.* Each element has one case, the residues that decode to it. The right element scores the number of channels,
   every other at least 1 less, all small integers.

5. *Range.* Nothing overflows on the way: phases are below 2²⁰ turns, ψ's scores below
   an eighth of the largest number, and what a multiplier of Negative Mamba is made of is enclosed. What underflows
   counts as an error of the smallest normal number. Comparisons are written so that NaN fails them.
6. *Everything.* The network is the one that `DCDNetwork.from_pretrained` loads; every field of its configuration and
   every parameter has been looked at, and one that is not known here is refused.

Hence by induction on the token: on words of at most `horizon` = min ⌊ε/δ⌋ tokens the network's every decision is the
cascade's.

What is assumed: IEEE 754 arithmetic rounding to nearest, matrix products made in the dtype itself; elu(0) = 0; and of
the elementary functions as the network computes them `ELEMENTARY` (for exp and expm1 relative, for the point
exp(2πi·phase) absolute), in units of u, where u = 2⁻⁵³ for float64 and 2⁻²⁴ for float32.
tests/proofs_check/test_network_certificate.py measures it. Bounds on sums: γ_n = nu/(1 - nu) (Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., 2002, §3.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.families import FAMILIES, Family, ProofOf
from ...common.errors import RefutedError
from ...constructions.cascade import Cascade, CascadeLayer, layer_transitions, row_numbers
from ...constructions.parameters import (
    EMBEDDING,
    GATES,
    HEAD_BIAS,
    HEAD_CASES,
    HEAD_OUTPUTS,
    INITIAL_STATE,
    OUT_BIAS,
    OUT_WEIGHT,
    READOUT_BIAS,
    READOUT_WEIGHT,
    in_layer,
    is_integer,
)
from ..intervals import arb_precision, unit_point, upper

ELEMENTARY = 64
"""Assumed bound on the error of elementary functions, in units of u. Torch's, NumPy's and libm's stay below 8."""

if TYPE_CHECKING:
    from ...models.specification import LayerSpecification

Floats = NDArray[np.floating]

DTYPES = ("float32", "float64")
CONFIGURATION = {"alphabet_size", "classes", "layers", "embedding_size", "dtype", "head_cases"}
"""The fields of a network's configuration that the proof covers; `layers` field by field in `check_specification`."""


class NotProvedError(RefutedError):
    """Why these floats are not proved to make the network equal to the cascade."""


@dataclass(frozen=True)
class ChannelProof:
    """What is proved of one channel.

    Arguments:
        layer, channel: counted from 1.
        modulus: n.
        error: δ, the largest error of a stored step, as a fraction (text): in turns, or of a real multiplier.
        tolerance: ε, the accumulated error up to which decisions are proved right, in the same form and unit.
        horizon: the largest number of tokens proved, None where there is no limit.
    """

    layer: int
    channel: int
    modulus: int
    error: str
    tolerance: str
    horizon: int | None


@dataclass(frozen=True)
class NetworkProof:
    """What is proved of a whole network; `cases` counts the (lower state, token) pairs that were gone through."""

    dtype: str
    cases: int
    gates: int
    channels: tuple[ChannelProof, ...]
    horizon: int | None

    def as_json(self) -> dict[str, Any]:
        content = asdict(self)
        content["channels"] = [asdict(channel) for channel in self.channels]
        return content

    def sentence(self) -> str:
        length = "every length" if self.horizon is None else f"up to {self.horizon:,} tokens"
        return (
            f"the {self.dtype} network equals the cascade on words of {length} "
            f"({self.cases:,} pairs of a lower state and a token, {self.gates:,} gates, each exact)"
        )


def require(condition: object, problem: str) -> None:
    if not condition:
        raise NotProvedError(f"the network is not proved equal to the cascade: {problem}")


class Proof:
    """One run over all layers; `after[s, x]` is the joint state of the layers so far that token x leads s to."""

    reads = "after"
    """Which lower readouts φ reads: those after the token, or before it."""

    def classes(self) -> int:
        """The number of classes that the network should have."""
        return self.cascade.order

    def __init__(
        self,
        cascade: Cascade,
        configuration: dict[str, Any],
        specifications: Sequence[LayerSpecification],
        arrays: dict[str, Floats],
    ) -> None:
        self.cascade = cascade
        self.specifications = specifications
        self.arrays = arrays
        self.read: set[str] = set()
        self.dtype = str(configuration["dtype"])
        require(self.dtype in DTYPES, f"nothing is proved of {self.dtype}")
        self.double = self.dtype == "float64"
        self.unit_roundoff = Fraction(1, 2**53 if self.double else 2**24)
        limits = np.finfo(self.dtype)
        self.largest, self.smallest = float(limits.max), float(limits.tiny)
        self.cases = self.gates = 0
        m = len(cascade.alphabet)
        require("head_cases" in configuration, "its matrices are written out (compile it again)")
        require(set(configuration) == CONFIGURATION, f"a field beside {', '.join(sorted(CONFIGURATION))}")
        classes = self.classes()
        require(
            (configuration["alphabet_size"], configuration["classes"]) == (m, classes),
            f"{configuration['alphabet_size']} tokens and {configuration['classes']} classes, wanted {m} and {classes}",
        )
        for name, array in arrays.items():
            kind = "int32" if is_integer(name) else self.dtype
            require(array.dtype == kind and np.isfinite(array).all(), f"{name} is not a finite {kind}")
        self.array(EMBEDDING, (m, 0))

    def array(self, name: str, shape: tuple[int | None, ...]) -> Floats:
        """A parameter by name, of a shape in which None stands for any length."""
        require(name in self.arrays, f"the parameter {name} is missing")
        array = self.arrays[name]
        fits = len(array.shape) == len(shape) and all(w in (None, f) for f, w in zip(array.shape, shape, strict=True))
        require(fits, f"{name} has shape {array.shape}, wanted {shape}")
        self.read.add(name)
        return array

    def run(self) -> NetworkProof:
        cascade = self.cascade
        require(len(self.specifications) == len(cascade.layers), "config.json has another depth")
        after = np.zeros((1, len(cascade.alphabet)), dtype=np.int64)
        lower: tuple[int, ...] = ()
        channels: list[ChannelProof] = []
        for i, layer in enumerate(cascade.layers):
            self.check_specification(self.specifications[i], layer, i)
            self.lower = cascade.residues[np.unique(cascade.prefixes[i], return_index=True)[1], : len(lower)]
            channels += self.layer(i, layer, after, lower)
            after = layer_transitions(layer, after)
            lower += layer.moduli
        self.head(lower)
        unread = sorted(self.arrays.keys() - self.read)
        require(not unread, f"nothing is proved of the parameter {', '.join(unread[:1])}")
        bounded = [channel.horizon for channel in channels if channel.horizon is not None]
        horizon = min(bounded) if bounded else None
        return NetworkProof(self.dtype, self.cases, self.gates, tuple(channels), horizon)

    def check_specification(self, specification: LayerSpecification, layer: CascadeLayer, i: int) -> None:
        """Every field of a layer's configuration is what the proof is about. A field that is not named here, because
        the network has learnt something new, is refused."""
        wanted = {
            "family": layer.family,
            "channels": len(layer.moduli),
            "hidden": len(self.arrays[in_layer(i, GATES)]),
            "readout": sum(layer.moduli),
            "activation": "hard",
            "groups": layer.moduli,
            "phi": "gates",
            "reads": self.reads,
        }
        found = {field.name: getattr(specification, field.name) for field in fields(specification)}
        for name in sorted(found.keys() | wanted.keys()):
            same = name in found and name in wanted and found[name] == wanted[name]
            require(same, f"config.json describes layer {i + 1} otherwise than the cascade: its {name}")

    def layer(
        self, i: int, layer: CascadeLayer, after: NDArray[np.int64], lower: tuple[int, ...]
    ) -> list[ChannelProof]:
        family = FAMILIES[layer.family]
        require(ProofOf.GROUP in family.proofs, f"layer {i + 1}: nothing is proved of {layer.family}")
        parts = len(family.parts)
        d, width = len(layer.moduli), sum(lower)
        out = self.array(in_layer(i, OUT_WEIGHT), (d * parts, None))
        bias = self.array(in_layer(i, OUT_BIAS), (d * parts,))
        on = self.gates_on(i, lower, out.shape[1])
        # Row u of `raw` is φ's output where gate u is on; the last row where none is (index -1).
        with np.errstate(over="ignore"):
            raw = np.concatenate([out.T, np.zeros_like(out.T[:1])]) + bias
        wanted = np.empty((*after.shape, d), dtype=np.int64)
        wanted[after, np.arange(after.shape[1])] = layer.increments
        used = np.unique(on)
        require(np.isfinite(raw[used]).all(), f"layer {i + 1}: φ overflows")
        drive = raw[used][:, -2 * d :] if family.complex_state else raw[used][:, -d:]
        require(not drive.any(), f"layer {i + 1}: b is not 0")
        psi = self.own_scores(i, layer, width)
        proofs = []
        for j, n in enumerate(layer.moduli):
            if family.complex_state:
                error = self.phase_error(i, raw, on, wanted[..., j], j, d, n, family)
                tolerance = self.phase_tolerance(psi[j], n)
                horizon = None if error == 0 else math.floor(tolerance / error)
            else:
                error, tolerance, horizon = self.sign(i, raw[:, j], on, wanted[..., j], j, psi[j])
            off = f"layer {i + 1}, channel {j + 1}: a step is off by {float(error):.3g}"
            require(horizon is None or horizon >= 1, off)
            proofs.append(ChannelProof(i + 1, j + 1, n, str(error), str(tolerance), horizon))
        return proofs

    # ---------------------------------------------------------------------------------------- gates

    def gates_on(self, i: int, lower: tuple[int, ...], units: int) -> NDArray[np.int64]:
        """The gate that is on for each joint lower state that φ reads and each token, -1 for none: (states, m)."""
        m = len(self.cascade.alphabet)
        gates = self.array(in_layer(i, GATES), (units, len(lower) + 1))
        sizes = (*lower, m)
        read = self.columns(gates, sizes, f"layer {i + 1}: a gate")
        tokens = np.tile(np.arange(m), len(self.lower))
        met = np.concatenate([np.repeat(self.lower, m, axis=0), tokens[:, None]], axis=1)
        found = row_numbers(met[:, read], gates[:, read], [sizes[axis] for axis in read]).reshape(-1, m)
        self.cases += found.size
        self.gates += units
        return found

    def columns(self, rows: NDArray[Any], sizes: tuple[int, ...], what: str) -> list[int]:
        """The columns that are read of rows of decisions, no two of which are met at once."""
        require(((rows >= -1) & (rows < np.array(sizes))).all(), f"{what} reads a decision that is not there")
        unread = (rows < 0).all(axis=0)
        require(((rows >= 0) | unread).all(), f"{what} reads other decisions than the first")
        require(len(np.unique(rows, axis=0)) == len(rows), f"{what} stands twice")
        return np.flatnonzero(~unread).tolist()

    # ---------------------------------------------------------------------------------------- phases

    def phase_error(
        self,
        i: int,
        raw: Floats,
        on: NDArray[np.int64],
        wanted: NDArray[np.int64],
        j: int,
        d: int,
        n: int,
        family: Family,
    ) -> Fraction:
        """δ of one channel, in turns."""
        used = np.unique(on)
        if "delta" in family.parts:
            require(not raw[used, j].any(), f"layer {i + 1}, channel {j + 1}: Δ is not exactly 1")
        turns = raw[:, family.parts.index("turns") * d + j]
        turns = np.where(np.isin(np.arange(len(raw)), used % len(raw)), turns, 0)
        require(float(np.abs(turns).max()) < 2.0**20, f"layer {i + 1}, channel {j + 1}: a phase of a million turns")
        fraction = (turns - np.rint(turns)).astype(np.float64)  # both steps are exact
        stored = (fraction * 2.0**61).astype(np.int64)  # truncated, as `fixed_point_turns` does
        pairs = np.unique(np.stack([stored[on], wanted], axis=-1).reshape(-1, 2), axis=0)
        return max(_circle_distance(Fraction(int(a), 2**61) - Fraction(int(r), n)) for a, r in pairs)

    def own_scores(self, i: int, layer: CascadeLayer, width: int) -> Sequence[Floats]:
        """For each channel ψ's weights on its own state, (n, 2) or (n, 1); everything else in ψ is proved to be 0."""
        d = len(layer.moduli)
        parts = 2 if FAMILIES[layer.family].complex_state else 1
        weight = self.array(in_layer(i, READOUT_WEIGHT), (sum(layer.moduli), width + parts * d)).copy()
        require(not self.array(in_layer(i, READOUT_BIAS), (len(weight),)).any(), f"layer {i + 1}: ψ has a bias")
        initial = self.array(in_layer(i, INITIAL_STATE), (d, 2) if parts == 2 else (d,))
        one = np.tile([1.0, 0.0], (d, 1)) if parts == 2 else np.ones(d)
        require((initial == one).all(), f"layer {i + 1}: the initial state is not 1")
        # A score is a sum of at most two products with numbers of at most 2, and must not overflow.
        require(float(np.abs(weight).max()) < self.largest / 8, f"layer {i + 1}: ψ's scores overflow")
        scores, row = [], 0
        for j, n in enumerate(layer.moduli):
            columns = [width + j + d * part for part in range(parts)]
            scores.append(weight[row : row + n, columns].astype(np.float64))
            weight[row : row + n, columns] = 0
            row += n
        require(not weight.any(), f"layer {i + 1}: ψ reads more than each channel's own state")
        return scores

    def phase_tolerance(self, scores: Floats, n: int, extra: Fraction = Fraction(0)) -> Fraction:
        """The largest proved ε = (1 - 2^-k)/(2n) turns: within it, the nearest residue is decided. `extra` is how far
        the state may be from where its phase says, besides rounding."""
        rounding = float((ELEMENTARY + 4) * self.unit_roundoff + extra)  # of the point, of two products and a sum
        # The rounding of the floats below: cosines and sines to 2^-52, a product sum of two terms.
        # What underflows is off by the smallest normal number, whether it is flushed to zero or not.
        scale = np.abs(scores).max(axis=1)
        slack = 1.5 * scale * (rounding + 2.0**-49) * (1 + 2.0**-40) + 8 * self.smallest
        for k in range(44, 0, -1):
            tolerance = Fraction(2**k - 1, 2**k) / (2 * n)
            if all(self.decides(scores, slack, n, sign * tolerance) for sign in (1, -1)):
                return tolerance
        raise NotProvedError(f"the network is not proved equal to the cascade: a decision modulo {n} has no margin")

    def decides(self, scores: Floats, slack: Floats, n: int, offset: Fraction) -> bool:
        """Whether at q/n + offset, for every q, the score of q is above all others by more than both errors."""
        points = np.array([unit_point(Fraction(q, n) + offset) for q in range(n)])  # (n, 2)
        for start in range(0, n, 1024):
            block = points[start : start + 1024]
            with np.errstate(over="ignore", invalid="ignore"):
                values = scores @ block.T  # (residue, q)
            own = values[np.arange(start, start + len(block)), np.arange(len(block))]
            gap = own - values - slack[:, None] - slack[start : start + len(block)]
            gap[np.arange(start, start + len(block)), np.arange(len(block))] = 1.0
            if not (gap > 0).all():  # so written that NaN is no margin
                return False
        return True

    def sign(
        self, i: int, raw: Floats, on: NDArray[np.int64], wanted: NDArray[np.int64], j: int, scores: Floats
    ) -> tuple[Fraction, Fraction, int | None]:
        """δ, ε and the horizon of a Negative Mamba channel, whose state is ±1."""
        where = f"layer {i + 1}, channel {j + 1}"
        rate = self.array(in_layer(i, "transition.log_rate"), (None,))[j]
        pairs = np.unique(np.stack([raw[on].astype(np.float64), wanted], axis=-1).reshape(-1, 2), axis=0)
        u = self.unit_roundoff
        range_of = (self.smallest, self.largest)
        errors = [_sign_error(float(value), float(rate), -1 if flip else 1, u, range_of) for value, flip in pairs]
        require(None not in errors, f"{where}: a multiplier overflows on the way")
        error = max(error for error in errors if error is not None)
        require(error < Fraction(1, 1000), f"{where}: a multiplier is off by {float(error):.3g}")
        require(scores.shape == (2, 1) and scores[0, 0] > 0 > scores[1, 0], f"{where}: ψ does not decide by the sign")
        # The scores are single products, so each has the sign of its weight times the state: right while it is not 0.
        # Up to the horizon |state| > 2⁻¹², so that a score does not vanish either.
        require(float(np.abs(scores).min()) > self.smallest * 2.0**14, f"{where}: ψ's scores underflow")
        growth = (1 + error) * (1 + u) ** 2
        # (growth)^T - 1 < 1 is implied by T·(growth - 1) ≤ log 2; 0.693 < log 2.
        horizon = None if error == 0 else math.floor(Fraction(693, 1000) / (growth - 1))
        return error, Fraction(1), horizon

    # ---------------------------------------------------------------------------------------- head

    def head(self, moduli: tuple[int, ...]) -> None:
        n, cascade = self.cascade.order, self.cascade
        cases, outputs = self.array(HEAD_CASES, (n, len(moduli))), self.array(HEAD_OUTPUTS, (n,))
        require(not self.array(HEAD_BIAS, (n,)).any(), "the head has a bias")
        require((outputs == np.arange(n)).all(), "a case of the head is not its element's")
        residues = np.empty((n, len(moduli)), dtype=np.int64)
        residues[cascade.decode] = cascade.residues
        require((cases == residues).all(), "a case of the head is not its element's")


def _circle_distance(turns: Fraction) -> Fraction:
    remainder = turns % 1
    return min(remainder, 1 - remainder)


def _sign_error(raw: float, log_rate: float, sign: int, u: Fraction, range_of: tuple[float, float]) -> Fraction | None:
    """A bound on |â - sign| for â = 2·exp(-Δ·rate) - 1, Δ = 1 + elu(raw), as computed in the network; None where
    something on the way leaves the range of the dtype, from its smallest normal to its largest number."""
    smallest, largest = range_of
    with arb_precision(256) as flint:
        arb = flint.arb
        roundoff = arb(flint.fmpq(u.numerator, u.denominator))
        rounded, elementary = 1 + arb(0, 1) * roundoff, 1 + arb(0, 1) * (ELEMENTARY * roundoff)
        vanishing = arb(0, 1) * arb(smallest)  # the error of a result that underflows
        elu = arb(raw) if raw > 0 else arb(raw).expm1() * elementary + vanishing
        rate = arb(log_rate).exp() * elementary
        exponent = (1 + elu) * rounded * rate * rounded + vanishing
        if not (rate > 2 * arb(smallest) and rate < arb(largest) / 4 and abs(exponent) < arb(largest) / 4):
            return None
        decay = (-exponent).exp() * elementary + vanishing
        if sign == -1 and upper(decay) < u / 4:
            return Fraction(0)  # -1 + 2·decay is nearer to -1 than to its neighbour, and rounds to it
        return upper((2 * decay - 1) * rounded - sign)
