"""Mamba-3 (one input, one output a head) by the plain recurrence, on a checkpoint in mamba_ssm's layout.

With v, k, q the values, keys and queries, A < 0 and Δ > 0 of a token, and τ = sigmoid of the trapezoid's logit:

    θ ← θ + π·tanh(angle)·Δ mod 2π,      k, q turned by θ in pairs of coordinates
    S ← e^{AΔ}·S + (1 - τ)·Δ·e^{AΔ}·v' k'ᵀ + τ·Δ·v kᵀ,     o = S q + D·v

where v', k' are those of the token before; then the norm of each head, times SiLU(z). docs/architectures.md quotes the
lines that this follows; it is written anew here. Speed is no aim.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...common.errors import InputError
from .folder import read_config, read_weights

NORM_EPSILON = 1e-5
"""Of all norms."""

TWO_PI = 2 * math.pi


class Mamba3Reference:
    """A language model of Mamba-3 layers and gated feed-forward networks.

    Arguments:
        folder: `config.json` and `model.safetensors` in mamba_ssm's layout, without attention and MIMO.
        dtype: of weights and projections; the recurrence runs in float32, or in float64 if that is the dtype.

    Attributes:
        angles: after a call, the last angles of each layer, (batch, heads, pairs).

    Raises:
        InputError: the folder is no such checkpoint.
    """

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self.config = read_config(folder)
        self.layer: dict[str, Any] = self.config.get("ssm_cfg") or {}
        if self.layer.get("layer") != "Mamba3" or self.layer.get("is_mimo") or self.config.get("attn_layer_idx"):
            raise InputError(f"{folder}: wanted a stack of Mamba-3 layers, one input and output a head, as config.json")
        self.wide = torch.float64 if dtype == torch.float64 else torch.float32
        always = ("dt_bias", "B_bias", "C_bias", ".D")
        self.weights = {
            name: tensor.to(self.wide if name.endswith(always) else dtype)
            for name, tensor in read_weights(folder).items()
        }
        self.angles: list[Tensor] = []

    @torch.no_grad()
    def logits(self, tokens: Tensor) -> Tensor:
        """int64 (batch, length) → (batch, length, vocabulary)."""
        weights = self.weights
        self.angles = []
        stream = weights["backbone.embedding.weight"][tokens].to(self.wide)
        for i in range(self.config["n_layer"]):
            at = f"backbone.layers.{i}."
            stream = stream + self._mix(f"{at}mixer.", self._norm(stream, f"{at}norm.weight"))
            if self.config["d_intermediate"]:
                x = self._norm(stream, f"{at}norm2.weight")
                y, gate = (x @ weights[f"{at}mlp.fc1.weight"].T).chunk(2, dim=-1)
                stream = stream + (y * functional.silu(gate)) @ weights[f"{at}mlp.fc2.weight"].T
        return self._norm(stream, "backbone.norm_f.weight") @ weights["lm_head.weight"].T

    def _norm(self, x: Tensor, name: str, groups: int = 1) -> Tensor:
        """RMSNorm of each group of coordinates; the result has the weights' dtype."""
        weight = self.weights[name]
        wide = x.to(self.wide).unflatten(-1, (groups, -1))
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + NORM_EPSILON)
        return (wide.flatten(-2) * weight.to(self.wide)).to(weight.dtype)

    def _mix(self, at: str, x: Tensor) -> Tensor:
        weights, config = self.weights, self.layer
        inner = int(config["expand"] * self.config["d_model"])
        width, state = config["headdim"], config["d_state"]
        heads = inner // width
        pairs = int(state * config["rope_fraction"]) // 2
        projected = x @ weights[f"{at}in_proj.weight"].T
        sizes = [inner, inner, state, state, heads, heads, heads, pairs]
        z, v, b, c, raw_step, raw_decay, trapezoid, angle = projected.split(sizes, dim=-1)
        v = v.unflatten(-1, (heads, width)).to(self.wide)
        k = self._norm(b, f"{at}B_norm.weight").to(self.wide)[..., None, :] + weights[f"{at}B_bias"][:, 0]
        q = self._norm(c, f"{at}C_norm.weight").to(self.wide)[..., None, :] + weights[f"{at}C_bias"][:, 0]
        step = functional.softplus(raw_step.to(self.wide) + weights[f"{at}dt_bias"])
        decay = _heavy_tailed(raw_decay.to(self.wide)).clamp(min=config["A_floor"])
        kept = torch.exp(-decay * step)
        share = trapezoid.to(self.wide).sigmoid()
        added = torch.tanh(angle.to(self.wide))[..., None, :] * math.pi * step[..., None]
        angles = _accumulated(added)
        self.angles.append(angles[:, -1])
        k, q = _turned(k, angles), _turned(q, angles)
        outputs = _recurrence(v, k, q, kept, (1 - share) * step * kept, share * step)
        outputs = (outputs + weights[f"{at}D"][:, None] * v).flatten(-2)
        if config.get("is_outproj_norm"):
            outputs = self._norm(outputs, f"{at}norm.weight", heads).to(self.wide)
        outputs = outputs * functional.silu(z.to(self.wide))
        return outputs.to(projected.dtype) @ weights[f"{at}out_proj.weight"].T


def _heavy_tailed(x: Tensor) -> Tensor:
    """1 + x for positive x, 1/(1 - x) for negative x."""
    return x.clamp(min=0) + 1 / (1 - x.clamp(max=0))


def _accumulated(added: Tensor) -> Tensor:
    """Running sums over the length, axis 1, modulo 2π after each."""
    angle, found = torch.zeros_like(added[:, 0]), []
    for part in added.unbind(1):
        angle = angle + part
        angle = angle - TWO_PI * torch.floor(angle / TWO_PI)
        found.append(angle)
    return torch.stack(found, 1)


def _turned(x: Tensor, angles: Tensor) -> Tensor:
    """Each pair of coordinates of x (…, state) turned by its angle (…, pairs); pairs without an angle stay."""
    cos, sin = angles.cos(), angles.sin()
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
    rest = first.shape[-1] - cos.shape[-1]
    cos, sin = functional.pad(cos, (0, rest), value=1.0), functional.pad(sin, (0, rest))
    return torch.stack([first * cos - second * sin, first * sin + second * cos], -1).flatten(-2)


def _recurrence(v: Tensor, k: Tensor, q: Tensor, kept: Tensor, before: Tensor, now: Tensor) -> Tensor:
    """o after every token, (batch, length, heads, width); kept, before and now are (batch, length, heads)."""
    batch, length, heads, width = v.shape
    state = v.new_zeros(batch, heads, width, k.shape[-1])
    last = state
    outputs = []
    for t in range(length):
        outer = v[:, t, :, :, None] * k[:, t, :, None, :]
        state = kept[:, t, :, None, None] * state + before[:, t, :, None, None] * last
        state = state + now[:, t, :, None, None] * outer
        outputs.append((state * q[:, t, :, None, :]).sum(-1))
        last = outer
    return torch.stack(outputs, 1)
