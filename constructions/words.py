"""Words to try a machine on: random, constant and commutator words, as positions in the alphabet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from subnormal.algebra.base.errors import InputError
from subnormal.algebra.groups.group import Group

KINDS = ("random", "constant", "commutator")
"""Random words spread rounding errors; constant words add them up; commutator words move every layer."""

Tokens = NDArray[np.int32]


def make_word(kind: str, group: Group, alphabet: NDArray[np.integer], length: int, seed: int = 0) -> Tokens:
    """A word of one of the `KINDS`, shape (length,); see `word_pieces`."""
    return joined(word_pieces(kind, group, alphabet, length, seed, max(1, length)))


def word_pieces(
    kind: str, group: Group, alphabet: NDArray[np.integer], length: int, seed: int, piece: int
) -> Iterator[Tokens]:
    """The word in pieces of `piece` tokens, so that its length takes no memory; the word is the same for every piece.

    A constant word repeats a token of largest order; a commutator word repeats a⁻¹ b⁻¹ a b for the first two tokens
    that do not commute (the first two of an abelian group), an inverse that is no token being written as a power.

    Raises:
        InputError: an unknown kind.
    """
    return drawn(_period(kind, group, alphabet), len(alphabet), length, seed, piece)


def drawn(period: Sequence[int], size: int, length: int, seed: int, piece: int) -> Iterator[Tokens]:
    """A period over and over, or without one random tokens 0 … size-1, `length` of them in pieces."""
    random = np.random.default_rng(seed)
    letters = np.array(period, dtype=np.int32)
    for start in range(0, length, piece):
        count = min(piece, length - start)
        if len(letters):
            yield np.resize(np.roll(letters, -start), count)
        else:
            yield random.integers(size, size=count, dtype=np.int32)


def joined(pieces: Iterable[Tokens]) -> Tokens:
    """Pieces as one word; an empty one for none."""
    return np.concatenate([np.zeros(0, dtype=np.int32), *pieces])


def unknown_kind(kind: str) -> InputError:
    """The error for a kind of word that is none of `KINDS`."""
    return InputError(f"unknown kind of word {kind[:40]!r}; wanted one of {', '.join(KINDS)}")


def _period(kind: str, group: Group, alphabet: NDArray[np.integer]) -> list[int]:
    """The tokens that a constant or commutator word repeats; none for a random word."""
    if kind not in KINDS:
        raise unknown_kind(kind)
    if kind == "constant":
        return [max(range(len(alphabet)), key=lambda i: (_order(group, int(alphabet[i])), -i))]
    if kind == "commutator":
        a, b = _pair(group, alphabet)
        return [*_inverse(group, alphabet, a), *_inverse(group, alphabet, b), a, b]
    return []


def _order(group: Group, element: int) -> int:
    power, order = element, 1
    while power:
        power = group.times(power, element)
        order += 1
    return order


def _pair(group: Group, alphabet: NDArray[np.integer]) -> tuple[int, int]:
    for i, a in enumerate(alphabet.tolist()):
        apart = np.flatnonzero(group.multiply(a, alphabet) != group.multiply(alphabet, a))
        if len(apart):
            return i, int(apart[0])
    return 0, len(alphabet) - 1


def _inverse(group: Group, alphabet: NDArray[np.integer], token: int) -> list[int]:
    element = int(alphabet[token])
    found = np.flatnonzero(alphabet == group.inverse(element))
    return [int(found[0])] if len(found) else [token] * (_order(group, element) - 1)


def products(group: Group, elements: NDArray[np.integer], start: int = 0) -> NDArray[np.intp]:
    """All prefix products start·x_1 ⋯ x_t of a word of element indices, shape (T,), by group multiplication alone.

    The word is cut into about √T pieces that are multiplied in step; then each piece is multiplied by what came
    before it.
    """
    length = len(elements)
    pieces = max(1, int(np.sqrt(length)))
    width = -(-length // pieces)
    padded = np.zeros(pieces * width, dtype=np.intp)
    padded[:length] = elements
    grid = padded.reshape(pieces, width)
    for t in range(1, width):
        grid[:, t] = group.multiply(grid[:, t - 1], grid[:, t])
    before = np.empty(pieces, dtype=np.intp)
    for piece in range(pieces):
        before[piece] = start
        start = group.times(start, int(grid[piece, -1]))
    return np.asarray(group.multiply(before[:, None], grid)).ravel()[:length]
