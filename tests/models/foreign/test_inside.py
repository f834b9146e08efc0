"""The states behind the answers: together or not, split, drifting; and the length that is proved."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import subnormal as sn
from subnormal.api.inside import look
from subnormal.api.models import task_of_name
from subnormal.common.errors import InputError
from subnormal.models.foreign.inside import StateReader, measured
from subnormal.models.foreign.model import foreign_model
from subnormal.models.foreign.trials import all_words
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.horizons.delta_models import prove_states

S3 = task_of_name("S3").tracked
TABLE, SIX = np.asarray(S3.moves), {"letters": list(range(6)), "classes": list(range(6))}


@pytest.fixture(scope="module")
def olmo(tmp_path_factory):
    return sn.compile("S3", target="olmo-hybrid").save(tmp_path_factory.mktemp("inside") / "s3")


@pytest.fixture(scope="module")
def delta(tmp_path_factory):
    return sn.compile("S3", target="delta").save(tmp_path_factory.mktemp("inside") / "delta")


def noisy(folder, size, seed=0):
    """Our own delta-rule network with noise on all that φ gives."""
    network = sn.load(folder).network()
    weight = network.layers[0].phi.out.weight
    with torch.no_grad():
        weight += size * torch.randn(weight.shape, dtype=weight.dtype, generator=torch.Generator().manual_seed(seed))
    return network


def damaged(folder, place, size):
    shutil.copytree(folder, place)
    tensors = load_file(place / "model.safetensors")
    weight = tensors["model.layers.0.linear_attn.k_proj.weight"]
    weight += size * weight.abs().max() * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    save_file(tensors, place / "model.safetensors", metadata={"format": "pt"})
    return place


def test_clusters_against_distances_by_hand():
    """Two classes on a line: at length 1 they are points, at length 2 one is as wide as the other is far."""
    states = np.array([[0.0], [0.0], [4.0], [4.0], [0.5], [3.0], [-3.0], [4.0]])
    found = measured(states, np.array([0, 0, 1, 1, 0, 1, 0, 1]), np.array([1, 1, 1, 1, 2, 2, 3, 3]), 0, ("a", "b"))
    assert found.by_length == ((1, 4.0, 0.0), (2, 2.5, 1.0), (3, 2.5, 3.5))
    assert (found.together, found.together_to) == (False, 2)
    assert found.margins()[0][1] == np.inf
    alone = measured(states[:3], np.array([0, 0, 1]), np.ones(3, np.int64), 0, ("a", "b", "never"))
    assert alone.parts == (1, 1, 0)
    assert "clusters up to 2 letters and meet by 3" in found.sentence()


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_of_a_class(parts):
    """Class 0 is so many points, with noise; class 1 is a cloud as wide as the points are far: that is one part."""
    random = np.random.default_rng(0)
    centre = np.repeat(np.arange(parts), 30)[:, None] * 5.0
    first = centre + 0.01 * random.standard_normal((30 * parts, 1))
    second = 20 + random.uniform(0, 10, (90, 1))
    states = np.concatenate([first, second])
    found = measured(states, np.repeat([0, 1], [30 * parts, 90]), np.ones(30 * parts + 90, np.int64), 0, ("a", "b"))
    assert found.parts == (parts, 1)
    assert found.split == ((0,) if parts > 1 else ())
    both, alike = np.repeat([0, 1], 30 * parts), np.ones(60 * parts, np.int64)
    mixed = measured(np.concatenate([first, first]), both, alike, 0, ("a", "b"))
    assert mixed.parts == (1, 1), "classes that are not apart have no parts"


def test_a_checkpoint_of_ours(olmo, tmp_path):
    found = sn.decompile(olmo, length=20, inside=True, plot=tmp_path / "states.png")
    inside = found.inside
    assert inside.together
    assert inside.split == ()
    assert set(inside.margins.values()) == {np.inf}
    assert inside.proved_length is None
    assert "words of every length (as `compile` writes it; no rounding occurs" in str(found)
    assert (tmp_path / "states.png").read_bytes()[:4] == b"\x89PNG"
    told = found.as_json()["inside"]
    assert (told["classes"], told["together"], told["proved"]["every_length"]) == (6, True, True)
    assert set(told["parts"].values()) == {1}
    json.dumps(told, allow_nan=False)


def test_states_that_drift_apart(olmo, tmp_path):
    """Weights off by a hundredth: the margin shrinks with length, and what is proved ends."""
    model = foreign_model(damaged(olmo, tmp_path / "s3", 0.01), None, S3)
    inside = look(
        model, None, (), S3, True, length=80, seed=0, special=None, reader=StateReader(model),
        plot=tmp_path / "states.png",
    )  # fmt: skip
    margins = list(inside.margins.values())
    assert inside.found.wrong == 0
    assert margins[0] > 3 * margins[-1] > 0
    assert all(a >= b for a, b in pairwise(margins))
    assert not inside.by_compile
    assert 1 <= inside.proved_length < 100
    assert f"proved of the machine: all words of up to {inside.proved_length} letters (after it" in str(inside)
    assert (tmp_path / "states.png").read_bytes()[:4] == b"\x89PNG"


def test_a_class_is_split_although_all_answers_are_right(tmp_path):
    """A network that tracks C4, and says the parity alone."""
    network = sn.load(sn.compile("C4", target="delta").save(tmp_path / "c4")).network()
    parameters = dict(network.state_dict())
    head = parameters["head.weight"]
    parameters["head.weight"] = torch.stack([head[[0, 2]].sum(0), head[[1, 3]].sum(0)])
    parameters["head.bias"] = torch.zeros(2, dtype=head.dtype)
    parity = DCDNetwork.from_parameters({**network.configuration(), "classes": 2}, parameters)
    read = sn.decompile(parity, length=50, inside=True)
    assert (read.states, read.learnt.wrong) == (2, None)
    assert read.inside.found.wrong == 0
    assert read.inside.found.parts == (2, 2)
    assert len(read.inside.split) == 2
    assert not read.inside.together
    assert "its state holds 4 classes where 2 are answered" in str(read)


def test_integers_are_proved_for_every_length(delta):
    model = foreign_model(sn.load(delta).network(), SIX)
    found = prove_states(model, TABLE, np.arange(6))
    assert (found.length, found.covered) == (None, True)
    assert prove_states(model, TABLE, np.array([0, 1, 2, 3, 5, 4])).length == 0, "another machine"


@pytest.mark.parametrize("size", [0.03, 0.2, 0.4])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_word_within_the_proved_length_is_wrong(delta, size, seed):
    """All words of up to five letters are run; the proof ends before the first wrong one."""
    model = foreign_model(noisy(delta, size, seed), SIX)
    proved = prove_states(model, TABLE, np.arange(6)).length
    words = all_words(6, 5)
    right = model.answers(words) == np.array([S3.run(word) for word in words])
    first = int((~right).any(axis=0).argmax()) + 1 if not right.all() else 6
    assert proved is not None
    assert proved < first


def test_smaller_noise_is_proved_for_longer(delta):
    models = [foreign_model(noisy(delta, size), SIX) for size in (1e-9, 1e-5, 1e-3)]
    lengths = [prove_states(model, TABLE, np.arange(6)).length for model in models]
    assert lengths[0] > 10**6
    assert lengths[0] > lengths[1] > lengths[2] > 5


@pytest.mark.parametrize("size", [0.1, 0.01, 0.001])
def test_a_damaged_checkpoint_is_right_as_far_as_is_proved(olmo, tmp_path, size):
    model = foreign_model(damaged(olmo, tmp_path / "s3", size), None, S3)
    found = prove_states(model, TABLE, np.arange(6))
    assert found.covered
    assert found.length is not None
    words = np.random.default_rng(0).integers(6, size=(32, max(1, found.length)))
    for way in ("whole", "cached"):
        assert np.array_equal(model.answers(words, way=way), np.array([S3.run(word) for word in words]))


def test_what_is_not_covered_is_said(olmo, tmp_path):
    model = foreign_model(olmo, None, S3)
    convolution = model.module.model.layers[0].linear_attn.conv1d.weight
    with torch.no_grad():
        convolution[0, 0, 0] = 0.25
    assert "convolution looks at earlier tokens" in prove_states(model, TABLE, np.arange(6)).reason
    with torch.no_grad():
        convolution[0, 0, 0] = 0.0
        model.module.model.layers[1].self_attn.o_proj.weight[0, 0] = 1.0
    found = prove_states(model, TABLE, np.arange(6))
    assert (found.covered, found.reason) == (False, "an attention layer writes too")
    half = foreign_model(olmo, None, S3)
    half.module.to(torch.bfloat16)
    assert "float32" in prove_states(half, TABLE, np.arange(6)).reason


def test_our_own_layers_with_phases():
    found = sn.decompile(sn.compile("C4").network(), "C4", length=40, inside=True)
    assert found.inside.together
    assert found.inside.proof is None
    assert found.as_json()["inside"]["classes"] == 4


def test_states_that_the_answers_do_not_say(olmo):
    """The layer's output is dropped: every answer is wrong, and the states are those of S3 as before."""
    model = foreign_model(olmo, None, S3)
    with torch.no_grad():
        model.module.model.layers[0].linear_attn.o_proj.weight.zero_()
    inside = look(model, None, (), S3, False, length=10, seed=0, special=None, reader=StateReader(model))
    assert inside.together
    assert inside.found.wrong == len(inside.found.states)
    assert "by the classes of S3: one state for each class" in str(inside)
    assert "the state has it, and the answers do not say it" in str(inside)
    assert inside.proved_length == 0


def test_bad_input(tmp_path):
    def parity(ids):
        return torch.nn.functional.one_hot(ids.cumsum(1) % 2, 2)

    with pytest.raises(InputError, match="shows no state: a function gives logits alone"):
        sn.decompile(parity, "C2", length=20, inside=True)
    with pytest.raises(InputError, match="wanted --inside beside it"):
        sn.decompile(parity, "C2", length=20, plot=tmp_path / "x.png")
