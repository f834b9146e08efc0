"""Writing the certificate of a compiled automaton, or of a family that cannot carry one.

Nothing here needs to be trusted: `automaton_checker.py` recomputes every fact from the arrays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...algebra.automata.automaton import Automaton
from ...algebra.automata.monoid import TransitionMonoid
from ...algebra.depth.automaton_verdict import verdict
from ...algebra.depth.families import Family, names, parse_stack
from ...common.errors import InputError
from ...common.folders import Folder, digest, opened, save_folder
from ...common.wording import counted
from ...constructions.artifact import tensor_bytes
from ...constructions.automata.artifact import automaton_arrays, load_automaton
from .automaton_checker import check
from .certificate import write_json
from .checker import Verdict

FORMAT = 1
"""Version of the certificate's format."""


def certify_automaton(given: str | Path | Folder) -> Verdict:
    """Write the certificate of a compiled automaton's folder and return what the checker verified.

    Raises:
        InputError: the folder cannot be read or written.
        FaultError: the checker does not confirm the claim (the cascade is wrong).
    """
    folder = opened(given)
    cascade, metadata = load_automaton(folder)
    digests = folder.digests("cascade.json", "cascade.safetensors")
    assert cascade.automaton is not None
    stack = parse_stack(str(metadata["family"]))
    layers = len(cascade.layers)
    found = None
    if len(stack) == 1:
        found = verdict(TransitionMonoid.of(cascade.automaton), stack[0])
        if found.least is None:
            title, name = stack[0].title, metadata["name"]
            raise InputError(f"{folder}: no number of {title} layers can track {name}: {found.reason}")
        if found.least > 1 and found.witness is None:  # the group is too large for words: no more is claimed than shown
            found = replace(found, least=1)
    content = {
        "format": FORMAT,
        "kind": "tracks automaton",
        "name": metadata["name"],
        "claim": tracks_claim(cascade.automaton, stack, layers, found.least if found else None),
        "files": digests,
        "family": names(stack),
        "layers": layers,
        "least": found.least if found else None,
        "witness": found.witness.as_json() if found and found.witness else None,
    }
    return _written(folder.path, content)


def certify_automaton_refusal(given: Automaton, layer: Family, folder: Path, force: bool = False) -> Verdict:
    """Write `automaton.safetensors` and the certificate that no number of layers of a family can track an automaton.

    Raises:
        InputError: the family can track it, or the folder cannot be written.
    """
    automaton = given.minimal()
    found = verdict(TransitionMonoid.of(automaton), layer)
    if found.least is not None:
        raise InputError(f"{layer.title} layers can track {given.name}: certify its compiled folder")
    if found.witness is None:
        raise InputError(
            f"{given.name}: {found.reason}; no words short enough to be checked were found, so there is no certificate"
        )
    arrays = tensor_bytes(automaton_arrays(automaton))
    content = {
        "format": FORMAT,
        "kind": "never automaton",
        "name": given.name,
        "claim": f"no number of {layer.title} layers can track {_text(automaton)}",
        "files": {"automaton.safetensors": digest(arrays)},
        "family": layer.name,
        "witness": found.witness.as_json(),
    }
    save_folder(folder, {"automaton.safetensors": arrays}, force)
    return _written(folder, content)


def tracks_claim(automaton: Automaton, stack: Sequence[Family], layers: int, least: int | None) -> str:
    """The sentence that the checker prints about a compiled folder. No name stands in it: names are not proved."""
    tracks = f"tracks {_text(automaton)} on words of every length, with {counted(layers, 'layer')}"
    if len(stack) > 1:
        return f"{tracks} in the stack {', '.join(layer.title for layer in stack)}"
    title = stack[0].title
    return f"{tracks}, and {f'no {title} with fewer can' if least == layers else f'any {title} needs at least {least}'}"


def _text(automaton: Automaton) -> str:
    return f"an automaton of {counted(automaton.count, 'state')} and {automaton.width} letters"


def _written(folder: Path, content: dict[str, Any]) -> Verdict:
    """Have the checker verify a certificate, and write it only if it does."""
    content = json.loads(json.dumps(content))
    found = check(folder, content)
    write_json(folder / "certificate.json", content)
    return found
