"""Conjugacy classes of a listed group, and the classes of powers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..groups.group import Group, Indices


@dataclass(frozen=True, eq=False)
class ConjugacyClasses:
    """The classes of a group, numbered by their least elements; class 0 is that of the identity.

    Arguments:
        group: the group.
        labels: shape (order,), the class of every element.
        representatives: shape (classes,), the least element of each.
    """

    group: Group
    labels: Indices
    representatives: Indices

    def __len__(self) -> int:
        return len(self.representatives)

    @cached_property
    def sizes(self) -> Indices:
        """Shape (classes,)."""
        return np.bincount(self.labels, minlength=len(self))

    @cached_property
    def orders(self) -> Indices:
        """The order of the elements of each class, shape (classes,)."""
        return self.group.element_orders[self.representatives]

    @cached_property
    def inverses(self) -> Indices:
        """The class of the inverses, shape (classes,)."""
        return self.labels[self.group.inverses[self.representatives]]

    @cached_property
    def powers(self) -> Indices:
        """The classes of the i-th powers, for i below the largest order of an element: shape (exponents, classes)."""
        current = np.zeros(len(self), dtype=np.intp)
        rows = []
        for _ in range(max(int(self.orders.max()), 3)):  # squares are wanted in any group
            rows.append(self.labels[current])
            current = self.group.multiply(current, self.representatives)
        return np.array(rows)


def conjugacy_classes(group: Group) -> ConjugacyClasses:
    """The conjugacy classes: orbits of conjugation by the generators."""
    everything = np.arange(group.order)
    maps = [group.multiply(group.inverse(g), group.multiply(everything, g)) for g in group.generators]
    labels: NDArray[np.intp] = everything.copy()
    while True:
        before = labels.copy()
        for conjugated in maps:
            np.minimum(labels, labels[conjugated], out=labels)
        labels = labels[labels]  # least elements of least elements
        if np.array_equal(labels, before):
            break
    representatives, labels = np.unique(labels, return_inverse=True)
    return ConjugacyClasses(group, labels, representatives)
