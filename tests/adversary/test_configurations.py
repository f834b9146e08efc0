"""Configurations against the library that reads them: `audit` finds the recurrent layers where the library has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from subnormal.common.errors import InputError
from subnormal.proofs_check.audits.records import RECORDS, TEXTS, facts_of
from tests.adversary.attempts import attempts, times

NAMES = list(TEXTS) + [name for name, record in RECORDS.items() if record.library == "transformers"]


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
        return {"model_type": name} | ({"text_config": inner} if some(0.9) else {})
    config: dict[str, Any] = {"model_type": name}
    count = int(generator.integers(1, 10))
    if some(0.85):
        config["num_hidden_layers"] = count if some(0.9) else pick("3", None, 2.0)
    if some(0.4):
        kinds = pick(("linear_attention", "full_attention"), ("mamba", "attention"), ("linear_attention", "attention"))
        config["layer_types"] = [pick(*kinds) for _ in range(count + (pick(-1, 1) if some(0.1) else 0))]
    elif some(0.1):
        config["layer_types"] = pick(None, 5, "linear_attention", ["nothing"] * count)
    if some(0.5):
        config["full_attention_interval"] = pick(1, 2, 3, 5, 12) if some(0.9) else 0
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
    """The layers to which the library's own cache gives a recurrent state."""
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
    tried = 0
    for generator in attempts(seconds):
        for name in NAMES:
            config = drawn(name, generator)
            assert by_audit(config) == by_library(config), config
            tried += 1
    print(f"configurations against transformers: {tried}, {len(NAMES)} classes")
