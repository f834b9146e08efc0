"""The machine that somebody's model computes, learnt from its answers, and how far it goes.

Learning and testing take turns (`moore`, `trials`). A test that fails on a word refines the machine. A model that is a
finite machine is learnt whole. One that goes wrong on long words has no small machine: refining goes on while the
budget and the limit on states allow, and then the machine is given that predicts furthest beyond the words it was read
off, with the length up to which no test contradicts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...common.brief import Brief
from ...common.errors import InputError
from .moore import (
    NO_ANSWER,
    Answering,
    Asked,
    Integers,
    MooreMachine,
    ObservationTable,
    SpentError,
    TooManyStatesError,
    UnsteadyError,
    Word,
    merged_start,
)
from .trials import Compared, Trial, Wrong, every_word, long_trials, longest_taken, plain_special, short_trials

MAX_STATES = 256
"""Default of the limit on states."""

MAX_LETTERS = 2_000_000
"""Letters that are asked for learning, at most."""

PATIENCE = 50_000
"""Letters that may be asked, beside as many as were asked before, once a machine failed only on a word much longer than
those it was read off: then the model may have no small machine."""

FAR = 8
"""A machine predicts where it agrees with the model on words that are longer, by more letters than this, than those
that it was read off."""


@dataclass(frozen=True, eq=False, repr=False)
class LearntMachine(Brief):
    """What was learnt of a model.

    Arguments:
        machine: the machine; None where no machine within the limit agrees with the model even on short words.
        agrees_to: no word that was run, of up to so many letters, is answered otherwise than by the machine.
        wrong: the shortest word found that is; None where none was.
        tested: what was run against the machine: name → words.
        least: states that every machine with the model's answers has, by words that were told apart.
        limit: states that were allowed.
        words, letters: how many were asked.
        taken, refused: the longest word that was tried and taken, and what the model says of longer ones.
        unsteady: words that were answered otherwise in another batch.
    """

    machine: MooreMachine | None
    agrees_to: int
    wrong: Wrong | None
    tested: dict[str, int]
    least: int
    limit: int
    words: int
    letters: int
    taken: int
    refused: str = ""
    unsteady: tuple[Word, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether no test contradicts the machine."""
        return self.machine is not None and self.wrong is None


@dataclass
class _Hypothesis:
    machine: MooreMachine
    wrong: Wrong | None
    compared: Compared
    reach: int = field(init=False)

    def __post_init__(self) -> None:
        agrees = len(self.wrong.word) - 1 if self.wrong is not None else 10**9
        self.reach = agrees - self.machine.longest


