"""The families of groups that can be asked for by name, each in its natural action.

To add a family, write a function that returns a `PermutationGroup` and enter it in `FAMILIES` (names such as `D4`) or
`FUNCTIONS` (names such as `SL(2,3)`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.finite_field import factorise, finite_field
from ..arithmetic.permutations import MAX_DEGREE, closure, parse_permutations, rows
from .permutation_group import PermutationGroup


def _group(
    name: str, generators: Sequence[Sequence[int] | NDArray[np.intp]], order: int, degree: int = 1
) -> PermutationGroup:
    return PermutationGroup(name, rows(generators, degree), order)


def _require(condition: bool, name: str, wanted: str) -> None:
    if not condition:
        raise InputError(f"{name}: {wanted}")


def _require_degree(degree: int, name: str) -> None:
    _require(degree <= MAX_DEGREE, name, f"acts on {degree} points, at most {MAX_DEGREE} can be handled")


def _of_matrices(function: str) -> Callable[..., PermutationGroup]:
    """A function of `matrix_groups`, which is imported with the first group that needs it."""

    def made(*numbers: int) -> PermutationGroup:
        from . import matrix_groups

        group: PermutationGroup = getattr(matrix_groups, function)(*numbers)
        return group

    return made


def _rotation(n: int) -> list[int]:
    return [*range(1, n), 0]


def cyclic(n: int) -> PermutationGroup:
    """C_n, the rotations of n points."""
    _require(n >= 1, f"C{n}", "n must be at least 1, e.g. C6")
    _require(
        n <= MAX_DEGREE,
        f"C{n}",
        f"acts on {n} points, at most {MAX_DEGREE} can be handled, e.g. C100; `inspect C{n}` needs none",
    )
    return _group(f"C{n}", [_rotation(n)] if n > 1 else [], n, n)


def dihedral(n: int) -> PermutationGroup:
    """D_n of order 2n: the symmetries of an n-gon (D1 = C2 on two points, D2 = V4 on four)."""
    _require(n >= 1, f"D{n}", "n must be at least 1 (D_n has order 2n), e.g. D4")
    _require_degree(n, f"D{n}")
    if n == 1:
        return _group("D1", [[1, 0]], 2)
    if n == 2:
        return _group("D2", [[1, 0, 3, 2], [2, 3, 0, 1]], 4)
    return _group(f"D{n}", [_rotation(n), [-i % n for i in range(n)]], 2 * n)


def symmetric(n: int) -> PermutationGroup:
    """S_n on n points."""
    _require(n >= 1, f"S{n}", "n must be at least 1, e.g. S4")
    _require_degree(n, f"S{n}")
    generators = [_rotation(n), [1, 0]] if n > 2 else [[1, 0]] if n == 2 else []
    return _group(f"S{n}", generators, math.factorial(n), n)


def alternating(n: int) -> PermutationGroup:
    """A_n on n points."""
    _require(n >= 1, f"A{n}", "n must be at least 1, e.g. A4")
    _require_degree(n, f"A{n}")
    if n < 3:
        return _group(f"A{n}", [], 1, n)
    long = _rotation(n) if n % 2 else [0, *range(2, n), 1]
    return _group(f"A{n}", [[1, 2, 0], long] if n > 3 else [[1, 2, 0]], math.factorial(n) // 2, n)


def klein_four(n: int) -> PermutationGroup:
    """V4 = C2 × C2, regular on four points."""
    _require(n == 4, f"V{n}", "the only V is Klein's four-group V4")
    return _group("V4", [[1, 0, 3, 2], [2, 3, 0, 1]], 4)


def dicyclic(n: int, name: str | None = None) -> PermutationGroup:
    """Dic_n of order 4n: ⟨a, x | a^2n, x² = a^n, x⁻¹ax = a⁻¹⟩, regular; the point of a^i x^j is i + 2n·j."""
    name = name or f"Dic{n}"
    _require(n >= 1, name, "n must be at least 1 (Dic_n has order 4n), e.g. Dic3")
    _require_degree(4 * n, name)
    m = 2 * n
    a = [(i + 1) % m for i in range(m)] + [m + (i - 1) % m for i in range(m)]  # a^i x · a = a^(i-1) x
    x = [m + i for i in range(m)] + [(i + n) % m for i in range(m)]
    return _group(name, [a, x], 4 * n)


def quaternion(n: int) -> PermutationGroup:
    """Q_n, the generalised quaternion group of order n = 2^k ≥ 8, regular."""
    _require(
        n >= 8 and n & (n - 1) == 0,
        f"Q{n}",
        "the order n must be a power of 2 and at least 8, e.g. Q8 (or Dic3 for order 12)",
    )
    return dicyclic(n // 4, f"Q{n}")


def semidihedral(n: int) -> PermutationGroup:
    """SD_n, the semidihedral group of order n = 2^k ≥ 16, on n/2 points."""
    _require(n >= 16 and n & (n - 1) == 0, f"SD{n}", "the order n must be a power of 2 and at least 16, e.g. SD16")
    m = n // 2
    _require_degree(m, f"SD{n}")
    return _group(f"SD{n}", [_rotation(m), [(m // 2 - 1) * i % m for i in range(m)]], n)


def frobenius(n: int) -> PermutationGroup:
    """F_n, the Frobenius group C_p:C_m of order n = p·m with p prime and m ≥ 2 dividing p-1, on p points."""
    p = max(factorise(n)) if n > 1 else 1
    m = n // p
    _require(
        m >= 2 and (p - 1) % m == 0,
        f"F{n}",
        "the order must be p·m with p prime and m ≥ 2 dividing p-1, e.g. F20 or F21 (or AGL(1,8))",
    )
    _require_degree(p, f"F{n}")
    root = pow(finite_field(p).primitive, (p - 1) // m, p)
    return _group(f"F{n}", [_rotation(p), [root * i % p for i in range(p)]], n)


def heisenberg(p: int) -> PermutationGroup:
    """Heis(p) of order p³: the unitriangular 3×3 matrices over F_p, on p² points (u, v)."""
    name = f"Heis({p})"
    _require(
        p >= 2 and p * p <= MAX_DEGREE and factorise(p) == {p: 1}, name, "p must be a prime below 100, e.g. Heis(3)"
    )
    shift = [(u + 1) % p * p + v for u in range(p) for v in range(p)]
    shear = [u * p + (v + u) % p for u in range(p) for v in range(p)]
    return _group(name, [shift, shear], p**3)


def _require_prime_power(q: int, name: str, bound: int, example: str) -> None:
    _require(
        2 <= q <= bound and len(factorise(q)) == 1, name, f"q must be a prime power from 2 to {bound}, e.g. {example}"
    )


def affine(n: int, q: int) -> PermutationGroup:
    """AGL(n,q): for n = 1 the maps x ↦ ax + b of F_q, of order q(q-1)."""
    name = f"AGL({n},{q})"
    if n != 1:
        return _of_matrices("affine")(n, q)
    _require_prime_power(q, name, MAX_DEGREE, "AGL(1,8)")
    field, everything = finite_field(q), np.arange(q)
    generators = [field.add(1, everything)] + ([field.multiply(field.primitive, everything)] if q > 2 else [])
    return _group(name, generators, q * (q - 1))


def _on_vectors(q: int, matrices: list[list[int]]) -> list[NDArray[np.intp]]:
    """Row vectors times 2×2 matrices, on the q²-1 nonzero vectors."""
    field = finite_field(q)
    x, y = np.divmod(np.arange(1, q * q), q)
    images = []
    for a, b, c, d in matrices:
        u = field.add(field.multiply(x, a), field.multiply(y, c))
        v = field.add(field.multiply(x, b), field.multiply(y, d))
        images.append(u * q + v - 1)
    return images


def _special_matrices(q: int) -> list[list[int]]:
    """Two generators of SL(2,q), entries row by row (Steinberg 1962; Taylor 1987)."""
    field = finite_field(q)
    minus = int(field.negative(1))
    if q <= 3:
        return [[1, 1, 0, 1], [0, 1, minus, 0]]
    return [[field.primitive, 0, 0, int(field.inverse(field.primitive))], [minus, 1, minus, 0]]


def special_linear(n: int, q: int) -> PermutationGroup:
    """SL(n,q) on the nonzero vectors of F_qⁿ."""
    name = f"SL({n},{q})"
    if n != 2:
        return _of_matrices("special_linear")(n, q)
    _require_prime_power(q, name, 97, "SL(2,3)")
    return _group(name, _on_vectors(q, _special_matrices(q)), q * (q * q - 1))


def general_linear(n: int, q: int) -> PermutationGroup:
    """GL(n,q) on the nonzero vectors of F_qⁿ."""
    name = f"GL({n},{q})"
    if n != 2:
        return _of_matrices("general_linear")(n, q)
    _require_prime_power(q, name, 97, "GL(2,3)")
    field = finite_field(q)
    minus = int(field.negative(1))
    matrices = [[field.primitive, 0, 0, 1], [minus, 1, minus, 0]] if q > 2 else _special_matrices(2)
    return _group(name, _on_vectors(q, matrices), (q * q - 1) * (q * q - q))


def projective_special_linear(n: int, q: int) -> PermutationGroup:
    """PSL(n,q) on the lines of F_qⁿ, q+1 for n = 2."""
    name = f"PSL({n},{q})"
    if n != 2:
        return _of_matrices("projective_special_linear")(n, q)
    _require_prime_power(q, name, MAX_DEGREE - 1, "PSL(2,7)")
    field = finite_field(q)
    x, y = np.append(np.ones(q, dtype=int), 0), np.append(np.arange(q), 1)  # the points (1, y), then (0, 1)
    generators = []
    for a, b, c, d in _special_matrices(q):
        u = field.add(field.multiply(x, a), field.multiply(y, c))
        v = field.add(field.multiply(x, b), field.multiply(y, d))
        generators.append(np.where(u == 0, q, field.multiply(field.inverse(u), v)))
    return _group(name, generators, q * (q * q - 1) // math.gcd(2, q - 1))


def mathieu(n: int) -> PermutationGroup:
    """The Mathieu groups M11, M12, M22, M23, M24 on n points (Conway and Sloane, Sphere Packings, chapter 10)."""
    orders = {11: 7920, 12: 95040, 22: 443520, 23: 10200960, 24: 244823040}
    _require(n in orders, f"M{n}", "the Mathieu groups are M11, M12, M22, M23 and M24")
    long = "(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23)"
    five = "(3,17,10,7,9)(4,13,14,19,5)(8,18,11,12,23)(15,20,22,21,16)"
    generators = {
        11: "(1,2,3,4,5,6,7,8,9,10,11),(3,7,11,8)(4,10,5,6)",
        12: "(1,2,3,4,5,6,7,8,9,10,11),(3,7,11,8)(4,10,5,6),(1,12)(2,11)(3,6)(4,8)(5,9)(7,10)",
        22: "(1,2,3,4,5,6,7,8,9,10,11)(12,13,14,15,16,17,18,19,20,21,22),"
        "(1,4,5,9,3)(2,8,10,7,6)(12,15,16,20,14)(13,19,21,18,17),"
        "(1,21)(2,10,8,6)(3,13,4,17)(5,19,9,18)(11,22)(12,14,16,20)",
        23: f"{long},{five}",
        24: f"{long},{five},(1,24)(2,23)(3,12)(4,16)(5,18)(6,10)(7,20)(8,14)(9,21)(11,17)(13,22)(15,19)",
    }
    return PermutationGroup(f"M{n}", parse_permutations(generators[n]), orders[n])


def weyl(letter: str, n: int) -> PermutationGroup:
    """W(X_n), the Weyl group of a root system, on its roots: W(A3), W(B4), W(D4), W(E6), W(F4), W(G2)."""
    name = f"W({letter}{n})"
    ranks = {"A": (1, 30), "B": (2, 20), "C": (2, 20), "D": (4, 20), "E": (6, 8), "F": (4, 4), "G": (2, 2)}
    _require(letter in ranks, name, f"wanted one of the types {', '.join(ranks)}, e.g. W(E6)")
    least, most = ranks[letter]
    _require(least <= n <= most, name, f"{letter} has ranks {least} to {most}, e.g. W({letter}{least})")
    cartan = 2 * np.eye(n, dtype=int)
    for i in range(n - 1):  # a chain, but for the branch of D and E
        j, k = (i, i + 1) if letter != "E" or i else (0, 2)
        if letter == "D" and i == n - 2:
            j, k = n - 3, n - 1
        if letter == "E" and i == 1:
            j, k = 1, 3
        cartan[j, k] = cartan[k, j] = -1
    if letter in "BF":
        cartan[(1, 2) if letter == "F" else (n - 2, n - 1)] = -2
    if letter == "C":
        cartan[n - 1, n - 2] = -2
    if letter == "G":
        cartan[0, 1] = -3

    def reflected(i: int, root: tuple[int, ...]) -> tuple[int, ...]:
        return (*root[:i], root[i] - int(cartan[:, i] @ root), *root[i + 1 :])

    simple = map(tuple, np.eye(n, dtype=int).tolist())
    images = closure(simple, [partial(reflected, i) for i in range(n)], MAX_DEGREE)[1]
    orders = {"A": math.factorial(n + 1), "D": 2 ** (n - 1) * math.factorial(n), "F": 1152, "G": 12}
    order = orders.get(letter, 2**n * math.factorial(n))
    return _group(name, images, {6: 51840, 7: 2903040, 8: 696729600}[n] if letter == "E" else order)


def rubik() -> PermutationGroup:
    """Rubik's cube: the turns of its six faces on the 48 stickers that they move (numbered as in GAP's manual)."""
    turns = (
        "(1,3,8,6)(2,5,7,4)(9,33,25,17)(10,34,26,18)(11,35,27,19)",
        "(9,11,16,14)(10,13,15,12)(1,17,41,40)(4,20,44,37)(6,22,46,35)",
        "(17,19,24,22)(18,21,23,20)(6,25,43,16)(7,28,42,13)(8,30,41,11)",
        "(25,27,32,30)(26,29,31,28)(3,38,43,19)(5,36,45,21)(8,33,48,24)",
        "(33,35,40,38)(34,37,39,36)(3,9,46,32)(2,12,47,29)(1,14,48,27)",
        "(41,43,48,46)(42,45,47,44)(14,22,30,38)(15,23,31,39)(16,24,32,40)",
    )
    order = math.factorial(8) * 3**7 * math.factorial(12) * 2**10
    return PermutationGroup("Rubik", parse_permutations(",".join(turns)), order)


def extraspecial(n: int, sign: int) -> PermutationGroup:
    """The extraspecial group of order n = p^(2r+1), of exponent p or type + (1), or the other one (-1): a central
    product."""
    from .products import central_product

    name = f"ES({n},{'+' if sign == 1 else '-'})"
    ((p, exponent), *more) = factorise(n).items() if n > 1 else ((1, 0),)
    _require(not more and exponent >= 3 and exponent % 2 == 1 and n <= 2000, name,
             "the order must be p^3, p^5, … up to 2000, e.g. ES(27,+)")  # fmt: skip
    if p == 2:
        plus, minus = dihedral(4), quaternion(8)
    else:
        plus, shift = heisenberg(p), [(p + 1) * i % (p * p) for i in range(p * p)]
        minus = _group(name, [_rotation(p * p), shift], p**3)
    group = (plus if sign == 1 else minus).listed()
    for _ in range((exponent - 3) // 2):
        group = central_product(group, plus.listed(), name)
    return PermutationGroup(name, group.elements[list(group.generators)], n)


def klein(n: int) -> PermutationGroup:
    """K4, another name of V4."""
    _require(n == 4, f"K{n}", "the only K is Klein's four-group K4, here V4")
    return klein_four(4)


FAMILIES: dict[str, Callable[[int], PermutationGroup]] = {
    "C": cyclic,
    "Z": cyclic,
    "D": dihedral,
    "S": symmetric,
    "A": alternating,
    "V": klein_four,
    "Q": quaternion,
    "Dic": dicyclic,
    "SD": semidihedral,
    "F": frobenius,
    "M": mathieu,
    "J": _of_matrices("janko"),
    "K": klein,
    "QD": semidihedral,
}
"""Names followed by a number: `D4`."""

FUNCTIONS: dict[str, tuple[int, Callable[..., PermutationGroup]]] = {
    "Heis": (1, heisenberg),
    "AGL": (2, affine),
    "SL": (2, special_linear),
    "GL": (2, general_linear),
    "PSL": (2, projective_special_linear),
    "PGL": (2, _of_matrices("projective_general_linear")),
    "ASL": (2, _of_matrices("affine_special")),
    "Sp": (2, _of_matrices("symplectic")),
    "PSp": (2, _of_matrices("projective_symplectic")),
    "GU": (2, _of_matrices("general_unitary")),
    "SU": (2, _of_matrices("special_unitary")),
    "PGU": (2, _of_matrices("projective_general_unitary")),
    "PSU": (2, _of_matrices("projective_special_unitary")),
    "Sz": (1, _of_matrices("suzuki")),
}
"""Names followed by arguments in parentheses, with their number: `SL(2,3)`."""

SIGNED: dict[str, Callable[..., PermutationGroup]] = {
    "GO": _of_matrices("general_orthogonal"),
    "SO": _of_matrices("special_orthogonal"),
}
"""Names followed by two or three numbers, of which the first may be -1: `GO(3,5)`, `GO(-1,4,3)`."""
