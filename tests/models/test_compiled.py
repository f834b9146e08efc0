"""Compiled weights in the network: equal to the group on every short word and on long ones, by scan and by step, in
both precisions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from subnormal.algebra.tracked import KINDS, TrackedGroup, products
from subnormal.constructions.artifact import load_cascade
from subnormal.constructions.weights import network_parameters
from subnormal.models.compiled import NetworkMachine
from subnormal.models.network import DCDNetwork
from tests.cases import TRACKED, compilations, compiled

LONG = 100_000


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def folder(name, family="aussm", alphabet="generators"):
        key = (name, family, alphabet)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("compiled")
            compiled(name, family, alphabet).save(made[key])
        return made[key]

    return folder


@pytest.mark.parametrize(("name", "family"), compilations())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_words_up_to_length_four_over_the_generators(folders, name, family, dtype):
    compilation = compiled(name, family)
    listed, alphabet = compilation.group, compilation.cascade.alphabet
    network = DCDNetwork.from_pretrained(folders(name, family), dtype)
    words = np.array(list(product(range(len(alphabet)), repeat=4)))
    expected = np.zeros(len(words), dtype=int)
    found, _ = network.predict(torch.from_numpy(words))
    for t in range(4):
        expected = listed.multiply(expected, alphabet[words[:, t]])
        assert (found[:, t].numpy() == expected).all()


@pytest.mark.parametrize("name", [case.name for case in TRACKED])
@pytest.mark.parametrize("kind", KINDS)
def test_long_words(folders, name, kind):
    folder = folders(name)
    cascade, listed, _ = load_cascade(folder)
    word = TrackedGroup(listed, cascade.alphabet).word(kind, LONG)
    machine = NetworkMachine(DCDNetwork.from_pretrained(folder), cascade)
    assert (machine.outputs(word) == products(listed, cascade.alphabet[word])).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_s4_by_scan_with_all_tokens(folders, kind, dtype):
    folder = folders("S4", alphabet="all")
    cascade, listed, _ = load_cascade(folder)
    word = TrackedGroup(listed, cascade.alphabet).word(kind, LONG)
    machine = NetworkMachine(DCDNetwork.from_pretrained(folder, dtype), cascade)
    found = np.concatenate([machine.outputs(piece) for piece in np.array_split(word, 3)])
    assert (found == products(listed, cascade.alphabet[word])).all()
    assert machine.largest_error < 0.1


@pytest.mark.parametrize("length", [2_000, pytest.param(LONG, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_s4_by_step_with_all_tokens(folders, dtype, length):
    folder = folders("S4", alphabet="all")
    cascade, listed, _ = load_cascade(folder)
    words = np.stack([TrackedGroup(listed, cascade.alphabet).word(kind, length) for kind in KINDS])
    network = DCDNetwork.from_pretrained(folder, dtype)
    state, found = None, torch.empty(words.shape, dtype=torch.int64)
    tokens = torch.from_numpy(words.astype(np.int64))
    with torch.inference_mode():
        for t in range(length):
            logits, state = network.step(tokens[:, t], state)
            found[:, t] = logits.argmax(-1)
    for row, word in zip(found.numpy(), words, strict=True):
        assert (row == products(listed, cascade.alphabet[word])).all()


def test_the_folder_loads_with_the_same_bits(folders, tmp_path):
    folder = folders("S4", alphabet="all")
    _, arrays = network_parameters(compiled("S4", alphabet="all").weights)
    network = DCDNetwork.from_pretrained(folder)
    state = network.state_dict()
    assert set(state) == set(arrays)
    for name, tensor in state.items():
        assert tensor.dtype == torch.float64
        assert (tensor.numpy() == arrays[name]).all()
    network.save_pretrained(tmp_path)
    for name, tensor in DCDNetwork.from_pretrained(tmp_path).state_dict().items():
        assert torch.equal(tensor, state[name])


@pytest.mark.parametrize(("name", "family"), compilations())
def test_the_network_is_no_larger_than_promised(name, family):
    """At most |G/G_{i-1}|·|alphabet| hidden units in layer i."""
    compilation = compiled(name, family, "all")
    above = 1
    for layer, gates in zip(compilation.cascade.layers, compilation.weights.layers, strict=True):
        assert len(gates.gates) <= above * len(compilation.cascade.alphabet)
        above *= layer.states


def test_compiled_weights_can_be_trained_on(folders):
    """The same class, with gradients through the hard decisions."""
    network = DCDNetwork.from_pretrained(folders("S3", alphabet="all"))
    tokens = torch.randint(6, (4, 20), generator=torch.Generator().manual_seed(0))
    loss = torch.nn.functional.cross_entropy(network(tokens).flatten(0, 1), torch.randint(6, (80,)))
    loss.backward()
    gradient = network.layers[0].phi.out.weight.grad
    assert gradient is not None
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0
