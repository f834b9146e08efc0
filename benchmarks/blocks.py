"""Recurrences with m × m blocks, forward and backward, and learning A5 by one block layer, on one thread.

h_t = A_t h_{t-1} + b_t with r blocks of size m, A and b given at every position, single precision. Peers: `loop`, torch
token by token, gradients by autograd; `associative`, our work-efficient scan of the pairs (A, b) in torch; `torch
associative_scan`, the operator of that name in torch. Times in milliseconds, candidates in turn, medians; `ratio` is
forward and backward over that of our compiled loop.

`learn A5`: milliseconds of the processor for one run, from random weights to words of 42 tokens and a loss below 0.3.
`plain` is the same recipe in torch alone, on words drawn afresh: a loop over the tokens, 12 Newton-Schulz steps that
autograd goes through, 256 words a step, a rate of 0.01 along a cosine. `ours` is what `learn` runs, with the snap and
the exact machine in its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib import import_module

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.scans import interleaved
from subnormal.algebra.input.parser import list_group
from subnormal.models.block_recurrence import block_loop, block_scan
from subnormal.models.learning.block_runs import learn_blocks
from subnormal.models.learning.blocks import BlockRecipe
from subnormal.models.learning.words import words_of_task
from subnormal.models.training.tasks import full_task

SHAPES = ((8, 1024, 2, 16), (8, 1024, 3, 16), (8, 1024, 4, 16), (2, 4096, 3, 16))
"""Words, length, block size, blocks."""


def compose(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """(A, b) then (C, d): (CA, Cb + d); blocks stand before the matrices here."""
    a = second[0] @ first[0]
    return a, (second[0] @ first[1].unsqueeze(-1)).squeeze(-1) + second[1]


def _apart(a: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Blocks before matrices, and the initial state taken into the first step."""
    first = b[:, :1] + (a[:, :1] * h[:, None, None]).sum(3)
    b = torch.cat([first, b[:, 1:]], 1)
    return a.permute(0, 1, 4, 2, 3), b.permute(0, 1, 3, 2)


