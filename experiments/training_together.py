"""All layers at once: nothing is frozen, and nothing is rounded until the end.

Layer i reads the decision of the lower layers, a one-hot q over S states after the same token, and decides among K:

    θ_t    = θ_{t-1} + φ(q_t, x_t)                  turns; φ a table (S, m, C), or an MLP of [q, one-hot token]
    own_t  = softmax(A[q_t] [cos 2πθ_t, sin 2πθ_t] + a[q_t])        the bottleneck, K states
    q'_t   = q_t ⊗ (the one-hot of own's largest entry)             what the next layer reads

The last layer answers instead: logits_t = W[q_t] [cos, sin] + c[q_t]. What can be chosen, one at a time:

    losses      `every`: each bottleneck must itself predict the label, by softmax(own ⊗ q) V; `last`: one, at the end
    gradient    `local`: no gradient from a layer to the lower ones; `through`: that of the softmax (straight through)
    decision    `hard` as above; `soft`: the next layer reads the softmax itself
    phi         `table` or `mlp`
    head        `last` reads the last layer alone; `all` adds W_i[q_t] [cos, sin] of every layer, as a head that reads
                all layers has
    growth, spread, states, channels, rates
    threshold, mlp_step     how an MLP φ starts and how fast it moves (`mlp`)
    answers     the spread of c at the start; above 0 it is left alone by weight decay
    late, early what a layer's rates are multiplied with before and after its turn: layer i's is the i-th growth of the
                words, and the last layer's goes on to the end

Why `answers` and `late`: with one loss, the gradient that reaches a bottleneck is that of c and W, weighted with how
much they differ between its states; and c and W only move where the bottleneck says something. At 0 both stand still,
while the last layer, which needs no bottleneck for it, learns the quotient that the lower layer should have. Random
answers that do not decay give each state something to say from the first step, and a last layer that starts late
leaves the quotient to the lower one. (The rates of W are late, those of c are not.)

At the end the phases may settle on longer words: decisions are hard, the heads stand still, and logits and scores are
divided by `temperature`, so that the loss is nearly linear in the logits and still sees errors of phases that decide
everything rightly.

Bottlenecks and phases are exactly what `models.network.DCDNetwork` has with a ψ of hard decisions in groups of K.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..common.errors import InputError
from ..models.learning.adam import FusedAdam
from ..models.learning.schedule import FEWEST_WORDS, Schedule, mean_losses
from ..models.learning.words import Words
from .mlp import hidden_of_pairs, make_sparse, new_mlp

LongerWords = Callable[[int, int, int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]
"""(seed, step, words, length) to fresh training words and labels, both (words, length)."""

CHOICES = {
    "losses": ("every", "last"),
    "gradient": ("local", "through"),
    "decision": ("hard", "soft"),
    "phi": ("table", "mlp"),
    "head": ("last", "all"),
}


@dataclass(frozen=True)
class TogetherRecipe(Schedule):
    """How all layers are trained together.

    Arguments:
        layers: their number.
        states: K, of each bottleneck.
        losses, gradient, decision, phi, head: see the module.
        cycles: how often words grow from the shortest to their whole length; a layer that waited for the lower ones
            then finds short words again.
        hidden, mlp_rate: hidden units and learning rate of an MLP φ.
        mlp_step: above 0, the rate of its output weights is such that a step moves a phase by so many turns, if all
            of them move it the same way; 0 leaves it at `mlp_rate`.
        threshold: standard deviations below zero at which hidden units start (only where `mlp_step` is above 0).
        scores: spread of the heads' weights at the start; small ones keep the noise of channels that count nothing low.
        answers, late, early: see the module; 0, 1 and 1 leave them out.
        sharpness: what the scores of the bottlenecks are multiplied with in the end; the factor grows geometrically
            from 1 when the words have grown for the last time.
        hardening: share of the steps, at the end, in which soft decisions are hard.
        settling: steps at the end in which phases alone move, on words that grow from the whole length to
            `settling_length`; their rate falls from `settling_rate` to a hundredth of it.
    """

    steps: int = 2000
    layers: int = 2
    states: int = 4
    losses: str = "every"
    gradient: str = "local"
    decision: str = "hard"
    phi: str = "table"
    head: str = "last"
    cycles: int = 1
    hidden: int = 64
    mlp_rate: float = 0.002
    mlp_step: float = 0.0
    threshold: float = 0.0
    scores: float = 0.1
    answers: float = 0.0
    late: float = 1.0
    early: float = 1.0
    sharpness: float = 1.0
    hardening: float = 0.0
    settling: int = 0
    settling_length: int = 480
    settling_rate: float = 1e-3
    settling_positions: int = 960
    temperature: float = 8.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f"{name}: wanted {' or '.join(choices)}, got {getattr(self, name)!r}")

    @property
    def growths(self) -> int:
        return self.cycles

    def turn_of(self, step: int) -> int:
        """The layer whose turn it is, counted from 0: as many as there were growths before; the last one to the end."""
        return min(int(step * self.cycles / (self.growth * self.steps)), self.layers - 1)

    def share_at(self, turn: int, layer: int | None) -> float:
        """What a layer's rates are multiplied with at a turn; None is for what belongs to no layer."""
        if layer is None or layer == turn:
            return 1.0
        return self.late if layer > turn else self.early

    def sharpness_at(self, step: int) -> float:
        """What the scores of the bottlenecks are multiplied with at a step."""
        grown = self.growth * self.steps
        return self.sharpness ** max(0.0, (step - grown) / max(self.steps - grown, 1))

    def settling_at(self, step: int, longest: int) -> tuple[int, float]:
        """Length of words and rate of phases at a step of the settling, counted from 0."""
        share = step / self.settling
        length = longest * (self.settling_length / longest) ** min(1.0, share / self.growth)
        return round(length), self.settling_rate * 0.01**share


