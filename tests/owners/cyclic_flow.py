"""What fla's CyclicFlowAttention can count, by its own plain operator; run in the owners' environment.

One token writes; its slot then stands still while the clock goes on, in steps of exactly 0 or 1, with a decay of
exactly 1. The read-out matrix has one row, ±8 by slot, so that the sign of what is read tells the slot. C_n for n = 5
slots: right for 2,000 tokens, and at any clock below 2²⁴; from there on a float32 sum no longer grows by 1.
"""

from __future__ import annotations

import torch
from fla.ops.cyfa.naive import naive_recurrent_cyfa

PERIOD = 5


def signs(steps: torch.Tensor, clock: float) -> torch.Tensor:
    """(length, slots) after a write and then steps of 0 or 1, from a clock on."""
    length = len(steps) + 1
    heads = PERIOD
    delta = torch.cat([torch.zeros(1), steps]).view(1, length, 1).expand(1, length, heads)
    first = torch.zeros(1, length, heads)
    first[:, 0] = 1
    ones = torch.ones(1, length, heads, 2)
    readout = torch.zeros(heads, PERIOD, PERIOD)
    readout[:, 0] = -8
    readout[torch.arange(heads), 0, torch.arange(heads)] = 8
    state = (torch.zeros(1, heads, 2, PERIOD + 1), torch.zeros(1, heads, PERIOD + 1, 2), torch.full((1, heads), clock))
    out, _ = naive_recurrent_cyfa(
        q=ones,
        k=ones,
        v=ones,
        g=torch.zeros(1, length, heads),
        delta=delta,
        beta=first,
        readout=readout,
        q_norm_weight=torch.ones(2),
        k_norm_weight=torch.ones(2),
        q_norm_eps=1e-6,
        k_norm_eps=1e-6,
        initial_state=state,
        output_final_state=True,
    )
    return out[0, 1:, :, 0] > 0


def main() -> None:
    """Right where it should be, and stuck where it must be."""
    steps = torch.randint(0, 2, (2000,), generator=torch.Generator().manual_seed(0)).float()
    residues = (steps.cumsum(0).long() % PERIOD).tolist()
    for clock in (0.0, float(2**24 - 2000)):
        told: dict[int, int] = {}  # which head is positive for each residue: one, always the same
        for residue, row in zip(residues, signs(steps, clock), strict=True):
            (head,) = row.nonzero().flatten().tolist()
            assert told.setdefault(residue, head) == head, (clock, residue)
        assert len(set(told.values())) == PERIOD
        print(int(clock), "right")
    still, moved = (signs(torch.tensor([step]), float(2**24)) for step in (0.0, 1.0))
    assert torch.equal(still, moved)
    print(2**24, "stands still")


if __name__ == "__main__":
    main()
