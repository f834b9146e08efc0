"""Samples of a task in words: prompts with their answers, and the file that holds them.

One JSON object a line: `prompt`, `answer` (which follows after a space), `choices`, `steps`, `depth` (how many layers
of AUSSM theory asks for to follow what is asked; null for never), `group`, `style`, `letters`, `seed`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...algebra.tracked import TrackedGroup
from ...common.errors import InputError
from ...common.reading import conform, parse_json, read_text
from ...common.wording import default_folder
from ...common.writing import write_file
from ..training.needed import least_depth
from ..training.tasks import Task
from .styles import PARAPHRASES, style_named

__all__ = ["Sample", "is_prose", "read_samples", "samples_of", "swaps", "write_samples"]

PROSE = 17
"""The first seed of the stream that asks and paraphrases: it never meets the streams of words."""

MOST_DISTRACTORS = 10_000


@dataclass(frozen=True)
class Sample:
    """One prompt.

    Arguments:
        prompt: the text.
        answer: what follows it, after a space.
        choices: all answers that there are.
        steps: how many letters were said.
        depth: how many layers of AUSSM it takes at least to follow what is asked; None for never.
        group: what is tracked, by name.
        style: of the grammar.
        letters: numbers of the letters, in the task's alphabet.
        seed: of everything that was drawn.
    """

    prompt: str
    answer: str
    choices: tuple[str, ...]
    steps: int
    depth: int | None
    group: str
    style: str
    letters: tuple[int, ...]
    seed: int


def swaps(tracked: TrackedGroup) -> list[int] | None:
    """The transpositions of a group by their element numbers; None where they do not generate it."""
    moved = (tracked.group.elements != np.arange(tracked.group.degree)).sum(axis=1)
    found: list[int] = np.flatnonzero(moved == 2).tolist()
    return found if found and tracked.group.subgroup(found).order == tracked.group.order else None


def samples_of(
    task: Task, style: str, count: int, longest: int, seed: int = 0, distractors: int = 0, paraphrases: int = 1
) -> list[Sample]:
    """Samples with 1 … `longest` steps in turns.

    Arguments:
        task: a listed group, or an automaton.
        style: one of `styles.STYLES`.
        count: how many.
        longest: the most steps.
        seed: of the words, of what is asked, and of how it is said.
        distractors: sentences without effect in each prompt.
        paraphrases: ways to say each thing, 1 to 4.

    Raises:
        InputError: the style has no words for the task, or a number is out of range.
    """
    if not 1 <= paraphrases <= PARAPHRASES:
        raise InputError(f"paraphrases: {paraphrases}; wanted 1 to {PARAPHRASES}")
    if not 0 <= distractors <= MOST_DISTRACTORS:
        raise InputError(f"distractors: {distractors:,}; wanted 0 to {MOST_DISTRACTORS:,}")
    grammar = style_named(style, task)
    generator = np.random.default_rng([PROSE, seed])
    words = task.training_words(count, longest, seed)
    labels = task.labels(words)
    depths: dict[int, int | None] = {}
    found = []
    for number in range(count):
        steps = 1 + number % longest
        asked = int(generator.integers(grammar.places))
        if asked not in depths:
            depths[asked] = least_depth(grammar.points(asked).tracked)
        ways = generator.integers(paraphrases, size=steps + 1).tolist()
        letters = words[number, :steps].tolist()
        lines = [grammar.step(letter, way) for letter, way in zip(letters, ways, strict=False)]
        for place in sorted(generator.integers(steps + 1, size=distractors).tolist(), reverse=True):
            lines.insert(place, grammar.idle[int(generator.integers(len(grammar.idle)))])
        question = grammar.question(int(labels[number, steps - 1]), asked, ways[-1])
        prompt = grammar.between.join([question.start, *lines, question.end])
        found.append(
            Sample(
                prompt, question.answer, question.choices, steps, depths[asked], task.name, style, tuple(letters), seed
            )
        )
    return found


def write_samples(folder: Path, samples: Sequence[Sample]) -> Path:
    """Write samples as JSON lines; returns the file, e.g. `S5-cups=20.jsonl`. Raises `InputError`."""
    first = samples[0]
    longest = max(sample.steps for sample in samples)
    path = folder / f"{default_folder(first.group)}-{first.style}={longest}.jsonl"
    write_file(path, "".join(json.dumps(asdict(sample), ensure_ascii=False) + "\n" for sample in samples))
    return path


def is_prose(path: str | Path) -> bool:
    """Whether a path is that of a file of samples: by its first line."""
    place = Path(path)
    if place.suffix != ".jsonl" or not place.is_file():
        return False
    with place.open("rb") as file:
        first = file.readline(1 << 20).decode("utf-8", "replace")
    return '"prompt"' in first and '"answer"' in first


def read_samples(path: Path) -> list[Sample]:
    """The samples of a file.

    Raises:
        InputError: it cannot be read, or a line is no sample; the line is named.
    """
    found = []
    for line, text in enumerate(read_text(path, wanted="JSON lines with prompt and answer").splitlines(), 1):
        if not text.strip():
            continue
        source = f"{path}: line {line}"
        row: Any = parse_json(text.encode(), source)
        if not isinstance(row, dict):
            raise InputError(f"{source}: wanted an object with prompt, answer, choices and steps")
        usual: dict[str, Any] = {"depth": None, "group": "", "style": "", "letters": [], "seed": 0}
        sample: Sample = conform(usual | row, Sample, source)
        if sample.answer not in sample.choices or len(set(sample.choices)) < 2:
            raise InputError(f"{source}: the answer {sample.answer[:20]!r} is none of two choices or more")
        found.append(sample)
    if not found:
        raise InputError(f"{path}: no prompts in it")
    return found
