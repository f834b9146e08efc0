"""The classes of transformers that keep a recurrent state, or a short convolution's.

Lines are those of the public code of transformers 5.23.0 (lara_mini and inkling2_loop: 5.24.0), in `models/NAME/`. What
is said of use was measured with them on the CPU; `tests/proofs_check/test_audit_against_transformers.py` measures it
again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from .fields import MOST_LAYERS, Config, flag, limits, number, part, positive, wrong
from .layers import (
    MAMBA,
    MAMBA2,
    RWKV4,
    LayerAudit,
    capped,
    constant,
    decays,
    delta,
    kda,
    mamba2,
    nonlinear,
)
from .records import (
    CONVOLUTION,
    FULL,
    HYBRID,
    HYBRID_SLIDING,
    INDEXED,
    LINEAR,
    LOST,
    NO,
    SLIDING,
    WEIGHTS,
    YES,
    Record,
    Use,
    doubles,
    every,
    everywhere,
    indices,
    no_switch,
)

Places = Callable[[Config, int], list[str]]
RENAMED = {"mamba": LINEAR, "attention": FULL, "deepseek_sparse_attention": INDEXED, "qwen_sparse_attention": INDEXED}
"""Old names of kinds of layers (`configuration_utils.py` 93-98)."""


# -- where the layers stand


def _typed(default: Places, *kinds: str, key: str = "layer_types") -> Places:
    """`layer_types` as transformers reads it, old names too (`configuration_utils.py` 92-98, 703-718), else a
    default."""

    def places(config: Config, count: int) -> list[str]:
        types = config.get(key)
        if types is None:
            return default(config, count)
        if not (isinstance(types, list) and len(types) == count):
            raise wrong(key, types, f"a list of {count} kinds, the number of layers")
        renamed = [RENAMED.get(str(kind), str(kind)) for kind in types]
        if unknown := [kind for kind in renamed if kind not in kinds]:
            raise wrong(key, unknown[0], f"kinds that this class has: {', '.join(kinds)}")
        return renamed

    return places


def _plain(config: Config, count: int) -> list[str]:
    """Recurrent everywhere: `layer_types` is a read-only property of these classes, so a file cannot set it."""
    if "layer_types" in config:
        raise wrong("layer_types", config["layer_types"], "none: this class computes it, and refuses it in a file")
    return [LINEAR] * count


def _ignored(config: Config, count: int) -> list[str]:
    """Recurrent everywhere: `layer_types` is checked and not read."""
    _typed(everywhere, LINEAR, FULL, SLIDING, INDEXED, HYBRID, HYBRID_SLIDING, CONVOLUTION)(config, count)
    return everywhere(config, count)


def _blocks(default: Places, *kinds: str) -> Places:
    """`layers_block_type`, which `layer_types` replaces where a file has both (`attribute_map` of these classes)."""

    def places(config: Config, count: int) -> list[str]:
        key = "layer_types" if "layer_types" in config else "layers_block_type"
        if config.get(key, []) is None and key == "layer_types":
            raise wrong(key, None, "a list of kinds of layers, or no such field")
        return _typed(default, *kinds, key=key)(config, count)

    return places


def _indexed(default: Places, late: bool = False) -> Places:
    """`full_attention` means indexed attention; in qwen4_exp the old name `attention` is renamed too late: refused."""

    def places(config: Config, count: int) -> list[str]:
        types = config.get("layer_types")
        if not late and isinstance(types, list) and "attention" in types:
            raise wrong("layer_types", "attention", f"kinds that this class has: {LINEAR}, {INDEXED}")
        found = _typed(default, LINEAR, FULL, INDEXED)(config, count)
        return [INDEXED if kind == FULL else kind for kind in found]

    return places


def _kimi_places(config: Config, count: int) -> list[str]:
    """`configuration_kimi_linear.py` 120-141: `linear_attn_config` counts layers from 1; else every fourth is full
    attention, but for the first."""

    def usual(config: Config, count: int) -> list[str]:
        given = part(config, "linear_attn_config")
        if "full_attn_layers" not in given or "kda_layers" not in given:
            return [FULL if i and i % 4 == 0 else LINEAR for i in range(count)]
        found: dict[int, str] = {}
        for key, kind in (("full_attn_layers", FULL), ("kda_layers", LINEAR)):
            layers = given[key]
            if not isinstance(layers, list) or not all(type(i) is int and 1 <= i <= count for i in layers):
                raise wrong(f"linear_attn_config.{key}", layers, f"a list of layers, from 1 to {count}")
            found |= dict.fromkeys(layers, kind)
        if missing := set(range(1, count + 1)) - set(found):
            raise wrong("linear_attn_config", f"layer {min(missing)} in no list", "each layer in one of the two lists")
        return [found[i] for i in range(1, count + 1)]

    return _typed(usual, LINEAR, FULL)(config, count)


def _bamba_places(config: Config, count: int) -> list[str]:
    """`configuration_bamba.py` 97-101."""
    _plain(config, count)
    given = indices(config, "attn_layer_indices")
    return [FULL if i in given else LINEAR for i in range(count)]


def _period(config: Config, other: str, period: int, offset: int) -> Places:
    """Attention where the place is `attn_layer_offset` modulo `attn_layer_period`."""
    period = positive(config, "attn_layer_period", period, "a number of layers, e.g. 8")
    given = config.get("attn_layer_offset", offset)
    if type(given) is not int:
        raise wrong("attn_layer_offset", given, f"a number from 0 to {period - 1}, less than attn_layer_period")
    return lambda config, count: [other if i % period == given else LINEAR for i in range(count)]


def _jamba_places(config: Config, count: int) -> list[str]:
    """`configuration_jamba.py` 109-114, 129-133."""
    _plain(config, count)
    places = _period(config, FULL, 8, 4)
    if not 0 <= config.get("attn_layer_offset", 4) < config.get("attn_layer_period", 8):
        raise wrong("attn_layer_offset", config.get("attn_layer_offset", 4), "a number less than attn_layer_period")
    return places(config, count)


def _zamba_places(config: Config, count: int) -> list[str]:
    """`configuration_zamba.py` 103-113."""

    def usual(config: Config, count: int) -> list[str]:
        if count < 3:
            raise wrong("num_hidden_layers", count, "3 or more, or layers_block_type: the class makes three at least")
        return [LINEAR, LINEAR, HYBRID, *_period(config, HYBRID, 6, 4)(config, count - 3)]

    return _blocks(usual, LINEAR, HYBRID)(config, count)


_ZAMBA2 = [LINEAR, *([LINEAR] * 5 + [HYBRID]) * 7, *[LINEAR] * 4, HYBRID, *[LINEAR] * 3, HYBRID, *[LINEAR] * 2]
"""`configuration_zamba2.py` 128-137."""


def _zamba2_places(config: Config, count: int) -> list[str]:
    def usual(config: Config, count: int) -> list[str]:
        if count != len(_ZAMBA2):
            raise wrong("num_hidden_layers", count, f"{len(_ZAMBA2)}, or layers_block_type: the default has so many")
        return _ZAMBA2

    return _blocks(usual, LINEAR, HYBRID)(config, count)


_PATTERN = {"M": LINEAR, "E": "moe", "*": FULL, "-": "mlp"}


def _nemotron_places(config: Config, count: int) -> list[str]:
    """`configuration_nemotron_h.py` 171-187, 277-282: `num_hidden_layers` is ignored; `layers_block_type`, else the
    letters of `hybrid_override_pattern`, else four layers."""
    types = config.get("layers_block_type")
    if types is None and "hybrid_override_pattern" in config:
        pattern = config["hybrid_override_pattern"]
        if not isinstance(pattern, str) or not pattern or set(pattern) - set(_PATTERN):
            raise wrong("hybrid_override_pattern", pattern, 'a text of M, E, * and -, e.g. "M-M*-"')
        types = [_PATTERN[letter] for letter in pattern]
    if types is None:
        types = [LINEAR, "moe", FULL, "mlp"]
    types = config.get("layer_types", types)
    if not isinstance(types, list) or len(types) > MOST_LAYERS:
        raise wrong("layer_types", types, f"a list of at most {MOST_LAYERS} kinds of layers")
    return _typed(everywhere, *_PATTERN.values())({"layer_types": types}, len(types))


def _olmo_places(config: Config, count: int) -> list[str]:
    """`configuration_olmo_hybrid.py`, `__post_init__` and `validate_architecture`: the last layer is attention where
    no fourth one is; and there are both kinds."""

    def usual(config: Config, count: int) -> list[str]:
        types = [FULL if i % 4 == 3 else LINEAR for i in range(count)]
        return types if FULL in types else [*types[:-1], FULL]

    places = _typed(usual, LINEAR, FULL)(config, count)
    if len(set(places)) < 2:
        raise wrong("layer_types", places, f"{LINEAR} and {FULL}, at least one layer of each: the class refuses others")
    return places


def _gemma_places(config: Config, count: int) -> list[str]:
    """`configuration_recurrent_gemma.py` 98-102: the blocks again and again; all that is no `recurrent` is attention
    in a window. `layer_types` is a read-only property."""
    for key in ("layer_types", "layers_block_type"):
        if key in config:
            raise wrong(key, config[key], "block_types: this class computes the list, and refuses it in a file")
    blocks = config.get("block_types", ["recurrent", "recurrent", "attention"])
    if not isinstance(blocks, list) or not blocks:
        raise wrong("block_types", blocks, 'a list of blocks, e.g. ["recurrent", "attention"]')
    found = (blocks * 100)[:count]
    if len(found) < count:
        raise wrong("block_types", blocks, f"a list that covers {count} layers when it is repeated 100 times")
    return [LINEAR if kind == "recurrent" else SLIDING for kind in found]


def _lfm2_places(config: Config, count: int) -> list[str]:
    """`configuration_lfm2.py` 82-88: attention everywhere unless the file says something else."""
    given = config.get("full_attn_idxs")
    attention = range(count) if given is None else indices(config, "full_attn_idxs")
    return [FULL if i in attention else CONVOLUTION for i in range(count)]


def _lfm3_places(config: Config, count: int) -> list[str]:
    """`configuration_lfm3.py` 94-98."""
    return [FULL if i % 4 == 2 else SLIDING if i % 4 == 0 and i > 0 else CONVOLUTION for i in range(count)]


def _inkling_places(config: Config, count: int) -> list[str]:
    """`configuration_inkling.py` 158-165: `local_layer_ids`, else all but every sixth, in a window."""
    given = config.get("local_layer_ids")
    local = {i for i in range(count) if (i + 1) % 6} if given is None else set(indices(config, "local_layer_ids"))
    return [HYBRID_SLIDING if i in local else HYBRID for i in range(count)]


_LARA = (LINEAR, SLIDING, LINEAR, FULL, SLIDING)
_FOURTH: Places = lambda config, count: [LINEAR if i % 4 != 3 else INDEXED for i in range(count)]  # noqa: E731
_ALTERNATING: Places = lambda config, count: [FULL if i % 2 == 0 else LINEAR for i in range(count)]  # noqa: E731


# -- notes


def _olmo_notes(config: Config) -> list[str]:
    return [] if "linear_allow_neg_eigval" in config else ["linear_allow_neg_eigval is not set: the default is true"]


def _positive_notes(config: Config) -> list[str]:
    return [f"{key} is ignored: this class has β ≤ 1 whatever it says" for key in config if "neg_eigval" in key]


def limit_notes(floor: float, ceiling: float, decoding: bool) -> list[str]:
    """What limits of Δ mean in Mamba-2, and whether the step of one cached token leaves them out."""
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


def _time_step_notes(config: Config) -> list[str]:
    notes = limit_notes(*limits(config, "time_step_limit"), decoding=True)
    return notes + (["dt_limit is ignored: this class reads time_step_limit"] if "dt_limit" in config else [])


def _floor_notes(config: Config) -> list[str]:
    """zamba2 and nemotron_h take the smallest Δ of initialisation for a limit (669, 414)."""
    floor = number("time_step_min", config.get("time_step_min", config.get("mamba_dt_min", 0.001)))
    notes = limit_notes(floor, math.inf, decoding=True)
    return notes + [
        f"{key} is ignored: this class limits Δ by time_step_min"
        for key in ("time_step_limit", "mamba_dt_limit", "dt_limit")
        if key in config
    ]


def no_attention(config: Config) -> list[str]:
    """Fields of other libraries that are read nowhere: published files for transformers have an empty `ssm_cfg`."""
    notes = [
        f"{key} is ignored: this class has no attention layers" for key in ("attn", "attn_layer_idx") if config.get(key)
    ]
    return notes + (["ssm_cfg is ignored: only mamba_ssm reads it"] if config.get("ssm_cfg") else [])


TRANSFORMERS_MAMBA = ("layer_norm_epsilon", "time_step_limit", "time_step_rank", "time_step_floor", "use_mambapy")


def _same_name(config: Config) -> list[str]:
    if "num_hidden_layers" in config or any(key in config for key in TRANSFORMERS_MAMBA):
        return []
    return ["fla has a class of the same name: its default is 48 layers"]


# -- layers that depend on their fields


def _bailing_floor(config: Config) -> float:
    if not flag(config, "kda_safe_gate", True):
        return 0.0
    return _share("kda_lower_bound", config.get("kda_lower_bound", -5.0))


def _glm_floor(config: Config) -> float:
    """`configuration_glm5_next.py` 191-199: a null in `linear_attn_config` is -5 again, unless its gate is not safe."""
    bound = config.get("linear_lower_bound", -5.0)
    given = part(config, "linear_attn_config")
    if config.get("linear_attn_config") is not None:
        bound = given.get("gate_lower_bound", bound)
        if given.get("safe_gate", True) and bound is None:
            bound = -5.0
    return 0.0 if bound is None else _share("linear_lower_bound", bound)


def _share(key: str, bound: object) -> float:
    """exp of a lower bound of the decay's logarithm."""
    found = number(key, bound, -math.inf)
    if found > 0:
        raise wrong(key, bound, "a number below 0, e.g. -5: above it the state grows without a limit")
    return math.exp(found)


