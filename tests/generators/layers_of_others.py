"""Where the recurrent layers of configurations stand, asked of the code of fla and mamba_ssm itself.

    python -m tests.generators.layers_of_others FLA MAMBA

FLA and MAMBA are checkouts of flash-linear-attention (bc3b101) and state-spaces/mamba (e9594ce). Only the files that
read configurations are loaded, beside stand-ins for the packages around them, whose kernels need a GPU; the decision
what a layer becomes is theirs: fla's `get_hybrid_attention_spec`, mamba_ssm's `create_block`. Writes
`tests/data/layers_of_others.json`: configurations, and the places of their recurrent layers, or null where refused.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

DATA = Path(__file__).parent.parent / "data" / "layers_of_others.json"
KINDS = (
    "abc",
    "comba",
    "deltaformer",
    "delta_net",
    "forgetting_transformer",
    "gated_deltanet",
    "gated_deltaproduct",
    "gla",
    "gsa",
    "hgrn",
    "hgrn2",
    "kda",
    "lightnet",
    "linear_attn",
    "mamba",
    "mamba2",
    "log_linear_mamba2",
    "mamba3",
    "mesa_net",
    "mla",
    "moba",
    "mom",
    "nsa",
    "parallax",
    "path_attn",
    "precond_gated_deltanet",
    "precond_kda",
    "raven",
    "retnet",
    "rodimus",
    "rwkv6",
    "rwkv7",
    "samba",
    "transformer",
    "wall_transformer",
    "yoco",
)
"""mamba2 before what is made of it."""
ATTENTION_ALONE = {"deltaformer", "forgetting_transformer", "mla", "moba", "nsa", "parallax"}
ATTENTION_ALONE |= {"transformer", "wall_transformer"}


class StandIn:
    """In place of a class that is not needed: keeps what it was made with."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.args, self.options = args, options


def package(name: str, path: Path) -> None:
    """A package whose own first file is not run."""
    module = ModuleType(name)
    module.__path__ = [str(path)]
    sys.modules[name] = module


def pick(generator: np.random.Generator, *values: object) -> Any:
    return values[int(generator.integers(len(values)))]


def attn(generator: np.random.Generator, count: int) -> Any:
    """Specifications of attention, right and wrong."""

    def spec() -> dict[str, Any]:
        size = int(generator.integers(0, min(count, 3) + 1))
        found: dict[str, Any] = {
            "layers": [int(i) for i in generator.integers(0, count + (generator.random() < 0.1), size)]
        }
        if generator.random() < 0.95:
            found["num_heads"] = pick(generator, 4, 4, 4, 4, 0)
        if generator.random() < 0.5:
            found["num_kv_heads"] = pick(generator, 2, None)
        return found

    return pick(
        generator, None, spec(), spec(), spec(), [spec()], [spec(), spec()], [], {"num_heads": 2}, {"layers": 1}
    )


