"""What `audit` says of a class against the class itself: every line of it, on live models of the installed version.

A failure names the line that a new release made false. `docs/what-models-do.md` is made of the same records.
"""

from __future__ import annotations

import importlib
import inspect
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from subnormal.common.errors import InputError
from subnormal.proofs_check.audits import of_transformers
from subnormal.proofs_check.audits.audit import audit
from subnormal.proofs_check.audits.configurations import classes, facts_of
from subnormal.proofs_check.audits.records import NO_STATE, SHORT, WEIGHTS
from tests.proofs_check.live_models import MODELS, SHARED, VOCABULARY, Reader, answers, installed, made, states

transformers = pytest.importorskip("transformers")
transformers.utils.logging.set_verbosity_error()
NAMES = [name for name in MODELS if installed(name)]
CLOSE, APART = 2e-5, 2e-4
"""Relative: rounding, and what is another answer."""
LARGE = 2.0**20
"""Beside it, what a token writes does not matter to rounding."""
LSTMS = (of_transformers.PREDICTOR, of_transformers.AT_ONCE, of_transformers.WITHIN)
NONLINEAR = {name for name, record in of_transformers.RECORDS.items() if record.use in LSTMS}


def facts(name: str) -> Any:
    config = transformers.AutoConfig.for_model(name.split(",")[0], **SHARED | MODELS[name])
    return facts_of(json.loads(config.to_json_string(use_diff=False)))


def false(name: str, line: str, said: object, found: object) -> str:
    return f"audit says of {name}: {line}: {said}; transformers {transformers.__version__}: {found}"


def error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


def agrees(size: float) -> bool:
    assert not CLOSE < size < APART, f"neither rounding nor another answer: {size}"
    return size <= CLOSE


def test_every_record_has_a_model():
    assert {name.split(",")[0] for name in MODELS} | NONLINEAR | {"inkling2_loop_text"} == set(of_transformers.RECORDS)


@pytest.fixture(scope="module")
def models():
    kept: dict[str, Any] = {}

    def model(name: str) -> Any:
        if name not in kept:
            kept[name] = made(name)
        return kept[name]

    return model


