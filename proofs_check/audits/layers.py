"""The kinds of recurrent layers: which eigenvalues one token's transition can have, and what that excludes.

`docs/architectures.md` has the facts with their sources, and the proofs of what is excluded. A bound is one of *all*
parameters: numbers that training moves (A_log, say) are free, so that no weights can contradict it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from ...algebra.depth.families import EXACTLY, NEVER, ROUNDED, Family
from ...common.errors import InputError, RefutedError

MODULI = "moduli"
"""What is bounded where eigenvalues are complex."""

_SLACK = 1e-5
"""How far float32 may stand beside a bound: the modulus of e^(ix), say."""


@dataclass(frozen=True)
class LayerAudit:
    """One layer.

    Arguments:
        index: its place in the stack, from 0.
        kind: what it is.
        low, high: bounds of the real eigenvalues, or of the modulus where they are complex.
        minus_one, one, zero: whether -1, a modulus of 1, and 0 are reached.
        excludes: what a stack of such layers cannot track, with the witness; empty where nothing is excluded.
        measured: what the actual weights do on the tokens tried: `eigenvalues` (least, largest), `tokens`; or None.
        values: what the bounds and the measured numbers are of: `eigenvalues`, or `moduli` where those are complex.
    """

    index: int
    kind: str
    low: float
    high: float
    minus_one: str
    one: str
    zero: str
    excludes: str
    measured: dict[str, Any] | None = None
    values: str = "eigenvalues"

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def with_measured(self, found: dict[str, Any] | None) -> LayerAudit:
        """The same with what its weights do. The two are printed one below the other, so they are compared first.

        Raises:
            InputError: the weights give no numbers.
            RefutedError: they do what the kind is said to exclude; then the library computes something else.
        """
        if found is None:
            return self
        least, largest = found["eigenvalues"]
        if not least <= largest:
            raise InputError(f"layer {self.index}: its weights give NaN; wanted weights that are finite")
        outside = least < self.low - _SLACK or largest > self.high + _SLACK
        reached = {self.minus_one: least == -1, self.one: max(-least, largest) == 1, self.zero: 0 in (least, largest)}
        if outside or any(value for word, value in reached.items() if word == NEVER):
            raise RefutedError(
                f"layer {self.index}, {self.kind}: its weights give eigenvalues from {least:.6g} to {largest:.6g}, "
                f"outside of what audit knows of its class; say so to the authors, with the library's version"
            )
        return replace(self, measured=found)


NO_GROUP = (
    "every group but the trivial one, and every automaton whose words hold one, with any number of such layers alone: "
    "all factors of all tokens are symmetric with eigenvalues in [0, 1], so a word whose states repeat in a cycle "
    "leaves them fixed; e.g. parity fails on the words x, xx, xxx, … of one token"
)
"""By the Euclidean norm: a product of such factors that keeps a vector's length keeps the vector. It needs nothing
about the eigenvalues of products, which may be negative."""
NO_GROUP_BY_TOKENS = (
    "every group but the trivial one, with any number of such layers alone: a token whose eigenvalues are real and "
    "never -1 acts, once its states repeat, as nothing; e.g. parity fails on the words x, xx, xxx, … of one token "
    "(of automata nothing is excluded: products of several tokens may have other eigenvalues)"
)
"""Where single tokens are known and no norm is shrunk by all of them: a group's element is one token, a word is not."""
NO_LARGE_ORDER = (
    "in one layer, one token an element: every alphabet with an element of order > 2, whose square would act as nothing"
)
NOT_FOR_EVER = "every group but the trivial one for ever, with any number of such layers: each turn shrinks the state"
ONE_MAP = (
    "every group that is read over two tokens or more, for ever, with any number of such layers: all tokens multiply "
    "by one map, so of a long word its last tokens are held, and its length modulo n where a modulus of 1 is rounded to"
)
"""Two tokens differ by a translation where |a| = 1; it is of finite order, so none. By induction over the layers two
long words of one length and one ending leave one state, and over a group's two tokens some of them differ."""
NOT_SOLVABLE = "every group that is not solvable, and automata that merge states within one layer"
SOLVABLE = "every group that is not solvable"
NO_ODD = "every group that is no 2-group, with any number of such layers: a token of odd order acts as nothing"


