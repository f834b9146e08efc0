"""The layers of mamba_ssm at e9594ce: `models/config_mamba.py` 7-18, `models/mixer_seq_simple.py` 46-62.

Its files have no `model_type`; `ssm_cfg` says which layer. How its classes are used was measured on its release by
`tests/owners/use.py`, Mamba-1 with its own reference in the place of the CUDA kernel.
"""

from __future__ import annotations

from collections.abc import Callable

from .fields import Config, limits, part, wrong
from .layers import MAMBA, LayerAudit, mamba2, mamba3
from .of_fla import floor_of, mamba3_switch
from .of_transformers import limit_notes
from .records import LINEAR, WEIGHTS, Record, Use, no_switch, nothing

ONE_BY_ONE = Use("no: more than one token with a cache is refused", "no: there is no mask", state_dtype=WEIGHTS)
"""Mamba-1's and Mamba-2's; what is kept has the dtype of the weights (2.3.2.post1)."""


def _places(config: Config, count: int) -> list[str]:
    """`attn_layer_idx`; what is no place in the stack has no effect (`models/mixer_seq_simple.py` 50)."""
    given = config.get("attn_layer_idx") or []
    if not isinstance(given, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in given):
        raise wrong("attn_layer_idx", given, "a list of numbers of layers")
    return ["attention" if i in given else LINEAR for i in range(count)]


def _floor(config: Config) -> float:
    return floor_of(part(config, "ssm_cfg"))


def _record(
    layer: Callable[[Config], LayerAudit],
    source: str,
    notes: Callable[[Config], list[str]] = nothing,
    switch: Callable[[Config], list[str]] = no_switch,
    target: str = "",
    use: Use | str = ONE_BY_ONE,
) -> Record:
    return Record("mamba_ssm", source, 64, layer, _places, notes, switch, use, target=target, key="n_layer")


RECORDS: dict[str, Record] = {
    "Mamba1": _record(lambda config: MAMBA, "modules/mamba_simple.py"),
    "Mamba2": _record(
        lambda config: mamba2(*limits(part(config, "ssm_cfg"), "dt_limit")),
        "modules/mamba2.py 183-202 limits Δ, its step (313-314) does not",
        lambda config: limit_notes(*limits(part(config, "ssm_cfg"), "dt_limit"), decoding=True),
    ),
    "Mamba3": _record(
        lambda config: mamba3(_floor(config)),
        "modules/mamba3.py 57, 195",
        lambda config: [
            f"A_floor {_floor(config):g}: a token that adds t turns shrinks what was written by "
            f"exp(-{2 * _floor(config):g}·t) or more"
        ],
        lambda config: mamba3_switch(_floor(config)),
        "mamba3",
        Use(
            "no: a cache is refused",
            "no: there is no mask",
            "no: with a cache its model hands its step an axis too many, which raises",
            "float32",
        ),
    ),
}
"""By the name of the layer."""
