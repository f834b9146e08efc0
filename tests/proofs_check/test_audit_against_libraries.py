"""Audits against the libraries' own code: where layers stand, and the eigenvalues of their real transitions."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from subnormal.algebra.depth.families import ALL_FAMILIES
from subnormal.common.errors import InputError, RefutedError
from subnormal.proofs_check.audits import of_fla, of_mamba_ssm
from subnormal.proofs_check.audits.audit import Audit, audit
from subnormal.proofs_check.audits.configurations import facts_of
from subnormal.proofs_check.audits.layers import MAMBA, RWKV7, delta, own, ranges
from tests.owners.verdicts import is_live, use_of

DATA = Path(__file__).parent.parent / "data" / "layers_of_others.json"
"""Written by tests/generators/layers_of_others.py, which asks fla and mamba_ssm."""

EIGENVALUES = Path(__file__).parent.parent / "data" / "eigenvalues_of_fla.json"
"""Written by tests/generators/eigenvalues_of_fla.py: what fla's plain references do to basis states."""

USED = Path(__file__).parent.parent / "data" / "use_of_owners.jsonl"
"""Written by tests/owners/use.py in the owners' environment: how far each reading was from the whole text."""

VOCABULARY = 24
SHARED: dict[str, Any] = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2, "pad_token_id": None}
HEADS: dict[str, Any] = {
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 8,
    "linear_num_value_heads": 4,
}
HEADS |= {"layer_types": ["linear_attention", "full_attention"], "linear_key_head_dim": 4, "linear_value_head_dim": 4}
EXPERTS: dict[str, Any] = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8, "head_dim": 8}
EXPERTS |= {"shared_expert_intermediate_size": 8, "linear_num_key_heads": 2}
MAMBA2: dict[str, Any] = {"state_size": 4, "num_heads": 4, "head_dim": 8, "n_groups": 1}
LARGE = 2.0**20
"""Beside it, what a token writes does not matter to rounding."""
MODELS: dict[str, Any] = {
    "olmo": ("OlmoHybrid", HEADS | {"linear_num_key_heads": 4}),
    "olmo-positive": ("OlmoHybrid", HEADS | {"linear_num_key_heads": 4, "linear_allow_neg_eigval": False}),
    "qwen": ("Qwen3Next", HEADS | EXPERTS),
    "mamba": ("Mamba", {"state_size": 4}),
    "mamba2": ("Mamba2", MAMBA2),
    "mamba2-limited": ("Mamba2", MAMBA2 | {"time_step_limit": (0.01, 0.1)}),
}


