"""The network's proof: what it shows of compiled networks, what it refuses, and the assumption it rests on."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from subnormal.algebra.depth.families import FAMILIES
from subnormal.common.errors import InputError
from subnormal.constructions.artifact import load_cascade
from subnormal.constructions.compiler import compile_group
from subnormal.models.network import DCDNetwork
from subnormal.models.recurrences import UnitState, unit_circle, unit_scan
from subnormal.proofs_check.certificates.certificate import write_json
from subnormal.proofs_check.certificates.network_certificate import (
    ELEMENTARY,
    NotProvedError,
    certificate_content,
    prove_network,
    recheck,
)
from tests.cases import TRACKED, group
from tests.folders import bind


def compiled(name, folder, family="aussm", **options):
    compile_group(group(name), [FAMILIES[family]], **options).save(folder)
    return folder


@pytest.mark.parametrize("case", TRACKED, ids=lambda case: case.name)
def test_compiled_networks_are_proved(case, tmp_path):
    proof = prove_network(compiled(case.name, tmp_path))
    assert len(proof.channels) == len(load_cascade(tmp_path)[0].moduli)
    # δ of a centred phase rounded to float64 is at most 2^-55 turns; truncation to 2^-61 adds a little.
    assert proof.horizon is None or proof.horizon > 2**54 / (2 * max(channel.modulus for channel in proof.channels))
    for channel in proof.channels:
        assert (channel.horizon is None) == (channel.error == "0")
        assert channel.modulus & (channel.modulus - 1) or channel.error == "0", "dyadic phases are exact"


@pytest.mark.parametrize(
    ("name", "family", "options"),
    [
        ("S4", "simple-aussm", {"alphabet": "generators", "channels": "primary"}),
        ("Q8", "negative-mamba", {}),
        ("D4", "negative-mamba", {"alphabet": "generators"}),
    ],
)
def test_other_families_and_options(name, family, options, tmp_path):
    proof = prove_network(compiled(name, tmp_path, family, **options))
    assert proof.horizon is None or proof.horizon > 10**13


def test_in_single_precision(tmp_path):
    """A third rounded to float32 is off by 1/(3·2^25) turns, so that 1/6 of a turn is used up after 2^24 tokens."""
    proof = prove_network(compiled("C3", tmp_path), "float32")
    assert proof.dtype == "float32"
    assert proof.horizon is not None
    assert 0.99 * 2**24 < proof.horizon <= 2**24
    assert 6_000_000 < prove_network(compiled("S4", tmp_path / "s4"), "float32").horizon <= 2**24


@pytest.mark.slow
def test_the_bound_is_nearly_reached_in_single_precision(tmp_path):
    """The float32 network of C3 is right on a constant word up to its proved horizon, and wrong soon after."""
    from subnormal.models.network import DCDNetwork

    horizon = prove_network(compiled("C3", tmp_path), "float32").horizon
    network = DCDNetwork.from_pretrained(tmp_path, "float32")
    for token in (1, 2):
        length = horizon + 50_000
        found = network.predict(torch.full((1, length), token), piece=1 << 18)[0][0].numpy()
        wrong = np.flatnonzero(found != np.arange(1, length + 1) * token % 3)
        assert len(wrong)
        assert horizon < wrong[0] + 1 < horizon + 1000


def test_the_certificate_is_proved_again(tmp_path):
    proof = prove_network(compiled("S3", tmp_path))
    path = tmp_path / "network_certificate.json"
    again, content = certificate_content(tmp_path)
    assert again == proof
    write_json(path, content)
    assert recheck(tmp_path) == proof.sentence() == content["claim"]
    for change in ({"claim": "x"}, {"proof": content["proof"] | {"horizon": None}}):
        write_json(path, content | change)
        with pytest.raises(NotProvedError, match="states something else"):
            recheck(tmp_path)
    write_json(path, content | {"files": content["files"] | {"config.json": "0"}})
    with pytest.raises(InputError, match="is about other files than those beside it"):
        recheck(tmp_path)
    path.write_text("[" * 10_000)
    with pytest.raises(InputError, match="not JSON that can be read"):
        recheck(tmp_path)


def agrees(folder, length=3000, dtype=None):
    """Whether the network gives the cascade's outputs on a random word."""
    cascade, _, _ = load_cascade(folder)
    word = np.random.default_rng(5).integers(len(cascade.alphabet), size=length)
    found = DCDNetwork.from_pretrained(folder, dtype).predict(torch.from_numpy(word)[None])[0][0]
    return bool((found.numpy() == cascade.outputs(word)).all())


