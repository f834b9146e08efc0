"""The layers of fla (flash-linear-attention) at bc3b101, by the configurations that build models of them.

Lines are those of `fla/`. How its classes are used was measured by `tests/owners/use.py` on its release 0.6.0, its
kernels interpreted on the CPU: `USE`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from .fields import Config, flag, limits, number, part, positive, wrong
from .layers import (
    APERIODIC,
    EXACTLY,
    MAMBA,
    MAMBA2,
    NEVER,
    NEVER_BACK,
    NO_LARGE_ORDER,
    ONLY_ADDS,
    REFLECTIONS,
    ROUNDED,
    RWKV7,
    LayerAudit,
    constant,
    decays,
    delta,
    kda,
    mamba2,
    mamba3,
    preconditioned,
)
from .of_transformers import TRANSFORMERS_MAMBA, limit_notes, no_attention
from .records import HYBRID, LINEAR, WEIGHTS, Record, Use, doubles, everywhere, no_switch, nothing, nowhere

FLA_MAMBA = ("dt_limit", "norm_eps", "fuse_norm", "fuse_cross_entropy", "dt_init_floor", "dt_rank")
FACTORS = "a number of factors, e.g. 2"
Switch = Callable[[Config], list[str]]


def is_fla_mamba(config: Config) -> bool:
    """Whether a `mamba` or `mamba2` is fla's, which shares those names with transformers': by the fields it has."""
    return any(key in config for key in FLA_MAMBA) and not any(key in config for key in TRANSFORMERS_MAMBA)


# -- where the layers stand


def _attn_places(config: Config, count: int) -> list[str]:
    """fla's `attn`: one specification or a list of them, each with `layers` and `num_heads`
    (`fla/models/hybrid.py` 37-91, 94-150)."""
    given = config.get("attn")
    found: list[int] = []
    for spec in given if isinstance(given, list) else [] if given is None else [given]:
        if not isinstance(spec, Mapping) or not isinstance(spec.get("layers"), list):
            raise wrong("attn", given, 'an object with layers and heads, e.g. {"layers": [1, 3], "num_heads": 4}')
        for layer in spec["layers"]:
            if not isinstance(layer, int) or isinstance(layer, bool) or not 0 <= layer < count or layer in found:
                raise wrong("attn.layers", layer, f"different numbers of layers from 0 to {count - 1}")
            found.append(layer)
        for key in ("num_heads", "num_kv_heads"):
            if key == "num_heads" or spec.get(key) is not None:
                positive(spec, key, 0, "a number of heads, e.g. 4; the class refuses it without", "attn.")
    return ["attention" if i in found else LINEAR for i in range(count)]


def _looser_places(config: Config, count: int) -> list[str]:
    """The older form, one object whose layers are looked up (`models/precond_kda/modeling_precond_kda.py` 49,
    configuration 92-98): numbers that are no place have no effect."""
    given = config.get("attn")
    if given is None:
        return everywhere(config, count)
    if not isinstance(given, Mapping) or not isinstance(given.get("layers"), list) or "num_heads" not in given:
        raise wrong("attn", given, 'an object with layers and heads, e.g. {"layers": [1, 3], "num_heads": 4}')
    return ["attention" if i in given["layers"] else LINEAR for i in range(count)]


def _samba_places(config: Config, count: int) -> list[str]:
    """`models/samba/configuration_samba.py` 13-38, 99-101: every second layer where `attn` is not given."""
    if "attn" not in config:
        return ["attention" if i % 2 and i < 18 else LINEAR for i in range(count)]
    return _attn_places(config, count)


def _yoco_places(config: Config, count: int) -> list[str]:
    """`models/yoco/modeling_yoco.py` 410-430: the lower half is recurrent, the upper reads what it left."""
    lower = positive(config, "num_self_decoder_layers", 10, "a number of layers, e.g. 10")
    kind = _yoco_kind(config)
    lower_kind = LINEAR if kind in ("gated_deltanet", "gated_retention") else "attention in a window"
    return [lower_kind] * lower + ["cross attention"] * (count - lower)


def _yoco_kind(config: Config) -> str:
    given = part(config, "self_decoder_attn")
    kind = str(given.get("type", "gated_deltanet"))
    if kind not in ("gated_deltanet", "gated_retention", "swa"):
        raise wrong("self_decoder_attn.type", kind, "gated_deltanet, gated_retention or swa")
    if kind == "swa" and given.get("window_size") is None:
        raise wrong("self_decoder_attn.window_size", None, "a number of tokens, e.g. 2048")
    return kind


def _rodimus_places(config: Config, count: int) -> list[str]:
    """`models/rodimus/modeling_rodimus.py` 66-112, 240-245: attention in a window beside each recurrent layer, but for
    `block_type: rodimus`; without its `ska_attn` the class refuses."""
    kind = config.get("block_type", "rodimus_plus")
    if kind not in ("rodimus", "rodimus_plus"):
        raise wrong("block_type", kind, "rodimus or rodimus_plus")
    places = _attn_places(config, count)
    given = part(config, "ska_attn")
    if kind == "rodimus" or LINEAR not in places:
        return places
    if "num_heads" not in given:
        raise wrong("ska_attn", given or None, 'an object with heads, e.g. {"num_heads": 4}; rodimus_plus has that too')
    return [HYBRID if place == LINEAR else place for place in places]


# -- notes and switches


def _neg_notes(config: Config) -> list[str]:
    notes = []
    product = config.get("model_type") == "gated_deltaproduct"
    if "allow_neg_eigval" not in config:
        other = "; the layer alone would have true" if product else ""
        notes.append(f"allow_neg_eigval is not set: the configuration's default is false{other}")
    if product and "use_forget_gate" not in config:
        notes.append("use_forget_gate is not set: the configuration's default is false; the layer's would be true")
    if product and positive(config, "num_householder", 1, FACTORS) > 2 and not config.get("allow_neg_eigval"):
        notes.append("one token may have negative or complex eigenvalues: three or more factors; what is excluded "
                     "rests on norms, not on them")  # fmt: skip
    return notes


_NEG = doubles("allow_neg_eigval")


def _product_switch(config: Config) -> list[str]:
    found = _NEG(config)
    if flag(config, "allow_neg_eigval"):
        if (factors := positive(config, "num_householder", 1, FACTORS)) < 2:
            found.append("num_householder: 2 makes turns of one token reachable: S3, one token an element")
        else:
            found.append(f"num_householder: {factors + 1} makes one more reflection a token reachable")
    if not flag(config, "use_forget_gate"):
        found.append("use_forget_gate: true makes a decay of 0 reachable: resets")
    return found


def _kda_switch(config: Config) -> list[str]:
    freed = [] if config.get("lower_bound") is None else ["lower_bound: null lets decays reach 0: a token forgets all"]
    return _NEG(config) + freed


def _kda_notes(config: Config) -> list[str]:
    bound = config.get("lower_bound")
    if bound is None and flag(config, "safe_gate"):
        raise wrong("lower_bound", bound, "a number below 0, e.g. -5, since safe_gate is true")
    share = [] if bound is None else [f"decays are never below {math.exp(number('lower_bound', bound, -math.inf)):.4g}"]
    return _neg_notes(config) + share


def _position_notes(config: Config) -> list[str]:
    return ["its states are kept by blocks of positions, so that a token acts by where it stands: nothing is concluded "
            "from one token"]  # fmt: skip


def _floor_notes(floor: float) -> list[str]:
    return [f"A_floor {floor:g}: a token that adds t turns shrinks what was written by exp(-{2 * floor:g}·t) or more"]


# -- layers that depend on their fields


def _delta_net(config: Config) -> LayerAudit:
    """`layers/delta_net.py` 211-245: no decay. Keys of `qk_norm: sum` are divided by the sum of their entries, which
    is near 0 for some if entries may be negative: then no bound holds. Without `use_beta`, β is 1, or 2."""
    doubled = flag(config, "allow_neg_eigval")
    found = delta("DeltaNet", doubled, gated=False)
    norm, activation = config.get("qk_norm", "l2"), config.get("qk_activation", "silu")
    if norm not in ("l2", "sum"):
        raise wrong("qk_norm", norm, "l2 or sum")
    if norm == "sum" and activation not in ("relu", "elu"):
        return LayerAudit(0, "DeltaNet, keys without a norm", None, 1.0, ROUNDED, EXACTLY, ROUNDED, "", REFLECTIONS)
    if not flag(config, "use_beta", True):
        return replace(found, zero=NEVER if doubled and norm == "l2" else ROUNDED)
    return found


def _retention(config: Config) -> LayerAudit:
    """`ops/retention/fused_recurrent.py` 48: 1 - 2^(-5 - h) for head h, beside turns by position."""
    heads = positive(config, "num_heads", 8, "a number of heads, e.g. 8")
    return constant("retention", 1 - 2.0**-5, 1 - 2.0 ** -(4 + heads))


def _gla(config: Config) -> LayerAudit:
    """`layers/gla.py` 237-239."""
    floor = config.get("clamp_min")
    return decays("gated linear attention", 0.0 if floor is None else math.exp(number("clamp_min", floor, -math.inf)))


def _raven(config: Config) -> LayerAudit:
    """`layers/raven.py` 266-296: slots that the token is not sent to keep what they have, exactly."""
    return decays("Raven", one=EXACTLY, turned=flag(config, "use_rope"))


def _normalised(kind: str) -> LayerAudit:
    """A running mean with weights exp(k): the normaliser is a sum of all that came (`ops/abc/naive.py`)."""
    return LayerAudit(0, kind, 0.0, 1.0, NEVER, ROUNDED, ROUNDED, ONLY_ADDS, NEVER_BACK)


def _path(config: Config) -> LayerAudit:
    """`layers/path_attn.py` 111, 149-157: all keys of the past are multiplied by I - β w wᵀ, β ≤ 2, ‖w‖ = 1."""
    return LayerAudit(
        0,
        "PaTH attention: each key of the past is a state",
        -1.0,
        1.0,
        ROUNDED,
        EXACTLY,
        ROUNDED,
        NO_LARGE_ORDER,
        "every group in one layer, several tokens an element, each one reflection of the first token's key, while that "
        "key outweighs the number of tokens in the softmax",
    )


def _yoco(config: Config) -> LayerAudit:
    given = part(config, "self_decoder_attn")
    if _yoco_kind(config) == "gated_retention":
        return decays("gated retention", turned=True)
    return delta("Gated DeltaNet", flag(given, "allow_neg_eigval"))


def floor_of(config: Config) -> float:
    """The least decay of Mamba-3."""
    return number("A_floor", config.get("A_floor", 1e-4))


def _mamba3(config: Config) -> LayerAudit:
    if not (floor := floor_of(config)):
        raise wrong("A_floor", floor, "a number above 0: the class refuses others")
    return mamba3(floor)


def mamba3_switch(floor: float) -> list[str]:
    """A smaller floor makes the horizon longer."""
    return [f"A_floor: {floor / 10:g} makes the horizon ten times as long, as far as rounding allows"] if floor else []


def _record(
    count: int,
    layer: Callable[[Config], LayerAudit],
    source: str,
    places: Callable[[Config, int], list[str]] = _attn_places,
    notes: Switch = nothing,
    switch: Switch = no_switch,
    target: str = "",
) -> Record:
    return Record("fla", source, count, layer, places, notes, switch, target=target)


CYCLIC_FLOW = replace(
    decays("cyclic flow: a clock beside a decay"),
    excludes="",
    can="cyclic groups of odd order n, by a clock modulo num_slots - 1, a multiple of n, for 2^24 of its steps",
)
"""What a token multiplies is a decay; what turns is where it writes and reads (`layers/cyfa.py`, 0.6.0)."""


def _slots(config: Config) -> int:
    """`layers/cyfa.py`: an even number."""
    slots = positive(config, "num_slots", 128, "an even number of slots, e.g. 128")
    if slots % 2:
        raise wrong("num_slots", slots, "an even number of slots, e.g. 128")
    return slots


def _clock_notes(slots: int) -> list[str]:
    found = [f"its clock is a float32 sum that is reduced modulo {slots - 1} only when it is read: at 2^24 it stands "
             "still"]  # fmt: skip
    if slots & (slots - 1):
        found.append("num_slots is no power of 2: texts of more than 64 tokens, and gradients, are refused")
    return found


def _fixed(layer: LayerAudit) -> Callable[[Config], LayerAudit]:
    return lambda config: layer


RECORDS: dict[str, Record] = {
    "gated_deltanet": _record(
        21,
        lambda config: delta("Gated DeltaNet", flag(config, "allow_neg_eigval")),
        "models/gated_deltanet/configuration_gated_deltanet.py 19-51; modeling_gated_deltanet.py 52-78",
        notes=_neg_notes,
        switch=_NEG,
        target="gated-deltanet",
    ),
    "gated_deltaproduct": _record(
        21,
        lambda config: delta(
            "GatedDeltaProduct",
            flag(config, "allow_neg_eigval"),
            positive(config, "num_householder", 1, FACTORS),
            flag(config, "use_forget_gate"),
        ),
        "models/gated_deltaproduct/configuration_gated_deltaproduct.py 33-50; layers/gated_deltaproduct.py 225-233",
        notes=_neg_notes,
        switch=_product_switch,
        target="deltaproduct",
    ),
    "delta_net": _record(
        24,
        _delta_net,
        "models/delta_net/configuration_delta_net.py 22-41; layers/delta_net.py 211-245",
        notes=_neg_notes,
        switch=_NEG,
        target="delta-net",
    ),
    "kda": _record(
        24,
        lambda config: kda(flag(config, "allow_neg_eigval")),
        "models/kda/configuration_kda.py 19-36, 80-81; layers/kda.py 249-292",
        notes=_kda_notes,
        switch=_kda_switch,
        target="kda",
    ),
    "precond_gated_deltanet": _record(
        21,
        lambda config: preconditioned("Gated DeltaNet, preconditioned", flag(config, "allow_neg_eigval")),
        "layers/precond_gated_deltanet.py 311-348; ops/precond_gated_delta_rule/naive.py 90-117",
        _looser_places,
        _neg_notes,
        _NEG,
    ),
    "precond_kda": _record(
        24,
        lambda config: preconditioned("Kimi Delta Attention, preconditioned", flag(config, "allow_neg_eigval")),
        "layers/precond_kda.py 282-338; ops/precond_kda/naive.py",
        _looser_places,
        _kda_notes,
        _kda_switch,
    ),
    "comba": _record(
        21,
        _fixed(delta("Comba", doubled=False)),
        "layers/comba.py 267-308: the erased key is the written one, both of norm 1 (ops/comba/chunk.py 203-205)",
    ),
    "mom": _record(
        24, _fixed(delta("mixture of Gated DeltaNet memories", doubled=False)), "layers/mom.py 464-496, 588-622"
    ),
    "mesa_net": _record(24, _fixed(decays("MesaNet")), "layers/mesa_net.py 169-171; ops/mesa_net/naive.py 22-23"),
    "gla": _record(24, _gla, "layers/gla.py 237-239"),
    "gsa": _record(24, _fixed(decays("gated slot attention")), "layers/gsa.py 193-194"),
    "raven": _record(24, _raven, "layers/raven.py 266-296"),
    "hgrn": _record(
        24,
        _fixed(decays("HGRN")),
        "layers/hgrn.py 130-134; models/hgrn/modeling_hgrn.py 239-240, 298-305: its lower bounds are weights",
    ),
    "hgrn2": _record(
        24,
        _fixed(decays("HGRN2")),
        "layers/hgrn2.py 158-162; models/hgrn2/modeling_hgrn2.py 240-241, 299-306: its lower bounds are weights",
    ),
    "rodimus": replace(
        _record(24, _fixed(decays("Rodimus")), "layers/rodimus.py 173-184", _rodimus_places),
        recurrent=frozenset({LINEAR, HYBRID}),
    ),
    "rwkv6": _record(24, _fixed(decays("RWKV-6")), "layers/rwkv6.py 165"),
    "rwkv7": _record(
        24,
        _fixed(RWKV7),
        "models/rwkv7/configuration_rwkv7.py 26; modeling_rwkv7.py 142-168; layers/rwkv7.py 271-288",
    ),
    "retnet": _record(24, _retention, "ops/retention/fused_recurrent.py 48; layers/multiscale_retention.py 237"),
    "lightnet": _record(24, _fixed(_normalised("LightNet")), "layers/lightnet.py 172-192"),
    "abc": _record(24, _fixed(_normalised("attention with bounded memory")), "layers/abc.py 199-209"),
    "linear_attn": _record(
        24,
        _fixed(LayerAudit(0, "linear attention", 1.0, 1.0, NEVER, EXACTLY, NEVER, ONLY_ADDS, NEVER_BACK)),
        "layers/linear_attn.py 164-188: it adds and never forgets",
    ),
    "samba": _record(18, _fixed(MAMBA), "models/samba/configuration_samba.py 13-101; modeling_samba.py", _samba_places),
    "yoco": _record(
        21,
        _yoco,
        "models/yoco/configuration_yoco.py 60-90; modeling_yoco.py 63-93, 410-430; layers/yoco.py 171",
        _yoco_places,
        switch=lambda config: (
            ["self_decoder_attn.allow_neg_eigval: true makes -1 reachable: parity in one layer"]
            if _yoco(config).can == APERIODIC and _yoco_kind(config) == "gated_deltanet"
            else []
        ),
    ),
    "log_linear_mamba2": _record(
        48,
        _fixed(replace(MAMBA2, kind="log-linear Mamba-2", excludes="")),
        "layers/log_linear_mamba2.py 98-107, 508-548; ops/log_linear_attn",
        everywhere,
        _position_notes,
    ),
    "path_attn": _record(
        24, _path, "layers/path_attn.py 111, 149-157", everywhere, switch=lambda config: ["β reaches 2 in every case"]
    ),
    "mamba (fla)": _record(48, _fixed(MAMBA), "models/mamba/configuration_mamba.py 114", everywhere, no_attention),
    "mamba2 (fla)": _record(
        48,
        lambda config: mamba2(*limits(config, "dt_limit")),
        "models/mamba2/configuration_mamba2.py 106, 125; layers/mamba2.py 534 limits Δ in decoding too",
        everywhere,
        lambda config: limit_notes(*limits(config, "dt_limit"), decoding=False) + no_attention(config),
    ),
    "mamba3": _record(
        48,
        _mamba3,
        "models/mamba3/configuration_mamba3.py 31, 40, 103; layers/mamba3.py 204-206",
        everywhere,
        lambda config: _floor_notes(floor_of(config)) + no_attention(config),
        lambda config: mamba3_switch(floor_of(config)),
        "mamba3",
    ),
}
RECORDS |= {
    name: _record(24, _fixed(MAMBA), f"models/{name}: attention alone", nowhere)
    for name in (
        "bitnet",
        "cat",
        "forgetting_transformer",
        "mla",
        "moba",
        "nsa",
        "parallax",
        "stickbreaking_attn",
        "transformer",
        "wall_transformer",
    )
}
RECORDS["cyclic_flow_attention"] = _record(
    24,
    _fixed(CYCLIC_FLOW),
    "models/cyfa/configuration_cyfa.py 20; layers/cyfa.py 219-224; ops/cyfa/fused_recurrent.py, chunk.py (0.6.0)",
    everywhere,
    lambda config: _clock_notes(_slots(config)),
)
RECORDS["deltaformer"] = _record(
    24,
    _fixed(MAMBA),
    "models/deltaformer: attention alone; attn is checked and not read",
    lambda config, count: ["attention" for _ in _attn_places(config, count)],
)

_READS = Use()
_REFUSES = Use("no: more than one token with a cache is refused")
_PATH = Use(
    "no: more than one token with a cache is refused",
    "yes, with a cache: without one a mask is refused",
    "yes, with a mask: without one a cache is refused",
    WEIGHTS,
)
_UNORDERED = Use(
    "no: tokens of a memory are sorted without keeping their order",
    "no: for the same reason",
    "no: whole texts are out of order, single tokens are not",
)
"""`layers/mom.py` 183: `argsort` without `stable`, by which later tokens reach earlier ones (findings/)."""
_TO_FLOAT16 = Use("yes, to the rounding of whole texts to float16", decoding="yes, to the same rounding")
_TO_BFLOAT16 = Use(
    _REFUSES.pieces,
    decoding="yes, to the rounding of whole texts to bfloat16, up to some 4,000 tokens",
    state_dtype=f"float32, the last key and value {WEIGHTS}",
)
"""Its step does not reduce its angle: docs/architectures.md, on Mamba-3."""
USE: dict[str, Use | str] = {
    "gated_deltanet": _READS,
    "gated_deltaproduct": _READS,
    "delta_net": _READS,
    "comba": _READS,
    "gla": _READS,
    "gsa": _READS,
    "hgrn": Use(state_dtype=WEIGHTS),
    "hgrn2": _READS,
    "retnet": _READS,
    "linear_attn": _READS,
    "mamba (fla)": _REFUSES,
    "mamba2 (fla)": _REFUSES,
    "mamba3": _TO_BFLOAT16,
    "samba": _REFUSES,
    "lightnet": _READS,
    "rodimus": _READS,
    "rwkv7": _READS,
    "precond_gated_deltanet": _READS,
    "yoco": _REFUSES,
    "mom": _UNORDERED,
    "log_linear_mamba2": "the class refuses a CPU",
    "kda": _READS,
    "cyclic_flow_attention": _READS,
    "mesa_net": _TO_FLOAT16,
    "path_attn": _PATH,
    "raven": _READS,
    "rwkv6": _READS,
}
"""What `tests/data/use_of_owners.jsonl` says, for people; a reason where a class was not run."""
RECORDS = {name: replace(record, use=USE.get(name, "its kernels were not run")) for name, record in RECORDS.items()}
"""By `model_type`; a name that transformers has too has fla in brackets."""
