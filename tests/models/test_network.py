"""The network: scan and step, saving, gradients, compiled weights, and refusals."""

import itertools
import json

import numpy as np
import pytest
import torch

from subnormal import models
from subnormal.algebra.depth.families import ALL_FAMILIES
from subnormal.common.errors import InputError
from subnormal.constructions.parameters import parameter_shapes
from subnormal.models.families import FAMILIES
from subnormal.models.layer import one_hot_decision
from subnormal.models.network import DCDNetwork
from subnormal.models.recurrences import UnitState
from tests.models.compiled import Compiled

DTYPES = ["float32", "float64"]


def build(family, dtype="float64", activation="hard", channels=3, seed=1):
    layers = [
        {
            "family": family,
            "channels": ALL_FAMILIES[family].whole_blocks(channels),
            "hidden": 16,
            "readout": 5,
            "activation": activation,
            "groups": [2, 3] if activation in ("hard", "softmax") else None,
        },
        {
            "family": family,
            "channels": ALL_FAMILIES[family].whole_blocks(2),
            "hidden": 12,
            "readout": 4,
            "activation": "gelu",
        },
    ]
    return DCDNetwork(6, 5, layers, embedding_size=4, dtype=dtype, seed=seed)


def tokens(batch=3, length=50, alphabet=6, seed=0):
    return torch.randint(alphabet, (batch, length), generator=torch.Generator().manual_seed(seed))


def run_by_step(network, words, state=None):
    logits = []
    for column in words.unbind(1):
        found, state = network.step(column, state)
        logits.append(found)
    return torch.stack(logits, 1), state


def values(state):
    return [s.value if isinstance(s, UnitState) else s for s in state]


@pytest.mark.parametrize("activation", ["hard", "softmax", "relu"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("gradients", [False, True])
def test_scan_is_step_and_pieces(family, dtype, activation, gradients):
    network = build(family, dtype, activation)
    words = tokens()
    tolerance = {"float32": 1e-4, "float64": 1e-11}[dtype]
    with torch.set_grad_enabled(gradients):
        logits, state = network(words, return_state=True)
        stepped, stepped_state = run_by_step(network, words)
        first, middle = network(words[:, :21], return_state=True)
        second, last = network(words[:, 21:], middle, return_state=True)
    torch.testing.assert_close(stepped, logits, rtol=0, atol=tolerance)
    torch.testing.assert_close(torch.cat([first, second], 1), logits, rtol=0, atol=tolerance)
    for a, b, c in zip(values(state), values(stepped_state), values(last), strict=True):
        torch.testing.assert_close(b, a, rtol=0, atol=tolerance)
        torch.testing.assert_close(c, a, rtol=0, atol=tolerance)
    assert torch.equal(network.predict(words, piece=13)[0], logits.argmax(-1))


@pytest.mark.parametrize("backend", ["loop", "torch", "numba"])
@pytest.mark.parametrize("family", FAMILIES)
def test_backends_give_the_same_logits_and_gradients(family, backend):
    if backend == "numba":
        pytest.importorskip("numba")
    results = []
    for chosen in ("auto", backend):
        network = build(family, channels=5)
        network.backend = chosen
        logits = network(tokens(16, 60))
        logits.square().sum().backward()
        results.append([logits.detach(), *(p.grad for p in network.parameters())])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("activation", ["hard", "softmax", "identity"])
@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_reach_every_parameter(family, activation):
    network = build(family, "float32", activation)
    network(tokens()).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_through_a_carried_state_are_those_of_one_call(family):
    whole, pieces = build(family), build(family)
    words = tokens()
    whole(words)[:, -1].sum().backward()
    _, state = pieces(words[:, :30], return_state=True)
    pieces(words[:, 30:], state)[:, -1].sum().backward()
    for (name, p), q in zip(whole.named_parameters(), pieces.parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-8, atol=1e-10, msg=name)


@pytest.mark.parametrize("channels", [1, 64])
@pytest.mark.parametrize("family", FAMILIES)
def test_random_networks_of_any_width_start_bounded_and_alive(family, channels):
    channels = ALL_FAMILIES[family].whole_blocks(channels)
    layer = {"family": family, "channels": channels, "hidden": 4 * channels, "readout": 8, "activation": "relu"}
    network = DCDNetwork(8, 8, [layer, layer], seed=0)
    words = tokens(8, 200, 8)
    logits = network(words).detach()
    assert torch.isfinite(logits).all()
    assert 0.01 < float(logits.std()) < 30
    for trace in torch.no_grad()(network.trace)(words):
        assert float(trace.states.abs().max()) < 100
        if trace.a is not None and family in ("aussm", "simple-aussm") and channels == 64:
            # Phases spread over the circle: their mean resultant is far below one.
            assert float(trace.a.mean().abs()) < 0.3


def test_seeds():
    first, same, other = build("aussm", seed=1), build("aussm", seed=1), build("aussm", seed=2)
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), same.parameters(), strict=True))
    assert not torch.equal(first.head.weight, other.head.weight)
    torch.manual_seed(5)
    drawn = build("aussm", seed=None)
    torch.manual_seed(5)
    assert torch.equal(drawn.head.weight, build("aussm", seed=None).head.weight)


