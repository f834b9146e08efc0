"""Words over permutations, and their running products: what a factored cascade is tried on.

The words are those of `constructions.words`, for groups whose elements have no numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.arithmetic.permutations import Permutations, order
from subnormal.constructions.factored.cascade import FactoredCascade, Residues
from subnormal.constructions.words import KINDS, drawn, joined, unknown_kind

PIECE = 1 << 15
"""Tokens run at a time."""


def make_word(kind: str, alphabet: Permutations, length: int, seed: int = 0) -> NDArray[np.int32]:
    """A word of one of the `KINDS` as positions in the alphabet, (m, degree); shape (length,).

    Raises:
        InputError: an unknown kind.
    """
    return joined(drawn(_period(kind, alphabet), len(alphabet), length, seed, max(1, length)))


def _period(kind: str, alphabet: Permutations) -> list[int]:
    """The tokens that a word repeats, as in `constructions.words`; none for a random word."""
    if kind not in KINDS:
        raise unknown_kind(kind)
    if kind == "constant":
        return [max(range(len(alphabet)), key=lambda x: (order(alphabet[x]), -x))]
    if kind == "commutator":
        a, b = _pair(alphabet)
        return [*_inverse(alphabet, a), *_inverse(alphabet, b), a, b]
    return []


def _pair(alphabet: Permutations) -> tuple[int, int]:
    for a in range(len(alphabet)):
        for b in range(a):
            if (alphabet[a][alphabet[b]] != alphabet[b][alphabet[a]]).any():
                return b, a
    return 0, len(alphabet) - 1


def _inverse(alphabet: Permutations, token: int) -> list[int]:
    found = np.flatnonzero((alphabet[:, alphabet[token]] == np.arange(alphabet.shape[1])).all(axis=1))
    return [int(found[0])] if len(found) else [token] * (order(alphabet[token]) - 1)


def products(alphabet: Permutations, word: NDArray[np.integer], start: Permutations | None = None) -> Permutations:
    """All prefix products start·x_1 ⋯ x_t as permutations, shape (T, degree), by composition alone.

    The word is cut into about √T pieces that are multiplied in step; then each is multiplied by what came before it.
    """
    length, degree = len(word), alphabet.shape[1]
    identity = np.arange(degree, dtype=alphabet.dtype)
    before = identity if start is None else start
    pieces = max(1, math.isqrt(length))
    width = -(-length // pieces)
    letters = np.concatenate([alphabet, identity[None]])
    padded = np.full(pieces * width, len(alphabet))
    padded[:length] = word
    word = padded.reshape(pieces, width)
    grid = np.empty((pieces, width, degree), dtype=alphabet.dtype)
    current = np.tile(identity, (pieces, 1))
    for t in range(width):
        current = np.take_along_axis(letters[word[:, t]], current.astype(np.intp), axis=1)
        grid[:, t] = current
    for piece in range(pieces):
        grid[piece] = grid[piece][:, before]
        before = grid[piece, -1]
    return grid.reshape(-1, degree)[:length]


class _Runner(Protocol):
    def run(self, tokens: NDArray[np.integer], state: Residues | None = None) -> Residues: ...

    def decode(self, residues: Residues) -> Permutations: ...


def runner(cascade: FactoredCascade, fast: bool | None = None) -> _Runner:
    """What runs and decodes a factored cascade: compiled loops where numba is installed, else NumPy; or as told."""
    if find_spec("numba") is not None if fast is None else fast:
        from subnormal.constructions.factored.kernels import CompiledFactored

        return CompiledFactored(cascade)
    return cascade


@dataclass(frozen=True)
class FactoredTrial:
    """A run on one word, so far.

    Arguments:
        kind: of the word.
        tokens: run so far.
        run_seconds, decode_seconds: spent on residues, and on permutations.
        first_wrong: position of the first wrong permutation, counted from 1; None if there is none.
    """

    kind: str
    tokens: int
    run_seconds: float
    decode_seconds: float
    first_wrong: int | None = None


def try_word(
    cascade: FactoredCascade, kind: str, length: int, seed: int = 0, fast: bool | None = None
) -> Iterator[FactoredTrial]:
    """Run a cascade on a word piece by piece and compare every permutation with the running product; stops at the first
    wrong one."""
    machine = runner(cascade, fast)
    state, product = cascade.initial(), np.arange(cascade.degree, dtype=cascade.alphabet.dtype)
    machine.decode(machine.run(np.zeros(1, dtype=np.int32)))  # compiles
    running = decoding = 0.0
    done = 0
    for piece in drawn(_period(kind, cascade.alphabet), len(cascade.alphabet), length, seed, PIECE):
        expected = products(cascade.alphabet, piece, product)
        began = perf_counter()
        residues = machine.run(piece, state)
        ran = perf_counter()
        found = machine.decode(residues)
        running, decoding = running + ran - began, decoding + perf_counter() - ran
        wrong = np.flatnonzero((found != expected).any(axis=1))
        if len(wrong):
            yield FactoredTrial(kind, done + len(piece), running, decoding, done + int(wrong[0]) + 1)
            return
        done += len(piece)
        yield FactoredTrial(kind, done, running, decoding)
        state, product = residues[-1], expected[-1]
