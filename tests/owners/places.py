"""Where layers stand in the models that fla and mamba_ssm build from configurations; run in the owners' environment.

    python places.py < configurations.json > places.json

A configuration is what a file would hold. Models are built without numbers, on torch's meta device, and what stands in
each of their blocks is told by the names of its classes; or the refusal as text.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from typing import Any

os.environ.setdefault("TRITON_INTERPRET", "1")
warnings.filterwarnings("ignore")

import torch  # noqa: E402

stand_ins = importlib.import_module("stand_ins")  # beside this file


def of_fla(config: dict[str, Any]) -> list[list[str]]:
    """By the class whose `model_type` it is."""
    import fla.models

    own = config["model_type"]
    (kind,) = {kind for kind in vars(fla.models).values() if getattr(kind, "model_type", "") == own}
    read = kind(**{key: value for key, value in config.items() if key != "model_type"})
    with torch.device("meta"):
        model = getattr(fla.models, kind.__name__.replace("Config", "Model"))(read)
    blocks = model.layers if hasattr(model, "layers") else model.backbone.layers
    return [[type(part).__name__ for part in block.children()] for block in blocks]


def of_mamba_ssm(config: dict[str, Any]) -> list[list[str]]:
    """By its only configuration."""
    from mamba_ssm.models.config_mamba import MambaConfig
    from mamba_ssm.models.mixer_seq_simple import MambaLMHeadModel

    model = MambaLMHeadModel(MambaConfig(**config), device="meta")
    return [[type(part).__name__ for part in block.children()] for block in model.backbone.layers]


def main() -> None:
    """All of them."""
    answer, sys.stdout = sys.stdout, sys.stderr
    stand_ins.selective_scan()
    stand_ins.step()
    attn: Any = importlib.import_module("fla.layers.attn")
    for name in ("flash_attn_func", "flash_attn_varlen_func"):  # wants a GPU; never called here
        attn.__dict__[name] = attn.__dict__.get(name) or print
    found: list[Any] = []
    for config in json.load(sys.stdin):
        try:
            found.append((of_fla if "model_type" in config else of_mamba_ssm)(config))
        except Exception as refusal:  # the answer: what the class says
            found.append(f"{type(refusal).__name__}: {' '.join(str(refusal).split())[:200]}")
    json.dump(found, answer)


if __name__ == "__main__":
    main()
