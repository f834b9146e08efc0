"""The model families: one record each, which says all that is known of a family before torch comes in.

A layer's channel multiplies its state by the transition's eigenvalue. Over the long run only eigenvalues of modulus 1
keep information, so a layer of independent channels carries the abelian factors whose characters have values among
those: the m-th roots of unity. Sources: Theorem 1 and the family table of "The Expressive Limits of Diagonal SSMs for
State-Tracking" (ICLR 2026), and "Parity Requires Unified Input Dependence and Negative Eigenvalues in SSMs" (2025).

Whatever asks "which family is this?" asks the record instead: what it carries, whether it sets, which numbers φ gives
it, how its state changes, who proves its networks. The rooms above add what only they can, once for each
`TransitionKind`: `models/families.py` the recurrence in torch, `constructions/weights.py` the numbers that φ has to
give, `models/network_page.py` the recurrence in a browser. The checkers of certificates keep tables of their own, on
purpose; tests/test_families.py compares them with these records, and CONTRIBUTING.md says how to add a family.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ...common.errors import InputError

DRIVES = ("b", "b_real", "b_imag")
"""The parts of φ's raw outputs that make b_t; the others make a_t (or, in the RNN, everything)."""

NEVER, ROUNDED, EXACTLY = "never", "to rounding", "exactly"
"""Whether an eigenvalue is reached: by no real parameters and not by floats; by floats that round to it; exactly."""


class TransitionKind(StrEnum):
    """How a token changes a layer's state."""

    CONSTANT = "one multiplier for all tokens"
    DECAY = "a positive multiplier"
    SIGNED_DECAY = "a multiplier of either sign"
    TURN = "a turn"
    STEPPED_TURN = "a turn times a step size"
    GATED_TURN = "a turn times a gate"
    TANH = "a tanh of the whole state"
    REFLECTIONS = "Householder factors on the whole state"
    BLOCKS = "a matrix for each block of the state"


class ProofOf(StrEnum):
    """Whose networks are proved right, and where: `proofs_check/certificates/network_proof.py`, `automaton_network.py`,
    `proofs_check/horizons/boxes.py`, `proofs_check/certificates/delta_checker.py`."""

    GROUP = "compiled groups"
    AUTOMATON = "compiled automata"
    TRAINED = "trained networks"
    INTEGERS = "compiled groups, in integers"


