"""Layers of blocks: compiled for groups whose depth is known, run on long words, proved by the stand-alone checker."""

import json
import math
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import subnormal as sn
from subnormal.algebra.depth.blocks.actions import layer_action
from subnormal.algebra.depth.blocks.depths import block_answer
from subnormal.algebra.depth.blocks.residuals import hall, real_2
from subnormal.algebra.depth.families import BLOCKS
from subnormal.algebra.groups.catalogue import number_of_groups, small_group
from subnormal.algebra.input.parser import list_group
from subnormal.common.errors import InputError, RefutedError
from subnormal.constructions.blocks.compiler import BlockCompilation, compile_blocks
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.certificates import block_checker
from subnormal.proofs_check.certificates.block_certificate import certify_blocks

# group, family, layers, blocks of each layer, whether everything is exact; by docs/mathematics.md
CASES = [
    ("S3", "block-2", [1], True),
    ("D4", "block-2", [1], True),
    ("Q8", "block-2", [2], True),  # T ≤ D4 × C4
    ("C2xC2xC2", "block-2", [2], True),
    ("C5", "block-2", [1], False),
    ("C12", "block-2", [2], True),  # C3 × C4, as a rotation of order 12 has no integer form
    ("D5", "block-2", [1], False),
    ("SmallGroup(32,49)", "block-2", [3], True),
    ("S4", "block-2", [1, 1], True),
    ("GL(2,3)", "block-2", [1, 2], True),
    ("A4", "block-3", [1], True),
    ("S4", "block-3", [1], True),
    ("A5", "block-3", [1], False),
    ("S5", "block-3", [1, 1], False),
    ("S5", "block-4", [1], True),
    ("SL(2,3)", "block-4", [1], True),  # Hurwitz quaternions
    ("Q8", "complex-block-2", [1], True),
    ("A4", "complex-block-2", [1], True),  # through SL(2,3)
    ("S4", "complex-block-2", [1], True),
    ("A5", "complex-block-2", [1], False),  # through SL(2,5)
    ("SL(2,5)", "complex-block-2", [1], False),
    ("C7:C3", "complex-block-3", [1], False),
    ("PSL(2,7)", "complex-block-3", [1], False),
    pytest.param("A6", "complex-block-3", [1], False, marks=pytest.mark.slow),  # through 3.A6
    pytest.param("S6", "complex-block-3", [1, 1], False, marks=pytest.mark.slow),  # C2, then A6
]


@pytest.mark.parametrize(("name", "family", "blocks", "exact"), CASES)
def test_a_group_is_compiled_run_and_proved(name, family, blocks, exact, tmp_path):
    compiled = sn.compile(name, family)
    assert isinstance(compiled.compilation, BlockCompilation)
    machine = compiled.compilation.machine
    assert [len(layer.action.blocks) for layer in machine.layers] == blocks
    assert machine.is_exact is exact
    depth = block_answer(list_group(name)).by_key()[BLOCKS[family].key]
    assert depth.least <= len(blocks) == depth.most
    folder = compiled.save(tmp_path / "x")
    assert (sn.load(folder).kind, sn.load(folder).tracked.name) == ("block", list_group(name).name)
    for dtype in ("float64", "float32"):
        trial = sn.run_word(folder, "network", "random", length=20_000, dtype=dtype)
        assert trial.first_wrong is None
    sentence = sn.certify(folder).sentences[0]
    assert ("words of every length" in sentence) is exact
    assert ("no such layers with fewer can" in sentence) is (family == "block-2")
    assert sn.check(folder).sentences[0].startswith("verified: the network tracks a group of order")
    horizons = {row["arithmetic"]: row["proved"] for row in sn.horizon(folder).rows}
    if exact:
        assert set(horizons.values()) == {None}
    else:
        assert horizons["network, float64"] > 10**12
        assert 20_000 < horizons["network, float32"] < 10**8


