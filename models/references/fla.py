"""fla's delta-rule models by the plain recurrence: a loop over tokens and factors, on a checkpoint in fla's layout.

S ← exp(g)·S, then for each factor S ← S + β·k·(v - Sᵀk)ᵀ, and o = Sᵀq: the order of fla's naive operators, whose lines
docs/architectures.md quotes, written anew here, with the short convolutions, norms and gates around it. Speed is no
aim. Gated DeltaNet and DeltaNet are the cases of one factor, the latter with g = 0; KDA has a g for each coordinate of
the keys.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...common.errors import InputError
from .folder import read_config, read_weights

KINDS = ("gated_deltaproduct", "gated_deltanet", "delta_net", "kda")
"""The types of models that are run."""

EPSILON = 1e-6
"""Of the keys' and queries' normalisation."""


class FlaReference:
    """A one-stream language model of delta-rule layers, token by token.

    Arguments:
        folder: `config.json` and `model.safetensors` in fla's layout, without attention layers.
        dtype: of the weights; the recurrence runs in float32.

    Attributes:
        state: after a call, that of the last layer, (heads, keys, values).

    Raises:
        InputError: the folder is no such checkpoint.
    """

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self.config: dict[str, Any] = read_config(folder)
        self.kind = self.config.get("model_type")
        if self.kind not in KINDS:
            raise InputError(f"{folder}: model_type {str(self.kind)[:40]!r}, wanted one of {', '.join(KINDS)}")
        self.weights = {name: tensor.to(dtype) for name, tensor in read_weights(folder).items()}

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
        if gate is not None:
            wide = wide * (torch.sigmoid if self.kind == "kda" else functional.silu)(gate.float())
        return wide.to(x.dtype)

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
        config, weights = self.config, self.weights
        heads, factors, length = config["num_heads"], config.get("num_householder", 1), len(x)
        q = _unit(self._convolved(at, "q", x).view(length, heads, -1))
        width = q.shape[-1]
        q = q * width**-0.5
        k = _unit(self._convolved(at, "k", x).view(length, factors, heads, width))
        v = self._convolved(at, "v", x).view(length, factors, heads, -1).float()
        beta = (x @ weights[f"{at}b_proj.weight"].T).sigmoid().float().view(length, factors, heads)
        if config["allow_neg_eigval"]:
            beta = 2 * beta
        decay = self._decay(at, x, heads)
        state = torch.zeros(heads, width, v.shape[-1])
        outputs = []
        for t in range(length):
            state = state * decay[t][:, :, None]
            for j in range(factors):
                key = k[t, j]
                error = (v[t, j] - torch.einsum("hkv,hk->hv", state, key)) * beta[t, j][:, None]
                state = state + key[:, :, None] * error[:, None, :]
            outputs.append(torch.einsum("hkv,hk->hv", state, q[t]))
        self.state = state
        gate = self._low_rank(f"{at}g_proj.", x) if self.kind == "kda" else x @ weights[f"{at}g_proj.weight"].T
        output = self._norm(torch.stack(outputs).to(x.dtype), f"{at}o_norm.weight", gate.view(length, heads, -1))
        return output.reshape(length, -1) @ weights[f"{at}o_proj.weight"].T

    def _low_rank(self, at: str, x: Tensor) -> Tensor:
        found = x @ self.weights[f"{at}0.weight"].T @ self.weights[f"{at}1.weight"].T
        bias = self.weights.get(f"{at}1.bias")
        return found if bias is None else found + bias

    def _decay(self, at: str, x: Tensor, heads: int) -> Tensor:
        """exp(g): (length, heads, 1), or the width of the keys in place of 1."""
        if self.kind == "delta_net" or not self.config.get("use_forget_gate", True):
            return torch.ones(len(x), heads, 1)
        raw = self._low_rank(f"{at}f_proj.", x) if self.kind == "kda" else x @ self.weights[f"{at}a_proj.weight"].T
        step = functional.softplus(raw.float() + self.weights[f"{at}dt_bias"].float()).view(len(x), heads, -1)
        return torch.exp(-self.weights[f"{at}A_log"].float().exp()[:, None] * step)


def _unit(x: Tensor) -> Tensor:
    x = x.float()
    return x / torch.sqrt(x.square().sum(-1, keepdim=True) + EPSILON)
