"""Writing the certificate of a delta-rule network that `compile --target delta` made.

Nothing here needs to be trusted: `delta_checker.py` recomputes every fact from the arrays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import InputError
from ...common.folders import Folder, opened
from ...common.reading import parse_json, parse_tensors
from ...constructions.targets.own_delta import load_delta_group
from .certificate import write_json
from .checker import ListedGroup, Verdict
from .delta_checker import (
    FILES,
    KIND,
    Network,
    check,
    claim_of,
    states_of,
)

FORMAT = 1
"""Version of the certificate's format."""


def certify_delta(given: str | Path | Folder) -> Verdict:
    """Write the certificate of a folder and return what the checker verified.

    Raises:
        InputError: the folder cannot be read or written, or its alphabet does not generate the group.
        FaultError: the network is not proved to track the group.
    """
    folder = opened(given)
    group, alphabet = load_delta_group(folder)
    digests = folder.digests(*FILES)
    if group.subgroup(alphabet.tolist()).order != group.order:
        raise InputError(f"{folder}: its alphabet does not generate {group.name}; try --alphabet generators")
    listed = ListedGroup({"elements": group.elements.astype(np.int32)}, list(group.generators))
    content = {
        "format": FORMAT,
        "kind": KIND,
        "name": group.name,
        "claim": claim_of(listed, alphabet, network_of_folder(folder)),
        "files": digests,
        "generators": list(group.generators),
    }
    content = json.loads(json.dumps(content))
    verdict = check(folder.path, content)
    write_json(folder.path / "certificate.json", content)
    return verdict


def network_of_folder(folder: Folder) -> Network:
    """The network of a folder that was opened, proved to compute in integers."""
    files = folder.files(("config.json", "model.safetensors"))
    tensors = parse_tensors(files["model.safetensors"], "model.safetensors")
    config = parse_json(files["config.json"], "config.json", dict[str, Any])
    return Network(config, {name: np.asarray(tensors[name]) for name in tensors})


def delta_table(given: str | Path | Folder) -> np.ndarray:
    """The folder's network as a table (order, tokens) of next elements, by integer arithmetic on its weights: every
    state was reached, every step and every answer compared with the group.

    Raises:
        InputError: the folder cannot be read.
        FaultError: the network is not proved to track the group.
    """
    folder = opened(given)
    group, alphabet = load_delta_group(folder)
    listed = ListedGroup({"elements": group.elements.astype(np.int32)}, list(group.generators))
    network = network_of_folder(folder)
    states = states_of(network, listed, alphabet)
    numbers = {row.tobytes(): i for i, row in enumerate(states)}
    steps = [network.step(states, token) for token in range(network.tokens)]
    return np.array([[numbers[row.tobytes()] for row in after] for after in steps]).T
