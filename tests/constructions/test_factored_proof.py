"""The proof of factored cascades finds every fault, and the lower bound is what it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from subnormal.algebra.chains.series import derived_series, verbal_subgroup
from subnormal.algebra.chains.stabiliser_chain import StabiliserChain
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import parse_group
from subnormal.common.errors import InputError
from subnormal.constructions.factored import proof as factored_proof
from subnormal.constructions.factored.bound import lower_bound
from subnormal.constructions.factored.cascade import FactoredCascade, FactoredChannel
from subnormal.constructions.factored.compiler import compile_factored
from subnormal.constructions.factored.proof import cases, evaluate, factored_fault, needed_layers


def cascade_of(name: str) -> FactoredCascade:
    group = parse_group(name)
    return compile_factored(name, group.permutations, FAMILIES["aussm"]).cascade


def with_channel(cascade: FactoredCascade, position: int, channel: FactoredChannel) -> FactoredCascade:
    channels = list(cascade.channels)
    channels[position] = channel
    return replace(cascade, channels=tuple(channels))


def tracks(cascade: FactoredCascade) -> bool:
    """By trying every state and token: what the proof avoids."""
    states = np.array(list(product(*(range(n) for n in cascade.moduli))), dtype=np.uint8)
    decoded = cascade.decode(states)
    for x, token in enumerate(cascade.alphabet):
        after = np.array([cascade.run(np.array([x]), state)[0] for state in states])
        if (cascade.decode(after) != token[decoded]).any():
            return False
    return True


@pytest.mark.parametrize("name", ["S3wrC2", "C2wrC2wrC2", "S4"])
def test_every_spoilt_entry_is_judged_as_by_trying_all_states(name):
    cascade = cascade_of(name)
    assert tracks(cascade)
    assert factored_fault(cascade) is None
    for position, channel in enumerate(cascade.channels):
        for place in np.ndindex(channel.increments.shape):
            table = channel.increments.copy()
            table[place] = (table[place] + 1) % channel.modulus
            spoilt = with_channel(cascade, position, replace(channel, increments=table))
            assert not tracks(spoilt)
            assert "takes point" in (factored_fault(spoilt) or "")


def test_every_spoilt_entry_of_a_group_too_large_to_list_is_found():
    cascade = cascade_of("S4wrS4")
    random = np.random.default_rng(0)
    for position, channel in enumerate(cascade.channels):
        for flat in random.integers(channel.increments.size, size=4):
            table = channel.increments.copy()
            table.reshape(-1)[flat] = (table.reshape(-1)[flat] + 1) % channel.modulus
            assert factored_fault(with_channel(cascade, position, replace(channel, increments=table)))


def test_a_wrong_lift_or_token_is_found():
    cascade = cascade_of("S4wrS4")
    for position, channel in enumerate(cascade.channels):
        other = channel.lift[np.roll(np.arange(16), 1)]
        assert factored_fault(with_channel(cascade, position, replace(channel, lift=other)))
    alphabet = cascade.alphabet.copy()
    alphabet[0] = alphabet[0][alphabet[1]]
    assert factored_fault(replace(cascade, alphabet=alphabet))


def test_a_dropped_read_is_found():
    """A table over fewer channels than the increment depends on cannot be right."""
    cascade = cascade_of("S4wrS4")
    for position, channel in enumerate(cascade.channels):
        if channel.reads:
            n = cascade.channels[channel.reads[0]].modulus
            table = channel.increments.reshape(n, -1, channel.increments.shape[1])[0]
            reads = channel.reads[1:]
            layer = 1 + max((cascade.channels[read].layer for read in reads), default=0)
            shallow = replace(channel, reads=reads, increments=table, layer=layer)
            channels = list(with_channel(cascade, position, shallow).channels)
            for later in range(position + 1, len(channels)):
                layer = 1 + max((channels[read].layer for read in channels[later].reads), default=0)
                channels[later] = replace(channels[later], layer=layer)
            assert "takes point" in (factored_fault(replace(cascade, channels=tuple(channels))) or "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modulus": 1}, "has modulus 1"),
        ({"reads": (7,)}, r"reads \[7\]"),
        ({"layer": 9}, "is on layer 9, which does not follow"),
        ({"increments": np.zeros((2, 4), dtype=np.int32)}, r"increments of shape \(2, 4\), wanted \(1, 4\)"),
        ({"increments": np.full((1, 4), 2, dtype=np.int32)}, "adds something outside 0 … 1"),
        ({"increments": np.full((1, 4), -1, dtype=np.int32)}, "adds something outside 0 … 1"),
        ({"lift": np.zeros(16, dtype=np.uint8)}, "is not a permutation of 16 points"),
        ({"lift": np.arange(4)}, "is not a permutation of 16 points"),
    ],
)
def test_malformed_channels(change, message):
    cascade = cascade_of("S4wrS4")
    fault = factored_fault(with_channel(cascade, 0, replace(cascade.channels[0], **change)))
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(fault)


def test_the_work_does_not_grow_with_the_group(monkeypatch):
    """Points, times the states of one copy of S4 for each level, times tokens."""
    assert cases(cascade_of("S4wrS4")) == 16 * 24**2 * 4
    assert cases(cascade_of("S4wrS4wrS4")) == 64 * 24**3 * 6
    monkeypatch.setattr(factored_proof, "MAX_CASES", 24**2 - 1)
    with pytest.raises(InputError, match="depends on 8 channels with 576 states; the proof takes at most 575"):
        factored_fault(cascade_of("S4wrS4"))


TOWERS_OF_C2 = ["wr".join(["C2"] * height) for height in (4, 6, 7)]
"""Random commutators, nested, are nearly always trivial in these."""


@pytest.mark.parametrize("name", ["S4", "S4wrS4", "S4wrS4wrS4", "S3wrS3wrS3wrS3", "Q8", "C60", *TOWERS_OF_C2])
def test_lower_bounds(name):
    """The program's value is an element of the derived subgroup that it names, by the subgroup's chain, and not 1."""
    group = parse_group(name)
    series = derived_series_of(name)
    layers = len(series) - 1
    lines = lower_bound(group.permutations, 0)
    value, level = evaluate(lines, group.permutations, 0)
    assert level == layers - 1
    assert series[level].contains(value[None]).all()
    assert not series[level + 1].contains(value[None]).any()
    assert len(lines) < 100
    if group.degree <= 64:
        cascade = cascade_of(name)
        assert needed_layers(cascade, lines) == layers == cascade.depth


@pytest.mark.parametrize("name", ["C2", "C8", "C8wrC2", "D8wrC4", "Q8xC16", *TOWERS_OF_C2[:2]])
def test_lower_bounds_with_squares(name):
    """As above, for the series V_i = [V_{i-1}, V_{i-1}]·V_{i-1}², whose terms are computed apart."""
    chain = StabiliserChain(parse_group(name).permutations)
    series = [chain]
    while series[-1].order > 1:
        series.append(verbal_subgroup(series[-1], 2))
    value, level = evaluate(lower_bound(chain.generators, 2), chain.generators, 2)
    assert level == len(series) - 2
    assert series[level].contains(value[None]).all()
    assert (value != np.arange(chain.degree)).any()


@given(st.lists(st.permutations(range(7)), min_size=1, max_size=4), st.sampled_from([0, 2]))
def test_lower_bounds_of_random_groups(images, exponent):
    """Whatever solvable group it is, the program reaches the last term that is not trivial, and no further."""
    tokens = np.array(images, dtype=np.uint8)
    chain = StabiliserChain(tokens)
    depth = 0
    while chain.order > 1 and (below := verbal_subgroup(chain, exponent)).order < chain.order:
        chain, depth = below, depth + 1
    assume(chain.order == 1 and depth)
    value, level = evaluate(lower_bound(tokens, exponent), tokens, exponent)
    assert level == depth - 1
    assert (value != np.arange(7)).any()


def derived_series_of(name: str):
    return derived_series(StabiliserChain(parse_group(name).permutations))


def test_lower_bounds_with_powers():
    """C4 x C2 needs two layers of signs: a square is not 1."""
    group = parse_group("C4xC2")
    lines = lower_bound(group.permutations, 2)
    assert "power" in {kind for kind, _, _ in lines}
    cascade = compile_factored("C4xC2", group.permutations, FAMILIES["negative-mamba"]).cascade
    assert needed_layers(cascade, lines) == 2 == cascade.depth
    assert evaluate([("token", 0, 0), ("power", 0, 0)], group.permutations, 2)[1] == 1


def test_lower_bounds_that_are_none():
    cascade = cascade_of("S3wrC2")
    assert needed_layers(cascade, [("token", 0, 0), ("commutator", 0, 0)]) == 0
    assert needed_layers(cascade, [("token", 0, 0)]) == 1
    assert needed_layers(cascade, [("token", 0, 0), ("token", 1, 0), ("commutator", 0, 1), ("product", 2, 0)]) == 1
    for lines in (
        [("token", 9, 0)],
        [("token", 0, 0), ("product", 0, 1)],
        [("token", 0, 0), ("power", 0, 0)],
        [("x", 0, 0)],
    ):
        with pytest.raises(InputError, match="wanted e.g. token 0"):
            needed_layers(cascade, lines)
    with pytest.raises(InputError, match="an empty straight-line program"):
        needed_layers(cascade, [])
