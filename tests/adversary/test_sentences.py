"""Sentences about concrete models: random groups and automata, stacks and widths; what is said must be what all series
say.

By hand here are: the transition monoid, its groups of units and the two laws of one layer, all written out; the finite
subgroups of O(3), made from matrices, and their quotients. What compiles is tracked, so nothing may be said against it.
"""

from __future__ import annotations

import contextlib
from functools import cache
from itertools import product
from types import SimpleNamespace

import numpy as np

from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.groups.catalogue import number_of_groups, small_group
from subnormal.algebra.groups.group import group_of_rows
from subnormal.algebra.groups.identify import small_group_id
from subnormal.api.compiling import compile as compiled_automaton
from subnormal.common.errors import InputError
from subnormal.models.specification import LayerSpecification
from subnormal.proofs_check.refutations.refutation import random_network
from subnormal.proofs_check.refutations.theory import theory_of
from tests.adversary.attempts import attempts, times
from tests.adversary.counting import Counts
from tests.algebra.test_width import ByHand


@cache
def by_hand(order, number):
    return ByHand(small_group(order, number))


def drawn_group(generator):
    order = int(generator.choice([n for n in range(2, 25) if n != 16]))
    return order, int(generator.integers(1, number_of_groups(order) + 1))


def layers_of(names, widths):
    return [LayerSpecification(name, width, 16, 8) for name, width in zip(names, widths, strict=True)]


@times
def test_sentences_about_concrete_models(seconds):
    """A network of random families and widths and a group of order ≤ 24: forbidden exactly where no series exists."""
    counts = Counts("sentences about concrete models")
    for generator in attempts(seconds):
        order, number = drawn_group(generator)
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


# ---------------------------------------------------------------------- automata


class MonoidByHand:
    """All maps that words make of the states, and what they say against layers: from the table alone."""

    def __init__(self, table):
        self.states = range(len(table))
        letters = {tuple(row[x] for row in table) for x in range(len(table[0]))}
        self.maps = {tuple(self.states)}
        new = set(self.maps)
        while new:
            new = {self.times(m, x) for m in new for x in letters} - self.maps
            self.maps |= new
        self.merges = any(len(set(x)) < len(table) for x in letters)
        # The last letters decide: nothing but constant maps is idempotent, the empty word aside.
        words, power = letters, letters
        for _ in self.maps:
            power = {self.times(m, x) for m in power for x in letters}
            words = words | power
        self.definite = all(len(set(m)) == 1 for m in words if self.times(m, m) == m)
        self.units = [self._units(e) for e in self.maps if self.times(e, e) == e]

    @staticmethod
    def times(first, then):
        return tuple(then[q] for q in first)

    def _units(self, e):
        """The units of e·M·e, e first, their group by hand, and what fixes each state of the image that they move."""
        own = [m for m in self.maps if self.times(self.times(e, m), e) == m]
        units = [e, *sorted(m for m in own if m != e and any(self.times(m, n) == e == self.times(n, m) for n in own))]
        if len(units) == 1:
            return None
        place = {m: i for i, m in enumerate(units)}
        table = [[place[self.times(m, n)] for n in units] for m in units]
        fixing = {sum(1 << place[m] for m in units if m[q] == q) for q in set(e)}
        return subgroups_of(tuple(map(tuple, table))), fixing

    def cannot(self, names, widths):
        """Whether a stack of families and widths cannot track it, as far as is known here."""
        families = [FAMILIES[name] for name in names]
        if names[0] == "s4d":  # such stacks are of S4D alone
            return not self.definite
        if not any(one.resets for one in families) and self.merges:
            return True
        for hand, fixing in filter(None, self.units):
            reached = {hand.whole}
            for one, width in zip(families, widths, strict=True):
                reached = hand.under(reached, one.exponent, width)
            if not all(any(mask & ~fixes == 0 for mask in reached) for fixes in fixing):
                return True
        return len(families) == 1 and families[0].resets and self.breaks_a_law(families[0])

    def breaks_a_law(self, family):
        """x^n·y·x = y·x or xy·z·x·w·y = yx·z·x·w·y, for all x, y, z and w."""
        t = self.times
        for x in self.maps:
            power = tuple(self.states)
            for _ in range(family.exponent or 24):  # 24 is a multiple of all periods of up to four states
                power = t(power, x)
            if any(t(power, t(y, x)) != t(y, x) for y in self.maps):
                return True
        if family.exponent == 1:
            return False  # it follows from the first law
        for x, y in product(self.maps, repeat=2):
            left, right = t(x, y), t(y, x)
            if left == right:
                continue
            heads = {(t(left, z), t(right, z)) for z in self.maps}
            middles = {(t(t(a, x), w), t(t(b, x), w)) for a, b in heads if a != b for w in self.maps}
            if any(t(a, y) != t(b, y) for a, b in middles):
                return True
        return False


