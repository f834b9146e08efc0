"""One block layer, from words and labels: training on a connected group of matrices that is chosen by trying.

A layer has r blocks. Each token has a matrix Q_x in each block, and a word moves the state

    h_t = Q_{x_t} … Q_{x_1} h_0,      logits_t = W h_t + c                  (all blocks side by side, linear head)

Q_x is the polar factor of a free matrix W_x. The polar factor never leaves the component of the orthogonal group in
which it starts, so the group of matrices is a *connected* one that may hold a lift of what is learnt: SO(m), or U(m) as
the real 2m × 2m matrices [[Re, -Im], [Im, Re]]. As the polar factor of s·W is that of W, nothing is lost by putting W
back on its polar factor after every step: then the derivative of the polar factor is the projection on the tangent
space, G ↦ (G - Q Gᵀ Q)/2, and a few Newton-Schulz steps find it again.

Words begin with two tokens and become half as long again whenever the loss is below `grow`. A word need not be the
beginning of a given one: the label is the state, so a beginning may be replaced by the one-token word that has its
label (if there is one), and every stretch of a training word is a word.

A group of matrices that is too small shows itself: words stay short. It is left as soon as they have stood for longer
than the first growth led to expect, and another is tried. As one that is large enough may fail too, each gets the same
share of work: its k-th try has its turn at k times its dimension. docs/learning.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...common.errors import InputError, unknown_setting
from ..block_recurrence import block_walk
from .adam import FusedAdam
from .words import MISSING, Words, first_labels

SHORTEST = 2
"""Tokens of the first training words."""

FEWEST_WORDS = 16
"""A step sees at least so many words."""

SCHULZ = 3
"""Newton-Schulz steps that put a matrix back after a step of the optimiser."""

PROJECTED = 30
"""Steps that find the polar factor of any matrix that is not singular."""


@dataclass(frozen=True)
class MatrixGroup:
    """A connected compact group of matrices.

    Arguments:
        name: `SO(m)` or `U(m)`.
        degree: m.
        is_complex: U or SO.
    """

    name: str
    degree: int
    is_complex: bool

    @property
    def size(self) -> int:
        """Of its real matrices."""
        return self.degree * (2 if self.is_complex else 1)

    @property
    def dimension(self) -> int:
        """As a manifold."""
        return self.degree**2 if self.is_complex else self.degree * (self.degree - 1) // 2

    def project(self, matrices: Tensor) -> Tensor:
        """The nearest matrices (…, size, size) of its algebra: all real ones, or those that commute with i."""
        if not self.is_complex:
            return matrices
        m = self.degree
        real = (matrices[..., :m, :m] + matrices[..., m:, m:]) / 2
        imaginary = (matrices[..., m:, :m] - matrices[..., :m, m:]) / 2
        return torch.cat([torch.cat([real, -imaginary], -1), torch.cat([imaginary, real], -1)], -2)

    def random(self, generator: torch.Generator, *shape: int) -> Tensor:
        """Random elements of the group, (*shape, size, size): polar factors, of determinant 1 where it is real."""
        free = torch.randn(*shape, self.size, self.size, generator=generator, dtype=torch.float64)
        found = polar(self.project(free), PROJECTED)
        if not self.is_complex:
            found[..., 0] *= torch.linalg.det(found).sign()[..., None]
        return found


def matrix_group(text: str) -> MatrixGroup:
    """The group of matrices of that name. Raises `InputError` for another name than SO(2) … SO(12), U(1) … U(5)."""
    name = text.strip().upper().replace(" ", "")
    for kind, least, most in (("SO", 2, 12), ("U", 1, 5)):
        for m in range(least, most + 1):
            if name in (f"{kind}({m})", f"{kind}{m}"):
                return MatrixGroup(f"{kind}({m})", m, kind == "U")
    raise InputError(f"unknown group of matrices {text[:40]!r}; wanted SO(2) … SO(12) or U(1) … U(5), e.g. SO(3)")


LADDER = ("SO(3)", "U(2)", "U(3)", "SO(5)", "SO(6)", "SO(7)")
"""Groups of matrices that are tried, by their dimension: 3, 4, 9, 10, 15, 21."""


@dataclass(frozen=True)
class BlockRecipe:
    """How a block layer is trained. Defaults were chosen on seeds that no reported figure uses.

    Arguments:
        blocks: r.
        steps: of Adam, at most, on each group of matrices.
        matrix_rate, head_rate: learning rates.
        positions: tokens in a step, at most; at least `FEWEST_WORDS` words.
        words: words in a step, at most.
        grow: words become longer when the loss of a step is below this.
        longest: words grow up to so many tokens.
        done: the snap is tried when words have grown to their length and the loss is below this.
        ask: and again after so many steps, while it finds no machine.
        first, patience: a group of matrices is given up if words have not grown once in `first` steps, or later not
            again in `patience` steps, or in `share` of what the first growth took if that is more.
        share: see there.
        concentration: how near trained matrices have to be to what the snap makes of them; see `block_snap`.
        matrices: the groups of matrices that are tried.
        attempts: how often the largest of them is tried, from new random weights each time; smaller ones more often.

    Raises:
        InputError: a value that cannot be used.
    """

    blocks: int = 8
    steps: int = 1200
    matrix_rate: float = 0.02
    head_rate: float = 0.02
    positions: int = 2048
    words: int = 256
    grow: float = 0.5
    longest: int = 42
    done: float = 0.3
    ask: int = 25
    first: int = 600
    patience: int = 100
    share: float = 0.5
    concentration: float = 0.7
    matrices: tuple[str, ...] = LADDER
    attempts: int = 2

    def __post_init__(self) -> None:
        for name in ("blocks", "positions", "words", "longest", "ask", "first", "patience", "attempts"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: wanted at least 1, got {getattr(self, name)}")
        if self.steps < 0:
            raise InputError(f"steps: wanted at least 0, got {self.steps}")
        if not self.matrices:
            raise InputError("matrices: wanted at least one group of matrices, e.g. SO(3)")
        for name in self.matrices:
            matrix_group(name)

    def turns(self) -> list[tuple[MatrixGroup, int]]:
        """The tries in their order: groups of matrices, and how often each was tried before.

        Example:
            >>> [(group.name, tried) for group, tried in BlockRecipe(matrices=("SO(3)", "U(3)"), attempts=1).turns()]
            [('SO(3)', 0), ('SO(3)', 1), ('SO(3)', 2), ('U(3)', 0)]
        """
        groups = [matrix_group(name) for name in self.matrices]
        if not self.steps:
            return [(group, 0) for group in groups]
        most = self.attempts * max(group.dimension for group in groups)
        turns = [(group, tried) for group in groups for tried in range(most // group.dimension)]
        return sorted(turns, key=lambda turn: turn[0].dimension * (turn[1] + 1))

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return {**asdict(self), "matrices": list(self.matrices)}

    def with_changes(self, changes: dict[str, Any]) -> BlockRecipe:
        """A copy with some fields changed. InputError for unknown ones."""
        known = {field.name for field in fields(self)}
        for name in changes:
            if name not in known:
                raise unknown_setting(name, known)
        return BlockRecipe(**{**asdict(self), **changes})


@dataclass(frozen=True, eq=False)
class TrainedBlocks:
    """A block layer as it came out of training.

    Arguments:
        group: of its matrices.
        matrices: shape (tokens, r, m, m), m the size of the real matrices.
        start: shape (r, m): h_0.
        weight: shape (r·m, labels): the head, by blocks.
        bias: shape (labels,).
        curve: losses of all steps.
        growths: the steps at which words became longer, and their lengths.
        length: tokens of the last words.
    """

    group: MatrixGroup
    matrices: NDArray[np.float64]
    start: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    curve: tuple[float, ...]
    growths: tuple[tuple[int, int], ...]
    length: int

    def answers(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The layer's own answers, unrounded: tokens (words, length) to label numbers of that shape."""
        table = torch.from_numpy(self.matrices.transpose(0, 2, 3, 1).copy())
        states = block_walk(table, torch.from_numpy(tokens), torch.from_numpy(self.start.T.copy()))
        logits = states.transpose(2, 3).flatten(2).numpy() @ self.weight + self.bias
        found: NDArray[np.int64] = logits.argmax(-1)
        return found


