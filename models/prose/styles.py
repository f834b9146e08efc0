"""One grammar a style: how a letter is said, what is asked, and which answers there are.

A word of a group moves things: what stands at place i goes to place x(i), one letter after the other, so the places
after a word are those of the product from left to right. Of an automaton one thing is told: the state.

    cups        permutations of at most 12 cups; where is the ball?
    boxes       contents of coloured boxes; any group of permutations, any automaton
    code        `a, b = b, a` and `print(a)`; of an automaton lists of next states, and `print(s)`
    flip-flop   write, ignore, read: automata whose letters keep the state or set it
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import Automaton
from ...algebra.groups.group import Group
from ...algebra.tracked import TrackedAutomaton, TrackedGroup
from ...common.errors import InputError
from ..training.tasks import Task

__all__ = ["STYLES", "Style", "style_named"]

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
            "twelfth")  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "pink", "grey", "orange", "purple", "silver")
THINGS = ("key", "coin", "ring", "stone", "card", "watch", "pen", "stamp", "shell", "nail", "cork", "bell")
VARIABLES = "abcdefghijkl"
PARAPHRASES = 4
"""How many ways each grammar has to say one thing."""


@dataclass(frozen=True)
class Question:
    """What is asked of one word.

    Arguments:
        start: the text before the first step.
        end: the text after the last one; the answer follows, after a space.
        answer: the right one.
        choices: all that there are.
    """

    start: str
    end: str
    answer: str
    choices: tuple[str, ...]


class Style(ABC):
    """A grammar for one task.

    Arguments:
        task: a listed group of permutations, or an automaton.

    Raises:
        InputError: the style has no words for it.
    """

    name: str
    between = " "
    """What stands between two sentences."""
    idle: tuple[str, ...]
    """Sentences that change nothing."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.automaton = task.tracked.automaton if isinstance(task.tracked, TrackedAutomaton) else None
        self.group: Group | None = task.tracked.group if isinstance(task.tracked, TrackedGroup) else None
        self.require()

    @abstractmethod
    def require(self) -> None:
        """InputError where the style has no words for the task."""

    @abstractmethod
    def step(self, letter: int, way: int) -> str:
        """A letter as a sentence, in one of `PARAPHRASES` ways."""

    @abstractmethod
    def question(self, label: int, asked: int, way: int) -> Question:
        """What is asked of a word that leads to a label; of a group about the thing or place `asked`."""

    @property
    def places(self) -> int:
        """How many things there are to ask about: points of the group; 1 for an automaton."""
        return self.group.degree if self.group is not None else 1

    def images(self, element: int) -> NDArray[np.integer]:
        """Where an element takes each point."""
        assert self.group is not None
        return np.asarray(self.group.elements[element])

    def letter_images(self, letter: int) -> NDArray[np.integer]:
        """Where a letter takes each point."""
        return self.images(int(self.task.alphabet[letter]))

    def points(self, asked: int) -> Task:
        """The task that a reader has who only follows what is asked: where one thing is. Of an automaton, itself."""
        if self.group is None:
            return self.task
        table = np.stack([self.letter_images(letter) for letter in range(len(self.task.alphabet))], axis=1)
        return Task(TrackedAutomaton(Automaton.make(self.task.name, table, start=asked).minimal()))

    def _group_up_to(self, most: int, noun: str) -> None:
        if self.group is None:
            raise InputError(
                f"--style {self.name}: {self.task.name} is an automaton, and {noun} are permuted; wanted a group, e.g. "
                "S3, or --style boxes or code"
            )
        if not 2 <= self.group.degree <= most:
            raise InputError(
                f"--style {self.name}: {self.task.name} acts on {self.group.degree} points, and there are 2 to {most} "
                f"{noun}; wanted e.g. S5"
            )


def _cycles(images: NDArray[np.integer]) -> list[list[int]]:
    """The cycles of a permutation that are longer than 1, each from its least point."""
    found, seen = [], set()
    for first in range(len(images)):
        cycle, point = [], first
        while point not in seen:
            seen.add(point)
            cycle.append(point)
            point = int(images[point])
        if len(cycle) > 1:
            found.append(cycle)
    return found


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


