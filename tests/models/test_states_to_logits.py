"""One way from states to logits: in every configuration the states say what forward says."""

import itertools

import numpy as np
import pytest
import torch

from subnormal.common.errors import InputError
from subnormal.models.families import FAMILIES
from subnormal.models.network import DCDNetwork
from subnormal.models.specification import ELEMENTWISE, GROUPED
from subnormal.proofs_check.refutations import parity
from subnormal.proofs_check.refutations.evidence import in_float64, plain_states, read_states, run_words

CASES = list(itertools.product(sorted(FAMILIES), ("after", "before"), (None, 8, 12)))


def network_of(family, reads, gates, dtype, activation="tanh"):
    layers = [
        {"family": family, "channels": 4, "hidden": 5, "readout": 6, "activation": activation, "reads": reads}
    ] * 2
    for layer in layers:
        if activation in ("hard", "softmax"):
            layer["groups"] = [2, 4]
    try:
        return DCDNetwork(3, 8, layers, dtype=dtype, seed=1, head_gates=gates)
    except InputError:
        return None


def agree(network):
    words = np.random.default_rng(0).integers(3, size=(7, 9))
    tokens = torch.from_numpy(words)
    with torch.no_grad():
        logits, state = network(tokens, return_state=True)
        torch.testing.assert_close(network.decide(network.readouts(state)), logits[:, -1])
        exact = in_float64(network)
        states, last, carried = run_words(exact, words)
        readouts, again = read_states(exact, states)
        torch.testing.assert_close(again, last)
        torch.testing.assert_close(readouts, exact.readouts(carried))
        assert all(np.allclose(a, b) for a, b in zip(plain_states(carried), states, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("family", "reads", "gates"), CASES)
def test_states_say_what_forward_says(family, reads, gates, dtype):
    network = network_of(family, reads, gates, dtype)
    if network is not None:
        agree(network)


@pytest.mark.parametrize("activation", sorted({*ELEMENTWISE, *GROUPED}))
@pytest.mark.parametrize("gates", [None, 8, 12])
def test_every_activation(activation, gates):
    network = network_of("aussm", "after", gates, "float64", activation)
    assert network is not None
    agree(network)


def test_parity_runs_the_networks_own_head(monkeypatch):
    """A head that answers the other way is noticed: nobody multiplies by the head's matrix alone."""
    plain = parity.weakened_network(4.0, torch.float32).dense()
    gated = DCDNetwork(**{**plain.configuration(), "head_gates": 6}, seed=0)
    with torch.no_grad():
        for name, value in plain.named_parameters():
            if not name.startswith("head"):
                gated.get_parameter(name).copy_(value)
        weight = plain.head.weight - plain.head.weight.mean(0)
        readout = weight.shape[1]
        gated.head_gates.weight.zero_()
        gated.head_gates.weight[:readout] = torch.eye(readout)
        gated.head_gates.weight[3 : 3 + readout] = -torch.eye(readout)
        gated.head_gates.bias.zero_()
        gated.head.weight.zero_()
        gated.head.weight[:, :readout] = weight
        gated.head.weight[:, 3 : 3 + readout] = -weight
        gated.head.bias.copy_(plain.head.bias)
    expected = parity.first_wrong(4.0, torch.float32, 3000, "token by token")
    monkeypatch.setattr(parity, "weakened_network", lambda delta, dtype: gated)
    assert parity.first_wrong(4.0, torch.float32, 3000, "token by token") == expected
