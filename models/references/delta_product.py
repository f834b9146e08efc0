"""GatedDeltaProduct by the plain recurrence: a loop over tokens and factors, on a checkpoint in fla's layout.

S ← exp(g)·S, then for each factor S ← S + β·k·(v - Sᵀk)ᵀ, and o = Sᵀq: the order of fla's naive operator, whose lines
docs/architectures.md quotes, written anew here, with the short convolutions, norms and gates around it. Speed is no
aim.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .folder import read_checkpoint

EPSILON = 1e-6
"""Of the keys' and queries' normalisation."""


class DeltaProductReference:
    """A one-stream GatedDeltaProduct language model, token by token.

    Arguments:
        folder: `config.json` and `model.safetensors` in fla's layout, without attention layers.
        dtype: of the weights; the recurrence runs in float32.

    Raises:
        InputError: the folder is no such checkpoint.
    """

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self.config, weights = read_checkpoint(folder, "gated_deltaproduct")
        self.weights = {name: tensor.to(dtype) for name, tensor in weights.items()}

    @torch.no_grad()
    def logits(self, tokens: Tensor) -> Tensor:
        """int64 (length,) → (length, vocabulary)."""
        x = self.weights["model.embeddings.weight"][tokens]
        for i in range(self.config["num_hidden_layers"]):
            at = f"model.layers.{i}."
            x = x + self._mix(f"{at}attn.", self._norm(x, f"{at}attn_norm.weight"))
            x = x + self._feed(f"{at}mlp.", self._norm(x, f"{at}mlp_norm.weight"))
        return self._norm(x, "model.norm.weight") @ self.weights["lm_head.weight"].T

    def _norm(self, x: Tensor, name: str, gate: Tensor | None = None) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.config["norm_eps"])
        wide = wide * self.weights[name].float()
        return (wide if gate is None else wide * functional.silu(gate.float())).to(x.dtype)

    def _feed(self, at: str, x: Tensor) -> Tensor:
        gate, up = (x @ self.weights[f"{at}{name}_proj.weight"].T for name in ("gate", "up"))
        return (functional.silu(gate) * up) @ self.weights[f"{at}down_proj.weight"].T

    def _convolved(self, at: str, name: str, x: Tensor) -> Tensor:
        """SiLU of the causal convolution of each channel; (length, channels)."""
        projected = x @ self.weights[f"{at}{name}_proj.weight"].T
        kernel = self.weights[f"{at}{name}_conv1d.weight"]
        padded = functional.pad(projected.T[None], (kernel.shape[-1] - 1, 0))
        return functional.silu(functional.conv1d(padded, kernel, groups=len(kernel))[0].T)

    def _mix(self, at: str, x: Tensor) -> Tensor:
        config: dict[str, Any] = self.config
        heads, factors, width = config["num_heads"], config["num_householder"], config["head_dim"]
        length = len(x)
        q = _unit(self._convolved(at, "q", x).view(length, heads, width)) * width**-0.5
        k = _unit(self._convolved(at, "k", x).view(length, factors, heads, width))
        v = self._convolved(at, "v", x).view(length, factors, heads, -1).float()
        beta = (x @ self.weights[f"{at}b_proj.weight"].T).sigmoid().float().view(length, factors, heads)
        if config["allow_neg_eigval"]:
            beta = 2 * beta
        decay = x.new_ones(length, heads, dtype=torch.float32)
        if config["use_forget_gate"]:
            raw = (x @ self.weights[f"{at}a_proj.weight"].T).float() + self.weights[f"{at}dt_bias"].float()
            decay = torch.exp(-self.weights[f"{at}A_log"].float().exp() * functional.softplus(raw))
        state = torch.zeros(heads, width, v.shape[-1])
        outputs = []
        for t in range(length):
            state = state * decay[t][:, None, None]
            for j in range(factors):
                key = k[t, j]
                error = (v[t, j] - torch.einsum("hkv,hk->hv", state, key)) * beta[t, j][:, None]
                state = state + key[:, :, None] * error[:, None, :]
            outputs.append(torch.einsum("hkv,hk->hv", state, q[t]))
        gate = (x @ self.weights[f"{at}g_proj.weight"].T).view(length, heads, -1)
        output = self._norm(torch.stack(outputs).to(x.dtype), f"{at}o_norm.weight", gate)
        self.state = state
        return output.reshape(length, -1) @ self.weights[f"{at}o_proj.weight"].T


def _unit(x: Tensor) -> Tensor:
    x = x.float()
    return x / torch.sqrt(x.square().sum(-1, keepdim=True) + EPSILON)
