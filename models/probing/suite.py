"""What is trained on, and for how long: the suite of tasks of known depth, and the budgets."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ...algebra.automata.automaton import Automaton
from ...algebra.input.parser import parse_machine
from ...common.errors import InputError
from ..training.initial import MOST_ANSWERS
from ..training.letters import LetterDraw
from ..training.tasks import Lengths, Task, automaton_task, make_task

__all__ = ["BUDGETS", "SUITE", "Budget", "budget_of", "read_tasks", "task_named"]

SUITE: tuple[str, ...] = (
    *("parity", "flip-flop(2)", "even-pairs", "tomita(3)", "modular-arithmetic(5)", "dyck(2,4)"),
    *("C3", "C6", "C60", "S3", "Q8", "A4", "S4", "A5", "S5"),
)
"""Automata first, then groups, shallow ones before deep ones; A5 and S5 have no series of abelian factors at all."""

LETTERS = {"flip-flop(2)": "keep=0.8"}
"""How letters are drawn where it is not `alive`: as the field does it (`models.training.letters`)."""

MOST_LETTERS = 10**8
"""Of all words that judge a copy."""

MOST_CLASSES = 1000
"""Answers of one task: at every step of training there is a logit for each, at every position of every word."""


@dataclass(frozen=True)
class Budget:
    """What each copy gets. Two copies with the same budget, task, seed and rate are the same run.

    Arguments:
        steps: of training.
        batch: words in each.
        length: of training words, as `train` reads it: `2>>24` grows from 2 to 24 by one ratio.
        learning_rates: of Adam; every one is tried, and the best by validation words counts.
        seeds: how many copies of each task and rate.
        test_length, test_words: of the words that judge a copy.
    """

    steps: int
    batch: int
    length: str
    learning_rates: tuple[float, ...]
    seeds: int
    test_length: int
    test_words: int

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "seeds", "test_length", "test_words"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**7:
                raise InputError(f"{name}: wanted a whole number from 1 to 10,000,000, got {value!r:.40}")
        if not self.learning_rates:
            raise InputError("learning_rate: none given; wanted e.g. 0.003")
        for rate in self.learning_rates:
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1e3:
                raise InputError(f"learning_rate: wanted numbers above 0, e.g. 0.003, got {rate!r:.40}")
        Lengths.parse(self.length)

    def require_room(self, task: Task) -> None:
        """`InputError` where a step's answers, or the words that judge, would not fit into memory."""
        answers = self.batch * Lengths.parse(self.length).high * task.classes
        if answers > MOST_ANSWERS:
            raise InputError(
                f"{task.name}: {answers:,} logits a step ({self.batch:,} words of {self.length}, {task.classes} "
                f"classes); at most {MOST_ANSWERS:,}: smaller batch or length"
            )
        if self.test_words * self.test_length > MOST_LETTERS:
            raise InputError(
                f"test_words, test_length: {self.test_words:,} words of {self.test_length:,} letters; at most "
                f"{MOST_LETTERS:,} letters in all"
            )

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


BUDGETS: dict[str, Budget] = {
    "quick": Budget(300, 64, "2>>24", (3e-3,), 2, 240, 128),
    "paper": Budget(10_000, 128, "2>>40", (3e-4, 1e-3, 3e-3), 3, 500, 500),
}
"""By name. The rate of `quick` was chosen on the seeds 9000 and 9001, with 400 steps (what was tried: docs/how-to/
probe-an-architecture.md); `paper` trains on words up to 40 and judges up to 500, as the field does."""


def budget_of(name: str, **changes: Any) -> Budget:
    """A budget with some fields changed; None leaves one as it is. Raises `InputError`."""
    if name not in BUDGETS:
        raise InputError(f"unknown budget {name[:40]!r}; wanted one of {', '.join(BUDGETS)}")
    return replace(BUDGETS[name], **{field: value for field, value in changes.items() if value is not None})


def read_tasks(tasks: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """Names of tasks, separated by commas outside brackets, or a list; None for the whole suite. Each once.

    Raises:
        InputError: there is none.
    """
    if tasks is None:
        return SUITE
    given = _split(tasks) if isinstance(tasks, str) else [str(task).strip() for task in tasks]
    if not given or not all(given):
        raise InputError(f"tasks: {str(tasks)[:40]!r}; wanted names separated by commas, e.g. 'parity,S3,dyck(2,4)'")
    return tuple(dict.fromkeys(given))


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def task_named(text: str) -> Task:
    """The task that a text names, with the letters that `probe` draws.

    Raises:
        InputError: it is not understood, trivial, or too large.
    """
    asked = parse_machine(text)
    if isinstance(asked, Automaton):
        task = automaton_task(asked, letters=LetterDraw.parse(letters_of(text)))
    else:
        if asked.order > MOST_CLASSES:
            raise InputError(
                f"{text[:40]}: order {asked.order:,}; at most {MOST_CLASSES:,} elements are trained on, e.g. S5"
            )
        task = make_task(asked.listed())
    if task.classes > MOST_CLASSES:
        raise InputError(
            f"{text[:40]}: {task.classes:,} states; at most {MOST_CLASSES:,} are trained on, e.g. dyck(1,3)"
        )
    return task


def letters_of(text: str) -> str:
    """How the letters of an automaton are drawn, as `train --letters` reads it."""
    return LETTERS.get(text, "alive")
