"""`audit`: what a model's transitions can reach, what that excludes, and what its weights do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from torch import nn

    from .records import Facts

    AuditedModel = str | Path | nn.Module

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
                found.append(f"  {first.measured_line()}")
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


def audit(model: AuditedModel, seed: int = 0) -> Audit:
    """Audit a Hugging Face folder, a configuration alone, a model that is loaded, or one of our own networks.

    Arguments:
        model: a folder with `config.json`, with weights or without; a configuration file; or a model in hand: a loaded
            `PreTrainedModel`, or a network of ours.
        seed: of the order in which tokens are read where weights are measured.

    Raises:
        InputError: it cannot be read, its class refuses it, or the architecture is not known.
        RefutedError: its weights do what audit says that its class cannot.

    Examples:
        >>> import subnormal as sn
        >>> folder = sn.compile("S3").save("s3")
        >>> [layer.minus_one for layer in sn.audit(folder).layers]
        ['exactly', 'exactly']
        >>> sn.audit(sn.compile("C2").network()).layers[0].minus_one
        'exactly'
    """
    if not isinstance(model, str | Path):
        return _of_live(model, seed)
    place = load(model).source.path if folder_kind(model) == RUN else Path(model)
    config = read_config(place)
    facts = facts_of(config)
    measured: dict[int, dict[str, Any]] = {}
    notes = facts.notes
    if place.is_dir() and any(place.glob("model*.safetensors")):
        from .measure import measure_checkpoint, measure_network, row_notes

        if is_own(config):
            from ...models.network import DCDNetwork

            network = DCDNetwork.from_pretrained(place)
            measured = measure_network(network, seed)
            notes += row_notes(network)
        elif is_measured(config):
            measured = measure_checkpoint(place, kind_of(config), seed)
            if left := len(facts.layers) - len(measured):
                notes += (f"{left} of {len(facts.layers)} recurrent layers are not measured: so many weights are not "
                          "read whole, and only layer 0 can be run without the others",)  # fmt: skip
        else:
            notes += (_unmeasured(),)
    return _audit(str(model), config, facts, measured, notes)


def _of_live(model: Any, seed: int) -> Audit:
    """Of what is loaded: its configuration, and its weights as they are now."""
    config = live_config(model)
    facts = facts_of(config)
    name = type(model).__name__
    if is_own(config):
        from .measure import measure_network, row_notes

        return _audit(name, config, facts, measure_network(model, seed), facts.notes + row_notes(model))
    measured = measure_live(model, config, seed)
    return _audit(name, config, facts, measured or {}, facts.notes + (() if measured is not None else (_unmeasured(),)))


def live_config(model: Any) -> dict[str, Any]:
    """The configuration of a model in hand. Raises `InputError` where it has none."""
    own = getattr(model, "configuration", None)
    config = own() if callable(own) else getattr(getattr(model, "config", None), "to_dict", dict)()
    if not isinstance(config, dict) or not ("model_type" in config or is_own(config)):
        raise InputError(
            f"audit: {type(model).__name__} has no configuration; wanted a folder with config.json, such a "
            "file, a loaded PreTrainedModel, or a network of ours; `decompile` reads any callable by its answers"
        )
    return config


def measure_live(model: Any, config: dict[str, Any], seed: int = 0) -> dict[int, dict[str, Any]] | None:
    """What the weights of a loaded model do, by layer; None where that is not measured for its class.

    Arguments:
        model: a `PreTrainedModel`.
        config: its own.
        seed: of the order in which tokens are read.

    Raises:
        InputError: it cannot be run.
    """
    from ...models.foreign.model import model_faults
    from .measure import measure_model

    if not is_measured(config) or getattr(model, "base_model", None) is None:
        return None
    with model_faults(type(model).__name__):
        return measure_model(model, kind_of(config), seed)


def is_measured(config: dict[str, Any]) -> bool:
    """Whether the weights of such a model are measured: it is in transformers' layout, and one of `PROBES`."""
    from .measure import PROBES

    return config.get("model_type") in PROBES and not is_fla_mamba(config)


def _unmeasured() -> str:
    from .measure import PROBES

    return f"its weights are not measured: that is done for {', '.join(PROBES)} of transformers"


def _audit(
    name: str, config: dict[str, Any], facts: Facts, measured: dict[int, dict[str, Any]], notes: tuple[str, ...]
) -> Audit:
    layers = tuple(layer.with_measured(measured.get(layer.index)) for layer in facts.layers)
    kind = "our own network" if is_own(config) else kind_of(config)
    return Audit(name, kind, layers, notes, facts.can, facts.switch, facts.use, facts.source)
