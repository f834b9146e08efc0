"""A network in the page beside the same network in torch, in a real browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from subnormal.algebra.input.parser import list_group
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError
from subnormal.constructions.pages.machine_page import write_machine_page
from subnormal.models import network_page
from subnormal.models.network import DCDNetwork
from subnormal.models.network_page import network_data
from tests.browser import chromium, opened

ALL = [
    {"family": "mamba", "channels": 3, "hidden": 6, "readout": 5, "activation": "gelu"},
    {"family": "negative-mamba", "channels": 2, "hidden": 6, "readout": 6, "activation": "hard", "groups": [2, 4]},
    {"family": "s4d", "channels": 3, "hidden": 5, "readout": 4, "activation": "silu", "phi": "linear"},
    {"family": "simple-aussm", "channels": 2, "hidden": 6, "readout": 6, "activation": "softmax", "groups": [3, 3]},
    {"family": "aussm", "channels": 3, "hidden": 6, "readout": 4, "activation": "tanh"},
    {"family": "rnn", "channels": 4, "hidden": 6, "readout": 4, "activation": "identity"},
]


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def network(layers, group, dtype="float64"):
    return DCDNetwork(group.order, group.order, layers, embedding_size=5, dtype=dtype, seed=1)


def test_every_family_and_activation(browser, tmp_path):
    group = list_group("S3")
    model = network(ALL, group)
    write_machine_page(tmp_path / "page.html", network_data(model, group))
    words = np.random.default_rng(0).integers(group.order, size=(100, 30))
    with opened(browser, tmp_path / "page.html") as shown:
        text = shown.evaluate(
            """(words) => JSON.stringify(words.map((word) => {
                const machine = newMachine();
                return word.map((token) => { machine.step(token); return Array.from(machine.logits); });
            }))""",
            words.tolist(),
        )
        shown.evaluate("(word) => append(word)", words[0].tolist())
        assert shown.locator("#results .bars").count() == 1
    with torch.no_grad():
        expected = model(torch.from_numpy(words)).numpy()
    np.testing.assert_allclose(np.array(json.loads(text)), expected, rtol=0, atol=1e-11)


def test_a_refuted_model(browser, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    application()(["refute", "S3", "--random", "aussm", "--width", "2", "--html", "page.html"], standalone_mode=False)
    assert "page.html: " in capsys.readouterr().out.splitlines()[-1]
    with opened(browser, tmp_path / "page.html", width=400) as shown:
        assert "leave the model in one state" in shown.inner_text("#verdict")
        answers = [shown.locator(".lane .pair").nth(k).inner_text().split("\n")[-1] for k in range(4)]
        assert answers[0] == answers[2]
        assert answers[1] != answers[3]
        apart = "() => lanes[0].run.machine.distances(lanes[1].run.machine)"
        assert max(shown.evaluate(apart)) < 1e-6
        shown.keyboard.press("ArrowLeft")
        assert max(shown.evaluate(apart)) > 1e-2
        shown.keyboard.press("Home")
        assert max(shown.evaluate(apart)) == 0
        assert shown.evaluate("document.documentElement.scrollWidth") == 400


def test_folders_of_networks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    group = list_group("S3")
    network(ALL[4:5], group, "float32").save_pretrained(tmp_path / "trained")
    application()(["show", "trained", "--html", "page.html", "--group", "S3"], standalone_mode=False)
    assert capsys.readouterr().out.startswith("page.html: ")
    with pytest.raises(InputError, match="add --group, e.g. --group S3"):
        application()(["show", "trained", "--html", "page.html"], standalone_mode=False)
    with pytest.raises(InputError, match="6 tokens and 6 classes, S4 has 24 and 24"):
        application()(["show", "trained", "--html", "page.html", "--group", "S4"], standalone_mode=False)


def test_too_large(monkeypatch):
    monkeypatch.setattr(network_page, "MAX_PARAMETERS", 100)
    group = list_group("S3")
    with pytest.raises(InputError, match="a page runs at most 100"):
        network_data(network(ALL[:1], group), group)
