"""Sentences about concrete models: random groups, stacks and widths; what is said must be what all series say."""

from __future__ import annotations

from functools import cache

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.groups.catalogue import number_of_groups, small_group
from subnormal.proofs_check.refutations.refutation import random_network
from subnormal.proofs_check.refutations.theory import theory_of
from tests.adversary.attempts import attempts, times
from tests.adversary.counting import Counts
from tests.algebra.test_width import ByHand


@cache
def by_hand(order, number):
    return ByHand(small_group(order, number))


@times
def test_sentences_about_concrete_models(seconds):
    """A network of random families and widths and a group of order ≤ 24: forbidden exactly where no series exists."""
    counts = Counts("sentences about concrete models")
    for generator in attempts(seconds):
        order = int(generator.choice([n for n in range(2, 25) if n != 16]))
        number = int(generator.integers(1, number_of_groups(order) + 1))
        depth, width = int(generator.integers(1, 4)), int(generator.integers(1, 4))
        names = [str(name) for name in generator.choice(list(FAMILIES), size=depth)]
        group = small_group(order, number)
        network = random_network(order, names, width, int(generator.integers(100)))
        said = []
        can = by_hand(order, number).tracks([(FAMILIES[name].exponent, width) for name in names])
        counts.attack(
            f"{group.name} {names} {width}",
            lambda network=network, group=group, said=said: said.append(theory_of(network.specifications, group)),
            lambda said=said, can=can: said[0].forbidden != can,
        )
    counts.check()
