"""Checkpoints in the code of those whose layers they are written for, on a CPU; slow, and an environment of its own.

`environment.py` says what is installed, `interpreter.py` what Triton's interpreter lacks, `driver.py` what is run.
`pytest -m slow -n 0 tests/owners`; the environment is kept in the folder that SUBNORMAL_OWNERS names. Where its
packages cannot be had, all of it is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.algebra.input.parser import parse_group, read_automaton
from subnormal.constructions.targets.compiler import compile_target
from subnormal.models.references.trial import SpelledWords
from subnormal.proofs_check.audits import of_fla
from subnormal.proofs_check.audits.configurations import facts_of
from tests.cases import group
from tests.owners import environment
from tests.owners.verdicts import is_live, use_of

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
USED = HERE.parent / "data" / "use_of_owners.jsonl"


@pytest.fixture(scope="module")
def python():
    """The Python of the environment."""
    folder = Path(os.environ.get("SUBNORMAL_OWNERS", Path(tempfile.gettempdir()) / "subnormal-owners"))
    try:
        return environment.make(folder)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the owners' packages cannot be had: {' '.join(str(error.stderr).split())[-200:]}")
    except subprocess.TimeoutExpired as error:
        pytest.skip(f"the owners' packages cannot be had: pip took more than {error.timeout:.0f} s")


class Owned:
    """A checkpoint, and what it should answer.

    Arguments:
        folder: where it is written.
        name: of the group.
        target: as typed.
        resets: whether it has words `=x`.
    """

    def __init__(self, folder, name, target, resets=False):
        self.folder, self.target = folder, target
        checkpoint = compile_target(group(name), target, resets=resets)
        checkpoint.save(folder)
        self.machine = checkpoint.machine
        self.names = [cycles(row) for row in self.machine.group.elements]
        self.reader = SpelledWords(folder) if target != "pd-ssm" else None
        self.runs, self.wanted = [], []

    def word(self, length, seed=0, resets=False):
        """Random words of a text, and the products so far."""
        generator = np.random.default_rng(seed)
        order, words, products, product = self.machine.group.order, [], [], 0
        for x in generator.integers(0, order, length).tolist():
            reset = resets and generator.random() < 0.2
            product = x if reset else self.machine.group.times(product, x)
            words.append(f"={self.names[x]}" if reset else self.names[x])
            products.append(self.names[product])
        return words, products

    def ask(self, *words, how="whole", cuts=(), side="left"):
        """A run of some (words, products), padded on one side."""
        read = [self.reader.tokens(own) for own, _ in words]
        longest = max(len(tokens) for tokens, _ in read)
        rows, mask, wanted = [], [], []
        for (tokens, ends), (_, products) in zip(read, words, strict=True):
            space = longest - len(tokens)
            left = space if side == "left" else 0
            rows.append([1] * left + tokens + [1] * (space - left))
            mask.append([0] * left + [1] * len(tokens) + [0] * (space - left))
            wanted.append([(left + end, product) for end, product in zip(ends, products, strict=True)])
        padded = any(0 in row for row in mask)
        self.runs.append({"tokens": rows, "mask": mask if padded else None, "how": how, "cuts": list(cuts)})
        self.wanted.append(wanted)

    def answers(self, python, library, source="", dtype="auto", **variables):
        """What the owner's code says to all runs, in one process."""
        request = json.dumps({"folder": str(self.folder), "dtype": dtype, "runs": self.runs})
        done = subprocess.run(
            [str(python), str(HERE / "driver.py"), library, str(source)],
            input=request,
            capture_output=True,
            text=True,
            timeout=1800,
            env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"} | variables,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)["answers"]

    def check(self, python, library, source="", dtype="auto", **variables):
        """All answers are right."""
        for run, found, wanted in zip(
            self.runs, self.answers(python, library, source, dtype, **variables), self.wanted, strict=True
        ):
            assert not isinstance(found, str), (run["how"], run["cuts"], found)
            for row, own in zip(found, wanted, strict=True):
                wrong = [place for place, product in own if self.reader.name(row[place]) != product]
                assert not wrong, (run["how"], run["cuts"], len(row), wrong[:5])


@pytest.mark.parametrize("name", ["S3", "Q8", "A5"])
def test_deltaproduct_of_fla(python, tmp_path, name):
    """In the dtype of its configuration: 64 tokens go by the recurrence, more by chunks."""
    owned = Owned(tmp_path, name, "deltaproduct", resets=True)
    for length in (1, 63, 64, 65, 130):
        owned.ask(owned.word(length, seed=length))
    if name == "S3":
        owned.ask(*(owned.word(length, seed=length) for length in (3, 70, 17)))
        owned.ask(*(owned.word(length, seed=length) for length in (3, 70, 17)), side="right")
        owned.ask(owned.word(70, seed=1), how="cached")
        owned.ask(owned.word(100, seed=3, resets=True))
        for cut in (1, 63, 64, 65):
            owned.ask(owned.word(70, seed=2), how="pieces", cuts=[cut])
    owned.check(python, "fla")


@pytest.mark.parametrize("target", ["deltaproduct", "delta-net"])
def test_what_fla_refuses_in_float32(python, tmp_path, target):
    """Its chunks refuse float32, and short texts do not tell; by `fused_recurrent` it runs."""
    owned = Owned(tmp_path, "S3", target)
    owned.ask(owned.word(10))
    owned.ask(owned.word(80))
    short, long = owned.answers(python, "fla", dtype="float32")
    assert not isinstance(short, str)
    assert "does not support float32" in long
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"attn_mode": "fused_recurrent"}))
    owned.check(python, "fla", dtype="float32")


