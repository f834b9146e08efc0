"""What a picture shows of a compilation, and how much of it: tokens, states, channels, members of the series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...algebra.arithmetic.permutations import cycles
from ..cascade import CascadeLayer
from .layout import DISTINCT_PHASES, CircleLayout, dot_radius, dots, labels
from .style import GREY, INK, SPLIT, UNSPLIT, oklch, subscript, text_width

if TYPE_CHECKING:
    from ..compiler import GroupCompilation

ALL_TOKENS = 32
MAX_TOKENS = 24
"""Up to so many tokens are all shown; of more, so many, or as many as the circle with the most phases has room for."""

GOLDEN = (math.sqrt(5) - 1) / 2
"""Its multiples modulo 1 are spread evenly, however many are taken (the three-distance theorem)."""

MAX_LABELLED = 8
"""Up to so many tokens, each with short cycles, stand beside the circles by name."""

MAX_LABEL = 14
"""Characters of a token's name beside a circle."""

LABEL_RADIUS = 0.52
"""Inches: of a circle that has names beside it."""

MAX_CHANNELS = 4
MAX_COLUMNS = 8
MAX_LINES = 2
"""Channels shown; states side by side; lines of states where a layer has one channel."""

ROOM = 12.6
"""Inches for the circles side by side."""

LEAST_HEIGHT = 1.2
"""Inches: of one layer, whose description stands beside it."""

STATE, NOTE, AIR = 0.24, 0.26, 0.06
"""Inches: heights of a state's name, of the line that says what is not shown, of the air between lines of states."""


@dataclass(frozen=True)
class Token:
    """A token as drawn: its place in the alphabet, element, name, and colours of its inside and its edge."""

    place: int
    element: int
    name: str
    fill: tuple[float, float, float]
    edge: tuple[float, float, float]


@dataclass(frozen=True)
class Row:
    """The circles of one layer.

    Arguments:
        number, layer: of the cascade, counted from 1.
        titles: of the lower states that are shown.
        circles: for each of these states, one for each channel shown.
        half_width, half_height: of the room that each circle takes, in inches.
        columns: states side by side.
    """

    number: int
    layer: CascadeLayer
    titles: tuple[str, ...]
    circles: tuple[tuple[CircleLayout, ...], ...]
    half_width: float
    half_height: float
    columns: int

    @property
    def lines(self) -> int:
        return math.ceil(len(self.circles) / self.columns)

    @property
    def channels(self) -> int:
        return len(self.circles[0])

    @property
    def flat(self) -> bool:
        """Whether the channels stand side by side, there being but one lower state."""
        return len(self.layer.increments) == 1

    @property
    def heading(self) -> float:
        """Height of the line above the circles that names the state or the channel; a single circle needs none."""
        return STATE if len(self.layer.increments) > 1 or self.channels > 1 else 0.0

    @property
    def note(self) -> str:
        """What is not shown."""
        states, _, channels = self.layer.increments.shape
        hidden = [(states - len(self.circles), "lower state"), (channels - self.channels, "channel")]
        parts = [f"{count:,} more {what}{'s' * (count > 1)}" for count, what in hidden if count]
        return f"… and {', '.join(parts)}, not shown" if parts else ""

    @property
    def width(self) -> float:
        return 2 * self.half_width * (self.channels if self.flat else self.columns)

    @property
    def height(self) -> float:
        return max(LEAST_HEIGHT, self.lines * self.block + (NOTE if self.note else 0.0))

    @property
    def block(self) -> float:
        """Height of one line of states, all their channels."""
        circles = 2 * self.half_height * (1 if self.flat else self.channels)
        return self.heading + circles + (AIR if self.lines > 1 else 0.0)


def tokens_shown(compilation: GroupCompilation) -> list[Token]:
    """The tokens shown, in the order of the cascade's states. So are their hues: elements of one coset are alike."""
    cascade = compilation.cascade
    count = len(cascade.alphabet)
    room = max((n for n in cascade.moduli if n <= DISTINCT_PHASES), default=0)
    most = count if count <= ALL_TOKENS else min(count, max(MAX_TOKENS, room))
    step = round(count * GOLDEN)
    while math.gcd(step, count) > 1:
        step += 1
    shown = np.arange(most) * step % count  # from all over the alphabet: the first few might lie in one subgroup
    state = np.argsort(cascade.decode)
    shown = shown[np.argsort(state[cascade.alphabet[shown]])]
    return [
        Token(
            int(x),
            int(element),
            cycles(cascade.elements[element]),
            oklch(0.9, 0.062, rank / len(shown)),
            oklch(0.66, 0.115, rank / len(shown)),
        )
        for rank, (x, element) in enumerate(zip(shown, cascade.alphabet[shown], strict=True))
    ]


