"""What one group asks of the architectures that people run; docs/architectures.md has the proofs and the sources.

These rows stand beside the diagonal families of `algebra.depth.families`, and are about the whole group, solvable or
not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.brief import Brief
from ...common.wording import counted
from ..arithmetic.permutations import MAX_DEGREE
from ..arithmetic.permutations import order as permutation_order
from ..groups.abelian_group import AbelianGroup
from ..groups.group import Group
from ..groups.permutation_group import PermutationGroup
from ..representations.characters import ABELIAN_LIMIT, CLASS_LIMIT
from ..representations.reflections import Householders, householders
from .refusal import MOST_FOR_A_TARGET, SURE_POINTS

MAMBA3_LEAST_DECAY = 1e-4
"""Mamba-3's `A_floor`: the state decays by exp(-A·Δ) a token with A at least this."""


@dataclass(frozen=True)
class Row:
    """One architecture.

    Arguments:
        name: as a key in JSON.
        title: as in the table.
        answer: how it tracks the group, or `never`.
        reason: why, and why not with less.
    """

    name: str
    title: str
    answer: str
    reason: str

    def as_json(self) -> dict[str, str]:
        return {"answer": self.answer, "reason": self.reason}


@dataclass(frozen=True, eq=False, repr=False)
class Architectures(Brief):
    """What the architectures need for one group and alphabet.

    Arguments:
        group: the group.
        factors: Householder factors a token for one delta-rule layer, or None where they were not computed.
        representation: what was computed about them, or None (an abelian group with many classes needs none of it).
        rows: one for each architecture.
    """

    group: Group | PermutationGroup | AbelianGroup
    factors: int | None
    representation: Householders | None
    rows: tuple[Row, ...]

    @property
    def target(self) -> str | None:
        """For which of them `compile --target` writes the group, where that is sure."""
        if isinstance(self.group, AbelianGroup) and self.group.order <= MOST_FOR_A_TARGET:
            return "deltaproduct" if self.factors and self.group.degree <= MAX_DEGREE else None
        if not isinstance(self.group, Group):  # it is asked where a point goes
            moved = self.group.degree if isinstance(self.group, AbelianGroup) else _moved(self.group)
            return "olmo-hybrid" if moved <= SURE_POINTS else None
        return "deltaproduct" if self.factors else None

    def as_json(self) -> dict[str, Any]:
        """`householders` and one entry for each architecture."""
        content: dict[str, Any] = {"householders": self.factors}
        if self.representation is not None:
            content["householders_detail"] = {
                "own": self.representation.own,
                "with_signs": self.representation.twisted,
                "at_least": self.representation.least,
                "representation": [part.as_json() for part in self.representation.representations],
            }
        content["architectures"] = {row.name: row.as_json() for row in self.rows}
        return content


def architectures(
    group: Group | PermutationGroup | AbelianGroup, depth: int | None, alphabet: Sequence[int] | None = None
) -> Architectures:
    """What each architecture needs to track a group.

    Arguments:
        group: listed, or by generators: then characters are not computed, and its action on points bounds the factors;
            or abelian by its moduli.
        depth: the least number of AUSSM layers, None for never.
        alphabet: the elements that are tokens and generate the group; None for all.
    """
    factors, detail = None, None
    if isinstance(group, PermutationGroup):
        factors, why = _by_points(group)
        first = Row("deltaproduct", "DeltaProduct, β ≤ 2", f"1 layer, {counted(factors, 'factor')}", why)
    elif isinstance(group, AbelianGroup):
        factors = min(group.exponent - 1, 2)  # irreducible real representations have degree 1 or 2
        first = _delta_product(group, factors, None)
    else:
        found = _householders(group, alphabet)
        factors, detail = found if found is not None else (None, None)
        first = _delta_product(group, factors, detail)
    rows = (
        first,
        _reflections(group, factors, "gated_deltanet", "Gated DeltaNet, β ≤ 2"),
        _never(
            group,
            "gated_deltanet_beta_1",
            "Gated DeltaNet, β ≤ 1",
            "its maps keep a length only where they are the identity",
        ),
        _reflections(group, factors, "delta_net", "DeltaNet, β ≤ 2", "no decay: nothing but a key is ever erased"),
        _reflections(group, factors, "kda", "KDA, β ≤ 2", "where a token acts, its decays are 1"),
        _never(group, "kda_beta_1", "KDA, β ≤ 1", "its maps keep a length only where they are the identity"),
        _reflections(
            group,
            factors,
            "gated_deltanet_2",
            "Gated DeltaNet-2, b ≤ 2",
            "equal gates make it KDA; others turn no further",
        ),
        _never(
            group,
            "gated_deltanet_2_b_1",
            "Gated DeltaNet-2, b ≤ 1",
            "a token's eigenvalues are real and ≥ 0; products of seven reach -1, so only groups are excluded",
        ),
        _path(group, factors),
        _pd_ssm(group, depth),
        _mamba3(group, depth),
        _never(group, "rwkv_7", "RWKV-7", "a token's eigenvalues are real, in (-0.46, 1]: no rotation, no sign"),
    )
    return Architectures(group, factors, detail, rows)