def learn_machine(
    model: Answering,
    letters: int,
    *,
    states: int = MAX_STATES,
    length: int = 2000,
    seed: int = 0,
    special: Callable[[int], Sequence[Word]] | None = None,
) -> LearntMachine:
    """Learn the machine of a model's answers.

    Arguments:
        model: anything with `answers`: words (N, L) of letters to classes (N, L), negative where it says none.
        letters: how many there are.
        states: the largest machine that is looked for.
        length: of the longest words that are run.
        seed: of the random words.
        special: adversarial words of a length; None for those of any alphabet.

    Raises:
        InputError: the model answers a word in two ways, or says something else of a beginning once letters follow.

    Examples:
        >>> class Parity:
        ...     def answers(self, words):
        ...         return words.cumsum(axis=1) % 2
        >>> found = learn_machine(Parity(), 2, length=100)
        >>> found.machine.states, found.agrees_to
        (2, 100)
    """
    asked = Asked(model, letters, MAX_LETTERS)
    taken, refused = longest_taken(asked.run, length)
    whole = _checked(asked, taken, np.random.default_rng([seed, 1]))
    adversarial = special if special is not None else lambda size: plain_special(letters, size)
    table = ObservationTable(asked, states)
    tried: list[_Hypothesis] = []
    unsteady: list[Word] = []
    least = 1

    def trials(machine: MooreMachine) -> Iterator[Trial]:
        random = np.random.default_rng([seed, 2])
        sorts = (
            every_word(letters, whole),
            short_trials(machine, letters, random),
            long_trials(letters, taken, adversarial, np.random.default_rng([seed, 6])),
        )
        return (trial for some in sorts for trial in some if trial.words.shape[1] <= taken)

    while True:
        try:
            machine = table.machine()
        except TooManyStatesError as error:
            least = error.least
            break
        except SpentError:
            break
        least = max(least, machine.states - 1)
        compared = Compared(asked, machine.answers, whole)
        wrong = compared.search(trials(machine))
        tried.append(_Hypothesis(machine, wrong, compared))
        if wrong is None:
            break
        if len(wrong.word) > machine.longest + 2 * FAR and asked.budget == MAX_LETTERS:
            asked.budget = min(MAX_LETTERS, 2 * asked.asked + PATIENCE)
        try:
            table.refine(wrong.word, machine)
        except SpentError:
            break
        except UnsteadyError:
            unsteady.append(wrong.word)
            break
    best = max(tried, key=lambda h: h.reach) if tried else None
    if best is None or (best.wrong is not None and best.reach <= FAR):
        known = min((h.wrong for h in tried if h.wrong is not None), key=lambda w: len(w.word), default=None)
        return LearntMachine(
            None, 0, known, {}, least, states, asked.words, asked.asked, taken, refused, tuple(unsteady)
        )
    asked.budget = float("inf")
    compared, wrong = best.compared, best.wrong
    if wrong is not None:  # later trials may have a shorter word, and all that is stated as tested is run
        compared.tested.clear()
        for trial in trials(best.machine):
            found = compared.search(iter([trial]))
            if found is not None and len(found.word) < len(wrong.word):
                wrong = found
        wrong = compared.shrunk(wrong)
    agrees_to = len(wrong.word) - 1 if wrong is not None else taken
    return LearntMachine(
        merged_start(best.machine), agrees_to, wrong, compared.tested, least, states, asked.words, asked.asked,
        taken, refused, tuple(unsteady),
    )  # fmt: skip


def require_steady(asked: Asked, taken: int, random: np.random.Generator) -> tuple[Integers, Integers]:
    """Some words and their answers. Raises `InputError` for a model that answers them otherwise when asked again."""
    words = random.integers(asked.letters, size=(32, min(24, taken)))
    first, again = asked.run(words), asked.run(words)
    changed = np.argwhere(first != again)
    if len(changed):
        row, place = changed[0]
        raise InputError(
            f"asked twice, the model answers the word {_spelt(words[row, : place + 1])} with class "
            f"{first[row, place]} and then {again[row, place]}; wanted a model that answers a word alike each time: "
            "call model.eval() before, which turns dropout off"
        )
    return words, first


def _checked(asked: Asked, taken: int, random: np.random.Generator) -> bool:
    """Whether only whole words are answered. Raises `InputError` for a model that answers a word in two ways, or whose
    answer to a beginning changes with what follows."""
    words, first = require_steady(asked, taken, random)
    size = words.shape[1]
    whole = size > 1 and bool((first[:, :-1] == NO_ANSWER).all())
    if whole:
        return True
    for length in sorted({1, 2, 3, size // 2, size - 1} - {0, -1}):
        alone = asked.run(words[:, :length])[:, -1]
        ahead = np.flatnonzero(alone != first[:, length - 1])
        if len(ahead):
            row = int(ahead[0])
            raise InputError(
                f"the model answers the word {_spelt(words[row, :length])} with class {alone[row]}, and with class "
                f"{first[row, length - 1]} once letters follow: it reads ahead (attention without a causal mask, a "
                "bidirectional layer); wanted a causal model, or a reading that takes the answer after the whole word"
            )
    return False


def _spelt(word: Integers) -> str:
    return f"({' '.join(map(str, word.tolist()))})"