def _bounded_notes(floor: Callable[[Config], float]) -> Callable[[Config], list[str]]:
    """A floor under the decays."""

    def notes(config: Config) -> list[str]:
        share = floor(config)
        found = [f"decays are never below {share:.4g}: only β = 1 erases, in the direction of one key"] if share else []
        return found + _positive_notes(config)

    return notes


def _minimax_layer(config: Config, index: int, count: int) -> LayerAudit:
    """`modeling_minimax.py` 150-159: decays exp(-2^(-8h/H)·(1 - i/(L - 1))) that no weight learns."""
    heads = positive(config, "num_attention_heads", 32, "a number of heads, e.g. 32")
    factor = 1 - index / (count - 1 + 1e-5) + 1e-5
    rates = [factor * 2.0 ** (-8 * h / heads) for h in (1, heads)]
    found = constant("lightning attention", math.exp(-max(rates)), math.exp(-min(rates)))
    return replace(found, index=index)


def _xlstm(config: Config) -> LayerAudit:
    cap = config.get("gate_soft_cap", 15.0)
    return capped("mLSTM", math.inf if cap is None else number("gate_soft_cap", cap))


def _xlstm_places(config: Config, count: int) -> list[str]:
    """`num_blocks` blocks (`modeling_xlstm.py` 1399), where it is set; `layer_types` is checked and not read."""
    _ignored(config, count)
    if config.get("num_blocks") is None:
        return [LINEAR] * count
    return [LINEAR] * positive(config, "num_blocks", count, "a number of blocks, e.g. 32")


