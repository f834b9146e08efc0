"""The network's parameters: names, axes and shapes. Compiler, network, trainer and certificate all read them here.

    embedding.weight                    (tokens, embedding)
    layers.i.phi.hidden.weight, .bias   (hidden, inputs), (hidden,)       inputs: lower width, then embedding
    layers.i.phi.out.weight, .bias      (raw, hidden), (raw,)             raw: the family's parts, `channels` rows each
    layers.i.initial_state              (channels, 2), or (channels,) where the state is real
    layers.i.transition.*               the family's own
    layers.i.psi.weight, .bias          (readout, reading), (readout,)    reading: lower width, then Re h, then Im h
    head_gates.weight, .bias            (gates, width), (gates,)          only where the configuration has head_gates
    head.weight, .bias                  (classes, width or gates), (classes,)

The lower width of layer i is the sum of the readouts of the layers before it; `width` is the sum of all. No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..algebra.depth.families import ALL_FAMILIES

__all__ = ["in_layer", "layer_axes", "layer_sizes", "parameter_shapes"]

EMBEDDING = "embedding.weight"
HIDDEN_WEIGHT, HIDDEN_BIAS = "phi.hidden.weight", "phi.hidden.bias"
OUT_WEIGHT, OUT_BIAS = "phi.out.weight", "phi.out.bias"
INITIAL_STATE = "initial_state"
READOUT_WEIGHT, READOUT_BIAS = "psi.weight", "psi.bias"
HEAD_GATES_WEIGHT, HEAD_GATES_BIAS = "head_gates.weight", "head_gates.bias"
HEAD_WEIGHT, HEAD_BIAS = "head.weight", "head.bias"


def in_layer(i: int, name: str) -> str:
    """The full name of a parameter of layer i, counted from 0."""
    return f"layers.{i}.{name}"


def layer_axes(family: str) -> dict[str, tuple[str, ...]]:
    """The axes of a layer's parameters, by their names within the layer."""
    own = ALL_FAMILIES[family]
    return {
        HIDDEN_WEIGHT: ("hidden", "inputs"),
        HIDDEN_BIAS: ("hidden",),
        OUT_WEIGHT: ("raw", "hidden"),
        OUT_BIAS: ("raw",),
        INITIAL_STATE: ("channels", "components") if own.complex_state else ("channels",),
        **{f"transition.{name}": axes for name, axes in own.own},
        READOUT_WEIGHT: ("readout", "reading"),
        READOUT_BIAS: ("readout",),
    }


def layer_sizes(layer: Mapping[str, Any], lower: int, embedding: int) -> dict[str, int]:
    """The length of every axis of a layer.

    Arguments:
        layer: its entry in the configuration: family, channels, hidden, readout.
        lower: width of the lower layers' readouts.
        embedding: length of an embedded token.
    """
    own, channels = ALL_FAMILIES[layer["family"]], layer["channels"]
    components = 2 if own.complex_state else 1
    return {
        "hidden": layer["hidden"],
        "inputs": lower + embedding,
        "raw": len(own.parts) * channels,
        "channels": channels,
        "components": components,
        "readout": layer["readout"],
        "reading": lower + components * channels,
    }


def parameter_shapes(configuration: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter of the network that a checked configuration describes, by name and in order."""
    tokens = configuration["alphabet_size"]
    embedding = configuration.get("embedding_size") or tokens
    shapes: dict[str, tuple[int, ...]] = {EMBEDDING: (tokens, embedding)}
    lower = 0
    for i, layer in enumerate(configuration["layers"]):
        sizes = layer_sizes(layer, lower, embedding)
        for name, axes in layer_axes(layer["family"]).items():
            shapes[in_layer(i, name)] = tuple(sizes[axis] for axis in axes)
        lower += layer["readout"]
    gates = configuration.get("head_gates")
    if gates is not None:
        shapes |= {HEAD_GATES_WEIGHT: (gates, lower), HEAD_GATES_BIAS: (gates,)}
    return shapes | {HEAD_WEIGHT: (configuration["classes"], gates or lower), HEAD_BIAS: (configuration["classes"],)}
