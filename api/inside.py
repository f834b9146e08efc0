"""`decompile --inside`: the states of somebody's model beside the machine that its answers show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.tracked import Tracked
from ..common.terminal import Shown
from ..common.wording import counted

if TYPE_CHECKING:
    from ..models.foreign.inside import StateReader, StatesInside
    from ..models.foreign.model import ForeignModel
    from ..models.foreign.moore import MooreMachine, Word
    from ..proofs_check.horizons.boxes import Agreement

SHOWN = (1, 2, 5, 10, 20, 60, 120, 300, 800, 2000, 8000)
"""Lengths whose margins are printed."""


@dataclass(frozen=True, eq=False, repr=False)
class Inside(Shown):
    """What a model's recurrent layers hold, beside the classes of a machine.

    Arguments:
        found: the states and how they lie.
        by: whose classes they are sorted by: the machine's, or where that is not the task, the task's.
        proof: up to which length all words are answered as by the machine; not `covered` where no proof is made, None
            where it stands elsewhere.
        by_compile: whether that is said by the compiler, of a checkpoint that is as it was written.
        plot: the picture; None where none was asked for.
    """

    found: StatesInside
    by: str
    proof: Agreement | None
    by_compile: bool = False
    plot: Path | None = None

    @property
    def together(self) -> bool:
        """Whether states after words of one class are nearer to each other than to any of another class."""
        return self.found.together

    @property
    def together_to(self) -> int:
        """Up to which length of the words that were read."""
        return self.found.together_to

    @property
    def split(self) -> tuple[str, ...]:
        """Classes that fall into several clusters."""
        return tuple(self.found.names[i] for i in self.found.split)

    @property
    def margins(self) -> dict[int, float]:
        """By length: the least distance between classes, by the largest within one; infinite where that is 0."""
        return dict(self.found.margins())

    @property
    def proved_length(self) -> int | None:
        """Letters up to which *all* words are proved to be answered as by the machine; None for every length, 0 where
        nothing is proved."""
        return self.proof.length if self.proof is not None and self.proof.covered else 0

    def as_json(self) -> dict[str, Any]:
        """The object under `inside` that `decompile --json` prints."""
        from ..proofs_check.horizons.delta_states import ASSUMED

        proof = self.proof
        told: dict[str, Any] = {}
        if proof is not None:
            proved = {
                "length": proof.length,
                "every_length": proof.length is None,
                "ends": proof.reason,
                "assumed": None if self.by_compile else ASSUMED,
            }
            told = {"proved": proved if proof.covered else None, "not_proved": None if proof.covered else proof.reason}
        return {
            "by": self.by,
            **self.found.as_json(),
            **told,
            "plot": str(self.plot) if self.plot else None,
        }

    def view(self) -> RenderableType:
        """What `decompile --inside` prints below the machine."""
        return Renderables(*map(Text, self.lines()))

    def lines(self) -> list[str]:
        """The same, line by line."""
        from ..proofs_check.horizons.delta_states import ASSUMED

        found = self.found
        answers = (
            "all answers there are right"
            if not found.wrong
            else f"{counted(found.wrong, 'answer')} of {len(found.states):,} wrong"
        )
        known = "; the state has it, and the answers do not say it" if found.wrong and found.together else ""
        told = [f"states, by {self.by}: {found.sentence()} ({answers}{known})"]
        last = found.by_length[-1][0]
        if found.by_length[-1][2]:
            margins = [f"{_times(m)} to {n:,}" for n, m in found.margins() if n in SHOWN or n == last]
            told.append(f"margins (between classes / within one), by letters: {', '.join(margins)}")
        if found.beside:
            told.append(f"not looked at: {found.beside}")
        proof = self.proof
        if proof is None:
            pass
        elif not proof.covered or proof.length == 0:
            told.append(f"nothing is proved: {proof.reason}")
        elif self.by_compile:
            told.append(f"proved of the machine: words of every length ({proof.reason})")
        else:
            reach = "every length" if proof.length is None else f"up to {counted(proof.length, 'letter')}"
            told.append(f"proved of the machine: all words of {reach} ({proof.reason}); {ASSUMED}")
        return [*told, *([f"picture: {self.plot}"] if self.plot else [])]


def _times(margin: float) -> str:
    return "∞" if margin == float("inf") else f"{margin:,.3g}"


def look(
    model: ForeignModel,
    machine: MooreMachine | None,
    names: Sequence[str],
    task: Tracked | None,
    is_task: bool,
    *,
    length: int,
    seed: int,
    special: Callable[[int], Sequence[Word]] | None,
    reader: StateReader,
    plot: Path | None = None,
    prove: bool = True,
) -> Inside:
    """Look at a model's states by the classes of the machine that was learnt, else of its task.

    Arguments:
        model: whose states they are.
        machine, names: what was learnt of it, and what its states are called; None where nothing was.
        task: what it should track; None where nobody says.
        is_task: whether the machine is the task's.
        length, seed, special: of the words.
        reader: of the states.
        plot: the picture to write; None for none.
        prove: whether a length is proved; else it stands elsewhere.

    Raises:
        NotLookedAtError: a state is not finite, or there are no classes.
        InputError: the picture cannot be written.
    """
    from ..models.foreign.altered import as_compiled
    from ..models.foreign.inside import LONGEST, NotLookedAtError, look_inside
    from ..models.foreign.inside_picture import draw_inside
    from ..proofs_check.horizons.boxes import Agreement
    from ..proofs_check.horizons.delta_models import prove_states
    from ..proofs_check.refutations.foreign import writes_nothing

    by = f"the classes of {task.name}" if task is not None else "the machine's states"
    if task is not None and task.is_listed and (machine is None or not is_task):
        listed, start = task, int(task.start)

        def run(words: Any) -> Any:
            return np.array([listed.run(word) for word in words], dtype=np.int64)

        outputs, names = np.arange(listed.classes), listed.class_names
        order = np.array([start, *(i for i in range(listed.classes) if i != start)])
        table, numbered = np.argsort(order)[np.asarray(listed.moves)[order]], outputs[order]  # the start is 0
    elif machine is not None:
        run, outputs = machine.run, machine.outputs
    else:
        raise NotLookedAtError(
            "no machine was found, and nobody says what it should track: there are no classes to sort them by; "
            "wanted the task too, e.g. `decompile … S3 --inside`"
        )
    if machine is not None:
        table, numbered = machine.table, machine.outputs
    found = look_inside(
        model, run, outputs, names, length=min(length, LONGEST), seed=seed, special=special, reader=reader,
        silent=writes_nothing(model.module),
    )  # fmt: skip
    written = as_compiled(model.folder, task) if model.folder is not None and task is not None and is_task else None
    proof: Agreement | None = None
    if written:
        proof = Agreement(None, f"as `compile` writes it; {written}")
    elif prove:
        proof = prove_states(model, table, numbered)
    if plot is not None:
        draw_inside(found, plot, str(model.name), proof.length if proof is not None and proof.covered else None)
    return Inside(found, by, proof, bool(written), plot)


@dataclass(frozen=True, eq=False, repr=False)
class NotInside(Shown):
    """Why nothing is said of a model's states.

    Arguments:
        reason: in words.
    """

    reason: str

    def as_json(self) -> dict[str, Any]:
        """The object under `inside` that `decompile --json` prints."""
        return {"not_looked_at": self.reason}

    def lines(self) -> list[str]:
        """What `decompile --inside` prints below the machine."""
        return [f"states: not looked at, and no picture drawn: {self.reason}"]

    def view(self) -> RenderableType:
        """The same."""
        return Renderables(*map(Text, self.lines()))


def looked(look_at: Callable[[], Inside]) -> Inside | NotInside:
    """What a look at states says, or why it says nothing: the machine is not lost with it."""
    from ..models.foreign.inside import NotLookedAtError

    try:
        return look_at()
    except NotLookedAtError as error:
        return NotInside(str(error))