@cache
def subgroups_of(table):
    return ByHand(SimpleNamespace(table=np.array(table), order=len(table)))


@cache
def monoid_by_hand(table):
    return MonoidByHand(table)


def drawn_automaton(generator):
    """Up to four states, minimal, half of them permuted by every letter; None where only one is reached."""
    count, width = int(generator.integers(2, 5)), int(generator.integers(1, 4))
    if generator.random() < 0.5:
        columns = [generator.permutation(count) for _ in range(width)]
    else:
        columns = [generator.integers(count, size=count) for _ in range(width)]
    with contextlib.suppress(InputError):  # one state alone is left
        return Automaton.make("drawn", np.stack(columns, 1), [*"abc"[:width]]).minimal()
    return None


def drawn_stack(generator):
    """Families, of which S4D stands by itself, and a width for each layer."""
    depth = int(generator.integers(1, 4))
    others = [name for name in FAMILIES if name != "s4d"]
    if generator.random() < 0.5:  # of one family: verdicts of their own
        names = [str(generator.choice([*FAMILIES]))] * depth
    else:
        names = [str(name) for name in generator.choice(others, size=depth)]
    return names, generator.integers(1, 4, size=depth).tolist()


@times
def test_sentences_about_automata(seconds):
    """Forbidden exactly where a merge, a law or a series with too small factors forbids it."""
    counts = Counts("sentences about automata")
    for generator in attempts(seconds):
        automaton = drawn_automaton(generator)
        if automaton is None:
            continue
        names, widths = drawn_stack(generator)
        hand = monoid_by_hand(tuple(map(tuple, automaton.table.tolist())))
        if len(names) == 1 and len(hand.maps) > 64:
            continue  # the laws have four variables
        cannot, said = hand.cannot(names, widths), []
        counts.attack(
            f"{automaton.table.tolist()} {names} {widths}",
            lambda said=said, automaton=automaton, names=names, widths=widths: said.append(
                theory_of(layers_of(names, widths), automaton)
            ),
            lambda said=said, cannot=cannot: said[0].forbidden == cannot,
        )
    counts.check()
    assert counts.refused < counts.tried / 20


@times
def test_nothing_is_said_against_automata_that_compile(seconds):
    """A cascade was checked on all states and letters, so a network of its families and widths tracks the automaton."""
    counts = Counts("sentences about compiled automata")
    for generator in attempts(seconds):
        automaton = drawn_automaton(generator)
        if automaton is None:
            continue
        names, _ = drawn_stack(generator)
        said = []

        def say(automaton=automaton, names=names, said=said):
            made = compiled_automaton(automaton, ",".join(names) if len(set(names)) > 1 else names[0])
            widths = [len(layer.moduli) for layer in made.cascade.layers]
            said.append(theory_of(layers_of([layer.family for layer in made.cascade.layers], widths), automaton))

        counts.attack(f"{automaton.table.tolist()} {names}", say, lambda said=said: not said[0].forbidden)
    counts.check()
    assert counts.tried < 100 or counts.true > counts.tried / 10


# ---------------------------------------------------------------------- delta-rule layers


def turn(n):
    angle = 2 * np.pi / n
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def closed(matrices):
    """The Cayley table of the finite group that matrices generate, the identity first."""
    found = {tuple(np.eye(3).ravel() + 0.0): np.eye(3)}
    waiting = [np.eye(3)]
    for m in waiting:
        for g in matrices:
            new = m @ g
            key = tuple(np.round(new, 6).ravel() + 0.0)
            if key not in found:
                found[key] = new
                waiting.append(new)
    keys = {key: i for i, key in enumerate(found)}
    return [[keys[tuple(np.round(m @ g, 6).ravel() + 0.0)] for g in waiting] for m in waiting]


@cache
def carried(degree):
    """(order, number) of every group of order ≤ 24 that is a quotient of a finite subgroup of O(degree)."""
    one, signs = np.eye(3), np.diag([-1.0, 1, 1])
    if degree == 1:
        return {(1, 1), (2, 1)}
    if degree == 2:
        groups = [[turn(n), *([signs] if flip else [])] for n in range(1, 25) for flip in (False, True)]
    else:
        # Schoenflies: C_n, C_nv, C_nh, S_2n, D_n, D_nh, D_nd, and the symmetries of the solids. Products with ±1 and
        # mixtures are all generated by a turn or a turn with a flip of the axis, a mirror, and a half turn across.
        axis, half, minus = np.diag([1.0, 1, -1]), np.diag([1.0, -1, -1]), -one
        # Of order ≤ 24 are quotients with turns of order ≤ 12, but for the cyclic ones.
        groups = [[turn(n)] for n in range(13, 25)]
        for n in range(1, 13):
            for first in (turn(n), turn(n) @ axis, turn(n) @ minus):
                for others in ([], [signs], [half], [minus], [half, axis], [half, minus]):
                    groups.append([first, *others])
        cycle = np.roll(np.eye(3), 1, 0)
        golden = (1 + 5**0.5) / 2
        fifth = np.array([[1, -golden, golden - 1], [golden, golden - 1, -1], [golden - 1, 1, golden]]) / 2
        quarter = turn(4)
        for own in ([cycle, half], [cycle, half, quarter], [cycle, half, quarter @ minus], [cycle, half, fifth]):
            groups += [own, [*own, minus]]
    found = {(1, 1)}
    for matrices in groups:
        table = closed(matrices)
        if len(table) > 120 or len(table) == 1:
            continue
        found |= quotients(tuple(map(tuple, table)))
    return found


