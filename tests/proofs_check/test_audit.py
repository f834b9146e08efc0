"""Audits of small random models of other libraries and of our own networks."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
import torch

from subnormal.api.compiling import compile as compile_own
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError
from subnormal.constructions.targets.compiler import TARGETS, compile_target
from subnormal.proofs_check.audits import of_fla, of_mamba_ssm, of_transformers
from subnormal.proofs_check.audits.audit import audit
from subnormal.proofs_check.audits.configurations import facts_of
from subnormal.proofs_check.audits.records import AUTOMATON_TARGETS
from tests.cases import group

VOCABULARY = 40


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of random models by name."""
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    shared = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 8}
    delta = {
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 4,
        "linear_value_head_dim": 4,
        "pad_token_id": None,
    }
    experts = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8, "head_dim": 8}
    experts["shared_expert_intermediate_size"] = 8
    configs: dict[str, tuple[str, Any]] = {
        "olmo": ("OlmoHybrid", shared | heads | delta | {"linear_num_key_heads": 4}),
        "olmo-positive": (
            "OlmoHybrid",
            shared | heads | delta | {"linear_num_key_heads": 4, "linear_allow_neg_eigval": False},
        ),
        "qwen": ("Qwen3Next", shared | heads | delta | experts),
        "mamba": ("Mamba", shared | {"state_size": 4}),
        "mamba2": (
            "Mamba2",
            shared | {"state_size": 4, "num_heads": 4, "head_dim": 8, "n_groups": 1, "time_step_limit": (0.01, 0.1)},
        ),
        "mamba2-free": ("Mamba2", shared | {"state_size": 4, "num_heads": 4, "head_dim": 8, "n_groups": 1}),
    }
    folders = {}
    for name, (cls, config) in configs.items():
        model = getattr(transformers, f"{cls}ForCausalLM")(getattr(transformers, f"{cls}Config")(**config))
        with torch.no_grad():
            for parameter in model.parameters():  # so that gates leave the middle
                parameter.mul_(1.5)
        folders[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(folders[name])
    return folders


@pytest.mark.parametrize(
    ("name", "minus_one", "one", "low"),
    [
        ("olmo", "to rounding", "to rounding", -1.0),
        ("olmo-positive", "never", "to rounding", 0.0),
        ("qwen", "never", "to rounding", 0.0),
        ("mamba", "never", "to rounding", 0.0),
        ("mamba2", "never", "to rounding", 0.0),
        ("mamba2-free", "never", "to rounding", 0.0),
    ],
)
def test_random_models(models, name, minus_one, one, low):
    found = audit(models[name])
    assert found.layers[0].index == 0
    for layer in found.layers:
        assert (layer.minus_one, layer.one, layer.low) == (minus_one, one, low)
        least, largest = layer.measured["eigenvalues"]
        assert layer.low <= least <= largest <= layer.high
        assert layer.measured["tokens"] == VOCABULARY
        assert ("the trivial one" in layer.excludes) == (minus_one == "never")
    assert len(found.layers) == (2 if "mamba" in name else 1)


@pytest.mark.parametrize("name", ["olmo", "olmo-positive", "qwen", "mamba", "mamba2"])
def test_a_model_that_is_loaded_is_audited_as_its_folder(models, name):
    """The configuration and the weights: and it is left as it was, training and without hooks."""
    from subnormal.models.references.hugging_face import load_model

    model = load_model(models[name]).train()
    found = audit(model)
    assert found.layers == audit(models[name]).layers
    assert found.layers[0].measured is not None
    assert all(part.training and not part._forward_hooks for part in model.modules())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert audit(model).layers[0].measured["eigenvalues"] != found.layers[0].measured["eigenvalues"]


def test_our_own_network_and_what_has_no_configuration():
    network = compile_own(group("S3")).network()
    for layer in audit(network).layers:
        assert layer.measured["eigenvalues"] == pytest.approx([1.0, 1.0])
    for given in (torch.nn.Linear(2, 2), 3, None):
        with pytest.raises(InputError, match=r"has no configuration; wanted a folder with config\.json"):
            audit(given)  # type: ignore[arg-type]


def test_the_switch_shows_in_the_measurement(models):
    """The same weights with β ≤ 2 and β ≤ 1."""
    import shutil

    least = audit(models["olmo"]).layers[0].measured["eigenvalues"][0]
    copy = models["olmo"].parent / "switched"
    shutil.copytree(models["olmo"], copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"linear_allow_neg_eigval": False}))
    assert least < 0 <= audit(copy).layers[0].measured["eigenvalues"][0]


