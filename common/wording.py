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
    """An order for people: all digits up to 10^40 (Rubik's cube has 20), then its magnitude."""
    return (
        f"{order:,}"
        if order < 10**40
        else f"about 10^{math.log10(order):.1f}"
        if order < 10**300
        else f"about 10^{(order.bit_length() - 1) * math.log10(2):.0f}"
    )


def exact_order(order: int) -> str:
    """An order with nothing left out: its digits up to 10^100, then its prime factors where they are small and few.

    >>> exact_order(24)
    '24'
    >>> exact_order(2**400 * 3)
    '2^400·3'
    """
    if order < 10**100:
        return f"{order:,}"
    left, parts = order, []
    for p in range(2, 10_000):
        times = 0
        while left % p == 0:
            left //= p
            times += 1
        if times:
            parts.append(f"{p}^{times}" if times > 1 else str(p))
        if left == 1 or len(parts) > 60:
            break
    return "·".join(parts) if left == 1 else f"{describe_order(order)} (all digits with --json)"