def _householders(group: Group, alphabet: Sequence[int] | None) -> tuple[int, Householders | None] | None:
    """The number of factors with its detail; None where the group has too many classes."""
    if group.order > ABELIAN_LIMIT and group.is_abelian:
        orders = group.element_orders if alphabet is None else group.element_orders[list(alphabet)]
        return min(int(orders.max(initial=1)) - 1, 2), None  # irreducible real representations have degree 1 or 2
    from ..representations.characters import character_table
    from ..representations.classes import conjugacy_classes

    classes = conjugacy_classes(group)
    if len(classes) > CLASS_LIMIT:
        return None
    found = householders(group, alphabet, character_table(group, classes))
    return found.found, found


def _moved(group: Group | PermutationGroup | AbelianGroup) -> int:
    """How many points the group moves."""
    if isinstance(group, AbelianGroup):
        return group.degree
    rows = group.permutations if isinstance(group, PermutationGroup) else group.elements
    return int((rows != np.arange(rows.shape[1])).any(axis=0).sum())


def _by_points(group: PermutationGroup) -> tuple[int, str]:
    """Factors that are enough for every element of a group that is not listed, and why.

    On an orbit of n points, a head of its own, a permutation is a product of n - 1 transpositions or fewer: n - (number
    of cycles), an even number in an even permutation.
    """
    rows = group.permutations.astype(np.intp)
    if _abelian(rows):
        exponent = math.lcm(*(permutation_order(row) for row in rows))
        return min(exponent - 1, 2), "real representations of degree at most 2"
    names = np.arange(rows.shape[1])
    while True:
        least = names.copy()
        for row in rows:
            np.minimum.at(least, row, names)
            np.minimum(least, least[row], out=least)
        if np.array_equal(least, names):
            break
        names = least
    orbits = [np.flatnonzero(names == name) for name in np.unique(names)]
    bounds = []
    for orbit in orbits:
        even = all((len(orbit) - _cycles(row[orbit], orbit)) % 2 == 0 for row in rows)
        bounds.append(len(orbit) - 1 - (even and len(orbit) % 2 == 0))
    where = "its points" if len(orbits) == 1 else "each orbit of its points"
    return max(bounds), (
        f"a token is ≤ {max(bounds)} transpositions of {where}; not 1, as some token has order > 2; fewer are not "
        "excluded: characters are computed of listed groups"
    )


def _abelian(rows: NDArray[np.intp]) -> bool:
    """Whether permutations commute with one another."""
    return all(np.array_equal(b[a], a[b]) for i, a in enumerate(rows) for b in rows[:i])


def _cycles(images: NDArray[np.intp], orbit: NDArray[np.intp]) -> int:
    """How many cycles a permutation has on an orbit, fixed points included."""
    places = dict(zip(orbit.tolist(), images.tolist(), strict=True))
    count = 0
    while places:
        point = next(iter(places))
        while point in places:
            point = places.pop(point)
        count += 1
    return count


