"""What fla's CyclicFlowAttention can count, by both of its operators; run in the owners' environment.

One token writes; its slot then stands still while the clock goes on, in steps of exactly 0 or 1, with a decay of
exactly 1. The read-out matrix has one row, ±8 by slot, so that the sign of what is read tells the slot: C7 with 8
slots. Up to 64 tokens go by the recurrent operator, more by the chunked one, which takes powers of 2 as numbers of
slots alone (`tl.arange(0, M)`). Both are right below a clock of 2²⁴, and there the clock of the recurrent one stands
still; the chunked one adds up a piece of text first, so that it goes on from there in steps of 2.
"""

from __future__ import annotations

import importlib
import os

os.environ.setdefault("TRITON_INTERPRET", "1")

import torch

interpreter = importlib.import_module("interpreter")  # beside this file
interpreter.install()

from fla.ops.cyfa import chunk_cyfa, fused_recurrent_cyfa  # noqa: E402
from fla.ops.cyfa.naive import naive_recurrent_cyfa  # noqa: E402

PERIOD = 7
WIDTH = 16
LIMIT = 2.0**24
OPERATORS = {"plain": naive_recurrent_cyfa, "recurrent": fused_recurrent_cyfa, "chunked": chunk_cyfa}


@torch.no_grad()
def signs(operator: str, steps: torch.Tensor, clock: float) -> torch.Tensor:
    """(length, slots): which heads read something positive after a write and then steps, from a clock on."""
    length, heads = len(steps) + 1, PERIOD
    delta = torch.cat([torch.zeros(1), steps]).view(1, length, 1).expand(1, length, heads).contiguous()
    first = torch.zeros(1, length, heads)
    first[:, 0] = 1
    ones = torch.ones(1, length, heads, WIDTH)
    readout = torch.zeros(heads, PERIOD, PERIOD)
    readout[:, 0] = -8
    readout[torch.arange(heads), 0, torch.arange(heads)] = 8
    slots = PERIOD + 1
    state = torch.zeros(1, heads, WIDTH, slots), torch.zeros(1, heads, slots, WIDTH), torch.full((1, heads), clock)
    out, _ = OPERATORS[operator](
        q=ones,
        k=ones,
        v=ones,
        g=torch.zeros(1, length, heads),
        delta=delta,
        beta=first,
        readout=readout,
        q_norm_weight=torch.ones(WIDTH),
        k_norm_weight=torch.ones(WIDTH),
        q_norm_eps=1e-6,
        k_norm_eps=1e-6,
        initial_state=state,
        output_final_state=True,
    )
    return out[0, 1:, :, 0] > 0


def is_right(operator: str, length: int, clock: float) -> bool:
    """Whether one head is positive at a time, always the same for a residue, and another for another."""
    steps = torch.randint(0, 2, (length,), generator=torch.Generator().manual_seed(0)).float()
    told: dict[int, int] = {}
    for residue, row in zip((steps.cumsum(0).long() % PERIOD).tolist(), signs(operator, steps, clock), strict=True):
        positive = row.nonzero().flatten().tolist()
        if len(positive) != 1 or told.setdefault(residue, positive[0]) != positive[0]:
            return False
    return len(set(told.values())) == PERIOD


def main() -> None:
    """Right where it should be, and stuck where it must be."""
    interpreter.loops("fla")
    for operator, length in (("plain", 2000), ("recurrent", 64), ("chunked", 65), ("chunked", 130)):
        for clock in (0.0, LIMIT - length):
            print(operator, length, int(clock), "right" if is_right(operator, length, clock) else "wrong", flush=True)
    for operator in ("recurrent", "chunked"):
        moved = [signs(operator, torch.full((n,), 1.0), LIMIT)[-1].tolist() for n in (1, 2, 3)]
        still = signs(operator, torch.zeros(1), LIMIT)[-1].tolist()
        print(operator, int(LIMIT), *("stands still" if row == still else "goes on" for row in moved), flush=True)


if __name__ == "__main__":
    main()
