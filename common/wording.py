"""Small things about text that every message needs."""

from __future__ import annotations

import math


def counted(count: int, noun: str) -> str:
    """A number and its noun: `1 layer`, `2 layers`, `1,000 tokens`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def short(text: str, width: int = 48) -> str:
    """A text cut to a width."""
    return text if len(text) <= width else text[: width - 1] + "…"


def default_folder(name: str) -> str:
    """A group's name as a folder's: `SL(2,3)` becomes `SL_2_3`."""
    return "".join(c if c.isalnum() else "_" for c in name).strip("_")[:60] or "group"


def describe_order(order: int) -> str:
    """An order for people: all digits up to 10^15, then its magnitude."""
    return (
        f"{order:,}"
        if order < 10**15
        else f"about 10^{math.log10(order):.1f}"
        if order < 10**300
        else f"about 10^{(order.bit_length() - 1) * math.log10(2):.0f}"
    )
