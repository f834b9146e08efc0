"""Parity: mixtures of S4D and Mamba fall to words, one layer of Negative Mamba or AUSSM tracks it."""

import json
import math

import numpy as np
import pytest
import torch

from subnormal.common.errors import InputError
from subnormal.proofs_check.refutations.parity import (
    compiled_network,
    compiled_parity,
    first_wrong,
    refute_parity,
    stacks,
    vanishing_length,
    weakened_network,
)
from subnormal.proofs_check.refutations.refutation import random_network


def test_the_mixtures_are_all_there():
    found = list(stacks(4))
    assert len(found) == len(set(found)) == 2 + 4 + 8 + 16
    assert ("s4d", "mamba", "mamba", "s4d") in found


@pytest.mark.parametrize("stack", [s for s in stacks(3) if s.count("s4d") < 2], ids=",".join)
@pytest.mark.parametrize("activation", ["hard", "tanh"])
def test_two_words_of_different_parity_look_alike(stack, activation):
    found = refute_parity(stack, 4, 1, activation)
    assert found.kind == "pair"
    first, second = (word.tokens() for word in found.pair.words)
    assert len(first) == len(second)
    assert (first.sum() - second.sum()) % 2 == 1
    network = random_network(2, stack, 4, 1, activation)
    double = type(network)(**(network.configuration() | {"dtype": "float64"}))
    double.load_state_dict({name: value.double() for name, value in network.state_dict().items()})
    with torch.no_grad():
        last = double(torch.from_numpy(np.stack([first, second])))[:, -1]
    assert last.argmax(-1).tolist() == list(found.pair.answers)
    assert found.pair.answers[0] == found.pair.answers[1]
    assert float((last[0] - last[1]).abs().max()) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_every_mixture_of_up_to_four_layers_falls(seed):
    for stack in stacks(4):
        assert refute_parity(stack, 8, seed).kind == "pair", stack


@pytest.mark.parametrize("family", ["negative-mamba", "aussm", "simple-aussm"])
def test_one_layer_suffices(family):
    layer = compiled_parity(family, 100_000)
    assert layer.multipliers[0] == 1
    assert abs(layer.multipliers[1] + 1) < 1e-15
    assert layer.shifts == (0, 0)


@pytest.mark.parametrize("family", ["s4d", "mamba"])
def test_the_others_cannot_be_compiled(family):
    with pytest.raises(InputError, match="no number of"):
        compiled_network(family)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("delta", [1.0, 2.0, 3.5])
def test_without_rounding_the_decision_vanishes(delta, dtype):
    predicted = vanishing_length(delta, dtype)
    if torch.set_flush_denormal(True):
        torch.set_flush_denormal(False)
        found = first_wrong(delta, dtype, 50_000, "flushed")
        assert predicted <= found <= predicted + 3  # the odd ones are wrong first: a vanished state is read as even
    assert first_wrong(delta, dtype, 50_000, "blocks") >= predicted
    gradual = first_wrong(delta, dtype, 50_000, "token by token")
    if delta == 1.0:
        assert predicted <= gradual <= predicted * 1.25 + 3
    else:
        assert gradual is None  # |a| > 1/2: the smallest subnormal number keeps the sign


def test_rounding_makes_the_multiplier_minus_one():
    assert vanishing_length(39.0, torch.float64) == math.inf
    assert vanishing_length(36.0, torch.float64) < math.inf
    assert vanishing_length(18.5, torch.float32) == math.inf
    network = weakened_network(2.0, torch.float64)
    layer = network.layers[0]
    a, _ = layer.transition_of(torch.empty((2, 0), dtype=torch.float64), torch.arange(2), network.embedding.weight)
    assert a[0, 0] == 1.0
    assert abs(float(a[1, 0].detach()) - (2 * math.exp(-2.0) - 1)) < 1e-12


def test_a_positive_multiplier_has_no_sign():
    assert first_wrong(0.5, torch.float64, 10) == 1


def test_the_command(capsys):
    from subnormal.command_line.parity import parity

    parity(layers=1, width=2, seeds=2, activation="hard", tokens=2_000, as_json=True)
    content = json.loads(capsys.readouterr().out)
    assert set(content["mixtures"]) == {"s4d", "mamba"}
    assert all(r["kind"] == "pair" for some in content["mixtures"].values() for r in some)
    assert [layer["family"] for layer in content["compiled"]] == ["negative-mamba", "aussm"]
    parity(layers=1, width=2, seeds=1, activation="hard", tokens=2_000, as_json=False)
    text = capsys.readouterr().out
    assert "1 of 1 refuted by two words of different parity" in text
    assert "one compiled layer tracks parity" in text
