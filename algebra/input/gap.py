"""GAP's names of groups, with GAP's meaning: its dihedral groups are named by their order."""

from __future__ import annotations

from collections.abc import Callable

from ...common.errors import InputError
from ..arithmetic.finite_field import factorise
from ..groups.named_groups import FAMILIES, FUNCTIONS
from ..groups.permutation_group import PermutationGroup
from .combining import direct, small

Made = tuple[PermutationGroup, str]
"""A group and what is to be said of it, or nothing."""


def _plain(letter: str) -> Callable[..., Made]:
    return lambda n: (FAMILIES[letter](n), "")


def _function(name: str) -> Callable[..., Made]:
    return lambda *numbers: (FUNCTIONS[name][1](*numbers), "")


def _dihedral(n: int) -> Made:
    if n < 2 or n % 2:
        raise InputError(
            f"DihedralGroup({n}): GAP names dihedral groups by their order, which is even; the symmetries of a "
            f"{n}-gon are D{n}, of order {2 * n}"
        )
    note = f"DihedralGroup({n}) is GAP's, of order {n}: D{n // 2} (SymPy's has order {2 * n}: D{n})"
    return FAMILIES["D"](n // 2), note


def _dicyclic(n: int) -> Made:
    if n < 4 or n % 4:
        raise InputError(
            f"DicyclicGroup({n}): GAP names it by its order, a multiple of 4; wanted e.g. Dic3, of order 12"
        )
    return FAMILIES["Dic"](n // 4), f"DicyclicGroup({n}) is GAP's, of order {n}: Dic{n // 4}"


def _quaternion(n: int) -> Made:
    if n < 8 or n & (n - 1):
        return _dicyclic(n)
    return FAMILIES["Q"](n), ""


def _elementary(n: int) -> Made:
    if n < 2 or len(factorise(n)) != 1:
        raise InputError(f"ElementaryAbelianGroup({n}): the order must be a power of a prime, e.g. C2^3 for 8")
    ((p, exponent),) = factorise(n).items()
    cyclic = FAMILIES["C"](p)
    return (direct([cyclic] * exponent) if exponent > 1 else cyclic), ""


def _abelian(*orders: int) -> Made:
    factors = [FAMILIES["C"](n) for n in orders]
    return (direct(factors) if len(factors) > 1 else factors[0]), ""


def _small(order: int, number: int) -> Made:
    return small(order, number), ""


def _transitive(degree: int, number: int) -> Made:
    from ..groups.libraries import transitive_group

    return transitive_group(degree, number), ""


def _primitive(degree: int, number: int) -> Made:
    from ..groups.libraries import primitive_group

    return primitive_group(degree, number), ""


CONSTRUCTORS: dict[str, tuple[tuple[int, ...], Callable[..., Made]]] = {
    "SymmetricGroup": ((1,), _plain("S")),
    "AlternatingGroup": ((1,), _plain("A")),
    "CyclicGroup": ((1,), _plain("C")),
    "DihedralGroup": ((1,), _dihedral),
    "DicyclicGroup": ((1,), _dicyclic),
    "QuaternionGroup": ((1,), _quaternion),
    "MathieuGroup": ((1,), _plain("M")),
    "SuzukiGroup": ((1,), _function("Sz")),
    "ElementaryAbelianGroup": ((1,), _elementary),
    "AbelianGroup": ((), _abelian),
    "SmallGroup": ((2,), _small),
    "TransitiveGroup": ((2,), _transitive),
    "PrimitiveGroup": ((2,), _primitive),
    "GeneralLinearGroup": ((2,), _function("GL")),
    "SpecialLinearGroup": ((2,), _function("SL")),
    "ProjectiveGeneralLinearGroup": ((2,), _function("PGL")),
    "ProjectiveSpecialLinearGroup": ((2,), _function("PSL")),
    "SymplecticGroup": ((2,), _function("Sp")),
    "SpecialUnitaryGroup": ((2,), _function("SU")),
    "GeneralUnitaryGroup": ((2,), _function("GU")),
    "ProjectiveSpecialUnitaryGroup": ((2,), _function("PSU")),
}
"""For each name how many numbers it takes (none: any number), and its function."""