def test_layers_may_mix_families():
    layers = [
        {
            "family": name,
            "channels": ALL_FAMILIES[name].whole_blocks(2),
            "hidden": 6,
            "readout": 3,
            "activation": "softmax",
        }
        for name in FAMILIES
    ]
    network = DCDNetwork(4, 4, layers, dtype="float64", seed=0)
    words = tokens(2, 30, 4)
    torch.testing.assert_close(run_by_step(network, words)[0], network(words), rtol=0, atol=1e-10)


def test_trace_and_transition_of():
    network = build("aussm")
    words = tokens()
    with torch.no_grad():
        first, second = network.trace(words)
        a, b = network.layers[1].transition_of(second.lower, words, network.embedding.weight)
        torch.testing.assert_close(a, second.a)
        torch.testing.assert_close(b, second.b)
        h = torch.view_as_complex(network.layers[1].initial_state).expand(3, 2)
        for t in range(words.shape[1]):
            h = a[:, t] * h + b[:, t]
            torch.testing.assert_close(h, second.states[:, t])
        assert torch.equal(second.lower, first.readout)
        assert first.readout.unique().tolist() == [0.0, 1.0]
    with pytest.raises(TypeError, match="not affine"):
        build("rnn").layers[0].transition_of(words.new_empty((3, 50, 0)).double(), words, network.embedding.weight)
    assert build("rnn").trace(words)[0].a is None


