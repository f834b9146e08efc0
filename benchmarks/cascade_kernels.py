"""The residue cascade compiled with numba: fused over layers, and cut into segments for several threads.

One token passes through all layers before the next is read. Nothing but the layers' own residues is carried from token
to token, each in a register, so the layers' short chains of dependent operations overlap: layer 2 works on this token
while layer 1 works on the next. Each layer looks up which of its moves the token makes (by lower state and token), and
makes it by a table (move, own state): one look-up takes the place of additions, reductions and resets channel by
channel. In a cascade that tracks a group the moves are the additions of the layer's own abelian group.

**Segments.** Let the cascade track G (`constructions.verification.first_fault` says None), and let s(w) be the state
after the word w from state 0. Then decode(s(uv)) = decode(s(u))·decode(s(v)): what went before a segment v acts on the
states inside it by left multiplication with decode(s(u)), one permutation of the states. So all segments run at the
same time from state 0, and then the states of each but the first are renamed by its own permutation, at the cost of
one look-up a token. That would be wrong for a machine that does not track G, or that tracks an automaton; such a
machine wants `threads=1`.

The table automaton, one look-up (state, token) a token, is here as an oracle and for the benchmark; a cascade of which
only some combinations of residues can be reached is run as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from subnormal.algebra.arithmetic.permutations import invert, smallest_dtype
from subnormal.algebra.groups.group import Group
from subnormal.common.errors import InputError
from subnormal.constructions.cascade import Cascade, CascadeLayer

MIN_SEGMENT = 1 << 14
"""Words are not cut into segments shorter than this: renaming states costs some look-ups of its own."""

CHUNK = 1 << 12
"""Tokens looked through for strangers before they are run; they stay in the cache."""

MAX_MOVE_TABLE = 1 << 22
"""Entries of a layer's table of moves. A layer of more moves × states is refused."""

compiled = njit(nogil=True, error_model="numpy")
kept = njit(nogil=True, error_model="numpy", cache=True)
"""Compiled once on a machine: for functions that are made once. Those of each depth are not found again."""


@cache
def _step(depth: int) -> Callable[..., Any]:
    """A token through the first `depth` layers: (tables, residues, token) → (state before, state after, residues).

    `tables` is nested, (the tables of the lower layers, own move by lower state and token, own moves, number of states,
    of tokens), and so are the residues. A step of k layers is a step of k-1 layers and then one more; numba inlines
    them all into one loop body, and the nested tuples dissolve into registers.
    """
    if depth == 0:

        @compiled
        def nothing(tables, residues, token):  # type: ignore[no-untyped-def]
            return 0, 0, residues

        return nothing

    lower_step = _step(depth - 1)

    @compiled
    def step(tables, residues, token):  # type: ignore[no-untyped-def]
        lower, made, moves, states, tokens = tables
        before, after, lower_residues = lower_step(lower, residues[0], token)
        own = residues[1]
        new = np.int64(moves[np.int64(made[before * tokens + token]) + own])
        return before * states + own, after * states + new, (lower_residues, new)

    return step


@compiled
def _inside(word, tokens):  # type: ignore[no-untyped-def]
    lowest, highest = word[0], word[0]
    for t in range(len(word)):
        lowest, highest = min(lowest, word[t]), max(highest, word[t])
    return lowest >= 0 and highest < tokens


@cache
def _loop(depth: int) -> Callable[..., Any]:
    """All tokens of a segment through `depth` layers: writes the states, and returns whether every token was one."""
    step = _step(depth)

    @compiled
    def loop(tables, residues, tokens, word, states):  # type: ignore[no-untyped-def]
        for start in range(0, len(word), CHUNK):
            piece = word[start : start + CHUNK]
            if not _inside(piece, tokens):
                return False
            for t in range(len(piece)):
                _, after, residues = step(tables, residues, np.int64(piece[t]))
                states[start + t] = after
        return True

    return loop


@kept
def _rename(names, states):  # type: ignore[no-untyped-def]
    for t in range(len(states)):
        states[t] = names[states[t]]


@kept
def _automaton(table, tokens, word, state, states):  # type: ignore[no-untyped-def]
    for t in range(len(word)):
        state = np.int64(table[state * tokens + np.int64(word[t])])
        states[t] = state


def table_automaton(cascade: Cascade) -> NDArray[np.unsignedinteger]:
    """The cascade as one table of next states, shape (n, m), in the smallest dtype: the oracle of the fused loop."""
    return cascade.transitions().astype(smallest_dtype(cascade.order))


def run_table(table: NDArray[np.integer], word: NDArray[np.integer], state: int = 0) -> NDArray[Any]:
    """The states that a table (n, m) runs through, shape (T,), dtype of the table: one look-up a token."""
    states = np.empty(len(word), dtype=table.dtype)
    _automaton(table.reshape(-1), table.shape[1], word, state, states)
    return states


