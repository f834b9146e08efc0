"""The cheapest series, against all chains of normal subgroups, which are written out one by one."""

from __future__ import annotations

import numpy as np
import pytest

from subnormal.algebra.depth import optimise
from subnormal.algebra.depth.abelian import abelian_factor
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.depth.optimise import GOALS, Cost, best_series, pareto_front
from subnormal.algebra.depth.series import given_series, shortest_series
from subnormal.algebra.groups.normal_subgroups import normal_subgroups
from subnormal.common.errors import InputError
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.verification import first_fault
from tests.algebra.test_width import ByHand
from tests.cases import REFUSED, TRACKED, group

AUSSM, SIGNS = FAMILIES["aussm"], FAMILIES["negative-mamba"]
SMALL = [case.name for case in TRACKED if case.name not in ("SmallGroup(64,134)", "C2wrC2wrC2")]


def all_normal_subgroups(name):
    """From every union of conjugacy classes that is closed under multiplication."""
    listed = group(name)
    everything = np.arange(listed.order)
    classes, left = [], set(range(1, listed.order))
    while left:
        x = min(left)
        orbit = frozenset(int(c) for c in listed.multiply(listed.multiply(listed.inverses, x), everything))
        classes.append(orbit)
        left -= orbit
    found = set()
    for choice in range(2 ** len(classes)):
        members = [0, *(x for i, orbit in enumerate(classes) if choice >> i & 1 for x in orbit)]
        if set(listed.multiply(np.array(members)[:, None], np.array(members)).ravel().tolist()) == set(members):
            found.add(frozenset(members))
    return found


@pytest.mark.parametrize("name", ["C6", "C2xC4", "S3", "D4", "Q8", "A4", "S4", "F20", "Dic3", "SL(2,3)", "A5", "S5"])
def test_all_normal_subgroups_are_found(name):
    assert {frozenset(n.members.tolist()) for n in normal_subgroups(group(name))} == all_normal_subgroups(name)


def all_costs(name, layer):
    """The costs of every subnormal series, with invariant and with primary channels, from all subgroups by hand."""
    listed = group(name)
    by_hand = ByHand(listed)
    whole = listed.order
    members = {mask: listed.subgroup(by_hand.members(mask)) for mask in by_hand.subgroups}
    known = {1: {(0, 0, 1, 0, kind) for kind in ("invariant", "primary")}}

    def below(mask):
        if mask not in known:
            known[mask] = set()
            for lower, factor in by_hand.factors[mask].items():
                if lower == mask or not factor or (layer.exponent and layer.exponent % factor[0]):
                    continue
                own = abelian_factor(members[mask], members[lower])
                for layers, channels, modulus, entries, kind in below(lower):
                    moduli = own.moduli if kind == "invariant" else own.in_primary_channels().moduli
                    more = whole // members[mask].order * len(moduli)
                    known[mask].add((layers + 1, channels + len(moduli), max(modulus, *moduli), entries + more, kind))
        return known[mask]

    return {Cost(*cost[:4]) for cost in below(by_hand.whole)}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("layer", [AUSSM, SIGNS], ids=["aussm", "negative-mamba"])
def test_the_front_is_exact(name, layer):
    costs = set(all_costs(name, layer))
    unbeaten = {cost for cost in costs if not any(other.beats(cost) and other != cost for other in costs)}
    choices = pareto_front(group(name), layer)
    assert {choice.cost for choice in choices} == unbeaten
    meaning = {
        "depth": lambda cost: cost.layers,
        "channels": lambda cost: cost.channels,
        "margin": lambda cost: cost.modulus,  # the margin is half of its inverse
        "table": lambda cost: cost.entries,
    }
    assert set(meaning) == set(GOALS)
    for goal, quantity in meaning.items():
        best = best_series(group(name), layer, goal)
        assert (best is None) == (not costs)
        if costs:
            assert quantity(best.cost) == min(map(quantity, costs))


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
@pytest.mark.parametrize("goal", GOALS)
def test_what_is_chosen_compiles_at_the_cost_promised(case, goal):
    listed = group(case.name)
    choice = best_series(listed, AUSSM, goal)
    compilation = compile_group(listed, [AUSSM], "generators", choice.channels, choice.series)
    cascade = compilation.cascade
    assert first_fault(cascade, listed) is None
    entries = sum(layer.increments.size for layer in cascade.layers) // len(cascade.alphabet)
    assert choice.cost == Cost(len(cascade.layers), len(cascade.moduli), max(cascade.moduli), entries)
    if goal == "depth":
        assert choice.cost.layers == shortest_series(listed, AUSSM).length


def test_fewer_channels_than_the_derived_series():
    """C2wrC2wrC2 in three layers takes 4 channels, of moduli 2, 4 and 4 4; its derived series takes 7."""
    assert best_series(group("C2wrC2wrC2"), AUSSM, "channels").moduli == ((2,), (4,), (4, 4))


def test_fewer_channels_through_members_that_are_not_normal():
    """SL(2,3) > Q8 > C4 > 1 takes 3 channels: C4 is normal in Q8 alone. Series of normal subgroups take 4."""
    best = best_series(group("SL(2,3)"), AUSSM, "channels")
    assert (best.cost.channels, best.series.orders) == (3, (24, 8, 4, 1))
    assert not group("SL(2,3)").whole.normalises(best.series.subgroups[2])


@pytest.mark.parametrize("name", [*SMALL, "C2wrC2wrC2"])
def test_what_is_chosen_is_a_series(name):
    for choice in pareto_front(group(name), AUSSM):
        checked = given_series(group(name), choice.series.subgroups[1:], AUSSM)
        assert checked.orders == choice.series.orders


def test_fewer_channels_in_more_layers():
    """For SmallGroup(32,7) the series of fewest channels is longer than the shortest."""
    fewest = best_series(group("SmallGroup(32,7)"), AUSSM, "channels").cost
    shortest = best_series(group("SmallGroup(32,7)"), AUSSM, "depth").cost
    assert (shortest.channels, fewest.channels) == (4, 3)
    assert shortest.layers < fewest.layers


@pytest.mark.parametrize("name", REFUSED)
def test_non_solvable_groups_have_none(name):
    assert best_series(group(name), AUSSM, "margin") is None


def test_refusals(monkeypatch):
    with pytest.raises(InputError, match="unknown goal 'width'; wanted one of depth, channels, margin, table"):
        best_series(group("S3"), AUSSM, "width")
    with pytest.raises(InputError, match=r"C2\^6 has more than 500 normal subgroups"):
        normal_subgroups(group("C2^6"))
    monkeypatch.setattr(optimise, "MAX_LABELS", 2)
    with pytest.raises(InputError, match="more than 2 series"):
        pareto_front(group("C60"), AUSSM)
