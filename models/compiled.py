"""Running compiled networks on long words."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from ..constructions.cascade import Cascade
from ..constructions.weights import Weights, network_parameters
from .network import DCDNetwork
from .recurrences import UnitState


def network_of(weights: Weights, dtype: str = "float64") -> DCDNetwork:
    """The network of compiled weights, each rounded once to `dtype`."""
    return DCDNetwork.from_parameters(*network_parameters(weights), dtype)


class PlainMachine:
    """A network as a `constructions.verification.Runner`, whatever its family; no error is measured.

    Arguments:
        network: of any families.
    """

    largest_error = 0.0

    def __init__(self, network: DCDNetwork) -> None:
        self.network = network
        self._state = self.network.initial_state(1)

    def again(self) -> PlainMachine:
        """The same network at its start."""
        return PlainMachine(self.network)

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[np.int64]:
        """Element indices after every token of the next piece, shape (T,)."""
        words = torch.from_numpy(tokens.astype(np.int64))[None]
        found, self._state = self.network.predict(words, self._state)
        return found[0].numpy()


class NetworkMachine:
    """A compiled network as a `constructions.verification.Runner`.

    Arguments:
        network: compiled from the cascade.
        cascade: the largest phase error, measured once a piece, refers to its moduli.
        long: whether so much is run that loading numba's kernels pays.
    """

    def __init__(self, network: DCDNetwork, cascade: Cascade, long: bool = True) -> None:
        self.network = network
        self.cascade = cascade
        self.largest_error = 0.0
        if not long:
            self.network.backend = "torch"
        self._state = self.network.initial_state(1)

    def again(self) -> NetworkMachine:
        """The same network at its start."""
        machine = copy.copy(self)
        machine._state, machine.largest_error = self.network.initial_state(1), 0.0
        return machine

    def outputs(self, tokens: NDArray[np.integer]) -> NDArray[np.int64]:
        """Element indices after every token of the next piece, shape (T,)."""
        found, self._state = self.network.predict(torch.from_numpy(tokens.astype(np.int64))[None], self._state)
        self._measure()
        return found[0].numpy()

    @torch.no_grad()
    def _measure(self) -> None:
        for layer, state in zip(self.cascade.layers, self._state, strict=True):
            values = (state.value if isinstance(state, UnitState) else state)[0].numpy()
            turns = np.angle(values.astype(np.complex128)) / (2 * np.pi) * np.array(layer.moduli)
            self.largest_error = max(self.largest_error, float(np.abs(turns - np.rint(turns)).max()) * 2)
