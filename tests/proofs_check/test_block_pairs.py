"""Two words that end in one state of a layer of blocks which claims a group that no such layer carries."""

import numpy as np
import pytest
import torch

import subnormal as sn
from subnormal.algebra.depth.families import BLOCKS
from subnormal.algebra.input.parser import list_group
from subnormal.common.errors import InputError
from subnormal.constructions.blocks.compiler import compile_blocks
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.refutations.block_pairs import BlockMaps
from subnormal.proofs_check.refutations.evidence import in_float64
from subnormal.proofs_check.refutations.refutation import random_network, refute
from tests.proofs_check.test_refutation import check_pair

FORBIDDEN = [
    ("A4", "block-2", 4),
    ("S4", "block-2", 16),
    ("A5", "block-2", 8),
    ("S5", "block-3", 9),
    ("F21", "block-3", 6),
    ("S5", "complex-block-2", 4),
    ("F21", "block-4", 8),
    ("PSL(2,7)", "complex-block-2", 4),
]


@pytest.mark.parametrize(("name", "family", "width"), FORBIDDEN)
def test_a_random_layer_falls_to_a_pair_of_words(name, family, width):
    group = list_group(name)
    network = random_network(group.order, (family,), width, seed=3)
    found = refute(network, group)
    assert found.kind == "pair"
    assert found.refuted
    check_pair(network, group, found)
    text = "\n".join(str(found).splitlines())
    assert f"u = {found.pair.words[0]}" in text
    assert f"v = {found.pair.words[1]}" in text
    assert "states apart, largest |Δh| over channels: layer 1 " in text


def claimed(own, claims, family):
    """A compiled network of one group, said to track another of the same order."""
    compilation = compile_blocks(list_group(own), BLOCKS[family])
    assert len(compilation.machine.layers) == 1
    return DCDNetwork.from_parameters(*compilation.parameters()), list_group(claims)


@pytest.mark.parametrize(
    ("own", "claims", "family"),
    [("D6", "A4", "block-2"), ("D12", "S4", "block-2"), ("Q8xC3", "SL(2,3)", "block-2"), ("S4xC5", "S5", "block-3")],
)
def test_a_layer_of_another_group_falls_within_its_orbit(own, claims, family):
    """No word shrinks anything: the orbit is finite, and its states stand for too few elements."""
    network, group = claimed(own, claims, family)
    found = refute(network, group)
    assert found.kind == "pair", found.reason
    assert found.pair.words[0].length < 50
    check_pair(network.dense(), group, found)


def test_a_trained_layer_falls(tmp_path):
    trained = sn.train(
        "A4", "block-2", steps=60, length="6", batch=16, channels=4, test_words=4, test_length=20, processes=1,
        check_every=60, out=tmp_path / "runs",
    )  # fmt: skip
    folder = next((tmp_path / "runs" / "networks").iterdir())
    assert len(trained.rows) == 1
    found = sn.refute(folder)
    assert found.kind == "pair", found.reason
    check_pair(DCDNetwork.from_pretrained(folder), list_group("A4"), found)


def test_what_the_theory_allows_is_not_refuted():
    for name, family in (("A4", "block-3"), ("A5", "complex-block-2"), ("S3", "block-2")):
        group = list_group(name)
        found = refute(random_network(group.order, (family,), None, seed=0), group)
        assert (found.kind, found.pair) == ("allowed", None)


def grown(factor):
    group = list_group("A4")
    network = random_network(12, ("block-2",), 4, seed=0)
    with torch.no_grad():
        for parameter in network.layers[0].phi.out.parameters():
            parameter.mul_(factor)
    return network, group


def test_a_layer_that_grows_along_every_word_is_refuted_by_a_wrong_answer():
    network, group = grown(10.0)
    found = refute(network, group)
    assert found.kind == "failing"
    assert found.pair is None


def test_numbers_that_are_none_are_no_pair():
    network, group = grown(float("nan"))
    found = refute(network, group)
    assert found.pair is None


def test_two_layers_keep_to_wrong_answers():
    group = list_group("A5")
    found = refute(random_network(60, ("block-2", "block-2"), 4, seed=0), group)
    assert (found.kind, found.pair) == ("failing", None)


def test_epsilon_is_kept():
    group = list_group("S4")
    network = random_network(24, ("block-2",), 4, seed=1)
    for epsilon in (1e-3, 1e-9):
        found = refute(network, group, epsilon=epsilon)
        check_pair(network, group, found, epsilon)
    with pytest.raises(InputError, match="epsilon"):
        refute(network, group, epsilon=2.0)


@pytest.mark.parametrize("family", BLOCKS)
def test_the_maps_are_those_of_the_network(family):
    network = in_float64(random_network(6, (family,), None, seed=2))
    maps = BlockMaps.of(network)
    word = [3, 1, 4, 1, 5]
    state = maps.start[None]
    for token in word:
        state = maps.after(state, token)
    (carried,) = network(torch.tensor([word]), return_state=True)[1]
    real = network.layers[0].transition.real(carried)[0].movedim(-1, 0)
    assert np.abs(state[0] - real.detach().numpy()).max() < 1e-12
    linear = maps.linear(np.array(word))
    apart = maps.start[None] + 1.0
    for token in word:
        apart = maps.after(apart, token)
    assert np.abs(apart[0] - state[0] - linear.sum(-1)).max() < 1e-12