@dataclass(frozen=True)
class Eigenvalues:
    """Which multipliers one token's transition can have, over all parameters.

    Arguments:
        low, high: bounds of the real ones, or of the modulus where they are complex.
        minus_one, one, zero: whether -1, a modulus of 1, and 0 are reached: `NEVER`, `ROUNDED` or `EXACTLY`.
    """

    low: float
    high: float
    minus_one: str
    one: str
    zero: str


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of layers h ← A(x)·h + b(x).

    Arguments:
        name: as typed on the command line.
        title: as in the papers' tables.
        spelt: the name spelt out.
        paper: where it comes from, in Markdown.
        multiplier: a_t as a formula, for people.
        range: where its values lie, for people; empty where a layer is not diagonal.
        transition: how a token changes the state.
        parts: φ's raw outputs, `channels` numbers each, in this order. (A block's rows are parts as well: of m×m blocks
            row i holds m numbers for each of channels/m blocks.)
        complex_state: whether h is complex.
        own: the transition's own parameters and their axes.
        exponent: of a diagonal family, m where a layer carries exactly the abelian factors of exponent dividing m; 0
            means any.
        reason: why not more, in one clause.
        carried: what a layer carries that is not diagonal, in one clause.
        eigenvalues: where the state is not diagonal None.
        block: the size of the blocks of A: 1 where A is diagonal, None where the whole state is one block.
        factors: how many Householder factors a token has; 0 where A is none of these.
        proofs: whose networks are proved.
    """

    name: str
    title: str
    spelt: str
    paper: str
    multiplier: str
    transition: TransitionKind
    parts: tuple[str, ...]
    range: str = ""
    complex_state: bool = False
    own: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exponent: int = 0
    reason: str = ""
    carried: str = ""
    eigenvalues: Eigenvalues | None = None
    block: int | None = 1
    factors: int = 0
    proofs: tuple[ProofOf, ...] = ()

    @property
    def key(self) -> str:
        """The name as a key in JSON."""
        return self.name.replace("-", "_")

    @property
    def real(self) -> bool:
        """Whether its states are real, so that a channel holds a sign."""
        return not self.complex_state

    @property
    def is_diagonal(self) -> bool:
        """Whether each channel has a multiplier of its own."""
        return self.block == 1

    @property
    def is_constant(self) -> bool:
        """Whether all tokens have the same multipliers."""
        return self.transition is TransitionKind.CONSTANT

    @property
    def resets(self) -> bool:
        """Whether a token can set a channel, whatever it held: it can choose the eigenvalue 0."""
        return self.eigenvalues is not None and self.eigenvalues.zero != NEVER and not self.is_constant

    @property
    def forgets_nothing(self) -> bool:
        """Whether |a_t| = 1 throughout: states add up every b_t, turned, and never lose one."""
        return self.eigenvalues is not None and self.eigenvalues.low == self.eigenvalues.high == 1.0

    @property
    def has_blocks(self) -> bool:
        """Whether its state falls into several blocks of more than one channel."""
        return self.transition is TransitionKind.BLOCKS

    @property
    def block_size(self) -> int:
        """The size of its blocks: the number of channels is a multiple of it."""
        return self.block if self.has_blocks and self.block else 1

    def whole_blocks(self, channels: int) -> int:
        """As many channels, or the few more that make whole blocks.

        Example:
            >>> ALL_FAMILIES["block-3"].whole_blocks(16)
            18
        """
        return -(-channels // self.block_size) * self.block_size

    @property
    def carries(self) -> str:
        """What one layer carries, in one clause."""
        if not self.is_diagonal:
            return self.carried
        factors = {0: "any abelian factor", 1: "no factor"}.get(
            self.exponent, f"abelian factors of exponent {self.exponent}: powers of C{self.exponent}"
        )
        return factors + ("; a token can set a channel" if self.resets else "")


_LIMITS = "[The Expressive Limits of Diagonal SSMs for State-Tracking](https://arxiv.org/abs/2603.01959)"
_ANY = "one layer carries any abelian factor, none carries a non-abelian one"
_RATE = (("log_rate", ("channels",)),)
_SQUARES = "the groups whose squares commute"
_UNIT = Eigenvalues(1.0, 1.0, EXACTLY, EXACTLY, NEVER)

# Records are data: what two of them share is so by nature, and each is to be read by itself.
ALL_FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="s4d",
            title="S4D",
            spelt="diagonal structured state space (S4D)",
            paper="[On the Parameterization and Initialization of Diagonal State Space Models]"
            "(https://arxiv.org/abs/2206.11893)",
            multiplier="exp(Δ Λ), Re Λ < 0",
            range="|a| < 1",
            transition=TransitionKind.CONSTANT,
            parts=("b_real", "b_imag"),
            complex_state=True,
            own=tuple((name, ("channels",)) for name in ("log_step", "log_rate", "frequency")),
            exponent=1,
            reason="its transition does not depend on the input",
            eigenvalues=Eigenvalues(0.0, 1.0, ROUNDED, ROUNDED, ROUNDED),
        ),
        Family(
            name="mamba",
            title="Mamba",
            spelt="Mamba, the selective state space model",
            paper="[Mamba: Linear-Time Sequence Modeling with Selective State Spaces](https://arxiv.org/abs/2312.00752)",
            multiplier="exp(Δ(x) Λ), Λ < 0",
            range="a in (0, 1]",
            transition=TransitionKind.DECAY,
            parts=("delta", "b"),
            own=_RATE,
            exponent=1,
            reason="its eigenvalues lie in (0, 1]: no rotation, not even a sign",
            eigenvalues=Eigenvalues(0.0, 1.0, NEVER, ROUNDED, ROUNDED),
            proofs=(ProofOf.AUTOMATON, ProofOf.TRAINED),
        ),
        Family(
            name="negative-mamba",
            title="Negative Mamba",
            spelt="Mamba with eigenvalues down to −1",
            paper="[Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues](https://arxiv.org/abs/2411.12537)",
            multiplier="2 exp(Δ(x) Λ) − 1, Λ < 0",
            range="a in (−1, 1]",
            transition=TransitionKind.SIGNED_DECAY,
            parts=("delta", "b"),
            own=_RATE,
            exponent=2,
            reason="its eigenvalues lie in (-1, 1]: the only rotation is a sign",
            eigenvalues=Eigenvalues(-1.0, 1.0, ROUNDED, ROUNDED, EXACTLY),
            proofs=(ProofOf.GROUP, ProofOf.AUTOMATON, ProofOf.TRAINED),
        ),
        # A record each, whole: a family is read in one place, however little sets it apart from another.
        Family(
            name="simple-aussm",
            title="Simple AUSSM",
            spelt="adaptive unitary state space model with Δ = 1",
            paper=f"named in {_LIMITS}; this reading is ours",
            multiplier="exp(2 π i Λ(x))",
            range="|a| = 1",
            transition=TransitionKind.TURN,
            parts=("turns", "b_real", "b_imag"),
            complex_state=True,
            exponent=0,
            reason=_ANY,
            eigenvalues=_UNIT,
            proofs=(ProofOf.GROUP, ProofOf.AUTOMATON, ProofOf.TRAINED),
        ),
        Family(
            name="aussm",
            title="AUSSM",
            spelt="adaptive unitary state space model",
            paper="[Bridging Expressivity and Scalability with Adaptive Unitary SSMs](https://arxiv.org/abs/2507.05238)",
            multiplier="exp(2 π i Δ(x) Λ(x))",
            range="|a| = 1",
            transition=TransitionKind.STEPPED_TURN,
            parts=("delta", "turns", "b_real", "b_imag"),
            complex_state=True,
            exponent=0,
            reason=_ANY,
            eigenvalues=_UNIT,
            proofs=(ProofOf.GROUP, ProofOf.AUTOMATON, ProofOf.TRAINED),
        ),
        Family(
            name="gated-aussm",
            title="Gated AUSSM",
            spelt="adaptive unitary state space model with a gate",
            paper="ours: docs/mathematics.md",
            multiplier="g exp(2 π i Λ(x)), g = exp(−D(x))",
            range="|a| ≤ 1",
            transition=TransitionKind.GATED_TURN,
            parts=("gate", "turns", "b_real", "b_imag"),
            complex_state=True,
            exponent=0,
            reason=_ANY,
            eigenvalues=Eigenvalues(0.0, 1.0, ROUNDED, ROUNDED, ROUNDED),
            proofs=(ProofOf.AUTOMATON,),
        ),
        Family(
            name="rnn",
            title="RNN",
            spelt="recurrent neural network, not diagonal",
            paper=f"the comparison in {_LIMITS}",
            multiplier="h = tanh(W h + drive)",
            transition=TransitionKind.TANH,
            parts=("drive",),
            own=(("weight", ("channels", "channels")),),
            carried="not diagonal: the theorem does not limit it",
            block=None,
        ),
        *(
            Family(
                name=f"delta-{n}",
                title=f"delta rule, {n} factor{'s' * (n > 1)}",
                spelt="delta rule, 1 to 4 Householder factors a token",
                paper="[DeltaProduct](https://arxiv.org/abs/2502.10297), see docs/architectures.md",
                multiplier="α(x) ∏ (I − β(x) k(x) k(x)ᵀ)",
                transition=TransitionKind.REFLECTIONS,
                parts=(*(f"{part}_{j}" for j in range(1, n + 1) for part in ("key", "beta")), "gate", "b"),
                carried="see docs/architectures.md",
                block=None,
                factors=n,
                proofs=(ProofOf.INTEGERS,),
            )
            for n in (1, 2, 3, 4)
        ),
        *(
            Family(
                name=name,
                title=f"{m}×{m} blocks, {'C' if complex_state else 'R'}",
                spelt="blocks: a matrix of the token's own for each of them",
                paper="ours: docs/mathematics.md",
                multiplier="A(x), block-diagonal",
                range=f"any {'complex' if complex_state else 'real'} {m}×{m} blocks",
                transition=TransitionKind.BLOCKS,
                parts=tuple(
                    part + half
                    for part in (*(f"row_{i}" for i in range(1, m + 1)), "b")
                    for half in (("_real", "_imag") if complex_state else ("",))
                ),
                complex_state=complex_state,
                carried=f"quotients of subgroups of products of finite {'complex' if complex_state else 'real'} linear "
                f"groups of degree {m}: {examples}",
                block=m,
                proofs=(ProofOf.INTEGERS,),
            )
            for name, m, complex_state, examples in (
                ("block-2", 2, False, _SQUARES),
                ("block-3", 3, False, f"{_SQUARES}, S4 and A5"),
                ("complex-block-2", 2, True, f"{_SQUARES}, SL(2,3), GL(2,3) and SL(2,5)"),
                ("block-4", 4, False, f"{_SQUARES}, S4, A5, S5 and C5:C4"),
                ("complex-block-3", 3, True, f"{_SQUARES}, SL(2,3), GL(2,3), SL(2,5), C7:C3, PSL(2,7) and A6"),
            )
        ),
    )
}
"""Every family that a network can have, by name."""

FAMILIES = {name: family for name, family in ALL_FAMILIES.items() if family.is_diagonal}
"""The diagonal ones, of which the papers' theorem speaks, from weakest to strongest: `exponent` says what one layer
carries."""

CIRCLE, GATED_CIRCLE = FAMILIES["aussm"], FAMILIES["gated-aussm"]
"""The strongest family for groups, whose multipliers are the unit circle; and for automata, which sets channels too."""

SIGNS, REGISTERS = FAMILIES["negative-mamba"], FAMILIES["mamba"]
"""The family that has signs alone, and the one that only sets and keeps."""

BLOCKS = {name: family for name, family in ALL_FAMILIES.items() if family.has_blocks}
"""The families of blocks, each able to do all that the one before can, but for the last two."""

REFLECTIONS = {family.factors: family for family in ALL_FAMILIES.values() if family.factors}
"""The delta-rule families by their numbers of Householder factors."""


def default_family(merges: bool) -> Family:
    """The family for a group, or for an automaton whose letters permute its states; or for one whose letters merge
    some."""
    return GATED_CIRCLE if merges else CIRCLE


def family(name: str) -> Family:
    """The family of that name (`negative-mamba` and `negative_mamba` both do). Raises `InputError` for an unknown
    one."""
    asked = name.strip().lower().replace("_", "-")
    found = FAMILIES.get(asked)
    if found is None and asked in BLOCKS:
        raise InputError(
            f"layers of {asked} are compiled, trained and run; here one of the diagonal families is wanted: "
            f"{', '.join(FAMILIES)}"
        )
    if found is None and is_block_name(asked):
        raise InputError(f"no layers of {name[:40]!r}: blocks are written of the families {', '.join(BLOCKS)}")
    if found is None:
        other = " (or `compile A5 --target delta`)" if name.startswith("delta") else ""
        raise InputError(f"unknown family {name[:40]!r}; wanted one of {', '.join(FAMILIES)}{other}")
    return found


def is_block_name(name: str) -> bool:
    """Whether a name is that of a family of blocks, or of one that there would be if blocks had that size."""
    return re.fullmatch(r"(complex-)?block-?\d*", name.strip().lower().replace("_", "-")) is not None


def parse_stack(text: str) -> tuple[Family, ...]:
    """A comma-separated stack of families, first layer first, e.g. `aussm,negative-mamba`."""
    if len(text) > 2000:
        raise InputError(
            f"a stack of {len(text)} characters; wanted families separated by commas, e.g. aussm,negative-mamba"
        )
    return tuple(family(name) for name in text.split(","))


def names(stack: Sequence[Family]) -> str:
    """A stack as a text, the inverse of `parse_stack`."""
    return ",".join(layer.name for layer in stack)
