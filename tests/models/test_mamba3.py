"""Mamba-3 checkpoints: the reference recurrence against a sum over the past, the groups, and the proved horizon."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError, RefutedError
from subnormal.constructions.targets import mamba3 as layout_of
from subnormal.constructions.targets.compiler import compile_target
from subnormal.constructions.targets.phases import (
    A_FLOOR,
    ELEMENTARY,
    LEAST,
    UNITS,
    WRITTEN,
    Channel,
    PhaseMachine,
    centred,
    phase_fault,
)
from subnormal.models.references.mamba3 import Mamba3Reference
from subnormal.models.references.trial import try_checkpoint
from tests.cases import group

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}
FIRST, ALPHABET = 2, 3
"""Token numbers: the first token, and that of the alphabet's first element."""


def written(name, folder, **options):
    checkpoint = compile_target(group(name), "mamba3", **options)
    checkpoint.save(folder)
    return checkpoint.machine


def answers(folder, machine, words, dtype="float32"):
    """Element numbers after every element of some words (batch, length) of positions in the alphabet; -1 for unknown.
    Elements are spelt as the machine says, and then padded with the padding token."""
    spelt = [[FIRST, *(ALPHABET + letter for i in word for letter in machine.words[i])] for word in words]
    ends = [np.cumsum([len(machine.words[i]) for i in word]) for word in words]
    longest = max(map(len, spelt))
    tokens = torch.tensor([row + [1] * (longest - len(row)) for row in spelt])
    best = Mamba3Reference(folder, DTYPES[dtype]).logits(tokens).argmax(-1).numpy()
    best = np.stack([row[own] for row, own in zip(best, ends, strict=True)])
    names = ALPHABET + machine.letters
    return np.where(best >= names, best - names, -1)


def products(machine, words):
    found = np.zeros(np.shape(words), dtype=np.int64)
    product = np.zeros(len(words), dtype=np.int64)
    for t in range(np.shape(words)[1]):
        product = machine.group.multiply(product, np.array(machine.alphabet)[np.asarray(words)[:, t]])
        found[:, t] = product
    return found


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_word_of_three_elements(tmp_path, dtype):
    machine = written("S3", tmp_path)
    words = np.array(list(itertools.product(range(6), repeat=3)))
    np.testing.assert_array_equal(answers(tmp_path, machine, words, dtype), products(machine, words))


@pytest.mark.parametrize(
    ("name", "dtype", "options"),
    [
        ("C2", "bfloat16", {}),
        ("S4", "float32", {}),
        ("S4", "bfloat16", {"alphabet": "generators"}),
        ("SL(2,3)", "float64", {}),
        ("C7:C3", "float32", {"alphabet": "generators"}),
        ("C60", "float32", {}),
    ],
)
def test_random_words(tmp_path, name, dtype, options):
    machine = written(name, tmp_path, **options)
    words = np.random.default_rng(7).integers(0, len(machine.alphabet), (4, 150))
    assert machine.horizon("float32" if dtype == "float64" else dtype) > 150
    np.testing.assert_array_equal(answers(tmp_path, machine, words, dtype), products(machine, words))


def test_the_first_token_resets_and_the_unknown_one_forgets(tmp_path):
    machine = written("S3", tmp_path, resets=True)
    tokens = [3 + x for x in (1, 4, 2)]
    reference = Mamba3Reference(tmp_path)
    names = 3 + machine.letters
    best = reference.logits(torch.tensor([[*tokens, FIRST, *tokens, 0, *tokens, FIRST, 3 + 5, 1, names + 2]]))[
        0
    ].argmax(-1)
    product = [names + machine.group.product([1, 4, 2][: i + 1]) for i in range(3)]
    unknown = 0
    assert best[:3].tolist() == [unknown] * 3
    assert best[3] == names
    assert best[4:7].tolist() == product
    assert best[7:11].tolist() == [unknown] * 4
    assert best[11:].tolist() == [names, names + 5, names + 5, names + 5]  # padding and names that are read do nothing


def test_the_tokenizer_spells_words(tmp_path):
    transformers = pytest.importorskip("transformers")
    machine = written("S3", tmp_path, resets=True)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    names = [cycles(row) for row in machine.group.elements]
    text = f"{names[3]} {names[1]} ={names[4]} ()"
    assert tokenizer(text)["input_ids"] == [FIRST, 3 + 3, 3 + 1, FIRST, 3 + 4, 3]


