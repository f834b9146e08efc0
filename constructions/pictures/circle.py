"""One circle of a picture: ticks at its phases, their names inside, and the tokens outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Wedge

from .content import Token
from .layout import DISTINCT_PHASES, DOT, CircleLayout, tick_step
from .style import GREY, INK, LIGHT, SHADE, fitted, text_at, text_width

MAX_TICKS = 360
"""Up to this modulus every phase has a tick."""


def draw_circle(
    axes: Axes, circle: CircleLayout, n: int, residues: Sequence[int], tokens: Sequence[Token], named: bool
) -> None:
    """One circle about the origin of axes whose unit is an inch.

    Arguments:
        axes: to draw on.
        circle: where its tokens stand.
        n: the modulus of the channel.
        residues: what each token adds; their phases are dotted.
        tokens: in the same order.
        named: whether the tokens stand there by name, or as dots with their numbers.
    """
    for sector in circle.sectors:
        start, end, width = 360 * sector.start, 360 * sector.end, sector.outer - sector.inner
        axes.add_patch(Wedge((0, 0), sector.outer, start, end, width=width, color=SHADE, linewidth=0, zorder=0))
    axes.add_patch(Circle((0, 0), circle.radius, fill=False, edgecolor=GREY, linewidth=0.8, zorder=1))
    _draw_ticks(axes, circle.radius, n, set(residues))
    _draw_turning(axes, 0.09 if circle.radius < 0.45 else 0.13)
    _draw_tokens(axes, circle, tokens, named)


def _draw_ticks(axes: Axes, radius: float, n: int, used: set[int]) -> None:
    step = tick_step(n, 12 if radius > 0.5 else 8)
    named = set(range(0, n, step))
    if len(named) == 1 and n <= DISTINCT_PHASES:  # a prime
        named |= {1, n - 1}
    ticks = range(n) if n <= MAX_TICKS else sorted(named | used)
    directions = {r: (math.cos(2 * math.pi * r / n), math.sin(2 * math.pi * r / n)) for r in ticks}
    lines = []
    for r, (c, s) in directions.items():
        inner = radius - (0.05 if r in named else 0.03)
        lines.append([(inner * c, inner * s), (radius * c, radius * s)])
    colours = [INK if r in named else GREY for r in directions]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=0.8, zorder=1), autolim=False)
    points = [Circle((radius * c, radius * s), 0.02) for r, (c, s) in directions.items() if r in used]
    axes.add_collection(PatchCollection(points, facecolor=INK, linewidth=0, zorder=2), autolim=False)
    for r in sorted(named):
        c, s = directions[r]
        text = str(Fraction(r if 2 * r <= n else r - n, n)).replace("-", "−")
        away = radius - 0.08 - abs(c) * text_width(text, 6, "normal") / 2 - abs(s) * 0.04
        text_at(axes, away * c, away * s, text, 6, GREY, align="center")


def _draw_turning(axes: Axes, radius: float) -> None:
    """A small arrow in the centre: turns count anticlockwise."""
    angles = np.linspace(-0.42, 0.36, 40) * 2 * math.pi
    x, y = radius * np.cos(angles), radius * np.sin(angles)
    axes.plot(x, y, color=LIGHT, linewidth=0.9, solid_capstyle="round", zorder=1)
    outward, forward = np.array([x[-1], y[-1]]), np.array([-y[-1], x[-1]])  # both as long as the radius
    corners = [outward + 0.3 * (a * outward + b * forward) for a, b in [(1, -0.2), (-1, -0.2), (0, 1.7)]]
    axes.add_patch(Polygon(np.array(corners), facecolor=LIGHT, linewidth=0, zorder=1))


def _draw_tokens(axes: Axes, circle: CircleLayout, tokens: Sequence[Token], named: bool) -> None:
    patches = []
    for mark in circle.marks:
        corner = (mark.x - mark.width / 2, mark.y - mark.height / 2)
        label = FancyBboxPatch(corner, mark.width, mark.height, boxstyle="round,pad=0,rounding_size=0.06")
        patches.append(label if named else Circle((mark.x, mark.y), DOT / 2))
        token = tokens[mark.token]
        text, size = (token.name, 7.0) if named else (str(token.element), number_size(token.element))
        text_at(axes, mark.x, mark.y, text, size, align="center")
    faces, edges = zip(*((tokens[mark.token].fill, tokens[mark.token].edge) for mark in circle.marks), strict=True)
    collection = PatchCollection(patches, facecolor=faces, edgecolor=edges, linewidth=0.6, zorder=3)
    axes.add_collection(collection, autolim=False)


def number_size(number: int) -> float:
    """The size at which an element's number fits into its dot."""
    return fitted(str(number), 5.4, DOT - 0.02)