def polar(matrices: Tensor, steps: int) -> Tensor:
    """The orthogonal factors of matrices (…, m, m), by Newton-Schulz steps from within their region of convergence."""
    if steps > SCHULZ:
        matrices = matrices / torch.linalg.matrix_norm(matrices, 2, keepdim=True).clamp(min=1e-30)
    for _ in range(steps):
        matrices = 1.5 * matrices - 0.5 * matrices @ (matrices.mT @ matrices)
    return matrices


class Draws:
    """Stretches of training words with their labels, as words of their own where that is possible."""

    def __init__(self, words: Words, seed: Sequence[int]) -> None:
        self._words = words
        self._tokens, self._labels = torch.from_numpy(words.tokens), torch.from_numpy(words.labels)
        self._generator = np.random.default_rng([5, *seed])
        labels = len(words.label_names)
        token_of = np.full(labels + 1, -1, dtype=np.int64)  # the last entry is that of MISSING
        first = first_labels(words)
        token_of[first[first != MISSING]] = np.flatnonzero(first != MISSING)
        self._token_of = torch.from_numpy(token_of)
        self._is_token = float((token_of[:-1] >= 0).mean())

    def __call__(self, count: int, length: int) -> tuple[Tensor, Tensor]:
        """Tokens and labels, (count, length) each.

        A stretch that begins at a label that no one-token word has is replaced by the beginning of its word.
        """
        generator, given = self._generator, self._words
        rows = torch.from_numpy(generator.integers(given.count, size=count))
        at = torch.zeros(count, dtype=torch.int64)
        if self._is_token > 0.5:
            at = torch.from_numpy(generator.integers(given.length - length + 1, size=count))
            at = torch.where(self._token_of[self._labels[rows, at]] >= 0, at, 0)
        places = at[:, None] + torch.arange(length)
        tokens, labels = self._tokens[rows[:, None], places], self._labels[rows[:, None], places]
        tokens[:, 0] = torch.where(at > 0, self._token_of[labels[:, 0]], tokens[:, 0])
        return tokens, labels


