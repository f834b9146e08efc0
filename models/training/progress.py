"""What a run has done so far, and which runs are trained together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from subnormal.models.training.configuration import RunConfiguration

__all__ = ["Progress", "Report", "RunStatus", "plan_batches"]


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
    """

    configuration: RunConfiguration
    curve: list[tuple[int, float | None, float, int]] = field(default_factory=list)
    flawless: int = 0
    kept: int = 0
    done: bool = False

    @property
    def stopped_early(self) -> bool:
        return self.configuration.early_stop and self.flawless >= 2

    def merit(self, check: int) -> tuple[int, float]:
        """What `keep="best"` compares checks by: longest length, then accuracy."""
        _, _, accuracy, longest = self.curve[check]
        return longest, accuracy

    @property
    def status(self) -> RunStatus:
        """The latest check."""
        step, loss, accuracy, longest = self.curve[-1]
        return RunStatus(self.configuration.key, step, self.configuration.steps, loss, accuracy, longest, self.done)

    def as_json(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        return {
            "configuration": self.configuration.as_json(),
            "curve": self.curve,
            "flawless": self.flawless,
            "kept": self.kept,
            "done": self.done,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Progress:
        """What `as_json` gave. Raises `InputError`, or KeyError, TypeError or ValueError for what it did not give."""
        curve = [(int(step), loss, accuracy, int(longest)) for step, loss, accuracy, longest in content["curve"]]
        configuration = RunConfiguration.from_json(content["configuration"])
        return cls(configuration, curve, content["flawless"], content["kept"], content["done"])


Report = Callable[[Sequence[Progress]], None]
"""Called with all runs of a batch after every check."""


@dataclass(frozen=True)
class RunStatus:
    """One run's latest check, as it travels between processes: key, step and the last entry of its curve."""

    key: str
    step: int
    steps: int
    loss: float | None
    accuracy: float
    longest: int
    done: bool


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
