"""The snap of a block layer: matrices that are nearly a representation of what the labels say, made one exactly.

A label is the state, so in every block the word's product of matrices should depend on its label alone: P_y. And token
x takes P_y to P_{yx} = Q_x P_y, for every step (y, x) → yx that the words show. Both are averaged in turn,

    P_{y'} = polar part of the mean of Q_x P_y over the steps to y'        before the first token: of Q_xᵀ P_x
    Q_x    = polar part of the mean of P_{yx} P_yᵀ over the labels y seen before x

(Grove, Karcher and Ruh: for a group whose steps are all seen, the error is squared each time). Few tokens mix slowly:
with two generators of S6 an error falls by a few per cent a round. So words that lead to labels here and there are
tokens as well while averages are taken. A block is kept if its
matrices then obey every step, and if they are what training had found: near on the average. That is what keeps a block
out which the averages alone would have made a representation. The machine is the orbit of the layer's own h_0 under
the kept blocks; what its states are called is asked of the unrounded layer, as for diagonal layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .blocks import PROJECTED, TrainedBlocks
from .exact import ExactMachine, NotExactError, exact_machine
from .machine import MAX_STATES, CounterMachine
from .words import MISSING, Words, first_labels

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROUNDS = 500
"""Most rounds of averages. A few are enough where all elements are tokens; else the error falls by the spectral gap of
the graph of the tokens and the words beside them in each."""

OBEYED, DONE = 1e-9, 1e-13
"""The largest entry of Q_x P_y - P_{yx} in a block that is kept; and where rounds end."""

FEW, BESIDE = 4, 32
"""With at most so many tokens there are so many words beside them."""

HOPEFUL = 10
"""After each so many rounds a block is given up whose largest entry has not been halved; at first, is not below 0.1."""

CLOSE = 0.5
"""Newton-Schulz steps converge from here without knowing the largest singular value."""

MOST_STEPS = 40_000
"""Steps of the words that are averaged over."""

SAME, APART = 1e-6, 1e-3
"""Two states of the orbit are one below the first distance, in units of |h_0|, and different above the second."""

DECODING_POSITIONS = 60
"""For each label about so many answers of the unrounded layer are counted."""


@dataclass(frozen=True, eq=False)
class SnappedBlocks:
    """The blocks that are kept.

    Arguments:
        blocks: their numbers among the trained ones.
        matrices: shape (tokens, kept, m, m), exact up to float64.
        start: shape (kept, m): h_0.
        defect: the largest entry of Q_x P_y - P_{yx}.
        concentrations: shape (all blocks,): mean of tr(Q_xᵀ Q'_x)/m, Q' what the snap makes of Q.
    """

    blocks: tuple[int, ...]
    matrices: Floats
    start: Floats
    defect: float
    concentrations: Floats


def seen_steps(words: Words) -> Integers:
    """The label after each pair of a label and the next token, shape (labels + 1, tokens); the last row is the start's;
    -1 where none was seen."""
    return np.concatenate([words.steps, first_labels(words)[None]])


def snap_blocks(trained: TrainedBlocks, words: Words, concentration: float) -> SnappedBlocks:
    """The blocks of a layer that are representations on these words.

    Arguments:
        trained: the layer.
        words: the training words with their labels.
        concentration: how near the matrices have to be to what is made of them; 0 for as far as one likes.
    """
    steps = seen_steps(words)
    trained_matrices = torch.from_numpy(trained.matrices)
    size = trained_matrices.shape[-1]
    live = torch.arange(trained_matrices.shape[1])
    near, defect = torch.zeros(len(live), dtype=torch.float64), torch.full((len(live),), torch.inf).double()
    checked = torch.full_like(defect, 0.2)
    own = len(trained_matrices)
    found, paths = trained_matrices, _paths(steps)
    products = _products(trained_matrices, paths) if paths is not None else None
    sample = _sample(steps)
    if paths is not None and products is not None and own <= FEW:
        beside = np.random.default_rng(0).choice(len(steps) - 1, min(BESIDE, len(steps) - 1), replace=False)
        found = torch.cat([found, products[:, :, beside].permute(2, 0, 1, 3)])
        sample += _sample(_along(steps, paths, beside))
    for number in range(ROUNDS if products is not None else 0):
        assert products is not None
        products, found = _round(products, found, sample)
        before, defect[live] = defect[live], _defects(products, found, sample[:own])
        near[live] = (trained_matrices[:, live] * found[:own]).sum((0, 2, 3)) / (own * size)
        here = defect[live]
        if bool(((here < DONE) | ((here < OBEYED) & (here > 0.5 * before))).all()):
            break
        if number % HOPEFUL == HOPEFUL - 1:
            hopeful = (here < OBEYED) | (here < 0.5 * checked[live])
            checked = defect.clone()
            live, products, found = live[hopeful], products[hopeful].contiguous(), found[:, hopeful].contiguous()
            if not len(live):
                break
    kept = (defect[live] < OBEYED) & (near[live] >= concentration)
    numbers = live[kept].tolist()
    return SnappedBlocks(
        tuple(numbers),
        found[:own, kept].numpy(),
        trained.start[numbers],
        float(defect[live][kept].max()) if numbers else float(defect.min()),
        near.numpy(),
    )


def _paths(steps: Integers) -> dict[int, tuple[int, int]] | None:
    """For every label the label and the token before it, in the order of a breadth-first search from the start, which
    is the last row; None where a label is not reached."""
    labels = len(steps) - 1
    found: dict[int, tuple[int, int]] = {}
    queue = [labels]
    for label in queue:
        for token, following in enumerate(steps[label].tolist()):
            if following != MISSING and following not in found:
                found[following] = label, token
                queue.append(following)
    return found if len(found) == labels else None


def _products(matrices: Tensor, paths: dict[int, tuple[int, int]]) -> Tensor:
    """P_y for every label and the start, shape (r, m, labels + 1, m), along paths."""
    _, r, m, _ = matrices.shape
    found = torch.zeros(r, m, len(paths) + 1, m, dtype=torch.float64)
    found[:, :, -1] = torch.eye(m, dtype=torch.float64)
    for label, (before, token) in paths.items():
        found[:, :, label] = matrices[token] @ found[:, :, before]
    return found


def _along(steps: Integers, paths: dict[int, tuple[int, int]], ends: Integers) -> Integers:
    """Where the words that lead from the start to some labels lead from every label, as `steps`: (labels + 1, ends)."""
    found = np.empty((len(steps), len(ends)), dtype=np.int64)
    for column, end in enumerate(ends.tolist()):
        word = []
        while end in paths:
            end, token = paths[end]
            word.append(token)
        here = np.arange(len(steps))
        for token in reversed(word):
            here = np.where(here == MISSING, MISSING, steps[here, token])
        found[:, column] = here
    return found


def _sample(steps: Integers) -> list[tuple[Tensor, Tensor]]:
    """For each token labels before it, and those after: all, or evenly spread ones if they are more than
    `MOST_STEPS`."""
    most = max(8, MOST_STEPS // steps.shape[1])
    found = []
    for token in range(steps.shape[1]):
        before = np.flatnonzero(steps[:, token] != MISSING)
        if len(before) > most:
            spread = (np.arange(most) * len(before)) // most
            before = before[(spread + token) % len(before)]
        found.append((torch.from_numpy(before), torch.from_numpy(steps[before, token])))
    return found


def _round(products: Tensor, matrices: Tensor, sample: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    r, m, count, _ = products.shape
    total = torch.zeros_like(products)
    for token, (before, after) in enumerate(sample):
        moved = torch.bmm(matrices[token], products[:, :, before].flatten(2)).view(r, m, len(before), m)
        total.index_add_(2, after, moved)
    for token, (before, after) in enumerate(sample):  # nothing leads to the start: it is told by what it leads to
        first = after[before == count - 1]
        total[:, :, -1] += (matrices[token].mT.unsqueeze(1) @ total[:, :, first].transpose(1, 2)).sum(1)
    products = _polar(total.transpose(1, 2)).transpose(1, 2).contiguous()
    found = torch.empty_like(matrices)
    for token, (before, after) in enumerate(sample):
        found[token] = torch.bmm(products[:, :, after].flatten(2), products[:, :, before].flatten(2).mT)
    return products, _polar(found)


def _defects(products: Tensor, matrices: Tensor, sample: list[tuple[Tensor, Tensor]]) -> Tensor:
    worst = torch.zeros(len(products), dtype=torch.float64)
    for token, (before, after) in enumerate(sample):
        moved = torch.bmm(matrices[token], products[:, :, before].flatten(2))
        worst = torch.maximum(worst, (moved - products[:, :, after].flatten(2)).abs().amax((1, 2)))
    return worst


def _polar(matrices: Tensor) -> Tensor:
    """Polar factors (…, m, m) of matrices that have positive multiples of orthogonal ones near them, or of any."""
    size = matrices.shape[-1]
    one = torch.eye(size, dtype=matrices.dtype)
    found = matrices * (size**0.5 / torch.linalg.matrix_norm(matrices, keepdim=True).clamp(min=1e-30))
    if float((found.mT @ found - one).abs().amax()) > CLOSE:
        found = matrices / torch.linalg.matrix_norm(matrices, 2, keepdim=True).clamp(min=1e-30)
    for _ in range(PROJECTED):
        square = found.mT @ found
        found = 1.5 * found - 0.5 * found @ square
        if float((square - one).abs().amax()) < 1e-8:  # the next error is its square
            break
    return found


def machine_of_blocks(matrices: Floats, start: Floats) -> CounterMachine:
    """The states that words lead to: the orbit of h_0, by a breadth-first search.

    Arguments:
        matrices: shape (tokens, kept, m, m).
        start: shape (kept, m).

    Raises:
        NotExactError: they are too many, or two of them are neither one nor apart.
    """
    tokens = len(matrices)
    scale = float(np.linalg.norm(start)) or 1.0
    states = (start / scale).reshape(1, -1)
    rows: list[Integers] = []
    done = 0
    while done < len(states):
        here = states[done:].reshape(-1, *start.shape)
        moved = np.einsum("xkij,skj->sxki", matrices, here).reshape(len(here) * tokens, -1)
        place, distance = _nearest(states, moved)
        place[distance > APART] = -1
        if ((distance > SAME) & (distance <= APART)).any():
            raise NotExactError("two states of the orbit are neither one nor apart")
        done = len(states)
        fresh: list[Floats] = []
        left = np.flatnonzero(place < 0)
        while len(left):
            if done + len(fresh) == MAX_STATES:
                raise NotExactError(f"the kept blocks lead to more than {MAX_STATES:,} states")
            point = moved[left[0]]
            same = np.linalg.norm(moved[left] - point, axis=1) <= APART
            place[left[same]] = done + len(fresh)
            fresh.append(point)
            left = left[~same]
        rows.append(place.reshape(-1, tokens))
        if fresh:
            states = np.concatenate([states, np.array(fresh)])
    transitions = np.concatenate(rows)
    return CounterMachine(transitions, np.zeros(len(transitions), dtype=np.int64))


def _nearest(states: Floats, points: Floats) -> tuple[Integers, Floats]:
    """The nearest of the states to each point, and how far it is."""
    place = np.empty(len(points), dtype=np.int64)
    distance = np.empty(len(points))
    chunk = max(1, 2**24 // len(states))
    for at in range(0, len(points), chunk):
        part = points[at : at + chunk]
        nearest = (part @ states.T - 0.5 * np.square(states).sum(1)).argmax(1)
        place[at : at + chunk] = nearest
        distance[at : at + chunk] = np.linalg.norm(part - states[nearest], axis=1)
    return place, distance


def exact_blocks(trained: TrainedBlocks, snapped: SnappedBlocks, words: Words) -> ExactMachine:
    """The machine of the kept blocks, its states named by the unrounded layer's answers.

    Raises:
        NotExactError: its states are not a group, or not one state for each label; the message says which.
    """
    labels = len(words.label_names)
    if not snapped.blocks:
        raise NotExactError("no block is a representation on the words")
    machine = machine_of_blocks(snapped.matrices, snapped.start)
    if machine.states != labels:
        raise NotExactError(f"the kept blocks reach {machine.states} states, for {labels} labels")
    length = min(trained.length, words.length)
    tokens = words.tokens[: max(64, DECODING_POSITIONS * labels // length), :length]
    counts = np.zeros((machine.states, labels), dtype=np.int64)
    np.add.at(counts, (machine.run(tokens)[1], trained.answers(tokens)), 1)
    unseen = np.flatnonzero(counts.sum(axis=1) == 0)
    if len(unseen):
        raise NotExactError(f"{len(unseen)} of {machine.states} states are not reached by the words")
    return exact_machine(machine, counts.argmax(axis=1), labels)
