"""Adam by torch's fused kernel, without `torch.optim`, whose first use imports the compiler of torch: as long as
importing torch itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor


class FusedAdam:
    """Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019), to the bit what
    `torch.optim.AdamW(groups, fused=True)` does.

    Arguments:
        groups: each with its "params", its rate "lr" and, if it has one, its "weight_decay"; other entries are kept.
        betas: of the two means.

    Attributes:
        param_groups: the groups; "lr" may be changed between steps.
    """

    epsilon = 1e-8

    def __init__(self, groups: Iterable[Mapping[str, Any]], betas: tuple[float, float] = (0.9, 0.999)) -> None:
        self.betas = betas
        self.param_groups: list[dict[str, Any]] = [{"lr": 1e-3, "weight_decay": 0.0, **group} for group in groups]
        self._state: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not moved:
                continue
            for parameter in moved:
                if parameter not in self._state:
                    means = torch.zeros_like(parameter), torch.zeros_like(parameter)
                    self._state[parameter] = (*means, torch.zeros((), device=parameter.device))
            first, second, steps = (list(own) for own in zip(*(self._state[p] for p in moved), strict=True))
            torch._foreach_add_(steps, 1.0)
            torch._fused_adamw_(
                moved,
                [parameter.grad for parameter in moved],
                first,
                second,
                [],
                steps,
                lr=float(group["lr"]),
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=float(group["weight_decay"]),
                eps=self.epsilon,
                amsgrad=False,
                maximize=False,
            )