def _xlstm_notes(config: Config) -> list[str]:
    """A cache has a state for each of `num_hidden_layers` (1365)."""
    count, blocks = config.get("num_hidden_layers", 32), config.get("num_blocks")
    if blocks is None or blocks <= count:
        return []
    return [f"num_blocks {blocks} is above num_hidden_layers {count}: with a cache the class fails"]


def _xlstm_switch(config: Config) -> list[str]:
    cap = number("gate_soft_cap", config.get("gate_soft_cap", 15.0))
    raised = [] if cap > 17.4 else ["gate_soft_cap: 20 makes a gate of 1 reachable to rounding: the flip-flop for ever"]
    return raised + no_switch(config)


def _bailing_switch(config: Config) -> list[str]:
    freed = ["kda_safe_gate: false lets decays reach 0: a token can forget all"] if _bailing_floor(config) else []
    return freed + no_switch(config)


def _glm_switch(config: Config) -> list[str]:
    freed = ["linear_lower_bound: null lets decays reach 0: a token can forget all"] if _glm_floor(config) else []
    return freed + no_switch(config)


# -- how they are run

USUAL = Use()
IN_PIECES_LOST = Use(pieces=LOST)
FLOORED = Use(decoding="no: the floor under Δ holds only where several tokens are read at once")
WITH_POSITIONS = Use(position_ids="yes, with a cache")
GEMMA = Use(
    pieces="no: the convolution's window is lost at the start of each piece; the state is kept, on the module",
    left_padding=NO,
)
RWKV = Use(left_padding=NO, decoding="no, in a batch: one token mixes the texts; with one text: yes")
WINDOWED = Use(state_dtype=WEIGHTS)
_NO_PROMPT = "no prompt: it reads the tokens that it writes"
PREDICTOR = Use(f"{_NO_PROMPT}, one a step, from a cache of its own", _NO_PROMPT, state_dtype=WEIGHTS)
"""The prediction network of a transducer; a blank leaves the state as it is."""
AT_ONCE = Use(f"{LOST}: nothing is kept between calls", "no: what is padded is read", LOST, WEIGHTS)
"""An LSTM over audio, which has no cache."""
WITHIN = Use("no prompt: one call writes all of it", "no prompt", "within one call; nothing is kept between calls")
"""A cell that writes a structure within one call."""


