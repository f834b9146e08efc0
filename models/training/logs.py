"""TensorBoard's logs of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...common.packages import named_packages

__all__ = ["Logs"]


class Logs:
    """One folder of TensorBoard's a run; nothing without a folder.

    Raises:
        MissingPackageError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.writers: dict[str, Any] = {}
        if folder is not None:
            with named_packages():
                from torch.utils.tensorboard import SummaryWriter
            self.make = SummaryWriter

    def write(self, key: str, check: Sequence[float | None]) -> None:
        """A check of the run with this key: step, loss, accuracy, longest."""
        if self.folder is None:
            return
        if key not in self.writers:
            self.writers[key] = self.make(str(self.folder / key))
        step, loss, accuracy, longest = check
        values = {"loss": math.nan if loss is None else loss, "accuracy": accuracy, "longest": longest}
        for name, value in values.items():
            self.writers[key].add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close all."""
        for writer in self.writers.values():
            writer.close()
