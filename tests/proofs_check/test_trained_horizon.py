"""Proved lengths of trained networks: regions contain what networks do, no wrong word is shorter, and bounds are tight.

"What wrong code would pass?" Bounds that are too narrow are met by random networks of every kind, whose states must lie
in the regions; bounds that are too wide by words that drive one channel astray.
"""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from subnormal.api.compiling import compile
from subnormal.api.learning import decompile
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.certificates.checker import check
from subnormal.proofs_check.certificates.network_certificate import prove_network
from subnormal.proofs_check.horizons import boxes as boxes_module
from subnormal.proofs_check.horizons.boxes import Boxes, agreement
from subnormal.proofs_check.horizons.regions import Forms, Regions, scaled
from subnormal.proofs_check.horizons.trained import first_wrong, prove_decompiled, prove_trained, prune
from subnormal.proofs_check.horizons.walks import DIRECT, walk


def noisy(name, sigma, seed=0, dtype="float32", alphabet=None, family="aussm"):
    """The compiled network of a group with noise on every parameter; transitions and answers of its group."""
    compiled = compile(name, alphabet=alphabet, family=family)
    dense = compiled.network().dense()
    parameters = dense.state_dict()
    generator = torch.Generator().manual_seed(seed)
    for key, value in parameters.items():
        parameters[key] = value + sigma * torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value)
    network = DCDNetwork.from_parameters(dense.configuration(), parameters, dtype)
    return network, *machine(compiled.group, compiled.cascade.alphabet)


def machine(group, alphabet):
    return group.table[:, alphabet].astype(np.int64), np.arange(group.order)


def content(network):
    arrays = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    return network.configuration(), network.specifications, arrays


def first_failure(network, transitions, answers, length):
    """The shortest length of which not all words are answered rightly, up to `length`; None: all are."""
    words = np.array(list(itertools.product(range(transitions.shape[1]), repeat=length)))
    found = network.predict(torch.from_numpy(words))[0].numpy()
    state = np.zeros(len(words), dtype=np.int64)
    for t in range(length):
        state = transitions[state, words[:, t]]
        if (found[:, t] != answers[state]).any():
            return t + 1
    return None


# --------------------------------------------------------------------------------------------------------------- walks


def random_walks(seed, states=7, tokens=3, columns=5):
    generator = np.random.default_rng(seed)
    cycle = np.roll(np.arange(states), 1)  # so that every state is reached
    transitions = np.stack([cycle, *(generator.permutation(states) for _ in range(tokens - 1))], axis=1)
    weights = generator.normal(size=(states, tokens, columns))
    values = np.full((states, columns), -np.inf)
    values[0] = 0.0
    return values, weights, transitions


def heaviest(values, weights, transitions, tokens):
    """v_t by its definition, from the edges s → s·x, and the largest of all v_1 … v_t."""
    hull = np.full_like(values, -np.inf)
    for _ in range(tokens):
        following = np.full_like(values, -np.inf)
        for s, x in np.ndindex(transitions.shape):
            after = transitions[s, x]
            following[after] = np.maximum(following[after], values[s] + weights[after, x])
        values = following
        hull = np.maximum(hull, values)
    return values, hull


@pytest.mark.parametrize("tokens", [1, 2, 30, DIRECT + 1, 300])
def test_walks_are_bounded_from_above_and_closely(tokens):
    for seed in range(3):
        values, weights, transitions = random_walks(seed)
        found = walk(values, weights, np.argsort(transitions, axis=0), tokens)
        end, hull = heaviest(values, weights, transitions, tokens)
        assert (found.end >= end).all()
        assert (found.hull >= hull).all()
        if tokens <= DIRECT:
            np.testing.assert_allclose(found.end, end, rtol=1e-12)
        else:
            assert (found.end - end).max() < 6  # whatever the length: the rate is that of the worst cycle
            assert not found.settled.any()