@pytest.mark.parametrize(("target", "name"), [("gated-deltanet", "A5"), ("delta-net", "A5"), ("kda", "S3")])
def test_the_other_models_of_fla(python, tmp_path, target, name):
    """KDA's chunks take a minute each under the interpreter: one word of it."""
    owned = Owned(tmp_path, name, target, resets=True)
    owned.ask(owned.word(1))
    owned.ask(owned.word(30, seed=4, resets=True))
    owned.ask(owned.word(6, seed=1), how="cached")
    if target != "kda":
        owned.ask(owned.word(65, seed=2))
        owned.ask(owned.word(3, seed=3), owned.word(20, seed=5))
        owned.ask(owned.word(30, seed=2), how="pieces", cuts=[64])
    owned.check(python, "fla")


@pytest.mark.parametrize("target", ["deltaproduct", "gated-deltanet", "kda"])
def test_ten_points_in_fla(python, tmp_path, target):
    """S10, asked where points go: texts of 65 and 200 tokens (KDA's chunks: 65), beside transpositions by hand."""
    checkpoint = compile_target(parse_group("S10"), target)
    checkpoint.save(tmp_path)
    machine, reader = checkpoint.machine, SpelledWords(tmp_path)
    generator, requests, wanted = np.random.default_rng(0), [], []
    for length in (65,) if target == "kda" else (65, 200):
        text, images, answers = [], np.arange(10), []
        while not text or len(reader.tokens(text)[0]) < length:
            letter, point = generator.integers(len(machine.action)), generator.integers(10)
            images = machine.action[letter][images]
            text += [machine.letter_names[letter], f"{point + 1}?"]
            answers.append(str(1 + images[point]))
        tokens, ends = reader.tokens(text)
        requests.append({"tokens": [tokens], "how": "whole"})
        wanted.append((ends[1::2], answers))
    owned = Owned.__new__(Owned)
    owned.folder, owned.runs = tmp_path, requests
    for found, (ends, answers) in zip(owned.answers(python, "fla"), wanted, strict=True):
        assert not isinstance(found, str), found
        assert [reader.name(found[0][end]) for end in ends] == answers


@pytest.mark.parametrize("name", ["Q8", "C4", "S3"])
def test_mamba3_of_mamba_ssm(python, tmp_path, name):
    """C4 on 300 generators: with steps between 0 and the largest it was wrong from 226 tokens on."""
    owned = Owned(tmp_path, name, "mamba3", resets=True)
    owned.ask(owned.word(65))
    if name == "C4":
        owned.ask(([owned.names[1]] * 300, [owned.names[(i + 1) % 4] for i in range(300)]))
        assert owned.names[2] == cycles(owned.machine.group.elements[owned.machine.group.times(1, 1)])
    else:
        owned.ask(owned.word(300, seed=1, resets=name == "S3"))
    owned.check(python, "mamba", os.environ.get("OWNERS_MAMBA", ""), dtype="float32")


@pytest.mark.parametrize("name", ["S3", "C4"])
def test_mamba3_token_by_token(python, tmp_path, name):
    """Its step, the CuTe kernel in it by mamba_ssm's own reference; and what the language model says without help."""
    owned = Owned(tmp_path, name, "mamba3", resets=name == "S3")
    owned.ask(owned.word(100, resets=name == "S3"), how="cached", cuts=[2])
    owned.check(python, "mamba", os.environ.get("OWNERS_MAMBA", ""), dtype="float32")


