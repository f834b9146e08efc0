"""Groups by generators and relators: Todd and Coxeter's enumeration of cosets, in the order of Haselgrove, Leech and
Trotter (Holt, Eick and O'Brien, Handbook of Computational Group Theory, 2005, chapter 5).

A complete table proves the index; nothing proves that a table will ever be complete. So the enumeration stops at a
bound, and where it does, the group is shown to be infinite if an abelian factor of it, or of its derived subgroup, is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from ...common.errors import InputError
from ...common.packages import installed
from ..arithmetic.integer_matrices import smith_normal_form
from ..arithmetic.permutations import MAX_DEGREE, Permutations, rows
from .permutation_group import PermutationGroup

Word = tuple[int, ...]
"""Letters 1, 2, … for generators, -1, -2, … for their inverses."""

FEW_COSETS, FIRST_COSETS, MAX_COSETS = 2_000, 20_000, 1_000_000
"""Most cosets that are defined at first, then, and at all (compiled; a tenth of them where numba is not installed)."""

MAX_LETTERS = 1 << 16
"""Of all relators together."""

MAX_COVER = 150
"""Columns of the largest matrix by which a derived subgroup is shown to be infinite."""


def _enumerate(table: Any, parent: Any, queue: Any, words: Any, starts: Any, given: int, width: int, limit: int) -> int:
    """Fill a table of cosets; how many were defined, or -1 where they would be more than the limit.

    Plain Python on lists, and compiled by numba on arrays: the same program.

    Arguments:
        table: entry c·width + x is where letter x leads from coset c, -1 for not known; letter x ^ 1 undoes x.
        parent: for each coset itself, or a smaller one that it was found to equal.
        queue: room for cosets that are to be removed.
        words, starts: the words one after the other, and where each begins; the first `given` generate the subgroup,
            the others are relators.
    """
    count, parent[0] = 1, 0
    here = 0
    while here < count:
        if parent[here] != here:
            here += 1
            continue
        last = len(starts) - 1 + width  # after the words, each letter by itself: every entry is filled
        for number in range(0 if here == 0 else given, last):
            if number < len(starts) - 1:
                i, j = starts[number], starts[number + 1] - 1
            else:
                x = number - len(starts) + 1
                if table[here * width + x] < 0:
                    if count >= limit:
                        return -1
                    table[here * width + x] = count
                    table[count * width + (x ^ 1)] = here
                    parent[count] = count
                    count += 1
                continue
            front = back = here
            while True:
                while i <= j and table[front * width + words[i]] >= 0:
                    front = table[front * width + words[i]]
                    i += 1
                if i > j:
                    break
                while j >= i and table[back * width + (words[j] ^ 1)] >= 0:
                    back = table[back * width + (words[j] ^ 1)]
                    j -= 1
                if j < i:
                    break
                if j == i:
                    table[front * width + words[i]] = back
                    table[back * width + (words[i] ^ 1)] = front
                    front = back
                    break
                if count >= limit:
                    return -1
                table[front * width + words[i]] = count
                table[count * width + (words[i] ^ 1)] = front
                parent[count] = count
                count += 1
            if front == back:
                continue
            # front and back are one coset: so are those that their letters lead to
            size, done = 0, 0
            first, second = front, back
            while True:
                while parent[first] != first:
                    parent[first] = parent[parent[first]]
                    first = parent[first]
                while parent[second] != second:
                    parent[second] = parent[parent[second]]
                    second = parent[second]
                if first != second:
                    if first > second:
                        first, second = second, first
                    parent[second] = first
                    queue[size] = second
                    size += 1
                # one entry of the coset that is being removed at a time
                found = False
                while done < size * width:
                    removed, x = queue[done // width], done % width
                    done += 1
                    target = table[removed * width + x]
                    if target < 0:
                        continue
                    table[removed * width + x] = -1
                    if table[target * width + (x ^ 1)] == removed:
                        table[target * width + (x ^ 1)] = -1
                    start, end = removed, target
                    while parent[start] != start:
                        start = parent[start]
                    while parent[end] != end:
                        end = parent[end]
                    if table[start * width + x] >= 0:
                        first, second = table[start * width + x], end
                        found = True
                    elif table[end * width + (x ^ 1)] >= 0:
                        first, second = table[end * width + (x ^ 1)], start
                        found = True
                    else:
                        table[start * width + x] = end
                        table[end * width + (x ^ 1)] = start
                    if found:
                        break
                if not found:
                    break
            if parent[here] != here:
                break
        here += 1
    return count


_compiled: list[Callable[..., int]] = []


def cosets(count: int, relators: Sequence[Word], subgroup: Sequence[Word], limit: int) -> Permutations | None:
    """What `count` generators do with the cosets of a subgroup, shape (count, index); coset 0 is the subgroup. None
    where more than `limit` cosets would be defined on the way.

    >>> cosets(2, [(1, 1), (2, 2, 2), (1, 2, 1, 2)], [(1,)], 100).shape
    (2, 3)
    """
    width = 2 * count
    letters = [[2 * x - 2 if x > 0 else -2 * x - 1 for x in word] for word in (*subgroup, *relators) if word]
    starts = [0]
    for word in letters:
        starts.append(starts[-1] + len(word))
    flat = [x for word in letters for x in word]
    given = sum(1 for word in subgroup if word)
    if limit > FIRST_COSETS and installed("numba"):
        if not _compiled:
            import numba

            _compiled.append(numba.njit(cache=True)(_enumerate))
        table: Any = np.full(limit * width, -1, dtype=np.int32)
        parent: Any = np.zeros(limit, dtype=np.int32)
        queue: Any = np.zeros(limit, dtype=np.int32)
        used = _compiled[0](table, parent, queue, np.array(flat), np.array(starts), given, width, limit)
    else:
        table, parent, queue = [-1] * (limit * width), [0] * limit, [0] * limit
        used = _enumerate(table, parent, queue, flat, starts, given, width, limit)
    if used < 0:
        return None
    entries = np.array(table[: used * width], dtype=np.intp).reshape(used, width)
    live = np.flatnonzero(np.array(parent[:used]) == np.arange(used))
    number = np.full(used, -1)
    number[live] = np.arange(len(live))
    return rows(list(number[entries[live, ::2]].T), len(live))


def abelian_invariants(count: int, relators: Sequence[Word]) -> list[int]:
    """The abelian factor group's invariants, 0 for each infinite cyclic factor; none of them 1."""
    triangle = [[0] * count for _ in range(count)]  # row i begins at column i
    for word in relators:
        row = [word.count(x) - word.count(-x) for x in range(1, count + 1)]
        for i, pivot in enumerate(triangle):
            while row[i]:  # Euclid's algorithm on the leading entries
                factor = pivot[i] // row[i]
                pivot[:], row = row, [a - factor * b for a, b in zip(pivot, row, strict=True)]
    return [n for n in smith_normal_form(triangle)[0] if n != 1]