def test_a_potential_that_is_not_the_best_is_still_a_bound():
    """One cycle longer than the walks that the potential is taken from, with one heavy edge: they show no drift."""
    values, _, transitions = random_walks(3, states=DIRECT + 30, tokens=1, columns=1)
    weights = np.zeros((DIRECT + 30, 1, 1))
    weights[5] = 1.0
    found = walk(values, weights, np.argsort(transitions, axis=0), 500)
    assert (found.end >= heaviest(values, weights, transitions, 500)[0]).all()
    assert not found.settled.any()


def test_walks_that_lose_or_add_nothing_are_settled_and_zero_stays_zero():
    values, weights, transitions = random_walks(0)
    before = np.argsort(transitions, axis=0)
    still = walk(values, np.zeros_like(weights), before, 10**9)
    assert still.settled.all()
    assert (still.hull[np.isfinite(still.hull)] == 0).all()
    losing = walk(values, -np.abs(weights), before, 1000)
    assert losing.settled.all()
    assert (losing.hull >= heaviest(values, -np.abs(weights), transitions, 1000)[1]).all()
    assert losing.end.max() < -10


# --------------------------------------------------------------------------------------------------------------- forms


def test_forms_contain_their_values_and_their_bounds_are_reached():
    generator = np.random.default_rng(0)
    states, channels, units = 4, 3, 6
    centre = generator.normal(size=(states, channels)) + 1j * generator.normal(size=(states, channels))
    low = generator.uniform(-0.6, 0.1, (states, channels))
    high = low + generator.uniform(0, 0.4, (states, channels))
    regions = Regions(centre, low, high, np.full((states, channels), 0.05))
    shape = (states, units, channels)
    coefficients = generator.normal(size=shape) + 1j * generator.normal(size=shape)
    constant = generator.normal(size=(states, units))
    forms = Forms(coefficients, constant, constant + 0.1)
    least, greatest = forms.bounds(regions, np.arange(states))
    drawn = []
    for _ in range(4000):
        e = low + (high - low) * generator.choice([0, 1, generator.random()], size=(states, channels))
        h = centre * np.exp(2j * np.pi * e) + 0.05 * np.exp(2j * np.pi * generator.random((states, channels)))
        drawn.append(np.real((coefficients * h[:, None]).sum(axis=2)))
    sampled = np.array(drawn)
    assert (sampled.min(axis=0) + constant >= least).all()
    assert (sampled.max(axis=0) + constant + 0.1 <= greatest).all()
    width = greatest - least
    assert (sampled.max(axis=0) + constant + 0.1 > greatest - 0.15 * width).all()


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "silu"])
def test_activations_lie_between_their_bounds(name):
    """One channel on the whole circle, so that a form takes every value of an interval."""
    turns = np.linspace(0, 1, 20001)
    whole = Regions(np.ones((1, 1), dtype=np.complex128), np.zeros((1, 1)), np.ones((1, 1)), np.zeros((1, 1)))
    for size, middle in ((4.0, 0.3), (0.7, -1.0), (6.0, -2.5), (0.0, 0.4)):
        constant = np.full((1, 1), middle)
        forms = Forms(np.full((1, 1, 1), size + 0j), constant, constant)
        found = scaled(forms, np.zeros(1, dtype=np.int64), whole, name)
        x = size * np.cos(2 * np.pi * turns) + middle
        value = getattr(torch.nn.functional, name)(torch.from_numpy(x)).numpy()
        linear = found.coefficients[0, 0, 0].real * np.cos(2 * np.pi * turns)
        assert (value >= linear + found.low[0, 0]).all()
        assert (value <= linear + found.high[0, 0]).all()
        assert found.high[0, 0] - found.low[0, 0] <= 1.05 * np.ptp(value - linear) + 1e-9


# ------------------------------------------------------------------------------------------------------------- regions