LAYERS: dict[str, Any] = {"layer_types": HEADS["layer_types"]}
ATTENTION: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 8}
MAMBA2_HYBRID: dict[str, Any] = ATTENTION | {
    "mamba_n_heads": 4,
    "mamba_d_head": 8,
    "mamba_d_state": 4,
    "mamba_n_groups": 1,
}
FEW: dict[str, Any] = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8}
LATENT: dict[str, Any] = {"kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4}
OTHERS: dict[str, Any] = {
    "qwen3_5_text": HEADS | {"head_dim": 8, "linear_num_key_heads": 2},
    "qwen3_5_moe_text": HEADS | EXPERTS,
    "kimi_linear": ATTENTION | LAYERS | FEW | LATENT | {"linear_head_dim": 4, "linear_num_heads": 2},
    "bamba": MAMBA2_HYBRID | {"attn_layer_indices": [1]},
    "granitemoehybrid": MAMBA2_HYBRID
    | LAYERS
    | {"num_local_experts": 2, "num_experts_per_tok": 1, "shared_intermediate_size": 8},
    "falcon_h1": MAMBA2_HYBRID | {"mamba_d_ssm": 32, "head_dim": 8},
    "jamba": ATTENTION | FEW | {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 4},
    "falcon_mamba": {"state_size": 4},
}
"""Classes whose weights `audit` does not measure: what it says of all weights is compared with some that live."""


@torch.no_grad()
def enlivened(model):
    """States that last, and gates that leave the middle."""
    for key, parameter in model.named_parameters():
        if key.endswith("A_log"):
            parameter.uniform_(-3, 0)
        elif parameter.dim() > 1:
            parameter.mul_(20)
    return model.eval()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders and models by name, with states that live: a fresh random model may forget at once."""
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    found = {}
    for name, (cls, options) in MODELS.items():
        model = getattr(transformers, f"{cls}ForCausalLM")(getattr(transformers, f"{cls}Config")(**SHARED | options))
        folder = tmp_path_factory.mktemp(name)
        enlivened(model).save_pretrained(folder)
        found[name] = folder, model
    return found


@torch.no_grad()
def transitions(model, layer: int):
    """The matrices, one a head or number, by which each token of the audit's text multiplies the real cached state.

    The rows of a batch hold zero and large basis vectors in this layer; what they differ by afterwards is an image. The
    layers below, which decide what multiplies, go on undisturbed.
    """
    from transformers import DynamicCache

    order = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(0)).tolist()
    projections = [name for name, _ in model.base_model.layers[layer].named_modules()]
    matrix = any(name.endswith((".b_proj", ".in_proj_b", ".in_proj_ba")) for name in projections)  # there is a β
    rows = 1 + (4 if matrix else 1)
    cache = DynamicCache(config=model.config)
    accepted = inspect.signature(model.forward).parameters
    name = next(name for name in ("cache_params", "cache", "past_key_values") if name in accepted)
    model(torch.full((rows, 1), order[0]), **{name: cache}, use_cache=True)
    held = [part for part in cache.layers if hasattr(part, "recurrent_states")]
    for part in held:  # as before any token
        part.recurrent_states[0].zero_()
        part.conv_states[0].zero_()
    found = []
    for token in order:
        state = cache.layers[layer].recurrent_states[0].zero_()
        if matrix:
            for i in range(4):
                state[1 + i, :, i, 0] = LARGE
        else:
            state[1] = LARGE
        model(torch.full((rows, 1), token), **{name: cache}, use_cache=True)
        after = cache.layers[layer].recurrent_states[0].double()
        difference = (after[1:] - after[:1]) / LARGE
        found.append(difference[..., 0].permute(1, 2, 0) if matrix else difference.flatten()[:, None, None])
    return found


@pytest.mark.parametrize("name", ["olmo", "olmo-positive", "qwen", "mamba", "mamba2"])
def test_what_is_measured_is_what_the_cache_does(models, name):
    folder, model = models[name]
    found = audit(folder)
    assert found.layers
    for layer in found.layers:
        values = np.concatenate([np.linalg.eigvals(m.numpy()).ravel() for m in transitions(model, layer.index)])
        assert np.abs(values.imag).max() < 1e-4
        least, largest = values.real.min(), values.real.max()
        assert layer.measured["eigenvalues"] == pytest.approx([least, largest], abs=2e-3)
        assert layer.low - 1e-5 <= least <= largest <= layer.high + 1e-5
        assert np.ptp(values.real) > 0.05  # the states live, and tokens differ
        assert (layer.minus_one == "never") == (name != "olmo")


@pytest.mark.parametrize("name", OTHERS)
def test_the_bounds_of_other_classes(name):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    read = transformers.AutoConfig.for_model(name, **SHARED | OTHERS[name])
    model = enlivened(transformers.AutoModelForCausalLM.from_config(read))
    layers = facts_of(json.loads(read.to_json_string(use_diff=False))).layers
    assert layers
    for layer in layers:
        values = np.concatenate([np.linalg.eigvals(m.numpy()).ravel() for m in transitions(model, layer.index)])
        assert np.abs(values.imag).max() < 1e-4
        assert layer.low - 1e-4 <= values.real.min() <= values.real.max() <= layer.high + 1e-4
        assert np.ptp(values.real) > 0.05


def test_the_doubled_flag_gives_negative_eigenvalues_in_the_cache(models):
    least = {name: min(np.linalg.eigvals(m.numpy()).real.min() for m in transitions(models[name][1], 0)) for name in
             ("olmo", "olmo-positive")}  # fmt: skip
    assert least["olmo"] < -0.05
    assert least["olmo-positive"] > -1e-5


def test_limits_of_mamba2(models):
    """Read at once they hold, and the measured line shows it; token by token the library does not apply them."""
    folder, model = models["mamba2-limited"]
    found = audit(folder)
    assert "does not apply the limits" in " ".join(found.notes)
    for layer in found.layers:
        rates = model.base_model.layers[layer.index].mixer.A_log.detach().exp()
        low, high = math.exp(-0.1 * float(rates.max())), math.exp(-0.01 * float(rates.min()))
        assert low - 1e-6 <= layer.measured["eigenvalues"][0] <= layer.measured["eigenvalues"][1] <= high + 1e-6
        step = torch.cat([m.flatten() for m in transitions(model, layer.index)])
        assert float(step.min()) < low - 0.01
        assert (layer.one, layer.zero) == ("to rounding", "to rounding")


@pytest.mark.parametrize(("a_log", "value"), [(-120.0, 1.0), (30.0, 0.0)])
def test_limits_of_mamba2_bound_no_eigenvalue(models, tmp_path, a_log, value):
    """A_log is a parameter: with the same limits all decays are 1, or 0."""
    import transformers

    model = transformers.Mamba2ForCausalLM.from_pretrained(models["mamba2-limited"][0])
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("A_log"):
                parameter.fill_(a_log)
    model.save_pretrained(tmp_path)
    for layer in audit(tmp_path).layers:
        assert layer.measured["eigenvalues"] == [value, value]


def test_layers_of_fla_and_mamba_ssm():
    for config, wanted in json.loads(DATA.read_text()):
        try:
            found = [layer.index for layer in facts_of(config).layers]
        except InputError:
            found = None
        assert found == wanted, config


def test_eigenvalues_of_fla():
    """Within the bounds of the record, and near them, over 2,000 tokens of its references."""
    for config, least, largest, imaginary in json.loads(EIGENVALUES.read_text()):
        layer = facts_of(config).layers[0]
        assert layer.low - 1e-3 <= least <= layer.low + 0.1, config
        assert layer.high - 1e-3 <= largest <= layer.high + 1e-3, config
        assert imaginary < 1e-3, config


def test_the_fault_that_was_reported():
    attention = {"layers": [1, 3], "num_heads": 4, "num_kv_heads": 4}
    config = {"model_type": "gated_deltanet", "num_hidden_layers": 4, "allow_neg_eigval": True, "attn": attention}
    facts = facts_of(config)
    lines = Audit("x", "gated_deltanet", facts.layers, facts.notes).lines()
    assert lines[1].startswith("layers 0, 2: Gated DeltaNet, eigenvalues in [-1, 1]")
    assert "note: not recurrent and not audited: layers 1, 3 (attention)" in lines


@pytest.mark.parametrize(
    ("places", "text"),
    [
        ([3], "layer 3"),
        ([0, 1], "layers 0-1"),
        ([0, 2], "layers 0, 2"),
        ([*range(31)], "layers 0-30"),
        ([0, 1, 2, 4, 5, 6, 8], "layers 0-2, 4-6, 8"),
    ],
)
def test_ranges(places, text):
    assert ranges(places) == text


def test_a_hybrids_layers_are_named_exactly():
    facts = facts_of({"model_type": "olmo_hybrid", "num_hidden_layers": 9})
    lines = Audit("x", "olmo_hybrid", facts.layers, facts.notes).lines()
    assert lines[1].startswith("layers 0-2, 4-6, 8: ")


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"model_type": "olmo_hybrid", "num_hidden_layers": 2}, [0]),  # no fourth layer: the last is attention
        ({"model_type": "olmo_hybrid"}, [i for i in range(32) if i % 4 != 3]),
        ({"model_type": "qwen3_next", "num_hidden_layers": 6, "full_attention_interval": 2}, [0, 2, 4]),
        ({"model_type": "qwen3_next", "num_hidden_layers": 2, "layer_types": ["attention", "mamba"]}, [1]),
        ({"model_type": "mamba"}, [*range(32)]),
        ({"model_type": "mamba2"}, [*range(64)]),
        ({"model_type": "mamba2", "dt_limit": [0.0, 1.0]}, [*range(48)]),  # fla's
        ({"model_type": "mamba", "n_layer": 3, "ssm_cfg": {}}, [*range(32)]),
        ({"d_model": 8, "n_layer": 3, "attn_layer_idx": [1]}, [0, 2]),
        (
            {"model_type": "a-composite", "text_config": {"model_type": "qwen3_next", "num_hidden_layers": 4}},
            [0, 1, 2],
        ),
    ],
)
def test_layers(config, wanted):
    assert [layer.index for layer in facts_of(config).layers] == wanted


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "olmo_hybrid", "num_hidden_layers": 1},
        {"model_type": "olmo_hybrid", "layer_types": ["linear_attention", "full_attention"]},  # 32 by default
        {"model_type": "qwen3_next", "num_hidden_layers": 1, "layer_types": ["conv"]},
        {"model_type": "qwen3_next", "num_hidden_layers": 4, "full_attention_interval": 0},
        {"model_type": "mamba2", "num_hidden_layers": 1, "layer_types": ["linear_attention"]},
        {"model_type": "mamba2", "num_hidden_layers": 1, "time_step_limit": []},
        {"model_type": "mamba3", "num_hidden_layers": 1, "A_floor": 0},
        {"ssm_cfg": {"layer": "Mamba4"}},
    ],
)
def test_what_the_class_refuses_is_refused(config):
    with pytest.raises(InputError, match="in the configuration; wanted"):
        facts_of(config)


# -- products


def projections(angles, betas=None, alpha=1.0):
    product = np.eye(2)
    for i, angle in enumerate(angles):
        key = np.array([math.cos(angle), math.sin(angle)])
        beta = 1.0 if betas is None else betas[i]
        product = (np.eye(2) - beta * np.outer(key, key)) @ product
    return alpha * product


@pytest.mark.parametrize("factors", [1, 2, 3, 4, 5, 7])
def test_the_bound_of_products_is_reached_and_not_passed(factors):
    low = delta("x", doubled=False, factors=factors).low
    angles = [i * math.pi / factors for i in range(factors)]
    least = np.linalg.eigvals(projections(angles)).real.min()
    if factors > 2:
        assert least == pytest.approx(low)
    generator = np.random.default_rng(0)
    for _ in range(3000):
        size = int(generator.integers(2, 4))
        product = np.eye(size)
        for _ in range(factors):
            key = generator.normal(size=size)
            beta = generator.random() if generator.random() < 0.5 else 1.0
            product = (np.eye(size) - beta * np.outer(key, key) / (key @ key)) @ product
        values = np.linalg.eigvals(product)
        real = values.real[np.abs(values.imag) < 1e-12]
        assert (real >= low - 1e-9).all()
        assert (np.abs(values) <= 1 + 1e-9).all()


def test_three_factors_leave_zero_to_one_and_still_exclude_every_group():
    config = {"model_type": "gated_deltaproduct", "num_householder": 3, "num_hidden_layers": 1}
    layer = facts_of(config).layers[0]
    assert layer.low == pytest.approx(-1 / 8)
    assert (layer.minus_one, layer.one) == ("never", "exactly")  # no forget gate unless it says so
    assert "the trivial one" in layer.excludes
    assert "single token" not in layer.excludes
    doubled = facts_of(config | {"allow_neg_eigval": True, "use_forget_gate": True}).layers[0]
    assert (doubled.low, doubled.excludes, doubled.one) == (-1, "", "to rounding")


def test_nothing_is_said_of_automata_from_single_tokens():
    """Gated DeltaNet and Mamba shrink one norm; RWKV-7 does not, and two of its tokens turn more than one can."""
    assert "automaton" in MAMBA.excludes
    assert "of automata nothing is excluded" in RWKV7.excludes
    generator = np.random.default_rng(0)
    norms, values = [], []
    for _ in range(2000):
        product = np.eye(2)
        for _ in range(3):
            key = generator.normal(size=2)
            key /= np.linalg.norm(key)
            gate = generator.random(2) ** 3
            token = np.diag(np.exp(-0.6065 * generator.random(2) ** 4)) - np.outer(key, gate * key)
            single = np.linalg.eigvals(token)
            assert np.abs(single.imag).max() < 1e-9
            assert single.real.min() >= RWKV7.low
            norms.append(np.linalg.norm(token, 2))
            product = token @ product
        values.append(np.linalg.eigvals(product))
    assert max(norms) > 1.01
    assert np.abs(np.array(values).imag).max() > 1e-3  # which no single token has


@pytest.mark.parametrize("floor", [0, 1e-9, 2.9e-8, 2.0**-25, 2.99e-8, 4e-8, 5.9e-8, 1e-7, 1e-4])
def test_a_floor_that_rounds_to_nothing(floor):
    """Half a turn takes a step of 1: -1 is reached where torch's exp(-floor) is 1 in float32."""
    layer = facts_of({"ssm_cfg": {"layer": "Mamba3", "A_floor": floor}}).layers[0]
    one = float(torch.exp(torch.tensor(-floor, dtype=torch.float64)).float()) == 1.0
    assert layer.minus_one == ("to rounding" if one else "never")
    assert ("each turn shrinks" in layer.excludes) == (not one)


def test_the_words_about_s4d():
    """One token's multiplier from the recurrence itself: what it reaches, and that no token changes it."""
    from subnormal.models.families import FAMILIES as TRANSITIONS

    said = own(0, ALL_FAMILIES["s4d"])
    assert said is not None
    low, high, minus_one, one, zero = said.low, said.high, said.minus_one, said.one, said.zero
    excludes = said.excludes
    generator = torch.Generator().manual_seed(0)

    def multiplier(log_step, frequency, log_rate=0.0, dtype=torch.float64):
        layer = TRANSITIONS["s4d"](2, dtype)
        with torch.no_grad():
            layer.log_step.fill_(log_step)
            layer.log_rate.fill_(log_rate)
            layer.frequency.fill_(frequency)

        raw = torch.randn(3, 5, 2 * len(layer.parts), generator=generator, dtype=dtype)
        a = layer.affine(raw)[0].detach()
        assert (a == a[0, 0]).all()  # one map for all tokens
        return complex(a[0, 0, 0])

    for _ in range(200):
        log_step, log_rate, frequency = (20 * torch.randn(3, generator=generator, dtype=torch.float64)).tolist()
        assert low <= abs(multiplier(log_step, frequency, log_rate)) <= high + 1e-12
    turned = multiplier(-40.0, math.pi * math.exp(40.0))
    assert abs(turned + 1) < 1e-6
    assert (minus_one, one, zero) == ("to rounding",) * 3
    assert multiplier(-40.0, 0.0) == 1  # exp(-e^-40)
    assert multiplier(7.0, 0.0) == 0
    assert abs(multiplier(-3.0, 0.0)) < 1  # and never in real numbers: the rate is above 0
    # Rounded to -1 it tells the parity of the length, which is C2 read over its generator alone.
    assert "over two tokens or more" in excludes


@pytest.mark.parametrize("values", [(-0.5, 0.5), (0.5, 1.5), (-1.0, 1.0)])
def test_a_measurement_that_contradicts_the_class_is_an_error(values):
    with pytest.raises(RefutedError, match="outside of what audit knows"):
        MAMBA.with_measured({"eigenvalues": list(values), "tokens": 1})
    with pytest.raises(InputError, match="NaN"):
        MAMBA.with_measured({"eigenvalues": [math.nan, math.nan], "tokens": 1})


def test_what_is_said_and_what_is_measured_agree(models):
    """No line says "never" of a value that the line below it shows."""
    for (folder, _), seed in itertools.product(models.values(), (0, 1)):
        for layer in audit(folder, seed).layers:
            least, largest = layer.measured["eigenvalues"]
            assert layer.low - 1e-5 <= least <= largest <= layer.high + 1e-5
            assert least > -1 or layer.minus_one != "never"


def test_weights_of_another_library_are_not_read_as_transformers(tmp_path):
    """fla's Mamba-2 has transformers' name and other tensors."""
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "mamba2", "num_hidden_layers": 1, "dt_limit": [0, 1]})
    )
    (tmp_path / "model.safetensors").write_bytes(b"")
    found = audit(tmp_path)
    assert found.layers[0].measured is None
    assert "its weights are not measured" in " ".join(found.notes)


def test_a_configuration_alone_is_audited_without_torch(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "qwen3_next"}))
    code = "import sys, subnormal as sn; sn.audit(sys.argv[1]); print({'torch', 'transformers'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_use_of_fla_and_mamba_ssm_is_what_was_measured():
    """Each class whose record says how it is used was run; those that were not, or not on a CPU, say so."""
    rows = {row["name"]: row for row in map(json.loads, USED.read_text().splitlines())}
    names = {"mamba (fla)": "mamba", "mamba2 (fla)": "mamba2"}
    tried = 0
    for name, record in (of_fla.RECORDS | of_mamba_ssm.RECORDS).items():
        row = rows.get(names.get(name, name), {})
        if isinstance(record.use, str):
            assert "pieces" not in row, name
            continue
        *found, state = use_of(row)
        use = record.use
        said = [use.pieces, use.left_padding, use.decoding]
        assert [word.split(":")[0].split(",")[0] for word in said] == found, name
        if state:
            kinds = {kind for kind in ("float32", "that of the weights") if kind in use.state_dtype}
            assert set(state.split(" and ")) == kinds, name
        if use.decoding.startswith("yes"):
            assert is_live(row), f"{name} forgets at once"
        tried += 1
    assert tried >= 28
