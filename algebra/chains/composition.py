"""Composition factors of permutation groups too large to list, and the Fitting length of solvable ones.

The derived series leaves a perfect group. It acts on an orbit, and on the blocks of an orbit: image and kernel are
smaller. What remains is perfect and primitive, and by the O'Nan-Scott theorem, the classification (Out(T) is solvable
for T simple) and its small degree it is affine, or simple, or T × T:

- perfect groups have no homomorphism onto a solvable group other than 1, so a perfect almost simple group is simple,
  and one that permutes fewer than five factors of its socle permutes none;
- so on n < 3,125 = 5⁵ points there is no product action and no twisted wreath product, and the only diagonal type is
  T × T on |T| points;
- an affine group is p^k:H on p^k points, H ≤ GL(k, p) perfect.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ..arithmetic.finite_field import factorise
from ..arithmetic.permutations import Permutations, on_blocks, point_orbits, restricted
from ..arithmetic.permutations import order as permutation_order
from ..arithmetic.simple_names import simple_name
from .kernels import Element, Encoding, commutator, order, sift
from .order_bounds import block_systems
from .schreier_sims import ChainBuilder, random_member, random_products
from .series import derived_series, few_generators, normal_closure
from .stabiliser_chain import StabiliserChain, derived_subgroup

FEWEST_FACTORS_MOVED = 5**5
"""On fewer points a perfect primitive group is affine, simple or T × T."""

MOST_ELEMENTS = 100_000
"""Random elements of a kernel; each doubles what has been found, half of the time, until that is the kernel."""

AFFINE_TRIES = 300
"""Random elements among whose powers a normal subgroup of an affine group is sought."""


Factor = tuple[int, str]
"""The order and the name of a simple group."""


class UndecidedError(InputError):
    """The composition factors were not found."""


def composition_factors(chain: StabiliserChain) -> Counter[Factor]:
    """The composition factors by order and name, with how often each occurs.

    Raises:
        UndecidedError: a primitive group on many points, or one that could not be shown to be affine or simple.

    >>> chain = StabiliserChain([[1, 2, 3, 4, 0], [1, 0, 2, 3, 4]])
    >>> sorted(composition_factors(chain).items())
    [((2, 'C2'), 1), ((60, 'A5'), 1)]
    """
    if chain.known_factors is not None:
        return Counter(chain.known_factors)
    found: Counter[Factor] = Counter()
    terms = derived_series(chain)
    for upper, lower in pairwise(terms):
        found += _abelian(factorise(upper.order // lower.order))
    if terms[-1].order > 1:
        found += _perfect(terms[-1])
    chain.known_factors = dict(found)
    return found


def _abelian(primes: dict[int, int]) -> Counter[Factor]:
    return Counter({(p, f"C{p}"): times for p, times in primes.items()})


def _simple(chain: StabiliserChain, times: int = 1, order: int = 0) -> Counter[Factor]:
    """A simple group, by its order (its own, if it is not given)."""
    order = order or chain.order
    if order == 20160 and times == 1:
        name: str | None = "A8" if _has_order_six(chain) else "PSL(3,4)"
    else:
        name = simple_name(order)
    return Counter({(order, name or f"a simple group of order {order:,}"): times})


def _perfect(chain: StabiliserChain) -> Counter[Factor]:
    rows = chain.generators
    moved = np.flatnonzero((rows != np.arange(chain.degree)).any(axis=0))
    if chain.order == factorial(len(moved)) // 2:
        return Counter({(chain.order, f"A{len(moved)}"): 1})
    orbits = [one for one in point_orbits(rows) if len(one) > 1]
    orbit = min(orbits, key=len)
    if len(orbit) < len(moved):
        if len(orbits) > 2 and (found := _one_simple_group(chain, [restricted(rows, one) for one in orbits])):
            return found
        return _split(chain, restricted(rows, orbit))
    rows = restricted(rows, orbit)
    system = next(blocks(chain, rows, orbit), None)
    if system is not None:
        return _split(chain, on_blocks(rows, system))
    return _primitive(chain, len(orbit), int(orbit[0]))


def _one_simple_group(chain: StabiliserChain, images: Sequence[Permutations]) -> Counter[Factor] | None:
    """The factors of a perfect group that does one simple group T on each of its orbits: it is a power of T, as every
    subdirect product of copies of T is. None for others."""
    factor: Factor | None = None
    for rows in images:
        found = composition_factors(StabiliserChain(rows))
        if found.total() > 1 or factor not in (None, *found):
            return None
        (factor,) = found
    assert factor is not None  # there are orbits
    times, left = 0, chain.order
    while left > 1:
        times, left = times + 1, left // factor[0]
    return Counter({factor: times})


def _split(chain: StabiliserChain, images: Permutations) -> Counter[Factor]:
    """Factors of the image of an action, which is given by what the generators do, and of its kernel."""
    image = StabiliserChain(images)
    found = composition_factors(image)
    return found + composition_factors(kernel(chain, images, image)) if image.order < chain.order else found


def kernel(chain: StabiliserChain, images: Permutations, image: StabiliserChain) -> StabiliserChain:
    """The kernel of an action of the group.

    A chain is made of permutations of the points acted on, followed by the group's own; its base points are of the
    first kind, and what a random element leaves when it is sifted fixes all of these: it is a random element of the
    kernel.

    Arguments:
        images: what the group's generators do, shape (r, points).
        image: the group that these generate.
    """
    count, degree = images.shape[1], chain.degree
    rows = np.concatenate([images.astype(np.intp), chain.generators.astype(np.intp) + count], axis=1)
    encoding = Encoding(count + degree)
    source = random.Random(chain.seed)
    elements = [Element(encoding.encode(row), encoding) for row in rows]
    builder = ChainBuilder(encoding)
    product = _products([element for element in elements if element.code != encoding.identity], encoding, source)
    while order(builder.levels) < image.order:
        encoding.spend(1 + len(builder.levels))
        left = sift(builder.levels, next(product))[0]
        if any(left[point] != point for point in range(count)):
            builder.add(Element(left, encoding))
    inner = Encoding(degree)
    kernel_builder = ChainBuilder(inner)
    found: list[Element] = []
    for _ in range(MOST_ELEMENTS):
        if image.order * order(kernel_builder.levels) == chain.order:  # the order is known: nothing is left to prove
            return StabiliserChain.from_levels(inner, kernel_builder.levels, found, chain.seed)
        encoding.spend(1 + len(builder.levels))
        left = encoding.decode([sift(builder.levels, next(product))[0]])[0].astype(np.intp)[count:] - count
        code = inner.encode(left)
        if kernel_builder.absorb(code):
            found.append(Element(code, inner))
    raise UndecidedError("the kernel of an action was not found")


def _products(elements: Sequence[Element], encoding: Encoding, source: random.Random) -> Iterator[bytes]:
    return random_products(elements, [], encoding, source)


def blocks(chain: StabiliserChain, rows: Permutations, orbit: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Systems of smallest blocks of a transitive group that contains a group, on one orbit of it or a union of some.

    Arguments:
        chain: the group contained.
        rows: what generators of the transitive group do, numbered within the orbit.
        orbit: its points.
    """
    own = restricted(_stabiliser_elements(chain, int(orbit[0])), orbit)  # finer orbits only take longer
    return block_systems(rows, 0, [int(part[0]) for part in point_orbits(own) if part[0]])


