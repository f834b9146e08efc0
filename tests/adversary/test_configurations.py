"""Configurations against the library that reads them: `audit` finds the recurrent layers where the library has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from subnormal.common.errors import InputError
from subnormal.proofs_check.audits.configurations import RECORDS, classes, facts_of
from tests.adversary.attempts import attempts, times

TEXTS: dict[str, str] = {}
for _name, _parts in classes().items():
    _text = _parts.get("text_config", "")
    _text = _text if isinstance(_text, str) else _text["model_type"]
    if _text in RECORDS:
        TEXTS[_name] = _text
"""Composite classes whose text is of a class with a record."""
NAMES = list(TEXTS) + [
    name
    for name, record in RECORDS.items()
    if record.library == "transformers" and record.key in ("", "num_hidden_layers") and name[:5] != "slane"
]


LINEAR, FULL = "linear_attention", "full_attention"
KINDS = {
    **dict.fromkeys(("zamba", "zamba2"), ((LINEAR, "hybrid"), ("mamba", "hybrid"))),
    "nemotron_h": ((LINEAR, FULL, "moe"), ("mamba", "attention", "mlp")),
    **dict.fromkeys(("lfm2", "lfm2_moe", "lfm3"), (("conv", FULL), ("conv", "attention"))),
    **dict.fromkeys(("zaya", "inkling_text", "inkling2_text", "inkling2_loop_text"), (("hybrid", "hybrid_sliding"),)),
}
"""What classes with other kinds than these two build layers of: of the rest they build none, or something else."""


def drawn(name: str, generator: np.random.Generator) -> dict[str, Any]:
    """A configuration of this class, right or wrong."""

    def pick(*values: object) -> Any:
        return values[int(generator.integers(len(values)))]

    def some(chance: float) -> bool:
        return bool(generator.random() < chance)

    if name in TEXTS:
        inner = drawn(TEXTS[name], generator)
        if some(0.3):
            del inner["model_type"]
        if name == "glm5_next" and some(0.3):  # flat
            return inner | {"model_type": name}
        return {"model_type": name} | ({"text_config": inner} if some(0.9) else {})
    config: dict[str, Any] = {"model_type": name}
    if name == "zaya" and some(0.5):
        config["sliding_window"] = 8
    count = int(generator.integers(1, 10))
    if some(0.85):
        config["num_hidden_layers"] = count if some(0.9) else pick("3", None, 2.0)
    if some(0.4):
        kinds = pick(*KINDS.get(name, ((LINEAR, FULL), ("mamba", "attention"), (LINEAR, "attention"))))
        config["layer_types"] = [pick(*kinds) for _ in range(count + (pick(-1, 1) if some(0.1) else 0))]
    elif some(0.1):
        config["layer_types"] = pick(None, 5, "linear_attention", ["nothing"] * count)
    if some(0.5):
        config["full_attention_interval"] = pick(1, 2, 3, 5, 12) if some(0.9) else 0
    if some(0.3) and name in ("zamba", "zamba2", "nemotron_h"):
        kinds = pick(*KINDS[name])
        config["layers_block_type"] = [pick(*kinds) for _ in range(count + (pick(-1, 1) if some(0.1) else 0))]
    if some(0.3) and name == "nemotron_h":
        config["hybrid_override_pattern"] = "".join(pick(*"M*-E") for _ in range(count)) + pick("", "", "", "x")
    if some(0.4) and name == "recurrent_gemma":
        config["block_types"] = pick(["recurrent", "attention"], ["recurrent"], ["attention"], [], ["x", "recurrent"])
    if some(0.3):
        config["layer_group_size"] = pick(1, 2, 3, 6) if some(0.9) else 0
    if some(0.2):
        config["full_attn_idxs"] = pick(None, [], [0], [1, 3], [40])
    if some(0.2):
        config["local_layer_ids"] = pick(None, [], [0], [1, 3], [40])
    if some(0.3):
        config[pick("linear_allow_neg_eigval", "allow_neg_eigval")] = pick(True, False)
    if some(0.2):
        config["attn_layer_indices"] = pick(None, [], [0], [1, 3], [-1, 40])
    if some(0.3):
        config["attn_layer_period"] = pick(1, 2, 3, 5)
        config["attn_layer_offset"] = pick(0, 1, 2)
    if some(0.3):
        split = int(generator.integers(0, count + 1))
        order = [int(i) for i in generator.permutation(count) + 1]
        config["linear_attn_config"] = {"full_attn_layers": order[:split], "kda_layers": order[split:]}
    if some(0.2):
        config["n_layer"] = int(generator.integers(1, 10))
    if some(0.2):
        config["attn"] = {"layers": [0], "num_heads": 2}
    return config


def recurrent_of(config: Any) -> list[int]:
    """The layers to which the library's own cache gives a recurrent state: with a convolution alone it stays empty."""
    if RECORDS[config.model_type].window:
        return []
    if config.model_type in ("rwkv", "xlstm"):  # with caches of their own, for every layer
        return list(range(config.num_hidden_layers))
    return [i for i, kind in enumerate(config.layer_types) if kind in ("linear_attention", "hybrid")]


def by_library(config: Mapping[str, Any]) -> list[int] | None:
    """The recurrent layers by transformers; None where it refuses."""
    from transformers import AutoConfig

    fields = dict(config)
    try:
        return recurrent_of(AutoConfig.for_model(fields.pop("model_type"), **fields).get_text_config(decoder=True))
    except Exception:  # of many kinds: whatever a configuration raises
        return None


def by_audit(config: Mapping[str, Any]) -> list[int] | None:
    try:
        return [layer.index for layer in facts_of(config).layers]
    except InputError:
        return None


@times
def test_layers_are_where_the_library_has_them(seconds):
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    known = transformers.models.auto.configuration_auto.CONFIG_MAPPING_NAMES
    installed = [name for name in NAMES if name in known]  # some came with a later version
    tried = 0
    for generator in attempts(seconds):
        for name in installed:
            config = drawn(name, generator)
            assert by_audit(config) == by_library(config), config
            tried += 1
    print(f"configurations against transformers: {tried}, {len(installed)} classes")