def test_the_machine_is_the_network_state_by_state():
    import torch

    compiled = sn.compile("GL(2,3)", "block-2")
    assert isinstance(compiled.compilation, BlockCompilation)
    machine, network = compiled.compilation.machine, compiled.network()
    words = torch.randint(48, (20, 60), generator=torch.Generator().manual_seed(0))
    state = np.zeros(20, dtype=int)
    answers = network(words).argmax(-1).numpy()
    for t in range(60):
        state = machine.table[state, words[:, t].numpy()]
        assert (machine.decode[state] == answers[:, t]).all()


@pytest.mark.parametrize("family", ["block-2", "complex-block-2"])
def test_every_small_group_is_carried_as_far_as_the_theory_says(family):
    record, key = BLOCKS[family], BLOCKS[family].key
    for order in range(2, 25):
        for number in range(1, number_of_groups(order) + 1):
            group = small_group(order, number)
            least = block_answer(group).by_key()[key].least
            if least is not None:
                compilation = compile_blocks(group, record)
                assert compilation.fault() is None
                assert len(compilation.machine.layers) == least, group.name


SAMPLED, LONG = 60, 100_000
"""Of so many groups one runs a word of so many tokens."""


def _squares_commute(orders):
    for order in orders:
        for number in range(1, number_of_groups(order) + 1):
            group = small_group(order, number)
            if real_2(group.whole).order == 1:
                yield group


def _one_layer(group, folder):
    """Compiled in one layer, certified, the certificate checked again: the compilation, and the claim."""
    compilation = compile_blocks(group, BLOCKS["block-2"], "generators")
    assert compilation.fault() is None
    assert len(compilation.machine.layers) == 1
    compilation.save(folder, force=True)
    certify_blocks(folder)
    claim = block_checker.check(folder).claim
    assert claim.startswith(f"the network tracks a group of order {group.order} with ")
    assert claim.endswith("by 1 layer of 2×2 blocks, R, and no such layers with fewer can")
    assert ("on words of every length" in claim) is compilation.machine.is_exact
    return compilation, claim


def test_one_layer_carries_every_group_of_order_up_to_23_whose_squares_commute(tmp_path):
    """All of the slow test below that is quick."""
    found = [_one_layer(group, tmp_path / "x") for group in _squares_commute(range(2, 24))]
    assert len(found) == 55
    for compilation, _ in found:
        assert compilation.machine.is_exact is _may_be_exact(compilation.machine.group), compilation.name


def _may_be_exact(group):
    """Elements of finite groups of integer 2x2 matrices have the orders 1, 2, 3, 4 and 6, and their 2-subgroups lie in
    D4, of class 2; so do those of quotients of subgroups of products."""
    sylow = hall(group.whole, (2,))
    first = {group.commutator(a, b) for a in sylow.generators for b in sylow.generators}
    own = sylow.normal_closure(sorted(first))
    central = all(group.commutator(a, b) == 0 for a in own.generators for b in sylow.generators)
    return central and 12 % math.lcm(*group.element_orders.tolist()) == 0


@pytest.mark.slow
def test_one_layer_carries_every_group_of_order_up_to_127_whose_squares_commute(tmp_path):
    """1,082 of 1,268, one of them trivial: each is compiled, certified, and its certificate checked; 154 s of CPU."""
    compiled, exact, most, least = 1, 0, 0, math.inf
    for group in _squares_commute(range(2, 128)):
        compilation, claim = _one_layer(group, tmp_path / "x")
        compiled += 1
        exact += compilation.machine.is_exact
        most = max(most, len(compilation.machine.layers[0].action.blocks))
        if not compilation.machine.is_exact:
            least = min(least, int(re.search(r"up to ([\d,]+) tokens in float64", claim)[1].replace(",", "")))
        if compiled % SAMPLED == 0:
            trial = sn.run_word(tmp_path / "x", "network", "random", length=LONG, dtype="float64")
            assert trial.first_wrong is None
        assert compilation.machine.is_exact is _may_be_exact(group), group.name
    print(f"{compiled} groups, {exact} of them exactly; at most {most} blocks; at least {least:,} tokens")
    assert (compiled, exact, most, least > 10**12) == (1082, 312, 7, True)


