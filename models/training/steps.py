"""How far a step goes: the rate at each step, and which parameters stand still."""

from __future__ import annotations

import math

from ...constructions.parameters import (
    HEAD_BIAS,
    HEAD_GATES_BIAS,
    HEAD_GATES_WEIGHT,
    HEAD_WEIGHT,
    INITIAL_STATE,
    READOUT_BIAS,
    READOUT_WEIGHT,
    in_layer,
)
from ..network import DCDNetwork
from .configuration import RunConfiguration
from .phi_tables import fixed_parameters

WARM_UP, FINAL_RATE = 0.05, 0.1


def learning_scale(step: int, steps: int) -> float:
    """The learning rate at a step (from 0) relative to the largest: linear warm-up, then a cosine to a tenth."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    along = (step - warm) / max(1, steps - warm)
    return FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * along))


def still_parameters(configuration: RunConfiguration, network: DCDNetwork) -> set[str]:
    """The names of the parameters that do not move in a run."""
    still = fixed_parameters(network) if configuration.phi == "table" else set()
    if configuration.moving == "phi":
        still |= {HEAD_WEIGHT, HEAD_BIAS}
        if network.head_width is not None:
            still |= {HEAD_GATES_WEIGHT, HEAD_GATES_BIAS}
        for i in range(len(network.layers)):
            still |= {in_layer(i, name) for name in (READOUT_WEIGHT, READOUT_BIAS, INITIAL_STATE)}
    return still