@cache
def quotients(table):
    """(order, number) of all quotients of order ≤ 24: by normal closures of elements and their products."""
    n = len(table)
    inverse = [row.index(0) for row in table]

    def generated(elements):
        found, waiting = {0}, [0]
        for x in waiting:
            for g in elements:
                if table[x][g] not in found:
                    found.add(table[x][g])
                    waiting.append(table[x][g])
        return frozenset(found)

    closures = {generated([table[table[inverse[g]][x]][g] for g in range(n)]) for x in range(n)}
    normal = set(closures)
    while True:
        more = {generated([*a, *b]) for a in normal for b in closures} - normal
        if not more:
            break
        normal |= more
    return {identified(table, lower) for lower in normal if 1 < n // len(lower) <= 24}


def identified(table, lower):
    """(order, number) of the quotient of a group by a normal subgroup, from its table."""
    cosets = {}
    for x in range(len(table)):
        cosets.setdefault(frozenset(table[x][h] for h in lower), len(cosets))
    place = [cosets[frozenset(table[x][h] for h in lower)] for x in range(len(table))]
    first = [place.index(i) for i in range(len(cosets))]
    rows = [[place[table[x][y]] for x in first] for y in first]
    return small_group_id(group_of_rows(np.array(sorted(rows)), range(len(rows)), "quotient"))


@cache
def sections(order, number):
    """Of a group by hand: for each subgroup, each normal one below it, and the quotient's (order, number)."""
    hand = by_hand(order, number)
    t, inverse = hand.table, hand.inverse
    found = {}
    for upper in hand.subgroups:
        members = hand.members(upper)
        for lower in hand.subgroups:
            if lower & ~upper:
                continue
            below = set(hand.members(lower))
            if any(t[t[inverse[x]][h]][x] not in below for x in members for h in below):
                continue
            index = len(members) // len(below)
            if index == 1:
                found[upper, lower] = (1, 1)
                continue
            place = {x: i for i, x in enumerate(members)}
            own = tuple(tuple(place[t[x][y]] for y in members) for x in members)
            found[upper, lower] = identified(own, frozenset(place[x] for x in below))
    return found


def delta_can(order, number, degrees):
    """Whether there is a subnormal series whose i-th factor is a quotient of a finite subgroup of O(degrees[i])."""
    reached = {by_hand(order, number).whole}
    for degree in degrees:
        reached = {
            low for (up, low), named in sections(order, number).items() if up in reached and named in carried(degree)
        }
    return 1 in reached


def test_the_quotients_of_subgroups_of_o3_by_hand():
    """Every one of them is cyclic or dihedral, a product of such a group with C2, A4, S4, or A4 × C2."""
    assert len(carried(2)) == 24 + 11  # C_n for n ≤ 24, D_n for 2 ≤ n ≤ 12
    assert {(12, 3), (24, 12), (24, 13), (8, 5), (8, 2)} <= carried(3)
    assert not {(8, 4), (9, 2), (24, 3), (16, 14), (18, 3)} & carried(3)


@times
def test_sentences_about_delta_layers(seconds):
    """Of one layer of degree ≤ 3, or one reflection a token, what is forbidden is decided; of more it is one-sided."""
    counts = Counts("sentences about delta-rule layers")
    for generator in attempts(seconds):
        order, number = drawn_group(generator)
        depth = int(generator.choice([1, 1, 2, 3]))
        degrees = generator.integers(1, 5, size=depth).tolist()
        names = [f"delta-{generator.integers(1, 5)}" for _ in range(depth)]
        group = small_group(order, number)
        said = []
        can = max(degrees) > 3 or delta_can(order, number, degrees)
        short = names == ["delta-1"] and int(group.element_orders.max()) > 2

        def true(said=said, can=can, short=short, depth=depth, degrees=degrees):
            if depth == 1 and max(degrees) <= 3:
                return said[0].forbidden == (short or not can)
            return not said[0].forbidden or short or not can

        counts.attack(
            f"{group.name} {names} {degrees}",
            lambda said=said, group=group, names=names, degrees=degrees: said.append(
                theory_of(layers_of(names, degrees), group)
            ),
            true,
        )
    counts.check()
