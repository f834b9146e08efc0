"""What is said of concrete models, with the widths that they have: refute, diagnose, train, inspect --channels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.depth.width import widths_answer
from subnormal.algebra.groups.catalogue import small_group
from subnormal.algebra.input.parser import list_group
from subnormal.api.compiling import compile
from subnormal.api.groups import inspect
from subnormal.api.learning import diagnose
from subnormal.api.training import train
from subnormal.common.errors import InputError
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.verification import first_fault
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.refutations.refutation import random_network, refute
from subnormal.proofs_check.refutations.theory import delta_theory, theory_of


def test_a_layer_that_is_too_narrow_is_refuted():
    group = list_group("C2xC2")
    narrow = refute(random_network(4, ["aussm"], 1, 0), group)
    assert narrow.kind == "failing"
    assert "with 1 channel, cannot track C2xC2" in narrow.theory
    assert "of any width, 1 layer (aussm) can track C2xC2" in narrow.theory
    assert refute(random_network(4, ["aussm"], 2, 0), group).kind == "allowed"


@pytest.mark.parametrize("number", range(1, 15))
def test_series_that_are_found_are_machines(number):
    """A complete series without trivial factors compiles to a cascade of these channels."""
    listed = small_group(16, number)
    for widths in ((1, 1), (1, 2), (2, 1), (1, 1, 1), (2, 2), (1, 3)):
        found = widths_answer(listed, [FAMILIES["aussm"]] * len(widths), widths)
        if found.tracks and all(factor.moduli for factor in found.factors):
            cascade = compile_group(listed, [FAMILIES["aussm"]], "all", series=found.series).cascade
            assert first_fault(cascade, listed) is None
            assert all(len(layer.moduli) <= w for layer, w in zip(cascade.layers, widths, strict=True))


def test_the_corners_of_a_square_are_tracked_by_two_channels():
    from subnormal.algebra.automata.automaton import Automaton
    from subnormal.api.compiling import compile as compiled_automaton

    square = Automaton.make("square", [[1, 0], [2, 3], [3, 2], [0, 1]], "rf")
    compiled = compiled_automaton(square, "negative-mamba,negative-mamba")
    network = compiled.network()
    assert [one.channels for one in network.specifications] == [1, 1]
    words = np.random.default_rng(0).integers(2, size=(50, 200))
    answers = network.predict(torch.from_numpy(words))[0].numpy()
    assert all(np.array_equal(a, compiled.automaton.run(w)) for a, w in zip(answers, words, strict=True))
    assert not theory_of(network.specifications, square).forbidden
    assert inspect(square, "negative-mamba", "1,1").as_json()["stack"]["tracks"] is True
    assert inspect("D4", "negative-mamba", "1,1").as_json()["stack"]["tracks"] is False


def test_the_degree_of_a_delta_layer_counts():
    def forbidden(name, degree):
        group = list_group(name)
        return delta_theory(group, ["delta-4"], np.arange(group.order), [degree]).forbidden

    for name, least in {"C2": 1, "C3": 2, "C2xC2": 2, "S3": 2, "D5": 2, "C2^3": 3, "A4": 3, "S4": 3, "A5": 3}.items():
        assert [forbidden(name, d) for d in (1, 2, 3)] == [d < least for d in (1, 2, 3)], name
    for name in ("C3xC3", "Q8", "SL(2,3)", "S5", "C2^4"):
        assert forbidden(name, 3)
        assert not forbidden(name, 4)  # not decided


def test_no_subgroup_is_named_that_there_is_not():
    compiled = compile("A4")
    network = compiled.network()
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.mul_(0.1)
    found = diagnose(network, "A4")
    assert "order 6" not in str(found)
    assert "plateau" not in str(found)
    assert "how soft the head is" in str(found)
    assert found.verdict.startswith("nothing is missing")
    assert found.left == (12, 4, 2, 1)  # 6 divides 12 and is no subgroup's order; 3 is no layer's
    layer = {"family": "aussm", "channels": 1, "hidden": 8, "readout": 4, "activation": "softmax"}
    narrow = diagnose(DCDNetwork(4, 4, [layer], seed=0), "C2xC2")
    assert not narrow.possible
    assert "with 1 channel, cannot track C2xC2" in narrow.reason


def test_training_says_first_what_theory_forbids(tmp_path, capsys):
    trained = train("C2xC2", steps=1, channels=1, layers=1, out=tmp_path)
    assert "with 1 channel, cannot track C2xC2" in trained.forbidden
    first = capsys.readouterr().err.splitlines()[0]
    assert first == f"theory: {trained.forbidden}; it is trained all the same"
    assert train("C2xC2", steps=1, channels=2, layers=1, out=tmp_path).forbidden is None
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("theory: 1 layer (aussm) can track C2xC2")
    assert first.endswith("and 2 channels can do")


@pytest.mark.parametrize("text", ["", "1,", "0", "-1", "1,x", "99999999", "1.0", "¹"])
def test_channels_that_are_no_numbers(text):
    with pytest.raises(InputError, match="wanted"):
        inspect("S3", None, text)


def test_channels_and_stack_must_fit():
    with pytest.raises(InputError, match="wanted one number a layer"):
        inspect("S3", "aussm,aussm", "1,1,1")
    assert inspect("S4", channels="1,1,2").as_json()["stack"]["tracks"] is True
    assert inspect("S4").least_widths == ((1, 1, 2),)