def _stabiliser_elements(chain: StabiliserChain, point: int, count: int = 6) -> Permutations:
    """Random elements of a point's stabiliser, shape (count, degree)."""
    generator = np.random.default_rng(chain.seed)
    found: dict[int, NDArray[np.intp]] = {}
    stabilising: list[NDArray[np.intp]] = []
    while len(stabilising) < count:
        for row in chain.random(generator, 16).astype(np.intp):
            image = int(row[point])
            if image == point:
                stabilising.append(row)
            elif image in found:
                stabilising.append(np.argsort(found[image])[row])
            else:
                found[image] = row
    return np.array(stabilising)


def _primitive(chain: StabiliserChain, degree: int, point: int) -> Counter[Factor]:
    if degree >= FEWEST_FACTORS_MOVED:
        raise UndecidedError(f"a primitive group on {degree:,} points; fewer than {FEWEST_FACTORS_MOVED:,} are decided")
    if degree >= 60 and simple_name(degree) not in (None, f"C{degree}"):
        if chain.order == degree**2 and simple_name(chain.order) is None:
            return _simple(chain, 2, degree)
        if chain.order == degree**2:
            raise UndecidedError(f"a primitive group of order {chain.order:,} on {degree:,} points")
        return _simple(chain)
    if is_surely_not_affine(chain, degree, point):
        return _simple(chain)
    ((p, k),) = factorise(degree).items()
    if translations(chain, degree) is None:
        raise UndecidedError(
            f"a primitive group on {degree:,} points that was shown neither to be affine nor not to be"
        )
    return _abelian({p: k}) + composition_factors(stabiliser(chain, point))