def texts() -> torch.Tensor:
    return torch.randint(1, VOCABULARY, (2, 12), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def read(model: Any, pieces: list[int], positions: bool, rows: int = 2) -> float:
    """How far a text read in such pieces is from the same at once."""
    ids = texts()[:rows]
    reader = Reader(model, positions)
    try:
        found = torch.cat([reader.read(part) for part in ids.split(pieces, 1)], 1)
    except RuntimeError:  # a batch of another shape than was passed
        return math.inf
    whole = answers(model(ids, use_cache=False))
    return error(found, whole) if found.shape == whole.shape else math.inf


@torch.no_grad()
def padded(model: Any) -> float:
    """How far texts padded on the left, read and then continued by the library's own loop, are from the bare ones."""
    ids = texts()[:, :8]
    pad = torch.cat([torch.zeros(2, 3, dtype=ids.dtype), ids], 1)
    mask = (torch.arange(11) >= 3).long()[None].expand(2, -1)
    reader = Reader(model)
    bare, with_pad = answers(model(ids, use_cache=False)), reader.read(pad, attention_mask=mask)[:, 3:]
    if (found := error(with_pad, bare)) > CLOSE or not hasattr(model, "generate"):
        return found
    options = {"max_new_tokens": 5, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
    runs = [
        model.generate(text, attention_mask=seen, pad_token_id=0, **options)
        for text, seen in ((ids, torch.ones_like(ids)), (pad, mask))
    ]
    wanted, found_at = (torch.stack(run.logits, 1) for run in runs)
    return error(found_at, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_use(models, name):
    model, said = models(name), facts(name).use
    positions = read(model, [7] + [1] * 5, True, rows=1)
    without = read(model, [7] + [1] * 5, False, rows=1)
    needs = without > CLOSE >= positions
    assert needs == said.position_ids.startswith("yes"), false(name, "needs position_ids", said.position_ids, without)
    batch = read(model, [7] + [1] * 5, True)
    assert agrees(batch) == said.decoding.startswith("yes"), false(name, "token by token", said.decoding, batch)
    if "one text: yes" in said.decoding:
        assert agrees(positions)
    pieces = read(model, [5, 7], True)
    assert agrees(pieces) == said.pieces.startswith("yes"), false(name, "in pieces", said.pieces, pieces)
    left = padded(model)
    assert agrees(left) == said.left_padding.startswith("yes"), false(name, "left padding", said.left_padding, left)


@pytest.mark.parametrize("name", NAMES)
def test_states_are_alive_and_of_the_type_that_is_said(models, name):
    """What stands in the cache moves the answers; where there is nothing recurrent, nothing stands there."""
    model, found = models(name), facts(name)
    ids = texts()[:1]
    reader = Reader(model, positions=True)
    reader.read(ids[:, :7])
    kept = states(model, reader.cache)
    if name == "zaya":  # what it calls recurrent is the value of the token before
        kept = {}
    assert set(kept) == {layer.index for layer in found.layers}, false(name, "layers", found.layers, sorted(kept))
    if kept:
        other = Reader(model, positions=True)
        other.read(ids[:, :7])
        wanted = reader.read(ids[:, 7:8])
        for state in states(model, other.cache).values():
            state.zero_()
        assert error(other.read(ids[:, 7:8]), wanted) > 1e-3, "this model forgets at once: its tests test nothing"
    narrow = made(name).to(torch.bfloat16)
    if name == "inkling2_text":  # does not run in bfloat16
        return
    reader = Reader(narrow, positions=True)
    reader.read(ids[:, :7])
    for state in states(narrow, reader.cache).values():
        kind = str(state.dtype).removeprefix("torch.")
        said = found.use.state_dtype
        assert said == (kind if kind == "float32" else "that of the weights"), false(name, "state in", said, kind)


@torch.no_grad()
def multipliers(model: Any, layer: int, count: int = VOCABULARY) -> np.ndarray:
    """Eigenvalues of what tokens do to this layer's state in the real cache, each in the context of those before.

    Beside a state of zeros stand basis states, large ones; what they differ by afterwards is their image.
    """
    kind = model.config.model_type
    order = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(0))[:count].tolist()
    names = [name for name, _ in model.base_model.named_modules()]
    matrix = any(name.endswith((".b_proj", ".in_proj_b", ".in_proj_ba")) for name in names)  # there is a β
    found = []
    rows = 1 if kind == "rwkv" else 5 if matrix else 2
    reader = Reader(model, positions=True)
    reader.read(torch.full((rows, 1), order[0]))
    for token in order:
        if kind == "rwkv":  # one text at a time; a state is a numerator with the logarithm of its scale
            number, size = reader.cache[2], reader.cache[4]
            cache: Any = reader.cache
            kept = [part.clone() for part in cache]
            numbers = []
            for value in (0.0, 1.0):
                for part, old in zip(cache, kept, strict=True):
                    part.copy_(old)
                number[:, :, layer], size[:, :, layer] = value, 4096.0  # above every key
                reader.read(torch.full((1, 1), token))
                numbers.append(number[0, :, layer].double() * (size[0, :, layer].double() - 4096).exp())
            found.append((numbers[1] - numbers[0]).numpy())
            continue
        state = states(model, reader.cache)[layer].zero_()
        scale = torch.ones(())
        if kind == "xlstm":
            scale = reader.cache.rnn_state[layer][2].double().exp()[..., None]
        if matrix:
            for i in range(4):
                state[1 + i, :, i, 0] = LARGE
        else:
            state[1] = LARGE
        reader.read(torch.full((rows, 1), token))
        after = states(model, reader.cache)[layer].double()
        if kind == "xlstm":
            after = after * reader.cache.rnn_state[layer][2].double().exp()[..., None] / scale
        images = (after[1:] - after[:1]) / LARGE
        if matrix:
            blocks = images[..., 0].permute(1, 2, 0).numpy()
            found.append(np.concatenate([np.linalg.eigvals(block) for block in blocks]))
        else:
            found.append(images.flatten().numpy())
    return np.concatenate(found)


@pytest.mark.parametrize("name", [name for name in NAMES if facts(name).layers])
def test_eigenvalues(name):
    model = made(name, held=name == "zamba")  # of its own: what is written into it stays
    for layer in facts(name).layers:
        values = multipliers(model, layer.index)
        assert np.abs(values.imag).max() < 1e-4
        least, largest = values.real.min(), values.real.max()
        assert layer.low - 1e-4 <= least <= largest <= layer.high + 1e-4, false(name, "bounds", layer, (least, largest))
        if name.startswith("minimax"):  # the numbers themselves
            assert [least, largest] == pytest.approx([layer.low, layer.high], abs=1e-4)
        else:
            assert np.ptp(values.real) > 0.02, "tokens or channels that do not differ test nothing"


ODD: dict[str, list[dict[str, Any]]] = {
    "": [  # fields that every class has, or ignores
        {"num_hidden_layers": 1, "layer_types": ["linear_attention"]},
        {"num_hidden_layers": 3, "layer_types": ["full_attention", "linear_attention", "linear_attention"]},
        {"num_hidden_layers": 3, "layer_types": ["mamba", "attention", "mamba"]},
        {"num_hidden_layers": 4, "layer_types": None},
        {"num_hidden_layers": 1},
        {"tie_word_embeddings": True},
        {"tie_word_embeddings": True, "num_hidden_layers": 5},
        {"hidden_size": 32},
        {"linear_value_head_dim": 2},
        {"linear_num_key_heads": 1, "linear_num_value_heads": 3},
        {"linear_conv_kernel_dim": 2},
        {"linear_allow_neg_eigval": False},
        {"linear_allow_neg_eigval": True},
        {"allow_neg_eigval": True},
        {"full_attention_interval": 1, "layer_types": None},
        {"full_attention_interval": 3, "layer_types": None, "num_hidden_layers": 7},
    ],
    "mamba": [{"expand": 1}, {"expand": 4, "time_step_rank": 3}, {"use_mambapy": True}, {"state_size": 1}],
    "falcon_mamba": [{"expand": 1}, {"mixer_rms_eps": 1e-3}, {"state_size": 1}],
    "mamba2": [
        {"expand": 4, "num_heads": 8},
        {"expand": 1, "num_heads": 2},
        {"n_groups": 4},
        {"chunk_size": 3},
        {"time_step_limit": (0.01, 0.1)},
    ],
    "bamba": [
        {"attn_layer_indices": []},
        {"attn_layer_indices": [0]},
        {"attn_layer_indices": [0, 2], "num_hidden_layers": 4},
        {"mamba_expand": 4, "mamba_n_heads": 8},
    ],
    "jamba": [
        {"attn_layer_period": 3, "attn_layer_offset": 0, "num_hidden_layers": 5},
        {"attn_layer_period": 1, "attn_layer_offset": 0},
        {"mamba_expand": 1},
    ],
    "kimi_linear": [
        {
            "layer_types": None,
            "num_hidden_layers": 4,
            "linear_attn_config": {"full_attn_layers": [1, 4], "kda_layers": [3, 2]},
        },
        {"linear_num_heads": 4},
    ],
    "bailing_hybrid": [{"layer_types": None, "layer_group_size": 3, "num_hidden_layers": 5}, {"kda_safe_gate": False}],
    "glm5_next_text": [{"linear_lower_bound": -1.0}, {"linear_attn_config": {"safe_gate": False}}],
    "nemotron_h": [
        {"layers_block_type": None, "hybrid_override_pattern": "*M-M"},
        {"layers_block_type": ["mlp", "linear_attention", "linear_attention"]},
    ],
    "zamba": [{"layers_block_type": ["hybrid", "linear_attention", "hybrid", "hybrid"]}],
    "minimax": [{"layer_types": None, "num_hidden_layers": 5}, {"num_attention_heads": 4, "block_size": 2}],
    "recurrent_gemma": [{"block_types": ["recurrent"]}, {"block_types": ["attention", "recurrent"]}],
    "xlstm": [{"num_blocks": 1}, {"num_blocks": 3, "num_hidden_layers": 3}, {"gate_soft_cap": 1.0}],
    "falcon_h1": [{"mamba_n_groups": 2}, {"mamba_d_ssm": 16, "mamba_d_head": 4}, {"num_hidden_layers": 1}],
    "granitemoehybrid": [{"layer_types": ["linear_attention", "linear_attention"]}, {"mamba_n_groups": 2}],
}
"""Settings that are unusual and valid, for all classes and for single ones; what a class refuses is left out."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if facts(name).layers])
def test_odd_configurations(name, tmp_path):
    """A dictionary, a file, a folder and a model in hand give the same; layers and bounds are those of the model."""
    accepted, refusals = 0, 0
    for number, other in enumerate([*ODD[""], *ODD.get(name, [])]):
        try:
            model = made(name, held=name == "zamba", **other)
        except Exception:  # the class refuses it: whatever it raises
            refusals += 1
            continue
        reader = Reader(model, positions=True)
        try:
            reader.read(texts()[:1, :3])
            reader.read(texts()[:1, 3:4])
            for texts_of_one in (texts()[:1, :1], texts()[:2, :1]):
                Reader(model, positions=True).read(texts_of_one)
        except (KeyError, RuntimeError, ValueError):  # it cannot be run with a cache: of layers that have none, say
            refusals += 1
            continue
        config = json.loads(model.config.to_json_string(use_diff=False))
        said = facts_of(config).layers
        path = tmp_path / f"{number}.json"
        path.write_text(model.config.to_json_string())
        model.config.save_pretrained(tmp_path / str(number))
        typed = {key: value for key, value in (SHARED | MODELS[name] | other).items() if value is not None}
        for found in (
            audit(path).layers,
            audit(tmp_path / str(number)).layers,
            audit(model).layers,
            facts_of({"model_type": name.split(",")[0], **typed}).layers,
        ):
            assert [replace(layer, measured=None) for layer in found] == list(said), (name, other)
        assert set(states(model, reader.cache)) == {layer.index for layer in said}, (name, other)
        for layer in said[:2]:
            values = multipliers(model, layer.index, 8)
            assert np.abs(values.imag).max() < 1e-4, (name, other)
            assert layer.low - 1e-4 <= values.real.min() <= values.real.max() <= layer.high + 1e-4, (name, other, layer)
        accepted += 1
    assert accepted >= 5, f"{name}: {refusals} of {accepted + refusals} are refused"


def _predictor(name: str) -> tuple[Any, Any]:
    """A prediction network, and a cache for it."""
    module = importlib.import_module(f"transformers.models.{name}.modeling_{name}")
    caches = importlib.import_module(f"transformers.models.{name}.generation_{name}")
    (kind,) = (key for key in vars(module) if key.endswith("RNNTDecoder"))
    sizes = {"vocab_size": VOCABULARY, "decoder_hidden_size": 8, "num_decoder_layers": 2, "blank_token_id": 0}
    torch.manual_seed(0)
    network = getattr(module, kind)(SimpleNamespace(**sizes)).eval()
    with torch.no_grad():
        for parameter in network.lstm.parameters():
            parameter.mul_(4)
    return network, getattr(caches, f"{kind}Cache")(SimpleNamespace(**sizes))


@pytest.mark.parametrize("name", ["parakeet", "nemotron_asr_streaming", "nemotron3_5_asr"])
@torch.no_grad()
def test_use_of_prediction_networks(name):
    """One token a step from their cache, as at once; what is kept has the dtype of the weights; blanks do nothing."""
    network, kept = _predictor(name)
    ids = texts()
    whole = network(ids)
    found = [network(ids[:, t : t + 1], kept).clone() for t in range(ids.shape[1])]
    assert error(torch.cat(found, 1), whole) < CLOSE
    network(torch.zeros(2, 1, dtype=ids.dtype), kept)
    assert error(network(ids[:, :1], kept), network(torch.cat([ids, ids[:, :1]], 1))[:, -1:]) < CLOSE
    kept.hidden_state.zero_()
    kept.cell_state.zero_()
    assert error(network(ids[:, :1], kept), network(torch.cat([ids, ids[:, :1]] * 2, 1))[:, -1:]) > APART
    network, other = _predictor(name)
    network.to(torch.bfloat16)(ids[:, :1], other)
    assert other.hidden_state.dtype == torch.bfloat16
    assert of_transformers.PREDICTOR.state_dtype == WEIGHTS


@torch.no_grad()
def test_use_of_an_lstm_over_audio():
    """Encodec's: nothing is kept between calls, and what stands before is read, padding too."""
    from transformers.models.encodec.modeling_encodec import EncodecLSTM

    torch.manual_seed(0)
    layer = EncodecLSTM(transformers.EncodecConfig(), 8).eval()
    assert set(inspect.signature(layer.forward).parameters) == {"hidden_states"}
    sound = torch.randn(1, 8, 12)
    whole = layer(sound)
    pieces = torch.cat([layer(part) for part in sound.split(6, 2)], 2)
    padded_sound = layer(torch.cat([torch.zeros(1, 8, 4), sound], 2))[..., 4:]
    assert error(pieces, whole) > APART
    assert error(padded_sound, whole) > APART


@torch.no_grad()
def test_use_of_a_cell_that_writes_a_structure():
    """SLANet's: all of it within one call, from a state of zeros that is float32 whatever comes."""
    from transformers.models.slanet.modeling_slanet import SLANetAttentionGRUCell

    (head,) = (kind for kind in vars(transformers.models.slanet.modeling_slanet).values()
               if inspect.isclass(kind) and "structure_attention_cell" in inspect.getsource(kind)
               and "forward" in vars(kind))  # fmt: skip
    text = inspect.getsource(vars(head)["forward"])
    assert "dtype=torch.float32" in text
    assert "cache" not in text
    assert "past_key_values" not in text
    cell = SLANetAttentionGRUCell(8, 8, 4).eval()
    inputs, first = torch.randn(1, 5, 8), torch.zeros(1, 8)
    letters = torch.eye(4)
    state, other = first, first
    for i in (0, 1, 2):
        state, _ = cell(state, inputs, letters[i : i + 1])
    for i in (3, 1, 2):
        other, _ = cell(other, inputs, letters[i : i + 1])
    assert error(other, state) > APART  # the state carries the letter that was read first


def test_position_zero_of_recurrent_gemma_forgets():
    model = made("recurrent_gemma")
    reader = Reader(model, positions=True)
    reader.read(texts()[:1, :5].expand(2, -1))
    block = model.base_model.layers[0].temporal_block.rg_lru
    block.recurrent_states[1] = LARGE
    reader.read(torch.full((2, 1), 3), position_ids=torch.zeros(2, 1, dtype=torch.long))
    assert float((block.recurrent_states[1] - block.recurrent_states[0]).abs().max()) < 1


# -- every class

ALSO_STATEFUL = {
    "deepseek_v4": "windows of keys that it compresses, which attention reads",
    "esmfold2": "a recurrence over passes, not over tokens",
}
SIGNS = r"update_recurrent_state|update_conv_state|nn\.(LSTM|GRU|RNN)(Cell)?\(|A_log\b|_is_stateful = True|rnn_state"


def modules_with_a_state() -> set[str]:
    """The folders of transformers whose code keeps a state, by what it calls and sets."""
    root = Path(transformers.__file__).parent / "models"
    found = set()
    for path in root.glob("*/modeling_*.py"):
        text = re.sub(r"\w*(hi_a_log|vi_a_log)\w*", "", path.read_text(encoding="utf-8"))
        if path.parent.name != "auto" and re.search(SIGNS, text):
            found.add(path.parent.name)
    return found


def test_no_class_with_a_state_is_missed():
    """Whose module keeps a state, one of its classes has a record or is made of such; a new one is named here."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES, model_type_to_module_name

    answered: dict[str, bool] = {}
    for name in CONFIG_MAPPING_NAMES:
        module = model_type_to_module_name(name)
        found = facts_of({"model_type": name})
        some = bool(found.layers) or found.use is not None
        answered[module] = answered.get(module, False) or some
    missed = {module for module in modules_with_a_state() if not answered.get(module)} - set(ALSO_STATEFUL) - {"lxmert"}
    assert not missed, f"transformers {transformers.__version__} has classes with a state that audit calls stateless"


def test_every_class_is_answered():
    """Recurrent, a short convolution, or no state: no class of the installed version is unknown."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    for name in CONFIG_MAPPING_NAMES:
        found = facts_of({"model_type": name})
        assert found.layers or any(NO_STATE in note or SHORT in note for note in found.notes), name
    with pytest.raises(InputError, match="model_type 'nothing-like-it' is not known"):
        facts_of({"model_type": "nothing-like-it"})


def test_composite_classes_have_the_parts_that_the_library_gives_them():
    """A file that leaves out its text: what the class fills in is what audit reads."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    tried = 0
    for name, parts in classes().items():
        if not parts or name not in CONFIG_MAPPING_NAMES:
            continue
        found = facts_of({"model_type": name})
        if not found.layers or "text_config" not in parts:
            continue
        filled = json.loads(CONFIG_MAPPING[name]().to_json_string(use_diff=False))
        assert found.layers == facts_of(filled).layers, name
        tried += 1
    assert tried > 8
