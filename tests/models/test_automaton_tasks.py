"""Training on automata: labels, initial networks, and one short run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from subnormal.algebra.input.parser import parse_machine
from subnormal.common.errors import InputError
from subnormal.models.families import FAMILIES
from subnormal.models.network import DCDNetwork
from subnormal.models.recurrences import UnitState
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.initial import initial_network
from subnormal.models.training.recorded import task_of
from subnormal.models.training.tasks import TEST


def configured(group, **settings):
    return RunConfiguration.from_json({"group": group, "family": "gated-aussm", **settings})


@pytest.mark.parametrize("name", ["flip-flop(2)", "tomita(3)", "regex((ab|b)*a)", "grid(3)"])
def test_labels_are_states(name):
    task = task_of(configured(name))
    automaton = parse_machine(name).minimal()
    words = task.training_words(5, 30, 0)
    for word, labels in zip(words, task.labels(words), strict=True):
        assert np.array_equal(labels, automaton.run(word))
    assert task.classes == automaton.count


def test_compiled_weights_start_right():
    configuration = configured("even-pairs", init="compiled", dtype="float64")
    task = task_of(configuration)
    network = initial_network(configuration, task)
    words = task.evaluation_words(3, 8, 200, 0)
    found, _ = network.predict(torch.from_numpy(words))
    assert np.array_equal(found.numpy(), task.labels(words))


def test_random_networks_read_before():
    configuration = configured("tomita(2)", layers=2)
    network = initial_network(configuration, task_of(configuration))
    assert [s.reads for s in network.specifications] == ["before", "before"]
    again = DCDNetwork(**network.configuration())
    assert [s.reads for s in again.specifications] == ["before", "before"]


def test_options_for_groups_are_refused():
    with pytest.raises(InputError, match="that is for groups"):
        task_of(configured("tomita(2)", hold_out=1))


def small_network(**options):
    entry = {"family": "gated-aussm", "channels": 3, "hidden": 7, "readout": 5, "activation": "tanh", "reads": "before"}
    return DCDNetwork(3, 4, [entry, entry | {"family": "mamba"}], dtype="float64", seed=1, **options)


@pytest.mark.parametrize("gates", [None, 6])
def test_scan_step_and_pieces_agree(gates):
    network = small_network(head_gates=gates)
    tokens = torch.randint(3, (2, 23), generator=torch.Generator().manual_seed(0))
    whole = network(tokens)
    first, state = network(tokens[:, :9], None, True)
    second = network(tokens[:, 9:], state)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-12)
    state, stepped = None, []
    for t in range(23):
        logits, state = network.step(tokens[:, t], state)
        stepped.append(logits)
    assert torch.allclose(torch.stack(stepped, 1), whole, atol=1e-12)


def test_before_means_one_token_late():
    """The second layer's φ at a token does not depend on that token's effect below, but on the one before."""
    network = small_network()
    tokens = torch.zeros((1, 6), dtype=torch.int64)
    traces = network.trace(tokens)
    below = traces[0].readout
    assert torch.equal(traces[1].lower[:, 1:], below[:, :-1])
    start = network.layers[0].read(torch.zeros(1, 0, dtype=torch.float64), network.layers[0].start(1).value)
    assert torch.allclose(traces[1].lower[:, 0], start)


def test_gated_scan_against_the_loop():
    family = FAMILIES["gated-aussm"](3, torch.float64)
    generator = torch.Generator().manual_seed(0)
    raw = 2 * torch.randn(2, 17, 12, generator=generator, dtype=torch.float64)
    raw[0, 5, :3] = 800.0  # forgets exactly
    raw[1, 3:9, :3] = -200.0  # keeps exactly
    h = torch.view_as_complex(torch.randn(2, 3, 2, dtype=torch.float64, generator=generator))
    slow, _ = family.scan(raw, UnitState.of(h), "loop")
    fast, _ = family.scan(raw, UnitState.of(h), "torch")
    assert torch.allclose(slow, fast, atol=1e-13)
    assert family.affine(raw)[0][0, 5].abs().max() == 0
    assert torch.allclose(family.affine(raw)[0][1, 3:9].abs(), torch.ones(6, 3, dtype=torch.float64), atol=1e-15)


def test_gated_gradients():
    family = FAMILIES["gated-aussm"](2, torch.float64)
    generator = torch.Generator().manual_seed(1)
    raw = torch.randn(2, 5, 8, generator=generator, dtype=torch.float64).requires_grad_()
    start = torch.randn(2, 2, 2, generator=generator, dtype=torch.float64).requires_grad_()

    def pieces(raw, start):
        first, state = family.scan(raw[:, :2], UnitState.of(torch.view_as_complex(start)), "torch")
        second, _ = family.scan(raw[:, 2:], state, "torch")
        return torch.view_as_real(torch.cat([first, second], 1))

    assert torch.autograd.gradcheck(pieces, (raw, start))


# ---------------------------------------------------------------------- how letters are drawn


def test_a_letter_has_its_share():
    task = task_of(configured("flip-flop(3)", letters="keep=0.9"))
    words = task.evaluation_words(TEST, 100, 500, 0)
    shares = np.bincount(words.ravel(), minlength=4) / words.size
    assert shares == pytest.approx([0.1 / 3] * 3 + [0.9], abs=0.01)
    assert np.bincount(task.training_words(100, 500, 0).ravel(), minlength=4)[3] / 50_000 == pytest.approx(
        0.9, abs=0.01
    )


def test_alive_words_seldom_fall():
    """dyck(2,2): of the uniform words hardly any is alive after 40 letters; most alive ones are, and some are not."""
    uniform, alive = (task_of(configured("dyck(2,2)", letters=letters)) for letters in ("uniform", "alive"))
    forever = np.flatnonzero((alive.moves == np.arange(alive.classes)[:, None]).all(axis=1))
    assert len(forever) == 1

    def fallen(task):
        return (task.labels(task.evaluation_words(TEST, 500, 40, 0)) == forever[0]).mean(axis=0)

    assert fallen(uniform)[-1] > 0.95
    assert 0.1 < fallen(alive)[-1] < 0.35
    words = task_of(configured("tomita(1)", letters="alive")).training_words(200, 300, 0)
    assert (words == 0).any(axis=1).mean() > 0.5, "after the fall every letter is drawn"
    assert words[:, 0].mean() > 0.95


def test_alive_words_go_on_where_the_block_before_ended():
    task = task_of(configured("dyck(1,3)", letters="alive"))
    states = np.arange(task.classes)
    words = task.evaluation_words(TEST, task.classes, 1, 0, 1, states)
    after = task.labels(words, states)[:, 0]
    forever = (task.moves == states[:, None]).all(axis=1)
    assert (forever[after] == forever[states]).all(), "no word falls at its first letter, whatever its state"


@pytest.mark.parametrize("letters", ["keep=1", "keep=0", "keep", "=0.5", "keep=0.5=", "dead"])
def test_letters_that_are_refused(letters):
    with pytest.raises(InputError, match="wanted uniform, alive"):
        configured("flip-flop(2)", letters=letters)


def test_letters_that_do_not_fit():
    with pytest.raises(InputError, match="'w7' is no letter that has others; w0, w1, keep"):
        task_of(configured("flip-flop(2)", letters="w7=0.5"))
    with pytest.raises(InputError, match="keep=0.5 is for automata, S3 is a group"):
        task_of(configured("S3", letters="keep=0.5"))
