"""What every recipe has: widths, rates, and how words grow and rates fall during the training."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional

from ...common.errors import InputError
from .words import MISSING

SHORTEST = 2
"""Tokens of the first training words."""

FEWEST_WORDS = 8
"""A step sees at least so many words."""

LAST_RATE = 0.02
"""The share of the learning rates that is left at the end."""


@dataclass(frozen=True)
class Schedule:
    """Settings that all recipes share.

    Arguments:
        channels: C, of each layer.
        steps: of Adam; 0 leaves the random weights as they are.
        phase_rate, head_rate: learning rates; phases are in turns.
        positions: tokens in a step.
        growth: share of the steps in which words grow to their whole length; then the rates fall along a cosine.
        shortest: tokens of the first words; 0 for words of the whole length from the start.
        decay: decoupled weight decay of the heads; it keeps the logits small, so that the loss still sees small errors
            of the phases.
        spread: initial phases are uniform on [0, spread) turns.

    Raises:
        InputError: a value that cannot be used.
    """

    channels: int = 32
    steps: int = 1000
    phase_rate: float = 0.01
    head_rate: float = 0.03
    positions: int = 512
    growth: float = 0.7
    shortest: int = SHORTEST
    decay: float = 0.1
    spread: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("channels", 1), ("steps", 0), ("positions", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name}: wanted at least {least}, got {getattr(self, name)}")
        for name in ("phase_rate", "head_rate"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name}: wanted at least 0, got {getattr(self, name)}")
        if not 0 < self.growth <= 1:
            raise InputError(f"growth: wanted a share in (0, 1], got {self.growth}")
        if self.shortest < 0:
            raise InputError(f"shortest: wanted at least 0, got {self.shortest}")

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)

    @property
    def growths(self) -> int:
        """How often words grow from the shortest to their whole length."""
        return 1

    def length_at(self, step: int, longest: int) -> int:
        """The length of the words of a step, counted from 0."""
        if not self.shortest or self.shortest >= longest:
            return longest
        grown = self.growth * self.steps
        each = grown / self.growths
        share = 1.0 if step + 1 >= grown else (step + 1) % each / each
        return round(self.shortest * (longest / self.shortest) ** share)

    def rate_at(self, step: int) -> float:
        """What learning rates are multiplied with at a step."""
        grown = self.growth * self.steps
        if step < grown or self.growth == 1:
            return 1.0
        return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * (step - grown) / (self.steps - grown)))


def mean_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits (R, N, n) at labels (R, N), averaged over the labels that are given: (R,)."""
    each = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none", ignore_index=MISSING)
    return each.view(labels.shape).sum(1) / (labels != MISSING).sum(1).clamp(min=1)
