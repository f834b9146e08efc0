"""A compilation as a picture: the series, and the phases that every layer adds, token by token.

The series runs down the left side like a Hasse diagram, G at the top and 1 at the bottom. Beside each factor stand the
circles of the layer that carries it: one for each state of the lower layers and each channel. A token stands at the
phase that it adds.
"""

from __future__ import annotations

import io
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon
from PIL import Image  # comes with matplotlib, which writes its own PNGs with it

from ...algebra.arithmetic.abelian_invariants import abelian_name
from ...algebra.depth.families import FAMILIES
from ...common.errors import InputError
from ...common.writing import write_file
from .circle import draw_circle, number_size
from .content import (
    MAX_LABELLED,
    NOTE,
    Node,
    Row,
    Token,
    layer_rows,
    nodes,
    tokens_shown,
)
from .layout import DOT
from .style import (
    GREY,
    INK,
    PALE,
    elided,
    fitted,
    subscript,
    superscript,
    text_at,
    text_width,
    typeset,
)

if TYPE_CHECKING:
    from ..compiler import GroupCompilation

SUFFIXES = (".png", ".svg", ".pdf")

DOTS_PER_INCH = 200

MAX_TITLE = 90
MAX_FACTOR = 30
MAX_LEGEND_LABEL = 28
"""Characters of the title, of a factor's name, and of a token's name in the legend."""

LEAST_WIDTH = 7.6
"""Inches: of the whole picture."""

MARGIN, CHAIN, SIDE = 0.4, 0.14, 1.95
"""Inches: around the picture; from its margin to the chain of subgroups; from its margin to the circles."""

TITLE, BAND, LEGEND_LINE = 0.88, 0.46, 0.2
"""Inches: heights of the title, of a subgroup's line across the page, and of a line of the legend."""

SEPARATOR = "   ·   "

EXPLANATION = (
    "Each token stands at the phase that it adds, in fractions of a turn, "
    "given the residues r that the lower layers hold before it."
)


