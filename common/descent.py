"""Going down a series until it stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar


class HasOrder(Protocol):
    """A subgroup, however it is represented."""

    @property
    def order(self) -> int: ...


Member = TypeVar("Member", bound=HasOrder)


def descending(start: Member, smaller: Callable[[Member], Member]) -> Iterator[Member]:
    """start, smaller(start), smaller(smaller(start)), … as long as the orders fall; `smaller` gives a subgroup."""
    yield start
    while start.order > 1 and (below := smaller(start)).order < start.order:
        yield below
        start = below