def test_the_angles_of_mamba3_s_step(python, tmp_path):
    """It does not reduce them: decoded token by token, C4 is wrong at 6,886 generators, and whole texts go on."""
    owned = Owned(tmp_path, "C4", "mamba3")
    tokens, _ = owned.reader.tokens([owned.names[1]])
    command = [str(python), "-W", "ignore", str(HERE / "mamba3_step.py"), os.environ.get("OWNERS_MAMBA", "")]
    command += [str(tmp_path), *map(str, tokens)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    said = done.stdout.splitlines()[-3:]
    assert said == ["refused: Wrong shape: expected 2 dims. Received 3-dim tensor.", "6885 right", "6886 wrong"], (
        done.stderr[-1000:]
    )


@pytest.mark.parametrize("model", ["rounded", "random"])
def test_mamba3_with_a_coarse_tanh(python, tmp_path, model):
    """As coarse as the manual allows between 0 and ±1; exactness at ±32 is assumed (constructions.targets.phases)."""
    owned = Owned(tmp_path, "S3", "mamba3")
    owned.ask(owned.word(130))
    owned.check(python, "mamba", os.environ.get("OWNERS_MAMBA", ""), dtype="float32", APPROXIMATE=model)


@pytest.mark.parametrize(("name", "resets"), [("S3", False), ("A5", False), ("C2", True), ("S3", True)])
def test_pd_ssm_by_the_published_file(python, tmp_path, name, resets):
    source = environment.pd_ssm_file()
    if source is None:
        pytest.skip("no registry has PD-SSM: OWNERS_PD_SSM names pdssm.py at 8682e78")
    owned = Owned(tmp_path, name, "pd-ssm", resets)
    tokens = {token: i for i, token in enumerate(json.loads((tmp_path / "config.json").read_text())["tokens"])}
    words, products = owned.word(1000, resets=resets)
    owned.runs = [{"tokens": [[0, *(tokens[word] for word in words)]], "how": "whole"}]
    (((found,),),) = (owned.answers(python, "pd-ssm", source),)
    assert [owned.names[i] for i in found[1:]] == products


@pytest.mark.parametrize("name", ["cycle-navigation(5)", "grid(4)", "dyck(2,3)", "tomita(3)"])
def test_automata_by_the_published_file_of_pd_ssm(python, tmp_path, name):
    source = environment.pd_ssm_file()
    if source is None:
        pytest.skip("no registry has PD-SSM: OWNERS_PD_SSM names pdssm.py at 8682e78")
    checkpoint = compile_target(read_automaton(name), "pd-ssm")
    checkpoint.save(tmp_path)
    automaton = checkpoint.machine.automaton
    word = np.random.default_rng(0).integers(0, automaton.width, 1000).tolist()
    states = [automaton.start]
    for x in word:
        states.append(int(automaton.table[states[-1], x]))
    request: dict[str, Any] = {"folder": str(tmp_path), "dtype": "float32"}
    request["runs"] = [{"tokens": [[0, *(1 + x for x in word)]], "how": "whole"}]
    done = subprocess.run(
        [str(python), str(HERE / "driver.py"), "pd-ssm", str(source)],
        input=json.dumps(request), capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1000:]
    assert json.loads(done.stdout)["answers"] == [[states]]


@pytest.mark.skipif(not list(Path("/dev").glob("nvidia[0-9]*")), reason="no GPU: that its tanh is ±1 at ±32 is assumed")
def test_the_tanh_of_a_gpu_saturates(python):
    """The one assumption of the horizon of mamba3 that only a GPU can be asked for."""
    program = """
import torch, triton, triton.language as tl
@triton.jit
def kernel(x, y, n: tl.constexpr):
    i = tl.arange(0, n)
    v = tl.load(x + i)
    tl.store(y + i, tl.inline_asm_elementwise("tanh.approx.f32 $0, $1;", "=f,f", [v], tl.float32, True, 1))
x = torch.linspace(16, 48, 1024, device="cuda")
x = torch.cat([x, -x]); y = torch.empty_like(x)
kernel[(1,)](x, y, 2048)
assert (y[:1024] == 1).all() and (y[1024:] == -1).all()
"""
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "saturates.py").write_text(program)
        subprocess.run([str(python), str(Path(scratch) / "saturates.py")], check=True, timeout=300)


