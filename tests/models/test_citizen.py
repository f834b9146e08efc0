"""A network among torch's own things: precisions, autocast, compile, export, ONNX; words in and answers out."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import subnormal as sn
from subnormal.algebra.depth.families import ALL_FAMILIES
from subnormal.models.network import DCDNetwork
from subnormal.models.tracing import BLOCK, Pairs, multiplied, turned

LOW = [torch.float16, torch.bfloat16]
ANY = torch.export.Dim.DYNAMIC
DIAGONAL = [name for name, family in ALL_FAMILIES.items() if family.is_diagonal]
LOOPS = [
    name if name in ("rnn", "delta-2", "block-2", "complex-block-2") else pytest.param(name, marks=pytest.mark.slow)
    for name, family in ALL_FAMILIES.items()
    if not family.is_diagonal
]  # each takes five seconds
CASES = ["S4", "flip-flop(2)"]
"""Turns with lower layers; resets."""


def but_slow(names, *quick):
    """Graphs take seconds to make: those named by default, the others with the slow tests."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.fixture(scope="module")
def s4():
    return sn.compile("S4").network(dtype="float32")


def words_for(net, count, length, seed=0):
    return torch.randint(net.alphabet_size, (count, length), generator=torch.Generator().manual_seed(seed))


def trained_like(family, dtype="float64", activation="tanh"):
    """A network with random weights, so that every drive and gate counts; nothing in it is exact."""
    channels = ALL_FAMILIES[family].whole_blocks(3)
    entry = {"family": family, "channels": channels, "hidden": 8, "readout": 4, "activation": activation}
    return DCDNetwork(5, 6, [entry, {**entry, "reads": "before"}], dtype=dtype, seed=3)


def exported(net, words, **options):
    return torch.export.export(net, (words,), **options).module()


# --------------------------------------------------------------------------- precisions


@pytest.mark.parametrize("given", ["float32", torch.float32, np.float32, np.dtype("float32")])
def test_a_dtype_by_any_name(given, tmp_path):
    compiled = sn.compile("S3")
    assert compiled.network(dtype=given).dtype == torch.float32
    folder = compiled.save(tmp_path / "s3")
    assert sn.load(folder).network(given).dtype == DCDNetwork.from_pretrained(folder, given).dtype == torch.float32
    assert compiled.network().converted(given).dtype == torch.float32
    layer = {"family": "aussm", "channels": 1, "hidden": 2, "readout": 2}
    assert DCDNetwork(2, 2, [layer], dtype=given).dtype == torch.float32
    assert sn.run_word(folder, "network", length=50, dtype=given).first_wrong is None
    sn.verify(folder, length=50, arithmetic="network", dtype=given)


@pytest.mark.parametrize("given", ["float16", torch.float16, torch.int64, np.int32, "float", None, 32])
def test_another_dtype_is_refused_in_one_line(given):
    with pytest.raises(sn.InputError, match=r'^dtype: expected "float32" or "float64", got [^\n]*$'):
        sn.compile("S3").network(dtype=given)


@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("inside", [False, True])
def test_half_precision_is_for_the_answers(s4, low, inside):
    words = words_for(s4, 4, 300)
    expected = s4(words)
    net = copy.deepcopy(s4)
    whole = nn.Sequential(net) if inside else net
    whole.to(low)
    assert net.dtype == torch.float32
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), s4.state_dict().values(), strict=True))
    assert torch.equal(whole(words), expected.to(low))
    assert net.features(words).dtype == net.step(words[:, 0])[0].dtype == low
    with torch.no_grad():
        assert torch.equal(net(words), expected.to(low))
    whole.to("cpu")  # a device is no dtype
    assert whole(words).dtype == low
    whole.float()
    assert torch.equal(whole(words), expected)
    assert whole.double()(words).dtype == torch.float64


