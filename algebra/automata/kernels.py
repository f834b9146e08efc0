"""The listing of a transition monoid, compiled by numba: the elements, their numbers and their order are those of the
plain listing in `algebra.automata.monoid`."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def list_monoid(
    columns: NDArray[np.unsignedinteger], limit: int
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int32], NDArray[np.int32]]:
    """Elements, their products with letters on the right, and origins, as in `Listing`.

    Elements are looked up in an open table of their numbers; those with one hash are compared in full.

    Arguments:
        columns: shape (letters, states): where each letter leads each state.
    """
    letters, states = columns.shape
    room, size = 4096, 16384  # elements, places in the table
    elements = np.empty((room, states), columns.dtype)
    right = np.empty((room, letters), np.int32)
    origin = np.empty((room, 2), np.int32)
    hashes = np.empty(room, np.uint64)
    table = np.full(size, -1, np.int32)
    image = np.empty(states, columns.dtype)
    seed, factor, shift = np.uint64(14695981039346656037), np.uint64(1099511628211), np.uint64(29)
    count, here, x = 0, -1, 0
    while here < count:  # the identity is entered as element -1 times no letter
        h = seed
        for q in range(states):
            image[q] = q if here < 0 else columns[x, elements[here, q]]
            h = (h ^ np.uint64(image[q])) * factor
        h ^= h >> shift
        place = np.int64(h & np.uint64(size - 1))
        found = np.int64(-1)
        while table[place] >= 0:
            other = table[place]
            if hashes[other] == h:
                same = True
                for q in range(states):
                    if elements[other, q] != image[q]:
                        same = False
                        break
                if same:
                    found = np.int64(other)
                    break
            place = (place + 1) & (size - 1)
        if found < 0:
            if count == limit:
                break
            if count == room:
                room *= 2
                elements, old_elements = np.empty((room, states), columns.dtype), elements
                right, old_right = np.empty((room, letters), np.int32), right
                origin, old_origin = np.empty((room, 2), np.int32), origin
                hashes, old_hashes = np.empty(room, np.uint64), hashes
                elements[:count], right[:count], origin[:count] = old_elements, old_right, old_origin
                hashes[:count] = old_hashes
            found = np.int64(count)
            elements[count], hashes[count] = image, h
            origin[count, 0] = here
            origin[count, 1] = x if here >= 0 else -1
            table[place] = count
            count += 1
            if 2 * count > size:
                size *= 4
                table = np.full(size, -1, np.int32)
                for i in range(count):
                    spot = np.int64(hashes[i] & np.uint64(size - 1))
                    while table[spot] >= 0:
                        spot = (spot + 1) & (size - 1)
                    table[spot] = i
        if here < 0:
            here = 0
            continue
        right[here, x] = found
        x += 1
        if x == letters:
            x = 0
            here += 1
    return elements[:count], right[:here], origin[:count]