def test_the_clock_of_cyclic_flow(python):
    """Both operators carry C7 with nothing that decays, to a clock of 2²⁴: docs/architectures.md says so."""
    command = [str(python), "-W", "ignore", str(HERE / "cyclic_flow.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    lines = done.stdout.splitlines()
    assert len(lines) == 10, done.stderr[-1000:]
    assert all(line.endswith("right") for line in lines[:8])
    assert lines[8] == "recurrent 16777216 stands still stands still stands still"
    assert lines[9].startswith("chunked 16777216 stands still goes on")


@pytest.mark.parametrize("name", sorted({row["name"] for row in map(json.loads, USED.read_text().splitlines())}))
def test_use_is_as_the_table_says(python, name):
    """Measured again, on texts of 12 tokens; `audit` and docs/what-models-do.md say what the table says."""
    (row,) = (row for row in map(json.loads, USED.read_text().splitlines()) if row["name"] == name)
    done = subprocess.run(
        [str(python), str(HERE / "use.py"), name],
        env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1", "LONG": "0"},
        capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1000:]
    found = json.loads(done.stdout)
    if "pieces" not in row:
        assert "pieces" not in found
        return
    short = {key: value for key, value in row.items() if key != "long"}
    assert use_of(found)[:3] == use_of(short)[:3], name
    assert is_live(found)


OURS = ("Norm", "MLP", "FeedForward", "Identity", "Dropout")
ATTENTION = {"Attention", "BitAttention", "CATDecoderAttention", "DeltaFormerAttention", "ForgettingAttention", "MHA"}
ATTENTION |= {"MoBA", "MultiheadLatentAttention", "NativeSparseAttention", "Parallax", "StickBreakingAttention"}
ATTENTION |= {"SlidingWindowSharedKeyAttention", "WallAttention", "YOCOCrossAttention", "YOCOSlidingWindowAttention"}


def _odd(generator):
    """Configurations that are unusual, most of them valid."""
    sizes = {"hidden_size": 128, "vocab_size": 24, "num_heads": 4, "hidden_ratio": 1}

    def pick(*values):
        return values[int(generator.integers(len(values)))]

    def attention(count):
        places = [int(i) for i in generator.choice(count, int(generator.integers(0, min(count, 3) + 1)), replace=False)]
        return {"layers": places + [count] * (generator.random() < 0.1), "num_heads": 2} | pick({}, {"num_kv_heads": 1})

    for record in of_fla.RECORDS:
        name = record.removesuffix(" (fla)")
        for i in range(12):
            count = int(generator.integers(1, 8))
            config = sizes | {"model_type": name, "num_hidden_layers": count}
            if i and name != "yoco":
                config["attn"] = pick(None, attention(count), attention(count), [attention(count)], [])
            if i % 9 == 1:
                del config["num_hidden_layers"]
            if name in ("mamba", "mamba2"):
                config["norm_eps"] = 1e-5
            if "mamba" in name:
                config |= {"head_dim": 16, "n_groups": 1, "expand": 2, "num_heads": 16}
            if name == "nsa":
                config |= {"num_heads": 16, "num_kv_heads": 1, "head_dim": 8}
            if name == "samba":
                config["attn"] = attention(count)
            if name == "raven":
                config["topk"] = pick(1, 4)
            if name == "rodimus":
                config |= pick({}, {"block_type": "rodimus"}, {"ska_attn": {"num_heads": 2}}, {"block_type": "x"})
            if name == "yoco":
                config["num_self_decoder_layers"] = int(generator.integers(1, count + 1))
                kinds = pick("gated_deltanet", "gated_retention", "swa")
                config["self_decoder_attn"] = {"type": kinds, "num_heads": 2, "head_dim": 16} | pick(
                    {}, {"window_size": 4}
                )
                config["cross_decoder_attn"] = {"num_heads": 2}
            yield config
    for layer in ("Mamba1", "Mamba2"):
        for i in range(10):
            count = int(generator.integers(1, 7))
            yield {
                "d_model": 32, "d_intermediate": 32 * (i % 2), "n_layer": count, "vocab_size": 24,
                "ssm_cfg": {"layer": layer} | ({"headdim": 16} if layer == "Mamba2" else {}),
                "attn_layer_idx": pick([], [0], [1, 3], [-1], [count], list(range(count))),
                "attn_cfg": {"num_heads": 2}, "fused_add_norm": False,
            }  # fmt: skip


def test_layers_stand_where_audit_says(python):
    """Odd configurations, built by fla's and mamba_ssm's own classes on torch's meta device."""
    odd = list(_odd(np.random.default_rng(0)))
    done = subprocess.run(
        [str(python), str(HERE / "places.py")],
        input=json.dumps(odd), capture_output=True, text=True, timeout=1800, check=False,
        env=os.environ | {"PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1000:]
    accepted: dict[str, int] = {}
    for config, found in zip(odd, json.loads(done.stdout), strict=True):
        if isinstance(found, str):  # what the class refuses may be more than what audit reads
            continue
        kinds = [[kind for kind in block if not any(word in kind for word in OURS)] for block in found]
        recurrent = [i for i, block in enumerate(kinds) if set(block) - ATTENTION]
        assert [layer.index for layer in facts_of(config).layers] == recurrent, (config, kinds)
        name = config.get("model_type", "mamba_ssm")
        accepted[name] = accepted.get(name, 0) + 1
    missed = {record.removesuffix(" (fla)") for record in of_fla.RECORDS} - set(accepted)
    assert missed <= {"mla"}, missed  # which wants a package that wants a GPU
    assert min(accepted.values()) >= 3
