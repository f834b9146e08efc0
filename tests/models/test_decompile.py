"""Reading machines out of networks: noisy compiled ones give the machine back, others say what is missing and where."""

import json

import numpy as np
import pytest
import torch

from subnormal.algebra.groups.identify import small_group_id
from subnormal.algebra.input.parser import list_group
from subnormal.api.compiling import compile
from subnormal.api.learning import decompile, diagnose
from subnormal.common.errors import InputError
from subnormal.experiments.training_together import TogetherRecipe, train_together
from subnormal.models.learning.decompile import decompile_network
from subnormal.models.learning.traced import mean_phases, snap_traced
from subnormal.models.learning.words import words_of_task
from subnormal.models.network import DCDNetwork
from subnormal.models.training.tasks import Task, full_task
from subnormal.proofs_check.certificates.checker import check


def noisy(name, sigma, family="aussm", alphabet=None):
    """The compiled network of a group, with noise on every parameter, and its task."""
    compiled = compile(name, family=family, alphabet=alphabet)
    network = compiled.network()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += sigma * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return network, Task(compiled.tracked)


@pytest.mark.parametrize(
    ("name", "family", "alphabet"),
    [("S3", "aussm", None), ("Q8", "aussm", None), ("D4", "negative-mamba", None), ("S4", "aussm", "generators")],
)
def test_a_noisy_network_gives_its_machine_back(name, family, alphabet):
    network, task = noisy(name, 0.003, family, alphabet)
    found = decompile_network(network, task, length=100)
    assert found.failure is None
    assert found.exact.small_group_id == small_group_id(task.group)
    tokens = np.random.default_rng(0).integers(len(task.alphabet), size=(10, 200))
    assert np.array_equal(found.exact.outputs(tokens), task.labels(tokens))
    assert found.proved >= 2
    assert max(np.abs(k.error).max() for layer in found.layers for k in layer.kept) < 0.05


def test_the_length_that_is_proved_ends_where_network_and_machine_part():
    network, task = noisy("S3", 0.0, alphabet="generators")
    assert decompile_network(network, task, length=20).proved == 11  # 2^11 words of 11 tokens are within the limit
    with torch.no_grad():
        network.layers[0].phi.out.bias[1] += 0.024  # 1/4 turn, where the sign is decided, is passed at token 11
    found = decompile_network(network, task, length=20)
    assert found.exact is not None
    assert found.proved == 10


def test_the_first_layer_without_a_counter_is_named():
    network, task = noisy("S4", 0.0)
    with torch.no_grad():
        network.layers[1].phi.out.weight.mul_(0.37)
    found = decompile_network(network, task, length=20)
    assert found.exact is None
    assert found.failure.startswith("layer 2 has no channel that is a counter (the lower layers hold 2 states)")


def test_layers_that_forget_have_no_channel_and_an_rnn_no_phases():
    task = full_task(list_group("C2"))
    layer = {"channels": 4, "hidden": 8, "readout": 4, "activation": "gelu"}
    network = DCDNetwork(2, 2, [{**layer, "family": "s4d"}], seed=0)
    assert "it hardly turns" in decompile_network(network, task, length=20).failure
    with torch.no_grad():
        network.layers[0].transition.log_rate.fill_(3.0)
        network.layers[0].transition.log_step.fill_(0.0)
    assert "it can only forget" in decompile_network(network, task, length=20).failure
    network = DCDNetwork(2, 2, [{**layer, "family": "rnn"}], seed=0)
    with pytest.raises(InputError, match="layer 1 is of the family 'rnn'"):
        decompile_network(network, task)
    network = DCDNetwork(2, 2, [{**layer, "family": "delta-1"}], seed=0)
    with pytest.raises(InputError, match="layer 1 is of the family 'delta-1', which has no phases"):
        decompile_network(network, task)
    assert "structure: no machine" in str(diagnose(network, "C2", length=20))  # by its answers


def test_a_network_of_another_size_is_refused():
    network, _ = noisy("S3", 0.0)
    with pytest.raises(InputError, match="6 tokens and 6 classes, A4 has 12 and 12"):
        decompile(network, "A4")
    with pytest.raises(InputError, match="does not say which group"):
        decompile(network)


def test_what_is_read_out_of_a_folder_is_written_and_certified(tmp_path):
    network, _ = noisy("S3", 0.003)
    network.save_pretrained(tmp_path / "trained")
    found = decompile(tmp_path / "trained", "S3", out=tmp_path / "machine", length=100)
    assert found.exact
    assert check(tmp_path / "machine").claim == found.claim
    assert json.dumps(found.as_json())
    assert "SmallGroup(6,1)" in str(found)


def test_a_diagnosis_tells_precision_from_structure_from_the_impossible():
    network, _ = noisy("S3", 0.003)
    assert diagnose(network, "S3").verdict.startswith(("precision", "nothing"))
    layer = {"family": "aussm", "channels": 4, "hidden": 8, "readout": 4, "activation": "softmax"}
    empty = diagnose(DCDNetwork(6, 6, [layer, layer], seed=0), "S3")
    assert empty.verdict.startswith("structure: the layers hold 1 of 6 states")
    alone = diagnose(DCDNetwork(6, 6, [layer], seed=0), "S3")
    assert not alone.possible
    assert "6 ≥ 3" in alone.reason
    assert "words" in alone.reason  # the refuter's
    assert json.dumps(alone.as_json())


# ------------------------------------------------------------------------------------------------ all layers together


def test_mean_phases_are_those_of_a_table_and_the_spread_is_what_it_does_not_explain():
    words = words_of_task(full_task(list_group("S3")), 50, 20, 0)
    compiled = compile("S3")
    table = np.random.default_rng(0).random((1, 6, 2))
    machine = snap_traced([np.zeros((50, 20, 1))], words)[0].machine
    added = table[0][words.tokens]
    mean, spread = mean_phases(added, machine, words.tokens)
    np.testing.assert_allclose(mean, table, atol=1e-9)
    np.testing.assert_allclose(spread, 0, atol=1e-9)
    added[..., 0] = np.random.default_rng(1).random((50, 20))
    assert mean_phases(added, machine, words.tokens)[1][..., 0].min() > 0.5
    assert compiled.group.order == 6


@pytest.mark.parametrize("gradient", ["local", "through"])
def test_lower_layers_get_a_gradient_from_the_last_loss_only_where_it_goes_through(gradient):
    words = words_of_task(full_task(list_group("S3")), 20, 10, 0)
    recipe = TogetherRecipe(losses="last", gradient=gradient, steps=1, positions=20, channels=4)
    networks, _ = train_together([words], [0], recipe)
    moved = [parameter.grad is not None and bool((parameter.grad != 0).any()) for parameter in networks.phase.values()]
    assert moved == [gradient == "through", True]


def test_a_choice_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="losses: wanted every or last"):
        TogetherRecipe(losses="first")