def fla(root: Path, generator: np.random.Generator) -> list[tuple[dict[str, Any], list[int] | None]]:
    package("fla", root / "fla")
    package("fla.models", root / "fla" / "models")
    spec_of = importlib.import_module("fla.models.hybrid").get_hybrid_attention_spec
    rows: list[tuple[dict[str, Any], list[int] | None]] = []
    for kind in KINDS:
        package(f"fla.models.{kind}", root / "fla" / "models" / kind)
        module = "path_attention" if kind == "path_attn" else kind
        package_of = importlib.import_module(f"fla.models.{kind}.configuration_{module}")
        cls = next(value for value in vars(package_of).values() if getattr(value, "model_type", "") == kind)
        vars(sys.modules[f"fla.models.{kind}"])[cls.__name__] = cls  # log_linear_mamba2 imports mamba2's from there
        block = (root / "fla" / "models" / kind / f"modeling_{module}.py").read_text()
        for _ in range(30):
            config: dict[str, Any] = {"norm_eps": 1e-5}
            if kind == "rodimus":  # the other kind has attention beside each layer, and wants its heads
                config["block_type"] = "rodimus"
            count = int(generator.integers(1, 8))
            if generator.random() < 0.9:
                config["num_hidden_layers"] = count
            if generator.random() < 0.8:
                config["attn"] = attn(generator, count)
            if kind == "yoco":
                config["num_self_decoder_layers"] = int(generator.integers(1, 8))
                config["self_decoder_attn"] = pick(
                    generator, None, {}, {"type": "gated_retention"}, {"type": "swa", "window_size": 4}, {"type": "x"}
                )
            try:
                read = cls(**config)
            except (ValueError, TypeError, AssertionError):
                rows.append(({"model_type": kind} | config, None))
                continue
            places = range(read.num_hidden_layers)
            if kind in ATTENTION_ALONE:
                found = []
            elif kind == "yoco":  # its loop over layers: modeling_yoco.py 410
                found = [*range(read.num_self_decoder_layers)] if read.self_decoder_attn["type"] != "swa" else []
            elif "config.attn[" in block:  # `layer_idx in config.attn["layers"]`
                found = [i for i in places if not (read.attn is not None and i in read.attn["layers"])]
            else:
                hybrid = "get_hybrid_attention_spec" in block  # the block asks it, or has no attention at all
                found = [i for i in places if not (hybrid and spec_of(read.attn, layer_idx=i) is not None)]
            rows.append(({"model_type": kind} | config, found))
    return rows


def mamba(root: Path, generator: np.random.Generator) -> list[tuple[dict[str, Any], list[int] | None]]:
    package("mamba_ssm", root / "mamba_ssm")
    package("mamba_ssm.models", root / "mamba_ssm" / "models")
    for name in ("modules", "utils", "ops", "ops.triton"):
        package(f"mamba_ssm.{name}", root / "none")
    stand_ins = {
        "modules.mamba_simple": "Mamba",
        "modules.mamba2": "Mamba2",
        "modules.mamba3": "Mamba3",
        "modules.mha": "MHA",
        "modules.mlp": "GatedMLP",
        "modules.block": "Block",
        "utils.generation": "GenerationMixin",
    }
    for name, cls in stand_ins.items():
        module = ModuleType(f"mamba_ssm.{name}")
        setattr(module, cls, type(cls, (StandIn,), {}))
        sys.modules[module.__name__] = module
    sys.modules["mamba_ssm.utils.hf"] = mock.MagicMock()
    sys.modules["mamba_ssm.ops.triton.layer_norm"] = mock.MagicMock()
    cls = importlib.import_module("mamba_ssm.models.config_mamba").MambaConfig
    create = importlib.import_module("mamba_ssm.models.mixer_seq_simple").create_block
    attention = sys.modules["mamba_ssm.modules.mha"].MHA
    rows: list[tuple[dict[str, Any], list[int] | None]] = []
    for _ in range(120):
        config: dict[str, Any] = {"d_model": 16}
        if generator.random() < 0.9:
            config["n_layer"] = int(generator.integers(1, 8))
        if generator.random() < 0.8:
            config["ssm_cfg"] = pick(
                generator, {}, None, {"layer": "Mamba1"}, {"layer": "Mamba2"}, {"layer": "Mamba3"}, {"layer": "mamba2"}
            )
        if generator.random() < 0.7:
            config["attn_layer_idx"] = pick(generator, [], None, [0], [1, 3], [3, 1, 1], [-1, 2], [99])
        read = cls(**config)
        options = {"ssm_cfg": read.ssm_cfg, "attn_layer_idx": read.attn_layer_idx, "attn_cfg": read.attn_cfg}
        try:
            blocks = [create(read.d_model, 0, layer_idx=i, **options) for i in range(read.n_layer)]
        except ValueError:
            rows.append((config, None))
            continue
        rows.append((config, [i for i, block in enumerate(blocks) if block.args[1].func is not attention]))
    return rows


def main() -> None:
    generator = np.random.default_rng(0)
    rows = fla(Path(sys.argv[1]), generator) + mamba(Path(sys.argv[2]), generator)
    DATA.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
