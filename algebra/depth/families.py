"""The model families as group theory sees them: which abelian factors one layer can carry.

A layer's channel multiplies its state by the transition's eigenvalue. Over the long run only eigenvalues of modulus 1
keep information, so a layer carries the abelian factors whose characters have values among those: the m-th roots of
unity. Sources: Theorem 1 and the family table of "The Expressive Limits of Diagonal SSMs for State-Tracking" (ICLR
2026), and "Parity Requires Unified Input Dependence and Negative Eigenvalues in SSMs" (2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...common.errors import InputError


@dataclass(frozen=True)
class Family:
    """A family of diagonal state-space layers.

    Arguments:
        name: as typed on the command line.
        key: as a key in JSON.
        title: as in the papers' tables.
        exponent: m, where a layer carries exactly the abelian factors of exponent dividing m; 0 means any.
        reason: why not more, in one clause.
        resets: whether a token can set a channel, whatever it held: the family has the eigenvalue 0.
        real: whether its states are real, so that a channel holds a sign.
    """

    name: str
    key: str
    title: str
    exponent: int
    reason: str
    resets: bool = False
    real: bool = False


FAMILIES = {
    family.name: family
    for family in (
        Family("s4d", "s4d", "S4D", 1, "its transition does not depend on the input"),
        Family("mamba", "mamba", "Mamba", 1, "its eigenvalues lie in (0, 1]: no rotation, not even a sign", True, True),
        Family(
            "negative-mamba",
            "negative_mamba",
            "Negative Mamba",
            2,
            "its eigenvalues lie in (-1, 1]: the only rotation is a sign",
            True,
            True,
        ),
        Family(
            "simple-aussm",
            "simple_aussm",
            "Simple AUSSM",
            0,
            "one layer carries any abelian factor, none carries a non-abelian one",
        ),
        Family("aussm", "aussm", "AUSSM", 0, "one layer carries any abelian factor, none carries a non-abelian one"),
        Family(
            "gated-aussm",
            "gated_aussm",
            "Gated AUSSM",
            0,
            "one layer carries any abelian factor, none carries a non-abelian one",
            True,
        ),
    )
}
"""The families of the papers, by name, from weakest to strongest."""


def family(name: str) -> Family:
    """The family of that name (`negative-mamba` and `negative_mamba` both do). Raises `InputError` for an unknown
    one."""
    found = FAMILIES.get(name.strip().lower().replace("_", "-"))
    if found is None:
        other = " (or `compile A5 --target delta`)" if name.startswith("delta") else ""
        raise InputError(f"unknown family {name[:40]!r}; wanted one of {', '.join(FAMILIES)}{other}")
    return found


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
