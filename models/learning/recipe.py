"""The recipe: one layer at a time, many runs side by side, by gradient descent from random weights.

A run's layer has C channels of unit modulus whose phases are a table over (state of the lower layers, token):

    θ_t = p[s_1, x_1] + … + p[s_t, x_t]      turns, s_j the lower state before token j         phases (R, S, m, C)
    logits_t = W [cos 2πθ_t, sin 2πθ_t] + c + mask[s'_t]                                       heads (R, 2C, n), (R, n)

with s'_t the lower state after token t. The mask leaves, in every lower state, the labels that the training words show
there; so the head of each label is also the head of its lower state, and a reader's free choice of gauge is kept. This
is `models.network.DCDNetwork` with b = 0, Δ = 1 and a φ whose hidden units are one AND gate for each (state, token).

Words grow from 2 tokens to their whole length, geometrically, with about the same number of tokens in every step. The
loss is the mean cross-entropy over all positions that have a label. A layer that has learnt all it can stands at the
entropy of what is left: log |G_i| for a group of which it and the lower layers tell apart the cosets of G_i.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...common.errors import InputError, unknown_setting
from .adam import FusedAdam
from .machine import CounterMachine
from .schedule import FEWEST_WORDS, Schedule, mean_losses
from .snap import CONCENTRATION
from .walk import walk
from .words import MISSING, Words

IMPOSSIBLE = -30.0
"""Logit of a label that never stands in a lower state."""

CURVE_POINTS = 200
"""A loss curve is kept as so many means."""


@dataclass(frozen=True)
class Recipe(Schedule):
    """How a layer is trained. Defaults were chosen on seeds that no reported figure uses.

    Arguments:
        positions: tokens in a step, at least; a layer of S lower states and m tokens sees 4·S·m, but not more than
            four times this.
        concentration: how near to multiples of 1/n the snap wants phases; 0 rounds anything and asks the labels alone.
        attempts: how often a layer is trained, from new random weights each time, while it adds nothing or, if it is
            the last that is allowed, does not tell apart all labels; the channels of all attempts count.
    """

    concentration: float = CONCENTRATION
    attempts: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attempts < 1:
            raise InputError(f"attempts: wanted at least 1, got {self.attempts}")

    def with_changes(self, changes: dict[str, Any]) -> Recipe:
        """A copy with some fields changed. InputError for unknown ones."""
        known = {field.name for field in fields(self)}
        for name in changes:
            if name not in known:
                raise unknown_setting(name, known)
        return Recipe(**{**asdict(self), **changes})

    def positions_for(self, edges: int) -> int:
        """Tokens in a step of a layer whose table has so many rows."""
        return min(max(self.positions, 4 * edges), 4 * self.positions)


@dataclass(frozen=True, eq=False)
class TrainedLayer:
    """One run's layer as it came out of training.

    Arguments:
        phases: shape (lower states, tokens, channels), turns, by the lower state before the token.
        weight: shape (2·channels, labels): W, cosines first.
        bias: shape (labels,): c.
        mask: shape (lower states, labels).
        curve: mean losses, at most `CURVE_POINTS`, in time.
    """

    phases: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    mask: NDArray[np.float64]
    curve: tuple[float, ...]

    def joined(self, other: TrainedLayer) -> TrainedLayer:
        """This layer with the channels of another one on the same lower states beside its own; heads are added.

        The curve is of the one that ended lower.
        """
        cosines, sines = zip(np.split(self.weight, 2), np.split(other.weight, 2), strict=True)
        return TrainedLayer(
            np.concatenate([self.phases, other.phases], axis=-1),
            np.concatenate([*cosines, *sines]),
            self.bias + other.bias,
            self.mask,
            min(self.curve, other.curve, key=lambda curve: curve[-1:]),
        )

    def answers(self, tokens: NDArray[np.int64], machine: CounterMachine) -> NDArray[np.int64]:
        """The layer's own answers, with unrounded phases: tokens (words, length) to label numbers of that shape.

        `machine` holds the exact lower layers.
        """
        before, after = machine.run(tokens)
        angle = 2 * np.pi * np.cumsum(self.phases[before, tokens], axis=1)
        features = np.concatenate([np.cos(angle), np.sin(angle)], axis=-1)
        found: NDArray[np.int64] = (features @ self.weight + self.bias + self.mask[after]).argmax(axis=-1)
        return found


class LayerBatch:
    """The words of all runs with the states of their lower layers, and the draws of each run."""

    def __init__(self, words: Sequence[Words], machines: Sequence[CounterMachine], seeds: Sequence[list[int]]) -> None:
        runs = len(words)
        self.states = machines[0].states
        self.m, self.n = len(words[0].token_names), len(words[0].label_names)
        self.count, self.longest = words[0].count, words[0].length
        rows = [machine.run(w.tokens) for machine, w in zip(machines, words, strict=True)]
        before = np.stack([row[0] for row in rows])
        after = np.stack([row[1] for row in rows])
        tokens = np.stack([w.tokens for w in words])
        labels = np.stack([w.labels for w in words])
        offset = np.arange(runs)[:, None, None] * self.states
        self.mask = np.full((runs, self.states, self.n), IMPOSSIBLE)
        given = labels != MISSING
        where = np.broadcast_to(np.arange(runs)[:, None, None], labels.shape)
        self.mask[where[given], after[given], labels[given]] = 0.0
        self.edges = torch.from_numpy((before + offset) * self.m + tokens)
        self.after = torch.from_numpy(after + offset)
        self.labels = torch.from_numpy(labels)
        self.generators = [np.random.default_rng([3, *seed]) for seed in seeds]
        self._runs = torch.arange(runs)[:, None]

    def draw(self, count: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
        """Edges, lower states after, and labels of prefixes of `count` words of each run, (R, count, length)."""
        chosen = torch.from_numpy(np.stack([g.integers(self.count, size=count) for g in self.generators]))
        return tuple(kept[self._runs, chosen, :length] for kept in (self.edges, self.after, self.labels))  # type: ignore[return-value]


def initial_phases(seed: Sequence[int], shape: tuple[int, ...], spread: float) -> NDArray[np.float32]:
    """Random phases of one run's layer, turns."""
    return np.random.default_rng([1, *seed]).random(shape, dtype=np.float32) * np.float32(spread)


