"""`audit`: what a model's transitions can reach, what that excludes, and what its weights do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from ...models.references.folder import read_config
from .layers import LayerAudit, facts_of, kind_of


@dataclass(frozen=True)
class Audit:
    """What there is to say about a model.

    Arguments:
        name: the folder or file.
        architecture: its model type.
        layers: the recurrent ones.
        notes: what to know about the configuration.
    """

    name: str
    architecture: str
    layers: tuple[LayerAudit, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "architecture": self.architecture,
            "layers": [layer.as_json() for layer in self.layers],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """For people; equal layers on one line."""
        found = [f"{self.name}: {self.architecture}"]
        for _, members in groupby(self.layers, key=lambda layer: {**vars(layer), "index": None}):
            run = list(members)
            first, last = run[0], run[-1]
            place = f"layer {first.index}" if len(run) == 1 else f"layers {first.index}-{last.index}"
            found.append(
                f"{place}: {first.kind}, eigenvalues in [{first.low:g}, {first.high:g}]; -1 {first.minus_one}, "
                f"modulus 1 {first.one}, 0 {first.zero}"
            )
            if first.measured:
                low, high = first.measured["eigenvalues"]
                found.append(f"  measured on {first.measured['tokens']:,} tokens: {low:.6g} to {high:.6g}")
            if first.excludes:
                found.append(f"  excludes {first.excludes}")
        return found + [f"note: {note}" for note in self.notes]


def audit(path: str | Path, seed: int = 0) -> Audit:
    """Audit a Hugging Face folder, a configuration alone, or one of our own networks.

    Arguments:
        path: a folder with `config.json`, with weights or without; or a configuration file.
        seed: of the order in which tokens are read where weights are measured.

    Raises:
        InputError: it cannot be read, or the architecture is not known.
    """
    place = Path(path)
    config = read_config(place)
    facts = facts_of(config)
    own = "model_type" not in config and "ssm_cfg" not in config
    measured: dict[int, dict[str, Any]] = {}
    notes = facts.notes
    if place.is_dir() and any(place.glob("model*.safetensors")):
        from .measure import PROBES, measure_checkpoint, measure_network

        if own:
            measured = measure_network(place, seed)
        elif config.get("model_type") in PROBES:  # in transformers' layout
            measured = measure_checkpoint(place, kind_of(config), seed)
        else:
            notes += (f"its weights are not measured: that is done for {', '.join(PROBES)}",)
    layers = tuple(replace(layer, measured=measured.get(layer.index)) for layer in facts.layers)
    return Audit(str(path), "our own network" if own else kind_of(config), layers, notes)
