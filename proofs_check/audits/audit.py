"""`audit`: what a model's transitions can reach, what that excludes, and what its weights do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from ...common.errors import InputError
from ...common.terminal import Shown
from ...models.references.folder import read_config
from .layers import LayerAudit, ranges
from .records import facts_of, is_fla_mamba, is_own, kind_of


@dataclass(frozen=True, repr=False)
class Audit(Shown):
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

    def view(self) -> Text:
        """What `audit` prints."""
        return Text("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """For people; equal layers on one line."""
        found = [f"{self.name}: {self.architecture}"]
        alike: list[list[LayerAudit]] = []
        for layer in self.layers:  # in the order in which each first comes
            known = next((run for run in alike if replace(run[0], index=layer.index) == layer), None)
            alike.append([layer]) if known is None else known.append(layer)
        for run in alike:
            first, place = run[0], ranges(layer.index for layer in run)
            found.append(
                f"{place}: {first.kind}, {first.values} in [{first.low:g}, {first.high:g}]; -1 {first.minus_one}, "
                f"modulus 1 {first.one}, 0 {first.zero}"
            )
            if first.measured:
                low, high = first.measured["eigenvalues"]
                found.append(f"  measured on {first.measured['tokens']:,} tokens: {low:.6g} to {high:.6g}")
            if first.excludes:
                found.append(f"  excludes {first.excludes}")
        if not self.layers:
            found.append("no layer is recurrent: it keeps no state but what attention reads")
        return found + [f"note: {note}" for note in self.notes]


def audit(model: str | Path, seed: int = 0) -> Audit:
    """Audit a Hugging Face folder, a configuration alone, or one of our own networks.

    Arguments:
        model: a folder with `config.json`, with weights or without; or a configuration file.
        seed: of the order in which tokens are read where weights are measured.

    Raises:
        InputError: it cannot be read, its class refuses it, or the architecture is not known.
        RefutedError: its weights do what audit says that its class cannot.

    Examples:
        >>> import subnormal as sn
        >>> folder = sn.compile("S3").save("s3")
        >>> [layer.minus_one for layer in sn.audit(folder).layers]
        ['exactly', 'exactly']
    """
    if not isinstance(model, str | Path):
        raise InputError(f"audit of a {type(model).__name__}; wanted a folder with config.json, or such a file")
    place = Path(model)
    config = read_config(place)
    facts = facts_of(config)
    own = is_own(config)
    measured: dict[int, dict[str, Any]] = {}
    notes = facts.notes
    if place.is_dir() and any(place.glob("model*.safetensors")):
        from .measure import PROBES, measure_checkpoint, measure_network

        if own:
            measured = measure_network(place, seed)
        elif config.get("model_type") in PROBES and not is_fla_mamba(config):  # in transformers' layout
            measured = measure_checkpoint(place, kind_of(config), seed)
        else:
            notes += (f"its weights are not measured: that is done for {', '.join(PROBES)} of transformers",)
    layers = tuple(layer.with_measured(measured.get(layer.index)) for layer in facts.layers)
    return Audit(str(model), "our own network" if own else kind_of(config), layers, notes)