def test_measured_eigenvalues_are_those_of_the_transition(models):
    """Mamba-2: what one more token does to a state, by the library itself."""
    from subnormal.models.references.hugging_face import load_model

    model = load_model(models["mamba"])
    layer = audit(models["mamba"]).layers[0]
    with torch.no_grad():
        tokens = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(0))[None]
        mixer = model.base_model.layers[0].mixer
        caught = []
        handle = mixer.x_proj.register_forward_hook(lambda _, inputs, output: caught.append(output))
        model(tokens, use_cache=False)
        handle.remove()
        step = torch.nn.functional.softplus(mixer.dt_proj(caught[0][..., : mixer.time_step_rank]))
        values = torch.exp(-step[..., None] * mixer.A_log.exp())
    assert layer.measured["eigenvalues"] == pytest.approx([float(values.min()), float(values.max())])


def test_a_compiled_checkpoint_reaches_minus_one_and_zero(tmp_path):
    pytest.importorskip("transformers")
    compile_target(group("S3"), "olmo-hybrid", resets=True).save(tmp_path)
    layer = audit(tmp_path).layers[0]
    assert layer.measured["eigenvalues"] == [-1.0, 1.0]
    assert "order > 2" in layer.excludes


@pytest.mark.parametrize(
    ("family", "minus_one", "zero", "excludes"),
    [("aussm", "exactly", "never", "not solvable"), ("negative-mamba", "to rounding", "exactly", "2-group")],
)
def test_our_own_networks(tmp_path, family, minus_one, zero, excludes):
    compile_own(group("D4") if family == "negative-mamba" else "S3", family).save(tmp_path)
    found = audit(tmp_path)
    assert found.architecture == "our own network"
    for layer in found.layers:
        assert (layer.minus_one, layer.zero) == (minus_one, zero)
        assert excludes in layer.excludes
        expected = [-1.0, 1.0] if family == "negative-mamba" else [1.0, 1.0]
        assert layer.measured["eigenvalues"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("config", "notes", "low"),
    [
        ({"model_type": "qwen3_next", "num_hidden_layers": 4, "linear_allow_neg_eigval": True}, "is ignored", 0.0),
        ({"model_type": "gated_deltanet", "num_hidden_layers": 1}, "default is false", 0.0),
        ({"model_type": "gated_deltaproduct", "num_hidden_layers": 1}, "layer alone would have true", 0.0),
        ({"model_type": "gated_deltaproduct", "allow_neg_eigval": True, "num_hidden_layers": 1}, "forget_gate", -1.0),
        ({"model_type": "olmo_hybrid", "num_hidden_layers": 4}, "the default is true", -1.0),
        ({"model_type": "mamba3", "n_layer": 1}, "A_floor 0.0001", 0.0),
        ({"ssm_cfg": {"layer": "Mamba3", "A_floor": 0.01}, "n_layer": 1}, "A_floor 0.01", 0.0),
        ({"ssm_cfg": {"layer": "Mamba2", "dt_limit": [0.01, 1]}, "n_layer": 1}, "every token decays", 0.0),
        ({"model_type": "mamba2", "time_step_limit": [0.01, {"__float__": "Infinity"}]}, "every token decays", 0.0),
        ({"model_type": "mamba2", "num_hidden_layers": 1, "time_step_limit": [0.01, 1]}, "every token decays", 0.0),
        ({"model_type": "rwkv7", "num_hidden_layers": 1}, "", -0.46),
    ],
)
def test_traps_in_configurations(config, notes, low):
    found = facts_of(config)
    assert notes in "; ".join(found.notes)
    assert found.layers[0].low == low


