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
        low, high: bounds of the real eigenvalues, or of the modulus where they are complex; None where there is none,
            as in a layer that is not linear.
        minus_one, one, zero: whether -1, a modulus of 1, and 0 are reached.
        excludes: what a stack of such layers cannot track, with the witness; empty where nothing is excluded.
        can: what a stack of such layers can carry; empty where nothing is known.
        part: the part of a composite configuration that has it, e.g. `text_config`; empty for the whole.
        measured: what the actual weights do on the tokens tried: `eigenvalues` (least, largest), `tokens`; or None.
        values: what the bounds and the measured numbers are of: `eigenvalues`, or `moduli` where those are complex.
    """

    index: int
    kind: str
    low: float | None
    high: float | None
    minus_one: str
    one: str
    zero: str
    excludes: str
    can: str = ""
    part: str = ""
    measured: dict[str, Any] | None = None
    values: str = "eigenvalues"

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def line(self) -> str:
        """What one token can do, for people."""
        if self.high is None:
            return f"{self.kind}, not linear: it has no eigenvalues"
        high = f"1 - {1 - self.high:.1e}" if 0 < 1 - self.high < 1e-5 else f"{self.high:g}"
        low = "without a lower bound, at most 1" if self.low is None else f"in [{self.low:g}, {high}]"
        return f"{self.kind}, {self.values} {low}; -1 {self.minus_one}, modulus 1 {self.one}, 0 {self.zero}"

    def measured_line(self) -> str:
        """What the weights do, in words; empty where that was not measured."""
        if self.measured is None:
            return ""
        low, high = self.measured["eigenvalues"]
        return f"measured on {self.measured['tokens']:,} tokens: {low:.6g} to {high:.6g}"

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
        low, high = -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high
        outside = least < low - _SLACK or largest > high + _SLACK
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


NO_GROUP_TURNED = NO_GROUP + " (positions turn keys by angles that are no fraction of a turn: none has a finite order)"
ONLY_ADDS = (
    "every group but the trivial one and every automaton that returns to a state, e.g. the flip-flop, with any number "
    "of such layers alone: what is added stays, so a word whose states repeat in a cycle adds nothing"
)
REFLECTIONS = "every group in one layer, several tokens an element: each is one reflection; parity by one token"
RESETS = "; automata of one group with resets: a decay of 0 forgets"
PRODUCTS = "every group in one layer, one token an element, with enough factors; parity with one, S3 with two"
APERIODIC = (
    "every aperiodic automaton, with enough layers: a token keeps a channel or sets it; e.g. the flip-flop in one layer"
)
DEFINITE = "for ever only what the last letters decide: each token forgets a share of everything"
DEFINITE_NORMED = DEFINITE + "; the flip-flop up to a horizon, since a token's weight is exponential in its key"
LIMITED = (
    "for ever only what the last letters decide: Δ is limited on both sides, so that a head that can be set forgets; "
    "the flip-flop up to a horizon"
)
NEVER_BACK = "automata that never return to a state that they left"
SOLVABLE_GROUPS = "every solvable group, in as many layers as its shortest abelian series"
ANY_AUTOMATON = "every automaton whose states its width holds: it is not linear, and its gates saturate"


def delta(kind: str, doubled: bool, factors: int = 1, gated: bool = True) -> LayerAudit:
    """A token multiplies by α·∏(I - β k kᵀ) with ‖k‖ ≤ 1 and one β a factor, β ≤ 2 where doubled, else β ≤ 1.

    With β ≤ 1 a real eigenvalue λ < 0 needs a vector that n symmetric factors with eigenvalues in [0, 1] turn by π.
    One such factor that turns z by θ shrinks it to cos θ or less (‖Mz‖² ≤ (Mz)·z); the cosine is log-concave; so
    |λ| ≤ cos(π/n)ⁿ, which n projections on lines at equal angles reach: -1/8 for three.
    """
    name = f"{kind}, {factors} factors" if factors > 1 else kind
    one = ROUNDED if gated else EXACTLY  # without a decay, what is orthogonal to the keys stays
    if doubled:
        can = (REFLECTIONS if factors == 1 else PRODUCTS) + (RESETS if gated else "")
        return LayerAudit(0, name, -1.0, 1.0, ROUNDED, one, ROUNDED, NO_LARGE_ORDER if factors == 1 else "", can)
    low = -(math.cos(math.pi / factors) ** factors) if factors > 2 else 0.0
    return LayerAudit(0, name, low, 1.0, NEVER, one, ROUNDED, NO_GROUP, APERIODIC)


def decays(kind: str, low: float = 0.0, one: str = ROUNDED, turned: bool = False) -> LayerAudit:
    """Each number of the state is multiplied by a decay from `low` to 1 that the token chooses."""
    zero = ROUNDED if low < 2.0**-149 else NEVER
    return LayerAudit(
        0, kind, low, 1.0, NEVER, one, zero, NO_GROUP_TURNED if turned else NO_GROUP, APERIODIC if low < 0.5 else ""
    )


def constant(kind: str, low: float, high: float) -> LayerAudit:
    """One map for all tokens, known from the configuration or the weights alone, that shrinks."""
    return LayerAudit(0, kind, low, high, NEVER, ROUNDED if high >= 1 - 2.0**-25 else NEVER, NEVER, ONE_MAP, DEFINITE)


def nonlinear(kind: str) -> LayerAudit:
    """An LSTM or GRU: gates that read the state."""
    return LayerAudit(0, kind, None, None, "does not apply", "does not apply", "does not apply", "", ANY_AUTOMATON)


MAMBA = decays("Mamba")
MAMBA2 = decays("Mamba-2")
"""exp(-exp(A_log)·Δ): limits of Δ bound nothing, since A_log is free."""


def mamba2(floor: float, ceiling: float) -> LayerAudit:
    """Mamba-2 with limits of Δ. A head keeps for ever if Δ·exp(A_log) can be below 2⁻²⁵, and is set if it can be above
    log 2: limits on both sides that are close forbid to have both in one head."""
    if floor * 2.0**25 * math.log(2) > ceiling:
        return replace(MAMBA2, can=LIMITED)
    return MAMBA2


RWKV7 = LayerAudit(0, "RWKV-7", -0.46, 1.0, NEVER, ROUNDED, ROUNDED, NO_GROUP_BY_TOKENS, APERIODIC)
RWKV4 = replace(constant("RWKV-4", 0.0, 1.0), zero=ROUNDED, can=DEFINITE_NORMED)
"""exp(-exp(time_decay)), the same for every token; what is read is a quotient of two such sums with weights exp(k)."""


def kda(doubled: bool) -> LayerAudit:
    """(I - β k kᵀ)·diag(α): with β ≤ 1 a product of two symmetric factors, so a token's eigenvalues are real and ≥ 0;
    with β ≤ 2 real and ≥ -1. All factors shrink the Euclidean norm."""
    return delta("Kimi Delta Attention", doubled)


def preconditioned(kind: str, doubled: bool) -> LayerAudit:
    """(I - β M k kᵀ)·α with a diagonal M in (2/3, 3/2) that follows the keys of the past: similar to I - β u uᵀ with
    ‖u‖² < 3/2. M is a state of its own with decays in [0, 1], so a token that is read again and again leaves it."""
    if doubled:
        return LayerAudit(0, kind, -2.0, 1.0, ROUNDED, ROUNDED, ROUNDED, "")
    return LayerAudit(0, kind, -0.5, 1.0, NEVER, ROUNDED, ROUNDED, NO_GROUP_BY_TOKENS, APERIODIC)


def capped(kind: str, cap: float) -> LayerAudit:
    """A forget gate sigmoid(c·tanh(·/c)), strictly between the sigmoids of -c and c."""
    small = math.exp(-cap) / (1 + math.exp(-cap)) if cap < 700 else 0.0
    saturates = small <= 2.0**-25  # 1 - small is 1 in float32
    return LayerAudit(
        0,
        kind,
        small,
        1 - small,
        NEVER,
        ROUNDED if saturates else NEVER,
        ROUNDED if small < 2.0**-149 else NEVER,
        NO_GROUP,
        APERIODIC if saturates else DEFINITE_NORMED,
    )


def mamba3(floor: float) -> LayerAudit:
    """A = -floor at most, so half a turn, which needs Δ > 1, shrinks by exp(-floor) or more."""
    can = SOLVABLE_GROUPS + ", up to a horizon"
    if math.exp(-floor) >= 1 - 2.0**-25:  # 1 in float32, to which the floor says nothing: the tie goes to 1
        return LayerAudit(0, "Mamba-3 (complex)", 0.0, 1.0, ROUNDED, ROUNDED, ROUNDED, SOLVABLE, can, values=MODULI)
    return LayerAudit(0, "Mamba-3 (complex)", 0.0, 1.0, NEVER, ROUNDED, ROUNDED, NOT_FOR_EVER, can, values=MODULI)


def own(index: int, family: Family) -> LayerAudit | None:
    """A layer of one of our own families; None where nothing is known of its eigenvalues."""
    if family.factors:
        return replace(delta("delta rule", doubled=True, factors=family.factors), index=index, kind=family.name)
    if family.eigenvalues is None:
        return None
    values = MODULI if family.complex_state else "eigenvalues"
    excludes, can = _excluded(family), _carried(family)
    return LayerAudit(index, family.name, **vars(family.eigenvalues), excludes=excludes, can=can, values=values)


def _excluded(family: Family) -> str:
    """What a stack of a diagonal family cannot track."""
    if family.is_constant:
        return ONE_MAP
    if family.exponent == 0:
        return SOLVABLE if family.resets else NOT_SOLVABLE
    return NO_GROUP if family.exponent == 1 else NO_ODD


def _carried(family: Family) -> str:
    """What a stack of a diagonal family can carry."""
    if family.is_constant:
        return DEFINITE
    if family.exponent == 1:
        return APERIODIC
    powers = f"every group with a series of abelian factors of exponent {family.exponent}, a layer for each"
    groups = powers if family.exponent else SOLVABLE_GROUPS
    return groups + "; resets" * family.resets


def ranges(indices: Iterable[int]) -> str:
    """Places in a stack, exactly: `layer 3`, `layers 0-2, 4-6`."""
    places = sorted(indices)
    cuts = [i for i, (a, b) in enumerate(pairwise(places), 1) if b != a + 1]
    runs = [places[a:b] for a, b in pairwise([0, *cuts, len(places)])]
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"layer{'s' * (len(places) > 1)} {text}"