def _minimax_use(config: Config) -> Use:
    """Its cache counts tokens by layer 0, which has no keys if it is lightning attention."""
    types = config.get("layer_types")
    if isinstance(types, list) and types and RENAMED.get(str(types[0]), types[0]) == LINEAR:
        lost = "no: its cache counts tokens by layer 0, which is lightning attention and keeps no count"
        return Use(lost, lost, YES, WINDOWED.state_dtype, "yes, with a cache")
    return WINDOWED


def _gated_delta(source: str, count: int, places: Places, target: str = "") -> Record:
    """A hybrid with Gated DeltaNet layers, β ≤ 1."""
    return Record(
        "transformers",
        source,
        count,
        lambda config: delta("Gated DeltaNet", doubled=False),
        places,
        _positive_notes,
        no_switch,
        USUAL,
        target=target,
    )


def _mamba2_layer(config: Config) -> LayerAudit:
    return mamba2(*limits(config, "time_step_limit"))


def _mamba2(source: str, places: Places, recurrent: str = LINEAR, use: Use = USUAL) -> Record:
    """A hybrid with Mamba-2 layers."""
    return Record(
        "transformers",
        source,
        32,
        _mamba2_layer,
        places,
        _time_step_notes,
        no_switch,
        use,
        recurrent=frozenset({recurrent}),
    )