class Cups(Style):
    """Cups in a row, one of them with a ball."""

    name = "cups"
    idle = (
        "Somebody in the crowd coughs.",
        "The magician smiles and looks at the cups.",
        "A cup is tapped, and stays where it is.",
        "The music stops for a moment.",
        "The magician counts the cups.",
    )
    SWAPS = (
        "swap the {a} cup and the {b} cup",
        "the {a} cup and the {b} cup trade places",
        "exchange the {a} cup with the {b} cup",
        "the cup that is {a} and the cup that is {b} change places",
    )
    NOTHING = (
        "Leave all cups where they are.",
        "All cups stay in place.",
        "No cup is moved.",
        "The cups are left alone.",
    )
    QUESTIONS = (
        "Where is the ball now? It is under the cup that is",
        "Which cup has the ball? The cup that is",
        "Under which cup is the ball? Under the one that is",
        "In which place is the ball? It is under the cup that is",
    )

    def require(self) -> None:
        self._group_up_to(len(ORDINALS), "cups in a row")

    def step(self, letter: int, way: int) -> str:
        images = self.letter_images(letter)
        moves = []
        for cycle in _cycles(images):
            if len(cycle) == 2:
                moves.append(self.SWAPS[way].format(a=ORDINALS[cycle[0]], b=ORDINALS[cycle[1]]))
            else:
                steps = [f"the {ORDINALS[point]} cup to the {ORDINALS[int(images[point])]} place" for point in cycle]
                verb = ("move", "take", "push", "shift")[way]
                moves.append(f"{verb} {_listed(steps)}, all at once")
        return _sentence("; and at the same time ".join(moves)) + "." if moves else self.NOTHING[way]

    def question(self, label: int, asked: int, way: int) -> Question:
        count = self.places
        start = f"There are {count} cups in a row. A ball is under the {ORDINALS[asked]} cup."
        answer = ORDINALS[int(self.images(label)[asked])]
        return Question(start, self.QUESTIONS[way], answer, ORDINALS[:count])


class Boxes(Style):
    """Coloured boxes and what is in them."""

    name = "boxes"
    idle = (
        "The lamp in the room flickers.",
        "Somebody opens the window and closes it.",
        "A box is dusted, and nothing in it is touched.",
        "It begins to rain outside.",
        "The phone rings, and nobody answers.",
    )
    SWAPS = (
        "swap what is in the {a} box and what is in the {b} box",
        "the contents of the {a} box and of the {b} box trade places",
        "exchange the contents of the {a} box with those of the {b} box",
        "what is in the {a} box and what is in the {b} box change places",
    )
    NOTHING = ("Nothing is moved.", "All things stay where they are.", "Leave everything.", "No box is touched.")
    QUESTIONS = (
        "Where is the {thing} now? It is in the box that is",
        "Which box holds the {thing}? The one that is",
        "In which box is the {thing}? In the one that is",
        "Where does one find the {thing}? In the box that is",
    )

    def require(self) -> None:
        count = self.task.classes if self.group is None else self.group.degree
        if not 2 <= count <= len(COLOURS):
            raise InputError(
                f"--style boxes: {self.task.name} has {count:,} {'states' if self.group is None else 'points'}, and "
                f"there are 2 to {len(COLOURS)} boxes; wanted e.g. S5 or tomita(5)"
            )

    def step(self, letter: int, way: int) -> str:
        if self.group is None:
            return self._moves(letter, way)
        images = self.letter_images(letter)
        moves = []
        for cycle in _cycles(images):
            if len(cycle) == 2:
                moves.append(self.SWAPS[way].format(a=COLOURS[cycle[0]], b=COLOURS[cycle[1]]))
            else:
                steps = [
                    f"what is in the {COLOURS[point]} box into the {COLOURS[int(images[point])]} one" for point in cycle
                ]
                moves.append(f"{('move', 'put', 'take', 'carry')[way]} {_listed(steps)}, all at once")
        return _sentence("; and at the same time ".join(moves)) + "." if moves else self.NOTHING[way]

    def _moves(self, letter: int, way: int) -> str:
        images = self.task.moves[:, letter]
        moved = [state for state in range(len(images)) if images[state] != state]
        if not moved:
            return self.NOTHING[way]
        verb = ("move it to", "put it into", "it goes to", "carry it to")[way]
        steps = [f"if it is in the {COLOURS[state]} box, {verb} the {COLOURS[images[state]]} one" for state in moved]
        return _sentence("; ".join(steps)).replace(" it is in", " the key is in", 1) + "."

    def question(self, label: int, asked: int, way: int) -> Question:
        if self.group is None:
            count = self.task.classes
            start = (
                f"There are {count} boxes: {_listed(COLOURS[:count])}. The key is in the "
                f"{COLOURS[int(self.task.tracked.start)]} box."
            )
            return Question(start, self.QUESTIONS[way].format(thing="key"), COLOURS[label], COLOURS[:count])
        count = self.places
        held = [f"the {THINGS[place]} is in the {COLOURS[place]} box" for place in range(count)]
        end = self.QUESTIONS[way].format(thing=THINGS[asked])
        return Question(_sentence(_listed(held)) + ".", end, COLOURS[int(self.images(label)[asked])], COLOURS[:count])