class TogetherNetworks:
    """R networks side by side, every parameter with a leading axis of runs.

    Arguments:
        recipe: their shape.
        tokens, labels: how many there are.
        seeds: one for each run.
    """

    def __init__(self, recipe: TogetherRecipe, tokens: int, labels: int, seeds: Sequence[int]) -> None:
        self.recipe, self.m, self.n = recipe, tokens, labels
        self.sharpness = 1.0
        self.hard = recipe.decision == "hard"
        c, k = recipe.channels, recipe.states
        generators = [np.random.default_rng([5, seed]) for seed in seeds]
        self.phase: dict[str, Tensor] = {}
        self.mlp: dict[str, Tensor] = {}
        self.out_rate: dict[str, float] = {}
        self.heads: dict[str, Tensor] = {}

        def normal(scale: float, *shape: int) -> Tensor:
            drawn = [g.standard_normal(shape) * scale for g in generators]
            return torch.from_numpy(np.stack(drawn).astype(np.float32)).requires_grad_()

        states = 1
        for i in range(recipe.layers):
            last = i == recipe.layers - 1
            if recipe.phi == "table":
                drawn = [g.random((tokens, states, c)) * recipe.spread for g in generators]
                self.phase[f"table{i}"] = torch.from_numpy(np.stack(drawn).astype(np.float32)).requires_grad_()
            else:
                mlp = new_mlp(normal, states, tokens, recipe.hidden, c, recipe.spread)
                self.mlp.update({f"{name}{i}": parameter for name, parameter in mlp.items()})
                if recipe.mlp_step:
                    self.out_rate[f"out{i}"] = recipe.mlp_step / make_sparse(mlp, recipe.threshold)
            outputs = labels if last else k
            self.heads[f"head{i}"] = normal(recipe.scores, 2 * c, states * outputs)
            self.heads[f"head_bias{i}"] = normal(recipe.answers if last else 0.0, 1, states * outputs)
            if not last and recipe.head == "all":
                self.heads[f"direct{i}"] = normal(0.1, 2 * c, states * labels)
            if not last:
                self.heads[f"predict{i}"] = normal(0.1, states * k, labels)
                self.heads[f"predict_bias{i}"] = normal(0.0, 1, labels)
                states *= k

    def __call__(self, tokens: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Logits, the logits of the lower layers' own predictions, and the phases that each layer added (turns).

        tokens (R, B, L) to (R, B·L, n), a list of those, and a list of (R, B, L, C).
        """
        recipe = self.recipe
        runs, words, length = tokens.shape
        flat = tokens.reshape(runs, -1)
        q = torch.ones(runs, words * length, 1)
        added: list[Tensor] = []
        predictions: list[Tensor] = []
        direct: Tensor | float = 0.0
        for i in range(recipe.layers):
            last = i == recipe.layers - 1
            phases = self._phases(i, q, flat)
            added.append(phases.view(runs, words, length, -1))
            angle = added[-1].cumsum(2).view(runs, words * length, -1) * (2 * math.pi)
            features = torch.cat([angle.cos(), angle.sin()], -1)
            scores = _of_state(features @ self.heads[f"head{i}"] + self.heads[f"head_bias{i}"], q)
            if last:
                return scores + direct, predictions, added
            if recipe.head == "all":
                direct = direct + _of_state(features @ self.heads[f"direct{i}"], q)
            own = (scores * self.sharpness).softmax(-1)
            joint = (q.unsqueeze(-1) * own.unsqueeze(-2)).flatten(-2)
            predictions.append(torch.baddbmm(self.heads[f"predict_bias{i}"], joint, self.heads[f"predict{i}"]))
            if self.hard:
                own = functional.one_hot(own.argmax(-1), recipe.states) + (own - own.detach())
            q = (q.unsqueeze(-1) * own.unsqueeze(-2)).flatten(-2)
            if recipe.gradient == "local":
                q = q.detach()
        raise AssertionError("no last layer")

    def _phases(self, i: int, q: Tensor, tokens: Tensor) -> Tensor:
        """What layer i adds: q (R, N, S), tokens (R, N) to (R, N, C)."""
        index = tokens + torch.arange(len(tokens))[:, None] * self.m
        if self.recipe.phi == "table":
            rows = functional.embedding(index, self.phase[f"table{i}"].flatten(0, 1).flatten(1))
            return (rows.unflatten(-1, (q.shape[-1], -1)) * q.unsqueeze(-1)).sum(2)
        if not q.requires_grad and (self.hard or q.shape[-1] == 1):  # q is one-hot: as a table, the same sums and fewer
            hidden = hidden_of_pairs(self.mlp[f"state{i}"], self.mlp[f"token{i}"])
            of_pairs = torch.baddbmm(self.mlp[f"bias{i}"].unsqueeze(1), hidden, self.mlp[f"out{i}"])
            index = index + (q.argmax(-1) + torch.arange(len(tokens))[:, None] * (q.shape[-1] - 1)) * self.m
            return functional.embedding(index, of_pairs.flatten(0, 1))
        hidden = q @ self.mlp[f"state{i}"] + functional.embedding(index, self.mlp[f"token{i}"].flatten(0, 1))
        return hidden.relu() @ self.mlp[f"out{i}"] + self.mlp[f"bias{i}"].unsqueeze(1)

    @torch.no_grad()
    def run_on(self, tokens: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
        """Answers (R, words, length), and each layer's added phases (R, words, length, C), for words of each run."""
        logits, _, added = self(torch.from_numpy(tokens))
        answers = logits.argmax(-1).view(tokens.shape).numpy()
        return answers, [phases.numpy().astype(np.float64) for phases in added]


def train_together(
    words: Sequence[Words], seeds: Sequence[int], recipe: TogetherRecipe, longer: LongerWords | None = None
) -> tuple[TogetherNetworks, NDArray[np.float64]]:
    """Train all layers of all runs; returns the networks and the losses (steps, layers, runs), the last layer's last.

    Arguments:
        words: of each run, of equal shapes.
        seeds: of weights and of the order of words.
        longer: draws words for the settling.
    """
    networks = TogetherNetworks(recipe, len(words[0].token_names), len(words[0].label_names), seeds)
    groups = _groups(networks)
    optimiser = FusedAdam(
        [{"params": [g.parameter], "lr": g.rate, "weight_decay": g.decay} for g in groups], betas=(0.9, 0.99)
    )
    tokens = torch.from_numpy(np.stack([w.tokens for w in words]))
    labels = torch.from_numpy(np.stack([w.labels for w in words]))
    draws = [np.random.default_rng([6, seed]) for seed in seeds]
    runs = torch.arange(len(seeds))[:, None]
    losses = np.zeros((recipe.steps, recipe.layers, len(seeds)))
    for step in range(recipe.steps):
        length = recipe.length_at(step, words[0].length)
        count = max(recipe.positions // length, FEWEST_WORDS)
        chosen = torch.from_numpy(np.stack([g.integers(words[0].count, size=count) for g in draws]))
        logits, predictions, _ = networks(tokens[runs, chosen, :length])
        wanted = labels[runs, chosen, :length].reshape(len(seeds), -1)
        each = [mean_losses(found, wanted) for found in (*predictions, logits)]
        networks.hard |= step >= (1 - recipe.hardening) * recipe.steps
        networks.sharpness = recipe.sharpness_at(step)
        scale, turn = recipe.rate_at(step), recipe.turn_of(step)
        for own, group in zip(optimiser.param_groups, groups, strict=True):
            own["lr"] = group.rate * scale * recipe.share_at(turn, group.layer)
        optimiser.zero_grad()
        total = torch.stack(each).sum() if recipe.losses == "every" else each[-1].sum()
        total.backward()
        optimiser.step()
        losses[step] = torch.stack(each).detach().numpy()
    if recipe.settling:
        assert longer is not None, "settling needs longer words"
        _settle(networks, seeds, words[0].length, longer)
    return networks, losses


@dataclass(frozen=True)
class _Group:
    """One parameter of all runs, its rate and decay, and the layer whose turn it waits for, if any."""

    parameter: Tensor
    rate: float
    decay: float
    layer: int | None


def _groups(networks: TogetherNetworks) -> list[_Group]:
    recipe = networks.recipe
    groups = [_Group(p, recipe.phase_rate, 0.0, _layer(name)) for name, p in networks.phase.items()]
    rates = networks.out_rate
    groups += [_Group(p, rates.get(name, recipe.mlp_rate), 0.0, _layer(name)) for name, p in networks.mlp.items()]
    answers = f"head_bias{recipe.layers - 1}"
    for name, p in networks.heads.items():
        decay = 0.0 if name == answers and recipe.answers else recipe.decay
        groups.append(_Group(p, recipe.head_rate, decay, None if name == answers else _layer(name)))
    return groups


def _layer(name: str) -> int:
    return int(name.lstrip("abcdefghijklmnopqrstuvwxyz_"))


def _settle(networks: TogetherNetworks, seeds: Sequence[int], longest: int, longer: LongerWords) -> None:
    """Phases alone, on longer and longer words."""
    recipe = networks.recipe
    networks.hard = True
    networks.sharpness = 1 / recipe.temperature
    phases = [*networks.phase.values(), *networks.mlp.values()]
    optimiser = FusedAdam([{"params": phases}], betas=(0.9, 0.99))
    for step in range(recipe.settling):
        length, rate = recipe.settling_at(step, longest)
        drawn = [longer(seed, step, max(recipe.settling_positions // length, 2), length) for seed in seeds]
        logits, predictions, _ = networks(torch.from_numpy(np.stack([tokens for tokens, _ in drawn])))
        wanted = torch.from_numpy(np.stack([labels for _, labels in drawn])).reshape(len(seeds), -1)
        every = (*predictions, logits) if recipe.losses == "every" else (logits,)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        torch.stack([mean_losses(found / recipe.temperature, wanted) for found in every]).sum().backward()
        optimiser.step()


def _of_state(outputs: Tensor, q: Tensor) -> Tensor:
    """Of outputs (R, N, S·k), those of the state that q (R, N, S) says: (R, N, k)."""
    return (outputs.unflatten(-1, (q.shape[-1], -1)) * q.unsqueeze(-1)).sum(2)
