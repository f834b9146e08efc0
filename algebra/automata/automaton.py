"""Finite deterministic automata, every transition given.

An automaton is *tracked* by a machine that says after every token which state it is in; its language is recognised by
reading acceptance off that state. Maps act on the right, as everywhere here: q·xy = (q·x)·y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.brief import Brief
from ...common.errors import InputError
from ...common.packages import named_packages
from ...common.wording import counted

MAX_STATES = 1024
"""Automata with more states are refused: their monoids are far beyond what can be listed."""

MAX_LETTERS = 256
"""Largest number of letters."""

Table = NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class Automaton(Brief):
    """A complete deterministic automaton.

    Arguments:
        name: how it was asked for, e.g. `flip-flop(2)`.
        table: shape (states, letters): where each letter leads from each state.
        letters: one name a letter.
        states: one name a state.
        start: the state before the first token.
        accepting: shape (states,), true where a word is accepted; None where the state itself is the output, so that
            no two states may be merged.
        notes: what was changed on reading it (states that cannot be reached), to be told to the user.
    """

    name: str
    table: Table
    letters: tuple[str, ...]
    states: tuple[str, ...]
    start: int
    accepting: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.table.setflags(write=False)

    @classmethod
    def make(
        cls,
        name: str,
        table: ArrayLike,
        letters: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
        start: int = 0,
        accepting: Sequence[int] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Automaton:
        """An automaton from a table of next states, checked; letters are named `0 1 2 …` where none are given.

        Raises:
            InputError: an empty or too large table, a state that there is not, names that are not one each.
        """
        rows = np.asarray(table)
        if rows.ndim != 2 or not rows.size:
            raise InputError(f"{name}: a table of shape {rows.shape}; wanted one row a state and one column a letter")
        count, width = rows.shape
        if count > MAX_STATES or width > MAX_LETTERS:
            raise InputError(
                f"{name}: {count:,} states and {width:,} letters; "
                f"at most {MAX_STATES:,} and {MAX_LETTERS} are handled, e.g. dyck(2,4)"
            )
        if not np.issubdtype(rows.dtype, np.integer):
            raise InputError(f"{name}: entries of type {rows.dtype}; wanted state numbers 0 … {count - 1}")
        outside = np.argwhere((rows < 0) | (rows >= count))
        if len(outside):
            q, x = outside[0]
            raise InputError(f"{name}: state {q} goes to {rows[q, x]} on letter {x}; wanted a state 0 … {count - 1}")
        if not 0 <= start < count:
            raise InputError(f"{name}: starts in state {start}; wanted a state 0 … {count - 1}")
        mask = None
        if accepting is not None:
            for state in accepting:
                if not 0 <= state < count:
                    raise InputError(f"{name}: accepts in state {state}; wanted states 0 … {count - 1}")
            mask = np.zeros(count, dtype=bool)
            mask[list(accepting)] = True
        own_letters = tuple(letters) if letters is not None else tuple(map(str, range(width)))
        own_states = tuple(states) if states is not None else tuple(map(str, range(count)))
        for names, wanted, kind in ((own_letters, width, "letter"), (own_states, count, "state")):
            if len(names) != wanted or len(set(names)) != wanted:
                raise InputError(f"{name}: {len(set(names))} different names of {kind}s; wanted {wanted}")
        return cls(name, rows.astype(np.int32), own_letters, own_states, start, mask, notes)

    @property
    def count(self) -> int:
        """Number of states."""
        return len(self.table)

    @property
    def width(self) -> int:
        """Number of letters."""
        return self.table.shape[1]

    @cached_property
    def is_permutation(self) -> bool:
        """Whether every letter permutes the states: then the transition monoid is a group."""
        return all(len(np.unique(self.table[:, x])) == self.count for x in range(self.width))

    def run(self, word: NDArray[np.integer], state: int | None = None) -> NDArray[np.int32]:
        """The state after every letter, shape (T,), by the table alone."""
        found = np.empty(len(word), dtype=np.int32)
        rows, current = self.table.tolist(), self.start if state is None else state
        for t, letter in enumerate(np.asarray(word).tolist()):
            current = rows[current][letter]
            found[t] = current
        return found

    def after(self, state: int, word: Sequence[int]) -> int:
        """The state that a word leads to."""
        for letter in word:
            state = int(self.table[state, letter])
        return state

    def action(self, word: Sequence[int]) -> NDArray[np.int32]:
        """Where a word leads from every state, shape (states,)."""
        image = np.arange(self.count, dtype=np.int32)
        for letter in word:
            image = self.table[image, letter]
        return image

    def word_text(self, word: Sequence[int]) -> str:
        """A word as its letters; `ε` for the empty one. Letters of more than one sign are set apart by spaces."""
        letters = [self.letters[x] for x in word]
        return ("" if all(len(letter) == 1 for letter in letters) else " ").join(letters) or "ε"

    def accepts(self, word: Sequence[int]) -> bool:
        """Whether a word is in the language; an automaton without accepting states has none."""
        if self.accepting is None:
            raise InputError(f"{self.name} has no accepting states: it is tracked, it recognises no language")
        return bool(self.accepting[self.after(self.start, word)])

    def restricted(self, kept: Sequence[int], notes: tuple[str, ...] = ()) -> Automaton:
        """The states kept, in this order; no letter may lead out of them."""
        place = np.full(self.count, -1, dtype=np.int32)
        place[list(kept)] = np.arange(len(kept))
        table = place[self.table[list(kept)]]
        assert (table >= 0).all(), "a letter leads out of the states kept"
        accepting = None if self.accepting is None else self.accepting[list(kept)]
        states = tuple(self.states[q] for q in kept)
        return Automaton(self.name, table, self.letters, states, int(place[self.start]), accepting, self.notes + notes)

    def reachable(self) -> Automaton:
        """The states that words lead to from the start, in the order in which they are found: the start is 0."""
        order = [self.start, *(following for _, _, following in spanning_tree(self.table, self.start))]
        if order == list(range(self.count)):
            return self
        seen = set(order)
        lost = [self.states[q] for q in range(self.count) if q not in seen]
        shown = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        notes = (f"left out {counted(len(lost), 'state')} that no word reaches: {shown}",) if lost else ()
        return self.restricted(order, notes)

    def minimal(self) -> Automaton:
        """The minimal automaton of the language, start 0; of an automaton without accepting states its reachable part.

        Merging is done by automata-lib (Hopcroft's algorithm).

        Raises:
            InputError: every reachable state accepts, or none does: the language is empty, or holds every word.
        """
        own = self.reachable()
        if own.accepting is None:
            return own
        if own.accepting.all() or not own.accepting.any():
            what = "every word is accepted" if own.accepting.any() else "the language is empty"
            raise InputError(f"{self.name}: {what}, so there is nothing to track; try '(ab|b)*a'")
        from automata.fa.dfa import DFA

        letters = [str(x) for x in range(own.width)]
        rows = own.table.tolist()
        found = DFA(
            states=set(range(own.count)),
            input_symbols=set(letters),
            transitions={q: dict(zip(letters, row, strict=True)) for q, row in enumerate(rows)},
            initial_state=own.start,
            final_states=set(np.flatnonzero(own.accepting).tolist()),
        ).minify(retain_names=True)
        if len(found.states) == own.count:
            return own
        block = np.empty(own.count, dtype=np.int64)
        for members in found.states:
            block[list(members)] = min(members)
        kept = sorted(set(block.tolist()))
        merged = Automaton(
            own.name,
            block[own.table].astype(np.int32),
            own.letters,
            own.states,
            int(block[own.start]),
            own.accepting,
            (*own.notes, f"merged {own.count} states into the {len(kept)} of the minimal automaton"),
        ).restricted(kept)
        return merged.reachable()

    def to_networkx(self) -> Any:
        """The automaton as a `networkx.MultiDiGraph`: states as nodes, letters as labels of edges; the graph's `start`,
        and `accepting` of nodes where there is a language. `sn.machine` reads it again.

        Raises:
            MissingPackageError: networkx is not installed.
        """
        with named_packages():
            import networkx
        graph = networkx.MultiDiGraph(name=self.name, start=self.states[self.start], letters=list(self.letters))
        for number, state in enumerate(self.states):
            graph.add_node(state, **({} if self.accepting is None else {"accepting": bool(self.accepting[number])}))
        for state, row in zip(self.states, self.table.tolist(), strict=True):
            graph.add_edges_from(
                (state, self.states[q], {"label": letter}) for letter, q in zip(self.letters, row, strict=True)
            )
        return graph

    def as_json(self) -> dict[str, object]:
        """The automaton as the content of a DFA file (docs/automata.md)."""
        content: dict[str, object] = {
            "states": list(self.states),
            "alphabet": list(self.letters),
            "transitions": {
                state: {letter: self.states[q] for letter, q in zip(self.letters, row, strict=True)}
                for state, row in zip(self.states, self.table.tolist(), strict=True)
            },
            "start": self.states[self.start],
        }
        if self.accepting is not None:
            content["accepting"] = [self.states[q] for q in np.flatnonzero(self.accepting)]
        return content


def spanning_tree(transitions: NDArray[np.integer], start: int = 0) -> list[tuple[int, int, int]]:
    """Edges (state, token, following) of a breadth-first spanning tree of what a state reaches, as it grows.

    Arguments:
        transitions: shape (states, tokens).
        start: the tree's root.
    """
    seen, queue = {start}, [start]
    edges = []
    for state in queue:  # grows while it is walked
        for token, following in enumerate(transitions[state].tolist()):
            if following not in seen:
                seen.add(following)
                queue.append(following)
                edges.append((state, token, following))
    return edges