def random_network(seed, activation, family, dtype, phi="relu", groups=None):
    layer = {"channels": 3, "hidden": 7, "readout": 4, "activation": activation, "phi": phi, "groups": groups}
    first, last = (family.split(",") * 2)[:2]
    return DCDNetwork(3, 5, [{**layer, "family": first}, {**layer, "family": last}], dtype=dtype, seed=seed)


KINDS = [
    ("hard", "simple-aussm", "float32", "relu", None),
    ("hard", "aussm", "float32", "relu", (2, 2)),
    ("softmax", "simple-aussm", "float32", "relu", (1, 3)),
    ("gelu", "aussm", "float32", "relu", None),
    ("silu", "simple-aussm", "float64", "relu", None),
    ("tanh", "simple-aussm", "float32", "linear", None),
    ("relu", "aussm", "float64", "relu", None),
    ("identity", "simple-aussm", "float32", "relu", None),
    ("gelu", "negative-mamba", "float32", "relu", None),
    ("hard", "negative-mamba", "float64", "relu", (2, 2)),
    ("softmax", "mamba", "float32", "relu", None),
    ("tanh", "aussm,mamba", "float32", "relu", None),
]


@pytest.mark.parametrize(("activation", "family", "dtype", "phi", "groups"), KINDS)
def test_everything_a_network_does_lies_in_the_regions(activation, family, dtype, phi, groups):
    """Random networks, any machine: their states, units and logits after every token of random words, in single steps
    and within blocks. Decisions are often uncertain here, so that there are several cases."""
    generator = np.random.default_rng(1)
    transitions = np.stack([np.roll(np.arange(4), -1), np.array([1, 0, 3, 2]), np.arange(4)], axis=1)
    for seed in range(2):
        network = random_network(seed, activation, family, dtype, phi, groups)
        words = generator.integers(3, size=(120, 6))
        traces = network.trace(torch.from_numpy(words))
        states = np.concatenate([t.states.detach().numpy() for t in traces], axis=2)
        units = np.concatenate([t.readout.detach().numpy() for t in traces], axis=2)
        logits = network(torch.from_numpy(words)).detach().numpy()
        at = np.zeros(len(words), dtype=np.int64)
        boxes = Boxes(*content(network), transitions=transitions, answers=np.arange(4))
        block = boxes.grow(boxes.start(), 6)
        now = boxes.start()
        for t in range(6):
            now = boxes.grow(now, 1)
            at = transitions[at, words[:, t]]
            for reached in (now, block):
                require_inside(reached, boxes, at, states[:, t], units[:, t], logits[:, t])


@pytest.mark.parametrize("activation", ["identity", "tanh", "hard"])
def test_what_single_precision_rounds_lies_in_the_regions(activation):
    """Compiled weights without drift: regions as small as the rounding of points, scores and logits."""
    network, transitions, answers = noisy("Q8", 0.0)
    configuration = network.configuration()
    layers = [{**entry, "activation": activation} for entry in configuration["layers"]]
    if activation != "hard":
        layers = [{**entry, "groups": None} for entry in layers]
    parameters = network.state_dict()
    for name, tensor in parameters.items():
        if "psi" in name or "head" in name:
            parameters[name] = tensor * 0.7 + (0.01 if activation != "hard" else 0.0)
    network = DCDNetwork.from_parameters({**configuration, "layers": layers}, parameters)
    words = np.random.default_rng(0).integers(8, size=(100, 3))
    traces = network.trace(torch.from_numpy(words))
    logits = network(torch.from_numpy(words)).detach().numpy()
    boxes = Boxes(*content(network), transitions=transitions, answers=answers)
    now, at = boxes.start(), np.zeros(len(words), dtype=np.int64)
    for t in range(3):
        now, at = boxes.grow(now, 1), transitions[at, words[:, t]]
        states, units = (
            np.concatenate([getattr(trace, part)[:, t].detach().numpy() for trace in traces], axis=1)
            for part in ("states", "readout")
        )
        require_inside(now, boxes, at, states, units, logits[:, t])
    assert now.regions.radius.max() < 2e-5


