"""A batch of runs on disk, from which it goes on to the same bits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ...common.errors import InputError
from ...common.reading import parse_json, read_tensors
from ...common.writing import write_file
from .progress import Progress

__all__ = ["Checkpoint"]


class _State(TypedDict):
    """What stands in the header beside the tensors."""

    step: int
    seconds: float
    runs: list[dict[str, Any]]


TENSORS = ("flat", "kept", "first", "second")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a batch after a check.

    Arguments:
        step: steps done.
        seconds: spent so far.
        runs: all runs of the batch, those that are done included.
        tensors: `flat`, the parameters of the runs that go on (R, P); `kept`, those at the kept check; `first` and
            `second`, Adam's moments.
    """

    step: int
    seconds: float
    runs: Sequence[Progress]
    tensors: Mapping[str, Tensor]

    def write(self, path: Path) -> None:
        """Write it whole or not at all."""
        state = {"step": self.step, "seconds": self.seconds, "runs": [run.as_json() for run in self.runs]}
        tensors = {name: self.tensors[name].cpu() for name in TENSORS}
        write_file(path, save(tensors, metadata={"state": json.dumps(state)}))

    @classmethod
    def read(cls, path: Path, device: str) -> Checkpoint:
        """The checkpoint in a file, its tensors on a device. InputError for anything else."""
        try:
            file = read_tensors(path)
            state = parse_json(file.metadata["state"], path, _State, nan=True)
            found = load(file.content)
            tensors = {name: found[name].to(device) for name in TENSORS}
            runs = [Progress.from_json(run) for run in state["runs"]]
            if all(run.done for run in runs):
                raise ValueError("all of its runs are done")
            if state["step"] < 0 or not state["seconds"] >= 0:
                raise ValueError("steps or seconds below 0")
            return cls(state["step"], state["seconds"], runs, tensors)
        except (SafetensorError, ArithmeticError, OSError, ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"{path}: not a checkpoint ({reason}); delete it to start again") from None
