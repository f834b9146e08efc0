"""Configurations as the libraries that own them read them: one record a class.

A record says where the recurrent layers of a class stand, of which kind they are, and what the class does with fields
that are missing: what its own code does, in the versions that `docs/architectures.md` names. Lines are those of the
public code: `transformers` 5.23.0, `fla` bc3b101, `mamba_ssm` e9594ce.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from ...algebra.depth.families import ALL_FAMILIES
from ...common.errors import InputError
from ...common.reading import conform
from .layers import KDA, MAMBA, MAMBA2, RWKV7, LayerAudit, delta, mamba3, own, ranges

Config = Mapping[str, Any]
LINEAR, FULL, INDEXED = "linear_attention", "full_attention", "indexed_attention"
HYBRID = "hybrid"
"""A recurrent layer and attention side by side in one layer."""
MOST_LAYERS = 10_000


@dataclass(frozen=True)
class Facts:
    """The recurrent layers of a configuration, and what to know about it."""

    layers: tuple[LayerAudit, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One class of configurations.

    Arguments:
        library: whose class it is.
        count: the number of layers that the class takes where the configuration has none.
        layer: a recurrent layer of such a configuration.
        places: what stands at each place of the stack, given the number of layers; LINEAR everywhere by default.
        notes: what to know about such a configuration.
        key: the field that holds the number of layers.
        recurrent: the words of `places` that are recurrent.
    """

    library: str
    count: int
    layer: Callable[[Config], LayerAudit]
    places: Callable[[Config, int], list[str]] = lambda config, count: [LINEAR] * count
    notes: Callable[[Config], list[str]] = lambda config: []
    key: str = "num_hidden_layers"
    recurrent: frozenset[str] = field(default=frozenset({LINEAR}))

    def facts(self, config: Config) -> Facts:
        """Raises `InputError` for a configuration that the class refuses, or that leaves open what it computes."""
        count = _positive(config, self.key, self.count, "a number of layers, e.g. 32")
        places = self.places(config, count)
        layer = self.layer(config)
        found = tuple(replace(layer, index=i) for i, kind in enumerate(places) if kind in self.recurrent)
        notes = self.notes(config) if found else []
        if self.key not in config:
            other = "; n_layer is ignored" if "n_layer" in config else ""
            notes.append(f"{self.key} is not set: the default of {self.library} is {self.count}{other}")
        others: dict[str, list[int]] = {}
        for i, kind in enumerate(places):
            if kind not in self.recurrent:
                others.setdefault(kind, []).append(i)
        for kind, indices in others.items():
            notes.append(f"not recurrent and not audited: {ranges(indices)} ({kind})")
        if found and HYBRID in places:
            notes.append("attention stands beside the recurrent part in each of these layers, and is not audited")
        if found and any("attention" in kind for kind in others):
            notes.append("what is excluded is excluded of the recurrent layers alone: attention stands beside them")
        return Facts(found, tuple(notes))


# -- where the layers stand


def _typed(default: Callable[[Config, int], list[str]], *kinds: str) -> Callable[[Config, int], list[str]]:
    """`layer_types` as transformers reads it, old names too (`configuration_utils.py` 92-98, 703-718), else a
    default."""

    def places(config: Config, count: int) -> list[str]:
        types = config.get("layer_types")
        if types is None:
            return default(config, count)
        if not (isinstance(types, list) and len(types) == count):
            raise _wrong("layer_types", types, f"a list of {count} kinds, the number of layers")
        renamed = [str({"mamba": LINEAR, "attention": FULL}.get(kind, kind)) for kind in types]
        if unknown := [kind for kind in renamed if kind not in kinds]:
            raise _wrong("layer_types", unknown[0], f"kinds that this class has: {', '.join(kinds)}")
        return renamed

    return places


def _plain(config: Config, count: int) -> list[str]:
    """Recurrent everywhere: `layer_types` is a read-only property of these classes, so a file cannot set it."""
    if "layer_types" in config:
        raise _wrong(
            "layer_types", config["layer_types"], "none: all layers of this class are recurrent, it refuses it"
        )
    return [LINEAR] * count


def _every(key: str, default: int, other: str = FULL) -> Callable[[Config, int], list[str]]:
    """Every n-th layer is not recurrent, n from a field."""

    def places(config: Config, count: int) -> list[str]:
        interval = _positive(config, key, default, "which layer of how many is attention, e.g. 4")
        return [LINEAR if (i + 1) % interval else other for i in range(count)]

    return places


