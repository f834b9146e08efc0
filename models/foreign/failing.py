"""A word that a model answers wrongly, with the line of plain torch that runs it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...algebra.tracked import Tracked
from ...common.brief import Brief
from .identity import class_text
from .moore import Word
from .trials import Wrong

if TYPE_CHECKING:
    from .model import ForeignModel

SHOWN = 24
"""Letters of a word that are shown; of a longer one the first and the last."""


@dataclass(frozen=True, eq=False, repr=False)
class FailingWord(Brief):
    """A word after whose last letter a model's answer is wrong.

    Arguments:
        word: the names of its letters.
        letters: their numbers.
        product: what the word leads to: an element, or a state.
        answer: what the model says; `none` for what is no class.
        rerun: a line of Python that runs it again with torch alone, and prints the model's answer.
        prints: what that line prints, and what would be right.
    """

    word: tuple[str, ...]
    letters: Word
    product: str
    answer: str
    rerun: str
    prints: str

    @property
    def length(self) -> int:
        """Number of letters."""
        return len(self.word)

    def as_json(self) -> dict[str, Any]:
        return {
            "word": list(self.word),
            "letters": list(self.letters),
            "length": self.length,
            "product": self.product,
            "answer": self.answer,
            "rerun": self.rerun,
        }

    def text(self) -> str:
        """`(1 2 1), 3 letters: it answers 4, wanted 0`."""
        letters = f"{self.length:,} letter{'s' * (self.length != 1)}"
        answer = "none (no class, or not a number)" if self.answer == "none" else self.answer
        return f"({shown(self.word)}), {letters}: it answers {answer}, wanted {self.product}"


def shown(names: Sequence[str]) -> str:
    """A word for people: runs of one letter as a power, and of a long word the first and the last letters."""
    runs: list[tuple[str, int]] = []
    for name in names:
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1] + 1)
        else:
            runs.append((name, 1))
    if len(names) <= SHOWN and max((count for _, count in runs), default=0) < 8:
        return " ".join(names)
    parts = [name if count == 1 else f"{name}^{count}" for name, count in runs]
    return " ".join(parts if len(parts) <= SHOWN else [*parts[: SHOWN - 4], "…", *parts[-3:]])


def failing_word(model: ForeignModel, tracked: Tracked, wrong: Wrong) -> FailingWord:
    """A wrong answer in the words of the task, and the line that shows it."""
    letters, classes = tracked.letter_names, tracked.class_names
    rerun, prints = replay(model, wrong)
    return FailingWord(
        tuple(letters[x] for x in wrong.word),
        wrong.word,
        class_text(wrong.wanted, classes),
        class_text(wrong.answer, classes),
        rerun,
        prints,
    )


def replay(model: ForeignModel, wrong: Wrong) -> tuple[str, str]:
    """A line of Python that runs a word with torch alone, and what it prints beside what would be right.

    A model in hand is called `model` there; a folder is loaded by transformers, a file run by `runpy`.
    """
    ids = listed(model.ids(wrong.word))
    name = str(model.name)
    if model.folder is not None:
        begin = (
            "import torch; from transformers import AutoModelForCausalLM; "
            f"model = AutoModelForCausalLM.from_pretrained({str(model.folder)!r}, dtype=torch.float32).eval(); "
        )
    elif ".py:" in name:
        path, _, function = name.rpartition(":")
        begin = f"import runpy, torch; model = runpy.run_path({path!r})[{function!r}]{'()' * model.made}; "
    else:
        begin = "import torch; "
    found = model.last_logits(wrong.word)  # and `picked` is known
    off = ".eval()" if model.module is not None and any(part.training for part in model.module.modules()) else ""
    call = f"model{off}(torch.tensor([{ids}])){model.picked}"
    own = model.reading.logits
    last = "[0]" if model.one_answer else "[0, -1]"
    wanted = wrong.wanted
    if model.reading.among == "all" or own == tuple(range(len(own))):
        chosen, right = "", (own[wanted] if 0 <= wanted < len(own) else wanted)
    else:
        chosen, right, found = f"[{listed(own)}]", wanted, found[list(own)]
    told, given = ("max", "nan") if found.isnan().any() else ("argmax", str(int(found.argmax())))
    line = f"{begin}print({call}{last}{chosen}.{told}().item())"
    return line, f"prints {given}; right is {right}"


def listed(numbers: Sequence[int]) -> str:
    """A Python expression for a list, short where it repeats itself or counts up."""
    found = list(numbers)
    plain = f"[{', '.join(map(str, found))}]"
    if len(found) < 12:
        return plain
    if found == list(range(found[0], found[0] + len(found))):
        return f"list(range({found[0]}, {found[0] + len(found)}))"
    array = np.array(found)
    for begin in (0, 1, 2):
        rest = array[begin:]
        for period in range(1, min(16, len(rest) // 3) + 1):
            if (rest[period:] == rest[:-period]).all():
                times, left = divmod(len(rest), period)
                unit = f"[{', '.join(map(str, rest[:period].tolist()))}]"
                ends = (found[:begin], found[len(found) - left :] if left else [])
                parts = [str(ends[0])] * bool(ends[0]) + [f"{unit} * {times}"] + [str(ends[1])] * bool(ends[1])
                return " + ".join(parts)
    return plain