def test_float_rounds_each_weight_once():
    rounded, made = sn.compile("S4").network().float(), sn.compile("S4").network(dtype="float32")
    assert rounded.dtype == torch.float32
    pairs = zip(rounded.state_dict().values(), made.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.filterwarnings("ignore:Complex modules")
def test_complex_parameters_are_refused(s4):
    with pytest.raises(sn.InputError, match="wanted float32 or float64"):
        copy.deepcopy(s4).to(torch.complex64)


@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("gradients", [False, True])
def test_autocast_does_not_reach_it(s4, low, gradients):
    words = words_for(s4, 4, 300)
    with torch.set_grad_enabled(gradients):
        expected, features = s4(words), s4.features(words)
        with torch.autocast("cpu", dtype=low):
            assert torch.equal(s4(words), expected)
            assert torch.equal(s4.features(words), features)
            assert torch.equal(s4.step(words[:, 0])[0], expected[:, 0])
            assert torch.is_autocast_enabled("cpu")
        head = nn.Linear(s4.classes, 3)
        with torch.autocast("cpu", dtype=low):
            assert head(s4(words)).dtype == low


def test_copies_are_the_same(s4, tmp_path):
    words = words_for(s4, 4, 100)
    expected = s4(words)
    torch.save(s4, tmp_path / "whole.pt")
    other = sn.compile("S4").network(dtype="float32")
    with torch.no_grad():
        other.head.bias.add_(1)
    assert other.load_state_dict(s4.state_dict()).missing_keys == []
    copies = [pickle.loads(pickle.dumps(s4)), copy.deepcopy(s4), torch.load(tmp_path / "whole.pt", weights_only=False)]
    for same in (*copies, other):
        assert torch.equal(same(words), expected)
        assert same.decode(same(words)) == s4.decode(expected)
    with torch.inference_mode():
        assert torch.equal(sn.compile("S4").network(dtype="float32")(words), expected)


def test_numbers_loaded_later_are_seen():
    """Another machine's gates in the same shapes: what was looked up before is forgotten."""
    first, second = (sn.compile("C7", alphabet=text).network() for text in ("1;2", "1;3"))
    words = words_for(first, 2, 30)
    expected = second(words)
    assert not torch.equal(first(words), expected)
    first.load_state_dict(second.state_dict())
    assert torch.equal(first(words), expected)


# --------------------------------------------------------------------------- one graph


@pytest.mark.parametrize("name", but_slow(CASES, "S4"))
def test_export_of_any_length_gives_the_same_bits(name):
    net = sn.compile(name).network(dtype="float32")
    words = words_for(net, 3, 1000)
    example = words_for(net, 2, 7, seed=1)
    graph = exported(net, example, dynamic_shapes=({0: ANY, 1: ANY},))
    for batch in (words, words[:1], words[:, : BLOCK + 1], words[:, :2]):
        assert torch.equal(graph(batch.contiguous()), net(batch))
    assert torch.equal(exported(net, words)(words), net(words))


@pytest.mark.parametrize("family", but_slow(DIAGONAL, "gated-aussm"))
def test_export_of_trained_layers(family):
    net = trained_like(family)
    words = words_for(net, 3, 100)
    graph = exported(net, words[:2, :5].clone(), dynamic_shapes=({0: ANY, 1: ANY},))
    torch.testing.assert_close(graph(words), net(words), rtol=0, atol=1e-10)


@pytest.mark.parametrize("family", but_slow(LOOPS, "delta-2", "complex-block-2"))
def test_a_loop_over_time_is_exported_for_one_length(family):
    net = trained_like(family)
    words = words_for(net, 2, 6)
    graph = exported(net, words, dynamic_shapes=({0: ANY, 1: torch.export.Dim.STATIC},))
    for some in (words, words_for(net, 5, 6, seed=1)):
        torch.testing.assert_close(graph(some), net(some), rtol=0, atol=1e-12)
    with torch.no_grad():
        _, state = net(words, return_state=True)
        going_on = torch.export.export(net, (words,), {"state": state, "return_state": True}).module()
        found, after = going_on(words, state=state, return_state=True)
        expected, last = net(words, state, return_state=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for one, other in zip(after, last, strict=True):
        torch.testing.assert_close(getattr(one, "value", one), getattr(other, "value", other), rtol=0, atol=1e-12)
    with pytest.raises(sn.InputError, match="loop over time"):
        torch.export.export(net, (words,), dynamic_shapes=({0: ANY, 1: ANY},))


@pytest.mark.parametrize("name", but_slow(CASES, "flip-flop(2)"))
def test_onnx_on_a_thousand_words(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    net = sn.compile(name).network(dtype="float32").requires_grad_(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net, (words_for(net, 2, 5),), input_names=["tokens"], dynamic_shapes=({0: ANY, 1: ANY},), verbose=False
        )
    program.save(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    words = words_for(net, 1000, 200)
    (found,) = session.run(None, {"tokens": words.numpy()})
    assert np.array_equal(found, net(words).numpy())


@pytest.mark.slow  # a graph that breaks, or other bits, are seen below as well
def test_compile_is_one_graph(s4):
    words = words_for(s4, 3, 200)
    quick = torch.compile(s4, fullgraph=True, backend="aot_eager", dynamic=True)
    with torch.no_grad():
        assert torch.equal(quick(words), s4(words))
        assert torch.equal(quick(words[:, :77]), s4(words[:, :77]))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")
def test_inductor_gives_the_same_bits(name):
    net = sn.compile(name).network(dtype="float32")
    words = words_for(net, 3, 200)
    with torch.no_grad():
        assert torch.equal(torch.compile(net, fullgraph=True)(words), net(words))


@pytest.mark.parametrize("family", but_slow(DIAGONAL, "aussm"))
def test_gradients_of_a_compiled_graph_are_those_of_eager(family):
    net = trained_like(family, activation="hard")
    words = words_for(net, 2, 40)
    net(words).square().sum().backward()
    expected = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    torch.compile(net, fullgraph=True, backend="aot_eager")(words).square().sum().backward()
    for parameter, gradient in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-8, atol=1e-10)


def test_a_state_goes_through_a_compiled_graph(s4):
    words = words_for(s4, 2, 60)
    quick = torch.compile(s4, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        first, state = quick(words[:, :25], None, True)
        second, _ = quick(words[:, 25:], state, True)
        assert torch.equal(torch.cat([first, second], 1), s4(words))


@pytest.mark.parametrize("length", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK * BLOCK + 3])
def test_doubling_against_a_loop(length):
    random = torch.Generator().manual_seed(length)
    a, b = (torch.randn(2, length, 3, generator=random, dtype=torch.float64).tanh() for _ in range(2))
    h = torch.randn(2, 3, generator=random, dtype=torch.float64)
    expected, state = [], h
    for t in range(length):
        state = a[:, t] * state + b[:, t]
        expected.append(state)
    torch.testing.assert_close(multiplied(a, b, h), torch.stack(expected, 1), rtol=0, atol=1e-12)


def test_half_turns_and_what_is_no_number():
    turns = torch.tensor([0.5, -0.5, 0.25, 1.5, float("nan"), 0.0]).reshape(1, 6, 1)
    zero = torch.zeros_like(turns)
    start = Pairs(torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1), torch.zeros(1, 1))
    states, _ = turned(turns, None, zero, zero, start)
    torch.testing.assert_close(states[0, :4], torch.tensor([[-1.0, 0], [1, 0], [0, 1], [0, -1]]), rtol=0, atol=1e-6)
    assert states[0, 4:].isnan().all()


# --------------------------------------------------------------------------- words and answers


def test_encode_and_decode(s4):
    tokens = s4.encode("(1,2) (1,2,3)")
    assert tokens.shape == (1, 2)
    group = sn.compile("S4").group
    product = group.product(tokens[0].tolist())
    assert s4.decode(s4(tokens))[0][-1] == "(1,3)" == s4.decode(torch.tensor([[product]]))[0][0]
    numbers = tokens[0].tolist()
    for same in ("(1 2), (1 2 3)", "(1,2);(1,2,3)", [["(1,2)", "(1,2,3)"]], numbers, " ".join(map(str, numbers))):
        assert torch.equal(s4.encode(same), tokens)
    assert s4.encode(["(1,2) (3,4)", "(1,2)(3,4) ()"]).shape == (2, 2)


def test_letters_of_an_automaton(tmp_path):
    folder = sn.compile(sn.regex("(ab|b)*a")).save(tmp_path / "x")
    net = sn.load(folder).network()
    assert torch.equal(net.encode("abba"), net.encode("a b b a"))
    automaton = net.tracked
    assert net.decode(net(net.encode("abba"))) == [
        [automaton.class_names[state] for state in automaton.run(net.encode("abba")[0].numpy())]
    ]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("(1,2", "cannot read"),
        ("(1,5)", "not an element"),
        ("99", "elements 0 … 23"),
        ("x", "cannot read"),
        (["(1,2)", "(1,2) ()"], "words of one length"),
    ],
)
def test_words_that_are_none(s4, word, said):
    with pytest.raises(sn.InputError, match=said):
        s4.encode(word)


