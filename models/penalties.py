"""What training adds to the loss for what answers do not show: a large b, and matrices that stretch.

States that are longer raise the score of every decision, right ones too, so the gradient of the loss makes them longer
even where nothing is wrong: it pushes with b, and lets blocks grow. A layer that keeps what it is given adds all of
that up, in a thousand tokens a thousand times over.

The blocks of a finite group keep a length, but not the one of their coordinates: [[0, -1], [1, -1]] has order 3. So a
block is compared in a *frame* P in which it keeps it: P A P⁻¹ is near an isometry. `frame` finds it from the matrices
themselves, by the form F = PᵀP that they keep on the average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .families import Blocks, Transition

__all__ = ["Frame", "Penalties", "frame"]

ROUNDS, SETTLED = 1000, 1e-12
"""Most rounds of averages of a form, and the change below which it is taken."""

FLAT = 1e-4
"""The least eigenvalue of a form, of trace m, that makes a frame."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Coordinates of the blocks of one layer.

    Arguments:
        to: shape (r, m, m): P.
        back: shape (r, m, m): its inverse.
    """

    to: Tensor
    back: Tensor


def frame(matrices: Tensor) -> Frame:
    """The coordinates in which matrices keep lengths best.

    The form is F ← mean of AᵀFA, of trace m, from the identity on; it converges to the form that all of them keep where
    there is one. A block without such a form (it forgets a direction, or is not finite) stays in its own coordinates.

    Arguments:
        matrices: shape (count, r, m, m), real.

    Returns:
        Frames of the r blocks, of the matrices' dtype.

    Example:
        >>> turn = torch.tensor([[0.0, -1.0], [1.0, -1.0]])
        >>> found = frame(torch.stack([torch.eye(2), turn, turn @ turn]).unsqueeze(1))
        >>> isometry = (found.to @ turn @ found.back)[0]
        >>> torch.allclose(isometry.mT @ isometry, torch.eye(2), atol=1e-6)
        True
    """
    own = matrices.double().unique(dim=0)  # tokens come again and again
    size = own.shape[-1]
    one = torch.eye(size, dtype=torch.float64, device=own.device)
    own[:, ~own.isfinite().all(0).flatten(1).all(-1)] = one
    form = one.expand(own.shape[1:])
    for _ in range(ROUNDS):
        averaged = (form + (own.mT @ form @ own).mean(0)) / 2  # half of the old one: what alternates settles too
        averaged = averaged * (size / averaged.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None])
        change = float((averaged - form).abs().amax())
        form = averaged
        if change < SETTLED:
            break
    form[torch.linalg.eigvalsh(form)[:, 0] < FLAT] = one
    to = torch.linalg.cholesky(form).mT
    return Frame(to.to(matrices.dtype), torch.linalg.inv(to).to(matrices.dtype))


@dataclass(frozen=True, eq=False)
class Penalties:
    """The weights of what is added to the loss; positive, or 0 for nothing.

    Arguments:
        drive: of the mean of |b|² over positions and channels, in layers that keep what they are given: those that
            forget nothing, and blocks.
        stretch: of the mean of |AᵀA - 1|² over positions and blocks, A in its frame, in layers of blocks.
        frames: of each layer; None for the coordinates as they are.
    """

    drive: float = 0.0
    stretch: float = 0.0
    frames: Sequence[Frame | None] = ()

    def of(self, number: int, transition: Transition, raw: Tensor) -> Tensor:
        """What one layer adds, (*runs,), for raw outputs (*runs, N, parts * channels)."""
        found = raw.new_zeros(raw.shape[:-2])
        blocks = isinstance(transition, Blocks)
        if self.drive and (transition.family.forgets_nothing or blocks):
            found = found + self.drive * transition.drive_size(raw).mean((-2, -1))
        if self.stretch and isinstance(transition, Blocks):
            matrices = transition.maps(raw)[0].movedim(-1, -3)  # (*runs, N, r, m, m)
            own = self.frames[number] if self.frames else None
            if own is not None:
                matrices = own.to @ matrices @ own.back
            gram = matrices.mT @ matrices
            one = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
            found = found + self.stretch * (gram - one).square().sum((-2, -1)).mean((-2, -1))
        return found
