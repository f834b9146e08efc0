"""Short chunks give transformers' answers; programs as tokens are those that `words --style code` writes."""

import inspect

import numpy as np
import pytest
import torch

from subnormal.experiments.code_words import DeltaLayer, Programs, gated_delta
from subnormal.models.probing.chunks import RULE, short_chunks
from subnormal.models.prose.samples import samples_of


@pytest.mark.parametrize("model_type", ["olmo_hybrid", "qwen3_next"])
def test_short_chunks_change_nothing_but_rounding(model_type):
    pytest.importorskip("transformers")
    from subnormal.models.probing.architectures import answers, read_architecture

    module = read_architecture(model_type).build(3, 6, 0).eval()
    words = torch.from_numpy(np.random.default_rng(0).integers(3, size=(3, 150)))
    with torch.no_grad():
        whole = answers(module, words, 6)
        with short_chunks(module):
            seen = inspect.getmodule(next(p for p in module.modules() if hasattr(p, "A_log")))
            assert getattr(seen, RULE).keywords == {"chunk_size": 16}
            short = answers(module, words, 6)
    assert not hasattr(getattr(seen, RULE), "keywords")  # as it was
    assert torch.allclose(whole, short, atol=2e-5), float((whole - short).abs().max())


def test_the_rule_comes_back_after_an_error():
    olmo = pytest.importorskip("transformers.models.olmo_hybrid.modeling_olmo_hybrid")
    before = getattr(olmo, RULE)
    part = olmo.OlmoHybridRMSNorm(4)
    with pytest.raises(ZeroDivisionError), short_chunks(part, 8):
        1 // (getattr(olmo, RULE) is before)
    assert getattr(olmo, RULE) is before


@pytest.mark.parametrize("name", ["S3", "C2xC2"])
def test_programs_are_those_of_the_style(name):
    programs = Programs.of(name)
    sample_of = {tuple(s.letters): s for s in samples_of(programs.task, "code", 40, 6, seed=3)}
    for letters, sample in sample_of.items():
        lines = sample.prompt.split("\n")
        ids = [programs.lines.index(line) for line in lines]
        assert ids[1:-1] == list(letters)
        label = int(programs.task.labels(np.array([letters]))[0, -1])
        asked = ids[-1] - len(programs.task.alphabet) - 1
        assert programs.values[programs.answers[label, asked]] == sample.answer


def test_drawn_programs_are_right_when_python_runs_them():
    programs = Programs.of("S3")
    ids, places, right = programs.drawn(np.arange(1, 9), np.random.default_rng(5))
    for row, place, value in zip(ids.tolist(), places.tolist(), right.tolist(), strict=True):
        *program, question = [programs.lines[i] for i in row[: place + 1]]
        variables: dict[str, int] = {}
        exec("\n".join(program), variables)
        assert str(variables[question[len("print(")]]) == programs.values[value]


def test_the_delta_rule_is_that_of_transformers():
    olmo = pytest.importorskip("transformers.models.olmo_hybrid.modeling_olmo_hybrid")
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 9, 3, 4, generator=generator) for _ in range(3))
    query, key = (torch.nn.functional.normalize(one, dim=-1) for one in (query, key))
    decay, beta = (torch.rand(2, 9, 3, generator=generator) for _ in range(2))
    theirs, _ = olmo.torch_recurrent_gated_delta_rule(query, key, value, g=decay.log(), beta=2 * beta)
    ours = gated_delta(query, key, value, decay[..., None, None], 2 * beta[..., None, None])
    assert torch.allclose(ours, 2 * theirs, atol=1e-5)  # theirs divides queries by √4


def test_the_delta_layer_is_causal():
    torch.manual_seed(0)
    layer, ids = DeltaLayer(5, 3, negative=True), torch.arange(10).remainder(5)[None]
    other = ids.clone()
    other[0, 6:] = 0
    assert torch.equal(layer(ids)[0, :6], layer(other)[0, :6])
