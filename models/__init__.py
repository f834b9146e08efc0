"""The networks, in torch: recurrences, transition families, and the one network for compiled and trained weights.

The names below are loaded when first used, so that `import models` itself does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .families import FAMILIES, LayerState, Transition
    from .layer import Layer
    from .network import DCDNetwork, LayerTrace
    from .recurrences import UnitState, diagonal_loop, diagonal_scan, tanh_scan, unit_loop, unit_scan
    from .specification import LayerSpecification

__all__ = [
    "FAMILIES",
    "DCDNetwork",
    "Layer",
    "LayerSpecification",
    "LayerState",
    "LayerTrace",
    "Transition",
    "UnitState",
    "diagonal_loop",
    "diagonal_scan",
    "tanh_scan",
    "unit_loop",
    "unit_scan",
]

_HOME = {
    "FAMILIES": "subnormal.models.families",
    "LayerState": "subnormal.models.families",
    "Transition": "subnormal.models.families",
    "DCDNetwork": "subnormal.models.network",
    "Layer": "subnormal.models.layer",
    "LayerSpecification": "subnormal.models.specification",
    "LayerTrace": "subnormal.models.network",
    "UnitState": "subnormal.models.recurrences",
    "diagonal_loop": "subnormal.models.recurrences",
    "diagonal_scan": "subnormal.models.recurrences",
    "tanh_scan": "subnormal.models.recurrences",
    "unit_loop": "subnormal.models.recurrences",
    "unit_scan": "subnormal.models.recurrences",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'models' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
