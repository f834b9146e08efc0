"""Finite abelian groups by their invariants n_1 … n_d, as C_{n_1} × … × C_{n_d}."""

from __future__ import annotations

from .finite_field import factorise


def abelian_name(moduli: tuple[int, ...] | list[int]) -> str:
    """C_{n_1} × … as text: `C2xC4`, `1` for no factors."""
    return "x".join(f"C{n}" for n in moduli) or "1"


def primary_invariants(moduli: tuple[int, ...]) -> tuple[int, ...]:
    """The prime powers of invariant factors, sorted as GAP's `AbelianInvariants` are."""
    return tuple(sorted(p**e for n in moduli for p, e in factorise(n).items()))
