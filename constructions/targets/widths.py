"""Widths that other libraries' layers take without rounding: powers of two and of four."""

from __future__ import annotations


def power_of_two(least: int) -> int:
    """The smallest power of two that is at least so large.

    Example:
        >>> power_of_two(5)
        8
    """
    return 1 << max(0, least - 1).bit_length()


def power_of_four(least: int, smallest: int = 4) -> int:
    """The smallest of `smallest` · 4^i that is at least so large; its square root is a power of two, and exact.

    Example:
        >>> power_of_four(5)
        16
    """
    found = smallest
    while found < least:
        found *= 4
    return found