def _qwen4_places(config: Config, count: int) -> list[str]:
    """`configuration_qwen4_exp.py` 173-191: `full_attention` means indexed there; the old name `attention` is renamed
    too late and refused."""
    if "attention" in (types := config.get("layer_types") or []):
        raise _wrong("layer_types", "attention", f"kinds that this class has: {LINEAR}, {INDEXED}")
    types = [{"qwen_sparse_attention": INDEXED}.get(kind, kind) for kind in types] or None
    places = _typed(_every("full_attention_interval", 4), LINEAR, FULL, INDEXED)(
        {**config, "layer_types": types}, count
    )
    return [INDEXED if kind == FULL else kind for kind in places]


def _kimi_places(config: Config, count: int) -> list[str]:
    """`configuration_kimi_linear.py` 120-141: `linear_attn_config` counts layers from 1; else every fourth is full
    attention, but for the first."""

    def usual(config: Config, count: int) -> list[str]:
        given = _part(config, "linear_attn_config")
        if "full_attn_layers" not in given or "kda_layers" not in given:
            return [FULL if i and i % 4 == 0 else LINEAR for i in range(count)]
        found: dict[int, str] = {}
        for key, kind in (("full_attn_layers", FULL), ("kda_layers", LINEAR)):
            layers = given[key]
            if not isinstance(layers, list) or not all(type(i) is int and 1 <= i <= count for i in layers):
                raise _wrong(f"linear_attn_config.{key}", layers, f"a list of layers, from 1 to {count}")
            found |= dict.fromkeys(layers, kind)
        if missing := set(range(1, count + 1)) - set(found):
            raise _wrong("linear_attn_config", f"layer {min(missing)} in no list", "each layer in one of the two lists")
        return [found[i] for i in range(1, count + 1)]

    return _typed(usual, LINEAR, FULL)(config, count)


def _bamba_places(config: Config, count: int) -> list[str]:
    """`configuration_bamba.py` 97-101."""
    _plain(config, count)
    given = config.get("attn_layer_indices") or []
    if not isinstance(given, list) or not all(type(i) is int for i in given):
        raise _wrong("attn_layer_indices", given, "a list of numbers of layers")
    return [FULL if i in given else LINEAR for i in range(count)]


def _jamba_places(config: Config, count: int) -> list[str]:
    """`configuration_jamba.py` 109-114, 129-133."""
    _plain(config, count)
    period = _positive(config, "attn_layer_period", 8, "a number of layers, e.g. 8")
    offset = config.get("attn_layer_offset", 4)
    if type(offset) is not int or not 0 <= offset < period:
        raise _wrong("attn_layer_offset", offset, f"a number from 0 to {period - 1}, less than attn_layer_period")
    return [FULL if i % period == offset else LINEAR for i in range(count)]


def _falcon_places(config: Config, count: int) -> list[str]:
    """`configuration_falcon_h1.py` 133-134: Mamba-2 and attention in every layer."""
    return [HYBRID for _ in _plain(config, count)]


def _olmo_places(config: Config, count: int) -> list[str]:
    """`configuration_olmo_hybrid.py`, `__post_init__` and `validate_architecture`: the last layer is attention where
    no fourth one is; and there are both kinds."""

    def usual(config: Config, count: int) -> list[str]:
        types = [FULL if i % 4 == 3 else LINEAR for i in range(count)]
        return types if FULL in types else [*types[:-1], FULL]

    places = _typed(usual, LINEAR, FULL)(config, count)
    if len(set(places)) < 2:
        raise _wrong(
            "layer_types", places, f"{LINEAR} and {FULL}, at least one layer of each: the class refuses others"
        )
    return places


def _attn_places(config: Config, count: int) -> list[str]:
    """fla's `attn`: one specification or a list of them, each with `layers` and `num_heads`
    (`fla/models/hybrid.py` 37-91, 94-150)."""
    given = config.get("attn")
    found: list[int] = []
    for spec in given if isinstance(given, list) else [] if given is None else [given]:
        if not isinstance(spec, Mapping) or not isinstance(spec.get("layers"), list):
            raise _wrong("attn", given, 'an object with layers and heads, e.g. {"layers": [1, 3], "num_heads": 4}')
        for layer in spec["layers"]:
            if not isinstance(layer, int) or isinstance(layer, bool) or not 0 <= layer < count or layer in found:
                raise _wrong("attn.layers", layer, f"different numbers of layers from 0 to {count - 1}")
            found.append(layer)
        for key in ("num_heads", "num_kv_heads"):
            if key == "num_heads" or spec.get(key) is not None:
                _positive(spec, key, 0, "a number of heads, e.g. 4; the class refuses it without", "attn.")
    return ["attention" if i in found else LINEAR for i in range(count)]