def _delta_product(group: Group | AbelianGroup, factors: int | None, detail: Householders | None) -> Row:
    name, title = "deltaproduct", "DeltaProduct, β ≤ 2"
    if factors is None:
        return Row(name, title, "1 layer", f"factors a token not computed: more than {CLASS_LIMIT} classes of elements")
    if factors == 0:
        return Row(name, title, "0 layers", "the trivial group needs no layer")
    answer = f"1 layer, {counted(factors, 'factor')}"
    if detail is None:
        return Row(name, title, answer, "real representations of degree at most 2")
    if detail.twisted < detail.own:
        how = f"with signs of its own for each token and head; {detail.own} by the group's own representations"
    else:
        parts = detail.representations
        degrees = " + ".join(str(part.degree) for part in parts[:6]) + (" + …" if len(parts) > 6 else "")
        kind = {1: "χ", 0: "χ + χ̄", -1: "2χ"}
        characters = "" if len(parts) > 1 else f" ({kind[parts[0].indicator]})"
        reflections = f"≤ {factors} reflections" if factors > 1 else "a reflection or nothing"
        noun = "representation" if len(parts) == 1 else "representations"
        how = f"{noun} of degree {degrees}{characters}: a token is {reflections}"
    return Row(name, title, answer, f"{how}; {_why_not_fewer(detail)}")


def _why_not_fewer(detail: Householders) -> str:
    if detail.is_least:
        return (
            "not fewer: some token has order > 2" if detail.found == 2 else "not fewer: some token is not the identity"
        )
    if detail.twisted < detail.own:
        return f"at least {detail.least}"
    return f"fewer cannot by representations of its own; those of larger groups need at least {detail.least}"


def _never(group: Group | PermutationGroup | AbelianGroup, name: str, title: str, reason: str) -> Row:
    """A row of a family that tracks no group at any depth."""
    return Row(name, title, "never" if group.order > 1 else "0 layers", reason)


def _reflections(
    group: Group | PermutationGroup | AbelianGroup, factors: int | None, name: str, title: str, remark: str = ""
) -> Row:
    """A row of a family whose token of finite order is one reflection or nothing."""
    if factors is None:
        return Row(name, title, "1 layer", remark or "each element spelt with several tokens, one reflection each")
    if factors == 0:
        return Row(name, title, "0 layers", "the trivial group needs no layer")
    if factors == 1:
        return Row(name, title, "1 layer", remark or "every token is a reflection")
    return Row(name, title, f"1 layer, {factors} tokens each", remark or "an element is spelt, a reflection a token")


def _path(group: Group | PermutationGroup | AbelianGroup, factors: int | None) -> Row:
    """PaTH attention: the keys of the past are multiplied by I - β w wᵀ, β ≤ 2, and read through a softmax."""
    row = _reflections(group, factors, "path", "PaTH attention, β ≤ 2")
    if group.order == 1:
        return row
    return Row(
        row.name,
        row.title,
        "1 layer, to a horizon",
        "reflections move the first token's key, until the softmax over all tokens drowns it",
    )


def _pd_ssm(group: Group | PermutationGroup | AbelianGroup, depth: int | None) -> Row:
    if group.order == 1:
        return Row("pd_ssm", "PD-SSM", "0 layers", "the trivial group needs no layer")
    states, how = group.order, "the group acts on itself"
    moved = _moved(group)
    if moved < states:
        states, how = moved, "one state for each point that the group moves"
    return Row("pd_ssm", "PD-SSM", f"1 layer, {counted(states, 'state')}", f"{how}; maybe fewer")


def _mamba3(group: Group | PermutationGroup | AbelianGroup, depth: int | None) -> Row:
    decay = f"a token that turns its state by t turns shrinks it by exp(-{2 * MAMBA3_LEAST_DECAY:g}·t) or more"
    if group.order == 1:
        return Row("mamba_3", "Mamba-3", "0 layers", "the trivial group needs no layer")
    if depth is None:
        return Row("mamba_3", "Mamba-3", "never", "not solvable; a layer is a diagonal recurrence with decay")
    return Row("mamba_3", "Mamba-3", f"{counted(depth, 'layer')}, to a horizon", f"not for ever: {decay}")