def associative(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """All states by the work-efficient scan of pairs."""
    return _scan_pairs(*_apart(a, b, h))[1].permute(0, 1, 3, 2)


def _scan_pairs(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    length = a.shape[1]
    if length < 2:
        return a, b
    half, odd = length // 2, (length - 1) // 2
    pairs = compose((a[:, 0 : 2 * half : 2], b[:, 0 : 2 * half : 2]), (a[:, 1::2], b[:, 1::2]))
    odd_a, odd_b = _scan_pairs(*pairs)
    even = compose((odd_a[:, :odd], odd_b[:, :odd]), (a[:, 2::2], b[:, 2::2]))
    return tuple(  # type: ignore[return-value]
        _woven(torch.cat([first[:, :1], later], 1), other)
        for first, later, other in ((a, even[0], odd_a), (b, even[1], odd_b))
    )


def _woven(even: Tensor, odd: Tensor) -> Tensor:
    half = odd.shape[1]
    woven = torch.stack([even[:, :half], odd], 2).flatten(1, 2)
    return woven if even.shape[1] == half else torch.cat([woven, even[:, half:]], 1)


def torch_associative(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """torch's own higher-order operator, which has no public name yet."""
    scan = import_module("torch._higher_order_ops").associative_scan
    states: Tensor = scan(compose, _apart(a, b, h), dim=1, combine_mode="generic")[1]
    return states.permute(0, 1, 3, 2)


CANDIDATES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "loop": block_loop,
    "associative": associative,
    "torch associative_scan": torch_associative,
    "numba": partial(block_scan, backend="numba"),
}


def inputs(words: int, length: int, size: int, blocks: int) -> list[Tensor]:
    """Random A of norm about 1, b and h."""
    generator = torch.Generator().manual_seed(0)
    a = torch.linalg.qr(torch.randn(words, length, blocks, size, size, generator=generator))[0]
    b = torch.randn(words, length, size, blocks, generator=generator)
    return [a.permute(0, 1, 3, 4, 2).contiguous(), b, torch.randn(words, size, blocks, generator=generator)]


def _forward(run: Callable[..., Tensor], given: list[Tensor]) -> None:
    with torch.no_grad():
        run(*given)


def _both(run: Callable[..., Tensor], given: list[Tensor], gradient: Tensor) -> None:
    run(*[x.detach().requires_grad_() for x in given]).backward(gradient)


def measure(shapes: tuple[tuple[int, int, int, int], ...], repeats: int) -> list[str]:
    """Rows of the first table."""
    rows = []
    for shape in shapes:
        given = inputs(*shape)
        jobs: dict[str, Callable[[], None]] = {}
        for name, run in CANDIDATES.items():
            jobs[f"{name} forward"] = partial(_forward, run, given)
            jobs[name] = partial(_both, run, given, torch.ones_like(given[1]))
        found = interleaved(jobs, repeats)
        for name in CANDIDATES:
            ratio = found[name] / found["numba"]
            where = " × ".join(map(str, shape))
            rows.append(f"| {where} | {name} | {found[name + ' forward']:.1f} | {found[name]:.1f} | {ratio:.1f} |")
    return rows


def plain(table: Tensor, seed: int, steps: int = 1500, size: int = 3, blocks: int = 8, longest: int = 42) -> int:
    """The recipe in torch alone; the number of steps it took."""
    torch.manual_seed(seed)
    order = len(table)
    free = torch.linalg.qr(torch.randn(order, blocks, size, size))[0]
    free[..., 0] *= torch.linalg.det(free).sign()[..., None]
    free, start = torch.nn.Parameter(free), torch.nn.Parameter(torch.randn(blocks, size))
    head = torch.nn.Linear(blocks * size, order)
    optimiser = torch.optim.Adam([free, start, *head.parameters()], lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    length = 2
    for step in range(steps):
        x = torch.randint(order, (256, length))
        labels, y = [], torch.zeros(256, dtype=torch.int64)
        matrices = free / free.flatten(-2).norm(dim=-1)[..., None, None]
        for _ in range(12):
            matrices = 1.5 * matrices - 0.5 * matrices @ matrices.mT @ matrices
        h, states = start.expand(256, blocks, size), []
        for t in range(length):
            h = torch.einsum("brij,brj->bri", matrices[x[:, t]], h)
            y = table[y, x[:, t]]
            states.append(h.flatten(1))
            labels.append(y)
        loss = functional.cross_entropy(head(torch.stack(states, 1)).flatten(0, 1), torch.stack(labels, 1).flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        value = float(loss.detach())
        if length == longest and value < 0.3:
            return step + 1
        if value < 0.5 and length < longest:
            length = min(longest, length + max(1, length // 2))
    return steps


def main(quick: bool = False) -> None:
    """Print both tables."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = measure(((2, 32, 2, 4),) if quick else SHAPES, 1 if quick else 5)
        print("| words × length × m × blocks | candidate | forward | both | ratio |\n|---|---|---|---|---|")
        print("\n".join(rows))
        group = list_group("S3" if quick else "A5")
        table = torch.from_numpy(group.table.astype(np.int64))
        words = words_of_task(full_task(group), 4000, 60, 0)
        recipe = BlockRecipe(matrices=("SO(3)",))
        learn_blocks(words, 0, recipe.with_changes({"steps": 1}))  # the compiled loops are read
        for seed in range(1 if quick else 2):
            began = time.process_time()
            run = learn_blocks(words, seed, recipe)
            ours = time.process_time() - began
            began = time.process_time()
            steps = plain(table, seed, 40 if quick else 1500)
            theirs = time.process_time() - began
            outcome = "exact" if run.exact is not None else "none"
            count = len(run.tried[-1].trained.curve)
            for what, taken in ((f"plain, {steps} steps", theirs), (f"ours, {count} steps, {outcome}", ours)):
                where = f"learn {group.name}, seed {seed}"
                print(f"| {where} | {what} | – | {1000 * taken:.0f} | {taken / ours:.1f} |")
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