Stop = Callable[["TrainedBlocks"], bool]


def train_blocks(
    words: Words,
    group: MatrixGroup,
    seed: Sequence[int],
    recipe: BlockRecipe,
    is_enough: Stop,
    report: Callable[[str], None] | None = None,
) -> TrainedBlocks:
    """Train one layer.

    Arguments:
        words: the training words.
        group: of the matrices.
        seed: of the weights and of the words of each step.
        recipe: settings.
        is_enough: asked when words have grown to their length and the loss is small, and again later while it says no.
        report: called now and then with a line of progress.
    """
    draw, longest = Draws(words, seed), min(recipe.longest, words.length)
    tokens, labels, size, r = len(words.token_names), len(words.label_names), group.size, recipe.blocks
    generator = torch.Generator().manual_seed(int(np.random.default_rng([4, *seed]).integers(2**62)))
    table = group.random(generator, tokens, r).float().permute(0, 2, 3, 1).contiguous().requires_grad_()
    start = torch.randn(size, r, generator=generator).requires_grad_()
    weight = (torch.randn(size * r, labels, generator=generator) / math.sqrt(size * r)).requires_grad_()
    bias = torch.zeros(labels, requires_grad=True)
    moved = [
        {"params": [table, start], "lr": recipe.matrix_rate},
        {"params": [weight, bias], "lr": recipe.head_rate},
    ]
    optimiser = FusedAdam(moved)
    length, grown, asked = min(SHORTEST, longest), 0, -recipe.ask
    losses: list[float] = []
    growths: list[tuple[int, int]] = []

    def found() -> TrainedBlocks:
        head = weight.detach().view(size, r, labels).transpose(0, 1).flatten(0, 1).double().numpy()
        return TrainedBlocks(
            group,
            table.detach().permute(0, 3, 1, 2).double().numpy(),
            start.detach().T.double().numpy(),
            head,
            bias.detach().double().numpy(),
            tuple(losses),
            tuple(growths),
            length,
        )

    for step in range(recipe.steps):
        count = max(FEWEST_WORDS, min(recipe.words, recipe.positions // length))
        x, y = draw(count, length)
        states = block_walk(table, x, start).flatten(2).flatten(0, 1)
        loss = functional.cross_entropy(torch.addmm(bias, states, weight), y.flatten(), ignore_index=MISSING)
        optimiser.zero_grad()
        loss.backward()
        _step(optimiser, table, group)
        losses.append(float(loss.detach()))
        if report is not None and step % 50 == 0:
            report(f"{group.name}: step {step}/{recipe.steps}, words of {length}, loss {losses[-1]:.3f}")
        if losses[-1] < recipe.grow and length < longest:
            length = min(longest, length + max(1, length // 2))
            growths.append((step + 1, length))
            grown = step
        elif length == longest:
            if losses[-1] < recipe.done and step - asked >= recipe.ask:
                asked = step
                if is_enough(found()):
                    break
        elif step - grown >= (max(recipe.patience, recipe.share * growths[0][0]) if growths else recipe.first):
            break
    return found()


@torch.no_grad()
def _step(optimiser: FusedAdam, table: Tensor, group: MatrixGroup) -> None:
    """One step of Adam along the tangent space, and back to the group of matrices."""
    assert table.grad is not None
    gradient, matrices = table.grad.permute(0, 3, 1, 2), table.permute(0, 3, 1, 2)
    gradient = group.project(gradient)
    tangent = (gradient - matrices @ (gradient.mT @ matrices)) / 2
    table.grad.copy_(tangent.permute(0, 2, 3, 1))
    optimiser.step()
    table.copy_(polar(group.project(table.permute(0, 3, 1, 2)), SCHULZ).permute(0, 2, 3, 1))
