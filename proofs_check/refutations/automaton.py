"""Words on which a network fails that claims an automaton its families cannot carry.

Theory says that some word must go wrong, and the witness says where to look: a letter that merges two states, a word
that turns states in a cycle, words that permute states as a group that no layer carries. Tried are all short words, and
long ones made of the witness's words, repeated and mixed with random letters. A word is reported only if the network,
run on it, gives a wrong class; nothing else counts as refuted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from ...algebra.automata.automaton import Automaton
from ...common.errors import InputError
from ...common.terminal import Shown
from .theory import theory_of

if TYPE_CHECKING:
    from ...models.network import DCDNetwork

LONGEST = 20_000
"""Letters of the longest words tried."""

SHORT_WORDS = 20_000
"""Short words that are tried, at most: all of a length, as long as there are no more."""


@dataclass(frozen=True, repr=False)
class AutomatonRefutation(Shown):
    """What came of the search.

    Arguments:
        kind: `failing` for a word with a wrong answer, `failed` where none was found, `allowed` where theory allows the
            model.
        theory: the sentence that says why there must be one, or that theory allows the model.
        word: a word at whose last letter the answer is wrong, the shortest beginning of one that was tried.
        state, answer: what the automaton holds after it, and what the network says.
        text: of the word.
    """

    kind: str
    theory: str
    word: tuple[int, ...] = ()
    state: str = ""
    answer: str = ""
    text: str = ""

    @property
    def refuted(self) -> bool:
        return self.kind == "failing"

    def as_json(self) -> dict[str, Any]:
        found = {"word": list(self.word), "state": self.state, "answer": self.answer} if self.word else None
        return {"kind": self.kind, "theory": self.theory, "refuted": self.refuted, "failing": found}

    def view(self) -> Text:
        """What `refute` prints."""
        return Text(self._account())

    def _account(self) -> str:
        if self.kind == "allowed":
            return f"not refuted: {self.theory}"
        if not self.word:
            return f"not refuted within the budget: {self.theory}\nno word tried has a wrong answer"
        shown = self.text if len(self.text) <= 200 else self.text[:199] + "…"
        lines = [f"refuted: {self.theory}", f"a word with a wrong answer, {len(self.word):,} letters: {shown}"]
        return "\n".join([*lines, f"the automaton is in {self.state}, the model answers {self.answer}"])


def refute_automaton(network: DCDNetwork, given: Automaton) -> AutomatonRefutation:
    """Find a word on which a network fails to track an automaton that its family cannot carry.

    Raises:
        InputError: the network has other numbers of tokens and classes than the automaton of letters and states, or
            layers of no known family, or S4D layers among others.
    """
    automaton = given.minimal()
    if (network.alphabet_size, network.classes) != (automaton.width, automaton.count):
        raise InputError(
            f"a network of {network.alphabet_size} tokens and {network.classes} classes; {given.name} has "
            f"{automaton.width} letters and {automaton.count} states"
        )
    found = theory_of(network.specifications, automaton)
    theory = found.sentence
    if not found.forbidden:
        return AutomatonRefutation("allowed", theory)
    for words in _words(automaton, found.witness or {}):
        wrong = _first_wrong(network, automaton, words)
        if wrong is not None:
            return AutomatonRefutation("failing", theory, *wrong, automaton.word_text(wrong[0]))
    return AutomatonRefutation("failed", theory)


def _first_wrong(
    network: DCDNetwork, automaton: Automaton, words: np.ndarray
) -> tuple[tuple[int, ...], str, str] | None:
    """The shortest beginning of some words, shape (words, length), after which the answer is wrong."""
    import torch

    answers = network.predict(torch.from_numpy(words))[0].numpy()
    states = np.full(len(words), automaton.start)
    for t in range(words.shape[1]):
        states = automaton.table[states, words[:, t]]
        wrong = np.flatnonzero(answers[:, t] != states)
        if len(wrong):
            w = int(wrong[0])
            named = automaton.states[int(states[w])], automaton.states[int(answers[w, t])]
            return tuple(words[w, : t + 1].tolist()), *named
    return None


def _words(automaton: Automaton, content: dict[str, Any]) -> Iterator[np.ndarray]:
    """Batches of words, the short ones first; then long ones made of the words in a witness."""
    m = automaton.width
    length = 1
    while m ** (length + 1) <= SHORT_WORDS and length < 12:
        length += 1
    yield np.array(list(product(range(m), repeat=length)), dtype=np.int64).reshape(-1, length)
    random = np.random.default_rng(0)
    yield random.integers(m, size=(64, 256))
    parts = [word for word in _witness_words(content) if word] or [[0]]
    for size in (256, 2048, LONGEST):
        rows = []
        for _ in range(8):
            row: list[int] = []
            while len(row) < size:
                row += parts[random.integers(len(parts))] * int(random.integers(1, 60))
                row += random.integers(m, size=int(random.integers(3))).tolist()
            rows.append(row[:size])
        yield np.array(rows, dtype=np.int64)


def _witness_words(content: Any) -> Iterator[list[int]]:
    """Every word in a witness, and its letters."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "letter":
                yield [value]
            elif key in ("word", "x", "y", "z", "w"):
                yield list(value)
            elif key == "generators":
                yield from (list(word) for word in value)
            else:
                yield from _witness_words(value)
    elif isinstance(content, list):
        for part in content:
            yield from _witness_words(part)


def random_network(given: Automaton, families: list[str], width: int | None, seed: int, activation: str) -> DCDNetwork:
    """A random initialisation for an automaton: its letters as tokens, its states as classes, layers that read before
    the token. Raises `InputError` for an unknown family or activation."""
    from ...models.network import DCDNetwork
    from .refutation import random_layers

    layers = [{**layer, "reads": "before"} for layer in random_layers(families, width, activation)]
    return DCDNetwork(given.width, given.count, layers, seed=seed)