def _ssm_places(config: Config, count: int) -> list[str]:
    """mamba_ssm's `attn_layer_idx`; what is no place in the stack has no effect (`models/mixer_seq_simple.py` 50)."""
    given = config.get("attn_layer_idx") or []
    if not isinstance(given, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in given):
        raise _wrong("attn_layer_idx", given, "a list of numbers of layers")
    return ["attention" if i in given else LINEAR for i in range(count)]


# -- notes


def _olmo_notes(config: Config) -> list[str]:
    return [] if "linear_allow_neg_eigval" in config else ["linear_allow_neg_eigval is not set: the default is true"]


def _positive_notes(config: Config) -> list[str]:
    return [f"{key} is ignored: this class has β ≤ 1 whatever it says" for key in config if "neg_eigval" in key]


def _fla_notes(config: Config) -> list[str]:
    notes = []
    product = config.get("model_type") == "gated_deltaproduct"
    if "allow_neg_eigval" not in config:
        other = "; the layer alone would have true" if product else ""
        notes.append(f"allow_neg_eigval is not set: the configuration's default is false{other}")
    if product and "use_forget_gate" not in config:
        notes.append("use_forget_gate is not set: the configuration's default is false; the layer's would be true")
    if product and _positive(config, "num_householder", 1, _FACTORS) > 2 and not config.get("allow_neg_eigval"):
        notes.append("one token may have negative or complex eigenvalues: three or more factors; what is excluded "
                     "rests on norms, not on them")  # fmt: skip
    return notes


def _limit_notes(floor: float, ceiling: float, decoding: bool) -> list[str]:
    if (floor, ceiling) == (0.0, math.inf):
        return []
    notes = []
    if floor > 0:
        notes.append(f"Δ ≥ {floor:g}: every token decays every state, by exp(-{floor:g}·exp(A_log)) or more")
    notes.append(
        "limits of Δ alone bound no eigenvalue: A_log is free, so that decays of 0 and 1 are reached to rounding"
    )
    if decoding:
        notes.append("cached decoding of one token does not apply the limits of Δ in this library's own code")
    return notes


# -- Mamba, in three libraries

_FACTORS = "a number of factors, e.g. 2"
_TRANSFORMERS_MAMBA = ("layer_norm_epsilon", "time_step_limit", "time_step_rank", "time_step_floor", "use_mambapy")
_FLA_MAMBA = ("dt_limit", "norm_eps", "fuse_norm", "fuse_cross_entropy", "dt_init_floor", "dt_rank")


def is_fla_mamba(config: Config) -> bool:
    """Whether a `mamba` or `mamba2` is fla's, which shares those names with transformers': by the fields it has."""
    return any(key in config for key in _FLA_MAMBA) and not any(key in config for key in _TRANSFORMERS_MAMBA)


def _same_name(config: Config) -> list[str]:
    if "num_hidden_layers" in config or any(key in config for key in _TRANSFORMERS_MAMBA):
        return []
    return ["fla has a class of the same name: its default is 48 layers"]


def _mamba2_notes(config: Config) -> list[str]:
    notes = _limit_notes(*_limits(config, "time_step_limit"), decoding=True)
    return notes + (["dt_limit is ignored: this class reads time_step_limit"] if "dt_limit" in config else [])


def _no_attention(config: Config) -> list[str]:
    """Fields of other libraries that are read nowhere: published files for transformers have an empty `ssm_cfg`."""
    notes = [
        f"{key} is ignored: this class has no attention layers" for key in ("attn", "attn_layer_idx") if config.get(key)
    ]
    return notes + (["ssm_cfg is ignored: only mamba_ssm reads it"] if config.get("ssm_cfg") else [])


def _fla_mamba2_notes(config: Config) -> list[str]:
    return _limit_notes(*_limits(config, "dt_limit"), decoding=False) + _no_attention(config)


def _ssm_mamba2_notes(config: Config) -> list[str]:
    return _limit_notes(*_limits(_part(config, "ssm_cfg"), "dt_limit"), decoding=True)


def _floor(config: Config) -> float:
    return _number("A_floor", config.get("A_floor", 1e-4))


def _floor_notes(floor: float) -> list[str]:
    return [f"A_floor {floor:g}: a token that adds t turns shrinks what was written by exp(-{2 * floor:g}·t) or more"]


def _fla_mamba3(config: Config) -> LayerAudit:
    if not (floor := _floor(config)):
        raise _wrong("A_floor", floor, "a number above 0: the class refuses others")
    return mamba3(floor)


