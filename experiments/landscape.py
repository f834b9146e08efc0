"""The loss around a compiled solution: along straight lines to random starts, and the largest Hessian eigenvalues.

Hard decisions have no second derivative, so ψ decides by a softmax here, of scores sharpened further (`SHARPER`): then
the loss is smooth and the soft network decides as the hard one. All in double precision. How steep the loss is depends
on that sharpness, so eigenvalues compare places of one landscape, not different ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..models.batch import NetworkBatch
from ..models.network import DCDNetwork
from ..models.training.configuration import RunConfiguration
from ..models.training.initial import initial_network, sharpen
from ..models.training.recorded import task_of
from ..models.training.tasks import VALIDATION

WORDS, LENGTH = 64, 40
SHARPER = 5.0
"""Times the sharpness that training starts with."""

NEARBY = 0.01
"""The noise that makes the place near the solution where the Hessian is looked at again."""


def smooth_solution(group: str, noise: float = 0.0) -> tuple[DCDNetwork, Tensor, Tensor]:
    """The compiled network with soft decisions, and words and labels (words, length) to measure its loss on."""
    configuration = RunConfiguration(group, init="compiled", noise=noise, activation="softmax", dtype="float64")
    task = task_of(configuration)
    words = task.evaluation_words(VALIDATION, WORDS, LENGTH, 2)
    network = initial_network(configuration, task)
    sharpen(network, SHARPER)
    return network, torch.from_numpy(words), torch.from_numpy(task.labels(words))


def random_start(network: DCDNetwork, seed: int) -> DCDNetwork:
    """A randomly initialised network of the same shape."""
    return DCDNetwork(**network.configuration(), seed=seed)


def loss_along_line(group: str, seeds: int, points: int) -> tuple[list[float], list[list[float]]]:
    """The loss at compiled + t · (random - compiled): t (points) and losses (seeds, points)."""
    network, words, labels = smooth_solution(group)
    along = np.linspace(0.0, 1.0, points) ** 2  # most points where the loss climbs
    losses = []
    for seed in range(seeds):
        batch = NetworkBatch([network, random_start(network, seed)])
        start, end = batch.flat.detach()
        curve = []
        for t in along:
            batch.flat = torch.lerp(start, end, float(t)).unsqueeze(0)
            with torch.no_grad():
                curve.append(float(_loss(batch, words, labels)))
        losses.append(curve)
    return along.tolist(), losses


def _loss(batch: NetworkBatch, words: Tensor, labels: Tensor) -> Tensor:
    logits, _ = batch(words.unsqueeze(0))
    return functional.cross_entropy(logits.flatten(0, 2), labels.flatten())


def top_eigenvalues(network: DCDNetwork, words: Tensor, labels: Tensor, count: int, iterations: int) -> list[float]:
    """The Hessian's eigenvalues of largest modulus, by subspace iteration on Hessian-vector products."""
    batch = NetworkBatch([network])
    (gradient,) = torch.autograd.grad(_loss(batch, words, labels), batch.flat, create_graph=True)
    size = gradient.numel()
    count = min(count, size)

    def product(vectors: Tensor) -> Tensor:
        columns = [
            torch.autograd.grad(gradient, batch.flat, vector.view_as(gradient), retain_graph=True)[0].flatten()
            for vector in vectors.T
        ]
        return torch.stack(columns, 1)

    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(size, count, generator=generator, dtype=torch.float64)).Q
    for _ in range(iterations):
        basis = torch.linalg.qr(product(basis)).Q
    values = torch.linalg.eigvalsh(basis.T @ product(basis))
    return sorted((float(v) for v in values), key=abs, reverse=True)


def hessian_summary(groups: Sequence[str], count: int, iterations: int) -> dict[str, dict[str, list[float]]]:
    """For each group the top eigenvalues at the compiled solution, `NEARBY` it, and at a random start."""
    found = {}
    for group in groups:
        network, words, labels = smooth_solution(group)
        found[group] = {
            "solution": top_eigenvalues(network, words, labels, count, iterations),
            "nearby": top_eigenvalues(smooth_solution(group, NEARBY)[0], words, labels, count, iterations),
            "random": top_eigenvalues(random_start(network, 0), words, labels, count, iterations),
        }
    return found
