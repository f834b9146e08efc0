"""The recurrent layers of known architectures, from a configuration alone: the eigenvalues a transition can have.

`docs/architectures.md` has the facts with their sources, and the proofs of what is excluded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ...common.errors import InputError
from ...common.reading import conform
from ...common.wording import counted
from ...constructions.parameters import FAMILY_PARAMETERS

NEVER, ROUNDED, EXACTLY = "never", "to rounding", "exactly"
"""Whether an eigenvalue is reached: by no real parameters and not by floats; by floats that round to it; exactly."""


@dataclass(frozen=True)
class LayerAudit:
    """One layer.

    Arguments:
        index: its place in the stack, from 0.
        kind: what it is.
        low, high: bounds of the real eigenvalues, or of the modulus where they are complex.
        minus_one, one, zero: whether -1, a modulus of 1, and 0 are reached.
        excludes: what a stack of such layers cannot track, with the witness; empty where nothing is excluded.
        measured: what the actual weights do on the tokens tried: `eigenvalues` (least, largest), `tokens`; or None.
    """

    index: int
    kind: str
    low: float
    high: float
    minus_one: str
    one: str
    zero: str
    excludes: str
    measured: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Facts:
    """The layers of a configuration, and what to know about it."""

    layers: tuple[LayerAudit, ...]
    notes: tuple[str, ...] = field(default=())


NO_GROUP = (
    "every group but the trivial one, with any number of such layers: a token whose real eigenvalues are never -1 "
    "acts, once its states repeat, as nothing; e.g. parity fails on the words x, xx, xxx, … of one token"
)
NO_LARGE_ORDER = (
    "in one layer, one token an element: every alphabet with an element of order > 2, whose square would act as nothing"
)
NOT_FOR_EVER = "every group but the trivial one for ever, with any number of such layers: each turn shrinks the state"
NOT_SOLVABLE = "every group that is not solvable, and automata that merge states within one layer"


def _delta(index: int, kind: str, doubled: bool, factors: int = 1) -> LayerAudit:
    if doubled:
        excluded = NO_LARGE_ORDER if factors == 1 else ""
        return LayerAudit(index, kind, -1.0, 1.0, ROUNDED, ROUNDED, ROUNDED, excluded)
    return LayerAudit(index, kind, 0.0, 1.0, NEVER, ROUNDED, ROUNDED, NO_GROUP)


def _linear_layers(config: Mapping[str, Any], of: Callable[[int], LayerAudit]) -> tuple[tuple[LayerAudit, ...], int]:
    types = config.get("layer_types")
    count = _integer(config, "num_hidden_layers", 1)
    if types is not None and not (isinstance(types, list) and len(types) == count):
        raise InputError(f"layer_types: {str(types)[:40]!r} in the configuration; wanted a list of {count} kinds")
    if types is None:
        types = ["full_attention" if i % 4 == 3 else "linear_attention" for i in range(count)]
    linear = tuple(of(i) for i, kind in enumerate(types) if kind == "linear_attention")
    return linear, len(types) - len(linear)


def _attention(count: int) -> tuple[str, ...]:
    return (f"not recurrent and not audited: {counted(count, 'attention layer')}",) if count else ()


def _olmo_hybrid(config: Mapping[str, Any]) -> Facts:
    doubled = bool(config.get("linear_allow_neg_eigval", True))
    layers, rest = _linear_layers(config, lambda i: _delta(i, "Gated DeltaNet", doubled))
    notes = () if "linear_allow_neg_eigval" in config else ("linear_allow_neg_eigval is not set: the default is true",)
    return Facts(layers, notes + _attention(rest))


def _qwen3_next(config: Mapping[str, Any]) -> Facts:
    layers, rest = _linear_layers(config, lambda i: _delta(i, "Gated DeltaNet", doubled=False))
    ignored = [key for key in config if "neg_eigval" in key]
    notes = tuple(f"{key} is ignored: this class has β ≤ 1 whatever it says" for key in ignored)
    return Facts(layers, notes + _attention(rest))


def _fla_delta(config: Mapping[str, Any]) -> Facts:
    product = config.get("model_type") == "gated_deltaproduct"
    doubled = bool(config.get("allow_neg_eigval", False))
    factors = _integer(config, "num_householder", 1) if product else 1
    kind = f"GatedDeltaProduct, {factors} factors" if product else "Gated DeltaNet"
    notes = []
    if "allow_neg_eigval" not in config:
        other = "; the layer alone would have true" if product else ""
        notes.append(f"allow_neg_eigval is not set: the configuration's default is false{other}")
    if product and "use_forget_gate" not in config:
        notes.append("use_forget_gate is not set: the configuration's default is false; the layer's would be true")
    count = _integer(config, "num_hidden_layers", 21)
    return Facts(tuple(_delta(i, kind, doubled, factors) for i in range(count)), tuple(notes))


def _mamba(config: Mapping[str, Any]) -> Facts:
    count = _integer(config, "num_hidden_layers", _integer(config, "n_layer", 32))
    layer = LayerAudit(0, "Mamba", 0.0, 1.0, NEVER, ROUNDED, ROUNDED, NO_GROUP)
    return Facts(tuple(LayerAudit(**{**vars(layer), "index": i}) for i in range(count)))


def _mamba2(config: Mapping[str, Any]) -> Facts:
    count = _integer(config, "num_hidden_layers", _integer(config, "n_layer", 64))
    floor, ceiling = _limits(config)
    one = NEVER if floor > 0 else ROUNDED
    zero = NEVER if ceiling < math.inf else ROUNDED
    notes = [f"time_step_limit keeps Δ ≥ {floor:g}: every token decays every state"] if floor > 0 else []
    if (floor, ceiling) != (0.0, math.inf):
        notes.append("cached decoding of one token in transformers' own code does not apply time_step_limit")
    layers = tuple(LayerAudit(i, "Mamba-2", 0.0, 1.0, NEVER, one, zero, NO_GROUP) for i in range(count))
    return Facts(layers, tuple(notes))


def _rwkv7(config: Mapping[str, Any]) -> Facts:
    count = _integer(config, "num_hidden_layers", 24)
    return Facts(tuple(LayerAudit(i, "RWKV-7", -0.46, 1.0, NEVER, ROUNDED, ROUNDED, NO_GROUP) for i in range(count)))


def _mamba3(config: Mapping[str, Any]) -> Facts:
    count = _integer(config, "n_layer", _integer(config, "num_hidden_layers", 1))
    floor = _number("A_floor", _part(config, "ssm_cfg").get("A_floor", 1e-4))
    notes = (f"A_floor {floor:g}: a token that adds t turns shrinks what was written by exp(-{2 * floor:g}·t) or more",)
    layer = LayerAudit(0, "Mamba-3 (complex)", 0.0, 1.0, NEVER, ROUNDED, ROUNDED, NOT_FOR_EVER)
    return Facts(tuple(LayerAudit(**{**vars(layer), "index": i}) for i in range(count)), notes)


def _own(config: Mapping[str, Any]) -> Facts:
    kinds = {
        "s4d": (
            0.0,
            1.0,
            NEVER,
            NEVER,
            NEVER,
            "every group but the trivial one: one shrinking map for all tokens",
        ),
        "mamba": (0.0, 1.0, NEVER, ROUNDED, ROUNDED, NO_GROUP),
        "negative-mamba": (
            -1.0,
            1.0,
            ROUNDED,
            ROUNDED,
            EXACTLY,
            "every group that is no 2-group, with any number of such layers: a token of odd order acts as nothing",
        ),
        "aussm": (1.0, 1.0, EXACTLY, EXACTLY, NEVER, NOT_SOLVABLE),
        "simple-aussm": (1.0, 1.0, EXACTLY, EXACTLY, NEVER, NOT_SOLVABLE),
        "gated-aussm": (0.0, 1.0, ROUNDED, ROUNDED, ROUNDED, "every group that is not solvable"),
    }
    layers, notes = [], []
    if not config["layers"]:
        raise InputError("layers: none in the configuration; wanted one of our own networks, e.g. of compile S3")
    for i, layer in enumerate(config["layers"]):
        family = layer["family"]
        if family not in FAMILY_PARAMETERS:
            raise InputError(f"layers: unknown family {family[:40]!r}; wanted one of {', '.join(FAMILY_PARAMETERS)}")
        if family.startswith("delta-"):
            layers.append(_delta(i, family, doubled=True, factors=int(family.removeprefix("delta-"))))
        elif family in kinds:
            low, high, minus_one, one, zero, excluded = kinds[family]
            layers.append(LayerAudit(i, family, low, high, minus_one, one, zero, excluded))
        else:
            notes.append(f"layer {i}, {family}, is not audited")
    return Facts(tuple(layers), tuple(notes))


class _Layer(TypedDict):
    family: str


class _Configuration(TypedDict, total=False):
    """The fields that are read here, of whatever architecture; a configuration has many more."""

    model_type: str
    layers: list[_Layer]
    layer_types: list[str] | None
    num_hidden_layers: int
    n_layer: int
    num_householder: int
    linear_allow_neg_eigval: bool
    allow_neg_eigval: bool


def _part(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key) or {}
    if not isinstance(value, Mapping):
        raise InputError(f"{key}: {str(value)[:40]!r} in the configuration; wanted an object")
    return value


def _number(key: str, value: object) -> float:
    """A number, infinity too, which transformers writes as {"__float__": "Infinity"}."""
    if isinstance(value, Mapping) and set(value) == {"__float__"}:
        value = value["__float__"]
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if isinstance(value, bool) or not found >= 0:
        raise InputError(f"{key}: {str(value)[:40]!r} in the configuration; wanted a number, e.g. 0.0001")
    return found


def _limits(config: Mapping[str, Any]) -> tuple[float, float]:
    """The least and the largest Δ of Mamba-2, under transformers' name or mamba_ssm's."""
    given = config.get("time_step_limit") or _part(config, "ssm_cfg").get("dt_limit") or (0.0, math.inf)
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise InputError(f"time_step_limit: {str(given)[:40]!r} in the configuration; wanted two numbers")
    return _number("time_step_limit", given[0]), _number("time_step_limit", given[1])


def _integer(config: Mapping[str, Any], key: str, default: int) -> int:
    value = config.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 10_000:
        raise InputError(f"{key}: {str(value)[:40]!r} in the configuration; wanted a number of layers, e.g. 32")
    return value


READERS: dict[str, Callable[[Mapping[str, Any]], Facts]] = {
    "olmo_hybrid": _olmo_hybrid,
    "qwen3_next": _qwen3_next,
    "gated_deltanet": _fla_delta,
    "gated_deltaproduct": _fla_delta,
    "mamba": _mamba,
    "falcon_mamba": _mamba,
    "mamba2": _mamba2,
    "mamba3": _mamba3,
    "rwkv7": _rwkv7,
}
"""By `model_type`."""


def facts_of(config: Mapping[str, Any]) -> Facts:
    """What a configuration says. Raises `InputError` for an architecture that is not known, or a field that it reads
    with a value of another type."""
    conform({name: config[name] for name in _Configuration.__annotations__ if name in config}, _Configuration, "config")
    if "model_type" not in config and "layers" in config:
        return _own(config)
    kind = kind_of(config)
    if kind not in READERS:
        known = ", ".join(READERS)
        raise InputError(f"model_type {kind[:40]!r} is not known; wanted one of {known}, or our own network")
    return READERS[kind](config)


def kind_of(config: Mapping[str, Any]) -> str:
    """The `model_type`; for mamba_ssm's own files, which have none, that of their layers."""
    if "model_type" not in config and isinstance(config.get("ssm_cfg"), Mapping):
        return str(config["ssm_cfg"].get("layer", "Mamba1")).lower().removesuffix("1")
    return str(config.get("model_type"))
