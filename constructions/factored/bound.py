"""The straight-line program that shows how many layers a group needs (`constructions.factored.proof` checks it)."""

from __future__ import annotations

from ...algebra.arithmetic.permutations import Permutations
from ...algebra.chains.kernels import Element, Encoding
from ...algebra.chains.solvable import SolvableTower
from .proof import Line


def lower_bound(alphabet: Permutations, exponent: int) -> list[Line]:
    """A program with a value other than 1 in V_{k-1}, for a group whose series V_0 > V_1 > … > V_k = 1 reaches 1.

    The series is built from the tokens by commutators, powers and conjugation alone, and the steps are kept; so the
    program is found for every group that has one.

    Arguments:
        alphabet: the tokens, shape (m, degree).
        exponent: of the family.
    """
    encoding = Encoding(alphabet.shape[1])
    tokens = [Element(encoding.encode(row), encoding) for row in alphabet]
    tower = SolvableTower([token.code for token in tokens], tokens, encoding, exponent)
    return [(kind, a % len(tokens) if kind == "token" else a, b) for kind, a, b in tower.program()]