class CompiledCascade:
    """A cascade ready to run in compiled code.

    Arguments:
        cascade: the exact machine.
        threads: segments that run at the same time. With more than one the cascade must track its group.

    Raises:
        InputError: fewer than one thread, more than one for an automaton, or a layer with too many states and moves.
    """

    def __init__(self, cascade: Cascade, threads: int = 1) -> None:
        if threads < 1:
            raise InputError(f"{threads} threads; wanted at least 1, e.g. 2")
        if threads > 1 and cascade.automaton is not None:
            raise InputError(f"{threads} threads for {cascade.name}; only words in a group are cut: wanted 1")
        self.cascade = cascade
        self.threads = threads
        self._dtype = smallest_dtype(cascade.order)
        self._table = None
        if any(layer.reached is not None for layer in cascade.layers):
            self._table = table_automaton(cascade)
            return
        tables: Any = 0
        for layer in cascade.layers:
            tables = (tables, *_layer_tables(layer), layer.states, len(cascade.alphabet))
        self._tables = tables
        self._loop = _loop(len(cascade.layers))

    def run(self, word: NDArray[np.integer], state: int = 0) -> NDArray[Any]:
        """The state after every token, as `Cascade.run`; tokens (T,) to (T,), in the smallest unsigned dtype.

        Raises:
            InputError: a token outside the alphabet, or a state that there is not.
        """
        if not 0 <= state < self.cascade.order:
            raise InputError(f"state {state}; wanted one of 0 … {self.cascade.order - 1}")
        states = np.empty(len(word), dtype=self._dtype)
        cuts = self._cuts(len(word))
        if len(cuts) == 2:
            self._require(self._segment(state, word, states), word)
            return states
        parts = [(word[a:b], states[a:b]) for a, b in pairwise(cuts)]
        with ThreadPoolExecutor(self.threads) as pool:
            starts = [state] + [0] * (len(parts) - 1)
            done = pool.map(lambda start, part: self._segment(start, *part), starts, parts)
            self._require(all(list(done)), word)
            jobs = list(self._renamings(parts))
            list(pool.map(lambda job: _rename(*job), jobs))
        return states

    def _segment(self, state: int, word: NDArray[np.integer], states: NDArray[Any]) -> bool:
        if self._table is not None:
            if len(word) and not _inside(word, len(self.cascade.alphabet)):
                return False
            _automaton(self._table.reshape(-1), self._table.shape[1], word, state, states)
            return True
        return bool(self._loop(self._tables, self._residues(state), len(self.cascade.alphabet), word, states))

    def _require(self, inside: bool, word: NDArray[np.integer]) -> None:
        if not inside:
            last = len(self.cascade.alphabet) - 1
            raise InputError(f"tokens from {word.min()} to {word.max()}; wanted positions in the alphabet, 0 … {last}")

    def outputs(self, word: NDArray[np.integer]) -> NDArray[np.int32]:
        """The element index after every token, shape (T,)."""
        return self.cascade.decode[self.run(word)]

    def _cuts(self, length: int) -> list[int]:
        """Where the segments begin and end. The first need not be renamed, so it may be longer than the others."""
        count = max(1, min(self.threads, length // MIN_SEGMENT))
        return [length * i // count for i in range(count + 1)]

    def _renamings(self, parts: list[tuple[NDArray[Any], NDArray[Any]]]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """For each piece of work, new names of the states and the states to rename, shared out evenly."""
        state = int(parts[0][1][-1])
        for _, states in parts[1:]:
            names = self._left_multiplication(state)
            state = int(names[states[-1]])
            for piece in np.array_split(states, self.threads):
                yield names, piece

    @cached_property
    def _group(self) -> Group:
        return Group(self.cascade.elements, (), self.cascade.name)

    @cached_property
    def _encode(self) -> NDArray[Any]:
        """The state of every element."""
        return invert(self.cascade.decode).astype(self._dtype)

    def _left_multiplication(self, state: int) -> NDArray[Any]:
        """For every state the one that decodes to decode(state) times what it decodes to."""
        products = self._group.multiply(self.cascade.decode[state], self.cascade.decode)
        return self._encode[products]

    def _residues(self, state: int) -> Any:
        residues: Any = 0
        below = self.cascade.order
        for layer in self.cascade.layers:
            below //= layer.states
            residues = (residues, state // below % layer.states)
        return residues


def _layer_tables(layer: CascadeLayer) -> tuple[NDArray[Any], NDArray[Any]]:
    """The move made, by lower state and token, as the start of a row of the table of moves; and that table, flattened.

    A move says for each channel what is added, or what it is set to; only those that some entry makes are written.
    """
    states = layer.states
    places, moduli = np.array(layer.places, dtype=np.int64), np.array(layer.moduli)
    resets = np.zeros(layer.increments.shape, dtype=bool) if layer.resets is None else layer.resets
    codes = (layer.increments % moduli) @ places * 2 ** len(moduli) + resets @ (1 << np.arange(len(moduli)))
    _, first, made = np.unique(codes.ravel(), return_index=True, return_inverse=True)
    if len(first) * states > MAX_MOVE_TABLE:
        raise InputError(
            f"a layer of {states:,} states and {len(first):,} moves; at most {MAX_MOVE_TABLE:,} entries can be "
            "compiled; --alphabet generators has fewer"
        )
    given = layer.increments.reshape(-1, 1, len(moduli))[first]
    own = np.arange(states)[:, None] // places % moduli  # (states, channels)
    moves = np.where(resets.reshape(-1, 1, len(moduli))[first], given, own + given) % moduli @ places
    return (
        (made * states).astype(smallest_dtype(moves.size)),
        np.ascontiguousarray(moves.ravel()).astype(smallest_dtype(states)),
    )
