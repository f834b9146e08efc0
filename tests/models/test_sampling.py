"""Answers that are sampled at temperature 1, as servers do it, and not chosen: the right logit stands far above."""

import numpy as np
import pytest
import torch

from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.constructions.targets.compiler import compile_target
from subnormal.constructions.targets.mamba3 import SIGN_ERROR
from subnormal.constructions.targets.phases import UNITS
from subnormal.constructions.targets.sampling import WRONG
from subnormal.models.network import DCDNetwork
from subnormal.models.references.fla import FlaReference
from subnormal.models.references.mamba3 import Mamba3Reference
from subnormal.models.references.pd_ssm import PDSSMReference
from subnormal.models.references.trial import SpelledWords
from tests.cases import group

MOST = float(WRONG)


def wrong(logits):
    """The largest probability of anything but the best logit, in exact enough arithmetic."""
    values = logits.double()
    best = values.argmax(-1, keepdim=True)
    return float(values.softmax(-1).scatter(-1, best, 0.0).sum(-1).max())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", ["C2", "S3", "Q8", "S4", "A5", "C3xC3", "C2xC2xC2xC2xC2", "S5"])
def test_olmo_hybrid_samples_the_product(tmp_path, name, dtype):
    pytest.importorskip("transformers")
    from subnormal.models.references.hugging_face import load

    checkpoint = compile_target(group(name), "olmo-hybrid")
    machine = checkpoint.machine
    checkpoint.save(tmp_path / "x")
    tokenizer, model = load(tmp_path / "x", dtype)
    generator = np.random.default_rng(1)
    words = [generator.choice(machine.alphabet, 12) for _ in range(16)]
    torch.manual_seed(0)
    for word in words:
        tokens = tokenizer(" ".join(cycles(machine.group.elements[x]) for x in word), return_tensors="pt")
        with torch.no_grad():
            logits = model(**tokens).logits[0, -1]
            drawn = model.generate(
                **tokens, do_sample=True, temperature=1.0, top_k=0, max_new_tokens=1, num_return_sequences=64
            )
        assert torch.isfinite(logits).all()
        assert wrong(logits[None]) < MOST
        answers = set(tokenizer.convert_ids_to_tokens(drawn[:, -1].tolist()))
        assert answers == {cycles(machine.group.elements[machine.group.product(word)])}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_an_unknown_word_is_answered_as_surely(tmp_path, dtype):
    pytest.importorskip("transformers")
    from subnormal.models.references.hugging_face import load

    compile_target(group("Q8"), "olmo-hybrid").save(tmp_path / "x")
    tokenizer, model = load(tmp_path / "x", dtype)
    with torch.no_grad():
        logits = model(**tokenizer("nonsense", return_tensors="pt")).logits[0, -1]
    assert tokenizer.convert_ids_to_tokens(int(logits.argmax())) == "[UNK]"
    assert wrong(logits[None]) < MOST


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
OTHERS = [
    *((target, dtype) for target in ("deltaproduct", "gated-deltanet", "delta-net", "kda") for dtype in DTYPES),
    *(("mamba3", dtype) for dtype in ("float32", "bfloat16")),
    *(("pd-ssm", "float32"), ("delta", "float32")),
]


def logits_of(folder, target, machine, letters, dtype):
    """The logits after each element, and the number of the first answer; `letters` count in the alphabet."""
    if target == "delta":
        with torch.no_grad():
            return DCDNetwork.from_pretrained(folder)(torch.from_numpy(letters)[None])[0], 0
    if target == "pd-ssm":
        return PDSSMReference(folder).logits(torch.from_numpy(np.pad(letters + 1, (1, 0))))[1:], 0
    reader = SpelledWords(folder)
    names = [cycles(row) for row in machine.group.elements]
    tokens, ends = reader.tokens([names[machine.alphabet[i]] for i in letters])
    if target == "mamba3":
        logits = Mamba3Reference(folder, dtype).logits(torch.tensor([tokens]))[0]
    else:
        logits = FlaReference(folder, dtype).logits(torch.tensor(tokens))
    return logits[ends], logits.shape[1] - len(names)


@pytest.mark.parametrize("name", ["C2", "S3", "Q8", "S4", "A5"])
@pytest.mark.parametrize(("target", "dtype"), OTHERS)
def test_the_other_targets(tmp_path, name, target, dtype):
    if (name, target) in (("A5", "mamba3"), ("Q8", "delta")):
        pytest.skip("cannot be written")
    machine = (checkpoint := compile_target(group(name), target)).machine
    if target == "mamba3" and machine.horizon(dtype) < 40:
        pytest.skip("nothing is proved of words so long")
    checkpoint.save(tmp_path / "x")
    letters = np.random.default_rng(0).integers(len(machine.alphabet), size=40)
    logits, first = logits_of(tmp_path / "x", target, machine, letters, DTYPES[dtype])
    word = [int(machine.alphabet[i]) for i in letters]
    assert torch.isfinite(logits).all()
    assert (logits.argmax(-1) - first).tolist() == [machine.group.product(word[: i + 1]) for i in range(len(word))]
    assert wrong(logits) < MOST


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["S3", "S4", "C60", "C2^6", "SL(2,3)"])
def test_the_gap_of_mamba3(tmp_path, name, dtype):
    """Divided by its factor the right logit stands 1 - 8F·max(p, 18u) above all others, as is proved."""
    checkpoint = compile_target(group(name), "mamba3", "generators")
    machine = checkpoint.machine
    length = min(60, machine.horizon(dtype))
    if not length:
        pytest.skip("nothing is proved")
    checkpoint.save(tmp_path / "x")
    letters = np.random.default_rng(0).integers(len(machine.alphabet), size=length)
    reference = Mamba3Reference(tmp_path / "x", DTYPES[dtype])
    logits = reference.logits(torch.tensor([[2, *(3 + letters)]]))[0, 1:].double()
    channels = sum(len(layer) for layer in machine.channels)
    factor = float(reference.weights["lm_head.weight"][0].max()) / (2 * channels - 1)
    best = logits.topk(2, dim=-1).values
    error = max(UNITS[dtype][1], SIGN_ERROR)
    assert float((best[:, 0] - best[:, 1]).min()) / factor >= 1 - 8 * channels * error
    # The last norms leave signs, so logits are the sums of 2F of them to within 2F·36u; in bfloat16 exactly.
    whole = logits / factor
    apart = float((whole - whole.round()).abs().max())
    assert apart <= (0 if dtype == "bfloat16" else 72 * channels * 2.0**-24)
