"""`audit`: what a model's transitions can reach, what that excludes, and what its weights do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from ...artifacts.artifact import load
from ...common.errors import InputError
from ...common.kinds import RUN
from ...common.kinds import kind_of as folder_kind
from ...common.terminal import Shown
from ...models.references.folder import read_config
from .configurations import facts_of, is_own, kind_of
from .layers import LayerAudit, ranges
from .of_fla import is_fla_mamba
from .records import NO_STATE, SHORT, UNBOUNDED, UNREAD, Use

STATED = (NO_STATE, SHORT, UNBOUNDED, UNREAD)
"""What a note says of layers whose eigenvalues are not listed."""


@dataclass(frozen=True, repr=False)
class Audit(Shown):
    """What there is to say about a model.

    Arguments:
        name: the folder or file.
        architecture: its model type.
        layers: the recurrent ones.
        notes: what to know about the configuration.
        can: what such layers can carry, each with the command that writes such weights where there is one.
        switch: what another value of a field would make reachable.
        use: how it is run without losing its state; None where that was not measured.
        source: the files that say so, with the library.
    """

    name: str
    architecture: str
    layers: tuple[LayerAudit, ...]
    notes: tuple[str, ...]
    can: tuple[str, ...] = ()
    switch: tuple[str, ...] = ()
    use: Use | None = None
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "architecture": self.architecture,
            "layers": [layer.as_json() for layer in self.layers],
            "notes": list(self.notes),
            "can": list(self.can),
            "switch": list(self.switch),
            "use": asdict(self.use) if self.use else None,
            "source": self.source,
        }

    def view(self) -> Text:
        """What `audit` prints."""
        return Text("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """For people; equal layers on one line."""
        found = [f"{self.name}: {self.architecture}"]
        alike: list[list[LayerAudit]] = []
        for layer in self.layers:  # in the order in which each first comes
            known = next((run for run in alike if _alike(run[0], layer)), None)
            alike.append([layer]) if known is None else known.append(layer)
        for run in alike:
            first, place = run[0], ranges(layer.index for layer in run)
            if first.low is not None and first.high is not None:  # constants may differ from layer to layer
                first = replace(first, low=min(x.low or 0.0 for x in run), high=max(x.high or 0.0 for x in run))
            found.append(f"{place}{f' of {first.part}' * bool(first.part)}: {first.line()}")
            if first.measured:
                low, high = first.measured["eigenvalues"]
                found.append(f"  measured on {first.measured['tokens']:,} tokens: {low:.6g} to {high:.6g}")
            if first.excludes:
                found.append(f"  excludes {first.excludes}")
        if not self.layers and not any(sign in note for note in self.notes for sign in STATED):
            found.append(NO_STATE)
        found += [f"can: {line}" for line in self.can] + [f"switch: {line}" for line in self.switch]
        if self.use:
            found.append(f"use: {self.use.line()}")
        return found + [f"note: {note}" for note in self.notes]


def _alike(first: LayerAudit, second: LayerAudit) -> bool:
    """Whether two layers go on one line: all but their places, and constants, are equal."""
    same = replace(first, index=0, low=0.0, high=0.0) == replace(second, index=0, low=0.0, high=0.0)
    return same and (first.measured is None or (first.low, first.high) == (second.low, second.high))


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
    place = load(model).source.path if folder_kind(model) == RUN else Path(model)
    config = read_config(place)
    facts = facts_of(config)
    own = is_own(config)
    measured: dict[int, dict[str, Any]] = {}
    notes = facts.notes
    if place.is_dir() and any(place.glob("model*.safetensors")):
        from .measure import PROBES, measure_checkpoint, measure_network, row_notes

        if own:
            measured = measure_network(place, seed)
            notes += row_notes(place)
        elif config.get("model_type") in PROBES and not is_fla_mamba(config):  # in transformers' layout
            measured = measure_checkpoint(place, kind_of(config), seed)
            if left := len(facts.layers) - len(measured):
                notes += (f"{left} of {len(facts.layers)} recurrent layers are not measured: so many weights are not "
                          "read whole, and only layer 0 can be run without the others",)  # fmt: skip
        else:
            notes += (f"its weights are not measured: that is done for {', '.join(PROBES)} of transformers",)
    layers = tuple(layer.with_measured(measured.get(layer.index)) for layer in facts.layers)
    kind = "our own network" if own else kind_of(config)
    return Audit(str(model), kind, layers, notes, facts.can, facts.switch, facts.use, facts.source)
