"""`import subnormal as sn`: every name, lazily, and the same answers as the rooms'."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import subnormal as sn

ROOT = Path(__file__).parent.parent


def test_every_name_is_there_and_documented():
    for name in sn.__all__:
        assert inspect.getdoc(getattr(sn, name)), name
    assert sorted(dir(sn)) == sorted(sn.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(sn, "".join(["no", "thing"]))


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    block, *_ = (node for node in tree.body if isinstance(node, ast.If))
    homes = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    typed = {(f".{node.module}", alias.name) for node in homes for alias in node.names}
    lazy = {(home, name) for home, names in sn._HOME.items() for name in names}
    assert typed == lazy
    assert {name for _, name in lazy} == set(sn.__all__)


def test_the_version_is_said_once():
    said = subprocess.run([sys.executable, "-m", "subnormal", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == sn.__version__ == importlib.metadata.version("subnormal")


def test_compiling_and_proving_load_no_torch():
    code = (
        "import sys, subnormal as sn\n"
        "c = sn.compile('S3'); repr(c); str(c); print(sn.inspect('S4'))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("given", ["S3", "(1,2,3),(1,2)", "SmallGroup(6,1)", "C3:C2"])
def test_a_group_is_what_the_commands_read(given):
    asked = sn.group(given)
    assert asked.order == 6
    assert sn.group(asked) is asked
    assert sn.group(asked.listed()).order == 6
    assert sn.inspect(asked).depths == sn.inspect(given).depths
    assert sn.inspect(asked).depths["aussm"] == 2


def test_a_cayley_table():
    table = sn.group("Q8").listed().table
    assert sn.inspect(sn.group(table, name="mine")).small_group_id == (8, 4)
    wrong = np.array(table)
    wrong[3, 4], wrong[3, 5] = table[3, 5], table[3, 4]
    with pytest.raises(sn.InputError, match="mine"):
        sn.group(wrong, name="mine")


@pytest.mark.parametrize("given", [3, [[0, 0]], [[0.0]], [[0, 2], [1, 0]], [[0], [1, 1]], []])
def test_what_is_not_a_group(given):
    with pytest.raises(sn.InputError, match="wanted"):
        sn.group(given)


def test_an_inspection_prints_like_the_command():
    command = [sys.executable, "-m", "subnormal", "inspect", "S4"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [line.rstrip() for line in printed.rstrip().splitlines()] == str(sn.inspect("S4")).splitlines()
    html = sn.inspect("S4")._repr_html_()
    assert html.startswith("<pre")
    assert "Negative Mamba" in html


def test_a_compilation_is_shown_in_few_lines_and_as_a_picture():
    compiled = sn.compile("S4")
    assert repr(compiled).splitlines() == [
        "S4 = (C2xC2):(C3:C2): order 24, 3 layers, 24 tokens",
        "  layer 1: aussm carries C2, 1 channel",
        "  layer 2: aussm carries C3, 1 channel",
        "  layer 3: aussm carries C2xC2, 2 channels",
    ]
    assert compiled._repr_png_().startswith(b"\x89PNG")


def test_a_group_too_large_to_list_is_compiled_and_proved(tmp_path):
    compiled = sn.compile("S4wrS4wrS4")
    assert compiled.kind == "factored"
    title, *layers = repr(compiled).splitlines()
    order = "96,479,729,228,174,488,169,059,713,024"
    assert title == f"S4wrS4wrS4: order {order} on 64 points, 9 layers, 84 channels, 6 tokens"
    assert len(layers) == compiled.factored.depth == compiled.needed == 9
    assert compiled.order == 24 ** (16 + 4 + 1)
    assert "proved: 8 layers cannot" in str(compiled)
    assert str(sn.check(compiled.save(tmp_path / "large"))).startswith("verified:")
    own = sn.compile("S4wrS4", alphabet="generators")
    assert own.factored.depth == 6
    with pytest.raises(sn.InputError, match="have no numbers"):
        sn.compile("S4wrS4wrS4", alphabet=[0, 1])
    with pytest.raises(sn.InputError, match="too large|more than"):
        sn.compile("S4wrS4wrS4", channels="primary")


def test_options_of_compile_matter():
    assert sn.compile("C6", channels="primary").cascade.moduli == (2, 3)
    assert sn.compile("C6").cascade.moduli == (6,)
    assert len(sn.compile("S4", alphabet="generators").cascade.alphabet) == 2
    assert {layer.family for layer in sn.compile("D4", family="negative-mamba").cascade.layers} == {"negative-mamba"}
    assert [layer.family for layer in sn.compile("S3", family=["negative-mamba", "aussm"]).cascade.layers] == [
        "negative-mamba",
        "aussm",
    ]
    with pytest.raises(sn.InputError, match="give one of them"):
        sn.compile("S4", series="(1,2,3);(1,2)(3,4)", optimise="depth")
    with pytest.raises(sn.InputError, match="cannot|no number of"):
        sn.compile("A5")


def test_from_a_group_to_a_proof_a_refutation_and_a_training_run(tmp_path):
    compiled = sn.compile("S3")
    network = compiled.network(dtype="float32")
    tokens = torch.tensor([[3, 1, 4, 1, 5]])
    products = np.array([3, 5, 2, 4, 1])
    assert network.dtype == torch.float32
    assert np.array_equal(network(tokens).argmax(-1)[0].numpy(), products)
    folder = compiled.save(tmp_path / "s3")
    assert "words of every length" in str(sn.certify(folder))
    assert str(sn.check(folder)).startswith("verified:")
    assert sn.refute(network, "S3").kind == "allowed"
    assert sn.refute(folder).kind == "allowed"
    with pytest.raises(sn.InputError, match="which group"):
        sn.refute(network)
    assert isinstance(compiled, sn.Compiled)
    training = sn.train(
        "S3", init=compiled, noise=0.01, steps=2, check_every=2, test_words=4, test_length=20, out=tmp_path / "runs"
    )
    assert len(training.rows) == len(training.longest) == 1
    assert training.network()(tokens).shape == (1, 5, 6)
    assert training.picture.read_bytes() == training._repr_png_()
    assert training.rows[0]["key"] in str(training)
    assert sn.evaluate(network, "S3", 40, 8).longest == 40


def test_a_spoiled_folder_is_refuted(tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = sn.compile("S3").save(tmp_path / "s3")
    arrays = load_file(folder / "cascade.safetensors")
    arrays["layer2.increments"][0, 3, 0] = (arrays["layer2.increments"][0, 3, 0] + 1) % 3
    save_file(arrays, folder / "cascade.safetensors")
    with pytest.raises((sn.RefutedError, sn.InputError)):
        sn.certify(folder)


def _command(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "subnormal", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_an_interrupt_is_one_line(tmp_path):
    process = _command("train", "S3", "--steps", "100000", "--check-every", "5", "--out", str(tmp_path / "runs"))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(tmp_path.glob("runs/checkpoints/*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted"
    assert "Traceback" not in errors


@pytest.mark.parametrize("words", [("inspect", "S4"), ("inspect", "S4", "--json"), ("--help",)])
def test_a_closed_pipe_is_not_a_refutation(words):
    with _command(*words) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 0


def test_a_long_error_is_cut():
    process = _command("inspect", "x" * 5000)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.count("\n") == 1
    assert len(errors) < 800
