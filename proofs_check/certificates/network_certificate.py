"""`network_certificate.json`: what `network_proof` proves of a folder's network, with the digests of its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...common.errors import InputError
from ...common.folders import Folder, opened
from ...common.kinds import AUTOMATON
from ...common.reading import read_json
from ...constructions.artifact import load_cascade
from ...constructions.automata.artifact import load_automaton
from .automaton_network import AutomatonProof
from .network_proof import ELEMENTARY, NetworkProof, NotProvedError, Proof, require

__all__ = ["ELEMENTARY", "NetworkProof", "NotProvedError", "certificate_content", "prove_network", "recheck"]

CERTIFICATE = "network_certificate.json"
FILES = ("cascade.json", "cascade.safetensors", "config.json", "model.safetensors")


def prove_network(given: str | Path | Folder, dtype: str | None = None) -> NetworkProof:
    """Prove that the network of a compiled folder, as `DCDNetwork.from_pretrained` loads it, equals its cascade.

    `dtype` is `float32` for the network with every weight rounded once, as `DCDNetwork.from_pretrained` makes it;
    None is for the weights as they are saved.

    Raises:
        InputError: files are missing or damaged, the network cannot be loaded, or python-flint is not installed.
        NotProvedError: the network is not such that the proof goes through.
    """
    from ...models.network import DCDNetwork

    folder = opened(given)
    network = DCDNetwork.from_pretrained(folder, dtype)
    arrays = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    if folder.kind == AUTOMATON:
        own, _ = load_automaton(folder)
        return AutomatonProof(own, network.configuration(), network.specifications, arrays).run()
    cascade, _, _ = load_cascade(folder)
    return Proof(cascade, network.configuration(), network.specifications, arrays).run()


def certificate_content(given: str | Path | Folder) -> tuple[NetworkProof, dict[str, Any]]:
    """Prove a folder's network, and say so in the content of `network_certificate.json`: digests, the assumption, and
    what is proved.

    Raises:
        InputError: as `prove_network`.
        NotProvedError: the proof fails.
    """
    folder = opened(given)
    proof = prove_network(folder)
    content = {
        "format": 1,
        "claim": proof.sentence(),
        "assumed_error_of_elementary_functions": f"{ELEMENTARY}u",
        "files": folder.digests(*FILES),
        "proof": proof.as_json(),
    }
    return proof, json.loads(json.dumps(content))


def recheck(given: str | Path | Folder) -> str:
    """Prove a folder's network again and compare with its `network_certificate.json`; returns the claim.

    Raises:
        InputError: as `prove_network`, or the certificate cannot be read or is about other files.
        NotProvedError: the proof fails, or the certificate states something else.
    """
    folder = opened(given)
    path = folder.path / CERTIFICATE
    stated = read_json(path)
    if not isinstance(stated, dict) or stated.get("files") != folder.digests(*FILES):
        raise InputError(f"{path}: is about other files than those beside it (their SHA-256 differ); certify {folder}")
    proof, wanted = certificate_content(folder)
    require(stated == wanted, f"{CERTIFICATE} states something else than is proved")
    return proof.sentence()