def random_checkpoint(folder):
    """A checkpoint with nothing special about it: one layer, two heads, two of three pairs turned."""
    generator = torch.Generator().manual_seed(5)
    width, heads, state, pairs = 8, 2, 8, 2
    rows = 2 * width + 2 * state + 3 * heads + pairs

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    mixer = {
        "in_proj.weight": draw(rows, width), "dt_bias": draw(heads), "B_bias": draw(heads, 1, state),
        "C_bias": draw(heads, 1, state), "B_norm.weight": draw(state), "C_norm.weight": draw(state), "D": draw(heads),
        "out_proj.weight": draw(width, width),
    }  # fmt: skip
    arrays = {f"backbone.layers.0.mixer.{name}": value for name, value in mixer.items()}
    arrays |= {"backbone.embedding.weight": draw(5, width), "lm_head.weight": draw(5, width)}
    arrays |= {"backbone.norm_f.weight": draw(width), "backbone.layers.0.norm.weight": draw(width)}
    save_file(arrays, folder / "model.safetensors")
    layer = {"layer": "Mamba3", "d_state": state, "expand": 1, "headdim": 4, "rope_fraction": 0.5, "A_floor": 0.4}
    config = {"d_model": width, "d_intermediate": 0, "n_layer": 1, "ssm_cfg": layer}
    (folder / "config.json").write_text(json.dumps(config))
    return arrays


def test_the_recurrence_is_a_sum_over_the_past(tmp_path):
    """Written again as o_t = Σ_s (decay from s to t)·(weight of s)·⟨turned k_s, turned q_t⟩·v_s + D·v_t, in NumPy."""
    arrays = {name: value.numpy() for name, value in random_checkpoint(tmp_path).items()}
    tokens = np.array([0, 3, 1, 4, 4, 2])
    found = Mamba3Reference(tmp_path, torch.float64).logits(torch.from_numpy(tokens)[None])[0].numpy()

    def norm(x, weight):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * weight

    mixer = {k.removeprefix("backbone.layers.0.mixer."): v for k, v in arrays.items()}
    stream = arrays["backbone.embedding.weight"][tokens]
    u = norm(stream, arrays["backbone.layers.0.norm.weight"]) @ mixer["in_proj.weight"].T
    z, x, b, c, dt, decay, trap, angle = np.split(u, np.cumsum([8, 8, 8, 8, 2, 2, 2]), axis=1)
    outputs = np.zeros((6, 8))
    for head in range(2):
        step = np.log1p(np.exp(dt[:, head] + mixer["dt_bias"][head]))
        raw = decay[:, head]
        a = np.maximum(np.where(raw >= 0, 1 + raw, 1 / (1 - np.minimum(raw, 0))), 0.4)
        share = 1 / (1 + np.exp(-trap[:, head]))
        theta = np.cumsum(np.pi * np.tanh(angle) * step[:, None], axis=0)  # (6, 2), not reduced
        phase = np.pad(np.exp(1j * theta), ((0, 0), (0, 2)), constant_values=1)
        k = norm(b, mixer["B_norm.weight"]) + mixer["B_bias"][head, 0]
        q = norm(c, mixer["C_norm.weight"]) + mixer["C_bias"][head, 0]
        k, q = ((y[:, ::2] + 1j * y[:, 1::2]) * phase for y in (k, q))
        v = x[:, 4 * head : 4 * head + 4]
        log_kept = -a * step
        for t in range(6):
            total = mixer["D"][head] * v[t]
            for s in range(t + 1):
                weight = share[s] * step[s] * np.exp(log_kept[s + 1 : t + 1].sum())
                if s < t:  # the trapezoid's other half, which the next token adds
                    weight += (1 - share[s + 1]) * step[s + 1] * np.exp(log_kept[s + 1 : t + 1].sum())
                total = total + weight * (k[s] * q[t].conj()).real.sum() * v[s]
            outputs[t, 4 * head : 4 * head + 4] = total
    stream = stream + (outputs * z / (1 + np.exp(-z))) @ mixer["out_proj.weight"].T
    expected = norm(stream, arrays["backbone.norm_f.weight"]) @ arrays["lm_head.weight"].T
    np.testing.assert_allclose(found, expected, rtol=1e-10)


# ---------------------------------------------------------------------------------------- the horizon


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 12])
def test_signs_of_lines_part_the_residues(n):
    channel = Channel(n)
    for q in range(n):
        for offset in (-0.49, 0, 0.49):
            turns = (q + offset) / n
            signs = np.sign([math.sin(2 * math.pi * (turns - (2 * b - 1) / (2 * n))) for b in range(channel.lines)])
            scores = [int(signs @ channel.sector(r)) for r in range(n)]
            assert scores[q] == 2
            assert max(score for r, score in enumerate(scores) if r != q) <= 0


