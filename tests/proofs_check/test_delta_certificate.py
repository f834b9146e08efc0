"""Delta-rule networks: certify, check, verify, horizon and refute, and every field and parameter spoiled."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from subnormal.api.proving import certify, check
from subnormal.api.refuting import refute
from subnormal.api.running import horizon
from subnormal.api.verifying import run_word
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError, RefutedError
from subnormal.constructions.targets.compiler import compile_target
from subnormal.constructions.targets.own_delta import load_delta_group
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.certificates.checker import FaultError
from subnormal.proofs_check.certificates.delta_certificate import delta_table
from subnormal.proofs_check.certificates.delta_checker import SATURATED, main
from subnormal.proofs_check.certificates.delta_checker import check as independent_check
from subnormal.proofs_check.refutations.refutation import random_network
from tests.cases import group
from tests.folders import bind


def compiled(name, folder, alphabet=None):
    compile_target(group(name), "delta", alphabet).save(folder)
    return folder


@pytest.fixture
def s3(tmp_path):
    return compiled("S3", tmp_path / "s3")


@pytest.mark.parametrize(
    ("name", "alphabet", "claim"),
    [
        ("C2", None, "order 2 with 2 tokens.*1 factor a token, and no such layer with fewer can"),
        ("S3", None, "order 6 with 6 tokens.*2 factors a token, and no such layer with fewer can"),
        ("S4", "generators", "order 24 with 2 tokens.*3 factors a token, and any such layer needs 2 or more"),
        ("A5", None, "order 60 with 60 tokens.*4 factors a token, and any such layer needs 2 or more"),
    ],
)
def test_compiled_networks_are_proved(name, alphabet, claim, tmp_path):
    folder = compiled(name, tmp_path / "a", alphabet)
    (sentence,) = certify(folder).sentences
    assert sentence.startswith(f"{folder}/certificate.json: the network tracks a group of")
    proved = check(folder)
    assert proved.sentences[0].removeprefix("verified: ") in sentence
    assert "float64 and float32" in sentence
    assert re.search(claim, sentence)
    assert f'label, not proved: the folder calls it "{name}"' in proved.notes[-1]
    assert main([str(folder)], independent_check) == 0


def test_the_proved_states_are_those_of_torch(s3):
    """The integers of the proof are the floats that the network holds, in both precisions, after every word."""
    from subnormal.common.folders import Folder
    from subnormal.proofs_check.certificates.checker import ListedGroup
    from subnormal.proofs_check.certificates.delta_certificate import network_of_folder
    from subnormal.proofs_check.certificates.delta_checker import states_of

    listed, alphabet = load_delta_group(s3)
    elements = {"elements": listed.elements.astype(np.int32)}
    states = states_of(network_of_folder(Folder(s3)), ListedGroup(elements, list(listed.generators)), alphabet)
    word = np.random.default_rng(1).integers(0, 6, 40)
    for dtype in ("float64", "float32"):
        network, carried = DCDNetwork.from_pretrained(s3, dtype), None
        for t, token in enumerate(word.tolist()):
            logits, carried = network.step(torch.tensor([token]), carried)
            element = listed.product(alphabet[word[: t + 1]].tolist())
            np.testing.assert_array_equal(carried[0][0].detach().numpy(), states[element])
            assert int(logits.argmax()) == element
    assert (delta_table(s3) == listed.multiply(np.arange(6)[:, None], alphabet[None, :])).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_assumed_values_of_sigmoid_and_norm(dtype):
    for size in (1, 3, 8, 17, 1024):
        raw = torch.full((5, size), SATURATED, dtype=dtype)
        assert (raw.mean(-1).sigmoid() == 1).all()
        assert ((-raw).mean(-1).sigmoid() == 0).all()
    for vector, unit in (([1, 1, -1, -1], 0.5), ([3, 0, 0, 0], 1.0), ([0, 0, 0, 0], 0.0)):
        key = torch.nn.functional.normalize(torch.tensor(vector, dtype=dtype), dim=-1)
        assert key.abs().max() == unit


def agrees(folder, length=300):
    """Whether the folder's network gives the group's products on random words; None if it cannot be loaded."""
    listed, alphabet = load_delta_group(folder)
    network = DCDNetwork.from_pretrained(folder)
    words = np.random.default_rng(3).integers(0, len(alphabet), (8, length))
    found = network.predict(torch.from_numpy(words))[0].numpy()
    return all(
        found[i, t] == listed.product(alphabet[word[: t + 1]].tolist())
        for i, word in enumerate(words)
        for t in range(0, length, 7)
    )


@pytest.mark.parametrize("change", [0.25, -1.0, 1.0, 1e-9, -1600.0])
def test_changed_parameters_are_refused_or_harmless(change, s3, tmp_path):
    """Every parameter, some entries of each: where the proof still goes through, the network must still be right."""
    parameters = load_file(s3 / "model.safetensors")
    folder = tmp_path / "changed"
    shutil.copytree(s3, folder)
    generator = np.random.default_rng(11)
    accepted = total = 0
    for name, value in parameters.items():
        for place in generator.choice(value.size, size=min(8, value.size), replace=False):
            spoiled = {key: array.copy() for key, array in parameters.items()}
            spoiled[name].flat[place] += change
            save_file(spoiled, folder / "model.safetensors")
            bind(folder)
            total += 1
            try:
                certify(folder)
            except RefutedError:
                continue
            accepted += 1
            assert agrees(folder), f"{name}[{place}] changed by {change}"
    assert total > 60
    assert accepted < 2 * total / 3  # saturated raw outputs may change
    assert agrees(s3)


def test_what_the_network_must_not_be(s3):
    parameters = load_file(s3 / "model.safetensors")
    out = "layers.0.phi.out.weight"
    d = len(parameters["layers.0.initial_state"])

    def with_rows(part, value, column=slice(None)):
        changed = parameters[out].copy()
        changed[part * d : (part + 1) * d, column] = value
        return {out: changed}

    def refused(message, kind=RefutedError, **changes):
        save_file(parameters | changes, s3 / "model.safetensors")
        bind(s3)
        with pytest.raises(kind, match=message):
            certify(s3)

    refused("is no finite number", **{"head.bias": np.full(6, np.nan)})
    refused("has dtype 'F32', wanted F64", InputError, **{"head.bias": np.zeros(6, np.float32)})
    refused("has shape", InputError, **{"head.bias": np.zeros(7)})
    refused("no integer", **{"embedding.weight": parameters["embedding.weight"] / 2})
    refused("a hidden unit that is on is not 1", **{"embedding.weight": parameters["embedding.weight"] * 2})
    refused("more than one", **{"layers.0.phi.hidden.bias": np.ones(6)})
    refused("second bias is not 0", **{"layers.0.phi.out.bias": np.full(len(parameters[out]), 1e-9)})
    refused("β is not saturated", **with_rows(1, 30.0))
    refused("β is not saturated", **with_rows(3, 2.0**21))
    refused("a gate is 0", **with_rows(4, -800.0, 2))
    refused("the gate is not saturated", **with_rows(4, 0.0))
    refused("b is not 0", **with_rows(5, 1e-300, 0))
    mixed = np.where(np.arange(6 * d)[:, None] == d, 800.0, with_rows(1, -800.0)[out])
    refused("β is a mean of numbers of both signs", **{out: mixed})
    refused("a key's length is no integer", **with_rows(0, np.arange(1, d + 1)[:, None]))
    refused("no integer of at most", **with_rows(0, 5000.0))
    refused("steps wrongly|that is no integer", **with_rows(0, np.eye(d)[0], 3))
    refused("two scores are equal", **{"layers.0.initial_state": np.ones(d)})
    refused("two scores are equal", **{"layers.0.psi.weight": parameters["layers.0.psi.weight"] * 0})
    refused("the network answers something else", **{"head.weight": np.roll(parameters["head.weight"], 1, axis=0)})
    large = {name: parameters[name] * 1024 for name in ("layers.0.psi.weight", "layers.0.initial_state")}
    refused("a score may round", **large)
    refused("nothing is proved of the parameter extra", extra=np.zeros(3))
    save_file({k: v for k, v in parameters.items() if k != "head.bias"}, s3 / "model.safetensors")
    bind(s3)
    with pytest.raises(InputError, match=r"head\.bias is missing"):
        certify(s3)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("dtype",), "float32", "the dtype is 'float32', wanted float64"),
        (("alphabet_size",), 7, "has shape"),
        (("alphabet_size",), True, "states a size that is none"),
        (("embedding_size",), 5, "has shape"),
        (("classes",), 7, "has shape"),
        (("head_gates",), 3, "should hold"),
        (("seed",), 0, "should hold"),
        (("layers", 0, "family"), "delta-3", "has shape"),
        (("layers", 0, "family"), "aussm", "is none of delta-1"),
        (("layers", 0, "channels"), 7, "has shape"),
        (("layers", 0, "hidden"), 7, "has shape"),
        (("layers", 0, "readout"), 7, "groups is"),
        (("layers", 0, "activation"), "softmax", "activation is 'softmax'; proved of 'hard'"),
        (("layers", 0, "groups"), [3, 3], "groups is"),
        (("layers", 0, "phi"), "linear", "phi is 'linear'"),
        (("layers", 0, "reads"), "before", "reads is 'before'"),
        (("layers", 0, "novelty"), 1, "should hold"),
        (("layers",), [], "0 layers"),
    ],
)
def test_every_field_of_the_configuration_counts(place, value, message, s3):
    config = json.loads((s3 / "config.json").read_text())
    target = config
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    (s3 / "config.json").write_text(json.dumps(config))
    bind(s3)
    with pytest.raises((RefutedError, InputError), match=message):
        certify(s3)


def test_a_certificate_of_something_else_is_refused(s3):
    certify(s3)
    path = s3 / "certificate.json"
    content = json.loads(path.read_text())
    for change, kind, message in [
        ({"claim": "x"}, 1, "claims something else than was proved"),
        ({"format": 2}, 2, "another format than 1"),
        ({"name": "S4"}, 2, "different names"),
        ({"generators": [0]}, 1, "do not reach every element"),
        ({"generators": [99]}, 1, "outside"),
        ({"files": content["files"] | {"config.json": "0"}}, 2, "not the file that was certified"),
        ({"novelty": 1}, 2, "should hold"),
    ]:
        path.write_text(json.dumps(content | change))
        with pytest.raises(FaultError, match=message) as raised:
            independent_check(s3)
        assert raised.value.args[1] == kind
    path.write_text(json.dumps(content))
    (s3 / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"manifest\.json is missing"):
        check(s3)


def test_another_group_or_alphabet_is_refused(s3):
    """The group's arrays are part of the claim: elements or tokens exchanged no longer fit the network."""
    arrays = load_file(s3 / "group.safetensors")
    for change in (
        {"alphabet": arrays["alphabet"][::-1].copy()},
        {"elements": arrays["elements"][[0, 2, 1, 3, 4, 5]].copy()},
    ):
        save_file(arrays | change, s3 / "group.safetensors")
        bind(s3)
        with pytest.raises((RefutedError, InputError), match="steps wrongly|not in order|something else"):
            certify(s3)
    other = compiled("S4", s3.parent / "s4", "generators")
    shutil.copy(other / "group.safetensors", s3)
    with pytest.raises(InputError, match="is not the file that"):
        certify(s3)


