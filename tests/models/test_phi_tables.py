"""φ as a table: what its fixed AND gates compute, that they stay as they are, and the recipe of `learn` by `train`."""

import itertools

import numpy as np
import pytest
import torch

from subnormal.api.learning import decompile
from subnormal.common.errors import InputError
from subnormal.models.network import DCDNetwork
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.initial import initial_network
from subnormal.models.training.loop import train_batch
from subnormal.models.training.phi_tables import fixed_parameters, rows_of_table
from subnormal.models.training.recorded import task_of
from subnormal.models.training.runs import RunStore

TABLE = RunConfiguration(
    "S3", "simple-aussm", layers=3, phi="table", bottleneck=3, channels=5, activation="identity", readout=10,
    dtype="float64", steps=4, check_every=4, batch=3, length="5", check_words=2, check_length=20, test_words=2,
    test_length=20,
)  # fmt: skip


def network_of(configuration):
    return initial_network(configuration, task_of(configuration))


def test_each_lower_state_and_token_has_its_own_row():
    network = network_of(TABLE)
    assert [s.hidden for s in network.specifications] == [6, 18, 54]
    tokens = torch.from_numpy(np.random.default_rng(0).integers(6, size=(4, 30)))
    for i, trace in enumerate(network.trace(tokens)):
        places = itertools.product(*[range(3)] * i, range(6))
        row = {place: number for number, place in enumerate(places)}
        decided = trace.lower.view(4, 30, i, 3).argmax(-1).numpy()
        turns = network.layers[i].phi.out.weight.detach()[:5].numpy()
        for w, t in itertools.product(range(4), range(30)):
            own = turns[:, row[(*decided[w, t].tolist(), int(tokens[w, t]))]]
            np.testing.assert_allclose(trace.a[w, t].detach(), np.exp(2j * np.pi * own), atol=1e-12)
    phases = network.layers[2].phi.out.weight.detach()[:5]
    assert 0 <= phases.min() < 0.05 < 0.95 < phases.max() < 1  # all over the circle


def test_a_soft_decision_reads_the_mean_of_its_rows():
    network = network_of(TABLE.with_changes(layers=2, decision="softmax"))
    tokens = torch.tensor([[4, 1, 2]])
    trace = network.trace(tokens)[1]
    assert 0 < trace.lower.min() < trace.lower.max() < 1
    turns = network.layers[1].phi.out.weight.detach()[:5].unflatten(1, (3, 6))
    mean = torch.einsum("wts,cswt->wtc", trace.lower, turns[:, :, tokens])
    torch.testing.assert_close(trace.a, torch.exp(2j * torch.pi * mean))


@pytest.mark.parametrize("family", ["simple-aussm", "aussm", "negative-mamba,simple-aussm"])
def test_training_leaves_the_gates_and_moves_the_table(tmp_path, family):
    run = TABLE.with_changes(family=family, layers=2, weight_decay=0.1)
    start = network_of(run)
    store = RunStore(tmp_path)
    train_batch([run], store)
    end = DCDNetwork.from_pretrained(store.network_folder(run.key))
    assert {s.phi for s in end.specifications} == {"relu"}  # a network like any other
    fixed = fixed_parameters(start)
    assert len(fixed) == 5
    for (name, before), after in zip(start.named_parameters(), end.parameters(), strict=True):
        if name in fixed:
            assert torch.equal(before, after), name
        elif name.endswith("phi.out.weight"):
            assert (before - after).abs().max() > 1e-4, name


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bottleneck": None}, "a table over lower states needs a bottleneck; wanted e.g. --bottleneck 4"),
        ({"hidden": 64}, "hidden: a table has a row for each lower state and token; got 64"),
        ({"init": "compiled"}, "phi: wanted relu, or linear or table with random weights, got 'table'"),
        ({"init": "compiled", "phi": "relu"}, "bottleneck: goes with random weights; compiled has its own layers"),
        ({"decision": "soft"}, "decision: wanted hard or softmax, got 'soft'"),
        ({"bottleneck": None, "phi": "relu", "decision": "softmax"}, "decision: goes with --bottleneck"),
    ],
)
def test_what_does_not_fit_is_refused(changes, problem):
    with pytest.raises(InputError, match=problem):
        TABLE.with_changes(**changes)


def test_a_table_that_is_too_large_is_refused():
    with pytest.raises(InputError, match=r"60 tokens × 20\^2 lower states has 24,000 rows, at most 20,000"):
        rows_of_table(60, 20, 2)


@pytest.mark.slow
def test_the_recipe_is_a_configuration(tmp_path):
    """A loss at every layer, local gradients, a bottleneck, growing words, a table: exact machines from `train`.

    In most runs: nine of ten in results/decompile; which ones, rounding decides.
    """
    base = RunConfiguration(
        "S3", "simple-aussm", layers=2, phi="table", bottleneck=4, losses="every", gradient="local", length="2>>60",
        learning_rate=0.01, channels=32, weight_decay=0.1, activation="identity", readout=64, steps=1500, batch=16,
        check_every=500, test_words=50, test_length=40,
    )  # fmt: skip
    runs = [base.with_changes(seed=seed) for seed in range(4)]
    store = RunStore(tmp_path)
    train_batch(runs, store)
    found = [decompile(store.network_folder(run.key), length=40) for run in runs]
    exact = [one.found.as_json()["small_group_id"] for one in found if one.exact]
    assert len(exact) >= 3, [one.found.failure for one in found]
    assert exact == [[6, 1]] * len(exact)
