"""One record a class of configurations: what its library's own code does with the fields.

A record says where the recurrent layers of a class stand, of which kind they are, and what the class does with fields
that are missing. The records themselves stand by library: `of_transformers.py`, `of_fla.py`, `of_mamba_ssm.py`; here is
what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .fields import Config, flag, positive, wrong
from .layers import APERIODIC, NEVER, LayerAudit, ranges

LINEAR, FULL, INDEXED, SLIDING = "linear_attention", "full_attention", "indexed_attention", "sliding_attention"
HYBRID, HYBRID_SLIDING = "hybrid", "hybrid_sliding"
"""A recurrent layer, or a convolution, and attention side by side in one layer."""
CONVOLUTION = "conv"

READ = {"transformers": "5.23.0", "fla": "bc3b101", "mamba_ssm": "e9594ce"}
"""The version of each library that the records say something of; tests run the first."""
READ_ON = "2026-11-29"

AUTOMATON_TARGETS = ("mamba2", "qwen3-next")
"""Targets of `compile` that take an aperiodic automaton in place of a group."""

NO_STATE, SHORT = "has no recurrent state", "only a short convolution"
UNBOUNDED, UNREAD = "one token has any matrices", "is not audited"
YES, NO, LOST = "yes", "no", "loses its state"
WEIGHTS = "that of the weights"
"""Of a state that is kept in their dtype."""


@dataclass(frozen=True)
class Use:
    """How a class is run without losing its state: what was measured with its library on the CPU, Triton's kernels
    interpreted.

    Arguments:
        pieces: whether a prompt that is read in pieces, each of several tokens, gives what it gives at once.
        left_padding: whether shorter texts of a batch may be padded on the left, with a mask.
        decoding: whether one token after the other, from the cache, gives what the whole text gives.
        state_dtype: of the state, where the weights are in bfloat16.
        position_ids: whether they have to be passed, with a cache or with padding.
    """

    pieces: str = YES
    left_padding: str = YES
    decoding: str = YES
    state_dtype: str = "float32"
    position_ids: str = NO

    def line(self) -> str:
        """For people."""
        return (
            f"reads a prompt in pieces: {self.pieces}; left padding: {self.left_padding}; token by token as at once: "
            f"{self.decoding}; state in {self.state_dtype}; needs position_ids: {self.position_ids}"
        )


@dataclass(frozen=True)
class Facts:
    """The recurrent layers of a configuration, and what to know about it.

    Arguments:
        layers: the recurrent ones.
        notes: what to know about the configuration.
        can: what such layers can carry, each with the command that writes such weights where there is one.
        switch: what another value of a field would make reachable.
        use: how it is run without losing its state; None where that was not measured.
        source: the files that say so, with the version read.
    """

    layers: tuple[LayerAudit, ...]
    notes: tuple[str, ...] = ()
    can: tuple[str, ...] = ()
    switch: tuple[str, ...] = ()
    use: Use | None = None
    source: str = ""


def everywhere(config: Config, count: int) -> list[str]:
    """Every layer is recurrent."""
    return [LINEAR] * count


def nowhere(config: Config, count: int) -> list[str]:
    """No layer is recurrent: attention alone."""
    return ["attention"] * count


def nothing(config: Config) -> list[str]:
    """Nothing to say."""
    return []


@dataclass(frozen=True)
class Record:
    """One class of configurations.

    Arguments:
        library: whose class it is.
        source: the files and lines that were read.
        count: the number of layers that the class takes where the configuration has none.
        layer: a recurrent layer of such a configuration.
        places: what stands at each place of the stack, given the number of layers; LINEAR everywhere by default.
        notes: what to know about such a configuration.
        switch: what another value of a field would make reachable.
        use: how it is run, by configuration where that matters; or why it was not measured.
        target: the target of `compile` that writes such weights.
        key: the field that holds the number of layers.
        recurrent: the words of `places` that are recurrent.
        window: the tokens that a short convolution reads, where such layers keep nothing else.
        each: a recurrent layer where it depends on its place: configuration, place, number of layers.
    """

    library: str
    source: str
    count: int
    layer: Callable[[Config], LayerAudit] | None
    places: Callable[[Config, int], list[str]] = everywhere
    notes: Callable[[Config], list[str]] = nothing
    switch: Callable[[Config], list[str]] = nothing
    use: Use | str | Callable[[Config], Use] = ""
    target: str = ""
    key: str = "num_hidden_layers"
    recurrent: frozenset[str] = field(default=frozenset({LINEAR}))
    window: Callable[[Config], int] | None = None
    each: Callable[[Config, int, int], LayerAudit] | None = None

    def facts(self, config: Config) -> Facts:
        """Raises `InputError` for a configuration that the class refuses, or that leaves open what it computes."""
        count = positive(config, self.key, self.count, "a number of layers, e.g. 32")
        places = self.places(config, count)
        found: tuple[LayerAudit, ...] = ()
        if self.each is not None:
            found = tuple(self.each(config, i, len(places)) for i, kind in enumerate(places) if kind in self.recurrent)
        elif self.layer is not None:
            layer = self.layer(config)
            found = tuple(replace(layer, index=i) for i, kind in enumerate(places) if kind in self.recurrent)
        notes = self.notes(config) if found else []
        if self.key and self.key not in config and self.places is not nowhere:
            other = "; n_layer is ignored" if "n_layer" in config else ""
            notes.append(f"{self.key} is not set: the default of {self.library} is {len(places)}{other}")
        use = self.use(config) if callable(self.use) else self.use
        some = bool(found or self.window)
        if isinstance(use, str) and some:
            notes.append(f"use was not measured: {use}")
        return Facts(
            found,
            (*self._of_places(config, places, bool(found)), *notes),
            tuple(dict.fromkeys(self._can(layer) for layer in found if layer.can)),
            tuple(self.switch(config)) if found else (),
            use if some and isinstance(use, Use) else None,
            f"{self.library} {READ[self.library]}: {self.source}",
        )

    def _can(self, layer: LayerAudit) -> str:
        if self.target in AUTOMATON_TARGETS:
            example = "'flip-flop(2)'" if layer.can == APERIODIC else ""
        else:
            example = "S3" if layer.minus_one != NEVER or self.target == "mamba3" else ""
        if not (self.target and example):
            return layer.can
        return f"{layer.can} (subnormal compile {example} --target {self.target})"

    def _of_places(self, config: Config, places: list[str], some: bool) -> list[str]:
        """What stands where no recurrent layer does."""
        notes: list[str] = []
        others: dict[str, list[int]] = {}
        for i, kind in enumerate(places):
            if kind not in self.recurrent or self.window:
                others.setdefault(kind, []).append(i)
        if self.window:
            windowed = [i for kind in (CONVOLUTION, *sorted(self.recurrent)) for i in others.pop(kind, [])]
            if windowed:
                notes.append(
                    f"{SHORT}: {ranges(windowed)} keep the last {self.window(config)} tokens or fewer "
                    "and no other state"
                )
        for kind, indices in others.items():
            notes.append(f"not recurrent and not audited: {ranges(indices)} ({kind})")
        if some and HYBRID in places:
            both = ranges(i for i, kind in enumerate(places) if kind == HYBRID)
            notes.append(f"attention stands beside the recurrent part in {both}, and is not audited")
        if some and any("attention" in kind for kind in others):
            notes.append("what is excluded is excluded of the recurrent layers alone: attention stands beside them")
        return notes


def doubles(key: str, default: bool = False) -> Callable[[Config], list[str]]:
    """The switch that lets β reach 2."""

    def switch(config: Config) -> list[str]:
        if flag(config, key, default):
            return [f"{key}: false would bound β by 1: -1 is never reached then, and no group is carried"]
        return [f"{key}: true makes -1 reachable: parity in one layer"]

    return switch


def no_switch(config: Config) -> list[str]:
    """No field of the class makes -1 reachable."""
    return ["no field of this class makes -1 reachable"]


def every(key: str, default: int, other: str = FULL) -> Callable[[Config, int], list[str]]:
    """Every n-th layer is not recurrent, n from a field."""

    def places(config: Config, count: int) -> list[str]:
        interval = positive(config, key, default, "which layer of how many is attention, e.g. 4")
        return [LINEAR if (i + 1) % interval else other for i in range(count)]

    return places


def indices(config: Config, key: str) -> list[int]:
    """A list of numbers of layers; empty where there is none. Raises `InputError`."""
    given: Any = config.get(key) or []
    if not isinstance(given, list) or not all(type(i) is int for i in given):
        raise wrong(key, given, "a list of numbers of layers")
    return given
