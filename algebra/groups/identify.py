"""Which group of the catalogue a given group is.

The fingerprints of all 7,012 groups were computed once (`tests/generators/fingerprints.py`) and are shipped; no two
groups share both. As the catalogue is complete, a fingerprint found there names the group, and no isomorphism need be
sought.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .catalogue import LARGEST_ORDER
from .group import Group
from .isomorphism import fine_fingerprint, fingerprint


@cache
def _fingerprints() -> list[str]:
    return (Path(__file__).parent / "data" / "fingerprints.txt").read_text(encoding="ascii").splitlines()


def small_group_id(group: Group) -> tuple[int, int] | None:
    """(order, number) in GAP's SmallGrp library; None if the order is above 255."""
    if group.order > LARGEST_ORDER:
        return None
    order, *words = _fingerprints()[group.order - 1].split(" ")
    if len(words) == 1:
        return group.order, 1
    word = f"{fingerprint(group):08x}"
    if word not in words:
        word = f"{word}/{fine_fingerprint(group):08x}"
    assert word in words, f"no group of order {order} has the fingerprint {word}"
    return group.order, words.index(word) + 1
