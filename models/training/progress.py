"""What a run has done so far, and which runs are trained together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ...common.errors import InputError
from ...common.reading import conform
from .configuration import RunConfiguration

__all__ = ["Progress", "Report", "RunStatus", "plan_batches"]


class _Progress(TypedDict):
    configuration: dict[str, Any]
    curve: list[tuple[int, float | None, float, int]]
    flawless: int
    kept: int
    done: bool
    diverged_at: int | None


@dataclass
class Progress:
    """What one run has done so far.

    Arguments:
        configuration: of the run.
        curve: one (step, loss, accuracy, longest) for each check on validation words: the mean training loss since the
            last check (None at step 0), the share of right symbols, the longest length with more than 90 % right.
        flawless: checks in a row without a mistake.
        kept: index in the curve of the check whose network is kept.
        done: whether the run has stopped.
        diverged_at: the first step, from 1, whose loss was NaN; None where there was none.
    """

    configuration: RunConfiguration
    curve: list[tuple[int, float | None, float, int]] = field(default_factory=list)
    flawless: int = 0
    kept: int = 0
    done: bool = False
    diverged_at: int | None = None

    @property
    def stopped_early(self) -> bool:
        return self.configuration.early_stop and self.flawless >= 2

    def merit(self, check: int) -> tuple[int, float]:
        """What `keep="best"` compares checks by: longest length, then accuracy; of equals it keeps the later."""
        _, _, accuracy, longest = self.curve[check]
        return longest, accuracy

    @property
    def status(self) -> RunStatus:
        """The latest check."""
        step, loss, accuracy, longest = self.curve[-1]
        key, steps = self.configuration.key, self.configuration.steps
        return RunStatus(key, step, steps, loss, accuracy, longest, self.done, self.diverged_at)

    def as_json(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        return {
            "configuration": self.configuration.as_json(),
            "curve": self.curve,
            "flawless": self.flawless,
            "kept": self.kept,
            "done": self.done,
            "diverged_at": self.diverged_at,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Progress:
        """What `as_json` gave. Raises `InputError` for what it did not give."""
        stated: dict[str, Any] = conform(content, _Progress, "a run")
        stated["configuration"] = RunConfiguration.of_record(stated["configuration"])
        found = cls(**stated)
        if min(found.flawless, found.kept, found.diverged_at or 0) < 0:
            raise InputError("a run counts something below 0")
        if not found.kept < len(found.curve):
            raise InputError("a run's kept check is not one of its checks")
        return found


Report = Callable[[Sequence[Progress]], None]
"""Called with all runs of a batch after every check."""


@dataclass(frozen=True)
class RunStatus:
    """One run's latest check, as it travels between processes: key, step, the last entry of its curve, and the first
    step whose loss was NaN."""

    key: str
    step: int
    steps: int
    loss: float | None
    accuracy: float
    longest: int
    done: bool
    diverged_at: int | None = None


def plan_batches(configurations: Sequence[RunConfiguration], size: int) -> list[list[RunConfiguration]]:
    """The runs, each once, in batches of at most `size` that differ in init, noise, learning rate and seed alone."""
    kinds: dict[str, dict[str, RunConfiguration]] = {}
    for configuration in configurations:
        kinds.setdefault(configuration.shared, {})[configuration.key] = configuration
    batches = []
    for kind in kinds.values():
        runs = list(kind.values())
        count = -(-len(runs) // size)
        share = -(-len(runs) // count)
        batches += [runs[start : start + share] for start in range(0, len(runs), share)]
    return batches
