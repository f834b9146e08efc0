"""Text and colour on pictures: sizes in points, lengths in inches."""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath

FONT = "DejaVu Sans"
INK, GREY, LIGHT, PALE, SHADE = "#1f2933", "#6b7785", "#b7c0ca", "#d5dbe1", "#f1f3f6"
SPLIT, UNSPLIT = "#2b7a6b", "#b0562f"

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def subscript(number: int) -> str:
    return str(number).translate(_SUBSCRIPTS)


def superscript(number: int) -> str:
    return str(number).translate(_SUPERSCRIPTS)


def typeset(name: str) -> str:
    """A group's name with subscripts and signs: `C2xC2` becomes `C₂×C₂`, `S3wrC2` becomes `S₃ ≀ C₂`."""
    name = re.sub(r"(?<=[\d)])wr(?=[A-Z(])", " ≀ ", name)
    name = re.sub(r"(?<=[\d)])x(?=[A-Z(])", "×", name)
    return re.sub(r"(?<![A-Za-z])([A-Z])(\d+)", lambda found: found[1] + found[2].translate(_SUBSCRIPTS), name)


def elided(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


@cache
def _font(size: float, weight: str) -> FontProperties:
    return FontProperties(family=FONT, size=size, weight=weight)


@cache
def _known() -> frozenset[int]:
    """Code points that the font can draw: others, in a file's name, would come out as boxes with a warning."""
    bold, normal = (get_font(findfont(_font(10, weight))).get_charmap() for weight in ("bold", "normal"))
    return frozenset(bold) & frozenset(normal)


def _drawable(text: str) -> str:
    return "".join(c if ord(c) in _known() else "?" for c in text)


@cache
def _measure() -> TextToPath:
    return TextToPath()


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "bold") -> float:
    """Width in inches."""
    width, _, _ = _measure().get_text_width_height_descent(_drawable(text), _font(size, weight), ismath=False)
    return float(width) / 72


def fitted(text: str, size: float, room: float) -> float:
    """The size, at most `size`, at which the text fits into `room`."""
    return min(size, size * room / text_width(text, size))


def text_at(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    colour: str = INK,
    *,
    weight: str = "normal",
    align: str = "left",
    rotation: float = 0,
) -> float:
    """Text on axes whose unit is an inch, centred about y; returns its right end if it begins at x."""
    axes.text(
        x,
        y,
        _drawable(text),
        fontproperties=_font(size, weight),
        color=colour,
        ha=align,
        va="center" if rotation else "center_baseline",
        rotation=rotation,
        parse_math=False,  # a group's name may hold a dollar sign
        zorder=4,
    )
    return x + text_width(text, size, weight)


def oklch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """An Oklch colour (Ottosson 2020) as sRGB, each part clipped to 0 … 1; equal steps of the hue look about equal.

    Arguments:
        lightness: 0 … 1.
        chroma: 0 for grey, to about 0.3.
        hue: in turns.
    """
    a, b = chroma * math.cos(2 * math.pi * hue), chroma * math.sin(2 * math.pi * hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    clipped = [min(1.0, max(0.0, part)) for part in linear]
    red, green, blue = (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in clipped)
    return red, green, blue
