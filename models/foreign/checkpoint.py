"""Hugging Face folders: loading them, and what those that were written here say themselves: their reading, and what
they were made for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...algebra.arithmetic.permutations import cycles, parse_permutation
from ...algebra.automata.automaton import Automaton
from ...algebra.groups.group import Group
from ...algebra.input.parser import parse_group, parse_machine
from ...algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup
from ...common.errors import InputError
from ...common.reading import read_text
from ...constructions.targets.points import QUESTION
from ...constructions.targets.resets import answers_of
from ..references.fla import KINDS as FLA_KINDS
from ..references.fla import FlaReference
from ..references.folder import read_config
from ..references.hugging_face import load_model
from ..references.mamba3 import Mamba3Reference
from ..references.trial import SpelledWords
from .reading import EVERY, NEXT, Reading

LARGEST_CARD = 1 << 20
"""Bytes of a card that are read at most."""


def load_checkpoint(folder: Path) -> Callable[..., Any]:
    """The model of a folder: by transformers, or by the plain recurrence where that knows no such class.

    Raises:
        InputError: it cannot be loaded.
    """
    config = read_config(folder)
    if config.get("model_type") in FLA_KINDS and not _known(str(config["model_type"])):
        by_fla = FlaReference(folder)
        return named(lambda ids: torch.stack([by_fla.logits(row) for row in ids]))
    if "ssm_cfg" in config and "model_type" not in config:
        by_steps = Mamba3Reference(folder)
        return named(by_steps.logits)
    found: Callable[..., Any] = load_model(folder)
    return found


def named(run: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function for what is run by a recurrence of ours."""

    def plain_recurrence(ids: Any) -> Any:
        return run(ids)

    return plain_recurrence


def _known(model_type: str) -> bool:
    """Whether the installed transformers has a class of that type."""
    from ...common.packages import installed

    if not installed("transformers"):
        return False
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return model_type in CONFIG_MAPPING_NAMES


class OwnCheckpoint:
    """A checkpoint that `compile --target` wrote, and what its tokenizer and its card say.

    Arguments:
        folder: with the files of a tokenizer.

    Raises:
        InputError: it was not written by `compile --target`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.words = SpelledWords(folder)
        except (InputError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{folder}: no tokenizer of ours ({type(error).__name__})") from None
        numbers, special = self.words.numbers, self.words.special
        self.answers = {name: i for name, i in numbers.items() if name not in special}
        self.of_group = bool(self.words.spellings)
        self.questions = [name for name in self.words.spellings if name.endswith(QUESTION)]
        if not self.of_group:
            self.answers = {name: i for name, i in self.answers.items() if name.startswith("state=")}
        if not self.answers or (self.of_group and not self.questions and next(iter(self.answers)) != "()"):
            raise InputError(f"{folder}: no checkpoint that was written here")

    @property
    def name(self) -> str:
        """What the card says that it tracks; empty where there is none."""
        try:
            card = read_text(self.folder / "README.md", LARGEST_CARD)
        except InputError:
            return ""
        title = next((line for line in card.splitlines() if line.startswith("# ")), "")
        return title.removeprefix("# ").partition(", tracked by")[0].strip()

    @cached_property
    def tracked(self) -> Tracked:
        """What it was made for. Raises `InputError` where its card does not say."""
        if self.questions:
            return self._tracked_point
        wanted = f"wanted what it should track too, e.g. `evaluate {self.folder} S3`"
        try:
            given = parse_machine(self.name)
            if not isinstance(given, Automaton) and self.of_group:
                given = parse_group(self.name)
        except InputError:
            raise InputError(f"{self.folder}: its card names no group or automaton that is known; {wanted}") from None
        if isinstance(given, Automaton):
            automaton = given.minimal()
            found: Tracked = TrackedAutomaton(automaton)
            known = sorted(answers_of(automaton)) == sorted(self.answers)
        else:
            group = given.listed()
            elements = [cycles(row) for row in group.elements]
            found = TrackedGroup(group, np.array([i for i, name in enumerate(elements) if name in self.spelt]))
            known = elements == list(self.answers)
        if not known:
            raise InputError(f"{self.folder}: answers with others than {self.name} has; {wanted}")
        return found

    @cached_property
    def _tracked_point(self) -> TrackedAutomaton:
        """Of a checkpoint that is asked for points: where the first of them goes, an automaton on its orbit."""
        letters = list(self.spelt)
        rows = [parse_permutation(name) for name in letters]
        orbit = [int(next(iter(self.answers))) - 1]
        for point in orbit:  # grows while it is walked
            orbit += [q for q in dict.fromkeys(_image(row, point) for row in rows) if q not in orbit]
        table = [[orbit.index(_image(row, point)) for row in rows] for point in orbit]
        title = f"the image of {orbit[0] + 1} in {self.name or 'a group'}"
        return TrackedAutomaton(Automaton.make(title, table, letters, [str(1 + point) for point in orbit]))

    @property
    def spelt(self) -> dict[str, tuple[int, ...]]:
        """The ids of every letter, by its name in a text."""
        if self.of_group:
            asked = set(self.questions)
            return {
                name: tuple(ids)
                for name, ids in self.words.spellings.items()
                if not name.startswith("=") and name not in asked
            }
        skipped = self.words.special | self.answers.keys()
        return {name: (i,) for name, i in self.words.numbers.items() if name not in skipped}

    def reading(self, tracked: Tracked | None) -> Reading:
        """How it is read, with the letters and classes of what is tracked, by name; None for all that it has,
        in the order of its answers.

        Raises:
            InputError: it has no letter, or no answer, of that name.
        """
        classes = list(self.answers)
        letters = [name for name in classes if name in self.spelt] if self.of_group else list(self.spelt)
        if self.questions:
            own = self._tracked_point.automaton
            if tracked is not None and not isinstance(tracked, TrackedAutomaton):
                raise InputError(
                    f"{self.folder} answers with points, asked by e.g. {self.questions[0]}, and not with elements of "
                    f"{tracked.name}: leave it out, and it is read as {own.name}"
                )
            letters = list(tracked.letter_names) if tracked is not None else list(own.letters)
            classes = list(tracked.class_names) if tracked is not None else list(own.states)
        elif isinstance(tracked, TrackedGroup):
            names = _names(tracked.group)
            letters, classes = [names[int(x)] for x in tracked.alphabet], names
        elif isinstance(tracked, TrackedAutomaton):
            letters, classes = list(tracked.letter_names), answers_of(tracked.automaton)
        for field, wanted, known in (("letters", letters, self.spelt), ("classes", classes, self.answers)):
            if missing := next((name for name in wanted if name not in known), None):
                what = f"{self.folder} has none that is called {missing}"
                instead = f"it was made for {self.name}" if self.name else f"its own: {', '.join(list(known)[:6])}"
                raise InputError(f"{field}: {what}; {instead}")
        return Reading(
            letters=tuple(self.spelt[name] for name in letters),
            before=tuple(self.words.start),
            after=tuple(self.words.spellings[f"{classes[0]}{QUESTION}"]) if self.questions else (),
            answer=NEXT if self.questions else EVERY,
            classes=tuple(self.answers[name] for name in classes),
            among="all",
            pad=self.words.numbers.get("[PAD]"),
        )


def _image(permutation: Sequence[int], point: int) -> int:
    return int(permutation[point]) if point < len(permutation) else point


def _names(group: Group) -> list[str]:
    return [cycles(row) for row in group.elements]


def own_checkpoint(folder: Path) -> OwnCheckpoint | None:
    """A checkpoint that was written here; None for others."""
    try:
        return OwnCheckpoint(folder)
    except InputError:
        return None
