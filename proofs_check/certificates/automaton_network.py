"""The network of a compiled automaton equals its cascade: what `network_proof` proves, with channels that are
set.

Beside what stands there:

1. φ reads the lower layers before the token, so the gate of a case (lower state, token) is found at the cascade's own
   entry. Gates, embedding and head are small integers, hence exact. The head is gone through for every state of the
   cascade that can be reached: its class scores at least 1 more than every other.
2. *Kept and turned.* A real channel is multiplied by a float within δ of ±1; a complex one by g·exp(2πi·phase), g
   within γ of 1, its phase being summed exactly, as for AUSSM. T tokens turn it by at most T·(δ + 2u) turns more than
   they should (two products a token, in whatever order the scan makes them, each off by at most 4u), and change its
   length by a factor between 1/2 and 2 while T·(γ + 8u) ≤ log 2. Decisions do not depend on the length.
3. *Set.* A multiplier of at most u (gates: exp underflows) or, for Negative Mamba, of a few hundred u times a state of
   at most 2, and b within η of ω^c: whatever was there before, the state is within η + 2a + (ELEMENTARY + 8)·u of ω^c.
   Nothing of earlier errors is left, and the decision's margin is proved with this much less.

So a horizon counts the tokens since the last time a channel was set; the one stated holds without any.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.families import FAMILIES, Family, ProofOf, TransitionKind
from ...constructions.cascade import CascadeLayer, row_numbers
from ...constructions.parameters import (
    HEAD_BIAS,
    HEAD_CASES,
    HEAD_OUTPUTS,
    OUT_BIAS,
    OUT_WEIGHT,
    in_layer,
)
from ..intervals import arb_precision, unit_point, upper
from .network_proof import (
    ELEMENTARY,
    ChannelProof,
    Floats,
    Proof,
    require,
)


class AutomatonProof(Proof):
    """One run over all layers of an automaton's network."""

    reads = "before"

    def classes(self) -> int:
        assert self.cascade.automaton is not None
        return self.cascade.automaton.count

    def layer(
        self, i: int, layer: CascadeLayer, after: NDArray[np.int64], lower: tuple[int, ...]
    ) -> list[ChannelProof]:
        family = FAMILIES[layer.family]
        require(ProofOf.AUTOMATON in family.proofs, f"layer {i + 1}: nothing is proved of {layer.family}")
        parts = family.parts
        d = len(layer.moduli)
        out = self.array(in_layer(i, OUT_WEIGHT), (d * len(parts), None))
        bias = self.array(in_layer(i, OUT_BIAS), (d * len(parts),))
        on = self.gates_on(i, lower, out.shape[1])
        with np.errstate(over="ignore"):
            raw = np.concatenate([out.T, np.zeros_like(out.T[:1])]) + bias
        require(np.isfinite(raw[np.unique(on)]).all(), f"layer {i + 1}: φ overflows")
        columns = {part: raw[:, k * d : (k + 1) * d] for k, part in enumerate(parts)}
        scores = self.own_scores(i, layer, sum(lower))
        resets = np.zeros(layer.increments.shape, dtype=bool) if layer.resets is None else layer.resets
        proofs = []
        for j, n in enumerate(layer.moduli):
            own = {part: values[:, j] for part, values in columns.items()}
            # A case is (unit that is on, residue, whether it is set), each once.
            rows = np.stack([on, layer.increments[..., j], resets[..., j]], axis=-1).reshape(-1, 3)
            cases = [(int(unit), int(r), bool(sets)) for unit, r, sets in np.unique(rows, axis=0)]
            where = f"layer {i + 1}, channel {j + 1}"
            if family.complex_state:
                proof = self.complex_channel(where, family, own, cases, n, scores[j])
            else:
                proof = self.real_channel(i, j, where, family, own, cases, scores[j])
            error, tolerance, horizon = proof
            require(horizon is None or horizon >= 1, f"{where}: a step is off by {float(error):.3g}")
            proofs.append(ChannelProof(i + 1, j + 1, n, str(error), str(tolerance), horizon))
        return proofs

    def complex_channel(
        self,
        where: str,
        family: Family,
        own: dict[str, Floats],
        cases: list[tuple[int, int, bool]],
        n: int,
        scores: Floats,
    ) -> tuple[Fraction, Fraction, int | None]:
        u = self.unit_roundoff
        error, modulus, extra = Fraction(0), Fraction(0), Fraction(0)
        for unit, residue, sets in cases:
            gate = self.decay(float(own["gate"][unit]), None) if "gate" in family.parts else None
            b = float(own["b_real"][unit]), float(own["b_imag"][unit])
            if "delta" in family.parts:
                require(own["delta"][unit] == 0, f"{where}: Δ is not exactly 1")
            if sets:
                require(gate is not None and gate[1] <= u, f"{where}: a gate does not close")
                assert gate is not None
                point = unit_point(Fraction(residue, n))
                distance = Fraction(math.hypot(b[0] - point[0], b[1] - point[1])) + Fraction(1, 2**50)
                extra = max(extra, distance + 2 * gate[1] + (ELEMENTARY + 8) * u)
                continue
            require(b == (0.0, 0.0), f"{where}: b is not 0")
            if gate is not None:
                modulus = max(modulus, abs(gate[0] - 1), abs(gate[1] - 1))
            turns = float(own["turns"][unit])
            require(abs(turns) < 2.0**20, f"{where}: a phase of a million turns")
            stored = int((turns - np.rint(turns)) * 2.0**61)  # truncated, as `fixed_point_turns` does
            remainder = (Fraction(stored, 2**61) - Fraction(residue, n)) % 1
            error = max(error, min(remainder, 1 - remainder))
        require(extra < Fraction(1, 100) and modulus < Fraction(1, 1000), f"{where}: a step is off by too much")
        tolerance = self.phase_tolerance(scores, n, extra)
        if "gate" not in family.parts:
            return error, tolerance, None if error == 0 else math.floor(tolerance / error)
        error += 2 * u
        horizon = min(math.floor(tolerance / error), math.floor(Fraction(69, 100) / (modulus + 8 * u)))
        return error, tolerance, horizon

    def real_channel(
        self,
        i: int,
        j: int,
        where: str,
        family: Family,
        own: dict[str, Floats],
        cases: list[tuple[int, int, bool]],
        scores: Floats,
    ) -> tuple[Fraction, Fraction, int | None]:
        u = self.unit_roundoff
        rate = float(self.array(in_layer(i, "transition.log_rate"), (None,))[j])
        error, start = Fraction(0), Fraction(0)
        for unit, residue, sets in cases:
            low, high = self.decay(float(own["delta"][unit]), rate)
            if family.transition is TransitionKind.SIGNED_DECAY:
                low, high = 2 * low - 1 - u, 2 * high - 1 + u
            b = float(own["b"][unit])
            if sets:
                a = max(abs(low), abs(high))
                require(b == (-1.0) ** residue and a < Fraction(1, 10000), f"{where}: a state is not set")
                start = max(start, 2 * a + 2 * u)
                continue
            require(b == 0, f"{where}: b is not 0")
            sign = (-1) ** residue
            error = max(error, abs(low - sign), abs(high - sign))
        require(error < Fraction(1, 1000) and start < Fraction(1, 1000), f"{where}: a multiplier is off by too much")
        require(scores.shape == (2, 1) and scores[0, 0] > 0 > scores[1, 0], f"{where}: ψ does not decide by the sign")
        require(float(np.abs(scores).min()) > self.smallest * 2.0**14, f"{where}: ψ's scores underflow")
        growth = (1 + error) * (1 + u) ** 2
        # (1 + start)·growth^T < 2 is implied by T·(growth - 1) ≤ log(2 / 1.001), and 0.692 is less than that.
        return error, Fraction(1), math.floor(Fraction(692, 1000) / (growth - 1))

    def decay(self, raw: float, log_rate: float | None) -> tuple[Fraction, Fraction]:
        """Bounds, below and above, of exp(-Δ·rate), Δ = 1 + elu(raw), as computed; without a rate of exp(-Δ)."""
        u = self.unit_roundoff
        require(abs(raw) < 1e6 and abs(log_rate or 0.0) < 50, "a raw output or a rate is too large")
        with arb_precision(256) as flint:
            arb = flint.arb
            roundoff = arb(flint.fmpq(u.numerator, u.denominator))
            rounded, elementary = 1 + arb(0, 1) * roundoff, 1 + arb(0, 1) * (ELEMENTARY * roundoff)
            vanishing = arb(0, 1) * arb(self.smallest)  # the error of a result that underflows
            elu = arb(raw) if raw > 0 else arb(raw).expm1() * elementary + vanishing
            exponent = (1 + elu) * rounded
            if log_rate is not None:
                exponent = exponent * (arb(log_rate).exp() * elementary) * rounded + vanishing
            found = (-exponent).exp() * elementary + vanishing
            off = upper(found - 1)  # |â - 1|
            largest = upper(found)
        return max(Fraction(0), 1 - off), largest

    def head(self, moduli: tuple[int, ...]) -> None:
        cascade, classes = self.cascade, self.classes()
        cases = self.array(HEAD_CASES, (None, len(moduli)))
        outputs = self.array(HEAD_OUTPUTS, (len(cases),))
        require(not self.array(HEAD_BIAS, (classes,)).any(), "the head has a bias")
        require(((outputs >= 0) & (outputs < classes)).all(), "a case of the head has no class")
        read = self.columns(cases, moduli, "a case of the head")
        place = row_numbers(cascade.residues[:, read], cases[:, read], [moduli[axis] for axis in read])
        require((place >= 0).all() and (outputs[place] == cascade.decode).all(), "the head decides a state wrongly")