def translations(chain: StabiliserChain, degree: int) -> StabiliserChain | None:
    """The regular normal subgroup of a primitive group on p^k points, or of one transitive and normal in it, if it is
    elementary abelian; None where it was not found."""
    ((p, _),) = factorise(degree).items()
    source = np.random.default_rng(chain.seed)
    for row in chain.random(source, AFFINE_TRIES).astype(np.intp):
        times = permutation_order(row)
        if times % p:
            continue
        power = np.arange(chain.degree)
        for _ in range(times // p):
            power = row[power]
        if np.count_nonzero(power != np.arange(chain.degree)) < degree:
            continue
        if all(_commute(power, power_of) for power_of in _conjugates(power, chain)):
            normal = normal_closure(chain, power[None])
            if normal.order == degree:
                return normal
    return None


def _conjugates(power: NDArray[np.intp], chain: StabiliserChain) -> Iterable[NDArray[np.intp]]:
    for g in chain.generators.astype(np.intp):
        yield g[power[np.argsort(g)]]


def _commute(a: NDArray[np.intp], b: NDArray[np.intp]) -> bool:
    return bool((a[b] == b[a]).all())


def stabiliser(chain: StabiliserChain, point: int) -> StabiliserChain:
    """The stabiliser of a point. Raises `UndecidedError` where it was not found."""
    orbit = next(len(one) for one in point_orbits(chain.generators) if point in one)
    wanted = chain.order // orbit
    for size in range(2, 60):
        found = StabiliserChain(_stabiliser_elements(chain, point, size), bound=wanted)
        if found.order == wanted:
            return found
    raise UndecidedError("a point's stabiliser was not found")


def is_surely_not_affine(chain: StabiliserChain, degree: int, point: int) -> bool:
    """Whether a perfect transitive group other than 1 is no p^k:H on p^k points, by the orders of its parts."""
    ((p, k), *more) = factorise(degree).items()
    return bool(more) or k == 1 or not _may_be_affine(chain, p, k, point)


def _may_be_affine(chain: StabiliserChain, p: int, k: int, point: int) -> bool:
    """Whether the stabiliser of a point is perfect and its order divides that of GL(k, p), as in a perfect p^k:H."""
    if prod(p**k - p**i for i in range(k)) % (chain.order // p**k):
        return False
    found = stabiliser(chain, point)
    return derived_subgroup(found).order == found.order


def composition_names(chain: StabiliserChain) -> tuple[str, ...]:
    """The composition factors by name, those that are not abelian first, the largest first.

    Raises:
        UndecidedError: as `composition_factors`.

    >>> composition_names(StabiliserChain([[1, 2, 3, 4, 0], [1, 0, 2, 3, 4]]))
    ('A5', 'C2')
    """
    found = composition_factors(chain)
    ranked = sorted(found, key=lambda factor: (factor[1] == f"C{factor[0]}", -factor[0]))
    return tuple(name for order, name in ranked for _ in range(found[order, name]))


def _has_order_six(chain: StabiliserChain) -> bool:
    """Whether a group of order 20,160 has an element of order 6: A8 has, PSL(3,4) has not."""
    rows = chain.elements(20160 * chain.degree).astype(np.intp)
    square = np.take_along_axis(rows, rows, axis=1)
    cube = np.take_along_axis(rows, square, axis=1)
    sixth = np.take_along_axis(cube, cube, axis=1)
    unit = np.arange(chain.degree)
    return bool(((sixth == unit).all(axis=1) & (cube != unit).any(axis=1) & (square != unit).any(axis=1)).any())


def insoluble_subgroup(chain: StabiliserChain, limit: int) -> StabiliserChain | None:
    """A perfect subgroup other than 1 of at most `limit` elements; None where the group is solvable or none was found.

    It is the perfect residual of the stabiliser of as many base points as leave that insoluble.

    >>> insoluble_subgroup(StabiliserChain([[1, 2, 3, 4, 5, 6, 0], [1, 0, 2, 3, 4, 5, 6]]), 100).order
    60
    """
    encoding, source = chain.encoding, random.Random(chain.seed)
    for fixed in reversed(range(len(chain.levels))):
        below = chain.levels[fixed:]
        for size in (2, 3, 4, 8, 16):
            rows = encoding.decode([random_member(below, encoding, source) for _ in range(size)])
            stabiliser = StabiliserChain(rows, bound=order(below))
            if stabiliser.order == order(below):
                break
        if not stabiliser.is_solvable:
            residual = few_generators(derived_series(stabiliser)[-1])
            return residual if residual.order <= limit else None
    return None


def fitting_length(chain: StabiliserChain) -> int | None:
    """The least length of a series with nilpotent factors; None for a group that is not solvable.

    It is the length of G ≥ γ(G) ≥ γ(γ(G)) ≥ …, where γ(H) is the last term of the lower central series of H.

    >>> fitting_length(StabiliserChain([[1, 2, 3, 0], [1, 0, 2, 3]]))
    3
    """
    if not chain.is_solvable:
        return None
    length = 0
    while chain.order > 1:
        term, following = chain, derived_subgroup(chain)
        while following.order < term.order:
            term, following = following, _commutators(following, chain)
        chain = term
        length += 1
    return length


def _commutators(normal: StabiliserChain, chain: StabiliserChain) -> StabiliserChain:
    """[N, G] for a normal subgroup N: the normal closure of the commutators of generators."""
    encoding = chain.encoding
    codes = dict.fromkeys(commutator(a, b) for a in normal.moving_elements for b in chain.moving_elements)
    rows = encoding.decode([code for code in codes if code != encoding.identity])
    return normal_closure(chain, rows) if len(rows) else StabiliserChain(np.arange(chain.degree)[None])