@pytest.mark.parametrize(
    ("config", "command"),
    [
        ({"model_type": "mamba2", "time_step_limit": [0, 1e9]}, "compile 'flip-flop(2)' --target mamba2"),
        ({"model_type": "mamba2", "time_step_limit": [0.5, 1]}, None),
        ({"model_type": "qwen3_next"}, "compile 'flip-flop(2)' --target qwen3-next"),
        ({"model_type": "gated_deltanet", "allow_neg_eigval": True}, "compile S3 --target gated-deltanet"),
        ({"model_type": "gated_deltanet"}, None),
        ({"model_type": "delta_net", "allow_neg_eigval": True}, "compile S3 --target delta-net"),
        ({"model_type": "kda", "allow_neg_eigval": True}, "compile S3 --target kda"),
        ({"model_type": "kda"}, None),
    ],
)
def test_the_command_that_writes_such_weights(config, command):
    (can,) = facts_of(config).can
    assert f"(subnormal {command})" in can if command else "--target" not in can


def test_commands_name_targets_that_exist():
    named = {r.target for of in (of_fla, of_mamba_ssm, of_transformers) for r in of.RECORDS.values()} - {""}
    assert named <= set(TARGETS)
    assert set(AUTOMATON_TARGETS) == {target.name for target in TARGETS.values() if target.tracks == "automaton"}


def test_factors_of_a_product(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "gated_deltaproduct", "num_householder": 3, "allow_neg_eigval": True}))
    found = audit(path)
    assert len(found.layers) == 21
    assert found.layers[0].measured is None
    assert found.lines()[1].startswith("layers 0-20: GatedDeltaProduct, 3 factors, eigenvalues in [-1, 1]")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"model_type": "lama"}', "model_type 'lama' is not known: not a class of fla, mamba_ssm or transformers"),
        ('{"model_type": "llava", "text_config": {"model_type": "lama"}}', "model_type 'lama', is not known"),
        ('{"model_type": "llava", "text_config": 5}', "text_config: '5' in the configuration; wanted an object"),
        ("[1]", "a JSON list; wanted an object"),
        ("{", "not JSON"),
        ('{"layers": []}', "layers: none in the configuration"),
        ('{"layers": [1]}', "layers"),
        ('{"layers": [{"family": "delta-7"}]}', "unknown family 'delta-7'"),
        ('{"ssm_cfg": 5}', "ssm_cfg: '5' in the configuration; wanted an object"),
        ('{"ssm_cfg": {"layer": "Mamba3", "A_floor": "x"}}', "A_floor: 'x' in the configuration"),
        ('{"model_type": "mamba2", "time_step_limit": [NaN, 2]}', "time_step_limit: 'nan'"),
        ('{"model_type": "mamba2", "time_step_limit": 3}', "wanted two numbers"),
        ('{"model_type": "mamba2", "num_hidden_layers": 0}', "num_hidden_layers: '0' in the configuration"),
        ('{"model_type": "mamba2", "num_hidden_layers": 2.5}', "num_hidden_layers: '2.5' in the configuration"),
        ('{"model_type": "olmo_hybrid", "num_hidden_layers": "4"}', "num_hidden_layers: '4' in the configuration"),
        ('{"model_type": "olmo_hybrid", "layer_types": "linear_attention"}', "layer_types"),
        ('{"model_type": "olmo_hybrid", "linear_allow_neg_eigval": "yes"}', "linear_allow_neg_eigval"),
        ('{"model_type": "qwen3_next", "full_attention_interval": 0}', "full_attention_interval: '0'"),
        ('{"model_type": "qwen3_next", "full_attention_interval": "4"}', "full_attention_interval: '4'"),
        ('{"model_type": "qwen3_5", "text_config": [1]}', "text_config: '[^ ]*' in the configuration"),
        ('{"model_type": ["mamba"]}', "model_type"),
        ('{"model_type": "mamba2", "num_hidden_layers": -1}', "num_hidden_layers: '-1' in the configuration"),
    ],
)
def test_refusals(tmp_path, content, message):
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        audit(path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hidden_size", 1 << 30, r"config\.json asks for [\d,]* parameters, the files have"),
        ("num_hidden_layers", 4, "layer_types"),
        ("intermediate_size", 16, r"has shape \(16, 8\), and config.json asks for"),
        ("vocab_size", -4, "transformers cannot load it"),
        ("vocab_size", "x", "transformers cannot load it"),
        ("linear_key_head_dim", 2, r"has shape \(48, 1, 4\), and config.json asks for"),
        ("layer_types", 5, "layer_types|wanted a list of 2 kinds"),
        ("layer_types", ["linear_attention"] * 3, "wanted a list of 2 kinds"),
    ],
)
def test_a_configuration_that_does_not_fit_the_weights(models, tmp_path, field, value, message):
    shutil.copytree(models["olmo"], tmp_path / "a")
    path = tmp_path / "a" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(InputError, match=message):
        audit(tmp_path / "a")