def test_a_layer_of_half_precision_is_exact_where_its_numbers_are_small():
    """S3 and Q8 in float16 and bfloat16, 20,000 tokens: as integers of at most 8 bits, nothing rounds."""
    import torch

    for name in ("S3", "Q8", "D4"):
        (layer,) = compile_blocks(list_group(name), BLOCKS["block-2"]).machine.layers
        for block in layer.action.blocks:
            for dtype in (torch.float16, torch.bfloat16):
                matrices = torch.from_numpy(block.matrices).to(dtype)
                points = torch.from_numpy(block.points).to(dtype)
                assert torch.equal(points.double(), torch.from_numpy(block.points))
                images = (matrices[:, None] * points[None, :, None, :]).sum(-1)
                assert torch.equal(images, points[torch.from_numpy(block.moves.astype(np.int64))])


REFUSED = [
    (["A5", "--family", "block-2"], "composition factor A5.*`--family block-3` can"),
    (["S5", "--family", "block-7"], "blocks are written of the families block-2, block-3"),
    (["S5", "--family", "block-2,aussm"], "one family alone"),
    (["tomita(5)", "--family", "block-2"], "are compiled for groups"),
    (["S3", "--family", "block-2", "--series", "(1,2,3)"], "--series is for diagonal layers"),
    (["S3", "--family", "block-2", "--channels", "primary"], "--channels is for diagonal layers"),
    (["S7", "--family", "block-4"], "order 5,040; blocks are written up to order 2,048"),
    (["S20", "--family", "block-4"], "blocks are written up to order 2,048"),
    (["S4wrS4", "--family", "block-2"], "blocks are written up to order 2,048"),
    (["C1", "--family", "block-2"], "is trivial"),
    (["A6", "--family", "block-4"], "composition factor A6.*`--family complex-block-3` can"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_blocks_cannot_is_refused_in_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    from subnormal.command_line.__main__ import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["subnormal", "compile", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(message, said), said
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    place = tmp_path_factory.mktemp("blocks")
    for name, family in (("S3", "block-2"), ("A5", "block-3"), ("S4", "block-2"), ("Q8", "complex-block-2")):
        sn.certify(sn.compile(name, family).save(place / name))
    return place


def spoiled(folder, change):
    """The folder with its network changed, its manifest and certificate kept up."""
    import hashlib

    from safetensors.numpy import load, save

    arrays = load((folder / "model.safetensors").read_bytes())
    change(arrays)
    (folder / "model.safetensors").write_bytes(save(arrays, metadata={"format": "pt"}))
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    for name in ("manifest.json", "certificate.json"):
        content = json.loads((folder / name).read_text())
        content["files"]["model.safetensors"] = digest
        (folder / name).write_text(json.dumps(content))


def _matrix(arrays):
    arrays["layers.0.phi.out.weight"][0, 1] += 1


def _drive(arrays):
    arrays["layers.0.phi.out.weight"][-1, 1] = 1


def _bias(arrays):
    arrays["layers.0.phi.out.bias"][0] = 1


def _start(arrays):
    arrays["layers.0.initial_state"][...] *= -1


def _scores(arrays):
    arrays["layers.0.psi.bias"][0] += 100


def _swap(arrays):
    arrays["head.outputs"][[1, 2]] = arrays["head.outputs"][[2, 1]]


def _head(arrays):
    arrays["head.bias"][0] = 1


@pytest.mark.parametrize("change", [_matrix, _drive, _bias, _start, _scores, _swap, _head])
@pytest.mark.parametrize("name", ["S3", "A5", "S4", "Q8"])
def test_a_wrong_network_is_refuted(certified, name, change, tmp_path):
    folder = shutil.copytree(certified / name, tmp_path / "x")
    assert sn.check(folder).sentences
    spoiled(folder, change)
    with pytest.raises(RefutedError):
        sn.check(folder)


def test_a_claim_of_every_length_is_refuted_where_weights_round(certified, tmp_path):
    folder = shutil.copytree(certified / "A5", tmp_path / "x")
    content = json.loads((folder / "certificate.json").read_text())
    assert "words of up to" in content["claim"]
    content["claim"] = content["claim"].replace("words of up to", "words of every length, or")
    (folder / "certificate.json").write_text(json.dumps(content))
    with pytest.raises(RefutedError, match="claims something else"):
        sn.check(folder)


def test_the_horizon_shrinks_with_what_the_matrices_are_off(certified, tmp_path):
    before = {row["arithmetic"]: row["proved"] for row in sn.horizon(certified / "A5").rows}
    folder = shutil.copytree(certified / "A5", tmp_path / "x")
    generator = np.random.default_rng(0)

    def noisy(arrays):
        weight = arrays["layers.0.phi.out.weight"]
        weight[:9] += 1e-6 * generator.normal(size=weight[:9].shape)

    spoiled(folder, noisy)
    after = {row["arithmetic"]: row["proved"] for row in sn.horizon(folder).rows}
    assert 10 < after["network, float64"] < 10**5 < before["network, float64"]
    trial = sn.run_word(folder, "network", "random", length=after["network, float64"])
    assert trial.first_wrong is None


def test_the_checker_stands_alone(certified):
    done = subprocess.run(
        [sys.executable, "-m", "subnormal.proofs_check.certificates.block_checker", str(certified / "S4")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "by 2 layers of 2×2 blocks, R, and no such layers with fewer can" in done.stdout


def test_a_layer_action_is_checked_on_every_state_and_element():
    for name, family in (("Q8", "block-2"), ("SmallGroup(64,9)", "block-2"), ("A4", "complex-block-2")):
        action = layer_action(list_group(name), BLOCKS[family])
        group = action.group
        everything = np.arange(group.order)
        assert (action.labels[action.steps] == group.multiply(action.labels[:, None], everything[None, :])).all()
        assert set(action.labels.tolist()) == set(range(group.order))


def test_a_library_user_sees_one_line_for_parts_that_are_not_there():
    compiled = sn.compile("S3", "block-2")
    for part in ("cascade", "weights", "series", "factored"):
        with pytest.raises(InputError):
            getattr(compiled, part)
    assert repr(compiled).startswith("S3: order 6, 1 layer of 2×2 blocks, R, 6 tokens")


def test_refute_and_audit_say_what_blocks_can_and_cannot(certified):
    found = sn.refute("A5", random="block-2", width=4, seed=0)
    assert found.kind == "pair"
    assert "composition factor of order 60 is not abelian" in found.theory
    assert sn.refute(certified / "S3").kind == "allowed"
    assert any("one layer carries quotients" in line for line in sn.audit(certified / "A5").lines())


def test_audit_says_where_rows_are_bounded(tmp_path):
    """Rows of L1 norm ≤ 1, as signed permutations have: of D4's integer form, not of S3's; and of scaled weights."""
    import torch

    def notes(folder):
        return [line for line in sn.audit(folder).lines() if "L1 norm" in line]

    (note,) = notes(sn.compile("D4", "block-2").save(tmp_path / "D4"))
    assert "layer 0, block-2: every row of its 9 matrices has L1 norm ≤ 1" in note  # 8 tokens, and where none is on
    assert note.endswith("it carries 2-groups alone")
    assert notes(sn.compile("S3", "block-2").save(tmp_path / "S3")) == []
    assert notes(sn.compile("Q8", "complex-block-2").save(tmp_path / "Q8")) == []
    for family, carried in (("block-2", "2-groups alone"), ("block-3", "solvable"), ("block-4", "solvable")):
        size = BLOCKS[family].block_size
        layer = {"family": family, "channels": 2 * size, "hidden": 8, "readout": 8, "activation": "hard"}
        network = DCDNetwork(6, 6, [layer, layer], seed=0)
        for scale, count in ((1.0, 0), (0.01, 1)):  # of the second layer not all matrices are known
            with torch.no_grad():
                for parameter in network.layers[0].phi.out.parameters():
                    parameter.mul_(scale)
            network.save_pretrained(tmp_path / f"{family}-{scale}")
            found = notes(tmp_path / f"{family}-{scale}")
            assert len(found) == count
            assert all(carried in line and line.startswith("note: layer 0") for line in found)
