"""Normal subgroups and series of permutation groups, by stabiliser chains: nothing lists elements.

Groups are `StabiliserChain`s, and so are the answers. Where a group is solvable its derived series came with its
chain; where it is not, derived subgroups are normal closures, whose orders random Schreier–Sims proves.
"""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import ArrayLike

from ...common.descent import descending
from ...common.errors import InputError
from .kernels import Code, Element, extend
from .schreier_sims import random_products
from .solvable import NotSolvableError, SolvableTower
from .stabiliser_chain import (
    StabiliserChain,
    abelian_factor,
    derived_subgroup,
    insoluble_closure,
    permutation_rows,
)

ATTEMPTS = 4
"""How often `few_generators` tries each number of random elements."""


def normal_closure(chain: StabiliserChain, generators: ArrayLike) -> StabiliserChain:
    """The smallest normal subgroup of the group that contains the permutations, shape (r, degree).

    Raises:
        InputError: not permutations of the group's degree, or not elements of the group.
    """
    rows = permutation_rows(np.asarray(generators), chain.degree)
    inside = chain.contains(rows)
    if not inside.all():
        raise InputError(
            f"row {int(np.argmin(inside))} is not in the group of order {chain.order}; wanted elements of the group"
        )
    return _closure(chain, [chain.encoding.encode(row) for row in rows])


def _closure(chain: StabiliserChain, codes: list[Code]) -> StabiliserChain:
    """The normal closure of some elements of the group."""
    encoding = chain.encoding
    codes = [code for code in codes if code != encoding.identity]
    try:
        return StabiliserChain.from_tower(SolvableTower(codes, chain.moving_elements, encoding), encoding, chain.seed)
    except NotSolvableError:
        normal = [Element(code, encoding) for code in codes]
        source = random.Random(chain.seed)
        elements = random_products(normal, chain.levels, encoding, source)
        return insoluble_closure(chain, normal, elements, source, chain.order)


def derived_series(chain: StabiliserChain) -> list[StabiliserChain]:
    """G, G', G'', … as long as the terms get smaller: the last is trivial, or perfect where G is not solvable."""
    return list(descending(chain, derived_subgroup))


def perfect_residual(chain: StabiliserChain) -> StabiliserChain:
    """The last term of the derived series, trivial for a solvable group: the largest perfect subgroup."""
    return derived_series(chain)[-1]


def is_perfect(chain: StabiliserChain) -> bool:
    """Whether the group is its own derived subgroup; the trivial group is."""
    return derived_subgroup(chain) is chain


def verbal_subgroup(chain: StabiliserChain, exponent: int | None) -> StabiliserChain:
    """[V, V]·V^m: the smallest normal subgroup of V with an abelian factor of exponent dividing m.

    Arguments:
        chain: the group V.
        exponent: m; None or 0 for no condition on the exponent, so that [V, V] is the answer; 1 gives V itself.

    Raises:
        InputError: a negative exponent.
    """
    if exponent is not None and exponent < 0:
        raise InputError(f"exponent {exponent}; wanted None, or an integer at least 0, e.g. 2")
    if exponent == 1:
        return chain
    below = derived_subgroup(chain)
    if not exponent:
        return below
    if below is chain:
        return chain
    if chain.giant:  # odd powers of transpositions are transpositions, and all squares are even
        return chain if exponent % 2 else below
    encoding = chain.encoding
    levels, generators = below.levels, list(below.elements_given)
    for element in chain.moving_elements:  # modulo [V, V], the m-th powers of generators generate all m-th powers
        power = encoding.power(element.code, exponent)
        levels, index = extend(levels, power, encoding)
        if index > 1:
            generators.append(Element(power, encoding))
    if len(generators) == len(below.elements_given):
        return below
    verbal = StabiliserChain.from_levels(encoding, levels, generators, chain.seed)
    return chain if verbal.order == chain.order else verbal


def few_generators(chain: StabiliserChain) -> StabiliserChain:
    """The same group with a small generating set: random elements, from as few as its abelian factor leaves possible.

    Chains of subgroups come with a generator for every step in which they were built; what conjugates by
    generators, or feeds them to a network, wants fewer. The random choices are seeded by the chain's seed.
    """
    rank = len(abelian_factor(chain, derived_subgroup(chain)).moduli)
    source = np.random.default_rng(chain.seed)
    for count in range(rank if chain.is_solvable else max(rank, 2), len(chain.moving_elements)):
        for _ in range(ATTEMPTS):
            candidate = StabiliserChain(chain.random(source, count), seed=chain.seed)
            if candidate.order == chain.order:
                return candidate
    return chain