def require_inside(reached, boxes, at, states, units, logits):
    regions, cases = reached.regions, reached.cases
    channels = states.shape[1]
    one = np.eye(channels)[None]
    for direction in np.exp(2j * np.pi * np.arange(5) / 5):
        forms = Forms(np.repeat(one * direction, boxes.states, axis=0), *np.zeros((2, boxes.states, channels)))
        low, high = forms.bounds(regions, np.arange(boxes.states))
        value = np.real(direction * states)
        assert (value >= low[at]).all()
        assert (value <= high[at]).all()
    low, high = cases.readouts.bounds(regions, cases.state)
    margins = boxes.margins(reached)
    right = boxes.answers[at]
    ahead = logits[np.arange(len(at)), right][:, None] - logits
    ahead[np.arange(len(at)), right] = 1.0
    for word in range(len(at)):
        own = np.flatnonzero(cases.state == at[word])
        inside = (units[word] >= low[own]).all(axis=1) & (units[word] <= high[own]).all(axis=1)
        assert inside.any()
        assert (ahead[word] >= margins[own[inside]].min(axis=0)).all()


def test_regions_of_a_network_without_drift_are_points():
    network, transitions, answers = noisy("Q8", 0.0)
    boxes = Boxes(*content(network), transitions=transitions, answers=answers)
    reached = boxes.advance(boxes.advance(boxes.start(), 1), 500)
    assert reached.settled
    assert (reached.regions.high - reached.regions.low).max() == 0
    assert reached.regions.radius.max() < 1e-4
    assert len(reached.cases.state) == 8


# ------------------------------------------------------------------------------------------------------------- lengths


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_compiled_network_has_the_horizon_of_its_certificate(tmp_path, dtype):
    for name in ("Q8", "S3"):
        compiled = compile(name)
        compiled.save(tmp_path / name)
        network, transitions, answers = noisy(name, 0.0, dtype=dtype)
        wanted = prove_network(tmp_path / name, dtype).horizon
        found = agreement(*content(network), transitions=transitions, answers=answers, longest=10**18).length
        if wanted is None:
            assert found is None
        else:
            assert 0.99 * wanted < found <= 1.01 * wanted


@pytest.mark.parametrize("name", ["C2", "C3", "S3", "Q8", "A4"])
def test_no_wrong_word_is_shorter_and_one_is_not_much_longer(name):
    for seed, sigma in enumerate((0.001, 0.003, 0.006)):
        network, transitions, answers = noisy(name, sigma, seed)
        length = prove_trained(network, transitions, answers).length
        wrong = first_wrong(network, transitions, answers, 4 * length + 100)
        assert wrong is not None
        state = 0
        for token in wrong:
            state = transitions[state, token]
        assert network.predict(torch.tensor([wrong]))[0][0, -1] != answers[state]
        assert length < len(wrong) <= 4 * length + 4
        short = first_failure(network, transitions, answers, 3)
        assert short is None or length < short


@pytest.mark.parametrize(("name", "family"), [("D4", "negative-mamba"), ("S3", "negative-mamba,aussm")])
def test_real_channels_and_mixed_stacks_are_bounded_closely(name, family):
    """Real states shrink by the same factor in every word, so there the bound is nearly the first failure."""
    for sigma in (0.003, 0.01):
        network, transitions, answers = noisy(name, sigma, dtype="float64", family=family)
        length = prove_trained(network, transitions, answers).length
        wrong = first_wrong(network, transitions, answers, 2 * length + 10)
        assert wrong is not None
        assert length < len(wrong) <= 1.5 * length + 2
    network, transitions, answers = noisy(name, 0.0, dtype="float64", family=family)
    assert prove_trained(network, transitions, answers).length > 10**8