class Code(Style):
    """A program: assignments of variables, or look-ups of a state; the answer is what it prints."""

    name = "code"
    between = "\n"
    idle = ("x = 0", "y = 1", "x = 7", "pass", "y = 2 + 2")

    def require(self) -> None:
        if self.group is not None:
            self._group_up_to(len(VARIABLES), "variables")
        elif self.task.classes > 1000:
            raise InputError(f"--style code: {self.task.classes:,} states; at most 1,000 are written as lists")

    def step(self, letter: int, way: int) -> str:
        if self.group is None:
            return (
                f"s = go[{letter}][s]",
                f"s = go[{letter}][s + 0]",
                f"s = (go[{letter}])[s]",
                f"s = go[{letter}][+s]",
            )[way]
        images = self.letter_images(letter)
        moved = [point for point in range(len(images)) if images[point] != point]
        if not moved:
            return ("a = a", "(a) = a", "a = (a)", "a, b = a, b")[way]
        order = [moved, moved[::-1], moved[1:] + moved[:1], moved[-1:] + moved[:-1]][way]
        to = ", ".join(VARIABLES[int(images[point])] for point in order)
        return f"{to} = {', '.join(VARIABLES[point] for point in order)}"

    def question(self, label: int, asked: int, way: int) -> Question:
        ends = ("print({v})  # prints", "print({v})  # the output is", "print({v})  # out:", "print({v})  # ->")
        if self.group is None:
            table = self.task.moves.T.tolist()
            start = f"go = {table}\ns = {int(self.task.tracked.start)}"
            return Question(start, ends[way].format(v="s"), str(label), tuple(map(str, range(self.task.classes))))
        count = self.places
        values = [str(value) for value in range(1, count + 1)]
        start = f"{', '.join(VARIABLES[:count])} = {', '.join(values)}"
        held = int(np.flatnonzero(self.images(label) == asked)[0])  # which value has come to the variable
        return Question(start, ends[way].format(v=VARIABLES[asked]), values[held], tuple(values))

    def points(self, asked: int) -> Task:
        return self.task  # which variable is printed is said at the end, so all of them have to be followed


class FlipFlop(Style):
    """A memory that is written, and bits that are ignored."""

    name = "flip-flop"
    idle = (
        "Wait a moment.",
        "The memory is not touched now.",
        "A light blinks.",
        "The clock ticks once.",
        "Nothing happens here.",
    )
    WRITES = ("Write {v}.", "Store {v} in the memory.", "Set the memory to {v}.", "The memory now holds {v}.")
    KEEPS = ("Ignore {v}.", "A {v} comes by and is ignored.", "Skip {v}.", "Do not write {v}.")
    QUESTIONS = ("Read:", "Read the memory:", "What is in the memory? It is", "The memory holds")

    def require(self) -> None:
        moves = self.task.moves
        settled = (moves == moves[:1]).all(axis=0) | (moves == np.arange(len(moves))[:, None]).all(axis=0)
        if self.group is not None or not settled.all():
            raise InputError(
                f"--style flip-flop: {self.task.name} has letters that neither keep the state nor set it; wanted e.g. "
                "flip-flop(2)"
            )

    def step(self, letter: int, way: int) -> str:
        images = self.task.moves[:, letter]
        if (images == images[0]).all():
            return self.WRITES[way].format(v=self._value(int(images[0])))
        # which bit is ignored is a distraction: it goes by the way of saying it, so that it is the same for one seed
        return self.KEEPS[way].format(v=self._value((letter + way) % self.task.classes))

    def _value(self, state: int) -> str:
        return str(self.task.tracked.class_names[state])

    def question(self, label: int, asked: int, way: int) -> Question:
        start = f"A memory holds {self._value(int(self.task.tracked.start))}."
        values = tuple(self._value(state) for state in range(self.task.classes))
        return Question(start, self.QUESTIONS[way], self._value(label), values)


STYLES: dict[str, type[Style]] = {style.name: style for style in (Cups, Boxes, Code, FlipFlop)}
"""By the name that `words --style` takes."""


def style_named(name: str, task: Task) -> Style:
    """The grammar of a style for a task. Raises `InputError` for an unknown style, or one without words for it."""
    if name not in STYLES:
        raise InputError(f"unknown style {name[:40]!r}; wanted one of {', '.join(STYLES)}")
    return STYLES[name](task)
