"""The certificate of a delta-rule network that `compile --target delta` made; `delta_checker.py` checks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...common.folders import Folder, opened
from ...constructions.targets.own_delta import load_delta_group
from . import delta_checker, matrix_certificate
from .checker import Verdict


def certify_delta(given: str | Path | Folder) -> Verdict:
    """As `matrix_certificate.certify_matrices`, for the folder of a delta-rule network."""
    folder = opened(given)
    return matrix_certificate.certify_matrices(folder, *load_delta_group(folder), delta_checker)


def network_of_folder(folder: Folder) -> delta_checker.Network:
    """The network of a folder that was opened, proved to compute in integers."""
    network: delta_checker.Network = matrix_certificate.network_of_folder(folder, delta_checker)
    return network


def delta_table(given: str | Path | Folder) -> np.ndarray:
    """The folder's network as a table (order, tokens) of next elements, by integer arithmetic on its weights: every
    state was reached, every step and every answer compared with the group.

    Raises:
        InputError: the folder cannot be read.
        FaultError: the network is not proved to track the group.
    """
    folder = opened(given)
    group, alphabet = load_delta_group(folder)
    network = network_of_folder(folder)
    states = delta_checker.states_of(network, matrix_certificate.listed_group(group), alphabet)
    numbers = {row.tobytes(): i for i, row in enumerate(states)}
    steps = [network.step(states, token) for token in range(network.tokens)]
    return np.array([[numbers[row.tobytes()] for row in after] for after in steps]).T
