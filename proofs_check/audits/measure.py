"""What the actual weights of a checkpoint do on its actual tokens: the eigenvalues of every layer, measured.

The model reads every token of its vocabulary once, in a random order, as far as `LARGEST_SAMPLE` goes. The
eigenvalues that are noted are those of one-token transitions in those contexts: α(1 - β) and α for delta-rule layers
(keys taken as unit vectors), the multipliers themselves for diagonal ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...common.errors import InputError

LARGEST_SAMPLE = 4096
"""Tokens that are read at most."""

Range = tuple[float, float]


def measure_network(folder: Path, seed: int = 0) -> dict[int, dict[str, Any]]:
    """The same for one of our own networks: least and largest real multipliers, or moduli of complex ones, by layer."""
    from ...models.network import DCDNetwork

    network = DCDNetwork.from_pretrained(folder)
    tokens = _sample(network.alphabet_size, seed)
    found: dict[int, dict[str, Any]] = {}
    with torch.no_grad():
        for i, trace in enumerate(network.trace(tokens)):
            if trace.a is not None:
                values = trace.a.abs() if trace.a.is_complex() else trace.a
                found[i] = {"eigenvalues": [float(values.min()), float(values.max())], "tokens": tokens.shape[1]}
    return found


def measure_checkpoint(folder: Path, model_type: str, seed: int = 0) -> dict[int, dict[str, Any]]:
    """Least and largest eigenvalue by layer, for the architectures that transformers runs.

    Raises:
        InputError: transformers is not installed, cannot read the folder, or the architecture is not among them.
    """
    if model_type not in PROBES:
        raise InputError(f"{model_type}: weights are measured for {', '.join(PROBES)}; audit its config.json alone")
    from ...models.references.hugging_face import load_model, refused

    model = load_model(folder).eval()
    attribute, projection, ranges = PROBES[model_type]
    found: dict[int, Range] = {}
    handles = []
    for i, layer in enumerate(model.base_model.layers):
        module = getattr(layer, attribute, None)
        if module is not None:
            handles.append(_watch(module, projection, ranges, found, i))
    tokens = _sample(model.config.vocab_size, seed)
    try:
        with torch.no_grad(), refused(folder, "run"):
            model(tokens, use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return {i: {"eigenvalues": list(values), "tokens": tokens.shape[1]} for i, values in found.items()}


def _sample(vocabulary: int, seed: int) -> Tensor:
    order = torch.randperm(vocabulary, generator=torch.Generator().manual_seed(seed))
    return order[:LARGEST_SAMPLE][None]


def _watch(
    module: Any, projection: str, ranges: Callable[[Any, Tensor], Range], found: dict[int, Range], index: int
) -> Any:
    """A hook on a projection of the layer's input, from which the transitions follow."""

    def note(_: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        del output
        found[index] = ranges(module, inputs[0])

    return getattr(module, projection).register_forward_hook(note)


def _delta_range(beta: Tensor, decay: Tensor) -> Range:
    low = torch.minimum(decay * (1 - beta), decay)
    return float(low.min()), float(decay.max())


def _decay(module: Any, raw: Tensor) -> Tensor:
    return torch.exp(-module.A_log.float().exp() * functional.softplus(raw.float() + module.dt_bias))


def _olmo_hybrid(module: Any, hidden: Tensor) -> Range:
    beta = functional.linear(hidden, module.b_proj.weight).sigmoid().float()
    decay = _decay(module, functional.linear(hidden, module.a_proj.weight))
    return _delta_range(2 * beta if module.allow_neg_eigval else beta, decay)


def _qwen3_next(module: Any, hidden: Tensor) -> Range:
    mixed = functional.linear(hidden, module.in_proj_ba.weight)
    share = module.num_v_heads // module.num_k_heads
    b, a = mixed.unflatten(-1, (module.num_k_heads, 2 * share)).split(share, -1)
    return _delta_range(b.flatten(-2).sigmoid().float(), _decay(module, a.flatten(-2)))


def _mamba(module: Any, hidden: Tensor) -> Range:
    """From the input of `x_proj`, which stands behind the convolution."""
    rank = module.time_step_rank
    step = functional.linear(functional.linear(hidden, module.x_proj.weight)[..., :rank], module.dt_proj.weight)
    step = functional.softplus(step.float() + module.dt_proj.bias.float())
    values = torch.exp(-step[..., None] * module.A_log.float().exp())
    return float(values.min()), float(values.max())


def _mamba2(module: Any, hidden: Tensor) -> Range:
    raw = functional.linear(hidden, module.in_proj.weight, module.in_proj.bias)[..., -module.num_heads :]
    step = functional.softplus(raw.float() + module.dt_bias.float()).clamp(*module.time_step_limit)
    values = torch.exp(-step * module.A_log.float().exp())
    return float(values.min()), float(values.max())


PROBES: dict[str, tuple[str, str, Callable[[Any, Tensor], Range]]] = {
    "olmo_hybrid": ("linear_attn", "g_proj", _olmo_hybrid),
    "qwen3_next": ("linear_attn", "in_proj_qkvz", _qwen3_next),
    "mamba": ("mixer", "x_proj", _mamba),
    "mamba2": ("mixer", "in_proj", _mamba2),
}
"""By model type: the layer's recurrent part, a projection whose input is watched, and what follows from that input."""