def descend(
    batch: LayerBatch,
    recipe: Recipe,
    phases: Callable[[], Tensor],
    moved: Sequence[tuple[list[Tensor], float]],
    head: tuple[Tensor, Tensor],
    positions: int,
    edges_of: Callable[[Tensor], Tensor] = lambda edges: edges,
    report: Callable[[int, list[float]], None] | None = None,
) -> NDArray[np.float64]:
    """The steps of one layer's training, all runs side by side; returns the losses (steps, runs).

    Arguments:
        batch: the words.
        recipe: steps, lengths, and the rate and decay of the head.
        phases: makes those of all edges, (R·edges, C), turns, from the parameters.
        moved: parameters that they are made of, with their learning rates.
        head: W (R, 2C, n) and c (R, 1, n).
        positions: tokens in a step.
        edges_of: what is walked, of the edges that were drawn, (R, count, length).
        report: called now and then with the number of steps done and the losses.
    """
    weight, bias = head
    runs = len(weight)
    mask = torch.from_numpy(batch.mask.astype(np.float32)).flatten(0, 1)
    groups = [{"params": parameters, "rate": rate, "weight_decay": 0.0} for parameters, rate in moved]
    groups.append({"params": [weight, bias], "rate": recipe.head_rate, "weight_decay": recipe.decay})
    optimiser = FusedAdam(groups, betas=(0.9, 0.99))
    losses = np.empty((recipe.steps, runs))
    for step in range(recipe.steps):
        length = recipe.length_at(step, batch.longest)
        count = max(positions // length, FEWEST_WORDS)
        edges, after, labels = batch.draw(count, length)
        features = walk(phases(), edges_of(edges).view(runs * count, length)).view(runs, count * length, -1)
        logits = torch.baddbmm(bias, features, weight)
        logits = logits + functional.embedding(after.view(runs, -1), mask)
        loss = mean_losses(logits, labels.reshape(runs, -1))
        for group in optimiser.param_groups:
            group["lr"] = group["rate"] * recipe.rate_at(step)
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
        losses[step] = loss.detach().numpy()
        if report is not None and (step + 1) % 50 == 0:
            report(step + 1, losses[step].tolist())
    return losses


def train_layers(
    words: Sequence[Words],
    machines: Sequence[CounterMachine],
    seeds: Sequence[int],
    recipe: Recipe,
    report: Callable[[int, list[float]], None] | None = None,
    attempt: int = 0,
) -> list[TrainedLayer]:
    """Train one more layer for each run, all runs side by side.

    Arguments:
        words: of each run; all with equal shapes and equally many names.
        machines: the exact lower layers of each run, with equally many states.
        seeds: of each run: its initial weights and the words of each step.
        report: called now and then with the number of steps done and the losses.
        attempt: how often this layer was trained before, from other random weights.
    """
    layer = len(machines[0].layers)
    own = [[seed, layer, *([attempt] if attempt else [])] for seed in seeds]
    batch = LayerBatch(words, machines, own)
    runs, channels = len(words), recipe.channels
    table = np.stack([initial_phases(s, (batch.states, batch.m, channels), recipe.spread) for s in own])
    heads = np.stack([np.random.default_rng([2, *s]).standard_normal((2 * channels, batch.n)) for s in own])
    phases = torch.from_numpy(table).flatten(0, 2).requires_grad_()
    weight = torch.from_numpy(heads.astype(np.float32) * np.float32(0.1)).requires_grad_()
    bias = torch.zeros(runs, 1, batch.n, requires_grad=True)
    moved = [([phases], recipe.phase_rate)]
    positions = recipe.positions_for(batch.states * batch.m)
    losses = descend(batch, recipe, lambda: phases, moved, (weight, bias), positions, report=report)
    found = phases.detach().view(runs, batch.states, batch.m, channels).numpy().astype(np.float64)
    return [
        TrainedLayer(
            found[r],
            weight[r].detach().numpy().astype(np.float64),
            bias[r, 0].detach().numpy().astype(np.float64),
            batch.mask[r],
            tuple(
                float(part.mean())
                for part in np.array_split(losses[:, r], min(CURVE_POINTS, recipe.steps) or 1)
                if len(part)
            ),
        )
        for r in range(runs)
    ]