def layer_rows(compilation: GroupCompilation, tokens: list[Token]) -> tuple[list[Row], bool]:
    """A row for each layer, and whether the tokens stand there by name: not where those are many, long or too close."""
    layers = compilation.cascade.layers
    if len(compilation.cascade.alphabet) <= MAX_LABELLED and all(len(token.name) <= MAX_LABEL for token in tokens):
        widths = [text_width(token.name, 7) + 0.16 for token in tokens]
        rows = [_row(layers, i, tokens, widths) for i in range(len(layers))]
        crowded = any(circle.crowded for row in rows for circles in row.circles for circle in circles)
        if not crowded and all(len(row.circles) <= row.columns for row in rows):
            return [replace(row, half_width=max(row.half_width for row in rows)) for row in rows], True
    return [_row(layers, i, tokens, None) for i in range(len(layers))], False


def _row(layers: Sequence[CascadeLayer], i: int, tokens: list[Token], widths: list[float] | None) -> Row:
    """The circles of layer i (from 0), with labels of these widths or, for None, with dots."""
    layer, places = layers[i], [token.place for token in tokens]
    states, _, channels = layer.increments.shape
    channels = min(channels, MAX_CHANNELS)
    lines = MAX_LINES if channels == 1 else 1
    circles = []
    for u in range(min(states, MAX_COLUMNS * lines)):
        added = zip(layer.increments[u, places].T[:channels].tolist(), layer.moduli, strict=False)
        if widths is None:
            circles.append(tuple(dots(residues, n, dot_radius(n)) for residues, n in added))
        else:
            circles.append(tuple(labels(residues, n, LABEL_RADIUS, widths) for residues, n in added))
    half_width = max(0.6, max(circle.half_width for line in circles for circle in line) + 0.1)
    half_height = max(circle.half_height for line in circles for circle in line) + 0.07
    columns = max(1, min(MAX_COLUMNS, int(ROOM / (2 * half_width))))
    if math.ceil(states / lines) == columns + 1 <= MAX_COLUMNS:
        columns += 1  # rather a wider picture than one or two states left out
    circles = circles[: columns * lines]
    columns = math.ceil(len(circles) / math.ceil(len(circles) / columns))
    lower = [upper.moduli for upper in layers[:i]]
    titles = tuple(_state_title(u, lower, 2 * half_width) for u in range(len(circles)))
    return Row(i + 1, layer, titles, tuple(circles), half_width, half_height, columns)


def _state_title(state: int, lower: list[tuple[int, ...]], room: float) -> str:
    """The residues that the lower layers hold: `r₁ = 1, r₂ = (0, 1)`, or `r = 1 0 1` where that is too long."""
    if not lower:
        return ""
    residues = [int(r) for r in np.unravel_index(state, [n for moduli in lower for n in moduli])]
    flat, parts = "r = " + " ".join(map(str, residues)), []
    for i, moduli in enumerate(lower, 1):
        own, residues = residues[: len(moduli)], residues[len(moduli) :]
        parts.append(f"r{subscript(i)} = {own[0] if len(own) == 1 else tuple(own)}")
    text = ",  ".join(parts)
    return text if text_width(text, 7.5) < room - 0.06 else flat


@dataclass(frozen=True)
class Node:
    """A member of the series: its name, order, and whether the group splits over it (`verdict`, with a colour)."""

    name: str
    order: int
    verdict: str
    colour: str


def nodes(compilation: GroupCompilation) -> list[Node]:
    """The members of the series, without those that repeat the one before (where a layer of a mixed stack idles)."""
    series, splits = compilation.series, compilation.decomposition.splits
    found = [Node("G", series.orders[0], "", INK)]
    for i, order in enumerate(series.orders[1:], 1):
        if order == series.orders[i - 1]:
            continue
        name = f"G{subscript(len(found))}"
        if order == 1:
            found.append(Node("1", 1, "", INK))
        elif splits[i - 1] is None:
            found.append(Node(name, order, f"not decided whether G splits over {name}", GREY))
        elif splits[i - 1]:
            found.append(Node(name, order, f"G splits over {name}", SPLIT))
        else:
            found.append(Node(name, order, f"G does not split over {name}", UNSPLIT))
    return found