@pytest.mark.parametrize("change", [0.25, -1.0, 1.0, 1e-3])
def test_changed_parameters_are_refused_or_harmless(change, tmp_path):
    """Every parameter with some entry changed: where the proof still goes through, the network must still be right."""
    original = compiled("S3", tmp_path / "original")
    parameters = load_file(original / "model.safetensors")
    folder = tmp_path / "changed"
    shutil.copytree(original, folder)
    generator = np.random.default_rng(7)
    accepted = total = 0
    for name, value in parameters.items():
        for place in generator.choice(value.size, size=min(6, value.size), replace=False):
            spoiled = {key: array.copy() for key, array in parameters.items()}
            spoiled[name].flat[place] += change
            save_file(spoiled, folder / "model.safetensors")
            bind(folder)
            total += 1
            try:
                proof = prove_network(folder)
            except (NotProvedError, InputError):  # numbers of decisions that are not there are no network at all
                continue
            accepted += 1
            assert agrees(folder, min(3000, proof.horizon or 3000)), f"{name}[{place}] changed by {change}"
    assert total > 60
    assert accepted < total / 2
    assert agrees(original)


def test_a_gate_that_reads_nothing_is_always_on(tmp_path):
    """C12 has one token, so its one gate may read no decision at all; the network is the same."""
    folder = compiled("C12", tmp_path / "c12", alphabet="generators")
    parameters = load_file(folder / "model.safetensors")
    assert parameters["layers.0.phi.gates"].tolist() == [[0]]
    save_file(parameters | {"layers.0.phi.gates": np.array([[-1]], dtype=np.int32)}, folder / "model.safetensors")
    bind(folder)
    assert prove_network(folder).gates == 1
    assert agrees(folder)


def test_what_the_network_must_not_be(tmp_path):
    original = compiled("S3", tmp_path / "original")
    config = json.loads((original / "config.json").read_text())
    parameters = load_file(original / "model.safetensors")
    folder = tmp_path / "changed"
    shutil.copytree(original, folder)

    def refused(message, **changes):
        save_file(parameters | changes, folder / "model.safetensors")
        bind(folder)
        with pytest.raises((NotProvedError, InputError), match=message):
            prove_network(folder)

    refused("not a finite float64", **{"head.bias": np.full(6, np.nan)})
    refused("should be torch.float64", **{"head.bias": np.zeros(6, dtype=np.float32)})
    refused("the head has a bias", **{"head.bias": np.full(6, 1e-9)})
    refused("head.bias should be", **{"head.bias": np.zeros(7)})
    refused("is not its element's", **{"head.cases": np.roll(parameters["head.cases"], 1, axis=0)})
    refused("is not its element's", **{"head.outputs": np.roll(parameters["head.outputs"], 1)})
    refused("from 0 to 5", **{"head.outputs": parameters["head.outputs"] + 1})
    refused("should be torch.int32", **{"head.cases": parameters["head.cases"].astype(float)})
    gates = parameters["layers.1.phi.gates"]
    refused("numbers of decisions", **{"layers.1.phi.gates": gates + np.int32(1)})
    refused("two rows are equal", **{"layers.1.phi.gates": np.concatenate([gates[:1], gates[:-1]])})
    half = gates.copy()
    half[0, 0] = -1
    refused("in some rows and not in others", **{"layers.1.phi.gates": half})
    refused("a step is off", **{"layers.1.phi.gates": np.roll(gates, 1, axis=0)})
    refused("the initial state is not 1", **{"layers.0.initial_state": np.array([[0.0, 1.0]])})
    refused("ψ has a bias", **{"layers.1.psi.bias": np.full(3, 0.1)})
    refused("ψ reads more", **{"layers.1.psi.weight": parameters["layers.1.psi.weight"] + 0.1})
    refused("has no margin", **{"layers.0.psi.weight": parameters["layers.0.psi.weight"] * 0})
    refused("b is not 0", **{"layers.0.phi.out.bias": np.array([0, 0, 0.5, 0])})
    refused("Δ is not exactly 1", **{"layers.0.phi.out.bias": np.array([0.5, 0, 0, 0])})
    refused("a step is off by 0.25", **{"layers.0.phi.out.bias": np.array([0, 0.25, 0, 0])})
    save_file({k: v for k, v in parameters.items() if k != "head.bias"}, folder / "model.safetensors")
    bind(folder)
    with pytest.raises(InputError, match=r"head\.bias is missing"):
        prove_network(folder)
    save_file(parameters, folder / "model.safetensors")
    bind(folder)
    refused("extra is not a parameter here", extra=np.zeros(3))
    save_file(parameters, folder / "model.safetensors")
    bind(folder)
    short, turned = {"layers": config["layers"][:1]}, {"layers": config["layers"][::-1]}
    linear = {"layers": [config["layers"][0] | {"phi": "linear"}, *config["layers"][1:]]}
    for change, message in (
        (short, "should be"),
        (turned, "should be"),
        (linear, "hidden.weight is missing"),
        ({"temperature": 1.0}, "unknown field 'temperature'"),
        ({"dtype": "float32"}, "should be torch.float32"),
        ({"embedding_size": None}, None),
    ):
        (folder / "config.json").write_text(json.dumps(config | change))
        bind(folder)
        if message is None:  # the default, which is the same
            prove_network(folder)
            continue
        with pytest.raises((NotProvedError, InputError), match=message):
            prove_network(folder)
    for content in ("{", "[]", '{"dtype": "float8"}', "[" * 10_000):
        (folder / "config.json").write_text(content)
        bind(folder)
        with pytest.raises(InputError, match=r"config\.json"):
            prove_network(folder)
    (folder / "config.json").unlink()
    bind(folder)
    with pytest.raises(InputError, match=r"config\.json"):
        prove_network(folder)