def test_the_assumed_error_of_elementary_functions():
    """Each function in single precision against double, in units of 2⁻²⁴ of the value (of 1 for sine and cosine)."""
    x = torch.linspace(-8, 8, 200_001, dtype=torch.float32)
    angles = x.remainder(2 * math.pi)
    u = 2.0**-24
    pairs = [
        (torch.tanh, x),
        (torch.nn.functional.softplus, x),
        (torch.exp, x),
        (torch.rsqrt, x[100_001:]),
    ]
    for function, values in pairs:
        exact = function(values.double())
        error = ((function(values).double() - exact) / exact).abs().nan_to_num().max()
        assert float(error) < ELEMENTARY / 2 * u
    for function in (torch.sin, torch.cos):
        assert float((function(angles).double() - function(angles.double())).abs().max()) < ELEMENTARY / 2 * u
    assert torch.tanh(torch.tensor([16.0, -16.0])).tolist() == [1.0, -1.0]
    assert torch.nn.functional.silu(torch.tensor([128.0, -128.0])).tolist() == [128.0, 0.0]


@pytest.mark.parametrize(("name", "token"), [("C3", 1), ("C5", 1), ("C5", 2), ("C4", 3)])
def test_angles_stay_within_the_bound(tmp_path, name, token):
    """What 3,000 equal elements have added is off by less than the share of the margin that the horizon allows."""
    machine = written(name, tmp_path)
    ((channel,),) = machine.channels
    length = 3000
    for dtype in DTYPES:
        reference = Mamba3Reference(tmp_path, DTYPES[dtype])
        word = [ALPHABET + letter for letter in machine.words[token]]
        reference.logits(torch.tensor([[FIRST, *(word * length)]]))
        turns = reference.angles[0][0, 0, 0].double().item() / (2 * math.pi)
        gates = list(machine.weights.layers[0].gates[:, -1])
        residue = int(machine.weights.layers[0].increments[gates.index(token), 0])
        error = abs((turns - length * residue / channel.modulus + 0.5) % 1 - 0.5)
        assert error / (1 / (2 * channel.modulus)) < length / machine.horizon("float32")


@pytest.mark.parametrize("name", ["C2", "S3", "C7", "C60", "C7:C3", "SL(2,3)", "D9"])
def test_every_letter_moves_a_channel_by_one_unit(name):
    """What mamba_ssm's kernel does to raw angles, bfloat16 and an approximate tanh, is exact for 0 and ±32 alone."""
    machine = compile_target(group(name), "mamba3").machine
    assert isinstance(machine, PhaseMachine)
    assert phase_fault(machine) is None
    for layer, whole, channels in zip(machine.layers, machine.weights.layers, machine.channels, strict=True):
        assert np.isin(layer.moves, (-1, 0, 1)).all()
        largest = max(
            abs(centred(int(r), c.modulus)) for row in whole.increments for r, c in zip(row, channels, strict=True)
        )
        assert machine.longest >= largest / max(c.unit for c in channels)
    spoilt = PhaseMachine(machine.group, machine.alphabet, machine.weights)
    words, layers = machine.words, machine.layers
    spoilt.__dict__["_spelt"] = ((*words[:-1], words[-1] * 2), layers)
    if name != "C2" or words[-1]:
        assert "spelt wrongly" in phase_fault(spoilt)