def test_hard_decisions_are_exact_and_have_the_gradient_of_softmax():
    scores = torch.tensor([[0.3, 0.2, 0.25], [1.0, 1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    hard = one_hot_decision(scores)
    assert hard.tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    (grad,) = torch.autograd.grad((hard * weight).sum(), scores)
    (expected,) = torch.autograd.grad((scores.softmax(-1) * weight).sum(), scores)
    torch.testing.assert_close(grad, expected)
    assert one_hot_decision(torch.tensor([[float("nan"), 1.0]])).isnan().any()


# ------------------------------------------------------------------ families


def test_exact_multipliers():
    for dtype in (torch.float32, torch.float64):
        raw = torch.tensor([[-200.0, 0.0], [200.0, 0.0]], dtype=dtype)
        a, _ = FAMILIES["negative-mamba"](1, dtype).affine(raw)  # log_rate starts at 0: Lambda = -1
        assert a[:, 0].tolist() == [1.0, -1.0]
        a, _ = FAMILIES["mamba"](1, dtype).affine(raw)
        assert a[0, 0] == 1.0
        assert a[1, 0] <= 1e-80
        aussm = FAMILIES["aussm"](1, dtype)
        third = torch.tensor([[0.0, 1 / 3, 0.0, 0.0]], dtype=dtype)
        assert torch.equal(aussm.turns(aussm.split(third)), third[:, 1:2])


@pytest.mark.parametrize("family", ["mamba", "negative-mamba", "s4d"])
def test_multipliers_stay_in_their_range(family):
    transition = FAMILIES[family](50, torch.float64)
    transition.initialise(torch.Generator().manual_seed(0))
    raw = 5 * torch.randn(200, 50 * len(transition.parts), dtype=torch.float64)
    a, _ = transition.affine(raw)
    if family == "mamba":
        assert ((a >= 0) & (a <= 1)).all()
    elif family == "negative-mamba":
        assert ((a >= -1) & (a <= 1)).all()
        assert (a < 0).any()
    else:
        assert (a.abs() < 1).all()
        assert torch.equal(a[0], a[-1])


def test_families_of_one_kind_differ_in_the_transition_alone():
    """Same raw numbers: Simple AUSSM is AUSSM with Delta = 1, and Negative Mamba is 2 Mamba - 1."""
    raw = torch.randn(7, 6, dtype=torch.float64)
    zero = torch.zeros(7, 2, dtype=torch.float64)
    a, b = FAMILIES["simple-aussm"](2, torch.float64).affine(raw)
    c, d = FAMILIES["aussm"](2, torch.float64).affine(torch.cat([zero, raw], -1))
    assert torch.equal(a, c)
    assert torch.equal(b, d)
    a, b = FAMILIES["mamba"](3, torch.float64).affine(raw)
    c, d = FAMILIES["negative-mamba"](3, torch.float64).affine(raw)
    assert torch.equal(2 * a - 1, c)
    assert torch.equal(b, d)


# ------------------------------------------------------------------ files


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_saving_and_loading_gives_back_the_same_bits(family, dtype, tmp_path, capsys):
    network = build(family, dtype)
    network.save_pretrained(tmp_path)
    loaded = DCDNetwork.from_pretrained(tmp_path)
    assert capsys.readouterr().out == ""
    assert loaded.dtype == getattr(torch, dtype)
    assert loaded.configuration() == network.configuration()
    for (name, p), q in zip(network.named_parameters(), loaded.parameters(), strict=True):
        assert p.dtype == q.dtype
        assert torch.equal(p, q), name
    assert torch.equal(network(tokens()), loaded(tokens()))
    copy = DCDNetwork(**network.configuration(), seed=3)
    copy.load_state_dict(network.state_dict())
    assert torch.equal(copy(tokens()), network(tokens()))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_table_of_parameters_is_the_networks(family):
    other = next(name for name in FAMILIES if name != family)
    layers = [
        {
            "family": family,
            "channels": ALL_FAMILIES[family].whole_blocks(3),
            "hidden": 7,
            "readout": 5,
            "activation": "gelu",
        },
        {"family": other, "channels": 2, "hidden": 4, "readout": 6, "activation": "gelu"},
    ]
    network = DCDNetwork(6, 11, layers, embedding_size=4, seed=0)
    found = {name: tuple(value.shape) for name, value in network.named_parameters()}
    wanted = parameter_shapes(network.configuration())
    assert sorted(wanted.items()) == sorted(found.items())


def test_a_network_from_parameters_is_checked_and_rounded_once():
    network = build("aussm")
    configuration, parameters = network.configuration(), network.state_dict()
    before = torch.get_rng_state()
    single = DCDNetwork.from_parameters(configuration, parameters, "float32")
    assert torch.equal(torch.get_rng_state(), before)
    assert single.configuration() == configuration | {"dtype": "float32"}
    for name, value in single.state_dict().items():
        assert torch.equal(value, parameters[name].float()), name
    assert torch.equal(single(tokens()), network.converted("float32")(tokens()))
    assert network.converted("float64") is network
    arrays = {name: value.numpy() for name, value in parameters.items()}
    assert torch.equal(DCDNetwork.from_parameters(configuration, arrays)(tokens()), network(tokens()))
    for change, message in (
        ({"head.bias": None}, "parameters: head.bias is missing"),
        ({"head.scale": parameters["head.bias"]}, "head.scale is not a parameter here"),
        ({"head.bias": parameters["head.bias"][:-1]}, r"head.bias should be torch.float64 \(5,\), is .* \(4,\)"),
        ({"head.bias": parameters["head.bias"].float()}, "head.bias should be torch.float64 .*, is torch.float32"),
    ):
        spoiled = {name: value for name, value in (parameters | change).items() if value is not None}
        with pytest.raises(InputError, match=message):
            DCDNetwork.from_parameters(configuration, spoiled)


def test_parameter_names_and_shapes_are_the_file_format():
    shapes = {name: tuple(value.shape) for name, value in build("aussm").state_dict().items()}
    assert shapes == {
        "embedding.weight": (6, 4),
        "layers.0.phi.hidden.weight": (16, 4),
        "layers.0.phi.hidden.bias": (16,),
        "layers.0.phi.out.weight": (12, 16),
        "layers.0.phi.out.bias": (12,),
        "layers.0.initial_state": (3, 2),
        "layers.0.psi.weight": (5, 6),
        "layers.0.psi.bias": (5,),
        "layers.1.phi.hidden.weight": (12, 9),
        "layers.1.phi.hidden.bias": (12,),
        "layers.1.phi.out.weight": (8, 12),
        "layers.1.phi.out.bias": (8,),
        "layers.1.initial_state": (2, 2),
        "layers.1.psi.weight": (4, 9),
        "layers.1.psi.bias": (4,),
        "head.weight": (5, 9),
        "head.bias": (5,),
    }
    own = {
        family: sorted(n for n in build(family).state_dict() if ".transition." in n and "layers.0" in n)
        for family in FAMILIES
    }
    names = {k: [n.removeprefix("layers.0.transition.") for n in v] for k, v in own.items()}
    assert names == {
        "s4d": ["frequency", "log_rate", "log_step"],
        "mamba": ["log_rate"],
        "negative-mamba": ["log_rate"],
        **{f"delta-{n}": [] for n in (1, 2, 3, 4)},
        **{name: [] for name in ("block-2", "block-3", "complex-block-2", "block-4", "complex-block-3")},
        "simple-aussm": [],
        "aussm": [],
        "gated-aussm": [],
        "rnn": ["weight"],
    }


def test_folders_that_cannot_be_loaded(tmp_path):
    from safetensors.torch import load_file, save_file

    with pytest.raises(InputError, match=r"no config.json there"):
        DCDNetwork.from_pretrained(tmp_path / "nowhere")
    network = build("aussm")
    network.save_pretrained(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    good, settings = load_file(weights), json.loads(config.read_text())

    save_file({k: v for k, v in good.items() if k != "head.bias"}, weights)
    with pytest.raises(InputError, match=r"head.bias is missing"):
        DCDNetwork.from_pretrained(tmp_path)
    save_file(good | {"extra": good["head.bias"].clone()}, weights)
    with pytest.raises(InputError, match="extra is not a parameter here"):
        DCDNetwork.from_pretrained(tmp_path)
    save_file(good | {"head.bias": good["head.bias"].float()}, weights)
    with pytest.raises(InputError, match=r"head.bias should be torch.float64 \(5,\), is torch.float32"):
        DCDNetwork.from_pretrained(tmp_path)
    weights.write_bytes(b"not a file of tensors")
    with pytest.raises(InputError, match="not a safetensors file"):
        DCDNetwork.from_pretrained(tmp_path)
    save_file(good, weights)
    config.write_text(json.dumps({k: v for k, v in settings.items() if k != "classes"}))
    with pytest.raises(InputError, match="'classes' is missing"):
        DCDNetwork.from_pretrained(tmp_path)
    config.write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        DCDNetwork.from_pretrained(tmp_path)


# ------------------------------------------------------------------ compiled weights


@pytest.mark.parametrize(
    ("family", "dtype"),
    [
        ("aussm", "float32"),
        ("simple-aussm", "float64"),
        pytest.param("aussm", "float64", marks=pytest.mark.slow),
        pytest.param("simple-aussm", "float32", marks=pytest.mark.slow),
    ],
)
def test_compiled_s4_is_right_on_a_hundred_thousand_tokens_by_scan(family, dtype):
    compiled = Compiled("S4", family, dtype)
    words = compiled.words(100_000)
    expected = compiled.products(words)
    whole = torch.cat([compiled.network(words[i : i + 1]).argmax(-1) for i in range(0, len(words), 2)])
    assert torch.equal(whole, expected[::2])
    assert torch.equal(compiled.network.predict(words, piece=1000)[0], expected)


@pytest.mark.parametrize("length", [2000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_s4_is_right_by_step(dtype, length):
    compiled = Compiled("S4", "aussm", dtype)
    words = compiled.words(length)
    expected = compiled.products(words)
    state = None
    with torch.inference_mode():
        for t in range(length):
            logits, state = compiled.network.step(words[:, t], state)
            assert torch.equal(logits.argmax(-1), expected[:, t])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_s4_is_right_on_a_constant_word_of_ten_million_tokens(dtype):
    compiled = Compiled("S4", "aussm", dtype)
    for token in range(24):
        if (compiled.table[compiled.table[token, token], token] == 0) and token:
            break
    word = torch.full((1, 1_000_000), token)
    expected = compiled.products(word[:, :3])[0]
    state = None
    for piece in range(10):
        found, state = compiled.network.predict(word, state, piece=65_536)
        at = torch.arange(piece * 1_000_000, (piece + 1) * 1_000_000) % 3
        assert torch.equal(found[0], expected[at])


def test_compiled_s3_on_every_word_of_length_five():
    compiled = Compiled("S3")
    words = torch.cartesian_prod(*[torch.arange(6)] * 5)
    assert torch.equal(compiled.network(words).argmax(-1), compiled.products(words))


def test_order_of_multiplication():
    """(0 1) then (0 1 2), on a non-abelian pair, read both ways."""
    compiled = Compiled("S3")
    a, b = compiled.elements.index((1, 0, 2)), compiled.elements.index((1, 2, 0))
    ab, ba = (compiled.elements.index(p) for p in ((2, 1, 0), (0, 2, 1)))
    assert compiled.network(torch.tensor([[a, b], [b, a]])).argmax(-1).tolist() == [[a, ab], [b, ba]]


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alphabet_size": 0}, "alphabet_size: expected a positive integer, got 0"),
        ({"classes": 2.5}, "classes: expected a positive integer, got 2.5"),
        ({"embedding_size": -1}, "embedding_size: expected a positive integer, got -1"),
        ({"dtype": "float16"}, 'dtype: expected "float32" or "float64", got \'float16\''),
        ({"layers": []}, "layers: expected a list of at least one layer"),
        ({"layers": {"family": "aussm"}}, "layers: expected a list of at least one layer"),
        ({"layers": ["aussm"]}, r"layers\[0\]: expected a dict"),
    ],
)
def test_bad_configurations(change, message):
    layer = {"family": "aussm", "channels": 1, "hidden": 2, "readout": 2}
    with pytest.raises(InputError, match=message):
        DCDNetwork(**({"alphabet_size": 2, "classes": 2, "layers": [layer]} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "lstm"}, r"layers\[1\].family: unknown family 'lstm'; known: s4d, mamba"),
        ({"channels": 0}, r"layers\[1\].channels: expected a positive integer, got 0"),
        ({"hidden": True}, r"layers\[1\].hidden: expected a positive integer, got True"),
        ({"activation": "maxout"}, r"layers\[1\].activation: unknown activation 'maxout'"),
        ({"groups": [1, 2]}, r"layers\[1\].groups: \[1, 2\] sums to 3, readout is 2"),
        ({"groups": [2, 0]}, r"layers\[1\].groups: expected a positive integer, got 0"),
        ({"activation": "relu", "groups": [2]}, r"layers\[1\].groups: only"),
        ({"width": 3}, r"layers\[1\]: unknown field 'width'"),
    ],
)
def test_bad_layers(change, message):
    layer = {"family": "aussm", "channels": 1, "hidden": 2, "readout": 2}
    with pytest.raises(InputError, match=message):
        DCDNetwork(2, 2, [layer, layer | change])
    with pytest.raises(InputError, match=r"layers\[0\]: 'hidden' is missing"):
        DCDNetwork(2, 2, [{"family": "aussm", "channels": 1, "readout": 2}])


def test_bad_tokens_and_states():
    network = build("aussm")
    with pytest.raises(InputError, match=r"expected an int64 tensor \(batch, length\), got torch.int32"):
        network(tokens().int())
    with pytest.raises(InputError, match=r"\(batch, length\), got torch.int64 \(50,\)"):
        network(tokens()[0])
    with pytest.raises(InputError, match=r"\(batch,\), got torch.int64 \(3, 50\)"):
        network.step(tokens())
    with pytest.raises(InputError, match="got list"):
        network([[0, 1]])
    with pytest.raises(InputError, match="positions 0 to 5 in the alphabet, got 6"):
        network(torch.tensor([[0, 6]]))
    with pytest.raises(InputError, match="positions 0 to 5 in the alphabet, got -1"):
        network(torch.tensor([[0, -1]]))
    state = network.initial_state(3)
    with pytest.raises(InputError, match="one entry for each of 2 layers, got 1"):
        network(tokens(), state[:1])
    with pytest.raises(InputError, match=r"state\[0\]: expected \(2, 3\)"):
        network(tokens(2), state)


def test_empty_words():
    network = build("aussm")
    assert network(torch.zeros((2, 0), dtype=torch.int64)).shape == (2, 0, 5)
    assert network(torch.zeros((0, 4), dtype=torch.int64)).shape == (0, 4, 5)


def test_public_face():
    for name in models.__all__:
        assert getattr(models, name) is not None
    assert sorted(dir(models)) == sorted(models.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = models.nothing


SMALL = {"family": "aussm", "channels": 2, "hidden": 2, "readout": 2}


def test_one_way_from_states_to_logits_whatever_the_head():
    from subnormal.proofs_check.refutations.evidence import read_states, run_words

    tokens = np.random.default_rng(0).integers(6, size=(4, 9))
    for family, gates in itertools.product(("aussm", "negative-mamba", "mamba"), (None, 1, 8, 12)):
        sizes = {"channels": 3, "hidden": 4, "readout": 5}
        layers = [{"family": name, **sizes} for name in (family, "simple-aussm")]
        network = DCDNetwork(6, 6, layers, dtype="float64", seed=1, head_gates=gates)
        states, logits, _ = run_words(network, tokens)
        torch.testing.assert_close(read_states(network, states)[1], logits, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_what_was_moved_to_another_dtype_is_saved_and_loaded(tmp_path, kind):
    network = DCDNetwork(3, 3, [SMALL], dtype="float64", seed=0).to(kind)
    network.save_pretrained(tmp_path)
    again = DCDNetwork.from_pretrained(tmp_path)
    assert again.dtype == kind
    tokens = torch.randint(3, (2, 7))
    assert torch.equal(again(tokens), network(tokens))


def test_a_dtype_that_is_not_read_is_not_saved(tmp_path):
    network = DCDNetwork(3, 3, [SMALL], seed=0)
    network.head.bfloat16()
    with pytest.raises(InputError, match="the parameters are bfloat16 and float32; a network is saved in float32 or"):
        network.save_pretrained(tmp_path / "a")
    network.head.double()
    with pytest.raises(InputError, match="the parameters are float32 and float64"):
        network.save_pretrained(tmp_path / "a")
    assert not (tmp_path / "a").exists()
