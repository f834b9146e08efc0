"""Running a factored cascade on words, piece by piece."""

from __future__ import annotations

from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import Permutations
from ...common.packages import installed
from .cascade import FactoredCascade, Residues


class _Loops(Protocol):
    def run(self, tokens: NDArray[np.integer], state: Residues | None = None) -> Residues: ...

    def decode(self, residues: Residues) -> Permutations: ...


def loops(cascade: FactoredCascade, fast: bool | None = None) -> _Loops:
    """What runs and decodes a factored cascade: compiled loops where numba is installed, else NumPy; or as told."""
    if installed("numba") if fast is None else fast:
        from .kernels import CompiledFactored

        return CompiledFactored(cascade)
    return cascade


class FactoredMachine:
    """A factored cascade as a `constructions.verification.Runner`: each call continues where the last one ended.

    Attributes:
        run_seconds, decode_seconds: spent so far on residues, and on permutations.
        largest_error: 0, as residues are exact.
    """

    largest_error = 0.0

    def __init__(self, cascade: FactoredCascade, fast: bool | None = None) -> None:
        self._loops = loops(cascade, fast)
        self._loops.decode(self._loops.run(np.zeros(1, dtype=np.int32)))  # compiles
        self._state: Residues | None = None
        self.run_seconds = self.decode_seconds = 0.0

    def outputs(self, tokens: NDArray[np.integer]) -> Permutations:
        """The running product after every token of the next piece, shape (T, degree)."""
        began = perf_counter()
        residues = self._loops.run(tokens, self._state)
        ran = perf_counter()
        found = self._loops.decode(residues)
        self.run_seconds += ran - began
        self.decode_seconds += perf_counter() - ran
        self._state = residues[-1]
        return found
