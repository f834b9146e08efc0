"""The certificate of a network of blocks that `compile --family` made; `block_checker.py` checks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.folders import Folder, opened
from ...constructions.blocks.compiler import load_block_group
from . import block_checker, matrix_certificate
from .checker import Verdict


def certify_blocks(given: str | Path | Folder) -> Verdict:
    """As `matrix_certificate.certify_matrices`, for the folder of a network of blocks."""
    folder = opened(given)
    return matrix_certificate.certify_matrices(folder, *load_block_group(folder), block_checker)


def block_proof(given: str | Path | Folder) -> tuple[NDArray[np.int64], dict[str, int | None]]:
    """The folder's network as a table (states, tokens) of next states' elements, by element; and up to how many tokens
    each arithmetic is proved to decide rightly, None for every length.

    Raises:
        InputError: the folder cannot be read.
        FaultError: the network is not proved to track the group.
    """
    folder = opened(given)
    group, alphabet = load_block_group(folder)
    network: block_checker.Network = matrix_certificate.network_of_folder(folder, block_checker)
    # every state answers the element, and steps to the product's
    block_checker.states_of(network, matrix_certificate.listed_group(group), alphabet)
    table = group.multiply(np.arange(group.order)[:, None], alphabet[None, :].astype(np.intp))
    return table, network.horizons()