def _linear_record(count: int, places: Callable[[Config, int], list[str]] | None = None) -> Record:
    """A hybrid of transformers with Gated DeltaNet layers, β ≤ 1."""
    places = places or _typed(_every("full_attention_interval", 4), LINEAR, FULL)
    return Record("transformers", count, lambda config: delta("Gated DeltaNet", doubled=False), places, _positive_notes)


RECORDS: dict[str, Record] = {
    # configuration_olmo_hybrid.py; modeling_olmo_hybrid.py doubles β by the flag
    "olmo_hybrid": Record(
        "transformers",
        32,
        lambda config: delta("Gated DeltaNet", bool(config.get("linear_allow_neg_eigval", True))),
        _olmo_places,
        _olmo_notes,
    ),
    "qwen3_next": _linear_record(48),
    "qwen3_5_text": _linear_record(32),
    "qwen3_5_moe_text": _linear_record(40),
    # configuration_qwen4_exp.py 173-191
    "qwen4_exp_text": _linear_record(40, _qwen4_places),
    # modeling_kimi_linear.py 679: β is a sigmoid
    "kimi_linear": Record("transformers", 27, lambda config: KDA, _kimi_places, _positive_notes),
    "bamba": Record("transformers", 32, lambda config: MAMBA2, _bamba_places, _mamba2_notes),
    "falcon_h1": Record(
        "transformers", 32, lambda config: MAMBA2, _falcon_places, _mamba2_notes, recurrent=frozenset({HYBRID})
    ),
    "granitemoehybrid": Record(
        "transformers",
        32,
        lambda config: MAMBA2,
        _typed(lambda c, count: [LINEAR] * count, LINEAR, FULL),
        _mamba2_notes,
    ),
    "jamba": Record("transformers", 32, lambda config: MAMBA, _jamba_places),
    # fla/models/gated_deltanet/configuration_gated_deltanet.py 19-51; modeling_gated_deltanet.py 52-78
    "gated_deltanet": Record(
        "fla",
        21,
        lambda config: delta("Gated DeltaNet", bool(config.get("allow_neg_eigval", False))),
        _attn_places,
        _fla_notes,
    ),
    # fla/models/gated_deltaproduct/configuration_gated_deltaproduct.py 33-50; layers/gated_deltaproduct.py 225-233
    "gated_deltaproduct": Record(
        "fla",
        21,
        lambda config: delta(
            "GatedDeltaProduct",
            bool(config.get("allow_neg_eigval", False)),
            _positive(config, "num_householder", 1, _FACTORS),
            bool(config.get("use_forget_gate", False)),
        ),
        _attn_places,
        _fla_notes,
    ),
    # fla/models/rwkv7/configuration_rwkv7.py 26; modeling_rwkv7.py 142-168; layers/rwkv7.py 271-288
    "rwkv7": Record("fla", 24, lambda config: RWKV7, _attn_places),
    "mamba": Record("transformers", 32, lambda config: MAMBA, _plain, notes=lambda c: _same_name(c) + _no_attention(c)),
    "falcon_mamba": Record("transformers", 32, lambda config: MAMBA, _plain, notes=_no_attention),
    # modeling_mamba2.py 279, 588: Δ is limited where several tokens are read; not in the step of one (550-575)
    "mamba2": Record(
        "transformers",
        64,
        lambda config: MAMBA2,
        _plain,
        notes=lambda c: _mamba2_notes(c) + _same_name(c) + _no_attention(c),
    ),
    # fla/models/mamba/configuration_mamba.py 114; no field attn there, nor in its Mamba-2 and Mamba-3
    "mamba (fla)": Record("fla", 48, lambda config: MAMBA, notes=_no_attention),
    # fla/models/mamba2/configuration_mamba2.py 106, 125; layers/mamba2.py 534 limits Δ in decoding too
    "mamba2 (fla)": Record("fla", 48, lambda config: MAMBA2, notes=_fla_mamba2_notes),
    # fla/models/mamba3/configuration_mamba3.py 31, 40, 103; layers/mamba3.py 204-206
    "mamba3": Record("fla", 48, _fla_mamba3, notes=lambda c: _floor_notes(_floor(c)) + _no_attention(c)),
    # mamba_ssm/models/config_mamba.py 7-18; models/mixer_seq_simple.py 46-62
    "Mamba1": Record("mamba_ssm", 64, lambda config: MAMBA, _ssm_places, key="n_layer"),
    # modules/mamba2.py 183-202 limits Δ, its step (313-314) does not
    "Mamba2": Record("mamba_ssm", 64, lambda config: MAMBA2, _ssm_places, _ssm_mamba2_notes, key="n_layer"),
    # modules/mamba3.py 57, 195
    "Mamba3": Record(
        "mamba_ssm",
        64,
        lambda config: mamba3(_floor(_part(config, "ssm_cfg"))),
        _ssm_places,
        lambda config: _floor_notes(_floor(_part(config, "ssm_cfg"))),
        key="n_layer",
    ),
}
"""By `model_type`; a name that two libraries have has the second in brackets; mamba_ssm's by the name of the layer."""


