"""The refuter on random, compiled, damaged and saved models; every claim is checked again by plain means."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from subnormal.algebra.depth.families import FAMILIES, parse_stack
from subnormal.algebra.input.parser import list_group
from subnormal.common.errors import InputError
from subnormal.constructions.compiler import compile_group
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.refutations.affine_maps import layer_maps
from subnormal.proofs_check.refutations.divergence import diverge
from subnormal.proofs_check.refutations.equalising import PATTERNS, equalise, starting_pairs
from subnormal.proofs_check.refutations.letters import Letters, contraction
from subnormal.proofs_check.refutations.long_words import PowerWord, parse_word
from subnormal.proofs_check.refutations.refutation import Budget, random_network, refute
from subnormal.proofs_check.refutations.theory import group_theory
from tests.forks import run_python
from tests.proofs_check.refutation_cases import cases, run, table

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors: a second thread only costs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def check_pair(network, group, found, epsilon=1e-6):
    """The pair's words, read back from their text, run token by token with `step`: nothing of the refuter is used."""
    pair = found.pair
    rows = [parse_word(str(word)).tokens() for word in pair.words]
    assert len(rows[0]) == len(rows[1]) == pair.words[0].length
    assert [group.product(row) for row in rows] == list(pair.products)
    assert pair.products[0] != pair.products[1]
    double = DCDNetwork(**(network.configuration() | {"dtype": "float64"}))
    double.load_state_dict({name: value.double() for name, value in network.state_dict().items()})
    state, logits = None, None
    with torch.no_grad():
        for column in np.stack(rows, axis=1):
            logits, state = double.step(torch.from_numpy(column), state)
    for carried in state:
        h = carried if isinstance(carried, torch.Tensor) else carried.value
        assert float((h[0] - h[1]).abs().max()) <= epsilon
    assert logits.argmax(-1).tolist() == list(pair.answers)
    assert pair.answers[0] == pair.answers[1]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("name", "width"), [("S3", 1), ("Q8", 3), ("A5", 2)])
def test_one_layer_falls_to_a_pair_of_words(name, family, width):
    group = list_group(name)
    network = random_network(group.order, (family,), width, seed=5)
    found = refute(network, group)
    assert found.kind == "pair"
    assert found.refuted
    assert found.failing is not None
    if found.pair.words[0].length <= 3_000:
        check_pair(network, group, found)


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        ("S4", ("mamba", "mamba")),
        ("A5", ("negative-mamba", "negative-mamba")),
        ("GL(2,3)", ("mamba", "aussm")),
        ("S4", ("negative-mamba", "aussm")),
        ("S3", ("mamba", "negative-mamba", "negative-mamba")),
        ("C2", ("mamba", "mamba", "mamba")),
        ("C3", ("negative-mamba",)),
    ],
)
def test_stacks_fall_to_a_pair_of_words(name, stack):
    group = list_group(name)
    network = random_network(group.order, stack, 1, seed=0)
    found = refute(network, group)
    assert found.kind == "pair"
    assert len(found.pair.distances) == len(stack)
    if found.pair.words[0].length <= 3_000:
        check_pair(network, group, found)


def test_two_unit_modulus_layers_grow():
    group = list_group("A5")
    found = refute(random_network(60, ("aussm", "aussm"), 4, seed=0), group)
    assert found.kind == "growth"
    assert not found.divergence.unbounded
    assert not found.refuted
    assert str(found).startswith("growth observed, not proved: 2 layers")
    sizes = [size for _, size in found.divergence.growth]
    assert sizes[-1] >= 1000 * 0.9
    assert sizes[-1] > 100 * sizes[0]
    assert found.divergence.confirmed == "run"


@pytest.mark.parametrize("width", [8, 16])
def test_wide_unit_modulus_layers_fall_in_closed_form(width):
    """Words too long to run; the phases of both are equal to the last bit and the exact states agree."""
    group = list_group("S3")
    found = refute(random_network(6, ("aussm",), width, seed=0), group, budget=Budget(run_tokens=10_000))
    assert found.pair.confirmed == "closed form"
    assert found.pair.words[0].length > 10_000
    assert found.pair.distance <= 1e-6
    assert found.divergence is not None
    if width == 8:  # the same words, run after all
        again = refute(random_network(6, ("aussm",), width, seed=0), group)
        assert again.pair.confirmed == "run"
        assert again.pair.distance <= 1e-6