def _convolution(source: str, count: int, places: Places, window: Callable[[Config], int], *kinds: str) -> Record:
    """Short convolutions that keep their last inputs, and nothing else."""
    return Record(
        "transformers",
        source,
        count,
        None,
        places,
        use=WINDOWED,
        recurrent=frozenset(kinds or {CONVOLUTION}),
        window=window,
    )


def _nonlinear(
    source: str, use: Use = PREDICTOR, kind: str = "LSTM", key: str = "num_decoder_layers", count: int = 2
) -> Record:
    """A part whose gates read its state."""
    return Record("transformers", source, count, lambda config: nonlinear(kind), key=key, use=use)


def _kernel(key: str, default: int) -> Callable[[Config], int]:
    return lambda config: positive(config, key, default, "a number of tokens, e.g. 4")


_HYBRIDS = (HYBRID, HYBRID_SLIDING)


def _zaya_window(config: Config) -> int:
    times = [positive(config, key, 2, "a number of tokens, e.g. 2") for key in ("cca_time0", "cca_time1")]
    return max(sum(times) - 1, 2)  # the value of the token before is kept too


def _zaya_places(config: Config, count: int) -> list[str]:
    """`configuration_zaya.py` 95, 128-129."""
    found = _typed(lambda config, count: [HYBRID] * count, *_HYBRIDS)(config, count)
    if HYBRID_SLIDING in found and config.get("sliding_window") is None:
        raise wrong("sliding_window", None, f"a number of tokens, e.g. 4096, since layer_types has {HYBRID_SLIDING}")
    return found


