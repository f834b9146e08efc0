"""The delta-rule families: the recurrence against matrices, gradients, training."""

from __future__ import annotations

import pytest
import torch

from subnormal.models.delta_rule import delta_scan, delta_step
from subnormal.models.families import FAMILIES
from subnormal.models.network import DCDNetwork


def arguments(batch, length, factors, d, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    keys = torch.nn.functional.normalize(draw(batch, length, factors, d), dim=-1)
    betas, gate = 2 * draw(batch, length, factors, 1).sigmoid(), draw(batch, length, 1).sigmoid()
    return keys, betas, gate, draw(batch, length, d), draw(batch, d)


@pytest.mark.parametrize("factors", [1, 3])
def test_products_of_matrices(factors):
    keys, betas, gate, drive, h = arguments(2, 5, factors, 4)
    states, last = delta_scan(keys, betas, gate, drive, h)
    for word in range(2):
        x = h[word]
        for t in range(5):
            matrix = gate[word, t] * torch.eye(4, dtype=torch.float64)
            for j in range(factors):
                k = keys[word, t, j]
                matrix = (torch.eye(4, dtype=torch.float64) - betas[word, t, j] * torch.outer(k, k)) @ matrix
            x = matrix @ x + drive[word, t]
            torch.testing.assert_close(states[word, t], x)
    torch.testing.assert_close(last, states[:, -1])


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_gradients(length):
    inputs = [x.requires_grad_() for x in arguments(1, length, 2, 3)]
    assert torch.autograd.gradcheck(delta_scan, inputs)


def test_no_tokens():
    keys, betas, gate, drive, h = arguments(2, 0, 2, 3)
    states, last = delta_scan(keys, betas, gate, drive, h)
    assert states.shape == (2, 0, 3)
    assert torch.equal(last, h)


def test_a_reflection_and_a_key_of_zero():
    h = torch.tensor([[3.0, 4.0]])
    keys = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    moved = delta_step(keys, torch.full((1, 2, 1), 2.0), torch.ones(1, 1), torch.zeros(1, 2), h)
    assert moved.tolist() == [[-3.0, 4.0]]


@pytest.mark.parametrize("family", [name for name in FAMILIES if name.startswith("delta")])
def test_networks_by_scan_in_pieces_and_by_step(family):
    layer = {"family": family, "channels": 4, "hidden": 8, "readout": 6, "activation": "silu"}
    network = DCDNetwork(3, 5, [layer, layer], dtype="float64", seed=0)
    tokens = torch.randint(0, 3, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = network(tokens)
        first, state = network(tokens[:, :4], return_state=True)
        second = network(tokens[:, 4:], state)
        torch.testing.assert_close(torch.cat([first, second], 1), whole)
        carried = None
        for t in range(9):
            single, carried = network.step(tokens[:, t], carried)
            torch.testing.assert_close(single, whole[:, t])
        assert network.trace(tokens)[0].a is None
    with pytest.raises(TypeError, match="not diagonal"):
        network.layers[0].transition.affine(torch.zeros(1, 100))


def test_transitions_never_expand():
    transition = FAMILIES["delta-3"](4, torch.float64)
    raw = 100 * torch.randn(200, len(transition.parts) * 4, dtype=torch.float64)
    keys, betas, gate, drive = transition._parts(raw)
    h = torch.randn(200, 4, dtype=torch.float64)
    moved = delta_step(keys, betas, gate, torch.zeros_like(drive), h)
    assert (moved.norm(dim=-1) <= h.norm(dim=-1) * (1 + 1e-12)).all()
    assert float(betas.min()) < 0.1
    assert float(betas.max()) > 1.9


def test_training_goes_down():
    layer = {"family": "delta-1", "channels": 4, "hidden": 16, "readout": 8, "activation": "silu"}
    network = DCDNetwork(2, 2, [layer], seed=0)
    tokens = torch.randint(0, 2, (64, 8), generator=torch.Generator().manual_seed(1))
    labels = tokens.cumsum(1) % 2
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    losses = []
    for _ in range(120):
        loss = torch.nn.functional.cross_entropy(network(tokens).flatten(0, 1), labels.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 < losses[0]
