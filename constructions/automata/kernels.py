"""Loops over the states of a machine, compiled by numba: what `constructions.automata.machine` decides with NumPy, one
state after the other. They stop at the first state that says no, which is what most questions of a search come to."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def refined(case: NDArray[np.int32], residues: NDArray[np.int32], channel: int) -> tuple[NDArray[np.int32], int]:
    """Cases split by the residue of one more channel, numbered as they are met; and how many there are."""
    count = len(case)
    size = 16
    while size < 2 * count:
        size *= 2
    table = np.full(size, -1, np.int32)  # an open table of the first state of each case
    found = np.empty(count, np.int32)
    cases = 0
    for s in range(count):
        h = np.uint64(case[s]) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(residues[s, channel])
        h = (h ^ (h >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        place = np.int64((h >> np.uint64(32)) & np.uint64(size - 1))
        while True:
            other = table[place]
            if other < 0:
                table[place] = s
                found[s] = cases
                cases += 1
                break
            if case[other] == case[s] and residues[other, channel] == residues[s, channel]:
                found[s] = found[other]
                break
            place = (place + 1) & (size - 1)
    return found, cases


@njit(cache=True)
def fits(
    case: NDArray[np.int32],
    cases: int,
    residues: NDArray[np.int32],
    following: NDArray[np.int32],
    channel: int,
    modulus: int,
    turns: bool,
    resets: bool,
) -> bool:
    """Whether every token, in every case, adds a constant to a channel (only 0 unless it `turns`), or sets it to a
    value (where the layer `resets`)."""
    letters = following.shape[1]
    first = np.full(cases, -1, np.int32)
    constant = np.full(cases * letters, resets, np.bool_)
    steady = np.ones(cases * letters, np.bool_)
    for s in range(len(case)):
        k = case[s]
        own = residues[s, channel]
        if first[k] < 0:
            first[k] = s
        f = first[k]
        for x in range(letters):
            new = residues[following[s, x], channel]
            before = residues[following[f, x], channel]
            place = k * letters + x
            if steady[place]:
                moved = (new - own) % modulus
                if moved != (before - residues[f, channel]) % modulus or (moved != 0 and not turns):
                    steady[place] = False
            if constant[place] and new != before:
                constant[place] = False
            if not steady[place] and not constant[place]:
                return False
    return True


@njit(cache=True)
def placed(
    residues: NDArray[np.int32],
    following: NDArray[np.int32],
    moduli: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    turning: NDArray[np.bool_],
    resets: NDArray[np.bool_],
    most: int,
) -> NDArray[np.int32]:
    """The layer of each channel, as early as what it reads and the layer's family allow; -1 for one without a place.

    Arguments:
        allowed, turning: shape (layers, channels): whether the layer's family can hold the channel, and turn it.
        resets: shape (layers,). A single layer stands for any number of them.
        most: number of layers after which none follows.
    """
    channels = len(moduli)
    found = np.full(channels, -1, np.int32)
    case, cases = np.zeros(len(residues), np.int32), 1
    here = np.empty(channels, np.bool_)
    kinds, left, layer = len(resets), channels, 0
    while left > 0 and layer < most and (kinds == 1 or layer < kinds):
        kind = layer if kinds > 1 else 0
        some = False
        for c in range(channels):
            here[c] = (
                found[c] < 0
                and allowed[kind, c]
                and fits(case, cases, residues, following, c, moduli[c], turning[kind, c], resets[kind])
            )
            some |= here[c]
        if not some and kinds == 1:
            break
        for c in range(channels):
            if here[c]:
                found[c] = layer
                left -= 1
                if left > 0:
                    case, cases = refined(case, residues, c)
        layer += 1
    return found


@njit(cache=True)
def can_drop(
    residues: NDArray[np.int32], following: NDArray[np.int32], decode: NDArray[np.int32], channel: int
) -> bool:
    """Whether the other channels determine what a machine says, and their own next values."""
    count, channels = residues.shape
    size = 16
    while size < 2 * count:
        size *= 2
    table = np.full(size, -1, np.int32)
    first = np.empty(count, np.int32)  # the first state with the same other channels
    for s in range(count):
        h = np.uint64(14695981039346656037)
        for c in range(channels):
            if c != channel:
                h = (h ^ np.uint64(residues[s, c])) * np.uint64(1099511628211)
        h ^= h >> np.uint64(29)
        place = np.int64(h & np.uint64(size - 1))
        while True:
            other = table[place]
            if other < 0:
                table[place] = s
                first[s] = s
                break
            same = True
            for c in range(channels):
                if c != channel and residues[other, c] != residues[s, c]:
                    same = False
                    break
            if same:
                if decode[other] != decode[s]:
                    return False
                first[s] = other
                break
            place = (place + 1) & (size - 1)
    for s in range(count):
        other = first[s]
        if other != s:
            for x in range(following.shape[1]):
                if first[following[s, x]] != first[following[other, x]]:
                    return False
    return True