def delta(kind: str, doubled: bool, factors: int = 1, gated: bool = True) -> LayerAudit:
    """A token multiplies by α·∏(I - β k kᵀ) with ‖k‖ ≤ 1 and one β a factor, β ≤ 2 where doubled, else β ≤ 1.

    With β ≤ 1 a real eigenvalue λ < 0 needs a vector that n symmetric factors with eigenvalues in [0, 1] turn by π.
    One such factor that turns z by θ shrinks it to cos θ or less (‖Mz‖² ≤ (Mz)·z); the cosine is log-concave; so
    |λ| ≤ cos(π/n)ⁿ, which n projections on lines at equal angles reach: -1/8 for three.
    """
    name = f"{kind}, {factors} factors" if factors > 1 else kind
    one = ROUNDED if gated else EXACTLY  # without a decay, what is orthogonal to the keys stays
    if doubled:
        return LayerAudit(0, name, -1.0, 1.0, ROUNDED, one, ROUNDED, NO_LARGE_ORDER if factors == 1 else "")
    low = -(math.cos(math.pi / factors) ** factors) if factors > 2 else 0.0
    return LayerAudit(0, name, low, 1.0, NEVER, one, ROUNDED, NO_GROUP)


MAMBA = LayerAudit(0, "Mamba", 0.0, 1.0, NEVER, ROUNDED, ROUNDED, NO_GROUP)
MAMBA2 = replace(MAMBA, kind="Mamba-2")
"""exp(-exp(A_log)·Δ): limits of Δ bound nothing, since A_log is free."""
KDA = replace(MAMBA, kind="Kimi Delta Attention")
"""(I - β k kᵀ)·diag(α) with β ≤ 1: a product of two symmetric factors, so a token's eigenvalues are real and ≥ 0."""
RWKV7 = LayerAudit(0, "RWKV-7", -0.46, 1.0, NEVER, ROUNDED, ROUNDED, NO_GROUP_BY_TOKENS)


def mamba3(floor: float) -> LayerAudit:
    """A = -floor at most, so half a turn, which needs Δ > 1, shrinks by exp(-floor) or more."""
    if math.exp(-floor) >= 1 - 2.0**-25:  # 1 in float32, to which the floor says nothing: the tie goes to 1
        return LayerAudit(0, "Mamba-3 (complex)", 0.0, 1.0, ROUNDED, ROUNDED, ROUNDED, SOLVABLE, values=MODULI)
    return LayerAudit(0, "Mamba-3 (complex)", 0.0, 1.0, NEVER, ROUNDED, ROUNDED, NOT_FOR_EVER, values=MODULI)


def own(index: int, family: Family) -> LayerAudit | None:
    """A layer of one of our own families; None where nothing is known of its eigenvalues."""
    if family.factors:
        return replace(delta("delta rule", doubled=True, factors=family.factors), index=index, kind=family.name)
    if family.eigenvalues is None:
        return None
    values = MODULI if family.complex_state else "eigenvalues"
    return LayerAudit(index, family.name, **vars(family.eigenvalues), excludes=_excluded(family), values=values)


def _excluded(family: Family) -> str:
    """What a stack of a diagonal family cannot track."""
    if family.is_constant:
        return ONE_MAP
    if family.exponent == 0:
        return SOLVABLE if family.resets else NOT_SOLVABLE
    return NO_GROUP if family.exponent == 1 else NO_ODD


def ranges(indices: Iterable[int]) -> str:
    """Places in a stack, exactly: `layer 3`, `layers 0-2, 4-6`."""
    places = sorted(indices)
    cuts = [i for i, (a, b) in enumerate(pairwise(places), 1) if b != a + 1]
    runs = [places[a:b] for a, b in pairwise([0, *cuts, len(places)])]
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"layer{'s' * (len(places) > 1)} {text}"