def test_a_letter_that_is_not_in_the_alphabet():
    net = sn.compile("S4", alphabet="generators").network()
    with pytest.raises(sn.InputError, match=r"\(1,3\)' is no letter here; the 2 letters of S4"):
        net.encode("(1,2) (1,3)")


@pytest.mark.parametrize(
    "found", [torch.zeros(2, 3), torch.zeros(1, 2, 7), torch.tensor([[24]]), torch.tensor([0]), "x"]
)
def test_answers_that_are_none(s4, found):
    with pytest.raises(sn.InputError, match="wanted logits"):
        s4.decode(found)


def test_a_network_that_does_not_know_what_it_is_for(tmp_path):
    net = sn.compile("S3").network()
    net.save_pretrained(tmp_path / "plain")
    plain = DCDNetwork.from_pretrained(tmp_path / "plain")
    with pytest.raises(sn.InputError, match=r"net\.tracked = "):
        plain.encode("(1,2)")
    plain.tracked = net.tracked
    assert plain.encode("(1,2)").tolist() == net.encode("(1,2)").tolist()
    with pytest.raises(sn.InputError, match="has 6 tokens and 6 classes, S4 has 24"):
        plain.tracked = sn.compile("S4").tracked


def test_features_are_what_the_head_reads(s4):
    words = words_for(s4, 3, 20)
    features = s4.features(words)
    assert features.shape == (3, 20, sum(s4.groups))
    assert torch.equal(s4.decide(features), s4(words))
    parts = features.split(s4.groups, -1)
    assert all(torch.equal(part.sum(-1), torch.ones(3, 20)) for part in parts)


def test_a_frozen_machine_in_a_larger_model_keeps_its_weights(s4):
    tracker = copy.deepcopy(s4).requires_grad_(False)
    before = copy.deepcopy(tracker.state_dict())
    model = nn.ModuleDict({"tracker": tracker, "head": nn.Linear(sum(s4.groups), 2)})
    words = words_for(s4, 64, 20)
    labels = (tracker(words).argmax(-1) == 0).long()  # whether the product is the identity
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(model["head"](tracker.features(words)).flatten(0, 1), labels.flatten())
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0] / 4
    assert all(torch.equal(before[name], value) for name, value in tracker.state_dict().items())