_INTERVAL = _typed(every("full_attention_interval", 4), LINEAR, FULL)

RECORDS: dict[str, Record] = {
    "olmo_hybrid": Record(
        "transformers",
        "configuration_olmo_hybrid.py __post_init__; modeling_olmo_hybrid.py, OlmoHybridGatedDeltaNet.forward",
        32,
        lambda config: delta("Gated DeltaNet", flag(config, "linear_allow_neg_eigval", True)),
        _olmo_places,
        _olmo_notes,
        doubles("linear_allow_neg_eigval", True),
        USUAL,
        target="olmo-hybrid",
    ),
    "qwen3_next": _gated_delta(
        "configuration_qwen3_next.py; modeling_qwen3_next.py (β a sigmoid)", 48, _INTERVAL, target="qwen3-next"
    ),
    "qwen3_5_text": _gated_delta("configuration_qwen3_5.py; modeling_qwen3_5.py (β a sigmoid)", 32, _INTERVAL),
    "qwen3_5_moe_text": _gated_delta("configuration_qwen3_5_moe.py; modeling_qwen3_5_moe.py", 40, _INTERVAL),
    "qwen4_exp_text": _gated_delta(
        "configuration_qwen4_exp.py 146-158; modeling_qwen4_exp.py",
        40,
        _indexed(every("full_attention_interval", 4, INDEXED)),
    ),
    "lara_mini": _gated_delta(
        "configuration_lara_mini.py __post_init__; modeling_lara_mini.py (5.24.0)",
        34,
        _typed(lambda config, count: [_LARA[i % 5] for i in range(count)], LINEAR, SLIDING, FULL),
    ),
    "kimi_linear": Record(
        "transformers",
        "configuration_kimi_linear.py 120-141; modeling_kimi_linear.py 317-342, 679 (β a sigmoid)",
        27,
        lambda config: kda(doubled=False),
        _kimi_places,
        _positive_notes,
        no_switch,
        USUAL,
    ),
    "glm5_next_text": Record(
        "transformers",
        "configuration_glm5_next.py 164-199; modeling_glm5_next.py 351-369, 734 (β a sigmoid)",
        45,
        lambda config: kda(doubled=False),
        _indexed(_FOURTH, late=True),
        _bounded_notes(_glm_floor),
        _glm_switch,
        USUAL,
    ),
    "bailing_hybrid": Record(
        "transformers",
        "configuration_bailing_hybrid.py 143-147; modeling_bailing_hybrid.py 409-423, 733 (β a sigmoid)",
        42,
        lambda config: kda(doubled=False),
        _typed(every("layer_group_size", 6), LINEAR, FULL),
        _bounded_notes(_bailing_floor),
        _bailing_switch,
        USUAL,
    ),
    "mamba": Record(
        "transformers",
        "modeling_mamba.py 378, 438-468",
        32,
        lambda config: MAMBA,
        _plain,
        lambda config: _same_name(config) + no_attention(config),
        no_switch,
        IN_PIECES_LOST,
    ),
    "falcon_mamba": Record(
        "transformers",
        "modeling_falcon_mamba.py 401, 460-506",
        32,
        lambda config: MAMBA,
        _plain,
        no_attention,
        no_switch,
        IN_PIECES_LOST,
    ),
    "mamba2": Record(
        "transformers",
        "modeling_mamba2.py 279, 588 limits Δ where several tokens are read; the step of one (550-575) does not",
        64,
        _mamba2_layer,
        _plain,
        lambda config: _time_step_notes(config) + _same_name(config) + no_attention(config),
        no_switch,
        USUAL,
        target="mamba2",
    ),
    "bamba": _mamba2("configuration_bamba.py 97-101; modeling_bamba.py 675-784", _bamba_places, use=WITH_POSITIONS),
    "falcon_h1": _mamba2(
        "configuration_falcon_h1.py 133-134; modeling_falcon_h1.py 614-803",
        lambda config, count: [HYBRID for _ in _plain(config, count)],
        HYBRID,
    ),
    "granitemoehybrid": _mamba2(
        "configuration_granitemoehybrid.py; modeling_granitemoehybrid.py 532-704", _typed(everywhere, LINEAR, FULL)
    ),
    "jamba": Record(
        "transformers",
        "configuration_jamba.py 109-118, 129-133; modeling_jamba.py",
        32,
        lambda config: MAMBA,
        _jamba_places,
        switch=no_switch,
        use=IN_PIECES_LOST,
    ),
    "zamba": Record(
        "transformers",
        "configuration_zamba.py 103-113; modeling_zamba.py 544-592",
        76,
        lambda config: MAMBA,
        _zamba_places,
        switch=no_switch,
        use=IN_PIECES_LOST,
        recurrent=frozenset({LINEAR, HYBRID}),
    ),
    "zamba2": Record(
        "transformers",
        "configuration_zamba2.py 128-140; modeling_zamba2.py 669, 741-850",
        54,
        lambda config: MAMBA2,
        _zamba2_places,
        _floor_notes,
        no_switch,
        FLOORED,
        recurrent=frozenset({LINEAR, HYBRID}),
    ),
    "nemotron_h": Record(
        "transformers",
        "configuration_nemotron_h.py 171-187, 277-282; modeling_nemotron_h.py 414, 486-595",
        4,
        lambda config: MAMBA2,
        _nemotron_places,
        _floor_notes,
        no_switch,
        FLOORED,
        key="",
    ),
    "minimax": Record(
        "transformers",
        "configuration_minimax.py 123-126; modeling_minimax.py 150-255",
        32,
        None,
        _typed(_ALTERNATING, LINEAR, FULL),
        lambda config: ["its decays are numbers of the configuration: no token and no weight changes them"],
        no_switch,
        _minimax_use,
        each=_minimax_layer,
    ),
    "recurrent_gemma": Record(
        "transformers",
        "configuration_recurrent_gemma.py 98-102; modeling_recurrent_gemma.py 305-388",
        26,
        lambda config: decays("RG-LRU"),
        _gemma_places,
        lambda config: ["position 0 forgets the state: the decay is exactly 0 where position_ids are"],
        no_switch,
        GEMMA,
    ),
    "rwkv": Record(
        "transformers",
        "modeling_rwkv.py 162-203, 248-265",
        32,
        lambda config: RWKV4,
        _ignored,
        switch=no_switch,
        use=RWKV,
    ),
    "xlstm": Record(
        "transformers",
        "configuration_xlstm.py 144, 156; modeling_xlstm.py 387-447, 1116-1131",
        32,
        _xlstm,
        _xlstm_places,
        _xlstm_notes,
        _xlstm_switch,
        use=Use(left_padding=NO, state_dtype=WINDOWED.state_dtype),
    ),
    "lfm2": _convolution(
        "configuration_lfm2.py 82-88; modeling_lfm2.py",
        32,
        _typed(_lfm2_places, CONVOLUTION, FULL),
        _kernel("conv_L_cache", 3),
    ),
    "lfm2_moe": _convolution(
        "configuration_lfm2_moe.py; modeling_lfm2_moe.py",
        32,
        _typed(lambda config, count: [FULL] * count, CONVOLUTION, FULL),
        _kernel("conv_L_cache", 3),
    ),
    "lfm3": _convolution(
        "configuration_lfm3.py 94-98; modeling_lfm3.py",
        24,
        _typed(_lfm3_places, CONVOLUTION, SLIDING, FULL),
        _kernel("conv_L_cache", 7),
    ),
    "inkling_text": _convolution(
        "configuration_inkling.py 158-178; modeling_inkling.py 486-530",
        66,
        _typed(_inkling_places, *_HYBRIDS),
        _kernel("conv_kernel_size", 4),
        *_HYBRIDS,
    ),
    "inkling2_text": _convolution(
        "configuration_inkling2.py 130-133; modeling_inkling2.py",
        48,
        _typed(lambda config, count: [HYBRID if (i + 1) % 6 == 0 else HYBRID_SLIDING for i in range(count)], *_HYBRIDS),
        _kernel("conv_kernel_size", 4),
        *_HYBRIDS,
    ),
    "inkling2_loop_text": _convolution(
        "configuration_inkling2_loop.py __post_init__; modeling_inkling2_loop.py (5.24.0): layers in the middle are "
        "passed several times, each pass with states of its own",
        24,
        _typed(lambda config, count: [HYBRID if (i + 1) % 6 == 0 else HYBRID_SLIDING for i in range(count)], *_HYBRIDS),
        _kernel("conv_kernel_size", 4),
        *_HYBRIDS,
    ),
    "zaya": _convolution(
        "configuration_zaya.py 95; modeling_zaya.py 159-161, 205-252: what its cache calls recurrent is the value of "
        "the token before",
        40,
        _zaya_places,
        _zaya_window,
        *_HYBRIDS,
    ),
    "encodec": _nonlinear(
        "modeling_encodec.py 236-248: in the encoder and in the decoder", AT_ONCE, key="num_lstm_layers"
    ),
    "wavtokenizer": _nonlinear(
        "modeling_wavtokenizer.py 177-188 (5.24.0): in the encoder", AT_ONCE, key="num_lstm_layers"
    ),
    "wavtokenizer_encoder": _nonlinear("modeling_wavtokenizer.py 177-188 (5.24.0)", AT_ONCE, key="num_lstm_layers"),
    "parakeet_rnnt": _nonlinear("modeling_parakeet.py 811-856: the prediction network"),
    "parakeet_tdt": _nonlinear("modeling_parakeet.py 811-856: the prediction network"),
    "nemotron_asr_streaming": _nonlinear("modeling_nemotron_asr_streaming.py 1055-1101: the prediction network"),
    "nemotron3_5_asr": _nonlinear("modeling_nemotron3_5_asr.py 140-186: the prediction network"),
    "slanet": _nonlinear("modeling_slanet.py 91-132: the cell that writes the structure", WITHIN, "GRU", "", 1),
    "slanext": _nonlinear("modeling_slanext.py 176-217: the cell that writes the structure", WITHIN, "GRU", "", 1),
}
"""By `model_type`. Composite classes are entered: `classes.json` has their parts."""
