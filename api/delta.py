"""What `verify` and `horizon` say of a folder that `compile --target delta` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError
from ..constructions.verification import Runner

NOT_ITS = "holds a delta-rule network, whose state is no phase: it runs in integers (residues) or as the network, not"


class TableMachine:
    """A machine given by its table (states, tokens) of next states; state 0 first. It is a `verification.Runner`."""

    def __init__(self, table: NDArray[np.integer]) -> None:
        self.largest_error = 0.0
        self._table = table.tolist()
        self._state = 0

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[np.int64]:
        """The states after every token of the next piece, shape (T,)."""
        table, state, found = self._table, self._state, []
        for token in tokens.tolist():
            state = table[state][token]
            found.append(state)
        self._state = state
        return np.array(found, dtype=np.int64)


def proved_table(folder: Path) -> NDArray[np.integer]:
    """The table of the folder's network, proved to be the group's; see `proofs_check.certificates.delta_checker`.

    Raises:
        RefutedError: the network is not proved to track the group.
        InputError: the folder cannot be read.
    """
    from ..proofs_check.certificates.delta_certificate import delta_table
    from .faults import refutations

    with refutations():
        return delta_table(folder)


def delta_runner(folder: Path, arithmetic: str, dtype: str) -> Runner:
    """The folder's machine: its table, proved first, or its network.

    Raises:
        RefutedError: the network is not proved to track the group.
        InputError: another arithmetic than residues or network.
    """
    if arithmetic == "network":
        from ..models.compiled import PlainMachine

        return PlainMachine(folder, dtype)
    if arithmetic == "residues":
        return TableMachine(proved_table(folder))
    raise InputError(f"{folder} {NOT_ITS} in {arithmetic}")


def delta_horizons(folder: Path, arithmetics: Sequence[str] | None) -> list[dict[str, Any]]:
    """The rows of `horizon`: one proof holds for both precisions, on words of every length."""
    if arithmetics is not None:
        raise InputError(f"{folder} {NOT_ITS} in {', '.join(arithmetics)[:60]}; leave --arithmetic out")
    proved_table(folder)
    return [{"arithmetic": f"network, {dtype}", "proved": None, "first_wrong": {}} for dtype in ("float64", "float32")]