def check_path(path: Path) -> None:
    """Whether a picture can be written there, before anything is computed.

    Raises:
        InputError: the suffix is not .png, .svg or .pdf, or the folder is missing or may not be written to.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"cannot draw {str(path)!r}; wanted a name that ends in .png, .svg or .pdf, e.g. s4.png")
    try:
        folder, taken, exists = path.parent.is_dir(), path.is_dir(), path.exists()
    except OSError as error:  # a name too long for the file system
        raise _unwritable(path, str(error.strerror)) from error
    if not folder:
        raise _unwritable(path, f"there is no folder {str(path.parent)!r}")
    if taken:
        raise _unwritable(path, "it is a folder")
    if not os.access(path if exists else path.parent, os.W_OK):
        raise _unwritable(path, "not permitted")


def _unwritable(path: Path, reason: str) -> InputError:
    return InputError(f"cannot write {str(path)!r}: {reason}; wanted a file in a folder of yours, e.g. s4.png")


def draw(compilation: GroupCompilation, path: Path) -> None:
    """Write the picture of a compilation as PNG, SVG or PDF, by the suffix; the same bytes every time.

    Raises:
        InputError: another suffix, or a path that cannot be written to.
    """
    check_path(path)
    suffix = path.suffix.lower()
    options: dict[str, dict[str, Any]] = {
        ".png": {"pil_kwargs": {"compress_level": 1}},
        ".svg": {"metadata": {"Date": None}},
        ".pdf": {"metadata": {"CreationDate": None}},
    }
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "subnormal", "pdf.fonttype": 42}):
        picture(compilation).savefig(content, format=suffix[1:], dpi=DOTS_PER_INCH, **options[suffix])
    write_file(path, _with_palette(content) if suffix == ".png" else content.getvalue())


def _with_palette(content: io.BytesIO) -> bytes:
    """The PNG with at most 256 colours, a third of the size: the few hues and greys lose nothing that one sees."""
    small = io.BytesIO()
    with Image.open(content) as image:
        few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(small, "png", optimize=True, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return small.getvalue()


def picture(compilation: GroupCompilation) -> Figure:
    """The picture as a figure: axes for the page, then for each circle, labelled with its layer, state and channel."""
    tokens = tokens_shown(compilation)
    rows, named = layer_rows(compilation, tokens)
    width = max(LEAST_WIDTH, 2 * MARGIN + SIDE + max(row.width for row in rows))
    legend = None if named else _Legend(tokens, len(compilation.cascade.alphabet), len(rows), width - 2 * MARGIN)
    height = 2 * MARGIN + TITLE + sum(row.height + BAND for row in rows) + BAND + (legend.height if legend else 0)
    figure = Figure(figsize=(width, height), facecolor="white")
    page = figure.add_axes((0, 0, 1, 1), label="page")
    page.set(xlim=(0, width), ylim=(0, height))
    page.set_axis_off()
    _draw_title(page, compilation, height - MARGIN, width - 2 * MARGIN)
    y = height - MARGIN - TITLE
    for node, row in zip(nodes(compilation), [*rows, None], strict=True):
        y -= BAND
        _draw_node(page, node, y + BAND / 2, width - MARGIN)
        if row is not None:
            _draw_edge(page, row, y + BAND / 2, y - row.height - BAND / 2)
            _draw_row(figure, page, row, y, tokens, named)
            y -= row.height
    if legend:
        legend.draw(page, y)
    return figure


def _draw_title(page: Axes, compilation: GroupCompilation, top: float, room: float) -> None:
    """The title, from `top` down."""
    tokens, layers = len(compilation.cascade.alphabet), len(compilation.cascade.layers)
    name, extension = typeset(compilation.group.name), typeset(str(compilation.decomposition.extension))
    title = elided(f"G = {name}" + (f" = {extension}" if extension != name else ""), MAX_TITLE)
    series = nodes(compilation)
    facts = [
        f"{' ▷ '.join(node.name for node in series)},  orders {', '.join(f'{node.order:,}' for node in series)}",
        f"{layers} layer{'s' * (layers > 1)}, {tokens:,} token{'s' * (tokens > 1)}",
        *(["N.K: does not split"] if "." in extension else []),
    ]
    text_at(page, MARGIN, top - 0.13, title, fitted(title, 17, room), weight="bold")
    text_at(page, MARGIN, top - 0.46, SEPARATOR.join(facts), fitted(SEPARATOR.join(facts), 9.5, room), GREY)
    text_at(page, MARGIN, top - 0.68, EXPLANATION, fitted(EXPLANATION, 8, room), GREY)


def _draw_node(page: Axes, node: Node, y: float, right: float) -> None:
    """A member of the series on its line across the page."""
    x = MARGIN + CHAIN
    page.add_patch(Circle((x, y), 0.06, facecolor=INK, edgecolor="white", linewidth=1.5, zorder=3))
    x = text_at(page, x + 0.2, y, node.name, 11, weight="bold") + 0.14
    if node.name != "1":
        x = text_at(page, x, y - 0.005, f"order {node.order:,}", 8.5, GREY) + 0.2
    if node.verdict:
        x = text_at(page, x, y - 0.005, node.verdict, 8.5, node.colour) + 0.2
    page.plot([x, right], [y, y], color=PALE, linewidth=0.7, zorder=0, solid_capstyle="butt")


def _draw_edge(page: Axes, row: Row, top: float, bottom: float) -> None:
    """The factor between two members of the series, a triangle that points at the normal subgroup, and the layer."""
    x, y = MARGIN + CHAIN, (top + bottom) / 2
    page.plot([x, x], [top, bottom], color=INK, linewidth=1.1, zorder=1)
    triangle = [(x - 0.075, y + 0.06), (x + 0.075, y + 0.06), (x, y - 0.08)]
    page.add_patch(Polygon(triangle, facecolor="white", edgecolor=INK, linewidth=1.1, joinstyle="round", zorder=2))
    count = len(row.layer.moduli)
    lower = [f"r{subscript(i)}" for i in range(1, row.number)]
    arguments = ", ".join([*lower, "x"] if len(lower) < 4 else [lower[0], "…", lower[-1], "x"])
    increment = f"Λ⁽{superscript(row.number)}⁾({arguments})"
    factor = elided(typeset(abelian_name(row.layer.moduli)), MAX_FACTOR)
    text_at(page, x + 0.2, y + 0.37, f"layer {row.number}", 8.5, GREY)
    text_at(page, x + 0.2, y + 0.16, factor, fitted(factor, 14, SIDE - CHAIN - 0.45), weight="bold")
    text_at(page, x + 0.2, y - 0.06, FAMILIES[row.layer.family].title, 8.5, GREY)
    text_at(page, x + 0.2, y - 0.21, f"{count} channel{'s' * (count > 1)}", 8.5, GREY)
    text_at(page, x + 0.2, y - 0.39, increment, 8.5, INK)


def _draw_row(figure: Figure, page: Axes, row: Row, top: float, tokens: list[Token], named: bool) -> None:
    """The circles of one layer, from `top` down."""
    left = MARGIN + SIDE
    top -= (row.height - row.lines * row.block - (NOTE if row.note else 0)) / 2
    for u, circles in enumerate(row.circles):
        start = top - u // row.columns * row.block
        for channel, circle in enumerate(circles):
            column, line = (channel, 0) if row.flat else (u % row.columns, channel)
            x = left + (2 * column + 1) * row.half_width
            y = start - row.heading - (2 * line + 1) * row.half_height
            name = f"channel {channel + 1}"
            if row.heading and line == 0:
                title = name if row.flat else row.titles[u]
                size = fitted(title, 7.5, 2 * row.half_width - 0.06)
                text_at(page, x, start - row.heading / 2, title, size, align="center")
            if not row.flat and row.channels > 1 and column == 0:
                text_at(page, left - 0.04, y, name, 7, GREY, align="center", rotation=90)
            axes = _cell(figure, (x, y), (row.half_width, row.half_height))
            axes.set_label(f"layer {row.number}, state {u}, channel {channel + 1}")
            residues = row.layer.increments[u, [token.place for token in tokens], channel].tolist()
            draw_circle(axes, circle, row.layer.moduli[channel], residues, tokens, named)
    text_at(page, left + 0.1, top - row.lines * row.block - NOTE / 2, row.note, 8, GREY)


def _cell(figure: Figure, centre: tuple[float, float], half: tuple[float, float]) -> Axes:
    """Axes in inches about a point of the page."""
    width, height = figure.get_size_inches()
    (x, y), (a, b) = centre, half
    axes = figure.add_axes(((x - a) / width, (y - b) / height, 2 * a / width, 2 * b / height))
    axes.set(xlim=(-a, a), ylim=(-b, b))
    axes.set_axis_off()
    return axes


class _Legend:
    """The tokens by number and, where that is short, by name, in columns."""

    def __init__(self, tokens: list[Token], count: int, layers: int, room: float) -> None:
        too_long = sum(len(token.name) > MAX_LEGEND_LABEL for token in tokens) * 2 > len(tokens)
        self.facts = ["by number; their cycles are too long to show" if too_long else "by number and as permutations"]
        if layers > 1 and len(tokens) > MAX_LABELLED:
            self.facts.append("like colours: like cosets")
        if count > len(tokens):
            self.facts.append(f"{len(tokens)} of {count:,}; {count - len(tokens):,} more not shown")
        self.tokens = [] if too_long else sorted(tokens, key=lambda token: token.element)
        self.names = [elided(token.name, MAX_LEGEND_LABEL) for token in self.tokens]
        self.pitch = max((text_width(name, 7) for name in self.names), default=0) + 0.42
        self.lines = math.ceil(len(self.tokens) / max(1, int((room + 0.3) / self.pitch)))

    @property
    def height(self) -> float:
        return BAND + self.lines * LEGEND_LINE

    def draw(self, page: Axes, top: float) -> None:
        x = text_at(page, MARGIN, top - BAND / 2, "tokens", 9, weight="bold") + 0.14
        text_at(page, x, top - BAND / 2, SEPARATOR.join(self.facts), 8, GREY)
        for i, (token, name) in enumerate(zip(self.tokens, self.names, strict=True)):
            column, line = divmod(i, self.lines)
            x, y = MARGIN + DOT / 2 + column * self.pitch, top - BAND - (line + 0.5) * LEGEND_LINE
            page.add_patch(Circle((x, y), DOT / 2, facecolor=token.fill, edgecolor=token.edge, linewidth=0.6))
            text_at(page, x, y, str(token.element), number_size(token.element), align="center")
            text_at(page, x + 0.14, y, name, 7)