def test_missing_weights_are_not_drawn_at_random(models, tmp_path):
    from safetensors.torch import load_file, save_file

    shutil.copytree(models["olmo"], tmp_path / "a")
    weights = load_file(tmp_path / "a" / "model.safetensors")
    name = next(name for name in weights if "linear_attn.b_proj" in name)
    save_file({k: v for k, v in weights.items() if k != name}, tmp_path / "a" / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="b_proj.weight is not in its safetensors files, 1 missing"):
        audit(tmp_path / "a")


@pytest.mark.parametrize("content", [b"", bytes(100), b"\xff" * 8 + b"{}"])
def test_damaged_weights(models, tmp_path, content):
    shutil.copytree(models["olmo"], tmp_path / "a")
    (tmp_path / "a" / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="transformers cannot load it"):
        audit(tmp_path / "a")


def test_the_command(models, capsys):
    application()(["audit", str(models["mamba2"]), "--json"], standalone_mode=False)
    content = json.loads(capsys.readouterr().out)
    assert content["architecture"] == "mamba2"
    application()(["audit", str(models["qwen"])], standalone_mode=False)
    assert "-1 never" in capsys.readouterr().out


def sparse_folder(place, config, shards=3):
    """A folder of full size whose files are holes: what reads them all is found out."""
    import struct

    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    config.save_pretrained(place)
    tensors = list(model.state_dict().items())
    for i in range(shards):
        header, at = {}, 0
        for name, tensor in tensors[i::shards]:
            size = 2 * tensor.numel()
            header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header).encode()
        with (place / f"model-{i + 1:05}-of-{shards:05}.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + at)
    return sum(tensor.numel() for _, tensor in tensors)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "options"), [("OlmoHybrid", {}), ("Qwen3Next", {"num_experts": 32}), ("Mamba2", {})])
def test_a_large_folder_is_read_in_part(tmp_path, kind, options):
    """7B and more, in shards: bounded by what is measured, in less than 1 GiB."""
    import subprocess
    import sys

    transformers = pytest.importorskip("transformers")
    assert sparse_folder(tmp_path, getattr(transformers, f"{kind}Config")(**options)) > 5e9
    code = (
        "import json, resource, sys, time, subnormal as sn; start = time.perf_counter(); found = sn.audit(sys.argv[1]);"
        "print(json.dumps([found.as_json(), time.perf_counter() - start,"
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20]))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    found, seconds, gib = json.loads(run.stdout)
    print(f"{kind}: {seconds:.1f} s, {gib:.2f} GiB")
    assert gib < 1
    assert found["layers"][0]["measured"]["tokens"] == 4096
    assert all(layer["measured"] is None for layer in found["layers"][1:])
    assert "only layer 0 can be run" in " ".join(found["notes"])


def test_of_a_large_folder_the_first_layer_is_what_a_whole_reading_finds(models, monkeypatch):
    from subnormal.proofs_check.audits import measure

    for name, folder in models.items():
        whole = audit(folder).layers[0].measured
        monkeypatch.setattr(measure, "LARGEST_READ", 0)
        part = audit(folder).layers[0].measured
        monkeypatch.undo()
        assert part["tokens"] == whole["tokens"], name
        assert part["eigenvalues"] == pytest.approx(whole["eigenvalues"], abs=1e-6), name
