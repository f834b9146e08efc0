"""One training run, described completely: two runs with the same configuration are the same run."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from subnormal.algebra.base.errors import InputError
from subnormal.constructions.parameters import FAMILY_PARAMETERS
from subnormal.models.training.tasks import Lengths

RANDOM, COMPILED = "random", "compiled"


@dataclass(frozen=True)
class RunConfiguration:
    """What is trained, from where, on what, and how it is judged.

    Arguments:
        group: as typed, e.g. `S3`.
        family: one family for all layers, or one for each, separated by commas.
        layers: None for 1 (random), for the length of `family`'s list, or for the compiled network's.
        init: `random`, `compiled`, or a folder with a network (compiled or trained).
        noise: standard deviation of the noise added to every parameter; compiled parameters are of order 1.
        learning_rate: of Adam, reached after 5 % of the steps and lowered along a cosine to a tenth.
        seed: of the initial weights, the noise and the training words.
        channels, hidden, readout: of each layer; None for 16, 64, 32 (random) or for the compiled network's.
        phi: `relu`, or `linear` for a φ without its relu (random networks alone).
        activation: of the readout ψ; None for `gelu` (random) or `hard` (compiled).
        alphabet: None, `all`, `generators` or elements, as for `compile`.
        hold_out: number of ordered token pairs kept from training.
        batch, length, steps: words in a step; their length (`60`, `2-60` or `2>60`); number of steps.
        clip: largest gradient norm.
        weight_decay: the share of ψ, head and b that a step takes away, times the learning rate (AdamW).
        keep: `last`, or `best`: the network of the check with the longest length (then the best accuracy).
        early_stop: stop after two checks in a row without a mistake.
        check_every, check_words, check_length: a check on validation words, and their number and length.
        test_words, test_length: words that judge the finished run, and their length.
        dtype: `float32` or `float64`.

    Raises:
        InputError: a value that cannot be used.
    """

    group: str
    family: str = "aussm"
    layers: int | None = None
    init: str = RANDOM
    noise: float = 0.0
    learning_rate: float = 3e-3
    seed: int = 0
    channels: int | None = None
    hidden: int | None = None
    readout: int | None = None
    phi: str = "relu"
    activation: str | None = None
    alphabet: str | None = None
    hold_out: int = 0
    batch: int = 32
    length: str = "2-60"
    steps: int = 2000
    clip: float = 1.0
    weight_decay: float = 0.0
    keep: str = "last"
    early_stop: bool = True
    check_every: int = 100
    check_words: int = 32
    check_length: int = 240
    test_words: int = 1000
    test_length: int = 1000
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_type(field.name, getattr(self, field.name), str(field.type))
        for name in ("batch", "steps", "check_every", "check_words", "check_length", "test_words", "test_length"):
            _at_least(name, getattr(self, name), 1)
        for name in ("layers", "channels", "hidden", "readout"):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), 1)
        _at_least("seed", self.seed, 0)
        _at_least("hold_out", self.hold_out, 0)
        if not 0 <= self.noise < math.inf:
            raise InputError(f"noise: wanted a standard deviation of at least 0, got {self.noise}")
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name}: wanted a positive number, got {getattr(self, name)}")
        if not 0 <= self.weight_decay < math.inf:
            raise InputError(f"weight_decay: wanted at least 0, got {self.weight_decay}")
        for name, choices in (("dtype", ("float32", "float64")), ("keep", ("last", "best"))):
            if getattr(self, name) not in choices:
                raise InputError(f"{name}: wanted {' or '.join(choices)}, got {getattr(self, name)[:40]!r}")
        for family in self.family.split(","):
            if family not in FAMILY_PARAMETERS:
                raise InputError(f"unknown family {family[:40]!r}; wanted one of {', '.join(FAMILY_PARAMETERS)}")
        if "," in self.family and self.layers not in (None, len(self.family.split(","))):
            raise InputError(f"layers: {self.layers}, but the stack {self.family} has {len(self.family.split(','))}")
        if self.phi not in ("relu", "linear") or (self.phi == "linear" and self.init != RANDOM):
            raise InputError(f"phi: wanted relu, or linear with random weights, got {self.phi[:40]!r}")
        Lengths.parse(self.length)

    @property
    def stack(self) -> tuple[str, ...]:
        """The family of each layer; one entry where the number of layers is still open."""
        names = tuple(self.family.split(","))
        return names * (self.layers or 1) if len(names) == 1 else names

    @cached_property
    def key(self) -> str:
        """A name for the run made from everything that determines it, the weights of an initial folder included."""
        content = self.as_json()
        if self.init not in (RANDOM, COMPILED):
            try:
                content["init"] = hashlib.sha256((Path(self.init) / "model.safetensors").read_bytes()).hexdigest()
            except OSError as error:
                raise InputError(f"init: {self.init}: {error.strerror}; wanted random, compiled, or a folder") from None
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)

    def with_changes(self, **changes: Any) -> RunConfiguration:
        """A copy with some fields changed."""
        return replace(self, **changes)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfiguration:
        """The configuration with these fields. InputError for unknown ones."""
        known = {field.name for field in fields(cls)}
        for name in content:
            if name not in known:
                raise InputError(f"unknown setting {name[:40]!r}; known: {', '.join(sorted(known))}")
        if "group" not in content:
            raise InputError('no group; wanted e.g. group = "S3"')
        return cls(**content)


def _check_type(name: str, value: object, declared: str) -> None:
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
    allowed = kinds[declared.removesuffix(" | None")]
    if value is None and declared.endswith("| None"):
        return
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise InputError(f"{name}: wanted {declared.removesuffix(' | None')}, got {value!r}")


def _at_least(name: str, value: int, bound: int) -> None:
    if value < bound:
        raise InputError(f"{name}: wanted at least {bound}, got {value}")
