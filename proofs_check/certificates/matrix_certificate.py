"""Writing the certificate of a network whose layers are matrices: delta-rule layers, blocks.

Nothing here needs to be trusted: the stand-alone checker of each kind recomputes every fact from the arrays.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...common.errors import InputError
from ...common.folders import Folder
from ...common.reading import parse_json, parse_tensors
from .certificate import write_json
from .checker import ListedGroup, Verdict

FORMAT = 1
"""Version of the certificate's format."""


def listed_group(group: Group) -> ListedGroup:
    """A group as the checkers take it."""
    return ListedGroup({"elements": group.elements.astype(np.int32)}, list(group.generators))


def network_of_folder(folder: Folder, checker: ModuleType) -> Any:
    """The network of a folder that was opened, as a checker (`delta_checker`, `block_checker`) reads it."""
    files = folder.files(("config.json", "model.safetensors"))
    tensors = parse_tensors(files["model.safetensors"], "model.safetensors")
    config = parse_json(files["config.json"], "config.json", dict[str, Any])
    return checker.Network(config, {name: np.asarray(tensors[name]) for name in tensors})


def certify_matrices(folder: Folder, group: Group, alphabet: NDArray[np.integer], checker: ModuleType) -> Verdict:
    """Write the certificate of a folder and return what a checker verified.

    Raises:
        InputError: the folder cannot be read or written, or its alphabet does not generate the group.
        FaultError: the network is not proved to track the group.
    """
    digests = folder.digests(*checker.FILES)
    if group.subgroup(alphabet.tolist()).order != group.order:
        raise InputError(f"{folder}: its alphabet does not generate {group.name}; try --alphabet generators")
    content = {
        "format": FORMAT,
        "kind": checker.KIND,
        "name": group.name,
        "claim": checker.claim_of(listed_group(group), alphabet, network_of_folder(folder, checker)),
        "files": digests,
        "generators": list(group.generators),
    }
    content = json.loads(json.dumps(content))
    verdict: Verdict = checker.check(folder.path, content)
    write_json(folder.path / "certificate.json", content)
    return verdict