# -- reading fields


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
    use_forget_gate: bool


def _wrong(key: str, value: object, wanted: str) -> InputError:
    return InputError(f"{key}: {str(value)[:40]!r} in the configuration; wanted {wanted}")


def _part(config: Config, key: str) -> Config:
    value = config.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(key, value, "an object")
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
        raise _wrong(key, value, "a number, e.g. 0.0001")
    return found


def _limits(config: Config, key: str) -> tuple[float, float]:
    """The least and the largest Δ of Mamba-2."""
    given = config.get(key, (0.0, math.inf))
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise _wrong(key, given, "two numbers")
    return _number(key, given[0]), _number(key, given[1])


def _positive(config: Config, key: str, default: int, wanted: str, prefix: str = "") -> int:
    value = config.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MOST_LAYERS:
        raise _wrong(f"{prefix}{key}", value, wanted)
    return value


# -- the configuration as a whole


def _own(config: Config) -> Facts:
    layers, notes = [], []
    if not config["layers"]:
        raise InputError("layers: none in the configuration; wanted one of our own networks, e.g. of compile S3")
    for i, layer in enumerate(config["layers"]):
        family = layer["family"]
        if family not in ALL_FAMILIES:
            raise InputError(f"layers: unknown family {family[:40]!r}; wanted one of {', '.join(ALL_FAMILIES)}")
        found = own(i, ALL_FAMILIES[family])
        if found is not None:
            layers.append(found)
        else:
            notes.append(f"layer {i}, {family}, is not audited")
    return Facts(tuple(layers), tuple(notes))


def is_own(config: Config) -> bool:
    """Whether a configuration is that of one of our own networks."""
    return "model_type" not in config and "layers" in config


def _is_mamba_ssm(config: Config) -> bool:
    return "model_type" not in config and any(key in config for key in ("ssm_cfg", "d_model", "n_layer"))


def kind_of(config: Config) -> str:
    """The `model_type`; for mamba_ssm's own files, which have none, that of their layers."""
    if _is_mamba_ssm(config):
        return str(_part(config, "ssm_cfg").get("layer", "Mamba1")).lower().removesuffix("1")
    return str(config.get("model_type"))


def facts_of(config: Config) -> Facts:
    """What a configuration says. Raises `InputError` for an architecture that is not known, or a field that it reads
    with a value of another type."""
    conform({name: config[name] for name in _Configuration.__annotations__ if name in config}, _Configuration, "config")
    if is_own(config):
        return _own(config)
    if _is_mamba_ssm(config):
        layer = str(_part(config, "ssm_cfg").get("layer", "Mamba1"))
        if layer not in ("Mamba1", "Mamba2", "Mamba3"):
            raise _wrong("ssm_cfg.layer", layer, "Mamba1, Mamba2 or Mamba3")
        return RECORDS[layer].facts(config)
    kind = kind_of(config)
    if kind in KNOWN:
        return RECORDS[f"{kind} (fla)" if f"{kind} (fla)" in RECORDS and is_fla_mamba(config) else kind].facts(config)
    text = config.get("text_config")
    if text is None and kind in TEXTS:
        text = {}
    if isinstance(text, Mapping):
        text = {"model_type": TEXTS.get(kind)} | dict(text)
    if isinstance(text, Mapping) and text["model_type"] in KNOWN:
        found = facts_of(text)
        return Facts(found.layers, (f"layers are those of its text_config, {kind_of(text)}", *found.notes))
    raise InputError(
        f"model_type {kind[:40]!r} is not known; wanted one of {', '.join(KNOWN)}, or our own network; "
        "e.g. subnormal audit FOLDER/config.json"
    )


TEXTS = {"qwen3_5": "qwen3_5_text", "qwen3_5_moe": "qwen3_5_moe_text", "qwen4_exp": "qwen4_exp_text"}
"""Composite classes, and what their `text_config` is where it does not say."""
KNOWN = [name for name in RECORDS if name.islower() and " " not in name]
"""The values of `model_type` that have a record."""
