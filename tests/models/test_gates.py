"""Compact networks: the same function as with all matrices written out, gradients included; what their numbers must be.

The matrices are an independent way to the same answers: `dense` writes one-hot rows, relu units and products.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import read_automaton
from subnormal.common.errors import InputError
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.weights import network_parameters, weights_of
from subnormal.models import gates
from subnormal.models.compiled import network_of
from subnormal.models.gates import Lookup
from subnormal.models.network import DCDNetwork
from tests.cases import compilations, compiled

AUTOMATA = [
    ("flip-flop(3)", "mamba"),
    ("tomita(3)", "negative-mamba"),
    ("tomita(5)", "gated-aussm"),
    ("grid(3,3)", "gated-aussm"),
    ("modular-arithmetic(5)", "gated-aussm"),
    ("even-pairs", "mamba"),
]


def networks(name, family, dtype):
    if (name, family) in AUTOMATA:
        compilation = compile_automaton(read_automaton(name), FAMILIES[family])
        return network_of(weights_of(compilation.cascade), dtype)
    return network_of(compiled(name, family, "all").weights, dtype)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("name", "family"), [*AUTOMATA, *compilations()])
def test_answers_are_those_of_the_matrices(name, family, dtype):
    compact = networks(name, family, dtype)
    dense = compact.dense()
    assert "head.cases" not in dense.state_dict()
    words = torch.from_numpy(np.random.default_rng(3).integers(compact.alphabet_size, size=(7, 60)))
    found, state = compact.predict(words)
    wanted, other = dense.predict(words)
    assert torch.equal(found, wanted)
    pieces, after = compact.predict(words, piece=20)
    assert torch.equal(pieces, wanted)
    apart, again = compact.predict(words, piece=2)  # fewer than there are words
    assert torch.equal(apart, wanted)
    with torch.no_grad():
        logits = compact(words)
    with_gradient = compact(words)
    torch.testing.assert_close(logits, with_gradient.detach())
    assert torch.equal(logits.argmax(-1), wanted)
    if dense.head_width is None:
        torch.testing.assert_close(with_gradient, dense(words))
    for one, *others in zip(state, other, after, again, strict=True):
        for value in others:
            if hasattr(one, "phase"):
                assert torch.equal(one.phase, value.phase)
            else:
                torch.testing.assert_close(one, value)
    logits, _ = compact.step(words[:, 0])
    assert torch.equal(logits.argmax(-1), wanted[:, 0])


def test_gradients_are_those_of_the_matrices():
    compact = networks("S4", "aussm", "float64")
    dense = compact.dense()
    with torch.no_grad():
        for network in (compact, dense):
            generator = torch.Generator().manual_seed(1)
            for name, parameter in network.named_parameters():
                if ".phi.out." in name or ".psi." in name or "initial" in name:
                    parameter += 0.01 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    words = torch.from_numpy(np.random.default_rng(0).integers(24, size=(5, 40)))
    for network in (compact, dense):
        torch.nn.functional.cross_entropy(network(words).flatten(0, 1), words.flatten()).backward()
    wanted = dict(dense.named_parameters())
    compared = 0
    for name, parameter in compact.named_parameters():
        if parameter.numel():
            torch.testing.assert_close(parameter.grad, wanted[name].grad)
            compared += bool(parameter.grad.any())
    assert compared > 10


def test_a_state_that_is_no_number_is_not_passed_over():
    network = networks("S3", "aussm", "float64")
    with torch.no_grad():
        network.layers[0].phi.out.bias[1] = torch.nan  # the phase of the first layer
        logits = network(torch.zeros((1, 4), dtype=torch.int64))
        wanted = network.dense()(torch.zeros((1, 4), dtype=torch.int64))
    assert torch.equal(logits.isnan(), wanted.isnan())
    assert logits.isnan().any()


def test_compact_networks_read_no_other_decisions():
    """A network whose ψ reads lower layers too, and one with a bias in the head, answer as their matrices do."""
    network = networks("S4", "aussm", "float64")
    words = torch.from_numpy(np.random.default_rng(0).integers(24, size=(3, 30)))
    with torch.no_grad():
        network.layers[1].psi.weight[:, :2] += torch.tensor([0.4, -0.2])
        network.layers[2].psi.weight[0, 1] += 2.5
        network.head.bias[3] = 7.0
    assert torch.equal(network.predict(words)[0], network.dense().predict(words)[0])


@pytest.mark.parametrize("keys", [gates.MOST_KEYS, 0])
@pytest.mark.parametrize("sizes", [(2, 3, 4), (5, 2**31, 2**31, 3), (2**40, 2**40, 7)])
def test_rows_are_found(keys, sizes, monkeypatch):
    monkeypatch.setattr(gates, "MOST_KEYS", keys)
    generator = np.random.default_rng(1)
    rows = np.unique(np.stack([generator.integers(min(n, 9), size=200) for n in sizes], axis=1), axis=0)
    asked = np.stack([generator.integers(min(n, 9), size=500) for n in sizes], axis=1)
    for unread in itertools.chain([()], itertools.combinations(range(len(sizes)), 1)):
        own = rows.copy()
        own[:, unread] = -1
        own = np.unique(own, axis=0)
        kept = [j for j in range(len(sizes)) if j not in unread]
        number = {tuple(row): i for i, row in enumerate(own[:, kept].tolist())}
        found = Lookup(torch.from_numpy(own), sizes, "x")([torch.from_numpy(column) for column in asked.T])
        assert found.tolist() == [number.get(tuple(row), len(own)) for row in asked[:, kept].tolist()]


def test_what_the_numbers_must_be():
    configuration, arrays = network_parameters(compiled("S4", "aussm", "all").weights)

    def refused(message, change=None, **other):
        spoiled = {name: array.copy() for name, array in arrays.items()} | other
        if change is not None:
            change(spoiled)
        with pytest.raises(InputError, match=message):
            DCDNetwork.from_parameters(configuration, spoiled)

    def first(name, value):
        def change(spoiled):
            spoiled[name].flat[0] = value

        return change

    refused("two rows are equal", lambda a: a["head.cases"].__setitem__(1, a["head.cases"][0]))
    refused("numbers of decisions", first("head.cases", 9))
    refused("numbers of decisions", first("layers.1.phi.gates", -2))
    refused("in some rows and not in others", first("layers.1.phi.gates", -1))
    refused("classes from 0 to 23", first("head.outputs", 24))
    refused("classes from 0 to 23", first("head.outputs", -1))
    refused("should be torch.int32", **{"head.outputs": arrays["head.outputs"].astype(np.int64)})
    refused("should be", **{"head.cases": arrays["head.cases"][:, :2]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head_cases": 0}, "positive integer"),
        ({"head_cases": None, "embedding_size": None}, '"gates" in every layer'),
        ({"head_gates": 3}, "no head_gates"),
        ({"embedding_size": 24}, "embedding_size of 0"),
        ({"layers": [{"family": "aussm", "channels": 1, "hidden": 2, "readout": 2}]}, '"gates" in every layer'),
        (
            {
                "layers": [
                    {"family": "aussm", "channels": 1, "hidden": 2, "readout": 2, "phi": "gates", "activation": "relu"}
                ]
            },
            'goes with the activation "hard"',
        ),
    ],
)
def test_what_the_configuration_must_be(change, message):
    configuration, _ = network_parameters(compiled("S4", "aussm", "all").weights)
    with pytest.raises(InputError, match=message):
        DCDNetwork(**{**configuration, **change})


def test_pieces_bound_what_is_computed_on_the_way():
    """Entries of φ's units are counted too, and words as well as tokens."""
    dense = networks("S4", "aussm", "float64").dense()
    hidden = max(s.hidden for s in dense.specifications)
    assert dense.piece() * hidden <= 1 << 22
    seen = []
    run = dense._run

    def counting(tokens, *rest, **options):
        seen.append(tokens.numel())
        return run(tokens, *rest, **options)

    dense._run = counting
    dense.predict(torch.zeros((3 * dense.piece(), 2), dtype=torch.int64))
    assert max(seen) <= dense.piece()