def presented_group(name: str, count: int, relators: Sequence[Word]) -> PermutationGroup:
    """The finite group of some generators and relators, on the cosets of a subgroup that acts faithfully.

    Raises:
        InputError: the group is infinite (and why), or the enumeration was stopped at its bound.
    """
    if sum(map(len, relators)) > MAX_LETTERS:
        raise InputError(
            f"{name}: relators of more than {MAX_LETTERS:,} letters; give permutations, e.g. '(1,2,3), (1,2)'"
        )
    invariants = abelian_invariants(count, relators)
    if 0 in invariants:
        raise InputError(f"{name} is infinite: so is its largest abelian factor, {_abelian_text(invariants)}")
    most = min(MAX_COSETS if installed("numba") else MAX_COSETS // 10, 2**26 // (2 * count))
    for limit in (FEW_COSETS, FIRST_COSETS, most):
        found = _faithful(count, relators, limit)
        if found is None and (regular := cosets(count, relators, [], limit)) is not None:
            found = regular, regular.shape[1]
        if found is not None:
            return _checked(name, *_on_fewer_points(count, relators, *found))
        reason = _why_infinite(count, relators, prod(invariants)) if limit == FIRST_COSETS else ""
        if reason:
            raise InputError(f"{name} is infinite: {reason}")
    raise InputError(
        f"{name}: stopped after {most:,} cosets; it is infinite, or too large: give more relators, or generators as "
        "permutations, e.g. (1,2,3),(1,2)"
    )


def _faithful(count: int, relators: Sequence[Word], limit: int) -> tuple[Permutations, int] | None:
    """The group's action on the cosets of the subgroup H of all generators but one, and its order, where the action is
    faithful; None where that was not found.

    H has at most as many elements as the group presented by the relators that mention its generators alone. If the
    action has |G:H| times as many, so has G, and the action is faithful.
    """
    from ..chains.stabiliser_chain import StabiliserChain

    if count == 1:
        return None
    for left_out in dict.fromkeys((count, 1)):
        kept = [x for x in range(1, count + 1) if x != left_out]
        own = {sign * x: sign * number for number, x in enumerate(kept, 1) for sign in (1, -1)}
        inside = [tuple(own[x] for x in word) for word in relators if all(x in own for x in word)]
        if 0 in abelian_invariants(count - 1, inside):
            continue
        found = cosets(count, relators, [(x,) for x in kept], limit)
        if found is None or found.shape[1] > MAX_DEGREE:
            continue
        below = _faithful(count - 1, inside, limit)
        most = below[1] if below else None
        if most is None and (regular := cosets(count - 1, inside, [], limit)) is not None:
            most = regular.shape[1]
        if most is None:
            continue
        order = most * found.shape[1]
        if StabiliserChain(found, bound=order).order == order:
            return found, order
    return None


def _on_fewer_points(count: int, relators: Sequence[Word], found: Permutations, order: int) -> tuple[Permutations, int]:
    """The group on the cosets of other subgroups of some generators, where that is faithful."""
    from ..chains.stabiliser_chain import StabiliserChain

    letters = range(1, count + 1)
    tried: list[list[Word]] = [[(x,), (y,)] for x, y in combinations(letters, 2)] if count > 2 else []
    tried += [[(x,), (-y, x, y)] for x in letters for y in letters if x != y] + [[(x,)] for x in letters]
    tried += [[(x, y)] for x, y in combinations(letters, 2)]
    for subgroup in tried[:16] if order > 6 else []:
        smaller = cosets(count, relators, subgroup, FEW_COSETS)
        if smaller is None or not 1 < smaller.shape[1] < found.shape[1]:
            continue
        if StabiliserChain(smaller, bound=order).order == order:
            found = smaller
    return found, order


def _checked(name: str, found: Permutations, order: int) -> PermutationGroup:
    if order == 1:
        return PermutationGroup(name, np.zeros((0, 1), dtype=np.uint8), 1)
    if found.shape[1] > MAX_DEGREE:
        raise InputError(
            f"{name} has order {order:,}, and acts on {found.shape[1]:,} cosets; at most {MAX_DEGREE:,} points can be "
            "handled: give generators as permutations, e.g. (1,2,3),(1,2)"
        )
    return PermutationGroup(name, found, order)


def _abelian_text(invariants: Sequence[int]) -> str:
    return "x".join("Z" if n == 0 else f"C{n}" for n in sorted(invariants, key=lambda n: (n == 0, n)))


def _why_infinite(count: int, relators: Sequence[Word], index: int) -> str:
    """Why a group with a finite abelian factor of this order is infinite, if its derived subgroup shows it.

    The derived subgroup's abelian factor has the rank (edges) - (relators' rank) - (vertices - 1) of the complex that
    covers the presentation's.
    """
    if index * count > MAX_COVER:
        return ""
    commutators = [(-x, -y, x, y) for x, y in combinations(range(1, count + 1), 2)]
    action = cosets(count, [*relators, *commutators], [], FIRST_COSETS)
    if action is None:
        return ""
    forward = action.astype(np.intp)
    backward = np.argsort(forward, axis=1)
    matrix = []
    for start in range(index):
        for word in relators:
            row, here = [0] * (index * count), start
            for x in word:
                if x > 0:
                    row[here * count + x - 1] += 1
                    here = int(forward[x - 1, here])
                else:
                    here = int(backward[-x - 1, here])
                    row[here * count - x - 1] -= 1
            matrix.append(row)
    rank = index * count - _rank(matrix) - (index - 1)
    return f"so is the abelian factor of its derived subgroup, of rank {rank}" if rank > 0 else ""


def _rank(matrix: list[list[int]]) -> int:
    """The rank over the rational numbers, by elimination without fractions."""
    from math import gcd

    left = [row for row in dict.fromkeys(map(tuple, matrix)) if any(row)]
    rank = 0
    while left:
        pivot = min(left, key=lambda row: sum(map(abs, row)))
        column = next(i for i, entry in enumerate(pivot) if entry)
        rank += 1
        reduced = []
        for row in left:
            if row is pivot:
                continue
            if row[column]:
                row = tuple(pivot[column] * a - row[column] * b for a, b in zip(row, pivot, strict=True))
                divisor = gcd(*row)
                if not divisor:
                    continue
                row = tuple(a // divisor for a in row)
            reduced.append(row)
        left = list(dict.fromkeys(reduced))
    return rank