def test_all_words_are_run_and_end_where_the_bounds_do():
    """The least length of a wrong word is known here: 2¹² words of C2, 3⁷ of C3."""
    exact = 0
    for name, longest in (("C2", 12), ("C3", 7)):
        for seed in range(6):
            network, transitions, answers = noisy(name, 0.015, seed)
            wrong = first_failure(network, transitions, answers, longest)
            proved = prove_trained(network, transitions, answers).length
            assert proved < (wrong or 10**9)
            assert proved >= (wrong or 0) - 3
            exact += wrong is not None and proved == wrong - 1
    assert exact >= 3


def test_more_noise_is_less_length_and_a_wrong_machine_none():
    lengths = [prove_trained(*noisy("S3", sigma)).length for sigma in (1e-5, 1e-4, 1e-3, 1e-2)]
    assert None not in lengths
    assert all(one > other for one, other in itertools.pairwise(lengths))
    assert lengths[0] > 30 * lengths[2] > 0
    network, transitions, answers = noisy("S3", 1e-3)
    assert prove_trained(network, transitions, np.roll(answers, 1)).length == 0
    assert prove_trained(network, transitions[:, [1, 0, 2, 3, 4, 5]], answers).length == 0
    other = compile("C6").group
    assert prove_trained(network, *machine(other, np.arange(6))).length == 1  # words of one token have the same answers
    assert first_wrong(network, transitions, np.roll(answers, 1), 5) is not None
    with torch.no_grad():
        network.head.weight[0] += np.nan
    assert prove_trained(network, transitions, answers).length == 0


def test_blocks_prove_what_single_tokens_do(monkeypatch):
    for seed in range(3):
        network, transitions, answers = noisy("S3", 0.0004, seed)
        blocks = prove_trained(network, transitions, answers).length
        with monkeypatch.context() as changed:
            changed.setattr(boxes_module, "SINGLE_STEPS", 10**9)
            single = prove_trained(network, transitions, answers).length
        assert 64 < blocks <= single
        assert blocks > 0.8 * single


def test_generators_alone_leave_states_that_are_not_reached_at_first():
    network, transitions, answers = noisy("S3", 0.002, alphabet="generators")
    proved = prove_trained(network, transitions, answers).length
    assert proved >= 8
    wrong = first_failure(network, transitions, answers, 11)
    assert wrong is None or proved < wrong


def test_what_is_not_covered_says_so():
    network, transitions, answers = noisy("S3", 0.0)
    configuration, specifications, arrays = content(network)
    mixed = [dataclasses.replace(specifications[0], family="gated-aussm"), specifications[1]]
    assert "gated-aussm" in agreement(configuration, mixed, arrays, transitions, answers).reason
    before = [dataclasses.replace(specifications[0], reads="before"), specifications[1]]
    assert agreement(configuration, before, arrays, transitions, answers).length == 0
    merging = np.zeros_like(transitions)
    assert "does not permute" in agreement(configuration, specifications, arrays, merging, answers).reason
    compiled = compile("C2", family="gated-aussm")
    text = " ".join(str(decompile(compiled.network(), "C2", length=40)).split())
    assert "(proved: all were run; no bounds: layer 1 is of the family gated-aussm)" in text
    gated = {**configuration, "head_gates": 3}
    assert agreement(gated, specifications, arrays, transitions, answers).reason == "the head has gates"


# ------------------------------------------------------------------------------------------------------------- pruning


