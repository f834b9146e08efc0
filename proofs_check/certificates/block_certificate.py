"""Writing the certificate of a network of blocks that `compile --family` made.

Nothing here needs to be trusted: `block_checker.py` recomputes every fact from the arrays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ...common.folders import Folder, opened
from ...common.reading import parse_json, parse_tensors
from ...constructions.blocks.compiler import load_block_group
from .block_checker import FILES, KIND, Network, check, claim_of, states_of
from .certificate import write_json
from .checker import ListedGroup, Verdict

FORMAT = 1
"""Version of the certificate's format."""


def certify_blocks(given: str | Path | Folder) -> Verdict:
    """Write the certificate of a folder and return what the checker verified.

    Raises:
        InputError: the folder cannot be read or written, or its alphabet does not generate the group.
        FaultError: the network is not proved to track the group.
    """
    folder = opened(given)
    group, alphabet = load_block_group(folder)
    digests = folder.digests(*FILES)
    if group.subgroup(alphabet.tolist()).order != group.order:
        raise InputError(f"{folder}: its alphabet does not generate {group.name}; try --alphabet generators")
    listed = ListedGroup({"elements": group.elements.astype(np.int32)}, list(group.generators))
    content = {
        "format": FORMAT,
        "kind": KIND,
        "name": group.name,
        "claim": claim_of(listed, alphabet, block_network(folder)),
        "files": digests,
        "generators": list(group.generators),
    }
    content = json.loads(json.dumps(content))
    verdict = check(folder.path, content)
    write_json(folder.path / "certificate.json", content)
    return verdict


def block_network(folder: Folder) -> Network:
    """The network of a folder that was opened, with the moves of its blocks."""
    files = folder.files(("config.json", "model.safetensors"))
    tensors = parse_tensors(files["model.safetensors"], "model.safetensors")
    config = parse_json(files["config.json"], "config.json", dict[str, Any])
    return Network(config, {name: np.asarray(tensors[name]) for name in tensors})


def block_proof(given: str | Path | Folder) -> tuple[NDArray[np.int64], dict[str, int | None]]:
    """The folder's network as a table (states, tokens) of next states' elements, by element; and up to how many tokens
    each arithmetic is proved to decide rightly, None for every length.

    Raises:
        InputError: the folder cannot be read.
        FaultError: the network is not proved to track the group.
    """
    folder = opened(given)
    group, alphabet = load_block_group(folder)
    listed = ListedGroup({"elements": group.elements.astype(np.int32)}, list(group.generators))
    network = block_network(folder)
    states_of(network, listed, alphabet)  # every state answers the element, and steps to the product's
    table = group.multiply(np.arange(group.order)[:, None], alphabet[None, :].astype(np.intp))
    return table, network.horizons()