def test_what_the_kernel_wants(tmp_path):
    """Heads of 8 channels, all alike; A·Δ of a token that forgets is neither too small nor so large that sums lose."""
    for name in ("S3", "C5", "C7", "C60"):
        written(name, tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        layer = config["ssm_cfg"]
        assert layer["headdim"] >= 8
        weights = load_file(tmp_path / "model.safetensors")
        inner = int(config["d_model"] * layer["expand"])
        heads = inner // layer["headdim"]
        rows = weights["backbone.layers.0.mixer.in_proj.weight"]
        values = rows[inner : 2 * inner].unflatten(0, (heads, -1))
        assert (values == values[:, :1]).all()
        start = 2 * inner + 2 * layer["d_state"] + heads
        steps = torch.nn.functional.softplus(weights["backbone.layers.0.mixer.dt_bias"])
        forgotten = (1 + rows[start : start + heads, 0] + rows[start : start + heads, 1]) * steps
        used = rows[start : start + heads, 1] > 0
        assert (forgotten[used] >= 256).all()
        assert (forgotten[used] < 600).all()
        assert torch.equal(rows.bfloat16().float()[-layer["d_state"] // 2 :], rows[-layer["d_state"] // 2 :])


def test_horizons_are_ordered_as_they_should_be():
    def horizon(name, dtype="float32"):
        return compile_target(group(name), "mamba3").machine.horizon(dtype)

    assert horizon("S3") > 70_000
    assert 10_000 < horizon("C7") < horizon("C5") < horizon("C3")
    for name in ("C2", "C5", "S4", "C7"):  # the dtype of the weights does not matter: every letter turns by 0 or all
        machine = compile_target(group(name), "mamba3").machine
        steps = [channel.step for layer in machine.channels for channel in layer]
        assert machine.horizon("bfloat16") == machine.horizon("float32")
        assert machine.horizon("float32") < math.log(WRITTEN / LEAST) / (A_FLOOR * min(steps))
    assert horizon("C199") == 0  # keys and queries in bfloat16 cannot tell so many directions apart
    assert set(UNITS) == {"float32", "bfloat16"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["C2", "S3"])
def test_right_up_to_the_horizon_and_wrong_in_the_end(tmp_path, name):
    machine = written(name, tmp_path)
    horizon = machine.horizon("float32")
    generator = np.random.default_rng(2)
    length = horizon if name == "S3" else 2 * horizon
    words = np.stack([np.full(length, len(machine.alphabet) - 2), generator.integers(0, len(machine.alphabet), length)])
    right = (answers(tmp_path, machine, words) == products(machine, words)).all(axis=0)
    assert right[:horizon].all()
    assert name == "S3" or not right.all()


# ---------------------------------------------------------------------------------------- refusals


def test_a_spoiled_checkpoint_is_refuted(tmp_path):
    machine = written("S3", tmp_path)
    assert try_checkpoint(tmp_path, "mamba3", machine, 50) == "the plain recurrence"
    weights = load_file(tmp_path / "model.safetensors")
    spoilt = {
        "backbone.layers.0.mixer.in_proj.weight": weights["backbone.layers.0.mixer.in_proj.weight"] * 0.5,
        "backbone.layers.1.mixer.dt_bias": weights["backbone.layers.1.mixer.dt_bias"] + 0.2,
        "backbone.layers.0.mlp.fc2.weight": -weights["backbone.layers.0.mlp.fc2.weight"],
        "lm_head.weight": weights["lm_head.weight"].flip(0),
    }
    for name, tensor in spoilt.items():
        save_file(weights | {name: tensor.contiguous()}, tmp_path / "model.safetensors")
        with pytest.raises(RefutedError, match="instead of"):
            try_checkpoint(tmp_path, "mamba3", machine, 50)


def test_what_is_refused(tmp_path, monkeypatch):
    for name in ("A5", "S5"):
        with pytest.raises(InputError, match=f"{name} is not solvable, so no number of Mamba-3 layers tracks it"):
            compile_target(group(name), "mamba3")
    (tmp_path / "config.json").write_text('{"ssm_cfg": {"layer": "Mamba2"}}')
    with pytest.raises(InputError, match="wanted a stack of Mamba-3 layers"):
        Mamba3Reference(tmp_path)
    monkeypatch.setattr(layout_of, "LARGEST_WIDTH", 16)
    with pytest.raises(InputError, match="coordinates in the residual stream, wanted at most 16"):
        compile_target(group("S4"), "mamba3")
    monkeypatch.setattr(layout_of, "LARGEST_WIDTH", 4096)
    monkeypatch.setattr(layout_of, "LARGEST_MODEL", 1000)
    with pytest.raises(InputError, match="weights, wanted at most 1,000"):
        compile_target(group("S4"), "mamba3")


def test_the_command(tmp_path, capsys):
    folder = str(tmp_path / "a")
    application()(["compile", "S3", "--target", "mamba3", "--out", folder], standalone_mode=False)
    out = " ".join(capsys.readouterr().out.split())
    assert "2 layers, which carry C2 then C3 by 4 heads; 6 elements" in out
    assert "float32 79,700, bfloat16 79,700" in out
    assert "the plain recurrence: right on a random word of 300 elements" in out


def test_it_is_audited(tmp_path):
    from subnormal.proofs_check.audits.audit import audit

    written("S3", tmp_path)
    found = audit(tmp_path)
    assert found.architecture == "mamba3"
    assert len(found.layers) == 2
    assert "each turn shrinks the state" in found.layers[0].excludes