def with_noise_channels(sigma, size):
    """A noisy S3 network with one more channel in each layer, of random phases, that ψ reads with weights of a size."""
    narrow, transitions, answers = noisy("S3", sigma)
    configuration = narrow.configuration()
    wide = {**configuration, "layers": [{**entry, "channels": 2} for entry in configuration["layers"]]}
    network = DCDNetwork.from_parameters(wide, DCDNetwork(**wide, seed=0).state_dict())
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for old, new in zip(narrow.layers, network.layers, strict=True):
            for part in range(4):  # delta, turns, b
                new.phi.out.weight[2 * part] = old.phi.out.weight[part]
                new.phi.out.bias[2 * part] = old.phi.out.bias[part]
                row = torch.rand(old.phi.out.in_features, generator=generator)
                new.phi.out.weight[2 * part + 1] = row * (part == 1)
                new.phi.out.bias[2 * part + 1] = torch.rand(1, generator=generator) * (part == 1)
            new.phi.hidden.load_state_dict(old.phi.hidden.state_dict())
            new.initial_state[0] = old.initial_state[0]
            width = old.width
            new.psi.weight[:, :width] = old.psi.weight[:, :width]
            for part in range(2):
                new.psi.weight[:, width + 2 * part] = old.psi.weight[:, width + part]
                new.psi.weight[:, width + 2 * part + 1] = size * torch.randn(len(new.psi.weight), generator=generator)
            new.psi.bias.copy_(old.psi.bias)
        network.embedding.load_state_dict(narrow.embedding.state_dict())
        network.head.load_state_dict(narrow.head.state_dict())
    return network, transitions, answers


def test_a_pruned_network_reads_what_the_machine_explains_and_more_is_proved_of_it():
    network, transitions, answers = with_noise_channels(0.0005, 0.3)
    proof = prove_decompiled(network, transitions, answers)
    pruned = proof.pruned
    assert pruned.kept == (1, 1)
    assert pruned.agreement.length > 1.5 * proof.length
    assert pruned.same > 0.9
    assert pruned.wrong is None or len(pruned.wrong) > pruned.agreement.length
    assert not pruned.network.layers[1].psi.weight[:, [3, 5]].any()
    assert pruned.network.layers[1].psi.weight[:, [2, 4]].all()
    assert prove_trained(pruned.network, transitions, answers).length == pruned.agreement.length
    assert json.dumps(proof.as_json())
    # the trained one is left as it was
    assert network.layers[1].psi.weight[:, 3].any()
    assert prove_trained(network, transitions, answers).length <= proof.length


def test_without_noise_channels_pruning_takes_b_alone():
    network, transitions, answers = noisy("S3", 0.001)
    pruned = prune(network, transitions, answers)
    assert pruned.kept == (1, 1)
    assert not pruned.network.layers[0].phi.out.weight[2:].any()
    assert torch.equal(pruned.network.layers[0].psi.weight, network.layers[0].psi.weight)


def test_decompile_prints_both_sides_and_writes_the_pruned_network(tmp_path):
    network, transitions, answers = noisy("S3", 0.003)
    found = decompile(network, "S3", length=40, pruned=tmp_path / "pruned")
    text = " ".join(str(found).split())
    assert f"agrees with it on all words of up to {found.proof.length} tokens (proved: " in text
    assert f"and not on ({found.proof.wrong[0]} " in text
    assert "another network, with the channels that the machine explains (1 of 1, 1 of 1)" in text
    figures = json.loads(json.dumps(found.as_json()))
    assert figures["proved_length"] == found.proof.length
    assert figures["pruned"]["proved_length"] > found.proof.length
    assert "the other network is written" in text
    saved = DCDNetwork.from_pretrained(tmp_path / "pruned")
    assert prove_trained(saved, transitions, answers).length == figures["pruned"]["proved_length"]
    exact = decompile(noisy("Q8", 0.0)[0], "Q8", length=40, out=tmp_path / "machine")
    said = json.loads((tmp_path / "machine" / "cascade.json").read_text())["agreement"]
    assert (said["proved_length"], said["proved_by"], len(said["parameters_sha256"])) == (None, "bounds", 64)
    assert check(tmp_path / "machine").claim == exact.claim
    nothing = decompile(noisy("Q8", 0.0)[0], "Q8", length=40, pruned=tmp_path / "none")
    assert "no other network is written to" in str(nothing)
    assert not (tmp_path / "none").exists()
    assert "on all words of every length (proved: bounds); it has" in " ".join(str(exact).split())
