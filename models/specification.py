"""What a layer is made of, as `config.json` describes it, and the activations it can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..algebra.depth.families import ALL_FAMILIES
from ..common.errors import InputError

__all__ = ["GROUPED", "LayerSpecification", "positive"]

GROUPED = ("hard", "softmax")
ELEMENTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "identity": lambda x: x,
}


@dataclass(frozen=True)
class LayerSpecification:
    """One entry of the `layers` of a `DCDNetwork`, checked.

    Arguments:
        family: its name, a key of `algebra.depth.families.ALL_FAMILIES`.
        channels, hidden, readout: the widths of the state, of φ's hidden layer and of ψ.
        activation: of ψ.
        groups: the sizes of the one-hot groups in which "hard" and "softmax" decide; None makes one group of all.
        phi: "relu"; "linear" for a φ without its relu; or "gates", of a compact network, whose hidden units are each 1
            at one choice of the lower decisions and the token, and 0 elsewhere (models/gates.py).
        reads: "after": φ reads the lower readouts after the same token; "before": those before it, as through a
            convolution of width 2. Tokens that merge states need the second (docs/automata.md).
    """

    family: str
    channels: int
    hidden: int
    readout: int
    activation: str = "hard"
    groups: tuple[int, ...] | None = None
    phi: str = "relu"
    reads: str = "after"

    @classmethod
    def parse(cls, index: int, entry: Mapping[str, Any]) -> LayerSpecification:
        """Check one configuration entry; InputError names the layer (counted from 0) and the field."""
        where = f"layers[{index}]"
        if not isinstance(entry, Mapping):
            raise InputError(f"{where}: expected a dict such as {{'family': 'aussm', ...}}, got {entry!r}")
        known = cls.__dataclass_fields__
        for key in entry:
            if key not in known:
                raise InputError(f"{where}: unknown field {key!r}; known: {', '.join(known)}")
        for key in ("family", "channels", "hidden", "readout"):
            if key not in entry:
                raise InputError(f"{where}: {key!r} is missing; needed: family, channels, hidden, readout")
        if not isinstance(entry["family"], str) or entry["family"] not in ALL_FAMILIES:
            known_families = ", ".join(ALL_FAMILIES)
            raise InputError(f"{where}.family: unknown family {entry['family']!r}; known: {known_families}")
        for key in ("channels", "hidden", "readout"):
            positive(f"{where}.{key}", entry[key])
        size = ALL_FAMILIES[entry["family"]].block_size
        if entry["channels"] % size:
            raise InputError(
                f"{where}.channels: {entry['channels']} are no blocks of size {size}; wanted a multiple of {size}, "
                f"e.g. {ALL_FAMILIES[entry['family']].whole_blocks(entry['channels'])}"
            )
        activation = entry.get("activation", "hard")
        if not isinstance(activation, str) or (activation not in GROUPED and activation not in ELEMENTWISE):
            names = ", ".join((*GROUPED, *ELEMENTWISE))
            raise InputError(f"{where}.activation: unknown activation {activation!r}; known: {names}")
        phi = entry.get("phi", "relu")
        if phi not in ("relu", "linear", "gates"):
            raise InputError(f'{where}.phi: expected "relu", "linear" or "gates", got {phi!r}')
        if phi == "gates" and activation != "hard":
            raise InputError(f'{where}: a phi of "gates" goes with the activation "hard", got {activation!r}')
        reads = entry.get("reads", "after")
        if reads not in ("after", "before"):
            raise InputError(f'{where}.reads: expected "after" or "before", got {reads!r}')
        groups = entry.get("groups")
        if groups is not None:
            if activation not in GROUPED:
                raise InputError(f'{where}.groups: only "hard" and "softmax" take groups, not {activation!r}')
            if not isinstance(groups, list | tuple):
                raise InputError(f"{where}.groups: expected a list of sizes, got {groups!r:.40}")
            for size in groups:
                positive(f"{where}.groups", size)
            if sum(groups) != entry["readout"]:
                raise InputError(f"{where}.groups: {list(groups)} sums to {sum(groups)}, readout is {entry['readout']}")
            groups = tuple(groups)
        sizes = (entry["channels"], entry["hidden"], entry["readout"])
        return cls(entry["family"], *sizes, activation, groups, phi, reads)

    def as_json(self) -> dict[str, Any]:
        """The entry of `config.json`."""
        content = asdict(self) | {"groups": self.groups and list(self.groups)}
        if self.reads == "after":  # the default is not written
            del content["reads"]
        return content


def positive(name: str, value: object) -> None:
    """InputError unless the value is a positive integer."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name}: expected a positive integer, got {value!r}")
