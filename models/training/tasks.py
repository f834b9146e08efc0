"""Tracking tasks: which words are drawn, and the running products that label them.

Every draw is a function of its seeds alone, so a step of a resumed run sees the words that it would have seen. Three
streams never meet, because their first seed differs: words to train on, words to choose by, words to test on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import Automaton
from ...algebra.groups.group import Group
from ...algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup
from ...common.brief import Brief
from ...common.errors import InputError
from .letters import UNIFORM, LetterDraw

TRAINING, VALIDATION, TEST = 1, 2, 3
"""The first seed of each stream of words."""

GEOMETRIC_SHARE = 0.7
"""Share of the steps in which words grow by steps of one ratio."""

PLANTED_WITHIN = 20
"""Evaluation words contain a held-out pair within this many tokens, so every evaluated length has seen one."""

Tokens = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Task(Brief):
    """Words over the letters of what is tracked, each position labelled with the product, or the state, so far.

    Arguments:
        tracked: the group with its alphabet, or the automaton, whose start is state 0.
        held_out: ordered pairs of tokens that never stand side by side in training, and do so in every evaluation word.
        letters: how an automaton's words are drawn; a group's are uniform.
    """

    tracked: Tracked
    held_out: tuple[tuple[int, int], ...] = ()
    letters: LetterDraw = UNIFORM

    @property
    def group(self) -> Group:
        """The group. Raises `InputError` where an automaton is tracked."""
        if isinstance(self.tracked, TrackedGroup):
            return self.tracked.group
        raise InputError(
            f"the network was made for {self.name}, an automaton; here wanted one that was made for a group, e.g. S3; "
            "`evaluate`, `refute` and `diagnose` read it, if no other group is named"
        )

    @property
    def alphabet(self) -> NDArray[np.integer]:
        """The element, or the letter, that each token stands for, shape (m,)."""
        return self.tracked.alphabet

    @property
    def name(self) -> str:
        """Of the group or the automaton."""
        return self.tracked.name

    @property
    def classes(self) -> int:
        """The number of labels: elements, or states."""
        return self.tracked.classes

    @property
    def moves(self) -> NDArray[np.int64]:
        """`moves[y, x]`: where token x leads from the label y, shape (classes, m)."""
        return self.tracked.moves

    def labels(self, tokens: Tokens, start: Tokens | int = 0) -> Tokens:
        """start·x_1 ⋯ x_t at every t, the newest factor on the right: tokens (…, length) to elements (…, length)."""
        # Letter by letter, so letters first: each step then reads and writes places that lie together.
        letters = np.ascontiguousarray(np.moveaxis(tokens, -1, 0))
        found = np.empty_like(letters)
        places, width = self.moves.ravel(), self.moves.shape[1]
        current = np.broadcast_to(np.asarray(start, dtype=np.int64), tokens.shape[:-1])
        for t, own in enumerate(letters):
            current = places[current * width + own]
            found[t] = current
        return np.ascontiguousarray(np.moveaxis(found, 0, -1))

    def training_words(self, count: int, length: int, *seeds: int) -> Tokens:
        """Words (count, length) without the held-out pairs, uniform among such steps."""
        generator = np.random.default_rng([TRAINING, *seeds])
        m = len(self.alphabet)
        if not self.held_out:
            return self._drawn(generator, count, length)
        allowed = np.ones((m, m), dtype=bool)
        allowed[tuple(np.array(self.held_out).T)] = False
        choices = np.argsort(~allowed, axis=1, kind="stable")  # allowed successors first
        counts = allowed.sum(axis=1)
        words = np.empty((count, length), dtype=np.int64)
        words[:, 0] = generator.integers(m, size=count)
        draws = generator.random((count, length))
        for t in range(1, length):
            before = words[:, t - 1]
            words[:, t] = choices[before, (draws[:, t] * counts[before]).astype(np.int64)]
        return words

    def _drawn(self, generator: np.random.Generator, count: int, length: int, start: Tokens | int = 0) -> Tokens:
        return self.letters.drawn(generator, self.moves, self.tracked.letter_names, count, length, start)

    def evaluation_words(
        self, stream: int, count: int, length: int, seed: int, block: int = 0, start: Tokens | int = 0
    ) -> Tokens:
        """Words (count, length) of the `VALIDATION` or `TEST` stream; with held-out pairs, each contains one early on.

        Longer words go on in block 1, 2, …, which contain no planted pair, from the states `start` of an automaton.
        """
        generator = np.random.default_rng([stream, seed, block])
        words = self._drawn(generator, count, length, start)
        if self.held_out and length >= 2 and block == 0:
            places = generator.integers(min(length, PLANTED_WITHIN) - 1, size=count)
            pairs = np.array(self.held_out)[generator.integers(len(self.held_out), size=count)]
            words[np.arange(count), places] = pairs[:, 0]
            words[np.arange(count), places + 1] = pairs[:, 1]
        return words


def automaton_task(
    given: Automaton, alphabet: str | None = None, hold_out: int = 0, letters: LetterDraw = UNIFORM
) -> Task:
    """The task of an automaton: its letters in order, and the states of the minimal automaton as labels.

    Raises:
        InputError: it has one state or not the letter that has a share, or an option is given that is for groups.
    """
    if alphabet is not None or hold_out:
        option = f"alphabet {alphabet[:40]!r}" if alphabet is not None else f"hold-out {hold_out}"
        own = ", ".join(given.letters[:6]) + (", …" if given.width > 6 else "")
        raise InputError(
            f"{option}: that is for groups, whose tokens are some of their elements; {given.name} is trained on "
            f"all its letters ({own}): leave it out. --letters, e.g. {given.letters[0]}=0.2, says how often one comes; "
            "an automaton of fewer letters comes from a file"
        )
    automaton = given.minimal()
    if automaton.count == 1:
        raise InputError(f"{given.name} has one state: there is nothing to learn; try parity")
    letters.require(automaton.letters)
    return Task(TrackedAutomaton(automaton), (), letters)


def make_task(group: Group, alphabet: str | None = None, hold_out: int = 0, seed: int = 0) -> Task:
    """The task of a group, with `hold_out` ordered pairs of non-commuting tokens kept for evaluation.

    Arguments:
        group: the group.
        alphabet: as `constructions.compiler.read_alphabet` takes it.
        hold_out: number of pairs, drawn by `seed`; each token keeps at least one successor.

    Raises:
        InputError: the group is trivial, or it has not that many pairs.
    """
    from ...constructions.compiler import read_alphabet

    if group.order == 1:
        raise InputError(f"{group.name} is trivial: there is nothing to learn; try C2")
    tokens = read_alphabet(group, alphabet)
    if hold_out == 0:
        return Task(TrackedGroup(group, tokens))
    apart = np.argwhere(group.multiply(tokens[:, None], tokens[None]) != group.multiply(tokens[None], tokens[:, None]))
    order = np.random.default_rng(seed).permutation(len(apart))
    kept: list[tuple[int, int]] = []
    successors = np.full(len(tokens), len(tokens))
    for a, b in apart[order]:
        if len(kept) < hold_out and successors[a] > 1:
            kept.append((int(a), int(b)))
            successors[a] -= 1
    if hold_out < 0 or len(kept) < hold_out:
        raise InputError(
            f"hold-out {hold_out}: {group.name} has {len(kept)} ordered pairs of non-commuting tokens to spare"
        )
    return Task(TrackedGroup(group, tokens), tuple(kept))


def full_task(group: Group) -> Task:
    """Tracking a group with all its elements as tokens."""
    return Task(TrackedGroup(group, np.arange(group.order)))


@dataclass(frozen=True)
class Lengths:
    """How long the training words are at each step: `60` fixed, `2-60` uniform, `2>60` growing evenly over the first
    half of the steps, `2>>60` growing over 70 % of them, each time by the same ratio.

    Arguments:
        kind: `fixed`, `uniform`, `curriculum` or `geometric`.
        low, high: bounds, both included; equal when fixed.
    """

    kind: str
    low: int
    high: int

    @classmethod
    def parse(cls, text: str) -> Lengths:
        """Read `60`, `2-60`, `2>60` or `2>>60`; InputError otherwise."""
        match = re.fullmatch(r"(\d{1,6})(?:(-|>>?)(\d{1,6}))?", text.strip(), re.ASCII)
        if match:
            low = int(match[1])
            high = int(match[3] or low)
            if 1 <= low <= high:
                kinds = {None: "fixed", "-": "uniform", ">": "curriculum", ">>": "geometric"}
                return cls(kinds[match[2]], low, high)
        raise InputError(
            f"length {text[:40]!r}; wanted 60 (fixed), 2-60 (uniform), 2>60 (a curriculum that grows to 60) or "
            "2>>60 (one that grows by steps of one ratio)"
        )

    def at(self, step: int, steps: int) -> int:
        """The length of all words at a step, counted from 0."""
        if self.kind == "uniform":
            return int(np.random.default_rng([TRAINING, self.high, step]).integers(self.low, self.high + 1))
        if self.kind == "curriculum":
            grown = min(1.0, 2 * (step + 1) / steps)
            return self.low + round((self.high - self.low) * grown)
        if self.kind == "geometric":
            grown = min(1.0, (step + 1) / (GEOMETRIC_SHARE * steps))
            return round(self.low * (self.high / self.low) ** grown)
        return self.high