def test_damaged_files_get_one_line(s3):
    """Truncated, empty, random and enormous contents, the manifest made good again: an error of ours, and no other."""
    certify(s3)
    generator, messages = np.random.default_rng(4), []
    contents = {path.name: path.read_bytes() for path in s3.iterdir() if path.name not in ("manifest.json",)}
    for name, content in contents.items():
        spoilt = [
            b"",
            b"{}",
            b"[]",
            b"\xff\xfe",
            content[: len(content) // 2],
            (2**62).to_bytes(8, "little") + content[8:],
        ]
        for _ in range(12):
            changed = bytearray(content)
            changed[int(generator.integers(len(changed)))] = int(generator.integers(256))
            spoilt.append(bytes(changed))
        for new in spoilt:
            (s3 / name).write_bytes(new)
            bind(s3)
            for command in (check, certify):
                try:
                    command(s3)
                except (InputError, RefutedError) as error:
                    messages.append(str(error))
            for other, old in contents.items():  # certify may have written a certificate
                (s3 / other).write_bytes(old)
    assert len(messages) > 50
    assert not any("\n" in message for message in messages)
    bind(s3)
    check(s3)
    (s3 / "manifest.json").unlink()
    for reader in (check, certify, horizon):
        with pytest.raises(InputError, match=r"manifest\.json is missing"):
            reader(s3)


def test_verify_and_horizon(s3, capsys):
    run = application()
    run(["verify", str(s3), "--length", "2000"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "verified: all 6 states × 6 tokens of the network step rightly in exact integers" in out
    assert "residues: constant word of 2,000 tokens right" in out
    for dtype in ("float64", "float32"):
        assert run_word(s3, "network", "random", 500, 0, dtype).first_wrong is None
    assert [row["proved"] for row in horizon(s3).rows] == [None, None]
    with pytest.raises(InputError, match="whose state is no phase"):
        run_word(s3, "turns", "random", 10)
    with pytest.raises(InputError, match="leave --arithmetic out"):
        horizon(s3, ["turns"])
    certify(s3)
    with pytest.raises(InputError, match="which the checker in Coq does not read"):
        check(s3, coq=True)
    parameters = load_file(s3 / "model.safetensors")
    save_file(parameters | {"head.weight": parameters["head.weight"][::-1].copy()}, s3 / "model.safetensors")
    bind(s3)
    with pytest.raises(RefutedError, match="first wrong output at token 1"):
        run_word(s3, "network", "random", 10)
    with pytest.raises(RefutedError, match="answers something else"):
        horizon(s3)


def test_evaluate(s3, capsys):
    application()(["evaluate", str(s3), "--length", "60", "--words", "20"], standalone_mode=False)
    assert "longest length above 90%: 60" in capsys.readouterr().out
    with pytest.raises(InputError, match="compile A5 --target delta"):
        application()(["compile", "S3", "--family", "delta-2"], standalone_mode=False)


def test_refute(s3):
    assert refute(s3).kind == "allowed"
    found = refute(random_network(6, ["delta-1"], 4, 0), "S3")
    assert found.refuted
    assert "a token has order 3" in found.theory
    assert found.failing is not None
    allowed = refute(random_network(60, ["delta-2"], 4, 0), "A5")
    assert (allowed.kind, allowed.refuted) == ("allowed", False)
    assert "can track A5; it takes 2 factors a token" in allowed.theory
    assert "nothing is known here" in refute(random_network(6, ["delta-1", "delta-1"], 4, 0), "S3").theory
    with pytest.raises(InputError, match="no theorem here covers such a stack"):
        refute(random_network(6, ["delta-1", "aussm"], 4, 0), "S3")


def test_a_constant_word_refutes_what_short_words_do_not(monkeypatch):
    """A model that forbids itself nothing but length: the powers of a token of order 3 are run to find it."""
    from subnormal.proofs_check.refutations import delta

    monkeypatch.setattr(delta, "find_failing_word", lambda *given: None)
    network = random_network(6, ["delta-1"], 4, 0)
    found = refute(network, "S3")
    assert found.kind == "failing"
    word = found.failing.word.tokens()
    assert len(set(word.tolist())) == 1
    assert int(network.predict(torch.from_numpy(word)[None])[0][0, -1]) == found.failing.answer
    assert found.failing.answer != found.failing.product == group("S3").product(word.tolist())