@pytest.mark.parametrize("scale", [1e200, -1e200, 1e307, 1e-300, 1e-320])
def test_what_leaves_the_range_is_refused(scale, tmp_path):
    """ψ scaled or shifted as a whole decides the same in exact arithmetic, and not in floats."""
    folder = compiled("S3", tmp_path)
    parameters = load_file(folder / "model.safetensors")
    for name in ("layers.0.psi.weight", "layers.1.psi.weight"):
        for array in (parameters[name] * abs(scale), parameters[name] + scale * (parameters[name] != 0)):
            save_file(parameters | {name: array}, folder / "model.safetensors")
            bind(folder)
            for dtype in ("float64", "float32"):
                try:
                    horizon = prove_network(folder, dtype).horizon
                except NotProvedError:
                    continue
                assert agrees(folder, min(3000, horizon or 3000), dtype), (name, dtype)


def test_a_multiplier_that_overflows_is_refused(tmp_path):
    folder = compiled("Q8", tmp_path, "negative-mamba")
    parameters = load_file(folder / "model.safetensors")
    for rate in (800.0, -800.0):
        name = "layers.0.transition.log_rate"
        save_file(parameters | {name: parameters[name] + rate}, folder / "model.safetensors")
        bind(folder)
        with pytest.raises(NotProvedError, match="a multiplier"):
            prove_network(folder)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_the_assumed_error_of_points_on_the_circle(dtype, backend):
    """Measured against arb: the points that the recurrence computes are within `ELEMENTARY` units of the true ones."""
    flint = pytest.importorskip("flint")
    if backend == "numba":
        pytest.importorskip("numba")
    phases = np.random.default_rng(1).integers(-(2**63), 2**63, size=6000)
    if backend == "torch":
        found = unit_circle(torch.from_numpy(phases), dtype)
    else:
        one = torch.ones(1, 6000, dtype=dtype)
        state = UnitState(torch.from_numpy(phases)[None], torch.complex(one, 0 * one))
        found = unit_scan(torch.zeros(1, 1, 6000, dtype=dtype), None, state, "numba")[0][0, 0]
    u = 2.0**-24 if dtype == torch.float32 else 2.0**-53
    worst = 0.0
    for phase, real, imaginary in zip(phases.tolist(), found.real.tolist(), found.imag.tolist(), strict=True):
        sine, cosine = flint.arb(flint.fmpq(phase, 2**63)).sin_cos_pi()
        worst = max(worst, abs(float(cosine - real)), abs(float(sine - imaginary)))
    assert worst * 2**0.5 < ELEMENTARY * u / 2


def test_the_assumed_values_of_elu():
    """elu(0) is 0 exactly, and elu(-200) is within the assumption (it is -1 exactly here)."""
    for dtype in (torch.float32, torch.float64):
        values = torch.nn.functional.elu(torch.tensor([0.0, -200.0], dtype=dtype))
        assert values.tolist() == [0.0, -1.0]


@pytest.mark.parametrize("backend", ["torch", "numba"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_are_stored_as_the_proof_reads_them(dtype, backend):
    """Both scans carry exactly the phase that the proof computes: x·2^61 truncated, in units of 2^-61 turns."""
    if backend == "numba":
        pytest.importorskip("numba")
    turns = torch.from_numpy(np.random.default_rng(2).uniform(-2, 2, 5000)).to(dtype)
    one = torch.ones(1, 5000, dtype=dtype)
    _, state = unit_scan(turns[None, None], None, UnitState.of(torch.complex(one, 0 * one)), backend)
    fraction = (turns - turns.round()).double().numpy()
    assert (state.phase[0].numpy() == (fraction * 2.0**61).astype(np.int64) * 8).all()