def compiled(name, stack, layers):
    """The first layers of a compiled network, with the part of the head that reads them."""
    group = list_group(name)
    from subnormal.constructions.weights import dense_parameters, network_parameters

    config, arrays = dense_parameters(*network_parameters(compile_group(group, parse_stack(stack)).weights))
    config["layers"] = config["layers"][:layers]
    network = DCDNetwork(**config)
    own = network.state_dict()
    arrays["head.weight"] = arrays["head.weight"][:, : own["head.weight"].shape[1]]
    network.load_state_dict({key: torch.from_numpy(np.ascontiguousarray(arrays[key])) for key in own})
    return group, network


@pytest.mark.parametrize(
    ("name", "stack", "layers"),
    [
        ("S3", "aussm", 1),
        ("S4", "aussm", 2),
        ("GL(2,3)", "aussm", 3),
        ("Q8", "negative-mamba", 1),
        ("C4", "negative-mamba", 1),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_a_compiled_network_without_its_last_layer_falls(name, stack, layers, noise):
    if (name, noise) == ("GL(2,3)", 1e-4):
        pytest.skip("known not to be refuted: see docs/refutations.md")
    group, network = compiled(name, stack, layers)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(noise * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    found = refute(network, group)
    assert found.refuted
    assert noise or found.kind == "pair"
    if found.pair and found.pair.words[0].length <= 3_000:
        check_pair(network, group, found)


@pytest.mark.parametrize(
    ("name", "stack"), [("S3", "aussm"), ("S4", "aussm"), ("C4", "negative-mamba"), ("C6", "aussm")]
)
def test_a_network_that_tracks_is_not_refuted(name, stack):
    group = list_group(name)
    layers = len(compile_group(group, parse_stack(stack)).weights.layers)
    group, network = compiled(name, stack, layers)
    found = refute(network, group)
    assert found.kind == "allowed"
    assert not found.refuted
    assert found.pair is found.divergence is found.failing is None


@pytest.mark.parametrize("name", ["S3", "Q8"])
def test_equalised_words_act_alike_on_every_state(name):
    group = list_group(name)
    network = random_network(group.order, ("aussm",), 4, seed=1)
    layer = network.layers[0]
    with torch.no_grad():
        raw = layer.raw(torch.empty((group.order, 0)), torch.arange(group.order), network.embedding.weight)
        maps = layer_maps(layer, raw)
    letters = Letters(group, tuple(PowerWord(i) for i in range(group.order)), np.arange(group.order), maps)
    live = np.ones(4, dtype=bool)
    words = equalise(letters, live, 1e-8)
    assert words is not None
    u, v = words
    assert u.length == v.length
    assert letters.product_of(u) != letters.product_of(v)
    first, second = letters.map_of(u), letters.map_of(v)
    assert np.array_equal(first.phase, second.phase)
    assert np.abs(first.shift - second.shift).max() <= 1e-8
    assert np.bincount(u.tokens()).tolist() == np.bincount(v.tokens()).tolist()
    for pair in starting_pairs(letters, live):
        assert pair.g != pair.h
        difference = letters.map_of(pair.u).shift - letters.map_of(pair.v).shift
        assert np.allclose(np.abs(difference), pair.difference)
    assert contraction(letters)[1].tolist() == [0.0] * 4
    assert diverge(letters, live, np.ones(4, dtype=complex), 50.0).growth[-1][1] >= 50.0


@pytest.mark.parametrize("pattern", range(len(PATTERNS)))
def test_the_factors_of_the_patterns(pattern):
    """u z v … and v z u … differ by |factor|·|D|: the identities at the head of equalising.py."""
    from subnormal.proofs_check.refutations.equalising import _factor

    generator = np.random.default_rng(pattern)
    mu, mu_z = np.exp(2j * np.pi * generator.random(2))
    t_u, t_v, t_z = generator.normal(size=3) + 1j * generator.normal(size=3)
    ends = []
    for swap in (0, 1):
        h = 0.0
        for place, choice in enumerate(PATTERNS[pattern]):
            if place:
                h = mu_z * h + t_z
            h = mu * h + (t_u, t_v)[choice ^ swap]
        ends.append(h)
    zeta = np.angle(mu * mu_z) / (2 * np.pi)
    assert abs(abs(ends[0] - ends[1]) - _factor(pattern, np.array(zeta)) * abs(t_u - t_v)) < 1e-12


def test_epsilon_is_kept():
    group = list_group("S3")
    network = random_network(6, ("aussm",), 2, seed=0)
    lengths = []
    for epsilon in (1e-2, 1e-6, 1e-9):
        found = refute(network, group, epsilon=epsilon)
        assert found.pair.distance <= epsilon
        lengths.append(found.pair.words[0].length)
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_what_cannot_be_refuted_is_refused():
    group = list_group("S3")
    with pytest.raises(InputError, match="'rnn', whose state does not change by affine maps"):
        refute(random_network(6, ("rnn",), 4, 0), group)
    with pytest.raises(InputError, match="8 classes, S3 has 6"):
        refute(random_network(8, ("aussm",), 4, 0), group)
    with pytest.raises(InputError, match="epsilon 2"):
        refute(random_network(6, ("aussm",), 4, 0), group, epsilon=2.0)
    with pytest.raises(InputError, match="6 tokens, the alphabet has 2"):
        refute(random_network(6, ("aussm",), 4, 0), group, np.array([1, 2]))


def test_theory_is_the_series():
    assert group_theory(list_group("S3"), parse_stack("aussm")).forbidden
    assert not group_theory(list_group("S3"), parse_stack("negative-mamba,aussm")).forbidden
    assert group_theory(list_group("S3"), parse_stack("aussm,negative-mamba")).forbidden
    assert group_theory(list_group("A5"), parse_stack("aussm," * 9 + "aussm")).forbidden


def test_an_alphabet_of_generators():
    group = list_group("S3")
    alphabet = np.array(group.generators)
    layer = {"family": "aussm", "channels": 2, "hidden": 8, "readout": 8}
    network = DCDNetwork(len(alphabet), 6, [layer], seed=0)
    found = refute(network, group, alphabet)
    assert found.kind == "pair"
    rows = [word.tokens() for word in found.pair.words]
    assert [group.product(alphabet[row]) for row in rows] == list(found.pair.products)


def command(*arguments):
    return run_python("-m", "proofs_check", "refute", *arguments, cwd=ROOT)


def test_the_command_on_a_saved_model(tmp_path):
    random_network(6, ("aussm",), 2, seed=0).save_pretrained(tmp_path / "model")
    found = command(str(tmp_path / "model"), "S3", "--json")
    assert found.returncode == 0, found.stderr
    content = json.loads(found.stdout)
    assert content["kind"] == "pair"
    assert max(content["pair"]["state_distances"]) <= 1e-6
    missing = command(str(tmp_path / "model"))
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    assert "does not say which group" in missing.stderr


def test_the_command_on_a_compiled_folder(tmp_path):
    compile_group(list_group("S3"), parse_stack("aussm")).save(tmp_path / "s3")
    found = command(str(tmp_path / "s3"))
    assert found.returncode == 5
    assert "theory does not forbid this" in found.stdout


def test_the_table_counts_what_was_found():
    some = [case for case in cases() if case[2] == 1 and case[0] == "S3"][:4]
    rows = [run(case) for case in some]
    assert all(
        row["kind"] == "pair" and row["failing"] and row["same_answers"] and row["products_differ"] for row in rows
    )
    assert "| s4d | 2 | 2 | 0 | 0 | 0 |" in table(rows)


@pytest.mark.slow
def test_every_random_model_is_refuted():
    rows = [run(case) for case in cases()]
    assert len(rows) == 458
    assert not [row for row in rows if row["kind"] not in ("pair", "divergence", "growth")]
    assert all(row["distance"] <= 1e-6 and row["same_answers"] for row in rows if "distance" in row)
